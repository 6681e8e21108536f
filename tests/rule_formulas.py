"""The formulas of tests/test_optim.py: every update rule from its paper, a number at a time, or a tensor where it has norms."""

import math

import numpy as np


def sign(x):
    return float(x > 0) - float(x < 0)


def descend(
    p, g, state, t, *, lr=1e-3, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False, velocity="torch"
):
    """torch.optim.SGD's formula, and the velocities of other books."""
    g = g + weight_decay * p
    if not momentum:
        return p - lr * g
    before = state.get("v", 0.0)
    if velocity == "torch":
        v = state["v"] = g if t == 1 else momentum * before + (1 - dampening) * g
        return p - lr * (g + momentum * v if nesterov else v)
    if velocity == "lecture":
        m = state["v"] = momentum * before + lr * g
        return p - m
    if velocity == "scratch":
        v = state["v"] = momentum * before - lr * g
        return p + (momentum * v - lr * g if nesterov else v)
    v = state["v"] = momentum * before + (1 - momentum) * g
    return p - lr * v


def sgd(p, g, state, t, **options):
    return descend(p, g, state, t, **options)


def momentum(p, g, state, t, *, lr=1e-2, momentum=0.9, **options):
    return descend(p, g, state, t, lr=lr, momentum=momentum, **options)


def nesterov(p, g, state, t, *, lr=1e-2, momentum=0.9, **options):
    return descend(p, g, state, t, lr=lr, momentum=momentum, nesterov=True, **options)


def normalized(p, g, state, t, *, lr=1e-2, per_tensor=False, **options):
    norm = math.sqrt(float(np.sum(g * g)))
    return descend(p, g / norm if norm else g, state, t, lr=lr, **options)


def adagrad(
    p,
    g,
    state,
    t,
    *,
    lr=1e-2,
    lr_decay=0.0,
    weight_decay=0.0,
    initial_accumulator_value=0.0,
    eps=1e-10,
    eps_inside=False,
):
    """Duchi, Hazan and Singer (2011)."""
    g = g + weight_decay * p
    h = state["h"] = state.get("h", initial_accumulator_value) + g**2
    root = math.sqrt(h + eps) if eps_inside else math.sqrt(h) + eps
    return p - lr / (1 + (t - 1) * lr_decay) * g / root


def rmsprop(
    p, g, state, t, *, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False, eps_inside=False, velocity="torch"
):  # fmt: skip
    """Tieleman and Hinton (2012), Graves (2013)."""
    g = g + weight_decay * p
    v = state["v"] = alpha * state.get("v", 0.0) + (1 - alpha) * g**2
    if centered:
        state["m"] = alpha * state.get("m", 0.0) + (1 - alpha) * g
        v = max(v - state["m"] ** 2, 0)
    u = g / (math.sqrt(v + eps) if eps_inside else math.sqrt(v) + eps)
    if not momentum:
        return p - lr * u
    if velocity == "scratch":
        b = state["b"] = momentum * state.get("b", 0.0) + lr * u
        return p - b
    b = state["b"] = momentum * state.get("b", 0.0) + u
    return p - lr * b


def adadelta(p, g, state, t, *, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0.0):
    """Zeiler (2012), algorithm 1."""
    g = g + weight_decay * p
    v = state["v"] = rho * state.get("v", 0.0) + (1 - rho) * g**2
    d = math.sqrt(state.get("u", 0.0) + eps) / math.sqrt(v + eps) * g
    state["u"] = rho * state.get("u", 0.0) + (1 - rho) * d**2
    return p - lr * d


