"""The door between Python and C: what it refuses, in which words, and that nothing is written when it does."""

import contextlib
import gc
import itertools
import pickle
import sys
import threading
from functools import partial

import numpy as np
import pytest

from fastgrad import kernels
from fastgrad.kernels import CaptureError, DtypeError, Program
from fastgrad.testing import assert_bits

ISAS = kernels.info()["isas"]
F4, F8 = "float32", "float64"
LINUX = sys.platform.startswith("linux")


def ones(*shape, dtype=F4):
    return np.ones(shape, dtype)


def locked(a):
    a.flags.writeable = False
    return a


def unaligned(n):
    return np.zeros(4 * n + 1, np.uint8)[1:].view(F4)


BASE = np.arange(100, dtype=F4)  # for arguments that share memory
MATRIX = BASE.reshape(10, 10)

# What is wrong -> (kernel, arguments, keyword arguments, exception, what the message says).
REFUSED = {
    # dtypes
    "map, two dtypes": ("add", (ones(3), ones(3, dtype=F8)), {}, DtypeError, "add.*a float32, b float64.*astype"),
    "map, an integer array": ("mul", (ones(3), np.arange(3)), {}, DtypeError, "mul.*a float32, b int64"),
    "map, byte order": ("mul", (ones(3), ones(3).astype(">f4")), {}, DtypeError, "mul.*a float32, b >f4"),
    "map, dtype of out": ("exp", (ones(3),), {"out": ones(3, dtype=F8)}, DtypeError, "exp.*x float32, out float64"),
    "map, a condition in floats": ("where", (ones(3), ones(3), ones(3)), {}, TypeError, "where: cond must be bool, not float32"),
    "comparison, two dtypes": ("lt", (ones(3), ones(3, dtype=F8)), {}, DtypeError, "lt.*a float32, b float64"),
    "comparison, dtype of out": ("lt", (ones(3), 1.0), {"out": ones(3)}, TypeError, "lt: out must be bool, not float32"),
    "logic, floats": ("logical_and", (ones(3) > 0, ones(3)), {}, TypeError, "logical_and: b must be bool, not float32"),
    "logic, a number": ("logical_and", (ones(3) > 0, 1.0), {}, TypeError, "logical_and: b must be a numpy array, not float"),
    "cast, the dtype it makes": ("to_float32", (ones(3),), {}, TypeError, "to_float32: x must be float64, not float32"),
    "cast, dtype of out": ("to_float32", (ones(3, dtype=F8),), {"out": ones(3, dtype=F8)}, TypeError,
                           "to_float32: out must be float32, not float64"),
    "cast, no out": ("from_bool", (ones(3) > 0,), {}, TypeError, "from_bool needs out: its dtype"),
    "cast, out of integers": ("to_int64", (ones(3),), {"out": ones(3)}, TypeError, "to_int64: out must be int64, not float32"),
    "row, two dtypes": ("softmax_backward", (ones(2, 3), ones(2, 3, dtype=F8)), {}, DtypeError, "dout float32, y float64"),
    "row, labels in floats": ("cross_entropy", (ones(2, 3), ones(2)), {}, TypeError, "target must be int64, not float32"),
    "row, labels in 32 bits": ("cross_entropy", (ones(2, 3), np.zeros(2, np.int32)), {}, TypeError, "target must be int64, not int32"),
    "product, two dtypes": ("matmul", (ones(2, 3), ones(3, 2, dtype=F8)), {}, DtypeError, "matmul.*a float32, b float64"),
    "list, two dtypes": ("sgd", ([ones(3)], [ones(3, dtype=F8)], 0.1), {}, DtypeError, r"sgd.*p \[float32\], g \[float64\]"),
    "list, two dtypes in one": ("sgd", ([ones(3)] * 2, [ones(3), ones(3, dtype=F8)], 0.1), {}, DtypeError, "p float32, g float64"),
    # types
    "map, a list": ("add", (ones(3), [1, 2, 3]), {}, TypeError, "add: b must be a numpy array, not list"),
    "map, a string": ("add", (ones(3), "1"), {}, TypeError, "add: b must be a numpy array, not str"),
    "map, a complex number": ("add", (ones(3), 1j), {}, TypeError, "add: b must be a numpy array, not complex"),
    "map, a complex scalar": ("add", (ones(3), np.complex64(1j)), {}, TypeError, "add: b must be a numpy array, not complex64"),
    "map, a huge integer": ("add", (ones(3), 10**400), {}, TypeError, "add: b must be a number a double can hold"),
    "map, a string scalar": ("add", (ones(3), np.str_("one")), {}, TypeError, "add: b must be a number"),
    "map, out a list": ("exp", (ones(3),), {"out": [0, 0, 0]}, TypeError, "exp: out must be a numpy array, not list"),
    "row, a number": ("softmax_backward", (ones(2, 3), 1.0), {}, TypeError, "softmax_backward: y must be a numpy array, not float"),
    "scalar, a string": ("sgd", (ones(3), ones(3), "fast"), {}, TypeError, "sgd: lr must be a number.*not one of type str"),
    "scalar, complex": ("sgd", (ones(3), ones(3), 1j), {}, TypeError, "sgd: lr must be a number.*not one of type complex"),
    "scalar, complex64": ("sgd", (ones(3), ones(3), np.complex64(1)), {}, TypeError, "sgd: lr must be a number"),
    "fill, a string": ("fill", (ones(3), "7"), {}, TypeError, "fill: value must be a number"),
    "size, a float": ("max_backward", (ones(1, 2), np.zeros((1, 2), int), 3.5), {}, TypeError, "R must be an integer"),
    "size, too large": ("max_backward", (ones(1, 2), np.zeros((1, 2), int), 2**64), {}, TypeError, "R must be an integer"),
    "size, negative": ("max_backward", (ones(1, 2), np.zeros((1, 2), int), -1), {}, ValueError, "R must not be negative"),
    "size, beyond memory": ("max_backward", (ones(1, 2), np.zeros((1, 2), int), 2**62), {}, MemoryError, "no memory"),
    "list, a number": ("sgd", ([ones(3), 3], [ones(3), ones(3)], 0.1), {}, TypeError, "sgd: p must be a numpy array, not int"),
    "list, a number and dtypes": ("sgd", ([ones(3), 3], [ones(3, dtype=F8), 3], 0.1), {}, DtypeError, r"p \[float32, int\]"),
    "list, a dict": ("sgd", ({}, ones(3), 0.1), {}, TypeError, "sgd: p must be an array or a list of arrays, not dict"),
    # shapes
    "map, shapes": ("add", (ones(2, 3), ones(4)), {}, ValueError, r"add: .*broadcast: a \(2, 3\), b \(4,\)"),
    "map, out too small": ("add", (ones(2, 3), ones(3)), {"out": ones(3)}, ValueError, r"add: .*shape of out: .*out \(3,\)"),
    "map, out with a one": ("add", (ones(2, 3), ones(3)), {"out": ones(1, 3)}, ValueError, r"add: .*out \(1, 3\)"),
    "map, out of another shape": ("exp", (ones(2, 3),), {"out": ones(3, 2)}, ValueError, r"exp: .*x \(2, 3\), out \(3, 2\)"),
    "map, zero and three": ("add", (ones(0, 3), ones(3, 3)), {}, ValueError, r"a \(0, 3\), b \(3, 3\)"),
    "row, dimensions": ("softmax", (ones(3),), {}, ValueError, r"softmax: the shapes do not fit: x \(3,\); .*x\[N,C\]"),
    "row, two shapes": ("softmax_backward", (ones(2, 3), ones(3, 2)), {}, ValueError, r"dout \(2, 3\), y \(3, 2\)"),
    "row, out": ("softmax", (ones(2, 3),), {"out": ones(2, 4)}, ValueError, r"x \(2, 3\), out \(2, 4\)"),
    "row, labels": ("cross_entropy", (ones(2, 3), np.zeros(3, int)), {}, ValueError, r"x \(2, 3\), target \(3,\)"),
    "reduce, index": ("max", (ones(2, 3, 4),), {"index": np.zeros((2, 3), int)}, ValueError, r"x \(2, 3, 4\), index \(2, 3\)"),
    "reduce, min of nothing": ("min", (ones(2, 0, 4),), {}, ValueError, r"min: an empty axis .*x \(2, 0, 4\)"),
    "reduce, nothing": ("max", (ones(2, 0, 4),), {}, ValueError, r"max: an empty axis .*x \(2, 0, 4\)"),
    "reduce, R": ("max_backward", (ones(1, 2), np.zeros((1, 2), int), 3), {"out": ones(1, 4, 2)}, ValueError, r"out \(1, 4, 2\)"),
    "product, K": ("matmul", (ones(2, 3), ones(2, 3)), {}, ValueError, r"matmul: .*a \(2, 3\), b \(2, 3\); .*a\[M,K\], b\[K,N\]"),
    "product, a stack": ("matmul", (ones(2, 2, 3), ones(3, 2)), {}, ValueError, r"matmul: .*a \(2, 2, 3\), b \(3, 2\)"),
    "product, a vector": ("matmul", (ones(3), ones(3, 2)), {}, ValueError, r"matmul: .*a \(3,\), b \(3, 2\)"),
    "product, bias": ("linear", (ones(2, 3), ones(4, 3), ones(3)), {}, ValueError, r"linear: .*w \(4, 3\), b \(3,\)"),
    "product, out": ("matmul", (ones(2, 3), ones(3, 4)), {"out": ones(4, 2)}, ValueError, r"matmul: .*out \(4, 2\)"),
    "list, two shapes": ("sgd", ([ones(2), ones(3)], [ones(2), ones(4)], 0.1), {}, ValueError, r"tensor 1 .*p \(3,\), g \(4,\)"),
    "list, two lengths": ("sgd", ([ones(2)], [ones(2)] * 2, 0.1), {}, ValueError, "sgd: the lists must be of one length"),
    "list, and an array": ("sgd", ([ones(2)], ones(2), 0.1), {}, ValueError, "sgd: the lists must be of one length"),
    # memory
    "map, read-only out": ("exp", (ones(3),), {"out": locked(ones(3))}, ValueError, "exp: out is read-only"),
    "map, out seen many times": ("exp", (ones(3),), {"out": np.broadcast_to(ones(1), (3,))}, ValueError, "out is read-only"),
    "map, unaligned out": ("exp", (ones(3),), {"out": unaligned(3)}, ValueError, "exp: out would be written .*not aligned"),
    "fill, unaligned": ("fill", (unaligned(3), 1.0), {}, ValueError, "fill: out would be written .*not aligned"),
    "fill, read-only": ("fill", (locked(ones(3)), 1.0), {}, ValueError, "fill: out is read-only"),
    "row, read-only out": ("softmax", (ones(2, 3),), {"out": locked(ones(2, 3))}, ValueError, "softmax: out is read-only"),
    "row, strided out": ("softmax", (ones(2, 3),), {"out": ones(3, 2).T}, ValueError, r"out would be written .*strides \(4, 8\)"),
    "row, out is x": ("softmax", (MATRIX,), {"out": MATRIX}, ValueError, "softmax: out shares memory with x"),
    "row, out overlaps x": ("softmax", (MATRIX[:5],), {"out": MATRIX[4:9]}, ValueError, "softmax: out shares memory with x"),
    "row, two outs": ("cross_entropy", (ones(1, 3), np.zeros(1, int)), {"out": BASE[:1], "logp": MATRIX[:1, :3]}, ValueError,
                      "out shares memory with logp"),
    "product, strided out": ("matmul", (ones(2, 3), ones(3, 2)), {"out": ones(2, 4)[:, ::2]}, ValueError, "out would be written"),
    "product, out is a": ("matmul", (MATRIX, ones(10, 10)), {"out": MATRIX}, ValueError, "matmul: out shares memory with a"),
    "stack, K": ("bmm", (ones(2, 2, 3), ones(2, 2, 3)), {}, ValueError, r"bmm: .*a \(2, 2, 3\), b \(2, 2, 3\); .*a\[B,M,K\]"),
    "index, in 32 bits": ("take", (ones(1, 3, 1), np.zeros(2, np.int32)), {}, TypeError, "take: index must be int64, not int32"),
    "product, out is the bias": ("linear", (ones(1, 3), ones(10, 3), BASE[:10]), {"out": BASE[:10].reshape(1, 10)}, ValueError,
                                 "linear: out shares memory with b|linear: b shares memory with out"),
    "list, read-only p": ("sgd", ([ones(3), locked(ones(3))], [ones(3)] * 2, 0.1), {}, ValueError, r"sgd: p\[1\] is read-only"),
    "list, strided p": ("sgd", ([ones(4)[::2]], [ones(2)], 0.1), {}, ValueError, r"p\[0\] would be written and is not C-contiguous"),
    "list, strided g": ("sgd", ([ones(2)], [ones(4)[::2]], 0.1), {}, ValueError, r"g\[0\] is not C-contiguous"),
    "list, read-only state": ("adam", ([ones(3)], [ones(3)], [ones(3)], [locked(ones(3))]), {}, ValueError, r"v\[0\] is read-only"),
    "list, p twice": ("sgd", ([BASE, BASE], [ones(100), ones(100)], 0.1), {}, ValueError, r"p\[0\] and p\[1\] share memory"),
    "list, p is g": ("sgd", (BASE, BASE, 0.1), {}, ValueError, r"p\[0\] and g\[0\] share memory"),
    "list, p overlaps g": ("sgd", (BASE[:60], BASE[40:], 0.1), {}, ValueError, r"p\[0\] and g\[0\] share memory"),
    "list, one state twice": ("adam", (ones(9), ones(9), BASE[:9], BASE[8:17]), {}, ValueError, r"m\[0\] and v\[0\] share memory"),
    # arguments
    "too many": ("exp", (ones(3), None, 3), {}, TypeError, r"exp takes 2 arguments \(x, out\), 3 were given"),
    "unknown": ("exp", (ones(3),), {"where": ones(3)}, TypeError, "exp has no argument 'where'; it takes x, out"),
    "twice": ("exp", (ones(3),), {"x": ones(3)}, TypeError, "exp got 'x' twice"),
    "a missing operand": ("add", (ones(3),), {}, TypeError, "add needs b"),
    "a missing first": ("add", (), {"b": ones(3)}, TypeError, "add needs a"),
    "a missing matrix": ("matmul", (ones(3, 3),), {}, TypeError, "matmul needs b"),
    "None for a matrix": ("matmul", (ones(3, 3), None), {}, TypeError, "matmul needs b"),
    "only out": ("softmax", (), {"out": ones(2, 2)}, TypeError, "softmax needs x"),
    "a missing scalar": ("sgd", (ones(3), ones(3)), {}, TypeError, "sgd needs lr"),
    "a missing size": ("max_backward", (ones(1, 2), np.zeros((1, 2), int)), {}, TypeError, "max_backward needs R"),
    "a missing state": ("momentum", (ones(3), ones(3)), {"lr": 0.1}, TypeError, "momentum needs v"),
    "a missing list": ("momentum", ([ones(3)], [ones(3)]), {"lr": 0.1}, TypeError, "momentum needs v"),
    # labels
    "a label too large": ("cross_entropy", (ones(3, 4), np.array([0, 4, 9])), {}, IndexError, "cross_entropy: the label of row 1 "),
    "a negative label": ("cross_entropy", (ones(3, 4), np.array([0, 3, -1])), {}, IndexError, "the label of row 2 is not a class"),
    "no classes": ("cross_entropy", (ones(3, 0), np.array([0, 0, 0])), {}, IndexError, "the label of row 0 is not a class"),
    "a label, backward": ("cross_entropy_backward", (ones(2), ones(2, 3), np.array([3, 0])), {}, IndexError, "the label of row 0"),
}  # fmt: skip


