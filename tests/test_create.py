"""New tensors: values, dtypes, what is refused; drawn ones; and both inside a captured step."""

import inspect

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.testing import assert_bits

DTYPES = ("float16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool")
MADE = {
    "zeros": (lambda **k: fg.zeros(2, 3, **k), np.zeros((2, 3), np.float32)),
    "zeros of a tuple": (lambda **k: fg.zeros((2, 0), **k), np.zeros((2, 0), np.float32)),
    "zeros of nothing": (lambda **k: fg.zeros((), **k), np.zeros((), np.float32)),
    "ones": (lambda **k: fg.ones(3, **k), np.ones(3, np.float32)),
    "full": (lambda **k: fg.full((2, 2), 1.5, **k), np.full((2, 2), 1.5, np.float32)),
    "full of ints": (lambda **k: fg.full((2,), 2**60 + 1, **k), np.full(2, 2**60 + 1)),
    "full of bools": (lambda **k: fg.full((2,), True, **k), np.full(2, True)),
    "arange": (lambda **k: fg.arange(5, **k), np.arange(5)),
    "arange from": (lambda **k: fg.arange(2, 5, **k), np.arange(2, 5)),
    "arange back": (lambda **k: fg.arange(5, 0, -2, **k), np.array([5, 3, 1])),
    "arange of floats": (lambda **k: fg.arange(0, 1, 0.25, **k), np.arange(0, 1, 0.25, np.float32)),
    "linspace": (lambda **k: fg.linspace(0, 1, 5, **k), np.linspace(0, 1, 5, dtype=np.float32)),
    "linspace of one": (lambda **k: fg.linspace(3, 7, 1, **k), np.float32([3])),
    "logspace": (lambda **k: fg.logspace(0, 2, 3, **k), np.float32([1, 10, 100])),
    "eye": (lambda **k: fg.eye(3, **k), np.eye(3, dtype=np.float32)),
    "eye of a rectangle": (lambda **k: fg.eye(2, 3, **k), np.eye(2, 3, dtype=np.float32)),
    "scalar_tensor": (lambda **k: fg.scalar_tensor(2, **k), np.float32(2)),
    "tril_indices": (lambda **k: fg.tril_indices(3, 3, **k), np.stack(np.tril_indices(3))),
    "triu_indices": (lambda **k: fg.triu_indices(2, 3, 1, **k), np.stack(np.triu_indices(2, 1, 3))),
}


@pytest.mark.parametrize("what", MADE)
def test_values_and_dtypes(what):
    make, expected = MADE[what]
    assert_bits(make().data, np.asarray(expected))
    assert isinstance(make(device="cpu"), fg.Tensor)
    for dtype in ("float64", np.float64, fg.float64, float):
        with np.errstate(over="ignore"):
            assert_bits(
                make(dtype=dtype).data, np.asarray(expected).astype(np.float64)
            ) if expected.dtype != np.float32 else None
        assert make(dtype=dtype).dtype == np.float64


def test_likes_and_news():
    x = fg.tensor([[1, 2], [3, 4]], dtype=fg.float64)
    for found, value in [
        (fg.zeros_like(x), 0),
        (fg.ones_like(x), 1),
        (fg.full_like(x, 3), 3),
        (x.new_zeros(2, 2), 0),
        (x.new_ones((2, 2)), 1),
        (x.new_full((2, 2), 3), 3),
    ]:
        assert_bits(found.data, np.full((2, 2), value, np.float64))
    assert fg.zeros_like(x, dtype=fg.int64).dtype == np.int64
    assert fg.zeros_like(x, requires_grad=True).requires_grad
    assert fg.empty_like(x).shape == x.new_empty(2, 2).shape == fg.empty(2, 2).shape == (2, 2)
    assert fg.empty(2, dtype=fg.int32).dtype == x.new_empty(1, dtype=fg.int32).dtype == np.int32
    assert x.new_tensor([1, 2]).dtype == np.float64
    assert x.new_tensor([1, 2], dtype=fg.int64).dtype == np.int64
    assert x.new_ones(2, requires_grad=True).requires_grad


