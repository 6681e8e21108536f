"""What `fit` and `evaluate` are given: what is taken, and what is refused before anything is changed."""

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import nn
from fastgrad.data import DataLoader, Dataset, IterableDataset, StandardScaler, augment
from fastgrad.train import accuracy, evaluate, fit

F = nn.functional


def net():
    fg.manual_seed(0)
    return nn.Linear(4, 3)


@pytest.fixture
def data(rng):
    return rng.standard_normal((24, 4), np.float32), rng.integers(0, 3, 24)


class Stream(IterableDataset):
    def __init__(self, data):
        self.data = data

    def __iter__(self):
        return zip(*self.data, strict=True)


class Counted(Stream):
    def __len__(self):
        return len(self.data[0])


class Batches:
    """A loader of one's own: it has no dataset."""

    def __init__(self, data):
        self.data = data

    def __len__(self):
        return 3

    def __iter__(self):
        x, y = self.data
        return ((fg.from_numpy(x[i::3]), fg.from_numpy(y[i::3])) for i in range(3))


class Column:
    """What a table of pandas is to NumPy."""

    def __init__(self, array):
        self.array = array

    def __len__(self):
        return len(self.array)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype)


def test_whatever_becomes_an_array_is_one(data):
    ends = []
    for x, y in (data, tuple(map(Column, data))):
        model = net()
        history = fit(model, (x, y), epochs=2, seed=1, validation=0.25)
        ends.append((history["val_loss"].tolist(), model.weight.detach().numpy().tobytes()))
    assert ends[0] == ends[1]


@pytest.mark.parametrize("kind", ["dataset", "loader"])
def test_a_stream_with_a_length(data, kind):
    given = Counted(data) if kind == "dataset" else DataLoader(Counted(data), 8)
    history = fit(net(), given, F.cross_entropy, epochs=2, batch_size=8)
    assert len(history) == 2
    assert np.isfinite(history["loss"]).all()


def test_evaluate_needs_neither_a_dataset_nor_a_length(data):
    model = net()
    whole = evaluate(model, data)["loss"]
    for given in (Batches(data), DataLoader(Stream(data), 8)):
        assert evaluate(model, given, F.cross_entropy) == {"loss": pytest.approx(whole, rel=1e-6)}


def test_no_callbacks_and_no_metrics_may_be_none(data):
    assert len(fit(net(), data, epochs=1, callbacks=None, metrics=None)) == 1


def test_a_fitted_scaler_is_kept_with_a_loader(data):
    scaler = StandardScaler().fit(data[0])
    mean = scaler.mean_.copy()
    fit(net(), DataLoader(data, 8), epochs=1, scaler=scaler)
    np.testing.assert_array_equal(scaler.mean_, mean)


def refused(data):
    x, y = data
    other = fg.optim.Adam(nn.Linear(4, 3).parameters())
    named, loader = np.array(["a", "b", "c"])[y], DataLoader(data, 8)
    return {
        "texts as targets": ({"data": (x, named)}, TypeError, r"targets are <U1.*numpy\.unique"),
        "objects as targets": ({"data": (x, named.astype(object))}, TypeError, r"targets are object.*numpy\.unique"),
        "objects as inputs": ({"data": (x.astype(object), y)}, TypeError, r"inputs are object.*astype"),
        "the optimizer of another": ({"optimizer": other}, ValueError, r"Adam holds no parameter of the model"),
        "the averages of another": (
            {"averages": fg.optim.averaging.EMA(nn.Linear(4, 3).parameters())},
            ValueError,
            r"EMA holds no parameter of the model",
        ),
        "a loss by name": ({"loss": "mse"}, TypeError, r"loss is a function.*'mse'"),
        "a stream without end": ({"data": Stream(data)}, TypeError, r"how many batches.*__len__"),
        "a new scaler, a loader": ({"data": loader, "scaler": StandardScaler()}, TypeError, r"scaler scales arrays"),
        "one part unscaled": ({"validation": loader, "scaler": StandardScaler()}, TypeError, r"scaler scales arrays"),
        "a class of scalers": ({"scaler": StandardScaler}, TypeError, r"scaler=StandardScaler\(\)"),
    }


