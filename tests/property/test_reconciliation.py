"""A drift is explained exactly or not at all, whatever the pages, the order of facts and the histories."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.domain import quantities as q
from p33_tasks.domain.ledger import apply_fill
from p33_tasks.domain.models import Fill, Leg, OrderSide
from p33_tasks.domain.reconciliation import Account, Known, Reading, TradeClass, Watermark, explain
from p33_tasks.domain.trades import ForcedKind, ForcedOrder, OrderState, Trade, merged, signed_total, total
from p33_tasks.errors import ContradictingTradesError

STEP = Decimal("0.001")
steps = st.integers(min_value=1, max_value=60)
OWN, EXTERNAL, FORCED = "own", "external", "forced"


@st.composite
def orders(draw: st.DrawFn) -> list[tuple[str, str, list[Trade]]]:
    """Some orders, each of somebody, with its trades after the watermark."""
    found, trade_id = [], 0
    for number in range(draw(st.integers(min_value=1, max_value=5))):
        owner, side = draw(st.sampled_from([OWN, EXTERNAL, FORCED])), draw(st.sampled_from(list(OrderSide)))
        trades = []
        for size in draw(st.lists(steps, min_size=1, max_size=4)):
            trade_id += 1
            trades.append(trade(str(trade_id), f"o{number}", side, size, time_ms=1_000 + trade_id))
        found.append((f"o{number}", owner, trades))
    return found


def trade(trade_id: str, order_id: str | None, side: OrderSide, size: int, *, time_ms: int = 1_000) -> Trade:
    return Trade(
        trade_id=trade_id,
        order_id=order_id,
        symbol="BTCUSDT",
        leg=Leg.BOTH,
        side=side,
        quantity=size * STEP,
        time_ms=time_ms,
    )


def watermark(
    amount: Decimal = Decimal(1), ledger: Decimal | None = None, counted: frozenset[str] = frozenset()
) -> Watermark:
    return Watermark(
        ts_ms=0, since_ms=0, exchange_amt=amount, ledger_amt=amount if ledger is None else ledger, counted=counted
    )


def reading_of(found: list[tuple[str, str, list[Trade]]], start: Decimal = Decimal(1)) -> Reading:
    """A complete and consistent reading of some orders, each whole within the window."""
    trades = merged([each for _, _, each in found])
    return Reading(
        leg=Leg.BOTH,
        exchange_amt=q.add(start, signed_total(trades)),
        trades=trades,
        orders={order_id: state_of(order_id, owner, each) for order_id, owner, each in found},
        forced={
            order_id: ForcedOrder(
                order_id=order_id,
                symbol="BTCUSDT",
                leg=Leg.BOTH,
                kind=ForcedKind.ADL,
                executed_qty=total(each),
                time_ms=each[0].time_ms,
            )
            for order_id, owner, each in found
            if owner == FORCED
        },
        own={f"client-{order_id}": "plan" for order_id, owner, _ in found if owner == OWN},
    )


def state_of(order_id: str, owner: str, trades: list[Trade], *, is_final: bool = True) -> OrderState:
    return OrderState(
        order_id=order_id,
        client_order_id=f"{'client' if owner == OWN else owner}-{order_id}",
        side=trades[0].side,
        executed_qty=total(trades),
        is_final=is_final,
        created_ms=trades[0].time_ms,
    )


def known(amount: Decimal = Decimal(1), **remembered: Decimal) -> Known:
    return Known(ledger_amt=amount, remembered=remembered)


# --- what closes ----------------------------------------------------------------------------------------------------


@given(orders())
def test_a_complete_reading_closes_and_brings_the_ledger_to_the_exchange(
    found: list[tuple[str, str, list[Trade]]],
) -> None:
    reading = reading_of(found)
    account = explain(watermark(), known(), reading)
    assert account.problem is None
    assert account.ledger_after == reading.exchange_amt
    kinds = {OWN: TradeClass.LATE, EXTERNAL: TradeClass.EXTERNAL, FORCED: TradeClass.ADL}
    assert {share.order_id: share.trade_class for share in account.shares} == {o: kinds[owner] for o, owner, _ in found}


@given(orders(), st.data())
def test_results_before_and_after_a_repair_change_nothing(
    found: list[tuple[str, str, list[Trade]]], data: st.DataObject
) -> None:
    ledger, memory = Decimal(1), {}
    for order_id, _, trades in found:  # of some orders a result came, with all or a part of what was executed
        part = data.draw(st.integers(min_value=0, max_value=len(trades)))
        if part:
            fill = Fill(order_id=order_id, side=trades[0].side, cumulative_qty=total(trades[:part]))
            step = apply_fill(ledger, None, fill)
            assert step.amount is not None
            ledger, memory[order_id] = step.amount, step.remembered_qty
    reading = reading_of(found)
    account = explain(watermark(), known(ledger, **memory), reading)
    assert account.problem is None
    assert account.ledger_after == reading.exchange_amt
    after = {share.order_id: share.remembered_after for share in account.shares}
    amount: Decimal | None = account.ledger_after
    for order_id, _, trades in found:
        late = Fill(order_id=order_id, side=trades[0].side, cumulative_qty=total(trades))
        amount = apply_fill(amount, after[order_id], late).amount
    assert amount == reading.exchange_amt
    again = explain(watermark(), known(account.ledger_after, **{str(k): v for k, v in after.items()}), reading)
    assert again.problem is None
    assert not again.missing


@given(orders())
def test_dust_at_the_watermark_stays_dust(found: list[tuple[str, str, list[Trade]]]) -> None:
    dust = Decimal("0.0004")
    account = explain(watermark(ledger=1 - dust), known(1 - dust), reading_of(found))
    assert account.problem is None
    assert account.exchange_amt - account.ledger_after == dust


@given(orders(), st.data())
def test_what_was_executed_before_the_watermark_is_not_applied_again(
    found: list[tuple[str, str, list[Trade]]], data: st.DataObject
) -> None:
    order_id, _, trades = found[0]
    counted = data.draw(st.integers(min_value=0, max_value=len(trades) - 1))
    before = signed_total(trades[:counted])
    reading = reading_of(found, start=Decimal(1) - before)
    remembered = {order_id: total(trades[:counted])} if data.draw(st.booleans()) and counted else {}
    mark = watermark(counted=frozenset(each.trade_id for each in trades[:counted]))
    account = explain(mark, known(**remembered), reading)
    assert account.problem is None
    assert account.ledger_after == reading.exchange_amt


# --- wrong twins ----------------------------------------------------------------------------------------------------


def twin_without(reading: Reading, index: int) -> Reading:
    return replace(reading, trades=reading.trades[:index] + reading.trades[index + 1 :])


def twin_doubled(reading: Reading, index: int) -> Reading:
    return replace(reading, trades=(*reading.trades, replace(reading.trades[index], trade_id="another")))


def twin_of_another_leg(reading: Reading, index: int) -> Reading:
    changed = replace(reading.trades[index], leg=Leg.LONG)
    return replace(reading, trades=(*reading.trades[:index], changed, *reading.trades[index + 1 :]))


def twin_off_by_one_step(reading: Reading, index: int) -> Reading:
    wrong = replace(reading.trades[index], quantity=reading.trades[index].quantity + STEP)
    return replace(reading, trades=(*reading.trades[:index], wrong, *reading.trades[index + 1 :]))


def twin_of_the_other_side(reading: Reading, index: int) -> Reading:
    side = OrderSide.BUY if reading.trades[index].side is OrderSide.SELL else OrderSide.SELL
    wrong = replace(reading.trades[index], side=side)
    return replace(reading, trades=(*reading.trades[:index], wrong, *reading.trades[index + 1 :]))


def twin_with_a_later_position(reading: Reading, index: int) -> Reading:
    return replace(reading, exchange_amt=q.add(reading.exchange_amt, reading.trades[index].signed_qty))


def twin_with_an_earlier_position(reading: Reading, index: int) -> Reading:
    return replace(reading, exchange_amt=q.subtract(reading.exchange_amt, reading.trades[index].signed_qty))


@pytest.mark.parametrize(
    "twin",
    [
        twin_without,
        twin_doubled,
        twin_of_another_leg,
        twin_off_by_one_step,
        twin_of_the_other_side,
        twin_with_a_later_position,
        twin_with_an_earlier_position,
    ],
)
@given(found=orders(), data=st.data())
def test_a_wrong_twin_never_closes(twin, found: list[tuple[str, str, list[Trade]]], data: st.DataObject) -> None:  # type: ignore[no-untyped-def]
    right = reading_of(found)
    wrong = twin(right, data.draw(st.integers(min_value=0, max_value=len(right.trades) - 1)))
    assert explain(watermark(), known(), right).problem is None
    assert explain(watermark(), known(), wrong).problem is not None


@given(orders(), steps)
def test_a_ledger_that_something_else_moved_is_not_repaired(
    found: list[tuple[str, str, list[Trade]]], moved: int
) -> None:
    account: Account = explain(watermark(), known(1 + moved * STEP), reading_of(found))
    assert account.problem is not None


@given(orders())
def test_an_order_of_ours_that_is_not_final_is_in_flight(found: list[tuple[str, str, list[Trade]]]) -> None:
    reading = reading_of(found)
    open_orders = {
        order_id: state_of(order_id, owner, each, is_final=False) for order_id, owner, each in found if owner == OWN
    }
    account = explain(watermark(), known(), replace(reading, orders={**reading.orders, **open_orders}))
    for share in account.shares:
        assert (share.trade_class is TradeClass.IN_FLIGHT) == (share.order_id in open_orders)


@given(orders())
def test_a_client_order_id_that_looks_forced_is_external_without_the_venues_word(
    found: list[tuple[str, str, list[Trade]]],
) -> None:
    account = explain(watermark(), known(), replace(reading_of(found), forced={}))
    assert not {TradeClass.ADL, TradeClass.LIQUIDATION} & set(account.classes)


# --- pages ----------------------------------------------------------------------------------------------------------


@given(orders(), st.data())
def test_overlapping_and_unordered_pages_make_one_list(
    found: list[tuple[str, str, list[Trade]]], data: st.DataObject
) -> None:
    trades = [each for _, _, group in found for each in group]
    pages = [data.draw(st.lists(st.sampled_from(trades), max_size=8)) for _ in range(3)]
    assert merged([*pages, trades, *reversed(pages)]) == merged([trades])


def test_one_trade_told_in_two_ways_is_an_error() -> None:
    first = trade("1", "o", OrderSide.BUY, 3)
    with pytest.raises(ContradictingTradesError):
        merged([[first], [replace(first, quantity=STEP)]])


def test_a_trade_without_an_order_is_applied_once() -> None:
    lone = trade("1", None, OrderSide.SELL, 3)
    forced = ForcedOrder(
        order_id="1", symbol="BTCUSDT", leg=Leg.BOTH, kind=ForcedKind.ADL, executed_qty=lone.quantity, time_ms=1
    )
    reading = Reading(leg=Leg.BOTH, exchange_amt=1 - lone.quantity, trades=(lone,), forced={"1": forced})
    account = explain(watermark(), known(), reading)
    assert (account.problem, account.ledger_after) == (None, reading.exchange_amt)
    applied = replace(known(reading.exchange_amt), applied_trades=frozenset({"1"}))
    assert not explain(watermark(), applied, reading).missing


@given(orders())
def test_a_trade_that_the_list_lacks_is_missed_although_its_result_came(
    found: list[tuple[str, str, list[Trade]]],
) -> None:
    order_id, _, trades = found[0]
    remembered = {order_id: total(trades)}
    reading = reading_of(found)
    without = replace(reading, trades=tuple(one for one in reading.trades if one.order_id != order_id))
    account = explain(watermark(), known(1 + signed_total(trades), **remembered), without)
    assert account.problem is not None
