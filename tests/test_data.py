"""The packaged data sets are the published ones, and a changed file is found."""

import re

import numpy as np
import pytest

from fastgrad.data import bundled, load_digits, load_iris, train_test_split


def test_iris_is_fishers_table():
    iris = load_iris()
    assert iris.data.shape == (150, 4)
    assert iris.data.dtype == np.float32
    assert iris.target.dtype == np.int64
    assert iris.target_names == ("setosa", "versicolor", "virginica")
    assert iris.feature_names == ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")
    assert np.array_equal(iris.target, np.repeat([0, 1, 2], 50))
    # means a species, as Fisher's article prints them
    means = [[5.006, 3.428, 1.462, 0.246], [5.936, 2.770, 4.260, 1.326], [6.588, 2.974, 5.552, 2.026]]
    found = iris.data.astype(np.float64).reshape(3, 50, 4).mean(1)
    np.testing.assert_allclose(found, means, rtol=0, atol=1e-6)
    # the two rows in which the UCI file differs
    assert np.array_equal(iris.data[[34, 37]], np.float32([[4.9, 3.1, 1.5, 0.2], [4.9, 3.6, 1.4, 0.1]]))
    assert iris.images is None


def test_digits_are_the_uci_test_part():
    digits = load_digits()
    assert digits.data.shape == (1797, 64)
    assert digits.data.dtype == np.float32
    assert digits.target.dtype == np.int64
    assert np.bincount(digits.target).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (digits.data.min(), digits.data.max()) == (0, 16)
    assert np.array_equal(digits.data, np.round(digits.data))
    assert digits.data[0, :16].tolist() == [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0]
    assert digits.images.shape == (1797, 8, 8)
    assert np.shares_memory(digits.images, digits.data)
    assert len(digits.feature_names) == 64
    assert digits.feature_names[9] == "pixel 1,1"
    assert digits.target_names[digits.target[9]] == "9"


@pytest.mark.parametrize("load", [load_iris, load_digits])
def test_each_load_is_fresh_and_says_where_it_is_from(load):
    first, second = load(), load()
    first.data[:] = -1
    assert second.data.min() >= 0
    assert first.licence == "CC BY 4.0"
    assert "UCI" in first.source
    assert "doi:" in first.source


@pytest.mark.parametrize(("load", "name"), [(load_iris, "iris.csv"), (load_digits, "digits.npz")])
def test_a_changed_or_missing_file_is_refused(load, name, tmp_path, monkeypatch):
    content = (bundled.FOLDER / name).read_bytes()
    monkeypatch.setattr(bundled, "FOLDER", tmp_path)
    with pytest.raises(FileNotFoundError, match=re.escape(name)):
        load()
    (tmp_path / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ValueError, match="install fastgrad again") as error:
        load()
    assert name in str(error.value)
    assert bundled.SHA256[name] in str(error.value)
    assert len(re.findall(r"\b[0-9a-f]{64}\b", str(error.value))) == 2


def test_the_sums_beside_the_files_are_the_ones_checked():
    text = (bundled.FOLDER / "SOURCES.md").read_text(encoding="utf-8")
    for name, digest in bundled.SHA256.items():
        assert re.search(rf"`{re.escape(name)}`.*`{digest}`", text)


def test_split_keeps_rows_together_and_loses_none():
    x, y = np.arange(20).reshape(10, 2), np.arange(10)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.3, seed=3)
    assert (len(y_train), len(y_test)) == (7, 3)
    assert sorted([*y_train, *y_test]) == list(range(10))
    assert np.array_equal(x_train, x[y_train])
    assert np.array_equal(x_test, x[y_test])


def test_split_depends_on_the_seed_alone():
    x = np.arange(1000)
    first, again, other = (train_test_split(x, seed=s)[1] for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, np.sort(first))


@pytest.mark.parametrize("test_size", [1, 7, 0.2, 0.5, 499])
def test_stratified_shares_are_within_one_row(test_size):
    labels = np.repeat([7, -1, 3], [100, 50, 350])
    rows = np.arange(500)
    train, test = train_test_split(rows, test_size=test_size, stratify=labels)
    n_test = test_size if isinstance(test_size, int) else test_size * 500
    assert len(test) == n_test
    assert sorted([*train, *test]) == list(range(500))
    for label, count in ((7, 100), (-1, 50), (3, 350)):
        assert abs((labels[test] == label).sum() - count * n_test / 500) < 1


def test_iris_stratified_is_even():
    iris = load_iris()
    _, test = train_test_split(iris.target, test_size=0.2, stratify=iris.target)
    assert np.bincount(test).tolist() == [10, 10, 10]


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        ((), {}, "at least one array"),
        ((np.zeros(3), np.zeros(4)), {}, r"\[3, 4\] rows"),
        ((np.float32(1),), {}, "no rows"),
        ((np.zeros(3),), {"test_size": 3}, "leaves a part empty"),
        ((np.zeros(3),), {"test_size": 0}, "leaves a part empty"),
        ((np.zeros(3),), {"test_size": 1.5}, "leaves a part empty"),
        ((np.zeros(3),), {"test_size": float("nan")}, "leaves a part empty"),
        ((np.zeros(3),), {"test_size": True}, "leaves a part empty"),
        ((np.zeros(0),), {}, "leaves a part empty"),
        ((np.zeros(3),), {"stratify": np.zeros(4), "test_size": 1}, r"shape \(4,\)"),
    ],
)
def test_a_split_that_cannot_be_is_refused(arrays, options, message):
    with pytest.raises(ValueError, match=message):
        train_test_split(*arrays, **options)
