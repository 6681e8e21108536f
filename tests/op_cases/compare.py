"""Cases of ops/compare.py. What compares has no gradient, and so decides here which of two operands goes on."""

import numpy as np

from fastgrad import ops

from .common import ONE, TWO, Case


def decides(function, plain):
    """Which of two operands is taken, and whether one is taken or 0."""
    return [
        Case(lambda a, b: ops.where(function(a, b), a, b), lambda a, b: np.where(plain(a, b), a, b), TWO, kind="bits"),
        Case(lambda a: ops.where(function(a, 0.1), a, 0.0), lambda a: np.where(plain(a, 0.1), a, 0), ONE, kind="bits"),
        Case(lambda a: ops.where(function(a, a), a, 0.0), lambda a: np.where(plain(a, a), a, 0), ONE, kind="bits"),
    ]


def of_signs(function, plain):
    """The same for what takes bools: whether a > 0 and b > 0."""
    return [
        Case(
            lambda a, b: ops.where(function(ops.gt(a, 0.0), ops.gt(b, 0.0)), a, b),
            lambda a, b: np.where(plain(a > 0, b > 0), a, b),
            TWO,
            kind="bits",
        )
    ]


def states(function, plain):
    """Of x / 0, ln x and x itself."""

    def case(f, g):
        return Case(
            lambda x: ops.where(function(f(x)), x, 0.5), lambda x: np.where(plain(g(x)), x, 0.5), ONE, kind="bits"
        )

    by_zero = case(lambda x: ops.div(x, ops.mul(x, 0.0)), lambda x: x / (x * 0))
    return [by_zero, case(ops.log, np.log), case(ops.copy, np.copy)]


CASES = {
    "eq": decides(ops.eq, np.equal),
    "ne": decides(ops.ne, np.not_equal),
    "lt": decides(ops.lt, np.less),
    "le": decides(ops.le, np.less_equal),
    "gt": decides(ops.gt, np.greater),
    "ge": decides(ops.ge, np.greater_equal),
    "isclose": decides(ops.isclose, np.isclose),
    "isnan": states(ops.isnan, np.isnan),
    "isinf": states(ops.isinf, np.isinf),
    "isfinite": states(ops.isfinite, np.isfinite),
    "logical_and": of_signs(ops.logical_and, np.logical_and) + decides(ops.logical_and, np.logical_and),
    "logical_or": of_signs(ops.logical_or, np.logical_or),
    "logical_xor": of_signs(ops.logical_xor, np.logical_xor),
    "logical_not": of_signs(lambda a, b: ops.logical_not(a), lambda a, b: ~a),
    "bitwise_and": of_signs(ops.bitwise_and, np.bitwise_and),
    "bitwise_or": of_signs(ops.bitwise_or, np.bitwise_or),
    "bitwise_xor": of_signs(ops.bitwise_xor, np.bitwise_xor),
    "bitwise_not": of_signs(lambda a, b: ops.bitwise_not(b), lambda a, b: ~b),
}
