"""Update rules as other books and libraries write them, written out here from their formulas, against our options.

Keras 3 and Deep Learning from Scratch (Saito, 2017) are `convention=`; optax is options that are named in each row. The
formulas of optax below were checked against optax 0.2.8, 40 steps in float64, to 1e-12. Not to be had by our options:
optax.nadam (a constant momentum, Keras and PyTorch have a schedule of it), optax.amsgrad (the maximum of the corrected
v), and optax.lars with decay (the norm of g + decay p in the place of ||g|| + decay ||p||).
"""

import math

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.optim import RULES
from fastgrad.optim.conventions import PRESETS

sqrt, sign = np.sqrt, np.sign
SHAPES = {"W1": (4, 3), "b1": (3,), "W2": (7,), "b2": (1,)}


def draw(steps, seed=3):
    rng = np.random.Generator(np.random.Philox(seed))
    start = {k: rng.standard_normal(s) for k, s in SHAPES.items()}
    gradients = [
        {k: rng.standard_normal(s) * 10.0 ** rng.uniform(-2, 1) for k, s in SHAPES.items()} for _ in range(steps)
    ]
    return start, gradients


def follow(formula, steps, **options):
    """The path of a formula ``formula(p, g, s, t, **options)``, s a dict it keeps, t = 1, 2, ..."""
    params, gradients = draw(steps)
    states = {k: {} for k in params}
    for t, several in enumerate(gradients, 1):
        params = {k: formula(p, several[k], states[k], t, **options) for k, p in params.items()}
    return params


def ours(name, steps, **options):
    start, gradients = draw(steps)
    params = {k: fg.from_numpy(v).requires_grad_() for k, v in start.items()}
    optimizer = RULES[name](list(params.values()), **options)
    for several in gradients:
        for k, p in params.items():
            p.grad = fg.from_numpy(several[k])
        optimizer.step()
    return {k: p.data for k, p in params.items()}


def compare(found, expected, rtol, what=""):
    start, _ = draw(0)
    for k, b in expected.items():
        scale = np.maximum(np.abs(b), np.sqrt(np.mean(b * b)))
        assert np.max(np.abs(found[k] - b) / scale) < rtol, f"{what} {k}"
        assert not np.allclose(b, start[k], rtol=1e-7, atol=0), "it has moved"


# -- Keras 3 -----------------------------------------------------------------------------------------------------------
# Its decoupled decay comes first: p = p - lr weight_decay p.
def keras_sgd(p, g, s, t, lr=0.01, momentum=0.0, nesterov=False):
    if momentum == 0:
        return p - lr * g
    m = s["m"] = momentum * s.get("m", 0) - lr * g
    return p + momentum * m - lr * g if nesterov else p + m


def keras_adagrad(p, g, s, t, lr=1e-3, initial=0.1, eps=1e-7):
    a = s["a"] = s.get("a", initial) + g**2
    return p - lr * g / sqrt(a + eps)


def keras_rmsprop(p, g, s, t, lr=1e-3, rho=0.9, momentum=0.0, eps=1e-7, centered=False):
    v = s["v"] = rho * s.get("v", 0) + (1 - rho) * g**2
    if centered:
        a = s["a"] = rho * s.get("a", 0) + (1 - rho) * g
        v = v - a**2
    increment = lr * g / sqrt(v + eps)
    if momentum == 0:
        return p - increment
    s["m"] = momentum * s.get("m", 0) + increment
    return p - s["m"]


def keras_adadelta(p, g, s, t, lr=1e-3, rho=0.95, eps=1e-7):
    a = s["a"] = rho * s.get("a", 0) + (1 - rho) * g**2
    delta = -sqrt(s.get("d", 0) + eps) * g / sqrt(a + eps)
    s["d"] = rho * s.get("d", 0) + (1 - rho) * delta**2
    return p + lr * delta


def keras_moments(g, s, beta_1, beta_2):
    m = s["m"] = s.get("m", 0) + (g - s.get("m", 0)) * (1 - beta_1)
    v = s["v"] = s.get("v", 0) + (g**2 - s.get("v", 0)) * (1 - beta_2)
    return m, v


