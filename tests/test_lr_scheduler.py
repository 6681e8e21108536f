"""lr_scheduler: values by hand, PyTorch's values over many calls, saved states, and refusals."""

import importlib.util
import math
import warnings
from functools import partial

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.optim import lr_scheduler
from fastgrad.optim.drawing import rehearse

torch = None
if importlib.util.find_spec("torch") is not None:
    import torch

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed: nothing to compare with")
CALLS = 120
LOSSES = [3.0, 2.0, 2.0, 1.99995, 1.9, *[1.9] * 8, 1.0, *[1.5] * 20, math.nan, 0.5, *[0.6] * 80]


def optimizer(m=fg, rule="SGD", **options):
    """Two groups of rates 0.5 and 0.05, in fastgrad or PyTorch."""
    a, b = (m.tensor([1.0], requires_grad=True) for _ in range(2))
    return getattr(m.optim, rule)([{"params": [a]}, {"params": [b], "lr": 0.05}], lr=0.5, **options)


def walk(scheduler, opt, calls=CALLS, losses=None):
    """Rates and momenta of both groups at the beginning and after every call."""

    def read():
        return [x for g in opt.param_groups for x in (g["lr"], g.get("momentum", 0.0), *g.get("betas", ()))]

    found = [read()]
    for k in range(calls if losses is None else len(losses)):
        opt.step()
        scheduler.step(*([] if losses is None else [losses[k]]))
        found.append(read())
        last = scheduler.get_last_lr() if hasattr(scheduler, "get_last_lr") else None
        assert last == [g["lr"] for g in opt.param_groups]
    return np.array(found, float)


def sequence(*parts, milestones):
    def make(s, opt):
        return s.SequentialLR(opt, [part(s, opt) for part in parts], milestones=milestones)

    return make


def chain(*parts):
    return lambda s, opt: s.ChainedScheduler([part(s, opt) for part in parts], opt)


def of(name, *arguments, **options):
    return lambda s, opt: getattr(s, name)(opt, *arguments, **options)


