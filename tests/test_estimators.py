"""`FastgradClassifier` and `FastgradRegressor` are scikit-learn's: its own checks, its tools, its perceptron's numbers."""

import copy
import inspect
import pickle
import re
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import nn
from fastgrad.data import load_digits
from fastgrad.testing import assert_bits

pytest.importorskip("sklearn", reason='scikit-learn is not installed: pip install "fastgrad[sklearn]"')

import joblib
from estimator_makers import FLOWERS, IRIS, SPECIES, assert_same_weights, quick, weights_of
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_diabetes
from sklearn.ensemble import StackingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastgrad.train import Callback, FastgradClassifier, FastgradRegressor

DIGITS = load_digits()


# -- scikit-learn's checks ---------------------------------------------------------------------------------------------
CHECKED = [
    FastgradClassifier(),
    FastgradRegressor(),
    FastgradClassifier(scale_input="standard", solver="sgd", learning_rate_init=0.05),
    FastgradRegressor(dtype="float32", batch_norm=True, tol=1e-3),
]


checks = parametrize_with_checks(CHECKED, expected_failed_checks=FastgradClassifier.expected_failed_checks)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(checks.args[0], list(checks.args[1]), **checks.kwargs)  # pytest warns of their generator
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
    tree = DecisionTreeClassifier(max_depth=3, random_state=0)
    stack = StackingClassifier([("net", quick()), ("tree", tree)], tree, cv=3)
    assert stack.fit(FLOWERS, SPECIES).score(FLOWERS, SPECIES) > 0.95
    calibrated = CalibratedClassifierCV(quick(), cv=3).fit(FLOWERS, SPECIES)
    np.testing.assert_allclose(calibrated.predict_proba(FLOWERS).sum(1), 1.0)
    assert calibrated.score(FLOWERS, SPECIES) > 0.9


@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
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


class Named(FastgradClassifier):
    """One with parameters of its own, and fewer of ours."""

    def __init__(self, name="x", alpha=0.1, max_iter=3):
        super().__init__(alpha=alpha, max_iter=max_iter, tol=None)
        self.name = name


def test_a_subclass_has_parameters_of_its_own():
    est = clone(Named("y", alpha=0.5)).fit(FLOWERS, SPECIES)
    assert est.get_params() == {"name": "y", "alpha": 0.5, "max_iter": 3}
    assert (est.alpha, est.n_iter_, est.solver) == (0.5, 3, "adam")


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


def test_ctrl_c_leaves_a_usable_estimator_and_says_so():
    class Impatient(Callback):
        def on_epoch_end(self, run):
            if run.epoch == 5:
                signal.raise_signal(signal.SIGINT)

    with pytest.warns(UserWarning, match="Training interrupted by user"):
        est = quick(callbacks=[Impatient()]).fit(FLOWERS, SPECIES)
    assert est.n_iter_ == 5
    assert est.predict(FLOWERS).shape == (150,)


def test_weights_that_are_not_finite_are_an_error():
    with (
        pytest.warns(RuntimeWarning, match="the loss of batch"),
        pytest.raises(ValueError, match=r"not finite\. Scale"),
    ):
        FastgradRegressor((), solver="sgd", learning_rate_init=1e6, random_state=0).fit(IRIS.data, SPECIES)
