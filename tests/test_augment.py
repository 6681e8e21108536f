"""Augmentation: SciPy's resampling, bits where pixels are copied, one resampling for many steps, the same bits again."""

import threading

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.data import DataLoader, load_digits
from fastgrad.data.augment import (
    Augmentation,
    BinomialNoise,
    Compose,
    Crop,
    Flip,
    GaussianNoise,
    Geometry,
    Mixup,
    Rotate,
    Shift,
    Zoom,
    expand,
    warp,
)
from fastgrad.data.augment.geometry import about_centre

GEOMETRY = {
    "shift": Shift(3),
    "shift by fractions": Shift(3, 5, whole=False, fill=0.25),
    "flip": Flip(vertical=True, labels="kept"),
    "rotate": Rotate(180),
    "zoom": Zoom(0.5, 0.3),
    "crop": Crop(6, padding=2, fill=-1.0),
}
OTHERS = {
    "gauss": GaussianNoise(0.3, clip=(0, 1)),
    "mask": BinomialNoise(0.3),
    "salt": BinomialNoise(0.3, kind="salt-and-pepper"),
    "mixup": Mixup(0.4, num_classes=10),
    "compose": Compose([Shift(1), Rotate(20), GaussianNoise(0.1), Mixup(num_classes=10), Zoom(0.2)]),
    "empty": Compose([]),
}
ALL = GEOMETRY | OTHERS
every = pytest.mark.parametrize("aug", ALL.values(), ids=ALL)
every_geometry = pytest.mark.parametrize("aug", GEOMETRY.values(), ids=GEOMETRY)
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def bits(x):
    return np.ascontiguousarray(x).view(np.uint8)


