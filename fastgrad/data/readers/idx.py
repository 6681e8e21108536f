"""IDX, the format of MNIST and its kin: a header of sizes, then the numbers."""

import contextlib
import gzip
import os
import sys
from typing import Any, BinaryIO

import numpy as np

from .files import INFLATING, BadFileError, collect, product, too_much

# the third byte of a file -> its numbers, the high byte first
DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MOST_DIMS = 32
MAX_BYTES = 1 << 30


def read_idx(path: Any, *, dtype: Any = None, ndim: int | None = None, max_bytes: int = MAX_BYTES) -> np.ndarray:
    """The array of an IDX file, plain or gzipped (which its first bytes say, not its name), in native byte order.

    Layout: two zero bytes; one that says the type (0x08 uint8, 0x09 int8, 0x0B int16, 0x0C int32, 0x0D float32,
    0x0E float64); the number of dimensions; each size as four bytes, the high one first; the elements, likewise.

    dtype, ndim   what is expected: a file of other numbers or dimensions is refused
    max_bytes     a compressed file may become as large as this, 1 GiB

    Errors: `BadFileError`, a ValueError, with the file's name and the byte, for a file that is not IDX, is truncated or
    too long for its header, or whose checksum (gzip) is wrong. Memory is taken for a plain file after its length was
    found to be right, and for a gzipped one as its bytes come, so a header cannot claim it. In a plain file a changed
    element cannot be noticed, nor a type that was changed into one of the same size: give dtype.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "two.idx")
    >>> _ = path.write_bytes(bytes([0, 0, 0x0B, 1,  0, 0, 0, 2,  0, 7,  255, 255]))
    >>> read_idx(path)
    array([ 7, -1], dtype=int16)

    Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits" (1998).
    """
    with open(path, "rb") as raw, contextlib.ExitStack() as stack:
        size = os.fstat(raw.fileno()).st_size
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if not packed:
            return _parsed(path, raw, size, None, dtype, ndim, max_bytes)
        stream: Any = stack.enter_context(gzip.GzipFile(fileobj=raw))
        try:
            return _parsed(path, stream, None, size, dtype, ndim, max_bytes)
        except (gzip.BadGzipFile, *INFLATING) as error:
            raise BadFileError(path, raw.tell(), f"the gzip stream is damaged before this byte: {error}") from error


def _parsed(
    path: Any, stream: BinaryIO, size: int | None, packed: int | None, dtype: Any, ndim: int | None, max_bytes: int
) -> np.ndarray:
    """The array. `size` is known of a plain file, `packed` is the length of a compressed one."""
    found, shape, start = _header(path, stream)
    if (dtype is not None and found.newbyteorder("=") != np.dtype(dtype)) or ndim not in (None, len(shape)):
        wanted = (
            f"{np.dtype(dtype) if dtype is not None else 'any type'}, {ndim if ndim is not None else 'any'} dimensions"
        )
        raise BadFileError(path, 2, f"it holds {found.newbyteorder('=')} of shape {shape}; expected are {wanted}")
    n = product(shape) * found.itemsize
    claim = f"its header claims {found.newbyteorder('=')} of shape {shape}, {start + n} bytes"
    if size is not None and size != start + n:
        _refuse_length(path, size, start + n, claim)
    if packed is not None and (reason := too_much(start + n, packed, max_bytes)):
        raise BadFileError(path, 4, f"{reason} (shape {shape})")
    if size is None:
        content = collect(stream, n)
        more = stream.read(1)  # of a complete stream: nothing, and its checksum is compared
    else:
        content, more = bytearray(n), b""
        del content[stream.readinto(content) :]  # type: ignore[attr-defined]
    if len(content) < n or more:
        _refuse_length(path, start + len(content) + len(more), start + n, claim)
    try:
        array = np.ndarray(shape, found, content)
    except ValueError as error:  # sizes beyond what NumPy has, next to a 0
        raise BadFileError(path, 4, f"{claim}: {error}") from None
    return array if found.itemsize == 1 or sys.byteorder == "big" else _native(array)


def _native(array: np.ndarray) -> np.ndarray:
    return array.byteswap(inplace=True).view(array.dtype.newbyteorder("="))


def _header(path: Any, stream: Any) -> tuple[np.dtype, tuple[int, ...], int]:
    """dtype, shape, and the length of the header."""
    head = collect(stream, 4)
    if len(head) < 4:
        raise BadFileError(path, len(head), "the file ends within its header, which has 4 bytes and the sizes")
    if head[:2] != b"\0\0" or head[2] not in DTYPES:
        raise BadFileError(
            path, 0, f"it begins with {head.hex(' ')}; an IDX file with 00 00, a type 08 to 0e, a number"
        )
    dims = head[3]
    if not 1 <= dims <= MOST_DIMS:
        raise BadFileError(path, 3, f"its header claims {dims} dimensions; from 1 to {MOST_DIMS} are read")
    sizes = collect(stream, 4 * dims)
    if len(sizes) < 4 * dims:
        raise BadFileError(path, 4 + len(sizes), f"the file ends within the sizes of its {dims} dimensions")
    shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, 4 * dims, 4))
    return np.dtype(DTYPES[head[2]]), shape, 4 + 4 * dims


def _refuse_length(path: Any, has: int, claimed: int, claim: str) -> None:
    if has < claimed:
        raise BadFileError(path, has, f"the file ends here, {claim}: it is truncated, or the header is wrong")
    raise BadFileError(
        path, claimed, f"there is more than the array, {claim}: the header is wrong, or the file not IDX"
    )
