"""`FastgradClassifier` and `FastgradRegressor` are scikit-learn's: its own checks, its tools, its perceptron's numbers."""

import copy
import inspect
import pickle
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import nn
from fastgrad.data import load_digits, load_iris
from fastgrad.testing import assert_bits

pytest.importorskip("sklearn", reason='scikit-learn is not installed: pip install "fastgrad[sklearn]"')

import joblib
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_diabetes, make_multilabel_classification
from sklearn.ensemble import StackingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastgrad.train import Callback, FastgradClassifier, FastgradRegressor

DIGITS, IRIS = load_digits(), load_iris()
FLOWERS, SPECIES = IRIS.data.astype(np.float64), IRIS.target


def quick(**given):
    """A classifier that learns the flowers in few epochs, and stops at exactly that many."""
    own = {"hidden_layer_sizes": (16,), "max_iter": 30, "tol": None, "learning_rate_init": 0.02, "batch_size": 50}
    return FastgradClassifier(**{**own, "scale_input": "standard", "random_state": 0, **given})


def weights_of(est):
    return [p.data.copy() for p in est.module_.parameters()]


def assert_same_weights(est, other):
    for p, q in zip(weights_of(est), weights_of(other), strict=True):
        assert_bits(p, q)


# -- scikit-learn's checks ---------------------------------------------------------------------------------------------
CHECKED = [
    FastgradClassifier(),
    FastgradRegressor(),
    FastgradClassifier(scale_input="standard", solver="sgd", learning_rate_init=0.05),
    FastgradRegressor(dtype="float32", batch_norm=True, tol=1e-3),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(CHECKED, expected_failed_checks=FastgradClassifier.expected_failed_checks)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def test_what_is_expected_to_fail_depends_on_the_parameters():
    for cls in (FastgradClassifier, FastgradRegressor):
        assert cls.expected_failed_checks(cls()) == {}
    for changed in ({"batch_size": 8}, {"dropout": 0.1}, {"batch_norm": True}, {"dtype": np.float32}):
        found = FastgradClassifier.expected_failed_checks(FastgradClassifier(**changed))
        assert list(found) == ["check_sample_weight_equivalence_on_dense_data"], changed


# -- beside scikit-learn's perceptron ----------------------------------------------------------------------------------
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_digits_are_read_as_well_as_by_the_perceptron():
    x = DIGITS.data / 16
    settings = {"hidden_layer_sizes": (32,), "learning_rate_init": 0.01, "max_iter": 40, "random_state": 0}
    theirs = cross_val_score(MLPClassifier(**settings), x, DIGITS.target, cv=3).mean()
    ours = cross_val_score(FastgradClassifier(**settings), x, DIGITS.target, cv=3).mean()
    assert ours >= theirs - 0.01
    assert ours > 0.93


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_regression_is_as_good_as_the_perceptrons():
    x, y = load_diabetes(return_X_y=True)
    settings = {
        "hidden_layer_sizes": (20,),
        "alpha": 1.0,
        "learning_rate_init": 0.005,
        "batch_size": 50,
        "max_iter": 100,
    }
    y = (y - y.mean()) / y.std()
    theirs, ours = (
        cross_val_score(make_pipeline(StandardScaler(), cls(**settings, random_state=0)), x, y, cv=3).mean()
        for cls in (MLPRegressor, FastgradRegressor)
    )
    assert ours >= theirs - 0.03
    assert ours > 0.45


def with_weights(coefs, intercepts, activation):
    """A factory of the network that starts with these weights of scikit-learn's."""

    def factory(n_in, n_out):
        layers = []
        for w, b in zip(coefs, intercepts, strict=True):
            layers += [nn.Linear(*w.shape), activation()]
            layers[-2].load_state_dict({"weight": w.T.astype(np.float32), "bias": b.astype(np.float32)})
        return nn.Sequential(*layers[:-1])

    return factory


EXACT = [
    ({"solver": "adam", "alpha": 0.0}, {}),
    ({"solver": "sgd", "alpha": 0.3, "learning_rate_init": 0.1}, {}),
    ({"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 2.0, "power_t": 0.3}, {}),
    (
        {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.1, "tol": 0.002, "n_iter_no_change": 2},
        {},
    ),
    ({"solver": "sgd", "tol": 0.002, "n_iter_no_change": 3, "learning_rate_init": 0.1}, {}),
    ({"solver": "adam", "alpha": 0.01}, {"sample_weight": np.arange(150) % 3 + 0.5}),
    ({"solver": "sgd", "alpha": 0.5, "learning_rate_init": 0.1}, {"sample_weight": np.arange(150) % 3 * 2.0}),
    ({"solver": "adam", "batch_size": 40, "shuffle": False}, {}),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("settings", "fitted"), EXACT)
def test_the_numbers_are_the_perceptrons(settings, fitted):
    """From the same weights, batch by batch: loss, penalty, weights of rows, rates, and the epoch at which it ends."""
    if fitted and "sample_weight" not in inspect.signature(MLPRegressor.fit).parameters:
        pytest.skip("this scikit-learn's perceptron takes no sample_weight")
    x, y = StandardScaler().fit_transform(FLOWERS[:, :3]), FLOWERS[:, 3] - 1.2
    x = x.astype(np.float32).astype(np.float64)
    own = {"hidden_layer_sizes": (8, 5), "activation": "tanh", "batch_size": 150, "max_iter": 60, "random_state": 1}
    own |= {"alpha": 0.0} | settings
    plain = {"momentum": 0.0, "nesterovs_momentum": False}
    first = MLPRegressor(**own | plain | {"learning_rate_init": 1e-300, "max_iter": 1, "learning_rate": "constant"})
    first.fit(x, y, **fitted)
    rounded = [
        [a.astype(np.float32).astype(np.float64) for a in arrays] for arrays in (first.coefs_, first.intercepts_)
    ]
    ours = FastgradRegressor(module=with_weights(*rounded, nn.Tanh), **own).fit(x, y, **fitted)
    theirs = Started(*rounded, **own | plain).fit(x, y, **fitted)
    assert ours.n_iter_ == theirs.n_iter_
    if not own["alpha"]:
        np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-6)
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x), rtol=1e-5, atol=1e-6)
    assert ours.loss_curve_[-1] < 0.7 * ours.loss_curve_[0]


