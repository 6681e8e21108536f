"""Update rules, measured: every rule of a list, at every size, beside a plain loop, NumPy and other libraries.

A round starts a fresh process for each library and goes through all cases; within a case the contestants take turns,
A B A B. So what differs between processes (where memory lies, which cores are had) differs between rounds, and what the
machine does for a while meets all contestants alike. An answer is checked before anything is timed: fastgrad's bits
after three steps against the reference's, the others' steps against fastgrad's where the rule is the same.
"""

import math
import os
import platform
import sys
from typing import NamedTuple

import numpy as np

from ..demo import free_memory
from .peers.sizes import shapes_of
from .spawn import Child, about_numpy, peer_command, processor, wait_for_quiet, watched

__all__ = ["SIZES", "Plan", "run", "shapes_of"]

SIZES = ("mlp", "100x64x64", "1M", "33.5M")
TURNS = 3  # of each contestant in a round
SMALL = 1e-8  # the learning rate while the clock runs
SLOW = 10.0  # times fastgrad's: such a contestant gets one turn a round
NEAR = 1.3  # a mode this many times slower than the library's best one in the first round is left out of the others
ARRAYS = 11  # of a case's size, that a library has at most: parameters, gradients, states, those of its other modes
QUIET = 0.2  # processors used by others, at most, for a round to count in a comparison
RTOL = 1e-3  # between libraries, of the largest movement: they round differently, over three steps


class Plan(NamedTuple):
    """What to run. `peers`: library -> interpreter; `modules` are imported first, for the rules they define."""

    rules: tuple
    sizes: tuple = SIZES
    dtypes: tuple = ("float32",)
    peers: dict = {}  # noqa: RUF012 (never changed)
    rounds: int = 5
    threads: int | None = None
    isa: str | None = None
    modules: tuple = ()
    patience: float = 0.0  # seconds, in all, to wait for a quiet machine

    def cases(self):
        return [(size, dtype, rule) for dtype in self.dtypes for size in self.sizes for rule in self.rules]


class Crew:
    """The processes of a round, by library; one that has died is started again when it is next asked."""

    def __init__(self, plan, libraries):
        self.plan, self.libraries, self.children = plan, libraries, {}
        self.patience = plan.patience / plan.rounds

    def child(self, library):
        if library not in self.children:
            self.children[library] = start(self.plan, library)
        return self.children[library]

    def ask(self, library, do, **more):
        try:
            return self.child(library).ask(do, **more)
        except RuntimeError:
            self.children.pop(library).close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for child in self.children.values():
            child.close()


def start(plan, library):
    """The process of a library: "fastgrad", "numpy" (fastgrad's reference kernels), "torch" or "jax"."""
    common = ["--threads", str(plan.threads)] if plan.threads else []
    if library not in ("fastgrad", "numpy"):
        return Child(library, [*peer_command(plan.peers[library], f"with_{library}"), *common])
    imports = [word for module in plan.modules for word in ("--import", module)]
    which = "native" if library == "fastgrad" else "reference"
    switch = {"FASTGRAD_KERNELS": which, **({"FASTGRAD_ISA": plan.isa} if plan.isa else {})}
    return Child(library, [sys.executable, "-P", "-m", "fastgrad.bench.ours", *common, *imports], **switch)


# -- one case ----------------------------------------------------------------------------------------------------------
def prepare(crew, entry, first):
    """Has every library set a case up. Returns contestant -> (library, call); writes what is found into the entry."""
    request = {"rule": entry["rule"], "shapes": shapes_of(entry["size"]), "dtype": entry["dtype"], "small": SMALL}
    request["check"] = first
    answers: dict = {}
    contestants: dict = {}
    for library in crew.libraries:
        if library in entry["unable"] or (library == "numpy" and not first and "numpy" not in crew.plan.peers):
            continue
        if library in ("torch", "jax"):
            request["options"] = answers["fastgrad"]["options"]
            request["modes"] = entry.get("modes", {}).get(library)
        try:
            answer = crew.ask(library, "prepare", **request)
        except RuntimeError as error:
            answer = {"unable": str(error)}
        if "unable" in answer:
            if library == "fastgrad":
                entry["failed"] = answer["unable"]
                return {}
            entry["unable"][library] = answer["unable"]
            continue
        answers[library] = answer
        for call in answer["calls"]:
            name = {"fastgrad": call, "torch": f"torch {call}"}.get(library, library)
            contestants[name] = library, call
    if first:
        describe(entry, answers["fastgrad"])
        complaint = check(entry, answers)
        if complaint:
            entry["failed"] = f"WRONG ANSWER: {complaint}"
            return {}
    unwanted = {*entry["unable"], *({"numpy"} - crew.plan.peers.keys())}
    return {name: where for name, where in contestants.items() if where[0] not in unwanted}


def too_large(entry, libraries):
    """Why a case does not fit into the memory that is free, or ""."""
    needed = ARRAYS * len(libraries) * elements(entry["size"]) * np.dtype(entry["dtype"]).itemsize
    if needed <= free_memory():
        return ""
    return f"it needs about {needed / 1e9:.1f} GB of memory, {free_memory() / 1e9:.1f} GB are free"


def elements(size):
    return sum(math.prod(shape) for shape in shapes_of(size))


