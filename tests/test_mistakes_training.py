"""Mistakes in training: losses, gradients, hooks, Functions, modules, optimizers, names that only PyTorch has.

A row: the mistake, the exception, what the text must name and tell to do. A generator prepares until its yield; the
mistake is what follows. After it nothing has changed: values, gradients, the optimizer's state, the thread's switches.
"""

import copy
import inspect
import math

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import missing, nn, optim
from fastgrad.testing import assert_bits

F = nn.functional


def t(*shape, grad=False, dtype=np.float32):
    return fg.from_numpy(np.ones(shape, dtype)).requires_grad_(grad)


class World:
    """A small training that has made one step."""

    def __init__(self):
        fg.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
        self.x, self.target, self.w = t(5, 3), fg.tensor([0, 1, 1, 0, 1]), t(2, 3, grad=True)
        self.optimizer = optim.Adam(self.net.parameters(), lr=0.1)
        F.cross_entropy(self.net(self.x), self.target).backward()
        self.optimizer.step()

    def seen(self):
        tensors = {"x": self.x, "target": self.target, "w": self.w, **dict(self.net.named_parameters())}
        return {
            "tensors": {
                name: (p.data.copy(), p.requires_grad, None if p.grad is None else p.grad.data.copy())
                for name, p in tensors.items()
            },
            "modules": [(name, type(m), m.training) for name, m in self.net.named_modules()],
            "optimizer": self.optimizer.state_dict(),
            "grad": fg.is_grad_enabled(),
        }


def assert_same(a, b):
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert list(a) == list(b)
        a, b = list(a.values()), list(b.values())
    if isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert_same(one, other)
    elif isinstance(a, np.ndarray):
        assert_bits(a, b)
    else:
        assert a == b


# -- the mistakes that need more than a line ---------------------------------------------------------------------------
def step_before_the_second_backward(world):
    first, second = (world.net(world.x).sum() for _ in range(2))
    first.backward()
    world.optimizer.step()
    yield
    second.backward()


def hidden_state_kept(world):
    h = world.w * 1.0
    h = h * world.w
    h.sum().backward()
    yield
    (h * 2.0).sum().backward()


def generator_used_up(world):
    parameters = world.net.parameters()
    assert sum(p.numel() for p in parameters) == 26
    yield
    optim.SGD(parameters, lr=0.1)


def generator_used_up_in_a_group(world):
    parameters = world.net.parameters()
    list(parameters)
    yield
    world.optimizer.add_param_group({"params": parameters})


def layers_in_a_list(world):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(1, 1)]

    optim.SGD(Net().parameters(), lr=0.1)


def no_super_and_no_parameters(world):
    class Net(nn.Module):
        def __init__(self):
            self.size = 3

    net = Net()
    yield
    list(net.parameters())


def no_forward(world):
    class Net(nn.Module):
        def fowrard(self, x):
            return x

    Net()(world.x)


def a_number_for_a_module(world):
    setattr(world.net, "0", 3)


def missing_name(world):
    world.net.load_state_dict({k: v for k, v in world.net.state_dict().items() if k != "2.bias"})


def other_size(world):
    world.net.load_state_dict({**world.net.state_dict(), "2.bias": np.ones(7, np.float32)})


def hook_that_returns_a_number(world):
    y = world.w * 2
    y.register_hook(lambda g: 3.0)
    yield
    y.sum().backward()


