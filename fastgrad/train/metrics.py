"""Metrics: functions of outputs and targets, both arrays, that give a number."""

import numpy as np

__all__ = ["accuracy", "named", "right_answers"]


def accuracy(outputs, targets):
    """The share of right answers. outputs [N,C,...]: the class with the largest number; targets [N,...] integers.

    Outputs of the shape of the targets, or [N,1], are those of one unit: class 1 where they are above 0.
    Errors: ValueError for other shapes.

    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    """
    return right_answers(outputs, targets) / targets.size if targets.size else float("nan")


def right_answers(outputs, targets):
    """How many answers are right."""
    if outputs.ndim == targets.ndim + 1 and outputs.shape[1] > 1:
        answers = outputs.argmax(1)
    elif outputs.size == targets.size and len(outputs) == len(targets):
        answers, targets = outputs.reshape(-1) > 0, targets.reshape(-1)
    else:
        raise ValueError(f"accuracy: outputs {outputs.shape} do not fit targets {targets.shape}")
    if answers.shape != targets.shape:
        raise ValueError(f"accuracy: outputs {outputs.shape} do not fit targets {targets.shape}")
    return int(np.count_nonzero(answers == targets))


KNOWN = {"accuracy": accuracy}


def named(metrics, classes):
    """Name -> function, of names and functions, or of such a dict; accuracy is among them where targets are classes."""
    found = {"accuracy": accuracy} if classes else {}
    pairs = metrics.items() if isinstance(metrics, dict) else ((None, m) for m in listed(metrics))
    for name, metric in pairs:
        if isinstance(metric, str):
            if metric not in KNOWN:
                raise ValueError(f"fit: no metric {metric!r}; there is {', '.join(KNOWN)}, or give a function")
            name, metric = name or metric, KNOWN[metric]
        if not callable(metric):
            raise TypeError(f"fit: a metric is a function(outputs, targets), not a {type(metric).__name__}")
        name = str(name or getattr(metric, "__name__", type(metric).__name__))
        if name in ("loss", "lr"):
            raise ValueError(f"fit: a metric may not be called {name!r}, which the history has already")
        found[name] = metric
    return found


def listed(metrics):
    return [metrics] if isinstance(metrics, str) or callable(metrics) else list(metrics)
