"""Normalisation: against float64, against PyTorch, over threads and instruction sets, running statistics, capture."""

import copy
import pickle

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import kernels, nn
from fastgrad.nn import functional as F
from fastgrad.nn.weight_norm import remove_weight_norm, weight_norm

try:
    import torch
except ImportError:
    torch = None
needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")

# a layer of both libraries, and the shapes it takes
LAYERS = [
    (lambda m, **k: m.BatchNorm1d(3, **k), [(5, 3), (2, 3, 4), (300, 3), (1, 3, 2)]),
    (lambda m, **k: m.BatchNorm1d(3, momentum=None, **k), [(5, 3)]),
    (lambda m, **k: m.BatchNorm1d(3, eps=0.1, momentum=0.3, affine=False, **k), [(5, 3), (2, 3, 4)]),
    (lambda m, **k: m.BatchNorm1d(3, track_running_stats=False, **k), [(5, 3)]),
    (lambda m, **k: m.BatchNorm2d(3, **k), [(2, 3, 4, 5), (2, 3, 1, 1)]),
    (lambda m, **k: m.InstanceNorm1d(3, **k), [(2, 3, 4), (3, 4)]),
    (lambda m, **k: m.InstanceNorm2d(3, affine=True, track_running_stats=True, **k), [(2, 3, 4, 5)]),
    (lambda m, **k: m.LayerNorm(4, **k), [(5, 4), (2, 3, 4)]),
    (lambda m, **k: m.LayerNorm((3, 4), eps=0.01, **k), [(2, 3, 4), (70, 3, 4)]),
    (lambda m, **k: m.LayerNorm(4, elementwise_affine=False, **k), [(5, 4)]),
    (lambda m, **k: m.LayerNorm(4, bias=False, **k), [(5, 4)]),
    (lambda m, **k: m.GroupNorm(2, 4, **k), [(3, 4), (3, 4, 5), (2, 4, 2, 3)]),
    (lambda m, **k: m.GroupNorm(4, 4, affine=False, **k), [(3, 4, 5)]),
    (lambda m, **k: m.RMSNorm(4, **k), [(5, 4)]),
    (lambda m, **k: m.RMSNorm((3, 4), eps=0.01, **k), [(2, 3, 4)]),
]
TRIED = [(make, shape) for make, shapes in LAYERS for shape in shapes]


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


def pair(make, rng):
    """The layer in both libraries, with one state of drawn numbers."""
    theirs = make(torch.nn, dtype=torch.float64)
    for p in theirs.parameters():
        p.data = torch.tensor(rng.standard_normal(tuple(p.shape)))
    ours = make(nn, dtype=np.float64)
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    return ours, theirs


@needs_torch
@pytest.mark.parametrize(("make", "shape"), TRIED)
def test_layers_are_those_of_pytorch(make, shape, rng):
    ours, theirs = pair(make, rng)
    for training in (True, True, True, False):
        ours.train(training), theirs.train(training)
        x, dout = rng.standard_normal(shape) * 2 + 3, rng.standard_normal(shape)
        a, b = fg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        y, z = ours(a), theirs(b)
        ours.zero_grad(), theirs.zero_grad()
        y.backward(fg.tensor(dout)), z.backward(torch.tensor(dout))
        close(y.detach().numpy(), z.detach().numpy())
        close(a.grad.numpy(), b.grad.numpy())
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            close(p.grad.numpy(), q.grad.numpy())
        state = theirs.state_dict()
        assert list(ours.state_dict()) == list(state)
        for name, value in ours.state_dict().items():
            close(value, state[name].numpy())


@needs_torch
@pytest.mark.parametrize(("make", "shape"), TRIED)
def test_second_derivatives_are_those_of_pytorch(make, shape, rng):
    ours, theirs = pair(make, rng)
    x, dout, ddx = (rng.standard_normal(shape) for _ in range(3))
    found = []
    for lib, layer in ((fg, ours), (torch, theirs)):
        a = lib.tensor(x, requires_grad=True)
        d = lib.tensor(dout, requires_grad=True)
        grad = lib.autograd.grad
        wanted = [a, *layer.parameters()]
        first = grad(layer(a), wanted, d, create_graph=True)
        total = sum((g * g).sum() for g in first[1:]) + (first[0] * lib.tensor(ddx)).sum()
        found.append([g.detach().numpy() for g in grad(total, [a, d])])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(("make", "shape"), TRIED)
def test_gradients_are_those_of_differences(make, shape, rng):
    layer = make(nn, dtype=np.float64)
    if shape[0] < 100:
        x = fg.tensor(rng.standard_normal(shape), requires_grad=True)
        assert fg.autograd.gradcheck(layer, (x,))


