"""Comparisons, logic, integers and conversions: what they give, in which dtype, and what is refused."""

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.testing import assert_bits

INF, NAN = float("inf"), float("nan")
SPECIAL = [0.0, -0.0, 1.0, -1.0, INF, -INF, NAN]
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
UFUNCS = {"eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}


# -- comparisons -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", COMPARISONS)
@pytest.mark.parametrize("dtypes", [("f4", "f4"), ("f8", "f8"), ("f4", "f8"), ("f4", "i8"), ("i8", "i8"), ("?", "i4")])
def test_comparisons_of_all_pairs(name, dtypes):
    a, b = (np.nan_to_num(SPECIAL, posinf=9, neginf=-9) if d not in ("f4", "f8") else np.array(SPECIAL) for d in dtypes)
    a, b = a.astype(dtypes[0])[:, None], b.astype(dtypes[1])
    expected = getattr(np, UFUNCS[name])(a, b)
    x, y = fg.from_numpy(a), fg.from_numpy(b)
    for found in (getattr(fg, name)(x, y), getattr(x, name)(y), getattr(x, f"__{name}__")(y)):
        assert isinstance(found, fg.Tensor)
        assert_bits(found.data, expected)
    assert_bits(getattr(fg, name)(a, b), expected)


def test_a_number_is_compared_in_the_dtype_of_the_tensor():
    assert (fg.tensor([0.1]) == 0.1).tolist() == [True]
    assert (fg.tensor([1, 2]) > 1.5).tolist() == [False, True]
    assert (fg.tensor([1, 2]) == True).tolist() == [True, False]  # noqa: E712
    assert (fg.tensor([1, 2]) > 1.5).tolist() == [False, True]
    assert (np.array([1.0, 3.0]) < fg.tensor([2.0, 2.0])).tolist() == [True, False]
    assert (fg.tensor([True, False]) == 1).tolist() == [True, False]


@pytest.mark.parametrize("other", [None, "text", [1.0, 2.0], object(), 1j])
def test_other_objects_are_unequal_and_have_no_order(other):
    x = fg.tensor([1.0, 2.0])
    assert (x == other) is False
    assert (x != other) is True
    assert (other == x) is False
    with pytest.raises(TypeError, match="not supported between"):
        x < other  # noqa: B015
    with pytest.raises(TypeError, match=r"^eq: cannot combine a tensor with"):
        fg.eq(x, other)


def test_comparisons_have_no_history():
    x = fg.tensor([1.0, -2.0], requires_grad=True)
    for found in (x > 0, x == x, fg.isnan(x), fg.isclose(x, x), ~(x > 0), fg.logical_and(x, x)):
        assert found.dtype == np.bool_
        assert not found.requires_grad


def test_masks_multiply():
    x = fg.tensor([1.0, -2.0, 3.0], requires_grad=True)

    def step(x):
        return fg.grad((x * (x > 0) * x).sum(), x)[0]

    assert step(x).tolist() == [2, 0, 6]
    assert fg.capture(step)(x).tolist() == [2, 0, 6]


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_states(dtype):
    x = np.array(SPECIAL, dtype)
    for name in ("isnan", "isinf", "isfinite"):
        assert_bits(getattr(fg, name)(fg.from_numpy(x)).data, getattr(np, name)(x))
    assert fg.isfinite(fg.tensor([1, 2])).tolist() == [True, True]
    assert fg.isnan(fg.tensor([1, 2])).tolist() == [False, False]


@pytest.mark.parametrize("equal_nan", [False, True])
def test_isclose_and_allclose(equal_nan):
    a, b = np.array(SPECIAL)[:, None], np.array([*SPECIAL, 1 + 1e-6, 1 + 1e-4, 1e-9])
    expected = np.isclose(a, b, equal_nan=equal_nan)
    assert_bits(fg.isclose(fg.from_numpy(a), fg.from_numpy(b), equal_nan=equal_nan).data, expected)
    assert fg.allclose(fg.from_numpy(a), fg.from_numpy(a), equal_nan=equal_nan) is equal_nan
    assert fg.allclose(fg.tensor([1.0]), fg.tensor([1.1]), atol=0.2) is True
    assert fg.allclose(fg.tensor([1.0]), fg.tensor([1.1]), rtol=0.05) is False
    assert fg.isclose(fg.tensor([10, 20]), fg.tensor([10, 21])).tolist() == [True, False]


def test_equal_is_a_python_bool():
    x = fg.tensor([1.0, 2.0])
    assert fg.equal(x, x.clone()) is True
    assert x.equal(fg.tensor([1.0, 3.0])) is False
    assert fg.equal(x, fg.tensor([[1.0, 2.0]])) is False, "they would broadcast"
    assert fg.equal(fg.tensor([NAN]), fg.tensor([NAN])) is False
    assert fg.equal(fg.tensor([]), fg.tensor([])) is True


@pytest.mark.parametrize("name", ["allclose", "equal"])
def test_python_bools_are_not_captured(name):
    x = fg.tensor([1.0])
    with pytest.raises(fg.CaptureError, match=f"{name} cannot be captured"):
        fg.capture(lambda x: getattr(fg, name)(x, x))(x)


# -- logic -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["and", "or", "xor"])
def test_logic(name):
    a, b = np.array([[0.0], [2.0], [NAN], [-0.0]]), np.array([0, 3])
    expected = getattr(np, f"logical_{name}")(a, b)
    assert_bits(getattr(fg, f"logical_{name}")(fg.from_numpy(a), fg.from_numpy(b)).data, expected)
    assert_bits(getattr(fg, f"logical_{name}")(fg.from_numpy(a), 3).data, expected[:, 1:].copy())
    operator, ufunc = getattr(fg.Tensor, f"__{name}__"), getattr(np, f"bitwise_{name}")
    for x, y in ([True, False], [True, True]), ([6, 5], [3, -1]), ([True, False], [3, 1]):
        assert_bits(operator(fg.tensor(x), fg.tensor(y)).data, ufunc(x, y))
        assert_bits(getattr(fg.Tensor, f"__r{name}__")(fg.tensor(x), 5).data, ufunc(5, x))
    with pytest.raises(TypeError, match=f"bitwise_{name} needs integer or bool tensors, not float32; compare first"):
        operator(fg.tensor([1.0]), fg.tensor([1]))
    with pytest.raises(TypeError, match=f"logical_{name}: cannot combine a tensor with str"):
        getattr(fg, f"logical_{name}")(fg.tensor([1.0]), "a")


def test_not():
    assert fg.logical_not(fg.tensor([0.0, 2.0, NAN])).tolist() == [True, False, False]
    assert (~fg.tensor([True, False])).tolist() == [False, True]
    assert (~fg.tensor([0, 5])).tolist() == [-1, -6]
    with pytest.raises(TypeError, match="bitwise_not needs integer or bool tensors, not float32"):
        ~fg.tensor([1.0])


# -- where -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("a", "b", "dtype"),
    [
        (1.0, 0.0, "f4"),
        (1, 0, "i8"),
        (True, False, "?"),
        (1, 0.5, "f4"),
        (True, 2, "i8"),
        (np.ones(2, "f8"), 0, "f8"),
        (np.ones(2, "i8"), 0.5, "f4"),
        (np.ones(2, "i8"), np.zeros((), "f8"), "f8"),
        (np.ones(2, "f4"), np.zeros((), "f8"), "f4"),
        (np.ones(2, "?"), np.full(2, 3, "u1"), "u1"),
    ],
)
def test_where_promotes(a, b, dtype):
    given = [fg.from_numpy(x) if isinstance(x, np.ndarray) else x for x in (a, b)]
    mask = fg.tensor([True, False])
    found = fg.where(mask, *given)
    assert_bits(found.data, np.where(mask.data, a, b).astype(dtype))
    assert_bits(fg.capture(lambda m: fg.where(m, *given))(mask).data, found.data)


