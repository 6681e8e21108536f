"""Tensor: what it holds, how it is made, its operators, and how it meets NumPy and Python."""

import inspect

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.testing import assert_bits


@pytest.fixture
def x(rng):
    return fg.from_numpy(rng.uniform(0.5, 2.0, (3, 4)))


# -- making ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1.5, np.float32),
        (2, np.int64),
        (True, np.bool_),
        ([1.0, 2], np.float32),
        ([1, 2], np.int64),
        ([[True, False]], np.bool_),
        ([], np.float32),
        (np.float64(1.5), np.float64),
        (np.ones(2), np.float64),
        (np.ones(2, np.float16), np.float16),
        (np.ones(2, np.int32), np.int32),
    ],
)
def test_dtypes_of_what_is_given(data, dtype):
    assert fg.tensor(data).dtype == dtype
    assert fg.tensor(data, dtype=np.float64).dtype == np.float64


def test_tensor_copies_and_from_numpy_shares():
    array = np.ones(3)
    copied, shared, adopted = fg.tensor(array), fg.from_numpy(array), fg.as_tensor(array)
    array[0] = 7
    assert (copied.tolist()[0], shared.tolist()[0], adopted.tolist()[0]) == (1, 7, 7)
    assert fg.as_tensor(shared) is shared
    assert fg.tensor(shared).data is not array
    assert fg.as_tensor(shared, np.float32).dtype == np.float32
    shared.data[1] = 8
    assert array[1] == 8
    assert shared.numpy() is shared.data


def test_a_list_of_tensors():
    assert fg.tensor([fg.tensor(1.0), fg.tensor(2.0)]).tolist() == [1, 2]


def test_what_is_refused():
    with pytest.raises(TypeError, match="a tensor holds numbers, not"):
        fg.tensor("text")
    with pytest.raises(TypeError, match="only float tensors can require a gradient, not int64"):
        fg.tensor([1, 2], requires_grad=True)
    with pytest.raises(TypeError, match="only float tensors can require a gradient, not int64"):
        fg.tensor([1, 2]).requires_grad_()
    with pytest.raises(TypeError, match="from_numpy needs a numpy array, not list"):
        fg.from_numpy([1.0])


# -- reading -----------------------------------------------------------------------------------------------------------
def test_properties(x):
    assert (x.shape, x.ndim, x.dim(), x.numel(), len(x), x.size(), x.size(1)) == ((3, 4), 2, 2, 12, 3, (3, 4), 4)
    assert x.is_leaf
    assert x.grad_fn is None
    assert x.is_contiguous()
    assert not x.T.is_contiguous()
    assert x.T.contiguous().is_contiguous()
    y = x.requires_grad_() * 2.0
    assert not y.is_leaf
    assert y.grad_fn.op.__name__ == "Mul"
    assert repr(y.grad_fn) == "<Mul>"
    with pytest.raises(RuntimeError, match=r"requires_grad_\(False\) of a result"):
        y.requires_grad_(False)


def test_numbers_come_out():
    assert fg.tensor([[2.5]]).item() == 2.5
    assert float(fg.tensor(2.5)) == 2.5
    assert int(fg.tensor([3])) == 3
    assert bool(fg.tensor(0.0)) is False
    assert isinstance(fg.tensor(1.0).item(), float)
    with pytest.raises(ValueError, match=r"item\(\) needs one element, the tensor has shape \(2,\)"):
        fg.tensor([1.0, 2.0]).item()
    with pytest.raises(ValueError, match=r"the truth of a tensor of shape \(2,\) is ambiguous"):
        bool(fg.tensor([1.0, 2.0]))
    with pytest.raises(TypeError, match="0-d"):
        len(fg.tensor(1.0))


def test_numpy_meets_tensor(x):
    assert isinstance(np.asarray(x), np.ndarray)
    assert_bits(np.asarray(x, dtype=np.float32), x.data.astype(np.float32))
    for out in (
        x.data * x,
        x.data + x,
        x.data - x,
        x.data / x,
        x.data @ x.T,
        2.0 * x,
        1 - x,
        1 / x,
        2**x,
        np.float64(2) * x,
    ):
        assert isinstance(out, fg.Tensor), "a Tensor on either side makes a Tensor"
    assert_bits((x.data - x * 0.5).data, x.data - x.data * 0.5)
    with pytest.raises(RuntimeError, match=r"requires a gradient: call detach\(\)"):
        (x.requires_grad_() * 1.0).numpy()