def arrays_of(values):
    for v in values:
        if isinstance(v, np.ndarray):
            yield v
        elif isinstance(v, (list, tuple)):
            yield from arrays_of(v)


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_fit_is_refused_and_changes_nothing(what):
    name, args, options, error, words = REFUSED[what]
    everything = [*arrays_of([*args, *options.values()]), BASE]
    before = [a.copy() for a in everything]
    with pytest.raises(error, match=words) as refusal:
        getattr(kernels, name)(*args, **options)
    assert name in str(refusal.value) or error is MemoryError
    for a, b in zip(everything, before, strict=True):
        assert_bits(a, b, "written although refused")


@pytest.mark.parametrize("tier", ["native", "reference"])
def test_bad_labels_are_refused_before_anything_is_written(tier):
    out, logp, dx = np.full(9000, 7, F4), np.full((9000, 4), 7, F4), np.full((9000, 4), 7, F4)
    target = np.zeros(9000, int)
    target[8888] = -5
    with kernels.use(tier):
        with pytest.raises(IndexError, match="cross_entropy: the label of row 8888 "):
            kernels.cross_entropy(ones(9000, 4), target, out=out, logp=logp)
        with pytest.raises(IndexError, match="cross_entropy_backward: the label of row 8888 "):
            kernels.cross_entropy_backward(ones(9000), ones(9000, 4), target, out=dx)
    assert (out == 7).all()
    assert (logp == 7).all()
    assert (dx == 7).all()


