"""The fully connected layer."""

import math

import numpy as np

from .. import ops
from ..interop import destination
from ..tensor import tensor
from . import init
from .init import start
from .module import Module, Parameter

__all__ = ["Linear"]


class Linear(Module):
    """out[..., out_features] = x[..., in_features] weight^T + bias.

    weight (out_features, in_features) and bias (out_features,) start uniform on +-1/sqrt(in_features), PyTorch's
    default. Source: LeCun et al., Efficient BackProp (1998), for the scale.
    With ``init`` the weight starts as it says and the bias at 0: a name of `nn.init.SCHEMES` as "he_normal", a function
    that fills a tensor, or "auto": He for a layer that a module of the ReLU family follows, Xavier for all others. What
    follows is known when the layer is put into a Sequential, which then draws again (`nn.init.auto_` says how it looks,
    and does the same for a whole model).
    Errors: ValueError for an input whose last size is not in_features, or for an unknown ``init``.

    >>> import fastgrad as fg
    >>> fg.nn.Linear(4, 2)(fg.tensor([[1.0, 2.0, 3.0, 4.0]])).shape
    (1, 2)
    >>> fg.nn.Linear(2, 2, init="eye").weight.tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """

    def __init__(self, in_features, out_features, bias=True, device=None, dtype=None, *, init=None):
        super().__init__()
        destination(device=device)
        dtype = dtype or ops.dtypes.default_dtype
        for name, n in (("in_features", in_features), ("out_features", out_features)):
            if not isinstance(n, (int, np.integer)):
                raise TypeError(f"Linear: {name} must be an integer, not {n!r}")
            if n < 0:
                raise ValueError(f"Linear: {name} must not be negative, it is {n}")
        self.in_features, self.out_features, self.init = in_features, out_features, init
        self.weight = Parameter(tensor(np.empty((out_features, in_features), dtype)))
        self.bias = Parameter(tensor(np.empty(out_features, dtype))) if bias else None
        self.reset_parameters()

    def reset_parameters(self):
        if self.init is not None:
            return start(self, self.init)
        bound = 1 / math.sqrt(self.in_features) if self.in_features else 0.0
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, x):
        return ops.linear(x, self.weight, self.bias)

    def extra_repr(self):
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
