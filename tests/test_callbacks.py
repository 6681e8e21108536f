"""Callbacks: what they see and when, the best weights bit for bit, files that are kept, logs that others read."""

import csv
import math
import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import train
from fastgrad.train.early_stopping import snapshot


def net():
    fg.manual_seed(0)
    return fg.nn.Sequential(fg.nn.Linear(4, 8), fg.nn.BatchNorm1d(8), fg.nn.Tanh(), fg.nn.Linear(8, 2))


def data(n=48):
    rng = np.random.Generator(np.random.Philox(1))
    x = rng.standard_normal((n, 4)).astype(np.float32)
    return x, (x[:, 0] > 0).astype(np.int64)


def run_of(model=None, callbacks=(), epochs=3, **more):
    more = {"validation": data(16), "batch_size": 16, "seed": 0, "progress": False, **more}
    return train.fit(model or net(), data(), None, None, epochs, callbacks=callbacks, **more)


class Diary(train.Callback):
    """Writes down every call."""

    def __init__(self, name, order=0):
        self.name, self.order, self.calls = name, order, []

    def __getattribute__(self, hook):
        if not hook.startswith("on_"):
            return super().__getattribute__(hook)
        return lambda run: self.calls.append((hook, self.name, run.epoch, run.batch, sorted(run.logs)))


def test_when_hooks_are_called_and_what_they_see():
    diary = Diary("a")
    run_of(callbacks=[diary], epochs=2)
    so_far, all_of_it = ["accuracy", "loss"], ["accuracy", "loss", "lr", "val_accuracy", "val_loss"]
    expected = [("on_train_begin", "a", 0, 0, [])]
    for epoch in range(2):
        expected.append(("on_epoch_begin", "a", epoch, 0, []))
        expected += [("on_batch_end", "a", epoch, batch, so_far) for batch in (1, 2, 3)]
        expected.append(("on_epoch_end", "a", epoch + 1, 0, all_of_it))
    assert diary.calls == [*expected, ("on_train_end", "a", 2, 0, all_of_it)]


def test_the_order_of_callbacks():
    calls = []
    first, second, late = Diary("first"), Diary("second"), Diary("late", order=5)
    first.calls = second.calls = late.calls = calls
    run_of(callbacks=[late, first, second], epochs=0)
    assert [(hook, name) for hook, name, *_ in calls] == [
        *(("on_train_begin", name) for name in ("first", "second", "late")),
        *(("on_train_end", name) for name in ("late", "second", "first")),
    ]


def test_functions_and_parts_of_a_callback_will_do():
    seen = []
    run_of(callbacks=[train.LambdaCallback(on_epoch_end=lambda run: seen.append(run.logs["loss"]))])
    own = SimpleNamespace(on_train_end=lambda run: seen.append("end"))
    history = run_of(callbacks=own)
    assert seen == [*history["loss"].tolist(), "end"]
    with pytest.raises(TypeError, match="LambdaCallback: on_step="):
        train.LambdaCallback(on_step=print)
    with pytest.raises(TypeError, match="LambdaCallback: on_batch_end=3"):
        train.LambdaCallback(on_batch_end=3)


# -- early stopping ----------------------------------------------------------------------------------------------------
class Keeping(train.Callback):
    """Copies of all parameters and buffers after each epoch."""

    def on_train_begin(self, run):
        self.epochs = []

    def on_epoch_end(self, run):
        self.epochs.append(snapshot(run)["model"])


def bits(arrays):
    return {name: array.tobytes() for name, array in arrays.items()}


def tensors(model):
    return bits({name: x.data for name, x in [*model.named_parameters(), *model.named_buffers()]})


def scripted(values, name="val_loss"):
    """Puts numbers in the place of what was measured, in an order before the others'."""
    left = iter(values)
    callback = train.LambdaCallback(on_epoch_end=lambda run: run.logs.update({name: next(left)}))
    callback.order = -1
    return callback


def test_the_best_weights_come_back_bit_for_bit():
    model, keeping = net(), Keeping()
    stopping = train.EarlyStopping(patience=3)
    history = run_of(model, [scripted([3.0, 2.0, 2.5, math.nan, 2.0]), keeping, stopping], epochs=50)
    assert history.stopped == "val_loss was best in epoch 2 and has not got better for 3 epochs"
    assert (stopping.best, stopping.best_epoch, len(history)) == (2.0, 2, 5)
    assert tensors(model) == bits(keeping.epochs[1]) != bits(keeping.epochs[4])
    assert "1.running_mean" in keeping.epochs[1]


