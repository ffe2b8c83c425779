"""What ``p33 check`` says of the exchange without an answer from it."""

from __future__ import annotations

from typing import Any, cast

import pytest

from p33_tasks.abilities import KeyPermissions
from p33_tasks.cli import check_exchange
from p33_tasks.cli.findings import Findings, Grade
from p33_tasks.errors import ExchangeClockError
from p33_tasks.ports import PositionReport
from p33_tasks.settings import Settings


def test_missing_keys_are_named_also_when_the_exchange_does_not_answer() -> None:
    findings = Findings("exchange")
    check_exchange._check_keys_are_set(findings, Settings())
    (found,) = findings.all
    assert (found.what, found.grade) == ("credentials", Grade.FAIL)
    assert "BINANCE_API_KEY" in found.fix


def test_keys_that_are_set_are_not_judged_without_an_answer() -> None:
    findings = Findings("exchange")
    settings = Settings(BINANCE_TESTNET_API_KEY="k", BINANCE_TESTNET_API_SECRET="s")
    check_exchange._check_keys_are_set(findings, settings)
    assert findings.all == []


@pytest.mark.parametrize(
    ("withdrawals", "ip_restricted", "fix"),
    [
        (True, True, "create a key without the permission to withdraw"),
        (False, False, "restrict the key to this host's address"),
        (True, False, "create a key without the permission to withdraw; restrict the key to this host's address"),
    ],
)
def test_each_permission_too_many_has_its_own_fix(*, withdrawals: bool, ip_restricted: bool, fix: str) -> None:
    class Venue:
        def fetch_key_permissions(self) -> KeyPermissions:
            return KeyPermissions(reading=True, futures=True, withdrawals=withdrawals, ip_restricted=ip_restricted)

    findings, venue = Findings("exchange"), cast("Any", Venue())
    check_exchange._check_key(findings, venue)
    assert findings.all[0].fix == fix


@pytest.mark.parametrize(("refusals", "grade"), [(1, Grade.OK), (2, Grade.FAIL)])
def test_a_timestamp_refused_once_is_no_finding_about_positions(refusals: int, grade: Grade) -> None:
    """The venue's clock is measured after the first refusal, so a worker's next tick succeeds."""

    class Venue:
        asked = 0

        def fetch_positions(self, _symbols: object) -> PositionReport:
            self.asked += 1
            if self.asked <= refusals:
                raise ExchangeClockError("Timestamp for this request is outside of the recvWindow.")
            return PositionReport(positions={}, invalid={})

    findings, settings = Findings("exchange"), Settings().model_copy(update={"allowlist": ()})
    assert check_exchange._check_positions(findings, cast("Any", Venue()), settings) is (grade is Grade.OK)
    assert {found.grade for found in findings.all} == {grade}