def test_a_list_whose_tensors_share_memory_is_refused(rng):
    """Wherever the two are, and whatever the order of the others; gradients may be shared, and so may nothing."""
    made = [[ones(n) for n in rng.integers(1, 50, 60)] for _ in range(2)]
    big = np.zeros(100, F4)
    for turn in range(40):
        p, g = ([made[s][k] for k in rng.permutation(60)[:31]] for s in range(2))
        g = [np.resize(a, b.shape).astype(F4) for a, b in zip(g, p, strict=True)]
        i, j = sorted(rng.permutation(31)[:2])
        p[i] = big[20:50]
        g[i] = ones(30)
        slot, (lo, hi) = ("p", "g")[turn % 2], ((10, 21), (49, 60), (20, 50), (30, 31), (0, 100))[turn % 5]
        (p if slot == "p" else g)[j] = big[lo:hi]
        (g if slot == "p" else p)[j] = ones(hi - lo)
        before = [a.copy() for a in (*p, *g)]
        with pytest.raises(ValueError, match=rf"^sgd: p\[{i}\] and {slot}\[{j}\] share memory, .*pass each array once"):
            kernels.sgd(p, g, 0.1)
        for a, b in zip((*p, *g), before, strict=True):
            assert_bits(a, b, "written although refused")
        (p if slot == "p" else g)[j] = ones(hi - lo)
        kernels.sgd(p, g, 0.1)
    shared, empty = ones(10), big[30:30]
    kernels.sgd([ones(10), ones(5), ones(10), big, empty], [shared, shared[5:], shared, ones(100), empty], 0.1)
    kernels.sgd([big[:50], big[50:]], [ones(50), ones(50)], 0.1)


