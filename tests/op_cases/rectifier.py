"""Cases of ops/rectifier.py."""

import numpy as np

from fastgrad import ops

from .common import ONE, PAIR, Case, fused, unary


def leaky(x, slope):
    return np.where(x > 0, x, slope * x)


def prelu(x, w):
    return leaky(x, w.reshape(w.shape + (1,) * max(x.ndim - 2, 0)) if w.size > 1 else w.reshape(()))


def slope_of(slope):
    return lambda d, x: np.where(x > 0, d, slope * d)


def sum_of(axes, shape):
    """The gradient of a slope, and what its error is measured against."""
    return {
        "call": fused("PreluSlope", shape),
        "plain": lambda d, x: np.where(x > 0, 0, d * x).sum(axes).reshape(shape),
        "kind": "sum",
        "n": 24,
        "scale": lambda d, x: np.abs(d * x).sum(axes).reshape(shape),
    }


def hard(x):
    return np.clip(x + 3, 0, 6) / 6


def wide(function):
    """A function whose pieces meet at -3 and 3, where the numbers reach."""
    return lambda *xs: function(*xs[:-1], ops.mul(xs[-1], 3.0))


def of_three(x):
    return 5.0  # x + 3 is as wrong as its operands are


WEIGHTS = [
    ((3, 5), (5,)),
    ((2, 3, 4), (3,)),
    ((2, 3, 2, 2), (3,)),
    ((4,), (1,)),
    ((3, 5), (1,)),
    ((), (1,)),
    ((0, 5), (5,)),
]
CASES = {
    "LeakyRelu": [
        *unary(ops.leaky_relu, lambda x: leaky(x, 0.01)),
        Case(lambda x: ops.leaky_relu(x, -0.5), lambda x: leaky(x, -0.5), ONE),
        Case(ops.prelu, prelu, WEIGHTS),
    ],
    "LeakyReluBackward": [
        Case(fused("LeakyReluBackward", 0.25), slope_of(0.25), PAIR),
        Case(fused("LeakyReluBackward"), lambda d, x, w: slope_of(w)(d, x), [((3, 5), (3, 5), (1, 5))]),
    ],
    "PreluSlope": [
        Case(shapes=[((3, 5), (3, 5))], **sum_of(0, (1, 5))),
        Case(shapes=[((3, 5), (3, 5))], **sum_of((0, 1), (1, 1))),
        Case(shapes=[((2, 3, 4), (2, 3, 4))], **sum_of((0, 2), (1, 3, 1))),
        Case(shapes=[((2, 1), (2, 1))], **sum_of(0, (1, 1))),
    ],
    "Hardtanh": [
        *unary(ops.hardtanh, lambda x: np.clip(x, -1, 1), kind="bits"),
        Case(lambda x: ops.hardtanh(x, -0.5, 1.25), lambda x: np.clip(x, -0.5, 1.25), [((3, 5),)], kind="bits"),
        Case(lambda x: ops.relu6(ops.mul(x, 6.0)), lambda x: np.clip(6 * x, 0, 6), ONE),
    ],
    "HardtanhBackward": [
        Case(
            fused("HardtanhBackward", -0.6, 0.6), lambda d, x: np.where((x > -0.6) & (x < 0.6), d, 0), PAIR, kind="bits"
        )
    ],
    "Hardsigmoid": unary(wide(ops.hardsigmoid), lambda x: hard(3 * x), scale=of_three),
    "HardsigmoidBackward": [
        Case(wide(fused("HardsigmoidBackward")), lambda d, x: np.where((x > -1) & (x < 1), d / 6, 0), PAIR)
    ],
    "Hardswish": unary(wide(ops.hardswish), lambda x: 3 * x * hard(3 * x), scale=of_three),
    "HardswishBackward": [
        Case(
            wide(fused("HardswishBackward")),
            lambda d, x: np.where(x >= 1, d, np.where(x <= -1, 0, d * (x + 0.5))),
            PAIR,
            scale=lambda d, x: 5 * np.abs(d),
        )
    ],
    "Softsign": unary(ops.softsign, lambda x: x / (1 + np.abs(x))),
    "SoftsignBackward": [Case(fused("SoftsignBackward"), lambda d, x: d / (1 + np.abs(x)) ** 2, PAIR)],
    "threshold": unary(lambda x: ops.threshold(x, 0.2, 7.0), lambda x: np.where(x > 0.2, x, 7.0), kind="bits"),
    "hardshrink": unary(lambda x: ops.hardshrink(x, 0.6), lambda x: np.where(np.abs(x) > 0.6, x, 0), kind="bits"),
    "softshrink": unary(
        lambda x: ops.softshrink(x, 0.6), lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.6, 0), scale=of_three
    ),
}
