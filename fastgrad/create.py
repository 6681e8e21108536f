"""New tensors: filled, counted, or like others. Those drawn at random are in `fastgrad.random`.

All take ``dtype`` (fastgrad.float32, a NumPy or Python type, a name), ``device`` (the CPU), ``requires_grad``. A
captured step makes its new tensors again at every replay, so that a change in place does not outlive a step.
"""

from math import ceil

import numpy as np

from . import kernels
from .devices import device as as_device
from .ops import dtypes
from .ops.base import constant
from .ops.shape import as_sizes
from .tensor import Tensor, as_tensor, from_numpy, tensor

__all__ = [
    "arange",
    "as_tensor",
    "empty",
    "empty_like",
    "eye",
    "from_dlpack",
    "from_numpy",
    "full",
    "full_like",
    "is_floating_point",
    "is_tensor",
    "linspace",
    "logspace",
    "numel",
    "ones",
    "ones_like",
    "scalar_tensor",
    "tensor",
    "tril_indices",
    "triu_indices",
    "zeros",
    "zeros_like",
]


def finished(array, dtype=None, device=None, requires_grad=False):
    """The tensor of an array just made."""
    if device is not None:
        as_device(device)
    if dtype is not None and array.dtype != dtype:
        array = array.astype(dtype)
    return Tensor(array, requires_grad)


def filled(shape, value, dtype, device, requires_grad):
    if min(shape, default=0) < 0:
        raise ValueError(f"a tensor of shape {shape}: sizes are not negative")
    array = kernels.empty(shape, dtypes.as_dtype(dtype) or dtypes.default_dtype)
    kernels.fill(array, value)
    return finished(array, None, device, requires_grad)


