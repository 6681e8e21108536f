"""DataLoader: every sample once, in an order that the seed gives; PyTorch's arguments; what cannot be is refused."""

import inspect
import threading
import time

import numpy as np
import pytest
from loader_cases import N, Samples, Stream, T, X, flat, labels, noise, same

import fastgrad as fg
from fastgrad.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    RandomSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
)


# -- batches -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "data", [(X, T), TensorDataset(X, T), Samples(), list(Samples())], ids=["arrays", "set", "own", "list"]
)
@pytest.mark.parametrize("prefetch", [0, 3])
def test_batches_are_the_rows_in_order(data, prefetch):
    loader = DataLoader(data, 5, prefetch=prefetch)
    batches = list(loader)
    assert len(loader) == len(batches) == 5
    assert [type(b) for b in batches] == [tuple] * 5
    assert [len(x) for x, _ in batches] == [5, 5, 5, 5, 3]
    assert np.array_equal(np.concatenate([x.data for x, _ in batches]), X)
    assert np.array_equal(np.concatenate([t.data for _, t in batches]), T)
    assert {(x.dtype, t.dtype) for x, t in batches} == {(np.dtype("float32"), np.dtype("int64"))}
    assert not any(x.requires_grad for x, _ in batches)


def test_a_batch_is_a_copy():
    x = X.copy()
    for (batch,) in DataLoader((x,), 4):
        batch.data[:] = -1
    assert np.array_equal(x, X)


def test_shuffled_epochs_have_each_sample_once_and_differ():
    loader = DataLoader((X, T), 4, shuffle=True, seed=5)
    first, second = labels(loader), labels(loader)
    for epoch in (first, second):
        assert sorted(flat(epoch)) == list(range(N))
    assert first != second
    assert flat(first) != list(range(N))
    again = DataLoader(Samples(), 4, shuffle=True, seed=5)
    assert (labels(again), labels(again)) == (first, second)
    assert labels(DataLoader((X, T), 4, shuffle=True, seed=6)) != first


def test_rows_stay_together():
    for x, t in DataLoader((X, T), 4, shuffle=True):
        assert np.array_equal(x.data, X[t.data])


