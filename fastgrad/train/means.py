"""Means of an epoch, kept up batch by batch, so that a batch costs next to nothing."""

import numpy as np

from .evaluate import arrays
from .metrics import accuracy

__all__ = ["Means"]

HELD, BATCHES = 1 << 18, 64  # bytes of outputs, and batches, that wait for their accuracy at most


class Means:
    """The mean loss and metrics over the rows so far; of the accuracy, the share of right answers.

    Right answers are counted for many batches at once: beside a step that takes a quarter of a millisecond, three calls
    of NumPy a batch would be felt.

    >>> import fastgrad as fg
    >>> means = Means({"accuracy": accuracy})
    >>> means.add(0.5, fg.tensor([[1.0, 0.0], [0.0, 1.0]]), fg.tensor([0, 0]))
    >>> means.add(2.0, fg.tensor([[1.0, 0.0]]), fg.tensor([0]))
    >>> means.now()
    {'loss': 1.0, 'accuracy': 0.6666666666666666}
    """

    def __init__(self, metrics):
        self.names = ["loss", *metrics]
        self.others = {name: metric for name, metric in metrics.items() if metric is not accuracy}
        self.counts = len(self.others) < len(metrics)
        self.clear()

    def clear(self):
        """Before an epoch."""
        self.rows, self.right, self.answers = 0, 0, 0
        self.sums = dict.fromkeys(("loss", *self.others), 0.0)
        self.waiting, self.bytes = [], 0

    def add(self, loss, outputs, target):
        """Takes in a batch: its mean loss, and tensors."""
        n = target.data.shape[0]
        self.rows += n
        self.sums["loss"] += loss * n
        if self.counts:
            self.hold(outputs.data, target.data)
        for name, metric in self.others.items():
            self.sums[name] += metric(arrays(outputs), target.data) * n

    def hold(self, outputs, targets):
        """Keeps a batch until its answers are counted: the first at once, which finds shapes that do not fit."""
        if self.waiting and self.waiting[-1][0].shape[1:] != outputs.shape[1:]:
            self.count()
        self.waiting.append((outputs, targets.copy()))  # a loader may use its memory again
        self.bytes += outputs.nbytes
        if self.bytes > HELD or len(self.waiting) == BATCHES or not self.answers:
            self.count()

    def count(self):
        """Counts the right answers of what waits."""
        if not self.waiting:
            return
        outputs, targets = map(np.concatenate, zip(*self.waiting, strict=True))
        self.waiting, self.bytes = [], 0
        self.right += round(accuracy(outputs, targets) * targets.size) if targets.size else 0
        self.answers += targets.size

    def now(self):
        """Name -> mean, of all batches so far; empty before the first."""
        if not self.rows:
            return {}
        self.count()
        share = self.right / self.answers if self.answers else float("nan")
        return {name: self.sums[name] / self.rows if name in self.sums else share for name in self.names}

    def state_dict(self):
        """For a run that goes on in the middle of an epoch."""
        self.count()
        return {"sums": dict(self.sums), "rows": self.rows, "right": self.right, "answers": self.answers}

    def load_state_dict(self, state):
        """Takes back what `state_dict` gave."""
        self.clear()
        self.sums, self.rows = dict(state["sums"]), state["rows"]
        self.right, self.answers = state["right"], state["answers"]
