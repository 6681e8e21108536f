"""What the numbers of a rule's kernel are in the rule's own options, and its formula as configured.

A kernel is given numbers, such as correction1; NUMBERS has the expressions they are made by, 1 - beta1**t, as Python. A
test holds both equal for every rule. The lines of a formula are the statements of the reference kernel (`terms`).
"""

import inspect
import math
from typing import Any

from ..kernels import reference
from ..kernels.reference import rule as shared
from .launch import padded
from .optimizer import SCHEDULED, Optimizer
from .options import SHARED
from .symbols import symbols_of
from .terms import Teller, Term, body_of, definition
from .words import WORDS, language

__all__ = ["BEGINS", "DEFINED", "NUMBERS", "Told", "formula"]

FIRST, SECOND = "1 - beta1**t", "1 - beta2**t"
DECAYED = "lr / (1 + (t - 1) * lr_decay)"


def velocity(group, t):
    form = group["velocity"]
    if not group["momentum"] or form == "torch":
        return {"fresh": "1 - dampening" if group.get("dampening") and t != 1 else "1"}
    return {
        "lecture": {"lr": "1", "fresh": "lr"},
        "scratch": {"lr": "-1", "fresh": "-lr"},
        "average": {"fresh": "1 - momentum"},
    }[form]


def adam(group, t):
    if not group["bias_correction"]:
        corrections = {"correction1": "1", "correction2": "1"}
    else:
        corrections = {"correction1": FIRST, "correction2": SECOND}
    if group["eps_at"] == "uncorrected":
        lr = f"lr * sqrt({SECOND}) / ({FIRST})" if group["bias_correction"] else "lr"
        return {"lr": lr, "correction1": "1", "correction2": "1"}
    if group["eps_at"] == "inside":
        return {**corrections, "eps_inside": f"eps * ({SECOND})" if group["bias_correction"] else "eps"}
    return corrections


def rmsprop(group, t):
    inside = group["momentum"] and group["velocity"] == "scratch"
    return {**({"lr": "1", "fresh": "lr"} if inside else {"fresh": "1"}), **inner_eps(group, t)}


def inner_eps(group, t):
    return {"eps_inside": "eps"} if group["eps_inside"] else {}


def asgd(group, t):
    mean = t is None or t - 1 - group["t0"] > 1
    return {"lr": "eta", "mu": "1 / (t - 1 - t0)" if mean else "1"}


# Rule -> (group, t) -> name of the kernel's number -> its expression. What is not named is an option of that name.
# t = None: late in a run.
NUMBERS: dict = {
    "SGD": velocity,
    "Adagrad": lambda group, t: {"lr": DECAYED if group["lr_decay"] else "lr", **inner_eps(group, t)},
    "RMSprop": rmsprop,
    "ASGD": asgd,
    "Adam": adam,
    "Adamax": lambda group, t: {"correction1": FIRST, **({"eps_outside": "eps"} if group["eps_outside"] else {})},
    "NAdam": lambda group, t: {
        "now": "lr * (1 - mu) / (1 - M)",
        "next": "lr * mu_next / (1 - M_next)",
        "correction2": SECOND,
    },
    "RAdam": lambda group, t: {
        "correction1": FIRST,
        "correction2": SECOND,
        "rectify": "rectify" if t is None or rho_at(group, t) > 5 else "0",
    },
    "LARS": lambda group, t: {"trust": "trust_coefficient"},
    "LAMB": lambda group, t: {"correction1": FIRST, "correction2": SECOND},
}

# Rule -> (group, t) -> [(name, its expression), ...]: what the expressions above go by.
ROOT = "sqrt((r - 4) * (r - 2) * rho / ((rho - 4) * (rho - 2) * r))"
DEFINED: dict = {
    "ASGD": lambda group, t: [("eta", "lr / (1 + lambd * lr * (t - 1))**alpha")],
    "NAdam": lambda group, t: [
        ("mu", "beta1 * (1 - 0.5 * 0.96**(t * momentum_decay))"),
        ("mu_next", "beta1 * (1 - 0.5 * 0.96**((t + 1) * momentum_decay))"),
        ("M", "M * mu"),
        ("M_next", "M * mu_next"),
    ],
    "RAdam": lambda group, t: [
        ("rho", "2 / (1 - beta2) - 1"),
        ("r", "rho - 2 * t * beta2**t / (1 - beta2**t)"),
        *([("rectify", ROOT)] if t is None or rho_at(group, t) > 5 else []),
    ],
}

