"""Losses: what they refuse, their edges, and the modules."""

import math

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import nn
from fastgrad.nn import functional as F
from fastgrad.testing import assert_bits

OF_TWO = ["mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "binary_cross_entropy"]
OF_TWO += ["binary_cross_entropy_with_logits", "kl_div", "hinge_loss", "hinge_embedding_loss"]


def ones(*shape):
    return fg.from_numpy(np.ones(shape, np.float32))


@pytest.mark.parametrize("name", OF_TWO)
def test_a_loss_does_not_broadcast(name):
    one_for_each = "Give a target for each number of the input"
    for a, b, cure in [
        ((4, 1), (4,), r"target\.reshape\(4, 1\)"),
        ((4,), (), one_for_each),
        ((2, 3), (1, 3), one_for_each),
    ]:
        with pytest.raises(
            ValueError, match=f"^{name}: input .* and target .* differ; a loss does not broadcast.*{cure}"
        ):
            getattr(F, name)(ones(*a), ones(*b))
    with pytest.raises(ValueError, match="reduction must be one of"):
        getattr(F, name)(ones(2), ones(2), reduction="avg")


@pytest.mark.parametrize("name", OF_TWO)
def test_targets_of_another_dtype(name):
    x, low = fg.tensor([0.25, 0.5], requires_grad=True), -1 if name.startswith("hinge") else 0
    loss = getattr(F, name)(x, fg.tensor([low, 1]))
    assert loss.dtype == np.float32
    assert_bits(loss.data, getattr(F, name)(x, fg.tensor([float(low), 1.0])).data)


def test_probabilities_outside_their_range():
    for bad in (1.5, -0.1, math.nan):
        with pytest.raises(ValueError, match="binary_cross_entropy: input must hold probabilities, from 0 to 1"):
            F.binary_cross_entropy(fg.tensor([0.5, bad]), fg.tensor([1.0, 1.0]))
    captured = fg.capture(lambda p: F.binary_cross_entropy(p, fg.tensor([1.0, 1.0])))
    captured(fg.tensor([0.5, 0.5]))
    with pytest.raises(ValueError, match=r"not 0\.5 to 1\.5"):
        captured(fg.tensor([0.5, 1.5]))


def test_binary_cross_entropy_at_its_edges():
    p = fg.tensor([1.0, 0.0, 1.0, 0.0], requires_grad=True)
    losses = F.binary_cross_entropy(p, fg.tensor([0.0, 1.0, 1.0, 0.0]), reduction="none")
    assert losses.tolist() == [100, 100, 0, 0]
    losses.sum().backward()
    np.testing.assert_allclose(p.grad.tolist(), [1e12, -1e12, 0, 0], rtol=1e-6)
    x = fg.tensor([1000.0, -1000.0, 0.0], requires_grad=True)
    losses = F.binary_cross_entropy_with_logits(x, fg.tensor([0.0, 1.0, 0.25]), reduction="none")
    np.testing.assert_allclose(losses.tolist(), [1000, 1000, math.log(2)], rtol=1e-6)
    losses.sum().backward()
    assert x.grad.tolist() == [1, -1, 0.25]


def test_huber_at_its_joints():
    x = fg.tensor([-2.0, -1.0, 0.0, 1.0, 2.0], requires_grad=True)
    F.huber_loss(x, x.detach() * 0, "sum").backward()
    assert x.grad.tolist() == [-1, -1, 0, 1, 1]
    zero = fg.tensor([0.0])
    assert F.smooth_l1_loss(fg.tensor([3.0]), zero, beta=0).item() == 3
    for bad in (0, -1, math.nan):
        with pytest.raises(ValueError, match="huber_loss: delta must be above 0"):
            F.huber_loss(zero, zero, delta=bad)
    with pytest.raises(ValueError, match="smooth_l1_loss: beta must not be below 0"):
        F.smooth_l1_loss(zero, zero, beta=-1)


def labels(*values):
    return fg.tensor(list(values), dtype=np.int64)


def test_labels_that_count_for_nothing():
    x = fg.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]], requires_grad=True)
    assert F.nll_loss(x, labels(2, -100)).item() == -3
    assert F.nll_loss(x, labels(2, -100), reduction="none").tolist() == [-3, 0]
    weight = fg.tensor([1.0, 2.0, 3.0])
    np.testing.assert_allclose(F.nll_loss(x, labels(0, 2), weight).item(), -(1 + 21) / 4, rtol=1e-6)
    loss = F.nll_loss(x, labels(-100, -100))
    assert math.isnan(loss.item())
    loss.backward()
    assert x.grad.tolist() == [[0] * 3] * 2


