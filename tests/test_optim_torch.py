"""Every update rule and option that PyTorch also has, against PyTorch: 100 steps, several tensors, some without gradient.

In float64 the paths agree to 1e-10. In float32 both are compared with the float64 path: our error may be at most twice
PyTorch's own. Gradients are drawn beforehand, so that both sides see the same numbers. PyTorch keeps some numbers of a
step (ASGD's eta and mu, NAdam's product) in tensors of its default dtype, which is float64 here where float64 is meant:
with float32 its own path in float64 would be true to 1e-8 only.
"""

import copy
import importlib.util

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.optim import RULES
from fastgrad.testing import assert_bits

RTOL = 1e-10
STEPS = 100
SHAPES = ((3,), (4, 5), (), (1,), (200,), (2, 1, 3))
torch = None
if importlib.util.find_spec("torch") is not None:
    import torch


@pytest.fixture(autouse=True)
def float64_is_the_default():
    """Of PyTorch, for the numbers that it keeps in tensors."""
    if torch is None:
        yield
        return
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed: nothing to compare with")

DECAY = {"weight_decay": 0.1}
# Rule -> options, each given to both libraries by the same names.
TABLE = {
    "SGD": [
        {"lr": 0.1},
        {"lr": 0.1, **DECAY},
        {"lr": 0.1, "momentum": 0.9},
        {"lr": 0.1, "momentum": 0.9, "dampening": 0.5},
        {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, **DECAY, "maximize": True},
        {"lr": 0.1, "momentum": 0.9, "nesterov": True},
        {"lr": 0.1, "momentum": 0.9, "nesterov": True, **DECAY, "maximize": True},
        {"lr": 0.01, "momentum": 1.0},
    ],
    "Adagrad": [
        {},
        {"lr": 0.1, "lr_decay": 0.1},
        {"lr": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-3},
        {"lr": 0.1, "lr_decay": 0.01, "initial_accumulator_value": 0.1, **DECAY, "maximize": True},
    ],
    "RMSprop": [
        {},
        {"centered": True},
        {"momentum": 0.9},
        {"centered": True, "momentum": 0.9, "alpha": 0.9, "eps": 1e-4},
        {**DECAY},
        {"centered": True, "momentum": 0.5, **DECAY, "maximize": True},
    ],
    "Adadelta": [{}, {"lr": 0.5, "rho": 0.95, "eps": 1e-4}, {**DECAY, "maximize": True}],
    "Adam": [
        {},
        {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3},
        {"betas": (0.0, 0.0)},
        {"amsgrad": True},
        {**DECAY},
        {**DECAY, "amsgrad": True, "maximize": True},
        {**DECAY, "decoupled_weight_decay": True},
        {**DECAY, "decoupled_weight_decay": True, "amsgrad": True, "maximize": True},
    ],
    "AdamW": [{}, {"lr": 0.1, "weight_decay": 0.5, "amsgrad": True}, {"maximize": True, "betas": (0.8, 0.95)}],
    "Adamax": [{}, {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3}, {**DECAY, "maximize": True}],
    "NAdam": [
        {},
        {"lr": 0.1, "momentum_decay": 1.0, "betas": (0.8, 0.9)},
        {**DECAY, "maximize": True},
        {**DECAY, "decoupled_weight_decay": True},
    ],
    "RAdam": [
        {},
        {"lr": 0.1, "betas": (0.5, 0.9)},
        {**DECAY, "maximize": True},
        {**DECAY, "decoupled_weight_decay": True},
    ],
    "Rprop": [{}, {"lr": 0.1, "etas": (0.3, 1.5), "step_sizes": (1e-3, 1.0)}, {"maximize": True}],
    "ASGD": [
        {},
        {"lr": 0.1, "lambd": 0.1, "t0": 20, "alpha": 0.5},
        {"lr": 0.1, "t0": 0, **DECAY},
        {"lr": 0.1, "t0": 50, **DECAY, "maximize": True},
    ],
}
# Rules of ours that PyTorch does not have, or has only in another form.
OWN = {"Momentum", "Nesterov", "NormalizedGD", "Lion", "AMSGrad", "LARS", "LAMB", "Adafactor", "Muon"}

