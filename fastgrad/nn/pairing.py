"""Which initial values go with which activation: what ``init="auto"`` and `init.auto_` decide."""

import zlib

__all__ = ["auto_", "scheme_for"]

# By class, as the classes are called: He for what is 0, or nearly, below 0 and x above it; Xavier for what has limits.
HE = {"ReLU", "ReLU6", "LeakyReLU", "PReLU", "RReLU", "ELU", "CELU", "GELU", "SiLU", "Mish", "Softplus", "Hardswish"}
XAVIER = {"Sigmoid", "Tanh", "Hardtanh", "Hardsigmoid", "LogSigmoid", "Softsign", "Tanhshrink"}
XAVIER |= {"Softmax", "LogSoftmax", "Softmin", "Softmax2d", "GLU"}
LECUN = {"SELU"}  # Klambauer, Unterthiner, Mayr and Hochreiter, Self-normalizing neural networks (2017)


def scheme_for(activation):
    """The initial values for a layer that an activation module, or None, follows: a name, and the slope below 0.

    ("he_normal", slope) for the ReLU family, ("xavier_normal", 0) for sigmoid, tanh and their like and for None,
    ("lecun_normal", 0) for SELU. None for a module that is none of them. A subclass counts as its class.

    >>> import fastgrad as fg
    >>> fg.nn.init.scheme_for(fg.nn.ReLU()), fg.nn.init.scheme_for(fg.nn.Tanh())
    (('he_normal', 0.0), ('xavier_normal', 0.0))
    """
    names = {cls.__name__ for cls in type(activation).__mro__}
    if names & LECUN:
        return "lecun_normal", 0.0
    if names & HE:
        return "he_normal", slope_of(activation, names)
    return ("xavier_normal", 0.0) if names & XAVIER or activation is None else None


def slope_of(activation, names):
    """The slope of a leaky ReLU below 0; the mean of those of PReLU, which are learned."""
    if "PReLU" in names:
        return float(activation.weight.data.mean())
    return float(getattr(activation, "negative_slope", 0.0)) if "LeakyReLU" in names else 0.0


def auto_(model, generator=None):
    """New weights for every layer of a model, by the activation that follows it; biases 0. Returns the model.

    A layer is a module with a parameter `weight` of at least 2 axes and a `reset_parameters` (Linear, convolutions; not
    Embedding). What follows is looked for in the Sequential it stands in, and in those around it: the first activation
    before the next layer; normalisation, dropout, Flatten and what is no known activation are passed over. He normal
    goes with the ReLU family, of the slope that a leaky one has, Xavier normal with sigmoid and tanh, LeCun normal
    with SELU. Xavier also where nothing follows, and in a module of your own, whose forward nobody can read.

    >>> import fastgrad as fg
    >>> model = fg.nn.Sequential(fg.nn.Linear(500, 400), fg.nn.ReLU(), fg.nn.Linear(400, 300), fg.nn.Tanh())
    >>> _ = fg.nn.init.auto_(model)
    >>> [round(float(model[i].weight.var()) * n, 1) for i, n in ((0, 500), (2, 350))]  # 2 / n_in, 2 / (n_in + n_out)
    [2.0, 1.0]
    """
    for layer, activation in pairs(model):
        draw(layer, activation, generator)
    return model


def draw(layer, activation, generator=None):
    from . import init

    scheme, slope = scheme_for(activation) or ("xavier_normal", 0.0)
    if scheme == "he_normal":
        init.kaiming_normal_(layer.weight, a=slope, generator=generator)
    else:
        getattr(init, f"{scheme}_")(layer.weight, generator=generator)
    if getattr(layer, "bias", None) is not None:
        init.zeros_(layer.bias)


def is_layer(module):
    weight = module._parameters.get("weight")
    return weight is not None and weight.data.ndim >= 2 and not hasattr(module, "num_embeddings")


def pairs(model):
    """Every layer below a model, each once, with the activation that follows it, or None."""
    found: dict = {}
    collect(model, found)
    return list(found.values())


def collect(module, found, before=None):
    """Walks on from `before`, the layer that still waits for its activation; returns the one that waits at the end."""
    if is_layer(module):
        if id(module) not in found:
            found[id(module)] = module, None
            return module
        return None
    if before is not None and scheme_for(module) is not None:
        found[id(before)] = before, module
        return None
    # In a Sequential, and where no layer is inside, one child follows the other; in other modules nobody knows.
    chain = getattr(module, "is_chain", False) or not any(map(is_layer, module.modules()))
    for child in module._modules.values():
        after = collect(child, found, before if chain else None)
        before = after if chain else None
    return before if chain else None


# -- the keyword -------------------------------------------------------------------------------------------------------
def begin(layer):
    """The first values of a layer with init="auto": Xavier, until a Sequential says what follows."""
    draw(layer, None)
    layer.__dict__["_undecided"] = fingerprint(layer)


def settle(model):
    """From Sequential, when modules are put into it: draws anew what now has an activation behind it.

    Only what is still as it was drawn: a layer that was trained or loaded in between keeps its values.
    """
    waiting = [module for module in model.modules() if "_undecided" in module.__dict__]
    follows = {id(layer): activation for layer, activation in pairs(model)} if waiting else {}
    for layer in waiting:
        if follows.get(id(layer)) is not None and layer.__dict__.pop("_undecided") == fingerprint(layer):
            draw(layer, follows[id(layer)])


def fingerprint(layer):
    """Of the first values of a weight, to see whether it has been trained or loaded since."""
    return zlib.crc32(layer.weight.data.reshape(-1)[:16384].tobytes())
