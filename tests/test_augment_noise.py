"""Noise, mixup and flips of labels: their distributions, what they refuse, and what they warn of."""

import warnings

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.data import load_digits
from fastgrad.data.augment import (
    BinomialNoise,
    Compose,
    Crop,
    Flip,
    FlipWarning,
    GaussianNoise,
    Mixup,
    Rotate,
    Shift,
    Zoom,
)
from fastgrad.data.augment.noise import LEVELS, slices

dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


# -- Gaussian noise ----------------------------------------------------------------------------------------------------
def test_the_slices_are_the_normal_distribution():
    stats = pytest.importorskip("scipy.stats", reason="SciPy is not installed")
    table = slices().astype(np.float64)
    assert table.shape == (LEVELS,)
    assert abs(table.mean()) < 1e-9
    assert abs((table**2).mean() - 1) < 1e-7
    assert (np.diff(table) > 0).all()
    np.testing.assert_array_equal(table, -table[::-1])
    # steps of 2^-16 at the slices' means: halfway up each, the normal distribution function is less than a step away
    halfway = (np.arange(LEVELS) + 0.5) / LEVELS
    assert np.abs(stats.norm.cdf(table) - halfway).max() < 0.5 / LEVELS
    assert 4.3 < table.max() < 4.4
    assert abs((table**4).mean() - 3) < 0.01


@dtypes
@pytest.mark.parametrize("shape", [(400, 28, 28), (400, 3, 17, 11), (300_001,), (50_000, 5)])
def test_gaussian_noise_is_normal_and_independent(dtype, shape):
    x = np.full(shape, 2.0, dtype)
    noise = (GaussianNoise(0.5)(x, seed=9).astype(np.float64) - 2).reshape(-1) / 0.5
    n = noise.size
    assert abs(noise.mean()) < 4 / n**0.5
    assert abs(noise.var() - 1) < 4 * (2 / n) ** 0.5
    assert abs((noise**4).mean() - 3) < 4 * (96 / n) ** 0.5 + 0.01
    for lag in (1, 2, 3, 4, 28):
        assert abs((noise[lag:] * noise[:-lag]).mean()) < 4.5 / n**0.5
    assert len(np.unique(noise)) > 0.9 * min(n, LEVELS)


def test_gaussian_noise_scipys_test():
    stats = pytest.importorskip("scipy.stats", reason="SciPy is not installed")
    noise = GaussianNoise(1.0)(np.zeros(200_000, np.float32), seed=3)
    assert stats.kstest(noise.astype(np.float64), "norm").pvalue > 0.001
    assert stats.kstest(noise.astype(np.float64) * 1.02, "norm").pvalue < 0.05


def test_gaussian_noise_is_added_and_clipped():
    x = np.random.default_rng(0).random((20, 9)).astype(np.float32)
    np.testing.assert_array_equal(GaussianNoise(0)(x, seed=0), x)
    out = GaussianNoise(0.5, clip=(0, 1))(x, seed=0)
    assert (out.min(), out.max()) == (0, 1)
    np.testing.assert_array_equal(out, GaussianNoise(0.5)(x, seed=0).clip(0, 1))


# -- binomial noise ----------------------------------------------------------------------------------------------------
@dtypes
@pytest.mark.parametrize("p", [0.0, 1e-4, 0.1, 0.5, 0.999, 1.0])
def test_masking_replaces_a_share_and_nothing_else(dtype, p):
    x = np.arange(1, 1_000_001).astype(dtype).reshape(1000, -1) * dtype(0.37)
    for low in (0.0, -7.5):
        out = BinomialNoise(p, low=low)(x, seed=3)
        gone = out == low
        assert ((out == x) | gone).all()
        assert abs(gone.mean() - p) <= 4.5 * (p * (1 - p) / x.size) ** 0.5
        if 0 < p < 1:
            for lag in (1, 2, 64, 1000):  # by itself: neighbours go no more often than others
                both = (gone.reshape(-1)[lag:] & gone.reshape(-1)[:-lag]).mean()
                assert abs(both - p * p) < 5 * (p * p / x.size) ** 0.5 + 1e-5


@dtypes
@pytest.mark.parametrize("p", [0.0, 0.1, 1.0])
def test_salt_and_pepper_are_as_likely(dtype, p):
    x = np.full((1000, 300), 0.5, dtype)
    out = BinomialNoise(p, kind="salt-and-pepper", low=-1, high=2)(x, seed=3)
    for value in (-1, 2):
        assert abs((out == value).mean() - p / 2) <= 4.5 * (p / 2 / x.size) ** 0.5
    assert abs((out == 0.5).mean() - (1 - p)) <= 4.5 * (p / x.size) ** 0.5


