"""A small network and data, for the tests of fit."""

import numpy as np

import fastgrad as fg


def net(seed=0, sizes=(4, 16, 3), extra=()):
    fg.manual_seed(seed)
    first, second = fg.nn.Linear(sizes[0], sizes[1]), fg.nn.Linear(sizes[1], sizes[2])
    return fg.nn.Sequential(first, *extra, fg.nn.ReLU(), second)


def blobs(n=60, seed=1):
    rng = np.random.Generator(np.random.Philox(seed))
    y = rng.integers(0, 3, n)
    return (rng.standard_normal((n, 4)) + 2 * np.eye(4)[y]).astype(np.float32), y


def sgd(lr=0.1):
    return lambda parameters: fg.optim.SGD(parameters, lr)


def weights(model):
    return np.concatenate([p.data.ravel() for p in model.parameters()])
