"""What the definitions share: a quiet decorator, `out`, and lists of arrays."""

import functools
import inspect

import numpy as np

KERNELS: dict = {}  # name -> function: every definition there is


def kernel(function):
    """Registers a definition. It is as quiet about inf and NaN as the compiled kernel: they are results, not news."""

    @functools.wraps(function)
    def quiet(*args, **kwargs):
        with np.errstate(all="ignore"):
            return function(*args, **kwargs)

    KERNELS[function.__name__] = quiet
    return quiet


def give(result, out):
    """The result as an array; written into `out`, if there is one."""
    if out is None:
        return np.asarray(result)
    np.copyto(out, result, casting="same_kind")
    return out


def alike(*operands):
    """The operands as arrays of one dtype, the one NumPy would give their sum. A formula of Python numbers among them
    would be evaluated in float64, and its result alone rounded."""
    dtype = np.result_type(*operands)
    return [np.asarray(a, dtype) for a in operands]


def lists_of(arrays):
    """One array or several, as a list; None stays None."""
    return arrays if arrays is None or isinstance(arrays, (list, tuple)) else [arrays]


def each(arrays):
    """For a kernel of many tensors: its first `arrays` arguments are one array each, or lists of arrays of one length.

    The rule below the decorator sees one array each. Numbers reach it as Python floats: a NumPy float64 scalar would
    silently turn a float32 formula into a float64 one.
    """

    def decorate(rule):
        signature = inspect.signature(rule)
        names = list(signature.parameters)[:arrays]

        @functools.wraps(rule)
        def update(*args, **kwargs):
            given = signature.bind(*args, **kwargs).arguments
            lists = [lists_of(given.pop(name)) for name in names]
            numbers = {name: float(value) for name, value in given.items()}
            for tensors in zip(*lists, strict=True):
                rule(*tensors, **numbers)

        return kernel(update)

    return decorate
