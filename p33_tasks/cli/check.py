"""``p33 check``: the problems of this deployment, with their fixes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import click

from p33_tasks.cli.check_exchange import check_exchange
from p33_tasks.cli.check_redis import UNUSABLE, check_broker, check_redis
from p33_tasks.cli.check_rights import check_rights
from p33_tasks.cli.check_service import check_service
from p33_tasks.cli.durations import Seconds
from p33_tasks.cli.failures import NO, UNREACHABLE, WRONG_USAGE, json_option
from p33_tasks.cli.findings import Finding, Findings, Grade, counted, listed, worst
from p33_tasks.cli.session import Session, open_session
from p33_tasks.cli.show import cell, console, print_json, seconds
from p33_tasks.contract.timing import PLACE_WINDOW_MS
from p33_tasks.errors import ConfigurationError, StoreError
from p33_tasks.settings import DEFAULT_ENV_FILE, unknown_variables

ROUND_SEC = 1.0
EXCHANGE_ROUND_SEC = 5.0
"""With ``--wait``: seconds between two rounds, and between two with requests to the exchange."""

LONG_PERMIT_MS, SHORT_PLAN_MS, REFRESH_ROOM_MS = 300_000, 1_000, 1_000
LARGE_EPSILON = Decimal("0.01")

_IN_THE_URL = tuple(
    (f"redis_{what}", f"REDIS_{what.upper()}") for what in ("host", "port", "db", "username", "password")
)
"""Fields and variables of the settings that P33_REDIS_URL replaces."""

_STYLES = {Grade.OK: "green", Grade.WARN: "yellow", Grade.FAIL: "bold red"}


@click.command(short_help="Find problems of this deployment, with the fix.")
@click.option("--no-exchange", is_flag=True, help="Send no request to the exchange.")
@click.option(
    "--wait",
    "wait_sec",
    type=Seconds(min=0, max=3600),
    default=0,
    metavar="SEC",
    help="Repeat until no check fails, for at most SEC seconds. Use it after a start or a restart.",
)
@json_option
def check(no_exchange: bool, wait_sec: float, as_json: bool) -> None:
    """Check everything that this service needs: configuration, Redis, broker, exchange, workers, beat, streams.

    It only reads; it places no order. Its requests to the exchange (request weight below 50) use the request budget
    that all workers share. With --wait, the exchange is checked last, after all other checks passed. Exit 3 if Redis,
    broker or exchange can't be reached, 1 if another check fails, 2 if the configuration can't be used, 0 with warnings
    only.

    \b
    Examples:
      p33 check
      p33 check --wait 60
      p33 check --no-exchange
      p33 check --json | jq '.findings[] | select(.grade != "ok")'
    """
    try:
        session = open_session()
    except ConfigurationError as error:
        findings = Findings("configuration")
        findings.fail("settings", str(error), "correct these variables, then try again")
        report(findings.all, as_json=as_json)
        raise click.exceptions.Exit(WRONG_USAGE) from error
    found = wait_for_checks(session, wait_sec=wait_sec, ask_exchange=not no_exchange)
    report(found, as_json=as_json)
    if worst(found) is Grade.FAIL:
        raise click.exceptions.Exit(UNREACHABLE if any(finding.unreachable for finding in found) else NO)


def wait_for_checks(session: Session, *, wait_sec: float, ask_exchange: bool = True) -> list[Finding]:
    """The findings of the first round in which nothing fails, else those of the last round.

    Args:
        session: The deployment's settings and connections.
        wait_sec: How long to repeat the checks.
        ask_exchange: Check the exchange, too: only if nothing else fails, and every 5 s, since each round costs
            request weight that the workers need.
    """
    deadline = time.monotonic() + wait_sec
    while True:
        left_sec = deadline - time.monotonic()
        pause_sec = ROUND_SEC
        found = run_checks(session, ask_exchange=ask_exchange and left_sec <= 0)
        if ask_exchange and left_sec > 0 and worst(found) is not Grade.FAIL:
            pause_sec = EXCHANGE_ROUND_SEC
            found = run_checks(session)
        if left_sec <= 0 or worst(found) is not Grade.FAIL:
            return found
        time.sleep(min(pause_sec, left_sec))


def run_checks(session: Session, *, ask_exchange: bool = True, running: bool = True) -> list[Finding]:
    """All findings.

    Args:
        session: The deployment's settings and connections.
        ask_exchange: Send a few requests to the exchange.
        running: Whether workers and beat should already be running.
    """
    found = [*_check_configuration(session), *(redis_findings := check_redis(session)), *check_broker(session)]
    redis_answers = not any(f.what in {"reachable", UNUSABLE} and f.grade is Grade.FAIL for f in redis_findings)
    if ask_exchange:
        found += check_exchange(session, redis_answers=redis_answers)
    if redis_answers and running:
        found += (rights := check_rights(session))
        try:
            found += check_service(session)
        except StoreError as error:
            findings = Findings("redis")
            fix = "give this user read access to the keys of the prefix, and to XINFO"
            if any(finding.what == "queues" for finding in rights):  # a worker's login, which may not list keys
                fix = "it is a worker's login; run p33 check with the login of p33-operator as well"
            findings.fail("reading", str(error), fix)
            found += findings.all
    return found


def _check_configuration(session: Session) -> list[Finding]:
    findings, settings = Findings("configuration"), session.settings
    named = os.environ.get("P33_ENV_FILE") or (str(DEFAULT_ENV_FILE) if DEFAULT_ENV_FILE.exists() else "")
    origin = f"the environment and {named}" if named else "the environment alone"
    signing = "permits are signed" if settings.permit_signing_key else "permits are not signed"
    symbols = f"{counted(len(settings.allowlist), 'symbol')} ({listed(settings.allowlist)})"
    findings.ok(
        "settings",
        f"from {origin}; {symbols}, prefix {settings.key_prefix}, {signing}",
    )
    if settings.task_key:
        findings.ok("plans sent as tasks", "need an HMAC made with P33_TASK_KEY")
    else:
        found = (
            "P33_TASK_KEY is not set: every login with write access to the broker can cause verdicts (docs/roles.md)"
        )
        fix = "set P33_TASK_KEY (at least 16 characters) for the workers, and for the producers that send tasks"
        findings.warn("plans sent as tasks", found, fix)
    if settings.redis_url and (ignored := [name for field, name in _IN_THE_URL if field in settings.model_fields_set]):
        fix = "remove them, or remove P33_REDIS_URL if it is of another configuration"
        findings.warn("Redis's address", f"ignored because P33_REDIS_URL is set: {listed(ignored)}", fix)
    if unknown := unknown_variables():
        names = (f"{name} (meant {meant}?)" if meant else name for name, meant in unknown.items())
        found = f"no setting of that name, so nothing reads it: {listed(names)}"
        findings.warn("unknown variables", found, "correct the name, or remove it; its default is in force")
    if settings.ledger_bootstrap == "adopt" and settings.exchange_base_url is None and not settings.testnet:
        fix = "set P33_LEDGER_BOOTSTRAP=deny, and run p33 ledger adopt SYMBOL after comparing the positions"
        findings.warn(
            "ledger bootstrap", "adopt: a live position without a ledger is adopted without confirmation", fix
        )
    policy = settings.policy
    floor_ms = max(policy.cooldown_ms, PLACE_WINDOW_MS + policy.read_lag_ms)
    findings.ok(
        "exits",
        f"at least {seconds(floor_ms)} and a refresh ({seconds(policy.poll_ms)}) between two closes of a position: the "
        f"longer of the cooldown ({seconds(policy.cooldown_ms)}) and the time in which an order may be sent "
        f"({seconds(PLACE_WINDOW_MS)}) plus the venue's read lag ({seconds(policy.read_lag_ms)})",
    )
    least_ms = PLACE_WINDOW_MS + policy.stale_threshold_ms
    if policy.cooldown_ms < least_ms:
        fix = f"P33_COOLDOWN_SEC={seconds(least_ms).removesuffix(' s')}, or let every executor use PermitClient"
        found = f"{seconds(policy.cooldown_ms)}: an executor that only uses GET and DEL could use an outdated position"
        findings.warn("cooldown", found, fix)
    _check_limits(findings, session)
    return findings.all


def _check_limits(findings: Findings, session: Session) -> None:
    """Warn of values that are allowed but probably not intended."""
    policy = session.settings.policy
    if policy.permit_ttl_ms > LONG_PERMIT_MS:
        found = f"{seconds(policy.permit_ttl_ms)}: an unused permit blocks its symbol for this time"
        findings.warn(
            "permit lifetime", found, f"set P33_PERMIT_TTL to at most {LONG_PERMIT_MS // 1000}; 60 is the default"
        )
    if policy.plan_max_age_ms < SHORT_PLAN_MS:
        found = f"{seconds(policy.plan_max_age_ms)}: a plan is denied plan_expired even after a short wait"
        findings.warn(
            "plan age", found, f"set P33_PLAN_MAX_AGE_SEC to at least {SHORT_PLAN_MS // 1000}; 60 is the default"
        )
    room_ms = policy.stale_threshold_ms - policy.poll_ms
    if room_ms < REFRESH_ROOM_MS:
        found = f"only {seconds(room_ms)} above the period: each refresh that takes longer denies every plan"
        findings.warn(
            "stale threshold",
            found,
            "set P33_STALE_THRESHOLD_SEC to at least P33_POLL_SEC + 1, better twice P33_POLL_SEC",
        )
    if policy.position_epsilon > LARGE_EPSILON:
        found = f"{policy.position_epsilon}: positions below it may count as none"
        findings.warn(
            "epsilon", found, "set P33_POSITION_EPSILON below the least quantity of each symbol; 0.0001 is the default"
        )


def report(found: Iterable[Finding], *, as_json: bool) -> None:
    """Print the findings."""
    findings = list(found)
    if as_json:
        print_json({"grade": str(worst(findings)), "findings": [finding.as_json() for finding in findings]})
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("", "what", "found and fix"):
        table.add_column(name, no_wrap=name != "found and fix", overflow="fold")
    for finding in findings:
        table.add_row(
            cell(finding.grade, _STYLES[finding.grade]),
            cell(f"{finding.area}: {finding.what}"),
            _found_and_fix(finding),
        )
    screen = console()
    screen.print(table)
    screen.print(cell(_conclusion(findings), _STYLES[worst(findings)]))


def _found_and_fix(finding: Finding) -> Any:
    from rich.text import Text

    lines: Iterator[Text] = (cell(line, limit=400) for line in finding.found.splitlines())
    text = Text("\n").join(lines)
    return Text("\n").join([text, cell(f"-> {finding.fix}", "italic", limit=400)]) if finding.fix else text


def _conclusion(findings: list[Finding]) -> str:
    count = {grade: sum(1 for finding in findings if finding.grade is grade) for grade in Grade}
    if count[Grade.FAIL]:
        return f"{count[Grade.FAIL]} to fix, {counted(count[Grade.WARN], 'warning')}, {count[Grade.OK]} in order"
    return f"ready: {count[Grade.OK]} in order, {counted(count[Grade.WARN], 'warning')}"
