"""One simulator process per module; every test starts with the same positions, a healthy venue and zeroed counts."""

from collections.abc import Iterator

import pytest

from p33_tasks.demo.exchange.client import SimControl
from tests.support.simulator import running_simulator

POSITIONS = {"BTCUSDT": "0.038", "ETHUSDT": "-1.2"}


@pytest.fixture(scope="module")
def process() -> Iterator[SimControl]:
    with running_simulator(symbols=POSITIONS, extra_symbols=600) as control:
        yield control


@pytest.fixture
def sim(process: SimControl) -> SimControl:
    process.clear_faults()
    for row in process.state()["positions"]:
        process.set_position(row["symbol"], POSITIONS.get(row["symbol"], "0"))
    process.forget_requests()
    return process
