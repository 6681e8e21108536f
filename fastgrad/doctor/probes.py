"""The probes that measure nothing: versions, settings, libraries, limits. Each takes a System and gives Findings."""

import ctypes
import math
import os
import platform
from pathlib import Path

import numpy as np

from .. import __version__, kernels, testing
from ..kernels import _core
from ..kernels._core import ISA_NAMES
from .finding import Finding
from .system import blas_libraries, call_loaded, counted, gigabytes, openmp_runtimes

__all__ = ["ISA_OF_CORE", "PROBES", "READ", "stale_sources"]

READ = {  # variable -> what it decides
    "FASTGRAD_KERNELS": "native or reference kernels",
    "FASTGRAD_ISA": "the instruction set",
    "FASTGRAD_BLAS": "the BLAS library",
    "FASTGRAD_NO_OPENMP": "a build without OpenMP",
}
BESIDE = ("OMP_", "GOMP_", "KMP_", "OPENBLAS_", "GOTO_", "MKL_", "BLIS_", "VECLIB_", "ARMPL_")  # what libraries read
REBUILD = "pip install --no-build-isolation -e ."
PACKAGE = Path(__file__).resolve().parent.parent

# The instruction set, as ISA_NAMES counts, of the kernels that OpenBLAS has for a core; other names are not judged.
ISA_OF_CORE = {
    **dict.fromkeys(("skylakex", "cooperlake", "sapphirerapids"), 2),
    **dict.fromkeys(("haswell", "zen"), 1),
    **dict.fromkeys(("prescott", "core2", "penryn", "dunnington", "nehalem", "sandybridge", "atom", "nano"), 0),
    **dict.fromkeys(("opteron", "opteron_sse3", "barcelona", "bobcat", "bulldozer", "piledriver"), 0),
    **dict.fromkeys(("steamroller", "excavator"), 0),
}
CORE_NAME = ("openblas_get_corename", "scipy_openblas_get_corename", "scipy_openblas_get_corename64_")
POOL_SIZE = (
    *("openblas_get_num_threads", "openblas_get_num_threads64_"),
    *("scipy_openblas_get_num_threads", "scipy_openblas_get_num_threads64_"),
    *("MKL_Get_Max_Threads", "bli_thread_get_num_threads"),
)


# -- versions ----------------------------------------------------------------------------------------------------------
def version_of_fastgrad(system):
    return Finding("fastgrad", f"{__version__} in {PACKAGE}")


def version_of_python(system):
    return Finding("Python", f"{platform.python_version()} ({platform.python_implementation()})")


def version_of_numpy(system):
    return Finding("NumPy", np.__version__)


def version_of_platform(system):
    return Finding("platform", platform.platform())


def processor(system):
    model = system.cpuinfo("model name", "cpu model", "Processor", "Hardware")
    value = [model or platform.processor() or platform.machine(), f"{counted(os.cpu_count(), 'processor')} online"]
    cache = system.last_level_cache()
    return Finding("processor", ", ".join(value + ([f"last-level cache {gigabytes(cache)}"] if cache else [])))


# -- what fastgrad runs ------------------------------------------------------------------------------------------------
def which_kernels(system):
    if not _core.current_state()[0]:
        return Finding("kernels", "native (C)")
    forced = system.environ.get("FASTGRAD_KERNELS") == "reference"
    why = "FASTGRAD_KERNELS=reference" if forced else 'kernels.use("reference")'
    advice = f"The reference is many times slower; it runs because of {why}."
    return Finding("kernels", "reference (NumPy)", "warning", advice)


def instruction_set(system):
    now, best = _core.current_state()[1], _core.machine_isa()
    value = f"{ISA_NAMES[now]} (this machine runs {', '.join(ISA_NAMES[: best + 1])})"
    if now < best:
        forced = system.environ.get("FASTGRAD_ISA")
        why = f"FASTGRAD_ISA={forced} forces it" if forced else "kernels.use(isa=...) chose it"
        advice = f"This machine runs {ISA_NAMES[best]}, which is faster; {why}. To undo: unset FASTGRAD_ISA."
        return Finding("instruction set", value, "note", advice if forced else advice.partition(" To undo")[0])
    return Finding("instruction set", value)


def build(system):
    root = PACKAGE.parent
    if not (root / "csrc").is_dir():
        return Finding("build", "installed, no sources beside it")
    newer = stale_sources(_core.__file__, root)
    if not newer:
        return Finding("build", "source tree, compiled module up to date")
    some = ", ".join(newer[:3]) + (" ..." if len(newer) > 3 else "")
    advice = f"The compiled module is older than its sources ({some}). Build it again: {REBUILD}"
    return Finding("build", f"{counted(len(newer), 'source')} newer than the compiled module", "warning", advice)


