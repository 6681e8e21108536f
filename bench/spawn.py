"""Children of a benchmark: clean environments, one JSON line each."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
REMOVED = ("OPENBLAS_", "MKL_", "OMP_", "GOMP_", "KMP_")


def clean_environment(**added):
    """This process's environment without what would change another library's kernels or threads.

    Where fastgrad is not installed, the checkout this file stands in is put on the child's path.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith(REMOVED)}
    if importlib.util.find_spec("fastgrad") is None:
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE.parent), environment.get("PYTHONPATH")]))
    return {**environment, **added}


def run_json(command, environment=None, timeout=600):
    """Runs a child and returns the JSON of its last line. RuntimeError with its last words if it fails."""
    environment = clean_environment() if environment is None else environment
    try:
        words = [str(word) for word in command]
        child = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"no answer within {timeout} s") from error
    if child.returncode:
        said = (child.stderr or child.stdout).strip().splitlines() or [f"exit code {child.returncode}"]
        raise RuntimeError(said[-1])
    return json.loads(child.stdout.strip().splitlines()[-1])


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


def about_numpy():
    """NumPy's version and the BLAS core its own product runs on ("unknown" if it will not say), from such a child."""
    program = (
        "import ctypes, glob, json, os, numpy\n"
        "folder = os.path.join(os.path.dirname(os.path.dirname(numpy.__file__)), 'numpy.libs')\n"
        "core = 'unknown'\n"
        "for path in glob.glob(os.path.join(folder, '*openblas*')):\n"
        "    library = ctypes.CDLL(path)\n"
        "    for name in ('scipy_openblas_get_corename64_', 'scipy_openblas_get_corename', 'openblas_get_corename'):\n"
        "        if hasattr(library, name):\n"
        "            get = getattr(library, name); get.restype = ctypes.c_char_p; core = get().decode(); break\n"
        "print(json.dumps({'version': numpy.__version__, 'core': core}))"
    )
    return run_json([sys.executable, "-P", "-c", program])


def processor_seconds():
    """(used by everybody, stolen by the host) in processor seconds since boot; None where the system does not say."""
    try:
        with open("/proc/stat") as stat:
            user, nice, system, _, _, irq, softirq, steal = (int(n) for n in stat.readline().split()[1:9])
    except (OSError, ValueError):
        return None
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / tick, steal / tick


def wait_for_quiet(noise, patience):
    """Waits until others use less than `noise` processors, at most `patience` seconds; returns the patience left."""
    start = time.perf_counter()
    while (spent := time.perf_counter() - start) < patience:
        if watched(lambda: time.sleep(0.25))[1] <= noise:
            break
    return max(0.0, patience - spent)


def watched(run):
    """`run()`, and how many processors everybody else used meanwhile (0.0 where the system does not say)."""
    before, own, start = processor_seconds(), os.times(), time.perf_counter()
    found = run()
    after, ours, seconds = processor_seconds(), os.times(), time.perf_counter() - start
    if before is None or after is None:
        return found, 0.0
    mine = sum(ours[:4]) - sum(own[:4])  # this process and the children it has waited for
    return found, max(0.0, sum(after) - sum(before) - mine) / seconds
