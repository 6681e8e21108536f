"""Tensor: an array, its gradient, and the node that made it. Every operator is a one-line call of an op."""

import numpy as np

from . import kernels, ops, tape
from .tape import Value, state, wrap

__all__ = ["Tensor", "as_tensor", "from_numpy", "tensor"]


class Tensor(Value):
    """A NumPy array that remembers how it was made.

    ``data`` is the array, ``grad`` the gradient after ``backward``, ``requires_grad`` says whether to record what is
    done with it. Made by `tensor`, `from_numpy` (sharing memory) and by every operation on tensors.

    >>> import fastgrad as fg
    >>> x = fg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4., 6.])
    """

    __slots__ = ()
    __array_priority__ = 1000  # ndarray * Tensor asks the Tensor
    __array_ufunc__ = None

    def __init__(self, data, requires_grad=False):
        data = as_array(data)
        if requires_grad and data.dtype.kind != "f":
            raise TypeError(f"only float tensors can require a gradient, not {data.dtype}")
        self.data, self.requires_grad, self.node, self._grad = data, bool(requires_grad), None, None

    # -- what it is ----------------------------------------------------------------------------------------------------
    @property
    def ndim(self):
        return self.data.ndim

    def dim(self):
        return self.data.ndim

    def size(self, dim=None):
        return self.data.shape if dim is None else self.data.shape[dim]

    def numel(self):
        return self.data.size

    @property
    def is_leaf(self):
        return self.node is None

    @property
    def grad_fn(self):
        return self.node

    @property
    def grad(self):
        if state.capture and self.node is None and self.requires_grad:
            state.capture.touched(self, reads=True)
        return self._grad

    @grad.setter
    def grad(self, value):
        if state.capture:
            state.capture.touched(self, reads=False)
        if value is not None:
            value = as_tensor(value)
            if value.shape != self.shape or value.dtype != self.dtype:
                raise ValueError(
                    f"grad must be {self.shape} {self.dtype} like its tensor, not {value.shape} {value.dtype}"
                )
        self._grad = value

    def is_contiguous(self):
        return self.data.flags.c_contiguous

    def __len__(self):
        if not self.data.ndim:
            raise TypeError("len() of a 0-d tensor")
        return len(self.data)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __repr__(self):
        text = np.array2string(self.data, separator=", ", prefix="tensor(", precision=4, threshold=1000)
        if self.data.dtype not in (np.float32, np.int64, np.bool_):
            text += f", dtype={self.data.dtype}"
        if self.node is not None:
            text += f", grad_fn=<{self.node.op.__name__}>"
        elif self.requires_grad:
            text += ", requires_grad=True"
        return f"tensor({text})"

    __hash__ = object.__hash__

    # -- NumPy and Python ----------------------------------------------------------------------------------------------
    def numpy(self):
        """The array itself, sharing memory."""
        kernels.refuse_capture("numpy()", "return the tensor from the step and read it outside")
        if self.requires_grad:
            raise RuntimeError("numpy() of a tensor that requires a gradient: call detach().numpy()")
        return self.data

    def __array__(self, dtype=None, copy=None):
        kernels.refuse_capture("turning a tensor into an array", "return the tensor from the step and read it outside")
        return np.array(self.data, dtype=dtype, copy=copy)

    def item(self):
        kernels.refuse_capture("item()", "return the tensor from the step and read it outside")
        if self.data.size != 1:
            raise ValueError(f"item() needs one element, the tensor has shape {self.shape}")
        return self.data.item()

    def tolist(self):
        kernels.refuse_capture("tolist()", "return the tensor from the step and read it outside")
        return self.data.tolist()

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __bool__(self):
        if self.data.size != 1:
            raise ValueError(f"the truth of a tensor of shape {self.shape} is ambiguous")
        return bool(self.item())

    # -- the tape ------------------------------------------------------------------------------------------------------
    def backward(self, gradient=None, retain_graph=False, create_graph=False):
        """Adds d self / d leaf to ``leaf.grad`` for every leaf that requires a gradient.

        ``gradient``: what flows in, of self's shape; may be left out for a single element (then it is 1).
        Errors: RuntimeError for a tensor without a gradient, a second backward through a freed graph, or a saved
        array that was changed in place; ValueError for a missing or misshapen ``gradient``.
        """
        if not self.requires_grad:
            raise RuntimeError(
                "backward of a tensor that does not require a gradient: no input of its computation had "
                "requires_grad=True, or it was made under no_grad() or from detach()"
            )
        gradient = seed_gradient(self, gradient, create_graph)
        retain_graph = create_graph if retain_graph is None else retain_graph or create_graph
        with set_grad(create_graph):
            tape.backward([self], [gradient], retain_graph=retain_graph, create_graph=create_graph)

    def detach(self):
        """The same memory as a tensor without history."""
        return wrap(self.data)

    def requires_grad_(self, requires_grad=True):
        if not requires_grad and self.node is not None:
            raise RuntimeError("requires_grad_(False) of a result: only leaves can be switched off; use detach()")
        if requires_grad and self.data.dtype.kind != "f":
            raise TypeError(f"only float tensors can require a gradient, not {self.dtype}")
        self.requires_grad = requires_grad
        return self

    # -- dtype ---------------------------------------------------------------------------------------------------------
    def to(self, dtype):
        return ops.cast(self, np.dtype(dtype))

    astype = type = to

    def float(self):
        return self.to(np.float32)

    def double(self):
        return self.to(np.float64)

    def long(self):
        return self.to(np.int64)

    # -- arithmetic: the ops themselves --------------------------------------------------------------------------------
    __add__, __sub__, __mul__, __truediv__, __pow__ = ops.add, ops.sub, ops.mul, ops.div, ops.pow
    __matmul__, __neg__, __abs__, __getitem__, __setitem__ = ops.matmul, ops.neg, ops.abs, ops.getitem, ops.setitem
    add, sub, mul, div, pow = ops.add, ops.sub, ops.mul, ops.div, ops.pow
    matmul, neg, abs, exp, log, sqrt = ops.matmul, ops.neg, ops.abs, ops.exp, ops.log, ops.sqrt
    maximum, minimum, relu, sigmoid, tanh = ops.maximum, ops.minimum, ops.relu, ops.sigmoid, ops.tanh
    clip = clamp = ops.clip
    softmax, log_softmax, clone = ops.softmax, ops.log_softmax, ops.copy

    def __radd__(self, other):
        return ops.add(other, self)

    def __rsub__(self, other):
        return ops.sub(other, self)

    def __rmul__(self, other):
        return ops.mul(other, self)

    def __rtruediv__(self, other):
        return ops.div(other, self)

    def __rpow__(self, other):
        return ops.pow(other, self)

    def __rmatmul__(self, other):
        return ops.matmul(other, self)

    def where(self, condition, other):
        return ops.where(condition, self, other)

    # -- in place ------------------------------------------------------------------------------------------------------
    def add_(self, other, alpha=1):
        """self = self + alpha other."""
        return ops.in_place("add_", ops.OPS["Add"], self, other if alpha == 1 else ops.mul(other, alpha))

    def sub_(self, other, alpha=1):
        """self = self - alpha other."""
        return ops.in_place("sub_", ops.OPS["Sub"], self, other if alpha == 1 else ops.mul(other, alpha))

    def mul_(self, other):
        """self = self other."""
        return ops.in_place("mul_", ops.OPS["Mul"], self, other)

    def div_(self, other):
        """self = self / other."""
        return ops.in_place("div_", ops.OPS["Div"], self, other)

    def pow_(self, exponent):
        """self = self ** exponent."""
        return ops.in_place("pow_", ops.OPS["Pow"], self, exponent)

    __iadd__, __isub__, __imul__, __itruediv__, __ipow__ = add_, sub_, mul_, div_, pow_

    def copy_(self, other):
        """Writes `other`'s values, broadcast, into this tensor's memory."""
        return ops.assign("copy_", self, other)

    def fill_(self, value):
        """Sets every element to a number."""
        return ops.assign("fill_", self, value)

    def zero_(self):
        """Sets every element to 0."""
        return ops.assign("zero_", self, 0.0 if self.dtype.kind == "f" else 0)

    # -- comparisons: bool tensors, not differentiable -----------------------------------------------------------------
    def __eq__(self, other):
        return compare(np.equal, self, other)

    def __ne__(self, other):
        return compare(np.not_equal, self, other)

    def __lt__(self, other):
        return compare(np.less, self, other)

    def __le__(self, other):
        return compare(np.less_equal, self, other)

    def __gt__(self, other):
        return compare(np.greater, self, other)

    def __ge__(self, other):
        return compare(np.greater_equal, self, other)

    # -- reductions and shapes -----------------------------------------------------------------------------------------
    sum, mean, prod, nansum, nanmean = ops.sum, ops.mean, ops.prod, ops.nansum, ops.nanmean
    max, min, amax, amin, aminmax, argmax, argmin = (
        ops.max, ops.min, ops.amax, ops.amin, ops.aminmax, ops.argmax, ops.argmin,
    )  # fmt: skip
    var, std, norm, logsumexp = ops.var, ops.std, ops.norm, ops.logsumexp
    any, all, count_nonzero = ops.any, ops.all, ops.count_nonzero
    cumsum, cumprod, cummax, cummin = ops.cumsum, ops.cumprod, ops.cummax, ops.cummin
    sort, argsort, topk, kthvalue = ops.sort, ops.argsort, ops.topk, ops.kthvalue
    median, quantile, unique, bincount, histc = ops.median, ops.quantile, ops.unique, ops.bincount, ops.histc
    reshape, permute, transpose = ops.reshape, ops.permute, ops.transpose
    view = reshape

    def flatten(self, start_dim=0, end_dim=-1):
        first, last = start_dim % max(self.ndim, 1), end_dim % max(self.ndim, 1)
        return ops.reshape(self, (*self.shape[:first], -1, *self.shape[last + 1 :]))

    def contiguous(self):
        return self if self.is_contiguous() else ops.copy(self)

    def t(self):
        if self.ndim > 2:
            raise ValueError(f"t() of a tensor of {self.ndim} dimensions; use transpose or permute")
        return self if self.ndim < 2 else ops.transpose(self, 0, 1)

    @property
    def T(self):
        return ops.permute(self, *range(self.ndim - 1, -1, -1))


