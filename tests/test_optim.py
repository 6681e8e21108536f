"""Walks RULES: native and reference give the same bits everywhere, and both are the formula written out here."""

import math

import numpy as np
import pytest
from rule_formulas import FORMULAS, MATRICES, WHOLE

import fastgrad as fg
from fastgrad import kernels
from fastgrad.optim import RULES
from fastgrad.testing import assert_bits

ISAS = kernels.info()["isas"]
SIZES = (0, 1, 3, 17, 1000, 4097)


OPTIONS = [
    pytest.param(name, options, id=f"{name}-{i}")
    for name, (_, several) in FORMULAS.items()
    for i, options in enumerate(several)
]
every_rule = pytest.mark.parametrize(("name", "options"), OPTIONS)
SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 1e-310, 1e30, -1e30, 3e38, 1e-8, 1.0, -1.0])


def leaf(array, name=None):
    """A parameter; of a rule that moves matrices alone, a matrix."""
    array = np.array(array)
    return fg.from_numpy(np.atleast_2d(array) if name in MATRICES else array).requires_grad_()


def set_gradients(params, draw, special=False):
    for p in params:
        g = draw.standard_normal(p.shape) * 10.0 ** draw.integers(-4, 3, p.shape)
        if special and p.data.size > 20:
            flat = g.reshape(-1)
            flat[draw.integers(0, flat.size, len(SPECIAL))] = SPECIAL
        with np.errstate(over="ignore"):
            p.grad = fg.from_numpy(g.astype(p.dtype))


def run(name, options, dtype, steps=100, special=True, **switch):
    """Parameters and states after some steps on gradients that are the same for every switch."""
    draw = np.random.Generator(np.random.Philox(3))
    params = [leaf(draw.standard_normal(n).astype(dtype), name) for n in SIZES] + [
        leaf(draw.standard_normal((7, 9)).astype(dtype))
    ]
    optimizer = RULES[name](params, **options)
    with kernels.use(**switch):
        for k in range(steps):
            set_gradients(params, draw, special and k > steps - 10)
            optimizer.step()
            if k == steps // 2:
                optimizer.param_groups[0]["lr"] *= 0.5
    found = [p.data for p in params]
    for p in params:
        found += [v for v in optimizer.state[p].values() if isinstance(v, np.ndarray)]
    return found


def test_every_rule_has_a_formula():
    assert set(FORMULAS) == set(RULES), f"without a formula: {set(RULES) - set(FORMULAS)}"
    assert all(rule.__doc__ and "Source" in rule.__doc__ for rule in RULES.values())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every_rule
def test_native_and_reference_give_the_same_bits(name, options, dtype):
    """Products have the bits of their own instruction set and size, not of NumPy's: Muon's errors are those of t steps."""
    special = name not in MATRICES
    expected = run(name, options, dtype, which="reference", special=special)
    assert any(np.isnan(a).any() for a in expected) == special, "special values were met"
    for isa, threads in (*((isa, 2) for isa in ISAS), (ISAS[-1], 1), (ISAS[-1], 4)):
        found = run(name, options, dtype, which="native", isa=isa, threads=threads, special=special)
        for i, (a, b) in enumerate(zip(found, expected, strict=True)):
            if special:
                assert_bits(a, b, f"{name} {options} {isa} {threads} threads, array {i}")
            else:
                np.testing.assert_allclose(
                    a, b, rtol=0, atol=800 * np.finfo(dtype).eps * max(1, np.abs(b).max(initial=0))
                )


def test_a_large_group_gives_the_same_bits_on_any_team(rng):
    """Large enough that the work is cut, with cuts inside tensors."""
    start, gradient = rng.standard_normal(300_001).astype(np.float32), rng.standard_normal(300_001).astype(np.float32)
    for name, rule in RULES.items():
        found = []
        for switch in ({"which": "reference"}, *({"which": "native", "threads": n} for n in (1, 2, 4))):
            params = [leaf(x, name) for x in (start, start[:77], start[::-1])]
            optimizer = rule(params)
            with kernels.use(**switch):
                for _ in range(3):
                    for p in params:
                        p.grad = fg.from_numpy(gradient[: p.numel()].reshape(p.shape).copy())
                    optimizer.step()
            found.append([p.data for p in params])
        for other in found[2 if name in MATRICES else 1 :]:
            for a, b in zip(other, found[1], strict=True):
                assert_bits(a, b, name)
        if name not in MATRICES:
            for a, b in zip(found[0], found[1], strict=True):
                assert_bits(a, b, name)


