"""Hooks of modules: the same program with fastgrad and with PyTorch, where that is installed, sees the same."""

import copy
import importlib.util

import pytest

import fastgrad as fg

torch = None
if importlib.util.find_spec("torch") is not None:
    import torch

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed: nothing to compare with")


@pytest.fixture(params=[pytest.param("fastgrad"), pytest.param("torch", marks=needs_torch)])
def lib(request):
    return {"fastgrad": fg, "torch": torch}[request.param]


def scaled(lib):
    class Scale(lib.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = lib.nn.Parameter(lib.tensor([2.0, 3.0]))

        def forward(self, x, plus=0.0):
            return x * self.w + plus

    return Scale()


def numbers(grads):
    return [None if g is None else g.tolist() for g in grads]


def test_order_of_forward_hooks(lib):
    m, seen = scaled(lib), []
    m.register_forward_pre_hook(lambda m, a: seen.append("pre 1"))
    m.register_forward_pre_hook(lambda m, a: seen.append("pre 0"), prepend=True)
    m.register_forward_hook(lambda m, a, out: seen.append(("post 1", out.tolist())))
    handle = m.register_forward_hook(lambda m, a, out: out + 1.0)
    m.register_forward_hook(lambda m, a, k, out: seen.append(("post 2", out.tolist(), dict(k))), with_kwargs=True)
    m.register_forward_hook(lambda m, a, out: seen.append("post 0"), prepend=True)
    assert m(lib.tensor([1.0, 1.0]), plus=10.0).tolist() == [13, 14]
    assert seen == ["pre 0", "pre 1", "post 0", ("post 1", [12, 13]), ("post 2", [13, 14], {"plus": 10.0})]
    handle.remove()
    handle.remove()
    assert m(lib.tensor([1.0, 1.0])).tolist() == [2, 3]
    m.forward(lib.tensor([1.0, 1.0]))
    assert len(seen) == 10, "forward alone calls no hooks"


def test_a_hook_that_removes_itself(lib):
    m, seen = scaled(lib), []
    handle = m.register_forward_hook(lambda m, a, out: (seen.append(1), handle.remove())[0])
    m.register_forward_hook(lambda m, a, out: seen.append(2))
    for _ in range(2):
        m(lib.tensor([1.0, 1.0]))
    assert seen == [1, 2, 2]


def test_backward_hooks(lib):
    m, seen = scaled(lib), []
    m.register_full_backward_pre_hook(lambda m, go: seen.append(("pre", numbers(go))))
    m.register_full_backward_hook(lambda m, gi, go: (seen.append((numbers(gi), numbers(go))), (gi[0] * 2.0,))[1])
    m.register_full_backward_hook(lambda m, gi, go: seen.append(("second", numbers(gi))))
    x = lib.tensor([1.0, -1.0], requires_grad=True)
    (m(x) * lib.tensor([1.0, 10.0])).sum().backward()
    assert seen == [("pre", [[1, 10]]), ([[2, 30]], [[1, 10]]), ("second", [[4, 60]])]
    assert x.grad.tolist() == [4, 60]
    assert m.w.grad.tolist() == [1, -10]


def test_errors_leave_the_hooks(lib):
    m, seen = scaled(lib), []
    m.register_forward_hook(lambda m, a, out: seen.append(out is None), always_call=True)
    with pytest.raises(TypeError):
        m(lib.tensor([1.0, 1.0]), plus="a")
    m(lib.tensor([1.0, 1.0]))
    assert seen == [True, False]


def test_hooks_are_copied_with_their_module(lib):
    m, seen = scaled(lib), []
    m.register_forward_hook(lambda module, a, out: seen.append(module))
    twin = copy.deepcopy(m)
    twin(lib.tensor([1.0, 1.0]))
    m(lib.tensor([1.0, 1.0]))
    assert [s is m for s in seen] == [False, True]
    twin.register_forward_hook(lambda module, a, out: seen.append("twin"))
    m(lib.tensor([1.0, 1.0]))
    assert seen[-1] is m, "the two have lists of their own"
