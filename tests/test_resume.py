"""A run that stops at any batch and goes on from its file ends with the bits of one that never stopped."""

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import train
from fastgrad.data import DataLoader, StandardScaler, augment
from fastgrad.optim.averaging import EMA, SWA

BATCHES, EPOCHS = 4, 3  # the last batch of an epoch is smaller
STATEFUL = sorted(name for name, cls in fg.optim.RULES.items() if cls.slots)


def rule(name, **options):
    def make(parameters):
        own = [p for p in parameters if p.ndim == 2] if name == "Muon" else parameters  # which is for matrices alone
        return fg.optim.RULES[name](own, **{"lr": 0.01, **options})

    return make


class StopAt(train.Callback):
    """Stops after so many batches of the run; at 0 before the first."""

    def __init__(self, batches):
        self.batches = batches

    def on_train_begin(self, run):
        if self.batches == 0:
            run.stop("as the test wants")

    def on_batch_end(self, run):
        if run.epoch * run.batches + run.batch == self.batches:
            run.stop("as the test wants")


def outcome(optimizer, capture, callbacks=(), resume=None, schedule=None, averages=None, seed=3):
    """A run of everything that draws or remembers; its numbers at the end."""
    fg.manual_seed(seed)
    rng = np.random.Generator(np.random.Philox(7))
    x, y = rng.standard_normal((30, 1, 4, 4)).astype(np.float32), rng.integers(0, 3, 30)
    net = fg.nn.Sequential(
        fg.nn.Flatten(),
        fg.nn.Linear(16, 12),
        fg.nn.BatchNorm1d(12),
        fg.nn.ReLU(),
        fg.nn.Dropout(0.3),
        fg.nn.Linear(12, 3),
    )
    transform = augment.Compose([augment.Shift(1), augment.GaussianNoise(0.1)])
    loader = DataLoader((x[:26], y[:26]), 8, shuffle=True, transform=transform)
    stopping = train.EarlyStopping(patience=50, restore_best=False)
    made = {}

    def optimizer_of(parameters):
        made["optimizer"] = optimizer(parameters)
        return made["optimizer"]

    def averages_of(parameters):
        made["averages"] = (averages or EMA)(parameters)
        return made["averages"]

    schedule = schedule or (lambda optimizer: fg.optim.lr_scheduler.StepLR(optimizer, 1, 0.7))
    history = train.fit(
        net,
        loader,
        None,
        optimizer_of,
        EPOCHS,
        (x[26:], y[26:]),
        [*callbacks, stopping],
        capture=capture,
        resume=resume,
        schedule=schedule,
        averages=averages_of,
        progress=False,
    )
    tensors = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    numbers = {name: np.array(t.data) for name, t in tensors.items()}
    numbers |= {f"average {i}": a.copy() for i, a in enumerate(made["averages"].averages)}
    for i, own in made["optimizer"].state_dict()["state"].items():
        numbers |= {f"{i} {slot}": np.array(value) for slot, value in own.items() if value is not None}
    numbers |= {name: history[name] for name in history}
    numbers["best"] = np.array([stopping.best, stopping.best_epoch])
    numbers["random"] = np.array([fg.random.default_generator().random(), fg.streams.count()])
    return history, numbers


def stopped_and_resumed(path, k, optimizer, captures=(True, True), **options):
    stopped, _ = outcome(optimizer, captures[0], [StopAt(k), train.Checkpoint(path)], **options)
    assert stopped.stopped == "as the test wants"
    return outcome(optimizer, captures[1], [train.Checkpoint(path)], resume=path, seed=99, **options)


def same(a, b):
    assert list(a) == list(b)
    different = [name for name in a if a[name].dtype != b[name].dtype or a[name].tobytes() != b[name].tobytes()]
    assert not different, different


@pytest.mark.parametrize("captured", [True, False], ids=["captured", "eager"])
@pytest.mark.parametrize("name", STATEFUL)
def test_every_rule_with_state(name, captured, tmp_path):
    """In the middle of the second epoch."""
    _, whole = outcome(rule(name), captured)
    history, resumed = stopped_and_resumed(tmp_path / "run.fg", BATCHES + 2, rule(name), (captured, captured))
    assert history.stopped is None
    assert len(history) == EPOCHS
    same(whole, resumed)


