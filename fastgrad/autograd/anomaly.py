"""Anomaly detection: the first operation that makes a NaN or an infinity, by name and line."""

import os
import sys
from typing import NamedTuple

import numpy as np

from ..hooks import tapped, watch
from ..tape import Value, state

__all__ = ["detect_anomaly", "is_anomaly_enabled", "set_detect_anomaly"]

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class Place(NamedTuple):
    """Where a node was made: the operands' shapes, the module, and the line of the user's code."""

    operands: str
    module: str
    line: str


class Detector:
    """Sees every node that its thread records, and every rule that runs."""

    checks_backward = True

    def __init__(self, check_nan):
        self.check_nan = check_nan

    def recorded(self, node, edges, arrays, out):
        tapped(node).place = place = Place(shapes(arrays), module_path(), user_line())
        if not self.check_nan or not isinstance(out, np.ndarray) or out.dtype.kind != "f" or is_fine(out):
            return
        bad = [(i, a) for i, a in enumerate(arrays) if a is not out and is_number(a) and not is_fine(a)]
        if not any(np.isnan(out).flat) and not np.isposinf(out).any() and any(has(a, -np.inf) for _, a in bad):
            return  # -inf handed on: that is how attention masks
        shared = next((i for i, a in enumerate(arrays) if a is out), None)
        if bad:
            origin = " and ".join(f"its operand {i}, {a_shape(a)}, already held {kinds(a)}" for i, a in bad)
        elif shared is not None:
            origin = f"it was done in place on operand {shared}; the others are finite"
        else:
            origin = "its operands are finite"
        raise RuntimeError(
            f"anomaly in forward: {node.op.__name__}({place.operands}) gave {where(out)}; {origin}\n"
            f"  in {place.module}\n  at {place.line}"
        )

    def backward(self, node, ctx, dout):
        place = getattr(node.op, "place", None)
        try:
            douts = node.op.backward(ctx, dout)
        except Exception as error:
            error.add_note(f"in the backward of {describe(node, place)}")
            raise
        if self.check_nan:
            for i, g in enumerate(douts if type(douts) is tuple else (douts,)):
                g = g.data if isinstance(g, Value) else g
                if isinstance(g, np.ndarray) and g.dtype.kind == "f" and not is_fine(g):
                    self.refuse_gradient(node, place, i, g, dout)
        return douts

    def refuse_gradient(self, node, place, i, g, dout):
        came = [a.data if isinstance(a, Value) else a for a in (dout if isinstance(dout, tuple) else (dout,))]
        bad = [a for a in came if a is not None and not is_fine(a)]
        if bad:
            origin = f"the gradient that came in, {a_shape(bad[0])}, already held {kinds(bad[0])}"
        else:
            origin = "the gradient that came in is finite"
            saved = node.saved if isinstance(node.saved, tuple) else (node.saved,)
            held = [(k, a) for k, a in zip(node.op.saves, saved, strict=False) if is_number(a) and not is_fine(a)]
            for k, a in held:
                what = "its result" if k == -1 else f"its operand {k}"
                origin += f"; {what}, {a_shape(a)}, holds {kinds(a)}"
        raise RuntimeError(
            f"anomaly in backward: {node.op.__name__} gave its operand {i} a gradient with {where(g)}; {origin}\n"
            f"  in the backward of {describe(node, place)}"
        )


def describe(node, place):
    if place is None:
        return f"{node.op.__name__}, recorded before anomalies were looked for"
    return f"{node.op.__name__}({place.operands})\n  in {place.module}\n  recorded at {place.line}"


# -- numbers -----------------------------------------------------------------------------------------------------------
def is_number(a):
    return isinstance(a, float) or (isinstance(a, (np.ndarray, np.generic)) and a.dtype.kind == "f")


def is_fine(a):
    return bool(np.isfinite(a).all())


def has(a, value):
    return bool(np.any(np.asarray(a) == value))


def kinds(a):
    """Which of NaN, Inf and -Inf there are."""
    a = np.asarray(a)
    found = {"NaN": np.isnan(a), "Inf": np.isposinf(a), "-Inf": np.isneginf(a)}
    return " and ".join(name for name, at in found.items() if at.any())


def where(a):
    bad = ~np.isfinite(a)
    first = tuple(int(k) for k in np.argwhere(bad)[0])
    return f"{kinds(a)} in {int(bad.sum())} of {a.size} elements of shape {a.shape}, the first at {first}"


def a_shape(a):
    return f"of shape {a.shape}" if getattr(a, "shape", ()) != () else f"{a}"


def shapes(arrays):
    def one(a):
        if isinstance(a, np.ndarray):
            return f"{a.shape} {a.dtype}"
        return repr(a) if isinstance(a, (int, float, bool, str, type(None))) else type(a).__name__

    return ", ".join(map(one, arrays))


# -- places ------------------------------------------------------------------------------------------------------------
def user_line():
    """file:line of the innermost frame outside this package, and its source."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back
    import linecache

    file, line = frame.f_code.co_filename, frame.f_lineno
    text = linecache.getline(file, line, frame.f_globals).strip()
    return f"{file}:{line}, in {frame.f_code.co_name}" + (f": {text}" if text else "")


def module_path():
    """The module that is being called, by its dotted name in the outermost one that is."""
    stack = state.modules
    if not stack:
        return "no module"
    outermost, own = stack[0], stack[-1]
    name = next((name for name, module in outermost.named_modules() if module is own), None)
    kind = type(own).__name__
    if own is outermost:
        return f"module {kind}, the outermost called"
    return f"module {name} ({kind}) of {type(outermost).__name__}" if name else f"module {kind}, called by another"


# -- switches ----------------------------------------------------------------------------------------------------------
class set_detect_anomaly:
    """Switches anomaly detection on this thread, at once; as a context, until its end. Arguments: `detect_anomaly`."""

    def __init__(self, mode, check_nan=True):
        self.before = state.watchers
        others = tuple(w for w in self.before if type(w) is not Detector)
        watch.change((*others, Detector(check_nan)) if mode else others)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        watch.change(self.before)


class detect_anomaly(set_detect_anomaly):
    """Inside, the first operation that makes a NaN or an infinity is an error that says where it stands.

    Every recorded operation is looked at when it is made, and every rule when it runs backward. The error names the
    operation, its operands, the module, the line of the user's code that made it, and whether the operands already
    held the NaN or were finite. A -Inf that an operation only hands on is let through: attention masks with it.
    An error raised by a rule gets a note with the same facts. ``check_nan=False``: the note alone.
    It is a thread's own; a captured step runs eagerly inside. PyTorch looks at backward and at NaN alone.

    >>> import fastgrad as fg
    >>> x = fg.tensor([1.0, -1.0], requires_grad=True)
    >>> with fg.autograd.detect_anomaly():
    ...     y = x.log()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    RuntimeError: anomaly in forward: Log((2,) float32) gave NaN in 1 of 2 elements of shape (2,), the first at (1,)...
    """

    def __init__(self, check_nan=True):
        self.check_nan = check_nan

    def __enter__(self):
        super().__init__(True, self.check_nan)
        return self


def is_anomaly_enabled():
    """Whether this thread looks for anomalies."""
    return any(type(w) is Detector for w in state.watchers)
