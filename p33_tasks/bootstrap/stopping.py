"""How a long-running process of ours is told to stop."""

from __future__ import annotations

import signal
import threading

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set; called before any other thread, and in processes that start no others.

    A thread waits for the signals, no handler: a handler interrupts the main thread anywhere, also where it holds the
    event's own lock, and would wait for it for ever. Blocked everywhere else, a second signal can't turn a good end
    into a death by signal either. (A child would inherit that they are blocked, and not hear them.)
    """
    stop = threading.Event()
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)

    def wait_for_signals() -> None:
        signal.sigwait(STOP_SIGNALS)
        stop.set()

    threading.Thread(target=wait_for_signals, name="signals", daemon=True).start()
    return stop
