"""Gradients by call: grad and backward."""

from .. import tape
from ..tensor import Tensor, run_backward, seed_gradient, set_grad, wrap

__all__ = ["backward", "grad"]


def grad(outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, allow_unused=False):
    """d outputs / d inputs as a tuple of tensors; no ``.grad`` is touched.

    With ``create_graph=True`` the result can be differentiated again. An input the outputs do not depend on is an
    error, or None with ``allow_unused=True``.

    >>> import fastgrad as fg
    >>> x = fg.tensor(3.0, requires_grad=True)
    >>> (slope,) = fg.grad(x * x * x, x, create_graph=True)
    >>> fg.grad(slope, x)
    (tensor(18.),)
    """
    outputs, inputs = (list(x) if isinstance(x, (list, tuple)) else [x] for x in (outputs, inputs))
    given = (
        [None] * len(outputs)
        if grad_outputs is None
        else [grad_outputs]
        if isinstance(grad_outputs, Tensor)
        else list(grad_outputs)
    )
    for i, t in enumerate([*outputs, *inputs]):
        if not isinstance(t, Tensor):
            raise TypeError(f"grad takes tensors, not a {type(t).__name__}")
        if not t.requires_grad:
            what, n = ("output", i) if i < len(outputs) else ("input", i - len(outputs))
            raise RuntimeError(
                f"grad: {what} {n} does not require a gradient (it has shape {t.shape}); set requires_grad=True on the "
                f"leaves before computing, outside no_grad()"
            )
    seeds = [seed_gradient(o, g, create_graph) for o, g in zip(outputs, given, strict=True)]
    wanted = {id(t.node or t): None for t in inputs}
    last = None if any(t.node is None for t in inputs) else max(t.node.key for t in inputs)
    retain = create_graph if retain_graph is None else retain_graph
    with set_grad(create_graph):
        tape.backward(outputs, seeds, wanted=wanted, last=last, retain_graph=retain, create_graph=create_graph)
    found = [wanted[id(t.node or t)] for t in inputs]
    for i, g in enumerate(found):
        if g is None and not allow_unused:
            raise RuntimeError(f"grad: the outputs do not depend on input {i}; allow_unused=True gives None for it")
    return tuple(g if g is None or isinstance(g, Tensor) else wrap(g) for g in found)


def backward(tensors, grad_tensors=None, retain_graph=None, create_graph=False, inputs=None):
    """`Tensor.backward` of several tensors in one walk: adds the gradient of their sum to the leaves' ``grad``.

    ``grad_tensors``: what flows into each; None for a tensor of a single element.
    """
    tensors = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if grad_tensors is None:
        grad_tensors = [None] * len(tensors)
    elif isinstance(grad_tensors, Tensor):
        grad_tensors = [grad_tensors]
    run_backward(tensors, list(grad_tensors), retain_graph, create_graph, inputs)
