"""Outputs and scores of a model as it is: in evaluation mode, without gradients; afterwards it is as it was."""

from contextlib import contextmanager

import numpy as np

from ..autograd import no_grad
from ..tensor import Tensor, from_numpy

__all__ = ["evaluate", "evaluating", "predict", "scores"]

ROWS = 1024  # at a time, where nothing else is said


@contextmanager
def evaluating(model):
    """The model in evaluation mode and no gradients, as a context."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        with no_grad():
            yield model
    finally:
        for module, training in modes:
            module.training = training


def predict(model, x, batch_size=ROWS):
    """The outputs for all rows of x, an array [N,...] or a tensor, as an array; `batch_size` rows at a time.

    The model is in evaluation mode meanwhile: dropout drops nothing, batch normalisation uses its running statistics.

    >>> import fastgrad as fg
    >>> predict(fg.nn.Linear(4, 2), np.zeros((5, 4), np.float32)).shape
    (5, 2)
    """
    x = as_input(model, x)
    if not len(x):
        raise ValueError("predict: there are no rows")
    with evaluating(model):
        parts = [arrays(model(from_numpy(x[i : i + batch_size]))) for i in range(0, len(x), batch_size)]
    return joined(parts)


def evaluate(model, data, loss=None, metrics=(), batch_size=ROWS):
    """{"loss": ..., and each metric}: of a model on (x, y) or a DataLoader. `loss` and `metrics` as `fit` takes them.

    The loss is the mean of the batches' losses, each by its rows. A metric sees the outputs of all rows at once.

    >>> import fastgrad as fg
    >>> x, y = np.zeros((5, 4), np.float32), np.zeros(5, np.int64)
    >>> sorted(evaluate(fg.nn.Linear(4, 2), (x, y)))
    ['accuracy', 'loss']
    """
    from .metrics import is_asked_for, named
    from .prepare import as_loader, target_dtype, usual_loss

    loader = as_loader("evaluate", data, model, batch_size)
    dtype = target_dtype(loader)
    named_metrics = named(metrics, dtype is not None and dtype.kind in "iu")
    return scores(model, loader, loss or usual_loss(dtype), named_metrics, unasked=not is_asked_for(metrics))


def scores(model, batches, loss, metrics, unasked=False):
    """As `evaluate`, of batches. `unasked`: an accuracy is left out where outputs have none."""
    from .metrics import fits

    total, rows, outputs, targets = 0.0, 0, [], []
    with evaluating(model):
        for *inputs, target in batches:
            out = model(*inputs)
            total += float(loss(out, target)) * len(target)
            rows += len(target)
            if metrics:
                outputs.append(arrays(out))
                targets.append(target.numpy())
    if not rows:
        raise ValueError("evaluate: there are no rows")
    found = {"loss": total / rows}
    if metrics:
        out, target = joined(outputs), np.concatenate(targets)
        if unasked and "accuracy" in metrics and not fits(out, target):
            metrics = {name: metric for name, metric in metrics.items() if name != "accuracy"}
        found.update({name: float(metric(out, target)) for name, metric in metrics.items()})
    return found


def as_input(model, x):
    """x as an array; floats in the dtype of the model's parameters."""
    x = x.detach().numpy() if isinstance(x, Tensor) else np.asarray(x)
    if x.ndim == 0:
        raise ValueError("data: a number has no rows; give an array of one or more dimensions")
    dtype = next((p.dtype for p in model.parameters() if p.dtype.kind == "f"), x.dtype)
    return x.astype(dtype, copy=False) if x.dtype.kind == "f" else x


def arrays(out):
    """The arrays of a model's output: a tensor, or a tuple of them."""
    return tuple(map(arrays, out)) if isinstance(out, (tuple, list)) else out.data


def joined(parts):
    if isinstance(parts[0], tuple):
        return tuple(joined(column) for column in zip(*parts, strict=True))
    return np.concatenate(parts)
