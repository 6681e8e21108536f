"""Tensors among Python, NumPy and other libraries: arrays, DLPack, copies, pickles, devices, print."""

import copy
import importlib.util
import operator
import pickle

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.testing import assert_bits

torch = None
if importlib.util.find_spec("torch") is not None:
    import torch

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed: no other library to share with")


# -- NumPy -------------------------------------------------------------------------------------------------------------
def test_array_follows_numpy_2():
    x = fg.tensor([1.0, 2.0])
    assert np.asarray(x) is x.data
    assert np.array(x, copy=False) is x.data
    assert not np.shares_memory(np.array(x), x.data)
    assert np.asarray(x, dtype=np.float64).dtype == np.float64
    with pytest.raises(ValueError, match="copy"):
        np.asarray(x, dtype=np.float64, copy=False)


@pytest.mark.parametrize("operate", [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow])
def test_arrays_and_numpy_numbers_on_the_left_are_recorded(operate):
    x = fg.tensor([1.0, 2.0], requires_grad=True)
    for left in np.float32([3, 4]), np.float32(2), np.float64(2), np.int64(2):
        out = operate(left, x)
        assert isinstance(out, fg.Tensor)
        assert out.requires_grad
        assert out.dtype == np.float32
        np.testing.assert_allclose(
            out.data, operate(np.asarray(left, np.float64), x.data.astype(np.float64)), rtol=1e-6
        )


def test_an_array_times_a_tensor_as_matrices():
    w = fg.tensor([[1.0], [2.0]], requires_grad=True)
    a = np.float32([[3, 4]])
    (a @ w).sum().backward()
    assert w.grad.tolist() == [[3], [4]]


def test_operators_by_numpys_names_are_recorded():
    x = fg.tensor([1.0, 2.0], requires_grad=True)
    assert fg.grad(np.multiply(np.float32([3, 4]), x).sum(), x)[0].tolist() == [3, 4]
    assert (np.float32([1, 3]) < x).tolist() == [False, False]
    assert (np.array([1, 3]) == x).tolist() == [True, False]
    assert (np.array([True, False]) & (x > 0)).tolist() == [True, False]


def test_ufuncs_do_not_swallow_a_tensor():
    x, array = fg.tensor([1.0]), np.ones(1, np.float32)
    with pytest.raises(TypeError, match=r"numpy.sin takes no tensor: use fastgrad.sin\(x\), or x.detach\(\).numpy\(\)"):
        np.sin(x)
    with pytest.raises(TypeError, match=r"numpy.spacing takes no tensor: use x.detach\(\).numpy\(\)"):
        np.spacing(x)
    with pytest.raises(TypeError, match=r"write array -= x.detach\(\).numpy\(\); to change a parameter"):
        array -= x
    with pytest.raises(TypeError, match=r"numpy\.add takes no tensor"):
        np.add(x, x, dtype=np.float64)
    assert array.tolist() == [1]


# -- DLPack ------------------------------------------------------------------------------------------------------------
def test_dlpack_with_numpy_shares_memory():
    x = fg.tensor([[1.0, 2.0], [3.0, 4.0]])
    array = np.from_dlpack(x)
    array[0, 0] = 7
    assert x.tolist() == [[7, 2], [3, 4]]
    source = np.arange(6.0).reshape(2, 3)[:, ::2]
    back = fg.from_dlpack(source)
    source[0, 0] = 9
    assert back.tolist() == [[9, 2], [3, 5]]
    assert np.shares_memory(fg.from_dlpack(x).data, x.data)
    assert x.__dlpack_device__() == (1, 0)


def test_dlpack_refuses():
    x = fg.tensor([1.0], requires_grad=True)
    for share in np.from_dlpack, fg.from_dlpack:
        with pytest.raises(BufferError, match=r"requires a gradient: share detach\(\)"):
            share(x)
    assert np.from_dlpack(x.detach()).tolist() == [1]
    with pytest.raises(TypeError, match="list has no __dlpack__"):
        fg.from_dlpack([1.0])
    with pytest.raises(fg.CaptureError, match="__dlpack__"):
        fg.capture(lambda x: np.from_dlpack(x))(fg.tensor([1.0]))


