"""What `FastgradClassifier` and `FastgradRegressor` take and give, their weights of rows, networks and parameters."""

import pickle
import re

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import nn
from fastgrad.testing import assert_bits

pytest.importorskip("sklearn", reason='scikit-learn is not installed: pip install "fastgrad[sklearn]"')

from estimator_makers import FLOWERS, IRIS, SPECIES, assert_same_weights, quick, weights_of
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from fastgrad.train import FastgradRegressor


# -- what comes in and goes out ----------------------------------------------------------------------------------------
def test_labels_are_strings():
    names = np.array(IRIS.target_names, object)[SPECIES]
    est = quick().fit(FLOWERS, names)
    assert est.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert est.score(FLOWERS, names) > 0.95
    np.testing.assert_array_equal(est.predict(FLOWERS), est.classes_[est.predict_proba(FLOWERS).argmax(1)])
    np.testing.assert_allclose(est.predict_log_proba(FLOWERS), np.log(est.predict_proba(FLOWERS)), atol=1e-9)
    np.testing.assert_allclose(fg.softmax(est.decision_function(FLOWERS), 1), est.predict_proba(FLOWERS))


def test_two_classes_have_one_decision():
    est = quick().fit(FLOWERS, SPECIES > 0)
    decision = est.decision_function(FLOWERS)
    assert decision.shape == (150,)
    np.testing.assert_array_equal(est.predict(FLOWERS), decision > 0)
    np.testing.assert_allclose(est.predict_proba(FLOWERS)[:, 1], 1 / (1 + np.exp(-decision)))


def test_probabilities_need_a_loss_that_has_some():
    est = quick(loss="hinge").fit(FLOWERS, SPECIES)
    assert est.score(FLOWERS, SPECIES) > 0.95
    assert not hasattr(est, "predict_proba")
    with pytest.raises(AttributeError, match="predict_log_proba"):
        _ = est.predict_log_proba
    for loss in (nn.CrossEntropyLoss, nn.CrossEntropyLoss(label_smoothing=0.1), nn.functional.cross_entropy):
        assert quick(loss=loss).fit(FLOWERS, SPECIES, np.ones(150)).predict_proba(FLOWERS).shape == (150, 3)


def test_several_labels_a_row():
    x, y = make_multilabel_classification(200, 8, n_classes=4, random_state=0)
    est = quick(max_iter=60).fit(x, y)
    assert est.predict(x).shape == y.shape == est.predict_proba(x).shape == est.decision_function(x).shape
    assert (est.predict(x) == y).mean() > 0.87
    np.testing.assert_array_equal(est.predict(x), est.predict_proba(x) > 0.5)
    np.testing.assert_allclose(np.exp(est.predict_log_proba(x)), est.predict_proba(x))
    from scipy.sparse import csr_array

    assert_same_weights(est, quick(max_iter=60).fit(x, csr_array(y)))  # an indicator matrix may be sparse
    assert quick(early_stopping=True, tol=1e-4).fit(x, y, np.arange(200) % 2).validation_scores_
    with pytest.raises(ValueError, match="several labels a row need loss=\"log_loss\", not 'hinge'"):
        quick(loss="hinge").fit(x, y)
    with pytest.raises(ValueError, match="y is multilabel-indicator now"):
        quick(warm_start=True).fit(x, y[:, 0]).fit(x, y)
    with pytest.raises(ValueError, match="y has 3 labels, and had 4 before"):
        quick(warm_start=True).fit(x, y).fit(x, y[:, :3])
    with pytest.raises(ValueError, match="several classes a row"):
        quick().fit(x, y + np.arange(4))


def test_several_numbers_a_row():
    x, y = FLOWERS[:, :2], FLOWERS[:, 2:]
    settings = {"max_iter": 100, "tol": None, "learning_rate_init": 0.02, "scale_input": "minmax", "random_state": 0}
    est = FastgradRegressor((16,), **settings).fit(x, y)
    assert est.predict(x).shape == (150, 2)
    assert est.score(x, y) > 0.8
    for loss in ("absolute_error", "huber", nn.SmoothL1Loss, nn.functional.mse_loss):
        assert FastgradRegressor((16,), loss=loss, **settings).fit(x, y, np.ones(150)).score(x, y) > 0.75, loss


def test_counts():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (400, 1))
    y = rng.poisson(np.exp(2 * x[:, 0]))
    est = FastgradRegressor((16,), loss="poisson", learning_rate_init=0.02, max_iter=60, tol=None, random_state=0)
    np.testing.assert_allclose(est.fit(x, y).predict([[-0.5], [0.5]]), np.exp([-1, 1]), rtol=0.25)
    with pytest.raises(ValueError, match="is for counts, and some y are below 0"):
        est.fit(x, y - 1)


