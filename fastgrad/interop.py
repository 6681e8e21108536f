"""How a tensor meets Python, NumPy and other libraries: numbers, arrays, DLPack, copies, pickles, dtypes, its print."""

import numpy as np

from . import kernels, ops
from .devices import device as as_device
from .ops import dtypes
from .ops.base import constant
from .ops.shape import as_sizes
from .tape import Value, wrap

OPERATORS: dict = {  # NumPy's function of an operator -> the op
    np.add: ops.add,
    np.subtract: ops.sub,
    np.multiply: ops.mul,
    np.divide: ops.div,
    np.floor_divide: ops.floor_divide,
    np.remainder: ops.remainder,
    np.power: ops.pow,
    np.matmul: ops.matmul,
    np.equal: ops.eq,
    np.not_equal: ops.ne,
    np.less: ops.lt,
    np.less_equal: ops.le,
    np.greater: ops.gt,
    np.greater_equal: ops.ge,
    np.bitwise_and: ops.bitwise_and,
    np.bitwise_or: ops.bitwise_or,
    np.bitwise_xor: ops.bitwise_xor,
}


class Interop(Value):
    """The methods of a Tensor by which it leaves fastgrad, or changes its dtype."""

    __slots__ = ()

    # -- a sequence ----------------------------------------------------------------------------------------------------
    def __len__(self):
        if not self.data.ndim:
            raise TypeError("len() of a 0-d tensor")
        return len(self.data)

    def __iter__(self):
        if not self.data.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return (ops.getitem(self, i) for i in range(len(self)))

    def __reversed__(self):
        return ops.flip(self, 0)

    def __contains__(self, element):
        kernels.refuse_capture("in", "compare outside the step")
        return bool((self.data == (element.data if isinstance(element, Value) else element)).any())

    def __repr__(self):
        return described(self)

    def __format__(self, spec):
        if not self.data.ndim or (spec and self.data.size == 1):
            return format(self.item(), spec)
        if spec:
            raise TypeError(f"format {spec!r} of a tensor of shape {self.shape}: format its elements, x[i].item()")
        return repr(self)

    # -- NumPy and Python ----------------------------------------------------------------------------------------------
    def numpy(self, *, force=False):
        """The array itself, sharing memory; with ``force`` also that of a tensor which requires a gradient."""
        kernels.refuse_capture("numpy()", "return the tensor from the step and read it outside")
        if self.requires_grad and not force:
            raise RuntimeError("numpy() of a tensor that requires a gradient: call detach().numpy()")
        return self.data

    def __array__(self, dtype=None, copy=None):
        """NumPy 2's protocol: the array itself where it can be, a copy if asked for or if the dtype differs."""
        kernels.refuse_capture("turning a tensor into an array", "return the tensor from the step and read it outside")
        return np.array(self.data, dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc, method, *operands, **how):
        """``array * x`` comes here: it is the op, recorded. NumPy's other functions take no tensor."""
        is_operator = method == "__call__" and ufunc in OPERATORS and not how
        if is_operator and any(isinstance(x, (np.ndarray, np.generic)) for x in operands):
            return OPERATORS[ufunc](*operands)
        name = ufunc.__name__
        if "out" in how:
            raise TypeError(
                f"numpy.{name} of a tensor into an array, as in array -= x: write array -= x.detach().numpy(); to "
                f"change a parameter, with no_grad(): w -= lr * w.grad"
            )
        ours = f"fastgrad.{name}(x), or " if hasattr(ops, name) else ""
        raise TypeError(f"numpy.{name} takes no tensor: use {ours}x.detach().numpy(), which has no gradient")

    def __dlpack__(self, **options):
        """The memory, for another library to share. Errors: BufferError for a tensor that requires a gradient."""
        kernels.refuse_capture("__dlpack__", "return the tensor from the step and share it outside")
        if self.requires_grad:
            raise BufferError("__dlpack__ of a tensor that requires a gradient: share detach() of it")
        return self.data.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.data.__dlpack_device__()

    # -- copies and pickles --------------------------------------------------------------------------------------------
    def __reduce__(self):
        refuse_history("pickle", self)
        kernels.refuse_capture("pickle", "return the tensor from the step and pickle it outside")
        return revived, (type(self), self.data, self.requires_grad)

    def __copy__(self):
        """Another tensor over the same memory."""
        refuse_history("copy.copy", self)
        return revived(type(self), self.data, self.requires_grad)

    def __deepcopy__(self, memo):
        """Values, requires_grad and gradient in memory of their own."""
        refuse_history("copy.deepcopy", self)
        if id(self) not in memo:
            memo[id(self)] = out = revived(type(self), kernels.copy(self.data), self.requires_grad)
            out._grad = None if self._grad is None else wrap(kernels.copy(self._grad.data))
        return memo[id(self)]

    def item(self):
        kernels.refuse_capture("item()", "return the tensor from the step and read it outside")
        if self.data.size != 1:
            raise ValueError(f"item() needs one element, the tensor has shape {self.shape}; index it, or use tolist()")
        return self.data.item()

    def tolist(self):
        kernels.refuse_capture("tolist()", "return the tensor from the step and read it outside")
        return self.data.tolist()

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __index__(self):
        if self.data.dtype.kind not in "iu" or self.data.size != 1:
            raise TypeError(
                f"only an integer tensor of one element is an index, not {self.shape} {self.dtype}; use int(x)"
            )
        return int(self.item())

    def __bool__(self):
        if self.data.size != 1:
            raise ValueError(f"the truth of a tensor of shape {self.shape} is ambiguous; use its any() or all()")
        kernels.refuse_capture("a decision on a tensor's value (if, while, and)", "choose with where() instead")
        return bool(self.item())

    # -- dtype ---------------------------------------------------------------------------------------------------------
    def to(self, *to, dtype=None, device=None, non_blocking=False, copy=False):
        """In another dtype: ``x.to(fastgrad.float64)``, ``x.to("cpu")``, ``x.to("cpu", dtype)``, ``x.to(other)``.

        Itself if nothing changes, unless `copy`. Errors: RuntimeError for a device that is not the CPU.
        """
        dtype = destination(*to, dtype=dtype, device=device)
        if dtype is None or dtype == self.dtype:
            return ops.copy(self) if copy else self
        return ops.cast(self, dtype)

    astype = type = to

    def type_as(self, other):
        return self.to(other.dtype)

    def half(self):
        return self.to(np.float16)

    def float(self):
        return self.to(np.float32)

    def double(self):
        return self.to(np.float64)

    def short(self):
        return self.to(np.int16)

    def int(self):
        return self.to(np.int32)

    def long(self):
        return self.to(np.int64)

    def bool(self):
        return self.to(np.bool_)

    def cpu(self):
        """Itself: it is there."""
        return self

    def cuda(self, device=None):
        """Refused: RuntimeError, with what to write instead."""
        return self.to("cuda" if device is None else device)

    # -- new tensors of this dtype -------------------------------------------------------------------------------------
    def new_full(self, size, fill_value, dtype=None, device=None, requires_grad=False):
        """One number, in a shape and this tensor's dtype."""
        destination(device=device)
        array = kernels.empty(as_sizes((size,)), np.dtype(dtype or self.dtype))
        kernels.fill(array, fill_value)
        out = wrap(array)
        return out.requires_grad_() if requires_grad else out

    def new_zeros(self, *size, dtype=None, device=None, requires_grad=False):
        """Zeros, in a shape and this tensor's dtype."""
        return self.new_full(as_sizes(size), 0, dtype, device, requires_grad)

    def new_ones(self, *size, dtype=None, device=None, requires_grad=False):
        """Ones, in a shape and this tensor's dtype."""
        return self.new_full(as_sizes(size), 1, dtype, device, requires_grad)

    def new_empty(self, *size, dtype=None, device=None, requires_grad=False):
        """Whatever was in memory, in a shape and this tensor's dtype."""
        destination(device=device)
        out = wrap(kernels.empty(as_sizes(size), np.dtype(dtype or self.dtype)))
        return out.requires_grad_() if requires_grad else out


