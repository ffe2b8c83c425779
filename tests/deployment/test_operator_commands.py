"""``p33 hold``, ``p33 limits`` and ``p33 deadletters`` under each Redis role: only the operator's changes a thing."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from p33_tasks.cli.root import cli
from p33_tasks.contract.keys import Keys
from tests.deployment.acl import ROLES, AclRedis, running_acl_redis

KEYS, SYMBOL = Keys(), "BTCUSDT"
OTHERS = [role for role in ROLES if role != "p33-operator"]
CHANGES = [
    ("hold", "set", SYMBOL, "--why", "x"),
    ("hold", "set", "--all", "--for", "1h", "--why", "x"),
    ("limits", "set", SYMBOL, "--cooldown-sec", "30"),
    ("deadletters", "retry", "--all", "--yes"),
]
RESULT = {"plan_id": "p1", "symbol": SYMBOL, "executed": "True", "order_id": "7", "side": "SELL", "filled_qty": "0.01"}


@pytest.fixture(scope="module", params=["system", "bundled", "old"])
def acl(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AclRedis]:
    with running_acl_redis(request.param, tmp_path_factory.mktemp("acl")) as server:
        yield server


def p33(acl: AclRedis, role: str, *arguments: str) -> Result:
    env = {"P33_REDIS_URL": acl.url(role), "P33_ALLOWLIST": SYMBOL}
    return CliRunner().invoke(cli, arguments, env=env)


def bury(acl: AclRedis) -> None:
    with acl.server.client() as admin:
        now_ms = int(admin.time()[0]) * 1000
        fields = {"source_stream": KEYS.results, "source_id": f"{now_ms}-0", "error": "x", "entry": json.dumps(RESULT)}
        admin.xadd(KEYS.dead_letters, fields)


def test_the_operator_may_all_of_it(acl: AclRedis) -> None:
    bury(acl)
    before = acl.refusals("p33-operator")
    for arguments in (
        *CHANGES,
        ("hold", "list"),
        ("limits", "show"),
        ("hold", "clear", SYMBOL),
        ("limits", "clear", SYMBOL),
        ("deadletters", "list"),
    ):
        done = p33(acl, "p33-operator", *arguments)
        assert done.exit_code == 0, f"{arguments}: {done.output}"
    assert acl.refusals("p33-operator") == before
    with acl.server.client() as admin:
        events = [fields["event"] for _, fields in admin.xrange(KEYS.audit)]
    assert {"hold_set", "hold_clear", "limits_set", "limits_cleared", "dead_letter_retried"} <= set(events)


@pytest.mark.parametrize("role", OTHERS)
def test_every_other_role_is_refused_in_words_and_changes_nothing(acl: AclRedis, role: str) -> None:
    if acl.is_old and role in {"p33-brain", "p33-model"}:
        pytest.skip("on Redis 6.2 such a role has each of its commands on every key (docs/roles.md)")
    with acl.server.client() as admin:
        admin.flushall()
        bury(acl)
        for arguments in CHANGES:
            done = p33(acl, role, *arguments)
            assert done.exit_code == 1, f"{arguments}: {done.output}"
            assert "This Redis login has no permission for that" in done.stderr, f"{arguments}: {done.output}"
            assert "Traceback" not in done.output
        assert sorted(admin.scan_iter()) == [KEYS.dead_letters]
        assert admin.xlen(KEYS.dead_letters) == 1
