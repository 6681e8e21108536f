"""Cases of ops/shape.py."""

from functools import partial

import numpy as np

from fastgrad import ops

from .common import Case, fused, use


def np_diagonal_put(d, shape, offset, dim0, dim1):
    out = np.zeros(shape, d.dtype)
    view = np.diagonal(out, offset, dim0, dim1)
    view.flags.writeable = True
    view[...] = d
    return out


CASES = {
    "Reshape": [
        Case(partial(lambda x, to: ops.reshape(x, to), to=to), partial(np.reshape, shape=to), [(shape,)], kind="bits")
        for shape, to in [((), (1, 1)), ((3, 4), (-1,)), ((2, 6), (3, 2, 2)), ((0, 3), (3, 0)), ((1,), ())]
    ],
    "Permute": [
        Case(
            partial(lambda x, axes: ops.permute(x, *axes), axes=axes),
            partial(np.transpose, axes=axes),
            [(shape,)],
            kind="bits",
        )
        for shape, axes in [
            ((3, 5), (1, 0)),
            ((2, 3, 4), (2, 0, 1)),
            ((2, 3, 4), (0, -1, 1)),
            ((4,), (0,)),
            ((0, 2), (1, 0)),
        ]
    ]
    + [Case(lambda x: ops.transpose(x, 0, -1), lambda x: x.swapaxes(0, -1), [((2, 3, 4),)], kind="bits")],
    "Diagonal": [
        use(ops.diagonal, np.diagonal, (3, 4)),
        use(ops.diagonal, np.diagonal, (3, 4), 1),
        use(ops.diagonal, np.diagonal, (3, 4), -2),
        use(ops.diagonal, np.diagonal, (2, 3, 3), 1, -1, 1),
        use(ops.diagonal, np.diagonal, (2, 2), 2),
        use(ops.diagonal, np.diagonal, (0, 2)),
    ],
    "DiagonalBackward": [
        Case(
            fused("DiagonalBackward", shape, *how),
            partial(np_diagonal_put, shape=shape, offset=how[0], dim0=how[1], dim1=how[2]),
            [(given,)],
            kind="bits",
        )
        for shape, how, given in [((3, 4), (1, 0, 1), (3,)), ((3, 2, 3), (0, 0, 2), (2, 3))]
    ],
    "squeeze": [
        use(ops.squeeze, np.squeeze, (1, 3, 1)),
        use(ops.squeeze, np.squeeze, (1, 3, 1), -1),
        use(ops.squeeze, lambda x, dim: x, (2, 3), 0),
        use(ops.squeeze, np.squeeze, (1, 3, 1), (0, 2)),
        use(ops.squeeze, np.squeeze, ()),
        use(ops.squeeze, np.squeeze, (1, 0)),
    ],
    "unsqueeze": [
        use(ops.unsqueeze, np.expand_dims, shape, d) for shape, d in [((3,), 0), ((3,), -1), ((2, 3), 1), ((), 0)]
    ],
    "flatten": [
        use(ops.flatten, np.ravel, (2, 3)),
        use(ops.flatten, lambda x, s: x.reshape(2, 6), (2, 3, 2), 1),
        use(ops.flatten, lambda x, s, e: x.reshape(6, 2), (2, 3, 2), 0, 1),
        use(ops.flatten, np.ravel, ()),
        use(ops.flatten, lambda x, s: x.reshape(0, 6), (0, 3, 2), 1),
    ],
    "unflatten": [
        use(ops.unflatten, lambda x, d, s: x.reshape(2, 3, 2), (6, 2), 0, (2, -1)),
        use(ops.unflatten, lambda x, d, s: x.reshape(2, 2, 2, 1), (2, 4), -1, (2, 2, 1)),
    ],
    "ravel": [use(ops.ravel, np.ravel, (2, 3)), use(ops.ravel, np.ravel, ())],
    "reshape_as": [use(ops.reshape_as, lambda x, o: x.reshape(3, 2), (2, 3), np.zeros((3, 2)))],
    "movedim": [
        use(ops.movedim, np.moveaxis, (2, 3, 4), 0, -1),
        use(ops.movedim, np.moveaxis, (2, 3, 4), (0, 1), (2, 0)),
    ],
    "swapaxes": [use(ops.swapaxes, np.swapaxes, (2, 3, 4), -1, 0)],
    "t": [use(ops.t, np.transpose, (2, 3)), use(ops.t, np.transpose, (4,))],
    "expand": [
        use(ops.expand, lambda x, *to: np.broadcast_to(x, (3, 4)), (3, 1), 3, 4),
        use(ops.expand, lambda x, *to: np.broadcast_to(x, (2, 3, 4)), (3, 1), 2, -1, 4),
        use(ops.expand, lambda x, *to: np.broadcast_to(x, (2,)), (), 2),
        use(ops.expand, lambda x, *to: np.broadcast_to(x, (0, 3)), (1, 3), 0, -1),
    ],
    "expand_as": [use(ops.expand_as, lambda x, o: np.broadcast_to(x, (2, 3)), (3,), np.zeros((2, 3)))],
    "broadcast_tensors": [
        Case(
            lambda a, b: ops.broadcast_tensors(a, b)[0],
            lambda a, b: np.broadcast_arrays(a, b)[0],
            [((3, 1), (4,))],
            kind="bits",
        )
    ],
    "select": [
        use(ops.select, lambda x, d, i: x[:, -1], (2, 3), 1, -1),
        use(ops.select, lambda x, d, i: x[1], (2, 3), 0, 1),
    ],
    "narrow": [
        use(ops.narrow, lambda x, *_: x[:, 1:3], (2, 4), 1, 1, 2),
        use(ops.narrow, lambda x, *_: x[-1:], (3, 2), 0, -1, 1),
        use(ops.narrow, lambda x, *_: x[:0], (3, 2), 0, 3, 0),
    ],
    "atleast_1d": [use(ops.atleast_1d, np.atleast_1d, ()), use(ops.atleast_1d, np.atleast_1d, (2,))],
    "atleast_2d": [use(ops.atleast_2d, np.atleast_2d, shape) for shape in [(), (2,), (2, 3)]],
    "atleast_3d": [use(ops.atleast_3d, np.atleast_3d, shape) for shape in [(), (2,), (2, 3), (1, 2, 3)]],
}
