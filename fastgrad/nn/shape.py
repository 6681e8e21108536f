"""Modules that compute nothing: Identity, Flatten, Unflatten."""

from .module import Module

__all__ = ["Flatten", "Identity", "Unflatten"]


class Identity(Module):
    """out = x, the same tensor. Takes the place of a module that is to be left out; any arguments are ignored.

    >>> import fastgrad as fg
    >>> fg.nn.Identity()(fg.tensor([1.0, 2.0]))
    tensor([1., 2.])
    """

    def __init__(self, *args, **kwargs):
        super().__init__()

    def forward(self, x):
        return x


class Flatten(Module):
    """The axes from `start_dim` to `end_dim`, both included, as one: (N, C, H, W) becomes (N, C H W).

    Errors: IndexError for an axis that x does not have.

    >>> import fastgrad as fg
    >>> fg.nn.Flatten()(fg.zeros(2, 3, 4)).shape
    (2, 12)
    """

    def __init__(self, start_dim=1, end_dim=-1):
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x):
        return x.flatten(self.start_dim, self.end_dim)

    def extra_repr(self):
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """The axis `dim` as several, of sizes `unflattened_size`, of which one may be -1: (N, C H W) becomes (N, C, H, W).

    Errors: ValueError where the sizes do not multiply to that of the axis.

    >>> import fastgrad as fg
    >>> fg.nn.Unflatten(1, (3, -1))(fg.zeros(2, 12)).shape
    (2, 3, 4)
    """

    def __init__(self, dim, unflattened_size):
        super().__init__()
        self.dim, self.unflattened_size = dim, tuple(unflattened_size)

    def forward(self, x):
        return x.unflatten(self.dim, self.unflattened_size)

    def extra_repr(self):
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