def test_what_is_refused():
    for call, error, text in [
        (lambda: fg.zeros(-1), ValueError, r"shape \(-1,\): sizes are not negative"),
        (lambda: fg.empty(2, -3), ValueError, "sizes are not negative"),
        (lambda: fg.rand(-1), ValueError, "sizes are not negative"),
        (lambda: fg.zeros(2, dtype=fg.int64, requires_grad=True), TypeError, "only float tensors"),
        (lambda: fg.arange(0, 5, -1), ValueError, "a step of -1 does not lead from 0 to 5"),
        (lambda: fg.arange(0, 5, 0), ValueError, "the step not 0"),
        (lambda: fg.linspace(0, 1, -1), ValueError, "linspace: steps must not be negative"),
        (lambda: fg.logspace(0, 1, -1), ValueError, "logspace: steps must not be negative"),
        (lambda: fg.zeros(2, device="cuda"), RuntimeError, "fastgrad computes on the CPU"),
        (lambda: fg.rand(2, device="cuda:0"), RuntimeError, "fastgrad computes on the CPU"),
        (lambda: fg.randperm(2, device="mps"), RuntimeError, "fastgrad computes on the CPU"),
        (lambda: fg.randint(5, 5, (2,)), ValueError, "low = 5 must be below high = 5"),
        (lambda: fg.rand(2, dtype=fg.int64), TypeError, "cannot be int64: draw floats, or use randint"),
        (lambda: fg.randn_like(fg.tensor([1, 2])), TypeError, "cannot be int64"),
        (lambda: fg.eye(-1), ValueError, "eye: n = -1, m = None: sizes are not negative"),
        (lambda: fg.randint(5), TypeError, "needs a size"),
        (lambda: fg.normal(0.0, 1.0), TypeError, "needs a size"),
        (lambda: fg.normal(0.0, -1.0, (2,)), ValueError, "std must not be negative"),
        (lambda: fg.bernoulli(fg.tensor([1.5])), ValueError, "between 0 and 1"),
        (lambda: fg.bernoulli(fg.zeros(2), 1.5), ValueError, "p = 1.5"),
        (lambda: fg.multinomial(fg.tensor([0.0, 0.0]), 1), ValueError, "not all 0"),
        (lambda: fg.multinomial(fg.tensor([1.0, 0.0]), 2), ValueError, "2 samples without replacement"),
        (lambda: fg.multinomial(fg.zeros(1, 1, 1), 2), ValueError, r"\(1, 1, 1\)"),
        (lambda: fg.set_default_dtype(fg.int64), TypeError, "float32 or float64, not int64"),
    ]:
        with pytest.raises(error, match=text):
            call()


def test_dtypes_by_name():
    for name in DTYPES:
        assert getattr(fg, name) == np.dtype(name)
        assert fg.zeros(2, dtype=getattr(fg, name)).dtype == getattr(fg, name)
    assert (fg.float, fg.double, fg.half) == (np.float32, np.float64, np.float16)
    assert (fg.long, fg.int, fg.short) == (np.int64, np.int32, np.int16)
    assert fg.is_floating_point(fg.zeros(1))
    assert not fg.is_floating_point(fg.arange(1))
    assert fg.is_tensor(fg.zeros(1))
    assert not fg.is_tensor(np.zeros(1))
    assert fg.numel(fg.zeros(2, 3)) == 6


def test_the_default_dtype():
    assert fg.get_default_dtype() == np.float32
    fg.set_default_dtype(fg.float64)
    try:
        for made in (
            fg.tensor(1.5),
            fg.zeros(1),
            fg.rand(1),
            fg.tensor([1, 2]) / 2,
            fg.tensor([1]) + 0.5,
            fg.full((1,), 0.5),
        ):
            assert made.dtype == np.float64
        assert repr(fg.tensor([1.0])) == "tensor([1.])"
        assert repr(fg.zeros(1, dtype=fg.float32)) == "tensor([0.], dtype=float32)"
    finally:
        fg.set_default_dtype(fg.float32)
    assert fg.tensor(1.5).dtype == np.float32


def test_lists_of_tensors():
    a = fg.tensor([1.0, 2.0], requires_grad=True)
    assert fg.tensor([a, a * 2]).tolist() == [[1, 2], [2, 4]]
    assert fg.tensor([[a.sum(), 1], [2, 3]]).tolist() == [[3, 1], [2, 3]]
    assert not fg.tensor([a]).requires_grad, "tensor() copies values, not history"
    assert fg.tensor(a).data is not a.data


