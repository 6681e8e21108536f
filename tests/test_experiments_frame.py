"""What all experiments share: registry, settings, verdicts, files, language, the command line, the page of all."""

import json
import re
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import cli
from fastgrad.experiments import EXPERIMENTS, Experiment, find, index, perform, write
from fastgrad.experiments.command import report
from fastgrad.experiments.lectures import NAMES
from fastgrad.experiments.material import evaluate, load, mlp, train
from fastgrad.experiments.perform import plain
from fastgrad.experiments.words import wrapped

matplotlib = pytest.importorskip("matplotlib", reason="the figures are drawn with matplotlib, which is not installed")
from fastgrad.experiments import style  # noqa: E402

KOREAN = style.hangul_font() is not None

OWN = """
from fastgrad.experiments import Experiment


class Own(Experiment):
    name = "own"
    title = "A figure of one's own"
    see = "A line."
    claims = {"rises": "it rises", "falls": "it falls"}
    chosen = {"points": 3, "factor": 1.0}
    quick = {"points": 2}
    datasets = ("iris",)

    def measure(self, run):
        return {"y": [run.settings.factor * i for i in range(run.settings.points)], "none": float("nan")}

    def judge(self, run, numbers):
        y = numbers["y"]
        return {"rises": (y[-1] > y[0], f"by {y[-1] - y[0]}"), "falls": (y[-1] < y[0], ("no", "아니다"))}

    def draw(self, run, numbers):
        figure, axis = run.figure()
        axis.plot(numbers["y"], label=run.say("line", "선"))
        style.legend_below(figure, axis)
        return figure
""".replace("import Experiment\n", "import Experiment, style\n")


@pytest.fixture
def own(tmp_path):
    """A user's own experiment in a file; it is gone afterwards."""
    path = tmp_path / "own_experiment.py"
    path.write_text(OWN, encoding="utf-8")
    yield path
    EXPERIMENTS.pop("own", None)
    sys.modules.pop("own_experiment", None)


@pytest.fixture
def brought(own):
    from fastgrad.experiments.command import bring

    assert bring(str(own)) == ["own"]
    return "own"


# -- running -----------------------------------------------------------------------------------------------------------
def test_settings_are_chosen_shortened_and_given(brought):
    def points(**how):
        return len(perform(brought, **how).numbers["y"])

    assert (points(), points(quick=True), points(settings={"points": 7}, quick=True)) == (3, 2, 7)
    with pytest.raises(ValueError, match="own has no setting lr; it has points, factor"):
        perform(brought, settings={"lr": 1})


@pytest.mark.parametrize(
    ("factor", "verdict"), [(1.0, "confirmed in part"), (-1.0, "confirmed in part"), (0.0, "not confirmed")]
)
def test_the_verdict_follows_from_the_claims(brought, factor, verdict):
    assert perform(brought, settings={"factor": factor}).verdict == verdict


def test_a_claim_needs_a_finding_and_a_finding_a_claim(brought, monkeypatch):
    monkeypatch.setattr(find(brought), "claims", {"rises": "it rises"})
    with pytest.raises(ValueError, match=r"claims .'rises'. and judges .'falls', 'rises'."):
        perform(brought)


def test_what_there_is_not_is_refused(brought):
    with pytest.raises(ValueError, match=r"there is no experiment 'none'; there are .*optimizer-paths.*own"):
        perform("none")
    with pytest.raises(ValueError, match="own: not on digits: it runs on iris"):
        perform(brought, data="digits")
    with pytest.raises(ValueError, match="momentum-speed: not on iris: it needs no data"):
        perform("momentum-speed", data="iris")
    with pytest.raises(ValueError, match="lang must be one of en, ko, not 'fr'"):
        perform(brought, lang="fr")


def test_a_name_is_given_once(brought):
    with pytest.raises(ValueError, match=r"experiment 'own' is own_experiment\.Own already"):
        type("Other", (Experiment,), {"name": "own"})
    with pytest.raises(ValueError, match=r"quick names .'epochs'., which are in neither"):
        type("Third", (Experiment,), {"name": "third", "quick": {"epochs": 1}})
    assert "third" not in EXPERIMENTS


