"""Whether a thread records: no_grad, enable_grad, set_grad_enabled, inference_mode."""

from functools import wraps
from inspect import isgeneratorfunction

from ..tape import state
from ..tensor import set_grad

__all__ = ["enable_grad", "inference_mode", "is_grad_enabled", "no_grad", "set_grad_enabled"]


class _Switch(set_grad):
    """A context, and a decorator of functions and of generators, which are switched while they run and not between."""

    def __call__(self, function):
        if isgeneratorfunction(function):

            @wraps(function)
            def switched(*args, **kwargs):
                return (yield from _Resumed(function(*args, **kwargs), self.on))

        else:

            @wraps(function)
            def switched(*args, **kwargs):
                with set_grad(self.on):
                    return function(*args, **kwargs)

        return switched


class _Resumed:
    """A generator whose every resumption is switched."""

    def __init__(self, generator, on):
        self.generator, self.on = generator, on

    def __iter__(self):
        return self

    def __next__(self):
        return self.send(None)

    def send(self, value):
        with set_grad(self.on):
            return self.generator.send(value)

    def throw(self, *error):
        with set_grad(self.on):
            return self.generator.throw(*error)

    def close(self):
        with set_grad(self.on):
            self.generator.close()


class _Fixed(_Switch):
    """A switch to one position; a decorator with and without parentheses."""

    position = False

    def __new__(cls, function=None):
        return super().__new__(cls) if function is None else cls()(function)

    def __init__(self):
        super().__init__(self.position)


class no_grad(_Fixed):
    """Nothing is recorded inside: ``with no_grad(): ...`` or ``@no_grad()``."""


class enable_grad(_Fixed):
    """Records inside, whatever is switched outside."""

    position = True


class set_grad_enabled(_Switch):
    """Switches at once, ``set_grad_enabled(mode)``; as a context, until its end: ``with set_grad_enabled(train): ...``.

    As a decorator it switches the function and leaves the thread as it was.

    >>> import fastgrad as fg
    >>> with fg.set_grad_enabled(False):
    ...     fg.is_grad_enabled()
    False
    """

    def __init__(self, mode):
        super().__init__(bool(mode))
        self.before, state.grad = state.grad, self.on

    def __enter__(self):
        state.grad = self.on  # `before` was seen when this was made

    def __call__(self, function):
        state.grad = self.before
        return super().__call__(function)


class inference_mode(_Switch):
    """`no_grad` under the name that says what for; ``inference_mode(False)`` records.

    PyTorch's also makes tensors that can never be recorded afterwards; here they are ordinary ones.
    """

    def __new__(cls, mode=True):
        return cls()(mode) if callable(mode) else super().__new__(cls)

    def __init__(self, mode=True):
        super().__init__(not mode)


def is_grad_enabled():
    """Whether this thread records."""
    return state.grad
