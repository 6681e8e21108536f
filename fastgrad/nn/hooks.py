"""What happens round a module's forward when somebody watches: forward hooks, backward hooks, the path of modules."""

from typing import Any

from .. import tape
from ..hooks import RemovableHandle
from ..joint import Joint, copied, record_joint
from ..ops.base import filled
from ..tape import Node, Parts, Value, state, wrap

__all__ = ["ModuleHooks", "call"]


class ModuleHooks:
    """The hooks of a module: dicts of (hook, options) in the order in which they run."""

    def __init__(self):
        self.before: dict = {}
        self.after: dict = {}
        self.backward_before: dict = {}
        self.backward_after: dict = {}


def register(module, kind, hook, prepend=False, *options):
    """Adds a hook; the handle takes it away."""
    if module._hooks is None:
        module.__dict__["_hooks"] = ModuleHooks()
    return RemovableHandle(getattr(module._hooks, kind), (hook, *options), prepend)


def call(module, args, kwargs):
    """``module(*args, **kwargs)``."""
    outer = state.modules
    if state.capture:
        state.capture.called(module)
    if tape.is_watched:
        state.modules = (*outer, module)
    try:
        return module.forward(*args, **kwargs) if module._hooks is None else hooked(module, args, kwargs)
    finally:
        state.modules = outer


def hooked(module, args, kwargs):
    hooks = module._hooks
    called: set = set()
    try:
        for hook, with_kwargs in list(hooks.before.values()):
            args, kwargs = changed_input(module, hook, with_kwargs, args, kwargs)
        seen = Seen(module) if state.grad and (hooks.backward_before or hooks.backward_after) else None
        out = module.forward(*(seen.inputs(args) if seen else args), **kwargs)
        for key, (hook, with_kwargs, _) in list(hooks.after.items()):
            called.add(key)
            found = hook(module, args, kwargs, out) if with_kwargs else hook(module, args, out)
            out = out if found is None else found
        return seen.outputs(out) if seen else out
    except Exception:
        for key, (hook, with_kwargs, always) in list(hooks.after.items()):
            if always and key not in called:
                hook(module, args, kwargs, None) if with_kwargs else hook(module, args, None)
        raise


def changed_input(module, hook, with_kwargs, args, kwargs):
    found = hook(module, args, kwargs) if with_kwargs else hook(module, args)
    if found is None:
        return args, kwargs
    if not with_kwargs:
        return found if isinstance(found, tuple) else (found,), kwargs
    if isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], dict):
        return found
    raise RuntimeError(
        f"forward pre-hook of {type(module).__name__}: with_kwargs=True, so it returns None or (args, kwargs), "
        f"not {type(found).__name__}"
    )


class Seen:
    """One call of a module with backward hooks: joint nodes round it, through which all gradients pass at once."""

    def __init__(self, module):
        self.module, self.hooks = module, module._hooks
        self.size_in = self.size_out = 0
        self.at_in: list = []
        self.at_out: list = []
        self.douts: Any = None

    def inputs(self, args):
        self.size_in = len(args)
        args, self.at_in = self.passed(Inputs, args)
        return args

    def outputs(self, out):
        several = isinstance(out, tuple)
        found, self.at_out = self.passed(Outputs, out if several else (out,))
        self.size_out = len(found)
        return found if several else found[0]

    def passed(self, rule, values):
        """The values with those that require a gradient behind a joint node; and where they are."""
        at = [i for i, x in enumerate(values) if isinstance(x, Value) and x.requires_grad]
        values, xs = list(values), [values[i] for i in at]
        if tape.views_are_checked:
            tape.refuse_old_views(rule, xs)
        if xs:
            node = Node()
            node.info = self
            arrays = [x.data for x in xs]
            outs = record_joint(rule, node, [x.node or x for x in xs], arrays, arrays)
            for i, x, out in zip(at, xs, outs, strict=True):
                out._base = getattr(x, "_base", x)
                values[i] = out
        return tuple(values), at

    def run_after(self, dxs):
        """The module's backward hooks; what they return takes the place of `dxs`."""
        for hook, *_ in list(self.hooks.backward_after.values()):
            dxs = replaced(self.module, "full backward hook", hook(self.module, dxs, self.douts), dxs)
        return dxs


def replaced(module, kind, found, before):
    if found is None:
        return before
    found = found if isinstance(found, tuple) else (found,)
    if len(found) != len(before):
        raise RuntimeError(
            f"{kind} of {type(module).__name__}: it returned {len(found)} gradients in the place of {len(before)}"
        )
    for i, (g, old) in enumerate(zip(found, before, strict=True)):
        if g is not None and old is not None and g.shape != old.shape:
            raise RuntimeError(
                f"{kind} of {type(module).__name__}: gradient {i} has shape {g.shape} in the place of {old.shape}"
            )
    return found


def spread(dout, at, size):
    """The gradients that arrive at a joint node as a tuple of tensors, None where none can arrive."""
    found: list = [None] * size
    for i, g in zip(at, dout if type(dout) is Parts else (dout,), strict=True):
        found[i] = g if g is None or isinstance(g, Value) else wrap(g)
    return tuple(found)


def gathered(node, found, at, dout):
    """`spread` undone: what the rule of a joint node returns."""
    as_tensors = any(isinstance(g, Value) for g in (dout if type(dout) is Parts else (dout,)))
    picked = [found[i] if found[i] is None or as_tensors else found[i].data for i in at]
    return tuple(copied(node, i, g) for i, g in enumerate(picked))


class Outputs(Joint):
    """At the module's results: the first to see a gradient."""

    @staticmethod
    def backward(node, dout):
        seen = node.info
        if type(dout) is Parts:  # zeros where a result was not used
            like = next(g for g in dout if g is not None)
            dout = Parts(zeros(like, e.shape) if g is None else g for g, e in zip(dout, node.inputs))  # noqa: B905
        douts = spread(dout, seen.at_out, seen.size_out)
        for hook, *_ in list(seen.hooks.backward_before.values()):
            douts = replaced(seen.module, "full backward pre-hook", hook(seen.module, douts), douts)
        seen.douts = douts
        if not seen.at_in and any(g is not None for g in seen.run_after((None,) * seen.size_in)):
            raise RuntimeError(
                f"full backward hook of {type(seen.module).__name__}: it returned gradients, and no argument of the "
                f"module requires one"
            )
        return gathered(node, douts, seen.at_out, dout)


class Inputs(Joint):
    """At the module's arguments: the last to see a gradient."""

    @staticmethod
    def backward(node, dout):
        seen = node.info
        dxs = spread(dout, seen.at_in, seen.size_in)
        if seen.douts is not None:
            dxs, seen.douts = seen.run_after(dxs), None
        return gathered(node, dxs, seen.at_in, dout)


def zeros(like, shape):
    out = filled(shape, like.dtype, 0.0)
    return wrap(out) if isinstance(like, Value) else out
