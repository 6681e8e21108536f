"""The README does what it says: its Python blocks print the text below them, its commands and its links exist."""

import contextlib
import doctest
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
if not README.is_file():
    pytest.skip(f"{README} is not there: these tests run without the source tree", allow_module_level=True)

TEXT = README.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)


def test_python_blocks_print_what_is_printed_below_them():
    """All blocks are one program: a later one may use what an earlier one made."""
    names = {"__name__": "readme"}
    count = 0
    for (kind, code), (next_kind, expected) in zip(BLOCKS, [*BLOCKS[1:], ("", "")], strict=True):
        if kind != "python":
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, f"README.md, block {count}", "exec"), names)
        assert as_printed(expected if next_kind == "text" else "", printed.getvalue())
        count += 1
    assert count >= 2


def as_printed(expected, found):
    """Equal; "..." stands for anything, as in a doctest, and where it stands, spaces are of any width."""
    rules = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE if "..." in expected else 0
    return doctest.OutputChecker().check_output(expected, found, rules)


def test_another_text_is_not_as_printed():
    assert as_printed("a\n", "a\n")
    assert as_printed("a ...%\n", "a   1.5%\n")
    assert not as_printed("a b\n", "a  b\n")
    assert not as_printed("a ...%\n", "b 1.5%\n")
    assert not as_printed("", "a\n")


def test_every_block_is_of_a_kind_that_is_checked():
    assert {kind for kind, _ in BLOCKS} <= {"python", "text", "sh"}


def test_shell_blocks_name_make_targets_that_exist():
    makefile = ROOT / "Makefile"
    if not makefile.is_file():
        pytest.skip(f"{makefile} is not there")
    targets = set(re.findall(r"^([\w-]+):", makefile.read_text(encoding="utf-8"), flags=re.MULTILINE))
    named = {word for kind, code in BLOCKS if kind == "sh" for word in re.findall(r"\bmake ([\w-]+)", code)}
    assert {"demo", "test"} <= named <= targets


def test_files_that_are_named_exist():
    if not (ROOT / "csrc").is_dir():
        pytest.skip(f"{ROOT} is not the source tree")
    named = [name for name in re.findall(r"`([\w./-]+)`", TEXT) if "/" in name or name.endswith(".md")]
    named = [name for name in named if not name.startswith("build/")]  # what make writes
    assert len(named) >= 10
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_readme_is_short():
    assert len(TEXT.splitlines()) <= 125
    assert max(map(len, TEXT.splitlines())) <= 120
