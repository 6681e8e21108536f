"""The acceptance report: fastgrad against PyTorch, NumPy and plain C loops, each in its own process, in turn.

    python bench/compare.py [--peer-python PATH] [--rows chain,mlp ...] [--rounds 5] [--threads 2] [--json FILE]

`--peer-python` names an interpreter that has torch; without it the rows against torch say "no peer". A row's processes
run A B A B ...; the figure is the median over the rounds of each process's median, the ratio a ratio of those medians.
A process during which others used the machine is run again, at most `--retakes` times; before each the report waits
for quiet, `--patience` seconds in all. Variables that change another library's kernels or threads (OPENBLAS_*, MKL_*,
OMP_*) are removed from every child. Exit code 1 if a bar is missed, 2 if
none is but the machine was not quiet enough to tell.
"""

import argparse
import fnmatch
import json
import platform
import sys
from pathlib import Path

import spawn
import stream
from rows import all_rows, judge

COLUMNS = "{:60s} {:20s} {:38s} {:18s} {:12s} {}"
NOISE = 0.1  # processors used by others: more than this and the sample is taken again


def describe_machine(options):
    """Lines for the top of the report, and a word for the machine that bars may depend on."""
    info, numpy = spawn.about_fastgrad(options.threads), spawn.about_numpy()
    vendor, model = spawn.processor()
    blas = info["blas"]
    lines = [
        f"machine   {model}, {platform.system()} {platform.machine()}, {info['processors']} processors",
        f"fastgrad  {info['kernels']} kernels, ISA {info['isa']}, {info['threads']} threads, OpenMP {info['openmp']}, "
        f"BLAS core {blas['core'] or 'built-in'} ({blas['config'] or blas['library']})",
        f"numpy     {numpy['version']}, BLAS core {numpy['core']}",
    ]
    if options.peer_python:
        program = "import json, torch; print(json.dumps([torch.__version__, torch.backends.cpu.get_cpu_capability()]))"
        version, capability = spawn.run_json([options.peer_python, "-P", "-c", program])
        lines.append(f"torch     {version}, {capability}")
    avx512 = "avx512" in info["isas"]
    return lines, f"{'AMD ' if vendor == 'AuthenticAMD' else ''}{'AVX-512' if avx512 else ''}"


def run_job(job, options):
    """One sample of a job."""
    if job.lib == "c":
        states, allocation = job.workload.split(":")
        return stream.bandwidth(int(states), options.threads, huge=allocation == "huge")
    python = options.peer_python if job.lib == "torch" else sys.executable
    return spawn.run_workload(python, job.lib, job.workload, options.threads)


def take(job, options):
    """One sample taken while nobody else used the machine, if that can be had; and how many processors others used."""
    found, noise = None, float("inf")
    for _ in range(1 + options.retakes):
        options.patience = spawn.wait_for_quiet(NOISE, options.patience)
        again, others = spawn.watched(lambda: run_job(job, options))
        if others < noise:
            found, noise = again, others
        if noise <= NOISE:
            break
    return {**found, "others": noise}


def sample(rows, options):
    """Runs the jobs of the rows that share our job, in turn. A job that fails is dropped, and said so."""
    jobs = list(dict.fromkeys([rows[0].ours, *(job for row in rows for job in row.theirs)]))
    jobs = [job for job in jobs if job.lib != "torch" or options.peer_python]
    samples, failed = {job: [] for job in jobs}, {}
    for _ in range(options.rounds):
        for job in jobs:
            if job in failed:
                continue
            try:
                samples[job].append(take(job, options))
            except RuntimeError as error:
                failed[job] = str(error)
                samples.pop(job)
    return samples, failed


def number(value, unit):
    """A figure with three digits that count, and its unit; seconds below 1 in ms."""
    if unit == "s" and value < 1:
        value, unit = value * 1e3, "ms"
    return f"{value:.3g} {unit}" if value < 1000 else f"{value:.0f} {unit}"


def disturbed(row, samples):
    """The jobs of a row that others may have slowed down; counts and bytes do not mind."""
    if row.unit not in ("us", "ms", "s", "x"):
        return []
    return [job for job in (row.ours, *row.theirs) if any(s["others"] > NOISE for s in samples.get(job, ()))]


def show(line):
    """One line of the table."""
    unit = line["unit"]
    mine = number(line["ours"], unit) if "ours" in line else "-"
    if "gbps" in line:
        mine += f" {line['gbps']:.1f} GB/s"
    theirs = f"{number(line['theirs'], unit)} ({line['rival']})" if "theirs" in line else "-"
    if line["verdict"].startswith("no peer"):
        theirs = "no peer"
    ratio = f"{line['ratio']:.2f}" if "ratio" in line else "-"
    if line.get("ratios"):
        ratio += " ({:.2f}..{:.2f})".format(*line["ratios"])
    bar = f">= {line['bar']:g}x" if line["kind"] == "speed" else f"<= {line['bar']:g} {unit}"
    print(COLUMNS.format(line["what"], mine, theirs, ratio, bar, line["verdict"]), flush=True)


def chosen(patterns):
    """The rows whose names match; all of them without a pattern."""
    rows = all_rows()
    found = [row for row in rows if not patterns or any(fnmatch.fnmatch(row.name, p) for p in patterns)]
    if not found:
        names = ", ".join(dict.fromkeys(row.name for row in rows))
        raise SystemExit(f"no row matches {', '.join(patterns)}; there are {names}")
    return found


def report(options):
    """Runs and prints every chosen row; returns the lines and the samples."""
    lines, machine = describe_machine(options)
    print("\n".join(lines), flush=True)
    rows = chosen(options.rows)
    print("\n" + COLUMNS.format("what", "ours", "theirs", "ratio (rounds)", "bar", ""))
    found, kept = [], {}
    for ours in dict.fromkeys(row.ours for row in rows):
        group = [row for row in rows if row.ours == ours]
        samples, failed = sample(group, options)
        kept.update({str(job): runs for job, runs in samples.items()})
        for row in group:
            line = judge(row, samples, machine)
            line["noisy"] = [str(job) for job in disturbed(row, samples)]
            line["verdict"] += " (noisy)" if line["noisy"] else ""
            found.append(line)
            show(line)
        for job, why in failed.items():
            print(f"    {job} failed: {why}", flush=True)
            found[-1].setdefault("failed", {})[str(job)] = why
    return {"machine": lines, "lines": found, "samples": kept}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", metavar="PATH", help="an interpreter that has torch")
    parser.add_argument("--rows", default="", help="names or patterns, separated by commas: mlp,captured-*,rule-adam")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--retakes", type=int, default=3)
    parser.add_argument("--patience", type=float, default=300)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", metavar="FILE", help="everything, samples included")
    options = parser.parse_args()
    options.rows = [pattern for pattern in options.rows.split(",") if pattern]
    found = report(options)
    if options.json:
        Path(options.json).write_text(json.dumps(found, indent=1))
    counts = {}
    for line in found["lines"]:
        counts[line["verdict"]] = counts.get(line["verdict"], 0) + 1
    print("\n" + ", ".join(f"{n} {verdict}" for verdict, n in counts.items()))
    if not all(verdict.startswith(("met", "no peer", "not judged")) for verdict in counts):
        return 1
    return 2 if any("noisy" in verdict for verdict in counts) else 0


if __name__ == "__main__":
    sys.exit(main())
