"""The pool results come from: ordinary arrays, aligned, reused, given back, and never handed out twice."""

import copy
import gc
import os
import pickle
import random
import sys
from itertools import pairwise

import numpy as np
import pytest

from fastgrad import kernels
from fastgrad.testing import assert_bits

LINUX = sys.platform.startswith("linux")
needs_proc = pytest.mark.skipif(not LINUX, reason="reads the resident memory of a process in /proc")
SIZES = (
    0,
    1,
    15,
    16,
    17,
    127,
    128,
    255,
    256,
    257,
    320,
    1000,
    1023,
    1024,
    1025,
    2047,
    2048,
    2049,
    5000,
    16_384,
    100_000,
    524_288,
    700_001,
)
MB = 1 << 20


@pytest.fixture(autouse=True)
def empty_pool():
    """Nothing is kept from the test before; what this test keeps is given back."""
    gc.collect()
    kernels.empty_cache()
    cap = kernels.memory()["cap"]
    yield
    kernels.set_memory_cap(cap)
    gc.collect()
    kernels.empty_cache()


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def address(a):
    return a.__array_interface__["data"][0]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_arrays_are_ordinary_and_aligned(dtype):
    for n in SIZES:
        for shape in ((n,), (1, n), (n, 1, 1)):
            a = kernels.empty(shape, dtype)
            assert type(a) is np.ndarray
            assert a.shape == shape
            assert a.dtype == dtype
            assert address(a) % 64 == 0
            assert a.flags.c_contiguous
            assert a.flags.owndata
            assert a.flags.writeable
            assert a.flags.aligned
            assert a.base is None
            a.fill(1)
            assert (a == 1).all()


@pytest.mark.parametrize("name", ["exp", "softmax", "sum", "matmul"])
def test_results_come_from_the_pool(name):
    x = np.ones({"sum": (20, 30, 1)}.get(name, (30, 30)), "float32")
    before = kernels.memory()["used"]
    result = getattr(kernels, name)(*([x, x] if name == "matmul" else [x]))
    assert kernels.memory()["used"] > before
    assert address(result) % 64 == 0
    del result
    assert kernels.memory()["used"] == before


def test_empty_refuses_and_leaves_other_dtypes_to_numpy():
    assert kernels.empty((2, 3), "int32").dtype == np.int32
    assert kernels.empty((2, 3), ">f4").dtype == ">f4"
    assert kernels.empty((), "float64").shape == ()
    with pytest.raises(ValueError, match=r"negative dimension in \(2, -1\)"):
        kernels.empty((2, -1), "float32")
    with pytest.raises(ValueError, match="33 dimensions are more than 32"):
        kernels.empty((1,) * 33, "float32")
    for shape in ((2**62,), (2**61 - 200,), (2**61 - 1,), (2**40, 2**40), (2**32, 2**32), (2**50,)):
        before = kernels.memory()
        with pytest.raises(MemoryError, match="no memory for an array of"):
            kernels.empty(shape, "float64")
        assert kernels.memory() == before
    assert kernels.empty((2**20, 0, 2**20), "float64").size == 0


def test_no_two_arrays_share_a_block():
    """Each array is filled with its own number; a block handed out twice, or too short, would show."""
    chosen = random.Random(0)
    alive = {}
    for step in range(6000):
        if len(alive) > 150 or (alive and chosen.random() < 0.4):
            key = chosen.choice(list(alive))
            a = alive.pop(key)
            assert (a == key).all(), f"array {key} was written by another"
        else:
            a = kernels.empty((int(2 ** chosen.uniform(0, 15.5)),), "float64")
            a.fill(step)
            alive[step] = a
    spans = sorted((address(a), address(a) + a.nbytes) for a in alive.values())
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    for key, a in alive.items():
        assert (a == key).all()


@pytest.mark.parametrize("n", SIZES)
def test_a_freed_block_is_used_again(n):
    a = kernels.empty((n,), "float64")
    was, used = address(a), kernels.memory()["used"]
    del a
    assert kernels.memory()["used"] < used
    b = kernels.empty((n,), "float64")
    assert address(b) == was
    assert kernels.memory()["used"] == used


def test_accounts_balance():
    start = kernels.memory()
    arrays = [kernels.empty((n,), "float64") for n in SIZES for _ in range(3)]
    middle = kernels.memory()
    assert middle["used"] - start["used"] >= sum(a.nbytes for a in arrays)
    assert middle["used"] - start["used"] <= 1.3 * sum(a.nbytes for a in arrays) + 5000 * len(arrays)
    del arrays
    after = kernels.memory()
    assert after["used"] == start["used"]
    assert after["kept"] >= middle["used"] - start["used"]
    kernels.empty_cache()
    assert kernels.memory()["kept"] <= start["kept"]


