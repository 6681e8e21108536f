"""Update rules: a class a rule, collected in ``RULES``."""

from .optimizer import RULES, Optimizer
from .rules import SGD, Adam, Momentum

__all__ = ["RULES", "SGD", "Adam", "Momentum", "Optimizer"]


def __getattr__(name):
    from ..missing import refusal

    raise refusal(__name__, name)
