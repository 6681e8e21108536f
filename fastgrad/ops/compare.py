"""Comparisons and logic: bool tensors, which have no gradient, and what is done with them.

Operands broadcast and are promoted as in arithmetic; a number is compared in the dtype of the tensor.
"""

import numpy as np

from .. import kernels
from ..tape import Value, wrap
from .base import alike, name_of
from .cast import cast
from .dtypes import BOOL, FLOAT32, FLOAT64, is_floating, number_of, result_type

__all__ = [
    "allclose",
    "bitwise_and",
    "bitwise_not",
    "bitwise_or",
    "bitwise_xor",
    "eq",
    "equal",
    "ge",
    "gt",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "le",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "lt",
    "ne",
]


def plain(x):
    """The array of a tensor; other things as they are."""
    return x.data if isinstance(x, Value) else x


def like(array, *operands):
    """A result as a tensor, if there is one among the operands."""
    return wrap(array) if any(isinstance(x, Value) for x in operands) else array


def fits(x, y):
    """Whether a kernel takes two operands as they are: float32 or float64 both, or one of them and a Python number."""
    left, right = getattr(x, "dtype", None), getattr(y, "dtype", None)
    dtype = right if left is None else left
    if dtype is not FLOAT32 and dtype is not FLOAT64:
        return False
    return left is right or (left is None and type(x) in (int, float)) or (right is None and type(y) in (int, float))


def compare(kernel, a, b):
    x, y = plain(a), plain(b)
    if not fits(x, y):
        x, y = alike(name_of(kernel), (x, y))
    return like(kernel(x, y), a, b)


def eq(input, other):
    """Where two are equal; NaN equals nothing.

    >>> import fastgrad as fg
    >>> fg.eq(fg.tensor([1.0, 2.0]), 2)
    tensor([False,  True])
    """
    return compare(kernels.eq, input, other)


def ne(input, other):
    """Where two differ; NaN differs from itself."""
    return compare(kernels.ne, input, other)


def lt(input, other):
    """Where input < other."""
    return compare(kernels.lt, input, other)


def le(input, other):
    """Where input <= other."""
    return compare(kernels.le, input, other)


def gt(input, other):
    """Where input > other."""
    return compare(kernels.gt, input, other)


def ge(input, other):
    """Where input >= other."""
    return compare(kernels.ge, input, other)


def isnan(input):
    """Where x is not a number."""
    return like(kernels.isnan(plain(input)), input)


def isinf(input):
    """Where x is infinite, of either sign."""
    return like(kernels.isinf(plain(input)), input)


def isfinite(input):
    """Where x is neither infinite nor NaN."""
    return like(kernels.isfinite(plain(input)), input)


def isclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Where |input - other| <= atol + rtol |other|, or the two are equal (infinities too).

    >>> import fastgrad as fg
    >>> fg.isclose(fg.tensor([1.0, 2.0]), fg.tensor([1.000001, 2.1]))
    tensor([ True, False])
    """
    x, y = alike("isclose", (plain(input), plain(other)))
    found = kernels.eq(x, y)
    if equal_nan and all(isinstance(z, np.ndarray) for z in (x, y)):
        found = kernels.logical_or(found, kernels.logical_and(kernels.isnan(x), kernels.isnan(y)))
    x, y = (cast(z, FLOAT64) if isinstance(z, np.ndarray) and not is_floating(z.dtype) else z for z in (x, y))
    error = kernels.abs(kernels.sub(x, y))
    allowed = (
        kernels.add(kernels.abs(kernels.mul(y, rtol)), atol) if isinstance(y, np.ndarray) else atol + rtol * abs(y)
    )
    near = kernels.logical_and(kernels.isfinite(error), kernels.le(error, allowed))
    return like(kernels.logical_or(found, near), input, other)


def allclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Whether all elements are close (`isclose`): a Python bool, so not for a captured step.

    >>> import fastgrad as fg
    >>> fg.allclose(fg.tensor([1.0]), fg.tensor([1.0000001]))
    True
    """
    kernels.refuse_capture("allclose", "use isclose, a tensor, and read it outside the step")
    return bool(np.all(plain(isclose(input, other, rtol, atol, equal_nan))))


def equal(input, other):
    """Whether two tensors have the same shape and the same elements: a Python bool; `eq` compares element by element.

    >>> import fastgrad as fg
    >>> fg.equal(fg.tensor([1, 2]), fg.tensor([1.0, 2.0])), fg.equal(fg.tensor([1, 2]), fg.tensor([1]))
    (True, False)
    """
    kernels.refuse_capture("equal", "use eq, a tensor, and read it outside the step")
    if np.shape(plain(input)) != np.shape(plain(other)):
        return False
    return bool(np.all(plain(eq(input, other))))


def truth(name, x):
    """An operand of a logical kernel: a bool array, true where x is not 0."""
    x = number_of(plain(x))
    if isinstance(x, (bool, int, float)):
        return np.asarray(bool(x))
    if not isinstance(x, np.ndarray):
        raise TypeError(f"{name}: cannot combine a tensor with {type(x).__name__}")
    return cast(x, BOOL)


def logical(kernel, *operands):
    return like(kernel(*(truth(name_of(kernel), x) for x in operands)), *operands)


def logical_and(input, other):
    """Where both are other than 0."""
    return logical(kernels.logical_and, input, other)


def logical_or(input, other):
    """Where one of two, or both, are other than 0."""
    return logical(kernels.logical_or, input, other)


def logical_xor(input, other):
    """Where exactly one of two is other than 0.

    >>> import fastgrad as fg
    >>> fg.logical_xor(fg.tensor([0, 1, 2]), fg.tensor([0, 0, 3]))
    tensor([False,  True, False])
    """
    return logical(kernels.logical_xor, input, other)


def logical_not(input):
    """Where x is 0."""
    return logical(kernels.logical_not, input)


def bitwise(name, kernel, ufunc, *operands):
    """Bools go to the logical kernel, integers, in the dtype they are promoted to, to NumPy."""
    given = alike(name, [plain(x) for x in operands])
    dtype = result_type(*given)
    if is_floating(dtype):
        raise TypeError(f"{name} needs integer or bool tensors, not {dtype}; compare first, for example x > 0")
    if dtype == BOOL:
        return logical(kernel, *operands)
    return like(kernels.host(ufunc, *(np.asarray(x, dtype) for x in given)), *operands)


def bitwise_and(input, other):
    """a & b: of bools the logical and, of integers bit by bit."""
    return bitwise("bitwise_and", kernels.logical_and, np.bitwise_and, input, other)


def bitwise_or(input, other):
    """a | b: of bools the logical or, of integers bit by bit."""
    return bitwise("bitwise_or", kernels.logical_or, np.bitwise_or, input, other)


def bitwise_xor(input, other):
    """a ^ b: of bools whether they differ, of integers bit by bit."""
    return bitwise("bitwise_xor", kernels.logical_xor, np.bitwise_xor, input, other)


def bitwise_not(input):
    """~x: of bools the logical not, of integers every bit turned round, -x - 1.

    >>> import fastgrad as fg
    >>> ~fg.tensor([True, False]), ~fg.tensor([0, 5])
    (tensor([False,  True]), tensor([-1, -6]))
    """
    return bitwise("bitwise_not", kernels.logical_not, np.invert, input)
