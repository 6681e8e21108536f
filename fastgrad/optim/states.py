"""What an optimizer saves and takes back, its own or PyTorch's."""

import numpy as np

from .optimizer import SCHEDULED
from .options import IGNORED, SHARED, plain

__all__ = ["checked", "load", "save"]


def save(optimizer):
    """See `Optimizer.state_dict`."""
    index: dict = {}
    groups = []
    for group in optimizer.param_groups:
        for p in group["params"]:
            index[p] = len(index)
        groups.append({**group, "lr": optimizer.lr_of(group), "params": [index[p] for p in group["params"]]})
    copied = {
        index[p]: {k: np.array(v) if isinstance(v, np.ndarray) else v for k, v in s.items()}
        for p, s in optimizer.state.items()
        if p in index
    }
    return {"state": copied, "param_groups": groups, "iterations": optimizer.iterations}


def load(optimizer, saved):
    """See `Optimizer.load_state_dict`."""
    groups, fresh, made = checked(optimizer, saved)
    for mine, options in zip(optimizer.param_groups, groups, strict=True):
        mine.update({k: v for k, v in options.items() if not (k == "lr" and callable(mine[k]))})
    optimizer.state, optimizer._batches = fresh, {}
    optimizer.iterations = made
    optimizer.stepped = optimizer.stepped or made > 0


def checked(optimizer, saved):
    """What a saved state comes to: the options of each group, the state of each parameter, and the steps made.

    Nothing is changed. Errors: those of `Optimizer.load_state_dict`.
    """
    if not isinstance(saved, dict) or not {"state", "param_groups"} <= set(saved):
        given = f"a dict of {list(saved)[:3]}" if isinstance(saved, dict) else f"a {type(saved).__name__}"
        raise ValueError(
            f"load_state_dict: {given} is no state of an optimizer, {{'state': ..., 'param_groups': ...}}; "
            f"a module's goes to the module"
        )
    refuse_other_forms(saved)
    params = [p for g in optimizer.param_groups for p in g["params"]]
    groups = checked_groups(optimizer, saved["param_groups"])
    places = {k: i for i, k in enumerate(k for g in saved["param_groups"] for k in g["params"])}
    fresh = {}
    for i, own in saved["state"].items():
        place = places.get(i, places.get(int(i)) if str(i).isdigit() else None)
        if place is None:
            raise ValueError(f"load_state_dict: a state of parameter {i}, this optimizer has {len(params)}")
        fresh[params[place]] = checked_state(optimizer, place, params[place], own)
    made = saved.get("iterations")
    if made is None:
        return groups, fresh, max([own["step"] for own in fresh.values()], default=0)
    return groups, fresh, whole("iterations", made)


def refuse_other_forms(saved):
    groups = saved["param_groups"]
    if not isinstance(saved["state"], dict) or not isinstance(groups, (list, tuple)):
        raise ValueError("load_state_dict: state must be a dict, by parameter, and param_groups a list")
    for group in groups:
        if not isinstance(group, dict) or not isinstance(group.get("params"), (list, tuple)):
            raise ValueError(f"load_state_dict: a group is a dict with a list of params, not {group!r}")


def checked_groups(optimizer, groups):
    """The options of the saved groups, in the places of ours."""
    name = type(optimizer).__name__
    sizes = [len(g["params"]) for g in optimizer.param_groups]
    if [len(g["params"]) for g in groups] != sizes:
        raise ValueError(
            f"load_state_dict: groups of {[len(g['params']) for g in groups]} parameters, this optimizer has {sizes}"
        )
    found: list = []
    for mine, theirs in zip(optimizer.param_groups, groups, strict=True):
        options = {k: plain(v) for k, v in theirs.items() if k != "params" and k not in IGNORED}
        unknown = set(options) - set(optimizer.defaults) - SCHEDULED
        missing = {
            k for k in optimizer.defaults if k not in options and k not in SHARED and k not in optimizer.own_only
        }
        if unknown or missing:
            raise ValueError(
                f"load_state_dict: options {sorted(options)}, {name} has {sorted(optimizer.defaults)}; "
                + (f"unknown: {sorted(unknown)}" if unknown else f"missing: {sorted(missing)}")
            )
        optimizer.check({**mine, **options})
        optimizer.check_together({**mine, **options}, {**optimizer.param_groups[0], **(found or [options])[0]})
        found.append(options)
    return found


def checked_state(optimizer, i, p, own):
    """The state of parameter i as ours: names translated, arrays of its dtype and of our own."""
    name, found = type(optimizer).__name__, {}
    group = next(g for g in optimizer.param_groups if any(q is p for q in g["params"]))
    slots = {*optimizer.slots_of(group), *optimizer.slots, *optimizer.spare, "average"}
    for key, value in own.items():
        slot = optimizer.torch_names.get(key, key)
        if slot is None or value is None:
            continue
        if slot == "step":
            found["step"] = whole(f"step of parameter {i}", plain(value))
            continue
        if slot not in slots:
            raise ValueError(
                f"load_state_dict: {key!r} of parameter {i} is no state of {name}, which keeps {sorted(slots)}"
            )
        array = array_of(key, i, value, p.dtype)
        if array.shape != optimizer.state_shape(slot, p):
            raise ValueError(
                f"load_state_dict: {key} of parameter {i} has shape {array.shape}, the parameter {p.shape}"
            )
        found[slot] = array
    if "step" not in found:  # PyTorch's SGD counts no steps
        found["step"] = 1 if found else 0
    return found


def array_of(key, i, value, dtype):
    """An array or tensor, ours or PyTorch's, as an array of our own in C's order."""
    array = np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"load_state_dict: {key} of parameter {i} is {array.dtype}, not an array of real numbers")
    return np.array(array, dtype=dtype, order="C")


def whole(name, count):
    if not isinstance(count, (int, float)) or not float(count).is_integer() or count < 0:
        raise ValueError(f"load_state_dict: {name} is {count!r}; it counts the steps made")
    return int(count)
