"""Operations in place: ``x.add_(y)``, ``x += y``, ``x[key] = y``.

Where no gradient flows, it is a write into memory and a stamp on it (`tape.changed`). Where one does, x becomes the
result: its node is that of the operation, and what the operation saves of x's old values is copied first. A view shares
memory with the tensor it was taken of, its base, which changes as well: the base gets a node that says where it was
overwritten, and the view a node that says where in the new base it lies. Views taken before the change are stale, and
using one is refused.
"""

import numpy as np

from .. import kernels, tape, versions
from ..tape import Node, Value, state, wrap
from . import dtypes
from .base import OPS, Op, apply, cast, contiguous, filled, stranger
from .dtypes import is_floating, number_of, rank, result_type
from .elementwise import pow
from .index import as_key, getitem, is_basic, owned, part, write_at


class WriteAt(Op):
    """out = x with v written at a place;   dx = dout with 0 there,   dv = dout there."""

    @staticmethod
    def backward(ctx, dout):
        to_x, to_v = ctx.inputs
        dx = apply(ZeroAt, dout, ctx.info) if to_x is not None else None
        return dx, ctx.info.read(dout) if to_v is not None else None


class ZeroAt(Op):
    """out = x with 0 at a place: linear in x;   dx = dout with 0 there."""

    @staticmethod
    def forward(ctx, x, place):
        ctx.info = place
        out = kernels.copy(x)
        place.write(out, 0.0)
        return out

    @staticmethod
    def backward(ctx, dout):
        return apply(ZeroAt, dout, ctx.info)


class ReadAt(Op):
    """out = x at a window of its memory;   dx = 0 with dout there."""

    @staticmethod
    def forward(ctx, x, window):
        ctx.info = window, x.shape
        return window.of(contiguous(x))

    @staticmethod
    def backward(ctx, dout):
        return apply(ReadAtBackward, dout, *ctx.info)


class ReadAtBackward(Op):
    """out = 0 of a shape with x at a window;   dx = dout there."""

    @staticmethod
    def forward(ctx, x, window, shape):
        ctx.info = window
        out = filled(shape, x.dtype, 0.0)
        window.write(out, x)
        return out

    @staticmethod
    def backward(ctx, dout):
        return apply(ReadAt, dout, ctx.info)


class Key:
    """A place named by an index: x[key]."""

    def __init__(self, key):
        self.basic = is_basic(key)
        self.key = key if self.basic else owned(key)

    def read(self, x):
        return getitem(x, self.key)

    def write(self, out, values):
        if self.basic:
            put(out[self.key], values)
        else:
            write_at(out, self.key, values)


