"""Walks OPS: every op has cases, and every case is held against NumPy, finite differences and its captured replay."""

import numpy as np
import pytest
from op_cases import CASES

import fastgrad as fg
from fastgrad.ops import OPS
from fastgrad.testing import GRADIENT_RTOL, assert_bits, assert_close

LAYOUTS = ("contiguous", "transposed", "strided", "reversed")
FLAT = [
    (name, i, case, shapes) for name, cases in CASES.items() for i, case in enumerate(cases) for shapes in case.shapes
]
every_case = pytest.mark.parametrize(
    ("name", "case", "shapes"), [pytest.param(n, c, s, id=f"{n}-{i}-{s}".replace(" ", "")) for n, i, c, s in FLAT]
)


def draw(rng, case, shapes, dtype=np.float64):
    """One array for each shape. No two numbers are closer than 0.05, nor is one to 0 or to a bound a case uses, so that
    central differences never step over a kink."""
    arrays = []
    for i, shape in enumerate(shapes):
        n = int(np.prod(shape))
        x = 0.2 * (rng.permutation(n) - n // 2) + 0.1 * (i % 2) + 0.05 + rng.uniform(-0.02, 0.02, n)
        domain = case.domain[i : i + 1]
        if domain == "+":
            x = np.abs(x) + 0.3
        elif domain == "p":
            x = rng.uniform(0.05, 0.95, n)
        arrays.append(x.reshape(shape).astype(dtype))
    return arrays


def laid_out(array, layout):
    """The same numbers in another arrangement of memory."""
    if layout == "contiguous" or not array.ndim:
        return array.copy()
    if layout == "transposed":
        return np.asfortranarray(array)
    if layout == "strided":
        wide = np.full((*array.shape[:-1], 2 * array.shape[-1]), np.nan, array.dtype)
        wide[..., ::2] = array
        return wide[..., ::2]
    return array[(slice(None, None, -1),) * array.ndim].copy()[(slice(None, None, -1),) * array.ndim]


def leaves(arrays):
    return [fg.from_numpy(x).requires_grad_() for x in arrays]


def ops_of(tensor):
    """The names of the ops in a tensor's history."""
    names, todo = set(), [tensor.node]
    while todo:
        node = todo.pop()
        if isinstance(node, fg.tape.Node):
            names.add(node.op.__name__)
            todo.extend(node.inputs)
    return names


def test_every_op_has_a_case():
    named = {name for name in CASES if name[0].isupper()}
    assert named == set(OPS), f"without a case: {set(OPS) - named}; without an op: {named - set(OPS)}"
    assert all(callable(getattr(fg.ops, name)) for name in set(CASES) - named)
    assert all(case.shapes for cases in CASES.values() for case in cases)


def test_every_op_says_its_formula():
    for name, op in OPS.items():
        assert op.__doc__, name
        assert "out" in op.__doc__, f"{name}: {op.__doc__}"


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@every_case
def test_forward_is_numpys(name, case, shapes, dtype, rng):
    for layout in LAYOUTS:
        arrays = [laid_out(x, layout) for x in draw(rng, case, shapes, dtype)]
        kept = [x.copy() for x in arrays]
        out = case.call(*leaves(arrays))
        assert out.dtype == dtype
        assert name not in OPS or name in ops_of(out), f"the case does not use {name} but {ops_of(out)}"
        wide = [x.astype(np.float64) for x in kept]
        scale = None if case.scale is None else case.scale(*wide)
        with np.errstate(all="ignore"):
            expected = np.asarray(case.plain(*wide))
        assert_close(out.data, expected, case.kind, n=case.n, scale=scale, what=f"{name} {layout}")
        on_arrays = case.call(*arrays)
        assert isinstance(on_arrays, np.ndarray), "arrays in, arrays out"
        assert_bits(on_arrays, out.data, "arrays and tensors")
        for x, before in zip(arrays, kept, strict=True):
            assert_bits(x, before, f"{name} has changed its operand")


@every_case
def test_gradcheck(name, case, shapes, rng):
    if not case.order:
        return  # its operands are compared with themselves: there is no slope
    for layout in LAYOUTS:
        fg.gradcheck(case.call, leaves([laid_out(x, layout) for x in draw(rng, case, shapes)]), rtol=GRADIENT_RTOL)


@every_case
def test_gradgradcheck(name, case, shapes, rng):
    if case.order == 2:
        fg.gradgradcheck(case.call, leaves(draw(rng, case, shapes)), rtol=GRADIENT_RTOL)


@every_case
def test_gradients_in_float32_are_those_in_float64(name, case, shapes, rng):
    arrays = draw(rng, case, shapes, np.float32)
    found = {}
    for dtype in (np.float32, np.float64):
        xs = leaves([x.astype(dtype) for x in arrays])
        out = case.call(*xs)
        seed = np.cos(np.arange(out.data.size)).reshape(out.shape).astype(dtype)
        found[dtype] = fg.grad(out, xs, fg.from_numpy(seed), allow_unused=True)
    for i, (single, double) in enumerate(zip(*found.values(), strict=True)):
        assert (single is None) == (double is None)
        if single is not None:
            assert single.dtype == np.float32
            scale = np.abs(double.data).max(initial=0.0)
            assert_close(single.data, double.data, "gradient", n=17, scale=scale, what=f"{name}, operand {i}")


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@every_case
def test_captured_is_eager_bit_for_bit(name, case, shapes, dtype, rng):
    def step(seed, *xs):
        out = case.call(*xs)
        slopes = fg.grad(out, xs, seed, allow_unused=True)
        return {"out": out, **{f"slope {i}": g for i, g in enumerate(slopes) if g is not None}}

    def arguments():
        arrays = draw(rng, case, shapes, dtype)
        shape = np.asarray(case.call(*arrays)).shape
        return fg.from_numpy(np.asarray(rng.standard_normal(shape), dtype)), *leaves(arrays)

    captured = fg.capture(step)
    if case.refused:
        with pytest.raises(fg.CaptureError, match=case.refused):
            captured(*arguments())
        return
    for call in range(3):
        given = arguments()
        found, expected = captured(*given), step(*given)
        assert found.keys() == expected.keys()
        for what in expected:
            assert_bits(found[what].data, expected[what].data, f"{name}, call {call}, {what}")
    assert len(captured.programs) == 1, "the second call was not a replay"
