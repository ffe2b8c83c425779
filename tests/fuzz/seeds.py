"""Where the fuzzer begins: good inputs, and the words they are made of."""

from __future__ import annotations

import json
from pathlib import Path

from p33_tasks.contract.permits import verdict_fields
from p33_tasks.domain import exact_json
from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.models import Allow
from tests.factories import NOW_MS, make_facts, make_plan, make_policy, plan_entry, result_entry
from tests.fuzz.harnesses import VARIABLES, entry_of

DATA = Path(__file__).parents[1] / "data"
FOUND = Path(__file__).parent / "found"
"""What the fuzzer found once, a folder for each harness; it stays found."""


def _permit() -> bytes:
    plan, facts, policy = make_plan(), make_facts(), make_policy()
    verdict = evaluate(plan, facts, policy)
    assert isinstance(verdict, Allow)
    fields = verdict_fields(plan, verdict, now_ms=NOW_MS, facts=make_facts(), policy=policy)
    return exact_json.dumps({**fields, "sig": "00"}).encode()


def _results() -> list[bytes]:
    step = {"step": "CLOSE_FULL", "order_id": "7", "side": "SELL", "executed_qty": "0.028", "status": "success"}
    details = {"side": "SELL", "qty": 0.028, "order_id": 8205830455, "filled_qty": 0.028, "order_status": "FILLED"}
    return [
        entry_of(result_entry(steps_results=json.dumps([step]))),
        entry_of(result_entry(side="SELL", close_qty="0.028", filled_qty="0.028", order_id="7")),
        entry_of(result_entry(executed="true", event_type="x", details=json.dumps(details))),
        entry_of(result_entry(executed="False", outcome="rejected", consume_id="c-1")),
    ]


def seeds(harness: str) -> list[bytes]:
    """Good inputs, and everything that was found."""
    good: dict[str, list[bytes]] = {
        "plan": [entry_of(plan_entry()), entry_of(plan_entry(action=None, issued_ms="1771305126000"))],
        "result": _results(),
        "positions": [path.read_bytes() for path in sorted(DATA.glob("*positionrisk*.json"))],
        "markets": [path.read_bytes() for path in sorted(DATA.glob("*exchangeinfo*.json"))],
        "order": [path.read_bytes() for path in sorted(DATA.glob("*new_order*.json"))],
        "permit": [_permit(), b'{"granted":true}', b'{"allow":false,"reason":"no_position"}'],
        "settings": [
            entry_of({"P33_ALLOWLIST": "BTCUSDT,ETHUSDT", "P33_POLL_SEC": "2", "REDIS_PASSWORD": "x"}),
            entry_of({"P33_REDIS_URL": "sentinel://:p@h1:26379;h2:26379/master/1", "P33_BROKER_URL": "amqp://u:p@h//"}),
            *(entry_of({name: "1"}) for name in sorted(VARIABLES)),
        ],
    }
    found = sorted((FOUND / harness).glob("*")) if (FOUND / harness).is_dir() else []
    return [*good[harness], *(path.read_bytes() for path in found)]


def words(harness: str) -> list[str]:
    """Names, and the values that parsers stumble over."""
    names = set(VARIABLES) if harness == "settings" else _names(harness)
    return sorted({*names, "NaN", "Infinity", "1e400", "-0", "true", "True", "null", "\\ud800", "9" * 40, "BTCUSDT"})


def _names(harness: str) -> set[str]:
    text = b" ".join(seeds(harness)).decode(errors="replace")
    return {word for word in "".join(c if c.isalnum() or c in "_-." else " " for c in text).split() if len(word) < 40}
