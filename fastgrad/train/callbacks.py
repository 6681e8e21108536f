"""Callbacks: what is done between the batches and epochs of a `fit`."""

from pathlib import Path
from typing import Any

from ..nn.monitor import watch

__all__ = ["Callback", "LambdaCallback", "Monitor", "Schedule", "hooks_of"]

HOOKS = ("on_train_begin", "on_epoch_begin", "on_batch_end", "on_epoch_end", "on_train_end")


class Callback:
    """What `fit` calls; a subclass defines what it needs. Each hook is given the `Run`.

    on_train_begin, on_train_end    once; the end is not called where an exception ends the run
    on_epoch_begin, on_epoch_end    at the end ``run.epoch`` epochs are complete, and ``run.logs`` has all numbers
    on_batch_end                    ``run.batch`` batches are made; ``run.logs`` has means so far. It delays every batch

    Callbacks are called in the order in which they are given, or of their `order`; on_train_end the other way round.
    `state_dict` and `load_state_dict` let one go on in a resumed run.

    >>> import numpy as np, fastgrad as fg
    >>> class Patient(Callback):
    ...     def on_epoch_end(self, run):
    ...         if run.logs["loss"] < 0.5:
    ...             run.stop("good enough")
    >>> x = np.ones((8, 1), np.float32)
    >>> fg.fit(fg.nn.Linear(1, 1), (x, x), callbacks=[Patient()], optimizer=lambda p: fg.optim.SGD(p, 0.1)).stopped
    'good enough'
    """

    order = 0

    def on_train_begin(self, run):
        pass

    def on_epoch_begin(self, run):
        pass

    def on_batch_end(self, run):
        pass

    def on_epoch_end(self, run):
        pass

    def on_train_end(self, run):
        pass

    def state_dict(self):
        """What a resumed run needs of this one: arrays and plain values."""
        return {}

    def load_state_dict(self, state):
        """Takes back what `state_dict` gave."""


def hooks_of(callbacks):
    """Hook -> the callbacks' own methods; what a class leaves as it is costs nothing."""
    found: dict = {hook: [] for hook in HOOKS}
    for callback in callbacks:
        if isinstance(callback, type) or not any(hasattr(callback, hook) for hook in HOOKS):
            raise TypeError(
                f"fit: {callback!r} is no callback: an object with {', '.join(HOOKS)}, or some of them; "
                f"LambdaCallback makes one of functions"
            )
        for hook in HOOKS:
            method = getattr(callback, hook, None)
            if method is not None and getattr(method, "__func__", None) is not getattr(Callback, hook):
                found[hook].append(method)
    return found


class LambdaCallback(Callback):
    """Functions of the run as a callback: ``LambdaCallback(on_epoch_end=lambda run: print(run.logs))``.

    Errors: TypeError for another hook, or what is no function.
    """

    def __init__(self, **hooks):
        for hook, function in hooks.items():
            if hook not in HOOKS or not callable(function):
                raise TypeError(f"LambdaCallback: {hook}={function!r}; it takes functions for {', '.join(HOOKS)}")
            setattr(self, hook, function)


class Schedule(Callback):
    """Sets the learning rate of all groups: to ``rate(t)``, t the epochs that are complete, or the batches.

    rate: a function, or one of `fastgrad.optim.schedules`, whose own unit then counts. unit: "epoch" or "batch".
    `fit(schedule=...)` takes an lr_scheduler instead.

    >>> import numpy as np, fastgrad as fg
    >>> x = np.ones((8, 1), np.float32)
    >>> fg.fit(fg.nn.Linear(1, 1), (x, x), epochs=3, callbacks=[Schedule(lambda epoch: 0.1 * 0.5**epoch)])["lr"]
    array([0.1  , 0.05 , 0.025])
    """

    def __init__(self, rate, unit="epoch"):
        if not callable(rate):
            raise TypeError(f"Schedule: rate is a function of t, not {rate!r}")
        unit = {"step": "batch", "epoch": "epoch"}[rate.unit] if hasattr(rate, "unit") else unit
        if unit not in ("epoch", "batch"):
            raise ValueError(f'Schedule: unit must be "epoch" or "batch", not {unit!r}')
        self.rate, self.unit = rate, unit

    def on_epoch_begin(self, run):
        self.set(run)

    def on_batch_end(self, run):
        if self.unit == "batch":
            self.set(run)

    def set(self, run):
        run.optimizer.lr = float(self.rate(run.epoch * run.batches + run.batch if self.unit == "batch" else run.epoch))


class Monitor(Callback):
    """Watches every layer (`fastgrad.nn.monitor`): `seen` is the monitor; drawn to `path` (.svg) at the end, if given.

    A watched run is eager, for a captured step calls no Python.

    >>> import numpy as np, fastgrad as fg
    >>> x, layers = np.ones((8, 1), np.float32), Monitor(every=2)
    >>> history = fg.fit(fg.nn.Sequential(fg.nn.Linear(1, 1)), (x, x), epochs=3, callbacks=[layers])
    >>> layers.seen["0"].steps, history.captured
    ([0, 2], False)
    """

    seen: Any = None

    def __init__(self, every=10, layers=None, path=None):
        self.every, self.layers, self.path = every, layers, path

    def on_train_begin(self, run):
        if self.path is not None and not Path(self.path).parent.is_dir():
            raise FileNotFoundError(f"Monitor: {Path(self.path).parent} is no folder; make it first")
        self.seen = run.resources.enter_context(watch(run.model, self.every, self.layers))

    def on_train_end(self, run):
        if self.path is not None:
            self.seen.draw(self.path)
