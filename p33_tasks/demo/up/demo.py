"""The demo's configuration and processes: nothing of the user's own configuration is read or touched."""

from __future__ import annotations

import os
import secrets
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from p33_tasks.demo.up.processes import Child
from p33_tasks.venues.build import venue_spec, venue_specs

PRODUCER, STRATEGY, EXECUTOR = "producer", "strategy", "apply"
USUAL_METRICS_PORT = 8045
POSITIONS = {
    "BTC": "0.038",
    "ETH": "-1.2",
    "SOL": "25",
    "XRP": "-4000",
    "DOGE": "15000",
}
"""Long and short by base asset, signed base quantities."""

STRATEGY_BASES = tuple(f"SIM{number:03d}" for number in range(64))
"""Base assets that only the strategy trades, with P33_FORECAST=on: made-up contracts of the simulator."""

EXCHANGES = tuple(venue_specs())
"""The choices of ``--exchange``; ``why_not`` refuses some later, so that ``--help`` needs no web server's import."""

TRIED = (
    "P33_COOLDOWN_MODE",
    "P33_COOLDOWN_MAX_SEC",
    "P33_PREPARE",
    "P33_PREPARE_MAX",
    "P33_FORECAST",
    "P33_RECONCILE_MODE",
    "P33_RECONCILE_EXTERNAL",
    "P33_RECONCILE_KEY",
    "P33_SUBTRACT_RESTING",
)
"""The user's variables that the demo uses; none of them is an address or a key of a real system."""

# Environment variables that children inherit. No others are: no REDIS_HOST, API key or CELERY_*.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "NO_COLOR")


def demo_settings(
    *, redis_url: str, broker_url: str, exchange_url: str, metrics_port: int, exchange: str = EXCHANGES[0]
) -> dict[str, str]:
    """The demo's variables: the usual limits, with short periods, so that much happens within a minute."""
    return {
        "P33_REDIS_URL": redis_url,
        "P33_BROKER_URL": broker_url,
        "P33_KEY_PREFIX": "quantum",
        "P33_ALLOWLIST": ",".join([*_held(exchange), *(strategy_symbols(exchange) if forecasts() else ())]),
        "P33_POLL_SEC": f"{max(1_000, venue_spec(exchange).least_poll_ms) / 1000:g}",
        "P33_STALE_THRESHOLD_SEC": "4",
        "P33_COOLDOWN_SEC": "4",
        "P33_PERMIT_TTL": "15",
        "P33_PLAN_MAX_AGE_SEC": "20",
        "P33_LEDGER_BOOTSTRAP": "adopt",
        **({} if prepares() else {"P33_PERMIT_SIGNING_KEY": secrets.token_hex(16)}),
        "P33_RECONCILE_KEY": secrets.token_hex(16),
        "P33_METRICS_HOST": "127.0.0.1",
        "P33_METRICS_PORT": str(metrics_port),
        "P33_EXCHANGE": exchange,
        "P33_EXCHANGE_BASE_URL": exchange_url,
        **account_of(exchange),
        **{name: os.environ[name] for name in TRIED if name in os.environ},
    }


def why_not(exchange: str, *, hedge: bool) -> str | None:
    """The error text if the simulator can't simulate this venue with these options; None if it can."""
    from p33_tasks.demo.exchange.fronts.registry import FRONTS

    if exchange not in FRONTS:
        return (
            f"the simulator has no front of {exchange}: choose one of {', '.join(FRONTS)}, "
            "or add a front (docs/adding-a-venue.md)"
        )
    if hedge and not venue_spec(exchange).has_hedge_mode:
        return f"{exchange} has no hedge mode: leave out --hedge"
    return None


def prepares() -> bool:
    """Whether prepared verdicts are on. Permits are then unsigned, since a signed permit is never prepared."""
    return _is_on("P33_PREPARE")


def forecasts() -> bool:
    """Whether the forecaster runs, too."""
    return _is_on("P33_FORECAST")


def _is_on(name: str) -> bool:
    return os.environ.get(name, "").strip().lower() == "on"