def test_dataframes_give_names():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(FLOWERS, columns=list(IRIS.feature_names))
    est = quick().fit(frame, pandas.Series(SPECIES), pandas.Series(np.ones(150)))
    assert est.feature_names_in_.tolist() == list(IRIS.feature_names)
    assert est.n_features_in_ == 4
    assert_bits(est.predict_proba(frame), est.predict_proba(frame))
    with pytest.raises(ValueError, match="feature names should match"):
        est.predict(frame[frame.columns[::-1]])


def test_sparse_rows_are_refused():
    from scipy.sparse import csr_array

    with pytest.raises(TypeError, match="dense data is required"):
        quick().fit(csr_array(FLOWERS), SPECIES)


@pytest.mark.parametrize(
    ("dtype", "given", "used"),
    [
        ("auto", "f8", "f8"),
        ("auto", "f4", "f4"),
        ("auto", "i8", "f8"),
        ("float32", "f8", "f4"),
        (np.float64, "f4", "f8"),
    ],
)
def test_the_dtype_is_that_of_the_rows_or_as_told(dtype, given, used):
    for est in (quick(dtype=dtype, max_iter=2), FastgradRegressor((4,), dtype=dtype, max_iter=2, tol=None)):
        est.fit(FLOWERS.astype(given), SPECIES)
        assert {p.dtype for p in est.module_.parameters()} == {np.dtype(used)}
        out = est.predict_proba if hasattr(est, "predict_proba") else est.predict
        assert out(FLOWERS.astype(given)).dtype == out(FLOWERS).dtype == np.dtype(used)
        est.set_params(warm_start=True).fit(FLOWERS, SPECIES)
        assert {p.dtype for p in est.module_.parameters()} == {np.dtype(used)}


# -- weights -----------------------------------------------------------------------------------------------------------
def test_weights_of_classes_and_rows_multiply():
    rows = np.arange(150) % 4
    by_class = quick(class_weight={0: 1.0, 1: 3.0, 2: 0.5}).fit(FLOWERS, SPECIES, rows)
    by_row = quick().fit(FLOWERS, SPECIES, rows * np.array([1.0, 3.0, 0.5])[SPECIES])
    assert_same_weights(by_class, by_row)
    few = np.flatnonzero((SPECIES > 0) & (np.arange(150) % 50 < np.where(SPECIES == 1, 50, 5)))
    x, y = FLOWERS[few], SPECIES[few]
    found = [quick(class_weight=w, max_iter=4).fit(x, y).predict(x) for w in (None, "balanced")]
    recall = [(y_found[y == 2] == 2).mean() for y_found in found]
    assert recall[0] < recall[1]


def test_only_ratios_of_weights_matter_and_zero_is_absence():
    rows = np.arange(150) % 4
    one = quick(alpha=0.0).fit(FLOWERS, SPECIES, rows)
    two = quick(alpha=0.0).fit(FLOWERS, SPECIES, rows * 2)
    without = quick(alpha=0.0).fit(FLOWERS[rows > 0], SPECIES[rows > 0], rows[rows > 0])
    for p, q, r in zip(weights_of(one), weights_of(two), weights_of(without), strict=True):
        np.testing.assert_allclose(q, p, rtol=1e-9, atol=1e-12)
        assert_bits(r, p)


# -- networks and parameters -------------------------------------------------------------------------------------------
class Deep(nn.Module):
    def __init__(self, n_in, n_out, width=8):
        super().__init__()
        self.body, self.head = nn.Linear(n_in, width), nn.Linear(width, n_out)

    def forward(self, x):
        return self.head(nn.functional.relu(self.body(x)))