def test_the_random_state_is_as_it_was(brought, monkeypatch):
    monkeypatch.setattr(find(brought), "measure", lambda self, run: {"y": fg.rand(3).numpy()})
    fg.manual_seed(5)
    expected = fg.rand(2).numpy()
    fg.manual_seed(5)
    first, again, other = (perform(brought, seed=seed).numbers["y"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(fg.rand(2).numpy(), expected)
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()


# -- files -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("lang", ["en", pytest.param("ko", marks=pytest.mark.skipif(not KOREAN, reason="no Hangul"))])
def test_the_same_seed_gives_the_same_bytes(brought, tmp_path, lang):
    for folder in ("a", "b"):
        write(perform(brought, lang=lang), tmp_path / folder)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name
    assert {path.suffix for path in (tmp_path / "a").iterdir()} == {".png", ".svg", ".json"}


def test_numbers_are_json_without_nan(brought, tmp_path):
    write(perform(brought, seed=3), tmp_path)

    def refuse(constant):
        raise AssertionError(constant)

    found = json.loads((tmp_path / "own.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert found["numbers"] == {"y": [0.0, 1.0, 2.0], "none": "NaN"}
    assert (found["seed"], found["quick"], found["data"], found["settings"]["points"]) == (3, False, "iris", 3)
    assert found["versions"]["fastgrad"] == fg.__version__
    assert found["claims"]["falls"] == {"claim": "it falls", "holds": False, "found": ["no", "아니다"]}
    assert plain({1: [np.float32(np.inf), np.int64(2), (True, None)]}) == {"1": ["Infinity", 2, [True, None]]}
    with pytest.raises(TypeError, match="not object"):
        plain([object()])


def test_matplotlibs_settings_stay_as_they_are(brought, tmp_path):
    with matplotlib.rc_context({"lines.linewidth": 7.5, "font.size": 3.0}):
        before = dict(matplotlib.rcParams)
        write(perform(brought), tmp_path / "a")
        assert dict(matplotlib.rcParams) == before
    write(perform(brought), tmp_path / "b")
    assert (tmp_path / "a" / "own.svg").read_bytes() == (tmp_path / "b" / "own.svg").read_bytes()


def test_styles_are_told_apart_in_grey():
    grey = [float(np.dot(matplotlib.colors.to_rgb(c), (0.299, 0.587, 0.114))) for c in style.COLOURS]
    assert max(grey) < 0.75  # on white
    assert min(abs(a - b) for a, b in pairwise(grey)) > 0.04
    assert len(set(map(str, style.LINES))) == len(set(style.MARKERS)) == len(style.COLOURS)


def test_without_matplotlib_the_extra_is_named(brought, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'pip install "fastgrad\[plot\]"'):
        write(perform(brought), tmp_path)
    assert cli.main(["experiment", "own", "--out", str(tmp_path)]) == 1
    assert "fastgrad[plot]" in capsys.readouterr().err


# -- Korean ------------------------------------------------------------------------------------------------------------
@pytest.mark.skipif(not KOREAN, reason="no font on this machine has Hangul")
def test_korean_is_drawn_in_a_font_that_has_it(brought, tmp_path):
    """A glyph that is missing would be a warning, and so an error here."""
    english, korean = (perform(brought, lang=lang) for lang in ("en", "ko"))
    write(english, tmp_path / "en")
    write(korean, tmp_path / "ko")
    assert (tmp_path / "en" / "own.svg").read_bytes() != (tmp_path / "ko" / "own.svg").read_bytes()
    assert "Install one" not in report(korean)


def test_without_hangul_the_figure_is_english_and_a_font_is_named(brought, tmp_path, monkeypatch):
    write(perform(brought, lang="en"), tmp_path / "en")
    monkeypatch.setattr(style, "hangul_font", lambda: None)
    korean = perform(brought, lang="ko")
    write(korean, tmp_path / "ko")
    assert (tmp_path / "en" / "own.svg").read_bytes() == (tmp_path / "ko" / "own.svg").read_bytes()
    assert "fonts-nanum" in report(korean)


def test_a_font_without_hangul_is_known():
    assert not style.has_hangul(matplotlib.get_data_path() + "/fonts/ttf/DejaVuSans.ttf")
    assert not style.has_hangul(__file__)


def test_lines_of_hangul_are_as_wide_as_others():
    text = wrapped("가나다 라마바 사아자", width=14)
    assert text == "가나다 라마바\n사아자"


# -- the command -------------------------------------------------------------------------------------------------------
def test_the_command_runs_a_file_of_ones_own(own, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.main(["experiment", "--import", str(own), "--out", str(out), "--set", "points=4", "--seed", "2"]) == 0
    printed, err = capsys.readouterr()
    assert err == ""
    for part in (
        "What to see",
        "A line.",
        "points = 4, factor = 1",
        "seed 2",
        "confirmed in part",
        "by 3.0",
        "own.png",
    ):
        assert part in printed
    assert "\r" not in printed
    assert max(map(len, printed.splitlines()[:-1])) <= 100
    assert sorted(path.name for path in out.iterdir()) == ["own.json", "own.png", "own.svg"]


def test_the_experiment_of_the_docs_runs_as_a_file(tmp_path, capsys):
    page = Path(__file__).resolve().parent.parent / "docs" / "experiments.md"
    if not page.is_file():
        pytest.skip(f"no {page} here: these are the tests of an installed wheel")
    code = next(b for b in re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S) if "class" in b)
    assert len(code.splitlines()) <= 45
    path = tmp_path / "step_size.py"
    path.write_text(code, encoding="utf-8")
    EXPERIMENTS.pop("step-size", None)  # the test of the page has run it too
    arguments = ["experiment", "step-size", "--import", str(path), "--quick", "--lang", "ko", "--out", str(tmp_path)]
    try:
        assert cli.main(arguments) == 0
    finally:
        EXPERIMENTS.pop("step-size", None)
    assert "판정: 확인됨" in capsys.readouterr().out
    assert (tmp_path / "step-size.svg").is_file()


def test_the_command_speaks_korean(own, tmp_path, capsys):
    arguments = ["experiment", "momentum-speed", "--quick", "--lang", "ko", "--out", str(tmp_path)]
    assert cli.main(arguments) == 0
    printed = capsys.readouterr().out
    for part in ("무엇을 보고", "판정: 확인됨", "짧은 형태"):
        assert part in printed


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["none"], "there is no experiment 'none'; there are optimizer-paths"),
        ([], "give a name, or --all"),
        (["momentum-speed", "--set", "steps"], "NAME=VALUE, not 'steps'"),
        (["momentum-speed", "--set", "stops=1"], "momentum-speed has no setting stops"),
        (["momentum-speed", "--data", "iris"], "not on iris: it needs no data"),
        (["--import", "no_such_module"], "--import no_such_module: No module named"),
        (["--import", "no/such.py"], "--import no/such.py: there is no such file"),
    ],
)
def test_bad_arguments_are_one_sentence(arguments, text, capsys, tmp_path):
    assert cli.main(["experiment", *arguments, "--out", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert text in err
    assert len(err.splitlines()) == 1


def test_an_error_in_an_experiment_is_not_hidden(brought, tmp_path, monkeypatch):
    """A mistake of whoever writes one: its traceback, not a sentence."""

    def measure(self, run):
        raise ValueError("a mistake of its author")

    monkeypatch.setattr(find(brought), "measure", measure)
    with pytest.raises(ValueError, match="a mistake of its author"):
        cli.main(["experiment", "own", "--out", str(tmp_path)])


def test_the_list_has_every_name_in_order(capsys):
    assert cli.main(["experiment", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines][: len(NAMES)] == list(NAMES)
    assert cli.main(["experiment", "--list", "--lang", "ko"]) == 0
    assert "골짜기" in capsys.readouterr().out


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.sources, self.ids, self.links = [], [], [], []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.sources += [found["src"]] if tag == "img" else []
        self.links += [found["href"]] if tag == "a" else []
        self.ids += [found["id"]] if "id" in found else []
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_page_shows_every_figure(brought, tmp_path, lang):
    results = [perform(name, quick=True, lang=lang) for name in ("momentum-speed", brought)]
    for result in results:
        write(result, tmp_path)
    text = index.write(results, tmp_path).read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    assert page.open == []
    assert page.ids == ["momentum-speed", "own"]
    assert page.sources == ["momentum-speed.svg", "own.svg"]
    assert all((tmp_path / link).exists() or link[1:] in page.ids for link in page.links)
    assert ("확인됨" if lang == "ko" else "confirmed in part") in text


def test_several_experiments_give_a_page(own, tmp_path, capsys):
    arguments = ["experiment", "own", "momentum-speed", "--import", str(own), "--quick", "--out", str(tmp_path)]
    assert cli.main(arguments) == 0
    assert "[2/2] momentum-speed" in capsys.readouterr().out
    assert (tmp_path / "index.html").exists()


# -- data, nets, training ----------------------------------------------------------------------------------------------
def test_data_sets_are_scaled_and_split():
    iris, raw, digits = load("iris", seed=1), load("iris", seed=1, standard=False), load("digits", seed=1)
    np.testing.assert_allclose(iris.x.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(iris.x.std(axis=0), 1, atol=1e-5)
    np.testing.assert_allclose(iris.x_test, (raw.x_test - raw.x.mean(axis=0)) / raw.x.std(axis=0), rtol=1e-4, atol=1e-5)
    assert (digits.x.min(), digits.x.max(), digits.sizes) == (0, 1, (64, 10))
    assert sorted(np.bincount(iris.t_test)) == [10, 10, 10]
    with pytest.raises(ValueError, match="no data set 'wine'"):
        load("wine")


def test_mnist_is_read_from_a_folder(tmp_path, rng):
    def idx(name, array):
        header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
        (tmp_path / name).write_bytes(header + array.astype(np.uint8).tobytes())

    for part, n in (("train", 30), ("t10k", 10)):
        idx(f"{part}-images-idx3-ubyte", rng.integers(0, 256, (n, 28, 28)))
        idx(f"{part}-labels-idx1-ubyte", np.arange(n) % 10)
    data = load("mnist", tmp_path)
    assert (data.x.shape, data.x_test.shape, data.sizes) == ((30, 784), (10, 784), (784, 10))
    assert data.x.dtype == np.float32
    assert 0 <= data.x.min() < 0.1 < 0.9 < data.x.max() <= 1
    with pytest.raises(FileNotFoundError, match="is no folder"):
        load("mnist", tmp_path / "none")


def test_missing_mnist_is_one_sentence(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("FASTGRAD_MNIST_DIR", raising=False)
    assert cli.main(["experiment", "init-race", "--data", "mnist", "--out", str(tmp_path)]) == 2
    assert "no folder is given" in capsys.readouterr().err


def test_nets_have_the_initial_values_that_were_asked_for(rng):
    for init, std in (("he_normal", np.sqrt(2 / 400)), ("xavier_normal", np.sqrt(2 / 700)), (0.01, 0.01), ("zeros", 0)):
        net = mlp((400, 300, 5), init=init, rng=rng)
        assert net[0].weight.data.std() == pytest.approx(std, rel=0.02)
        assert not net[0].bias.data.any()
    kinds = [type(module).__name__ for module in mlp((4, 3, 2), fg.nn.Tanh, batch_norm=True)]
    assert kinds == ["Linear", "BatchNorm1d", "Tanh", "Linear"]


def test_training_takes_every_row_once_an_epoch(rng):
    x, seen = np.arange(10, dtype=np.float32)[:, None], []
    net = fg.nn.Linear(1, 1)
    epochs = []

    def loss(out, t):
        fg.kernels.host(lambda rows: seen.append(rows.copy()), t.data)
        return (out - t.to(fg.float32)[:, None]).abs().mean()

    optimizer = fg.optim.SGD(net.parameters(), lr=0.01)
    losses = train(net, optimizer, x, np.arange(10), epochs=3, batch=5, rng=rng, each=epochs.append, loss=loss)
    assert len(losses) == 6
    assert epochs == [0, 1, 2]
    rows = np.concatenate(seen[:2])
    assert sorted(rows) == list(range(10))


def test_evaluation_leaves_the_mode_as_it_was(rng):
    net = mlp((4, 8, 3), batch_norm=True, rng=rng)
    x, t = rng.standard_normal((20, 4), dtype=np.float32), rng.integers(0, 3, 20)
    before = net[1].running_mean.numpy().copy()
    loss, right = evaluate(net, x, t)
    assert net.training
    np.testing.assert_array_equal(net[1].running_mean.numpy(), before)
    logits = net.eval()(fg.from_numpy(x)).detach().numpy().astype(np.float64)
    logp = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    assert loss == pytest.approx(-logp[np.arange(20), t].mean(), rel=1e-5)
    assert right == np.mean(logits.argmax(axis=1) == t)
