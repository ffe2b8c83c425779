"""The replay's time, and its view of a real Redis: stored times read, moved into the past, and told in ticks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from p33_tasks.contract.keys import GROUP
from p33_tasks.domain import exact_json
from p33_tasks.domain.holds import HoldReason
from p33_tasks.domain.models import Facts, Leg
from p33_tasks.ports import LedgerState
from p33_tasks.services.record_fill import is_entry_mark
from tests.model import promotion_replay
from tests.model.judging import signed
from tests.model.scenario import Scenario
from tests.model.state import ALLOWED, DENIED, UNDECIDED, UNKNOWN, UNKNOWN_BARRIER, Limits
from tests.model.told import legs_of
from tests.support.gate import SYMBOL, Gate

TICK_MS = 20_000
QUARTER_MS = TICK_MS // 4
_TIMES = ("ts_ms", "last_order_time_ms", "consumed_ms", "place_before_ms", "barrier_ms", "started_ms", "new_life_ms")


def real_limits(limits: Limits) -> dict[str, int]:
    """The policy's limits: a quarter of a tick beside, on the side that ``state.Limits`` says."""
    return {
        "stale_threshold_ms": limits.stale * TICK_MS + QUARTER_MS,
        "cooldown_ms": limits.cooldown * TICK_MS - QUARTER_MS,
        "permit_ttl_ms": limits.ttl * TICK_MS - QUARTER_MS,
        "plan_max_age_ms": limits.plan_age * TICK_MS + QUARTER_MS,
        "read_lag_ms": limits.read_lag * TICK_MS + QUARTER_MS,
    }


def place_window_ms(limits: Limits) -> int:
    """The apply client's placing window."""
    return limits.place * TICK_MS + QUARTER_MS


def unknown_ms(limits: Limits) -> int:
    """How long an unknown outcome holds: a whole number of ticks, so that no reservation ends with it."""
    return limits.doubt * TICK_MS


def consumed_ms(limits: Limits) -> int:
    """The least for which a consumption holds the symbol, where the stale ceiling is the case's own limit."""
    own = real_limits(limits)
    return place_window_ms(limits) + own["stale_threshold_ms"] + own["read_lag_ms"]


