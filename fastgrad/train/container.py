"""The file format: nested values as JSON, their arrays as raw bytes, a checksum of everything; never a pickle.

    offset      bytes   what
    0           8       89 46 47 53 41 56 45 0a, "\\x89FGSAVE\\n"
    8           4       version of the format, 1
    12          4       0
    16          8       S, where the structure begins
    24          8       J, how long it is; the file ends at S + J
    32          32      SHA-256 of bytes 0..31 and of the structure
    64 ...              arrays, each from a multiple of 64 bytes on, in C's order, little-endian; zeros between them
    S           J       the structure, JSON in ASCII:
                        {"by": "fastgrad 0.1.0", "arrays": [[dtype, shape, offset, SHA-256], ...], "value": ...}

Numbers of the head are little-endian. Null, true, false, strings, lists, floats and integers up to 2^53 stand for
themselves in the value; everything else is an object of one tag (`fastgrad.train.values`). Every byte is checked: by
one of the checksums, or as a zero. They are SHA-256 because it misses no change (a CRC of 32 bits misses one in four
billion, and none that is meant), is in every language's library, and, with the instructions that processors have for
it, is as fast as a disk.
"""

import errno
import hashlib
import json
import math
import os
import stat
import struct

import numpy as np

from .. import __version__, kernels
from ..devices import device as as_device
from . import atomic
from .foreign import kind_of_file
from .values import Decoder, Encoder, is_plain

__all__ = ["load", "save"]

MAGIC, VERSION = b"\x89FGSAVE\n", 1
HEAD = struct.Struct("<8sIIQQ")  # magic, version, 0, S, J
BEGIN = HEAD.size + 32  # where the first array may begin
ALIGNMENT = 64
PIECE = 1 << 20  # bytes that are hashed and written at a time


def save(obj, path):
    """Writes a nested value to a file, as ``torch.save`` does: ``fastgrad.save(model.state_dict(), "model.fg")``.

    obj: dicts (of strings and integers), lists, tuples, OrderedDicts and Counters of arrays of NumPy (of numbers,
    bools, dates and strings), tensors, NumPy's scalars, str, bytes, int, float, complex, bool, None. All come back as
    they were, floats to the bit; arrays in C's order. What stands in two places comes back twice. path: a path, or a
    binary file that can seek.

    A path holds the old file or the new one whenever the process or the machine stops: the new one is written beside
    it, and put in its place when it is on the disk (`fastgrad.train.atomic`). No copy of the arrays is made.
    Errors: TypeError for anything else in obj, with its place; RuntimeError for a tensor with a history; OSError for a
    full disk and the like, naming path and cure; the old file is whole then.

    >>> import os, tempfile, fastgrad as fg
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = os.path.join(folder.name, "model.fg")
    >>> net = fg.nn.Linear(2, 1)
    >>> fg.save(net.state_dict(), path)
    >>> net.load_state_dict(fg.load(path))
    Loaded(missing_keys=[], unexpected_keys=[])
    >>> folder.cleanup()
    """
    kernels.refuse_capture("save", "save outside of the step")
    encoder = Encoder()
    value = encoder.encode(obj)
    if hasattr(path, "write"):
        write(path, value, encoder.arrays)
        return
    with atomic.replacing(path) as file:
        write(file, value, encoder.arrays)


def load(path, map_location=None, *, weights_only=True):
    """Reads what `save` has written, as ``torch.load`` does. `map_location` is the CPU; `weights_only` changes nothing:
    there is never anything but data.

    Everything is checked: lengths against the file's size before memory is taken, every byte by a checksum.
    Errors: ValueError for a file that is damaged, cut short, of a newer version or of another kind, which says what is
    wrong where and what the file is; FileNotFoundError, IsADirectoryError.

    >>> import io, fastgrad as fg
    >>> file = io.BytesIO()
    >>> fg.save({"lr": 0.1, "steps": [1, 2]}, file)
    >>> fg.load(file)
    {'lr': 0.1, 'steps': [1, 2]}
    """
    if map_location is not None:
        as_device(map_location)
    if hasattr(path, "read"):
        return read(path, getattr(path, "name", f"the {type(path).__name__}"))
    with opened(path) as file:
        return read(file, path)


def opened(path, who="load"):
    """An ordinary file, open to be read."""
    try:
        kind = os.stat(path).st_mode
    except FileNotFoundError:
        folder = os.path.dirname(os.path.abspath(path))
        there = "" if os.path.isdir(folder) else f", nor the folder {folder}"
        raise FileNotFoundError(errno.ENOENT, f"{who}: there is no file {path}{there}") from None
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, f"{who}: {path} is a folder; name a file in it")
    if not stat.S_ISREG(kind):
        raise ValueError(f"{who}: {path} is no ordinary file, but a device, pipe or socket")
    return open(path, "rb")


# -- writing -----------------------------------------------------------------------------------------------------------
def write(file, value, arrays):
    """Arrays first, then the structure, whose checksums are known by then, and the head last."""
    file.seek(0)
    file.truncate()
    put(file, bytes(BEGIN))
    end, rows = BEGIN, []
    for a in arrays:
        begin = aligned(end)
        put(file, bytes(begin - end))
        digest = hashlib.sha256()
        for piece in pieces(a):
            digest.update(piece)
            put(file, piece)
        rows.append([a.dtype.str, list(a.shape), begin, digest.hexdigest()])
        end = begin + a.nbytes
    document = {"by": f"fastgrad {__version__}", "arrays": rows, "value": value}
    structure = json.dumps(document, allow_nan=False, separators=(",", ":")).encode("ascii")
    put(file, structure)
    head = HEAD.pack(MAGIC, VERSION, 0, end, len(structure))
    file.seek(0)
    put(file, head + hashlib.sha256(head + structure).digest())
    file.seek(0, os.SEEK_END)


