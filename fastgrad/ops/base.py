"""What an op is: one small class with a formula, a forward and a backward, and the function that applies it.

An op takes tensors, arrays or numbers. With a tensor among them the result is a tensor, recorded on the tape where a
gradient is wanted; with arrays alone the call goes straight to the kernel. So a backward written with ops serves twice:
on arrays it is fast, on tensors (`create_graph=True`) it is itself recorded, and differentiating it again needs no
second rule.
"""

import re
from operator import itemgetter
from typing import Any

from numpy import ndarray

from .. import kernels, tape
from ..tape import OUT, Node, Value, state, wrap
from . import dtypes
from .dtypes import FLOAT32, FLOAT64, KINDS, is_floating, number_of, result_type

__all__ = ["OPS", "OUT", "Op", "alike", "apply", "apply1", "apply2", "cast", "contiguous", "promoted", "view"]

OPS: dict = {}  # name -> class: every op there is


def _keep_nothing(node, arrays, out):
    return None


def _keep_crossed(node, arrays, out):
    return arrays[0] if node.second is not None else None, arrays[1] if node.first is not None else None


class Op:
    """An operation: ``forward(ctx, *arrays)`` and ``backward(ctx, dout)``, the derivative with respect to each operand.

    ``kernel``: where the forward is one kernel and nothing else, that kernel stands here instead of a forward.
    ``saves`` names what backward needs, by operand number (``OUT``: the result); it arrives as ``ctx.saved``, one
    value or a tuple. ``ctx.inputs[i] is None`` where no gradient of operand i is wanted. ``ctx.info`` is free for
    anything that is not differentiated (sizes, indices). Operands that get no gradient may be left off the end.
    ``crossed``: it saves its first two operands, each for the other's gradient alone, and only where that is wanted.
    ``keep``, which may be left to ``saves``, picks what is saved; None for what no gradient that is wanted needs.
    ``floating``: integers become floats first, as in exp and division.
    """

    saves: tuple = ()
    kernel: Any = None
    crossed = False
    floating = False
    keep = staticmethod(_keep_nothing)

    def __init_subclass__(cls):
        OPS[cls.__name__] = cls
        if "keep" in vars(cls):
            return
        if cls.crossed:
            cls.keep = staticmethod(_keep_crossed)
        elif cls.saves == (OUT,):
            cls.keep = staticmethod(lambda node, arrays, out: out)
        elif OUT in cls.saves:
            pick = itemgetter(*cls.saves)
            cls.keep = staticmethod(lambda node, arrays, out: pick((*arrays, out)))
        elif cls.saves:
            pick = itemgetter(*cls.saves)
            cls.keep = staticmethod(lambda node, arrays, out: pick(arrays))

    @classmethod
    def forward(cls, ctx, *operands):
        return cls.kernel(*operands)

    @staticmethod
    def backward(ctx, dout):
        return None


def apply(op, *operands):
    """Runs an op. Several results: the first is differentiated, the others (indices, say) are constants."""
    if tape.views_are_checked and state.grad:
        tape.refuse_old_views(op, operands)
    arrays: list = []
    edges: list = []  # for each operand the node that made it, the leaf itself, or None
    tensors = wanted = False
    for x in operands:
        if isinstance(x, Value):
            tensors = True
            arrays.append(x.data)
            if x.requires_grad:
                wanted = True
                edges.append(x.node or x)
            else:
                edges.append(None)
        else:
            arrays.append(x)
            edges.append(None)
    node = Node()
    try:
        out = op.forward(node, *arrays)
    except (AttributeError, TypeError):
        refuse_assigned(op, operands)
        raise
    if not tensors:
        return out
    if type(out) is tuple:
        first, *others = out
        first = tape.record(op, node, edges, arrays, first) if wanted and state.grad else wrap(first)
        return first, *map(wrap, others)
    return tape.record(op, node, edges, arrays, out) if wanted and state.grad else wrap(out)


def apply1(op, x):
    """`apply` for an op that is one kernel of one operand, written out: arithmetic on small tensors is all overhead."""
    if not isinstance(x, Value):
        return op.kernel(x)
    if tape.views_are_checked and state.grad:
        tape.refuse_old_views(op, (x,))
    array = x.data
    if op.floating and (dtype := array.dtype) is not FLOAT32 and dtype is not FLOAT64 and dtype.kind != "f":
        return apply1(op, cast(x, dtypes.default_dtype))
    try:
        out = op.kernel(array)
    except TypeError:
        refuse_assigned(op, (x,))
        raise
    if x.requires_grad and state.grad:
        return tape.record(op, Node(), (x.node or x,), (array,), out)
    return wrap(out)