def test_buffers_that_are_not_saved_come_back_too():
    class Counting(fg.nn.Module):
        def __init__(self):
            super().__init__()
            self.body = net()
            self.register_buffer("calls", fg.zeros(1), persistent=False)

        def forward(self, x):
            if self.training:
                self.calls.data[0] += 1
            return self.body(x)

    model = Counting()
    run_of(model, [scripted([1.0, 2.0, 3.0]), train.EarlyStopping(patience=2)], capture=False)
    assert model.calls.tolist() == [3.0]


def test_without_restoring_the_last_weights_stay():
    model, keeping = net(), Keeping()
    run_of(model, [scripted([1.0, 2.0, 3.0]), keeping, train.EarlyStopping(patience=1, restore_best=False)])
    assert len(keeping.epochs) == 2
    assert tensors(model) == bits(keeping.epochs[1])


def test_weights_are_restored_where_the_run_reached_its_end_or_was_stopped():
    model, keeping = net(), Keeping()
    history = run_of(model, [scripted([1.0, 2.0, 3.0]), keeping, train.EarlyStopping(patience=9)])
    assert history.stopped is None
    assert tensors(model) == bits(keeping.epochs[0])
    model, keeping = net(), Keeping()
    stop = train.LambdaCallback(on_batch_end=lambda run: run.stop("now") if run.epoch == 2 else None)
    history = run_of(model, [scripted([1.0, 2.0]), keeping, stop, train.EarlyStopping(patience=9)])
    assert history.stopped == "now"
    assert tensors(model) == bits(keeping.epochs[0])


def test_averages_are_restored_with_the_weights():
    model = net()
    average = fg.optim.averaging.EMA(model.parameters(), 0.5)
    kept = []
    copy = train.LambdaCallback(on_epoch_end=lambda run: kept.append([a.tobytes() for a in run.averages.averages]))
    run_of(model, [scripted([1.0, 2.0, 3.0]), copy, train.EarlyStopping(patience=9)], averages=average)
    assert [a.tobytes() for a in average.averages] == kept[0] != kept[2]
    assert average.updates == 3


@pytest.mark.parametrize(
    ("values", "options", "epochs"),
    [
        ([1.0, 0.99, 0.98, 0.97], {"min_delta": 0.05, "patience": 3}, 4),
        ([1.0, 0.94, 0.93, 0.9], {"min_delta": 0.05, "patience": 2}, 4),
        ([0.1, 0.2, 0.3, 0.3], {"mode": "max", "patience": 1}, 4),
        ([0.1, 0.2, 0.3, 0.3], {"mode": "min", "patience": 1}, 2),
        ([math.nan, math.nan], {"patience": 2}, 2),
        ([math.inf, 1.0, 2.0], {"patience": 2}, 4),
    ],
)
def test_what_counts_as_better(values, options, epochs):
    history = run_of(callbacks=[scripted([*values, 5.0]), train.EarlyStopping(**options)], epochs=len(values) + 1)
    assert len(history) == epochs
    assert history.stopped is not None


def test_accuracies_are_better_upwards():
    stopping = train.EarlyStopping("val_accuracy", patience=1)
    history = run_of(callbacks=[scripted([0.5, 0.7, 0.6], "val_accuracy"), stopping])
    assert (len(history), stopping.best_epoch) == (3, 2)


def test_early_stopping_refuses():
    with pytest.raises(ValueError, match=r"no 'val_loss' among loss, accuracy, lr; give fit a validation part"):
        run_of(callbacks=train.EarlyStopping(), validation=None)
    for bad, text in (({"patience": 0}, "patience"), ({"mode": "up"}, "mode"), ({"min_delta": -1}, "min_delta")):
        with pytest.raises(ValueError, match=f"EarlyStopping: {text} must be"):
            train.EarlyStopping(**bad)


# -- checkpoints -------------------------------------------------------------------------------------------------------
def test_every_keep_and_fields(tmp_path):
    files = train.Checkpoint(tmp_path / "run-{epoch:03}-{val_accuracy:.2f}.fg", every=2, keep=2)
    history = run_of(callbacks=files, epochs=7)
    accuracy = history["val_accuracy"]
    assert sorted(os.listdir(tmp_path)) == [f"run-{n:03}-{accuracy[n - 1]:.2f}.fg" for n in (6, 7)]
    assert fg.load(tmp_path / f"run-006-{accuracy[5]:.2f}.fg")["epoch"] == 6


