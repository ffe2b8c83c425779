"""Results: entries of ``apply.result``, four dialects and any mixture of them (CONTRACT section 4).

- A lists its orders in ``steps_results``, a JSON list, with ``executed_qty``.
- B names one order in flat fields, with ``filled_qty``.
- C names one order in ``details``, a JSON object, with ``filled_qty``.
- In any of these places an order may stand as the venue writes it (``orderId``, ``executedQty``), or as ccxt does
  (``id``, ``filled``). Its quantity may be contracts and its side the position's: only the venue's reader reads it.

Only these executed quantities count, never the requested ones (``quantity``, ``close_qty``, ``qty``), and they count
whatever the order's status says: a cancelled order can have been filled in part. A status that says that only a part
was executed so far means that more of the order may follow.
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
"""How long fills are remembered: an older result could be applied a second time."""
RETRIED = "retried_entry_id"
"""A dead letter that was put back names the entry it first came in: that entry's time counts, not the new one's."""
MAX_PROBLEMS = 5
_ENTRY_ID = re.compile(r"[0-9]{1,16}-[0-9]{1,16}", re.ASCII)


def parse_entry_result(
    fields: Mapping[str, str | list[str]], venue: ResultReader | None = None, *, now_ms: int, added_ms: int
) -> ExecutionResult:
    """Read a result's stream entry: what the ingest and every task make of it.

    Args:
        fields: The entry's, as the stream or its copy holds them.
        venue: As of ``parse_result``.
        now_ms: Redis TIME.
        added_ms: When it was added, by Redis' clock. Of one that was put back, when it first came.

    Raises:
        InvalidMessageError: As ``parse_result``; and for an entry that is too large, or older than the memory of fills.
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
        fields: The stream entry's.
        venue: Reads what only the venue's own reader can: its raw orders, ccxt's, and ccxt's form of a symbol.

    Returns:
        The result with every order id that names an order. An order's quantity is 0 where none was confirmed, and for
        all of them when the result says that nothing was executed. A row that can't be read takes no other row with
        it: it is one of the result's ``problems``, and its quantity is never taken for none in silence.

    Raises:
        InvalidMessageError: When plan_id, symbol or ``executed`` is missing or unreadable: there is nothing that the
            report could be tied to.
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
        # A report that contradicts itself proves no rejection.
        rejected=not executed and not problems and (word_of(fields, "outcome") or "").lower() == "rejected",
        unknown=(word_of(fields, "outcome") or "").lower() == "unknown",
        errors=tuple(errors_of(fields)),
        consume_id=None if is_nothing(fields.get("consume_id")) else id_of(fields, "consume_id", MAX_PLAN_ID_CHARS),
        problems=problems,
        as_read=readable(fields),
        repeats=_repeats(fields),
    )


def _repeats(fields: Mapping[str, object]) -> str:
    """The id of the entry that a dead letter first came in; '' where the result wasn't put back."""
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
