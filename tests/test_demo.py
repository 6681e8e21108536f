"""The demonstration, the command line, what they print, and the examples."""

import io
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import fastgrad
from fastgrad import cli, demo, kernels
from fastgrad.show import progress, svg, table
from fastgrad.show.progress import Fancy, Plain

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


# -- training ----------------------------------------------------------------------------------------------------------
def test_native_and_reference_agree_in_float64_over_a_whole_run():
    found = demo.compare(seed=0, dtype=np.float64, epochs=demo.QUICK_EPOCHS)
    assert len(found.losses[0]) == len(found.losses[1]) == demo.QUICK_EPOCHS * 44
    assert found.difference <= 1e-8
    assert min(found.accuracies) >= demo.WANTED
    assert abs(found.accuracies[0] - found.accuracies[1]) <= 2


def test_native_and_reference_agree_in_float32_over_ten_steps():
    found = demo.compare(seed=1, dtype=np.float32, steps=10)
    assert len(found.losses[0]) == 10
    assert found.difference <= 1e-4


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_seed_reaches_the_accuracy(seed):
    training = demo.Training(seed, epochs=demo.QUICK_EPOCHS)
    losses = list(training.losses())
    assert len(losses) == training.steps
    assert np.mean(losses[-44:]) < 0.2 < losses[0]
    assert training.accuracy() >= demo.WANTED


def test_captured_and_eager_training_give_the_same_bits():
    runs = [demo.Training(5, epochs=1, captured=captured) for captured in (True, False)]
    captured, eager = ([*run.losses()] for run in runs)
    assert captured == eager
    for p, q in zip(runs[0].net.parameters(), runs[1].net.parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)


def test_another_seed_is_another_run():
    first, second = (next(demo.Training(seed, epochs=1).losses()) for seed in (0, 1))
    assert first != second


# -- the command -------------------------------------------------------------------------------------------------------
def test_quick_demo_prints_its_four_parts(capsys):
    assert cli.main(["demo", "--quick", "--seed", "1"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for part in ("test accuracy", "largest difference", "the same bits", "SGD", "Momentum", "Adam", "captured"):
        assert part in out
    assert kernels.info()["isa"] in out.splitlines()[0]
    assert "\r" not in out  # no bar where nobody watches
    assert max(map(len, out.splitlines())) <= 120


def test_a_curve_alone_needs_no_legend():
    curve = ([0, 1], [1.0, 2.0])
    assert "here</text>" not in svg.lines({"here": curve}, "t", "x", "y")
    assert "here</text>" in svg.lines({"here": curve, "there": curve}, "t", "x", "y")


def test_the_report_is_a_page_that_stands_alone(tmp_path, capsys):
    path = tmp_path / "demo.html"
    assert cli.main(["demo", "--quick", "--report", str(path)]) == 0
    assert str(path) in capsys.readouterr().out
    text = path.read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    assert not page.open, f"never closed: {page.open}"
    assert not page.links, "a page that stands alone names nothing else"
    assert text.count('<svg class="pixels"') == min(text.count("<figcaption>"), 8) > 0
    assert "of 360 test images right" in text
    assert '<div class="wide"><table class="calls">' in text, "a narrow window scrolls the table, not the page"
    for kernel in ("linear", "cross_entropy", "adam"):
        assert f"<td>{kernel}</td>" in text
    assert "$" not in text.replace("$$", "")


class Page(HTMLParser):
    """What is open, and what is linked."""

    def __init__(self):
        super().__init__()
        self.open, self.links = [], []

    def handle_starttag(self, tag, attributes):
        self.links += [value for name, value in attributes if name in ("src", "href")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attributes):
        pass


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-3.2, 17.0), (1e-9, 2e-9), (0, 1234567)])
def test_ticks_are_round_and_cover_the_numbers(low, high):
    ticks = svg.linear_ticks(low, high)
    assert ticks[0] <= low <= high <= ticks[-1]
    assert 2 <= len(ticks) <= 8
    assert np.allclose(np.diff(ticks), ticks[1] - ticks[0])


def test_a_logarithmic_axis_refuses_what_has_no_logarithm():
    with pytest.raises(ValueError, match="positive numbers"):
        svg.lines({"a": ([0, 1], [1.0, 0.0])}, "t", "x", "y", log=True)


def test_demo_frees_what_it_measured_with():
    before = kernels.memory()["used"]
    demo.show_rules(quick=True)
    assert kernels.memory()["used"] - before < 2**20


