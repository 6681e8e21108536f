"""Writes __init__.pyi, what type checkers and editors know of this package, from the rows of kernels.def.

    python -m fastgrad.kernels.stubs            writes it
    python -m fastgrad.kernels.stubs --check    exit code 1 and a sentence if it is not what the rows say

_core.pyi is written by hand.
"""

import re
import sys
from pathlib import Path

from .. import kernels
from . import KERNELS, _core

STUB = Path(__file__).with_name("__init__.pyi")
WIDTH = 120

HEAD = """\
# Written by python -m fastgrad.kernels.stubs from csrc/kernels.def; change those.
from collections.abc import Callable
from contextlib import AbstractContextManager
from inspect import Signature
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import _core as _core
from . import reference as reference
"""
BODY = """\
_Array: TypeAlias = NDArray[Any]
_Operand: TypeAlias = NDArray[Any] | float | np.number[Any]
_Arrays: TypeAlias = NDArray[Any] | list[NDArray[Any]] | tuple[NDArray[Any], ...]

def host(function: Callable[..., Any], *arguments: Any) -> Any: ...
def info() -> dict[str, Any]: ...
def refuse_capture(what: str, instead: str) -> None: ...
def signature(kernel: Kernel) -> Signature: ...
def use(
    which: Literal["native", "reference"] | None = None,
    *,
    isa: str | None = None,
    threads: int | None = None,
) -> AbstractContextManager[None]: ...
"""


def argument(kernel, name, item):
    """One argument of a row, for example "?b[N]", as "b: _Array | None = None"."""
    if item.endswith("#"):
        return f"{name}: int"
    if "[" not in item:
        return f"{name}: float" + (f" = {kernel.defaults[name]:g}" if name in kernel.defaults else "")
    is_operand = "[*]" in kernel.signature and item[0] not in "=>?" and ":" not in item
    kind = "_Arrays" if "[n]" in item else "_Operand" if is_operand else "_Array"
    return f"{name}: {kind} | None = None" if item[0] in ">?+" else f"{name}: {kind}"


def result(kernel):
    made = kernel.written_names
    if "[n]" in kernel.signature:
        return "None"
    return "_Array" if len(made) == 1 else f"tuple[{', '.join(['_Array'] * len(made))}]"


def define(kernel):
    """A row as a def, broken where it is longer than a line."""
    items = _core.split_signature(kernel.signature)
    arguments = [argument(kernel, name, item) for name, item in zip(kernel.names, items, strict=True)]
    line = f"def {kernel.__name__}({', '.join(arguments)}) -> {result(kernel)}: ..."
    if len(line) <= WIDTH:
        return line
    inside = f"    {', '.join(arguments)}"
    if len(inside) > WIDTH:
        inside = "\n".join(f"    {a}," for a in arguments)
    return f"def {kernel.__name__}(\n{inside}\n) -> {result(kernel)}: ..."


def case_order(name):
    """CONSTANTS, then Classes, then the rest, log2 before log10: the order the linter sorts names in."""
    parts = [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
    return not name.isupper(), not name[0].isupper(), parts


def generate():
    """The text of __init__.pyi."""
    passed_on = sorted(
        (n for n in ("Kernel", *kernels.__all__) if n not in KERNELS and hasattr(_core, n)), key=case_order
    )
    imports = "".join(f"from ._core import {n} as {n}\n" for n in passed_on)
    names = "".join(f'    "{n}",\n' for n in sorted(kernels.__all__, key=case_order))
    defs = "".join(f"{define(k)}\n" for k in KERNELS.values())
    return f"{HEAD}{imports}\n__all__ = [\n{names}]\n\n{BODY}{defs}"


def main(arguments):
    if arguments not in ([], ["--check"]):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    text = generate()
    if not arguments:
        STUB.write_text(text)
        print(f"{STUB.name}: {len(KERNELS)} kernels")
    elif not STUB.exists() or STUB.read_text() != text:
        print(f"{STUB.name} is not what kernels.def says; run python -m fastgrad.kernels.stubs", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
