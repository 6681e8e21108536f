"""Random numbers: one generator for initial values, shuffles and new tensors, NumPy's own `Generator` over Philox.

Dropout draws beside it, from streams of the same seed (`fastgrad.streams`): what one takes does not change the other.
"""

import threading
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from . import kernels, streams
from .devices import device as as_device
from .ops import add, assign, dtypes, mul
from .ops.inplace import refuse_leaf
from .ops.shape import as_sizes
from .tape import Value, wrap

__all__ = [
    "bernoulli",
    "default_generator",
    "fork_rng",
    "get_state",
    "initial_seed",
    "manual_seed",
    "multinomial",
    "normal",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "randperm",
    "set_state",
]


class Source:
    """A seed and its generator."""

    seed = 0
    generator: Any = None  # made when first asked for: numpy.random takes a third of the time of importing fastgrad


class Here(threading.local):
    """What this thread draws from; every thread begins with the same."""

    source = Source()


here = Here()


def manual_seed(seed):
    """Starts fastgrad's generator anew; the same seed gives the same numbers on every machine. Returns the generator.

    >>> import fastgrad
    >>> a = fastgrad.manual_seed(7).random()
    >>> a == fastgrad.manual_seed(7).random()
    True
    """
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"manual_seed: seed must be a non-negative integer, not {seed!r}")
    kernels.refuse_capture("manual_seed", "seed before the step")
    streams.start(int(seed))
    here.source.seed, here.source.generator = int(seed), np.random.Generator(np.random.Philox(int(seed)))
    return here.source.generator


def initial_seed():
    """The seed in force."""
    return here.source.seed


def default_generator():
    """The generator that initial values and shuffles draw from when they are given none."""
    mine = here.source
    if mine.generator is None:
        mine.generator = np.random.Generator(np.random.Philox(mine.seed))
    return mine.generator


def get_state():
    """The generator's state, the seed, and the state of dropout's streams, a dict that `set_state` takes back: a run
    that is saved with it and resumed is the same run."""
    return {**default_generator().bit_generator.state, "seed": here.source.seed, "streams": streams.get_state()}


def set_state(state):
    """Continues from a state `get_state` gave. One of NumPy's generator alone leaves dropout's streams as they are."""
    default_generator().bit_generator.state = state
    here.source.seed = state.get("seed", here.source.seed)
    if "streams" in state:
        streams.set_state(state["streams"])


@contextmanager
def fork_rng(devices=None, enabled=True, *, seed=None):
    """A block whose random numbers, dropout's too, are its own: what it draws or seeds changes nothing outside of it.

    It begins where the thread is, or from a `seed` as `manual_seed` does. It belongs to the thread that entered it:
    threads that each run a block of one seed draw the same numbers, whoever draws beside them.
    PyTorch's `torch.random.fork_rng`, with `seed` added; the only device is the CPU, and `devices` changes nothing.
    Errors: ValueError for a seed that is no integer from 0 on; CaptureError within a captured step.

    >>> import fastgrad as fg
    >>> with fg.random.fork_rng(seed=7):
    ...     a = fg.rand(3)
    >>> with fg.random.fork_rng(seed=7):
    ...     bool((fg.rand(3) == a).all())
    True
    """
    if not enabled:
        yield
        return
    kernels.refuse_capture("fork_rng", "enter it outside the step")
    state, before = get_state(), (here.source, streams.here.streams)
    forked = Source()
    forked.seed = here.source.seed
    try:
        here.source, streams.here.streams = forked, streams.Streams()
        manual_seed(seed) if seed is not None else set_state(state)
        yield
    finally:
        here.source, streams.here.streams = before


