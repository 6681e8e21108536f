"""capture: a training step recorded once as a list of kernel calls, and replayed from C.

A small network spends most of a step in Python. `capture` runs the step once, eagerly, while every kernel call is
written down; from then on a call copies the inputs into the program's own buffers, fills in what changes from step to
step (learning rate, bias corrections) and runs the list without Python. The bits are those of the eager step.

What a program cannot see, it refuses: reading a number out of a tensor, NumPy in the middle of a step, control flow on
values (which reads them). Everything that Python alone decides (a printed line, an `if`) is decided once, while recording.
"""
import numpy as np

from . import kernels
from .kernels import CaptureError
from .tape import Value, state, wrap

__all__ = ["CaptureError", "Captured", "capture"]


def capture(step):
    """`step(*inputs)` as a function that is recorded at its first call and replayed from C afterwards.

    Inputs that are tensors or arrays may change from call to call; a new shape or dtype records a new program. Other
    inputs are constants: a new value records a new program. What the step returns is returned as fresh tensors.
    Gradients of parameters live in the program's buffers, so a later call overwrites them.
    Errors: CaptureError naming what cannot be recorded, and what to do instead.

    >>> import fastgrad as fg
    >>> w = fg.tensor([1.0, 2.0], requires_grad=True)
    >>> opt = fg.optim.SGD([w], lr=0.5)
    >>> @fg.capture
    ... def step(x):
    ...     opt.zero_grad()
    ...     loss = ((w - x) * (w - x)).sum()
    ...     loss.backward()
    ...     opt.step()
    ...     return loss
    >>> [float(step(fg.tensor([0.0, 0.0]))) for _ in range(3)]
    [5.0, 0.0, 0.0]
    """
    return Captured(step)


class Captured:
    """A step and the programs recorded of it. `programs` lists them; `print(step.programs[0])` shows the calls."""

    def __init__(self, step):
        self.step = step
        self.recordings = {}
        self.__doc__ = getattr(step, "__doc__", None)

    @property
    def programs(self):
        return [r.program for found in self.recordings.values() for r in found]

    def __call__(self, *inputs):
        if state.capture is not None:
            raise CaptureError("a captured step inside a captured step; call the plain function instead")
        found = self.recordings.setdefault(key_of(inputs), [])
        for recording in found:
            if recording.fits():
                return recording.replay(inputs)
        found[:] = [r for r in found if r.alive()]
        recording = Recording(self.step, inputs)
        result = recording.record()
        found.append(recording)
        return result


def key_of(inputs):
    key = []
    for x in inputs:
        if isinstance(x, (Value, np.ndarray)):
            key.append((type(x), x.shape, x.dtype))
        else:
            try:
                hash(x)
            except TypeError:
                raise CaptureError(f"an input of type {type(x).__name__} is neither an array nor a constant") from None
            key.append(x)
    return tuple(key)


class Recording:
    """One program, the buffers its inputs are copied into, and what it does to gradients and optimizer states."""

    def __init__(self, step, inputs):
        self.step = step
        self.inputs = [own(x) for x in inputs]
        self.program = kernels.Program()
        self.leaves = {}  # id -> Leaf
        self.updates = []  # (call, update): update.scalars() before a replay, update.done() after it

    def touched(self, leaf, reads):
        """From the tape: the step is about to add to a leaf's gradient (`reads`), or to set it."""
        if id(leaf) not in self.leaves:
            self.leaves[id(leaf)] = Leaf(leaf, reads)

    def updated(self, update):
        """From an optimizer: the last call was its update, whose scalars change from step to step."""
        self.updates.append((len(self.program) - 1, update))

    def record(self):
        state.capture = self
        self.program.start()
        try:
            result = self.step(*self.inputs)
            for leaf in self.leaves.values():
                leaf.finish()
        finally:
            self.program.stop()
            state.capture = None
        self.result = result
        return fresh(result)

    def alive(self):
        return all(leaf.tensor.data is leaf.data for leaf in self.leaves.values())

    def fits(self):
        """Whether the parameters are the recorded arrays, and gradients are there (or not) as they were then."""
        return all(leaf.fits() for leaf in self.leaves.values())

    def replay(self, inputs):
        for mine, x in zip(self.inputs, inputs, strict=True):
            if isinstance(mine, Value):
                np.copyto(mine.data, x.data)
            elif isinstance(mine, np.ndarray):
                np.copyto(mine, x)
        for leaf in self.leaves.values():
            leaf.begin()
        for call, update in self.updates:
            self.program.set_scalars(call, update.scalars())
        self.program.replay()
        for leaf in self.leaves.values():
            leaf.tensor._grad = leaf.after
        for _, update in self.updates:
            update.done()
        return fresh(self.result)


class Leaf:
    """A parameter of a captured step: whether its old gradient is read, and where the new one is."""

    def __init__(self, tensor, reads):
        self.tensor, self.data = tensor, tensor.data
        self.reads = reads
        self.before = tensor._grad  # what the step found
        self.after = None

    def finish(self):
        """After recording: a gradient that was added to goes back where it was, so that a replay adds to it again."""
        self.after = self.tensor._grad
        if self.reads and self.before is not None:
            kernels.copy(self.after.data, out=self.before.data)
            self.tensor._grad = self.after = self.before
        elif self.after is not None:
            self.after = wrap(self.after.data)

    def fits(self):
        return self.tensor.data is self.data and (not self.reads or (self.tensor._grad is None) == (self.before is None))

    def begin(self):
        if self.reads and self.before is not None and self.tensor._grad is not self.before:
            np.copyto(self.before.data, self.tensor._grad.data)


def own(x):
    """An input in memory of its own."""
    if isinstance(x, Value):
        copy = wrap(np.array(x.data))
        copy.requires_grad = x.requires_grad and x.node is None
        return copy
    return np.array(x) if isinstance(x, np.ndarray) else x


def fresh(result):
    """What a step returned, as tensors that the next replay will not overwrite."""
    if isinstance(result, Value):
        return wrap(np.array(result.data))
    if isinstance(result, (tuple, list)):
        return type(result)(fresh(r) for r in result)
    if isinstance(result, dict):
        return {k: fresh(v) for k, v in result.items()}
    return np.array(result) if isinstance(result, np.ndarray) else result


