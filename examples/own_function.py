"""A kernel of your own, from a compiled library, in a network: autograd.Function round a call through ctypes.

The kernel is the C library's erf, called for each element through ctypes; a library of your own is opened the same way
(ctypes.CDLL("./mine.so")), and a function that takes pointers gets ``array.ctypes.data``. `host = True` has a captured
step call it again at every replay.

python examples/own_function.py
"""

import ctypes
import ctypes.util

import numpy as np

import fastgrad as fg
from fastgrad import nn
from fastgrad.autograd import Function

library = ctypes.CDLL(ctypes.util.find_library("m") or ctypes.util.find_library("msvcrt"))
library.erf.argtypes, library.erf.restype = [ctypes.c_double], ctypes.c_double
erf = np.vectorize(library.erf, otypes=[np.float64])


class Gelu(Function):
    """out = x F(x),  F(x) = (1 + erf(x / sqrt 2)) / 2;   dx = dout (F(x) + x f(x)),  f(x) = e^(-x^2 / 2) / sqrt(2 pi).

    Hendrycks and Gimpel, "Gaussian error linear units", 2016.
    """

    host = True

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        array = x.detach().numpy()
        ctx.share = (0.5 * (1 + erf(array / np.sqrt(2)))).astype(array.dtype)
        return fg.from_numpy(array * ctx.share)

    @staticmethod
    def backward(ctx, dout):
        (x,) = ctx.saved_tensors
        array = x.detach().numpy()
        slope = ctx.share + array * np.exp(-0.5 * array * array) / np.sqrt(2 * np.pi)
        return fg.from_numpy(dout.numpy() * slope.astype(array.dtype))


def main():
    x = fg.tensor(np.linspace(-3, 3, 7), requires_grad=True)  # float64: differences need it
    print("gelu      ", Gelu.apply(x).detach())
    print("gradient  ", *fg.grad(Gelu.apply(x).sum(), x))
    print("gradcheck ", fg.gradcheck(Gelu.apply, x))

    fg.manual_seed(0)
    layer = nn.Linear(3, 2)
    optimizer = fg.optim.SGD(layer.parameters(), lr=0.1)

    @fg.capture
    def step(x):
        optimizer.zero_grad()
        loss = Gelu.apply(layer(x)).sum()
        loss.backward()
        optimizer.step()
        return loss

    inputs = fg.tensor([[1.0, 2.0, 3.0]])
    print("captured  ", [round(step(inputs).item(), 4) for _ in range(3)])


if __name__ == "__main__":
    main()
