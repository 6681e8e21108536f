"""What a benchmark's sizes are called, and the shapes they stand for."""

from itertools import pairwise

__all__ = ["LAYERS", "shapes_of"]

LAYERS = (784, 100, 100, 100, 100, 100, 100, 10)  # the seven-layer network; biases too it has 130,010 parameters


def shapes_of(size):
    """The shapes of a size's tensors. ValueError for what is no size.

    >>> shapes_of("2x64x32"), shapes_of("1M"), shapes_of("300x200"), len(shapes_of("mlp"))
    ([(64, 32), (64, 32)], [(1000000,)], [(300, 200)], 14)
    """
    if size == "mlp":
        return [shape for n_in, n_out in pairwise(LAYERS) for shape in ((n_out, n_in), (n_out,))]
    try:
        scale = {"k": 10**3, "M": 10**6}.get(size[-1:], 1)
        numbers = [round(float(n.rstrip("kM")) * scale) for n in size.split("x")]
    except ValueError:
        numbers = []
    if not 1 <= len(numbers) <= 3 or min(numbers) < 1:
        raise ValueError(
            f"no size: {size!r}; sizes are mlp (14 tensors), a number of parameters (5000, 1M, 33.5M), "
            f"a matrix (300x200), or so many matrices (100x64x64)"
        )
    return [tuple(numbers[1:])] * numbers[0] if len(numbers) == 3 else [tuple(numbers)]
