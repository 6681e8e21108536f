"""fit: the same numbers as the loop one would write, whatever is handed in."""

import random

import numpy as np
import pytest
from fit_cases import blobs, net, sgd, weights

import fastgrad as fg
from fastgrad import train
from fastgrad.data import DataLoader, Dataset, TensorDataset
from fastgrad.nn import functional
from fastgrad.nn.weight_norm import weight_norm


def bare(model, x, y, optimizer, epochs, batch_size=16, seed=5):
    """The loop one would write."""
    losses = []
    loader = DataLoader((x, y), batch_size, shuffle=True, seed=seed)
    for _ in range(epochs):
        total = 0.0
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(xb), yb)
            loss.backward()
            optimizer.step()
            total += float(loss) * len(yb)
        losses.append(total / len(x))
    return losses


@pytest.mark.parametrize("capture", ["auto", True, False])
def test_it_is_the_bare_loop(capture):
    """Bit for bit, with an Adam that nobody named, dropout and batch normalisation; the last batch is smaller."""
    x, y = blobs()
    extra = lambda: (fg.nn.BatchNorm1d(16), fg.nn.Dropout(0.3))  # noqa: E731
    mine, other = net(extra=extra()), net(extra=extra())
    fg.manual_seed(2)
    history = train.fit(mine, (x, y), epochs=3, batch_size=16, seed=5, capture=capture, progress=False)
    fg.manual_seed(2)
    losses = bare(other, x, y, fg.optim.Adam(other.parameters()), 3)
    assert history["loss"].tolist() == losses
    assert weights(mine).tobytes() == weights(other).tobytes()
    assert history.captured is (capture is not False)
    assert history.why_eager == (None if capture else "capture=False")


def test_all_forms_of_data_are_the_same():
    x, y = blobs()

    class Own(Dataset):
        def __len__(self):
            return len(x)

        def __getitem__(self, i):
            return x[i], y[i]

    forms = {
        "arrays": (x, y),
        "float64, int32": (x.astype(np.float64), y.astype(np.int32)),
        "lists": (x.tolist(), y.tolist()),
        "tensors": (fg.tensor(x), fg.tensor(y)),
        "dataset": TensorDataset(x, y),
        "own dataset": Own(),
        "list of samples": list(zip(x, y, strict=True)),
        "loader": DataLoader((x, y), 32, shuffle=True, seed=5),
    }
    found = {}
    for name, data in forms.items():
        model = net()
        history = train.fit(model, data, epochs=2, seed=5, progress=False)
        assert sorted(history) == ["accuracy", "loss", "lr"], name
        found[name] = weights(model).tobytes(), history["accuracy"].tolist()
    assert len({str(value) for value in found.values()}) == 1, found


def test_loaders_whose_length_is_not_what_they_give():
    """An epoch is over when the loader is; one that can be gone through once is found out."""
    x, y = map(fg.from_numpy, blobs(20))

    class Loader:
        def __init__(self, said, given):
            self.said, self.given = said, iter(given)

        def __len__(self):
            return self.said

        def __iter__(self):
            yield from next(self.given)

    for said in (1, 2, 5):
        history = train.fit(net(), Loader(said, [[(x, y)] * 2] * 3), functional.cross_entropy, epochs=3, progress=False)
        assert len(history) == 3
    with pytest.raises(ValueError, match="the loader gave no batch in epoch 2"):
        train.fit(net(), Loader(2, [[(x, y)] * 2, []]), functional.cross_entropy, epochs=3, progress=False)


def test_several_inputs():
    class Sum(fg.nn.Module):
        def __init__(self):
            super().__init__()
            self.a = fg.nn.Linear(4, 1)

        def forward(self, x, more):
            return self.a(x) + more

    x, _ = blobs()
    more = np.ones((len(x), 1), np.float32)
    history = train.fit(Sum(), (x, more, x[:, :1] + more), epochs=30, optimizer=sgd(0.05), progress=False)
    assert history["loss"][-1] < 0.1 * history["loss"][0]


def test_the_loss_follows_the_targets():
    x, y = blobs()
    model = net(sizes=(4, 8, 1))
    history = train.fit(model, (x, x[:, :1]), epochs=1, batch_size=100, optimizer=sgd(0.0), progress=False)
    assert "accuracy" not in history
    assert history["loss"][0] == pytest.approx(np.mean((train.predict(model, x) - x[:, :1]) ** 2), rel=1e-6)
    model = net()
    history = train.fit(model, (x, y), epochs=1, batch_size=100, optimizer=sgd(0.0), progress=False)
    logits = train.predict(model, x).astype(np.float64)
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert history["loss"][0] == pytest.approx(-np.mean(np.log(p[np.arange(len(y)), y])), rel=1e-6)
    assert history["accuracy"][0] == np.mean(logits.argmax(1) == y)