def test_a_module_of_ones_own():
    est = quick(module=Deep, module_options={"width": 5}).fit(FLOWERS, SPECIES)
    assert est.module_.head.weight.shape == (3, 5)
    assert est.score(FLOWERS, SPECIES) > 0.9
    assert_same_weights(est, pickle.loads(pickle.dumps(est)))
    made = Deep(4, 3)
    before = made.state_dict()
    est = quick(module=made).fit(FLOWERS, SPECIES)
    assert est.module_ is not made
    for name, array in before.items():
        assert_bits(made.state_dict()[name], array)
    other = clone(quick(module=made)).fit(FLOWERS, SPECIES)
    assert other.module is not made
    assert_same_weights(est, other)
    frozen = Deep(4, 3)
    frozen.body.requires_grad_(False)
    est = quick(module=frozen).fit(FLOWERS, SPECIES)
    assert_bits(est.module_.body.weight.data, frozen.body.weight.data.astype(np.float64))
    assert not np.array_equal(est.module_.head.weight.data, frozen.head.weight.data)


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"module": lambda n, k: 3}, TypeError, "module(4, 3) must return a Module, not a int"),
        ({"module": 3}, TypeError, "module must be a class or function called with (n_features, n_outputs)"),
        ({"module": lambda n, k: nn.Linear(n, 7)}, ValueError, "gives (1, 7) for one row, it must be (1, 3)"),
        ({"hidden_layer_sizes": (3, 0)}, ValueError, "hidden_layer_sizes must be integers > 0, got (3, 0)"),
        ({"hidden_layer_sizes": "3"}, ValueError, "hidden_layer_sizes must be integers > 0, got '3'"),
        ({"activation": "rely"}, ValueError, "activation must be one of celu, elu, gelu"),
        ({"activation": 3}, TypeError, "activation must be a name, or make a Module when called, not 3"),
        ({"init": "best"}, ValueError, "best"),
        ({"loss": "squared_error"}, ValueError, "loss must be one of log_loss, hinge, or a function"),
        ({"loss": 3}, TypeError, "loss must be a name, a function of outputs and targets, or a module, not 3"),
        ({"solver": "lbfgs"}, ValueError, "solver must be a class of fastgrad.optim or the name of one of its rules"),
        ({"solver_options": {"lr": 0.1}}, ValueError, "the rate is learning_rate_init"),
        ({"solver_options": {"beta": 0.1}}, TypeError, "Adam"),
        ({"solver_options": [0.1]}, ValueError, "solver_options must be a dict, or None, not [0.1]"),
        ({"learning_rate": 0.1}, ValueError, "0.1 as a number is learning_rate_init"),
        ({"solver_options": {"proximal": True}}, ValueError, "proximal=True needs alpha > 0 and l1_ratio > 0"),
        ({"l1_ratio": 2}, ValueError, "l1_ratio must be from 0 to 1, not 2"),
        ({"alpha": -1}, ValueError, "alpha must be a number of at least 0, not -1"),
        ({"clip_norm": 0}, ValueError, "clip_norm must be above 0"),
        ({"dropout": 1.0}, ValueError, "dropout must be a number from 0 up to below 1, not 1.0"),
        ({"batch_size": 0}, ValueError, 'batch_size must be "auto" or an integer > 0, not 0'),
        ({"max_iter": 2.5}, ValueError, "max_iter must be an integer of at least 1, not 2.5"),
        ({"tol": "x"}, ValueError, "tol must be a number of at least 0, or None, not 'x'"),
        ({"scale_input": "robust"}, ValueError, "scale_input must be None, standard or minmax, not 'robust'"),
        ({"validation_fraction": 1.0}, ValueError, "validation_fraction must be between 0 and 1, not 1.0"),
        ({"dtype": "float16"}, ValueError, "dtype must be \"auto\", float32 or float64, not 'float16'"),
        ({"dtype": None}, ValueError, "not None"),
        ({"callbacks": 3}, ValueError, "callbacks must be a list of callbacks, or None, not 3"),
        ({"callbacks": [3]}, TypeError, "3 is no callback"),
        ({"random_state": "x"}, ValueError, "x"),
        ({"class_weight": {7: 1.0}}, ValueError, "are not in class_weight"),
        ({"loss": lambda out, t: (out * out).mean()}, ValueError, 'weights need a loss with reduction="none"'),
        ({"loss": Deep}, TypeError, "n_in"),
    ],
)
def test_what_does_not_fit_is_named(settings, error, said):
    est = quick(**settings)
    with pytest.raises(error, match=re.escape(said)):
        est.fit(FLOWERS, SPECIES, np.ones(150))


@pytest.mark.parametrize("weight", [np.ones(149), -np.ones(150), np.full(150, np.nan), np.zeros(150)])
def test_weights_that_do_not_fit_are_refused(weight):
    with pytest.raises(ValueError, match="sample_weight"):
        quick().fit(FLOWERS, SPECIES, weight)


@pytest.mark.parametrize("solver", sorted(set(fg.optim.RULES) - {"Muon"}))
def test_every_rule_is_a_solver(solver):
    est = quick(solver=solver.lower(), max_iter=2).fit(FLOWERS, SPECIES)
    assert type(est.optimizer_) is fg.optim.RULES[solver]
    assert est.loss_curve_[1] != est.loss_curve_[0]


