"""Modules: registration, names, saving, and a network against the same network in NumPy."""

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import nn
from fastgrad.testing import assert_bits, assert_close


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 3)
        self.rest = nn.Sequential(nn.ReLU(), nn.Linear(3, 2, bias=False))
        self.scale = nn.Parameter([1.0, 2.0])
        self.plain = fg.tensor([5.0])

    def forward(self, x):
        return self.rest(self.first(x)) * self.scale


NAMES = ["scale", "first.weight", "first.bias", "rest.1.weight"]


def test_parameters_by_name():
    net = Net()
    assert [n for n, _ in net.named_parameters()] == NAMES
    assert [p.shape for p in net.parameters()] == [(2,), (3, 4), (3,), (2, 3)]
    assert all(p.requires_grad and isinstance(p, nn.Parameter) for p in net.parameters())
    assert [n for n, _ in net.named_modules()] == ["", "first", "rest", "rest.0", "rest.1"]
    assert len(list(net.children())) == 2


def test_a_shared_parameter_is_one():
    net = Net()
    net.rest[1].weight = net.first.weight
    assert [n for n, _ in net.named_parameters()] == ["scale", "first.weight", "first.bias"]


def test_attributes_replace_each_other():
    net = Net()
    net.first = nn.Parameter([1.0])
    assert [n for n, _ in net.named_parameters()] == ["scale", "first", "rest.1.weight"]
    net.first = None
    del net.scale
    assert [n for n, _ in net.named_parameters()] == ["rest.1.weight"]
    net.register_parameter("extra", nn.Parameter([1.0]))
    net.add_module("more", nn.Linear(1, 1))
    assert "extra" in dict(net.named_parameters())

    class Forgetful(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match=r"Forgetful: call super\(\).__init__\(\) before setting layer"):
        Forgetful()
    with pytest.raises(NotImplementedError, match="Module does not define forward"):
        nn.Module()(1)


def test_training_mode_reaches_every_module():
    net = Net()
    assert net.training
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    net.train()
    assert all(m.training for m in net.modules())


def test_zero_grad_and_freezing():
    net = Net()
    net(fg.tensor([[1.0, 2.0, 3.0, 4.0]])).sum().backward()
    held = net.scale.grad
    net.zero_grad(set_to_none=False)
    assert held.tolist() == [0, 0]
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    net.requires_grad_(False)
    assert not net(fg.tensor([[1.0, 2.0, 3.0, 4.0]])).requires_grad


def test_apply_goes_inside_out():
    seen = []
    net = Net()
    assert net.apply(lambda m: seen.append(type(m).__name__)) is net
    assert seen == ["Linear", "ReLU", "Linear", "Sequential", "Net"]


def test_repr_shows_the_tree():
    assert repr(Net()) == (
        "Net(\n  (first): Linear(in_features=4, out_features=3, bias=True)\n  (rest): Sequential(\n    (0): ReLU()\n"
        "    (1): Linear(in_features=3, out_features=2, bias=False)\n  )\n)"
    )


# -- saving ------------------------------------------------------------------------------------------------------------
def test_state_dict_round_trip():
    a, b = Net(), Net()
    saved = a.state_dict()
    assert list(saved) == NAMES
    memory = [p.data for p in b.parameters()]
    assert b.load_state_dict(saved) == ([], [])
    for p, q, m in zip(a.parameters(), b.parameters(), memory, strict=True):
        assert_bits(p.data, q.data)
        assert q.data is m, "values are copied in: optimizers and captured steps keep the array"
    saved["scale"][:] = 99
    assert a.scale.tolist() == [1, 2], "what was saved is a copy"


