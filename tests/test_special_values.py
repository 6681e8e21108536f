"""What NaN and the infinities come to: in every public operation against PyTorch, in every op native against reference.

A row of tests/against_torch is evaluated with NaN, +inf, -inf and all three among one operand's numbers, in float64.
Where fastgrad and PyTorch part is in DIFFERENT, with the reason; docs/numerics.md has the same as a table.
"""

import warnings

import numpy as np
import pytest
from against_torch import TABLE
from kernel_cases import CASES as KERNEL_CASES
from kernel_makers import DTYPES, ISAS
from op_cases import CASES
from op_cases.common import Case
from test_against_torch import as_array, needs_torch, outputs, torch
from test_against_torch import draw as draw_row
from test_kernels import KERNELS, outcome
from test_ops import draw as draw_case
from test_ops import leaves

import fastgrad as fg
from fastgrad.kernels import reference
from fastgrad.testing import assert_close

NAN, INF = float("nan"), float("inf")
PLANTS = {"nan": (NAN,), "inf": (INF,), "-inf": (-INF,), "all": (NAN, INF, -INF)}

# Why fastgrad and PyTorch part.
LIMIT = "the limit; PyTorch has the NaN of infinity times 0"
LOOPS = "the slope that PyTorch's loop over single numbers has; in its vector loops it is another"
SIGN = "NaN has no sign, as in NumPy: the result, or the slope, is NaN; PyTorch's sign of NaN is 0"
LARGEST = "NaN; PyTorch shares 1 among the NaN"
QUOTIENT = "the product of the others; PyTorch divides the whole product by the number"
MEAN = "the mean of an infinity and numbers is that infinity; PyTorch's running mean has inf - inf"
SPREAD = "NaN, as the variance is; PyTorch has the infinity of x less its mean"

# Name -> where its rows differ, and why.
DIFFERENT: dict = {
    "gelu": ("result at -inf, gradient at inf, gradient at -inf", LIMIT),
    "gelu_tanh": ("result at -inf, gradient at inf, gradient at -inf", LIMIT),
    "silu": ("result at -inf, gradient at inf, gradient at -inf", LIMIT),
    "hardswish": ("result at -inf, gradient at nan", LIMIT + "; at NaN the slope is NaN, as in PyTorch's vector loop"),
    "silu_in_place": (
        "result at -inf, gradient at inf, gradient at -inf, gradient at nan",
        f"silu: {LIMIT}; relu6, hardswish: {LOOPS}",
    ),
    "softsign": ("result at inf, result at -inf, gradient at inf, gradient at -inf", LIMIT),
    **dict.fromkeys(("relu6", "hardtanh", "hardshrink", "softshrink"), ("gradient at nan", LOOPS)),
    **dict.fromkeys(("elu", "celu", "selu"), ("gradient at nan", LOOPS)),
    **dict.fromkeys(("abs", "absolute", "l1_loss", "norm"), ("gradient at nan", SIGN)),
    "sign": ("result at nan", SIGN),
    "heaviside": ("result at nan", "NaN is on neither side of the step, as in NumPy; PyTorch: 0"),
    "pow": ("result at -inf, gradient at -inf", "(-inf)^0.5 is inf, as in C; PyTorch takes the square root of it"),
    **dict.fromkeys(("max", "min", "median"), ("gradient at nan", LARGEST)),
    "prod": ("gradient at nan, gradient at inf, gradient at -inf", QUOTIENT),
    "cumprod": ("gradient at nan, gradient at inf, gradient at -inf", QUOTIENT),
    "nanmean": ("gradient at nan", "0 where nothing counts; PyTorch has 0 / 0"),
    "var": ("gradient at inf, gradient at -inf", SPREAD),
    "var_mean": (
        "result at inf, result at -inf, gradient at inf, gradient at -inf",
        f"mean: {MEAN}; gradient of var: {SPREAD}",
    ),
    "std_mean": ("result at inf, result at -inf", MEAN),
    "logsumexp": ("gradient at -inf", "0 where all are -inf: nothing was added up; PyTorch: NaN"),
    "quantile": ("result at inf", "between a number and inf lies inf; PyTorch has inf - inf"),
    "einsum": (
        "result at inf, result at -inf",
        "three operands meet in the cheapest order; PyTorch's order has inf - inf",
    ),
    "cross_entropy": (
        "gradient at nan, gradient at inf",
        "a row that is to be ignored has the gradient 0, whatever it holds; PyTorch has 0 times NaN",
    ),
    "kl_div": ("result at inf", "t (ln t - x) at t = inf is inf; PyTorch has inf - inf"),
    "hinge_embedding_loss": ("gradient at nan", "relu's slope at NaN, 1; PyTorch has that of clamp, 0"),
    "multi_margin_loss": ("result at nan, gradient at nan", "a NaN shows in the loss; PyTorch leaves it out"),
    "binary_cross_entropy_with_logits": ("result at -inf", LIMIT),
}


