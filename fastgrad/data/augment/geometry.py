"""Where pixels go: Shift, Flip, Rotate, Zoom, Crop.

Each draws one affine map an image. `Compose` multiplies the maps of those that follow one another and resamples once,
so that a picture that is shifted, rotated and zoomed is interpolated once, and what one step pushes over the edge the
next one can bring back.
"""

import warnings
from collections.abc import Collection, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from .base import Augmentation, as_images, as_number, as_range, as_shape
from .warp import after, identity, warp

Range = float | tuple[float, float]
Size = tuple[int, int]


class Geometry(Augmentation):
    """An augmentation that moves pixels. A new one is a class with `maps`.

    x is [N,H,W], [N,C,H,W], or [N,D] with ``shape=(H, W)`` or ``(C, H, W)``; all channels move together. Positions
    between pixels are interpolated bilinearly; beyond the edge there is `fill`, and a value between the last pixel and
    the fill fades from one to the other. The values stay between the least and the largest of the image and `fill`. A
    NaN or an infinity spreads to its neighbours. In pictures of float32 positions are right to 2e-5 of a pixel.

    >>> class Shear(Geometry):
    ...     def maps(self, n, size, rng, targets):
    ...         maps = identity(n).copy()
    ...         maps[:, 1, 0] = rng.uniform(-0.3, 0.3, n)  # columns move by a share of the row
    ...         return maps, size
    >>> Shear()(np.ones((5, 8, 8), np.float32), seed=0).shape
    (5, 8, 8)
    """

    def __init__(self, fill: float = 0.0, shape: Any = None) -> None:
        self.fill = as_number(self._name, "fill", fill)
        self.shape = as_shape(self._name, shape)

    def maps(self, n: int, size: Size, rng: np.random.Generator, targets: tuple) -> tuple[np.ndarray, Size]:
        """n maps [N,2,3] of output positions to input positions (`fastgrad/data/augment/warp.py`), and the size of
        what comes out, for pictures of this size. To be overridden."""
        raise NotImplementedError(f"{self._name}: needs maps(n, size, rng, targets)")

    def run(self, x: np.ndarray, targets: tuple, rng: np.random.Generator) -> tuple[np.ndarray, tuple]:
        return move([self], x, targets, rng), targets


def move(steps: Sequence[Geometry], x: np.ndarray, targets: tuple, rng: np.random.Generator) -> np.ndarray:
    """x[N,H,W] or [N,C,H,W] through all steps, which share one fill, by one resampling."""
    images = as_images(" + ".join(step._name for step in steps), x)
    size: Size = (images.shape[2], images.shape[3])
    whole = identity(len(images))
    for step in steps:
        maps, size = step.maps(len(images), size, rng, targets)
        whole = after(whole, maps)
    out = warp(images, whole, size, steps[0].fill)
    return out[:, 0] if x.ndim == 3 else out


def about_centre(linear: np.ndarray, size: Size) -> np.ndarray:
    """Maps [N,2,3] of linear[N,2,2] that leave the centre of the picture where it is."""
    centre = (np.array(size) - 1) / 2
    return np.concatenate([linear, (centre - (linear * centre).sum(2))[:, :, None]], axis=2)


class Shift(Geometry):
    """Moves each image by its own number of pixels.

    rows     how far down: a number a for -a..a, or a pair (low, high), each as likely
    columns  how far to the right, the same way and drawn by itself; as `rows` where it is not given
    whole    True: by whole pixels, which copies them bit for bit. False: by any amount between, interpolated

    >>> Shift((1, 1), 0)(np.float32([[[1, 2], [3, 4]]]))
    array([[[0., 0.],
            [1., 2.]]], dtype=float32)

    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition", Proc. IEEE 86 (1998), III-B.
    """

    def __init__(
        self, rows: Range, columns: Range | None = None, *, whole: bool = True, fill: float = 0.0, shape: Any = None
    ) -> None:
        super().__init__(fill, shape)
        self.rows = as_range("Shift", "rows", rows)
        self.columns = as_range("Shift", "columns", rows if columns is None else columns)
        self.whole = bool(whole)
        for what, ends in (("rows", self.rows), ("columns", self.columns)):
            if whole and any(end != int(end) for end in ends):
                raise ValueError(f"Shift: {what}={ends} are not whole pixels; say whole=False to interpolate")

    def maps(self, n: int, size: Size, rng: np.random.Generator, targets: tuple) -> tuple[np.ndarray, Size]:
        maps = identity(n).copy()
        for axis, (low, high) in enumerate((self.rows, self.columns)):
            maps[:, axis, 2] -= (
                rng.integers(int(low), int(high), n, endpoint=True) if self.whole else rng.uniform(low, high, n)
            )
        return maps, size


