"""Optimizer: parameter groups, their state, and a step that is one kernel launch for all tensors of a group."""

import functools
import math

import numpy as np

from .. import kernels, tape
from ..tape import Value, state

__all__ = ["RULES", "Optimizer"]

RULES: dict = {}  # name -> class: every update rule there is
SCHEDULED = {"initial_lr", "max_lr", "min_lr", "max_momentum", "base_momentum", "swa_lr"}  # lr_scheduler's, in a group


class Optimizer:
    """What all rules share. A rule names its kernel and its state, and turns a group's options into scalars.

    Parameters come as an iterable of tensors or of dicts ``{"params": [...], "lr": ...}`` (groups with options of their
    own). A tensor without a gradient is passed over. A step changes parameters in place, all tensors of a group and
    dtype in one launch.
    """

    slots: tuple = ()  # names of the state arrays, in the kernel's order
    iterations = 0  # steps made: the time of a schedule
    stepped = False  # whether step() was ever called

    def __init_subclass__(cls):
        RULES[cls.__name__] = cls
        if "__init__" in vars(cls):
            cls.__init__ = takes_learning_rate(cls.__init__)  # type: ignore[method-assign]

    def __init__(self, params, defaults):
        self.defaults = defaults
        self.param_groups: list = []
        self.state: dict = {}  # parameter -> {"step": t, slot: array, ...}
        groups = listed(type(self).__name__, params)
        if not groups:
            raise ValueError(
                f"{type(self).__name__}: the list of parameters is empty; pass model.parameters() itself, for a "
                f"generator is used up once it has been read; modules in a plain list are not the model's: make it a "
                f"Sequential, or set each as an attribute"
            )
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def kernel(self, group):
        """The kernel that serves this group."""
        raise NotImplementedError

    def scalars(self, group, t):
        """The kernel's scalars at step t = 1, 2, ..., as Python floats."""
        raise NotImplementedError

    def check(self, group):
        """Raises for options out of range."""
        for name in ("lr", "weight_decay", "eps"):
            if name == "lr" and callable(group.get(name)):
                self.rate(group)
            elif name in group and not number(self, name, group[name]) >= 0:
                raise ValueError(f"{type(self).__name__}: {name} must be at least 0, not {group[name]}")

    def rate(self, group, ahead=0):
        """The learning rate of a group at the next step, or so many steps after it: a number, or its schedule's."""
        lr, t = group["lr"], self.iterations + ahead
        if not callable(lr):
            return lr
        if getattr(lr, "unit", "step") != "step":
            raise ValueError(
                f"{type(self).__name__}: lr {lr} counts epochs, an optimizer steps; "
                f"give it schedule.per_step(steps_per_epoch)"
            )
        found = number(self, f"lr(t={t})", lr(t))
        if not 0 <= found < math.inf:
            raise ValueError(f"{type(self).__name__}: lr(t={t}) of {lr} must be at least 0, not {found}")
        return float(found)

    @property
    def lrs(self):
        """The learning rate of every group at the next step."""
        return [self.rate(group) for group in self.param_groups]

    @property
    def lr(self):
        """The learning rate of the next step; of several groups the first one's. Setting it sets that of all groups."""
        return self.rate(self.param_groups[0])

    @lr.setter
    def lr(self, lr):
        for group in self.param_groups:
            self.check({**group, "lr": lr})
        for group in self.param_groups:
            group["lr"] = lr

    learning_rate = lr  # Keras's name

    def add_param_group(self, group):
        """Adds ``{"params": [...], option: value}``; options not given are the defaults."""
        unknown = set(group) - set(self.defaults) - SCHEDULED - {"params"}
        if unknown:
            raise ValueError(
                f"{type(self).__name__}: unknown option {sorted(unknown)}; it takes {sorted(self.defaults)}"
            )
        if "params" not in group:
            raise ValueError(f'{type(self).__name__}: a group without parameters; it is {{"params": [...], "lr": ...}}')
        own = group["params"]
        params = [own] if isinstance(own, Value) else listed(type(self).__name__, own)
        if not params and hasattr(own, "__next__"):
            raise ValueError(
                f"{type(self).__name__}: the generator of a group's parameters is used up; pass a fresh one"
            )
        seen = {id(p) for g in self.param_groups for p in g["params"]}
        for i, p in enumerate(params):
            if not isinstance(p, Value):
                raise TypeError(
                    f"{type(self).__name__}: parameter {i} is a {type(p).__name__}, not a tensor; "
                    f"pass model.parameters(), or tensors made with requires_grad=True"
                )
            if p.node is not None:
                raise ValueError(
                    f"{type(self).__name__}: parameter {i} {p.shape} is the result of {p.node.op.__name__}, "
                    f"not a leaf; pass the leaf it was made of, or its detach().requires_grad_()"
                )
            if id(p) in seen:
                raise ValueError(f"{type(self).__name__}: parameter {i} {p.shape} is given twice; name each one once")
            seen.add(id(p))
        made = {**self.defaults, **group, "params": params}
        self.check(made)
        self.param_groups.append(made)

    def zero_grad(self, set_to_none=True):
        """Forgets all gradients (or fills them with 0)."""
        watch = state.capture
        for group in self.param_groups:
            for p in group["params"]:
                if watch:
                    watch.touched(p, reads=not set_to_none)
                if set_to_none:
                    p._grad = None
                elif p._grad is not None:
                    kernels.fill(p._grad.data, 0.0)

    def step(self, closure=None):
        """One update of every parameter that has a gradient. A `closure` is called first; its loss is returned."""
        loss = None
        if closure is not None:
            loss = closure()
        self.stepped = True
        updates = [Update(self, group, batch) for group in self.param_groups for batch in self.batches(group)]
        if updates:
            updates[-1].last = True
        if len(updates) > 1:  # each launch refuses before it writes, but a second must not refuse after the first
            self.refuse_unfit()
        for update in updates:
            if state.capture:
                state.capture.updating(update)
            update.run()
            if state.capture:
                state.capture.updated(update)
        return loss

    def batches(self, group):
        """The group's parameters that have gradients, gathered by dtype and step count: each batch is one launch."""
        live = [p for p in group["params"] if p._grad is not None]
        slots = self.slots_of(group)
        names = [*slots, *map(id, live)]
        cached = self.__dict__.setdefault("_batches", {}).get(id(group))
        if cached and cached[0] == names and all(b.current() for b in cached[1]):
            return cached[1]
        self.refuse_unfit()
        found: dict = {}
        for p in live:
            own = self.state.setdefault(p, {"step": 0})
            for slot in slots:
                if slot not in own:
                    own[slot] = kernels.empty(p.shape, p.dtype)
                    own[slot].fill(0)
            found.setdefault((p.dtype, own["step"]), []).append(p)
        batches = [Batch(ps, [self.state[p] for p in ps], slots) for ps in found.values()]
        self._batches[id(group)] = names, batches
        return batches

    def slots_of(self, group):
        return self.slots

    def refuse_unfit(self):
        """Raises, before anything is changed, for a parameter or gradient that no kernel can take."""
        for i, group in enumerate(self.param_groups):
            self.rate(group)
            for k, p in enumerate(group["params"]):
                if p._grad is None:
                    continue
                why = unfit(p.data, p._grad.data)
                if why:
                    raise ValueError(f"{type(self).__name__}: parameter {k} of group {i}, {p.shape}{why}")

    def state_dict(self):
        """``{"state": {index: {...}}, "param_groups": [...], "iterations": n}``, with parameters by index.

        Arrays are copies. Where lr is a schedule, the number in use stands in its place.
        """
        index: dict = {}
        groups = []
        for group in self.param_groups:
            for p in group["params"]:
                index[p] = len(index)
            groups.append({**group, "lr": self.rate(group), "params": [index[p] for p in group["params"]]})
        copied = {
            index[p]: {k: np.array(v) if isinstance(v, np.ndarray) else v for k, v in s.items()}
            for p, s in self.state.items()
        }
        return {"state": copied, "param_groups": groups, "iterations": self.iterations}

    def load_state_dict(self, saved):
        """Takes back what `state_dict` gave. Nothing is changed if it does not fit.

        A group whose lr is a schedule keeps it, and is where it was in it.
        """
        if not isinstance(saved, dict) or not {"state", "param_groups"} <= set(saved):
            given = f"a dict of {list(saved)[:3]}" if isinstance(saved, dict) else f"a {type(saved).__name__}"
            raise ValueError(
                f"load_state_dict: {given} is no state of an optimizer, {{'state': ..., 'param_groups': ...}}; "
                f"a module's goes to the module"
            )
        groups = saved["param_groups"]
        params = [p for g in self.param_groups for p in g["params"]]
        sizes = [len(g["params"]) for g in self.param_groups]
        if [len(g["params"]) for g in groups] != sizes:
            raise ValueError(
                f"load_state_dict: groups of {[len(g['params']) for g in groups]} parameters, "
                f"this optimizer has {sizes}"
            )
        fresh = {}
        for i, own in saved["state"].items():
            if not 0 <= int(i) < len(params):
                raise ValueError(f"load_state_dict: a state of parameter {i}, this optimizer has {len(params)}")
            p = params[int(i)]
            for k, v in own.items():
                if isinstance(v, np.ndarray) and v.shape != p.shape:
                    raise ValueError(
                        f"load_state_dict: {k} of parameter {i} has shape {v.shape}, the parameter {p.shape}"
                    )
            fresh[p] = {k: np.array(v, dtype=p.dtype) if isinstance(v, np.ndarray) else v for k, v in own.items()}
        for mine, theirs in zip(self.param_groups, groups, strict=True):
            options = {k: v for k, v in theirs.items() if k != "params"}
            if set(options) - SCHEDULED != set(self.defaults):
                raise ValueError(
                    f"load_state_dict: options {sorted(options)}, {type(self).__name__} has {sorted(self.defaults)}"
                )
            self.check({**mine, **options})
        for mine, theirs in zip(self.param_groups, groups, strict=True):
            mine.update({k: v for k, v in theirs.items() if k != "params" and not (k == "lr" and callable(mine[k]))})
        self.state, self._batches = fresh, {}
        self.iterations = saved.get("iterations", max([own["step"] for own in fresh.values()], default=0))

    def __repr__(self):
        lines = [
            f"  group {i}: {len(g['params'])} tensors, " + ", ".join(f"{k}={v}" for k, v in g.items() if k != "params")
            for i, g in enumerate(self.param_groups)
        ]
        return "\n".join([f"{type(self).__name__}(", *lines, ")"])


