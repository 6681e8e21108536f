"""Scalers: scikit-learn's numbers, an inverse to the last units, no digit lost, nothing half loaded."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fastgrad as fg
from fastgrad.data import MinMaxScaler, StandardScaler, load_iris

SCALERS = [StandardScaler, MinMaxScaler]
OPTIONS = [
    (StandardScaler, {}),
    (StandardScaler, {"with_mean": False}),
    (StandardScaler, {"with_std": False}),
    (MinMaxScaler, {}),
    (MinMaxScaler, {"feature_range": (-1, 1)}),
    (MinMaxScaler, {"feature_range": (0, 1), "clip": True}),
]
every_scaler = pytest.mark.parametrize("scaler", SCALERS)
every_option = pytest.mark.parametrize(("scaler", "options"), OPTIONS, ids=str)


@every_option
def test_scikit_learns_numbers(scaler, options, rng):
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    from sklearn import preprocessing

    x = rng.normal(3, [1, 100, 0.01], (50, 3))
    x[::7, 1] = np.nan
    x[:, 2] = 4.25  # constant
    new = np.concatenate([x, rng.normal(3, 100, (9, 3))])
    ours, theirs = scaler(**options).fit(x), getattr(preprocessing, scaler.__name__)(**options).fit(x)
    np.testing.assert_allclose(ours.transform(new), theirs.transform(new), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(ours.inverse_transform(new), theirs.inverse_transform(new), rtol=1e-13, atol=1e-13)
    for name in ("mean_", "var_", "scale_", "data_min_", "data_max_", "data_range_", "min_", "n_features_in_"):
        if hasattr(theirs, name):
            a, b = getattr(ours, name), getattr(theirs, name)
            assert (a is None) == (b is None), name
            if a is not None:
                np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-13, err_msg=name)


def test_what_every_user_expects():
    x = load_iris().data
    z = StandardScaler().fit_transform(x)
    assert z.dtype == np.float32
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(z.std(0), 1, rtol=1e-6)
    for ends in ((0, 1), (-1, 1), (2.5, 3)):
        u = MinMaxScaler(ends).fit_transform(x)
        np.testing.assert_allclose([u.min(0), u.max(0)], [[ends[0]] * 4, [ends[1]] * 4], rtol=1e-7, atol=1e-7)


# -- the inverse -------------------------------------------------------------------------------------------------------
def numbers(dtype):
    """Arrays [N,D] of sizes that a product of two of them does not overflow or vanish."""
    width = 32 if dtype == np.float32 else 64
    small = st.floats(-(2.0**50), 2.0**50, width=width).filter(lambda v: v == 0 or abs(v) > 2.0**-50)
    return hnp.arrays(dtype, hnp.array_shapes(min_dims=2, max_dims=3, max_side=6), elements=small)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_inverse_of_the_standard_scaler(dtype, data):
    x = data.draw(numbers(dtype))
    scaler = StandardScaler().fit(x)
    back = scaler.inverse_transform(scaler.transform(x)).astype(np.float64)
    eps = np.finfo(dtype).eps * (1 if dtype == np.float32 else 2)
    x = x.astype(np.float64)
    assert (np.abs(back - x) <= eps * (np.abs(x) + np.abs(x - scaler.mean_))).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(max_examples=150, deadline=None)
@given(data=st.data(), ends=st.sampled_from([(0, 1), (-1, 1), (0.25, 0.75), (10, 11)]))
def test_inverse_of_the_min_max_scaler(dtype, data, ends):
    x = data.draw(numbers(dtype))
    scaler = MinMaxScaler(ends).fit(x)
    back = scaler.inverse_transform(scaler.transform(x)).astype(np.float64)
    eps = np.finfo(dtype).eps * (1 if dtype == np.float32 else 4)
    size = max(map(abs, ends)) / (ends[1] - ends[0])
    x = x.astype(np.float64)
    assert (np.abs(back - x) <= eps * (np.abs(x) + scaler.data_range_ * size)).all()


def test_nothing_is_lost_far_from_zero(rng):
    """Mean 1e4, spread 1, in float32: what comes out is the float32 nearest to the exact value."""
    x = (1e4 + rng.standard_normal((5000, 3))).astype(np.float32)
    exact = x.astype(np.longdouble)
    mean, std = exact.mean(0), exact.std(0)
    scaler = StandardScaler().fit(x)
    np.testing.assert_allclose(scaler.mean_, mean.astype(np.float64), rtol=2e-16)
    np.testing.assert_allclose(scaler.scale_, std.astype(np.float64), rtol=1e-14)
    np.testing.assert_allclose(scaler.transform(x), ((exact - mean) / std).astype(np.float32), rtol=1.2e-7, atol=1e-11)
    z = scaler.transform(x)
    assert len(np.unique(z[:, 0])) == len(np.unique(x[:, 0]))
    np.testing.assert_array_equal(scaler.inverse_transform(z), x)


@every_scaler
def test_spreads_of_any_size(scaler):
    for size in (1e-300, 1e-200, 1.0, 1e140):
        x = np.array([[1.0], [2.0], [4.0]]) * size
        z = scaler().fit_transform(x)
        np.testing.assert_allclose(z, scaler().fit_transform(x / size), rtol=1e-12)
    with pytest.raises(ValueError, match="feature 1 spreads over more than 1e"):
        scaler().fit([[0, 1e200], [0, -1e200]])


@every_scaler
@pytest.mark.parametrize("value", [0.0, 0.1, 1e4 + 0.1, -1e-20, 1e30])
def test_a_constant_column_is_divided_by_one(scaler, value):
    """Also where the sum of the column is rounded: 0.1 three times is not 0.3."""
    x = np.full((3333, 2), value)
    x[:, 1] = np.arange(3333)
    fitted = scaler().fit(x)
    assert fitted.scale_[0] == 1
    np.testing.assert_array_equal(fitted.transform(x)[:, 0], 0)
    np.testing.assert_array_equal(fitted.inverse_transform(fitted.transform(x))[:, 0], x[:, 0])
    more = fitted.transform(np.array([[value + 3, 0.0]]))[0, 0]
    assert more == (value + 3) - value


# -- shapes, dtypes, tensors -------------------------------------------------------------------------------------------
@every_option
@pytest.mark.parametrize("shape", [(7,), (7, 1), (7, 3), (7, 4, 4), (7, 2, 4, 4)])
def test_any_shape_is_its_features_one_by_one(scaler, options, shape, rng):
    x = rng.normal(5, 2, shape).astype(np.float32)
    whole = scaler(**options).fit(x)
    assert whole.feature_shape_ == shape[1:]
    assert whole.n_features_in_ == np.prod(shape[1:])
    flat = scaler(**options).fit(x.reshape(7, -1))
    np.testing.assert_array_equal(whole.transform(x), flat.transform(x.reshape(7, -1)).reshape(shape))
    np.testing.assert_array_equal(whole.transform(x[:1]), whole.transform(x)[:1])
    assert whole.transform(x[:0]).shape == (0, *shape[1:])


@every_scaler
def test_dtypes(scaler):
    x = np.array([[0, 1], [3, 5], [6, 6]])
    for dtype, result in [(np.uint8, np.float32), (np.int64, np.float32), (np.float16, np.float16)]:
        fitted = scaler().fit(x.astype(dtype))
        assert fitted.transform(x.astype(dtype)).dtype == result
        np.testing.assert_array_equal(fitted.transform(x.astype(np.float64)), scaler().fit_transform(x.astype(float)))
    assert scaler().fit_transform(x > 2).dtype == np.float32
    tensor = fg.tensor(x.astype(np.float32), requires_grad=True)
    z = scaler().fit_transform(tensor)
    assert type(z) is np.ndarray
    np.testing.assert_array_equal(z, scaler().fit_transform(x.astype(np.float32)))
    assert scaler().fit_transform(x.tolist()).dtype == np.float32


@every_scaler
def test_what_comes_in_stays_as_it_is(scaler, rng):
    x = rng.random((5, 2))
    before = x.copy()
    fitted = scaler().fit(x)
    fitted.transform(x)[:] = 9
    fitted.inverse_transform(x)[:] = 9
    np.testing.assert_array_equal(x, before)


@every_scaler
def test_nan_is_missing(scaler, rng):
    x = rng.random((20, 3))
    holes = x.copy()
    holes[3, 0] = np.nan
    fitted = scaler().fit(holes)
    np.testing.assert_allclose(fitted.transform(x)[:, 0], scaler().fit(np.delete(x, 3, 0)).transform(x)[:, 0])
    np.testing.assert_array_equal(np.isnan(fitted.transform(holes)), np.isnan(holes))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="feature 1 has no number"):
            scaler().fit([[1, np.nan], [2, np.nan]])


# -- refusals ----------------------------------------------------------------------------------------------------------
@every_scaler
def test_refusals_name_what_is_wrong(scaler):
    fitted, name = scaler().fit(np.arange(12.0).reshape(4, 3)), scaler.__name__
    with pytest.raises(
        ValueError, match=f"{name}.transform: x has 2 features, but the scaler was fitted on 3 features"
    ):
        fitted.transform(np.zeros((4, 2)))
    with pytest.raises(ValueError, match=r"x has 4 features \(shape \(2, 2\)\), but .* on 3 features"):
        fitted.inverse_transform(np.zeros((4, 2, 2)))
    with pytest.raises(ValueError, match="not fitted yet"):
        scaler().transform(np.zeros((4, 2)))
    with pytest.raises(ValueError, match=r"x\[1, 0\] is infinite"):
        fitted.transform([[0, 0, 0], [np.inf, 0, 0]])
    with pytest.raises(TypeError, match="real numbers, not complex128"):
        fitted.transform(np.zeros((2, 3), complex))
    with pytest.raises(TypeError, match="real numbers, not <U1"):
        scaler().fit([["a"], ["b"]])
    with pytest.raises(ValueError, match=r"shape \(0, 3\) has nothing to learn from"):
        scaler().fit(np.zeros((0, 3)))
    with pytest.raises(ValueError, match="not a number"):
        scaler().fit(3.0)


@pytest.mark.parametrize("ends", [(1, 0), (1, 1), (0,), 3, ("a", "b"), (0, np.inf), (0, np.nan)])
def test_feature_ranges_that_are_none(ends):
    with pytest.raises(ValueError, match="feature_range"):
        MinMaxScaler(ends)


def test_a_failed_fit_keeps_what_was_learned():
    fitted = StandardScaler().fit([[1.0], [3.0]])
    with pytest.raises(ValueError, match="infinite"):
        fitted.fit([[1.0], [np.inf]])
    assert fitted.mean_ == [2.0]


# -- the state ---------------------------------------------------------------------------------------------------------
@every_option
@pytest.mark.parametrize("shape", [(9,), (9, 3), (9, 2, 2)])
def test_a_state_gives_the_same_bits(scaler, options, shape, rng):
    x = rng.normal(2, 3, shape).astype(np.float32)
    fitted = scaler(**options).fit(x)
    other = scaler()
    other.load_state_dict(fitted.state_dict())
    np.testing.assert_array_equal(other.transform(x), fitted.transform(x))
    np.testing.assert_array_equal(other.inverse_transform(x), fitted.inverse_transform(x))
    assert repr(other) == repr(fitted)
    assert (other.n_samples_seen_, other.feature_shape_) == (9, shape[1:])
    assert all(np.array_equal(a, fitted.state_dict()[name]) for name, a in other.state_dict().items())
    assert {type(value) for value in fitted.state_dict().values()} <= {np.ndarray, str, int, bool, tuple}
    fresh = scaler(**options)
    other.load_state_dict(fresh.state_dict())
    assert repr(other) == repr(fresh)
    with pytest.raises(ValueError, match="not fitted yet"):
        other.transform(x)


def test_a_state_is_a_copy():
    fitted = StandardScaler().fit([[1.0], [3.0]])
    fitted.state_dict()["mean_"][:] = 9
    state = fitted.state_dict()
    other = StandardScaler()
    other.load_state_dict(state)
    state["mean_"][:] = 9
    assert fitted.mean_ == other.mean_ == [2.0]


BROKEN = {
    "another scaler": lambda s: s | {"scaler": "MinMaxScaler"},
    "no state": lambda s: [1, 2],
    "missing array": lambda s: {k: v for k, v in s.items() if k != "mean_"},
    "missing option": lambda s: {k: v for k, v in s.items() if k != "with_std"},
    "unknown": lambda s: s | {"extra": 1},
    "shapes": lambda s: s | {"mean_": np.zeros(5)},
    "NaN": lambda s: s | {"mean_": np.full(2, np.nan)},
    "scale 0": lambda s: s | {"scale_": np.zeros(2)},
    "variance below 0": lambda s: s | {"var_": -np.ones(2)},
    "count": lambda s: s | {"n_samples_seen_": 0},
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_state_changes_nothing(how):
    x = np.array([[1.0, 5.0], [3.0, 6.0]])
    fitted = StandardScaler().fit(x)
    broken = BROKEN[how](StandardScaler().fit(x * 7).state_dict())
    with pytest.raises(ValueError, match=r"StandardScaler.load_state_dict"):
        fitted.load_state_dict(broken)
    np.testing.assert_array_equal(fitted.transform(x), StandardScaler().fit_transform(x))


def test_a_broken_state_of_the_min_max_scaler():
    state = MinMaxScaler().fit([[1.0], [2.0]]).state_dict()
    with pytest.raises(ValueError, match="not what a fit can give"):
        MinMaxScaler().load_state_dict(state | {"data_max_": np.zeros(1)})
    with pytest.raises(ValueError, match="feature_range"):
        MinMaxScaler().load_state_dict(state | {"feature_range": (1, 0)})
