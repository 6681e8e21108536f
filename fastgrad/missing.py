"""What an unknown name of fastgrad gets: an AttributeError that says what to write instead. Loaded by the first one."""

import sys
from pathlib import Path

CAPTURE = "use fastgrad.capture(step), which records a training step and replays it from C"
NO_GPU = "there is no GPU here, and memory is the process's own"
NO_AMP = "fastgrad computes in float32 and float64; leave autocast and GradScaler out"
TYPED = "use fastgrad.tensor(data, dtype=...), or zeros and empty by sizes"
ONE_PROCESS = "one process computes, with as many threads as fastgrad.set_num_threads says"
DETERMINISTIC = "leave it out: results are deterministic, for any number of threads"
NO_COMPLEX = "tensors are real, of float32 or float64"

INSTEAD = {
    "fastgrad": {
        "compile": CAPTURE,
        "jit": CAPTURE,
        "distributed": ONE_PROCESS,
        "multiprocessing": ONE_PROCESS,
        "backends": "use fastgrad.kernels.info() and fastgrad.kernels.use(...); results are deterministic",
        "use_deterministic_algorithms": DETERMINISTIC,
        "amp": NO_AMP,
        "autocast": NO_AMP,
        "bfloat16": NO_AMP,
        "complex64": NO_COMPLEX,
        "complex128": NO_COMPLEX,
        "Size": "a shape is a tuple",
        "dtype": "a dtype is NumPy's: numpy.dtype",
        "set_default_tensor_type": "use fastgrad.set_default_dtype(fastgrad.float64)",
        "set_printoptions": "tensors are printed by NumPy",
        "FloatTensor": TYPED,
        "DoubleTensor": TYPED,
        "LongTensor": TYPED,
        "IntTensor": TYPED,
        "BoolTensor": TYPED,
        "Generator": "use fastgrad.manual_seed(seed), or NumPy's as generator=: numpy.random.default_rng(seed)",
        "linalg": "use numpy.linalg on x.detach().numpy(), or matmul, norm and einsum where a gradient is wanted",
        "fft": "use numpy.fft on x.detach().numpy()",
        "vmap": "use an operation on the whole batch, or einsum",
        "func": "use fastgrad.autograd.functional",
        "seed": "use fastgrad.manual_seed(seed)",
        "get_rng_state": "use fastgrad.random.get_state()",
        "set_rng_state": "use fastgrad.random.set_state(state)",
        "is_complex": NO_COMPLEX,
        "onnx": "use model.state_dict(), arrays by name",
        "hub": "there are no models to download; use model.load_state_dict(arrays by name)",
        "sparse": "tensors are dense",
        "inf": "use math.inf or numpy.inf",
        "nan": "use math.nan or numpy.nan",
        "pi": "use math.pi or numpy.pi",
        "newaxis": "use None, x[:, None], or x.unsqueeze(1)",
        "finfo": "use numpy.finfo",
        "iinfo": "use numpy.iinfo",
        "array": "use fastgrad.tensor(data), or fastgrad.from_numpy(array), which shares memory",
        "mps": NO_GPU,
        "xpu": NO_GPU,
    },
    "fastgrad.cuda": {"amp": NO_AMP, "FloatTensor": TYPED, "LongTensor": TYPED},
    "fastgrad.nn": {
        "DataParallel": ONE_PROCESS,
        "parallel": ONE_PROCESS,
        "Conv3d": "write it as a Module of your own",
    },
    "fastgrad.utils": {
        "tensorboard": "keep loss.item() in a list and plot it",
    },
    "fastgrad.utils.data": {
        "ChainDataset": "write an IterableDataset whose __iter__ is itertools.chain(*datasets)",
        "StackDataset": "use TensorDataset(*arrays), or a Dataset whose __getitem__ returns a tuple",
        "DistributedSampler": ONE_PROCESS,
        "distributed": ONE_PROCESS,
        "get_worker_info": "there are no worker processes; one thread prepares batches, DataLoader(..., prefetch=2)",
    },
}

# By module, where the table has nothing.
GENERAL = {
    "fastgrad.cuda": f"{NO_GPU}: write it under if fastgrad.cuda.is_available()",
    "fastgrad.nn": "a layer of your own is a subclass of fastgrad.nn.Module with a forward",
    "fastgrad.nn.functional": "dir(fastgrad.nn.functional) lists what there is",
    "fastgrad.optim": "dir(fastgrad.optim) lists what there is",
}


def refusal(module, name):
    """The AttributeError for `name` of the module so called."""
    text = f"module {module!r} has no attribute {name!r}"
    if not name.startswith("__"):
        hint = INSTEAD.get(module, {}).get(name) or loadable(module, name) or GENERAL.get(module)
        text += f"; {hint}" if hint else ""
    return AttributeError(text, name=name, obj=sys.modules[module])


def loadable(module, name):
    """A part of the package that is loaded when it is asked for."""
    file = sys.modules[module].__file__
    folder = Path(file).parent if file and Path(file).name == "__init__.py" else None
    if folder and ((folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file()):
        return f"write import {module}.{name} first"
    return None