def keras_adam(p, g, s, t, lr=1e-3, beta_1=0.9, beta_2=0.999, eps=1e-7, amsgrad=False):
    alpha = lr * math.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    m, v = keras_moments(g, s, beta_1, beta_2)
    if amsgrad:
        v = s["max"] = np.maximum(s.get("max", 0), v)
    return p - m * alpha / (sqrt(v) + eps)


def keras_adamax(p, g, s, t, lr=1e-3, beta_1=0.9, beta_2=0.999, eps=1e-7):
    m = s["m"] = s.get("m", 0) + (g - s.get("m", 0)) * (1 - beta_1)
    u = s["u"] = np.maximum(beta_2 * s.get("u", 0), np.abs(g))
    return p - lr * m / ((1 - beta_1**t) * (u + eps))


def keras_nadam(p, g, s, t, lr=1e-3, beta_1=0.9, beta_2=0.999, eps=1e-7):
    u, after = (beta_1 * (1 - 0.5 * 0.96**k) for k in (t, t + 1))
    product = s["product"] = s.get("product", 1) * u
    m, v = keras_moments(g, s, beta_1, beta_2)
    m_hat = after * m / (1 - product * after) + (1 - u) * g / (1 - product)
    return p - lr * m_hat / (sqrt(v / (1 - beta_2**t)) + eps)


def keras_lion(p, g, s, t, lr=1e-3, beta_1=0.9, beta_2=0.99):
    m = s.get("m", 0)
    s["m"] = m * beta_2 + g * (1 - beta_2)
    return p - lr * sign(m * beta_1 + g * (1 - beta_1))


def keras_decayed(formula, weight_decay):
    def step(p, g, s, t, lr, **options):
        return formula(p - p * weight_decay * lr, g, s, t, lr=lr, **options)

    return step


# Rule of ours -> its formula in Keras, [(Keras's options, ours)].
KERAS = {
    "SGD": (keras_sgd, [
        ({}, {}),
        ({"lr": 0.1, "momentum": 0.9}, {"momentum": 0.9}),
        ({"lr": 0.1, "momentum": 0.9, "nesterov": True}, {"momentum": 0.9, "nesterov": True}),
    ]),
    "Momentum": (keras_sgd, [({"momentum": 0.9}, {})]),
    "Nesterov": (keras_sgd, [({"momentum": 0.9, "nesterov": True}, {})]),
    "Adagrad": (keras_adagrad, [({}, {}), ({"lr": 0.5, "initial": 0.0, "eps": 1e-2}, {"initial_accumulator_value": 0.0, "eps": 1e-2})]),
    "RMSprop": (keras_rmsprop, [
        ({}, {}),
        ({"centered": True}, {"centered": True}),
        ({"momentum": 0.9, "rho": 0.99}, {"momentum": 0.9, "alpha": 0.99}),
        ({"lr": 0.01, "momentum": 0.5, "centered": True, "eps": 1e-3}, {"momentum": 0.5, "centered": True, "eps": 1e-3}),
    ]),
    "Adadelta": (keras_adadelta, [({}, {}), ({"lr": 1.0, "rho": 0.9}, {"rho": 0.9})]),
    "Adam": (keras_adam, [({}, {}), ({"lr": 0.1, "beta_1": 0.5, "beta_2": 0.9, "eps": 1e-2}, {"betas": (0.5, 0.9), "eps": 1e-2}), ({"amsgrad": True}, {"amsgrad": True})]),
    "AMSGrad": (keras_adam, [({"amsgrad": True}, {})]),
    "AdamW": (keras_decayed(keras_adam, 0.004), [({"lr": 1e-3}, {}), ({"lr": 0.1}, {})]),
    "Adamax": (keras_adamax, [({}, {}), ({"lr": 0.1, "eps": 0.1}, {"eps": 0.1})]),
    "NAdam": (keras_nadam, [({}, {}), ({"lr": 0.1, "beta_1": 0.8}, {"betas": (0.8, 0.999)})]),
    "Lion": (keras_lion, [({}, {}), ({"lr": 0.01, "beta_1": 0.5}, {"betas": (0.5, 0.99)})]),
}  # fmt: skip


