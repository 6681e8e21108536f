"""The clock of the bench_*.py files: what runs, how fast, and what share of what the machine allows."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import stream

import fastgrad

TIMED = []  # (case, median seconds, bytes, flops)


def pytest_configure(config):
    config.addinivalue_line("python_files", "bench_*.py")
    config.addinivalue_line("python_functions", "bench_*")


def pytest_report_header(config):
    info = fastgrad.kernels.info()
    blas = info["blas"]
    return [
        f"fastgrad {fastgrad.__version__}: {info['kernels']} kernels, ISA {info['isa']}, {info['threads']} threads, "
        f"OpenMP {info['openmp']}, BLAS core {blas['core'] or 'built-in'} ({blas['config'] or blas['library']})"
    ]


@pytest.fixture
def clock(benchmark, request):
    """``clock(call, moved=bytes, flops=n)`` times the call alone, and keeps what it should be measured by."""

    def run(call, moved=0, flops=0):
        benchmark(call)
        if benchmark.stats is not None:  # None under --benchmark-disable: the answers were checked all the same
            TIMED.append((request.node.name, benchmark.stats.stats.median, moved, flops))

    return run


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter):
    """Rates beside what the machine allows: GB/s against the plain C loop's, Gflop/s against the measured peak."""
    if not TIMED:
        return
    write = terminalreporter.write_line
    threads = fastgrad.get_num_threads()
    terminalreporter.section("what the machine allows")
    try:
        bandwidth, peak = stream.bandwidth(2, threads, huge=True)["giga"], stream.peak(threads)
    except RuntimeError as error:
        write(f"not measured: {error}")
        bandwidth = peak = None
    else:
        write(f"memory {bandwidth:.1f} GB/s, arithmetic {peak:.0f} Gflop/s float32 (plain C, {threads} threads)")
        write("above 100 % of memory: the arrays stay in a cache")
    for case, seconds, moved, flops in TIMED:
        rates = [
            f"{work / seconds / 1e9:8.1f} {unit}" + (f" {100 * work / seconds / 1e9 / most:5.0f} %" if most else "")
            for work, unit, most in ((moved, "GB/s", bandwidth), (flops, "Gflop/s", peak))
            if work
        ]
        write(f"{case:56s} {seconds * 1e6:11.2f} us {'  '.join(rates)}")