def zeros(*size, dtype=None, device=None, requires_grad=False):
    """A tensor of zeros: ``zeros(2, 3)`` or ``zeros((2, 3))``; of the default dtype.

    >>> import fastgrad as fg
    >>> fg.zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    return filled(as_sizes(size), 0, dtype, device, requires_grad)


def ones(*size, dtype=None, device=None, requires_grad=False):
    """A tensor of ones."""
    return filled(as_sizes(size), 1, dtype, device, requires_grad)


def full(size, fill_value, dtype=None, device=None, requires_grad=False):
    """A tensor of one number; the dtype follows from it: bool, int64, or the default dtype."""
    fill_value = number(fill_value)
    if dtype is None:
        dtype = dtypes.result_type(fill_value)
    return filled(as_sizes((size,)), fill_value, dtype, device, requires_grad)


def number(x):
    """A Python number; of a tensor with one element, its value."""
    return x.item() if isinstance(x, (Tensor, np.ndarray, np.generic)) else x


def empty(*size, dtype=None, device=None, requires_grad=False):
    """A tensor whose numbers are whatever was in memory."""
    shape = as_sizes(size)
    if min(shape, default=0) < 0:
        raise ValueError(f"a tensor of shape {shape}: sizes are not negative")
    array = kernels.empty(shape, dtypes.as_dtype(dtype) or dtypes.default_dtype)
    return finished(array, None, device, requires_grad)


def zeros_like(input, dtype=None, device=None, requires_grad=False):
    """Zeros in the shape (and dtype) of another tensor."""
    return filled(tuple(input.shape), 0, dtype or input.dtype, device, requires_grad)


def ones_like(input, dtype=None, device=None, requires_grad=False):
    """Ones in the shape (and dtype) of another tensor."""
    return filled(tuple(input.shape), 1, dtype or input.dtype, device, requires_grad)


def full_like(input, fill_value, dtype=None, device=None, requires_grad=False):
    """One number in the shape (and dtype) of another tensor."""
    return filled(tuple(input.shape), number(fill_value), dtype or input.dtype, device, requires_grad)


def empty_like(input, dtype=None, device=None, requires_grad=False):
    """`empty` in the shape (and dtype) of another tensor."""
    return empty(tuple(input.shape), dtype=dtype or input.dtype, device=device, requires_grad=requires_grad)


def scalar_tensor(s, dtype=None, device=None, requires_grad=False):
    """A number as a tensor without dimensions, of the default dtype."""
    return filled((), number(s), dtype, device, requires_grad)


# -- counted -----------------------------------------------------------------------------------------------------------
def arange(start, end=None, step=1, dtype=None, device=None, requires_grad=False):
    """start, start + step, ... below `end` (above it for a negative step): int64 if all three are, else floats.

    >>> import fastgrad as fg
    >>> fg.arange(1, 2, 0.5), fg.arange(3)
    (tensor([1. , 1.5]), tensor([0, 1, 2]))
    """
    start, end, step = (number(x) for x in ((0, start, step) if end is None else (start, end, step)))
    if not step or not np.isfinite([start, end, step]).all():
        raise ValueError(f"arange: start {start}, end {end}, step {step} must be finite, and the step not 0")
    if (end - start) * step < 0:
        raise ValueError(f"arange: a step of {step} does not lead from {start} to {end}")
    whole = all(isinstance(x, int) for x in (start, end, step))
    dtype = dtypes.as_dtype(dtype) or (np.dtype(np.int64) if whole else dtypes.default_dtype)
    if whole:
        array = np.arange(start, end, step).astype(dtype)
    else:
        array = (start + step * np.arange(ceil((end - start) / step))).astype(dtype)
    return finished(constant(array), None, device, requires_grad)


def linspace(start, end, steps, dtype=None, device=None, requires_grad=False):
    """`steps` numbers from start to end, both among them, equally far apart."""
    if steps < 0:
        raise ValueError(f"linspace: steps must not be negative, steps = {steps}")
    dtype = dtypes.as_dtype(dtype) or dtypes.default_dtype
    array = np.linspace(number(start), number(end), steps).astype(dtype)
    return finished(constant(array), None, device, requires_grad)


def logspace(start, end, steps, base=10.0, dtype=None, device=None, requires_grad=False):
    """base to the powers of `linspace`."""
    if steps < 0:
        raise ValueError(f"logspace: steps must not be negative, steps = {steps}")
    dtype = dtypes.as_dtype(dtype) or dtypes.default_dtype
    array = np.logspace(number(start), number(end), steps, base=base).astype(dtype)
    return finished(constant(array), None, device, requires_grad)


def eye(n, m=None, dtype=None, device=None, requires_grad=False):
    """The unit matrix: 1 on the diagonal, n rows and m (n) columns."""
    if min(n, n if m is None else m) < 0:
        raise ValueError(f"eye: n = {n}, m = {m}: sizes are not negative")
    array = np.eye(n, m, dtype=dtypes.as_dtype(dtype) or dtypes.default_dtype)
    return finished(constant(array), None, device, requires_grad)


def tril_indices(row, col, offset=0, dtype=None, device=None):
    """The indices of the lower triangle of a matrix of that many rows and columns: [2, count]."""
    array = np.stack(np.tril_indices(row, offset, col))
    return finished(constant(array), dtypes.as_dtype(dtype), device)


def triu_indices(row, col, offset=0, dtype=None, device=None):
    """The indices of the upper triangle of a matrix of that many rows and columns: [2, count]."""
    array = np.stack(np.triu_indices(row, offset, col))
    return finished(constant(array), dtypes.as_dtype(dtype), device)


# -- from elsewhere ----------------------------------------------------------------------------------------------------
def from_dlpack(ext_tensor):
    """A tensor that shares the memory of another library's tensor on the CPU: anything with ``__dlpack__``.

    Errors: BufferError for one that requires a gradient, TypeError for one that is no tensor.
    """
    if isinstance(ext_tensor, Tensor):
        ext_tensor.__dlpack__()  # refuses what must not be shared
        return ext_tensor.detach()
    if not hasattr(ext_tensor, "__dlpack__"):
        raise TypeError(f"from_dlpack: {type(ext_tensor).__name__} has no __dlpack__; use tensor() for a copy")
    return from_numpy(np.from_dlpack(ext_tensor))


# -- asked -------------------------------------------------------------------------------------------------------------
def is_tensor(obj):
    """Whether it is a Tensor."""
    return isinstance(obj, Tensor)


def is_floating_point(input):
    """Whether a tensor holds floats."""
    return dtypes.is_floating(input.dtype)


def numel(input):
    """The number of elements."""
    return int(np.prod(input.shape, dtype=np.int64))
