"""Tensor: an array, its gradient, and the node that made it. Every operator is a one-line call of an op."""

import numpy as np

from . import hooks, kernels, ops, random, tape
from .devices import CPU
from .interop import Interop, as_array, destination, holds_tensors, joined
from .ops import in_place_form
from .ops.base import filled
from .tape import Value, state, wrap

__all__ = ["Tensor", "as_tensor", "from_numpy", "tensor"]


NUMERIC = (Value, np.ndarray, int, float, np.generic)


def swapped(op):
    """The operator's method for a tensor on its right: ``2 - x``."""

    def method(self, other):
        return op(other, self)

    return method


def comparison(op):
    """A comparison's method: what is no number is left to Python, for which it is unequal."""

    def method(self, other):
        return op(self, other) if isinstance(other, NUMERIC) else NotImplemented

    return method


class Tensor(Interop):
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

    def __init__(self, data, requires_grad=False):
        data = as_array(data)
        if not isinstance(requires_grad, (bool, np.bool_)):
            raise TypeError(
                f"Tensor(data, requires_grad): the second is {requires_grad!r}; by sizes: fastgrad.empty(...)"
            )
        if requires_grad and data.dtype.kind != "f":
            raise TypeError(
                f"only float tensors can require a gradient, not {data.dtype}; convert it first, to float32"
            )
        self.data, self.requires_grad, self.node, self._grad = data, bool(requires_grad), None, None

    # -- what it is ----------------------------------------------------------------------------------------------------
    @property
    def ndim(self):
        return self.data.ndim

    def dim(self):
        return self.data.ndim

    def size(self, dim=None):
        return self.data.shape if dim is None else self.data.shape[dim]

    def stride(self, dim=None):
        """Steps from one element to the next along each axis, in elements."""
        steps = tuple(n // self.data.itemsize for n in self.data.strides)
        return steps if dim is None else steps[dim]

    def numel(self):
        return self.data.size

    nelement = numel

    def element_size(self):
        return self.data.itemsize

    @property
    def device(self):
        """The CPU, where every tensor is."""
        return CPU

    is_cuda = False

    def is_floating_point(self):
        return self.data.dtype.kind == "f"

    def data_ptr(self):
        return self.data.ctypes.data

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

    __hash__ = object.__hash__

    # -- the tape ------------------------------------------------------------------------------------------------------
    def backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None):
        """Adds d self / d leaf to ``leaf.grad`` for every leaf that requires a gradient, or for ``inputs`` alone.

        ``gradient``: what flows in, of self's shape; may be left out for a single element (then it is 1).
        Errors: RuntimeError for a tensor without a gradient, a second backward through a freed graph, or a saved
        array that was changed in place; ValueError for a missing or misshapen ``gradient``.
        """
        run_backward([self], [gradient], retain_graph, create_graph, inputs)

    def detach(self):
        """The same memory as a tensor without history."""
        return wrap(self.data)

    def register_hook(self, hook):
        """Calls ``hook(grad)`` when the gradient of this tensor is known; what it returns, if not None, replaces it.

        On a leaf it runs once for each backward, with the sum of what arrives, before that is added to ``grad``.
        Returns a handle with ``remove()``. The hook may not change its argument in place.

        >>> import fastgrad as fg
        >>> x = fg.tensor([1.0, -2.0], requires_grad=True)
        >>> handle = x.register_hook(lambda grad: grad * 10)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([ 20., -40.])
        """
        return hooks.register_hook(self, hook)

    def register_post_accumulate_grad_hook(self, hook):
        """Calls ``hook(tensor)`` after a backward has added to this leaf's ``grad``. Returns a handle."""
        return hooks.register_post_accumulate_grad_hook(self, hook)

    def retain_grad(self):
        """Lets a result keep its gradient in ``grad``, as leaves do; after its hooks. A change in place ends it."""
        hooks.retain_grad(self)

    @property
    def retains_grad(self):
        """Whether this is a result that keeps its gradient."""
        return hooks.retains_grad(self)

    def requires_grad_(self, requires_grad=True):
        if not requires_grad and self.node is not None:
            raise RuntimeError("requires_grad_(False) of a result: only leaves can be switched off; use detach()")
        if requires_grad and self.data.dtype.kind != "f":
            raise TypeError(f"only float tensors can require a gradient, not {self.dtype}; convert it first, x.float()")
        self.requires_grad = requires_grad
        return self

    def new_tensor(self, data, dtype=None, device=None, requires_grad=False):
        """`tensor` in this one's dtype."""
        return tensor(data, dtype or self.dtype, device, requires_grad)

    # -- arithmetic: the ops themselves --------------------------------------------------------------------------------
    __add__, __sub__, __mul__, __truediv__, __pow__ = ops.add, ops.sub, ops.mul, ops.div, ops.pow
    __radd__, __rsub__, __rmul__, __rtruediv__, __rpow__ = map(swapped, (ops.add, ops.sub, ops.mul, ops.div, ops.pow))
    __floordiv__, __mod__ = ops.floor_divide, ops.remainder
    __rfloordiv__, __rmod__ = map(swapped, (ops.floor_divide, ops.remainder))
    __matmul__, __neg__, __abs__, __getitem__, __setitem__ = ops.matmul, ops.neg, ops.abs, ops.getitem, ops.setitem
    __rmatmul__ = swapped(ops.matmul)
    add, sub, mul, div, pow, neg, abs = ops.add, ops.sub, ops.mul, ops.div, ops.pow, ops.neg, ops.abs
    subtract, multiply, divide, true_divide, negative, absolute = sub, mul, div, div, neg, abs
    floor_divide, remainder, fmod, matmul = ops.floor_divide, ops.remainder, ops.fmod, ops.matmul
    exp, log, sqrt, rsqrt, square, reciprocal = ops.exp, ops.log, ops.sqrt, ops.rsqrt, ops.square, ops.reciprocal
    sign, floor, ceil, round, trunc, frac = ops.sign, ops.floor, ops.ceil, ops.round, ops.trunc, ops.frac
    sin, cos, tan, atan, sinh, cosh, erf = ops.sin, ops.cos, ops.tan, ops.atan, ops.sinh, ops.cosh, ops.erf
    exp2, expm1, log2, log10, log1p, logaddexp = ops.exp2, ops.expm1, ops.log2, ops.log10, ops.log1p, ops.logaddexp
    atan2, hypot = ops.atan2, ops.hypot
    lerp, addcmul, addcdiv, nan_to_num, heaviside = ops.lerp, ops.addcmul, ops.addcdiv, ops.nan_to_num, ops.heaviside
    maximum, minimum, relu, sigmoid, tanh = ops.maximum, ops.minimum, ops.relu, ops.sigmoid, ops.tanh
    clip, clamp_min, clamp_max, masked_fill = ops.clip, ops.clamp_min, ops.clamp_max, ops.masked_fill
    softmax, log_softmax, clone = ops.softmax, ops.log_softmax, ops.copy
    clamp = clip

    def where(self, condition, other):
        return ops.where(condition, self, other)

    # -- comparisons and logic: bool tensors, not differentiable -------------------------------------------------------
    __eq__, __ne__, __lt__ = map(comparison, (ops.eq, ops.ne, ops.lt))
    __le__, __gt__, __ge__ = map(comparison, (ops.le, ops.gt, ops.ge))
    __invert__, __and__, __or__, __xor__ = ops.bitwise_not, ops.bitwise_and, ops.bitwise_or, ops.bitwise_xor
    __rand__, __ror__, __rxor__ = map(swapped, (ops.bitwise_and, ops.bitwise_or, ops.bitwise_xor))
    bitwise_not, bitwise_and, bitwise_or, bitwise_xor = __invert__, __and__, __or__, __xor__
    eq, ne, lt, le, gt, ge = ops.eq, ops.ne, ops.lt, ops.le, ops.gt, ops.ge
    logical_and, logical_or, logical_xor = ops.logical_and, ops.logical_or, ops.logical_xor
    logical_not, isnan, isinf, isfinite = ops.logical_not, ops.isnan, ops.isinf, ops.isfinite
    isclose, allclose, equal = ops.isclose, ops.allclose, ops.equal

    # -- in place ------------------------------------------------------------------------------------------------------
    add_, sub_, mul_, div_, pow_ = map(in_place_form, (ops.add, ops.sub, ops.mul, ops.div, ops.pow))
    floor_divide_, remainder_, fmod_ = map(in_place_form, (ops.floor_divide, ops.remainder, ops.fmod))
    __iadd__, __isub__, __imul__, __itruediv__, __ipow__ = add_, sub_, mul_, div_, pow_
    __ifloordiv__, __imod__ = floor_divide_, remainder_
    subtract_, multiply_, divide_, true_divide_ = sub_, mul_, div_, div_
    neg_, abs_, sign_, square_, reciprocal_ = map(
        in_place_form, (ops.neg, ops.abs, ops.sign, ops.square, ops.reciprocal)
    )
    exp_, log_, sqrt_, rsqrt_ = map(in_place_form, (ops.exp, ops.log, ops.sqrt, ops.rsqrt))
    floor_, ceil_, round_, trunc_, frac_ = map(in_place_form, (ops.floor, ops.ceil, ops.round, ops.trunc, ops.frac))
    sin_, cos_, tan_, atan_, erf_ = map(in_place_form, (ops.sin, ops.cos, ops.tan, ops.atan, ops.erf))
    sinh_, cosh_, exp2_, expm1_ = map(in_place_form, (ops.sinh, ops.cosh, ops.exp2, ops.expm1))
    log2_, log10_, log1p_, nan_to_num_ = map(in_place_form, (ops.log2, ops.log10, ops.log1p, ops.nan_to_num))
    atan2_, hypot_ = map(in_place_form, (ops.atan2, ops.hypot))
    lerp_, addcmul_, addcdiv_, heaviside_ = map(in_place_form, (ops.lerp, ops.addcmul, ops.addcdiv, ops.heaviside))
    relu_, sigmoid_, tanh_, masked_fill_ = map(in_place_form, (ops.relu, ops.sigmoid, ops.tanh, ops.masked_fill))
    clip_, clamp_min_, clamp_max_ = map(in_place_form, (ops.clip, ops.clamp_min, ops.clamp_max))
    clamp_, negative_, absolute_ = clip_, neg_, abs_
    normal_, uniform_ = random.normal_, random.uniform_

    def copy_(self, other):
        """Writes `other`'s values, broadcast, into this tensor's memory."""
        return ops.assign("copy_", self, other)

    def fill_(self, value):
        """Sets every element to a number."""
        return ops.assign("fill_", self, value)

    def zero_(self):
        """Sets every element to 0."""
        return ops.assign("zero_", self, 0.0 if self.dtype.kind == "f" else 0)

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

    # -- shapes --------------------------------------------------------------------------------------------------------
    reshape = view = ops.reshape  # view copies where PyTorch's refuses to
    reshape_as = view_as = ops.reshape_as
    flatten, ravel, unflatten, squeeze, unsqueeze = ops.flatten, ops.ravel, ops.unflatten, ops.squeeze, ops.unsqueeze
    permute, transpose, t, movedim, moveaxis = ops.permute, ops.transpose, ops.t, ops.movedim, ops.movedim
    swapaxes = swapdims = ops.swapaxes
    expand, expand_as, broadcast_to, repeat, tile = ops.expand, ops.expand_as, ops.broadcast_to, ops.repeat, ops.tile
    repeat_interleave, flip, fliplr, flipud, roll = ops.repeat_interleave, ops.flip, ops.fliplr, ops.flipud, ops.roll
    split, chunk, unbind, select, narrow = ops.split, ops.chunk, ops.unbind, ops.select, ops.narrow
    diagonal, diag, diag_embed, tril, triu = ops.diagonal, ops.diag, ops.diag_embed, ops.tril, ops.triu
    trace = ops.trace

    def contiguous(self):
        return self if self.is_contiguous() else ops.copy(self)

    @property
    def T(self):
        return ops.permute(self, *range(self.ndim - 1, -1, -1))

    @property
    def mT(self):
        """Every matrix of a stack transposed: the last two axes exchanged."""
        return ops.transpose(self, -2, -1)

    # -- places --------------------------------------------------------------------------------------------------------
    gather, scatter, scatter_add, take, nonzero = ops.gather, ops.scatter, ops.scatter_add, ops.take, ops.nonzero
    index_select, index_add, index_copy, index_fill = ops.index_select, ops.index_add, ops.index_copy, ops.index_fill
    masked_select, take_along_dim, argwhere = ops.masked_select, ops.take_along_dim, ops.argwhere
    scatter_, scatter_add_, index_add_ = ops.scatter_, ops.scatter_add_, ops.index_add_
    index_copy_, index_fill_ = ops.index_copy_, ops.index_fill_

    # -- products ------------------------------------------------------------------------------------------------------
    mm, bmm, mv, dot, vdot, inner = ops.mm, ops.bmm, ops.mv, ops.dot, ops.vdot, ops.inner
    outer = ger = ops.outer
    addmm, addmv, addbmm, baddbmm, kron = ops.addmm, ops.addmv, ops.addbmm, ops.baddbmm, ops.kron


