"""The command on a real Redis that one symbol's world was written to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner, Result

from p33_tasks.cli.root import cli
from p33_tasks.demo.exchange.client import SimControl
from tests.support.gate import OTHER, SOURCE, SYMBOL, Gate
from tests.support.redis_server import RedisServer, Version, running_redis
from tests.support.simulator import running_simulator

Call = Callable[..., Result]

KEY = {"BINANCE_API_KEY": "the-api-key", "BINANCE_API_SECRET": "the-secret"}


@pytest.fixture(scope="module", params=["bundled", "system"])
def redis_server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    version: Version = request.param
    with running_redis(version, aof=True) as server:
        yield server


@pytest.fixture
def gate(redis_server: RedisServer) -> Gate:
    with redis_server.client() as client:
        client.flushall()
    return Gate(redis_server)


@pytest.fixture
def call(gate: Gate) -> Call:
    """Run ``p33`` with the gate's configuration."""
    env = {
        **gate.server.environment,
        "P33_ALLOWLIST": f"{SYMBOL},{OTHER}",
        "P33_EXCHANGE_BASE_URL": f"https://{SOURCE.split()[1]}",
    }

    def run(*arguments: str, answer: str | None = None, **more: str) -> Result:
        result = CliRunner().invoke(cli, arguments, input=answer, env={**env, **more})
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def document(result: Result) -> dict[str, Any]:
    """The one JSON document on standard output."""
    (line,) = result.stdout.splitlines()
    found: dict[str, Any] = json.loads(line, parse_float=Decimal)
    return found


@pytest.fixture(scope="module")
def running() -> Iterator[SimControl]:
    positions = {SYMBOL: "0.038", OTHER: "-1.2"}
    with running_simulator(
        symbols=positions, api_key=KEY["BINANCE_API_KEY"], api_secret=KEY["BINANCE_API_SECRET"]
    ) as sim:
        yield sim


@pytest.fixture
def sim(running: SimControl) -> SimControl:
    running.clear_faults()
    return running