def test_cross_entropy_ignores_labels():
    x = fg.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0], [0.0, 1.0, 0.0]], requires_grad=True)
    some, one = F.cross_entropy(x, labels(2, -100, 1)), F.cross_entropy(x[::2], labels(2, 1))
    assert some.item() == one.item()
    assert F.cross_entropy(x, labels(2, 0, 1), ignore_index=0).item() == one.item()
    assert F.cross_entropy(x, labels(2, -100, 1), reduction="none").tolist()[1] == 0
    some.backward()
    assert x.grad.tolist()[1] == [0, 0, 0]
    assert all(x.grad.tolist()[0])
    x.grad = None
    nothing = F.cross_entropy(x, labels(-100, -100, -100))
    assert math.isnan(nothing.item())
    nothing.backward()
    assert x.grad.tolist() == [[0] * 3] * 3
    with pytest.raises(IndexError, match=r"cross_entropy: the label of row 1 is not a class: .*; it is 3, and C is 3"):
        F.cross_entropy(x, labels(-100, 3, 0))


@pytest.mark.parametrize("how", [{}, {"label_smoothing": 0.1}, {"weight": np.float32([1, 2, 0.5])}])
def test_a_captured_cross_entropy_counts_the_labels_of_each_replay(how, rng):
    batches = [(rng.standard_normal((5, 3)).astype(np.float32), t) for t in rng.integers(0, 3, (4, 5))]
    batches[1][1][2] = batches[3][1][0] = batches[3][1][4] = -100
    found = []
    for wrap in (lambda f: f, fg.capture):
        w = fg.ones(3, requires_grad=True)

        def step(x, t, w=w):
            w.grad = None
            loss = F.cross_entropy(x * w, t, **how)
            loss.backward()
            return loss

        step = wrap(step)
        found.append([(step(fg.from_numpy(x), fg.from_numpy(t)).item(), w.grad.tolist()) for x, t in batches])
    assert found[0] == found[1]


def test_one_hot_rows_are_labels(rng):
    x, t = fg.from_numpy(rng.standard_normal((6, 4))), labels(0, 3, 1, 2, 2, 0)
    for reduction in ("mean", "sum", "none"):
        for weight in (None, fg.tensor([1.0, 2.0, 0.5, 1.0])):
            if weight is not None and reduction == "mean":
                continue  # PyTorch divides these two by different numbers
            expected = F.cross_entropy(x, t, weight, reduction=reduction).data
            for rows in (F.one_hot(t, 4), F.one_hot(t, 4).double(), F.one_hot(t, 4).float()):
                np.testing.assert_allclose(
                    F.cross_entropy(x, rows, weight, reduction=reduction).data, expected, rtol=1e-12
                )


def test_kl_div_at_its_edges():
    x, t = fg.tensor([0.5, 0.5]).log(), fg.tensor([1.0, 0.0], requires_grad=True)
    loss = F.kl_div(x, t, reduction="sum")
    np.testing.assert_allclose(loss.item(), math.log(2), rtol=1e-6)
    loss.backward()
    np.testing.assert_allclose(t.grad.tolist(), [1 + math.log(2), math.log(2)], rtol=1e-6)
    assert math.isnan(F.kl_div(fg.ones(0, 2), fg.ones(0, 2), "batchmean").item())
    with pytest.raises(ValueError, match=r"batchmean.*needs a batch"):
        F.kl_div(fg.tensor(1.0), fg.tensor(1.0), "batchmean")


