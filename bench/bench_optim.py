"""Update rules: the same bits as the reference, then GB/s. One call serves one tensor or a list of them."""

from itertools import pairwise

import numpy as np
import pytest
from cases import arguments, check, family
from workloads import LAYERS

import fastgrad as fg
from fastgrad import kernels

MLP = [size for n_in, n_out in pairwise(LAYERS) for size in (n_in * n_out, n_out)]
SIZES = {"mlp": MLP, "1M": 1 << 20, "16M": 1 << 24}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", family("optim", "stream"))
def bench_rule(name, size, clock):
    """The kernel alone. `stream` rows are plain loops with the reads and writes of a rule."""
    kernel = kernels.KERNELS[name]
    values, moved = arguments(kernel, {"n": SIZES[size]})
    check(kernel, values)
    if kernel.family == "stream":  # its sums grow: keep them finite however often it is called
        values["g"] = [g * 0 for g in values["g"]] if isinstance(values["g"], list) else values["g"] * 0
    clock(lambda: kernel(**values), moved=moved)


@pytest.mark.parametrize("name", ["SGD", "Momentum", "Adam"])
def bench_step(name, clock):
    """What a user calls: optimizer.step() over the MLP's 14 tensors."""
    rng, runs = np.random.default_rng(0), []
    start, gradients = ([rng.random(n).astype(np.float32) for n in MLP] for _ in range(2))
    for which in ("reference", "native"):
        parameters = [fg.tensor(p, requires_grad=True) for p in start]
        for p, g in zip(parameters, gradients, strict=True):
            p.grad = fg.from_numpy(g)
        optimizer = getattr(fg.optim, name)(parameters, lr=1e-3)
        with kernels.use(which):
            for _ in range(7):
                optimizer.step()
        runs.append([p.detach().numpy().copy() for p in parameters])
    for reference, native, before in zip(*runs, start, strict=True):
        np.testing.assert_array_equal(reference, native)
        assert not np.array_equal(native, before)
    clock(optimizer.step)
