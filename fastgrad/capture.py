"""capture: a training step recorded once as a list of kernel calls, and replayed from C.

A small network spends most of a step in Python. `capture` runs the step once, eagerly, while every kernel call is
written down; from then on a call points the list at its inputs, fills in what changes from step to step (learning rate,
bias corrections, streams of random numbers) and runs the list without Python. The bits are those of the eager step.

NumPy in the middle of a step goes through `kernels.host`, which a replay calls again. What a program cannot see, it
refuses: reading a number out of a tensor, control flow on values (which reads them), a parameter changed by NumPy.
What Python alone decides (a printed line, an `if`, a tensor kept for the next call, which is to be an input and a
result) is decided once, while recording; but a module that has another setting, part or mode than then is recorded
anew.
"""

from sys import getrefcount
from threading import Lock
from typing import Any

import numpy as np

from . import kernels, streams
from .kernels import CaptureError
from .ops import dtypes
from .tape import Value, changed, state, storage, wrap

__all__ = ["CaptureError", "Captured", "capture"]


def capture(step):
    """`step(*inputs)` as a function that is recorded at its first call and replayed from C afterwards.

    Inputs that are tensors or arrays may change from call to call; a new shape or dtype records a new program. Other
    inputs are constants: a new value records a new program, and so do modules whose numbers and texts (a dropout's p),
    parts or mode have changed. The step has copies of its inputs: what it changes in place there, only it sees. What it
    returns is returned as fresh tensors. Gradients of parameters live in the program's buffers, so a later call
    overwrites them.
    Errors: CaptureError naming what cannot be recorded, and what to do instead. Whatever the step raises while it is
    recorded, parameters, gradients and optimizer states are put back as they were.

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
        if not callable(step):
            raise TypeError(f"capture takes the function to be recorded, not a {type(step).__name__}")
        self.step = step
        self.recordings = {}
        self.__doc__ = getattr(step, "__doc__", None)

    def __repr__(self):
        calls = ", ".join(str(len(program)) for program in self.programs)
        return f"<captured {getattr(self.step, '__name__', self.step)}: {f'calls {calls}' if calls else 'not yet run'}>"

    @property
    def programs(self):
        return [r.program for found in self.recordings.values() for r in found]

    def __call__(self, *inputs):
        if state.capture is not None:
            raise CaptureError("a captured step inside a captured step; call the plain function instead")
        if state.watchers:  # a replay makes no nodes to watch
            return fresh(self.step(*map(own, inputs)))
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
    # reference or native, and which instruction set
    key: list = [state.grad, dtypes.default_dtype, *kernels._core.current_state()[:2]]
    for x in inputs:
        if isinstance(x, (Value, np.ndarray)):
            key.append((type(x), x.shape, x.dtype, getattr(x, "requires_grad", False)))
        else:
            try:
                hash(x)
            except TypeError:
                raise CaptureError(f"an input of type {type(x).__name__} is neither an array nor a constant") from None
            key.append(constant_key(x))
    return tuple(key)


def constant_key(x):
    """1, 1.0 and True are equal, and yet not the same, nor are 0.0 and -0.0; a NaN is itself."""
    if isinstance(x, float):
        return type(x), x.hex()
    return (type(x), *map(constant_key, x)) if isinstance(x, tuple) else (type(x), x)


class Recording:
    """One program, the inputs it was recorded with, and what it does to gradients and optimizer states."""

    def __init__(self, step, inputs):
        self.step = step
        self.busy = Lock()  # a program has one set of buffers
        self.inputs = [own(x) for x in inputs]
        self.feeds = []  # of the inputs that are arrays: (number, how a replay takes it)
        self.program = kernels.Program()
        self.leaves = {}  # id -> Leaf
        self.modules = {}  # id -> (module that the step has called, whether it was in training)
        self.looked = {}  # id -> module whose settings are among `settings`
        self.settings = []  # (dict of a module, name, value): numbers, texts, and which parts and tensors it has
        self.updates = []  # (call, update)
        self.optimizers = []  # (optimizer, sizes of its groups, who of them had no gradient and whether it could have)
        self.launches = []  # (call, its numbers so many steps ahead, how many updates of the same state come before it)
        self.draws = []  # (call, its stream, counted from the first that the step takes)
        self.first_stream = self.streams = 0  # and how many it takes
        self.kept = {}  # id -> (array the step writes into, its values before the step)
        self.written: Any = {}  # id of a storage -> an array in it that a replay changes
        self.steps = []  # (optimizer, parameter, step count before the step)
        self.counts = []  # (optimizer, its iterations before the step, parameters without state then)

    def touched(self, leaf, reads):
        """From the tape: the step is about to add to a leaf's gradient or to read it (`reads`), or to set it."""
        if id(leaf) not in self.leaves:
            if any(leaf is x for x in self.inputs):
                raise CaptureError(
                    f"the gradient of an input of the step, {leaf.shape}, cannot be captured: the step has a copy of "
                    f"its own; take it with grad() and return it"
                )
            self.leaves[id(leaf)] = Leaf(leaf, reads)
            if leaf._grad is not None:
                self.keep(leaf._grad.data, told=True)

    def keep(self, *arrays, told=False):
        """The step is about to write into arrays that outlive it. `told`: an update tells the tape itself."""
        for array in arrays:
            if not told:
                self.written[id(storage(array))] = array
            if id(array) not in self.kept:
                self.kept[id(array)] = array, array.copy()

    def called(self, module):
        """From a module: it is called. In training it may do what it does not do in evaluation."""
        self.modules[id(module)] = module, module.training
        if id(module) not in self.looked:
            for part in module.modules():
                if self.looked.setdefault(id(part), part) is part:
                    self.settings += settings_of(part)

    def stepping(self, optimizer):
        """From an optimizer: its step begins. Parameters without gradient are passed over by every replay."""
        groups = optimizer.param_groups
        idle = [(p, p.requires_grad) for g in groups for p in g["params"] if p._grad is None]
        self.optimizers.append((optimizer, [len(g["params"]) for g in groups], idle))
        self.counts.append(
            (optimizer, optimizer.iterations, [p for g in groups for p in g["params"] if p not in optimizer.state])
        )

    def updating(self, update):
        """From an optimizer: the next call is its update."""
        batch = update.batch
        for p, own in zip(batch.params, batch.states, strict=True):
            self.touched(p, reads=True)
            self.keep(p.data, told=True)
            self.steps.append((update.optimizer, p, own["step"]))
        for own in batch.states:
            self.keep(*[v for v in own.values() if isinstance(v, np.ndarray)], told=True)

    def launched(self, update, numbers):
        """From an optimizer: the last call takes numbers that change from step to step, ``numbers(ahead)``."""
        own = update.batch.states[0]
        ahead = sum(earlier.batch.states[0] is own for _, earlier in self.updates)
        self.launches.append((len(self.program) - 1, numbers, ahead))

    def drawn(self, draw):
        """From an op: the last call takes (key0, key1, stream) as its first numbers. A stream that was taken before the
        step began stays the same."""
        if draw[2] >= self.first_stream:
            self.draws.append((len(self.program) - 1, draw[2] - self.first_stream))

    def updated(self, update):
        """From an optimizer: the last call was the end of its update."""
        update.ahead = sum(u.last for _, u in self.updates if u.optimizer is update.optimizer)
        if update.ahead and update.group["nonfinite"] == "skip":
            raise CaptureError(
                f'two steps of one {type(update.optimizer).__name__} with nonfinite="skip" in one captured step: '
                f"whether the first is made decides the number of the second; capture each in a step of its own"
            )
        self.updates.append((len(self.program) - 1, update))

    def record(self):
        self.program.start()
        self.first_stream = streams.count()
        state.capture = self
        try:
            result = self.step(*self.inputs)
            for leaf in self.leaves.values():
                leaf.finish()
            self.forget_own()
            self.refuse_unseen()
            for _, _, idle in self.optimizers:  # the gradient of a leaf is looked after already
                idle[:] = [pair for pair in idle if id(pair[0]) not in self.leaves]
            self.streams = streams.count() - self.first_stream
            gradients = [leaf.after.data for leaf in self.leaves.values() if leaf.after is not None]
            self.written = [*self.written.values(), *gradients]
            # what the step has changed itself, a count of its calls, is its own affair
            self.settings = [fact for fact in self.settings if holds(*fact)]
        except BaseException:
            self.undo()
            raise
        finally:
            self.program.stop()
            state.capture = None
            self.kept, self.steps, self.counts = {}, [], []
        self.result = result
        outlive = [*arrays_in(result), *self.written]
        arrays = [i for i in range(len(self.inputs)) if arrays_in(self.inputs[i])]
        self.feeds = [(i, Feed(self.inputs, i, self.program, outlive)) for i in arrays]
        return fresh(result)

    def forget_own(self):
        """A leaf that the step itself has made is nobody else's: a replay need not look after its gradient."""
        own = {id(storage(a)) for a in arrays_in(self.inputs)}
        self.leaves = {
            k: leaf
            for k, leaf in self.leaves.items()
            if id(storage(leaf.data)) not in own and not self.program.owns(leaf.data)
        }

    def refuse_unseen(self):
        """Raises for a parameter that has changed though no call has written into it."""
        known = {id(storage(array)) for array, _ in self.kept.values()}
        for leaf in self.leaves.values():
            unseen = id(storage(leaf.data)) not in known
            if unseen and leaf.values is not None and leaf.values.tobytes() != leaf.data.tobytes():
                raise CaptureError(
                    f"the step has written into a parameter's array, {leaf.data.shape}, by NumPy, which a replay does "
                    f"not repeat; write `with no_grad(): p.sub_(p.grad, alpha=lr)`, or use an optimizer"
                )
            leaf.values = None

    def undo(self):
        """Puts back what a step that failed has changed."""
        for leaf in self.leaves.values():
            leaf.tensor._grad = leaf.before
            if leaf.values is not None and leaf.data.flags.writeable:
                np.copyto(leaf.data, leaf.values)
                changed(leaf.data)
        for array, values in reversed(self.kept.values()):
            np.copyto(array, values)
            changed(array)
        for optimizer, p, step in reversed(self.steps):
            optimizer.state[p]["step"] = step
        for optimizer, iterations, without in reversed(self.counts):
            optimizer.iterations, optimizer._batches = iterations, {}
            for p in without:
                optimizer.state.pop(p, None)

    def alive(self):
        same = all(leaf.tensor.data is leaf.data for leaf in self.leaves.values())
        return same and self.as_set() and all(u.alive() for _, u in self.updates)

    def as_set(self):
        """Whether the modules have the settings, parts and tensors that they were recorded with."""
        for kept, name, value in self.settings:
            if kept.get(name, MISSING) is not value and not holds(kept, name, value):
                return False
        return True

    def fits(self):
        """Whether parameters and states are the recorded arrays, and gradients are there (or not) as they were then."""
        for leaf in self.leaves.values():  # loops, not all(): this runs before every replay
            if not leaf.fits():
                return False
        for module, training in self.modules.values():
            if module.training is not training:
                return False
        if not self.as_set():
            return False
        for optimizer, sizes, idle in self.optimizers:
            if optimizer.averaging or sizes != [len(g["params"]) for g in optimizer.param_groups]:
                return False
            for p, requires_grad in idle:
                if p._grad is not None or p.requires_grad is not requires_grad:
                    return False
        return all(update.batch.current() and update.alive() for _, update in self.updates)

    def replay(self, inputs):
        if not self.busy.acquire(blocking=False):
            raise CaptureError(
                "this captured step is being replayed by another thread, or by itself; give each its own"
            )
        try:
            return self.run(inputs)
        finally:
            self.busy.release()

    def run(self, inputs):
        try:
            for i, feed in self.feeds:
                x = inputs[i]
                feed.take(x.data if isinstance(x, Value) else x)
            self.prepare()
            self.execute()
        finally:
            for _, feed in self.feeds:
                feed.release()
        for leaf in self.leaves.values():
            leaf.tensor._grad = leaf.after
        return fresh(self.result)

    def prepare(self):
        """The old gradients, and the numbers of this step; a learning rate may be a function, which may raise."""
        for leaf in self.leaves.values():
            leaf.begin()
        for call, numbers, ahead in self.launches:
            self.program.set_scalars(call, numbers(ahead))
        first = streams.take(self.streams)
        for call, stream in self.draws:
            self.program.set_scalars(call, streams.draw_of(first + stream))

    def execute(self):
        try:
            self.program.replay()
        except FloatingPointError:
            self.refused()
            raise
        finally:
            for call, update in self.updates:
                if call < self.program.done:  # a step that failed later has made this update all the same
                    update.done()
            if self.written:
                changed(*self.written)

    def refused(self):
        """Raises with the sentence of the optimizer that has refused its gradients, if it was one."""
        at = self.program.done
        if any(call == at for call, _, _ in self.launches):
            update = next(update for call, update in self.updates if call >= at)
            raise FloatingPointError(update.optimizer.not_finite()) from None


