"""Bad input gets an error that teaches (the op, the shapes, the fix), and changes nothing."""

import math

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import ops
from fastgrad.nn import functional as F
from fastgrad.testing import assert_bits


def t(*shape, dtype=np.float32, grad=False):
    return fg.from_numpy(np.ones(shape, dtype)).requires_grad_(grad)


def labels(*values):
    return fg.tensor(list(values))


SHAPES = {
    "add": (lambda: t(2, 3) + t(4), ValueError, r"add: the shapes do not broadcast: a \(2, 3\), b \(4,\)"),
    "sub": (lambda: t(2, 3) - t(2), ValueError, r"sub: the shapes do not broadcast: a \(2, 3\), b \(2,\)"),
    "mul": (lambda: t(2, 3) * t(3, 2), ValueError, r"mul: the shapes do not broadcast: a \(2, 3\), b \(3, 2\)"),
    "div": (lambda: t(2) / t(3), ValueError, r"div: the shapes do not broadcast: a \(2,\), b \(3,\)"),
    "pow": (lambda: t(2) ** t(3), ValueError, r"pow: the shapes do not broadcast: a \(2,\), b \(3,\)"),
    "maximum": (
        lambda: fg.maximum(t(2), t(3)),
        ValueError,
        r"maximum: the shapes do not broadcast: a \(2,\), b \(3,\)",
    ),
    "where": (
        lambda: fg.where(t(2) > 0, t(3), t(3)),
        ValueError,
        r"where: the shapes do not broadcast: cond \(2,\), a \(3,\), b \(3,\)",
    ),
    "where, floats": (
        lambda: fg.where(t(2), t(2), t(2)),
        TypeError,
        "where: cond must be a bool tensor, not float32; compare first",
    ),
    "matmul": (
        lambda: t(2, 3) @ t(2, 3),
        ValueError,
        r"matmul: \(2, 3\) @ \(2, 3\): the last size of the first \(3\) must equal the last but one "
        r"size of the second \(2\)",
    ),
    "matmul, vectors": (
        lambda: t(3) @ t(4),
        ValueError,
        r"matmul: \(3,\) @ \(4,\): the last size of the first \(3\) must equal the only size of the second \(4\)",
    ),
    "matmul, vector": (lambda: t(3) @ t(4, 2), ValueError, r"matmul: \(3,\) @ \(4, 2\)"),
    "matmul, stacks": (lambda: t(2, 3, 4) @ t(2, 3, 4), ValueError, r"matmul: \(2, 3, 4\) @ \(2, 3, 4\)"),
    "matmul, 0-d": (lambda: t() @ t(3), ValueError, r"matmul: a 0-d operand \(\(\) @ \(3,\)\); use \* to scale"),
    "linear": (
        lambda: F.linear(t(2, 3), t(4, 5), t(4)),
        ValueError,
        r"linear: input \(2, 3\), weight \(4, 5\), bias \(4,\) do not fit: input must be \(..., I\)",
    ),
    "linear, bias": (
        lambda: F.linear(t(2, 3), t(4, 3), t(3)),
        ValueError,
        r"linear: input \(2, 3\), weight \(4, 3\), bias \(3,\)",
    ),
    "nn.Linear": (lambda: fg.nn.Linear(3, 2)(t(5, 4)), ValueError, r"linear: input \(5, 4\), weight \(2, 3\)"),
    "reshape": (lambda: t(2, 3).reshape(4), ValueError, r"reshape: \(2, 3\) \(6 elements\) does not fit \(4,\)"),
    "permute": (
        lambda: t(2, 3).permute(0, 0),
        ValueError,
        r"permute: \(0, 0\) is not an order of the 2 axes of \(2, 3\)",
    ),
    "transpose": (lambda: t(2, 3).transpose(0, 2), IndexError, "transpose: axes 0 and 2 of a tensor of 2 dimensions"),
    "t": (lambda: t(2, 3, 4).t(), ValueError, r"t\(\) of a tensor of 3 dimensions; use transpose or permute"),
    "concatenate": (
        lambda: fg.cat([t(2, 3), t(2, 4)]),
        ValueError,
        r"concatenate: shapes \[\(2, 3\), \(2, 4\)\] differ outside dim 0",
    ),
    "concatenate, nothing": (lambda: fg.cat([]), ValueError, "concatenate needs at least one tensor"),
    "concatenate, dim": (lambda: fg.cat([t(2)], 1), IndexError, "concatenate: dim 1 of tensors of 1 dimensions"),
    "sum": (lambda: t(2, 3).sum(2), IndexError, "sum: dim 2 does not name distinct axes of a tensor of 2 dimensions"),
    "mean": (lambda: t(2, 3).mean((0, -2)), IndexError, r"mean: dim \(0, -2\) does not name distinct axes"),
    "max": (lambda: t(2, 0).max(1), ValueError, r"max along dim 1 of an empty axis, shape \(2, 0\), is not defined"),
    "max, empty": (lambda: t(0).max(), ValueError, "max of an empty tensor is not defined"),
    "softmax": (lambda: F.softmax(t(2, 3), 2), IndexError, "Softmax: dim 2 of a tensor of 2 dimensions"),
    "clip": (lambda: t(2).clip(), ValueError, "clip needs min or max"),
    "index": (lambda: t(2)[2], IndexError, "index 2 is out of bounds"),
    "mse_loss": (
        lambda: F.mse_loss(t(4, 1), t(4)),
        ValueError,
        r"mse_loss: input \(4, 1\) and target \(4,\) differ; a loss does not broadcast. "
        r"Reshape one of them, for example target.reshape\(4, 1\)",
    ),
    "mse_loss, a number": (lambda: F.mse_loss(t(4), t()), ValueError, r"input \(4,\) and target \(\) differ"),
    "cross_entropy": (
        lambda: F.cross_entropy(t(3, 2), labels(0, 1)),
        ValueError,
        r"cross_entropy: input \(3, 2\) must be logits \(N, C\) and target \(2,\) labels \(N,\); no shape is broadcast",
    ),
    "cross_entropy, column": (
        lambda: F.cross_entropy(t(2, 2), fg.tensor([[0], [1]])),
        ValueError,
        r"target \(2, 1\) labels",
    ),
    "cross_entropy, classes": (
        lambda: F.cross_entropy(t(2, 0), labels(0, 1)),
        ValueError,
        r"cross_entropy: input \(2, 0\) has no classes",
    ),
    "cross_entropy, floats": (
        lambda: F.cross_entropy(t(2, 2), t(2)),
        TypeError,
        "cross_entropy: target must hold integer labels, not float32",
    ),
    "reduction": (
        lambda: F.mse_loss(t(2), t(2), "avg"),
        ValueError,
        r"reduction must be one of \('mean', 'sum', 'none'\), not 'avg'",
    ),
}


