"""Resampling: a batch of pictures, each through an affine map of its own, in NumPy.

A map [2,3] says where an output pixel comes from: output (i, j) shows the input at ``row = a00 i + a01 j + a02``,
``column = a10 i + a11 j + a12``, between four pixels bilinearly. Beyond the edge there is `fill`, and between the last
pixel and the fill the picture fades ("grid-constant" in scipy.ndimage).
"""

from typing import Any

import numpy as np

from ...kernels import add, empty, lerp, use  # empty: a block of a pool; fresh memory takes as long as the work in it

PIXELS = 1 << 16  # of one round: its dozen arrays of scratch then stay in a core's cache
SMALL = (
    128  # up to this side, positions are float32: they are then right to 2e-5 of a pixel; beyond it they are float64
)


def identity(n: int) -> np.ndarray:
    """n maps that change nothing."""
    return np.broadcast_to(np.eye(2, 3), (n, 2, 3))


def after(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The maps [N,2,3] of changing pictures by `first`, then by `second`: an output position of the second is an
    input position of it, which is an output position of the first."""
    out = np.einsum("nij,njk->nik", first[:, :, :2], second)
    out[:, :, 2] += first[:, :, 2]
    return out


def warp(x: np.ndarray, maps: np.ndarray, size: tuple[int, int], fill: float) -> np.ndarray:
    """x[N,C,H,W] through maps[N,2,3], as an array [N,C,*size].

    Maps that send pixels to pixels (whole shifts, flips, quarter turns) copy them bit for bit. Otherwise each value
    lies between the least and the largest of the four pixels around its position.
    """
    n, c, high, wide = x.shape
    out: np.ndarray = empty((n, c, *size), x.dtype)
    sample = copied if (maps == np.rint(maps)).all() else interpolated
    rows = max(1, PIXELS // max((high + 2) * (wide + 2), size[0] * size[1]))
    with use(threads=1):  # a loader's thread leaves the others to the training
        for lo in range(0, n, rows):
            part = slice(lo, lo + rows)
            sample(x[part], maps[part], fill, out[part])
    return out


def framed(x: np.ndarray, fill: float) -> np.ndarray:
    """x[N,C,H,W] with one pixel of `fill` round each picture, as [C,N (H+2) (W+2) + W+3].

    So every position, once clipped to the frame, has four neighbours without asking: what is right of a frame is the
    next row's left side, and what is below it the next picture's top, all of them fill.
    """
    n, c, high, wide = x.shape
    whole: np.ndarray = empty((c, n * (high + 2) * (wide + 2) + wide + 3), x.dtype)
    whole.fill(fill)
    inner = whole[:, : n * (high + 2) * (wide + 2)].reshape(c, n, high + 2, wide + 2)
    inner[:, :, 1:-1, 1:-1] = x.transpose(1, 0, 2, 3)
    return whole


def positions(maps: np.ndarray, axis: int, size: tuple[int, int], last: int, dtype: Any) -> np.ndarray:
    """[N,h,w]: rows (axis 0) or columns (axis 1) of the framed input, clipped to 0..last."""
    down, right, start = maps[:, axis, :, None].transpose(1, 0, 2)
    along = (down * np.arange(size[0])).astype(dtype)
    across = (right * np.arange(size[1]) + (start + 1)).astype(dtype)
    found: np.ndarray = empty((len(maps), *size), dtype)
    add(along[:, :, None], across[:, None, :], out=found)
    return np.clip(found, 0, last, out=found)


def indices(row: np.ndarray, column: np.ndarray, x: np.ndarray) -> np.ndarray:
    """[N,h,w]: where whole positions are in the framed images of one channel; `row` is used up."""
    n, _, high, wide = x.shape
    row *= wide + 2
    row += column
    row += (np.arange(n, dtype=row.dtype) * ((high + 2) * (wide + 2)))[:, None, None]
    index: np.ndarray = empty(row.shape, np.int64)
    np.copyto(index, row, casting="unsafe")
    return index


def copied(x: np.ndarray, maps: np.ndarray, fill: float, out: np.ndarray) -> None:
    size = (out.shape[2], out.shape[3])
    row = positions(maps, 0, size, x.shape[2] + 1, np.float64)
    column = positions(maps, 1, size, x.shape[3] + 1, np.float64)
    index = indices(row, column, x)
    taken: np.ndarray = empty(index.shape, x.dtype)
    for channel, flat in enumerate(framed(x, fill)):
        out[:, channel] = np.take(flat, index, out=taken, mode="clip")


def interpolated(x: np.ndarray, maps: np.ndarray, fill: float, out: np.ndarray) -> None:
    """With f the fraction right and g the fraction down of the four neighbours a b / c d:

    top = a + f (b - a),   bottom = c + f (d - c),   out = top + g (bottom - top)

    `lerp` computes it from the nearer end: so no rounding takes a value out of the range of its neighbours.
    """
    high, wide = x.shape[2:]
    size = h, w = (out.shape[2], out.shape[3])
    small = x.dtype == np.float32 and max(high, wide, h, w) <= SMALL  # then indices are below 2^24: exact
    g = positions(maps, 0, size, high + 1, np.float32 if small else np.float64)
    f = positions(maps, 1, size, wide + 1, g.dtype)
    row, column = np.floor(g, out=empty(g.shape, g.dtype)), np.floor(f, out=empty(g.shape, g.dtype))
    g -= row
    f -= column
    index = indices(row, column, x)
    f, g = f.astype(x.dtype, copy=False), g.astype(x.dtype, copy=False)
    a, b, c, d = (empty(g.shape, x.dtype) for _ in range(4))
    for channel, flat in enumerate(framed(x, fill)):
        for corner, start in ((a, 0), (b, 1), (c, wide + 2), (d, wide + 3)):
            np.take(flat[start:], index, out=corner, mode="clip")
        lerp(a, b, f, out=a)
        lerp(c, d, f, out=c)
        lerp(a, c, g, out=out[:, channel])
