"""Optimizers on plain arrays, and the averages they keep in the place of the parameters."""

from contextlib import contextmanager

import numpy as np

from .. import kernels, tape

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
    before = {key: p.data for key, p in optimizer._named.items()}
    try:
        for key in params:
            if key not in optimizer._named:
                adopt(optimizer, key, params[key], wrap)
        for key, p in optimizer._named.items():
            p._grad = wrap(np.asarray(grads[key], dtype=p.dtype, order="C")) if key in grads else None
            if key in params and params[key] is not p.data:
                p.data = refuse_other(name, key, params[key], p.data)
        optimizer.step()
    except BaseException:
        forget(optimizer, before)
        raise
    finally:
        for p in optimizer._named.values():
            p._grad = None
    for key in params:
        if isinstance(params[key], (int, float)):
            params[key] = optimizer._named[key].data.item()


def forget(optimizer, before):
    """Puts back the arrays that were known before, and lets go of the others."""
    for key in list(optimizer._named):
        if key in before:
            optimizer._named[key].data = before[key]
            continue
        p = optimizer._named.pop(key)
        optimizer.state.pop(p, None)
        for group in optimizer.param_groups:
            group["params"] = [q for q in group["params"] if q is not p]
    if not before:
        optimizer.param_groups.clear()


def adopt(optimizer, key, array, wrap):
    """A parameter met for the first time. A plain number is kept as an array of no dimensions."""
    if isinstance(array, (int, float)):
        array = np.array(float(array))
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
    if isinstance(array, (int, float)) and before.shape == ():
        return np.array(array, dtype=before.dtype)
    if not isinstance(array, np.ndarray) or (array.shape, array.dtype) != (before.shape, before.dtype):
        raise ValueError(f"{name}: params[{key!r}] was {before.shape} {before.dtype}; it cannot become another")
    return array


@contextmanager
def averages(optimizer):
    """See `Optimizer.averages`."""
    kernels.refuse_capture("averages()", "use it outside of the step")
    optimizer.refuse_averages("averages()")
    kept = [(p, own["average"]) for p, own in optimizer.state.items() if "average" in own]
    if not kept:
        raise ValueError(f"{type(optimizer).__name__} keeps no averages yet: make it with ema=0.999 and take a step")
    swap(kept)
    optimizer.averaging = True
    try:
        yield
    finally:
        optimizer.averaging = False
        swap(kept)


def swap(pairs):
    """Exchanges the numbers of parameters and averages."""
    for p, average in pairs:
        held = p.data.copy()
        np.copyto(p.data, average)
        np.copyto(average, held)
    tape.changed(*[p.data for p, _ in pairs])
