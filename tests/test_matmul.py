"""Products: odd shapes, every layout, the BLAS and the built-in product; the same bits for any number of threads."""

import itertools
from functools import cache

import numpy as np
import pytest

from fastgrad import kernels
from fastgrad.testing import assert_bits, assert_close

ISAS = kernels.info()["isas"]
THREADS = (1, 2, 4)
SIZES = (0, 1, 2, 3, 17, 33, 100, 127, 128, 129, 257)
LIBRARY = kernels.blas_info()["library"]
BLAS = pytest.param(
    LIBRARY, id="library", marks=pytest.mark.skipif(LIBRARY == "builtin", reason="there is no BLAS in this build")
)
OPENERS = [BLAS, pytest.param("builtin", id="builtin")]
# Large enough for the library: M, N >= 192, K >= 64 and 4e8 multiply-adds.
LARGE = ((1000, 700, 601), (257, 6200, 259), (1537, 511, 513), (193, 64, 33_001), (720, 768, 768))

LAYOUTS = {
    "rows": np.ascontiguousarray,
    "columns": np.asfortranarray,
    "wide rows": lambda a: padded(a, 5),
    "wide columns": lambda a: padded(a.T, 3).T,
    "every other": lambda a: np.repeat(np.repeat(a, 2, axis=0), 2, axis=1)[::2, ::2],
    "reversed": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
}


def padded(a, extra):
    whole = np.full((a.shape[0], a.shape[1] + extra), np.nan, a.dtype)  # a NaN that is read shows
    whole[:, : a.shape[1]] = a
    return whole[:, : a.shape[1]]


@pytest.fixture
def blas(request):
    """The product of one library; afterwards the one of this process again."""
    before = kernels._core.blas_info()["library"]
    kernels._core.choose_blas(request.param)
    assert kernels.blas_info()["library"] == request.param
    yield request.param
    kernels._core.choose_blas(before)
    assert kernels.blas_info()["library"] == before


def product(a, b, bias=None, *, out=None):
    """matmul, or linear where there is a bias: of a[M,K] and b[K,N]."""
    return kernels.matmul(a, b, out) if bias is None else kernels.linear(a, b.T, bias, out)


