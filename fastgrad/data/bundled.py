"""The data sets that come with the package. Their sources and licences: SOURCES.md beside this file.

A file is read, checked against its SHA-256 and parsed when it is asked for; nothing is kept.
"""

import hashlib
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np

FOLDER = Path(__file__).resolve().parent
SHA256 = {
    "iris.csv": "b6b8efc86732bc48c9fbddba53e2c191fd4f263c0ee98e2b1b7d3543e8d2121d",
    "digits.npz": "a7e90fa73760e8f2b1dedf547e10a262714d3855f807565302a081a95da5177c",
}
LICENCE = "CC BY 4.0"


class Bundled(NamedTuple):
    """A data set of N samples with D features, in C classes."""

    data: np.ndarray  # [N,D] float32
    target: np.ndarray  # [N] int64, 0..C-1
    feature_names: tuple[str, ...]  # D names
    target_names: tuple[str, ...]  # C names
    description: str
    source: str
    licence: str
    images: np.ndarray | None = None  # [N,H,W] float32: data again, as pictures, in the same memory


def load_iris() -> Bundled:
    """Iris: three species told apart by four lengths of their flowers.

    data [150,4] float32, in cm: sepal length, sepal width, petal length, petal width. target [150] int64: 0 setosa,
    1 versicolor, 2 virginica, fifty each, in this order. The numbers are those of Fisher's article; rows 35 and 38
    (counted from 1) of the UCI file differ from it and are not what is shipped.

    Errors: ValueError when the file is not the one that was packaged; FileNotFoundError when it is missing.

    >>> iris = load_iris()
    >>> iris.data.shape, iris.target_names[iris.target[0]]
    ((150, 4), 'setosa')

    Source: R. A. Fisher, "The use of multiple measurements in taxonomic problems", Annals of Eugenics 7 (1936) 179-188.
    """
    header, *lines = _read("iris.csv").decode("ascii").splitlines()
    rows = [line.split(",") for line in lines]
    names = tuple(dict.fromkeys(row[-1] for row in rows))
    return Bundled(
        data=np.array([row[:-1] for row in rows], np.float32),
        target=np.array([names.index(row[-1]) for row in rows], np.int64),
        feature_names=tuple(name.removesuffix("_cm").replace("_", " ") + " (cm)" for name in header.split(",")[:-1]),
        target_names=names,
        description="150 iris flowers of three species: lengths and widths of their sepals and petals in centimetres",
        source='R. A. Fisher, "Iris", UCI Machine Learning Repository (1936), doi:10.24432/C56C76',
        licence=LICENCE,
    )


def load_digits() -> Bundled:
    """Handwritten digits, 8x8: the 1797 images of the test part of the UCI set.

    data [1797,64] float32, whole numbers 0..16: how many of the 4x4 black-or-white pixels under each of the 8x8 fields
    are inked, row by row from the top. Divide by 16 for 0..1. images [1797,8,8] shows the same memory as pictures.
    target [1797] int64: the digit, 0..9.

    Errors: ValueError when the file is not the one that was packaged; FileNotFoundError when it is missing.

    >>> digits = load_digits()
    >>> digits.data.shape, digits.images.shape, digits.target[:5].tolist()
    ((1797, 64), (1797, 8, 8), [0, 1, 2, 3, 4])

    Source: E. Alpaydin and C. Kaynak, "Cascading Classifiers", Kybernetika 34 (1998) 369-374.
    """
    with np.load(io.BytesIO(_read("digits.npz")), allow_pickle=False) as file:
        images, target = file["images"].astype(np.float32), file["target"].astype(np.int64)
    return Bundled(
        data=images.reshape(len(images), -1),
        target=target,
        feature_names=tuple(f"pixel {row},{column}" for row in range(8) for column in range(8)),
        target_names=tuple("0123456789"),
        description="1797 handwritten digits as 8x8 images of 0..16, by 13 people whose hands the training part lacks",
        source=(
            'E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", '
            "UCI Machine Learning Repository (1998), doi:10.24432/C50P49"
        ),
        licence=LICENCE,
        images=images,
    )


def _read(name: str) -> bytes:
    """The bytes of a packaged file, once its checksum is found right."""
    path = FOLDER / name
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: it belongs to the package; install fastgrad again")
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256[name]:
        raise ValueError(
            f"{path} is not the file that was packaged: its SHA-256 is {found}, expected {SHA256[name]}; "
            f"install fastgrad again (in a checkout: restore the file from the repository)"
        )
    return content
