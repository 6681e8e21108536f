"""Cases of ops/moments.py."""

from functools import partial

import numpy as np

from fastgrad import ops

from .common import Case, fused


def square(x, dim=None, keep=False):
    """What is added up: the error of a variance is measured against it."""
    return np.square(np.abs(x).max(initial=0.0))


def np_center(x, axes):
    return x - x.mean(tuple(axes), keepdims=True)


def np_norm(x, p, dim, keep):
    if p == np.inf:
        return np.abs(x).max(axis=dim, keepdims=keep)
    if p == -np.inf:
        return np.abs(x).min(axis=dim, keepdims=keep)
    return np.sum(np.abs(x) ** p, axis=dim, keepdims=keep) ** (1 / p)


DIMS: list = [
    ((7,), None, False),
    ((3, 5), None, False),
    ((3, 5), 0, True),
    ((3, 5), (0, -1), False),
    ((2, 3, 4), (0, 2), False),
    ((0, 3), 1, False),
]
SPREADS: list = [(shape, dim, keep, c) for (shape, dim, keep) in DIMS for c in (0, 1)]


def spreads(call, plain, scale):
    return [
        Case(
            partial(call, dim=dim, keepdim=keep, correction=c),
            partial(plain, axis=dim, keepdims=keep, ddof=c),
            [(shape,)],
            kind="sum",
            n=24,
            scale=scale,
        )
        for shape, dim, keep, c in SPREADS
    ]


def norms(call, *powers):
    return [
        Case(
            lambda x, p=p, dim=dim, keep=keep: call(x, p, dim, keep),
            partial(np_norm, p=p, dim=dim, keep=keep),
            [(shape,)],
            kind="sum",
            n=24,
        )
        for p in powers
        for shape, dim, keep in [((), None, False), *DIMS]
    ]


CASES = {
    "Center": [
        Case(fused("Center", axes), partial(np_center, axes=axes), [(shape,)], kind="sum", n=24, scale=peak)
        for peak in [lambda x: np.abs(x).max(initial=0.0)]
        for shape, axes in [((7,), [0]), ((3, 5), [1]), ((2, 3, 4), [0, 2]), ((0, 3), [1])]
    ],
    "Var": [
        *spreads(ops.var, np.var, square),
        Case(lambda x: ops.var(x, False), np.var, [((3, 5),)], kind="sum", n=24, scale=square),
        Case(
            lambda x: ops.var(x, 1, False, True), lambda x: np.var(x, 1, keepdims=True), [((3, 5),)], "sum", square, 24
        ),
        Case(lambda x: ops.var_mean(x, 1)[0], lambda x: np.var(x, 1, ddof=1), [((3, 5),)], "sum", square, 24),
    ],
    "Root": [Case(fused("Root"), np.sqrt, [((),), ((3, 5),), ((0,),)], domain="+")],
    "std": [
        *spreads(ops.std, np.std, lambda x: np.abs(x).max(initial=0.0)),
        Case(lambda x: ops.std_mean(x, 0)[0], lambda x: np.std(x, 0, ddof=1), [((3, 5),)], "sum", square, 24),
    ],
    "var_mean": [Case(lambda x: ops.var_mean(x, 1)[1], lambda x: x.mean(1), [((3, 5),)], "sum", square, 24)],
    "std_mean": [Case(lambda x: ops.std_mean(x, 1)[1], lambda x: x.mean(1), [((3, 5),)], "sum", square, 24)],
    "VectorNorm": norms(ops.vector_norm, 2, 3, 1.5),
    "vector_norm": norms(ops.vector_norm, 1),
    "norm": [
        *norms(ops.norm, 1, 2.5)[:4],
        Case(lambda x: ops.norm(x, np.inf, 1), lambda x: np.abs(x).max(1), [((3, 5),)], kind="bits"),
        Case(lambda x: ops.norm(x, -np.inf), lambda x: np.abs(x).min(), [((3, 5),)], kind="bits"),
        Case(lambda x: ops.norm(x), lambda x: np.sqrt(np.square(x).sum()), [((3, 5),)], kind="sum", n=24),
    ],
}
