"""How a step is launched: one kernel call for all tensors of a group and dtype, replayed in a captured step, with every
option in it. Captured steps are compared with eager ones bit for bit, the states, counts and averages included."""

import numpy as np
import pytest
from rule_formulas import FORMULAS

import fastgrad as fg
from fastgrad.kernels import KERNELS
from fastgrad.optim import RULES
from fastgrad.optim.schedules import ExponentialDecay
from fastgrad.profiler import profile
from fastgrad.testing import assert_bits

LAUNCHES = {name for name, kernel in KERNELS.items() if "report" in kernel.names} | {"sum_squares"}
every_rule = pytest.mark.parametrize("name", RULES)
every_one = pytest.mark.parametrize("name", [n for n, r in RULES.items() if not r.composite])  # the others are several


def leaf(array):
    return fg.from_numpy(np.array(array)).requires_grad_()


def drawn(rng, shapes, dtypes):
    return [rng.standard_normal(s).astype(d) for s, d in zip(shapes, dtypes, strict=True)]


def give(params, gradients):
    for p, g in zip(params, gradients, strict=True):
        p.grad = None if g is None else fg.from_numpy(np.array(g))


def calls(run):
    """(kernel, tensors and elements, dtype) of every launch of an update or a measurement."""
    with profile() as p:
        run()
    return [(e.kernel, e.sizes, e.dtype) for e in p.events if e.kernel in LAUNCHES]


# -- one launch a step -------------------------------------------------------------------------------------------------
@every_one
def test_many_tensors_are_one_launch(name, rng):
    params = [leaf(x) for x in drawn(rng, [(3, 5), (7,), (), (0,), (2, 0, 3)] * 20, ["float32"] * 100)]
    optimizer = RULES[name](params)
    for k in range(3):
        give(params, [np.ones(p.shape, "float32") for p in params])
        found = calls(optimizer.step)
        assert len(found) == len({c[0] for c in found}), f"{name} step {k}: {found}"
        assert (found[-1][1][0], found[-1][2]) == (100, "float32")


@every_one
def test_one_launch_a_dtype(name, rng):
    params = [leaf(x) for x in drawn(rng, [(4, 3), (4, 3), (5,), (5,)], ["float32", "float64"] * 2)]
    optimizer = RULES[name](params, **({"clip_form": "normalize_each"} if name == "NormalizedGD" else {}))
    give(params, [np.ones(p.shape, p.dtype) for p in params])
    found = [c for c in calls(optimizer.step) if c[0] != "sum_squares"]
    kernels = {c[0] for c in found}
    assert sorted((c[0], c[2]) for c in found) == sorted((k, d) for k in kernels for d in ("float32", "float64"))


def test_everything_asked_for_is_in_the_launch(rng):
    params = [leaf(x) for x in drawn(rng, [(40,), (3, 3)], ["float32"] * 2)]
    optimizer = fg.optim.AdamW(
        params, clip_norm=1.0, nonfinite="skip", ema=0.9, zero=True, l1=1e-3, proximal=True, amsgrad=True
    )
    give(params, [np.ones(p.shape, "float32") for p in params])
    assert calls(optimizer.step) == [("adam", (2, 49), "float32")]
    assert not any(p.grad.data.any() for p in params)
    # over two launches the norm is measured first
    optimizer.add_param_group({"params": [leaf(np.ones(5))]})
    give(optimizer.param_groups[1]["params"], [np.ones(5)])
    assert [c[0] for c in calls(optimizer.step)] == ["sum_squares", "sum_squares", "adam", "adam"]


def test_no_gradient_no_launch():
    params = [leaf(np.ones(3)), leaf(np.ones((0, 4)))]
    optimizer = fg.optim.Adam(params)
    assert calls(optimizer.step) == []
    give(params, [None, np.ones((0, 4))])
    assert calls(optimizer.step) == [("adam", (1, 0), "float64")]
    assert optimizer.state[params[1]]["step"] == 1


@every_rule
def test_who_comes_later_is_updated_as_if_alone(name, rng):
    """A group added after three steps, and a parameter whose first gradient comes at the fifth."""
    starts = drawn(rng, [(3, 2), (6, 1), (2, 3)], ["float32"] * 3)
    options = {"clip_form": "normalize_each"} if name == "NormalizedGD" else {}
    together, alone = [leaf(x) for x in starts], [leaf(x) for x in starts]
    one = RULES[name](together[:2], **options)
    several = [RULES[name]([p], **options) for p in alone]
    for t in range(9):
        if t == 3:
            one.add_param_group({"params": together[2:]})
        gradients = drawn(rng, [(3, 2), (6, 1), (2, 3)], ["float32"] * 3)
        gradients = [g if t >= first else None for g, first in zip(gradients, (0, 5, 3), strict=True)]
        give(together, gradients)
        give(alone, gradients)
        one.step()
        for optimizer in several:
            optimizer.step()
        for p, q in zip(together, alone, strict=True):
            assert_bits(p.data, q.data, f"{name} step {t}")
    assert [one.state[p]["step"] for p in together] == [9, 4, 6]


