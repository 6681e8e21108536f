"""A classifier that learns quickly, and what its tests compare."""

import numpy as np

from fastgrad.data import load_iris
from fastgrad.testing import assert_bits
from fastgrad.train import FastgradClassifier

IRIS = load_iris()
FLOWERS, SPECIES = IRIS.data.astype(np.float64), IRIS.target


def quick(**given):
    """A classifier that learns the flowers in few epochs, and stops at exactly that many."""
    own = {"hidden_layer_sizes": (16,), "max_iter": 30, "tol": None, "learning_rate_init": 0.02, "batch_size": 50}
    return FastgradClassifier(**{**own, "scale_input": "standard", "random_state": 0, **given})


def weights_of(est):
    return [p.data.copy() for p in est.module_.parameters()]


def assert_same_weights(est, other):
    for p, q in zip(weights_of(est), weights_of(other), strict=True):
        assert_bits(p, q)
