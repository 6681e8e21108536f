"""What NaN and the infinities come to: in every public operation against PyTorch, in every op native against reference.

A row of tests/against_torch is evaluated with NaN, +inf, -inf and all three among one operand's numbers, in float64.
Where fastgrad and PyTorch part is in DIFFERENT, with the reason; docs/numerics.md has the same as a table.
"""

import warnings

import numpy as np
import pytest
from against_torch import TABLE
from kernel_makers import DTYPES, ISAS
from op_cases import CASES
from test_against_torch import as_array, needs_torch, outputs, torch
from test_against_torch import draw as draw_row
from test_ops import draw as draw_case
from test_ops import leaves

import fastgrad as fg
from fastgrad.testing import assert_close

NAN, INF = float("nan"), float("inf")
PLANTS = {"nan": (NAN,), "inf": (INF,), "-inf": (-INF,), "all": (NAN, INF, -INF)}
DIFFERENT: dict = {}


def planted(arrays, operand, plants):
    """The arrays with special numbers at places 1, 3, 5 of one of them; None where it is empty."""
    arrays = [x.copy() for x in arrays]
    flat = arrays[operand].reshape(-1)
    if not flat.size:
        return None
    for i, special in enumerate(plants):
        flat[(2 * i + 1) % flat.size] = special
    return arrays


def evaluate(m, call, order, arrays, seeds):
    """Results and gradients as arrays, named; "raises" where the operation refuses."""
    xs = [m.from_numpy(x.copy()).requires_grad_() for x in arrays]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            outs = outputs(call(m, *xs))
        except (RuntimeError, ValueError):
            return {"raises": np.zeros(1)}
        found = {f"result {i}": as_array(o) for i, o in enumerate(outs)}
        flowing = [o for o in outs if order and getattr(o, "requires_grad", False)]
        if flowing:
            total = sum((o * m.from_numpy(np.resize(s, o.shape))).sum() for o, s in zip(flowing, seeds, strict=False))
            slopes = m.autograd.grad(total, xs, allow_unused=True)
            zeros = (np.zeros_like(x) if g is None else as_array(g) for x, g in zip(arrays, slopes, strict=True))
            found.update({f"gradient {i}": g for i, g in enumerate(zeros)})
    return found


def alike(x, y):
    if x.shape != y.shape:
        return False
    if x.dtype.kind != "f":
        return np.array_equal(x, y)
    scale = np.abs(y[np.isfinite(y)]).max(initial=1.0)
    return np.allclose(x, y, rtol=1e-9, atol=1e-9 * scale, equal_nan=True)


def differences(name):
    """Where the rows of a name differ from PyTorch's: "gradient at -inf", for example."""
    found: dict = {}
    for row in TABLE[name]:
        for operand in range(len(row.shapes)):
            for plant, numbers in PLANTS.items():
                rng = np.random.default_rng(operand)
                arrays = planted(draw_row(rng, row), operand, numbers)
                if arrays is None:
                    continue
                seeds = [rng.uniform(0.5, 1.5, 997) for _ in range(8)]
                mine, theirs = (evaluate(m, row.call, row.order, arrays, seeds) for m in (fg, torch))
                for what in mine.keys() | theirs.keys():
                    x, y = (side.get(what, np.zeros(0)) for side in (mine, theirs))
                    if "raises" not in (mine.keys() ^ theirs.keys()) and alike(x, y):
                        continue
                    found.setdefault(f"{what.split()[0]} at {plant}", (row, operand, arrays, mine, theirs))
    return found


def kinds(x):
    """0 for a number, 1 for NaN, 2 and 3 for the infinities."""
    return np.where(np.isnan(x), 1, np.where(np.isinf(x), 2 + (x < 0), 0))


def derived(case, arrays, seed):
    """The result of a case and its gradients, as arrays, and the second derivatives where there are any."""
    xs = leaves(arrays)
    out = case.call(*xs)
    found = {"result": out.data}
    if case.order and out.requires_grad:
        dout = fg.from_numpy(np.resize(seed, out.shape).astype(out.dtype))
        slopes = fg.grad(out, xs, dout, create_graph=case.order == 2, allow_unused=True)
        found.update({f"gradient {i}": g.data for i, g in enumerate(slopes) if g is not None})
        bent = [g for g in slopes if g is not None and g.requires_grad]
        if bent:
            again = fg.grad(sum(g.sum() for g in bent), xs, allow_unused=True)
            found.update({f"second derivative {i}": g.data for i, g in enumerate(again) if g is not None})
    return found


def compare_tiers(name, case, arrays, seed):
    """Native kernels, of the best instruction set and the least, against reference; float32 against float64."""
    found = {}
    for dtype in DTYPES:
        given = [x.astype(dtype) for x in arrays]
        with fg.kernels.use("reference"), np.errstate(all="ignore"):
            expected = derived(case, given, seed)
        for isa in {ISAS[0], ISAS[-1]}:
            with fg.kernels.use("native", isa=isa), np.errstate(all="ignore"):
                found[dtype] = derived(case, given, seed)
            assert found[dtype].keys() == expected.keys()
            for what, x in found[dtype].items():
                scale = np.abs(expected[what][np.isfinite(expected[what])]).max(initial=1.0)
                where = f"{name}, {what}, {dtype}, {isa}, {given}"
                assert_close(x, expected[what], "gradient", n=17, scale=scale, what=where)
    single, double = found.values()
    for what in single:
        assert np.array_equal(kinds(single[what]), kinds(double[what])), (
            f"{name}, {what}, {arrays}: {single[what]} in float32, {double[what]} in float64"
        )


@pytest.mark.parametrize("name", CASES)
def test_native_is_reference_with_special_numbers(name, rng):
    for case in CASES[name]:
        shapes = max(case.shapes, key=lambda shapes: sum(np.prod(s) for s in shapes))
        seed = rng.uniform(0.5, 1.5, 97)
        for operand in range(len(shapes)):
            for numbers in PLANTS.values():
                arrays = planted(draw_case(rng, case, shapes), operand, numbers)
                if arrays is not None:
                    compare_tiers(name, case, arrays, seed)
