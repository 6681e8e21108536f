"""Scalers: features of any units brought into one range, and back. scikit-learn's names and meaning.

Fit a scaler on the training part alone, transform all parts with it, and keep it with the model: without it the model's
inputs mean nothing. Its `state_dict` is plain arrays and numbers, for any file that holds a model's.

>>> import numpy as np
>>> x_train = np.float32([[0, 10], [2, 10], [4, 10]])
>>> scaler = StandardScaler().fit(x_train)
>>> scaler.transform(np.float32([[2, 11]]))
array([[0., 1.]], dtype=float32)
"""

from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np

WIDEST = 1e150  # the square of a spread must be a float64


class Scaler:
    """What both scalers share. ``fit(x)`` learns from x[N,...]; features are what x[0] is made of.

    x is an array or a tensor of any real dtype. All is computed in float64, whatever x is, from differences to the
    least value: columns of mean 1e4 and spread 1 keep every digit. `transform` and `inverse_transform` return arrays of
    x's dtype; float32 for integers and bools.

    NaN counts as a missing value: `fit` passes over it, and it stays in what is transformed, as in scikit-learn.

    A feature that is the same everywhere is divided by 1. (scikit-learn does so also where the spread is of the size of
    its rounding errors; here there are none, and the spread counts.)

    Errors: ValueError for another number of features, infinities, a feature without a number, an x without rows, a
    scaler that is not fitted, a state of another scaler; TypeError for dtypes that are no real numbers.
    """

    _options: ClassVar[tuple[str, ...]] = ()
    _learned: ClassVar[tuple[str, ...]] = ()  # arrays of the features' shape

    n_features_in_: int
    n_samples_seen_: int
    feature_shape_: tuple[int, ...]

    @property
    def _name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        return f"{self._name}({', '.join(f'{name}={getattr(self, name)!r}' for name in self._options)})"

    def fit(self, x: Any, y: Any = None) -> Self:
        """Learns from x[N,...], forgetting what was learned before. y is not looked at."""
        numbers = self._numbers("fit", x)
        if len(numbers) == 0 or 0 in numbers.shape:
            raise ValueError(f"{self._name}.fit: an array of shape {numbers.shape} has nothing to learn from")
        missing = np.isnan(numbers).all(0)
        if missing.any():
            raise ValueError(f"{self._name}.fit: {features(missing)} has no number, only NaN; leave it out")
        least, most = np.nanmin(numbers, 0), np.nanmax(numbers, 0)
        with np.errstate(over="ignore"):
            too_wide = most - least > WIDEST
        if too_wide.any():
            raise ValueError(
                f"{self._name}.fit: {features(too_wide)} spreads over more than {WIDEST:g}; change its unit"
            )
        for name, value in self._learn(numbers, least, most).items():
            setattr(self, name, value)
        self.feature_shape_, self.n_samples_seen_ = numbers.shape[1:], len(numbers)
        self.n_features_in_ = int(np.prod(self.feature_shape_, dtype=np.int64))
        return self

    def fit_transform(self, x: Any, y: Any = None) -> np.ndarray:
        """``fit(x).transform(x)``, for the training part."""
        return self.fit(x, y).transform(x)

    def transform(self, x: Any) -> np.ndarray:
        """x[N,...] scaled, in x's dtype."""
        return self._apply("transform", x)

    def inverse_transform(self, x: Any) -> np.ndarray:
        """What `transform` was given: x[N,...] in the units of the data, in x's dtype."""
        return self._apply("inverse_transform", x)

    def state_dict(self) -> dict[str, Any]:
        """Options and what was learned, as arrays and plain values, for `load_state_dict`."""
        state: dict[str, Any] = {"scaler": self._name, **{name: getattr(self, name) for name in self._options}}
        if self._is_fitted:
            state["n_samples_seen_"] = self.n_samples_seen_
            state |= {name: value.copy() for name in self._learned if (value := getattr(self, name)) is not None}
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes back what `state_dict` gave, options included. A state that does not fit changes nothing."""
        found = state.get("scaler") if isinstance(state, dict) else type(state).__name__
        if found != self._name:
            raise ValueError(f"{self._name}.load_state_dict: this is the state of {found!r}, not of a {self._name}")
        wanted = {"scaler", *self._options}
        missing = sorted(wanted - set(state))
        unknown = sorted(set(state) - wanted - {"n_samples_seen_", *self._learned})
        if missing or unknown:
            raise ValueError(f"{self._name}.load_state_dict: missing {missing}, unknown {unknown}")
        new = type(self)(**{name: state[name] for name in self._options})
        if "n_samples_seen_" in state:
            new._restore(state)
        self.__dict__ = new.__dict__

    # -- to be written by each scaler --------------------------------------------------------------------------------
    def _learn(self, x: np.ndarray, least: np.ndarray, most: np.ndarray) -> dict[str, Any]:
        raise NotImplementedError

    def _forward(self, x: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _backward(self, x: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    # -- shared ------------------------------------------------------------------------------------------------------
    @property
    def _is_fitted(self) -> bool:
        return hasattr(self, "n_samples_seen_")

    def _apply(self, method: str, x: Any) -> np.ndarray:
        if not self._is_fitted:
            raise ValueError(f"{self._name}.{method}: not fitted yet; call fit with the training part first")
        x = np.asarray(x)
        numbers = self._numbers(method, x)
        if numbers.shape[1:] != self.feature_shape_:
            raise ValueError(
                f"{self._name}.{method}: x has {described(numbers.shape[1:])}, but the scaler was fitted on "
                f"{described(self.feature_shape_)}"
            )
        out = self._forward(numbers) if method == "transform" else self._backward(numbers)
        with np.errstate(over="ignore"):
            return out.astype(x.dtype if x.dtype.kind == "f" else np.float32)

    def _numbers(self, method: str, x: Any) -> np.ndarray:
        """x in float64; it holds no infinity."""
        x = np.asarray(x)
        if x.dtype.kind not in "fiub":
            raise TypeError(f"{self._name}.{method}: x must be real numbers, not {x.dtype}")
        if x.ndim == 0:
            raise ValueError(f"{self._name}.{method}: x must be [N,...], not a number; one sample is x[None]")
        numbers = x.astype(np.float64)
        if np.isinf(numbers).any():
            where = np.unravel_index(int(np.isinf(numbers).argmax()), numbers.shape)
            raise ValueError(f"{self._name}.{method}: x{list(map(int, where))} is infinite; NaN stands for missing")
        return numbers

    def _restore(self, state: dict[str, Any]) -> None:
        arrays = {name: np.array(state[name], np.float64) for name in self._learned if name in state}
        absent = sorted(name for name in self._needed() if name not in arrays)
        shapes = {array.shape for array in arrays.values()}
        count = state["n_samples_seen_"]
        if absent or len(shapes) != 1 or not isinstance(count, (int, np.integer)) or count < 1:
            raise ValueError(
                f"{self._name}.load_state_dict: missing {absent}, shapes {sorted(shapes)}, n_samples_seen_={count!r}; "
                f"the arrays must be there, of one shape, and the count above 0"
            )
        broken = sorted(name for name, array in arrays.items() if not np.isfinite(array).all())
        if broken or not self._is_sound(arrays):
            raise ValueError(f"{self._name}.load_state_dict: {broken or sorted(arrays)}: not what a fit can give")
        for name in self._learned:
            setattr(self, name, arrays.get(name))
        (self.feature_shape_,), self.n_samples_seen_ = shapes, int(count)
        self.n_features_in_ = int(np.prod(self.feature_shape_, dtype=np.int64))

    def _needed(self) -> tuple[str, ...]:
        return self._learned

    def _is_sound(self, arrays: dict[str, np.ndarray]) -> bool:
        raise NotImplementedError


def features(mask: np.ndarray) -> str:
    """The first feature for which a condition holds, as words."""
    if mask.ndim == 0:
        return "x"
    where = tuple(int(k) for k in np.unravel_index(int(mask.argmax()), mask.shape))
    return f"feature {where[0] if len(where) == 1 else where}"


def described(shape: tuple[int, ...]) -> str:
    n = int(np.prod(shape, dtype=np.int64))
    many = f"{n} feature{'' if n == 1 else 's'}"
    return many if len(shape) == 1 else f"{many} (shape {shape})"


class StandardScaler(Scaler):
    """Mean 0 and standard deviation 1 for each feature.

    transform: (x - mean_) / scale_,   scale_ = sqrt(var_),   var_ = sum (x - mean_)^2 / N  (ddof = 0)

    with_mean=False does not subtract, with_std=False does not divide. Fitted, it has ``mean_``, ``var_``, ``scale_``
    (None with with_std=False), ``n_features_in_``, ``n_samples_seen_`` and ``feature_shape_``, of float64.

    inverse_transform(transform(x)) is x within eps (|x| + |x - mean_|) for float32, twice that for float64, eps of the
    dtype (``numpy.finfo``).

    >>> scaler = StandardScaler()
    >>> scaler.fit_transform(np.float32([[1, 5], [3, 5]]))
    array([[-1.,  0.],
           [ 1.,  0.]], dtype=float32)
    >>> scaler.mean_, scaler.scale_
    (array([2., 5.]), array([1., 1.]))

    Source: Y. LeCun, L. Bottou, G. Orr, K.-R. Mueller, "Efficient backprop", in: Neural Networks: Tricks of the Trade
    (1998), 4.3. Everything else as `Scaler`.
    """

    _options = ("with_mean", "with_std")
    _learned = ("mean_", "var_", "scale_")

    mean_: np.ndarray
    var_: np.ndarray
    scale_: np.ndarray | None

    def __init__(self, *, with_mean: bool = True, with_std: bool = True) -> None:
        self.with_mean, self.with_std = bool(with_mean), bool(with_std)

    def _learn(self, x: np.ndarray, least: np.ndarray, most: np.ndarray) -> dict[str, Any]:
        width = np.where(most > least, most - least, 1.0)
        unit = (x - least) / width  # 0..1: squares neither vanish nor overflow
        mean = np.nanmean(unit, 0)
        std = width * np.sqrt(np.nanmean(np.square(unit - mean), 0))
        scale = np.where(most > least, std, 1.0)
        return {"mean_": least + width * mean, "var_": std * std, "scale_": scale if self.with_std else None}

    def _needed(self) -> tuple[str, ...]:
        return self._learned if self.with_std else self._learned[:2]

    def _is_sound(self, arrays: dict[str, np.ndarray]) -> bool:
        return bool((arrays["var_"] >= 0).all() and (arrays.get("scale_", np.ones(1)) > 0).all())

    def _forward(self, x: np.ndarray) -> np.ndarray:
        x = x - self.mean_ if self.with_mean else x
        return x if self.scale_ is None else x / self.scale_

    def _backward(self, x: np.ndarray) -> np.ndarray:
        x = x if self.scale_ is None else x * self.scale_
        return x + self.mean_ if self.with_mean else x


class MinMaxScaler(Scaler):
    """Each feature's least value to feature_range[0], its largest to feature_range[1]; (0, 1) and (-1, 1) are usual.

    transform: low + (x - data_min_) / data_range_ (high - low)

    A value beyond what `fit` saw lands outside the range; ``clip=True`` puts it on the edge. A feature that is the same
    everywhere becomes low. Fitted, it has ``data_min_``, ``data_max_``, ``data_range_``, ``scale_`` and ``min_`` (of
    scikit-learn's form x scale_ + min_), ``n_features_in_``, ``n_samples_seen_`` and ``feature_shape_``, of float64.

    inverse_transform(transform(x)) is x within eps (|x| + r m) for float32, four times that for float64, with r =
    data_range_, m = max(|low|, |high|) / (high - low), eps of the dtype; for x that `fit` saw.

    >>> scaler = MinMaxScaler((-1, 1)).fit(np.float32([[0, 5], [10, 5]]))
    >>> scaler.transform(np.float32([[5, 5], [20, 6]]))
    array([[ 0., -1.],
           [ 3.,  1.]], dtype=float32)
    >>> scaler.inverse_transform(np.float32([[0, -1]]))
    array([[5., 5.]], dtype=float32)

    Everything else as `Scaler`.
    """

    _options = ("feature_range", "clip")
    _learned = ("data_min_", "data_max_")

    data_min_: np.ndarray
    data_max_: np.ndarray

    def __init__(self, feature_range: tuple[float, float] = (0, 1), *, clip: bool = False) -> None:
        ends = tuple(feature_range) if isinstance(feature_range, (tuple, list)) else ()
        if len(ends) != 2 or not all(isinstance(end, Real) and np.isfinite(float(end)) for end in ends):
            raise ValueError(f"MinMaxScaler: feature_range must be two numbers (low, high), not {feature_range!r}")
        if not ends[0] < ends[1]:
            raise ValueError(f"MinMaxScaler: feature_range must have low < high, not {feature_range!r}")
        self.feature_range, self.clip = ends, bool(clip)

    def _learn(self, x: np.ndarray, least: np.ndarray, most: np.ndarray) -> dict[str, Any]:
        return {"data_min_": least, "data_max_": most}

    def _is_sound(self, arrays: dict[str, np.ndarray]) -> bool:
        return bool((arrays["data_min_"] <= arrays["data_max_"]).all())

    @property
    def data_range_(self) -> np.ndarray:
        return self.data_max_ - self.data_min_

    @property
    def scale_(self) -> np.ndarray:
        low, high = self.feature_range
        return (high - low) / self._width

    @property
    def min_(self) -> np.ndarray:
        return self.feature_range[0] - self.data_min_ * self.scale_

    @property
    def _width(self) -> np.ndarray:
        width = self.data_range_
        return np.where(width > 0, width, 1.0)

    def _forward(self, x: np.ndarray) -> np.ndarray:
        low, high = self.feature_range
        out = (x - self.data_min_) / self._width * (high - low) + low
        return np.clip(out, low, high) if self.clip else out

    def _backward(self, x: np.ndarray) -> np.ndarray:
        low, high = self.feature_range
        return (x - low) / (high - low) * self._width + self.data_min_
