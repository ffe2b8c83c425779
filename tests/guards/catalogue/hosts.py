"""What a host's systemd relies on: readiness that is true, errors that are found, a check that spares the exchange."""

from __future__ import annotations

from tests.guards.guard import Guard

SYSTEMD_TESTS = "unit/bootstrap/test_systemd.py"
WAIT_TESTS = "unit/cli/test_check_wait.py"

HOSTS = (
    Guard(
        promise="an error is found in the journal by its priority",
        file="bootstrap/logs.py",
        old="    if logfile is None and writes_to_journal(sys.__stderr__):\n",
        new="    if logfile is not None and writes_to_journal(sys.__stderr__):\n",
        tests=(f"{SYSTEMD_TESTS}::test_in_the_journal_an_error_and_its_traceback_are_errors",),
    ),
    Guard(
        promise="every line of a traceback is an error in the journal",
        file="bootstrap/journal.py",
        old='    return "\\n".join(f"<{syslog_level}>{line}" for line in text.split("\\n"))\n',
        new='    return f"<{syslog_level}>{text}"\n',
        tests=(
            f"{SYSTEMD_TESTS}::test_each_line_of_a_text_has_its_priority",
            f"{SYSTEMD_TESTS}::test_in_the_journal_an_error_and_its_traceback_are_errors",
        ),
    ),
    Guard(
        promise="a log file holds no priorities, whatever the environment says",
        file="bootstrap/journal.py",
        old='    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"\n',
        new='    return found.st_ino > 0 and "JOURNAL_STREAM" in os.environ\n',
        tests=(f"{SYSTEMD_TESTS}::test_a_file_is_not_the_journal_though_the_variable_is_set",),
    ),
    Guard(
        promise="a child of a service can't say that the service is ready",
        file="bootstrap/notify.py",
        old='    if address := os.environ.pop("NOTIFY_SOCKET", ""):\n',
        new='    if address := os.environ.get("NOTIFY_SOCKET", ""):\n',
        tests=(f"{SYSTEMD_TESTS}::test_ready_and_stopping_are_sent_to_the_socket_that_systemd_named",),
    ),
    Guard(
        promise="waiting for a deployment costs the exchange one round when it is ready",
        file="cli/check.py",
        old="ask_exchange=ask_exchange and left_sec <= 0)\n",
        new="ask_exchange=ask_exchange)\n",
        tests=(f"{WAIT_TESTS}::test_it_returns_as_soon_as_nothing_fails_and_has_asked_the_exchange_once",),
    ),
)
