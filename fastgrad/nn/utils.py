"""What is done to gradients before a step, and parameters as one vector, under PyTorch's names.

An optimizer clips in its own launch, which is faster: ``clip_norm=`` and ``clip_value=`` (`fastgrad.optim.Optimizer`).
"""

from math import isnan

import numpy as np

from .. import kernels, ops, tape
from ..ops import dtypes
from ..tape import Value, state, wrap
from .weight_norm import remove_weight_norm, weight_norm

__all__ = [
    "clip_grad_norm_",
    "clip_grad_value_",
    "get_total_norm",
    "parameters_to_vector",
    "remove_weight_norm",
    "vector_to_parameters",
    "weight_norm",
]

FORMS = ("scale", "unit")


def clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None, *, form="scale"):
    """Scales all gradients together, in place, to a norm of at most `max_norm`; returns the norm they had.

    g = g min(1, max_norm / (||g|| + 1e-6)),   ||g|| = (sum |g|^norm_type)^(1/norm_type) over all gradients

    `parameters`: tensors, or one. `norm_type`: any p, math.inf too; 2 is one pass in float64. `foreach` is taken and
    changes nothing. Works in a captured step. ``form="unit"`` is a lecture's printed rule:

    as printed   if ||g|| > theta:  g = g / ||g||          the norm falls from theta to 1 where it crosses theta
    correct      if ||g|| > theta:  g = theta g / ||g||    the norm is never above theta, and does not jump
    why          the second is the closest gradient with a norm of at most theta, and the first is it for theta = 1
                 alone: with theta = 5 a norm of 4.9 stays, one of 5.1 becomes 1

    Source: Pascanu, Mikolov and Bengio (2013), "On the difficulty of training recurrent neural networks", algorithm 1;
    the 1e-6 is PyTorch's.
    Errors: RuntimeError with `error_if_nonfinite` for a norm that is not finite, ValueError for a negative max_norm or
    an unknown form. Nothing is changed then.

    >>> import fastgrad as fg
    >>> w = fg.tensor([0.0, 0.0], requires_grad=True)
    >>> w.grad = fg.tensor([3.0, 4.0])
    >>> fg.nn.utils.clip_grad_norm_([w], 1.0), w.grad
    (tensor(5.), tensor([0.6, 0.8]))
    """
    if form not in FORMS:
        raise ValueError(f"clip_grad_norm_: form must be one of {', '.join(map(repr, FORMS))}, not {form!r}")
    max_norm = limit("clip_grad_norm_", "max_norm", max_norm)
    gradients = arrays_by_dtype("clip_grad_norm_", parameters)
    norm = norm_of(gradients, norm_type)
    if error_if_nonfinite:
        kernels.host(refuse_nonfinite, norm, float(norm_type))
    factor = coefficient(norm, max_norm, form)
    if kernels._core.recording() is not None or factor[0] != 1:
        for arrays in gradients.values():
            kernels.scale_all(arrays, factor)
        tape.changed(*[g for arrays in gradients.values() for g in arrays])
    return as_scalar(norm, gradients)


def clip_grad_value_(parameters, clip_value, foreach=None):
    """Brings every number of the gradients into [-clip_value, clip_value], in place: g = min(max(g, -c), c).

    Another direction, where some numbers are cut and others are not. Works in a captured step.
    Source: Mikolov (2012). Errors: ValueError for a negative clip_value.

    >>> import fastgrad as fg
    >>> w = fg.tensor([0.0, 0.0], requires_grad=True)
    >>> w.grad = fg.tensor([3.0, -0.5])
    >>> fg.nn.utils.clip_grad_value_(w, 1.0)
    >>> w.grad
    tensor([ 1. , -0.5])
    """
    clip_value = limit("clip_grad_value_", "clip_value", clip_value)
    gradients = arrays_by_dtype("clip_grad_value_", parameters)
    for arrays in gradients.values():
        kernels.clip_all(arrays, clip_value)
        tape.changed(*arrays)


