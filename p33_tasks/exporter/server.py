"""The exporter as a process: listens, logs its address, ends cleanly on SIGTERM."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal

import structlog
from aiohttp import web

from p33_tasks.bootstrap.journal import write_error
from p33_tasks.bootstrap.logs import configure_logging
from p33_tasks.bootstrap.notify import notify_ready, notify_stopping
from p33_tasks.errors import ConfigurationError
from p33_tasks.exporter.app import make_app
from p33_tasks.exporter.connections import close_old_connections
from p33_tasks.log_events import LogEvent
from p33_tasks.settings import Settings, load_settings

log = structlog.get_logger("p33.exporter")

SHUTDOWN_SEC = 2.0
WRONG_USAGE = 2


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: The address can't be listened on, or the settings can't be used.
    """
    configure_logging(settings)
    # An incomplete request of a foreign client is not our error, and would fill the log.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    runner = web.AppRunner(make_app(settings), access_log=None, shutdown_timeout=SHUTDOWN_SEC)
    await runner.setup()
    # Imported objects stay: otherwise the collector would check them all at each scrape of 600 symbols.
    gc.collect()
    gc.freeze()
    try:
        await _listen(runner, settings)
        if runner.server is None:
            raise AssertionError("a runner that was set up has a server")
        closing = asyncio.create_task(close_old_connections(runner.server))
        notify_ready("serves metrics")
        await stop.wait()
        notify_stopping()
        closing.cancel()
    finally:
        await runner.cleanup()
    log.info(LogEvent.EXPORTER_STOPPED)


async def _listen(runner: web.AppRunner, settings: Settings) -> None:
    host, port = settings.metrics_host, settings.metrics_port
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise ConfigurationError(
            f"P33_METRICS_HOST={host} P33_METRICS_PORT={port}: can't listen there ({error.strerror or error}); "
            "stop what listens on it, or choose another address"
        ) from error
    # With port 0 the system has chosen one.
    places = [f"http://{_in_url(address[0])}:{address[1]}/" for address in runner.addresses]
    log.info(LogEvent.EXPORTER_LISTENING, url=" ".join(places), redis_prefix=settings.key_prefix)


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def main() -> int:
    """``python -m p33_tasks.exporter``: 0 after a signal, 2 for a configuration that can't be used."""
    try:
        run(load_settings())
    except ConfigurationError as error:
        write_error(f"p33 exporter: {error}")
        return WRONG_USAGE
    return 0
