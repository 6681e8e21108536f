"""DataLoader: every sample once, in an order that the seed gives; resumed anywhere, with or without its thread, the same
bits; a thread that ends with its consumer, and leaves nothing."""

import gc
import inspect
import os
import threading
import time
import traceback
import weakref

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
)

N = 23
X, T = np.arange(N * 3, dtype=np.float32).reshape(N, 3), np.arange(N)


class Samples(Dataset):
    """Sample by sample, no batch at once."""

    def __len__(self):
        return N

    def __getitem__(self, i):
        return X[i], int(T[i])


class Stream(IterableDataset):
    """Its own order, another one each epoch."""

    epoch = 0

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __iter__(self):
        return ((X[i], T[i]) for i in np.random.default_rng(self.epoch).permutation(N))


class Foreign(Sampler):
    """Another's sampler, whose state is a generator's."""

    def __init__(self):
        self.random = np.random.default_rng(3)

    def __iter__(self):
        return iter(self.random.permutation(N).tolist())

    def __len__(self):
        return N

    def state_dict(self):
        return {"state": self.random.bit_generator.state}

    def load_state_dict(self, state):
        self.random.bit_generator.state = state["state"]


def noise(x, t, rng):
    return x + rng.standard_normal(x.shape).astype(np.float32), t


def labels(loader):
    return [t.tolist() for _, t in loader]


def flat(batches):
    return [label for batch in batches for label in batch]


def same(a, b):
    a, b = list(a), list(b)
    assert len(a) == len(b)
    for one, other in zip(a, b, strict=True):
        assert all(np.array_equal(p.data, q.data) for p, q in zip(one, other, strict=True))


@pytest.fixture(autouse=True)
def no_threads_left():
    yield
    gc.collect()
    wait_for(lambda: threads() == [])


def threads():
    return [t for t in threading.enumerate() if t.name == "fastgrad-prefetch"]


def wait_for(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.001)


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


# -- a run that goes on ------------------------------------------------------------------------------------------------
LOADERS = {
    "in order": lambda **more: DataLoader((X, T), 5, **more),
    "shuffled": lambda **more: DataLoader((X, T), 5, shuffle=True, **more),
    "with noise": lambda **more: DataLoader((X, T), 5, shuffle=True, transform=noise, drop_last=True, **more),
    "own dataset": lambda **more: DataLoader(Samples(), 5, shuffle=True, transform=noise, **more),
    "weights": lambda **more: DataLoader((X, T), 5, sampler=WeightedRandomSampler(T + 1.0, 30), **more),
    "subset": lambda **more: DataLoader((X, T), 5, sampler=SubsetRandomSampler(range(3, 20)), **more),
    "batch sampler": lambda **more: DataLoader((X, T), batch_sampler=BatchSampler(RandomSampler(X), 5, True), **more),
    "foreign sampler": lambda **more: DataLoader((X, T), 5, sampler=Foreign(), transform=noise, **more),
    "foreign batches": lambda **more: DataLoader((X, T), batch_sampler=BatchSampler(Foreign(), 5, False), **more),
    "a stream": lambda **more: DataLoader(Stream(), 5, transform=noise, **more),
    "single": lambda **more: DataLoader((X, T), None, shuffle=True, **more),
}


@pytest.mark.parametrize("kind", LOADERS)
@pytest.mark.parametrize(("before", "after"), [(0, 0), (0, 2), (2, 0), (2, 3)])
def test_resumed_at_any_batch_it_is_the_same_run(kind, before, after):
    fg.manual_seed(1)
    loader = LOADERS[kind](prefetch=before)
    states, batches = [loader.state_dict()], []
    random = [fg.random.get_state()]  # a seed that is drawn later comes out of this
    for _ in range(2):
        for batch in loader:
            batches.append(batch)
            states.append(loader.state_dict())
            random.append(fg.random.get_state())
    states.append(loader.state_dict())  # the end was seen
    random.append(fg.random.get_state())
    assert states[-1]["epoch"] == 2
    assert states[-1]["batch"] == 0
    third = list(loader)
    for k, state in enumerate(states):
        fg.manual_seed(2)
        fg.random.set_state(random[k])
        again = LOADERS[kind](prefetch=after)
        again.load_state_dict(state)
        assert again.state_dict() == state
        rest = [batch for epoch in range(state["epoch"], 3) for batch in again]
        same(rest, [*batches[k:], *third])


