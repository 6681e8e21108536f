"""Random programs of 5 to 60 operations: values and gradients are PyTorch's.

A program is drawn once, as a list of calls with fixed arguments, and run by either library. Every operand is tame (its
numbers are brought back into [-2, 2] before they are used), so that a difference is an error and not a rounding error
that a pole has blown up. Without PyTorch the same programs are held against the reference kernels and their captured
replay.
"""

import importlib.util

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastgrad as fg

TORCH = importlib.util.find_spec("torch") is not None
RTOL = 1e-9  # sixty operations in float64, a few of which lose a digit or two

UNARY = {
    "neg": lambda m, x: -x,
    "exp": lambda m, x: m.exp(x),
    "tanh": lambda m, x: m.tanh(x),
    "sigmoid": lambda m, x: m.sigmoid(x),
    "relu": lambda m, x: m.relu(x - 0.01),
    "abs": lambda m, x: m.abs(x - 0.013),
    "log": lambda m, x: m.log(x * x + 0.5),
    "sqrt": lambda m, x: m.sqrt(x * x + 0.3),
    "sin": lambda m, x: m.sin(3 * x),
    "cos": lambda m, x: x.cos(),
    "square": lambda m, x: x**2,
    "cube": lambda m, x: x.pow(3),
    "log1p": lambda m, x: m.log1p(x.abs()),
    "expm1": lambda m, x: m.expm1(x),
    "erf": lambda m, x: m.erf(x),
    "reciprocal": lambda m, x: 1 / (x * x + 1),
    "clamp": lambda m, x: m.clamp(x, -0.77, 0.83),
    "masked": lambda m, x: x * (x > 0.1),
    "where": lambda m, x: m.where(x < 0.2, x * 2, x - 1),
    "floor": lambda m, x: x + m.floor(x * 3.1),
    "clone": lambda m, x: x.clone(),
    "flip": lambda m, x: m.flip(x, [x.ndim - 1]) if x.ndim else x,
    "T": lambda m, x: x.transpose(0, -1) if x.ndim else x,
    "ravel": lambda m, x: x.reshape(-1),
    "unsqueeze": lambda m, x: x.unsqueeze(0) if x.ndim < 3 else x.squeeze(),
    "strided": lambda m, x: x[..., ::2] if x.ndim and x.shape[-1] > 1 else x,
    "first": lambda m, x: x[0] if x.ndim > 1 else x,
    "picked": lambda m, x: x[m.tensor([0, 0, x.shape[0] - 1])] if x.ndim else x,
    "sum": lambda m, x: x.sum() / x.numel(),
    "sum0": lambda m, x: x.sum(0) / 4 if x.ndim else x,
    "mean": lambda m, x: x.mean(-1, keepdim=True) if x.ndim else x,
    "max": lambda m, x: x.max(0)[0] if x.ndim else x,
    "amin": lambda m, x: x.min(),
    "prod": lambda m, x: x.prod(0) if x.ndim else x,
    "var": lambda m, x: x.var(-1, unbiased=False) if x.ndim else x,
    "logsumexp": lambda m, x: m.logsumexp(x, dim=0) if x.ndim else x,
    "cumsum": lambda m, x: m.cumsum(x, 0) / 3 if x.ndim else x,
    "softmax": lambda m, x: m.softmax(x, -1) if x.ndim else x,
    "log_softmax": lambda m, x: m.log_softmax(x, 0) if x.ndim else x,
    "sort": lambda m, x: m.sort(x, dim=-1)[0] if x.ndim else x,
    "expand": lambda m, x: x.expand(2, *x.shape) if x.ndim < 3 else x,
    "tril": lambda m, x: m.tril(x) if x.ndim > 1 else x,
    "roll": lambda m, x: m.roll(x, 1, 0) if x.ndim else x,
    "pad": lambda m, x: m.nn.functional.pad(x, (1, 0)) if x.ndim and x.numel() < 40 else x,
    "detached": lambda m, x: x * x.detach(),
}
IN_PLACE = {
    "add_": lambda m, x: x.clone().add_(0.5),
    "mul_": lambda m, x: x.clone().mul_(x),
    "setitem": lambda m, x: set_first(x.clone(), 0.25 * x.sum() / x.numel()),
    "view_": lambda m, x: change_a_view(x.clone()),
}
BINARY = {
    "add": lambda m, a, b: a + b,
    "sub": lambda m, a, b: a - 1.5 * b,
    "mul": lambda m, a, b: a * b,
    "div": lambda m, a, b: a / (b * b + 1),
    "maximum": lambda m, a, b: m.maximum(a, b + 0.017),
    "minimum": lambda m, a, b: m.minimum(a, b + 0.019),
    "lerp": lambda m, a, b: m.lerp(a, b, 0.3),
    "iadd": lambda m, a, b: iadd(a, b),
}
SHAPES = [(), (1,), (3,), (4, 3), (1, 3), (2, 1, 3), (4, 4), (2, 4, 3)]