def test_every_rule_of_the_convention_has_its_formula():
    assert set(KERAS) == set(PRESETS["keras"])
    assert set(SCRATCH) == set(PRESETS["scratch"])


@pytest.mark.parametrize("name", KERAS)
def test_keras(name):
    formula, rows = KERAS[name]
    for its, options in rows:
        options = {**options, **({"learning_rate": its["lr"]} if "lr" in its else {})}
        compare(ours(name, 100, convention="keras", **options), follow(formula, 100, **its), 1e-10, f"{name} {its}")


@pytest.mark.parametrize("name", KERAS)
def test_keras_weight_decay_is_decoupled(name):
    formula, rows = KERAS[name]
    base = keras_adam if name == "AdamW" else formula
    its, options = rows[-1]
    its = {**its, "lr": 0.05}
    found = ours(name, 60, convention="keras", weight_decay=0.2, **{**options, "learning_rate": 0.05})
    compare(found, follow(keras_decayed(base, 0.2), 60, **its), 1e-10, name)


# -- optax -------------------------------------------------------------------------------------------------------------
def optax_sgd(p, g, s, t, lr, momentum=0.0, nesterov=False):
    if not momentum:
        return p - lr * g
    trace = s["trace"] = g + momentum * s.get("trace", 0)
    return p - lr * (g + momentum * trace if nesterov else trace)


def optax_adam_direction(g, s, t, b1, b2, eps, eps_root):
    m = s["mu"] = (1 - b1) * g + b1 * s.get("mu", 0)
    v = s["nu"] = (1 - b2) * g**2 + b2 * s.get("nu", 0)
    return m / (1 - b1**t) / (sqrt(v / (1 - b2**t) + eps_root) + eps)


def optax_adam(p, g, s, t, lr, b1=0.9, b2=0.999, eps=1e-8, eps_root=0.0):
    return p - lr * optax_adam_direction(g, s, t, b1, b2, eps, eps_root)


def optax_adamw(p, g, s, t, lr, b1=0.9, b2=0.999, eps=1e-8, weight_decay=1e-4):
    return p - lr * (optax_adam_direction(g, s, t, b1, b2, eps, 0) + weight_decay * p)


def optax_adamax(p, g, s, t, lr, b1=0.9, b2=0.999, eps=1e-8):
    m = s["mu"] = (1 - b1) * g + b1 * s.get("mu", 0)
    u = s["nu"] = np.maximum(np.abs(g) + eps, b2 * s.get("nu", 0))
    return p - lr * m / (1 - b1**t) / u


def optax_adadelta(p, g, s, t, lr, rho=0.9, eps=1e-6):
    e_g = s["e_g"] = (1 - rho) * g**2 + rho * s.get("e_g", 0)
    step = sqrt(s.get("e_x", 0) + eps) / sqrt(e_g + eps) * g
    s["e_x"] = (1 - rho) * step**2 + rho * s.get("e_x", 0)
    return p - lr * step


def optax_adagrad(p, g, s, t, lr, initial=0.1, eps=1e-7):
    total = s["sum"] = s.get("sum", initial) + g**2
    return p - lr * g / sqrt(total + eps)


def optax_rmsprop(p, g, s, t, lr, decay=0.9, eps=1e-8, eps_in_sqrt=True, centered=False, momentum=None):
    nu = s["nu"] = (1 - decay) * g**2 + decay * s.get("nu", 0)
    if centered:
        mu = s["mu"] = (1 - decay) * g + decay * s.get("mu", 0)
        nu = nu - mu**2
    step = lr * (g / sqrt(nu + eps) if eps_in_sqrt else g / (sqrt(nu) + eps))
    if momentum is None:
        return p - step
    s["trace"] = step + momentum * s.get("trace", 0)
    return p - s["trace"]


def optax_lion(p, g, s, t, lr, b1=0.9, b2=0.99, weight_decay=1e-3):
    m = s.get("mu", 0)
    s["mu"] = (1 - b2) * g + b2 * m
    return p - lr * (sign((1 - b1) * g + b1 * m) + weight_decay * p)


