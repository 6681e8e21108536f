"""The probes that measure: what memory, products and the team give on this machine, in about two seconds."""

import time
from statistics import median

import numpy as np

from .. import kernels
from ..kernels import _core
from .finding import Finding
from .system import gigabytes

__all__ = ["MEASUREMENTS", "best"]

MOST_BYTES = 2**29  # for the arrays of all streams together
WORTH_IT = 1.2  # times faster than one thread, or a team is not worth having
SLOW_TEAM_US = 25.0  # ten times what a team takes that has its processors to itself


def best(call, seconds):
    """The shortest time of a call, seconds: once to warm up, then for `seconds`, at least twice."""
    call()
    times: list[float] = []
    begin = time.perf_counter()
    while len(times) < 2 or time.perf_counter() - begin < seconds:
        before = time.perf_counter()
        call()
        times.append(time.perf_counter() - before)
    return min(times)


def alone_and_team(call, seconds):
    """Shortest times of a call, on one thread and in the team; the same figure twice where the team is one thread."""
    with kernels.use("native", threads=1):
        alone = best(call, seconds)
    if _core.current_state()[2] == 1:
        return alone, alone
    with kernels.use("native"):
        return alone, best(call, seconds)


def pair(alone, team, unit):
    """A rate of the team, and of one thread where that is something else."""
    form = "{:.0f}" if team >= 100 else "{:.1f}"
    beside = f" ({form.format(alone)} on one thread)" if _core.current_state()[2] > 1 else ""
    return f"{form.format(team)} {unit}{beside}"


def bandwidth(system):
    """Read-modify-write, n numbers in 2, 3 or 4 arrays: stream1, stream2 and stream3 move 3, 5 and 7 n numbers."""
    n = stream_size(system)
    arrays = [kernels.empty((n,), np.float32) for _ in range(4)]
    for array in arrays:
        kernels.fill(array, 0.0)
    found = []
    for streams, kernel in ((1, kernels.stream1), (2, kernels.stream2), (3, kernels.stream3)):
        used, moved = arrays[: streams + 1], 4e-9 * n * (2 * streams + 1)
        alone, team = alone_and_team(lambda kernel=kernel, used=used: kernel(*used), 0.08)
        found.append(pair(moved / alone, moved / team, "GB/s"))
    del array, arrays, used
    kernels.empty_cache()
    fits = 8 * n < 3 * (system.last_level_cache() or 0)
    where = f"arrays of {gigabytes(4 * n)}" + (", some of it from the cache" if fits else "")
    rules = ("like SGD", "like Momentum", "like Adam")
    return [
        Finding(f"bandwidth, stream{i + 1}", f"{rate}; {rule}, {where}")
        for i, (rate, rule) in enumerate(zip(found, rules, strict=True))
    ]


def stream_size(system):
    """Numbers an array: two arrays are four times the last-level cache, if a quarter of the memory allows."""
    limit = min(system.memory_total(), system.memory_limit() or 2**62) // 4
    wanted = 8 * (system.last_level_cache() or 2**25)
    return int(min(max(wanted, 2**26), MOST_BYTES, limit)) // 16


def products(system):
    found = []
    for dtype in (np.float32, np.float64):
        n = 512
        alone, team = product_rates(n, dtype, 0.0)
        if alone > 20:  # a slow machine should not have to wait
            n = 1024
        for seconds in (0.12, 0.3):  # a busy moment is no finding: what looks bad is measured once more, for longer
            alone, team = product_rates(n, dtype, seconds)
            status, advice = judge_product(system, dtype, alone, team)
            if status == "ok":
                break
        value = f"{pair(alone, team, 'GFLOP/s')}; n = {n}"
        found.append(Finding(f"product, {np.dtype(dtype)}", value, status, advice))
    return found


def product_rates(n, dtype, seconds):
    """GFLOP/s of an n x n product, on one thread and in the team."""
    rng = np.random.Generator(np.random.Philox(0))
    a, b = (rng.standard_normal((n, n)).astype(dtype) for _ in range(2))
    out = kernels.empty((n, n), dtype)
    return [2e-9 * n**3 / time for time in alone_and_team(lambda: kernels.matmul(a, b, out), seconds)]


def judge_product(system, dtype, alone, team):
    """Status and advice: a team faster than a thread, a thread within a third of one fused multiply-add a cycle."""
    count = _core.current_state()[2]
    if count > 1 and team < WORTH_IT * alone:
        return "warning", (
            f"{count} threads are {team / alone:.1f} times as fast as one. The processors are busy with other "
            "programs, are hyperthreads of one core, or a quota stops them. Close the others, or OMP_NUM_THREADS=1."
        )
    clock = float(system.cpuinfo("cpu MHz") or 0) / 1000
    lanes = (16, 32, 64)[_core.current_state()[1]] // np.dtype(dtype).itemsize
    expected = 2 * lanes * clock
    if alone < expected / 3:
        return "note", (
            f"At {clock:.1f} GHz a thread should do about {expected:.0f} GFLOP/s with one fused multiply-add a cycle. "
            "See BLAS above; or the processor is busy with other programs."
        )
    return "ok", ""


def team(system):
    """What handing work to the team costs: the time of a short call in the team, less its share of the time alone."""
    count = _core.current_state()[2]
    if count == 1:
        return Finding("fork and join", "no team: one thread")
    out = kernels.empty((25_000,), np.float32)
    middle = []
    for number in (1, count):
        with kernels.use("native", threads=number):
            middle.append(typical(lambda: kernels.fill(out, 1.0), 0.1))
    cost = 1e6 * max(middle[1] - middle[0] / count, 0.0)
    value = f"{cost:.1f} us for a team of {count}, beside the work"
    if cost > SLOW_TEAM_US:
        advice = (
            "Handing work to the team takes long: its threads share their processors with other programs or with the "
            "spinning pool of another library. See threads and OpenMP above; OMP_NUM_THREADS=1 may be faster."
        )
        return Finding("fork and join", value, "warning", advice)
    return Finding("fork and join", value)


def typical(call, seconds):
    """The median time of a call, seconds: unlike the shortest, it tells of threads that are held up."""
    call()
    times: list[float] = []
    begin = time.perf_counter()
    while len(times) < 9 or time.perf_counter() - begin < seconds:
        before = time.perf_counter()
        call()
        times.append(time.perf_counter() - before)
    return median(times)


MEASUREMENTS = {"bandwidth": bandwidth, "product": products, "fork and join": team}