def test_where_with_a_condition_alone_gives_indices():
    x = fg.tensor([[0, 3], [4, 0]])
    rows, columns = fg.where(x != 0)
    assert (rows.tolist(), columns.tolist()) == ([0, 1], [1, 0])
    with pytest.raises(fg.CaptureError, match=r"where\(condition\) alone cannot be captured"):
        fg.capture(lambda x: fg.where(x > 0))(x)
    with pytest.raises(TypeError, match="cond must be a bool tensor, not int64; compare first"):
        fg.where(x, 1, 0)


def test_masked_fill_keeps_the_dtype():
    mask = fg.tensor([True, False])
    assert fg.tensor([1, 2]).masked_fill(mask, 7.5).tolist() == [7, 2]
    assert fg.tensor([1.0, 2.0]).masked_fill(mask, fg.tensor(7.0, dtype=np.float64)).dtype == np.float32
    assert fg.tensor([1.0, 2.0]).masked_fill(mask, -INF).tolist() == [-INF, 2]
    with pytest.raises(
        ValueError, match=r"masked_fill: value must be a number or of no dimensions, not of shape \(1,\)"
    ):
        fg.tensor([1.0, 2.0]).masked_fill(mask, fg.tensor([7.0]))


# -- conversions -------------------------------------------------------------------------------------------------------
DTYPES = ("f2", "f4", "f8", "i4", "i8", "u1", "?")


