"""Random numbers: one generator for initial values and shuffles, NumPy's own `Generator` over counter-based Philox."""

import numpy as np

__all__ = ["default_generator", "get_state", "initial_seed", "manual_seed", "set_state"]

_seed = 0
_generator = None  # made when it is first asked for: numpy.random takes a third of the time of importing fastgrad


def manual_seed(seed):
    """Starts fastgrad's generator anew; the same seed gives the same numbers on every machine. Returns the generator.

    >>> import fastgrad
    >>> a = fastgrad.manual_seed(7).random()
    >>> a == fastgrad.manual_seed(7).random()
    True
    """
    global _seed, _generator
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"manual_seed: seed must be a non-negative integer, not {seed!r}")
    _seed = int(seed)
    _generator = np.random.Generator(np.random.Philox(_seed))
    return _generator


def initial_seed():
    """The seed in force."""
    return _seed


def default_generator():
    """The generator that initial values and shuffles draw from when they are given none."""
    return manual_seed(_seed) if _generator is None else _generator


def get_state():
    """The generator's state, a dict that `set_state` takes back."""
    return default_generator().bit_generator.state


def set_state(state):
    """Continues from a state `get_state` gave."""
    default_generator().bit_generator.state = state
