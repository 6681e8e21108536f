"""fastgrad.nn.utils: clipping against PyTorch and the formula, captured as eager, and parameters as a vector."""

import importlib.util
import math

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.nn import utils
from fastgrad.testing import assert_bits

torch = None
if importlib.util.find_spec("torch") is not None:
    import torch

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed: nothing to compare with")
SHAPES = ((3, 4), (5,), (), (0, 2), (70, 71))
NORMS = (2.0, 2, 1.0, 3.0, 0.5, 0, math.inf, -math.inf)


def leaves(rng, dtypes=("float64",), shapes=SHAPES):
    found = []
    for i, shape in enumerate(shapes):
        p = fg.from_numpy(np.zeros(shape, dtypes[i % len(dtypes)])).requires_grad_()
        p.grad = fg.from_numpy(np.asarray(rng.standard_normal(shape) * 10.0 ** rng.integers(-2, 2)).astype(p.dtype))
        found.append(p)
    return found


def theirs(params):
    found = []
    for p in params:
        q = torch.zeros(p.shape, dtype=getattr(torch, str(p.dtype)), requires_grad=True)
        q.grad = torch.tensor(p.grad.data.copy())
        found.append(q)
    return found


# -- the norm ----------------------------------------------------------------------------------------------------------
@needs_torch
@pytest.mark.parametrize("norm_type", NORMS)
@pytest.mark.parametrize("max_norm", [1e-3, 1.0, 1e6, 0.0, math.inf])
def test_clip_grad_norm_is_pytorchs(norm_type, max_norm, rng):
    shapes = SHAPES if norm_type not in (math.inf, -math.inf) else [s for s in SHAPES if 0 not in s]
    mine = leaves(rng, shapes=shapes)
    others = theirs(mine)
    norm = utils.clip_grad_norm_(mine, max_norm, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(others, max_norm, norm_type)
    assert norm.shape == ()
    assert norm.dtype == np.float64
    assert float(norm) == pytest.approx(float(expected), rel=1e-12)
    for p, q in zip(mine, others, strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-12, atol=0)


@needs_torch
@pytest.mark.parametrize("norm_type", [2.0, 1.0, math.inf])
def test_the_total_norm_and_values_are_pytorchs(norm_type, rng):
    mine = leaves(rng, shapes=((3, 4), (5,), (70, 71)))
    others = theirs(mine)
    found = utils.get_total_norm([p.grad for p in mine], norm_type)
    expected = torch.nn.utils.get_total_norm([q.grad for q in others], norm_type)
    assert float(found) == pytest.approx(float(expected), rel=1e-12)
    assert utils.clip_grad_value_(mine, 0.25) is None
    torch.nn.utils.clip_grad_value_(others, 0.25)
    for p, q in zip(mine, others, strict=True):
        assert_bits(p.grad.numpy(), q.grad.numpy())


def test_the_norm_of_several_dtypes_is_one(rng):
    params = leaves(rng, ("float32", "float64"))
    truth = math.sqrt(sum(float((p.grad.data.astype(np.longdouble) ** 2).sum()) for p in params))
    before = [p.grad.data.copy() for p in params]
    norm = utils.clip_grad_norm_(params, truth / 3)
    assert norm.dtype == np.float64
    assert float(norm) == pytest.approx(truth, rel=1e-14)
    for p, g in zip(params, before, strict=True):
        factor = p.dtype.type(truth / 3 / (float(norm) + 1e-6))
        np.testing.assert_allclose(p.grad.data, factor * g, rtol=2 * np.finfo(p.dtype).eps)


def test_large_float32_gradients_do_not_overflow():
    p = fg.zeros(4, requires_grad=True)
    p.grad = fg.full((4,), 1e30)
    assert float(utils.clip_grad_norm_(p, 1.0)) == pytest.approx(2e30, rel=1e-6)
    assert p.grad.tolist() == [0.5] * 4


def test_gradients_that_are_short_stay_as_they_are(rng):
    params = leaves(rng)
    before = [(p.grad.data, p.grad.data.copy()) for p in params]
    time = fg.tape.versions.clock
    utils.clip_grad_norm_(params, 1e9)
    assert fg.tape.versions.clock == time, "nothing was changed, and nobody told that it was"
    for p, (array, values) in zip(params, before, strict=True):
        assert p.grad.data is array
        assert_bits(array, values)


def test_what_has_no_gradient_is_passed_over(rng):
    p, q = leaves(rng, shapes=((2,), (3,)))
    q.grad = None
    norm = float(np.linalg.norm(p.grad.data))
    assert float(utils.clip_grad_norm_((x for x in (p, q)), 1e9)) == pytest.approx(norm)
    assert q.grad is None
    p.grad = None
    assert float(utils.clip_grad_norm_([p, q], 1.0)) == 0
    assert float(utils.get_total_norm([])) == 0
    utils.clip_grad_value_([p, q], 1.0)


@pytest.mark.parametrize("norm_type", [2.0, 1.0, math.inf])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_norm_that_is_not_finite(norm_type, bad):
    p, q = fg.zeros(2, requires_grad=True), fg.zeros(1, requires_grad=True)
    p.grad, q.grad = fg.tensor([1.0, bad]), fg.tensor([2.0])
    with pytest.raises(RuntimeError, match=r"the total norm of order .* of the gradients is .*, not finite"):
        utils.clip_grad_norm_([p, q], 1.0, norm_type, error_if_nonfinite=True)
    with pytest.raises(RuntimeError, match="not finite"):
        utils.get_total_norm([p.grad], norm_type, error_if_nonfinite=True)
    assert q.grad.tolist() == [2.0]
    norm = float(utils.clip_grad_norm_([p, q], 1.0, norm_type))
    assert math.isnan(norm) if math.isnan(bad) else norm == math.inf
    assert math.isnan(q.grad.item()) if math.isnan(bad) else q.grad.item() == 0


def test_the_printed_form_throws_the_norm_to_one():
    def clipped(length, form, theta=5.0):
        p = fg.from_numpy(np.zeros(2)).requires_grad_()
        p.grad = fg.from_numpy(length * np.array([0.6, 0.8]))
        utils.clip_grad_norm_(p, theta, form=form)
        return float(np.linalg.norm(p.grad.data))

    assert clipped(4.9, "unit") == pytest.approx(4.9)
    assert clipped(5.0, "unit") == pytest.approx(5.0)
    assert clipped(5.1, "unit") == pytest.approx(1.0, rel=1e-14)
    assert clipped(4.9, "scale") == pytest.approx(4.9)
    assert clipped(5.1, "scale") == pytest.approx(5.0, rel=1e-6)
    assert clipped(5.1, "unit", 1.0) == pytest.approx(clipped(5.1, "scale", 1.0), rel=1e-6)


def test_the_optimizers_own_clipping_is_the_same_but_for_pytorchs_addend(rng):
    """clip_norm divides by the norm, PyTorch by the norm + 1e-6."""
    a, b = leaves(rng), leaves(rng)
    for p, q in zip(a, b, strict=True):
        q.grad = fg.from_numpy(p.grad.data.copy())
    fg.optim.SGD(a, lr=1.0, clip_norm=1.0).step()
    utils.clip_grad_norm_(b, 1.0)
    fg.optim.SGD(b, lr=1.0).step()
    for p, q in zip(a, b, strict=True):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-6)


