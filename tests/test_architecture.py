"""The house keeps its shape: the arrows of docs/architecture.md, short files, short functions, one stem a family."""

import ast
import re
from pathlib import Path

import pytest

import fastgrad as fg

PACKAGE = Path(fg.__file__).resolve().parent
ROOT = PACKAGE.parent
SOURCES = sorted(p for p in PACKAGE.rglob("*.py") if "_build" not in p.parts)

# A room may import these, and itself. What is not listed is the workshop: it imports anything, and no engine file it.
ARROWS = {
    "versions": set(),
    "tape": {"versions"},
    "hooks": {"tape"},
    "joint": {"tape"},
    "devices": set(),
    "cuda": {"later"},
    "later": {"missing"},
    "missing": set(),
    "random": {"tape", "kernels", "ops", "devices", "streams"},
    "streams": set(),
    "kernels": set(),
    "ops": {"tape", "kernels", "versions", "streams"},
    "interop": {"tape", "kernels", "ops", "devices"},
    "tensor": {"tape", "kernels", "ops", "hooks", "devices", "interop", "random"},
    "create": {"tape", "kernels", "ops", "devices", "tensor"},
    "autograd": {"tape", "tensor", "ops", "kernels", "versions", "hooks", "joint", "later"},
    "capture": {"tape", "kernels", "ops", "streams"},
    "profiler": {"kernels"},
    "nn": {"tape", "ops", "tensor", "random", "kernels", "hooks", "joint", "interop", "later"},
    "optim": {"tape", "kernels", "later"},
    "utils": {"tape", "tensor", "random", "versions", "hooks", "later"},
}
# Files that are loaded when they are asked for may import these too; nothing that they import imports their room.
MORE = {
    "nn/drawing.py": {"show"},  # the charts of a monitor
    "nn/summaries.py": {"show"},  # its table
    "optim/drawing.py": {"show"},  # the chart of a schedule
    "optim/decay.py": {"ops"},  # a penalty is a term of the loss
    "utils/data.py": {"data"},  # the data room at PyTorch's path
    "optim/swa_utils.py": {"nn", "ops", "tensor"},  # AveragedModel is a module
}
OUTSIDE = {"numpy", "__future__"}  # of the standard library, an engine file may import anything
WORKSHOP_ONLY = {"matplotlib", "tqdm", "scipy", "torch", "pytest"}

# What is longer than the house's rule, and why. An exception that is no longer needed fails the test too.
LONG_FILES: dict = {}
LONG_FUNCTIONS: dict = {}


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path):
    """Dotted names a file imports; those inside the package begin with "fastgrad."."""
    module = ("fastgrad", *path.relative_to(PACKAGE).with_suffix("").parts)
    package = module[:-1]  # of an __init__ too: its last part is "__init__"
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            name = ".".join(filter(None, (base, node.module)))
            yield name
            yield from (f"{name}.{alias.name}" for alias in node.names)


def rooms_imported(path):
    names = {p.relative_to(PACKAGE).parts[0].removesuffix(".py") for p in SOURCES}
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] == "fastgrad" and len(parts) > 1 and parts[1] in names:
            yield parts[1]


def test_the_rooms_are_known():
    assert set(ARROWS) <= {room_of(p) for p in SOURCES}


@pytest.mark.parametrize("room", ARROWS)
def test_the_arrows_hold(room):
    for path in (p for p in SOURCES if room_of(p) == room):
        found = set(rooms_imported(path)) - {room} - MORE.get(path.relative_to(PACKAGE).as_posix(), set())
        assert found <= ARROWS[room], f"{path.relative_to(ROOT)} imports {sorted(found - ARROWS[room])}"


def test_exceptions_are_loaded_late_and_make_no_circle():
    for name, rooms in MORE.items():
        room = name.split("/")[0]
        assert (PACKAGE / name).is_file()
        assert not rooms & ARROWS[room], f"{name}: {sorted(rooms & ARROWS[room])} needs no exception"
        for path in (p for p in SOURCES if room_of(p) in rooms):
            assert room not in rooms_imported(path), f"{path.relative_to(ROOT)} imports {room}"


