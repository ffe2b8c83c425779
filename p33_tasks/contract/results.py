"""Results: entries of ``apply.result``, in four dialects and any mixture of them (CONTRACT section 4).

- A lists orders in ``steps_results``, a JSON list, with ``executed_qty``.
- B names one order in flat fields, with ``filled_qty``.
- C names one order in ``details``, a JSON object, with ``filled_qty``.
- Each of these places may contain the venue's own order (``orderId``, ``executedQty``) or ccxt's (``id``, ``filled``).
  Its quantity may be in contracts, and its side the position's: only the venue's reader can read it.

Only these executed quantities count, never the requested ones (``quantity``, ``close_qty``, ``qty``). They count for
any order status: a cancelled order can be filled in part. With a status for "executed in part", more of the order may
be executed later.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from p33_tasks.contract.entries import MAX_ENTRY_CHARS, chars_of, time_ms_of
from p33_tasks.contract.fields import MAX_PLAN_ID_CHARS, flag_of, id_of, is_nothing, shown, symbol_of, word_of
from p33_tasks.contract.positions import looks_like_a_leg
from p33_tasks.contract.readable import readable
from p33_tasks.contract.result_orders import OrderRows, errors_of, orders_of
from p33_tasks.errors import InvalidMessageError
from p33_tasks.ports import ExecutionResult, ResultReader

MAX_RESULT_AGE_MS = 7 * 86_400_000
"""How long the fills memory keeps an order. An older result is refused: it could be applied a second time."""
RETRIED = "retried_entry_id"
"""Field of a dead letter that was put back: the id of its first entry, whose time counts instead of the new one's."""
MAX_PROBLEMS = 5
_ENTRY_ID = re.compile(r"[0-9]{1,16}-[0-9]{1,16}", re.ASCII)


def parse_entry_result(
    fields: Mapping[str, str | list[str]], venue: ResultReader | None = None, *, now_ms: int, added_ms: int
) -> ExecutionResult:
    """Read a result's stream entry, in the ingest and in every task alike.

    Args:
        fields: The entry's fields, from the stream or from the copy.
        venue: As for ``parse_result``.
        now_ms: Redis TIME.
        added_ms: When the entry was added, ms of Redis' clock; for one that was put back: when its first entry was.

    Raises:
        InvalidMessageError: As ``parse_result``; or the entry is too large, or older than the fills memory.
    """
    if (chars := chars_of(fields)) > MAX_ENTRY_CHARS:
        raise InvalidMessageError(f"{chars} characters, at most {MAX_ENTRY_CHARS} are allowed")
    result = parse_result(fields, venue)
    first_ms = time_ms_of(result.repeats) if result.repeats else added_ms
    if first_ms > added_ms:
        raise InvalidMessageError(f"{RETRIED} {result.repeats} is later than the entry itself")
    if (age_ms := now_ms - first_ms) > MAX_RESULT_AGE_MS:
        raise InvalidMessageError(f"the result is {age_ms // 86_400_000} days old; fills are remembered for 7")
    return result


def parse_result(fields: Mapping[str, object], venue: ResultReader | None = None) -> ExecutionResult:
    """Read a result of any dialect.

    Args:
        fields: The stream entry's fields.
        venue: The venue's reader, for its raw orders, ccxt's orders, and ccxt's form of a symbol.

    Returns:
        The result with a fill for each order id. A fill's quantity is 0 if none was confirmed, and for all orders if
        ``executed`` is false. An unreadable row doesn't affect other rows: it is one of the result's ``problems``,
        so that its quantity is not silently counted as 0.

    Raises:
        InvalidMessageError: plan_id, symbol or ``executed`` is missing or unreadable, so the result can't be booked.
    """
    executed = flag_of(fields, "executed")
    if executed is None:
        raise InvalidMessageError("executed is missing")
    symbol = _venue_symbol(symbol_of(fields, "symbol"), venue)
    found = OrderRows(executed=executed, venue=venue, symbol=symbol)
    for order in orders_of(fields, found):
        found.read(order)
    problems = tuple(found.problems[:MAX_PROBLEMS])
    return ExecutionResult(
        plan_id=id_of(fields, "plan_id", MAX_PLAN_ID_CHARS),
        symbol=symbol,
        executed=executed,
        fills=tuple(found.fills.values()),
        # A result that contradicts itself is no proof of a rejection.
        rejected=not executed and not problems and (word_of(fields, "outcome") or "").lower() == "rejected",
        unknown=(word_of(fields, "outcome") or "").lower() == "unknown",
        errors=tuple(errors_of(fields)),
        consume_id=None if is_nothing(fields.get("consume_id")) else id_of(fields, "consume_id", MAX_PLAN_ID_CHARS),
        problems=problems,
        as_read=readable(fields),
        repeats=_repeats(fields),
    )


def _repeats(fields: Mapping[str, object]) -> str:
    """The id of the first entry of a dead letter that was put back; '' for any other result."""
    if RETRIED not in fields:
        return ""
    named = fields[RETRIED]
    if not isinstance(named, str) or not _ENTRY_ID.fullmatch(named):
        raise InvalidMessageError(f"{RETRIED} is not an entry id: {shown(named)}")
    return named


def _venue_symbol(symbol: str, venue: ResultReader | None) -> str:
    own = symbol if venue is None else venue.venue_symbol(symbol)
    if looks_like_a_leg(own):
        raise InvalidMessageError(f"symbol ends like a leg: {shown(own)}; name the leg in positionSide")
    return own
