"""Request weight, order counts, 429 and 418."""

import pytest

from p33_tasks.demo.exchange.core.codes import VenueError
from p33_tasks.demo.exchange.limits import Limiter, LimitSettings

MINUTE_START_MS = 1_700_000_040_000
SETTINGS = LimitSettings(weight_per_minute=10, orders_per_10s=2, orders_per_minute=3, ban_after=2, ban_sec=90)


def refused(limiter: Limiter, now_ms: int, weight: int = 5) -> tuple[int, int | None]:
    with pytest.raises(VenueError) as error:
        limiter.charge(weight, now_ms)
    assert error.value.code == -1003
    return error.value.http_status, error.value.retry_after_sec


def test_over_the_limit_is_429_until_the_next_minute():
    limiter = Limiter(SETTINGS)
    limiter.charge(5, MINUTE_START_MS)
    limiter.charge(5, MINUTE_START_MS + 20_000)
    assert refused(limiter, MINUTE_START_MS + 20_500) == (429, 40)
    limiter.charge(5, MINUTE_START_MS + 60_000)
    assert limiter.weight_headers(MINUTE_START_MS + 60_000) == {"X-MBX-USED-WEIGHT-1M": "5"}


def test_who_ignores_429_is_banned_with_418_and_the_remaining_time():
    limiter = Limiter(SETTINGS)
    limiter.charge(10, MINUTE_START_MS)
    statuses = [refused(limiter, MINUTE_START_MS)[0] for _ in range(3)]
    assert statuses == [429, 429, 418]
    assert refused(limiter, MINUTE_START_MS + 60_000) == (418, 30)
    limiter.charge(5, MINUTE_START_MS + 90_000)


def test_too_many_orders_are_refused_per_ten_seconds_and_per_minute():
    limiter = Limiter(SETTINGS)
    limiter.count_order(MINUTE_START_MS)
    limiter.count_order(MINUTE_START_MS)
    with pytest.raises(VenueError, match="2 orders per 10 SECOND"):
        limiter.count_order(MINUTE_START_MS)
    limiter.count_order(MINUTE_START_MS + 10_000)
    with pytest.raises(VenueError, match="3 orders per 1 MINUTE") as error:
        limiter.count_order(MINUTE_START_MS + 10_000)
    assert (error.value.code, error.value.http_status) == (-1015, 429)
    headers = limiter.order_headers(MINUTE_START_MS + 20_000)
    assert headers == {"X-MBX-ORDER-COUNT-10S": "0", "X-MBX-ORDER-COUNT-1M": "4"}
