"""Hosts whose clocks are minutes off: only Redis's clock counts, and the exchange's is measured."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.fault.load import Load
from tests.fault.promises import check
from tests.fault.record import Effort, Record
from tests.fault.world import DECISIONS, REAL, THRESHOLD_SEC, running_world
from tests.integration.engine.brain import GROUP, RESULTS, result
from tests.integration.engine.reading import Noted, make_ingest, running
from tests.support.redis_server import Version, running_redis
from tests.support.waiting import wait_until

VERDICT_WITHIN_MS = 3_000

_PAUSE = threading.Event()


SOURCE = Path(__file__).parent.parent / "support" / "clock_shift.c"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Preloaded, it shifts a process's wall clock (Debian's libfaketime breaks Python's sleeping)."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("shifting a process's clock needs Linux and a C compiler (cc)")
    library = tmp_path_factory.mktemp("clock") / "clock_shift.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE)], check=True, timeout=60)
    return library


def _shifted(library: Path, seconds: int) -> dict[str, str]:
    """Environment of a program whose wall clock is off."""
    return {"LD_PRELOAD": str(library), "CLOCK_SHIFT_SEC": str(seconds)}


@pytest.mark.parametrize("offsets", [(180, -240, 600, -90), (-3600, 7200, -86_400, 3600)], ids=str)
def test_clocks_that_are_off_change_no_age_and_no_verdict(
    library: Path, effort: Effort, record: Record, offsets: tuple[int, int, int, int]
) -> None:
    """The first verdicts wait until the exchange refused a timestamp (-1021) and was asked for its time."""
    if offsets[0] < 0 and not effort.is_long:
        pytest.skip("only in the long run: --faults=long")
    first, second, beat, executor = offsets
    with running_world(workers=0, beat=False, apply=False) as world:
        world.add_worker("worker1", **_shifted(library, first))
        world.add_worker("worker2", **_shifted(library, second))
        world.add_beat("beat", **_shifted(library, beat))
        world.add_apply(**_shifted(library, executor))
        world.await_ready()
        world.await_fresh()
        with Load(world.redis.client, plans_per_sec=25, results_per_sec=5).running():
            wait_until(lambda: len(world.exchange.orders()) >= effort.pick(5, 200), "orders", timeout_sec=300)
        world.settle()
        world.await_fresh()
        ages_ms = [
            world.now_ms() - int(world.client.hget(f"quantum:position:snapshot:{symbol}", "ts_ms") or 0)
            for symbol in REAL
        ]
        found = check(world.client, world.exchange.orders(), world.exchange.position)
        allowed = [f for _, f in world.client.xrange(DECISIONS) if f["allow"] == "true"]
    assert all(0 <= age_ms <= THRESHOLD_SEC * 1000 for age_ms in ages_ms), ages_ms
    assert all(0 <= json.loads(f["verdict"])["snapshot_age_sec"] <= THRESHOLD_SEC for f in allowed)
    waited = [decided - published for published, decided in found.lived.values()]
    record.add(
        "clocks", f"off by {offsets} s", tried=1, held=0 if found.broken else 1, verdict_ms=waited,
        note=f"workers, beat, apply layer; {found.orders} orders",
    )  # fmt: skip
    found.assert_held()
    assert max(waited) < effort.pick(4, 2) * VERDICT_WITHIN_MS


@pytest.mark.parametrize("version", ["bundled", "system"])
def test_what_was_delivered_before_the_clock_of_redis_stepped_back_is_sent_again(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: Version
) -> None:
    """S: Redis calls it idle for 0 ms until the clock has caught up; a window full of it was deaf for that hour."""
    ahead_sec = tmp_path / "ahead_sec"
    ahead_sec.write_text("3600")
    noted = Noted()  # a broker that loses every task
    with running_redis(version) as server:
        server.kill()
        with monkeypatch.context() as patch:
            patch.setenv("LD_PRELOAD", str(library))
            patch.setenv("CLOCK_SHIFT_FILE", str(ahead_sec))
            server.start()
        with server.client() as client, running(make_ingest(server, noted)):
            client.xgroup_create(RESULTS, GROUP, id="$", mkstream=True)
            client.xadd(RESULTS, result("of-the-dead"))
            client.xreadgroup(GROUP, "dead-1", {RESULTS: ">"})
            for number in range(4):
                client.xadd(RESULTS, result(f"ours-{number}"))
            wait_until(lambda: noted.ids("ours-3"), "the window is full")
            ahead_sec.write_text("0")
            client.xadd(RESULTS, result("after"))
            for plan_id in ("ours-0", "ours-3"):
                wait_until(lambda p=plan_id: len(noted.ids(p)) >= 3, f"{plan_id} is sent again", timeout_sec=20)
            for plan_id in ("of-the-dead", "after"):
                wait_until(lambda p=plan_id: noted.ids(p), f"{plan_id} is sent", timeout_sec=20)
