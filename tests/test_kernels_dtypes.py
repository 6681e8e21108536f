"""Kernels whose slots have dtypes of their own: comparisons, logic, casts."""

import numpy as np
from test_kernels_binding import F4, F8, ones

from fastgrad import kernels
from fastgrad.kernels import Program
from fastgrad.testing import assert_bits


def test_an_operand_of_another_dtype_in_the_memory_of_the_result_is_copied(rng):
    """At the same address too: C may assume that arrays of two dtypes are in different places."""
    for n in (1, 3, 64, 5000):
        start = rng.standard_normal(n) * 1e3
        for name, out in (
            ("to_int64", lambda x: x.view(np.int64)),
            ("to_float32", lambda x: x.view(F4)[: len(x)]),
            ("to_float32", lambda x: x.view(F4)[::2]),
            ("isfinite", lambda x: x.view(bool)[: len(x)]),
            ("to_bool", lambda x: x.view(bool)[7::8]),
        ):
            x = start.copy()
            expected = getattr(kernels, name)(start)
            getattr(kernels, name)(x, out=out(x))
            assert_bits(out(x), expected, f"{name} {n}")


def test_numbers_take_the_dtype_of_the_result():
    cond, x = np.array([True, False, True]), np.array([0.5, 1.5, 2.5], F4)
    for dtype in (F4, F8):
        out = np.empty(3, dtype)
        assert kernels.where(cond, 1.0, 0, out=out) is out
        assert_bits(out, np.array([1, 0, 1], dtype))
    assert_bits(kernels.lt(x, 1.5), np.array([True, False, False]))
    assert_bits(kernels.ge(1.5, x), np.array([True, True, False]))
    assert_bits(kernels.eq(np.array([0.1], F4), 0.1), np.array([True]))  # rounded to float32 first
    assert kernels.eq(2, 2)


def test_kernels_of_one_dtype_leave_others_to_numpy():
    """A float slot takes its dtype, refuses the other one, and leaves what C does not serve to the definition."""
    assert_bits(kernels.to_float32(np.arange(3)), np.arange(3, dtype=F4))
    assert_bits(kernels.to_float64(np.ones(3, np.float16)), ones(3, dtype=F8))
    assert_bits(kernels.to_float64(ones(3).astype(">f4")), ones(3, dtype=F8))
    assert_bits(kernels.lt(np.arange(3), 1), np.arange(3) < 1)
    assert_bits(kernels.to_int64(np.array([True, False])), np.array([1, 0]))
    assert_bits(kernels.logical_not(True), np.array(False))
    program = Program()
    program.start()
    try:
        x = kernels.to_float32(np.arange(3))  # by NumPy, which a replay calls again
        y = kernels.to_float64(ones(3))
    finally:
        program.stop()
    x[:] = y[:] = 0
    program.replay()
    assert_bits(x, np.arange(3, dtype=F4))
    assert_bits(y, ones(3, dtype=F8))
