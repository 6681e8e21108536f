"""Initial values. Each function fills a tensor in place, from `fastgrad.random`'s generator or one that is given.

PyTorch's names and arguments, and the names under which lectures print the same rules: ``glorot_normal_`` is
``xavier_normal_``, ``he_uniform_`` is ``kaiming_uniform_``. `docs/initial-values.md` has variance and standard
deviation of each in one table. ``nn.Linear(4, 3, init="he_normal")`` takes a name of `SCHEMES`, ``"auto"``, or a
function that fills a tensor.

For a weight (n_out, n_in) or (C_out, C_in, *kernel): fan_in = n_in, or C_in times the size of the kernel; fan_out
likewise; fan_avg is their mean.
"""

import math
from functools import partial

import numpy as np

from .. import kernels, random, tape
from .pairing import auto_, begin, scheme_for

__all__ = [
    "SCHEMES",
    "auto_",
    "calculate_gain",
    "constant_",
    "dirac_",
    "eye_",
    "fans",
    "fill",
    "glorot_normal",
    "glorot_normal_",
    "glorot_uniform",
    "glorot_uniform_",
    "he_normal",
    "he_normal_",
    "he_uniform",
    "he_uniform_",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
    "lecun_normal",
    "lecun_normal_",
    "lecun_uniform",
    "lecun_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "scheme_for",
    "sparse_",
    "start",
    "trunc_normal_",
    "uniform_",
    "variance_scaling_",
    "xavier_normal",
    "xavier_normal_",
    "xavier_uniform",
    "xavier_uniform_",
    "zeros_",
]

MODES = ("fan_in", "fan_out", "fan_avg")


def _fill(tensor, values):
    kernels.refuse_capture("nn.init", "initialise parameters outside the step")
    if not isinstance(tensor, tape.Value) or tensor.dtype.kind != "f":
        what = f"one of {tensor.dtype}" if isinstance(tensor, tape.Value) else f"a {type(tensor).__name__}"
        raise TypeError(f"nn.init: fills a tensor of floats in place, not {what}")
    np.copyto(tensor.data, values, casting="same_kind")
    tape.changed(tensor.data)
    return tensor


def _source(generator):
    return random.default_generator() if generator is None else generator


# -- numbers that depend on no size ------------------------------------------------------------------------------------
def uniform_(tensor, a=0.0, b=1.0, generator=None):
    """Uniform on [a, b): mean (a + b) / 2, variance (b - a)^2 / 12.

    Errors: ValueError for a above b, or bounds that are not finite.

    >>> import fastgrad as fg
    >>> fg.nn.init.uniform_(fg.empty(2, 3), 5.0, 5.0)
    tensor([[5., 5., 5.],
            [5., 5., 5.]])
    """
    if not (math.isfinite(a) and math.isfinite(b) and a <= b):
        raise ValueError(f"uniform_: a must not exceed b, a = {a}, b = {b}")
    return _fill(tensor, _source(generator).uniform(a, b, tensor.shape))


def normal_(tensor, mean=0.0, std=1.0, generator=None):
    """Normal with this mean and standard deviation. Errors: ValueError for a negative std."""
    if not std >= 0:
        raise ValueError(f"normal_: std must be at least 0, not {std}")
    return _fill(tensor, _source(generator).normal(mean, std, tensor.shape))


def trunc_normal_(tensor, mean=0.0, std=1.0, a=-2.0, b=2.0, generator=None):
    """Normal with this mean and standard deviation, given that it lies in [a, b].

    a and b are values, as in PyTorch, not multiples of std. With alpha = (a - mean) / std, beta = (b - mean) / std and
    Z = Phi(beta) - Phi(alpha), the variance is std^2 (1 + (alpha phi(alpha) - beta phi(beta)) / Z -
    ((phi(alpha) - phi(beta)) / Z)^2): 0.774 for the defaults.
    Drawn by rejection, of normal numbers or, where few of those would do, of exponential ones.
    Source: Robert, Simulation of truncated normal variables (1995). Errors: ValueError for std <= 0, or a >= b.

    >>> import fastgrad as fg
    >>> bool((fg.nn.init.trunc_normal_(fg.empty(1000), a=3.0, b=4.0) >= 3.0).all())
    True
    """
    if not (std > 0 and a < b and math.isfinite(mean)):
        raise ValueError(f"trunc_normal_: needs std > 0 and a < b, not std = {std}, a = {a}, b = {b}")
    z = _truncated(_source(generator), tensor.data.size, (a - mean) / std, (b - mean) / std)
    return _fill(tensor, np.clip(mean + std * z, a, b).reshape(tensor.shape))


