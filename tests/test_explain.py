"""What an optimizer tells of itself is what it does: the last number of an explanation is that of the step."""

import math

import numpy as np
import pytest
from rule_formulas import FORMULAS

import fastgrad as fg
from fastgrad import kernels
from fastgrad.optim import RULES
from fastgrad.testing import assert_bits

OPTIONS = [
    pytest.param(name, options, id=f"{name}-{i}")
    for name, (_, several) in FORMULAS.items()
    for i, options in enumerate(several)
]
WHOLE = {name for name, rule in RULES.items() if rule.composite}  # have no terms of one number
every_rule = pytest.mark.parametrize(("name", "options"), OPTIONS)
SHARED = [
    {"weight_decay": 0.1},
    {"weight_decay": 0.1, "decoupled_weight_decay": True},
    {"l1": 0.01},
    {"l1": 0.3, "proximal": True},
    {"maximize": True},
    {"clip_value": 0.5, "clip_norm": None},
    {"clip_value": 0.5, "clip_norm": None, "maximize": True, "l1": 0.1, "weight_decay": 0.3},
    {"clip_norm": 0.5, "clip_form": "scale"},
    {"clip_norm": 50.0, "clip_form": "scale"},
    {"clip_norm": 0.5, "clip_form": "unit", "maximize": True},
    {"clip_norm": 1.0, "clip_form": "normalize"},
    {"clip_norm": 1.0, "clip_form": "normalize_each"},
    {"ema": 0.9},
    {"zero": True},
    {"nonfinite": "skip"},
    {
        "nonfinite": "raise", "clip_norm": 0.5, "clip_form": "scale", "weight_decay": 0.1, "l1": 0.01, "proximal": True,
        "ema": 0.99, "zero": True, "maximize": True, "decoupled_weight_decay": True,
    },
]  # fmt: skip


def leaf(array):
    return fg.from_numpy(np.array(array)).requires_grad_()


def bits_of(optimizer):
    """Everything that an explanation must leave as it is."""
    found = [optimizer.iterations, optimizer.stepped, optimizer.report.tolist(), len(optimizer.state)]
    for group in optimizer.param_groups:
        found.append(repr({k: v for k, v in group.items() if k != "params"}))
        for p in group["params"]:
            own = optimizer.state.get(p, {})
            arrays = [p.data, None if p.grad is None else p.grad.data, *own.values()]
            found += [a.tobytes() if isinstance(a, np.ndarray) else a for a in arrays]
    return found


def walk(optimizer, params, rng, steps=4):
    """Steps, each explained before it is made, for one element of every parameter."""
    for k in range(steps):
        for p in params:
            p.grad = fg.from_numpy(
                np.asarray(rng.standard_normal(p.shape) * 10.0 ** rng.integers(-2, 1)).astype(p.dtype)
            )
        before = bits_of(optimizer)
        places = [tuple(int(rng.integers(n)) for n in p.shape) for p in params]
        told = [optimizer.explain(i, place) for i, place in enumerate(places)]
        assert bits_of(optimizer) == before, "an explanation changes nothing"
        optimizer.step()
        if k == steps // 2:
            optimizer.param_groups[0]["lr"] *= 0.5
        for p, place, text in zip(params, places, told, strict=True):
            what = f"{optimizer}, step {k}\n{text}"
            assert_bits(text.value, p.data[place], what)
            assert bool(text.terms) == (type(optimizer).__name__ not in WHOLE)
            assert text.value.dtype == p.dtype
            for slot, value in text.state.items():
                assert_bits(np.asarray(value), optimizer.state[p][slot][place], f"{slot} of {what}")
            assert str(text).endswith(f" -> {p.data[place]!s}"), what


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every_rule
def test_the_last_number_is_that_of_the_step(name, options, dtype, rng):
    params = [leaf(np.asarray(rng.standard_normal(s)).astype(dtype)) for s in ((3, 4), (5,), (), (40, 130))]
    params = [p for p in params if name != "Muon" or p.ndim == 2]
    walk(RULES[name](params, **options), params, rng)


