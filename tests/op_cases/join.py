"""Cases of ops/join.py."""

from functools import partial

import numpy as np

from fastgrad import ops

from .common import Case, use


def joined(call, plain, shapes, **more):
    return Case(lambda *xs: call(xs, **more), lambda *xs: plain(xs), [shapes], kind="bits")


def piece(call, plain, shape, i, *more):
    return Case(lambda x: call(x, *more)[i], plain, [(shape,)], kind="bits")


def np_pad(x, pad, mode="constant", value=0):
    sides = [(0, 0)] * (x.ndim - len(pad) // 2) + list(zip(pad[-2::-2], pad[::-2], strict=True))
    how = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}.get(mode)
    if not x.ndim:
        return x
    return np.pad(x, sides, how) if how else np.pad(x, sides, constant_values=value)


def padded(shape, pad, **more):
    return Case(partial(ops.pad, pad=pad, **more), partial(np_pad, pad=pad, **more), [(shape,)], kind="bits")


CASES = {
    "Concatenate": [
        Case(
            lambda *xs, dim=dim: ops.concatenate(xs, dim),
            lambda *xs, dim=dim: np.concatenate(xs, dim),
            [shapes],
            kind="bits",
        )
        for shapes, dim in [
            (((3,), (1,), (2,)), 0),
            (((2, 3), (2, 2)), 1),
            (((2, 3), (0, 3)), 0),
            (((2, 1, 2), (2, 2, 2)), -2),
            (((4,),), 0),
        ]
    ],
    "Pad": [
        padded((3, 4), (1, 2)),
        padded((3, 4), (1, 0, 0, 2), value=0.5),
        padded((2, 0), (1, 1, 1, 1)),
        padded((), ()),
        Case(lambda x: ops.pad(x, (-1, 2)), lambda x: np.pad(x[:, 1:], ((0, 0), (0, 2))), [((2, 3),)], kind="bits"),
    ],
    "pad": [
        padded((3, 4), (2, 3, 1, 1), mode="reflect"),
        padded((3, 4), (2, 5, 1, 0), mode="replicate"),
        padded((2, 3, 4), (2, 1, 3, 3), mode="circular"),
        padded((4,), (0, 0), mode="circular"),
    ],
    "DiagEmbed": [
        use(ops.diag, np.diag, (3,)),
        use(ops.diag, np.diag, (2,), -1),
        Case(lambda x: ops.diag_embed(x, 1), lambda x: np.stack([np.diag(r, 1) for r in x]), [((2, 3),)], kind="bits"),
    ],
    "diag": [use(ops.diag, np.diag, (3, 4), 1), use(ops.diag, np.diag, (2, 2))],
    "stack": [
        joined(ops.stack, np.stack, ((2, 3), (2, 3))),
        joined(ops.stack, np.stack, ((), ())),
        joined(ops.stack, partial(np.stack, axis=-1), ((3,), (3,)), dim=-1),
        joined(ops.stack, partial(np.stack, axis=1), ((2, 0), (2, 0)), dim=1),
    ],
    "hstack": [joined(ops.hstack, np.hstack, shapes) for shapes in [((2,), (3,)), ((2, 1), (2, 2)), ((), ())]],
    "vstack": [joined(ops.vstack, np.vstack, shapes) for shapes in [((2,), (2,)), ((2, 1), (1, 1)), ((), ())]],
    "dstack": [
        joined(ops.dstack, np.dstack, shapes) for shapes in [((2,), (2,)), ((2, 1), (2, 1)), ((2, 1, 2), (2, 1, 1))]
    ],
    "column_stack": [joined(ops.column_stack, np.column_stack, shapes) for shapes in [((2,), (2,)), ((2,), (2, 3))]],
    "meshgrid": [
        Case(
            lambda a, b, i=i, how=how: ops.meshgrid(a, b, indexing=how)[i],
            lambda a, b, i=i, how=how: np.meshgrid(a, b, indexing=how)[i],
            [((2,), (3,)), ((0,), (2,))],
            kind="bits",
        )
        for i in (0, 1)
        for how in ("ij", "xy")
    ],
    "split": [
        piece(ops.split, lambda x: x[4:], (5, 2), 2, 2),
        piece(ops.split, lambda x: x[:, 1:4], (2, 4), 1, [1, 3], 1),
        piece(ops.split, lambda x: x[:0], (0, 3), 0, 2),
    ],
    "chunk": [piece(ops.chunk, lambda x: x[3:5], (5,), 1, 2), piece(ops.chunk, lambda x: x[:, :1], (2, 3), 0, 7, -1)],
    "unbind": [piece(ops.unbind, lambda x: x[:, 2], (2, 3), 2, 1), piece(ops.unbind, lambda x: x[0], (2,), 0)],
    "repeat": [
        use(ops.repeat, lambda x, *r: np.tile(x, r), (2, 3), 2, 1, 3),
        use(ops.repeat, lambda x, *r: np.tile(x, r), (2,), 1),
        use(ops.repeat, lambda x, *r: np.tile(x, r), (2, 3), 0, 2),
        use(ops.repeat, lambda x, *r: np.tile(x, r), (), 2),
    ],
    "tile": [use(ops.tile, np.tile, (2, 3), (2,)), use(ops.tile, np.tile, (3,), (2, 2))],
    "repeat_interleave": [
        use(ops.repeat_interleave, np.repeat, (2, 3), 2),
        use(ops.repeat_interleave, np.repeat, (2, 3), 3, 1),
        use(ops.repeat_interleave, np.repeat, (2, 3), 1, 0),
        use(ops.repeat_interleave, np.repeat, (2, 3), [2, 0, 1], 1),
    ],
    "flip": [
        use(ops.flip, lambda x, *d: np.flip(x, d), (2, 3), 0, -1),
        use(ops.flip, lambda x, *d: np.flip(x, d), (3,), 0),
    ],
    "fliplr": [use(ops.fliplr, np.fliplr, (2, 3))],
    "flipud": [use(ops.flipud, np.flipud, (2, 3))],
    "roll": [
        use(ops.roll, np.roll, (2, 3), 2),
        use(ops.roll, np.roll, (2, 3), -4, 1),
        use(ops.roll, np.roll, (2, 3), (1, 2), (0, 1)),
        use(ops.roll, np.roll, (2, 3), 3, 1),
        use(ops.roll, np.roll, (0, 3), 1, 0),
    ],
    "tril": [use(ops.tril, np.tril, (3, 4)), use(ops.tril, np.tril, (2, 3, 3), -1)],
    "triu": [use(ops.triu, np.triu, (3, 4)), use(ops.triu, np.triu, (2, 3, 3), 1)],
    "trace": [
        Case(
            ops.trace,
            np.trace,
            [((3, 3),), ((2, 4),), ((0, 2),)],
            kind="sum",
            n=3,
            scale=lambda x: np.abs(x).max(initial=0.0) * 3,
        )
    ],
}
