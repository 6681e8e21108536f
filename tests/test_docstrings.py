"""Every example in a docstring of fastgrad runs and prints what it says."""

import doctest
import importlib
import pkgutil

import pytest

import fastgrad

Kernel = type(fastgrad.kernels.add)
NEEDS = {"scikit": "sklearn", "estimator_base": "sklearn", "estimators": "sklearn"}  # in train: an extra
MODULES = ["fastgrad", *(found.name for found in pkgutil.walk_packages(fastgrad.__path__, "fastgrad."))]


class Finder(doctest.DocTestFinder):
    """Passes over kernels: they show the docstrings of their reference functions, which are found where these are."""

    def _from_module(self, module, object):
        return not isinstance(object, Kernel) and super()._from_module(module, object)


def examples(name):
    return [test for test in Finder(exclude_empty=True).find(importlib.import_module(name)) if test.examples]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of(name):
    if need := NEEDS.get(name.removeprefix("fastgrad.train.")):
        pytest.importorskip(need, reason=f"{name} needs {need}, which is not installed")
    for test in examples(name):
        report = []
        doctest.DocTestRunner().run(test, out=report.append)
        assert not report, "".join(report)


def test_there_are_examples():
    assert sum(len(examples(name)) for name in MODULES if name.rpartition(".")[2] not in NEEDS) >= 10
