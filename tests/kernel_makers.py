"""How the cases of tests/kernel_cases.py are made: sizes, arguments, and what an error is measured against."""

from typing import NamedTuple

import numpy as np

from fastgrad import kernels
from fastgrad.kernels import reference

ISAS = kernels.info()["isas"]
THREADS = (1, 2, 4)
DTYPES = ("float32", "float64")
LONG = np.finfo(np.longdouble).nmant >= 63  # x86 and others; where it is a float64 the reference itself is the truth
WIDE = {"float32": np.float64, "float64": np.longdouble if LONG else np.float64}

# 100,003 numbers are long enough for a team; 4096 is a block of a sum, 256 a block of rows, 16 the lanes, 64 the grain.
FLAT = (0, 1, 3, 15, 16, 17, 63, 65, 255, 256, 257, 4095, 4096, 4097, 100_003)
REDUCED = (
    (0, 3, 1), (2, 0, 3), (2, 0, 1), (3, 4, 0), (1, 1, 1), (3, 5, 1), (5, 3, 7), (1, 4095, 1), (2, 4096, 1), (3, 4097, 1),
    (1, 255, 3), (2, 256, 65), (2, 257, 64), (1, 3, 4097), (1, 100_003, 1), (3, 1000, 70), (700, 33, 1), (300, 2, 40),
)  # fmt: skip
ROWS = (
    (0, 3),
    (3, 0),
    (1, 1),
    (1, 3),
    (3, 17),
    (2, 4095),
    (1, 4096),
    (3, 4097),
    (255, 10),
    (256, 10),
    (257, 10),
    (500, 129),
)
FILLED = tuple(s for s in REDUCED if s[1])  # nothing has no largest number, no classes have no right one
LABELLED = tuple(s for s in ROWS if s[1])
# O, R, I, K of the index family: units of columns where there are enough, rows of a flat array otherwise.
INDEXED = (
    (0, 3, 1, 2), (2, 3, 0, 4), (2, 0, 3, 0), (3, 4, 5, 0), (1, 1, 1, 1), (3, 5, 1, 7), (5, 3, 7, 4), (1, 300, 64, 5000),
    (1, 40_000, 1, 50_000), (1, 7, 1, 4097), (2, 50, 3, 257), (1, 257, 48, 255), (1, 30, 49, 600), (700, 5, 1, 9), (3, 1, 4097, 6),
)  # fmt: skip
STACKS = (
    (2, 3, 4, 0), (0, 3, 2, 5), (3, 0, 2, 5), (3, 2, 0, 5), (1, 1, 1, 3), (3, 1, 5, 4), (1, 300, 7, 2), (7, 40, 1, 20),
    (8, 8, 8, 1000), (33, 17, 9, 15), (33, 17, 9, 16), (65, 130, 70, 3), (257, 100, 129, 2),
)  # fmt: skip
PRODUCTS = ((0, 3, 2), (2, 0, 3), (1, 1, 1), (3, 1, 5), (1, 300, 7), (33, 17, 9), (65, 130, 70), (257, 100, 129))


# N, C, L of batch_norm: blocks of 256 rows, chunks of 64 columns, lines of 4096 numbers; and nothing
CHANNELS = (
    (0, 3, 1), (2, 0, 3), (0, 2, 3), (2, 2, 0), (1, 1, 1), (3, 5, 1), (255, 63, 1), (256, 64, 1), (257, 65, 1), (600, 300, 1),
    (300, 1100, 1), (5000, 2, 1), (2, 3, 4), (4, 3, 49), (3, 2, 4097), (1, 1, 100_003), (40, 33, 17),
)  # fmt: skip


def special(dtype):
    f = np.finfo(dtype)
    return np.array(
        [0, -0.0, np.inf, -np.inf, np.nan, f.smallest_subnormal, -f.tiny, f.max, -f.max, f.tiny / 4, 1, -1], dtype
    )


def numbers(rng, dtype, shape, *, sprinkle=True):
    """Numbers of many magnitudes; an eighth of them are awkward ones."""
    x = (rng.standard_normal(shape) * 10.0 ** rng.uniform(-3, 2, shape)).astype(dtype)
    return np.where(rng.random(shape) < 0.125, rng.choice(special(dtype), shape), x) if sprinkle else x


class Case(NamedTuple):
    """How a kernel is called at a size. `scale` is what an error is measured against: of the arguments, a tuple of arrays."""

    make: object  # (rng, dtype, size) -> arguments
    sizes: tuple = FLAT
    kind: str = "bits"  # row of fastgrad.testing.TOLERANCES
    scale: object = None
    terms: object = lambda size: 1
    truth: object = None  # in a wider dtype; the reference, unless given
    zeros: bool = True  # whether the sign of a zero is part of the definition
    steps: int = 1
    more: tuple = ()  # for a function of one variable, what follows x in a sweep