def _truncated(source, n, a, b):
    """n standard normal numbers, given that they lie in [a, b]."""
    if b < 0:
        return -_truncated(source, n, -b, -a)
    normal = math.erfc(a / math.sqrt(2)) - math.erfc(b / math.sqrt(2)) >= 0.4  # a fifth of all draws will do
    rate, found = max(a, 0.0), np.empty(0)
    while len(found) < n:
        if normal:
            z = source.standard_normal(2 * n - 2 * len(found) + 8)
            z = z[(z >= a) & (z <= b)]
        else:  # e^(-z^2/2) = e^(-rate z) e^(-(z - rate)^2/2) c: exponential, or uniform, accepted by the second factor
            u, accepted = source.random((2, 2 * n - 2 * len(found) + 8))
            z = a - np.log1p(u * np.expm1(-rate * (b - a))) / rate if rate else a + u * (b - a)
            z = z[accepted <= np.exp(-0.5 * (z - rate) ** 2)]
        found = np.concatenate([found, z[: n - len(found)]])
    return found


def constant_(tensor, val):
    """Every element val; variance 0."""
    return _fill(tensor, val)


def zeros_(tensor):
    """Every element 0. As weights, every unit of a layer then learns the same: for biases."""
    return _fill(tensor, 0.0)


def ones_(tensor):
    """Every element 1."""
    return _fill(tensor, 1.0)


def eye_(tensor):
    """The identity, 1 where row and column agree: a linear layer passes on as many inputs as it can.

    Errors: ValueError for anything but a matrix.

    >>> import fastgrad as fg
    >>> fg.nn.init.eye_(fg.empty(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    refuse_axes("eye_", tensor, len(tensor.shape) == 2, "a matrix, 2 axes")
    return _fill(tensor, np.eye(*tensor.shape))


def dirac_(tensor, groups=1):
    """A kernel (C_out, C_in, *kernel) that passes as many channels as it can on: 1 at its centre, else 0.

    Errors: ValueError for other than 3, 4 or 5 axes, or C_out that `groups` does not divide.
    """
    refuse_axes("dirac_", tensor, len(tensor.shape) in (3, 4, 5), "the kernel of a convolution, 3 to 5 axes")
    c_out, c_in, *size = tensor.shape
    if c_out % groups:
        raise ValueError(f"dirac_: {c_out} output channels in {groups} groups: the number of groups must divide them")
    values, each = np.zeros(tensor.shape), c_out // groups
    for g in range(groups):
        for c in range(min(each, c_in)):
            values[(g * each + c, c, *(n // 2 for n in size))] = 1.0
    return _fill(tensor, values)


# -- variances that depend on the fans ---------------------------------------------------------------------------------
def fans(tensor):
    """(fan_in, fan_out) of a weight: how many numbers an output is a sum of, and an input goes into.

    Errors: ValueError for fewer than 2 axes.

    >>> import fastgrad as fg
    >>> fg.nn.init.fans(fg.empty(16, 3, 5, 5))
    (75, 400)
    """
    refuse_axes("fans", tensor, len(tensor.shape) >= 2, "a weight of at least 2 axes, (outputs, inputs, ...)")
    n_out, n_in, *kernel = tensor.shape
    return n_in * math.prod(kernel), n_out * math.prod(kernel)


def refuse_axes(name, tensor, fits, what):
    if not fits:
        raise ValueError(f"{name}: needs {what}, not a tensor of shape {tuple(tensor.shape)}")


def calculate_gain(nonlinearity, param=None):
    """What a nonlinearity needs the standard deviation multiplied by, to pass its variance on; PyTorch's table.

    1 for "linear", "conv1d" to "conv3d", their transposes and "sigmoid"; 5/3 for "tanh"; sqrt(2) for "relu";
    sqrt(2 / (1 + slope^2)) for "leaky_relu", of slope `param` or 0.01; 3/4 for "selu".
    Errors: ValueError for another name or a slope that is no number.

    >>> import fastgrad as fg
    >>> fg.nn.init.calculate_gain("leaky_relu", 1.0)
    1.0
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float, np.number)):
            raise ValueError(f"calculate_gain: the slope of leaky_relu is a number, not {param!r}")
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity not in GAINS:
        raise ValueError(f"calculate_gain: {nonlinearity!r} is none of {', '.join([*GAINS, 'leaky_relu'])}")
    return GAINS[nonlinearity]