# Class -> ways to make it. A class without a row fails the suite.
ROWS = {
    "LambdaLR": [
        of("LambdaLR", lambda t: 0.95**t),
        of("LambdaLR", [lambda t: 1 / (1 + t), lambda t: math.cos(t) ** 2]),
    ],
    "MultiplicativeLR": [
        of("MultiplicativeLR", lambda t: 0.98),
        of("MultiplicativeLR", [lambda t: 0.9, lambda t: 1 - 1 / (t + 1)]),
    ],
    "StepLR": [of("StepLR", 30), of("StepLR", step_size=7, gamma=0.5), of("StepLR", 1, 0.9)],
    "MultiStepLR": [
        of("MultiStepLR", [30, 80]),
        of("MultiStepLR", [0, 3, 3, 50], 0.5),
        of("MultiStepLR", milestones=[200], gamma=0.3),
    ],
    "ConstantLR": [of("ConstantLR"), of("ConstantLR", 0.5, 4), of("ConstantLR", factor=1.0, total_iters=1)],
    "LinearLR": [
        of("LinearLR"),
        of("LinearLR", 0.25, 0.75, 60),
        of("LinearLR", start_factor=1.0, end_factor=0.0, total_iters=9),
    ],
    "ExponentialLR": [of("ExponentialLR", 0.9), of("ExponentialLR", gamma=1.01)],
    "PolynomialLR": [of("PolynomialLR"), of("PolynomialLR", 70, 2.0), of("PolynomialLR", total_iters=50, power=0.5)],
    "CosineAnnealingLR": [
        of("CosineAnnealingLR", 50),
        of("CosineAnnealingLR", 13, 0.01),
        of("CosineAnnealingLR", T_max=1, eta_min=0.02),
    ],
    "CosineAnnealingWarmRestarts": [
        of("CosineAnnealingWarmRestarts", 10),
        of("CosineAnnealingWarmRestarts", 3, 2, 0.001),
        of("CosineAnnealingWarmRestarts", T_0=1, T_mult=3),
    ],
    "CyclicLR": [
        of("CyclicLR", 0.01, 0.1, 10),
        of("CyclicLR", [0.01, 0.02], [0.1, 0.2], 7, 3, "triangular2"),
        of("CyclicLR", 0.01, 0.1, step_size_up=5, mode="exp_range", gamma=0.97, base_momentum=0.5, max_momentum=0.95),
        of("CyclicLR", 0.01, 0.1, 4, scale_fn=lambda x: 1 / (5 ** (x * 0.001)), scale_mode="iterations"),
        of("CyclicLR", 0.01, 0.1, 4, cycle_momentum=False),
    ],
    "OneCycleLR": [
        of("OneCycleLR", 0.1, CALLS + 1),
        of("OneCycleLR", [0.1, 1.0], epochs=13, steps_per_epoch=10, pct_start=0.4, anneal_strategy="linear"),
        of("OneCycleLR", 0.1, CALLS, three_phase=True, div_factor=10.0, final_div_factor=100.0),
        of("OneCycleLR", 0.1, 200, pct_start=0.0, cycle_momentum=False),
        of("OneCycleLR", 0.1, 150, base_momentum=0.5, max_momentum=0.6, pct_start=1.0),
    ],
    "SequentialLR": [
        sequence(of("LinearLR", 0.1, 1.0, 10), of("CosineAnnealingLR", 60), milestones=[10]),
        sequence(of("ConstantLR", 0.1, 5), of("ExponentialLR", 0.9), of("StepLR", 10), milestones=[20, 50]),
        sequence(of("MultiStepLR", [2, 4]), of("PolynomialLR", 9), of("LinearLR"), milestones=[5, 40]),
        sequence(of("ConstantLR"), of("LambdaLR", lambda t: 0.9**t), milestones=[7]),
        sequence(of("ConstantLR"), of("CosineAnnealingWarmRestarts", 4, 2), milestones=[7]),
        sequence(of("ExponentialLR", 0.9), of("MultiplicativeLR", lambda t: 0.95), milestones=[3]),
        sequence(of("ExponentialLR", 0.9), of("CyclicLR", 0.01, 0.1, 6), milestones=[9]),
        sequence(of("ConstantLR", 0.2, 3), milestones=[]),
    ],
    "ChainedScheduler": [
        chain(of("ConstantLR", 0.1, 2), of("ExponentialLR", 0.9)),
        chain(of("StepLR", 7), of("LinearLR", 0.5, 1.0, 20), of("CosineAnnealingLR", 40)),
        chain(of("PolynomialLR", 30), of("MultiplicativeLR", lambda t: 0.99), of("MultiStepLR", [3, 9], 0.5)),
    ],
    "ReduceLROnPlateau": [
        of("ReduceLROnPlateau"),
        of("ReduceLROnPlateau", "max", 0.5, 3),
        of("ReduceLROnPlateau", patience=2, threshold=0.5, threshold_mode="abs", cooldown=3),
        of("ReduceLROnPlateau", mode="max", threshold_mode="abs", threshold=0.2, patience=0, min_lr=[0.01, 0.001]),
        of("ReduceLROnPlateau", factor=0.7, patience=1, min_lr=0.01, eps=1e-3),
        of("ReduceLROnPlateau", "min", 0.1, 0, 0.3, "rel"),
    ],
}
EACH = [pytest.param(name, make, id=f"{name}-{i}") for name, several in ROWS.items() for i, make in enumerate(several)]
every_scheduler = pytest.mark.parametrize(("name", "make"), EACH)


def losses_of(name):
    return LOSSES if name == "ReduceLROnPlateau" else None


def test_every_class_has_a_row():
    assert set(ROWS) == set(lr_scheduler.__all__) - {"LRScheduler"}
    for name in ROWS:
        cls = getattr(lr_scheduler, name)
        assert cls.unit in ("step", "epoch")
        assert "Unit:" in cls.__doc__, name


@needs_torch
@pytest.mark.parametrize("rule", ["SGD", "Adam"])
@every_scheduler
def test_values_are_pytorchs(name, make, rule):
    mine, theirs = optimizer(fg, rule), optimizer(torch, rule)
    found = walk(make(lr_scheduler, mine), mine, losses=losses_of(name))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own, of the order inside SequentialLR
        expected = walk(make(torch.optim.lr_scheduler, theirs), theirs, losses=losses_of(name))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert len(found) > 50


