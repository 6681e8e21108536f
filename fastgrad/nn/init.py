"""Initial values. Each function fills a tensor in place, from `fastgrad.random`'s generator or one that is given."""

import math

import numpy as np

from .. import kernels, random, tape

__all__ = ["constant_", "normal_", "uniform_", "zeros_"]


def _fill(tensor, values):
    kernels.refuse_capture("nn.init", "initialise parameters outside the step")
    np.copyto(tensor.data, values, casting="same_kind")
    tape.changed(tensor.data)
    return tensor


def uniform_(tensor, a=0.0, b=1.0, generator=None):
    """Uniform on [a, b); variance (b - a)^2 / 12."""
    if not (math.isfinite(a) and math.isfinite(b) and a <= b):
        raise ValueError(f"uniform_: a must not exceed b, a = {a}, b = {b}")
    return _fill(tensor, (generator or random.default_generator()).uniform(a, b, tensor.shape))


def normal_(tensor, mean=0.0, std=1.0, generator=None):
    """Normal with this mean and standard deviation."""
    if not std >= 0:
        raise ValueError(f"normal_: std must be at least 0, not {std}")
    return _fill(tensor, (generator or random.default_generator()).normal(mean, std, tensor.shape))


def constant_(tensor, val):
    """Every element val."""
    return _fill(tensor, val)


def zeros_(tensor):
    """Every element 0."""
    return _fill(tensor, 0.0)
