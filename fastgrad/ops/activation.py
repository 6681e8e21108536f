"""Activations whose derivative is a function of their own output: one array is saved, not two."""

from .. import kernels
from .base import OUT, Op, apply, apply1
from .elementwise import mul, sub

__all__ = ["relu", "sigmoid", "tanh"]


class Relu(Op):
    """out = max(x, 0);   dx = dout, and 0 where out <= 0 (0 at x = 0; dout at NaN)."""

    saves = (OUT,)
    kernel = kernels.relu

    @staticmethod
    def backward(ctx, dout):
        return apply(ReluBackward, dout, ctx.saved)


class ReluBackward(Op):
    """out = dout, and 0 where y <= 0: linear in dout."""

    saves = (1,)
    kernel = kernels.relu_backward

    @staticmethod
    def backward(ctx, ddx):
        return apply(ReluBackward, ddx, ctx.saved)


class Sigmoid(Op):
    """out = 1 / (1 + e^-x);   dx = dout out (1 - out)."""

    saves = (OUT,)
    floating = True
    kernel = kernels.sigmoid

    @staticmethod
    def backward(ctx, dout):
        return apply(SigmoidBackward, dout, ctx.saved)


class SigmoidBackward(Op):
    """out = dout y (1 - y);   ddout = ddx y (1 - y),   dy = ddx dout (1 - 2 y)."""

    saves = (0, 1)
    kernel = kernels.sigmoid_backward

    @staticmethod
    def backward(ctx, ddx):
        dout, y = ctx.saved
        return apply(SigmoidBackward, ddx, y), mul(mul(ddx, dout), sub(1.0, mul(y, 2.0)))


class Tanh(Op):
    """out = tanh x;   dx = dout (1 - out^2)."""

    saves = (OUT,)
    floating = True
    kernel = kernels.tanh

    @staticmethod
    def backward(ctx, dout):
        return apply(TanhBackward, dout, ctx.saved)


class TanhBackward(Op):
    """out = dout (1 - y^2);   ddout = ddx (1 - y^2),   dy = -2 ddx dout y."""

    saves = (0, 1)
    kernel = kernels.tanh_backward

    @staticmethod
    def backward(ctx, ddx):
        dout, y = ctx.saved
        return apply(TanhBackward, ddx, y), mul(mul(mul(ddx, dout), y), -2.0)


def relu(x):
    """max(x, 0); NaN stays NaN, and passes its gradient on. The gradient at 0 is 0.

    >>> import fastgrad as fg
    >>> fg.relu(fg.tensor([-1.0, 0.0, 2.0]))
    tensor([0., 0., 2.])
    """
    return apply1(Relu, x)


def sigmoid(x):
    """1 / (1 + e^-x), in [0, 1], without overflow. Integers become floats.

    >>> import fastgrad as fg
    >>> fg.sigmoid(fg.tensor([-1000.0, 0.0, 1.0]))
    tensor([0.    , 0.5   , 0.7311])
    """
    return apply1(Sigmoid, x)


def tanh(x):
    """The hyperbolic tangent, (e^x - e^-x) / (e^x + e^-x), in [-1, 1]. Integers become floats.

    >>> import fastgrad as fg
    >>> fg.tanh(fg.tensor([0.0, 1.0, 1000.0]))
    tensor([0.    , 0.7616, 1.    ])
    """
    return apply1(Tanh, x)
