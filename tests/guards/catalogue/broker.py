"""What comes over the broker is JSON, of this account, and named in its own stream; anything else is refused."""

from __future__ import annotations

from tests.guards.changes import Change, instead, never, without
from tests.guards.guard import Guard

REFUSAL_TESTS = "unit/celery/test_refusal.py"
CONSUMER_TESTS = "unit/celery/test_consumer.py"
CONFIG_TESTS = "unit/celery/test_config.py"
SENDER_TESTS = "integration/engine/test_publisher.py"
POOL_TESTS = "integration/engine/test_pool.py"
FAILURE_TESTS = "unit/celery/test_failures.py"
ENTRY_TESTS = "integration/services/test_entry_verdicts.py"
TASK_TESTS = "unit/tasks/test_tasks.py"
HEADERS = "test_a_header_that_would_break_the_workers_loop_is_refused"


def _refusal(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{REFUSAL_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


def _consumer(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{CONSUMER_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


def _config(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{CONFIG_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


def _failure(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{FAILURE_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


def _sender(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{SENDER_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


def _entry(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{ENTRY_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


def _task(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{TASK_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


BROKER = (
    # --- messages
    _refusal("only tasks of ours are run", "refusal.problem_of", without("or task not in tasks"), HEADERS),
    _refusal(
        "a task's name is a text",
        "refusal.problem_of",
        instead(
            "not isinstance(task, str) or task not in tasks",
            "task is None or (isinstance(task, str) and task not in tasks)",
        ),
        HEADERS,
    ),
    _refusal(
        "only JSON is read",
        "refusal.problem_of",
        without("content_type != _PLAIN_JSON or"),
        "test_only_json_of_a_sane_size_is_read",
    ),
    _refusal(
        "only UTF-8 is read",
        "refusal.problem_of",
        without('or content_encoding.lower() != "utf-8"'),
        "test_only_json_of_a_sane_size_is_read",
    ),
    _refusal(
        "a body is of a sane size",
        "refusal.problem_of",
        without("or len(body) > MAX_BODY_CHARS"),
        "test_only_json_of_a_sane_size_is_read",
    ),
    _refusal(
        "a body is text",
        "refusal.problem_of",
        without("not isinstance(body, str | bytes) or"),
        "test_only_json_of_a_sane_size_is_read",
    ),
    _refusal(
        "a message has headers",
        "refusal.problem_of",
        instead("not isinstance(headers, Mapping)", "headers is None"),
        "test_a_message_without_headers_is_refused",
    ),
    _refusal("a message has an id", "refusal.problem_of", never('not isinstance(headers.get("id"), str)'), HEADERS),
    _refusal(
        "a header that Celery reads as a text is a short one",
        "refusal.problem_of",
        instead("not (isinstance(value, str) and len(value) <= most)", "not isinstance(value, str)"),
        HEADERS,
    ),
    _refusal(
        "what every listener of events receives is short",
        "refusal.problem_of",
        instead("(*_TEXTS, *_SHOWN)", "_TEXTS"),
        HEADERS,
    ),
    _refusal(
        "a header that Celery reads as a text is one",
        "refusal.problem_of",
        instead("not (isinstance(value, str) and len(value) <= most)", "len(str(value)) > most"),
        HEADERS,
    ),
    _refusal(
        "a time limit is a number of seconds",
        "refusal.problem_of",
        never('not _is_time_limit(headers.get("timelimit"))'),
        HEADERS,
    ),
    _refusal(
        "a time limit is finite and above zero",
        "refusal._is_seconds",
        without("and math.isfinite(value) and value > 0"),
        HEADERS,
    ),
    _refusal("a compressed message isn't taken", "refusal.problem_of", never('headers.get("compression")'), HEADERS),
    Guard(
        promise="no message is decompressed before it can be looked at",
        within="no_decompression.refuse_compression",
        change=instead("_not_unpacked, name", "kombu.compression._decoders[name], name"),
        tests=(f"{REFUSAL_TESTS}::test_no_message_is_unpacked_before_it_can_be_looked_at",),
    ),
    # --- the worker's consumer
    _consumer(
        "every message is looked at before Celery reads it",
        "create_task_handler.received",
        instead("self._refuse(message, problem) return", "log.error(LogEvent.MESSAGE_REFUSED, problem=problem)"),
        "test_a_hostile_message_never_reaches_celery_and_is_taken_off_the_broker",
    ),
    _consumer(
        "a refused message is taken off the broker",
        "HostileMessages._refuse",
        instead("not message.acknowledged", "message.acknowledged"),
        "test_a_hostile_message_never_reaches_celery_and_is_taken_off_the_broker",
    ),
    _consumer(
        "a message that trips Celery ends no worker",
        "create_task_handler.received",
        instead("MALFORMED as error", "RecursionError as error"),
        "test_a_message_that_trips_celery_ends_no_worker_and_is_taken_off_the_broker",
    ),
    _consumer(
        "tasks of Celery's own aren't run, they could run any",
        "HostileMessages.create_task_handler",
        instead('{name for name in self.app.tasks if not name.startswith("celery.")}', "set(self.app.tasks)"),
        "test_a_hostile_message_never_reaches_celery_and_is_taken_off_the_broker",
    ),
    _consumer(
        "a text in the queue that is no message ends no worker",
        "HostileMessages.__init__",
        instead("(*errors, *MALFORMED)", "errors"),
        "test_a_text_that_is_no_message_is_treated_like_a_lost_connection",
    ),
    _consumer(
        "a failing cleanup behind a lost connection ends no worker",
        "FailingCleanup.on_connection_error_after_connected",
        instead("AttributeError as error", "ZeroDivisionError as error"),
        "test_a_failing_cleanup_behind_a_lost_connection_does_not_end_the_worker",
    ),
    # --- configuration
    _config(
        "JSON is the only accepted content type",
        "config._engine",
        instead('"accept_content": ["json"],', '"accept_content": ["json", "pickle"],'),
        "test_only_json_travels",
    ),
    _config(
        "each queue has an exchange of its own",
        "config._queue",
        without(', exchange=Exchange(name, type="direct"), routing_key=name'),
        "test_each_queue_has_an_exchange_and_a_routing_key_of_its_own",
    ),
    Guard(
        promise="no task may hang without end",
        within="job.job",
        change=without("time_limit=found.time_limit,"),
        tests=(f"{CONFIG_TESTS}::test_no_task_may_hang_without_end",),
    ),
    _config(
        "one process more than those that wait for the venue",
        "config.min_concurrency",
        instead("return 1 +", "return"),
        "test_a_verdict_never_waits_behind_the_exchange_on_one_core",
    ),
    Guard(
        promise="the broker's keys carry the account's prefix",
        within="broker.redis_options",
        change=without('"global_keyprefix": f"{prefix}:",'),
        tests=(f"{CONFIG_TESTS}::test_the_brokers_keys_carry_the_accounts_prefix",),
    ),
    Guard(
        promise="services are never shared across a fork",
        within="runtime.runtime",
        change=instead("os.getpid()", "0"),
        tests=("unit/bootstrap/test_runtime.py::test_a_child_never_uses_its_parents_connections",),
    ),
    # --- whose a task is
    _task(
        "a task of another account isn't run",
        "origin.is_foreign",
        instead("prefix == runtime.keys.prefix", "prefix"),
        "test_a_task_of_another_account_is_not_run",
    ),
    _task(
        "a permit task of another account isn't run",
        "permits.evaluate_permit",
        never("is_foreign(prefix, here, task=TASK)"),
        "test_a_task_of_another_account_is_not_run",
    ),
    _task(
        "a result task of another account isn't run",
        "results.apply_result",
        never("is_foreign(prefix, here, task=TASK)"),
        "test_a_task_of_another_account_is_not_run",
    ),
    _task(
        "a refresh task of another account isn't run",
        "snapshots.refresh_snapshot",
        never("is_foreign(prefix, here, task=TASK)"),
        "test_a_task_of_another_account_is_not_run",
    ),
    _task(
        "a task acknowledges entries of its own stream only",
        "origin.entry_of",
        without("stream != expected or"),
        "test_only_an_entry_of_our_own_stream_is_acknowledged",
    ),
    _task(
        "a task names an entry id that can be one",
        "origin.entry_of",
        without("or not _is_entry_id(entry_id)"),
        "test_only_an_entry_of_our_own_stream_is_acknowledged",
    ),
    _task(
        "every entry id that a stream can have is taken",
        "origin._ENTRY_ID",
        instead('r"[0-9]{1,20}-[0-9]{1,20}"', 'r"[0-9]{1,13}-[0-9]{1,20}"'),
        "test_every_entry_id_that_a_stream_can_have_is_taken",
    ),
    _task(
        "results come by the stream only",
        "results.apply_result",
        never("entry is None or parsed is None"),
        "test_results_come_by_the_stream_only",
    ),
    _task(
        "whatever goes wrong with a producer's own plan is a deny",
        "permits._judge_own",
        instead(
            'return here.permits.deny(plan, None, Reason.INTERNAL_ERROR, {"error": type(error).__name__})',
            "return None",
        ),
        "test_an_unexpected_failure_of_a_producers_own_plan_is_a_deny",
    ),
    _task(
        "while Redis is away nothing is decided, and nothing lost",
        "permits._judge_entry",
        instead(
            "log.error(LogEvent.UNDECIDED, plan_id=name.plan_id, symbol=name.symbol, error=str(error)) raise",
            (
                "log.error(LogEvent.UNDECIDED, plan_id=name.plan_id, symbol=name.symbol, error=str(error))\n"
                'return "refused"'
            ),
        ),
        "test_a_redis_that_is_away_leaves_the_entry_pending",
    ),
    # --- the streams have the last word
    _task(
        "a message with an entry only names the plan",
        "permits.evaluate_permit",
        instead("if entry is not None:", "if entry is not None and plan_id is not None:"),
        "test_a_message_with_an_entry_only_names_the_plan",
    ),
    _task(
        "with a task key, a plan without an entry needs its proof",
        "permits.evaluate_permit",
        instead("not None and", "not None and hmac is None and"),
        "test_with_a_task_key_a_producers_own_task_needs_its_proof",
    ),
    _task(
        "a result that Redis doesn't hold like that isn't recorded",
        "results._found",
        instead("(parsed.plan_id, parsed.symbol) != (name.plan_id, name.symbol)", "parsed.plan_id != name.plan_id"),
        "test_a_result_that_redis_does_not_hold_like_that_is_refused",
    ),
    _task(
        "the task looks at a result's age, too",
        "results._found",
        instead("found.now_ms", "found.time_ms"),
        "test_a_result_older_than_the_memory_of_fills_is_refused",
    ),
    _entry(
        "an entry of another plan is refused",
        "issue_permit._plan_of",
        never("(plan.plan_id, plan.symbol) != (name.plan_id, name.symbol)"),
        "test_a_message_that_names_another_plan_is_refused_and_the_entry_stays_pending",
    ),
    _entry(
        "an entry whose decision isn't EXECUTE is refused",
        "issue_permit._plan_of",
        instead(
            'raise EntryMismatchError("the entry\'s decision is not EXECUTE")',
            (
                "return Plan(plan_id=name.plan_id, symbol=name.symbol, action='CLOSE_FULL', close_factor=1,"
                " issued_ms=time_ms)\n"
                'raise EntryMismatchError("the entry\'s decision is not EXECUTE")'
            ),
        ),
        "test_an_entry_that_is_not_to_be_executed_is_refused",
    ),
    _entry(
        "a plan_id whose entry nobody read can't be denied over the broker",
        "PermitService._read",
        never("not loaded.is_pending and loaded.facts"),
        "test_an_entry_that_never_was_causes_no_verdict",
    ),
    Guard(
        promise="an entry id ahead of TIME grows old from its first reading",
        within="_prelude.entry_time",
        change=without("seen and seen < added and seen or"),
        tests=(f"{ENTRY_TESTS}::test_an_entry_from_the_future_grows_old_from_its_first_reading",),
    ),
    Guard(
        promise="an entry id ahead of TIME is counted once",
        within="_prelude.entry_time",
        change=without("not seen and"),
        tests=(f"{ENTRY_TESTS}::test_an_entry_from_the_future_grows_old_from_its_first_reading",),
    ),
    Guard(
        promise="a result that was waited for is copied, too",
        within="RedisEntries.wait",
        change=instead("found if stream", "() if stream"),
        tests=("integration/engine/test_reading.py::test_every_result_is_copied_and_no_plan_is",),
    ),
    Guard(
        promise="a result that was read with others is copied",
        within="lua.read_entries",
        change=without("copy_entry(copy_key_prefix .. entry[1], entry[2], copy_ttl_sec, copy_max_bytes)"),
        tests=("integration/engine/test_reading.py::test_every_result_is_copied_and_no_plan_is",),
    ),
    # --- sending
    _sender(
        "listeners are told of a task once",
        "TaskPublisher.tell",
        without("self._untold.clear()"),
        "test_listeners_hear_of_every_task_once_and_together",
    ),
    _sender(
        "what listeners couldn't be told is kept",
        "TaskPublisher._connected",
        instead("False, buffer_group", "True, buffer_group"),
        "test_a_broker_that_is_away_is_said_so_and_what_is_to_be_told_is_kept",
    ),
    _sender(
        "nobody is told of a task that was not sent",
        "TaskPublisher.publish",
        without("self._untold.extend(events.kept)"),
        "test_listeners_hear_of_every_task_once_and_together",
    ),
    _sender(
        "telling doesn't wait for a connection",
        "TaskPublisher.tell",
        without("self._dispatcher is None or"),
        "test_nobody_connects_to_tell",
    ),
    _sender(
        "the ingest's queues exist before any worker's",
        "TaskPublisher._connected",
        instead("self._declare(queue, producer)", "pass"),
        "test_queues_exist_before_anything_is_sent",
    ),
    # --- what a pool process tells
    Guard(
        promise="after a lost connection the pool's reports are read before tasks are dropped",
        within="PoolReportsFirst.on_close",
        change=instead("pool.process_flush_queues(process)", "pass"),
        tests=(f"{POOL_TESTS}::test_a_task_that_was_begun_keeps_its_time_limit_although_the_broker_was_lost",),
    ),
    _consumer(
        "what the pool reports after a lost connection doesn't end the worker",
        "PoolReportsFirst.on_close",
        instead("Exception as error", "ZeroDivisionError as error"),
        "test_what_processes_reported_is_read_before_the_rest_is_dropped",
    ),
    Guard(
        promise="a failure is sent without its frames",
        within="short_failures._short",
        change=instead('"internal": failure.internal', ('"internal": failure.internal,\n"tb": failure.tb')),
        tests=(f"{POOL_TESTS}::test_a_failure_is_heard_although_the_broker_was_lost_in_the_middle_of_it",),
    ),
    _failure(
        "of a long traceback only the end is sent",
        "short_failures._short",
        instead("_end(failure.traceback, MAX_TRACEBACK_BYTES)", "failure.traceback"),
        "test_a_failure_is_sent_in_one_write",
    ),
    _failure(
        "a large exception isn't sent",
        "short_failures._small",
        never("size > MAX_EXCEPTION_BYTES"),
        "test_a_failure_is_sent_in_one_write",
    ),
    _failure(
        "an exception that can't be pickled doesn't keep its process from reporting",
        "short_failures._small",
        instead("Exception as error", "ZeroDivisionError as error"),
        "test_what_a_task_breaks_on_outside_of_it_is_sent_in_one_write",
    ),
    Guard(
        promise="every process of the pool sends short failures",
        within="signals.on_worker_init",
        change=without("shorten_failures()"),
        tests=(f"{CONFIG_TESTS}::test_every_process_of_the_pool_sends_short_failures",),
    ),
    Guard(
        promise="a worker whose venue can't be imported doesn't start",
        within="signals.on_worker_init",
        change=without("venue_entry(exchange)"),
        tests=(f"{CONFIG_TESTS}::test_the_venue_is_imported_before_the_fork",),
    ),
    Guard(
        promise="a worker's channels keep their clients",
        within="signals.on_worker_init",
        change=without("keep_clients()"),
        tests=(f"{CONFIG_TESTS}::test_the_worker_keeps_the_clients_of_its_channels",),
    ),
    Guard(
        promise="a kept client isn't used with another pool's connections",
        within="kept_client._kept",
        change=without("or client.connection_pool is not channel.pool"),
        tests=("unit/celery/test_patches.py::test_a_channel_keeps_its_client_until_its_pool_is_another",),
    ),
    _consumer(
        "events of what was read after a lost connection are kept",
        "TaskEvents.on_close",
        without("self._keep_events()"),
        "test_events_of_what_was_read_go_to_the_next_connection",
    ),
)
