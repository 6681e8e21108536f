"""Drawn numbers, what of them is compared, and how a call is timed."""

import time

import numpy as np

__all__ = ["SLICE", "Clock", "draw", "measure", "probe"]

SLICE = 0.02  # seconds a turn takes at least, so that the clock's own resolution does not count
LONG = 0.25  # seconds: a call that takes longer needs no warm-up
BLOCK = 1 << 20


def draw(seed, *shape, scale=1.0, dtype=np.float32):
    """Standard normal numbers, the same in every process."""
    return np.random.default_rng(seed).standard_normal(shape, dtype=dtype) * np.dtype(dtype).type(scale)


def draw_into(array, seed, scale=1.0):
    """Fills an array with standard normal numbers; a large one with the same million again and again."""
    flat = array.reshape(-1)
    block = draw(seed, min(flat.size, BLOCK), scale=scale, dtype=array.dtype.type)
    for start in range(0, flat.size, BLOCK):
        flat[start : start + BLOCK] = block[: flat.size - start]


def probe(array, n=16):
    """A few elements, spread over the array, as Python floats: what two libraries are compared by."""
    flat = np.asarray(array).reshape(-1)
    return [float(flat[i]) for i in np.linspace(0, flat.size - 1, min(n, flat.size)).astype(int)]


def measure(call, seconds=1.0, rounds=15):
    """Seconds a call in each of `rounds` rounds, each long enough to be timed, after a warm-up."""
    call()
    start = time.perf_counter()
    call()
    once = time.perf_counter() - start
    for _ in range(min(200, int(0.2 / once))):
        call()
    start = time.perf_counter()
    for _ in range(inner := max(1, min(200, int(0.1 / once)))):
        call()
    inner = max(1, int(seconds / rounds / ((time.perf_counter() - start) / inner)))
    return [spell(call, inner) for _ in range(rounds)]


def spell(call, inner):
    """Seconds a call, over `inner` calls one after the other."""
    start = time.perf_counter()
    for _ in range(inner):
        call()
    return (time.perf_counter() - start) / inner


class Clock:
    """One call, timed a turn at a time; how many calls make a turn is found out before the first one."""

    def __init__(self, call):
        self.call, self.inner, self.long = call, 0, False

    def turn(self, seconds=SLICE):
        """Seconds a call. One call is thrown away first, unless it is long: others have had the caches."""
        if not self.inner:
            self.call()
            once = spell(self.call, 1)
            once = spell(self.call, max(1, min(200, int(0.25 * seconds / once))))
            self.inner, self.long = max(1, int(seconds / once)), once > LONG
        if not self.long:
            self.call()
        return spell(self.call, self.inner)