# -- drawn -------------------------------------------------------------------------------------------------------------
DRAWN = {
    "rand": lambda: fg.rand(3, 4),
    "randn": lambda: fg.randn((3, 4)),
    "randint": lambda: fg.randint(10, (5,)),
    "randperm": lambda: fg.randperm(8),
    "rand_like": lambda: fg.rand_like(fg.zeros(3)),
    "randn_like": lambda: fg.randn_like(fg.zeros(3)),
    "randint_like": lambda: fg.randint_like(fg.zeros(9), 1, 7),
    "normal": lambda: fg.normal(fg.zeros(3), 2.0),
    "bernoulli": lambda: fg.bernoulli(fg.full((40,), 0.5)),
    "multinomial": lambda: fg.multinomial(fg.ones(9), 5),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_seed_repeats_the_numbers(name):
    fg.manual_seed(3)
    first, second = DRAWN[name](), DRAWN[name]()
    fg.manual_seed(3)
    assert_bits(DRAWN[name]().data, first.data)
    assert first.tolist() != second.tolist()


@pytest.mark.parametrize("name", DRAWN)
def test_a_captured_step_draws_afresh(name):
    step = fg.capture(lambda x: (x * 2.0, DRAWN[name](), DRAWN[name]()))
    plain = step.step
    fg.manual_seed(5)
    expected = [plain(fg.zeros(3)) for _ in range(3)]
    fg.manual_seed(5)
    for drawn in expected:
        for found, e in zip(step(fg.zeros(3)), drawn, strict=True):
            assert_bits(found.data, e.data)
    assert len(step.programs) == 1


def test_distributions():
    n = 20_000
    assert abs(fg.rand(n).mean().item() - 0.5) < 4 * (1 / 12 / n) ** 0.5
    assert fg.rand(n).data.min() >= 0
    assert fg.rand(n).data.max() < 1
    assert abs(fg.randn(n).mean().item()) < 4 / n**0.5
    assert abs(fg.randn(n).data.std() - 1) < 4 / (2 * n) ** 0.5
    found = fg.normal(3.0, fg.tensor([0.0, 2.0]), (n, 2))
    assert_bits(found.data[:, 0], np.full(n, 3, np.float32))
    assert abs(found.data[:, 1].std() - 2) < 8 / (2 * n) ** 0.5
    assert set(fg.randint(2, 5, (n,)).tolist()) == {2, 3, 4}
    assert sorted(fg.randperm(50).tolist()) == list(range(50))
    for p in 0.0, 0.25, 1.0:
        ones = fg.bernoulli(fg.zeros(n), p).mean().item()
        assert abs(ones - p) <= 4 * (p * (1 - p) / n) ** 0.5
    assert fg.bernoulli(fg.tensor([0.0, 1.0])).tolist() == [0, 1]
    counts = np.bincount(fg.multinomial(fg.tensor([1.0, 0.0, 3.0]), n, replacement=True).data, minlength=3) / n
    assert counts[1] == 0
    assert abs(counts[0] - 0.25) < 4 * (0.25 * 0.75 / n) ** 0.5
    rows = fg.multinomial(fg.tensor([[1.0, 1.0, 0.0], [0.0, 2.0, 1.0]]), 2)
    assert [sorted(r) for r in rows.tolist()] == [[0, 1], [1, 2]]
    first = np.array([fg.multinomial(fg.tensor([1.0, 2.0, 1.0]), 2).tolist()[0] for _ in range(2000)])
    assert abs((first == 1).mean() - 0.5) < 4 * (0.25 / 2000) ** 0.5


def test_a_generator_that_is_given():
    def draw():
        return np.random.Generator(np.random.Philox(1))

    before = fg.random.get_state()["state"]["counter"].tolist()
    assert_bits(fg.rand(3, generator=draw()).data, draw().uniform(size=3).astype(np.float32))
    assert_bits(fg.randperm(3, generator=draw()).data, draw().permutation(3))
    assert fg.random.get_state()["state"]["counter"].tolist() == before
    assert fg.randint(3, (2,), dtype=fg.int32).dtype == np.int32
    assert fg.rand(2, requires_grad=True).requires_grad


# -- in a captured step ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("what", MADE)
def test_a_captured_step_makes_them_again(what):
    """What a step makes and changes in place is as new at the next replay."""

    def step(x):
        made = MADE[what][0]()
        if made.dtype.kind == "f":
            made.add_(1.0)
            made.mul_(2.0)
        return made.clone(), x * 2.0

    captured = fg.capture(step)
    for k in range(3):
        found, expected = captured(fg.full((2,), float(k))), step(fg.full((2,), float(k)))
        for a, b in zip(found, expected, strict=True):
            assert_bits(a.data, b.data)
    assert len(captured.programs) == 1


def test_lists_of_tensors_in_a_captured_step():
    step = fg.capture(lambda x: fg.tensor([x.sum(), 1.0, x[0]]))
    for k in range(3):
        assert step(fg.tensor([float(k), 2.0])).tolist() == [k + 2, 1, k]


def test_every_function_is_documented_and_takes_a_dtype():
    for module in fg.create, fg.random:
        for name in module.__all__:
            assert getattr(module, name).__doc__, name
    for name in fg.create.__all__:
        if not name.startswith(("is_", "from_", "numel")):
            assert "dtype" in inspect.signature(getattr(fg, name)).parameters, name


def test_modules_and_integer_reductions_follow_the_default_dtype():
    fg.set_default_dtype(fg.float64)
    try:
        assert fg.nn.Linear(2, 3)(fg.ones(1, 2)).dtype == fg.float64
        assert fg.nn.Embedding(2, 3).weight.dtype == fg.float64
        assert fg.logsumexp(fg.tensor([1, 2]), 0).dtype == fg.float64
    finally:
        fg.set_default_dtype(fg.float32)
    assert fg.nn.Linear(2, 3).weight.dtype == fg.float32
