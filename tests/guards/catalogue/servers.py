"""A Redis server that can't keep the promises is refused before it is worked on."""

from __future__ import annotations

from tests.guards.changes import instead, without
from tests.guards.guard import Guard

UNIT = "unit/store/test_server.py"
PROCESSES = "integration/engine/test_unfit_servers.py"

RIGHTS = "integration/engine/test_queue_rights.py"
CLI_TESTS = "integration/cli"

SERVERS = (
    Guard(
        promise="a queue that isn't permitted stops no other",
        within="queue_rights.serve_permitted_queues",
        change=instead("deselect(lacking)", "deselect([])"),
        tests=(f"{RIGHTS}::test_one_queue_that_is_not_permitted_stops_no_other",),
    ),
    Guard(
        promise="a worker without any queue ends and says why",
        within="queue_rights.serve_permitted_queues",
        change=instead("consumed and len(lacking) == len(consumed)", "not consumed"),
        tests=(f"{RIGHTS}::test_without_any_queue_it_ends_with_2_and_says_why",),
    ),
    Guard(
        promise="a right is tried, and the command isn't carried out",
        within="rights.refused_commands",
        change=instead('connection, "DISCARD"', 'connection, "EXEC"'),
        tests=(f"{RIGHTS}::test_each_is_tried_and_none_is_carried_out",),
    ),
    Guard(
        promise="p33 check names the rights that a worker lacks",
        within="check_rights.check_rights",
        change=instead("(keys, symbol)", "(keys, symbol)[:1]"),
        tests=(f"{CLI_TESTS}/test_check.py::test_a_right_that_a_worker_lacks_is_named_with_its_acl_line",),
    ),
    Guard(
        promise="a worker refuses a server that can't keep the state",
        within="connect_signals.on_start",
        change=without("refuse_unfit_servers(settings, sender.app)"),
        tests=(f"{PROCESSES}::test_it_ends_with_2_and_says_why[cluster-a Redis Cluster-worker]",),
    ),
    Guard(
        promise="an ingest refuses a server that can't keep the state",
        within="ingest.run",
        change=instead(
            "require_fit_servers(here.settings.state_url, here.settings.celery_broker_url)",
            "assert callable(require_fit_servers)",
        ),
        tests=(f"{PROCESSES}::test_it_ends_with_2_and_says_why[cluster-a Redis Cluster-ingest]",),
    ),
    Guard(
        promise="a server whose lives can't be told apart is refused",
        within="server.why_unfit",
        change=instead("not info.get(name)", "name not in _IDENTITY"),
        tests=(f"{UNIT}::test_a_server_that_can_not_keep_the_promises_is_refused_with_the_reason",),
    ),
    Guard(
        promise="a cluster is refused",
        within="server.why_unfit",
        change=instead("is_cluster(info)", "not info"),
        tests=(f"{UNIT}::test_a_server_that_can_not_keep_the_promises_is_refused_with_the_reason",),
    ),
)
