"""Variance and standard deviation, and norms."""

from math import inf
from math import prod as product

import numpy as np

from .. import kernels
from .axes import axes_of, dropped, floats, held, numpy_names
from .base import OUT, Op, apply, cast
from .elementwise import abs, add, div, equal, mul, pow, sign, sub
from .extrema import amax, amin
from .reduce import count_nonzero, mean, sum, sum_axes
from .shape import reshape

__all__ = ["norm", "std", "std_mean", "var", "var_mean", "vector_norm"]


class Center(Op):
    """out = x - mean of x over axes;   dx = dout - mean of dout.

    Twice: the rounding error of the first mean, as large as an ulp of it, is the mean of what is left.
    """

    @staticmethod
    def forward(ctx, x, axes):
        ctx.info = axes
        return centered(x, axes)

    @staticmethod
    def backward(ctx, dout):
        return apply(Center, dout, ctx.info)


class Var(Op):
    """out = sum (x - mean of x)^2 / f over axes,   f = n - correction;   dx = dout (2/f) (x - mean of x).

    Two passes, the second corrected by the mean of what the first left: Chan, Golub and LeVeque, "Algorithms for
    computing the sample variance", 1983.
    """

    saves = (0,)

    @staticmethod
    def forward(ctx, x, axes, keepdim, freedom):
        kept = held(x.shape, axes)
        ctx.info = axes, kept, freedom
        c = centered(x, axes)
        out = sum_axes(kernels.mul(c, c, out=c), axes, kept if keepdim else dropped(x.shape, axes))
        return kernels.div(out, freedom)

    @staticmethod
    def backward(ctx, dout):
        axes, kept, freedom = ctx.info
        slope = mul(reshape(dout, kept), 2.0 / freedom if freedom else inf)
        return mul(apply(Center, ctx.saved, axes), slope)


def centered(x, axes):
    kept, n = held(x.shape, axes), float(product(x.shape[a] for a in axes))
    out = kernels.sub(x, kernels.div(sum_axes(x, axes, kept), n))
    return kernels.sub(out, kernels.div(sum_axes(out, axes, kept), n), out=out)


class Root(Op):
    """out = sqrt(x);   dx = dout / (2 out), and 0 where x = 0: the subgradient of a length."""

    saves = (OUT,)

    @staticmethod
    def forward(ctx, x):
        return kernels.sqrt(x)

    @staticmethod
    def backward(ctx, dout):
        zero = equal(ctx.saved, 0.0)
        return div(mul(dout, sub(1.0, zero)), add(mul(ctx.saved, 2.0), zero))


class VectorNorm(Op):
    """out = (sum |x|^p)^(1/p) over axes;   dx = dout sign(x) (|x| / out)^(p-1), and 0 where x or out is 0."""

    saves = (0, OUT)

    @staticmethod
    def forward(ctx, x, p, axes, keepdim):
        kept = held(x.shape, axes)
        ctx.info = p, kept
        shape = kept if keepdim else dropped(x.shape, axes)
        if p == 2:
            return kernels.sqrt(sum_axes(kernels.mul(x, x), axes, shape))
        return kernels.pow(sum_axes(kernels.pow(kernels.abs(x), p), axes, shape), 1.0 / p)

    @staticmethod
    def backward(ctx, dout):
        (x, out), (p, kept) = ctx.saved, ctx.info
        dout, out = reshape(dout, kept), reshape(out, kept)
        out = add(out, equal(out, 0.0))
        if p == 2:
            return mul(x, div(dout, out))
        size = abs(x)
        return mul(mul(pow(div(add(size, equal(size, 0.0)), out), p - 1.0), sign(x)), dout)


