"""A monitor of training: what every layer puts out, how much of it is saturated or dead, and how large gradients are.

>>> import fastgrad as fg
>>> from fastgrad.nn import monitor
>>> _ = fg.manual_seed(1)
>>> model = fg.nn.Sequential(fg.nn.Linear(2, 8), fg.nn.ReLU(), fg.nn.Linear(8, 1))
>>> with monitor.watch(model, every=2) as seen:
...     for step in range(4):
...         model(fg.ones(16, 2)).sum().backward()
>>> seen["1"].steps, seen["1"].dead[-1] > 0
([0, 2], True)

``print(seen)`` shows the last step in a table, ``seen.draw("layers.svg")`` all of them, ``seen.findings()`` says in
words what is amiss. What is measured is read alone: a watched step has the bits of an unwatched one. Steps between two
that are measured pay for one hook.
"""

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .. import kernels, ops
from ..tape import state, wrap
from ..tensor import Tensor, set_grad

__all__ = ["Monitor", "Trace", "watch"]

BINS, SAMPLE = 32, 4096  # of a histogram: bins, and how many elements it is made of at most
LIMITS = {"Sigmoid": (0.0, 1.0), "Hardsigmoid": (0.0, 1.0), "Tanh": (-1.0, 1.0), "Softsign": (-1.0, 1.0)}
NEAR = 0.01  # of a limit: saturated
RELU = {"ReLU", "ReLU6"}


@dataclass
class Trace:
    """What one layer did at the measured steps: lists of equal length; None where a thing is not defined.

    min, max, mean, std: of its output. histograms: (counts, edges) of it, of a sample beyond 4096 elements.
    saturated: share of the outputs of a sigmoid or tanh within 0.01 of a limit. dead: share of a ReLU's units that are
    0 for the whole batch; a unit is a feature, or behind a convolution a channel. grad_norm: Euclidean norm of its
    parameters' ``grad`` after backward. dout_norm: that of the gradient which came in at its output.
    """

    name: str
    kind: str
    steps: list = field(default_factory=list)
    min: list = field(default_factory=list)
    max: list = field(default_factory=list)
    mean: list = field(default_factory=list)
    std: list = field(default_factory=list)
    histograms: list = field(default_factory=list)
    saturated: list = field(default_factory=list)
    dead: list = field(default_factory=list)
    grad_norm: list = field(default_factory=list)
    dout_norm: list = field(default_factory=list)

    def last(self, what):
        """The last number of one of the lists that is not None."""
        return next((x for x in reversed(getattr(self, what)) if x is not None), None)


def watch(model, every=10, layers=None):
    """A `Monitor`, as a context: measures every `every`-th step, beginning with the first.

    A step is a call of `model` in training mode with gradients on. `layers`: names of modules to be measured; all that
    have no parts, unless given. What is called as a function (``F.relu``) is no module, and not seen. A module that is
    called twice in a step has a second trace, "name (2)".
    Errors: ValueError for every < 1 or an unknown name; inside ``fastgrad.capture`` CaptureError, for a captured step
    calls no Python: watch the eager step. The replays of a step that was captured before are not seen.
    """
    return Monitor(model, every, layers)