def put(file, data):
    """All of it: a file without a buffer may take less at a time."""
    rest = memoryview(data)
    while len(rest):
        n = file.write(rest)
        rest = rest[len(rest) if n is None else n :]


def pieces(a):
    """The bytes of an array in C's order, little-endian, some at a time."""
    little = a.dtype.newbyteorder("<")
    if a.flags.c_contiguous and a.dtype == little:
        flat = a.reshape(-1).view(np.uint8)
        yield from (flat[i : i + PIECE] for i in range(0, len(flat), PIECE))
        return
    how: dict = {"flags": ["external_loop", "buffered", "zerosize_ok"], "order": "C", "casting": "equiv"}
    for piece in np.nditer(a, **how, op_dtypes=[little], buffersize=max(1, PIECE // a.itemsize)):
        yield np.ascontiguousarray(piece).view(np.uint8)


def aligned(offset):
    return -(-offset // ALIGNMENT) * ALIGNMENT


# -- reading -----------------------------------------------------------------------------------------------------------
def read(file, name):
    """The value in an open file. `name`: what it is called in errors."""
    size = file.seek(0, os.SEEK_END)
    begin, structure = structure_of(file, name, size)
    try:
        document = json.loads(structure, parse_constant=refuse_constant)
        rows, value = document["arrays"], document["value"]
        ends = checked_rows(rows, begin)
        return Decoder(Arrays(file, name, rows, ends)).decode(value)
    except Damaged:
        raise
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, OverflowError) as error:
        raise Damaged(name, f"its structure, from offset {begin}, makes no sense: {error!r}") from None


class Damaged(ValueError):
    """A file that is refused."""

    def __init__(self, name, why):
        super().__init__(f"load: {name} is refused: {why}")


def structure_of(file, name, size):
    """Where the structure begins, and its bytes, once head and checksum are found right."""
    file.seek(0)
    head = file.read(min(size, 128))
    if head[: len(MAGIC)] != MAGIC:
        raise Damaged(name, kind_of_file(head, size))
    if len(head) < BEGIN:
        raise Damaged(name, f"it is cut short: {size} bytes, the head alone has {BEGIN}; take an older copy")
    _, version, zero, begin, length = HEAD.unpack_from(head)
    if version > VERSION:
        raise Damaged(
            name,
            f"it says that it is of version {version} of the format, at offset 8, and this fastgrad, {__version__}, "
            f"reads up to {VERSION}; install a newer fastgrad",
        )
    if version != VERSION or zero or not BEGIN <= begin <= begin + length:
        raise Damaged(name, "its head, offset 8 to 31, is damaged; take an older copy")
    if begin + length != size:
        how = "cut short" if begin + length > size else "too long, or its head is damaged"
        raise Damaged(name, f"it is {how}: {size} bytes, its head says {begin + length}; take an older copy")
    file.seek(begin)
    structure = file.read(length)
    if hashlib.sha256(head[: HEAD.size] + structure).digest() != head[HEAD.size : BEGIN]:
        raise Damaged(
            name,
            f"its head (offset 0 to {BEGIN - 1}) or structure (offset {begin} to {size - 1}) is damaged, by its "
            f"checksum; take an older copy",
        )
    return begin, structure


def checked_rows(rows, begin):
    """The end of each array, which with that of the last padding must meet the structure."""
    end, ends = BEGIN, []
    for kind, shape, offset, _ in rows:
        dtype = np.dtype(kind)
        whole = all(type(n) is int and n >= 0 for n in shape)
        if not is_plain(dtype) or dtype.str != kind or not whole or offset != aligned(end):
            raise ValueError(f"an array {kind} {shape} at offset {offset}")
        end = offset + dtype.itemsize * math.prod(shape)
        ends.append(end)
    if end != begin:
        raise ValueError(f"the arrays end at {end}")
    return ends


def refuse_constant(text):
    raise ValueError(f"{text} is no number here")


class Arrays:
    """The arrays of a file, in their order: ``arrays(i, place)``."""

    def __init__(self, file, name, rows, ends):
        self.file, self.name, self.rows, self.ends = file, name, rows, ends

    def __len__(self):
        return len(self.rows)

    def __call__(self, i, place):
        kind, shape, offset, digest = self.rows[i]
        before = self.ends[i - 1] if i else BEGIN
        self.file.seek(before)
        if self.file.read(offset - before).strip(b"\0"):
            raise Damaged(self.name, f"it is damaged between offset {before} and {offset - 1}, where zeros should be")
        dtype = np.dtype(kind)
        little = dtype.newbyteorder("<")
        array = np.empty(shape, little)
        found = hashlib.sha256()
        flat = array.reshape(-1).view(np.uint8)
        for at in range(0, len(flat), PIECE):
            piece = flat[at : at + PIECE]
            if fill(self.file, piece) != len(piece):
                raise Damaged(self.name, f"it ended at offset {self.file.tell()} while it was being read")
            found.update(piece.data)
        if found.hexdigest() != digest:
            where = f"offset {offset} to {self.ends[i] - 1}"
            raise Damaged(
                self.name,
                f"the array {place}, {tuple(shape)} {dtype}, {where}, is damaged, by its checksum; take an older copy",
            )
        return array if dtype == little else array.byteswap(inplace=True).view(dtype)


def fill(file, piece):
    """Reads into an array of bytes; returns how many there were."""
    rest, done = memoryview(piece), 0
    while done < len(rest):
        n = file.readinto(rest[done:])
        if not n:
            break
        done += n
    return done
