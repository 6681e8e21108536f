"""Activations of straight pieces: leaky and learned rectifiers, clamps, their hard relatives, softsign.

Where two pieces meet, and at NaN, the slope is PyTorch's; docs/numerics.md has the table.
"""

from math import prod as product

from .. import kernels
from .base import Op, apply, apply1, apply2, contiguous, promoted
from .compare import ge, gt, le, logical_and, lt
from .elementwise import abs, add, div, mul, sign, sub, where
from .shape import expand, reshape

__all__ = ["prelu"]


class LeakyRelu(Op):
    """out = x where x > 0, else slope x;   dx = dout, or slope dout,   dslope = the sum of dout x where x <= 0."""

    saves = (0, 1)
    floating = True
    kernel = kernels.leaky_relu

    @staticmethod
    def backward(ctx, dout):
        x, slope = ctx.saved
        to_x, to_slope = ctx.inputs
        dx = apply(LeakyReluBackward, dout, x, slope) if to_x is not None else None
        return dx, apply(PreluSlope, dout, x, slope.shape) if to_slope is not None else None


class LeakyReluBackward(Op):
    """out = dout where x > 0, else slope dout: linear in dout;   dslope = ddx dout where x <= 0."""

    saves = (0, 1, 2)
    kernel = kernels.leaky_relu_backward

    @staticmethod
    def backward(ctx, ddx):
        dout, x, slope = ctx.saved
        inner = where(gt(x, 0.0), 0.0, mul(ddx, dout)) if ctx.inputs[2] is not None else None
        return apply(LeakyReluBackward, ddx, x, slope), None, inner


class PreluSlope(Op):
    """out = the sum of dout x where x <= 0, over the axes along which one slope serves;   ddout = ddslope x there,
    dx = ddslope dout there."""

    saves = (0, 1)

    @staticmethod
    def forward(ctx, dout, x, shape):
        """shape: the slope's, of the same number of axes as x or of none: 1, but along one axis at most."""
        ctx.info = shape
        axis = next((i for i, n in enumerate(shape) if n > 1), None)
        if axis is None:
            return kernels.prelu_slope(flat(dout, 1), flat(x, 1)).reshape(shape)
        lead, inner = product(x.shape[:axis]), product(x.shape[axis + 1 :])
        if inner == 1:
            return kernels.prelu_slope(flat(dout, shape[axis]), flat(x, shape[axis])).reshape(shape)
        rows = (lead * shape[axis], inner, 1)
        sums = kernels.prelu_slope(contiguous(dout).reshape(rows), contiguous(x).reshape(rows))
        return kernels.sum(sums.reshape(1, lead, shape[axis])).reshape(shape)

    @staticmethod
    def backward(ctx, ddslope):
        dout, x = ctx.saved
        spread = expand(ddslope, x.shape)
        positive = gt(x, 0.0)
        return where(positive, 0.0, mul(spread, x)), where(positive, 0.0, mul(spread, dout))