@needs_torch
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32", "uint8", "bool"])
def test_dlpack_with_torch_shares_memory_both_ways(dtype):
    x = fg.tensor([[1, 0], [1, 1]]).to(dtype)
    theirs = torch.from_dlpack(x)
    assert theirs.shape == (2, 2)
    assert str(theirs.dtype) == f"torch.{dtype}"
    theirs[0, 0] = 0
    assert x.tolist()[0] == [0, 0]
    ours = fg.from_dlpack(torch.ones(2, 3).to(getattr(torch, dtype)).T)
    assert ours.shape == (3, 2)
    assert ours.dtype == dtype
    base = torch.zeros(3)
    shared = fg.from_dlpack(base)
    base[1] = 5
    assert shared.tolist() == [0, 5, 0]
    shared.add_(1.0)
    assert base.tolist() == [1, 6, 1]


@needs_torch
def test_a_gradient_flows_beside_torch():
    data = torch.arange(3.0)
    x = fg.from_dlpack(data).requires_grad_()
    (x * x).sum().backward()
    assert torch.from_dlpack(x.grad).tolist() == [0, 2, 4]


# -- copies and pickles ------------------------------------------------------------------------------------------------
@pytest.fixture
def leaf():
    x = fg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    (x * x).sum().backward()
    return x


def test_deepcopy(leaf):
    twin = copy.deepcopy(leaf)
    assert_bits(twin.data, leaf.data)
    assert_bits(twin.grad.data, leaf.grad.data)
    assert twin.requires_grad
    assert twin.is_leaf
    assert not np.shares_memory(twin.data, leaf.data)
    assert not np.shares_memory(twin.grad.data, leaf.grad.data)
    one, two = copy.deepcopy([leaf, leaf])
    assert one is two
    view = copy.deepcopy(leaf.detach()[:, 1])
    assert not np.shares_memory(view.data, leaf.data)
    assert view.tolist() == [2, 4]


def test_copy_shares_memory(leaf):
    twin = copy.copy(leaf)
    assert twin is not leaf
    assert np.shares_memory(twin.data, leaf.data)
    assert twin.requires_grad


def test_pickle(leaf):
    for x in leaf, fg.tensor([1, 2]), fg.tensor(True), fg.zeros(0, 3), fg.nn.Parameter(fg.ones(2)):
        twin = pickle.loads(pickle.dumps(x))
        assert type(twin) is type(x)
        assert_bits(twin.data, x.data)
        assert twin.requires_grad == x.requires_grad
        assert twin.is_leaf
        assert not np.shares_memory(twin.data, x.data)


def test_results_refuse_to_be_copied(leaf):
    for name, call in ("deepcopy", copy.deepcopy), ("copy", copy.copy), ("pickle", pickle.dumps):
        with pytest.raises(RuntimeError, match=rf"{name} of a result of Mul, \(2, 2\): .* use its detach\(\)"):
            call(leaf * 2.0)
    assert copy.deepcopy((leaf * 2.0).detach()).tolist() == [[2, 4], [6, 8]]


