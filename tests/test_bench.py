"""bench optim and bench compare: what they run and write, that wrong answers are refused, and what counts as noise."""

import copy
import itertools
import json
import os
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from fastgrad import cli, kernels
from fastgrad.bench import compare, figure, optim, result, spawn
from fastgrad.bench.ours import Case, loop_for
from fastgrad.bench.peers import clock
from fastgrad.optim import RULES
from fastgrad.show import roofline

TINY = {"shapes": [(3, 4), (5,), (1,)], "dtype": "float32", "check": True, "small": 1e-8}


# -- the command -------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A result of two rules at two tiny sizes: its path, and the picture's."""
    folder = tmp_path_factory.mktemp("bench")
    paths = folder / "result.json", folder / "picture.svg"
    words = ["--rules", "adam,SGD", "--sizes", "300,2x8x4", "--dtypes", "float32,float64", "--rounds", "1"]
    words += ["--peer", "numpy", "--threads", "1", "--json", str(paths[0]), "--plot", str(paths[1])]
    assert cli.main(["bench", "optim", *words]) == 0
    return paths


def test_the_file_says_what_ran_and_every_round(measured):
    found = result.read(measured[0])
    machine = found["machine"]
    assert {"processor", "system", "processors", "python", "numpy", "fastgrad", "missing"} <= set(machine)
    assert {"isa", "threads", "blas", "version"} <= set(machine["fastgrad"])
    assert machine["fastgrad"]["threads"] == 1
    assert found["options"]["rules"] == ["Adam", "SGD"]
    assert len(found["results"]) == 2 * 2 * 2
    for entry in found["results"]:
        assert set(entry["rounds"]) == {"fastgrad", "loop", "numpy"}
        assert all(len(rounds) == 1 and 1 <= len(rounds[0]) <= optim.TURNS for rounds in entry["rounds"].values())
        assert entry["check"] == {"numpy": "the same bits"}
        assert len(entry["others"]) == 1
    by_rule = {entry["rule"]: entry for entry in found["results"]}
    assert by_rule["Adam"]["bytes"] == {"float32": 28, "float64": 56}
    assert by_rule["SGD"]["bytes"] == {"float32": 12, "float64": 24}
    assert by_rule["Adam"]["loop"] == "stream3"
    assert by_rule["Adam"]["launches"] == ["adam"]
    assert (by_rule["SGD"]["tensors"], by_rule["SGD"]["parameters"]) == (2, 64)


def test_the_picture_stands_alone(measured):
    root = ElementTree.parse(measured[1]).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    words = "".join(root.itertext())
    for text in ("Adam", "SGD", "float64", "plain loops", "bytes a parameter", "GB/s", kernels.info()["isa"]):
        assert text in words


def test_the_tables(measured):
    from fastgrad.bench.tables import heading, tables

    text = heading(result.read(measured[0])) + tables(result.read(measured[0]))
    assert "300: 1 tensor, 300 parameters, float32" in text
    assert "2x8x4: 2 tensors, 64 parameters, float64" in text
    assert "x numpy" in text
    assert "BLAS core" in text
    assert max(map(len, tables(result.read(measured[0])).splitlines())) <= 120


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--rules", "Adamm"], "no rule Adamm; there are"),
        (["--sizes", "big"], "no size: 'big'; sizes are mlp"),
        (["--sizes", "0"], "no size: '0'"),
        (["--dtypes", "int8"], "float32 and float64 are measured, not int8"),
        (["--isa", "sse9"], "this machine runs baseline"),
        (["--import", "no_such_module"], "--import no_such_module"),
        (["--peer-python", "scipy=/bin/python"], "NAME=PATH is of torch or jax, not of 'scipy'"),
    ],
)
def test_bad_arguments(words, text, capsys):
    assert cli.main(["bench", "optim", *words]) == 2
    assert text in capsys.readouterr().err


def test_a_peer_that_is_not_there_is_left_out_and_said_so(capsys):
    words = ["--rules", "sgd", "--sizes", "9", "--rounds", "1", "--peer", "jax", "--peer-python", sys.executable]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONNOUSERSITE", "1")
        patch.setattr(optim, "peer_command", lambda *a: [sys.executable, "-c", "raise ImportError('no jax here')"])
        assert cli.main(["bench", "optim", *words]) == 0
    assert "left out: jax: ImportError: no jax here" in capsys.readouterr().out


