"""Request weight and order counts per IP: headers, 429, and 418 after repeated 429s.

Source: "Limits" of Binance's futures documentation. Counters start again with each minute (each ten seconds for
the short order window) of the venue's clock. A request over the limit is answered 429; an address that
continues is banned (418) for some time.
"""

from dataclasses import dataclass
from typing import Final

from p33_tasks.demo.exchange.core.codes import VenueError, refusal

MINUTE_MS: Final = 60_000
TEN_SECONDS_MS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """The venue's limits; the defaults are Binance's."""

    weight_per_minute: int = 2400
    orders_per_minute: int = 1200
    orders_per_10s: int = 300
    # 429s in one minute after which the address is banned, and for how long.
    ban_after: int = 10
    ban_sec: int = 120


class _Window:
    """A counter that starts again with each interval."""

    def __init__(self, length_ms: int) -> None:
        self._length_ms = length_ms
        self._index = -1
        self._count = 0

    def read(self, now_ms: int) -> int:
        index = now_ms // self._length_ms
        if index != self._index:
            self._index, self._count = index, 0
        return self._count

    def add(self, amount: int, now_ms: int) -> int:
        self._count = self.read(now_ms) + amount
        return self._count


class Limiter:
    """The counters of the one address that can reach a loopback venue."""

    def __init__(self, settings: LimitSettings) -> None:
        self.settings = settings
        self._weight = _Window(MINUTE_MS)
        self._refused = _Window(MINUTE_MS)
        self._orders_minute = _Window(MINUTE_MS)
        self._orders_10s = _Window(TEN_SECONDS_MS)
        self._banned_until_ms = 0

    def charge(self, weight: int, now_ms: int) -> None:
        """Counts a request. Raises -1003 with 429, or with 418 while banned."""
        if now_ms < self._banned_until_ms:
            raise too_many(418, _seconds(self._banned_until_ms - now_ms), until_ms=self._banned_until_ms)
        if self._weight.add(weight, now_ms) <= self.settings.weight_per_minute:
            return
        if self._refused.add(1, now_ms) > self.settings.ban_after:
            self._banned_until_ms = now_ms + self.settings.ban_sec * 1000
            raise too_many(418, self.settings.ban_sec, until_ms=self._banned_until_ms)
        raise too_many(429, _seconds(MINUTE_MS - now_ms % MINUTE_MS))

    def count_order(self, now_ms: int) -> None:
        """Counts an order request. Raises -1015."""
        limits = self.settings
        if self._orders_10s.add(1, now_ms) > limits.orders_per_10s:
            raise refusal(-1015, limit=limits.orders_per_10s, interval="10 SECOND")
        if self._orders_minute.add(1, now_ms) > limits.orders_per_minute:
            raise refusal(-1015, limit=limits.orders_per_minute, interval="1 MINUTE")

    def weight_headers(self, now_ms: int) -> dict[str, str]:
        """Used weight, on every answer."""
        return {"X-MBX-USED-WEIGHT-1M": str(self._weight.read(now_ms))}

    def order_headers(self, now_ms: int) -> dict[str, str]:
        """Order counts, on answers to orders."""
        return {
            "X-MBX-ORDER-COUNT-10S": str(self._orders_10s.read(now_ms)),
            "X-MBX-ORDER-COUNT-1M": str(self._orders_minute.read(now_ms)),
        }

    def used_weight(self, now_ms: int) -> int:
        """Weight used in the current minute."""
        return self._weight.read(now_ms)


def too_many(status: int, retry_after_sec: int | None, *, until_ms: int | None = None) -> VenueError:
    """A -1003 with a given HTTP status: 429, or 418 for a ban."""
    text = "Too many requests. Please use the websocket for live updates to avoid polling the API."
    if status == 418:  # noqa: PLR2004 (the HTTP status that Binance bans with)
        when = f" until {until_ms}" if until_ms is not None else ""
        text = f"Way too many requests; IP(127.0.0.1) banned{when}. Please use the websocket for live updates."
    return VenueError(-1003, text, http_status=status, retry_after_sec=retry_after_sec)


def _seconds(milliseconds: int) -> int:
    return max(1, -(-milliseconds // 1000))