class Batch:
    """Parameters of one dtype and one step count, with their state arrays in lists ready for the kernel."""

    __slots__ = ("arrays", "params", "states")

    def __init__(self, params, states, slots):
        self.params, self.states = params, states
        self.arrays = [[s[slot] for s in states] for slot in slots]

    @property
    def t(self):
        return self.states[0]["step"]

    def current(self):
        """Whether all of them still have made the same number of steps."""
        t = self.t
        for own in self.states:  # noqa: SIM110 (a loop, not all(): this runs in every step)
            if own["step"] != t:
                return False
        return True


class Update:
    """One launch: run now, and, in a captured step, its scalars for every later replay."""

    __slots__ = ("ahead", "batch", "group", "kernel", "last", "optimizer")

    def __init__(self, optimizer, group, batch):
        self.optimizer, self.group, self.batch, self.kernel = optimizer, group, batch, optimizer.kernel(group)
        self.last = False  # of its step
        self.ahead = 0  # steps of this optimizer before it in a captured step

    def alive(self):
        """Whether this is still the optimizer's state and rule: a replay must do what step() would do."""
        if self.kernel is not self.optimizer.kernel(self.group):
            return False
        find = self.optimizer.state.get
        for p, own in zip(self.batch.params, self.batch.states):  # noqa: B905, SIM110 (this runs before every replay)
            if find(p) is not own:
                return False
        return True

    def scalars(self, ahead=0):
        """The kernel's scalars at the next step, or so many steps after it."""
        group = self.group
        if callable(group["lr"]):
            group = {**group, "lr": self.optimizer.rate(group, self.ahead)}
        return self.optimizer.scalars(group, self.batch.t + 1 + ahead)

    def run(self):
        params = self.batch.params
        self.kernel([p.data for p in params], [p._grad.data for p in params], *self.batch.arrays, *self.scalars())
        self.done()

    def done(self):
        """The step has been made: count it, and tell the tape that the parameters have changed."""
        batch, t = self.batch, self.batch.t + 1
        for own in batch.states:
            own["step"] = t
        self.optimizer.iterations += self.last
        tape.changed(*[p.data for p in batch.params])


