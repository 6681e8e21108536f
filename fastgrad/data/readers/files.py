"""What the readers share: the error, and reading no more than was claimed and no more than comes."""

import os
import zlib
from typing import Any

CHUNK = 1 << 16
LARGEST_RATIO = 1032  # a deflated byte becomes at most so many: zlib's "Maximum Compression Factor"
NATIVE_KINDS = "biufc"


class BadFileError(ValueError):
    """A file that is truncated, damaged, or not what its header says. `path`; `offset`: the byte, where there is one.

    >>> raise BadFileError("a.idx", 4, "claims 7 rows, has 3")
    Traceback (most recent call last):
    fastgrad.data.readers.files.BadFileError: a.idx: byte 4: claims 7 rows, has 3
    """

    def __init__(self, path: Any, offset: int | None, text: str):
        super().__init__(f"{path}: {text}" if offset is None else f"{path}: byte {offset}: {text}")
        self.path, self.offset = os.fspath(path), offset


def collect(stream: Any, n: int) -> bytearray:
    """At most n bytes of a stream. Memory is taken as the bytes come, not as n says."""
    out = bytearray()
    while len(out) < n:
        part = stream.read(min(CHUNK, n - len(out)))
        if not part:
            break
        out += part
    return out


def too_much(claimed: int, packed: int, max_bytes: int) -> str | None:
    """Why a compressed file of `packed` bytes cannot, or may not, become `claimed` bytes; None where it may."""
    if claimed > packed * LARGEST_RATIO + CHUNK:
        return f"its header claims {claimed} bytes, which {packed} compressed bytes cannot become"
    if claimed > max_bytes:
        return f"its {packed} bytes claim to become {claimed}; if they are wanted, give max_bytes={claimed} or more"
    return None


def product(shape: Any) -> int:
    """The number of elements, as a whole number of Python: it does not overflow."""
    n = 1
    for size in shape:
        n *= size
    return n


INFLATING = (EOFError, zlib.error)
