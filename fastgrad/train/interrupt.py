"""Ctrl-C while a run is on: the first asks it to stop after the batch, the second raises at once."""

import signal
import threading
from contextlib import contextmanager

__all__ = ["INTERRUPTED", "interruptible"]

INTERRUPTED = "interrupted by Ctrl-C"


@contextmanager
def interruptible(stop):
    """Calls `stop(why)` at the first SIGINT. Only in the main thread, where signals arrive; the handler that was there
    is put back at the second one, and at the end. A handler that Python does not know, or "ignore", is left alone."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return

    def handler(number, frame):
        signal.signal(signal.SIGINT, before)
        stop(INTERRUPTED)

    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
