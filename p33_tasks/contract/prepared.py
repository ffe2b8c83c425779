"""A prepared verdict: an allow in pieces, with the facts and limits it depends on (CONTRACT section 12).

Each text of the verdict (the permit, the audit's inputs) is a list of pieces and places in turn. Pieces are final text;
a place is the name of a value that is known only from the plan or at its promotion. ``commit_verdict.lua`` joins them
and never searches and replaces, so a plan_id may contain any text.
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
    """Digest of everything configured that a verdict depends on: every limit, the allowlist, the venue, the version.

    A verdict is promoted only by a process with the digest of the one that prepared it: after a restart with a tighter
    limit, earlier preparations are not used.
    """
    limits = {name: str(value) for name, value in asdict(policy).items() if name != "allowlist"}
    judged_by = {**limits, "allowlist": sorted(policy.allowlist), "source": source, "version": __version__}
    return hashlib.sha256(exact_json.dumps(judged_by, sort_keys=True).encode()).hexdigest()


def encode_prepared(one: Prepared, *, policy_digest: str, evaluated: Mapping[str, str]) -> str:
    """A prepared allow as stored until its plan comes: JSON whose values are texts, for ``commit_verdict.lua``.

    Args:
        one: The prepared verdict.
        policy_digest: ``policy_digest`` of the process that prepared it.
        evaluated: The facts it was evaluated on, by the names of the script's arguments.
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
    """The texts of an allow's permit and audit inputs, in pieces: text, place, text, place, ..., text.

    Args:
        plan: The expected plan; its plan_id, action and time are places.
        verdict: The verdict that it would get.
        facts: The facts of that verdict; their time is a place.
        policy: The limits in force.

    Returns:
        ``permit`` and ``inputs``.
    """
    mark = secrets.token_hex(16)  # random and newer than all texts here, so none contains it

    def place(name: str) -> str:
        return f"{mark}.{name}"

    permit = verdict_fields(plan, verdict, now_ms=facts.now_ms, facts=facts, policy=policy)
    permit |= {"plan_id": place("plan_id"), "snapshot_age_sec": place("snapshot_age_sec")}
    permit |= {"ts_epoch": place("now_sec"), "ts_ms": place("now_ms"), "expires_ms": place("expires_ms")}
    inputs = audit_inputs(plan, facts, policy)
    inputs["plan"] |= {"action": place("action"), "issued_ms": place("issued_ms")}
    inputs["facts"] |= {"now_ms": place("now_ms")}
    if inputs["facts"]["ledger"] is not None:  # an allow doesn't depend on the barrier: the script checks it again
        inputs["facts"]["ledger"] |= {"barrier_ms": place("barrier_ms")}
    texts: Mapping[str, Any] = {"permit": permit, "inputs": inputs}
    return {name: re.split(rf'"{mark}\.(\w+)"', exact_json.dumps(text)) for name, text in texts.items()}
