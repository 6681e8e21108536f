"""Derivatives of functions: jacobian, hessian, and the products vjp, jvp, vhp, hvp that need no matrix.

Conventions are PyTorch's. `inputs` is a tensor or a tuple; so is what `func` returns. Where either is a single tensor,
so is its place in the result. The inputs are not touched: `func` is given aliases that require a gradient. A result
that does not depend on an input has the derivative 0 (``strict=True``: an error). Without ``create_graph`` results are
constants.
"""

import numpy as np

from .. import ops
from ..tensor import Tensor, set_grad, wrap
from .gradient import grad

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]


def jacobian(func, inputs, create_graph=False, strict=False, vectorize=False, strategy="reverse-mode"):
    """J[out..., in...] = d func(inputs)[out...] / d inputs[in...]: one tensor, or a tuple (of outputs) of tuples (of
    inputs). One backward for each element of the outputs. `vectorize` and `strategy` change nothing.

    >>> import fastgrad as fg
    >>> fg.autograd.functional.jacobian(lambda x: x * x, fg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    with set_grad(True):
        xs, one_input = prepared(inputs, create_graph)
        outputs, one_output = called("jacobian", func, xs, one_input)
        rows = tuple(jacobian_of(out, xs, i, create_graph, strict) for i, out in enumerate(outputs))
    rows = tuple(shaped(row, one_input) for row in rows)
    return shaped(rows, one_output)


def jacobian_of(out, xs, number, create_graph, strict):
    """The Jacobian of one output with respect to each input."""
    found: list = [[] for _ in xs]
    for i in range(out.numel()):
        direction = np.zeros(out.shape, out.dtype)
        direction.reshape(-1)[i] = 1
        gradients = derivative([out], xs, [wrap(direction)], create_graph, strict, f"jacobian: output {number}")
        for j, g in enumerate(gradients):
            found[j].append(ops.reshape(g, 1, *g.shape))
    return tuple(
        ops.reshape(ops.concatenate(rows), *out.shape, *x.shape)
        if rows
        else wrap(np.zeros((*out.shape, *x.shape), x.dtype))
        for rows, x in zip(found, xs, strict=True)
    )


def hessian(func, inputs, create_graph=False, strict=False, vectorize=False, outer_jacobian_strategy="reverse-mode"):
    """H = the Jacobian of the gradient of `func`, whose result has one element: a tensor, or a tuple of tuples [i][j].

    >>> import fastgrad as fg
    >>> fg.autograd.functional.hessian(lambda x: (x * x * x).sum(), fg.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    one_input = isinstance(inputs, Tensor)

    def slope(*xs):
        outputs, _ = called("hessian", func, xs, False)
        refuse_several("hessian", outputs)
        return derivative(outputs, xs, None, True, strict, "hessian: the output")

    found = jacobian(slope, (inputs,) if one_input else inputs, create_graph, strict)
    return found[0][0] if one_input else found


def vjp(func, inputs, v=None, create_graph=False, strict=False):
    """(func(inputs), v^T J): v has the outputs' shapes; it may be left out where there is one element."""
    with set_grad(True):
        xs, one_input = prepared(inputs, create_graph)
        outputs, one_output = called("vjp", func, xs, one_input)
        seeds = directions("vjp", v, outputs, "output")
        found = derivative(outputs, xs, seeds, create_graph, strict, "vjp: the output")
    return results(outputs, one_output, found, one_input, create_graph)


def jvp(func, inputs, v=None, create_graph=False, strict=False):
    """(func(inputs), J v): v has the inputs' shapes; it may be left out where there is one element.

    Two backwards: J^T u is linear in u, so the derivative of <J^T u, v> with respect to u is J v
    (J. Townsend, "A new trick for calculating Jacobian vector products", 2017).
    """
    with set_grad(True):
        xs, one_input = prepared(inputs, create_graph)
        v = directions("jvp", v, xs, "input")
        outputs, one_output = called("jvp", func, xs, one_input)
        us = [Tensor(np.zeros(o.shape, o.dtype), requires_grad=True) for o in outputs]
        found = derivative(outputs, xs, us, True, strict, "jvp: the output")
        out = derivative(found, us, v, create_graph, False, "jvp")
    return results(outputs, one_output, out, one_output, create_graph)


def vhp(func, inputs, v=None, create_graph=False, strict=False):
    """(func(inputs), v^T H), for a func whose result has one element."""
    return hessian_product("vhp", func, inputs, v, create_graph, strict)


def hvp(func, inputs, v=None, create_graph=False, strict=False):
    """(func(inputs), H v), for a func whose result has one element.

    H is symmetric where the second derivatives are continuous, and a rule gives v^T H with one backward less; so this
    is `vhp`, which PyTorch recommends in its place.

    >>> import fastgrad as fg
    >>> fg.autograd.functional.hvp(lambda x: (x * x * x).sum(), fg.tensor([1.0, 2.0]), fg.tensor([1.0, 1.0]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    return hessian_product("hvp", func, inputs, v, create_graph, strict)


def hessian_product(name, func, inputs, v, create_graph, strict):
    with set_grad(True):
        xs, one_input = prepared(inputs, create_graph)
        v = directions(name, v, xs, "input")
        outputs, one_output = called(name, func, xs, one_input)
        refuse_several(name, outputs)
        slope = derivative(outputs, xs, None, True, strict, f"{name}: the output")
        found = derivative(slope, xs, v, create_graph, strict, f"{name}: the gradient")
    return results(outputs, one_output, found, one_input, create_graph)


# -- parts -------------------------------------------------------------------------------------------------------------
def prepared(inputs, create_graph):
    """The inputs as tensors that require a gradient: new leaves, or with a history where one is asked for."""
    one = isinstance(inputs, Tensor)
    xs = (inputs,) if one else tuple(inputs)
    for i, x in enumerate(xs):
        if not isinstance(x, Tensor) or x.dtype.kind != "f":
            raise TypeError(
                f"input {i} is {x.dtype if isinstance(x, Tensor) else type(x).__name__}, not a float tensor"
            )
    kept = [ops.reshape(x, *x.shape) if create_graph and x.requires_grad else Tensor(x.data, True) for x in xs]
    return tuple(kept), one


def called(name, func, xs, one_input):
    out = func(*xs)
    one = isinstance(out, Tensor)
    outputs = (out,) if one else tuple(out)
    for i, o in enumerate(outputs):
        if not isinstance(o, Tensor):
            raise TypeError(f"{name}: output {i} of the function is {type(o).__name__}, not a tensor")
    return outputs, one


def derivative(outputs, inputs, seeds, create_graph, strict, what):
    """`grad` with zeros where nothing depends."""
    seeds = [None] * len(outputs) if seeds is None else seeds
    used = [(o, s) for o, s in zip(outputs, seeds, strict=True) if o.requires_grad]
    found: tuple = (None,) * len(inputs)
    if used:
        outs, vs = zip(*used, strict=True)
        found = grad(outs, inputs, vs, retain_graph=True, create_graph=create_graph, allow_unused=True)
    for i, g in enumerate(found):
        if g is None and strict:
            raise RuntimeError(f"{what} does not depend on input {i} (strict=True)")
    return tuple(wrap(np.zeros(x.shape, x.dtype)) if g is None else g for g, x in zip(found, inputs, strict=True))


def directions(name, v, tensors, kind):
    """`v` as a tuple that fits the tensors."""
    if v is None:
        if len(tensors) != 1 or tensors[0].numel() != 1:
            raise RuntimeError(f"{name}: v may be left out only where there is one {kind} of one element")
        return (wrap(np.ones(tensors[0].shape, tensors[0].dtype)),)
    v = (v,) if isinstance(v, Tensor) else tuple(v)
    if len(v) != len(tensors):
        raise RuntimeError(f"{name}: {len(v)} tensors in v for {len(tensors)} {kind}s")
    for i, (a, b) in enumerate(zip(v, tensors, strict=True)):
        if a.shape != b.shape:
            raise RuntimeError(f"{name}: v {i} has shape {a.shape}, {kind} {i} has {b.shape}")
    return v


def refuse_several(name, outputs):
    if len(outputs) != 1 or outputs[0].numel() != 1:
        raise RuntimeError(
            f"{name}: the function must return one tensor of one element, not {[o.shape for o in outputs]}"
        )


def shaped(values, one):
    return values[0] if one else values


def results(outputs, one_output, found, one_found, create_graph):
    outputs, found = (xs if create_graph else tuple(x.detach() for x in xs) for xs in (outputs, found))
    return shaped(outputs, one_output), shaped(found, one_found)
