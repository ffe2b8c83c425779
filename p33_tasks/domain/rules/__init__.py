"""The decision table of CONTRACT section 5: one function per rule, in one ordered list.

A rule evaluates a ``Case`` and returns a ``Deny``, or None if it doesn't object. ``RULES`` is the order; the first deny
is the verdict. Rule 5 comes before 3 and 4, because an order in flight looks like drift.
"""

from __future__ import annotations

from p33_tasks.domain.rules.case import Rule
from p33_tasks.domain.rules.holds import limits_are_readable, no_hold_is_set
from p33_tasks.domain.rules.plan import (
    action_is_known,
    plan_is_not_expired,
    plan_is_reduce_only,
    plan_is_well_formed,
    symbol_is_allowed,
)
from p33_tasks.domain.rules.position import (
    ledger_is_known,
    resting_orders_are_known,
    rule_2_position_exists,
    rule_3_sides_agree,
    rule_4_quantities_agree,
    rule_5_cooldown_is_over,
    step_size_is_known,
    symbol_is_not_reserved,
)
from p33_tasks.domain.rules.snapshot import (
    exchange_snapshot_is_known,
    named_side_is_the_positions,
    position_side_is_named,
    rule_1_snapshot_is_fresh,
    snapshot_is_later_than_the_last_order,
    snapshot_is_requested_after_the_barrier,
)

RULES: tuple[Rule, ...] = (
    plan_is_well_formed,
    symbol_is_allowed,
    plan_is_not_expired,
    plan_is_reduce_only,
    action_is_known,
    no_hold_is_set,
    limits_are_readable,
    exchange_snapshot_is_known,
    position_side_is_named,
    rule_1_snapshot_is_fresh,
    rule_2_position_exists,
    named_side_is_the_positions,
    rule_5_cooldown_is_over,
    snapshot_is_later_than_the_last_order,
    snapshot_is_requested_after_the_barrier,
    symbol_is_not_reserved,
    ledger_is_known,
    rule_3_sides_agree,
    rule_4_quantities_agree,
    step_size_is_known,
    resting_orders_are_known,
)
"""All rules, in the order of CONTRACT section 5; rule 6 (safe close quantity) follows in ``decision.evaluate``."""
