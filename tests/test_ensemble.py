"""Ensemble: members that differ, their mean, folds, and one's random numbers left alone."""

import os
import signal

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import train
from fastgrad.data import DataLoader, StandardScaler, load_iris
from fastgrad.train import Ensemble


def net(outputs=3):
    return fg.nn.Sequential(fg.nn.Linear(4, 8), fg.nn.Dropout(0.1), fg.nn.Tanh(), fg.nn.Linear(8, outputs))


def adam(parameters):
    return fg.optim.Adam(parameters, 0.01)


@pytest.fixture(scope="module")
def iris():
    found = load_iris()
    return found.data, found.target


@pytest.fixture(scope="module")
def fitted(iris):
    ensemble = Ensemble(net, 3, seed=5)
    ensemble.fit(iris, optimizer=adam, epochs=15, progress=False)
    return ensemble


def softmax(x):
    e = np.exp(x.astype(np.float64))
    return e / e.sum(1, keepdims=True)


def test_the_mean_of_probabilities(fitted, iris):
    x, y = iris
    each = [softmax(train.predict(model, x)) for model in fitted.models]
    mean = np.mean(each, axis=0)
    np.testing.assert_allclose(fitted.predict_proba(x), mean, rtol=1e-5)
    assert fitted.predict(x).tolist() == mean.argmax(1).tolist()
    scores = fitted.scores(x, y)
    assert scores.members == [np.mean(p.argmax(1) == y) for p in each]
    assert scores.ensemble == np.mean(mean.argmax(1) == y) > 0.8
    assert not np.allclose(each[0], each[1])
    lines = str(scores).splitlines()
    assert [line.split("  ")[1] for line in lines[1:]] == ["net 0", "net 1", "net 2", "mean of nets", "ensemble"]
    assert f"{scores.ensemble:.4g}" in lines[-1]


def test_a_member_is_the_fit_of_its_seed_and_nothing_outside_changes(fitted, iris):
    fg.manual_seed(77)
    before = fg.rand(4).tolist(), fg.streams.count()
    fg.manual_seed(77)
    again = Ensemble(net, 2, seed=5)
    again.fit(iris, optimizer=adam, epochs=15, progress=False)
    assert (fg.rand(4).tolist(), fg.streams.count()) == before
    assert fg.initial_seed() == 77
    fg.manual_seed(6)
    alone = net()
    train.fit(alone, iris, optimizer=adam, epochs=15, progress=False)
    for a, b, c in zip(alone.parameters(), again.models[1].parameters(), fitted.models[1].parameters(), strict=True):
        assert a.data.tobytes() == b.data.tobytes() == c.data.tobytes()


def test_floats_are_averaged_as_they_are(iris):
    x, _ = iris
    ensemble = Ensemble(lambda: net(1), 2)
    ensemble.fit((x, x[:, :1]), optimizer=fg.optim.Adam, averages=fg.optim.averaging.EMA, epochs=3, progress=False)
    each = [train.predict(model, x) for model in ensemble.models]
    np.testing.assert_allclose(ensemble.predict(x), (each[0] + each[1]) / 2, rtol=1e-5)
    scores = ensemble.scores(x, x[:, :1])
    assert scores.what == "squared error"
    assert scores.members[0] == pytest.approx(np.mean((each[0] - x[:, :1]) ** 2), rel=1e-5)
    assert scores.ensemble <= np.mean(scores.members)  # the square is convex: never worse than the mean of the members
    with pytest.raises(TypeError, match="predict_proba is for classes"):
        ensemble.predict_proba(x)
    with pytest.raises(ValueError, match="do not fit targets"):
        ensemble.scores(x, x[:, 0])


def test_folds(iris):
    """Every row is held out once, and each class evenly."""
    _, y = iris
    held = []

    class Look(train.Callback):
        def on_train_begin(self, run):
            rows = [np.concatenate([b[0].numpy() for b in loader]) for loader in (run.loader, run.validation)]
            assert len(rows[0]) == 120
            assert np.bincount(np.concatenate([b[1].numpy() for b in run.validation])).tolist() == [10, 10, 10]
            held.append(rows[1])

    ensemble = Ensemble(net, 5, folds=True)
    histories = ensemble.fit((np.arange(150.0)[:, None] + np.zeros(4), y), epochs=1, callbacks=[Look()], progress=False)
    assert sorted(np.concatenate(held)[:, 0].tolist()) == list(range(150))
    assert all("val_loss" in history for history in histories)


