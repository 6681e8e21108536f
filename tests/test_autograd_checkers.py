"""The checkers are checked: gradcheck, gradgradcheck and the comparisons reject what is wrong, and say where."""

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import ops
from fastgrad.ops import OPS, Op, apply
from fastgrad.testing import TOLERANCES, assert_bits, assert_close, tolerance


class Cube(Op):
    """out = x^3;   dx = 3 x^2 dout: right here, and wrong in each of the classes below."""

    saves = (0,)

    @staticmethod
    def forward(ctx, x):
        return x * x * x

    @staticmethod
    def backward(ctx, dout):
        return dout * 3.0 * ctx.saved * ctx.saved


class WrongFactor(Cube):
    """out = x^3, with a gradient that is 1 % too large."""

    @staticmethod
    def backward(ctx, dout):
        return dout * 3.03 * ctx.saved * ctx.saved


class NoOp(Cube):
    """out = x^3, with no gradient."""

    @staticmethod
    def backward(ctx, dout):
        return None


class Zero(Cube):
    """out = x^3, with a gradient of zeros."""

    @staticmethod
    def backward(ctx, dout):
        return dout * 0.0


class SignFlip(Cube):
    """out = x^3, with the opposite gradient."""

    @staticmethod
    def backward(ctx, dout):
        return dout * -3.0 * ctx.saved * ctx.saved


class PassedOn(Cube):
    """out = x^3, which hands on what came in."""

    @staticmethod
    def backward(ctx, dout):
        return dout


class OneElement(Cube):
    """out = x^3, right everywhere but in the last element, which is a hair off."""

    @staticmethod
    def backward(ctx, dout):
        slope = dout * 3.0 * ctx.saved * ctx.saved
        slope.reshape(-1)[-1] *= 1.0001
        return slope


class WrongSecond(Cube):
    """out = x^3, whose gradient is right and whose gradient's gradient is not: half of it is hidden from the tape."""

    @staticmethod
    def backward(ctx, dout):
        x = ctx.saved
        return dout * 3.0 * (x.detach() if isinstance(x, fg.Tensor) else x) * x


class DroppedTerm(Op):
    """out = a b, without the gradient of b."""

    saves = (0, 1)

    @staticmethod
    def forward(ctx, a, b):
        return a * b

    @staticmethod
    def backward(ctx, dout):
        return dout * ctx.saved[1], None


class DroppedSum(Op):
    """out = x - mean of x, without the second term of dx = dout - mean of dout."""

    @staticmethod
    def forward(ctx, x):
        return x - x.mean()

    @staticmethod
    def backward(ctx, dout):
        return dout


MADE = [Cube, WrongFactor, NoOp, Zero, SignFlip, PassedOn, OneElement, WrongSecond, DroppedTerm, DroppedSum]
for made in MADE:
    del OPS[made.__name__]  # they are not fastgrad's: whoever walks OPS must not meet them


@pytest.fixture
def x(rng):
    return fg.from_numpy(rng.uniform(0.5, 1.5, (2, 3))).requires_grad_()


@pytest.fixture
def y(rng):
    return fg.from_numpy(rng.uniform(0.5, 1.5, (2, 3))).requires_grad_()


def test_a_right_rule_passes(x, y):
    assert fg.gradcheck(lambda x: apply(Cube, x), x)
    assert fg.gradgradcheck(lambda x: apply(Cube, x), x)
    assert fg.gradcheck(lambda x, y: x * y, (x, y))


@pytest.mark.parametrize("rule", [WrongFactor, NoOp, Zero, SignFlip, PassedOn, OneElement, DroppedSum])
def test_gradcheck_rejects(rule, x):
    with pytest.raises(AssertionError, match=r"gradcheck: input 0 at \(\d, \d\): backward gives .* differences give"):
        fg.gradcheck(lambda x: apply(rule, x), x)
    assert fg.gradcheck(lambda x: apply(rule, x), x, raise_exception=False) is False


def test_gradcheck_rejects_a_dropped_term(x, y):
    with pytest.raises(AssertionError, match="input 1"):
        fg.gradcheck(lambda x, y: apply(DroppedTerm, x, y), (x, y))


