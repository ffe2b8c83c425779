"""The reasons that ``PermitRefused.reason`` may begin with, in addition to those of denies (``domain.reasons``)."""

from __future__ import annotations

from dataclasses import dataclass

NO_GOVERNOR = "missing_permit_or_redis"
NO_P33 = "missing_or_denied_p33_permit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What a reason means for an executor. After any of them no order may be sent."""

    errors: tuple[str, ...]  # the possible values of ``PermitRefused.error``
    reason: str  # the whole reason, or its beginning where details follow
    when: str
    remedy: str


_EITHER = (NO_GOVERNOR, NO_P33)
_NEW_PLAN = "send a new plan under a new plan_id"

REFUSALS = (
    Refusal(
        errors=(NO_GOVERNOR,),
        reason="the governor's permit is missing",
        when="the governor's key (named in the reason) does not exist",
        remedy="compare P33_GOVERNOR_PERMIT_KEY with the governor's own template and prefix; is the governor running?",
    ),
    Refusal(
        errors=(NO_GOVERNOR,),
        reason="the governor's permit is not granted",
        when="`granted` is not true",
        remedy="find the reason in the governor's log",
    ),
    Refusal(
        errors=(NO_GOVERNOR,),
        reason="the governor's permit is unreadable",
        when="it isn't a JSON object, or names a key twice",
        remedy="fix the governor",
    ),
    Refusal(
        errors=(NO_GOVERNOR,),
        reason="Redis ",
        when="Redis can't be reached, refuses the login, or can't write; the permits may have been consumed",
        remedy=f"`p33 check`; then {_NEW_PLAN}",
    ),
    Refusal(
        errors=_EITHER,
        reason="already_consumed",
        when="this plan's permits were consumed before, by this executor or another one",
        remedy="query the venue for the plan's order; never send it again",
    ),
    Refusal(
        errors=_EITHER,
        reason="expired",
        when="the allow permit expired (`P33_PERMIT_TTL`)",
        remedy=_NEW_PLAN,
    ),
    Refusal(
        errors=_EITHER,
        reason="withdrawn",
        when="the allow permit was deleted: by a program without `PermitClient`, or because a result reported the plan "
        "as not executed",
        remedy=f"find the program that deleted it: `p33 explain PLAN_ID`; then {_NEW_PLAN}",
    ),
    Refusal(
        errors=_EITHER,
        reason="missing",
        when="this plan has no verdict yet, or the permit disappeared between reading and consuming",
        remedy="compare plan_id, `P33_KEY_PREFIX` and Redis with the workers' settings; are the workers running? "
        "`p33 check`",
    ),
    Refusal(
        errors=_EITHER,
        reason="changed",
        when="a permit was rewritten between reading and consuming",
        remedy="find out who writes these keys",
    ),
    Refusal(
        errors=(NO_P33,),
        reason="bad_signature",
        when="`signing_keys` are given, and none of them signed this permit",
        remedy="compare `P33_PERMIT_SIGNING_KEY` and `P33_KEY_PREFIX` with the workers' settings; if they are equal, "
        "somebody forges permits",
    ),
    Refusal(
        errors=(NO_P33,),
        reason="about_another_plan",
        when="the permit under this plan's key names another plan",
        remedy="find out who writes these keys",
    ),
    Refusal(
        errors=(NO_P33,),
        reason="about_another_symbol",
        when="the permit is for a different symbol than the caller's",
        remedy="pass the plan's symbol exactly as in the permit, in upper case",
    ),
    Refusal(
        errors=(NO_P33,),
        reason="not_allowed",
        when="a deny without a reason",
        remedy="`p33 explain PLAN_ID`",
    ),
    Refusal(
        errors=(NO_P33,),
        reason="unreadable",
        when="the permit isn't a JSON object, or names a key twice",
        remedy="find out who writes these keys",
    ),
    Refusal(
        errors=(NO_P33,),
        reason="malformed",
        when="a field of the permit is missing or impossible",
        remedy="find out who writes these keys; do workers and executor have the same version?",
    ),
    Refusal(
        errors=(NO_P33,),
        reason="issued_in_the_future",
        when="Redis' clock stepped back after the permit was issued",
        remedy=_NEW_PLAN,
    ),
    Refusal(
        errors=(NO_P33,),
        reason="other_redis_run",
        when="Redis restarted or failed over after the permit was issued",
        remedy=_NEW_PLAN,
    ),
    Refusal(
        errors=(NO_P33,),
        reason="other_redis_life",
        when="Redis failed over and back, or was emptied, after the permit was issued",
        remedy=_NEW_PLAN,
    ),
    Refusal(
        errors=(NO_P33,),
        reason="reservation_lost",
        when="the position isn't reserved for this plan any more",
        remedy=_NEW_PLAN,
    ),
    Refusal(
        errors=(NO_P33,),
        reason="reconcile_hold_active",
        when="an operator or the service stopped the position after the permit was issued",
        remedy="find out who set the hold and why (`p33 hold list`); then `p33 hold clear SYMBOL`, or "
        "`p33 reconcile release SYMBOL` where the service set it",
    ),
    Refusal(
        errors=(NO_P33,),
        reason="ledger_missing",
        when="the ledger, or its amount, disappeared after the permit was issued (e.g. by a switch of the mode)",
        remedy="`p33 ledger show SYMBOL`",
    ),
    Refusal(
        errors=(NO_P33,),
        reason="ledger_unreadable",
        when="the ledger's order time isn't a time",
        remedy="`p33 ledger show SYMBOL`",
    ),
    Refusal(
        errors=(NO_P33,),
        reason="order_since_permit",
        when="an order of this position was reported after the permit was issued",
        remedy=_NEW_PLAN,
    ),
    Refusal(
        errors=(NO_P33,),
        reason="snapshot_missing",
        when="the snapshot was deleted or expired after the permit was issued",
        remedy="`p33 check`",
    ),
    Refusal(
        errors=(NO_P33,),
        reason="stale_exchange_state",
        when="at consumption the snapshot is too old or dated in the future",
        remedy="wait for the next refresh, then " + _NEW_PLAN,
    ),
    Refusal(
        errors=(NO_P33,),
        reason="snapshot_of_another_run",
        when="the snapshot is from before Redis restarted",
        remedy="wait for the next refresh, then " + _NEW_PLAN,
    ),
    Refusal(
        errors=(NO_P33,),
        reason="snapshot_of_another_life",
        when="the snapshot is from before Redis failed over and back, or was emptied",
        remedy="wait for the next refresh, then " + _NEW_PLAN,
    ),
    Refusal(
        errors=(NO_P33,),
        reason="snapshot_of_another_source",
        when="the snapshot is from a different venue or host than the permit's",
        remedy="find the worker that writes this symbol with different exchange settings: `p33 check`",
    ),
    Refusal(
        errors=(NO_P33,),
        reason="position_mode_changed",
        when="the symbol was switched between one-way and hedge mode after the permit was issued",
        remedy=_NEW_PLAN + ", for a position of the current mode",
    ),
    Refusal(
        errors=(NO_P33,),
        reason="position_changed",
        when="the position changed after the permit was issued",
        remedy=_NEW_PLAN,
    ),
)


def refusal_of(reason: str) -> Refusal | None:
    """The entry for a reason, with or without details after it; None for a deny's reason."""
    exact = [refusal for refusal in REFUSALS if refusal.reason == reason]
    found = exact or [refusal for refusal in REFUSALS if reason.startswith(refusal.reason)]
    return found[0] if found else None