@pytest.mark.parametrize("what", SHAPES)
def test_the_text(what):
    call, kind, text = SHAPES[what]
    with pytest.raises(kind, match=text):
        call()


@pytest.mark.parametrize("bad", [3, -1, 2**40, -(2**40)])
def test_a_label_out_of_range(bad):
    x = t(4, 3, grad=True)
    target = labels(0, 1, bad, 2)
    before = x.data.copy()
    with pytest.raises(
        IndexError, match="cross_entropy: the label of row 2 is not a class: labels run from 0 to C - 1"
    ):
        F.cross_entropy(x, target)
    assert_bits(x.data, before)
    assert target.tolist() == [0, 1, bad, 2]
    with fg.kernels.use("reference"), pytest.raises(IndexError, match="the label of row 2 is not a class"):
        F.cross_entropy(x, target)


def test_labels_that_go_bad_before_backward():
    x, target = t(2, 3, grad=True), labels(0, 1)
    loss = F.cross_entropy(x, target)
    target.data[1] = 7  # behind fastgrad's back
    with pytest.raises(IndexError, match="cross_entropy_backward: the label of row 1"):
        loss.backward()
    assert x.grad is None


@pytest.mark.parametrize(("reduction", "expected"), [("mean", math.nan), ("sum", 0.0), ("none", [])])
def test_an_empty_batch_is_defined(reduction, expected):
    model = fg.nn.Sequential(fg.nn.Linear(4, 5), fg.nn.ReLU(), fg.nn.Linear(5, 3))
    x, target = t(0, 4), fg.from_numpy(np.zeros(0, np.int64))
    for loss in (F.cross_entropy(model(x), target, reduction=reduction), F.mse_loss(model(x), t(0, 3), reduction)):
        if reduction == "none":
            assert loss.data.size == 0
            loss = loss.sum()
        elif reduction == "mean":
            assert math.isnan(loss.item())
        else:
            assert loss.item() == expected
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            assert p.grad.shape == p.shape
            assert p.grad.data.any() == 0, "nothing was learnt from nothing"
    before = model.state_dict()
    fg.optim.Adam(model.parameters()).step()
    for name, p in model.named_parameters():
        assert_bits(p.data, before[name])


