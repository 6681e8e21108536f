"""How close is close enough: the one table of tolerances, and the comparison that uses it.

A tolerance is a multiple of eps, the distance from 1 to the next number of the dtype, with its reason beside it. The
error is measured against a `scale`: the size of what was added up on the way to a number, not of the number itself,
which may have cancelled to nothing.

>>> import numpy as np
>>> from fastgrad.testing import assert_close
>>> assert_close(np.float32([1.0000001]), np.float32([1.0]), "elementary")
"""

import math

import numpy as np

__all__ = ["GRADIENT_RTOL", "TOLERANCES", "assert_bits", "assert_close", "tolerance"]

GRADIENT_RTOL = 1e-5  # central differences with steps of 1e-6 in float64: truncation 1e-12, round-off 1e-16 / 1e-6

# Kind -> (multiples of eps as a function of n, the number of terms that were added; why).
TOLERANCES = {
    "bits": (lambda n: 0, "+ - * / sqrt, comparisons and moves are rounded once, in one order, everywhere"),
    "elementary": (lambda n: 4, "exp, log, tanh, sin and the like: 4 units in the last place, the house's promise"),
    "power": (lambda n: 4, "pow: as good as the other elementary functions"),
    "formula": (lambda n: 8, "at most eight roundings, of half a unit each, on either side"),
    "sum": (lambda n: 4 + min(n, 256), "a block of 4096 is 256 deep in each lane, or 256 rows; blocks meet in float64"),
    "row": (lambda n: 12 + min(n, 256), "an exponential, a sum of them and a division or a logarithm"),
    "gradient": (lambda n: 64 + min(n, 256), "eight operations of eight roundings each, and a sum"),
    "product": (
        lambda n: 4 + 4 * math.sqrt(n),
        "n rounding errors of random signs, four standard deviations of their sum",
    ),
}


def tolerance(kind, dtype, n=1):
    """The largest error that is allowed, in units of the scale."""
    return TOLERANCES[kind][0](n) * float(np.finfo(dtype).eps)


def assert_bits(found, expected, what=""):
    """Raises unless both have the same shape, dtype and bits; any NaN equals any NaN, and -0 is not 0."""
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape or found.dtype != expected.dtype:
        raise AssertionError(f"{what}: {found.shape} {found.dtype}, expected {expected.shape} {expected.dtype}")
    same = found == expected
    if found.dtype.kind == "f":
        same &= np.signbit(found) == np.signbit(expected)
        same |= np.isnan(found) & np.isnan(expected)
    if not same.all():
        raise AssertionError(f"{what}: {describe(found, expected, ~same)}")


def assert_close(found, expected, kind, *, n=1, scale=None, dtype=None, what=""):
    """Raises unless |found - expected| <= tolerance * scale everywhere; infinities and NaN must be the same.

    `dtype`: the one the eps is of, `found`'s unless given. `scale`: an array that broadcasts, |expected| unless given;
    where it is 0 only equality passes. Below the smallest normal number an error of that times eps is allowed.
    """
    found = np.asarray(found)
    dtype = np.dtype(dtype or found.dtype)
    expected = np.asarray(expected, dtype=np.promote_types(found.dtype, np.asarray(expected).dtype))
    if found.shape != expected.shape:
        raise AssertionError(f"{what}: shape {found.shape}, expected {expected.shape}")
    allowed = tolerance(kind, dtype, n) * np.abs(expected if scale is None else scale)
    if kind != "bits":
        allowed = allowed + float(np.finfo(dtype).smallest_subnormal)
    with np.errstate(invalid="ignore"):
        wrong = ~((np.abs(found - expected) <= allowed) & np.isfinite(expected))
    wrong &= ~((found == expected) | (np.isnan(found) & np.isnan(expected)))
    if wrong.any():
        raise AssertionError(f"{what}: {describe(found, expected, wrong)}; {kind}: {TOLERANCES[kind][1]}")


def describe(found, expected, wrong):
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    error = np.abs(found[at].astype(np.float64) - expected[at].astype(np.float64)) if found.dtype.kind == "f" else None
    return f"{int(wrong.sum())} of {wrong.size} differ, the first at {at}: {found[at]!r}, expected {expected[at]!r}" + (
        "" if error is None else f", off by {error:.3g}"
    )