def test_a_case_too_large_is_not_begun(monkeypatch, capsys):
    monkeypatch.setattr(optim, "free_memory", lambda: 1000)
    assert cli.main(["bench", "optim", "--rules", "sgd", "--sizes", "1000", "--rounds", "1", "--peer", "none"]) == 1
    assert "SGD: no figure: it needs about 0.0 GB of memory" in capsys.readouterr().out


def test_importing_fastgrad_does_not_load_the_bench(python):
    code = "import fastgrad, sys; print([m for m in sys.modules if 'bench' in m or 'argparse' == m])"
    assert python(code).strip() == "[]"


@pytest.mark.parametrize(
    ("size", "shapes"), [("7", [(7,)]), ("2.5k", [(2500,)]), ("3x4", [(3, 4)]), ("2x3x4", [(3, 4)] * 2)]
)
def test_sizes(size, shapes):
    assert optim.shapes_of(size) == shapes


def test_the_mlp_is_the_one_of_the_report():
    assert (len(optim.shapes_of("mlp")), optim.elements("mlp")) == (14, 130_010)


# -- answers -----------------------------------------------------------------------------------------------------------
WRONG = """
from fastgrad import kernels
from fastgrad.optim import Optimizer

class Crooked(Optimizer):
    "Its native kernels make longer steps than its definition."

    def __init__(self, params, lr=0.1):
        super().__init__(params, {"lr": lr})

    def kernel(self, group):
        return kernels.sgd

    def scalars(self, group, t):
        return group["lr"] * (1.0000001 if kernels.info()["kernels"] == "native" else 1.0), 0.0
"""


def test_a_wrong_rule_gets_no_figure(tmp_path, monkeypatch, capsys):
    (tmp_path / "crooked_rule.py").write_text(WRONG)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    words = ["--import", "crooked_rule", "--rules", "Crooked,SGD", "--sizes", "50", "--rounds", "1", "--peer", "none"]
    try:
        assert cli.main(["bench", "optim", *words]) == 1
    finally:
        RULES.pop("Crooked", None)
        sys.modules.pop("crooked_rule", None)
    out = capsys.readouterr().out
    assert "Crooked: no figure: WRONG ANSWER: native and reference: not the same bits" in out
    assert not any(line.split()[:1] == ["Crooked"] for line in out.splitlines())
    assert any(line.split()[:1] == ["SGD"] for line in out.splitlines())


def tiny(name):
    """A small case of a rule; Muon moves matrices alone."""
    return {"rule": name, **TINY, **({"shapes": [(3, 4), (2, 2)]} if name == "Muon" else {})}


def answer(name, **switch):
    with kernels.use(**switch):
        return Case(tiny(name)).answer()


@pytest.mark.parametrize("name", RULES)
def test_every_rule_passes_and_its_spoilt_answers_do_not(name):
    ours, reference = answer(name, which="native"), answer(name, which="reference")
    assert optim.against_reference(ours, reference) == ""
    still = {**ours, "moved": [0.0] * len(ours["moved"])}
    assert "moved nothing" in optim.against_reference(still, still)
    spoilt_ones = [{**ours, "exact": False, "moved": [-x for x in ours["moved"]]}]
    spoilt_ones += [{**ours, "bits": "other"}] if ours["exact"] else []  # products are promised no bits
    for spoilt in spoilt_ones:
        assert optim.against_reference(spoilt, reference)
    assert ours["bytes"]["float32"] >= 12
    assert ours["loop"].startswith("stream")


@pytest.mark.parametrize(
    ("spoil", "good"),
    [
        (lambda x: x, True),
        (lambda x: x * (1 + 1e-5), True),
        (lambda x: -x, False),
        (lambda x: 0 * x, False),
        (lambda x: 1.01 * x, False),
        (lambda x: x + 0.01, False),
        (lambda x: np.append(x[:-1], np.nan), False),
        (lambda x: x[:-1], False),
    ],
)
def test_how_far_two_libraries_may_differ(spoil, good, rng):
    moved = rng.standard_normal(100)
    assert (optim.far(moved, spoil(moved)) == "") is good


