"""Averages of parameters: values by hand and by PyTorch, the swap, captured updates, saved states, update_bn."""

import copy
import importlib.util

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.optim import swa_utils
from fastgrad.optim.averaging import EMA, SWA
from fastgrad.testing import assert_bits

torch = None
if importlib.util.find_spec("torch") is not None:
    import torch

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed: nothing to compare with")
KINDS = {"EMA": lambda params: EMA(params, decay=0.75), "SWA": SWA}
every_kind = pytest.mark.parametrize("kind", KINDS)


def leaves():
    return [fg.tensor([1.0, 2.0], requires_grad=True), fg.from_numpy(np.ones((2, 3))).requires_grad_()]


def put(p, value):
    with fg.no_grad():
        p.fill_(value)


def test_values_by_hand():
    p = fg.from_numpy(np.array([8.0]))
    ema, swa, still, follows = EMA([p], 0.75), SWA([p]), EMA([p], 1.0), EMA([p], 0.0)
    expected = {4.0: (7.0, 4.0), 0.0: (5.25, 2.0), 8.0: (5.9375, 4.0)}  # 7 = 0.75 * 8 + 0.25 * 4, ...
    for value, (e, s) in expected.items():
        put(p, value)
        for average in (ema, swa, still, follows):
            average.update()
        assert [a.averages[0].item() for a in (ema, swa, still, follows)] == [e, s, 8.0, value]
    assert ema.updates == swa.updates == 3


@every_kind
def test_long_averages_are_the_formula(kind, rng):
    p = fg.from_numpy(rng.standard_normal(1000))
    average, a = KINDS[kind]([p]), p.numpy().copy()
    seen = []
    for _ in range(200):
        put(p, 0.0)
        p.data += rng.standard_normal(1000)
        average.update()
        seen.append(p.numpy().copy())
        a = 0.75 * a + 0.25 * p.numpy()
    np.testing.assert_allclose(average.averages[0], a if kind == "EMA" else np.mean(seen, 0), rtol=0, atol=1e-13)


@every_kind
def test_native_and_reference_give_the_same_bits(kind, rng):
    values = rng.standard_normal((20, 4097)).astype(np.float32)
    found = []
    for which in ("native", "reference"):
        with fg.kernels.use(which):
            p = fg.from_numpy(values[0].copy())
            average = KINDS[kind]([p])
            for row in values:
                np.copyto(p.data, row)
                average.update()
            found.append(average.averages[0])
    assert_bits(*found)


@every_kind
def test_captured_updates_are_eager_ones(kind):
    def run(captured):
        w, b = leaves()
        opt, average = fg.optim.Adam([w, b], lr=0.1), KINDS[kind]([w, b])

        def step(x):
            opt.zero_grad()
            loss = ((w - x) * (w - x)).sum() + (b.float() * b.float()).sum()
            loss.backward()
            opt.step()
            average.update()
            return loss

        step = fg.capture(step) if captured else step
        losses = []
        for k in range(9):
            losses.append(float(step(fg.tensor([float(k), 0.5]))))
            if k == 4:
                with average.swapped():
                    assert not np.array_equal(w.numpy(force=True), average.state_dict()["averages"][0] + 1)
                    losses.append(w.numpy(force=True).tolist())
        if captured:
            assert len(step.programs) == 1
            assert "lerp" in str(step.programs[0])
        return losses, [a.tobytes() for a in average.averages], average.updates

    assert run(True) == run(False)
    assert run(False)[2] == 9


@every_kind
def test_a_failed_capture_puts_the_average_back(kind):
    p = fg.tensor([1.0, 2.0])
    average = KINDS[kind]([p])
    put(p, 5.0)

    def step():
        average.update()
        raise KeyError("no")

    with pytest.raises(KeyError):
        fg.capture(step)()
    assert average.updates == 0
    assert average.averages[0].tolist() == [1.0, 2.0]


@every_kind
def test_the_swap(kind):
    w, b = leaves()
    average = KINDS[kind]([w, b])
    put(w, 2.0)
    average.update()
    put(w, 3.0)
    memory, held = w.data, average.averages[0].tolist()
    y = (w * w).sum()  # needs w as it is
    with average.swapped() as given:
        assert given is average
        assert w.tolist() == held != [3.0, 3.0]
        assert w.data is memory
        with pytest.raises(RuntimeError, match=rf"{kind}: update\(\) within swapped\(\)"):
            average.update()
        with pytest.raises(RuntimeError, match=r"swapped\(\) within swapped\(\)"), average.swapped():
            pass
        assert w.tolist() == held  # a refused swap changes nothing
    assert w.tolist() == [3.0, 3.0]
    with pytest.raises(RuntimeError, match="changed"):
        y.backward()  # the tape was told
    with pytest.raises(KeyError), average.swapped():
        raise KeyError
    assert w.tolist() == [3.0, 3.0]
    assert average.averages[0].tolist() == held
    average.update()

    def step():
        with average.swapped():
            return w * 1.0

    with pytest.raises(fg.CaptureError, match="swapped"):
        fg.capture(step)()