def unfit(data, g):
    """Why no kernel can update `data` by `g`, or None."""
    if not data.flags.writeable:
        return ", is read-only; make it of a writable array, for example a copy"
    if not data.flags.c_contiguous:
        return f", is not C-contiguous (strides {data.strides}); make it of a contiguous array"
    if g.shape != data.shape or g.dtype != data.dtype:
        return f" {data.dtype}, has a gradient {g.shape} {g.dtype}; make them alike"
    if not g.flags.c_contiguous:
        return f": its gradient is not C-contiguous (strides {g.strides}); set grad to a contiguous copy"
    return None


def takes_learning_rate(init):
    """A rule's ``__init__`` that takes ``learning_rate=``, Keras's name of lr, too."""

    @functools.wraps(init)
    def with_it(self, *args, **options):
        if "learning_rate" in options:
            if "lr" in options or len(args) > 1:
                raise TypeError(f"{type(self).__name__}: lr and learning_rate are one option; give one of them")
            options["lr"] = options.pop("learning_rate")
        init(self, *args, **options)

    return with_it


def listed(name, params):
    """The parameters as a list, in the order in which they come."""
    if isinstance(params, Value):
        raise TypeError(f"{name} takes a list of tensors, not one tensor: pass [tensor] or model.parameters()")
    if callable(getattr(params, "parameters", None)):
        raise TypeError(f"{name} takes parameters, not a {type(params).__name__}: pass its parameters()")
    if callable(params):
        raise TypeError(f"{name} takes parameters, not a {type(params).__name__}: call it, model.parameters()")
    if isinstance(params, (dict, set, frozenset, str)):
        raise TypeError(f"{name} takes a list, which has an order, not a {type(params).__name__}: model.parameters()")
    return list(params)


def number(optimizer, name, x):
    """An option that is a number."""
    if isinstance(x, (str, type(None), list, tuple, dict)):
        raise TypeError(f"{type(optimizer).__name__}: {name} must be a number, not {x!r}")
    return x
