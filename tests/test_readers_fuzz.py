"""10,000 random bit flips and truncations of what the readers read.

Each is refused (`BadFileError`), or harmless: what was read is what stood in the file, or what the flip has provably
made of it. No flip is to crash, hang, or take memory beyond twice the file and `CONSTANT`.

What a reader cannot notice, because nothing in the file says otherwise: a flip in an element of a plain IDX file; in a
CSV file one that leaves a number (another digit), or a truncation that leaves whole rows or a shorter number.
"""

import contextlib
import encodings.cp437  # noqa: F401  the names in a zip archive, loaded late otherwise
import gzip
import io
import os
import time
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest
from test_readers import idx

from fastgrad.data import BadFileError, read_csv, read_idx, read_npz

CASES = {"idx": 3000, "idx.gz": 2500, "npz": 1500, "packed npz": 1500, "csv": 1500}
CONSTANT = 1 << 18  # bytes: buffers of files, of zlib, of a line
SECONDS = 0.5  # for one file, on a busy machine


def damaged(content, rng, n):
    """n copies with 1 to 3 flipped bits, or cut at a random place; with what was done."""
    for k in range(n):
        if k % 4 == 3:
            cut = int(rng.integers(0, len(content)))
            yield content[:cut], ("cut", cut)
            continue
        out, bits = bytearray(content), rng.integers(0, 8 * len(content), rng.integers(1, 4))
        if k % 4 == 2:  # near the beginning, where headers are
            bits = rng.integers(0, 8 * min(64, len(content)), 1)
        for bit in bits:
            out[bit // 8] ^= 1 << (bit % 8)
        yield bytes(out), ("flip", sorted({int(b) for b in bits}))


def put(file, content):
    """Writes over an open file, which takes far less time than a new one."""
    file.seek(0)
    file.write(content)
    if file.tell() != os.fstat(file.fileno()).st_size:
        file.truncate()


def fuzz(path, content, rng, n, read, harmless):
    """Reads n damaged copies; `harmless(found, damage, changed content)` asserts what may be accepted. Returns how many
    were refused."""
    refused = 0
    path.write_bytes(content)
    for _ in range(2):
        read(path)  # loads what is loaded late
    tracemalloc.start()
    try:
        with open(path, "r+b", buffering=0) as file:
            for changed, damage in damaged(content, rng, n):
                put(file, changed)
                refused += one(path, read, harmless, changed, damage, 2 * len(content) + CONSTANT)
    finally:
        tracemalloc.stop()
    print(f"{path.name}: {refused} of {n} refused, the others harmless")
    return refused


def one(path, read, harmless, changed, damage, most):
    """Reads a damaged file; returns whether it was refused."""
    tracemalloc.reset_peak()
    before, start = tracemalloc.get_traced_memory()[0], time.thread_time()
    said = None
    try:
        found = read(path)
    except BadFileError as error:
        said = str(error)
    assert time.thread_time() - start < SECONDS, damage
    used = tracemalloc.get_traced_memory()[1] - before
    assert used <= most, (damage, used)
    if said is None:
        harmless(found, damage, changed)
    else:
        assert said.startswith(f"{path}: "), damage
    return said is not None


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (9, 20, 20)).astype(np.uint8)


def test_plain_idx(tmp_path, rng, images):
    content = idx(images)

    def harmless(found, damage, changed):
        kind, bits = damage
        assert kind == "flip"
        assert min(bits) >= 8 * 16, "a header that was flipped"
        expected = np.frombuffer(changed, np.uint8, offset=16).reshape(images.shape)
        assert np.array_equal(found, expected)

    read = lambda path: read_idx(path, dtype="uint8")  # noqa: E731
    refused = fuzz(tmp_path / "a.idx", content, rng, CASES["idx"], read, harmless)
    assert (
        CASES["idx"] * 0.28 < refused < CASES["idx"] * 0.36
    )  # a quarter is cut, headers are 16 of 64 bytes in another


