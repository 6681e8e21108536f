"""Checkpoints: files from which a run goes on where it was."""

import math
import string
from pathlib import Path

from .callbacks import Callback
from .early_stopping import Best

__all__ = ["Checkpoint"]


class Checkpoint(Callback):
    """Writes the whole run into a file, which ``fit(..., resume=path)`` continues to the same bits.

    path    a file, written anew each time (the old one stays whole until the new one is), or a name with fields,
            "run-{epoch:03}.fg": {epoch} and {batch} that are complete, and the numbers of ``run.logs``
    every   how many of `unit` lie between two files
    unit    "epoch" or "batch"
    best    None, or the name of a number, "val_loss": a file is written only when it is the best so far, of the epochs
            that `every` looks at
    mode    "min" or "max" for `best`; None: by its name
    keep    with fields: how many files stay; the oldest that this run has written are deleted. None: all

    Without `best` the end of a run is written too, whatever `every` says, also of one that is stopped by Ctrl-C or
    another callback, as it is then. A run whose loss is not finite is not written. Files are written after all other
    callbacks have seen the epoch or batch.
    Errors: ValueError for arguments that contradict each other; OSError.
    """

    order = 100

    def __init__(self, path, every=1, unit="epoch", best=None, mode=None, keep=None):
        for name, value in (("every", every), ("keep", 1 if keep is None else keep)):
            if isinstance(value, bool) or not hasattr(value, "__index__") or value < 1:
                raise ValueError(f"Checkpoint: {name} must be an integer of at least 1, not {value!r}")
        if unit not in ("epoch", "batch"):
            raise ValueError(f'Checkpoint: unit must be "epoch" or "batch", not {unit!r}')
        self.fields = {name for _, name, _, _ in string.Formatter().parse(str(path)) if name is not None}
        if keep is not None and not self.fields:
            raise ValueError(f'Checkpoint: keep={keep} needs a name with fields, as in "run-{{epoch:03}}.fg"')
        if best is not None and unit == "batch":
            raise ValueError('Checkpoint: best is known at the end of an epoch; leave unit="batch" out')
        self.path, self.every, self.unit, self.keep = str(path), int(every), unit, keep
        self.score = None if best is None else Best("Checkpoint", best, mode)
        self.files: list = []
        self.written = None  # (epoch, batch) of the newest file

    def on_train_begin(self, run):
        folder = Path(self.path).parent
        if "{" not in str(folder) and not folder.is_dir():
            raise FileNotFoundError(f"Checkpoint: {folder} is no folder; make it first")
        self.files, self.written = [], (run.epoch, run.batch) if run.resumed else None
        if self.score is not None:
            self.score.forget()

    def on_batch_end(self, run):
        if self.unit == "batch" and (run.epoch * run.batches + run.batch) % self.every == 0:
            self.write(run)

    def on_epoch_end(self, run):
        if self.unit == "batch" or run.epoch % self.every:  # the best is that of those that are looked at
            return
        if self.score is None or self.score.better(run):
            self.write(run)

    def on_train_end(self, run):
        if self.score is None and self.written != (run.epoch, run.batch):
            self.write(run)

    def write(self, run):
        """Writes the run as it is, and deletes what is to be kept no longer."""
        if run.failed:
            return
        try:
            numbers = {**run.logs, "epoch": run.epoch, "batch": run.batch}
            path = self.path.format(**numbers) if self.fields else self.path
        except KeyError as error:
            raise ValueError(
                f"Checkpoint: {self.path!r} asks for {error}; there is epoch, batch, {', '.join(run.logs)}"
            ) from None
        self.files = [*(file for file in self.files if file != path), path]
        old = self.files[: -self.keep] if self.keep is not None else []
        self.files = self.files[len(old) :]
        self.written = run.epoch, run.batch
        run.save(path, best=None if self.score is None else self.score.value)
        for file in old:
            Path(file).unlink(missing_ok=True)

    def state_dict(self):
        score = (math.nan, 0) if self.score is None else (self.score.value, self.score.epoch)
        return {"files": list(self.files), "best": score[0], "best_epoch": score[1]}

    def load_state_dict(self, state):
        self.files = list(state["files"])
        if self.score is not None:
            self.score.value, self.score.epoch = state["best"], state["best_epoch"]
