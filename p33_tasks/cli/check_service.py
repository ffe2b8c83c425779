"""Checks whether workers and beat work, from their data in Redis, so for all hosts."""

from __future__ import annotations

from decimal import Decimal

from p33_tasks.bootstrap.apprise_sender import is_installed
from p33_tasks.cli.findings import Finding, Findings, Grade, counted, listed
from p33_tasks.cli.session import Session
from p33_tasks.cli.show import seconds
from p33_tasks.cli.tables import limits_text, stream_text
from p33_tasks.contract.fingerprints import NONE
from p33_tasks.domain.ledger import drift_after
from p33_tasks.domain.limits import looser
from p33_tasks.domain.models import Policy
from p33_tasks.domain.quantities import canonical
from p33_tasks.store.entries import ahead_counter
from p33_tasks.views.consumers import ConsumerView, other_prefixes, read_consumers
from p33_tasks.views.overview import Overview, read_overview
from p33_tasks.views.resting import read_resting_reading
from p33_tasks.views.streams import MAX_AHEAD_MS, StreamView

START_WORKER = "start one: celery -A p33_tasks worker"
START_BEAT = "start one: celery -A p33_tasks beat"
LATE_PENDING_MS = 5_000
STUCK_PENDING_MS = 60_000
MISSED_TICKS = 3
LARGEST_PARTIAL_CLOSE = Decimal("0.75")


def check_service(session: Session) -> list[Finding]:
    """All findings about workers, beat, streams and symbols.

    Raises:
        StoreError: Redis is unavailable, or refuses.
    """
    settings = session.settings
    overview = read_overview(session.client, session.keys, settings.allowlist, source=session.source)
    consumers = read_consumers(session.client, session.keys)
    return [
        *_check_workers(session, consumers),
        *_check_beat(overview, settings.policy),
        *_check_snapshots(overview, settings.policy),
        *_check_streams(overview, consumers),
        *_check_symbols(overview, settings.policy),
        *_check_limits(overview, settings.policy),
        *_check_resting(session, overview),
        *_check_notifications(session, overview),
    ]


def _check_workers(session: Session, consumers: tuple[ConsumerView, ...]) -> list[Finding]:
    findings = Findings("workers")
    if any(consumer.is_alive for consumer in consumers):
        _check_marks(findings, session, consumers)
    elif others := other_prefixes(session.client, session.keys):
        found = f"P33_KEY_PREFIX is {session.keys.prefix} here; the workers on this Redis have {listed(others)}"
        findings.fail("key prefix", found, "use the workers' prefix, or start a worker with this one")
    for stream in ("plans", "results"):
        alive = [consumer.name for consumer in consumers if consumer.stream == stream and consumer.is_alive]
        if alive:
            findings.ok(f"reading {stream}", f"{len(alive)}: {listed(alive)}")
        else:
            findings.fail(f"reading {stream}", "nobody: no worker is running (or P33_INGEST=off)", START_WORKER)
    return findings.all


_MARKED = {
    "broker": (
        "P33_BROKER_URL",
        "use the workers' broker; a different name of the same server is no problem",
        "workers",
    ),
    "signing": (
        "P33_PERMIT_SIGNING_KEY",
        "give all workers and every PermitClient the same key: with a different key, permits are refused",
        "workers and executors",
    ),
    "reconcile": (
        "P33_RECONCILE_KEY",
        "give all workers and p33 emergency-close the same key: with a different key, a close is denied invalid_plan",
        "workers and p33 emergency-close",
    ),
    "task": (
        "P33_TASK_KEY",
        "give all workers and these producers the same key: tasks with a different key are refused",
        "workers and such producers",
    ),
}
"""By the mark's name: the variable, the fix if it differs, and its user."""


def _check_marks(findings: Findings, session: Session, consumers: tuple[ConsumerView, ...]) -> None:
    """Compare the settings of the workers with this process's; workers before 0.2 don't publish theirs."""
    own = session.settings.marks
    for name, (variable, fix, users) in _MARKED.items():
        marked = {consumer.name: consumer.marks[name] for consumer in consumers if name in consumer.marks}
        other = listed(sorted(worker for worker, mark in marked.items() if mark != own[name]))
        if other and own[name] == NONE:
            findings.ok(name, f"{variable} is not set here, {other} has one; only {users} need it")
        elif other:
            findings.warn(name, f"{variable} here differs from that of {other}", fix)
        elif marked:
            found = (
                f"{variable} is set neither here nor there" if own[name] == NONE else f"{variable} is the workers' own"
            )
            findings.ok(name, found)


