"""einsum: sums of products named by letters, taken apart into diagonals, sums, products and matrix products."""

from math import prod

import numpy as np

from .base import apply
from .elementwise import mul
from .matmul import BatchMatmul, Matmul
from .reduce import broadcast_to, sum
from .shape import diagonal, permute, reshape, unsqueeze

__all__ = ["einsum"]


class Term:
    """A tensor whose axes have labels: letters, and integers for the axes of an ellipsis, counted from its end."""

    def __init__(self, x, labels):
        self.x, self.labels = x, list(labels)

    def size(self, label):
        return self.x.shape[self.labels.index(label)]

    def without_repeats(self, equation):
        """The diagonal of axes with one label, which moves to the end."""
        for label in [k for k in dict.fromkeys(self.labels) if self.labels.count(k) > 1]:
            while self.labels.count(label) > 1:
                i = self.labels.index(label)
                j = self.labels.index(label, i + 1)
                if self.x.shape[i] != self.x.shape[j]:
                    sizes = f"{self.x.shape[i]} and {self.x.shape[j]}"
                    raise ValueError(f"einsum {equation!r}: {label} names axes of sizes {sizes} of one operand")
                self.x = diagonal(self.x, 0, i, j)
                self.labels = [k for n, k in enumerate(self.labels) if n not in (i, j)] + [label]
        return self

    def summed(self, keep):
        """Summed over the labels that nobody needs any more."""
        gone = [i for i, label in enumerate(self.labels) if label not in keep]
        if gone:
            self.x = sum(self.x, gone)
            self.labels = [label for label in self.labels if label in keep]
        return self

    def ordered(self, labels):
        """x with its axes in this order; a label it does not have is an axis of size 1."""
        present = [label for label in labels if label in self.labels]
        order = [self.labels.index(label) for label in present]
        x = self.x if order == list(range(len(order))) else permute(self.x, order)
        for i, label in enumerate(labels):
            if label not in self.labels:
                x = unsqueeze(x, i)
        return x


def einsum(equation, *operands):
    """Sums of products: the letters name axes, a letter that is not in the output is summed over.

    ``einsum("ik,kj->ij", a, b)`` is the matrix product, ``"ii->i"`` the diagonal, ``"...ij->...ji"`` a transpose.
    Without "->" the output has the letters that occur once, in alphabetical order. Two operands are multiplied at a
    time, in the order `numpy.einsum_path` finds cheapest.
    Errors: ValueError naming the letter whose sizes differ.

    >>> import fastgrad as fg
    >>> fg.einsum("i,j->ij", fg.tensor([1.0, 2.0]), fg.tensor([3.0, 4.0]))
    tensor([[3., 4.],
            [6., 8.]])
    """
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    inputs, output = parsed(equation, operands)
    terms = [Term(x, labels).without_repeats(equation) for x, labels in zip(operands, inputs, strict=True)]
    sizes = sizes_of(equation, terms)
    missing = [label for label in output if label not in sizes]
    if missing:
        raise ValueError(f"einsum {equation!r}: {spelt(missing)} in the output is in no operand")
    for positions in path_of(terms, output, sizes):
        chosen = [terms[i] for i in positions]
        terms = [term for i, term in enumerate(terms) if i not in positions]
        while len(chosen) > 1:
            a, b, *rest = chosen
            needed = {label for term in (*terms, *rest) for label in term.labels} | set(output)
            chosen = [contracted(a, b, needed, sizes), *rest]
        terms += chosen
    (last,) = terms
    out = last.summed(set(output)).ordered(output)
    shape = tuple(sizes[label] for label in output)
    return out if tuple(out.shape) == shape else broadcast_to(out, shape)