def spread(name, x, dim, unbiased, keepdim, correction):
    """The variance, from the arguments of PyTorch's two forms: var(x, unbiased) and var(x, dim, ...)."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if unbiased is not None and correction is not None:
        raise TypeError(f"{name}: unbiased and correction say the same; give one of them")
    if correction is None:
        correction = 1 if unbiased is None or unbiased else 0
    axes = axes_of(dim, floats(x, name).ndim, name)
    freedom = product(x.shape[a] for a in axes) - float(correction)
    return dim, apply(Var, x, axes, bool(keepdim), freedom if freedom > 0 else 0.0)


@numpy_names
def var(x, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """The variance over `dim`: sum (x - mean)^2 / (n - correction), correction = 1, or 0 for ``unbiased=False``.

    Accurate where the mean is much larger than the spread. NaN for a single element (0 / 0), as in PyTorch.
    Errors: TypeError for integers.

    >>> import fastgrad as fg
    >>> x = fg.tensor([[1.0, 3.0], [2.0, 2.0]])
    >>> fg.var(x, dim=1), fg.var(x, dim=1, correction=0), fg.var(x)
    (tensor([2., 0.]), tensor([1., 0.]), tensor(0.6667))
    """
    return spread("var", x, dim, unbiased, keepdim, correction)[1]


@numpy_names
def std(x, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """The standard deviation over `dim`, the root of `var`. Where the spread is 0 the gradient is 0, as in PyTorch.

    >>> import fastgrad as fg
    >>> x = fg.tensor([2.0, 2.0, 2.0], requires_grad=True)
    >>> fg.std(x).backward()
    >>> x.grad
    tensor([0., 0., 0.])
    """
    return apply(Root, spread("std", x, dim, unbiased, keepdim, correction)[1])


@numpy_names
def var_mean(x, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """(`var`, `mean`) over `dim`.

    >>> import fastgrad as fg
    >>> fg.var_mean(fg.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    dim, out = spread("var_mean", x, dim, unbiased, keepdim, correction)
    return out, mean(x, dim, keepdim)


@numpy_names
def std_mean(x, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """(`std`, `mean`) over `dim`.

    >>> import fastgrad as fg
    >>> fg.std_mean(fg.tensor([1.0, 3.0, 5.0]))
    (tensor(2.), tensor(3.))
    """
    dim, out = spread("std_mean", x, dim, unbiased, keepdim, correction)
    return apply(Root, out), mean(x, dim, keepdim)


@numpy_names
def norm(x, p="fro", dim=None, keepdim=False, *, dtype=None):
    """The p-norm of x as a vector, over `dim`: see `vector_norm`. "fro" is 2.

    >>> import fastgrad as fg
    >>> x = fg.tensor([[3.0, -4.0], [0.0, 1.0]])
    >>> fg.norm(x, dim=1), fg.norm(x, 1), fg.norm(x, float("inf"))
    (tensor([5., 1.]), tensor(8.), tensor(4.))
    """
    if isinstance(p, str) and p != "fro":
        raise ValueError(f'norm: p must be "fro" or a number, not {p!r}; norms of matrices are not here')
    return length("norm", x, 2 if p == "fro" or p is None else p, dim, keepdim, dtype)


@numpy_names
def vector_norm(x, ord=2, dim=None, keepdim=False, *, dtype=None):
    """(sum |x|^ord)^(1/ord) over `dim`; the largest |x| for inf, the smallest for -inf, how many are not 0 for 0.

    The gradient is 0 where x is 0, as in PyTorch; ties of +-inf share it. Errors: TypeError for integers.

    >>> import fastgrad as fg
    >>> fg.vector_norm(fg.tensor([3.0, 4.0]))
    tensor(5.)
    """
    return length("vector_norm", x, ord, dim, keepdim, dtype)


def length(name, x, p, dim, keepdim, dtype):
    x, p = floats(x if dtype is None else cast(x, np.dtype(dtype)), name), float(p)
    if p == inf:
        return amax(abs(x), dim, keepdim)
    if p == -inf:
        return amin(abs(x), dim, keepdim)
    if p == 1:
        return sum(abs(x), dim, keepdim)
    if p == 0:
        out = cast(count_nonzero(x, dim), x.dtype)
        return reshape(out, held(x.shape, axes_of(dim, x.ndim, name))) if keepdim else out
    return apply(VectorNorm, x, p, axes_of(dim, x.ndim, name), bool(keepdim))