def test_drop_last_and_lengths():
    for size, drop in [(1, False), (4, False), (4, True), (23, True), (24, False), (24, True)]:
        loader = DataLoader((X, T), size, drop_last=drop)
        assert len(loader) == len(list(loader)) == (N // size if drop else -(-N // size))


@pytest.mark.parametrize("data", [X, fg.from_numpy(X)], ids=["array", "tensor"])
def test_one_array_gives_tensors(data):
    batches = list(DataLoader(data, 10))
    assert all(isinstance(b, fg.Tensor) for b in batches)
    assert np.array_equal(np.concatenate([b.data for b in batches]), X)


def test_no_samples():
    assert list(DataLoader((X[:0], T[:0]), 4, shuffle=True)) == []
    assert list(DataLoader((X[:0], T[:0]), 4)) == []


def test_single_samples():
    out = list(DataLoader((X, T), None, sampler=[3, 1]))
    assert [t.item() for _, t in out] == [3, 1]
    assert out[0][0].shape == (3,)


def test_other_samples_are_collated():
    samples = [{"x": X[i], "name": str(i), "t": (i, float(i))} for i in range(4)]
    (batch,) = DataLoader(samples, 4)
    assert np.array_equal(batch["x"].data, X[:4])
    assert batch["name"] == ["0", "1", "2", "3"]
    assert [b.dtype for b in batch["t"]] == [np.int64, np.float64]
    (total,) = DataLoader(Samples(), N, collate_fn=lambda samples: sum(t for _, t in samples))
    assert total == T.sum()


def test_samplers():
    assert labels(DataLoader((X, T), 2, sampler=[5, 4, 3])) == [[5, 4], [3]]
    assert labels(DataLoader((X, T), 2, sampler=np.array([5, 4, 3]))) == [[5, 4], [3]]
    assert labels(DataLoader((X, T), batch_sampler=[[1, 2], [7]])) == [[1, 2], [7]]
    joined = ConcatDataset([TensorDataset(X, T), TensorDataset(X, T + N)])
    assert labels(DataLoader(joined, batch_sampler=[[1, 24], [-1]])) == [[1, 24], [45]]
    own = DataLoader((X, T), batch_sampler=BatchSampler([5, 4, 3], 2, drop_last=True))
    assert len(own) == 1
    assert labels(own) == [[5, 4]]
    for sampler in (SubsetRandomSampler([2, 4, 6]), RandomSampler([0] * 3), WeightedRandomSampler(T > 20, 40)):
        loader = DataLoader((X, T), 2, sampler=sampler)
        assert len(flat(labels(loader))) == len(sampler)
    assert set(flat(labels(loader))) == {21, 22}


def test_batches_of_parts_are_gathered_at_once(monkeypatch):
    whole = TensorDataset(X, T)
    parts = [Subset(whole, range(5, 10)), ConcatDataset([whole, Subset(whole, [1, -1])])]
    expected = [[whole[i] for i in (5, 6, 7, 8, 9)], [whole[i] for i in [*range(N), 1, 22]]]
    monkeypatch.setattr(TensorDataset, "__getitem__", None)
    for part, samples in zip(parts, expected, strict=True):
        same(DataLoader(part, 4), [default_collate(samples[i : i + 4]) for i in range(0, len(samples), 4)])
        order = flat(labels(DataLoader(part, 4, shuffle=True)))
        assert sorted(order) == sorted(int(t) for _, t in samples)


def test_a_transform_gets_the_batch_and_its_own_numbers():
    seen = []

    def transform(x, t, rng):
        seen.append((x, t, rng.random()))
        return x * 2, t

    loader = DataLoader((X, T), 10, transform=transform, seed=0)
    assert np.array_equal(next(iter(loader))[0].data, X[:10] * 2)
    list(loader)
    assert all(isinstance(x, np.ndarray) for x, _, _ in seen)
    assert len({number for _, _, number in seen}) == 4  # one of epoch 0, three of epoch 1
    (x,) = DataLoader(X, N, transform=lambda x: x - 1)
    assert np.array_equal(x.data, X - 1)


def test_a_transform_that_forgets_to_return():
    with pytest.raises(TypeError, match="transform has returned None"):
        next(iter(DataLoader((X, T), 4, transform=lambda x, t: x.sort(0))))


def test_without_a_seed_it_is_drawn_from_fastgrads_generator_when_it_is_needed():
    state = fg.random.get_state()["state"]
    list(DataLoader((X, T), 4))
    assert str(fg.random.get_state()["state"]) == str(state), "an order that needs no numbers draws none"
    found = []
    for _ in range(2):
        fg.manual_seed(3)
        loader = DataLoader((X, T), 4, shuffle=True, transform=noise)
        assert loader.seed is None
        found.append([*loader, *loader])
        assert loader.seed is not None
    same(*found)
    given = [DataLoader((X, T), 4, shuffle=True, generator=np.random.default_rng(1)) for _ in range(2)]
    assert labels(given[0]) == labels(given[1])


def test_the_thread_computes_with_the_consumers_kernels():
    seen = []

    def transform(x):
        seen.append((fg.kernels.info()["kernels"], threading.current_thread().name))
        return x

    with fg.kernels.use("reference"):
        list(DataLoader(X, 10, transform=transform, prefetch=2))
    assert set(seen) == {("reference", "fastgrad-prefetch")}


# -- arguments ---------------------------------------------------------------------------------------------------------
MISTAKES = {
    "no dataset": (lambda: DataLoader(iter([1])), TypeError, "no dataset.*IterableDataset"),
    "lengths": (lambda: DataLoader((X, T[1:])), ValueError, r"\[23, 22\] rows"),
    "batch size": (lambda: DataLoader((X, T), 0), ValueError, "batch_size must be a positive integer, not 0"),
    "batch size, float": (
        lambda: DataLoader((X, T), 2.0),
        ValueError,
        "batch_size must be a positive integer, not 2.0",
    ),
    "shuffle, number": (lambda: DataLoader((X, T), 2, 7), ValueError, "shuffle must be True or False, not 7"),
    "drop_last": (lambda: DataLoader((X, T), drop_last=1), ValueError, "drop_last must be True or False"),
    "two orders": (lambda: DataLoader((X, T), shuffle=True, sampler=[1]), ValueError, "leave shuffle out"),
    "batch sampler": (lambda: DataLoader((X, T), 2, batch_sampler=[[1]]), ValueError, "excludes batch_size"),
    "a stream shuffled": (lambda: DataLoader(Stream(), shuffle=True), ValueError, "own order"),
    "single, dropped": (lambda: DataLoader((X, T), None, drop_last=True), ValueError, "leave drop_last out"),
    "a stream, single": (lambda: DataLoader(Stream(), None, drop_last=True), ValueError, "leave drop_last out"),
    "timeout": (lambda: DataLoader((X, T), timeout=-1), ValueError, "timeout is in seconds"),
    "seeds": (lambda: DataLoader((X, T), seed=1, generator=np.random.default_rng()), ValueError, "not both"),
    "seed": (lambda: DataLoader((X, T), seed=-1), ValueError, r"seed must be an integer from 0 to 2\*\*64 - 1, not -1"),
    "seed, text": (lambda: DataLoader((X, T), seed="1"), TypeError, "seed must be an integer, not '1'"),
    "generator": (lambda: DataLoader((X, T), generator=3), TypeError, "NumPy's.*seed="),
    "workers": (lambda: DataLoader((X, T), num_workers=-1), ValueError, "num_workers must be an integer of at least 0"),
    "factor": (lambda: DataLoader((X, T), prefetch_factor=2), ValueError, "use prefetch="),
    "worker function": (lambda: DataLoader((X, T), worker_init_fn=print), ValueError, "no worker processes"),
    "shapes": (lambda: list(DataLoader([X[0], X[0, :2]], 2)), ValueError, r"\(3,\), \(2,\).*pad"),
    "objects": (lambda: list(DataLoader([object()], 1)), TypeError, "of type object .*collate_fn"),
    "index": (lambda: list(DataLoader((X, T), 1, sampler=[N])), IndexError, "23"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_arguments_that_cannot_be_are_refused(mistake):
    call, error, text = MISTAKES[mistake]
    with pytest.raises(error, match=text):
        call()


def test_arguments_are_pytorchs():
    data = pytest.importorskip("torch.utils.data", reason="PyTorch is not installed")
    for name in fg.utils.data.__all__:
        ours, theirs = (inspect.signature(getattr(home, name)).parameters for home in (fg.utils.data, data))
        own = {"seed", "transform", "prefetch"}
        without = {"pin_memory_device", "in_order"}
        mine = [(p.name, p.kind) for p in ours.values() if p.name not in own]
        assert mine == [(p.name, p.kind) for p in theirs.values() if p.name not in without], name
        defaults = {p.name: p.default for p in theirs.values()}
        for p in ours.values():
            if p.name not in own | {"generator"}:
                assert p.default == defaults[p.name], (name, p.name)


def test_batches_are_pytorchs():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from torch.utils import data as theirs

    samples = [(X[i], int(i), float(i), {"a": np.float64(i)}) for i in range(7)]
    for ours, other in zip(DataLoader(samples, 3), theirs.DataLoader(samples, 3), strict=True):
        for one, two in zip([*ours[:3], ours[3]["a"]], [*other[:3], other[3]["a"]], strict=True):
            assert np.array_equal(one.data, two.numpy())
            assert one.dtype == two.numpy().dtype
    for size, drop in [(2, False), (3, True)]:
        assert len(DataLoader((X, T), size, drop_last=drop)) == len(
            theirs.DataLoader(theirs.TensorDataset(torch.from_numpy(X)), size, drop_last=drop)
        )


def test_the_loaders_own_time_is_a_few_microseconds():
    """Beyond the gather of each array, least of many epochs: others on this machine only add."""
    x, t = np.zeros((3200, 64), np.float32), np.zeros(3200, np.int64)
    loader = DataLoader((x, t), 32, shuffle=True, seed=0)
    order = np.random.default_rng(0).permutation(3200)
    least = {"loader": float("inf"), "gather": float("inf")}
    for _ in range(60):
        for name in least:
            start = time.thread_time()
            if name == "loader":
                for _batch in loader:
                    pass
            else:
                for i in range(0, 3200, 32):
                    rows = order[i : i + 32]
                    x.take(rows, 0), t.take(rows, 0)
            least[name] = min(least[name], time.thread_time() - start)
    own = (least["loader"] - least["gather"]) / 100
    print(f"a batch: {least['loader'] * 1e4:.1f} us, of which gather {least['gather'] * 1e4:.1f} us")
    assert own < 8e-6
