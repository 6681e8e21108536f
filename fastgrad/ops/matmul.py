"""Matrix products, and the products of vectors and tensors that are made of them.

The operands have one dtype, as in PyTorch: nothing is promoted here. Integers are multiplied by NumPy.
"""

from math import prod

import numpy as np

from .. import kernels
from .axes import axis_of
from .base import Op, apply
from .elementwise import add, mul
from .reduce import broadcast_to, sum, sum_to
from .shape import permute, reshape, rows, transpose

__all__ = [
    "addbmm",
    "addmm",
    "addmv",
    "baddbmm",
    "bmm",
    "dot",
    "inner",
    "kron",
    "matmul",
    "mm",
    "mv",
    "outer",
    "tensordot",
    "vdot",
]


class Matmul(Op):
    """out[M,N] = a[M,K] b[K,N];   da = dout b^T,   db = a^T dout."""

    saves = (0, 1)
    crossed = True

    @staticmethod
    def forward(ctx, a, b):
        return kernels.matmul(a, b)

    @staticmethod
    def backward(ctx, dout):
        a, b = ctx.saved
        da = apply(Matmul, dout, transpose(b, 0, 1)) if ctx.inputs[0] is not None else None
        db = apply(Matmul, transpose(a, 0, 1), dout) if ctx.inputs[1] is not None else None
        return da, db


class BatchMatmul(Op):
    """out[B,M,N] = a[B,M,K] b[B,K,N], one product for each B;   da = dout b^T,   db = a^T dout."""

    saves = (0, 1)
    crossed = True

    kernel = kernels.bmm

    @staticmethod
    def backward(ctx, dout):
        a, b = ctx.saved
        da = apply(BatchMatmul, dout, transpose(b, 1, 2)) if ctx.inputs[0] is not None else None
        db = apply(BatchMatmul, transpose(a, 1, 2), dout) if ctx.inputs[1] is not None else None
        return da, db


class Linear(Op):
    """out[N,O] = x[N,I] w[O,I]^T + b[O];   dx = dout w,   dw = dout^T x,   db = sum of dout over N."""

    saves = (0, 1)
    crossed = True

    @staticmethod
    def forward(ctx, x, w, b):
        return kernels.linear(x, w, b)

    @staticmethod
    def backward(ctx, dout):
        x, w = ctx.saved
        to_x, to_w, to_b = ctx.inputs
        return (
            apply(Matmul, dout, w) if to_x is not None else None,
            apply(Matmul, transpose(dout, 0, 1), x) if to_w is not None else None,
            sum_to(dout, to_b.shape) if to_b is not None else None,
        )


def matmul(a, b):
    """a @ b with NumPy's meaning: vectors, matrices, and stacks of matrices that broadcast."""
    if a.ndim == 0 or b.ndim == 0:
        raise ValueError(f"matmul: a 0-d operand ({tuple(a.shape)} @ {tuple(b.shape)}); use * to scale")
    if a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        raise ValueError(refusal(a, b))
    if a.ndim == 2 and b.ndim == 2:
        return apply(Matmul, a, b)
    if b.ndim == 1:
        out = matmul(a, reshape(b, -1, 1))
        return reshape(out, out.shape[:-1])
    if a.ndim == 1:
        out = matmul(reshape(a, 1, -1), b)
        return reshape(out, (*out.shape[:-2], out.shape[-1]))
    if b.ndim == 2:
        return reshape(apply(Matmul, rows(a), b), (*a.shape[:-1], b.shape[-1]))
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a3 = reshape(broadcast_to(a, (*stack, *a.shape[-2:])), (prod(stack), *a.shape[-2:]))
    b3 = reshape(broadcast_to(b, (*stack, *b.shape[-2:])), (prod(stack), *b.shape[-2:]))
    return reshape(apply(BatchMatmul, a3, b3), (*stack, a.shape[-2], b.shape[-1]))


