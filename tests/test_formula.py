"""The formulas that optimizers tell: every line is read back and held against the step, every number against the kernel's."""

import math
import re

import numpy as np
import pytest
from test_explain import WHOLE, every_rule, leaf

import fastgrad as fg
from fastgrad.optim import RULES, formulas
from fastgrad.optim.symbols import symbols_of


@every_rule
def test_the_numbers_of_the_kernel_are_what_the_formula_says(name, options):
    """Every expression of NUMBERS, evaluated in the options, is what the rule gives its kernel."""
    if name in WHOLE:
        pytest.skip(f"{name} is several kernels")
    for extra in ({}, {"l1": 0.1, "proximal": True}, {"weight_decay": 0.2, "decoupled_weight_decay": True}):
        optimizer = RULES[name]([leaf(np.ones(2))], **{**options, **extra})
        group = optimizer.param_groups[0]
        for t in (1, 2, 3, 7, 30, 200):
            values = formulas.Definition(optimizer.kernel(group)).values(optimizer, group, t)
            known = formulas.own_options(group, t)
            several = formulas.of_rule(formulas.DEFINED, optimizer)
            for defined, text in several(group, t) if several else ():
                known[defined] = eval(text, {}, known)
            for number, text in formulas.symbols_for(optimizer, group, t, values).items():
                if number in ("maximize", "clip_form", "per_tensor", "nonfinite", "zero", "nesterov"):
                    continue
                assert eval(text, {"max": max}, known) == pytest.approx(values[number], rel=1e-15, abs=0), (
                    number,
                    text,
                    t,
                )


def evaluated(lines, known):
    """p after the lines of a formula, which are read back as Python."""
    for line in lines:
        target, text = line.strip().split(" = ", 1)
        text = re.sub(r"\|\|(\w)\|\|", r"norm_\1", re.split(r"\s{2,}", text)[0])
        text = re.sub(r"\|([^|]*)\|", r"abs(\1)", text).replace("^", "**")
        text = re.sub(
            r"^(.*) where (.*) else (.*) where (.*) else (.*)$", r"(\1) if \2 else (\3) if \4 else (\5)", text
        )
        text = re.sub(r"^(.*) where (.*) else ([^()]*)$", r"(\1) if \2 else (\3)", text)
        text = re.sub(
            r"(?<=[\w)])(?<!sqrt)(?<!sign)(?<!max)(?<!min)(?<!abs) (?=[\w(])(?!if |else )(?<!if )(?<!else )",
            " * ",
            text,
        )
        known["norm_u"] = abs(known.get("u", 0))
        if target == "ratio" and not all(known[n] for n in ("norm_p", "norm_u" if "norm_u" in text else "norm_g")):
            text = "1"
        known[target] = eval(text, {"sqrt": math.sqrt, "sign": np.sign, "max": max, "min": min, "abs": abs}, known)
    return known["p"]


@every_rule
def test_the_lines_of_a_formula_are_the_step(name, options, rng):
    """Read back and evaluated, for a parameter of one number, whose norm is its size."""
    if name in WHOLE:
        pytest.skip(f"{name}'s lines are those of its docstring")
    for extra in ({}, {"weight_decay": 0.1}, {"l1": 0.01, "maximize": True}, {"l1": 0.3, "proximal": True}):
        p = leaf(rng.standard_normal(1))
        optimizer = RULES[name]([p], **{**options, **extra})
        group, state = optimizer.param_groups[0], {}
        for t in range(1, 9):
            p.grad = fg.from_numpy(rng.standard_normal(1))
            begins = {
                "ASGD": t - 1 - group.get("t0", 0) <= 1,
                "RAdam": name == "RAdam" and formulas.rho_at(group, t) <= 5,
            }.get(name, t == 1)
            terms = [term for part in formulas.terms_of(optimizer, group, 1 if begins else None, "en") for term in part]
            lines = [term.line(width=1000) for term in terms]
            known = {**formulas.own_options(group, t), "p": p.data[0], "g": p.grad.data[0], "norm_p": abs(p.data[0])}
            known["norm_g"] = abs(known["g"])
            slots = optimizer.slots_of(group)
            known.update({s: state.get(s, optimizer.first(s, p, group)) for s in slots})
            expected = evaluated(lines, known)
            optimizer.step()
            assert p.data[0] == pytest.approx(expected, rel=1e-11, abs=1e-12), (t, lines)
            state = {s: optimizer.state[p][s][0] for s in slots}


def test_a_formula_has_what_is_in_use_and_no_more():
    w = leaf(np.ones(2))
    plain = fg.optim.SGD([w], lr=0.1).formula()
    assert plain.splitlines() == ["SGD", "  g = dL/dp", "  p = p - lr g", "group 0, 1 tensors: lr = 0.1"]
    assert repr(plain) == str(plain)
    marks = {
        "weight_decay": ({"weight_decay": 0.1}, "g = g + weight_decay p"),
        "decoupled": ({"weight_decay": 0.1, "decoupled_weight_decay": True}, "p = (1 - lr weight_decay) p"),
        "l1": ({"l1": 0.1}, "g = g + l1 sign(p)"),
        "proximal": ({"l1": 0.1, "proximal": True}, "p = sign(p) max(|p| - lr l1, 0)"),
        "maximize": ({"maximize": True}, "g = -g"),
        "clip_value": ({"clip_value": 1.0}, "g = min(max(g, -clip_value), clip_value)"),
        "scale": ({"clip_norm": 1.0}, "g = clip_norm g / ||g|| "),
        "unit": ({"clip_norm": 1.0, "clip_form": "unit"}, "g = g / ||g||     "),
        "skip": ({"nonfinite": "skip"}, "nonfinite: no step where"),
        "ema": ({"ema": 0.9}, "average = ema average + (1 - ema) p"),
        "zero": ({"zero": True}, "  g = 0 "),
    }
    for options, mark in marks.values():
        text = fg.optim.SGD([w], lr=0.1, **options).formula()
        assert mark in text
        others = [m for _, m in marks.values() if m != mark and m in text]
        assert not others, (options, others)


