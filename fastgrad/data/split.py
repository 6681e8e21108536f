"""Splitting arrays into a training and a test part."""

from typing import Any

import numpy as np


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
    n = _length(parts)
    n_test = _test_rows(n, test_size)
    order = np.random.Generator(np.random.Philox(seed)).permutation(n)
    if stratify is not None:
        order = _stratified(order, np.asarray(stratify), n_test)
    test, train = order[:n_test], order[n_test:]
    return tuple(part[rows] for part in parts for rows in (train, test))


def _length(parts: list[np.ndarray]) -> int:
    if not parts:
        raise ValueError("train_test_split: give at least one array")
    if any(part.ndim == 0 for part in parts):
        raise ValueError("train_test_split: a number has no rows to split; give arrays of one or more dimensions")
    lengths = [len(part) for part in parts]
    if len(set(lengths)) != 1:
        raise ValueError(f"train_test_split: the arrays have {lengths} rows; give arrays of one length")
    return lengths[0]


def _test_rows(n: int, test_size: float | int) -> int:
    whole = isinstance(test_size, (int, np.integer)) and not isinstance(test_size, bool)
    share_is_fit = not whole and 0 < test_size < 1
    n_test = int(test_size) if whole else int(np.ceil(round(n * test_size, 6))) if share_is_fit else 0
    if not 0 < n_test < n:
        raise ValueError(
            f"train_test_split: test_size={test_size!r} of {n} rows leaves a part empty; "
            f"give a share between 0 and 1 or a number of rows between 1 and {n - 1}"
        )
    return n_test


def _stratified(order: np.ndarray, labels: np.ndarray, n_test: int) -> np.ndarray:
    """`order` with its first n_test rows chosen class by class. A class of k rows gets its share k n_test / N, rounded
    down; the rows then missing go to the largest remainders, to the smaller label among equals."""
    if labels.shape != order.shape:
        raise ValueError(f"train_test_split: stratify has shape {labels.shape}; give one label a row, {order.shape}")
    classes, index, count = np.unique(labels, return_inverse=True, return_counts=True)
    share, remainder = np.divmod(count * n_test, len(order))
    share[np.argsort(-remainder, kind="stable")[: n_test - share.sum()]] += 1
    chosen = np.zeros(len(order), bool)  # by place in `order`
    for c in range(len(classes)):
        chosen[np.flatnonzero(index[order] == c)[: share[c]]] = True
    return np.concatenate([order[chosen], order[~chosen]])
