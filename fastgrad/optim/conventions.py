"""What books mean by a rule's name: the defaults they have, as ``convention=`` of a rule.

| | torch | keras | scratch | lecture |
|---|---|---|---|---|
| velocity | v = b v + g, p -= lr v | v = b v - lr g, p += v | the same | m = b m + lr g, p -= m |
| AdaGrad | sqrt(h) + 1e-10 | sqrt(h + 1e-7), h from 0.1 | sqrt(h) + 1e-7 | sqrt(h + 1e-10) |
| RMSProp | 0.99, sqrt(v) + 1e-8 | 0.9, sqrt(v + 1e-7) | 0.99, sqrt(v) + 1e-7 | 0.9, sqrt(v + 1e-10) |
| Adam | eps 1e-8 on the corrected root | 1e-7 on the uncorrected root | the same | eps 1e-8 on the corrected root |
| weight decay | in the gradient; AdamW beside it | beside the step: p -= lr decay p | | in the gradient |

"torch": PyTorch, the defaults without a convention. "keras": Keras 3. "scratch": Saito, "Deep Learning from Scratch",
2017. "lecture": lecture notes in the form of Polyak's papers, with eps inside the root. What is given by name or in its
place stays as given.

>>> import fastgrad as fg
>>> w = fg.tensor([1.0], requires_grad=True)
>>> fg.optim.Adagrad([w], convention="keras").defaults["eps_inside"]
True
"""

__all__ = ["PRESETS", "preset"]

KERAS_ADAM = {"lr": 1e-3, "eps": 1e-7, "eps_at": "uncorrected"}
SCRATCH_VELOCITY = {"lr": 1e-2, "velocity": "scratch"}
LECTURE_VELOCITY = {"lr": 1e-2, "velocity": "lecture"}

# Convention -> rule -> options. A rule that a convention does not name has no form of its own there.
PRESETS: dict = {
    "torch": {},
    "keras": {
        "SGD": SCRATCH_VELOCITY,
        "Momentum": SCRATCH_VELOCITY,
        "Nesterov": SCRATCH_VELOCITY,
        "Adagrad": {"lr": 1e-3, "initial_accumulator_value": 0.1, "eps": 1e-7, "eps_inside": True},
        "RMSprop": {"lr": 1e-3, "alpha": 0.9, "eps": 1e-7, "eps_inside": True, "velocity": "scratch"},
        "Adadelta": {"lr": 1e-3, "rho": 0.95, "eps": 1e-7},
        "Adam": KERAS_ADAM,
        "AMSGrad": KERAS_ADAM,
        "AdamW": {**KERAS_ADAM, "weight_decay": 4e-3},
        "Adamax": {"lr": 1e-3, "eps": 1e-7, "eps_outside": True},
        "NAdam": {"lr": 1e-3, "eps": 1e-7, "momentum_decay": 1.0},
        "Lion": {"lr": 1e-3},
    },
    "scratch": {
        "SGD": SCRATCH_VELOCITY,
        "Momentum": SCRATCH_VELOCITY,
        "Nesterov": SCRATCH_VELOCITY,
        "Adagrad": {"lr": 1e-2, "eps": 1e-7},
        "RMSprop": {"lr": 1e-2, "alpha": 0.99, "eps": 1e-7},
        "Adam": {"lr": 1e-3, "eps": 1e-7, "eps_at": "uncorrected"},
    },
    "lecture": {
        "SGD": LECTURE_VELOCITY,
        "Momentum": LECTURE_VELOCITY,
        "Nesterov": LECTURE_VELOCITY,
        "Adagrad": {"lr": 1e-2, "eps": 1e-10, "eps_inside": True},
        "RMSprop": {"lr": 1e-2, "alpha": 0.9, "eps": 1e-10, "eps_inside": True},
        "Adam": {"lr": 1e-3, "eps": 1e-8},
    },
}


def preset(convention, rule):
    """The options of a rule in a convention.

    Errors: ValueError for an unknown convention, or one without this rule.
    """
    if convention not in PRESETS:
        raise ValueError(f"{rule}: convention must be one of {', '.join(PRESETS)}, not {convention!r}")
    found = PRESETS[convention]
    if found and rule not in found:
        raise ValueError(f"{rule}: the convention {convention!r} has no {rule}; it has {', '.join(found)}")
    options = dict(found.get(rule, {}))
    if convention == "keras":
        options["decoupled_weight_decay"] = True
    return options