GAINS = {"linear": 1.0, "conv1d": 1.0, "conv2d": 1.0, "conv3d": 1.0}
GAINS |= {"conv_transpose1d": 1.0, "conv_transpose2d": 1.0, "conv_transpose3d": 1.0}
GAINS |= {"sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2.0), "selu": 3 / 4}


def variance_scaling_(tensor, scale=1.0, mode="fan_in", distribution="normal", generator=None):
    """Mean 0 and variance scale / n, where n is the weight's "fan_in", "fan_out" or "fan_avg", (fan_in + fan_out) / 2.

    "normal", or "uniform" on +-sqrt(3 scale / n), of the same variance. Every rule below is this one.
    Errors: ValueError for an unknown mode or distribution, a negative scale, or fewer than 2 axes.
    """
    n_in, n_out = fans(tensor)
    if mode not in MODES:
        raise ValueError(f"variance_scaling_: mode is one of {', '.join(MODES)}, not {mode!r}")
    if distribution not in ("normal", "uniform") or not scale >= 0:
        raise ValueError(
            f"variance_scaling_: needs a scale of at least 0, normal or uniform, not {scale!r}, {distribution!r}"
        )
    n = {"fan_in": n_in, "fan_out": n_out, "fan_avg": (n_in + n_out) / 2}[mode]
    std = math.sqrt(scale / n) if n else 0.0
    if distribution == "normal":
        return normal_(tensor, 0.0, std, generator)
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def lecun_normal_(tensor, generator=None):
    """Normal with variance 1 / fan_in. Source: LeCun et al., Efficient BackProp (1998)."""
    return variance_scaling_(tensor, 1.0, "fan_in", "normal", generator)


def lecun_uniform_(tensor, generator=None):
    """Uniform on +-sqrt(3 / fan_in), of variance 1 / fan_in. Source: LeCun et al., Efficient BackProp (1998)."""
    return variance_scaling_(tensor, 1.0, "fan_in", "uniform", generator)


def xavier_normal_(tensor, gain=1.0, generator=None):
    """Normal with variance gain^2 2 / (fan_in + fan_out): for sigmoid and tanh.

    Source: Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks (2010).
    """
    return variance_scaling_(tensor, gain**2, "fan_avg", "normal", generator)


def xavier_uniform_(tensor, gain=1.0, generator=None):
    """Uniform on +-gain sqrt(6 / (fan_in + fan_out)), of the variance of `xavier_normal_`."""
    return variance_scaling_(tensor, gain**2, "fan_avg", "uniform", generator)


def kaiming_normal_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu", generator=None):
    """Normal with variance gain^2 / n: 2 / fan_in for ReLU.

    gain = calculate_gain(nonlinearity, a); a is the slope of a leaky ReLU below 0. mode "fan_in" keeps the variance of
    activations, "fan_out" that of gradients; "fan_avg", which PyTorch has not, is between them: 4 / (fan_in + fan_out).
    Source: He, Zhang, Ren and Sun, Delving deep into rectifiers (2015).
    """
    return variance_scaling_(tensor, calculate_gain(nonlinearity, a) ** 2, mode, "normal", generator)


def kaiming_uniform_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu", generator=None):
    """Uniform on +-gain sqrt(3 / n), of the variance of `kaiming_normal_`, whose arguments it has."""
    return variance_scaling_(tensor, calculate_gain(nonlinearity, a) ** 2, mode, "uniform", generator)


def orthogonal_(tensor, gain=1.0, generator=None):
    """Rows, or if there are more of them than columns the columns, orthogonal and of length gain.

    All axes after the first are one. Drawn evenly from all such matrices: Q of the QR decomposition of normal numbers,
    with the signs that make R's diagonal positive. An element has variance gain^2 / max(rows, columns).
    Source: Saxe, McClelland and Ganguli, Exact solutions to the nonlinear dynamics of learning (2014); Mezzadri, How
    to generate random matrices from the classical compact groups (2007), for the signs.
    Errors: ValueError for fewer than 2 axes.
    """
    refuse_axes("orthogonal_", tensor, len(tensor.shape) >= 2, "at least 2 axes")
    if not tensor.data.size:
        return tensor
    rows = tensor.shape[0]
    columns = tensor.data.size // rows
    q, r = np.linalg.qr(_source(generator).standard_normal((max(rows, columns), min(rows, columns))))
    q *= np.where(np.diagonal(r) < 0, -gain, gain)
    return _fill(tensor, (q if rows >= columns else q.T).reshape(tensor.shape))


def sparse_(tensor, sparsity, std=0.01, generator=None):
    """Normal with this std, but for a share `sparsity` of each column, rounded up, at random places, which is 0.

    Source: Martens, Deep learning via Hessian-free optimization (2010).
    Errors: ValueError for anything but a matrix, or a share outside [0, 1].
    """
    refuse_axes("sparse_", tensor, len(tensor.shape) == 2, "a matrix, 2 axes")
    if not 0 <= sparsity <= 1:
        raise ValueError(f"sparse_: sparsity is a share between 0 and 1, not {sparsity}")
    if not std >= 0:
        raise ValueError(f"sparse_: std must be at least 0, not {std}")
    source, (rows, columns) = _source(generator), tensor.shape
    values = source.normal(0.0, std, (rows, columns))
    ranks = source.random((rows, columns)).argsort(axis=0)
    values[ranks < math.ceil(sparsity * rows)] = 0.0
    return _fill(tensor, values)


# -- names -------------------------------------------------------------------------------------------------------------
glorot_normal_, glorot_uniform_ = xavier_normal_, xavier_uniform_
he_normal_, he_uniform_ = kaiming_normal_, kaiming_uniform_
lecun_normal, lecun_uniform = lecun_normal_, lecun_uniform_
xavier_normal = glorot_normal = xavier_normal_
xavier_uniform = glorot_uniform = xavier_uniform_
kaiming_normal = he_normal = kaiming_normal_
kaiming_uniform = he_uniform = kaiming_uniform_

# What `init=` takes by name.
SCHEMES = {
    "zeros": zeros_,
    "ones": ones_,
    "eye": eye_,
    "uniform": uniform_,
    "normal": normal_,
    "normal_0.01": partial(normal_, std=0.01),
    "trunc_normal": trunc_normal_,
    "orthogonal": orthogonal_,
    "one_over_n": lecun_normal_,
    "lecun_normal": lecun_normal_,
    "lecun_uniform": lecun_uniform_,
    "xavier_normal": xavier_normal_,
    "xavier_uniform": xavier_uniform_,
    "glorot_normal": xavier_normal_,
    "glorot_uniform": xavier_uniform_,
    "torch": partial(kaiming_uniform_, a=math.sqrt(5.0)),  # uniform on +-1 / sqrt(fan_in)
}
for _name, _function in (("normal", kaiming_normal_), ("uniform", kaiming_uniform_)):
    for _author in ("he", "kaiming"):
        SCHEMES[f"{_author}_{_name}"] = _function
        for _mode in ("fan_out", "fan_avg"):
            SCHEMES[f"{_author}_{_name}_{_mode}"] = partial(_function, mode=_mode)


def fill(tensor, scheme, layer="fill", others=()):
    """Fills a tensor as `init=` says: by a name of `SCHEMES`, or a function of the tensor. The rest is for errors.

    Errors: ValueError for an unknown name, TypeError for what is neither.

    >>> import fastgrad as fg
    >>> fg.nn.init.fill(fg.empty(2), "ones")
    tensor([1., 1.])
    """
    if isinstance(scheme, str):
        name = scheme.removesuffix("_")
        if name not in SCHEMES:
            raise ValueError(f"{layer}: init={scheme!r} is none of {', '.join([*SCHEMES, *others])}")
        scheme = SCHEMES[name]
    if not callable(scheme):
        raise TypeError(
            f"{layer}: init is a name or a function that fills a tensor in place, such as nn.init.he_normal_, "
            f"not {scheme!r}"
        )
    scheme(tensor)
    return tensor


def start(layer, scheme):
    """For a layer's ``reset_parameters``, where ``init=`` was given: its weight as `fill` says, or "auto"; bias 0."""
    if isinstance(scheme, str) and scheme == "auto":
        begin(layer)
        return
    fill(layer.weight, scheme, type(layer).__name__, ("auto",))
    if layer.bias is not None:
        zeros_(layer.bias)
