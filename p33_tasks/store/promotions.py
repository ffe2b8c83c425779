"""Promotions: calls of ``commit_verdict.lua`` for prepared verdicts, with only the plan's values.

Most of a promotion's time is the call, and each name in it takes time. So values that are the same in every call are
written into the script's text, and the names of a position's keys are cached.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from p33_tasks.contract.audit import MAX_ACTION_CHARS
from p33_tasks.contract.keys import Keys
from p33_tasks.domain import exact_json
from p33_tasks.domain.models import Leg, Plan, Policy
from p33_tasks.errors import StoreError
from p33_tasks.ports import CommitStatus, StreamEntry
from p33_tasks.store.lua_header import Named, Value
from p33_tasks.store.scripts import Scripts, encoded
from p33_tasks.store.verdict_calls import fixed_for_promotion, plan_args, position_keys

MOST_KNOWN = 10_000
"""Maximum number of positions and close factors with cached keys: foreign symbols must not fill the memory."""


class Promotions:
    """Makes the calls of one process."""

    def __init__(self, scripts: Scripts, keys: Keys) -> None:
        self._scripts = scripts
        self._keys = keys
        self._fixed: set[str] = set()  # digests of policies whose script text exists
        self._known: dict[tuple[str, Leg, Decimal | None], dict[str, bytes]] = {}

    def promote_each(
        self, plans: Sequence[tuple[Plan, StreamEntry]], policy: Policy, policy_digest: str
    ) -> list[tuple[CommitStatus, str] | StoreError]:
        """See ``ports.VerdictStore.promote_each``."""
        replies = self.replies(plans, policy, policy_digest)
        return [
            reply if isinstance(reply, StoreError) else (CommitStatus(reply[0]), reply[1] if len(reply) > 1 else "")
            for reply in replies
        ]

    def replies(
        self, plans: Sequence[tuple[Plan, StreamEntry]], policy: Policy, policy_digest: str
    ) -> list[list[Any] | StoreError]:
        """The script's reply to each."""
        if policy_digest not in self._fixed:
            self._scripts.fix("commit_verdict", policy_digest, fixed_for_promotion(policy, policy_digest))
            self._fixed.add(policy_digest)
        return self._scripts.run_each(policy_digest, [self._call(plan, entry, policy) for plan, entry in plans])

    def _call(self, plan: Plan, entry: StreamEntry, policy: Policy) -> tuple[Named, Named]:
        keys: dict[str, Value] = {
            **self._position_keys(plan.symbol, plan.position_side, plan.close_factor),
            "decision_key": self._keys.decision(plan.plan_id),
            "permit_key": self._keys.permit(plan.plan_id),
            "plans_key": entry.stream,
        }
        said: dict[str, Value] = {
            **plan_args(plan, plan.position_side, entry, policy),
            "plan_id_json": exact_json.dumps(plan.plan_id),
            "action_json": exact_json.dumps(plan.action[:MAX_ACTION_CHARS]),
        }
        return keys, said

    def _position_keys(self, *position: *tuple[str, Leg, Decimal | None]) -> dict[str, bytes]:
        known = self._known.get(position)
        if known is None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            names = position_keys(self._keys, *position)
            known = self._known[position] = {name: encoded(key) for name, key in names.items()}
        return known
