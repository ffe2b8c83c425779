"""Checks whether the exchange can be read, and the account can be judged. A few requests, no order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from p33_tasks.abilities import ReadsAccount, ReadsKeyPermissions, ReadsMarginModes, ReadsPositionMode, ReadsTime
from p33_tasks.cli.findings import Finding, Findings, Grade, counted, listed
from p33_tasks.cli.session import Session
from p33_tasks.errors import (
    ConfigurationError,
    ExchangeClockError,
    ExchangeCredentialsError,
    ExchangeError,
    ExchangeRateLimitedError,
    ExchangeUnavailableError,
    StoreError,
)
from p33_tasks.ports import PositionReport, Venue
from p33_tasks.settings import Settings
from p33_tasks.venues.spec import VenueSpec

NOT_THE_EXCHANGE = (
    "the cause is Redis, not the exchange: Redis refuses writes (full? read-only? too few replicas?); see its log"
)


class UnsharedBudget:
    """Implements ``ports.RequestBudget`` while Redis is unavailable: the check's few requests are not counted."""

    def acquire(self, weight: int) -> None:
        """Always permits the request."""

    def acquire_order(self) -> None:
        """Always permits the request."""

    def report(self, used_weight: int) -> None:
        """Does nothing: no other process can read it."""

    def pause(self, seconds: int) -> None:
        """Does nothing: no other process can read it."""

    def pause_orders(self, seconds: int) -> None:
        """Does nothing: no other process can read it."""


def build_session_venue(session: Session, *, shared_budget: bool) -> Venue:
    """The configured venue, with the request budget that all workers share."""
    from p33_tasks.store.budget import RedisRequestBudget
    from p33_tasks.venues.build import build_venue

    settings = session.settings
    key, secret = settings.api_credentials
    password = settings.venue_api_password
    limit = settings.venue.requests
    shared = RedisRequestBudget(
        session.client, session.keys, own_weight=limit.own_weight_per_minute, venue_weight=limit.stop_at_weight
    )
    return build_venue(
        exchange_id=settings.exchange,
        api_key=key.get_secret_value() if key else None,
        api_secret=secret.get_secret_value() if secret else None,
        password=password.get_secret_value() if password else None,
        testnet=settings.testnet,
        base_url=settings.exchange_base_url,
        budget=shared if shared_budget else UnsharedBudget(),
    )


def check_exchange(session: Session, *, redis_answers: bool) -> list[Finding]:
    """All findings about the exchange."""
    findings = Findings("exchange")
    try:
        venue = build_session_venue(session, shared_budget=redis_answers)
    except ConfigurationError as error:
        findings.fail("venue", str(error), "set P33_EXCHANGE")
        return findings.all
    if not _check_reachable(findings, venue, session.settings.venue):
        _check_keys_are_set(findings, session.settings)
        return findings.all
    allowlist = session.settings.allowlist
    _check_symbols(findings, venue, allowlist)
    if _check_positions(findings, venue, session.settings):
        _check_position_mode(findings, venue)
        _check_margin_modes(findings, venue, allowlist)
        _check_account(findings, venue)
        _check_key(findings, venue)
    return findings.all


def _check_keys_are_set(findings: Findings, settings: Settings) -> None:
    """Check, without a request, that API keys are set."""
    key, secret = settings.api_credentials
    if settings.venue.credentials and (key is None or (secret is None and settings.venue.account is None)):
        findings.fail("credentials", "no API key is set", settings.venue.credentials_advice)


def _asked(findings: Findings, what: str, ask: Callable[[], Any], fix: str) -> Any:
    """The answer of a request, or None after adding a failure."""
    try:
        return ask()
    except ExchangeRateLimitedError as error:
        wait = (
            f"no request is sent for {error.retry_after_sec} s; find out which other program uses this address so much"
        )
        findings.fail(what, str(error), wait)
    except StoreError as error:
        findings.fail(what, str(error), NOT_THE_EXCHANGE)
    except ExchangeUnavailableError as error:
        findings.away(what, str(error), fix)
    except ExchangeError as error:
        findings.fail(what, str(error), fix)
    return None


def _check_reachable(findings: Findings, venue: Venue, spec: VenueSpec) -> bool:
    if not isinstance(venue, ReadsTime):
        findings.ok("venue", venue.source)
        return True
    ask = venue.fetch_server_time_ms
    fix = f"check the connection to {venue.source}: network, proxy, P33_EXCHANGE_BASE_URL and {spec.testnet_variable}"
    # Once to load the exchange library and open the connection, and once to measure.
    if _asked(findings, "reachable", ask, fix) is None:
        return False
    began_ms = time.time() * 1000
    server_ms = _asked(findings, "reachable", ask, fix)
    if server_ms is None:
        return False
    ended_ms = time.time() * 1000
    findings.ok("reachable", f"{venue.source}, answered in {ended_ms - began_ms:.0f} ms")
    offset = max(began_ms - server_ms, server_ms - ended_ms, 0.0)
    grade = Grade.OK if offset <= spec.clock.max_offset_ms else Grade.WARN
    findings.add("clock", grade, f"{offset:.0f} ms apart from this host's", "run NTP on this host")
    return True