def planted(arrays, operand, plants, step=2):
    """The arrays with special numbers at places 1, 1 + step, ... of one of them; None where it is empty."""
    arrays = [x.copy() for x in arrays]
    flat = arrays[operand].reshape(-1)
    if not flat.size:
        return None
    for i, special in enumerate(plants):
        flat[(step * i + 1) % flat.size] = special
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


@pytest.fixture
def one_thread():
    """These tensors are small: PyTorch's threads would only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@needs_torch
@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("name", TABLE)
def test_special_numbers_are_pytorchs(name):
    found = differences(name)
    text, why = DIFFERENT.get(name, ("", ""))
    listed = set(filter(None, text.split(", ")))
    listed_when_mixed = {f"{place.split()[0]} at all" for place in listed}
    new = {place: found[place] for place in found.keys() - listed - listed_when_mixed}
    assert not new, f"{name} differs from PyTorch, and no reason is listed: {new}"
    stale = listed - found.keys()
    assert not stale, f"{name} has become PyTorch's at {stale}: {why!r} is stale"


def test_every_difference_has_a_row():
    assert set(DIFFERENT) <= set(TABLE)


def kinds(x):
    """0 for a number, 1 for NaN, 2 and 3 for the infinities."""
    return np.where(np.isnan(x), 1, np.where(np.isinf(x), 2 + (x < 0), 0))


REFUSED = {"BCE"}  # it takes probabilities alone
# What is not finite in float64 is not finite in float32, but may be an infinity in one and NaN in the other.
EITHER = {"LayerNorm": "inf, of a weight, times the part of a mean that the dtype has no room for: 0 in float64"}


def derived(case, arrays, seed, order):
    """The result of a case, its gradients and, for order 2, the second derivatives, as arrays."""
    xs = leaves(arrays)
    out = case.call(*xs)
    found = {"result": out.data}
    if case.order and out.requires_grad:
        dout = fg.from_numpy(np.resize(seed, out.shape).astype(out.dtype))
        slopes = fg.grad(out, xs, dout, create_graph=order == 2, allow_unused=True)
        found.update({f"gradient {i}": g.data for i, g in enumerate(slopes) if g is not None})
        bent = [g for g in slopes if order == 2 and g is not None and g.requires_grad]
        if bent:
            again = fg.grad(sum(g.sum() for g in bent), xs, allow_unused=True)
            found.update({f"second derivative {i}": g.data for i, g in enumerate(again) if g is not None})
    return found


def compare_tiers(name, case, arrays, seed, order):
    """Native kernels, of the best instruction set and the least, against reference; float32 against float64."""
    found = {}
    for dtype in DTYPES:
        given = [x.astype(dtype) for x in arrays]
        with fg.kernels.use("reference"), np.errstate(all="ignore"):
            expected = derived(case, given, seed, order)
        for isa in {ISAS[0], ISAS[-1]}:
            with fg.kernels.use("native", isa=isa), np.errstate(all="ignore"):
                found[dtype] = derived(case, given, seed, order)
            assert found[dtype].keys() == expected.keys()
            for what, x in found[dtype].items():
                scale = np.abs(expected[what][np.isfinite(expected[what])]).max(initial=1.0)
                where = f"{name}, {what}, {dtype}, {isa}, {given}"
                assert_close(x, expected[what], "gradient", n=17, scale=scale, what=where)
    single, double = found.values()
    kind = np.isfinite if name in EITHER else kinds
    for what in single:
        assert np.array_equal(kind(single[what]), kind(double[what])), (
            f"{name}, {what}, {arrays}: {single[what]} in float32, {double[what]} in float64"
        )


@pytest.mark.parametrize("name", CASES)
def test_native_is_reference_with_special_numbers(name, rng):
    for case in CASES[name]:
        shapes = max(case.shapes, key=lambda shapes: sum(np.prod(s) for s in shapes))
        seed = rng.uniform(0.5, 1.5, 97)
        for operand in range(len(shapes)):
            for plant, numbers in PLANTS.items():
                arrays = planted(draw_case(rng, case, shapes), operand, numbers)
                if arrays is None:
                    continue
                if name in REFUSED:
                    for which in ("native", "reference"):
                        with fg.kernels.use(which), pytest.raises(ValueError, match="probabilities"):
                            case.call(*leaves(arrays))
                else:
                    compare_tiers(name, case, arrays, seed, min(case.order, 2 if plant == "all" else 1))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", KERNELS)
def test_kernels_have_special_numbers_in_the_same_places(name, dtype, rng):
    """Rows long enough for every vector loop, of every instruction set."""
    case = KERNEL_CASES[name]
    args = case.make(rng, dtype, max((s for s in case.sizes if np.prod(s) <= 1200), key=np.prod))
    floats = [i for i, x in enumerate(args) if isinstance(x, np.ndarray) and x.dtype.kind == "f" and x.size]
    for operand in floats:
        for plant, numbers in PLANTS.items():
            changed = planted([args[i] for i in floats], floats.index(operand), numbers, step=7)
            given = [changed[floats.index(i)] if i in floats else x for i, x in enumerate(args)]
            expected = outcome(reference.KERNELS[name], name, given, case.steps)
            for isa in ISAS:
                with fg.kernels.use("native", isa=isa):
                    found = outcome(KERNELS[name], name, given, case.steps)
                for x, y in zip(found, expected, strict=True):
                    same = np.array_equal(kinds(x), kinds(y)) if x.dtype.kind == "f" else np.array_equal(x, y)
                    assert same, f"{name}, {plant} in argument {operand}, {dtype}, {isa}: {x}, reference {y}"


ROW = [[0.5, 1.0, -1.0], [NAN, INF, -INF]]
EDGES = {  # a use, and what comes of it: results that no finite number gives
    "bce_with_logits": (
        lambda: fg.binary_cross_entropy_with_logits(
            fg.tensor([INF, INF, INF, -INF, -INF, -INF, NAN]),
            fg.tensor([1.0, 0.5, 0.0, 0.0, 0.5, 1.0, 0.0]),
            reduction="none",
        ),
        [0.0, INF, INF, 0.0, INF, INF, NAN],
    ),
    "a label that is sure of itself": (
        lambda: fg.nn.functional.multi_margin_loss(fg.tensor([[0.0, INF, -INF]]), fg.tensor([1]), reduction="none"),
        [0.0],
    ),
    "an ignored row, smoothed": (
        lambda: fg.cross_entropy(
            fg.tensor(ROW), fg.tensor([1, 5]), ignore_index=5, label_smoothing=0.1, reduction="none"
        ),
        [fg.cross_entropy(fg.tensor(ROW[:1]), fg.tensor([1]), label_smoothing=0.1).item(), 0.0],
    ),
    "an ignored row, weighted": (
        lambda: fg.nll_loss(fg.tensor(ROW), fg.tensor([1, -100]), fg.tensor([1.0, 2.0, 3.0]), reduction="none"),
        [-2.0, 0.0],
    ),
    "the slopes of a running product": (
        lambda: fg.grad(fg.cumprod(x := fg.tensor([2.0, INF, 3.0, 0.5], requires_grad=True), 0).sum(), [x])[0],
        [INF, 2 + 6 + 3, INF, INF],
    ),
    "the slopes of a product": (
        lambda: fg.grad(fg.prod(x := fg.tensor([2.0, 3.0, INF], requires_grad=True)), [x])[0],
        [INF, INF, 6.0],
    ),
    "a power that is a root": (lambda: fg.tensor([-INF, INF, NAN]) ** 0.5, [INF, INF, NAN]),
    "a power of -0 that is 0": (lambda: 1.0 / fg.tensor([-0.0, 0.0]) ** 0.5, [INF, INF]),
}


@pytest.mark.parametrize("which", ["native", "reference"])
@pytest.mark.parametrize("edge", EDGES)
def test_edges(edge, which):
    call, expected = EDGES[edge]
    with fg.kernels.use(which):
        found = call().numpy()
    np.testing.assert_allclose(found, np.float32(expected), rtol=1e-6)


@pytest.mark.parametrize("special", [NAN, INF, -INF, 1.5, -0.1])
def test_bce_takes_probabilities_alone(special):
    p, t = fg.tensor([0.5, 0.5]), fg.tensor([0.0, special])
    for given in ((p, t), (t, p)):
        with pytest.raises(ValueError, match="probabilities"):
            fg.binary_cross_entropy(*given)


@needs_torch
def test_the_table_is_held_to_what_is_found(monkeypatch):
    monkeypatch.setitem(DIFFERENT, "exp", ("gradient at nan", "made up"))
    with pytest.raises(AssertionError, match="stale"):
        test_special_numbers_are_pytorchs("exp")
    monkeypatch.delitem(DIFFERENT, "sign")
    with pytest.raises(AssertionError, match="no reason is listed"):
        test_special_numbers_are_pytorchs("sign")


def test_a_tier_that_loses_a_nan_is_found():
    def call(x):
        return x if fg.kernels.info()["kernels"] == "reference" else fg.nan_to_num(x)

    case = Case(call, None, [((5,),)], order=0)
    for special in (NAN, INF, -INF):
        with pytest.raises(AssertionError, match="made up"):
            compare_tiers("made up", case, [np.array([1.0, special])], np.ones(2), 0)
    compare_tiers("made up", case, [np.array([1.0, 2.0])], np.ones(2), 0)
