"""Versions of memory: which array fastgrad has changed in place, and when; so that a gradient that needs what was there
before is refused instead of being wrong.

Time is the number of changes so far. A node remembers the time when it was made; the memory of an array, which all of
its views share, remembers the time of its last change. A saved array that is younger than its node is stale. `backward`
compares two integers where nothing at all has changed since the node was made.
"""

import threading
import weakref
from functools import partial

OUT = -1  # in Op.saves: the result itself
clock = 0  # how many times fastgrad has changed an array in place
# id of a storage -> [time of its last change, weak reference that removes the entry, time of its last recorded change]
_changed: dict[int, list] = {}
_lock = threading.Lock()  # a clock that went backwards would let another thread's stale array pass


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
    with _lock:
        now = clock = clock + 1
    find = _changed.get
    for array in arrays:
        entry = find(id(array)) or _entry_of(array)
        entry[0] = now


def _entry_of(array):
    """The entry of a view, or of an array not changed before: only owners of memory have entries."""
    owner = storage(array)
    entry = _changed.get(id(owner))
    if entry is None:
        entry = _changed[id(owner)] = [0, weakref.ref(owner, partial(_forget, id(owner))), 0]
    return entry


def changed_at(array):
    """The time of the last change of this array's memory; 0 if there was none."""
    entry = _changed.get(id(storage(array))) if hasattr(array, "base") else None
    return entry[0] if entry else 0


def rewritten(array):
    """Notes that the change just made was recorded: nodes of this memory made before it are out of date."""
    _changed[id(storage(array))][2] = clock


def refuse_old_views(op, operands):
    """Raises if an operand is a view taken before its base was changed by a recorded operation."""
    for x in operands:
        node = getattr(x, "node", None)
        if node is not None:
            entry = _changed.get(id(storage(x.data))) if hasattr(x.data, "base") else None
            old = entry and entry[2] > node.clock
        else:  # of a base that had no history when the view was taken: the view would be a constant
            base = getattr(x, "_base", None)
            old = base is not None and base.node is not None and not x.requires_grad
        if old:
            raise RuntimeError(
                f"{op.__name__} is given a view, of shape {x.shape}, whose base was changed in place after the view "
                f"was taken; take the view again after the change"
            )


def refuse_stale(node, until=None):
    """Raises if an array that `node` saved has been changed since (and no later than at the time `until`)."""
    if not node.op.saves:
        return
    saved = node.saved if len(node.op.saves) > 1 else (node.saved,)
    for array, i in zip(saved, node.op.saves, strict=True):
        if node.clock < changed_at(array) and (until is None or changed_at(array) <= until):
            refuse_changed(node.op.__name__, "its result" if i == OUT else f"its input {i}", array)


def refuse_changed(name, what, array):
    raise RuntimeError(
        f"backward of {name}: {what}, of shape {array.shape}, was changed in place after the "
        f"forward pass (by +=, a method ending in _, an optimizer step or load_state_dict); its gradient needs "
        f"the old values; call backward before the change, or clone the tensor first"
    )