def test_repr():
    assert repr(fg.tensor([1.0, 2.0])) == "tensor([1., 2.])"
    assert repr(fg.tensor([1.0], requires_grad=True)) == "tensor([1.], requires_grad=True)"
    assert repr(fg.tensor([1.0], requires_grad=True) * 2.0) == "tensor([2.], grad_fn=<Mul>)"
    assert repr(fg.tensor(np.ones(1))) == "tensor([1.], dtype=float64)"
    assert repr(fg.tensor([1, 2])) == "tensor([1, 2])"
    assert len(repr(fg.tensor(np.zeros(100_000)))) < 300


def test_iteration(x):
    rows = list(x.requires_grad_())
    assert len(rows) == 3
    rows[1].sum().backward()
    assert x.grad.data.sum(1).tolist() == [0, 4, 0]


def test_a_tensor_is_a_key(x):
    assert {x: 1}[x] == 1


# -- operators and methods ---------------------------------------------------------------------------------------------
OPERATORS = {
    "x + y": lambda x, y: x + y,
    "x - y": lambda x, y: x - y,
    "x * y": lambda x, y: x * y,
    "x / y": lambda x, y: x / y,
    "x ** y": lambda x, y: x**y,
    "-x": lambda x, y: -x,
    "abs": lambda x, y: abs(-x),
    "@": lambda x, y: x @ y.T,
    "2 + x": lambda x, y: 2 + x,
    "2 - x": lambda x, y: 2 - x,
    "2 * x": lambda x, y: 2 * x,
    "2 / x": lambda x, y: 2 / x,
    "2 ** x": lambda x, y: 2**x,
    "x + 2": lambda x, y: x + 2,
    "x - 2": lambda x, y: x - 2,
    "x * 2": lambda x, y: x * 2,
    "x / 2": lambda x, y: x / 2,
    "x ** 2": lambda x, y: x**2,
    "==": lambda x, y: x == y,
    "!=": lambda x, y: x != y,
    "<": lambda x, y: x < y,
    "<=": lambda x, y: x <= y,
    ">": lambda x, y: x > 1,
    ">=": lambda x, y: x >= 1.0,
    "index": lambda x, y: x[1:, -1],
    "mask": lambda x, y: x[y > 1],
    "None": lambda x, y: x[:, None],
    "T": lambda x, y: x.T,
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("what", OPERATORS)
def test_operators_are_numpys(what, dtype, rng):
    a, b = (rng.uniform(0.5, 2.0, (3, 4)).astype(dtype) for _ in range(2))
    found, expected = OPERATORS[what](fg.from_numpy(a), fg.from_numpy(b)), OPERATORS[what](a, b)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found.data, expected, rtol=32 * np.finfo(dtype).eps)  # powers and a product of four


METHODS = {
    "add": ((2.0,), lambda x: x + 2),
    "sub": ((2.0,), lambda x: x - 2),
    "mul": ((2.0,), lambda x: x * 2),
    "div": ((2.0,), lambda x: x / 2),
    "pow": ((3,), lambda x: x**3),
    "neg": ((), np.negative),
    "abs": ((), np.abs),
    "exp": ((), np.exp),
    "log": ((), np.log),
    "sqrt": ((), np.sqrt),
    "relu": ((), lambda x: np.maximum(x, 0)),
    "sigmoid": ((), lambda x: 1 / (1 + np.exp(-x))),
    "tanh": ((), np.tanh),
    "sum": ((1,), lambda x: x.sum(1)),
    "mean": ((0, True), lambda x: x.mean(0, keepdims=True)),
    "max": ((), np.max),
    "argmax": ((1,), lambda x: x.argmax(1)),
    "clip": ((0.7, 1.2), lambda x: np.clip(x, 0.7, 1.2)),
    "clamp": ((0.7,), lambda x: np.maximum(x, 0.7)),
    "reshape": ((4, 3), lambda x: x.reshape(4, 3)),
    "view": (((2, -1),), lambda x: x.reshape(2, -1)),
    "flatten": ((), np.ravel),
    "permute": ((1, 0), np.transpose),
    "transpose": ((0, 1), np.transpose),
    "t": ((), np.transpose),
    "clone": ((), np.copy),
    "matmul": ((np.ones((4, 2)),), lambda x: x @ np.ones((4, 2))),
    "maximum": ((1.0,), lambda x: np.maximum(x, 1)),
    "minimum": ((1.0,), lambda x: np.minimum(x, 1)),
    "softmax": ((1,), lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True)),
    "log_softmax": ((1,), lambda x: x - np.log(np.exp(x).sum(1, keepdims=True))),
    "float": ((), lambda x: x.astype(np.float32)),
    "double": ((), np.copy),
    "long": ((), lambda x: x.astype(np.int64)),
    "contiguous": ((), np.copy),
    "detach": ((), np.copy),
}


