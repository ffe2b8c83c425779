"""One harness under atheris; ``python -m tests.fuzz.one NAME`` and libFuzzer's own options."""

from __future__ import annotations

import logging
import sys

import atheris

with atheris.instrument_imports(include=["p33_tasks", "json"]):
    from tests.fuzz.harnesses import HARNESSES

if __name__ == "__main__":
    logging.disable()
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, HARNESSES[name])
    atheris.Fuzz()