@pytest.mark.parametrize("source", DTYPES)
@pytest.mark.parametrize("target", DTYPES)
def test_conversions_captured_and_eager(source, target):
    x = fg.from_numpy(np.array([[0, 1, 2], [100, 3, 1]]).astype(source))
    expected = x.data.astype(target)
    dtype = np.dtype(target)
    step = fg.capture(lambda x: x.to(dtype))
    for _ in range(2):
        assert_bits(x.to(dtype).data, expected)
        assert_bits(step(x).data, expected)
    assert len(step.programs) == 1
    assert_bits(x.T.to(dtype).data, expected.T)


def test_floats_become_integers_towards_zero():
    x = fg.tensor([1.9, -1.9, NAN, INF, 0.0])
    assert x.long().tolist() == [1, -1, -(2**63), -(2**63), 0]
    assert x.bool().tolist() == [True, True, True, True, False]


def test_gradients_flow_between_floats_alone():
    x = fg.tensor([1.5], requires_grad=True)
    x.double().sum().backward()
    assert_bits(x.grad.data, np.float32([1]))
    assert not x.long().requires_grad


# -- integers and bools ------------------------------------------------------------------------------------------------
INTEGERS = {  # what, dtype, values of PyTorch for a = [7, -7], b = [2, 2]
    "a + b": ("i8", [9, -5]),
    "a - 1": ("i8", [6, -8]),
    "a * True": ("i8", [7, -7]),
    "a / b": ("f4", [3.5, -3.5]),
    "a // b": ("i8", [3, -4]),
    "a % b": ("i8", [1, 1]),
    "10 // b": ("i8", [5, 5]),
    "10 % a": ("i8", [3, -4]),
    "fg.fmod(a, b)": ("i8", [1, -1]),
    "fg.div(a, b, rounding_mode='trunc')": ("i8", [3, -3]),
    "fg.div(a, b, rounding_mode='floor')": ("i8", [3, -4]),
    "a ** b": ("i8", [49, 49]),
    "a ** 2": ("i8", [49, 49]),
    "a ** 2.0": ("f4", [49, 49]),
    "2 ** b": ("i8", [4, 4]),
    "2.0 ** b": ("f4", [4, 4]),
    "-a": ("i8", [-7, 7]),
    "abs(a)": ("i8", [7, 7]),
    "fg.square(a)": ("i8", [49, 49]),
    "fg.sign(a)": ("i8", [1, -1]),
    "fg.floor(a)": ("i8", [7, -7]),
    "fg.round(a)": ("i8", [7, -7]),
    "fg.reciprocal(b)": ("f4", [0.5, 0.5]),
    "fg.sqrt(b * 2)": ("f4", [2, 2]),
    "fg.exp2(b)": ("f4", [4, 4]),
    "a + 1.5": ("f4", [8.5, -5.5]),
    "a * fg.tensor(0.5, dtype=np.float64)": ("f8", [3.5, -3.5]),
    "fg.clamp(a, min=0)": ("i8", [7, 0]),
    "fg.clamp(a, -1, 1)": ("i8", [1, -1]),
    "fg.clamp(a, 0.5)": ("f4", [7, 0.5]),
    "fg.maximum(a, b)": ("i8", [7, 2]),
    "fg.nan_to_num(a)": ("i8", [7, -7]),
    "fg.addcmul(a, b, b, value=2)": ("i8", [15, 1]),
    "(a > 0) * (b > 0)": ("?", [True, False]),
    "(a > 0) + (b > 0)": ("?", [True, True]),
    "fg.square(a > 0)": ("i8", [1, 0]),
    "fg.sign(a > 0)": ("?", [True, False]),
    "(a > 0) + 1": ("i8", [2, 1]),
    "(a > 0) / 2": ("f4", [0.5, 0]),
}


@pytest.mark.parametrize("what", INTEGERS)
def test_integers_are_pytorchs(what):
    dtype, values = INTEGERS[what]
    step = eval(f"lambda a, b: {what}", {"fg": fg, "np": np})
    a, b = fg.tensor([7, -7]), fg.tensor([2, 2])
    assert_bits(step(a, b).data, np.array(values, dtype))
    captured = fg.capture(step)
    for _ in range(2):
        assert_bits(captured(a, b).data, np.array(values, dtype))