def test_every_single_flip_of_an_idx_header_is_refused(tmp_path, images):
    content = idx(images)
    unnoticed = []
    for bit in range(8 * 16):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << (bit % 8)
        (tmp_path / "a.idx").write_bytes(changed)
        with pytest.raises(BadFileError):
            read_idx(tmp_path / "a.idx", dtype="uint8")
        with contextlib.suppress(BadFileError):
            unnoticed.append((bit, read_idx(tmp_path / "a.idx").dtype))
    assert unnoticed == [(16, np.dtype("int8"))], "without dtype: a type of the same size, and nothing else"


def test_packed_idx(tmp_path, rng, images):
    content = gzip.compress(idx(images))
    harmless = lambda found, damage, changed: same(found, images, damage)  # noqa: E731
    refused = fuzz(tmp_path / "a.gz", content, rng, CASES["idx.gz"], read_idx, harmless)
    assert refused > CASES["idx.gz"] * 0.9


def same(found, expected, damage):
    assert damage[0] == "flip", "a truncation"
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected), damage


@pytest.mark.parametrize(("kind", "method"), [("npz", zipfile.ZIP_STORED), ("packed npz", zipfile.ZIP_DEFLATED)])
def test_npz(tmp_path, rng, images, kind, method):
    arrays = {"x": images[:3], "t": rng.standard_normal((4, 2)), "names": np.array(["a", "bc"])}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, array in arrays.items():
            file = io.BytesIO()
            np.lib.format.write_array(file, array, allow_pickle=False)
            archive.writestr(f"{name}.npy", file.getvalue())

    def harmless(found, damage, changed):
        assert set(found) == set(arrays), damage
        for name in arrays:
            same(found[name], arrays[name], damage)

    refused = fuzz(tmp_path / "a.npz", out.getvalue(), rng, CASES[kind], read_npz, harmless)
    assert refused > CASES[kind] * 0.7


def test_csv(tmp_path, rng):
    rows = 12
    x, t = rng.standard_normal((rows, 5)).round(4), rng.integers(0, 3, rows)
    lines = [",".join(map(str, [*x[i], "abc"[t[i]]])) for i in range(rows)]
    content = "\n".join(['a,b,"c, d",e,f,kind', *lines, ""]).encode()

    def harmless(found, damage, changed):
        kind, place = damage
        assert np.isfinite(found.data).all()
        assert found.data.shape[1] == 5
        assert len(found.data) == len(found.target) <= rows
        if kind == "cut":
            n = len(found.data)
            assert np.array_equal(found.data, np.float32(x[:n]))
            assert place >= sum(len(line) + 1 for line in lines[: n - 1])
        else:
            assert len(found.data) == rows, damage
            kinds = np.array(found.target_names)[found.target]
            assert (found.data != np.float32(x)).sum() + (kinds != np.array(list("abc"))[t]).sum() <= len(place), damage

    read = lambda path: read_csv(path, label=-1, labels="class")  # noqa: E731
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refused = fuzz(tmp_path / "a.csv", content, rng, CASES["csv"], read, harmless)
    assert refused > CASES["csv"] * 0.4


def test_the_fuzz_is_as_large_as_it_says_and_can_fail(tmp_path, rng, images):
    assert sum(CASES.values()) == 10_000

    def careless(path):
        content = path.read_bytes()
        return np.frombuffer(content, np.uint8, count=min(len(content), 3600))

    with pytest.raises(AssertionError, match=r"truncation|flip"):
        fuzz(tmp_path / "a", gzip.compress(idx(images)), rng, 100, careless, lambda *a: same(a[0], images, a[1]))
    with pytest.raises(AssertionError, match=r"flip|cut"):  # memory as a header claims
        fuzz(tmp_path / "b", idx(images), rng, 5, lambda path: np.zeros(1 << 20), lambda *a: None)