# -- with the tape and in a program ------------------------------------------------------------------------------------
def test_the_tape_is_told():
    x = fg.tensor([3.0, 4.0], requires_grad=True)
    (x * x).sum().backward()
    y = (x.grad * x).sum()  # saves the gradient
    utils.clip_grad_norm_(x, 1.0)
    with pytest.raises(RuntimeError, match="changed"):
        y.backward()
    x.grad = fg.tensor([3.0, 4.0])
    y = (x.grad * x).sum()
    utils.clip_grad_value_(x, 1.0)
    with pytest.raises(RuntimeError, match="changed"):
        y.backward()


CLIPS = {
    "norm": lambda params: utils.clip_grad_norm_(params, 0.5),
    "unit": lambda params: utils.clip_grad_norm_(params, 2.0, form="unit"),
    "one": lambda params: utils.clip_grad_norm_(params, 0.5, 1.0),
    "inf": lambda params: utils.clip_grad_norm_(params, 0.5, math.inf),
    "checked": lambda params: utils.clip_grad_norm_(params, 0.5, error_if_nonfinite=True),
    "value": lambda params: utils.clip_grad_value_(params, 0.05),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", CLIPS)
def test_a_captured_step_has_the_bits_of_the_eager_one(kind, dtype, rng):
    start = [rng.standard_normal(s).astype(dtype) for s in ((5, 3), (3,))]
    inputs = [(rng.standard_normal((4, 5)).astype(dtype), np.array(k, dtype)) for k in (1e-4, 10, 0.1, 1e-5, 30, 1e-3)]

    def make():
        w, b = (fg.from_numpy(a.copy()).requires_grad_() for a in start)
        opt = fg.optim.SGD([w, b], lr=0.1, momentum=0.9)

        def step(x, scale):
            opt.zero_grad()
            y = x @ w + b
            ((y * y).mean() * scale).backward()
            before = utils.get_total_norm([w.grad, b.grad])
            norm = CLIPS[kind]([w, b])
            opt.step()
            return before, before if norm is None else norm

        return step, w, b

    (eager, *mine), (plain, *others) = make(), make()
    captured = fg.capture(plain)
    sizes = set()
    for several in inputs:
        found, expected = (step(*map(fg.from_numpy, several)) for step in (captured, eager))
        for a, b in zip(found, expected, strict=True):
            assert_bits(a.data, b.data)
        sizes.add(float(found[0]) > 0.5)
        for p, q in zip(mine, others, strict=True):
            assert_bits(p.grad.data, q.grad.data)
            assert_bits(p.data, q.data)
    assert sizes == {True, False}, "some are clipped, some are not"


def test_a_replay_refuses_a_norm_that_is_not_finite():
    w = fg.tensor([1.0, 2.0], requires_grad=True)

    @fg.capture
    def step(x):
        w.grad = None
        (w * x).sum().backward()
        return utils.clip_grad_norm_([w], 1.0, error_if_nonfinite=True)

    assert float(step(fg.tensor([3.0, 4.0]))) == 5
    with pytest.raises(RuntimeError, match="not finite"):
        step(fg.tensor([math.nan, 4.0]))
    assert float(step(fg.tensor([6.0, 8.0]))) == 10


# -- parameters as a vector --------------------------------------------------------------------------------------------
def test_parameters_as_a_vector_and_back(rng):
    model = fg.nn.Sequential(fg.nn.Linear(3, 4), fg.nn.Linear(4, 2)).double()
    vector = utils.parameters_to_vector(model.parameters())
    assert vector.shape == (3 * 4 + 4 + 4 * 2 + 2,)
    assert_bits(vector.data, np.concatenate([p.data.ravel() for p in model.parameters()]))
    (vector * vector).sum().backward()
    for p in model.parameters():
        assert_bits(p.grad.data, 2 * p.data)
    held = [p.data for p in model.parameters()]
    new = rng.standard_normal(vector.shape)
    utils.vector_to_parameters(fg.from_numpy(new), model.parameters())
    assert_bits(utils.parameters_to_vector(model.parameters()).data, new)
    assert all(p.data is a for p, a in zip(model.parameters(), held, strict=True))


def test_a_vector_written_over_parameters_is_told_to_the_tape():
    w = fg.tensor([1.0, 2.0], requires_grad=True)
    loss = (w * w).sum()
    utils.vector_to_parameters(fg.tensor([5.0, 6.0]), [w])
    with pytest.raises(RuntimeError, match="changed"):
        loss.backward()


# -- errors ------------------------------------------------------------------------------------------------------------
def test_errors_change_nothing():
    p = fg.zeros(2, requires_grad=True)
    p.grad = fg.tensor([3.0, 4.0])
    cases = [
        (ValueError, "max_norm must be at least 0, not -1", lambda: utils.clip_grad_norm_(p, -1)),
        (ValueError, "max_norm must be at least 0, not nan", lambda: utils.clip_grad_norm_(p, math.nan)),
        (
            ValueError,
            "form must be one of 'scale', 'unit', not 'both'",
            lambda: utils.clip_grad_norm_(p, 1, form="both"),
        ),
        (ValueError, "clip_value must be at least 0", lambda: utils.clip_grad_value_(p, -0.1)),
        (TypeError, "argument 0 of the list is a ndarray", lambda: utils.clip_grad_norm_([np.zeros(2)], 1)),
        (ValueError, "no parameters", lambda: utils.parameters_to_vector([])),
        (ValueError, r"a vector \(3,\) for parameters of 2", lambda: utils.vector_to_parameters(fg.zeros(3), [p])),
        (TypeError, "the vector is a ndarray", lambda: utils.vector_to_parameters(np.zeros(2), [p])),
    ]
    for error, text, call in cases:
        with pytest.raises(error, match=text):
            call()
    assert p.grad.tolist() == [3, 4]
    assert p.tolist() == [0, 0]


def test_a_gradient_that_cannot_be_written_stops_all(rng):
    p, q = leaves(rng, ("float32", "float64"), ((3,), (3,)))
    before = p.grad.data.copy()
    q.grad.data.flags.writeable = False
    for call in (lambda: utils.clip_grad_norm_([p, q], 1e-3), lambda: utils.clip_grad_value_([p, q], 1e-3)):
        with pytest.raises(ValueError, match="read-only"):
            call()
        assert_bits(p.grad.data, before)
