"""Normalisation as modules."""

import numpy as np

from .. import ops
from ..ops.axes import floats
from ..ops.norm import normalized
from ..tape import changed
from ..tensor import tensor
from .module import Module, Parameter

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "GroupNorm",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "LayerNorm",
    "RMSNorm",
]


class Running(Module):
    """What batch and instance normalisation share: weight and bias, and running statistics, of `num_features` channels.

    momentum: running = (1 - momentum) running + momentum new. None: the mean of all batches so far.
    decay: the other convention, of Keras and of lectures: running = decay running + (1 - decay) new.
    """

    dims: tuple = ()

    def __init__(self, num_features, eps, momentum, affine, track_running_stats, dtype, decay):
        super().__init__()
        dtype = dtype or ops.dtypes.default_dtype
        name = type(self).__name__
        if not isinstance(num_features, (int, np.integer)) or num_features < 0:
            raise ValueError(f"{name}: num_features must be a number of channels, not {num_features!r}")
        if decay is not None:
            if not 0 <= decay <= 1:
                raise ValueError(f"{name}: decay must be in [0, 1], not {decay}")
            momentum = 1.0 - decay
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.weight = Parameter(tensor(np.ones(num_features, dtype))) if affine else None
        self.bias = Parameter(tensor(np.zeros(num_features, dtype))) if affine else None
        tracked = bool(track_running_stats)
        self.register_buffer("running_mean", tensor(np.zeros(num_features, dtype)) if tracked else None)
        self.register_buffer("running_var", tensor(np.ones(num_features, dtype)) if tracked else None)
        self.register_buffer("num_batches_tracked", tensor(np.array(0, np.int64)) if tracked else None)

    def reset_running_stats(self):
        """Mean 0, variance 1, no batches seen."""
        if self.running_mean is not None:
            for buffer, value in ((self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0)):
                buffer.data[...] = value
                changed(buffer.data)

    def reset_parameters(self):
        """The weight 1, the bias 0, and running statistics as of a new module."""
        self.reset_running_stats()
        for p, value in ((self.weight, 1), (self.bias, 0)):
            if p is not None:
                p.data[...] = value
                changed(p.data)

    def refuse_unfit(self, x):
        """Raises where x is no tensor of floats, or has other dimensions or channels than this layer takes."""
        name, shape = type(self).__name__, getattr(x, "shape", None)
        if shape is None:
            raise TypeError(f"{name}: input is a {type(x).__name__}, not a tensor; make it one, fastgrad.tensor(...)")
        if len(shape) not in self.dims:
            raise ValueError(f"{name}: input must be {self.takes}, not {tuple(shape)}")
        if shape[1] != self.num_features:
            raise ValueError(
                f"{name}: input {tuple(shape)} has {shape[1]} channels, its second size, and the layer was made for "
                f"{self.num_features}"
            )
        floats(x, name)

    def extra_repr(self):
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


class BatchNorm(Running):
    """The base of `BatchNorm1d` and `BatchNorm2d`."""

    takes = ""

    def __init__(
        self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True, dtype=None, *, decay=None
    ):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype, decay)

    def forward(self, x):
        self.refuse_unfit(x)
        mean, var = self.running_mean, self.running_var
        batch = self.training or mean is None
        if self.training and not self.track_running_stats:
            mean = var = None
        tracked = self.num_batches_tracked
        return normalized(x, mean, var, self.weight, self.bias, batch, self.momentum, self.eps, tracked)


class BatchNorm1d(BatchNorm):
    """weight (x - mean) / sqrt(var + eps) + bias for each feature of x (N, C) or (N, C, L).

    In training, mean and variance (biased) are those of the batch, and the running statistics move towards them:
    running = (1 - momentum) running + momentum new, the new variance being unbiased. momentum None: the mean of all
    batches. decay: the other convention, running = decay running + (1 - decay) new. In eval mode the running statistics
    take their place. weight starts at 1 and bias at 0; affine=False has neither. Source: Ioffe and Szegedy (2015).
    Errors: ValueError for an input that does not fit, and in training for a single value a channel.

    >>> import fastgrad as fg
    >>> layer = fg.nn.BatchNorm1d(2)
    >>> layer(fg.tensor([[1.0, 10.0], [3.0, 30.0]])).detach()
    tensor([[-1., -1.],
            [ 1.,  1.]])
    >>> layer.running_mean
    tensor([0.2, 2. ])
    """

    dims, takes = (2, 3), "(N, C) or (N, C, L)"


class BatchNorm2d(BatchNorm):
    """`BatchNorm1d` for images x (N, C, H, W): a mean and a variance for each channel, over N, H and W.

    >>> import fastgrad as fg
    >>> fg.nn.BatchNorm2d(3)(fg.ones((2, 3, 4, 4))).shape
    (2, 3, 4, 4)
    """

    dims, takes = (4,), "(N, C, H, W)"