@pytest.mark.parametrize("captures", [(True, True), (False, False), (True, False)], ids=str)
@pytest.mark.parametrize("k", [0, 1, 3, BATCHES, BATCHES + 1, EPOCHS * BATCHES - 1, EPOCHS * BATCHES])
def test_at_every_place(k, captures, tmp_path):
    """Before the first batch, after it, in an epoch, at its end, before and after the last batch of all."""
    adam = rule("Adam", weight_decay=0.1)
    _, whole = outcome(adam, captures[1])
    _, resumed = stopped_and_resumed(tmp_path / "run.fg", k, adam, captures)
    same(whole, resumed)


def onecycle(optimizer):
    return fg.optim.lr_scheduler.OneCycleLR(optimizer, 0.05, total_steps=EPOCHS * BATCHES + 1)


SCHEDULES = {
    "a batch": onecycle,
    "plateau": lambda optimizer: fg.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, threshold=10.0),
    "function": fg.optim.schedules.CosineDecay(0.05, EPOCHS * BATCHES),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_kind_of_schedule(name, tmp_path):
    schedule = SCHEDULES[name]
    _, whole = outcome(rule("Momentum"), True, schedule=schedule)
    _, resumed = stopped_and_resumed(tmp_path / "run.fg", BATCHES + 1, rule("Momentum"), schedule=schedule)
    same(whole, resumed)


def test_averages_of_epochs(tmp_path):
    _, whole = outcome(rule("SGD"), True, averages=SWA)
    _, resumed = stopped_and_resumed(tmp_path / "run.fg", BATCHES + 1, rule("SGD"), averages=SWA)
    same(whole, resumed)


def test_files_of_batches(tmp_path):
    """Each file of a run is a place to go on from."""
    files = train.Checkpoint(tmp_path / "{epoch}-{batch}.fg", every=3, unit="batch")
    _, whole = outcome(rule("Adam"), True, [files])
    assert [path.rsplit("/")[-1] for path in files.files] == ["0-3.fg", "1-2.fg", "2-1.fg", "2-4.fg", "3-0.fg"]
    for path in files.files:
        _, resumed = outcome(rule("Adam"), True, resume=path, seed=50)
        same(whole, resumed)


@pytest.mark.parametrize("prefetch", [0, 2])
@pytest.mark.parametrize("stops", [(2,), (3, 4, 5)], ids=str)
def test_plain_arrays_whose_seed_nobody_gave(stops, prefetch, tmp_path):
    """A share for validation, a scaler; stopped more than once; or a loader with a thread that runs ahead."""
    rng = np.random.Generator(np.random.Philox(7))
    x, y = rng.standard_normal((40, 4)).astype(np.float32), rng.integers(0, 2, 40)
    path = tmp_path / "run.fg"

    def run(seed, callbacks, resume=None):
        fg.manual_seed(seed)
        net = fg.nn.Sequential(fg.nn.Linear(4, 8), fg.nn.Dropout(0.2), fg.nn.Tanh(), fg.nn.Linear(8, 2))
        data = DataLoader((x, y), 8, shuffle=True, prefetch=prefetch) if prefetch else (x, y)
        more = {} if prefetch else {"validation": 0.2, "batch_size": 8, "scaler": StandardScaler()}
        history = train.fit(net, data, epochs=3, callbacks=callbacks, resume=resume, progress=False, **more)
        return {name: history[name] for name in history} | net.state_dict()

    whole = run(1, [])
    for i, k in enumerate(stops):
        run(1 + i, [StopAt(k), train.Checkpoint(path)], path if i else None)
    found = run(50, [], path)
    same(whole, found)


def test_a_difference_is_seen(tmp_path):
    """The comparison fails where anything that is saved is not taken back."""
    path = tmp_path / "run.fg"
    _, whole = outcome(rule("Adam"), True)
    stopped_and_resumed(path, 5, rule("Adam"))
    _, other = outcome(rule("Adam"), True, seed=4)
    with pytest.raises(AssertionError, match=r"1\.weight"):
        same(whole, other)