@pytest.mark.parametrize("name", METHODS)
def test_methods_are_numpys(name, x):
    arguments, plain = METHODS[name]
    found, expected = getattr(x, name)(*arguments), plain(x.data)
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found.data, expected, rtol=1e-14, atol=1e-14)


def test_every_public_method_is_tried():
    elsewhere = {
        "register_hook",
        "register_post_accumulate_grad_hook",
        "retain_grad",
        "backward",
        "copy_",
        "zero_",
        "item",
        "numpy",
        "tolist",
        "size",
        "dim",
        "numel",
        "is_contiguous",
        "requires_grad_",
        "to",
        "type",
    }
    elsewhere |= {"astype", "where", "nelement", "stride", "element_size", "is_floating_point", "data_ptr"}
    elsewhere |= {"type_as", "half", "short", "int", "bool", "cpu", "cuda"}  # tests/test_interop.py
    elsewhere |= {"register_hook", "register_post_accumulate_grad_hook", "retain_grad"}  # tests/test_hooks.py
    elsewhere |= {"new_tensor", "new_full", "new_zeros", "new_ones", "new_empty"}  # tests/test_create.py
    methods = {n: f for n, f in inspect.getmembers(fg.Tensor, inspect.isfunction) if not n.startswith("_")}
    ops = {n for n, f in methods.items() if f in vars(fg.ops).values()}  # test_ops.py tries them
    in_place = {n for n in methods if n.endswith("_")}  # tests/test_inplace.py
    assert set(methods) - set(METHODS) - ops - in_place == elsewhere - in_place


def test_max_and_where(x):
    values, index = x.max(1)
    assert_bits(values.data, x.data.max(1))
    assert_bits(index.data, x.data.argmax(1))
    assert x.max(1, keepdim=True)[1].shape == (3, 1)
    assert not index.requires_grad
    assert_bits(x.where(x > 1, 0.0).data, np.where(x.data > 1, x.data, 0.0))
    assert fg.tensor([1.0, 5.0, 5.0]).argmax().item() == 1, "the first of equals"
    assert fg.tensor([1.0, np.nan, 5.0]).argmax().item() == 1, "a NaN is the largest, as in NumPy"


def test_counting():
    hits = fg.tensor([[1, 2], [3, 4]]) == fg.tensor([[1, 0], [3, 4]])
    assert hits.sum().item() == 3
    assert hits.sum(0).tolist() == [2, 1]
    assert hits.sum().dtype == np.int64
    assert hits.float().mean().item() == 0.75
    assert fg.tensor([[1, 2], [3, 4]]).sum(1).tolist() == [3, 7]