class Monitor:
    """What `watch` gives: `traces`, by name of the layer in the order of the calls, and `steps`, the calls counted."""

    def __init__(self, model, every=10, layers=None):
        if not hasattr(model, "named_modules"):
            raise TypeError(f"watch: takes a Module, not a {type(model).__name__}")
        if every < 1:
            raise ValueError(f"watch: every must be at least 1, not {every}")
        names = {name: module for name, module in model.named_modules() if not module._modules}
        if layers is not None:
            named = dict(model.named_modules())
            if unknown := [name for name in layers if name not in named]:
                raise ValueError(f"watch: no layers {unknown}; the model has {list(named)}")
            names = {name: named[name] for name in layers}
        self.model, self.every, self.steps = model, int(every), 0
        self.traces: dict[str, Trace] = {}
        self._names = {module: name for name, module in names.items()}
        self._handles: list = []  # for as long as the model is watched
        self._at_layers: list = []  # for one call
        self._at_parameters: list = []  # for one backward
        self._calls: Counter = Counter()
        self._kernel_axes = 2  # of the last weight on the way: 2 of a Linear, more of a convolution

    def __enter__(self):
        if self._handles:
            raise RuntimeError("watch: this monitor watches already")
        self._handles = [
            self.model.register_forward_pre_hook(self._begin),
            self.model.register_forward_hook(self._end, always_call=True),
        ]
        return self

    def __exit__(self, *exc):
        self._let_go(self._handles)
        self._let_go(self._at_layers)
        self._forget_parameters()

    def __getitem__(self, name):
        if name not in self.traces:
            raise KeyError(f"no trace of {name!r}: there are {list(self.traces)}")
        return self.traces[name]

    # -- hooks ---------------------------------------------------------------------------------------------------------
    def _let_go(self, handles):
        for handle in handles:
            handle.remove()
        handles.clear()

    def _forget_parameters(self):
        for p, handle in self._at_parameters:
            handle.remove()
            if not p._hooks.before and not p._hooks.after:
                del p._hooks
        self._at_parameters.clear()

    def _begin(self, model, args):
        self._forget_parameters()
        if not model.training or not state.grad:
            return
        kernels.refuse_capture("nn.monitor.watch", "watch the step while it runs eagerly: a replay calls no hooks")
        self.steps += 1
        if (self.steps - 1) % self.every == 0:
            self._calls.clear()
            self._at_layers = [module.register_forward_hook(self._seen) for module in self._names]

    def _end(self, model, args, out):
        self._let_go(self._at_layers)

    def _seen(self, module, args, out):
        """A layer was called in a step that is measured."""
        weight = module._parameters.get("weight")
        if weight is not None and weight.data.ndim >= 2:
            self._kernel_axes = weight.data.ndim
        out = out[0] if isinstance(out, (tuple, list)) and out else out
        if not isinstance(out, Tensor) or out.dtype.kind != "f" or not out.data.size:
            return
        self._calls[module] += 1
        name, again = self._names[module] or type(module).__name__, self._calls[module]
        key = name if again == 1 else f"{name} ({again})"
        trace = self.traces.setdefault(key, Trace(key, type(module).__name__))
        measure(trace, module, out.data, self._kernel_axes)
        trace.steps.append(self.steps - 1)
        place = len(trace.steps) - 1
        if out.requires_grad:
            out.register_hook(lambda g: put(trace.dout_norm, place, norm(g.data)))
        if again == 1:
            self._watch_parameters(trace, place, module)

    def _watch_parameters(self, trace, place, module):
        norms: dict = {}

        def arrived(p):
            norms[id(p)] = norm(p.grad.data)
            put(trace.grad_norm, place, math.hypot(*norms.values()))

        for p in module._parameters.values():
            if p is not None and p.requires_grad:
                self._at_parameters.append((p, p.register_post_accumulate_grad_hook(arrived)))

    # -- what it found -------------------------------------------------------------------------------------------------
    def __repr__(self):
        if not self.traces:
            return f"<a monitor of {type(self.model).__name__}: {self.steps} steps, none measured>"
        from .drawing import last_step

        return last_step(self)

    def findings(self):
        """Sentences about the last measured step: dead units, saturation, gradients that vanish, explode, are NaN.

        A gradient vanishes where the norm of what comes in at a layer is below a thousandth of that at the last one.
        """
        found = []
        for t in self.traces.values():
            if t.dead[-1] is not None and t.dead[-1] >= 0.4:
                found.append(
                    f"{t.name}: {t.dead[-1]:.0%} of the units of {t.kind} are 0 for the whole batch: a smaller "
                    f"learning rate, He initial values, or LeakyReLU"
                )
            if t.saturated[-1] is not None and t.saturated[-1] >= 0.5:
                found.append(
                    f"{t.name}: {t.saturated[-1]:.0%} of the outputs of {t.kind} are at its limits, where its slope is "
                    f"near 0: Xavier initial values, normalised inputs, or a smaller learning rate"
                )
            if not math.isfinite(t.min[-1]) or not math.isfinite(t.max[-1]):
                found.append(f"{t.name}: the output of {t.kind} is not finite; autograd.detect_anomaly finds where")
        douts = [(t.name, t.dout_norm[-1]) for t in self.traces.values() if t.dout_norm[-1] is not None]
        for name, g in douts[:1] if len(douts) > 1 else ():
            (last, at_end) = douts[-1]
            if not math.isfinite(g):
                found.append(f"{name}: its gradient is not finite")
            elif at_end and not 1e-3 <= g / at_end <= 1e3:
                what = "vanishes" if g < at_end else "explodes"
                found.append(
                    f"{name}: the gradient {what}: its norm is {g:.2g}, at {last} {at_end:.2g}: other initial values, "
                    f"normalisation, or {'an activation without limits' if g < at_end else 'clip_grad_norm_'}"
                )
        return found

    def draw(self, path=None, layers=None):
        """All measured steps as SVG text, a row a layer; written to `path`, if given.

        From left to right: mean, mean +- std and the range of the output over the steps; its histogram at the first and
        the last step; the share that is saturated or dead; the norms of the gradients, on one scale for all layers.
        Errors: ValueError where no step was measured, or for an unknown layer.
        """
        if not self.traces:
            raise ValueError(
                "draw: no step was measured: inside watch, call the model itself, in training mode and eagerly (a "
                "captured step is not seen)"
            )
        from .drawing import drawn

        text = drawn([self[name] for name in (self.traces if layers is None else layers)], self.steps)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text