@pytest.mark.parametrize("what", ["a // b", "a % b", "fg.fmod(a, b)", "fg.div(a, b, rounding_mode='trunc')", "a // 0"])
def test_integers_are_not_divided_by_zero(what):
    step = eval(f"lambda a, b: {what}", {"fg": fg})
    for run in (step, fg.capture(step)):
        with pytest.raises(ZeroDivisionError, match="an integer is divided by 0"):
            run(fg.tensor([7, -7]), fg.tensor([1, 0]))
    assert (fg.tensor([7, -7]) / 0).tolist() == [INF, -INF]


def test_result_type_takes_tensors():
    assert fg.result_type(fg.tensor([1, 2]), 0.5) == np.float32
    assert fg.result_type(fg.tensor([1.0]), fg.tensor(2.0, dtype=fg.float64)) == np.float32


def test_a_number_leaves_its_factor_free_to_change():
    x = fg.tensor([1.0, 2.0], requires_grad=True)
    y = x.clone()
    y[0] = y[1] * 3.0
    y.sum().backward()
    assert x.grad.tolist() == [0, 4]


def test_truth_values_are_not_divided():
    m = fg.tensor([True, False])
    for f in (fg.floor_divide, fg.remainder, fg.fmod):
        with pytest.raises(TypeError, match=f"{f.__name__} needs numbers, not truth values"):
            f(m, m)


BAD = {"str": "text", "complex": 1j, "NoneType": None, "a list; make a tensor of it first": [1.0]}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize(
    "op", ["add", "sub", "mul", "div", "pow", "maximum", "floor_divide", "remainder", "fmod", "lt"]
)
def test_strange_operands_are_named(op, name):
    with pytest.raises(TypeError, match=f"^{op}: cannot combine a tensor with {name}"):
        getattr(fg, op)(fg.tensor([1.0]), BAD[name])
    if op in ("add", "sub", "mul", "div", "floor_divide", "remainder"):
        with pytest.raises(TypeError, match=f"^{op}_: cannot combine a tensor with {name}"):
            getattr(fg.tensor([1.0]), op + "_")(BAD[name])


# -- floats: what the cases of the ops do not reach --------------------------------------------------------------------
def test_special_values_of_quotients():
    a = fg.tensor([5.0, -5.0, 5.0, 5.0, 0.0, INF])
    b = fg.tensor([0.0, INF, -INF, INF, 2.0, 2.0])
    assert_bits(fg.remainder(a, b).data, np.float32([NAN, INF, -INF, 5, 0, NAN]))
    assert_bits(fg.fmod(a, b).data, np.float32([NAN, -5, 5, 5, 0, NAN]))
    assert_bits(fg.div(a, b, rounding_mode="trunc").data, np.float32([INF, -0.0, -0.0, 0, 0, INF]))
    assert fg.fmod(fg.tensor([7.5, -7.5]), -2).tolist() == [1.5, -1.5]
    with pytest.raises(ValueError, match="rounding_mode must be None"):
        fg.div(a, b, rounding_mode="up")


def test_sums_of_exponentials_do_not_overflow():
    x = fg.tensor([1000.0, -INF, INF, 0.0, NAN], requires_grad=True)
    y = fg.tensor([1000.0, -INF, INF, -INF, 0.0], requires_grad=True)
    out = fg.logaddexp(x, y)
    assert_bits(out.data, np.float32([1000 + np.log(2), -INF, INF, 0, NAN]))
    slopes = fg.grad(out.sum(), [x, y])
    assert [s.tolist()[:4] for s in slopes] == [[0.5, 0.5, 0.5, 1], [0.5, 0.5, 0.5, 0]]
    assert np.isnan([s.tolist()[4] for s in slopes]).all(), "a NaN has no slope"
    x = fg.zeros(1, dtype=fg.float64, requires_grad=True)
    (slope,) = fg.grad(fg.logaddexp(x, 0.0), x, create_graph=True)
    assert fg.grad(slope, x)[0].item() == 0.25


@pytest.mark.parametrize(("name", "largest"), [("sinh", 89.0), ("cosh", 89.0)])
def test_hyperbolic_functions_reach_as_far_as_their_results(name, largest):
    x = np.float32([largest, -largest, 90, 1e-4, -3e-20, 0])
    found = getattr(fg, name)(fg.from_numpy(x)).data
    with np.errstate(over="ignore"):
        expected = getattr(np, name)(x.astype(np.float64)).astype(np.float32)
    np.testing.assert_allclose(found, expected, rtol=16 * np.finfo(np.float32).eps)


