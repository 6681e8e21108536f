"""Elementary functions: 4 units in the last place of the truth, over everything a float can be."""

import numpy as np
import pytest
from kernel_cases import CASES
from kernel_makers import DTYPES, ISAS, LONG, WIDE, numbers, special
from test_kernels import cast

from fastgrad import kernels
from fastgrad.kernels import KERNELS, reference
from fastgrad.testing import assert_bits

ELEMENTARY = [name for name, case in CASES.items() if case.kind == "elementary"]


def patterns(dtype, count, rng):
    """Floats over every exponent, both signs, infinities, NaN and denormals; and dense stretches where functions turn."""
    bits = (
        np.linspace(0, 2**32 - 1, count).astype(np.uint32)
        if dtype == "float32"
        else rng.integers(0, 2**64, count, np.uint64)
    )
    stretches = [
        np.linspace(-750, 750, count),
        np.linspace(-20, 20, count),
        np.linspace(0.5, 2, count),
        np.linspace(-110, 90, count),
        np.linspace(-40, -0.1, count),
        np.linspace(-4e6, 4e6, count),
        (np.arange(count) - count // 2) * (np.pi / 2),
    ]
    return np.concatenate([bits.view(dtype), special(dtype), *cast(stretches, dtype)])


def ulps(found, truth, dtype):
    """The error in units in the last place of the truth; NaN for NaN and inf for inf are no error."""
    with np.errstate(all="ignore"):
        rounded = truth.astype(dtype)
        unit = np.spacing(np.minimum(np.abs(rounded), np.finfo(dtype).max)).astype(truth.dtype)
        error = np.abs(found.astype(truth.dtype) - truth) / unit
    exact = (found == rounded) | (np.isnan(found) & np.isnan(truth))
    return np.where(exact, 0, np.where(np.isnan(error), np.inf, error))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ELEMENTARY)
def test_elementary_functions_are_within_4_ulp_of_the_truth(name, dtype, rng):
    if dtype == "float64" and not LONG:
        pytest.skip("no floating-point type here is wider than float64")
    x = patterns(dtype, 60_000, rng)
    case = CASES[name]
    with np.errstate(all="ignore"):
        truth = (
            case.truth(*cast([x], WIDE[dtype]))
            if case.truth
            else reference.KERNELS[name](*cast([x], WIDE[dtype]), *case.more)
        )
    for isa in ISAS:
        with kernels.use("native", isa=isa):
            error = ulps(KERNELS[name](x, *case.more), truth, dtype)
        worst = error.argmax()
        assert error[worst] <= 4, f"{name}({x[worst]!r}) on {isa}: {error[worst]:.2f} ulp"


@pytest.mark.parametrize("dtype", DTYPES)
def test_special_values_of_elementary_functions(dtype):
    inf, nan = np.inf, np.nan
    given = np.array([0.0, -0.0, inf, -inf, nan, -1.0], dtype)
    expected = {
        "exp": [1, 1, inf, 0, nan, None],
        "log": [-inf, -inf, inf, nan, nan, nan],
        "tanh": [0.0, -0.0, 1, -1, nan, None],
        "sigmoid": [0.5, 0.5, 1, 0, nan, None],
        "sin": [0.0, -0.0, nan, nan, nan, None],
        "cos": [1, 1, nan, nan, nan, None],
        "tan": [0.0, -0.0, nan, nan, nan, None],
        "atan": [0.0, -0.0, np.pi / 2, -np.pi / 2, nan, -np.pi / 4],
        "expm1": [0.0, -0.0, inf, -1, nan, None],
        "log1p": [0.0, -0.0, inf, nan, nan, -inf],
        "log2": [-inf, -inf, inf, nan, nan, nan],
        "log10": [-inf, -inf, inf, nan, nan, nan],
        "erf": [0.0, -0.0, 1, -1, nan, None],
        "elu": [0.0, -0.0, inf, -1, nan, None],
        "celu": [0.0, -0.0, inf, -1, nan, None],
        "selu": [0.0, -0.0, inf, None, nan, None],
        "softplus": [None, None, inf, 0.0, nan, None],
        "logsigmoid": [None, None, 0.0, -inf, nan, None],
        "silu": [0.0, -0.0, inf, -0.0, nan, None],
        "gelu": [0.0, -0.0, inf, -0.0, nan, None],
        "gelu_tanh": [0.0, -0.0, inf, -0.0, nan, None],
    }
    assert set(expected) == set(ELEMENTARY)
    for name, values in expected.items():
        for isa in ISAS:
            for repeat in (1, 20):  # the end of a vector loop, and its middle
                with kernels.use(isa=isa):
                    found = KERNELS[name](np.tile(given, repeat), *CASES[name].more)[: len(given)]
                for f, e, x in zip(found, values, given, strict=True):
                    if e is not None:
                        assert_bits(f, np.array(e, dtype), f"{name}({x}) on {isa}")


@pytest.mark.parametrize("dtype", DTYPES)
def test_powers_have_exact_logarithms(dtype):
    f = np.finfo(dtype)
    two, ten = np.arange(f.minexp - f.nmant, f.maxexp), np.arange(11 if dtype == "float32" else 23)
    for isa in ISAS:
        with kernels.use(isa=isa):
            assert_bits(kernels.log2(np.ldexp(np.ones(len(two), dtype), two)), two.astype(dtype), f"log2 on {isa}")
            assert_bits(
                kernels.log10(np.array([10.0 ** int(k) for k in ten], dtype)), ten.astype(dtype), f"log10 on {isa}"
            )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_a_large_angle_changes_no_other_result(name, dtype, rng):
    """Beyond a bound the C library computes an angle; its neighbours have the bits they have without it."""
    bound = 2.0 ** (22 if dtype == "float32" else 20)
    x = np.concatenate([numbers(rng, dtype, 700), np.nextafter(np.array([bound, -bound], dtype), 0), [bound, -bound]])
    x = x.astype(dtype)
    x = x[np.abs(x) <= bound]
    among = np.insert(x, np.arange(0, len(x), 5), np.array(1e30, dtype))
    for isa in ISAS:
        for threads in (1, 2):
            with kernels.use(isa=isa, threads=threads):
                expected, found = KERNELS[name](x), KERNELS[name](among)
                strided = KERNELS[name](np.repeat(among, 2)[::2])
            assert_bits(found[among != np.array(1e30, dtype)], expected, f"{name} on {isa}")
            assert_bits(strided, found, f"{name} on {isa}, strided")
            assert (found[among == np.array(1e30, dtype)] == found[0]).all()