def _held(exchange: str) -> dict[str, str]:
    """``POSITIONS`` by the venue's own symbols."""
    from p33_tasks.demo.exchange.fronts.registry import FRONTS

    return {FRONTS[exchange].symbol(base): amount for base, amount in POSITIONS.items()}


def strategy_symbols(exchange: str) -> tuple[str, ...]:
    """``STRATEGY_BASES`` by the venue's own symbols."""
    from p33_tasks.demo.exchange.fronts.registry import FRONTS

    return tuple(map(FRONTS[exchange].symbol, STRATEGY_BASES))


def account_of(exchange: str) -> dict[str, str]:
    """The variables of the venue's API key and test environment; every front knows one key."""
    from p33_tasks.demo.exchange.fronts.registry import FRONTS

    spec, known = venue_spec(exchange), FRONTS[exchange].demo_key
    pair = spec.credentials[0]
    password = {} if pair.password is None else {pair.password: "demo"}
    return {pair.key: known.key, pair.secret: known.secret, **password, spec.testnet_variable: "true"}


def write_env_file(path: Path, settings: dict[str, str]) -> None:
    """Write the settings for other terminals (``set -a; . FILE``) and the children; readable by this user only."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in settings.items())


def write_p33(path: Path, env_file: Path) -> Path:
    """Write a script that runs this ``p33`` with the settings of that file; its path is short enough to copy."""
    program = shlex.join(python("p33_tasks.cli"))
    text = f'#!/bin/sh\nset -a\n. {shlex.quote(str(env_file))}\nexec {program} "$@"\n'
    path.write_text(text, "utf-8")
    path.chmod(0o700)
    return path


def child_environment(env_file: Path) -> dict[str, str]:
    """The children's environment: inherited variables and the file's. The named file replaces the one in /etc."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**inherited, "P33_ENV_FILE": str(env_file), "PYTHONUNBUFFERED": "1"}


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """The command that runs a module with this interpreter."""
    return (sys.executable, "-m", module, *arguments)


def service_children() -> Iterator[Child]:
    """The service's processes, the same as in the Procfile and in a deployment."""
    yield Child(name="worker", command=python("celery", "-A", "p33_tasks", "worker", "-E"))
    yield Child(name="beat", command=python("celery", "-A", "p33_tasks", "beat"))
    yield Child(name="exporter", command=python("p33_tasks.cli", "exporter"))
    if forecasts():
        yield Child(name="forecaster", command=python("p33_tasks.cli", "forecaster"))


def governor_children(*options: str) -> Iterator[Child]:
    """The reference governor."""
    yield Child(name="governor", command=python("p33_tasks.demo.governor", *options))


def apply_children() -> Iterator[Child]:
    """The reference apply layer. It sends orders."""
    yield Child(name=EXECUTOR, command=python("p33_tasks.demo.executor.apply_layer"))


def demo_children(exchange_url: str, exchange: str = EXCHANGES[0], *, hedge: bool = False) -> Iterator[Child]:
    """The processes of the service and of the demo. Another process is one line here."""
    port = exchange_url.rpartition(":")[2]
    held = ",".join(f"{symbol}={amount}" for symbol, amount in _held(exchange).items())
    options = ("--exchange", exchange, "--port", port, "--symbols", held, "--exit-with-parent")
    mode = ("--hedge",) if hedge else ()
    more = ("--extra-symbols", str(len(STRATEGY_BASES))) if forecasts() else ()
    yield Child(name="exchange", command=python("p33_tasks.demo.exchange", *options, *mode, *more))
    yield from service_children()
    yield from governor_children("--per-5-min", "100000", "--per-hour", "1000000", "--daily-notional", "1000000000000")
    yield from apply_children()
    if forecasts():
        yield Child(name=STRATEGY, command=python("p33_tasks.demo.up.strategy", exchange_url))
    elif prepares():
        yield Child(name="foretell", command=python("p33_tasks.demo.up.foretell"))
    yield Child(name=PRODUCER, command=python("p33_tasks.demo.up.producer", exchange_url))