def stale_sources(module, root):
    """Names of the sources under `root` that were changed after the compiled `module` was made."""
    made = os.stat(module).st_mtime
    patterns = ("csrc/*.c", "csrc/*.h", "csrc/*.def", "fastgrad/kernels/*.pyx", "fastgrad/kernels/*.pxi")
    files = sorted(path for pattern in patterns for path in Path(root).glob(pattern))
    generated = "_core.c"
    return [str(path.relative_to(root)) for path in files if path.name != generated and os.stat(path).st_mtime > made]


def self_check(system):
    rng = np.random.Generator(np.random.Philox(0))
    a, b = rng.standard_normal((130, 70)), rng.standard_normal((70, 90))
    try:
        for dtype in (np.float32, np.float64):
            x, y = a.astype(dtype), b.astype(dtype)
            answers = []
            for which in ("native", "reference"):
                with kernels.use(which):
                    answers.append((kernels.matmul(x, y), kernels.exp(x), kernels.mul(x, x)))
            (product, exp, square), (product_, exp_, square_) = answers
            size = np.abs(x) @ np.abs(y)
            testing.assert_close(product, product_, "product", n=70, scale=size, what=f"matmul, {x.dtype}")
            testing.assert_close(exp, exp_, "formula", what=f"exp, {x.dtype}")
            testing.assert_bits(square, square_, f"mul, {x.dtype}")
    except AssertionError as wrong:
        advice = f"Do not trust this installation: {wrong}. Build it again, and try FASTGRAD_BLAS=builtin."
        return Finding("self-check", "native and reference kernels DISAGREE", "error", advice)
    return Finding("self-check", "native and reference kernels agree (matmul, exp, mul; float32, float64)")


def denormals(system):
    """Flushed to zero or computed, told by bits: a comparison would flush what it compares."""
    team = kernels.mul(*tiny(2**20))
    alone = kernels.mul(*tiny(8))
    with np.errstate(all="ignore"):
        numpy = np.multiply(*tiny(8))
        operands = np.array([1], np.uint32).view(np.float32) * np.float32(2)
    flushed = {
        "NumPy": not numpy.view(np.uint32).all() or not operands.view(np.uint32).all(),
        "kernels on this thread": not alone.view(np.uint32).all(),
        "kernels in a team": not team.view(np.uint32).all(),
    }
    if not any(flushed.values()):
        return Finding("denormals", "computed, on this thread and in the team")
    where = ", ".join(name for name, yes in flushed.items() if yes)
    advice = (
        "A library or a compiler's fast-math flag has set this thread's processor to flush denormal numbers (below "
        "1.2e-38 in float32) to zero: small results are 0 here that elsewhere are not. fastgrad's team follows "
        "this thread. To undo it in PyTorch: torch.set_flush_denormal(False)."
    )
    return Finding("denormals", f"flushed to zero: {where}", "note", advice)


def tiny(n):
    """The smallest normal float32, n times, and 1/2: their product is denormal."""
    return np.full(n, np.finfo(np.float32).tiny, np.float32), np.array([0.5], np.float32)


# -- threads -----------------------------------------------------------------------------------------------------------
def openmp(system):
    if not _core.has_openmp():
        advice = f"Every kernel runs on one thread. To build with OpenMP: unset FASTGRAD_NO_OPENMP; {REBUILD}"
        return Finding("OpenMP", "built without", "note", advice)
    maps = system.maps()
    if maps is None:
        return Finding("OpenMP", "built with; runtimes loaded: unknown, there is no /proc/self/maps here")
    files = list({os.path.realpath(path): path for path in openmp_runtimes(maps)}.values())
    names = ", ".join(os.path.basename(path) for path in files) or "none found"
    if len(files) < 2:
        return Finding("OpenMP", f"built with; runtime loaded: {names}")
    advice = (
        f"This process has {len(files)} OpenMP runtimes, each with threads of its own that may spin while another's "
        f"work: {', '.join(files)}. Set OMP_WAIT_POLICY=passive before the program starts, or install the packages "
        "from one source, so that they share a runtime."
    )
    return Finding("OpenMP", f"built with; {len(files)} runtimes loaded: {names}", "warning", advice)