class Feed:
    """How a replay takes an input: the calls read the caller's array in the place of the buffer they were recorded
    with, if nothing else knows the buffer and the array lies in memory as it does; else it is copied into the buffer.
    """

    WORTH = 1 << 14  # bytes: fewer are copied at once

    def __init__(self, inputs, i, program, outlive):
        (self.buffer,) = arrays_in(inputs[i])
        self.program, self.aimed, self.places = program, False, None
        outlives = any(storage(a) is self.buffer for a in outlive)
        if self.buffer.nbytes >= self.WORTH and not outlives and not self.held_elsewhere(inputs, i):
            self.places = program.readers(self.buffer)

    def held_elsewhere(self, inputs, i):
        """Whether somebody has kept the tensor, its buffer or a view of it: he will want to see later values, too."""
        views = [a for a in self.program.kept.values() if a is not self.buffer and storage(a) is self.buffer]
        if inputs[i] is not self.buffer and getrefcount(inputs[i]) > 2:  # the list and the argument
            return True
        if any(getrefcount(views[k]) > 3 for k in range(len(views))):  # these two and `kept`
            return True
        known = 1 + len(views) + (id(self.buffer) in self.program.kept)  # the tensor or the list, views, the program
        return getrefcount(self.buffer) > known + 2  # self.buffer and the argument

    def take(self, array):
        same = self.places is not None and array.strides == self.buffer.strides and array.flags.aligned
        if same and not self.program.knows(array):
            self.program.aim(self.places, array)
            self.aimed = True
        else:
            np.copyto(self.buffer, array)

    def release(self):
        """Nothing of the caller's is kept."""
        if self.aimed:
            self.program.aim(self.places, self.buffer)
            self.aimed = False


