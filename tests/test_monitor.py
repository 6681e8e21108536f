"""The monitor: what it measures, that it changes nothing, and what it draws."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import nn
from fastgrad.nn import monitor
from fastgrad.testing import assert_bits

F = nn.functional


def network():
    fg.manual_seed(4)
    return nn.Sequential(
        nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8), nn.Sigmoid(), nn.Linear(8, 3)
    )


def trained(net, steps, rng, watch=None):
    """A few steps of a small problem; the losses."""
    x, t = rng.standard_normal((steps, 16, 5)).astype(np.float32), rng.integers(0, 3, (steps, 16))
    optimizer, losses = fg.optim.SGD(net.parameters(), lr=0.1), []
    for i in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(fg.tensor(x[i])), fg.tensor(t[i]))
        loss.backward()
        if watch is not None:
            watch(i, x[i])
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_what_is_measured(rng):
    net, expected = network(), []

    def look(i, x):
        if i % 3 == 0:
            with fg.no_grad():
                outs = [fg.tensor(x)]
                for module in list(net):
                    outs.append(module.forward(outs[-1]))
            grads = [np.sqrt(sum((p.grad.data**2).sum() for p in m.parameters())) for m in net]
            expected.append(([o.data.copy() for o in outs[1:]], grads))

    with monitor.watch(net, every=3) as seen:
        trained(net, 7, rng, look)
    assert seen.steps == 7
    assert list(seen.traces) == [str(i) for i in range(7)]
    for i in range(7):
        t = seen[str(i)]
        assert t.steps == [0, 3, 6]
        for k, (outs, grads) in enumerate(expected):
            y = outs[i]
            assert (t.min[k], t.max[k]) == (y.min(), y.max())
            assert t.mean[k] == pytest.approx(y.mean(dtype=float), abs=1e-6)
            assert t.std[k] == pytest.approx(y.std(dtype=float), rel=1e-5)
            counts, edges = t.histograms[k]
            assert counts.sum() == y.size
            assert_bits(counts, np.histogram(y.astype(float), 32, (edges[0], edges[-1]))[0])
            if len(list(net[i].parameters())):
                assert t.grad_norm[k] == pytest.approx(grads[i], rel=1e-5)
            else:
                assert t.grad_norm[k] is None
            assert t.dout_norm[k] > 0
    assert seen["1"].saturated[-1] == np.mean(np.abs(expected[-1][0][1]) > 0.99)
    assert seen["5"].saturated[0] == np.mean((expected[0][0][5] < 0.01) | (expected[0][0][5] > 0.99))
    assert seen["3"].dead == [float((y[3] == 0).all(0).mean()) for y, _ in expected]
    assert seen["0"].dead == seen["0"].saturated == [None] * 3
    assert seen["1"].kind == "Tanh"


def test_gradients_that_come_in(rng):
    net = network().double()
    x = fg.from_numpy(rng.standard_normal((4, 5)))
    with monitor.watch(net, every=1) as seen:
        h = net[0](x)
        out = net(x)
        out.backward(2.0 * fg.ones(4, 3, dtype="float64"))
    assert seen["6"].dout_norm == [pytest.approx(2 * np.sqrt(12), rel=1e-14)]
    h = net[0](x).detach().requires_grad_()
    net[1:](h).backward(2.0 * fg.ones(4, 3, dtype="float64"))
    assert seen["0"].dout_norm == [pytest.approx(float(h.grad.norm()), rel=1e-13)]


def test_a_watched_run_has_the_bits_of_an_unwatched_one(rng):
    twin = np.random.Generator(np.random.Philox(11))
    plain, watched = network(), network()
    losses = trained(plain, 6, np.random.Generator(np.random.Philox(11)))
    with monitor.watch(watched, every=2):
        assert trained(watched, 6, twin) == losses
    for p, q in zip(plain.parameters(), watched.parameters(), strict=True):
        assert_bits(p.data, q.data)


def test_it_leaves_no_hooks_behind(rng):
    net = network()
    with monitor.watch(net, every=1):
        net(fg.ones(2, 5))  # without a backward
    assert all(not any(vars(m._hooks).values()) for m in net.modules() if m._hooks is not None)
    assert not any(hasattr(p, "_hooks") for p in net.parameters())
    calls = []
    handle = net[0].weight.register_hook(lambda g: calls.append(1))
    with monitor.watch(net, every=1) as seen, pytest.raises(ValueError, match="linear"):
        net(fg.ones(2, 7))
    net(fg.ones(2, 5)).sum().backward()
    assert len(calls) == 1, "another's hook stays"
    assert seen.steps == 1
    assert "0" not in seen.traces, "the layer failed"
    handle.remove()


def test_only_training_steps_count(rng):
    net = network()
    with monitor.watch(net, every=2) as seen:
        net(fg.ones(2, 5))
        with fg.no_grad():
            net(fg.ones(2, 5))
        net.eval()(fg.ones(2, 5))
        net.train()(fg.ones(2, 5))
        net(fg.ones(2, 5)).sum().backward()
    assert seen.steps == 3
    assert seen["0"].steps == [0, 2]
    assert seen["0"].grad_norm[0] is None
    assert seen["0"].grad_norm[1] > 0
    assert seen["0"].last("grad_norm") == seen["0"].grad_norm[1]


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.act = nn.Linear(3, 3), nn.ReLU()

    def forward(self, x):
        return self.act(self.body(self.act(self.body(x))))


def test_a_module_that_is_called_twice():
    net = Twice()
    with monitor.watch(net, every=1, layers=["act"]) as seen:
        for _ in range(2):
            net(fg.ones(2, 3)).sum().backward()
    assert list(seen.traces) == ["act", "act (2)"]
    assert len(seen["act (2)"].steps) == 2


def test_layers_that_are_named():
    net = nn.Sequential(network(), nn.ReLU())
    with monitor.watch(net, every=1, layers=["0", "0.3"]) as seen:
        net(fg.ones(2, 5))
    assert list(seen.traces) == ["0.3", "0"]
    with monitor.watch(nn.Linear(2, 2)) as seen:
        fg.nn.Module.__call__(seen.model, fg.ones(1, 2)).sum().backward()
    assert list(seen.traces) == ["Linear"]
    assert seen["Linear"].grad_norm == [pytest.approx(np.sqrt(6))]


def test_dead_units():
    x = np.zeros((4, 3), np.float32)
    x[2, 1] = 1
    assert monitor.dead(x) == pytest.approx(2 / 3)
    assert monitor.dead(np.array([0.0])) == 1.0
    images = np.zeros((2, 4, 3, 3))
    images[1, 0, 2, 2] = images[0, 3, 0, 0] = np.nan
    assert monitor.dead(images, kernel_axes=4) == 0.5
    words = np.zeros((2, 5, 4))
    words[0, 0, 1] = 1
    assert monitor.dead(words) == 0.75

    class Conv(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(fg.zeros(3, 2, 1, 1))

        def forward(self, x):
            return fg.cat([x, x[:, :1]], 1) + self.weight.sum()

    net = nn.Sequential(Conv(), nn.ReLU())
    one = np.zeros((2, 2, 3, 3), np.float32)
    one[1, 1, 0, 0] = 1
    with monitor.watch(net, every=1) as seen:
        net(fg.tensor(one))
    assert seen["1"].dead == [pytest.approx(2 / 3)]


def test_limits_of_other_classes():
    """By the names of classes, so that one's own count too; a ReLU6 is a Hardtanh that is looked at as a ReLU."""
    hard = type("Hardtanh", (nn.Module,), {"min_val": -2.0, "max_val": 2.0, "forward": lambda self, x: x.clamp(-2, 2)})
    six = type("ReLU6", (hard,), {"min_val": 0.0, "max_val": 6.0, "forward": lambda self, x: x.clamp(0, 6)})
    net = nn.Sequential(hard(), six())
    with monitor.watch(net, every=1) as seen:
        net(fg.tensor([[-3.0, 1.995, 0.0, 1.0]]))
    assert (seen["0"].saturated, seen["0"].dead) == ([0.5], [None])
    assert (seen["1"].saturated, seen["1"].dead) == ([None], [0.5])


