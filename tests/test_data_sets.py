"""Datasets, samplers, splits: the rows that were asked for, each once, from a seed; what cannot be is refused."""

import warnings

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.data import (
    BatchSampler,
    ConcatDataset,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    default_convert,
    random_split,
    shuffle_dataset,
    train_test_split,
    validation_split,
)

X, T = np.arange(30, dtype=np.float32).reshape(10, 3), np.arange(10)


# -- datasets ----------------------------------------------------------------------------------------------------------
def test_a_tensor_dataset_of_tensors_gives_tensors():
    d = TensorDataset(fg.from_numpy(X), T)
    x, t = d[2]
    assert isinstance(x, fg.Tensor)
    assert np.array_equal(x.data, X[2])
    assert t == 2
    assert np.shares_memory(d.arrays[0], X)
    assert np.array_equal(d[[1, 2]][0].data, X[[1, 2]])
    assert [type(a) for a in d.get_batch(np.array([1]))] == [np.ndarray] * 2


@pytest.mark.parametrize("x", [X, X[:, ::-1], X.T.copy().T, X.astype(">f4"), np.zeros((10, 0))], ids=str)
def test_a_batch_at_once_is_the_samples_together(x):
    d = TensorDataset(x, T, T > 3)
    index = np.array([9, 0, 0, -1])
    for one, samples in zip(d.get_batch(index), zip(*(d[i] for i in index), strict=True), strict=True):
        assert np.array_equal(one, np.stack(samples))
        assert not np.shares_memory(one, x)


def test_subsets_of_subsets():
    d = Subset(Subset(TensorDataset(X, T), [8, 6, 4, 2]), [-1, 0])
    assert [d[0][1], d[1][1], len(d)] == [2, 8, 2]
    assert d.get_batch(np.array([1, 0, 1]))[1].tolist() == [8, 2, 8]
    assert [t for _, t in d.__getitems__([0, 1])] == [2, 8]
    assert [int(t) for t in d[[1, 0]][1]] == [8, 2]
    plain = Subset(list(range(10)), fg.tensor([3, 4]))
    assert not hasattr(plain, "get_batch")
    assert plain.__getitems__([1]) == [4]


def test_datasets_joined():
    d = TensorDataset(X, T) + Subset(TensorDataset(X, T), []) + TensorDataset(X[:3] + 100, T[:3] + 100)
    assert isinstance(d, ConcatDataset)
    assert len(d) == 13
    assert [int(d[i][1]) for i in range(13)] == [*range(10), 100, 101, 102]
    assert int(d[-13][1]) == 0
    index = np.array([12, 0, -1, 3, 10])
    assert d.get_batch(index)[1].tolist() == [102, 0, 102, 3, 100]
    assert np.array_equal(d.get_batch(index)[0], np.stack([d[i][0] for i in index]))
    assert d.get_batch(index[:0])[0].shape == (0, 3)
    assert not hasattr(ConcatDataset([d, [1, 2]]), "get_batch")


class Endless(IterableDataset):
    def __iter__(self):
        return iter(int, 1)


