"""What `fit` is given, made into what it uses: loaders, a loss, an optimizer, a schedule."""

import numpy as np

from .. import optim
from ..data import DataLoader, IterableDataset, TensorDataset, train_test_split
from ..nn import functional
from ..optim.averaging import Average
from ..optim.lr_scheduler import LRScheduler
from ..optim.optimizer import Optimizer
from ..optim.schedules import Schedule
from ..tensor import Tensor
from .evaluate import ROWS, as_input

__all__ = ["as_loader", "loaders", "make_averages", "make_optimizer", "make_schedule", "target_dtype", "usual_loss"]

CURES = {
    "inputs": "give columns of numbers, x.astype(numpy.float32)",
    "targets": "classes are 0, 1, ...: names, t = numpy.unique(t, return_inverse=True)",
}


def loaders(model, data, validation, batch_size, seed, scaler):
    """The loader of the training part, and that of the validation part or None."""
    arrays, held = as_arrays("fit", data, model), None
    if isinstance(validation, (int, float)) and not isinstance(validation, bool):
        arrays, held = split(arrays, validation, seed)
    elif validation is not None:
        held = as_arrays("fit: validation", validation, model)
    if scaler is not None:
        arrays, held = scaled(model, scaler, arrays, held)
    train = as_loader("fit", arrays, model, batch_size, shuffle=True, seed=seed)
    return train, None if held is None else as_loader("fit: validation", held, model)


def as_arrays(who, data, model):
    """(x, ..., y) as arrays that suit the model; a dataset or a loader as it is."""
    if isinstance(data, (tuple, list)) and all(isinstance(a, list) or hasattr(a, "__array__") for a in data):
        if len(data) < 2:
            raise ValueError(f"{who}: data is (x, y): inputs and targets; here are {len(data)} arrays")
        arrays = tuple(as_input(model, a) for a in data)
        if len({len(a) for a in arrays}) > 1:
            raise ValueError(f"{who}: inputs and targets have {[len(a) for a in arrays]} rows; give as many of each")
        if not len(arrays[0]):
            raise ValueError(f"{who}: there are no rows")
        target = arrays[-1]
        for part, a in zip((*["inputs"] * len(arrays[:-1]), "targets"), arrays, strict=True):
            if a.dtype.kind not in "fiub":
                raise TypeError(f"{who}: the {part} are {a.dtype}, no numbers; {CURES[part]}")
        return (*arrays[:-1], target.astype(np.int64, copy=False) if target.dtype.kind in "iub" else target)
    samples = isinstance(data, list) and len(data) and isinstance(data[0], tuple)
    sized = hasattr(data, "__len__") or isinstance(data, (IterableDataset, DataLoader))
    readable = sized and (hasattr(data, "__getitem__") or hasattr(data, "__iter__"))
    if samples or (readable and not isinstance(data, (np.ndarray, Tensor, str, dict, tuple, list))):
        return data
    raise TypeError(f"{who}: data is (x, y), a Dataset or a DataLoader, not a {type(data).__name__}")


def split(arrays, share, seed):
    """The training and the validation part, each class with the same share of both."""
    if not isinstance(arrays, tuple):
        raise TypeError(
            f"fit: validation={share} takes a share of arrays (x, y); of a dataset or a loader give the validation part"
        )
    target = arrays[-1]
    classes = target if target.dtype.kind == "i" and target.ndim == 1 else None
    parts = train_test_split(*arrays, test_size=share, seed=0 if seed is None else seed, stratify=classes)
    return parts[::2], parts[1::2]