class InstanceNorm(Running):
    """The base of `InstanceNorm1d` and `InstanceNorm2d`."""

    takes = ""

    def __init__(
        self, num_features, eps=1e-5, momentum=0.1, affine=False, track_running_stats=False, dtype=None, *, decay=None
    ):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype, decay)

    def forward(self, x):
        single = len(getattr(x, "shape", ())) == min(self.dims) - 1
        if single:
            x = x.reshape(1, *x.shape)
        self.refuse_unfit(x)
        own = self.training or self.running_mean is None
        mean, var = self.running_mean, self.running_var
        out = ops.instance_norm(x, mean, var, self.weight, self.bias, own, self.momentum, self.eps)
        return out.reshape(out.shape[1:]) if single else out


class InstanceNorm1d(InstanceNorm):
    """weight (x - mean) / sqrt(var + eps) + bias for each channel of each sample of x (N, C, L) or (C, L).

    Without weight and bias unless affine=True, and without running statistics unless track_running_stats=True: then
    they follow the mean over the samples, as in `BatchNorm1d`. Source: Ulyanov, Vedaldi and Lempitsky (2016).
    Errors: ValueError for an input that does not fit, and for a single value a channel of a sample.

    >>> import fastgrad as fg
    >>> fg.nn.InstanceNorm1d(2)(fg.tensor([[[1.0, 3.0], [10.0, 30.0]]]))
    tensor([[[-1.,  1.],
             [-1.,  1.]]])
    """

    dims, takes = (3,), "(N, C, L) or (C, L)"


class InstanceNorm2d(InstanceNorm):
    """`InstanceNorm1d` for images x (N, C, H, W) or (C, H, W).

    >>> import fastgrad as fg
    >>> fg.nn.InstanceNorm2d(3)(fg.ones((2, 3, 4, 4))).shape
    (2, 3, 4, 4)
    """

    dims, takes = (4,), "(N, C, H, W) or (C, H, W)"


def parameters(module, shape, dtype, weight, bias):
    """Gives a module its weight of ones and bias of zeros, or None."""
    dtype = dtype or ops.dtypes.default_dtype
    module.weight = Parameter(tensor(np.ones(shape, dtype))) if weight else None
    module.bias = Parameter(tensor(np.zeros(shape, dtype))) if bias else None


class LayerNorm(Module):
    """weight (x - mean) / sqrt(var + eps) + bias, with mean and variance (biased) over the last axes, normalized_shape.

    weight and bias have that shape and start at 1 and 0; elementwise_affine=False has neither, bias=False no bias.
    Training and eval mode are the same. Source: Ba, Kiros and Hinton (2016).
    Errors: ValueError for an input whose last sizes are not normalized_shape.

    >>> import fastgrad as fg
    >>> fg.nn.LayerNorm(2)(fg.tensor([[1.0, 3.0], [10.0, 30.0]])).detach()
    tensor([[-1.,  1.],
            [-1.,  1.]])
    """

    def __init__(self, normalized_shape, eps=1e-5, elementwise_affine=True, bias=True, dtype=None):
        super().__init__()
        self.normalized_shape = shape_of(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        parameters(self, self.normalized_shape, dtype, elementwise_affine, elementwise_affine and bias)

    def forward(self, x):
        return ops.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class RMSNorm(Module):
    """weight x / sqrt(mean x^2 + eps), the mean over the last axes, normalized_shape; eps None: that of the dtype.

    Source: Zhang and Sennrich (2019). Errors: ValueError for an input whose last sizes are not normalized_shape.

    >>> import fastgrad as fg
    >>> fg.nn.RMSNorm(2)(fg.tensor([[1.0, 7.0]])).detach()
    tensor([[0.2, 1.4]])
    """

    def __init__(self, normalized_shape, eps=None, elementwise_affine=True, dtype=None):
        super().__init__()
        self.normalized_shape = shape_of(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        parameters(self, self.normalized_shape, dtype, elementwise_affine, False)

    def forward(self, x):
        return ops.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self):
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """weight (x - mean) / sqrt(var + eps) + bias, with mean and variance of each sample's groups of channels.

    x (N, C, ...); weight and bias (C,) start at 1 and 0, affine=False has neither. Source: Wu and He (2018).
    Errors: ValueError where num_channels is no multiple of num_groups, or the input has other channels.

    >>> import fastgrad as fg
    >>> fg.nn.GroupNorm(2, 4)(fg.tensor([[1.0, 3.0, 10.0, 30.0]])).detach()
    tensor([[-1.,  1., -1.,  1.]])
    """

    def __init__(self, num_groups, num_channels, eps=1e-5, affine=True, dtype=None):
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"GroupNorm: {num_channels} channels do not make {num_groups} groups of one size")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        parameters(self, num_channels, dtype, affine, affine)

    def forward(self, x):
        if len(x.shape) < 2 or x.shape[1] != self.num_channels:
            raise ValueError(f"GroupNorm: input must be (N, {self.num_channels}, ...), not {tuple(x.shape)}")
        return ops.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"


def shape_of(normalized_shape):
    return (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
