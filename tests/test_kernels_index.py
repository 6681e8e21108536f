"""The index family: what a bad index does, the order in which several meet in one place, memory."""

import numpy as np
import pytest
from kernel_makers import DTYPES, INDEXED, ISAS, THREADS

from fastgrad import kernels
from fastgrad.kernels import Program
from fastgrad.testing import assert_bits

NAMES = ["take", "take_backward", "gather", "scatter_add", "scatter", "max_backward"]


def call_of(name, size, dtype, rng):
    """Arguments of a call with good indices, which of them are the indices, and an array it would write."""
    O, R, I, K = size
    x, dout = rng.standard_normal((O, R, I)).astype(dtype), rng.standard_normal((O, K, I)).astype(dtype)
    flat, full = rng.integers(0, R, K), rng.integers(0, R, (O, K, I))
    made = {"out": np.full((O, K, I), 7, dtype)}
    if name == "take":
        return [x, flat], flat, made
    if name == "gather":
        return [x, full], full, made
    if name == "take_backward":
        return [dout, flat, R], flat, {"out": np.full((O, R, I), 7, dtype)}
    if name == "max_backward":
        index = full[:, 0].copy()
        return [dout[:, 0].copy(), index, R], index, {"out": np.full((O, R, I), 7, dtype)}
    return [x, full, dout], full, {}


@pytest.mark.parametrize("tier", ["native", "reference"])
@pytest.mark.parametrize("name", NAMES)
def test_a_bad_index_is_named_and_nothing_is_written(name, tier, rng):
    for size in ((1, 3, 1, 9), (2, 3, 5, 4), (1, 40_000, 1, 9000), (1, 20, 70, 300)):
        for wrong in (-1, size[1], np.iinfo(np.int64).min, np.iinfo(np.int64).max):
            args, index, written = call_of(name, size, "float32", rng)
            at = sorted(rng.integers(0, index.size, 2))
            index.reshape(-1)[at] = wrong
            before = [a.copy() for a in (*args, *written.values()) if isinstance(a, np.ndarray)]
            for threads in THREADS:
                words = f"^{name}: the index at position {at[0]} is outside the axis: indices run from 0 to R - 1$"
                with kernels.use(tier, threads=threads), pytest.raises(IndexError, match=words):
                    kernels.KERNELS[name](*args, **written)
            after = [a for a in (*args, *written.values()) if isinstance(a, np.ndarray)]
            for a, b in zip(after, before, strict=True):
                assert_bits(a, b, f"{name} {size}: written although refused")


@pytest.mark.parametrize("tier", ["native", "reference"])
def test_every_index_into_nothing_is_bad(tier):
    for name in NAMES:
        args, _, _ = call_of(name, (2, 1, 3, 4), "float32", np.random.default_rng(0))
        args = [a[:, :0].copy() if k == 0 and name not in ("take_backward", "max_backward") else a
                for k, a in enumerate(args)]  # fmt: skip
        args = [0 if isinstance(a, int) else a for a in args]
        with kernels.use(tier), pytest.raises(IndexError, match=f"{name}: the index at position 0 "):
            kernels.KERNELS[name](*args)


@pytest.mark.parametrize("dtype", DTYPES)
def test_numbers_meet_in_the_order_of_k(dtype):
    """In another order 2^p + 1 + ... + 1 - 2^p has another rounding; and the last of several writers stays."""
    big = 2.0 ** (25 if dtype == "float32" else 54)
    for O, I in ((1, 1), (1, 3), (1, 64), (5, 1), (3, 100)):
        src = np.ones((O, 12, I), dtype)
        src[:, 0], src[:, -1] = big, -big
        index = np.zeros((O, 12, I), int)
        for isa in ISAS:
            for threads in THREADS:
                with kernels.use(isa=isa, threads=threads):
                    added = kernels.scatter_add(np.zeros((O, 2, I), dtype), index, src)
                    back = kernels.take_backward(src, index[0, :, 0].copy(), 2)
                    last = kernels.scatter(np.zeros((O, 2, I), dtype), index, src)
                assert (added == 0).all()
                assert (back == 0).all()
                assert (last[:, 0] == -big).all()
                assert (last[:, 1] == 0).all()


@pytest.mark.parametrize("name", ["scatter", "scatter_add"])
def test_the_array_itself_is_changed_and_returned(name, rng):
    for tier in ("native", "reference"):
        args, _, _ = call_of(name, (2, 3, 5, 4), "float32", rng)
        before = args[0].copy()
        with kernels.use(tier):
            assert kernels.KERNELS[name](*args) is args[0]
        assert not np.array_equal(args[0], before)
    x, index, src = args
    for wrong, words in (
        ([x[:, ::-1], index, src], "x would be written and is not C-contiguous"),
        ([x, index, np.lib.stride_tricks.as_strided(x, src.shape, src.strides)[:, :1]], "the shapes do not fit"),
        ([x, index[:, :3].copy(), x], "x shares memory with src"),
        ([x.astype("float64"), index, src], "different dtypes"),
    ):
        with pytest.raises((ValueError, TypeError), match=f"{name}: .*{words}"):
            kernels.KERNELS[name](*wrong)
    x.flags.writeable = False
    with pytest.raises(ValueError, match="x is read-only"):
        kernels.KERNELS[name](x, index, src)


def test_gather_is_the_gradient_of_scatter_add_and_take_of_take_backward(rng):
    """<scatter_add(0, index, s), x> = <s, gather(x, index)>, and so for take_backward and take: exact in integers."""
    for O, R, I, K in INDEXED:
        if R == 0:
            continue
        x, s = (rng.integers(-9, 10, shape).astype("float64") for shape in ((O, R, I), (O, K, I)))
        index, flat = rng.integers(0, R, (O, K, I)), rng.integers(0, R, K)
        assert (kernels.scatter_add(np.zeros_like(x), index, s) * x).sum() == (s * kernels.gather(x, index)).sum()
        assert (kernels.take_backward(s, flat, R) * x).sum() == (s * kernels.take(x, flat)).sum()


def test_a_captured_call_checks_its_indices_at_every_replay(rng):
    x, index, src = np.zeros((1, 4, 3), "float32"), np.zeros((1, 2, 3), int), np.ones((1, 2, 3), "float32")
    program = Program()
    program.start()
    try:
        kernels.scatter_add(x, index, src)
    finally:
        program.stop()
    index[0, 1] = 3
    program.replay()
    assert_bits(x[0, :, 0], np.array([3, 0, 0, 1], "float32"))
    index[0, 1, 2] = 4
    with pytest.raises(IndexError, match="scatter_add: the index at position 5 "):
        program.replay()
    assert_bits(x[0, :, 0], np.array([3, 0, 0, 1], "float32"))