@pytest.mark.parametrize(("name", "plain"), [("atan2", np.arctan2), ("hypot", np.hypot)])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_the_plane_with_its_zeros_and_infinities(name, plain, dtype):
    x = np.array([*SPECIAL, 3e38, -3e38, 1e-40, -2.0, 1e-20], dtype)
    wide = x.astype(np.longdouble)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        expected = plain(wide[:, None], wide).astype(dtype)
    found = getattr(fg, name)(fg.from_numpy(x[:, None]), fg.from_numpy(x)).data
    np.testing.assert_allclose(found, expected, rtol=8 * np.finfo(dtype).eps, atol=np.finfo(dtype).tiny)
    assert_bits(np.signbit(found[~np.isnan(found)]), np.signbit(expected[~np.isnan(expected)]))


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1.0, 1e160, 1e300])
def test_slopes_of_an_angle_whose_squares_vanish_or_overflow(size):
    y, x = (fg.tensor(np.array(n) * size, requires_grad=True) for n in ([0.0, 3.0, -3.0], [1.0, 0.0, 4.0]))
    to_y, to_x = fg.grad(fg.atan2(y, x).sum(), [y, x])
    np.testing.assert_allclose(to_y.data * size, [1, 0, 4 / 25], rtol=1e-15)
    np.testing.assert_allclose(to_x.data * size, [0, -1 / 3, 3 / 25], rtol=1e-15)


def test_slopes_of_hyperbolic_functions_at_infinity():
    for f, slope in (fg.sinh, INF), (fg.cosh, -INF):
        x = fg.tensor([-INF, 1e-30], requires_grad=True)
        assert fg.grad(f(x).sum(), x)[0].tolist() == [slope, np.float32(1e-30) if f is fg.cosh else 1]


def test_flat_functions_have_zero_slopes():
    flat = [fg.sign, fg.floor, fg.ceil, fg.trunc, fg.round, lambda x: fg.heaviside(x, 0.5)]
    flat += [lambda x: fg.div(x, 0.0, rounding_mode="trunc"), lambda x: x // 0.0]
    for f in flat:
        x = fg.tensor([1.25, -3.0], requires_grad=True)
        assert fg.grad(f(x).sum(), x)[0].tolist() == [0, 0]


def test_bounds_that_are_tensors_share_the_gradient_as_in_pytorch():
    rows = [  # x, lo, hi and their gradients
        (0.0, 1.0, 1.0, [0, 0, 0]),
        (1.5, 2.0, 1.0, [0, 0, 1]),
        (0.0, 0.0, 1.0, [1, 0, 0]),
        (1.0, 0.0, 1.0, [1, 0, 0]),
        (2.0, 0.0, 1.0, [0, 0, 1]),
        (-1.0, 0.0, 1.0, [0, 1, 0]),
    ]
    for *values, expected in rows:
        given = [fg.tensor(v, requires_grad=True) for v in values]
        assert [g.item() for g in fg.grad(fg.clamp(*given), given)] == expected
    x = fg.tensor([-1.0, 2.0], requires_grad=True)
    low = fg.tensor(0.5, requires_grad=True)
    assert [g.tolist() for g in fg.grad(fg.clamp_min(x, low).sum(), [x, low])] == [[0, 1], 1]
    with pytest.raises(ValueError, match="clip needs min or max"):
        fg.clamp(x)


def test_equal_infinities_share_the_gradient_of_a_maximum():
    x, y = (fg.tensor([-INF, INF, 1.0], requires_grad=True) for _ in range(2))
    for f in (fg.maximum, fg.minimum):
        assert [g.tolist() for g in fg.grad(f(x, y).sum(), [x, y])] == [[0.5] * 3] * 2


def test_aliases():
    pairs = {
        "absolute": "abs",
        "negative": "neg",
        "subtract": "sub",
        "multiply": "mul",
        "divide": "div",
        "clamp": "clip",
    }
    for alias, name in {**pairs, "true_divide": "div"}.items():
        assert getattr(fg, alias) is getattr(fg, name)
        assert getattr(fg.Tensor, alias) is getattr(fg.Tensor, name)
        assert getattr(fg.Tensor, alias + "_") is getattr(fg.Tensor, name + "_")


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int32, np.int64])
def test_heaviside_of_integers_is_of_integers(dtype):
    found = fg.heaviside(fg.tensor(np.array([0, 1, 0], dtype)), fg.tensor(np.array([1, 0, 0], dtype)))
    assert found.dtype == dtype
    assert found.tolist() == [1, 1, 0]


def test_bools_are_held_between_bools():
    x = fg.tensor([True, False])
    assert fg.clip(x, min=fg.tensor(True)).tolist() == [True, True]
    assert fg.clip(x, max=fg.tensor([False, True])).tolist() == [False, False]
