"""The tape: what an operation costs beyond its kernel, forward and backward."""

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import kernels


def chain(x, w, b, ops):
    y = x
    for _ in range(ops // 2):
        y = y * w
        y = y + b
    x.grad = None
    y.sum().backward()
    return y.detach().numpy(), x.grad.numpy()


def operands(shape):
    rng = np.random.default_rng(0)
    x, w, b = (fg.from_numpy(rng.random(shape).astype(np.float32)) for _ in range(3))
    return x.requires_grad_(), w, b


@pytest.mark.parametrize("shape", [(1,), (100, 100)], ids=str)
def bench_chain(shape, clock, ops=1000):
    """Forward and backward of a chain: divide by 1000 for an operation."""
    x, w, b = operands(shape)
    found = chain(x, w, b, ops)
    with kernels.use("reference"):
        expected = chain(x, w, b, ops)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    clock(lambda: chain(x, w, b, ops))


@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "no_grad"])
def bench_operation(recorded, clock):
    """One multiplication of two single numbers: the least an operation costs."""
    x, w, _ = operands((1,))
    np.testing.assert_array_equal((x * w).detach().numpy(), x.detach().numpy() * w.numpy())
    with fg.enable_grad() if recorded else fg.no_grad():
        clock(lambda: x * w)


def bench_shared(clock, uses=100):
    """One leaf used a hundred times: its gradient is a sum of a hundred contributions."""
    x, w, _ = operands((1000,))

    def run():
        x.grad = None
        y = x * w
        for _ in range(uses - 1):
            y = y + x * w
        y.sum().backward()
        return x.grad.numpy()

    found = run()
    with kernels.use("reference"):
        np.testing.assert_array_equal(found, run())
    np.testing.assert_allclose(found, uses * w.numpy(), rtol=1e-5)
    clock(run)
