"""Nodes with several results: `autograd.Function` and the backward hooks of modules.

A node of the tape has one result. Several are one joint node, whose gradient is a `Parts`: one gradient, or None, for
each result; and for each result a node of its own, which hands its gradient to the joint node as one of the parts. So
nothing is copied, results that nobody used cost nothing, and the joint rule runs once, when all parts have arrived.
"""

from . import tape
from .tape import Node, Parts

__all__ = ["Joint", "part", "record_joint"]


class Joint:
    """A rule for the tape that is no op: ``backward(ctx, dout)``; dout is a `Parts` if there are several results."""

    saves: tuple = ()
    part: type

    def __init_subclass__(cls):
        cls.part = type(cls.__name__, (Part,), {})


class Part:
    """The rule of one result: its gradient is one of the parts."""

    saves: tuple = ()

    @staticmethod
    def backward(ctx, dout):
        i, n = ctx.info
        return Parts(dout if k == i else None for k in range(n))


def record_joint(rule, node, edges, arrays, results):
    """`tape.record` for a list of arrays, None where a result is not differentiable. One alone needs no parts."""
    if len(results) == 1:
        return [tape.record(rule, node, edges, arrays, results[0])]
    tape.record(rule, node, edges, arrays, Parts(results))
    return [None if a is None else part(rule, node, i, len(results), a) for i, a in enumerate(results)]


def part(rule, node, i, n, array):
    """Result `i` of `n` of a joint node."""
    own = Node()
    own.info = i, n
    return tape.record(rule.part, own, (node,), (array,), array)


def copied(node, i, g):
    """A gradient for edge `i`: a leaf keeps its own, which may not be somebody else's array."""
    edge = node.inputs[i] if i < len(node.inputs) else None
    return g if g is None or edge is None or type(edge) is Node else tape.copy(g)