# -- norms -------------------------------------------------------------------------------------------------------------
def four(rng):
    """Two groups of two dtypes each."""
    params = [leaf(x) for x in drawn(rng, [(50, 3), (4,), (5000,), (1,)], ["float32", "float64"] * 2)]
    return params, [{"params": params[:2]}, {"params": params[2:], "lr": 0.5}]


@pytest.mark.parametrize("form", ["scale", "unit", "normalize"])
def test_one_norm_of_all_groups_and_dtypes(form, rng):
    params, groups = four(rng)
    before = [p.data.copy() for p in params]
    gradients = [rng.standard_normal(p.shape).astype(p.dtype) for p in params]
    norm = np.sqrt(sum((g.astype(np.longdouble) ** 2).sum() for g in gradients))
    optimizer = fg.optim.SGD(groups, lr=1.0, clip_norm=2.0, clip_form=form)
    give(params, gradients)
    optimizer.step()
    assert optimizer.grad_norm == pytest.approx(float(norm), rel=1e-13)
    factor = float((2.0 if form == "scale" else 1.0) / norm)
    for p, b, g, lr in zip(params, before, gradients, (1.0, 1.0, 0.5, 0.5), strict=True):
        np.testing.assert_allclose(
            p.data, b - lr * factor * g, rtol=4 * np.finfo(p.dtype).eps, atol=1e-7 if p.dtype == "f4" else 1e-16
        )


def test_a_norm_below_theta_changes_nothing(rng):
    (params, groups), (others, same) = four(rng), four(np.random.Generator(np.random.Philox(1)))
    for p, q in zip(params, others, strict=True):
        q.data[...] = p.data
    gradients = [rng.standard_normal(p.shape).astype(p.dtype) for p in params]
    for several, made, options in ((params, groups, {"clip_norm": 1e9}), (others, same, {})):
        give(several, gradients)
        fg.optim.Adam(made, **options).step()
    for p, q in zip(params, others, strict=True):
        assert_bits(p.data, q.data)


def test_a_gradient_that_is_not_finite(rng):
    params, groups = four(rng)
    optimizer = fg.optim.Adam(groups, nonfinite="skip", ema=0.9, zero=True)
    good = [rng.standard_normal(p.shape).astype(p.dtype) for p in params]
    give(params, good)
    optimizer.step()
    assert (optimizer.skipped, optimizer.iterations) == (False, 1)
    kept = snapshot(params, optimizer)
    bad = [g.copy() for g in good]
    bad[3][0] = np.inf  # of the last launch: the first must wait for it
    give(params, bad)
    optimizer.step()
    assert (optimizer.skipped, optimizer.iterations) == (True, 1)
    assert_same(snapshot(params, optimizer), {**kept, **gradients_of(params), "skipped": 1.0, "norm": np.inf})
    for p, g in zip(params, bad, strict=True):
        assert_bits(p.grad.data, g, "a skipped step leaves gradients too")
    for group in optimizer.param_groups:
        group["nonfinite"] = "raise"
    with pytest.raises(
        FloatingPointError, match=r"Adam: the gradient of parameter 1 of group 1, \(1,\), holds 1 numbers"
    ):
        optimizer.step()
    assert_same(snapshot(params, optimizer), {**kept, **gradients_of(params), "skipped": 1.0, "norm": np.inf})
    give(params, good)
    optimizer.step()
    assert (optimizer.skipped, optimizer.iterations) == (False, 2)


# -- captured = eager --------------------------------------------------------------------------------------------------
SHAPES, DTYPES = [(5, 4), (3,), (0, 2), (), (6,)], ["float32", "float64", "float32", "float32", "float64"]
MATRICES = [(5, 4), (3, 1), (0, 2), (1, 1), (2, 3)]  # what Muon moves


def gradients_of(params):
    return {f"gradient {i}": np.array(-1) if p.grad is None else p.grad.data.copy() for i, p in enumerate(params)}


