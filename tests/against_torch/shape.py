"""Shapes, indexing, products, einsum."""

import numpy as np

from .common import Row, rows

MATRIX: list = [((3, 4),), ((1, 5),), ((2, 3, 4),)]
INDEX = np.array([[2, 0, 1, 1], [0, 0, 2, 1]])


def uses(*calls, shape=(2, 3, 4), **more):
    return [Row(call, (shape,), **more) for call in calls]


def index(m):
    return m.from_numpy(INDEX)


def changed(x, change):
    out = x.clone()
    change(out)
    return out


EQUATIONS: list = [
    ("ij,jk->ik", (3, 4), (4, 5)),
    ("ij,jk", (3, 4), (4, 5)),
    ("ij->ji", (3, 4)),
    ("ii->i", (4, 4)),
    ("ii", (4, 4)),
    ("i,j->ij", (3,), (4,)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 2)),
    ("...ij,...j->...i", (2, 3, 4), (2, 4)),
    ("i...,i...->...", (3, 2), (3, 2)),
    ("ijk->", (2, 3, 4)),
    ("bi,io,bo->b", (3, 2), (2, 4), (3, 4)),
    ("ij,ij->i", (3, 4), (3, 4)),
    ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)),
]

TABLE: dict = {
    "reshape": uses(lambda m, x: m.reshape(x, (6, 4)), lambda m, x: x.reshape(-1), lambda m, x: x.view(2, -1)),
    "permute": uses(lambda m, x: m.permute(x, (2, 0, 1)), lambda m, x: x.permute(1, 0, -1)),
    "transpose": uses(lambda m, x: m.transpose(x, 0, -1)),
    "swapaxes": uses(lambda m, x: m.swapaxes(x, 0, 1)),
    "swapdims": uses(lambda m, x: m.swapdims(x, 0, 1)),
    "movedim": uses(lambda m, x: m.movedim(x, 0, 2), lambda m, x: x.movedim((0, 1), (2, 0))),
    "t": uses(lambda m, x: m.t(x), lambda m, x: x.T, lambda m, x: x.mT, shape=(3, 4)),
    "squeeze": uses(
        lambda m, x: m.squeeze(x), lambda m, x: x.squeeze(1), lambda m, x: x.squeeze((1, 3)), shape=(2, 1, 3, 1)
    ),
    "unsqueeze": uses(lambda m, x: m.unsqueeze(x, 0), lambda m, x: x.unsqueeze(-1)),
    "flatten": uses(lambda m, x: m.flatten(x), lambda m, x: x.flatten(1), lambda m, x: x.flatten(0, 1)),
    "unflatten": uses(lambda m, x: m.unflatten(x, 2, (2, 2)), lambda m, x: x.unflatten(1, (3, -1))),
    "ravel": uses(lambda m, x: m.ravel(x)),
    "broadcast_to": uses(lambda m, x: m.broadcast_to(x, (5, 2, 3, 4)), lambda m, x: x.expand(2, -1, -1, -1)),
    "expand": [Row(lambda m, x: x.expand(3, 4), ((3, 1),)), Row(lambda m, x: x.expand(2, 3), ((),))],
    "reshape_as": [Row(lambda m, x, y: x.reshape_as(y), ((3, 4), (2, 6)))],
    "expand_as": [Row(lambda m, x, y: x.expand_as(y), ((1, 4), (3, 4)))],
    "broadcast_tensors": [Row(lambda m, a, b: m.broadcast_tensors(a, b), ((3, 1), (1, 4)))],
    "flip": uses(lambda m, x: m.flip(x, (0,)), lambda m, x: x.flip(1, 2)),
    "fliplr": uses(lambda m, x: m.fliplr(x)),
    "flipud": uses(lambda m, x: m.flipud(x)),
    "roll": uses(lambda m, x: m.roll(x, 1), lambda m, x: m.roll(x, (1, -2), (0, 2)), lambda m, x: x.roll(-1, 1)),
    "stack": [
        Row(lambda m, a, b: m.stack([a, b]), ((3, 4), (3, 4))),
        Row(lambda m, a, b: m.stack((a, b), -1), ((3,), (3,))),
    ],
    "concatenate": [Row(lambda m, a, b: m.concatenate([a, b], 1), ((3, 4), (3, 2)))],
    "cat": [
        Row(lambda m, a, b: m.cat((a, b)), ((3, 4), (2, 4))),
        Row(lambda m, a, b: m.cat([a, b], dim=-1), ((3, 4), (3, 1))),
    ],
    "dstack": [Row(lambda m, a, b: m.dstack([a, b]), ((3,), (3,))), Row(lambda m, a: m.dstack([a, a * 2]), ((2, 3),))],
    "column_stack": [Row(lambda m, a, b: m.column_stack([a, b]), ((3,), (3, 2)))],
    "hstack": [Row(lambda m, a, b: m.hstack([a, b]), ((3,), (2,)))],
    "vstack": [Row(lambda m, a, b: m.vstack([a, b]), ((3,), (3,)))],
    "split": uses(lambda m, x: m.split(x, 2, 2), lambda m, x: x.split([1, 3], dim=2), lambda m, x: m.split(x, 3, -1)),
    "chunk": uses(lambda m, x: m.chunk(x, 2, 2), lambda m, x: x.chunk(3, 1)),
    "unbind": uses(lambda m, x: m.unbind(x), lambda m, x: x.unbind(1)),
    "tile": uses(lambda m, x: m.tile(x, (2, 1, 1)), lambda m, x: x.tile(2)),
    "repeat": uses(lambda m, x: x.repeat(2, 1, 2), lambda m, x: x.repeat(2, 1, 1, 1)),
    "repeat_interleave": uses(lambda m, x: m.repeat_interleave(x, 2, 1), lambda m, x: x.repeat_interleave(3)),
    "narrow": uses(lambda m, x: m.narrow(x, 2, 1, 2)),
    "select": uses(lambda m, x: m.select(x, 1, -1)),
    "diagonal": uses(lambda m, x: m.diagonal(x), lambda m, x: x.diagonal(1, 1, 2)),
    "diag_embed": [
        Row(lambda m, x: m.diag_embed(x)),
        Row(lambda m, x: x.diag_embed(1)),
        Row(lambda m, x: m.diag_embed(x, -2)),
    ],
    "diag": [
        Row(lambda m, x: m.diag(x), ((3,),)),
        Row(lambda m, x: m.diag(x, 1), ((3, 4),)),
        Row(lambda m, x: m.diag(x, -1), ((3,),)),
    ],
    "triu": rows(lambda m, x: m.triu(x), MATRIX) + rows(lambda m, x: x.triu(1), MATRIX),
    "tril": rows(lambda m, x: m.tril(x), MATRIX) + rows(lambda m, x: x.tril(-1), MATRIX),
    "trace": [Row(lambda m, x: m.trace(x), ((3, 3),))],
    "pad": uses(
        lambda m, x: m.nn.functional.pad(x, (1, 2)),
        lambda m, x: m.nn.functional.pad(x, (1, 0, 2, 1), "constant", 0.5),
        lambda m, x: m.nn.functional.pad(x, (-1, 1)),
    ),
    "meshgrid": [
        Row(lambda m, a, b: m.meshgrid(a, b, indexing="ij"), ((3,), (2,))),
        Row(lambda m, a, b: m.meshgrid(a, b, indexing="xy"), ((3,), (2,))),
    ],
    "atleast_1d": [Row(lambda m, x: m.atleast_1d(x), ((),))],
    "atleast_3d": [Row(lambda m, x: m.atleast_3d(x), ((3,),)), Row(lambda m, x: m.atleast_3d(x), ((2, 3),))],
    "atleast_2d": [Row(lambda m, x: m.atleast_2d(x), ((3,),))],
    "getitem": uses(
        lambda m, x: x[1],
        lambda m, x: x[..., -1],
        lambda m, x: x[:, 1:, ::2],
        lambda m, x: x[None, :, 0],
        lambda m, x: x[m.tensor([1, 0, 1])],
        lambda m, x: x[:, m.tensor([2, 0])],
        lambda m, x: x[m.tensor([1, 0]), m.tensor([2, 2])],
        lambda m, x: x[:, m.tensor([[2, 0], [1, -1]]), 1:3],
        lambda m, x: x[x > 0],
        lambda m, x: x[:, [0, 2]],
        lambda m, x: x[0, m.tensor([1, 2]), :],
    ),
    "setitem": uses(
        lambda m, x: changed(x, lambda y: y.__setitem__(1, 0.5)),
        lambda m, x: changed(x, lambda y: y.__setitem__((0, slice(1, None)), y[1, :2] * 2)),
        lambda m, x: changed(x, lambda y: y.__setitem__(y > 0, 0.0)),
        lambda m, x: changed(x, lambda y: y.__setitem__(m.tensor([1]), x[:1] * x[1:])),
        lambda m, x: changed(x, lambda y: y[0].mul_(x[1])),
    ),
    "gather": [
        Row(lambda m, x: m.gather(x, 0, index(m)), ((3, 4),)),
        Row(lambda m, x: x.gather(1, index(m)), ((2, 3),)),
    ],
    "scatter": [
        Row(lambda m, x, s: m.scatter(x, 0, index(m)[:1], s), ((3, 4), (1, 4))),
        Row(lambda m, x: x.scatter(0, index(m)[:1], 0.5), ((3, 4),)),
    ],
    "scatter_add": [Row(lambda m, x, s: m.scatter_add(x, 0, index(m), s), ((3, 4), (2, 4)))],
    "index_select": uses(lambda m, x: m.index_select(x, 1, m.tensor([2, 0, 0]))),
    "index_copy": [Row(lambda m, x, s: m.index_copy(x, 1, m.tensor([3, 0]), s), ((3, 4), (3, 2)))],
    "index_fill": [Row(lambda m, x: m.index_fill(x, 1, m.tensor([3, 0]), 0.5), ((3, 4),))],
    "index_add": [Row(lambda m, x, s: m.index_add(x, 0, m.tensor([0, 0, 2]), s), ((3, 4), (3, 4)))],
    "take": uses(lambda m, x: m.take(x, m.tensor([0, 23, 5, 5]))),
    "take_along_dim": [Row(lambda m, x: m.take_along_dim(x, index(m), dim=0), ((3, 4),))],
    "masked_select": uses(lambda m, x: m.masked_select(x, x > 0)),
    "argwhere": uses(lambda m, x: m.argwhere(x > 0), order=0),
    "nonzero": uses(lambda m, x: m.nonzero(x > 0), order=0),
    "embedding": [Row(lambda m, w: m.nn.functional.embedding(index(m), w), ((3, 4),))],
    "one_hot": [
        Row(lambda m, x: m.nn.functional.one_hot(index(m), 4), order=0),
        Row(lambda m, x: m.nn.functional.one_hot(index(m)), order=0),
    ],
    "matmul": [
        Row(lambda m, a, b: a @ b, shapes)
        for shapes in [
            ((3, 4), (4, 5)),
            ((4,), (4,)),
            ((4,), (4, 5)),
            ((3, 4), (4,)),
            ((2, 3, 4), (4, 5)),
            ((2, 3, 4), (2, 4, 5)),
            ((2, 1, 3, 4), (5, 4, 2)),
            ((3, 0), (0, 2)),
        ]
    ],
    "mm": [Row(lambda m, a, b: m.mm(a, b), ((3, 4), (4, 5)))],
    "bmm": [Row(lambda m, a, b: m.bmm(a, b), ((2, 3, 4), (2, 4, 5)))],
    "mv": [Row(lambda m, a, b: m.mv(a, b), ((3, 4), (4,)))],
    "vdot": [Row(lambda m, a, b: m.vdot(a, b), ((4,), (4,)))],
    "dot": [Row(lambda m, a, b: m.dot(a, b), ((4,), (4,)))],
    "inner": [Row(lambda m, a, b: m.inner(a, b), ((4,), (4,))), Row(lambda m, a, b: m.inner(a, b), ((3, 4), (2, 4)))],
    "outer": [Row(lambda m, a, b: m.outer(a, b), ((4,), (3,)))],
    "addmm": [Row(lambda m, c, a, b: m.addmm(c, a, b, beta=0.5, alpha=2.0), ((5,), (3, 4), (4, 5)))],
    "addmv": [Row(lambda m, c, a, v: m.addmv(c, a, v, beta=0.5, alpha=2.0), ((3,), (3, 4), (4,)))],
    "addbmm": [Row(lambda m, c, a, b: m.addbmm(c, a, b, beta=0.5, alpha=2.0), ((3, 5), (2, 3, 4), (2, 4, 5)))],
    "baddbmm": [Row(lambda m, c, a, b: m.baddbmm(c, a, b), ((2, 3, 5), (2, 3, 4), (2, 4, 5)))],
    "einsum": [Row(lambda m, *xs, e=equation: m.einsum(e, *xs), tuple(shapes)) for equation, *shapes in EQUATIONS],
    "tensordot": [
        Row(lambda m, a, b: m.tensordot(a, b, dims=1), ((2, 3, 4), (4, 5))),
        Row(lambda m, a, b: m.tensordot(a, b, dims=([1, 0], [0, 1])), ((2, 3, 4), (3, 2, 5))),
    ],
    "kron": [Row(lambda m, a, b: m.kron(a, b), ((2, 3), (3, 2)))],
    "linear": [Row(lambda m, x, w, b: m.nn.functional.linear(x, w, b), ((3, 4), (5, 4), (5,)))],
}

ELSEWHERE: dict = {}