def refusal(a, b):
    return (
        f"matmul: {tuple(a.shape)} @ {tuple(b.shape)}: the last size of the first ({a.shape[-1]}) must equal the "
        f"{'last but one' if b.ndim > 1 else 'only'} size of the second ({b.shape[-2] if b.ndim > 1 else b.shape[0]})"
        f"{'; the second transposed, b.mT, fits' if b.ndim > 1 and b.shape[-1] == a.shape[-1] else ''}"
    )


def sized(name, a, b, ndims):
    """Refuses operands without just so many dimensions, and lengths that do not meet."""
    if (a.ndim, b.ndim) != ndims:
        raise ValueError(
            f"{name}: {tuple(a.shape)} and {tuple(b.shape)} must have {ndims[0]} and {ndims[1]} dimensions"
        )
    if a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0] or (ndims == (3, 3) and a.shape[0] != b.shape[0]):
        raise ValueError(refusal(a, b).replace("matmul", name, 1))


def mm(a, b):
    """The product of two matrices, [M, K] and [K, N]; `matmul` also takes vectors and stacks."""
    sized("mm", a, b, (2, 2))
    return apply(Matmul, a, b)


def bmm(a, b):
    """The products of matrices in two stacks, [B, M, K] and [B, K, N]; nothing is broadcast."""
    sized("bmm", a, b, (3, 3))
    return apply(BatchMatmul, a, b)


def mv(a, v):
    """A matrix [M, K] times a vector [K].

    >>> import fastgrad as fg
    >>> fg.mv(fg.arange(6.0).reshape(2, 3), fg.ones(3))
    tensor([ 3., 12.])
    """
    sized("mv", a, v, (2, 1))
    return matmul(a, v)


def dot(a, b):
    """The sum of the products of two vectors' elements; both of one size.

    >>> import fastgrad as fg
    >>> fg.dot(fg.tensor([1.0, 2.0]), fg.tensor([3.0, 4.0]))
    tensor(11.)
    """
    sized("dot", a, b, (1, 1))
    return matmul(a, b)


def vdot(a, b):
    """`dot`: numbers are real here."""
    sized("vdot", a, b, (1, 1))
    return matmul(a, b)


def outer(a, b):
    """out[i, j] = a[i] b[j], of two vectors [M] and [N].

    >>> import fastgrad as fg
    >>> fg.outer(fg.tensor([1.0, 2.0]), fg.tensor([3.0, 4.0, 5.0]))
    tensor([[ 3.,  4.,  5.],
            [ 6.,  8., 10.]])
    """
    if a.ndim != 1 or b.ndim != 1:
        raise ValueError(f"outer takes vectors, not {tuple(a.shape)} and {tuple(b.shape)}")
    return mul(reshape(a, (-1, 1)), b)


def inner(a, b):
    """Sums of products over the last axis of both: out[..., ...] = sum over k of a[..., k] b[..., k]."""
    if not a.ndim or not b.ndim:
        return mul(a, b)
    return tensordot(a, b, ([-1], [-1]))


def addmm(input, mat1, mat2, *, beta=1, alpha=1):
    """beta input + alpha mat1 mat2; with beta = 0 input's values are not looked at."""
    sized("addmm", mat1, mat2, (2, 2))
    return weighted("addmm", input, matmul(mat1, mat2), beta, alpha)


def addmv(input, mat, vec, *, beta=1, alpha=1):
    """beta input + alpha mat vec, of [M], [M, K] and [K].

    >>> import fastgrad as fg
    >>> fg.addmv(fg.ones(2), fg.ones(2, 3), fg.ones(3), beta=0.5)
    tensor([3.5, 3.5])
    """
    return weighted("addmv", input, mv(mat, vec), beta, alpha)


def baddbmm(input, batch1, batch2, *, beta=1, alpha=1):
    """beta input + alpha batch1 batch2, one product for each matrix of the stacks."""
    return weighted("baddbmm", input, bmm(batch1, batch2), beta, alpha)