@pytest.mark.parametrize("what", list(refused((np.zeros((1, 4), np.float32), np.zeros(1, np.int64)))))
def test_refused(data, what):
    arguments, error, text = refused(data)[what]
    model = net()
    before = model.weight.detach().numpy().copy()
    with pytest.raises(error, match=text):
        fit(model, **{"data": data, "epochs": 1, **arguments})
    np.testing.assert_array_equal(model.weight.detach().numpy(), before)
    assert model.training


def test_a_dataset_is_still_one(data):
    class Rows(Dataset):
        def __len__(self):
            return len(data[0])

        def __getitem__(self, i):
            return data[0][i], data[1][i]

    assert len(fit(net(), Rows(), epochs=1)) == 1


def test_a_loss_of_other_sizes_is_not_told_to_reshape():
    with pytest.raises(ValueError, match=r"a target for each number"):
        F.mse_loss(fg.ones(4, 3), fg.ones(4))


def test_the_accuracy_of_mixed_labels_is_that_of_the_larger_share(data):
    """Mixup makes probabilities of labels; zeros and ones would be compared with them otherwise."""
    x, y = data
    mixed = augment.Mixup(0.2, num_classes=3)
    seen = []

    def transform(x, y, rng):
        seen.append(mixed(x, y, rng=rng))
        return seen[-1]

    model = net()
    still = fg.optim.SGD(model.parameters(), lr=0.0)
    history = fit(model, DataLoader((x, y), 24, transform=transform, seed=0), None, still, epochs=1)
    inputs, shares = seen[0]
    expected = np.mean(model(fg.from_numpy(inputs)).data.argmax(1) == shares.argmax(1))
    assert history["accuracy"].tolist() == [expected]


def test_several_labels_a_row_are_answers_of_their_own():
    outputs, targets = np.array([[1.0, -1.0, 2.0], [1.0, 1.0, -2.0]]), np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    assert accuracy(outputs, targets) == 5 / 6
    assert accuracy(outputs, targets.astype(np.int64)) == 5 / 6


def test_a_history_is_a_dict_of_arrays(data):
    history = fit(net(), data, epochs=3)
    columns = dict(history)
    assert list(columns) == list(history) == list(history.keys()) == ["loss", "accuracy", "lr"]
    for name, column in history.items():
        np.testing.assert_array_equal(column, columns[name])
        assert len(column) == 3


class Several(nn.Module):
    """Two answers: a sequence of outputs [N,2,C], or a tuple."""

    def __init__(self, tuple_of):
        super().__init__()
        self.layer, self.tuple_of = nn.Linear(4, 3), tuple_of

    def forward(self, x):
        out = self.layer(x)
        return (out, x) if self.tuple_of else fg.stack([out, out], 1)


@pytest.mark.parametrize("tuple_of", [False, True])
@pytest.mark.parametrize("capture", [False, True])
def test_outputs_without_an_accuracy_are_trained_without(data, tuple_of, capture):
    x, y = data

    def loss(outputs, target):
        return F.cross_entropy(outputs[0] if tuple_of else outputs.reshape(-1, 3), target.reshape(-1))

    given = (x, y if tuple_of else np.stack([y, y], 1))
    history = fit(Several(tuple_of), given, loss, epochs=2, validation=0.25, capture=capture)
    assert list(history) == ["loss", "val_loss", "lr"]
    assert list(evaluate(Several(tuple_of), given, loss)) == ["loss"]
    with pytest.raises((ValueError, AttributeError)):
        fit(Several(tuple_of), given, loss, epochs=1, metrics="accuracy")
