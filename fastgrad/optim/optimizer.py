"""Optimizer: parameter groups, their state, and a step that is one kernel launch for all tensors of a group."""

import math
from typing import ClassVar

import numpy as np

from .. import kernels
from ..tape import Value, state, wrap
from . import options
from .fit import listed, unfit
from .keywords import takes_keywords
from .launch import Batch, run_all, update_of

__all__ = ["RULES", "Optimizer"]

RULES: dict = {}  # name -> class: every update rule there is
SCHEDULED = {"initial_lr", "max_lr", "min_lr", "max_momentum", "base_momentum", "swa_lr"}  # lr_scheduler's, in a group


class Optimizer:
    """What all rules share. A rule names its kernel and its state, and turns a group's options into numbers.

    Parameters come as an iterable of tensors or of dicts ``{"params": [...], "lr": ...}`` (groups with options of their
    own). A tensor without a gradient is passed over. A step changes parameters in place, all tensors of a group and
    dtype in one launch, and does what else is asked for in the same launch:

    weight_decay, decoupled_weight_decay   L2 in the gradient, g + weight_decay p; or p -= lr weight_decay p beside it
    l1, proximal    l1 sign(p) in the gradient; or, proximal, p = sign(p) max(|p| - lr l1, 0) after the step, the only
                    one that makes numbers exactly 0
    maximize        climbs instead of descending
    clip_value      each number of the gradient into [-clip_value, clip_value]
    clip_norm, clip_form   theta of "scale": theta g / ||g|| once ||g|| > theta, the norm of all gradients together
                    (Pascanu and others, 2013); "unit": g / ||g|| then, as one lecture prints it, which throws the norm
                    from theta to 1; "normalize" and "normalize_each": g / ||g|| always, of all, of each tensor
    nonfinite       "ignore", "skip" (no step, and none is counted), "raise": if a gradient is NaN or infinite, before
                    anything is written
    ema             keeps average = ema average + (1 - ema) p, from p before the first step on: see `averages`
    zero            fills gradients with 0 after the step
    learning_rate   another name of lr, Keras's
    convention      "torch", "keras", "scratch", "lecture": defaults of another book (`fastgrad.optim.conventions`)

    lr may be a schedule, a function of the steps made (`fastgrad.optim.schedules`); `lr` is the number in
    use. PyTorch's foreach, fused, capturable are taken and change nothing: every step is fused. Without parameters,
    ``update(params, grads)`` works on dicts of arrays.
    """

    slots: tuple = ()  # names of the state arrays, in the kernel's order
    spare: tuple = ()  # names of those that may be left out, in the kernel's order
    torch_names: ClassVar[dict] = {}  # PyTorch's name of a state -> ours, None: not needed
    composite = False  # whether a step is several calls
    own_only: tuple = ()  # options that PyTorch's rule does not have
    iterations = 0  # steps made: the time of a schedule
    stepped = False  # whether step() was ever called
    averaging = False  # whether the averages are in the parameters' place

    def __init_subclass__(cls):
        if "__init__" in vars(cls):  # a rule; the others are what several rules share
            RULES[cls.__name__] = cls
            cls.__init__ = takes_keywords(cls.__init__)  # type: ignore[method-assign]

    def __init__(self, params, defaults, shared=None):
        shared = dict(shared or {})
        if shared.pop("differentiable", False):
            raise ValueError(
                f"{type(self).__name__}: differentiable=True: a step is not recorded; write it with tensors"
            )
        unknown = set(shared) - set(options.SHARED) - options.IGNORED
        if unknown:
            raise TypeError(
                f"{type(self).__name__} has no option {', '.join(sorted(unknown))}; it takes "
                f"{', '.join([*defaults, *(n for n in options.SHARED if n not in defaults)])}"
            )
        self.defaults = {**options.SHARED, **defaults, **{k: v for k, v in shared.items() if k in options.SHARED}}
        self.defaults = {"lr": self.defaults["lr"], **self.defaults}
        self.param_groups: list = []
        self.state: dict = {}  # parameter -> {"step": t, slot: array, ...}
        self.report = np.zeros(
            3
        )  # of the last step that measured: norm, factor of the gradients, whether it was skipped
        self._batches: dict = {}
        self._named: dict = {}
        if params is None:
            self.check(self.defaults)
            return
        groups = listed(type(self).__name__, params)
        if not groups:
            raise ValueError(
                f"{type(self).__name__}: the list of parameters is empty; pass model.parameters() itself, for a "
                f"generator is used up once it has been read; modules in a plain list are not the model's: make it a "
                f"Sequential, or set each as an attribute"
            )
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    # -- what a rule says ----------------------------------------------------------------------------------------------
    def kernel(self, group):
        """The kernel that serves this group."""
        raise NotImplementedError

    def scalars(self, group, t):
        """The kernel's own numbers at step t = 1, 2, ..., as Python floats."""
        raise NotImplementedError

    def slots_of(self, group):
        """Names of the state arrays this group keeps."""
        return self.slots

    def first(self, slot, p, group):
        """The value a state array begins with."""
        return 0.0

    def rate(self, group, t):
        """What decoupled decay and the proximal step are multiplied by at step t."""
        return group["lr"]

    def numbers(self, group, t):
        """All numbers of the kernel at step t: its own, then the options', if any is in use."""
        return (*self.scalars(group, t), *options.numbers(group, self.rate(group, t)))

    def arrays(self, group, batch):
        """The state arrays of a batch as the kernel takes them, and those that may be left out."""
        slots = self.slots_of(group)
        needed = [batch.arrays(slot) for slot in slots if slot not in self.spare]
        spare = [batch.arrays(slot) if slot in slots else None for slot in self.spare]
        return needed, [*spare, batch.arrays("average") if group["ema"] is not None else None]

    def launch(self, update, p, g):
        """The calls of one update."""
        needed, spare = update.arrays
        update.call(update.kernel, (p, g, *needed), update.scalars, spare)

    def check(self, group):
        """Raises for options out of range."""
        for name in ("lr", "eps"):
            if name == "lr" and callable(group[name]):
                self.lr_of(group)
            elif name in group and not 0 <= options.number(type(self).__name__, name, group[name]) < math.inf:
                finite = " and finite" if group[name] == math.inf else ""
                raise ValueError(f"{type(self).__name__}: {name} must be at least 0{finite}, not {group[name]}")
        options.check(type(self).__name__, group)

    # -- groups --------------------------------------------------------------------------------------------------------
    def lr_of(self, group, ahead=0):
        """The learning rate of a group at the next step, or so many steps after it: a number, or its schedule's."""
        lr, t = group["lr"], self.iterations + ahead
        if not callable(lr):
            lr = lr if type(lr) in (float, int) else options.plain(lr)
            if not 0 <= options.number(type(self).__name__, "lr", lr) < math.inf:
                raise ValueError(f"{type(self).__name__}: lr must be at least 0 and finite, not {lr}")
            return lr
        if getattr(lr, "unit", "step") != "step":
            raise ValueError(
                f"{type(self).__name__}: lr {lr} counts epochs, an optimizer steps; "
                f"give it schedule.per_step(steps_per_epoch)"
            )
        found = options.number(type(self).__name__, f"lr(t={t})", lr(t))
        if not 0 <= found < math.inf:
            raise ValueError(f"{type(self).__name__}: lr(t={t}) of {lr} must be at least 0, not {found}")
        return float(found)

    @property
    def lrs(self):
        """The learning rate of every group at the next step."""
        return [self.lr_of(group) for group in self.param_groups]

    @property
    def lr(self):
        """The learning rate of the next step; of several groups the first one's. Setting it sets that of all groups."""
        return self.lr_of((self.param_groups or [self.defaults])[0])

    @lr.setter
    def lr(self, lr):
        for group in [*self.param_groups, self.defaults]:
            self.check({**group, "lr": lr})
        for group in [*self.param_groups, self.defaults]:
            group["lr"] = lr

    learning_rate = lr  # Keras's name

    def add_param_group(self, group):
        """Adds ``{"params": [...], option: value}``; options not given are the defaults."""
        if not isinstance(group, dict):
            raise TypeError(
                f'{type(self).__name__}: a group is a dict {{"params": [...], "lr": ...}}, not a {type(group).__name__}'
            )
        unknown = set(group) - set(self.defaults) - {"params"} - SCHEDULED - options.IGNORED
        if unknown:
            raise ValueError(
                f"{type(self).__name__}: unknown option {sorted(unknown)}; it takes {sorted(self.defaults)}"
            )
        if "params" not in group:
            raise ValueError(f'{type(self).__name__}: a group without parameters; it is {{"params": [...], "lr": ...}}')
        params = self.own_params(group["params"])
        made = {**self.defaults, **group, "params": params}
        made.update({k: options.plain(v) for k, v in made.items() if k not in ("params", "lr")})  # lr may be written to
        self.check(made)
        self.check_together(made, *self.param_groups[:1])
        self.param_groups.append(made)

    def own_params(self, own):
        """The parameters of a new group, checked."""
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
        return params

    def check_together(self, group, other=None):
        """Raises where an option of all groups together is not the same as in another group."""
        for name in options.TOGETHER if other else ():
            if group[name] != other[name]:
                raise ValueError(
                    f"{type(self).__name__}: {name} is one for all groups, whose gradients are measured together: "
                    f"{other[name]!r} and {group[name]!r}"
                )

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

    # -- a step --------------------------------------------------------------------------------------------------------
    def step(self, closure=None):
        """One update of every parameter that has a gradient. A `closure` is called first; its loss is returned.

        Errors: ValueError for a parameter or gradient no kernel can take; FloatingPointError, with nonfinite="raise",
        for a gradient that is not finite. Nothing is changed then.
        """
        loss = None if closure is None else recorded(closure)
        if self.averaging:
            self.refuse_averages("step()")
        self.stepped = True
        if state.capture:
            state.capture.stepping(self)
        updates = [update_of(self, group, batch) for group in self.param_groups for batch in self.batches(group)]
        if updates:
            updates[-1].last = True
        if len(updates) > 1:  # each launch refuses before it writes, but a second must not refuse after the first
            self.refuse_unfit()
        try:
            run_all(self, updates)
        except FloatingPointError:
            raise FloatingPointError(self.not_finite()) from None
        return loss

    @property
    def grad_norm(self):
        """The norm of all gradients at the last step that measured it (clip_norm, nonfinite), before it was clipped."""
        return float(self.report[0])

    @property
    def skipped(self):
        """Whether the last step was skipped, because a gradient was not finite."""
        return bool(self.report[2])

    def not_finite(self):
        """The sentence that names the first gradient that is not finite."""
        for i, group in enumerate(self.param_groups):
            for k, p in enumerate(group["params"]):
                if p._grad is not None and not np.isfinite(p._grad.data).all():
                    bad = int((~np.isfinite(p._grad.data)).sum())
                    return (
                        f"{type(self).__name__}: the gradient of parameter {k} of group {i}, {p.shape}, holds {bad} "
                        f"numbers that are NaN or infinite; nothing was changed. fastgrad.autograd.detect_anomaly() "
                        f'finds where they come from; nonfinite="skip" passes over such steps'
                    )
        return f"{type(self).__name__}: a gradient is not finite; nothing was changed"

    def batches(self, group):
        """The group's parameters that have gradients, gathered by dtype and step count: each batch is one launch."""
        live = [p for p in group["params"] if p._grad is not None]
        slots = self.slots_of(group)
        names = slots, group["ema"] is None, [*map(id, live)]
        cached = self._batches.get(id(group))
        if cached and cached[0] == names and all(b.current() for b in cached[1]):
            return cached[1]
        self.refuse_unfit()
        found: dict = {}
        for p in live:
            own = self.state.setdefault(p, {"step": 0})
            self.begin(own, p, group, slots)
            found.setdefault((p.dtype, own["step"]), []).append(p)
        batches = [Batch(ps, [self.state[p] for p in ps]) for ps in found.values()]
        self._batches[id(group)] = names, batches
        return batches

    def begin(self, own, p, group, slots):
        """Makes the state arrays that a parameter lacks."""
        for slot in slots:
            if slot not in own:
                own[slot] = kernels.empty(self.state_shape(slot, p), p.dtype)
                own[slot].fill(self.first(slot, p, group))
        if group["ema"] is not None and "average" not in own:
            own["average"] = kernels.empty(p.shape, p.dtype)
            np.copyto(own["average"], p.data)

    def refuse_unfit(self):
        """Raises, before anything is changed, for a parameter or gradient that no kernel can take."""
        name = type(self).__name__
        zeroed: dict = {}  # where a gradient that is written begins -> whose it is
        for i, group in enumerate(self.param_groups):
            self.lr_of(group)
            for k, p in enumerate(group["params"]):
                if p._grad is None:
                    continue
                why = unfit(p.data, p._grad.data, group["zero"]) or self.unfit_state(p) or self.unfit(p)
                if why:
                    raise ValueError(f"{name}: parameter {k} of group {i}, {p.shape}{why}")
                at = p._grad.data.__array_interface__["data"][0] if group["zero"] and p._grad.data.size else None
                if at and zeroed.setdefault(at, (k, i)) != (k, i):
                    raise ValueError(
                        f"{name}: parameters {zeroed[at][0]} of group {zeroed[at][1]} and {k} of group {i} have one "
                        f"gradient between them, and zero=True would write it; give each its own"
                    )

    def unfit_state(self, p):
        """Why the state of `p` is not its own any more, or None."""
        for slot, a in self.state.get(p, {}).items():
            if type(a) is np.ndarray:
                shape = p.shape if slot == "average" else self.state_shape(slot, p)
                if a.shape != shape or a.dtype != p.dtype:
                    return f" {p.dtype}, has a state {slot} {a.shape} {a.dtype} of another array; make a new optimizer"
        return None

    def state_shape(self, slot, p):
        """The shape of a state array."""
        return p.shape

    def unfit(self, p):
        """Why this rule cannot update `p`, or None."""
        return None

    def update(self, params, grads):
        """One step on arrays: `params` and `grads` are dicts of name -> array, as Deep Learning from Scratch calls it.

        The arrays of `params` are changed in place; an optimizer made without parameters keeps its state by name.
        Errors: ValueError for a gradient without its parameter, and for what `step` refuses.

        >>> import numpy as np, fastgrad as fg
        >>> params, grads = {"W": np.array([1.0, 2.0])}, {"W": np.array([0.5, 0.5])}
        >>> fg.optim.SGD(lr=0.1).update(params, grads)
        >>> params["W"]
        array([0.95, 1.95])
        """
        from .arrays import update

        update(self, params, grads, wrap)

    # -- saving --------------------------------------------------------------------------------------------------------
    def state_dict(self):
        """``{"state": {index: {...}}, "param_groups": [...], "iterations": n}``, with parameters by index.

        Arrays are copies. Where lr is a schedule, the number in use stands in its place.
        """
        from .states import save

        return save(self)

    def load_state_dict(self, saved):
        """Takes back what `state_dict` gave, or that of PyTorch's optimizer of the same rule, as arrays or tensors.

        A group whose lr is a schedule keeps it, and is where it was in it.
        Errors: ValueError for the state of another rule or of other shapes. Nothing is changed then.
        """
        from .states import load

        load(self, saved)

    def averages(self):
        """The averages (`ema`) as a context: they take the parameters' place, and give it back at the end.

        Errors: ValueError where no group keeps averages; RuntimeError for a step, or another such context, within it;
        CaptureError within a captured step.
        """
        from .arrays import averages

        return averages(self)

    # -- telling -------------------------------------------------------------------------------------------------------
    def formula(self, lang="en"):
        """The rule as it is configured, group by group: only what is in use appears. `lang`: "en" or "ko".

        Text, a str, which an interactive session shows as it is; elsewhere print it. The lines are the statements of
        the rule's reference kernel. Errors: ValueError for another language.

        >>> import fastgrad as fg
        >>> w = fg.tensor([1.0], requires_grad=True)
        >>> print(fg.optim.SGD([w], lr=0.1, momentum=0.9, weight_decay=0.01).formula())
        SGD
          g = dL/dp
          g = g + weight_decay p                        weight_decay: L2, in the gradient
          v = momentum v + g
          p = p - lr v
        group 0, 1 tensors: lr = 0.1, momentum = 0.9, weight_decay = 0.01
        """
        from .formulas import formula

        return formula(self, lang)

    def explain(self, name, index, lang="en", *, model=None, params=None, grads=None):
        """What the next step would do to one number of a parameter, term by term in numbers: text, as of `formula`.

        `name`: the parameter itself, its position among all parameters, or with `model` its name there. `index`: an
        integer or a tuple of them. Of an optimizer used with `update(params, grads)` the name is the key, and the two
        dicts are given here too. Nothing is changed. The last number is that of the step, bit for bit; ``value`` of the
        text has it. A rule that moves a tensor as a whole has no terms of one number and says so.
        Errors: KeyError, IndexError, ValueError for a parameter or element that is not there, or another language.

        >>> import fastgrad as fg
        >>> w = fg.tensor([1.0], requires_grad=True)
        >>> opt = fg.optim.SGD([w], lr=0.1, weight_decay=0.01)
        >>> (w * w).sum().backward()
        >>> print(opt.explain(w, 0))
        SGD, parameter 0 (1,) float32, element (0), step t = 1, lr = 0.1
          p = 1, g = 2
          g = g + weight_decay p = 2 + 0.01 * 1 = 2.01   (weight_decay: L2, in the gradient)
          p = p - lr g = 1 - 0.1 * 2.01 = 0.799
          p: 1.0 -> 0.799
        """
        from .explain import explain

        return explain(self, name, index, lang, model, params, grads)

    def refuse_averages(self, what):
        """Raises while the averages are in the parameters' place."""
        if self.averaging:
            raise RuntimeError(
                f"{type(self).__name__}: {what} within averages(): the parameters are the averages now; leave it first"
            )

    def __getstate__(self):
        """A copy gathers its own batches: they are found by the identity of its groups."""
        return {**self.__dict__, "_batches": {}}

    def __repr__(self):
        lines = []
        for i, g in enumerate(self.param_groups):
            told = {
                k: v for k, v in g.items() if k != "params" and not (k in options.SHARED and v == options.SHARED[k])
            }
            lines.append(f"  group {i}: {len(g['params'])} tensors, " + ", ".join(f"{k}={v}" for k, v in told.items()))
        return "\n".join([f"{type(self).__name__}(", *lines, ")"])


def recorded(closure):
    """The loss of a closure, which records whatever the thread does, as in PyTorch."""
    before, state.grad = state.grad, True
    try:
        return closure()
    finally:
        state.grad = before
