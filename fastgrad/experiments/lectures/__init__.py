"""The experiments, a module each, in the order of the lectures."""

import importlib

__all__ = ["NAMES", "load"]

NAMES = (
    "optimizer-paths",
    "optimizer-landscapes",
    "optimizer-race",
    "batch-size",
    "momentum-speed",
    "effective-lr",
    "activation-functions",
    "vanishing-gradient",
    "activation-histograms",
    "init-race",
    "iris-activations",
    "batchnorm-vs-init",
    "scaling",
    "lr-schedules",
    "gradient-clipping",
    "overfit",
    "weight-decay",
    "dropout",
    "ensemble",
    "dropout-rates",
    "l1-vs-l2",
    "early-stopping",
    "augmentation",
    "bias-variance",
    "backprop-by-hand",
    "transfer",
    "batchnorm-remedies",
)


def load(name):
    """Imports the module of an experiment: optimizer-paths is in `optimizer_paths.py`."""
    return importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
