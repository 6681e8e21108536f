"""What every update rule shares: its options, and what one call does to a list of tensors.

A rule below the decorator `rule` is the formula for one tensor. It sees the gradient as the options leave it and the
parameter after decoupled decay, and changes p and its states in place. Only + - * / sqrt max abs sign are used, in the
order written here: the compiled rules give the same bits. Numbers are combined as Python floats first, and become the
dtype of the arrays once, where they meet them.
"""

import functools
import inspect
import math

import numpy as np

from .common import kernel, lists_of
from .reduce import fold_lanes

SCALE, UNIT, NORMALIZE = 0, 1, 2  # clip_form
TINY = 2.0**-126  # the smallest normal float32: below it 1 / ||g|| may be no float32
GO_ON, SKIP, REFUSE = 0, 1, 2  # nonfinite


def options(
    weight_decay=0,
    keep=1,
    l1=0,
    shrink=0,
    maximize=0,
    clip_value=0,
    clip_norm=0,
    clip_form=SCALE,
    per_tensor=0,
    nonfinite=GO_ON,
    ema=0,
    zero=0,
):
    """The options of every rule, numbers all. In the order in which they act:

    maximize      g' = -g: the rule climbs
    clip_value    g' = min(max(g', -clip_value), clip_value);   0: not
    clip_norm     theta of `clip_form`, of the norm of all gradients together;   0: not
    clip_form     0: g' theta / ||g|| where ||g|| > theta;   1: g' / ||g|| there;   2: g' / ||g|| always, 0 below 2^-126
    per_tensor    1: the norm is each tensor's own
    nonfinite     where a gradient is NaN or infinite  0: go on,  1: make no step,  2: refuse, before a write
    l1            g' = g' + l1 sign(p): L1 by subgradient
    weight_decay  g' = g' + weight_decay p: L2
    keep          p = keep p before the step: decoupled decay is keep = 1 - lr weight_decay
    shrink        p = sign(p) max(|p| - shrink, 0) after the step: L1, proximal, shrink = lr l1
    ema           average = ema average + (1 - ema) p after the step, where `average` is given
    zero          1: g = 0 after the step

    `total` brings sums of squares measured by `sum_squares` elsewhere, for a norm over several calls; `report` receives
    the norm, the factor of the gradients, and 1 if no step was made; where none of this was asked for, nothing.
    """
    return {name: float(value) for name, value in locals().items()}


SHARED = inspect.signature(options).parameters


def block_squares(x):
    """The sum of squares of x: of each block of 4096 numbers in the order of `fold_lanes`, in float64; the blocks are
    added one after another."""
    wide = x.reshape(1, -1).astype(np.float64)
    total = 0.0
    for block in fold_lanes(wide * wide, np.add, 0)[0] if x.size else ():
        total = total + float(block)
    return total


def factor(norm, theta, form):
    """What a gradient of this norm is multiplied by. A norm that is NaN makes every number NaN, as in PyTorch."""
    if not theta:
        return 1.0
    if form == NORMALIZE:
        return 0.0 if norm < TINY else divide(1, norm)
    if norm <= theta:
        return 1.0
    return divide(1 if form == UNIT else theta, norm)


def divide(a, b):
    """a / b in float64, as C divides."""
    return float(np.float64(a) / np.float64(b))


class Verdict:
    """What is found out about all gradients before anything is written."""

    def __init__(self, gradients, o, total, rule_name):
        self.norm, self.scale, self.skip = 0.0, 1.0, False
        self.norms = []
        self.measured = bool(o["clip_norm"] or o["nonfinite"] or rule_name in ("lars", "lamb"))
        if not self.measured:
            return
        self.norms = [math.sqrt(block_squares(g)) for g in gradients]
        if total is None:
            squares, finite = add_up(map(block_squares, gradients)), all(np.isfinite(g).all() for g in gradients)
        else:
            squares, finite = add_up(total[::2]), bool((total[1::2] == 0).all())
        self.norm = math.sqrt(squares)
        self.scale = 1.0 if o["per_tensor"] else factor(self.norm, o["clip_norm"], o["clip_form"])
        self.skip = not finite and o["nonfinite"] != GO_ON
        if not finite and o["nonfinite"] == REFUSE:
            raise FloatingPointError(f"{rule_name}: a gradient is not finite, and nonfinite=2 refuses that")

    def scale_of(self, i, o):
        return factor(self.norms[i], o["clip_norm"], o["clip_form"]) if o["per_tensor"] else self.scale


