"""The one table of C sources, and the questions asked of the compiler before it is used. The rest: pyproject.toml.

FASTGRAD_NO_OPENMP=1   build without OpenMP: every kernel works, on one thread
"""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

CORE = ["table", "launch", "rule", "team", "cpu", "pool", "blas"]
FAMILIES = ["elementwise", "transcendental", "compare", "cast", "activation", "reduce", "index", "matmul", "softmax"]
FAMILIES += ["norm", "dropout", "rectifier", "smooth", "loss", "optim", "adam", "trust", "gradient", "stream"]
PYX = Path("fastgrad/kernels/_core.pyx")
PARTS = [*Path("csrc").glob("*.h"), *Path("csrc").glob("*.def"), *PYX.parent.glob("*.pxi")]  # a change of one rebuilds

# No -ffast-math and no -march=native: bits must not depend on the machine that built them (csrc/README.md).
FLAGS = ["-std=c11", "-O3", "-g0", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden"]
MACROS = [("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"), ("NPY_TARGET_VERSION", "NPY_2_0_API_VERSION")]
# No vector loops for the last few elements: a tenth of the code, for a hundredth of the time. Only gcc knows it.
SMALLER = ["--param=vect-epilogues-nomask=0", "-fno-unswitch-loops", "-fno-ipa-cp-clone"]
STRIPPED = ["-Wl,-s"] if sys.platform.startswith("linux") else []  # no symbols: nobody links against the module
LIBRARIES = [] if sys.platform in ("darwin", "win32") else ["m", "dl", "pthread"]

OPENMP = os.environ.get("FASTGRAD_NO_OPENMP", "0") in ("", "0")
OPENMP_COMPILE, OPENMP_LINK = ["-fopenmp"], ["-fopenmp"]
if sys.platform == "darwin":  # Apple's clang has OpenMP, but neither its header nor its library: Homebrew's libomp does
    prefix = next((p for p in ("/opt/homebrew/opt/libomp", "/usr/local/opt/libomp") if os.path.isdir(p)), "/usr/local")
    OPENMP_COMPILE = ["-Xpreprocessor", "-fopenmp", f"-I{prefix}/include"]
    OPENMP_LINK = [f"-L{prefix}/lib", "-lomp"]

NO_MSVC = (
    "fastgrad needs a C11 compiler that speaks gcc's language, which MSVC does not: build it under WSL, "
    "or with MinGW-w64 gcc or clang (python setup.py build_ext --compiler=mingw32)."
)
NO_COMPILER = (
    "fastgrad needs a working C compiler, and {cc} is none: install one (Debian, Ubuntu: apt install gcc libc6-dev; "
    "Fedora: dnf install gcc; macOS: xcode-select --install) or name one in the variable CC."
)
NO_HEADERS = (
    "fastgrad needs the headers of Python {0}.{1}, and Python.h is not there: install them (Debian, Ubuntu: "
    "apt install python3-dev; Fedora: dnf install python3-devel; macOS: a Python of python.org or Homebrew has them)."
)
NO_OPENMP = (
    "fastgrad uses OpenMP for its threads, and {cc} has none: install it (Debian, Ubuntu: apt install gcc, or "
    "libomp-dev for clang; Fedora: dnf install gcc libgomp, or libomp-devel for clang; macOS: brew install libomp) "
    "or set FASTGRAD_NO_OPENMP=1 to build for one thread."
)
NO_BLAS = "fastgrad: scipy-openblas32 is not installed here: the package gets no BLAS, its built-in product serves."

PROBE = '#include <math.h>\n#include <stdio.h>\nint probe(double x) { return printf("%g", sqrt(x)); }\n'
PROBE_OPENMP = (
    "#include <omp.h>\nint probe(void) {\n    int n = 0;\n"
    "#pragma omp parallel reduction(+ : n)\n    n += omp_get_thread_num();\n    return n;\n}\n"
)
PROBE_PYTHON = "#include <Python.h>\nint probe(void) { return PY_MAJOR_VERSION; }\n"


def builds(compiler, program, compile_args=(), link_args=()):
    """Whether this C program can be compiled and linked into a shared library."""
    includes = [f"-I{folder}" for folder in compiler.include_dirs]
    with tempfile.TemporaryDirectory() as folder:
        source, binary = os.path.join(folder, "probe.c"), os.path.join(folder, "probe.so")
        Path(source).write_text(program)
        object_ = os.path.join(folder, "probe.o")
        compile_ = [*compiler.compiler_so, *FLAGS, *compile_args, *includes, "-c", source, "-o", object_]
        link = [*compiler.linker_so, object_, *link_args, "-o", binary]
        try:
            return all(subprocess.run(line, capture_output=True).returncode == 0 for line in (compile_, link))
        except OSError:
            return False


def refuse_unfit(compiler):
    """Ends the build with one sentence that says what to install, unless this compiler can build fastgrad."""
    if compiler.compiler_type == "msvc":
        sys.exit(NO_MSVC)
    cc = " ".join(compiler.compiler_so[:1])
    if not builds(compiler, PROBE):
        sys.exit(NO_COMPILER.format(cc=cc))
    if not builds(compiler, PROBE_PYTHON):
        sys.exit(NO_HEADERS.format(*sys.version_info))
    if OPENMP and not builds(compiler, PROBE_OPENMP, OPENMP_COMPILE, OPENMP_LINK):
        sys.exit(NO_OPENMP.format(cc=cc))


def blas_files():
    """The library of scipy-openblas32 and its licences, as paths; found without importing it, which would start it."""
    spec = importlib.util.find_spec("scipy_openblas32")
    if spec is None:
        return []
    library = [p for p in Path(spec.origin).parent.glob("lib/libscipy_openblas*") if p.suffix in (".so", ".dylib")]
    files = importlib.metadata.files("scipy-openblas32") or []
    licences = [Path(p.locate()) for p in files if p.name.upper().startswith(("LICENSE", "COPYING", "NOTICE"))]
    return library + licences if library and licences else []


class Build(build_ext):
    """Compiles the C files side by side, and puts the BLAS beside them."""

    def finalize_options(self):
        super().finalize_options()
        self.force = True  # a build without OpenMP must not be taken for one with it
        self.cython_c_in_temp = True

    def build_extensions(self):
        refuse_unfit(self.compiler)
        if builds(self.compiler, PROBE, SMALLER):
            for extension in self.extensions:
                extension.extra_compile_args += SMALLER
        compile_some = self.compiler.compile

        def compile_all(sources, **options):
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                return [one for some in pool.map(lambda s: compile_some([s], **options), sources) for one in some]

        self.compiler.compile = compile_all
        super().build_extensions()
        self.copy_blas(Path(self.build_lib))
        if not blas_files():
            print(NO_BLAS, file=sys.stderr)

    def copy_extensions_to_source(self):
        super().copy_extensions_to_source()
        self.copy_blas(Path())

    def copy_blas(self, root):
        target, files = root / "fastgrad" / "_blas", blas_files()
        shutil.rmtree(target, ignore_errors=True)
        for path in files:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / path.name)
            if path.suffix == ".so" and shutil.which("strip"):  # a fifth of a megabyte in the wheel
                subprocess.run(["strip", "--strip-all", str(target / path.name)], check=True)


def core():
    import numpy

    return Extension(
        "fastgrad.kernels._core",
        [str(PYX), *(f"csrc/{name}.c" for name in CORE + FAMILIES)],
        depends=[str(path) for path in PARTS],
        include_dirs=["csrc", numpy.get_include()],
        define_macros=MACROS + ([] if OPENMP else [("FASTGRAD_NO_OPENMP", "1")]),
        extra_compile_args=FLAGS + (OPENMP_COMPILE if OPENMP else []),
        extra_link_args=(OPENMP_LINK if OPENMP else []) + STRIPPED,
        libraries=LIBRARIES,
    )


setup(ext_modules=[core()], cmdclass={"build_ext": Build})
