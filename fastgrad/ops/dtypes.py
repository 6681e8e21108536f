"""Which dtype a result has: PyTorch's promotion.

Three levels: tensors with dimensions, 0-d tensors, numbers. Within a level bool < integer < float, and of two floats
the wider; a lower level counts only where it is of a higher kind. So ``int64 [3] + 1.5`` is float32, ``float32 [3] +
float64 []`` is float32, and ``int64 + float32`` is float32 (NumPy says float64 in all three).
"""

import numpy as np

from ..tape import Value

__all__ = ["get_default_dtype", "promote_types", "result_type", "set_default_dtype"]

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
BOOL, INT64 = np.dtype(np.bool_), np.dtype(np.int64)
default_dtype = FLOAT32  # read as dtypes.default_dtype: `set_default_dtype` replaces it
NUMBERS = {bool: BOOL, int: INT64, float: FLOAT32}
KINDS = "buif"  # bool, then integers, then floats


def as_dtype(dtype):
    """A dtype, a NumPy or Python type, or a name, as a dtype; None stays None."""
    return None if dtype is None else np.dtype(dtype)


def get_default_dtype():
    """The dtype of Python floats, and of new tensors that are given none: float32 at first."""
    return default_dtype


def set_default_dtype(d):
    """Chooses float32 or float64 for Python floats and for new tensors that are given no dtype.

    >>> import fastgrad as fg
    >>> fg.set_default_dtype(fg.float64)
    >>> fg.tensor(0.5).dtype
    dtype('float64')
    >>> fg.set_default_dtype(fg.float32)
    """
    global default_dtype
    found = np.dtype(d)
    if found not in (FLOAT32, FLOAT64):
        raise TypeError(f"set_default_dtype: float32 or float64, not {found}")
    default_dtype = NUMBERS[float] = found


def is_floating(dtype):
    return dtype.kind == "f"


def promote_types(a, b):
    """The smallest dtype that holds both; an integer beside a float counts for nothing.

    >>> import numpy as np
    >>> promote_types(np.dtype("int64"), np.dtype("float32"))
    dtype('float32')
    """
    if is_floating(a) != is_floating(b):
        return a if is_floating(a) else b
    return np.promote_types(a, b)


def number_of(x):
    """A Python or NumPy number as a Python one, which is weak in every promotion; other things as they are."""
    return x.item() if isinstance(x, np.generic) else x


def rank(dtype):
    kind = KINDS.find(dtype.kind)
    return 1 if kind == 2 else kind


def result_type(*operands):
    """The dtype of an operation on tensors, arrays and numbers.

    >>> import numpy as np
    >>> result_type(np.zeros(3, "f4"), np.float64(2)), result_type(np.zeros(3, "i8"), 0.5)
    (dtype('float32'), dtype('float32'))
    """
    levels: list = [None, None, None]
    for x in operands:
        x = x.data if isinstance(x, Value) else number_of(x)
        level = 2 if not isinstance(x, np.ndarray) else 1 if x.ndim == 0 else 0
        dtype = NUMBERS.get(type(x)) if level == 2 else x.dtype
        if dtype is None or dtype.kind not in KINDS:
            raise TypeError(f"an operand is {x.dtype if level < 2 else type(x).__name__}, not a number or a tensor")
        levels[level] = dtype if levels[level] is None else promote_types(levels[level], dtype)
    found = None
    for dtype in levels:
        if dtype is not None and (found is None or rank(dtype) > rank(found)):
            found = dtype if found is None else promote_types(found, dtype)
    return found