@needs_proc
def test_empty_cache_gives_memory_back():
    before = kernels.memory()["kept"]  # free blocks beside small arrays that are in use
    arrays = [kernels.empty((4 * MB // 8,), "float64") for _ in range(16)] + [
        kernels.empty((128,), "float64") for _ in range(20_000)
    ]
    for a in arrays:
        a.fill(1)
    full = resident()
    del arrays, a
    gc.collect()
    assert full - resident() < 8 * MB, "freed blocks are kept"
    assert kernels.memory()["kept"] >= 64 * MB
    kernels.empty_cache()
    assert full - resident() > 72 * MB
    assert kernels.memory()["kept"] <= before


def test_empty_cache_leaves_arrays_alone():
    keep = [kernels.empty((n,), "float64") for n in SIZES]
    for k, a in enumerate(keep):
        a.fill(k)
    gone = [kernels.empty((n,), "float64") for n in SIZES]
    del gone
    for _ in range(3):
        kernels.empty_cache()
        more = [np.full(n, -1.0) for n in SIZES] + [kernels.empty((n,), "float64") for n in SIZES]
        for a in more:
            a.fill(-1)
    for k, a in enumerate(keep):
        assert (a == k).all()


def test_no_more_is_kept_than_the_cap():
    kernels.set_memory_cap(3 * MB)
    assert kernels.memory()["cap"] == 3 * MB
    arrays = [kernels.empty((MB // 8 - 1000,), "float64") for _ in range(8)]
    used = kernels.memory()["used"]
    del arrays
    assert MB < kernels.memory()["kept"] <= 3 * MB
    assert used > 7 * MB > kernels.memory()["used"]
    large = kernels.empty((4 * MB // 8,), "float64")
    kept = kernels.memory()["kept"]
    del large
    assert kernels.memory()["kept"] == kept


def test_a_cap_of_zero_keeps_no_large_block():
    kernels.set_memory_cap(0)
    kept = kernels.memory()["kept"]
    a = kernels.empty((MB,), "float64")
    del a
    assert kernels.memory()["kept"] == kept


def test_views_keep_their_array():
    view = kernels.exp(np.zeros((300, 300)))[10:20, ::2]
    others = [kernels.empty((300, 300), "float64") for _ in range(5)]
    for a in others:
        a.fill(7)
    assert (view == 1).all()


def test_arrays_survive_copies_pickles_and_resizing():
    for n in (3, 1000, 5000, 300_000):
        a = kernels.add(np.arange(n, dtype="float64"), 0.0)
        expected = np.arange(n, dtype="float64")
        again = pickle.loads(pickle.dumps(a, protocol=5))
        assert_bits(again, expected)
        assert_bits(pickle.loads(pickle.dumps(a, protocol=2)), expected)
        assert_bits(copy.deepcopy(a), expected)
        assert_bits(a.copy(), expected)
        taken = a
        del a
        used = kernels.memory()["used"]
        taken.resize((2 * n + 100,), refcheck=False)
        assert_bits(taken[:n], expected)
        assert not taken[n:].any()
        assert kernels.memory()["used"] > used or n == 3
        taken.resize((n // 2,), refcheck=False)
        assert_bits(taken, expected[: n // 2])
        taken.resize((0,), refcheck=False)
        taken.resize((n,), refcheck=False)
        assert taken.shape == (n,)
        taken.fill(1)


def test_buffers_and_dlpack_keep_their_array():
    a = kernels.exp(np.zeros(5000))
    view, other = memoryview(a), np.from_dlpack(a)
    del a
    more = [kernels.empty((5000,), "float64") for _ in range(4)]
    for m in more:
        m.fill(7)
    assert (np.asarray(view) == 1).all()
    assert (other == 1).all()


GROWTH = """
import os
import numpy as np
from fastgrad import kernels
def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
x, w, t = np.ones((100, 64), "f4"), np.ones((100, 64), "f4"), np.zeros(100, int)
def step(k):
    h = kernels.linear(x[: 50 + k % 50], w)
    h = kernels.relu(h)
    s = kernels.softmax_backward(kernels.add(h, 1.0), kernels.exp(h.T).T)
    loss, logp = kernels.cross_entropy(s, t[: len(s)])
    return kernels.sum(loss.reshape(1, -1, 1)), kernels.empty((1 + k * 7919 % 300_000,), "f8"), [h.copy() for _ in range(3)]
for k in range(3000):
    step(k)
before = resident()
for k in range(10_000):
    step(k)
print(resident() - before)
"""


@needs_proc
def test_ten_thousand_steps_do_not_grow(python):
    assert int(python(GROWTH)) <= MB
