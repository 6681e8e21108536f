"""The tape: reverse-mode automatic differentiation, whole, in one sitting.

Every operation on tensors that require a gradient leaves a `Node` behind: which rule made the result, from which
inputs, and which arrays the rule will want to see again. `backward` walks the nodes from the newest to the oldest, asks
each rule how a change of its inputs would have changed the result (the chain rule, one factor at a time), and adds up
what arrives at each input. A node is always newer than its inputs, so "newest first" is an order in which every
gradient is complete before it is passed on.

The tape knows no operation. `ops` installs the two it needs: `add`, to sum the contributions that reach one input, and
`sum_to`, to undo broadcasting, so that a rule is pure calculus.
"""

import threading
import weakref
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Any

OUT = -1  # in Op.saves: the result itself
new_key = count(0, -1).__next__  # keys fall with time: the newest node has the smallest


class State(threading.local):
    """What a thread has switched: whether it records nodes, and the capture that watches its step, if any."""

    grad = True
    capture: Any = None


class Value:
    """What flows along the tape: an array, its gradient, and the node that made it (None for a leaf)."""

    __slots__ = ("__weakref__", "_base", "_grad", "_hooks", "data", "node", "requires_grad")
    data: Any
    requires_grad: bool
    node: "Node | None"
    _grad: "Value | None"
    _base: "Value"  # of a view: the tensor whose memory it shares; other tensors have none
    _hooks: dict  # of a leaf with hooks

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

    @property
    def inputs(self):
        return (self.first, self.second, *self.rest) if self.rest else (self.first, self.second)

    def taped(self):
        """This node with its saved arrays as tensors again, so that the rule itself can be recorded."""
        twin = Node()
        twin.op, twin.info, twin.saved = self.op, getattr(self, "info", None), None
        twin.first, twin.second, twin.rest = self.first, self.second, self.rest
        if self.op.saves:
            many = len(self.op.saves) > 1
            saved = self.saved if many else (self.saved,)
            values = tuple(self.revive(array, i) for array, i in zip(saved, self.op.saves, strict=True))
            twin.saved = values if many else values[0]
        return twin

    def revive(self, array, i):
        edge = self if i == OUT else self.inputs[i]
        return wrap(array, edge) if type(edge) is Node else array if edge is None else edge


state = State()
clock = 0  # how many times fastgrad has changed an array in place
# id of a storage -> [clock of its last change, weak reference that removes the entry, clock of its last recorded one]
_changed: dict[int, list] = {}
_tensor: Any = None
add: Any = None
sum_to: Any = None
copy: Any = None
watch: Any = None  # sees every node when it is made, and its gradients: anomaly detection
views_are_checked = False  # once a recorded tensor has been changed in place
hooks_are_checked = False  # once a leaf has a hook


def install(**parts):
    """Given by the rooms above: `tensor` (the class of results), `add`, `sum_to`, `copy`."""
    globals().update({"_tensor" if name == "tensor" else name: part for name, part in parts.items()})


def wrap(array, node=None):
    """A tensor around an array."""
    out = _tensor.__new__(_tensor)
    out.data, out.node, out.requires_grad, out._grad = array, node, node is not None, None
    return out


def record(op, node, edges, arrays, out):
    """Completes the node of ``out = op(*arrays)``. `edges`: for each operand its node, the leaf itself, or None."""
    if views_are_checked:
        refuse_old_views(op, edges, arrays)
    node.op, node.shape, node.clock, node.key = op, out.shape, clock, new_key()
    node.first = edges[0]
    node.second = edges[1] if len(edges) > 1 else None
    node.rest = tuple(edges[2:]) if len(edges) > 2 else ()
    node.saved = op.keep(arrays, out) if op.saves else None
    if watch is not None:
        watch.recorded(node, edges, arrays, out)
    return wrap(out, node)


