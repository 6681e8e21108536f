"""fastgrad trains neural networks on a CPU: a tape to read, kernels in C.

>>> import fastgrad as fg
>>> x = fg.tensor([1.0, 2.0], requires_grad=True)
>>> (x * x).sum().backward()
>>> x.grad
tensor([2., 4.])

The operations, each also a method of `Tensor`, are in `fastgrad.ops`; layers and losses in `fastgrad.nn`, update rules
in `fastgrad.optim`.
"""

__version__ = "0.1.0"

import numpy as _np

from . import kernels, ops, tape, tensor as _tensor
from .later import attributes as _attributes
from .tensor import Tensor, as_tensor, from_numpy, tensor
from .devices import device
from .autograd import (
    enable_grad,
    grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
)
from .capture import CaptureError, capture
from .ops import *  # noqa: F403
from .ops import concatenate, concatenate as cat
from .ops import movedim as moveaxis, outer as ger, swapaxes as swapdims, vstack as row_stack
from .create import *  # noqa: F403
from . import cuda, random
from .random import bernoulli, initial_seed, manual_seed, multinomial, normal
from .random import rand, rand_like, randint, randint_like, randn, randn_like, randperm
from . import nn, optim, utils

# PyTorch's names of NumPy's dtypes, so that x.dtype == fastgrad.float32 either way round.
float16 = half = _np.dtype("float16")
float32 = float = _np.dtype("float32")
float64 = double = _np.dtype("float64")
int8, uint8, int16, int32, int64 = map(_np.dtype, ("int8", "uint8", "int16", "int32", "int64"))
short, int, long, bool = int16, int32, int64, _np.dtype("bool")
concat = concatenate


def set_num_threads(n):
    """The largest team a kernel may use. Results do not depend on it. Errors: ValueError below 1."""
    if not hasattr(n, "__index__"):
        raise TypeError(f"set_num_threads: {n!r} is no number of threads")
    kernels._core.set_num_threads(n)


def get_num_threads():
    """The largest team a kernel may use: as set, or the smallest of OpenMP's count, affinity and cgroup quota."""
    return kernels._core.get_num_threads()


def empty_cache():
    """Returns the pool's free blocks to the system."""
    kernels.empty_cache()


__getattr__, __dir__ = _attributes(
    __name__,
    {
        "profiler": ("profile",),
        "autograd": ("gradcheck", "gradgradcheck"),
        "train": (),
        "train.fit": ("fit",),
        "train.container": ("load", "save"),
    },
)