def test_the_first_bad_label_is_named_whatever_thread_meets_it(rng):
    x = np.zeros((20_000, 10), F4)
    target = rng.integers(0, 10, 20_000)
    target[[777, 778, 15_000, 19_999]] = 10
    for threads in (1, 2, 4):
        with kernels.use(threads=threads), pytest.raises(IndexError, match="the label of row 777 "):
            kernels.cross_entropy(x, target)


def test_arguments_by_position_and_name_are_the_same():
    p, g = [ones(3), ones(2, 2)], [ones(3), ones(2, 2)]
    kernels.sgd(p, g, 0.5, 0.1)
    q = [ones(3), ones(2, 2)]
    kernels.sgd(weight_decay=0.1, lr=0.5, g=tuple(g), p=q)
    assert all((a == b).all() for a, b in zip(p, q, strict=True))
    assert_bits(kernels.sub(b=ones(3), a=3 * ones(3)), 2 * ones(3))
    assert_bits(kernels.add(ones(3), np.float32(2)), 3 * ones(3))
    assert_bits(kernels.add(ones(3), True), 2 * ones(3))
    assert_bits(kernels.exp(np.zeros(3, F4), None), ones(3))
    assert_bits(kernels.linear(ones(2, 3), ones(4, 3), None), 3 * ones(2, 4))


