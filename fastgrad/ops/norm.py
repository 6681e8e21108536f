"""Normalisation: x minus a mean, divided by a standard deviation, scaled and shifted.

Backward is one kernel; where it is recorded itself (`create_graph`), the same formula is composed of ops.
"""

from math import prod as product

import numpy as np

from .. import kernels, tape
from ..tape import Value, state
from .axes import floats
from .base import Op, apply, contiguous
from .elementwise import add, div, mul, sqrt, sub
from .moments import Center
from .reduce import mean, sum
from .shape import reshape

__all__: list = []  # they are functions of nn.functional


class BatchNorm(Op):
    """out = w xhat + b,   xhat = (x - mean) r,   r = 1 / sqrt(var + eps);   mean and var of a channel in the batch.

    dx = w r (dout - mean dout - xhat mean(dout xhat)),   dw = sum dout xhat,   db = sum dout.
    """

    saves = (0, 1)

    @staticmethod
    def forward(ctx, x, w, b, eps, running):
        shape = channels(x.shape)
        out = kernels.output(x.shape, x.dtype)
        _, *moments = kernels.batch_norm(contiguous(x).reshape(shape), w, b, out.reshape(shape), eps=eps)
        ctx.info = moments, shape, eps
        if running is not None:
            update(running, moments, shape[0] * shape[2])
        return out

    @staticmethod
    def backward(ctx, dout):
        (x, w), ((mean, var), shape, eps) = ctx.saved, ctx.info
        if isinstance(x, Value):
            axes = [0, *range(2, len(x.shape))]
            return slopes(dout, x, w, axes, (1, shape[1], *(1,) * len(axes[1:])), axes, eps)
        dx = kernels.output(x.shape, x.dtype)
        x, dout = contiguous(x).reshape(shape), contiguous(dout).reshape(shape)
        _, dw, db = kernels.batch_norm_backward(dout, x, mean, var, w, dx.reshape(shape), eps=eps)
        return dx, dw, db


class BatchNormEval(Op):
    """out = w xhat + b,   xhat = (x - mean) r,   r = 1 / sqrt(var + eps), for a given mean and var.

    dx = w r dout,   dw = sum dout xhat,   db = sum dout.
    """

    saves = (0, 1, 3, 4)

    @staticmethod
    def forward(ctx, x, w, b, mean, var, eps):
        shape = channels(x.shape)
        ctx.info = eps
        out = kernels.output(x.shape, x.dtype)
        kernels.batch_norm_eval(contiguous(x).reshape(shape), mean, var, w, b, out.reshape(shape), eps)
        return out

    @staticmethod
    def backward(ctx, dout):
        x, w, mean, var = ctx.saved
        kept = (1, x.shape[1], *(1,) * (len(x.shape) - 2))
        r = div(1.0, sqrt(add(reshape(var, kept), ctx.info)))
        dx = mul(dout, r if w is None else mul(r, reshape(w, kept)))
        axes = [0, *range(2, len(x.shape))]
        dw = None if w is None else sum(mul(dout, mul(sub(x, reshape(mean, kept)), r)), axes)
        return dx, dw, None if ctx.inputs[2] is None else sum(dout, axes)