@needs_torch
@pytest.mark.parametrize(
    "name", [n for n in ROWS if n not in ("SequentialLR", "ChainedScheduler", "ReduceLROnPlateau")]
)
def test_going_on_from_last_epoch_is_pytorchs(name):
    """With groups that come with an initial_lr; and the defaults and the order of all arguments are PyTorch's."""
    for make in ROWS[name]:
        found = []
        for m, s in ((fg, lr_scheduler), (torch, torch.optim.lr_scheduler)):
            opt = optimizer(m)
            first = make(s, opt)
            walk(first, opt, 6)
            again = optimizer(m)
            again.load_state_dict(opt.state_dict())

            class Later:  # the same scheduler, made with last_epoch
                def __getattr__(self, wanted, s=s):
                    return partial(getattr(s, wanted), last_epoch=6)

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found.append(walk(make(Later(), again), again, 40))
        np.testing.assert_allclose(found[0], found[1], rtol=0, atol=1e-12)


@needs_torch
def test_arguments_are_pytorchs():
    import inspect

    for name in ROWS:
        own, other = (inspect.signature(getattr(s, name)).parameters for s in (lr_scheduler, torch.optim.lr_scheduler))
        assert list(own) == list(other), name
        assert [p.default for p in own.values()] == [p.default for p in other.values()], name


@needs_torch
def test_warm_restarts_at_parts_of_an_epoch():
    found = []
    for m, s in ((fg, lr_scheduler), (torch, torch.optim.lr_scheduler)):
        for t_mult in (1, 2, 3):
            opt = optimizer(m)
            scheduler = s.CosineAnnealingWarmRestarts(opt, 3, t_mult, 0.01)
            opt.step()
            rates = []
            for k in range(100):
                scheduler.step(k / 3)
                rates.append(scheduler.get_last_lr())
            for _ in range(20):
                scheduler.step()
                rates.append(scheduler.get_last_lr())
            found.append(rates)
    np.testing.assert_allclose(found[:3], found[3:], rtol=0, atol=1e-12)


# -- without PyTorch ---------------------------------------------------------------------------------------------------
HAND = {
    "LambdaLR": (of("LambdaLR", lambda t: 1 / (1 + t)), [1, 1 / 2, 1 / 3, 1 / 4]),
    "MultiplicativeLR": (of("MultiplicativeLR", lambda t: t), [1, 1, 2, 6]),
    "StepLR": (of("StepLR", 2, 0.1), [1, 1, 0.1, 0.1, 0.01]),
    "MultiStepLR": (of("MultiStepLR", [1, 3]), [1, 0.1, 0.1, 0.01, 0.01]),
    "ConstantLR": (of("ConstantLR", 0.25, 2), [0.25, 0.25, 1, 1]),
    "LinearLR": (of("LinearLR", 0.5, 1.0, 4), [0.5, 0.625, 0.75, 0.875, 1, 1]),
    "ExponentialLR": (of("ExponentialLR", 0.5), [1, 0.5, 0.25, 0.125]),
    "PolynomialLR": (of("PolynomialLR", 4, 2.0), [1, 9 / 16, 4 / 16, 1 / 16, 0, 0]),
    "CosineAnnealingLR": (of("CosineAnnealingLR", 3), [1, 0.75, 0.25, 0, 0.25, 0.75, 1, 0.75]),
    "CosineAnnealingWarmRestarts": (
        of("CosineAnnealingWarmRestarts", 2, 2),
        [1, 0.5, 1, (1 + math.sqrt(0.5)) / 2, 0.5],
    ),
    "CyclicLR": (of("CyclicLR", 0.0, 1.0, 2, 1, cycle_momentum=False), [0, 0.5, 1, 0, 0.5, 1, 0]),
    # 0.3 * 10 - 1 = 2 calls up from 1/4 to 1, then 7 down to 1/8
    "OneCycleLR": (
        of("OneCycleLR", 1.0, 10, div_factor=4, final_div_factor=2, anneal_strategy="linear", cycle_momentum=False),
        [0.25, 0.625, 1.0, *(1 - 7 / 8 * k / 7 for k in range(1, 8))],
    ),
    "SequentialLR": (
        sequence(of("ConstantLR", 0.1, 9), of("ExponentialLR", 0.5), milestones=[2]),
        [0.1, 0.1, 1, 0.5, 0.25],
    ),
    "ChainedScheduler": (chain(of("ConstantLR", 0.1, 2), of("ExponentialLR", 0.5)), [0.1, 0.05, 0.25, 0.125]),
    "ReduceLROnPlateau": (of("ReduceLROnPlateau", factor=0.5, patience=1), [1, 1, 1, 0.5, 0.5, 0.25]),
}