def norm(x):
    return sqrt(np.sum(x * x))


def optax_lamb(p, g, s, t, lr, b1=0.9, b2=0.999, eps=1e-6, weight_decay=0.0):
    u = optax_adam_direction(g, s, t, b1, b2, eps, 0) + weight_decay * p
    return p - lr * (norm(p) / norm(u) if norm(p) and norm(u) else 1) * u


def optax_lars(p, g, s, t, lr, trust_coefficient=1e-3, eps=0.0, momentum=0.9):
    ratio = trust_coefficient * norm(p) / (norm(g) + eps) if norm(p) and norm(g) else 1
    s["trace"] = lr * ratio * g + momentum * s.get("trace", 0)
    return p - s["trace"]


def optax_radam(p, g, s, t, lr, b1=0.9, b2=0.999, threshold=5.0):
    """With eps = 0: optax adds it to the corrected root, PyTorch and this library to the uncorrected one."""
    m = s["mu"] = (1 - b1) * g + b1 * s.get("mu", 0)
    v = s["nu"] = (1 - b2) * g**2 + b2 * s.get("nu", 0)
    most = 2 / (1 - b2) - 1
    ro = most - 2 * t * b2**t / (1 - b2**t)
    m_hat, v_hat = m / (1 - b1**t), v / (1 - b2**t)
    if ro < threshold:
        return p - lr * m_hat
    return p - lr * sqrt((ro - 4) * (ro - 2) * most / ((most - 4) * (most - 2) * ro)) * m_hat / sqrt(v_hat)


# (optax's name, its formula, its options, our rule, our options)
OPTAX = [
    ("sgd", optax_sgd, {"lr": 0.1}, "SGD", {}),
    ("sgd", optax_sgd, {"lr": 0.1, "momentum": 0.9}, "SGD", {"momentum": 0.9}),
    ("sgd", optax_sgd, {"lr": 0.1, "momentum": 0.9, "nesterov": True}, "SGD", {"momentum": 0.9, "nesterov": True}),
    ("adam", optax_adam, {"lr": 0.01}, "Adam", {}),
    ("adam", optax_adam, {"lr": 0.01, "eps": 0.0, "eps_root": 1e-3}, "Adam", {"eps": 1e-3, "eps_at": "inside"}),
    ("adamw", optax_adamw, {"lr": 0.01, "weight_decay": 0.1}, "AdamW", {"weight_decay": 0.1}),
    ("adamax", optax_adamax, {"lr": 0.01}, "Adamax", {}),
    ("adadelta", optax_adadelta, {"lr": 1.0}, "Adadelta", {}),
    ("adagrad", optax_adagrad, {"lr": 0.1}, "Adagrad", {"initial_accumulator_value": 0.1, "eps": 1e-7, "eps_inside": True}),
    ("rmsprop", optax_rmsprop, {"lr": 0.01}, "RMSprop", {"alpha": 0.9, "eps_inside": True}),
    ("rmsprop", optax_rmsprop, {"lr": 0.01, "eps_in_sqrt": False}, "RMSprop", {"alpha": 0.9}),
    ("rmsprop", optax_rmsprop, {"lr": 0.01, "centered": True}, "RMSprop", {"alpha": 0.9, "eps_inside": True, "centered": True}),
    ("rmsprop", optax_rmsprop, {"lr": 0.01, "momentum": 0.9}, "RMSprop", {"alpha": 0.9, "eps_inside": True, "momentum": 0.9, "velocity": "scratch"}),
    ("lion", optax_lion, {"lr": 0.01, "weight_decay": 0.1}, "Lion", {"weight_decay": 0.1}),
    ("lamb", optax_lamb, {"lr": 0.1, "weight_decay": 0.1}, "LAMB", {"weight_decay": 0.1}),
    ("lars", optax_lars, {"lr": 10.0, "trust_coefficient": 0.01}, "LARS", {"trust_coefficient": 0.01, "eps": 0.0}),
    ("radam", optax_radam, {"lr": 0.01}, "RAdam", {"eps": 0.0}),
]  # fmt: skip


