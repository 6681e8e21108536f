"""The tape: reverse-mode automatic differentiation, whole, in one sitting.

Every operation on tensors that require a gradient leaves a `Node` behind: which rule made the result, from which
inputs, and which arrays the rule will want to see again. `backward` walks the nodes from the newest to the oldest, asks
each rule how a change of its inputs would have changed the result (the chain rule, one factor at a time), and adds up
what arrives at each input. A node is always newer than its inputs, so "newest first" is an order in which every
gradient is complete before it is passed on.

The tape knows no operation. `ops` installs the two it needs: `add`, to sum the contributions that reach one input, and
`sum_to`, to undo broadcasting, so that a rule is pure calculus. What has been changed in place is known to `versions`;
`hooks` puts a stand-in in the place of an op whose gradient somebody wants to see, and `joint` makes nodes with several
results.
"""

import threading
from heapq import heappop, heappush
from itertools import count
from typing import Any

from . import versions
from .versions import OUT as OUT
from .versions import changed as changed
from .versions import refuse_old_views as refuse_old_views
from .versions import storage as storage

new_key = count(0, -1).__next__  # keys fall with time: the newest node has the smallest


class State(threading.local):
    """What a thread has switched: whether it records nodes, the capture of its step, and who watches its nodes."""

    grad = True
    capture: Any = None
    watchers: tuple = ()
    modules: tuple = ()  # that are being called, the outermost first, while there are watchers


class Value:
    """What flows along the tape: an array, its gradient, and the node that made it (None for a leaf)."""

    __slots__ = ("__weakref__", "_base", "_grad", "_hooks", "data", "node", "requires_grad")
    data: Any
    requires_grad: bool
    node: "Node | None"
    _grad: "Value | None"
    _base: "Value"  # of a view: the tensor whose memory it shares; other tensors have none
    _hooks: Any  # of a leaf with hooks

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    @property
    def dtype(self):
        return self.data.dtype


class Node:
    """One recorded operation. `saved` holds what `op.saves` names: one array, or a tuple; `info` is the rule's own.

    An input is the node that made it, the leaf itself, or None where no gradient is wanted. The first two have slots of
    their own: a tuple in every node would be one more object that Python's garbage collector walks over and over.
    """

    __slots__ = ("clock", "first", "info", "key", "op", "rest", "saved", "second", "shape")
    op: Any
    first: Any
    second: Any
    rest: tuple | None  # the inputs after the second; None once backward has freed the node
    saved: Any
    info: Any
    shape: tuple[int, ...]
    clock: int
    key: int

    def __repr__(self):
        return f"<{self.op.__name__}>"

    @property
    def inputs(self):
        return (self.first, self.second, *self.rest) if self.rest else (self.first, self.second)

    def taped(self):
        """This node with its saved arrays as tensors again, so that the rule itself can be recorded."""
        twin = Node()
        twin.op, twin.info, twin.saved = self.op, getattr(self, "info", None), self
        twin.first, twin.second, twin.rest = self.first, self.second, self.rest
        if self.op.saves:
            many = len(self.op.saves) > 1
            saved = self.saved if many else (self.saved,)
            values = tuple(self.revive(array, i) for array, i in zip(saved, self.op.saves, strict=True))
            twin.saved = values if many else values[0]
        return twin

    def revive(self, array, i):
        edge = None if array is None else self if i == OUT else self.inputs[i]
        return wrap(array, edge) if type(edge) is Node else array if edge is None else edge


class Parts(tuple):
    """What flows to a node with several results: the gradient of each, or None."""

    __slots__ = ()
    shape = base = None

    def plus(self, other):
        return Parts(b if a is None else a if b is None else add(a, b) for a, b in zip(self, other, strict=True))


state = State()
_tensor: Any = None
add: Any = None
sum_to: Any = None
copy: Any = None
watch: Any = None
views_are_checked = False  # once a recorded tensor has been changed in place
is_watched = False  # while a thread wants to see every node that it makes: anomaly detection, checkpoints
hooks_are_checked = False  # once a gradient has a hook, or an op a stand-in (`hooks.Tapped`)


def install(**parts):
    """Given by the rooms above: `tensor` (the class of results), `add`, `sum_to`, `copy`, `watch`."""
    globals().update({"_tensor" if name == "tensor" else name: part for name, part in parts.items()})