def threads(system):
    now, limits = _core.current_state()[2], thread_limits(system)
    named = system.environ.get("OMP_NUM_THREADS")
    told = ", ".join(f"{name} {count}" for name, count in limits.items())
    told = told.replace("OpenMP", f"OpenMP (OMP_NUM_THREADS={named})") if named else told
    value = f"{counted(now, 'thread')}, the smallest of: {told}"
    most, bound = min(limits.values()), system.environ.get("OMP_PROC_BIND", "false").lower()
    if _core.get_switch()[2]:
        return Finding("threads", f"{counted(now, 'thread')}, by kernels.use(threads={now}); otherwise {told}")
    if limits.get("affinity", now) < os.cpu_count() and bound != "false":
        advice = (
            f"OMP_PROC_BIND={bound} ties the main thread to few processors, and fastgrad takes no more threads than "
            "those. Unset it, or set OMP_PROC_BIND=false."
        )
        return Finding("threads", value, "warning", advice)
    if now != most:
        value = f"{counted(now, 'thread')}, by set_num_threads or by the limits at the first call; now {told}"
        return Finding("threads", value, *crowd(system))
    if now == limits.get("OpenMP") and now < min(count for name, count in limits.items() if name != "OpenMP"):
        advice = f"OMP_NUM_THREADS={named} keeps the team below the processors there are: unset it to use them all."
        if not named:
            advice = "OpenMP was told to use fewer threads than there are processors, as torch.set_num_threads does."
        return Finding("threads", value, "note", advice)
    return Finding("threads", value, *crowd(system))


def thread_limits(system):
    """What fastgrad takes the smallest of: threads by name."""
    limits = {}
    if _core.has_openmp():
        count = call_loaded(_core.__file__, ["omp_get_max_threads"])
        limits.update({} if count is None else {"OpenMP": count})
    else:
        limits["no OpenMP"] = 1
    processors = system.affinity()
    if processors is None:
        limits["processors"] = _core.processors()
    else:
        limits["affinity"] = len(processors)
        if _core.processors() < len(processors):
            limits["cgroup quota"] = _core.processors()
    return limits


def crowd(system):
    """Status and advice where the team has more threads than there are cores."""
    now, processors = _core.current_state()[2], system.affinity()
    cores = system.cores(processors) if processors else None
    if processors and now > len(processors):
        n = len(processors)
        return "warning", f"{now} threads share {counted(n, 'processor')}: fastgrad.set_num_threads({n})."
    if cores and now > cores:
        return "note", (
            f"{now} threads on {counted(cores, 'core')}: some share a core as hyperthreads. Large products are often "
            f"as fast with one a core: try OMP_NUM_THREADS={cores}."
        )
    return "ok", ""


def quota(system):
    found = system.quotas()
    if not found:
        return Finding("cgroup quota", "none")
    folder, share = min(found, key=lambda pair: pair[1])
    now, value = _core.current_state()[2], f"{share:g} processors (in {folder})"
    fits = max(1, math.floor(share))
    if now > math.ceil(share):
        advice = (
            f"The team has {now} threads, but the cgroup allows {share:g} processors' time: all threads are stopped "
            f"whenever it is used up. Set OMP_NUM_THREADS={fits}, or raise the container's quota."
        )
        return Finding("cgroup quota", value, "warning", advice)
    if share != int(share) and now > fits:
        advice = (
            f"The quota is no whole number: {counted(now, 'thread')} use up {share:g} processors' time before each "
            f"period ends and are then stopped. OMP_NUM_THREADS={fits} may run more evenly."
        )
        return Finding("cgroup quota", value, "note", advice)
    return Finding("cgroup quota", value)


# -- BLAS --------------------------------------------------------------------------------------------------------------
def blas(system):
    chosen = system.environ.get("FASTGRAD_BLAS")
    try:
        found = kernels.blas_info()
    except ImportError as error:
        advice = f"Products fail: {error}. {'Unset FASTGRAD_BLAS, or use' if chosen else 'Use'} FASTGRAD_BLAS=builtin."
        return Finding("BLAS", f"cannot be opened: {chosen or 'the library of the package'}", "error", advice)
    if found["library"] == "builtin":
        advice = "The built-in product serves; large products are faster with a BLAS. "
        advice += "Unset FASTGRAD_BLAS." if chosen else f"pip install scipy-openblas32, then build again: {REBUILD}"
        return Finding("BLAS", "none, built-in product", "note", advice)
    core = found["core"]
    version = " ".join(found["config"].split()[:2])
    kind = ", ".join(filter(None, [version, f"core {core}" if core else "", "64-bit integers" * found["ilp64"]]))
    return Finding("BLAS", f"{kind or 'unnamed'} ({short(found['library'])})", *judge_core(system, core))


def own_library():
    """The path of the BLAS fastgrad has opened, "" if that fails: then another finding says so."""
    try:
        return os.path.realpath(kernels.blas_info()["library"])
    except ImportError:
        return ""


def short(path):
    """A path inside the package from there on, others whole."""
    folder = str(PACKAGE.parent) + os.sep
    return str(path).removeprefix(folder)


