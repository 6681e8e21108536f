"""Networks as scikit-learn's estimators, for its pipelines, cross-validation and searches. Needs scikit-learn."""

import numpy as np

from ..nn import CrossEntropyLoss, functional
from .estimator_base import FastgradEstimator, keep
from .estimator_parts import CLASSIFYING, REGRESSION, function_of
from .scikit import (
    ClassifierMixin,
    RegressorMixin,
    accuracy_score,
    available_if,
    check_classification_targets,
    column_or_1d,
    compute_sample_weight,
    r2_score,
    type_of_target,
)

__all__ = ["FastgradClassifier", "FastgradRegressor"]

PARAMETERS = """
    hidden_layer_sizes   sizes of the hidden layers; activation   relu, tanh, logistic, identity, gelu, ...: the name of
                         a module of `fastgrad.nn`, in any case, or what makes one
    module               in their place: a Module class or function, called with the numbers of features and of outputs
                         (and module_options), or a Module, which is copied and keeps the values it comes with
    init                 of the layers' weights, as of `nn.Linear`; dropout, batch_norm   after each hidden layer
    solver               an update rule of `fastgrad.optim`, or its name in any case; solver_options   its options
    alpha, l1_ratio      the penalty alpha / n (l1_ratio sum |w| + (1 - l1_ratio) / 2 sum w^2) on weights, not biases,
                         n being the weight of a batch; a weight_decay in solver_options takes the place of its second
                         term. It is fused into the step, and not part of the losses that are shown
    clip_norm            the largest norm of all gradients together
    learning_rate        "constant", "invscaling", "adaptive" as scikit-learn means them, or a schedule of
                         `fastgrad.optim.schedules`; learning_rate_init, power_t   its numbers
    batch_size           "auto" is min(200, n); max_iter   epochs at most; shuffle   the rows, before each
    tol, n_iter_no_change   training ends after more than so many epochs without a loss (score) better by tol; with tol
                         None not before max_iter
    early_stopping       looks at the score of validation_fraction of the rows instead, and puts back the best weights
    scale_input          "standard" or "minmax": scaled as `StandardScaler`, `MinMaxScaler` do, fitted on what is
                         trained on first
    dtype                "auto" computes in float32 for float32 input and in float64 for all else, as scikit-learn does;
                         float32 is the faster
    warm_start, random_state, verbose   as everywhere in scikit-learn. fastgrad's own random numbers are not touched
    callbacks            see `Callback`

    After fitting: module_, optimizer_, history_ (of the last fit), loss_curve_, loss_, best_loss_, n_iter_, t_ (rows
    seen), n_outputs_, n_features_in_, feature_names_in_, and with early_stopping validation_scores_,
    best_validation_score_.
"""


def documented(cls):
    """Puts the list of parameters, which two classes share, into the place that is kept for it."""
    cls.__doc__ = (cls.__doc__ or "").replace("\n    PARAMETERS\n", PARAMETERS)
    return cls


def gives_probabilities(est):
    """Whether the outputs are logits: the loss is a cross-entropy."""
    loss = est.loss
    if loss in ("log_loss", CrossEntropyLoss, functional.cross_entropy) or isinstance(loss, CrossEntropyLoss):
        return True
    raise AttributeError(f"{type(est).__name__}: probabilities are there with loss='log_loss', not with {loss!r}")


