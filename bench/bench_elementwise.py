"""Elementwise kernels, comparisons, casts and activations: checked against the reference, then timed.

Walks the rows; none is left out.
"""

import pytest
from cases import arguments, check, family

from fastgrad import kernels

FAMILIES = ("elementwise", "transcendental", "compare", "cast", "activation", "rectifier", "smooth")
NAMES = [name for name in family(*FAMILIES) if "[*]" in kernels.KERNELS[name].signature]


@pytest.mark.parametrize("n", [1, 1000, 1_000_000])
@pytest.mark.parametrize(
    "name", family("elementwise", "transcendental", "compare", "cast", "activation", "rectifier", "smooth")
)
def bench_elementwise(name, n, clock):
    kernel = kernels.KERNELS[name]
    values, moved = arguments(kernel, {"*": (n,)})
    check(kernel, values, rtol=1e-6, atol=1e-7)
    clock(lambda: kernel(**values), moved=moved)


SHAPES = [((1000, 1000), (1000,)), ((1000, 1000), (1000, 1)), ((100, 1, 100), (100, 1))]


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def bench_broadcast(shapes, clock):
    a, b = (arguments(kernels.neg, {"*": shape})[0]["x"] for shape in shapes)
    check(kernels.add, {"a": a, "b": b})
    out = kernels.add(a, b)
    clock(lambda: kernels.add(a, b), moved=a.nbytes + b.nbytes + out.nbytes)
