"""The papers are true: files they name exist, and their Python blocks print the text below them."""

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAPERS = sorted(
    path for folder in ("", "docs", "csrc", "bench", "fastgrad/data") for path in (ROOT / folder).glob("*.md")
)
if not (ROOT / "docs").is_dir():
    pytest.skip(f"{ROOT} is not the source tree", allow_module_level=True)

MADE = ("build/", "dist/", "fastgrad/_blas/")  # by make, or while building
every_paper = pytest.mark.parametrize("paper", PAPERS, ids=lambda path: str(path.relative_to(ROOT)))


def named(text):
    """Words in backticks that are paths with a folder in them, of files that are not made."""
    for word in re.findall(r"`([\w./*-]+)`", text):
        if "/" in word and not word.startswith((*MADE, "/")) and re.search(r"\w", word):
            yield word


def exists(word, paper):
    """A path from the root, from the package, or from where the paper is; `*` for any name."""
    return any(any(folder.glob(word.rstrip("/"))) for folder in (ROOT, ROOT / "fastgrad", ROOT / "csrc", paper.parent))


@every_paper
def test_files_that_are_named_exist(paper):
    text = re.sub(r"^ *```.*?^ *```", "", paper.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert [word for word in named(text) if not exists(word, paper)] == []


def test_a_file_that_is_missing_is_found():
    assert list(named("`csrc/nothing.c`, `a / b`, `/`, `build/x.html`, `/dev`")) == ["csrc/nothing.c"]
    assert not exists("csrc/nothing.c", ROOT / "README.md")


@pytest.mark.parametrize("paper", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_python_blocks_print_what_is_printed_below_them(paper):
    if paper.stem == "scikit-learn":
        pytest.importorskip("sklearn", reason='scikit-learn is not installed: pip install "fastgrad[sklearn]"')
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", paper.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    names = {"__name__": paper.stem}
    for (kind, code), (below, expected) in zip(blocks, [*blocks[1:], ("", "")][: len(blocks)], strict=True):
        if kind == "python":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(code, paper.name, "exec"), names)
            assert printed.getvalue() == (expected if below == "text" else "")


def test_the_papers_are_short():
    assert len((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").splitlines()) <= 170
    for paper in PAPERS:
        prose = [line for line in paper.read_text(encoding="utf-8").splitlines() if not line.startswith(("|", "     "))]
        assert max(map(len, prose)) <= 120, paper
