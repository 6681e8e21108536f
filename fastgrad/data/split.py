"""Splitting arrays and datasets into parts, and shuffling arrays together."""

import itertools
import math
import warnings
from typing import Any

import numpy as np

from ..tape import Value, wrap
from .dataset import Subset, TensorDataset, rows_of
from .seeds import Seed, as_seed, stream

__all__ = ["random_split", "shuffle_dataset", "train_test_split", "validation_split"]


def train_test_split(
    *arrays: Any, test_size: float | int = 0.2, seed: int = 0, stratify: Any = None
) -> tuple[np.ndarray, ...]:
    """Splits arrays of one length N into two parts, at random, the same rows of each.

    Returns ``a_train, a_test, b_train, b_test, ...``: copies, of the dtype that came in.

    test_size  the share of the rows for the test part, between 0 and 1, rounded up; or their number, as an integer
    seed       of NumPy's ``Generator(Philox(seed))``: the same seed gives the same split
    stratify   [N] labels: each label then has the same share of the test part as of the whole, within one row

    Errors: ValueError for no array, for different lengths (which are named), for a part that would be empty.

    >>> x, y = np.arange(10) * 10, np.arange(10) % 2
    >>> x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=4, stratify=y)
    >>> len(x_train), len(x_test), y_test.sum().item()
    (6, 4, 2)
    """
    parts = [np.asarray(array) for array in arrays]
    train, test = _split_rows(
        "train_test_split: test_size", rows_of("train_test_split", parts), test_size, seed, stratify
    )
    return tuple(part[rows] for part in parts for rows in (train, test))


def validation_split(data: Any, share: float | int = 0.2, *, seed: int = 0, stratify: Any = None) -> tuple[Any, Any]:
    """Takes a part of the training data aside for validation, at random: returns ``(training, validation)``.

    data       a tuple of arrays such as (x, t): both parts are such tuples, copies; or a dataset: both are `Subset`s
    share      of the samples for validation, rounded up; or their number, as an integer
    seed       the same seed gives the same split, that of `train_test_split`
    stratify   [N] labels: each keeps its share within one sample. True: the last array of the data has the labels

    Errors: as `train_test_split`.

    >>> x, t = np.arange(100).reshape(50, 2), np.repeat([0, 1], 25)
    >>> (x_train, t_train), (x_val, t_val) = validation_split((x, t), stratify=True)
    >>> len(t_train), len(t_val), t_val.sum().item()
    (40, 10, 5)
    """
    whole = TensorDataset(*data) if isinstance(data, (tuple, list)) else data
    if stratify is True:
        if not isinstance(whole, TensorDataset):
            raise TypeError(f"validation_split: stratify=True of a {type(whole).__name__}; give its labels, [N]")
        stratify = whole.arrays[-1]
    train, held = _split_rows("validation_split: share", len(whole), share, seed, stratify)
    if whole is data:
        return Subset(data, train), Subset(data, held)
    return whole.get_batch(train), whole.get_batch(held)


def random_split(dataset: Any, lengths: Any, generator: Any = None, *, seed: int | None = None) -> list[Subset]:
    """Splits a dataset at random into `Subset`s of these lengths, no sample in two of them.

    lengths     as many samples as the dataset has, together; or shares that add up to 1: each is rounded down, and what
                is left goes one by one to the parts from the first on, as in PyTorch
    generator   NumPy's; without one, and without a seed, fastgrad's own

    Errors: ValueError for lengths that do not fit. UserWarning for a share that gives no sample.

    >>> train, test = random_split(TensorDataset(np.arange(10)), [0.75, 0.25], seed=0)
    >>> len(train), len(test), sorted(train.indices + test.indices) == list(range(10))
    (8, 2, True)
    """
    n, parts = len(dataset), list(lengths)
    if any(x < 0 for x in parts):
        raise ValueError(f"random_split: lengths must not be negative: {parts}")
    if math.isclose(sum(parts), 1) and any(isinstance(x, float) for x in parts):
        shares, parts = parts, [math.floor(n * share) for share in parts]
        for i in range(n - sum(parts)):
            parts[i % len(parts)] += 1
        for share, length in zip(shares, parts, strict=True):
            if length == 0:
                warnings.warn(f"random_split: a share of {share} of {n} samples is none", stacklevel=2)
    if any(not isinstance(x, (int, np.integer)) for x in parts) or sum(parts) != n:
        raise ValueError(
            f"random_split: lengths {list(lengths)} of {n} samples; give integers with this sum, or shares"
        )
    source = stream(Seed("random_split", seed, generator).get(), "split")
    order = source.permutation(n).tolist()
    ends = np.cumsum([0, *parts]).tolist()
    return [Subset(dataset, order[a:b]) for a, b in itertools.pairwise(ends)]


def shuffle_dataset(x: Any, t: Any, *, seed: int | None = None, generator: Any = None) -> tuple[Any, Any]:
    """Inputs x [N, ...] and targets t [N, ...] in another order, the same for both: copies, tensors of tensors.

    Without a seed or generator it is drawn from fastgrad's own.

    >>> x, t = shuffle_dataset(np.arange(5) * 10, np.arange(5), seed=1)
    >>> (x == 10 * t).all().item(), sorted(t.tolist())
    (True, [0, 1, 2, 3, 4])
    """
    whole = TensorDataset(x, t)
    order = stream(Seed("shuffle_dataset", seed, generator).get(), "split").permutation(len(whole))
    x, t = (wrap(a.data[order]) if isinstance(a, Value) else a[order] for a in whole.tensors)
    return x, t


def _split_rows(what: str, n: int, share: Any, seed: int, stratify: Any) -> tuple[np.ndarray, np.ndarray]:
    """The rows that stay and those set aside."""
    count = _share_of(what, n, share)
    generator = np.random.Generator(np.random.Philox(as_seed(what.split(":")[0], seed)))
    order = generator.permutation(n)
    if stratify is not None:
        order = _stratified(order, np.asarray(stratify), count, what.split(":")[0], generator)
    return order[count:], order[:count]


def _share_of(what: str, n: int, share: Any) -> int:
    whole = isinstance(share, (int, np.integer)) and not isinstance(share, bool)
    share_is_fit = not whole and 0 < share < 1
    count = int(share) if whole else int(np.ceil(round(n * share, 6))) if share_is_fit else 0
    if not 0 < count < n:
        raise ValueError(
            f"{what}={share!r} of {n} rows leaves a part empty; "
            f"give a share between 0 and 1 or a number of rows between 1 and {n - 1}"
        )
    return count


def _stratified(
    order: np.ndarray, labels: np.ndarray, n_test: int, owner: str, generator: np.random.Generator
) -> np.ndarray:
    """`order` with its first n_test rows chosen class by class. A class of k rows gets its share k n_test / N, rounded
    down; the rows then missing go to the largest remainders, to the smaller label among equals. They are drawn from all
    of the class: taken from the front, they would leave a part whose first rows have fewer of a class than its last."""
    if labels.shape != order.shape:
        raise ValueError(f"{owner}: stratify has shape {labels.shape}; give one label a row, {order.shape}")
    classes, index, count = np.unique(labels, return_inverse=True, return_counts=True)
    share, remainder = np.divmod(count * n_test, len(order))
    share[np.argsort(-remainder, kind="stable")[: n_test - share.sum()]] += 1
    chosen = np.zeros(len(order), bool)  # by place in `order`
    for c in range(len(classes)):
        chosen[generator.permutation(np.flatnonzero(index[order] == c))[: share[c]]] = True
    return np.concatenate([order[chosen], order[~chosen]])