class LayerNorm(Op):
    """out = w xhat + b,   xhat = (x - mean) r,   r = 1 / sqrt(var + eps);   mean and var of D numbers that follow.

    dx = r (g - mean g - xhat mean(g xhat)),   g = dout w;   dw = sum dout xhat,   db = sum dout, over the rows.
    """

    saves = (0, 1)

    @staticmethod
    def forward(ctx, x, w, b, D, eps, running=None):
        shape = (x.size // D if D else 0, D)
        out = kernels.output(x.shape, x.dtype)
        w, b = flat(w), flat(b)
        _, *moments = kernels.layer_norm(contiguous(x).reshape(shape), w, b, out.reshape(shape), eps=eps)
        ctx.info = moments, shape, eps
        if running is not None:
            update(running, [mean_of(m.reshape(1, len(x), -1)) for m in moments], D)
        return out

    @staticmethod
    def backward(ctx, dout):
        (x, w), ((mean, var), shape, eps) = ctx.saved, ctx.info
        if isinstance(x, Value):
            w = None if w is None else reshape(w, -1)
            dx, dw, db = slopes(reshape(dout, shape), reshape(x, shape), w, [1], (1, shape[1]), [0], eps)
            dx = reshape(dx, x.shape)
        else:
            dx = kernels.output(x.shape, x.dtype)
            x, dout = contiguous(x).reshape(shape), contiguous(dout).reshape(shape)
            _, dw, db = kernels.layer_norm_backward(dout, x, mean, var, flat(w), dx.reshape(shape), eps=eps)
        to_w, to_b = ctx.inputs[1:3]
        return dx, None if to_w is None else reshape(dw, to_w.shape), None if to_b is None else reshape(db, to_b.shape)


def slopes(dout, x, w, axes, kept, others, eps):
    """The three gradients, composed of ops. The moments are taken over `axes`, the sums dw and db over `others`."""
    c = apply(Center, x, axes)
    r = div(1.0, sqrt(add(mean(mul(c, c), axes, True), eps)))
    xhat = mul(c, r)
    g = dout if w is None else mul(dout, reshape(w, kept))
    dx = mul(r, sub(sub(g, mean(g, axes, True)), mul(xhat, mean(mul(g, xhat), axes, True))))
    return dx, None if w is None else sum(mul(dout, xhat), others), sum(dout, others)


def channels(shape):
    """(N, C, ...) as N, C, L."""
    return (shape[0], shape[1], 1) if len(shape) == 2 else (shape[0], shape[1], product(shape[2:]))


def flat(x):
    return x if x is None or x.ndim == 1 else contiguous(x).reshape(-1)


def mean_of(x):
    """The mean of x[1,N,C] over N: [C]"""
    return kernels.div(kernels.sum(x), float(x.shape[1])).reshape(-1)


def update(running, moments, n):
    """Takes the moments of n numbers a channel into running = (mean, var, count, momentum).

    momentum None: the mean of all batches.
    """
    mean, var, count, momentum = running
    if state.capture:
        state.capture.keep(mean, var, count)
    correction = n / (n - 1.0) if n > 1 else np.inf
    new_mean, new_var = moments
    kernels.batch_norm_running(new_mean, new_var, mean, var, count, momentum or 0.0, correction, momentum is None)
    tape.changed(mean, var, count)


def refuse_channels(name, x, given):
    """Raises where something that has a number for each channel does not fit x."""
    if len(x.shape) < 2:
        raise ValueError(f"{name}: input must be (N, C) or (N, C, ...), not {tuple(x.shape)}")
    C = x.shape[1]
    for what, a in given.items():
        if a is not None and a.shape != (C,):
            raise ValueError(
                f"{name}: {what} has shape {tuple(a.shape)}, and the input {tuple(x.shape)} has {C} channels, its "
                f"second size: {what} must be ({C},)"
            )


def running_of(name, running_mean, running_var, momentum, count):
    """What `update` takes."""
    if momentum is None and count is None:
        raise ValueError(f"{name}: momentum must be a number; None, the mean of all batches, is the module's to count")
    count = np.zeros(0, np.int64) if count is None else array_of(count).reshape(1)
    return array_of(running_mean), array_of(running_var), count, momentum


def array_of(x):
    return x.data if isinstance(x, Value) else x


def batch_norm(
    input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5, *, count=None
):
    """w (x - mean) / sqrt(var + eps) + b for each channel of x (N, C) or (N, C, ...).

    training: mean and variance (biased) are those of the batch, and running_mean and running_var, if given, move
    towards them: running = (1 - momentum) running + momentum new, where the new variance is unbiased. Otherwise they
    are running_mean and running_var. count: a tensor that counts batches; with it momentum may be None, the mean of all
    batches. NaN or an infinity makes its whole channel NaN. Where all values are equal, the output is b.
    Errors: ValueError for shapes that do not fit, and in training for a single value a channel.
    Source: Ioffe and Szegedy, "Batch normalization", 2015.

    >>> import fastgrad as fg
    >>> x = fg.tensor([[1.0, 10.0], [3.0, 30.0]])
    >>> fg.nn.functional.batch_norm(x, None, None, training=True)
    tensor([[-1., -1.],
            [ 1.,  1.]])
    """
    given = {"weight": weight, "bias": bias, "running_mean": running_mean, "running_var": running_var}
    refuse_channels("batch_norm", input, given)
    x = floats(input, "batch_norm")
    if (running_mean is None) != (running_var is None):
        raise ValueError("batch_norm: running_mean and running_var go together; one of them is None")
    if not training and running_mean is None:
        raise ValueError("batch_norm: without running_mean and running_var it must be training=True")
    return normalized(x, running_mean, running_var, weight, bias, training, momentum, eps, count)


def normalized(x, running_mean, running_var, weight, bias, training, momentum, eps, count):
    """`batch_norm` of what fits."""
    if not training:
        return apply(BatchNormEval, x, weight, bias, running_mean, running_var, eps)
    if x.shape[0] == 1 and product(x.shape[2:]) == 1:
        raise ValueError(
            f"batch_norm: expected more than 1 value per channel when training, got input {tuple(x.shape)}: one value "
            f"has no spread; give larger batches (drop_last=True drops a last batch of one), call eval() on the model "
            f"to use its running statistics, or use LayerNorm"
        )
    running = None if running_mean is None else running_of("batch_norm", running_mean, running_var, momentum, count)
    return apply(BatchNorm, x, weight, bias, eps, running)


def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):
    """w (x - mean) / sqrt(var + eps) + b, with mean and variance (biased) over the last axes, normalized_shape.

    weight and bias have that shape. NaN or an infinity makes its whole row NaN. Where all values are equal, the output
    is b. Errors: ValueError for shapes that do not fit. Source: Ba, Kiros and Hinton, "Layer normalization", 2016.

    >>> import fastgrad as fg
    >>> fg.nn.functional.layer_norm(fg.tensor([[1.0, 3.0], [10.0, 30.0]]), (2,))
    tensor([[-1.,  1.],
            [-1.,  1.]])
    """
    shape = fitting("layer_norm", input, normalized_shape, {"weight": weight, "bias": bias})
    return apply(LayerNorm, floats(input, "layer_norm"), weight, bias, product(shape), eps)


