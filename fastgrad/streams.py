"""Streams: what tells one draw of dropout from the next.

The random bits of a kernel are a function of a key, a stream and the index of the element. The key is the seed, and
every draw takes a stream of its own, the next number of a count. `fastgrad.random` starts the count and saves it; a
captured step takes for each replay as many streams as the step takes. All threads share one count, but for a thread
that has been given its own (`fastgrad.random.fork_rng`).
"""

from threading import Lock, local
from typing import NamedTuple


class Draw(NamedTuple):
    """What a kernel needs to draw from a stream, and to draw the same again. A captured step puts another stream in the
    place of a Draw's at every replay; a plain tuple of the same numbers stays as it is."""

    key0: int
    key1: int
    stream: int


class Streams:
    """A key, and how many of its streams have been taken."""

    def __init__(self):
        self.lock, self.key, self.count = Lock(), (0, 0), 0


class Here(local):
    """What this thread takes its streams from; every thread begins with the same."""

    streams = Streams()


here = Here()


def start(seed):
    """Counts from 0 again, with the lowest 64 bits of a seed as the key."""
    mine = here.streams
    with mine.lock:
        mine.key, mine.count = (seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF), 0


def count():
    """How many streams have been taken."""
    return here.streams.count


def take(n=1):
    """Takes n streams in a row; returns the number of the first."""
    mine = here.streams
    with mine.lock:
        first, mine.count = mine.count, mine.count + n
    return first


def draw():
    """A draw from the next stream."""
    return Draw(*here.streams.key, take())


def draw_of(stream):
    """The draw from a stream that has been taken."""
    return Draw(*here.streams.key, stream)


def get_state():
    return {"key": here.streams.key, "count": here.streams.count}


def set_state(state):
    mine = here.streams
    with mine.lock:
        key0, key1 = state["key"]
        mine.key, mine.count = (int(key0), int(key1)), int(state["count"])
