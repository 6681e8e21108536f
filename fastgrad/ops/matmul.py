"""Matrix products."""

import numpy as np

from .. import kernels
from .base import Op, apply
from .reduce import broadcast_to, sum_to
from .shape import reshape, transpose

__all__ = ["matmul"]


class Matmul(Op):
    """out[M,N] = a[M,K] b[K,N];   da = dout b^T,   db = a^T dout."""

    saves = (0, 1)

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

    @staticmethod
    def forward(ctx, a, b):
        out = kernels.empty((len(a), a.shape[1], b.shape[2]), a.dtype)
        for i in range(len(a)):
            kernels.matmul(a[i], b[i], out=out[i])
        return out

    @staticmethod
    def backward(ctx, dout):
        a, b = ctx.saved
        return apply(BatchMatmul, dout, transpose(b, 1, 2)), apply(BatchMatmul, transpose(a, 1, 2), dout)


class Linear(Op):
    """out[N,O] = x[N,I] w[O,I]^T + b[O];   dx = dout w,   dw = dout^T x,   db = sum of dout over N."""

    saves = (0, 1)

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
        return reshape(apply(Matmul, reshape(a, -1, a.shape[-1]), b), (*a.shape[:-1], b.shape[-1]))
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a3 = reshape(broadcast_to(a, (*stack, *a.shape[-2:])), (-1, *a.shape[-2:]))
    b3 = reshape(broadcast_to(b, (*stack, *b.shape[-2:])), (-1, *b.shape[-2:]))
    return reshape(apply(BatchMatmul, a3, b3), (*stack, a.shape[-2], b.shape[-1]))


def refusal(a, b):
    return (
        f"matmul: {tuple(a.shape)} @ {tuple(b.shape)}: the last size of the first ({a.shape[-1]}) must equal the "
        f"{'last but one' if b.ndim > 1 else 'only'} size of the second ({b.shape[-2] if b.ndim > 1 else b.shape[0]})"
    )


def linear(x, weight, bias=None):
    """x[..., I] weight[O, I]^T + bias[O]."""
    if (
        weight.ndim != 2
        or not x.ndim
        or x.shape[-1] != weight.shape[1]
        or (bias is not None and bias.shape != weight.shape[:1])
    ):
        raise ValueError(
            f"linear: input {tuple(x.shape)}, weight {tuple(weight.shape)}, "
            f"bias {bias if bias is None else tuple(bias.shape)} do not fit: "
            "input must be (..., I), weight (O, I), bias (O,)"
        )
    if x.ndim == 2:
        return apply(Linear, x, weight, bias)
    return reshape(apply(Linear, reshape(x, -1, x.shape[-1]), weight, bias), (*x.shape[:-1], weight.shape[0]))
