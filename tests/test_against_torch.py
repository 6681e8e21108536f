"""Every public operation against PyTorch in float64: values, gradients and gradients of gradients, to 1e-10.

One expression serves both: ``m`` is fastgrad or torch. So what is tested is the names, the argument order and the
defaults as well. An operation that PyTorch does not have, or that makes no numbers to compare, is listed with its reason.
"""

import importlib.util

import numpy as np
import pytest
from against_torch import ELSEWHERE, TABLE
from test_ops import LAYOUTS, laid_out

import fastgrad as fg

RTOL = 1e-10
torch = None
if importlib.util.find_spec("torch") is not None:
    import torch

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed: nothing to compare with")
ROWS = [(name, i, row) for name, rows in TABLE.items() for i, row in enumerate(rows)]
every_row = pytest.mark.parametrize("row", [pytest.param(row, id=f"{name}-{i}") for name, i, row in ROWS])


def test_every_public_operation_is_compared():
    public = set(fg.ops.__all__)
    missing, stale = public - set(TABLE) - set(ELSEWHERE), set(ELSEWHERE) & set(TABLE)
    assert not missing, f"neither compared nor listed with a reason: {sorted(missing)}"
    assert not stale
    assert set(ELSEWHERE) <= public


def draw(rng, row):
    """Numbers that are distinct, and not close to a kink: of every sign, or positive, or in (0, 1)."""
    arrays = []
    for i, shape in enumerate(row.shapes):
        n = int(np.prod(shape))
        x = 0.31 * (rng.permutation(n) - n // 2) + 0.1 * (i % 2) + 0.07 + rng.uniform(-0.02, 0.02, n)
        kind = row.domain[i : i + 1]
        x = np.abs(x) + 0.3 if kind == "+" else rng.uniform(0.05, 0.95, n) if kind == "p" else x
        arrays.append(x.reshape(shape))
    return arrays


def as_array(x):
    return x.numpy(force=True) if hasattr(x, "numpy") else np.asarray(x)  # some zeros of torch's need force


def outputs(out):
    return list(out) if isinstance(out, (tuple, list)) else [out]


def compare(found, expected, what):
    assert found.shape == expected.shape, f"{what}: {found.shape}, PyTorch {expected.shape}"
    assert found.dtype == expected.dtype, f"{what}: {found.dtype}, PyTorch {expected.dtype}"
    if found.dtype.kind == "f":
        scale = np.abs(expected[np.isfinite(expected)]).max(initial=1.0)
        np.testing.assert_allclose(found, expected, rtol=RTOL, atol=RTOL * scale, err_msg=what)
    else:
        np.testing.assert_array_equal(found, expected, err_msg=what)


def evaluate(m, row, leaves, seeds):
    """Results, first and second derivatives, as arrays; None where nothing flows."""
    outs = outputs(row.call(m, *leaves))
    results = [as_array(o) for o in outs]
    outs = [o for o in outs if getattr(o, "requires_grad", False)]
    if not row.order or not outs:
        return results, [], []
    give = m.from_numpy
    total = sum((o * give(np.resize(s, o.shape))).sum() for o, s in zip(outs, seeds, strict=False))
    first = m.autograd.grad(total, leaves, create_graph=True, allow_unused=True)
    slopes = [None if g is None else as_array(g) for g in first]
    flowing = [g for g in first if g is not None and g.requires_grad]
    if row.order < 2 or not flowing:
        return results, slopes, []
    again = sum((g * give(np.resize(seeds[0][::-1], g.shape))).sum() for g in flowing)
    second = m.autograd.grad(again, leaves, allow_unused=True)
    return results, slopes, [None if g is None else as_array(g) for g in second]


@needs_torch
@every_row
@pytest.mark.parametrize("layout", LAYOUTS)
def test_is_pytorchs(row, layout, rng):
    arrays = [laid_out(x, layout) for x in draw(rng, row)]
    seeds = [rng.uniform(0.5, 1.5, 997) for _ in range(8)]
    mine = [fg.from_numpy(x).requires_grad_() for x in arrays]
    theirs = [torch.tensor(x.copy(), requires_grad=True) for x in arrays]  # torch refuses negative strides
    found, expected = evaluate(fg, row, mine, seeds), evaluate(torch, row, theirs, seeds)
    for what, a, b in zip(("result", "gradient", "second derivative"), found, expected, strict=True):
        for i in range(max(len(a), len(b))):
            x, y = (part[i] if i < len(part) else None for part in (a, b))
            if x is None or y is None:  # zeros, and nothing at all, mean the same
                present = y if x is None else x
                assert present is None or not np.any(present), f"{what} {i}: {x}, PyTorch {y}"
            else:
                compare(x, y, f"{what} {i}")
