"""What workloads share: their registry, a library by name, drawn numbers, and how a call is timed.

It runs in interpreters that have no fastgrad: what it shares with fastgrad.bench it takes from that package's `peers`.
"""

import importlib
import statistics
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "fastgrad" / "bench"))
from peers import with_torch
from peers.clock import draw, measure, probe
from peers.sizes import LAYERS, shapes_of

del sys.path[0]
__all__ = ["LAYERS", "WORKLOADS", "Library", "draw", "expect", "measure", "measure_refilled", "probe", "result"]
__all__ += ["shapes_of", "workload"]

WORKLOADS = {}


def workload(function):
    """Registers a workload under its function's name."""
    WORKLOADS[function.__name__.rstrip("_")] = function
    return function


class Library:
    """A library by name, and the few places where fastgrad and PyTorch are not called alike."""

    def __init__(self, name, threads=None):
        self.name = name
        self.module = importlib.import_module(name)
        if name == "numpy":
            self.tensor, self.no_grad = np.asarray, nullcontext
            return
        if threads:
            self.module.set_num_threads(threads)
        self.nn = importlib.import_module(f"{name}.nn")
        self.optim = importlib.import_module(f"{name}.optim")
        self.functional = importlib.import_module(f"{name}.nn.functional")
        self.tensor, self.no_grad = self.module.from_numpy, self.module.no_grad

    def leaf(self, array):
        """A tensor that collects a gradient."""
        return self.tensor(array).requires_grad_()

    def capture(self, step):
        return self.module.capture(step) if self.name == "fastgrad" else step

    def rule(self, name, parameters, lr, mode="fused", **options):
        """An update rule by its name in small letters; `mode` is how torch is to run it and says nothing to fastgrad.

        Ends the process, in a sentence, where the library has no such rule or option.
        """
        rules = {n.lower(): n for n in ("Momentum", "Nesterov", *vars(self.optim))}
        title = rules.get(name, name)
        if self.name == "torch":
            try:
                return with_torch.build(self.module, title, parameters, {"lr": lr, **options}, mode)
            except with_torch.Unable as error:
                raise SystemExit(str(error)) from error
        if not hasattr(self.optim, title):
            raise SystemExit(f"{self.name}.optim has no rule {title!r}")
        try:
            return getattr(self.optim, title)(parameters, lr=lr, **options)
        except TypeError as error:
            raise SystemExit(f"{self.name}.optim.{title}: {error}") from error


def measure_refilled(refill, call, seconds=1.0, rounds=15):
    """Like measure(), for a call that uses up what `refill` makes: each is timed alone, the refilling is not.

    A round's figure is the median of its calls.
    """
    found = []
    for number in range(-1, rounds):  # one round to warm up
        times, until = [], time.perf_counter() + seconds / rounds
        while len(times) < 3 or time.perf_counter() < until:
            refill()
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        if number >= 0:
            found.append(statistics.median(times))
    return found


def result(seconds, unit, check, scale=None, **extra):
    """What a workload returns: the median over rounds in `unit`, the rounds, the numbers to check."""
    scale = scale or {"s": 1, "ms": 1e3, "us": 1e6}[unit]
    rounds = [s * scale for s in seconds]
    return {"unit": unit, "value": statistics.median(rounds), "rounds": rounds, "check": check, **extra}


def expect(what, found, wanted, rtol, atol=0.0):
    """Refuses to time a wrong answer."""
    if not np.allclose(found, wanted, rtol=rtol, atol=atol):
        raise SystemExit(f"{what}: wrong answer: {found}, expected {wanted}")
