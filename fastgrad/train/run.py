"""Run: a running fit, what it holds and keeps count of, as callbacks see it."""

import math
import time
import warnings
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from typing import Any

from ..capture import capture as always
from ..nn import Module
from ..optim.averaging import SWA
from ..optim.lr_scheduler import ReduceLROnPlateau
from ..show import progress as progress_bar
from .callbacks import hooks_of
from .evaluate import arrays, scores
from .history import History
from .means import Means
from .metrics import fits, is_asked_for, named
from .prepare import loaders, make_averages, make_optimizer, make_schedule, target_dtype, usual_loss
from .step import AutoCapture, make_step

__all__ = ["Run"]


class Run:
    """A running fit.

    model, loss, metrics (by name), optimizer, schedule, averages, scaler, loader, validation (a loader)
    epochs, batches   how many epochs there shall be, and batches in each
    epoch, batch      how many epochs are complete, and batches of the one that runs
    history, logs     the `History`; the numbers of the epoch so far, or once it is complete all of them
    stopped           why the run is to end, or None; ``stop(why)`` sets it
    failed            whether its loss is not finite; the weights are not worth keeping then
    resumed           whether it goes on where another one was
    resources         an ExitStack: what is entered or pushed there is left when the run ends, whatever ends it
    """

    def __init__(self, model, data, validation, *, batch_size, seed, scaler, epochs):
        if not isinstance(model, Module):
            raise TypeError(f"fit: the model is a Module, not a {type(model).__name__}")
        if isinstance(epochs, bool) or not hasattr(epochs, "__index__") or epochs < 0:
            raise ValueError(f"fit: epochs must be an integer of at least 0, not {epochs!r}")
        self.model, self.scaler, self.epochs = model, scaler, int(epochs)
        self.loader, self.validation = loaders(model, data, validation, batch_size, seed, scaler)
        self.batches = batches_of(self.loader)
        self.history, self.resources = History(), ExitStack()
        self.epoch, self.batch, self.stopped, self.failed, self.resumed = 0, 0, None, False, False
        self.bar: Any = None
        self.line, self.due, self.drawn, self.began, self.lr = False, 0.0, 0, 0.0, math.nan
        if not self.batches:
            raise ValueError("fit: the data make no batch: with drop_last there are fewer rows than batch_size")

    def equip(self, loss, optimizer, metrics, schedule, averages, callbacks, capture):
        """Takes what is computed with."""
        if capture not in ("auto", True, False):
            raise ValueError(f'fit: capture must be "auto", True or False, not {capture!r}')
        self.capture = capture
        dtype = target_dtype(self.loader)
        self.loss = usual_loss(dtype) if loss is None else loss
        if not callable(self.loss):
            raise TypeError(f"fit: loss is a function of outputs and target, not {loss!r}")
        self.metrics = named(metrics or (), dtype is not None and dtype.kind in "iu")
        self.unasked = "accuracy" in self.metrics and not is_asked_for(metrics or ())
        self.optimizer = make_optimizer(self.model, optimizer)
        self.schedule = make_schedule(schedule, self.optimizer, self.batches)
        self.averages = make_averages(self.model, averages)
        given = list(callbacks or ()) if isinstance(callbacks, (list, tuple, type(None))) else [callbacks]
        self.callbacks = sorted(given, key=lambda callback: getattr(callback, "order", 0))
        self.hooks = hooks_of(self.callbacks)
        self.means, self.complete = Means(self.metrics), None
        self.skips = all(group["nonfinite"] == "skip" for group in self.optimizer.param_groups)
        self.after_batch = [*self.hooks["on_batch_end"]]
        if self.schedule is not None and self.schedule.unit == "step":
            self.after_batch.insert(0, lambda run: run.schedule.step())

    def make_step(self):
        """The step, eager or captured, as `fit` was told."""
        capture = self.capture
        ema = None if isinstance(self.averages, SWA) else self.averages
        step = make_step(self.model, self.loss, self.optimizer, ema, outputs=bool(self.metrics))
        self.step = AutoCapture(step, self.model) if capture == "auto" else always(step) if capture else step
        self.history.captured = capture is True
        self.history.why_eager = None if capture else "capture=False"
        return self.step

    # -- callbacks -----------------------------------------------------------------------------------------------------
    def call(self, hook):
        """Calls a hook of all callbacks, in their order; at the end of the run the other way round."""
        calls = self.hooks[hook]
        for call in reversed(calls) if hook == "on_train_end" else calls:
            call(self)

    def stop(self, why="a callback stopped it"):
        """Ends the run after this batch; `why` is a few words for the history."""
        self.stopped = self.stopped or str(why)

    # -- counting ------------------------------------------------------------------------------------------------------
    def begin(self, path):
        """The beginning of the run, or of its next part."""
        saved = None if path is None else self.resume(path)
        self.resumed = saved is not None
        self.call("on_train_begin")
        if saved is not None:
            self.load_callbacks(saved)

    def begin_epoch(self):
        self.began = time.perf_counter()
        self.complete = None
        if self.batch == 0:
            self.means.clear()
        self.call("on_epoch_begin")
        if self.batch == 0:
            self.lr = self.optimizer.lr

    def count(self, loss, outputs, target):
        """Takes the numbers of a batch into the means."""
        self.batch += 1
        if self.unasked:
            self.unasked = False
            self.drop_accuracy_unless(fits(arrays(outputs), target.data))
        self.means.add(loss, outputs, target)
        if not math.isfinite(loss) and not self.skips:
            self.not_finite(loss)
        if self.bar is not None:
            self.show()

    def drop_accuracy_unless(self, fit):
        """Outputs that have none, of a sequence or several, are trained without: nobody has asked for it."""
        if not fit:
            del self.metrics["accuracy"]
            state, self.means = self.means.state_dict(), Means(self.metrics)
            self.means.load_state_dict(state)

    @property
    def logs(self):
        """The numbers so far: means over the rows of this epoch, or once it is complete all its numbers."""
        return self.means.now() if self.complete is None else self.complete

    def not_finite(self, loss):
        why = f"the loss of batch {self.batch} of epoch {self.epoch + 1} is {loss}"
        self.stop(why)
        self.failed = True
        warnings.warn(
            f"fit: {why}: a smaller learning rate, clip_norm=..., or inputs that are scaled; "
            f"fastgrad.autograd.detect_anomaly() finds where it comes from",
            RuntimeWarning,
            stacklevel=5,
        )

    def average_epoch(self):
        """SWA takes the parameters as the epoch leaves them."""
        if not self.means.rows:
            raise ValueError(f"fit: the loader gave no batch in epoch {self.epoch + 1}; can it be gone through again?")
        if isinstance(self.averages, SWA):
            self.averages.update()

    def validate(self):
        """The numbers of the validation part, under val_...; of the averages, where there are any."""
        if self.validation is None:
            return {}
        with self.averages.swapped() if self.averages is not None else nullcontext():
            found = scores(self.model, self.validation, self.loss, self.metrics)
        return {f"val_{name}": value for name, value in found.items()}

    def end_epoch(self, numbers):
        seconds = time.perf_counter() - self.began
        self.complete = numbers
        self.history.append(numbers, seconds)
        self.epoch, self.batch = self.epoch + 1, 0
        if self.line:
            print(f"{self.note(self.epoch)}  {seconds:.1f} s")

    def step_schedule(self, numbers):
        if self.schedule is None or self.schedule.unit == "step":
            return
        if isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step(numbers.get("val_loss", numbers["loss"]))
        else:
            self.schedule.step()

    def end(self):
        """The end of the run."""
        self.history.stopped = self.stopped
        if isinstance(self.step, AutoCapture):
            self.history.captured, self.history.why_eager = self.step.captured, self.step.why_eager
        self.call("on_train_end")

    # -- what is shown -------------------------------------------------------------------------------------------------
    @contextmanager
    def shown(self, progress):
        """A bar, or a line an epoch, or nothing, as a context."""
        if progress not in (True, False, "epochs"):
            raise ValueError(f'fit: progress must be True, False or "epochs", not {progress!r}')
        self.line = progress == "epochs"
        if progress is not True:
            yield
            return
        with progress_bar(self.epochs * self.batches, "training") as bar:
            self.bar = bar if bar.seen else None
            yield
        self.bar = None

    def show(self):
        """Moves the bar on, ten times a second at most."""
        now = time.perf_counter()
        done = self.epoch * self.batches + self.batch
        if now >= self.due or self.batch == self.batches:
            self.bar.update(done - self.drawn, self.note(self.epoch + 1))
            self.due, self.drawn = now + 0.1, done

    def note(self, epoch):
        logs = self.logs if self.complete is not None else {**self.logs, "lr": self.optimizer.lr, **self.history_tail()}
        return f"epoch {epoch}/{self.epochs}  " + "  ".join(f"{name} {value:.4g}" for name, value in logs.items())

    def history_tail(self):
        """The validation's numbers of the epoch before."""
        return {name: value for name, value in self.history.last().items() if name.startswith("val_")}

    # -- saving --------------------------------------------------------------------------------------------------------
    def state_dict(self):
        """What a resumed run must know beside its parts: sums of the epoch, states of the callbacks."""
        states = [
            {"class": type(callback).__name__, "state": callback.state_dict()}
            for callback in self.callbacks
            if hasattr(callback, "state_dict")
        ]
        held = order_of(self.validation)
        return {"means": self.means.state_dict(), "lr": float(self.lr), "callbacks": states, "validation": held}

    def parts(self):
        """What a file has beside model and optimizer, by the names of `save_training`."""
        names = ("schedule", "averages", "loader", "scaler", "history")
        return {name: getattr(self, name) for name in names}

    def save(self, path, best=None):
        """Writes all of the run into a file, which `fit` takes as `resume`."""
        from .saving import save_training

        save_training(
            path,
            self.model,
            self.optimizer,
            **self.parts(),
            best=best,
            epoch=self.epoch,
            batch=self.batch,
            fit=self.state_dict(),
        )

    def resume(self, path):
        """Takes back what `save` wrote; returns the states of the callbacks."""
        from .saving import resume_training

        found = resume_training(path, self.model, self.optimizer, **self.parts())
        self.epoch, self.batch = found.epoch, found.batch
        saved = found.more.get("fit")
        if saved is None:  # a file of `save_training`: the means of a broken epoch are then those of its rest
            self.lr = self.optimizer.lr
            return []
        if self.batch:  # the sums of an epoch that is complete are in the history
            self.means.load_state_dict(saved["means"])
        self.lr = saved["lr"]
        if saved.get("validation") is not None and order_of(self.validation) is not None:
            with suppress(ValueError):  # another validation part than then begins from its own beginning
                self.validation.load_state_dict(saved["validation"])
        return saved["callbacks"]

    def load_callbacks(self, saved):
        """Gives each callback the state of the saved one of its class; of several of a class, in their order."""
        left = list(saved)
        for callback in self.callbacks:
            found = next((kept for kept in left if kept["class"] == type(callback).__name__), None)
            if found is not None and hasattr(callback, "load_state_dict"):
                left.remove(found)
                callback.load_state_dict(found["state"])


def batches_of(loader):
    """How many batches an epoch has."""
    try:
        return len(loader)
    except TypeError as error:
        raise TypeError(
            f"fit: how many batches an epoch has is not known ({error}); give the dataset a __len__"
        ) from None


def order_of(validation):
    """The state of the validation's loader, which may shuffle or draw; None of one that has none to be had again."""
    try:
        return validation.state_dict() if hasattr(validation, "state_dict") else None
    except TypeError:
        return None