ROWS = [pytest.param(name, o, id=f"{name}-{i}") for name, several in TABLE.items() for i, o in enumerate(several)]
every_row = pytest.mark.parametrize(("name", "options"), ROWS)
first_rows = pytest.mark.parametrize(("name", "options"), [(name, several[-1]) for name, several in TABLE.items()])


def draw(steps=STEPS, shapes=SHAPES, seed=11):
    """Parameters, and for each step a gradient of each, or None."""
    rng = np.random.Generator(np.random.Philox(seed))
    start = [rng.standard_normal(s) for s in shapes]
    scale = [10.0 ** rng.uniform(-2, 1, s) for s in shapes]
    gradients = []
    for t in range(steps):
        drawn = [np.asarray(k * (rng.standard_normal(s) + 0.3)) for k, s in zip(scale, shapes, strict=True)]
        gradients.append([None if (t + 2 * i) % 7 == 3 else g for i, g in enumerate(drawn)])
    return start, gradients


def mine(arrays, dtype="float64"):
    return [fg.from_numpy(np.array(a, dtype)).requires_grad_() for a in arrays]


def theirs(arrays, dtype="float64"):
    return [torch.tensor(np.array(a, dtype), requires_grad=True) for a in arrays]


def walk(m, optimizer, params, gradients, between=None):
    """Steps on gradients; `m` is fastgrad or torch."""
    for t, several in enumerate(gradients):
        if between:
            between(optimizer, t)
        for p, g in zip(params, several, strict=True):
            kind = p.data.dtype if m is fg else p.detach().numpy().dtype
            p.grad = None if g is None else m.from_numpy(np.array(g, kind))
        optimizer.step()


def numbers(params):
    give = {fg.Tensor: lambda p: p.data, np.ndarray: lambda p: p}
    return [np.array(give.get(type(p), lambda p: p.detach().numpy())(p)) for p in params]


def difference(found, expected):
    """The largest difference, relative to the number itself or, where that is small, to its tensor's typical size."""
    worst = 0.0
    for a, b in zip(numbers(found), numbers(expected), strict=True):
        size = np.maximum(np.abs(b), np.sqrt(np.mean(b * b)))
        worst = max(worst, float(np.max(np.abs(a - b) / np.where(size == 0, 1, size))))
    return worst


def check(found, expected, what=""):
    worst = difference(found, expected)
    assert worst < RTOL, f"{what}: differs from PyTorch by {worst:.2g}"


def test_every_rule_is_compared():
    assert not set(TABLE) & OWN
    assert set(RULES) <= set(TABLE) | OWN, "neither compared nor listed"
    if torch is not None:
        assert not {n for n in OWN - {"Adafactor", "Muon"} if hasattr(torch.optim, n)}


# -- parameters --------------------------------------------------------------------------------------------------------
def both(name, options):
    """Both optimizers after the walk, and their parameters."""
    start, gradients = draw()
    a, b = mine(start), theirs(start)
    one, other = RULES[name](a, **options), getattr(torch.optim, name)(b, **options)
    walk(fg, one, a, gradients)
    walk(torch, other, b, gradients)
    return one, other, a, b


@needs_torch
@every_row
def test_float64_is_pytorchs(name, options):
    one, other, a, b = both(name, options)
    check(a, b, f"{name} {options}")
    assert difference(a, theirs(draw()[0])) > 1e-3, "the parameters have moved"
    for p, q in zip(a, b, strict=True):
        for key, value in other.state[q].items():
            slot = one.torch_names.get(key, key)
            if slot is not None and value is not None:
                check([np.asarray(one.state[p][slot])], [value.numpy()], f"{name} {options}: {key}")