def test_a_peer_with_another_answer_has_no_figures():
    ours = {"exact": True, "bits": "b", "moved": [1.0, 2.0]}
    for theirs, word in (([1.0, 2.0], "agrees"), ([1.0, -2.0], "WRONG ANSWER")):
        entry = {"rule": "SGD", "check": {}, "unable": {}}
        peer = {"same": True, "moved": {"fused": theirs}}
        assert optim.check(entry, {"fastgrad": ours, "numpy": ours, "torch": peer}) == ""
        assert entry["check"] == {"numpy": "the same bits", "torch": word}
        assert ("torch" in entry["unable"]) is (word != "agrees")


@pytest.mark.parametrize("name", RULES)
def test_torchs_rules_are_ours(name):
    torch = pytest.importorskip("torch")
    from fastgrad.bench.peers import serve, with_torch

    ours = answer(name, which="native")
    try:
        theirs, calls = with_torch.prepare(torch, {"options": ours["options"], **tiny(name)})
    except serve.Unable as error:
        pytest.skip(str(error))
    assert theirs["moved"].keys() == calls.keys()
    if theirs["same"]:
        for mode, moved in theirs["moved"].items():
            assert optim.far(ours["moved"], moved) == "", mode


def test_the_loop_is_the_one_with_the_rules_reads_and_writes():
    assert [loop_for(w)[1] for w in (2, 3, 5, 7, 9, 40)] == ["stream1", *(f"stream{k}" for k in (1, 2, 3, 4, 4))]
    for words, name in ((3, "stream1"), (9, "stream4")):
        signature = kernels.KERNELS[name].signature
        assert signature.count("[n]") + signature.count("=") == words


# -- children ----------------------------------------------------------------------------------------------------------
def test_children_start_without_variables_that_change_other_libraries(monkeypatch):
    for name in ("OPENBLAS_CORETYPE", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "KEPT"):
        monkeypatch.setenv(name, "1")
    assert {"KEPT", "ADDED"} <= set(spawn.clean_environment(ADDED="2"))
    assert not any(name.startswith(spawn.REMOVED) for name in spawn.clean_environment())


def test_a_child_that_ends_is_heard():
    child = spawn.Child("it", [sys.executable, "-c", "import sys; sys.exit('last words')"])
    child.process.wait()
    with pytest.raises(RuntimeError, match="it: last words"):
        child.ask("about")
    child.close()


def test_a_peer_needs_no_fastgrad():
    program = "import sys; print(0 if 'fastgrad' in sys.modules or 'numpy' not in sys.modules else 1)"
    command = spawn.peer_command(sys.executable, "clock")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command[-1] += f"; {program}"
    assert spawn.run_json(command, environment) == 1


def test_drawn_numbers_are_the_same_however_large_the_array(rng):
    small, large = np.empty(1000, np.float32), np.empty(clock.BLOCK + 1000, np.float32)
    clock.draw_into(large, [1, 2], 0.5)
    clock.draw_into(small, [1, 2], 0.5)
    np.testing.assert_array_equal(large[:1000], large[clock.BLOCK :])
    np.testing.assert_array_equal(small, clock.draw([1, 2], 1000, scale=0.5))


def test_a_clock_makes_turns_long_enough():
    calls = []
    one = clock.Clock(lambda: calls.append(1))
    assert 0 < one.turn(0.002) < 1e-4
    assert one.inner > 10
    before = len(calls)
    one.turn()
    assert len(calls) == before + one.inner + 1


# -- two results -------------------------------------------------------------------------------------------------------
def synthetic(rng, factor=1.0, drift=1.0, rounds=5, noise=0.03, lines=20):
    """A result whose rounds scatter, with a step `factor` times as long on a machine `drift` times as slow."""

    def figures(scale):
        process = rng.lognormal(np.log(scale * drift), noise, rounds)
        return [(one * rng.lognormal(0, noise / 2, 3)).tolist() for one in process]

    entry = {"size": "mlp", "dtype": "float32", "parameters": 10, "bytes": {"float32": 12.0, "float64": 24.0}}
    entries = [
        {
            **entry,
            "rule": f"R{k}",
            "rounds": {"fastgrad": figures(1e-5 * factor), "loop": figures(9e-6), "numpy": figures(1e-4)},
        }
        for k in range(lines)
    ]
    return {"machine": {"processor": "P", "fastgrad": {"isa": "avx2"}}, "results": entries}


