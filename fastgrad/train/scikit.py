"""What fastgrad uses of scikit-learn, in one place. Importing it without scikit-learn is refused by a sentence."""

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_regressor
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.metrics import accuracy_score, r2_score
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import MinMaxScaler, StandardScaler
    from sklearn.utils import check_random_state, column_or_1d, compute_sample_weight
    from sklearn.utils.metaestimators import available_if
    from sklearn.utils.multiclass import check_classification_targets, type_of_target
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError(
        f"FastgradClassifier and FastgradRegressor need scikit-learn 1.6 or later: "
        f'pip install "fastgrad[sklearn]" ({error})'
    ) from error

__all__ = [
    "BaseEstimator",
    "ClassifierMixin",
    "ConvergenceWarning",
    "MinMaxScaler",
    "RegressorMixin",
    "StandardScaler",
    "accuracy_score",
    "available_if",
    "check_classification_targets",
    "check_is_fitted",
    "check_random_state",
    "column_or_1d",
    "compute_sample_weight",
    "is_regressor",
    "r2_score",
    "train_test_split",
    "type_of_target",
    "validate_data",
]
