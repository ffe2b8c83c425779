"""The drifts that reconciliation is processing: their class and the next step. Read-only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from p33_tasks.contract.drifts import DRIFT_FIELDS, KnownDrift, decode_drift
from p33_tasks.contract.keys import Keys
from p33_tasks.contract.positions import position_key
from p33_tasks.domain.models import Leg
from p33_tasks.store.scripts import translated_errors
from p33_tasks.views.position_reads import raise_unless_about_a_key

if TYPE_CHECKING:
    import redis

_COMMANDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftingPosition:
    """One drift of a position."""

    symbol: str
    leg: Leg
    exchange_amt: str  # as stored
    ledger_amt: str
    known: KnownDrift
    now_ms: int

    @property
    def position(self) -> str:
        """The position key."""
        return position_key(self.symbol, self.leg)

    @property
    def sentence(self) -> str:
        """The amounts and the state of reconciliation, as a sentence."""
        amounts = f"exchange {self.exchange_amt}, ledger {self.ledger_amt}"
        return f"{amounts}: {self.known.sentence(self.now_ms)}"


def read_drifts(client: redis.Redis, keys: Keys, symbols: Sequence[str]) -> tuple[DriftingPosition, ...]:
    """The drifts of these symbols, in their order.

    Raises:
        StoreError: Redis is unavailable, or refuses.
    """
    positions = [(symbol, leg) for symbol in symbols for leg in Leg]
    with translated_errors():
        pipeline = client.pipeline(transaction=False)
        pipeline.time()
        for at in positions:
            pipeline.hmget(keys.snapshot(*at), ("position_amt",))
            pipeline.hmget(keys.ledger(*at), ("last_known_amt",))
            pipeline.hmget(keys.reconcile_case(*at), DRIFT_FIELDS)
        time, *replies = pipeline.execute(raise_on_error=False)
        raise_unless_about_a_key((time, *replies))
    now_ms = time[0] * 1000 + time[1] // 1000
    found = (_read(at, replies[_COMMANDS * place :][:_COMMANDS], now_ms) for place, at in enumerate(positions))
    return tuple(drift for drift in found if drift is not None)


def _read(at: tuple[str, Leg], replies: list[Any], now_ms: int) -> DriftingPosition | None:
    if any(isinstance(reply, Exception) for reply in replies):
        return None  # a foreign value under one of the keys: this position is unknown
    (exchange_amt,), (ledger_amt,), raw = replies
    known = decode_drift(raw, exchange_amt, ledger_amt)
    if known is None:
        return None
    return DriftingPosition(
        symbol=at[0], leg=at[1], exchange_amt=exchange_amt, ledger_amt=ledger_amt, known=known, now_ms=now_ms
    )
