"""Update rules: a class a rule, collected in ``RULES``."""

from ..later import attributes
from .optimizer import RULES, Optimizer
from .rules import SGD, Adam, Momentum

__all__ = ["RULES", "SGD", "Adam", "Momentum", "Optimizer"]

__getattr__, __dir__ = attributes(__name__, {"averaging": (), "lr_scheduler": (), "schedules": (), "swa_utils": ()})