def test_arrows_can_be_violated():
    """The reader of imports sees every way to write one."""
    lines = ["import fastgrad.nn", "from . import optim", "from ..tensor import Tensor", "from fastgrad import data"]
    text = "\n".join([*lines, "from .. import ops as o"])

    class Fake:
        def relative_to(self, _):
            return Path("kernels/sub/module.py")

        def read_text(self):
            return text

    found = set(imports_of(Fake()))
    assert {
        "fastgrad.nn",
        "fastgrad.kernels.sub.optim",
        "fastgrad.kernels.tensor.Tensor",
        "fastgrad.data",
        "fastgrad.kernels.ops",
    } <= found


def test_the_engine_needs_numpy_alone():
    import sys

    for path in SOURCES:
        top = {n.split(".")[0] for n in imports_of(path)} - {"fastgrad", ""}
        if room_of(path) in ARROWS:
            assert top <= OUTSIDE | sys.stdlib_module_names, f"{path.name}: {top}"


def test_the_tape_knows_no_op():
    tree = ast.parse((PACKAGE / "tape.py").read_text())
    strings = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} | {
        n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)
    }
    assert not (names | strings) & set(fg.ops.OPS)


def test_kernels_in_c_know_no_python():
    folder = ROOT / "csrc"
    if not folder.is_dir():
        pytest.skip("no csrc here: these are the tests of an installed wheel")
    for path in folder.glob("*.[ch]"):
        includes = re.findall(r'#\s*include\s*[<"]([^>"]+)', path.read_text())
        assert not {"Python.h", "numpy/arrayobject.h"} & set(includes), path.name


def test_one_stem_in_every_tier():
    families = {fg.kernels.KERNELS[name].family for name in fg.kernels.KERNELS}
    for family in families:
        assert (PACKAGE / "kernels" / "reference" / f"{family}.py").is_file(), family
        if (ROOT / "csrc").is_dir():
            assert (ROOT / "csrc" / f"{family}.c").is_file(), family
    without_ops = {"optim", "adam", "trust", "gradient", "stream"}  # rules live in optim/, streams are for benchmarks
    without_ops |= {"compare", "cast", "transcendental", "index"}  # kernels that no op uses yet
    for family in families - without_ops:
        assert (PACKAGE / "ops" / f"{family}.py").is_file(), family


# -- sizes -------------------------------------------------------------------------------------------------------------
def files():
    for folder in ("fastgrad", "csrc", "tests", "bench", "examples"):
        for path in sorted((ROOT / folder).rglob("*")) if (ROOT / folder).is_dir() else ():
            if path.suffix in (".py", ".pyx", ".pxi", ".c", ".h", ".def") and path.name != "_core.c":
                yield path


def test_no_file_is_longer_than_500_lines():
    long = {str(p.relative_to(ROOT)): n for p in files() if (n := len(p.read_text().splitlines())) > 500}
    assert set(long) == {n for n in LONG_FILES if (ROOT / n).exists()}, (
        f"longer than 500 lines: {long}; listed: {sorted(LONG_FILES)}"
    )


def test_no_function_is_longer_than_40_lines():
    long = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = node.end_lineno - body[0].lineno + 1 if body else 0
                if lines > 40:
                    long[f"{path.relative_to(ROOT)}:{node.name}"] = lines
    assert set(long) == set(LONG_FUNCTIONS), (
        f"longer than 40 lines, docstring apart: {long}; listed: {sorted(LONG_FUNCTIONS)}"
    )


def test_the_tape_can_be_read_in_one_sitting():
    code = [line for line in (PACKAGE / "tape.py").read_text().splitlines() if line.strip()]
    assert len(code) <= 180


def test_every_public_name_has_a_docstring():
    for module in (fg, fg.nn, fg.optim, fg.ops, fg.kernels, fg.tape, fg.random, fg.create, fg.cuda):
        assert module.__doc__, module
        for name in getattr(module, "__all__", []):
            thing = getattr(module, name)
            if callable(thing):
                assert thing.__doc__, f"{module.__name__}.{name}"