class set_grad:
    """Switches recording on this thread, as a context or a decorator."""

    def __init__(self, on):
        self.on = on

    def __enter__(self):
        self.before, state.grad = state.grad, self.on

    def __exit__(self, *exc):
        state.grad = self.before


def tensor(data, dtype=None, device=None, requires_grad=False):
    """A new tensor: a copy of `data` (number, nested lists, array, tensor).

    dtype: floats in lists become float32 unless said otherwise; a NumPy array keeps its dtype.

    >>> import fastgrad as fg
    >>> fg.tensor([[1, 2], [3, 4]]).dtype
    dtype('int64')
    """
    destination(device=device)
    if isinstance(data, (list, tuple)) and holds_tensors(data):
        array = joined(data)
    else:
        array = as_array(data) if dtype is None or isinstance(data, (Value, np.ndarray)) else np.asarray(data, dtype)
    dtype = array.dtype if dtype is None else np.dtype(dtype)
    return Tensor(kernels.copy(array) if array.dtype == dtype else ops.cast(wrap(array), dtype).data, requires_grad)


def as_tensor(data, dtype=None, device=None):
    """`data` as a tensor, sharing memory where it can."""
    destination(device=device)
    if isinstance(data, Tensor) and (dtype is None or data.dtype == np.dtype(dtype)):
        return data
    array = as_array(data)
    return Tensor(array if dtype is None else ops.cast(array, dtype))