def fitting(name, x, normalized_shape, given):
    """`normalized_shape` as a tuple; raises where it, or what has that shape, does not fit x."""
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not shape or tuple(x.shape[-len(shape) :]) != shape:
        raise ValueError(
            f"{name}: normalized_shape is {shape}, and input {tuple(x.shape)} does not end with it; it must be the "
            f"last sizes of the input, at least one"
        )
    for what, a in given.items():
        if a is not None and tuple(a.shape) != shape:
            raise ValueError(f"{name}: {what} has shape {tuple(a.shape)}; it must be normalized_shape, {shape}")
    return shape


def by_channel(x, weight, bias):
    """weight x + bias, a number of both for each channel of x (N, C, ...)."""
    kept = (1, x.shape[1], *(1,) * (len(x.shape) - 2))
    x = x if weight is None else mul(x, reshape(weight, kept))
    return x if bias is None else add(x, reshape(bias, kept))


def group_norm(input, num_groups, weight=None, bias=None, eps=1e-5):
    """w (x - mean) / sqrt(var + eps) + b, with mean and variance of each sample's groups of channels.

    x (N, C, ...); num_groups divides C; weight and bias (C,).
    Errors: ValueError for shapes that do not fit. Source: Wu and He, "Group normalization", 2018.

    >>> import fastgrad as fg
    >>> fg.nn.functional.group_norm(fg.tensor([[1.0, 3.0, 10.0, 30.0]]), 2)
    tensor([[-1.,  1., -1.,  1.]])
    """
    refuse_channels("group_norm", input, {"weight": weight, "bias": bias})
    C = input.shape[1]
    if num_groups < 1 or C % num_groups:
        raise ValueError(f"group_norm: {C} channels do not make {num_groups} groups of one size")
    D = C // num_groups * product(input.shape[2:])
    return by_channel(apply(LayerNorm, floats(input, "group_norm"), None, None, D, eps), weight, bias)


def instance_norm(
    input,
    running_mean=None,
    running_var=None,
    weight=None,
    bias=None,
    use_input_stats=True,
    momentum=0.1,
    eps=1e-5,
):
    """w (x - mean) / sqrt(var + eps) + b, with mean and variance of each channel of each sample of x (N, C, ...).

    Running statistics, if given, follow the mean over the samples, and serve where use_input_stats is False.
    Errors: ValueError for shapes that do not fit, and for a single value a channel of a sample.
    Source: Ulyanov, Vedaldi and Lempitsky, "Instance normalization", 2016.

    >>> import fastgrad as fg
    >>> fg.nn.functional.instance_norm(fg.tensor([[[1.0, 3.0], [10.0, 30.0]]]))
    tensor([[[-1.,  1.],
             [-1.,  1.]]])
    """
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, eps=eps)
    given = {"weight": weight, "bias": bias, "running_mean": running_mean, "running_var": running_var}
    refuse_channels("instance_norm", input, given)
    L = product(input.shape[2:])
    if L == 1:
        raise ValueError(
            f"instance_norm: expected more than 1 value per channel of a sample, got input {tuple(input.shape)}"
        )
    if (running_mean is None) != (running_var is None):
        raise ValueError("instance_norm: running_mean and running_var go together; one of them is None")
    running = None if running_mean is None else running_of("instance_norm", running_mean, running_var, momentum, None)
    return by_channel(apply(LayerNorm, floats(input, "instance_norm"), None, None, L, eps, running), weight, bias)


def rms_norm(input, normalized_shape, weight=None, eps=None):
    """w x / sqrt(mean x^2 + eps), the mean over the last axes, normalized_shape; eps None: that of the dtype.

    Errors: ValueError for shapes that do not fit. Source: Zhang and Sennrich, "Root mean square layer normalization",
    2019.

    >>> import fastgrad as fg
    >>> fg.nn.functional.rms_norm(fg.tensor([[1.0, 7.0]]), (2,))
    tensor([[0.2, 1.4]])
    """
    shape = fitting("rms_norm", input, normalized_shape, {"weight": weight})
    x = floats(input, "rms_norm")
    eps = float(np.finfo(x.dtype).eps) if eps is None else eps
    axes = list(range(len(x.shape) - len(shape), len(x.shape)))
    out = mul(x, div(1.0, sqrt(add(mean(mul(x, x), axes, True), eps))))
    return out if weight is None else mul(out, weight)