class Rotate(Geometry):
    """Turns each image about its centre, counterclockwise as `numpy.rot90` does.

    degrees  a number a for -a..a, or a pair (low, high), each angle as likely

    Quarter turns copy pixels bit for bit. Digits stay themselves up to about 30 degrees; a 6 turned by 180 is a 9.

    >>> Rotate((90, 90))(np.float32([[[1, 2], [3, 4]]]))
    array([[[2., 4.],
            [1., 3.]]], dtype=float32)

    Source: P. Simard, D. Steinkraus, J. Platt, "Best practices for convolutional neural networks applied to visual
    document analysis", ICDAR (2003).
    """

    def __init__(self, degrees: Range, *, fill: float = 0.0, shape: Any = None) -> None:
        super().__init__(fill, shape)
        self.degrees = as_range("Rotate", "degrees", degrees)

    def maps(self, n: int, size: Size, rng: np.random.Generator, targets: tuple) -> tuple[np.ndarray, Size]:
        angle = np.deg2rad(rng.uniform(*self.degrees, n))
        cos, sin = np.cos(angle), np.sin(angle)
        for part in (cos, sin):
            part[np.abs(part) < 1e-14] = 0  # pi is rounded: the cosine of a right angle is 6e-17
        return about_centre(np.stack([cos, sin, -sin, cos], axis=1).reshape(n, 2, 2), size), size


class Zoom(Geometry):
    """Enlarges (above 1) or shrinks (below 1) each image about its centre.

    factor   a number a for 1-a..1+a, or a pair (low, high), each factor as likely
    columns  a factor for the width alone, drawn by itself; where it is not given, both are the same

    >>> Zoom((2, 2))(np.float32([[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]))
    array([[[3. , 3.5, 4. ],
            [4.5, 5. , 5.5],
            [6. , 6.5, 7. ]]], dtype=float32)

    Source: as `Rotate`.
    """

    def __init__(self, factor: Range, columns: Range | None = None, *, fill: float = 0.0, shape: Any = None) -> None:
        super().__init__(fill, shape)
        self.factor = as_range("Zoom", "factor", factor, 1.0)
        self.columns = None if columns is None else as_range("Zoom", "columns", columns, 1.0)
        for what, ends in (("factor", self.factor), ("columns", self.columns)):
            if ends is not None and ends[0] < 1e-6:
                raise ValueError(f"Zoom: {what}={ends} must be above 0: 0.5 is half the size, 2 is twice the size")

    def maps(self, n: int, size: Size, rng: np.random.Generator, targets: tuple) -> tuple[np.ndarray, Size]:
        linear = np.zeros((n, 2, 2))
        linear[:, 0, 0] = linear[:, 1, 1] = 1 / rng.uniform(*self.factor, n)
        if self.columns is not None:
            linear[:, 1, 1] = 1 / rng.uniform(*self.columns, n)
        return about_centre(linear, size), size


class Crop(Geometry):
    """Cuts a window out of each image, at a place of its own; every place is as likely.

    size     of the window, (h, w) or one number for both; that of the image where it is not given
    padding  pixels of `fill` put round the image first

    Pixels are copied bit for bit. ``Crop(padding=4)`` is the augmentation of He et al. for images of 32x32.

    Errors: ValueError for a window larger than the padded image.

    >>> Crop(24)(np.ones((5, 28, 28), np.float32), seed=0).shape
    (5, 24, 24)

    Source: K. He et al., "Deep residual learning for image recognition", CVPR (2016), 4.2.
    """

    def __init__(
        self, size: int | Size | None = None, padding: int = 0, *, fill: float = 0.0, shape: Any = None
    ) -> None:
        super().__init__(fill, shape)
        self.size = None if size is None else as_shape("Crop", (size, size) if isinstance(size, Integral) else size)
        self.padding = int(as_number("Crop", "padding", padding, 0))
        if self.padding != padding or len(self.size or (0, 0)) != 2:
            raise ValueError(f"Crop: size must be (h, w), padding a whole number, not {size!r} and {padding!r}")

    def maps(self, n: int, size: Size, rng: np.random.Generator, targets: tuple) -> tuple[np.ndarray, Size]:
        h, w = self.size or size
        room = (size[0] + 2 * self.padding - h, size[1] + 2 * self.padding - w)
        if min(room) < 0:
            raise ValueError(f"Crop: a window of {h}x{w} in images of {size[0]}x{size[1]} with padding={self.padding}")
        maps = identity(n).copy()
        for axis in range(2):
            maps[:, axis, 2] = rng.integers(0, room[axis], n, endpoint=True) - self.padding
        return maps, (h, w)


# -- flips change the meaning of some labels ---------------------------------------------------------------------------
class FlipWarning(UserWarning):
    """Flips that may turn an image of one class into one of another, or of none: what `Flip` says when it is made.

    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     _ = Flip(labels=["0", "1", "2", "3"])
    >>> print(caught[0].message)
    Flip: mirrored left to right, '2', '3' are no longer what their labels say; name the labels that may be flipped by \
only=[0, 1], or say labels="kept"
    """


