"""Means of an epoch, kept up batch by batch."""

import numpy as np

from .evaluate import arrays
from .metrics import accuracy, right_answers

__all__ = ["Means"]


class Means:
    """The mean loss and metrics over the rows so far; of the accuracy, the share of right answers, which are counted.

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

    def add(self, loss, outputs, target):
        """Takes in a batch: its mean loss, and tensors."""
        n = target.data.shape[0]
        self.rows += n
        self.sums["loss"] += loss * n
        if self.counts:
            right = right_answers(outputs.data, target.data)
            self.right += int(np.count_nonzero(right))
            self.answers += right.size
        for name, metric in self.others.items():
            self.sums[name] += metric(arrays(outputs), target.data) * n

    def now(self):
        """Name -> mean, of all batches so far; empty before the first."""
        if not self.rows:
            return {}
        share = self.right / self.answers if self.answers else float("nan")
        return {name: self.sums[name] / self.rows if name in self.sums else share for name in self.names}

    def state_dict(self):
        """For a run that goes on in the middle of an epoch."""
        return {"sums": dict(self.sums), "rows": self.rows, "right": self.right, "answers": self.answers}

    def load_state_dict(self, state):
        """Takes back what `state_dict` gave. Errors: ValueError for the sums of other metrics."""
        if state["rows"] and set(state["sums"]) != set(self.sums):
            raise ValueError(
                f"resume: the epoch was broken off with means of {', '.join(state['sums'])}, and this run has "
                f"{', '.join(self.sums)}; give the same metrics, or go on from a file of an epoch's end"
            )
        self.sums, self.rows = dict(state["sums"]), state["rows"]
        self.right, self.answers = state["right"], state["answers"]
