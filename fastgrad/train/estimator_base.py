"""What a classifier and a regressor share: checking what comes in, training by `fit`, outputs.

Needs scikit-learn, whose base classes and checks these are.
"""

import warnings
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from ..autograd import no_grad
from ..data import DataLoader, TensorDataset
from ..random import fork_rng
from ..tensor import from_numpy
from .estimator_parts import Convergence, Packed, has_batch_norm, make_network, make_optimizer
from .fit import fit
from .interrupt import INTERRUPTED
from .scikit import (
    BaseEstimator,
    ConvergenceWarning,
    MinMaxScaler,
    StandardScaler,
    check_is_fitted,
    check_random_state,
    is_regressor,
    train_test_split,
    validate_data,
)

__all__ = ["FastgradEstimator", "keep"]

ROWS = 4096  # of one pass when predicting: what a layer gives for them fits into a cache
SCALERS = {"standard": StandardScaler, "minmax": MinMaxScaler}


def keep(est, given):
    """Sets the arguments of an __init__, its locals(), as attributes, as scikit-learn wants them: as they came."""
    for name, value in given.items():
        if name != "self":
            setattr(est, name, value)


class FastgradEstimator(BaseEstimator):
    """What `FastgradClassifier` and `FastgradRegressor` share."""

    n_outputs_: int
    classes_: Any
    _several: bool  # whether y has several columns

    @staticmethod
    def expected_failed_checks(estimator):
        """Checks of scikit-learn's `check_estimator` that cannot pass with these parameters, and why: {name: reason}.

        ``check_estimator(est, expected_failed_checks=est.expected_failed_checks(est))``, or for
        `parametrize_with_checks` the function itself. With the default parameters all pass.
        """
        found = {}
        if why := order_matters(estimator):
            found["check_sample_weight_equivalence_on_dense_data"] = why
        if is_regressor(estimator) and estimator.dtype == np.dtype(np.float32):
            found["check_regressor_multioutput"] = "float32 was asked for, and float64 is expected"
        return found

    # -- what a subclass says ------------------------------------------------------------------------------------------
    def _targets(self, y, fresh, classes):
        """Targets as the loss takes them, [N] or [N,K]; sets `n_outputs_`. `fresh`: nothing is known before."""
        raise NotImplementedError

    def _row_loss(self):
        """loss(outputs, target, reduction)"""
        raise NotImplementedError

    def _score_of(self, raw, target, weight):
        """The score of outputs, the larger the better."""
        raise NotImplementedError

    # -- fitting -------------------------------------------------------------------------------------------------------
    def fit(self, X, y, sample_weight=None):
        """Trains the network on X [N,D] and y; with `warm_start` the one there is, otherwise a new one.

        sample_weight: [N], at least 0: a row's share of the loss. Weights are divided by their mean; rows of weight 0
        are left out. Returns the estimator.
        Errors: ValueError and TypeError for what does not fit, naming it; ValueError where the weights end as NaN.
        """
        goes_on = bool(self.warm_start) and hasattr(self, "module_")
        return self._fit(X, y, sample_weight, fresh=not goes_on)

    def _fit(self, X, y, sample_weight, fresh, classes=None, once=False):
        self._check_parameters()
        if once and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True: it makes one pass over the given rows")
        dtype = self._dtypes() if fresh else self._dtype_of_weights()
        X, y = validate_data(self, X, y, multi_output=True, dtype=dtype, reset=fresh)
        target = self._targets(y.toarray() if hasattr(y, "toarray") else y, fresh, classes)
        target = target if target.dtype.kind == "i" else target.astype(X.dtype)
        weight = self._weights(sample_weight, X, y)
        if fresh:
            self._random_state = check_random_state(self.random_state)
        with fork_rng(seed=int(self._random_state.randint(2**31 - 1))):
            if fresh:
                self._begin(X, weight)
            self._train(X, target, weight, once)
        return self

    def _begin(self, X, weight):
        """A new network."""
        for name in ("scaler_", "optimizer_", "best_validation_score_", "validation_scores_"):
            self.__dict__.pop(name, None)
        if self.scale_input is not None:
            kept = slice(None) if weight is None else weight > 0
            how = {"sample_weight": weight[kept]} if weight is not None and self.scale_input == "standard" else {}
            self.scaler_ = SCALERS[self.scale_input]().fit(X[kept], **how)
        self.module_ = make_network(self, X.shape[1], self.n_outputs_, X.dtype)
        self.n_iter_, self.t_, self.loss_curve_ = 0, 0, []
        found = self._raw(X[:1])
        if found.shape != (1, self.n_outputs_):
            raise ValueError(
                f"{type(self).__name__}: the module gives {found.shape} for one row, it must be (1, {self.n_outputs_})"
            )

    def _train(self, X, target, weight, once):
        X, target, weight, held = self._parts(self._scaled(X), target, weight)
        n = len(X)
        size = min(200, n) if self.batch_size == "auto" else min(int(self.batch_size), n)
        loss, heavy = self._row_loss(), 1.0
        if weight is not None:
            heavy = float(weight.mean())
            loss = Packed(loss, target.dtype.kind == "i")
            target = Packed.pack(target, weight / heavy, X.dtype)
        if self.module is None and self.batch_norm:
            self._need("batch_size", size > 1, f"more than 1 sample for batch normalisation, n_samples = {n}")
        alone = n % size == 1 and has_batch_norm(self.module_)  # a last batch of one row waits for another epoch
        data = TensorDataset(X, target)
        loader = DataLoader(data, batch_size=size, shuffle=bool(self.shuffle), drop_last=alone)
        if not once or not hasattr(self, "optimizer_"):
            self.optimizer_ = make_optimizer(self, self.module_, size * heavy, len(loader))
        rule = self._rule(n, held)
        self.history_ = fit(
            self.module_,
            loader,
            loss,
            self.optimizer_,
            1 if once else int(self.max_iter),
            callbacks=[*(self.callbacks or ()), rule],
            progress="epochs" if self.verbose else False,
        )
        self.module_.eval()
        self.module_.zero_grad()
        self._tell(rule, n, once)

    def _parts(self, X, target, weight):
        """The rows to train on, and those to stop by (None without early stopping). Rows of weight 0 are left out."""
        if weight is not None and not weight.all():
            X, target, weight = X[weight > 0], target[weight > 0], weight[weight > 0]
        if not self.early_stopping:
            return X, target, weight, None
        arrays = [X, target] if weight is None else [X, target, weight]
        labels = target if target.dtype.kind == "i" and target.ndim == 1 else None
        parts = train_test_split(
            *arrays, random_state=self._random_state, test_size=self.validation_fraction, stratify=labels
        )
        train, held = parts[::2], parts[1::2]
        if len(held[0]) < 2:
            raise ValueError("The validation set is too small. Increase 'validation_fraction' or give more rows.")
        if weight is None:
            return *train, None, (*held, None)
        return *train, tuple(held)

    def _rule(self, n, held):
        """When training ends."""
        score = None if held is None else partial(self._held_score, *held)
        rate = self.learning_rate if isinstance(self.learning_rate, str) else "constant"
        first = self.learning_rate_init
        return Convergence(self.tol, self.n_iter_no_change, score, rate, self.power_t, self.t_, n, first)

    def _held_score(self, x, target, weight, model):
        return self._score_of(outputs(model, x), target, weight)

    def _tell(self, rule, n, once):
        """What a fitted estimator says of its training; warns where it did not end by itself."""
        self.n_iter_ += len(rule.losses)
        self.t_ += n * len(rule.losses)
        self.loss_curve_.extend(rule.losses)
        if rule.losses:
            self.loss_, self.best_loss_ = rule.losses[-1], min(self.loss_curve_)
        if rule.score is not None:
            self.validation_scores_ = [*getattr(self, "validation_scores_", ()), *rule.scores]
            self.best_validation_score_ = max(self.validation_scores_)
            self.best_loss_ = None
        if rule.failed or not all(np.isfinite(p.data).all() for p in self.module_.parameters()):
            raise ValueError(
                f"{type(self).__name__}: training ended with a loss or weights that are not finite. Scale the input "
                f'(scale_input="standard"), or lower learning_rate_init={self.learning_rate_init!r}'
            )
        if self.history_.stopped == INTERRUPTED:
            warnings.warn("Training interrupted by user.", stacklevel=5)
        if self.tol is not None and not once and self.history_.stopped is None:
            warnings.warn(
                f"{type(self).__name__}: max_iter={self.max_iter} epochs are over, and the loss still fell; raise "
                f"max_iter, or give tol=None for exactly that many epochs",
                ConvergenceWarning,
                stacklevel=5,
            )

    # -- what comes in -------------------------------------------------------------------------------------------------
    def _dtypes(self):
        if isinstance(self.dtype, str) and self.dtype == "auto":
            return [np.float64, np.float32]
        for dtype in (np.float32, np.float64) if self.dtype is not None else ():  # NumPy's None is float64
            if self.dtype == np.dtype(dtype):
                return dtype
        raise ValueError(f'{type(self).__name__}: dtype must be "auto", float32 or float64, not {self.dtype!r}')

    def _factors(self, y):
        """What a subclass multiplies the rows' weights by, [N], or None."""
        return None

    def _weights(self, sample_weight, X, y):
        """The weight of each row, in X's dtype, or None."""
        factors = self._factors(y)
        if sample_weight is None and factors is None:
            return None
        weight = np.asarray(1.0 if sample_weight is None else sample_weight)
        if weight.ndim == 0:
            weight = np.full(len(X), weight)
        if weight.shape != (len(X),):
            raise ValueError(f"sample_weight.shape == {weight.shape}, expected {(len(X),)}!")
        weight = (weight if factors is None else weight * factors).astype(X.dtype)
        if not np.isfinite(weight).all() or (weight < 0).any():
            raise ValueError("Negative values, NaN or infinity in sample_weight; weights are at least 0 and finite")
        if not weight.any():
            raise ValueError("sample_weight is zero for all rows: every weight is 0, there is nothing to train on")
        return weight

    def _check_parameters(self):
        """Raises for a parameter out of range; those that make a network or optimizer are checked there."""
        self._need("max_iter", is_count(self.max_iter), "an integer of at least 1")
        self._need("batch_size", self.batch_size == "auto" or is_count(self.batch_size), '"auto" or an integer > 0')
        self._need("n_iter_no_change", is_count(self.n_iter_no_change), "an integer of at least 1")
        for name in ("alpha", "learning_rate_init", "power_t"):
            self._need(name, is_number(getattr(self, name), 0.0), "a number of at least 0")
        self._need("tol", self.tol is None or is_number(self.tol, 0.0), "a number of at least 0, or None")
        self._need("dropout", is_number(self.dropout, 0.0) and self.dropout < 1, "a number from 0 up to below 1")
        fraction = self.validation_fraction
        self._need("validation_fraction", is_number(fraction, 0.0) and 0 < fraction < 1, "between 0 and 1")
        self._need("scale_input", self.scale_input in (None, *SCALERS), "None, " + " or ".join(SCALERS))
        for name in ("module_options", "solver_options"):
            self._need(name, isinstance(getattr(self, name), (Mapping, type(None))), "a dict, or None")
        self._need("callbacks", np.iterable(self.callbacks or ()), "a list of callbacks, or None")

    def _need(self, name, ok, what):
        if not ok:
            raise ValueError(f"{type(self).__name__}: {name} must be {what}, not {getattr(self, name)!r}")

    # -- what goes out -------------------------------------------------------------------------------------------------
    def _scaled(self, X):
        return self.scaler_.transform(X) if self.scale_input is not None and hasattr(self, "scaler_") else X

    def _raw(self, X):
        """The network's outputs for rows that have been checked."""
        return outputs(self.module_, self._scaled(X))

    def _checked_raw(self, X):
        check_is_fitted(self)
        return self._raw(validate_data(self, X, dtype=self._dtype_of_weights(), reset=False))

    def _dtype_of_weights(self):
        return next((p.dtype.type for p in self.module_.parameters()), np.float64)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "module_")


def outputs(model, x):
    """The outputs of a network for rows x as an array; it is in evaluation mode afterwards as it was before."""
    was_training: Any = [m for m in model.modules() if m.training]
    try:
        model.eval()
        with no_grad():
            parts = [model(from_numpy(np.ascontiguousarray(x[i : i + ROWS]))).numpy() for i in range(0, len(x), ROWS)]
    finally:
        for module in was_training:
            module.training = True
    return np.concatenate(parts)


def order_matters(est):
    """Why a row of weight 2 is not the same as two rows, or None."""
    if est.batch_size != "auto":
        return "rows that are repeated fall into other batches"
    if est.dropout or est.batch_norm:
        return "rows that are repeated get other random numbers, or count twice in a mean"
    if est.early_stopping:
        return "rows that are repeated fall on both sides of the split"
    return "sums of float32 differ by more than is allowed" if est.dtype == np.dtype(np.float32) else None


def is_count(n):
    return isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n >= 1


def is_number(x, least):
    return isinstance(x, (int, float, np.integer, np.floating)) and not isinstance(x, bool) and least <= x < np.inf
