"""LRScheduler: what all schedulers share. A subclass defines ``get_lr()``."""

import copy
import types
import warnings

from ..optimizer import Optimizer

__all__ = ["LRScheduler"]


class LRScheduler:
    """Sets the rates of an optimizer's groups at every call of `step`, to what ``get_lr()`` says.

    `get_lr` has `last_epoch`, the number of calls so far, `base_lrs`, the groups' rates at the beginning, and
    ``self.optimizer.param_groups``. Making a scheduler is its call 0. A group keeps its first rate as "initial_lr",
    which schedulers made later begin at too.

    last_epoch: -1, or, to go on with groups that have an "initial_lr", the last call that was made.
    Errors: TypeError for what is no optimizer; ValueError where a group's lr is a schedule already; KeyError for a
    last_epoch and no "initial_lr".

    >>> import fastgrad as fg
    >>> class Harmonic(fg.optim.lr_scheduler.LRScheduler):
    ...     def get_lr(self):
    ...         return [lr / (1 + self.last_epoch) for lr in self.base_lrs]
    >>> opt = fg.optim.SGD([fg.tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = Harmonic(opt)
    >>> opt.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.5]
    """

    unit = "epoch"  # what usually lies between two calls of step()
    _functions: tuple = ()  # attributes that are functions or lists of them, of which only objects have a state
    _get_lr_called_within_step = False
    _is_initial = False
    _step_count = 0

    def __init__(self, optimizer, last_epoch=-1):
        self.optimizer = refuse_unfit(type(self).__name__, optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f"{type(self).__name__}: last_epoch={last_epoch}, but group {i} has no initial_lr; load the "
                    f"optimizer's state first, or leave last_epoch out"
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def get_lr(self):
        """The rates of all groups at `last_epoch`. `step` calls it; to read the rates use `get_last_lr`."""
        raise NotImplementedError(f"{type(self).__name__} does not define get_lr(self)")

    def get_last_lr(self):
        """The rates of all groups that were set last."""
        return list(self._last_lr)

    def step(self):
        """Sets the next rates. Call it after the optimizer's step, else the first rate is skipped: a UserWarning."""
        self._warn_of_order(stacklevel=3)
        self._step_count += 1
        self.last_epoch += 1
        self._set(self._asked(self.get_lr))

    def state_dict(self):
        """All that is not the optimizer's, as copies. A function is saved as None, an object by its attributes."""
        saved = {}
        for name, value in vars(self).items():
            if name in self._functions:
                many = isinstance(value, list)
                kept = [None if f is None or is_function(f) else copy.deepcopy(vars(f)) for f in as_list(value)]
                saved[name] = kept if many else kept[0]
            elif name != "optimizer":
                saved[name] = copy.deepcopy(value)
        return saved

    def load_state_dict(self, saved):
        """Takes back what `state_dict` gave; the optimizer's rates are in the optimizer's own.

        Errors: ValueError for the state of another kind of scheduler, which changes nothing.
        """
        self._refuse_foreign(saved)
        for name, value in saved.items():
            if name not in self._functions:
                setattr(self, name, copy.deepcopy(value))
                continue
            for function, kept in zip(as_list(getattr(self, name)), as_list(value), strict=True):
                if kept is not None:
                    vars(function).update(copy.deepcopy(kept))

    def draw(self, steps, path=None, log=False):
        """The rates from here over that many calls of step(), as SVG text, written to `path` if given.

        A copy makes the calls: scheduler and optimizer stay as they are. `log`: powers of ten up the page.
        """
        from ..drawing import draw_scheduler

        return draw_scheduler(self, [()] * steps, path, log)

    # -- for subclasses ------------------------------------------------------------------------------------------------
    def _initial_step(self):
        """Call 0, which makes the scheduler."""
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def _restart(self):
        """Begins anew, as a later part of a `SequentialLR`."""
        self.last_epoch = 0
        self._set(self._asked(self._first_lr))

    def _first_lr(self):
        """The rates at last_epoch = 0 of a scheduler that begins anew."""
        return self.get_lr()

    def _asked(self, get_lr):
        self._get_lr_called_within_step = True
        try:
            return get_lr()
        finally:
            self._get_lr_called_within_step = False

    def _set(self, rates):
        groups = self.optimizer.param_groups
        for group, lr in zip(groups, rates, strict=True):
            group["lr"] = lr
        self._last_lr = self._rates()

    def _rates(self):
        return [group["lr"] for group in self.optimizer.param_groups]

    def _warn_of_order(self, stacklevel):
        if self._step_count == 1 and not self.optimizer.stepped:
            warnings.warn(
                f"{type(self).__name__}.step() before the optimizer's step(): the first rate of the schedule is "
                f"skipped; call optimizer.step() first, then scheduler.step()",
                stacklevel=stacklevel,
            )

    def _refuse_foreign(self, saved):
        name = type(self).__name__
        own = set(vars(self)) - {"optimizer"}
        if not isinstance(saved, dict) or set(saved) != own:
            given = f"a dict of {sorted(saved)[:4]}" if isinstance(saved, dict) else f"a {type(saved).__name__}"
            raise ValueError(f"load_state_dict: {given} is no state of a {name}, which has {sorted(own)}")

    def _need(self, ok, name, what, value):
        """Raises where an argument is out of range."""
        if not ok:
            raise ValueError(f"{type(self).__name__}: {name} must be {what}, not {value!r}")


def refuse_unfit(name, optimizer):
    """The optimizer, if it is one whose rates a scheduler may set."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{name} takes an optimizer, not a {type(optimizer).__name__}")
    for i, group in enumerate(optimizer.param_groups):
        if callable(group["lr"]):
            raise ValueError(
                f"{name}: the lr of group {i} is a schedule already, {group['lr']}; give the optimizer a number"
            )
    return optimizer


def per_group(name, field, optimizer, value):
    """One value for each group, of one for all or of a list."""
    n = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * n
    if len(value) != n:
        raise ValueError(f"{name}: {field} must be one value or one for each of {n} groups, not {value!r}")
    return list(value)


def is_function(x):
    return isinstance(x, (types.FunctionType, types.BuiltinFunctionType, types.MethodType, type))


def as_list(x):
    return x if isinstance(x, list) else [x]