def test_a_histogram_of_many_elements_sees_all_columns(rng):
    x = np.repeat(np.arange(1024.0)[None], 64, 0)
    counts, _ = monitor.histogram(x, 0.0, 1023.0)
    assert (counts > 0).all()
    assert counts.max() < 1.5 * counts.min()
    assert 3000 < counts.sum() <= 4200
    counts, _ = monitor.histogram(np.array([np.nan, 1.0, np.inf]), float("nan"), float("nan"))
    assert counts.sum() == 1
    assert monitor.histogram(np.array([np.nan]), float("nan"), float("nan"))[0].sum() == 0
    counts, _ = monitor.histogram(np.full(5, 7.0), 7.0, 7.0)
    assert counts.sum() == 5


def test_norms_beyond_float32():
    assert monitor.norm(np.full(4, 1e30, np.float32)) == pytest.approx(2e30, rel=1e-6)
    assert monitor.norm(np.full(4, 1e-30, np.float32)) == pytest.approx(2e-30, rel=1e-6)
    assert monitor.norm(np.zeros(3, np.float32)) == 0
    assert np.isnan(monitor.norm(np.array([1.0, np.nan], np.float32)))


# -- captured steps ----------------------------------------------------------------------------------------------------
def test_a_captured_step_is_refused_or_not_seen():
    net = network()

    @fg.capture
    def step(x):
        return net(x).sum()

    with monitor.watch(net, every=1) as seen, pytest.raises(fg.CaptureError, match="watch the step while it runs eag"):
        step(fg.ones(2, 5))
    step(fg.ones(2, 5))
    with monitor.watch(net, every=1) as seen:
        step(fg.ones(2, 5))
    assert seen.steps == 0
    assert repr(seen) == "<a monitor of Sequential: 0 steps, none measured>"
    with pytest.raises(ValueError, match=r"draw: no step was measured.*a captured step is not seen"):
        seen.draw()