def operands(n, **options):
    def make(rng, dtype, size):
        arrays = [numbers(rng, dtype, size) for _ in range(n)]
        for a in arrays[1:]:  # some equal pairs
            np.copyto(a, arrays[0], where=rng.random(size) < 0.2)
        return arrays

    return Case(make, **options)


def make_probabilities(rng, dtype, size):
    return [numbers(rng, dtype, size), rng.random(size).astype(dtype)]


def make_where(rng, dtype, size):
    return [rng.random(size) < 0.5, numbers(rng, dtype, size), numbers(rng, dtype, size)]


def true_erf(x):
    """erf x = 2 / sqrt(pi) e^-x^2 (x + 2 x^3 / 3 + 4 x^5 / 15 + ...), a sum without cancellation: of the precision of x.

    (The reference is the C library's, in float64.) Source: Abramowitz and Stegun, 7.1.6.
    """
    a = np.minimum(np.abs(x), 7)  # where 1 - erf is below 1e-22
    term, total = a, a
    for k in range(1, 250):
        term = term * (2 * a * a / (2 * k + 1))
        total = total + term
    return np.copysign(total * np.exp(-a * a) * 2 / np.sqrt(np.arctan(x.dtype.type(1)) * 4), x)


def true_gelu(x):
    """x Phi(x). Phi(-a) is (1 - erf(a / sqrt 2)) / 2 up to a = 3, then phi(a) / (a + 1 / (a + 2 / (a + 3 / ...))).

    Source: Abramowitz and Stegun, 26.2.14. The square of a is taken in two parts, of which the first is exact.
    """
    one = x.dtype.type(1)
    a = np.minimum(np.abs(x), 60)
    below = (one - true_erf(np.minimum(a, 3) / np.sqrt(2 * one))) / 2
    fraction = b = np.maximum(a, 3)
    for k in range(150, 0, -1):
        fraction = b + k / fraction
    whole = np.round(a * 16) / 16
    density = np.exp(-whole * whole / 2) * np.exp(-(a - whole) * (a + whole) / 2) / np.sqrt(8 * np.arctan(one))
    tail = np.where(a < 3, below, density / fraction)
    return np.where(x < 0, -a * tail, x - a * tail)


def make_slope(*numbers_after):
    """dout, x and numbers, one of each drawn. dout is finite: beside a slope of 0 or next to it inf means nothing."""

    def make(rng, dtype, size):
        dout, x = numbers(rng, dtype, size, sprinkle=False), numbers(rng, dtype, size)
        return [dout, x, *(float(rng.choice(some)) for some in numbers_after)]

    return make


def make_curve(*numbers_after):
    return lambda rng, dtype, size: make_slope(*numbers_after)(rng, dtype, size)[1:]


def make_slope_sum(rng, dtype, size):
    return [numbers(rng, dtype, size, sprinkle=False), *make_sum(rng, dtype, size)]


def scale_of_slope(dout, x, *numbers_after):
    """Slopes are about 1, and vanish somewhere."""
    return (np.abs(dout) * (1 if len(numbers_after) != 1 else max(1, *numbers_after)),)


def scale_of_exponent(x):
    """e^u is as wrong as u is: where the result has become small, by its logarithm; and the C library's erfc is a
    denormal where x erfc is none. The compiled kernel does better: its own test sweeps over it."""
    with np.errstate(all="ignore"):
        y = np.abs(true_gelu(x))
        return (y * (1 + np.where(x < 0, np.minimum(np.abs(x), 50) ** 3, 0)) + 1e-305,)


def make_truths(n):
    def make(rng, dtype, size):
        return [rng.random(size) < 0.5 for _ in range(n)]

    return make


def make_given(dtype_of_x):
    """A kernel whose result has the dtype of `out`, which must be given."""

    def make(rng, dtype, size):
        bits = rng.integers(-(2**63), 2**63, size, np.int64)
        x = bits < 0 if dtype_of_x == "bool" else bits >> rng.integers(0, 63, size)
        return [x, np.empty(size, dtype)]

    return make


