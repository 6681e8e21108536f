"""Samplers: which samples an epoch takes, and in which order.

One that draws is a function of (seed, epoch): the seed is given, or drawn at the first epoch, and every ``iter()`` is
the next epoch. `set_epoch` chooses it, so that an order can be had again.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..random import chosen
from .seeds import Seed, stream

__all__ = [
    "BatchSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
]


class Sampler:
    """Gives the indices of an epoch. One of your own has ``__iter__`` and ``__len__``; for a `DataLoader` that can be
    resumed also ``set_epoch(epoch)``, or ``state_dict()`` and ``load_state_dict(state)``."""

    def __iter__(self) -> Iterator:
        raise NotImplementedError(f"{type(self).__name__} needs __iter__, which gives indices")


class SequentialSampler(Sampler):
    """0, 1, ..., N - 1.

    >>> list(SequentialSampler([10, 20, 30]))
    [0, 1, 2]
    """

    def __init__(self, data_source: Any):
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self)))

    def __len__(self) -> int:
        return len(self.data_source)

    def next_order(self) -> np.ndarray:
        """The order as an array."""
        return np.arange(len(self))

    def set_epoch(self, epoch: int) -> None:
        """Every epoch is the same."""


class Drawing(Sampler):
    """A sampler that draws: `draw(rng)` gives the order of an epoch as an array."""

    def __init__(self, seed: Any, generator: Any):
        self._seed = seed if isinstance(seed, Seed) else Seed(type(self).__name__, seed, generator)
        self.epoch = 0

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        raise NotImplementedError

    def next_order(self) -> np.ndarray:
        """The order of the next epoch as an array."""
        order = self.draw(stream(self._seed.get(), "order", self.epoch))
        self.epoch += 1
        return order

    def __iter__(self) -> Iterator[int]:
        return iter(self.next_order().tolist())

    def set_epoch(self, epoch: int) -> None:
        """The next order is that of this epoch, counted from 0."""
        self.epoch = epoch

    def state_dict(self) -> dict:
        """The seed and the epoch that comes next."""
        return {"seed": self._seed.value, "epoch": self.epoch}

    def load_state_dict(self, state: dict) -> None:
        self._seed.value, self.epoch = state["seed"], state["epoch"]


class RandomSampler(Drawing):
    """The samples in a random order, each once; with replacement, N independent draws. `num_samples` are so many in
    place of N; without replacement, more than N are one permutation after the other.

    >>> sorted(RandomSampler(range(5), seed=1))
    [0, 1, 2, 3, 4]
    """

    def __init__(
        self,
        data_source: Any,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: np.random.Generator | None = None,
        *,
        seed: Any = None,
    ):
        super().__init__(seed, generator)
        self.data_source, self.replacement, self._num_samples = data_source, bool(replacement), num_samples
        if num_samples is not None:
            as_count("RandomSampler: num_samples", num_samples)

    @property
    def num_samples(self) -> int:
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __len__(self) -> int:
        return self.num_samples

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        n, k = len(self.data_source), self.num_samples
        if k and not n:
            raise ValueError(f"RandomSampler: {k} samples of a dataset that has none")
        if self.replacement:
            return rng.integers(0, n, k) if k else np.arange(0)
        if k <= n:
            return rng.permutation(n)[:k]
        return np.concatenate([rng.permutation(n) for _ in range(-(-k // n))])[:k]


class SubsetRandomSampler(Drawing):
    """These indices in a random order, each once.

    >>> sorted(SubsetRandomSampler([3, 5, 8]))
    [3, 5, 8]
    """

    def __init__(self, indices: Any, generator: np.random.Generator | None = None, *, seed: Any = None):
        super().__init__(seed, generator)
        self.indices = indices

    def __len__(self) -> int:
        return len(self.indices)

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        return np.asarray(self.indices, np.int64)[rng.permutation(len(self.indices))]


class WeightedRandomSampler(Drawing):
    """`num_samples` indices, each as likely as its weight says (weights need not add up to 1); for rare classes.

    Without replacement no index comes twice. Errors: ValueError for weights that are negative, not finite or all 0, and
    for more samples without replacement than there are positive weights.

    >>> list(WeightedRandomSampler([0.0, 1.0, 0.0], 3))
    [1, 1, 1]
    """

    def __init__(
        self,
        weights: Any,
        num_samples: int,
        replacement: bool = True,
        generator: np.random.Generator | None = None,
        *,
        seed: Any = None,
    ):
        super().__init__(seed, generator)
        self.weights = np.asarray(weights, np.float64)
        if self.weights.ndim != 1:
            raise ValueError(f"WeightedRandomSampler: one weight for each sample, [N], not {self.weights.shape}")
        self.num_samples = as_count("WeightedRandomSampler: num_samples", num_samples)
        self.replacement = bool(replacement)
        chosen(np.random.default_rng(0), 0 if replacement else num_samples, self.replacement, self.weights)  # refuses

    def __len__(self) -> int:
        return self.num_samples

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        return chosen(rng, self.num_samples, self.replacement, self.weights)


class BatchSampler(Sampler):
    """The indices of another sampler as lists of `batch_size`; the last one may be shorter, or is left out.

    >>> list(BatchSampler(SequentialSampler(range(5)), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Any, batch_size: int, drop_last: bool):
        self.sampler, self.drop_last = sampler, as_flag("BatchSampler: drop_last", drop_last)
        self.batch_size = as_count("BatchSampler: batch_size", batch_size)

    def __iter__(self) -> Iterator[list]:
        source = iter(self.sampler)
        while batch := list(itertools.islice(source, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        n = len(self.sampler)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def index_batches(self) -> Iterator:
        """The batches of the next epoch as arrays of indices, where the sampler knows its order ahead."""
        if not hasattr(self.sampler, "next_order"):
            return iter(self)
        order, size = self.sampler.next_order(), self.batch_size
        end = len(order) - len(order) % size if self.drop_last else len(order)
        return (order[i : i + size] for i in range(0, end, size))


def as_count(what: str, n: Any) -> int:
    """A positive integer. Errors: ValueError."""
    if not isinstance(n, (int, np.integer)) or isinstance(n, bool) or n <= 0:
        raise ValueError(f"{what} must be a positive integer, not {n!r}")
    return int(n)


def as_flag(what: str, flag: Any) -> bool:
    if not isinstance(flag, (bool, np.bool_)):
        raise ValueError(f"{what} must be True or False, not {flag!r}")
    return bool(flag)