def wrap(array, node=None):
    """A tensor around an array."""
    out = _tensor.__new__(_tensor)
    out.data, out.node, out.requires_grad, out._grad = array, node, node is not None, None
    return out


def record(op, node, edges, arrays, out):
    """Completes the node of ``out = op(*arrays)``. `edges`: for each operand its node, the leaf itself, or None."""
    node.op, node.shape, node.clock, node.key = op, out.shape, versions.clock, new_key()
    node.first = edges[0]
    node.second = edges[1] if len(edges) > 1 else None
    node.rest = tuple(edges[2:]) if len(edges) > 2 else ()
    node.saved = op.keep(node, arrays, out) if op.saves else None
    if is_watched:
        watch.recorded(node, edges, arrays, out)
    return wrap(out, node)


def backward(roots, gradients, *, wanted=None, last=None, retain_graph=False, create_graph=False):
    """Passes `gradients` from `roots` back to the leaves; into `wanted` (a dict keyed by id) instead when it is given,
    and then no further than the node with the key `last`."""
    waiting: dict = {}  # key of a node still to come -> the node, and what has arrived at it so far
    hooked: dict = {}  # leaves with hooks, which run once, on the sum of what arrives
    for root, g in zip(roots, gradients, strict=True):
        if root.node is None:
            accumulate(root, copy(g), wanted, hooked)
        else:
            waiting[root.node.key] = root.node, add(waiting[root.node.key][1], g) if root.node.key in waiting else g
    heap = sorted(waiting)
    while heap:
        node, dout = waiting.pop(heappop(heap))
        if hooks_are_checked and type(node.op) is not type:
            dout = node.op.arrived(node, dout)
        if wanted is not None and id(node) in wanted:
            wanted[id(node)] = dout
        if last is not None and node.key >= last:
            break
        if node.rest is None:
            refuse_freed(node)
        if node.clock != versions.clock:
            versions.refuse_stale(node)
        ctx = node.taped() if create_graph else node
        douts = watch.backward(node, ctx, dout) if is_watched else node.op.backward(ctx, dout)
        for edge, g in zip(node.inputs, douts if type(douts) is tuple else (douts,)):  # noqa: B905 (may be left off)
            if edge is None or g is None:
                continue
            if g.shape != edge.shape:
                g = sum_to(g, edge.shape)
            elif type(edge) is not Node and (g is dout or (g.data if create_graph else g).base is not None):
                g = copy(g)  # a leaf keeps its gradient: it must not share memory with another's
            if type(edge) is not Node:
                accumulate(edge, g, wanted, hooked)
            elif edge.key in waiting:  # out of place: the first one was borrowed
                waiting[edge.key] = edge, (Parts.plus if type(g) is Parts else add)(waiting[edge.key][1], g)
            else:
                waiting[edge.key] = edge, g
                heappush(heap, edge.key)
        if not retain_graph:
            node.first = node.second = node.rest = node.saved = node.info = None
    for leaf, g in hooked.values():
        leaf._hooks.run(leaf, g, wanted)


def accumulate(leaf, g, wanted, hooked=None):
    """Adds `g` to a leaf's gradient, or to what `wanted` has of it."""
    if hooked is not None and hooks_are_checked and getattr(leaf, "_hooks", None):
        hooked[id(leaf)] = leaf, add(hooked[id(leaf)][1], g) if id(leaf) in hooked else g
        return
    if wanted is not None:
        if id(leaf) in wanted:
            before = wanted[id(leaf)]
            wanted[id(leaf)] = g if before is None else add(before, g)
        return
    if state.capture:
        state.capture.touched(leaf, reads=True)
    g = g if isinstance(g, Value) else wrap(g)
    before = leaf._grad
    leaf._grad = g if before is None else add(before, g) if g.requires_grad else wrap(add(before.data, g.data))


def rewritten(array):
    """Tells that the change just made was recorded: a view taken before it is out of date."""
    global views_are_checked
    views_are_checked = True
    versions.rewritten(array)


def refuse_freed(node):
    raise RuntimeError(
        f"backward through {node.op.__name__} a second time: its saved arrays were freed by the first; "
        f"pass retain_graph=True to the first backward to go through the graph again"
    )
