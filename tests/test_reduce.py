"""Reductions, scans, order and moments where they are delicate: ties, NaN, nothing, integers, large means; and captured."""

import math

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import ops
from fastgrad.ops import OPS, ValuesIndices, apply
from fastgrad.testing import assert_bits, assert_close

INF, NAN = math.inf, math.nan


def slope(f, values, dtype=np.float32):
    """The gradient of the sum of f."""
    x = fg.tensor(values, dtype=dtype, requires_grad=True)
    fg.sum(f(x)).backward()
    return x.grad.tolist()


def same(found, expected):
    np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


# -- ties and kinks ----------------------------------------------------------------------------------------------------
TIES = {
    "max": (lambda x: x.max(), [1, 3, 3], [0, 0.5, 0.5]),
    "min": (lambda x: x.min(), [1, 3, 1], [0.5, 0, 0.5]),
    "max, dim": (lambda x: x.max(0).values, [1, 3, 3], [0, 1, 0]),
    "min, dim": (lambda x: x.min(0)[0], [3, 1, 1], [0, 1, 0]),
    "amax": (lambda x: x.amax(0), [1, 3, 3], [0, 0.5, 0.5]),
    "amin": (lambda x: x.amin(), [1, 1, 1, 2], [1 / 3, 1 / 3, 1 / 3, 0]),
    "median": (lambda x: x.median(), [2, 2, 2, 1], [1 / 3, 1 / 3, 1 / 3, 0]),
    "cummax": (lambda x: x.cummax(0).values, [1, 3, 3, 2], [1, 1, 2, 0]),
    "norm, inf": (lambda x: x.norm(INF), [1, -3, 3], [0, -0.5, 0.5]),
    "norm at 0": (lambda x: x.norm(), [0, 0], [0, 0]),
    "norm of 3 at 0": (lambda x: x.norm(3), [0, 0], [0, 0]),
    "norm of 1/2": (lambda x: x.norm(0.5), [0, 4, -4], [0, 2, -2]),
    "std": (lambda x: x.std(), [2, 2, 2], [0, 0, 0]),
    "prod, a zero": (lambda x: x.prod(), [0, 2, 3], [6, 0, 0]),
    "prod, two": (lambda x: x.prod(), [0, 2, 0], [0, 0, 0]),
    "cumprod": (lambda x: x.cumprod(0), [1, 0, 3, 0, 2], [1, 4, 0, 0, 0]),
    "logsumexp": (lambda x: x.logsumexp(0), [-INF, -INF], [0, 0]),
    "nansum": (lambda x: x.nansum(), [NAN, 2], [0, 1]),
    "nanmean": (lambda x: x.nanmean(), [NAN, 2, 4], [0, 0.5, 0.5]),
}


@pytest.mark.parametrize("what", TIES)
def test_gradients_at_ties_and_kinks(what):
    f, values, expected = TIES[what]
    np.testing.assert_allclose(slope(f, values), expected, rtol=1e-6)