@every_rule
def test_float64_is_the_formula(name, options, rng):
    formula, start = FORMULAS[name][0], rng.standard_normal(5)
    p = leaf(start, name)
    expected, states = [p.data.copy()] if name in WHOLE else list(start), [{} for _ in range(5)]
    optimizer = RULES[name]([p], **options)
    for t in range(1, 101):
        g = rng.standard_normal(p.shape)
        p.grad = fg.from_numpy(g)
        optimizer.step()
        parts = [g] if name in WHOLE else map(float, g)
        expected = [formula(x, gi, state, t, **options) for x, gi, state in zip(expected, parts, states, strict=False)]
        # every step rounds a few times; the errors of t steps add up
        scale = max(1, np.abs(expected).max())
        np.testing.assert_allclose(
            p.data.ravel(),
            np.ravel(expected),
            rtol=0,
            atol=8 * t * np.finfo(np.float64).eps * scale,
            err_msg=f"step {t}",
        )


@every_rule
def test_float32_follows_float64(name, options, rng):
    start = rng.standard_normal(50)
    params = [leaf(start.astype(np.float32).astype(d), name) for d in (np.float32, np.float64)]
    optimizer = RULES[name](params, **options)
    for t in range(1, 51):
        g = (rng.standard_normal(params[0].shape) + 0.5).astype(np.float32)
        for p in params:
            p.grad = fg.from_numpy(g.astype(p.dtype))
        optimizer.step()
        scale = max(1.0, np.abs(params[1].data).max())
        np.testing.assert_allclose(
            params[0].data, params[1].data, rtol=0, atol=8 * t * np.finfo(np.float32).eps * scale
        )


def test_values_by_hand():
    """p = 1, g = 0.5 then 0.25, computed on paper."""
    hand = {
        ("SGD", 0.1, ()): [0.95, 0.925],
        ("SGD", 0.1, (("weight_decay", 1.0),)): [0.85, 0.74],
        ("SGD", 0.1, (("momentum", 0.5),)): [0.95, 0.9],  # v = 0.5, 0.5
        ("SGD", 0.1, (("momentum", 0.5), ("nesterov", True))): [0.925, 0.875],  # g + v/2 = 0.75, 0.5
        ("SGD", 0.1, (("momentum", 0.5), ("dampening", 0.5))): [0.95, 0.9125],  # v = 0.5, 0.375
        ("Momentum", 0.1, ()): [0.95, 0.88],  # v = 0.5, 0.7
        # betas 0.5, 0: the first step is lr g / |g|; then m = 0.25, over 0.75 is 1/3, v = 1/16: 0.1 (1/3) / (1/4)
        ("Adam", 0.1, (("betas", (0.5, 0.0)), ("eps", 0.0))): [0.9, 0.9 - 0.1 * 4 / 3],
    }
    for (name, lr, options), expected in hand.items():
        p = leaf(np.array([1.0]))
        optimizer = RULES[name]([p], lr=lr, **dict(options))
        for g, value in zip((0.5, 0.25), expected, strict=True):
            p.grad = fg.tensor(np.array([g]))
            optimizer.step()
            assert p.item() == pytest.approx(value, abs=1e-15), (name, options)


SUITED = {
    "Adadelta": {"lr": 1.0, "eps": 1e-2},
    "LARS": {"lr": 20.0},
    "NormalizedGD": {"lr": 0.009},
    "Lion": {"lr": 0.009, "betas": (0.0, 0.5)},
    "LAMB": {"lr": 0.02},
    "Adafactor": {"lr": 0.1},
    "Muon": {"lr": 0.0095, "momentum": 0.0, "ns_coefficients": (1.875, -1.25, 0.375), "ns_steps": 10},  # converges
}


def test_a_perfect_gradient_descends():
    for name, rule in RULES.items():
        p = leaf(np.array([3.0, -2.0]), name)
        optimizer = rule([p], **SUITED.get(name, {"lr": 0.2}))
        for _ in range(400):
            optimizer.zero_grad()
            (p * p).sum().backward()
            optimizer.step()
        assert np.abs(p.data).max() < 0.01, name


