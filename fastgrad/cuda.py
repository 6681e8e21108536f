"""What scripts ask about GPUs: there are none here."""

from .later import attributes

__all__ = ["device_count", "is_available", "manual_seed", "manual_seed_all", "synchronize"]


def is_available():
    """False: fastgrad computes on the CPU.

    >>> import fastgrad
    >>> fastgrad.device("cuda" if fastgrad.cuda.is_available() else "cpu")
    device(type='cpu')
    """
    return False


def device_count():
    """0."""
    return 0


def synchronize(device=None):
    """Nothing is pending: every call returns when its result is there."""


def manual_seed(seed):
    """Nothing: no GPU has a generator. `fastgrad.manual_seed` seeds fastgrad's."""


def manual_seed_all(seed):
    """Nothing, as `manual_seed`."""


__getattr__, __dir__ = attributes(__name__)