def test_kernels_can_be_looked_at_and_pickled():
    assert repr(kernels.add) == "<kernel add(a[*], b[*], >out[*])>"
    assert pickle.loads(pickle.dumps(kernels.softmax)) is kernels.softmax
    assert kernels.sum.__doc__ == kernels.reference.sum.__doc__
    assert kernels.adam.names[:5] == ("p", "g", "m", "v", "lr")
    assert kernels.adam.defaults["lr"] == 1e-3
    assert kernels.linear.defaults == {"b": None, "out": None}
    assert kernels.max.written_names == ("out", "index")


# -- written memory that is also read ----------------------------------------------------------------------------------
def views(base, n):
    """Views of n numbers into one array of 3 n + 8: shifted, reversed, strided, and one that shares nothing."""
    return {
        "same": base[n : 2 * n], "left": base[n - 2 : 2 * n - 2], "right": base[n + 3 : 2 * n + 3], "far": base[2 * n + 4 : 3 * n + 4],
        "reversed": base[2 * n - 1 : n - 1 : -1], "strided": base[: 2 * n : 2], "wide": base[n : 3 * n : 2],
    }  # fmt: skip


@pytest.mark.parametrize("n", [5, 64, 3001, 40_000])
@pytest.mark.parametrize("dtype", [F4, F8])
def test_an_elementwise_kernel_may_write_over_what_it_reads(dtype, n, rng):
    """As if every operand had been copied first, as in NumPy."""
    start = rng.standard_normal(3 * n + 8).astype(dtype)
    names = list(views(start, n))
    for threads, (a, b, out) in itertools.product(
        (1, 2), itertools.product(names, names, ("same", "reversed", "wide"))
    ):
        base = start.copy()
        v = views(base, n)
        expected = v[a] - v[b].copy()
        with kernels.use(threads=threads):
            assert kernels.sub(v[a], v[b], out=v[out]) is v[out]
        assert_bits(v[out], expected, f"{a} - {b} into {out}, {threads} threads")


