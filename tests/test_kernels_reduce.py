"""Edges of the reductions."""

import numpy as np
import pytest
from kernel_cases import DTYPES, ISAS

from fastgrad import kernels
from fastgrad.kernels import reference
from fastgrad.testing import assert_bits


@pytest.mark.parametrize("tier", ["native", "reference"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(2, 0, 3), (1, 0, 1), (300, 0, 200)])
def test_the_largest_of_nothing_is_refused(shape, dtype, tier):
    with kernels.use(tier), pytest.raises((ValueError, IndexError)):
        kernels.max(np.zeros(shape, dtype))


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
                        assert (index == at).all(), (R, I, at, value, isa)
                        assert_bits(out, np.full((1, I), value, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_of_long_rows_are_added_in_float64(dtype):
    """4096 numbers to a block: the blocks' sums meet in float64, so a float32 sum of 2^25 ones loses nothing."""
    x = np.ones((1, 2**25 + 3, 1), np.float32) if dtype == "float32" else np.full((1, 2**15, 1), 0.1)
    assert kernels.sum(x)[0, 0] == (np.float32(2**25 + 3) if dtype == "float32" else reference.sum(x)[0, 0])