# -- tensors -----------------------------------------------------------------------------------------------------------
# A captured step draws again at every replay: the draw is a call of Python in it (`kernels.host`).
def drawn(method, arguments, shape, dtype, device, requires_grad, generator):
    """A tensor of numbers from a method of the generator."""
    if device is not None:
        as_device(device)
    if min(shape, default=0) < 0:
        raise ValueError(f"a tensor of shape {shape}: sizes are not negative")
    dtype = dtypes.as_dtype(dtype) or dtypes.default_dtype
    if dtype.kind != "f" and method != "integers":
        raise TypeError(f"random numbers between integers cannot be {dtype}: draw floats, or use randint")
    out = wrap(kernels.host(partial(draw, generator, method, arguments, shape, dtype)))
    return out.requires_grad_() if requires_grad else out


def draw(generator, method, arguments, shape, dtype):
    source = default_generator() if generator is None else generator
    return np.asarray(getattr(source, method)(*arguments, size=shape)).astype(dtype, copy=False)


def rand(*size, generator=None, dtype=None, device=None, requires_grad=False):
    """Uniform on [0, 1): ``rand(2, 3)`` or ``rand((2, 3))``; of the default dtype.

    >>> import fastgrad as fg
    >>> fg.rand(2, 3).shape
    (2, 3)
    """
    return drawn("uniform", (0.0, 1.0), as_sizes(size), dtype, device, requires_grad, generator)


def randn(*size, generator=None, dtype=None, device=None, requires_grad=False):
    """Normal with mean 0 and variance 1."""
    return drawn("standard_normal", (), as_sizes(size), dtype, device, requires_grad, generator)


def randint(low, high=None, size=None, *, generator=None, dtype=None, device=None, requires_grad=False):
    """Integers from low (or 0) to high - 1, each as likely: ``randint(10, (3,))``, ``randint(1, 7, (3,))``."""
    if size is None:  # randint(high, size)
        low, high, size = 0, low, high
    if size is None:
        raise TypeError("randint: needs a size, as in randint(10, (3,))")
    if not low < high:
        raise ValueError(f"randint: low = {low} must be below high = {high}")
    return drawn("integers", (low, high), as_sizes((size,)), dtype or np.int64, device, requires_grad, generator)


def randperm(n, *, generator=None, dtype=None, device=None):
    """The integers 0..n-1 in a random order."""
    if device is not None:
        as_device(device)
    return wrap(kernels.host(partial(permutation, generator, int(n), dtypes.as_dtype(dtype) or np.int64)))


def permutation(generator, n, dtype):
    return (default_generator() if generator is None else generator).permutation(n).astype(dtype)


def rand_like(input, dtype=None, device=None, requires_grad=False):
    """`rand` in the shape (and dtype) of another tensor."""
    return rand(tuple(input.shape), dtype=dtype or input.dtype, device=device, requires_grad=requires_grad)


def randn_like(input, dtype=None, device=None, requires_grad=False):
    """`randn` in the shape (and dtype) of another tensor."""
    return randn(tuple(input.shape), dtype=dtype or input.dtype, device=device, requires_grad=requires_grad)


def randint_like(input, low, high=None, dtype=None, device=None, requires_grad=False):
    """`randint` in the shape (and dtype) of another tensor."""
    low, high = (0, low) if high is None else (low, high)
    return randint(
        low, high, tuple(input.shape), dtype=dtype or input.dtype, device=device, requires_grad=requires_grad
    )


def normal(mean, std=1.0, size=None, *, generator=None, dtype=None, device=None, requires_grad=False):
    """Normal with this mean and standard deviation: numbers with a size, or tensors that broadcast."""
    given = [x for x in (mean, std) if isinstance(x, (Value, np.ndarray))]
    if size is None and not given:
        raise TypeError("normal: needs a size, or a tensor as mean or std")
    if not isinstance(std, (Value, np.ndarray)) and std < 0:
        raise ValueError(f"normal: std must not be negative, std = {std}")
    shape = np.broadcast_shapes(*(x.shape for x in given)) if size is None else as_sizes((size,))
    dtype = given[0].dtype if given and dtype is None else dtype
    unit = randn(shape, generator=generator, dtype=dtype, device=device)
    out = add(mul(unit, std), mean)
    return out.detach().requires_grad_() if requires_grad else out