@pytest.mark.parametrize("count", [3, 4])
def test_every_operand_that_overlaps_is_copied(count, rng):
    n = 5000
    start = rng.standard_normal(3 * n + 8)
    for chosen in itertools.product(("left", "right", "reversed"), repeat=count):
        base = start.copy()
        v = views(base, n)
        args = [v[c] for c in chosen]
        name = {3: "clip", 4: "clip_backward"}[count]
        expected = getattr(kernels, name)(*(a.copy() for a in args))
        getattr(kernels, name)(*args, out=v["same"])
        assert_bits(v["same"], expected, f"{name} {chosen}")


def test_a_condition_in_the_memory_of_the_result_is_copied():
    memory = np.zeros(4000, np.uint8)
    out, cond = memory.view(F4), memory[500:1500].view(bool)
    cond[::3] = True
    a, b = np.arange(1000, dtype=F4), -np.arange(1000, dtype=F4)
    expected = np.where(cond, a, b)
    kernels.where(cond, a, b, out=out)
    assert_bits(out, expected)


def test_a_matrix_and_its_transpose_overlap(rng):
    for n in (3, 17, 200):
        x = rng.standard_normal((n, n))
        expected = x + x.T
        kernels.add(x, x.T, out=x)
        assert_bits(x, expected)


def test_a_row_of_the_result_may_be_broadcast_over_it(rng):
    x = rng.standard_normal((300, 70))
    expected = x - x[7]
    kernels.sub(x, x[7], out=x)
    assert_bits(x, expected)


# -- arguments that go away, or change, during a call or a capture -----------------------------------------------------
def test_a_list_is_read_when_it_is_given():
    """A recorded call keeps the arrays, whatever becomes of the list."""
    program = Program()
    p, g = [np.zeros(1000, F4) for _ in range(30)], [ones(1000) for _ in range(30)]
    mine = list(p)
    program.start()
    try:
        kernels.sgd(mine, g, 1.0)
    finally:
        program.stop()
    mine.clear()
    g.clear()
    gc.collect()
    other = [np.full(1000, np.nan, F4) for _ in range(60)]  # whoever gets the memory next
    program.replay()
    assert all((a == -2).all() for a in p)
    assert all(np.isnan(a).all() for a in other)


def test_a_program_owns_what_it_needs():
    """Numbers live in the call, which moves as the list grows; temporaries and copies outlive the call."""
    x = np.arange(12, dtype=F4).reshape(3, 4)
    program = Program()
    program.start()
    try:
        y = x
        for k in range(200):
            y = kernels.add(y, float(k))  # grows the list twice
        z = kernels.softmax(y.T)  # copied first
        w = kernels.sub(y[1:], y[:-1])
        kernels.add(y[:, :-1], y[:, 1:], out=y[:, 1:])  # an overlapping operand is copied first
    finally:
        program.stop()
    gc.collect()
    others = [np.full(n, 255, np.uint8) for n in range(1000, 400_000, 1000)]  # they get the memory that was given up
    first = y.copy(), z.copy(), w.copy()
    x += 1
    program.replay()
    expected_y = x + np.float32(sum(range(200)))
    assert_bits(w, expected_y[1:] - expected_y[:-1])
    expected_y[:, 1:] += expected_y[:, :-1].copy()
    assert_bits(y, expected_y)
    assert_bits(z, first[1])
    assert not np.array_equal(y, first[0])
    assert all((a == 255).all() for a in others)