class Started(MLPRegressor):
    """scikit-learn's perceptron with weights to start from."""

    def __init__(self, coefs, intercepts, **settings):
        super().__init__(**settings)
        self.coefs, self.intercepts = coefs, intercepts

    def _initialize(self, *args):
        super()._initialize(*args)
        self.coefs_ = [a.copy() for a in self.coefs]
        self.intercepts_ = [a.copy() for a in self.intercepts]


# -- scikit-learn's tools ----------------------------------------------------------------------------------------------
def test_a_grid_search_over_a_pipeline_with_a_scaler():
    search = GridSearchCV(
        make_pipeline(StandardScaler(), quick(scale_input=None)),
        {"fastgradclassifier__hidden_layer_sizes": [(4,), (16,)], "fastgradclassifier__alpha": [1e-4, 1e4]},
        cv=3,
    ).fit(FLOWERS, SPECIES)
    assert search.best_params_["fastgradclassifier__alpha"] == 1e-4
    assert search.best_score_ > 0.93
    assert search.predict(FLOWERS[:2]).tolist() == [0, 0]


def test_a_random_search_stacking_and_calibration():
    grid = {"learning_rate_init": [1e-9, 0.02], "activation": ["relu", "GELU", nn.Tanh]}
    search = RandomizedSearchCV(quick(), grid, n_iter=4, cv=3, random_state=0).fit(FLOWERS, SPECIES)
    assert search.best_params_["learning_rate_init"] == 0.02
    stack = StackingClassifier([("net", quick()), ("line", LogisticRegression(max_iter=1000))], cv=3)
    assert stack.fit(FLOWERS, SPECIES).score(FLOWERS, SPECIES) > 0.95
    calibrated = CalibratedClassifierCV(quick(), cv=3).fit(FLOWERS, SPECIES)
    np.testing.assert_allclose(calibrated.predict_proba(FLOWERS).sum(1), 1.0)
    assert calibrated.score(FLOWERS, SPECIES) > 0.95


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_cross_validation_in_two_workers_gives_the_same_scores(backend):
    wanted = cross_val_score(quick(dropout=0.2), FLOWERS, SPECIES, cv=4)
    with joblib.parallel_backend(backend, n_jobs=2):
        found = cross_val_score(quick(dropout=0.2), FLOWERS, SPECIES, cv=4)
    np.testing.assert_array_equal(found, wanted)


