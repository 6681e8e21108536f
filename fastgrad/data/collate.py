"""From samples to a batch, and from arrays to tensors."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..tape import Value, wrap

__all__ = ["default_collate", "default_convert"]


def default_collate(batch: Any) -> Any:
    """Samples as one batch of tensors: arrays and numbers are stacked along a new first axis; tuples and dicts of them
    become tuples and dicts of batches; texts stay a list.

    Floats of Python become float64, integers int64, as in PyTorch; arrays and tensors keep their dtype.
    Errors: ValueError for samples of different shapes, which are named; TypeError for what cannot be stacked.

    >>> default_collate([(np.float32([1, 2]), 0), (np.float32([3, 4]), 1)])
    (tensor([[1., 2.],
            [3., 4.]]), tensor([0, 1]))
    """
    return default_convert(stacked(batch))


def default_convert(data: Any) -> Any:
    """Arrays as tensors, sharing memory, also inside of tuples, lists and dicts; what is no number stays as it is.

    >>> default_convert({"x": np.float32([1, 2]), "name": "a"})
    {'x': tensor([1., 2.]), 'name': 'a'}
    """
    if isinstance(data, (np.ndarray, np.generic)):
        return wrap(np.asarray(data)) if data.dtype.kind in "fiub" else data
    return inside(default_convert, data)


def as_arrays(data: Any) -> Any:
    """Tensors as their arrays, also inside of tuples, lists and dicts."""
    return data.data if isinstance(data, Value) else inside(as_arrays, data)


def inside(function: Callable, data: Any) -> Any:
    """The function of every part of a tuple, list or dict; anything else as it is."""
    if isinstance(data, Mapping):
        return {key: function(part) for key, part in data.items()}
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*map(function, data))
    return type(data)(map(function, data)) if type(data) in (tuple, list) else data


def stacked(batch: Any) -> Any:
    """`default_collate`, as arrays."""
    first = batch[0]
    if isinstance(first, Value):
        return together([x.data if isinstance(x, Value) else np.asarray(x) for x in batch])
    if isinstance(first, (np.ndarray, np.generic, bool, int, float)):
        return together([np.asarray(x) for x in batch])
    if isinstance(first, (str, bytes)):
        return list(batch)
    if isinstance(first, Mapping):
        return {key: stacked([sample[key] for sample in batch]) for key in first}
    if isinstance(first, (tuple, list)):
        if len({len(sample) for sample in batch}) != 1:
            raise ValueError(f"default_collate: samples of {sorted({len(s) for s in batch})} parts; give one number")
        parts = [stacked(part) for part in zip(*batch, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)
    raise TypeError(
        f"default_collate: a sample of type {type(first).__name__} cannot be put into a batch; samples are arrays, "
        f"tensors, numbers, texts, or tuples and dicts of these; for others give DataLoader a collate_fn"
    )


def together(arrays: list[np.ndarray]) -> np.ndarray:
    shapes = dict.fromkeys(a.shape for a in arrays)
    if len(shapes) != 1:
        raise ValueError(
            f"default_collate: samples of shapes {list(shapes)} in one batch; pad them, or give a collate_fn"
        )
    out = np.stack(arrays)
    if out.dtype.kind not in "fiub":
        raise TypeError(f"default_collate: arrays of {out.dtype}; a batch holds numbers: convert them in the dataset")
    return out
