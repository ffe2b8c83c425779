"""A Redis server that can't keep the promises is refused before it is worked on."""

from __future__ import annotations

from tests.guards.guard import Guard

UNIT = "unit/store/test_server.py"
PROCESSES = "integration/engine/test_unfit_servers.py"

RIGHTS = "integration/engine/test_queue_rights.py"
CHECK = "integration/cli/test_check.py"

SERVERS = (
    Guard(
        promise="a queue that isn't permitted stops no other",
        file="celery/queue_rights.py",
        old="    app.amqp.queues.deselect(lacking)\n",
        new="    app.amqp.queues.deselect([])\n",
        tests=(f"{RIGHTS}::test_one_queue_that_is_not_permitted_stops_no_other",),
    ),
    Guard(
        promise="a worker without any queue ends and says why",
        file="celery/queue_rights.py",
        old="    if consumed and len(lacking) == len(consumed):\n",
        new="    if not consumed:\n",
        tests=(f"{RIGHTS}::test_without_any_queue_it_ends_with_2_and_says_why",),
    ),
    Guard(
        promise="a right is tried, and the command isn't carried out",
        file="store/rights.py",
        old='        _ask(connection, "DISCARD")\n',
        new='        _ask(connection, "EXEC")\n',
        tests=(f"{RIGHTS}::test_each_is_tried_and_none_is_carried_out",),
    ),
    Guard(
        promise="p33 check names the rights that a worker lacks",
        file="cli/check_rights.py",
        old="        lacking = refused_commands(session.client, worker_commands(keys, symbol))\n",
        new="        lacking = refused_commands(session.client, worker_commands(keys, symbol)[:1])\n",
        tests=(f"{CHECK}::test_a_right_that_a_worker_lacks_is_named_with_its_acl_line",),
    ),
    Guard(
        promise="a worker refuses a server that can't keep the state",
        file="celery/signals.py",
        old="        refuse_unfit_servers(settings, sender.app)\n        on",
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
