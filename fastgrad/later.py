"""Parts of a package that are loaded when they are first asked for, so that importing fastgrad stays short."""

import importlib
import sys

__all__ = ["attributes"]


def attributes(package, parts=()):
    """The ``__getattr__`` and ``__dir__`` of a package, for ``__getattr__, __dir__ = attributes(__name__, parts)``.

    `parts`: module of the package -> the names it gives to the package, or ``()`` for the module itself. Any other name
    is refused by a sentence that says what to write instead.
    """
    home = {name: module for module, names in dict(parts).items() for name in names or (module,)}

    def get(name):
        if name not in home:
            from .missing import refusal

            raise refusal(package, name)
        module = importlib.import_module(f"{package}.{home[name]}")
        found = module if name == home[name] and not parts[name] else getattr(module, name)
        setattr(sys.modules[package], name, found)
        return found

    def names():
        return sorted({*vars(sys.modules[package]), *home})

    return get, names
