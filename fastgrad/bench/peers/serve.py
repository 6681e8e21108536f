"""The child's end of a benchmark: requests come in as lines of JSON, answers go out as lines of JSON.

    {"do": "about"}                          -> {"about": {versions}}
    {"do": "prepare", "rule": ..., ...}      -> what the case says of itself and its answer, or {"unable": why}
    {"do": "time", "what": name}             -> {"seconds": a call of it}
    {"do": "drop"}                           -> {}: the arrays are let go

Every answer says in "cpu" how many seconds of a processor this process has used so far.
"""

import argparse
import json
import os
import sys
import time

import numpy as np

from .clock import Clock, draw_into, probe

__all__ = ["SCALES", "Unable", "arguments", "gradient_steps", "gradients_of", "moved", "parameters_of", "serve"]

SCALES = (1.0, 0.5, -0.25)  # of the gradients in the steps that are checked; powers of two, so that nothing rounds
PROBED = 256  # elements in all


class Unable(Exception):
    """This library does not do that; the message says why."""


def arguments(argv=None):
    """The child's own options. The processors are chosen here, before the import that starts a pool of threads."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int)
    parser.add_argument("--import", action="append", default=[], dest="modules")
    options = parser.parse_args(argv)
    if options.threads and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    return options


def parameters_of(request):
    """The parameters a case begins with, the same in every process: normal, of standard deviation 0.01."""
    return drawn(request, 1, 0.01)


def gradients_of(request):
    """Its gradients: normal, of standard deviation 1."""
    return drawn(request, 2, 1.0)


def drawn(request, seed, scale):
    arrays = [np.empty(shape, request["dtype"]) for shape in request["shapes"]]
    fill(arrays, seed, scale)
    return arrays


def fill(arrays, seed, scale):
    for i, array in enumerate(arrays):
        draw_into(array, [seed, i], scale)


def gradient_steps(gradients, step, check=True):
    """Three steps with gradients of other size and sign; afterwards the gradients are what they were.

    They are filled before each step, as backward() would do: torch's foreach form of Nesterov's rule overwrites them.
    Where nothing is to be checked, one step, which makes the rule's state.
    """
    for scale in SCALES if check else (1.0,):
        fill(gradients, 2, scale)
        step()
    fill(gradients, 2, 1.0)


def moved(before, after):
    """How far some elements of every parameter have come."""
    each = -(-PROBED // len(before))
    old, new = ([x for array in arrays for x in probe(array, each)] for arrays in (before, after))
    return [b - a for a, b in zip(old, new, strict=True)]


def serve(prepare, about):
    """Answers until there are no more requests. `prepare(request)` returns what to say, and name -> call to time."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is not an answer
    clocks: dict = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {}
            if request["do"] == "about":
                answer = {"about": about()}
            elif request["do"] == "prepare":
                clocks.clear()
                answer, calls = prepare(request)
                clocks.update({name: Clock(call) for name, call in calls.items()})
                answer["calls"] = list(calls)
                del calls
            elif request["do"] == "time":
                answer = {"seconds": clocks[request["what"]].turn()}
            elif request["do"] == "drop":
                clocks.clear()
        except (Unable, MemoryError) as error:
            clocks.clear()
            answer = {"unable": str(error) or "there is not enough memory"}
        out.write(json.dumps({**answer, "cpu": time.process_time()}) + "\n")
        out.flush()
