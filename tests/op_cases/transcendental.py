"""Cases of ops/transcendental.py."""

import math

import numpy as np

from fastgrad import ops

from .common import TWO, Case, unary

CASES = {
    "Sin": unary(ops.sin, np.sin, kind="elementary"),
    "Cos": unary(ops.cos, np.cos, kind="elementary"),
    "Tan": unary(ops.tan, np.tan, kind="elementary"),
    "Atan": unary(ops.atan, np.arctan, kind="elementary"),
    "Expm1": unary(ops.expm1, np.expm1, kind="elementary"),
    "Log1p": unary(ops.log1p, np.log1p, kind="elementary", domain="+"),
    "Log2": unary(ops.log2, np.log2, kind="elementary", domain="+"),
    "Log10": unary(ops.log10, np.log10, kind="elementary", domain="+"),
    "Erf": unary(ops.erf, np.vectorize(math.erf, otypes=[np.float64]), kind="elementary"),
    "exp2": unary(ops.exp2, np.exp2, kind="power"),
    "Sinh": unary(ops.sinh, np.sinh, kind="gradient"),
    "Cosh": unary(ops.cosh, np.cosh, kind="gradient"),
    "LogAddExp": [
        Case(ops.logaddexp, np.logaddexp, TWO, scale=lambda a, b: np.abs(a) + np.abs(b) + 1),
        Case(
            lambda a: ops.logaddexp(a, 0.5), lambda a: np.logaddexp(a, 0.5), [((3, 5),)], scale=lambda a: np.abs(a) + 1
        ),
        Case(lambda a: ops.logaddexp(a, a), lambda a: np.logaddexp(a, a), [((3,),)], scale=lambda a: np.abs(a) + 1),
    ],
}