def test_a_program_that_is_dropped_while_recording_is_kept():
    Program().start()
    gc.collect()
    for _ in range(100):
        kernels.add(ones(3), 1.0)
    program = kernels._core.recording()
    assert len(program) == 100
    program.stop()
    assert kernels._core.recording() is None


def test_a_program_refuses():
    program = Program()
    program.start()
    try:
        kernels.sgd(ones(3), ones(3), 0.1)
        with pytest.raises(CaptureError, match="captures do not nest"):
            Program().start()
        with pytest.raises(CaptureError, match="while another is being captured"):
            program.replay()
    finally:
        program.stop()
    with pytest.raises(ValueError, match="sgd has 13 scalars, 14 were given"):
        program.set_scalars(0, [1.0] * 14)
    with pytest.raises(IndexError, match="call 1 of 1"):
        program.set_scalars(1, [1.0])
    with pytest.raises(IndexError, match="call -1 of 1"):
        program.set_scalars(-1, [1.0])
    assert repr(program).split()[:2] == ["0", "sgd"]


def test_a_program_is_replayed_by_one_thread_at_a_time():
    """Its buffers are shared: a second replay while one runs is refused, and so is recording into it."""
    x, out = np.ones(3_000_000), np.empty(3_000_000)
    program = Program()
    program.start()
    try:
        for _ in range(30):
            kernels.exp(x, out=out)
    finally:
        program.stop()
    done = threading.Event()

    def replay_again_and_again():
        while not done.is_set():
            with contextlib.suppress(CaptureError):
                program.replay()

    def try_until_refused(attempt):
        for _ in range(10_000):
            attempt()
            program.stop()

    thread = threading.Thread(target=replay_again_and_again)
    thread.start()
    try:
        for attempt in (program.replay, program.start, program.timings):
            with pytest.raises(CaptureError, match=r"another thread|in use"):
                try_until_refused(attempt)
    finally:
        done.set()
        thread.join()
    program.replay()
    assert_bits(out, kernels.exp(x))


def test_replay_stops_at_a_bad_label():
    x, target = ones(4, 3), np.array([0, 1, 2, 0])
    after = np.zeros(3, F4)
    program = Program()
    program.start()
    try:
        kernels.cross_entropy(x, target)
        kernels.fill(after, 1.0)
    finally:
        program.stop()
    target[2] = 3
    after[:] = 5
    with pytest.raises(IndexError, match="cross_entropy: the label of row 2"):
        program.replay()
    assert (after == 5).all()
    target[2] = 0
    program.replay()
    assert (after == 1).all()


# -- references --------------------------------------------------------------------------------------------------------
def test_calls_keep_no_references():
    a, b, out, target = ones(64, 64), ones(64, 64), ones(64, 64), np.zeros(64, int)
    calls = [
        partial(kernels.add, a, b), partial(kernels.add, a, b, out), partial(kernels.add, a.T, b[0]), partial(kernels.softmax, a.T),
        partial(kernels.add, a[1:], b[1:], a[:-1]), partial(kernels.matmul, a[::2], b), partial(kernels.cross_entropy, a, target),
        partial(kernels.sgd, [a], [b], 0.1), partial(kernels.max, a[None]), partial(kernels.add, a, 2.0, out),
        partial(kernels.add, np.arange(3), 1),
    ]  # fmt: skip
    wrong = [partial(kernels.add, a, np.arange(3)), partial(kernels.softmax, a, out=a), partial(kernels.sgd, [a, a], [b], 0.1),
             partial(kernels.add, a, b, c=out), partial(kernels.cross_entropy, a, target - 1)]  # fmt: skip

    def counts():
        gc.collect()
        return [sys.getrefcount(x) for x in (a, b, out, target, np.dtype(F4), np.dtype(int))]

    def run():
        for _ in range(50):
            for call in calls:
                call()
            for call in wrong:
                with pytest.raises((TypeError, ValueError, IndexError)):
                    call()

    run()
    before = counts()
    run()
    assert max(abs(x - y) for x, y in zip(counts(), before, strict=True)) < 10
