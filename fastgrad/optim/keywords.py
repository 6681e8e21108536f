"""Keywords that every rule's constructor takes: Keras's name of lr, and the defaults of another book."""

import functools
import inspect

__all__ = ["takes_keywords"]


def takes_keywords(init):
    """A rule's ``__init__`` that also takes ``learning_rate=`` and ``convention=``."""

    @functools.wraps(init)
    def with_them(self, *args, **given):
        if "learning_rate" in given:
            if "lr" in given or len(args) > 1:
                raise TypeError(f"{type(self).__name__}: lr and learning_rate are one option; give one of them")
            given["lr"] = given.pop("learning_rate")
        convention = given.pop("convention", None)
        if convention is not None:
            from .conventions import preset

            by_position = list(inspect.signature(init).parameters)[1 : 1 + len(args)]
            found = preset(convention, type(self).__name__)
            given = {**{k: v for k, v in found.items() if k not in by_position}, **given}
        init(self, *args, **given)

    return with_them
