"""Data: two small real sets inside the package, splitting into parts, scalers, augmentation.

>>> from fastgrad.data import load_digits, train_test_split
>>> digits = load_digits()
>>> x_train, x_test, y_train, y_test = train_test_split(digits.data / 16, digits.target, test_size=0.2, seed=0)
>>> x_train.shape, x_test.shape
((1437, 64), (360, 64))
"""

from . import augment
from .bundled import Bundled, load_digits, load_iris
from .scale import MinMaxScaler, StandardScaler
from .split import train_test_split

__all__ = ["Bundled", "MinMaxScaler", "StandardScaler", "augment", "load_digits", "load_iris", "train_test_split"]