class Clockwork:
    """Everything that the model knows of one Redis."""

    def __init__(self, gate: Gate, case: Scenario) -> None:
        self.start_ms = gate.now_ms()
        self._plans = [f"plan-{index}" for index in range(len(case.actions))]
        self._legs = legs_of(case)
        self._use(gate)

    def _use(self, gate: Gate) -> None:
        self._gate, self._redis = gate, gate.redis
        keys = gate.keys
        self._hashes = [key(SYMBOL, leg) for leg in self._legs for key in (keys.snapshot, keys.ledger)]
        # In hedge mode a leg's snapshot counts with the symbol's own of the same request.
        self._hashes += [keys.refresh, *([keys.snapshot(SYMBOL)] if len(self._legs) > 1 else [])]
        self._hashes += [keys.consumed(plan) for plan in self._plans]
        self._texts = [key(plan) for plan in self._plans for key in (keys.permit, keys.decision)]
        self._prepared = {leg: promotion_replay.prepared_keys(keys, leg) for leg in self._legs}
        self._texts += [key for of_leg in self._prepared.values() for key in of_leg]
        self._mortal = [keys.permit(plan) for plan in self._plans]
        for leg in self._legs:
            self._mortal += [keys.reservation(SYMBOL, leg), *self._prepared[leg]]
        self._replies: list[list[Any]] = []
        for store in (gate.verdicts, gate.results):
            self._listen(store._scripts)

    def _listen(self, scripts: Any) -> None:
        run = scripts.run

        def heard(*arguments: Any) -> list[Any]:
            reply: list[Any] = run(*arguments)
            self._replies.append(reply)
            return reply

        scripts.run = heard

    def said(self, act: Callable[[], object]) -> str:
        """What the act's last script answered, as one word or two."""
        self._replies.clear()
        act()
        return " ".join(filter(None, map(str, self._replies[-1])))

    # --- time -------------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """What was stored in this tick was stored at its start."""
        self._rewrite(lambda ms: self.start_ms - round((self.start_ms - ms) / TICK_MS) * TICK_MS)

    def tick(self) -> None:
        """A tick later: every stored time is older, and every time to live is shorter."""
        self._rewrite(lambda ms: ms - TICK_MS)
        for key in self._mortal:
            left_ms = self._redis.pttl(key)
            if left_ms > TICK_MS:
                self._redis.pexpire(key, left_ms - TICK_MS)
            elif left_ms >= 0:
                self._redis.delete(key)

    def _rewrite(self, moved: Callable[[int], int]) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        for key in self._hashes:
            pipeline.hgetall(key)
        for key in self._texts:
            pipeline.get(key)
        found = pipeline.execute()
        for key, fields in zip(self._hashes, found, strict=False):
            times = {name: int(fields[name]) for name in _TIMES if fields.get(name)}
            changed = {name: moved(ms) for name, ms in times.items() if moved(ms) != ms}
            if changed:
                pipeline.hset(key, mapping=changed)
        for key, text in zip(self._texts, found[len(self._hashes) :], strict=True):
            if text and (written := _moved_json(text, moved)) != text:
                pipeline.set(key, written, keepttl=True)
        pipeline.execute()

    def permit(self, index: int) -> str:
        """A plan's permit as stored."""
        return str(self._redis.get(self._gate.keys.permit(f"plan-{index}")))

    def older_permit(self, raw: str) -> str:
        """The same bytes as those of the permit that ``tick`` wrote."""
        return _moved_json(raw, lambda ms: ms - TICK_MS)

    def older_base(self, base: LedgerState) -> LedgerState:
        """What a result is recorded on, with the bytes of the decision that ``tick`` wrote."""
        text = base.decision_text
        return base if not text else replace(base, decision_text=self.older_permit(text))

    # --- crashes ----------------------------------------------------------------------------------------------------

    def dump(self) -> dict[bytes, tuple[int, bytes]]:
        """Every key with its time to live."""
        raw = self._gate.server.client(decode=False)
        found = {key: (max(raw.pttl(key), 0), raw.dump(key)) for key in raw.scan_iter()}
        raw.close()
        return found

    def reconnected(self, gate: Gate, found: dict[bytes, tuple[int, bytes]]) -> None:
        """A new life of the server, with what it had on disk."""
        raw = gate.server.client(decode=False)
        raw.flushall()
        for key, (ttl_ms, value) in found.items():
            raw.restore(key, ttl_ms, value)
        raw.close()
        self._use(gate)

    # --- looking ----------------------------------------------------------------------------------------------------

    def view(self, c: Scenario, entries: dict[int, Any]) -> dict[str, Any]:
        """What Redis holds, in the words of ``told.view_of``."""
        keys = self._gate.keys
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hgetall(keys.fills(SYMBOL)).exists(keys.hold(SYMBOL))
        pipeline.xpending_range(keys.plans, GROUP, "-", "+", 100)
        for plan in self._plans:
            pipeline.get(keys.decision(plan)).get(keys.permit(plan)).hget(keys.consumed(plan), "consume_id")
            pipeline.pttl(keys.permit(plan))
        fills, hold, entries_pending, *of_plans = pipeline.execute()
        pending = {item["message_id"] for item in entries_pending}
        return {
            "positions": [self._position(c.limits, leg) for leg in self._legs],
            "hold": bool(hold),
            "orders": {order_id: qty for order_id, qty in fills.items() if not is_entry_mark(order_id)},
            "plans": [
                (
                    index in entries and entries[index].entry_id in pending,
                    _decision(of_plans[4 * index]),
                    self._permit(of_plans[4 * index + 1], of_plans[4 * index + 3]),
                    of_plans[4 * index + 2],
                )
                for index in range(len(self._plans))
            ],
        }

    def _position(self, limits: Limits, leg: Leg) -> dict[str, Any]:
        """One position's book, in the words of ``told.view_of``."""
        keys, pipeline = self._gate.keys, self._redis.pipeline(transaction=False)
        pipeline.hgetall(keys.snapshot(SYMBOL, leg)).hgetall(keys.ledger(SYMBOL, leg))
        pipeline.get(keys.service_hold(SYMBOL, leg))
        pipeline.get(keys.reservation(SYMBOL, leg)).pttl(keys.reservation(SYMBOL, leg))
        for key in self._prepared[leg]:
            pipeline.get(key).pttl(key)
        snapshot, ledger, service_hold, reserved_by, left_ms, *prepared = pipeline.execute()
        ordered_ms = ledger.get("last_order_time_ms")
        order_age = limits.forget_order if ordered_ms is None else self._ticks_since(ordered_ms)
        barrier_ms = ledger.get("barrier_ms")
        behind = UNKNOWN_BARRIER
        if barrier_ms is not None:
            behind = self._ticks_since(barrier_ms) - limits.read_lag - 1
        return {
            "barrier": behind if behind <= limits.forget_snapshot else UNKNOWN_BARRIER,
            "snapshot": (snapshot["position_amt"], min(self._ticks_since(snapshot["ts_ms"]), limits.forget_snapshot)),
            "ledger": ledger.get("last_known_amt", signed(UNKNOWN, leg)),
            "order_age": min(order_age, limits.forget_order),
            "service_hold": bool(service_hold),
            "unknown": (ledger.get("unknown_plan_id") or None, held_for(service_hold)),
            "reservation": (reserved_by, left_ms // TICK_MS if left_ms >= 0 else None),
            "prepared": sorted(
                promotion_replay.view(text, left_ms // TICK_MS, self._ticks_since, limits)
                for text, left_ms in zip(prepared[::2], prepared[1::2], strict=True)
                if text
            ),
        }

    def _ticks_since(self, ms: str) -> int:
        return (self.start_ms - int(ms)) // TICK_MS

    def _permit(self, text: str | None, left_ms: int) -> tuple[str, str, str, int, int] | None:
        fields = exact_json.loads_object(text) if text else {"allow": False}
        if not fields["allow"]:
            return None  # the model keeps no denies: they can't be consumed
        age = self._ticks_since(fields["ts_ms"])
        side = fields["position_side"]
        amount = str(fields["exchange_position_amt"])
        return side, str(fields["safe_close_qty"]), amount, age, left_ms // TICK_MS


def held_for(hold: str | None) -> list[str]:
    """The plans whose unknown outcome a hold of the service names."""
    found = exact_json.loads_object(hold)["evidence"] if hold else []
    return sorted(one["plan_id"] for one in found if one["reason"] == HoldReason.OUTCOME_UNKNOWN)


def _decision(text: str | None) -> int:
    if text is None:
        return UNDECIDED
    return ALLOWED if exact_json.loads_object(text)["allow"] else DENIED


def _moved_json(text: str, moved: Callable[[int], int]) -> str:
    fields = exact_json.loads_object(text)
    if "policy_digest" in fields:
        return promotion_replay.moved(fields, moved)
    by_ms = moved(fields["ts_ms"]) - fields["ts_ms"]
    for name in ("ts_ms", "expires_ms"):
        if name in fields:
            fields[name] += by_ms
    if by_ms:
        fields["ts_epoch"] = fields["ts_ms"] // 1000
    return exact_json.dumps(fields)


def older_facts(facts: Facts) -> Facts:
    """A worker's facts, a tick later."""
    snapshot, ledger = facts.snapshot, facts.ledger
    assert snapshot is not None
    assert ledger is not None
    ordered_ms = ledger.last_order_time_ms
    return replace(
        facts,
        now_ms=facts.now_ms - TICK_MS,
        snapshot=replace(snapshot, ts_ms=snapshot.ts_ms - TICK_MS),
        ledger=replace(ledger, last_order_time_ms=None if ordered_ms is None else ordered_ms - TICK_MS),
    )
