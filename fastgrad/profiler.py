"""profile: what each kernel call of a block took, what it moved and computed, and what the machine would have allowed.

>>> import numpy as np, fastgrad as fg
>>> from fastgrad.profiler import profile
>>> x = np.ones((64, 256), np.float32)
>>> with profile() as p:
...     y = fg.kernels.exp(fg.kernels.matmul(x, x.T))
>>> [(e.kernel, e.sizes, e.bytes, e.flops) for e in p.events]
[('matmul', (64, 256, 64), 147456, 2097152), ('exp', (4096,), 32768, 0)]
>>> print(p.table(sort="name"))  # doctest: +ELLIPSIS, +NORMALIZE_WHITESPACE
kernel                     calls  total ms  share  mean us  rate
exp                            1  ...%  ... GB/s
matmul                         1  ...%  ... GFLOP/s
Python, NumPy and waiting         ...%
"""

import os
import threading
import time
from functools import cache
from typing import NamedTuple

import numpy as np

from . import kernels
from .kernels import _core

__all__ = ["Event", "Limits", "machine_limits", "profile"]

DTYPES = ("float32", "float64")
REST = "Python, NumPy and waiting"
SORTS = {  # how a table is sorted, by its rows
    "time": lambda row: -row.time,
    "calls": lambda row: -row.calls,
    "mean": lambda row: -row.time / row.calls,
    "bytes": lambda row: -row.bytes,
    "flops": lambda row: -row.flops,
    "name": lambda row: row.kernel,
}


class Event(NamedTuple):
    """One kernel call.

    start, end: nanoseconds since the block began. sizes: in the order in which the kernel's signature first names them
    (matmul: M, K, N); of an elementwise kernel the shape, with dimensions that lie one in the other merged; of an
    update rule the number of tensors and of elements. dtype: of a cast that of its result. bytes: every array once for
    being read and once for being written, in its own size where it is broadcast. flops: two for each multiply-add of a
    product; 0 for kernels that memory bounds. threads: the largest team that could take part. replayed: by a captured
    step.
    """

    kernel: str
    dtype: str
    sizes: tuple
    start: int
    end: int
    bytes: int
    flops: int
    threads: int
    replayed: bool


class Limits(NamedTuple):
    """What a machine allows: bytes a second to and from memory, flops a second of products in float32 and float64."""

    bandwidth: float
    float32: float
    float64: float


class Row(NamedTuple):
    """A line of the table: all calls of a kernel. time: seconds; least: those the machine needs at best, or None."""

    kernel: str
    calls: int
    time: float
    bytes: int
    flops: int
    least: float | None

    def rate(self):
        done, unit = (self.flops, "GFLOP/s") if self.flops else (self.bytes, "GB/s")
        return f"{done / max(self.time, 1e-9) / 1e9:.3g} {unit}"


