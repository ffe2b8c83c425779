"""Snapshots and market rules in Redis, and the claim so that only one task fetches them."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from p33_tasks.contract.keys import Keys
from p33_tasks.contract.markets import encode_market, encode_market_problem
from p33_tasks.contract.snapshots import position_arguments
from p33_tasks.contract.timing import PLACE_WINDOW_MS, READ_LAG_MS, UNKNOWN_MS, iso
from p33_tasks.domain.models import Leg, Snapshot
from p33_tasks.ports import Claim, MarketReport, MarketsLoaded, RefreshClaim
from p33_tasks.store.lua_header import Named
from p33_tasks.store.scripts import Scripts, translated_errors

if TYPE_CHECKING:
    import redis

SNAPSHOT_TTL_SEC = 3_600
LEDGER_TTL_SEC = 86_400
MARKET_TTL_SEC = 86_400
MARKET_RETRY_MS = 60_000
"""Retry period for missing or unreadable market rules: until then the symbol can't be closed."""
AUDIT_MAXLEN = 100_000
CHANGES_MAXLEN = 100_000
ACCOUNT_QUIET_MS = 600_000
"""Time without writes after another account's positions. Any process may serve a tick, so within this time processes
with keys of two accounts will detect each other."""
BATCH = 100
"""Symbols per script call: Redis serves no other client while a script runs; 100 take about a millisecond."""

