"""Noise on every value, of images and of plain vectors."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from ...kernels import dropout, empty, use
from .base import Augmentation, as_number

LEVELS, WORDS = 1 << 16, 1 << 32  # random numbers of 16 bits, of 32 bits
ROUND = 1 << 15  # values at a time: they stay in a core's cache


class GaussianNoise(Augmentation):
    """Adds to every value a number drawn from the normal distribution of mean 0 and standard deviation std.

    x is [N,...]. std has the units of x: 0.1 is a tenth of the range for images of 0..1. ``clip=(0, 1)`` keeps what
    comes out between two numbers.

    For float64 the numbers are `numpy.random.Generator.standard_normal`'s. For float32 they are 65,536 equally likely
    ones, the means of as many slices of the distribution: their mean is 0 and their variance 1, their distribution
    function differs from the normal one by less than 2^-16 everywhere, and none is beyond 4.3 std.

    >>> noisy = GaussianNoise(0.1)(np.zeros((1000, 64), np.float32), seed=0)
    >>> round(noisy.std().item(), 2), noisy.dtype
    (0.1, dtype('float32'))

    Source: C. Bishop, "Training with noise is equivalent to Tikhonov regularization", Neural Computation 7 (1995).
    """

    def __init__(self, std: float, *, clip: tuple[float, float] | None = None) -> None:
        self.std = as_number("GaussianNoise", "std", std, 0)
        self.clip = None if clip is None else tuple(clip)
        if self.clip is not None and (len(self.clip) != 2 or not self.clip[0] <= self.clip[1]):
            raise ValueError(f"GaussianNoise: clip must be (low, high), not {clip!r}")

    def run(self, x: np.ndarray, targets: tuple, rng: np.random.Generator) -> tuple[np.ndarray, tuple]:
        result: np.ndarray = empty(x.shape, x.dtype)
        for part, out in rounds(x, result):
            draw_normal(rng, out)
            out *= self.std
            out += part
            if self.clip is not None:
                np.clip(out, *self.clip, out=out)
        return result, targets


def rounds(*arrays: np.ndarray) -> Iterator[list[np.ndarray]]:
    """The same ROUND values of each array after the other, as vectors."""
    vectors = [array.reshape(-1) for array in arrays]
    for lo in range(0, vectors[0].size, ROUND):
        yield [vector[lo : lo + ROUND] for vector in vectors]


def draw_normal(rng: np.random.Generator, out: np.ndarray) -> None:
    """Normal deviates; in float32 four times as fast as `standard_normal`, which takes them one by one."""
    if out.dtype == np.float32:
        words = rng.integers(0, LEVELS**4 - 1, -(-out.size // 4), dtype=np.uint64, endpoint=True)  # four levels each
        np.take(slices(), words.view(np.uint16)[: out.size], out=out, mode="clip")
    else:
        rng.standard_normal(out=out)


@cache
def slices() -> np.ndarray:
    """[LEVELS] float32: the mean of the normal distribution within each of its slices of equal probability, times
    what makes their variance 1.

    The mean between a and b is (phi(a) - phi(b)) / (Phi(b) - Phi(a)), with phi the density and Phi its integral.
    """
    from statistics import NormalDist

    half = LEVELS // 2
    edges = np.array([NormalDist().inv_cdf(k / LEVELS) for k in range(1, half + 1)])
    density = np.concatenate([[0.0], np.exp(-edges * edges / 2) / np.sqrt(2 * np.pi)])
    lower = -np.diff(density) * LEVELS
    lower /= np.sqrt(np.mean(lower * lower))
    return np.concatenate([lower, -lower[::-1]]).astype(np.float32)


class BinomialNoise(Augmentation):
    """Replaces every value, with probability p and by itself, by a number that says nothing.

    kind  "mask": by `low`, as in denoising autoencoders. "salt-and-pepper": by `low` or `high`, each as likely

    x is [N,...]; the values that stay, stay bit for bit. The probability is p, rounded to a multiple of 2^-32. Who is
    replaced is drawn by fastgrad's dropout kernel, from a key that rng gives.

    >>> BinomialNoise(0.5)(np.float32([[1, 2, 3, 4, 5, 6]]), seed=1)
    array([[1., 2., 3., 0., 5., 0.]], dtype=float32)

    Source: P. Vincent et al., "Stacked denoising autoencoders", JMLR 11 (2010), 3.3.
    """

    def __init__(self, p: float, *, kind: str = "mask", low: float = 0.0, high: float = 1.0) -> None:
        self.p = as_number("BinomialNoise", "p", p, 0, 1)
        self.kind = kind
        self.low, self.high = as_number("BinomialNoise", "low", low), as_number("BinomialNoise", "high", high)
        if kind not in ("mask", "salt-and-pepper"):
            raise ValueError(f'BinomialNoise: kind must be "mask" or "salt-and-pepper", not {kind!r}')

    def run(self, x: np.ndarray, targets: tuple, rng: np.random.Generator) -> tuple[np.ndarray, tuple]:
        keep = coins(rng, x, 1 - self.p)
        if self.kind == "mask":
            return select(keep, x, self.low), targets
        return select(keep, x, select(coins(rng, x, 0.5), np.full_like(x, self.high), self.low)), targets


def coins(rng: np.random.Generator, x: np.ndarray, p: float) -> np.ndarray:
    """1 with probability p, else 0, in the shape and dtype of x. The key is drawn even where p leaves no choice."""
    key0, key1, stream = rng.integers(0, WORDS, 3).tolist()
    threshold = round((1 - p) * WORDS)
    if threshold == WORDS:
        return np.zeros_like(x)
    with use(threads=1):  # a loader's thread leaves the others to the training
        return dropout(1.0, key0, key1, stream, threshold, 1.0, out=empty(x.shape, x.dtype))


def select(keep: np.ndarray, x: np.ndarray, other: Any) -> np.ndarray:
    """x where keep is 1, other where it is 0: ((x ^ other) & keep) ^ other, on the bits. Without the branch that random
    conditions make slow, it takes a third of the time of `numpy.where`. The memory of keep is used for the result."""
    bits: Any = np.int32 if x.dtype == np.float32 else np.int64
    other = np.asarray(other, x.dtype).view(bits)
    mask: Any = keep.view(bits)
    np.negative(keep, out=mask, casting="unsafe")  # 1 -> -1, which is all bits
    change: Any = x.view(bits) ^ other if other.any() else x.view(bits)
    mask &= change
    mask ^= other
    return mask.view(x.dtype)
