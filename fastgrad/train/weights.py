"""Weights for other programs: `.npz`, which NumPy reads, and `.safetensors`, which most libraries read."""

import os
import zipfile
from collections.abc import Mapping

import numpy as np

from .. import kernels
from ..nn import Module
from ..tape import Value
from . import atomic
from .container import fill, opened
from .foreign import kind_of_file
from .values import is_plain

__all__ = ["load_weights", "save_weights"]

SUFFIXES = (".npz", ".safetensors")
DEFLATED = 1032  # deflate makes nothing smaller than by this factor


def save_weights(model_or_state, path):
    """Writes a module's `state_dict`, or any dict of name -> array or tensor, to an .npz or .safetensors file.

    The suffix says which. Names are those of the state dict: ``numpy.load(path)["0.weight"]``. The file is replaced as
    a whole (`fastgrad.train.atomic`). safetensors takes the package of that name: ``pip install
    "fastgrad[safetensors]"``.
    Errors: ValueError for another suffix and for arrays that are not plain numbers; TypeError for what is no state;
    ImportError without the package; OSError as in `save`.

    >>> import os, tempfile, fastgrad as fg
    >>> from fastgrad.train import load_weights, save_weights
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = os.path.join(folder.name, "net.npz")
    >>> net = fg.nn.Linear(2, 1)
    >>> save_weights(net, path)
    >>> load_weights(path, net)
    Loaded(missing_keys=[], unexpected_keys=[])
    >>> sorted(load_weights(path))
    ['bias', 'weight']
    >>> folder.cleanup()
    """
    kernels.refuse_capture("save_weights", "save outside of the step")
    suffix = suffix_of(path, "save_weights")
    arrays = arrays_of(model_or_state)
    if suffix == ".npz":
        with atomic.replacing(path, "save_weights") as file:
            write_npz(file, arrays)
        return
    package = safetensors_numpy()
    try:
        data = package.save({k: np.asarray(a, a.dtype.newbyteorder("="), order="C") for k, a in arrays.items()})
    except Exception as error:  # the package's own kinds
        raise ValueError(f"save_weights: safetensors takes no such arrays: {error}") from None
    with atomic.replacing(path, "save_weights") as file:
        file.write(data)


def load_weights(path, model=None, strict=True):
    """The arrays of an .npz or .safetensors file by name; with a module, copies them into it.

    With `model`, returns what ``model.load_state_dict(arrays, strict)`` does, (missing_keys, unexpected_keys).
    Nothing is changed unless everything fits; no pickle is ever opened.
    Errors: ValueError for another suffix, for a damaged or cut file, for one of another kind, for numbers NumPy has
    not; ImportError without safetensors' package; those of `Module.load_state_dict`.
    """
    suffix = suffix_of(path, "load_weights")
    with opened(path, "load_weights") as file:
        if suffix == ".npz":
            arrays = read_npz(file, path)
        else:
            arrays = read_safetensors(file, path)
    return arrays if model is None else model.load_state_dict(arrays, strict)


def suffix_of(path, who):
    suffix = os.path.splitext(os.fspath(path))[1]
    if suffix not in SUFFIXES:
        raise ValueError(f"{who}: {path} must end in {' or '.join(SUFFIXES)}; fastgrad.save writes any other name")
    return suffix


def arrays_of(state):
    """Name -> array of a module or a dict."""
    if isinstance(state, Module):
        return state.state_dict()
    if not isinstance(state, Mapping):
        raise TypeError(f"save_weights takes a module or a dict of arrays by name, not a {type(state).__name__}")
    arrays = {}
    for name, x in state.items():
        if type(name) is not str or not isinstance(x, (np.ndarray, np.generic, Value)):
            raise TypeError(
                f"save_weights: {name!r} is a {type(x).__name__}; weights are arrays or tensors by name, "
                f"fastgrad.save takes nested values"
            )
        arrays[name] = a = x.data if isinstance(x, Value) else np.asarray(x)
        if a.dtype.kind not in "biufc" or not is_plain(a.dtype):
            raise ValueError(f"save_weights: {name} is {a.dtype}; weights are numbers of at most 64 bits")
    return arrays