# Rule -> how it begins: another formula holds for the first steps.
BEGINS = {
    "SGD": {"en": "at the first step", "ko": "첫 단계에서는"},
    "ASGD": {"en": "while t - 1 - t0 <= 1", "ko": "t - 1 - t0 <= 1인 동안"},
    "RAdam": {"en": "while r <= 5", "ko": "r <= 5인 동안"},
}


def rho_at(group, t):
    beta2 = group["betas"][1]
    return 2 / (1 - beta2) - 1 - 2 * t * beta2**t / (1 - beta2**t)


def of_rule(table, rule):
    """The entry of a rule, or of the rule it is a form of."""
    return next((table[c.__name__] for c in type(rule).__mro__ if c.__name__ in table), None)


def symbols_for(rule, group, t, values):
    """Kernel's number -> its expression in the options; "0" where it is 0. `values`: what they are, by name."""
    given = of_rule(NUMBERS, rule)
    rate = {"Adagrad": DECAYED if group.get("lr_decay") else "lr", "ASGD": "eta"}.get(type(rule).__name__, "lr")
    rate = rate if rate.isidentifier() else f"({rate})"
    named = {"shrink": f"{rate} * l1", **(given(group, t) if given else {})}
    kept = f"1 - {rate} * weight_decay" if group["decoupled_weight_decay"] and group["weight_decay"] else "1"
    if group.get("lambd"):
        kept = f"({kept}) * (1 - lambd * eta)" if kept != "1" else "1 - lambd * eta"
    later = {"rectify"} if t is None else set()
    found = {n: "0" if value == 0 and n not in later else named.get(n, n) for n, value in values.items()}
    return {**found, "keep": kept}


def own_options(group, t):
    """The options that are numbers, by the names that formulas have for them, and t."""
    found = {k: float(v) for k, v in group.items() if isinstance(v, (int, float)) and not isinstance(v, bool)}
    for name, parts in (
        ("betas", ("beta1", "beta2")),
        ("etas", ("eta_minus", "eta_plus")),
        ("step_sizes", ("step_min", "step_max")),
    ):
        if name in group:
            found.update(zip(parts, map(float, group[name]), strict=True))
    if "momentum_decay" in group:  # NAdam's product, of the steps before
        beta1, decay = found["beta1"], found["momentum_decay"]
        found["M"] = math.prod(beta1 * (1 - 0.5 * 0.96 ** (s * decay)) for s in range(1, t))
    return {**found, "t": t, "sqrt": math.sqrt}


class Definition:
    """The definition of a rule's kernel: its arrays, those that may be left out, its numbers, and who adds L2 decay."""

    def __init__(self, kernel):
        self.formula = definition(getattr(reference, kernel.__name__))
        given = inspect.signature(self.formula).parameters
        own = {n: q for n, q in given.items() if q.kind is not q.KEYWORD_ONLY}
        self.arrays = [n for n, q in own.items() if q.default is q.empty and n not in ("lr", "now", "next")]
        self.spare = [n for n, q in own.items() if q.default is None]
        self.numbers = [n for n in own if n not in (*self.arrays, *self.spare)]
        self.decays = len(own) == len(given)
        self.kernel = kernel

    def values(self, rule, group, t):
        """The kernel's numbers at step t, with those of the options, by name."""
        return dict(zip([*self.numbers, *shared.SHARED], padded(self.kernel, rule.numbers(group, t)), strict=True))


def is_whole(rule, group):
    """Whether the rule moves a tensor as a whole: its step is not one kernel with a formula of one element."""
    if rule.composite or type(rule).launch is not Optimizer.launch:
        return True
    return not hasattr(reference, rule.kernel(group).__name__)


class Told(str):
    """Text that an interactive session shows as it is.

    Of an explanation: `value` is the number the step makes, `state` what stands beside it afterwards, and `terms` are
    its lines.
    """

    value: Any = None
    state: Any = None
    terms: tuple = ()

    def __repr__(self):
        return str(self)


def formula(rule, lang="en"):
    """See `Optimizer.formula`."""
    words = WORDS[language(lang)]
    lines, before = [type(rule).__name__], None
    for i, group in enumerate(rule.param_groups or [{**rule.defaults, "params": []}]):
        group = {**group, "lr": rule.lr_of(group)}
        told = lines_of(rule, group, lang)
        lines += told if told != before else []
        before = told
        numbers = ", ".join(f"{k} = {v:g}" if isinstance(v, float) else f"{k} = {v}" for k, v in active(group).items())
        lines.append(words["group"].format(i, len(group["params"]), numbers))
    return Told("\n".join(lines))


