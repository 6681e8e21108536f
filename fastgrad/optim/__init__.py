"""Update rules: a class a rule, collected in ``RULES``."""

from ..later import attributes
from .optimizer import RULES, Optimizer
from .rules import ASGD, SGD, Adadelta, Adagrad, Lion, Momentum, Nesterov, NormalizedGD, RMSprop, Rprop
from .adam import Adam, AdamW, Adamax, AMSGrad, NAdam, RAdam
from .trust import LAMB, LARS
from .matrix import Adafactor, Muon

__all__ = [
    "ASGD",
    "LAMB",
    "LARS",
    "RULES",
    "SGD",
    "AMSGrad",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "Momentum",
    "Muon",
    "NAdam",
    "Nesterov",
    "NormalizedGD",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
]

__getattr__, __dir__ = attributes(
    __name__,
    {
        "averaging": (),
        "decay": ("decay_groups", "penalty"),
        "lr_scheduler": (),
        "schedules": (),
        "swa_utils": (),
    },
)
