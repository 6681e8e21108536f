"""gradcheck: holds a rule against finite differences."""

import numpy as np

from ..tensor import Tensor, set_grad, wrap
from .gradient import grad

__all__ = ["gradcheck", "gradgradcheck"]


def gradcheck(function, inputs, eps=1e-6, rtol=1e-5, atol=1e-7, raise_exception=True):
    """Whether backward agrees with central differences, (f(x + eps) - f(x - eps)) / (2 eps), in float64.

    `inputs`: a tensor or a tuple of them; those that require a gradient must be float64. Each output's gradient is
    checked against a random direction (fixed by the shapes), element of the input by element.
    Errors: AssertionError naming input, index and both numbers (or False with ``raise_exception=False``).
    """
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    checked = [i for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    if not checked:
        raise ValueError("gradcheck: no input requires a gradient")
    for i in checked:
        if inputs[i].dtype != np.float64:
            raise TypeError(f"gradcheck: input {i} is {inputs[i].dtype}; differences need float64")
    outputs = function(*inputs)
    outputs = [o for o in (outputs if isinstance(outputs, tuple) else (outputs,)) if o.requires_grad]
    draw = np.random.Generator(np.random.Philox(0))
    seeds = [wrap(_direction(draw, o.shape)) for o in outputs]
    analytic = grad(outputs, [inputs[i] for i in checked], seeds, allow_unused=True)
    try:
        for i, g in zip(checked, analytic, strict=True):
            found = np.zeros(inputs[i].shape) if g is None else g.data
            _compare(i, found, _differences(function, inputs, i, seeds, eps), rtol, atol)
    except AssertionError:
        if raise_exception:
            raise
        return False
    return True


def _direction(draw, shape):
    """A random direction with no component near 0: it would hide an error in that element."""
    return np.asarray(draw.uniform(0.5, 1.5, shape) * draw.choice([-1.0, 1.0], shape))


def _differences(function, inputs, i, seeds, eps):
    """Central differences of sum(seed * output) with respect to each element of input i."""
    x = inputs[i].data
    slope = np.zeros(x.shape)

    def value():
        with set_grad(True):
            outputs = function(*inputs)
        outputs = [o for o in (outputs if isinstance(outputs, tuple) else (outputs,)) if o.requires_grad]
        return [o.data.copy() for o in outputs]

    for at in np.ndindex(x.shape):
        kept = x[at]
        x[at] = kept + eps
        upper = value()
        x[at] = kept - eps
        lower = value()
        x[at] = kept
        slope[at] = sum(
            float(np.sum(s.data * ((u - v) / (2 * eps)))) for s, u, v in zip(seeds, upper, lower, strict=True)
        )
    return slope


def _compare(i, found, expected, rtol, atol):
    # The error of a difference is relative to the largest slope, not to each: round-off is shared by all elements.
    scale = np.max(np.abs(expected), initial=0.0)
    wrong = ~(np.abs(found - expected) <= atol + rtol * np.maximum(np.abs(expected), scale))
    if found.shape != expected.shape or wrong.any():
        at = tuple(int(k) for k in np.argwhere(wrong)[0]) if found.shape == expected.shape else ()
        raise AssertionError(
            f"gradcheck: input {i} at {at}: backward gives {found[at] if at or not found.ndim else found.shape}, "
            f"differences give {expected[at] if at or not expected.ndim else expected.shape}; "
            f"{int(wrong.sum())} of {wrong.size} elements differ"
        )


def gradgradcheck(function, inputs, eps=1e-6, rtol=1e-5, atol=1e-6, raise_exception=True):
    """`gradcheck` of the gradient itself: the second order."""
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    checked = [i for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    draw = np.random.Generator(np.random.Philox(1))
    with set_grad(True):
        first = function(*inputs)
    first = first if isinstance(first, tuple) else (first,)
    seeds = [Tensor(_direction(draw, o.shape), requires_grad=True) for o in first if o.requires_grad]

    def slope(*args):
        xs, vs = args[: len(inputs)], args[len(inputs) :]
        outputs = function(*xs)
        outputs = [o for o in (outputs if isinstance(outputs, tuple) else (outputs,)) if o.requires_grad]
        found = grad(outputs, [xs[i] for i in checked], list(vs), create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    return gradcheck(slope, (*inputs, *seeds), eps, rtol, atol, raise_exception)