# Signs that a mirror leaves as they are, in common type faces and hands.
LEFT_RIGHT = frozenset("018AHIMOTUVWXYilmnouvwx")  # rows reversed: "horizontal"
UP_DOWN = frozenset("0138BCDEHIKOXciloxk")
SIDES = {"left", "right", "clockwise", "anticlockwise", "counterclockwise"}
ENDS = {"up", "down", "upward", "downward", "top", "bottom", "above", "below", "clockwise", "counterclockwise"}
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
NUMERALS = dict(zip(WORDS, "0123456789", strict=True))


def changed(names: Sequence[str], same: frozenset, words: set) -> list[int]:
    """The places of those names that a mirror makes wrong: signs that it changes, words for a direction."""
    found = []
    for place, name in enumerate(names):
        sign = NUMERALS.get(name.lower(), name)
        wrong_sign = len(sign) == 1 and sign.isalnum() and sign not in same
        if wrong_sign or words & set(name.lower().replace("_", " ").replace("-", " ").split()):
            found.append(place)
    return found


class Flip(Geometry):
    """Mirrors each image with probability p; pixels are copied bit for bit.

    horizontal, vertical  left to right, top to bottom; each is decided by itself, with probability p
    labels  what the flips do to the labels, for Flip cannot see it in the pixels:
            a list of the classes' names (as ``load_digits().target_names``): a digit, a letter or a direction that the
            mirror changes is named in a `FlipWarning`; names of things ("cat") pass in silence;
            "kept": a mirrored image is what it was, no warning; None: not known, which is warned of, too
    only    label values: only images of these are flipped, without a warning; their targets must be given then

    Errors: ValueError for `only` without targets [N].

    >>> x = np.float32([[[1, 2], [3, 4]]])
    >>> Flip(p=1, labels="kept")(x)
    array([[[2., 1.],
            [4., 3.]]], dtype=float32)
    >>> Flip(p=1, only=[0, 8])(np.concatenate([x, x]), [0, 2])[0][:, 0]
    array([[2., 1.],
           [1., 2.]], dtype=float32)

    Source: A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet classification with deep convolutional neural networks",
    NeurIPS (2012), 4.1.
    """

    def __init__(
        self,
        horizontal: bool = True,
        vertical: bool = False,
        p: float = 0.5,
        *,
        labels: Sequence[str] | str | None = None,
        only: Collection[int] | None = None,
        shape: Any = None,
    ) -> None:
        super().__init__(0.0, shape)
        self.horizontal, self.vertical = bool(horizontal), bool(vertical)
        self.p = as_number("Flip", "p", p, 0, 1)
        self.labels = labels if labels is None or isinstance(labels, str) else tuple(labels)
        self.only = None if only is None else tuple(only)
        if isinstance(labels, str) and labels != "kept":
            raise ValueError(f'Flip: labels must be "kept", or a list of the classes\' names, not {labels!r}')
        if self.only is None and self.labels != "kept":
            self._warn()

    def _warn(self) -> None:
        if self.labels is None:
            text = (
                "a mirrored digit or letter is another one, or none; if mirrored images keep their labels, say "
                'labels="kept", or name the classes, labels=[...], and Flip looks'
            )
            return warnings.warn(f"Flip: {text}", FlipWarning, stacklevel=3)
        kinds = (
            (self.horizontal, "mirrored left to right", LEFT_RIGHT, SIDES),
            (self.vertical, "mirrored top to bottom", UP_DOWN, ENDS),
        )
        for wanted, how, same, words in kinds:
            names = [str(name) for name in self.labels]
            wrong = changed(names, same, words) if wanted else []
            if wrong:
                may = [place for place in range(len(names)) if place not in wrong]
                warnings.warn(
                    f"Flip: {how}, {', '.join(repr(names[k]) for k in wrong)} are no longer what their labels say; "
                    f'name the labels that may be flipped by only={may}, or say labels="kept"',
                    FlipWarning,
                    stacklevel=3,
                )
        return None

    def maps(self, n: int, size: Size, rng: np.random.Generator, targets: tuple) -> tuple[np.ndarray, Size]:
        maps = identity(n).copy()
        may = self._may(n, targets)
        for axis, wanted in enumerate((self.vertical, self.horizontal)):
            if wanted:
                turn = (rng.random(n) < self.p) & may
                maps[turn, axis, axis] = -1
                maps[turn, axis, 2] = size[axis] - 1
        return maps, size

    def _may(self, n: int, targets: tuple) -> np.ndarray:
        if self.only is None:
            return np.ones(n, bool)
        if not targets or targets[0].shape != (n,):
            found = targets[0].shape if targets else "none"
            raise ValueError(f"Flip: only={list(self.only)} needs the labels [N], as in flip(x, y); targets: {found}")
        return np.isin(targets[0], self.only)