def _check_beat(overview: Overview, policy: Policy) -> list[Finding]:
    findings, refresh = Findings("beat"), overview.refresh
    if refresh.paused_ms:
        fix = "wait; the venue received too many requests from this address. Until then every plan is denied"
        findings.fail("pause", f"the exchange asked for one, {seconds(refresh.paused_ms)} are left", fix)
    if refresh.started_ms is None:
        findings.fail("refresh", "none was ever started", f"{START_BEAT} (and a worker for p33.snapshots)")
        return findings.all
    age_ms = overview.now_ms - refresh.started_ms
    found = f"the last one began {seconds(age_ms)} ago, one is due every {seconds(policy.poll_ms)}"
    grade = Grade.OK if age_ms <= MISSED_TICKS * policy.poll_ms or refresh.paused_ms else Grade.FAIL
    findings.add("refresh", grade, found, f"{START_BEAT} (and a worker for p33.snapshots)")
    if refresh.error:
        findings.fail("its outcome", f"failed: {refresh.error}", "see the exchange's rows of this table")
    weight = f"ours {refresh.used_weight}, by the venue's count {refresh.reported_weight} of this address"
    findings.ok("request weight", f"{weight}, in this minute")
    return findings.all


def _check_snapshots(overview: Overview, policy: Policy) -> list[Finding]:
    findings = Findings("snapshots")
    old = [
        f"{view.position} ({'none' if view.snapshot_age_ms is None else seconds(view.snapshot_age_ms)})"
        for view in overview.symbols
        if view.snapshot_age_ms is None
        or not 0 <= view.snapshot_age_ms <= view.policy_in_force(policy).stale_threshold_ms
    ]
    limit = seconds(policy.stale_threshold_ms)
    if old:
        fix = "plans for these are denied; see beat, workers and exchange in this table"
        findings.fail(
            "fresh", f"{len(old)} of {len(overview.symbols)} are missing or older than {limit}: {listed(old)}", fix
        )
    else:
        findings.ok("fresh", f"all {len(overview.symbols)} younger than {limit}")
    return findings.all


def _check_streams(overview: Overview, consumers: tuple[ConsumerView, ...]) -> list[Finding]:
    findings = Findings("streams")
    for stream in overview.streams:
        if stream.problem:
            findings.fail(stream.name, f"{stream.key}: {stream.problem}", "check it, then RENAME it")
        elif stream.name in {"plans", "results"}:
            # By the entry's age, since sending it again resets its idle time. An id ahead of the clock has no age.
            idle_ms = max((c.oldest_idle_ms for c in consumers if c.stream == stream.name), default=0)
            age = max(idle_ms, 0 if stream.oldest_ms is None else overview.now_ms - stream.oldest_ms)
            found = stream_text(stream) + (f", the oldest was added {seconds(age)} ago" if stream.lag else "")
            grade = Grade.FAIL if age > STUCK_PENDING_MS else Grade.WARN if age > LATE_PENDING_MS else Grade.OK
            fix = "workers are missing or too few, or an entry can't be recorded: see UNRECORDED in their log"
            findings.add(stream.name, grade, found, fix)
            _check_ids(findings, stream, overview)
        elif stream.name == "dead_letters" and stream.length:
            fix = "read them: p33 deadletters list; a result that can be read now: p33 deadletters retry ID"
            findings.warn("dead letters", f"{counted(stream.length, 'entry', 'entries')} that could not be read", fix)
    return findings.all


def _check_ids(findings: Findings, stream: StreamView, overview: Overview) -> None:
    """Check for entry ids ahead of this Redis's clock."""
    read = overview.counters.get(ahead_counter(stream.name), 0)
    so_far = f"{counted(read, 'entry', 'entries')} with an id ahead of Redis's clock so far (p33_entry_ahead_total)"
    if stream.is_closed:
        fix = "XADD fails from now on: let workers read the entries, then RENAME the stream; producers create a new one"
        findings.fail(f"ids of {stream.name}", f"{stream.key}: its last id is the greatest possible", fix)
    elif (ahead_ms := stream.ahead_ms(overview.now_ms)) > MAX_AHEAD_MS:
        found = f"{stream.key}: its last id is {seconds(ahead_ms)} ahead of Redis's clock; read: {so_far}"
        fix = (
            "a producer sets its own entry ids (use XADD with *), or the clock stepped back (run NTP on Redis's host); "
            "new entries get such ids until Redis TIME reaches the last id"
        )
        findings.warn(f"ids of {stream.name}", found, fix)
    elif read:
        findings.ok(f"ids of {stream.name}", f"in order now; read: {so_far}")