def addbmm(input, batch1, batch2, *, beta=1, alpha=1):
    """beta input + alpha times the sum of the products of a stack's matrices: [B, M, K], [B, K, N] to [M, N].

    >>> import fastgrad as fg
    >>> fg.addbmm(fg.zeros(1, 1), fg.ones(3, 1, 2), fg.ones(3, 2, 1))
    tensor([[6.]])
    """
    return weighted("addbmm", input, sum(bmm(batch1, batch2), 0), beta, alpha)


def weighted(name, input, product, beta, alpha):
    lead = product.ndim - input.ndim
    if lead < 0 or any(n not in (1, m) for n, m in zip(input.shape, product.shape[lead:], strict=True)):
        raise ValueError(f"{name}: input {tuple(input.shape)} does not expand to the product's {tuple(product.shape)}")
    product = product if alpha == 1 else mul(product, alpha)
    if beta == 0:
        return product
    return add(input if beta == 1 else mul(input, beta), product)


def tensordot(a, b, dims=2):
    """Sums of products over pairs of axes: dims = (axes of a, axes of b), or how many last of a and first of b.

    The other axes stay: those of a, then those of b.
    """
    if isinstance(dims, (int, np.integer)):
        if not 0 <= dims <= min(a.ndim, b.ndim):
            raise ValueError(f"tensordot: dims {dims} of {tuple(a.shape)} and {tuple(b.shape)}")
        dims = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    left, right = ([d] if isinstance(d, (int, np.integer)) else list(d) for d in dims)
    left, right = [axis_of(d, a, "tensordot") for d in left], [axis_of(d, b, "tensordot") for d in right]
    if len(left) != len(right) or any(a.shape[i] != b.shape[j] for i, j in zip(left, right, strict=True)):
        raise ValueError(f"tensordot: axes {left} of {tuple(a.shape)} and {right} of {tuple(b.shape)} do not fit")
    rows, columns = ([d for d in range(x.ndim) if d not in used] for x, used in ((a, left), (b, right)))
    shape = [a.shape[d] for d in rows] + [b.shape[d] for d in columns]
    depth = prod(a.shape[d] for d in left)
    a2 = reshape(permute(a, [*rows, *left]), (prod(a.shape[d] for d in rows), depth))
    b2 = reshape(permute(b, [*right, *columns]), (depth, prod(b.shape[d] for d in columns)))
    return reshape(apply(Matmul, a2, b2), shape)


def kron(a, b):
    """The Kronecker product: every element of a times the whole of b, side by side."""
    n = max(a.ndim, b.ndim)
    left, right = ((1,) * (n - x.ndim) + tuple(x.shape) for x in (a, b))
    wide = mul(
        reshape(a, [k for size in left for k in (size, 1)]), reshape(b, [k for size in right for k in (1, size)])
    )
    return reshape(wide, [m * k for m, k in zip(left, right, strict=True)])


def remedy(x, weight):
    """What to do with an input whose last size is not the weight's."""
    if weight.ndim != 2 or not x.ndim or x.shape[-1] == weight.shape[1]:
        return ""
    text = f"; the input's last size is {x.shape[-1]}, not I = {weight.shape[1]}"
    return f"{text}: use x.flatten(1)" if prod(x.shape[1:]) == weight.shape[1] else text


def linear(x, weight, bias=None):
    """x[..., I] weight[O, I]^T + bias[O]."""
    if not hasattr(x, "shape"):
        raise TypeError(f"linear: input is a {type(x).__name__}, not a tensor; make it one, fastgrad.tensor(...)")
    if (
        weight.ndim != 2
        or not x.ndim
        or x.shape[-1] != weight.shape[1]
        or (bias is not None and bias.shape != weight.shape[:1])
    ):
        raise ValueError(
            f"linear: input {tuple(x.shape)}, weight {tuple(weight.shape)}, "
            f"bias {bias if bias is None else tuple(bias.shape)} do not fit: "
            f"input must be (..., I), weight (O, I), bias (O,){remedy(x, weight)}"
        )
    if x.ndim == 2:
        return apply(Linear, x, weight, bias)
    return reshape(apply(Linear, rows(x), weight, bias), (*x.shape[:-1], weight.shape[0]))