def test_each_member_has_callbacks_of_its_own(iris):
    ensemble = Ensemble(net, 2)
    stopping = train.EarlyStopping("loss", patience=50)
    ensemble.fit(iris, epochs=3, callbacks=[stopping], progress=False)
    assert stopping.best_epoch == 0
    assert [own[0].best_epoch for own in ensemble.callbacks] == [3, 3]


def test_a_loader_for_each_member(iris):
    made = []

    def loader(i):
        made.append(DataLoader(iris, 50, shuffle=True, seed=i))
        return made[-1]

    ensemble = Ensemble(net, 2)
    ensemble.fit(loader, epochs=1, progress=False)
    assert [each.epoch for each in made] == [1, 1]
    assert ensemble.predict(iris[0]).shape == (150,)


def test_ctrl_c_ends_the_whole_of_it(iris):
    interrupt = train.LambdaCallback(on_batch_end=lambda run: os.kill(os.getpid(), signal.SIGINT))
    ensemble = Ensemble(net, 4)
    histories = ensemble.fit(iris, epochs=2, callbacks=[interrupt], progress=False)
    assert [history.stopped for history in histories] == ["interrupted by Ctrl-C"]
    assert ensemble.predict(iris[0]).shape == (150,)


def test_saved_and_loaded(fitted, iris, tmp_path):
    fg.save(fitted.state_dict(), tmp_path / "nets.fg")
    other = Ensemble(net, 3)
    other.load_state_dict(fg.load(tmp_path / "nets.fg"))
    assert other.predict_proba(iris[0]).tobytes() == fitted.predict_proba(iris[0]).tobytes()


def test_refusals(iris):
    model = net()
    for bad, error, text in (
        (lambda: Ensemble(model), TypeError, "make_model is a function"),
        (lambda: Ensemble(net, 0), ValueError, "at least 1, not 0"),
        (lambda: Ensemble(net, 1, folds=True), ValueError, "at least 2, not 1"),
        (lambda: Ensemble(net).predict(iris[0]), RuntimeError, "no members yet"),
        (lambda: Ensemble(lambda: model).fit(iris, epochs=0), ValueError, "the same net twice"),
        (lambda: Ensemble(net).fit(iris, optimizer=adam(model.parameters())), TypeError, "functions that make them"),
        (lambda: Ensemble(net).fit(iris, scaler=StandardScaler()), TypeError, "takes no scaler"),
        (lambda: Ensemble(net, 200, folds=True).fit(iris), ValueError, "150 rows make no 200 folds"),
        (lambda: Ensemble(net, folds=True).fit(DataLoader(iris, 9)), TypeError, "folds are cut of arrays"),
    ):
        with pytest.raises(error, match=text):
            bad()


@pytest.mark.parametrize("columns", [0, 1])
def test_one_unit_tells_two_classes_apart(iris, columns):
    """Its probability is a sigmoid; a softmax over one number would be 1 for everybody."""
    x, kind = iris[0], (iris[1] > 0).astype(np.int64)
    y = kind[:, None] if columns else kind

    class Unit(fg.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = fg.nn.Linear(4, 1)

        def forward(self, x):
            return self.layer(x) if columns else self.layer(x).reshape(-1)

    nets = Ensemble(Unit, 2)
    loss = fg.nn.functional.binary_cross_entropy_with_logits
    nets.fit((x, y), loss, lambda p: fg.optim.Adam(p, 0.05), epochs=30)
    logits = np.stack([train.predict(model, x).reshape(-1) for model in nets.models]).astype(np.float64)
    expected = (1 / (1 + np.exp(-logits))).mean(0)
    np.testing.assert_allclose(nets.predict_proba(x), np.stack([1 - expected, expected], 1), atol=1e-6)
    assert nets.predict(x).tolist() == (expected > 0.5).astype(int).tolist()
    scores = nets.scores(x, y)
    assert scores.ensemble == np.mean(nets.predict(x) == kind) > 0.9
    assert scores.members == [np.mean((z > 0) == kind) for z in logits]


def test_several_labels_a_row_are_refused(iris):
    x, y = iris[0], np.eye(3, dtype=np.int64)[iris[1]]
    loss = fg.nn.functional.binary_cross_entropy_with_logits
    nets = Ensemble(net, 1)
    with pytest.raises(TypeError, match=r"integers \(150, 3\) are several labels a row.*as floats"):
        nets.fit((x, y), loss, epochs=1)
    nets.fit((x, y.astype(np.float32)), loss, epochs=1)
    assert nets.predict(x).shape == (150, 3)