# -- groups, and tensors of every kind ---------------------------------------------------------------------------------
@pytest.mark.parametrize("name", RULES)
def test_groups_have_options_of_their_own(name):
    a, b, c = (leaf(np.ones(3), name) for _ in range(3))
    still = {"lr": 0.0, "step_sizes": (0.0, 1.0)} if name == "Rprop" else {"lr": 0.0}  # lr is its first step
    optimizer = RULES[name]([{"params": [a]}, {"params": b, **still}], lr=0.5)
    optimizer.add_param_group({"params": [c], "lr": 0.25})
    for p in (a, b, c):
        p.grad = fg.from_numpy(np.ones(p.shape))
    optimizer.step()
    assert b.data.ravel().tolist() == [1, 1, 1]
    np.testing.assert_allclose(1 - a.data, 2 * (1 - c.data), rtol=1e-12)
    assert "group 2: 1 tensors, lr=0.25" in repr(optimizer)


@pytest.mark.parametrize("name", RULES)
def test_missing_gradients_empty_tensors_and_mixed_dtypes(name, rng):
    def make():
        return [
            leaf(np.ones(3, np.float32), name),
            leaf(np.ones(3), name),
            leaf(np.zeros((0, 2)), name),
            leaf(np.array(2.0), name),
            leaf(np.ones((2, 2), np.float32), name),
        ]

    together, alone = make(), make()
    options = {"per_tensor": True} if name == "NormalizedGD" else {}
    one, several = RULES[name](together, **options), [RULES[name]([p], **options) for p in alone]
    for k in range(6):
        for i, (p, q) in enumerate(zip(together, alone, strict=True)):
            missing = (k + i) % 3 == 0
            g = rng.standard_normal(p.shape).astype(p.dtype)
            p.grad = q.grad = None if missing else fg.from_numpy(g)
        one.step()
        for optimizer in several:
            optimizer.step()
        for p, q in zip(together, alone, strict=True):
            assert_bits(p.data, q.data, f"{name}, step {k}: a tensor's update does not depend on its company")
    assert {own["step"] for own in one.state.values()} == {4}


def test_no_gradient_at_all_is_no_step():
    p = leaf(np.ones(2))
    optimizer = fg.optim.Adam([p])
    optimizer.step()
    assert p.tolist() == [1, 1]
    assert optimizer.state_dict()["state"] == {}


def test_zero_grad():
    p, q = leaf(np.ones(2)), leaf(np.ones(2))
    optimizer = fg.optim.SGD([p, q])
    p.grad = held = fg.tensor(np.ones(2))
    optimizer.zero_grad(set_to_none=False)
    assert held.tolist() == [0, 0]
    assert q.grad is None
    optimizer.zero_grad()
    assert p.grad is None
    assert held.tolist() == [0, 0]


def test_a_step_leaves_the_gradient_alone(rng):
    for rule in RULES.values():
        p = leaf(rng.standard_normal(40), rule.__name__)
        g = rng.standard_normal(p.shape)
        p.grad = fg.from_numpy(g.copy())
        optimizer = rule([p])
        if "weight_decay" in optimizer.defaults:
            optimizer.param_groups[0]["weight_decay"] = 0.1
        optimizer.step()
        assert_bits(p.grad.data, g, rule.__name__)


def test_a_step_writes_into_the_parameters_own_memory():
    array = np.ones(4, np.float32)
    p = fg.from_numpy(array).requires_grad_()
    p.grad = fg.tensor([1.0] * 4)
    fg.optim.SGD([p], lr=0.5).step()
    assert array.tolist() == [0.5] * 4


def test_closure_and_generators():
    p = leaf(np.array([1.0]))
    optimizer = fg.optim.SGD((q for q in [p]), lr=0.5)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 1
    assert p.tolist() == [0]


