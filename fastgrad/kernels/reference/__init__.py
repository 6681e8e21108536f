"""Every kernel as readable NumPy: the definition the compiled one is held to.

A family here has the name of its C file, a function the name, arguments and defaults of its row in csrc/kernels.def.
`KERNELS` collects them all by name.
"""

from . import (
    activation,
    cast,
    compare,
    elementwise,
    index,
    loss,
    matmul,
    optim,
    reduce,
    softmax,
    stream,
    transcendental,
)
from .common import KERNELS

FAMILIES = (elementwise, transcendental, compare, cast, activation, reduce, index, matmul, softmax, loss, optim, stream)

globals().update(KERNELS)  # after the import line: matmul and softmax are a family and a kernel of it

__all__ = ["KERNELS", *KERNELS]
