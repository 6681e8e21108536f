"""A step as kernel calls: the parameters of one dtype and step count, their arrays, and what is counted afterwards."""

from math import inf

import numpy as np

from .. import kernels, tape
from ..tape import state as thread

__all__ = ["Batch", "Update", "run_all", "update_of"]


class Batch:
    """Parameters of one dtype and one step count, with their state arrays in lists ready for the kernel."""

    __slots__ = ("params", "states", "update")

    def __init__(self, params, states):
        self.params, self.states = params, states
        self.update = None  # of the last step

    @property
    def t(self):
        return self.states[0]["step"]

    def current(self):
        """Whether all of them still have made the same number of steps."""
        t = self.t
        for own in self.states:  # noqa: SIM110 (a loop, not all(): this runs in every step)
            if own["step"] != t:
                return False
        return True

    def arrays(self, slot):
        """The state arrays of this name, or None where the rule keeps none now."""
        return [own[slot] for own in self.states] if slot in self.states[0] else None


def update_of(optimizer, group, batch):
    """The update of a batch at this step: that of the last one again, unless a captured step is to keep it."""
    if thread.capture:
        return Update(optimizer, group, batch)
    update = batch.update
    if update is None:
        update = batch.update = Update(optimizer, group, batch)
    update.kernel = optimizer.kernel(group)
    update.last, update.total, update.report = False, None, None
    return update


class Update:
    """The step of one batch: run now, and, in a captured step, its numbers for every later replay."""

    __slots__ = ("ahead", "arrays", "batch", "group", "kernel", "key", "last", "optimizer", "report", "total")

    def __init__(self, optimizer, group, batch):
        self.optimizer, self.group, self.batch = optimizer, group, batch
        self.kernel, self.key = optimizer.kernel(group), self.key_of()
        self.arrays = optimizer.arrays(group, batch)
        self.total = self.report = None
        self.last = False  # of its step
        self.ahead = 0  # steps of this optimizer before it in a captured step

    def key_of(self):
        """Which arrays the launch takes, and which calls there are."""
        group = self.group
        measured = group["clip_norm"] is not None, group["nonfinite"]
        return self.optimizer.kernel(group), self.optimizer.slots_of(group), group["ema"] is None, *measured

    def alive(self):
        """Whether this is still the optimizer's state and rule: a replay must do what step() would do."""
        if self.key_of() != self.key:
            return False
        find = self.optimizer.state.get
        for p, own in zip(self.batch.params, self.batch.states):  # noqa: B905, SIM110 (this runs before every replay)
            if find(p) is not own:
                return False
        return True

    def scalars(self, ahead=0):
        """The kernel's numbers at the next step, or so many steps after it."""
        return self.optimizer.numbers(self.resolved(), self.batch.t + 1 + ahead)

    def resolved(self):
        """The group, with lr as a Python number: its schedule's, or that of an array."""
        group, lr = self.group, self.group["lr"]
        if type(lr) is float and 0 <= lr < inf:
            return group
        return {**group, "lr": self.optimizer.lr_of(group, self.ahead)}

    def run(self):
        params = self.batch.params
        data = [p.data for p in params]
        self.optimizer.launch(self, data, [p._grad.data for p in params])
        self.done(data)

    def call(self, kernel, arrays, scalars, spare=(None,)):
        """One call of a rule's kernel. `scalars(ahead)` are its numbers, `spare` its arrays that may be left out."""
        values = scalars()
        if self.report is None and not any(spare):
            kernel(*arrays, *values)
        else:
            kernel(*arrays, *padded(kernel, values), *spare, self.total, self.report)
        if thread.capture:
            thread.capture.launched(self, lambda ahead: padded(kernel, scalars(ahead)))

    def done(self, data=None):
        """The step has been made: count it, and tell the tape that the parameters have changed."""
        if self.report is not None and self.report[2]:
            return  # it was skipped
        batch, t = self.batch, self.batch.t + 1
        for own in batch.states:
            own["step"] = t
        self.optimizer.iterations += self.last
        tape.changed(*(data or [p.data for p in batch.params]))
        if self.group["zero"]:
            tape.changed(*[p._grad.data for p in batch.params if p._grad is not None])


_defaults: dict = {}


def padded(kernel, values):
    """All numbers of a kernel: those after `values` are its defaults."""
    found = _defaults.get(kernel)
    if found is None:
        names = [n for n in kernel.names if kernel.defaults.get(n, 0.0) is not None]
        arrays = sum(n not in kernel.defaults and n not in ("lr", "now", "next") for n in names)
        found = _defaults[kernel] = [kernel.defaults.get(n, 0.0) for n in names[arrays:]]
    return (*values, *found[len(values) :])


def run_all(optimizer, updates):
    """All updates of a step. Where a norm or a check is asked for, it is that of all their gradients together."""
    measured = [u for u in updates if u.group["clip_norm"] is not None or u.group["nonfinite"] != "ignore"]
    if measured:
        total = None
        for update in updates[1:]:
            optimizer.check_together(update.group, updates[0].group)
        if len(updates) > 1 or optimizer.composite:
            total = np.zeros(2 * len(updates))
            for i, update in enumerate(updates):
                kernels.sum_squares([p._grad.data for p in update.batch.params], total[2 * i : 2 * i + 2])
        for update in measured:
            update.report, update.total = optimizer.report, total
    elif optimizer.report[2]:
        optimizer.report[2] = 0  # this step is not skipped
    for update in updates:
        if thread.capture:
            thread.capture.updating(update)
        update.run()
        if thread.capture:
            thread.capture.updated(update)
