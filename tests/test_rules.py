"""Walks the rows of unit RULE: every rule with every option is its definition, bit for bit, in every cell."""

import numpy as np
import pytest
from kernel_makers import DTYPES, ISAS, special

from fastgrad import kernels
from fastgrad.kernels import KERNELS
from fastgrad.testing import assert_bits

RULES = [name for name, kernel in KERNELS.items() if "report" in kernel.names]
SIZES = ((0,), (1,), (3,), (17, 5), (4096,), (4097,), (0, 3), (9001,))
BIG = ((50_001,), (1,), (4096,), (0,), (130, 77))

# Rule -> keyword arguments: its own numbers, several settings; a name in `spare` is an array that may be left out.
OWN = {
    "sgd": [{"lr": 0.1}],
    "momentum": [{"lr": 0.1}, {"lr": 1, "fresh": 0.1, "momentum": 0.5}, {"lr": -1, "fresh": -0.1, "nesterov": 1}],
    "adagrad": [{}, {"lr": 0.1, "eps": 0, "eps_inside": 1e-10}],
    "rmsprop": [
        {},
        {"spare": ("m",)},
        {"spare": ("b",), "momentum": 0.9},
        {"spare": ("m", "b"), "momentum": 0.5, "fresh": 0.1},
    ],
    "adadelta": [{}, {"lr": 0.5, "rho": 0.95, "eps": 1e-3}],
    "rprop": [{}, {"eta_minus": 0.3, "eta_plus": 1.5, "step_min": 0.01, "step_max": 1}],
    "asgd": [{"lr": 0.1}, {"lr": 0.1, "mu": 0.5}],
    "lion": [{}, {"lr": 0.1, "beta1": 0.5, "beta2": 0.7}],
    "blend": [{}, {"momentum": 0.9, "fresh": 0.1, "nesterov": 1}],
    "adam": [
        {},
        {"spare": ("vmax",), "correction1": 0.1, "correction2": 0.001},
        {"eps": 0, "eps_inside": 1e-7, "beta1": 0},
    ],
    "adamax": [{}, {"eps": 0, "eps_outside": 1e-7, "correction1": 0.19}],
    "nadam": [{"now": 1e-3, "next": 2e-3}, {"now": 0.1, "next": 0.3, "beta1": 0.5, "correction2": 0.01}],
    "radam": [{}, {"correction1": 0.1, "correction2": 0.01, "rectify": 0.3}],
    "lars": [{"lr": 0.1}, {"lr": 1, "trust": 0.1, "momentum": 0, "eps": 0}],
    "lamb": [{}, {"lr": 0.1, "correction1": 0.1, "correction2": 0.01}],
}
OPTIONS = [
    {},
    {"weight_decay": 0.1},
    {"keep": 0.99},
    {"maximize": 1},
    {"l1": 0.01},
    {"shrink": 0.05},
    {"clip_value": 0.5},
    {"clip_value": 0.5, "l1": 0.01, "maximize": 1, "weight_decay": 0.1},
    {"clip_norm": 1.0},
    {"clip_norm": 1e30},
    {"clip_norm": 1.0, "clip_form": 1, "maximize": 1},
    {"clip_norm": 1.0, "clip_form": 2},
    {"clip_norm": 1.0, "clip_form": 2, "per_tensor": 1},
    {"clip_norm": 1.0, "per_tensor": 1, "l1": 0.01},
    {"ema": 0.9},
    {"zero": 1},
    {"nonfinite": 1},
    {"nonfinite": 1, "clip_norm": 0.5, "weight_decay": 0.1, "keep": 0.9, "l1": 0.1, "shrink": 0.1, "ema": 0.99, "zero": 1},
]  # fmt: skip


def states_of(name, spare):
    """The arrays of a rule, p and g first."""
    kernel = KERNELS[name]
    free = {"average", "total", "report"}
    required = [n for n in kernel.names if n not in kernel.defaults and n not in ("lr", "now", "next")]
    return [*required, *(n for n in kernel.names if n in spare and n not in free)]


