"""What the operating system tells about the machine and this process: files of /proc, /sys and cgroups, variables.

Nothing here knows fastgrad. A file that is not there gives None or an empty list; what is there but cannot be
understood raises, and the probe that asked says so.
"""

import ctypes
import os
import re
import sys
from pathlib import Path, PurePosixPath

__all__ = ["System", "blas_libraries", "call_loaded", "counted", "gigabytes", "openmp_runtimes"]

OPENMP = re.compile(r"lib(gomp|omp|iomp5)\b[^/]*\.(so|dylib)[^/]*$")  # GNU's, LLVM's, Intel's; wheels add a hash
BLAS = re.compile(r"lib[^/]*(openblas|mkl_rt|blis|flexiblas|atlas|nvpl_blas)[^/]*\.(so|dylib)[^/]*$")
UNLIMITED = 2**60  # version 1 of cgroups says 2^63 rounded down to a page where there is no limit


def gigabytes(count):
    """A number of bytes in a unit that fits: "512 MB", "23.4 GB".

    >>> gigabytes(3 << 20), gigabytes(25 << 30)
    ('3 MB', '25.0 GB')
    """
    return f"{count / 2**30:.1f} GB" if count >= 2**30 else f"{count / 2**20:.0f} MB"


def counted(n, word):
    """
    >>> counted(1, "thread"), counted(2, "thread")
    ('1 thread', '2 threads')
    """
    return f"{n} {word}" if n == 1 else f"{n} {word}s"


def mapped_files(maps):
    """Paths of the files mapped into a process, each once, from the text of /proc/self/maps."""
    found = (line.split(maxsplit=5) for line in maps.splitlines())
    return list(dict.fromkeys(parts[5].removesuffix(" (deleted)") for parts in found if len(parts) == 6))


def openmp_runtimes(maps):
    """Paths of the OpenMP runtimes in the text of /proc/self/maps.

    >>> openmp_runtimes("7f00-7f01 r-xp 00000000 fd:01 42    /usr/lib/libgomp.so.1.0.0")
    ['/usr/lib/libgomp.so.1.0.0']
    """
    return [path for path in mapped_files(maps) if OPENMP.search(path)]


def blas_libraries(maps):
    """Paths of the BLAS libraries in the text of /proc/self/maps; OpenBLAS, MKL, BLIS and their kin by file name."""
    return [path for path in mapped_files(maps) if BLAS.search(path)]


def call_loaded(path, names, kind=ctypes.c_int):
    """What the first function of these names in a library that is loaded already returns; None if it has none."""
    library = ctypes.CDLL(path)
    for name in names:
        function = getattr(library, name, None)
        if function is not None:
            function.restype, function.argtypes = kind, []
            return function()
    return None


class System:
    """This machine. `root` and `environ` stand for "/" and os.environ, so that tests can bring their own."""

    def __init__(self, root="/", environ=None):
        self.root = Path(root)
        self.environ = os.environ if environ is None else environ

    def read(self, path):
        """The text of a file, stripped; None if there is none or it may not be read."""
        try:
            return (self.root / path).read_text(errors="replace").strip()
        except OSError:
            return None

    def maps(self):
        return self.read("proc/self/maps")

    # -- processors ----------------------------------------------------------------------------------------------------
    def cpuinfo(self, *keys):
        """The first value of /proc/cpuinfo under one of these keys, or None."""
        found = re.findall(r"^([^:\n]+?)\s*:[ \t]*(.*)$", self.read("proc/cpuinfo") or "", flags=re.MULTILINE)
        values: dict[str, str] = {}
        for key, value in found:
            values.setdefault(key, value)
        return next((values[key] for key in keys if values.get(key)), None)

    def affinity(self):
        """Numbers of the processors this process may run on; None where the system cannot say."""
        return sorted(os.sched_getaffinity(0)) if sys.platform.startswith("linux") else None

    def cores(self, processors):
        """Physical cores behind these processors: two hyperthreads share one. None where the system cannot say."""
        folder = "sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
        found = [self.read(folder.format(number)) for number in processors]
        return len(set(found)) if found and all(found) else None

    def last_level_cache(self):
        """Bytes of the largest cache of processor 0, or None."""
        sizes = []
        for path in sorted((self.root / "sys/devices/system/cpu/cpu0/cache").glob("index*/size")):
            text = self.read(path) or ""
            unit = {"K": 2**10, "M": 2**20, "G": 2**30}.get(text[-1:], 1)
            sizes.append(int(text.rstrip("KMG")) * unit)
        return max(sizes, default=None)

    # -- cgroups -------------------------------------------------------------------------------------------------------
    def cgroup(self, controller):
        """``(version, folders)``: this process's cgroup and those around it up to the root, which limit it too.

        A container may see paths in /proc/self/cgroup that exist outside of it alone; they are passed over.
        """
        lines = [line.split(":", 2) for line in (self.read("proc/self/cgroup") or "").splitlines()]
        base = self.root / "sys/fs/cgroup"
        one = next((p for _, names, p in lines if controller in names.split(",")), None)
        version = 1 if one is not None and (base / controller).is_dir() else 2
        own = one if version == 1 else next((p for number, _, p in lines if number == "0"), "/")
        path = PurePosixPath(str(own).lstrip("/"))
        base = base / controller if version == 1 else base
        return version, [folder for part in (path, *path.parents) if (folder := base / part).is_dir()]

    def quotas(self):
        """``[(folder, processors)]``: the CPU quotas that hold, innermost first; `processors` may be a fraction."""
        version, folders = self.cgroup("cpu")
        found = []
        for folder in dict.fromkeys(folders):
            if version == 2:
                words = (self.read(folder / "cpu.max") or "max").split()
                limit, period = (words[0], words[1]) if words[0] != "max" else (-1, 1)
            else:
                limit = self.read(folder / "cpu.cfs_quota_us") or -1
                period = self.read(folder / "cpu.cfs_period_us") or -1
            if float(limit) > 0 and float(period) > 0:
                found.append((str(folder), float(limit) / float(period)))
        return found

    def memory_limit(self):
        """The smallest memory limit of the cgroups around this process, bytes; None if there is none."""
        version, folders = self.cgroup("memory")
        name = "memory.max" if version == 2 else "memory.limit_in_bytes"
        texts = [self.read(folder / name) for folder in folders]
        limits = [int(text) for text in texts if text and text != "max"]
        return min((n for n in limits if n < UNLIMITED), default=None)

    def memory_total(self):
        """Bytes of main memory."""
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")

    def huge_pages(self):
        """ "always", "madvise" or "never": who gets transparent huge pages; None where the kernel has none."""
        chosen = re.search(r"\[(\w+)\]", self.read("sys/kernel/mm/transparent_hugepage/enabled") or "")
        return chosen and chosen[1]
