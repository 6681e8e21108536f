"""What a case is, and the shapes most ops are tried on."""

from typing import NamedTuple

import numpy as np

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


def use(call, plain, shape, *more, **named):
    """A move of the elements of one tensor, or of several: the same function here and in NumPy, with further arguments."""
    shapes = shape if shape and isinstance(shape[0], tuple) else (shape,)
    return Case(lambda *xs: call(*xs, *more, **named), lambda *xs: plain(*xs, *more, **named), [shapes], kind="bits")


def np_softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True, initial=-np.inf))
    return e / e.sum(axis, keepdims=True)


def np_log_softmax(x, axis=-1):
    s = x - x.max(axis, keepdims=True, initial=-np.inf)
    return s - np.log(np.exp(s).sum(axis, keepdims=True))


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
