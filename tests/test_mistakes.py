"""Classic mistakes: each gets the error a user of PyTorch or NumPy expects, which names what is wrong and how to mend it.

A row: the mistake, the exception, what the text must name, and what it must tell to do.
"""

import io
import pickle

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import nn, optim
from fastgrad.testing import assert_bits

F = nn.functional


def t(*shape, grad=False):
    return fg.from_numpy(np.ones(shape, np.float32)).requires_grad_(grad)


def changed_after_it_was_saved():
    x = t(3, grad=True)
    y = x.exp()
    y.add_(1)
    y.sum().backward()


def backward_twice():
    y = (t(3, grad=True) ** 2).sum()
    y.backward()
    y.backward()


def old_view():
    x = t(3, grad=True) * 1
    view = x[0]
    x.mul_(2)
    return view * view


def under_no_grad():
    with fg.no_grad():
        y = t(3, grad=True).sum()
    y.backward()


class Half(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(2, 2)


class OneGradient(fg.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        return a * b

    @staticmethod
    def backward(ctx, g):
        return g


def hook_of_another_shape():
    y = t(2, grad=True) * 2
    y.register_hook(lambda g: g.sum())
    y.sum().backward()


def tensor_for_a_parameter(net):
    net.weight = t(2, 3)


def grad_of_another_shape(net):
    net.weight.grad = t(3)


def captured(step):
    return lambda net: fg.capture(step)(t(3))


MISTAKES = {
    # shapes
    "matmul": (lambda net: t(2, 3) @ t(2, 3), ValueError, r"matmul: \(2, 3\) @ \(2, 3\)", r"must equal"),
    "layer": (
        lambda net: net(t(5, 4)),
        ValueError,
        r"linear: input \(5, 4\), weight \(2, 3\)",
        r"input must be \(..., I\)",
    ),
    "add": (lambda net: t(2, 3) + t(4), ValueError, r"add: .* a \(2, 3\), b \(4,\)", "reshape or unsqueeze one"),
    "cat": (
        lambda net: fg.cat([t(2, 3), t(2, 4)]),
        ValueError,
        r"\(2, 3\), \(2, 4\)",
        "outside dim 0, where they must agree",
    ),
    "stack": (
        lambda net: fg.stack([t(2), t(3)]),
        ValueError,
        r"stack .*\[\(2,\), \(3,\)\]",
        "needs tensors of one shape",
    ),
    "reshape": (
        lambda net: t(2, 3).reshape(4),
        ValueError,
        r"reshape: \(2, 3\) \(6 elements\)",
        r"does not fit \(4,\)",
    ),
    "view as a dtype": (lambda net: t(2).view(fg.int32), TypeError, "int32", r"x\.to\(dtype\)"),
    "dim": (lambda net: t(2, 3).sum(2), IndexError, "sum: dim 2 .* of 2 dimensions", "-2 to 1"),
    "index": (lambda net: t(3)[5], IndexError, "index 5 is out of bounds for axis 0", "size 3"),
    "indices": (lambda net: t(3)[fg.tensor([5])], IndexError, "index 5 is out of range", "size 3"),
    "mask": (lambda net: t(3)[fg.tensor([True, False])], IndexError, r"mask of shape \(2,\)", r"sizes \(3,\)"),
    "float index": (lambda net: t(3)[fg.tensor([1.0])], IndexError, "float32", "must be an integer, a bool, a slice"),
    "a size of -2": (lambda net: t(2, 3).view(-2), ValueError, r"reshape: \(2, 3\) to \(-2,\)", "or -1"),
    "a size of 3.0": (lambda net: t(6).view(6 / 2, 2), TypeError, r"integers, not of \(3\.0, 2\)", "divide by //"),
    "a shape and a size": (lambda net: fg.zeros((2, 3), 4), TypeError, r"\(\(2, 3\), 4\)", r"f\(2, 3\) or f\(\("),
    "view of two": (lambda net: t(2, 3).view(-1, -1), ValueError, r"\(2, 3\)", "one of them may be -1"),
    "sizes to Tensor": (lambda net: fg.Tensor(2, 3), TypeError, "the second is 3", r"fastgrad\.empty"),
    "matmul, transposed": (lambda net: t(2, 3) @ t(5, 3), ValueError, r"\(2, 3\) @ \(5, 3\)", r"b\.mT, fits"),
    "images into a layer": (
        lambda net: nn.Linear(12, 2)(t(5, 3, 4)),
        ValueError,
        r"linear: input \(5, 3, 4\).* is 4, not I = 12",
        r"x\.flatten\(1\)",
    ),
    "cat(a, b)": (lambda net: fg.cat(t(2), t(2)), TypeError, "concatenate takes several", r"cat\(\[a, b\]\)"),
    "stack(a, b)": (lambda net: fg.stack(t(2), t(2)), TypeError, "stack takes several", r"stack\(\[a, b\]\)"),
    "cat of nothing": (lambda net: fg.cat([]), ValueError, "concatenate", "at least one tensor; the list is empty"),
    "nested lists": (lambda net: fg.tensor([[1, 2], [3]]), ValueError, "nested lists whose lengths differ", "pad"),
    "dim as a float": (lambda net: t(2, 3).sum(1.0), TypeError, "sum: dim", "must be an integer or several, not 1.0"),
    "dim of max": (lambda net: t(2, 3).max(2), IndexError, "max: dim 2", "from -2 to 1"),
    "dim of softmax": (lambda net: F.softmax(t(2, 3), 2), IndexError, "Softmax: dim 2", "from -2 to 1"),
    "dim of unsqueeze": (lambda net: t(2).unsqueeze(3), IndexError, "unsqueeze: dim 3", "from -2 to 1"),
    "dims of transpose": (lambda net: t(2).transpose(0, 1), IndexError, r"axes 0 and 1 .*\(2,\)", "from -1 to 0"),
    "too many indices": (lambda net: t(2, 3)[0, 0, 0], IndexError, r"shape \(2, 3\)", "2-dimensional, but 3 were"),
    "x[5] = y": (lambda net: t(2).__setitem__(5, 1.0), IndexError, r"shape \(2,\): index 5", "size 2"),
    "x[0] = None": (lambda net: t(2).__setitem__(0, None), TypeError, r"x\[key\] = value: .* not None", "a number"),
    "x[0] = row": (lambda net: t(2, 3).__setitem__(0, t(2)), ValueError, r"\(2,\) does not fit", r"\(3,\)"),
    "indices of floats": (lambda net: t(3).index_select(0, t(1)), TypeError, "index_select: .*32", r"index\.long"),
    "row of an embedding": (
        lambda net: nn.Embedding(3, 2)(fg.tensor([3])),
        IndexError,
        "embedding: index 3 is out of range",
        "from 0 to 2",
    ),
    "a tensor into range": (lambda net: range(fg.tensor(2.0)), TypeError, r"an index, not \(\) float32", r"int\(x\)"),
    "a format of many": (lambda net: f"{t(2):.3f}", TypeError, r"'.3f' of a tensor of shape \(2,\)", r"item\(\)"),
    "NumPy's mean": (lambda net: np.mean(t(2)), TypeError, "mean: .* NumPy's mean", r"fastgrad\.mean\(x\)"),
    # dtypes and devices
    "an array of strings": (lambda net: fg.tensor(np.array(["a"])), TypeError, "numbers, not <U1", "convert"),
    "a list to from_numpy": (lambda net: fg.from_numpy([1]), TypeError, "not list", r"use fastgrad\.tensor"),
    "integer parameter": (lambda net: fg.tensor([1], requires_grad=True), TypeError, "int64", "to float32"),
    "integer += float": (
        lambda net: fg.tensor([1, 2]).add_(0.5),
        TypeError,
        "add_: .* float32 .* int64",
        "convert it first",
    ),
    "integers into a layer": (lambda net: net(fg.tensor([[1, 2, 3]])), TypeError, "x int64, w float32", r"Tensor\.to"),
    "mean of integers": (lambda net: fg.tensor([1, 2]).mean(), TypeError, "mean of a tensor of int64", r"x\.float\(\)"),
    "a string": (lambda net: t(2) + "a", TypeError, "add: cannot combine a tensor with", "str"),
    "a list": (
        lambda net: t(2) * [1, 2],
        TypeError,
        "mul: cannot combine a tensor with a list",
        "make a tensor of it first",
    ),
    "device": (lambda net: fg.zeros(2, device="cuda"), RuntimeError, "device 'cuda'", r'device\("cpu"\)'),
    "cuda()": (lambda net: t(2).cuda(), RuntimeError, "computes on the CPU", r"cuda\.is_available\(\)"),
    "where with floats": (
        lambda net: fg.where(t(2), t(2), t(2)),
        TypeError,
        "cond must be a bool tensor, not float32",
        "cond > 0",
    ),
    # losses
    "target of shape (N,)": (
        lambda net: F.mse_loss(t(4, 1), t(4)),
        ValueError,
        r"\(4, 1\) and target \(4,\)",
        r"target\.reshape\(4, 1\)",
    ),
    "float labels": (lambda net: F.cross_entropy(t(4, 3), t(4)), TypeError, "not float32", r"target\.long\(\)"),
    "label out of range": (
        lambda net: F.cross_entropy(t(2, 3), fg.tensor([0, 3])),
        IndexError,
        "label of row 1",
        "from 0 to C - 1; it is 3, and C is 3",
    ),
    "one-hot to nll": (lambda net: F.nll_loss(t(2, 3), t(2, 3)), TypeError, "not float32", r"target\.argmax\(1\)"),
    # gradients
    "leaf in place": (
        lambda net: net.weight.add_(1),
        RuntimeError,
        r"add_ on a leaf .* \(2, 3\)",
        r"under no_grad\(\)",
    ),
    "saved, then changed": (
        lambda net: changed_after_it_was_saved(),
        RuntimeError,
        r"Exp: its result, of shape \(3,\)",
        "clone the tensor first",
    ),
    "old view": (lambda net: old_view(), RuntimeError, "Mul is given a view", "take the view again"),
    "expanded in place": (
        lambda net: t(1).expand(3).add_(1),
        ValueError,
        r"add_: .* \(3,\) is read-only",
        r"clone\(\) it",
    ),
    "backward twice": (lambda net: backward_twice(), RuntimeError, "Sum a second time", "retain_graph=True"),
    "backward of many": (
        lambda net: (net.weight * 2).backward(),
        ValueError,
        r"shape \(2, 3\) needs gradient=",
        r"sum\(\)",
    ),
    "backward of a constant": (
        lambda net: t(3).sum().backward(),
        RuntimeError,
        "does not require a gradient",
        "requires_grad=True",
    ),
    "backward after no_grad": (
        lambda net: under_no_grad(),
        RuntimeError,
        "does not require a gradient",
        r"no_grad\(\)",
    ),
    "grad of what is unused": (
        lambda net: fg.grad(net.bias.sum(), net.weight),
        RuntimeError,
        "do not depend on input 0",
        "allow_unused=True",
    ),
    "numpy()": (lambda net: net.weight.numpy(), RuntimeError, "requires a gradient", r"detach\(\)\.numpy\(\)"),
    "gradient of another shape": (
        grad_of_another_shape,
        ValueError,
        r"\(2, 3\) float32 like its tensor",
        r"not \(3,\) float32",
    ),
    "Function": (
        lambda net: OneGradient.apply(net.bias, t(2)).sum().backward(),
        RuntimeError,
        "OneGradient: .* 1 gradients for 2",
        "None where there is none",
    ),
    "hook": (
        lambda net: hook_of_another_shape(),
        RuntimeError,
        r"hook .* \(\) float32 for a gradient \(2,\)",
        "shape and dtype of its tensor",
    ),
    # values
    "item of many": (lambda net: t(2).item(), ValueError, r"item\(\) .* \(2,\)", r"tolist\(\)"),
    "truth of many": (
        lambda net: bool(t(2) > 0),
        ValueError,
        r"truth of a tensor of shape \(2,\)",
        r"any\(\) or all\(\)",
    ),
    "item in a captured step": (
        captured(lambda x: x * x.sum().item()),
        fg.CaptureError,
        r"item\(\) cannot be captured",
        "read it outside",
    ),
    "if in a captured step": (
        captured(lambda x: x if x.sum() > 0 else -x),
        fg.CaptureError,
        r"decision on a tensor's value",
        r"where\(\)",
    ),
    "pickle of a result": (
        lambda net: pickle.dumps(net.weight * 1),
        RuntimeError,
        r"result of Mul, \(2, 3\)",
        r"detach\(\)",
    ),
    # modules and optimizers
    "super().__init__()": (
        lambda net: Half(),
        AttributeError,
        "Half: .* before setting layer",
        r"super\(\)\.__init__\(\)",
    ),
    "tensor for a parameter": (
        tensor_for_a_parameter,
        TypeError,
        "Linear.weight is a Parameter",
        r"nn\.Parameter\(tensor\)",
    ),
    "missing names": (
        lambda net: net.load_state_dict({"weight": np.ones((2, 3), "f")}),
        KeyError,
        "missing .*bias",
        "strict=False",
    ),
    "other shapes": (
        lambda net: net.load_state_dict({"weight": np.ones((3, 2), "f"), "bias": np.ones(2, "f")}),
        ValueError,
        r"weight has shape \(3, 2\)",
        r"the module's \(2, 3\)",
    ),
    "no parameters": (
        lambda net: optim.SGD([], lr=0.1),
        ValueError,
        "SGD: the list of parameters is empty",
        r"model\.parameters\(\)",
    ),
    "a parameter twice": (
        lambda net: optim.SGD([net.bias, net.bias], lr=0.1),
        ValueError,
        r"parameter 1 \(2,\) is given twice",
        "each one once",
    ),
    "a result as parameter": (
        lambda net: optim.SGD([net.bias * 2], lr=0.1),
        ValueError,
        "result of Mul, not a leaf",
        r"detach\(\)\.requires_grad_\(\)",
    ),
    "one tensor": (lambda net: optim.SGD(net.bias, lr=0.1), TypeError, "takes a list of tensors", r"\[tensor\]"),
    "negative rate": (lambda net: optim.Adam(net.parameters(), lr=-1), ValueError, "Adam: lr", "at least 0, not -1"),
    "rate of NaN": (
        lambda net: optim.SGD(net.parameters(), lr=float("nan")),
        ValueError,
        "SGD: lr",
        "at least 0, not nan",
    ),
    "betas": (
        lambda net: optim.Adam(net.parameters(), betas=(1.0, 0.9)),
        ValueError,
        r"Adam: betas\[0\]",
        r"in \[0, 1\), not 1.0",
    ),
    "a module saved": (lambda net: fg.save(net, io.BytesIO()), TypeError, "the value is a", r"save its state_dict\(\)"),
    "torch.compile": (
        lambda net: fg.compile,
        AttributeError,
        "'fastgrad' has no attribute 'compile'",
        r"fastgrad\.capture",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_error_names_what_and_how_and_nothing_has_changed(mistake):
    call, error, what, how = MISTAKES[mistake]
    net = nn.Linear(3, 2)
    before = {name: p.data.copy() for name, p in net.named_parameters()}
    with pytest.raises(error, match=what) as raised:
        call(net)
    assert raised.match(how)
    for name, p in net.named_parameters():
        assert_bits(p.data, before[name], name)
        assert p.grad is None
        assert isinstance(p, nn.Parameter)


@pytest.mark.parametrize("use", [lambda net: net(t(5, 3)), lambda net: net.weight * 2.0, lambda net: net.bias.exp()])
def test_data_that_is_no_array_is_named(use):
    """An array minus a tensor is a tensor."""
    net = nn.Linear(3, 2)
    net(t(5, 3)).sum().backward()
    for p in net.parameters():
        p.data = p.data - 0.1 * p.grad
    with pytest.raises(TypeError, match=r"the data of operand \d was set to a Tensor.*with no_grad\(\): w -= lr"):
        use(net)
    assert repr(net.bias.detach()) == "<a tensor whose data was set to a Tensor, not to an array>"


def test_a_step_without_gradients_is_no_mistake():
    net = nn.Linear(3, 2)
    before = net.weight.data.copy()
    optim.Adam(net.parameters()).step()
    assert_bits(net.weight.data, before)


def test_an_unknown_name_is_said_plainly():
    with pytest.raises(AttributeError, match="module 'fastgrad' has no attribute 'sinn'"):
        _ = fg.sinn
    assert not hasattr(fg, "__wrapped__")
