"""The holds of a symbol, the operator's and the service's: origin, start, reason and remedy. Read-only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import redis as redis_py

from p33_tasks.contract.holds import decode_hold
from p33_tasks.contract.keys import Keys
from p33_tasks.contract.positions import position_key
from p33_tasks.contract.timing import iso
from p33_tasks.domain.holds import HeldBy, Hold
from p33_tasks.domain.models import Leg
from p33_tasks.store.scripts import translated_errors

if TYPE_CHECKING:
    import redis

FOREIGN = "(a value of another type)"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPosition:
    """One hold: an operator's stops every position of the symbol, the service's one of them."""

    symbol: str
    leg: Leg
    hold: Hold

    @property
    def position(self) -> str:
        """The position key."""
        return position_key(self.symbol, self.leg)

    @property
    def remedy(self) -> str:
        """What ends the hold."""
        return self.hold.remedy(self.symbol, "" if self.leg is Leg.BOTH else str(self.leg))


def read_holds(client: redis.Redis, keys: Keys, symbols: Sequence[str]) -> tuple[HeldPosition, ...]:
    """Both kinds, in the order of the symbols.

    Raises:
        StoreError: Redis is unavailable, or refuses.
    """
    with translated_errors():
        pipeline = client.pipeline(transaction=False)
        pipeline.time()
        for symbol in symbols:
            pipeline.get(keys.hold(symbol))
            pipeline.pttl(keys.hold(symbol))
            for leg in Leg:
                pipeline.get(keys.service_hold(symbol, leg))
        (sec, micros), *replies = (_readable(reply) for reply in pipeline.execute(raise_on_error=False))
    now_ms, found = sec * 1000 + micros // 1000, []
    for symbol in symbols:
        (text, left_ms, *services), replies = replies[: 2 + len(Leg)], replies[2 + len(Leg) :]
        own = decode_hold(HeldBy.OPERATOR, text)
        if own is not None:
            own = own if left_ms < 0 else replace(own, until_ms=now_ms + left_ms)  # the key's expiry decides
            found.append(HeldPosition(symbol=symbol, leg=Leg.BOTH, hold=own))
        for leg, service in zip(Leg, services, strict=True):
            hold = decode_hold(HeldBy.SERVICE, service)
            if hold is not None:
                found.append(HeldPosition(symbol=symbol, leg=leg, hold=hold))
    return tuple(found)


def _readable(reply: Any) -> Any:
    if not isinstance(reply, redis_py.RedisError):
        return reply
    if str(reply).startswith("WRONGTYPE"):
        return FOREIGN
    raise reply


def hold_sentence(hold: Hold) -> str:
    """Who holds it, since and until when, and why, as a sentence."""
    who = "the service itself" if hold.held_by is HeldBy.SERVICE else "an operator"
    by = f" ({hold.by})" if hold.by else ""
    since = f" since {iso(hold.since_ms)}" if hold.since_ms is not None else ""
    until = f" until {iso(hold.until_ms)}" if hold.until_ms is not None else ""
    return f"held by {who}{by}{since}{until}: {hold.reason or '(no reason given)'}"
