"""DataLoader: batches of a dataset, in an order that a seed gives, and from any place of an epoch on."""

import inspect
import itertools
import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..tape import Value, wrap
from .collate import as_arrays, default_convert, stacked
from .dataset import IterableDataset, TensorDataset
from .sampler import BatchSampler, Drawing, RandomSampler, SequentialSampler, as_count, as_flag
from .seeds import Seed, as_seed, stream

__all__ = ["DataLoader"]


SINGLE = "DataLoader: batch_size=None gives single samples; leave drop_last out"


class Place:
    """Where an epoch is: `batch` batches of it were handed out. A place becomes `begun` with its iterator."""

    __slots__ = ("batch", "begun", "done", "epoch", "sampler")

    def __init__(self, epoch: int, batch: int):
        self.epoch, self.batch, self.begun, self.done = epoch, batch, False, False
        self.sampler: Any = None  # its state when the epoch began


class BareArray:
    """An array as a dataset: a batch is an array, not a tuple of one."""

    def __init__(self, array: np.ndarray):
        self.get_batch = lambda index: array.take(index, 0)


class DataLoader:
    """Batches of a dataset as tuples of tensors, epoch after epoch.

    dataset      a `Dataset`; a tuple of arrays or tensors of one length, which becomes a `TensorDataset`; one array,
                 whose batches are then tensors, not tuples; anything with ``len`` and ``[i]``, as a list of samples
    batch_size   samples a batch. None: single samples, not stacked
    shuffle      every epoch in another random order
    sampler      the order, in place of `shuffle`; batch_sampler: the batches, lists of indices
    num_workers  0: batches are made when they are asked for. More: fastgrad has one process; one thread prepares
                 ``num_workers * prefetch_factor`` (2, if not given) batches ahead, as `prefetch` does
    collate_fn   makes the batch of a list of samples, in place of `default_collate`
    drop_last    the last batch is left out if it is smaller
    timeout      seconds to wait for the thread's next batch; 0: for ever
    generator    NumPy's; the loader's seed is drawn from it when it is first needed; without one, from fastgrad's own
    seed         the seed itself: the order of an epoch is a function of (seed, epoch)
    transform    ``transform(x, *targets, rng=rng)`` of the whole batch, NumPy arrays, returns the batch. `rng` is a
                 generator of its own for every (seed, epoch, batch): it is the same after a resume and in the thread.
                 A function without a parameter `rng` is called without it
    prefetch     so many batches are prepared ahead by a thread while the step runs; 0: none. Worth it where a batch
                 takes long (a transform, files); a plain gather of arrays is faster without

    `pin_memory` and `persistent_workers` have no effect: there is no other memory, and a thread starts in no time.

    Every ``iter()`` begins the next epoch, also after one that was broken off. `state_dict` gives epoch, position and
    seed; after `load_state_dict`, the next ``iter()`` goes on at that place, with the same order and the same random
    numbers. What the dataset, sampler or transform raise ends the epoch.

    Errors: ValueError for arguments that exclude each other; TypeError for what is no dataset.

    >>> x, t = np.arange(10, dtype=np.float32), np.arange(10) % 2
    >>> loader = DataLoader((x, t), batch_size=4, shuffle=True, seed=0)
    >>> [len(xb) for xb, tb in loader]
    [4, 4, 2]
    >>> epoch = iter(loader)
    >>> first = next(epoch)
    >>> state = loader.state_dict()  # epoch 1, one batch handed out
    >>> rest = [xb.tolist() for xb, tb in epoch]
    >>> again = DataLoader((x, t), batch_size=4, shuffle=True)
    >>> again.load_state_dict(state)
    >>> [xb.tolist() for xb, tb in again] == rest
    True
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Any = None,
        batch_sampler: Any = None,
        num_workers: int = 0,
        collate_fn: Callable | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: None = None,
        multiprocessing_context: None = None,
        generator: np.random.Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        seed: int | None = None,
        transform: Callable | None = None,
        prefetch: int | None = None,
    ):
        if worker_init_fn is not None or multiprocessing_context is not None:
            raise ValueError("DataLoader: there are no worker processes; leave worker_init_fn and the context out")
        if not timeout >= 0:
            raise ValueError(f"DataLoader: timeout is in seconds, 0 for ever, not {timeout!r}")
        self.dataset = as_dataset(dataset)
        self.batch_size, self.drop_last, self.shuffle = batch_size, as_flag("DataLoader: drop_last", drop_last), shuffle
        self.collate_fn, self.transform, self.timeout = collate_fn, transform, timeout
        self.num_workers, self.prefetch = num_workers, as_prefetch(num_workers, prefetch_factor, prefetch)
        self._seed = Seed("DataLoader", seed, generator)
        self.sampler: Any = None
        self.batch_sampler: Any = None
        if isinstance(self.dataset, IterableDataset):
            self._refuse_order(shuffle, sampler, batch_sampler)
        else:
            self._choose_order(shuffle, sampler, batch_sampler)
        self._takes_rng = transform is not None and takes_rng(transform)
        self._batch_of = self._choose_fetch()
        self._place = Place(0, 0)

    # -- what the arguments mean ---------------------------------------------------------------------------------------
    def _refuse_order(self, shuffle: Any, sampler: Any, batch_sampler: Any) -> None:
        if shuffle or sampler is not None or batch_sampler is not None:
            raise ValueError("DataLoader: an IterableDataset has its own order; leave shuffle and samplers out")
        if self.batch_size is not None:
            self.batch_size = as_count("DataLoader: batch_size", self.batch_size)
        elif self.drop_last:
            raise ValueError(SINGLE)

    def _choose_order(self, shuffle: Any, sampler: Any, batch_sampler: Any) -> None:
        if batch_sampler is not None:
            if self.batch_size != 1 or shuffle or sampler is not None or self.drop_last:
                raise ValueError("DataLoader: a batch_sampler excludes batch_size, shuffle, sampler and drop_last")
            self.batch_size, self.batch_sampler = None, batch_sampler
            self.sampler = getattr(batch_sampler, "sampler", None)
            return
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: a sampler gives the order; leave shuffle out")
        if not (shuffle is None or isinstance(shuffle, (bool, np.bool_))):
            raise ValueError(f"DataLoader: shuffle must be True or False, not {shuffle!r}")
        if sampler is None:
            source = self.dataset
            sampler = RandomSampler(source, seed=self._seed) if shuffle else SequentialSampler(source)
        self.sampler = sampler
        if self.batch_size is not None:
            self.batch_sampler = BatchSampler(
                sampler, as_count("DataLoader: batch_size", self.batch_size), self.drop_last
            )
        elif self.drop_last:
            raise ValueError(SINGLE)

    def _choose_fetch(self) -> Callable:
        """The function from what the sampler gives to a batch of arrays."""
        dataset, collate = self.dataset, self.collate_fn or stacked
        if isinstance(dataset, IterableDataset) or self.batch_sampler is None:
            return (self.collate_fn or as_it_is) if self.batch_size is None else collate
        if self.collate_fn is None:
            source = BareArray(bare(dataset)) if isinstance(dataset, (np.ndarray, Value)) else dataset
            if hasattr(source, "get_batch"):
                get_batch = source.get_batch
                return lambda index: get_batch(index if type(index) is np.ndarray else np.asarray(index))
        get_items = getattr(dataset, "__getitems__", None)
        if get_items is not None:
            return lambda index: collate(get_items(as_list(index)))
        return lambda index: collate([dataset[i] for i in as_list(index)])

    # -- an epoch ------------------------------------------------------------------------------------------------------
    def __len__(self) -> int:
        """Batches an epoch. TypeError where the dataset or sampler has no length."""
        if not isinstance(self.dataset, IterableDataset):
            return len(self.sampler if self.batch_sampler is None else self.batch_sampler)
        n, size = len(self.dataset), self.batch_size or 1  # type: ignore[arg-type]
        return n // size if self.drop_last else -(-n // size)

    def __iter__(self) -> Iterator:
        if self._place.begun:
            self._place = Place(self._place.epoch + 1, 0)
        place = self._place
        place.begun = True
        if self._takes_rng:
            self._seed.get()  # here, not in a thread: it may be drawn
        source = self._source(place, place.batch)
        if self.prefetch:
            from .prefetch import Prefetched

            first = place.batch
            source = Prefetched(source, self.prefetch, lambda n: self._again(place, first + n), self.timeout)
        return counted(source, place)

    def _source(self, place: Place, first: int) -> Iterator:
        """The batches of an epoch from `first` on."""
        return self._made(self._indices(place, first), place.epoch, first)

    def _again(self, place: Place, first: int) -> Iterator:
        """The same batches once more."""
        self._refuse_unresumable()
        if place.sampler is not None:
            self._resumable().load_state_dict(place.sampler)
        return self._source(place, first)

    def _made(self, indices: Iterator, epoch: int, first: int) -> Iterator:
        batch_of, transform, convert = self._batch_of, self.transform, converted
        for k, index in enumerate(indices, first):
            batch = batch_of(index)
            if transform is not None:
                batch = self._transformed(batch, epoch, k)
            yield convert(batch)

    def _transformed(self, batch: Any, epoch: int, k: int) -> Any:
        parts = as_arrays(batch)
        parts = parts if type(parts) in (tuple, list) else (parts,)
        more = {"rng": stream(self._seed.get(), "transform", epoch, k)} if self._takes_rng else {}
        batch = self.transform(*parts, **more)  # type: ignore[misc]
        if batch is None:
            raise TypeError("DataLoader: transform has returned None; it returns the batch: return x, target")
        return batch

    def _indices(self, place: Place, first: int) -> Iterator:
        """What the batches of the epoch are made of, from the batch `first` on."""
        if isinstance(self.dataset, IterableDataset):
            return self._gathered(place.epoch, first)
        for one in (self.sampler, self.batch_sampler):
            if hasattr(one, "set_epoch"):
                one.set_epoch(place.epoch)
        if not isinstance(self.sampler, Drawing):  # which knows its order by the epoch
            place.sampler = self._sampler_state()
        if self.batch_sampler is None:
            return (self.dataset[i] for i in itertools.islice(self.sampler, first, None))
        ahead = getattr(self.batch_sampler, "index_batches", None)
        batches = itertools.islice(ahead() if ahead else iter(self.batch_sampler), first, None)
        return itertools.chain(list(itertools.islice(batches, 1)), batches)  # a sampler draws here, not in a thread

    def _gathered(self, epoch: int, first: int) -> Iterator:
        """Of an IterableDataset: lists of samples."""
        if hasattr(self.dataset, "set_epoch"):
            self.dataset.set_epoch(epoch)
        samples = iter(self.dataset)
        if self.batch_size is None:
            yield from itertools.islice(samples, first, None)
            return
        next(itertools.islice(samples, first * self.batch_size, first * self.batch_size), None)  # reads on
        while batch := list(itertools.islice(samples, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    # -- a run that goes on --------------------------------------------------------------------------------------------
    @property
    def seed(self) -> int | None:
        """The seed; None while it has not been needed and none was given."""
        return self._seed.value

    @property
    def epoch(self) -> int:
        """The epoch at which the loader is, counted from 0: after a whole epoch, the next."""
        return self._place.epoch + self._place.done

    def state_dict(self) -> dict:
        """Epoch, batches of it that were handed out, seed, the sampler's state, and what the loader goes through.

        It belongs to the iterator that was begun last. After the last batch of an epoch, but before its end was seen,
        `batch` is the number of batches: resumed there, the epoch gives no more batches and ends.

        Errors: TypeError for a sampler that cannot be resumed.
        """
        self._refuse_unresumable()
        place = self._place
        sampler = self._sampler_state() if place.sampler is None or place.done else place.sampler
        return {
            "epoch": self.epoch,
            "batch": 0 if place.done else place.batch,
            "seed": self._seed.value,
            "sampler": sampler,
            "loader": self._goes_through(),
        }

    def load_state_dict(self, state: dict) -> None:
        """The next ``iter()`` goes on where the state was taken. Errors: ValueError where it was taken of a loader with
        other samples, batch size or order; KeyError where something is missing. Nothing is changed then."""
        missing = {"epoch", "batch", "seed", "sampler", "loader"} - set(state)
        if missing:
            raise KeyError(f"DataLoader.load_state_dict: {sorted(missing)} missing: this is no state of a DataLoader")
        self._refuse_unresumable()
        here, there = self._goes_through(), dict(state["loader"])
        if here != there:
            raise ValueError(f"DataLoader.load_state_dict: the state was taken of {there}, this loader has {here}")
        epoch, batch = as_place(state["epoch"], state["batch"], self)
        seed = None if state["seed"] is None else as_seed("DataLoader.load_state_dict", state["seed"])
        if state["sampler"] is not None:
            self._resumable().load_state_dict(state["sampler"])
        self._seed.value = seed
        self._place = Place(epoch, batch)

    def _goes_through(self) -> dict:
        order = self.sampler if self.sampler is not None else self.batch_sampler
        try:
            samples: int | None = len(order if order is not None else self.dataset)
        except TypeError:
            samples = None
        name = "none" if order is None else type(order).__name__
        size = self.batch_size or getattr(self.batch_sampler, "batch_size", None)
        return {"samples": samples, "batch_size": size, "drop_last": self.drop_last, "order": name}

    def _resumable(self) -> Any:
        """The sampler that has a state, if one has."""
        return next((one for one in (self.sampler, self.batch_sampler) if hasattr(one, "load_state_dict")), None)

    def _sampler_state(self) -> Any:
        one = self._resumable()
        return None if one is None or getattr(one, "_seed", None) is self._seed else one.state_dict()

    def _refuse_unresumable(self) -> None:
        orders = [one for one in (self.sampler, self.batch_sampler) if one is not None]
        if orders and not any(map(can_be_had_again, orders)):
            raise TypeError(
                f"DataLoader: {type(orders[0]).__name__} has neither set_epoch(epoch) nor state_dict() and "
                f"load_state_dict(state), so its order cannot be had again; give it one of the two"
            )


def can_be_had_again(order: Any) -> bool:
    if isinstance(order, (list, tuple, range, np.ndarray)):
        return True
    return hasattr(order, "set_epoch") or hasattr(order, "load_state_dict")


def counted(source: Iterator, place: Place) -> Iterator:
    """The source's batches; the place moves with each that is handed out."""
    for batch in source:
        place.batch += 1
        yield batch
    place.done = True