@every_kind
def test_saved_states(kind):
    params = leaves()
    average = KINDS[kind](params)
    for value in (2.0, 3.0):
        put(params[0], value)
        average.update()
    saved = average.state_dict()
    put(params[0], 9.0)
    average.update()
    other = KINDS[kind](leaves())
    other.load_state_dict(saved)
    assert other.updates == 2
    put(other.params[0], 9.0)
    other.update()
    for a, b in zip(other.averages, average.averages, strict=True):
        assert_bits(a, b)
    one = KINDS[kind](leaves()[:1])
    with pytest.raises(ValueError, match=r"averages of shapes \[\(2,\), \(2, 3\)\], the parameters have \[\(2,\)\]"):
        one.load_state_dict(saved)
    with pytest.raises(ValueError, match="no state of an"):
        one.load_state_dict({"updates": 1})
    assert one.updates == 0


def test_bad_arguments_are_named():
    for decay in (-0.1, 1.5):
        for make in (lambda d: EMA(leaves(), d), swa_utils.get_ema_avg_fn, swa_utils.get_ema_multi_avg_fn):
            with pytest.raises(ValueError, match=rf"decay must be in \[0, 1\], not {decay}"):
                make(decay)
    with pytest.raises(ValueError, match="EMA: the list of parameters is empty"):
        EMA([])
    with pytest.raises(TypeError, match="SWA: parameter 1 is int64; only floats"):
        SWA([fg.tensor([1.0]), fg.tensor([1])])
    with pytest.raises(TypeError, match="SWA: parameter 0 is a ndarray, not a tensor"):
        SWA([np.ones(2)])
    with pytest.raises(ValueError, match="give one of them"):
        swa_utils.AveragedModel(fg.nn.Linear(1, 1), avg_fn=max, multi_avg_fn=max)


# -- swa_utils ---------------------------------------------------------------------------------------------------------
FUNCTIONS = {
    "default": lambda s: {},
    "ema": lambda s: {"avg_fn": s.get_ema_avg_fn(0.9)},
    "ema, many": lambda s: {"multi_avg_fn": s.get_ema_multi_avg_fn(0.3)},
    "swa": lambda s: {"avg_fn": s.get_swa_avg_fn()},
    "swa, many": lambda s: {"multi_avg_fn": s.get_swa_multi_avg_fn()},
    "own": lambda s: {"avg_fn": lambda a, p, n: a * 0.5 + p * 0.25},
}


def averaged(m, s, options, values):
    """The parameters of an averaged model after updates by a model with these values."""
    net = m.nn.Linear(3, 2)
    net = net.double()
    model = s.AveragedModel(net, **options(s))
    found = []
    for w, b in values:
        with m.no_grad():
            net.weight.copy_(m.from_numpy(w))
            net.bias.copy_(m.from_numpy(b))
        model.update_parameters(net)
        found.append([p.detach().numpy().copy() for p in model.parameters()])
    return model, found


@needs_torch
@pytest.mark.parametrize("name", FUNCTIONS)
def test_averaged_models_are_pytorchs(name, rng):
    values = [(rng.standard_normal((2, 3)), rng.standard_normal(2)) for _ in range(60)]
    model, found = averaged(fg, swa_utils, FUNCTIONS[name], values)
    other, expected = averaged(torch, torch.optim.swa_utils, FUNCTIONS[name], values)
    for a, b in zip(found, expected, strict=True):
        for x, y in zip(a, b, strict=True):
            # PyTorch's get_swa_multi_avg_fn rounds 1 / (n + 1) to float32
            np.testing.assert_allclose(x, y, rtol=0, atol=1e-7 if name == "swa, many" else 1e-12)
    assert int(model.n_averaged) == int(other.n_averaged) == 60
    assert set(model.state_dict()) == set(other.state_dict())
    x = rng.standard_normal((4, 3))
    np.testing.assert_allclose(
        model(fg.from_numpy(x)).numpy(force=True), other(torch.from_numpy(x)).detach().numpy(), atol=1e-6
    )


@needs_torch
@pytest.mark.parametrize(
    "options",
    [
        {"swa_lr": 0.05},
        {"swa_lr": [0.05, 0.5], "anneal_epochs": 30},
        {"swa_lr": 0.01, "anneal_strategy": "linear", "anneal_epochs": 7},
        {"swa_lr": 0.2, "anneal_epochs": 0},
    ],
)
def test_swalr_is_pytorchs(options):
    found = []
    for m in (fg, torch):
        a, b = (m.tensor([1.0], requires_grad=True) for _ in range(2))
        opt = m.optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.05}], lr=0.5)
        s = m.optim.swa_utils
        scheduler = s.SWALR(opt, **options)
        rates = [[g["lr"] for g in opt.param_groups]]
        for _ in range(60):
            opt.step()
            scheduler.step()
            rates.append(scheduler.get_last_lr())
        found.append(rates)
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=1e-12)


