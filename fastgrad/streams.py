"""Streams: what tells one draw of dropout from the next.

The random bits of a kernel are a function of a key, a stream and the index of the element. The key is the seed, and
every draw takes a stream of its own, the next number of a count. `fastgrad.random` starts the count and saves it; a
captured step takes for each replay as many streams as the step takes.
"""

from threading import Lock
from typing import NamedTuple

_lock = Lock()
_key = (0, 0)
_count = 0


class Draw(NamedTuple):
    """What a kernel needs to draw from a stream, and to draw the same again. A captured step puts another stream in the
    place of a Draw's at every replay; a plain tuple of the same numbers stays as it is."""

    key0: int
    key1: int
    stream: int


def start(seed):
    """Counts from 0 again, with the lowest 64 bits of a seed as the key."""
    global _key, _count
    with _lock:
        _key, _count = (seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF), 0


def count():
    """How many streams have been taken."""
    return _count


def take(n=1):
    """Takes n streams in a row; returns the number of the first."""
    global _count
    with _lock:
        first, _count = _count, _count + n
    return first


def draw():
    """A draw from the next stream."""
    return Draw(*_key, take())


def draw_of(stream):
    """The draw from a stream that has been taken."""
    return Draw(*_key, stream)


def get_state():
    return {"key": _key, "count": _count}


def set_state(state):
    global _key, _count
    with _lock:
        key0, key1 = state["key"]
        _key, _count = (int(key0), int(key1)), int(state["count"])