def make_of(dtype_of_x):
    """A kernel that reads this dtype alone; patterns of bits are numbers that overflow, underflow and are rounded."""

    def make(rng, dtype, size):
        x = numbers(rng, dtype_of_x, size)
        near = rng.integers(0, 2**64, size, np.uint64).view(np.float64) if dtype_of_x == "float64" else x
        with np.errstate(all="ignore"):
            far = (near * 10.0 ** rng.uniform(-46, 39, size)).astype(dtype_of_x)
        return [np.where(rng.random(size) < 0.5, x, far)]

    return make


def halves(x):
    """Every other one moved to a half."""
    return np.where(np.arange(x.size).reshape(x.shape) % 2, np.trunc(x) + 0.5, x)


def make_divided(rng, dtype, size):
    """Many quotients are integers or nearly so."""
    a, b = numbers(rng, dtype, size), numbers(rng, dtype, size)
    whole, tenths = rng.integers(-30, 30, (2, size)), rng.random(size) < 0.5
    unit = np.where(tenths, 0.1, 1.0)
    exact = rng.random(size) < 0.4
    return [np.where(exact, w * unit, x).astype(dtype) for w, x in zip(whole, (a, b), strict=True)]


def make_to_int64(rng, dtype, size):
    """Halves, and numbers about the edges of what 64 bits hold."""
    edges = np.array([2.0**63, -(2.0**63)], dtype)
    edges = np.concatenate([edges, np.nextafter(edges, edges.dtype.type(0)), 2 * edges])
    x = numbers(rng, dtype, size)
    x = np.where(rng.random(size) < 0.2, rng.choice(edges, size), x)
    return [np.where(rng.random(size) < 0.2, np.trunc(x) + 0.5, x)]


def make_fill(rng, dtype, size):
    return [numbers(rng, dtype, size), float(rng.choice([0.1, -0.0, 3.0, np.nan, np.inf, 1e300]))]


def make_dropout(rng, dtype, size):
    words = [int(w) for w in rng.integers(1 << 32, size=3)]
    return [numbers(rng, dtype, size), words[0], words[1], int(rng.integers(1 << 50)), words[2], 1.25]


def make_pow(rng, dtype, size):
    exponents = rng.choice([0.0, 1.0, 2.0, 3.0, -1.0, 0.5, 2.7, -0.3, np.nan, np.inf], size)
    return [numbers(rng, dtype, size), exponents.astype(dtype)]