class Tied(fg.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = fg.nn.Linear(2, 2), fg.nn.Linear(2, 2)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.second(self.first(x))


@pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_modules(again):
    model = Tied()
    twin = again(model)
    assert twin.second.weight is twin.first.weight
    assert isinstance(twin.first.weight, fg.nn.Parameter)
    assert len(list(twin.parameters())) == len(list(model.parameters())) == 3
    x = fg.ones(1, 2)
    assert_bits(twin(x).data, model(x).data)
    fg.optim.SGD(twin.parameters(), lr=1.0).zero_grad()
    twin(x).sum().backward()
    fg.optim.SGD(twin.parameters(), lr=1.0).step()
    assert all(p.grad is None for p in model.parameters())
    assert not np.array_equal(twin.first.weight.data, model.first.weight.data)


# -- devices and dtypes ------------------------------------------------------------------------------------------------
def test_the_only_device():
    x = fg.tensor([1.0], requires_grad=True)
    assert x.device == fg.device("cpu") == "cpu"
    assert str(x.device) == "cpu"
    assert repr(x.device) == "device(type='cpu')"
    assert {fg.device("cpu"): 1}[x.device] == 1
    assert not x.is_cuda
    assert not fg.cuda.is_available()
    assert fg.cuda.device_count() == 0
    for same in (
        x.to("cpu"),
        x.cpu(),
        x.to(fg.device("cpu")),
        x.to(device="cpu"),
        x.to(x),
        x.to("cpu", fg.float32),
        x.to(),
    ):
        assert same is x
    assert x.to("cpu", copy=True) is not x
    assert x.to("cpu", fg.float64).dtype == x.to(fg.zeros(1, dtype=fg.float64)).dtype == np.float64
    for call in lambda: x.cuda(), lambda: x.to("cuda"), lambda: fg.device("mps"), lambda: fg.nn.Linear(1, 1).to("cuda"):
        with pytest.raises(RuntimeError, match=r"fastgrad computes on the CPU; write device\(\"cpu\"\)"):
            call()
    with pytest.raises(TypeError, match="a name such as"):
        fg.device(1.5)
    model = fg.nn.Linear(2, 2)
    assert model.to("cpu") is model.cpu() is model
    assert model.to(fg.float64).weight.dtype == np.float64


def test_dtypes_by_method():
    x = fg.tensor([0.0, 1.5])
    for name, dtype in [
        ("half", "f2"),
        ("double", "f8"),
        ("short", "i2"),
        ("int", "i4"),
        ("long", "i8"),
        ("bool", "?"),
    ]:
        assert getattr(x, name)().dtype == np.dtype(dtype)
    assert x.type_as(fg.arange(2)).tolist() == [0, 1]
    assert x.bool().tolist() == [False, True]
    assert x.is_floating_point()
    assert (x.nelement(), x.element_size(), x.reshape(2, 1).T.stride()) == (2, 4, (1, 1))
    assert fg.zeros(2, 3).stride(0) == 3
    assert x.data_ptr() == x.data.ctypes.data


# -- Python ------------------------------------------------------------------------------------------------------------
def test_numbers_and_sequences():
    three = fg.tensor([[3]])
    assert operator.index(three) == 3
    assert [10, 20, 30, 40][fg.tensor(3)] == 40
    assert list(range(fg.tensor(2))) == [0, 1]
    for wrong in fg.tensor(1.0), fg.tensor([1, 2]), fg.tensor(True):
        with pytest.raises(TypeError, match="only an integer tensor of one element is an index"):
            operator.index(wrong)
    x = fg.tensor([1.0, 2.0, 4.0])
    assert 2.0 in x
    assert 3 not in x
    assert fg.tensor(4.0) in x
    assert [v.item() for v in x] == [1, 2, 4]
    assert [v.item() for v in reversed(x)] == [4, 2, 1]
    with pytest.raises(TypeError, match="iteration over a 0-d tensor"):
        iter(fg.tensor(1.0))
    a, b = fg.tensor([5, 6])
    assert (a.item(), b.item()) == (5, 6)


def test_format():
    assert f"{fg.tensor(3.14159):.3f}" == "3.142"
    assert f"{fg.tensor([2.5]):6.1f}" == "   2.5"
    assert f"{fg.tensor(7):03d}" == "007"
    assert f"{fg.tensor(2.5)}" == "2.5"
    assert f"{fg.tensor([2.5])}" == "tensor([2.5])"
    with pytest.raises(TypeError, match=r"format '.3f' of a tensor of shape \(2,\)"):
        f"{fg.tensor([1.0, 2.0]):.3f}"


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: fg.tensor(1.5), "tensor(1.5)"),
        (lambda: fg.tensor([]), "tensor([])"),
        (lambda: fg.zeros(0, 3), "tensor([], size=(0, 3))"),
        (lambda: fg.zeros(2, 0, dtype=fg.float64), "tensor([], size=(2, 0), dtype=float64)"),
        (lambda: fg.tensor([True, False]), "tensor([ True, False])"),
        (lambda: fg.tensor([float("nan"), float("inf"), -1.0]), "tensor([nan, inf, -1.])"),
        (lambda: fg.tensor([1, 2], dtype=fg.int32), "tensor([1, 2], dtype=int32)"),
        (lambda: fg.tensor([1e-9, 1.0]), "tensor([1.e-09, 1.e+00])"),
        (lambda: fg.tensor([0.123456789]), "tensor([0.1235])"),
        (lambda: fg.nn.Parameter(fg.ones(1)), "Parameter containing:\ntensor([1.], requires_grad=True)"),
        (lambda: fg.arange(2000), "tensor([   0,    1,    2, ..., 1997, 1998, 1999], size=(2000,))"),
        (lambda: fg.zeros(2, 2), "tensor([[0., 0.],\n        [0., 0.]])"),
    ],
)
def test_print(make, text):
    found = repr(make())
    assert [" ".join(line.split()) for line in found.splitlines()] == [
        " ".join(line.split()) for line in text.splitlines()
    ]


def test_a_large_tensor_prints_short():
    found = repr(fg.zeros(1000, 1000))
    assert len(found) < 500
    assert "size=(1000, 1000)" in found