@documented
class FastgradClassifier(ClassifierMixin, FastgradEstimator):
    """A network that tells classes apart, as one of scikit-learn's classifiers.

    Parameters have the names and meaning of `sklearn.neural_network.MLPClassifier` where that has the thing:

    PARAMETERS
    loss                 "log_loss", the cross-entropy of the softmax, or for indicator matrices of several labels that
                         of each label's sigmoid; "hinge", that of several classes; or loss(outputs, indices of classes)
                         averaged, with reduction="none" for weights. Probabilities are there with cross-entropies alone
    class_weight         {class: weight}, "balanced" or None: factors of the rows' weights

    y: labels of any kind [N], or [N,K] of 0 and 1 for several labels a row. Rows are dense: sparse matrices are
    refused. decision_function gives the network's outputs; of two classes the second one's minus the first one's.

    >>> from fastgrad.data import load_iris
    >>> iris = load_iris()
    >>> model = FastgradClassifier((16,), max_iter=60, tol=None, learning_rate_init=0.05, random_state=0)
    >>> bool(model.fit(iris.data, iris.target).score(iris.data, iris.target) > 0.95)
    True
    """

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        module=None,
        module_options=None,
        init="auto",
        dropout=0.0,
        batch_norm=False,
        loss="log_loss",
        solver="adam",
        solver_options=None,
        alpha=0.0001,
        l1_ratio=0.0,
        clip_norm=None,
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        batch_size="auto",
        max_iter=200,
        shuffle=True,
        tol=1e-4,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        scale_input=None,
        class_weight=None,
        dtype="auto",
        warm_start=False,
        random_state=None,
        verbose=False,
        callbacks=None,
    ):
        keep(self, locals())

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """One pass over these rows, going on from where the last one ended. Returns the estimator.

        classes: all there will be; needed at the first call, unless y is an indicator matrix.
        """
        fresh = not hasattr(self, "module_")
        if self.class_weight == "balanced":
            raise ValueError(
                'partial_fit: class_weight="balanced" needs all rows; give the weights as a dict, '
                "compute_class_weight of scikit-learn finds them"
            )
        if fresh and classes is None and not type_of_target(y).startswith("multilabel"):
            raise ValueError("classes must be passed on the first call to partial_fit.")
        if not fresh and classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(f"`classes={classes!r}` is not the same as on last call, {self.classes_!r}")
        return self._fit(X, y, sample_weight, fresh, classes, once=True)

    def predict(self, X):
        """The class of each row [N]; of several labels 0 or 1 for each, [N,K]."""
        raw = self._checked_raw(X)
        return (raw > 0).astype(np.int64) if self._several else self.classes_[raw.argmax(1)]

    @available_if(gives_probabilities)
    def predict_proba(self, X):
        """The probability of each class, [N,K], in the order of `classes_`."""
        raw = self._checked_raw(X)
        return (functional.sigmoid(raw) if self._several else functional.softmax(raw, 1)).astype(raw.dtype, copy=False)

    @available_if(gives_probabilities)
    def predict_log_proba(self, X):
        """The logarithm of `predict_proba`, of very small ones too."""
        raw = self._checked_raw(X)
        return functional.logsigmoid(raw) if self._several else functional.log_softmax(raw, 1)

    def decision_function(self, X):
        """The network's outputs [N,K]; of two classes the second one's minus the first one's, [N]."""
        raw = self._checked_raw(X)
        return raw if self._several or raw.shape[1] != 2 else raw[:, 1] - raw[:, 0]

    # -- what the base asks for ----------------------------------------------------------------------------------------
    def _targets(self, y, fresh, classes):
        kind = type_of_target(y, input_name="y")
        several = kind == "multilabel-indicator"
        check_classification_targets(y)
        if kind == "multiclass-multioutput":
            raise ValueError(
                f"{type(self).__name__}: several classes a row: fit one for each column (MultiOutputClassifier)"
            )
        if fresh:
            self._several = several
            labels = np.arange(y.shape[1]) if several else np.unique(y if classes is None else classes)
            self.classes_ = labels
        elif several != self._several:
            raise ValueError(f"{type(self).__name__}: y is {kind} now, and was not before; fit anew, warm_start=False")
        if several:
            if y.shape[1] != len(self.classes_):
                raise ValueError(
                    f"{type(self).__name__}: y has {y.shape[1]} labels, and had {len(self.classes_)} before"
                )
            self.n_outputs_ = y.shape[1]
            return y.astype(np.float64)
        y = column_or_1d(y, warn=True)
        self.n_outputs_ = len(self.classes_)
        return self._indices(y)

    def _indices(self, y):
        """The place of each label in `classes_`."""
        known = np.isin(y, self.classes_)
        if not known.all():
            raise ValueError(f"`y` has classes not in `self.classes_`, {self.classes_}: {np.unique(y[~known])}")
        return np.searchsorted(self.classes_, y).astype(np.int64)

    def _factors(self, y):
        return None if self.class_weight is None else compute_sample_weight(self.class_weight, y)

    def _row_loss(self):
        loss = function_of(type(self).__name__, self.loss, CLASSIFYING)
        if not self._several:
            return loss
        if self.loss != "log_loss":
            raise ValueError(f'{type(self).__name__}: several labels a row need loss="log_loss", not {self.loss!r}')
        return functional.binary_cross_entropy_with_logits

    def _score_of(self, raw, target, weight):
        found = raw > 0 if self._several else raw.argmax(1)
        return accuracy_score(target, found, sample_weight=weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = self.loss == "log_loss"
        return tags


@documented
class FastgradRegressor(RegressorMixin, FastgradEstimator):
    """A network that predicts numbers, as one of scikit-learn's regressors.

    Parameters have the names and meaning of `sklearn.neural_network.MLPRegressor` where that has the thing:

    PARAMETERS
    loss                 "squared_error", half of it as in scikit-learn; "absolute_error"; "huber", with delta = 1;
                         "poisson", for counts, whose mean is exp(output); or loss(outputs, targets), both [N,K],
                         averaged, with reduction="none" for weights

    y: numbers [N], or [N,K]. It is not scaled: `TransformedTargetRegressor` does that. Rows are dense: sparse matrices
    are refused.

    >>> x = np.linspace(-1, 1, 200)[:, None]
    >>> model = FastgradRegressor((32,), "tanh", learning_rate_init=0.02, batch_size=20, max_iter=60, tol=None)
    >>> bool(model.fit(x, np.sin(3 * x[:, 0])).score(x, np.sin(3 * x[:, 0])) > 0.95)
    True
    """

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        module=None,
        module_options=None,
        init="auto",
        dropout=0.0,
        batch_norm=False,
        loss="squared_error",
        solver="adam",
        solver_options=None,
        alpha=0.0001,
        l1_ratio=0.0,
        clip_norm=None,
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        batch_size="auto",
        max_iter=200,
        shuffle=True,
        tol=1e-4,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        scale_input=None,
        dtype="auto",
        warm_start=False,
        random_state=None,
        verbose=False,
        callbacks=None,
    ):
        keep(self, locals())

    def partial_fit(self, X, y, sample_weight=None):
        """One pass over these rows, going on from where the last one ended. Returns the estimator."""
        return self._fit(X, y, sample_weight, fresh=not hasattr(self, "module_"), once=True)

    def predict(self, X):
        """The numbers of each row, [N], or [N,K] where y had K columns."""
        raw = self._checked_raw(X)
        found = np.exp(raw) if self.loss == "poisson" else raw
        return found if self._several else found[:, 0]

    # -- what the base asks for ----------------------------------------------------------------------------------------
    def _targets(self, y, fresh, classes):
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        y, several = y.astype(np.float64), y.ndim == 2
        if self.loss == "poisson" and (y < 0).any():
            raise ValueError(f"{type(self).__name__}: loss='poisson' is for counts, and some y are below 0")
        columns = y.shape[1] if several else 1
        if not fresh and (several, columns) != (self._several, self.n_outputs_):
            raise ValueError(f"{type(self).__name__}: y is {y.shape} now, and had {self.n_outputs_} columns before")
        self._several, self.n_outputs_ = several, columns
        return y.reshape(len(y), columns)

    def _row_loss(self):
        return function_of(type(self).__name__, self.loss, REGRESSION)

    def _score_of(self, raw, target, weight):
        return r2_score(target, np.exp(raw) if self.loss == "poisson" else raw, sample_weight=weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
