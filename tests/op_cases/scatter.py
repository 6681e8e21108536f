"""Cases of ops/scatter.py."""

from functools import partial

import numpy as np

from fastgrad import ops

from .common import T3, Case, fused

DOWN = np.array([[2, 0], [0, 1]])  # along axis 0 of (3, 2)
ACROSS = np.array([[1, 3, 0], [2, 2, 2]])  # along axis 1 of (2, 4), with an index that comes again


def np_scatter(x, dim, index, v, add=False):
    out = x.copy()
    for at in np.ndindex(index.shape):
        to = list(at)
        to[dim] = index[at]
        value = v[at] if isinstance(v, np.ndarray) else v
        out[tuple(to)] = out[tuple(to)] + value if add else value
    return out


def np_gather(x, dim, index):
    part = tuple(slice(None) if i == dim % x.ndim else slice(n) for i, n in enumerate(index.shape))
    return np.take_along_axis(x[part], index, dim)


def np_lines(x, dim, index, v, add):
    out = np.moveaxis(x.copy(), dim, 0)
    for k, i in enumerate(index):
        value = np.moveaxis(v, dim, 0)[k] if isinstance(v, np.ndarray) else v
        out[i] = out[i] + value if add else value
    return np.moveaxis(out, 0, dim)


def both(call, plain, dim, index, shapes, **more):
    return Case(lambda x, v: call(x, dim, index, v), lambda x, v: plain(x, dim, index, v), [shapes], **more)


def alone(call, plain, dim, index, shape, *value, **more):
    return Case(
        lambda x: call(x, dim, index, *value), lambda x: plain(x, dim, index, *value), [(shape,)], kind="bits", **more
    )


add = partial(np_scatter, add=True)
CASES = {
    "Gather": [
        alone(ops.gather, np_gather, 0, DOWN, (3, 2)),
        alone(ops.gather, np_gather, -1, ACROSS, (2, 4)),
        alone(ops.gather, np_gather, 1, ACROSS[:1], (2, 4)),
        alone(ops.gather, np_gather, 0, T3, (3,)),
        alone(ops.gather, np_gather, 0, np.zeros((0, 2), int), (3, 2)),
        alone(ops.gather, np_gather, 1, DOWN[:, :, None].repeat(2, 2), (2, 3, 2)),
    ],
    "GatherBackward": [
        Case(
            fused("GatherBackward", index, shape, axis),
            partial(
                lambda d, index, shape, axis: add(np.zeros(shape), axis, index, d), index=index, shape=shape, axis=axis
            ),
            [(index.shape,)],
            n=3,
            kind="sum",
            scale=lambda d: np.abs(d).sum(),
        )
        for index, shape, axis in [(DOWN, (3, 2), 0), (ACROSS, (2, 4), 1)]
    ],
    "Scatter": [
        both(ops.scatter, np_scatter, 0, DOWN, ((3, 2), (2, 2)), kind="bits"),
        both(ops.scatter, np_scatter, 1, ACROSS[:1], ((2, 4), (2, 3)), kind="bits"),
        both(ops.scatter, np_scatter, 0, T3, ((4,), (5,)), kind="bits"),
        alone(ops.scatter, np_scatter, 1, ACROSS, (2, 4), 0.5),
    ],
    "ScatterAdd": [
        both(ops.scatter_add, add, 0, DOWN, ((3, 2), (2, 2)), n=2),
        both(ops.scatter_add, add, 1, ACROSS, ((2, 4), (2, 3)), n=4, kind="sum", scale=lambda x, v: 8.0),
        both(ops.scatter_add, add, 0, DOWN[:, :1], ((3, 2), (2, 2)), n=2),
    ],
    "Put": [
        Case(
            fused("Put", (slice(1, None), slice(0, 1))),
            lambda x, v: np.concatenate([x[:1], np.concatenate([v, x[1:, 1:]], 1)]),
            [((3, 2), (2, 1))],
            kind="bits",
        ),
    ],
    "take_along_dim": [
        Case(
            lambda x: ops.take_along_dim(x, np.array([[2, 0]]), 1),
            lambda x: np.take_along_axis(x, np.array([[2, 0]] * len(x)), 1),
            [((1, 3),), ((3, 4),)],
            kind="bits",
        ),
        Case(lambda x: ops.take_along_dim(x, T3[None]), lambda x: x.ravel()[T3], [((3, 4),)], kind="bits"),
    ],
    "index_add": [
        both(ops.index_add, partial(np_lines, add=True), 0, T3, ((4, 2), (3, 2)), n=2),
        both(
            ops.index_add,
            partial(np_lines, add=True),
            -1,
            np.array([1, 1]),
            ((2, 3), (2, 2)),
            n=3,
            kind="sum",
            scale=lambda x, v: 8.0,
        ),
        Case(
            lambda x, v: ops.index_add(x, 0, T3, v, alpha=2),
            lambda x, v: np_lines(x, 0, T3, 2 * v, True),
            [((4,), (3,))],
            n=2,
        ),
    ],
    "index_copy": [both(ops.index_copy, partial(np_lines, add=False), 1, T3, ((2, 4), (2, 3)), kind="bits")],
    "index_fill": [
        Case(
            lambda x: ops.index_fill(x, 0, T3, 0.5),
            lambda x: np_lines(x, 0, T3, 0.5, False),
            [((4, 2),)],
            kind="bits",
        )
    ],
}
