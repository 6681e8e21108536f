"""Cases of ops/sort.py."""

from functools import partial

import numpy as np

from fastgrad import ops

from .common import Case


def np_sort(x, dim, descending=False):
    if not x.ndim:
        return x
    return np.flip(np.sort(x, dim), dim) if descending else np.sort(x, dim)


def np_kth(x, k, dim, keep=False):
    return np.sort(x, dim).take([k - 1] if keep else k - 1, dim) if x.ndim else x


def np_median(x, dim, keep=False):
    return np_kth(x, (x.shape[dim] + 1) // 2 if x.ndim else 1, dim, keep)


DIMS: list = [((7,), 0), ((1,), -1), ((), -1), ((3, 5), 0), ((3, 5), 1), ((2, 3, 4), 1), ((0, 3), 1), ((0, 3), 0)]
SOME = [d for d in DIMS if d != ((0, 3), 0)]
QUANTILES: list = [
    ((7,), 0.3, None, False),
    ((6,), 0.5, None, True),
    ((3, 5), 0.9, 1, True),
    ((3, 5), np.array([0.1, 0.5, 1.0]), 0, False),
    ((2, 3, 4), np.array([0.2, 0.8]), 1, True),
    ((2, 3, 4), np.array([0.2]), None, False),
    ((), 0.4, None, False),
    ((), np.array([0.2, 0.4]), 0, False),
]

CASES = {
    "Median": [
        Case(
            lambda x: ops.median(x), lambda x: np_median(x.reshape(-1), 0), [((),), ((1,),), ((6,),), ((3, 5),)], "bits"
        )
    ],
    "median": [
        Case(
            lambda x, d=dim, k=keep: ops.median(x, d, k)[0],
            partial(np_median, dim=dim, keep=keep),
            [(shape,)],
            kind="bits",
        )
        for shape, dim in SOME
        for keep in ((False, True) if shape else (False,))
    ]
    + [Case(lambda x: ops.median(x), lambda x: np.float64(np.nan), [((0,),)], kind="bits", order=0)],
    "sort": [
        Case(
            lambda x, d=dim, f=falling: ops.sort(x, d, f).values,
            partial(np_sort, dim=dim, descending=falling),
            [(shape,)],
            kind="bits",
        )
        for shape, dim in DIMS
        for falling in (False, True)
    ],
    "topk": [
        Case(lambda x: ops.topk(x, 2)[0], lambda x: np_sort(x, -1, True)[..., :2], [((3, 5),), ((2, 3, 4),)], "bits"),
        Case(lambda x: ops.topk(x, 2, 0, largest=False)[0], lambda x: np.sort(x, 0)[:2], [((3, 5),), ((4,),)], "bits"),
        Case(lambda x: ops.topk(x, 0)[0], lambda x: x[..., :0], [((3, 5),)], "bits"),
        Case(lambda x: ops.topk(x, 1)[0], lambda x: x, [((),)], "bits"),
    ],
    "kthvalue": [
        Case(
            lambda x, d=dim, k=keep: ops.kthvalue(x, 1, d, k).values,
            partial(np_kth, k=1, dim=dim, keep=keep),
            [(shape,)],
            kind="bits",
        )
        for shape, dim in SOME
        for keep in ((False, True) if shape else (False,))
    ]
    + [Case(lambda x: ops.kthvalue(x, 3)[0], lambda x: np_kth(x, 3, -1), [((3, 5),)], kind="bits")],
    "quantile": [
        Case(
            lambda x, q=q, d=dim, k=keep: ops.quantile(x, q, d, k),
            lambda x, q=q, d=dim, k=keep: np.quantile(x, q, axis=d if x.ndim else None, keepdims=k),
            [(shape,)],
            scale=lambda x: np.abs(x).max(),
        )
        for shape, q, dim, keep in QUANTILES
    ]
    + [
        Case(
            lambda x, how=how: ops.quantile(x, 0.6, 1, interpolation=how),
            lambda x, how=how: np.quantile(x, 0.6, 1, method=how),
            [((3, 4),)],
            scale=lambda x: np.abs(x).max(),
        )
        for how in ("linear", "lower", "higher", "nearest", "midpoint")
    ],
}
