"""Readers of files that others made: IDX, CSV, npz. Each refuses what is truncated, damaged or lies, by name and place;
what a header claims is compared with the file before memory is taken; nothing is unpickled, nothing downloaded."""

from .files import BadFileError
from .idx import read_idx
from .mnist import load_mnist, load_mnist_part
from .npz import read_npz
from .table import Table, read_csv

__all__ = ["BadFileError", "Table", "load_mnist", "load_mnist_part", "read_csv", "read_idx", "read_npz"]