@pytest.mark.parametrize("name", ROWS)
def test_values_by_hand(name):
    make, expected = HAND[name]
    opt = fg.optim.SGD([fg.tensor([1.0], requires_grad=True)], lr=1.0)
    scheduler = make(lr_scheduler, opt)
    losses = [1.0] * (len(expected) - 1) if name == "ReduceLROnPlateau" else None
    found = walk(scheduler, opt, len(expected) - 1, losses)[:, 0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)


def test_sequences_of_sequences_and_of_chains():
    """Parts of two calls each, the inner ones first, last, or a chain; by hand."""
    inner = sequence(of("ConstantLR", 0.1, 9), of("ExponentialLR", 0.5), milestones=[2])
    both = chain(of("ConstantLR", 0.1, 9), of("ExponentialLR", 0.5))
    expected = {
        sequence(inner, of("StepLR", 1, 0.2), milestones=[4]): [0.1, 0.1, 1, 0.5, 1, 0.2, 0.04],
        sequence(of("StepLR", 1, 0.2), inner, milestones=[2]): [1, 0.2, 0.1, 0.1, 1, 0.5, 0.25],
        sequence(both, of("StepLR", 1, 0.2), milestones=[2]): [0.1, 0.05, 1, 0.2, 0.04],
        sequence(of("StepLR", 1, 0.2), both, milestones=[2]): [1, 0.2, 0.1, 0.05, 0.025],
    }
    for make, rates in expected.items():
        opt = fg.optim.SGD([fg.tensor([1.0], requires_grad=True)], lr=1.0)
        np.testing.assert_allclose(walk(make(lr_scheduler, opt), opt, len(rates) - 1)[:, 0], rates, atol=1e-15)


@every_scheduler
def test_a_resumed_run_is_the_same_run(name, make):
    losses = losses_of(name)
    whole = optimizer(momentum=0.5)
    straight = walk(make(lr_scheduler, whole), whole, 60, losses and losses[:60])
    first = optimizer(momentum=0.5)
    before = make(lr_scheduler, first)
    walk(before, first, 25, losses and losses[:25])
    saved = before.state_dict(), first.state_dict()
    walk(before, first, 3, losses and losses[:3])  # what was saved is a copy
    second = optimizer(momentum=0.5)
    after = make(lr_scheduler, second)
    after.load_state_dict(saved[0])
    second.load_state_dict(saved[1])
    assert after.last_epoch == 25
    found = walk(after, second, 35, losses and losses[25:60])
    np.testing.assert_array_equal(found, straight[25:])


def test_functions_are_not_saved_and_objects_are():
    class Falling:
        def __init__(self, by):
            self.by = by

        def __call__(self, t):
            return self.by**t

    opt = optimizer()
    scheduler = lr_scheduler.LambdaLR(opt, [Falling(0.5), lambda t: 1.0])
    saved = scheduler.state_dict()
    assert saved["lr_lambdas"] == [{"by": 0.5}, None]
    other = lr_scheduler.LambdaLR(optimizer(), [Falling(0.1), lambda t: 1.0])
    other.load_state_dict(saved)
    opt.step()
    other.optimizer.step()
    other.step()
    assert other.get_last_lr() == [0.25, 0.05]


