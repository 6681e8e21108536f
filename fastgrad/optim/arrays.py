"""Optimizers on plain arrays, and the averages they keep in the place of the parameters."""

from contextlib import contextmanager

import numpy as np

from .. import tape

__all__ = ["averages", "update"]


def update(optimizer, params, grads, wrap):
    """See `Optimizer.update`."""
    name = type(optimizer).__name__
    if optimizer.param_groups and not optimizer._named:
        raise ValueError(
            f"{name}: update(params, grads) is for an optimizer made without parameters; this one has step()"
        )
    for mapping in (params, grads):
        if not hasattr(mapping, "keys"):
            raise TypeError(f"{name}: update takes dicts of name -> array, not a {type(mapping).__name__}")
    lost = [k for k in grads if k not in params]
    if lost:
        raise ValueError(f"{name}: a gradient of {lost[0]!r}, but params has {', '.join(map(str, params))}")
    for key in params:
        if key not in optimizer._named:
            adopt(optimizer, key, params[key], wrap)
    changed = {}
    for key, p in optimizer._named.items():
        p._grad = wrap(np.ascontiguousarray(grads[key], dtype=p.dtype)) if key in grads else None
        if key in params and params[key] is not p.data:
            changed[key], p.data = p.data, refuse_other(name, key, params[key], p.data)
    try:
        optimizer.step()
    except BaseException:
        for key, data in changed.items():
            optimizer._named[key].data = data
        raise
    finally:
        for p in optimizer._named.values():
            p._grad = None


def adopt(optimizer, key, array, wrap):
    """A parameter met for the first time."""
    if not isinstance(array, np.ndarray) or array.dtype not in (np.float32, np.float64):
        kind = f"an array of {array.dtype}" if isinstance(array, np.ndarray) else f"a {type(array).__name__}"
        raise TypeError(f"{type(optimizer).__name__}: params[{key!r}] is {kind}; it takes arrays of float32 or float64")
    p = wrap(array)
    if not optimizer.param_groups:
        optimizer.add_param_group({"params": [p]})
    else:
        optimizer.param_groups[0]["params"].append(p)
    optimizer._named[key] = p


def refuse_other(name, key, array, before):
    if not isinstance(array, np.ndarray) or (array.shape, array.dtype) != (before.shape, before.dtype):
        raise ValueError(f"{name}: params[{key!r}] was {before.shape} {before.dtype}; it cannot become another")
    return array


@contextmanager
def averages(optimizer):
    """See `Optimizer.averages`."""
    kept = [(p, own["average"]) for p, own in optimizer.state.items() if "average" in own]
    if not kept:
        raise ValueError(f"{type(optimizer).__name__} keeps no averages yet: make it with ema=0.999 and take a step")
    swap(kept)
    try:
        yield
    finally:
        swap(kept)


def swap(pairs):
    """Exchanges the numbers of parameters and averages."""
    for p, average in pairs:
        held = p.data.copy()
        np.copyto(p.data, average)
        np.copyto(average, held)
    tape.changed(*[p.data for p, _ in pairs])
