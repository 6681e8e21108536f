"""Dropout. What is drawn can be drawn again, so the backward pass keeps no mask."""

from functools import partial

from .. import kernels, streams
from ..tape import state
from .axes import floats
from .base import Op, apply, contiguous
from .elementwise import add, mul, sub

__all__: list = []

WORDS = 1 << 32  # there are so many random words
SHAPES = {2: "(C, L)", 3: "(N, C, L)", 4: "(N, C, H, W)", 5: "(N, C, D, H, W)"}
FLOOR = -1.0507009873554805 * 1.6732632423543772  # what SELU approaches far to the left: -scale alpha


class Dropout(Op):
    """out = x mask, where a number of the mask is 0 with probability p, else the scale;   dx = dout mask.

    ``apply(Dropout, x, p, scale, draw, shape)``: draw is a `streams.Draw`, of which the mask is a function; shape
    is the mask's, where it is smaller than x and broadcasts to it, else None.
    """

    @staticmethod
    def forward(ctx, x, p, scale, draw, shape=None):
        ctx.info = p, scale, draw, shape
        threshold = min(round(p * WORDS), WORDS - 1)
        key0, key1, stream = draw
        whole = shape is None
        out = None if whole else kernels.output(shape, x.dtype)
        out = kernels.dropout(contiguous(x) if whole else 1.0, key0, key1, stream, threshold, scale, out)
        if state.capture is not None and isinstance(draw, streams.Draw):
            state.capture.drawn(draw)  # to draw from another stream at every replay
        return out if whole else kernels.mul(x, out)

    @staticmethod
    def backward(ctx, dout):
        return apply(Dropout, dout, *ctx.info)


def dropout(input, p=0.5, training=True, inplace=False, *, form="inverted", shared=False):
    """In training, each element is 0 with probability p, independently, and the rest are scaled; else nothing is done.

    form="inverted", as in PyTorch: in training out = x / (1 - p) or 0, outside it out = x.
    form="textbook": in training out = x or 0, outside it out = (1 - p) x.
    Either way the mean outside training is the mean in training, since an element is kept with probability 1 - p. Some
    lectures print the factor of the textbook form as p, which is right for p = 0.5 alone: with p = 0.2 a unit is there
    in 80 % of the steps, so at test time its output must shrink to 0.8 of itself, and not to 0.2.

    shared: one mask for all rows of the batch, the first dimension of input.
    p = 0 changes nothing and p = 1 gives x 0. A NaN or infinity that is dropped is NaN, as in PyTorch. Which elements
    are dropped depends on `manual_seed` and on how many draws came before, not on dtype, threads or instruction set;
    the backward pass draws them again.
    Errors: ValueError for p outside [0, 1], TypeError for integers.
    Source: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov (2014), which has the textbook form.

    >>> import fastgrad as fg
    >>> x = fg.ones(1000)
    >>> sorted(set(fg.nn.functional.dropout(x, 0.2).tolist()))
    [0.0, 1.25]
    >>> fg.nn.functional.dropout(x, 0.2, training=False, form="textbook")[:2]
    tensor([0.8, 0.8])
    """
    shape = None
    if shared:
        if len(input.shape) < 2:
            raise ValueError(
                f"dropout: shared=True needs a batch, (N, ...), not {tuple(input.shape)}; leave it out, or give the "
                f"input a first dimension: input.unsqueeze(0)"
            )
        shape = (1, *input.shape[1:])
    return drop("dropout", input, p, training, inplace, shape, form)


def dropout1d(input, p=0.5, training=True, inplace=False, *, form="inverted"):
    """`dropout` of whole channels: of (N, C, L) or (C, L), all L numbers of a channel are dropped together, or none.

    Neighbours along L resemble each other, so that a single one that is dropped can be guessed from them.
    Source: Tompson, Goroshin, Jain, LeCun and Bregler (2015).

    >>> import fastgrad as fg
    >>> out = fg.nn.functional.dropout1d(fg.ones(4, 8, 100), 0.5)
    >>> bool((out == out[:, :, :1]).all())
    True
    """
    return drop("dropout1d", input, p, training, inplace, channels("dropout1d", input, (2, 3), 2), form)


