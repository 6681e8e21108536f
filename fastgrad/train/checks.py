"""Whether the objects of a run are those that were saved: each difference as a sentence, before anything is changed."""

import numpy as np

from ..nn import Module
from ..optim import states as optimizer_states
from ..optim.averaging import EMA, Average
from ..optim.lr_scheduler import LRScheduler
from ..optim.optimizer import Optimizer
from ..optim.swa_utils import AveragedModel
from ..tape import changed

__all__ = [
    "beside_the_state",
    "is_known",
    "model_differs",
    "names_of",
    "parts_differ",
    "put_beside_the_state",
    "refuse_unfit",
    "sets_differ",
]

KNOWN = (Optimizer, LRScheduler, Average, Module)  # which are compared here


def listed(part):
    return part if isinstance(part, (list, tuple)) else [part]


def is_known(part):
    return all(isinstance(x, KNOWN) for x in listed(part))


def refuse_unfit(who, model, parts):
    """Raises for a model that is none, a part without a state, and averages in the parameters' place."""
    if not isinstance(model, Module):
        raise TypeError(f"{who}: the model is a {type(model).__name__}, not a Module; it comes right after the path")
    for name, part in parts.items():
        for x in listed(part) if part is not None else ():
            if not hasattr(x, "state_dict") or not hasattr(x, "load_state_dict"):
                raise TypeError(
                    f"{who}: {name} is a {type(x).__name__}, which has no state_dict() and load_state_dict(); leave "
                    f"out what has no state, as a schedule that is a function"
                )
            if isinstance(x, Optimizer):
                x.refuse_averages(f"{who}()")
            if isinstance(x, Average) and x._swapped:
                raise RuntimeError(f"{who}() within swapped(): the parameters are the averages now; leave it first")


# -- the model ---------------------------------------------------------------------------------------------------------
def beside_the_state(model):
    """What a run needs of a model beside its state dict: whether parameters are trained, and the other buffers."""
    state = {name for name, _ in model._named_state()}
    named = model.named_buffers(remove_duplicate=False)
    return {
        "trained": {name: p.requires_grad for name, p in model.named_parameters(remove_duplicate=False)},
        "buffers": {name: np.array(b.data) for name, b in named if name not in state},
    }


def put_beside_the_state(model, more):
    for name, p in model.named_parameters(remove_duplicate=False):
        p.requires_grad_(more["trained"][name])
    for name, b in model.named_buffers(remove_duplicate=False):
        if name in more["buffers"]:
            np.copyto(b.data, more["buffers"][name])
            changed(b.data)


def model_differs(model, record):
    """Sentences about what does not fit."""
    own = {name: x.data for name, x in model._named_state()}
    yield from arrays_differ("the model", own, record["model"])
    more = beside_the_state(model)
    yield from arrays_differ("the model", more["buffers"], record["model_more"]["buffers"])


def arrays_differ(whose, own, saved):
    """Names that one side lacks, shapes and dtypes that are not the same."""
    missing, unexpected = [n for n in own if n not in saved], [n for n in saved if n not in own]
    if missing:
        yield f"{whose} has {', '.join(missing)}, which the file lacks"
    if unexpected:
        yield f"the file has {', '.join(unexpected)}, which {whose} lacks"
    for name in own:
        a, b = own[name], saved.get(name)
        if b is not None and (a.shape, a.dtype) != (b.shape, b.dtype):
            yield f"{name} is {b.shape} {b.dtype} in the file and {a.shape} {a.dtype} in {whose}"
        elif b is not None and not a.flags.writeable:
            yield f"{name} of {whose} is read-only"


# -- the other parts ---------------------------------------------------------------------------------------------------
def sets_differ(given, states, values):
    """Parts that were saved and are not given, or the other way round."""
    for name in [n for n in states if n not in given]:
        cls = states[name].get("class", "list")
        yield f"{name}, of class {cls}, is in the file; give {name}= as well, or read parts by fastgrad.load"
    for name in given:
        if name in values:
            yield f"{name} was saved as a value, which comes back in .more; do not give it"
        elif name not in states:
            yield f"the file has no {name}; it was saved without"


def parts_differ(given, states, model):
    for name in given:
        if name in states:
            yield from part_differs(name, given[name], states[name], model)


def part_differs(name, part, saved, model):
    if isinstance(part, (list, tuple)) != ("many" in saved):
        yield f"{name} was {'several' if 'many' in saved else 'one'}, this is {type(part).__name__}"
    elif "many" in saved:
        if len(part) != len(saved["many"]):
            yield f"{name} were {len(saved['many'])}, these are {len(part)}"
        for i, (x, own) in enumerate(zip(part, saved["many"], strict=False)):
            yield from part_differs(f"{name}[{i}]", x, own, model)
    elif type(part).__name__ != saved["class"]:
        yield f"{name} was of class {saved['class']}, this is {type(part).__name__}"
    elif not hasattr(part, "load_state_dict"):
        yield f"{name}, a {type(part).__name__}, has no load_state_dict()"
    else:
        yield from state_differs(name, part, saved, model)


def state_differs(name, part, saved, model):
    """What the classes of the engine would refuse, and what they would take and should not here."""
    state, options = saved["state"], options_of(part)
    for key in options:
        if options[key] != saved["options"].get(key):
            yield f"{key} of {name} was {saved['options'].get(key)}, here it is {options[key]}"
    if isinstance(part, Optimizer):
        yield from order_differs(name, names_of(part, model), saved.get("names"))
        yield from refused(name, optimizer_states.checked, part, state)
    elif isinstance(part, LRScheduler):
        yield from refused(name, part._refuse_foreign, state)
    elif isinstance(part, Average):
        own = {str(i): a for i, a in enumerate(part.averages)}
        yield from arrays_differ(name, own, {str(i): a for i, a in enumerate(state["averages"])})
    elif isinstance(part, AveragedModel):
        own = {n: x.data for n, x in part._named_state()}
        yield from arrays_differ(name, own, {n: a for n, a in state.items() if n != "n_averaged"})
    elif isinstance(part, Module):
        yield from arrays_differ(name, {n: x.data for n, x in part._named_state()}, state)


def options_of(part):
    """What decides how a part goes on and is not in its state, nor in its class."""
    if isinstance(part, Optimizer):
        return {f"lr of group {i}": told(group["lr"]) for i, group in enumerate(part.param_groups)}
    return {"decay": part.decay} if isinstance(part, EMA) else {}


def told(lr):
    """A schedule by how it prints, a function by its name, and what is no schedule, whose value is in the state."""
    if not callable(lr):
        return "a number"
    return f"the function {lr.__qualname__}" if hasattr(lr, "__qualname__") else repr(lr)


def refused(name, check, *arguments):
    try:
        check(*arguments)
    except (ValueError, TypeError, KeyError) as error:
        yield f"{name}: {error.args[0] if error.args else error}"


def names_of(optimizer, model):
    """The model's name of each parameter of an optimizer, in its order; None for one that is not the model's."""
    names = {id(p): name for name, p in model.named_parameters()}
    return [names.get(id(p)) for group in optimizer.param_groups for p in group["params"]]


def order_differs(name, own, saved):
    if saved is None or own == saved:
        return
    if len(own) != len(saved):
        yield f"{name} had {len(saved)} parameters, this one has {len(own)}"
        return
    i = next(i for i in range(len(own)) if own[i] != saved[i])
    yield f"parameter {i} of {name} was {saved[i]}, here it is {own[i]}; give the parameters in the same order"
