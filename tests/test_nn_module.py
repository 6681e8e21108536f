"""Module and its containers as PyTorch has them: names, parts, copies, pickles, prints, states."""

import copy
import importlib.util
import pickle
from collections import OrderedDict

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import nn
from fastgrad.testing import assert_bits

torch = None
if importlib.util.find_spec("torch") is not None:
    import torch

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed: nothing to compare with")
BOTH = [pytest.param("fastgrad"), pytest.param("torch", marks=needs_torch)]


@pytest.fixture(params=BOTH)
def lib(request):
    """fastgrad, and then torch: what a test says of one must be true of the other."""
    return {"fastgrad": fg, "torch": torch}[request.param]


def make(lib):
    """Names, a shared module, a shared parameter, parts in every container."""

    class Net(lib.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = lib.nn.Linear(4, 4)
            self.again = self.first
            self.blocks = lib.nn.ModuleList([lib.nn.Linear(4, 4), lib.nn.Sequential(lib.nn.ReLU(), self.first)])
            self.heads = lib.nn.ModuleDict({"a": lib.nn.Linear(4, 2), "b": lib.nn.Tanh()})
            self.scale = lib.nn.Parameter(lib.ones(2))
            self.tied = self.blocks[0].weight
            self.more = lib.nn.ParameterList([lib.nn.Parameter(lib.zeros(3)), lib.nn.Parameter(lib.ones(2, 2))])
            self.named = lib.nn.ParameterDict({"left": lib.nn.Parameter(lib.zeros(1))})

        def forward(self, x):
            return self.heads["b"](self.heads["a"](self.blocks[1](self.again(x)))) * self.scale

    return Net()


# Read off PyTorch 2.13, which the same tests run where it is installed.
PARAMETERS = ["scale", "tied", "first.weight", "first.bias", "blocks.0.bias", "heads.a.weight", "heads.a.bias"]
PARAMETERS += ["more.0", "more.1", "named.left"]
MODULES = ["", "first", "blocks", "blocks.0", "blocks.1", "blocks.1.0", "heads", "heads.a", "heads.b", "more", "named"]


def test_names(lib):
    net = make(lib)
    assert [n for n, _ in net.named_parameters()] == PARAMETERS
    assert [n for n, _ in net.named_modules()] == MODULES
    assert len(list(net.modules())) == len(MODULES)
    assert [n for n, _ in net.named_children()] == ["first", "blocks", "heads", "more", "named"]
    assert len(list(net.children())) == 5
    assert [n for n, _ in net.named_parameters(recurse=False)] == ["scale", "tied"]
    assert len(list(net.parameters(recurse=False))) == 2
    assert [n for n, _ in net.named_parameters(prefix="net")][:3] == ["net.scale", "net.tied", "net.first.weight"]
    assert [n for n, _ in net.named_modules(prefix="net")][:2] == ["net", "net.first"]
    assert [n for n, _ in net.named_modules(memo={net.blocks})] == [n for n in MODULES if not n.startswith("blocks")]
    every = [n for n, _ in net.named_modules(remove_duplicate=False)]
    assert len(every) == len(MODULES) + 2
    assert {"again", "blocks.1.1"} <= set(every)
    names = [n for n, _ in net.named_parameters(remove_duplicate=False)]
    assert {"again.weight", "blocks.1.1.bias", "blocks.0.weight"} <= set(names)
    assert sorted(net.state_dict()) == sorted(names)


def test_parts_by_name(lib):
    net = make(lib)
    assert net.get_submodule("") is net
    assert net.get_submodule("blocks.1.0") is net.blocks[1][0]
    assert net.get_parameter("blocks.1.1.bias") is net.first.bias
    assert net.get_parameter("scale") is net.scale
    with pytest.raises(AttributeError):
        net.get_submodule("blocks.7")
    with pytest.raises(AttributeError):
        net.get_parameter("first.wieght")
    tanh = lib.nn.Tanh()
    net.set_submodule("blocks.1.0", tanh)
    assert net.blocks[1][0] is tanh
    net.register_module("late", tanh)
    assert net.late is tanh


def test_what_is_missing_is_named():
    net = make(fg)
    with pytest.raises(AttributeError, match=r"get_submodule: blocks has no module '7', but \['0', '1'\]"):
        net.get_submodule("blocks.7.weight")
    with pytest.raises(
        AttributeError, match=r"get_parameter: first has no parameter 'wieght', but \['weight', 'bias'\]"
    ):
        net.get_parameter("first.wieght")


@pytest.mark.parametrize("method", ["add_module", "register_parameter"])
def test_names_are_refused(lib, method):
    net = make(lib)
    thing = lib.nn.Tanh() if method == "add_module" else lib.nn.Parameter(lib.ones(1))
    for bad in ("", "a.b", "training", "forward"):
        with pytest.raises(KeyError):
            getattr(net, method)(bad, thing)
    with pytest.raises(TypeError):
        getattr(net, method)(3, thing)
    with pytest.raises(TypeError):
        getattr(net, method)("good", 3)
    getattr(net, method)("good", thing)
    assert net.good is thing
    getattr(net, method)("good", None)


def test_attributes_replace_each_other(lib):
    net = make(lib)
    net.scale = lib.nn.Parameter(lib.zeros(2))
    assert net.get_parameter("scale") is net.scale
    with pytest.raises(TypeError):
        net.scale = lib.ones(2)
    net.first = None
    assert "first" not in dict(net.named_children())
    del net.heads
    assert not hasattr(net, "heads")
    with pytest.raises(AttributeError):
        del net.heads
    net.fresh = 3
    del net.fresh
    assert not hasattr(net, "fresh")
    del net.scale
    assert [n for n, _ in net.named_parameters()][:2] == ["tied", "again.weight"]


def test_train_eval_and_freezing(lib):
    net = make(lib)
    net.blocks.eval()
    assert net.training
    assert not net.blocks[1][0].training
    assert not net.first.training, "it is a part of blocks, too"
    assert net.train() is net
    assert all(m.training for m in net.modules())
    net.blocks.requires_grad_(False)
    assert [n for n, p in net.named_parameters() if not p.requires_grad] == [
        "tied", "first.weight", "first.bias", "blocks.0.bias",
    ]  # fmt: skip
    net(lib.ones(1, 4)).sum().backward()
    assert net.first.weight.grad is None
    assert net.scale.grad is not None


@pytest.mark.parametrize("mode", [None, "eval", 1])
def test_train_takes_a_truth_value(mode):
    with pytest.raises(TypeError, match="train: mode is True or False"):
        nn.Linear(1, 1).train(mode)


def test_casts(lib):
    net = make(lib)
    net(lib.ones(1, 4)).sum().backward()
    held = net.scale
    assert net.double() is net
    assert net.scale is held
    assert {p.dtype for p in net.parameters()} == {lib.float64}
    assert net.scale.grad.dtype == lib.float64
    assert net(lib.ones(1, 4, dtype=lib.float64)).dtype == lib.float64
    assert net.type(lib.float32).scale.dtype == lib.float32
    assert net.half().scale.dtype == lib.float16
    assert net.to(lib.float32).to("cpu").to("cpu", lib.float64).scale.dtype == lib.float64
    with pytest.raises(TypeError):
        net.to(lib.int64)


def test_a_cast_to_the_same_dtype_keeps_the_memory():
    net = make(fg)
    before = [p.data for p in net.parameters()]
    net.float().to(np.float32).cpu()
    assert all(p.data is a for p, a in zip(net.parameters(), before, strict=True))


def test_copies_and_pickles(lib):
    net = make(lib)
    net(lib.ones(1, 4)).sum().backward()
    twin = copy.deepcopy(net)
    assert twin.again is twin.first, "what is shared is shared in the copy"
    assert twin.tied is twin.blocks[0].weight
    assert twin.first is not net.first
    x = lib.ones(2, 4)
    assert (twin(x) == net(x)).all()
    twin.scale.data[:] = 5
    assert not (net.scale == 5).any()
    layer = lib.nn.Sequential(lib.nn.Linear(4, 3), lib.nn.ModuleList([lib.nn.Tanh()])).eval()
    back = pickle.loads(pickle.dumps(layer))
    assert not back[1][0].training
    assert (back[0](x) == layer[0](x)).all()
    assert [n for n, _ in back.named_parameters()] == ["0.weight", "0.bias"]


# -- containers --------------------------------------------------------------------------------------------------------
def types(container):
    return [type(m).__name__ for m in container]


def test_sequential(lib):
    nn = lib.nn
    net = nn.Sequential(OrderedDict(body=nn.Linear(4, 3), bend=nn.ReLU()))
    assert net.body is net[0]
    assert net.append(nn.Linear(3, 2)) is net
    assert [n for n, _ in net.named_children()] == ["body", "bend", "2"]
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    first, last = net[0], net[-1]
    net.insert(1, nn.Tanh())
    assert types(net) == ["Linear", "Tanh", "ReLU", "Linear"]
    assert [n for n, _ in net.named_children()] == ["0", "1", "2", "3"]
    del net[1]
    assert [n for n, _ in net.named_children()] == ["0", "1", "2"]
    assert net[0] is first
    assert net[2] is last
    net[1] = nn.Sigmoid()
    assert types(net) == ["Linear", "Sigmoid", "Linear"]
    assert types(net[1:]) == ["Sigmoid", "Linear"]
    assert [n for n, _ in net[1:].named_children()] == ["1", "2"], "a slice keeps the names"
    assert net.pop(1) is not None
    assert len(net) == 2
    net.extend([nn.Tanh(), nn.ReLU()])
    net += nn.Sequential(nn.Identity())
    assert types(net) == ["Linear", "Linear", "Tanh", "ReLU", "Identity"]
    assert types(net + nn.Sequential(nn.Tanh())) == ["Linear", "Linear", "Tanh", "ReLU", "Identity", "Tanh"]
    assert len(net) == 5
    del net[1:4]
    assert types(net) == ["Linear", "Identity"]
    with pytest.raises(IndexError):
        net[2]
    net.add_module("end", nn.Tanh())
    assert net.end is net[2]
    assert len(nn.Sequential()) == 0


def test_module_list(lib):
    nn = lib.nn
    layers = nn.ModuleList([nn.Linear(2, 2), nn.Tanh()])
    assert layers.append(nn.ReLU()) is layers
    layers.extend([nn.Identity()])
    layers.insert(0, nn.Flatten())
    assert types(layers) == ["Flatten", "Linear", "Tanh", "ReLU", "Identity"]
    layers[1] = nn.Sigmoid()
    assert type(layers[1:3]) is nn.ModuleList
    assert [n for n, _ in layers[1:3].named_children()] == ["0", "1"]
    del layers[-1]
    layers += [nn.Tanh()]
    assert types(layers) == ["Flatten", "Sigmoid", "Tanh", "ReLU", "Tanh"]
    assert isinstance(layers.pop(0), nn.Flatten)
    assert len(layers) == 4
    assert layers[-1] in list(layers)
    assert types(layers + nn.ModuleList([nn.ReLU()]))[-1] == "ReLU"
    with pytest.raises(NotImplementedError):
        layers(1)
    with pytest.raises(TypeError):
        layers.append(lambda x: x)


def test_module_dict(lib):
    nn = lib.nn
    heads = nn.ModuleDict({"a": nn.Linear(2, 1), "b": nn.Tanh()})
    heads["c"] = nn.ReLU()
    heads.update({"a": nn.Sigmoid()})
    heads.update([("d", nn.Identity())])
    assert list(heads) == list(heads.keys()) == ["a", "b", "c", "d"]
    assert [type(m).__name__ for m in heads.values()] == ["Sigmoid", "Tanh", "ReLU", "Identity"]
    assert dict(heads.items())["b"] is heads["b"]
    assert "b" in heads
    assert len(heads) == 4
    del heads["b"]
    assert isinstance(heads.pop("c"), nn.ReLU)
    assert list(heads) == ["a", "d"]
    with pytest.raises(KeyError):
        heads["b"]
    with pytest.raises(KeyError):
        heads["train"] = nn.ReLU()
    with pytest.raises(TypeError):
        heads["x"] = 3
    heads.clear()
    assert len(heads) == 0
    assert dict(heads.named_children()) == {}


def test_parameter_list_and_dict(lib):
    nn = lib.nn
    values = nn.ParameterList([lib.zeros(2), nn.Parameter(lib.ones(3))])
    assert isinstance(values[0], nn.Parameter)
    assert values.append(lib.ones(1)) is values
    values.extend([lib.ones(4)])
    values += [lib.ones(5)]
    assert [tuple(p.shape) for p in values] == [(2,), (3,), (1,), (4,), (5,)]
    values[0] = nn.Parameter(lib.ones(7))
    assert tuple(values[-5].shape) == (7,)
    assert [n for n, _ in values.named_parameters()] == ["0", "1", "2", "3", "4"]
    assert type(values[1:3]) is nn.ParameterList
    named = nn.ParameterDict({"a": lib.zeros(2)})
    named["b"] = nn.Parameter(lib.ones(1))
    assert [n for n, _ in named.named_parameters()] == ["a", "b"]
    assert "a" in named
    assert named.get("q") is None
    assert tuple(named.pop("a").shape) == (2,)
    assert list(named.keys()) == ["b"]
    named.clear()
    assert len(named) == 0


def test_shapes_of_flatten_and_unflatten(lib):
    x = lib.ones(2, 3, 4, 5)
    assert tuple(lib.nn.Flatten()(x).shape) == (2, 60)
    assert tuple(lib.nn.Flatten(0, 2)(x).shape) == (24, 5)
    assert tuple(lib.nn.Unflatten(1, (3, 1))(x).shape) == (2, 3, 1, 4, 5)
    assert tuple(lib.nn.Unflatten(-1, (-1, 5))(x).shape) == (2, 3, 4, 1, 5)
    assert lib.nn.Identity(3, unused=4)(x) is x


def test_names_that_are_given_stay_and_none_is_lost():
    a = nn.Sequential({"body": nn.Linear(2, 2), "bend": nn.ReLU()})
    both = a + nn.Sequential({"body": nn.Linear(2, 2), "end": nn.Tanh()})
    assert [n for n, _ in both.named_children()] == ["body", "bend", "2", "end"]
    assert types(both) == ["Linear", "ReLU", "Linear", "Tanh"]
    del both[0]
    assert [n for n, _ in both.named_children()] == ["bend", "1", "end"]
    assert [n for n, _ in both[1:].append(nn.ReLU()).named_children()] == ["0", "end", "2"]
    shared = nn.Tanh()
    assert len(nn.Sequential(shared, nn.ReLU(), shared)) == 3


def test_what_a_list_of_parameters_refuses():
    with pytest.raises(TypeError, match="register_parameter: 0 is a list"):
        nn.ParameterList([[1.0, 2.0]])
    with pytest.raises(TypeError, match="add_module: x is a int, not a Module"):
        nn.ModuleDict({"x": 3})
    with pytest.raises(TypeError, match="ModuleList: argument 1 is a function, not a Module"):
        nn.ModuleList([nn.ReLU(), lambda x: x])
    with pytest.raises(KeyError, match=r"ModuleDict: no 'b', there are \['a'\]"):
        del nn.ModuleDict({"a": nn.ReLU()})["b"]
    net = nn.Sequential(nn.ReLU())
    with pytest.raises(IndexError, match="Sequential: insert at 3, of 1 modules"):
        net.insert(3, nn.ReLU())
    with pytest.raises(TypeError, match="Sequential: an index is an integer or a slice, not 'a'"):
        net["a"]
    with pytest.raises(TypeError, match="Sequential: argument 2 is a int"):
        net.extend([nn.Tanh(), 3])
    assert len(net) == 1, "nothing was added"
    with pytest.raises(TypeError, match="unsupported operand"):
        net + 3


# -- prints ------------------------------------------------------------------------------------------------------------
def test_repr_is_pytorchs(lib):
    nn = lib.nn

    class Block(nn.Module):
        def __init__(self, extra):
            super().__init__()
            self.body, self.extra = nn.Linear(2, 2, bias=False), extra
            self.none = nn.ModuleList()

        def extra_repr(self):
            return self.extra

    net = nn.Sequential(
        Block("width=3"),
        Block("width=3,\ndepth=4"),
        Block(""),
        nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2)]),
        nn.Embedding(4, 3, padding_idx=1),
        nn.Flatten(),
        nn.Unflatten(1, (2, 3)),
        nn.ModuleDict({"soft": nn.Softmax(dim=1)}),
    )
    assert repr(net) == REPR


