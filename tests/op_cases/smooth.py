"""Cases of ops/smooth.py."""

import math

import numpy as np

from fastgrad import ops

from .common import ONE, PAIR, Case, fused, unary

LAMBDA, ALPHA = 1.0507009873554805, 1.6732632423543772
Phi = np.vectorize(lambda x: 0.5 * math.erfc(-x / math.sqrt(2)), otypes=[np.float64])


def s(x):
    return 1 / (1 + np.exp(-x))


def elu(x, alpha=1.0, width=1.0):
    return np.where(x > 0, x, alpha * np.expm1(x / width))


def z(x):
    return 2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)


def tanh_slope(x):
    return s(z(x)) * (1 + x * s(-z(x)) * 2 * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2))


def slope(name, plain, *numbers):
    return Case(
        fused(name, *numbers), lambda d, x: d * plain(x), PAIR, kind="gradient", scale=lambda d, x: 2 * np.abs(d)
    )


CURVE = {"kind": "gradient"}
CASES = {
    "Elu": [
        *unary(ops.elu, elu, kind="elementary"),
        Case(lambda x: ops.elu(x, 0.7), lambda x: elu(x, 0.7), ONE, **CURVE),
    ],
    "EluBackward": [slope("EluBackward", lambda x: np.where(x > 0, 1, 0.7 * np.exp(x)), 0.7)],
    "Celu": [
        *unary(ops.celu, elu, kind="elementary"),
        Case(lambda x: ops.celu(x, 0.7), lambda x: elu(x, 0.7, 0.7), ONE, **CURVE),
    ],
    "CeluBackward": [slope("CeluBackward", lambda x: np.where(x > 0, 1, np.exp(x / 0.7)), 0.7)],
    "Selu": unary(ops.selu, lambda x: LAMBDA * elu(x, ALPHA), kind="elementary"),
    "SeluBackward": [slope("SeluBackward", lambda x: LAMBDA * np.where(x > 0, 1, ALPHA * np.exp(x)))],
    "Softplus": [
        *unary(ops.softplus, lambda x: np.log1p(np.exp(x)), kind="elementary"),
        Case(
            lambda x: ops.softplus(x, 3.0, 2.1),
            lambda x: np.where(3 * x > 2.1, x, np.log1p(np.exp(3 * x)) / 3),
            ONE,
            **CURVE,
        ),
    ],
    "SoftplusBackward": [slope("SoftplusBackward", lambda x: np.where(3 * x > 2.1, 1, s(3 * x)), 3.0, 2.1)],
    "Logsigmoid": unary(ops.logsigmoid, lambda x: -np.log1p(np.exp(-x)), kind="elementary"),
    "LogsigmoidBackward": [slope("LogsigmoidBackward", lambda x: s(-x))],
    "Silu": unary(ops.silu, lambda x: x * s(x), kind="elementary"),
    "SiluBackward": [slope("SiluBackward", lambda x: s(x) * (1 + x * s(-x)))],
    "Gelu": unary(ops.gelu, lambda x: x * Phi(x), kind="elementary"),
    "GeluBackward": [slope("GeluBackward", lambda x: Phi(x) + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi))],
    "GeluTanh": unary(lambda x: ops.gelu(x, "tanh"), lambda x: x * s(z(x)), kind="elementary"),
    "GeluTanhBackward": [slope("GeluTanhBackward", tanh_slope)],
    "mish": unary(ops.mish, lambda x: x * np.tanh(np.log1p(np.exp(x))), **CURVE),
    "tanhshrink": unary(ops.tanhshrink, lambda x: x - np.tanh(x), scale=lambda x: np.abs(x), **CURVE),
}