def odd_pictures(rng, dtype, shape=(4, 9, 7)):
    """Pictures with values that arithmetic would not give back: -0, NaN, infinities, numbers below the normal ones."""
    x = rng.standard_normal(shape).astype(dtype)
    x.reshape(-1)[:: x.size // 11] = -0.0
    x.reshape(-1)[1:12:2] = [np.nan, np.inf, -np.inf, 1e-44, -1e-44, np.finfo(dtype).max]
    return x


# -- what every augmentation promises ----------------------------------------------------------------------------------
@every
@dtypes
@pytest.mark.parametrize("shape", [(5, 8, 8), (5, 3, 8, 11), (1, 8, 8), (0, 8, 8)])
def test_a_batch_comes_back_in_its_dtype_and_unchanged(aug, dtype, shape, rng):
    x, y = rng.random(shape).astype(dtype), rng.integers(0, 10, shape[0])
    before = x.copy(), y.copy()
    out, target = aug(x, y, seed=1)
    assert (type(out), out.dtype, len(out), len(target)) == (np.ndarray, dtype, *(shape[:1] * 2))
    assert out.shape == ((*shape[:-2], 6, 6) if isinstance(aug, Crop) else shape)
    assert not np.shares_memory(out, x)
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(y, before[1])
    if target.ndim == 1:
        np.testing.assert_array_equal(target, y)


@every
def test_the_same_generator_gives_the_same_bits(aug, rng):
    x, y = rng.random((300, 12, 12), dtype=np.float32), rng.integers(0, 10, 300)
    first = aug(x, y, rng=np.random.Generator(np.random.Philox(5)))
    found = {}

    def again(name, threads, isa):
        with fg.kernels.use(threads=threads, isa=isa):
            found[name] = aug(x, y, seed=5)

    workers = [
        threading.Thread(target=again, args=((threads, isa), threads, isa))
        for threads in (1, 2, 4)
        for isa in fg.kernels.info()["isas"]
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with fg.kernels.use("reference"):
        found["reference"] = aug(x, y, seed=5)
    assert len(found) == len(workers) + 1
    for name, (images, targets) in found.items():
        assert np.array_equal(bits(images), bits(first[0])), name
        assert np.array_equal(bits(targets), bits(first[1])), name
    if aug is not ALL["empty"]:
        assert not np.array_equal(aug(x, y, seed=6)[0], first[0])


@every_geometry
def test_an_image_is_changed_as_it_would_be_alone(aug, rng):
    """What an image becomes depends on its map alone: not on who is beside it, nor on where rounds begin."""
    x = rng.random((23, 2, 9, 7), dtype=np.float32)
    maps, size = aug.maps(23, (9, 7), rng, ())
    whole = warp.warp(x, maps, size, aug.fill or 0.0)
    for k in (0, 1, 22):
        np.testing.assert_array_equal(
            warp.warp(x[k : k + 1], maps[:, :, k : k + 1], size, aug.fill or 0.0)[0], whole[k]
        )
    rounds, warp.PIXELS = warp.PIXELS, 200
    try:
        np.testing.assert_array_equal(warp.warp(x, maps, size, aug.fill or 0.0), whole)
    finally:
        warp.PIXELS = rounds


@every
def test_no_memory_is_read_before_it_is_written(aug, rng, monkeypatch):
    x, y = rng.random((9, 7, 8), dtype=np.float32), rng.integers(0, 10, 9)
    expected = aug(x, y, seed=0)[0]

    def poisoned(shape, dtype):
        return np.full(shape, np.nan if np.dtype(dtype).kind == "f" else 1 << 60, dtype)

    monkeypatch.setattr(warp, "empty", poisoned)
    monkeypatch.setattr(fg.data.augment.noise, "empty", poisoned)
    np.testing.assert_array_equal(aug(x, y, seed=0)[0], expected)


@pytest.mark.parametrize("prefetch", [0, 2])
def test_a_loader_that_is_resumed_augments_as_it_would_have(prefetch, rng):
    data = rng.random((50, 8, 8), dtype=np.float32), rng.integers(0, 10, 50)

    def loader():
        return DataLoader(data, 8, shuffle=True, seed=1, transform=ALL["compose"], prefetch=prefetch)

    whole = loader()
    expected = [list(whole) for _ in range(2)][1]
    stopped = loader()
    list(stopped)
    epoch = iter(stopped)
    for _ in range(3):
        next(epoch)
    resumed = loader()
    resumed.load_state_dict(stopped.state_dict())
    found = list(resumed)
    assert len(found) == len(expected) - 3
    for (x, y), (images, targets) in zip(found, expected[3:], strict=True):
        np.testing.assert_array_equal(x.numpy(), images.numpy())
        np.testing.assert_array_equal(y.numpy(), targets.numpy())


def test_without_a_seed_fastgrads_generator_draws():
    x = np.zeros((2, 5, 5), np.float32)
    noise = GaussianNoise(1.0)
    fg.manual_seed(3)
    first, second = noise(x), noise(x)
    fg.manual_seed(3)
    np.testing.assert_array_equal(noise(x), first)
    assert not np.array_equal(first, second)


# -- resampling --------------------------------------------------------------------------------------------------------
@dtypes
@pytest.mark.parametrize("size", [(9, 7), (4, 15), (150, 140)])
@pytest.mark.parametrize("fill", [0.0, -2.5])
def test_scipys_affine_transform(dtype, size, fill, rng):
    ndimage = pytest.importorskip("scipy.ndimage", reason="SciPy is not installed")
    x = rng.standard_normal((6, 2, 9, 7)).astype(dtype)
    maps = np.concatenate([rng.normal(0, 1.0, (2, 2, 6)), rng.normal(3, 3.0, (2, 1, 6))], 1)
    out = warp.warp(x, maps, size, fill)
    # an error of a position, and then of a few roundings, times what values may differ by
    wide = dtype == np.float32 and max(size) <= warp.SMALL
    reach = (np.abs(maps[:, 0]) * size[0] + np.abs(maps[:, 1]) * size[1] + np.abs(maps[:, 2])).max()
    eps = np.finfo(np.float32 if wide else np.float64).eps * 4 * reach + 8 * np.finfo(dtype).eps
    for n in range(6):
        for c in range(2):
            expected = ndimage.affine_transform(
                x[n, c].astype(np.float64),
                maps[:, :2, n],
                maps[:, 2, n],
                output_shape=size,
                order=1,
                mode="grid-constant",
                cval=fill,
            )
            np.testing.assert_allclose(out[n, c], expected, rtol=0, atol=eps * np.ptp(np.append(x, fill)))


@every_geometry
@dtypes
def test_values_stay_between_their_neighbours(aug, dtype, rng):
    """Exactly: also where a share of a large and of a small number is taken."""
    x = (rng.random((200, 9, 9)) * 10.0 ** rng.integers(-8, 8, (200, 9, 9))).astype(dtype) + dtype(1e-9)
    out = aug(x, seed=2)
    least, most = np.minimum(x.min((1, 2)), aug.fill or 0), np.maximum(x.max((1, 2)), aug.fill or 0)
    assert (out.min((1, 2)) >= least.astype(dtype)).all()
    assert (out.max((1, 2)) <= most.astype(dtype)).all()
    same = np.full((3, 9, 9), 0.1, dtype)
    inside = Rotate(45)(same, seed=0)[:, 3:6, 3:6]
    np.testing.assert_array_equal(inside, same[:, 3:6, 3:6])


IDENTITIES = {
    "shift 0": Shift(0),
    "fraction 0": Shift(0, whole=False),
    "rotate 0": Rotate(0),
    "zoom 1": Zoom(0),
    "zoom 1, 1": Zoom(0, 0),
    "crop all": Crop(),
    "flip never": Flip(vertical=True, p=0, labels="kept"),
    "all of them": Compose([Shift(0), Rotate(0), Zoom(0), Crop()]),
    "none": Compose([]),
}


@pytest.mark.parametrize("aug", IDENTITIES.values(), ids=IDENTITIES)
@dtypes
def test_nothing_is_the_identity_bit_for_bit(aug, dtype, rng):
    x = odd_pictures(rng, dtype)
    np.testing.assert_array_equal(bits(aug(x, seed=0)), bits(x))


@dtypes
@pytest.mark.parametrize(("axis", "flip"), [(1, {"horizontal": False, "vertical": True}), (2, {})])
def test_a_flip_is_numpys_and_flipped_again_the_image(dtype, axis, flip, rng):
    x = odd_pictures(rng, dtype)
    flip = Flip(p=1, labels="kept", **flip)
    once = flip(x, seed=0)
    np.testing.assert_array_equal(bits(once), bits(np.flip(x, axis)))
    np.testing.assert_array_equal(bits(flip(once, seed=1)), bits(x))
    np.testing.assert_array_equal(bits(Compose([flip, flip])(x, seed=0)), bits(x))


@dtypes
@pytest.mark.parametrize("quarters", [-1, 1, 2, 3, 5])
@pytest.mark.parametrize("side", [8, 9])
def test_quarter_turns_are_numpys(dtype, quarters, side, rng):
    x = odd_pictures(rng, dtype, (4, side, side))
    out = Rotate((90 * quarters, 90 * quarters))(x, seed=0)
    np.testing.assert_array_equal(bits(out), bits(np.rot90(x, quarters, (1, 2))))


def test_a_turn_and_back_is_near_the_image():
    """Of a smooth picture: so a wrong centre, or rows taken for columns, would be seen."""
    row, column = np.mgrid[0:41, 0:35]
    x = np.exp(-((row - 18) ** 2 + (column - 19) ** 2) / 40)[None]
    back = Rotate((-30, -30))(Rotate((30, 30))(x, seed=0), seed=0)
    assert np.abs(back - x).max() < 0.03
    assert np.abs(Rotate((30, 30))(x, seed=0) - x).max() > 0.1
    whole = Compose([Rotate((30, 30)), Rotate((-30, -30))])(x, seed=0)
    np.testing.assert_allclose(whole, x, rtol=0, atol=1e-13)


def test_shifts_are_what_they_say():
    x = np.arange(1.0, 21).reshape(1, 4, 5)
    down = Shift((1, 1), (-2, -2), fill=9)(x, seed=0)[0]
    np.testing.assert_array_equal(down[0], 9)
    np.testing.assert_array_equal(down[1:, :3], x[0, :3, 2:])
    np.testing.assert_array_equal(down[:, 3:], 9)
    half = Shift((0, 0), (0.5, 0.5), whole=False)(x, seed=0)[0]
    np.testing.assert_array_equal(half[:, 1:], (x[0, :, 1:] + x[0, :, :-1]) / 2)
    np.testing.assert_array_equal(half[:, 0], x[0, :, 0] / 2)


def test_zoom_enlarges_about_the_centre():
    x = np.zeros((1, 9, 9))
    x[0, 3:6, 3:6] = 1
    assert Zoom((2, 2))(x, seed=0).sum() > 25
    assert Zoom((0.5, 0.5))(x, seed=0).sum() < 5
    assert (Zoom((4, 4))(x, seed=0) == 1).all()  # all positions from 3 to 5
    wide = Zoom((1, 1), (4, 4))(x, seed=0)[0]
    np.testing.assert_array_equal(wide, np.repeat([[0], [1], [0]], 3, 0) * np.ones(9))


def test_crops_are_windows():
    x = np.arange(400 * 30.0).reshape(400, 5, 6)
    out = Crop((3, 4))(x, seed=0)
    places = {
        (r, c): sum(np.array_equal(out[k], x[k, r : r + 3, c : c + 4]) for k in range(400))
        for r in range(3)
        for c in range(3)
    }
    assert sum(places.values()) == 400
    assert min(places.values()) > 20
    padded = Crop(padding=2, fill=-1)(x, seed=0)
    framed = np.pad(x, ((0, 0), (2, 2), (2, 2)), constant_values=-1)
    for k in range(50):
        windows = [framed[k, r : r + 5, c : c + 6] for r in range(5) for c in range(5)]
        assert any(np.array_equal(padded[k], window) for window in windows)


def test_draws_cover_their_range():
    n = 4000
    g = np.random.Generator(np.random.Philox(1))
    shift = -Shift((-2, 1), 5).maps(n, (9, 9), g, ())[0][:, 2].T
    assert sorted(set(shift[:, 0])) == [-2, -1, 0, 1]
    assert (shift[:, 1].min(), shift[:, 1].max()) == (-5, 5)
    cos = Rotate((10, 30)).maps(n, (9, 9), g, ())[0][0, 0]
    angle = np.rad2deg(np.arccos(cos))
    assert 10 <= angle.min() < 10.1
    assert 29.9 < angle.max() <= 30
    zoom = 1 / Zoom(0.2).maps(n, (9, 9), g, ())[0][[0, 1], [0, 1]].T
    np.testing.assert_array_equal(zoom[:, 0], zoom[:, 1])
    assert 0.8 <= zoom.min() < 0.801
    assert 1.199 < zoom.max() <= 1.2
    stretched = 1 / Zoom(0.2, 0.1).maps(n, (9, 9), g, ())[0][[0, 1], [0, 1]].T
    assert abs(np.corrcoef(stretched.T)[0, 1]) < 0.1
    turned = Flip(p=0.25, labels="kept").maps(n, (9, 9), g, ())[0][1, 1] < 0
    assert abs(turned.mean() - 0.25) < 0.03


# -- composition -------------------------------------------------------------------------------------------------------
def test_geometry_in_a_row_is_one_resampling(rng, monkeypatch):
    calls = []
    monkeypatch.setattr(fg.data.augment.geometry, "warp", lambda *a: calls.append(1) or warp.warp(*a))
    x = rng.random((4, 12, 12))
    steps = [Shift(2), Compose([Rotate(20), Zoom(0.2)]), Flip(labels="kept"), Crop(10), Rotate(5, fill=1.0)]
    Compose([*steps, GaussianNoise(0.1), Shift(1)])(x, seed=0)
    assert len(calls) == 3  # fill 0; fill 1; behind the noise
    calls.clear()
    Compose([Flip(labels="kept"), Rotate(5, fill=1.0), Flip(labels="kept"), Shift(1, fill=1.0)])(x, seed=0)
    assert len(calls) == 1  # a flip sees no fill


def test_one_resampling_is_the_steps_one_after_another(rng):
    """By whole pixels nothing is interpolated: inside, where no step has pushed anything out, the bits are the same."""
    x = rng.random((20, 16, 12))
    steps = [Shift(2), Flip(vertical=True, labels="kept"), Crop((12, 9)), Shift((1, 1), (0, 0)), Rotate((180, 180))]
    g = np.random.Generator(np.random.Philox(4))
    found, expected = Compose(steps)(x, seed=4), x
    for step in steps:
        expected = step(expected, rng=g)
    np.testing.assert_array_equal(found[:, 3:9, 3:6], expected[:, 3:9, 3:6])
    assert found.shape == expected.shape == (20, 12, 9)


def test_what_one_step_pushes_out_the_next_brings_back(rng):
    x = rng.random((3, 8, 8))
    there, back = Shift((5, 5)), Shift((-5, -5))
    np.testing.assert_array_equal(Compose([there, back])(x, seed=0), x)
    assert (back(there(x, seed=0), seed=0)[:, 3:] == 0).all()


def test_composition_of_maps_in_the_order_of_the_steps(rng):
    ndimage = pytest.importorskip("scipy.ndimage", reason="SciPy is not installed")
    x = ndimage.gaussian_filter(rng.random((1, 40, 30)), (0, 4, 4))
    steps = [Rotate((30, 30)), Shift((4, 4), (-2, -2)), Zoom((1.2, 1.2))]
    one = Compose(steps)(x, seed=0)[0, 12:28, 10:20]
    many, other = x, x
    for step in steps:
        many = step(many, seed=0)
    for step in reversed(steps):
        other = step(other, seed=0)
    span = np.ptp(x)
    assert np.abs(one - many[0, 12:28, 10:20]).max() < 0.03 * span
    assert np.abs(one - other[0, 12:28, 10:20]).max() > 0.1 * span


def test_functions_are_steps():
    def double(x, *targets, rng):
        return (2 * x, *targets) if targets else 2 * x

    x = np.ones((2, 3, 3), np.float32)
    both = Compose([double, Shift(0)])
    np.testing.assert_array_equal(both(x, seed=0), 2 * x)
    np.testing.assert_array_equal(both(x, [1, 2], seed=0)[1], [1, 2])
    with pytest.raises(TypeError, match="must return a tuple"):
        Compose([lambda x, *targets, rng: x])(x, [1, 2], seed=0)
    with pytest.raises(TypeError, match="Compose: needs float32 or float64, not int64"):
        Compose([lambda x, *targets, rng: x.astype(np.int64), Shift(1)])(x, seed=0)
    with pytest.raises(TypeError, match="3 is no augmentation"):
        Compose([3])


@every_geometry
def test_flat_vectors_are_pictures_with_a_shape(aug, rng):
    x = rng.random((6, 2, 8, 8), dtype=np.float32)
    out = aug(x, seed=3)
    flat = Compose([aug], shape=(2, 8, 8))
    np.testing.assert_array_equal(flat(x.reshape(6, -1), seed=3), out.reshape(6, -1))
    np.testing.assert_array_equal(Compose([flat])(x.reshape(6, -1), seed=3), out.reshape(6, -1))
    own = type(aug)(**{k: v for k, v in vars(aug).items() if k in SIGNATURE[type(aug)]}, shape=(2, 8, 8))
    np.testing.assert_array_equal(own(x.reshape(6, -1), seed=3), out.reshape(6, -1))
    with pytest.raises(ValueError, match=r"needs vectors \[N,128\], not shape \(6, 100\)"):
        own(x.reshape(6, -1)[:, :100], seed=0)


SIGNATURE = {
    Shift: {"rows", "columns", "whole", "fill"},
    Flip: {"horizontal", "vertical", "p", "labels"},
    Rotate: {"degrees", "fill"},
    Zoom: {"factor", "columns", "fill"},
    Crop: {"size", "padding", "fill"},
}


def test_a_geometry_of_ones_own_joins_the_resampling(rng):
    class Mirror(Geometry):
        def maps(self, n, size, rng, targets):
            return about_centre(np.repeat([[[1.0], [0]], [[0], [-1]]], n, 2), size), size

    x = rng.random((3, 5, 6))
    np.testing.assert_array_equal(Compose([Mirror(), Shift((1, 1), 0)])(x, seed=0)[:, 1:], x[:, :-1, ::-1])
    with pytest.raises(NotImplementedError, match="Geometry: needs maps"):
        Geometry()(x, seed=0)
    with pytest.raises(NotImplementedError, match="Augmentation: an augmentation needs run"):
        Augmentation()(x, seed=0)


def test_augmentations_print_their_options():
    assert repr(Shift(2)) == "Shift(fill=0.0, shape=None, rows=(-2.0, 2.0), columns=(-2.0, 2.0), whole=True)"
    assert repr(Compose([BinomialNoise(0.1)])).startswith("Compose(steps=(BinomialNoise(p=0.1")


# -- expand ------------------------------------------------------------------------------------------------------------
def test_expand():
    digits = load_digits()
    image = digits.images[3]
    copies = expand(image, 20, seed=0)
    assert (copies.shape, copies.dtype) == ((21, 8, 8), np.float32)
    np.testing.assert_array_equal(copies[0], image)
    assert len({copy.tobytes() for copy in copies}) == 21
    np.testing.assert_array_equal(expand(image, 20, seed=0), copies)
    assert expand(image, 0, seed=0).shape == (1, 8, 8)

    x, y = expand(digits.images[:50], 3, Shift(1), digits.target[:50], seed=0)
    np.testing.assert_array_equal(x[:50], digits.images[:50])
    np.testing.assert_array_equal(y, np.tile(digits.target[:50], 4))
    flat = Compose([Rotate(10)], shape=(8, 8))
    assert expand(digits.data[0], 4, flat, seed=0).shape == (5, 64)
    assert expand(digits.data[:3], 4, flat, seed=0).shape == (15, 64)
    assert expand(image[None], 4, seed=0).shape == (5, 8, 8)
    assert expand(np.zeros((2, 3, 8, 8)), 4, seed=0).shape == (10, 3, 8, 8)
    x, y = expand(digits.images[:4], 1, Mixup(), np.eye(4), seed=0)
    assert (x.shape, y.shape) == ((8, 8, 8), (8, 4))


def test_expand_refuses():
    image = np.zeros((8, 8))
    with pytest.raises(ValueError, match="for one image give image"):
        expand(image, 3, Shift(1), [1], seed=0)
    with pytest.raises(ValueError, match="do not fit beside originals"):
        expand(image, 3, Crop(5), seed=0)
    with pytest.raises(ValueError, match="n must be a whole number"):
        expand(image, 1.5, seed=0)
    with pytest.raises(TypeError, match="expand: needs float32 or float64, not uint8"):
        expand(image.astype(np.uint8), 3, seed=0)
    with pytest.raises(ValueError, match="expand: needs images"):
        expand(image[0], 3, seed=0)