GAP = 0.8
"""Least gap between requests, as part of the poll period: a tick may be a little early, but a second beat's tick does
nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshTimes:
    """The time limits of one bulk refresh."""

    poll_ms: int
    cooldown_ms: int
    read_lag_ms: int = READ_LAG_MS  # how long the venue's position may not show an order
    place_window_ms: int = PLACE_WINDOW_MS  # a barrier further ahead was stored before the clock stepped back
    markets_ms: int = 120_000  # how often market rules are fetched
    lease_ms: int = 10_000  # longer than the exchange's time-out; a dead worker's claim ends after it
    longest_reservation_ms: int = (
        0  # longest reservation under cooldown_ms; longer: stored before the clock stepped back; 0: no limit
    )
    permit_ttl_ms: int = 60_000  # a permit with a longer TTL was issued under other settings
    new_life_pause_ms: int = 5_000  # how long an order may be sent whose permit the store has lost
    request_weight: int = 0  # weight of one refresh
    spare_weight: int = -1  # used weight per minute up to which a requested refresh is made; below 0: never
    adoption_wait_ms: int = 6_000  # the same before an adoption, by uptime, which is in seconds


class RedisSnapshotStore:
    """Implements ``ports.SnapshotStore``."""

    def __init__(
        self,
        client: redis.Redis,
        keys: Keys,
        *,
        allowlist: Iterable[str],
        times: RefreshTimes,
        bootstrap: Literal["deny", "adopt"] = "deny",
    ) -> None:
        self._client = client
        self._scripts = Scripts(client)
        self._keys = keys
        self._times = times
        self._bootstrap = bootstrap
        # Rules for other symbols are needed at once, not after the period.
        self._markets_digest = hashlib.sha256(",".join(sorted(allowlist)).encode()).hexdigest()[:16]

    def claim_refresh(self, source: str, *, only_wished: bool = False) -> RefreshClaim:
        """See ``ports.SnapshotStore.claim_refresh``."""
        token = uuid.uuid4().hex
        status, now_ms, run_id, life, markets_due = self._scripts.run(
            "claim_refresh",
            {
                "refresh_key": self._keys.refresh,
                "budget_key": self._keys.budget,
                "epoch_key": self._keys.epoch,
                "wish_key": self._keys.refresh_wish,
            },
            {
                "source": source,
                "gap_ms": int(self._times.poll_ms * GAP),
                "lease_ms": self._times.lease_ms,
                "token": token,
                "markets_digest": self._markets_digest,
                "markets_period_ms": self._times.markets_ms,
                "new_life_pause_ms": self._times.new_life_pause_ms,
                "new_epoch": uuid.uuid4().hex,
                "only_wished": int(only_wished),
                "wish_gap_ms": self._times.poll_ms,
                "request_weight": self._times.request_weight,
                "spare_weight": self._times.spare_weight,
            },
        )
        return RefreshClaim(
            claim=Claim(status),
            now_ms=int(now_ms),
            run_id=run_id,
            life=life,
            token=token,
            markets_due=bool(markets_due),
        )

    def note_account(self, account: str) -> bool:
        """See ``ports.SnapshotStore.note_account``."""
        (status,) = self._scripts.run(
            "note_account",
            {"refresh_key": self._keys.refresh, "epoch_key": self._keys.epoch},
            {"account": account, "new_epoch": uuid.uuid4().hex, "quiet_ms": ACCOUNT_QUIET_MS},
        )
        return status in {"changed", "quiet"}

    def finish_refresh(self, claim: RefreshClaim, *, error: str = "", markets: MarketsLoaded | None = None) -> None:
        """See ``ports.SnapshotStore.finish_refresh``."""
        is_partial = markets is MarketsLoaded.SOME
        markets_age_ms = max(0, self._times.markets_ms - MARKET_RETRY_MS) if is_partial else 0
        self._scripts.run(
            "finish_refresh",
            {"refresh_key": self._keys.refresh},
            {
                "token": claim.token,
                "error_text": error[:500],
                "markets_digest": self._markets_digest if markets else "",
                "markets_age_ms": markets_age_ms,
            },
        )

    def put_snapshots(self, snapshots: Iterable[Snapshot]) -> Mapping[str, str]:
        """See ``ports.SnapshotStore.put_snapshots``. All snapshots must come from one request."""
        result: dict[str, str] = {}
        for batch in _batches(snapshots):
            reply = self._scripts.run("put_snapshots", self._put_keys(batch), self._put_arguments(batch))
            result.update(zip((snapshot.symbol for snapshot in batch), reply[1:], strict=True))
        return result

    def _put_keys(self, snapshots: tuple[Snapshot, ...]) -> Named:
        keys = self._keys
        named = {
            "snapshot": keys.snapshot,
            "ledger": keys.ledger,
            "origin": keys.ledger_origin,
            "reservation": keys.reservation,
            "adaptive": keys.adaptive_limits,
            "service_hold": keys.service_hold,
        }
        return {
            "counters_key": keys.counters,
            "audit_key": keys.audit,
            "epoch_key": keys.epoch,
            "changes_key": keys.position_changes,
            "symbol_keys": [
                {
                    "limits": keys.limits(snapshot.symbol),
                    **{
                        f"{place}{name}": key(snapshot.symbol, leg)
                        for place, leg in (("", Leg.BOTH), ("long_", Leg.LONG), ("short_", Leg.SHORT))
                        for name, key in named.items()
                    },
                }
                for snapshot in snapshots
            ],
        }

    def _put_arguments(self, snapshots: tuple[Snapshot, ...]) -> Named:
        first = snapshots[0]
        if any(_request(snapshot) != _request(first) for snapshot in snapshots):
            raise ValueError("snapshots of different requests are written one request at a time")
        return {
            "fetched_run_id": first.run_id,
            "fetched_life": first.life or "",
            "source": first.source,
            "fetched_ms": first.ts_ms,
            "fetched_epoch": first.ts_ms // 1000,
            "fetched_iso": iso(first.ts_ms),
            "bootstrap": self._bootstrap,
            "cooldown_ms": self._times.cooldown_ms,
            "read_lag_ms": self._times.read_lag_ms,
            "unknown_ms": UNKNOWN_MS,
            "place_window_ms": self._times.place_window_ms,
            "snapshot_ttl_sec": SNAPSHOT_TTL_SEC,
            "ledger_ttl_sec": LEDGER_TTL_SEC,
            "audit_maxlen": AUDIT_MAXLEN,
            "changes_maxlen": CHANGES_MAXLEN,
            "max_reservation_ms": self._times.longest_reservation_ms,
            "permit_ttl_ms": self._times.permit_ttl_ms,
            "permit_prefix": self._keys.permit_prefix,
            "adoption_wait_ms": self._times.adoption_wait_ms,
            "positions": [position_arguments(snapshot.position) for snapshot in snapshots],
        }

    def count_snapshot_errors(self, symbols: Iterable[str]) -> None:
        """See ``ports.SnapshotStore.count_snapshot_errors``."""
        with translated_errors():
            pipeline = self._client.pipeline(transaction=False)
            for symbol in symbols:
                pipeline.hincrby(self._keys.counters, f"p33_snapshot_total|{symbol}|error", 1)
            pipeline.execute()

    def put_markets(self, report: MarketReport, *, source: str, ts_ms: int) -> None:
        """See ``ports.SnapshotStore.put_markets``."""
        written = {symbol: encode_market(market, source, ts_ms) for symbol, market in report.markets.items()}
        for symbol, problem in report.invalid.items():
            written[symbol] = encode_market_problem(problem, source, ts_ms)
        with translated_errors():
            # In one transaction: between the two commands there are no rules.
            pipeline = self._client.pipeline(transaction=True)
            for symbol, fields in written.items():
                key = self._keys.market(symbol)
                pipeline.delete(key)
                pipeline.hset(key, mapping=dict[Any, Any](fields))
                pipeline.expire(key, MARKET_TTL_SEC)
            pipeline.execute()


def _request(snapshot: Snapshot) -> tuple[int, str, str, str | None]:
    return snapshot.ts_ms, snapshot.source, snapshot.run_id, snapshot.life


def _batches(snapshots: Iterable[Snapshot]) -> Iterator[tuple[Snapshot, ...]]:
    rest = iter(snapshots)
    while batch := tuple(islice(rest, BATCH)):
        yield batch