class set_grad:
    """Switches recording on this thread, as a context or a decorator."""

    def __init__(self, on):
        self.on = on

    def __enter__(self):
        self.before, state.grad = state.grad, self.on

    def __exit__(self, *exc):
        state.grad = self.before


def as_array(data):
    """Any data as an array: a Tensor's own; Python floats become float32, as in PyTorch; arrays keep their dtype."""
    if isinstance(data, Value):
        return data.data
    if isinstance(data, (np.ndarray, np.generic)):
        return np.asarray(data)
    if isinstance(data, (list, tuple)) and any(isinstance(x, Value) for x in data):
        kernels.refuse_capture("making an array of a list of tensors", "join them with concatenate")
        data = [as_array(x) for x in data]
    array = np.array(data)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"a tensor holds numbers, not {array.dtype}")
    return array.astype(np.float32) if array.dtype == np.float64 else array


def tensor(data, dtype=None, requires_grad=False):
    """A new tensor: a copy of `data` (number, nested lists, array, tensor).

    dtype: floats in lists become float32 unless said otherwise; a NumPy array keeps its dtype.

    >>> import fastgrad as fg
    >>> fg.tensor([[1, 2], [3, 4]]).dtype
    dtype('int64')
    """
    if isinstance(data, (Value, np.ndarray)):
        kernels.refuse_capture(
            "tensor() of an array (a copy)", "use from_numpy, clone, or make it an input of the step"
        )
    array = as_array(data) if dtype is None else np.asarray(data.data if isinstance(data, Value) else data, dtype=dtype)
    own = kernels.empty(array.shape, array.dtype)
    np.copyto(own, array)
    return Tensor(own, requires_grad)


