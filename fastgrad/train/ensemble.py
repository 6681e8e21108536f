"""Ensemble: several nets of other initial values, orders or folds, whose answers are averaged."""

import copy
from typing import NamedTuple

import numpy as np

from .. import random
from ..optim.averaging import Average
from ..show import table
from .evaluate import predict
from .fit import fit
from .history import History
from .interrupt import INTERRUPTED
from .metrics import accuracy
from .prepare import Optimizer, as_arrays, as_loader, target_dtype

__all__ = ["Ensemble", "Scores"]


class Scores(NamedTuple):
    """What each member and their mean score on the same data: accuracies, or for floats mean squared errors."""

    members: list
    ensemble: float
    what: str

    def __str__(self):
        rows = [[f"net {i}", f"{score:.4g}", f"{score - self.ensemble:+.2g}"] for i, score in enumerate(self.members)]
        rows.append(["mean of nets", f"{np.mean(self.members):.4g}", f"{np.mean(self.members) - self.ensemble:+.2g}"])
        return table(["", self.what, "against the ensemble"], [*rows, ["ensemble", f"{self.ensemble:.4g}", ""]])


class Ensemble:
    """k nets, trained one after the other, and the mean of their answers.

    make_model    a function without arguments that makes a net
    k             how many
    folds         False: all see all rows, and differ by their initial values and the order of the rows. True: member i
                  is trained without the i-th of k folds and validated on it, each class with the same share
    seed          member i begins from seed + i: initial values, order, dropout. fastgrad's own random state is as
                  before after `fit`

    The mean of predictions that err independently errs less than they do: of k uncorrelated errors of one variance the
    mean has 1/k of it. models, histories: what was trained.
    Source: Hansen and Salamon, "Neural network ensembles", 1990; Lakshminarayanan et al., "Simple and scalable
    predictive uncertainty estimation using deep ensembles", 2017.
    Errors: ValueError for k below 1, or below 2 with folds.

    >>> import fastgrad as fg
    >>> from fastgrad.data import load_iris
    >>> iris = load_iris()
    >>> nets = Ensemble(lambda: fg.nn.Sequential(fg.nn.Linear(4, 8), fg.nn.Tanh(), fg.nn.Linear(8, 3)), k=3)
    >>> histories = nets.fit((iris.data, iris.target), epochs=20)
    >>> nets.predict_proba(iris.data).shape, len(nets.scores(iris.data, iris.target).members)
    ((150, 3), 3)
    """

    def __init__(self, make_model, k=5, *, folds=False, seed=0):
        if not callable(make_model) or (hasattr(make_model, "parameters") and not isinstance(make_model, type)):
            raise TypeError("Ensemble: make_model is a function that makes a net; give lambda: ..., not a net")
        if isinstance(k, bool) or not hasattr(k, "__index__") or k < 1 + bool(folds):
            raise ValueError(f"Ensemble: k must be an integer of at least {1 + bool(folds)}, not {k!r}")
        self.make_model, self.k, self.folds, self.seed = make_model, int(k), bool(folds), int(seed)
        self.models: list = []
        self.histories: list[History] = []
        self.callbacks: list = []  # of each member
        self.classes = False  # whether the targets are classes

    def fit(self, data, *arguments, callbacks=(), **options):
        """Trains all members; arguments as of `fastgrad.train.fit`. Returns their histories.

        Each member has copies of the callbacks. optimizer, schedule, averages must be functions that make one; `data`
        arrays (x, y), or without folds a dataset or a function that makes the loader of member i. After Ctrl-C there
        are no more members than had begun.
        """
        given = [*arguments, *options.values()]
        made = [each for each in given if not isinstance(each, type)]
        if any(isinstance(each, (Optimizer, Average)) or hasattr(each, "optimizer") for each in made):
            raise TypeError(
                "Ensemble: each member has optimizer, schedule, averages of its own; give functions that make them, as "
                "optimizer=lambda parameters: fastgrad.optim.Adam(parameters, lr=1e-3)"
            )
        if options.get("scaler") is not None or options.get("resume") is not None:
            raise TypeError("Ensemble: takes no scaler and no resume; scale x before, for fit and for predict alike")
        self.models, self.histories, self.callbacks = [], [], []
        for i in range(self.k):
            with random.fork_rng(seed=self.seed + i):
                model = self.make_model()
                if any(model is other for other in self.models):
                    raise ValueError("Ensemble: make_model returned the same net twice; it must make a new one")
                part, own = self.part(model, data, i)
                more = {**options, **own, "callbacks": copy.deepcopy(callbacks)}
                self.histories.append(fit(model, part, *arguments, **more))
                self.models.append(model)
                self.callbacks.append(more["callbacks"])
            if self.histories[-1].stopped == INTERRUPTED:
                break
        return self.histories

    def part(self, model, data, i):
        """The data of member i, and its validation part if it has a fold of its own."""
        if callable(data):
            data = data(i)
        arrays = as_arrays("Ensemble", data, model)
        dtype = target_dtype(as_loader("Ensemble", arrays, model))
        self.classes = dtype is not None and dtype.kind in "iu"
        if self.classes and isinstance(arrays, tuple) and arrays[-1][0].size != 1:
            raise TypeError(
                f"Ensemble: integers {arrays[-1].shape} are several labels a row, which no softmax answers; give "
                f"them as floats, and predict is the mean of the outputs"
            )
        if not self.folds:
            return arrays, {}
        if not isinstance(arrays, tuple):
            raise TypeError("Ensemble: folds are cut of arrays (x, y); a dataset or a loader has none")
        held = fold_of(arrays[-1], self.k, self.seed) == i
        return tuple(a[~held] for a in arrays), {"validation": tuple(a[held] for a in arrays)}

    # -- answers -------------------------------------------------------------------------------------------------------
    def outputs(self, x):
        """What each member answers, [k,N,...]: probabilities for classes (one unit has two), otherwise outputs."""
        if not self.models:
            raise RuntimeError("Ensemble: there are no members yet; fit it first")
        found = np.stack([predict(model, x) for model in self.models])
        if not self.classes:
            return found
        return softmax(two_classes(found) if found[0].size == found.shape[1] else found)

    def predict_proba(self, x):
        """The mean of the members' probabilities, [N,C]. Errors: TypeError where the targets are no classes."""
        if self.models and not self.classes:
            raise TypeError("Ensemble: predict_proba is for classes; the targets were floats, so use predict")
        return self.outputs(x).mean(0)

    def predict(self, x):
        """The class with the largest mean probability, [N]; of floats, the mean of the outputs."""
        found = self.outputs(x).mean(0)
        return found.argmax(1) if self.classes else found

    def scores(self, x, y):
        """Each member and their mean on (x, y): `Scores`, which print as a table."""
        outputs, y = self.outputs(x), np.asarray(y)
        if self.classes:
            score, what = accuracy, "accuracy"
            y = y.reshape(-1) if y.shape == (*outputs.shape[1:2], 1) else y
        elif outputs.shape[1:] != y.shape:
            raise ValueError(f"Ensemble: outputs {outputs.shape[1:]} do not fit targets {y.shape}")
        else:
            score, what = squared_error, "squared error"
        return Scores([score(each, y) for each in outputs], score(outputs.mean(0), y), what)

    def state_dict(self):
        """The members' weights, which `fastgrad.save` takes."""
        return {"models": [dict(model.state_dict()) for model in self.models], "classes": self.classes}

    def load_state_dict(self, state):
        """Takes back what `state_dict` gave, into nets that make_model makes. Errors: as of a module's."""
        models = []
        for saved in state["models"]:
            with random.fork_rng():
                models.append(self.make_model())
            models[-1].load_state_dict(saved)
        self.models, self.classes = models, bool(state["classes"])


def two_classes(outputs):
    """The logits of one unit, [k,N] or [k,N,1], as those of two classes, [k,N,2]: sigmoid(z) = softmax(0, z)."""
    z = outputs.reshape(*outputs.shape[:2])
    return np.stack([np.zeros_like(z), z], 2)


def softmax(outputs):
    """Along the axis of the classes, the third."""
    e = np.exp(outputs - outputs.max(2, keepdims=True))
    return e / e.sum(2, keepdims=True)


def squared_error(outputs, targets):
    return float(np.mean((outputs.astype(np.float64) - targets) ** 2))


def fold_of(targets, k, seed):
    """The fold of each row: at random, each class spread evenly over all folds."""
    if len(targets) < k:
        raise ValueError(f"Ensemble: {len(targets)} rows make no {k} folds")
    order = np.random.Generator(np.random.Philox(seed)).permutation(len(targets))
    if targets.dtype.kind == "i" and targets.ndim == 1:
        order = order[np.argsort(targets[order], kind="stable")]
    found = np.empty(len(targets), np.int64)
    found[order] = np.arange(len(targets)) % k
    return found