def test_demo_fails_below_the_accuracy(monkeypatch, capsys):
    monkeypatch.setattr(demo, "WANTED", 101.0)
    monkeypatch.setattr(demo, "show_rules", lambda quick: (0, []))
    monkeypatch.setattr(demo, "show_capture", lambda quick: None)
    assert cli.main(["demo", "--quick"]) == 1
    assert "below the 101 % it should reach" in capsys.readouterr().err


def test_demo_fails_when_losses_disagree(monkeypatch, capsys):
    wrong = demo.Agreement(([1.0, 2.0], [1.0, 2.1]), (99.0, 99.0), (1.0, 2.0))
    monkeypatch.setattr(demo, "compare", lambda *args, **kwargs: wrong)
    _, complaints = demo.show_agreement(0, 1, [1.0, 2.0])
    assert len(complaints) == 1
    assert "differ by 1.0e-01" in complaints[0]
    assert len(demo.show_agreement(0, 1, [1.5, 2.0])[1]) == 2
    nan = demo.Agreement(([np.nan], [np.nan]), (99.0, 99.0), (1.0, 2.0))
    monkeypatch.setattr(demo, "compare", lambda *args, **kwargs: nan)
    assert any("differ by nan" in c for c in demo.show_agreement(0, 1, [np.nan])[1])


def test_help_and_info(capsys):
    assert cli.main([]) == 0
    assert "demo" in capsys.readouterr().out
    assert cli.main(["info"]) == 0
    out = capsys.readouterr().out
    assert "isa " in out
    assert kernels.info()["blas"]["library"] in out


def test_python_m_fastgrad(python):
    out = python(
        "import runpy, sys; sys.argv = ['fastgrad', '--version']; runpy.run_module('fastgrad', run_name='__main__')"
    )
    assert out == f"fastgrad {fastgrad.__version__}\n"


@pytest.mark.parametrize("seed", ["-1", "x", "1.5", ""])
def test_a_seed_is_a_whole_number(seed, capsys):
    with pytest.raises(SystemExit):
        cli.main(["demo", f"--seed={seed}"])
    assert "a whole number from 0 on" in capsys.readouterr().err


def test_an_interrupted_demo_ends_quietly(monkeypatch, capsys):
    def interrupted(seed, quick, report):
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "run", interrupted)
    assert cli.main(["demo"]) == 130
    assert "interrupted" in capsys.readouterr().err


# -- text --------------------------------------------------------------------------------------------------------------
class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_no_bar_where_nobody_watches():
    log = io.StringIO()
    with progress(3, "training", log) as bar:
        bar.update(3, "loss 1")
    assert log.getvalue() == ""


def test_plain_bar_is_one_line_and_is_removed(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    screen = Terminal()
    with progress(4, "training", screen) as bar:
        assert isinstance(bar, Plain)
        for t in range(4):
            bar.update(1, f"loss {t}")
    text = screen.getvalue()
    assert "\n" not in text
    assert f"training [{'#' * 30}] 100%  loss 3" in text
    assert text.split("\r")[-2].strip() == ""
    assert text.endswith("\r")


def test_tqdm_bar_when_it_is_installed():
    pytest.importorskip("tqdm")
    screen = Terminal()
    with progress(4, "training", screen) as bar:
        assert isinstance(bar, Fancy)
        bar.update(4, "loss 1")
    assert "training" in screen.getvalue()


def test_table_aligns():
    assert table(("a", "bb"), [(1, "x"), (10, "yyy")]) == "   a   bb\n   1    x\n  10  yyy"
    assert table(("rule", "n"), [("SGD", 1)]) == "  rule  n\n  SGD   1"


# -- examples ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("iris", ["test accuracy", "mistaken:"]),
        ("paths", ["SGD", "Momentum", "Adam", "   0   -7.000   2.000   6.4500", "   1   -6.335  -1.800   5.2466"]),
        ("own_op", ["gradcheck     True", "second order  True", "captured"]),
        ("own_function", ["gradcheck  True", "captured   [-0.3316, -0.3395"]),
    ],
)
def test_example(name, said, python):
    script = EXAMPLES / f"{name}.py"
    if not script.exists():
        pytest.skip(f"{script} is not there: these tests run without the source tree")
    printed = python("import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')", script)
    for text in said:
        assert text in printed


def test_every_example_is_tested():
    if not EXAMPLES.is_dir():
        pytest.skip(f"{EXAMPLES} is not there: these tests run without the source tree")
    elsewhere = {"digits_ensemble", "mnist", "transfer"}  # tests/test_training_examples.py
    assert {p.stem for p in EXAMPLES.glob("*.py")} == {"iris", "paths", "own_op", "own_function"} | elsewhere