REPR = """Sequential(
  (0): Block(
    width=3
    (body): Linear(in_features=2, out_features=2, bias=False)
    (none): ModuleList()
  )
  (1): Block(
    width=3,
    depth=4
    (body): Linear(in_features=2, out_features=2, bias=False)
    (none): ModuleList()
  )
  (2): Block(
    (body): Linear(in_features=2, out_features=2, bias=False)
    (none): ModuleList()
  )
  (3): ModuleList(
    (0-1): 2 x Linear(in_features=2, out_features=2, bias=True)
    (2): Tanh()
    (3): Linear(in_features=2, out_features=2, bias=True)
  )
  (4): Embedding(4, 3, padding_idx=1)
  (5): Flatten(start_dim=1, end_dim=-1)
  (6): Unflatten(dim=1, unflattened_size=(2, 3))
  (7): ModuleDict(
    (soft): Softmax(dim=1)
  )
)"""


# -- states ------------------------------------------------------------------------------------------------------------
def test_a_state_with_shared_parameters_is_loaded():
    a, b = make(fg), make(fg)
    found = b.load_state_dict(a.state_dict())
    assert found == ([], [])
    assert found.missing_keys == []
    x = fg.ones(2, 4)
    assert_bits(a(x).data, b(x).data)


def test_all_shapes_that_differ_are_named():
    a, b = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)), nn.Sequential(nn.Linear(2, 4), nn.Linear(4, 1))
    with pytest.raises(
        ValueError, match=r"0.weight has shape \(3, 2\), the module's \(4, 2\); 0.bias .*; 1.weight has"
    ):
        b.load_state_dict(a.state_dict())


