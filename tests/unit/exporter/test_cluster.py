"""Reading for many at once."""

from __future__ import annotations

import asyncio
import threading

import pytest

from p33_tasks.exporter.cluster import Cluster, Reading
from p33_tasks.settings import Settings
from tests.unit.exporter.views import make_overview


def test_a_hundred_readers_share_one_read_and_the_next_one_reads_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis in trouble is not asked a hundred times."""
    reads: list[Reading] = []
    go_on = threading.Event()

    def read(_: Cluster) -> Reading:
        assert go_on.wait(10)
        reads.append(Reading(overview=make_overview(), problem="", took_sec=0.01))
        return reads[-1]

    monkeypatch.setattr(Cluster, "_read_overview", read)

    async def ask() -> None:
        cluster = Cluster(Settings())
        waiting = [asyncio.create_task(cluster.overview()) for _ in range(100)]
        hurried = await cluster.overview(0.01)
        assert hurried.overview is None
        assert "did not answer within 0.01 s" in hurried.problem
        go_on.set()
        assert set(map(id, await asyncio.gather(*waiting))) == {id(reads[0])}
        assert await cluster.overview() is reads[1]
        cluster.close()

    asyncio.run(ask())
    assert len(reads) == 2
