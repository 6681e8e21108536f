"""Schedulers of schedulers: one after another, or all at once."""

from bisect import bisect_right

from .base import LRScheduler, refuse_unfit
from .plateau import ReduceLROnPlateau

__all__ = ["ChainedScheduler", "SequentialLR"]


class Composed(LRScheduler):
    """What schedulers of schedulers share."""

    def _take(self, optimizer, schedulers):
        name = type(self).__name__
        if not schedulers:
            raise ValueError(f"{name}: schedulers must be at least one, not []")
        for i, scheduler in enumerate(schedulers):
            if not isinstance(scheduler, LRScheduler):
                raise TypeError(f"{name}: schedulers[{i}] is a {type(scheduler).__name__}, not a scheduler")
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError(f"{name}: schedulers[{i}] is a ReduceLROnPlateau, whose step() needs a metric")
            if scheduler.optimizer is not (optimizer or schedulers[0].optimizer):
                raise ValueError(f"{name}: schedulers[{i}] is of another optimizer; all must be of one")
        self.optimizer = refuse_unfit(name, optimizer or schedulers[0].optimizer)
        self._schedulers = list(schedulers)

    def state_dict(self):
        """As of any scheduler; "_schedulers" are their states."""
        own = {k: v for k, v in vars(self).items() if k not in ("optimizer", "_schedulers")}
        return {**own, "_schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, saved):
        """Takes back what `state_dict` gave. Errors: ValueError for another scheduler's, which changes nothing."""
        self._refuse_foreign(saved)
        for name, value in saved.items():
            if name != "_schedulers":
                setattr(self, name, value)
        for scheduler, own in zip(self._schedulers, saved["_schedulers"], strict=True):
            scheduler.load_state_dict(own)

    def _refuse_foreign(self, saved):
        super()._refuse_foreign(saved)
        if len(saved["_schedulers"]) != len(self._schedulers):
            raise ValueError(
                f"load_state_dict: a {type(self).__name__} of {len(saved['_schedulers'])} schedulers, this one has "
                f"{len(self._schedulers)}"
            )
        for scheduler, own in zip(self._schedulers, saved["_schedulers"], strict=True):
            scheduler._refuse_foreign(own)


class SequentialLR(Composed):
    """One scheduler after another: the next begins anew when last_epoch reaches a milestone. Unit: the schedulers'.

    Errors: ValueError where schedulers are not one more than milestones, where milestones do not rise from above 0, for
    a `ReduceLROnPlateau`, and for schedulers of another optimizer. As the first part of another SequentialLR it reaches
    its milestones when it should; PyTorch's is a call early there.

    >>> import fastgrad as fg
    >>> from fastgrad.optim.lr_scheduler import ExponentialLR, LinearLR, SequentialLR
    >>> opt = fg.optim.SGD([fg.tensor([1.0], requires_grad=True)], lr=1.0)
    >>> parts = [LinearLR(opt, start_factor=0.5, total_iters=2), ExponentialLR(opt, gamma=0.5)]
    >>> scheduler = SequentialLR(opt, parts, milestones=[2])
    >>> rates = [opt.lr]
    >>> for _ in range(4):
    ...     opt.step()
    ...     scheduler.step()
    ...     rates.append(opt.lr)
    >>> rates
    [0.5, 0.75, 1.0, 0.5, 0.25]
    """

    def __init__(self, optimizer, schedulers, milestones, last_epoch=-1):
        self._take(optimizer, schedulers)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"SequentialLR: schedulers must be one more than milestones, not {len(schedulers)} for "
                f"{len(milestones)}"
            )
        rises = all(a < b for a, b in zip([0, *milestones], milestones, strict=False))
        self._need(rises, "milestones", "increasing, from above 0", milestones)
        self._milestones = list(milestones)
        self.last_epoch = last_epoch + 1
        self.unit = schedulers[0].unit
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        self._undo()
        self._initial_step()

    def _initial_step(self):
        self._schedulers[0]._initial_step()
        self._last_lr = self._schedulers[0].get_last_lr()

    def _undo(self):
        """All parts as before the call that has made them."""
        for scheduler in self._schedulers:
            if isinstance(scheduler, SequentialLR):
                scheduler._undo()
            else:
                scheduler.last_epoch -= 1

    def step(self):
        """Sets the next rates."""
        self.last_epoch += 1
        i = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[i]
        if i > 0 and self._milestones[i - 1] == self.last_epoch:
            scheduler._restart()
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()

    def _restart(self):
        self.last_epoch = 0
        self._schedulers[0]._restart()
        self._last_lr = self._schedulers[0].get_last_lr()


class ChainedScheduler(Composed):
    """Several schedulers at once: each call of step() is one of each, in order. Unit: the schedulers'.

    Those that multiply make a product. Errors: ValueError for none, for a `ReduceLROnPlateau`, and for schedulers of
    another optimizer.

    >>> import fastgrad as fg
    >>> from fastgrad.optim.lr_scheduler import ChainedScheduler, ConstantLR, ExponentialLR
    >>> opt = fg.optim.SGD([fg.tensor([1.0], requires_grad=True)], lr=1.0)
    >>> both = [ConstantLR(opt, factor=0.5, total_iters=2), ExponentialLR(opt, gamma=0.5)]
    >>> scheduler = ChainedScheduler(both, opt)
    >>> rates = [opt.lr]
    >>> for _ in range(3):
    ...     opt.step()
    ...     scheduler.step()
    ...     rates.append(opt.lr)
    >>> rates
    [0.5, 0.25, 0.25, 0.125]
    """

    def __init__(self, schedulers, optimizer=None):
        self._take(optimizer, schedulers)
        self.unit = schedulers[0].unit
        self._last_lr = self._rates()

    @property
    def last_epoch(self):
        return self._schedulers[0].last_epoch

    @last_epoch.setter
    def last_epoch(self, epoch):
        for scheduler in self._schedulers:
            scheduler.last_epoch = epoch

    def step(self):
        """Sets the next rates."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self._rates()

    def _initial_step(self):
        for scheduler in self._schedulers:
            scheduler._initial_step()
        self._last_lr = self._rates()

    def _restart(self):
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        self.last_epoch = -1
        self._initial_step()
