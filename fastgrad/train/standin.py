import numpy as np

from .. import random
from ..tensor import from_numpy


class TensorDataset:
    def __init__(self, *arrays):
        self.arrays = arrays

    def __len__(self):
        return len(self.arrays[0])

    def __getitem__(self, i):
        return tuple(a[i] for a in self.arrays)


class DataLoader:
    def __init__(self, dataset, batch_size=1, shuffle=False, drop_last=False, seed=None):
        if isinstance(dataset, tuple):
            dataset = TensorDataset(*dataset)
        self.dataset, self.batch_size, self.shuffle, self.drop_last = dataset, batch_size, shuffle, drop_last
        self.seed = int(random.default_generator().integers(2**63)) if seed is None else seed
        self.epoch = self.position = 0

    def __len__(self):
        n = len(self.dataset)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def __iter__(self):
        n = len(self.dataset)
        order = np.random.Generator(np.random.Philox(key=[self.seed, self.epoch])).permutation(n)
        order = order if self.shuffle else np.arange(n)
        while self.position < len(self):
            i = self.position * self.batch_size
            self.position += 1
            yield tuple(from_numpy(np.asarray(a)) for a in self.dataset[order[i : i + self.batch_size]])
        self.epoch, self.position = self.epoch + 1, 0

    def state_dict(self):
        return {"epoch": self.epoch, "position": self.position, "seed": self.seed}

    def load_state_dict(self, state):
        self.epoch, self.position, self.seed = state["epoch"], state["position"], state["seed"]