@every_scheduler
def test_drawing_leaves_all_as_it_was(name, make, tmp_path):
    losses = losses_of(name)
    opt = optimizer(momentum=0.5)
    scheduler = make(lr_scheduler, opt)
    before = scheduler.state_dict(), opt.state_dict()
    text = scheduler.draw(losses[:50] if losses else 50, tmp_path / "x.svg")
    assert text == (tmp_path / "x.svg").read_text(encoding="utf-8")
    assert text.startswith("<svg xmlns=")
    for word in ("learning rate", f">{scheduler.unit}<", name, "group 1"):
        assert word in text, word
    assert (scheduler.state_dict(), opt.state_dict()) == before
    rehearsed = rehearse(scheduler, [(x,) for x in losses[:50]] if losses else [()] * 50)
    np.testing.assert_array_equal(rehearsed, walk(scheduler, opt, 50, losses and losses[:50])[:, [0, 2]])


def test_a_captured_step_sees_the_rates():
    def run(captured):
        w = fg.tensor([1.0, 2.0], requires_grad=True)
        opt = fg.optim.Adam([w], lr=0.1)
        scheduler = lr_scheduler.OneCycleLR(opt, 0.1, 12)

        def step(x):
            opt.zero_grad()
            loss = ((w - x) * (w - x)).sum()
            loss.backward()
            opt.step()
            return loss

        step = fg.capture(step) if captured else step
        for k in range(10):
            step(fg.tensor([float(k), 0.5]))
            scheduler.step()
        return w.numpy(force=True).tobytes(), opt.param_groups[0]["betas"], opt.iterations

    assert run(True) == run(False)


def test_the_order_of_calls():
    opt = optimizer()
    scheduler = lr_scheduler.StepLR(opt, 1)
    with pytest.warns(UserWarning, match=r"StepLR.step\(\) before the optimizer's step\(\): the first rate"):
        scheduler.step()
    scheduler.step()  # once is enough
    opt = optimizer()
    scheduler = lr_scheduler.StepLR(opt, 1)
    opt.step()
    scheduler.step()  # no warning: filterwarnings says error


