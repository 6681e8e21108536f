"""Datasets, samplers and loaders that the tests of the loader share."""

import threading
import time

import numpy as np

from fastgrad.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

N = 23
X, T = np.arange(N * 3, dtype=np.float32).reshape(N, 3), np.arange(N)


class Samples(Dataset):
    """Sample by sample, no batch at once."""

    def __len__(self):
        return N

    def __getitem__(self, i):
        return X[i], int(T[i])


class Stream(IterableDataset):
    """Its own order, another one each epoch."""

    epoch = 0

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __iter__(self):
        return ((X[i], T[i]) for i in np.random.default_rng(self.epoch).permutation(N))


class Foreign(Sampler):
    """Another's sampler, whose state is a generator's."""

    def __init__(self):
        self.random = np.random.default_rng(3)

    def __iter__(self):
        return iter(self.random.permutation(N).tolist())

    def __len__(self):
        return N

    def state_dict(self):
        return {"state": self.random.bit_generator.state}

    def load_state_dict(self, state):
        self.random.bit_generator.state = state["state"]


def noise(x, t, rng):
    return x + rng.standard_normal(x.shape).astype(np.float32), t


def labels(loader):
    return [t.tolist() for _, t in loader]


def flat(batches):
    return [label for batch in batches for label in batch]


def same(a, b):
    a, b = list(a), list(b)
    assert len(a) == len(b)
    for one, other in zip(a, b, strict=True):
        assert all(np.array_equal(p.data, q.data) for p, q in zip(one, other, strict=True))


def threads():
    return [t for t in threading.enumerate() if t.name == "fastgrad-prefetch"]


def wait_for(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.001)


LOADERS = {
    "in order": lambda **more: DataLoader((X, T), 5, **more),
    "shuffled": lambda **more: DataLoader((X, T), 5, shuffle=True, **more),
    "with noise": lambda **more: DataLoader((X, T), 5, shuffle=True, transform=noise, drop_last=True, **more),
    "own dataset": lambda **more: DataLoader(Samples(), 5, shuffle=True, transform=noise, **more),
    "weights": lambda **more: DataLoader((X, T), 5, sampler=WeightedRandomSampler(T + 1.0, 30), **more),
    "subset": lambda **more: DataLoader((X, T), 5, sampler=SubsetRandomSampler(range(3, 20)), **more),
    "batch sampler": lambda **more: DataLoader((X, T), batch_sampler=BatchSampler(RandomSampler(X), 5, True), **more),
    "foreign sampler": lambda **more: DataLoader((X, T), 5, sampler=Foreign(), transform=noise, **more),
    "foreign batches": lambda **more: DataLoader((X, T), batch_sampler=BatchSampler(Foreign(), 5, False), **more),
    "a stream": lambda **more: DataLoader(Stream(), 5, transform=noise, **more),
    "single": lambda **more: DataLoader((X, T), None, shuffle=True, **more),
}
