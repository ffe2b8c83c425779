"""``p33.evaluate_permit``: one verdict for one plan."""

from __future__ import annotations

from typing import Any

import structlog
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from p33_tasks.bootstrap.runtime import Runtime, runtime
from p33_tasks.contract.plans import parse_task_plan
from p33_tasks.contract.task_proof import is_proven
from p33_tasks.domain.models import Allow, Plan, Verdict
from p33_tasks.domain.reasons import Reason
from p33_tasks.errors import EntryMismatchError, InvalidMessageError, SnapshotAwaitedError, StoreError
from p33_tasks.ingest.options import PLANS
from p33_tasks.log_events import LogEvent
from p33_tasks.ports import StreamEntry
from p33_tasks.tasks.job import job
from p33_tasks.tasks.origin import entry_of, is_foreign, name_of
from p33_tasks.tasks.snapshots import refresh_snapshot

log = structlog.get_logger("p33.task")

TASK = "p33.evaluate_permit"


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
        plan: From a producer that sends the task itself: the plan's fields with ``issued_ms``. Beside an entry, its
            plan_id and symbol name the entry (as 0.1 sent it) and nothing else of it counts.
        stream: The key the entry was read from; None for a producer's own task.
        entry_id: Of that entry: the plan is what the stream holds there.
        prefix: The sender's key prefix.
        plan_id: Of the plan in that entry.
        symbol: Of the plan in that entry.
        hmac: Of a producer's own task, where ``P33_TASK_KEY`` is set.

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
        log.error(LogEvent.REFUSED, task=TASK, entry_id=entry_id, error=str(error))  # noqa: TRY400 - our own sentence says it all
        return "refused"
    key = here.settings.task_key
    if key is not None and not is_proven(hmac, fields, prefix=here.keys.prefix, key=key.get_secret_value()):
        note = "a plan without a stream entry needs the hmac of P33_TASK_KEY; send it to the stream, or sign it"
        log.error(LogEvent.REFUSED, task=TASK, plan_id=own.plan_id, symbol=own.symbol, error=note)
        return "refused"
    return _word(_judge_own(here, own))


def _judge_entry(here: Runtime, named: dict[str, Any], entry: StreamEntry) -> str:
    """Judge what the stream holds; the message only says whose it is.

    Raises:
        InvalidMessageError: The message names no plan.
        EntryMismatchError: The entry is another plan's.
    """
    name = name_of(named)
    try:
        return _word(here.permits.judge_entry(name, entry))
    except EntryMismatchError:
        raise
    except SnapshotAwaitedError:
        log.info(LogEvent.SNAPSHOT_AWAITED, plan_id=name.plan_id, symbol=name.symbol)
        _ask_refresh(here, name.symbol)
        return "waiting"
    except StoreError as error:
        log.error(LogEvent.UNDECIDED, plan_id=name.plan_id, symbol=name.symbol, error=str(error))  # noqa: TRY400 - see throws
        raise
    except Exception:
        # Not denied here: the name is only the message's word. The entry stays pending, and its ingest denies it.
        log.exception(LogEvent.EVALUATION_FAILED, plan_id=name.plan_id, symbol=name.symbol)
        raise


def _ask_refresh(here: Runtime, symbol: str) -> None:
    """Now, and not with the next tick. A failure is logged: the next tick asks the exchange all the same."""
    try:
        refresh_snapshot.apply_async(
            kwargs={"symbol": symbol, "prefix": here.keys.prefix}, ignore_result=True, retry=False
        )
    except (KombuError, RedisError, OSError) as error:
        log.warning(LogEvent.REFRESH_NOT_SENT, symbol=symbol, error=f"{type(error).__name__}: {error}")


def _judge_own(here: Runtime, plan: Plan) -> Verdict | None:
    try:
        return here.permits.judge(plan, None)
    except StoreError as error:
        log.error(LogEvent.UNDECIDED, plan_id=plan.plan_id, symbol=plan.symbol, error=str(error))  # noqa: TRY400 - see throws
        raise
    except Exception as error:  # whatever went wrong is a deny, and said aloud
        log.exception(LogEvent.EVALUATION_FAILED, plan_id=plan.plan_id, symbol=plan.symbol)
        return here.permits.deny(plan, None, Reason.INTERNAL_ERROR, {"error": type(error).__name__})


def _word(verdict: Verdict | None) -> str:
    if verdict is None:
        return "decided"
    return "allow" if isinstance(verdict, Allow) else "deny"