# -- what it says ------------------------------------------------------------------------------------------------------
def test_findings(rng):
    healthy = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3))
    with monitor.watch(healthy, every=1) as seen:
        trained(healthy, 1, rng)
    assert seen.findings() == []
    net = network()
    net[0].weight.data[:] *= 100
    net[2].bias.data[:4] = -100
    net[4].weight.data[:] *= 1e-6
    with monitor.watch(net, every=1) as seen:
        trained(net, 1, rng)
    text = "\n".join(seen.findings())
    assert re.search(r"^1: \d+% of the outputs of Tanh are at its limits", text, re.M)
    assert re.search(r"^3: \d+% of the units of ReLU are 0 for the whole batch", text, re.M)
    assert re.search(r"^0: the gradient vanishes: its norm is .*, at 6 ", text, re.M)
    net[6].weight.data[:] = np.inf
    with monitor.watch(net, every=1) as seen:
        net(fg.ones(2, 5)).sum().backward()
    assert "6: the output of Linear is not finite" in "\n".join(seen.findings())
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight.data[:] = 1e6
    with monitor.watch(net, every=1) as seen:
        net(fg.ones(2, 2)).sum().backward()
    assert "0: the gradient explodes" in seen.findings()[0]


def test_the_table(rng):
    net = network()
    with monitor.watch(net, every=2) as seen:
        trained(net, 3, rng)
    lines = repr(seen).splitlines()
    assert lines[0] == "step 2"
    assert lines[1].split() == ["layer", "class", "min", "max", "mean", "std", "saturated", "dead", "|grad|", "|dout|"]
    assert len(lines) == 2 + 7
    assert lines[5].split()[:2] == ["3", "ReLU"]


@pytest.mark.parametrize("steps", [1, 6])
def test_the_drawing(steps, rng, tmp_path):
    net = network()
    with monitor.watch(net, every=2) as seen:
        trained(net, steps, rng)
    text = seen.draw(tmp_path / "layers.svg")
    assert (tmp_path / "layers.svg").read_text(encoding="utf-8") == text
    root = ET.fromstring(text)
    words = [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert words[0] == f"Layers over {steps} step{'s' * (steps > 1)}"
    assert {"output", "histogram of the output", "saturated or dead", "norm of the gradient", "Tanh"} <= set(words)
    assert "nan" not in text
    assert "inf" not in text.replace("infer", "")
    inside(root)
    one = seen.draw(layers=["1"])
    assert one.count("Linear") == 0
    with pytest.raises(KeyError, match="no trace of '9'"):
        seen.draw(layers=["9"])


def inside(root):
    """Every number of every path lies in the picture."""
    width, height = (float(root.get(k)) for k in ("width", "height"))
    for path in root.iter("{http://www.w3.org/2000/svg}path"):
        for command, numbers in re.findall(r"([MLHV])([-\d. ]+)", path.get("d")):
            values = [float(v) for v in numbers.split()]
            pairs = {"H": [(values[0], 0)], "V": [(0, values[0])]}.get(command, [tuple(values[:2])])
            assert all(0 <= x <= width and 0 <= y <= height for x, y in pairs), path.get("d")


def test_a_drawing_of_what_is_not_finite():
    net = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    net[0].weight.data[:] = np.inf
    with monitor.watch(net, every=1) as seen:
        for _ in range(2):
            net(fg.tensor([[1.0, -1.0]])).sum().backward()
            net[0].weight.data[:] = 1.0
    inside(ET.fromstring(seen.draw()))


def test_refusals():
    net = network()
    with pytest.raises(ValueError, match="every must be at least 1, not 0"):
        monitor.watch(net, every=0)
    with pytest.raises(ValueError, match=r"no layers \['x'\]; the model has \['', '0'"):
        monitor.watch(net, layers=["0", "x"])
    with pytest.raises(TypeError, match="watch: takes a Module, not a function"):
        monitor.watch(lambda x: x)
    seen = monitor.watch(net)
    with seen, pytest.raises(RuntimeError, match="watches already"):
        seen.__enter__()
