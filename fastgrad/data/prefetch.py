"""A thread that prepares the next batches while a step runs.

The consumer gives permits, the thread gives a batch for each; so no more than so many batches exist ahead. Both queues
are `SimpleQueue`, whose put may be called from a destructor. The thread knows the queues and the source, not the
consumer, so a consumer that is dropped (by break, by an exception) is collected at once and ends the thread.
"""

import atexit
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import Any

from ..kernels import _core

GO, STOP = True, False
SECONDS_AT_EXIT = 5.0  # for a thread in the middle of a batch when the interpreter ends
_threads: "weakref.WeakSet[Worker]" = weakref.WeakSet()


class Failed:
    """What the source raised."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException):
        self.error = error


END = Failed(StopIteration())


class Worker(threading.Thread):
    """An item for each permit, until the source or the consumer ends."""

    def __init__(self, source: Iterator):
        super().__init__(name="fastgrad-prefetch", daemon=True)
        self.source: Any = source
        self.permits: SimpleQueue = SimpleQueue()
        self.ready: SimpleQueue = SimpleQueue()
        self.stopped = False
        self.switch = _core.get_switch()  # kernels in a transform are those of the consumer's thread

    def run(self) -> None:
        _core.set_switch(*self.switch)
        source, self.source = self.source, None
        result: Any = None
        try:
            while self.permits.get() is GO and not self.stopped:
                try:
                    result = next(source, END)
                except BaseException as error:
                    result = Failed(error)
                self.ready.put(result)
                if isinstance(result, Failed):
                    return
        finally:
            result = None
            close = getattr(source, "close", None)
            if close is not None:
                close()

    def stop(self) -> None:
        """Tells the thread to end, after the item that it is at; does not wait."""
        self.stopped = True
        self.permits.put(STOP)


class Prefetched:
    """The items of `source`, made by a thread of its own up to `ahead` items before they are asked for.

    What the source raises is raised here, with its traceback, at the place of the item. `again(n)` gives a source that
    goes on after n items: a forked child has no thread, so it goes on with that one.
    """

    def __init__(self, source: Iterator, ahead: int, again: Callable[[int], Iterator], timeout: float = 0):
        self._again, self._given, self._timeout = again, 0, timeout or None
        self._process, self._ended = os.getpid(), False
        self._source: Any = None
        self._worker = Worker(source)
        for _ in range(ahead):
            self._worker.permits.put(GO)
        _threads.add(self._worker)
        self._worker.start()

    def __iter__(self) -> "Prefetched":
        return self

    def __next__(self) -> Any:
        if self._process != os.getpid():
            return self._next_in_child()
        if self._ended:
            raise StopIteration
        try:
            item = self._worker.ready.get(timeout=self._timeout)
        except Empty:
            self.close()
            raise RuntimeError(f"DataLoader: no batch within timeout = {self._timeout} s") from None
        if isinstance(item, Failed):
            self._ended = True
            if item is END:
                raise StopIteration
            try:
                raise item.error
            finally:
                del item  # the error's traceback has this frame: no circle
        self._worker.permits.put(GO)
        self._given += 1
        return item

    def _next_in_child(self) -> Any:
        """The queues may be locked by a thread that is not here: they are not touched."""
        if self._ended:
            raise StopIteration
        if self._source is None:
            self._source = self._again(self._given)
        return next(self._source)

    def close(self) -> None:
        """Ends the thread; waits for the item that it is at."""
        self._ended = True
        if self._process == os.getpid():
            self._worker.stop()
            if self._worker is not threading.current_thread():
                self._worker.join()

    def __del__(self) -> None:
        if hasattr(self, "_worker") and self._process == os.getpid():
            self._worker.stop()


@atexit.register
def close_all() -> None:
    """A thread that runs while the interpreter is taken down may crash it."""
    threads = list(_threads)
    for thread in threads:
        thread.stop()
    for thread in threads:
        if thread.is_alive():
            thread.join(SECONDS_AT_EXIT)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.clear)
