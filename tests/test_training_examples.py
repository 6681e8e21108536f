"""The examples of training: an ensemble on digits, MNIST, transfer. They reach what they say."""

import importlib.util
import os
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def example(name):
    path = EXAMPLES / f"{name}.py"
    if not path.exists():
        pytest.skip(f"{path} is not there: these tests run without the source tree")
    spec = importlib.util.spec_from_file_location(f"example_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_transfer(capsys):
    """The frozen trunk keeps its bits, which the example asserts, and is worth more than one that learnt nothing."""
    scores = example("transfer").main(seed=2)
    assert scores["learnt"] > scores["random"]
    assert scores["learnt"] > 0.9
    assert capsys.readouterr().out.count("rates 0.02, 0.01, 0.005, 0.0025") == 2


def test_the_ensemble_on_digits_in_short():
    """Five epochs of a hundred: every part runs, and most digits are told apart."""
    scores = example("digits_ensemble").run(seed=0, epochs=5, progress=False)
    assert len(scores.members) == 5
    assert scores.ensemble > 0.93


@pytest.mark.slow
def test_the_ensemble_on_digits():
    scores = example("digits_ensemble").run(seed=0, progress=False)
    assert scores.ensemble >= 0.985


@pytest.mark.slow
def test_mnist(capsys):
    if not os.environ.get("FASTGRAD_MNIST_DIR"):
        pytest.skip("FASTGRAD_MNIST_DIR names no folder with MNIST's files")
    accuracy, seconds = example("mnist").main(progress=False)
    assert accuracy >= 0.96
    assert seconds < 60
    assert "held-out images" in capsys.readouterr().out
