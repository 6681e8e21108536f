"""nn.summary: what it counts, and that it changes nothing."""

import copy

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import nn
from fastgrad.testing import assert_bits


class Net(nn.Module):
    """A shared layer, a parameter of its own, a part that is not called, two results, a draw, a count."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.ReLU(inplace=True))
        self.shared = nn.Linear(4, 4)
        self.unused = nn.Linear(4, 100)
        self.scale = nn.Parameter(fg.ones(4))
        self.modes = []

    def forward(self, x, y=None):
        self.modes.append((self.training, self.body[1].training, fg.is_grad_enabled()))
        fg.rand(3)
        x = self.shared(self.shared(self.body(x))) * self.scale
        return (x, x[:, :2]) if y is None else x + y


def test_rows_and_totals():
    net = Net()
    net.shared.bias.requires_grad_(False)
    found = nn.summary(net, (5, 2, 3), samples=1000)
    rows = [(r.name, r.kind, r.output, r.parameters, r.bytes, r.activation_bytes) for r in found.rows]
    assert rows == [
        ("body.0", "Flatten", (5, 6), 0, 0, 0),
        ("body.1", "Linear", (5, 4), 28, 112, 80),
        ("body.2", "ReLU", (5, 4), 0, 0, 0),
        ("shared", "Linear", (5, 4), 20, 80, 80),
        ("shared", "Linear", (5, 4), 0, 0, 80),
        ("(the model)", "Net", ((5, 4), (5, 2)), 4, 16, 80 + 40),
        ("unused", "Linear", None, 500, 2000, 0),
    ]
    assert [r.shares for r in found.rows] == [False] * 4 + [True] + [False] * 2
    assert found.parameters == 552 == sum(p.numel() for p in net.parameters())
    assert found.trainable == 548
    assert found.parameter_bytes == 552 * 4
    assert found.activation_bytes == 80 * 3 + 120
    assert found.samples_per_parameter == 1000 / 548
    assert found.inputs == ((5, 2, 3),)


def test_the_table():
    assert str(nn.summary(Net(), (5, 2, 3), samples=1000)) == repr(nn.summary(Net(), (5, 2, 3), samples=1000)) == TABLE


TABLE = """\
  layer        class    output          parameters   bytes  activation bytes
  body.0       Flatten  (5, 6)                   0       0                 0
  body.1       Linear   (5, 4)                  28     112                80
  body.2       ReLU     (5, 4)                   0       0                 0
  shared       Linear   (5, 4)                  20      80                80
  shared       Linear   (5, 4)              shared  shared                80
  (the model)  Net      (5, 4), (5, 2)           4      16               120
  unused       Linear   not called             500   2,000                 0

  input        (5, 2, 3)
  parameters   552, 2.21 KB
  trainable    552
  activations  360 bytes
  samples      1,000, 1.81 for each trainable parameter"""


def test_nothing_is_changed():
    net, seen = Net(), []
    net.body[1].eval()
    net.shared.register_forward_hook(lambda m, args, out: seen.append(out.shape))
    net(fg.ones(5, 2, 3))[0].sum().backward()
    hooks = {name: m.__dict__.get("_hooks", "none") for name, m in net.named_modules()}
    modes = {name: m.training for name, m in net.named_modules()}
    before, grads = net.state_dict(), [None if p.grad is None else p.grad.data.copy() for p in net.parameters()]
    arrays = [p.data for p in net.parameters()]
    fg.manual_seed(3)
    expected = fg.rand(4).tolist()
    fg.manual_seed(3)
    nn.summary(net, fg.ones(5, 2, 3))
    assert fg.rand(4).tolist() == expected
    assert net.modes[-1] == (False, False, False)
    assert fg.is_grad_enabled()
    assert {name: m.training for name, m in net.named_modules()} == modes
    assert {name: m.__dict__.get("_hooks", "none") for name, m in net.named_modules()} == hooks
    assert net.shared._hooks.after
    assert len(net.shared._hooks.after) == 1
    assert len(seen) == 4, "the model's own hooks run"
    for p, a, g in zip(net.parameters(), arrays, grads, strict=True):
        assert p.data is a
        assert p.requires_grad
        assert (p.grad is None) == (g is None)
        if g is not None:
            assert_bits(p.grad.data, g)
    for name, value in net.state_dict().items():
        assert_bits(value, before[name])
    copy.deepcopy(nn.Sequential(net.body))


def test_an_error_in_the_model_leaves_it_as_it_was():
    net = Net()
    with pytest.raises(ValueError, match="linear"):
        nn.summary(net, (5, 7))
    assert all(m.training for m in net.modules())
    assert all("_hooks" not in m.__dict__ for m in net.modules())
    assert fg.is_grad_enabled()


def test_kinds_of_input():
    net = Net().double()
    assert nn.summary(net, [(5, 2, 3), (5, 4)]).inputs == ((5, 2, 3), (5, 4))
    assert nn.summary(net, (fg.ones(5, 2, 3, dtype="float64"), np.ones((5, 4)))).rows[-2].output == (5, 4)
    assert nn.summary(net, np.ones((2, 6))).parameter_bytes == 552 * 8
    table = nn.summary(nn.Embedding(10, 4), (3, 2), dtype="int64")
    assert (table.rows[0].output, table.rows[0].name) == ((3, 2, 4), "(the model)")
    assert table.samples_per_parameter is None
    frozen = nn.summary(nn.Linear(2, 2).requires_grad_(False), (1, 2), samples=9)
    assert frozen.samples_per_parameter is None
    assert "9, nothing to train" in str(frozen)
    assert nn.summary(nn.ReLU(), (0, 3)).activation_bytes == 0


def test_refusals():
    with pytest.raises(TypeError, match=r"summary: an input is a tensor, an array, or a shape such as \(32, 784\)"):
        nn.summary(Net(), "ab")
    with pytest.raises(TypeError, match="summary: takes a Module and its input, not a function"):
        nn.summary(lambda x: x, (1, 2))
    net = nn.Linear(2, 2)
    step = fg.capture(lambda x: nn.summary(net, x) and net(x))
    with pytest.raises(fg.CaptureError, match=r"nn.summary cannot be captured.*outside the step"):
        step(fg.ones(1, 2))


def test_it_is_loaded_when_it_is_asked_for(python):
    code = "import sys, fastgrad; print(any(m.endswith(('nn.summaries', 'nn.monitor', 'nn.drawing')) for m in sys.modules))"
    assert python(code).strip() == "False"
    assert "summary" in dir(nn)