def test_validation_is_scored_in_evaluation_mode():
    x, y = blobs()
    model = net(extra=(fg.nn.BatchNorm1d(16), fg.nn.Dropout(0.5)))
    history = train.fit(model, (x, y), epochs=2, validation=(x, y), progress=False)
    assert model.training
    scores = train.evaluate(model, (x, y))
    assert history["val_loss"][-1] == scores["loss"]
    assert history["val_accuracy"][-1] == scores["accuracy"] == train.accuracy(train.predict(model, x), y)


def test_a_share_for_validation():
    """The parts share no row, each class has its share, and a seed chooses."""
    x, y = np.arange(100, dtype=np.float32)[:, None], np.repeat([0, 1], 50)
    seen = {}

    def look(seed):
        def hook(run):
            parts = [np.concatenate([b[0].numpy()[:, 0] for b in loader]) for loader in (run.loader, run.validation)]
            seen[seed] = parts

        train.fit(
            fg.nn.Linear(1, 2),
            (x, y),
            epochs=0,
            validation=0.2,
            seed=seed,
            callbacks=train.LambdaCallback(on_train_end=hook),
        )
        return seen[seed]

    fitted, held = look(3)
    assert sorted([*fitted, *held]) == list(range(100))
    assert (held < 50).sum() == (held >= 50).sum() == 10
    assert set(look(3)[1]) == set(held) != set(look(4)[1])
    with pytest.raises(TypeError, match="of a dataset or a loader give the validation part"):
        train.fit(net(), TensorDataset(x, y), validation=0.2)


def test_metrics():
    """In training the mean over batches by their rows, in validation of all rows at once."""
    x, y = blobs(50)
    sizes = []

    def spread(outputs, targets):
        assert isinstance(outputs, np.ndarray)
        assert targets.dtype == np.int64
        sizes.append(len(targets))
        return outputs.max() - outputs.min()

    model = net()
    history = train.fit(
        model, (x, y), None, sgd(0.0), 1, (x[:30], y[:30]), metrics=[spread], batch_size=16, seed=5, progress=False
    )
    assert sizes == [16, 16, 16, 2, 30]
    out = train.predict(model, x[:30])
    assert history["val_spread"][0] == out.max() - out.min()
    parts = [train.predict(model, b[0]) for b in DataLoader((x, y), 16, shuffle=True, seed=5)]
    expected = sum(len(p) * float(p.max() - p.min()) for p in parts) / 50
    assert history["spread"][0] == pytest.approx(expected)
    history = train.fit(model, (x, x), lambda out, t: out.sum(), sgd(0.0), 1, metrics={"size": lambda o, t: o.size})
    assert sorted(history) == ["loss", "lr", "size"]
    for bad, error in (("f2", ValueError), ([3], TypeError), ({"loss": spread}, ValueError)):
        with pytest.raises(error, match=r"metric"):
            train.fit(model, (x, y), metrics=bad)


# -- captured, or eager ------------------------------------------------------------------------------------------------
class Peeking(fg.nn.Module):
    """Reads a number in the middle of the step, behind a draw and a change of statistics."""

    def __init__(self):
        super().__init__()
        self.body = net(extra=(fg.nn.BatchNorm1d(16), fg.nn.Dropout(0.4)))

    def forward(self, x):
        out = self.body(x)
        return out * 2 if float(out.detach().sum()) > 0 else out


def test_what_cannot_be_captured_is_eager_and_says_so():
    x, y = blobs()
    found = []
    for capture in ("auto", False):
        model = Peeking()
        fg.manual_seed(9)
        history = train.fit(model, (x, y), epochs=2, capture=capture, seed=1, progress=False)
        buffers = np.concatenate([b.data.ravel() for b in model.buffers()])
        found.append((weights(model).tobytes(), buffers.tobytes(), history["loss"].tobytes(), fg.rand(3).tolist()))
    assert found[0] == found[1]
    with pytest.raises(fg.CaptureError):
        train.fit(Peeking(), (x, y), capture=True, progress=False)
    history = train.fit(Peeking(), (x, y), epochs=1, progress=False)
    assert history.captured is False
    assert "item() cannot be captured" in history.why_eager
    assert history.why_eager in repr(history)