# -- refusals ----------------------------------------------------------------------------------------------------------
BAD = [
    (of("StepLR", 0), "StepLR: step_size must be at least 1, not 0"),
    (of("StepLR", 3, 0.0), "StepLR: gamma must be above 0, not 0.0"),
    (of("MultiStepLR", [3, 2]), r"MultiStepLR: milestones must be increasing, from 0 on, not \[3, 2\]"),
    (of("MultiStepLR", [3], -1), "MultiStepLR: gamma must be above 0, not -1"),
    (of("ConstantLR", 1.5), r"ConstantLR: factor must be in \(0, 1\], not 1.5"),
    (of("ConstantLR", 0.5, 0), "ConstantLR: total_iters must be at least 1, not 0"),
    (of("LinearLR", 0.0), r"LinearLR: start_factor must be in \(0, 1\], not 0.0"),
    (of("LinearLR", 0.5, 2.0), r"LinearLR: end_factor must be in \[0, 1\], not 2.0"),
    (of("LinearLR", total_iters=-3), "LinearLR: total_iters must be at least 1, not -3"),
    (of("ExponentialLR", -0.5), "ExponentialLR: gamma must be above 0, not -0.5"),
    (of("PolynomialLR", 0), "PolynomialLR: total_iters must be at least 1, not 0"),
    (of("PolynomialLR", 5, -1.0), "PolynomialLR: power must be at least 0, not -1.0"),
    (of("CosineAnnealingLR", 0), "CosineAnnealingLR: T_max must be at least 1, not 0"),
    (of("CosineAnnealingLR", 5, -0.1), "CosineAnnealingLR: eta_min must be at least 0, not -0.1"),
    (of("CosineAnnealingWarmRestarts", 2.5), "T_0 must be an integer of at least 1, not 2.5"),
    (of("CosineAnnealingWarmRestarts", 2, 0), "T_mult must be an integer of at least 1, not 0"),
    (of("CyclicLR", 0.1, 1.0, mode="square"), "CyclicLR: mode must be one of triangular, .*, not 'square'"),
    (of("CyclicLR", 0.1, 1.0, scale_mode="epoch"), "CyclicLR: scale_mode must be .*, not 'epoch'"),
    (of("CyclicLR", 0.1, 1.0, 0), "CyclicLR: step_size_up must be above 0, not 0"),
    (of("CyclicLR", [0.1], 1.0), r"CyclicLR: base_lr must be one value or one for each of 2 groups, not \[0.1\]"),
    (of("OneCycleLR", 0.1), "OneCycleLR: give total_steps, or both epochs and steps_per_epoch"),
    (of("OneCycleLR", 0.1, -5), "OneCycleLR: total_steps must be an integer above 0, not -5"),
    (of("OneCycleLR", 0.1, epochs=0, steps_per_epoch=5), "OneCycleLR: epochs must be an integer above 0, not 0"),
    (of("OneCycleLR", 0.1, 9, pct_start=1.5), r"OneCycleLR: pct_start must be in \[0, 1\], not 1.5"),
    (of("OneCycleLR", 0.1, 9, anneal_strategy="sin"), 'OneCycleLR: anneal_strategy must be "cos" or "linear", not'),
    (of("ReduceLROnPlateau", "least"), "ReduceLROnPlateau: mode must be .*, not 'least'"),
    (of("ReduceLROnPlateau", factor=1.0), r"ReduceLROnPlateau: factor must be in \(0, 1\), not 1.0"),
    (of("ReduceLROnPlateau", patience=-1), "ReduceLROnPlateau: patience must be at least 0, not -1"),
    (of("ReduceLROnPlateau", threshold_mode="x"), "ReduceLROnPlateau: threshold_mode must be .*, not 'x'"),
    (of("LambdaLR", [lambda t: 1.0]), "LambdaLR: lr_lambda must be one value or one for each of 2 groups"),
    (sequence(of("ConstantLR"), milestones=[3]), "schedulers must be one more than milestones, not 1 for 1"),
    (sequence(*[of("ConstantLR")] * 3, milestones=[5, 5]), r"milestones must be increasing, .*, not \[5, 5\]"),
    (sequence(of("ReduceLROnPlateau"), of("ConstantLR"), milestones=[1]), r"schedulers\[0\] is a ReduceLROnPlateau"),
    (sequence(milestones=[]), "SequentialLR: schedulers must be at least one"),
]


@pytest.mark.parametrize(("make", "text"), BAD)
def test_bad_arguments_are_named(make, text):
    with pytest.raises(ValueError, match=text):
        make(lr_scheduler, optimizer())


def test_other_refusals():
    opt = optimizer()
    with pytest.raises(TypeError, match="StepLR takes an optimizer, not a list"):
        lr_scheduler.StepLR([1], 3)
    with pytest.raises(TypeError, match="LambdaLR: lr_lambda must be a function of the epoch, not 3"):
        lr_scheduler.LambdaLR(opt, 3)
    with pytest.raises(KeyError, match="group 0 has no initial_lr"):
        lr_scheduler.StepLR(opt, 3, last_epoch=4)
    scheduled = fg.optim.SGD([fg.tensor([1.0], requires_grad=True)], lr=lambda t: 0.1)
    with pytest.raises(ValueError, match="the lr of group 0 is a schedule already"):
        lr_scheduler.StepLR(scheduled, 3)
    with pytest.raises(ValueError, match=r"schedulers\[1\] is of another optimizer"):
        lr_scheduler.ChainedScheduler([lr_scheduler.StepLR(opt, 3), lr_scheduler.StepLR(optimizer(), 3)])
    step = lr_scheduler.StepLR(opt, 3)
    before = step.state_dict()
    with pytest.raises(ValueError, match="is no state of a StepLR"):
        step.load_state_dict(lr_scheduler.ConstantLR(optimizer()).state_dict())
    assert step.state_dict() == before
    with pytest.raises(ValueError, match="steps must be at least 1, not 0"):
        step.draw(0)
    cycle = lr_scheduler.OneCycleLR(optimizer(), 0.1, 2)
    cycle.optimizer.step()
    cycle.step()
    cycle.step()
    with pytest.raises(ValueError, match=r"step\(\) number 3 of total_steps=2"):
        cycle.step()