def wrong(call, error, text):
    return pytest.param(call, error, text, id=text[:30])


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        wrong(lambda: TensorDataset(), ValueError, "at least one array"),
        wrong(lambda: TensorDataset(X, T[1:]), ValueError, r"TensorDataset: the arrays have \[10, 9\] rows"),
        wrong(lambda: TensorDataset(np.float32(1)), ValueError, "a number has no rows"),
        wrong(lambda: TensorDataset(X)[10], IndexError, "10"),
        wrong(lambda: Subset(T, [1, 10]), IndexError, "Subset: index 10 of 10 samples"),
        wrong(lambda: Subset(T, [-11]), IndexError, "Subset: index -11 of 10 samples"),
        wrong(
            lambda: Subset(T, [1.0]),
            TypeError,
            r"Subset: indices must be integers in one dimension, not \(1,\) float64",
        ),
        wrong(lambda: ConcatDataset([]), ValueError, "at least one dataset"),
        wrong(lambda: ConcatDataset([T])[10], IndexError, "ConcatDataset: index 10 of 10"),
        wrong(lambda: ConcatDataset([TensorDataset(T)]).get_batch(np.array([10])), IndexError, "from 10 to 10 of 10"),
        wrong(lambda: ConcatDataset([Endless()]), TypeError, "ConcatDataset: the samples of an IterableDataset"),
        wrong(lambda: Endless() + Endless(), TypeError, "itertools.chain"),
        wrong(lambda: Endless()[0], TypeError, "Endless is an IterableDataset: its samples have no index"),
        wrong(lambda: iter(IterableDataset()), NotImplementedError, "IterableDataset needs __iter__"),
        wrong(lambda: Dataset()[0], NotImplementedError, "Dataset needs __getitem__"),
        wrong(lambda: iter(Sampler()), NotImplementedError, "Sampler needs __iter__"),
        wrong(lambda: RandomSampler(T, num_samples=0), ValueError, "num_samples must be a positive integer, not 0"),
        wrong(lambda: list(RandomSampler([], num_samples=2)), ValueError, "2 samples of a dataset that has none"),
        wrong(lambda: WeightedRandomSampler([1, -1], 2), ValueError, "weights must be finite, not negative"),
        wrong(lambda: WeightedRandomSampler([1, 0], 2, False), ValueError, "2 samples without replacement"),
        wrong(
            lambda: WeightedRandomSampler([[1.0]], 2), ValueError, r"one weight for each sample, \[N\], not \(1, 1\)"
        ),
        wrong(lambda: BatchSampler(T, 0, False), ValueError, "BatchSampler: batch_size must be a positive integer"),
        wrong(lambda: BatchSampler(T, 2, None), ValueError, "BatchSampler: drop_last must be True or False"),
        wrong(lambda: random_split(T, [5, 4]), ValueError, r"random_split: lengths \[5, 4\] of 10 samples"),
        wrong(lambda: random_split(T, [0.5, 0.6]), ValueError, r"random_split: lengths \[0.5, 0.6\]"),
        wrong(lambda: random_split(T, [11, -1]), ValueError, "must not be negative"),
        wrong(lambda: random_split(T, [5, 5], 3), TypeError, "generator must be NumPy's"),
        wrong(lambda: validation_split((X, T[1:])), ValueError, r"\[10, 9\] rows"),
        wrong(lambda: validation_split((X, T), 10), ValueError, "validation_split: share=10 of 10 rows leaves"),
        wrong(lambda: validation_split(list, stratify=True), TypeError, "stratify=True of a type"),
        wrong(
            lambda: validation_split((X, T), seed=-3), ValueError, "^validation_split: seed must be an integer from 0"
        ),
        wrong(lambda: shuffle_dataset(X, T[1:]), ValueError, r"\[10, 9\] rows"),
        wrong(lambda: default_collate([(1, 2), (1,)]), ValueError, r"samples of \[1, 2\] parts"),
        wrong(lambda: default_collate([np.array(["a"])]), TypeError, "arrays of <U1"),
    ],
)
def test_what_cannot_be_is_refused(call, error, text):
    with pytest.raises(error, match=text):
        call()


# -- samplers ----------------------------------------------------------------------------------------------------------
DRAWING = {
    "RandomSampler": lambda **how: RandomSampler(T, **how),
    "with replacement": lambda **how: RandomSampler(T, True, 50, **how),
    "SubsetRandomSampler": lambda **how: SubsetRandomSampler([9, 1, 4, 7, 8, 3], **how),
    "WeightedRandomSampler": lambda **how: WeightedRandomSampler(T, 40, **how),
}


@pytest.mark.parametrize("kind", DRAWING)
def test_an_order_is_a_function_of_seed_and_epoch(kind):
    make = DRAWING[kind]
    first = make(seed=4)
    epochs = [list(first) for _ in range(3)]
    assert epochs[0] != epochs[1] != epochs[2]
    again = make(seed=4)
    again.set_epoch(2)
    assert list(again) == epochs[2]
    other = make(seed=5)
    assert list(other) != epochs[0]
    other.load_state_dict({**again.state_dict(), "epoch": 1})
    assert list(other) == epochs[1]
    assert all(type(i) is int for i in epochs[0])
    assert len(epochs[0]) == len(first)
    fg.manual_seed(8)
    drawn = list(make())
    fg.manual_seed(8)
    assert list(make()) == drawn
    assert list(make(generator=np.random.default_rng(1))) == list(make(generator=np.random.default_rng(1)))


def test_random_orders():
    assert sorted(RandomSampler(T)) == list(range(10))
    long = list(RandomSampler(T, num_samples=25, seed=0))
    assert [sorted(long[i : i + 10]) for i in (0, 10)] == [list(range(10))] * 2
    assert len(set(long[20:])) == 5
    assert len(set(RandomSampler(T, num_samples=4, seed=0))) == 4
    assert set(RandomSampler(T, True, 1000, seed=0)) == set(range(10))
    assert sorted(SubsetRandomSampler([9, 1, 4])) == [1, 4, 9]
    assert list(SequentialSampler("abc")) == [0, 1, 2]


def test_each_place_is_as_likely_for_each_sample():
    """chi^2 of 2000 orders of 5: 16 degrees of freedom; 52 is passed by one seed in 100,000."""
    sampler = RandomSampler(range(5), seed=11)
    count = np.zeros((5, 5))
    for _ in range(2000):
        count[np.arange(5), list(sampler)] += 1
    assert ((count - 400) ** 2 / 400).sum() < 52


def test_weights_are_kept():
    """chi^2 with 2 degrees of freedom; 24 is passed by one seed in 150,000."""
    drawn = np.bincount(list(WeightedRandomSampler([1, 0, 2, 5], 8000, seed=3)), minlength=4)
    assert drawn[1] == 0
    expected = np.array([1000, 2000, 5000])
    assert ((drawn[[0, 2, 3]] - expected) ** 2 / expected).sum() < 24
    once = list(WeightedRandomSampler([1, 0, 2, 5], 3, replacement=False, seed=3))
    assert sorted(once) == [0, 2, 3]


