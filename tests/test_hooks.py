"""Hooks of tensors and modules, retain_grad, and backward for chosen inputs."""

import weakref

import numpy as np
import pytest
from test_tape import leaf

import fastgrad as fg
from fastgrad import nn


# -- tensors -----------------------------------------------------------------------------------------------------------
def test_a_hook_on_a_result_replaces_its_gradient():
    x = leaf(1, 2)
    h = x * 2.0
    seen = []
    handle = h.register_hook(lambda g: seen.append(g.tolist()))
    h.register_hook(lambda g: g * 10.0)
    (h * 3.0).sum().backward()
    assert seen == [[3, 3]]
    assert x.grad.tolist() == [60, 60]
    handle.remove()
    handle.remove()
    h = x * 2.0
    with h.register_hook(lambda g: g * 0.0):
        pass
    (h * 3.0).sum().backward()
    assert x.grad.tolist() == [66, 66]
    assert len(seen) == 1


def test_a_hook_on_a_leaf_runs_once_on_the_sum():
    x, y = leaf(1, 2), leaf(1, 1)
    seen = []
    x.register_hook(lambda g: seen.append(g.tolist()))
    x.register_hook(lambda g: -g)
    (x * x + x * y + x).sum().backward()
    assert seen == [[4, 6]]
    assert x.grad.tolist() == [-4, -6]
    assert y.grad.tolist() == [1, 2]
    (x * 1.0).sum().backward()
    assert seen == [[4, 6], [1, 1]]
    assert x.grad.tolist() == [-5, -7]
    x.backward(fg.tensor(np.ones(2)))  # a leaf is its own root
    assert x.grad.tolist() == [-6, -8]


def test_hooks_run_before_grad_hands_the_gradient_out():
    x = leaf(1, 2)
    h = x * 2.0
    h.register_hook(lambda g: g * 10.0)
    y = (h * 3.0).sum()
    assert fg.grad(y, h, retain_graph=True)[0].tolist() == [30, 30]
    assert fg.grad(y, [h, x], retain_graph=True)[1].tolist() == [60, 60]
    called = []
    x.register_hook(lambda g: g + 1.0)
    x.register_post_accumulate_grad_hook(called.append)
    assert fg.grad(y, x, retain_graph=True)[0].tolist() == [61, 61]
    other = leaf(1, 1)
    other.register_hook(called.append)
    assert fg.grad((x * other).sum(), x)[0].tolist() == [2, 2], "a leaf that was not asked for"
    assert not called


def test_hooks_at_retain_graph_and_create_graph():
    x = leaf(2)
    h = x * x
    handle = h.register_hook(lambda g: g * g)  # of 3 h^2
    y = (h * h * h).sum()
    y.backward(retain_graph=True)
    y.backward(retain_graph=True)
    assert x.grad.tolist() == [2 * (3 * 16) ** 2 * 4]
    (slope,) = fg.grad(y, x, create_graph=True)  # 9 x^8 2 x = 18 x^9
    assert slope.tolist() == [18 * 2**9]
    handle.remove()  # it would also see the gradient of the slope at h
    assert fg.grad(slope.sum(), x)[0].tolist() == [18 * 9 * 2**8]


def test_a_leaf_hook_is_differentiated_too():
    x = leaf(3)
    x.register_hook(lambda g: g * g)
    (slope,) = fg.grad((x * x).sum(), x, create_graph=True)  # 4 x^2
    assert slope.tolist() == [36]
    x._hooks.before.clear()
    assert fg.grad(slope.sum(), x)[0].tolist() == [24]


def test_what_a_leaf_hook_returns_is_not_shared():
    x, own = leaf(1, 2), fg.tensor(np.array([7.0, 8.0]))
    x.register_hook(lambda g: own)
    x.sum().backward()
    own.zero_()
    assert x.grad.tolist() == [7, 8]


def test_post_accumulate_hooks():
    x = leaf(1, 2)
    seen = []

    def hook(p):
        assert p is x
        seen.append(p.grad.tolist())
        p.grad = None

    handle = x.register_post_accumulate_grad_hook(hook)
    (x * x).sum().backward()
    (x * 3.0).sum().backward()
    assert seen == [[2, 4], [3, 3]]
    assert x.grad is None
    handle.remove()
    (x * 3.0).sum().backward()
    assert x.grad.tolist() == [3, 3]


def test_an_optimizer_in_backward():
    x, y = leaf(1, 2), leaf(3, 4)
    optimizers = {p: fg.optim.SGD([p], lr=0.5) for p in (x, y)}

    def update(p):
        optimizers[p].step()
        optimizers[p].zero_grad()

    for p in optimizers:
        p.register_post_accumulate_grad_hook(update)
    (x * y).sum().backward()
    assert (x.tolist(), y.tolist()) == ([-0.5, 0], [2.5, 3])