def test_hooks_are_called_for_every_batch():
    """A replay calls no hooks, so a model with hooks is not captured."""
    x, y = blobs(32)
    model, calls = net(), []
    handle = model[0].register_forward_hook(lambda *_: calls.append(1))
    history = train.fit(model, (x, y), epochs=3, batch_size=16, progress=False)
    assert (len(calls), history.captured, history.why_eager) == (
        6,
        False,
        "0 has hooks, which a captured step would not call",
    )
    handle.remove()
    handle = model[0].weight.register_hook(lambda g: calls.append(1))
    history = train.fit(model, (x, y), epochs=3, batch_size=16, progress=False)
    assert len(calls) == 12
    assert history.why_eager == "the parameter 0.weight has hooks, which a captured step would not call"
    handle.remove()
    assert train.fit(model, (x, y), epochs=1, progress=False).captured
    weighted = fg.nn.Sequential(weight_norm(fg.nn.Linear(4, 3)))
    assert train.fit(weighted, (x, y), epochs=1, progress=False).captured  # its hook is made of operations


@pytest.mark.parametrize("draw", [np.random.rand, random.random], ids=["NumPy's", "Python's"])
def test_a_model_that_draws_outside_of_fastgrad_draws_for_every_batch(draw):
    class Noisy(fg.nn.Module):
        def __init__(self):
            super().__init__()
            self.body = net()

        def forward(self, x):
            return self.body(x + float(draw()))

    found = []
    for capture in ("auto", False):
        np.random.seed(3)
        random.seed(3)
        model = Noisy()
        history = train.fit(model, blobs(), epochs=3, seed=1, capture=capture, progress=False)
        found.append((weights(model).tobytes(), history["loss"].tolist()))
    assert found[0] == found[1]
    history = train.fit(Noisy(), blobs(), epochs=1, progress=False)
    assert history.why_eager.startswith("the step draws from NumPy's or Python's own generator")


def test_batches_of_many_shapes_end_the_capture():
    class Lengths:
        """Batches of 1, 2, 3, ... rows."""

        def __len__(self):
            return 12

        def __iter__(self):
            for n in range(1, 13):
                yield fg.ones(n, 4), fg.ones(n, 1)

    found = []
    for capture in ("auto", False):
        model = net(sizes=(4, 8, 1))
        history = train.fit(model, Lengths(), functional.mse_loss, epochs=2, capture=capture, progress=False)
        found.append(weights(model).tobytes())
    assert found[0] == found[1]
    history = train.fit(net(sizes=(4, 8, 1)), Lengths(), functional.mse_loss, epochs=2, progress=False)
    assert history.why_eager.startswith("more than 8 shapes")
    with pytest.raises(ValueError, match="name the loss"):
        train.fit(net(), Lengths())


# -- rates, scalers, averages ------------------------------------------------------------------------------------------
def test_schedules():
    x, y = blobs(40)
    schedulers = fg.optim.lr_scheduler

    def rates(schedule, **more):
        return train.fit(net(), (x, y), None, sgd(1e-3), 3, batch_size=10, schedule=schedule, progress=False, **more)[
            "lr"
        ].tolist()

    assert rates(lambda optimizer: schedulers.StepLR(optimizer, 1, 0.5)) == [1e-3, 5e-4, 2.5e-4]
    cyclic = lambda optimizer: schedulers.CyclicLR(optimizer, 0.0, 0.8, step_size_up=8)  # noqa: E731
    assert rates(cyclic) == pytest.approx([0.0, 0.4, 0.8])  # stepped once a batch: four an epoch
    plateau = lambda optimizer: schedulers.ReduceLROnPlateau(optimizer, patience=0, threshold=10.0)  # noqa: E731
    assert rates(plateau, validation=(x, y)) == pytest.approx([1e-3, 1e-4, 1e-5])
    assert rates(fg.optim.schedules.StepDecay(0.1, 0.5, 1)) == pytest.approx([0.1, 0.05, 0.025])
    model = net()
    optimizer = fg.optim.SGD(model.parameters(), 0.1)
    other = schedulers.StepLR(fg.optim.SGD(model.parameters(), 0.1), 1)
    with pytest.raises(ValueError, match="StepLR belongs to another optimizer"):
        train.fit(model, (x, y), optimizer=optimizer, schedule=other)
    with pytest.raises(TypeError, match="schedule is a scheduler"):
        train.fit(model, (x, y), schedule=0.1)


