"""Calls of ``commit_verdict.lua`` for new verdicts, with as few values as possible.

Each value in a call takes time, here and in Redis. So values that are the same in every call are written into the
script's text, once for allows and once for denies. An emergency close sends all values in its call; so does a verdict
with other configured limits than the first one's, which doesn't occur in a process of the service.
"""

from __future__ import annotations

from p33_tasks.contract.audit import audit_inputs
from p33_tasks.contract.keys import Keys
from p33_tasks.contract.permits import sign, verdict_fields
from p33_tasks.domain import exact_json
from p33_tasks.domain.models import Allow, Deny, Leg, Policy
from p33_tasks.ports import Ruling
from p33_tasks.store.lua_header import Named, Value
from p33_tasks.store.scripts import Scripts
from p33_tasks.store.verdict_calls import (
    evaluated,
    everything,
    fixed_for_allow,
    fixed_for_deny,
    limits_args,
    plan_args,
    plan_keys,
    policy_args,
    position_keys,
)

SCRIPT = "commit_verdict"


class Commits:
    """Makes the calls of one process."""

    def __init__(self, scripts: Scripts, keys: Keys, signing_key: str | None) -> None:
        self._scripts = scripts
        self._keys = keys
        self._signing_key = signing_key
        self._policy: Policy | None = None  # the last policy whose configured limits are in the scripts' texts
        self._fixed: dict[str, str | int] = {}  # those limits

    def call(self, ruling: Ruling, now_ms: int) -> tuple[str, Named, Named]:
        """The script's name, keys and arguments.

        Args:
            ruling: The verdict, with its inputs.
            now_ms: Redis TIME of the verdict.
        """
        plan, verdict, facts, policy = ruling.plan, ruling.verdict, ruling.facts, ruling.policy
        leg = Leg.BOTH if facts is None else facts.position_side or Leg.BOTH
        fields = verdict_fields(plan, verdict, now_ms=now_ms, facts=facts, policy=policy)
        keys: dict[str, Value] = {**plan_keys(self._keys, plan, ruling.entry)}
        said: dict[str, Value] = {
            **plan_args(plan, leg, ruling.entry, policy),
            "decision_json": exact_json.dumps(fields),
            "inputs_json": exact_json.dumps(audit_inputs(plan, facts, policy)),
            "evaluation_us": ruling.evaluation_us,
        }
        if isinstance(verdict, Deny):
            said["reason"] = str(verdict.reason)
        else:
            if facts is None:
                raise AssertionError("an allow without facts")
            keys |= position_keys(self._keys, plan.symbol, leg, plan.close_factor)
            said |= {**evaluated(facts), **limits_args(plan, policy)}
            said["permit_expires_ms"] = now_ms + policy.permit_ttl_ms
            said["permit_json"] = ""
            if self._signing_key is not None:
                signature = sign(fields, prefix=self._keys.prefix, key=self._signing_key)
                said["permit_json"] = exact_json.dumps({**fields, "sig": signature})
        word = "allow" if isinstance(verdict, Allow) else "deny"
        if plan.emergency is None and self._are_fixed(policy):
            keys.pop("prepared_key", None)
            return f"{SCRIPT} {word}", keys, said
        other_keys, other_args = everything(self._keys, plan, leg, policy)
        return SCRIPT, {**other_keys, **keys}, {**other_args, **said, "verdict": word}

    def _are_fixed(self, policy: Policy) -> bool:
        """Whether these configured limits are in the scripts' texts; the first call's limits are written there."""
        if policy is self._policy:
            return True
        limits = policy_args(policy)
        if not self._fixed:
            self._scripts.fix(SCRIPT, f"{SCRIPT} allow", fixed_for_allow(policy))
            self._scripts.fix(SCRIPT, f"{SCRIPT} deny", fixed_for_deny(policy))
            self._fixed = limits
        if limits != self._fixed:
            return False
        self._policy = policy
        return True
