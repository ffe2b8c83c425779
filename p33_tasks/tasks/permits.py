"""``p33.evaluate_permit``: the verdict on one plan. ``p33.evaluate_permits``: verdicts on several waiting plans."""

from __future__ import annotations

from collections import Counter
from typing import Any

import structlog

from p33_tasks.bootstrap.runtime import Runtime, runtime
from p33_tasks.contract.entries import MAX_TOGETHER
from p33_tasks.contract.plans import parse_task_plan
from p33_tasks.contract.task_proof import is_proven
from p33_tasks.domain.models import Allow, Plan, Verdict
from p33_tasks.domain.reasons import Reason
from p33_tasks.errors import EntryMismatchError, InvalidMessageError, SnapshotAwaitedError, StoreError
from p33_tasks.ingest.options import PLANS
from p33_tasks.log_events import LogEvent
from p33_tasks.ports import PlanName, StreamEntry
from p33_tasks.tasks.job import job
from p33_tasks.tasks.origin import entry_of, is_foreign, name_of
from p33_tasks.tasks.sending import NOT_SENT, send
from p33_tasks.tasks.snapshots import refresh_snapshot

log = structlog.get_logger("p33.task")

TASK = "p33.evaluate_permit"
TOGETHER = "p33.evaluate_permits"


@job(TASK, queue="p33.permits", time_limit=10, stream=PLANS, throws=(StoreError,))
def evaluate_permit(
    plan: dict[str, Any] | None = None,
    stream: str | None = None,
    entry_id: str | None = None,
    prefix: str | None = None,
    *,
    plan_id: str | None = None,
    symbol: str | None = None,
    hmac: str | None = None,
) -> str:
    """Judge a plan.

    Args:
        plan: From a producer that sends tasks: the plan's fields, with ``issued_ms``. With an entry (as 0.1 sent it),
            only its plan_id and symbol are used, to name the entry.
        stream: The key of the entry's stream; None for a producer's task.
        entry_id: The entry's id; the plan is read from this entry.
        prefix: The sender's key prefix.
        plan_id: The plan_id in that entry.
        symbol: The symbol in that entry.
        hmac: The signature of a producer's task, if ``P33_TASK_KEY`` is set.

    Returns:
        ``allow``, ``deny``, ``decided``, ``waiting`` (an emergency close, for a snapshot requested for it; its entry
        stays pending and is sent again) or ``refused``; also in the log.

    Raises:
        StoreError: Redis is away. An entry of the stream stays pending and is sent again.
    """
    here = runtime()
    if is_foreign(prefix, here, task=TASK):
        return "refused"
    fields = plan if isinstance(plan, dict) else {}
    try:
        entry = entry_of(stream, entry_id, here.keys.plans)
        if entry is not None:
            return _judge_entry(here, {"plan_id": plan_id, "symbol": symbol} if plan_id is not None else fields, entry)
        own = parse_task_plan(fields)
    except (ValueError, InvalidMessageError) as error:
        log.error(LogEvent.REFUSED, task=TASK, entry_id=entry_id, error=str(error))  # noqa: TRY400 - the error text is enough
        return "refused"
    key = here.settings.task_key
    if key is not None and not is_proven(hmac, fields, prefix=here.keys.prefix, key=key.get_secret_value()):
        note = "a plan without a stream entry needs the hmac of P33_TASK_KEY; send it to the stream, or sign it"
        log.error(LogEvent.REFUSED, task=TASK, plan_id=own.plan_id, symbol=own.symbol, error=note)
        return "refused"
    return _decision_text(_judge_own(here, own))


@job(TOGETHER, queue="p33.permits", time_limit=10, throws=(StoreError,))
def evaluate_permits(
    plan_ids: list[Any], symbols: list[Any], entry_ids: list[Any], stream: str, prefix: str | None = None
) -> str:
    """Judge several plans of the stream, each separately: an error of one doesn't affect the others.

    Args:
        plan_ids: The plan_ids, in the order of the entries.
        symbols: The symbol of each.
        entry_ids: The entry of each; the plan is read from it.
        stream: The key of the entries' stream.
        prefix: The sender's key prefix.

    Returns:
        The number of plans by outcome, e.g. ``allow 30, refused 2``.

    Raises:
        StoreError: Redis is away. Plans without a verdict stay pending and are sent again, each alone.
    """
    here = runtime()
    if is_foreign(prefix, here, task=TOGETHER):
        return "refused"
    try:
        named = _named(here, plan_ids, symbols, entry_ids, stream)
    except (ValueError, InvalidMessageError) as error:
        log.error(LogEvent.REFUSED, task=TOGETHER, error=str(error))  # noqa: TRY400 - the error text is enough
        return "refused"
    try:
        outcomes = here.permits.judge_entries(named)
    except StoreError as error:
        log.error(LogEvent.UNDECIDED, plans=len(named), error=str(error))  # noqa: TRY400 - see throws
        raise
    words = Counter(_outcome_text(here, name, outcome) for (name, _), outcome in zip(named, outcomes, strict=True))
    return ", ".join(f"{word} {count}" for word, count in sorted(words.items()))


