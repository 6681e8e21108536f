"""Random numbers of the data room: a stream is a function of (seed, kind, epoch, batch). So a run that is resumed in
the middle of an epoch, and a thread that prepares batches ahead, have the same numbers."""

import operator
from typing import Any

import numpy as np

from ..random import default_generator

KINDS = {"order": 1, "transform": 2, "split": 3}


def stream(seed: int, kind: str, epoch: int = 0, batch: int = 0) -> np.random.Generator:
    """The generator of one epoch and batch: Philox with the key (seed, kind) and a counter that begins at
    (0, 0, epoch, batch). Philox counts from the first word on, so no two streams share a number."""
    return np.random.Generator(np.random.Philox(key=words(seed, KINDS[kind]), counter=words(0, 0, epoch, batch)))


def words(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.uint64)


class Seed:
    """A seed that is given, or is drawn when it is first needed: from `generator`, or from fastgrad's own."""

    __slots__ = ("generator", "value")

    def __init__(self, owner: str, seed: Any = None, generator: Any = None):
        if generator is not None and not isinstance(generator, np.random.Generator):
            raise TypeError(
                f"{owner}: generator must be NumPy's, as numpy.random.default_rng(7), not {type(generator).__name__}; "
                f"a number is given as seed="
            )
        if seed is not None and generator is not None:
            raise ValueError(f"{owner}: give a seed or a generator, not both")
        self.generator = generator
        self.value = None if seed is None else as_seed(owner, seed)

    def get(self) -> int:
        if self.value is None:
            source = default_generator() if self.generator is None else self.generator
            self.value = int(source.integers(0, 2**63))
        return self.value


def as_seed(owner: str, seed: Any) -> int:
    """An integer of 64 bits. Errors: TypeError, ValueError."""
    try:
        number = operator.index(seed)
    except TypeError:
        raise TypeError(f"{owner}: seed must be an integer, not {seed!r}") from None
    if isinstance(seed, (bool, np.bool_)) or not 0 <= number < 2**64:
        raise ValueError(f"{owner}: seed must be an integer from 0 to 2**64 - 1, not {seed!r}")
    return number
