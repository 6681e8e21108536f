"""Weight normalisation: a weight as a length and a direction."""

from ..ops import div, mul, vector_norm
from ..tape import wrap
from ..tensor import tensor
from .module import Parameter

__all__ = ["remove_weight_norm", "weight_norm"]


def length(v, dim):
    """||v|| over all axes but `dim`; over all of them for None or, as in PyTorch, -1."""
    if dim is None or dim == -1:
        return vector_norm(v)
    n = len(v.shape)
    others = [a for a in range(n) if a != dim % n]
    return vector_norm(v, dim=others, keepdim=True) if others else v.abs()


class WeightNorm:
    """The hook: before forward it sets the weight, made of g and v."""

    def __init__(self, name, dim):
        self.name, self.dim = name, dim

    def weight(self, module):
        g, v = getattr(module, self.name + "_g"), getattr(module, self.name + "_v")
        return mul(v, div(g, length(v, self.dim)))

    def __call__(self, module, inputs):
        setattr(module, self.name, self.weight(module))


def detached(x):
    """A tensor with these numbers and without a history, which can be copied and pickled."""
    return tensor(x.detach().numpy())


def weight_norm(module, name="weight", dim=0):
    """w = g v / ||v||: the module is given g and v to train, named weight_g and weight_v, in the place of its weight.

    The norm is taken over all axes but `dim` (0: a length for each output; None or -1: one for all), and g, v begin so
    that w is what it was. w is made before each forward, which gives it a history: copy or pickle a module before its
    first, or save its state_dict. A v of zeros has no direction and makes w NaN. Returns the module.
    Source: Salimans and Kingma, "Weight normalization", 2016.
    Errors: RuntimeError for a second normalisation of one weight; TypeError where `name` names no parameter.

    >>> import fastgrad as fg
    >>> from fastgrad.nn.weight_norm import weight_norm
    >>> layer = weight_norm(fg.nn.Linear(4, 3))
    >>> [(name, p.shape) for name, p in layer.named_parameters()]
    [('bias', (3,)), ('weight_g', (3, 1)), ('weight_v', (3, 4))]
    """
    if hook_of(module, name) is not None:
        raise RuntimeError(f"weight_norm: {name} has one already; two on one weight would be one")
    weight = module._parameters.get(name)
    if weight is None:
        raise TypeError(
            f"weight_norm: {type(module).__name__} has no parameter {name!r}; it has {list(module._parameters)}"
        )
    n = max(len(weight.shape), 1)
    if dim is not None and not -n <= dim < n:
        raise IndexError(f"weight_norm: dim {dim} of a weight {tuple(weight.shape)}; it must be from {-n} to {n - 1}")
    hook = WeightNorm(name, dim)
    delattr(module, name)
    module.register_parameter(name + "_g", Parameter(detached(length(wrap(weight.data), dim))))
    module.register_parameter(name + "_v", Parameter(detached(weight)))
    setattr(module, name, detached(hook.weight(module)))
    module.register_forward_pre_hook(hook)
    return module


def hook_of(module, name):
    """The hook that makes the parameter `name`, or None."""
    hooks = module._hooks.before.values() if module._hooks is not None else ()
    return next((hook for hook, *_ in hooks if isinstance(hook, WeightNorm) and hook.name == name), None)


def remove_weight_norm(module, name="weight"):
    """Undoes `weight_norm`: the weight is a parameter again, with the values it has now. Returns the module.

    Errors: ValueError where there is none.
    """
    hook = hook_of(module, name)
    if hook is None:
        raise ValueError(f"remove_weight_norm: {name} of {type(module).__name__} has no weight_norm")
    weight = detached(hook.weight(module))
    for key in [k for k, (found, *_) in module._hooks.before.items() if found is hook]:
        del module._hooks.before[key]
    for part in (name, name + "_g", name + "_v"):
        delattr(module, part)
    module.register_parameter(name, Parameter(weight))
    return module
