"""Writes the forecaster's keys: forecasts, requests for an earlier refresh, warnings, status and state."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import structlog

from p33_tasks.contract.forecast_status import Ahead, ForecastStatus, encode_status
from p33_tasks.contract.forecasts import MOST_READ, forecast_fields
from p33_tasks.contract.keys import Keys
from p33_tasks.domain.forecasts import Forecast
from p33_tasks.errors import CorruptStateError
from p33_tasks.forecaster.hazard import HORIZON_SEC
from p33_tasks.forecaster.issuing import Issue
from p33_tasks.forecaster.state import Learned, beginning, decode_state, encode_state
from p33_tasks.log_events import LogEvent
from p33_tasks.store.scripts import Scripts, translated_errors

if TYPE_CHECKING:
    import redis

SOURCE = "p33-forecaster"
WARNINGS_MAXLEN = 1_000
STATUS_TTL_MS = 86_400_000
DAMAGED_TTL_MS = 7 * 86_400_000
LEASE_MS = 15_000
"""After this time another forecaster replaces one that was killed; a cycle with 2 000 positions is far shorter."""

log = structlog.get_logger("p33.forecast")


class ForecastStore:
    """The forecaster's keys."""

    def __init__(self, client: redis.Redis, keys: Keys, *, poll_ms: int) -> None:
        self._client = client
        self._keys = keys
        self._scripts = Scripts(client)
        self._poll_ms = poll_ms

    def keep_lease(self, token: str) -> bool:
        """Take or renew the lease of this account's forecaster; False: another process has it."""
        reply = self._scripts.run(
            "lease_consumer", {"lease_key": self._keys.forecast_lease}, {"token": token, "ttl_ms": LEASE_MS}
        )
        return str(reply[0]) == "mine"

    def give_back(self, token: str) -> None:
        """Release the lease, so that the next forecaster starts at once."""
        self._scripts.run("release_consumer", {"lease_key": self._keys.forecast_lease}, {"token": token})

    def load(self) -> Learned:
        """The stored state; an unreadable state is logged and replaced by a new one.

        Raises:
            StoreError: Redis is unavailable, or refuses.
        """
        keys = self._keys
        with translated_errors():
            kind = str(self._client.type(keys.forecast_state))
            text: Any = self._client.get(keys.forecast_state) if kind == "string" else None
            if kind == "none":
                return beginning()
            try:
                return decode_state(text or f"a value of the type {kind}")
            except CorruptStateError as error:
                self._client.rename(keys.forecast_state, keys.forecast_state_damaged)
                self._client.pexpire(keys.forecast_state_damaged, DAMAGED_TTL_MS)
                log.error(LogEvent.FORECAST_STATE_DAMAGED, error=str(error), kept_as=keys.forecast_state_damaged)  # noqa: TRY400 - the sentence is all
                return beginning()

    def save(self, learned: Learned) -> None:
        """Store the learned state, replacing the old one."""
        with translated_errors():
            self._client.set(self._keys.forecast_state, encode_state(learned))

    def publish(self, issues: Sequence[Issue], warnings: Sequence[Ahead], *, wishes_at_ms: int | None) -> None:
        """Publish forecasts, new warnings, and a request for an earlier refresh, in one round trip.

        Args:
            issues: The most likely first.
            warnings: The new warnings.
            wishes_at_ms: Redis TIME; None: the next tick is early enough.
        """
        keys = self._keys
        with translated_errors():
            pipeline = self._client.pipeline(transaction=False)
            for issue in issues:
                fields: Any = forecast_fields(_forecast(issue), source=SOURCE)
                pipeline.xadd(keys.forecasts, fields, maxlen=MOST_READ, approximate=True)
            for ahead in warnings:
                entry: Any = {
                    "position": ahead.position,
                    "action": ahead.action,
                    "probability": f"{ahead.probability:.4f}",
                    "reason": ahead.reason,
                    "words": ahead.words,
                }
                pipeline.xadd(keys.warnings, entry, maxlen=WARNINGS_MAXLEN, approximate=True)
            if wishes_at_ms is not None:
                pipeline.set(keys.refresh_wish, wishes_at_ms, px=self._poll_ms)
            pipeline.execute()

    def show(self, status: ForecastStatus) -> None:
        """Store the status with the scores."""
        with translated_errors():
            self._client.set(self._keys.forecast_status, encode_status(status), px=STATUS_TTL_MS)

    def refreshed_ms(self) -> int | None:
        """Redis TIME in ms of the last successful request of positions; None: none, or the key is unreadable."""
        with translated_errors():
            found: Any = self._client.hget(self._keys.refresh, "succeeded_ms")
        return int(found) if isinstance(found, str) and found.isascii() and found.isdecimal() else None


def _forecast(issue: Issue) -> Forecast:
    return Forecast(
        symbol=issue.sight.symbol,
        leg=issue.sight.leg,
        close_factor=Decimal(issue.action),
        probability=Decimal(f"{min(1.0, issue.probability):.4f}"),
        added_ms=0,  # that of the entry's id
        horizon_ms=HORIZON_SEC * 1000,
    )