def rprop(p, g, state, t, *, lr=1e-2, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    """torch.optim.Rprop's formula."""
    turned = g * state.get("prev", 0.0)
    size = state.get("size", lr) * (etas[1] if turned > 0 else etas[0] if turned < 0 else 1)
    state["size"] = size = min(max(size, step_sizes[0]), step_sizes[1])
    state["prev"] = g = 0.0 if turned < 0 else g
    return p - sign(g) * size


def asgd(p, g, state, t, *, lr=1e-2, lambd=1e-4, alpha=0.75, t0=1e6, weight_decay=0.0):
    """torch.optim.ASGD's formula."""
    eta, mu = state.get("eta", lr), state.get("mu", 1)
    g = g + weight_decay * p
    p = p * (1 - lambd * eta) - eta * g
    state["ax"] = state.get("ax", 0.0) + (p - state.get("ax", 0.0)) * mu if mu != 1 else p
    state["eta"], state["mu"] = lr / (1 + lambd * lr * t) ** alpha, 1 / max(1, t - t0)
    return p


def lion(p, g, state, t, *, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
    """Chen et al. (2023), algorithm 2."""
    m = state.get("m", 0.0)
    state["m"] = betas[1] * m + (1 - betas[1]) * g
    return p - lr * (sign(betas[0] * m + (1 - betas[0]) * g) + weight_decay * p)


def moments(g, state, betas):
    m = state["m"] = betas[0] * state.get("m", 0.0) + (1 - betas[0]) * g
    v = state["v"] = betas[1] * state.get("v", 0.0) + (1 - betas[1]) * g * g
    return m, v


def adam(
    p, g, state, t, *, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, amsgrad=False, bias_correction=True, eps_at="root",
    decoupled_weight_decay=False,
):  # fmt: skip
    """Kingma and Ba (2015), algorithm 1; Reddi et al. (2018)."""
    if decoupled_weight_decay:
        p = p - lr * weight_decay * p
    else:
        g = g + weight_decay * p
    m, v = moments(g, state, betas)
    if amsgrad:
        v = state["vmax"] = max(state.get("vmax", 0.0), v)
    first, second = (1 - betas[0] ** t, 1 - betas[1] ** t) if bias_correction else (1, 1)
    if eps_at == "uncorrected":
        return p - lr * math.sqrt(second) / first * m / (math.sqrt(v) + eps)
    root = math.sqrt(v / second + eps) if eps_at == "inside" else math.sqrt(v / second) + eps
    return p - lr * (m / first) / root


def adamw(p, g, state, t, *, weight_decay=1e-2, **options):
    return adam(p, g, state, t, weight_decay=weight_decay, decoupled_weight_decay=True, **options)


def amsgrad(p, g, state, t, **options):
    return adam(p, g, state, t, amsgrad=True, **options)


def adamax(p, g, state, t, *, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, eps_outside=False):
    """Kingma and Ba (2015), algorithm 2."""
    g = g + weight_decay * p
    m = state["m"] = betas[0] * state.get("m", 0.0) + (1 - betas[0]) * g
    u = state["u"] = max(betas[1] * state.get("u", 0.0), abs(g) + (0 if eps_outside else eps))
    return p - lr / (1 - betas[0] ** t) * m / (u + eps if eps_outside else u)


def nadam(p, g, state, t, *, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, momentum_decay=4e-3):
    """Dozat (2016)."""
    g = g + weight_decay * p
    m, v = moments(g, state, betas)
    mu, after = (betas[0] * (1 - 0.5 * 0.96 ** (s * momentum_decay)) for s in (t, t + 1))
    product = state["product"] = state.get("product", 1.0) * mu
    root = math.sqrt(v / (1 - betas[1] ** t)) + eps
    return p - lr * (1 - mu) / (1 - product) * g / root - lr * after / (1 - product * after) * m / root


def radam(p, g, state, t, *, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
    """Liu et al. (2020), algorithm 2."""
    g = g + weight_decay * p
    m, v = moments(g, state, betas)
    most = 2 / (1 - betas[1]) - 1
    r = most - 2 * t * betas[1] ** t / (1 - betas[1] ** t)
    mhat = m / (1 - betas[0] ** t)
    if r <= 5:
        return p - lr * mhat
    rectify = math.sqrt((r - 4) * (r - 2) * most / ((most - 4) * (most - 2) * r))
    return p - lr * mhat * rectify * math.sqrt(1 - betas[1] ** t) / (math.sqrt(v) + eps)


def norm(x):
    return float(np.sqrt(np.sum(np.asarray(x, np.longdouble) ** 2)))


def lars(p, g, state, t, *, lr=1e-1, momentum=0.9, weight_decay=0.0, trust_coefficient=1e-3, eps=1e-8):
    """You, Gitman and Ginsburg (2017), algorithm 1."""
    ratio = trust_coefficient * norm(p) / (norm(g) + weight_decay * norm(p) + eps) if norm(p) and norm(g) else 1
    v = state["v"] = momentum * state.get("v", 0.0) + lr * ratio * (g + weight_decay * p)
    return p - v


def lamb(p, g, state, t, *, lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.0):
    """You et al. (2020), algorithm 2."""
    m, v = moments(g, state, betas)
    u = m / (1 - betas[0] ** t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps) + weight_decay * p
    return p - lr * (norm(p) / norm(u) if norm(p) and norm(u) else 1) * u


def muon(
    p, g, state, t, *, lr=1e-3, weight_decay=0.1, momentum=0.95, nesterov=True, ns_coefficients=(3.4445, -4.7750, 2.0315), eps=1e-7,
    ns_steps=5, adjust_lr_fn=None,
):  # fmt: skip
    """Jordan et al. (2024)."""
    a, b, c = ns_coefficients
    v = state["v"] = momentum * state.get("v", 0.0) + (1 - momentum) * g
    x = (1 - momentum) * g + momentum * v if nesterov else v
    rows, columns = x.shape
    x = x / max(norm(x), eps)
    for _ in range(ns_steps):
        x = a * x + b * (x @ x.T @ x) + c * (x @ x.T @ x @ x.T @ x)
    share = (
        0.2 * math.sqrt(max(rows, columns)) if adjust_lr_fn == "match_rms_adamw" else math.sqrt(max(1, rows / columns))
    )
    return p - lr * weight_decay * p - lr * share * x


def adafactor(p, g, state, t, *, lr=1e-2, beta2_decay=-0.8, eps=(None, 1e-3), d=1.0, weight_decay=0.0):
    """Shazeer and Stern (2018), in PyTorch's form."""
    eps1 = np.finfo(p.dtype).eps if eps[0] is None else eps[0]
    b, rho, n = t**beta2_decay, min(lr, 1 / math.sqrt(t)), math.sqrt(p.size)
    alpha = max(eps[1], norm(p) / n) * rho
    if p.ndim > 1:
        r, c = state.get("r", 0.0), state.get("c", 0.0)
        r = state["r"] = r + b * ((g * g).mean(axis=-1, keepdims=True) - r)
        c = state["c"] = c + b * ((g * g).mean(axis=-2, keepdims=True) - c)
        v = r * c / np.maximum(r.mean(axis=-2, keepdims=True), eps1)
    else:
        v = state["v"] = state.get("v", 0.0) + b * (g * g - state.get("v", 0.0))
    u = g / np.sqrt(np.maximum(v, eps1**2))
    return p - lr * weight_decay * p - alpha * u / max(1, norm(u) / (n * d))


MATRICES = {"Muon"}  # rules of matrices alone
WHOLE = {"NormalizedGD", "LARS", "LAMB", "Adafactor", "Muon"}  # formulas of a whole tensor

# Rule -> (its formula, options worth a run of their own). A rule without an entry fails the suite.
FORMULAS = {
    "SGD": (
        sgd,
        [
            {},
            {"lr": 0.1, "weight_decay": 0.1},
            {"lr": 0.1, "momentum": 0.9},
            {"lr": 0.1, "momentum": 0.5, "dampening": 0.3, "weight_decay": 0.01},
            {"lr": 0.1, "momentum": 0.9, "nesterov": True},
            {"lr": 0.1, "momentum": 0.9, "velocity": "scratch", "nesterov": True},
            {"lr": 0.01, "momentum": 1.0},
        ],
    ),
    "Momentum": (
        momentum,
        [
            {},
            {"lr": 0.1, "momentum": 0.99, "weight_decay": 0.1},
            {"nesterov": True},
            *({"velocity": v} for v in ("lecture", "scratch", "average")),
        ],
    ),
    "Nesterov": (nesterov, [{}, {"velocity": "scratch", "momentum": 0.5}]),
    "NormalizedGD": (normalized, [{}, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1}]),
    "Adagrad": (
        adagrad,
        [
            {},
            {"lr": 0.1, "eps": 1e-3, "weight_decay": 0.1, "lr_decay": 0.1},
            {"initial_accumulator_value": 0.1, "eps": 1e-7, "eps_inside": True},
        ],
    ),
    "RMSprop": (
        rmsprop,
        [
            {},
            {"centered": True, "weight_decay": 0.1, "alpha": 0.9},
            {"momentum": 0.9, "eps": 1e-4},
            {"momentum": 0.5, "centered": True, "eps_inside": True, "velocity": "scratch", "lr": 1e-3},
        ],
    ),
    "Adadelta": (adadelta, [{}, {"lr": 0.5, "rho": 0.95, "eps": 1e-7, "weight_decay": 0.1}]),
    "Rprop": (rprop, [{}, {"lr": 0.1, "etas": (0.3, 1.5), "step_sizes": (1e-3, 1.0)}]),
    "ASGD": (asgd, [{}, {"lr": 0.1, "lambd": 0.1, "t0": 20, "weight_decay": 0.1, "alpha": 0.5}]),
    "Lion": (lion, [{}, {"lr": 0.01, "betas": (0.5, 0.9), "weight_decay": 0.1}]),
    "Adam": (
        adam,
        [
            {},
            {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3},
            {"weight_decay": 0.1, "amsgrad": True},
            {"betas": (0.0, 0.0)},
            {"bias_correction": False},
            {"eps_at": "uncorrected", "eps": 1e-5},
            {"eps_at": "inside", "eps": 1e-5},
        ],
    ),
    "AdamW": (adamw, [{}, {"lr": 0.1, "weight_decay": 0.5, "amsgrad": True}]),
    "AMSGrad": (amsgrad, [{}, {"lr": 0.1, "betas": (0.5, 0.9)}]),
    "Adamax": (adamax, [{}, {"lr": 0.1, "weight_decay": 0.1, "eps": 1e-3}, {"eps_outside": True, "eps": 1e-7}]),
    "NAdam": (nadam, [{}, {"lr": 0.1, "weight_decay": 0.1, "momentum_decay": 1.0}]),
    "RAdam": (radam, [{}, {"lr": 0.1, "weight_decay": 0.1, "betas": (0.5, 0.9)}]),
    "LARS": (lars, [{}, {"lr": 1.0, "momentum": 0.5, "weight_decay": 0.1, "trust_coefficient": 0.1}]),
    "Muon": (
        muon,
        [{}, {"lr": 0.1, "momentum": 0.5, "nesterov": False, "adjust_lr_fn": "match_rms_adamw", "ns_steps": 3}],
    ),
    "Adafactor": (
        adafactor,
        [{}, {"lr": 0.1, "weight_decay": 0.1, "d": 2.0, "eps": (1e-10, 0.1), "beta2_decay": -0.5}],
    ),
    "LAMB": (lamb, [{}, {"lr": 0.1, "betas": (0.5, 0.9), "weight_decay": 0.1}]),
}
