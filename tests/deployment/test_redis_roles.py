"""Each Redis role does its work with the real code, and can do nothing else."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import redis

from p33_tasks.apply import PermitClient
from p33_tasks.contract.keys import Keys
from p33_tasks.demo.exchange.client import SimControl
from p33_tasks.demo.governor import Governor, Limits
from p33_tasks.demo.names import GOVERNOR_GROUP
from p33_tasks.demo.plan_reader import PlanReader
from p33_tasks.domain.models import Leg, Plan
from p33_tasks.errors import P33Error
from p33_tasks.settings import Settings
from p33_tasks.store.emergency import EmergencyStore
from p33_tasks.store.lua_source import PRELUDE
from p33_tasks.store.operator import OperatorStore
from p33_tasks.views.consumers import read_consumers
from p33_tasks.views.overview import Overview, read_overview
from p33_tasks.views.stories import read_story, read_trace
from tests.deployment.acl import ROLES, AclRedis, running_acl_redis
from tests.deployment.cluster import ROOT, environment, program, running
from tests.factories import plan_entry
from tests.support.simulator import running_simulator
from tests.support.waiting import wait_until

KEYS = Keys()
SYMBOL = "BTCUSDT"


@pytest.fixture(params=["system", "bundled", "old"])
def acl(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AclRedis]:
    with running_acl_redis(request.param, tmp_path) as server:
        yield server


def settings_of(acl: AclRedis, sim: SimControl, role: str) -> dict[str, str]:
    return {
        "P33_REDIS_URL": acl.url(role),
        "P33_POLL_SEC": "0.5",
        "P33_STALE_THRESHOLD_SEC": "10",
        "P33_EXCHANGE_BASE_URL": sim.base_url,
        "BINANCE_API_KEY": sim.api_key,
        "BINANCE_API_SECRET": sim.api_secret,
    }


def overview_as(acl: AclRedis, sim: SimControl, role: str) -> Overview:
    """What the exporter reads, and every page and command that looks."""
    source = f"binanceusdm {sim.base_url.removeprefix('http://')}"
    return read_overview(acl.client(role), KEYS, [SYMBOL], source=source)


class TestTheWholeChain:
    """Plan, verdict, both permits, order, ledger: every step under the role of whom it belongs to."""

    def test_every_role_does_its_part_and_redis_refuses_nothing(self, acl: AclRedis, tmp_path: Path) -> None:
        with running_simulator(symbols={SYMBOL: "0.040"}) as sim:
            env = environment(**settings_of(acl, sim, "p33-brain"))
            worker = [program("celery"), "-A", "p33_tasks", "worker", "-c", "2"]
            beat = [program("celery"), "-A", "p33_tasks", "beat"]
            with running(worker, env, tmp_path / "worker.log"), running(beat, env, tmp_path / "beat.log"):
                try:
                    self._play(acl, sim)
                except (AssertionError, redis.RedisError, P33Error) as error:
                    log = (tmp_path / "worker.log").read_text()[-3000:]
                    raise AssertionError(f"{error}\n{acl.refusals()}\n{log}") from error
                self._look(env | {"P33_REDIS_URL": acl.url("p33-operator")})
        # Redis 6.2 has no right to read only: there an executor tries once to read a verdict, and does without.
        tried = {f"p33-apply: key {KEYS.decision('plan-1')} (toplevel)"} if acl.is_old else set()
        # `p33 check` asks for one setting of the server. No role may read settings: passwords are among them.
        tried |= {"p33-operator: command config (toplevel)", "p33-operator: command config|get (toplevel)"}
        # ... and whether its login is a worker's.
        tried |= {"p33-operator: command xreadgroup (multi)", f"p33-operator: key {KEYS.plans} (multi)"}
        assert set(acl.refusals()) - tried == set()

    def _look(self, env: dict[str, str]) -> None:
        """The commands that people have, as they have them."""
        for arguments in (["status"], ["check"], ["explain", "plan-1"], ["ledger", "show", SYMBOL]):
            done = subprocess.run(
                [program("p33"), *arguments, "--json"], env=env, check=False, capture_output=True, text=True, timeout=60
            )
            assert done.returncode in {0, 1}, done.stdout + done.stderr
            assert json.loads(done.stdout)
            assert "permission" not in done.stdout.lower() + done.stderr.lower(), done.stdout

    def _play(self, acl: AclRedis, sim: SimControl) -> None:
        exporter = lambda: overview_as(acl, sim, "p33-exporter").symbols[0]  # noqa: E731 - said three times
        wait_until(lambda: exporter().position_amt == Decimal("0.04"), "a snapshot is there", timeout_sec=30)
        self._adopt(acl, sim)

        acl.client("p33-producer").xadd(KEYS.plans, plan_entry(plan_id="plan-1", action="CLOSE_PARTIAL_75"))
        self._govern(acl)
        consumed = PermitClient(acl.url("p33-apply")).wait_and_consume("plan-1", SYMBOL, timeout_sec=10)
        assert consumed.safe_close_qty == Decimal("0.03")

        result = {"plan_id": "plan-1", "symbol": SYMBOL, "executed": "True", "order_id": "1", "side": "SELL"}
        acl.client("p33-apply").xadd(KEYS.results, {**result, "filled_qty": "0.030", "action": "CLOSE_PARTIAL_75"})
        wait_until(lambda: exporter().ledger_amt == Decimal("0.01"), "the fill is in the ledger")

        operator = acl.client("p33-operator")
        assert read_story(operator, KEYS, "plan-1") is not None
        assert read_trace(operator, KEYS, "never-seen").state == "never_seen"
        assert overview_as(acl, sim, "p33-operator").streams[0].pending == 0
        assert any(consumer.is_alive for consumer in read_consumers(operator, KEYS))
        lane = EmergencyStore(operator, KEYS, key="a-key-of-emergencies-" * 2)
        plan_id = lane.ask(SYMBOL, Leg.BOTH, "CLOSE_FULL", passes_cooldown=False, over_hold=False, why="t", by="t")
        assert lane.wait(plan_id, 10), "this worker has no key: denied by name"

    def _adopt(self, acl: AclRedis, sim: SimControl) -> None:
        store = OperatorStore(acl.client("p33-operator"), KEYS)
        settings = Settings(**settings_of(acl, sim, "p33-operator"))
        source = overview_as(acl, sim, "p33-operator").refresh.source
        assert store.adopt_ledger(SYMBOL, source=source, policy=settings.policy, by="test").adopted
        assert store.set_hold(SYMBOL, why="test", by="test")
        assert store.clear_hold(SYMBOL, by="test")

    def _govern(self, acl: AclRedis) -> None:
        client = acl.client("p33-governor")
        governor = Governor(client, KEYS, Limits(), permit_key="{prefix}:permit:governor:{plan_id}")
        reader = PlanReader(client, KEYS.plans, group=GOVERNOR_GROUP, consumer="governor-1")
        entry = wait_until(lambda: reader.new(count=1, block_ms=100), "the governor reads the plan")[0]
        plan = reader.plan_of(entry)
        assert isinstance(plan, Plan)
        assert governor.decide(entry, plan) == "granted"


PERMIT = "quantum:permit:p33:plan-1"

WATCHING = [
    # The watching role puts nothing into any list: a queue of its own making, inside the control channel's names, once
    # gave a worker tasks.
    ("p33-watch", ("LPUSH", "quantum:p33.permits", "{}")),
    ("p33-watch", ("RPUSH", "quantum:p33.permits", "{}")),
    ("p33-watch", ("RPOPLPUSH", "quantum:1-2.reply.celery.pidbox", "quantum:p33.permits")),
    ("p33-watch", ("LPUSH", "quantum:forged.celery.pidbox", "{}")),
    ("p33-watch", ("LPUSH", "quantum:1-2.reply.celery.pidbox", "{}")),
    ("p33-watch", ("LPUSH", "quantum:celeryev.1", "{}")),
    ("p33-watch", ("RPOP", "quantum:p33.permits")),
    # Which queue an exchange leads to is a set: the watching role changes its own only.
    ("p33-watch", ("SADD", "quantum:_kombu.binding.p33.permits", "x")),
    ("p33-watch", ("SREM", "quantum:_kombu.binding_permanent.p33.permits", "x")),
    ("p33-watch", ("SADD", "quantum:celery@host.celery.pidbox", "x")),
    ("p33-watch", ("HSET", "quantum:unacked", "x", "y")),
    ("p33-watch", ("ZADD", "quantum:unacked_index", "1", "x")),
    ("p33-watch", ("PUBLISH", "quantum:elsewhere", "{}")),
    ("p33-watch", ("GET", PERMIT)),
    ("p33-watch", ("HGETALL", "quantum:position:ledger:BTCUSDT")),
]

FORBIDDEN = [
    # Nobody but the brain may make a permit: side processes once wrote 14 631 of them themselves.
    ("p33-apply", ("SET", PERMIT, "{}")),
    ("p33-governor", ("SET", PERMIT, "{}")),
    ("p33-producer", ("SET", PERMIT, "{}")),
    ("p33-forecaster", ("SET", PERMIT, "{}")),
    ("p33-forecaster", ("XADD", "quantum:stream:apply.plan", "*", "plan_id", "x")),
    ("p33-forecaster", ("SET", "quantum:p33:prepared:BTCUSDT:1", "{}")),
    ("p33-model", ("SET", PERMIT, "{}")),
    ("p33-model", ("XADD", "quantum:stream:apply.plan", "*", "plan_id", "x")),
    ("p33-exporter", ("SET", PERMIT, "{}")),
    ("p33-operator", ("SET", PERMIT, "{}")),
    ("p33-watch", ("SET", PERMIT, "{}")),
    # ... nor make one valid that was refused.
    ("p33-apply", ("SET", "quantum:p33:decision:plan-1", "{}")),
    ("p33-apply", ("HSET", "quantum:position:snapshot:BTCUSDT", "position_amt", "1")),
    ("p33-apply", ("HSET", "quantum:position:ledger:BTCUSDT", "last_known_amt", "1")),
    ("p33-apply", ("DEL", "quantum:reconcile:hold:BTCUSDT")),
    ("p33-apply", ("SET", "quantum:permit:governor:plan-1", "{}")),
    ("p33-apply", ("XADD", "quantum:stream:apply.plan", "*", "plan_id", "x")),
    ("p33-apply", ("XGROUP", "DESTROY", "quantum:stream:apply.plan", "p33")),
    # The brain judges; it neither plans, nor reports, nor grants for the governor, nor lifts a hold.
    ("p33-brain", ("XADD", "quantum:stream:apply.plan", "*", "plan_id", "x")),
    ("p33-brain", ("XADD", "quantum:stream:apply.result", "*", "plan_id", "x")),
    ("p33-brain", ("SET", "quantum:permit:governor:plan-1", "{}")),
    ("p33-brain", ("DEL", "quantum:reconcile:hold:BTCUSDT")),
    ("p33-brain", ("SET", "quantum:reconcile:hold:BTCUSDT", "x")),
    ("p33-brain", ("DEL", "quantum:stream:p33.decision")),
    ("p33-brain", ("KEYS", "*")),
    # ... nor does it set the operator's limits, by which it judges.
    ("p33-brain", ("HSET", "quantum:limits:BTCUSDT", "cooldown_sec", "0")),
    # Of the broker it has its queues, and the replies to those who ask.
    ("p33-brain", ("LPUSH", "quantum:celery@host.celery.pidbox", "{}")),
    ("p33-brain", ("BRPOP", "quantum:1-2.reply.celery.pidbox", "1")),
    ("p33-brain", ("LPUSH", "quantum:others", "{}")),
    ("p33-brain", ("PUBLISH", "quantum:elsewhere", "{}")),
    ("p33-governor", ("GET", PERMIT)),
    ("p33-governor", ("DEL", "quantum:permit:governor:plan-1")),
    ("p33-governor", ("HSET", "quantum:position:snapshot:BTCUSDT", "mark_price", "1")),
    ("p33-governor", ("XADD", "quantum:stream:apply.result", "*", "plan_id", "x")),
    ("p33-producer", ("XADD", "quantum:stream:apply.result", "*", "plan_id", "x")),
    ("p33-producer", ("XRANGE", "quantum:stream:apply.plan", "-", "+")),
    ("p33-producer", ("GET", PERMIT)),
    ("p33-exporter", ("HSET", "quantum:p33:counters", "x", "1")),
    ("p33-exporter", ("HSET", "quantum:limits:BTCUSDT", "cooldown_sec", "0")),
    ("p33-apply", ("HSET", "quantum:limits:BTCUSDT", "cooldown_sec", "0")),
    ("p33-exporter", ("DEL", "quantum:reconcile:hold:BTCUSDT")),
    ("p33-exporter", ("XTRIM", "quantum:stream:p33.decision", "MAXLEN", "0")),
    ("p33-exporter", ("SCRIPT", "LOAD", "return 1")),
    ("p33-operator", ("HSET", "quantum:position:snapshot:BTCUSDT", "position_amt", "1")),
    ("p33-operator", ("DEL", "quantum:position:inflight:BTCUSDT")),
    ("p33-operator", ("DEL", "quantum:position:ledger:BTCUSDT")),
    ("p33-operator", ("XDEL", "quantum:stream:p33.audit", "0-1")),
    ("p33-operator", ("SET", "quantum:position:hold:BTCUSDT", "{}")),
    *WATCHING,
    # Where reading a key and writing it are two rights, the watching role can't touch a queue either.
    ("p33-watch", ("BRPOP", "quantum:p33.permits", "1")),
    ("p33-watch", ("DEL", "quantum:p33.permits")),
    ("p33-watch", ("SADD", "quantum:p33.permits", "x")),
    ("p33-watch", ("PUBLISH", "quantum:/1.celeryev/task.sent", "{}")),
]

IN_A_SCRIPT = [
    ("p33-apply", "SET", PERMIT),
    ("p33-apply", "SET", "quantum:permit:governor:plan-1"),
    ("p33-brain", "SET", "quantum:permit:governor:plan-1"),
    ("p33-brain", "DEL", "quantum:reconcile:hold:BTCUSDT"),
    ("p33-operator", "SET", PERMIT),
]

ALMIGHTY = [
    ("CONFIG", "SET", "maxmemory-policy", "allkeys-lru"),
    ("CONFIG", "GET", "*"),
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("SHUTDOWN", "NOSAVE"),
    ("ACL", "SETUSER", "p33-producer", "+@all"),
    ("REPLICAOF", "127.0.0.1", "1"),
    ("EVAL", "return 1", "0"),
    ("SCRIPT", "FLUSH"),
    ("CLIENT", "KILL", "ID", "1"),
    ("MONITOR",),
    ("KEYS", "*"),
    ("GET", "another-account:p33:counters"),
]


class TestWhatARoleMustNotDo:
    @pytest.mark.parametrize(("role", "command"), FORBIDDEN, ids=[f"{r}-{' '.join(c[:2])}" for r, c in FORBIDDEN])
    def test_anothers_work_is_refused(self, strict_once: AclRedis, role: str, command: tuple[str, ...]) -> None:
        with pytest.raises(redis.exceptions.NoPermissionError):
            strict_once.client(role).execute_command(*command)

    @pytest.mark.parametrize(("role", "command"), WATCHING, ids=[" ".join(c[:2]) for _, c in WATCHING])
    def test_the_watching_role_adds_nothing_to_an_old_redis_either(
        self, old_once: AclRedis, role: str, command: tuple[str, ...]
    ) -> None:
        with pytest.raises(redis.exceptions.NoPermissionError):
            old_once.client(role).execute_command(*command)

    @pytest.mark.parametrize(("role", "word", "key"), IN_A_SCRIPT)
    def test_a_script_gives_no_right_that_its_caller_lacks(
        self, strict_once: AclRedis, role: str, word: str, key: str
    ) -> None:
        client = strict_once.client(role)
        sha = client.script_load("return redis.call(unpack(ARGV))")
        with pytest.raises(
            redis.exceptions.RedisError,
            match=r"can't access at least one of the keys|NOPERM|No permissions to access a key",
        ):
            client.evalsha(sha, 1, key, word, key, *(["{}"] if word == "SET" else []))
        with strict_once.server.client() as admin:
            assert admin.exists(key) == 0

    @pytest.mark.parametrize("role", ROLES)
    def test_no_role_rules_over_the_server(self, strict_once: AclRedis, role: str) -> None:
        for command in ALMIGHTY:
            with pytest.raises(redis.exceptions.NoPermissionError):
                strict_once.client(role).execute_command(*command)


@pytest.fixture(scope="module")
def strict_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AclRedis]:
    """One Redis 7, where reading and writing a key are two rights, for the refusals: they leave nothing behind."""
    with running_acl_redis("bundled", tmp_path_factory.mktemp("acl")) as server:
        yield server


@pytest.fixture(scope="module")
def old_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AclRedis]:
    """One Redis 6.2, where a role has each of its commands on each of its keys."""
    with running_acl_redis("old", tmp_path_factory.mktemp("acl")) as server:
        yield server


class TestScripts:
    """What the chain above doesn't reach: every command in every script belongs to its role's rights."""

    SCRIPTS_OF_OTHERS = {  # noqa: RUF012
        "p33-apply": {"consume_permits"},
        "p33-operator": {"adopt_ledger", "change_hold", "change_limits", "release_position", "retry_dead_letter"},
    }

    def test_every_command_of_a_script_is_among_its_roles_rights(self, strict_once: AclRedis) -> None:
        others = {name for names in self.SCRIPTS_OF_OTHERS.values() for name in names}
        folder = ROOT / "p33_tasks" / "store" / "lua"
        all_names = {path.stem for path in folder.glob("*.lua")} - set(PRELUDE)
        assert others < all_names
        for role, names in {**self.SCRIPTS_OF_OTHERS, "p33-brain": all_names - others}.items():
            rights = self._rights(strict_once, role)
            for name in names | (set(PRELUDE) if role == "p33-brain" else set()):
                used = self._commands((folder / f"{name}.lua").read_text())
                assert used <= rights, f"{role} runs {name}.lua: {used - rights} is missing in config/users.acl"

    @staticmethod
    def _commands(lua: str) -> set[str]:
        calls = re.findall(r"redis\.p?call\('([A-Z]+)'(?:, '([A-Z]+)')?", lua)
        return {f"{a}|{b}".lower() if a == "XGROUP" else a.lower() for a, b in calls}

    @staticmethod
    def _rights(acl: AclRedis, role: str) -> set[str]:
        line = next(row for row in (ROOT / "config" / "users.acl").read_text().splitlines() if f" {role} " in row)
        words = set(re.findall(r"\+([a-z|]+)", line))
        with acl.server.client() as admin:
            read = {name.split("|")[0] for name in admin.acl_cat("read")} if "+@read" in line else set()
        return words | read
