"""Cases of ops/elementwise.py."""

from functools import partial

import numpy as np

from fastgrad import ops

from .common import MASK, ONE, PAIR, TWO, Case, binary, fused, unary

THREE = [((3, 5),) * 3, ((), (), ()), ((3, 1), (1, 4), ()), ((0,),) * 3]


def np_lerp(a, b, w):
    return a + w * (b - a)


def sizes(*arrays):
    """Of a sum: what was added up."""
    return sum(np.abs(x) for x in arrays) * 2


CASES = {
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
    "Reciprocal": unary(ops.reciprocal, np.reciprocal),
    "rsqrt": unary(ops.rsqrt, lambda x: 1 / np.sqrt(x), domain="+"),
    "square": unary(ops.square, np.square),
    "add": [Case(partial(ops.add, alpha=0.5), lambda a, b: a + 0.5 * b, TWO, scale=sizes)],
    "sub": [Case(partial(ops.sub, alpha=-2), lambda a, b: a + 2 * b, TWO, scale=sizes)],
    "Lerp": [
        Case(ops.lerp, np_lerp, [((3, 5),) * 3, ((), (), ()), ((3, 1), (1, 4), ()), ((0,),) * 3], scale=sizes),
        Case(lambda a, b: ops.lerp(a, b, 0.25), lambda a, b: np_lerp(a, b, 0.25), TWO, scale=sizes),
        Case(lambda a, b: ops.lerp(a, b, 2), lambda a, b: np_lerp(a, b, 2), PAIR, scale=lambda a, b: 2 * sizes(a, b)),
    ],
    "addcmul": [
        Case(ops.addcmul, lambda a, b, c: a + b * c, THREE, scale=lambda a, b, c: np.abs(a) + np.abs(b * c)),
        Case(
            partial(ops.addcmul, value=0.5),
            lambda a, b, c: a + 0.5 * b * c,
            THREE,
            scale=lambda a, b, c: np.abs(a) + np.abs(b * c),
        ),
    ],
    "addcdiv": [
        Case(
            partial(ops.addcdiv, value=-2.0),
            lambda a, b, c: a - 2 * b / c,
            THREE,
            scale=lambda a, b, c: np.abs(a) + np.abs(2 * b / c),
            domain="  +",
        )
    ],
    "masked_fill": [
        Case(lambda a: ops.masked_fill(a, MASK, 0.5), lambda a: np.where(MASK, 0.5, a), [((3, 5),)], kind="bits"),
        Case(
            lambda a, v: ops.masked_fill(a, MASK, v),
            lambda a, v: np.where(MASK, v, a),
            [((3, 5), ()), ((5,), ())],
            kind="bits",
        ),
    ],
    "Copy": unary(ops.copy, np.copy, kind="bits"),
    "Contiguous": unary(fused("Contiguous"), np.copy, kind="bits"),
}
