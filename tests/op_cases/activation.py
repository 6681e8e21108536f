"""Cases of ops/activation.py."""

import numpy as np

from fastgrad import ops

from .common import PAIR, Case, fused, unary

CASES = {
    "Relu": unary(ops.relu, lambda x: np.maximum(x, 0), kind="bits"),
    "ReluBackward": [Case(fused("ReluBackward"), lambda d, y: np.where(y <= 0, 0, d), PAIR, kind="bits")],
    "Sigmoid": unary(ops.sigmoid, lambda x: 1 / (1 + np.exp(-x)), kind="elementary"),
    "SigmoidBackward": [Case(fused("SigmoidBackward"), lambda d, y: d * y * (1 - y), PAIR, domain=" p")],
    "Tanh": unary(ops.tanh, np.tanh, kind="elementary"),
    "TanhBackward": [Case(fused("TanhBackward"), lambda d, y: d * (1 - y * y), PAIR, domain=" p")],
}
