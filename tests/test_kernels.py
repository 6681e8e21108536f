"""Walks kernels.def: every kernel has a case, and every case is held to the reference in every cell.

A cell is a dtype, a size, an instruction set and a number of threads. Where a kernel has only + - * / sqrt, comparisons
and sums in the one order, it gives the bits of the reference. A transcendental is held to the truth: the reference,
evaluated in a wider dtype.
"""

import inspect

import numpy as np
import pytest
from kernel_cases import CASES, GIVEN, MAPS, NAMES, RULES
from kernel_makers import DTYPES, ISAS, THREADS, WIDE, numbers

from fastgrad import kernels
from fastgrad.kernels import KERNELS, reference
from fastgrad.testing import assert_bits, assert_close


def test_every_kernel_has_a_case_and_a_definition():
    assert set(CASES) == set(KERNELS), "a row of kernels.def without a case in CASES"
    assert set(reference.KERNELS) == set(KERNELS)
    assert all(n in kernels.__all__ and getattr(kernels, n) is KERNELS[n] for n in KERNELS)


@pytest.mark.parametrize("name", NAMES)
def test_native_and_reference_have_one_signature(name):
    native, definition = kernels.signature(KERNELS[name]), inspect.signature(reference.KERNELS[name])
    assert list(native.parameters) == list(definition.parameters)
    for argument, parameter in native.parameters.items():
        assert parameter.default == definition.parameters[argument].default, argument
        assert parameter.kind == definition.parameters[argument].kind, argument


def cast(args, dtype):
    """Float arrays of a call in another dtype."""
    with np.errstate(all="ignore"):
        return [a.astype(dtype) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in args]


def outcome(call, name, args, steps=1):
    """What a call returns, then what it has changed; everything that it only reads must be as it was."""
    mine = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    for _ in range(steps):
        result = call(*mine)
    kernel = KERNELS[name]
    changed = []
    for argument, before, after in zip(kernel.names, args, mine, strict=False):
        if argument in kernel.written_names:
            changed.append(after)
        elif isinstance(before, np.ndarray):
            assert before.tobytes() == after.tobytes(), f"{name} changed {argument}, which it should only read"
    returned = [] if result is None else list(result) if isinstance(result, tuple) else [result]
    return [*returned, *changed]


def same_bits(case, found, expected, what):
    for f, e in zip(found, expected, strict=True):
        if not case.zeros:
            f, e = f + f.dtype.type(0), e + e.dtype.type(0)
        assert_bits(f, e, what)


def check(name, size, dtype, rng, native):
    """Holds `native`, a stand-in for the kernel or the kernel itself, to the definition in every cell."""
    case = CASES[name]
    args = case.make(rng, dtype, size)
    expected = outcome(reference.KERNELS[name], name, args, case.steps)
    if case.kind != "bits":
        wide = cast(args, WIDE[dtype])
        with np.errstate(all="ignore"):
            truth = [
                t.astype(e.dtype)
                for t, e in zip(outcome(case.truth or reference.KERNELS[name], name, wide), expected, strict=True)
            ]
            scale = case.scale(*wide) if case.scale else [None] * len(truth)
        close(case, size, expected, truth, scale, f"the reference of {name} {size}")
    for isa in ISAS:
        first = None
        for threads in THREADS:
            what = f"{name} {size} {dtype}, {isa}, {threads} threads"
            with kernels.use("native", isa=isa, threads=threads):
                found = outcome(native, name, args, case.steps)
            if case.kind == "bits":
                same_bits(case, found, expected, what)
            elif first is None:
                close(case, size, found, truth, scale, what)
            else:
                for f, one in zip(found, first, strict=True):
                    assert_bits(f, one, f"{what}, against 1 thread")
            first = first or found


def close(case, size, found, truth, scale, what):
    for f, t, s in zip(found, truth, scale, strict=True):
        if f.dtype.kind == "f":
            s = (np.abs(t) if s is None else s) + np.finfo(f.dtype).tiny  # below it the unit does not shrink any more
            assert_close(f, t, case.kind, n=case.terms(size), scale=s, what=what)
        else:
            assert_bits(f, t, what)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_native_against_reference(name, dtype, rng):
    for size in CASES[name].sizes:
        check(name, size, dtype, rng, KERNELS[name])


