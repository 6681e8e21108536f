"""The next step of an optimizer, for one number of a parameter, told term by term.

The statements of the rule's reference kernel are executed on copies of the parameter, its gradient and its states, and
written down while they are (`terms`). So the last number is that of `step()`, bit for bit, and nothing is changed.
"""

import ast
import copy

import numpy as np

from .. import kernels
from ..kernels.reference.rule import Verdict
from ..tape import Value, wrap
from .arrays import adopt
from .formulas import (
    DEFINED,
    Definition,
    Told,
    is_whole,
    lines_of,
    of_rule,
    options_after,
    options_before,
    own_options,
    symbols_for,
)
from .terms import Teller, Term, body_of, short
from .words import WORDS, language

__all__ = ["explain"]


def explain(rule, name, index, lang="en", model=None, params=None, grads=None):
    """See `Optimizer.explain`."""
    words = WORDS[language(lang)]
    kernels.refuse_capture("explain()", "call it outside of the step")
    twin = twin_of(rule, params, grads)
    p, called = found(twin, name, model)
    place = place_of(called, p, index)
    group = next(g for g in twin.param_groups if any(q is p for q in g["params"]))
    group = {**group, "lr": twin.lr_of(group)}
    t = twin.state.get(p, {"step": 0})["step"] + 1
    shown = np.unravel_index(place, p.shape) if p.shape else ()
    where = ", ".join(str(int(i)) for i in shown)
    lines = [words["title"].format(type(rule).__name__, called, p.shape, p.dtype, f"({where})", t, group["lr"])]
    before = p.data.reshape(-1)[place]
    if p._grad is None:
        return told([*lines, f"  {words['no_gradient'].format(str(before))}"], before)
    twin.refuse_unfit()
    if is_whole(rule, group):
        return as_a_whole(twin, p, place, [*lines, f"  {words['whole'].format(type(rule).__name__)}"], group, lang)
    batch = next(b for g in twin.param_groups for b in twin.batches(g) if any(q is p for q in b.params))
    return Telling(twin, group, batch, p, place, words).tell(lines)


def told(lines, value, state=None, terms=()):
    text = Told("\n".join(lines))
    text.value, text.state, text.terms = value, state or {}, tuple(terms)
    return text


def twin_of(rule, params, grads):
    """The optimizer with states of its own: parameters and arrays are shared, and only read."""
    twin = copy.copy(rule)
    twin.state = {p: dict(own) for p, own in rule.state.items()}
    twin._batches, twin.report = {}, np.zeros(3)
    twin.param_groups = [{**g, "params": list(g["params"])} for g in rule.param_groups]
    if params is None and grads is None:
        return twin
    if grads is None or (params is None and not rule._named):
        raise ValueError(f"{type(rule).__name__}: explain takes what update would: params= and grads=")
    return with_arrays(twin, params or {}, grads)


def with_arrays(twin, params, grads):
    """The twin of an optimizer of arrays, about to make ``update(params, grads)``."""
    renewed = {}
    twin._named = dict(twin._named)
    for key, p in list(twin._named.items()):
        renewed[p] = twin._named[key] = wrap(params.get(key, p.data))
    twin.state = {renewed[p]: own for p, own in twin.state.items()}
    for group in twin.param_groups:
        group["params"] = [renewed[p] for p in group["params"]]
    for key in params:
        if key not in twin._named:
            adopt(twin, key, params[key], wrap)
    for key, g in grads.items():
        p = twin._named[key]
        p._grad = wrap(np.ascontiguousarray(g, dtype=p.dtype))
    return twin


def found(rule, name, model):
    """The parameter that is meant, and what it is called.

    Errors: KeyError, IndexError or ValueError for one that this optimizer does not have.
    """
    owner = type(rule).__name__
    every = [p for g in rule.param_groups for p in g["params"]]
    if isinstance(name, Value):
        place = next((i for i, p in enumerate(every) if p is name), None)
        if place is None:
            raise ValueError(f"{owner}: explain is given a tensor {name.shape} that is none of its parameters")
        return name, str(place)
    names = dict(model.named_parameters()) if model is not None else rule._named
    if name in names:
        p = names[name]
        if not any(p is q for q in every):
            raise ValueError(f"{owner}: {name!r} of the model is none of its parameters")
        return p, repr(name)
    if isinstance(name, int) and not isinstance(name, bool):
        if not -len(every) <= name < len(every):
            raise IndexError(f"{owner}: explain is given parameter {name}; there are {len(every)}")
        return every[name], str(name % len(every))
    hint = f"there are {', '.join(map(repr, names))}" if names else "give model=, whose names they are, or its position"
    raise KeyError(f"{owner}: explain knows no parameter {name!r}; {hint}")


def place_of(called, p, index):
    """The position of an element among all of its tensor."""
    index = tuple(index) if isinstance(index, (tuple, list)) else (index,)
    if len(index) != len(p.shape) or any(not -n <= i < n for i, n in zip(index, p.shape, strict=True)):
        raise IndexError(f"explain: {index} is no element of parameter {called}, {p.shape}")
    index = tuple(i % n for i, n in zip(index, p.shape, strict=True))
    return int(np.ravel_multi_index(index, p.shape)) if index else 0


