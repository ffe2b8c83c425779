"""``python -m p33_tasks.demo.exchange``: one simulator in a separate process.

Prints ``listening on http://127.0.0.1:PORT`` once it accepts connections. SIGTERM and SIGINT end it with code 0.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from aiohttp import web

from p33_tasks.demo.exchange.core.codes import VenueError
from p33_tasks.demo.exchange.faults import FaultError
from p33_tasks.demo.exchange.fronts.registry import FRONTS
from p33_tasks.demo.exchange.limits import LimitSettings
from p33_tasks.demo.exchange.options import HOST, SimOptions
from p33_tasks.demo.exchange.server import make_app
from p33_tasks.demo.exchange.simulation import Simulation

_SHUTDOWN_SEC: Final = 0.5
_PARENT_CHECK_SEC: Final = 0.2
_USAGE_ERROR: Final = 2


def positions(text: str) -> dict[str, Decimal]:
    """Reads ``BTCUSDT=0.038,ETHUSDT=-1.2``, the venue's own symbols; a symbol alone is flat."""
    found: dict[str, Decimal] = {}
    for entry in filter(None, text.split(",")):
        symbol, _, amount = entry.partition("=")
        try:
            amt = Decimal(amount or "0")
        except InvalidOperation as error:
            raise argparse.ArgumentTypeError(f"{entry!r}: the amount must be a decimal, as in BTCUSDT=0.038") from error
        if not amt.is_finite():
            raise argparse.ArgumentTypeError(f"{entry!r}: the amount must be finite")
        found[symbol.strip()] = amt
    return found


def parser() -> argparse.ArgumentParser:
    """The command line."""
    defaults, limits = SimOptions(), LimitSettings()
    result = argparse.ArgumentParser(
        prog="python -m p33_tasks.demo.exchange", description="A loopback futures exchange."
    )
    add = result.add_argument
    add("--exchange", choices=sorted(FRONTS), default=defaults.exchange, help="whose API it has")
    add("--port", type=int, default=defaults.port, help="0 takes a free one")
    add("--symbols", type=positions, default={}, metavar="SYMBOL=AMT,...", help="positions held at the start")
    add("--hedge", action="store_true", help="the account begins in hedge mode")
    add("--extra-symbols", type=int, default=0, metavar="N", help="list N synthetic symbols besides the usual ones")
    add("--latency-ms", type=int, default=0, help="delay of every answer")
    add("--api-key", help="the one it knows; usually the demo's")
    add("--api-secret")
    add("--seed", type=int, default=defaults.seed, help="of the prices")
    add("--weight-limit", type=int, default=limits.weight_per_minute, help="request weight per minute")
    add("--ban-after", type=int, default=limits.ban_after, help="429s in a minute after which the address is banned")
    add("--ban-sec", type=int, default=limits.ban_sec, help="how long a ban lasts")
    add("--exit-with-parent", action="store_true", help="end when the process that started this one ends")
    return result


def options_from(arguments: argparse.Namespace) -> SimOptions:
    """The start values from the command line."""
    limits = LimitSettings(
        weight_per_minute=arguments.weight_limit, ban_after=arguments.ban_after, ban_sec=arguments.ban_sec
    )
    demo_key = FRONTS[arguments.exchange].demo_key
    return SimOptions(
        exchange=arguments.exchange,
        port=arguments.port,
        positions=arguments.symbols,
        hedged=arguments.hedge,
        extra_symbols=arguments.extra_symbols,
        latency_ms=arguments.latency_ms,
        api_key=arguments.api_key or demo_key.key,
        api_secret=arguments.api_secret or demo_key.secret,
        seed=arguments.seed,
        limits=limits,
    )


async def serve(options: SimOptions, *, parent_pid: int | None) -> None:
    """Serves until a signal, or until the parent has ended."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    front = FRONTS[options.exchange]
    sim = Simulation(options, front.symbol, has_hedge_mode=front.has_hedge_mode)
    runner = web.AppRunner(make_app(sim), access_log=None, shutdown_timeout=_SHUTDOWN_SEC)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, options.port)
        await site.start()
        print(f"listening on {_url(runner)}", flush=True)  # noqa: T201 (whoever started it waits for this line)
        await _until(stop, parent_pid)
    finally:
        await runner.cleanup()


async def _until(stop: asyncio.Event, parent_pid: int | None) -> None:
    while parent_pid is None or os.getppid() == parent_pid:
        try:
            await asyncio.wait_for(stop.wait(), timeout=None if parent_pid is None else _PARENT_CHECK_SEC)
        except TimeoutError:
            continue
        return


def _url(runner: web.AppRunner) -> str:
    host, port, *_ = runner.addresses[0]
    return f"http://{host}:{port}"


def _wrong_usage(text: str) -> int:
    sys.stderr.write(f"{text}\n")
    return _USAGE_ERROR


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the simulator; 2 for wrong usage or a port that is taken."""
    parent_pid = os.getppid()
    arguments = parser().parse_args(argv)
    try:
        asyncio.run(serve(options_from(arguments), parent_pid=parent_pid if arguments.exit_with_parent else None))
    except FaultError as error:
        return _wrong_usage(f"--hedge: {error}")
    except VenueError as error:
        return _wrong_usage(f"--symbols has a contract that is not listed, or an amount that cannot be: {error}")
    except OSError as error:
        return _wrong_usage(f"cannot listen on {HOST}:{arguments.port}: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
