"""Verdicts in Redis: one round trip reads the facts, one script commits the verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from p33_tasks.contract.entries import fields_of
from p33_tasks.contract.hash_values import MAX_NAME_CHARS
from p33_tasks.contract.holds import decode_holds
from p33_tasks.contract.keys import GROUP, Keys
from p33_tasks.contract.ledgers import decode_ledger
from p33_tasks.contract.limits import ADAPTIVE_FIELDS, as_stored
from p33_tasks.contract.markets import decode_market
from p33_tasks.contract.resting import RESTING_FIELDS, decode_resting
from p33_tasks.contract.snapshots import decode_leg_snapshot, decode_snapshot
from p33_tasks.domain.models import Facts, Leg, OrderSide, Plan, Policy, Verdict
from p33_tasks.errors import CorruptStateError, StoreError
from p33_tasks.ports import CommitStatus, LoadedEntry, PlanName, Ruling, StreamEntry
from p33_tasks.store.commits import Commits
from p33_tasks.store.entries import ahead_counter
from p33_tasks.store.limits import read_limits
from p33_tasks.store.lua_header import Named
from p33_tasks.store.promotions import Promotions
from p33_tasks.store.scripts import Scripts, encoded, translated_errors

if TYPE_CHECKING:
    import redis

_Decoded = TypeVar("_Decoded")
_AHEAD_COUNTER = ahead_counter("plan")
_NO_ADAPTIVE, _NO_RESTING = [None] * len(ADAPTIVE_FIELDS), [None] * len(RESTING_FIELDS)

MOST_KNOWN = 1_000
"""Maximum number of symbols with cached keys: foreign symbols must not fill the memory."""


class RedisVerdictStore:
    """Implements ``ports.VerdictStore``."""

    def __init__(self, client: redis.Redis, keys: Keys, *, source: str, signing_key: str | None = None) -> None:
        self._client = client
        self._scripts = Scripts(client)
        self._keys = keys
        self._source = source
        self._known: dict[tuple[str, tuple[Leg, ...]], dict[str, Any]] = {}
        self._legs: tuple[Leg, ...] = (Leg.BOTH,)  # whose keys are sent
        self._commits = Commits(self._scripts, keys, signing_key)
        self._promotions = Promotions(self._scripts, keys)

    def load(self, plan: Plan) -> Facts | None:
        """See ``ports.VerdictStore.load``.

        A value that can't be read (another type, no number) is a problem in the facts, not an error: the rule that
        needs it denies.
        """
        return self._load(plan.plan_id, plan.symbol, "").facts_of(plan)

    def load_entry(self, name: PlanName, entry: StreamEntry) -> LoadedEntry:
        """See ``ports.VerdictStore.load_entry``."""
        return self._load(name.plan_id, name.symbol, entry.entry_id)

    def load_each(self, plans: Sequence[Plan]) -> list[Facts | StoreError | None]:
        """See ``ports.VerdictStore.load_each``."""
        replies = self._replies([(plan.plan_id, plan.symbol, "") for plan in plans])
        return [
            reply if isinstance(reply, StoreError) else self._loaded(plan.symbol, reply).facts_of(plan)
            for plan, reply in zip(plans, replies, strict=True)
        ]

    def load_entries(self, named: Sequence[tuple[PlanName, StreamEntry]]) -> list[LoadedEntry | StoreError]:
        """See ``ports.VerdictStore.load_entries``."""
        replies = self._replies([(name.plan_id, name.symbol, entry.entry_id) for name, entry in named])
        return [
            reply if isinstance(reply, StoreError) else self._loaded(name.symbol, reply)
            for (name, _), reply in zip(named, replies, strict=True)
        ]

    def _load(self, plan_id: str, symbol: str, entry_id: str) -> LoadedEntry:
        (reply,) = self._replies([(plan_id, symbol, entry_id)])
        if isinstance(reply, StoreError):
            raise reply
        return self._loaded(symbol, reply)

    def _replies(self, wanted: Sequence[tuple[str, str, str]]) -> list[list[Any] | StoreError]:
        """The replies of ``load_facts`` for each plan_id, symbol and entry id, in one round trip.

        The legs' keys are sent only after this process has read a symbol in hedge mode: that read needs a second round
        trip.
        """
        replies = self._scripts.run_each("load_facts", [self._load_call(*one, self._legs) for one in wanted])
        hedged = [at for at, reply in enumerate(replies) if not isinstance(reply, StoreError) and reply[0] == "hedge"]
        if hedged:
            self._legs = tuple(Leg)
            repeated = self._scripts.run_each("load_facts", [self._load_call(*wanted[at], tuple(Leg)) for at in hedged])
            for at, reply in zip(hedged, repeated, strict=True):
                replies[at] = reply
        return replies

    def _load_call(self, plan_id: str, symbol: str, entry_id: str, legs: tuple[Leg, ...]) -> tuple[Named, Named]:
        """The script call that reads the facts of all the symbol's positions and, with an entry id, the entry."""
        known = self._known.get((symbol, legs))
        if known is None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            known = self._known[symbol, legs] = self._symbol_keys(symbol, legs)
        return (
            {**known, "decision_key": self._keys.decision(plan_id)},
            {"entry_id": entry_id, "group": GROUP, "ahead_counter": _AHEAD_COUNTER},
        )

    def _symbol_keys(self, symbol: str, legs: Sequence[Leg]) -> dict[str, Any]:
        """The keys of ``load_facts`` that depend on the symbol only, encoded."""
        keys = self._keys
        of_symbol = {
            "hold_key": keys.hold(symbol),
            "market_key": keys.market(symbol),
            "limits_key": keys.limits(symbol),
            "epoch_key": keys.epoch,
            "plans_key": keys.plans,
            "first_seen_key": keys.first_seen,
            "counters_key": keys.counters,
        }
        positions = [
            {
                "snapshot": keys.snapshot(symbol, leg),
                "ledger": keys.ledger(symbol, leg),
                "service_hold": keys.service_hold(symbol, leg),
                "reservation": keys.reservation(symbol, leg),
                "adaptive": keys.adaptive_limits(symbol, leg),
                "resting": keys.resting(symbol, leg),
            }
            for leg in legs
        ]
        as_sent: dict[str, Any] = {name: encoded(key) for name, key in of_symbol.items()}
        as_sent["positions"] = [{name: encoded(key) for name, key in position.items()} for position in positions]
        return as_sent

    def _loaded(self, symbol: str, reply: list[Any]) -> LoadedEntry:
        status, entry, *read = reply
        time_ms, flat, pending = entry or (0, None, 0)
        return LoadedEntry(
            facts={} if status == "decided" else self._facts(symbol, read),
            time_ms=int(time_ms),
            fields=None if flat is None else fields_of(flat),
            is_pending=bool(pending),
        )

    def _facts(self, symbol: str, read: list[Any]) -> dict[Leg, Facts]:
        now_ms, run_id, life, hold, raw_market, raw_limits, *positions = read
        market, market_problem = _read(decode_market, "market rules'", symbol, raw_market, self._source)
        found: dict[Leg, Facts] = {}
        for leg, position in zip(Leg, positions, strict=False):
            service_hold, reserved_by, ttl_ms, raw_snapshot, raw_ledger, *own = position
            raw_adaptive, raw_resting = own[0] or _NO_ADAPTIVE, own[1] or _NO_RESTING
            limits, limits_problem = read_limits(self._keys, symbol, raw_limits, raw_adaptive, leg)
            if leg is Leg.BOTH:
                snapshot, snapshot_problem = _read(decode_snapshot, "snapshot's", symbol, raw_snapshot)
            else:
                of_symbol = found[Leg.BOTH].snapshot
                snapshot, snapshot_problem = _read(
                    decode_leg_snapshot, "snapshot's", symbol, raw_snapshot, leg=leg, of_symbol=of_symbol
                )
            resting, resting_problem = (
                (None, None)
                if snapshot is None
                else _read(
                    decode_resting, "resting orders'", symbol, raw_resting, OrderSide.closing(snapshot.position_amt)
                )
            )
            ledger, ledger_problem = _read(decode_ledger, "ledger's", symbol, raw_ledger)
            unknown_plan_id = None if ledger is None else ledger.unknown_plan_id
            holds = decode_holds(hold, service_hold, unknown_plan_id=unknown_plan_id, reserved_by=reserved_by)
            found[leg] = Facts(
                now_ms=int(now_ms),
                run_id=run_id,
                life=life,
                source=self._source,
                position_side=leg,
                hold=bool(holds),
                holds=holds,
                snapshot=snapshot,
                snapshot_problem=snapshot_problem,
                ledger=ledger,
                ledger_problem=ledger_problem,
                reserved_by=None if reserved_by is None else _shown(reserved_by),
                reservation_ttl_ms=int(ttl_ms) if int(ttl_ms) >= 0 else None,
                market=market,
                market_problem=market_problem,
                resting=resting,
                resting_problem=resting_problem,
                limits=limits,
                limits_problem=limits_problem,
                market_as_stored=as_stored(raw_market),
                resting_as_stored=as_stored(raw_resting),
                limits_as_stored=(as_stored(raw_limits), as_stored(raw_adaptive)),
                as_stored=(_first(raw_snapshot), _first(raw_ledger)),
            )
        return found

    def acknowledge(self, entry: StreamEntry) -> None:
        """See ``ports.VerdictStore.acknowledge``."""
        with translated_errors():
            self._client.xack(entry.stream, GROUP, entry.entry_id)

    def ask_refresh(self, now_ms: int) -> None:
        """See ``ports.VerdictStore.ask_refresh``."""
        with translated_errors():
            self._client.hset(self._keys.refresh, "asked_ms", str(now_ms))

    def commit(
        self,
        *,
        plan: Plan,
        verdict: Verdict,
        facts: Facts | None,
        policy: Policy,
        entry: StreamEntry | None,
        evaluation_us: int,
    ) -> CommitStatus:
        """See ``ports.VerdictStore.commit``."""
        ruling = Ruling(
            plan=plan, verdict=verdict, facts=facts, policy=policy, entry=entry, evaluation_us=evaluation_us
        )
        return CommitStatus(self._scripts.run(*self._commit_call(ruling))[0])

    def commit_each(self, rulings: Sequence[Ruling]) -> list[CommitStatus | StoreError]:
        """See ``ports.VerdictStore.commit_each``."""
        replies = self._scripts.run_all([self._commit_call(ruling) for ruling in rulings])
        return [reply if isinstance(reply, StoreError) else CommitStatus(reply[0]) for reply in replies]

    def _commit_call(self, ruling: Ruling) -> tuple[str, Named, Named]:
        return self._commits.call(ruling, self._now_ms() if ruling.facts is None else ruling.facts.now_ms)

    def promote_each(
        self, plans: Sequence[tuple[Plan, StreamEntry]], policy: Policy, *, policy_digest: str
    ) -> list[tuple[CommitStatus, str] | StoreError]:
        """See ``ports.VerdictStore.promote_each``."""
        return self._promotions.promote_each(plans, policy, policy_digest)

    def _now_ms(self) -> int:
        with translated_errors():
            seconds, micros = self._client.time()
        return int(seconds) * 1000 + int(micros) // 1000


def _first(raw: Any) -> str:
    return raw[0] or "" if isinstance(raw, list) else ""


def _shown(text: str) -> str:
    """A foreign text for the audit: bytes that are not UTF-8 escaped, cut to a limit."""
    return text[:MAX_NAME_CHARS].encode("utf-8", "backslashreplace").decode()[:MAX_NAME_CHARS]


def _read(
    decode: Callable[..., _Decoded | None], what: str, symbol: str, raw: Any, *about: object, **named: object
) -> tuple[_Decoded | None, str | None]:
    """The decoded value of a key's fields and None; or None and why they can't be used."""
    if isinstance(raw, str):
        return None, f"the {what} key holds a {raw}"
    try:
        return decode(symbol, raw, *about, **named), None
    except CorruptStateError as error:
        return None, str(error)