def _named(
    here: Runtime, plan_ids: object, symbols: object, entry_ids: object, stream: object
) -> list[tuple[PlanName, StreamEntry]]:
    """The plan names and entries in a message.

    Raises:
        ValueError: An entry is invalid, or the lists differ in length.
        InvalidMessageError: A plan_id or symbol is missing.
    """
    columns = (plan_ids, symbols, entry_ids)
    if not all(isinstance(column, list) and 0 < len(column) <= MAX_TOGETHER for column in columns):
        raise ValueError(f"plan_ids, symbols and entry_ids must be lists of 1 to {MAX_TOGETHER}")
    named = []
    for plan_id, symbol, entry_id in zip(*columns, strict=True):  # type: ignore[call-overload]  # lists, see above
        entry = entry_of(stream, entry_id, here.keys.plans)
        if entry is None:
            raise ValueError("it names no stream")
        named.append((name_of({"plan_id": plan_id, "symbol": symbol}), entry))
    return named


def _outcome_text(here: Runtime, name: PlanName, outcome: Verdict | Exception | None) -> str:
    """The outcome of one plan of several as a word. An error is logged, and the entry stays pending."""
    if not isinstance(outcome, Exception):
        return _decision_text(outcome)
    about = {"plan_id": name.plan_id, "symbol": name.symbol, "error": str(outcome)}
    if isinstance(outcome, SnapshotAwaitedError):
        return _awaits_snapshot(here, name)
    if isinstance(outcome, EntryMismatchError):
        log.error(LogEvent.REFUSED, task=TOGETHER, **about)
        return "refused"
    if isinstance(outcome, StoreError):
        log.error(LogEvent.UNDECIDED, **about)
    else:
        log.error(LogEvent.EVALUATION_FAILED, **about, exc_info=outcome)
    return "undecided"


def _judge_entry(here: Runtime, named: dict[str, Any], entry: StreamEntry) -> str:
    """Judge the plan in the entry; the message only names it.

    Raises:
        InvalidMessageError: The message names no plan.
        EntryMismatchError: The entry is another plan's.
    """
    name = name_of(named)
    try:
        return _decision_text(here.permits.judge_entry(name, entry))
    except EntryMismatchError:
        raise
    except SnapshotAwaitedError:
        return _awaits_snapshot(here, name)
    except StoreError as error:
        log.error(LogEvent.UNDECIDED, plan_id=name.plan_id, symbol=name.symbol, error=str(error))  # noqa: TRY400 - see throws
        raise
    except Exception:
        # Not denied here: only the message names the plan. The entry stays pending, and the ingest denies it.
        log.exception(LogEvent.EVALUATION_FAILED, plan_id=name.plan_id, symbol=name.symbol)
        raise


def _awaits_snapshot(here: Runtime, name: PlanName) -> str:
    log.info(LogEvent.SNAPSHOT_AWAITED, plan_id=name.plan_id, symbol=name.symbol)
    _ask_refresh(here, name.symbol)
    return "waiting"


def _ask_refresh(here: Runtime, symbol: str) -> None:
    """Request a refresh now. A failure is logged: the next tick refreshes anyway."""
    try:
        send(refresh_snapshot, here, symbol=symbol)
    except NOT_SENT as error:
        log.warning(LogEvent.REFRESH_NOT_SENT, symbol=symbol, error=f"{type(error).__name__}: {error}")


def _judge_own(here: Runtime, plan: Plan) -> Verdict | None:
    try:
        return here.permits.judge(plan, None)
    except StoreError as error:
        log.error(LogEvent.UNDECIDED, plan_id=plan.plan_id, symbol=plan.symbol, error=str(error))  # noqa: TRY400 - see throws
        raise
    except Exception as error:  # any error is a deny, and logged
        log.exception(LogEvent.EVALUATION_FAILED, plan_id=plan.plan_id, symbol=plan.symbol)
        return here.permits.deny(plan, None, Reason.INTERNAL_ERROR, {"error": type(error).__name__})


def _decision_text(verdict: Verdict | None) -> str:
    if verdict is None:
        return "decided"
    return "allow" if isinstance(verdict, Allow) else "deny"
