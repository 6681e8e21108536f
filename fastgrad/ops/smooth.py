"""Activations that are curves: the exponential linear units, softplus, SiLU, GELU. To 4 units in the last place.

At the infinities they have their limits, as have their slopes: 0 and x, or 0 and 1 (PyTorch's GELU and SiLU: NaN).
"""

import math

from .. import kernels
from .activation import SigmoidBackward, sigmoid, tanh
from .base import Op, apply, apply1, apply2, promoted
from .compare import gt, le
from .elementwise import add, div, exp, mul, neg, sub, where

__all__ = ["celu", "selu"]

K1 = 2 * math.sqrt(2 / math.pi)  # GELU by tanh is x sigmoid(z), z = K1 x + K3 x^3
K3 = K1 * 0.044715


class Bent:
    """The backward of an op out = dout f'(x): linear in dout, and `bend` is f''(x)."""

    saves: tuple = (0, 1)

    @classmethod
    def backward(cls, ctx, ddx):
        dout, x, *numbers = ctx.saved
        dx = mul(mul(ddx, dout), cls.bend(x, *numbers)) if ctx.inputs[1] is not None else None
        return apply(cls, ddx, x, *numbers), dx

    @classmethod
    def bend(cls, x, *numbers):
        raise NotImplementedError


class Elu(Op):
    """out = x where x > 0, else alpha (e^x - 1);   dx = dout, or dout alpha e^x."""

    saves = (0, 1)
    floating = True
    kernel = kernels.elu

    @staticmethod
    def backward(ctx, dout):
        return apply(EluBackward, dout, *ctx.saved)


class EluBackward(Bent, Op):
    """out = dout where x > 0, else dout alpha e^x;   ddout = ddx times the same slope,   dx = ddx dout alpha e^x."""

    saves = (0, 1, 2)
    kernel = kernels.elu_backward

    @classmethod
    def bend(cls, x, alpha):
        return where(le(x, 0.0), apply(cls, 1.0, x, alpha), 0.0)


class Celu(Op):
    """out = x where x > 0, else alpha (e^(x / alpha) - 1);   dx = dout, or dout e^(x / alpha)."""

    saves = (0, 1)
    floating = True
    kernel = kernels.celu

    @staticmethod
    def backward(ctx, dout):
        return apply(CeluBackward, dout, *ctx.saved)


class CeluBackward(Bent, Op):
    """out = dout where x > 0, else dout e^(x / alpha);   dx = ddx dout e^(x / alpha) / alpha."""

    saves = (0, 1, 2)
    kernel = kernels.celu_backward

    @classmethod
    def bend(cls, x, alpha):
        return where(le(x, 0.0), div(apply(cls, 1.0, x, alpha), alpha), 0.0)


class Selu(Op):
    """out = lambda x where x > 0, else lambda alpha (e^x - 1);   dx = dout lambda, or dout lambda alpha e^x."""

    saves = (0,)
    floating = True
    kernel = kernels.selu

    @staticmethod
    def backward(ctx, dout):
        return apply(SeluBackward, dout, ctx.saved)


class SeluBackward(Bent, Op):
    """out = dout lambda where x > 0, else dout lambda alpha e^x;   dx = ddx dout lambda alpha e^x."""

    kernel = kernels.selu_backward

    @classmethod
    def bend(cls, x):
        return where(le(x, 0.0), apply(cls, 1.0, x), 0.0)


class Softplus(Op):
    """out = ln(1 + e^z) / beta, z = beta x, or x where z > threshold;   dx = dout sigmoid(z), or dout."""

    saves = (0, 1, 2)
    floating = True
    kernel = kernels.softplus

    @staticmethod
    def backward(ctx, dout):
        return apply(SoftplusBackward, dout, *ctx.saved)


class SoftplusBackward(Bent, Op):
    """out = dout sigmoid(z), z = beta x, or dout where z > threshold;   dx = ddx dout beta s (1 - s)."""

    saves = (0, 1, 2, 3)
    kernel = kernels.softplus_backward

    @classmethod
    def bend(cls, x, beta, threshold):
        z = mul(x, beta)
        return where(gt(z, threshold), 0.0, apply(SigmoidBackward, beta, sigmoid(z)))


class Logsigmoid(Op):
    """out = ln(1 / (1 + e^-x));   dx = dout sigmoid(-x)."""

    saves = (0,)
    floating = True
    kernel = kernels.logsigmoid

    @staticmethod
    def backward(ctx, dout):
        return apply(LogsigmoidBackward, dout, ctx.saved)


class LogsigmoidBackward(Bent, Op):
    """out = dout sigmoid(-x);   ddout = ddx sigmoid(-x),   dx = -ddx dout s (1 - s)."""

    kernel = kernels.logsigmoid_backward

    @classmethod
    def bend(cls, x):
        return neg(apply(SigmoidBackward, 1.0, sigmoid(x)))


class Silu(Op):
    """out = x s, s = sigmoid(x);   dx = dout s (1 + x (1 - s))."""

    saves = (0,)
    floating = True
    kernel = kernels.silu

    @staticmethod
    def backward(ctx, dout):
        return apply(SiluBackward, dout, ctx.saved)


class SiluBackward(Bent, Op):
    """out = dout s (1 + x (1 - s));   ddout = ddx times the same,   dx = ddx dout s (1 - s) (2 + x (1 - 2 s))."""

    kernel = kernels.silu_backward

    @classmethod
    def bend(cls, x):
        s = sigmoid(x)
        return apply(SigmoidBackward, add(mul(x, sub(1.0, mul(s, 2.0))), 2.0), s)


class Gelu(Op):
    """out = x Phi(x), Phi the normal distribution;   dx = dout (Phi(x) + x phi(x))."""

    saves = (0,)
    floating = True
    kernel = kernels.gelu

    @staticmethod
    def backward(ctx, dout):
        return apply(GeluBackward, dout, ctx.saved)


