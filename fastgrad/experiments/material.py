"""What experiments are made of: data, nets, and a training loop on the captured step."""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from .. import nn
from ..autograd import no_grad
from ..capture import capture
from ..data import load_digits, load_iris, load_mnist, train_test_split
from ..tensor import from_numpy

__all__ = ["Data", "accuracy", "evaluate", "load", "mlp", "train"]


class Data(NamedTuple):
    """A data set in two parts: x [N,D] float32, t [N] int64, 0..C-1."""

    x: np.ndarray
    t: np.ndarray
    x_test: np.ndarray
    t_test: np.ndarray

    @property
    def sizes(self):
        """(D, C): how many inputs a net has, and how many outputs."""
        return self.x.shape[1], int(self.t.max()) + 1


def load(name, path=None, *, seed=0, test_size=0.2, standard=True):
    """A data set by name, "iris", "digits" or "mnist".

    Iris (150 rows) and digits (1797) are split at random, by class, by `seed`. Iris in centimetres is made standard by
    the training part's mean and deviation, unless ``standard=False``; pixels are in [0, 1]. MNIST is read from the
    folder `path`, and has its own test part; what is missing there is said by `fastgrad.data.load_mnist`.
    Errors: ValueError for another name.

    >>> load("iris").x.shape, load("digits").sizes
    ((120, 4), (64, 10))
    """
    if name == "mnist":
        (x, t), (x_test, t_test) = load_mnist(path)
        return Data(x, t, x_test, t_test)
    if name not in ("iris", "digits"):
        raise ValueError(f"there is no data set {name!r}: iris, digits, or mnist from a folder")
    found = load_iris() if name == "iris" else load_digits()
    x, x_test, t, t_test = train_test_split(
        found.data, found.target, test_size=test_size, seed=seed, stratify=found.target
    )
    if name == "digits":
        return Data(x / np.float32(16), t, x_test / np.float32(16), t_test)
    mean, std = (x.mean(axis=0), x.std(axis=0)) if standard else (np.float32(0), np.float32(1))
    return Data((x - mean) / std, t, (x_test - mean) / std, t_test)


def mlp(sizes, activation=nn.ReLU, init="he_normal", rng=None, batch_norm=False, dtype=np.float32):
    """Linear layers of these sizes with an activation between them, biases 0.

    init   a name of `fastgrad.nn.init.SCHEMES`, or a function of a weight, or a number: the standard deviation
    rng    a NumPy generator that the weights are drawn from

    >>> mlp((4, 10, 3), nn.Sigmoid)
    Sequential(
      (0): Linear(in_features=4, out_features=10, bias=True)
      (1): Sigmoid()
      (2): Linear(in_features=10, out_features=3, bias=True)
    )
    """
    layers: list = []
    for inputs, outputs in pairwise(sizes):
        layer = nn.Linear(inputs, outputs, dtype=dtype)
        scheme: Any = nn.init.SCHEMES[init] if isinstance(init, str) else init
        if isinstance(init, (int, float)):
            nn.init.normal_(layer.weight, std=float(init), generator=rng)
        elif rng is not None and init not in ("zeros", "ones", "eye"):
            scheme(layer.weight, generator=rng)
        else:
            scheme(layer.weight)
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.BatchNorm1d(outputs, dtype=dtype), activation()] if batch_norm else [layer, activation()]
    return nn.Sequential(*layers[: -2 if batch_norm else -1])


def train(net, optimizer, x, t, *, epochs, batch, rng, bar=None, each=None, after_step=None, loss=None):
    """Trains with the captured step; returns the loss of every step.

    Each epoch has the rows in a new order, of `rng`, in batches of one size: what is left over waits for the next
    order. `after_step(steps so far)` is called after every step, `each(epoch)` after every epoch; `bar` moves on by
    epochs. `loss(net(x), t)` is the cross entropy unless given.
    """
    function = loss or nn.functional.cross_entropy
    batch = min(batch, len(x))

    @capture
    def step(x, t):
        optimizer.zero_grad()
        value = function(net(x), t)
        value.backward()
        optimizer.step()
        return value

    losses = []
    for epoch in range(epochs):
        order = rng.permutation(len(x))
        for i in range(0, len(x) - batch + 1, batch):
            rows = order[i : i + batch]
            losses.append(step(from_numpy(x[rows]), from_numpy(t[rows])).item())
            if after_step is not None:
                after_step(len(losses))
        if each is not None:
            each(epoch)
        if bar is not None:
            bar.update(1, f"loss {losses[-1]:.4f}")
    return np.array(losses)


def evaluate(net, x, t):
    """(mean cross entropy, share of rows whose class is right), in eval mode; the mode is then as it was."""
    training = net.training
    net.eval()
    with no_grad():
        out = net(from_numpy(x))
        found = nn.functional.cross_entropy(out, from_numpy(t)).item()
    net.train(training)
    return found, float(np.mean(out.numpy().argmax(1) == t))


def accuracy(net, x, t):
    """The share of rows whose class is right."""
    return evaluate(net, x, t)[1]
