"""checkpoint: the same gradients from less memory."""

import weakref

import numpy as np
import pytest
from test_function import Cube, Exp
from test_tape import leaf

import fastgrad as fg
from fastgrad import nn, ops
from fastgrad.testing import assert_bits
from fastgrad.utils.checkpoint import checkpoint, checkpoint_sequential


def layers(n, width, seed=0):
    draw = np.random.Generator(np.random.Philox(seed))
    net = nn.Sequential(*(m for _ in range(n) for m in (nn.Linear(width, width), nn.Tanh())))
    for p in net.parameters():
        p.data[...] = draw.standard_normal(p.shape) / np.sqrt(width)
    return net


def gradients(net, run, x):
    net.zero_grad()
    x.grad = None
    loss = (run(x) * 3.0).sum()
    loss.backward()
    return [loss.data, x.grad.data, *(p.grad.data for p in net.parameters())]


@pytest.mark.parametrize("segments", [1, 2, 3, 6])
def test_the_bits_are_those_of_the_plain_run(segments):
    net = layers(3, 5)
    x = fg.tensor(np.random.Generator(np.random.Philox(1)).standard_normal((4, 5)).astype("f"), requires_grad=True)
    expected = gradients(net, net, x)
    for run in (lambda x: checkpoint_sequential(net, segments, x), lambda x: checkpoint(net, x, use_reentrant=False)):
        for a, b in zip(gradients(net, run, x), expected, strict=True):
            assert_bits(a, b)


def test_memory_of_a_deep_net_is_lower(no_gc):
    net = layers(32, 256)
    x = fg.tensor(np.ones((512, 256), "f"))
    one = x.data.nbytes
    held, peak = {}, {}
    for name, run in {"plain": net, "checkpoint": lambda x: checkpoint_sequential(net, 8, x)}.items():
        before = fg.kernels.memory()["used"]
        used = []

        def look(_, used=used, before=before):
            used.append(fg.kernels.memory()["used"] - before)

        handles = [m.register_full_backward_hook(lambda m, gi, go: look(None)) for m in net if isinstance(m, nn.Linear)]
        out = run(x)
        look(None)
        out.sum().backward()
        held[name], peak[name] = used[0], max(used)
        for handle in handles:
            handle.remove()
        del out
        net.zero_grad()
    # plain: the 32 results of tanh; checkpoint: the results of 8 segments, and one segment of 4 layers
    weights = sum(p.data.nbytes for p in net.parameters())
    assert held["plain"] >= 32 * one
    assert held["checkpoint"] <= 14 * one
    assert peak["checkpoint"] <= 24 * one + weights < peak["plain"]


def test_the_second_run_is_freed_piece_by_piece(no_gc):
    x = leaf(1, 2)
    inside = []

    def function(x):
        h = x.exp()
        inside.append(weakref.ref(h.data))
        return h.exp()

    y = checkpoint(function, x).sum()
    assert [r() for r in inside] == [None], "emptied while it is recorded"
    y.backward()
    assert [r() for r in inside] == [None, None]
    np.testing.assert_allclose(x.grad.data, np.exp(np.exp(x.data)) * np.exp(x.data))
    references = weakref.ref(x), weakref.ref(y)
    del x, y
    assert [r() for r in references] == [None, None]


def test_nothing_is_left_when_backward_never_comes(no_gc):
    x = leaf(1, 2)
    y = checkpoint(lambda x: x.exp().exp(), x)
    references = weakref.ref(x), weakref.ref(y)
    del x, y
    assert [r() for r in references] == [None, None]


def test_leaves_used_inside_and_grad():
    x, w = leaf(1, 2), leaf(3, 4)
    out = checkpoint(lambda x, scale=1.0: (x * w * w).exp().log() * scale, x, scale=2.0)
    dx, dw = fg.grad(out.sum(), [x, w])
    np.testing.assert_allclose(dx.data, 2 * w.data**2)
    np.testing.assert_allclose(dw.data, 4 * x.data * w.data)
    assert x.grad is None
    h = x * 2.0
    out = checkpoint(lambda a, b: (a * b, a + b), h, w)
    (out[0] * out[1]).sum().backward()
    np.testing.assert_allclose(w.grad.data, h.data**2 + 2 * h.data * w.data)


@pytest.mark.parametrize("rule", [lambda t: t * t * t, Cube.apply, Exp.apply], ids=["ops", "Cube", "Exp"])
def test_second_order(rule):
    w = leaf(0.6, 0.7)

    def function(x):
        return checkpoint(lambda x: rule(x * w).tanh() * x, x * 1.0)

    x = leaf(0.5, 0.4)
    assert fg.gradcheck(function, x)
    assert fg.gradgradcheck(function, x)
    plain = fg.grad((rule(x * w).tanh() * x).sum(), w, create_graph=True)[0]
    ours = fg.grad(function(x).sum(), w, create_graph=True)[0]
    assert fg.grad(ours.sum(), x)[0].tolist() == fg.grad(plain.sum(), x)[0].tolist()


def test_retain_graph_and_hooks():
    x, runs, seen = leaf(1, 2), [], []

    def function(x):
        runs.append(1)
        h = x * x
        h.register_hook(lambda g: g * 2.0)
        return h * h

    y = checkpoint(function, x)
    y.register_hook(lambda g: seen.append(g.tolist()))
    y.sum().backward(retain_graph=True)
    y.sum().backward()
    assert seen == [[1, 1], [1, 1]]
    assert len(runs) == 2, "kept after retain_graph"
    assert x.grad.tolist() == [16, 128]
    with pytest.raises(RuntimeError, match="a second time"):
        y.sum().backward()