def flat(x, columns):
    """x as [1,R,columns], for a kernel that sums over R."""
    return contiguous(x).reshape(1, x.size // columns if columns else 0, columns)


class Hardtanh(Op):
    """out = min(max(x, lo), hi);   dx = dout where lo < x < hi, else 0."""

    saves = (0, 1, 2)
    floating = True

    @staticmethod
    def forward(ctx, x, lo, hi):
        return kernels.clip(x, lo, hi)

    @staticmethod
    def backward(ctx, dout):
        return apply(HardtanhBackward, dout, *ctx.saved)


class HardtanhBackward(Op):
    """out = dout, and 0 where x <= lo or x >= hi: linear in dout."""

    saves = (1, 2, 3)
    kernel = kernels.hardtanh_backward

    @staticmethod
    def backward(ctx, ddx):
        return apply(HardtanhBackward, ddx, *ctx.saved)


class Hardsigmoid(Op):
    """out = min(max(x + 3, 0), 6) / 6;   dx = dout / 6 where -3 < x < 3, else 0."""

    saves = (0,)
    floating = True
    kernel = kernels.hardsigmoid

    @staticmethod
    def backward(ctx, dout):
        return apply(HardsigmoidBackward, dout, ctx.saved)


class HardsigmoidBackward(Op):
    """out = dout / 6 where -3 < x < 3, else 0: linear in dout."""

    saves = (1,)
    kernel = kernels.hardsigmoid_backward

    @staticmethod
    def backward(ctx, ddx):
        return apply(HardsigmoidBackward, ddx, ctx.saved)


class Hardswish(Op):
    """out = x min(max(x + 3, 0), 6) / 6;   dx = dout (x / 3 + 1 / 2) between -3 and 3, dout from 3 on."""

    saves = (0,)
    floating = True
    kernel = kernels.hardswish

    @staticmethod
    def backward(ctx, dout):
        return apply(HardswishBackward, dout, ctx.saved)


class HardswishBackward(Op):
    """out = dout (x / 3 + 1 / 2), dout or 0;   ddout = ddx times the same,   dx = ddx dout / 3 between -3 and 3."""

    saves = (0, 1)
    kernel = kernels.hardswish_backward

    @staticmethod
    def backward(ctx, ddx):
        dout, x = ctx.saved
        inside = logical_and(gt(x, -3.0), lt(x, 3.0))
        return apply(HardswishBackward, ddx, x), where(inside, div(mul(ddx, dout), 3.0), 0.0)


class Softsign(Op):
    """out = x / (1 + |x|);   dx = dout / (1 + |x|)^2."""

    saves = (0,)
    floating = True
    kernel = kernels.softsign

    @staticmethod
    def backward(ctx, dout):
        return apply(SoftsignBackward, dout, ctx.saved)


class SoftsignBackward(Op):
    """out = dout / (1 + |x|)^2;   ddout = ddx / (1 + |x|)^2,   dx = -2 ddx dout sign(x) / (1 + |x|)^3."""

    saves = (0, 1)
    kernel = kernels.softsign_backward

    @staticmethod
    def backward(ctx, ddx):
        dout, x = ctx.saved
        bend = div(mul(sign(x), -2.0), add(abs(x), 1.0))
        ddout = apply(SoftsignBackward, ddx, x)
        return ddout, mul(mul(ddout, dout), bend)


def leaky_relu(input, negative_slope=0.01):
    """x where x > 0, else negative_slope x. Its gradient at 0 is negative_slope, and at NaN too.

    >>> import fastgrad as fg
    >>> fg.nn.functional.leaky_relu(fg.tensor([-1.0, 0.0, 2.0]), 0.1)
    tensor([-0.1,  0. ,  2. ])
    """
    return apply2(LeakyRelu, input, float(negative_slope))


def prelu(input, weight):
    """x where x > 0, else weight x, with a learned weight: of one number, or of one for each channel (axis 1).

    Its gradient at 0 is `weight`; that of the weight is the sum of dout x over the x that are not positive. Source: He
    et al. (2015). Errors: ValueError where weight has neither one number nor one a channel.

    >>> import fastgrad as fg
    >>> fg.prelu(fg.tensor([[-1.0, -1.0], [2.0, -4.0]]), fg.tensor([0.25, 0.5]))
    tensor([[-0.25, -0.5 ],
            [ 2.  , -2.  ]])
    """
    n = product(weight.shape)
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.ndim > 1 or n not in (1, channels):
        raise ValueError(
            f"prelu: a weight of shape {tuple(weight.shape)} for an input of shape {tuple(input.shape)}: it must have "
            f"one number, or one for each of the {channels} channels (axis 1)"
        )
    shape = [1] * input.ndim
    if n > 1:
        shape[1] = n
    return apply(LeakyRelu, *promoted(LeakyRelu, input, reshape(weight, tuple(shape))))


def hardtanh(input, min_val=-1.0, max_val=1.0):
    """min(max(x, min_val), max_val). Its gradient at both bounds is 0 (that of `clip` is 1). NaN stays, and passes its
    gradient on. Errors: ValueError where min_val > max_val.

    >>> import fastgrad as fg
    >>> fg.nn.functional.hardtanh(fg.tensor([-2.0, 0.5, 2.0]))
    tensor([-1. ,  0.5,  1. ])
    """
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val = {min_val} must not exceed max_val = {max_val}")
    return apply(Hardtanh, *promoted(Hardtanh, input, float(min_val), float(max_val)))


def relu6(input):
    """min(max(x, 0), 6): `hardtanh` from 0 to 6, with gradient 0 at 0 and at 6.

    >>> import fastgrad as fg
    >>> fg.nn.functional.relu6(fg.tensor([-1.0, 2.0, 7.0]))
    tensor([0., 2., 6.])
    """
    return hardtanh(input, 0.0, 6.0)


def hardsigmoid(input):
    """min(max(x + 3, 0), 6) / 6, the sigmoid in straight pieces. Its gradient at -3, at 3 and at NaN is 0.

    >>> import fastgrad as fg
    >>> fg.nn.functional.hardsigmoid(fg.tensor([-4.0, 0.0, 4.0]))
    tensor([0. , 0.5, 1. ])
    """
    return apply1(Hardsigmoid, input)


def hardswish(input):
    """x hardsigmoid(x): 0 up to -3, x from 3 on. Its gradient at -3 is 0, at 3 it is 1.

    >>> import fastgrad as fg
    >>> fg.nn.functional.hardswish(fg.tensor([-4.0, 1.5, 4.0]))
    tensor([-0.   ,  1.125,  4.   ])
    """
    return apply1(Hardswish, input)


def softsign(input):
    """x / (1 + |x|), between -1 and 1, which it is at the infinities (PyTorch: NaN).

    >>> import fastgrad as fg
    >>> fg.nn.functional.softsign(fg.tensor([-1.0, 0.0, 3.0]))
    tensor([-0.5 ,  0.  ,  0.75])
    """
    return apply1(Softsign, input)


def threshold(input, threshold, value):
    """x where x > threshold, else value. Its gradient at the threshold is 0.

    >>> import fastgrad as fg
    >>> fg.nn.functional.threshold(fg.tensor([0.5, 2.0]), 1.0, 7.0)
    tensor([7., 2.])
    """
    return where(le(input, threshold), value, input)


def hardshrink(input, lambd=0.5):
    """x where |x| > lambd, else 0. Its gradient at +-lambd is 0."""
    return where(logical_and(ge(input, -lambd), le(input, lambd)), 0.0, input)


def softshrink(input, lambd=0.5):
    """x - lambd above lambd, x + lambd below -lambd, else 0. Its gradient at +-lambd is 0."""
    if lambd < 0:
        raise ValueError(f"softshrink: lambd must be at least 0, not {lambd}")
    shrunk = sub(input, mul(sign(input), lambd))
    return where(logical_and(ge(input, -lambd), le(input, lambd)), 0.0, shrunk)