def test_a_resumed_run_goes_on_deleting(tmp_path):
    pattern = tmp_path / "{epoch}.fg"
    run_of(callbacks=train.Checkpoint(pattern, keep=2), epochs=3)
    assert sorted(os.listdir(tmp_path)) == ["2.fg", "3.fg"]
    run_of(callbacks=train.Checkpoint(pattern, keep=2), epochs=5, resume=tmp_path / "3.fg")
    assert sorted(os.listdir(tmp_path)) == ["4.fg", "5.fg"]


def test_the_best_only(tmp_path):
    files = train.Checkpoint(tmp_path / "{epoch}.fg", best="val_loss")
    run_of(callbacks=[scripted([3.0, 2.0, 2.5, 1.0, 4.0]), files], epochs=5)
    assert sorted(os.listdir(tmp_path)) == ["1.fg", "2.fg", "4.fg"]
    assert fg.load(tmp_path / "4.fg")["best"] == 1.0


def test_the_best_of_the_epochs_that_are_looked_at(tmp_path):
    """The best epoch of all may lie between two: then the best of the others is not lost, too."""
    files = train.Checkpoint(tmp_path / "{epoch}.fg", best="val_loss", every=2)
    run_of(callbacks=[scripted([1.0, 3.0, 0.5, 2.0, 2.0, 2.5]), files], epochs=6)
    assert sorted(os.listdir(tmp_path)) == ["2.fg", "4.fg"]
    assert fg.load(tmp_path / "4.fg")["best"] == 2.0


def test_the_file_has_the_weights_of_the_step_not_the_best(tmp_path):
    """The checkpoint of a run that stops early is written before the best weights are put back."""
    keeping, path = Keeping(), tmp_path / "run.fg"
    model = net()
    run_of(model, [train.Checkpoint(path), scripted([1.0, 2.0, 3.0]), keeping, train.EarlyStopping(patience=2)])
    saved = fg.load(path)["model"]
    assert bits(saved) == bits({name: keeping.epochs[2][name] for name in saved})
    assert tensors(model) == bits(keeping.epochs[0])


def test_a_run_that_broke_is_not_written(tmp_path):
    path = tmp_path / "run.fg"
    explode = train.LambdaCallback(on_epoch_end=lambda run: run.model[0].weight.data.fill(np.nan))
    with pytest.warns(RuntimeWarning, match="batch 1 of epoch 2 is nan"):
        run_of(callbacks=[train.Checkpoint(path), explode])
    saved = fg.load(path)
    assert (saved["epoch"], saved["batch"]) == (1, 0)


def test_checkpoint_refuses(tmp_path):
    for bad, text in (
        ({"every": 0}, "every must be an integer"),
        ({"keep": 0}, "keep must be an integer"),
        ({"keep": 2}, "needs a name with fields"),
        ({"unit": "hour"}, "unit must be"),
        ({"best": "val_loss", "unit": "batch"}, "best is known at the end of an epoch"),
        ({"best": "val_loss", "mode": "more"}, "mode must be"),
    ):
        with pytest.raises(ValueError, match=f"Checkpoint: .*{text}"):
            train.Checkpoint(tmp_path / "a.fg", **bad)
    with pytest.raises(FileNotFoundError, match=r"Checkpoint: .*none is no folder"):
        run_of(callbacks=train.Checkpoint(tmp_path / "none" / "a.fg"))
    with pytest.raises(ValueError, match="asks for 'f1'; there is epoch, batch, loss"):
        run_of(callbacks=train.Checkpoint(tmp_path / "{f1}.fg"))


# -- schedule, monitor -------------------------------------------------------------------------------------------------
def test_schedules_of_epochs_and_batches():
    assert run_of(callbacks=train.Schedule(lambda epoch: 0.1 / (1 + epoch)))["lr"].tolist() == [0.1, 0.05, 0.1 / 3]
    rates = []
    look = train.LambdaCallback(on_batch_end=lambda run: rates.append(run.optimizer.lr))
    run_of(callbacks=[train.Schedule(lambda t: 0.1 * (t + 1), unit="batch"), look], epochs=2)
    assert rates == [0.1 * (t + 1) for t in range(1, 7)]
    step = fg.optim.schedules.StepDecay(0.1, 0.5, 1)
    assert run_of(callbacks=train.Schedule(step))["lr"].tolist() == [step(t) for t in range(3)]
    with pytest.raises(TypeError, match="rate is a function"):
        train.Schedule(0.1)
    with pytest.raises(ValueError, match="unit must be"):
        train.Schedule(lambda t: 1.0, unit="hour")