def backward(roots, gradients, *, wanted=None, last=None, retain_graph=False, create_graph=False):
    """Passes `gradients` from `roots` back to the leaves; into `wanted` (a dict keyed by id) instead when it is given,
    and then no further than the node with the key `last`."""
    waiting: dict = {}  # key of a node still to come -> the node, and what has arrived at it so far
    for root, g in zip(roots, gradients, strict=True):
        if root.node is None:
            accumulate(root, copy(g), wanted)
        else:
            waiting[root.node.key] = root.node, add(waiting[root.node.key][1], g) if root.node.key in waiting else g
    heap = sorted(waiting)
    while heap:
        node, dout = waiting.pop(heappop(heap))
        if wanted is not None and id(node) in wanted:
            wanted[id(node)] = dout
        if last is not None and node.key >= last:
            break
        if node.rest is None:
            refuse_freed(node)
        if node.clock != clock:
            refuse_stale(node)
        douts = node.op.backward(node.taped() if create_graph else node, dout)
        for edge, g in zip(node.inputs, douts if type(douts) is tuple else (douts,)):  # noqa: B905 (may be left off)
            if edge is None or g is None:
                continue
            if g.shape != edge.shape:
                g = sum_to(g, edge.shape)
            elif type(edge) is not Node and (g is dout or (g.data if create_graph else g).base is not None):
                g = copy(g)  # a leaf keeps its gradient: it must not share memory with another's
            if type(edge) is not Node:
                accumulate(edge, g, wanted)
            elif edge.key in waiting:
                waiting[edge.key] = edge, add(waiting[edge.key][1], g)  # out of place: the first one was borrowed
            else:
                waiting[edge.key] = edge, g
                heappush(heap, edge.key)
        if not retain_graph:
            node.first = node.second = node.rest = node.saved = node.info = None


def accumulate(leaf, g, wanted):
    if wanted is not None:
        if id(leaf) in wanted:
            before = wanted[id(leaf)]
            wanted[id(leaf)] = g if before is None else add(before, g)
        return
    if state.capture:
        state.capture.touched(leaf, reads=True)
    if not isinstance(g, Value):
        g = wrap(g)
    leaf._grad = (
        g if leaf._grad is None else add(leaf._grad, g) if g.requires_grad else wrap(add(leaf._grad.data, g.data))
    )


def refuse_freed(node):
    raise RuntimeError(
        f"backward through {node.op.__name__} a second time: its saved arrays were freed by the first; "
        f"pass retain_graph=True to the first backward to go through the graph again"
    )


def storage(array):
    """The array that owns this array's memory: what all views of it share."""
    while type(array.base) is type(array):
        array = array.base
    return array


def _forget(key, _):
    _changed.pop(key, None)


def changed(*arrays):
    """Tells the tape that fastgrad has written into these arrays, so that a stale use of one is found."""
    global clock
    clock += 1
    for array in arrays:
        entry = _changed.get(id(array))
        if entry is None:  # a view, or an array not changed before: only owners of memory have entries
            owner = storage(array)
            entry = _changed.get(id(owner))
            if entry is None:
                entry = _changed[id(owner)] = [clock, weakref.ref(owner, partial(_forget, id(owner))), 0]
        entry[0] = clock


def rewritten(array):
    """Tells the tape that the change just made was recorded: nodes of this memory made before it are out of date."""
    global views_are_checked
    views_are_checked = True
    _changed[id(storage(array))][2] = clock


def refuse_old_views(op, edges, arrays):
    for edge, array in zip(edges, arrays, strict=False):
        if type(edge) is Node and hasattr(array, "base"):
            entry = _changed.get(id(storage(array)))
            if entry and entry[2] > edge.clock:
                raise RuntimeError(
                    f"{op.__name__} is given a view, of shape {array.shape}, whose base was changed in place after the "
                    f"view was taken; take the view again after the change"
                )


def refuse_stale(node):
    """Raises if an array that `node` saved has been changed since."""
    if not node.op.saves:
        return
    saved = node.saved if len(node.op.saves) > 1 else (node.saved,)
    for array, i in zip(saved, node.op.saves, strict=True):
        entry = _changed.get(id(storage(array))) if hasattr(array, "base") else None
        if entry and entry[0] > node.clock:
            what = "its result" if i == OUT else f"its input {i}"
            raise RuntimeError(
                f"backward of {node.op.__name__}: {what}, of shape {array.shape}, was changed in place after the "
                f"forward pass (by an optimizer step, copy_ or load_state_dict); its gradient needs the old values; "
                f"call backward before the change, or clone the tensor first"
            )
