"""Datasets: samples by their index, whole or in parts."""

import bisect
import itertools
from typing import Any

import numpy as np

from ..tape import Value

__all__ = ["ConcatDataset", "Dataset", "IterableDataset", "Subset", "TensorDataset"]


class Dataset:
    """Samples by their index. A dataset of your own has ``__len__`` and ``__getitem__(i)``, which returns a tuple such
    as (x, t).

    It may have more: ``get_batch(index)`` gives a whole batch for an array of indices, as a tuple of arrays (which is
    faster than sample by sample), ``__getitems__(list)`` a list of samples, as in PyTorch.

    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 4
    ...     def __getitem__(self, i):
    ...         return np.float32(i), np.float32(i * i)
    >>> from fastgrad.data import DataLoader
    >>> for x, t in DataLoader(Squares(), batch_size=2):
    ...     print(x, t)
    tensor([0., 1.]) tensor([0., 1.])
    tensor([2., 3.]) tensor([4., 9.])
    """

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} needs __getitem__(index), which returns a sample")

    def __add__(self, other: "Dataset") -> "ConcatDataset":
        return ConcatDataset([self, other])


class IterableDataset(Dataset):
    """Samples in the order in which they come, for what has no index: a subclass has ``__iter__``.

    A `DataLoader` batches them as they come: it cannot shuffle. Resumed in the middle of an epoch, it reads on to the
    place, so the samples have to come again in the same order; ``set_epoch(epoch)`` is called before, where there is
    one, so that a dataset may shuffle by its own means.

    >>> class Countdown(IterableDataset):
    ...     def __iter__(self):
    ...         return iter(range(5, 0, -1))
    >>> from fastgrad.data import DataLoader
    >>> list(DataLoader(Countdown(), batch_size=2))
    [tensor([5, 4]), tensor([3, 2]), tensor([1])]
    """

    def __getitem__(self, index: Any) -> Any:
        raise TypeError(f"{type(self).__name__} is an IterableDataset: its samples have no index; iterate over it")

    def __iter__(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} needs __iter__, which gives samples")

    def __add__(self, other: Any) -> Any:
        raise TypeError("IterableDataset + dataset: join them in an __iter__ of your own, by itertools.chain")


class TensorDataset(Dataset):
    """Arrays or tensors of one length N; sample i is ``(a[i], b[i], ...)``, and so is a batch, for an index array.

    `tensors` holds what was given, `arrays` the same as NumPy arrays, in the same memory.

    Errors: ValueError for no array, and for different lengths, which are named.

    >>> d = TensorDataset(np.arange(8.0).reshape(4, 2), np.array([0, 1, 0, 1]))
    >>> len(d), d[1]
    (4, (array([2., 3.]), np.int64(1)))
    >>> d.get_batch(np.array([3, 0]))[1]
    array([1, 0])
    """

    def __init__(self, *tensors: Any):
        self.tensors: tuple[Any, ...] = tuple(x if isinstance(x, Value) else np.asarray(x) for x in tensors)
        self.arrays = tuple(x.data if isinstance(x, Value) else x for x in self.tensors)
        self._length = rows_of("TensorDataset", self.arrays)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> tuple:
        return tuple([x[index] for x in self.tensors])

    def get_batch(self, index: np.ndarray) -> tuple[np.ndarray, ...]:
        """The batch of these rows: a copy, one gather for each array."""
        return tuple([a.take(index, 0) for a in self.arrays])


class Subset(Dataset):
    """The samples of a dataset at these indices, in their order.

    Errors: IndexError for an index that is outside of the dataset.

    >>> d = Subset(TensorDataset(np.arange(10)), [7, 2, 2])
    >>> [sample[0].item() for sample in d]
    [7, 2, 2]
    """

    def __init__(self, dataset: Any, indices: Any):
        self.dataset, self.indices = dataset, indices
        self._index = index_array("Subset", indices, len(dataset))

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, (list, np.ndarray)):
            return self.dataset[self._index[index]]
        return self.dataset[int(self._index[index])]

    def __getitems__(self, indices: list) -> list:
        chosen = self._index[indices].tolist()
        inner = getattr(self.dataset, "__getitems__", None)
        return inner(chosen) if inner else [self.dataset[i] for i in chosen]

    @property
    def get_batch(self) -> Any:
        """A whole batch at once, where the dataset has this."""
        inner = self.dataset.get_batch
        return lambda index: inner(self._index[index])


class ConcatDataset(Dataset):
    """Datasets one after the other, as one; ``a + b`` is one, too. `cumulative_sizes` says where each ends.

    >>> d = TensorDataset(np.arange(3)) + TensorDataset(np.arange(10, 12))
    >>> len(d), d[2][0].item(), d[3][0].item(), d[-1][0].item()
    (5, 2, 10, 11)
    """

    def __init__(self, datasets: Any):
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset: give at least one dataset")
        if any(isinstance(d, IterableDataset) for d in self.datasets):
            raise TypeError("ConcatDataset: the samples of an IterableDataset have no index; join them by an __iter__")
        self.cumulative_sizes = list(itertools.accumulate(len(d) for d in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: Any) -> Any:
        i = int(index)
        if not -len(self) <= i < len(self):
            raise IndexError(f"ConcatDataset: index {i} of {len(self)} samples")
        i %= len(self)
        which = bisect.bisect_right(self.cumulative_sizes, i)
        return self.datasets[which][i - (self.cumulative_sizes[which - 1] if which else 0)]

    @property
    def get_batch(self) -> Any:
        """A whole batch at once, where all datasets have this."""
        inner = [d.get_batch for d in self.datasets]
        return lambda index: self._joined(inner, index)

    def _joined(self, get: list, index: np.ndarray) -> tuple:
        """Each dataset's rows at once, then put in their places."""
        index = np.where(index < 0, index + len(self), index)
        if len(index) and not (index.min() >= 0 and index.max() < len(self)):
            raise IndexError(f"ConcatDataset: indices from {index.min()} to {index.max()} of {len(self)} samples")
        which = np.searchsorted(self.cumulative_sizes, index, side="right")
        order = np.argsort(which, kind="stable")
        starts = [0, *self.cumulative_sizes]
        parts = [get[d](index[which == d] - starts[d]) for d in np.unique(which).tolist() or [0]]
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        return tuple([np.concatenate(arrays).take(place, 0) for arrays in zip(*parts, strict=True)])


def rows_of(owner: str, arrays: Any) -> int:
    """The one length of these arrays. Errors: ValueError."""
    if not arrays:
        raise ValueError(f"{owner}: give at least one array")
    if any(a.ndim == 0 for a in arrays):
        raise ValueError(f"{owner}: a number has no rows; give arrays of one or more dimensions")
    lengths = [len(a) for a in arrays]
    if len(set(lengths)) != 1:
        raise ValueError(f"{owner}: the arrays have {lengths} rows; give arrays of one length")
    return lengths[0]


def index_array(owner: str, indices: Any, length: int) -> np.ndarray:
    """Indices into `length` samples as int64. Errors: TypeError, IndexError."""
    array = np.asarray(indices.data if isinstance(indices, Value) else indices)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise TypeError(f"{owner}: indices must be integers in one dimension, not {array.shape} {array.dtype}")
    array = array.astype(np.int64)
    if array.size and not (-length <= array.min() and array.max() < length):
        wrong = array[(array < -length) | (array >= length)][0]
        raise IndexError(f"{owner}: index {wrong} of {length} samples")
    return array
