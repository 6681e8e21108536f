"""checkpoint: forget what a function's operations saved, and run it again when backward needs them.

The memory of a network's activations grows with its depth L; with a checkpoint every sqrt(L) layers it grows with
sqrt(L), for one more forward pass.
Source: Chen, Xu, Zhang and Guestrin, "Training deep nets with sublinear memory cost", 2016.

The function is recorded as usual, and each node is emptied as soon as it is made. The first of its nodes that backward
visits has the function run again, on a graph of its own; each new node's arrays go to the old node in its place. The
old graph is the one that is walked, so hooks, leaves used inside, grad() and second derivatives need nothing special.
"""

from .. import random, versions
from ..hooks import Tapped, tapped, watching
from ..tape import Value, state, wrap
from ..tensor import set_grad

__all__ = ["checkpoint", "checkpoint_sequential"]


def checkpoint(function, *args, use_reentrant=False, preserve_rng_state=True, determinism_check="default", **kwargs):
    """``function(*args, **kwargs)``, which keeps its arguments alone for backward and is run again there.

    The function must do the same operations again: no control flow on what changes in between. ``preserve_rng_state``:
    fastgrad's generator, which dropout and sampling draw from, is where it was in the first run.
    ``determinism_check="none"`` leaves the comparison of the two runs to you. ``use_reentrant`` is accepted for
    PyTorch's sake: this is always the variant that PyTorch calls non-reentrant. After a backward with
    ``retain_graph=True`` the memory stays occupied.
    Errors, from backward: RuntimeError if the second run does other operations than the first, or if an argument was
    changed in place in between.

    >>> import fastgrad as fg
    >>> x = fg.tensor([1.0, 2.0], requires_grad=True)
    >>> fg.utils.checkpoint.checkpoint(lambda x: (x * x).exp(), x).sum().backward()
    >>> x.grad
    tensor([  5.4366, 218.3926])
    """
    if determinism_check not in ("default", "none"):
        raise ValueError(f'checkpoint: determinism_check is "default" or "none", not {determinism_check!r}')
    if not state.grad:
        return function(*args, **kwargs)
    run = Run(function, args, kwargs, preserve_rng_state, determinism_check == "default")
    with watching(run):
        out = function(*args, **kwargs)
    run.finish()
    return out


def checkpoint_sequential(functions, segments, input, use_reentrant=False, preserve_rng_state=True):
    """Modules one after another, in `segments` pieces of about equal length, each but the last under a `checkpoint`."""
    functions = list(functions.children()) if hasattr(functions, "children") else list(functions)
    if not 1 <= segments <= max(len(functions), 1):
        raise ValueError(f"checkpoint_sequential: {segments} segments of {len(functions)} functions")

    def piece(start, end):
        def run(x):
            for function in functions[start:end]:
                x = function(x)
            return x

        return run

    size = len(functions) // segments
    for start in range(0, size * (segments - 1), size):
        input = checkpoint(piece(start, start + size), input, preserve_rng_state=preserve_rng_state)
    return piece(size * (segments - 1), len(functions))(input)


class Run:
    """The first run of a checkpointed function. Its nodes hold this, and this holds no node: no cycle."""

    checks_backward = False

    def __init__(self, function, args, kwargs, preserve_rng_state, compare):
        self.function, self.args, self.kwargs, self.compare = function, args, kwargs, compare
        self.random = random.get_state() if preserve_rng_state else None
        self.made: list = []  # of each node: its op and the shape of its result
        self.again: dict = {}  # number of a node -> its twin of the second run, not yet asked for
        self.is_open = True
        self.clock = versions.clock

    def recorded(self, node, edges, arrays, out):
        """Empties a new node."""
        number = len(self.made)
        self.made.append((op_of(node), node.shape))
        node.saved = node.info = None
        tapped(node).restore = lambda node: self.restore(number, node)

    def finish(self):
        self.is_open = False
        self.refuse_changed_arguments("by the function itself")
        self.clock = versions.clock

    def refuse_changed_arguments(self, when):
        for i, x in enumerate((*self.args, *self.kwargs.values())):
            if isinstance(x, Value) and versions.changed_at(x.data) > self.clock:
                raise RuntimeError(
                    f"checkpoint of {name_of(self.function)}: its argument {i}, of shape {x.shape}, was changed in "
                    f"place {when}; the function must find it again as it was: pass a clone()"
                )

    def restore(self, number, node):
        """Gives an old node what its twin has saved."""
        if self.is_open:
            raise RuntimeError(f"checkpoint of {name_of(self.function)}: backward inside the function, through itself")
        if number not in self.again:
            self.run_again()
        twin = self.again.pop(number)
        if getattr(twin.op, "restore", None) is not None:  # of a checkpoint inside this one
            twin.op.restore(twin)
        node.saved, node.info = twin.saved, getattr(twin, "info", None)
        versions.refuse_stale(node, until=self.started)
        node.clock = twin.clock

    def run_again(self):
        self.refuse_changed_arguments("before backward")
        self.started = versions.clock
        before = random.get_state()
        if self.random is not None:
            random.set_state(self.random)
        try:
            with set_grad(True), watching(Twins(self)) as twins:
                kwargs = {name: as_leaf(x) for name, x in self.kwargs.items()}
                self.function(*map(as_leaf, self.args), **kwargs)
        finally:
            if self.random is not None:
                random.set_state(before)
        if self.compare and len(twins.nodes) != len(self.made):
            self.refuse(f"{len(self.made)} operations the first time and {len(twins.nodes)} the second")
        for twin in twins.nodes:
            twin.first = twin.second = None
            twin.rest = ()
        self.again = dict(enumerate(twins.nodes))

    def refuse(self, what):
        raise RuntimeError(
            f"checkpoint of {name_of(self.function)}: {what}; the function must do the same again when backward "
            f"runs it (no control flow on state that changes; random numbers from fastgrad's generator)"
        )


class Twins:
    """The second run: keeps the nodes, and compares them with those of the first."""

    checks_backward = False

    def __init__(self, run):
        self.run, self.nodes = run, []

    def recorded(self, node, edges, arrays, out):
        made, i, run = (op_of(node), node.shape), len(self.nodes), self.run
        self.nodes.append(node)
        if run.compare and i < len(run.made) and made != run.made[i]:
            (op, shape), (new, new_shape) = run.made[i], made
            run.refuse(f"operation {i} was {op.__name__} {shape} the first time and {new.__name__} {new_shape} now")


def op_of(node):
    return node.op.op if type(node.op) is Tapped else node.op


def name_of(function):
    return getattr(function, "__qualname__", None) or type(function).__name__


def as_leaf(x):
    """An argument for the second run: the same values, without history."""
    if not isinstance(x, Value) or x.node is None:
        return x
    own = wrap(x.data)
    own.requires_grad = x.requires_grad
    return own
