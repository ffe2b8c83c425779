"""The brain in a test's own process: its real services over a real Redis and simulator, without Celery around them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from decimal import Decimal

from p33_tasks.contract.keys import GROUP, Keys
from p33_tasks.contract.plans import is_executable, parse_plan
from p33_tasks.contract.results import parse_result
from p33_tasks.demo.exchange.client import SimControl
from p33_tasks.domain import exact_json
from p33_tasks.domain.models import Verdict
from p33_tasks.errors import InvalidMessageError
from p33_tasks.ports import StreamEntry
from p33_tasks.services.issue_permit import PermitService
from p33_tasks.services.record_fill import ResultService
from p33_tasks.services.refresh_snapshot import SnapshotService
from p33_tasks.settings import Settings
from p33_tasks.store.budget import RedisRequestBudget
from p33_tasks.store.connection import connect
from p33_tasks.store.dead_letters import RedisDeadLetters
from p33_tasks.store.operator import OperatorStore
from p33_tasks.store.results import RedisResultStore
from p33_tasks.store.snapshots import RedisSnapshotStore, RefreshTimes
from p33_tasks.store.verdicts import RedisVerdictStore
from p33_tasks.venues.build import build_venue, venue_source
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT")


def settings_for(redis: RedisServer, sim: SimControl, **changes: str) -> Settings:
    """A configuration on a test's own Redis and simulator."""
    defaults = {
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": str(redis.port),
        "P33_ALLOWLIST": ",".join(SYMBOLS),
        "P33_POLL_SEC": "0.5",
        "P33_STALE_THRESHOLD_SEC": "60",  # a busy machine must not turn these tests into ones about staleness
        "P33_EXCHANGE_BASE_URL": sim.base_url,
        "BINANCE_API_KEY": sim.api_key,
        "BINANCE_API_SECRET": sim.api_secret,
    }
    return Settings(**{**defaults, **changes})


class Brain:
    """Snapshots, verdicts and results, step by step or as a thread."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.keys = Keys(settings.key_prefix)
        self.client = connect(settings.state_url)
        self.source = venue_source(settings.exchange, settings.testnet, settings.exchange_base_url)
        key, secret = settings.api_credentials
        assert key is not None
        assert secret is not None
        policy = settings.policy
        self.dead_letters = RedisDeadLetters(self.client, self.keys)
        self.permits = PermitService(
            RedisVerdictStore(self.client, self.keys, source=self.source),
            self.dead_letters,
            policy,
        )
        self.results = ResultService(
            RedisResultStore(self.client, self.keys, allowlist=policy.allowlist, permit_ttl_ms=policy.permit_ttl_ms)
        )
        venue = build_venue(
            exchange_id=settings.exchange,
            api_key=key.get_secret_value(),
            api_secret=secret.get_secret_value(),
            testnet=True,
            base_url=settings.exchange_base_url,
            budget=RedisRequestBudget(
                self.client,
                self.keys,
                own_weight=settings.venue.requests.own_weight_per_minute,
                venue_weight=settings.venue.requests.stop_at_weight,
            ),
        )
        times = RefreshTimes(poll_ms=policy.poll_ms, cooldown_ms=policy.cooldown_ms)
        self.snapshots = SnapshotService(
            venue,
            RedisSnapshotStore(self.client, self.keys, allowlist=settings.allowlist, times=times),
            settings.allowlist,
        )
        self.operator = OperatorStore(self.client, self.keys)

    # --- step by step -----------------------------------------------------------------------------------------------

    def know(self, symbol: str) -> None:
        """Fetch the positions and take this symbol's as the ledger's."""
        wait_until(lambda: self.snapshots.refresh(symbol) == "refreshed", "a refresh is due")
        adopted = self.operator.adopt_ledger(
            symbol, source=self.source, policy=self.settings.policy, by="test", replace=True
        )
        assert adopted.adopted, adopted

    def add_plan(self, plan_id: str, symbol: str = "BTCUSDT", **fields: str) -> str:
        """Add a plan to the stream; returns its entry id."""
        defaults = {"plan_id": plan_id, "symbol": symbol, "decision": "EXECUTE", "action": "CLOSE_PARTIAL_75"}
        entry_id: str = self.client.xadd(self.keys.plans, {**defaults, **fields})
        return entry_id

    def judge_all(self) -> list[Verdict | None]:
        """Judge every plan that wasn't yet."""
        return [self._judge(entry) for entry in self._read(self.keys.plans)]

    def record_all(self) -> int:
        """Record every result that wasn't yet; how many there were."""
        entries = self._read(self.keys.results)
        for entry, fields in entries:
            self.results.record(parse_result(fields), entry)
        return len(entries)

    def grant(self, plan_id: str) -> None:
        """The governor's permit, by hand."""
        key = self.keys.governor_permit(plan_id, self.settings.governor_permit_key)
        self.client.set(key, exact_json.dumps({"plan_id": plan_id, "granted": True}), px=60_000)

    def allow(self, plan_id: str, symbol: str = "BTCUSDT") -> str:
        """A plan with both of its permits; returns its entry id."""
        self.know(symbol)
        entry_id = self.add_plan(plan_id, symbol)
        self.judge_all()
        self.grant(plan_id)
        assert self.client.exists(self.keys.permit(plan_id)), self.client.get(self.keys.decision(plan_id))
        return entry_id

    # --- what is there ----------------------------------------------------------------------------------------------

    def results_of(self, plan_id: str) -> list[dict[str, str]]:
        """Every result that was published about a plan."""
        return [fields for _, fields in self.client.xrange(self.keys.results) if fields["plan_id"] == plan_id]

    def ledger_amt(self, symbol: str = "BTCUSDT") -> Decimal:
        """What the ledger says."""
        return Decimal(self.client.hget(self.keys.ledger(symbol), "last_known_amt"))

    # --- as a thread ------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Refresh, judge and record until the block ends."""
        stop = threading.Event()
        threads = [threading.Thread(target=self._loop, args=(stop, step)) for step in (self._refresh, self._work)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def _loop(self, stop: threading.Event, step: object) -> None:
        assert callable(step)
        while not stop.wait(0.01):
            step()

    def _refresh(self) -> None:
        self.snapshots.refresh(self.settings.allowlist[0])

    def _work(self) -> None:
        self.judge_all()
        self.record_all()

    def _judge(self, read: tuple[StreamEntry, Mapping[str, str]]) -> Verdict | None:
        entry, fields = read
        if not is_executable(fields):
            self.client.xack(entry.stream, GROUP, entry.entry_id)
            return None
        try:
            plan = parse_plan(fields, issued_ms=int(entry.entry_id.split("-")[0]), from_stream=True)
        except InvalidMessageError as error:
            self.dead_letters.dead_letter(entry, str(error), fields)
            return None
        return self.permits.judge(plan, entry)

    def _read(self, stream: str) -> list[tuple[StreamEntry, dict[str, str]]]:
        with contextlib.suppress(Exception):  # the group is there already
            self.client.xgroup_create(stream, GROUP, id="0", mkstream=True)
        reply = self.client.xreadgroup(GROUP, "test", {stream: ">"}, count=100)
        return [
            (StreamEntry(stream=stream, entry_id=entry_id), fields)
            for _, entries in (reply or [])
            for entry_id, fields in entries
        ]
