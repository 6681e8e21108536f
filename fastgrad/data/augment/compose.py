"""One augmentation after another; many augmented copies of one image."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, TypeGuard, TypeVar

import numpy as np

from .base import Augmentation, as_floats, as_generator, as_rows, as_shape
from .geometry import Geometry, Rotate, Shift, Zoom, move

T = TypeVar("T", bound=Augmentation)


class Compose(Augmentation):
    """The steps in their order, as one augmentation.

    A step is an augmentation, or any function ``step(x, *targets, rng)``. Steps of geometry that follow one another
    (with the same fill) become one resampling: the picture is interpolated once, not once a step.

    shape  (H, W) or (C, H, W) of flat vectors x[N,D]: the steps see pictures, and vectors come out again

    >>> aug = Compose([Shift(2), Rotate(10), Zoom(0.1)], shape=(28, 28))
    >>> aug(np.ones((100, 784), np.float32), seed=0).shape
    (100, 784)
    """

    def __init__(self, steps: Sequence[Callable], shape: Any = None) -> None:
        self.steps = tuple(steps)
        self.shape = as_shape("Compose", shape)
        for step in self.steps:
            if not callable(step):
                raise TypeError(f"Compose: {step!r} is no augmentation; a step is called as step(x, *targets, rng=rng)")

    def run(self, x: np.ndarray, targets: tuple, rng: np.random.Generator) -> tuple[np.ndarray, tuple]:
        if not self.steps:
            return x.copy(), targets
        for _, group in groupby(enumerate(flat(self.steps)), lambda pair: kind(*pair)):
            steps = [step for _, step in group]
            moves = [step for step in steps if is_plain(step, Geometry)]
            if moves:
                x = move(moves, x, targets, rng)
            else:
                x, targets = called(steps[0], x, targets, rng)
        return x, targets


def flat(steps: Sequence[Callable]) -> list[Callable]:
    """The steps, with those of a `Compose` among them in its place where it has no shape of its own."""
    return [inner for step in steps for inner in (flat(step.steps) if is_plain(step, Compose) else [step])]


def is_plain(step: Any, of: type[T]) -> TypeGuard[T]:
    """Whether a step does what its class does, on the pictures as they are."""
    return isinstance(step, of) and step.shape is None and type(step).run is of.run


def kind(place: int, step: Callable) -> Any:
    """What neighbours must share to be one resampling; a step of another kind stands alone."""
    return ("geometry", step.fill) if is_plain(step, Geometry) else place


def called(step: Callable, x: np.ndarray, targets: tuple, rng: np.random.Generator) -> tuple[np.ndarray, tuple]:
    out = step(x, *targets, rng=rng)
    if not targets:
        return np.asarray(out), ()
    if not isinstance(out, tuple) or len(out) != 1 + len(targets):
        raise TypeError(f"Compose: {step!r} was given {len(targets)} targets; it must return a tuple (x, *targets)")
    return np.asarray(out[0]), tuple(np.asarray(target) for target in out[1:])


def expand(
    image: Any,
    n: int,
    augmentation: Augmentation | None = None,
    *targets: Any,
    rng: Any = None,
    seed: int | None = None,
) -> Any:
    """An image and n augmented copies of it, the original first; or a set of images and n augmented copies of the set.

    image         [H,W]: returns [1+n,H,W].   [N,H,W] or [N,C,H,W]: returns [(1+n)N,...]. One image of several channels
                  is a set of one, image[None]. Flat vectors are [D] or [N,D] where the augmentation has a shape
    augmentation  where none is given: shifts by up to 7 % of the size, turns by up to 10 degrees, zooms by up to 10 %
    targets       of a set, [N] or [N,...] each: repeated for the copies; then ``(images, *targets)`` is returned
    rng, seed     as for every `Augmentation`

    >>> from fastgrad.data import load_digits
    >>> digits = load_digits()
    >>> copies = expand(digits.images[0], 9, seed=0)
    >>> copies.shape, np.array_equal(copies[0], digits.images[0])
    ((10, 8, 8), True)
    >>> x, y = expand(digits.images[:100], 3, Shift(1), digits.target[:100], seed=0)
    >>> x.shape, y.shape
    ((400, 8, 8), (400,))
    """
    rng = as_generator("expand", rng, seed)
    image = as_floats("expand", image)
    if isinstance(n, bool) or not hasattr(n, "__index__") or n < 0:
        raise ValueError(f"expand: n must be a whole number of copies, not {n!r}")
    alone = image.ndim == (1 if getattr(augmentation, "shape", None) else 2)
    if alone and targets:
        raise ValueError("expand: targets belong to a set of images; for one image give image[None], and targets [1]")
    first = image[None] if alone else image
    if augmentation is None:
        augmentation = gentle(first.shape)
    rows = tuple(as_rows("expand", target, len(first)) for target in targets)
    many = [np.concatenate([part] * int(n)) if n else part[:0] for part in (first, *rows)]
    found = augmentation(*many, rng=rng)
    return joined((first, *rows), found) if targets else joined((first,), (found,))[0]


def joined(first: tuple, copies: tuple) -> tuple:
    for original, copy in zip(first, copies, strict=True):
        if original.shape[1:] != copy.shape[1:]:
            raise ValueError(
                f"expand: copies of shape {copy.shape[1:]} do not fit beside originals of shape {original.shape[1:]}; "
                f"use an augmentation that keeps the shape (Crop(padding=...), Mixup on targets of floats)"
            )
    return tuple(np.concatenate([a, b], dtype=b.dtype) for a, b in zip(first, copies, strict=True))


def gentle(shape: tuple[int, ...]) -> Compose:
    """What handwritten signs and most pictures of things bear without another meaning."""
    if len(shape) not in (3, 4):
        raise ValueError(f"expand: needs images [H,W], [N,H,W] or [N,C,H,W], or an augmentation with a shape: {shape}")
    rows, columns = (0.07 * side for side in shape[-2:])
    return Compose([Shift(rows, columns, whole=False), Rotate(10), Zoom(0.1)])
