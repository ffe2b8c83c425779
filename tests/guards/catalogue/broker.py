"""What comes over the broker is JSON, of this account, and named in its own stream; anything else is refused."""

from __future__ import annotations

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


def _refusal(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{REFUSAL_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="celery/refusal.py", old=old, new=new, tests=named)


def _consumer(promise: str, patch: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{CONSUMER_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file=f"celery/patches/{patch}.py", old=old, new=new, tests=named)


def _config(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{CONFIG_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="celery/config.py", old=old, new=new, tests=named)


def _failure(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{FAILURE_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="celery/patches/short_failures.py", old=old, new=new, tests=named)


def _sender(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{SENDER_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="celery/publisher.py", old=old, new=new, tests=named)


def _entry(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{ENTRY_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="services/issue_permit.py", old=old, new=new, tests=named)


def _task(promise: str, file: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{TASK_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file=f"tasks/{file}.py", old=old, new=new, tests=named)


BROKER = (
    # --- messages
    _refusal(
        "only tasks of ours are run",
        "    if not isinstance(task, str) or task not in tasks:\n",
        "    if not isinstance(task, str):\n",
        HEADERS,
    ),
    _refusal(
        "a task's name is a text",
        "    if not isinstance(task, str) or task not in tasks:\n",
        "    if task is None or (isinstance(task, str) and task not in tasks):\n",
        HEADERS,
    ),
    _refusal(
        "only JSON is read",
        "    if content_type != _PLAIN_JSON or not isinstance(",
        "    if not isinstance(",
        "test_only_json_of_a_sane_size_is_read",
    ),
    _refusal(
        "only UTF-8 is read",
        ' or content_encoding.lower() != "utf-8":\n',
        ":\n",
        "test_only_json_of_a_sane_size_is_read",
    ),
    _refusal(
        "a body is of a sane size",
        "    if not isinstance(body, str | bytes) or len(body) > MAX_BODY_CHARS:\n",
        "    if not isinstance(body, str | bytes):\n",
        "test_only_json_of_a_sane_size_is_read",
    ),
    _refusal(
        "a body is text",
        "    if not isinstance(body, str | bytes) or len(body) > MAX_BODY_CHARS:\n",
        "    if len(body) > MAX_BODY_CHARS:\n",
        "test_only_json_of_a_sane_size_is_read",
    ),
    _refusal(
        "a message has headers",
        "    if not isinstance(headers, Mapping):\n",
        "    if headers is None:\n",
        "test_a_message_without_headers_is_refused",
    ),
    _refusal("a message has an id", '    if not isinstance(headers.get("id"), str):\n', "    if False:\n", HEADERS),
    _refusal(
        "a header that Celery reads as a text is a short one",
        "        if value is not None and not (isinstance(value, str) and len(value) <= most):\n",
        "        if value is not None and not isinstance(value, str):\n",
        HEADERS,
    ),
    _refusal(
        "what every listener of events receives is short",
        "    for name in (*_TEXTS, *_SHOWN):\n",
        "    for name in _TEXTS:\n",
        HEADERS,
    ),
    _refusal(
        "a header that Celery reads as a text is one",
        "        if value is not None and not (isinstance(value, str) and len(value) <= most):\n",
        "        if value is not None and len(str(value)) > most:\n",
        HEADERS,
    ),
    _refusal(
        "a time limit is a number of seconds",
        '    if not _is_time_limit(headers.get("timelimit")):\n',
        "    if False:\n",
        HEADERS,
    ),
    _refusal(
        "a time limit is finite and above zero",
        " and math.isfinite(value) and value > 0\n",
        "\n",
        HEADERS,
    ),
    _refusal("a compressed message isn't taken", '    if headers.get("compression"):\n', "    if False:\n", HEADERS),
    Guard(
        promise="no message is decompressed before it can be looked at",
        file="celery/patches/no_decompression.py",
        old="        kombu.compression.register(_not_unpacked, _not_unpacked, name)",
        new="        kombu.compression.register(_not_unpacked, kombu.compression._decoders[name], name)",
        tests=(f"{REFUSAL_TESTS}::test_no_message_is_unpacked_before_it_can_be_looked_at",),
    ),
    # --- the worker's consumer
    _consumer(
        "every message is looked at before Celery reads it",
        "hostile_messages",
        "            if problem is not None:\n                self._refuse(message, problem)\n                return\n",
        "            if problem is not None:\n                log.error(LogEvent.MESSAGE_REFUSED, problem=problem)\n",
        "test_a_hostile_message_never_reaches_celery_and_is_taken_off_the_broker",
    ),
    _consumer(
        "a refused message is taken off the broker",
        "hostile_messages",
        "        if not message.acknowledged:\n",
        "        if message.acknowledged:\n",
        "test_a_hostile_message_never_reaches_celery_and_is_taken_off_the_broker",
    ),
    _consumer(
        "a message that trips Celery ends no worker",
        "hostile_messages",
        "            except MALFORMED as error:\n                self._refuse(",
        "            except RecursionError as error:\n                self._refuse(",
        "test_a_message_that_trips_celery_ends_no_worker_and_is_taken_off_the_broker",
    ),
    _consumer(
        "tasks of Celery's own aren't run, they could run any",
        "hostile_messages",
        '        tasks = {name for name in self.app.tasks if not name.startswith("celery.")}',
        "        tasks = set(self.app.tasks)",
        "test_a_hostile_message_never_reaches_celery_and_is_taken_off_the_broker",
    ),
    _consumer(
        "a text in the queue that is no message ends no worker",
        "hostile_messages",
        "        self.connection_errors = (*errors, *MALFORMED)\n",
        "        self.connection_errors = errors\n",
        "test_a_text_that_is_no_message_is_treated_like_a_lost_connection",
    ),
    _consumer(
        "a failing cleanup behind a lost connection ends no worker",
        "failing_cleanup",
        "        except AttributeError as error:\n",
        "        except ZeroDivisionError as error:\n",
        "test_a_failing_cleanup_behind_a_lost_connection_does_not_end_the_worker",
    ),
    # --- configuration
    _config(
        "JSON is the only accepted content type",
        '        "accept_content": ["json"],\n',
        '        "accept_content": ["json", "pickle"],\n',
        "test_only_json_travels",
    ),
    _config(
        "each queue has an exchange of its own",
        '    return Queue(name, exchange=Exchange(name, type="direct"), routing_key=name)',
        "    return Queue(name)",
        "test_each_queue_has_an_exchange_and_a_routing_key_of_its_own",
    ),
    Guard(
        promise="no task may hang without end",
        file="tasks/job.py",
        old="time_limit=found.time_limit, ",
        new="",
        tests=(f"{CONFIG_TESTS}::test_no_task_may_hang_without_end",),
    ),
    _config(
        "one process more than those that wait for the venue",
        "    return 1 + len(",
        "    return len(",
        "test_a_verdict_never_waits_behind_the_exchange_on_one_core",
    ),
    Guard(
        promise="the broker's keys carry the account's prefix",
        file="celery/broker.py",
        old='        "global_keyprefix": f"{prefix}:",\n',
        new="",
        tests=(f"{CONFIG_TESTS}::test_the_brokers_keys_carry_the_accounts_prefix",),
    ),
    Guard(
        promise="services are never shared across a fork",
        file="bootstrap/runtime.py",
        old="    pid = os.getpid()\n",
        new="    pid = 0\n",
        tests=("unit/bootstrap/test_runtime.py::test_a_child_never_uses_its_parents_connections",),
    ),
    # --- whose a task is
    _task(
        "a task of another account isn't run",
        "origin",
        "    if prefix is None or prefix == runtime.keys.prefix:\n",
        "    if prefix is None or prefix:\n",
        "test_a_task_of_another_account_is_not_run",
    ),
    _task(
        "a permit task of another account isn't run",
        "permits",
        "    if is_foreign(prefix, here, task=TASK):\n",
        "    if False:\n",
        "test_a_task_of_another_account_is_not_run",
    ),
    _task(
        "a result task of another account isn't run",
        "results",
        "    if is_foreign(prefix, here, task=TASK):\n",
        "    if False:\n",
        "test_a_task_of_another_account_is_not_run",
    ),
    _task(
        "a refresh task of another account isn't run",
        "snapshots",
        "    if is_foreign(prefix, here, task=TASK):\n",
        "    if False:\n",
        "test_a_task_of_another_account_is_not_run",
    ),
    _task(
        "a task acknowledges entries of its own stream only",
        "origin",
        "    if stream != expected or not isinstance(entry_id, str) or not _is_entry_id(entry_id):\n",
        "    if not isinstance(entry_id, str) or not _is_entry_id(entry_id):\n",
        "test_only_an_entry_of_our_own_stream_is_acknowledged",
    ),
    _task(
        "a task names an entry id that can be one",
        "origin",
        " or not _is_entry_id(entry_id):\n",
        ":\n",
        "test_only_an_entry_of_our_own_stream_is_acknowledged",
    ),
    _task(
        "every entry id that a stream can have is taken",
        "origin",
        "{1,20}-[0-9]{1,20}",
        "{1,13}-[0-9]{1,20}",
        "test_every_entry_id_that_a_stream_can_have_is_taken",
    ),
    _task(
        "results come by the stream only",
        "results",
        "    if entry is None or parsed is None:\n",
        "    if False:\n",
        "test_results_come_by_the_stream_only",
    ),
    _task(
        "whatever goes wrong with a producer's own plan is a deny",
        "permits",
        '        return here.permits.deny(plan, None, Reason.INTERNAL_ERROR, {"error": type(error).__name__})\n',
        "        return None\n",
        "test_an_unexpected_failure_of_a_producers_own_plan_is_a_deny",
    ),
    _task(
        "while Redis is away nothing is decided, and nothing lost",
        "permits",
        "symbol=name.symbol, error=str(error))  # noqa: TRY400 - see throws\n        raise\n",
        'symbol=name.symbol, error=str(error))\n        return "refused"\n',
        "test_a_redis_that_is_away_leaves_the_entry_pending",
    ),
    # --- the streams have the last word
    _task(
        "a message with an entry only names the plan",
        "permits",
        "        if entry is not None:\n            return _judge_entry(",
        "        if entry is not None and plan_id is not None:\n            return _judge_entry(",
        "test_a_message_with_an_entry_only_names_the_plan",
    ),
    _task(
        "with a task key, a plan without an entry needs its proof",
        "permits",
        "    if key is not None and not is_proven(",
        "    if key is not None and hmac is None and not is_proven(",
        "test_with_a_task_key_a_producers_own_task_needs_its_proof",
    ),
    _task(
        "a result that Redis doesn't hold like that isn't recorded",
        "results",
        "    if (parsed.plan_id, parsed.symbol) != (name.plan_id, name.symbol):\n",
        "    if parsed.plan_id != name.plan_id:\n",
        "test_a_result_that_redis_does_not_hold_like_that_is_refused",
    ),
    _task(
        "the task looks at a result's age, too",
        "results",
        "now_ms=found.now_ms, added_ms=found.time_ms",
        "now_ms=found.time_ms, added_ms=found.time_ms",
        "test_a_result_older_than_the_memory_of_fills_is_refused",
    ),
    _entry(
        "an entry of another plan is refused",
        "    if (plan.plan_id, plan.symbol) != (name.plan_id, name.symbol):\n",
        "    if False:\n",
        "test_a_message_that_names_another_plan_is_refused_and_the_entry_stays_pending",
    ),
    _entry(
        "an entry whose decision isn't EXECUTE is refused",
        "    if plan is None:\n        raise EntryMismatchError(",
        "    if plan is None:\n        return Plan(plan_id=name.plan_id, symbol=name.symbol, action='CLOSE_FULL',"
        " close_factor=1, issued_ms=time_ms)\n        raise EntryMismatchError(",
        "test_an_entry_that_is_not_to_be_executed_is_refused",
    ),
    _entry(
        "a plan_id whose entry nobody read can't be denied over the broker",
        "    if not loaded.is_pending and loaded.facts:\n",
        "    if False:\n",
        "test_an_entry_that_never_was_causes_no_verdict",
    ),
    Guard(
        promise="an entry id ahead of TIME grows old from its first reading",
        file="store/lua/_prelude.lua",
        old="  return seen and seen < added and seen or added\n",
        new="  return added\n",
        tests=(f"{ENTRY_TESTS}::test_an_entry_from_the_future_grows_old_from_its_first_reading",),
    ),
    Guard(
        promise="an entry id ahead of TIME is counted once",
        file="store/lua/_prelude.lua",
        old="  if not seen and added > now + MAX_AHEAD_MS then\n",
        new="  if added > now + MAX_AHEAD_MS then\n",
        tests=(f"{ENTRY_TESTS}::test_an_entry_from_the_future_grows_old_from_its_first_reading",),
    ),
    Guard(
        promise="a result that was waited for is copied, too",
        file="store/entries.py",
        old="        self._copy([(entry_id, flat) for stream, entry_id, flat in found if",
        new="        self._copy([(entry_id, flat) for stream, entry_id, flat in () if",
        tests=("integration/engine/test_reading.py::test_every_result_is_copied_and_no_plan_is",),
    ),
    Guard(
        promise="a result that was read with others is copied",
        file="store/lua/read_entries.lua",
        old="  copy_entry(copy_key_prefix .. entry[1], entry[2], copy_ttl_sec, copy_max_bytes)\n",
        new="",
        tests=("integration/engine/test_reading.py::test_every_result_is_copied_and_no_plan_is",),
    ),
    # --- sending
    _sender(
        "listeners are told of a task once",
        "        self._untold.clear()\n",
        "",
        "test_listeners_hear_of_every_task_once_and_together",
    ),
    _sender(
        "what listeners couldn't be told is kept",
        "buffer_while_offline=False",
        "buffer_while_offline=True",
        "test_a_broker_that_is_away_is_said_so_and_what_is_to_be_told_is_kept",
    ),
    _sender(
        "nobody is told of a task that was not sent",
        "        self._untold.extend(events.kept)  # now it is known that they were sent\n",
        "",
        "test_listeners_hear_of_every_task_once_and_together",
    ),
    _sender(
        "telling doesn't wait for a connection",
        " or self._dispatcher is None or",
        " or",
        "test_nobody_connects_to_tell",
    ),
    _sender(
        "the ingest's queues exist before any worker's",
        "                self._declare(queue, producer)\n",
        "                pass\n",
        "test_queues_exist_before_anything_is_sent",
    ),
    # --- what a pool process tells
    Guard(
        promise="after a lost connection the pool's reports are read before tasks are dropped",
        file="celery/patches/pool_reports_first.py",
        old="                pool.process_flush_queues(process)\n",
        new="                pass\n",
        tests=(f"{POOL_TESTS}::test_a_task_that_was_begun_keeps_its_time_limit_although_the_broker_was_lost",),
    ),
    _consumer(
        "what the pool reports after a lost connection doesn't end the worker",
        "pool_reports_first",
        "except Exception as error:  # noqa: BLE001 - a callback met the lost",
        "except ZeroDivisionError as error:  # a callback met the lost",
        "test_what_processes_reported_is_read_before_the_rest_is_dropped",
    ),
    Guard(
        promise="a failure is sent without its frames",
        file="celery/patches/short_failures.py",
        old='        "internal": failure.internal,\n',
        new='        "internal": failure.internal,\n        "tb": failure.tb,\n',
        tests=(f"{POOL_TESTS}::test_a_failure_is_heard_although_the_broker_was_lost_in_the_middle_of_it",),
    ),
    _failure(
        "of a long traceback only the end is sent",
        "_end(failure.traceback, MAX_TRACEBACK_BYTES)",
        "failure.traceback",
        "test_a_failure_is_sent_in_one_write",
    ),
    _failure(
        "a large exception isn't sent",
        "    if size > MAX_EXCEPTION_BYTES:\n",
        "    if False:\n",
        "test_a_failure_is_sent_in_one_write",
    ),
    _failure(
        "an exception that can't be pickled doesn't keep its process from reporting",
        "    except Exception as error:  # noqa: BLE001 - a library's exception",
        "    except ZeroDivisionError as error:  # a library's exception",
        "test_what_a_task_breaks_on_outside_of_it_is_sent_in_one_write",
    ),
    Guard(
        promise="every process of the pool sends short failures",
        file="celery/signals.py",
        old="    shorten_failures()\n",
        new="",
        tests=(f"{CONFIG_TESTS}::test_every_process_of_the_pool_sends_short_failures",),
    ),
    _consumer(
        "events of what was read after a lost connection are kept",
        "task_events",
        "        self._keep_events()\n        super().on_close()\n",
        "        super().on_close()\n",
        "test_events_of_what_was_read_go_to_the_next_connection",
    ),
)
