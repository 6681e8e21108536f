"""What the ops are tried on: for every op some uses of it, the same thing in NumPy, and shapes."""

from functools import partial
from typing import NamedTuple

import numpy as np

from fastgrad import kernels, ops
from fastgrad.ops import OPS, apply


class Case(NamedTuple):
    """One use of an op. `call` takes tensors (or arrays), `plain` arrays: the same thing in NumPy alone."""

    call: object
    plain: object
    shapes: list  # of tuples: the shapes of the operands
    kind: str = "formula"  # row of the table of tolerances
    scale: object = None  # of the error, given the arrays
    n: int = 1  # terms that are added up
    domain: str = ""  # an operand a letter: + positive, p a probability, anything else: any number
    order: int = 2  # how many times it is differentiated here
    refused: str = ""  # what a capture says if it cannot record the op


def fused(name, *constants):
    """An op applied to tensors and then to things that are not differentiated."""
    return lambda *xs: apply(OPS[name], *xs, *constants)


def np_softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True, initial=-np.inf))
    return e / e.sum(axis, keepdims=True)


def np_log_softmax(x, axis=-1):
    s = x - x.max(axis, keepdims=True, initial=-np.inf)
    return s - np.log(np.exp(s).sum(axis, keepdims=True))


def np_sum_to(x, shape):
    x = x.sum(tuple(range(x.ndim - len(shape))))
    return x.sum(tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True).reshape(shape)


def np_put(dout, key, shape):
    out = np.zeros(shape, dout.dtype)
    np.add.at(out, key, dout)
    return out


def np_max_put(dout, index, shape, axis):
    out = np.zeros(shape, dout.dtype)
    np.put_along_axis(out, np.expand_dims(index, axis), np.expand_dims(dout, axis), axis)
    return out


def row_scale(*arrays):
    return 1 + sum(np.abs(x).max(initial=0.0) for x in arrays)


ONE = [((),), ((1,),), ((7,),), ((3, 5),), ((0,),), ((2, 0, 3),)]
TWO = [((), ()), ((1,), (1,)), ((5,), (5,)), ((3, 1), (1, 4)), ((2, 3), ()), ((), (3,)), ((2, 1, 2), (3, 1))]
TWO += [((0,), (1,)), ((3, 0), (3, 1))]
PAIR = [((), ()), ((3, 5), (3, 5)), ((0,), (0,))]
ROWS = [((1, 1),), ((3, 5),), ((2, 17),), ((0, 3),), ((3, 0),)]
T3 = np.array([2, 0, 1])
MASK = np.array([[True, False, True, True, False]] * 3)


def unary(call, plain, **more):
    return [Case(call, plain, ONE, **more)]