@pytest.mark.parametrize("options", SHARED, ids=str)
@pytest.mark.parametrize("name", RULES)
def test_the_last_number_is_that_of_the_step_with_options(name, options, rng):
    if name in WHOLE:
        if options.get("l1") and not options.get("proximal"):
            pytest.skip(f"{name} has no gradient to add l1 to")
        options = {**options, "decoupled_weight_decay": True}
    params = [leaf(rng.standard_normal((2, 3)).astype(d)) for d in ("float32", "float64", "float32")]
    optimizer = RULES[name]([{"params": params[:1]}, {"params": params[1:], "lr": 0.03}], **options)
    walk(optimizer, params, rng, steps=3)


def test_an_explanation_can_be_wrong(monkeypatch, rng):
    """Another definition gives another number: the test above can fail."""
    from fastgrad.kernels import reference

    def wrong(p, g, lr):
        p -= lr * g + 1e-6

    monkeypatch.setattr(reference, "sgd", wrong)
    p = leaf(np.ones(1))
    with pytest.raises(AssertionError):
        walk(fg.optim.SGD([p], lr=0.1), [p], rng)


def test_late_steps_are_explained_too(rng):
    """RAdam's other formula, ASGD's mean, and a schedule."""
    for make in (
        lambda ps: fg.optim.RAdam(ps, betas=(0.9, 0.9)),
        lambda ps: fg.optim.ASGD(ps, t0=3),
        lambda ps: fg.optim.NAdam(ps, lr=fg.optim.schedules.Multiply(0.1, 0.9).per_step(1)),
        lambda ps: fg.optim.SGD(ps, lr=0.1, momentum=0.9, dampening=0.5),
    ):
        p = leaf(rng.standard_normal(3))
        optimizer = make([p])
        for _ in range(12):
            p.grad = fg.from_numpy(rng.standard_normal(3))
            text = optimizer.explain(p, 1)
            optimizer.step()
            assert_bits(text.value, p.data[1], str(text))


@pytest.mark.parametrize("special", [0.0, -0.0, math.inf, -math.inf, math.nan, 1e-310])
def test_special_numbers(special, rng):
    for name in set(RULES) - WHOLE:
        for kind in range(2):
            p = leaf(np.array([special if kind else 1.0, 2.0]))
            p.grad = fg.from_numpy(np.array([0.5 if kind else special, 0.25]))
            optimizer = RULES[name]([p], l1=0.1)
            text = optimizer.explain(p, 0)
            optimizer.step()
            assert_bits(text.value, p.data[0], str(text))


def test_by_hand():
    """p = 1, g = 0.5, after a step with g = 1: m = 0.9 0.1 + 0.1 0.5 = 0.14."""
    p = leaf(np.array([1.0]))
    optimizer = fg.optim.Adam([p], lr=0.1, weight_decay=0.01)
    p.grad = fg.from_numpy(np.array([1.0 - 0.01]))
    optimizer.step()
    p.data[...] = 1.0
    p.grad = fg.from_numpy(np.array([0.49]))
    text = optimizer.explain(p, 0)
    assert text.splitlines()[:5] == [
        "Adam, parameter 0 (1,) float64, element (0), step t = 2, lr = 0.1",
        "  p = 1, g = 0.49, m = 0.1, v = 0.001",
        "  g = g + weight_decay p = 0.49 + 0.01 * 1 = 0.5   (weight_decay: L2, in the gradient)",
        "  m = beta1 m + (1 - beta1) g = 0.9 * 0.1 + 0.1 * 0.5 = 0.14",
        "  v = beta2 v + (1 - beta2) g^2 = 0.999 * 0.001 + 0.001 * 0.5 * 0.5 = 0.001249",
    ]
    assert [term.name for term in text.terms] == ["g", "m", "v", "step", "root", "p"]


