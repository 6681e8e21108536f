"""Weights for other programs: `.npz`, which NumPy reads, and `.safetensors`, which most libraries read."""

import os
import zipfile
from collections.abc import Mapping

import numpy as np

from .. import kernels
from ..data.readers import read_npz
from ..nn import Module
from ..tape import Value
from . import atomic
from .container import opened
from .foreign import Refused, kind_of_file
from .values import is_plain

__all__ = ["load_weights", "save_weights"]

SUFFIXES = (".npz", ".safetensors")


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
    Errors: ValueError for another suffix; `fastgrad.data.readers.BadFileError`, a ValueError, for a file that is
    damaged, cut short or of another kind, and for numbers NumPy has not; ImportError without safetensors' package;
    those of `Module.load_state_dict`.
    """
    suffix = suffix_of(path, "load_weights")
    with opened(path, "load_weights") as file:
        refuse_other_kind(file, path, suffix)
    arrays = read_npz(path) if suffix == ".npz" else read_safetensors(path)
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


# -- safetensors -------------------------------------------------------------------------------------------------------
def read_safetensors(path):
    package = safetensors_numpy()
    try:
        return package.load_file(os.fspath(path))
    except Exception as error:  # SafetensorError, and for dtypes that NumPy has not KeyError or TypeError
        what = str(error).strip("'\"")
        hint = ""
        if any(kind in what.upper() for kind in ("BF16", "BFLOAT16", "F8", "FLOAT8")):
            hint = "; NumPy has no such numbers: write the file anew in PyTorch, with x.float()"
        raise Refused(path, what + hint, who="load_weights") from None


def safetensors_numpy():
    try:
        import safetensors.numpy
    except ImportError:
        raise ImportError(
            'files of safetensors need the package safetensors: pip install "fastgrad[safetensors]"; .npz needs none'
        ) from None
    return safetensors.numpy


def refuse_other_kind(file, path, suffix):
    """Raises for a file that does not begin as its name says."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(128)
    told = kind_of_file(head, size)
    if head.startswith(b"PK") if suffix == ".npz" else "it is a safetensors file" in told:
        return
    if head.startswith(b"\x89FGSAVE\n"):
        told = "it is a file of fastgrad.save; use fastgrad.load(path)"
    raise Refused(path, told, 0, who="load_weights")