def as_array(data):
    """Any data as an array: a Tensor's own; Python floats become float32, as in PyTorch; arrays keep their dtype."""
    if isinstance(data, Value):
        return data.data
    if isinstance(data, (np.ndarray, np.generic)):
        array = np.asarray(data)
        return array if array.dtype.kind in "fiub" else refuse_stranger(array)
    if isinstance(data, (list, tuple)) and holds_tensors(data):
        return joined(data)
    try:
        array = np.array(data)
    except ValueError:
        raise ValueError("a tensor of nested lists whose lengths differ: pad them to one length first") from None
    if array.dtype.kind not in "fiub":
        refuse_stranger(array)
    return constant(array.astype(dtypes.default_dtype) if array.dtype.kind == "f" else array)


def refuse_stranger(array):
    raise TypeError(
        f"a tensor holds numbers, not {array.dtype}; convert it first to floats, integers or bools, for example by "
        f"numpy.asarray(data, 'float32')"
    )


def holds_tensors(data):
    return any(isinstance(x, Value) or (isinstance(x, (list, tuple)) and holds_tensors(x)) for x in data)


def joined(data):
    """Nested lists with tensors in them as one array, by a kernel, so that a captured step does it again."""
    parts = [joined(x) if isinstance(x, (list, tuple)) else as_array(x) for x in data]
    return ops.stack(parts)


def destination(*to, dtype=None, device=None):
    """The dtype that the arguments of `to` name, if any; a device among them must be the CPU."""
    for x in to:
        if isinstance(x, Value):
            dtype = x.dtype
        elif isinstance(x, as_device) or (isinstance(x, str) and x.partition(":")[0] not in np.sctypeDict):
            device = x
        elif x is not None and not (isinstance(x, bool)):  # bools: non_blocking, copy
            dtype = np.dtype(x)
    if device is not None:
        as_device(device)
    return None if dtype is None else np.dtype(dtype)


def revived(cls, data, requires_grad):
    """A leaf of a class over an array, for copies and pickles."""
    out = cls.__new__(cls)
    out.data, out.requires_grad, out.node, out._grad = data, requires_grad, None, None
    return out


def refuse_history(name, x):
    if x.node is not None:
        raise RuntimeError(
            f"{name} of a result of {x.node.op.__name__}, {x.shape}: its history belongs to the graph; use its detach()"
        )


def described(x):
    """tensor(values, what is not usual), the shape where the values do not show it."""
    if not isinstance(x.data, np.ndarray):
        return f"<a tensor whose data was set to a {type(x.data).__name__}, not to an array>"
    array, many = x.data, x.data.size > 1000
    text = np.array2string(array, separator=", ", prefix="tensor(", precision=4, threshold=1000, edgeitems=3)
    notes = []
    if many or (not array.size and array.shape != (0,)):
        notes.append(f"size={array.shape}")
    if array.dtype not in (dtypes.default_dtype, np.int64, np.bool_):
        notes.append(f"dtype={array.dtype}")
    if x.node is not None:
        notes.append(f"grad_fn={x.node}")
    elif x.requires_grad:
        notes.append("requires_grad=True")
    return f"tensor({', '.join([text, *notes])})"
