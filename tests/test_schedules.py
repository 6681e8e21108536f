"""Schedules as functions of time: values by hand and by Keras's formulas, in optimizers, captured, resumed, drawn."""

import math
import pickle
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.optim import lr_scheduler
from fastgrad.optim import schedules as S
from fastgrad.testing import assert_bits

# Class -> (a schedule, its unit, values at t = 0, 1, ... computed on paper). A class without a row fails the suite.
HAND = {
    "Constant": (S.Constant(0.3), "step", [0.3, 0.3, 0.3]),
    "Multiply": (S.Multiply(2.0), "epoch", [2.0, 1.96, 1.9208]),
    "PowerOfTen": (S.PowerOfTen(5.0, 2), "step", [5.0, 5 / math.sqrt(10), 0.5, 0.5 / math.sqrt(10), 0.05]),
    "StepDecay": (S.StepDecay(8.0, 0.5, 2), "epoch", [8, 8, 4, 4, 2, 2]),
    "Warmup": (S.Warmup(S.StepDecay(1.0, 0.5, 1), 2, start=0.5), "epoch", [0.5, 0.75, 1, 0.5, 0.25]),
    # 0.3 * 10 - 1 = 2 steps up from 1/4 to 1, then 7 down to 1/8
    "OneCycle": (
        S.OneCycle(1.0, 10, div_factor=4, final_div_factor=2, anneal_strategy="linear"),
        "step",
        [0.25, 0.625, 1.0, *(1 - 7 / 8 * k / 7 for k in range(1, 8)), 1 / 8, 1 / 8],
    ),
    "Joined": (
        S.Joined([S.Constant(1.0), S.PowerOfTen(1.0, 1), S.Constant(7.0)], [2, 4]),
        "step",
        [1, 1, 1, 0.1, 7, 7],
    ),
    "ExponentialDecay": (S.ExponentialDecay(4.0, 2, 0.25), "step", [4, 2, 1, 0.5, 0.25]),
    "InverseTimeDecay": (S.InverseTimeDecay(6.0, 2, 1.0), "step", [6, 4, 3, 2.4, 2]),
    "PolynomialDecay": (S.PolynomialDecay(1.0, 4, 0.2, 2.0), "step", [1, 0.65, 0.4, 0.25, 0.2, 0.2]),
    "PiecewiseConstantDecay": (S.PiecewiseConstantDecay([1, 3], [3, 2, 1]), "step", [3, 3, 2, 2, 1]),
    "CosineDecay": (S.CosineDecay(2.0, 3, alpha=0.5), "step", [2, 1.75, 1.25, 1, 1]),
    "CosineDecayRestarts": (
        S.CosineDecayRestarts(1.0, 1, 2.0, 0.5),
        "step",
        [1, 0.5, 0.25, 0.25, (1 + 0.5**0.5) / 8, 0.125, (1 - 0.5**0.5) / 8, 0.125],
    ),
}
every_schedule = pytest.mark.parametrize("name", HAND)


def test_every_class_has_a_row():
    assert set(HAND) == set(S.__all__) - {"Schedule"}


@every_schedule
def test_values_by_hand(name):
    schedule, unit, expected = HAND[name]
    found = [schedule(t) for t in range(len(expected))]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-15)
    assert all(type(x) is float for x in found)
    assert schedule.unit == unit
    assert "Unit:" in type(schedule).__doc__
    assert pickle.loads(pickle.dumps(schedule)) == schedule
    with pytest.raises(ValueError, match=f"{name}: t must be at least 0, not -1"):
        schedule(-1)