def test_second_derivative_of_products_with_zeros():
    for values in ([0.0, 2.0, 3.0], [0.0, 2.0, 0.0], [0.0, 0.0, 0.0]):
        for f in (ops.prod, lambda x: ops.sum(ops.cumprod(x, 0))):
            assert fg.gradgradcheck(f, [fg.tensor(np.array(values), requires_grad=True)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_large_mean_costs_a_variance_nothing(dtype, rng):
    x = (1e4 + 1e-2 * rng.standard_normal((3, 5000))).astype(dtype)
    exact = x.astype(np.longdouble).var(1, ddof=1)
    assert_close(fg.from_numpy(x).var(1).data, exact.astype(dtype), "sum", n=24)
    assert_close(fg.from_numpy(x).std(1).data, np.sqrt(exact).astype(dtype), "sum", n=24)


def test_both_forms_of_var():
    x = fg.tensor([[1.0, 3.0], [2.0, 4.0]])
    same(x.var(1), [2, 2])
    same(x.var(False), 1.25)
    same(x.var(1, False, True), [[1], [1]])
    same(x.var(dim=1, unbiased=False), [1, 1])
    same(x.var(1, correction=2), [INF, INF])
    with pytest.raises(TypeError, match="var: unbiased and correction say the same"):
        x.var(1, unbiased=True, correction=0)


# -- NaN and infinity --------------------------------------------------------------------------------------------------
def test_nan_is_the_largest():
    x = fg.tensor([[3.0, NAN, 1.0], [2.0, 2.0, 5.0]])
    same(x.sort(1, descending=True).indices, [[1, 0, 2], [2, 0, 1]])
    same(x.sort(1).values, [[1, 3, NAN], [2, 2, 5]])
    same(x.topk(1)[0], [[NAN], [5]])
    same(x.topk(2, largest=False).indices, [[2, 0], [0, 1]])
    same(x.kthvalue(3).values, [NAN, 5])
    same(x.argmax(1), [1, 2])
    same(x.argmin(1), [1, 0])
    same(x.median(1).values, [NAN, 2])
    same(x.median(1).indices, [1, 1])
    same(x.quantile(0.1, 1), np.float32([NAN, 2]))
    same(fg.cummax(fg.tensor([1.0, 3.0, 3.0, NAN, 5.0, NAN]), 0).indices, [0, 1, 2, 3, 3, 5])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("descending", [False, True])
def test_sort_is_stable_whatever_the_bits(dtype, descending, rng):
    values = np.array([0.0, -0.0, 1, -1, INF, -INF, NAN, -NAN, 1e-40, -1e-40, 3e38], dtype)
    x = rng.choice(values, (4, 300))
    order = [
        sorted(range(300), key=lambda i, row=row: (np.isnan(row[i]), row[i] if row[i] == row[i] else 0.0)) for row in x
    ]
    if descending:
        order = [
            sorted(range(300), key=lambda i, row=row: (not np.isnan(row[i]), -row[i] if row[i] == row[i] else 0.0))
            for row in x
        ]
    same(fg.from_numpy(x).sort(descending=descending).indices, order)
    same(fg.from_numpy(x).argsort(1, descending, stable=True), order)
    same(fg.from_numpy(x.T).topk(7, 0, largest=descending).indices, np.array(order).T[:7])


def test_logsumexp_of_infinities():
    x = fg.tensor([[-INF, -INF], [INF, 1.0], [-INF, 0.0], [1e4, 1e4]])
    same(x.logsumexp(1), np.float32([-INF, INF, 0, 1e4 + math.log(2)]))


# -- nothing -----------------------------------------------------------------------------------------------------------
def empty(*shape):
    return fg.from_numpy(np.zeros(shape, np.float32))


def test_the_neutral_element_of_nothing():
    for f, expected in [
        (ops.sum, 0),
        (ops.prod, 1),
        (ops.mean, NAN),
        (ops.var, NAN),
        (ops.norm, 0),
        (ops.median, NAN),
        (ops.any, False),
        (ops.all, True),
        (ops.count_nonzero, 0),
        (ops.nansum, 0),
        (ops.nanmean, NAN),
    ]:
        same(f(empty(0)), expected)
    same(empty(2, 0).logsumexp(1), [-INF, -INF])
    same(empty(2, 0).cumsum(1), np.zeros((2, 0)))
    assert empty(0, 3).max(1).values.shape == (0,)
    assert empty(0, 3).sort(0).indices.shape == (0, 3)


@pytest.mark.parametrize("name", ["max", "min", "amax", "amin", "argmax", "argmin", "median", "quantile", "aminmax"])
def test_nothing_to_choose_from(name):
    f = getattr(ops, name)
    arguments = (0.5,) if name == "quantile" else ()
    with pytest.raises(ValueError, match=rf"{name} .*empty.*\(2, 0\)"):
        f(empty(2, 0), *arguments, dim=1)
    if name != "median":
        with pytest.raises(ValueError, match=rf"{name} of an empty tensor is not defined \(shape \(0,\)\)"):
            f(empty(0), *arguments)


# -- integers and bools ------------------------------------------------------------------------------------------------
INTEGERS = {
    "sum of bools": (lambda x: (x > 1).sum(0), [[3, 1], [2, 0]], [2, 0]),
    "sum": (lambda x: x.sum(), [[3, 1], [2, 0]], 6),
    "sum of int32": (lambda x: x.to(np.int32).sum(1, keepdim=True), [[3, 1], [2, 0]], [[4], [2]]),
    "prod": (lambda x: x.prod(1), [[3, 1], [2, 0]], [3, 0]),
    "cumsum of bools": (lambda x: (x > 0).cumsum(1), [[3, 1], [2, 0]], [[1, 2], [1, 1]]),
    "cumprod": (lambda x: x.cumprod(0), [[3, 1], [2, 0]], [[3, 1], [6, 0]]),
    "max": (lambda x: x.max(1).values, [[3, 1], [2, 0]], [3, 2]),
    "amin": (lambda x: x.amin((0, 1)), [[3, 1], [2, 0]], 0),
    "argmax": (lambda x: x.argmax(), [[3, 1], [2, 0]], 0),
    "sort": (lambda x: x.sort(1).values, [[3, 1], [2, 0]], [[1, 3], [0, 2]]),
    "median": (lambda x: x.median(), [[3, 1], [2, 0]], 1),
    "topk": (lambda x: x.topk(1).indices, [[3, 1], [0, 2]], [[0], [1]]),
    "any": (lambda x: x.any(1), [[3, 1], [0, 0]], [True, False]),
    "all": (lambda x: x.all(0), [[3, 1], [2, 0]], [True, False]),
    "count_nonzero": (lambda x: x.count_nonzero((0, 1)), [[3, 1], [2, 0]], 3),
    "nansum": (lambda x: x.nansum(), [[3, 1], [2, 0]], 6),
    "bincount": (lambda x: x.reshape(-1).bincount(minlength=9), [[3, 1], [2, 1]], [0, 2, 1, 1, 0, 0, 0, 0, 0]),
}


@pytest.mark.parametrize("what", INTEGERS)
def test_integers(what):
    f, values, expected = INTEGERS[what]
    found = f(fg.tensor(values))
    same(found, expected)
    assert found.dtype == (np.bool_ if what in ("any", "all") else np.int64)


@pytest.mark.parametrize("what", sorted(set(INTEGERS) - {"sum of bools", "cumsum of bools", "sum of int32"}))
def test_integers_in_a_captured_step(what):
    f, values, _ = INTEGERS[what]
    captured = fg.capture(f)
    for x in (np.array(values), np.array(values)[::-1].copy()):
        assert_bits(captured(fg.from_numpy(x)).data, f(fg.from_numpy(x)).data)
    assert len(captured.programs) == 1


def test_the_sum_of_bools_in_a_captured_step():
    captured = fg.capture(lambda x: (x.sum(), x.any(), x.cumsum(0)))
    for x in (np.array([True, False, True]), np.array([True, True, True])):
        for found, expected in zip(captured(x_ := fg.from_numpy(x)), (x.sum(), x.any(), x.cumsum()), strict=True):
            same(found, expected)
        assert x_.dtype == np.bool_


@pytest.mark.parametrize("name", ["mean", "nanmean", "var", "std", "norm", "quantile", "softmax", "histc"])
def test_what_integers_do_not_have(name):
    arguments = {"quantile": (0.5,), "softmax": (0,)}.get(name, ())
    with pytest.raises(
        TypeError, match=rf"{name} of a tensor of int64 and shape \(3,\): convert it first, x.float\(\)"
    ):
        getattr(ops, name)(fg.tensor([1, 2, 3]), *arguments)


def test_dtypes_that_are_asked_for():
    x = fg.tensor([1, 2])
    for found in (x.sum(dtype=np.float64), x.mean(dtype="float64"), x.prod(dtype=fg.float64), x.norm(dtype=np.float64)):
        assert found.dtype == np.float64
    assert fg.softmax(x, 0, dtype=np.float64).dtype == np.float64
    assert x.logsumexp(0).dtype == np.float32


# -- names and forms ---------------------------------------------------------------------------------------------------
def test_numpys_names():
    x = fg.tensor([[1.0, 2.0], [3.0, 4.0]])
    for name in ("sum", "mean", "amax", "var", "max", "any", "prod", "median"):
        a, b = getattr(x, name)(axis=1, keepdims=True), getattr(x, name)(dim=1, keepdim=True)
        same(a[0] if isinstance(a, tuple) else a, b[0] if isinstance(b, tuple) else b)
    with pytest.raises(TypeError, match="sum: axis and dim are two names of one argument"):
        x.sum(axis=1, dim=0)


def test_values_and_indices():
    x = fg.tensor([[1.0, 5.0], [3.0, 2.0]], requires_grad=True)
    for found in (x.max(1), x.min(1), x.sort(1), x.topk(1), x.kthvalue(1), x.median(1), x.cummax(1), x.cummin(1)):
        assert isinstance(found, ValuesIndices)
        assert found.values.requires_grad
        assert not found.indices.requires_grad
        assert found.indices.dtype == np.int64
    captured = fg.capture(lambda x: x.sort(0))
    assert isinstance(captured(x.detach()), ValuesIndices)
    same(fg.max(x, fg.tensor(2.5)), [[2.5, 5], [3, 2.5]])
    same(fg.min(x, other=fg.tensor([2.0, 2.0])), [[1, 2], [2, 2]])


def test_tensors_without_dimensions():
    x = fg.tensor(2.0)
    for found in (x.max(0), x.sort(), x.topk(1), x.median(0), x.kthvalue(1, -1), x.cummax(0)):
        assert found.values.shape == found.indices.shape == ()
        assert found.indices.item() == 0
    for found in (x.sum(0), x.mean(-1), x.amax(0), x.prod(0), x.cumsum(0), x.logsumexp(0), x.norm(), x.quantile(0.3)):
        assert found.shape == ()
        assert found.item() == 2
    assert x.index_select(0, fg.tensor([0])).shape == ()
    assert [i.tolist() for i in fg.where(x > 0)] == [[0]]
    for bad in (x.sum, x.max, x.sort, x.cumsum, x.prod, x.flatten):
        with pytest.raises(IndexError, match="dim 1"):
            bad(1)


WRONG = {
    "topk": (lambda x: x.topk(4), ValueError, r"topk: k = 4 of an axis of 3 elements \(shape \(2, 3\), dim -1\)"),
    "kthvalue": (lambda x: x.kthvalue(0), ValueError, "kthvalue: k = 0 of an axis of 3 elements"),
    "quantile": (lambda x: x.quantile(1.5), ValueError, r"quantile: q must be numbers in \[0, 1\]"),
    "interpolation": (lambda x: x.quantile(0.5, interpolation="cubic"), ValueError, "interpolation must be linear"),
    "norm": (lambda x: x.norm("nuc"), ValueError, 'norm: p must be "fro" or a number'),
    "sort": (lambda x: x.sort(2), IndexError, "sort: dim 2 of a tensor of 2 dimensions"),
    "prod": (lambda x: x.prod((0, 1)), TypeError, r"prod: dim must be an integer, not \(0, 1\)"),
    "var": (lambda x: x.var((0, 0)), IndexError, r"var: dim \(0, 0\) does not name distinct axes"),
    "bincount": (lambda x: x.bincount(), TypeError, r"bincount: x must be integers \(N,\), not float32 \(2, 3\)"),
    "histc": (lambda x: x.histc(3, 2, 1), ValueError, "min = 2 not above max = 1"),
    "max": (lambda x: x.max((0, 1)), TypeError, r"max: dim must be an integer, not \(0, 1\)"),
}


@pytest.mark.parametrize("what", WRONG)
def test_the_text(what):
    call, kind, text = WRONG[what]
    with pytest.raises(kind, match=text):
        call(fg.from_numpy(np.ones((2, 3), np.float32)))


# -- places ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("bad", [3, -1, 2**40])
def test_places_outside_the_axis_are_refused(bad):
    dout, index = fg.tensor([1.0, 2.0]), np.array([[0, bad]])
    with pytest.raises(IndexError, match="index at position 1 is outside the axis"):
        apply(OPS["MaxBackward"], dout, index, (3, 2), 0)
    with pytest.raises(IndexError, match="outside the axis"):
        apply(OPS["GatherBackward"], fg.tensor([[1.0, 2.0]]), index, (3, 2), 0)
    with pytest.raises(IndexError, match="outside the axis"):
        apply(OPS["Gather"], fg.from_numpy(np.ones((3, 2), np.float32)), index, 0)


def test_indices_that_are_changed_before_backward():
    x = fg.tensor([3.0, 1.0, 2.0], requires_grad=True)
    found = x.sort()
    found.indices.zero_()
    with pytest.raises(RuntimeError, match=r"Gather: its input 1, of shape .*changed in place"):
        found.values.sum().backward()


# -- how many ----------------------------------------------------------------------------------------------------------
def test_unique():
    x = fg.tensor([[3, 1], [3, 1], [0, 1]])
    same(x.unique(), [0, 1, 3])
    values, inverse, counts = x.unique(return_inverse=True, return_counts=True)
    same(values.data[inverse.data], x.data)
    same(counts, [1, 3, 2])
    same(x.unique(dim=0), [[0, 1], [3, 1]])
    same(fg.unique(fg.tensor([NAN, 1.0, NAN])), [1, NAN, NAN])
    with pytest.raises(fg.CaptureError, match=r"unique cannot be captured.*its result depends on values"):
        fg.capture(lambda x: x.unique())(x)


def test_counts():
    x = fg.tensor([1, 2, 2])
    same(x.bincount(), [0, 1, 2])
    same(x.bincount(fg.tensor([1.0, 2.0, 3.0])), np.float32([0, 1, 5]))
    same(fg.histc(fg.tensor([1.0, 2.0, 1.0]), 4, 0, 3), [0, 2, 1, 0])
    same(fg.histc(fg.tensor([2.0, 2.0]), 3), [0, 2, 0])
    same(fg.histc(fg.tensor([-1.0, 0.0, 0.5, 1.0, 2.0]), 2, 0, 1), [1, 2])
    captured = fg.capture(lambda x: x.bincount())
    captured(x)
    with pytest.raises(fg.CaptureError, match="shape depends on values"):
        captured(fg.tensor([1, 2, 7]))