def test_the_state_is_plain():
    loader = DataLoader((X, T), 4, shuffle=True, seed=2**64 - 1)
    next(iter(loader))
    state = loader.state_dict()
    assert state == {
        "epoch": 0,
        "batch": 1,
        "seed": 2**64 - 1,
        "sampler": None,
        "loader": {"samples": N, "batch_size": 4, "drop_last": False, "order": "RandomSampler"},
    }


def test_an_epoch_that_was_broken_off_is_followed_by_the_next():
    loader = DataLoader((X, T), 4, shuffle=True, seed=1)
    epochs = [labels(DataLoader((X, T), 4, shuffle=True, seed=1))]
    for _ in loader:
        break
    assert (loader.epoch, loader.state_dict()["batch"]) == (0, 1)
    second = labels(loader)
    assert second != epochs[0]
    assert loader.epoch == 2
    old, new = iter(loader), iter(loader)  # two at a time: the state is the younger's
    next(old), next(old), next(new)
    assert (loader.epoch, loader.state_dict()["batch"]) == (3, 1)


def test_a_state_after_the_last_batch_ends_its_epoch():
    loader = DataLoader((X, T), 5, shuffle=True, seed=1)
    epoch = iter(loader)
    for _ in range(5):
        next(epoch)
    state = loader.state_dict()
    assert (state["epoch"], state["batch"]) == (0, 5)
    again = DataLoader((X, T), 5, shuffle=True)
    again.load_state_dict(state)
    assert list(again) == []
    assert labels(again) == labels(loader)


def changed(state, **more):
    return {**state, **more}


STATES = {
    "other data": (
        lambda s: DataLoader((X[1:], T[1:]), 4, shuffle=True).load_state_dict(s),
        ValueError,
        "'samples': 23",
    ),
    "other batches": (lambda s: DataLoader((X, T), 5, shuffle=True).load_state_dict(s), ValueError, "'batch_size': 4"),
    "other order": (lambda s: DataLoader((X, T), 4).load_state_dict(s), ValueError, "RandomSampler"),
    "nothing": (
        lambda s: DataLoader((X, T), 4, shuffle=True).load_state_dict({}),
        KeyError,
        "no state of a DataLoader",
    ),
    "far": (
        lambda s: DataLoader((X, T), 4, shuffle=True).load_state_dict(changed(s, batch=7)),
        ValueError,
        "batch 7 of 6",
    ),
    "before": (
        lambda s: DataLoader((X, T), 4, shuffle=True).load_state_dict(changed(s, epoch=-1)),
        ValueError,
        "epoch -1",
    ),
}


@pytest.mark.parametrize("case", STATES)
def test_a_state_that_does_not_fit_is_refused(case):
    call, error, text = STATES[case]
    with pytest.raises(error, match=text):
        call(DataLoader((X, T), 4, shuffle=True, seed=1).state_dict())


def test_a_sampler_that_cannot_be_resumed_is_refused_by_name():
    class Plain(Sampler):
        def __iter__(self):
            return iter([1, 2])

        def __len__(self):
            return 2

    loader = DataLoader((X, T), 2, sampler=Plain())
    assert labels(loader) == [[1, 2]]
    with pytest.raises(TypeError, match=r"Plain has neither set_epoch\(epoch\) nor state_dict"):
        loader.state_dict()


# -- the thread --------------------------------------------------------------------------------------------------------
class Counting(Samples):
    """Counts what was asked for."""

    def __init__(self, wrong=None):
        self.asked, self.wrong = 0, wrong

    def __getitem__(self, i):
        self.asked += 1
        if i == self.wrong:
            raise OSError(f"sample {i} cannot be read")
        return super().__getitem__(i)


def test_it_prepares_so_many_batches_and_no_more():
    data = Counting()
    epoch = iter(DataLoader(data, 2, prefetch=3))
    for handed in range(1, 4):
        next(epoch)
        wait_for(lambda: data.asked == 2 * (handed + 3))  # noqa: B023
        time.sleep(0.01)
        assert data.asked == 2 * (handed + 3)


def test_workers_are_batches_ahead():
    assert DataLoader((X, T), num_workers=3).prefetch == 6
    assert DataLoader((X, T), num_workers=3, prefetch_factor=4).prefetch == 12
    assert DataLoader((X, T)).prefetch == 0
    same(DataLoader((X, T), 4, num_workers=2, pin_memory=True, persistent_workers=True), DataLoader((X, T), 4))


