"""Normalisation: x minus a mean, divided by a standard deviation, scaled by w and shifted by b.

`batch_norm` has a mean and a variance for each channel of x[N,C,L], `layer_norm` for each row of x[N,D].

The mean of the first 16th of a block of numbers is a centre m near all of it; then d = x - m and d^2 are added up. In
float64 the block's mean is m + sum d / n, and sum d^2 - (sum d)^2 / n the sum of squared distances from it. At most
16 / 17 of sum d^2 cancel, whatever the numbers: how far they are from 0 costs nothing. Blocks are joined in float64.
Source: Chan, Golub and LeVeque, "Algorithms for computing the sample variance", 1983.

Means and variances stay float64. A mean is split into hi, the nearest number of x's dtype, and lo: x - hi is exact
where it is small.
"""

import numpy as np

from .common import give, kernel
from .reduce import BLOCK, COLUMN_BLOCK, fold_columns, fold_lanes

CENTRE = 16  # the part of a block that its centre is the mean of: one in so many
LINE_BLOCK = 64  # layer_norm_backward: rows of which dw and db are added up together


def join(parts, sizes):
    """The moments of everything, from those of its parts, one after another: means [P,C], sums of squares [P,C]."""
    mean, m2, n = np.zeros(parts[0].shape[1]), np.zeros(parts[0].shape[1]), 0.0
    for part_mean, part_m2, size in zip(*parts, sizes, strict=True):
        factor = size / (n + size)
        delta = part_mean - mean
        mean = mean + delta * factor
        m2 = m2 + (part_m2 + delta * delta * (n * factor))
        n = n + size
    return mean, m2


