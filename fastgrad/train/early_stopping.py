"""Early stopping: a run ends when its validation has turned, and the model gets its best weights back."""

import math

import numpy as np

from ..tape import changed
from .callbacks import Callback
from .history import direction

__all__ = ["Best", "EarlyStopping", "restore", "snapshot"]


class Best:
    """The best value so far of a number of the history, and what counts as better: by more than `min_delta`.

    mode: "min", "max", or None: by the name, "max" for accuracies and other scores.
    """

    def __init__(self, who, monitor, mode=None, min_delta=0.0):
        if mode not in ("min", "max", None):
            raise ValueError(f'{who}: mode must be "min", "max" or None, not {mode!r}')
        if not min_delta >= 0:
            raise ValueError(f"{who}: min_delta must be at least 0, not {min_delta}")
        self.who, self.monitor, self.min_delta = who, monitor, float(min_delta)
        self.mode = mode or direction(monitor)
        self.forget()

    def forget(self):
        self.value, self.epoch = math.inf if self.mode == "min" else -math.inf, 0

    def better(self, run):
        """Whether the epoch that ends is the best so far, which it then is; a NaN never is."""
        if self.monitor not in run.logs:
            hint = "; give fit a validation part" if self.monitor.startswith("val_") else ""
            raise ValueError(f"{self.who}: there is no {self.monitor!r} among {', '.join(run.logs)}{hint}")
        value = run.logs[self.monitor]
        gain = self.value - value if self.mode == "min" else value - self.value
        if not gain > (self.min_delta if math.isfinite(self.value) else 0.0):
            return False
        self.value, self.epoch = value, run.epoch
        return True


class EarlyStopping(Callback):
    """Stops a run once `monitor` has not got better for `patience` epochs.

    Better means by more than `min_delta`: downwards for mode="min", upwards for "max"; without a mode, upwards for
    accuracies and other scores. With restore_best the model has, after the run, the parameters and buffers of its best
    epoch, bit for bit, and so have the averages, if the run keeps any; otherwise it stays as the last step left it.

    best, best_epoch    the best number, and its epoch, from 1
    Errors: ValueError for a patience below 1, an unknown mode, a number that the run does not have.
    Source: Prechelt, "Early stopping, but when?", 1998; the option names follow Keras.

    >>> import numpy as np, fastgrad as fg
    >>> _, x, stopping = fg.manual_seed(0), np.ones((10, 1), np.float32), EarlyStopping("loss", patience=2)
    >>> history = fg.fit(fg.nn.Linear(1, 1), (x, x), callbacks=[stopping], epochs=50,
    ...                  optimizer=lambda p: fg.optim.SGD(p, lr=0.9))
    >>> history.stopped, stopping.best_epoch
    ('loss was best in epoch 1 and has not got better for 2 epochs', 1)
    """

    def __init__(self, monitor="val_loss", patience=10, min_delta=0.0, mode=None, restore_best=True):
        if isinstance(patience, bool) or not hasattr(patience, "__index__") or patience < 1:
            raise ValueError(f"EarlyStopping: patience must be an integer of at least 1, not {patience!r}")
        self.score = Best("EarlyStopping", monitor, mode, min_delta)
        self.monitor, self.patience, self.restore_best = monitor, int(patience), bool(restore_best)
        self.wait, self.kept = 0, None

    @property
    def best(self):
        return self.score.value

    @property
    def best_epoch(self):
        return self.score.epoch

    def on_train_begin(self, run):
        self.score.forget()
        self.wait, self.kept = 0, None

    def on_epoch_end(self, run):
        if self.score.better(run):
            self.wait = 0
            if self.restore_best:
                self.kept = snapshot(run)
            return
        self.wait += 1
        if self.wait >= self.patience:
            where = f"was best in epoch {self.best_epoch} and has" if self.best_epoch else "has"
            run.stop(f"{self.monitor} {where} not got better for {self.wait} epochs")

    def on_train_end(self, run):
        if self.kept is not None:
            restore(run, self.kept)

    def state_dict(self):
        return {"value": self.score.value, "epoch": self.score.epoch, "wait": self.wait, "kept": self.kept}

    def load_state_dict(self, state):
        self.score.value, self.score.epoch = state["value"], state["epoch"]
        self.wait, self.kept = state["wait"], state["kept"]


def snapshot(run):
    """Copies of all parameters and buffers of the model, and of the averages."""
    kept = {name: np.array(x.data) for name, x in tensors(run.model)}
    return {"model": kept, "averages": None if run.averages is None else run.averages.state_dict()}


def restore(run, kept):
    """Puts the numbers of a snapshot back, in place."""
    for name, x in tensors(run.model):
        np.copyto(x.data, kept["model"][name])
        changed(x.data)
    if run.averages is not None:
        run.averages.load_state_dict(kept["averages"])


def tensors(model):
    yield from model.named_parameters()
    yield from model.named_buffers()
