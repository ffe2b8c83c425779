"""What a host's systemd relies on: readiness that is true, errors that are found, a check that spares the exchange."""

from __future__ import annotations

from tests.guards.changes import instead, without
from tests.guards.guard import Guard

SYSTEMD_TESTS = "unit/bootstrap/test_systemd.py"
WAIT_TESTS = "unit/cli/test_check_wait.py"

HOSTS = (
    Guard(
        promise="an error is found in the journal by its priority",
        within="logs.configure_logging",
        change=instead("is None and", "is not None and"),
        tests=(f"{SYSTEMD_TESTS}::test_in_the_journal_an_error_and_its_traceback_are_errors",),
    ),
    Guard(
        promise="every line of a traceback is an error in the journal",
        within="journal.with_priority",
        change=instead(
            'return "\\n".join(f"<{syslog_level}>{line}" for line in text.split("\\n"))',
            'return f"<{syslog_level}>{text}"',
        ),
        tests=(
            f"{SYSTEMD_TESTS}::test_each_line_of_a_text_has_its_priority",
            f"{SYSTEMD_TESTS}::test_in_the_journal_an_error_and_its_traceback_are_errors",
        ),
    ),
    Guard(
        promise="a log file holds no priorities, whatever the environment says",
        within="journal.writes_to_journal",
        change=instead(
            'return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"',
            'return found.st_ino > 0 and "JOURNAL_STREAM" in os.environ',
        ),
        tests=(f"{SYSTEMD_TESTS}::test_a_file_is_not_the_journal_though_the_variable_is_set",),
    ),
    Guard(
        promise="a child of a service can't say that the service is ready",
        within="notify.notify_ready",
        change=instead("os.environ.pop", "os.environ.get"),
        tests=(f"{SYSTEMD_TESTS}::test_ready_and_stopping_are_sent_to_the_socket_that_systemd_named",),
    ),
    Guard(
        promise="waiting for a deployment costs the exchange one round when it is ready",
        within="check.wait_for_checks",
        change=without("and left_sec <= 0"),
        tests=(f"{WAIT_TESTS}::test_it_returns_as_soon_as_nothing_fails_and_has_asked_the_exchange_once",),
    ),
)
