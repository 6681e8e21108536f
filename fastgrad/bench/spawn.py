"""Children of a benchmark: clean environments, answers as lines of JSON; and how busy the machine is meanwhile."""

import contextlib
import importlib.util
import json
import os
import platform
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path

__all__ = [
    "Child",
    "about_numpy",
    "clean_environment",
    "peer_command",
    "processor",
    "processor_seconds",
    "run_json",
    "wait_for_quiet",
    "watched",
]

REMOVED = ("OPENBLAS_", "MKL_", "OMP_", "GOMP_", "KMP_")
SOURCE = Path(__file__).resolve().parents[2]  # the folder that fastgrad lies in
PATIENCE = 600.0  # seconds for one answer


def clean_environment(**added):
    """This process's environment without what would change another library's kernels or threads.

    Where fastgrad is not installed, the checkout this file stands in is put on the child's path.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith(REMOVED)}
    spec = importlib.util.find_spec("fastgrad")
    if spec is None or spec.origin is None or not Path(spec.origin).is_relative_to(sys.prefix):
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(SOURCE), environment.get("PYTHONPATH")]))
    return {**environment, **added}


def run_json(command, environment=None, timeout=PATIENCE):
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


def peer_command(python, module):
    """The command that runs a module of peers/ in an interpreter that need not have fastgrad."""
    program = f"import runpy, sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import peers; del sys.path[0]; "
    return [python, "-P", "-c", f"{program}runpy.run_module('peers.{module}', run_name='__main__', alter_sys=False)"]


class Child:
    """A process that answers requests; see peers/serve.py. RuntimeError with its last words when it ends instead."""

    def __init__(self, name, command, **environment):
        self.name, self.cpu = name, 0.0
        self.words = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed with the child)
        self.process = subprocess.Popen(
            [str(word) for word in command],
            env=clean_environment(**environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.words,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.requests, self.answers = self.process.stdin, self.process.stdout

    def ask(self, do, **more):
        """The answer to one request."""
        try:
            self.requests.write(json.dumps({"do": do, **more}).encode() + b"\n")
            self.requests.flush()
        except OSError:
            raise self.ended() from None
        if not select.select([self.answers], [], [], PATIENCE)[0]:
            self.process.kill()
            raise RuntimeError(f"{self.name}: no answer to {do} within {PATIENCE:.0f} s")
        line = self.answers.readline()
        if not line:
            raise self.ended()
        answer = json.loads(line)
        self.cpu = answer["cpu"]
        return answer

    def ended(self):
        code = self.process.wait()
        self.words.seek(0)
        said = self.words.read().strip().splitlines() or [f"exit code {code}"]
        return RuntimeError(f"{self.name}: {said[-1]}")

    def close(self):
        """Ends the process: it stops when there are no more requests."""
        with contextlib.suppress(OSError):
            self.requests.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.answers.close()
        self.words.close()


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


def processor():
    """Vendor and model of the processor."""
    found: dict = {}
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            key, _, value = line.partition(":")
            found.setdefault(key.strip(), value.strip())
    return found.get("vendor_id", ""), found.get("model name", platform.processor() or "unknown processor")


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


def watched(run, children=()):
    """`run()`, and how many processors everybody else used meanwhile (0.0 where the system does not say).

    Ours are this process, the children it has waited for, and those given, by what they last said they have used.
    """
    before, own, start = processor_seconds(), used(children), time.perf_counter()
    found = run()
    after, ours, seconds = processor_seconds(), used(children), time.perf_counter() - start
    if before is None or after is None:
        return found, 0.0
    return found, max(0.0, sum(after) - sum(before) - (ours - own)) / seconds


def used(children):
    return sum(os.times()[:4]) + sum(child.cpu for child in children)