def test_names_of_a_wrapped_model():
    net = nn.Linear(2, 1)
    wrapped = {"module." + name: v for name, v in net.state_dict().items()}
    with pytest.raises(KeyError, match=r"missing .*; the state's names have 'module.' before them"):
        net.load_state_dict(wrapped)
    with pytest.raises(KeyError, match=r"; the state's names lack '0.' before them"):
        nn.Sequential(net).load_state_dict(net.state_dict())


@needs_torch
def test_a_state_of_pytorch_gives_the_same_outputs(rng):
    theirs, ours = make(torch).double(), make(fg).double()
    x = rng.standard_normal((5, 4))
    expected = theirs(torch.from_numpy(x)).detach().numpy()
    for state in (theirs.state_dict(), {k: v.numpy() for k, v in theirs.state_dict().items()}):
        for p in ours.parameters():
            p.data[:] = 0
        assert ours.load_state_dict(state) == ([], [])
        np.testing.assert_allclose(ours(fg.from_numpy(x)).data, expected, rtol=1e-10, atol=1e-12)
    theirs.load_state_dict({k: torch.from_numpy(v) for k, v in ours.state_dict().items()})


@needs_torch
def test_the_gradients_are_pytorchs(rng):
    theirs, ours = make(torch).double(), make(fg).double()
    ours.load_state_dict(theirs.state_dict())
    x = rng.standard_normal((5, 4))
    theirs(torch.from_numpy(x)).pow(2).sum().backward()
    (ours(fg.from_numpy(x)) ** 2).sum().backward()
    for (name, p), (other, q) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert name == other
        assert (p.grad is None) == (q.grad is None), name
        if p.grad is not None:
            np.testing.assert_allclose(p.grad.data, q.grad.numpy(), rtol=1e-10, atol=1e-12, err_msg=name)
