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
    """A plan was denied; ``reason`` says why, and ``p33 explain PLAN_ID`` what ends it."""
    DECIDED = auto()
    """A plan came again after its verdict; the first verdict stands. Nothing to do."""
    UNDECIDED = auto()
    """Redis failed while a plan was judged. Its entry stays pending and is tried again; check Redis if this repeats."""
    NO_VERDICT = auto()
    """A key of the plan holds a value of another type, so no verdict could be written. The plan is a dead letter;
    find the key named in ``error`` with TYPE and move it away."""
    EVALUATION_FAILED = auto()
    """A bug: the evaluation raised an exception. The plan is denied ``internal_error``; report the traceback."""

    # --- Results and the ledger ---

    RESULT = auto()
    """A result was recorded; ``ledger_before`` and ``ledger_after`` are the ledger's amounts. Nothing to do."""
    CROSSED_ZERO = auto()
    """A result turned the ledger from long to short, or back. Compare it with the exchange: ``p33 status``."""
    UNREADABLE_RESULT = auto()
    """A result says that something was executed, and not all of it can be read, or it contradicts what is on record;
    ``error`` says what. The symbol's cooldown has begun. Compare the venue's orders: the ledger may lack a fill."""
    PERMIT_BREACH = auto()
    """An executor did what its permit doesn't cover; ``kinds`` says what: ``side``, ``leg``, ``quantity``,
    ``not_reduce_only``. Stop the executor and find out why: ``p33 explain PLAN_ID``."""
    UNRECORDED = auto()
    """A result could not be recorded. Its entry stays pending and is tried again until it is recorded; ``error`` or the
    traceback says what is in the way."""

    # --- Reconciliation ---

    LEDGER_REPAIRED = auto()
    """A drift was explained by the venue's own trades and applied to the ledger; ``why`` says whose they were. The next
    snapshot confirms it, or the position is held. Find out why the results didn't come: ``p33 status``."""
    RECONCILE_MOVED = auto()
    """A repair found that its facts had moved; nothing was written. The next reading starts anew. Nothing to do."""
    POSITION_HELD = auto()
    """A drift can't be repaired: ``reason`` and ``why`` say what was found. The position is held; ``ends`` in the key
    ``{prefix}:position:hold:<position>`` says what ends it. Compare the venue's trades with the ledger."""
    POSITION_RELEASED = auto()
    """Ledger and exchange were equal in three snapshots in a row; the service's own hold has ended. Nothing to do."""
    RECONCILE_UNREAD = auto()
    """The venue could not be asked what happened to a position; ``error`` says why. It is asked again."""
    NOT_RECONCILED = auto()
    """Redis failed, or what is stored of a position can't be read; ``error`` says which. It is tried again."""
    NOTIFICATION_LOST = auto()
    """Notifications (``P33_NOTIFY``) were not taken by the address, or not in time. What they say is on the stream, see
    ``p33 reconcile status``. Try the address by hand."""
    NOT_NOTIFIED = auto()
    """The sending of notifications could not be started, or Redis failed. A later refresh starts it again."""
    RESTING_UNREAD = auto()
    """The venue's open orders could not be read. Where ``P33_SUBTRACT_RESTING`` is on, plans are denied
    ``resting_orders_unknown`` once the last reading is 90 s old. The next one is a minute later: ``p33 check``."""
    RESTING_UNKNOWN = auto()
    """A row of the venue's open orders can't be read: plans on ``symbol`` are denied ``resting_orders_unknown``."""
    RESTING_NOT_READ = auto()
    """The reading of open orders could not be sent, or Redis failed. A later refresh sends it again."""
    RECONCILE_NOT_SENT = auto()
    """The tasks that reconcile drifting positions could not be sent. The next refresh sends them; check the broker."""

    # --- Emergency closes ---
    SNAPSHOT_AWAITED = auto()
    """An emergency close waits for a snapshot requested for it, which was asked for. It is sent again by itself."""
    REFRESH_NOT_SENT = auto()
    """The refresh that an emergency close waits for could not be sent. The next tick makes it; check the broker."""

    # --- Snapshots ---

    SNAPSHOTS = auto()
    """A refresh wrote snapshots; counts by status. Nothing to do."""
    SNAPSHOT_FAILED = auto()
    """The exchange gave no usable answer; nothing was written and the snapshots age. The next tick tries again; if it
    repeats: ``p33 check``."""
    NOT_PREPARED = auto()
    """Redis failed while verdicts were prepared. Plans go the ordinary way; check Redis if this repeats."""
    FORECAST_IGNORED = auto()
    """A forecast can't be used; the line says why. Its producer should be told: ``docs/contract.md``, section 12."""
    FORECASTER_READY = auto()
    """The forecaster reads the streams; ``samples`` is how much it has learned from so far. Nothing to do."""
    FORECASTER_WAITS = auto()
    """Another forecaster of this account runs: this one waits until it has ended. Nothing to do."""
    FORECASTER_AWAY = auto()
    """Redis failed while the forecaster worked. It tries again, and no verdict waits for it; check Redis if it
    repeats."""
    FORECASTER_STOPPED = auto()
    """The forecaster ended after a signal; what it learned is kept in Redis."""
    FORECASTS_SPEAK = auto()
    """The model is better than the base rate: forecasts are published from now on. Nothing to do."""
    FORECASTS_SILENT = auto()
    """The model is no better than the base rate, or has seen too little: nothing is published; ``why`` says which."""
    FORECAST_STATE_DAMAGED = auto()
    """What the forecaster had learned can't be read, and was set aside under ``kept_as``; it begins anew. After an
    upgrade that is expected once; else find out who wrote the key."""
    PLAN_WOULD_BE_DENIED = auto()
    """A plan is likely within 30 s and would be denied; ``reason`` and ``needed`` say why. Mend it in time:
    ``p33 forecast status``."""
    NOT_ADAPTED = auto()
    """Redis failed while cooldowns were adapted. Each stays until its TTL ends; check Redis if this repeats."""
    ACCOUNT_CHANGED = auto()
    """The positions are of another account than those of the last 10 minutes; ``account`` is the venue's id of it.
    Snapshots and permits of the other one count no more, and none is written until the 10 minutes are over. If
    ``account`` changes to and fro, processes with keys of two accounts share one Redis and ``P33_KEY_PREFIX``: give
    each account its own prefix."""
    SNAPSHOT_UNKNOWN = auto()
    """One symbol's position could not be told from the answer, or not be written. ``problem`` says why; its plans are
    denied once its snapshot is stale."""
    MARKETS = auto()
    """The venue's order rules were loaded. Nothing to do."""
    MARKETS_FAILED = auto()
    """The venue's order rules could not be loaded; the old ones stay in place until they are 5 minutes old. The next
    tick tries again."""
    MARKETS_REFUSED = auto()
    """The venue refused an order's quantity or symbol with a code that says its market rules have changed. They are
    loaded again at the next refresh."""
    MARKET_UNKNOWN = auto()
    """One symbol's order rules could not be read. Without rules its plans are denied ``missing_market_metadata``; check
    the symbol's name and whether it is trading."""
    NOT_REFRESHED = auto()
    """Redis failed while snapshots were refreshed. The next tick tries again; check Redis if this repeats."""
    BUDGET_NOT_REPORTED = auto()
    """The request weight that the venue reported, or a pause that it asked for, could not be shared with the other
    workers. Check Redis if this repeats."""

    # --- Tasks and messages ---

    REFUSED = auto()
    """A task was not run: it belongs to another key prefix, names a foreign stream entry, or asks for a symbol outside
    the allowlist. Find out who sends it."""
    MESSAGE_REFUSED = auto()
    """A message on the broker was not of the form that this service sends, and was removed. Find out who writes to the
    broker."""
    QUEUE_NOT_PERMITTED = auto()
    """The broker's login may not use a queue: this worker serves the others. Renew the ACL file, so that the login's
    role has ``acl_line``; then restart the worker."""
    QUEUE_RIGHTS_UNKNOWN = auto()
    """A worker's rights on its queues could not be tried at its start; it asks for all of them. Check the broker."""
    CONTROL_REFUSED = auto()
    """A remote control command would have changed a worker, or was malformed. It did nothing; find out who sent it."""
    DEAD_LETTER = auto()
    """An entry could not be understood; it was moved to the dead-letter stream. Read it there and fix its producer."""

    # --- Ingest ---

    PROCESS_STARTED = auto()
    """The worker started a process beside its pool, e.g. its ingest. Nothing to do."""
    INGEST_READY = auto()
    """The ingest process reads the streams. Nothing to do."""
    INGEST_NAMED = auto()
    """The ingest process took a consumer name; ``lost`` is the one that it held before and lost to another process."""
    INGEST_STOPPED = auto()
    """The ingest process ended; ``orphaned`` says whether its worker had ended before it."""
    PROCESS_DIED = auto()
    """A process beside a worker's pool, e.g. its ingest, ended unexpectedly. The worker starts it again after
    ``restart_in_sec``; read the lines before this one if it repeats."""
    INGEST_FAILED = auto()
    """A bug: the ingest's loop raised an exception. It goes on after a pause; report the traceback."""
    ENTRY_FAILED = auto()
    """A bug: handling one entry raised an exception. The entry stays pending and comes again; report the traceback."""
    SENT_AGAIN = auto()
    """Entries that no worker settled in time were sent again. Expected after a worker was killed; if it repeats, look
    for workers that hang."""
    MADE_WAY = auto()
    """More plans come than can be judged in time: those that waited too long made way for younger ones, and are judged
    when it is calm. Add workers if it repeats; find out who sends so many plans."""
    QUEUE_BEHIND = auto()
    """Entries were not sent again, because as many messages wait on the broker as entries are pending. Add workers if
    it repeats."""
    GIVEN_UP = auto()
    """No worker finished a plan's evaluation after several deliveries; the ingest denied it ``internal_error``. Look
    for workers that die or hang."""
    CONSUMER_REMOVED = auto()
    """A consumer name that no process holds any more was removed from a stream's group. Nothing to do."""
    STORE_ERROR = auto()
    """Redis failed while the streams were read. The ingest tries again; check Redis if this repeats."""
    NOT_SENT = auto()
    """One entry could not be written as a task message. It stays pending; report the traceback."""
    NO_DEATH_SIGNAL = auto()
    """The kernel refused to signal the ingest when its worker ends. The ingest looks for its worker by itself and ends
    a little later."""
    NO_SIGN_OF_LIFE = auto()
    """The sign of life that ``p33 alive`` reads could not be written. The process works on, and a probe will restart
    it: make the folder writable, or name another one in ``P33_RUNTIME_DIR``."""
    EVENTS_NOT_SENT = auto()
    """The last task events could not be sent when the ingest ended; Flower misses them. Nothing to do."""
    BROKER_CLOSE_FAILED = auto()
    """A broker connection could not be closed in good order; a new one is made. Nothing to do."""

    # --- Broker ---

    BROKER_AWAY = auto()
    """The broker can't be reached. Beat and ingest try again until it is back; check the broker."""
    BROKER_BACK = auto()
    """Beat reached the broker again. Nothing to do."""
    BROKER_CLEANUP_FAILED = auto()
    """Closing a lost broker connection failed inside kombu; the worker makes a new one. Entries stay pending and are
    sent again."""
    POOL_NOT_READ = auto()
    """After the broker was lost, what one pool process had reported could not be read. Its entry is still pending, or
    done."""
    REFRESHES_WAIT = auto()
    """As many tasks wait in ``queue`` as several ticks hold, so beat sends none to it. Start a worker that consumes
    it (refreshes: ``p33.snapshots``)."""
    TICK = auto()
    """Beat sent the refreshes that were due. Nothing to do."""

    # --- systemd ---

    NOTIFY_FAILED = auto()
    """``NOTIFY_SOCKET`` can't be reached, so systemd ends the start after ``TimeoutStartSec``; ``error`` says why."""

    # --- Exporter ---

    EXPORTER_LISTENING = auto()
    """The exporter answers at ``url``. Nothing to do."""
    EXPORTER_STOPPED = auto()
    """The exporter ended after a signal. Nothing to do."""
    EXPORTER_PAGE_FAILED = auto()
    """A bug: a page could not be made; its reader got a 500. Report the traceback."""

    # --- Reference executor, governor and demo ---

    APPLY_LAYER = auto()
    """The reference executor reads plans. Nothing to do."""
    EXECUTED = auto()
    """The venue confirmed an executed quantity; the result was published. Nothing to do."""
    BLOCKED = auto()
    """A plan got no permit; no order was sent. ``error`` and ``reason`` say why."""
    REJECTED = auto()
    """An order certainly executed nothing, and will not. ``error`` says why."""
    UNKNOWN = auto()
    """An order may have executed, or may still. The executor asks the venue again."""
    ATTEMPT_FAILED = auto()
    """A bug: handling one plan raised an exception. Its entry stays pending; report the traceback."""
    PLAN_DELAYED = auto()
    """Redis failed while the executor handled a plan. It is tried again; check Redis if this repeats."""
    VENUE_NOT_ASKED = auto()
    """The venue could not be asked for an earlier order of a plan. Nothing is sent before it answers."""
    ORDER_UNKNOWN = auto()
    """An order was sent and its answer is missing. The executor asks the venue for it."""
    GAVE_UP = auto()
    """The outcome of an order is still unknown after ten minutes. Look for the order at the venue by its client order
    id, then compare the ledger: ``p33 ledger show``."""
    PLAN_TOO_OLD = auto()
    """The executor or the governor skipped a plan that waited too long. Nothing to do."""
    PLAN_UNREADABLE = auto()
    """The executor or the governor skipped a plan that could not be read; the brain answers it."""
    GOVERNOR = auto()
    """The governor decided on a plan; ``decision`` is ``granted`` or why not."""
    GOVERNOR_LIMITS = auto()
    """The limits that the governor started with. Nothing to do."""
    NOT_DECIDED = auto()
    """A key of the governor holds a value of another type; the plan gets no permit from it. Move the key away."""
    REDIS_AWAY = auto()
    """Executor or governor can't reach Redis. They try again until it is back; check Redis."""
    REDIS_BACK = auto()
    """Executor or governor reached Redis again. Nothing to do."""
    CASE_NOT_KEPT = auto()
    """A demo case's outcome could not be written for the view. The case itself is not affected."""
