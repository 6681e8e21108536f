"""The cases of tests/test_kernels.py: for every kernel its sizes, its arguments, and what it is held to."""

from typing import NamedTuple

import numpy as np

from fastgrad import kernels
from fastgrad.kernels import KERNELS, reference

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
        if n == 4:
            np.abs(arrays[3], out=arrays[3])
        return [*arrays, *settings[chosen]]

    sizes = [
        (size, k) for k in range(len(settings)) for size in ((0, 1, 3, 17, 4095, 4097, 50_001) if k == 0 else (257,))
    ]
    return Case(make, tuple(sizes), steps=7)


EITHER_ZERO = {"zeros": False}  # NumPy itself answers max(-0, 0) by the one or the other, depending on where it stands
ROW = {"sizes": ROWS, "kind": "row", "terms": lambda size: size[1]}
CASES = {
    "add": operands(2),
    "sub": operands(2),
    "mul": operands(2),
    "div": operands(2),
    "pow": Case(make_pow, kind="power"),
    "maximum": operands(2, **EITHER_ZERO),
    "minimum": operands(2, **EITHER_ZERO),
    "heaviside": operands(2),
    "equal": operands(2),
    "neg": operands(1),
    "exp": operands(1, kind="elementary"),
    "log": operands(1, kind="elementary"),
    "sqrt": operands(1),
    "abs": operands(1),
    "sign": operands(1),
    **{name: operands(1) for name in ("reciprocal", "floor", "ceil", "trunc")},
    "round": Case(lambda *a: [halves(numbers(*a))]),
    "remainder": Case(make_divided),
    "floor_divide": Case(make_divided),
    "lerp": operands(3),
    "nan_to_num": operands(4),
    "copy": operands(1),
    "fill": Case(make_fill),
    "clip": operands(3, **EITHER_ZERO),
    "clip_backward": operands(4),
    "where": Case(make_where),
    **{
        name: operands(1, kind="elementary")
        for name in ("sin", "cos", "tan", "atan", "expm1", "log1p", "log2", "log10")
    },
    "erf": operands(1, kind="elementary", truth=true_erf),
    **{name: operands(2) for name in ("eq", "ne", "lt", "le", "gt", "ge")},
    **{name: operands(1) for name in ("isnan", "isinf", "isfinite", "to_bool")},
    **{name: Case(make_truths(2)) for name in ("logical_and", "logical_or", "logical_xor")},
    "logical_not": Case(make_truths(1)),
    "to_float32": Case(make_of("float64")),
    "to_float64": Case(make_of("float32")),
    "from_bool": Case(make_given("bool")),
    "from_int64": Case(make_given("int64")),
    "to_int64": Case(make_to_int64),
    "relu": operands(1, **EITHER_ZERO),
    "relu_backward": operands(2),
    "sigmoid": operands(1, kind="elementary"),
    "sigmoid_backward": Case(make_probabilities),
    "tanh": operands(1, kind="elementary"),
    "tanh_backward": Case(make_probabilities),
    "leaky_relu": operands(2),
    "leaky_relu_backward": operands(3),
    "prelu_slope": Case(make_slope_sum, REDUCED),
    "hardtanh_backward": operands(4),
    "hardsigmoid": operands(1),
    "hardsigmoid_backward": operands(2),
    "hardswish": operands(1),
    "hardswish_backward": operands(2),
    "softsign": operands(1),
    "softsign_backward": operands(2),
    "elu": Case(make_curve((1.0, 0.5, 2.0)), kind="elementary", more=(1.0,)),
    "celu": Case(make_curve((1.0, 0.5, 2.0)), kind="elementary", more=(1.0,)),
    "softplus": Case(make_curve((1.0, 0.5, 2.0), (20.0, 1.0)), kind="elementary", more=(1.0, 20.0)),
    **{name: operands(1, kind="elementary") for name in ("selu", "logsigmoid", "silu")},
    "gelu": operands(1, kind="elementary", truth=true_gelu, scale=scale_of_exponent),
    "gelu_tanh": operands(1, kind="elementary", scale=scale_of_exponent),
    **{
        f"{name}_backward": Case(make_slope(), kind="formula", scale=scale_of_slope)
        for name in ("selu", "logsigmoid", "silu", "gelu", "gelu_tanh")
    },
    **{
        f"{name}_backward": Case(make_slope((1.0, 0.5, 2.0)), kind="formula", scale=scale_of_slope)
        for name in ("elu", "celu")
    },
    "softplus_backward": Case(make_slope((1.0, 0.5, 2.0), (20.0, 1.0)), kind="formula", scale=scale_of_slope),
    "sum": Case(make_sum, REDUCED),
    "prod": Case(make_prod, REDUCED),
    "cumsum": Case(make_sum, REDUCED),
    "cumprod": Case(make_prod, REDUCED),
    "max": Case(make_max, FILLED),
    "min": Case(make_max, FILLED),
    "max_backward": Case(make_max_backward, FILLED),
    "take": Case(make_take, INDEXED),
    "take_backward": Case(make_take_backward, INDEXED),
    "gather": Case(make_gather, INDEXED),
    "scatter_add": Case(make_scatter, INDEXED),
    "scatter": Case(make_scatter, INDEXED),
    "bmm": Case(make_stack, STACKS, "product", lambda a, b: (np.abs(a) @ np.abs(b),), terms=lambda size: size[1]),
    "matmul": Case(
        make_product, PRODUCTS, "product", lambda a, b: (np.abs(a) @ np.abs(b),), terms=lambda size: size[1]
    ),
    "linear": Case(
        make_linear,
        PRODUCTS,
        "product",
        lambda x, w, b: (np.abs(x) @ np.abs(w.T) + np.abs(b),),
        terms=lambda size: size[1],
    ),
    "softmax": Case(lambda *a: [scores(*a)], scale=scale_of_softmax, **ROW),
    "softmax_backward": Case(rows(2), ROWS),
    "log_softmax": Case(lambda *a: [scores(*a)], scale=lambda x: (parts_of_log_softmax(x),), **ROW),
    "log_softmax_backward": Case(
        make_log_rows,
        scale=lambda dout, y: (np.abs(dout) + np.exp(y) * np.abs(dout).sum(axis=1, keepdims=True),),
        **ROW,
    ),
    "cross_entropy": Case(make_labelled, scale=scale_of_cross_entropy, **{**ROW, "sizes": LABELLED}),
    "cross_entropy_backward": Case(make_labelled_backward, LABELLED, "formula", scale_of_cross_entropy_backward),
    "sgd": rule(2, (0.1,), (0.1, 0.01), (1e-40,)),
    "momentum": rule(3, (0.1,), (0.1, 0.9, 0.1, 0.01), (0.1, 0.9, 0, 0.0, True), (0.1, 0.9, 0, 0.01, True)),
    "adam": rule(
        4, (), (1e-3, 0.9, 0.999, 1e-8, 0.01), (1e-3, 0.9, 0.999, 1e-8, 0, 1 - 0.9**3, 1 - 0.999**3), (1e-2, 0, 0, 0)
    ),
    "stream1": rule(2, ()),
    "stream2": rule(3, ()),
    "stream3": rule(4, ()),
    "stream4": rule(5, ()),
}
GIVEN = {"from_bool", "from_int64"}  # their cases give `out` too
NAMES = sorted(CASES)
MAPS = [n for n in NAMES if "[*]" in KERNELS[n].signature]
RULES = [n for n in NAMES if "[n]" in KERNELS[n].signature]