class Leaf:
    """A parameter of a captured step: whether its old gradient is read, and where the new one is."""

    def __init__(self, tensor, reads):
        self.tensor, self.data = tensor, tensor.data
        self.reads, self.requires_grad = reads, tensor.requires_grad
        self.before = tensor._grad  # what the step found
        self.values: Any = np.array(tensor.data)  # while it is recorded
        self.after = None

    def finish(self):
        """After recording: a gradient that was added to goes back where it was, so that a replay adds to it again."""
        self.after = self.tensor._grad
        if self.after is None:
            return
        if self.reads and self.before is not None:
            kernels.copy(self.after.data, out=self.before.data)
            self.tensor._grad = self.after = self.before
        else:
            self.after = wrap(self.after.data)

    def fits(self):
        tensor = self.tensor
        if tensor.data is not self.data or tensor.requires_grad is not self.requires_grad:
            return False
        return not self.reads or (tensor._grad is None) == (self.before is None)

    def begin(self):
        if self.reads and self.before is not None and self.tensor._grad is not self.before:
            np.copyto(self.before.data, self.tensor._grad.data)


MISSING = object()
PLAIN = (bool, int, float, str, type(None))


def settings_of(module):
    """(dict, name, value) of what decides how a module computes: plain attributes, parts, parameters, buffers."""
    own = module.__dict__
    yield from ((own, name, x) for name, x in own.items() if is_plain(x) and name != "training")
    for registry in (own["_parameters"], own["_buffers"], own["_modules"]):
        yield from ((registry, name, x) for name, x in registry.items())