def test_two_threads_fit_as_one_does():
    """Initial values, shuffles and dropout draw from what belongs to the thread."""

    def fitted(seed):
        return quick(random_state=seed, dropout=0.3, batch_size=20).fit(FLOWERS, SPECIES)

    alone = [fitted(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for one, other in zip(alone, pool.map(fitted, range(4)), strict=True):
            assert_same_weights(one, other)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda est: pickle.loads(pickle.dumps(est))])
def test_a_copy_predicts_the_same_and_goes_on_the_same(copied):
    est = quick(dropout=0.2).fit(FLOWERS, SPECIES)
    other = copied(est)
    assert_bits(est.predict_proba(FLOWERS), other.predict_proba(FLOWERS))
    assert est.loss_curve_ == other.loss_curve_
    for one in (est, other):
        one.partial_fit(FLOWERS, SPECIES)
    assert_same_weights(est, other)
    assert not any(p is q for p in est.module_.parameters() for q in other.module_.parameters())


def test_a_clone_is_not_fitted_and_fits_the_same():
    est = quick().fit(FLOWERS, SPECIES)
    other = clone(est)
    assert not hasattr(other, "module_")
    assert other.get_params() == est.get_params()
    assert_same_weights(est, other.fit(FLOWERS, SPECIES))


# -- random numbers ----------------------------------------------------------------------------------------------------
def test_fastgrads_own_random_numbers_are_not_touched():
    fg.manual_seed(11)
    fg.rand(3)
    before = fg.random.get_state()
    quick(dropout=0.5).fit(FLOWERS, SPECIES).partial_fit(FLOWERS, SPECIES).predict(FLOWERS)
    np.testing.assert_equal(fg.random.get_state(), before)
    assert fg.initial_seed() == 11


def test_random_state_means_what_it_means_in_scikit_learn():
    def fitted(state):
        return quick(random_state=state, max_iter=2).fit(FLOWERS, SPECIES)

    source = np.random.RandomState(5)
    one, two = fitted(source), fitted(source)
    assert not np.array_equal(weights_of(one)[0], weights_of(two)[0])  # an instance goes on
    assert_same_weights(one, fitted(np.random.RandomState(5)))
    assert_same_weights(fitted(7), fitted(7))
    before = np.random.get_state()
    try:
        np.random.seed(3)
        one, two = fitted(None), fitted(None)
        np.random.seed(3)
        assert_same_weights(one, fitted(None))
    finally:
        np.random.set_state(before)
    assert not np.array_equal(weights_of(one)[0], weights_of(two)[0])


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


# -- going on ----------------------------------------------------------------------------------------------------------
def test_passes_go_on_where_the_last_one_ended():
    est = quick()
    for i in range(30):
        est.partial_fit(FLOWERS[i % 2 :: 2], SPECIES[i % 2 :: 2], classes=[2, 0, 1])
    assert est.score(FLOWERS, SPECIES) > 0.9
    assert (est.n_iter_, est.t_, len(est.loss_curve_), est.optimizer_.iterations) == (30, 30 * 75, 30, 30 * 2)
    assert est.classes_.tolist() == [0, 1, 2]
    two = FastgradRegressor((4,), random_state=0).partial_fit(FLOWERS, SPECIES).partial_fit(FLOWERS, SPECIES)
    assert two.loss_curve_[1] < two.loss_curve_[0]


