"""Activations: slopes where pieces meet, infinities and NaN, the modules, what is refused."""

import importlib.util

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import nn
from fastgrad.testing import assert_bits, assert_close

F = nn.functional
INF, NAN = np.inf, np.nan

# name of a function -> its numbers, {x: slope there}
SLOPES = {
    "relu": ((), {0.0: 0, NAN: 1, INF: 1, -INF: 0}),
    "leaky_relu": ((0.25,), {0.0: 0.25, NAN: 0.25, INF: 1, -INF: 0.25}),
    "elu": ((0.5,), {0.0: 0.5, NAN: 1, INF: 1, -INF: 0}),
    "celu": ((0.5,), {0.0: 1, NAN: 1, INF: 1, -INF: 0}),
    "selu": ((), {0.0: 1.7580993408473766, NAN: 1.0507009873554805, INF: 1.0507009873554805, -INF: 0}),
    "gelu": ((), {0.0: 0.5, NAN: NAN, INF: 1, -INF: 0}),
    "silu": ((), {0.0: 0.5, NAN: NAN, INF: 1, -INF: 0}),
    "mish": ((), {0.0: 0.6, NAN: NAN}),
    "softplus": ((1.0, 2.0), {0.0: 0.5, 3.0: 1, NAN: NAN, INF: 1, -INF: 0}),
    "hardtanh": ((-1.0, 1.0), {-1.0: 0, 1.0: 0, 0.0: 1, NAN: 1, INF: 0, -INF: 0}),
    "relu6": ((), {0.0: 0, 6.0: 0, NAN: 1, INF: 0, -INF: 0}),
    "hardsigmoid": ((), {-3.0: 0, 3.0: 0, 0.0: 1 / 6, NAN: 0, INF: 0, -INF: 0}),
    "hardswish": ((), {-3.0: 0, 3.0: 1, 0.0: 0.5, INF: 1, -INF: 0}),
    "logsigmoid": ((), {0.0: 0.5, NAN: NAN, INF: 0, -INF: 1}),
    "softsign": ((), {0.0: 1, NAN: NAN, INF: 0, -INF: 0}),
    "tanhshrink": ((), {0.0: 0, NAN: NAN, INF: 1, -INF: 1}),
    "sigmoid": ((), {0.0: 0.25, NAN: NAN, INF: 0, -INF: 0}),
    "tanh": ((), {0.0: 1, NAN: NAN, INF: 0, -INF: 0}),
    "threshold": ((1.0, 7.0), {1.0: 0, NAN: 1, INF: 1, -INF: 0}),
    "hardshrink": ((0.5,), {0.5: 0, -0.5: 0, NAN: 1, INF: 1, -INF: 1}),
    "softshrink": ((0.5,), {0.5: 0, -0.5: 0, NAN: 1, INF: 1, -INF: 1}),
}
LIMITS = {
    "elu": (-1, INF),
    "celu": (-1, INF),
    "gelu": (0, INF),
    "silu": (0, INF),
    "softplus": (0, INF),
    "hardtanh": (-1, 1),
    "relu6": (0, 6),
    "hardsigmoid": (0, 1),
    "hardswish": (0, INF),
    "logsigmoid": (-INF, 0),
    "softsign": (-1, 1),
    "tanhshrink": (-INF, INF),
    "sigmoid": (0, 1),
    "tanh": (-1, 1),
    "relu": (0, INF),
    "leaky_relu": (-INF, INF),
}
DIFFERS = {"gelu", "silu", "mish", "hardswish", "softsign"}  # where PyTorch's infinity times 0 is NaN


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", SLOPES)
def test_slopes_at_kinks_and_beyond(name, dtype):
    numbers, slopes = SLOPES[name]
    x = fg.from_numpy(np.array(list(slopes), dtype)).requires_grad_()
    found = fg.grad(getattr(F, name)(x, *numbers).sum(), x)[0]
    assert_close(found.data, np.array(list(slopes.values())), "formula", what=name)


@pytest.mark.parametrize("name", SLOPES)
def test_slopes_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    numbers, slopes = SLOPES[name]
    given = [v for v in slopes if name not in DIFFERS or np.isfinite(v)]
    x = fg.tensor(given, requires_grad=True)
    y = torch.tensor(given, requires_grad=True)
    getattr(F, name)(x, *numbers).sum().backward()
    getattr(torch.nn.functional, name)(y, *numbers).sum().backward()
    np.testing.assert_allclose(x.grad.data, y.grad.numpy(), rtol=1e-6)


@pytest.mark.parametrize("name", LIMITS)
def test_limits(name):
    out = getattr(F, name)(fg.tensor([-INF, INF, NAN]))
    np.testing.assert_array_equal(out.data, np.array([*LIMITS[name], NAN], np.float32))
    assert getattr(F, name)(fg.tensor([1, 2])).dtype == (np.int64 if name == "relu" else np.float32)


