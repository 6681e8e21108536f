"""How a schedule draws itself: its curve as SVG text. Loaded when the first one does."""

import copy
from pathlib import Path
from types import SimpleNamespace

from ..show import svg

__all__ = ["draw_function", "draw_scheduler", "rehearse"]


def draw_function(schedule, steps, path=None, log=False):
    """The curve of a function of time over t = 0, ..., `steps`."""
    refuse_few(type(schedule).__name__, steps)
    curve = [schedule(t) for t in range(steps + 1)]
    return finish({"lr": (range(steps + 1), curve)}, title_of(schedule), schedule.unit, path, log)


def draw_scheduler(scheduler, calls, path=None, log=False):
    """The curves of all groups over the next calls of step(), whose arguments are the tuples of `calls`."""
    name = type(scheduler).__name__
    refuse_few(name, len(calls))
    rates = rehearse(scheduler, calls)
    times = range(scheduler.last_epoch, scheduler.last_epoch + len(rates))
    curves = {f"group {i}": (times, curve) for i, curve in enumerate(zip(*rates, strict=True))}
    return finish(curves, name, scheduler.unit, path, log)


def rehearse(scheduler, calls):
    """The rates of all groups now and after each of the calls of step(), made by a copy on an optimizer of no tensors.

    >>> import fastgrad as fg
    >>> opt = fg.optim.SGD([fg.tensor([1.0], requires_grad=True)], lr=1.0)
    >>> rehearse(fg.optim.lr_scheduler.ExponentialLR(opt, gamma=0.5), [()] * 3)
    [[1.0], [0.5], [0.25], [0.125]]
    >>> opt.lr
    1.0
    """
    real = scheduler.optimizer
    groups = [{k: v for k, v in group.items() if k != "params"} for group in real.param_groups]
    stand_in = SimpleNamespace(param_groups=groups, defaults=real.defaults, stepped=True)
    twin = copied(scheduler, stand_in)
    found = [[group["lr"] for group in groups]]
    for arguments in calls:
        twin.step(*arguments)
        found.append([group["lr"] for group in groups])
    return found


def copied(scheduler, optimizer):
    twin = copy.copy(scheduler)
    for name, value in vars(scheduler).items():
        if name == "_schedulers":
            twin._schedulers = [copied(s, optimizer) for s in value]
        elif name != "optimizer":
            setattr(twin, name, copy.deepcopy(value))
    twin.optimizer = optimizer
    return twin


def title_of(schedule):
    """Class and what was given, as far as there is room for it."""
    name, text = type(schedule).__name__, repr(schedule)
    return text if len(text) <= 58 else name


def refuse_few(name, steps):
    if steps < 1:
        raise ValueError(f"{name}.draw: steps must be at least 1, not {steps}")


def finish(curves, title, unit, path, log):
    if log:  # a rate of 0 has no logarithm: its points are left out
        curves = {
            k: tuple(zip(*((t, y) for t, y in zip(*c, strict=True) if y > 0), strict=True)) for k, c in curves.items()
        }
        curves = {k: c for k, c in curves.items() if c}
        if not curves:
            raise ValueError(f"{title}: log=True needs rates above 0, and all are 0")
    legend = "above" if 1 < len(curves) <= len(svg.COLOURS) else None  # with more, colours repeat
    chart = svg.lines(curves, title, unit, "learning rate", log=log, legend=legend)
    text = svg.standalone(chart)
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text
