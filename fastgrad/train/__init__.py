"""Training: what is saved of a model and of a run, and taken back."""

from .container import load, save
from .saving import Resumed, resume_training, save_training
from .weights import load_weights, save_weights

__all__ = [
    "Resumed",
    "load",
    "load_weights",
    "resume_training",
    "save",
    "save_training",
    "save_weights",
]
