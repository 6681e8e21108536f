"""fastgrad trains neural networks on a CPU: a tape to read, kernels in C.

>>> import fastgrad as fg
>>> x = fg.tensor([1.0, 2.0], requires_grad=True)
>>> (x * x).sum().backward()
>>> x.grad
tensor([2., 4.])
"""

__version__ = "0.1.0"

import numpy as _np

from . import kernels, ops, tape, tensor as _tensor
from .tensor import Tensor, as_tensor, from_numpy, tensor
from .autograd import (
    enable_grad,
    grad,
    gradcheck,
    gradgradcheck,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
)
from .capture import CaptureError, capture
from .ops import *  # noqa: F403
from .ops import concatenate, concatenate as cat
from .profiler import profile
from .random import manual_seed
from . import nn, optim, utils

float32, float64, int64 = _np.float32, _np.float64, _np.int64


def set_num_threads(n):
    """The largest team a kernel may use. Results do not depend on it. Errors: ValueError below 1."""
    kernels._core.set_num_threads(n)


def get_num_threads():
    """The largest team a kernel may use: as set, or the smallest of OpenMP's count, affinity and cgroup quota."""
    return kernels._core.get_num_threads()


def empty_cache():
    """Returns the pool's free blocks to the system."""
    kernels.empty_cache()
