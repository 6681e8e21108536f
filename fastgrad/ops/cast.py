"""From one dtype to another."""

import numpy as np

from .. import kernels
from ..tape import Value, wrap
from .base import Op, apply
from .dtypes import BOOL, FLOAT32, FLOAT64, INT64, is_floating

__all__: list = []

# What is compiled; every other conversion is NumPy's. `from_*` have no input that says which float is meant.
COMPILED = {
    (FLOAT64, FLOAT32): kernels.to_float32,
    (FLOAT32, FLOAT64): kernels.to_float64,
    (FLOAT32, INT64): kernels.to_int64,
    (FLOAT64, INT64): kernels.to_int64,
    (FLOAT32, BOOL): kernels.to_bool,
    (FLOAT64, BOOL): kernels.to_bool,
}
INTO = {
    (BOOL, FLOAT32): kernels.from_bool,
    (BOOL, FLOAT64): kernels.from_bool,
    (INT64, FLOAT32): kernels.from_int64,
    (INT64, FLOAT64): kernels.from_int64,
}


class Cast(Op):
    """out = x in another dtype;   dx = dout in x's dtype."""

    @staticmethod
    def forward(ctx, x, dtype):
        ctx.info = x.dtype
        pair = x.dtype, dtype
        if pair in COMPILED:
            return COMPILED[pair](x)
        if pair in INTO:
            return INTO[pair](x, out=kernels.output(x.shape, dtype))
        return kernels.host(converted, x, dtype)

    @staticmethod
    def backward(ctx, dout):
        return cast(dout, ctx.info)


def converted(x, dtype):
    with np.errstate(all="ignore"):
        return x.astype(dtype)


def cast(x, dtype):
    """x in another dtype; between floats the gradient flows, to an integer or a bool none does."""
    dtype = np.dtype(dtype)
    if x.dtype == dtype:
        return x
    return apply(Cast, wrap(x.data) if isinstance(x, Value) and not is_floating(dtype) else x, dtype)