def test_the_monitor_watches_and_lets_go(tmp_path):
    model, layers = net(), train.Monitor(every=3, path=tmp_path / "layers.svg")
    history = run_of(model, layers)
    assert layers.seen["0"].steps == [0, 3, 6]
    assert history.captured is False
    assert "hooks" in history.why_eager
    assert (tmp_path / "layers.svg").read_text().startswith("<svg")
    assert run_of(model).captured  # its hooks are gone
    broken = train.LambdaCallback(on_epoch_end=lambda run: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_of(model, [train.Monitor(), broken])
    assert run_of(model).captured


# -- logs --------------------------------------------------------------------------------------------------------------
def test_csv_has_the_history_in_full(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("what was there before\n")
    history = run_of(callbacks=train.CSVLog(path))
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    for name in history:
        assert [float(row[name]) for row in rows] == history[name].tolist(), name


def test_csv_goes_on_where_the_run_does(tmp_path):
    """Lines after the saved epoch, and one that was not finished, are taken away."""
    log, saved = tmp_path / "log.csv", tmp_path / "{epoch}.fg"
    whole = run_of(callbacks=[train.CSVLog(log), train.Checkpoint(saved)], epochs=4)
    with log.open("a") as file:
        file.write("5,0.1")
    run_of(callbacks=train.CSVLog(log), epochs=4, resume=tmp_path / "2.fg")
    rows = list(csv.DictReader(log.read_text().splitlines()))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4]
    assert [float(row["loss"]) for row in rows] == whole["loss"].tolist()
    assert sorted(os.listdir(tmp_path)) == ["1.fg", "2.fg", "3.fg", "4.fg", "log.csv"]


def test_csv_refuses_what_is_not_its_own(tmp_path):
    log, saved = tmp_path / "log.csv", tmp_path / "run.fg"
    run_of(callbacks=[train.CSVLog(log), train.Checkpoint(saved)], epochs=1)
    with pytest.raises(ValueError, match=r"log.csv has the columns epoch, loss, .*; this run has"):
        run_of(callbacks=train.CSVLog(log), epochs=2, resume=saved, validation=None)
    log.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="is no log of a fit"):
        run_of(callbacks=train.CSVLog(log), epochs=2, resume=saved)
    assert log.read_text() == "a,b\n1,2\n"


def events(folder):
    """step -> {tag: value} as TensorBoard's own reader sees them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    reader = EventAccumulator(str(folder))
    reader.Reload()
    return {tag: [(e.step, e.value) for e in reader.Scalars(tag)] for tag in reader.Tags()["scalars"]}


def test_tensorboard_reads_what_was_written(tmp_path):
    pytest.importorskip("tensorboard", reason="the package tensorboard is not installed")
    saved = tmp_path / "{epoch}.fg"
    log = train.TensorBoard(tmp_path / "log", batches=2)
    history = run_of(callbacks=[log, train.Checkpoint(saved)])
    seen, held = events(tmp_path / "log" / "train"), events(tmp_path / "log" / "validation")
    assert sorted(seen) == ["accuracy", "loss", "lr"]
    assert sorted(held) == ["accuracy", "loss"]
    for found, name in ((seen["loss"], "loss"), (held["accuracy"], "val_accuracy"), (seen["lr"], "lr")):
        assert found == [(n, np.float32(value)) for n, value in zip((1, 2, 3), history[name], strict=True)]
    assert [step for step, _ in events(tmp_path / "log" / "batches")["loss"]] == [2, 4, 6, 8]
    run_of(callbacks=train.TensorBoard(tmp_path / "log", batches=3), epochs=4, resume=tmp_path / "2.fg")
    assert [step for step, _ in events(tmp_path / "log" / "validation")["loss"]] == [1, 2, 3, 4]
    assert [step for step, _ in events(tmp_path / "log" / "batches")["loss"]] == [2, 4, 6, 9, 12]
    with pytest.raises(ValueError, match="batches must be"):
        train.TensorBoard(tmp_path, batches=0)


def test_without_the_package_tensorboard_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    with pytest.raises(ImportError, match=r'pip install "fastgrad\[tensorboard\]"'):
        train.TensorBoard(tmp_path)


def test_a_log_with_an_empty_line_goes_on(tmp_path):
    log, saved = tmp_path / "log.csv", tmp_path / "run.fg"
    run_of(callbacks=[train.CSVLog(log), train.Checkpoint(saved)], epochs=1)
    log.write_text(log.read_text() + "\n")
    run_of(callbacks=train.CSVLog(log), epochs=2, resume=saved)
    assert [row[:1] for row in log.read_text().splitlines()] == ["e", "1", "2"]


def test_a_monitor_without_a_folder_is_refused_before_the_run(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"Monitor: .*missing is no folder"):
        run_of(callbacks=train.Monitor(path=tmp_path / "missing" / "layers.svg"))
