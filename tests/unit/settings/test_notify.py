"""``P33_NOTIFY``: events by name, addresses that are secrets."""

from __future__ import annotations

import pytest

from p33_tasks.contract.reconciliation import NOTIFIED
from p33_tasks.errors import ConfigurationError
from p33_tasks.settings import Settings, load_settings

HOOK = "json://127.0.0.1:9000/hook"


def test_nobody_is_told_by_default() -> None:
    assert Settings().notify_routes == {}


def test_each_event_has_its_addresses_and_all_means_every_one() -> None:
    routes = Settings(P33_NOTIFY=f"held={HOOK}?a=b\n  all=mailtos://u:p@example.org").notify_routes
    assert routes["held"] == (f"{HOOK}?a=b", "mailtos://u:p@example.org")
    assert {event: len(addresses) for event, addresses in routes.items()} == {**dict.fromkeys(NOTIFIED, 1), "held": 2}


@pytest.mark.parametrize(
    "text", ["held", "hold=json://x", "held=x", "held=json://", " ", "held=json://gehe\u00efm/hook"]
)
def test_what_is_no_pair_is_refused_and_no_address_is_told(text: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        load_settings({"P33_NOTIFY": text, "P33_ENV_FILE": "/dev/null"})
    assert "P33_NOTIFY" in str(refusal.value)
    assert "gehe" not in str(refusal.value)
    assert "json://x" not in str(refusal.value)
