"""Experiments: figures and tables of the lectures, each from a run of its own, with what it proves.

``python -m fastgrad experiment --list`` names them. A new one is a class: see `Experiment`, and `docs/experiments.md`.

>>> from fastgrad import experiments
>>> result = experiments.perform("momentum-speed", quick=True)
>>> result.verdict
'confirmed'

``experiments.write(result, folder)`` draws it.
"""

from .experiment import EXPERIMENTS, Experiment, Run
from .perform import Finding, Result, find, perform, prepare, write

__all__ = ["EXPERIMENTS", "Experiment", "Finding", "Result", "Run", "find", "perform", "prepare", "write"]
