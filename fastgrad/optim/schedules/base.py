"""Schedule: what all schedules share, and schedules of epochs as schedules of steps."""

import math
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["Schedule"]


class Schedule:
    """A learning rate as a function of time. A subclass defines ``rate(t)``; ``unit`` is "step" or "epoch"."""

    unit = "step"

    def __call__(self, t):
        """The rate at time t, counted in `unit`. Errors: ValueError for t below 0."""
        if not t >= 0:
            raise ValueError(f"{type(self).__name__}: t must be at least 0, not {t}")
        return float(self.rate(t))

    def rate(self, t):
        raise NotImplementedError(f"{type(self).__name__} does not define rate(self, t)")

    def per_step(self, steps_per_epoch):
        """A schedule of epochs as one of steps: t -> schedule(t // steps_per_epoch).

        Errors: ValueError for a schedule that counts steps already, and for less than one step an epoch.
        """
        return PerStep(self, steps_per_epoch)

    def draw(self, steps, path=None, log=False):
        """The curve over t = 0, ..., `steps` as SVG text, written to `path` if that is given.

        `log`: powers of ten up the page. Errors: ValueError for fewer than one step; OSError.

        >>> import fastgrad as fg
        >>> fg.optim.schedules.Constant(0.1).draw(10)[:4]
        '<svg'
        """
        from ..drawing import draw_function

        return draw_function(self, steps, path, log)

    def need(self, ok, name, what):
        """Raises where an argument is out of range."""
        if not ok:
            raise ValueError(f"{type(self).__name__}: {name} must be {what}, not {getattr(self, name)!r}")

    def check_unit(self):
        self.need(self.unit in ("step", "epoch"), "unit", '"step" or "epoch"')


@dataclass
class PerStep(Schedule):
    """schedule(t // steps_per_epoch): what `Schedule.per_step` makes. Unit: step."""

    schedule: Schedule
    steps_per_epoch: int

    def __post_init__(self):
        if self.schedule.unit != "epoch":
            raise ValueError(f"per_step: {self.schedule} counts steps already; give it to the optimizer as it is")
        self.need(self.steps_per_epoch >= 1, "steps_per_epoch", "at least 1")

    def rate(self, t):
        return self.schedule(t // self.steps_per_epoch)


def rising(numbers):
    return all(a < b for a, b in pairwise(numbers))


def between(start, end, part, strategy):
    """From start (part = 0) to end (part = 1), on half a cosine or a line."""
    if strategy == "linear":
        return start + (end - start) * part
    return end + (start - end) / 2 * (1 + math.cos(math.pi * part))