def _check_symbols(overview: Overview, policy: Policy) -> list[Finding]:
    findings = Findings("symbols")
    endless = [view.position for view in overview.symbols if view.reservation_is_endless]
    if endless:
        fix = "a running snapshot worker gives it an expiry with the next refresh; then find out who SET it without PX"
        findings.fail("reservations", f"without an expiry: {listed(endless)}; every plan on them is denied", fix)
    held = [view.position for view in overview.symbols if view.hold_why is not None]
    if held:
        findings.warn("holds", f"on {listed(held)}", "p33 hold list, then p33 hold clear SYMBOL")
    bare = [view.position for view in overview.symbols if view.ledger_amt is None and view.position_amt]
    if bare:
        fix = "compare with your own records, then: p33 ledger adopt SYMBOL"
        findings.warn("ledgers", f"none for {listed(bare)}, which have a position: plans are denied", fix)
    drifting = [
        f"{view.position} ({view.drift_pct:.2f} %)"
        for view in overview.symbols
        if view.drift_pct is not None
        and view.drift_pct > view.policy_in_force(policy).qty_tolerance_pct
        and not view.cooldown_left_ms(policy)
    ]
    if drifting:
        fix = "find the fill that is missing on one side, then: p33 ledger adopt --replace SYMBOL"
        findings.warn("drift", f"above the tolerance: {listed(drifting)}", fix)
    growing = [
        f"{view.position} ({view.drift_pct:.2f} %, then {after:.2f} %)"
        for view in overview.symbols
        if view.drift_pct is not None
        and view.drift_pct <= (tolerance := view.policy_in_force(policy).qty_tolerance_pct)
        and (after := drift_after(view.drift_pct, LARGEST_PARTIAL_CLOSE)) > tolerance
    ]
    if growing:
        fix = "find the fill that is missing on one side, then: p33 ledger adopt --replace SYMBOL"
        found = f"tolerated now, above the tolerance after a CLOSE_PARTIAL_75: {listed(growing)}"
        findings.warn("drift ahead", found, fix)
    if not findings.all:
        findings.ok("holds, ledgers, drift", f"nothing stops any of {counted(len(overview.symbols), 'symbol')}")
    return findings.all


def _check_resting(session: Session, overview: Overview) -> list[Finding]:
    """Check that the open orders are known, if closes subtract them."""
    findings, policy = Findings("resting orders"), session.settings.policy
    if not policy.subtract_resting:
        return findings.all
    reading = read_resting_reading(session.client, session.keys)
    age_ms = None if reading.succeeded_ms is None else overview.now_ms - reading.succeeded_ms
    limit, weight = seconds(policy.resting_max_age_ms), session.settings.venue.resting_weight
    found = f"read {'never' if age_ms is None else f'{seconds(age_ms)} ago'}, once a minute at weight {weight}"
    if age_ms is not None and 0 <= age_ms <= policy.resting_max_age_ms:
        findings.ok("read", found)
    else:
        why = f"; the last one failed: {reading.error}" if reading.error else ""
        fix = "plans are denied resting_orders_unknown; is a worker for p33.snapshots running?"
        findings.fail("read", f"{found}, older than {limit}{why}", fix)
    unknown = [
        f"{view.position} ({view.facts.resting_problem})" for view in overview.symbols if view.facts.resting_problem
    ]
    if unknown:
        fix = "the venue sent a row that can't be read; its plans are denied until it can"
        findings.fail("unreadable", listed(unknown), fix)
    covered = [
        f"{view.position} ({len(resting.order_ids)} orders, {canonical(resting.qty)})"
        for view in overview.symbols
        if (resting := view.facts.resting) is not None and resting.qty
    ]
    if covered:
        findings.ok("in the book", f"closes leave room for: {listed(covered)}")
    return findings.all


def _check_notifications(session: Session, overview: Overview) -> list[Finding]:
    """Check that notifications can be sent, if addresses are set."""
    findings, routes = Findings("notifications"), session.settings.notify_routes
    if not routes:
        return findings.all
    lost = overview.counters.get("p33_notification_total|lost", 0)
    sent = overview.counters.get("p33_notification_total|sent", 0)
    if not is_installed():
        fix = "pip install 'position-state-brain[notify]' where the workers of p33.snapshots run"
        findings.fail("apprise", "P33_NOTIFY is set, and Apprise is not installed here: nobody is told", fix)
    found = f"of {listed(sorted(routes))}; {sent} sent, {lost} lost so far"
    if lost:
        findings.warn("told", found, "try the addresses by hand; the workers' log says NOTIFICATION_LOST and when")
    else:
        findings.ok("told", found)
    return findings.all


def _check_limits(overview: Overview, policy: Policy) -> list[Finding]:
    """Report each symbol with its own limits; a limit looser than the configured one is a warning."""
    findings = Findings("limits")
    for view in overview.symbols:
        limits, text = view.facts.limits, limits_text(view, policy)
        clear = f"p33 limits set {view.symbol}, or p33 limits clear {view.symbol}"
        if view.facts.limits_problem:
            findings.fail(view.position, text, clear)
        elif view.policy_in_force(policy).limits_until_ms is not None:
            findings.warn(view.position, text, f"if it is no longer meant: {clear}")
        elif looser(policy, limits):
            ended = "looser than configured and no longer counted: " + ", ".join(looser(policy, limits))
            findings.warn(view.position, f"{ended}; in force: {text or 'the configured ones'}", clear)
        elif text:
            findings.ok(view.position, text)
    return findings.all
