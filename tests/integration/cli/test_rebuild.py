"""``p33 ledger rebuild``, and what ``adopt`` remembers: a late result of an order from before changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest

from p33_tasks.cli import executed, rebuild
from p33_tasks.demo.exchange.client import SimControl
from p33_tasks.domain.models import Leg
from p33_tasks.errors import MalformedResponseError
from p33_tasks.services.executed_orders import ExecutedOrders
from tests.integration.cli.conftest import Call, document
from tests.support.gate import OTHER, SYMBOL, Gate
from tests.support.simulator import running_simulator
from tests.support.waiting import wait_until
from tests.support.wire_order import send_reduce_only

Told = dict[str, Decimal] | Exception


@pytest.fixture
def tells(monkeypatch: pytest.MonkeyPatch) -> Callable[[Told], None]:
    """What the venue says about executed orders."""

    def tell(told: Told) -> None:
        def ask(symbol: str, leg: Leg, amount: Decimal) -> ExecutedOrders:
            assert (symbol, leg, amount) != ("", None, None)
            if isinstance(told, Exception):
                raise told
            return ExecutedOrders(since_ms=1, last_trade_ms=1_795_000_000_000, orders=told)

        for module in (executed, rebuild):
            monkeypatch.setattr(module, "asker", lambda _: ask)

    return tell


def events(gate: Gate) -> list[dict[str, str]]:
    return [fields for _, fields in gate.redis.xrange(gate.keys.reconcile_events)]


def test_every_missing_ledger_is_written_after_asking(gate: Gate, call: Call, tells: Callable[[Told], None]) -> None:
    tells({"7": Decimal("0.030")})
    gate.put_position("0.040")
    gate.put_position("-1.2", symbol=OTHER)
    refused = call("ledger", "rebuild", answer="n\n")
    assert refused.exit_code == 1
    assert gate.ledger_amt() is None
    result = call("ledger", "rebuild", answer="y\n")
    assert result.exit_code == 0, result.output
    assert "0.04" in result.stdout
    assert "orders remembered" in result.stdout
    assert (gate.ledger_amt(), gate.ledger_amt(OTHER)) == ("0.04", "-1.2")
    told = {event["position"]: event for event in events(gate)}
    assert told[SYMBOL]["event"] == "rebuilt"
    assert (told[SYMBOL]["after"], told[SYMBOL]["without_trades"]) == ("0.04", "0")
    assert json.loads(told[SYMBOL]["evidence"]) == {"orders": {"7": "0.03"}, "count": 1}
    assert "@" in told[SYMBOL]["by"]


def test_a_late_result_of_an_order_from_before_changes_nothing(
    gate: Gate, call: Call, tells: Callable[[Told], None]
) -> None:
    tells({"7": Decimal("0.030")})
    gate.put_position("0.010")
    assert call("ledger", "rebuild", SYMBOL, "--yes").exit_code == 0
    gate.report("lost", ("7", "SELL", "0.030"))
    assert gate.ledger_amt() == "0.01"
    gate.report("lost", ("7", "SELL", "0.035"))
    assert gate.ledger_amt() == "0.005", "what came after the snapshot counts"
    gate.report("new", ("8", "SELL", "0.001"))
    assert gate.ledger_amt() == "0.004"


def test_adopting_remembers_them_too(gate: Gate, call: Call, tells: Callable[[Told], None]) -> None:
    tells({"7": Decimal("0.030"), "9": Decimal("0.001")})
    gate.put_ledger("0.040")
    gate.report("known", ("9", "SELL", "0.002"))
    gate.end_cooldown()
    gate.until_after(gate.now_ms())
    gate.put_position("0.008")
    assert call("ledger", "adopt", "--replace", "--yes", SYMBOL).exit_code == 0
    gate.report("lost", ("7", "SELL", "0.030"), ("9", "SELL", "0.002"))
    assert gate.ledger_amt() == "0.008", "what was known to be more is not made less"
    (event,) = events(gate)
    assert (event["event"], event["before"], event["after"]) == ("adopted", "0.038", "0.008")


def test_without_trades_the_proof_says_so(gate: Gate, call: Call, tells: Callable[[Told], None]) -> None:
    tells(MalformedResponseError("own trades: a page is missing"))
    gate.put_position("0.010")
    refused = call("ledger", "adopt", "--yes", SYMBOL)
    assert refused.exit_code == 1
    assert "--without-trades" in refused.stderr
    assert gate.ledger_amt() is None
    assert call("ledger", "adopt", "--yes", "--without-trades", SYMBOL).exit_code == 0
    assert events(gate)[0]["without_trades"] == "1"
    assert gate.redis.xrange(gate.keys.audit)[-1][1]["without_trades"] == "1"


def test_a_position_that_has_a_ledger_is_left_alone(gate: Gate, call: Call, tells: Callable[[Told], None]) -> None:
    tells({})
    gate.put_ledger("0.010")
    gate.put_position("0.040")
    result = call("ledger", "rebuild", SYMBOL, "--yes")
    assert result.exit_code == 0
    assert "kept" in result.stdout
    assert gate.ledger_amt() == "0.01"


def test_it_is_refused_as_adopting_is(gate: Gate, call: Call, tells: Callable[[Told], None]) -> None:
    def why_not() -> str:
        result = call("ledger", "rebuild", SYMBOL, "--yes", "--json")
        assert result.exit_code == 1
        return str(document(result)["positions"][0]["why_not"])

    tells({})
    assert "no snapshot" in why_not()
    gate.put_position("0.010", age_ms=30_000)
    assert "stale_snapshot" in why_not()
    gate.put_position("0.010")
    gate.redis.set(gate.keys.reservation(SYMBOL), "other", px=60_000)
    assert "reserved other" in why_not()
    gate.redis.delete(gate.keys.reservation(SYMBOL))
    gate.redis.hset(gate.keys.ledger(SYMBOL), "barrier_ms", gate.now_ms())
    assert "barrier" in why_not()
    gate.redis.delete(gate.keys.ledger(SYMBOL))
    gate.redis.hset(gate.keys.ledger(SYMBOL), "last_order_time_ms", gate.now_ms())
    assert "cooldown" in why_not()
    gate.redis.delete(gate.keys.ledger(SYMBOL))
    tells(MalformedResponseError("BTCUSDT was traded 1.0 s ago; try again in some seconds"))
    assert "traded 1.0 s ago" in why_not()
    assert gate.ledger_amt() is None
    assert events(gate) == []


def test_both_legs_are_rebuilt(gate: Gate, call: Call, tells: Callable[[Told], None]) -> None:
    tells({})
    gate.put_legs("0.040", "-0.020")
    assert call("ledger", "rebuild", SYMBOL, "--yes").exit_code == 0
    assert (gate.ledger_amt(leg=Leg.LONG), gate.ledger_amt(leg=Leg.SHORT)) == ("0.04", "-0.02")
    assert [event["position"] for event in events(gate)] == [f"{SYMBOL}:LONG", f"{SYMBOL}:SHORT"]


def test_a_result_recorded_meanwhile_stops_it(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    gate.put_position("0.010")
    remembered = [{"id": "7", "before": "", "after": "0.03"}]
    monkeypatch.setattr(gate.operator, "_remembered", lambda *_: remembered)
    gate.redis.hset(gate.keys.fills(SYMBOL), "7", "0.031")
    done = gate.operator.adopt_ledger(
        SYMBOL, source=gate.snapshot()["source"], policy=gate.policy, by="t", executed={"7": Decimal("0.03")}
    )
    assert (done.adopted, done.refusal) == (False, "fills_moved")


@pytest.fixture(scope="module")
def exchange() -> Iterator[SimControl]:
    with running_simulator(symbols={SYMBOL: "0.040"}) as control:
        yield control


def test_the_venues_own_orders_are_read(gate: Gate, call: Call, exchange: SimControl) -> None:
    assert send_reduce_only(exchange, SYMBOL, "SELL", Decimal("0.010")) == 200
    order = exchange.orders()[-1]
    env = {
        "P33_EXCHANGE_BASE_URL": exchange.base_url,
        "BINANCE_API_KEY": "demo",
        "BINANCE_API_SECRET": "demo",
        "P33_ALLOWLIST": SYMBOL,
    }

    def rebuilt() -> bool:
        gate.put_position(exchange.position(SYMBOL), source=f"binanceusdm {exchange.base_url.partition('//')[2]}")
        return call("ledger", "rebuild", "--yes", **env).exit_code == 0

    wait_until(rebuilt, "the trade is old enough", timeout_sec=30, every_sec=0.5)
    before = gate.ledger_amt()
    gate.report("lost", (str(order["orderId"]), "SELL", "0.010"))
    assert gate.ledger_amt() == before
