"""The kernels: every name here is one kernel with two implementations, C (native) and NumPy (reference).

The reference is the definition. Which one runs is switched per thread:

    with fastgrad.kernels.use("reference"):
        ...
    with fastgrad.kernels.use(isa="avx2", threads=1):
        ...

or for a whole process by ``FASTGRAD_KERNELS=reference`` and ``FASTGRAD_ISA=baseline|avx2|avx512``. ``info()`` says what
runs. Kernels work on NumPy arrays: ``fastgrad.kernels.add(a, b)``.
"""

import inspect
import os
from contextlib import contextmanager

from . import _core
from ._core import (
    ISA_NAMES,
    KERNELS,
    CaptureError,
    DtypeError,
    Program,
    blas_info,
    empty,
    empty_cache,
    memory,
    output,
    set_memory_cap,
)

__all__ = [
    "KERNELS",
    "CaptureError",
    "DtypeError",
    "Program",
    "blas_info",
    "empty",
    "empty_cache",
    "host",
    "info",
    "memory",
    "output",
    "refuse_capture",
    "set_memory_cap",
    "signature",
    "use",
    *KERNELS,
]


def _choose_blas():
    chosen = os.environ.get("FASTGRAD_BLAS")
    if not chosen:
        folder = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "_blas")
        files = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        found = [f for f in files if "openblas" in f and f.endswith((".so", ".dylib", ".dll"))]
        chosen = os.path.join(folder, found[0]) if found else "builtin"
    _core.choose_blas(chosen)


def _isa_number(isa):
    if isa not in ISA_NAMES:
        raise ValueError(f"isa must be one of {', '.join(ISA_NAMES)}, not {isa!r}")
    return ISA_NAMES.index(isa)


def _choose_isa():
    wanted = os.environ.get("FASTGRAD_ISA")
    if wanted:
        number = _isa_number(wanted)
        if number > _core.machine_isa():
            raise ValueError(
                f"FASTGRAD_ISA={wanted}, but this machine runs {', '.join(ISA_NAMES[: _core.machine_isa() + 1])}"
            )
        _core.set_process_isa(number)


def _choose_kernels():
    wanted = os.environ.get("FASTGRAD_KERNELS", "native")
    if wanted not in ("native", "reference"):
        raise ValueError(f"FASTGRAD_KERNELS must be native or reference, not {wanted!r}")
    _core.set_process_reference(wanted == "reference")


def __getattr__(name):
    """`kernels.reference`, which is loaded when it is first asked for."""
    if name != "reference":
        raise AttributeError(f"module 'fastgrad.kernels' has no attribute {name!r}")
    import importlib

    return importlib.import_module(".reference", __name__)


@contextmanager
def use(which=None, *, isa=None, threads=None):
    """Switches this thread's kernels: ``which`` is "native" or "reference"; ``isa`` and ``threads`` narrow native ones.

    Errors: ValueError for a name that does not exist or an instruction set this machine does not run.

    >>> import numpy as np, fastgrad
    >>> with fastgrad.kernels.use("reference"):
    ...     float(fastgrad.kernels.add(np.float32([1]), np.float32([2]))[0])
    3.0
    """
    if which not in (None, "native", "reference"):
        raise ValueError(f'use: "native" or "reference", not {which!r}')
    if threads is not None and threads < 1:
        raise ValueError(f"use: threads must be at least 1, not {threads}")
    before = _core.get_switch()
    _core.set_switch(
        before[0] if which is None else int(which == "reference"),
        before[1] if isa is None else _isa_number(isa),
        before[2] if threads is None else threads,
    )
    try:
        yield
    finally:
        _core.set_switch(*before)


def info():
    """What runs on this thread: a dict of kernels, isa, isas, threads, openmp, blas (opens the BLAS if need be)."""
    is_reference, isa, threads = _core.current_state()
    return {
        "kernels": "reference" if is_reference else "native",
        "isa": ISA_NAMES[isa],
        "isas": ISA_NAMES[: _core.machine_isa() + 1],
        "threads": threads,
        "processors": _core.processors(),
        "openmp": _core.has_openmp(),
        "blas": blas_info(),
    }


def refuse_capture(what, instead):
    """Raises CaptureError while a step is being captured: `what` reads values or makes arrays unseen by the program.

    What runs in NumPy and is to be repeated goes through `host`.
    """
    if _core.recording() is not None:
        raise CaptureError(f"{what} cannot be captured: it runs in NumPy, which a replay does not repeat; {instead}")


def host(function, *arguments):
    """``function(*arguments)``, which a captured step calls again, in Python, at every replay.

    `arguments` are arrays, lists of arrays and constants; the function returns an array, a tuple or list of arrays, or
    None (it may write into its arguments). While a step is being captured, the call is appended to the program; a
    replay calls the function with the same array objects, which hold the values of that replay, and writes what it
    returns over the arrays returned here. So in a captured step a result shares no memory with an argument, unless it
    is that argument. NumPy scalars become arrays without dimensions. Kernels that the function itself calls are its own
    affair: they are neither recorded nor missed.

    Errors: TypeError for another result. From a replay: whatever the function raises, and CaptureError if a result has
    another shape or dtype than in the captured step, since these may not depend on values.

    >>> import numpy as np, fastgrad as fg
    >>> def step(x):
    ...     y = fg.from_numpy(fg.kernels.host(np.sort, x))
    ...     return y * 2.0
    >>> step = fg.capture(step)
    >>> step(np.float32([3, 1, 2]))
    tensor([2., 4., 6.])
    >>> step(np.float32([9, 8, 7]))
    tensor([14., 16., 18.])
    >>> print(step.programs[0])
       0  host numpy.sort  (3,) -> (3,)     float32  24 B
       1  mul              (3,), 2 -> (3,)  float32  24 B
    total 2 calls, 1 of them Python, 48 B read and written, 0 FLOP in products
    """
    return _core.call_host(function, arguments)


def signature(kernel):
    """The inspect.Signature a row of kernels.def stands for."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    defaults = kernel.defaults
    return inspect.Signature(
        [inspect.Parameter(n, kind, default=defaults.get(n, inspect.Parameter.empty)) for n in kernel.names]
    )


globals().update(KERNELS)
_choose_blas()
_choose_isa()
_choose_kernels()
