"""Metrics: functions of outputs and targets, both arrays, that give a number."""

import numpy as np

__all__ = ["accuracy", "fits", "is_asked_for", "named", "right_answers"]


def accuracy(outputs, targets):
    """The share of right answers. outputs [N,C,...]: the class with the largest number; targets [N,...] integers.

    Targets of floats [N,C,...] whose C numbers add up to 1, as mixup makes them, mean their most probable class. Other
    outputs of the shape of the targets, or [N,1], are those of one unit each: class 1 where they are above 0.
    Errors: ValueError for other shapes.

    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([[0.3, 0.7], [0.4, 0.6]]))
    0.5
    """
    right = right_answers(outputs, targets)
    return int(np.count_nonzero(right)) / right.size if right.size else float("nan")


def right_answers(outputs, targets):
    """Whether each answer is right."""
    if is_shares(outputs, targets):
        targets = targets.argmax(1)
    if outputs.ndim == targets.ndim + 1 and outputs.shape[1] > 1:
        answers = outputs.argmax(1)
    elif outputs.size == targets.size and len(outputs) == len(targets):
        answers, targets = outputs.reshape(-1) > 0, targets.reshape(-1)
    else:
        raise ValueError(f"accuracy: outputs {outputs.shape} do not fit targets {targets.shape}")
    if answers.shape != targets.shape:
        raise ValueError(f"accuracy: outputs {outputs.shape} do not fit targets {targets.shape}")
    return answers == targets


def is_shares(outputs, targets):
    """Whether targets are probabilities of the classes."""
    whole = outputs.shape == targets.shape and outputs.ndim > 1 and outputs.shape[1] > 1 and targets.dtype.kind == "f"
    return whole and bool((np.abs(targets.sum(1) - 1) < 1e-3).all())


def fits(outputs, targets):
    """Whether an accuracy can be had of these outputs, arrays or a tuple of them."""
    try:
        right_answers(outputs, targets)
    except (ValueError, AttributeError):  # other shapes, or a tuple
        return False
    return True


def is_asked_for(metrics):
    """Whether accuracy is among what was given, and not only there because targets are integers."""
    given = metrics.values() if isinstance(metrics, dict) else listed(metrics)
    return any(metric in ("accuracy", accuracy) for metric in given)


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