@dtypes
def test_binomial_noise_keeps_odd_values_and_replaces_them(dtype):
    x = np.array([np.nan, np.inf, -np.inf, -0.0, np.finfo(dtype).tiny / 4] * 40, dtype)
    view = np.uint32 if dtype == np.float32 else np.uint64
    for low in (0.0, 3.0):
        out = BinomialNoise(0.5, low=low)(x, seed=1)
        gone = out.view(view) == np.array(low, dtype).view(view)
        assert ((out.view(view) == x.view(view)) | gone).all()
        assert all(40 > gone[k::5].sum() > 5 for k in range(5))


# -- mixup -------------------------------------------------------------------------------------------------------------
def test_mixup_is_the_articles_formula():
    x, y = np.random.default_rng(0).random((64, 5)), np.arange(64) % 10
    for per in ("batch", "sample"):
        out, soft = Mixup(0.7, num_classes=10, per=per)(x, y, seed=11)
        g = np.random.Generator(np.random.Philox(11))
        other = g.permutation(64)
        lam = g.beta(0.7, 0.7, 1 if per == "batch" else 64)[:, None]
        np.testing.assert_allclose(out, lam * x + (1 - lam) * x[other], rtol=0, atol=1e-15)
        hot = np.eye(10)[y]
        np.testing.assert_allclose(soft, lam * hot + (1 - lam) * hot[other], rtol=0, atol=1e-15)
        np.testing.assert_allclose(soft.sum(1), 1, rtol=0, atol=1e-15)


def test_mixup_of_floats_and_of_several_targets():
    x, y = np.float32([[0], [1]]), np.float32([0, 10])
    for seed in range(20):
        out, again, pair = Mixup(1.0)(x, y, np.float64([[0, 1], [2, 3]]), seed=seed)
        np.testing.assert_allclose(again, 10 * out[:, 0], rtol=1e-6)
        np.testing.assert_allclose(pair, 2 * out + [0, 1], rtol=1e-6)
        assert (out.dtype, again.dtype, pair.dtype) == (np.float32, np.float32, np.float64)


def test_mixup_trains():
    digits = load_digits()
    x, soft = Mixup(0.2, num_classes=10)(digits.data / 16, digits.target, seed=0)
    assert soft.dtype == np.float32
    logits = fg.tensor(x) @ fg.zeros(64, 10)
    assert abs(fg.nn.functional.cross_entropy(logits, fg.tensor(soft)).item() - np.log(10)) < 1e-5


def test_mixup_refuses():
    x = np.zeros((3, 2), np.float32)
    with pytest.raises(ValueError, match="mixes targets with the samples"):
        Mixup()(x, seed=0)
    with pytest.raises(ValueError, match="integer labels need num_classes"):
        Mixup()(x, [0, 1, 2], seed=0)
    with pytest.raises(ValueError, match=r"labels from 0 to 2; num_classes=2 allows 0..1"):
        Mixup(num_classes=2)(x, [0, 1, 2], seed=0)
    with pytest.raises(ValueError, match=r"labels from -1 to 2"):
        Mixup(num_classes=3)(x, [0, -1, 2], seed=0)
    with pytest.raises(ValueError, match="targets must be integer labels"):
        Mixup(num_classes=3)(x, [[0], [1], [2]], seed=0)
    with pytest.raises(ValueError, match="alpha must be above 0"):
        Mixup(0)
    with pytest.raises(ValueError, match='per must be "batch" or "sample"'):
        Mixup(per="pixel")


# -- flips and labels --------------------------------------------------------------------------------------------------
def warned(make):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make()
    assert all(warning.category is FlipWarning and warning.filename == __file__ for warning in caught)
    return [str(warning.message) for warning in caught]


def test_flips_of_digits_are_warned_of():
    names = load_digits().target_names
    (text,) = warned(lambda: Flip(labels=names))
    assert "left to right, '2', '3', '4', '5', '6', '7', '9' are no longer" in text
    assert "only=[0, 1, 8]" in text
    (text,) = warned(lambda: Flip(False, True, labels=names))
    assert "top to bottom, '2', '4', '5', '6', '7', '9' are" in text
    assert len(warned(lambda: Flip(True, True, labels=names))) == 2
    (text,) = warned(lambda: Flip())
    assert 'labels="kept"' in text


@pytest.mark.parametrize(
    ("names", "changed"),
    [
        (["cat", "dog", "Ankle boot", "0", "A"], 0),
        (["turn left", "turn right", "straight on"], 1),
        (["thumb_up", "fist"], 0),
        (["one", "two"], 1),
        (["b", "d"], 1),
        (["setosa", "versicolor"], 0),
    ],
)
def test_names_that_a_mirror_changes(names, changed):
    assert len(warned(lambda: Flip(labels=names))) == changed


