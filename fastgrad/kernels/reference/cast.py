"""From one dtype to another: rounding to nearest, or towards zero where integers are made.

The compiled `to_float32`, `to_float64`, `from_bool` and `from_int64` take the one dtype that their row names.
"""

import numpy as np

from .common import give, kernel


def into(x, out, name):
    """x in the dtype of `out`, which nothing else could say."""
    if out is None:
        raise TypeError(f"{name} needs out: its dtype, float32 or float64, is that of the result")
    out[...] = x
    return out


@kernel
def to_float32(x, out=None):
    """out = x rounded to float32; what is too large becomes infinite"""
    return give(np.asarray(x).astype(np.float32), out)


@kernel
def to_float64(x, out=None):
    """out = x in float64, exactly where x is float32"""
    return give(np.asarray(x).astype(np.float64), out)


@kernel
def from_bool(x, out=None):
    """out = 1 where x holds, else 0; `out` must be given, its dtype is that of the result"""
    return into(np.not_equal(x, 0), out, "from_bool")


@kernel
def from_int64(x, out=None):
    """out = the integer x, rounded to nearest; `out` must be given, its dtype is that of the result"""
    return into(x, out, "from_int64")


@kernel
def to_int64(x, out=None):
    """out = x without its fraction, as int64; NaN and what 64 bits cannot hold become -2^63

    C and NumPy leave the last case to the machine; -2^63 is what x86 makes of it, and so PyTorch there.
    """
    x = np.asarray(x)
    if x.dtype.kind != "f":
        return give(x.astype(np.int64), out)
    fits = np.logical_and(x >= -(2.0**63), x < 2.0**63)
    return give(np.where(fits, np.where(fits, x, 0).astype(np.int64), np.iinfo(np.int64).min), out)


@kernel
def to_bool(x, out=None):
    """out = whether x is not 0; NaN is not"""
    return give(np.not_equal(x, 0), out)
