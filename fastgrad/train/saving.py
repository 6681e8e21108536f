"""A whole training run in one file: everything that must be as it was for the run to go on as if never stopped.

The file is one of `save`: ``fastgrad.load(path)`` gives a dict, ``["model"]`` the state dict of the model.
"""

import random as python_random
import sys
from typing import Any, NamedTuple

import numpy as np

from .. import kernels, random
from ..nn import Module
from ..optim.optimizer import Optimizer
from . import checks, container

__all__ = ["Resumed", "resume_training", "save_training"]

KIND, VERSION = "fastgrad training", 1
PARTS = ("optimizer", "schedule", "averages", "loader", "scaler", "history")  # beside the model


class Resumed(NamedTuple):
    """Where a run is, as `save_training` was told: what `resume_training` gives."""

    epoch: int
    batch: int
    best: Any
    more: dict


def save_training(
    path,
    model,
    optimizer=None,
    schedule=None,
    averages=None,
    loader=None,
    scaler=None,
    history=None,
    best=None,
    epoch=0,
    batch=0,
    **more,
):
    """Saves a run between two steps, so that `resume_training` goes on with it: the same bits as without a stop.

    model: its parameters (also whether they are trained) and all buffers. optimizer, schedule, averages, loader,
    scaler, history: whatever has a ``state_dict()``. best: a value such as a score. epoch, batch: how many are done,
    of the epoch. more: values that `fastgrad.save` takes, or objects with a ``state_dict()``, of your own. The random
    state is saved too: fastgrad's generator and dropout's streams, NumPy's old global one, and Python's. Gradients are
    not: save after a step. The file is written as by `fastgrad.save`: atomically, with a checksum.
    Errors: TypeError for what has no state; RuntimeError while averages are in the parameters' place; OSError as there.

    >>> import os, tempfile, fastgrad as fg
    >>> from fastgrad.train import resume_training, save_training
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = os.path.join(folder.name, "run.fg")
    >>> net = fg.nn.Linear(2, 1)
    >>> opt = fg.optim.Adam(net.parameters())
    >>> save_training(path, net, opt, epoch=3, note="warm")
    >>> resume_training(path, net, opt)
    Resumed(epoch=3, batch=0, best=None, more={'note': 'warm'})
    >>> folder.cleanup()
    """
    kernels.refuse_capture("save_training", "save outside of the step")
    parts = dict(zip(PARTS, (optimizer, schedule, averages, loader, scaler, history), strict=True))
    checks.refuse_unfit("save_training", model, parts)
    for name, count in (("epoch", epoch), ("batch", batch)):
        if not isinstance(count, (int, np.integer)) or isinstance(count, bool) or count < 0:
            raise ValueError(f"save_training: {name} must be a number of at least 0, not {count!r}")
    record = {
        "kind": KIND,
        "version": VERSION,
        "epoch": int(epoch),
        "batch": int(batch),
        "best": best,
        "model": dict(model.state_dict()),
        "model_more": checks.beside_the_state(model),
        "parts": {name: kept(part) for name, part in parts.items() if part is not None},
        "random": random_state(),
        "more": {name: kept(x) if hasattr(x, "state_dict") else {"value": x} for name, x in more.items()},
    }
    if isinstance(optimizer, Optimizer):
        record["parts"]["optimizer"]["names"] = checks.names_of(optimizer, model)
    container.save(record, path)


def kept(part):
    """What is saved of an object: its class, by name, and its state; of several, each of them."""
    if isinstance(part, (list, tuple)):
        return {"many": [kept(x) for x in part]}
    return {"class": type(part).__name__, "state": part.state_dict(), "options": checks.options_of(part)}


