"""The plain loops an update rule is measured against: its reads and writes, and next to no arithmetic."""

from .common import each


@each(arrays=2)
def stream1(p, g):
    """Like sgd:   p = p + g"""
    p += g


@each(arrays=3)
def stream2(p, g, v):
    """Like momentum:   v = v + g,   p = p + v"""
    v += g
    p += v


@each(arrays=4)
def stream3(p, g, m, v):
    """Like adam:   m = m + g,   v = v + m,   p = p + v"""
    m += g
    v += m
    p += v


@each(arrays=5)
def stream4(p, g, m, v, h):
    """Like a rule of three states:   m = m + g,   v = v + m,   h = h + v,   p = p + h"""
    m += g
    v += m
    h += v
    p += h
