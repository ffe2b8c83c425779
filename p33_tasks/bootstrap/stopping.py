"""Stops a long-running process by signals."""

from __future__ import annotations

import signal
import threading

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set. Call it before any thread starts, in processes that start no children.

    A thread waits for the signals instead of a handler: a handler can interrupt the main thread while it holds the
    event's lock, and would then deadlock. All other threads block the signals, so a second signal doesn't kill the
    process during its shutdown. (Children would inherit the blocked signals.)
    """
    stop = threading.Event()
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)

    def wait_for_signals() -> None:
        signal.sigwait(STOP_SIGNALS)
        stop.set()

    threading.Thread(target=wait_for_signals, name="signals", daemon=True).start()
    return stop