def test_momentum_switched_on_and_off_later():
    p = leaf(np.array([1.0]))
    optimizer = fg.optim.SGD([p], lr=0.1)
    expected, v = 1.0, 0.0
    for factor in (0.0, 0.0, 0.5, 0.5, 0.0, 0.5):
        optimizer.param_groups[0]["momentum"] = factor
        p.grad = fg.tensor(np.array([1.0]))
        optimizer.step()
        v = factor * v + 1.0 if factor else v
        expected -= 0.1 * (v if factor else 1.0)
        assert p.item() == pytest.approx(expected, abs=1e-15)


# -- saving ------------------------------------------------------------------------------------------------------------
@every_rule
def test_a_resumed_run_is_the_same_run(name, options, rng):
    def make():
        return [leaf(np.linspace(-1, 1, 7).astype(np.float32), name), leaf(np.ones((2, 3)))]

    def walk(optimizer, params, steps):
        for k in steps:
            for p in params:
                p.grad = fg.from_numpy(np.cos(np.arange(p.numel()) + k).reshape(p.shape).astype(p.dtype))
            optimizer.step()

    whole = make()
    straight = RULES[name](whole, **options)
    walk(straight, whole, range(10))

    first = make()
    before = RULES[name](first, **options)
    walk(before, first, range(5))
    saved = before.state_dict()
    walk(before, first, range(100, 103))  # what was saved is a copy
    second = make()
    half = make()
    walk(RULES[name](half, **options), half, range(5))
    for p, q in zip(second, half, strict=True):
        p.data[...] = q.data
    after = RULES[name](second, lr=123.0)
    after.load_state_dict(saved)
    walk(after, second, range(5, 10))
    for p, q in zip(second, whole, strict=True):
        assert_bits(p.data, q.data)
    assert after.param_groups[0]["lr"] == straight.param_groups[0]["lr"]


def test_state_dict_is_plain_data():
    p = leaf(np.ones(2, np.float32))
    optimizer = fg.optim.Adam([p])
    p.grad = fg.tensor([1.0, 2.0])
    optimizer.step()
    saved = optimizer.state_dict()
    assert saved["state"].keys() == {0}
    assert saved["state"][0]["step"] == 1
    assert saved["param_groups"][0]["params"] == [0]
    saved["state"][0]["m"][:] = 99
    assert optimizer.state[p]["m"].max() < 1


# -- errors: they name the field and the value, and change nothing -----------------------------------------------------
BAD_OPTIONS = [
    ("SGD", {"lr": -1.0}, "SGD: lr must be at least 0, not -1.0"),
    ("SGD", {"lr": math.nan}, "SGD: lr must be at least 0, not nan"),
    ("SGD", {"weight_decay": -0.5}, "SGD: weight_decay must be at least 0 and finite, not -0.5"),
    ("SGD", {"momentum": -0.1}, "SGD: momentum must be at least 0, not -0.1"),
    ("SGD", {"nesterov": True}, "SGD: nesterov needs momentum > 0 and dampening = 0"),
    ("Momentum", {"dampening": 0.5, "nesterov": True}, "Momentum: nesterov needs"),
    ("Momentum", {"lr": -2}, "Momentum: lr must be at least 0, not -2"),
    ("Adam", {"eps": -1e-8}, "Adam: eps must be at least 0, not -1e-08"),
    ("Adam", {"betas": (0.9, 1.0)}, r"Adam: betas\[1\] must be in \[0, 1\), not 1.0"),
    ("Adam", {"betas": (-0.1, 0.9)}, r"Adam: betas\[0\] must be in \[0, 1\), not -0.1"),
    ("Adam", {"betas": (0.9,)}, r"Adam: betas must be two numbers, not \(0.9,\)"),
]


@pytest.mark.parametrize(("name", "options", "text"), BAD_OPTIONS)
def test_bad_options(name, options, text):
    p = leaf(np.ones(2))
    with pytest.raises(ValueError, match=text):
        RULES[name]([p], **options)
    optimizer = RULES[name]([p])
    q = leaf(np.ones(3))
    with pytest.raises(ValueError, match=text):
        optimizer.add_param_group({"params": [q], **options})
    assert len(optimizer.param_groups) == 1
    saved = optimizer.state_dict()
    saved["param_groups"][0].update(options)
    with pytest.raises(ValueError, match=text):
        optimizer.load_state_dict(saved)
    assert all(optimizer.param_groups[0][k] == v for k, v in optimizer.defaults.items())


