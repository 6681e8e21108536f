"""Transfer: a part that was trained on another task, held as it is while the rest learns."""

from ..nn import Module

__all__ = ["freeze", "unfreeze"]


def freeze(module):
    """Holds a module as it is: its parameters get no gradient, and it stays in evaluation mode. Returns the module.

    In evaluation mode dropout drops nothing and batch normalisation leaves its running statistics alone; ``train()`` of
    the model around it, which `fit` calls too, does not change that until `unfreeze`. An optimizer passes over what has
    no gradient: no decay, no step. Whether a module is frozen is not saved with its weights.
    Errors: TypeError for what is no module.

    >>> import fastgrad as fg
    >>> trunk = fg.nn.Sequential(fg.nn.Linear(4, 8), fg.nn.BatchNorm1d(8), fg.nn.ReLU())
    >>> net = fg.nn.Sequential(freeze(trunk), fg.nn.Linear(8, 3))
    >>> net.train().training, trunk[1].training, [name for name, p in net.named_parameters() if p.requires_grad]
    (True, False, ['1.weight', '1.bias'])

    Source: Yosinski et al., "How transferable are features in deep neural networks?", 2014.
    """
    hold("freeze", module, True)
    module.eval()
    return module


def unfreeze(module):
    """Lets a frozen module learn again: gradients for all its parameters, and the mode of ``train()``.

    >>> import fastgrad as fg
    >>> layer = unfreeze(freeze(fg.nn.Linear(2, 1)))
    >>> layer.training, layer.weight.requires_grad
    (True, True)
    """
    hold("unfreeze", module, False)
    module.train()
    return module


def hold(who, module, frozen):
    if not isinstance(module, Module):
        raise TypeError(f"{who}: takes a module, not a {type(module).__name__}")
    for part in module.modules():
        part._frozen = frozen
    module.requires_grad_(not frozen)
