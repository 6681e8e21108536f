"""Children of the acceptance report, started by fastgrad.bench.spawn."""

import importlib.util
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
if importlib.util.find_spec("fastgrad") is None:  # not installed: the checkout this file stands in
    sys.path.insert(0, str(HERE.parent))

from fastgrad.bench.spawn import about_numpy, processor, run_json, wait_for_quiet, watched  # noqa: E402

__all__ = [
    "HERE",
    "about_fastgrad",
    "about_numpy",
    "processor",
    "run_json",
    "run_workload",
    "wait_for_quiet",
    "watched",
]


def run_workload(python, library, workload, threads):
    """One workload of workloads.py in a process of its own."""
    command = [python, HERE / "workloads.py", "--lib", library, "--workload", workload, "--threads", threads, "--json"]
    return run_json(command)


def about_fastgrad(threads):
    """What `fastgrad.kernels.info()` says in a child like those that are measured."""
    program = (
        "import json, fastgrad\n"
        f"fastgrad.set_num_threads({threads})\n"
        "print(json.dumps(fastgrad.kernels.info(), default=str))"
    )
    return run_json([sys.executable, "-P", "-c", program])