def test_what_clipping_finds(rng):
    p, q = leaf(np.zeros(2)), leaf(np.zeros(1, np.float32))
    p.grad, q.grad = fg.from_numpy(np.array([0.0, 3.0])), fg.from_numpy(np.float32([4.0]))
    text = fg.optim.SGD([p, q], lr=1.0, clip_norm=1.0).explain(0, 1)
    assert "  ||g|| = 5   (||g|| of all gradients together)\n" in text
    assert "  scale = clip_norm / ||g|| = 1 / 5 = 0.2\n  g = scale g = 0.2 * 3 = 0.6\n" in text
    text = fg.optim.SGD([p, q], lr=1.0, clip_norm=5.0).explain(0, 1)
    assert "||g|| = 5 <= clip_norm = 5: nothing is clipped" in text
    p.grad, q.grad = fg.from_numpy(np.zeros(2)), fg.from_numpy(np.zeros(1, np.float32))
    text = fg.optim.NormalizedGD([p, q]).explain(0, 1)
    assert "||g|| = 0: the gradient is 0" in text
    assert text.value == 0


# -- steps that are not made -------------------------------------------------------------------------------------------
def test_no_gradient_and_gradients_that_are_not_finite():
    p, q = leaf(np.ones(2)), leaf(np.ones(2))
    q.grad = fg.from_numpy(np.array([math.nan, 1.0]))
    for lang, words in (("en", "no gradient"), ("ko", "기울기가 없다")):
        text = fg.optim.Adam([p, q]).explain(p, 0, lang)
        assert words in text
        assert text.value == 1
    p.grad = fg.from_numpy(np.ones(2))
    for nonfinite, words in (("skip", "no step is made"), ("raise", "raises FloatingPointError")):
        optimizer = fg.optim.Adam([p, q], nonfinite=nonfinite)
        text = optimizer.explain(p, 0)
        assert words in text, "another parameter's gradient stops this one too"
        assert text.value == 1
        assert optimizer.state == {}


# -- names and places --------------------------------------------------------------------------------------------------
def test_a_parameter_by_name_position_or_itself():
    model = fg.nn.Sequential(fg.nn.Linear(2, 3), fg.nn.Linear(3, 1))
    optimizer = fg.optim.SGD(model.parameters(), lr=0.1)
    model(fg.ones(4, 2)).sum().backward()
    several = [
        optimizer.explain("1.weight", (0, 2), model=model),
        optimizer.explain(2, (0, 2)),
        optimizer.explain(-2, (-1, -1)),
        optimizer.explain(model[1].weight, [0, 2]),
    ]
    assert (
        several[0].splitlines()[0] == "SGD, parameter '1.weight' (1, 3) float32, element (0, 2), step t = 1, lr = 0.1"
    )
    assert len({text.value for text in several}) == len({text.split("\n", 1)[1] for text in several}) == 1
    for error, text, arguments in (
        (KeyError, "knows no parameter '1.weight'; give model=", ("1.weight", 0)),
        (KeyError, "knows no parameter 'w'; there are '0.weight'", ("w", 0, "en", model)),
        (IndexError, "parameter 4; there are 4", (4, 0)),
        (ValueError, "none of its parameters", (fg.ones(1), 0)),
        (IndexError, r"\(0, 3\) is no element of parameter 2, \(1, 3\)", (2, (0, 3))),
        (IndexError, r"\(0,\) is no element of parameter 2, \(1, 3\)", (2, 0)),
        (ValueError, "lang must be one of 'en', 'ko', not 'fr'", (2, (0, 0), "fr")),
    ):
        name, index, *rest = arguments
        given = dict(zip(("lang", "model"), rest, strict=False))
        with pytest.raises(error, match=text):
            optimizer.explain(name, index, **given)
    other = fg.nn.Linear(2, 2)
    with pytest.raises(ValueError, match="'weight' of the model is none"):
        optimizer.explain("weight", (0, 0), model=other)


