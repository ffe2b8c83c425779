"""A verdict that was prepared: an allow in pieces, with the facts and limits it rests on (CONTRACT section 12).

A text of the verdict (the permit, the audit's inputs) is a list of pieces and places in turn: pieces are final, a place
names what only the plan, or the moment of its promotion, can say. ``commit_verdict.lua`` writes them one behind the
other; it searches and replaces nothing, so that a plan_id can hold whatever it likes.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from p33_tasks import __version__
from p33_tasks.contract.audit import audit_inputs
from p33_tasks.contract.permits import verdict_fields
from p33_tasks.domain import exact_json
from p33_tasks.domain.models import Allow, Facts, Plan, Policy
from p33_tasks.ports import Prepared


def policy_digest(policy: Policy, source: str) -> str:
    """What a process judges by, as an opaque text: every configured limit, the allowlist, the venue, the version.

    A verdict is promoted only by a process that judges as the one that prepared it: after a restart with a tighter
    limit nothing counts that was prepared before.
    """
    limits = {name: str(value) for name, value in asdict(policy).items() if name != "allowlist"}
    judged_by = {**limits, "allowlist": sorted(policy.allowlist), "source": source, "version": __version__}
    return hashlib.sha256(exact_json.dumps(judged_by, sort_keys=True).encode()).hexdigest()


def encode_prepared(one: Prepared, *, policy_digest: str, evaluated: Mapping[str, str]) -> str:
    """An allow as it is kept until such a plan comes: every value a text, for ``commit_verdict.lua``.

    Args:
        one: What was prepared.
        policy_digest: Of the process that prepared it.
        evaluated: What it rests on, as the script's arguments name it.
    """
    policy = one.policy
    kept: dict[str, Any] = {
        "policy_digest": policy_digest,
        **{name.removeprefix("evaluated_"): value for name, value in evaluated.items()},
        "stale_threshold_ms": str(policy.stale_threshold_ms),
        "cooldown_ms": str(policy.cooldown_ms),
        "limits_until_ms": "" if policy.limits_until_ms is None else str(policy.limits_until_ms),
        "reservation_ttl_ms": str(policy.permit_ttl_ms + policy.cooldown_ms),
        **in_pieces(one.plan, one.verdict, one.facts, policy),
    }
    return exact_json.dumps(kept)


def in_pieces(plan: Plan, verdict: Allow, facts: Facts, policy: Policy) -> dict[str, list[str]]:
    """The permit's and the audit's texts of an allow, in pieces: text, place, text, place, ..., text.

    Args:
        plan: The expected plan; its plan_id, action and time are places.
        verdict: What it would get.
        facts: What that rests on; the time is a place.
        policy: The limits in force.

    Returns:
        ``permit`` and ``inputs``.
    """
    mark = secrets.token_hex(16)  # nobody else's text can hold it: it was made after theirs

    def place(name: str) -> str:
        return f"{mark}.{name}"

    permit = verdict_fields(plan, verdict, now_ms=facts.now_ms, facts=facts, policy=policy)
    permit |= {"plan_id": place("plan_id"), "snapshot_age_sec": place("snapshot_age_sec")}
    permit |= {"ts_epoch": place("now_sec"), "ts_ms": place("now_ms"), "expires_ms": place("expires_ms")}
    inputs = audit_inputs(plan, facts, policy)
    inputs["plan"] |= {"action": place("action"), "issued_ms": place("issued_ms")}
    inputs["facts"] |= {"now_ms": place("now_ms")}
    if inputs["facts"]["ledger"] is not None:  # a barrier is no fact that an allow rests on: the script judges it anew
        inputs["facts"]["ledger"] |= {"barrier_ms": place("barrier_ms")}
    texts: Mapping[str, Any] = {"permit": permit, "inputs": inputs}
    return {name: re.split(rf'"{mark}\.(\w+)"', exact_json.dumps(text)) for name, text in texts.items()}