def test_swalr_by_hand_saved_and_refused():
    def make(**options):
        opt = fg.optim.SGD([fg.tensor([1.0], requires_grad=True)], lr=1.0)
        return opt, swa_utils.SWALR(opt, 0.5, **options)

    opt, scheduler = make(anneal_epochs=4)
    rates = []
    for _ in range(5):
        rates.append(opt.lr)
        opt.step()
        scheduler.step()
    np.testing.assert_allclose(
        rates, [1, 0.5 + 0.25 * (1 + 0.5**0.5), 0.75, 0.5 + 0.25 * (1 - 0.5**0.5), 0.5], atol=1e-15
    )
    other, after = make()
    after.load_state_dict(scheduler.state_dict())
    other.load_state_dict(opt.state_dict())
    other.step()
    after.step()
    assert after.get_last_lr() == [0.5]
    assert "learning rate" in make()[1].draw(20)
    for options, text in (
        ({"anneal_strategy": "exp"}, 'SWALR: anneal_strategy must be "cos" or "linear", not'),
        ({"anneal_epochs": -1}, "SWALR: anneal_epochs must be an integer of at least 0, not -1"),
    ):
        with pytest.raises(ValueError, match=text):
            make(**options)


class Norm(fg.nn.Module):
    """A batch norm without parameters, for update_bn: running statistics, momentum, None for the mean of all."""

    def __init__(self, features, momentum=0.1):
        super().__init__()
        self.momentum = momentum
        self.register_buffer("running_mean", fg.zeros(features))
        self.register_buffer("running_var", fg.ones(features))
        self.register_buffer("num_batches_tracked", fg.tensor(0))

    def forward(self, x):
        if not self.training:
            return (x - self.running_mean) / (self.running_var + 1e-5).sqrt()
        mean, var = x.mean(0), x.var(0)
        self.num_batches_tracked = self.num_batches_tracked + 1
        part = self.momentum if self.momentum is not None else 1 / int(self.num_batches_tracked)
        self.running_mean = (self.running_mean * (1 - part) + mean * part).detach()
        self.running_var = (self.running_var * (1 - part) + var * part).detach()
        return (x - mean) / (var + 1e-5).sqrt()


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: (x, 1), lambda x: [x]])
def test_update_bn(rng, wrap):
    net = fg.nn.Sequential(Norm(3, momentum=0.3), fg.nn.Linear(3, 2), Norm(2))
    net[2].eval()  # modes are kept one by one
    net[0].running_mean.fill_(99.0)
    batches = [fg.from_numpy(rng.standard_normal((8, 3)).astype(np.float32)) for _ in range(5)]
    swa_utils.update_bn([wrap(x) for x in batches], net)
    expected = np.mean([x.numpy().mean(0) for x in batches], 0)
    np.testing.assert_allclose(net[0].running_mean.numpy(), expected, atol=1e-6)
    variances = np.mean([x.numpy().var(0, ddof=1) for x in batches], 0)
    np.testing.assert_allclose(net[0].running_var.numpy(), variances, atol=1e-6)
    assert (net[0].momentum, net[2].momentum) == (0.3, 0.1)
    assert [m.training for m in net.modules()] == [True, True, True, False]
    assert net[0].num_batches_tracked.item() == net[2].num_batches_tracked.item() == 5
    with pytest.raises(AttributeError):  # what fails leaves momenta and modes
        swa_utils.update_bn([None], net)
    assert (net[0].momentum, net[2].training) == (0.3, False)
    swa_utils.update_bn(iter(()), fg.nn.Linear(1, 1))  # nothing to do


def test_running_statistics_are_copied_or_averaged():
    net = fg.nn.Sequential(Norm(1))
    plain, mean = swa_utils.AveragedModel(net), swa_utils.AveragedModel(net, use_buffers=True)
    for value in (2.0, 4.0):
        net[0].running_mean.fill_(value)
        net[0].num_batches_tracked = net[0].num_batches_tracked + 1
        for model in (plain, mean):
            model.update_parameters(net)
    assert plain.module[0].running_mean.tolist() == [4.0]
    assert mean.module[0].running_mean.tolist() == [3.0]
    assert plain.module[0].num_batches_tracked.item() == mean.module[0].num_batches_tracked.item() == 2


def test_averaged_models_are_saved_and_copied():
    net = fg.nn.Linear(2, 1)
    model = swa_utils.AveragedModel(net)
    assert model.module.weight is not net.weight
    model.update_parameters(net)
    put(net.weight, 5.0)
    model.update_parameters(net)
    twin = copy.deepcopy(model)
    other = swa_utils.AveragedModel(fg.nn.Linear(2, 1))
    other.load_state_dict(model.state_dict())
    for m in (twin, other):
        assert int(m.n_averaged) == 2
        assert_bits(m.module.weight.data, model.module.weight.data)
    put(net.weight, 8.0)
    before = model.module.weight.tolist()
    twin.update_parameters(net)
    assert model.module.weight.tolist() == before != twin.module.weight.tolist()
    with pytest.raises(KeyError, match="n_averaged"):
        other.load_state_dict(net.state_dict())