def test_a_file_of_ones_own(tmp_path):
    """Of save_training in a loop of one's own, at the end of an epoch."""
    x, y = np.ones((8, 2), np.float32), np.zeros(8, np.int64)
    fg.manual_seed(0)
    found = []
    for resume in (None, tmp_path / "own.fg"):
        net = fg.nn.Linear(2, 2)
        optimizer = fg.optim.Adam(net.parameters())
        loader = DataLoader((x, y), 4, shuffle=True, seed=1)
        if resume is not None:
            train.save_training(resume, net, optimizer, loader=loader, history=train.History(), epoch=2)
        found.append(train.fit(net, loader, None, optimizer, 5, resume=resume, progress=False))
    assert [len(history) for history in found] == [5, 3]


def test_what_does_not_fit_is_refused(tmp_path):
    path = tmp_path / "run.fg"
    outcome(rule("Adam"), True, [StopAt(1), train.Checkpoint(path)])
    with pytest.raises(ValueError, match="was of class Adam, this is SGD"):
        outcome(rule("SGD"), True, resume=path)
    with pytest.raises(FileNotFoundError):
        outcome(rule("SGD"), True, resume=tmp_path / "nothing.fg")
    fg.save({"a": 1}, path)
    with pytest.raises(ValueError, match="no run"):
        outcome(rule("SGD"), True, resume=path)


def test_a_run_that_is_over_stays_over(tmp_path):
    path = tmp_path / "run.fg"
    history, whole = outcome(rule("Adam"), True, [train.Checkpoint(path)])
    again, resumed = outcome(rule("Adam"), True, resume=path)
    assert len(again) == len(history) == EPOCHS
    same(whole, resumed)


def test_other_metrics_in_the_middle_of_an_epoch(tmp_path):
    x = np.ones((12, 2), np.float32)

    def one(outputs, targets):
        return 1.0

    def run(epochs, callbacks=(), **more):
        net = fg.nn.Linear(2, 2)
        return train.fit(net, (x, x), epochs=epochs, batch_size=4, seed=0, callbacks=callbacks, progress=False, **more)

    run(2, [StopAt(4), train.Checkpoint(tmp_path / "middle")])
    run(2, [train.Checkpoint(tmp_path / "end")])
    with pytest.raises(ValueError, match="broken off with means of loss, and this run has loss, one; give the same"):
        run(3, metrics=one, resume=tmp_path / "middle")
    assert np.isnan(run(3, metrics=one, resume=tmp_path / "end")["one"]).tolist() == [True, True, False]


def test_a_validation_loader_that_draws_goes_on(tmp_path):
    """What is measured decides when a run stops and how its rate falls."""
    rng = np.random.Generator(np.random.Philox(1))
    x, y = rng.standard_normal((40, 4)).astype(np.float32), rng.integers(0, 3, 40)

    def run(callbacks=(), **more):
        fg.manual_seed(2)
        net = fg.nn.Linear(4, 3)
        held = DataLoader((x[24:], y[24:]), 5, shuffle=True, transform=augment.GaussianNoise(0.5))
        data = DataLoader((x[:24], y[:24]), 8, shuffle=True)
        return train.fit(net, data, None, None, 4, held, callbacks, progress=False, **more)

    whole = run()
    for k in (2, 3, 7, 9):
        path = tmp_path / f"{k}.fg"
        run([StopAt(k), train.Checkpoint(path)])
        again = run(resume=path)
        for name, column in whole.items():
            assert again[name].tobytes() == column.tobytes(), (k, name)


def test_another_validation_part_may_be_measured_from_then_on(tmp_path):
    x, path = np.ones((12, 2), np.float32), tmp_path / "run.fg"

    def run(epochs, rows, callbacks=(), **more):
        net, held = fg.nn.Linear(2, 2), (x[:rows], x[:rows])
        return train.fit(net, (x, x), epochs=epochs, validation=held, callbacks=callbacks, seed=0, **more)

    run(1, 4, [train.Checkpoint(path)])
    assert len(run(2, 7, resume=path)["val_loss"]) == 2
