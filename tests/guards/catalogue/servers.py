"""A Redis server that can't keep the promises is refused before it is worked on."""

from __future__ import annotations

from tests.guards.guard import Guard

UNIT = "unit/store/test_server.py"
PROCESSES = "integration/engine/test_unfit_servers.py"

SERVERS = (
    Guard(
        promise="a worker refuses a server that can't keep the state",
        file="celery/signals.py",
        old="        refuse_unfit_servers(settings)\n        on",
        new="        on",
        tests=(f"{PROCESSES}::test_it_ends_with_2_and_says_why[cluster-a Redis Cluster-worker]",),
    ),
    Guard(
        promise="an ingest refuses a server that can't keep the state",
        file="celery/ingest.py",
        old="        require_fit_servers(here.settings.state_url, here.settings.celery_broker_url)\n",
        new="        assert callable(require_fit_servers)\n",
        tests=(f"{PROCESSES}::test_it_ends_with_2_and_says_why[cluster-a Redis Cluster-ingest]",),
    ),
    Guard(
        promise="a server whose lives can't be told apart is refused",
        file="store/server.py",
        old="    missing = [name for name in _IDENTITY if not info.get(name)]\n",
        new="    missing = [name for name in _IDENTITY if name not in _IDENTITY]\n",
        tests=(f"{UNIT}::test_a_server_that_can_not_keep_the_promises_is_refused_with_the_reason",),
    ),
    Guard(
        promise="a cluster is refused",
        file="store/server.py",
        old="    if is_cluster(info):\n",
        new="    if not info:\n",
        tests=(f"{UNIT}::test_a_server_that_can_not_keep_the_promises_is_refused_with_the_reason",),
    ),
)