def test_loading_checks_everything_before_it_changes_anything():
    net = Net()
    before = net.state_dict()
    missing = {n: v + 1 for n, v in before.items() if n != "first.bias"} | {"other": np.ones(1)}
    with pytest.raises(KeyError, match=r"missing \['first.bias'\], unexpected \['other'\]"):
        net.load_state_dict(missing)
    wrong = {n: v + 1 for n, v in before.items()} | {"rest.1.weight": np.ones((3, 2), np.float32)}
    with pytest.raises(ValueError, match=r"rest.1.weight has shape \(3, 2\), the module's \(2, 3\)"):
        net.load_state_dict(wrong)
    uncastable = {n: v + 1 for n, v in before.items()} | {"rest.1.weight": np.ones((2, 3), np.complex64)}
    with pytest.raises(TypeError, match=r"rest.1.weight is complex64, which does not become float32"):
        net.load_state_dict(uncastable)
    for name, p in net.named_parameters():
        assert_bits(p.data, before[name], name)
    assert net.load_state_dict(missing, strict=False) == (["first.bias"], ["other"])
    assert net.scale.tolist() == [2, 3]


def test_dtypes_of_a_module():
    net = Net().double()
    assert {p.dtype for p in net.parameters()} == {np.dtype(np.float64)}
    assert net(fg.from_numpy(np.ones((1, 4)))).dtype == np.float64
    net.load_state_dict(Net().state_dict())
    assert {p.dtype for p in net.float().parameters()} == {np.dtype(np.float32)}
    assert nn.Linear(2, 2, dtype=np.float64).weight.dtype == np.float64


# -- layers ------------------------------------------------------------------------------------------------------------
def test_linear_starts_like_pytorchs():
    fg.manual_seed(3)
    layer = nn.Linear(400, 300)
    bound = 1 / 20
    for p in (layer.weight, layer.bias):
        assert np.abs(p.data).max() <= bound
        assert np.abs(p.data).max() > 0.9 * bound
        assert abs(p.data.mean()) < 5 * bound / np.sqrt(
            3 * p.numel()
        )  # five standard errors of a uniform number's mean
    fg.manual_seed(3)
    assert_bits(nn.Linear(400, 300).weight.data, layer.weight.data)
    assert nn.Linear(3, 2, bias=False).bias is None
    assert nn.Linear(0, 2)(fg.tensor(np.ones((1, 0), np.float32))).shape == (1, 2)


@pytest.mark.parametrize("shape", [(4,), (1, 4), (5, 4), (2, 3, 4), (0, 4)])
def test_linear(shape, rng):
    layer = nn.Linear(4, 3).double()
    x = rng.standard_normal(shape)
    w, b = layer.weight.data, layer.bias.data
    assert_close(layer(fg.from_numpy(x)).data, x @ w.T + b, "product", n=4, scale=np.abs(x) @ np.abs(w).T + np.abs(b))


def test_a_network_against_numpy(rng):
    """Forward, backward and an update of a small classifier, written a second time in NumPy."""
    net = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3)).double()
    x, t = rng.standard_normal((6, 5)), rng.integers(0, 3, 6)
    w1, b1, w2, b2 = (p.data.copy() for p in net.parameters())
    loss = nn.CrossEntropyLoss()(net(fg.from_numpy(x)), fg.from_numpy(t))
    loss.backward()

    h = np.tanh(x @ w1.T + b1)
    z = h @ w2.T + b2
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    assert loss.item() == pytest.approx(-np.log(p[np.arange(6), t]).mean(), rel=1e-13)
    dz = (p - np.eye(3)[t]) / 6
    dh = dz @ w2 * (1 - h**2)
    for parameter, expected in zip(net.parameters(), (dh.T @ x, dh.sum(0), dz.T @ h, dz.sum(0)), strict=True):
        assert_close(parameter.grad.data, expected, "gradient", scale=np.abs(expected).max())
    fg.optim.SGD(net.parameters(), lr=0.5).step()
    assert_close(net[0].weight.data, w1 - 0.5 * dh.T @ x, "gradient", scale=1.0)
    assert_close(net[2].bias.data, b2 - 0.5 * dz.sum(0), "gradient", scale=1.0)


