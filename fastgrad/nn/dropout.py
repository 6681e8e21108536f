"""Dropout as modules: each calls the function of `fastgrad.nn.functional` that it names, while it is in training."""

from .. import ops
from .module import Module

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d"]


class Dropout(Module):
    """Each element is 0 with probability p, in training; see `fastgrad.nn.functional.dropout`.

    form: "inverted" divides by 1 - p in training, "textbook" multiplies by 1 - p outside it. shared: one mask for all
    rows of the batch.

    >>> import fastgrad as fg
    >>> layer = fg.nn.Dropout(0.2, form="textbook").eval()
    >>> layer(fg.tensor([1.0, 2.0]))
    tensor([0.8, 1.6])
    """

    def __init__(self, p=0.5, inplace=False, *, form="inverted", shared=False):
        super().__init__()
        check(self, p, form)
        self.p, self.inplace, self.form, self.shared = p, inplace, form, shared

    def forward(self, x):
        return ops.dropout(x, self.p, self.training, self.inplace, form=self.form, shared=self.shared)

    def extra_repr(self):
        form = "" if self.form == "inverted" else f", form={self.form!r}"
        return f"p={self.p}, inplace={self.inplace}{form}{', shared=True' if self.shared else ''}"


class ChannelDropout(Module):
    """Whole channels are 0, or none of their numbers."""

    def __init__(self, p=0.5, inplace=False, *, form="inverted"):
        super().__init__()
        check(self, p, form)
        self.p, self.inplace, self.form = p, inplace, form

    def extra_repr(self):
        return f"p={self.p}, inplace={self.inplace}" + ("" if self.form == "inverted" else f", form={self.form!r}")


class Dropout1d(ChannelDropout):
    """Whole channels of (N, C, L) or (C, L); see `fastgrad.nn.functional.dropout1d`."""

    def forward(self, x):
        return ops.dropout1d(x, self.p, self.training, self.inplace, form=self.form)


class Dropout2d(ChannelDropout):
    """Whole channels of (N, C, H, W); see `fastgrad.nn.functional.dropout2d`."""

    def forward(self, x):
        return ops.dropout2d(x, self.p, self.training, self.inplace, form=self.form)


class Dropout3d(ChannelDropout):
    """Whole channels of (N, C, D, H, W) or (C, D, H, W); see `fastgrad.nn.functional.dropout3d`."""

    def forward(self, x):
        return ops.dropout3d(x, self.p, self.training, self.inplace, form=self.form)


class AlphaDropout(Module):
    """Dropout for SELU, which keeps mean and variance; see `fastgrad.nn.functional.alpha_dropout`."""

    def __init__(self, p=0.5, inplace=False):
        super().__init__()
        check(self, p)
        self.p, self.inplace = p, inplace

    def forward(self, x):
        return ops.alpha_dropout(x, self.p, self.training, self.inplace)

    def extra_repr(self):
        return f"p={self.p}, inplace={self.inplace}"


def check(layer, p, form="inverted"):
    name = type(layer).__name__
    if not (isinstance(p, (int, float)) and 0 <= p <= 1):
        raise ValueError(f"{name}: p, the probability of 0, must be a number from 0 to 1, not {p!r}")
    if form not in ("inverted", "textbook"):
        raise ValueError(f'{name}: form must be "inverted" or "textbook", not {form!r}')
