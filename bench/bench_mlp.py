"""A training step of the seven-layer network: eager, and captured with the same bits."""

from itertools import pairwise

import numpy as np
import pytest
from measuring import Library
from workloads import LAYERS, trainer

import fastgrad as fg
from fastgrad import kernels

WEIGHTS = sum(n_in * n_out for n_in, n_out in pairwise(LAYERS))


def train(batch, wrap=lambda step: step, steps=5):
    """Losses and parameters of the first steps, from the same weights every time."""
    step, x, labels, model = trainer(Library("fastgrad"), batch, 1e-3)
    step = wrap(step)
    losses = [float(step(x, labels).item()) for _ in range(steps)]
    return losses, [p.detach().numpy().copy() for p in model.parameters()]


@pytest.mark.parametrize("batch", [1, 32, 100, 1000])
@pytest.mark.parametrize("mode", ["eager", "captured"])
def bench_step(mode, batch, clock):
    wrap = fg.capture if mode == "captured" else lambda step: step
    losses, parameters = train(batch, wrap)
    with kernels.use("reference"):
        expected, _ = train(batch)
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    assert losses[-1] < 0.9 * losses[0]
    if mode == "captured":
        eager_losses, eager = train(batch)
        assert losses == eager_losses
        for a, b in zip(parameters, eager, strict=True):
            np.testing.assert_array_equal(a, b)
    step, x, labels, _ = trainer(Library("fastgrad"), batch, 1e-8)  # see workloads.train_step for the learning rate
    step = wrap(step)
    flops = 2 * batch * (3 * WEIGHTS - LAYERS[0] * LAYERS[1])  # the input needs no gradient
    clock(lambda: step(x, labels), flops=flops)
