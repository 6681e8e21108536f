"""The stubs say what the rows of kernels.def and the compiled module say."""

import ast
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fastgrad
from fastgrad import kernels
from fastgrad.kernels import KERNELS, stubs

# What stubtest cannot know, as regular expressions of names.
ALLOWED = {
    rf"fastgrad\.kernels\.({'|'.join(KERNELS)})": "kernels are objects that are called; below their signatures are compared",
    r"fastgrad\.kernels\.reference(\..*)?": "has no stub: its names are collected while it is imported",
    r"fastgrad\.kernels\._core\.(Host|Kernel|Neighbours|Program|Trace)": "@disjoint_base is not yet in the typing module",
    r"fastgrad\.kernels\._core\.Kernel\.__call__": "a vectorcall slot, set after the class was made",
    r"fastgrad\.kernels\._core\.(__reduce_cython__|__setstate_cython__|__test__)": "Cython's own",
}


def run(*arguments, cwd):
    """A module of Python's, told where this fastgrad is; mypy finds one in site-packages by itself."""
    folder = Path(fastgrad.__file__).resolve().parent.parent
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    if folder.name != "site-packages":
        environment["MYPYPATH"] = str(folder)
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_stub_is_current(tmp_path):
    done = run("fastgrad.kernels.stubs", "--check", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_check_says_so_when_it_is_not(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(stubs, "STUB", tmp_path / "__init__.pyi")
    assert stubs.main(["--check"]) == 1
    assert "run python -m fastgrad.kernels.stubs" in capsys.readouterr().err
    assert stubs.main([]) == 0
    assert stubs.main(["--check"]) == 0
    stubs.STUB.write_text(stubs.STUB.read_text().replace("def add(a: _Operand, ", "def add("))
    assert stubs.main(["--check"]) == 1
    assert "__init__.pyi is not what kernels.def says" in capsys.readouterr().err


def test_other_arguments_are_refused(tmp_path):
    done = run("fastgrad.kernels.stubs", "--chekc", cwd=tmp_path)
    assert done.returncode == 2
    assert "--check" in done.stderr


def test_the_stub_has_every_kernel_and_its_signature():
    tree = ast.parse(stubs.STUB.read_text())
    found = {d.name: d for d in tree.body if isinstance(d, ast.FunctionDef)}
    assert set(KERNELS) <= set(found)
    for name, kernel in KERNELS.items():
        arguments, expected = found[name].args, kernels.signature(kernel).parameters
        assert [a.arg for a in arguments.args] == list(expected), name
        assert all(a.annotation for a in arguments.args), name
        assert found[name].returns is not None, name
        required = len(arguments.args) - len(arguments.defaults)
        for a, default in zip(arguments.args[required:], arguments.defaults, strict=True):
            assert ast.literal_eval(default) == expected[a.arg].default, f"{name}: {a.arg}"
        assert sum(p.default is p.empty for p in expected.values()) == required, name
    assert not any(isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant) and isinstance(s.value.value, str)
                   for d in found.values() for s in d.body)  # fmt: skip


needs_mypy = pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")


@needs_mypy
def test_mypy_finds_the_stubs_true(tmp_path):
    allowed = tmp_path / "allowed"
    allowed.write_text("".join(f"{name}\n" for name in ALLOWED))
    done = run("mypy.stubtest", "--allowlist", allowed, "--ignore-unused-allowlist", "fastgrad.kernels", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_mypy
def test_mypy_reads_the_stubs(tmp_path):
    """A right program passes, and each wrong line is found."""
    (tmp_path / "use.py").write_text(
        "import numpy as np\n"
        "from fastgrad import kernels\n"
        "x = np.ones((2, 3), np.float32)\n"
        "y = kernels.add(x, 1.0, out=x)[0]\n"
        "value, index = kernels.max(x[None])\n"
        "kernels.sgd([x], [x.copy()], lr=0.1)\n"
        "with kernels.use('reference', threads=2): kernels.linear(x, x)\n"
        "kernels.add(x)\n"
        "kernels.exp('x')\n"
        "kernels.softmax(x, inplace=True)\n"
        "kernels.sgd([x], [x])\n"
        "with kernels.use('numpy'): pass\n"
        "kernels.nothing(x)\n"
    )
    done = run("mypy", "--config-file=", "--follow-imports=silent", "use.py", cwd=tmp_path)
    lines = sorted({int(n) for n in re.findall(r"^use.py:(\d+): error", done.stdout, re.MULTILINE)})
    assert lines == [8, 9, 10, 11, 12, 13], done.stdout + done.stderr