# -- the checker is checked -------------------------------------------------------------------------------------------
def flip(x):
    """x with the last bit of one number turned over."""
    x.reshape(-1).view(f"i{x.itemsize}")[-1:] ^= 1
    return x


def broken_thread(x, out=None):
    """A kernel that is right on one thread only."""
    result = kernels.exp(x)
    return result if kernels.info()["threads"] == 1 else flip(result)


def broken_input(a, b):
    a[:1] = 0
    return kernels.add(a, b)


def broken_adam(p, g, m, v, *settings):
    before = m.copy()
    kernels.adam(p, g, m, v, *settings)
    m[...] = before  # a state left behind


OTHER = {"float32": "float64", "float64": "float32"}
WRONG = {
    "a sign": ("add", lambda a, b: kernels.sub(a, b)),
    "no-op": ("neg", lambda x: x.copy()),
    "one bit": ("mul", lambda a, b: flip(kernels.mul(a, b))),
    "one bit of a thread": ("exp", broken_thread),
    "another dtype": ("sqrt", lambda x: kernels.sqrt(*cast([x], OTHER[x.dtype.name]))),
    "another order": ("sum", lambda x: kernels.sum(x[:, ::-1])),
    "the last of equals": ("max", lambda x: (kernels.max(x)[0], x.shape[1] - 1 - kernels.max(x[:, ::-1])[1])),
    "the first of two writers": ("scatter", lambda x, index, src: kernels.scatter(x, index[:, ::-1], src[:, ::-1])),
    "a running sum from the right": ("cumsum", lambda x: kernels.cumsum(x[:, ::-1])[:, ::-1]),
    "products in another order": ("bmm", lambda a, b: kernels.bmm(a[::-1], b)),
    "a dropped term": ("linear", lambda x, w, b: kernels.linear(x, w)),
    "six ulp": ("tanh", lambda x: kernels.tanh(x) * x.dtype.type(1 + 8 * np.finfo(x.dtype).eps)),
    "an input": ("add", broken_input),
    "a lost state": ("adam", broken_adam),
    "a factor": (
        "cross_entropy_backward",
        lambda dout, logp, target: kernels.cross_entropy_backward(dout, logp, target) * 1.001,
    ),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_kernel_is_rejected(what, dtype, rng):
    name, wrong = WRONG[what]
    size = {"sum": (700, 33, 1), "cumsum": (700, 33, 1), "max": (300, 2, 40)}.get(name, CASES[name].sizes[-3])
    check(name, size, dtype, rng, KERNELS[name])
    with pytest.raises(AssertionError):
        check(name, size, dtype, rng, wrong)


# -- out= --------------------------------------------------------------------------------------------------------------
def made(name):
    """The arguments a kernel makes when they are not given."""
    if name in GIVEN:
        return []
    items = kernels._core.split_signature(KERNELS[name].signature)
    return [item[1:].partition("[")[0].partition(":")[0] for item in items if item[0] == ">"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [n for n in NAMES if made(n)])
def test_out_receives_the_result(name, dtype, rng):
    case = CASES[name]
    for size in case.sizes[-5:]:
        args = case.make(rng, dtype, size)
        for tier in ("native", "reference"):
            with kernels.use(tier):
                expected = KERNELS[name](*args)
                expected = expected if isinstance(expected, tuple) else (expected,)
                given = {a: np.full_like(e, -7) for a, e in zip(made(name), expected, strict=True)}
                found = KERNELS[name](*args, **given)
                found = found if isinstance(found, tuple) else (found,)
            for f, e, g in zip(found, expected, given.values(), strict=True):
                assert f is g
                assert_bits(f, e, f"{name} {size} {tier}")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [n for n in MAPS if made(n)])
