"""Results: entries of ``apply.result``, three dialects and any mixture of them (CONTRACT section 4).

- A lists its orders in ``steps_results``, a JSON list, with ``executed_qty``.
- B names one order in flat fields, with ``filled_qty``.
- C names one order in ``details``, a JSON object, with ``filled_qty``.

Only these executed quantities count, never the requested ones (``quantity``, ``close_qty``, ``qty``), and they count
whatever the order's status says: a cancelled order can have been filled in part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from p33_tasks.contract.entries import MAX_ENTRY_CHARS, chars_of
from p33_tasks.contract.fields import (
    MAX_PLAN_ID_CHARS,
    flag_of,
    id_of,
    is_nothing,
    json_of,
    objects_of,
    order_id_of,
    quantity_of,
    shown,
    symbol_of,
    text_of,
)
from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Fill, OrderSide
from p33_tasks.errors import InvalidMessageError
from p33_tasks.ports import ExecutionResult

MAX_ORDERS = 200
MAX_RESULT_AGE_MS = 7 * 86_400_000
"""How long fills are remembered: an older result could be applied a second time."""
MAX_ERROR_CHARS = 1_000
_ERROR_FIELDS = ("error", "error_code", "code", "msg", "reason")

_ORDER_FIELDS = ("order_id", "side", "executed_qty", "filled_qty")
_SIDES = {side.value: side for side in OrderSide}


def parse_entry_result(fields: Mapping[str, str | list[str]], *, age_ms: int) -> ExecutionResult:
    """Read a result's stream entry: what the ingest and every task make of it.

    Args:
        fields: The entry's, as the stream or its copy holds them.
        age_ms: Milliseconds since it was added, by Redis' clock.

    Raises:
        InvalidMessageError: As ``parse_result``; and for an entry that is too large, or older than the memory of fills.
    """
    if (chars := chars_of(fields)) > MAX_ENTRY_CHARS:
        raise InvalidMessageError(f"{chars} characters, at most {MAX_ENTRY_CHARS} are allowed")
    if age_ms > MAX_RESULT_AGE_MS:
        raise InvalidMessageError(f"the result is {age_ms // 86_400_000} days old; fills are remembered for 7")
    return parse_result(fields)


def parse_result(fields: Mapping[str, object]) -> ExecutionResult:
    """Read a result of any dialect.

    Returns:
        The result with every order id that it names. An order's quantity is 0 where none was confirmed, and
        for all of them when the result says that nothing was executed.

    Raises:
        InvalidMessageError: When plan_id, symbol or ``executed`` is missing or unreadable, or an order is: a
            quantity that can't be read must not be taken for none.
    """
    executed = flag_of(fields, "executed")
    if executed is None:
        raise InvalidMessageError("executed is missing")
    return ExecutionResult(
        plan_id=id_of(fields, "plan_id", MAX_PLAN_ID_CHARS),
        symbol=symbol_of(fields, "symbol"),
        executed=executed,
        fills=_merged(_read_order(order, executed=executed) for order in _orders(fields)),
        rejected=not executed and (text_of(fields, "outcome") or "").strip().lower() == "rejected",
        errors=tuple(_errors(fields)),
        consume_id=None if is_nothing(fields.get("consume_id")) else id_of(fields, "consume_id", MAX_PLAN_ID_CHARS),
    )


def _orders(fields: Mapping[str, object]) -> list[Mapping[str, object]]:
    """Every place where the entry may name an order."""
    flat: dict[str, object] = {name: fields[name] for name in _ORDER_FIELDS if not is_nothing(fields.get(name))}
    details = json_of(fields, "details")
    if details is None:
        details = {}
    if not isinstance(details, Mapping):
        raise InvalidMessageError(f"details must be a JSON object, found {shown(fields['details'])}")
    nested: dict[str, object] = {n: details[n] for n in _ORDER_FIELDS if not is_nothing(details.get(n))}
    # Where only one of the two has the order id, both speak of the same order.
    for one, other in ((flat, nested), (nested, flat)):
        if "order_id" not in one and "order_id" in other:
            one["order_id"] = other["order_id"]
    return [*objects_of(fields, "steps_results"), flat, nested]


def _errors(fields: Mapping[str, object]) -> Iterator[str]:
    """What went wrong, wherever the entry says so: bounded, else as written. The venue's codes are looked for in it."""
    details = json_of(fields, "details")
    for place in (fields, details if isinstance(details, Mapping) else {}, *objects_of(fields, "steps_results")):
        for name in _ERROR_FIELDS:
            value = place.get(name)
            if isinstance(value, str | int) and not isinstance(value, bool) and not is_nothing(value):
                yield str(value)[:MAX_ERROR_CHARS]


def _read_order(order: Mapping[str, object], *, executed: bool) -> Fill | None:
    order_id = order_id_of(order, "order_id")
    if order_id is None:
        return None
    confirmed = max(quantity_of(order, "executed_qty"), quantity_of(order, "filled_qty")) if executed else q.ZERO
    return Fill(order_id=order_id, side=_read_side(order), cumulative_qty=confirmed)


def _read_side(order: Mapping[str, object]) -> OrderSide | None:
    """The order's side, None when there is none or it is another word: it is never derived from elsewhere."""
    word = (text_of(order, "side") or "").strip().upper()
    return _SIDES.get(word)


def _merged(fills: Iterable[Fill | None]) -> tuple[Fill, ...]:
    """One fill per order id: quantities are cumulative, so the larger one is the later one."""
    by_id: dict[str, Fill] = {}
    for fill in fills:
        if fill is None:
            continue
        known = by_id.setdefault(fill.order_id, fill)
        if known.side and fill.side and known.side is not fill.side:
            raise InvalidMessageError(f"order {shown(fill.order_id)} is named with both sides")
        by_id[fill.order_id] = replace(
            known, side=known.side or fill.side, cumulative_qty=max(known.cumulative_qty, fill.cumulative_qty)
        )
    if len(by_id) > MAX_ORDERS:
        raise InvalidMessageError(f"{len(by_id)} orders in one result, at most {MAX_ORDERS} are allowed")
    return tuple(by_id.values())
