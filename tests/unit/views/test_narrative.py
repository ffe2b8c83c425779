"""A deny is told with the numbers of its rule."""

from __future__ import annotations

import pytest

from p33_tasks.domain.reasons import Reason
from p33_tasks.views.narrative import needed


def deny(reason: Reason, **details: object) -> dict[str, object]:
    return {"allow": False, "reason": str(reason), "details": details}


@pytest.mark.parametrize(
    ("verdict", "told"),
    [
        (
            deny(Reason.INTERNAL_ERROR, error="no worker finished the evaluation", deliveries=4),
            "an evaluation without an error: no worker finished the evaluation, delivered 4 times",
        ),
        (deny(Reason.INTERNAL_ERROR, error="KeyError"), "an evaluation without an error: KeyError"),
        (
            deny(Reason.CONTENTION, tries=3, retry_after_sec=1),
            "facts that do not change during the evaluation; they changed in each of 3 tries",
        ),
        (deny(Reason.CONTENTION), ""),  # details of another writer
    ],
)
def test_a_verdict_that_no_rule_made_says_what_went_wrong(verdict, told):
    assert needed(verdict) == told
