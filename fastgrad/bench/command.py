"""The command line: ``python -m fastgrad bench optim`` and ``python -m fastgrad bench compare``."""

import argparse
import importlib
import importlib.util
import sys

__all__ = ["add_parser", "run"]

PEERS = ("numpy", "torch", "jax")


def add_parser(commands):
    """Adds ``bench`` and its own two commands."""
    about = "measure update rules beside plain loops, NumPy, PyTorch and jax; compare two such measurements"
    bench = commands.add_parser("bench", help=about, description=f"{about.capitalize()}.")
    kinds = bench.add_subparsers(dest="kind", metavar="optim | compare", required=True)
    add_optim(kinds)
    about = "say of two results what has become faster or slower, and where there is no difference to be seen"
    compare = kinds.add_parser("compare", help=about, description=f"{about.capitalize()}.")
    compare.add_argument("before", metavar="A.json")
    compare.add_argument("after", metavar="B.json")
    compare.add_argument("--all", action="store_true", help="print lines without a difference too")


def add_optim(kinds):
    about = "measure the update rules of fastgrad.optim"
    optim = kinds.add_parser("optim", help=about, description=f"{about.capitalize()}, each step checked, then timed.")
    add = optim.add_argument
    add("--rules", type=listed, default=[], metavar="A,B", help="by name; all of them unless given")
    add("--sizes", type=listed, default=[], metavar="A,B", help="mlp, 100x64x64, 1M, 33.5M unless given; 300x200, 5000")
    add("--dtypes", type=listed, default=["float32"], metavar="A,B", help="float32, float64 or both")
    add("--threads", type=count, metavar="N", help="processors and threads of every library; as fastgrad chooses")
    add("--isa", metavar="NAME", help="fastgrad's instruction set: baseline, avx2 or avx512; the machine's best")
    add("--peer", action="append", choices=(*PEERS, "none"), help="beside what, repeatable; all that are installed")
    more = "an interpreter that has the peers, or NAME=PATH for one of them; this one unless given"
    add("--peer-python", action="append", default=[], metavar="PATH", help=more)
    add("--rounds", type=count, default=5, metavar="N", help="each with processes of its own; 5")
    add("--patience", type=float, default=0.0, metavar="S", help="wait up to so many seconds for a quiet machine; 0")
    add("--import", action="append", default=[], dest="modules", metavar="MODULE", help="a module with more rules")
    add("--json", metavar="FILE", help="write every round, and what the machine is")
    add("--plot", metavar="FILE", help="draw the rules under the measured bandwidth, as SVG")


def listed(text):
    return [word.strip() for word in text.split(",") if word.strip()]


def count(text):
    """A whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 on, not {text!r}")
    return int(text)


def run(options):
    """Runs the command that was asked for; returns the exit code. Bad arguments: one sentence, exit code 2."""
    if options.kind == "compare":
        return compare(options)
    try:
        plan = plan_of(options)
    except ValueError as error:
        print(f"bench optim: {error}", file=sys.stderr)
        return 2
    return optim(plan, options)


def compare(options):
    from .compare import report
    from .result import BadResult, read

    try:
        before, after = read(options.before), read(options.after)
    except BadResult as error:
        print(f"bench compare: {error}", file=sys.stderr)
        return 2
    print(report(before, after, options.all))
    return 0


def plan_of(options):
    """What the options ask for. ValueError, in a sentence, for what there is not."""
    from ..kernels import info
    from .optim import SIZES, Plan, shapes_of

    for module in options.modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise ValueError(f"--import {module}: {error}") from error
    for size in options.sizes:
        shapes_of(size)
    for dtype in options.dtypes:
        if dtype not in ("float32", "float64"):
            raise ValueError(f"--dtypes: float32 and float64 are measured, not {dtype}")
    if options.isa is not None and options.isa not in info()["isas"]:
        raise ValueError(f"--isa: this machine runs {', '.join(info()['isas'])}, not {options.isa}")
    return Plan(
        tuple(chosen_rules(options.rules)),
        tuple(options.sizes) or SIZES,
        tuple(options.dtypes),
        chosen_peers(options),
        options.rounds,
        options.threads,
        options.isa,
        tuple(options.modules),
        options.patience,
    )


def chosen_rules(names):
    """The rules of these names, in any case of letters; all of them without one."""
    from ..optim import RULES

    known = {name.lower(): name for name in RULES}
    unknown = [name for name in names if name.lower() not in known]
    if unknown:
        raise ValueError(f"--rules: no rule {', '.join(unknown)}; there are {', '.join(RULES)}")
    return [known[name.lower()] for name in names] or list(RULES)


def chosen_peers(options):
    """Library -> interpreter. What is not asked for by name is taken where it is installed."""
    pythons: dict = dict.fromkeys(PEERS, sys.executable)
    for text in options.peer_python:
        name, found, path = text.partition("=")
        if found and name not in PEERS[1:]:
            raise ValueError(f"--peer-python: NAME=PATH is of torch or jax, not of {name!r}")
        pythons.update({name: path} if found else dict.fromkeys(PEERS[1:], text))
    if options.peer:
        return {name: pythons[name] for name in PEERS if name in options.peer and "none" not in options.peer}
    elsewhere = [name for name in PEERS[1:] if pythons[name] != sys.executable]
    return {n: pythons[n] for n in PEERS if n in elsewhere or importlib.util.find_spec(n) is not None}


def optim(plan, options):
    """Measures and prints; exit code 1 if an answer was wrong or nothing could be measured."""
    from ..show import progress
    from .optim import run
    from .result import write
    from .tables import heading, tables

    with progress(len(plan.cases()) * plan.rounds, "  measuring") as bar:
        try:
            result = run(plan, bar)
        except RuntimeError as error:
            print(f"bench optim: {error}", file=sys.stderr)
            return 1
    if options.json:
        write(options.json, result)
    if options.plot:
        from .figure import write as draw

        draw(options.plot, result)
    print(heading(result), end="\n\n")
    print(tables(result))
    if options.json:
        print(f"\nEvery round: {options.json}")
    if options.plot:
        print(f"The picture: {options.plot}")
    said = [why for e in result["results"] for why in (e.get("failed", ""), *e["unable"].values())]
    wrong = [why for why in said if why.startswith("WRONG")]
    return 1 if wrong or all("failed" in entry for entry in result["results"]) else 0
