"""What ops along axes share: the names of axes, and arrays seen as x[O,R,I] around one."""

from collections.abc import Iterable
from functools import wraps
from math import prod as product

import numpy as np

from .. import kernels
from ..tape import Value, wrap
from .base import contiguous


def numpy_names(function):
    """`function`, which also takes ``axis`` for ``dim`` and ``keepdims`` for ``keepdim``."""

    @wraps(function)
    def renamed(*operands, **how):
        if "out" in how:  # NumPy's functions of a tensor come here
            raise TypeError(
                f"{function.__name__}: tensors take no out=, and NumPy's {function.__name__} no tensor: "
                f"use fastgrad.{function.__name__}(x), or x.detach().numpy()"
            )
        for theirs, ours in (("axis", "dim"), ("keepdims", "keepdim")) if how else ():
            if theirs in how:
                if ours in how:
                    raise TypeError(f"{function.__name__}: {theirs} and {ours} are two names of one argument")
                how[ours] = how.pop(theirs)
        return function(*operands, **how)

    return renamed


def axes_of(dim, ndim, name):
    """`dim` (None or () for all, one axis or several, negative ones from the end) as a sorted list of axes."""
    if dim is None:
        return list(range(ndim))
    if type(dim) is int and -ndim <= dim < ndim:
        return [dim % ndim]
    if isinstance(dim, str) or not isinstance(dim, (int, np.integer, Iterable)):
        raise TypeError(f"{name}: dim must be an integer or several, not {dim!r}")
    dims = [int(dim)] if isinstance(dim, (int, np.integer)) else list(dim) or list(range(ndim))
    axes = sorted({d + (ndim or 1) if d < 0 else d for d in dims})
    if len(axes) != len(dims) or (axes and not (axes[0] >= 0 and axes[-1] < (ndim or 1))):
        raise IndexError(
            f"{name}: dim {dim} does not name distinct axes of a tensor of {ndim} dimensions, {-ndim} to {ndim - 1}"
        )
    return [a for a in axes if a < ndim]


def axis_of(dim, x, name, more=0):
    """`dim` as the number of one axis of x, which will have `more` of them; 0 of a tensor without dimensions."""
    n = x.ndim + more or 1
    if isinstance(dim, bool) or not isinstance(dim, (int, np.integer)):
        raise TypeError(f"{name}: dim must be an integer, not {dim!r}")
    if not -n <= dim < n:
        raise IndexError(
            f"{name}: dim {dim} of a tensor of {x.ndim} dimensions, {tuple(x.shape)}; it must be from {-n} to {n - 1}"
        )
    return int(dim) % n


def three(x, axis):
    """The array x as x[O,R,I] around an axis."""
    shape = x.shape
    return contiguous(x).reshape(product(shape[:axis]), shape[axis] if shape else 1, product(shape[axis + 1 :]))


def over_axes(kernel, x, axes, shape):
    """The array x reduced by a kernel over `axes`, in the shape asked for and an array of its own. Adjacent axes are
    one reduction, several runs of them several, the last first."""
    if not axes:
        return x.reshape(shape)
    sizes, first, last = x.shape, axes[0], axes[-1] + 1
    if last - first == len(axes):
        out = kernels.output(shape, x.dtype)
        outer, length, inner = product(sizes[:first]), product(sizes[first:last]), product(sizes[last:])
        kernel(contiguous(x).reshape(outer, length, inner), out.reshape(outer, inner))
        return out
    run = [a for i, a in enumerate(axes) if axes[i:] == list(range(a, last))]
    x = over_axes(kernel, x, run, held(sizes, run))
    return over_axes(kernel, x, axes[: -len(run)], shape)


def held(shape, axes):
    if len(axes) == 1 and shape:
        return (*shape[: axes[0]], 1, *shape[axes[0] + 1 :])
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def dropped(shape, axes):
    if len(axes) == 1:
        return shape[: axes[0]] + shape[axes[0] + 1 :]
    return tuple(n for i, n in enumerate(shape) if i not in axes) if len(axes) < len(shape) else ()


def raw(x):
    """The array of a tensor, or the array itself."""
    return x.data if isinstance(x, Value) else x


def alike(x, array):
    """An array in what x came in: a tensor without history, or itself."""
    return wrap(array) if isinstance(x, Value) else array


def by_numpy(function, x, *constants):
    """function(array of x, *constants) by NumPy, without history; a captured step calls it again at every replay."""
    return alike(x, kernels.host(function, raw(x), *constants))


def floats(x, name):
    if x.dtype.kind != "f":
        raise TypeError(f"{name} of a tensor of {x.dtype} and shape {tuple(x.shape)}: convert it first, x.float()")
    return x