def float32_errors(name, options):
    """The root mean square errors of both libraries' float32 paths, PyTorch's float64 path of the same numbers the
    truth."""
    start, gradients = draw(shapes=((40, 50), (2000,), (13, 7)))
    start = [x.astype("float32") for x in start]
    gradients = [[None if g is None else g.astype("float32") for g in several] for several in gradients]
    paths = {"mine": mine(start, "float32"), "theirs": theirs(start, "float32"), "truth": theirs(start)}
    for side, params in paths.items():
        torch.set_default_dtype(torch.float64 if side == "truth" else torch.float32)
        m, rule = (fg, RULES[name]) if side == "mine" else (torch, getattr(torch.optim, name))
        walk(m, rule(params, **options), params, gradients)
    flat = {k: np.concatenate([x.ravel().astype("float64") for x in numbers(v)]) for k, v in paths.items()}
    return [float(np.sqrt(np.mean((flat[side] - flat["truth"]) ** 2))) for side in ("mine", "theirs")]


@needs_torch
@every_row
def test_float32_errs_no_more_than_twice_as_much_as_pytorch(name, options):
    error, bar = float32_errors(name, options)
    assert 0 < error <= 2 * bar, f"{name} {options}: error {error:.3g}, PyTorch's {bar:.3g}"


# -- states ------------------------------------------------------------------------------------------------------------
def as_arrays(saved):
    """A state_dict with NumPy arrays in the place of tensors."""
    if isinstance(saved, dict):
        return {k: as_arrays(v) for k, v in saved.items()}
    if isinstance(saved, (list, tuple)):
        return type(saved)(map(as_arrays, saved))
    return saved.numpy() if torch.is_tensor(saved) else saved


@needs_torch
@pytest.mark.parametrize("form", ["tensors", "arrays"])
@every_row
def test_goes_on_from_pytorchs_state(name, options, form):
    start, gradients = draw()
    b = theirs(start)
    other = getattr(torch.optim, name)(b, **options)
    walk(torch, other, b, gradients[:37])
    saved = copy.deepcopy(other.state_dict())
    a = mine(numbers(b))
    optimizer = RULES[name](a, lr=123.0)
    optimizer.load_state_dict(saved if form == "tensors" else as_arrays(saved))
    walk(fg, optimizer, a, gradients[37:])
    walk(torch, other, b, gradients[37:])
    check(a, b, f"{name} {options}")


@needs_torch
def test_a_state_in_another_layout_of_memory():
    """A channels-last parameter of PyTorch has moments that are not C-contiguous."""
    rng = np.random.Generator(np.random.Philox(5))
    x, g = rng.standard_normal((2, 2, 3, 4, 5))
    b = torch.tensor(x).contiguous(memory_format=torch.channels_last).requires_grad_()
    other = torch.optim.Adam([b], lr=0.1)
    b.grad = torch.tensor(g).contiguous(memory_format=torch.channels_last)
    other.step()
    assert not other.state[b]["exp_avg"].is_contiguous()
    (a,) = mine([b.detach().numpy()])
    a = fg.from_numpy(np.ascontiguousarray(a.data)).requires_grad_()
    optimizer = fg.optim.Adam([a], lr=0.1)
    optimizer.load_state_dict(other.state_dict())
    a.grad = fg.from_numpy(g)
    optimizer.step()
    other.step()
    check([a], [b])


@every_row
def test_our_state_goes_round(name, options):
    start, gradients = draw(60)
    a, b = mine(start), mine(start)
    straight, before = RULES[name](a, **options), RULES[name](b, **options)
    walk(fg, straight, a, gradients)
    walk(fg, before, b, gradients[:31])
    saved = before.state_dict()
    walk(fg, before, b, gradients[31:40])  # what was saved is a copy
    c = mine(start)
    again = RULES[name](c, **options)
    walk(fg, again, c, gradients[:31])
    after = RULES[name](c, lr=123.0)
    after.load_state_dict(saved)
    assert str(after.state_dict()) == str(saved)
    walk(fg, after, c, gradients[31:])
    for x, y in zip(numbers(c), numbers(a), strict=True):
        assert_bits(x, y, name)