def snapshot(params, *optimizers):
    found = {f"parameter {i}": p.data.copy() for i, p in enumerate(params)} | gradients_of(params)
    for optimizer in optimizers:
        own = {"iterations": optimizer.iterations, "norm": optimizer.grad_norm, "skipped": float(optimizer.skipped)}
        found |= {k: np.array(v) for k, v in own.items()}
        for i, one in optimizer.state_dict()["state"].items():
            found |= {f"{id(type(optimizer))} state {i} {k}": np.array(v) for k, v in one.items()}
    return found


def assert_same(a, b):
    assert a.keys() == b.keys()
    for k in a:
        assert_bits(a[k], b[k], k)


class Side:
    """Parameters and a step on gradients x + p / 8, which come as inputs, so that they may hold a NaN."""

    def __init__(self, make, seed=5, shapes=SHAPES):
        self.params = [leaf(x) for x in drawn(np.random.Generator(np.random.Philox(seed)), shapes, DTYPES)]
        self.optimizers = make(self.params)

    def step(self, *xs):
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        for p, x in zip(self.params, xs, strict=True):
            (p * x + p * p * (1 / 16)).sum().backward()
        for optimizer in self.optimizers:
            optimizer.step()


def in_lockstep(make, steps=8, between=lambda side, t: None, bad=(), step=Side.step, shapes=SHAPES):
    """Runs both sides; where t is in `bad`, a gradient is NaN. Returns the programs of the captured one."""
    rng = np.random.Generator(np.random.Philox(6))
    eager, other = Side(make, shapes=shapes), Side(make, shapes=shapes)
    captured = fg.capture(lambda *xs: step(other, *xs))
    for t in range(steps):
        xs = drawn(rng, shapes, DTYPES)
        if t in bad:
            xs[1][2] = np.nan
        for side, run in ((eager, lambda *xs: step(eager, *xs)), (other, captured)):
            between(side, t)
            run(*xs)
        a, b = snapshot(eager.params, *eager.optimizers), snapshot(other.params, *other.optimizers)
        assert a.keys() == b.keys()
        for k in a:
            assert_bits(b[k], a[k], f"step {t}: {k}")
    return eager, captured.programs


SHARED = {
    "clipped": {"clip_norm": 0.5},
    "skipping": {"nonfinite": "skip"},
    "averaged": {"ema": 0.9, "zero": True},
    "proximal": {"l1": 0.01, "proximal": True, "maximize": True},
    "decayed": {"weight_decay": 0.1, "decoupled_weight_decay": True},
    "clipped each": {"clip_norm": 0.5, "clip_form": "normalize_each", "l1": 0.01},
    "all": {
        "clip_norm": 0.5, "nonfinite": "skip", "ema": 0.5, "zero": True, "l1": 0.01, "proximal": True,
        "weight_decay": 0.1, "decoupled_weight_decay": True,
    },
}  # fmt: skip


@pytest.mark.parametrize("shared", SHARED)
@every_rule
def test_captured_options(name, shared):
    """With a schedule; one group has a rate of its own."""
    options = dict(SHARED[shared])
    if RULES[name].composite:
        options |= {"decoupled_weight_decay": True, "proximal": "l1" in options}
    bad = (0, 3, 6) if "nonfinite" in options else ()

    def make(params):
        groups = [{"params": params[:2]}, {"params": params[2:], "lr": ExponentialDecay(0.05, 1, 0.9)}]
        return [RULES[name](groups, lr=ExponentialDecay(0.1, 1, 0.5), **options)]

    if bad and name == "Adafactor":
        with pytest.raises(fg.CaptureError, match="whether its state moves is decided in Python"):
            in_lockstep(make, bad=bad)
        return
    eager, programs = in_lockstep(make, bad=bad, shapes=MATRICES if name == "Muon" else SHAPES)
    assert len(programs) == 1
    assert eager.optimizers[0].iterations == 8 - len(bad)
    assert {own["step"] for own in eager.optimizers[0].state.values()} == {8 - len(bad)}


OWN = [pytest.param(n, o, id=f"{n}-{i}") for n, (_, several) in FORMULAS.items() for i, o in enumerate(several)]


@pytest.mark.parametrize(("name", "options"), OWN)
def test_captured_rules(name, options):
    _, programs = in_lockstep(
        lambda params: [RULES[name](params, **options)], steps=6, shapes=MATRICES if name == "Muon" else SHAPES
    )
    assert len(programs) == 1


def test_two_optimizers_in_one_captured_step():
    def make(params):
        first = fg.optim.SGD(params[:2], lr=0.1, momentum=0.9, nonfinite="skip")  # the NaN is its
        return [first, fg.optim.Adam(params[2:], lr=ExponentialDecay(0.1, 1, 0.9), clip_norm=0.1)]

    eager, programs = in_lockstep(make, bad=(2, 5))
    assert [o.iterations for o in eager.optimizers] == [6, 8]
    assert len(programs) == 1


