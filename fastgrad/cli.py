"""The command line: ``python -m fastgrad [demo | info | doctor | bench | experiment]``."""

import argparse
import os
import sys

import numpy as np

from . import __version__, kernels
from .bench.command import add_parser as add_bench
from .experiments.command import add_parser as add_experiment

__all__ = ["main"]


def main(argv=None):
    """Runs a command. Exit code: 0; 1 when demo missed its mark or doctor found an error; 130 when interrupted."""
    parser = make_parser()
    options = parser.parse_args(argv)
    try:
        if options.command == "demo":
            return demo(options)
        if options.command == "info":
            return info()
        if options.command == "doctor":
            return doctor(options)
        if options.command == "bench":
            return bench(options)
        if options.command == "experiment":
            return experiment(options)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader has left, as `head` does; nor can what is still buffered be written
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    parser.print_help()
    return 0


def make_parser():
    parser = argparse.ArgumentParser(prog="python -m fastgrad", description="fastgrad trains neural networks on a CPU.")
    parser.add_argument("--version", action="version", version=f"fastgrad {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command")
    about = "train a network of seven layers on handwritten digits, and show what the kernels give"
    demo = commands.add_parser("demo", help=about, description=about)
    demo.add_argument("--seed", type=whole, default=0, metavar="N", help="of split, initial values and batches")
    demo.add_argument("--report", metavar="PATH", help="also write a page (HTML) with curves and misread digits")
    demo.add_argument("--quick", action="store_true", help="a third of the epochs, smaller measurements")
    about = "say which kernels, instruction set, threads and BLAS are in use"
    commands.add_parser("info", help=about, description=about)
    about = "say what fastgrad runs on, what is wrong with it, and what to do"
    more = (
        "Every finding is ok, a note, a warning or an error; the exit code is 1 with an error, else 0. What other "
        "packages bring into a process shows there alone: call fastgrad.doctor.examine() after their imports."
    )
    doctor = commands.add_parser("doctor", help=about, description=f"{about.capitalize()}. {more}")
    doctor.add_argument("--json", action="store_true", help='print {"findings": [...], "summary": {...}}')
    doctor.add_argument("--fast", action="store_true", help="measure nothing: done at once, instead of in two seconds")
    add_bench(commands)
    add_experiment(commands)
    return parser


def whole(text):
    """A seed: a whole number, not negative."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"a whole number from 0 on, not {text!r}")
    return int(text)


def demo(options):
    from .demo import run

    complaints = run(options.seed, options.quick, options.report)
    for complaint in complaints:
        print(f"demo failed: {complaint}", file=sys.stderr)
    return 1 if complaints else 0


def doctor(options):
    from .doctor import report

    return report(as_json=options.json, fast=options.fast)


def bench(options):
    from .bench.command import run

    return run(options)


def experiment(options):
    from .experiments.command import run

    return run(options)


def info():
    found = kernels.info()
    blas = {f"blas {name}": value for name, value in found.pop("blas").items()}
    found = {"fastgrad": __version__, "numpy": np.__version__, **found, "isas": ", ".join(found["isas"]), **blas}
    width = max(map(len, found))
    for name, value in found.items():
        print(f"{name:{width}}  {value}".rstrip())
    return 0