def test_out_may_be_an_input(name, dtype, rng):
    for size in (0, 1, 17, 4097, 100_003):
        args = CASES[name].make(rng, dtype, size)
        expected = KERNELS[name](*args)
        for k, a in enumerate(args):
            if isinstance(a, np.ndarray) and a.dtype == expected.dtype:
                mine = [x.copy() if isinstance(x, np.ndarray) else x for x in args]
                assert_bits(KERNELS[name](*mine, out=mine[k]), expected, f"{name} {size}, out is argument {k}")


# -- broadcasting ------------------------------------------------------------------------------------------------------
SHAPE = (5, 6, 37)
LAYOUTS = {
    "plain": lambda make: make(SHAPE),
    "number": lambda make: float(make(())),
    "integer": lambda make: 2,
    "0-d": lambda make: make(()),
    "one": lambda make: make((1,)),
    "row": lambda make: make(SHAPE[-1:]),
    "column": lambda make: make((SHAPE[1], 1)),
    "outer": lambda make: make((SHAPE[0], 1, 1)),
    "middle": lambda make: make((1, SHAPE[1], 1)),
    "transposed": lambda make: make(SHAPE[::-1]).T,
    "permuted": lambda make: make((SHAPE[1], SHAPE[0], SHAPE[2])).transpose(1, 0, 2),
    "reversed": lambda make: make(SHAPE)[::-1, :, ::-1],
    "strided": lambda make: make((5, 12, 74))[:, ::2, ::2],
    "inside": lambda make: make((9, 9, 40))[2:7, 1:7, 3:],
    "fortran": lambda make: np.asfortranarray(make(SHAPE)),
    "repeated": lambda make: np.broadcast_to(make((SHAPE[0], 1, SHAPE[2])), SHAPE),
    "unaligned": lambda make: unaligned(make(SHAPE)),
    "record": lambda make: in_record(make(SHAPE)),
}


def unaligned(a):
    view = np.zeros(a.nbytes + 1, np.uint8)[1:].view(a.dtype).reshape(a.shape)
    view[...] = a
    return view


def in_record(a):
    """A field of packed records: its strides are not whole elements."""
    records = np.zeros(a.shape, [("x", a.dtype), ("flag", np.uint8)])
    records["x"] = a
    return records["x"]


def drawn(rng, dtype, shape):
    """Numbers of any dtype a slot may have."""
    if dtype.kind == "f":
        return numbers(rng, dtype, shape)
    return np.asarray(rng.integers(-3, 3, shape)) if dtype.kind == "i" else np.asarray(rng.random(shape) < 0.5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [n for n in MAPS if n not in ("fill", "dropout")])  # test_dropout.py has its layouts
def test_any_layout_gives_the_bits_of_contiguous_arrays(name, dtype, rng):
    kernel = KERNELS[name]
    items = [item for item in kernels._core.split_signature(kernel.signature) if item[0] != ">"]
    typed = {"u8": "bool", "i64": "int64", "f32": "float32", "f64": "float64"}
    dtypes = [np.dtype(typed.get(item[:-3].partition(":")[2], dtype)) for item in items]
    count = len(dtypes)
    for turn, layout in enumerate(LAYOUTS):
        for other in list(LAYOUTS) if count > 1 else ["plain"]:
            chosen = [layout, *([other] * (count - 1))]
            chosen = chosen[turn % count :] + chosen[: turn % count]
            args = []
            for k, c in enumerate(chosen):
                if ":" in items[k] and c in ("number", "integer"):
                    c = "plain"
                args.append(LAYOUTS[c](lambda shape, k=k: np.asarray(drawn(rng, dtypes[k], shape))))
            free = [a for a, item in zip(args, items, strict=True) if ":" not in item]
            if free and not any(isinstance(a, np.ndarray) for a in free):
                continue  # numbers alone are NumPy's
            shape = np.broadcast_shapes(*(np.shape(a) for a in args))
            full = [np.array(np.broadcast_to(np.asarray(a, d), shape)) for a, d in zip(args, dtypes, strict=True)]
            given = {"out": np.empty(shape, dtype)} if name in GIVEN else {}
            expected = kernel(*full, **given).copy()
            for threads in (1, 2):
                with kernels.use(threads=threads):
                    found = kernel(*args, **given)
                    assert found.flags.c_contiguous
                    assert_bits(found, expected, f"{name} {chosen}, {threads} threads")
            out = np.full(shape[::-1], 7, expected.dtype).T  # a result may have any strides too
            assert kernel(*args, out=out) is out
            assert_bits(out, expected, f"{name} {chosen}, out transposed")