@pytest.mark.parametrize("name", ["SGD", "Momentum", "Adam", "LARS"])
def test_optimizers_of_arrays(name, rng):
    params = {"W": rng.standard_normal((2, 3)), "b": rng.standard_normal(3).astype(np.float32)}
    optimizer = RULES[name](clip_norm=0.5)
    for k in range(3):
        grads = {key: rng.standard_normal(p.shape) for key, p in params.items() if k != 1 or key == "W"}
        before = {key: p.copy() for key, p in params.items()}
        given = {"params": params, "grads": grads} if k == 0 else {"grads": grads}
        told = {"W": optimizer.explain("W", (1, 2), **given), "b": optimizer.explain("b", 0, **given)}
        assert bool(optimizer._named) == (k > 0)
        for key, p in params.items():
            assert_bits(p, before[key])
        optimizer.update(params, grads)
        assert_bits(told["W"].value, params["W"][1, 2])
        assert_bits(told["b"].value, params["b"][0])
        assert "parameter 'W' (2, 3)" in told["W"]
    with pytest.raises(ValueError, match="explain takes what update would"):
        RULES[name]().explain("W", 0, grads=grads)


def test_it_is_refused_in_a_captured_step():
    w = fg.ones(1, requires_grad=True)
    optimizer = fg.optim.SGD([w], lr=0.1)

    def step(x):
        (w * x).sum().backward()
        optimizer.explain(w, 0)

    with pytest.raises(kernels.CaptureError, match="explain"):
        fg.capture(step)(fg.ones(1))


# -- rules of a whole tensor -------------------------------------------------------------------------------------------
class Halves(fg.optim.SGD):
    """Moves a tensor to half of its largest number.

    p = p - lr max(p) / 2

    Source: a test.
    """

    def launch(self, update, p, g):
        def call(*arrays):
            for a in arrays:
                a -= update.group["lr"] * a.max() / 2

        call(*p)


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_rules_of_a_matrix(name, rng):
    p = leaf(rng.standard_normal((3, 2)))
    p.grad = fg.from_numpy(rng.standard_normal((3, 2)))
    optimizer = RULES[name]([p], weight_decay=0.25)
    assert f"{name} moves a tensor as a whole" in optimizer.explain(p, (0, 0))
    assert "p = (1 - lr weight_decay) p" in optimizer.formula()
    assert "weight_decay = 0.25" in optimizer.formula()


def test_a_rule_without_terms_whose_step_is_refused():
    p = leaf(np.ones(2))
    p.grad = fg.from_numpy(np.array([math.nan, 1.0]))

    class Refusing(Halves):
        def launch(self, update, p, g):
            raise FloatingPointError

    text = Refusing([p], lr=0.5).explain(p, 0)
    assert "raises FloatingPointError" in text
    assert text.value == 1


def test_a_rule_without_terms_says_so():
    p = leaf(np.array([1.0, 2.0]))
    p.grad = fg.from_numpy(np.ones(2))
    optimizer = Halves([p], lr=0.5, weight_decay=0.1)
    before = bits_of(optimizer)
    text = optimizer.explain(p, 0)
    assert bits_of(optimizer) == before
    assert "Halves moves a tensor as a whole" in text
    assert "p = p - lr max(p) / 2" in text
    assert "텐서 전체를" in optimizer.explain(p, 0, "ko")
    optimizer.step()
    assert_bits(text.value, p.data[0])
    assert "weight_decay=0.1" in optimizer.formula()


# -- loading -------------------------------------------------------------------------------------------------------------
def test_importing_loads_none_of_it(python):
    code = "import sys, fastgrad; print([m for m in sys.modules if m.startswith('fastgrad.optim.')])"
    loaded = python(code)
    assert "optimizer" in loaded
    for name in ("explain", "formulas", "terms", "symbols", "words", "decay"):
        assert f"fastgrad.optim.{name}'" not in loaded
    assert "fastgrad.nn.utils" not in python("import sys, fastgrad; print(list(sys.modules))")
