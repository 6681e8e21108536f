"""A loader that goes on where another was, with or without its thread, the same bits; a thread that ends with its
consumer, and leaves nothing."""

import gc
import os
import threading
import time
import traceback
import weakref

import pytest
from loader_cases import LOADERS, N, Samples, T, X, labels, same, threads, wait_for

import fastgrad as fg
from fastgrad.data import (
    BatchSampler,
    DataLoader,
    Sampler,
)


@pytest.fixture(autouse=True)
def no_threads_left():
    yield
    gc.collect()
    wait_for(lambda: threads() == [])


# -- a run that goes on ------------------------------------------------------------------------------------------------
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
    "seed": (
        lambda s: DataLoader((X, T), 4, shuffle=True).load_state_dict(changed(s, seed=0.5)),
        TypeError,
        "seed must be",
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

    class Batches(BatchSampler):
        def set_epoch(self, epoch):
            pass

    DataLoader((X, T), batch_sampler=Batches(Plain(), 2, False)).state_dict()
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


def test_a_sampler_draws_in_the_consumers_thread():
    drew = []

    class Drawn(Sampler):
        def __iter__(self):
            drew.append(threading.current_thread())
            yield from fg.randperm(N).tolist()

        def __len__(self):
            return N

    for sampling in ({"sampler": Drawn()}, {"batch_sampler": BatchSampler(Drawn(), 4, False)}):
        list(DataLoader((X, T), prefetch=2, **sampling))
    assert drew == [threading.current_thread()] * 2


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
from loader_cases import LOADERS

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