def verdicts(before, after):
    return [line.verdict for line in compare.compare(before, after)]


@pytest.mark.parametrize("noise", [0.002, 0.03, 0.2])
def test_two_runs_of_one_build_do_not_differ(noise, rng):
    found = [v for _ in range(25) for v in verdicts(synthetic(rng, noise=noise), synthetic(rng, noise=noise))]
    assert found.count("no difference") >= 0.995 * len(found)


@pytest.mark.parametrize("drift", [0.7, 1.4])
def test_a_slow_machine_is_not_a_slow_build(drift, rng):
    found = verdicts(synthetic(rng), synthetic(rng, drift=drift))
    assert found.count("no difference") >= 0.95 * len(found)


@pytest.mark.parametrize(("factor", "word"), [(1.3, "slower"), (1 / 1.3, "faster")])
@pytest.mark.parametrize("drift", [0.95, 1.05])
def test_a_real_difference_is_seen(factor, word, drift, rng):
    found = verdicts(synthetic(rng, noise=0.02), synthetic(rng, factor, drift=drift, noise=0.02))
    assert found.count(word) >= 0.9 * len(found)


def test_what_is_too_small_or_too_seldom_seen_is_no_difference(rng):
    quiet = synthetic(rng, noise=1e-4)
    assert set(verdicts(quiet, synthetic(rng, 1.03, noise=1e-4))) == {"no difference"}
    few = synthetic(rng, 2.0, rounds=3)
    assert set(verdicts(synthetic(rng, rounds=3), few)) == {"no difference"}
    assert "20 of 20 lines have fewer than 5 rounds" in compare.report(synthetic(rng, rounds=3), few)


def test_disturbed_rounds_do_not_count(rng):
    before, after = synthetic(rng, noise=0.01, rounds=8), synthetic(rng, noise=0.01, rounds=8)
    for entry in after["results"]:
        entry["others"] = [0.0] * 5 + [1.0] * 3
        entry["rounds"]["fastgrad"][5:] = [[1.0]] * 3
    assert set(verdicts(before, after)) == {"no difference"}
    slow = synthetic(rng, 1.5, noise=0.01, rounds=8)
    for entry in slow["results"]:
        entry["others"] = [0.0] * 5 + [1.0] * 3
    assert set(verdicts(before, slow)) == {"slower"}
    for entry in slow["results"]:
        entry["others"] = [0.0] * 4 + [1.0] * 4
    assert set(verdicts(before, slow)) == {"no difference"}
    assert "that nobody disturbed" in compare.report(before, slow)


def test_a_large_rule_is_held_against_the_loop_beside_it(rng):
    before, after = synthetic(rng, noise=0.01), synthetic(rng, 1.5, noise=0.01)
    assert set(verdicts(before, after)) == {"slower"}
    for entry in after["results"]:
        entry["rounds"]["loop"] = [[1.5 * x for x in turns] for turns in entry["rounds"]["loop"]]
    assert set(verdicts(before, after)) == {"slower"}, "small: the launch has become slower"
    for entry in before["results"]:
        entry["parameters"] = 2_000_000
    assert set(verdicts(before, after)) == {"no difference"}, "large: the memory has"


def test_the_rank_sum_is_counted_exactly():
    for m, n in ((1, 1), (2, 3), (4, 4), (5, 5)):
        orders = list(itertools.combinations(range(m + n), m))
        every = [sum(x > y for x in o for y in set(range(m + n)) - set(o)) for o in orders]
        for order, u in zip(orders, every, strict=True):
            least = min(u, m * n - u)
            expected = min(1.0, 2 * sum(v <= least for v in every) / len(every))
            assert compare.rank_sum(order, sorted(set(range(m + n)) - set(order))) == pytest.approx(expected)
    assert compare.rank_sum([1, 1, 1], [1, 1, 1]) == 1.0
    assert compare.rank_sum(range(5), range(5, 10)) <= compare.LEVEL < compare.rank_sum(range(4), range(4, 8))


