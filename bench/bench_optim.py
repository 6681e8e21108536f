"""Update rules: the same bits as the reference, then GB/s. One call serves one tensor or a list of them."""

import math

import pytest
from cases import arguments, check, family

from fastgrad import kernels
from fastgrad.bench.optim import SMALL, against_reference, shapes_of
from fastgrad.bench.ours import Case
from fastgrad.bench.peers.serve import Unable
from fastgrad.optim import RULES

SIZES = ("mlp", "100x64x64", "1M", "16M")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", family("stream"))
def bench_loop(name, size, clock):
    """Plain loops with the reads and writes of a rule: what a rule's kernel can reach at best."""
    kernel, shapes = kernels.KERNELS[name], shapes_of(size)
    values, moved = arguments(kernel, {"n": [math.prod(shape) for shape in shapes]})
    check(kernel, values)
    values["g"] = [g * 0 for g in values["g"]]  # its sums grow: keep them finite however often it is called
    clock(lambda: kernel(**values), moved=moved)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", family("optim", "adam", "trust", "gradient"))
def bench_kernel(name, size, clock):
    """The kernel alone, without options."""
    kernel, shapes = kernels.KERNELS[name], shapes_of(size)
    values, moved = arguments(kernel, {"n": [math.prod(shape) for shape in shapes], "S": 2, "F": 1})
    check(kernel, values)
    clock(lambda: kernel(**values), moved=moved)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", RULES)
def bench_rule(name, size, clock):
    """What a user calls: optimizer.step(). Every rule there is, with its defaults."""
    request = {"rule": name, "shapes": shapes_of(size), "dtype": "float32", "check": True}
    try:
        case = Case(request)
        with kernels.use("reference"):
            reference = Case(request).answer()
    except Unable as error:
        pytest.skip(str(error))
    ours = case.answer()
    assert not against_reference(ours, reference)
    case.slow_down(SMALL)
    parameters = sum(math.prod(shape) for shape in request["shapes"])
    clock(case.optimizer.step, moved=ours["bytes"]["float32"] * parameters)