def test_hinges_at_their_joints():
    x = fg.tensor([1.0, 0.0, -1.0], requires_grad=True)
    F.hinge_loss(x, fg.tensor([1.0, 1.0, -1.0]), "sum").backward()
    assert x.grad.tolist() == [0, -1, 0]
    x = fg.tensor([1.0, 2.0, 1.0], requires_grad=True)
    F.multi_margin_loss(x, fg.tensor(1)).backward()
    assert x.grad.tolist() == [0, 0, 0]


BAD = {
    "third": (lambda: F.cross_entropy(ones(2, 2), labels(0, 1), "sum"), TypeError, "write reduction='sum'"),
    "third of the module": (lambda: nn.CrossEntropyLoss("sum"), TypeError, "CrossEntropyLoss: .* reduction='sum'"),
    "smoothing": (
        lambda: F.cross_entropy(ones(2, 2), labels(0, 1), label_smoothing=2),
        ValueError,
        "label_smoothing must be from 0 to 1",
    ),
    "ignored probabilities": (
        lambda: F.cross_entropy(ones(2, 2), ones(2, 2), ignore_index=1),
        ValueError,
        "ignore_index=1 needs labels",
    ),
    "class weights": (
        lambda: F.cross_entropy(ones(2, 2), labels(0, 1), ones(3)),
        ValueError,
        r"cross_entropy: weight \(3,\) must be \(2,\)",
    ),
    "class of a smoothed": (
        lambda: F.cross_entropy(ones(2, 2), labels(0, 2), label_smoothing=0.1),
        IndexError,
        r"cross_entropy: the label 2 at position \(1,\)",
    ),
    "signs": (
        lambda: F.hinge_loss(ones(2), ones(2) * 0),
        ValueError,
        r"must hold -1 and \+1, not 0.0; .*2 \* target - 1",
    ),
    "power": (lambda: F.hinge_loss(ones(2), ones(2), power=3), ValueError, "power must be 1 or 2"),
    "p": (lambda: F.multi_margin_loss(ones(2, 2), labels(0, 1), 3), ValueError, "p must be 1 or 2, not 3"),
    "margin labels": (lambda: F.multi_margin_loss(ones(2, 2), ones(2)), TypeError, "integer labels, not float32"),
    "margin shapes": (
        lambda: F.multi_margin_loss(ones(2, 2), labels(0)),
        ValueError,
        r"input \(2, 2\) .* target \(1,\)",
    ),
    "margin class": (lambda: F.multi_margin_loss(ones(2, 2), labels(0, 2)), IndexError, "the label 2 at position"),
    "shape": (lambda: F.nll_loss(ones(3, 2), labels(0, 1)), ValueError, r"input \(3, 2\) must be .* and target \(2,\)"),
    "dtype": (lambda: F.nll_loss(ones(2, 2), ones(2)), TypeError, r"integer labels, not float32; .*target.long\(\)"),
    "class": (lambda: F.nll_loss(ones(2, 2), labels(0, 2)), IndexError, r"label 2 at position \(1,\) is not a class"),
    "negative": (lambda: F.nll_loss(ones(2, 2), labels(-1, 0)), IndexError, r"label -1 at position \(0,\)"),
    "weight": (lambda: F.nll_loss(ones(2, 2), labels(0, 1), ones(3)), ValueError, r"weight \(3,\) must be \(2,\)"),
    "no classes": (lambda: F.nll_loss(ones(1, 0), labels(0)), IndexError, "label 0"),
    "factor": (
        lambda: F.binary_cross_entropy(ones(2), ones(2), ones(3, 2)),
        ValueError,
        r"weights \(3, 2\) do not broadcast to input's shape \(2,\)",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_the_text(what):
    call, kind, text = BAD[what]
    with pytest.raises(kind, match=text):
        call()


def test_a_bad_label_in_a_captured_step_changes_nothing():
    w = fg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    optimizer = fg.optim.SGD([w], lr=0.1)

    @fg.capture
    def step(target):
        optimizer.zero_grad()
        loss = F.nll_loss(F.log_softmax(w, 1), target)
        loss.backward()
        optimizer.step()
        return loss

    step(labels(0, 1))
    before = w.data.copy()
    with pytest.raises(IndexError, match="nll_loss: the label 2"):
        step(labels(0, 2))
    assert_bits(w.data, before)
    step(labels(1, 0))
    assert (w.data != before).any()


def test_nll_of_log_softmax_is_cross_entropy(rng):
    x, target = rng.standard_normal((5, 4)).astype(np.float32), labels(0, 3, 1, 2, 2)
    found = []
    for loss in (lambda x: F.nll_loss(nn.LogSoftmax(1)(x), target), lambda x: nn.CrossEntropyLoss()(x, target)):
        leaf = fg.tensor(x, requires_grad=True)
        out = loss(leaf)
        out.backward()
        found.append((out.item(), leaf.grad.data))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-6)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-5, atol=1e-7)