def holds(kept, name, value):
    found = kept.get(name, MISSING)
    return found is value or (is_plain(found) and is_plain(value) and constant_key(found) == constant_key(value))


def is_plain(x):
    return all(map(is_plain, x)) if isinstance(x, tuple) else isinstance(x, PLAIN)


def own(x):
    """An input in memory of its own."""
    if isinstance(x, Value):
        if x.node is not None and x.requires_grad and state.grad:
            raise CaptureError(
                f"an input of the step, {x.shape}, is the result of {x.node.op.__name__}: a gradient cannot flow out "
                f"of a captured step; pass detach(), or compute it inside"
            )
        copy = wrap(np.array(x.data))
        copy.requires_grad = x.requires_grad and x.node is None
        return copy
    return np.array(x) if isinstance(x, np.ndarray) else x


def arrays_in(found):
    """The arrays of a step's result, or of an input."""
    if isinstance(found, Value):
        return [found.data]
    if isinstance(found, dict):
        found = list(found.values())
    if isinstance(found, (tuple, list)):
        return [a for item in found for a in arrays_in(item)]
    return [found] if isinstance(found, np.ndarray) else []


def fresh(result):
    """What a step returned, as tensors that the next replay will not overwrite."""
    if isinstance(result, Value):
        return wrap(np.array(result.data))
    if isinstance(result, tuple) and hasattr(result, "_fields"):
        return type(result)(*map(fresh, result))
    if isinstance(result, (tuple, list)):
        return type(result)(map(fresh, result))
    if isinstance(result, dict):
        return {k: fresh(v) for k, v in result.items()}
    return np.array(result) if isinstance(result, np.ndarray) else result