@pytest.mark.parametrize(
    ("shape", "run"),
    [
        ((1000, 7), lambda x: F.batch_norm(x, None, None, training=True)),
        ((30, 3, 40, 5), lambda x: F.batch_norm(x, None, None, training=True)),
        ((7, 10_000), lambda x: F.layer_norm(x, (10_000,))),
        ((20, 50), lambda x: F.layer_norm(x, (50,))),
    ],
)
def test_a_mean_of_1e4_costs_no_digits(shape, run, rng):
    x = (rng.standard_normal(shape) + 1e4).astype(np.float32)
    dout = rng.standard_normal(shape).astype(np.float32)
    found = []
    for dtype in (np.float32, np.float64):
        a = fg.tensor(x.astype(dtype), requires_grad=True)
        y = run(a)
        y.backward(fg.tensor(dout.astype(dtype)))
        found.append((y.detach().numpy(), a.grad.numpy()))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=2e-6)


def test_any_threads_and_instruction_set_give_the_same_bits(rng):
    x, dout = rng.standard_normal((2, 700, 130)).astype(np.float32)
    found = set()
    for tier, isa, threads in [
        ("reference", None, 1),
        *(("native", i, t) for i in kernels.info()["isas"] for t in (1, 4)),
    ]:
        with kernels.use(tier, isa=isa, threads=threads):
            net = nn.Sequential(nn.BatchNorm1d(130), nn.LayerNorm(130))
            a = fg.tensor(x, requires_grad=True)
            net(a).backward(fg.tensor(dout))
            arrays = [a.grad.numpy(), *(p.grad.numpy() for p in net.parameters()), *net.state_dict().values()]
            found.add(b"".join(array.tobytes() for array in arrays))
    assert len(found) == 1


def test_statistics_survive_a_first_number_far_away(rng):
    x = rng.standard_normal((256, 3)).astype(np.float32)
    x[0] = 1e4
    _, mean, var = kernels.batch_norm(x[:, :, None])
    np.testing.assert_allclose(mean, x.astype(float).mean(0), atol=1e-6 * x.std())
    np.testing.assert_allclose(var, x.astype(float).var(0), rtol=1e-6)


def test_equal_numbers_give_the_bias():
    for value in (0.1, 1e4, -3e-30):
        x = fg.tensor(np.full((37, 2), value, np.float32))
        y = F.batch_norm(x, None, None, fg.tensor([5.0, 5.0]), fg.tensor([1.0, 2.0]), training=True)
        np.testing.assert_allclose(y.numpy(), np.broadcast_to([1.0, 2.0], (37, 2)), atol=1e-4)


def test_a_nan_stays_in_its_channel(rng):
    x = rng.standard_normal((300, 3))
    x[5, 1] = np.nan
    y = F.batch_norm(fg.tensor(x), None, None, training=True).numpy()
    assert np.isnan(y[:, 1]).all()
    assert np.isfinite(y[:, [0, 2]]).all()


@pytest.mark.parametrize("shape", [(300, 70), (20, 70, 9)])
def test_running_statistics_in_both_conventions(shape, rng):
    x = rng.standard_normal(shape) + 2
    axes = (0, *range(2, x.ndim))
    mean, var = x.mean(axes), x.var(axes, ddof=1)
    for layer in (nn.BatchNorm1d(70, momentum=0.25, dtype=float), nn.BatchNorm1d(70, decay=0.75, dtype=float)):
        layer(fg.tensor(x))
        close(layer.running_mean.numpy(), 0.25 * mean)
        close(layer.running_var.numpy(), 0.75 + 0.25 * var)
        assert int(layer.num_batches_tracked) == 1
    with pytest.raises(ValueError, match="decay"):
        nn.BatchNorm1d(70, decay=2)


def test_momentum_none_is_the_mean_of_all_batches(rng):
    layer = nn.BatchNorm1d(4, momentum=None, dtype=np.float64)
    batches = rng.standard_normal((5, 6, 4))
    for x in batches:
        layer(fg.tensor(x))
    close(layer.running_mean.numpy(), batches.mean((0, 1)))
    close(layer.running_var.numpy(), batches.var(1, ddof=1).mean(0))
    layer.reset_running_stats()
    assert int(layer.num_batches_tracked) == 0
    assert (layer.running_var.numpy() == 1).all()


def network(dtype=np.float32):
    fg.manual_seed(3)
    net = nn.Sequential(nn.Linear(5, 70), nn.BatchNorm1d(70), nn.ReLU(), nn.LayerNorm(70), nn.Linear(70, 2))
    return net.to(dtype)