def test_plateau_sees_the_validation_loss():
    seen = []

    class Watching(fg.optim.lr_scheduler.ReduceLROnPlateau):
        def step(self, metrics):
            seen.append(metrics)
            super().step(metrics)

    x, y = blobs()
    history = train.fit(net(), (x, y), epochs=2, validation=0.3, schedule=Watching, progress=False)
    assert seen == history["val_loss"].tolist()


def test_a_scaler_is_fitted_to_the_training_part():
    from fastgrad.data import StandardScaler

    x, y = blobs()
    scaler, model, other = StandardScaler(), net(), net()
    train.fit(model, (x[:40], y[:40]), epochs=2, validation=(x[40:], y[40:]), scaler=scaler, seed=1, progress=False)
    assert scaler.n_samples_seen_ == 40
    train.fit(other, (scaler.transform(x[:40]), y[:40]), epochs=2, seed=1, progress=False)
    assert weights(model).tobytes() == weights(other).tobytes()


def test_averages_are_what_validation_scores():
    x, y = blobs()
    model = net()
    average = fg.optim.averaging.EMA(model.parameters(), 0.9)
    history = train.fit(model, (x, y), epochs=2, validation=(x, y), averages=average, progress=False)
    assert average.updates == 4
    raw = train.evaluate(model, (x, y))["loss"]
    with average.swapped():
        assert train.evaluate(model, (x, y))["loss"] == history["val_loss"][-1] != raw
    mean = fg.optim.averaging.SWA(model.parameters())
    train.fit(model, (x, y), epochs=3, averages=mean, progress=False)
    assert mean.updates == 3


def test_a_callback_may_change_the_model():
    """Dropout that falls from epoch to epoch: recorded anew, and eager once that happens too often."""
    ends, reasons = [], []
    for epochs, capture in ((3, "auto"), (3, False), (12, "auto"), (12, False)):
        fg.manual_seed(4)
        model = fg.nn.Sequential(fg.nn.Linear(4, 8), fg.nn.Dropout(0.9), fg.nn.Linear(8, 3))
        falling = train.LambdaCallback(on_epoch_begin=lambda run: setattr(run.model[1], "p", 0.9 / (1 + run.epoch)))
        history = train.fit(model, blobs(), epochs=epochs, seed=1, callbacks=falling, capture=capture, progress=False)
        ends.append(weights(model).tobytes())
        reasons.append(history.why_eager)
    assert ends[0] == ends[1]
    assert ends[2] == ends[3]
    assert reasons[0] is None
    assert "settings of the model" in reasons[2]


# -- what is refused ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"data": np.ones((3, 4))}, TypeError, r"data is \(x, y\), a Dataset or a DataLoader, not a ndarray"),
        ({"data": (np.ones((3, 4)),)}, ValueError, "here are 1 arrays"),
        ({"data": (np.ones((3, 4)), np.ones(4))}, ValueError, r"inputs and targets have \[3, 4\] rows"),
        ({"data": (np.ones((0, 4)), np.ones(0))}, ValueError, "no rows"),
        ({"model": fg.ones(2)}, TypeError, "the model is a Module, not a Tensor"),
        ({"epochs": -1}, ValueError, "epochs must be an integer of at least 0"),
        ({"epochs": 1.5}, ValueError, "epochs must be an integer"),
        ({"optimizer": "adam"}, TypeError, "optimizer is an Optimizer or makes one, not a str"),
        ({"capture": "always"}, ValueError, 'capture must be "auto", True or False'),
        ({"progress": "bar"}, ValueError, "progress must be True, False"),
        ({"callbacks": [3]}, TypeError, "3 is no callback"),
        ({"callbacks": [train.EarlyStopping]}, TypeError, "is no callback"),
        ({"validation": 1.5}, ValueError, "test_size=1.5"),
    ],
)
def test_refusals(arguments, error, text):
    model = net()
    before = weights(model)
    with pytest.raises(error, match=text):
        train.fit(**{"model": model, "data": blobs(), **arguments})
    assert weights(model).tobytes() == before.tobytes()


def test_a_model_without_anything_to_train():
    model = train.freeze(net())
    with pytest.raises(ValueError, match="every parameter of the model is frozen"):
        train.fit(model, blobs())


def test_losses_refuse_to_broadcast():
    x, _ = blobs()
    with pytest.raises(ValueError, match=r"\(32, 1\).*\(32,\)"):
        train.fit(net(sizes=(4, 8, 1)), (x, x[:, 0]), progress=False)
