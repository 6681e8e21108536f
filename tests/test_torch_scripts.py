"""Small PyTorch scripts run on fastgrad, with the word torch replaced in their import lines, and print the same losses.

What PyTorch 2.13 printed stands in torch_scripts/losses.json (``python tests/test_torch_scripts.py`` writes it anew).
"""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parent / "torch_scripts"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py"))
RECORDED = FOLDER / "losses.json"
# A hundred steps of gradient descent in float32 carry a rounding error on; what is wrong is wrong in the first digits.
RTOL = {"second_derivatives": 1e-9, "module_class": 1e-4, "polynomial_nn": 1e-4}


def with_fastgrad(script):
    """The script with its imports of torch turned into imports of fastgrad."""
    text = (FOLDER / f"{script}.py").read_text()
    text = re.sub(r"^import torch$", "import fastgrad as torch", text, flags=re.M)
    text = re.sub(r"^(import|from) torch\b", r"\1 fastgrad", text, flags=re.M)
    assert not re.search(r"^(import|from) torch\b", text, flags=re.M)
    return text


def numbers(printed):
    return np.array([float(word) for word in printed.split()])


@pytest.mark.parametrize("script", SCRIPTS)
def test_prints_the_losses_that_pytorch_printed(script, python):
    expected = numbers(json.loads(RECORDED.read_text())[script])
    found = numbers(python(with_fastgrad(script)))
    assert len(found) == len(expected) > 5
    np.testing.assert_allclose(found, expected, rtol=RTOL.get(script, 2e-5))


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed: no fresh comparison")
@pytest.mark.parametrize("script", SCRIPTS)
def test_the_recorded_losses_are_pytorchs(script):
    np.testing.assert_allclose(
        numbers(run_with_torch(script)), numbers(json.loads(RECORDED.read_text())[script]), rtol=1e-4
    )


def run_with_torch(script):
    return subprocess.run(
        [sys.executable, str(FOLDER / f"{script}.py")], capture_output=True, text=True, check=True, timeout=120
    ).stdout


if __name__ == "__main__":
    RECORDED.write_text(json.dumps({script: run_with_torch(script) for script in SCRIPTS}, indent=1) + "\n")