class Window:
    """A place named by its memory: where a view lies in its base, counted in elements."""

    def __init__(self, base, view):
        refuse_base(base, view)
        self.shape, self.strides = view.shape, tuple(n // base.itemsize for n in view.strides)
        self.offset = (view.__array_interface__["data"][0] - base.__array_interface__["data"][0]) // base.itemsize

    def of(self, x):
        strides = tuple(n * x.itemsize for n in self.strides)
        return np.ndarray(self.shape, x.dtype, x, self.offset * x.itemsize, strides)

    def read(self, x):
        return apply(ReadAt, x, self)

    def write(self, out, values):
        put(self.of(out), values)


def put(out, values):
    """Writes an array or a number into `out`."""
    if isinstance(values, np.ndarray):
        kernels.copy(values, out=out)
    elif out.dtype.kind == "f":
        kernels.fill(out, values)
    else:
        out[...] = values


def in_place(name, op, x, *operands):
    """x = op(x, *operands) in x's own memory, for an op that is one kernel, and x a float tensor. Numbers and tensors;
    the result must have x's shape."""
    refuse_leaf(name, x)
    operands = tuple(number_of(y) for y in operands)
    recorded = is_recorded(op, (x, *operands))
    operands = fitting(name, op, x, operands)
    arrays = [y.data if isinstance(y, Value) else y for y in operands]
    edges = [(y.node or y) if isinstance(y, Value) and y.requires_grad else None for y in (x, *operands)]
    old, node = x.data, Node()
    if recorded:
        if 0 in op.saves and not (op.crossed and edges[1] is None):
            old = kernels.copy(old)
        shared = [i in op.saves and np.may_share_memory(y, x.data) for i, y in enumerate(arrays, 1)]
        arrays = [kernels.copy(y) if s else y for y, s in zip(arrays, shared, strict=True)]
    if state.capture:
        state.capture.keep(x.data)
    op.kernel(old, *arrays, out=x.data)
    tape.changed(x.data)
    if recorded:
        become(x, tape.record(op, node, edges, (old, *arrays), x.data).node)
    return x


def rewrite(name, function, x, *operands, **keywords):
    """x = function(x, *operands) in x's own memory, for any function: out of place on x's old values, then written."""
    refuse_leaf(name, x)
    recorded = is_recorded(function, (x, *operands, *keywords.values()))

    def before(y):
        """An operand as it was before the change, in memory of its own where it would change and is still needed."""
        if not recorded or not isinstance(y, Value) or not np.may_share_memory(y.data, x.data):
            return y
        return wrap(kernels.copy(y.data), (y.node or y) if y.requires_grad else None)

    out = function(before(x), *map(before, operands), **{k: before(y) for k, y in keywords.items()})
    refuse_unfit(name, x, out.dtype, out.shape)
    out = cast(out, x.dtype)
    if state.capture:
        state.capture.keep(x.data)
    put(x.data, out.data)
    tape.changed(x.data)
    if recorded:
        out.node.clock = versions.clock  # the result is in x only now
        become(x, out.node)
    return x


def in_place_form(function):
    """The method that does in place what `function` does: `exp` gives ``exp_``, and so on.

    Where the function is the op of its name, and that op is one kernel, the kernel writes into the tensor's memory.
    """
    name = function.__name__ + "_"
    op = OPS.get(function.__name__.title().replace("_", ""))
    needed = function.__code__.co_argcount - len(function.__defaults__ or ())
    # Of a kernel's arguments the last is out. A square is no power, but a product.
    direct = op is not None and op.kernel is not None and needed == len(op.kernel.names) - 1 and function is not pow

    def method(self, *operands, **keywords):
        if direct and not keywords and len(operands) == needed - 1 and is_floating(self.dtype):
            return in_place(name, op, self, *operands)
        return rewrite(name, function, self, *operands, **keywords)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"self = {function.__name__}(self, ...) in self's own memory, recorded where a gradient flows."
    return method


def is_recorded(op, operands):
    """Whether a gradient flows through the operands. Refuses, before anything is changed, an operand that is a view out
    of date, and a first one, which is to be changed, whose place in its base could not be told."""
    if state.grad and tape.views_are_checked:
        tape.refuse_old_views(op, operands)
    if not state.grad or not any(isinstance(y, Value) and y.requires_grad for y in operands):
        return False
    if (base := getattr(operands[0], "_base", None)) is not None:
        refuse_base(base.data, operands[0].data)
    return True


def refuse_base(base, view):
    if not base.flags.c_contiguous:
        raise RuntimeError(
            f"a view of shape {view.shape} is changed in place where a gradient is recorded, and its base, of shape "
            f"{base.shape}, is not contiguous; take the view of base.contiguous()"
        )


def fitting(name, op, x, operands):
    """The operands in x's dtype, if the result fits x."""
    arrays = [y.data if isinstance(y, Value) else y for y in (x, *operands)]
    try:
        dtype = result_type(*arrays)
    except TypeError:
        raise TypeError(f"{name}: cannot combine a tensor with {stranger(arrays)}") from None
    shapes = [np.shape(y) for y in arrays]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        raise ValueError(f"{name}: the shapes {', '.join(map(str, shapes))} do not fit together") from None
    refuse_unfit(name, x, dtypes.default_dtype if op.floating and not is_floating(dtype) else dtype, shape)
    return tuple(cast(y, x.dtype) if isinstance(y, (Value, np.ndarray)) and y.dtype != x.dtype else y for y in operands)


def refuse_unfit(name, x, dtype, shape):
    if rank(dtype) > rank(x.dtype):
        raise TypeError(f"{name}: the result is {dtype} and does not fit into a tensor of {x.dtype}; convert it first")
    if shape != x.shape:
        raise ValueError(f"{name}: the result has shape {shape} and does not fit into a tensor of shape {x.shape}")


def setitem(x, key, value):
    """x[key] = value, recorded where a gradient flows."""
    write("x[key] = value", x, Key(as_key(key)), value)


def assign(name, x, value):
    """x = value in x's own memory, broadcast; any dtype of the same kind."""
    write(name, x, Key((Ellipsis,)), value)
    return x


def write(name, x, place, value):
    refuse_leaf(name, x)
    target = part(x.data, place.key)
    if is_place(value, target) and getattr(value, "requires_grad", False) == x.requires_grad:
        return  # x[key] += y has been here already; a detached alias ends the gradient, though its numbers are the same
    recorded = is_recorded(WriteAt, (x, value))
    if isinstance(value, (list, tuple)):
        value = np.asarray(value, x.dtype)
    if isinstance(value, (Value, np.ndarray)):
        if not broadcasts(value.shape, target.shape):
            raise ValueError(f"{name}: a value of shape {value.shape} does not fit into the shape {target.shape}")
        value = cast(value, x.dtype)
    elif not isinstance(value, (int, float, np.generic)):
        raise TypeError(f"{name}: the value must be a tensor or a number, not {value!r}")
    array = value.data if isinstance(value, Value) else value
    if state.capture:
        state.capture.keep(x.data)
    place.write(x.data, array)
    tape.changed(x.data)
    if recorded:
        node = Node()
        node.info = place
        edges = (
            (x.node or x) if x.requires_grad else None,
            (value.node or value) if isinstance(value, Value) and value.requires_grad else None,
        )
        become(x, tape.record(WriteAt, node, edges, (x.data, array), x.data).node)


def is_place(value, target):
    """Whether a value is the very memory that it would be written to."""
    array = value.data if isinstance(value, Value) else value
    return isinstance(array, np.ndarray) and array.__array_interface__ == np.asarray(target).__array_interface__


def broadcasts(shape, to):
    lead = len(shape) - len(to)
    return all(n == 1 for n in shape[: max(lead, 0)]) and all(
        n in (1, m) for n, m in zip(shape[::-1], to[::-1], strict=False)
    )


def become(x, node):
    """x, whose memory has just been changed by the operation of `node`, is its result from now on."""
    base = getattr(x, "_base", None)
    x.node, x.requires_grad = node, True
    if base is not None:
        place = Window(base.data, x.data)
        written, seen = Node(), Node()
        written.info, seen.info = place, (place, base.shape)
        edges = ((base.node or base) if base.requires_grad else None, node)
        base.node = tape.record(WriteAt, written, edges, (base.data, x.data), base.data).node
        base.requires_grad = True
        x.node = tape.record(ReadAt, seen, (base.node,), (base.data,), x.data).node
    tape.rewritten(x.data)


def refuse_leaf(name, x):
    for t, what in (x, "a leaf"), (getattr(x, "_base", None), "a view of a leaf"):
        if state.grad and t is not None and t.requires_grad and t.node is None:
            raise RuntimeError(
                f"{name} on {what} that requires a gradient, of shape {t.shape}: the gradient belongs to the values it "
                f"had; do it under no_grad() (as an optimizer does), or on a clone()"
            )
    if not x.data.flags.writeable:
        raise ValueError(
            f"{name}: the tensor of shape {x.shape} is read-only (expanded, or over a read-only array); clone() it"
        )