def judge_core(system, core):
    """Status and advice for OpenBLAS's choice of kernels, which variables can force."""
    best, forced = _core.machine_isa(), system.environ.get("OPENBLAS_CORETYPE")
    tuned = {n: v for n, v in system.environ.items() if n.startswith("OPENBLAS_") and n.endswith(("_SIZE", "_FACTOR"))}
    isa = ISA_OF_CORE.get(core.lower(), best)
    if isa < best:
        advice = f"OpenBLAS computes with its kernels for {core}, without the {ISA_NAMES[best]} this machine runs: "
        advice += "products take up to twice as long. "
        if forced:
            return "warning", advice + f"OPENBLAS_CORETYPE={forced} forces it; undo: unset OPENBLAS_CORETYPE"
        name = ("", "Haswell", "SkylakeX")[best]
        return "warning", advice + f"It did not recognise the processor: try OPENBLAS_CORETYPE={name}"
    if tuned:
        named = " ".join(f"{name}={value}" for name, value in tuned.items())
        return "note", f"{named} changes how OpenBLAS cuts products; to undo: unset {' '.join(tuned)}"
    return "ok", ""


def blas_of_numpy(system):
    built = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    value = [" ".join(str(built[key]) for key in ("name", "version") if built.get(key))]
    loaded = [path for path in blas_libraries(system.maps() or "") if os.path.realpath(path) != own_library()]
    loaded.sort(key=lambda path: "numpy" not in path)
    count = None
    if loaded:
        core = call_loaded(loaded[0], CORE_NAME, kind=ctypes.c_char_p)
        value += [f"core {core.decode()}"] if core else []
        count = call_loaded(loaded[0], POOL_SIZE)
    value.append(f"threads {'unknown' if count is None else count}")
    if count and count > 1 and _core.current_state()[2] > 1:
        name = "MKL_NUM_THREADS" if "mkl" in loaded[0] else "OPENBLAS_NUM_THREADS"
        advice = (
            f"Products by NumPy run in a pool of {counted(count, 'thread')}, which spin on fastgrad's processors for a "
            f"while afterwards. Where a program uses both in turn: {name}=1 (fastgrad's own BLAS does not heed it)."
        )
        return Finding("NumPy's BLAS", ", ".join(value), "note", advice)
    return Finding("NumPy's BLAS", ", ".join(value))


# -- memory ------------------------------------------------------------------------------------------------------------
def huge_pages(system):
    chosen = system.huge_pages()
    if chosen is None:
        return Finding("huge pages", "none here (no /sys/kernel/mm/transparent_hugepage)")
    if chosen == "never":
        advice = (
            "Large arrays cost more page faults. As root: echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"
        )
        return Finding("huge pages", "never", "note", advice)
    return Finding("huge pages", f"{chosen}: large arrays get them")


def memory(system):
    total, limit = system.memory_total(), system.memory_limit()
    allowed = min(total, limit or total)
    value = f"{gigabytes(total)}, cgroup limit {gigabytes(limit) if limit else 'none'}"
    pool = kernels.memory()
    value += f"; pool: {gigabytes(pool['used'])} in use, {gigabytes(pool['kept'])} of {gigabytes(pool['cap'])} kept"
    if 2 * pool["cap"] > allowed:
        advice = (
            f"Of {gigabytes(allowed)} the pool may keep {gigabytes(pool['cap'])} for arrays to come: lower that with "
            f"fastgrad.kernels.set_memory_cap({allowed // 4})."
        )
        return Finding("memory", value, "note", advice)
    return Finding("memory", value)


# -- variables ---------------------------------------------------------------------------------------------------------
def variables(system):
    found = {n: v for n, v in sorted(system.environ.items()) if n.startswith(("FASTGRAD_", *BESIDE))}
    value = (
        " ".join(f"{name}={value}" for name, value in found.items()) or "none set that fastgrad or its libraries read"
    )
    strange = [name for name in found if name.startswith("FASTGRAD_") and name not in READ]
    if strange:
        advice = f"Nothing reads {', '.join(strange)}; fastgrad reads {', '.join(READ)}."
        return Finding("variables", value, "warning", advice)
    return Finding("variables", value)


PROBES = {
    "fastgrad": version_of_fastgrad,
    "Python": version_of_python,
    "NumPy": version_of_numpy,
    "platform": version_of_platform,
    "processor": processor,
    "kernels": which_kernels,
    "instruction set": instruction_set,
    "build": build,
    "self-check": self_check,
    "denormals": denormals,
    "OpenMP": openmp,
    "threads": threads,
    "cgroup quota": quota,
    "BLAS": blas,
    "NumPy's BLAS": blas_of_numpy,
    "huge pages": huge_pages,
    "memory": memory,
    "variables": variables,
}
