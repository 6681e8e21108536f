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

    def copy_(self, other):
        """Writes `other`'s values, broadcast, into this tensor's memory."""
        self.refuse_in_place("copy_")
        if state.capture:
            state.capture.keep(self.data)
        source = other.data if isinstance(other, Value) else as_array(other)
        if source.dtype == self.dtype and source.dtype.kind == "f":
            kernels.copy(source, out=self.data)
        else:
            kernels.refuse_capture(f"copy_ from {source.dtype} to {self.dtype}", "convert before the step")
            np.copyto(self.data, source, casting="same_kind")
        tape.changed(self.data)
        return self

    def zero_(self):
        """Sets every element to 0."""
        self.refuse_in_place("zero_")
        if state.capture:
            state.capture.keep(self.data)
        kernels.fill(self.data, 0.0)
        tape.changed(self.data)
        return self

    def refuse_in_place(self, what):
        if state.grad and self.requires_grad:
            kind = "a leaf" if self.node is None else "a result"
            raise RuntimeError(
                f"{what} on {kind} that requires a gradient would not be recorded; do it under no_grad()"
            )

    # -- dtype ---------------------------------------------------------------------------------------------------------
    def to(self, dtype):
        dtype = np.dtype(dtype)
        return self if dtype == self.dtype else ops.apply(ops.OPS["Cast"], self, dtype)

    astype = type = to

    def float(self):
        return self.to(np.float32)

    def double(self):
        return self.to(np.float64)

    def long(self):
        return self.to(np.int64)

    # -- arithmetic ----------------------------------------------------------------------------------------------------
    def __add__(self, other):
        return ops.add(self, other)

    def __radd__(self, other):
        return ops.add(other, self)

    def __sub__(self, other):
        return ops.sub(self, other)

    def __rsub__(self, other):
        return ops.sub(other, self)

    def __mul__(self, other):
        return ops.mul(self, other)

    def __rmul__(self, other):
        return ops.mul(other, self)

    def __truediv__(self, other):
        return ops.div(self, other)

    def __rtruediv__(self, other):
        return ops.div(other, self)

    def __pow__(self, other):
        return ops.pow(self, other)

    def __rpow__(self, other):
        return ops.pow(other, self)

    def __matmul__(self, other):
        return ops.matmul(self, other)

    def __rmatmul__(self, other):
        return ops.matmul(other, self)

    def __neg__(self):
        return ops.neg(self)

    def __abs__(self):
        return ops.abs(self)

    def __getitem__(self, key):
        return ops.getitem(self, key)

    def add(self, other):
        return ops.add(self, other)

    def sub(self, other):
        return ops.sub(self, other)

    def mul(self, other):
        return ops.mul(self, other)

    def div(self, other):
        return ops.div(self, other)

    def pow(self, exponent):
        return ops.pow(self, exponent)

    def matmul(self, other):
        return ops.matmul(self, other)

    def neg(self):
        return ops.neg(self)

    def abs(self):
        return ops.abs(self)

    def exp(self):
        return ops.exp(self)

    def log(self):
        return ops.log(self)

    def sqrt(self):
        return ops.sqrt(self)

    def maximum(self, other):
        return ops.maximum(self, other)

    def minimum(self, other):
        return ops.minimum(self, other)

    def clip(self, min=None, max=None):
        return ops.clip(self, min, max)

    clamp = clip

    def where(self, condition, other):
        return ops.where(condition, self, other)

    def relu(self):
        return ops.relu(self)

    def sigmoid(self):
        return ops.sigmoid(self)

    def tanh(self):
        return ops.tanh(self)

    def softmax(self, dim):
        return ops.softmax(self, dim)

    def log_softmax(self, dim):
        return ops.log_softmax(self, dim)

    def clone(self):
        return ops.copy(self)

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
    def sum(self, dim=None, keepdim=False):
        return ops.sum(self, dim, keepdim)

    def mean(self, dim=None, keepdim=False):
        return ops.mean(self, dim, keepdim)

    def max(self, dim=None, keepdim=False):
        return ops.max(self, dim, keepdim)

    def argmax(self, dim=None, keepdim=False):
        return ops.argmax(self, dim, keepdim)

    def reshape(self, *shape):
        return ops.reshape(self, *shape)

    view = reshape

    def flatten(self, start_dim=0, end_dim=-1):
        first, last = start_dim % max(self.ndim, 1), end_dim % max(self.ndim, 1)
        return ops.reshape(self, (*self.shape[:first], -1, *self.shape[last + 1 :]))

    def permute(self, *axes):
        return ops.permute(self, *axes)

    def transpose(self, dim0, dim1):
        return ops.transpose(self, dim0, dim1)

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
