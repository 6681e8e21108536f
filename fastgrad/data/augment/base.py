"""What all augmentations share: how they are called, and what they refuse."""

from math import isqrt, prod
from numbers import Integral, Real
from typing import Any

import numpy as np

from ...kernels import refuse_capture
from ...random import default_generator


class Augmentation:
    """A change of a whole batch that leaves its meaning as it is. A new one is a class with `run`.

    ``aug(x, *targets, rng=None, seed=None)``

    x        [N,...] float32 or float64, an array or a tensor; it is not changed. The result has its dtype
    targets  [N,...] each; they come back beside x, changed by `Mixup` alone
    rng      a `numpy.random.Generator`, which is all that the result depends on beside x
    seed     the same as ``rng=numpy.random.Generator(numpy.random.Philox(seed))``. Without either, fastgrad's own
             generator draws, the one that `fastgrad.manual_seed` starts

    Returns x, or ``(x, *targets)`` where targets were given: NumPy arrays.

    Errors: TypeError for integers (which would have to be rounded), ValueError for targets of another length.

    >>> class Darken(Augmentation):
    ...     def run(self, x, targets, rng):
    ...         return x * rng.uniform(0.8, 1.0, (len(x),) + (1,) * (x.ndim - 1)).astype(x.dtype), targets
    >>> Darken()(np.ones((2, 8, 8), np.float32), np.array([3, 4]), seed=0)[1]
    array([3, 4])
    """

    shape: tuple[int, ...] | None = None  # of the pictures that x holds as flat vectors

    def __call__(self, x: Any, *targets: Any, rng: Any = None, seed: int | None = None) -> Any:
        refuse_capture(self._name, "augment the batch before the step")
        rng = as_generator(self._name, rng, seed)
        x = as_floats(self._name, x)
        rows = tuple(as_rows(self._name, target, len(x)) for target in targets)
        if self.shape is None:
            out, rows = self.run(x, rows, rng)
        else:
            pictures, rows = self.run(self._pictures(x), rows, rng)
            out = pictures.reshape(len(pictures), -1)
        return (out, *rows) if targets else out

    def run(self, x: np.ndarray, targets: tuple, rng: np.random.Generator) -> tuple[np.ndarray, tuple]:
        """(x, targets) of the result; x is [N,...] and must not be written to. To be overridden."""
        raise NotImplementedError(f"{self._name}: an augmentation needs run(x, targets, rng) -> (x, targets)")

    def __repr__(self) -> str:
        options = (f"{name}={value!r}" for name, value in vars(self).items() if not name.startswith("_"))
        return f"{self._name}({', '.join(options)})"

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _pictures(self, x: np.ndarray) -> np.ndarray:
        if self.shape is None or x.shape == (len(x), *self.shape):
            return x
        if x.ndim != 2 or x.shape[1] != prod(self.shape):
            raise ValueError(
                f"{self._name}: shape={self.shape} needs vectors [N,{prod(self.shape)}], not shape {x.shape}"
            )
        return x.reshape(len(x), *self.shape)


def as_generator(name: str, rng: Any, seed: Any) -> np.random.Generator:
    """The generator to draw from: the one given, a new one of the seed, or fastgrad's."""
    if rng is None and seed is None:
        return default_generator()
    if rng is None:
        if isinstance(seed, bool) or not isinstance(seed, Integral) or int(seed) < 0:
            raise ValueError(f"{name}: seed must be a non-negative integer, not {seed!r}")
        return np.random.Generator(np.random.Philox(int(seed)))
    if seed is not None:
        raise TypeError(f"{name}: give rng or seed, not both")
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"{name}: rng must be a numpy.random.Generator, not {type(rng).__name__}; "
            f"np.random.Generator(np.random.Philox(0)) makes one, and so does seed=0"
        )
    return rng


def as_floats(name: str, x: Any) -> np.ndarray:
    """A batch [N,...] of float32 or float64, in one piece of memory."""
    x = np.asarray(x)
    if x.dtype not in (np.float32, np.float64):
        raise TypeError(
            f"{name}: needs float32 or float64, not {x.dtype}; bytes of images become floats by "
            f"x.astype(np.float32) / 255"
        )
    if x.ndim == 0:
        raise ValueError(f"{name}: needs a batch [N,...], not a number")
    return np.ascontiguousarray(x)


def as_rows(name: str, target: Any, n: int) -> np.ndarray:
    target = np.asarray(target)
    if target.ndim == 0 or len(target) != n:
        raise ValueError(f"{name}: a target of shape {target.shape} beside {n} samples; give one row a sample")
    return target


def as_images(name: str, x: np.ndarray) -> np.ndarray:
    """[N,C,H,W], a view of a batch of pictures [N,H,W] or [N,C,H,W]."""
    if x.ndim not in (3, 4) or 0 in x.shape[1:]:
        raise ValueError(f"{name}: needs images [N,H,W] or [N,C,H,W], not an array of shape {x.shape}{advice(x)}")
    return x[:, None] if x.ndim == 3 else x


def advice(x: np.ndarray) -> str:
    if x.ndim != 2:
        return ""
    side = isqrt(x.shape[1])
    shape = f"shape=({side}, {side})" if side * side == x.shape[1] else "shape=(H, W)"
    return f"; for flat vectors say {shape}, for one picture give image[None]"


# -- options -----------------------------------------------------------------------------------------------------------
def as_shape(name: str, shape: Any) -> tuple[int, ...] | None:
    """(H, W) or (C, H, W), or None."""
    if shape is None:
        return None
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else ()
    if len(sizes) not in (2, 3) or not all(isinstance(s, Integral) and int(s) > 0 for s in sizes):
        raise ValueError(f"{name}: shape must be (H, W) or (C, H, W), as in shape=(28, 28), not {shape!r}")
    return tuple(int(s) for s in sizes)


def as_number(name: str, what: str, value: Any, low: float = -np.inf, high: float = np.inf) -> float:
    """A finite number between two others, both included."""
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else np.nan
    if not low <= number <= high or not np.isfinite(number):
        between = f" from {low:g} to {high:g}" if np.isfinite(high) else " not below 0" if low == 0 else ""
        raise ValueError(f"{name}: {what} must be a number{between}, not {value!r}")
    return number


def as_range(name: str, what: str, value: Any, middle: float = 0.0) -> tuple[float, float]:
    """(low, high) of a pair, or (middle - a, middle + a) of a number a."""
    pair = tuple(value) if isinstance(value, (tuple, list)) else None
    if pair is None:
        a = as_number(name, what, value, 0)
        return middle - a, middle + a
    if len(pair) != 2:
        raise ValueError(f"{name}: {what} must be a number or a pair (low, high), not {value!r}")
    low, high = (as_number(name, what, end) for end in pair)
    if low > high:
        raise ValueError(f"{name}: {what} must be (low, high), not {value!r}")
    return low, high