MODULES = {
    "LeakyReLU": ((0.2,), "leaky_relu", "negative_slope=0.2"),
    "ELU": ((0.7,), "elu", "alpha=0.7"),
    "CELU": ((0.7,), "celu", "alpha=0.7"),
    "SELU": ((), "selu", ""),
    "GELU": (("tanh",), "gelu", "approximate='tanh'"),
    "SiLU": ((), "silu", ""),
    "Mish": ((), "mish", ""),
    "Softplus": ((2.0, 3.0), "softplus", "beta=2.0, threshold=3.0"),
    "Hardtanh": ((-0.5, 0.7), "hardtanh", "min_val=-0.5, max_val=0.7"),
    "ReLU6": ((), "relu6", ""),
    "Hardsigmoid": ((), "hardsigmoid", ""),
    "Hardswish": ((), "hardswish", ""),
    "LogSigmoid": ((), "logsigmoid", ""),
    "Softsign": ((), "softsign", ""),
    "Tanhshrink": ((), "tanhshrink", ""),
    "Hardshrink": ((0.2,), "hardshrink", "0.2"),
    "Softshrink": ((0.2,), "softshrink", "0.2"),
    "Threshold": ((0.1, 3.0), "threshold", "threshold=0.1, value=3.0"),
}


@pytest.mark.parametrize("name", MODULES)
def test_modules(name, rng):
    numbers, function, shown = MODULES[name]
    module = getattr(nn, name)(*numbers)
    x = fg.from_numpy(rng.standard_normal((5, 4)).astype(np.float32))
    assert_bits(module(x).data, getattr(F, function)(x, *numbers).data)
    assert repr(module) == f"{name}({shown})"
    if "inplace" not in getattr(nn, name).__init__.__code__.co_varnames:
        return
    changing = getattr(nn, name)(*numbers, inplace=True)
    assert repr(changing) == f"{name}({shown}{', ' if shown else ''}inplace=True)"
    w = fg.from_numpy(rng.standard_normal((5, 4)).astype(np.float32)).requires_grad_()
    slopes = [fg.grad((m(w * 1.5) * x).sum(), w)[0].data for m in (module, changing)]
    assert_bits(*slopes)
    y = x.clone()
    assert changing(y) is y
    assert_bits(y.data, module(x).data)
    with pytest.raises(RuntimeError, match="leaf"):
        changing(w)


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("name", [*MODULES, "PReLU"])
def test_modules_have_pytorchs_arguments(name):
    import inspect

    import torch

    mine, theirs = (inspect.signature(getattr(m, name).__init__).parameters for m in (nn, torch.nn))
    assert list(mine) == [k for k in theirs if k not in ("min_value", "max_value")]  # old names of Hardtanh's
    for k in mine:
        assert mine[k].default == theirs[k].default, k


def test_prelu(rng):
    layer = nn.PReLU(3)
    assert layer.weight.tolist() == [0.25] * 3
    assert repr(layer) == "PReLU(num_parameters=3)"
    assert nn.PReLU(init=0.1, dtype=np.float64).weight.dtype == np.float64
    x = rng.standard_normal((300, 3, 40)).astype(np.float32)
    dout = rng.standard_normal(x.shape).astype(np.float32)
    grads = []
    for threads in (1, 2, 4):
        with fg.kernels.use(threads=threads):
            grads.append(fg.grad(layer(fg.from_numpy(x)), [layer.weight], fg.from_numpy(dout))[0].data)
    expected = np.where(x > 0, 0, x.astype(np.float64) * dout).sum((0, 2))
    assert_close(grads[0], expected, "sum", n=12_000, scale=np.abs(x * dout).sum((0, 2)))
    assert_bits(grads[0], grads[1])
    assert_bits(grads[0], grads[2])


def test_what_is_refused():
    x = fg.ones(2, 3)
    for weight in (fg.ones(2), fg.ones(3, 1)):
        with pytest.raises(ValueError, match=r"prelu: a weight of shape .* one for each of the 3 channels"):
            F.prelu(x, weight)
    with pytest.raises(ValueError, match='approximate must be "none" or "tanh"'):
        F.gelu(x, "erf")
    with pytest.raises(ValueError, match=r"min_val = 2\.0 must not exceed max_val = 1\.0"):
        F.hardtanh(x, 2.0, 1.0)
    with pytest.raises(ValueError, match="alpha must not be 0"):
        F.celu(x, 0.0)
    with pytest.raises(ValueError, match="lambd must be at least 0"):
        F.softshrink(x, -1.0)


def test_captured_training_with_every_activation(rng):
    """A step through all of them, recorded and replayed: the eager step's bits."""
    chain = [getattr(nn, name)(*numbers) for name, (numbers, _, _) in MODULES.items()]

    def build():
        fg.manual_seed(4)
        layers = [m for a in [*chain, nn.PReLU(6)] for m in (nn.Linear(6, 6), a)]
        model = nn.Sequential(*layers)
        optimizer = fg.optim.Adam(model.parameters(), lr=1e-2)

        def step(x):
            optimizer.zero_grad()
            loss = (model(x) * x).sum()
            loss.backward()
            optimizer.step()
            return loss

        return step

    eager, captured = build(), fg.capture(build())
    for _ in range(4):
        x = fg.from_numpy(rng.standard_normal((7, 6)).astype(np.float32))
        assert_bits(eager(x).data, captured(x).data)