def make_sum(rng, dtype, size):
    """Awkward numbers in the first half only, few: one NaN hides every other mistake."""
    x = numbers(rng, dtype, size, sprinkle=False)
    half = x[: size[0] // 2]
    np.copyto(half, rng.choice(special(dtype), half.shape), where=rng.random(half.shape) < 0.5 / max(size[1], 1))
    return [x]


def make_max(rng, dtype, size):
    x = numbers(rng, dtype, size)
    if size[1] % 2:
        x[np.isnan(x)] = 0
    x[: size[0] // 2] = rng.integers(-3, 3, (size[0] // 2, *size[1:]))  # ties: the first counts
    return [x]


def make_max_backward(rng, dtype, size):
    O, R, I = size
    return [numbers(rng, dtype, (O, I)), rng.integers(0, R, (O, I)), R]


def make_prod(rng, dtype, size):
    """Near 1, so that long products stay numbers, with both signs; awkward numbers as in a sum."""
    x = (1 + rng.uniform(-0.01, 0.01, size)) * rng.choice([1, -1], size)
    x = x.astype(dtype)
    half = x[: size[0] // 2]
    np.copyto(half, rng.choice(special(dtype), half.shape), where=rng.random(half.shape) < 0.5 / max(size[1], 1))
    return [x]


def index_of(rng, R, shape):
    """Indices, some of them often."""
    often = rng.integers(0, max(R, 1), 3)
    return np.where(rng.random(shape) < 0.3, rng.choice(often, shape), rng.integers(0, max(R, 1), shape))


def make_take(rng, dtype, size):
    O, R, I, K = size
    return [numbers(rng, dtype, (O, R, I)), index_of(rng, R, K)]


def make_take_backward(rng, dtype, size):
    O, R, I, K = size
    return [numbers(rng, dtype, (O, K, I), sprinkle=bool(O % 2)), index_of(rng, R, K), R]


def make_gather(rng, dtype, size):
    O, R, I, K = size
    return [numbers(rng, dtype, (O, R, I)), index_of(rng, R, (O, K, I))]


def make_scatter(rng, dtype, size):
    O, _, I, K = size
    return [*make_gather(rng, dtype, size), numbers(rng, dtype, (O, K, I))]


def rows(n):
    def make(rng, dtype, size):
        return [numbers(rng, dtype, size) for _ in range(n)]

    return make


def scores(rng, dtype, size):
    """Rows of scores, some beyond what e^x can hold, a few with an infinity or NaN."""
    x = (rng.standard_normal(size) * rng.choice([1, 5, 300], (size[0], 1))).astype(dtype)
    for k, wrong in enumerate((np.nan, np.inf, -np.inf)):
        if size[1] and size[0] > 10:
            x[3 * k + 2, k % size[1]] = wrong
    return x


def make_log_rows(rng, dtype, size):
    return [numbers(rng, dtype, size, sprinkle=False), reference.log_softmax(scores(rng, dtype, size))]


def make_labelled(rng, dtype, size):
    N, C = size
    return [scores(rng, dtype, size), rng.integers(0, C, N)]


def make_labelled_backward(rng, dtype, size):
    x, target = make_labelled(rng, dtype, size)
    return [rng.standard_normal(size[0]).astype(dtype), reference.log_softmax(x), target]


def awkward(rng, dtype, shape):
    """Numbers with a mean of 100; in every third channel a few that are awkward."""
    x = (rng.standard_normal(shape) * 3 + 100).astype(dtype)
    third = x[:, ::3]
    np.copyto(third, rng.choice(special(dtype), third.shape), where=rng.random(third.shape) < 0.1)
    return x


def maybe(rng, x):
    return x if rng.random() < 0.7 else None


def make_norm(rng, dtype, size):
    w, b = rng.standard_normal((2, size[1])).astype(dtype)
    return [awkward(rng, dtype, size), maybe(rng, w), maybe(rng, b)]


def make_norm_eval(rng, dtype, size):
    x, *affine = make_norm(rng, dtype, size)
    return [x, *rng.random((2, size[1])).astype(dtype), *affine]


def make_norm_backward(rng, dtype, size):
    x, w, _ = make_norm(rng, dtype, size)
    return [rng.standard_normal(size).astype(dtype), x, 100 + rng.random(size[1]), 9 * rng.random(size[1]), w]


def make_norm_running(rng, dtype, size):
    moments, running = rng.random((2, size)), rng.random((2, size)).astype(dtype)
    return [*moments, *running, np.array([3]), 0.1, 1.5, float(rng.random() < 0.5)]


def make_layer_norm_backward(rng, dtype, size):
    x, w, _ = make_norm(rng, dtype, size)
    return [rng.standard_normal(size).astype(dtype), x, 100 + rng.random(size[0]), 9 * rng.random(size[0]), w]


def make_product(rng, dtype, size):
    M, K, N = size
    return [rng.standard_normal((M, K)).astype(dtype), rng.standard_normal((K, N)).astype(dtype)]


def make_stack(rng, dtype, size):
    M, K, N, B = size
    return [rng.standard_normal((B, M, K)).astype(dtype), rng.standard_normal((B, K, N)).astype(dtype)]


def make_linear(rng, dtype, size):
    x, w = make_product(rng, dtype, size)
    return [x, np.ascontiguousarray(w.T), rng.standard_normal(size[2]).astype(dtype)]


def scale_of_softmax(x):
    """e^s is as wrong as s is: half a unit of s."""
    s = np.abs(x - x.max(axis=1, keepdims=True, initial=-np.inf))
    return (reference.softmax(x) * (1 + s),)


def parts_of_log_softmax(x):
    """|s| and |log sum|; a sum that is wrong by one unit makes its logarithm wrong by one eps, however small that is."""
    s = x - x.max(axis=1, keepdims=True, initial=-np.inf)
    return np.abs(s) + np.abs(np.log(np.exp(s).sum(axis=1, keepdims=True))) + 1


def scale_of_cross_entropy(x, target):
    parts = parts_of_log_softmax(x)
    return parts[np.arange(len(x)), target], parts


def scale_of_cross_entropy_backward(dout, logp, target):
    error = np.exp(logp)
    error[np.arange(len(logp)), target] += 1
    return (np.abs(dout)[:, None] * error,)


def rule(n, *settings):
    """An update rule with `n` arrays of a size: all of `settings` in turn, seven steps each."""

    def make(rng, dtype, size):
        size, chosen = size
        arrays = [numbers(rng, dtype, size, sprinkle=k < 2) for k in range(n)]
        for a in arrays[2:]:  # v, h and u are means of squares
            np.abs(a, out=a)
        return [*arrays, *settings[chosen]]

    sizes = [
        (size, k) for k in range(len(settings)) for size in ((0, 1, 3, 17, 4095, 4097, 50_001) if k == 0 else (257,))
    ]
    return Case(make, tuple(sizes), steps=7)