def test_two_steps_of_one_optimizer_in_one_captured_step():
    def twice(side, *xs):
        Side.step(side, *xs)
        Side.step(side, *xs)

    eager, programs = in_lockstep(
        lambda ps: [fg.optim.Adam(ps, lr=ExponentialDecay(0.1, 1, 0.9), clip_norm=1.0)], step=twice
    )
    assert eager.optimizers[0].iterations == 16
    assert len(programs) == 1
    with pytest.raises(fg.CaptureError, match='two steps of one Adam with nonfinite="skip"'):
        in_lockstep(lambda ps: [fg.optim.Adam(ps, nonfinite="skip")], step=twice)


def test_a_recording_that_fails_after_a_skipped_step_counts_nothing():
    side = Side(lambda params: [fg.optim.Adam(params, nonfinite="skip")])

    def step(*xs):
        side.step(*xs)
        raise KeyError("later")

    xs = [np.full(s, np.nan, d) for s, d in zip(SHAPES, DTYPES, strict=True)]
    with pytest.raises(KeyError):
        fg.capture(step)(*xs)
    assert side.optimizers[0].iterations == 0


@pytest.mark.parametrize("first", [0, 2])
def test_a_captured_step_that_is_refused_names_the_parameter(first):
    side = Side(lambda params: [fg.optim.Adam(params, nonfinite="raise")])
    captured = fg.capture(side.step)
    rng = np.random.Generator(np.random.Philox(8))
    for _ in range(first):
        captured(*drawn(rng, SHAPES, DTYPES))
    kept = {k: v for k, v in snapshot(side.params, *side.optimizers).items() if k[:4] not in ("grad", "norm")}
    xs = drawn(rng, SHAPES, DTYPES)
    xs[4][1:3] = np.nan
    with pytest.raises(
        FloatingPointError, match=r"Adam: the gradient of parameter 4 of group 0, \(6,\), holds 2 numbers"
    ):
        captured(*xs)
    after = snapshot(side.params, *side.optimizers)
    for k, v in kept.items():
        assert_bits(after[k], v, k)


# -- what changes between steps and between replays ----------------------------------------------------------------------
def switch(**options):
    """At step 2 options are set, at step 5 they are put back."""

    def between(side, t):
        for optimizer in side.optimizers:
            for group in optimizer.param_groups:
                if t in (2, 5):
                    group.update(options if t == 2 else {k: optimizer.defaults[k] for k in options})

    return between


