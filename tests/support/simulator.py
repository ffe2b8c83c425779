"""A simulated exchange in a process of its own, for any test that crosses HTTP."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal

from p33_tasks.demo.exchange.client import SimControl

STOP_TIMEOUT_SEC = 5


@contextmanager
def running_simulator(
    *, symbols: Mapping[str, Decimal | str] | None = None, **options: str | int | bool
) -> Iterator[SimControl]:
    """Starts ``python -m p33_tasks.demo.exchange`` on a free port and ends it afterwards.

    ``symbols`` are signed start positions; every other keyword is an option of the command line with underscores,
    such as ``latency_ms=100``, ``extra_symbols=600``, ``api_key="K"``, ``weight_limit=50``.
    """
    command = [
        sys.executable,
        "-m",
        "p33_tasks.demo.exchange",
        "--exit-with-parent",
        *_arguments(symbols or {}, options),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()  # blocks until it listens, or returns "" when it died
        assert line.startswith("listening on "), f"the simulator did not start: {line!r}, exit code {process.poll()}"
        key, secret = str(options.get("api_key", "demo")), str(options.get("api_secret", "demo"))
        yield SimControl(line.split()[-1], api_key=key, api_secret=secret)
    finally:
        _stop(process)


def _arguments(symbols: Mapping[str, Decimal | str], options: Mapping[str, str | int | bool]) -> list[str]:
    arguments = ["--symbols", ",".join(f"{symbol}={amt}" for symbol, amt in symbols.items())] if symbols else []
    for name, value in options.items():
        arguments += [f"--{name.replace('_', '-')}", str(value)]
    return arguments


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_SEC)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