def _check_symbols(findings: Findings, venue: Venue, allowlist: tuple[str, ...]) -> None:
    report = _asked(findings, "symbols", lambda: venue.fetch_markets(allowlist), "try again; it needs no credentials")
    if report is None:
        return
    unknown = [symbol for symbol in allowlist if symbol not in report.markets]
    if unknown:
        why = listed(f"{symbol} ({report.invalid.get(symbol, 'not listed')})" for symbol in unknown)
        findings.fail("symbols", f"no order rules for {why}", "correct P33_ALLOWLIST; plans for these are denied")
    else:
        findings.ok("symbols", f"order rules for all {len(allowlist)} of P33_ALLOWLIST")


def _check_positions(findings: Findings, venue: Venue, settings: Settings) -> bool:
    allowlist = settings.allowlist
    try:
        report = _read_positions(venue, allowlist)
    except ExchangeCredentialsError as error:
        fix = (
            settings.venue.credentials_advice
            if settings.venue.account
            else (
                "set the key and secret, enable futures reading for the key, and allow this address"
                f"{_of_the_other_environment(settings)}"
            )
        )
        findings.fail("credentials", str(error), fix)
        return False
    except (ExchangeError, StoreError) as error:
        note = findings.away if isinstance(error, ExchangeUnavailableError) else findings.fail
        note("positions", str(error), "snapshots fail in the same way: until this works, every plan is denied")
        return False
    findings.ok("credentials", "accepted")
    unknown = [symbol for symbol in allowlist if symbol not in report.positions]
    if unknown:
        why = listed(f"{symbol} ({report.invalid.get(symbol, 'missing')})" for symbol in unknown)
        findings.fail("positions", f"no usable row for {why}", "correct P33_ALLOWLIST, or check the venue's response")
    else:
        if not isinstance(venue, ReadsPositionMode):
            hedged = sorted(symbol for symbol, position in report.positions.items() if position.hedge_mode)
            mode = f"hedge for {listed(hedged)}" if hedged else "no open position is in hedge mode"
            findings.ok(
                "position mode", f"{mode}; the venue has a mode per symbol, and shows it only for an open position"
            )
        held = sum(1 for position in report.positions.values() if position.position_amt != 0)
        findings.ok(
            "positions", f"{held} open, {len(report.positions) - held} flat, of {counted(len(allowlist), 'symbol')}"
        )
    return True


def _of_the_other_environment(settings: Settings) -> str:
    spec = settings.venue
    if spec.test_host is None:
        return ""
    other = "its live account there" if settings.testnet else "its test environment there"
    return f"; {spec.testnet_variable} is {str(settings.testnet).lower()}: the venue refuses a key of {other}"


def _read_positions(venue: Venue, allowlist: tuple[str, ...]) -> PositionReport:
    """Read the positions like a worker's next tick: after a refused timestamp, the venue's clock is measured."""
    try:
        return venue.fetch_positions(allowlist)
    except ExchangeClockError:
        return venue.fetch_positions(allowlist)


def _check_position_mode(findings: Findings, venue: Venue) -> None:
    if not isinstance(venue, ReadsPositionMode):
        return
    hedge = _asked(findings, "position mode", venue.is_hedge_mode, "try again")
    if hedge is None:
        return
    findings.ok("position mode", "hedge: every plan must name a leg" if hedge else "one-way")


def _check_margin_modes(findings: Findings, venue: Venue, allowlist: tuple[str, ...]) -> None:
    if not isinstance(venue, ReadsMarginModes):
        return  # if the mode is per account, the account check reports it
    modes = _asked(findings, "margin mode", lambda: venue.fetch_margin_modes(allowlist), "try again")
    if modes is None:
        return
    by_mode: dict[str, list[str]] = {}
    for symbol, mode in sorted(modes.items()):
        by_mode.setdefault(mode, []).append(symbol)
    found = "; ".join(f"{mode} for {listed(symbols)}" for mode, symbols in sorted(by_mode.items()))
    findings.ok("margin mode", found or "unknown: no position is open")


def _check_account(findings: Findings, venue: Venue) -> None:
    if not isinstance(venue, ReadsAccount):
        return
    account = _asked(findings, "account", venue.fetch_account, "try again")
    if account is not None:
        findings.add("account", Grade.WARN if account.problem else Grade.OK, account.kind, account.problem or "")


def _check_key(findings: Findings, venue: Venue) -> None:
    if not isinstance(venue, ReadsKeyPermissions):
        return
    try:
        may = venue.fetch_key_permissions()
    except ExchangeError as error:  # doesn't show whether snapshots work
        findings.warn("API key", f"its permissions could not be read: {error}", "look them up on the venue's website")
        return
    if may is None:
        findings.ok("API key", "the venue's test environment doesn't show its permissions")
        return
    problems: Iterable[tuple[bool, str, str]] = (
        (may.withdrawals, "may withdraw", "create a key without the permission to withdraw"),
        (not may.ip_restricted, "is valid from any address", "restrict the key to this host's address"),
    )
    found = [(text, fix) for is_so, text, fix in problems if is_so]
    if found:
        texts, fixes = zip(*found, strict=True)
        findings.warn("API key", f"the key {' and '.join(texts)}", "; ".join(fixes))
    else:
        findings.ok("API key", "may not withdraw, is bound to addresses")