def active(group):
    """The numbers of a group that its formula has."""
    idle = {k for k, v in SHARED.items() if group[k] == v} | {"t", "sqrt"}
    idle |= {k for k in ("momentum", "dampening", "lr_decay", "initial_accumulator_value", "eps") if not group.get(k)}
    if group["clip_form"].startswith("normalize"):
        idle.add("clip_norm")
    found = {k: v for k, v in own_options(group, 1).items() if k not in idle | SCHEDULED | {"M"}}
    named = ("params", "betas", "etas", "step_sizes")
    found |= {k: v for k, v in group.items() if isinstance(v, (tuple, list)) and k not in named}
    return dict(sorted(found.items(), key=lambda item: item[0] in SHARED))  # those of every rule last


def lines_of(rule, group, lang):
    """The formula of one group as lines of text."""
    words = WORDS[lang]
    if is_whole(rule, group):
        return [f"  {line}" for line in [*docstring_formula(rule), *options_in_use(group)]]
    before, after = terms_of(rule, group, None, lang)
    lines = [written(term) for term in [Term("g", "dL/dp"), *before, *after]]
    begins = of_rule(BEGINS, rule)
    early = [written(term) for term in terms_of(rule, group, 1, lang)[1]] if begins else []
    if begins and early != [written(term) for term in after]:
        lines += [f"  {begins[lang]}:", *(f"  {line}" for line in early)]
    if type(rule).__name__ in ("LARS", "LAMB"):
        lines.append(f"  {words['ratio']}")
    if group["nonfinite"] != "ignore":
        lines.append(f"  {words[group['nonfinite']]}")
    return lines


def written(term):
    """A line of a formula, with what it is beside it."""
    text = f"  {term.line(width=118)}"
    return f"{text:<46}  {term.note}" if term.note else text


def terms_of(rule, group, t, lang):
    """The terms of a group's formula: what comes before the rule, and the rule. t = None: late in a run."""
    words, told = WORDS[lang], Definition(rule.kernel(group))
    values = told.values(rule, group, 2 if t is None else t)
    symbols = symbols_for(rule, group, t, values)
    theta = "1" if group["clip_form"] != "scale" else "clip_norm"
    symbols |= {"maximize": "0", "scale": f"{theta} / norm" if group["clip_norm"] else "1"}
    slots = rule.slots_of(group)
    arrays = {*told.arrays, *slots, "average"}
    absent = [n for n in told.spare if n not in slots] + (["average"] if group["ema"] is None else [])
    there = dict.fromkeys(arrays, 0.0)
    teller = Teller({**there, **values, **dict.fromkeys(absent)}, None, symbols, arrays)
    if group["maximize"]:
        teller.say("g[...] = -g", words["maximize"])
    options_before(teller, told, words, group)
    split = len(teller.terms)
    teller.tell(*body_of(told.formula))
    options_after(teller, words)
    defined = of_rule(DEFINED, rule)
    first = [Term(name, symbols_of(text)) for name, text in (defined(group, t) if defined else [])]
    for term in first:
        term.note = words["product"] if term.name == "M" else ""
    return first + teller.terms[:split], teller.terms[split:]


def options_before(teller, told, words, group):
    """What the options do before the rule, as terms with what they are."""
    first = len(teller.terms)
    teller.tell(*body_of(shared.seen))
    for term in teller.terms[first:]:
        if "||" in term.symbols:
            each = words["each" if group["clip_form"] == "normalize_each" else "together"]
            always = group["clip_form"].startswith("normalize") or teller.index is not None
            term.note = each if always else f"{words['where']}; {each}"
        else:
            kinds = {"sign": "l1", "max": "clip_value", "-": "maximize"}
            term.note = next((words[word] for part, word in kinds.items() if part in term.symbols), "")
    if told.decays:
        teller.say("if weight_decay:\n    g = g + weight_decay * p", words["l2"])
        kept = words["lambd" if group.get("lambd") else "decoupled"]
        teller.say("if keep != 1:\n    p[...] = keep * p", kept)


def options_after(teller, words):
    """What the options do after the rule."""
    first = len(teller.terms)
    teller.tell(*body_of(shared.finish))
    notes = {"p": words["proximal"], "average": words["ema"], "g": words["zero"]}
    for term in teller.terms[first:]:
        term.note = notes[term.name]


def docstring_formula(rule):
    """The formula as the rule's docstring has it: its paragraphs between the first and the source."""
    paragraphs = inspect.cleandoc(type(rule).__doc__ or "").split("\n\n")
    found = [p for p in paragraphs[1:] if not p.startswith(("Source", "Errors", ">>>"))]
    return [line for p in found[:1] for line in p.split("\n")]


def options_in_use(group):
    """The options that every rule takes, where they are not what they are by default."""
    used = [f"{k}={group[k]}" for k, v in SHARED.items() if group[k] != v]
    return [", ".join(used)] if used else []
