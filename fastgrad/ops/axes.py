"""What ops along axes share: the names of axes, and arrays seen as x[O,R,I] around one."""

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
        for theirs, ours in (("axis", "dim"), ("keepdims", "keepdim")) if how else ():
            if theirs in how:
                if ours in how:
                    raise TypeError(f"{function.__name__}: {theirs} and {ours} are two names of one argument")
                how[ours] = how.pop(theirs)
        return function(*operands, **how)

    return renamed


def axes_of(dim, ndim, name):
    """`dim` (None or () for all, one axis or several, negative ones from the end) as a sorted list of axes."""
    if isinstance(dim, (int, np.integer)):
        dims = [int(dim)]
    else:
        dims = list(range(ndim) if dim is None or not len(dim) else dim)
    axes = sorted({d + ndim if d < 0 else d for d in dims})
    if len(axes) != len(dims) or (axes and not (axes[0] >= 0 and axes[-1] < (ndim or 1))):
        raise IndexError(f"{name}: dim {dim} does not name distinct axes of a tensor of {ndim} dimensions")
    return [a for a in axes if a < ndim]


def axis_of(dim, x, name):
    """`dim` as the number of one axis; 0 of a tensor without dimensions."""
    n = x.ndim or 1
    if isinstance(dim, bool) or not isinstance(dim, (int, np.integer)):
        raise TypeError(f"{name}: dim must be an integer, not {dim!r}")
    if not -n <= dim < n:
        raise IndexError(f"{name}: dim {dim} of a tensor of {x.ndim} dimensions")
    return int(dim) % n


def three(x, axis):
    """The array x as x[O,R,I] around an axis."""
    shape = x.shape
    return contiguous(x).reshape(product(shape[:axis]), shape[axis] if shape else 1, product(shape[axis + 1 :]))


def over_axes(kernel, x, axes, shape):
    """The array x reduced by a kernel over `axes`, in the shape asked for. Adjacent axes are one reduction; the last
    pass writes the result into an array of its own."""
    axes, sizes = list(axes), list(x.shape)
    if not axes:
        return x.reshape(shape)
    while axes:
        last = first = axes.pop()
        while axes and axes[-1] == first - 1:
            first = axes.pop()
        outer, inner = product(sizes[:first]), product(sizes[last + 1 :])
        length = product(sizes[first : last + 1])
        sizes[first : last + 1] = [1] * (last + 1 - first)
        out = kernels.empty(sizes if axes else shape, x.dtype)
        kernel(contiguous(x).reshape(outer, length, inner), out.reshape(outer, inner))
        x = out
    return x


def held(shape, axes):
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def dropped(shape, axes):
    return tuple(n for i, n in enumerate(shape) if i not in axes)


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