def bernoulli(input, p=None, *, generator=None):
    """0 or 1, in input's dtype: 1 with the probability that stands in input, or with p."""
    if p is not None and not 0 <= p <= 1:
        raise ValueError(f"bernoulli: p must be between 0 and 1, p = {p}")
    probability = np.float64(p) if p is not None else input.data if isinstance(input, Value) else np.asarray(input)
    return wrap(kernels.host(partial(coins, generator, tuple(input.shape), input.dtype), np.asarray(probability)))


def coins(generator, shape, dtype, p):
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("bernoulli: probabilities must be between 0 and 1")
    return ((default_generator() if generator is None else generator).random(shape) < p).astype(dtype)


def multinomial(input, num_samples, replacement=False, *, generator=None):
    """num_samples indices for each row of weights (which need not add up to 1), as int64.

    Without replacement an index is drawn once: those of the largest log w + Gumbel noise.
    Source: Efraimidis and Spirakis, Weighted random sampling with a reservoir (2006).
    Errors: ValueError for negative weights, or fewer positive ones than samples without replacement.
    """
    weights = input.data if isinstance(input, Value) else np.asarray(input)
    if weights.ndim not in (1, 2):
        raise ValueError(f"multinomial: weights must be (C,) or (N, C), not {weights.shape}")
    return wrap(kernels.host(partial(chosen, generator, int(num_samples), bool(replacement)), weights))


def chosen(generator, n, replacement, weights):
    source = default_generator() if generator is None else generator
    rows = np.atleast_2d(weights).astype(np.float64)
    if not (np.isfinite(rows).all() and (rows >= 0).all() and (rows.sum(1) > 0).all()):
        raise ValueError("multinomial: weights must be finite, not negative, and not all 0")
    if replacement:
        ends = np.cumsum(rows, axis=1)
        places = source.random((len(rows), n)) * ends[:, -1:]
        found = np.stack([np.searchsorted(e, u, side="right") for e, u in zip(ends, places, strict=True)])
        last = rows.shape[1] - 1 - (rows[:, ::-1] > 0).argmax(1)  # u may be rounded up to the end
        found = np.minimum(found, last[:, None])
    else:
        if ((rows > 0).sum(1) < n).any():
            raise ValueError(f"multinomial: {n} samples without replacement need as many positive weights")
        with np.errstate(divide="ignore"):
            keys = np.log(rows) + source.gumbel(size=rows.shape)
        found = np.argsort(-keys, axis=1, kind="stable")[:, :n]
    return found.reshape(*weights.shape[:-1], n).astype(np.int64)


# -- tensors that are there: methods of Tensor -------------------------------------------------------------------------
def normal_(self, mean=0.0, std=1.0, *, generator=None):
    """Draws every element from the normal distribution; the values have no gradient.

    Errors: TypeError for integers, ValueError for a negative std.

    >>> import fastgrad as fg
    >>> fg.tensor([0.0, 0.0]).normal_(5, 0)
    tensor([5., 5.])
    """
    if std < 0:
        raise ValueError(f"normal_: std must not be negative, std = {std}")
    return drawn_into("normal_", self, "normal", (mean, std), generator)


def uniform_(self, low=0.0, high=1.0, *, generator=None):
    """Draws every element evenly between two numbers, which PyTorch calls `from` and `to`; otherwise like `normal_`."""
    if low > high:
        raise ValueError(f"uniform_: low must not be above high: {low}, {high}")
    return drawn_into("uniform_", self, "uniform", (low, high), generator)


def drawn_into(name, x, method, arguments, generator):
    if x.dtype.kind != "f":
        raise TypeError(f"{name} needs a float tensor, not {x.dtype}")
    refuse_leaf(name, x)
    return assign(name, x, kernels.host(partial(draw, generator, method, arguments, x.shape, x.dtype)))