class Scaled(fg.autograd.Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.factor = factor
        return x * factor

    @staticmethod
    def backward(ctx, dout):
        return dout * ctx.factor, t(2)


class Flat(fg.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, dout):
        return t(7)


class Forward(fg.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2


class Arrays(fg.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.data * 2


class Kept(fg.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x.data)
        return x * 2


def captured_step_that_reads(read):
    def mistake(world):
        step = fg.capture(lambda x: (read(x), x * 2)[1])
        yield
        step(world.x)

    return mistake


MISTAKES = {
    # losses
    "made and called at once": (
        lambda w: nn.MSELoss(w.x, w.x),
        TypeError,
        r"MSELoss\(input, target\)",
        r"MSELoss\(\)\(input, target\)",
    ),
    "an activation made and called at once": (lambda w: nn.Tanh(w.x), TypeError, r"Tanh\(x\)", r"Tanh\(\)\(x\)"),
    "reduction": (lambda w: nn.MSELoss("avg"), ValueError, "MSELoss: reduction .*'avg'", "mean, sum or none"),
    "a list for a target": (
        lambda w: F.mse_loss(t(2), [0.0, 1.0]),
        TypeError,
        "mse_loss: target is a list",
        r"fastgrad\.tensor",
    ),
    "a list into a layer": (lambda w: w.net([[1.0, 2.0, 3.0]]), TypeError, "input is a list", r"fastgrad\.tensor"),
    "column of labels": (
        lambda w: F.cross_entropy(w.net(w.x), w.target.reshape(-1, 1)),
        ValueError,
        r"cross_entropy: input \(5, 2\) .* target \(5, 1\)",
        r"target\.reshape\(-1\)",
    ),
    "one-hot rows": (
        lambda w: F.nll_loss(w.net(w.x), F.one_hot(w.target, 2)),
        ValueError,
        r"nll_loss: input \(5, 2\) .* target \(5, 2\)",
        r"target\.argmax\(1\)",
    ),
    "one-hot rows of floats": (
        lambda w: F.nll_loss(w.net(w.x), F.one_hot(w.target, 2).float()),
        TypeError,
        "nll_loss: target must hold integer labels, not float32",
        r"target\.argmax\(1\)",
    ),
    "labels from 1": (
        lambda w: F.cross_entropy(w.net(w.x), w.target + 1),
        IndexError,
        "cross_entropy: the label of row 1",
        "from 0 to C - 1; it is 2, and C is 2",
    ),
    "logits to bce": (
        lambda w: F.binary_cross_entropy(t(3) * 2, t(3)),
        ValueError,
        "must hold probabilities, from 0 to 1, not 2.0",
        r"sigmoid\(input\), or binary_cross_entropy_with_logits",
    ),
    # gradients
    "step before the second backward": (
        step_before_the_second_backward,
        RuntimeError,
        r"Linear: its input 1, of shape \(2, 4\), was changed in place .*an optimizer step",
        "call backward before the change",
    ),
    "hidden state kept": (hidden_state_kept, RuntimeError, "through Mul a second time", "retain_graph=True"),
    "grad of a constant": (
        lambda w: fg.grad(w.w.sum(), w.x),
        RuntimeError,
        r"grad: input 0 does not require a gradient \(it has shape \(5, 3\)\)",
        "requires_grad=True",
    ),
    "grad of a number": (lambda w: fg.grad(w.w.sum().item(), w.w), TypeError, "grad takes tensors", "not a float"),
    "gradient of another shape": (
        lambda w: (w.w * 2).backward(t(3)),
        ValueError,
        r"gradient \(3,\) float32 must be like the tensor, \(2, 3\)",
        "reshape it",
    ),
    "hook of a constant": (
        lambda w: w.x.register_hook(print),
        RuntimeError,
        r"register_hook: the tensor, \(5, 3\)",
        "does not require a gradient",
    ),
    "hook that returns a number": (hook_that_returns_a_number, TypeError, "it returned float", "return a tensor"),
    "deepcopy of a result": (
        lambda w: copy.deepcopy(w.net(w.x)),
        RuntimeError,
        r"copy.deepcopy of a result of Linear, \(5, 2\)",
        r"detach\(\)",
    ),
    # Functions
    "forward called": (lambda w: Flat.forward(w.w), TypeError, r"Flat\.forward", r"Flat\.apply"),
    "Function made": (lambda w: Flat(), TypeError, "Flat is not made", r"Flat\.apply"),
    "Function called": (lambda w: Flat(w.w), TypeError, "Flat is not made or called", r"Flat\.apply"),
    "Function without backward": (
        lambda w: Forward.apply(w.w).sum().backward(),
        NotImplementedError,
        "Forward has no backward",
        r"define a static backward\(ctx, \*douts\)",
    ),
    "gradient of a number": (
        lambda w: Scaled.apply(w.w, 3.0).sum().backward(),
        RuntimeError,
        "Scaled: .* argument 1, which is no tensor",
        "return None",
    ),
    "gradient that does not fit": (
        lambda w: Flat.apply(w.w).sum().backward(),
        RuntimeError,
        r"Flat: .* shape \(7,\) for argument 0, of shape \(2, 3\)",
        "has the shape of its argument",
    ),
    "an array returned": (lambda w: Arrays.apply(w.w), TypeError, "Arrays: .* ndarray", "from_numpy"),
    "an array saved": (lambda w: Kept.apply(w.w), TypeError, "argument 0 is ndarray", "attribute of ctx"),
    # captured steps
    "numpy() in a step": (captured_step_that_reads(lambda x: x.numpy()), fg.CaptureError, r"numpy\(\)", "outside"),
    "float() in a step": (captured_step_that_reads(lambda x: float(x.sum())), fg.CaptureError, "item", "outside"),
    "tolist() in a step": (captured_step_that_reads(lambda x: x.tolist()), fg.CaptureError, r"tolist\(\)", "outside"),
    "a mask in a step": (captured_step_that_reads(lambda x: x[x > 0]), fg.CaptureError, "mask", r"where\(mask"),
    # modules
    "no super().__init__()": (
        no_super_and_no_parameters,
        AttributeError,
        "Net: call",
        r"super\(\).__init__\(\) at the beginning of its __init__",
    ),
    "no forward": (no_forward, NotImplementedError, "Net does not define forward", r"def forward\(self, x\)"),
    "a name misspelt": (lambda w: w.net.paramters, AttributeError, "'Sequential' object", "no attribute 'paramters'"),
    "a list of modules": (
        lambda w: nn.Sequential([nn.Linear(1, 1)]),
        TypeError,
        "Sequential: argument 0 is a list",
        r"Sequential\(\*modules\)",
    ),
    "a class for a module": (lambda w: nn.Sequential(nn.ReLU), TypeError, "is a class, ReLU", r"ReLU\(\)"),
    "a function for a module": (lambda w: nn.Sequential(F.relu), TypeError, "is a function", r"nn\.ReLU\(\)"),
    "a size as a float": (lambda w: nn.Linear(4 / 2, 2), TypeError, "Linear: in_features", "an integer, not 2.0"),
    "a number for a module": (a_number_for_a_module, TypeError, "Sequential.0 is a Module", "assign a Module"),
    "register a tensor": (
        lambda w: w.net.register_parameter("scale", t(1)),
        TypeError,
        "register_parameter: scale is a Tensor",
        r"nn\.Parameter\(tensor\)",
    ),
    "register a number": (lambda w: w.net.add_module("more", 3), TypeError, "add_module: more is a int", "Module"),
    "missing names": (missing_name, KeyError, r"missing \['2.bias'\], unexpected \[\]", "strict=False"),
    "another size": (other_size, ValueError, r"2.bias has shape \(7,\), the module's \(2,\)", "it was saved with"),
    "a path for a state": (lambda w: w.net.load_state_dict("net.pt"), TypeError, "not a str", r"state_dict\(\) gives"),
    "a module's state for an optimizer's": (
        lambda w: w.optimizer.load_state_dict(w.net.state_dict()),
        ValueError,
        r"a dict of \['0.weight', '0.bias', '2.weight'\]",
        "a module's goes to the module",
    ),
    # optimizers
    "a generator used up": (generator_used_up, ValueError, "SGD: the list of parameters is empty", r"read"),
    "a generator used up in a group": (generator_used_up_in_a_group, ValueError, "Adam: the generator", "a fresh one"),
    "layers in a list": (layers_in_a_list, ValueError, "modules in a plain list", "make it a Sequential"),
    "the model": (lambda w: optim.SGD(w.net), TypeError, "not a Sequential", r"pass its parameters\(\)"),
    "parameters without ()": (
        lambda w: optim.SGD(w.net.parameters),
        TypeError,
        "SGD takes parameters, not a method",
        r"model\.parameters\(\)",
    ),
    "named_parameters": (
        lambda w: optim.SGD(w.net.named_parameters()),
        TypeError,
        "SGD: parameter 0 is a tuple",
        r"model\.parameters\(\)",
    ),
    "a set": (lambda w: optim.SGD({w.w}), TypeError, "SGD takes a list, .* not a set", r"model\.parameters\(\)"),
    "a parameter in two groups": (
        lambda w: w.optimizer.add_param_group({"params": w.net[0].weight}),
        ValueError,
        r"Adam: parameter 0 \(4, 3\) is given twice",
        "each one once",
    ),
    "a group without params": (
        lambda w: optim.SGD([{"lr": 0.1}]),
        ValueError,
        "SGD: a group without parameters",
        r'\{"params": \[...\]',
    ),
    "an option misspelt": (
        lambda w: w.optimizer.add_param_group({"params": [w.w], "beta": 0.9}),
        ValueError,
        r"Adam: unknown option \['beta'\]",
        r"it takes \['amsgrad', 'betas', ",
    ),
    "a rate as text": (lambda w: optim.SGD([w.w], lr="0.1"), TypeError, "SGD: lr", "must be a number, not '0.1'"),
    "one beta": (lambda w: optim.Adam([w.w], betas=0.9), ValueError, "Adam: betas", "two numbers, not 0.9"),
    "negative momentum": (lambda w: optim.SGD([w.w], momentum=-1), ValueError, "SGD: momentum", "at least 0, not -1"),
    # names of PyTorch's
    "utils.data": (lambda w: fg.utils.data.get_worker_info, AttributeError, "no .* 'get_worker_info'", "prefetch=2"),
    "cuda": (lambda w: fg.cuda.memory_allocated, AttributeError, "no .* 'memory_allocated'", "is_available"),
    "LongTensor": (lambda w: fg.LongTensor, AttributeError, "no attribute 'LongTensor'", r"fastgrad\.tensor"),
    "autocast": (lambda w: fg.autocast, AttributeError, "no attribute 'autocast'", "leave autocast"),
    "distributed": (lambda w: fg.distributed, AttributeError, "no attribute 'distributed'", "one process"),
    "a layer": (lambda w: nn.Lineer, AttributeError, "'fastgrad.nn' has no attribute", "subclass of fastgrad.nn"),
    "a function": (lambda w: F.rleu, AttributeError, "no attribute 'rleu'", r"dir\(fastgrad.nn.functional\)"),
    "a rule": (lambda w: optim.Adma, AttributeError, "no attribute 'Adma'", r"dir\(fastgrad.optim\)"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_error_names_what_and_how_and_nothing_has_changed(mistake):
    call, error, what, how = MISTAKES[mistake]
    world = World()
    if inspect.isgeneratorfunction(call):
        rest = call(world)
        next(rest)
        call = lambda world: next(rest)  # noqa: E731
    before = world.seen()
    with pytest.raises(error, match=what) as raised:
        call(world)
    assert raised.match(how)
    assert_same(world.seen(), before)


# -- what looks like a mistake and is none -----------------------------------------------------------------------------
def test_backward_under_no_grad_of_what_was_recorded_outside():
    w = t(2, grad=True)
    loss = (w * 3).sum()
    with fg.no_grad():
        loss.backward()
    assert w.grad.tolist() == [3, 3]


def test_an_optimizer_passes_over_what_has_no_gradient():
    world = World()
    world.optimizer.zero_grad()
    before = world.seen()
    world.optimizer.step()
    assert_same(world.seen(), before)


def test_an_empty_batch_leaves_finite_parameters():
    world = World()
    world.optimizer.zero_grad()
    loss = F.cross_entropy(world.net(t(0, 3)), fg.tensor(np.zeros(0, np.int64)))
    assert math.isnan(loss.item())
    loss.backward()
    world.optimizer.step()
    assert all(np.isfinite(p.data).all() for p in world.net.parameters())


def test_none_may_take_the_place_of_a_parameter_or_module():
    net = World().net
    net[0].bias = None
    setattr(net, "1", None)
    assert [name for name, _ in net.named_parameters()] == ["0.weight", "2.weight", "2.bias"]


# -- names -------------------------------------------------------------------------------------------------------------
MODULES = {"fastgrad": fg, "fastgrad.cuda": fg.cuda, "fastgrad.nn": nn, "fastgrad.utils": fg.utils}
MODULES["fastgrad.utils.data"] = fg.utils.data


@pytest.mark.parametrize(("module", "name"), [(m, n) for m, names in missing.INSTEAD.items() for n in names])
def test_a_hint_is_for_a_name_that_is_missing(module, name):
    with pytest.raises(AttributeError, match=f"module '{module}' has no attribute '{name}'; ") as raised:
        getattr(MODULES[module], name)  # when it exists: its hint in missing.py goes
    assert raised.value.args[0].endswith(missing.INSTEAD[module][name])


def test_special_names_get_no_hint():
    assert str(missing.refusal("fastgrad.optim", "__wrapped__")) == (
        "module 'fastgrad.optim' has no attribute '__wrapped__'"
    )


def test_a_part_that_is_not_loaded(python):
    assert "write import fastgrad.demo first" in python("""
import sys, fastgrad
assert "fastgrad.missing" not in sys.modules, "loaded by the first unknown name"
try:
    fastgrad.demo
except AttributeError as error:
    print(error)
from fastgrad import demo
""")