def test_random_numbers_are_drawn_again():
    x = leaf(*np.ones(50))

    def noisy(x):
        noise = fg.from_numpy(fg.random.default_generator().standard_normal(50))
        return (x * noise) * x

    fg.manual_seed(3)
    y = checkpoint(noisy, x)
    after = fg.random.default_generator().standard_normal()
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.data, 2 * y.data)
    following = fg.random.default_generator().standard_normal()
    fg.manual_seed(3)
    fg.random.default_generator().standard_normal(50)
    assert [after, following] == fg.random.default_generator().standard_normal(2).tolist(), "backward moved it"
    x.grad = None
    y = checkpoint(noisy, x, preserve_rng_state=False)
    y.sum().backward()
    assert np.any(x.grad.data != 2 * y.data)


def test_checkpoints_inside_checkpoints(no_gc):
    x, runs = leaf(0.5, 0.6), []

    def inner(x):
        runs.append("inner")
        return x.exp().tanh()

    def outer(x):
        runs.append("outer")
        return checkpoint(inner, x * x) * x

    y = checkpoint(outer, x)
    y.sum().backward()
    expected = leaf(0.5, 0.6)
    ((expected * expected).exp().tanh() * expected).sum().backward()
    assert_bits(x.grad.data, expected.grad.data)
    assert runs.count("outer") == 2


def test_views_and_changes_in_place_inside():
    w = leaf(2, 3)

    def function(x):
        h = x.reshape(2, 1) * w
        h[0] = h[1] + 1.0
        h.mul_(3.0)
        return h.t()[1].exp()

    x, y = leaf(0.1, 0.2), leaf(0.1, 0.2)
    checkpoint(function, x).sum().backward()
    dw, w.grad = w.grad, None
    function(y).sum().backward()
    assert x.grad.tolist() == y.grad.tolist()
    assert dw.tolist() == w.grad.tolist()


def test_a_second_run_that_differs_is_refused():
    x, runs = leaf(1, 2), []

    def changing(x):
        runs.append(1)
        return x.exp() * x if len(runs) % 2 else x.tanh() * x

    y = checkpoint(changing, x)
    with pytest.raises(RuntimeError, match=r"operation 0 was Exp \(2,\) the first time and Tanh \(2,\) now"):
        y.sum().backward()
    assert x.grad is None

    def longer(x):
        runs.append(1)
        for _ in runs:
            x = x.exp()
        return x

    runs.clear()
    with pytest.raises(RuntimeError, match="1 operations the first time and 2 the second"):
        checkpoint(longer, x).sum().backward()
    runs.clear()
    checkpoint(longer, x, determinism_check="none").sum().backward()
    with pytest.raises(ValueError, match="determinism_check"):
        checkpoint(longer, x, determinism_check="fast")
    assert fg.tape.state.watchers == ()


def test_changes_in_place_in_between_are_refused():
    x, w = leaf(1, 2), leaf(3, 4)
    h = x * 1.0
    y = checkpoint(lambda h: h.exp().exp(), h)
    h.detach().zero_()
    with pytest.raises(RuntimeError, match=r"its argument 0, of shape \(2,\), was changed in place before backward"):
        y.sum().backward()
    y = checkpoint(lambda x: (x * w).exp(), x)
    w.grad = fg.tensor(np.ones(2))
    fg.optim.SGD([w], lr=0.1).step()
    with pytest.raises(RuntimeError, match="backward of Mul: its input 1"):
        y.sum().backward()
    with pytest.raises(RuntimeError, match="was changed in place by the function itself"):
        checkpoint(lambda h: h.mul_(2.0), x * 1.0)

    def impatient(x):
        y = (x * x).sum()
        y.backward()
        return y

    with pytest.raises(RuntimeError, match="backward inside the function"):
        checkpoint(impatient, x)


def test_without_gradients_it_is_the_function():
    runs = []
    with fg.no_grad():
        out = checkpoint(lambda x: runs.append(1) or x.exp(), leaf(1, 2))
    assert not out.requires_grad
    out = checkpoint(lambda x: x * 2.0, fg.tensor([1.0]))
    assert not out.requires_grad
    assert fg.tape.state.watchers == ()
    assert not fg.tape.is_watched


def test_in_a_captured_step():
    def make(wrap):
        net = layers(2, 4)
        opt = fg.optim.SGD(net.parameters(), lr=0.1)

        def step(x):
            opt.zero_grad()
            loss = ops.mul(wrap(net, x), 1.0).sum()
            loss.backward()
            opt.step()
            return loss

        return net, step

    (a, eager), (b, step) = make(lambda net, x: net(x)), make(checkpoint)
    step = fg.capture(step)
    for k in range(3):
        x = fg.tensor(np.full((2, 4), 0.1 * k + 0.1, "f"))
        assert eager(x).item() == step(x).item()
    for p, q in zip(a.parameters(), b.parameters(), strict=True):
        assert_bits(p.data, q.data)


def test_with_anomaly_detection():
    x = leaf(0.0, 1.0)
    with fg.autograd.detect_anomaly():
        y = checkpoint(lambda x: x.sqrt() * 2.0, x)
        with pytest.raises(
            RuntimeError, match=r"anomaly in backward: Sqrt .*\n.*\n.*\n  recorded at .*test_checkpoint.py"
        ):
            y.sum().backward()


def test_segments_are_checked():
    with pytest.raises(ValueError, match="5 segments of 4 functions"):
        checkpoint_sequential(layers(2, 3), 5, fg.tensor(np.ones((1, 3), "f")))
