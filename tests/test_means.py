"""Means of an epoch: by rows, accuracy by answers, and the same across a saved state; accuracy itself."""

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.train import accuracy
from fastgrad.train.means import Means


def batches(rng, count=150, shape=()):
    """Of several sizes: losses, outputs, targets."""
    for n in rng.integers(1, 9, count):
        outputs = rng.standard_normal((n, 4, *shape)).astype(np.float32)
        yield float(rng.random()), fg.tensor(outputs), fg.tensor(rng.integers(0, 4, (n, *shape)))


def spread(outputs, targets):
    return float(outputs.max() - outputs.min())


@pytest.mark.parametrize("shape", [(), (3, 2)])
def test_means_are_by_rows_and_accuracy_by_answers(rng, shape):
    means, seen = Means({"accuracy": accuracy, "spread": spread}), list(batches(rng, shape=shape))
    assert means.now() == {}
    for batch in seen:
        means.add(*batch)
    rows = sum(len(t) for _, _, t in seen)
    right = sum(int((o.data.argmax(1) == t.data).sum()) for _, o, t in seen)
    answers = sum(t.data.size for _, _, t in seen)
    found = means.now()
    assert list(found) == ["loss", "accuracy", "spread"]
    assert found["accuracy"] == right / answers
    assert found["loss"] == pytest.approx(sum(loss * len(t) for loss, _, t in seen) / rows)
    assert found["spread"] == pytest.approx(sum(spread(o.data, None) * len(t) for _, o, t in seen) / rows)
    means.clear()
    assert means.now() == {}


def test_a_state_in_between_changes_nothing(rng):
    whole, part, seen = Means({"accuracy": accuracy}), Means({"accuracy": accuracy}), list(batches(rng, 20))
    for i, batch in enumerate(seen):
        whole.add(*batch)
        part.add(*batch)
        other = Means({"accuracy": accuracy})
        other.load_state_dict(part.state_dict())
        part = other
        if i % 7 == 0:
            assert whole.now() == part.now()
    assert whole.now() == part.now()


def test_one_unit_answers_by_its_sign():
    assert accuracy(np.array([[0.5], [-0.5], [2.0]]), np.array([1, 1, 1])) == 2 / 3
    assert accuracy(np.array([0.5, -0.5]), np.array([1, 0])) == 1.0
    assert np.isnan(accuracy(np.zeros((0, 3)), np.zeros(0, np.int64)))


@pytest.mark.parametrize("shapes", [((2, 3, 4), (2,)), ((2, 3, 4), (2, 3)), ((2, 3), (3, 2, 1))])
def test_outputs_that_do_not_fit(shapes):
    with pytest.raises(ValueError, match=r"accuracy: outputs .* do not fit targets"):
        Means({"accuracy": accuracy}).add(0.0, *(fg.zeros(*shape) for shape in shapes))
