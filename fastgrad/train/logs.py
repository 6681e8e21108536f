"""Logs: the numbers of each epoch in a CSV file, or for TensorBoard."""

import csv
import io
import os
from pathlib import Path
from typing import Any

from .atomic import replacing
from .callbacks import Callback

__all__ = ["CSVLog", "TensorBoard"]


class CSVLog(Callback):
    """A line of numbers for each epoch: epoch, all that ``run.logs`` has, seconds. Numbers are written in full.

    A line is appended whole, by one write, so a run that is killed leaves complete lines. A resumed run goes on after
    the epoch it goes on from: lines beyond it are taken away. A new run begins the file anew.
    Errors: ValueError where a resumed run has other columns than the file; OSError.

    >>> import numpy as np, fastgrad as fg, os, tempfile
    >>> x, path = np.ones((8, 1), np.float32), os.path.join(tempfile.mkdtemp(), "log.csv")
    >>> history = fg.fit(fg.nn.Linear(1, 1), (x, x), epochs=2, callbacks=[CSVLog(path)])
    >>> Path(path).read_text().splitlines()[0]
    'epoch,loss,lr,seconds'
    """

    def __init__(self, path):
        self.path, self.columns = Path(path), None

    def on_train_begin(self, run):
        self.columns = None
        rows = self.read(run.epoch) if run.resumed and self.path.exists() else []
        if rows:
            self.columns = rows[0]
        with replacing(self.path, "CSVLog") as file:
            file.write("".join(map(line, rows)).encode())

    def read(self, epochs):
        """The header, and the lines of the first `epochs` epochs; a last line without an end was not finished."""
        text = self.path.read_text(encoding="utf-8")
        rows = list(csv.reader(io.StringIO(text[: text.rfind("\n") + 1])))
        if rows and rows[0][:1] != ["epoch"]:
            raise ValueError(f"CSVLog: {self.path} is no log of a fit: it begins with {rows[0][:3]}")
        return [*rows[:1], *(row for row in rows[1:] if row and row[0].isdigit() and int(row[0]) <= epochs)]

    def on_epoch_end(self, run):
        numbers = {"epoch": run.epoch, **run.logs, "seconds": round(run.history.seconds[-1], 6)}
        if self.columns is None:
            self.columns = list(numbers)
            self.append(line(self.columns))
        if list(numbers) != self.columns:
            raise ValueError(
                f"CSVLog: {self.path} has the columns {', '.join(self.columns)}; this run has {', '.join(numbers)}"
            )
        self.append(line(numbers.values()))

    def append(self, text):
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(file, text.encode())
        finally:
            os.close(file)


def line(cells):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


class TensorBoard(Callback):
    """Numbers for TensorBoard, in `folder`/train and `folder`/validation: ``tensorboard --logdir folder`` shows them.

    Each number of an epoch is a scalar of its name, those of the validation part without their val_, so that both lie
    in one chart. With `batches` = n, the means so far are written after every n-th batch too, in `folder`/batches, by
    the number of the batch. A resumed run takes the place of what was written beyond where it goes on from.
    The files are written by TensorBoard's own package: ``pip install "fastgrad[tensorboard]"``.
    Errors: ImportError without it; ValueError for batches below 1.
    """

    def __init__(self, folder, batches=None):
        if batches is not None and (not hasattr(batches, "__index__") or batches < 1):
            raise ValueError(f"TensorBoard: batches must be an integer of at least 1, not {batches!r}")
        self.folder, self.batches = Path(folder), batches
        self.writers: dict[str, Any] = {}
        self.package = tensorboard_package()

    def on_train_begin(self, run):
        p, self.writers = self.package, {}
        steps = {"train": run.epoch, "validation": run.epoch, "batches": run.epoch * run.batches + run.batch}
        for name, done in steps.items():
            if (name == "validation" and run.validation is None) or (name == "batches" and self.batches is None):
                continue
            writer = self.writers[name] = p.EventFileWriter(str(self.folder / name))
            run.resources.callback(writer.close)
            if run.resumed:  # what is at this step or beyond it is shown no more
                writer.add_event(p.Event(session_log=p.SessionLog(status=p.SessionLog.START), step=done + 1))

    def on_batch_end(self, run):
        done = run.epoch * run.batches + run.batch
        if self.batches is not None and done % self.batches == 0:
            self.write("batches", run.logs, done)

    def on_epoch_end(self, run):
        held = {name: value for name, value in run.logs.items() if name.startswith("val_")}
        self.write("train", {name: value for name, value in run.logs.items() if name not in held}, run.epoch)
        if held:
            self.write("validation", {name.removeprefix("val_"): value for name, value in held.items()}, run.epoch)

    def write(self, where, numbers, step):
        p = self.package
        values = [p.Summary.Value(tag=name, simple_value=value) for name, value in numbers.items()]
        self.writers[where].add_event(p.Event(summary=p.Summary(value=values), step=step, wall_time=p.time()))
        self.writers[where].flush()


class Package:
    """What is used of the package tensorboard."""

    def __init__(self):
        import time

        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self.Event, self.SessionLog, self.Summary, self.EventFileWriter = Event, SessionLog, Summary, EventFileWriter
        self.time = time.time


def tensorboard_package():
    try:
        return Package()
    except ImportError as error:
        raise ImportError('TensorBoard: needs the package tensorboard: pip install "fastgrad[tensorboard]"') from error
