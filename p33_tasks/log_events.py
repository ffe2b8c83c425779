"""The event of every log line of this service: what happened, and what to do about it.

An event is the first word of a line (``P33_LOG_FORMAT=text``) or its ``event`` (``json``). docs/log-events.md is made
from this file; ``make docs`` writes it again.
"""

from __future__ import annotations

from enum import StrEnum, auto


class LogEvent(StrEnum):
    """One member per event; its docstring is its sentence in docs/log-events.md."""

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[str]) -> str:  # noqa: ARG004 - enum's
        return name

    # --- Verdicts ---

    ALLOW = auto()
    """A plan was allowed; its permit is in Redis. Nothing to do."""
    DENY = auto()
    """A plan was denied for ``reason``. For the remedy: ``p33 explain PLAN_ID``."""
    DECIDED = auto()
    """A plan was delivered again after its verdict; the first verdict stays valid. Nothing to do."""
    UNDECIDED = auto()
    """Redis failed while a plan was evaluated. Its entry stays pending and is retried; check Redis if this repeats."""
    NO_VERDICT = auto()
    """A key of the plan holds a value of another type, so no verdict could be written. The plan is a dead letter; check
    the key named in ``error`` with TYPE and move it away with RENAME."""
    EVALUATION_FAILED = auto()
    """A bug: the evaluation raised an exception. The plan is denied ``internal_error``; report the traceback."""

    # --- Results and the ledger ---

    RESULT = auto()
    """A result was recorded; ``ledger_before`` and ``ledger_after`` are the ledger's amounts. Nothing to do."""
    CROSSED_ZERO = auto()
    """A result changed the ledger from long to short, or from short to long. Compare it with the exchange: ``p33
    status``."""
    UNREADABLE_RESULT = auto()
    """An executed result can't be read completely, or contradicts an earlier one; details are in ``error``. The
    symbol's cooldown started. Compare the venue's orders with the ledger: a fill may be missing."""
    PERMIT_BREACH = auto()
    """An executor exceeded its permit; ``kinds`` lists how: ``side``, ``leg``, ``quantity``, ``not_reduce_only``. Stop
    the executor and find the cause: ``p33 explain PLAN_ID``."""
    UNRECORDED = auto()
    """A result could not be recorded; the cause is in ``error`` or the traceback. Its entry stays pending and is
    retried until it is recorded."""

    # --- Reconciliation ---

    LEDGER_REPAIRED = auto()
    """The venue's trades explained a drift and were applied to the ledger; their origin is in ``why``. If the next
    snapshot doesn't confirm it, the position is held. Find out why the results were missing: ``p33 status``."""
    RECONCILE_MOVED = auto()
    """The inputs of a repair changed before it was written; nothing was written. A new reading follows. Nothing to
    do."""
    POSITION_HELD = auto()
    """A drift can't be repaired, for ``reason`` and ``why``, and the position is held. The field ``ends`` of the key
    ``{prefix}:position:hold:<position>`` is what ends the hold. Compare the venue's trades with the ledger."""
    POSITION_RELEASED = auto()
    """Ledger and exchange were equal in three snapshots in a row; the service's hold has ended. Nothing to do."""
    RECONCILE_UNREAD = auto()
    """A position's trades or orders could not be read from the venue; the cause is in ``error``. They are read
    again."""
    NOT_RECONCILED = auto()
    """Redis failed, or the stored state of a position can't be read; the cause is in ``error``. It is retried."""
    NOTIFICATION_LOST = auto()
    """An address refused notifications (``P33_NOTIFY``), or did not accept them in time. The events are still on the
    stream: ``p33 reconcile status``. Test the address manually."""
    NOT_NOTIFIED = auto()
    """The task that sends notifications could not be started, or Redis failed. A later refresh starts it again."""
    RESTING_UNREAD = auto()
    """The venue's open orders could not be read. With ``P33_SUBTRACT_RESTING``, plans are denied
    ``resting_orders_unknown`` when the last reading is 90 s old. The next reading is a minute later: ``p33 check``."""
    RESTING_UNKNOWN = auto()
    """A row of the venue's open orders can't be read: plans on ``symbol`` are denied ``resting_orders_unknown``."""
    RESTING_NOT_READ = auto()
    """The task that reads open orders could not be sent, or Redis failed. A later refresh sends it again."""
    RECONCILE_NOT_SENT = auto()
    """The tasks that reconcile drifting positions could not be sent. The next refresh sends them; check the broker."""

    # --- Emergency closes ---
    SNAPSHOT_AWAITED = auto()
    """An emergency close waits for the snapshot that was requested for it; then it is evaluated again. Nothing to
    do."""
    REFRESH_NOT_SENT = auto()
    """The refresh that an emergency close waits for could not be sent. The next tick makes it; check the broker."""

    # --- Snapshots ---

    SNAPSHOTS = auto()
    """A refresh wrote snapshots; counts by status. Nothing to do."""
    SNAPSHOT_FAILED = auto()
    """The exchange's response can't be used; nothing was written and the snapshots age. The next tick tries again; if
    this repeats: ``p33 check``."""
    NOT_PREPARED = auto()
    """Redis failed while verdicts were prepared. Plans are evaluated normally; check Redis if this repeats."""
    FORECAST_IGNORED = auto()
    """A forecast can't be used; the line has the cause. Correct its producer: ``docs/contract.md``, section 12."""
    FORECASTER_READY = auto()
    """The forecaster reads the streams; it has learned from ``samples`` samples so far. Nothing to do."""
    FORECASTER_WAITS = auto()
    """Another forecaster of this account is running; this one waits until it stops. Nothing to do."""
    FORECASTER_AWAY = auto()
    """Redis failed while the forecaster worked. It tries again; no verdict waits for it. Check Redis if this
    repeats."""
    FORECASTER_STOPPED = auto()
    """The forecaster stopped after a signal; its model is stored in Redis. Nothing to do."""
    FORECASTS_SPEAK = auto()
    """The model is better than the base rate: forecasts are published from now on. Nothing to do."""
    FORECASTS_SILENT = auto()
    """The model is no better than the base rate, or has too little data: nothing is published. The cause is in
    ``why``."""
    FORECAST_STATE_DAMAGED = auto()
    """The forecaster's stored model can't be read; it was moved to the key ``kept_as``, and a new model starts. This is
    normal once after an upgrade; otherwise find out who wrote the key."""
    PLAN_WOULD_BE_DENIED = auto()
    """A plan is likely within 30 s and would be denied; ``reason`` and ``needed`` have the cause. Fix it in time: ``p33
    forecast status``."""
    NOT_ADAPTED = auto()
    """Redis failed while cooldowns were adapted. Each stays until its TTL expires; check Redis if this repeats."""
    ACCOUNT_CHANGED = auto()
    """The positions are of another account than those of the last 10 minutes; ``account`` is its id at the venue.
    Snapshots and permits of the previous account are void, and nothing is written until the 10 minutes are over. If
    ``account`` changes back and forth, processes with keys of two accounts use one Redis and ``P33_KEY_PREFIX``: give
    each account its own prefix."""
    SNAPSHOT_UNKNOWN = auto()
    """One symbol's position could not be read from the response, or could not be written; the cause is in ``problem``.
    Its plans are denied when its snapshot is stale."""
    MARKETS = auto()
    """The venue's market rules were loaded. Nothing to do."""
    MARKETS_FAILED = auto()
    """The venue's market rules could not be loaded; the old ones are used until they are 5 minutes old. The next tick
    tries again."""
    MARKETS_REFUSED = auto()
    """The venue rejected an order with a code that means its market rules changed. They are loaded again at the next
    refresh."""
    MARKET_UNKNOWN = auto()
    """One symbol's market rules could not be read. Without them its plans are denied ``missing_market_metadata``; check
    the symbol's name and whether it is trading."""
    NOT_REFRESHED = auto()
    """Redis failed while snapshots were refreshed. The next tick tries again; check Redis if this repeats."""
    BUDGET_NOT_REPORTED = auto()
    """The request weight or a pause reported by the venue could not be shared with the other workers. Check Redis if
    this repeats."""

    # --- Tasks and messages ---

    REFUSED = auto()
    """A task was not run: it has another key prefix, names the entry of another plan, or has a symbol outside the
    allowlist. Find out who sends it."""
    MESSAGE_REFUSED = auto()
    """A malformed message on the broker was removed. Find out who writes to the broker."""
    QUEUE_NOT_PERMITTED = auto()
    """The broker's login has no permission for a queue; this worker serves the other queues. Add ``acl_line`` to the
    login's role in the ACL file, load it, and restart the worker."""
    QUEUE_RIGHTS_UNKNOWN = auto()
    """A worker could not check its permissions for its queues at its start; it uses all queues. Check the broker."""
    CONTROL_REFUSED = auto()
    """A remote control command would change a worker, or was malformed. It was ignored; find out who sent it."""
    DEAD_LETTER = auto()
    """An entry could not be read; it was moved to the dead-letter stream: ``p33 deadletters list``. Correct its
    producer."""

    # --- Ingest ---

    PROCESS_STARTED = auto()
    """The worker started a process outside its pool, e.g. its ingest. Nothing to do."""
    INGEST_READY = auto()
    """The ingest process reads the streams. Nothing to do."""
    INGEST_NAMED = auto()
    """The ingest process took a consumer name; ``lost`` is its previous name, taken by another process. Nothing to
    do."""
    INGEST_STOPPED = auto()
    """The ingest process stopped; ``orphaned`` is true if its worker had stopped before. Nothing to do."""
    PROCESS_DIED = auto()
    """A process outside a worker's pool, e.g. its ingest, exited unexpectedly. The worker starts it again after
    ``restart_in_sec``; if this repeats, read the lines before this one."""
    INGEST_FAILED = auto()
    """A bug: the ingest's loop raised an exception. It continues after a pause; report the traceback."""
    ENTRY_FAILED = auto()
    """A bug: handling one entry raised an exception. The entry stays pending and is retried; report the traceback."""
    SENT_AGAIN = auto()
    """Entries that no worker finished in time were sent again. This is normal after a worker was killed; if it repeats,
    look for workers that hang."""
    MADE_WAY = auto()
    """There are more plans than the workers can evaluate in time: plans that waited too long were deferred, so that
    newer plans are evaluated first. If this repeats, add workers, and find out who sends so many plans."""
    QUEUE_BEHIND = auto()
    """Entries were not sent again, because as many messages wait on the broker as entries are pending. If this repeats,
    add workers."""
    GIVEN_UP = auto()
    """No worker finished a plan's evaluation after several deliveries; the ingest denied it ``internal_error``. Look
    for workers that crash or hang."""
    CONSUMER_REMOVED = auto()
    """A consumer name that no process uses any more was removed from a stream's group. Nothing to do."""
    STORE_ERROR = auto()
    """Redis failed while the streams were read. The ingest tries again; check Redis if this repeats."""
    NOT_SENT = auto()
    """One entry could not be written as a task message. It stays pending; report the traceback."""
    NO_DEATH_SIGNAL = auto()
    """The kernel refused to signal the ingest when its worker exits. The ingest checks its worker regularly instead,
    and stops a little later. Nothing to do."""
    NO_SIGN_OF_LIFE = auto()
    """The heartbeat file for ``p33 alive`` could not be written. The process continues, but a liveness probe will
    restart it: make the folder writable, or set another one in ``P33_RUNTIME_DIR``."""
    EVENTS_NOT_SENT = auto()
    """The last task events could not be sent when the ingest stopped; Flower doesn't show them. Nothing to do."""
    BROKER_CLOSE_FAILED = auto()
    """A broker connection could not be closed cleanly; a new one is opened. Nothing to do."""

    # --- Broker ---

    BROKER_AWAY = auto()
    """The broker can't be reached. Beat and ingest try again until it is back; check the broker."""
    BROKER_BACK = auto()
    """Beat reached the broker again. Nothing to do."""
    BROKER_CLEANUP_FAILED = auto()
    """Closing a lost broker connection failed inside kombu; the worker opens a new one. Entries stay pending and are
    sent again. Nothing to do."""
    POOL_NOT_READ = auto()
    """After the broker connection was lost, the reports of one pool process could not be read. Its entry is done, or
    still pending and sent again. Nothing to do."""
    REFRESHES_WAIT = auto()
    """The tasks of several ticks wait in ``queue``, so beat sends no more to it. Start a worker that consumes this
    queue (refreshes: ``p33.snapshots``)."""
    TICK = auto()
    """Beat sent the refreshes that were due. Nothing to do."""

    # --- systemd ---

    NOTIFY_FAILED = auto()
    """``NOTIFY_SOCKET`` can't be reached, so systemd aborts the start after ``TimeoutStartSec``; the cause is in
    ``error``."""

    # --- Exporter ---

    EXPORTER_LISTENING = auto()
    """The exporter answers at ``url``. Nothing to do."""
    EXPORTER_STOPPED = auto()
    """The exporter stopped after a signal. Nothing to do."""
    EXPORTER_PAGE_FAILED = auto()
    """A bug: a page could not be rendered; the response was 500. Report the traceback."""

    # --- Reference executor, governor and demo ---

    APPLY_LAYER = auto()
    """The reference executor reads plans. Nothing to do."""
    EXECUTED = auto()
    """The venue confirmed an executed quantity; the result was published. Nothing to do."""
    BLOCKED = auto()
    """A plan got no permit; no order was sent. The cause is in ``error`` and ``reason``."""
    REJECTED = auto()
    """An order certainly executed nothing, and will not. The cause is in ``error``."""
    UNKNOWN = auto()
    """An order may have been executed, or may still be executed. The executor queries the venue again."""
    ATTEMPT_FAILED = auto()
    """A bug: handling one plan raised an exception. Its entry stays pending; report the traceback."""
    PLAN_DELAYED = auto()
    """Redis failed while the executor handled a plan. It is retried; check Redis if this repeats."""
    VENUE_NOT_ASKED = auto()
    """The venue could not be queried for an earlier order of a plan. No order is sent before it responds."""
    ORDER_UNKNOWN = auto()
    """An order was sent but the response is missing. The executor queries the venue for the order."""
    GAVE_UP = auto()
    """The outcome of an order is still unknown after ten minutes. Look for the order at the venue by its client order
    id, then compare the ledger: ``p33 ledger show``."""
    PLAN_TOO_OLD = auto()
    """The executor or the governor skipped a plan that waited too long. Nothing to do."""
    PLAN_UNREADABLE = auto()
    """The executor or the governor skipped a plan that could not be read; it gets a verdict or is a dead letter."""
    GOVERNOR = auto()
    """The governor decided on a plan; ``decision`` is ``granted`` or the reason of the refusal."""
    GOVERNOR_LIMITS = auto()
    """The limits that the governor started with. Nothing to do."""
    NOT_DECIDED = auto()
    """A key of the governor holds a value of another type; the plan gets no permit from it. Move the key away."""
    REDIS_AWAY = auto()
    """Executor or governor can't reach Redis. They try again until it is back; check Redis."""
    REDIS_BACK = auto()
    """Executor or governor reached Redis again. Nothing to do."""
    CASE_NOT_KEPT = auto()
    """The outcome of a demo case could not be written for the view. The case itself is not affected."""
