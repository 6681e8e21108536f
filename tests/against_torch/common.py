"""What a row is, and the shapes most operations are tried on."""

from typing import NamedTuple


class Row(NamedTuple):
    """``call(m, *tensors)`` with m fastgrad or torch; domain: an operand a letter (+ positive, p in (0, 1)); order: how
    many times it is differentiated."""

    call: object
    shapes: tuple = ((3, 5),)
    domain: str = ""
    order: int = 2


ONE: list = [((),), ((1,),), ((7,),), ((3, 5),), ((2, 3, 4),), ((0,),), ((2, 0, 3),)]
TWO: list = [((), ()), ((5,), (5,)), ((3, 1), (1, 4)), ((2, 3), ()), ((2, 1, 2), (3, 1)), ((3, 0), (3, 1))]


def rows(call, shapes, **more):
    return [Row(call, shape, **more) for shape in shapes]


def unary(name, **more):
    """m.name(x) and x.name()."""
    both = rows(lambda m, x: getattr(m, name)(x), ONE, **more)
    return [*both, Row(lambda m, x: getattr(x, name)(), **more)]


def binary(name, **more):
    """m.name(a, b), a.name(b), and a number on the right."""
    both = rows(lambda m, a, b: getattr(m, name)(a, b), TWO, **more)
    more["domain"] = more.get("domain", "")[:1]
    method = Row(lambda m, a: getattr(a, name)(m.full_like(a, 1.37)), **more)
    return [*both, method, Row(lambda m, a: getattr(m, name)(a, 2.5 + 0 * a.detach()), **more)]