@pytest.mark.parametrize(
    ("est", "classes", "said"),
    [
        (quick(), None, "classes must be passed on the first call to partial_fit"),
        (quick(class_weight="balanced"), [0, 1, 2], "needs all rows"),
        (quick(early_stopping=True), [0, 1, 2], "does not support early_stopping=True"),
        (quick(), [0, 1], "`y` has classes not in `self.classes_`"),
        (quick().fit(FLOWERS, SPECIES), [0, 1], "is not the same as on last call"),
    ],
)
def test_passes_that_are_refused(est, classes, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        est.partial_fit(FLOWERS, SPECIES, classes=classes)


def test_a_warm_start_goes_on_and_a_fit_begins_anew():
    est = quick(max_iter=5).fit(FLOWERS, SPECIES)
    first, before = est.loss_curve_, weights_of(est)
    assert est.fit(FLOWERS, SPECIES).loss_curve_ == first
    est.set_params(warm_start=True).fit(FLOWERS, SPECIES)
    assert est.loss_curve_[:5] == first
    assert len(est.loss_curve_) == est.n_iter_ == 10
    assert len(est.history_) == 5
    assert est.loss_ < first[-1]
    assert not np.array_equal(before[0], weights_of(est)[0])
    with pytest.raises(ValueError, match="classes not in"):
        est.fit(FLOWERS, SPECIES + 1)
    est = FastgradRegressor((4,), max_iter=2, tol=None, warm_start=True).fit(FLOWERS, SPECIES)
    with pytest.raises(ValueError, match="had 1 columns before"):
        est.fit(FLOWERS, FLOWERS)


# -- when training ends ------------------------------------------------------------------------------------------------
class Kept(Callback):
    """The weights after each epoch."""

    def __init__(self):
        self.epochs = []

    def on_epoch_end(self, run):
        self.epochs.append([p.data.copy() for p in run.model.parameters()])


@pytest.mark.parametrize("est", [quick(), FastgradRegressor((8,), "tanh", learning_rate_init=0.05, random_state=0)])
def test_early_stopping_puts_the_best_weights_back(est):
    kept = Kept()
    est = clone(est).set_params(early_stopping=True, tol=1e-3, n_iter_no_change=4, max_iter=300)
    est.callbacks = [kept]
    est.fit(FLOWERS, SPECIES)
    best = int(np.argmax(est.validation_scores_))
    assert est.n_iter_ == len(kept.epochs) == len(est.validation_scores_) < 300
    assert est.best_validation_score_ == est.validation_scores_[best]
    assert best < est.n_iter_ - 1, "the last epoch is not the best one, else nothing is tested"
    for p, q in zip(weights_of(est), kept.epochs[best], strict=True):
        assert_bits(p, q)
    assert "validation score did not improve" in est.history_.stopped


def test_a_score_of_a_part_that_is_not_trained_on():
    """The validation part is drawn by class, as large as told, and its score is that of the estimator."""
    seen = []

    class Rows(Callback):
        def on_train_begin(self, run):
            seen.append(run.loader.dataset[0 : 10**6][-1])

    est = quick(early_stopping=True, validation_fraction=0.2, callbacks=[Rows()]).fit(FLOWERS, SPECIES)
    assert np.bincount(seen[0]).tolist() == [40, 40, 40]
    assert all(round(score * 30) == pytest.approx(score * 30) for score in est.validation_scores_)
    with pytest.raises(ValueError, match="validation set is too small"):
        FastgradRegressor(early_stopping=True).fit(FLOWERS[:8], SPECIES[:8])


def test_a_warning_where_the_loss_still_fell():
    with pytest.warns(ConvergenceWarning, match="max_iter=3 epochs are over") as found:
        quick(max_iter=3, tol=1e-4).fit(FLOWERS, SPECIES)
    assert found[0].filename == __file__
    quick(max_iter=3, tol=None).fit(FLOWERS, SPECIES)
    quick(max_iter=100, tol=0.1).fit(FLOWERS, SPECIES)


def test_weights_that_are_not_finite_are_an_error():
    with (
        pytest.warns(RuntimeWarning, match="the loss of batch"),
        pytest.raises(ValueError, match=r"not finite\. Scale"),
    ):
        FastgradRegressor((), solver="sgd", learning_rate_init=1e6, random_state=0).fit(IRIS.data, SPECIES)


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
    from sklearn.preprocessing import MinMaxScaler

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