def set_first(x, value):
    if x.ndim:
        x[0] = value
    return x


def change_a_view(x):
    if x.ndim:
        view = x[-1:]
        view *= 2
        view += x[0]
    return x


def iadd(a, b):
    out = (a + 0 * b).clone()
    out += b
    return out


def product(m, a, b):
    """A product of what can be multiplied."""
    if a.ndim and b.ndim and a.shape[-1] == b.shape[max(b.ndim - 2, 0)] and (a.ndim < 3 or b.ndim < 3):
        return a @ b / a.shape[-1]
    return a.sum() * b / a.numel()


@st.composite
def programs(draw):
    """Shapes of the inputs, and steps: (name, indices of operands counted from the newest)."""
    shapes = draw(st.lists(st.sampled_from(SHAPES), min_size=2, max_size=4))
    names = st.sampled_from(sorted([*UNARY, *UNARY, *IN_PLACE, *BINARY, *BINARY, "matmul"]))
    steps = draw(st.lists(st.tuples(names, st.integers(0, 5), st.integers(0, 5)), min_size=5, max_size=60))
    return shapes, steps, draw(st.integers(0, 2**32 - 1))


def tame(m, x):
    """The same numbers where they are small, squeezed smoothly where they are large; and never more than 100 of them."""
    if x.numel() > 100:
        x = x.reshape(-1)[:30]
    return 2 * m.tanh(x / 2)


def broadcast(a, b):
    try:
        return np.broadcast_shapes(tuple(a.shape), tuple(b.shape))
    except ValueError:
        return None


def run(m, shapes, steps, seed, tensor):
    """Runs a program; returns a number that depends on all that was computed, and the inputs."""
    rng = np.random.Generator(np.random.Philox(seed))
    inputs = [tensor(rng.uniform(-1.5, 1.5, shape)) for shape in shapes]
    values = list(inputs)
    for name, i, j in steps:
        a, b = values[-1 - i % len(values)], values[-1 - j % len(values)]
        if name in BINARY:
            out = BINARY[name](m, a, b if broadcast(a, b) is not None else b.sum() / b.numel())
        elif name == "matmul":
            out = product(m, a, b)
        else:
            out = (UNARY.get(name) or IN_PLACE[name])(m, a)
        out = tame(m, out)
        values.append(out)
    return sum((v * (k + 1)).sum() for k, v in enumerate(values[-6:])), inputs


def slopes(m, program, tensor):
    loss, inputs = run(m, *program, tensor)
    found = m.autograd.grad(loss, inputs, allow_unused=True)
    return loss, [np.zeros(x.shape) if g is None else g.detach().numpy() for g, x in zip(found, inputs, strict=True)]


def fastgrad_tensor(array):
    return fg.tensor(array, requires_grad=True)


def hold_together(a, b):
    np.testing.assert_allclose(a[0].item(), b[0].item(), rtol=RTOL, atol=RTOL)
    for x, y in zip(a[1], b[1], strict=True):
        np.testing.assert_allclose(x, y, rtol=RTOL, atol=RTOL * max(1.0, np.abs(y).max(initial=0.0)))


many = settings(max_examples=500, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
some = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@pytest.mark.slow
@pytest.mark.skipif(not TORCH, reason="PyTorch is not installed: random programs are held against the reference alone")
@many
@given(programs())
def test_values_and_gradients_are_pytorchs(program):
    import torch

    hold_together(
        slopes(fg, program, fastgrad_tensor),
        slopes(torch, program, lambda array: torch.tensor(array, requires_grad=True)),
    )


@some
@given(programs())
def test_values_and_gradients_are_the_references(program):
    native = slopes(fg, program, fastgrad_tensor)
    with fg.kernels.use("reference"):
        reference = slopes(fg, program, fastgrad_tensor)
    hold_together(native, reference)


@some
@given(programs())
def test_a_captured_program_gives_the_same_bits(program):
    shapes, _, seed = program
    rng = np.random.Generator(np.random.Philox(seed))
    arrays = [rng.uniform(-1.5, 1.5, shape) for shape in shapes]

    def step(*inputs):
        given = iter(inputs)
        loss, xs = run(fg, *program, lambda _: next(given))
        return loss, *(g for g in fg.grad(loss, xs, allow_unused=True) if g is not None)

    def leaves():
        return [fg.tensor(x, requires_grad=True) for x in arrays]

    captured = fg.capture(step)
    expected = step(*leaves())
    for _ in range(2):
        for a, b in zip(captured(*leaves()), expected, strict=True):
            np.testing.assert_array_equal(a.data, b.data)
