"""Function: an operation of one's own with its derivative, PyTorch's way."""

from functools import wraps
from typing import Any

import numpy as np

from .. import kernels, ops, tape, versions
from ..joint import Joint, copied, part, record_joint
from ..ops.base import filled
from ..ops.inplace import become
from ..tape import Node, Parts, Value, state
from ..tensor import set_grad, wrap

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


class FunctionCtx:
    """What forward leaves for backward. Any attribute may be set for what is not a tensor: sizes, options.

    ``needs_input_grad``: for each argument, whether its gradient is wanted.
    """

    needs_input_grad: tuple = ()

    def __init__(self, needs_input_grad):
        self.needs_input_grad = needs_input_grad
        self._to_save: tuple = ()
        self._dirty: tuple = ()
        self._constant: tuple = ()
        self._materialize = True
        self._saved: list = []  # (tensor, number of the argument it is, number of the result it is)
        self._taped: Any = None  # while a backward runs that is itself recorded: the node

    def save_for_backward(self, *tensors):
        """Tensors (or None) that backward finds in ``saved_tensors``. Arguments and results belong here and not in an
        attribute: a change in place is then noticed, a second derivative finds its way, and no cycle is made."""
        for i, x in enumerate(tensors):
            if x is not None and not isinstance(x, Value):
                raise TypeError(f"save_for_backward: argument {i} is {type(x).__name__}; set it as an attribute of ctx")
        self._to_save = tensors

    def mark_dirty(self, *tensors):
        """Arguments that forward has changed in place; it must return them."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors):
        """Results through which no gradient flows. Integer and bool results need no mark."""
        self._constant = tensors

    def set_materialize_grads(self, value):
        """False: a result that nobody used has the gradient None in backward, instead of zeros."""
        self._materialize = value

    @property
    def saved_tensors(self):
        """What `save_for_backward` was given. RuntimeError if one of them was changed in place since."""
        found = []
        for x, argument, result in self._saved:
            if x is not None and versions.changed_at(x.data) > self._clock:
                what = f"its argument {argument}" if argument is not None else "a saved tensor"
                versions.refuse_changed(self._name, what if result is None else f"its result {result}", x.data)
            found.append(x if self._taped is None or x is None else self._revived(x, argument, result))
        return tuple(found)

    def _revived(self, x, argument, result):
        """A saved tensor at its place in the recorded graph."""
        node = self._taped
        if argument is not None:
            edge = node.inputs[argument] if argument < len(node.inputs) else None
            return wrap(x.data, edge) if type(edge) is Node else x if edge is None else edge
        if result is None or x.dtype.kind != "f" or any(x is c for c in self._constant):
            return x
        if node.shape is not None:
            return wrap(x.data, node)
        return part(node.op, node, result, len(self._shapes_out), x.data)

    def _finish(self, name, arguments, results):
        """After forward: what is saved, as numbers of arguments and results."""

        def number(x, among):
            return next((i for i, y in enumerate(among) if y is x), None)

        self._name, self._clock = name, versions.clock
        self._shapes, self._shapes_out = (
            [(x.shape, x.dtype) if isinstance(x, Value) else None for x in xs] for xs in (arguments, results)
        )
        self._saved = []
        for x in self._to_save:
            if x is not None and is_dirty(self, x):  # a result now; its own tensor would close a cycle
                self._saved.append((wrap(x.data), None, number(x, results)))
            else:
                self._saved.append((x, number(x, arguments), number(x, results)) if x is not None else (x, None, None))
        self._to_save = ()


class Function:
    """An operation of one's own: a static ``forward(ctx, *args)`` and ``backward(ctx, *douts)``; used by ``apply``.

    forward gets the arguments as they are, tensors and others, and computes with anything; nothing in it is recorded.
    It returns a tensor or a tuple. backward gets a gradient for each result and returns one for each argument, None
    where there is none. Written with fastgrad's operations, it can be differentiated itself. Instead of
    ``forward(ctx, *args)`` there may be ``forward(*args)`` and ``setup_context(ctx, inputs, output)``.

    ``host = True``: forward and backward are called again at every replay of a captured step, with their arguments'
    new values; they may then use NumPy and foreign code, which a captured step else refuses. Their gradient is a
    constant for a second derivative.
    Errors: RuntimeError naming the function, for a wrong number of gradients, a shape that does not fit, a gradient for
    an argument that is no tensor, or a saved tensor changed in place.

    >>> import fastgrad as fg
    >>> class Cube(fg.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x * x
    ...     @staticmethod
    ...     def backward(ctx, dout):
    ...         (x,) = ctx.saved_tensors
    ...         return dout * 3 * x * x
    >>> x = fg.tensor([1.0, 2.0], requires_grad=True)
    >>> fg.grad(Cube.apply(x).sum(), x)
    (tensor([ 3., 12.]),)
    """

    host = False
    _rule: Any

    def __init_subclass__(cls):
        cls._rule = type(cls.__name__, (Rule,), {"function": cls})
        if "forward" in cls.__dict__:
            cls.forward = staticmethod(guarded(cls, cls.forward))  # type: ignore[method-assign]

    def __init__(self, *args):
        name = type(self).__name__
        raise TypeError(f"{name} is not made or called itself: write {name}.apply(...)")

    @staticmethod
    def forward(*args):
        raise NotImplementedError("a Function defines a static forward(ctx, *args)")

    @staticmethod
    def setup_context(ctx, inputs, output):
        raise NotImplementedError

    @staticmethod
    def backward(ctx, *douts):
        raise NotImplementedError("a Function defines a static backward(ctx, *douts)")

    @classmethod
    def apply(cls, *args):
        """Runs forward, and records it where a gradient is wanted."""
        ctx = FunctionCtx(tuple(isinstance(x, Value) and x.requires_grad for x in args))
        recorded = state.grad and any(ctx.needs_input_grad)
        if tape.views_are_checked and state.grad:
            tape.refuse_old_views(cls, args)
        with set_grad(False):
            results = on_host(cls, ctx, args) if cls.host else run(cls, ctx, args)
        several = isinstance(results, tuple)
        found = results if several else (results,)
        refuse_dirty(cls, ctx, args, found, recorded)
        flows = [recorded and is_differentiable(ctx, x) for x in found]
        out = [wrap(x.data) if isinstance(x, Value) and not is_dirty(ctx, x) else x for x in found]
        if any(flows):
            record(cls, ctx, args, found, flows, out)
        return tuple(out) if several else out[0]


def guarded(cls, forward):
    """`forward`, which refuses a tensor where ctx belongs: it was called in the place of apply."""

    @wraps(forward)
    def called(*args, **kwargs):
        if args and isinstance(args[0], (Value, np.ndarray)) and cls.setup_context is Function.setup_context:
            raise TypeError(
                f"{cls.__name__}.forward(ctx, ...) was called with a tensor as ctx: "
                f"write {cls.__name__}.apply(...), which makes the ctx and records"
            )
        return forward(*args, **kwargs)

    return called


def refuse_arrays(name, results):
    for x in results:
        if isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind == "f":
            raise TypeError(
                f"{name}: forward returned a NumPy {type(x).__name__}, through which no gradient flows; "
                f"return fastgrad.from_numpy(array), or compute with the tensors, not their data"
            )


def run(cls, ctx, args):
    if cls.setup_context is Function.setup_context:
        results = cls.forward(ctx, *args)
    else:
        results = cls.forward(*args)
        cls.setup_context(ctx, args, results)
    found = results if isinstance(results, tuple) else (results,)
    refuse_arrays(cls.__name__, found)
    ctx._finish(cls.__name__, args, found)
    return results


def record(cls, ctx, args, found, flows, out):
    """Puts the node's results in the place of those in `out` through which a gradient flows."""
    node = Node()
    node.info = ctx
    edges = [(x.node or x) if needs else None for x, needs in zip(args, ctx.needs_input_grad, strict=True)]
    arrays = [x.data if isinstance(x, Value) else x for x in args]
    results = [x.data if flow else None for x, flow in zip(found, flows, strict=True)]
    for i, made in enumerate(record_joint(cls._rule, node, edges, arrays, results)):
        if made is None:
            continue
        if is_dirty(ctx, found[i]):
            become(found[i], made.node)
        else:
            out[i] = made
            if any(found[i] is x for x in args):
                made._base = getattr(found[i], "_base", found[i])
    ctx._clock, ctx._dirty = versions.clock, ()


def is_dirty(ctx, x):
    return any(x is d for d in ctx._dirty)


def is_differentiable(ctx, x):
    return isinstance(x, Value) and x.dtype.kind == "f" and not any(x is c for c in ctx._constant)


def refuse_dirty(cls, ctx, args, results, recorded):
    for x in ctx._dirty:
        if not any(x is y for y in results):
            raise RuntimeError(f"{cls.__name__}: an argument of shape {x.shape} is marked dirty and not returned")
        if recorded and x.requires_grad and x.node is None:
            raise RuntimeError(
                f"{cls.__name__}: a leaf that requires a gradient, of shape {x.shape}, is marked dirty: the gradient "
                f"belongs to the values it had; use it on a clone()"
            )
        tape.changed(x.data)


def on_host(cls, ctx, args):
    """`run`, as a call that a captured step repeats."""
    places = [i for i, x in enumerate(args) if isinstance(x, Value)]
    template = [None if isinstance(x, Value) else x for x in args]
    shape: list = []

    def forward(*arrays):
        given = list(template)
        for i, array in zip(places, arrays, strict=True):
            given[i] = own = wrap(array)
            own.requires_grad = ctx.needs_input_grad[i]
        with set_grad(False):
            results = run(cls, ctx, tuple(given))
        shape[:] = [results, given]
        return tuple(x.data for x in (results if isinstance(results, tuple) else (results,)) if isinstance(x, Value))

    forward.__qualname__ = f"{cls.__name__}.forward"
    arrays = iter(kernels.host(forward, *[args[i].data for i in places]))
    results, given = shape
    shape.clear()
    originals = {id(given[i]): args[i] for i in places}
    ctx._dirty = tuple(originals[id(x)] for x in ctx._dirty)
    constant, ctx._constant = ctx._constant, ()
    found = []
    for x in results if isinstance(results, tuple) else (results,):
        if not isinstance(x, Value):
            found.append(x)
            continue
        array = next(arrays)
        found.append(originals[id(x)] if id(x) in originals else wrap(array))
        if any(x is c for c in constant):
            ctx._constant += (found[-1],)
    return tuple(found) if isinstance(results, tuple) else found[0]


class Rule(Joint):
    """What the tape sees of a Function."""

    function: Any

    @classmethod
    def backward(cls, node, dout):
        ctx = node.info
        taped = isinstance(node.saved, Node)  # the tape's create_graph: this backward is itself recorded
        parts = dout if type(dout) is Parts else (dout,)
        douts = [zeros(ctx, i) if g is None and ctx._materialize else g for i, g in enumerate(parts)]
        if cls.function.host:
            found = backward_on_host(cls.function, ctx, douts)
        else:
            ctx._taped = node.saved if taped else None
            try:
                found = call(cls.function, ctx, douts)
            finally:
                ctx._taped = None
        if taped:
            found = [g if g is None or isinstance(g, Value) else refusing(cls.__name__, wrap(g)) for g in found]
        else:
            found = [g.data if isinstance(g, Value) else g for g in found]
        return tuple(copied(node, i, g) for i, g in enumerate(found))


def zeros(ctx, i):
    """The gradient of a result that nobody used."""
    if ctx._shapes_out[i] is None:
        return None
    shape, dtype = ctx._shapes_out[i]
    out = filled(shape, dtype, 0.0)
    return out


def call(function, ctx, douts):
    """The gradients that the user's backward gives for each argument, checked."""
    if function.backward is Function.backward:
        raise NotImplementedError(f"{function.__name__} has no backward: define a static backward(ctx, *douts)")
    tensors = [g if g is None or isinstance(g, Value) else wrap(g) for g in douts]
    found = function.backward(ctx, *tensors)
    found = list(found) if isinstance(found, (tuple, list)) else [found]
    n, name = len(ctx._shapes), function.__name__
    if len(found) < n or any(g is not None for g in found[n:]):
        raise RuntimeError(
            f"{name}: backward returned {len(found)} gradients for {n} arguments; return one for each argument of "
            f"apply, None where there is none"
        )
    return [fitting(name, i, found[i], ctx) for i in range(n)]


def fitting(name, i, g, ctx):
    """A gradient for argument `i`, if it fits."""
    if g is None:
        return None
    if ctx._shapes[i] is None:
        raise RuntimeError(f"{name}: backward returned a gradient for argument {i}, which is no tensor; return None")
    if not isinstance(g, (Value, np.ndarray)):
        raise TypeError(f"{name}: backward returned {type(g).__name__} for argument {i}; return a tensor or None")
    if not ctx.needs_input_grad[i]:
        return None
    shape, dtype = ctx._shapes[i]
    ahead = len(g.shape) - len(shape)
    if ahead < 0 or any(m not in (1, n) for m, n in zip(shape, g.shape[ahead:], strict=True)):
        raise RuntimeError(
            f"{name}: backward returned a gradient of shape {g.shape} for argument {i}, of shape {shape}; a gradient "
            f"has the shape of its argument, or one that it broadcasts to"
        )
    return g if g.dtype == dtype else ops.cast(g, dtype)


def backward_on_host(function, ctx, douts):
    """`call`, as a call that a captured step repeats."""
    arrays = [None if g is None else g.data if isinstance(g, Value) else g for g in douts]
    there: list = []

    def backward(*given):
        new = iter(given)
        with set_grad(False):
            found = call(function, ctx, [None if a is None else next(new) for a in arrays])
        there[:] = [g is not None for g in found]
        return tuple(g.data if isinstance(g, Value) else g for g in found if g is not None)

    backward.__qualname__ = f"{function.__name__}.backward"
    results = iter(kernels.host(backward, *[a for a in arrays if a is not None]))
    return [next(results) if is_there else None for is_there in there]


class Refusal(Joint):
    """The rule of a gradient that has no derivative of its own."""

    @staticmethod
    def backward(node, dout):
        raise RuntimeError(
            f"{node.info}: its backward has no derivative of its own (it is marked once_differentiable, or computes "
            f"with NumPy); write it with fastgrad's operations for a second derivative"
        )


def refusing(name, g):
    """`g` as the result of something that cannot be differentiated."""
    node = Node()
    node.info = name
    return tape.record(Refusal, node, (None,), (g.data,), g.data)


def once_differentiable(backward):
    """Decorator of a Function's backward that cannot be differentiated: a second derivative is refused by name."""

    @wraps(backward)
    def once(ctx, *douts):
        with set_grad(False):
            found = backward(ctx, *douts)
        if not state.grad:
            return found
        several = isinstance(found, tuple)
        marked = [refusing(ctx._name, g) if isinstance(g, Value) else g for g in (found if several else (found,))]
        return tuple(marked) if several else marked[0]

    return once
