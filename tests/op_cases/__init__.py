"""What the ops are tried on: for every op some uses of it, the same thing in NumPy, and shapes; a file a family.

A name that begins with a small letter is a function made of several ops, which is tried in the same way.
"""

from . import activation, cast, compare, dropout, einsum, elementwise, extrema, index, inplace, join, limits, loss
from . import (
    margin,
    matmul,
    moments,
    norm,
    plane,
    rectifier,
    reduce,
    rounding,
    scan,
    scatter,
    shape,
    smooth,
    softmax,
    sort,
    transcendental,
)

FAMILIES: list = [activation, cast, compare, einsum, elementwise, extrema, index, inplace, join, limits, loss, matmul]
FAMILIES += [dropout, margin, moments, norm, plane, reduce, rounding, scan, scatter, shape, softmax, sort]
FAMILIES += [rectifier, smooth, transcendental]
CASES: dict = {}
for family in FAMILIES:
    twice = CASES.keys() & family.CASES.keys()
    assert not twice, f"{twice} stand in {family.__name__} and in another file"
    CASES.update(family.CASES)
