"""Averages of parameters over a run, to be evaluated in their place: exponential (EMA), or of equal weights (SWA).

    a = a + w (p - a)

w is 1 - decay for EMA, and 1 / n at the n-th update for SWA. It is the kernel lerp, one call a tensor; updates may be
part of a captured step. `fastgrad.optim.swa_utils` has PyTorch's names.

>>> import fastgrad as fg
>>> p = fg.tensor([1.0], requires_grad=True)
>>> average = fg.optim.averaging.EMA([p], decay=0.5)
>>> with fg.no_grad():
...     p.fill_(3.0)
tensor([3.], requires_grad=True)
>>> average.update()
>>> with average.swapped():
...     p.tolist()
[2.0]
>>> p.tolist()
[3.0]
"""

from contextlib import contextmanager

import numpy as np

from .. import kernels, tape
from ..tape import Value, state
from .optimizer import listed

__all__ = ["EMA", "SWA"]


class Average:
    """What averages share: an array for each parameter, the number of updates, and the swap."""

    def __init__(self, params):
        name = type(self).__name__
        self.params = listed(name, params)
        if not self.params:
            raise ValueError(f"{name}: the list of parameters is empty; pass model.parameters() itself")
        for i, p in enumerate(self.params):
            if not isinstance(p, Value):
                raise TypeError(f"{name}: parameter {i} is a {type(p).__name__}, not a tensor")
            if p.dtype.kind != "f":
                raise TypeError(f"{name}: parameter {i} is {p.dtype}; only floats have averages")
        self.averages = [np.array(p.data, order="C") for p in self.params]
        self._count = np.zeros((), np.int64)  # an array, which a failed capture puts back
        self._weights = {p.dtype: np.zeros((), p.dtype) for p in self.params}
        self._swapped = False

    @property
    def updates(self):
        """How many updates there were."""
        return int(self._count)

    def weight(self, n):
        """The weight of the parameters at update n = 1, 2, ..."""
        raise NotImplementedError

    def update(self):
        """Takes the parameters as they are into the averages. Errors: RuntimeError within `swapped`."""
        if self._swapped:
            raise RuntimeError(
                f"{type(self).__name__}: update() within swapped(): the parameters are the averages now; leave it first"
            )
        if state.capture:
            state.capture.keep(self._count, *self._weights.values(), *self.averages)
        kernels.host(self._advance)
        for a, p in zip(self.averages, self.params, strict=True):
            kernels.lerp(a, p.data, self._weights[p.dtype], out=a)

    def _advance(self):
        self._count += 1
        for w in self._weights.values():
            w[...] = self.weight(int(self._count))

    @contextmanager
    def swapped(self):
        """The averages in the place of the parameters, in their own memory; after it the parameters are back.

        What is written into the parameters meanwhile is lost. Errors: RuntimeError for one inside another;
        CaptureError within a captured step.

        >>> import fastgrad as fg
        >>> average = fg.optim.averaging.SWA([fg.tensor([1.0])])
        >>> with average.swapped(), average.swapped():
        ...     pass
        Traceback (most recent call last):
        RuntimeError: SWA: swapped() within swapped(): the parameters are the averages already
        """
        if self._swapped:
            raise RuntimeError(
                f"{type(self).__name__}: swapped() within swapped(): the parameters are the averages already"
            )
        kernels.refuse_capture("swapped()", "write it outside of the step")
        held = [np.array(p.data) for p in self.params]
        self._swapped = True
        try:
            self._write(self.averages)
            yield self
        finally:
            self._write(held)
            self._swapped = False

    def _write(self, arrays):
        for p, a in zip(self.params, arrays, strict=True):
            np.copyto(p.data, a)
        tape.changed(*[p.data for p in self.params])

    def state_dict(self):
        """``{"updates": n, "averages": [array, ...]}``; arrays are copies."""
        return {"updates": self.updates, "averages": [a.copy() for a in self.averages]}

    def load_state_dict(self, saved):
        """Takes back what `state_dict` gave. Errors: ValueError for one that does not fit, which changes nothing."""
        if not isinstance(saved, dict) or set(saved) != {"updates", "averages"}:
            raise ValueError(f"load_state_dict: this is no state of an {type(self).__name__}, updates and averages")
        shapes, own = [np.shape(a) for a in saved["averages"]], [a.shape for a in self.averages]
        if shapes != own:
            raise ValueError(f"load_state_dict: averages of shapes {shapes}, the parameters have {own}")
        for a, b in zip(self.averages, saved["averages"], strict=True):
            np.copyto(a, b, casting="same_kind")
        self._count[...] = saved["updates"]


class EMA(Average):
    """The exponential moving average, a = decay a + (1 - decay) p, which begins at the parameters as they are.

    It looks back over about 1 / (1 - decay) updates. Source: Polyak and Juditsky (1992) for averages; Tarvainen and
    Valpola (2017) for this one.
    Errors: ValueError for decay outside [0, 1].

    >>> import fastgrad as fg
    >>> net = fg.nn.Linear(2, 1)
    >>> average = fg.optim.averaging.EMA(net.parameters(), decay=0.99)
    >>> average.update()
    >>> average.updates
    1
    """

    def __init__(self, params, decay=0.999):
        if not 0 <= decay <= 1:
            raise ValueError(f"EMA: decay must be in [0, 1], not {decay}")
        super().__init__(params)
        self.decay = decay

    def weight(self, n):
        return 1 - self.decay


class SWA(Average):
    """Stochastic weight averaging: the mean of the parameters at all updates, a = a + (p - a) / n.

    `update` is called at the end of an epoch, late in a run, while the rate is constant or cycles. Batch statistics
    belong to the averages then: `swa_utils.update_bn`. Source: Izmailov et al. (2018).

    >>> import fastgrad as fg
    >>> p = fg.tensor([1.0])
    >>> average = fg.optim.averaging.SWA([p])
    >>> for x in (2.0, 4.0, 9.0):
    ...     _ = p.fill_(x)
    ...     average.update()
    >>> average.averages
    [array([5.], dtype=float32)]
    """

    def weight(self, n):
        return 1 / n