def test_a_rule_for_matrices_alone_says_so():
    with pytest.raises(ValueError, match="is no matrix; give other shapes to another rule"):
        quick(solver="muon").fit(FLOWERS, SPECIES)


def test_options_of_the_solver_and_the_penalty():
    est = quick(solver=fg.optim.SGD, solver_options={"momentum": 0.9, "nesterov": True}, clip_norm=1.0, batch_size=50)
    weights, others = est.set_params(alpha=0.5, l1_ratio=0.2).fit(FLOWERS, SPECIES).optimizer_.param_groups
    assert (weights["weight_decay"], weights["l1"]) == (pytest.approx(0.5 * 0.8 / 50), pytest.approx(0.5 * 0.2 / 50))
    assert (others["weight_decay"], others["l1"]) == (0.0, 0.0)
    assert (weights["momentum"], weights["nesterov"], weights["clip_norm"], others["clip_norm"]) == (
        0.9,
        True,
        1.0,
        1.0,
    )
    est = quick(solver="adamw", solver_options={"weight_decay": 0.02}).fit(FLOWERS, SPECIES)
    assert [g["weight_decay"] for g in est.optimizer_.param_groups] == [0.02, 0.0]
    est = quick(solver_options={"proximal": True}, alpha=50.0, l1_ratio=1.0).fit(FLOWERS, SPECIES)
    assert sum((w == 0.0).sum() for w in weights_of(est)[::2]) > 20  # exact zeros, which an l1 in the gradient misses
    sizes = [sum(np.abs(w).sum() for w in weights_of(quick(alpha=a).fit(FLOWERS, SPECIES))[::2]) for a in (0.0, 30.0)]
    assert sizes[1] < sizes[0] / 2


def test_schedules():
    falling = fg.optim.schedules.Multiply(0.02, 0.5)
    est = quick(learning_rate=falling, max_iter=4, batch_size=50).fit(FLOWERS, SPECIES)
    assert falling.unit == "epoch"
    np.testing.assert_allclose(est.history_["lr"], [0.02, 0.01, 0.005, 0.0025])
    est = quick(learning_rate=lambda t: 0.02 / (t + 1), max_iter=3, batch_size=50).fit(FLOWERS, SPECIES)
    np.testing.assert_allclose(est.history_["lr"], [0.02, 0.02 / 4, 0.02 / 7])


def test_layers():
    est = quick(activation="logistic", dropout=0.1, batch_norm=True, hidden_layer_sizes=[6, 5], init="he_normal")
    est.fit(FLOWERS, SPECIES)
    kinds = [type(m).__name__ for m in est.module_]
    assert kinds == ["Linear", "BatchNorm1d", "Sigmoid", "Dropout"] * 2 + ["Linear"]
    assert [m.weight.shape for m in est.module_ if isinstance(m, nn.Linear)] == [(6, 4), (5, 6), (3, 5)]
    assert not any(m.training for m in est.module_.modules())
    assert len(quick(hidden_layer_sizes=()).fit(FLOWERS, SPECIES).module_) == 1
    assert len(quick(hidden_layer_sizes=7).fit(FLOWERS, SPECIES).module_) == 3


def test_a_batch_of_one_row_is_left_out_for_batch_normalisation():
    est = quick(batch_norm=True, batch_size=10, max_iter=2).fit(FLOWERS[:51], SPECIES[:51])
    assert est.optimizer_.iterations == 2 * 5
    with pytest.raises(ValueError, match="more than 1 sample"):
        quick(batch_norm=True).fit(FLOWERS[:1], SPECIES[:1])


@pytest.mark.parametrize("how", ["standard", "minmax"])
def test_scaled_input_is_that_of_a_pipeline(how):
    scaler = {"standard": StandardScaler, "minmax": MinMaxScaler}[how]()
    inside = quick(scale_input=how).fit(FLOWERS, SPECIES)
    outside = make_pipeline(scaler, quick(scale_input=None)).fit(FLOWERS, SPECIES)
    assert_bits(inside.predict_proba(FLOWERS), outside.predict_proba(FLOWERS))


def test_what_is_shown(capsys):
    quick(max_iter=2).fit(FLOWERS, SPECIES)
    assert capsys.readouterr().out == ""
    est = quick(max_iter=2, verbose=True).fit(FLOWERS, SPECIES)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("epoch 1/2  loss ")
    assert est.history_["loss"].tolist() == est.loss_curve_
    assert est.history_.captured