def test_activations_and_losses_are_their_functions(rng):
    x, y = fg.from_numpy(rng.standard_normal((3, 4))), fg.from_numpy(rng.standard_normal((3, 4)))
    t = fg.tensor([0, 3, 1])
    F = nn.functional
    pairs = [
        (nn.ReLU()(x), F.relu(x)),
        (nn.Sigmoid()(x), F.sigmoid(x)),
        (nn.Tanh()(x), F.tanh(x)),
        (nn.Softmax(0)(x), F.softmax(x, 0)),
        (nn.MSELoss()(x, y), F.mse_loss(x, y)),
        (nn.MSELoss("none")(x, y), F.mse_loss(x, y, reduction="none")),
        (nn.CrossEntropyLoss(reduction="sum")(x, t), F.cross_entropy(x, t, reduction="sum")),
        (nn.Flatten()(x), x.reshape(3, 4)),
    ]
    for a, b in pairs:
        assert_bits(a.data, b.data)
    assert F.mse_loss(x, y).item() == pytest.approx(((x.data - y.data) ** 2).mean(), rel=1e-14)
    assert nn.Flatten()(fg.from_numpy(np.zeros((2, 3, 4)))).shape == (2, 12)


def test_softmax_and_cross_entropy_do_not_overflow():
    x = fg.tensor([[1e4, 0.0, -1e4], [np.inf, 0.0, 0.0]])
    assert nn.functional.softmax(x[:1], 1).tolist() == [[1, 0, 0]]
    assert nn.functional.cross_entropy(x[:1], fg.tensor([2])).item() == 2e4
    assert np.isnan(nn.functional.cross_entropy(x[1:], fg.tensor([0])).item())


def test_sequential():
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    assert len(net) == 3
    assert [type(m).__name__ for m in net] == ["Linear", "ReLU", "Linear"]
    assert net[-1] is list(net)[2]
    assert len(net[:2]) == 2
    assert net[:2][0] is net[0]
    with pytest.raises(TypeError, match="Sequential: argument 1 is a function, not a Module"):
        nn.Sequential(nn.ReLU(), lambda x: x)


def test_initial_values(rng):
    t = fg.tensor(np.zeros(10_000))
    nn.init.normal_(t, mean=2.0, std=3.0, generator=np.random.Generator(np.random.Philox(1)))
    assert abs(t.data.mean() - 2) < 0.15  # five standard errors
    assert abs(t.data.std() - 3) < 0.11
    assert nn.init.zeros_(t).data.max() == 0
    assert nn.init.constant_(t, 4.0).data.min() == 4
    with pytest.raises(ValueError, match="a must not exceed b, a = 1, b = 0"):
        nn.init.uniform_(t, 1, 0)
    with pytest.raises(ValueError, match="std must be at least 0, not -1"):
        nn.init.normal_(t, std=-1)
    assert t.data.min() == 4


def test_seeds():
    fg.manual_seed(5)
    a = nn.Linear(3, 3).weight.data.copy()
    state = fg.random.get_state()
    b = nn.Linear(3, 3).weight.data.copy()
    assert not np.array_equal(a, b)
    fg.random.set_state(state)
    assert_bits(nn.Linear(3, 3).weight.data, b)
    fg.manual_seed(5)
    assert_bits(nn.Linear(3, 3).weight.data, a)
    assert fg.random.initial_seed() == 5
    for bad in (-1, 1.5, "x"):
        with pytest.raises(ValueError, match="seed must be a non-negative integer"):
            fg.manual_seed(bad)
    assert fg.random.initial_seed() == 5


def test_relu_in_place(rng):
    x = fg.from_numpy(rng.standard_normal((5, 4)).astype(np.float32))
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(inplace=True), nn.Linear(3, 2))
    plain = nn.Sequential(net[0], nn.ReLU(), net[2])
    slopes = [fg.grad(n(x).sum(), list(n.parameters())) for n in (net, plain)]
    for found, expected in zip(*slopes, strict=True):
        assert_bits(found.data, expected.data)
    assert nn.functional.relu(x, inplace=True) is x
    assert x.amin().item() == 0
    assert repr(net[1]) == "ReLU(inplace=True)"
    with pytest.raises(RuntimeError, match="leaf"):
        nn.functional.relu(fg.ones(2, requires_grad=True), inplace=True)
