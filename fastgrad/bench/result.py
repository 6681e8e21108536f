"""A benchmark's result: a dict that is written as JSON, checked when it is read, and the figures taken from it.

format, version   what this file is
machine           processor, system, and what fastgrad, NumPy and each peer say of themselves
options           what was asked for
results           one entry for each rule, size and dtype:
    rounds        contestant -> for each round (fresh processes) the seconds a step of each of its turns
    bytes, flops  a parameter; launches: the kernels of a step; loop: the plain loop it is held against
    check         contestant -> how its answer was found right, or that its rule is another one
    unable        contestant -> why it has no figure; failed: why fastgrad has none
    others        for each round, how many processors other programs used meanwhile
"""

import json
import math
from statistics import median

__all__ = ["BadResult", "best_peer", "figure", "key", "middles", "rate", "read", "write"]

FORMAT, VERSION = "fastgrad bench optim", 1
NEEDED = {"rule": str, "size": str, "dtype": str, "parameters": int, "rounds": dict, "bytes": dict}


class BadResult(ValueError):
    """A file that is no result of ``bench optim``; the message names it and says what is wrong."""


def write(path, result):
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"format": FORMAT, "version": VERSION, **result}, file, indent=1)
        file.write("\n")


def read(path):
    """The result in a file. BadResult for one that is damaged or something else."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except OSError as error:
        raise BadResult(f"{path}: cannot be read: {error.strerror or error}") from None
    except ValueError as error:  # not JSON, not text
        raise BadResult(f"{path}: damaged, or no JSON: {error}") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise BadResult(f'{path}: not written by "bench optim": it does not begin with "format": "{FORMAT}"')
    if found.get("version") != VERSION:
        raise BadResult(f"{path}: of another fastgrad: version {found.get('version')!r}, this one reads {VERSION}")
    if not isinstance(found.get("machine"), dict):
        raise BadResult(f"{path}: damaged: machine is missing or no dict")
    if not isinstance(found.get("results"), list):
        raise BadResult(f"{path}: damaged: results is missing or no list")
    for i, entry in enumerate(found["results"]):
        why = wrong(entry)
        if why:
            raise BadResult(f"{path}: damaged: results[{i}]: {why}")
    return found


def wrong(entry):
    """What is wrong with one entry, or None."""
    if not isinstance(entry, dict):
        return f"a {type(entry).__name__}, not a dict"
    if "failed" in entry:
        return None
    for name, kind in NEEDED.items():
        if not isinstance(entry.get(name), kind):
            return f"{name} is missing or no {kind.__name__}"
    if not all(positive(entry["bytes"].get(dtype)) for dtype in ("float32", "float64")):
        return "bytes are not two positive numbers, of float32 and float64"
    if "fastgrad" not in entry["rounds"]:
        return "rounds has no fastgrad"
    for who, rounds in entry["rounds"].items():
        if not isinstance(rounds, list) or not rounds:
            return f"rounds of {who} are no list, or empty"
        for turns in rounds:
            if not isinstance(turns, list) or not turns or not all(map(positive, turns)):
                return f"rounds of {who}: {turns!r} is no list of positive numbers"
    return None


def positive(x):
    return isinstance(x, (int, float)) and not isinstance(x, bool) and math.isfinite(x) and x > 0


def key(entry):
    """What an entry is about."""
    return entry["size"], entry["dtype"], entry["rule"]


def middles(entry, who):
    """The median of each round's turns: one figure for each process, in seconds."""
    return [median(turns) for turns in entry["rounds"].get(who, ())]


def figure(entry, who):
    """Seconds a step: the median over the rounds. None if it was not measured."""
    found = middles(entry, who)
    return median(found) if found else None


def rate(entry, who="fastgrad"):
    """Bytes a second that a contestant reaches: the least that the rule must move (the loop: what the loop moves)."""
    seconds = figure(entry, who)
    if seconds is None:
        return None
    item = {"float32": 4, "float64": 8}[entry["dtype"]]
    moved = item * entry["loop_words"] if who == "loop" else entry["bytes"][entry["dtype"]]
    return moved * entry["parameters"] / seconds


def best_peer(entry, library):
    """The fastest of a library's ways to run a rule: its name and seconds, or None."""
    found = [(figure(entry, who), who) for who in entry["rounds"] if who.split()[0] == library]
    if not found:
        return None
    seconds, who = min(found)
    return who, seconds
