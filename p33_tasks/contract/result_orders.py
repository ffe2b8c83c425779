"""The orders in a result, from all places where it may name them: one fill per order id, and problems."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from p33_tasks.contract.fields import flag_of, is_nothing, json_of, order_id_of, quantity_of, shown, word_of
from p33_tasks.contract.positions import leg_of as named_leg_of
from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Fill, Leg, OrderSide, PositionSide
from p33_tasks.errors import InvalidMessageError
from p33_tasks.ports import ResultReader

MAX_ORDERS = 200
MAX_ERROR_CHARS = 1_000
MAX_PROBLEM_CHARS = 200
_ERROR_FIELDS = ("error", "error_code", "code", "msg", "reason")
_ORDER_FIELDS = (
    *("order_id", "side", "executed_qty", "filled_qty", "positionSide", "position_side", "reduceOnly", "reduce_only"),
    *("orderId", "executedQty", "id", "filled"),
    *("order_status", "orderStatus", "status", "state", "symbol"),
)
_PARTIAL = {"partiallyfilled", "partialfilled", "open"}
"""The statuses of venues and ccxt for an order that is executed in part and still open; letters only."""
_Json = TypeVar("_Json", dict[str, object], list[object])
_SIDES = {side.value: side for side in OrderSide}


class OrderRows:
    """Collects the orders of one result: one fill per order id, and what could not be read."""

    def __init__(self, *, executed: bool, venue: ResultReader | None, symbol: str = "") -> None:
        """``symbol`` is the result's, as the venue's id."""
        self._executed = executed
        self._symbol = symbol
        self._venue = venue
        self.fills: dict[str, Fill] = {}
        self.problems: list[str] = []
        self._two_sided: set[str] = set()

    def fail(self, problem: object) -> None:
        """Add a problem, each text once."""
        text = str(problem)[:MAX_PROBLEM_CHARS]
        if text not in self.problems:
            self.problems.append(text)

    def read(self, order: Mapping[str, object]) -> None:
        """Add one order: the part of it that is certain, and a problem for the rest."""
        fill, problem = self._read(order)
        if problem is not None:
            self.fail(problem)
        if fill is not None:
            self._add(fill)

    def _read(self, order: Mapping[str, object]) -> tuple[Fill | None, str | None]:
        """The certain part of the order, or None; and the problem, or None."""
        order_id = None
        try:
            if self._is_foreign(order):
                fill = self._read_foreign(order)
            else:
                order_id = order_id_of(order, "order_id")
                fill = self._read_own(order, order_id)
        except InvalidMessageError as error:
            certain = Fill(order_id=order_id, side=None, cumulative_qty=q.ZERO) if order_id else None
            return certain, str(error)
        if fill is None:
            return None, None
        fill = replace(fill, is_open=_is_open(order))
        quantity = fill.cumulative_qty
        if not self._executed:
            said = f"executed is false, and order {shown(fill.order_id)} executed {quantity}" if quantity > 0 else None
            return replace(fill, cumulative_qty=q.ZERO), said
        if quantity > 0 and fill.side is None:
            return fill, f"order {shown(fill.order_id)} executed {quantity} and has side {shown(order.get('side'))}"
        return fill, None

    def _is_foreign(self, order: Mapping[str, object]) -> bool:
        """Whether this is an order as the venue or ccxt writes it, in its own units."""
        if any(not is_nothing(order.get(name)) for name in ("orderId", "executedQty")):
            return True
        if not is_nothing(order.get("id")) and not is_nothing(order.get("filled")):
            return True
        ours = any(not is_nothing(order.get(name)) for name in ("executed_qty", "filled_qty"))
        if self._venue is None or (ours and not is_nothing(order.get("order_id"))):
            return False
        return any(not is_nothing(order.get(name)) for name in self._venue.own_fields)

    def _read_foreign(self, order: Mapping[str, object]) -> Fill | None:
        if self._venue is None:
            raise InvalidMessageError("a raw or ccxt order, which this venue has no reader for")
        info = order.get("info")  # the venue's own order, if ccxt wrote this one
        for one in (order, info if isinstance(info, Mapping) else {}):
            symbol = one.get("symbol")
            named = self._venue.venue_symbol(symbol).upper() if isinstance(symbol, str) and symbol else None
            if named not in {None, self._symbol.upper()}:
                raise InvalidMessageError(f"a raw or ccxt order of {shown(named)}, not of {shown(self._symbol)}")
        return self._venue.read_order(order)

    @staticmethod
    def _read_own(order: Mapping[str, object], order_id: str | None) -> Fill | None:
        confirmed = max(quantity_of(order, "executed_qty"), quantity_of(order, "filled_qty"))
        if order_id is None:
            if confirmed > 0:
                raise InvalidMessageError(f"{confirmed} was executed by an order without order_id")
            return None
        return Fill(
            order_id=order_id,
            side=side_of(order),
            cumulative_qty=confirmed,
            leg=leg_of(order),
            reduce_only=reduce_only_of(order),
        )

    def named_in(self, place: Mapping[str, object]) -> dict[str, object]:
        """The fields of an order (ours and the venue's) in a place that has other fields too."""
        names = _ORDER_FIELDS if self._venue is None else (*_ORDER_FIELDS, *self._venue.order_fields)
        return {name: place[name] for name in names if not is_nothing(place.get(name))}

    def _add(self, fill: Fill) -> None:
        """Add or merge a fill: quantities are cumulative, so the larger one of an order is the later one."""
        known = self.fills.get(fill.order_id)
        if known is None:
            if len(self.fills) == MAX_ORDERS:
                self.fail(f"more than {MAX_ORDERS} orders in one result")
            else:
                self.fills[fill.order_id] = fill
            return
        if known.side and fill.side and known.side is not fill.side:
            self.fail(f"order {shown(fill.order_id)} is named with both sides")
            self._two_sided.add(fill.order_id)
        side = None if fill.order_id in self._two_sided else known.side or fill.side
        later = max(known, fill, key=lambda one: one.cumulative_qty)
        is_same = known.cumulative_qty == fill.cumulative_qty
        self.fills[fill.order_id] = replace(
            known,
            is_open=(known.is_open or fill.is_open) if is_same else later.is_open,
            side=side,
            cumulative_qty=max(known.cumulative_qty, fill.cumulative_qty),
            leg=known.leg or fill.leg,
            reduce_only=fill.reduce_only
            if known.reduce_only is None
            else known.reduce_only and fill.reduce_only is not False,
        )


def orders_of(fields: Mapping[str, object], found: OrderRows) -> list[Mapping[str, object]]:
    """The rows of all places where the entry may name an order."""
    flat = found.named_in(fields)
    nested = found.named_in(_json(fields, "details", dict, found))
    # If only one of the two has the order id, both describe the same order.
    for one, other in ((flat, nested), (nested, flat)):
        if "order_id" not in one and "order_id" in other:
            one["order_id"] = other["order_id"]
    return [*_steps(fields, found), flat, nested]


def _steps(fields: Mapping[str, object], found: OrderRows) -> list[Mapping[str, object]]:
    steps = _json(fields, "steps_results", list, found)
    good = [step for step in steps if isinstance(step, Mapping)]
    if len(good) != len(steps):
        found.fail("steps_results holds something that isn't an object")
    return good


def _json(fields: Mapping[str, object], name: str, kind: type[_Json], found: OrderRows) -> _Json:
    """A field's JSON; empty, and a problem is added, if it has another type or can't be read."""
    try:
        value = json_of(fields, name)
    except InvalidMessageError as error:
        found.fail(error)
        return kind()
    if value is None:
        return kind()
    if not isinstance(value, kind):
        found.fail(f"{name} must be a JSON {kind.__name__}, found {shown(fields[name])}")
        return kind()
    return value


def errors_of(fields: Mapping[str, object]) -> Iterator[str]:
    """The error texts from all places of the entry, cut to a limit. They are searched for the venue's codes."""
    again = OrderRows(executed=False, venue=None)  # its problems were added before
    for place in (fields, _json(fields, "details", dict, again), *_steps(fields, again)):
        for name in _ERROR_FIELDS:
            value = place.get(name)
            if isinstance(value, str | int) and not isinstance(value, bool) and not is_nothing(value):
                yield str(value)[:MAX_ERROR_CHARS]


def side_of(order: Mapping[str, object]) -> OrderSide | None:
    """The trade's side; None if the field is missing or another word: no other field replaces it."""
    return _SIDES.get((word_of(order, "side") or "").upper())


def leg_of(order: Mapping[str, object]) -> PositionSide | None:
    """The leg that an order names; None if it names none or ``BOTH``.

    Raises:
        InvalidMessageError: It names two legs, or another word.
    """
    leg = named_leg_of(order)
    return None if leg is Leg.BOTH else PositionSide(leg.value)


def _is_open(order: Mapping[str, object]) -> bool:
    """Whether an order's status means that it is executed in part and still open."""
    said = (order.get(name) for name in ("order_status", "orderStatus", "status", "state"))
    return any(isinstance(word, str) and re.sub(r"[^a-z]", "", word.lower()) in _PARTIAL for word in said)


def reduce_only_of(order: Mapping[str, object]) -> bool | None:
    """The order's reduce-only flag; None if it has none.

    Raises:
        InvalidMessageError: The flag is neither true nor false.
    """
    said = [flag_of(order, name) for name in ("reduce_only", "reduceOnly") if not is_nothing(order.get(name))]
    return None if not said else all(said)
