"""Decides which dead letters can be put back: a result that can be read now, and can't be applied twice."""

from __future__ import annotations

from collections.abc import Mapping

from p33_tasks.contract.entries import time_ms_of
from p33_tasks.contract.keys import Keys
from p33_tasks.contract.results import MAX_RESULT_AGE_MS, RETRIED, parse_entry_result
from p33_tasks.errors import InvalidMessageError
from p33_tasks.ports import ResultReader
from p33_tasks.store.operator import Retry
from p33_tasks.views.dead_letters import DeadLetter, is_entry_id

MAX_FIELDS = 1_000
AGAIN = "publish the result again from the executor's records, with its order ids"


def retry_of(letter: DeadLetter, keys: Keys, venue: ResultReader | None, *, now_ms: int) -> Retry | str:
    """The entry to put back, or the reason against it and what to do instead.

    Args:
        letter: The dead letter.
        keys: The keys of the account.
        venue: The venue's reader of raw orders.
        now_ms: Redis TIME.
    """
    fields = {name: value for name, value in letter.fields.items() if isinstance(value, str)}
    first_id = fields.pop(RETRIED, letter.source_id)
    problem = _no_result(letter, keys) or _incomplete(letter, fields, first_id) or _too_old(first_id, now_ms)
    if problem:
        return problem
    try:
        result = parse_entry_result({**fields, RETRIED: first_id}, venue, now_ms=now_ms, added_ms=now_ms)
    except InvalidMessageError as error:
        return f"it still can't be read: {error}. Correct the executor; {AGAIN}"
    if result.is_unreadable:
        problem = "; ".join(result.problems) or "it names no order"
        return f"not all of it can be read ({problem}); its readable orders were already applied. {AGAIN.capitalize()}"
    return Retry(plan_id=result.plan_id, symbol=result.symbol, first_id=first_id, fields=fields)


def _no_result(letter: DeadLetter, keys: Keys) -> str:
    if letter.source_stream == keys.plans:
        return (
            "it is a plan: its executor doesn't wait for it any more, and a plan is judged by its age; correct the "
            "producer, and send a new plan with a new plan_id"
        )
    if letter.source_stream != keys.results:
        return f"it came from {letter.source_stream or '(nowhere)'}, and this account's results are {keys.results}"
    return ""


def _incomplete(letter: DeadLetter, fields: Mapping[str, str], first_id: str) -> str:
    if not fields or len(fields) + (RETRIED in letter.fields) < len(letter.fields) or "p33_note" in fields:
        return f"its entry was not stored completely; {AGAIN}"
    if len(fields) > MAX_FIELDS:
        return f"it has {len(fields)} fields, at most {MAX_FIELDS} are put back; {AGAIN}"
    return "" if is_entry_id(first_id) else f"it doesn't say which entry it came in ({first_id!r:.40}); {AGAIN}"


def _too_old(first_id: str, now_ms: int) -> str:
    age_ms = now_ms - time_ms_of(first_id)
    if age_ms <= MAX_RESULT_AGE_MS:
        return ""
    return (
        f"its entry is {age_ms // 86_400_000} days old, and fills are remembered for 7: it could be applied a second "
        "time. Compare the position with the venue, then: p33 ledger adopt --replace SYMBOL"
    )
