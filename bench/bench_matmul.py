"""Products: squares, the MLP's shapes, transposed operands, a linear layer."""

import numpy as np
import pytest
from cases import arguments, check, family

from fastgrad import kernels

SQUARES = [(n, n, n) for n in (128, 256, 1024)]
SHAPES = [*SQUARES, (100, 784, 100), (784, 100, 100), (1, 784, 100), (511, 513, 257)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: "x".join(map(str, s)))
@pytest.mark.parametrize("name", family("matmul"))
def bench_matmul(name, shape, dtype, clock):
    m, k, n = shape
    kernel, dtype = kernels.KERNELS[name], np.dtype(dtype).type
    values, moved = arguments(kernel, {"M": m, "K": k, "N": n}, dtype)
    check(kernel, values, rtol=2 * k**0.5 * np.finfo(dtype).eps)
    clock(lambda: kernel(**values), moved=moved, flops=2 * m * k * n)


@pytest.mark.parametrize("layout", ["nt", "tn", "tt"])
def bench_transposed(layout, clock, n=512):
    a, b = np.random.default_rng(0).random((2, n, n), dtype=np.float32)
    values = {"a": a.T if layout[0] == "t" else a, "b": b.T if layout[1] == "t" else b}
    check(kernels.matmul, values, rtol=2 * n**0.5 * np.finfo(np.float32).eps)
    clock(lambda: kernels.matmul(**values), flops=2 * n**3)
