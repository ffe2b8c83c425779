"""``p33 emergency-close``: closes a position although its ledger is missing or wrong, or the service holds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from p33_tasks.cli.failures import NO, Failure, Misconfigured, json_option
from p33_tasks.cli.session import open_session, operator
from p33_tasks.cli.show import amount, escaped, print_json, seconds
from p33_tasks.cli.symbols import listed_symbol_of
from p33_tasks.domain.holds import HeldBy
from p33_tasks.domain.models import Leg, Policy
from p33_tasks.domain.reasons import Reason
from p33_tasks.store.emergency import EmergencyStore
from p33_tasks.views import denials, narrative
from p33_tasks.views.overview import read_overview
from p33_tasks.views.positions import SymbolView

VERDICT_SEC = 20.0
"""Longer than a verdict waits for its snapshot."""
ACTIONS = {"1": "CLOSE_FULL", "0.75": "CLOSE_PARTIAL_75", "0.5": "CLOSE_PARTIAL_50", "0.25": "CLOSE_PARTIAL_25"}

_NO_KEY = (
    "emergency closes are not possible: P33_RECONCILE_KEY is not set.\n"
    "Put the same secret of at least 16 characters into P33_RECONCILE_KEY (or a file named by P33_RECONCILE_KEY_FILE) "
    "of the workers and of this command, and restart the workers. To close a position at once without it, use the "
    "exchange's own page, then: p33 ledger adopt --replace SYMBOL"
)


@click.command("emergency-close", short_help="Close a position in spite of ledger or hold.")
@click.argument("symbol")
@click.option("--side", type=click.Choice(["LONG", "SHORT"], case_sensitive=False), help="Which leg, in hedge mode.")
@click.option("--fraction", type=click.Choice(list(ACTIONS)), default="1", show_default=True, help="The part to close.")
@click.option("--why", required=True, help="The reason; recorded in the audit stream.")
@click.option("--now", is_flag=True, help="Skip the cooldown after the last order.")
@click.option("--yes", is_flag=True, help="Skip the confirmation, also if an operator's hold is set.")
@json_option
def emergency_close(
    *, symbol: str, side: str | None, fraction: str, why: str, now: bool, yes: bool, as_json: bool
) -> None:
    """Close SYMBOL's position, or a part of it, even if its ledger is missing or wrong, or the service holds it.

    The plan is signed with P33_RECONCILE_KEY and evaluated on a snapshot requested for it. All other rules stay: fresh
    snapshot, cooldown (unless --now), one permit at a time, quantity rounded down to the step, reduce-only. The
    executor handles it like any other plan. Exit 1 if it is denied, or if no verdict came within 20 s.

    \b
    Examples:
      p33 emergency-close BTCUSDT --why "drift since the restart, ticket 4711"
      p33 emergency-close ETHUSDT --side LONG --fraction 0.5 --why "margin" --now --yes
    """
    session = open_session()
    name = listed_symbol_of(symbol, session)
    key = session.settings.reconcile_key
    if key is None:
        raise Misconfigured(_NO_KEY)
    if not why.strip():
        raise click.BadParameter("give a reason; it is recorded in the audit stream", param_hint="--why")
    if as_json and not yes:
        raise click.UsageError("--json has no confirmation; add --yes")
    views = read_overview(session.client, session.keys, (name,), source=session.source).symbols
    leg = _leg(views[0], side)
    view = next((view for view in views if view.leg is leg), views[0])
    over_hold = any(hold.held_by is HeldBy.OPERATOR for hold in view.facts.holds)
    if not as_json:
        _show(view, leg, fraction, now=now)
    if not yes:
        _end_if_flat(view, leg, session.settings.policy)
        click.confirm("Close it?", abort=True)
        if over_hold:
            click.confirm("An operator stopped this symbol. Close the position anyway?", abort=True)
    store = EmergencyStore(session.client, session.keys, key=key.get_secret_value())
    plan_id = store.ask(name, leg, ACTIONS[fraction], passes_cooldown=now, over_hold=over_hold, why=why, by=operator())
    if not as_json:
        click.echo(f"sent as plan {plan_id}; waiting for its verdict")
    _report(plan_id, store.wait(plan_id, VERDICT_SEC), as_json=as_json)


def _leg(view: SymbolView, side: str | None) -> Leg:
    snapshot = view.facts.snapshot
    if side is None and snapshot is not None and snapshot.position.hedge_mode:
        raise click.BadParameter(f"{view.symbol} has two legs; name one: LONG or SHORT", param_hint="--side")
    return Leg.BOTH if side is None else Leg(side.upper())


def _end_if_flat(view: SymbolView, leg: Leg, policy: Policy) -> None:
    """End the command before the confirmation if a fresh snapshot shows a flat position.

    Raises:
        Failure: It is flat.
    """
    age_ms = view.snapshot_age_ms
    if view.leg is not leg or age_ms is None or view.position_amt != 0:
        return
    if 0 <= age_ms <= view.policy_in_force(policy).stale_threshold_ms:
        raise Failure(
            f"the position is flat ({seconds(age_ms)} ago): there is nothing to close. "
            "If it was opened a moment ago, try again after the next refresh"
        )


def _show(view: SymbolView, leg: Leg, fraction: str, *, now: bool) -> None:
    about = view.symbol if leg is Leg.BOTH else f"{view.symbol} {leg}"
    known = view.leg is leg and view.position_amt is not None
    found = f"{amount(view.position_amt)}, {seconds(view.snapshot_age_ms)} old" if known else "unknown"
    part = "all" if fraction == "1" else fraction
    click.echo(f"{about}: the exchange's position is {found}; a new snapshot is requested. Closing {part} of it")
    if view.leg is leg:
        click.echo(f"the ledger is {amount(view.ledger_amt)}; this check is skipped")
    for hold in view.facts.holds:
        if hold.held_by is HeldBy.SERVICE:
            click.echo(f"the service holds it ({escaped(hold.reason, limit=200)}); this check is skipped")
        else:
            by = escaped(hold.by) or "unknown"
            click.echo(f"AN OPERATOR STOPPED IT: {escaped(hold.reason, limit=500)} (by {by})")
    if now:
        click.echo("the cooldown is skipped: the position may not include an order of the last seconds yet")


def _report(plan_id: str, verdict: Mapping[str, Any] | None, *, as_json: bool) -> None:
    if as_json:
        print_json({"plan_id": plan_id, "verdict": verdict})
    if verdict is None:
        if as_json:
            raise click.exceptions.Exit(NO)
        raise Failure(
            f"no verdict came in {VERDICT_SEC:.0f} s. Do workers run, with this P33_KEY_PREFIX? Run p33 check, "
            f"then: p33 explain {plan_id}"
        )
    allowed = verdict.get("allow") is True
    if not as_json and allowed:
        quantity = narrative.number(verdict.get("safe_close_qty"))
        click.echo(f"ALLOWED to {escaped(verdict.get('order_side'))} {escaped(quantity)}; the executor closes it now")
        click.echo(f"To see the result: p33 explain {plan_id}; then compare: p33 ledger show")
    elif not as_json:
        click.echo(f"DENIED, {escaped(verdict.get('reason'))}. {escaped(_advice(verdict), limit=900)}")
        click.echo(f"More: p33 explain {plan_id}")
    if not allowed:
        raise click.exceptions.Exit(NO)


def _advice(verdict: Mapping[str, Any]) -> str:
    """What to do after a deny; this command wrote the plan, so if it isn't accepted, the signing key differs."""
    details = verdict.get("details")
    if verdict.get("reason") != Reason.INVALID_PLAN or not isinstance(details, Mapping):
        return denials.remedy(verdict)
    return (
        f"The workers did not accept it: {details.get('problem')}. Put the same P33_RECONCILE_KEY into the workers and "
        "restart them; or close the position on the exchange's own page"
    )
