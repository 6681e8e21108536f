"""History: columns of numbers, the best epoch, pictures."""

import math
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from fastgrad.train import History


def history(epochs=3):
    h = History()
    for n in range(epochs):
        h.append({"loss": 10.0 ** -(2 * n), "accuracy": 0.5 + 0.1 * n, "val_loss": 1.0 + (n - 1) ** 2, "lr": 0.1}, 0.5)
    return h


def test_columns_are_arrays():
    h = history()
    assert h.epochs.tolist() == [1, 2, 3]
    assert h["loss"].tolist() == [1.0, 1e-2, 1e-4]
    assert list(h) == ["loss", "accuracy", "val_loss", "lr"]
    assert "loss" in h
    assert "val_accuracy" not in h
    assert len(h) == len(h.seconds) == 3
    assert h.last() == {"loss": 1e-4, "accuracy": 0.7, "val_loss": 2.0, "lr": 0.1}
    with pytest.raises(KeyError, match="no 'auc'; it has loss, accuracy"):
        h["auc"]


def test_numbers_that_are_missing_are_nan():
    h = history(1)
    h.append({"loss": 2.0, "extra": 1.0})
    assert np.isnan(h["accuracy"]).tolist() == [False, True]
    assert np.isnan(h["extra"]).tolist() == [True, False]


def test_the_best_epoch():
    h = history()
    assert (h.best(), h.best("accuracy"), h.best("accuracy", "min")) == (2, 3, 1)
    h.columns["val_loss"] = [math.nan, 5.0, math.nan]
    assert h.best() == 2
    h.columns["val_loss"] = [math.nan] * 3
    with pytest.raises(ValueError, match="no number 'val_loss'"):
        h.best()


def test_state():
    h, other = history(), History()
    h.why_eager, h.stopped = "because", "early"
    other.load_state_dict(h.state_dict())
    assert other.state_dict().keys() == h.state_dict().keys()
    assert other["loss"].tolist() == h["loss"].tolist()
    assert (other.why_eager, other.stopped, other.seconds) == ("because", "early", h.seconds)
    for bad in (3, {"loss": [1.0]}, {**h.state_dict(), "seconds": np.zeros(2)}):
        with pytest.raises(ValueError, match="load_state_dict"):
            other.load_state_dict(bad)
    assert len(other) == 3


def test_a_picture(tmp_path):
    h = history()
    text = h.plot(tmp_path / "h.svg")
    assert (tmp_path / "h.svg").read_text() == text == h.plot()
    words = [node.text for node in ElementTree.fromstring(text).iter() if node.text]
    for part in ("Loss", "Accuracy", "Learning rate", "epoch", "training", "validation"):
        assert part in words
    assert "0.0001" in words  # a loss that falls by powers of ten is drawn so
    with pytest.raises(ValueError, match=r"h.gif: write .svg, .png or .pdf"):
        h.plot(tmp_path / "h.gif")
    with pytest.raises(ValueError, match="no epoch yet"):
        History().plot()


def test_numbers_that_cannot_be_drawn_are_left_out():
    h = History()
    h.append({"loss": math.nan, "lr": 0.1})
    assert "Loss" not in h.plot()
    h = History()
    h.append({"loss": math.inf})
    with pytest.raises(ValueError, match="no finite number"):
        h.plot()


def test_a_picture_by_matplotlib(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    history().plot(tmp_path / "h.png")
    assert (tmp_path / "h.png").read_bytes().startswith(b"\x89PNG")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'pip install "fastgrad\[plot\]"'):
        history().plot(tmp_path / "h.png")