MODULES = {
    "KLDivLoss": (lambda: nn.KLDivLoss("batchmean", True), lambda a, b: F.kl_div(a, b, "batchmean", True)),
    "HingeEmbeddingLoss": (lambda: nn.HingeEmbeddingLoss(0.2), lambda a, b: F.hinge_embedding_loss(a, b, 0.2)),
    "MSELoss()": (lambda: nn.MSELoss(), F.mse_loss),
    "L1Loss": (lambda: nn.L1Loss("sum"), lambda a, b: F.l1_loss(a, b, "sum")),
    "HuberLoss": (lambda: nn.HuberLoss("sum", 0.2), lambda a, b: F.huber_loss(a, b, "sum", 0.2)),
    "SmoothL1Loss": (lambda: nn.SmoothL1Loss(beta=0.2), lambda a, b: F.smooth_l1_loss(a, b, beta=0.2)),
    "BCELoss": (lambda: nn.BCELoss(reduction="none"), lambda a, b: F.binary_cross_entropy(a, b, reduction="none")),
    "BCEWithLogitsLoss": (
        lambda: nn.BCEWithLogitsLoss(pos_weight=fg.tensor(3.0)),
        lambda a, b: F.binary_cross_entropy_with_logits(a, b, pos_weight=fg.tensor(3.0)),
    ),
}


@pytest.mark.parametrize("name", MODULES)
def test_modules(name):
    make, function = MODULES[name]
    a, b = fg.tensor([0.25, 0.5, 0.75]), fg.tensor([0.5, 0.0, 1.0])
    assert_bits(make()(a, b).data, function(a, b).data)
    assert "reduction=" in repr(make())


def test_the_module_of_labels():
    x, target = fg.tensor([[-1.0, -2.0], [-3.0, -5.0]]), labels(0, 1)
    assert nn.NLLLoss()(x, target).item() == 3
    assert nn.NLLLoss(fg.tensor([1.0, 3.0]), reduction="sum")(x, target).item() == 16
    assert nn.NLLLoss(ignore_index=1)(x, target).item() == 1
    assert nn.MultiMarginLoss(2, 0.5)(x, target).item() == F.multi_margin_loss(x, target, 2, 0.5).item()
    assert nn.HingeLoss("sum", power=2)(x, fg.sign(x)).item() == F.hinge_loss(x, fg.sign(x), "sum", power=2).item()
    smooth = nn.CrossEntropyLoss(fg.tensor([1.0, 3.0]), ignore_index=0, reduction="sum", label_smoothing=0.2)
    how = {"ignore_index": 0, "reduction": "sum", "label_smoothing": 0.2}
    assert smooth(x, target).item() == F.cross_entropy(x, target, fg.tensor([1.0, 3.0]), **how).item()
    assert nn.Softmin(1)(x).tolist() == F.softmax(fg.tensor([[1.0, 2.0], [3.0, 5.0]]), 1).tolist()
    for module in (nn.MSELoss, nn.L1Loss, nn.NLLLoss, nn.BCELoss, nn.CrossEntropyLoss):
        with pytest.raises(ValueError, match=f"{module.__name__}: reduction must be mean, sum or none, not 'avg'"):
            module(reduction="avg")