def apply2(op, a, b):
    """`apply` for an op that is one kernel of two operands which broadcast, promoted to one dtype."""
    if tape.views_are_checked and state.grad:
        tape.refuse_old_views(op, (a, b))
    left = right = None
    if isinstance(a, Value):
        x = a.data
        dtype = x.dtype
        if a.requires_grad:
            left = a.node or a
        if isinstance(b, Value):
            y = b.data
            if y.dtype is not dtype:
                return apply(op, *promoted(op, a, b))
            if b.requires_grad:
                right = b.node or b
        else:
            y = b
            if type(b) is not float and type(b) is not int:
                return apply(op, *promoted(op, a, b))
    elif isinstance(b, Value):
        x, y = a, b.data
        dtype = y.dtype
        if b.requires_grad:
            right = b.node or b
        if type(a) is not float and type(a) is not int:
            return apply(op, *promoted(op, a, b))
    else:
        return op.kernel(a, b)
    if dtype is not FLOAT32 and dtype is not FLOAT64:
        return apply(op, *promoted(op, a, b))
    try:
        out = op.kernel(x, y)
    except TypeError:
        refuse_assigned(op, (a, b))
        raise
    if (left is None and right is None) or not state.grad:
        return wrap(out)
    return tape.record(op, Node(), (left, right), (x, y), out)


def refuse_assigned(op, operands):
    """Refuses a tensor whose `data` was set to what is no array: an array minus a tensor is one."""
    for i, x in enumerate(operands):
        if isinstance(x, Value) and not isinstance(x.data, ndarray):
            raise TypeError(
                f"{name_of(op)}: the data of operand {i} was set to a {type(x.data).__name__}, and is a NumPy array: "
                f"write with no_grad(): w -= lr * w.grad, or w.copy_(y), or w.data = y.numpy()"
            ) from None


def promoted(op, *operands):
    """Operands of one dtype, that of the result (`result_type`); numbers stay numbers."""
    return alike(name_of(op), operands, op.floating)


def alike(name, operands, floating=False):
    """`promoted` for a function that is called `name`; `floating`: integers become floats."""
    weak = [number_of(x) for x in operands]
    arrays = [x.data if isinstance(x, Value) else x for x in weak]
    try:
        dtype = result_type(*arrays)
    except TypeError:
        raise TypeError(f"{name}: cannot combine a tensor with {stranger(arrays)}") from None
    if floating and not is_floating(dtype):
        dtype = dtypes.default_dtype
    return [
        cast(x, dtype) if isinstance(a, ndarray) and a.dtype != dtype else x for x, a in zip(weak, arrays, strict=True)
    ]


def stranger(operands):
    """The type of the first operand that is neither a number nor an array of numbers."""
    for x in operands:
        if isinstance(x, (list, tuple)):
            return f"a {type(x).__name__}; make a tensor of it first"
        if isinstance(x, ndarray) and x.dtype.kind not in KINDS:
            return f"an array of {x.dtype}"
        if not isinstance(x, (ndarray, int, float)):
            return type(x).__name__
    return "this"


def view(op, x, *how):
    """`apply` for an op whose result shares memory with x: the result remembers whose memory it is."""
    out = apply(op, x, *how)
    if isinstance(out, Value) and (out.node is not None or not x.requires_grad):
        out._base = getattr(x, "_base", x)
    return out


def contiguous(x):
    """`x` with its elements in order: itself, or a copy made by a kernel (so that a captured step makes it again)."""
    return x if x.flags.c_contiguous else kernels.copy(x)


def constant(array):
    """An array whose values are always these; a captured step writes them anew, for it may change them."""
    return kernels.copy(array) if kernels._core.recording() is not None else array


def zero_slopes(ctx, dout):
    """The backward of an op that is constant almost everywhere: zeros for every operand that wants a gradient."""
    return tuple(None if edge is None else zeros_like(dout) for edge in ctx.inputs)


def filled(shape, dtype, value):
    """An array of this number, filled by a kernel: a captured step fills it anew."""
    out = kernels.output(shape, dtype)
    kernels.fill(out, value)
    return out


def zeros_like(x):
    out = filled(x.shape, x.dtype, 0.0)
    return wrap(out) if isinstance(x, Value) else out


def name_of(op):
    """``FloorDivide``, ``floor_divide`` of the kernels: the public function's name."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", op.__name__).lower()


from .cast import cast  # noqa: E402 (a cast is an op itself, and promotion needs it)
