"""Hooks: functions that see a gradient on its way, and may replace it.

A node without hooks pays nothing for those of others: where a result has one, a stand-in takes the place of the node's
op, and `tape.backward` asks a stand-in first. A leaf keeps its hooks itself; they run once for each backward, on the
sum of what has arrived. `Watch` is for those who want to see every node a thread makes.
"""

import threading
import weakref
from contextlib import contextmanager
from itertools import count
from typing import Any

from . import tape
from .tape import Value, state, wrap

__all__ = ["LeafHooks", "RemovableHandle", "Tapped", "tapped", "watching"]

new_id = count().__next__


class RemovableHandle:
    """What registering a hook returns; `remove` takes the hook away. Also a context that removes it at its end."""

    def __init__(self, hooks, hook, prepend=False):
        self.hooks, self.id = hooks, new_id()
        if prepend:
            before = dict(hooks)
            hooks.clear()
            hooks[self.id] = hook
            hooks.update(before)
        else:
            hooks[self.id] = hook

    def remove(self):
        self.hooks.pop(self.id, None)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.remove()


class Tapped:
    """Stands in for the op of a node whose gradient has hooks, whose maker is remembered, or that a checkpoint emptied.

    ``keeper``: the tensor, weakly, that keeps the gradient (retain_grad). ``place``: where the node was made (anomaly
    detection). ``restore(node)`` gives the node back what it had saved.
    """

    def __init__(self, op):
        self.op = op
        self.hooks: dict = {}
        self.keeper: Any = None
        self.place: Any = None
        self.restore: Any = None

    def __getattr__(self, name):
        return getattr(self.op, name)

    def arrived(self, node, dout):
        """From the tape: the gradient of a node's result is complete. Returns what to go on with."""
        if self.restore is not None and node.rest is not None:
            restore, self.restore = self.restore, None
            restore(node)
        if self.hooks:
            dout = through(self.hooks, dout)
        tensor = self.keeper and self.keeper()
        if tensor is not None and tensor.node is node:
            g = dout if isinstance(dout, Value) else wrap(dout)
            tensor._grad = tape.copy(g) if tensor._grad is None else tape.add(tensor._grad, g)
        return dout


def tapped(node):
    """The stand-in of a node's op."""
    if type(node.op) is not Tapped:
        node.op = Tapped(node.op)
        tape.hooks_are_checked = True
    return node.op


def through(hooks, dout):
    """A gradient, tensor or array, after all hooks."""
    g = dout if isinstance(dout, Value) else wrap(dout)
    for hook in list(hooks.values()):
        new = hook(g)
        if new is None:
            continue
        name = getattr(hook, "__name__", type(hook).__name__)
        if not isinstance(new, Value):
            raise TypeError(f"hook {name!r}: it returned {type(new).__name__}; return a tensor, or None for no change")
        if new.shape != g.shape or new.dtype != g.dtype:
            raise RuntimeError(
                f"hook {name!r}: it returned {new.shape} {new.dtype} for a gradient {g.shape} {g.dtype}; "
                f"a gradient has the shape and dtype of its tensor"
            )
        g = new
    return g if isinstance(dout, Value) else g.data


class LeafHooks:
    """The hooks of a leaf: those that see its gradient, and those that run after it was added to ``grad``."""

    __slots__ = ("after", "before")

    def __init__(self):
        self.before: dict = {}
        self.after: dict = {}

    def run(self, leaf, g, wanted):
        """From the tape, at the end of a backward: `g` is all that has arrived at the leaf."""
        if wanted is not None and id(leaf) not in wanted:
            return
        new = through(self.before, g)
        tape.accumulate(leaf, g if new is g else tape.copy(new), wanted)
        if wanted is None:
            self.finish(leaf)

    def finish(self, leaf):
        for hook in list(self.after.values()):
            hook(leaf)


def leaf_hooks(leaf):
    if not hasattr(leaf, "_hooks"):
        leaf._hooks = LeafHooks()
        tape.hooks_are_checked = True
    return leaf._hooks


def finished(tensor, g):
    """Adds a gradient that was asked for by name to the ``grad`` of a leaf or a result."""
    if g is None:
        return
    tape.accumulate(tensor, tape.copy(g) if tensor.node is not None else g, None)
    if tensor.node is None and hasattr(tensor, "_hooks"):
        tensor._hooks.finish(tensor)


def register_hook(tensor, hook):
    """`Tensor.register_hook`."""
    if not tensor.requires_grad:
        raise RuntimeError(f"register_hook: the tensor, {tensor.shape}, does not require a gradient and will get none")
    hooks = leaf_hooks(tensor).before if tensor.node is None else tapped(tensor.node).hooks
    return RemovableHandle(hooks, hook)


def register_post_accumulate_grad_hook(tensor, hook):
    """`Tensor.register_post_accumulate_grad_hook`."""
    if not tensor.requires_grad or tensor.node is not None:
        what = f"the result of {tensor.node.op.__name__}" if tensor.node else "a tensor that requires no gradient"
        raise RuntimeError(f"register_post_accumulate_grad_hook: {what}, {tensor.shape}, is no leaf that gets a grad")
    return RemovableHandle(leaf_hooks(tensor).after, hook)


def retain_grad(tensor):
    """`Tensor.retain_grad`."""
    if not tensor.requires_grad:
        raise RuntimeError(f"retain_grad: the tensor, {tensor.shape}, does not require a gradient and will get none")
    if tensor.node is not None:
        tapped(tensor.node).keeper = weakref.ref(tensor)  # the node is older than its tensor: no cycle


def retains_grad(tensor):
    """`Tensor.retains_grad`."""
    op = tensor.node and tensor.node.op
    return type(op) is Tapped and op.keeper is not None and op.keeper() is tensor


class Watch:
    """What the tape calls while a thread watches: every watcher of this thread sees its nodes."""

    def __init__(self):
        self.lock, self.users = threading.Lock(), 0

    def recorded(self, node, edges, arrays, out):
        for watcher in state.watchers:
            watcher.recorded(node, edges, arrays, out)

    def backward(self, node, ctx, dout):
        for watcher in state.watchers:
            if watcher.checks_backward:
                return watcher.backward(node, ctx, dout)
        return node.op.backward(ctx, dout)

    def change(self, watchers):
        """Sets this thread's watchers."""
        with self.lock:
            self.users += len(watchers) - len(state.watchers)
            state.watchers = watchers
            tape.is_watched = self.users > 0


watch = Watch()
tape.install(watch=watch)


@contextmanager
def watching(watcher):
    """`watcher` sees every node that this thread records inside."""
    before = state.watchers
    watch.change((*before, watcher))
    try:
        yield watcher
    finally:
        watch.change(before)