@pytest.mark.parametrize("momentum", [0.1, None])
def test_captured_is_eager(momentum, rng):
    batches = rng.standard_normal((6, 300, 5)).astype(np.float32)
    states = []
    for wrap in (lambda f: f, fg.capture):
        net = network()
        net[1].momentum = momentum
        opt = fg.optim.Adam(net.parameters())

        @wrap
        def step(x, net=net, opt=opt):
            opt.zero_grad()
            loss = (net(x) ** 2).mean()
            loss.backward()
            opt.step()
            return loss

        losses = [step(fg.tensor(x)).item() for x in batches]
        states.append({**net.state_dict(), "losses": np.array(losses)})
    for name in states[0]:
        assert states[0][name].tobytes() == states[1][name].tobytes(), name
    assert states[0]["1.num_batches_tracked"] == 6


def test_a_step_that_fails_while_captured_leaves_the_statistics(rng):
    layer = nn.BatchNorm1d(3)

    @fg.capture
    def step(x):
        layer(x)
        raise RuntimeError("later")

    before = layer.state_dict()
    with pytest.raises(RuntimeError, match="later"):
        step(fg.tensor(rng.standard_normal((4, 3)).astype(np.float32)))
    for name, value in layer.state_dict().items():
        assert value.tobytes() == before[name].tobytes()


def test_a_gradient_after_the_statistics_changed_is_refused(rng):
    layer = nn.BatchNorm1d(3, dtype=np.float64)
    x = fg.tensor(rng.standard_normal((4, 3)), requires_grad=True)
    layer.eval()
    y = layer(x)
    layer.train()
    layer(x)
    with pytest.raises(RuntimeError, match="BatchNormEval"):
        y.sum().backward()


def test_a_batch_of_one_is_refused():
    for layer, shape in (
        (nn.BatchNorm1d(3), (1, 3)),
        (nn.BatchNorm1d(3), (1, 3, 1)),
        (nn.BatchNorm2d(3), (1, 3, 1, 1)),
    ):
        before = layer.state_dict()
        with pytest.raises(ValueError, match=r"more than 1 value per channel when training.*drop_last.*eval"):
            layer(fg.ones(shape))
        assert all((v == before[k]).all() for k, v in layer.state_dict().items())
        layer.eval()
        assert layer(fg.ones(shape)).shape == shape
    with pytest.raises(ValueError, match="more than 1 value"):
        nn.InstanceNorm1d(3)(fg.ones((2, 3, 1)))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: nn.BatchNorm1d(3)(fg.ones((2, 4))), "has 4 channels.*made for 3"),
        (lambda: nn.BatchNorm1d(3)(fg.ones((2, 3, 4, 5))), r"\(N, C\) or \(N, C, L\)"),
        (lambda: nn.BatchNorm2d(3)(fg.ones((2, 3))), r"\(N, C, H, W\)"),
        (lambda: F.batch_norm(fg.ones((2, 3)), None, None), "training=True"),
        (lambda: F.batch_norm(fg.ones((2, 3)), fg.ones(3), None), "go together"),
        (lambda: F.batch_norm(fg.ones((2, 3)), None, None, fg.ones(4), training=True), r"weight .*\(4,\).*3 channels"),
        (lambda: F.batch_norm(fg.ones(3), None, None, training=True), r"\(N, C"),
        (lambda: nn.LayerNorm(3)(fg.ones((2, 4))), r"\(3,\).*\(2, 4\)"),
        (lambda: F.layer_norm(fg.ones((2, 4)), (4,), fg.ones(3)), "weight"),
        (lambda: nn.GroupNorm(2, 3), "2 groups"),
        (lambda: nn.GroupNorm(3, 3)(fg.ones((2, 4))), r"\(N, 3, \.\.\.\)"),
        (lambda: nn.BatchNorm1d(-1), "num_features"),
    ],
)
def test_errors_say_what_does_not_fit(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_integers_are_refused():
    with pytest.raises(TypeError, match="batch_norm"):
        F.batch_norm(fg.tensor([[1], [2]]), None, None, training=True)


def test_any_layout_of_memory(rng):
    x = rng.standard_normal((4, 3, 5))
    plain, turned = fg.tensor(x, requires_grad=True), fg.tensor(x.T.copy().T, requires_grad=True)
    for a in (plain, turned):
        (F.batch_norm(a.transpose(1, 2), None, None, training=True) ** 3).sum().backward()
    close(plain.grad.numpy(), turned.grad.numpy())


# -- buffers -----------------------------------------------------------------------------------------------------------
def test_buffers_are_part_of_the_state():
    net = network()
    names = [name for name, _ in net.named_buffers()]
    assert names == ["1.running_mean", "1.running_var", "1.num_batches_tracked"]
    assert list(net.state_dict())[2:7] == ["1.weight", "1.bias", *names]
    assert len(list(net.buffers())) == 3
    assert len(list(net.parameters())) == 8
    with pytest.raises(KeyError, match=r"missing \['1.running_var'\], unexpected \['1.more'\]"):
        net.load_state_dict({("1.more" if k == "1.running_var" else k): v for k, v in net.state_dict().items()})
    wide = net.to(np.float64)
    assert wide[1].running_mean.dtype == np.float64
    assert wide[1].num_batches_tracked.dtype == np.int64


def test_buffers_are_copied_and_pickled(rng):
    net = network()
    x = fg.tensor(rng.standard_normal((9, 5)).astype(np.float32))
    net(x)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert other[1].running_mean is other[1]._buffers["running_mean"]
        assert other[1].running_mean.numpy().tobytes() == net[1].running_mean.numpy().tobytes()
        other(x)
        assert int(other[1].num_batches_tracked) == 2
    assert int(net[1].num_batches_tracked) == 1


def test_register_buffer():
    net = nn.Module()
    net.register_buffer("kept", fg.ones(2))
    net.register_buffer("passing", fg.ones(3), persistent=False)
    net.register_buffer("nothing", None)
    assert list(net.state_dict()) == ["kept"]
    assert len(list(net.buffers())) == 2
    assert net.nothing is None
    net.kept = fg.zeros(2)
    net.nothing = fg.zeros(1)
    assert (net.state_dict()["kept"] == 0).all()
    assert list(net.state_dict()) == ["kept", "nothing"]
    with pytest.raises(TypeError, match="kept is a buffer"):
        net.kept = 3
    del net.kept
    assert list(net.state_dict()) == ["nothing"]
    net.w = nn.Parameter(fg.ones(1))
    for name, value, error in (("w", fg.ones(1), KeyError), ("a.b", fg.ones(1), KeyError), ("c", 3, TypeError)):
        with pytest.raises(error):
            net.register_buffer(name, value)
    with pytest.raises(TypeError, match="Parameter"):
        net.register_buffer("c", net.w)


def test_update_bn_makes_the_mean_of_all_batches(rng):
    net = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 1)).to(np.float64)
    batches = [fg.tensor(rng.standard_normal((8, 3)) + i) for i in range(4)]
    net(batches[0])
    net.eval()
    fg.optim.swa_utils.update_bn(batches, net)
    close(net[0].running_mean.numpy(), np.mean([b.numpy().mean(0) for b in batches], 0))
    close(net[0].running_var.numpy(), np.mean([b.numpy().var(0, ddof=1) for b in batches], 0))
    assert net[0].momentum == 0.1
    assert not net.training
    assert int(net[0].num_batches_tracked) == 4


