"""Options that every rule takes, and what they come to as numbers of its kernel (`kernels.reference.rule.options`)."""

import math

import numpy as np

from ..tape import Value

__all__ = ["IGNORED", "SHARED", "check", "number", "numbers", "plain"]

# Of a group, with their defaults. The first line is that of all groups: their gradients are measured together.
TOGETHER = {"clip_norm": None, "clip_form": "scale", "nonfinite": "ignore"}
SHARED = {
    **TOGETHER,
    "weight_decay": 0.0,
    "decoupled_weight_decay": False,
    "l1": 0.0,
    "proximal": False,
    "maximize": False,
    "clip_value": None,
    "ema": None,
    "zero": False,
}
# Of PyTorch's constructors and saved groups: how a step is run, which changes nothing here.
IGNORED = {"foreach", "fused", "capturable", "differentiable"}

FORMS = {"scale": 0, "unit": 1, "normalize": 2, "normalize_each": 2}
NONFINITE = {"ignore": 0, "skip": 1, "raise": 2}
KERNEL_ORDER = (  # the kernel's numbers
    *("weight_decay", "keep", "l1", "shrink", "maximize", "clip_value", "clip_norm", "clip_form", "per_tensor"),
    *("nonfinite", "ema", "zero"),
)
NOTHING = (0.0, 0.0, False, None, None, "ignore", None, False)

# What must be a number, and what True or False, where a group has it.
NUMBERS = (
    *("lr", "eps", "momentum", "dampening", "lr_decay", "initial_accumulator_value", "alpha", "rho", "lambd", "t0"),
    *("momentum_decay", "trust_coefficient"),
)
SWITCHES = (
    *("maximize", "decoupled_weight_decay", "proximal", "zero", "nesterov", "centered", "amsgrad", "eps_inside"),
    *("eps_outside", "bias_correction"),
)


def number(owner, name, x):
    """An option that must be a number, as a Python number."""
    found = plain(x)
    if not isinstance(found, (int, float)):
        raise TypeError(f"{owner}: {name} must be a number, not {x!r}")
    return found


def plain(x):
    """A number as a Python number: it may come as a scalar or an array of NumPy, or as a tensor, PyTorch's too."""
    if isinstance(x, (tuple, list)):
        return type(x)(map(plain, x))
    if isinstance(x, Value):
        x = x.data
    one = isinstance(x, np.generic) or (isinstance(x, np.ndarray) and x.size == 1)
    return x.item() if one or hasattr(x, "detach") else x


def check(owner, group):
    """Raises for an option out of range."""
    for name in NUMBERS:
        if name in group and not callable(group[name]) and math.isnan(number(owner, name, group[name])):
            raise ValueError(f"{owner}: {name} must be a number, not nan")
    for name in SWITCHES:
        if name in group and group[name] not in (True, False):
            raise ValueError(f"{owner}: {name} must be True or False, not {group[name]!r}")
    for name in ("weight_decay", "l1"):
        if not 0 <= number(owner, name, group[name]) < math.inf:
            raise ValueError(f"{owner}: {name} must be at least 0 and finite, not {group[name]}")
    for name in ("clip_norm", "clip_value"):
        if group[name] is not None and not number(owner, name, group[name]) > 0:
            raise ValueError(f"{owner}: {name} must be above 0, or None, not {group[name]}")
    if group["ema"] is not None and not 0 <= number(owner, "ema", group["ema"]) < 1:
        raise ValueError(f"{owner}: ema, the average's memory, must be in [0, 1), or None, not {group['ema']}")
    if group["clip_norm"] is not None and group["clip_value"] is not None:
        raise ValueError(f"{owner}: clip_norm or clip_value, not both: {group['clip_norm']}, {group['clip_value']}")
    if group["proximal"] and group["l1"] == 0:
        raise ValueError(f"{owner}: proximal=True needs l1 > 0, the penalty it is the step of")
    for name, known in (("clip_form", FORMS), ("nonfinite", NONFINITE)):
        if group[name] not in known:
            raise ValueError(f"{owner}: {name} must be one of {', '.join(known)}, not {group[name]!r}")


def numbers(group, lr):
    """The options as the twelve numbers a kernel takes after its own, in its order; () where none is in use.

    `lr`: what decoupled decay and the proximal step are multiplied by.
    """
    weight_decay, l1, maximize = group["weight_decay"], group["l1"], group["maximize"]
    clip_value, clip_norm, ema, zero = group["clip_value"], group["clip_norm"], group["ema"], group["zero"]
    if (weight_decay, l1, maximize, clip_value, clip_norm, group["nonfinite"], ema, zero) == NOTHING:
        return ()
    decoupled, proximal = group["decoupled_weight_decay"], group["proximal"]
    return (
        0.0 if decoupled else weight_decay,
        1 - lr * weight_decay if decoupled else 1.0,
        0.0 if proximal else l1,
        lr * l1 if proximal else 0.0,
        float(maximize),
        clip_value or 0.0,
        clip_norm or 0.0,
        float(FORMS[group["clip_form"]]),
        float(group["clip_form"] == "normalize_each"),
        float(NONFINITE[group["nonfinite"]]),
        ema or 0.0,
        float(zero),
    )