def draw(rng, name, own, options, dtype, sizes, *, awkward):
    """Keyword arguments of a call."""
    own = dict(own)
    arrays = states_of(name, own.pop("spare", ()))
    found = {}
    for array in arrays:
        several = []
        for shape in sizes:
            x = rng.standard_normal(shape) * 10.0 ** rng.uniform(-3, 1, shape)
            x = np.abs(x) if array in ("v", "h", "u", "vmax", "size") else x
            x = x.astype(dtype)
            if awkward and array in ("p", "g"):
                np.copyto(x, rng.choice(special(dtype), shape), where=rng.random(shape) < 0.1)
            several.append(x)
        found[array] = several
    if options.get("ema"):
        found["average"] = [p.copy() for p in found["p"]]
    return {**found, **own, **options, "report": np.zeros(3)}


def copied(call):
    copy = {list: lambda v: [a.copy() for a in v], np.ndarray: np.ndarray.copy}
    return {k: copy.get(type(v), lambda v: v)(v) for k, v in call.items()}


def outcome(call, name, steps):
    """Every array of a call after some steps, with gradients that are drawn anew where they were zeroed."""
    call = copied(call)
    first = [g.copy() for g in call["g"]]
    for k in range(steps):
        KERNELS[name](**call)
        if k < steps - 1:
            for g, before in zip(call["g"], first, strict=True):
                np.copyto(g, before[::-1] if k % 2 else before)
    return {k: v for k, v in call.items() if isinstance(v, (list, np.ndarray))}


def same(found, expected, what):
    for k, e in expected.items():
        several = [(found[k], e)] if isinstance(e, np.ndarray) else zip(found[k], e, strict=True)
        for i, (a, b) in enumerate(several):
            assert_bits(a, b, f"{what}: {k}[{i}]")


def test_every_rule_has_settings():
    assert set(OWN) == set(RULES)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", RULES)
def test_every_option_gives_the_bits_of_the_definition(name, dtype, rng):
    for own in OWN[name]:
        for options in OPTIONS:
            for awkward in (False, True):
                call = draw(rng, name, own, options, dtype, SIZES, awkward=awkward)
                with kernels.use("reference"):
                    expected = outcome(call, name, 7)
                for isa in ISAS:
                    with kernels.use("native", isa=isa, threads=2):
                        found = outcome(call, name, 7)
                    same(found, expected, f"{name} {own} {options} {dtype} {isa} awkward {awkward}")


@pytest.mark.parametrize("options", [{}, OPTIONS[-1], {"clip_norm": 1.0, "clip_form": 2, "per_tensor": 1, "zero": 1}])
@pytest.mark.parametrize("name", RULES)
def test_any_team_gives_the_same_bits(name, options, rng):
    call = draw(rng, name, OWN[name][-1], options, "float32", BIG, awkward=False)
    with kernels.use("reference"):
        expected = outcome(call, name, 3)
    for threads in (1, 2, 4):
        with kernels.use("native", threads=threads):
            same(outcome(call, name, 3), expected, f"{name} {options} {threads} threads")


@pytest.mark.parametrize("name", RULES)
def test_a_gradient_that_is_not_finite_is_refused_before_anything_is_written(name, rng):
    for bad in (np.nan, np.inf, -np.inf):
        call = draw(rng, name, OWN[name][0], {"nonfinite": 2, "ema": 0.9, "zero": 1}, "float32", BIG, awkward=False)
        call["g"][-1][3, 4] = bad
        for tier in ("native", "reference"):
            mine = copied(call)
            with kernels.use(tier), pytest.raises(FloatingPointError, match=f"{name}: a gradient is not finite"):
                KERNELS[name](**mine)
            same(mine, {k: v for k, v in call.items() if isinstance(v, (list, np.ndarray))}, f"{name} {tier}")


def test_a_step_that_is_skipped_changes_nothing_and_says_so(rng):
    call = draw(rng, "adam", {}, {"nonfinite": 1, "ema": 0.9, "zero": 1}, "float64", BIG, awkward=False)
    call["g"][0][7] = np.nan
    before = copied(call)
    kernels.adam(**call)
    assert call["report"][2] == 1
    call["report"] = before["report"]
    same(call, {k: v for k, v in before.items() if isinstance(v, (list, np.ndarray))}, "skipped")