def scaled(model, scaler, arrays, held):
    """The inputs scaled; the scaler is fitted on the training part. One that is fitted already is only kept with the
    run where a dataset or a loader, which cannot be scaled here, is seen to by its own transform."""
    if isinstance(scaler, type):
        raise TypeError(f"fit: scaler is a {scaler.__name__}, not the class; give scaler={scaler.__name__}()")
    parts = [part for part in (arrays, held) if part is not None]
    if not any(isinstance(part, tuple) for part in parts) and hasattr(scaler, "n_features_in_"):
        return arrays, held
    if not all(isinstance(part, tuple) for part in parts):
        raise TypeError(
            "fit: scaler scales arrays (x, y), of which both parts must be then; fit it before, and scale x before it "
            "goes into a dataset or a loader"
        )
    scaler.fit(arrays[0])
    arrays = (as_input(model, scaler.transform(arrays[0])), *arrays[1:])
    return arrays, None if held is None else (as_input(model, scaler.transform(held[0])), *held[1:])


def as_loader(who, data, model, batch_size=ROWS, shuffle=False, seed=None):
    """Batches of anything that `fit` takes as data."""
    data = as_arrays(who, data, model)
    if isinstance(data, tuple):
        return DataLoader(TensorDataset(*data), batch_size, shuffle, seed=seed)
    if isinstance(data, IterableDataset):
        return DataLoader(data, batch_size)
    return DataLoader(data, batch_size, shuffle, seed=seed) if hasattr(data, "__getitem__") else data


def target_dtype(loader):
    """The dtype of the targets, or None where only reading a batch would tell."""
    dataset = getattr(loader, "dataset", None)
    if dataset is None or isinstance(dataset, IterableDataset) or not len(dataset):
        return None
    found = dataset[0]
    if not isinstance(found, (tuple, list)) or len(found) < 2:
        raise ValueError("fit: a sample is a tuple (x, y) of inputs and target; this dataset has no targets")
    return np.asarray(found[-1].data if isinstance(found[-1], Tensor) else found[-1]).dtype


def usual_loss(dtype):
    """cross_entropy for classes, mse_loss for floats."""
    if dtype is None:
        raise ValueError("fit: name the loss: what the targets of these batches are is not known before they are read")
    return functional.cross_entropy if dtype.kind in "iu" else functional.mse_loss


def make_optimizer(model, optimizer):
    """The optimizer that was given, or made by what was given, or Adam."""
    if isinstance(optimizer, Optimizer):
        refuse_foreign(model, optimizer, [p for group in optimizer.param_groups for p in group["params"]])
        return optimizer
    if optimizer is not None and not callable(optimizer):
        raise TypeError(f"fit: optimizer is an Optimizer or makes one, not a {type(optimizer).__name__}")
    trained = [p for p in model.parameters() if p.requires_grad]
    if not trained:
        frozen = any(True for _ in model.parameters())
        raise ValueError(f"fit: {'every parameter of the model is frozen' if frozen else 'the model has no parameter'}")
    return (optimizer or optim.Adam)(trained)


def make_averages(model, averages):
    """The averages that were given, or made by what was given, or None."""
    if isinstance(averages, Average):
        refuse_foreign(model, averages, averages.params)
        return averages
    return averages(model.parameters()) if callable(averages) else averages


def refuse_foreign(model, holder, params):
    """Raises where an optimizer, or averages, have been made of another model's parameters."""
    own = {id(p) for p in model.parameters()}
    if not any(id(p) in own for p in params):
        raise ValueError(
            f"fit: this {type(holder).__name__} holds no parameter of the model, and would do nothing for it; make it "
            f"of model.parameters(), after the model"
        )


def make_schedule(schedule, optimizer, batches):
    """A scheduler for the optimizer, or None; a schedule that is a function of time becomes the optimizer's rate."""
    if isinstance(schedule, Schedule):
        optimizer.lr = schedule if schedule.unit == "step" else schedule.per_step(batches)
        return None
    if schedule is None or isinstance(schedule, LRScheduler):
        if schedule is not None and schedule.optimizer is not optimizer:
            raise ValueError(f"fit: this {type(schedule).__name__} belongs to another optimizer than the one in use")
        return schedule
    if not callable(schedule):
        raise TypeError(f"fit: schedule is a scheduler, or a function of the optimizer, not {schedule!r}")
    return schedule(optimizer)
