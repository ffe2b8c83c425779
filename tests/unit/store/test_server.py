"""Which Redis servers are refused, and why."""

from __future__ import annotations

import pytest

from p33_tasks.store.server import why_unfit

FIT = {"run_id": "a" * 40, "master_replid": "b" * 40, "cluster_enabled": 0, "redis_mode": "standalone"}


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"cluster_enabled": 1}, "Redis Cluster"),
        ({"cluster_enabled": "1"}, "Redis Cluster"),
        ({"redis_mode": "cluster"}, "Redis Cluster"),
        ({"run_id": None}, "no run_id:"),
        ({"run_id": ""}, "no run_id:"),
        ({"master_replid": None}, "no master_replid:"),
        ({"run_id": None, "master_replid": None}, "no run_id and no master_replid:"),
    ],
)
def test_a_server_that_can_not_keep_the_promises_is_refused_with_the_reason(changed, word):
    found = {name: value for name, value in {**FIT, **changed}.items() if value is not None}
    assert word in (why_unfit(found) or "")


def test_a_plain_server_is_fit():
    assert why_unfit(FIT) is None
    assert why_unfit({name: FIT[name] for name in ("run_id", "master_replid")}) is None