def test_retain_grad(no_gc):
    x = leaf(1, 2)
    h = x * 2.0
    assert not h.retains_grad
    h.register_hook(lambda g: g * 10.0)
    h.retain_grad()
    h.retain_grad()
    h.register_hook(lambda g: g + 1.0)
    assert h.retains_grad
    y = (h * 3.0).sum()
    y.backward(retain_graph=True)
    first = h.grad
    assert first.tolist() == [31, 31], "after all hooks"
    y.backward(retain_graph=True)
    assert h.grad.tolist() == [62, 62]
    assert first.tolist() == [31, 31]
    fg.grad(y, x)
    assert h.grad.tolist() == [93, 93]
    x.retain_grad()
    assert not x.retains_grad
    reference = weakref.ref(h)
    del h, y
    assert reference() is None, "a cycle"


def test_refusals_of_tensor_hooks():
    x = leaf(1, 2)
    for name in ("register_hook", "register_post_accumulate_grad_hook"):
        with pytest.raises(RuntimeError, match=name):
            getattr(x.detach(), name)(print)
    with pytest.raises(RuntimeError, match="retain_grad"):
        x.detach().retain_grad()
    with pytest.raises(RuntimeError, match=r"the result of Mul, \(2,\), is no leaf"):
        (x * x).register_post_accumulate_grad_hook(print)
    for bad, error, text in (
        (lambda g: fg.tensor(np.ones(3)), RuntimeError, r"returned \(3,\) float64 for a gradient \(2,\) float64"),
        (lambda g: g.float(), RuntimeError, "float32 for a gradient"),
        (lambda g: 3, TypeError, "returned int"),
    ):
        h = x * 1.0
        h.register_hook(bad)
        with pytest.raises(error, match=text):
            h.sum().backward()
        assert x.grad is None


def test_backward_for_chosen_inputs():
    x, y = leaf(1, 2), leaf(3, 4)
    h = x * y
    called = []
    x.register_post_accumulate_grad_hook(lambda p: called.append(p.grad.tolist()))
    (h * h).sum().backward(inputs=[x, h])
    assert (x.grad.tolist(), h.grad.tolist(), y.grad) == ([18, 64], [6, 16], None)
    assert called == [[18, 64]]
    fg.autograd.backward([(x * 1.0).sum(), y * 2.0], [None, fg.tensor(np.ones(2))], inputs=y)
    assert (x.grad.tolist(), y.grad.tolist()) == ([18, 64], [2, 2])


def test_hooks_in_a_captured_step():
    def make():
        w = fg.tensor([1.0, 2.0], requires_grad=True)
        w.register_hook(lambda g: g.clip(-1.0, 1.0))
        opt = fg.optim.SGD([w], lr=0.25)

        def step(x):
            opt.zero_grad()
            h = w * x
            h.register_hook(lambda g: g * 2.0)
            h.retain_grad()
            loss = (h * h).sum()
            loss.backward()
            opt.step()
            return loss, h.grad

        return w, step

    (w, eager), (v, step) = make(), make()
    captured = fg.capture(step)
    for k in range(4):
        x = fg.tensor([0.3 + k, -0.2])
        a, b = eager(x), captured(x)
        assert [t.tolist() for t in a] == [t.tolist() for t in b]
        assert (w.tolist(), w.grad.tolist()) == (v.tolist(), v.grad.tolist())


# -- modules -----------------------------------------------------------------------------------------------------------
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(2, 2).double()
        self.body.weight.data[...] = [[1, 2], [3, 4]]
        self.body.bias.data[...] = 0

    def forward(self, x, scale=1.0):
        return self.body(x) * scale


def rows(*values, grad=False):
    return fg.tensor(np.array([values], np.float64), requires_grad=grad)


def test_forward_hooks():
    net, seen = Net(), []
    handles = [
        net.register_forward_pre_hook(lambda m, args: seen.append(("pre", m is net, len(args)))),
        net.register_forward_pre_hook(lambda m, args: args[0] * 10.0),
        net.register_forward_pre_hook(lambda m, args, kw: (args, {"scale": kw["scale"] * 2.0}), with_kwargs=True),
        net.register_forward_hook(lambda m, args, out: out + args[0]),
        net.register_forward_hook(lambda m, args, kw, out: seen.append(("post", kw)), with_kwargs=True),
        net.register_forward_hook(lambda m, args, out: seen.append("first"), prepend=True),
    ]
    assert net(rows(1, 1), scale=0.5).tolist() == [[40, 80]]
    assert seen == [("pre", True, 1), "first", ("post", {"scale": 1.0})]
    for handle in handles:
        handle.remove()
    assert net(rows(1, 1)).tolist() == [[3, 7]]


def test_always_called_hooks():
    seen = []
    net = Net()
    net.register_forward_hook(lambda m, args, out: seen.append(out), always_call=True)
    net.register_forward_hook(lambda m, args, out: seen.append("not reached"))
    with pytest.raises(TypeError):
        net(rows(1, 1), scale="a")
    assert seen == [None]


