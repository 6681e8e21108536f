"""Arguments for any kernel, from its row: so that a new row is checked and timed without a line written here."""

import re

import numpy as np

from fastgrad import kernels

GIVEN = {"from_bool", "from_int64"}  # out says which dtype is made
NUMBERS = {"lr": 1e-3}  # scalars a row gives no default for; others are 0.5


def family(*names):
    """The kernels of these families, in the order of their rows."""
    return [name for name, kernel in kernels.KERNELS.items() if kernel.family in names]


def arguments(kernel, sizes, dtype=np.float32, seed=0):
    """Keyword arguments of one call, and the bytes it must move at least.

    ``sizes`` gives a number to every letter of the signature, and a shape to ``*``; an element-of-a-list kernel (EACH)
    gets lists of arrays where ``sizes["n"]`` is a list. Values lie in 0.1 .. 1.1, where every formula is defined.
    """
    rng, found, moved = np.random.default_rng(seed), {}, 0
    for item in re.split(r",\s*(?![^\[]*\])", kernel.signature):
        slot = re.fullmatch(r"([=>?~+]?)(\w+)(?::(\w+))?\[(.*)\]", item)
        if slot is None:
            name, _, default = item.partition("=")
            if name.endswith("#"):
                found[name[:-1]] = sizes[name[:-1]]
            elif not default:
                found[name] = NUMBERS.get(name, 0.5)
            continue
        mark, name, kind, dims = slot.groups()
        if mark == "+" or (name == "total" and mark == "?"):  # arrays of a rule that may be left out
            continue
        of_each = dims == "n" and isinstance(sizes.get("n"), list)
        for size in sizes["n"] if of_each else [None]:
            shape = sizes["*"] if dims == "*" else tuple(sizes[d] if size is None else size for d in dims.split(","))
            array = draw(rng, shape, kind, sizes, dtype)
            moved += array.nbytes * (2 if mark == "=" else 1)
            if mark == ">" and kernel.__name__ not in GIVEN:
                continue
            if of_each:
                found.setdefault(name, []).append(array)
            else:
                found[name] = array
    return found, moved


def draw(rng, shape, kind, sizes, dtype):
    """Numbers for one array: floats, labels below C (or R), other integers, or conditions."""
    dtype = {"f32": np.float32, "f64": np.float64}.get(kind, dtype)
    if kind == "i64":
        return rng.integers(0, sizes.get("C") or sizes.get("R") or 1000, shape)
    if kind == "u8":
        return rng.integers(0, 2, shape).astype(bool)
    return rng.random(shape).astype(dtype) + dtype(0.1)


def copied(values):
    """Arguments of their own, so that one run cannot see what another has written."""
    copy = {list: lambda v: [a.copy() for a in v], np.ndarray: np.ndarray.copy}
    return {name: copy.get(type(value), lambda v: v)(value) for name, value in values.items()}


def outcome(kernel, values):
    """Everything a call returns and everything it may have changed, as a flat list of arrays."""
    values = copied(values)
    returned = kernel(**values)
    arrays = list(returned) if isinstance(returned, (tuple, list)) else [returned]
    for name in kernel.written_names:
        arrays += values.get(name, []) if isinstance(values.get(name), list) else [values.get(name)]
    flat = [a for item in arrays for a in (item if isinstance(item, list) else [item])]
    return [np.asarray(a) for a in flat if a is not None]


def check(kernel, values, rtol=0.0, atol=0.0):
    """Holds the compiled kernel against the reference; ``rtol=0`` asks for the same bits."""
    native = outcome(kernel, values)
    with kernels.use("reference"):
        reference = outcome(kernel, values)
    assert native
    for ours, theirs in zip(native, reference, strict=True):
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol)
    inputs = [values[name] for name in kernel.written_names if name in values]
    for before in inputs:  # a kernel that writes nothing would agree with itself: something must have moved
        first = before[0] if isinstance(before, list) else before
        assert any(a.shape == first.shape and not np.array_equal(a, first) for a in native)
