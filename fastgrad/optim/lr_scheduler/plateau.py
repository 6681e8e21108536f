"""ReduceLROnPlateau: a scheduler that looks at a loss."""

import math

from .base import LRScheduler, per_group, refuse_unfit

__all__ = ["ReduceLROnPlateau"]


class ReduceLROnPlateau(LRScheduler):
    """lr = max(lr * factor, min_lr) once a metric has not got better for more than `patience` epochs. Unit: epoch.

    Better than the best so far means, for mode="min", metric < best (1 - threshold) (threshold_mode="rel") or
    metric < best - threshold ("abs"); for "max", metric > best (1 + threshold) or > best + threshold. For `cooldown`
    epochs after a reduction none is counted as bad. A reduction of eps or less is not made.

    Errors: ValueError for a factor outside (0, 1), an unknown mode or threshold_mode, and negative numbers.

    >>> import fastgrad as fg
    >>> opt = fg.optim.SGD([fg.tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = fg.optim.lr_scheduler.ReduceLROnPlateau(opt, factor=0.5, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     opt.step()
    ...     scheduler.step(loss)
    >>> opt.lr
    0.5
    """

    def __init__(
        self,
        optimizer,
        mode="min",
        factor=0.1,
        patience=10,
        threshold=1e-4,
        threshold_mode="rel",
        cooldown=0,
        min_lr=0,
        eps=1e-8,
    ):
        self._need(mode in ("min", "max"), "mode", '"min" or "max"', mode)
        self._need(threshold_mode in ("rel", "abs"), "threshold_mode", '"rel" or "abs"', threshold_mode)
        self._need(0 < factor < 1, "factor", "in (0, 1)", factor)
        counts = {"patience": patience, "threshold": threshold, "cooldown": cooldown, "eps": eps}
        for name, value in counts.items():
            self._need(value >= 0, name, "at least 0", value)
        self.optimizer = refuse_unfit(type(self).__name__, optimizer)
        self.min_lrs = per_group(type(self).__name__, "min_lr", optimizer, min_lr)
        self.mode, self.factor, self.threshold_mode = mode, factor, threshold_mode
        self.patience, self.threshold, self.cooldown, self.eps = patience, threshold, cooldown, eps
        self.best = math.inf if mode == "min" else -math.inf
        self.cooldown_counter = self.num_bad_epochs = self.last_epoch = 0
        self._last_lr = self._rates()

    @property
    def in_cooldown(self):
        return self.cooldown_counter > 0

    def step(self, metrics):  # type: ignore[override]
        """Tells the metric of an epoch, a number or a tensor of one element."""
        metric = float(metrics)
        self.last_epoch += 1
        if self._is_better(metric, self.best):
            self.best, self.num_bad_epochs = metric, 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = self._rates()

    def _reduce(self):
        for group, least in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
            lr = max(group["lr"] * self.factor, least)
            if group["lr"] - lr > self.eps:
                group["lr"] = lr

    def _is_better(self, a, best):
        sign = -1.0 if self.mode == "min" else 1.0
        if self.threshold_mode == "rel":
            best = best * (1.0 + sign * self.threshold)
        else:
            best = best + sign * self.threshold
        return a < best if self.mode == "min" else a > best

    def draw(self, losses, path=None, log=False):
        """The rates from here over epochs with these metrics, as SVG text, written to `path` if given."""
        from ..drawing import draw_scheduler

        return draw_scheduler(self, [(loss,) for loss in losses], path, log)