@pytest.mark.parametrize("prefetch", [0, 2])
def test_an_error_arrives_at_its_batch_with_its_traceback(prefetch):
    loader = DataLoader(Counting(wrong=9), 4, prefetch=prefetch)
    seen = []
    with pytest.raises(OSError, match="sample 9 cannot be read") as raised:
        seen.extend(t.tolist() for _, t in loader)
    assert seen == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert "__getitem__" in [frame.name for frame in traceback.extract_tb(raised.value.__traceback__)]
    assert (loader.epoch, loader.state_dict()["batch"]) == (0, 2)
    epoch = iter(loader)
    for _ in range(2):
        next(epoch)
    with pytest.raises(OSError, match="sample 9"):
        next(epoch)
    assert list(epoch) == [], "an epoch ends with its error"


def leave_by_break(loader):
    for _ in loader:
        break


def leave_by_error(loader):
    with pytest.raises(ZeroDivisionError):
        [1 / 0 for _ in loader]


def leave_by_the_datasets_error(loader):
    loader.dataset.wrong = 4
    with pytest.raises(OSError, match="sample 4"):
        list(loader)


def leave_unused(loader):
    iter(loader)


@pytest.mark.parametrize("leave", [list, leave_by_break, leave_by_error, leave_by_the_datasets_error, leave_unused])
def test_the_thread_ends_and_nothing_stays(leave, no_gc):
    data = Counting()
    loader = DataLoader(data, 2, prefetch=2)
    leave(loader)
    wait_for(lambda: threads() == [])
    gone = weakref.ref(data), weakref.ref(loader)
    del data, loader
    assert [ref() for ref in gone] == [None, None]


def test_many_epochs_leave_no_memory():
    loader = DataLoader((X, T), 4, prefetch=2, shuffle=True, seed=0)
    for _ in range(3):
        leave_by_break(loader)
    wait_for(lambda: threads() == [])
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(50):
        leave_by_break(loader)
        list(loader)
    wait_for(lambda: threads() == [])
    gc.collect()
    assert len(gc.get_objects()) - before < 50


def test_a_batch_that_takes_too_long():
    class Slow(Samples):
        def __getitem__(self, i):
            time.sleep(0.2)
            return super().__getitem__(i)

    with pytest.raises(RuntimeError, match=r"no batch within timeout = 0.01 s"):
        next(iter(DataLoader(Slow(), 1, prefetch=1, timeout=0.01)))


EXIT = """
import sys, time
import numpy as np
from fastgrad.data import DataLoader, Dataset

class Slow(Dataset):
    def __len__(self):
        return 1000
    def __getitem__(self, i):
        time.sleep(float(sys.argv[1]))
        return np.zeros(100, np.float32)

epoch = iter(DataLoader(Slow(), 2, prefetch=3))
next(epoch)
kept = [epoch]
kept.append(kept)  # a circle, alive to the end
print("last line")
if sys.argv[2] == "error":
    raise SystemExit(0)
"""


@pytest.mark.parametrize("how", ["end", "error"])
@pytest.mark.parametrize("seconds", [0, 0.05])
def test_the_interpreter_ends_in_the_middle_of_an_epoch(python, seconds, how):
    start = time.monotonic()
    assert python(EXIT, seconds, how).strip() == "last line"
    assert time.monotonic() - start < 30


@pytest.mark.fork
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_goes_on_with_the_same_batches(python):
    """In an interpreter of its own: pytest has threads that a child should not have."""
    code = f"""
import os, signal, sys
sys.path.insert(0, {os.path.dirname(os.path.abspath(__file__))!r})
import fastgrad as fg
from test_loader import LOADERS

def told(epoch):
    return repr([[part.tolist() for part in batch] for batch in epoch])

for kind in LOADERS:
    fg.manual_seed(1)
    epoch = iter(LOADERS[kind](prefetch=2))
    next(epoch)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        os.write(writing, told(epoch).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        child = pipe.read().decode()
    assert os.waitpid(pid, 0)[1] == 0
    assert child == told(epoch), (kind, "the parent goes on, too, with the same")
    assert len(child) > 50
print("done")
"""
    assert python(code).strip() == "done"


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