CHANGES = {
    "weight_decay": ({}, {"weight_decay": 0.1}),
    "decoupled": ({"weight_decay": 0.1}, {"decoupled_weight_decay": True}),
    "amsgrad": ({"betas": (0.5, 0.5)}, {"amsgrad": True}),
    "clip_norm": ({}, {"clip_norm": 0.1}),
    "theta": ({"clip_norm": 10.0}, {"clip_norm": 0.1, "clip_form": "unit"}),
    "no clip_norm": ({"clip_norm": 0.1}, {"clip_norm": None}),
    "clip_value": ({}, {"clip_value": 0.1}),
    "nonfinite": ({}, {"nonfinite": "skip"}),
    "ema": ({}, {"ema": 0.5}),
    "zero": ({}, {"zero": True}),
    "maximize": ({}, {"maximize": True}),
    "l1": ({"weight_decay": 0.1}, {"l1": 0.1}),
    "proximal": ({"l1": 0.1}, {"proximal": True}),
    "betas": ({}, {"betas": (0.5, 0.9), "eps": 1e-3}),
    "eps_at": ({}, {"eps_at": "inside", "bias_correction": False}),
    "lr": ({}, {"lr": ExponentialDecay(0.5, 1, 0.5)}),
    "lr as an array": ({}, {"lr": np.array(0.5)}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_options_that_change_between_replays(change):
    options, changed = CHANGES[change]
    eager, _ = in_lockstep(lambda ps: [fg.optim.Adam(ps, lr=0.1, **options)], between=switch(**changed))
    unchanged, _ = in_lockstep(lambda ps: [fg.optim.Adam(ps, lr=0.1, **options)])
    same = [np.array_equal(p.data, q.data) for p, q in zip(eager.params, unchanged.params, strict=True) if p.data.size]
    assert not all(same) or change in ("nonfinite", "ema", "zero"), "the change counts"


def test_a_group_added_between_replays():
    """Parameters that took part in the loss all the time, and are trained from the fourth step on."""

    def forgetting(side, *xs):
        for p in side.params:
            p.grad = None
        Side.step(side, *xs)

    def between(side, t):
        if t == 3:
            side.optimizers[0].add_param_group({"params": side.params[2:], "lr": 0.5})

    eager, programs = in_lockstep(lambda ps: [fg.optim.Adam(ps[:2], lr=0.1)], between=between, step=forgetting)
    assert eager.optimizers[0].state[eager.params[4]]["step"] == 5
    assert len(programs) == 2


def test_a_gradient_that_comes_by_hand_between_replays():
    """The captured step makes none for this parameter, and the optimizer has it."""

    def some(side, *xs):
        for p, x in zip(side.params[:2], xs[:2], strict=True):
            p.grad = None
            (p * x).sum().backward()
        side.optimizers[0].step()

    def between(side, t):
        if t in (3, 4, 6):
            side.params[4].grad = None if t == 6 else fg.from_numpy(np.full(6, 0.1 * t))

    eager, _ = in_lockstep(lambda ps: [fg.optim.Adam(ps, lr=0.1)], between=between, step=some)
    assert eager.optimizers[0].state[eager.params[4]]["step"] == 3


def test_an_optimizer_without_a_single_gradient():
    """It does nothing while recorded, and must not stay so."""

    def some(side, *xs):
        side.optimizers[0].step()

    def between(side, t):
        if t > 2:
            give(side.params, [np.full(p.shape, 0.1 * t, p.dtype) for p in side.params])

    eager, _ = in_lockstep(lambda ps: [fg.optim.SGD(ps, lr=0.1)], between=between, step=some)
    assert eager.optimizers[0].iterations == 5


# -- averages ----------------------------------------------------------------------------------------------------------
def test_averages_and_back(rng):
    side = Side(lambda params: [fg.optim.SGD(params, lr=0.1, ema=0.5)])
    (optimizer,), expected = side.optimizers, [p.data.astype("float64") for p in side.params]
    with pytest.raises(ValueError, match=r"SGD keeps no averages yet"), optimizer.averages():
        pass
    for _ in range(4):
        side.step(*drawn(rng, SHAPES, DTYPES))
        expected = [0.5 * a + 0.5 * p.data for a, p in zip(expected, side.params, strict=True)]
    kept = snapshot(side.params, optimizer)
    memory = [p.data for p in side.params]
    with optimizer.averages():
        for p, e, array in zip(side.params, expected, memory, strict=True):
            assert p.data is array
            np.testing.assert_allclose(p.data, e, rtol=1e-6)
        with pytest.raises(RuntimeError, match=r"SGD: step\(\) within averages\(\)"):
            optimizer.step()
        with pytest.raises(RuntimeError, match=r"SGD: averages\(\) within averages\(\)"), optimizer.averages():
            pass
    assert_same(snapshot(side.params, optimizer), kept)
    with pytest.raises(KeyError), optimizer.averages():
        raise KeyError("in the middle")
    assert_same(snapshot(side.params, optimizer), kept)


def test_averages_and_captured_steps(rng):
    side = Side(lambda params: [fg.optim.SGD(params, lr=0.1, ema=0.5)])
    captured = fg.capture(side.step)
    for _ in range(3):
        captured(*drawn(rng, SHAPES, DTYPES))
    kept = snapshot(side.params, *side.optimizers)
    with side.optimizers[0].averages():
        averages = [p.data.copy() for p in side.params]
        with pytest.raises(RuntimeError, match=r"step\(\) within averages\(\)"):
            captured(*drawn(rng, SHAPES, DTYPES))
        for p, a in zip(side.params, averages, strict=True):
            assert_bits(p.data, a)
    assert_same({**snapshot(side.params, *side.optimizers), **gradients_of(())}, {**kept, **gradients_of(side.params)})

    def inside(*xs):
        side.step(*xs)
        with side.optimizers[0].averages():
            return side.params[0].sum()

    with pytest.raises(fg.CaptureError, match=r"averages\(\) cannot be captured"):
        fg.capture(inside)(*drawn(rng, SHAPES, DTYPES))


def test_a_parameter_that_comes_later_has_its_own_average():
    a, b = leaf(np.ones(2)), leaf(np.full(2, 4.0))
    optimizer = fg.optim.SGD([a], lr=1.0, ema=0.5)
    give([a], [np.ones(2)])
    optimizer.step()
    optimizer.add_param_group({"params": [b], "ema": 0.75})
    give([a, b], [np.ones(2), np.full(2, 4.0)])
    optimizer.step()
    with optimizer.averages():
        assert a.tolist() == [-0.25, -0.25]  # 1, (1 + 0) / 2, (1/2 - 1) / 2
        assert b.tolist() == [3, 3]  # 3/4 4 + 1/4 0
