"""Every kernel as readable NumPy: the definition the compiled one is held to.

A family here has the name of its C file, a function the name, arguments and defaults of its row in csrc/kernels.def.
`KERNELS` collects them all by name.
"""

from . import (
    activation,
    adam,
    cast,
    compare,
    dropout,
    elementwise,
    gradient,
    index,
    loss,
    matmul,
    norm,
    optim,
    rectifier,
    reduce,
    smooth,
    softmax,
    stream,
    transcendental,
    trust,
)
from .common import KERNELS

FAMILIES: tuple = (elementwise, transcendental, compare, cast, activation, reduce, index, matmul, softmax, loss)
FAMILIES += (norm, dropout, rectifier, smooth, gradient, optim, adam, trust, stream)

globals().update(KERNELS)  # after the import line: matmul, softmax, dropout and adam are a family and a kernel of it

__all__ = ["KERNELS", *KERNELS]