def parsed(equation, operands):
    """The labels of every operand, and of the output."""
    text = equation.replace(" ", "")
    left, arrow, right = text.partition("->")
    parts = left.split(",")
    if len(parts) != len(operands):
        raise ValueError(f"einsum {equation!r}: {len(parts)} terms for {len(operands)} operands")
    dots = 0
    inputs: list = []
    for i, (part, x) in enumerate(zip(parts, operands, strict=True)):
        letters = part.replace("...", "", 1)
        check_letters(equation, letters)
        n = x.ndim - len(letters)
        if n < 0 or (n and "..." not in part):
            raise ValueError(
                f"einsum {equation!r}: term {part!r} does not name the axes of operand {i}, {tuple(x.shape)}"
            )
        before, _, after = part.partition("...") if "..." in part else (part, "", "")
        inputs.append([*before, *(range(-n, 0) if "..." in part else ()), *after])
        dots = max(dots, n)
    if arrow:
        check_letters(equation, right.replace("...", "", 1))
        before, found, after = right.partition("...")
        output = [*before, *(range(-dots, 0) if found else ()), *after]
        if len(set(output)) != len(output):
            raise ValueError(f"einsum {equation!r}: a letter stands twice in the output")
    else:
        letters = "".join(parts).replace(".", "")
        output = [*range(-dots, 0), *sorted(k for k in set(letters) if letters.count(k) == 1)]
    return inputs, output


def check_letters(equation, letters):
    if letters and not (letters.isascii() and letters.isalpha()):
        raise ValueError(f"einsum {equation!r}: an axis is named by a letter; ... stands for those without a name")


def spelt(labels):
    return ", ".join("..." if isinstance(k, int) else k for k in labels)


def sizes_of(equation, terms):
    """Label -> size. Axes of size 1 are repeated."""
    sizes: dict = {}
    for term in terms:
        for label, n in zip(term.labels, term.x.shape, strict=True):
            if sizes.get(label, 1) == 1:
                sizes[label] = n
            elif n not in (1, sizes[label]):
                raise ValueError(f"einsum {equation!r}: {spelt([label])} has size {sizes[label]} and size {n}")
    return sizes


def path_of(terms, output, sizes):
    """Which terms meet, in which order: for each step their positions; what comes of them is put at the end."""
    if len(terms) <= 2:
        return [tuple(range(len(terms)))]
    number = {label: i for i, label in enumerate(sizes)}
    operands: list = []
    for term in terms:
        shape = [sizes[label] for label in term.labels]
        operands += [np.broadcast_to(np.float32(0), shape), [number[label] for label in term.labels]]
    path, _ = np.einsum_path(*operands, [number[label] for label in output], optimize="greedy")
    return path[1:]


def contracted(a, b, needed, sizes):
    """The product of two terms, summed over the labels that only they have and nobody needs."""
    a.summed({*needed, *b.labels})
    b.summed({*needed, *a.labels})
    both = [label for label in a.labels if label in b.labels]
    summed = [label for label in both if label not in needed]
    shared = [label for label in both if label in needed]
    rows = [label for label in a.labels if label not in both]
    columns = [label for label in b.labels if label not in both]
    if not summed:
        labels = [*shared, *rows, *columns]
        return Term(mul(a.ordered(labels), b.ordered(labels)), labels)
    size = [prod(sizes[label] for label in group) for group in (shared, rows, summed, columns)]
    a3 = grouped(a, (shared, rows, summed), sizes)
    b3 = grouped(b, (shared, summed, columns), sizes)
    if shared:
        out = apply(BatchMatmul, a3, b3)
    else:
        out = apply(Matmul, reshape(a3, size[1:3]), reshape(b3, size[2:]))
    labels = [*shared, *rows, *columns]
    return Term(reshape(out, [sizes[label] for label in labels]), labels)


def grouped(term, groups, sizes):
    """x with three axes, each of which stands for a group of labels."""
    labels = [label for group in groups for label in group]
    x, shape = term.ordered(labels), tuple(sizes[label] for label in labels)
    if tuple(x.shape) != shape:
        x = broadcast_to(x, shape)
    return reshape(x, [prod(sizes[label] for label in group) for group in groups])