class profile:
    """Writes down every kernel call that this thread makes in a block, eager or in a captured step's replay.

    After the block: `events`, a list of `Event`; `table()` or `print`, a row a kernel; `chrome_trace(path)`; `wall` and
    `kernel_time` in seconds; `lost`, the number of calls there was no memory to write down (160 bytes each).
    Not written down: calls of other Python threads; kernels that run in NumPy, which are reference kernels, other
    dtypes than float32 and float64, and `kernels.host`. Blocks nest: a call is seen by all blocks of its thread.
    A block is used again as often as you like and shows its last run. What an exception ends is kept as well.

    Errors: RuntimeError for a block entered twice, left by another thread than entered it, or read before its end.

    >>> import fastgrad as fg
    >>> from fastgrad.profiler import profile
    >>> @fg.capture
    ... def step(x):
    ...     return (x * x).sum()
    >>> x = fg.tensor([1.0, 2.0, 3.0])
    >>> _ = step(x)
    >>> with profile() as p:
    ...     _ = step(x)
    >>> [(e.kernel, e.replayed) for e in p.events]
    [('mul', True), ('sum', True)]
    >>> p.kernel_time < p.wall
    True
    """

    def __init__(self):
        self._trace: _core.Trace | None = None
        self._rows = self._events = None
        self.lost = 0

    def __enter__(self):
        if self._trace is not None:
            raise RuntimeError("this profile block has been entered already; make another profile()")
        self._rows = self._events = None
        self._thread = threading.get_native_id()
        trace = _core.Trace()
        trace.start()
        self._trace = trace
        return self

    def __exit__(self, *exc):
        trace = self._trace
        if trace is None:
            raise RuntimeError("this profile block has not been entered")
        self._rows = trace.stop()
        self._begin, self._end, self.lost = trace.begin, trace.end, trace.lost
        self._trace = None

    def _read(self):
        if self._rows is None:
            raise RuntimeError("a profile is read after its block: with profile() as p: ...; print(p)")
        return self._rows

    @property
    def wall(self):
        """Seconds the block took."""
        self._read()
        return (self._end - self._begin) / 1e9

    @property
    def kernel_time(self):
        """Seconds of the block that kernels took."""
        rows = self._read()
        return int((rows["end"] - rows["start"]).sum()) / 1e9

    @property
    def events(self):
        """The calls, in order, as a list of `Event`."""
        rows = self._read()
        if self._events is None:
            known = _core.kernel_rows()
            self._events = [self._event(row, *known[row["kernel"]]) for row in rows]
        return self._events

    def _event(self, row, name, count, dtype):
        count = row["ndim"] if count < 0 else count
        return Event(
            kernel=name,
            dtype=dtype or DTYPES[row["dtype"]],
            sizes=tuple(row["size"][:count].tolist()),
            start=int(row["start"]) - self._begin,
            end=int(row["end"]) - self._begin,
            bytes=int(row["bytes"]),
            flops=int(row["flops"]),
            threads=int(row["threads"]),
            replayed=bool(row["replayed"]),
        )

    def _summary(self, limits):
        """A Row of each kernel."""
        rows, known = self._read(), _core.kernel_rows()
        found = []
        for k in np.unique(rows["kernel"]):
            mine = rows[rows["kernel"] == k]
            least = None
            if limits is not None:
                peak = np.array([limits.float32, limits.float64])[mine["dtype"]]
                least = float(np.maximum(mine["bytes"] / limits.bandwidth, mine["flops"] / peak).sum())
            total = int((mine["end"] - mine["start"]).sum()) / 1e9
            found.append(Row(known[k][0], len(mine), total, int(mine["bytes"].sum()), int(mine["flops"].sum()), least))
        return found

    def table(self, sort="time", limits=False):
        """A text table: of each kernel calls, total time, share of the block, mean time, and rate of work.

        sort: "time", "calls", "mean", "bytes", "flops" or "name". limits: True compares each kernel with what
        `machine_limits` measures (or with the `Limits` given): the share of the time that the machine would need, which
        the column "bound by" says of what. Beyond 100 % the arrays came out of a cache.
        The rate counts flops for products and bytes for all others. The last row is the rest of the block's time.
        """
        if sort not in SORTS:
            raise ValueError(f"table: sort must be one of {', '.join(SORTS)}, not {sort!r}")
        limits = machine_limits() if limits is True else limits or None
        wall = self.wall
        lines = [["kernel", "calls", "total ms", "share", "mean us", "rate"]]
        lines[0] += ["of limit", "bound by"] if limits else []
        for row in sorted(self._summary(limits), key=SORTS[sort]):
            share, mean = row.time / wall, row.time / row.calls
            cells = [
                row.kernel,
                str(row.calls),
                f"{row.time * 1e3:.3f}",
                f"{share:.1%}",
                f"{mean * 1e6:.1f}",
                row.rate(),
            ]
            if limits:
                memory = row.bytes / limits.bandwidth >= 0.999 * row.least
                cells += [f"{row.least / max(row.time, 1e-9):.0%}", "bytes" if memory else "flops"]
            lines.append(cells)
        rest = wall - self.kernel_time
        lines.append([REST, "", f"{rest * 1e3:.3f}", f"{rest / wall:.1%}", "", "", *([""] * 2 if limits else [])])
        text = aligned(lines)
        return text + (f"\n{self.lost} calls are missing: there was no memory to write them down" if self.lost else "")

    def __str__(self):
        return self.table()

    def chrome_trace(self, path):
        """Writes the calls as a JSON file that chrome://tracing and ui.perfetto.dev show as a time line."""
        calls, process = self.events, os.getpid()
        events = [
            {
                "name": e.kernel,
                "cat": "replayed" if e.replayed else "eager",
                "ph": "X",
                "ts": e.start / 1e3,
                "dur": (e.end - e.start) / 1e3,
                "pid": process,
                "tid": self._thread,
                "args": {"sizes": e.sizes, "dtype": e.dtype, "bytes": e.bytes, "flops": e.flops, "threads": e.threads},
            }
            for e in calls
        ]
        import json  # here, and not above: importing fastgrad should stay cheap

        with open(path, "w") as file:
            json.dump({"traceEvents": events, "displayTimeUnit": "ms"}, file)


def aligned(lines):
    """Rows of cells as text: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rows = [
        [line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))] for line in lines
    ]
    return "\n".join("  ".join(row).rstrip() for row in rows)


def machine_limits(threads=None):
    """What this machine allows a team of `threads` (this thread's largest, unless given): `Limits`.

    Bandwidth: the best rate of the stream kernels, plain loops over two or three arrays of 64 MB each, more than most
    caches hold. Peak: the best rate of a product of 1024 x 1024 matrices. Measured once in a process and team size,
    which takes under a second, on a thread of its own: nothing of it enters a profile or a captured step.

    >>> from fastgrad.profiler import machine_limits
    >>> limits = machine_limits()
    >>> all(rate > 0 for rate in limits)
    True
    """
    return measured_limits(_core.get_num_threads() if threads is None else threads)


@cache
def measured_limits(threads):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(measure, threads).result()


def measure(threads):
    with kernels.use("native", threads=threads):
        arrays = [np.full(1 << 24, 1e-3, np.float32) for _ in range(3)]
        streams = lambda: kernels.stream1(*arrays[:2]), lambda: kernels.stream2(*arrays)
        bandwidth = max(e.bytes / (e.end - e.start) for s in streams for e in repeated(s, 0.05))
        peaks = []
        for dtype in DTYPES:
            a, out = np.full((1024, 1024), 1e-3, dtype), np.empty((1024, 1024), dtype)
            calls = repeated(lambda a=a, out=out: kernels.matmul(a, a, out=out), 0.06)
            peaks.append(max(e.flops / (e.end - e.start) for e in calls))
    return Limits(*(1e9 * rate for rate in (bandwidth, *peaks)))


def repeated(call, seconds):
    """The events of a call made three times and then until the time is up."""
    end = time.perf_counter() + seconds
    with profile() as p:
        for done in range(1000):
            if done >= 3 and time.perf_counter() > end:
                break
            call()
    return p.events