def test_compare_reads_two_files(measured, tmp_path, capsys):
    assert cli.main(["bench", "compare", str(measured[0]), str(measured[0]), "--all"]) == 0
    out = capsys.readouterr().out
    assert "8 lines: 0 faster, 0 slower, 8 no difference" in out
    assert sum(line.endswith("no difference") for line in out.splitlines()) == 8 + 1
    other = json.loads(measured[0].read_text())
    other["machine"].update(processor="another")
    other["machine"]["fastgrad"]["isa"] = "older"
    other["results"] = other["results"][1:]
    (tmp_path / "other.json").write_text(json.dumps(other))
    assert cli.main(["bench", "compare", str(measured[0]), str(tmp_path / "other.json")]) == 0
    out = capsys.readouterr().out
    assert "Not the same machine: processor" in out
    assert "isa" in out
    assert "in the first alone: Adam 300 float32" in out


def spoil(measured, change):
    found = json.loads(measured[0].read_text())
    change(found)
    return json.dumps(found)


SPOILT = {
    "not JSON": (lambda m: "{", "damaged, or no JSON"),
    "cut short": (lambda m: m[0].read_text()[:-200], "damaged, or no JSON"),
    "a list": (lambda m: "[]", 'not written by "bench optim"'),
    "foreign": (lambda m: '{"benchmarks": []}', 'not written by "bench optim"'),
    "newer": (lambda m: spoil(m, lambda r: r.update(version=99)), "of another fastgrad: version 99"),
    "no machine": (lambda m: spoil(m, lambda r: r.pop("machine")), "machine is missing"),
    "no results": (lambda m: spoil(m, lambda r: r.update(results=3)), "results is missing"),
    "no entry": (lambda m: spoil(m, lambda r: r["results"].__setitem__(1, 7)), r"results\[1\]: a int, not a dict"),
    "no rule": (lambda m: spoil(m, lambda r: r["results"][0].pop("rule")), r"results\[0\]: rule is missing"),
    "no bytes": (lambda m: spoil(m, lambda r: r["results"][0].update(bytes={})), "bytes are not two positive numbers"),
    "no figures": (lambda m: spoil(m, lambda r: r["results"][2]["rounds"].pop("fastgrad")), "rounds has no fastgrad"),
    "no rounds": (
        lambda m: spoil(m, lambda r: r["results"][2]["rounds"].update(loop=[])),
        "rounds of loop are no list",
    ),
    "nan": (lambda m: spoil(m, lambda r: r["results"][0]["rounds"].update(loop=[[float("nan")]])), "positive numbers"),
    "a word": (lambda m: spoil(m, lambda r: r["results"][0]["rounds"].update(loop=[["1"]])), "positive numbers"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_damaged_and_foreign_files_are_refused_by_name(how, measured, tmp_path, capsys):
    make, text = SPOILT[how]
    path = tmp_path / "spoilt.json"
    path.write_text(make(measured))
    with pytest.raises(result.BadResult, match=text):
        result.read(path)
    assert cli.main(["bench", "compare", str(measured[0]), str(path)]) == 2
    assert "spoilt.json" in capsys.readouterr().err


def test_a_file_that_is_not_there(capsys, tmp_path):
    assert cli.main(["bench", "compare", str(tmp_path / "none.json"), "b.json"]) == 2
    assert "none.json: cannot be read: No such file" in capsys.readouterr().err


# -- the picture -------------------------------------------------------------------------------------------------------
def test_labels_do_not_overlap(rng):
    for n in (1, 2, 7, 20):
        places = sorted(rng.uniform(300, 400, n).tolist())
        found = roofline.apart(places, 420)
        assert np.all(np.diff(found) >= roofline.LINE - 1e-9)
        assert max(found) <= 420
    assert roofline.apart([10.0, 100.0], 400) == [10.0, 100.0]


def test_a_picture_of_many_rules(measured):
    found = result.read(measured[0])
    for name in ("A<b", "Other"):
        more = copy.deepcopy(found["results"][0])
        more["rule"] = name
        found["results"].append(more)
    found["results"].append({"rule": "Bad", "size": "1", "dtype": "float32", "failed": "why"})
    assert "A&lt;b" in figure.picture(found)
    ElementTree.fromstring(figure.picture(found))