def truth_of(a, b, bias=None):
    """The product in float64, and the size of what is added up in it."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    truth, scale = a @ b, np.abs(a) @ np.abs(b)
    return (truth, scale) if bias is None else (truth + bias, scale + np.abs(bias))


def check(a, b, bias=None, isas=ISAS, what="", known=None):
    """Within the bound of the truth, on every instruction set; the same bits on any team."""
    truth, scale = known or truth_of(a, b, bias)
    for isa in isas:
        first = None
        for threads in THREADS:
            with kernels.use("native", isa=isa, threads=threads):
                found = product(a, b, bias)
            if first is None:
                assert found.dtype == a.dtype
                assert_close(found, truth.astype(a.dtype), "product", n=a.shape[1], scale=scale, what=f"{what} {isa}")
                first = found
            assert found.tobytes() == first.tobytes(), f"{what} {isa}: {threads} threads give other bits than 1"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("K", SIZES)
def test_odd_shapes(K, dtype, rng):
    all_a, all_b = rng.standard_normal((SIZES[-1], K)).astype(dtype), rng.standard_normal((K, SIZES[-1])).astype(dtype)
    biases = rng.standard_normal(SIZES[-1]).astype(dtype)
    truth = truth_of(all_a, all_b), truth_of(all_a, all_b, biases)
    for M, N in itertools.product(SIZES, SIZES):
        a, b = all_a[:M], (np.asfortranarray if M % 3 == 0 else np.ascontiguousarray)(all_b[:, :N])
        bias = biases[:N] if (M + N) % 2 else None
        known = tuple(t[:M, :N] for t in truth[bias is not None])
        check(a, b, bias, ISAS if min(M, N) < 100 else ISAS[-1:], f"{M} x {K} x {N}", known)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("with_bias", [False, True])
def test_every_layout(with_bias, dtype, rng):
    for M, K, N in (
        (1, 7, 9),
        (9, 7, 1),
        (3, 1, 5),
        (4, 9, 40),
        (33, 17, 65),
        (129, 100, 67),
        (64, 300, 130),
        (520, 40, 530),
    ):
        plain = rng.standard_normal((M, K)).astype(dtype), rng.standard_normal((K, N)).astype(dtype)
        bias = rng.standard_normal(N).astype(dtype) if with_bias else None
        known = truth_of(*plain, bias)
        for left, right in itertools.product(LAYOUTS, LAYOUTS):
            a, b = LAYOUTS[left](plain[0]), LAYOUTS[right](plain[1])
            before = a.copy(), b.copy()
            check(a, b, bias, ISAS[-1:] if M > 100 else ISAS, f"{M} x {K} x {N}, {left} by {right}", known)
            assert_bits(a, before[0])
            assert_bits(b, before[1])


@cache
def large(M, K, N):
    """Operands that are the same numbers in both dtypes, a bias, and the truth without and with it; never changed."""
    rng = np.random.default_rng(M)
    a, b, bias = (rng.integers(-512, 513, shape) / 256 for shape in ((M, K), (K, N), N))
    truth, scale = truth_of(a, b)
    return a, b, bias, (truth, scale), (truth + bias, scale + np.abs(bias))


@pytest.mark.parametrize("blas", OPENERS, indirect=True)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_large_products(blas, dtype):
    for M, K, N in LARGE:
        a, b, bias, known, with_bias = large(M, K, N)
        a, b, bias = (x.astype(dtype) for x in (a, b, bias))
        if M % 2:
            check(a, b, bias, ISAS[-1:], f"{M} x {K} x {N}", with_bias)
        else:
            check(a, b, None, ISAS[-1:], f"{M} x {K} x {N}", known)


@pytest.mark.parametrize("blas", OPENERS, indirect=True)
def test_large_products_of_every_layout(blas):
    a, b, _, known, _ = large(650, 901, 719)
    for left, right in itertools.product(LAYOUTS, LAYOUTS):
        if left == right or "rows" in (left, right) or "wide columns" in (left, right):
            check(LAYOUTS[left](a), LAYOUTS[right](b), None, ISAS[-1:], f"{left} by {right}", known)


def test_the_library_is_chosen_by_shape_alone(rng):
    """The rows of a large product do not depend on which thread, or how many, computed their tile."""
    if LIBRARY == "builtin":
        pytest.skip("there is no BLAS in this build")
    a, b = rng.standard_normal((800, 800)), rng.standard_normal((800, 800))
    found = {}
    for isa, threads in itertools.product(ISAS, (1, 2, 3, 4, 7)):
        with kernels.use(isa=isa, threads=threads):
            found[isa, threads] = kernels.matmul(a, b).tobytes()
    assert len(set(found.values())) == 1


@pytest.mark.parametrize("blas", OPENERS, indirect=True)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_and_infinity_propagate(blas, dtype, rng):
    for M, K, N in ((1, 5, 1), (1, 40, 7), (7, 40, 1), (5, 1, 6), (17, 33, 9), (129, 65, 70), (800, 800, 800)):
        a, b = rng.standard_normal((M, K)).astype(dtype), rng.standard_normal((K, N)).astype(dtype)
        a[M // 2, K // 2] = np.nan
        b[K - 1, N - 1] = np.inf
        with np.errstate(invalid="ignore"):
            expected = a @ b
        for isa in ISAS:
            with kernels.use(isa=isa):
                found = kernels.matmul(a, b)
            rest = np.ones((M, N), bool)
            rest[M // 2] = rest[:, N - 1] = False
            assert np.isnan(found[M // 2]).all(), (M, K, N, isa)
            assert_bits(found[:, N - 1], expected[:, N - 1])
            assert np.isfinite(found[rest]).all()
        zero = np.zeros((M, K), dtype)  # 0 * inf and 0 * NaN are NaN: no product skips a zero
        b[0, 0] = np.nan
        for isa in ISAS:
            with kernels.use(isa=isa):
                found = kernels.matmul(zero, b)
            assert np.isnan(found[:, [0, N - 1]]).all(), (M, K, N, isa)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_bias_of_infinity_and_nan(dtype):
    found = kernels.linear(
        np.ones((3, 2), dtype), np.ones((4, 2), dtype), np.array([np.inf, -np.inf, np.nan, 1], dtype)
    )
    assert_bits(found, np.tile(np.array([np.inf, -np.inf, np.nan, 3], dtype), (3, 1)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_sum_of_no_products_is_zero(dtype):
    for M, N in ((1, 1), (3, 1), (1, 5), (4, 7), (300, 40), (0, 3), (3, 0)):
        out = np.full((M, N), np.nan, dtype)
        a, b, bias = np.zeros((M, 0), dtype), np.zeros((0, N), dtype), np.arange(N, dtype=dtype)
        assert_bits(kernels.matmul(a, b, out=out), np.zeros((M, N), dtype))
        out[:] = np.nan
        assert_bits(kernels.linear(a, b.T, None, out=out), np.zeros((M, N), dtype))
        assert_bits(kernels.linear(a, b.T, bias), np.tile(bias, (M, 1)))


@pytest.mark.parametrize("blas", OPENERS, indirect=True)
def test_out_is_overwritten_whatever_it_held(blas, rng):
    for M, K, N in ((1, 9, 5), (5, 9, 1), (6, 1, 6), (33, 20, 40), (800, 800, 700)):
        a, b = rng.standard_normal((M, K)), rng.standard_normal((K, N))
        out = np.full((M, N), np.nan)
        assert kernels.matmul(a, b, out=out) is out
        assert_bits(out, kernels.matmul(a, b))


def test_rows_are_what_they_are_alone_in_exact_arithmetic(rng):
    """Small integers: every order of adding gives the same number (up to a zero's sign), a wrong index another."""
    for M, K, N in itertools.product((1, 3, 17, 100, 257), (1, 2, 33, 300), (1, 5, 31, 129)):
        a, b = rng.integers(-9, 10, (M, K)), rng.integers(-9, 10, (K, N))
        for isa in ISAS:
            with kernels.use(isa=isa):
                for dtype in ("float32", "float64"):
                    x, y = a.astype(dtype), b.astype(dtype)
                    assert (kernels.matmul(x, y) == a @ b).all(), f"{M} x {K} x {N} {dtype} {isa}"
                    assert (kernels.linear(x, y.T.copy()) == a @ b).all(), f"{M} x {K} x {N} {dtype} {isa}, linear"


# -- stacks of products ------------------------------------------------------------------------------------------------
STACKED = {
    "plain": lambda a: a,
    "transposed": lambda a: a.transpose(0, 2, 1).copy().transpose(0, 2, 1),
    "one matrix": lambda a: np.broadcast_to(a[:1], a.shape),
    "backwards": lambda a: a[::-1].copy()[::-1],
    "every other": lambda a: np.repeat(a, 2, axis=0)[::2],
    "heads": lambda a: a.transpose(1, 0, 2).copy().transpose(1, 0, 2),  # [M,B,K] seen as B matrices
    "wide rows": lambda a: np.concatenate([a, np.full_like(a, np.nan)], axis=2)[:, :, : a.shape[2]],
    "strided": lambda a: np.repeat(a, 2, axis=2)[:, :, ::2],  # is copied first
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_stack_has_the_bits_of_its_products(dtype, rng):
    for B, M, K, N in (
        (1, 3, 4, 5), (3, 1, 7, 9), (20, 1, 7, 9), (3, 9, 7, 1), (40, 6, 1, 5), (3, 5, 0, 4), (2, 33, 17, 65),
        (50, 8, 8, 8), (16, 33, 20, 17), (3, 130, 300, 70), (2, 520, 9, 530), (1, 4, 600, 400),
    ):  # fmt: skip
        plain = rng.standard_normal((B, M, K)).astype(dtype), rng.standard_normal((B, K, N)).astype(dtype)
        for left, right in itertools.product(STACKED, STACKED):
            a, b = STACKED[left](plain[0]), STACKED[right](plain[1])
            for isa in ISAS if M < 50 else ISAS[-1:]:
                with kernels.use(isa=isa, threads=1):
                    expected = np.array([kernels.matmul(x, y) for x, y in zip(a, b, strict=True)]).reshape(B, M, N)
                for threads in THREADS:
                    with kernels.use(isa=isa, threads=threads):
                        assert_bits(kernels.bmm(a, b), expected, f"{B} of {M} x {K} x {N}, {left} by {right}, {isa}")


@pytest.mark.parametrize("blas", OPENERS, indirect=True)
def test_large_stacks(blas, rng):
    for M, K, N in LARGE[:2]:
        a, b = rng.standard_normal((2, M, K)), rng.standard_normal((2, N, K)).transpose(0, 2, 1)
        expected = np.array([kernels.matmul(x, y) for x, y in zip(a, b, strict=True)])
        for threads in THREADS:
            with kernels.use(threads=threads):
                assert_bits(kernels.bmm(a, b), expected)


def test_stacks_that_do_not_fit():
    a = np.ones((2, 3, 4))
    for b in (np.ones((2, 3, 4)), np.ones((3, 4, 3)), np.ones((4, 3))):
        with pytest.raises(ValueError, match=r"bmm: the shapes do not fit: a \(2, 3, 4\), b .*a\[B,M,K\], b\[B,K,N\]"):
            kernels.bmm(a, b)
    with pytest.raises(ValueError, match="bmm: out shares memory with b"):
        kernels.bmm(np.ones((2, 4, 4)), a := np.ones((2, 4, 4)), out=a)
