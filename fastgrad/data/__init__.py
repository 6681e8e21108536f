"""Data: two small real sets inside the package, and splitting arrays into a training and a test part.

>>> from fastgrad.data import load_digits, train_test_split
>>> digits = load_digits()
>>> x_train, x_test, y_train, y_test = train_test_split(digits.data / 16, digits.target, test_size=0.2, seed=0)
>>> x_train.shape, x_test.shape
((1437, 64), (360, 64))
"""

from .bundled import Bundled, load_digits, load_iris
from .split import train_test_split

__all__ = ["Bundled", "load_digits", "load_iris", "train_test_split"]
