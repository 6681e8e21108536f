"""Means of an epoch: the same whether answers are counted at once or many batches later, and across a saved state."""

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.train import accuracy
from fastgrad.train import means as module
from fastgrad.train.means import Means


def batches(rng, count=150, shape=()):
    """Of several sizes: losses, outputs, targets."""
    for n in rng.integers(1, 9, count):
        outputs = rng.standard_normal((n, 4, *shape)).astype(np.float32)
        yield float(rng.random()), fg.tensor(outputs), fg.tensor(rng.integers(0, 4, (n, *shape)))


def spread(outputs, targets):
    return float(outputs.max() - outputs.min())


@pytest.mark.parametrize("shape", [(), (3, 2)])
@pytest.mark.parametrize("limit", [0, 500, 1 << 18])
def test_means_are_by_rows_and_accuracy_by_answers(rng, shape, limit, monkeypatch):
    monkeypatch.setattr(module, "HELD", limit)
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


def test_outputs_of_another_shape_and_memory_that_is_used_again(rng):
    means, target = Means({"accuracy": accuracy}), fg.tensor([0, 0])
    right = 0
    for classes in (3, 3, 5, 2, 2, 2):
        outputs = fg.tensor(rng.standard_normal((2, classes)).astype(np.float32))
        target.data[...] = rng.integers(0, 2, 2)
        right += int((outputs.data.argmax(1) == target.data).sum())
        means.add(0.0, outputs, target)
    assert means.now()["accuracy"] == right / 12


def test_outputs_that_do_not_fit_are_found_in_the_first_batch():
    with pytest.raises(ValueError, match=r"outputs \(2, 3, 4\) do not fit targets \(2,\)"):
        Means({"accuracy": accuracy}).add(0.0, fg.zeros(2, 3, 4), fg.tensor([0, 0]))


def test_not_much_waits():
    means = Means({"accuracy": accuracy})
    for _ in range(1000):
        means.add(0.0, fg.zeros(64, 100), fg.zeros(64, dtype=np.int64))
        assert sum(o.nbytes for o, _ in means.waiting) <= module.HELD
        assert len(means.waiting) < module.BATCHES
