"""History: what a run has measured, epoch by epoch, as arrays that draw themselves."""

import math
from pathlib import Path

import numpy as np

__all__ = ["History"]


class History:
    """Columns of numbers, one an epoch: ``history["loss"]`` is an array, NaN where an epoch has no such number.

    epochs    the numbers of the epochs, 1, 2, ...; of a fit, "lr" is the rate that an epoch began with
    seconds   how long each took
    captured  whether the steps were replayed from C; `why_eager` says why not, if they were not
    stopped   why the run ended before its last epoch, or None

    >>> history = History()
    >>> history.append({"loss": 1.0, "val_loss": 1.5})
    >>> history.append({"loss": 0.5, "val_loss": 1.75})
    >>> history["loss"], history.best("val_loss")
    (array([1. , 0.5]), 1)
    """

    def __init__(self):
        self.columns: dict[str, list] = {}
        self.seconds: list = []
        self.captured, self.why_eager, self.stopped = False, None, None

    def append(self, numbers, seconds=math.nan):
        """Adds the numbers of an epoch."""
        n = len(self)
        for name in numbers:
            self.columns.setdefault(name, [math.nan] * n)
        for name, column in self.columns.items():
            column.append(float(numbers.get(name, math.nan)))
        self.seconds.append(float(seconds))

    def __len__(self):
        return len(self.seconds)

    def __iter__(self):
        return iter(self.columns)

    def __contains__(self, name):
        return name in self.columns

    def __getitem__(self, name):
        if name not in self.columns:
            raise KeyError(f"the history has no {name!r}; it has {', '.join(self.columns) or 'no epoch yet'}")
        return np.array(self.columns[name])

    def keys(self):
        """The names of the columns; so ``dict(history)`` is a dict of arrays."""
        return self.columns.keys()

    def items(self):
        """Pairs of a name and its array."""
        return [(name, self[name]) for name in self.columns]

    @property
    def epochs(self):
        return np.arange(1, len(self) + 1)

    def last(self):
        """The numbers of the last epoch."""
        return {name: column[-1] for name, column in self.columns.items()} if len(self) else {}

    def best(self, name="val_loss", mode=None):
        """The epoch at which a number was best: the smallest, or the largest of an accuracy; `mode` "min" or "max"."""
        values, mode = self[name], mode or direction(name)
        if np.isnan(values).all():
            raise ValueError(f"the history has no number {name!r} in any epoch")
        return int((np.nanargmin if mode == "min" else np.nanargmax)(values)) + 1

    def __repr__(self):
        if not len(self):
            return "<History: no epoch>"
        numbers = ", ".join(f"{name} {value:.4g}" for name, value in self.last().items())
        how = "captured" if self.captured else f"eager: {self.why_eager}"
        return f"<History: {len(self)} epochs, {numbers}; {how}{f'; stopped: {self.stopped}' if self.stopped else ''}>"

    def plot(self, path=None):
        """The curves as SVG text, training beside validation; written to `path` (.svg, .png or .pdf), if given."""
        from .drawing import draw

        return draw(self, None if path is None else Path(path))

    def state_dict(self):
        """All of it, as plain values."""
        return {
            "columns": {name: np.array(column) for name, column in self.columns.items()},
            "seconds": np.array(self.seconds),
            "captured": self.captured,
            "why_eager": self.why_eager,
            "stopped": self.stopped,
        }

    def load_state_dict(self, state):
        """Takes back what `state_dict` gave. Errors: ValueError for what is no history, which changes nothing."""
        if not isinstance(state, dict) or set(state) != set(self.state_dict()):
            raise ValueError("load_state_dict: this is no state of a History")
        columns = {str(name): [float(x) for x in column] for name, column in state["columns"].items()}
        seconds = [float(x) for x in state["seconds"]]
        if any(len(column) != len(seconds) for column in columns.values()):
            raise ValueError("load_state_dict: the columns of this history are of different lengths")
        self.columns, self.seconds = columns, seconds
        self.captured, self.why_eager, self.stopped = state["captured"], state["why_eager"], state["stopped"]


def direction(name):
    """ "max" for what is better when larger, by its name: accuracies and other scores; "min" for all else."""
    return "max" if any(word in name for word in ("acc", "score", "auc", "f1", "precision", "recall", "r2")) else "min"
