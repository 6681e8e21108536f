# Written by python -m fastgrad.kernels.stubs from csrc/kernels.def; change those.
from collections.abc import Callable
from contextlib import AbstractContextManager
from inspect import Signature
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import _core as _core
from . import reference as reference
from ._core import KERNELS as KERNELS
from ._core import CaptureError as CaptureError
from ._core import DtypeError as DtypeError
from ._core import Kernel as Kernel
from ._core import Program as Program
from ._core import blas_info as blas_info
from ._core import empty as empty
from ._core import empty_cache as empty_cache
from ._core import memory as memory
from ._core import output as output
from ._core import set_memory_cap as set_memory_cap

__all__ = [
    "KERNELS",
    "CaptureError",
    "DtypeError",
    "Program",
    "abs",
    "adadelta",
    "adagrad",
    "adam",
    "adamax",
    "add",
    "asgd",
    "atan",
    "batch_norm",
    "batch_norm_backward",
    "batch_norm_eval",
    "batch_norm_running",
    "blas_info",
    "blend",
    "bmm",
    "ceil",
    "celu",
    "celu_backward",
    "clip",
    "clip_all",
    "clip_backward",
    "copy",
    "cos",
    "cross_entropy",
    "cross_entropy_backward",
    "cumprod",
    "cumsum",
    "div",
    "dropout",
    "elu",
    "elu_backward",
    "empty",
    "empty_cache",
    "eq",
    "equal",
    "erf",
    "exp",
    "expm1",
    "fill",
    "floor",
    "floor_divide",
    "from_bool",
    "from_int64",
    "gather",
    "ge",
    "gelu",
    "gelu_backward",
    "gelu_tanh",
    "gelu_tanh_backward",
    "gt",
    "hardsigmoid",
    "hardsigmoid_backward",
    "hardswish",
    "hardswish_backward",
    "hardtanh_backward",
    "heaviside",
    "host",
    "info",
    "isfinite",
    "isinf",
    "isnan",
    "lamb",
    "lars",
    "layer_norm",
    "layer_norm_backward",
    "le",
    "leaky_relu",
    "leaky_relu_backward",
    "lerp",
    "linear",
    "lion",
    "log",
    "log1p",
    "log2",
    "log10",
    "log_softmax",
    "log_softmax_backward",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logsigmoid",
    "logsigmoid_backward",
    "lt",
    "matmul",
    "max",
    "max_backward",
    "maximum",
    "memory",
    "min",
    "minimum",
    "momentum",
    "mul",
    "nadam",
    "nan_to_num",
    "ne",
    "neg",
    "output",
    "pow",
    "prelu_slope",
    "prod",
    "radam",
    "reciprocal",
    "refuse_capture",
    "relu",
    "relu_backward",
    "remainder",
    "rmsprop",
    "round",
    "rprop",
    "scale_all",
    "scatter",
    "scatter_add",
    "selu",
    "selu_backward",
    "set_memory_cap",
    "sgd",
    "sigmoid",
    "sigmoid_backward",
    "sign",
    "signature",
    "silu",
    "silu_backward",
    "sin",
    "softmax",
    "softmax_backward",
    "softplus",
    "softplus_backward",
    "softsign",
    "softsign_backward",
    "sqrt",
    "stream1",
    "stream2",
    "stream3",
    "stream4",
    "sub",
    "sum",
    "sum_squares",
    "take",
    "take_backward",
    "tan",
    "tanh",
    "tanh_backward",
    "to_bool",
    "to_float32",
    "to_float64",
    "to_int64",
    "trunc",
    "use",
    "where",
]

_Array: TypeAlias = NDArray[Any]
_Operand: TypeAlias = NDArray[Any] | float | np.number[Any]
_Arrays: TypeAlias = NDArray[Any] | list[NDArray[Any]] | tuple[NDArray[Any], ...]

