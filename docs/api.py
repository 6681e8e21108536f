"""Writes the API pages from the docstrings, with pdoc: ``python docs/api.py build/docs``.

A kernel's documentation is that of its definition, the reference function of the same name and arguments.
"""

import pkgutil
import sys
import warnings
from inspect import ismodule
from pathlib import Path

import pdoc

import fastgrad
from fastgrad import kernels


def names_of(module, elsewhere):
    """What a package offers, its modules last, but for what another page shows. (pdoc lists what is defined in it.)"""
    here = [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_") and callable(thing) and not ismodule(thing) and name not in elsewhere
    ]
    modules = [found.name for found in pkgutil.iter_modules(module.__path__) if not found.name.startswith("_")]
    return list(dict.fromkeys(here + modules))


def main(folder):
    # Beside the source tree pdoc says which of two it takes: the one that was imported, which is meant.
    warnings.filterwarnings("ignore", message=".*may refer to either the installed Python module")
    fastgrad.__all__ = names_of(fastgrad, elsewhere=fastgrad.ops.__all__)
    for name, kernel in kernels.KERNELS.items():
        setattr(kernels, name, kernel.reference)
    pdoc.render.configure(docformat="markdown", footer_text=f"fastgrad {fastgrad.__version__}", search=True)
    pdoc.pdoc("fastgrad", "!fastgrad.__main__", output_directory=Path(folder))
    print(f"{len(list(Path(folder).rglob('*.html')))} pages in {folder}: begin with {folder}/fastgrad.html")


if __name__ == "__main__":
    main(sys.argv[1])