# -- Keras's formulas, as its documentation writes them -----------------------------------------------------------------
def keras_exponential(t, lr, steps, rate, staircase=False):
    return lr * rate ** (t // steps if staircase else t / steps)


def keras_inverse(t, lr, steps, rate, staircase=False):
    return lr / (1 + rate * (t // steps if staircase else t / steps))


def keras_polynomial(t, lr, steps, end=0.0001, power=1.0, cycle=False):
    if cycle:
        steps = steps * (1 if t == 0 else math.ceil(t / steps))
    else:
        t = min(t, steps)
    return (lr - end) * (1 - t / steps) ** power + end


def keras_cosine(t, lr, steps, alpha=0.0, name=None, warmup_target=None, warmup_steps=0):
    if warmup_target is not None:
        if t < warmup_steps:
            return (warmup_target - lr) * (t / warmup_steps) + lr
        t, lr = t - warmup_steps, warmup_target
    decayed = (1 - alpha) * 0.5 * (1 + math.cos(math.pi * min(t, steps) / steps)) + alpha
    return lr * decayed


def keras_restarts(t, lr, first, t_mul=2.0, m_mul=1.0, alpha=0.0):
    x = t / first
    if t_mul == 1:
        i = math.floor(x)
        x -= i
    else:
        i = math.floor(math.log(1 - x * (1 - t_mul)) / math.log(t_mul) + 1e-12)  # a restart is met in spite of rounding
        x = (x - (1 - t_mul**i) / (1 - t_mul)) / t_mul**i
    return lr * ((1 - alpha) * 0.5 * m_mul**i * (1 + math.cos(math.pi * x)) + alpha)


def keras_piecewise(t, boundaries, values):
    return values[sum(t > b for b in boundaries)]


KERAS = [
    (S.ExponentialDecay, keras_exponential, [(0.1, 30, 0.96), (0.1, 7, 0.5, True), (0.3, 0.5, 0.9)]),
    (S.InverseTimeDecay, keras_inverse, [(0.1, 1.0, 0.5), (0.1, 7, 0.5, True)]),
    (S.PolynomialDecay, keras_polynomial, [(0.1, 30), (0.1, 30, 0.01, 0.5), (0.1, 9, 0.0, 2.0, True)]),
    (
        S.CosineDecay,
        keras_cosine,
        [(0.1, 30), (0.1, 40, 0.2), (0.0, 30, 0.1, "x", 0.1, 10), (0.05, 30, 0.0, "x", 0.1, 0)],
    ),
    (S.CosineDecayRestarts, keras_restarts, [(0.1, 5), (0.1, 7, 1.0, 0.9, 0.1), (0.1, 4, 1.5, 0.8), (0.1, 10, 3.0)]),
    (S.PiecewiseConstantDecay, keras_piecewise, [([10, 50], [1.0, 0.5, 0.1]), ([], [0.2])]),
]


@pytest.mark.parametrize(("cls", "formula", "several"), KERAS)
def test_values_are_kerass(cls, formula, several):
    for arguments in several:
        schedule = cls(*arguments)
        found = [schedule(t) for t in range(100)]
        np.testing.assert_allclose(found, [formula(t, *arguments) for t in range(100)], rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    "options", [{}, {"pct_start": 0.4, "anneal_strategy": "linear"}, {"pct_start": 0.0}, {"pct_start": 1.0}]
)
def test_one_cycle_is_the_schedulers(options):
    opt = fg.optim.SGD([fg.tensor([1.0], requires_grad=True)], lr=1.0)
    scheduler = lr_scheduler.OneCycleLR(opt, 0.1, 60, cycle_momentum=False, **options)
    schedule = S.OneCycle(0.1, 60, **options)
    for t in range(60):
        assert schedule(t) == pytest.approx(opt.lr, abs=1e-15)
        opt.step()
        scheduler.step()


def test_decay_steps_below_an_epoch_warn():
    for make in (
        lambda n: S.ExponentialDecay(0.1, n, 0.96, steps_per_epoch=468),
        lambda n: S.InverseTimeDecay(0.1, n, 0.96, steps_per_epoch=468),
        lambda n: S.PolynomialDecay(0.1, n, steps_per_epoch=468),
        lambda n: S.CosineDecay(0.1, n, steps_per_epoch=468),
        lambda n: S.CosineDecayRestarts(0.1, n, steps_per_epoch=468),
    ):
        with pytest.warns(
            UserWarning, match=r"decay_steps=20 is less than one epoch of 468 steps.*=n \* 468"
        ) as caught:
            make(20)
        assert caught[0].filename == __file__
        make(468)  # no warning: filterwarnings says error


def test_epochs_as_steps():
    schedule = S.Multiply(1.0, 0.5).per_step(3)
    assert schedule.unit == "step"
    assert [schedule(t) for t in range(7)] == [1, 1, 1, 0.5, 0.5, 0.5, 0.25]
    with pytest.raises(ValueError, match="counts steps already"):
        S.Constant(0.1).per_step(3)
    with pytest.raises(ValueError, match="PerStep: steps_per_epoch must be at least 1, not 0"):
        S.Multiply(1.0).per_step(0)


# -- in an optimizer ---------------------------------------------------------------------------------------------------
RULES = {"SGD": {}, "Momentum": {}, "Adam": {"betas": (0.5, 0.9)}}
every_rule = pytest.mark.parametrize("rule", RULES)
CURVE = S.Warmup(S.CosineDecay(0.1, 6), 3, start=0.01)


def make(rule, lr):
    w, b = fg.tensor([1.0, -2.0], requires_grad=True), fg.tensor([3.0], requires_grad=True)
    return w, b, getattr(fg.optim, rule)([{"params": [w]}, {"params": [b], "lr": 0.05}], lr=lr, **RULES[rule])


def gradient(w, b, k):
    return (w * w * 0.5).sum() + b.sum() * float(k)


@every_rule
def test_a_schedule_is_the_rate_set_by_hand(rule):
    w, b, opt = make(rule, CURVE)
    w2, b2, other = make(rule, 1.0)
    for t in range(12):
        assert opt.lr == opt.learning_rate == CURVE(t)
        assert opt.lrs == [CURVE(t), 0.05]
        other.param_groups[0]["lr"] = CURVE(t)
        for o, *params in ((opt, w, b), (other, w2, b2)):
            o.zero_grad()
            gradient(*params, t).backward()
            o.step()
        assert opt.iterations == t + 1
    assert_bits(w.data, w2.data)
    assert_bits(b.data, b2.data)


def captured_run(rule, captured, lr=CURVE, several=1):
    w, b, opt = make(rule, lr)

    def step(x):
        for k in range(several):
            opt.zero_grad()
            loss = gradient(w, b, k) + (w * x).sum()
            loss.backward()
            if k % 2:  # now only one of the two groups
                b.grad = None
            opt.step()
        return loss

    step = fg.capture(step) if captured else step
    losses = [float(step(fg.tensor([float(t), 1.0]))) for t in range(8)]
    if captured:
        assert len(step.programs) == 1
    return losses, w.data.tobytes(), b.data.tobytes(), opt.iterations, opt.lr


@pytest.mark.parametrize("several", [1, 2, 3])
@every_rule
def test_captured_is_eager(rule, several):
    """Also where the step holds several updates, each with the rate of its own step."""
    found = captured_run(rule, True, several=several)
    assert found == captured_run(rule, False, several=several)
    assert found[3] == 8 * several
    assert found[1] != captured_run(rule, False, lr=0.1, several=several)[1]


def test_a_failed_capture_does_not_count():
    w, b, opt = make("Adam", CURVE)
    gradient(w, b, 1).backward()

    @fg.capture
    def step():
        opt.step()
        raise KeyError

    with pytest.raises(KeyError):
        step()
    assert opt.iterations == 0
    assert opt.lr == CURVE(0)


@every_rule
def test_a_resumed_run_is_the_same_run(rule):
    def walk(w, b, opt, steps):
        for t in steps:
            opt.zero_grad()
            gradient(w, b, t).backward()
            opt.step()

    whole = make(rule, CURVE)
    walk(*whole, range(9))
    first = make(rule, CURVE)
    walk(*first, range(4))
    saved = pickle.loads(pickle.dumps(first[2].state_dict()))
    assert saved["iterations"] == 4
    assert saved["param_groups"][0]["lr"] == CURVE(4)  # a number
    second = make(rule, CURVE)
    for p, q in zip(second[:2], first[:2], strict=True):
        p.data[...] = q.data
    second[2].load_state_dict(saved)
    walk(*second, range(4, 9))
    for p, q in zip(second[:2], whole[:2], strict=True):
        assert_bits(p.data, q.data)
    constant = make(rule, 0.5)
    constant[2].load_state_dict(saved)
    assert constant[2].lrs == [CURVE(4), 0.05]
    del saved["iterations"]  # as written by others: the largest step count of a parameter
    second[2].load_state_dict(saved)
    assert second[2].iterations == 4


def test_lr_is_read_and_set():
    opt = make("Adam", 0.1)[2]
    assert (opt.lr, opt.lrs) == (0.1, [0.1, 0.05])
    opt.lr = 0.2
    assert opt.lrs == [0.2, 0.2]
    opt.learning_rate = CURVE
    assert opt.lrs == [CURVE(0)] * 2
    for bad, text in (
        (-1.0, "lr must be at least 0, not -1.0"),
        (lambda t: -2.0, r"lr\(t=0\) of .* must be at least 0"),
    ):
        with pytest.raises(ValueError, match=text):
            opt.lr = bad
        assert opt.lrs == [CURVE(0)] * 2
    with pytest.raises(ValueError, match=r"counts epochs, an optimizer steps; give it schedule.per_step"):
        opt.lr = S.Multiply(0.1)
    opt.param_groups[1]["lr"] = 0.3
    assert opt.lrs == [CURVE(0), 0.3]


@every_rule
def test_learning_rate_is_lr(rule):
    w = fg.tensor([1.0], requires_grad=True)
    cls = getattr(fg.optim, rule)
    assert cls([w], learning_rate=0.25).lr == 0.25
    assert cls([w], learning_rate=S.ExponentialDecay(0.1, 10, 0.9)).lr == 0.1
    for bad in (lambda: cls([w], 0.1, learning_rate=0.1), lambda: cls([w], lr=0.1, learning_rate=0.1)):
        with pytest.raises(TypeError, match=f"{rule}: lr and learning_rate are one option"):
            bad()
    with pytest.raises(ValueError, match=f"{rule}: lr must be at least 0, not -1"):
        cls([w], learning_rate=-1)


def test_a_schedule_that_fails_changes_nothing():
    """The second group's, when the first could have been updated."""
    w, b, opt = make("SGD", 0.1)
    opt.param_groups[1]["lr"] = lambda t: math.nan if t == 1 else 0.1
    for t in range(2):
        gradient(w, b, 1).backward()
        before = w.tolist(), b.tolist()
        if t == 1:
            with pytest.raises(ValueError, match=r"SGD: lr\(t=1\) of .* must be at least 0, not nan"):
                opt.step()
            assert (w.tolist(), b.tolist(), opt.iterations) == (*before, 1)
        else:
            opt.step()
    opt.param_groups[1]["lr"] = lambda t: "fast"
    with pytest.raises(TypeError, match=r"SGD: lr\(t=1\) must be a number, not 'fast'"):
        opt.step()


def test_no_step_no_time():
    opt = make("SGD", CURVE)[2]
    opt.step()  # no gradients
    assert opt.iterations == 0


# -- drawing -----------------------------------------------------------------------------------------------------------
@every_schedule
@pytest.mark.parametrize("log", [False, True])
def test_a_schedule_draws_itself(name, log, tmp_path):
    schedule, unit, _ = HAND[name]
    text = schedule.draw(40, tmp_path / "curve.svg", log=log)
    assert (tmp_path / "curve.svg").read_text(encoding="utf-8") == text
    words = [e.text for e in ElementTree.fromstring(text).iter() if e.text]
    assert "learning rate" in words
    assert unit in words
    assert any(name in word for word in words)
    assert text.count("M") >= 1
    curve = max((e.get("d") for e in ElementTree.fromstring(text).iter() if e.get("d")), key=len)
    assert curve.count("L") == 40
    with pytest.raises(ValueError, match=f"{name}.draw: steps must be at least 1, not 0"):
        schedule.draw(0)


def test_a_drawing_stands_alone_and_falls_where_the_rate_falls():
    text = S.PowerOfTen(0.1, 10).draw(20)
    assert "var(--a)" in text
    assert "--a: #" in text
    curve = max((e.get("d") for e in ElementTree.fromstring(text).iter() if e.get("d")), key=len)
    heights = [float(point.split()[1]) for point in curve[1:].split("L")]
    assert heights == sorted(heights)  # down the page
    assert heights[0] < heights[-1]
    with pytest.raises(ValueError, match="log=True needs rates above 0"):
        S.Constant(0.0).draw(5, log=True)


def test_nothing_heavy_is_loaded(python):
    python("""
import sys, fastgrad
assert not [m for m in sys.modules if m.startswith(("fastgrad.optim.lr", "fastgrad.optim.sch", "fastgrad.show"))]
fastgrad.optim.schedules.Constant(0.1).draw(3)
fastgrad.optim.lr_scheduler, fastgrad.optim.swa_utils, fastgrad.optim.averaging
assert "matplotlib" not in sys.modules
""")


# -- refusals ----------------------------------------------------------------------------------------------------------
BAD = [
    (lambda: S.ExponentialDecay(0.1, -5, 0.9), "ExponentialDecay: decay_steps must be above 0, not -5"),
    (lambda: S.ExponentialDecay(0.1, 5, 0.0), "ExponentialDecay: decay_rate must be above 0, not 0.0"),
    (lambda: S.ExponentialDecay(-0.1, 5, 0.9), "ExponentialDecay: initial_learning_rate must be at least 0, not -0.1"),
    (lambda: S.InverseTimeDecay(0.1, 0, 0.9), "InverseTimeDecay: decay_steps must be above 0, not 0"),
    (lambda: S.InverseTimeDecay(0.1, 1, -0.9), "InverseTimeDecay: decay_rate must be at least 0, not -0.9"),
    (lambda: S.PolynomialDecay(0.1, -1), "PolynomialDecay: decay_steps must be above 0, not -1"),
    (lambda: S.PolynomialDecay(0.1, 1, -1), "PolynomialDecay: end_learning_rate must be at least 0, not -1"),
    (lambda: S.PolynomialDecay(0.1, 1, 0.1, -2), "PolynomialDecay: power must be at least 0, not -2"),
    (lambda: S.CosineDecay(0.1, math.nan), "CosineDecay: decay_steps must be above 0, not nan"),
    (lambda: S.CosineDecay(0.1, 5, -1.0), "CosineDecay: alpha must be at least 0, not -1.0"),
    (lambda: S.CosineDecay(0.1, 5, warmup_target=-1), "CosineDecay: warmup_target must be at least 0, or None, not -1"),
    (lambda: S.CosineDecay(0.1, 5, warmup_steps=-1), "CosineDecay: warmup_steps must be at least 0, not -1"),
    (lambda: S.CosineDecayRestarts(0.1, -2), "CosineDecayRestarts: first_decay_steps must be above 0, not -2"),
    (lambda: S.CosineDecayRestarts(0.1, 2, 0.5), "CosineDecayRestarts: t_mul must be at least 1, not 0.5"),
    (lambda: S.PiecewiseConstantDecay([3, 3], [1, 2, 3]), r"boundaries must be increasing, not \[3, 3\]"),
    (lambda: S.PiecewiseConstantDecay([3], [1]), "values must be one more than boundaries, not 1 for 1"),
    (lambda: S.PiecewiseConstantDecay([3], [1, -1]), r"values must be at least 0, not \[1, -1\]"),
    (lambda: S.Constant(-1), "Constant: lr must be at least 0, not -1"),
    (lambda: S.Multiply(0.1, 0), "Multiply: factor must be above 0, not 0"),
    (lambda: S.Multiply(0.1, unit="day"), 'Multiply: unit must be "step" or "epoch", not \'day\''),
    (lambda: S.PowerOfTen(0.1, 0), "PowerOfTen: n must be above 0, not 0"),
    (lambda: S.StepDecay(0.1, every=0), "StepDecay: every must be above 0, not 0"),
    (lambda: S.Warmup(0.1, 0), "Warmup: steps must be at least 1, not 0"),
    (lambda: S.Warmup(-0.1, 5), "Warmup: lr must be a schedule, or a number of at least 0, not -0.1"),
    (lambda: S.OneCycle(0.1, 1), "OneCycle: steps must be at least 2, not 1"),
    (lambda: S.OneCycle(0.1, 9, 1.5), r"OneCycle: pct_start must be in \[0, 1\], not 1.5"),
    (lambda: S.OneCycle(0.1, 9, anneal_strategy="sin"), "OneCycle: anneal_strategy must be .*, not 'sin'"),
    (lambda: S.Joined([S.Constant(1)], [3]), "schedules must be one more than milestones, not 1 for 1"),
    (lambda: S.Joined([S.Constant(1)] * 3, [3, 2]), r"milestones must be increasing, from above 0, not \[3, 2\]"),
    (lambda: S.Joined([S.Constant(1), S.Multiply(1)], [3]), "schedules must have one unit, not"),
]


@pytest.mark.parametrize(("bad", "text"), BAD)
def test_bad_arguments_are_named(bad, text):
    with pytest.raises(ValueError, match=text):
        bad()