def dropout2d(input, p=0.5, training=True, inplace=False, *, form="inverted"):
    """`dropout1d` of (N, C, H, W); of three dimensions, which are taken for (N, C, L), as in PyTorch.

    >>> import fastgrad as fg
    >>> out = fg.nn.functional.dropout2d(fg.ones(4, 8, 5, 5), 0.5)
    >>> bool((out == out[:, :, :1, :1]).all())
    True
    """
    return drop("dropout2d", input, p, training, inplace, channels("dropout2d", input, (3, 4)), form)


def dropout3d(input, p=0.5, training=True, inplace=False, *, form="inverted"):
    """`dropout1d` of (N, C, D, H, W) or (C, D, H, W)."""
    return drop("dropout3d", input, p, training, inplace, channels("dropout3d", input, (4, 5), 4), form)


def alpha_dropout(input, p=0.5, training=False, inplace=False):
    """Dropout that keeps mean 0 and variance 1, for SELU: an element becomes SELU's lower bound f = -1.7581 with
    probability p, and out = a x' + b, with a = ((1 - p) (1 + p f^2))^-1/2 and b = -a p f.

    Source: Klambauer, Unterthiner, Mayr and Hochreiter, "Self-normalizing neural networks" (2017).

    >>> import fastgrad as fg
    >>> fg.nn.functional.alpha_dropout(fg.tensor([1.0, 2.0]), 0.2)
    tensor([1., 2.])
    """
    check("alpha_dropout", p)
    input = floats(input, "alpha_dropout")
    if not training or p == 0:
        return input
    if inplace:
        return in_place("alpha_dropout", alpha_dropout, input, p, True)
    if p == 1:
        return mul(input, 0.0)
    a = ((1 - p) * (1 + p * FLOOR * FLOOR)) ** -0.5  # a (x m + f (1 - m)) - a p f  =  a (x - f) m + a f (1 - p)
    return add(apply(Dropout, sub(input, FLOOR), p, a, streams.draw()), a * FLOOR * (1 - p))


def drop(name, input, p, training, inplace=False, shape=None, form="inverted"):
    check(name, p)
    if form not in ("inverted", "textbook"):
        raise ValueError(f'{name}: form must be "inverted" or "textbook", not {form!r}')
    input = floats(input, name)
    inverted = form == "inverted"
    if p == 0 or (inverted and not training):
        return input
    if inplace:
        return in_place(name, partial(drop, name, shape=shape, form=form), input, p, training)
    if p == 1:
        return mul(input, 0.0)
    if not training:
        return mul(input, 1 - p)
    return apply(Dropout, input, p, 1 / (1 - p) if inverted else 1.0, streams.draw(), shape)


def in_place(name, function, input, *arguments):
    from .inplace import rewrite  # late: it needs the families that are loaded after this one

    return rewrite(f"{name}_", function, input, *arguments)


def check(name, p):
    if not (isinstance(p, (int, float)) and 0 <= p <= 1):
        raise ValueError(f"{name}: p, the probability of 0, must be a number from 0 to 1, not {p!r}")


def channels(name, input, dims, without=None):
    """The shape of a mask that has a number a channel. `without`: how many dimensions input has without a batch."""
    shape = tuple(input.shape)
    if len(shape) not in dims:
        wanted = " or ".join("(C, D, H, W)" if n == without == 4 else SHAPES[n] for n in dims)
        raise ValueError(f"{name}: input must be {wanted}, not {shape}; dropout takes any shape")
    kept = 1 if len(shape) == without else 2
    return (*shape[:kept], *(1,) * (len(shape) - kept))