def moments_of(x, fold):
    """Mean, and sum of squared distances from it, of a block x[O,R,I] over R, whose sum is `fold` of it: both [O,I]"""
    n = float(x.shape[1])
    first = x[:, : -(-x.shape[1] // CENTRE)]
    centre = fold(first) / x.dtype.type(first.shape[1])
    d = x - centre[:, None]
    rest, square = fold(d).astype(np.float64), fold(d * d).astype(np.float64)
    m2 = square - rest * rest / n
    return centre.astype(np.float64) + rest / n, np.where(m2 < 0, 0, m2)


def fold_block(x):
    """The sum of a block x[O,R,I] over R; I = 1: in lanes."""
    return (fold_lanes(x[:, :, 0], np.add, 0) if x.shape[2] == 1 else fold_columns(x, np.add, 0)[:, 0]).reshape(
        x.shape[0], x.shape[2]
    )


def column_sum(x):
    """A block x[1,R,I] over R, from top to bottom whatever I is."""
    return fold_columns(x, np.add, 0)[:, 0]


def line_moments(x):
    """Mean and sum of squared distances of every line of x[N,D]: [N], [N]"""
    blocks = [x[:, i : i + BLOCK, None] for i in range(0, x.shape[1], BLOCK)]
    parts = [moments_of(block, fold_block) for block in blocks]
    if not parts:
        return np.zeros(len(x)), np.zeros(len(x))
    means, m2s = (np.stack([part[k][:, 0] for part in parts]) for k in (0, 1))
    return join((means, m2s), [np.float64(block.shape[1]) for block in blocks])


def channel_moments(x):
    """Mean and variance of every channel of x[N,C,L], float64: [C], [C]

    L = 1: joined from blocks of 256 rows. L > 1: from the lines of the N samples, in order.
    """
    N, C, L = x.shape
    if L == 1:
        blocks = [x[i : i + COLUMN_BLOCK, :, 0] for i in range(0, N, COLUMN_BLOCK)]
        parts = [moments_of(block[None], column_sum) for block in blocks]
        means, m2s = (np.array([part[k][0] for part in parts]).reshape(-1, C) for k in (0, 1))
        mean, m2 = join((means, m2s), [np.float64(len(block)) for block in blocks])
    else:
        means, m2s = (m.reshape(N, C) for m in line_moments(x.reshape(N * C, L)))
        mean, m2 = join((means, m2s), [np.float64(L)] * N)
    return mean, m2 / np.float64(N * L)


def split(mean, dtype):
    """hi, the nearest of dtype, and lo = mean - hi in float64"""
    hi = mean.astype(dtype)
    return hi, mean - hi.astype(np.float64)


def wide(a, instead):
    return instead if a is None else a.astype(np.float64)


def normalized(x, w, b, mean, var, eps):
    hi, lo = split(mean, x.dtype)
    a = wide(w, 1.0) * (1 / np.sqrt(var + eps))
    scale, shift = a.astype(x.dtype), (wide(b, 0.0) - lo * a).astype(x.dtype)
    return (x - hi[:, None]) * scale[:, None] + shift[:, None]


@kernel
def batch_norm(x, w=None, b=None, out=None, mean=None, var=None, eps=1e-5):
    """out = w (x - mean) / sqrt(var + eps) + b,   mean, var (biased) of x[N,C,L] over N and L

    x[N,C,L], w[C], b[C] -> out[N,C,L], mean[C], var[C], the last two float64. Ioffe and Szegedy, "Batch normalization",
    2015.
    """
    own_mean, own_var = channel_moments(x)
    return give(normalized(x, w, b, own_mean, own_var, eps), out), give(own_mean, mean), give(own_var, var)


@kernel
def batch_norm_eval(x, mean, var, w=None, b=None, out=None, eps=1e-5):
    """out = w (x - mean) / sqrt(var + eps) + b, for a given mean[C] and var[C]"""
    return give(normalized(x, w, b, mean.astype(np.float64), var.astype(np.float64), eps), out)


def line_sums(x):
    """The sum of every line of x[N,D] in float64: lanes in a block, then block after block."""
    total = np.zeros(len(x))
    for i in range(0, x.shape[1], BLOCK):
        total = total + fold_lanes(x[:, i : i + BLOCK], np.add, 0)[:, 0]
    return total


def channel_products(dout, x, hi):
    """sum dout, sum dout (x - hi) of every channel, parts joined in float64: [C], [C]"""
    N, C, L = x.shape
    sums = []
    for a in (dout, dout * (x - hi[:, None])):
        parts = fold_columns(a[None, :, :, 0], np.add, 0)[0] if L == 1 else line_sums(a.reshape(N * C, L)).reshape(N, C)
        total = np.zeros(C)
        for part in parts:
            total = total + part
        sums.append(total)
    return sums


@kernel
def batch_norm_backward(dout, x, mean, var, w=None, dx=None, dw=None, db=None, eps=1e-5):
    """The gradients of `batch_norm`, with r = 1 / sqrt(var + eps), xhat = (x - mean) r and n = N L:

    db = sum dout,   dw = sum dout xhat,   dx = w r (dout - db / n - xhat dw / n),   sums over N and L
    """
    hi, lo = split(mean, x.dtype)
    s1, s2 = channel_products(dout, x, hi)
    n = float(x.shape[0]) * float(x.shape[2])
    r = 1 / np.sqrt(var + eps)
    t = s2 - lo * s1
    q = t * r * r / n
    a, k, two = (c.astype(x.dtype)[:, None] for c in (wide(w, 1.0) * r, s1 / n - lo * q, q))
    return (
        give(a * ((dout - k) - (x - hi[:, None]) * two), dx),
        give((t * r).astype(x.dtype), dw),
        give(s1.astype(x.dtype), db),
    )


@kernel
def batch_norm_running(mean, var, running_mean, running_var, count, momentum=0.1, correction=1, cumulative=0):
    """running = (1 - momentum) running + momentum new, in float64;   count = count + 1

    The new variance is var correction: n / (n - 1) makes it unbiased. cumulative: momentum is 1 / count.
    """
    count += 1
    m = 1 / float(count[0]) if cumulative else float(momentum)
    running_mean[...] = (1 - m) * running_mean.astype(np.float64) + m * mean
    running_var[...] = (1 - m) * running_var.astype(np.float64) + m * (var * correction)
    return running_mean, running_var, count


@kernel
def layer_norm(x, w=None, b=None, out=None, mean=None, var=None, eps=1e-5):
    """out = w (x - mean) / sqrt(var + eps) + b,   mean, var (biased) of the rows of x[N,D]

    x[N,D], w[D], b[D] -> out[N,D], mean[N], var[N], the last two float64. Ba, Kiros and Hinton, "Layer
    normalization", 2016.
    """
    own_mean, m2 = line_moments(x)
    own_var = m2 / np.float64(x.shape[1])
    hi, lo = split(own_mean, x.dtype)
    r = 1 / np.sqrt(own_var + eps)
    scale, shift = r.astype(x.dtype), (lo * r).astype(x.dtype)
    y = (x - hi[:, None]) * scale[:, None] - shift[:, None]
    y = y if w is None else y * w
    return give(y if b is None else y + b, out), give(own_mean, mean), give(own_var, var)


@kernel
def layer_norm_backward(dout, x, mean, var, w=None, dx=None, dw=None, db=None, eps=1e-5):
    """The gradients of `layer_norm`, with r = 1 / sqrt(var + eps), xhat = (x - mean) r and g = dout w:

    db = sum dout,   dw = sum dout xhat, over N;   dx = r (g - sum g / D - xhat (sum g xhat) / D), sums over D

    dw and db are added up in blocks of 64 rows, from top to bottom; then the blocks in float64.
    """
    N, D = x.shape
    hi, lo = split(mean, x.dtype)
    r = 1 / np.sqrt(var + eps)
    c, g = x - hi[:, None], dout if w is None else dout * w
    s1, s2 = line_sums(g), line_sums(g * c)
    q = (s2 - lo * s1) * r * r / np.float64(D)
    scale, one, two, shift = (a.astype(x.dtype)[:, None] for a in (r, s1 / np.float64(D) - lo * q, q, lo * r))
    sums = []
    for a in (dout * (c * scale - shift), dout):
        total = np.zeros(D)
        for i in range(0, N, LINE_BLOCK):
            part = np.zeros(D, x.dtype)
            for row in a[i : i + LINE_BLOCK]:
                part = part + row
            total = total + part
        sums.append(total.astype(x.dtype))
    return give(scale * ((g - one) - c * two), dx), give(sums[0], dw), give(sums[1], db)