def test_an_averaged_model_copies_the_statistics(rng):
    net = network()
    averaged = fg.optim.swa_utils.AveragedModel(net)
    net(fg.tensor(rng.standard_normal((9, 5)).astype(np.float32)))
    averaged.update_parameters(net)
    assert averaged.module[1].running_mean.numpy().tobytes() == net[1].running_mean.numpy().tobytes()
    state = averaged.state_dict()
    assert "module.1.running_var" in state
    fg.optim.swa_utils.AveragedModel(network()).load_state_dict(state)


# -- weight_norm -------------------------------------------------------------------------------------------------------
@needs_torch
@pytest.mark.parametrize("dim", [0, 1, -1, None])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_weight_norm_is_that_of_pytorch(dim, rng):
    theirs = torch.nn.utils.weight_norm(torch.nn.Linear(4, 3, dtype=torch.float64), dim=dim)
    ours = weight_norm(nn.Linear(4, 3, dtype=np.float64), dim=dim)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    ours.weight_g.data[...] *= 2
    theirs.weight_g.data.mul_(2)
    x = rng.standard_normal((5, 4))
    (ours(fg.tensor(x)) ** 2).sum().backward()
    (theirs(torch.tensor(x)) ** 2).sum().backward()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        close(p.grad.numpy(), q.grad.numpy())
    remove_weight_norm(ours), torch.nn.utils.remove_weight_norm(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    close(ours.weight.detach().numpy(), theirs.weight.detach().numpy())


def test_weight_norm_changes_nothing_at_first(rng):
    fg.manual_seed(1)
    layer = nn.Linear(4, 3)
    x = fg.tensor(rng.standard_normal((2, 4)).astype(np.float32))
    before = layer(x).detach().numpy()
    weight_norm(layer)
    other = pickle.loads(pickle.dumps(copy.deepcopy(layer)))
    np.testing.assert_allclose(layer(x).detach().numpy(), before, rtol=1e-5)
    other.weight_g.data[...] = 0
    assert (other(x).detach().numpy() == other.bias.detach().numpy()).all()
    np.testing.assert_allclose(layer(x).detach().numpy(), before, rtol=1e-5)
    with pytest.raises(RuntimeError, match="two"):
        weight_norm(layer)
    with pytest.raises(ValueError, match="no weight_norm"):
        remove_weight_norm(nn.Linear(1, 1))
