"""The demo's forecasts: ``python -m p33_tasks.demo.up.foretell``. The producer will send such plans.

Publishes forecasts without a model, so that prepared verdicts can be tried within a minute. With P33_FORECAST=on it
doesn't run: then every forecast is the model's.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

from p33_tasks.contract.keys import Keys
from p33_tasks.contract.snapshots import HEDGE
from p33_tasks.demo.loops import repeat, serve
from p33_tasks.settings import Settings
from p33_tasks.store.connection import connect
from p33_tasks.store.scripts import translated_errors

ACTIONS = ("CLOSE_PARTIAL_75", "CLOSE_PARTIAL_50")
"""The actions of nearly all plans of the cases."""
EVERY_SEC = 5.0
HORIZON_SEC = 15


def foretell(settings: Settings, stop: threading.Event) -> None:
    """Forecast plans for every symbol, repeatedly, until ``stop`` is set."""
    client, keys = connect(settings.state_url), Keys(settings.key_prefix)

    def turn() -> None:
        with translated_errors():
            pipeline = client.pipeline(transaction=False)
            for symbol in settings.allowlist:
                hedged = client.hget(keys.snapshot(symbol), "position_mode") == HEDGE
                for side in ({"positionSide": "LONG"}, {"positionSide": "SHORT"}) if hedged else ({},):
                    for action in ACTIONS:
                        entry = {"symbol": symbol, "action": action, "horizon_sec": str(HORIZON_SEC), "source": "demo"}
                        pipeline.xadd(keys.forecasts, dict[Any, Any](entry | side))
            pipeline.execute()
        stop.wait(EVERY_SEC)

    repeat(turn, stop, who="foretell")


if __name__ == "__main__":
    sys.exit(serve(foretell))