def binary(call, plain, **more):
    """Two tensors that broadcast, and one tensor with a number on either side."""
    return [
        Case(call, plain, TWO, **more),
        Case(lambda x: call(x, 1.5), lambda x: plain(x, 1.5), [((4,),), ((),)], **more),
        Case(lambda x: call(1.5, x), lambda x: plain(1.5, x), [((4,),), ((),)], **more),
    ]


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
    "Relu": unary(ops.relu, lambda x: np.maximum(x, 0), kind="bits"),
    "ReluBackward": [Case(fused("ReluBackward"), lambda d, y: np.where(y > 0, d, 0), PAIR, kind="bits")],
    "Sigmoid": unary(ops.sigmoid, lambda x: 1 / (1 + np.exp(-x)), kind="elementary"),
    "SigmoidBackward": [Case(fused("SigmoidBackward"), lambda d, y: d * y * (1 - y), PAIR, domain=" p")],
    "Tanh": unary(ops.tanh, np.tanh, kind="elementary"),
    "TanhBackward": [Case(fused("TanhBackward"), lambda d, y: d * (1 - y * y), PAIR, domain=" p")],
    "SumTo": [
        Case(
            partial(ops.sum_to, shape=to),
            partial(np_sum_to, shape=to),
            [(shape,)],
            kind="sum",
            n=24,
            scale=lambda x: np.abs(x).sum(),
        )
        for shape, to in [
            ((3, 5), (5,)),
            ((3, 5), (3, 1)),
            ((3, 5), ()),
            ((2, 3, 4), (1, 4)),
            ((2, 1, 4), (1, 1)),
            ((0, 3), (3,)),
            ((1, 3), (3,)),
        ]
    ],
    "BroadcastTo": [
        Case(partial(ops.broadcast_to, shape=to), partial(np.broadcast_to, shape=to), [(shape,)], kind="bits")
        for shape, to in [((5,), (3, 5)), ((3, 1), (3, 5)), ((), (2, 3)), ((1, 3), (0, 3)), ((2, 2), (2, 2))]
    ],
    "Sum": [
        Case(
            partial(ops.sum, dim=dim, keepdim=keep),
            partial(np.sum, axis=dim, keepdims=keep),
            [(shape,)],
            kind="sum",
            n=24,
            scale=partial(lambda x, dim, keep: np.abs(x).sum(axis=dim, keepdims=keep), dim=dim, keep=keep),
        )
        for shape, dim, keep in [
            ((), None, False),
            ((7,), None, False),
            ((3, 5), None, True),
            ((3, 5), 0, False),
            ((3, 5), -1, True),
            ((2, 3, 4), (0, 2), False),
            ((2, 3, 4), (1, 2), True),
            ((2, 3, 4), 1, False),
            ((0, 3), 0, False),
            ((3, 0), 0, True),
        ]
    ],
    "Mean": [
        Case(
            partial(ops.mean, dim=dim, keepdim=keep),
            partial(np.mean, axis=dim, keepdims=keep),
            [(shape,)],
            kind="sum",
            n=24,
            scale=partial(lambda x, dim, keep: np.abs(x).mean(axis=dim, keepdims=keep), dim=dim, keep=keep),
        )
        for shape, dim, keep in [
            ((), None, False),
            ((7,), None, False),
            ((3, 5), 0, True),
            ((2, 3, 4), (0, 2), False),
            ((3, 0), 0, False),
        ]
    ],
    "Max": [
        Case(
            lambda x, dim=dim, keep=keep: ops.max(x, dim, keep)[0],
            partial(np.max, axis=dim, keepdims=keep),
            [(shape,)],
            kind="bits",
        )
        for shape, dim, keep in [
            ((7,), 0, False),
            ((3, 5), 0, True),
            ((3, 5), -1, False),
            ((2, 3, 4), 1, False),
            ((0, 3), 1, False),
            ((3, 1), 1, True),
        ]
    ],
    "MaxBackward": [
        Case(
            fused("MaxBackward", index, shape, axis),
            partial(np_max_put, index=index.reshape(dout), shape=shape, axis=axis),
            [(dout,)],
            kind="bits",
        )
        for index, shape, axis, dout in [
            (T3.reshape(1, 3), (3, 3), 0, (3,)),
            (T3.reshape(3, 1), (3, 4), 1, (3,)),
            (np.zeros((2, 2), int), (2, 1, 2), 1, (2, 2)),
        ]
    ],
    "Amax": [Case(lambda x: ops.max(x), np.max, [((),), ((1,),), ((7,),), ((3, 5),)], kind="bits")],
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
    "GetItem": [
        Case(partial(ops.getitem, key=key), partial(lambda x, key: x[key], key=key), [(shape,)], kind="bits")
        for shape, key in [
            ((5,), 2),
            ((5,), -1),
            ((5,), slice(1, 4)),
            ((5,), slice(None, None, -2)),
            ((3, 4), (slice(None), 1)),
            ((3, 4), (None, 2)),
            ((3, 4), (Ellipsis, slice(0, 0))),
            ((2, 3, 2), (1, Ellipsis, 0)),
            ((), ()),
            ((3,), np.int64(1)),
        ]
    ]
    + [
        Case(
            partial(ops.getitem, key=key),
            partial(lambda x, key: x[key], key=key),
            [(shape,)],
            kind="bits",
            refused="indexing with an array",
        )
        for shape, key in [
            ((5,), T3),
            ((5,), np.array([1, 1, 1])),
            ((3, 5), MASK),
            ((3, 4), (T3, np.array([0, 0, 3]))),
            ((3, 4), (slice(None), T3)),
            ((4,), True),
        ]
    ],
    "GetItemBackward": [
        Case(
            fused("GetItemBackward", (slice(1, 4, 2),), (5,)),
            partial(np_put, key=(slice(1, 4, 2),), shape=(5,)),
            [((2,),)],
            kind="bits",
        ),
        Case(
            fused("GetItemBackward", (T3,), (4, 2)),
            partial(np_put, key=(T3,), shape=(4, 2)),
            [((3, 2),)],
            kind="bits",
            refused="indexing with an array",
        ),
    ],
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
    "Softmax": [Case(lambda x: ops.softmax(x, 1), np_softmax, ROWS, kind="row", n=17)]
    + [
        Case(partial(ops.softmax, dim=dim), partial(np_softmax, axis=dim), [(shape,)], kind="row", n=5)
        for shape, dim in [
            ((5,), 0),
            ((3, 4), 0),
            ((2, 3, 4), 1),
            ((2, 3, 4), -1),
            ((2, 0, 3), 2),
            ((2, 3, 0), 2),
            ((3, 0), 0),
            ((0,), 0),
        ]
    ]
    + [Case(lambda x: ops.softmax(x, 0), np.ones_like, [((),)], kind="row")],
    "SoftmaxBackward": [
        Case(
            fused("SoftmaxBackward"),
            lambda d, y: y * (d - (d * y).sum(1, keepdims=True)),
            [((3, 5), (3, 5)), ((1, 1), (1, 1)), ((0, 2), (0, 2))],
            kind="row",
            n=5,
            domain=" p",
            scale=lambda d, y: y * (np.abs(d) + (np.abs(d) * y).sum(1, keepdims=True)),
        )
    ],
    "LogSoftmax": [Case(lambda x: ops.log_softmax(x, 1), np_log_softmax, ROWS, kind="row", n=17, scale=row_scale)]
    + [
        Case(
            partial(ops.log_softmax, dim=dim),
            partial(np_log_softmax, axis=dim),
            [(shape,)],
            kind="row",
            n=5,
            scale=row_scale,
        )
        for shape, dim in [((5,), 0), ((3, 4), 0), ((2, 3, 4), 1), ((2, 3, 4), -1)]
    ],
    "LogSoftmaxBackward": [
        Case(
            fused("LogSoftmaxBackward"),
            lambda d, y: d - np.exp(y) * d.sum(1, keepdims=True),
            [((3, 5), (3, 5)), ((1, 1), (1, 1)), ((0, 2), (0, 2))],
            kind="row",
            n=5,
            scale=lambda d, y: np.abs(d) + np.exp(y) * np.abs(d).sum(1, keepdims=True),
        )
    ],
    "CrossEntropy": [
        Case(
            lambda x: ops.cross_entropy(x, T3, reduction="none"),
            lambda x: -np_log_softmax(x)[np.arange(3), T3],
            [((3, 3),), ((3, 17),)],
            kind="row",
            n=17,
            scale=row_scale,
        ),
        Case(
            lambda x: ops.cross_entropy(x, T3),
            lambda x: -np_log_softmax(x)[np.arange(3), T3].mean(),
            [((3, 4),)],
            kind="row",
            n=17,
            scale=row_scale,
        ),
        Case(
            lambda x: ops.cross_entropy(x, T3, "sum"),
            lambda x: -np_log_softmax(x)[np.arange(3), T3].sum(),
            [((3, 4),)],
            kind="row",
            n=17,
            scale=row_scale,
        ),
        Case(
            lambda x: ops.cross_entropy(x, np.int64(1)),
            lambda x: -np_log_softmax(x)[1],
            [((4,),)],
            kind="row",
            n=4,
            scale=row_scale,
        ),
        Case(lambda x: ops.cross_entropy(x, T3[:0], "sum"), lambda x: np.float64(0), [((0, 4),)], kind="row"),
        Case(
            lambda x: ops.cross_entropy(x, T3.astype(np.uint8), "none"),
            lambda x: -np_log_softmax(x)[np.arange(3), T3],
            [((3, 4),)],
            kind="row",
            n=4,
            scale=row_scale,
            refused="uint8 labels",
        ),
    ],
    "CrossEntropyBackward": [
        Case(
            lambda d, x: apply(
                OPS["CrossEntropyBackward"],
                d,
                x,
                kernels.log_softmax(np.ascontiguousarray(x if isinstance(x, np.ndarray) else x.data)),
                T3,
            ),
            lambda d, x: d[:, None] * (np_softmax(x) - np.eye(x.shape[1])[T3]),
            [((3,), (3, 3)), ((3,), (3, 5))],
            kind="row",
            n=5,
            scale=lambda d, x: np.abs(d)[:, None],
        )
    ],
    "Matmul": [
        Case(
            ops.matmul,
            np.matmul,
            [
                ((2, 3), (3, 4)),
                ((1, 1), (1, 1)),
                ((3, 0), (0, 2)),
                ((0, 3), (3, 2)),
                ((5, 7), (7, 1)),
                ((3,), (3,)),
                ((3,), (3, 2)),
                ((2, 3), (3,)),
                ((2, 2, 3), (3, 2)),
            ],
            kind="product",
            n=7,
            scale=lambda a, b: np.abs(a) @ np.abs(b),
        ),
        Case(
            lambda a: ops.matmul(a, ops.transpose(a, 0, 1)),
            lambda a: a @ a.T,
            [((3, 4),)],
            kind="product",
            n=4,
            scale=lambda a: np.abs(a) @ np.abs(a).T,
        ),
    ],
    "BatchMatmul": [
        Case(
            ops.matmul,
            np.matmul,
            [
                ((2, 2, 3), (2, 3, 2)),
                ((2, 1, 3), (1, 3, 2)),
                ((3, 2), (2, 2, 1)),
                ((0, 2, 3), (0, 3, 2)),
                ((2, 1, 2, 1), (3, 1, 2)),
                ((2,), (2, 2, 3)),
            ],
            kind="product",
            n=3,
            scale=lambda a, b: np.abs(a) @ np.abs(b),
        )
    ],
    "Linear": [
        Case(
            ops.linear,
            lambda x, w, b: x @ w.T + b,
            [
                ((3, 2), (4, 2), (4,)),
                ((1, 1), (1, 1), (1,)),
                ((0, 2), (3, 2), (3,)),
                ((2,), (3, 2), (3,)),
                ((2, 2, 3), (2, 3), (2,)),
            ],
            kind="product",
            n=4,
            scale=lambda x, w, b: np.abs(x) @ np.abs(w).T + np.abs(b),
        ),
        Case(
            ops.linear,
            lambda x, w: x @ w.T,
            [((3, 2), (4, 2))],
            kind="product",
            n=4,
            scale=lambda x, w: np.abs(x) @ np.abs(w).T,
        ),
    ],
}
