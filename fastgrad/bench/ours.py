"""fastgrad's side of a benchmark of update rules, in a process of its own: native beside the plain loop, or NumPy.

Which of the two is the process's own choice of kernels (FASTGRAD_KERNELS).
"""

import hashlib
import importlib
from functools import partial

import numpy as np

import fastgrad as fg

from .. import kernels
from ..optim import RULES
from ..profiler import profile
from .peers.serve import Unable, arguments, gradient_steps, gradients_of, moved, parameters_of, serve

__all__ = ["Case", "prepare"]

LOOPS = {2 * k + 1: f"stream{k}" for k in (1, 2, 3, 4)}  # numbers moved a parameter -> the plain loop that does so
ROUNDS_OTHERWISE = {"matmul", "transcendental", "softmax", "loss"}  # kernels that are not held to the reference's bits


class Case:
    """A rule over some parameters, and what its steps are made of."""

    def __init__(self, request):
        arrays = parameters_of(request)
        self.parameters = [fg.from_numpy(p).requires_grad_() for p in arrays]
        self.gradients = gradients_of(request)
        for p, g in zip(self.parameters, self.gradients, strict=True):
            p.grad = fg.from_numpy(g)
        try:
            self.optimizer = RULES[request["rule"]](self.parameters)
            gradient_steps(self.gradients, self.optimizer.step, request["check"])
        except (ValueError, TypeError, NotImplementedError) as error:
            raise Unable(str(error)) from error
        self.moved = moved(parameters_of(request), arrays) if request["check"] else []
        self.bits = self.digest() if request["check"] else ""

    def digest(self):
        """A fingerprint of every parameter and every array of the rule's state."""
        found = hashlib.sha256()
        for p in self.parameters:
            found.update(p.data.reshape(-1).view(np.uint8).data)
            for name, value in sorted(self.optimizer.state.get(p, {}).items()):
                found.update(name.encode())
                if isinstance(value, np.ndarray):
                    found.update(value.reshape(-1).view(np.uint8).data)
        return found.hexdigest()

    def answer(self):
        """What the parent is told: the answer to check, the options for the peers, and, of native kernels, the work."""
        found = {"moved": self.moved, "bits": self.bits, "options": self.options()}
        return {**found, **self.work()} if kernels.info()["kernels"] == "native" else found

    def options(self):
        """The rule's options, as far as they are numbers, pairs of them or truth values."""
        plain = (int, float, bool, tuple, list, type(None))
        return {k: v for k, v in self.optimizer.defaults.items() if isinstance(v, plain)}

    def work(self):
        """What one step launches, moves and computes: by the rows of its kernels, with the arrays that are in use."""
        with profile() as p:
            self.optimizer.step()
        n = max(1, sum(p.numel() for p in self.parameters))
        item = self.parameters[0].data.itemsize
        words = sum(e.bytes for e in p.events) / n / item
        loop_words, loop = loop_for(words)
        return {
            "loop": loop,
            "loop_words": loop_words,
            "launches": [e.kernel for e in p.events],
            "bytes": {"float32": 4 * words, "float64": 8 * words},
            "flops": sum(e.flops for e in p.events) / n,
            "exact": not any(kernels.KERNELS[e.kernel].family in ROUNDS_OTHERWISE for e in p.events),
        }

    def slow_down(self, lr):
        """A learning rate that moves nothing: thousands of steps with one gradient must not run off to infinity."""
        for group in self.optimizer.param_groups:
            group["lr"] = lr


def loop_for(words):
    """Numbers a plain loop moves a parameter, and its name: the one that is nearest to a rule."""
    moved = min(LOOPS, key=lambda w: abs(w - words))
    return moved, LOOPS[moved]


def plain_loop(name, request):
    """A call of a plain loop over arrays like the rule's. They hold zeros, so that its sums stay what they are."""
    arrays = []
    for _ in kernels.KERNELS[name].names:
        own = [kernels.empty(tuple(shape), np.dtype(request["dtype"])) for shape in request["shapes"]]
        for array in own:
            kernels.fill(array, 0.0)
        arrays.append(own)
    return partial(kernels.KERNELS[name], *arrays)


def prepare(request):
    """Three steps for the answer; then the calls to be timed."""
    kernels.empty_cache()
    case = Case(request)
    answer = case.answer()
    case.slow_down(request["small"])
    if "loop" not in answer:
        return answer, {"numpy": case.optimizer.step}
    return answer, {"fastgrad": case.optimizer.step, "loop": plain_loop(answer["loop"], request)}


def main():
    options = arguments()
    for module in options.modules:
        importlib.import_module(module)
    if options.threads:
        fg.set_num_threads(options.threads)
    serve(prepare, lambda: {"version": fg.__version__, **kernels.info(), "rules": list(RULES)})


if __name__ == "__main__":
    main()