def converted(batch: Any) -> Any:
    """`default_convert`, the usual case first."""
    if type(batch) is tuple:
        return tuple(
            [wrap(x) if type(x) is np.ndarray and x.dtype.kind in "fiub" else default_convert(x) for x in batch]
        )
    return default_convert(batch)


def as_dataset(data: Any) -> Any:
    if isinstance(data, tuple) and data and all(isinstance(a, (np.ndarray, Value)) and bare(a).ndim for a in data):
        return TensorDataset(*data)
    if not isinstance(data, IterableDataset) and not (hasattr(data, "__getitem__") and hasattr(data, "__len__")):
        raise TypeError(
            f"DataLoader: {type(data).__name__} is no dataset: it needs __len__ and __getitem__; give arrays as a "
            f"tuple (x, t), and what can only be iterated over as an IterableDataset"
        )
    return data


def as_prefetch(num_workers: int, factor: int | None, prefetch: int | None) -> int:
    """How many batches ahead."""
    for name, n in (("num_workers", num_workers), ("prefetch_factor", factor or 0), ("prefetch", prefetch or 0)):
        if not isinstance(n, (int, np.integer)) or n < 0:
            raise ValueError(f"DataLoader: {name} must be an integer of at least 0, not {n!r}")
    if prefetch is not None:
        return int(prefetch)
    if factor is not None and not num_workers:
        raise ValueError("DataLoader: prefetch_factor counts for each of num_workers, which is 0; use prefetch=")
    return int(num_workers) * (2 if factor is None else int(factor))


def as_place(epoch: Any, batch: Any, loader: DataLoader) -> tuple[int, int]:
    """Errors: ValueError for a place that the loader has not."""
    try:
        count: float = len(loader)
    except TypeError:
        count = float("inf")
    if not (epoch >= 0 and 0 <= batch <= count):
        raise ValueError(f"DataLoader.load_state_dict: epoch {epoch}, batch {batch} of {count}: there is no such place")
    return operator.index(epoch), operator.index(batch)


def takes_rng(transform: Callable) -> bool:
    """Whether it has a parameter `rng`, or takes any."""
    try:
        parameters = inspect.signature(transform).parameters
    except (TypeError, ValueError):  # a function of C may not tell
        return False
    return "rng" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def bare(data: Any) -> np.ndarray:
    return data.data if isinstance(data, Value) else data


def as_list(index: Any) -> list:
    return index.tolist() if isinstance(index, np.ndarray) else list(index)


def as_it_is(sample: Any) -> Any:
    return sample
