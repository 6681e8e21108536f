"""What this machine allows, measured by stream.c: memory bandwidth of plain C loops, and the multiply-add peak.

python bench/stream.py [--threads 2] [--elements 33554432]
"""

import argparse
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from spawn import HERE, run_json

ELEMENTS = 1 << 25  # 33.5 M floats: 134 MB an array
STATES = (0, 1, 2, 3)  # arrays beside p and g: read g, read and write the rest, 12 + 8 STATES bytes in float32


@functools.cache
def program():
    """stream.c, compiled for this machine into a folder that goes away with this process."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        raise RuntimeError("no C compiler: install one (apt install gcc) to measure what the memory allows")
    folder = tempfile.TemporaryDirectory(prefix="fastgrad-bench-")
    path = Path(folder.name) / "stream"
    command = [*compiler.split(), "-O3", "-march=native", "-fopenmp", str(HERE / "stream.c"), "-o", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr.strip().splitlines()[-1:]}")
    program.folder = folder  # kept until the process ends
    return path


def bandwidth(states, threads, *, huge, elements=ELEMENTS, rounds=15):
    """Median seconds of one pass (`value`), GB/s (`giga`), and the rounds, of the plain loop for so many states."""
    return run_json([program(), states, elements, threads, "huge" if huge else "malloc", rounds])


def peak(threads, rounds=15):
    """Measured float32 multiply-add peak in Gflop/s."""
    return run_json([program(), "peak", 20_000_000, threads, "malloc", rounds])["giga"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--elements", type=int, default=ELEMENTS)
    options = parser.parse_args()
    for states in STATES:
        for huge in (False, True):
            found = bandwidth(states, options.threads, huge=huge, elements=options.elements)
            pages = "huge pages" if huge else "malloc"
            print(f"{states} states  {pages:10s} {found['giga']:6.1f} GB/s  {found['value'] * 1e3:7.2f} ms")
    print(f"peak      {peak(options.threads):6.1f} Gflop/s float32")


if __name__ == "__main__":
    main()
