"""Reductions, softmax and losses: checked against the reference, then timed. Walks the rows; none is left out."""

import pytest
from cases import arguments, check, family

from fastgrad import kernels

REDUCE = {"all": (1, 1_000_000, 1), "rows": (1000, 1000, 1), "columns": (1, 1000, 1000)}


@pytest.mark.parametrize("over", REDUCE)
@pytest.mark.parametrize("name", [*family("reduce"), "prelu_slope"])
def bench_reduce(name, over, clock):
    kernel = kernels.KERNELS[name]
    values, moved = arguments(kernel, dict(zip("ORI", REDUCE[over], strict=True)))
    check(kernel, values)
    clock(lambda: kernel(**values), moved=moved)


@pytest.mark.parametrize("shape", [(100, 10), (1000, 1000)], ids=str)
@pytest.mark.parametrize("name", family("softmax", "loss"))
def bench_rows(name, shape, clock):
    kernel = kernels.KERNELS[name]
    values, moved = arguments(kernel, dict(zip("NC", shape, strict=True)))
    check(kernel, values, rtol=1e-5, atol=1e-6)
    clock(lambda: kernel(**values), moved=moved)
