"""Cases of ops/elementwise.py."""

import numpy as np

from fastgrad import ops
from fastgrad.ops import OPS, apply

from .common import MASK, ONE, PAIR, TWO, Case, binary, fused, unary

CASES = {
    "Cast": [
        Case(
            lambda x: apply(OPS["Cast"], apply(OPS["Cast"], x, np.longdouble), x.dtype),
            np.copy,
            ONE,
            kind="bits",
            refused="conversion from",
        )
    ],
    "Add": [
        *binary(ops.add, np.add, scale=lambda a, b=1.5: np.abs(a) + np.abs(b)),
        Case(lambda x: ops.add(x, x), lambda x: x + x, ONE, kind="bits"),
    ],
    "Sub": binary(ops.sub, np.subtract, scale=lambda a, b=1.5: np.abs(a) + np.abs(b)),
    "Mul": [*binary(ops.mul, np.multiply), Case(lambda x: ops.pow(x, 2), np.square, ONE)],
    "Div": binary(ops.div, np.divide, domain="++"),
    "Pow": [
        *binary(ops.pow, np.power, kind="power", domain="++"),
        Case(lambda x: ops.pow(x, 3), lambda x: x**3, ONE, kind="power"),
        Case(lambda x: ops.pow(x, -1), lambda x: 1 / x, ONE, kind="power"),
        Case(lambda x: ops.pow(x, 0), np.ones_like, ONE),
        Case(lambda x: ops.pow(x, 0.5), np.sqrt, ONE, kind="power", domain="+"),
    ],
    "Neg": unary(ops.neg, np.negative, kind="bits"),
    "Exp": unary(ops.exp, np.exp, kind="elementary"),
    "Log": unary(ops.log, np.log, kind="elementary", domain="+"),
    "Sqrt": unary(ops.sqrt, np.sqrt, domain="+"),
    "Abs": unary(ops.abs, np.abs, kind="bits"),
    "Maximum": binary(ops.maximum, np.maximum, kind="bits"),
    "Minimum": binary(ops.minimum, np.minimum, kind="bits"),
    "Clip": [
        Case(lambda x: ops.clip(x, -0.5, 1.0), lambda x: np.clip(x, -0.5, 1.0), ONE, kind="bits"),
        Case(lambda x: ops.clip(x, min=0.25), lambda x: np.maximum(x, 0.25), ONE, kind="bits"),
        Case(lambda x: ops.clip(x, max=0.25), lambda x: np.minimum(x, 0.25), ONE, kind="bits"),
    ],
    "ClipBackward": [
        Case(fused("ClipBackward", -0.5, 1.0), lambda d, x: np.where((x >= -0.5) & (x <= 1), d, 0), PAIR, kind="bits")
    ],
    "Where": [
        Case(
            lambda a, b: ops.where(MASK, a, b),
            lambda a, b: np.where(MASK, a, b),
            [((3, 5), (3, 5)), ((), (5,)), ((3, 1), (1, 1))],
            kind="bits",
        ),
        Case(lambda a: ops.where(MASK, a, 0.5), lambda a: np.where(MASK, a, 0.5), [((3, 5),)], kind="bits"),
    ],
    "Sign": unary(ops.sign, np.sign, kind="bits", order=1),
    "Heaviside": unary(lambda x: ops.heaviside(x, 0.5), lambda x: np.heaviside(x, 0.5), kind="bits", order=1),
    "Equal": [
        Case(ops.equal, lambda a, b: (a == b).astype(a.dtype), TWO, kind="bits", order=1),
        Case(lambda a: ops.equal(a, a), np.ones_like, ONE, kind="bits", order=0),
    ],
    "Copy": unary(ops.copy, np.copy, kind="bits"),
    "Contiguous": unary(fused("Contiguous"), np.copy, kind="bits"),
}