def host(function: Callable[..., Any], *arguments: Any) -> Any: ...
def info() -> dict[str, Any]: ...
def refuse_capture(what: str, instead: str) -> None: ...
def signature(kernel: Kernel) -> Signature: ...
def use(
    which: Literal["native", "reference"] | None = None,
    *,
    isa: str | None = None,
    threads: int | None = None,
) -> AbstractContextManager[None]: ...
def add(a: _Operand, b: _Operand, out: _Array | None = None) -> _Array: ...
def sub(a: _Operand, b: _Operand, out: _Array | None = None) -> _Array: ...
def mul(a: _Operand, b: _Operand, out: _Array | None = None) -> _Array: ...
def div(a: _Operand, b: _Operand, out: _Array | None = None) -> _Array: ...
def pow(a: _Operand, b: _Operand, out: _Array | None = None) -> _Array: ...
def maximum(a: _Operand, b: _Operand, out: _Array | None = None) -> _Array: ...
def minimum(a: _Operand, b: _Operand, out: _Array | None = None) -> _Array: ...
def heaviside(x: _Operand, at_zero: _Operand, out: _Array | None = None) -> _Array: ...
def equal(a: _Operand, b: _Operand, out: _Array | None = None) -> _Array: ...
def neg(x: _Operand, out: _Array | None = None) -> _Array: ...
def exp(x: _Operand, out: _Array | None = None) -> _Array: ...
def log(x: _Operand, out: _Array | None = None) -> _Array: ...
def sqrt(x: _Operand, out: _Array | None = None) -> _Array: ...
def abs(x: _Operand, out: _Array | None = None) -> _Array: ...
def sign(x: _Operand, out: _Array | None = None) -> _Array: ...
def reciprocal(x: _Operand, out: _Array | None = None) -> _Array: ...
def floor(x: _Operand, out: _Array | None = None) -> _Array: ...
def ceil(x: _Operand, out: _Array | None = None) -> _Array: ...
def trunc(x: _Operand, out: _Array | None = None) -> _Array: ...
def round(x: _Operand, out: _Array | None = None) -> _Array: ...
def remainder(a: _Operand, b: _Operand, out: _Array | None = None) -> _Array: ...
def floor_divide(a: _Operand, b: _Operand, out: _Array | None = None) -> _Array: ...
def lerp(start: _Operand, end: _Operand, weight: _Operand, out: _Array | None = None) -> _Array: ...
def nan_to_num(x: _Operand, nan: _Operand, posinf: _Operand, neginf: _Operand, out: _Array | None = None) -> _Array: ...
def copy(x: _Operand, out: _Array | None = None) -> _Array: ...
def fill(out: _Array, value: float) -> _Array: ...
def clip(x: _Operand, lo: _Operand, hi: _Operand, out: _Array | None = None) -> _Array: ...
def clip_backward(dout: _Operand, x: _Operand, lo: _Operand, hi: _Operand, out: _Array | None = None) -> _Array: ...
def where(cond: _Array, a: _Operand, b: _Operand, out: _Array | None = None) -> _Array: ...
def sin(x: _Operand, out: _Array | None = None) -> _Array: ...
def cos(x: _Operand, out: _Array | None = None) -> _Array: ...
def tan(x: _Operand, out: _Array | None = None) -> _Array: ...
def atan(x: _Operand, out: _Array | None = None) -> _Array: ...
def expm1(x: _Operand, out: _Array | None = None) -> _Array: ...
def log1p(x: _Operand, out: _Array | None = None) -> _Array: ...
def log2(x: _Operand, out: _Array | None = None) -> _Array: ...
def log10(x: _Operand, out: _Array | None = None) -> _Array: ...
def erf(x: _Operand, out: _Array | None = None) -> _Array: ...
def eq(a: _Operand, b: _Operand, out: _Array | None = None) -> _Array: ...
def ne(a: _Operand, b: _Operand, out: _Array | None = None) -> _Array: ...
def lt(a: _Operand, b: _Operand, out: _Array | None = None) -> _Array: ...
def le(a: _Operand, b: _Operand, out: _Array | None = None) -> _Array: ...
def gt(a: _Operand, b: _Operand, out: _Array | None = None) -> _Array: ...
def ge(a: _Operand, b: _Operand, out: _Array | None = None) -> _Array: ...
def isnan(x: _Operand, out: _Array | None = None) -> _Array: ...
def isinf(x: _Operand, out: _Array | None = None) -> _Array: ...
def isfinite(x: _Operand, out: _Array | None = None) -> _Array: ...
def logical_and(a: _Array, b: _Array, out: _Array | None = None) -> _Array: ...
def logical_or(a: _Array, b: _Array, out: _Array | None = None) -> _Array: ...
def logical_xor(a: _Array, b: _Array, out: _Array | None = None) -> _Array: ...
def logical_not(x: _Array, out: _Array | None = None) -> _Array: ...
def to_float32(x: _Array, out: _Array | None = None) -> _Array: ...
def to_float64(x: _Array, out: _Array | None = None) -> _Array: ...
def from_bool(x: _Array, out: _Array | None = None) -> _Array: ...
def from_int64(x: _Array, out: _Array | None = None) -> _Array: ...
def to_int64(x: _Operand, out: _Array | None = None) -> _Array: ...
def to_bool(x: _Operand, out: _Array | None = None) -> _Array: ...
def relu(x: _Operand, out: _Array | None = None) -> _Array: ...
def relu_backward(dout: _Operand, y: _Operand, out: _Array | None = None) -> _Array: ...
def sigmoid(x: _Operand, out: _Array | None = None) -> _Array: ...
def sigmoid_backward(dout: _Operand, y: _Operand, out: _Array | None = None) -> _Array: ...
def tanh(x: _Operand, out: _Array | None = None) -> _Array: ...
def tanh_backward(dout: _Operand, y: _Operand, out: _Array | None = None) -> _Array: ...
def leaky_relu(x: _Operand, slope: _Operand, out: _Array | None = None) -> _Array: ...
def leaky_relu_backward(dout: _Operand, x: _Operand, slope: _Operand, out: _Array | None = None) -> _Array: ...
def prelu_slope(dout: _Array, x: _Array, out: _Array | None = None) -> _Array: ...
def hardtanh_backward(dout: _Operand, x: _Operand, lo: _Operand, hi: _Operand, out: _Array | None = None) -> _Array: ...
def hardsigmoid(x: _Operand, out: _Array | None = None) -> _Array: ...
def hardsigmoid_backward(dout: _Operand, x: _Operand, out: _Array | None = None) -> _Array: ...
def hardswish(x: _Operand, out: _Array | None = None) -> _Array: ...
def hardswish_backward(dout: _Operand, x: _Operand, out: _Array | None = None) -> _Array: ...
def softsign(x: _Operand, out: _Array | None = None) -> _Array: ...
def softsign_backward(dout: _Operand, x: _Operand, out: _Array | None = None) -> _Array: ...
def elu(x: _Operand, alpha: _Operand, out: _Array | None = None) -> _Array: ...
def elu_backward(dout: _Operand, x: _Operand, alpha: _Operand, out: _Array | None = None) -> _Array: ...
def celu(x: _Operand, alpha: _Operand, out: _Array | None = None) -> _Array: ...
def celu_backward(dout: _Operand, x: _Operand, alpha: _Operand, out: _Array | None = None) -> _Array: ...
def selu(x: _Operand, out: _Array | None = None) -> _Array: ...
def selu_backward(dout: _Operand, x: _Operand, out: _Array | None = None) -> _Array: ...
def softplus(x: _Operand, beta: _Operand, threshold: _Operand, out: _Array | None = None) -> _Array: ...
def softplus_backward(
    dout: _Operand, x: _Operand, beta: _Operand, threshold: _Operand, out: _Array | None = None
) -> _Array: ...
def logsigmoid(x: _Operand, out: _Array | None = None) -> _Array: ...
def logsigmoid_backward(dout: _Operand, x: _Operand, out: _Array | None = None) -> _Array: ...
def silu(x: _Operand, out: _Array | None = None) -> _Array: ...
def silu_backward(dout: _Operand, x: _Operand, out: _Array | None = None) -> _Array: ...
def gelu(x: _Operand, out: _Array | None = None) -> _Array: ...
def gelu_backward(dout: _Operand, x: _Operand, out: _Array | None = None) -> _Array: ...
def gelu_tanh(x: _Operand, out: _Array | None = None) -> _Array: ...
def gelu_tanh_backward(dout: _Operand, x: _Operand, out: _Array | None = None) -> _Array: ...
def sum(x: _Array, out: _Array | None = None) -> _Array: ...
def prod(x: _Array, out: _Array | None = None) -> _Array: ...
def max(x: _Array, out: _Array | None = None, index: _Array | None = None) -> tuple[_Array, _Array]: ...
def min(x: _Array, out: _Array | None = None, index: _Array | None = None) -> tuple[_Array, _Array]: ...
def max_backward(dout: _Array, index: _Array, R: int, out: _Array | None = None) -> _Array: ...
def cumsum(x: _Array, out: _Array | None = None) -> _Array: ...
def cumprod(x: _Array, out: _Array | None = None) -> _Array: ...
def take(x: _Array, index: _Array, out: _Array | None = None) -> _Array: ...
def take_backward(dout: _Array, index: _Array, R: int, out: _Array | None = None) -> _Array: ...
def gather(x: _Array, index: _Array, out: _Array | None = None) -> _Array: ...
def scatter_add(x: _Array, index: _Array, src: _Array) -> _Array: ...
def scatter(x: _Array, index: _Array, src: _Array) -> _Array: ...
def matmul(a: _Array, b: _Array, out: _Array | None = None) -> _Array: ...
def bmm(a: _Array, b: _Array, out: _Array | None = None) -> _Array: ...
def linear(x: _Array, w: _Array, b: _Array | None = None, out: _Array | None = None) -> _Array: ...
def softmax(x: _Array, out: _Array | None = None) -> _Array: ...
def softmax_backward(dout: _Array, y: _Array, out: _Array | None = None) -> _Array: ...
def log_softmax(x: _Array, out: _Array | None = None) -> _Array: ...
def log_softmax_backward(dout: _Array, y: _Array, out: _Array | None = None) -> _Array: ...
def batch_norm(
    x: _Array,
    w: _Array | None = None,
    b: _Array | None = None,
    out: _Array | None = None,
    mean: _Array | None = None,
    var: _Array | None = None,
    eps: float = 1e-05,
) -> tuple[_Array, _Array, _Array]: ...
def batch_norm_eval(
    x: _Array,
    mean: _Array,
    var: _Array,
    w: _Array | None = None,
    b: _Array | None = None,
    out: _Array | None = None,
    eps: float = 1e-05,
) -> _Array: ...
def batch_norm_backward(
    dout: _Array,
    x: _Array,
    mean: _Array,
    var: _Array,
    w: _Array | None = None,
    dx: _Array | None = None,
    dw: _Array | None = None,
    db: _Array | None = None,
    eps: float = 1e-05,
) -> tuple[_Array, _Array, _Array]: ...
def batch_norm_running(
    mean: _Array,
    var: _Array,
    running_mean: _Array,
    running_var: _Array,
    count: _Array,
    momentum: float = 0.1,
    correction: float = 1,
    cumulative: float = 0,
) -> tuple[_Array, _Array, _Array]: ...
def layer_norm(
    x: _Array,
    w: _Array | None = None,
    b: _Array | None = None,
    out: _Array | None = None,
    mean: _Array | None = None,
    var: _Array | None = None,
    eps: float = 1e-05,
) -> tuple[_Array, _Array, _Array]: ...
def layer_norm_backward(
    dout: _Array,
    x: _Array,
    mean: _Array,
    var: _Array,
    w: _Array | None = None,
    dx: _Array | None = None,
    dw: _Array | None = None,
    db: _Array | None = None,
    eps: float = 1e-05,
) -> tuple[_Array, _Array, _Array]: ...
def dropout(
    x: _Operand, key0: float, key1: float, stream: float, threshold: float, scale: float, out: _Array | None = None
) -> _Array: ...
def cross_entropy(
    x: _Array,
    target: _Array,
    out: _Array | None = None,
    logp: _Array | None = None,
    used: _Array | None = None,
    ignore: float = -100,
) -> tuple[_Array, _Array, _Array]: ...
def cross_entropy_backward(
    dout: _Array, logp: _Array, target: _Array, out: _Array | None = None, ignore: float = -100
) -> _Array: ...
def sum_squares(g: _Arrays, total: _Array) -> None: ...
def scale_all(g: _Arrays, factor: _Array) -> None: ...
def clip_all(g: _Arrays, limit: float) -> None: ...
def sgd(
    p: _Arrays,
    g: _Arrays,
    lr: float,
    weight_decay: float = 0,
    keep: float = 1,
    l1: float = 0,
    shrink: float = 0,
    maximize: float = 0,
    clip_value: float = 0,
    clip_norm: float = 0,
    clip_form: float = 0,
    per_tensor: float = 0,
    nonfinite: float = 0,
    ema: float = 0,
    zero: float = 0,
    average: _Arrays | None = None,
    total: _Array | None = None,
    report: _Array | None = None,
) -> None: ...
def momentum(
    p: _Arrays,
    g: _Arrays,
    v: _Arrays,
    lr: float,
    momentum: float = 0.9,
    fresh: float = 1,
    nesterov: float = 0,
    weight_decay: float = 0,
    keep: float = 1,
    l1: float = 0,
    shrink: float = 0,
    maximize: float = 0,
    clip_value: float = 0,
    clip_norm: float = 0,
    clip_form: float = 0,
    per_tensor: float = 0,
    nonfinite: float = 0,
    ema: float = 0,
    zero: float = 0,
    average: _Arrays | None = None,
    total: _Array | None = None,
    report: _Array | None = None,
) -> None: ...
def adagrad(
    p: _Arrays,
    g: _Arrays,
    h: _Arrays,
    lr: float = 0.01,
    eps: float = 1e-10,
    eps_inside: float = 0,
    weight_decay: float = 0,
    keep: float = 1,
    l1: float = 0,
    shrink: float = 0,
    maximize: float = 0,
    clip_value: float = 0,
    clip_norm: float = 0,
    clip_form: float = 0,
    per_tensor: float = 0,
    nonfinite: float = 0,
    ema: float = 0,
    zero: float = 0,
    average: _Arrays | None = None,
    total: _Array | None = None,
    report: _Array | None = None,
) -> None: ...
def rmsprop(
    p: _Arrays,
    g: _Arrays,
    v: _Arrays,
    lr: float = 0.01,
    alpha: float = 0.99,
    eps: float = 1e-08,
    eps_inside: float = 0,
    momentum: float = 0,
    fresh: float = 1,
    weight_decay: float = 0,
    keep: float = 1,
    l1: float = 0,
    shrink: float = 0,
    maximize: float = 0,
    clip_value: float = 0,
    clip_norm: float = 0,
    clip_form: float = 0,
    per_tensor: float = 0,
    nonfinite: float = 0,
    ema: float = 0,
    zero: float = 0,
    m: _Arrays | None = None,
    b: _Arrays | None = None,
    average: _Arrays | None = None,
    total: _Array | None = None,
    report: _Array | None = None,
) -> None: ...
def adadelta(
    p: _Arrays,
    g: _Arrays,
    v: _Arrays,
    u: _Arrays,
    lr: float = 1,
    rho: float = 0.9,
    eps: float = 1e-06,
    weight_decay: float = 0,
    keep: float = 1,
    l1: float = 0,
    shrink: float = 0,
    maximize: float = 0,
    clip_value: float = 0,
    clip_norm: float = 0,
    clip_form: float = 0,
    per_tensor: float = 0,
    nonfinite: float = 0,
    ema: float = 0,
    zero: float = 0,
    average: _Arrays | None = None,
    total: _Array | None = None,
    report: _Array | None = None,
) -> None: ...
def rprop(
    p: _Arrays,
    g: _Arrays,
    prev: _Arrays,
    size: _Arrays,
    eta_minus: float = 0.5,
    eta_plus: float = 1.2,
    step_min: float = 1e-06,
    step_max: float = 50,
    weight_decay: float = 0,
    keep: float = 1,
    l1: float = 0,
    shrink: float = 0,
    maximize: float = 0,
    clip_value: float = 0,
    clip_norm: float = 0,
    clip_form: float = 0,
    per_tensor: float = 0,
    nonfinite: float = 0,
    ema: float = 0,
    zero: float = 0,
    average: _Arrays | None = None,
    total: _Array | None = None,
    report: _Array | None = None,
) -> None: ...
def asgd(
    p: _Arrays,
    g: _Arrays,
    ax: _Arrays,
    lr: float = 0.01,
    mu: float = 1,
    weight_decay: float = 0,
    keep: float = 1,
    l1: float = 0,
    shrink: float = 0,
    maximize: float = 0,
    clip_value: float = 0,
    clip_norm: float = 0,
    clip_form: float = 0,
    per_tensor: float = 0,
    nonfinite: float = 0,
    ema: float = 0,
    zero: float = 0,
    average: _Arrays | None = None,
    total: _Array | None = None,
    report: _Array | None = None,
) -> None: ...
def lion(
    p: _Arrays,
    g: _Arrays,
    m: _Arrays,
    lr: float = 0.0001,
    beta1: float = 0.9,
    beta2: float = 0.99,
    weight_decay: float = 0,
    keep: float = 1,
    l1: float = 0,
    shrink: float = 0,
    maximize: float = 0,
    clip_value: float = 0,
    clip_norm: float = 0,
    clip_form: float = 0,
    per_tensor: float = 0,
    nonfinite: float = 0,
    ema: float = 0,
    zero: float = 0,
    average: _Arrays | None = None,
    total: _Array | None = None,
    report: _Array | None = None,
) -> None: ...
def blend(
    p: _Arrays,
    g: _Arrays,
    v: _Arrays,
    momentum: float = 0.95,
    fresh: float = 1,
    nesterov: float = 0,
    weight_decay: float = 0,
    keep: float = 1,
    l1: float = 0,
    shrink: float = 0,
    maximize: float = 0,
    clip_value: float = 0,
    clip_norm: float = 0,
    clip_form: float = 0,
    per_tensor: float = 0,
    nonfinite: float = 0,
    ema: float = 0,
    zero: float = 0,
    average: _Arrays | None = None,
    total: _Array | None = None,
    report: _Array | None = None,
) -> None: ...
def adam(
    p: _Arrays,
    g: _Arrays,
    m: _Arrays,
    v: _Arrays,
    lr: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-08,
    eps_inside: float = 0,
    correction1: float = 1,
    correction2: float = 1,
    weight_decay: float = 0,
    keep: float = 1,
    l1: float = 0,
    shrink: float = 0,
    maximize: float = 0,
    clip_value: float = 0,
    clip_norm: float = 0,
    clip_form: float = 0,
    per_tensor: float = 0,
    nonfinite: float = 0,
    ema: float = 0,
    zero: float = 0,
    vmax: _Arrays | None = None,
    average: _Arrays | None = None,
    total: _Array | None = None,
    report: _Array | None = None,
) -> None: ...
def adamax(
    p: _Arrays,
    g: _Arrays,
    m: _Arrays,
    u: _Arrays,
    lr: float = 0.002,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-08,
    eps_outside: float = 0,
    correction1: float = 1,
    weight_decay: float = 0,
    keep: float = 1,
    l1: float = 0,
    shrink: float = 0,
    maximize: float = 0,
    clip_value: float = 0,
    clip_norm: float = 0,
    clip_form: float = 0,
    per_tensor: float = 0,
    nonfinite: float = 0,
    ema: float = 0,
    zero: float = 0,
    average: _Arrays | None = None,
    total: _Array | None = None,
    report: _Array | None = None,
) -> None: ...
def nadam(
    p: _Arrays,
    g: _Arrays,
    m: _Arrays,
    v: _Arrays,
    now: float,
    next: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-08,
    correction2: float = 1,
    weight_decay: float = 0,
    keep: float = 1,
    l1: float = 0,
    shrink: float = 0,
    maximize: float = 0,
    clip_value: float = 0,
    clip_norm: float = 0,
    clip_form: float = 0,
    per_tensor: float = 0,
    nonfinite: float = 0,
    ema: float = 0,
    zero: float = 0,
    average: _Arrays | None = None,
    total: _Array | None = None,
    report: _Array | None = None,
) -> None: ...
def radam(
    p: _Arrays,
    g: _Arrays,
    m: _Arrays,
    v: _Arrays,
    lr: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-08,
    correction1: float = 1,
    correction2: float = 1,
    rectify: float = 0,
    weight_decay: float = 0,
    keep: float = 1,
    l1: float = 0,
    shrink: float = 0,
    maximize: float = 0,
    clip_value: float = 0,
    clip_norm: float = 0,
    clip_form: float = 0,
    per_tensor: float = 0,
    nonfinite: float = 0,
    ema: float = 0,
    zero: float = 0,
    average: _Arrays | None = None,
    total: _Array | None = None,
    report: _Array | None = None,
) -> None: ...
def lars(
    p: _Arrays,
    g: _Arrays,
    v: _Arrays,
    lr: float,
    momentum: float = 0.9,
    trust: float = 0.001,
    eps: float = 1e-08,
    weight_decay: float = 0,
    keep: float = 1,
    l1: float = 0,
    shrink: float = 0,
    maximize: float = 0,
    clip_value: float = 0,
    clip_norm: float = 0,
    clip_form: float = 0,
    per_tensor: float = 0,
    nonfinite: float = 0,
    ema: float = 0,
    zero: float = 0,
    average: _Arrays | None = None,
    total: _Array | None = None,
    report: _Array | None = None,
) -> None: ...
def lamb(
    p: _Arrays,
    g: _Arrays,
    m: _Arrays,
    v: _Arrays,
    lr: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-06,
    correction1: float = 1,
    correction2: float = 1,
    weight_decay: float = 0,
    keep: float = 1,
    l1: float = 0,
    shrink: float = 0,
    maximize: float = 0,
    clip_value: float = 0,
    clip_norm: float = 0,
    clip_form: float = 0,
    per_tensor: float = 0,
    nonfinite: float = 0,
    ema: float = 0,
    zero: float = 0,
    average: _Arrays | None = None,
    total: _Array | None = None,
    report: _Array | None = None,
) -> None: ...
def stream1(p: _Arrays, g: _Arrays) -> None: ...
def stream2(p: _Arrays, g: _Arrays, v: _Arrays) -> None: ...
def stream3(p: _Arrays, g: _Arrays, m: _Arrays, v: _Arrays) -> None: ...
def stream4(p: _Arrays, g: _Arrays, m: _Arrays, v: _Arrays, h: _Arrays) -> None: ...