@pytest.mark.parametrize("dtype", DTYPES)
def test_fill_any_layout(dtype):
    for view in (lambda x: x, lambda x: x.T, lambda x: x[::2, ::-3], lambda x: x[:0], lambda x: x[3:5, 2]):
        for threads in THREADS:
            base = np.zeros((300, 200), dtype)
            expected = base.copy()
            view(expected)[...] = 3
            with kernels.use(threads=threads):
                mine = view(base)
                assert kernels.fill(mine, 3.0) is mine
            assert_bits(base, expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_large_broadcasts_are_the_same_on_any_team(dtype, rng):
    row, column, cube = numbers(rng, dtype, 301), numbers(rng, dtype, (211, 1)), numbers(rng, dtype, (7, 211, 301))
    for args in ((row, column), (cube, column), (cube.transpose(0, 1, 2)[:, ::-1], row), (cube, 2.5), (cube.T, column)):
        with np.errstate(all="ignore"):
            expected = np.multiply(*args)
        for isa in ISAS:
            for threads in THREADS:
                with kernels.use(isa=isa, threads=threads):
                    assert_bits(kernels.mul(*args), expected, f"{isa} {threads}")


# -- reductions, rows and products take any layout ---------------------------------------------------------------------
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [n for n in NAMES if n not in MAPS and "[n]" not in KERNELS[n].signature])
def test_inputs_of_any_layout_give_the_bits_of_contiguous_ones(name, dtype, rng):
    case, changed = CASES[name], set(KERNELS[name].written_names) - set(made(name))
    for size in case.sizes:
        args = case.make(rng, dtype, size)
        expected = outcome(KERNELS[name], name, args)
        for layout in (
            lambda a: np.asfortranarray(a), lambda a: a[::-1].copy()[::-1], unaligned,
            lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
        ):  # fmt: skip
            laid = [
                a.copy() if n in changed else layout(a) if isinstance(a, np.ndarray) else a
                for n, a in zip(KERNELS[name].names, args, strict=False)
            ]
            found = outcome_as_is(KERNELS[name], laid)
            for f, e in zip(found, expected[: len(found)], strict=True):
                if case.kind == "product":  # the way a product is cut depends on the layout too
                    assert_close(f, e, "product", n=2 * size[1] + 1, scale=case.scale(*args)[0], what=f"{name} {size}")
                else:
                    assert_bits(f, e, f"{name} {size}")


def outcome_as_is(kernel, args):
    result = kernel(*args)
    return result if isinstance(result, tuple) else (result,)