def test_a_flip_is_silent_when_its_meaning_is_stated():
    assert warned(lambda: Flip(labels="kept")) == []
    assert warned(lambda: Flip(only=[0, 8])) == []
    assert warned(lambda: Flip(labels=["left"], only=[])) == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=FlipWarning)
        Flip()
    with pytest.raises(ValueError, match='labels must be "kept"'):
        Flip(labels="digits")


def test_only_some_labels_are_flipped():
    x, y = np.random.default_rng(0).random((500, 4, 4)), np.arange(500) % 10
    out = Flip(only=[0, 8])(x, y, seed=0)[0]
    turned = (out == x[:, :, ::-1]).all((1, 2))
    assert not turned[~np.isin(y, [0, 8])].any()
    assert 30 < turned[np.isin(y, [0, 8])].sum() < 70
    np.testing.assert_array_equal(out[~turned], x[~turned])
    both = Compose([Shift(1), Flip(only=[0, 8], p=1)])(x, y, seed=0)
    assert both[0].shape == x.shape
    with pytest.raises(ValueError, match="needs the labels"):
        Flip(only=[0])(x, seed=0)
    with pytest.raises(ValueError, match=r"targets: \(500, 1\)"):
        Flip(only=[0])(x, y[:, None], seed=0)


# -- refusals ----------------------------------------------------------------------------------------------------------
def test_calls_that_are_refused():
    x = np.zeros((4, 8, 8), np.float32)
    aug = Shift(1)
    for dtype in (np.uint8, np.int64, bool, np.float16, complex):
        with pytest.raises(TypeError, match=r"Shift: needs float32 or float64, not .*astype"):
            aug(x.astype(dtype), seed=0)
    with pytest.raises(ValueError, match=r"not an array of shape \(4, 64\); for flat vectors say shape=\(8, 8\)"):
        aug(x.reshape(4, 64), seed=0)
    with pytest.raises(ValueError, match=r"for one picture give image\[None\]"):
        aug(x[0], seed=0)
    with pytest.raises(ValueError, match=r"needs images \[N,H,W\] or \[N,C,H,W\], not an array of shape \(4, 0, 8\)"):
        aug(x[:, :0], seed=0)
    with pytest.raises(ValueError, match="needs a batch"):
        GaussianNoise(1)(np.float32(3), seed=0)
    with pytest.raises(ValueError, match=r"target of shape \(3,\) beside 4 samples"):
        aug(x, [1, 2, 3], seed=0)
    with pytest.raises(TypeError, match="rng or seed, not both"):
        aug(x, rng=np.random.default_rng(0), seed=0)
    with pytest.raises(TypeError, match=r"numpy.random.Generator, not RandomState"):
        aug(x, rng=np.random.RandomState(0))
    with pytest.raises(ValueError, match="seed must be a non-negative integer, not -1"):
        aug(x, seed=-1)
    with pytest.raises(ValueError, match="a window of 9x9 in images of 8x8"):
        Crop(9)(x, seed=0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Shift(1.5),
        lambda: Shift((2, 1)),
        lambda: Shift((1, 2, 3)),
        lambda: Shift("1"),
        lambda: Shift(1, fill=np.nan),
        lambda: Shift(1, shape=(28,)),
        lambda: Shift(1, shape=28),
        lambda: Rotate(-10),
        lambda: Rotate((np.nan, 1)),
        lambda: Zoom(1.0),
        lambda: Zoom((0, 1)),
        lambda: Zoom(0.1, (-1, 1)),
        lambda: Crop(0),
        lambda: Crop((1, 2, 3)),
        lambda: Crop(3, padding=-1),
        lambda: Crop(3, padding=0.5),
        lambda: Flip(p=1.5, labels="kept"),
        lambda: GaussianNoise(-1),
        lambda: GaussianNoise(1, clip=(1, 0)),
        lambda: BinomialNoise(1.1),
        lambda: BinomialNoise(0.1, kind="pepper"),
        lambda: Mixup(num_classes=0),
    ],
)
def test_options_that_are_refused(make):
    with pytest.raises(ValueError, match=r"^\w+: "):
        make()


def test_a_captured_step_does_not_augment():
    noise = GaussianNoise(0.1)
    step = fg.capture(lambda x: x * fg.tensor(noise(np.ones(3, np.float32))))
    with pytest.raises(fg.CaptureError, match="augment the batch before the step"):
        step(fg.ones(3))


def test_tensors_are_batches_too():
    out = Rotate(10)(fg.ones(2, 5, 5, requires_grad=True), seed=0)
    assert type(out) is np.ndarray
    assert out.shape == (2, 5, 5)
