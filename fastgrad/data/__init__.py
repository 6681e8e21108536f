"""Data: datasets and loaders, readers of files, splitting, scalers, augmentation, two small real sets in the package.

>>> from fastgrad.data import load_digits, train_test_split
>>> digits = load_digits()
>>> x_train, x_test, y_train, y_test = train_test_split(digits.data / 16, digits.target, test_size=0.2, seed=0)
>>> x_train.shape, x_test.shape
((1437, 64), (360, 64))
"""

from . import augment
from .bundled import Bundled, load_digits, load_iris
from .collate import default_collate, default_convert
from .dataset import ConcatDataset, Dataset, IterableDataset, Subset, TensorDataset
from .loader import DataLoader
from .readers import BadFileError, Table, load_mnist, load_mnist_part, read_csv, read_idx, read_npz
from .sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from .scale import MinMaxScaler, StandardScaler
from .split import random_split, shuffle_dataset, train_test_split, validation_split

__all__ = [
    "BadFileError",
    "BatchSampler",
    "Bundled",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "IterableDataset",
    "MinMaxScaler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "StandardScaler",
    "Subset",
    "SubsetRandomSampler",
    "Table",
    "TensorDataset",
    "WeightedRandomSampler",
    "augment",
    "default_collate",
    "default_convert",
    "load_digits",
    "load_iris",
    "load_mnist",
    "load_mnist_part",
    "random_split",
    "read_csv",
    "read_idx",
    "read_npz",
    "shuffle_dataset",
    "train_test_split",
    "validation_split",
]