# -- update rules: lists, a hundred steps ------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", RULES)
def test_rules_on_lists_of_tensors(name, dtype, rng):
    """More tensors than the call keeps on its stack, empty ones among them; the same bits as one by one."""
    sizes = [0, 1, 3, 15, 16, 17, 0, 4097, 33_000, *range(20, 45), 0]
    shapes = [(n,) if n % 2 else (n // 2, 2) for n in sizes]
    kernel = KERNELS[name]
    count = sum(i.endswith("[n]") and i[0] != "+" for i in kernels._core.split_signature(kernel.signature))
    settings = [0.1 for scalar in kernel.names[count:] if scalar not in kernel.defaults]
    start = [[np.abs(numbers(rng, dtype, s)) for s in shapes] for _ in range(count)]
    alone = [[a.copy() for a in arrays] for arrays in start]
    for tensors in zip(*alone, strict=True):
        for _ in range(7):
            reference.KERNELS[name](*tensors, *settings)
    for isa in ISAS:
        for threads in THREADS:
            mine = [[a.copy() for a in arrays] for arrays in start]
            with kernels.use(isa=isa, threads=threads):
                for _ in range(7):
                    KERNELS[name](*mine[:1], *(tuple(arrays) for arrays in mine[1:]), *settings)
            for slot, (found, expected) in enumerate(zip(mine, alone, strict=True)):
                for k, (f, e) in enumerate(zip(found, expected, strict=True)):
                    assert_bits(f, e, f"{name}: slot {slot} of tensor {k}, {isa}, {threads} threads")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
def test_rules_have_the_bits_of_the_reference_for_100_steps(name, dtype, rng):
    count, n = {"sgd": 2, "momentum": 3, "adam": 4}[name], 32_771
    start = [numbers(rng, dtype, n, sprinkle=k < 2) for k in range(count)]
    for state in start[2:]:
        state[:] = 0
    gradients = [numbers(rng, dtype, n, sprinkle=step % 10 == 0) for step in range(10)]

    def train(update):
        arrays = [a.copy() for a in start]
        for step in range(100):
            arrays[1][:] = gradients[step % 10]
            settings = {"lr": 0.1 / (1 + step), "weight_decay": 0.01 * (step % 2)}
            if name == "adam":
                settings |= {"correction1": 1 - 0.9 ** (step + 1), "correction2": 1 - 0.999 ** (step + 1)}
            update(*arrays, **settings)
        return arrays

    expected = train(reference.KERNELS[name])
    assert np.isfinite(expected[0]).any()
    for isa in ISAS:
        for threads in THREADS:
            with kernels.use(isa=isa, threads=threads):
                for found, e in zip(train(KERNELS[name]), expected, strict=True):
                    assert_bits(found, e, f"{name}, {isa}, {threads} threads")


# -- what the kernels do not serve is NumPy, in both tiers -------------------------------------------------------------
@pytest.mark.parametrize("dtype", ["float16", "longdouble", ">f4", ">f8"])
@pytest.mark.parametrize("name", NAMES)
def test_other_float_dtypes_are_numpy(name, dtype, rng):
    case = CASES[name]
    for size in case.sizes[3:5]:
        args = cast(case.make(rng, "float32", size), dtype)
        expected = outcome(reference.KERNELS[name], name, args)
        for f, e in zip(outcome(KERNELS[name], name, args), expected, strict=True):
            assert f.dtype == e.dtype
            assert_bits(f, e, name)


def test_integers_are_numpy():
    a, b = np.arange(-6, 6).reshape(3, 4), np.arange(1, 13).reshape(3, 4)
    with np.errstate(all="ignore"):
        plain = {
            "add": a + b, "sub": a - b, "mul": a * b, "div": a / b, "maximum": np.maximum(a, b), "minimum": np.minimum(a, b),
            "heaviside": np.heaviside(a, b), "equal": (a == b).astype(np.int64), "pow": a**b,
        }  # fmt: skip
        single = {"neg": -a, "exp": np.exp(a), "log": np.log(a), "sqrt": np.sqrt(a), "abs": np.abs(a), "sign": np.sign(a),
                  "copy": a, "tanh": np.tanh(a), "relu": np.maximum(a, 0)}  # fmt: skip
    for name, expected in plain.items():
        assert_bits(KERNELS[name](a, b), expected, name)
    for name, expected in single.items():
        assert_bits(KERNELS[name](a), expected, name)
    assert_bits(kernels.clip(a, -2, b), np.minimum(np.maximum(a, -2), b))
    assert_bits(kernels.where(a > 0, a, b), np.where(a > 0, a, b))
    assert_bits(kernels.fill(a.copy(), 7), np.full_like(a, 7))
    assert_bits(kernels.sum(a[:, :, None]), a.sum(axis=1, keepdims=True))
    assert_bits(kernels.matmul(a, b.T), a @ b.T)
    value, index = kernels.max(a[:, :, None])
    assert_bits(value, a.max(axis=1, keepdims=True))
    assert_bits(index, a.argmax(axis=1)[:, None])


def test_numbers_alone_are_numpy():
    assert kernels.add(2, 3) == 5
    assert kernels.add(2, 3).dtype == np.int64
    assert kernels.exp(0.0) == 1
    assert kernels.where(True, 2.0, 3.0) == 2