def test_gradients_at_kinks():
    """Where there is no derivative, the values the docstrings promise."""

    def slope(f, *values):
        t = fg.tensor(np.array(values), requires_grad=True)
        return fg.grad(f(t).sum(), t)[0].tolist()

    assert slope(fg.relu, 0.0, -0.0, 1.0) == [0, 0, 1]
    assert slope(abs, 0.0, -2.0) == [0, -1]
    assert slope(lambda t: fg.maximum(t, 1.0), 1.0, 2.0) == [0.5, 1]
    assert slope(lambda t: fg.minimum(t, 1.0), 1.0, 2.0) == [0.5, 0]
    assert slope(lambda t: fg.clip(t, 0.0, 1.0), 0.0, 1.0, 2.0, -1.0) == [1, 1, 0, 0]
    assert slope(lambda t: t.max(), 1.0, 3.0, 3.0) == [0, 0.5, 0.5]
    assert slope(lambda t: t.max(0)[0], 1.0, 3.0, 3.0) == [0, 1, 0]
    assert slope(lambda t: t**0, 0.0) == [0]
    assert slope(lambda t: t**2, 0.0, 3.0) == [0, 6]
    assert slope(lambda t: 0.0**t, 2.0, 0.0) == [0, 0]
    assert np.isnan(slope(lambda t: (-2.0) ** t, 2.0)).all()


def test_views_share_memory_and_copies_do_not(x):
    for view in (x.reshape(4, 3), x[1:], x[..., None], x.T, x.detach(), x.flatten(), x.permute(1, 0)):
        assert np.shares_memory(view.data, x.data)
    for copy in (x.clone(), x[np.array([0, 1])], x[x > 1], x.float(), fg.tensor(x), x.T.contiguous()):
        assert not np.shares_memory(copy.data, x.data)


def test_dtypes_mix_to_the_wider_float_and_gradients_come_back(x):
    w = fg.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    out = x * w
    assert out.dtype == np.float64
    out.sum().backward()
    assert w.grad.dtype == np.float32
    assert (w * fg.tensor([1, 2, 3, 4])).dtype == np.float32, "integers follow floats"
    assert w.to(np.float32) is w


# -- in place ----------------------------------------------------------------------------------------------------------
def test_copy_and_zero():
    t = fg.tensor([[1.0, 2.0], [3.0, 4.0]])
    view = t.data
    assert t.copy_(fg.tensor([5.0, 6.0])) is t
    assert view.tolist() == [[5, 6], [5, 6]]
    t.copy_(np.array([[1, 2], [3, 4]]))
    assert view.tolist() == [[1, 2], [3, 4]]
    t.T.copy_(t)  # overlapping memory: as if copied first
    assert view.tolist() == [[1, 3], [2, 4]]
    t[0].zero_()
    assert view.tolist() == [[0, 0], [2, 4]]
    leaf = fg.tensor([1.0], requires_grad=True)
    for change in (leaf.zero_, lambda: leaf.copy_(leaf), lambda: leaf[0].zero_()):
        with pytest.raises(
            RuntimeError,
            match=r"_ on a (view of a )?leaf that requires a gradient, of shape \(1,\): .* do it under no_grad\(\)",
        ):
            change()
    with fg.no_grad():
        leaf.zero_()
    assert leaf.tolist() == [0]


def test_grad_is_checked():
    x = fg.tensor([1.0, 2.0], requires_grad=True)
    x.grad = [3.0, 4.0]
    assert x.grad.tolist() == [3, 4]
    with pytest.raises(ValueError, match=r"grad must be \(2,\) float32 like its tensor, not \(3,\) float64"):
        x.grad = np.ones(3)
    assert x.grad.tolist() == [3, 4]
    x.grad = None
    assert x.grad is None


EMPTY = [((2, 3, 0), (0, 4)), ((2, 0, 3), (3, 4)), ((0, 3, 4), (4, 5)), ((2, 3, 0), (2, 0, 4)), ((2, 0, 3), (1, 3, 0))]


@pytest.mark.parametrize(("left", "right"), EMPTY)
def test_stacks_of_nothing(left, right):
    a, b = (fg.zeros(*shape, dtype=fg.float64, requires_grad=True) for shape in (left, right))
    out = a @ b
    assert_bits(out.data, a.data @ b.data)
    assert [g.shape for g in fg.grad(out.sum(), [a, b])] == [left, right]


def test_a_layer_of_no_inputs_gives_its_bias():
    layer = fg.nn.Linear(0, 4)
    assert_bits(layer(fg.zeros(2, 3, 0)).data, np.broadcast_to(layer.bias.data, (2, 3, 4)))
