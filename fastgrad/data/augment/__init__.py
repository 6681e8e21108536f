"""Augmentation: other pictures, and other vectors, of the same meaning, drawn anew for every batch.

An augmentation is called with a batch and what draws for it, ``aug(x, *targets, rng=...)`` or ``seed=...``, and keeps
no random state: the same generator gives the same bits, whatever was called before and however many threads run.
`docs/augmentation.md` says which of them keep the meaning of which labels.

>>> import numpy as np
>>> from fastgrad.data import augment, load_digits
>>> images = load_digits().images / 16
>>> aug = augment.Compose([augment.Shift(1), augment.Rotate(10), augment.GaussianNoise(0.1)])
>>> aug(images[:100], seed=0).shape
(100, 8, 8)
"""

from .base import Augmentation
from .compose import Compose, expand
from .geometry import Crop, Flip, FlipWarning, Geometry, Rotate, Shift, Zoom
from .mixup import Mixup
from .noise import BinomialNoise, GaussianNoise

__all__ = [
    "Augmentation",
    "BinomialNoise",
    "Compose",
    "Crop",
    "Flip",
    "FlipWarning",
    "GaussianNoise",
    "Geometry",
    "Mixup",
    "Rotate",
    "Shift",
    "Zoom",
    "expand",
]