def as_a_whole(twin, p, place, lines, group, lang):
    """What a rule without terms of one element does, found out on copies of everything."""
    lines = [*lines, *(f"  {line}" for line in lines_of(twin, group, lang))]
    copies = {q: wrap(q.data.copy()) for g in twin.param_groups for q in g["params"]}
    for q, other in copies.items():
        other._grad = None if q._grad is None else wrap(q._grad.data.copy())
    twin.state = {copies[q]: copy.deepcopy(own) for q, own in twin.state.items() if q in copies}
    twin.param_groups = [{**g, "params": [copies[q] for q in g["params"]]} for g in twin.param_groups]
    before = p.data.reshape(-1)[place]
    try:
        twin.step()
    except FloatingPointError:
        return told([*lines, f"  {WORDS[lang]['raised'].format(str(before))}"], before)
    after = copies[p].data.reshape(-1)[place]
    return told([*lines, f"  {WORDS[lang]['result'].format(str(before), str(after))}"], after)


class Telling:
    """One number of one parameter, in the step of its batch."""

    def __init__(self, rule, group, batch, p, place, words):
        self.rule, self.group, self.batch, self.p, self.place, self.words = rule, group, batch, p, place, words
        self.definition = Definition(rule.kernel(group))
        self.t = batch.t + 1
        self.number = next(i for i, q in enumerate(batch.params) if q is p)
        self.values = self.definition.values(rule, group, self.t)

    def tell(self, lines):
        """The text."""
        p, words = self.p, self.words
        before = p.data.reshape(-1)[self.place]
        verdict = self.verdict()
        if verdict is None or verdict.skip:
            return told([*lines, f"  {words['raised' if verdict is None else 'skipped'].format(str(before))}"], before)
        teller = Teller(self.copies(), self.place, symbols_for(self.rule, self.group, self.t, self.values))
        lines.append("  " + ", ".join(f"{n} = {short(x[self.place])}" for n, x in self.copied.items()))
        with np.errstate(all="ignore"):
            self.run(teller, verdict)
        terms = teller.terms
        lines += [line for term in terms for line in self.lines_of(term)]
        after = self.copied["p"][self.place]
        state = {n: x[self.place] for n, x in self.copied.items() if n not in ("p", "g")}
        lines.append(f"  {words['result'].format(str(before), str(after))}")
        return told(lines, after, state, terms)

    def lines_of(self, term):
        """A term as lines, what it is behind it."""
        if not term.name:
            return [f"  {term.note}"]
        lines = [f"  {line}" for line in term.line().split("\n")]
        if term.note:
            lines[-1] += f"   ({term.note})"
        return lines

    def verdict(self):
        """What the launch finds out about all gradients; None where it refuses them."""
        named = ["clip_norm", "clip_form", "per_tensor", "nonfinite"]
        o = {n: self.values[n] for n in named}
        total = None
        if o["clip_norm"] or o["nonfinite"]:
            batches = [b for g in self.rule.param_groups for b in self.rule.batches(g)]
            total = np.zeros(2 * len(batches))
            for i, batch in enumerate(batches):
                kernels.sum_squares([p._grad.data for p in batch.params], total[2 * i : 2 * i + 2])
        try:
            with np.errstate(all="ignore"):
                gradients = [p._grad.data for p in self.batch.params]
                return Verdict(gradients, o, total, self.definition.kernel.__name__)
        except FloatingPointError:
            return None

    def copies(self):
        """All names of the definition: copies of the arrays, the numbers, None for arrays that are left out."""
        own = self.batch.states[self.number]
        slots = [*self.rule.slots_of(self.group), *(["average"] if self.group["ema"] is not None else [])]
        arrays = {"p": self.p.data, "g": self.p._grad.data, **{slot: own[slot] for slot in slots}}
        self.copied = {n: a.reshape(-1).copy() for n, a in arrays.items()}
        absent = dict.fromkeys([*self.definition.spare, "average"])
        return {**absent, **self.values, **self.copied}

    def run(self, teller, verdict):
        """Walks through the step: the options on the gradient, the rule, the options after it."""
        teller.terms += self.defined()
        if self.values["clip_norm"]:
            self.clip(teller, verdict)
        else:
            teller.values["scale"], teller.symbols["scale"] = 1.0, ast.Constant(1)
        teller.values["g"] = self.copied["g"].copy()
        options_before(teller, self.definition, self.words, self.group)
        if not self.definition.decays:
            norm = teller.values["norm"] = verdict.norms[self.number] * verdict.scale_of(self.number, self.values)
            teller.terms.append(Term("||g||", "", value=norm, note=self.words["each"]))
        teller.tell(*body_of(self.definition.formula))
        teller.values.update(self.copied)
        options_after(teller, self.words)

    def clip(self, teller, verdict):
        """The factor of the gradients, and how it comes about."""
        theta, each = self.values["clip_norm"], bool(self.values["per_tensor"])
        norm = verdict.norms[self.number] if each else verdict.norm
        scale = verdict.scale_of(self.number, self.values)
        teller.values |= {"norm": norm, "scale": scale}
        if scale in (0, 1) and not (norm > theta):
            teller.symbols["scale"] = ast.Constant(int(scale))
            always = self.group["clip_form"].startswith("normalize")
            if scale == 0 or not always:
                text = self.words["nothing" if always else "unclipped"].format(short(norm), short(theta))
                teller.terms.append(Term("", "", note=text))
            return
        note = self.words["each" if each else "together"]
        teller.terms.append(Term("||g||", "", value=norm, note=note))
        teller.symbols.pop("scale", None)
        teller.say(f"scale = divide({'clip_norm' if self.group['clip_form'] == 'scale' else 1}, norm)")

    def defined(self):
        """What the rule's numbers go by."""
        several = of_rule(DEFINED, self.rule)
        teller = Teller(own_options(self.group, self.t), 0)
        for name, text in several(self.group, self.t) if several else ():
            teller.say(f"{name} = {text}")
        return teller.terms
