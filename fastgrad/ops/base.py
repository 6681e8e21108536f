"""What an op is: one small class with a formula, a forward and a backward, and the function that applies it.

An op takes tensors, arrays or numbers. With a tensor among them the result is a tensor, recorded on the tape where a
gradient is wanted; with arrays alone the call goes straight to the kernel. So a backward written with ops serves twice:
on arrays it is fast, on tensors (`create_graph=True`) it is itself recorded, and differentiating it again needs no
second rule.
"""

from operator import itemgetter

import numpy as np

from .. import kernels, tape
from ..tape import OUT, Node, Value, state, wrap

__all__ = ["OPS", "OUT", "Op", "apply", "contiguous"]

OPS: dict = {}  # name -> class: every op there is


def _keep_nothing(arrays, out):
    return None


class Op:
    """An operation: ``forward(ctx, *arrays)`` and ``backward(ctx, dout)``, the derivative with respect to each operand.

    ``saves`` names what backward needs, by operand number (``OUT``: the result); it arrives as ``ctx.saved``, one
    value or a tuple. ``ctx.inputs[i] is None`` where no gradient of operand i is wanted. ``ctx.info`` is free for
    anything that is not differentiated (sizes, indices). Operands that get no gradient may be left off the end.
    """

    saves: tuple = ()
    keep = staticmethod(_keep_nothing)

    def __init_subclass__(cls):
        OPS[cls.__name__] = cls
        if cls.saves == (OUT,):
            cls.keep = staticmethod(lambda arrays, out: out)
        elif OUT in cls.saves:
            pick = itemgetter(*cls.saves)
            cls.keep = staticmethod(lambda arrays, out: pick((*arrays, out)))
        elif cls.saves:
            pick = itemgetter(*cls.saves)
            cls.keep = staticmethod(lambda arrays, out: pick(arrays))

    @staticmethod
    def forward(ctx, *operands):
        raise NotImplementedError

    @staticmethod
    def backward(ctx, dout):
        return None


def apply(op, *operands):
    """Runs an op. Several results: the first is differentiated, the others (indices, say) are constants."""
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
    except kernels.DtypeError:
        return apply(op, *promote(operands, arrays))
    if not tensors:
        return out
    if type(out) is tuple:
        first, *others = out
        first = tape.record(op, node, edges, arrays, first) if wanted and state.grad else wrap(first)
        return first, *map(wrap, others)
    return tape.record(op, node, edges, arrays, out) if wanted and state.grad else wrap(out)


def apply2(op, a, b):
    """`apply` for two operands, written out: arithmetic on small tensors is all overhead, and this is most of it."""
    x, y = a, b
    left = right = None
    if isinstance(a, Value):
        x = a.data
        if a.requires_grad:
            left = a.node or a
    elif not isinstance(b, Value):
        return op.forward(None, a, b)
    if isinstance(b, Value):
        y = b.data
        if b.requires_grad:
            right = b.node or b
    try:
        out = op.forward(None, x, y)
    except kernels.DtypeError:
        return apply2(op, *promote((a, b), (x, y)))
    if (left is None and right is None) or not state.grad:
        return wrap(out)
    return tape.record(op, Node(), (left, right), (x, y), out)


def promote(operands, arrays):
    """Operands of one dtype, as PyTorch promotes: the widest float among them; an integer follows any float."""
    floats = [a.dtype for a in arrays if isinstance(a, np.ndarray) and a.dtype.kind == "f"]
    if not floats:
        raise TypeError(f"no float dtype among {[a.dtype for a in arrays if isinstance(a, np.ndarray)]}")
    dtype = np.result_type(*floats)
    same = [not isinstance(a, np.ndarray) or a.dtype == dtype or a.dtype.kind == "b" for a in arrays]
    if all(same):
        raise kernels.DtypeError(
            f"operands of dtypes {[str(a.dtype) for a in arrays if isinstance(a, np.ndarray)]} do not mix"
        )
    return [x if ok else apply(Cast, x, dtype) for x, ok in zip(operands, same, strict=True)]


class Cast(Op):
    """out = x in another dtype;   dx = dout in x's dtype."""

    @staticmethod
    def forward(ctx, x, dtype):
        ctx.info = x.dtype
        kernels.refuse_capture(f"a conversion from {x.dtype} to {np.dtype(dtype)}", "convert before the step")
        return x.astype(dtype)

    @staticmethod
    def backward(ctx, dout):
        return apply(Cast, dout, ctx.info)


def contiguous(x):
    """`x` with its elements in order: itself, or a copy made by a kernel (so that a captured step makes it again)."""
    return x if x.flags.c_contiguous else kernels.copy(x)