def test_batch_samplers():
    assert list(BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    assert [len(BatchSampler(range(5), 2, drop)) for drop in (True, False)] == [2, 3]
    inner = RandomSampler(range(5), seed=0)
    lists = list(BatchSampler(inner, 2, False))
    inner.set_epoch(0)
    assert [b.tolist() for b in BatchSampler(inner, 2, False).index_batches()] == lists


# -- splits ------------------------------------------------------------------------------------------------------------
def test_random_splits_part_the_samples():
    d = TensorDataset(X, T)
    for lengths, expected in [
        ([7, 3], [7, 3]),
        ([0.5, 0.5], [5, 5]),
        ([0.33, 0.33, 0.34], [4, 3, 3]),
        ([10], [10]),
        ([1.0], [10]),
    ]:
        parts = random_split(d, lengths, seed=2)
        assert [len(p) for p in parts] == expected
        assert sorted(int(t) for p in parts for _, t in p) == list(range(10))
    first, again, other = (random_split(T, [5, 5], seed=s)[0].indices for s in (1, 1, 2))
    assert first == again != other
    fg.manual_seed(4)
    drawn = random_split(T, [5, 5])[0].indices
    fg.manual_seed(4)
    assert random_split(T, [5, 5])[0].indices == drawn
    assert random_split(T, [5, 5], np.random.default_rng(1))[0].indices != drawn
    with pytest.warns(UserWarning, match=r"a share of 0.05 of 10 samples is none"):
        random_split(T, [0.95, 0.05], seed=0)


def test_shares_are_split_as_pytorch_does():
    data = pytest.importorskip("torch.utils.data", reason="PyTorch is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for n in (1, 2, 7, 10, 100, 101):
            for shares in ([0.8, 0.2], [0.7, 0.2, 0.1], [0.29, 0.71], [1 / 3] * 3, [0.1] * 10, [1.0]):
                ours = [len(p) for p in random_split(range(n), shares, seed=0)]
                assert ours == [len(p) for p in data.random_split(range(n), shares)], (n, shares)


def test_a_validation_split_is_a_fifth():
    (x, t), (x_val, t_val) = validation_split((X, T))
    assert (len(t), len(t_val)) == (8, 2)
    assert sorted([*t, *t_val]) == list(range(10))
    assert np.array_equal(x, X[t])
    assert np.array_equal(x_val, X[t_val])
    same = train_test_split(X, T, test_size=0.2, seed=0)
    assert np.array_equal(same[2], t)
    train, held = validation_split(TensorDataset(X, T))
    assert isinstance(held, Subset)
    assert [int(i) for _, i in held] == t_val.tolist()
    assert [int(i) for _, i in train] == t.tolist()
    labels = np.repeat([0, 1], 5)
    for data in ((X, labels), TensorDataset(X, labels)):
        _, held = validation_split(data, 4, seed=3, stratify=True)
        held = held[1] if isinstance(held, tuple) else [t for _, t in held]
        assert sorted(held) == [0, 0, 1, 1]


def test_two_arrays_are_shuffled_together():
    x, t = shuffle_dataset(X, T)
    assert not np.array_equal(t, T)
    assert np.array_equal(x, X[t])
    assert sorted(t) == list(range(10))
    again = shuffle_dataset(fg.from_numpy(X), T, seed=1)
    assert isinstance(again[0], fg.Tensor)
    assert np.array_equal(again[1], shuffle_dataset(X, T, seed=1)[1])


# -- batches -----------------------------------------------------------------------------------------------------------
def test_named_tuples_stay_what_they_are():
    from collections import namedtuple

    Pair = namedtuple("Pair", "x t")
    batch = default_collate([Pair(1.0, True), Pair(2.0, False)])
    assert type(batch) is Pair
    assert (batch.x.dtype, batch.t.dtype) == (np.dtype("float64"), np.dtype("bool"))
    assert np.shares_memory(default_convert(Pair(X, "a")).x.data, X)
    assert default_convert(["a", None]) == ["a", None]
    assert default_collate([fg.tensor([1.0]), fg.tensor([2.0])]).tolist() == [[1.0], [2.0]]
    assert default_collate([b"a", b"b"]) == [b"a", b"b"]


def test_a_stratified_part_is_in_random_order():
    """Every stretch of it has each class about as often, whatever quota was filled first."""
    labels = np.repeat([0, 1, 2], [1000, 500, 500])
    first, last = [], []
    for seed in range(40):
        train, _ = train_test_split(labels, test_size=0.25, seed=seed, stratify=labels)
        first.append(np.bincount(train[:100], minlength=3))
        last.append(np.bincount(train[-100:], minlength=3))
    for counts in (first, last):
        np.testing.assert_allclose(np.mean(counts, 0), [50, 25, 25], atol=4 * 5 / 40**0.5)
