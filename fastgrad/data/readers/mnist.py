"""MNIST, and what is published in its form under the same file names: Fashion-MNIST, KMNIST."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from .files import BadFileError
from .idx import read_idx

VARIABLE = "FASTGRAD_MNIST_DIR"
STEMS = {"train": "train", "test": "t10k"}
CLASSES = 10
ADVICE = f"give the folder that has the files of MNIST, or name it in the environment variable {VARIABLE}"


def load_mnist(
    folder: Any = None, flatten: bool = True, normalize: bool = True, one_hot_label: bool = False
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """MNIST from files that you have: ``((x_train, t_train), (x_test, t_test))``. Nothing is downloaded.

    folder          where the four files are; without it, the folder that the variable FASTGRAD_MNIST_DIR names
    flatten         images as rows [N,784]; otherwise [N,1,28,28]
    normalize       pixels as float32 from 0 to 1; otherwise as they are, uint8 from 0 to 255
    one_hot_label   labels as rows [N,10] float32 with a single 1; otherwise [N] int64, 0..9

    The files, gzipped (.gz) or not: train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte,
    t10k-labels-idx1-ubyte (or with a dot, as in train-images.idx3-ubyte). Fashion-MNIST's have the same names.

    Errors: FileNotFoundError that names each missing file and says where to put it; ValueError (`BadFileError`) for a
    file that is damaged or is not MNIST's, with its name and the byte.

    >>> load_mnist("/nowhere")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    FileNotFoundError: load_mnist: /nowhere is no folder; ...

    Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits" (1998). The arguments are named
    as in the function of K. Saitoh, "Deep Learning from Scratch" (2016).
    """
    found = _files("load_mnist", folder, ("train", "test"))
    train, test = (_part(*found[part], flatten, normalize, one_hot_label) for part in ("train", "test"))
    return train, test


def load_mnist_part(
    part: str, folder: Any = None, flatten: bool = True, normalize: bool = True, one_hot_label: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """One part of MNIST, ``(x, t)``: "train", 60,000 images, or "test", 10,000. Only the two files of the part are
    needed; the rest is as in `load_mnist`.

    >>> load_mnist_part("validation")
    Traceback (most recent call last):
    ValueError: load_mnist_part: part must be 'train' or 'test', not 'validation'
    """
    if part not in STEMS:
        raise ValueError(f"load_mnist_part: part must be 'train' or 'test', not {part!r}")
    return _part(*_files("load_mnist_part", folder, (part,))[part], flatten, normalize, one_hot_label)


def _files(owner: str, folder: Any, parts: tuple[str, ...]) -> dict[str, tuple[Path, Path]]:
    """part -> its images and its labels. Errors: FileNotFoundError."""
    if isinstance(folder, bool):
        raise TypeError(f"{owner}: folder comes first, not {folder}; name the options: flatten=, normalize=")
    given = folder if folder is not None else os.environ.get(VARIABLE)
    if not given:
        raise FileNotFoundError(f"{owner}: no folder is given, and nothing is downloaded; {ADVICE}")
    home = Path(given)
    if not home.is_dir():
        raise FileNotFoundError(f"{owner}: {home} is no folder; {ADVICE}")
    found, missing = {}, []
    for part in parts:
        names = [f"{STEMS[part]}-{what}" for what in ("images-idx3-ubyte", "labels-idx1-ubyte")]
        files = [next((path for path in _spellings(home, name) if path.is_file()), None) for name in names]
        missing += [name for name, file in zip(names, files, strict=True) if file is None]
        found[part] = files
    if missing:
        raise FileNotFoundError(
            f"{owner}: missing in {home}: {', '.join(missing)} (each plain or with .gz); put them there, or {ADVICE}"
        )
    return found  # type: ignore[return-value]


def _spellings(home: Path, name: str) -> list[Path]:
    return [home / (one + end) for one in (name, name.replace("-idx", ".idx")) for end in ("", ".gz")]


def _part(
    image_file: Path, label_file: Path, flatten: bool, normalize: bool, one_hot: bool
) -> tuple[np.ndarray, np.ndarray]:
    images, labels = read_idx(image_file, dtype=np.uint8, ndim=3), read_idx(label_file, dtype=np.uint8, ndim=1)
    if images.shape[1:] != (28, 28):
        raise BadFileError(image_file, 8, f"its images are {images.shape[1:]}, MNIST's (28, 28); read_idx reads others")
    if len(images) != len(labels):
        raise BadFileError(label_file, 4, f"it has {len(labels)} labels, and {image_file} {len(images)} images")
    if labels.size and labels.max() >= CLASSES:
        at = int((labels >= CLASSES).argmax())
        raise BadFileError(label_file, 8 + at, f"label {labels[at]} of image {at}; MNIST's are 0 to {CLASSES - 1}")
    x: np.ndarray = images.reshape(len(images), *((784,) if flatten else (1, 28, 28)))
    if normalize:
        x = x.astype(np.float32)
        x /= 255
    return x, np.eye(CLASSES, dtype=np.float32)[labels] if one_hot else labels.astype(np.int64)
