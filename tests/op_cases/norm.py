"""Cases of ops/norm.py."""

import numpy as np

from fastgrad.nn import functional as F

from .common import Case

MEAN, VAR = np.array([0.5, -1.0, 2.0]), np.array([1.0, 0.25, 4.0])
KEPT = (1, -1, 1)


def np_norm(x, axes, eps=1e-5):
    c = x - x.mean(axes, keepdims=True)
    return c / np.sqrt((c * c).mean(axes, keepdims=True) + eps)


def np_batch(x, w=1.0, b=0.0):
    kept = (1, -1, *(1,) * (x.ndim - 2))
    return np_norm(x, (0, *range(2, x.ndim))) * np.reshape(w, kept) + np.reshape(b, kept)


def np_eval(x, w, b):
    mean, var, w, b = (np.reshape(a.astype(x.dtype), KEPT) for a in (MEAN, VAR, w, b))
    return (x - mean) / np.sqrt(var + 1e-5) * w + b


def np_layer(x, w=1.0, b=0.0):
    return np_norm(x, (-2, -1)) * w + b


def np_group(x, w=1.0, b=0.0):
    y = np_norm(x.reshape(len(x), 2, -1), (2,)).reshape(x.shape)
    return y * np.reshape(w, KEPT) + np.reshape(b, KEPT)


def batch(x, w=None, b=None):
    return F.batch_norm(x, None, None, w, b, training=True)


def eval_(x, w, b):
    return F.batch_norm(x, MEAN.astype(x.dtype), VAR.astype(x.dtype), w, b)


def layer(x, w=None, b=None):
    return F.layer_norm(x, x.shape[-2:], w, b)


def scale(x, w=1.0, b=0.0):
    """A spread may be much smaller than the numbers; what is divided by it is as wrong as they are."""
    return 1e3 * (1 + np.abs(x).max(initial=0.0)) ** 2 * (1 + np.abs(w).max() + np.abs(b).max())


N = {"n": 20, "scale": scale}
CASES = {
    "BatchNorm": [
        Case(batch, np_batch, [((5, 3),), ((3, 2, 4),), ((2, 3, 2, 2),), ((2, 0),)], **N),
        Case(batch, np_batch, [((5, 3), (3,), (3,)), ((2, 3, 4), (3,), (3,))], **N),
    ],
    "BatchNormEval": [Case(eval_, np_eval, [((2, 3, 4), (3,), (3,)), ((1, 3, 1), (3,), (3,))], **N)],
    "LayerNorm": [
        Case(layer, np_layer, [((5, 3, 2),), ((3, 4),), ((0, 2, 3),)], **N),
        Case(layer, np_layer, [((4, 3, 2), (3, 2), (3, 2))], **N),
    ],
    "group_norm": [Case(lambda x, *a: F.group_norm(x, 2, *a), np_group, [((2, 4, 3),), ((2, 4, 3), (4,), (4,))], **N)],
    "instance_norm": [Case(lambda x: F.instance_norm(x), lambda x: np_norm(x, (2,)), [((2, 3, 5),)], **N)],
    "rms_norm": [
        Case(
            lambda x, w: F.rms_norm(x, (4,), w, 1e-5),
            lambda x, w: x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5) * w,
            [((3, 4), (4,))],
            **N,
        )
    ],
}