# -- the norm, by other means ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_norm_is_the_norm(dtype, rng):
    gradients = [rng.standard_normal(shape).astype(dtype) for shape in BIG]
    truth = np.sqrt(sum((g.astype(np.longdouble) ** 2).sum() for g in gradients))
    report, total = np.zeros(3), np.zeros(2)
    kernels.sgd([np.zeros_like(g) for g in gradients], gradients, 0.1, clip_norm=truth / 3, report=report)
    kernels.sum_squares(gradients, total)
    assert report[0] == pytest.approx(float(truth), rel=1e-13)
    assert report[1] == pytest.approx(1 / 3, rel=1e-13)
    assert np.sqrt(total[0]) == report[0]
    assert total[1] == 0


def test_large_gradients_do_not_overflow_the_norm():
    report = np.zeros(3)
    kernels.sgd(np.zeros(5, np.float32), np.full(5, 3e38, np.float32), 0.1, clip_norm=1, report=report)
    assert report[0] == pytest.approx(3e38 * np.sqrt(5), rel=1e-6)


def test_a_total_measured_elsewhere(rng):
    """A norm over two calls: each is told of the sums of both."""
    a, b = rng.standard_normal(5000).astype(np.float32), rng.standard_normal(77)
    total, report = np.zeros((2, 2)), np.zeros(3)
    for tier in ("native", "reference"):
        with kernels.use(tier):
            kernels.sum_squares(a, total[0])
            kernels.sum_squares([b], total[1])
            p, q = np.zeros_like(a), np.zeros_like(b)
            for x, g in ((p, a), (q, b)):
                kernels.sgd(x, g, 1.0, clip_norm=1.0, total=total.reshape(-1), report=report)
        both = np.sqrt((a.astype(np.float64) ** 2).sum() + (b**2).sum())
        assert report[0] == pytest.approx(both, rel=1e-13)
        assert np.sqrt((p.astype(np.float64) ** 2).sum() + (q**2).sum()) == pytest.approx(1, rel=1e-6)


def test_what_a_norm_of_zero_does():
    p, g = np.ones(3), np.zeros(3)
    kernels.sgd(p, g, 0.1, clip_norm=1, clip_form=2)
    assert p.tolist() == [1, 1, 1]


# -- arrays that do not fit --------------------------------------------------------------------------------------------
def test_arrays_of_the_call():
    p, g = np.ones(3), np.ones(3)
    with pytest.raises(ValueError, match="report must hold 3 numbers, not 2"):
        kernels.sgd(p, g, 0.1, report=np.zeros(2))
    with pytest.raises(ValueError, match="total must hold pairs of numbers, not 3"):
        kernels.sgd(p, g, 0.1, total=np.zeros(3))
    with pytest.raises(TypeError, match="report must be float64, not float32"):
        kernels.sgd(p, g, 0.1, report=np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="total must be a contiguous array of one dimension"):
        kernels.sum_squares(g, np.zeros((1, 2)))
    assert p.tolist() == [1, 1, 1]


def test_a_gradient_is_written_only_where_it_is_zeroed():
    p, g = np.ones(3), np.ones(3)
    g.flags.writeable = False
    kernels.sgd(p, g, 0.1)
    with pytest.raises(ValueError, match=r"g\[0\] is read-only"):
        kernels.sgd(p, g, 0.1, zero=1)
    shared = np.ones(3)
    kernels.sgd([np.ones(3), np.ones(3)], [shared, shared], 0.1)
    with pytest.raises(ValueError, match="share memory"):
        kernels.sgd([np.ones(3), np.ones(3)], [shared, shared], 0.1, zero=1)


def test_spare_arrays_are_all_or_none():
    p = [np.ones(3), np.ones(2)]
    with pytest.raises(ValueError, match="lists must be of one length"):
        kernels.adam(p, p[:], p, p, vmax=[np.ones(3)])


def test_large_doubles_are_finite_though_their_squares_are_not():
    g, report = np.full(5000, 1e200), np.zeros(3)
    for tier in ("native", "reference"):
        p = np.zeros(5000)
        with kernels.use(tier):
            kernels.sgd(p, g, 1e-200, nonfinite=2, report=report)
        assert report.tolist() == [np.inf, 1, 0]
        assert (p == -1).all()
        with kernels.use(tier), pytest.raises(FloatingPointError):
            kernels.sgd(p, np.append(g[1:], np.nan), 1.0, nonfinite=2)