def as_tensor(data, dtype=None):
    """`data` as a tensor, sharing memory where it can."""
    if isinstance(data, Tensor) and (dtype is None or data.dtype == np.dtype(dtype)):
        return data
    if isinstance(data, (Value, np.ndarray)) and dtype is not None and data.dtype != np.dtype(dtype):
        kernels.refuse_capture(f"a conversion from {data.dtype} to {np.dtype(dtype)}", "convert before the step")
    return Tensor(as_array(data) if dtype is None else np.asarray(as_array(data), dtype=dtype))


def from_numpy(array):
    """A tensor that shares the array's memory."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy needs a numpy array, not {type(array).__name__}")
    return Tensor(array)


def compare(ufunc, a, b):
    kernels.refuse_capture(f"a comparison ({ufunc.__name__})", "compare outside the step, or use maximum, clip, relu")
    if isinstance(b, (Value, np.ndarray, int, float, np.generic)):
        return wrap(np.asarray(ufunc(a.data, b.data if isinstance(b, Value) else b)))
    return NotImplemented


def seed_gradient(root, gradient, as_tensors):
    """The gradient that enters at `root`, checked."""
    if gradient is None:
        if root.data.size != 1:
            raise ValueError(
                f"backward of a tensor of shape {root.shape} needs gradient= of that shape; sum() it to start at 1"
            )
        array = kernels.empty(root.shape, root.dtype)
        kernels.fill(array, 1.0)
    else:
        array = as_array(gradient)
        if array.shape != root.shape or array.dtype != root.dtype:
            raise ValueError(
                f"backward: gradient {array.shape} {array.dtype} must be like the tensor, {root.shape} {root.dtype}"
            )
    return (gradient if isinstance(gradient, Value) else wrap(array)) if as_tensors else array


tape.install(tensor=Tensor)
