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
from ._core import set_memory_cap as set_memory_cap

__all__ = [
    "KERNELS",
    "CaptureError",
    "DtypeError",
    "Program",
    "abs",
    "adam",
    "add",
    "blas_info",
    "clip",
    "clip_backward",
    "copy",
    "cross_entropy",
    "cross_entropy_backward",
    "div",
    "empty",
    "empty_cache",
    "equal",
    "exp",
    "fill",
    "heaviside",
    "host",
    "info",
    "linear",
    "log",
    "log_softmax",
    "log_softmax_backward",
    "matmul",
    "max",
    "max_backward",
    "maximum",
    "memory",
    "minimum",
    "momentum",
    "mul",
    "neg",
    "pow",
    "refuse_capture",
    "relu",
    "relu_backward",
    "set_memory_cap",
    "sgd",
    "sigmoid",
    "sigmoid_backward",
    "sign",
    "signature",
    "softmax",
    "softmax_backward",
    "sqrt",
    "stream1",
    "stream2",
    "stream3",
    "sub",
    "sum",
    "tanh",
    "tanh_backward",
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
def copy(x: _Operand, out: _Array | None = None) -> _Array: ...
def fill(out: _Array, value: float) -> _Array: ...
def clip(x: _Operand, lo: _Operand, hi: _Operand, out: _Array | None = None) -> _Array: ...
def clip_backward(dout: _Operand, x: _Operand, lo: _Operand, hi: _Operand, out: _Array | None = None) -> _Array: ...
def where(cond: _Array, a: _Operand, b: _Operand, out: _Array | None = None) -> _Array: ...
def relu(x: _Operand, out: _Array | None = None) -> _Array: ...
def relu_backward(dout: _Operand, y: _Operand, out: _Array | None = None) -> _Array: ...
def sigmoid(x: _Operand, out: _Array | None = None) -> _Array: ...
def sigmoid_backward(dout: _Operand, y: _Operand, out: _Array | None = None) -> _Array: ...
def tanh(x: _Operand, out: _Array | None = None) -> _Array: ...
def tanh_backward(dout: _Operand, y: _Operand, out: _Array | None = None) -> _Array: ...
def sum(x: _Array, out: _Array | None = None) -> _Array: ...
def max(x: _Array, out: _Array | None = None, index: _Array | None = None) -> tuple[_Array, _Array]: ...
def max_backward(dout: _Array, index: _Array, R: int, out: _Array | None = None) -> _Array: ...
def matmul(a: _Array, b: _Array, out: _Array | None = None) -> _Array: ...
def linear(x: _Array, w: _Array, b: _Array | None = None, out: _Array | None = None) -> _Array: ...
def softmax(x: _Array, out: _Array | None = None) -> _Array: ...
def softmax_backward(dout: _Array, y: _Array, out: _Array | None = None) -> _Array: ...
def log_softmax(x: _Array, out: _Array | None = None) -> _Array: ...
def log_softmax_backward(dout: _Array, y: _Array, out: _Array | None = None) -> _Array: ...
def cross_entropy(
    x: _Array, target: _Array, out: _Array | None = None, logp: _Array | None = None
) -> tuple[_Array, _Array]: ...
def cross_entropy_backward(dout: _Array, logp: _Array, target: _Array, out: _Array | None = None) -> _Array: ...
def sgd(p: _Arrays, g: _Arrays, lr: float, weight_decay: float = 0) -> None: ...
def momentum(
    p: _Arrays,
    g: _Arrays,
    v: _Arrays,
    lr: float,
    momentum: float = 0.9,
    dampening: float = 0,
    weight_decay: float = 0,
    nesterov: float = 0,
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
    weight_decay: float = 0,
    correction1: float = 1,
    correction2: float = 1,
) -> None: ...
def stream1(p: _Arrays, g: _Arrays) -> None: ...
def stream2(p: _Arrays, g: _Arrays, v: _Arrays) -> None: ...
def stream3(p: _Arrays, g: _Arrays, m: _Arrays, v: _Arrays) -> None: ...
