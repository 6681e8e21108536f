"""Edges of the reductions."""

import numpy as np
import pytest
from kernel_makers import DTYPES, ISAS

from fastgrad import kernels
from fastgrad.kernels import reference
from fastgrad.testing import assert_bits


@pytest.mark.parametrize("tier", ["native", "reference"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(2, 0, 3), (1, 0, 1), (300, 0, 200)])
@pytest.mark.parametrize("name", ["max", "min"])
def test_the_largest_of_nothing_is_refused(name, shape, dtype, tier):
    with kernels.use(tier), pytest.raises((ValueError, IndexError)):
        kernels.KERNELS[name](np.zeros(shape, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_max_finds_the_first_of_equals_and_the_first_nan(dtype):
    for R in (1, 2, 15, 16, 17, 64, 65, 255, 256, 257, 4095, 4096, 4097, 9000):
        for I in (1, 3, 65):
            x = np.zeros((1, R, I), dtype)
            for at in {0, R // 2, R - 1}:
                for value in (1, np.inf, np.nan):
                    x[:] = -1
                    x[:, at:] = value
                    for isa in ISAS:
                        with kernels.use(isa=isa):
                            out, index = kernels.max(x)
                            least, where = kernels.min(-x)
                        assert (index == at).all(), (R, I, at, value, isa)
                        assert (where == at).all(), (R, I, at, value, isa)
                        assert_bits(out, np.full((1, I), value, dtype))
                        assert_bits(least, np.full((1, I), -value, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_of_long_rows_are_added_in_float64(dtype):
    """4096 numbers to a block: the blocks' sums meet in float64, so a float32 sum of 2^25 ones loses nothing."""
    x = np.ones((1, 2**25 + 3, 1), np.float32) if dtype == "float32" else np.full((1, 2**15, 1), 0.1)
    assert kernels.sum(x)[0, 0] == (np.float32(2**25 + 3) if dtype == "float32" else reference.sum(x)[0, 0])


def test_products_of_long_rows_are_multiplied_in_float64():
    """Three blocks of 4096 numbers, whose products are 2^100, 2^100 and 2^-190: in float32 the first two are inf."""
    x = np.ones((1, 3 * 4096, 1), np.float32)
    x[0, [0, 1, 4096, 4097]], x[0, [8192, 8193]], x[0, 8194] = 2.0**50, 2.0**-60, 2.0**-20
    assert kernels.prod(x)[0, 0] == reference.prod(x)[0, 0] == 2.0**60


@pytest.mark.parametrize("dtype", DTYPES)
def test_nothing_and_special_values_of_products_and_running_sums(dtype):
    assert_bits(kernels.prod(np.ones((2, 0, 3), dtype)), np.ones((2, 3), dtype))
    assert kernels.cumsum(np.ones((2, 0, 3), dtype)).shape == (2, 0, 3)
    x = np.array([-0.0, -0.0, 1, np.inf, -np.inf, 2], dtype)
    for I in (1, 20):
        full = np.repeat(x[None, :, None], I, axis=2)
        expected = np.array([-0.0, -0.0, 1, np.inf, np.nan, np.nan], dtype)
        assert_bits(kernels.cumsum(full), np.repeat(expected[None, :, None], I, axis=2))
        expected = np.array([-0.0, 0, 0, np.nan, np.nan, np.nan], dtype)
        assert_bits(kernels.cumprod(full), np.repeat(expected[None, :, None], I, axis=2))
        assert np.isnan(kernels.prod(full)).all()