def from_numpy(array):
    """A tensor that shares the array's memory."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy needs a numpy array, not {type(array).__name__}; use fastgrad.tensor")
    return Tensor(array)


def seed_gradient(root, gradient, as_tensors):
    """The gradient that enters at `root`, checked."""
    if gradient is None:
        if root.data.size != 1:
            raise ValueError(
                f"backward of a tensor of shape {root.shape} needs gradient= of that shape; sum() it to start at 1"
            )
        array = filled(root.shape, root.dtype, 1.0)
    else:
        array = as_array(gradient)
        if array.shape != root.shape or array.dtype != root.dtype:
            raise ValueError(
                f"backward: gradient {array.shape} {array.dtype} must be like the tensor, {root.shape} {root.dtype}; "
                f"reshape it, or convert it by to(dtype)"
            )
    return (gradient if isinstance(gradient, Value) else wrap(array)) if as_tensors else array


def run_backward(roots, gradients, retain_graph, create_graph, inputs):
    """`Tensor.backward` of several tensors."""
    for root in roots:
        if not root.requires_grad:
            raise RuntimeError(
                "backward of a tensor that does not require a gradient: no input of its computation had "
                "requires_grad=True, or it was made under no_grad() or from detach()"
            )
    seeds = [seed_gradient(root, g, create_graph) for root, g in zip(roots, gradients, strict=True)]
    retain = create_graph if retain_graph is None else retain_graph or create_graph
    with set_grad(create_graph):
        if inputs is None:
            return tape.backward(roots, seeds, retain_graph=retain, create_graph=create_graph)
        inputs = [inputs] if isinstance(inputs, Value) else list(inputs)
        wanted = {id(x.node or x): None for x in inputs}
        tape.backward(roots, seeds, wanted=wanted, retain_graph=retain, create_graph=create_graph)
        for x in inputs:
            hooks.finished(x, wanted.pop(id(x.node or x), None))


tape.install(tensor=Tensor)