def test_an_empty_batch_in_a_captured_step():
    model = fg.nn.Linear(4, 3)
    optimizer = fg.optim.SGD(model.parameters(), lr=0.1)

    @fg.capture
    def step(x, target):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), target, reduction="sum")
        loss.backward()
        optimizer.step()
        return loss

    before = model.state_dict()
    for _ in range(2):
        assert step(t(0, 4), fg.from_numpy(np.zeros(0, np.int64))).item() == 0
    for name, p in model.named_parameters():
        assert_bits(p.data, before[name])


def test_backward_of_what_cannot_go_backward():
    with pytest.raises(
        RuntimeError, match="backward of a tensor that does not require a gradient: no input of its computation"
    ):
        (t(2) * 2.0).sum().backward()
    x = t(2, grad=True)
    with pytest.raises(
        ValueError, match=r"backward of a tensor of shape \(2,\) needs gradient= of that shape; sum\(\) it"
    ):
        (x * 2.0).backward()
    with pytest.raises(ValueError, match=r"backward: gradient \(3,\) float32 must be like the tensor, \(2,\) float32"):
        (x * 2.0).backward(t(3))
    with pytest.raises(ValueError, match=r"backward: gradient \(2,\) float64 must be like the tensor"):
        (x * 2.0).backward(t(2, dtype=np.float64))
    assert x.grad is None


def test_mixed_dtypes_in_kernels_are_named():
    a, b = np.ones(2, np.float32), np.ones(2)
    with pytest.raises(
        fg.kernels.DtypeError,
        match=r"add: the arrays have different dtypes \(a float32, b float64\); convert one of them",
    ):
        ops.add(a, b)
    with pytest.raises(fg.kernels.DtypeError, match="matmul: the arrays have different dtypes"):
        fg.kernels.matmul(np.ones((2, 2), np.float32), np.ones((2, 2), np.int64))


@pytest.mark.parametrize("name", [n for n, kernel in fg.kernels.KERNELS.items() if "report" in kernel.names])
def test_mixed_dtypes_strided_and_read_only_parameters_in_a_rule(name):
    kernel = fg.kernels.KERNELS[name]
    required = [n for n in kernel.names if n not in kernel.defaults]
    numbers = {n: 0.1 for n in required if n in ("lr", "now", "next")}
    states = [n for n in required if n not in ("p", "g", *numbers)]

    def call(p, g):
        return kernel(p, g, **{s: [np.zeros_like(np.ascontiguousarray(p[0]))] for s in states}, **numbers)

    good = np.ones(4, np.float32)
    frozen = good.copy()
    frozen.flags.writeable = False
    wide = np.ones(8, np.float32)
    cases = [
        ([good], [good.astype(np.float64)], TypeError, "the arrays have different dtypes"),
        ([frozen], [good.copy()], ValueError, r"p\[0\] is read-only and would be written"),
        (
            [wide[::2]],
            [good.copy()],
            ValueError,
            r"p\[0\] would be written and is not C-contiguous \(shape \(4,\), strides \(8,\)\)",
        ),
        ([good], [wide[::2]], ValueError, r"g\[0\] is not C-contiguous"),
        ([good], [np.ones(3, np.float32)], ValueError, "tensor 0 has unlike shapes"),
        ([good], [good], ValueError, r"p\[0\] and g\[0\] share memory"),
    ]
    for p, g, kind, text in cases:
        with pytest.raises(kind, match=text):
            call(p, g)
        assert good.tolist() == [1] * 4
        assert wide.tolist() == [1] * 8


def test_a_failed_op_records_nothing_and_changes_nothing():
    x = t(2, 3, grad=True)
    y = x * 2.0
    for bad in (lambda: y + t(4), lambda: y @ t(2, 3), lambda: F.mse_loss(y, t(3)), lambda: y.reshape(7)):
        with pytest.raises(ValueError, match=r"\(2, 3\)"):
            bad()
    y.sum().backward()
    assert x.grad.data.tolist() == [[2] * 3] * 2


def test_threads_and_kernels_are_checked():
    before = fg.get_num_threads()
    for bad in (0, -1):
        with pytest.raises(ValueError, match=f"set_num_threads: n must be .*1.*, not {bad}"):
            fg.set_num_threads(bad)
    with pytest.raises(TypeError, match=r"2\.5 is no number of threads"):
        fg.set_num_threads(2.5)
    assert fg.get_num_threads() == before
    with pytest.raises(ValueError, match='"native" or "reference", not \'fast\''), fg.kernels.use("fast"):
        pass
    with (
        pytest.raises(ValueError, match="isa must be one of baseline, avx2, avx512, not 'sse9'"),
        fg.kernels.use(isa="sse9"),
    ):
        pass
