"""What a refusal tells the executor's log."""

from __future__ import annotations

import pytest

from p33_tasks.apply import PermitRefused
from p33_tasks.apply.permit import NO_GOVERNOR, require_granted


def test_a_missing_permit_of_the_governor_is_told_with_the_place_that_was_looked_at() -> None:
    with pytest.raises(PermitRefused) as caught:
        require_granted(None, key="quantum:permit:governor:abc5f1")
    assert caught.value.error == NO_GOVERNOR
    assert caught.value.reason == "the governor's permit is missing: nothing at quantum:permit:governor:abc5f1"