def resume_training(
    path, model, optimizer=None, schedule=None, averages=None, loader=None, scaler=None, history=None, **more
):
    """Takes a run back from a file of `save_training`, into objects made as they were made then.

    Give every object that was saved; `more` are those of your own with a ``load_state_dict``. Returns a `Resumed`:
    epoch, batch, best, and the values that were saved beside. Everything is compared before anything is changed:
    names, shapes and dtypes, classes, options, the order of the parameters. To read parts of a file use
    `fastgrad.load`.
    Errors: ValueError for a file that `fastgrad.load` refuses, for one that holds no run, and naming what does not fit.

    >>> import os, tempfile, fastgrad as fg
    >>> from fastgrad.train import resume_training, save_training
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = os.path.join(folder.name, "run.fg")
    >>> net = fg.nn.Linear(2, 1)
    >>> save_training(path, net, fg.optim.Adam(net.parameters()))
    >>> resume_training(path, net, fg.optim.RMSprop(net.parameters()))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: ... does not fit, nothing was changed: optimizer was of class Adam, this is RMSprop
    >>> folder.cleanup()
    """
    kernels.refuse_capture("resume_training", "resume outside of the step")
    record = container.load(path)
    refuse_no_run(record, path)
    parts = dict(zip(PARTS, (optimizer, schedule, averages, loader, scaler, history), strict=True))
    checks.refuse_unfit("resume_training", model, parts)
    given = {name: part for name, part in parts.items() if part is not None}
    states = dict(record["parts"])
    values = {name: x["value"] for name, x in record["more"].items() if "value" in x}
    given |= more
    states |= {name: x for name, x in record["more"].items() if "value" not in x}
    wrong = [
        *checks.model_differs(model, record),
        *checks.sets_differ(given, states, values),
        *checks.parts_differ(given, states, model),
    ]
    if wrong:
        raise ValueError(f"resume_training: {path} does not fit, nothing was changed: {'; '.join(wrong)}")
    take(model, given, states, record, path)
    return Resumed(record["epoch"], record["batch"], record["best"], values)


def refuse_no_run(record, path):
    """Raises for another value of `fastgrad.save`, and for a newer record."""
    if not isinstance(record, dict) or record.get("kind") != KIND:
        held = f"a dict of {list(record)[:4]}" if isinstance(record, dict) else f"a {type(record).__name__}"
        raise ValueError(
            f"resume_training: {path} holds {held}, no run of save_training; a state dict goes to the model: "
            f"model.load_state_dict(fastgrad.load(path))"
        )
    if record["version"] != VERSION:
        raise ValueError(
            f"resume_training: {path} is a run of version {record['version']}, this fastgrad reads {VERSION}; "
            f"install a newer one"
        )


def take(model: Module, given, states, record, path):
    """Loads everything. Objects that only they themselves can check come first, and are put back if one refuses."""
    own = [name for name in given if not checks.is_known(given[name])]
    before = {name: kept(given[name]) for name in own}
    done = []
    try:
        for name in own:
            done.append(name)
            put(given[name], states[name])
    except Exception as error:
        for name in done:
            put(given[name], before[name])
        raise ValueError(
            f"resume_training: {path} does not fit, nothing was changed: {name}: {type(error).__name__}: {error}"
        ) from error
    model.load_state_dict(record["model"])
    checks.put_beside_the_state(model, record["model_more"])
    for name in given.keys() - set(own):
        put(given[name], states[name])
    set_random_state(record["random"])


def put(part, state):
    if isinstance(part, (list, tuple)):
        for x, own in zip(part, state["many"], strict=True):
            put(x, own)
    else:
        part.load_state_dict(state["state"])


# -- random numbers ----------------------------------------------------------------------------------------------------
def random_state():
    """All random numbers that belong to the process: fastgrad's, and NumPy's old ones and Python's where loaded."""
    state = {"fastgrad": random.get_state()}
    if "numpy.random" in sys.modules:
        state["numpy"] = np.random.get_state(legacy=False)
    version, words, gauss = python_random.getstate()
    state["python"] = {"version": version, "words": np.array(words, np.uint32), "gauss": gauss}
    return state


def set_random_state(state):
    random.set_state(state["fastgrad"])
    if "numpy" in state:
        np.random.set_state(state["numpy"])
    own = state["python"]
    python_random.setstate((own["version"], tuple(own["words"].tolist()), own["gauss"]))
