"""Penalties on parameters: as a term of the loss, and as decay that only weights get."""

from .. import ops
from ..tape import Value, wrap
from .optimizer import listed

__all__ = ["decay_groups", "penalty"]


def penalty(params, l1=0.0, l2=0.0):
    """A term for the loss, l1 sum |p| + l2/2 sum p^2 over all parameters; its gradient is l1 sign(p) + l2 p.

    The same gradient as an optimizer's fused options ``l1=l1, weight_decay=l2`` (with decoupled_weight_decay=False),
    which cost no pass of their own; but the term shows in the loss, may differ from tensor to tensor, and is itself
    differentiable. With rules that scale the gradient (Adam) neither is decoupled decay. Use one of the two, not both.

    Where lectures write the loss with lambda/2 ||W||^2, l2 is lambda, and so is weight_decay. Where they write
    lambda ||W||^2, without the half, l2 is 2 lambda. At p = 0 the subgradient of |p| is 0: to come to exact zeros, use
    the options ``l1=..., proximal=True`` of an optimizer.
    Source: Hoerl and Kennard (1970) for l2, Tibshirani (1996) for l1; Krogh and Hertz (1992) for decay.
    Errors: ValueError for a negative l1 or l2, or no parameters; TypeError for what is no tensor.

    >>> import fastgrad as fg
    >>> w = fg.tensor([1.0, -2.0], requires_grad=True)
    >>> loss = fg.optim.penalty([w], l1=0.1, l2=0.01)
    >>> loss.backward()
    >>> loss.detach(), w.grad
    (tensor(0.325), tensor([ 0.11, -0.12]))
    """
    for name, value in (("l1", l1), ("l2", l2)):
        if not value >= 0:
            raise ValueError(f"penalty: {name} must be at least 0, not {value}")
    params = listed("penalty", params)
    if not params:
        raise ValueError("penalty: no parameters; pass model.parameters() itself, a generator is used up once read")
    for i, p in enumerate(params):
        if not isinstance(p, Value):
            raise TypeError(f"penalty: parameter {i} is a {type(p).__name__}, not a tensor")
    terms = []
    if l1:
        terms.append(ops.mul(total(ops.sum(ops.abs(p)) for p in params), float(l1)))
    if l2:
        terms.append(ops.mul(total(ops.sum(ops.mul(p, p)) for p in params), l2 / 2))
    return total(terms) if terms else wrap(ops.mul(ops.sum(params[0].data), 0.0))


def total(terms):
    first, *others = terms
    for term in others:
        first = ops.add(first, term)
    return first


def decay_groups(model, weight_decay, *, no_decay=(), **options):
    """Groups of parameters for an optimizer: weights decay, and biases, scales of norms and what you name do not.

    A tensor of two or more dimensions is a weight; one of fewer is a bias or a scale, of which there are few and whose
    size is not what makes a network overfit. `no_decay`: names of parameters, or of modules for all that is in them.
    `options` go into both groups. Every parameter is in one group, a shared one too. A group without parameters is left
    out.

    `model`: a Module, or pairs of name and tensor as its `named_parameters()` gives.
    Errors: ValueError for a name in `no_decay` that there is not, or a model without parameters.

    >>> import fastgrad as fg
    >>> model = fg.nn.Sequential(fg.nn.Linear(2, 3), fg.nn.Linear(3, 1))
    >>> groups = fg.optim.decay_groups(model, 0.01)
    >>> [(g["weight_decay"], len(g["params"])) for g in groups]
    [(0.01, 2), (0.0, 2)]
    >>> opt = fg.optim.AdamW(groups, lr=1e-3)
    """
    pairs = list(model.named_parameters() if hasattr(model, "named_parameters") else model)
    if not pairs:
        raise ValueError("decay_groups: the model has no parameters")
    no_decay = (no_decay,) if isinstance(no_decay, str) else tuple(no_decay)
    lost = [n for n in no_decay if not any(within(name, n) for name, _ in pairs)]
    if lost:
        names = ", ".join(name for name, _ in pairs)
        raise ValueError(f"decay_groups: no parameter is called {lost[0]!r}; there are {names}")
    decaying: list = []
    others: list = []
    seen: set = set()
    for name, p in pairs:
        if id(p) not in seen:
            seen.add(id(p))
            spared = len(p.shape) < 2 or any(within(name, n) for n in no_decay)
            (others if spared else decaying).append(p)
    groups = [{"params": decaying, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    return [{**group, **options} for group in groups if group["params"]]


def within(name, module):
    """Whether a parameter is called so, or is in the module called so."""
    return name == module or name.startswith(f"{module}.")