# -- npz ---------------------------------------------------------------------------------------------------------------
def write_npz(file, arrays):
    """As numpy.savez does, whose own arguments take some names away."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, a in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as part:
                np.lib.format.write_array(part, a, allow_pickle=False)


def read_npz(file, path):
    refuse_other_kind(file, path, b"PK")
    try:
        with zipfile.ZipFile(file) as archive:
            return {info.filename.removesuffix(".npy"): read_npy(archive, info, path) for info in archive.infolist()}
    except Damaged:
        raise
    except (ValueError, TypeError, KeyError, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise Damaged(path, error) from None
    except Exception as error:  # zipfile.BadZipFile, zlib.error, struct.error, and whatever else damage leads to
        raise Damaged(path, f"{type(error).__name__}: {error}") from None


def read_npy(archive, info, path):
    """One array: its header must say what the archive says of its length, before memory is taken for it."""
    if not info.filename.endswith(".npy"):
        raise Damaged(path, f"its part {info.filename!r} is no .npy file")
    if info.file_size > DEFLATED * max(info.compress_size, 1):
        raise Damaged(path, f"its part {info.filename!r} says {info.file_size} bytes, packed in {info.compress_size}")
    with archive.open(info) as part:
        version = np.lib.format.read_magic(part)
        header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
        if header is None:
            raise Damaged(path, f"its part {info.filename!r} has version {version} of the format")
        shape, fortran, dtype = header(part)
        if dtype.hasobject or not is_plain(dtype):
            raise Damaged(path, f"its part {info.filename!r} holds {dtype}, no plain numbers; pickles are not opened")
        count = int(np.prod(shape, dtype=object))
        if count < 0 or part.tell() + count * dtype.itemsize != info.file_size:
            raise Damaged(path, f"its part {info.filename!r}, {shape} {dtype}, has {info.file_size} bytes")
        array = np.empty(shape[::-1] if fortran else shape, dtype)
        if fill(part, array.reshape(-1).view(np.uint8)) != array.nbytes or part.read(1):  # the end: the CRC is checked
            raise Damaged(path, f"its part {info.filename!r} is cut short")
        return array.T if fortran else array


# -- safetensors -------------------------------------------------------------------------------------------------------
def read_safetensors(file, path):
    package = safetensors_numpy()
    refuse_other_kind(file, path, None)
    try:
        return package.load_file(os.fspath(path))
    except Exception as error:  # SafetensorError, and for dtypes that NumPy has not KeyError or TypeError
        what = str(error).strip("'\"")
        hint = ""
        if any(kind in what.upper() for kind in ("BF16", "BFLOAT16", "F8", "FLOAT8")):
            hint = "; NumPy has no such numbers: write the file anew in PyTorch, with x.float()"
        raise Damaged(path, what + hint) from None


def safetensors_numpy():
    try:
        import safetensors.numpy
    except ImportError:
        raise ImportError(
            'files of safetensors need the package safetensors: pip install "fastgrad[safetensors]"; .npz needs none'
        ) from None
    return safetensors.numpy


# -- refusals ----------------------------------------------------------------------------------------------------------
class Damaged(ValueError):
    """A file of weights that is refused."""

    def __init__(self, path, why):
        super().__init__(f"load_weights: {path} is refused: {why}")


def refuse_other_kind(file, path, magic):
    """Raises for a file that does not begin as its name says."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(128)
    file.seek(0)
    told = kind_of_file(head, size)
    if not head.startswith(magic) if magic else "it is a safetensors file" not in told:
        ours = "it is a file of fastgrad.save; use fastgrad.load(path)" if head.startswith(b"\x89FGSAVE\n") else told
        raise Damaged(path, ours)