def get_total_norm(tensors, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """The norm of several tensors as one vector, (sum |x|^norm_type)^(1/norm_type); no gradient flows through it.

    norm_type = 0 counts the tensors that are not all 0, as PyTorch does.
    Errors: RuntimeError with `error_if_nonfinite` for a norm that is not finite.

    >>> import fastgrad as fg
    >>> fg.nn.utils.get_total_norm([fg.tensor([3.0]), fg.tensor([[4.0]])])
    tensor(5.)
    """
    several = grouped(x.data for x in listed("get_total_norm", tensors))
    norm = norm_of(several, norm_type)
    if error_if_nonfinite:
        kernels.host(refuse_nonfinite, norm, float(norm_type))
    return as_scalar(norm, several)


def parameters_to_vector(parameters):
    """All parameters, one after another, as one tensor of one dimension; gradients flow through it.

    Errors: ValueError for none.

    >>> import fastgrad as fg
    >>> fg.nn.utils.parameters_to_vector([fg.tensor([[1.0, 2.0]]), fg.tensor([3.0])])
    tensor([1., 2., 3.])
    """
    several = listed("parameters_to_vector", parameters)
    if not several:
        raise ValueError("parameters_to_vector: no parameters; pass model.parameters() itself")
    return ops.concatenate([ops.reshape(p, (-1,)) for p in several])


def vector_to_parameters(vec, parameters):
    """Copies the numbers of `vec` into the parameters, one after another: undoes `parameters_to_vector`.

    The parameters keep their memory (PyTorch's share that of `vec` afterwards).
    Errors: ValueError for a vector of another length; nothing is changed then.

    >>> import fastgrad as fg
    >>> w, b = fg.zeros(1, 2), fg.zeros(1)
    >>> fg.nn.utils.vector_to_parameters(fg.tensor([1.0, 2.0, 3.0]), [w, b])
    >>> w, b
    (tensor([[1., 2.]]), tensor([3.]))
    """
    several = listed("vector_to_parameters", parameters)
    if not isinstance(vec, Value):
        raise TypeError(f"vector_to_parameters: the vector is a {type(vec).__name__}, not a tensor")
    sizes = [p.data.size for p in several]
    if vec.shape != (sum(sizes),):
        raise ValueError(f"vector_to_parameters: a vector {vec.shape} for parameters of {sum(sizes)} numbers")
    if state.capture:
        state.capture.keep(*[p.data for p in several])
    start = 0
    for p, n in zip(several, sizes, strict=True):
        kernels.copy(ops.cast(vec.data[start : start + n], p.dtype).reshape(p.shape), out=p.data)
        start += n
    tape.changed(*[p.data for p in several])


# -- parts -------------------------------------------------------------------------------------------------------------
def limit(name, option, value):
    value = float(value)
    if value < 0 or isnan(value):
        raise ValueError(f"{name}: {option} must be at least 0, not {value}")
    return value


def listed(name, tensors):
    """The tensors as a list; one alone is a list of one. Errors: TypeError."""
    several = [tensors] if isinstance(tensors, Value) else list(tensors)
    for i, x in enumerate(several):
        if not isinstance(x, Value):
            raise TypeError(f"{name}: argument {i} of the list is a {type(x).__name__}, not a tensor")
    return several


def grouped(arrays):
    """Arrays by dtype: a kernel takes those of one dtype together."""
    found: dict = {}
    for a in arrays:
        found.setdefault(a.dtype, []).append(a)
    return found


def arrays_by_dtype(name, parameters):
    """The gradients that there are, by dtype. Errors: ValueError for one that cannot be written."""
    found = grouped(g.data for p in listed(name, parameters) if (g := p.grad) is not None)
    for g in (g for arrays in found.values() for g in arrays) if len(found) > 1 else ():  # a kernel checks its own
        if not (g.flags.writeable and g.flags.c_contiguous):
            raise ValueError(f"{name}: a gradient {g.shape} is read-only or not contiguous; set grad to a copy")
    return found


def norm_of(several, p):
    """The p-norm of all arrays together, as an array of one number in float64."""
    p = float(p)
    if not several:
        return np.zeros(1)
    if p != 2:
        norms = [as_float64(ops.vector_norm(a, p)) for arrays in several.values() for a in arrays]
        return as_float64(ops.vector_norm(ops.concatenate(norms), p))
    total = np.zeros(2 * len(several))
    for i, arrays in enumerate(several.values()):
        kernels.sum_squares(arrays, total[2 * i : 2 * i + 2])
    squares = total[:1]
    for i in range(1, len(several)):
        squares = kernels.add(squares, total[2 * i : 2 * i + 1])
    return kernels.sqrt(squares)


def as_float64(x):
    return ops.cast(np.asarray(x), np.float64).reshape(1)


def as_scalar(norm, several):
    """The norm as a tensor without dimensions, of the tensors' dtype."""
    dtype = np.result_type(*several) if several else dtypes.default_dtype
    return wrap(ops.cast(norm, dtype).reshape(()))


def coefficient(norm, max_norm, form):
    """What gradients of this norm are multiplied by, as an array of one number."""
    if form == "unit":
        return kernels.where(kernels.gt(norm, max_norm), kernels.div(1.0, norm), 1.0)
    return kernels.minimum(kernels.div(max_norm, kernels.add(norm, 1e-6)), 1.0)


def refuse_nonfinite(norm, p):
    """Raises for a norm that is NaN or infinite: a call that a captured step repeats."""
    if not np.isfinite(norm).all():
        raise RuntimeError(
            f"the total norm of order {p:g} of the gradients is {norm[0]}, not finite, so they cannot be clipped; "
            f"error_if_nonfinite=False scales them all the same; fastgrad.autograd.detect_anomaly() finds the cause"
        )