def test_full_backward_hooks():
    net, seen = Net(), []
    body = net.body
    body.register_full_backward_pre_hook(lambda m, go: (seen.append(go[0].tolist()), (go[0] * 2.0,))[1])
    handle = body.register_full_backward_hook(lambda m, gi, go: seen.append((gi[0].tolist(), go[0].tolist())))
    x = rows(1, 1, grad=True)
    net(x).sum().backward()
    assert seen == [[[1, 1]], ([[8, 12]], [[2, 2]])]
    assert x.grad.tolist() == [[8, 12]]
    assert body.bias.grad.tolist() == [2, 2]
    handle.remove()
    body.register_full_backward_hook(lambda m, gi, go: (gi[0] * 0.0,))
    x.grad = None
    net(x).sum().backward()
    assert x.grad.tolist() == [[0, 0]]
    assert body.bias.grad.tolist() == [4, 4]


def test_full_backward_hooks_without_inputs_that_require_a_gradient():
    net, seen = Net(), []
    net.body.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go[0].tolist())))
    net(rows(1, 1)).sum().backward()
    assert seen == [((None,), [[1, 1]])]
    with fg.no_grad():
        net(rows(1, 1, grad=True))
    assert len(seen) == 1


class Two(nn.Module):
    def forward(self, a, n, b):
        return a * b, a + b, n


@pytest.mark.parametrize("create_graph", [False, True])
def test_full_backward_hooks_of_several_inputs_and_outputs(create_graph):
    module, seen = Two(), []
    module.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go)))
    a, b = leaf(2, 3), leaf(4, 5)
    product, total, n = module(a, 7, b)
    assert n == 7
    da, db = fg.grad(product.sum(), [a, b], retain_graph=True, create_graph=create_graph)
    (gi, go) = seen.pop()
    assert [g if g is None else g.tolist() for g in gi] == [[4, 5], None, [2, 3]]
    assert [g if g is None else g.tolist() for g in go] == [[1, 1], [0, 0], None], "zeros for what was not used"
    assert (da.tolist(), db.tolist()) == ([4, 5], [2, 3])
    if create_graph:
        assert fg.grad(da.sum(), b, retain_graph=True)[0].tolist() == [1, 1]
    (total * product).sum().backward()
    assert a.grad.tolist() == [4 * 6 + 8, 5 * 8 + 15]
    assert not np.shares_memory(a.grad.data, b.grad.data)


def test_refusals_of_module_hooks():
    net = Net()
    handle = net.body.register_full_backward_hook(lambda m, gi, go: (gi[0], gi[0]))
    with pytest.raises(RuntimeError, match="full backward hook of Linear: it returned 2 gradients in the place of 1"):
        net(rows(1, 1, grad=True)).sum().backward()
    handle.remove()
    net.register_forward_pre_hook(lambda m, args, kw: args, with_kwargs=True)
    with pytest.raises(RuntimeError, match=r"with_kwargs=True, so it returns None or \(args, kwargs\)"):
        net(rows(1, 1))


# -- joint nodes -------------------------------------------------------------------------------------------------------
def test_hooks_leave_no_cycles(no_gc):
    net = Net()
    net.body.register_full_backward_hook(lambda m, gi, go: None)
    net.register_forward_hook(lambda m, args, out: None)
    x = rows(1, 1, grad=True)
    for finish in (lambda y: None, lambda y: y.sum().backward()):
        y = net(x)
        y.register_hook(lambda g: g * 1.0)
        finish(y)
        reference = weakref.ref(y), weakref.ref(y.data)
        del y
        assert [r() for r in reference] == [None, None]


# -- switches ----------------------------------------------------------------------------------------------------------
def test_set_grad_enabled():
    x = leaf(1)
    with fg.set_grad_enabled(False):
        assert not (x * x).requires_grad
        with fg.set_grad_enabled(True):
            assert (x * x).requires_grad
    assert fg.is_grad_enabled()
    fg.set_grad_enabled(False)
    try:
        assert not fg.is_grad_enabled()
    finally:
        fg.set_grad_enabled(True)

    @fg.set_grad_enabled(False)
    def f():
        return fg.is_grad_enabled()

    assert fg.is_grad_enabled()
    assert not f()


def test_inference_mode():
    x = leaf(1)
    with fg.inference_mode():
        assert not (x * x).requires_grad
    with fg.inference_mode(False):
        assert (x * x).requires_grad

    @fg.inference_mode
    def f():
        return fg.is_grad_enabled()

    @fg.inference_mode()
    def g():
        return fg.is_grad_enabled()

    assert not f()
    assert not g()


def test_decorators_of_generators_and_without_parentheses():
    @fg.no_grad()
    def values():
        got = yield fg.is_grad_enabled()
        try:
            got = yield got, fg.is_grad_enabled()
        except KeyError:
            yield "error", fg.is_grad_enabled()
        return 5

    made = values()
    assert next(made) is False
    assert fg.is_grad_enabled(), "switched while it runs, not between"
    assert made.send(3) == (3, False)
    assert made.throw(KeyError("a")) == ("error", False)
    with pytest.raises(StopIteration) as stop:
        next(made)
    assert stop.value.value == 5
    assert fg.is_grad_enabled()

    @fg.no_grad
    def f():
        return fg.is_grad_enabled()

    assert not f()