@pytest.mark.parametrize("name", RULES)
def test_bad_parameters(name):
    rule, p = RULES[name], leaf(np.ones(2), name)
    size = rf"\({', '.join(map(str, p.shape))},?\)"
    with pytest.raises(TypeError, match="takes a list of tensors, not one tensor"):
        rule(p)
    with pytest.raises(ValueError, match=f"{name}: the list of parameters is empty"):
        rule([])
    with pytest.raises(TypeError, match=f"{name}: parameter 1 is a ndarray, not a tensor"):
        rule([p, np.ones(2)])
    with pytest.raises(ValueError, match=rf"{name}: parameter 1 {size} is given twice"):
        rule([p, p])
    with pytest.raises(ValueError, match=rf"{name}: parameter 0 {size} is given twice"):
        rule([{"params": [p]}, {"params": [p]}])
    with pytest.raises(ValueError, match=rf"{name}: parameter 0 {size} is the result of Mul, not a leaf"):
        rule([p * 2.0])
    with pytest.raises(ValueError, match=rf"{name}: unknown option \['learning_rate'\]; it takes"):
        rule([{"params": [p], "learning_rate": 1.0}])


def read_only(p):
    p.data.flags.writeable = False
    return r"4,?\), is read-only"


def every_other(p):
    return np.ones((*p.shape[:-1], 8))[..., ::2]


def strided(p):
    p.data = every_other(p)
    return r"4,?\), is not C-contiguous \(strides \(.*16,?\)\)"


def strided_gradient(p):
    p.grad = fg.from_numpy(every_other(p))
    return "its gradient is not C-contiguous"


def other_dtype(p):
    p.data = p.data.astype(np.float32)
    return r"4,?\) float32, has a gradient \(.*4,?\) float64"


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("spoil", [read_only, strided, strided_gradient, other_dtype])
@pytest.mark.parametrize("name", RULES)
def test_a_step_that_cannot_be_made_changes_nothing(name, spoil, late):
    """One bad tensor of four, of two dtypes and in two groups, at the first step or later."""
    params = [leaf(np.ones(4, d), name) for d in (np.float64, np.float32, np.float64, np.float64)]
    optimizer = RULES[name]([{"params": params[:2]}, {"params": params[2:]}])
    for p in params:
        p.grad = fg.from_numpy(np.ones(p.shape, p.dtype))
    if late:
        optimizer.step()
    text = spoil(params[3])
    before = [p.data.copy() for p in params], optimizer.state_dict()
    with pytest.raises(
        ValueError, match=f"{name}: parameter 1 of group 1, .*{text}" if "gradient is" not in text else text
    ):
        optimizer.step()
    for p, data in zip(params, before[0], strict=True):
        assert_bits(p.data, data)
    after = optimizer.state_dict()
    assert after["state"].keys() == before[1]["state"].keys()
    for i, own in after["state"].items():
        for k, v in own.items():
            assert_bits(v, before[1]["state"][i][k])


def test_bad_states_change_nothing():
    p, q = leaf(np.ones(2)), leaf(np.ones(3))
    optimizer = fg.optim.Adam([p, q])
    for t in (p, q):
        t.grad = fg.from_numpy(np.ones(t.shape))
    optimizer.step()
    good = optimizer.state_dict()
    other = fg.optim.Adam([leaf(np.ones(2))]).state_dict()
    with pytest.raises(ValueError, match=r"groups of \[1\] parameters, this optimizer has \[2\]"):
        optimizer.load_state_dict(other)
    crossed = {"state": {0: good["state"][1], 1: good["state"][0]}, "param_groups": good["param_groups"]}
    with pytest.raises(ValueError, match=r"of parameter 0 has shape \(3,\), the parameter \(2,\)"):
        optimizer.load_state_dict(crossed)
    with pytest.raises(ValueError, match="a state of parameter 7, this optimizer has 2"):
        optimizer.load_state_dict({**good, "state": {7: good["state"][0]}})
    with pytest.raises(ValueError, match="options"):
        optimizer.load_state_dict(fg.optim.SGD([p, q]).state_dict())
    for i, own in optimizer.state_dict()["state"].items():
        for k, v in own.items():
            assert_bits(v, good["state"][i][k])