# -- groups, closures, a rate that changes -----------------------------------------------------------------------------
@needs_torch
@first_rows
def test_groups_with_options_of_their_own(name, options):
    start, gradients = draw()
    other = {"etas": (0.7, 1.1)} if name == "Rprop" else {"lr": 0.03, "weight_decay": 0.2}
    paths = []
    for m, params, rule in ((fg, mine(start), RULES[name]), (torch, theirs(start), getattr(torch.optim, name))):
        optimizer = rule([{"params": params[:2]}, {"params": params[2:4], **other}], **options)
        few = [[*g[:4], *[None] * (len(g) - 4)] for g in gradients[:25]]
        walk(m, optimizer, params, few)
        optimizer.add_param_group({"params": params[4], "lr": 0.02})
        optimizer.add_param_group({"params": params[5:]})
        walk(m, optimizer, params, gradients[25:])
        paths.append(params)
    check(*paths, f"{name} {options}")


@needs_torch
@pytest.mark.parametrize(("name", "options"), [(n, s[-1]) for n, s in TABLE.items() if n != "ASGD"])
def test_a_rate_that_changes(name, options):
    start, gradients = draw()

    def between(optimizer, t):
        if t in (20, 21, 50):
            optimizer.param_groups[0]["lr"] = 0.5 / t

    a, b = mine(start), theirs(start)
    walk(fg, RULES[name](a, **options), a, gradients, between)
    walk(torch, getattr(torch.optim, name)(b, **options), b, gradients, between)
    check(a, b, f"{name} {options}")


@needs_torch
def test_a_rate_that_changes_counts_one_step_later_in_pytorchs_asgd():
    """PyTorch computes the next step's eta at the end of a step, so that a new lr acts one step late; here at once."""
    start, _ = draw(1)
    _, gradients = draw()
    gradients = [[np.ones(p.shape) if g is None else g for p, g in zip(start, s, strict=True)] for s in gradients]
    options = {"lr": 0.1, "lambd": 0.1, "t0": 20}

    def at(when):
        def between(optimizer, t):
            if t == when:
                optimizer.param_groups[0]["lr"] = 0.02

        return between

    a, b, c = mine(start), theirs(start), theirs(start)
    walk(fg, fg.optim.ASGD(a, **options), a, gradients, at(50))
    walk(torch, torch.optim.ASGD(b, **options), b, gradients, at(49))
    walk(torch, torch.optim.ASGD(c, **options), c, gradients, at(50))
    check(a, b)
    assert difference(a, c) > 1e-6


@needs_torch
def test_options_switched_midway():
    start, gradients = draw()

    def between(optimizer, t):
        group = optimizer.param_groups[0]
        if t == 30:
            group.update(weight_decay=0.1, betas=(0.8, 0.99))
        elif t == 60:
            group.update(weight_decay=0.0, maximize=True)

    a, b = mine(start), theirs(start)
    walk(fg, fg.optim.Adam(a, lr=0.01), a, gradients, between)
    walk(torch, torch.optim.Adam(b, lr=0.01), b, gradients, between)
    check(a, b)


@needs_torch
@first_rows
def test_closures_on_a_real_loss(name, options):
    """The gradient depends on the parameters: rounding may come back, and shrinks where the rule converges."""
    x = np.random.Generator(np.random.Philox(2)).standard_normal((8, 3))
    y = np.sin(3 * x.sum(1)) + 0.4
    options = {k: v for k, v in options.items() if k != "maximize"}
    paths = []
    for m in (fg, torch):
        make = mine if m is fg else theirs
        w, b = make([np.array([0.5, -0.2, 0.1]), np.array(0.3)])
        rule = RULES[name] if m is fg else getattr(torch.optim, name)
        optimizer, losses = rule([w, b], **options), []

        def closure(m=m, w=w, b=b, optimizer=optimizer):
            optimizer.zero_grad()
            r = m.tanh(m.from_numpy(x) @ w + b) - m.from_numpy(y)
            loss = (r * r).mean()
            loss.backward()
            return loss

        with m.no_grad():  # a closure records all the same
            losses = [optimizer.step(closure).item() for _ in range(STEPS)]
        paths.append(([w, b], losses))
    (a, found), (b, expected) = paths
    check(a, b, f"{name} {options}")
    np.testing.assert_allclose(found, expected, rtol=RTOL)
