"""Augmentation of 28x28 images: checked against SciPy and NumPy, then timed, alone and in a loader.

Images a second are the batch (or the 10,000 images of an epoch) over the time that is printed.
"""

import numpy as np
import pytest

from fastgrad.data import DataLoader
from fastgrad.data.augment import BinomialNoise, Compose, Crop, Flip, GaussianNoise, Mixup, Rotate, Shift, Zoom, warp

GEOMETRY = [Shift(2), Flip(labels="kept"), Rotate(10), Zoom(0.1), Crop(padding=2)]
EVERYTHING = Compose([*GEOMETRY, GaussianNoise(0.1), BinomialNoise(0.1), Mixup(0.2, num_classes=10)])
CASES = {
    "shift": GEOMETRY[0],
    "rotate": GEOMETRY[2],
    "geometry": Compose(GEOMETRY),
    "gauss": GaussianNoise(0.1),
    "binomial": BinomialNoise(0.1),
    "salt-and-pepper": BinomialNoise(0.1, kind="salt-and-pepper"),
    "mixup": Mixup(0.2, num_classes=10),
    "everything": EVERYTHING,
}


def images(n):
    rng = np.random.Generator(np.random.Philox(n))
    return rng.random((n, 28, 28), dtype=np.float32), rng.integers(0, 10, n)


def check_resampling():
    """The maps of all geometry at once, through SciPy."""
    ndimage = pytest.importorskip("scipy.ndimage", reason="SciPy is not installed")
    x, _ = images(5)
    maps, rng = warp.identity(5), np.random.Generator(np.random.Philox(0))
    for step in GEOMETRY:
        maps = warp.after(maps, step.maps(5, (28, 28), rng, ())[0])
    found = Compose(GEOMETRY)(x, seed=0)
    for k in range(5):
        expected = ndimage.affine_transform(x[k], maps[:, :2, k], maps[:, 2, k], order=1, mode="grid-constant")
        np.testing.assert_allclose(found[k], expected, rtol=0, atol=2e-5)


def check_noise():
    zeros, ones = np.zeros((1000, 28, 28), np.float32), np.ones((1000, 28, 28), np.float32)
    assert abs(GaussianNoise(0.1)(zeros, seed=0).std() - 0.1) < 1e-3
    assert abs(BinomialNoise(0.1)(ones, seed=0).mean() - 0.9) < 2e-3


@pytest.mark.parametrize("batch", [100, 1000])
@pytest.mark.parametrize("case", CASES)
def bench_batch(case, batch, clock):
    check_resampling()
    check_noise()
    x, y = images(batch)
    rng = np.random.Generator(np.random.Philox(1))
    clock(lambda: CASES[case](x, y, rng=rng), moved=2 * x.nbytes)


@pytest.mark.parametrize("prefetch", [0, 2])
@pytest.mark.parametrize("batch", [100, 1000])
def bench_loader(batch, prefetch, clock):
    x, y = images(10_000)
    loader = DataLoader((x, y), batch, shuffle=True, seed=0, transform=EVERYTHING, prefetch=prefetch)
    again = DataLoader((x, y), batch, shuffle=True, seed=0, transform=EVERYTHING)
    for (a, t), (b, u) in zip(loader, again, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
        np.testing.assert_array_equal(t.numpy(), u.numpy())

    def epoch():
        assert sum(len(x) for x, _ in loader) == 10_000

    clock(epoch, moved=2 * x.nbytes)
