"""What workloads share: their registry, a library by name, drawn numbers, and how a call is timed."""

import importlib
import statistics
import time
from contextlib import nullcontext

import numpy as np

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

    def rule(self, name, parameters, lr, mode="fused"):
        """An update rule; `mode` is how torch is to run it and says nothing to fastgrad."""
        if self.name == "torch":
            switch = {} if mode == "default" else {mode: True}
            if name == "adam":
                return self.optim.Adam(parameters, lr=lr, **switch)
            return self.optim.SGD(parameters, lr=lr, momentum=0.9 if name == "momentum" else 0, **switch)
        rules = {"sgd": self.optim.SGD, "momentum": self.optim.Momentum, "adam": self.optim.Adam}
        return rules[name](parameters, lr=lr)


def draw(seed, *shape, scale=1.0):
    """Standard normal float32 numbers, the same in every process."""
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32) * np.float32(scale)


def probe(array, n=16):
    """A few elements, spread over the array, as Python floats: what two libraries are compared by."""
    flat = np.asarray(array).reshape(-1)
    return [float(flat[i]) for i in np.linspace(0, flat.size - 1, min(n, flat.size)).astype(int)]


def measure(call, seconds=1.0, rounds=15):
    """Seconds a call in each of `rounds` rounds, each long enough to be timed, after a warm-up."""
    call()
    start = time.perf_counter()
    call()
    once = time.perf_counter() - start
    for _ in range(min(200, int(0.2 / once))):
        call()
    start = time.perf_counter()
    for _ in range(inner := max(1, min(200, int(0.1 / once)))):
        call()
    inner = max(1, int(seconds / rounds / ((time.perf_counter() - start) / inner)))
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(inner):
            call()
        found.append((time.perf_counter() - start) / inner)
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