class GeluBackward(Bent, Op):
    """out = dout (Phi(x) + x phi(x));   ddout = ddx times the same,   dx = ddx dout phi(x) (2 - x^2)."""

    kernel = kernels.gelu_backward

    @classmethod
    def bend(cls, x):
        square = mul(x, x)
        return mul(mul(exp(mul(square, -0.5)), 1 / math.sqrt(2 * math.pi)), sub(2.0, square))


class GeluTanh(Op):
    """out = x s, s = sigmoid(z), z = 2 sqrt(2 / pi) (x + 0.044715 x^3);   dx = dout (s + x s (1 - s) z')."""

    saves = (0,)
    floating = True
    kernel = kernels.gelu_tanh

    @staticmethod
    def backward(ctx, dout):
        return apply(GeluTanhBackward, dout, ctx.saved)


class GeluTanhBackward(Bent, Op):
    """out = dout (s + x s (1 - s) z');   dx = ddx dout s (1 - s) (2 z' + x z'' + x z'^2 (1 - 2 s))."""

    kernel = kernels.gelu_tanh_backward

    @classmethod
    def bend(cls, x):
        square = mul(x, x)
        s = sigmoid(mul(x, add(mul(square, K3), K1)))
        slope = add(mul(square, 3 * K3), K1)
        bend = mul(mul(x, mul(slope, slope)), sub(1.0, mul(s, 2.0)))
        return apply(SigmoidBackward, add(add(mul(slope, 2.0), mul(square, 6 * K3)), bend), s)


def elu(input, alpha=1.0):
    """x where x > 0, else alpha (e^x - 1), down to -alpha. Its gradient at 0 is alpha; NaN passes its gradient on.

    Source: Clevert, Unterthiner and Hochreiter (2016).

    >>> import fastgrad as fg
    >>> fg.nn.functional.elu(fg.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.6321,  0.    ,  2.    ])
    """
    return apply2(Elu, input, float(alpha))


def celu(input, alpha=1.0):
    """x where x > 0, else alpha (e^(x / alpha) - 1): its gradient at 0 is 1 for any alpha.

    Source: Barron (2017). Errors: ValueError for alpha = 0.

    >>> import fastgrad as fg
    >>> fg.celu(fg.tensor([-1.0, 0.0, 2.0]), 0.5)
    tensor([-0.4323,  0.    ,  2.    ])
    """
    if alpha == 0:
        raise ValueError("celu: alpha must not be 0, for x is divided by it")
    return apply2(Celu, input, float(alpha))


def selu(input):
    """lambda x where x > 0, else lambda alpha (e^x - 1), lambda = 1.0507, alpha = 1.6733: activations keep mean 0 and
    variance 1 through layers whose weights have mean 0 and variance 1 / n. Its gradient at 0 is lambda alpha.

    Source: Klambauer et al. (2017).

    >>> import fastgrad as fg
    >>> fg.selu(fg.tensor([-1.0, 0.0, 2.0]))
    tensor([-1.1113,  0.    ,  2.1014])
    """
    return apply1(Selu, input)


def softplus(input, beta=1.0, threshold=20.0):
    """ln(1 + e^(beta x)) / beta, the smooth max(x, 0), without overflow; x itself where beta x > threshold.

    Its gradient is sigmoid(beta x), 1 / 2 at 0, and 1 beyond the threshold.

    >>> import fastgrad as fg
    >>> fg.nn.functional.softplus(fg.tensor([-1.0, 0.0, 100.0]))
    tensor([  0.3133,   0.6931, 100.    ])
    """
    return apply(Softplus, *promoted(Softplus, input, float(beta), float(threshold)))


def logsigmoid(input):
    """ln(1 / (1 + e^-x)), without overflow or a logarithm of 0. Its gradient is sigmoid(-x).

    >>> import fastgrad as fg
    >>> fg.nn.functional.logsigmoid(fg.tensor([-100.0, 0.0]))
    tensor([-100.    ,   -0.6931])
    """
    return apply1(Logsigmoid, input)


def silu(input):
    """x sigmoid(x), also called swish. Its gradient at 0 is 1 / 2.

    >>> import fastgrad as fg
    >>> fg.nn.functional.silu(fg.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.2689,  0.    ,  1.7616])
    """
    return apply1(Silu, input)


def gelu(input, approximate="none"):
    """x Phi(x), Phi(x) the share of a normal distribution below x. Its gradient at 0 is 1 / 2.

    approximate: "none", or "tanh" for x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, which differs by up to 5e-4.
    Both are exact to 4 units in the last place, where their own formula, in the tail, has lost all digits. Source:
    Hendrycks and Gimpel (2016). Errors: ValueError for another `approximate`.

    >>> import fastgrad as fg
    >>> fg.nn.functional.gelu(fg.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.1587,  0.    ,  1.9545])
    """
    if approximate not in ("none", "tanh"):
        raise ValueError(f'gelu: approximate must be "none" or "tanh", not {approximate!r}')
    return apply1(Gelu if approximate == "none" else GeluTanh, input)


def mish(input):
    """x tanh(softplus(x)). Its gradient at 0 is 3 / 5. Source: Misra (2019).

    >>> import fastgrad as fg
    >>> fg.nn.functional.mish(fg.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.3034,  0.    ,  1.944 ])
    """
    return mul(input, tanh(softplus(input)))


def tanhshrink(input):
    """x - tanh x. Its gradient is tanh^2 x, 0 at 0.

    >>> import fastgrad as fg
    >>> fg.nn.functional.tanhshrink(fg.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.2384,  0.    ,  1.036 ])
    """
    return sub(input, tanh(input))