# -- measures ----------------------------------------------------------------------------------------------------------
def measure(trace, module, x, kernel_axes):
    """Appends to every list of a trace what an output says; the gradients are not known yet."""
    names = {cls.__name__ for cls in type(module).__mro__}
    with set_grad(False):
        low, high = (float(v.data) for v in ops.aminmax(wrap(x)))
        mean, std = float(ops.mean(wrap(x)).data), float(ops.std(wrap(x), correction=0).data)
    for what, value in (("min", low), ("max", high), ("mean", mean), ("std", std)):
        getattr(trace, what).append(value)
    trace.histograms.append(histogram(x, low, high))
    limits = next((LIMITS[name] for name in LIMITS if name in names), None)
    if "Hardtanh" in names and not names & RELU:  # a ReLU6 is one, too
        limits = module.min_val, module.max_val
    trace.saturated.append(None if limits is None else saturated(x, *limits))
    trace.dead.append(dead(x, kernel_axes) if names & RELU else None)
    trace.grad_norm.append(None)
    trace.dout_norm.append(None)


def saturated(x, low, high):
    """The share of outputs within 0.01 of a limit.

    >>> saturated(np.array([0.001, 0.5, 0.995, 0.98]), 0.0, 1.0)
    0.5
    """
    return float(np.mean((x < low + NEAR) | (x > high - NEAR)))


def dead(x, kernel_axes=2):
    """The share of units that are 0 for the whole batch: along axis 1 behind a convolution, else along the last one.

    >>> dead(np.array([[0.0, 1.0], [0.0, 0.0]]))
    0.5
    """
    axis = 1 if kernel_axes > 2 and x.ndim > 2 else x.ndim - 1
    alive = (x != 0).any(axis=tuple(i for i in range(x.ndim) if i != axis))
    return float(1.0 - alive.mean()) if alive.ndim else float(not alive)


def histogram(x, low, high):
    """(counts, edges) of the finite elements, of about 4096 that are spread over all."""
    flat = x.reshape(-1)
    step = -(-flat.size // SAMPLE)
    while math.gcd(step, flat.size) > 1 and step < flat.size:  # not the same features of every sample
        step += 1
    flat = flat[::step] if flat.size > SAMPLE else flat
    if not (math.isfinite(low) and math.isfinite(high)):
        flat = flat[np.isfinite(flat)]
        low, high = (float(flat.min()), float(flat.max())) if flat.size else (0.0, 0.0)
    spread = high - low or max(abs(high), 1.0) * 1e-3
    bins = ((flat.astype(np.float64) - low) * (BINS / spread)).astype(np.int64)  # np.histogram takes twice the time
    return np.bincount(np.clip(bins, 0, BINS - 1), minlength=BINS), np.linspace(low, low + spread, BINS + 1)


def norm(g):
    """The Euclidean norm of an array, in float64 where float32 cannot hold its square."""
    with set_grad(False):
        found = float(ops.norm(wrap(g)).data)
        return found if math.isfinite(found) and found else float(ops.norm(wrap(g.astype(np.float64))).data)


def put(values: list, place: int, value: Any):
    values[place] = value
