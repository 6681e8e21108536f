"""npz, NumPy's archive of arrays, looked through before anything is believed of it. Nothing is unpickled."""

import ast
import operator
import os
import struct
import zipfile
from typing import Any, BinaryIO

import numpy as np

from .files import INFLATING, NATIVE_KINDS, BadFileError, collect, product, too_much

MAX_BYTES = 1 << 30
LONGEST_HEADER = 10_000  # NumPy's own limit for headers of strangers
LENGTHS = {1: 2, 2: 4, 3: 4}  # version -> bytes of the header's length
END_LENGTH = 22  # of the last record of a zip archive
KEYS = {"descr", "fortran_order", "shape"}
WRONG_ZIP = (zipfile.BadZipFile, NotImplementedError, RuntimeError, struct.error, ValueError, OverflowError, *INFLATING)
WRONG_HEADER = (ValueError, TypeError, SyntaxError, RecursionError, MemoryError, KeyError)


def read_npz(path: Any, *, max_bytes: int = MAX_BYTES) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by name, as ``numpy.savez`` and ``savez_compressed`` write them, in native byte order.

    max_bytes   compressed arrays may become as large as this together, 1 GiB

    Errors: `BadFileError`, a ValueError, with the file's name, the array's, and the byte where it begins, for a file
    that is truncated or damaged (each array has a checksum), whose sizes contradict one another, or which holds Python
    objects: those need pickle, which is never used. Sizes in the archive and in the arrays' headers are compared with
    the file before memory is taken.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "a.npz")
    >>> np.savez(path, x=np.arange(3.0), t=np.int64([1, 2]))
    >>> read_npz(path)
    {'x': array([0., 1., 2.]), 't': array([1, 2])}
    """
    with open(path, "rb") as raw:
        try:
            with zipfile.ZipFile(raw) as archive:
                members = archive.infolist()
                size = os.fstat(raw.fileno()).st_size
                _count(path, raw, size, len(members))
                _look_through(path, members, size, max_bytes)
                return {info.filename[:-4]: _array(path, archive, info) for info in members}
        except BadFileError:
            raise
        except WRONG_ZIP as error:
            raise BadFileError(path, None, f"it is no whole npz archive: {error}") from error


def _count(path: Any, raw: BinaryIO, size: int, found: int) -> None:
    """zipfile does not compare how many members it has found with how many the end of the archive states."""
    tail = min(size, END_LENGTH + (1 << 16))  # a comment may follow
    raw.seek(size - tail)
    text = raw.read(tail)
    at = text.rfind(b"PK\5\6")
    claimed = int.from_bytes(text[at + 10 : at + 12], "little")
    if at < 0 or claimed != min(found, 0xFFFF):
        raise BadFileError(path, size - tail + at, f"its directory claims {claimed} arrays and has {found}")


def _look_through(path: Any, members: list[zipfile.ZipInfo], size: int, max_bytes: int) -> None:
    """The archive's own statements, against the file."""
    names = [info.filename for info in members]
    if len(set(names)) != len(names):
        raise BadFileError(path, None, "two of its arrays have one name")
    if sum(info.compress_size for info in members) > size:
        raise BadFileError(path, None, f"its arrays claim more than the {size} bytes of the file")
    packed = 0
    for info in members:
        at, what = info.header_offset, f"member {info.filename!r}"
        if not info.filename.endswith(".npy"):
            raise BadFileError(path, at, f"{what} is no array: its name does not end in .npy")
        if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BadFileError(path, at, f"{what} is encrypted, or compressed by another method than deflate")
        if at < 0 or at + info.compress_size > size:
            raise BadFileError(path, at, f"{what} claims {info.compress_size} bytes from here, the file has {size}")
        if info.compress_type == zipfile.ZIP_DEFLATED:
            packed += info.file_size
            reason = too_much(info.file_size, info.compress_size, max_bytes)
            if reason is None and packed > max_bytes:
                reason = f"its arrays claim to become more than {max_bytes} bytes; if they are wanted, give max_bytes"
            if reason:
                raise BadFileError(path, at, f"{what}: {reason}")
        elif info.file_size != info.compress_size:
            raise BadFileError(path, at, f"{what} claims {info.file_size} bytes stored in {info.compress_size}")


def _array(path: Any, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    at, what = info.header_offset, f"member {info.filename!r}"
    with archive.open(info) as stream:
        shape, fortran, dtype, start = _header(path, stream, at, what)
        n = product(shape) * dtype.itemsize
        claim = f"{what}: its header claims {dtype} of shape {shape}, {start + n} bytes, the archive {info.file_size}"
        if start + n != info.file_size:
            raise BadFileError(path, at, claim)
        content = collect(stream, n)
        if len(content) < n or stream.read(1):  # at the end the checksum is compared
            raise BadFileError(path, at, f"{claim}, and {start + len(content)} came")
    try:
        array: np.ndarray = np.ndarray(shape, dtype, content, order="F" if fortran else "C")
    except (ValueError, TypeError) as error:
        raise BadFileError(path, at, f"{claim}: {error}") from None
    if dtype.isnative or dtype.kind not in NATIVE_KINDS:
        return array
    return array.byteswap(inplace=True).view(dtype.newbyteorder("="))


def _header(path: Any, stream: Any, at: int, what: str) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    """shape, whether in Fortran's order, dtype, and the length of the .npy header."""
    head = collect(stream, 8)
    if len(head) < 8 or head[:6] != np.lib.format.MAGIC_PREFIX or head[6] not in LENGTHS or head[7]:
        raise BadFileError(path, at, f"{what} begins with {head.hex(' ')}, not as an .npy file of version 1 to 3 does")
    length = collect(stream, LENGTHS[head[6]])
    n = int.from_bytes(length, "little")
    if n > LONGEST_HEADER:
        raise BadFileError(path, at, f"{what} claims a header of {n} bytes; headers have up to {LONGEST_HEADER}")
    text = collect(stream, n)
    try:
        claims = ast.literal_eval(text.decode("utf-8" if head[6] == 3 else "latin1"))
        shape, fortran, dtype = claims["shape"], claims["fortran_order"], np.lib.format.descr_to_dtype(claims["descr"])
        if set(claims) != KEYS or type(fortran) is not bool or type(shape) is not tuple:
            raise ValueError(f"{claims}")
        product(map(operator.index, shape))
    except WRONG_HEADER as error:
        raise BadFileError(path, at, f"{what}: its .npy header is wrong: {str(error)[:200]}") from error
    if dtype.hasobject:
        raise BadFileError(path, at, f"{what} holds Python objects, which need pickle: it is not used; save numbers")
    if min(shape, default=0) < 0 or not dtype.itemsize:
        raise BadFileError(path, at, f"{what}: its header claims {dtype} of shape {shape}")
    return shape, fortran, dtype, len(head) + len(length) + len(text)
