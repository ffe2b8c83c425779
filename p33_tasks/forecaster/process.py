"""The forecaster as a process: it logs its start and end, and stores its state on SIGTERM."""

from __future__ import annotations

import structlog

from p33_tasks.bootstrap.alive import MAIN, Sign, runtime_dir
from p33_tasks.bootstrap.journal import write_error
from p33_tasks.bootstrap.logs import configure_logging
from p33_tasks.bootstrap.notify import notify_ready, notify_stopping
from p33_tasks.bootstrap.runtime import Runtime, runtime
from p33_tasks.bootstrap.stopping import stop_on_signals
from p33_tasks.errors import ConfigurationError
from p33_tasks.log_events import LogEvent

WRONG_USAGE = 2

log = structlog.get_logger("p33.forecast")


def run(here: Runtime) -> None:
    """Forecast until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: ``P33_FORECAST`` is off.
        ModuleNotFoundError: The extra ``forecast`` isn't installed.
    """
    if here.settings.forecast != "on":
        raise ConfigurationError("P33_FORECAST=off: set it to on for this process, and for the workers and beat")
    configure_logging(here.settings)
    stop = stop_on_signals()
    # Not earlier: numpy starts threads at import, and a SIGTERM that one of them doesn't block ends the process.
    from p33_tasks.forecaster.service import Forecaster  # noqa: PLC0415

    sign = Sign(folder=runtime_dir(here.settings.runtime_dir), role="forecaster")
    sign.begin()
    notify_ready("forecasts")
    Forecaster(here, stop, show_life=lambda: sign.show(MAIN)).run()
    notify_stopping()
    sign.end()
    log.info(LogEvent.FORECASTER_STOPPED)


def main() -> int:
    """Run the forecaster. Returns 0 after a signal, 2 for an unusable configuration."""
    try:
        run(runtime())
    except ConfigurationError as error:
        write_error(f"p33 forecaster: {error}")
        return WRONG_USAGE
    return 0
