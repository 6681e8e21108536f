"""The table of vectors."""

import numpy as np

from .. import ops
from ..interop import destination
from ..tensor import tensor
from . import init
from .module import Module, Parameter

__all__ = ["Embedding"]


class Embedding(Module):
    """out[..., D] = weight[index, :], a row for each integer in 0..V-1.

    weight (num_embeddings, embedding_dim) starts normal with variance 1, or as ``init`` says (a name of
    `nn.init.SCHEMES`, or a function that fills a tensor), and the row padding_idx, which gets no gradient, 0.
    Errors: IndexError naming an index outside 0..V-1; ValueError for a padding_idx outside, or an unknown ``init``.

    >>> import fastgrad as fg
    >>> fg.nn.Embedding(10, 4)(fg.tensor([[1, 2, 9]])).shape
    (1, 3, 4)
    """

    def __init__(self, num_embeddings, embedding_dim, padding_idx=None, *, device=None, dtype=None, init=None):
        super().__init__()
        destination(device=device)
        dtype = dtype or ops.dtypes.default_dtype
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise ValueError(f"Embedding: padding_idx {padding_idx} is not one of {num_embeddings} rows")
            padding_idx %= num_embeddings
        self.num_embeddings, self.embedding_dim, self.padding_idx = num_embeddings, embedding_dim, padding_idx
        self.init = init
        self.weight = Parameter(tensor(np.empty((num_embeddings, embedding_dim), dtype)))
        self.reset_parameters()

    def reset_parameters(self):
        init.fill(self.weight, "normal" if self.init is None else self.init, "Embedding")
        if self.padding_idx is not None:
            self.weight.data[self.padding_idx] = 0.0

    @classmethod
    def from_pretrained(cls, embeddings, freeze=True, padding_idx=None):
        """A table that begins with the given rows [V, D], and stays so if `freeze`."""
        if embeddings.ndim != 2:
            raise ValueError(f"from_pretrained: rows must be (V, D), not {tuple(embeddings.shape)}")
        rows, width = embeddings.shape
        made = cls(rows, width, padding_idx)
        made.weight = Parameter(tensor(embeddings), requires_grad=not freeze)
        return made

    def forward(self, x):
        return ops.embedding(x, self.weight, self.padding_idx)

    def extra_repr(self):
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