@pytest.mark.parametrize("row", [pytest.param(r, id=f"{r[0]}-{i}") for i, r in enumerate(OPTAX)])
def test_optax(row):
    name, formula, its, rule, options = row
    compare(ours(rule, 100, lr=its["lr"], **options), follow(formula, 100, **its), 1e-10, name)


# -- Deep Learning from Scratch ----------------------------------------------------------------------------------------
def scratch_sgd(p, g, s, t, lr=0.01):
    return p - lr * g


def scratch_momentum(p, g, s, t, lr=0.01, momentum=0.9):
    s["v"] = momentum * s.get("v", 0) - lr * g
    return p + s["v"]


def scratch_nesterov(p, g, s, t, lr=0.01, momentum=0.9):
    """In the shifted variables of Bengio, Boulanger-Lewandowski and Pascanu (2013), from the velocity before the step:
    p + momentum^2 v - (1 + momentum) lr g."""
    v = s.get("v", 0)
    s["v"] = momentum * v - lr * g
    return p + momentum * momentum * v - (1 + momentum) * lr * g


def scratch_adagrad(p, g, s, t, lr=0.01):
    s["h"] = s.get("h", 0) + g * g
    return p - lr * g / (sqrt(s["h"]) + 1e-7)


def scratch_rmsprop(p, g, s, t, lr=0.01, decay_rate=0.99):
    s["h"] = decay_rate * s.get("h", 0) + (1 - decay_rate) * g * g
    return p - lr * g / (sqrt(s["h"]) + 1e-7)


def scratch_adam(p, g, s, t, lr=0.001, beta1=0.9, beta2=0.999):
    rate = lr * math.sqrt(1 - beta2**t) / (1 - beta1**t)
    m, v = s.get("m", 0), s.get("v", 0)
    m, v = s["m"], s["v"] = m + (1 - beta1) * (g - m), v + (1 - beta2) * (g**2 - v)
    return p - rate * m / (sqrt(v) + 1e-7)


SCRATCH = {
    "SGD": scratch_sgd,
    "Momentum": scratch_momentum,
    "Nesterov": scratch_nesterov,
    "Adagrad": scratch_adagrad,
    "RMSprop": scratch_rmsprop,
    "Adam": scratch_adam,
}


@pytest.mark.parametrize("name", SCRATCH)
def test_scratch_on_dicts_of_arrays(name):
    for options in ({}, {"lr": 0.1}):
        params, gradients = draw(100)
        held = dict(params)
        optimizer = RULES[name](convention="scratch", **options)
        for several in gradients:
            optimizer.update(params, several)
        assert all(params[k] is held[k] for k in params), "in place"
        compare(params, follow(SCRATCH[name], 100, **options), 1e-10, name)


ROWS = [("SGD", 0.95), ("Momentum", 0.1), ("Adagrad", 1.5), ("Adam", 0.3)]


@pytest.mark.parametrize(("name", "lr"), ROWS)
def test_the_books_valley(name, lr):
    """f(x, y) = x^2 / 20 + y^2 from (-7, 2), thirty steps, with the book's rates: numbers of arrays, or plain."""

    def slope(x, y):
        return {"x": x / 10, "y": 2 * y}

    found, plain = {"x": np.array(-7.0), "y": np.array([2.0])}, {"x": -7.0, "y": 2.0}
    expected, states = {"x": -7.0, "y": 2.0}, {"x": {}, "y": {}}
    optimizer, other = (RULES[name](lr=lr, convention="scratch") for _ in range(2))
    for t in range(1, 31):
        optimizer.update(found, slope(**found))
        other.update(plain, slope(**plain))
        g = slope(**expected)
        expected = {k: SCRATCH[name](expected[k], g[k], states[k], t, lr=lr) for k in expected}
        for k, e in expected.items():
            assert abs(found[k].item() - e) <= 1e-12 * max(1, abs(e)), (name, t, k)
            assert plain[k] == found[k].item()
            assert type(plain[k]) is float
    assert found["x"].shape == ()
    assert abs(expected["x"]) < 7
    assert abs(expected["y"]) < 2
