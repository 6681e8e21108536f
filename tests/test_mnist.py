"""MNIST's files: what is missing is named, what is not MNIST's is refused."""

import gzip
import os

import numpy as np
import pytest
from test_readers import idx

from fastgrad.data import BadFileError, load_mnist, load_mnist_part

NAMES = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]


@pytest.fixture
def mnist(tmp_path, rng, monkeypatch):
    """A small MNIST: files, and what is in them."""
    monkeypatch.delenv("FASTGRAD_MNIST_DIR", raising=False)
    made = {}
    for part, n in (("train", 7), ("t10k", 4)):
        made[part] = rng.integers(0, 256, (n, 28, 28)).astype(np.uint8), rng.integers(0, 10, n).astype(np.uint8)
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(made[part][0])))
        (tmp_path / f"{part}-labels.idx1-ubyte").write_bytes(idx(made[part][1]))
    return tmp_path, made


def test_mnist(mnist, monkeypatch):
    folder, made = mnist
    (x, t), (x_test, t_test) = load_mnist(folder)
    assert (x.shape, x.dtype, t.dtype) == ((7, 784), np.float32, np.int64)
    assert np.array_equal(x, made["train"][0].reshape(7, 784).astype(np.float32) / np.float32(255))
    assert np.array_equal(t, made["train"][1])
    assert np.array_equal(t_test, made["t10k"][1])
    monkeypatch.setenv("FASTGRAD_MNIST_DIR", str(folder))
    (x, t), _ = load_mnist(flatten=False, normalize=False, one_hot_label=True)
    assert (x.dtype, t.dtype, t.shape) == (np.uint8, np.float32, (7, 10))
    assert np.array_equal(x, made["train"][0][:, None])
    assert np.array_equal(t.argmax(1), made["train"][1])
    assert np.array_equal(t.sum(1), np.ones(7))
    assert np.array_equal(load_mnist_part("test")[0], x_test)
    assert np.array_equal(load_mnist_part("train", folder, normalize=False)[1], made["train"][1])


def test_mnist_says_what_is_missing(mnist):
    folder, _ = mnist
    with pytest.raises(
        FileNotFoundError, match=r"no folder is given, and nothing is downloaded; .* FASTGRAD_MNIST_DIR"
    ):
        load_mnist()
    with pytest.raises(FileNotFoundError, match="nowhere is no folder; give the folder"):
        load_mnist(folder / "nowhere")
    (folder / "t10k-labels.idx1-ubyte").unlink()
    (folder / "train-images-idx3-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError) as error:
        load_mnist(folder)
    assert f"missing in {folder}: train-images-idx3-ubyte, t10k-labels-idx1-ubyte (each" in str(error.value)
    with pytest.raises(FileNotFoundError, match=r": t10k-labels-idx1-ubyte \(each"):
        load_mnist_part("test", folder)
    with pytest.raises(ValueError, match="must be 'train' or 'test'"):
        load_mnist_part("t10k", folder)
    with pytest.raises(TypeError, match="folder comes first, not True"):
        load_mnist(True)


def test_what_is_not_mnists_is_refused(mnist):
    folder, made = mnist
    labels, images = folder / "train-labels.idx1-ubyte", folder / "train-images-idx3-ubyte.gz"
    for path, content, text in [
        (labels, idx(made["train"][1][:5]), r"byte 4: it has 5 labels, and .*images-idx3-ubyte.gz 7 images"),
        (labels, idx(np.uint8([0, 1, 2, 13, 4, 5, 6])), "byte 11: label 13 of image 3"),
        (labels, idx(made["train"][1].astype(np.int8)), "it holds int8"),
        (labels, idx(made["train"][0]), r"it holds uint8 of shape \(7, 28, 28\); expected are uint8, 1 dimensions"),
        (images, idx(made["train"][0][:, 1:]), r"byte 8: its images are \(27, 28\)"),
    ]:
        before = path.read_bytes()
        path.write_bytes(content)
        with pytest.raises(BadFileError, match=text):
            load_mnist(folder)
        path.write_bytes(before)
    load_mnist(folder)


def test_the_real_images():
    """The 10,000 test images, where FASTGRAD_MNIST_DIR names a folder that has them."""
    if not os.environ.get("FASTGRAD_MNIST_DIR"):
        pytest.skip("FASTGRAD_MNIST_DIR is not set: no files of MNIST")
    x, t = load_mnist_part("test")
    assert (x.shape, x.min(), x.max()) == ((10_000, 784), 0, 1)
    assert t[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert np.bincount(t).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert abs(x.mean() - 0.13251) < 1e-4