def add_up(numbers):
    total = 0.0
    for number in numbers:
        total = total + float(number)
    return total


def seen(g, p, scale, o):
    """The gradient as the rule sees it, but for L2."""
    if o["clip_value"]:
        g = np.clip(g, -o["clip_value"], o["clip_value"])
    scale = -scale if o["maximize"] else scale
    g = scale * g if scale != 1 else g
    return g + o["l1"] * np.sign(p) if o["l1"] else g


def finish(p, g, average, o):
    """What is done after the step while the numbers are at hand."""
    if o["shrink"]:
        p[...] = np.copysign(np.maximum(np.abs(p) - o["shrink"], 0), p)
    if average is not None:
        average[...] = o["ema"] * average + (1 - o["ema"]) * p
    if o["zero"]:
        g[...] = 0


def rule(formula=None, *, decays=True):
    """Makes ``formula(p, g, states..., numbers...)`` a kernel with the options above.

    ``decays=False``: the formula takes ``weight_decay`` and ``keep`` itself, and ``norm``, the norm of its gradient.
    """
    if formula is None:
        return functools.partial(rule, decays=decays)
    own = {n: q for n, q in inspect.signature(formula).parameters.items() if q.kind is not q.KEYWORD_ONLY}
    arrays = [n for n, q in own.items() if q.default is q.empty and n not in ("lr", "now", "next")]
    spare = [n for n, q in own.items() if q.default is None]
    numbers = [n for n in own if n not in (*arrays, *spare)]

    @functools.wraps(formula)
    def update(*args, **kwargs):
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        given = given.arguments
        lists = {n: lists_of(given[n]) for n in (*arrays, *spare, "average")}
        own_numbers = {n: float(given[n]) for n in numbers}
        o = options(**{n: given[n] for n in SHARED})
        verdict = Verdict(lists["g"], o, given["total"], formula.__name__)
        if given["report"] is not None and verdict.measured:
            given["report"][...] = verdict.norm, verdict.scale, verdict.skip
        for i in range(0 if verdict.skip else len(lists["p"])):
            one = {n: found[i] for n, found in lists.items() if found is not None}
            average, p, g = one.pop("average", None), one.pop("p"), one.pop("g")
            step(p, g, one, average, own_numbers, o, verdict, i)

    def step(p, g, one, average, own_numbers, o, verdict, i):
        scale, decay = verdict.scale_of(i, o), o["weight_decay"]
        g_seen = seen(g, p, scale, o)
        if not decays:
            formula(p, g_seen, **one, **own_numbers, weight_decay=decay, keep=o["keep"], norm=verdict.norms[i] * scale)
        else:
            g_seen = g_seen + decay * p if decay else g_seen
            if o["keep"] != 1:
                p *= o["keep"]
            formula(p, g_seen, **one, **own_numbers)
        finish(p, g, average, o)

    signature = full_signature(own, arrays, numbers, spare)
    update.__signature__ = signature  # type: ignore[attr-defined]
    return kernel(update)


def full_signature(own, arrays, numbers, spare):
    """p, g, states; the rule's numbers; the options; arrays that may be left out."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parts = [own[n] for n in (*arrays, *numbers)]
    last = [inspect.Parameter(n, kind, default=None) for n in (*spare, "average", "total", "report")]
    return inspect.Signature([*parts, *SHARED.values(), *last])