def test_gradcheck_finds_an_error_that_a_tiny_gradient_would_hide(x):
    with pytest.raises(AssertionError):
        fg.gradcheck(lambda x: apply(SignFlip, x) * 1e-3, x)


def test_gradcheck_rejects_a_function_that_is_not_one(x):
    calls = []

    def drifting(x):
        calls.append(None)
        return x * float(len(calls))

    with pytest.raises(AssertionError):
        fg.gradcheck(drifting, x)


def test_gradgradcheck_rejects_a_wrong_second_order(x):
    assert fg.gradcheck(lambda x: apply(WrongSecond, x), x)
    with pytest.raises(AssertionError):
        fg.gradgradcheck(lambda x: apply(WrongSecond, x), x)
    assert fg.gradgradcheck(lambda x: apply(WrongSecond, x), x, raise_exception=False) is False


def test_gradcheck_leaves_its_inputs_alone(x):
    before, version = x.data.copy(), x.data
    fg.gradcheck(lambda x: ops.exp(x), x)
    assert x.data is version
    assert_bits(x.data, before)
    assert x.grad is None


def test_gradcheck_checks_every_output(x):
    assert fg.gradcheck(lambda x: (x * 2.0, ops.exp(x)), x)
    with pytest.raises(AssertionError):
        fg.gradcheck(lambda x: (x * 2.0, apply(SignFlip, x)), x)


def test_gradcheck_refuses_what_it_cannot_check(x):
    with pytest.raises(TypeError, match="input 1 is float32; differences need float64"):
        fg.gradcheck(lambda x, y: x, (x, fg.tensor([1.0], requires_grad=True)))
    with pytest.raises(ValueError, match="no input requires a gradient"):
        fg.gradcheck(lambda x: x, x.detach())


# -- the comparisons that all other tests use --------------------------------------------------------------------------
def test_assert_bits_sees_one_bit():
    a = np.float32([1, 2, 3])
    assert_bits(a, a.copy())
    for other in (np.nextafter(a, 9), a.astype(np.float64), a[:2], a[None], np.float32([1, 2, np.nan])):
        with pytest.raises(AssertionError):
            assert_bits(a, other)
    with pytest.raises(AssertionError):
        assert_bits(np.float32([0.0]), np.float32([-0.0]))
    assert_bits(np.float32([np.nan, np.inf, -0.0]), np.float32([-np.nan, np.inf, -0.0]))


@pytest.mark.parametrize("kind", TOLERANCES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_assert_close_rejects_zeros_sign_flips_and_small_factors(kind, dtype, rng):
    expected = rng.standard_normal((4, 5)).astype(dtype)
    assert_close(expected, expected, kind)
    outside = expected * dtype(1 + 1.5 * tolerance(kind, dtype) + 2 * np.finfo(dtype).eps)
    for wrong in (
        np.zeros_like(expected),
        -expected,
        outside,
        expected[::-1],
        np.full_like(expected, np.nan),
        expected[:1],
    ):
        with pytest.raises(AssertionError):
            assert_close(wrong, expected, kind)
    one = expected.copy()
    one[3, 4] *= 1.001
    with pytest.raises(AssertionError, match=r"1 of 20 differ, the first at \(3, 4\)"):
        assert_close(one, expected, kind)


def test_assert_close_compares_what_is_not_finite():
    special = np.float64([np.inf, -np.inf, np.nan])
    assert_close(special, special, "formula")
    for i in range(3):
        other = special.copy()
        other[i] = 1.0
        with pytest.raises(AssertionError):
            assert_close(other, special, "formula")
        with pytest.raises(AssertionError):
            assert_close(special, other, "formula")
    with pytest.raises(AssertionError):
        assert_close(np.float64([np.inf]), np.float64([-np.inf]), "formula")


def test_every_tolerance_is_small_and_reasoned():
    for kind, (multiple, why) in TOLERANCES.items():
        assert len(why) > 20, kind
        assert 0 <= multiple(1) <= multiple(1000) <= 512, kind