def test_forms_of_one_rule():
    w = leaf(np.ones(2))

    def last(rule, **options):
        lines = RULES[rule]([w], **options).formula().splitlines()
        return [line.strip() for line in lines if line.startswith("  ")][1:]

    assert last("Momentum", velocity="lecture") == ["g = lr g", "v = momentum v + g", "p = p - v"]
    assert last("Momentum", velocity="scratch") == ["g = -lr g", "v = momentum v + g", "p = p + v"]
    assert last("Momentum", nesterov=True)[-1] == "p = p - lr (g + momentum v)"
    assert last("Adam")[-1] == "p = p - lr m / (1 - beta1^t) / (sqrt(v) / sqrt(1 - beta2^t) + eps)"
    assert last("Adam", bias_correction=False)[-1] == "p = p - lr m / (sqrt(v) + eps)"
    assert last("Adam", eps_at="uncorrected")[-1] == "p = p - lr sqrt(1 - beta2^t) m / (1 - beta1^t) / (sqrt(v) + eps)"
    assert last("Adam", amsgrad=True)[2] == "vmax = max(vmax, v)"
    assert last("RMSprop", centered=True)[2:4] == ["d = max(v - m^2, 0)", "u = g / (sqrt(d) + eps)"]
    assert last("Adagrad", eps_inside=True)[-1] == "p = p - lr g / sqrt(h + eps)"
    dampened = last("SGD", momentum=0.9, dampening=0.5)
    assert dampened[:3] == ["g = (1 - dampening) g", "v = momentum v + g", "p = p - lr v"]
    assert dampened[3:] == ["at the first step:", "v = momentum v + g", "p = p - lr v"]


def test_groups_and_languages():
    a, b, c = (leaf(np.ones(2)) for _ in range(3))
    groups = [{"params": [a]}, {"params": [b], "lr": 0.5}, {"params": [c], "weight_decay": 0.1}]
    optimizer = fg.optim.Adam(groups, lr=0.1)
    english, korean = optimizer.formula(), optimizer.formula("ko")
    assert english.count("m = beta1 m") == 2, "once for two groups of one formula, and once for the third"
    assert "group 1, 1 tensors: lr = 0.5" in english
    assert "그룹 1, 텐서 1개: lr = 0.5" in korean
    assert [line.split("   ")[0] for line in english.splitlines() if "=" in line and "group" not in line] == [
        line.split("   ")[0] for line in korean.splitlines() if "=" in line and "그룹" not in line
    ]
    assert not re.search("[가-힣]", english)
    with pytest.raises(ValueError, match="lang must be one of 'en', 'ko', not 'de'"):
        optimizer.formula(lang="de")
    with_schedule = fg.optim.SGD([a], lr=fg.optim.schedules.Constant(0.25))
    assert "lr = 0.25" in with_schedule.formula()
    assert "lr = 0.01" in fg.optim.Momentum().formula()


def test_both_languages_have_the_same_words():
    from fastgrad.optim.words import WORDS

    assert WORDS["en"].keys() == WORDS["ko"].keys()
    for word, text in WORDS["en"].items():
        assert text.count("{}") == WORDS["ko"][word].count("{}"), word


# -- text --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("python", "text"),
    [
        ("a * b", "a b"),
        ("a * (b + c)", "a (b + c)"),
        ("a / b * c", "a / b * c"),
        ("a / (b * c)", "a / (b c)"),
        ("a - (b - c)", "a - (b - c)"),
        ("a * -b", "a (-b)"),
        ("-a * b", "-a b"),
        ("a * x * x", "a x^2"),
        ("x * x", "x^2"),
        ("(1 - b**t) * 0.5", "(1 - b^t) * 0.5"),
        ("np.maximum(a, np.abs(b))", "max(a, |b|)"),
        ("f(a / b) * c", "f(a / b) c"),
    ],
)
def test_expressions_as_text(python, text):
    assert symbols_of(python) == text


def test_the_paper_has_every_rule_and_option():
    from pathlib import Path

    paper = Path(__file__).resolve().parent.parent / "docs" / "optimizers.md"
    if not paper.is_file():
        pytest.skip("no docs here: these are the tests of an installed wheel")
    rows = re.findall(r"^\| (.*?) \|", paper.read_text(encoding="utf-8"), flags=re.MULTILINE)
    named = {word for row in rows for word in re.findall(r"`(\w+)`", row)}
    assert set(RULES) - named == set(), "a rule without a row"
    assert set(fg.optim.optimizer.options.SHARED) - named == set(), "an option without a row"
