"""What ``p33 check`` says of the exchange without an answer from it."""

from __future__ import annotations

from p33_tasks.cli import check_exchange
from p33_tasks.cli.findings import Findings, Grade
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