def describe(entry, answer):
    entry.update(tensors=len(shapes_of(entry["size"])), parameters=elements(entry["size"]))
    entry.update({name: answer[name] for name in ("launches", "bytes", "flops", "loop", "loop_words", "exact")})


def check(entry, answers):
    """Holds every answer against fastgrad's; says in entry["check"] how. Returns what is wrong with fastgrad's, or "".

    A peer whose answer is another one has no figures: that is written into entry["unable"].
    """
    ours = answers["fastgrad"]
    if "numpy" not in answers:
        return f"there is no reference to hold it against: {entry['unable']['numpy']}"
    complaint = against_reference(ours, answers["numpy"])
    if complaint:
        return complaint
    entry["check"]["numpy"] = "the same bits" if ours["exact"] else "agrees"
    for library in answers.keys() - {"fastgrad", "numpy"}:
        if not answers[library]["same"]:
            entry["check"][library] = "another rule by this name: not compared"
            continue
        wrong = [(mode, why) for mode, x in answers[library]["moved"].items() if (why := far(ours["moved"], x))]
        entry["check"][library] = "agrees" if not wrong else "WRONG ANSWER"
        if wrong:
            entry["unable"][library] = "WRONG ANSWER, {} against fastgrad's: {}".format(*wrong[0])
    return ""


def against_reference(ours, reference):
    """Why the native answer of a case is not the reference's, or "" if it is: the same bits, where those are promised.

    Rules with products or transcendental functions in them are held to a tolerance.
    """
    if not any(ours["moved"]):
        return "three steps have moved nothing"
    if not ours["exact"]:
        return far(ours["moved"], reference["moved"])
    return "" if ours["bits"] == reference["bits"] else "native and reference: not the same bits after three steps"


def far(a, b, rtol=RTOL):
    """Why two lists of movements are not the same, or "" if they are."""
    a, b = np.array(a), np.array(b)
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return "other numbers of elements, or some are not finite"
    difference, most = np.abs(a - b), np.abs(a).max()
    if (difference <= rtol * (np.abs(a) + 0.1 * most)).all():
        return ""
    worst = int(np.argmax(difference))
    return f"after three steps an element has moved by {a[worst]:.6g} and by {b[worst]:.6g}"


def take_turns(crew, contestants, entry):
    """One round of a case: every contestant's seconds a step, turn by turn."""
    found: dict = {name: [] for name in contestants}
    for turn in range(TURNS):
        for name, (library, call) in contestants.items():
            if turn and found[name][0] > max(SLOW * found["fastgrad"][0], 0.05):
                continue
            found[name].append(crew.ask(library, "time", what=call)["seconds"])
    for name, turns in found.items():
        entry["rounds"].setdefault(name, []).append(turns)


def narrow(entry):
    """After the first round: of each library, the modes that may be its best."""
    modes: dict = {}
    for name, rounds in entry["rounds"].items():
        library, _, mode = name.partition(" ")
        if mode:
            modes.setdefault(library, {})[mode] = min(rounds[0])
    entry["modes"] = {
        library: [mode for mode, seconds in each.items() if seconds <= NEAR * min(each.values())]
        for library, each in modes.items()
    }


# -- all cases ---------------------------------------------------------------------------------------------------------
def run(plan, bar):
    """Runs a plan and returns its result. `bar.update` is called once for each case of each round."""
    libraries = list(dict.fromkeys(["fastgrad", "numpy", *plan.peers]))
    entries = [
        {"rule": rule, "size": size, "dtype": dtype, "rounds": {}, "check": {}, "unable": {}, "others": []}
        for size, dtype, rule in plan.cases()
    ]
    machine: dict = {}
    for number in range(plan.rounds):
        with Crew(plan, libraries) as crew:
            machine = machine or about(crew)
            for entry in entries:
                if "failed" not in entry:
                    one(crew, entry, number == 0)
                bar.update(1, f"round {number + 1}: {entry['rule']} {entry['size']} {entry['dtype']}")
    for entry in entries:
        entry.pop("modes", None)
    options = {**plan._asdict(), "turns": TURNS}
    return {"machine": machine, "options": options, "results": entries}


def one(crew, entry, first):
    """One round of one case."""
    if first and (why := too_large(entry, crew.libraries)):
        entry["failed"] = why
        return
    contestants = prepare(crew, entry, first)
    if contestants:
        crew.patience = wait_for_quiet(QUIET, crew.patience)
        try:
            _, others = watched(lambda: take_turns(crew, contestants, entry), crew.children.values())
        except RuntimeError as error:
            entry["failed"] = str(error)
            return
        entry["others"].append(round(others, 3))
        if first:
            narrow(entry)
    for library in list(crew.children):
        try:
            crew.ask(library, "drop")
        except RuntimeError as error:
            entry["unable"].setdefault(library, str(error))


def about(crew):
    """What the machine is and what runs on it. A peer that does not start is left out of the round, and said so."""
    _, model = processor()
    found = {
        "processor": model,
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "numpy": about_numpy(),
        "missing": {},
    }
    for library in list(crew.libraries):
        if library == "numpy":
            continue
        try:
            found[library] = crew.ask(library, "about")["about"]
        except RuntimeError as error:
            if library == "fastgrad":
                raise
            found["missing"][library] = str(error)
            crew.libraries.remove(library)
    return found
