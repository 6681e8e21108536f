"""Normalisation: checked against the reference, then timed. Walks the rows; none is left out."""

import pytest
from cases import arguments, check, family

from fastgrad import kernels

CHANNELS = {"features": (1024, 1024, 1), "images": (32, 64, 784)}
ROWS = {"NCLK": [(*shape, 1) for shape in CHANNELS.values()], "ND": [(4096, 512)]}


def sizes_of(name):
    """Sizes by letter, for a row of channels or of lines."""
    if name.startswith("layer"):
        return [dict(zip("ND", shape, strict=True)) for shape in ROWS["ND"]]
    return [dict(zip("NCLK", shape, strict=True)) for shape in ROWS["NCLK"]]


@pytest.mark.parametrize(("name", "sizes"), [(n, s) for n in family("norm") for s in sizes_of(n)], ids=str)
def bench_norm(name, sizes, clock):
    kernel = kernels.KERNELS[name]
    values, moved = arguments(kernel, sizes)
    check(kernel, values, rtol=1e-5, atol=1e-6)
    clock(lambda: kernel(**values), moved=moved)
