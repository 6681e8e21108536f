"""autograd.Function: an operation of one's own."""

import weakref
from typing import ClassVar

import numpy as np
import pytest
from test_tape import leaf

import fastgrad as fg
from fastgrad.autograd import Function
from fastgrad.autograd.function import once_differentiable


class Cube(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx, dout):
        (x,) = ctx.saved_tensors
        return dout * 3.0 * x * x


class Exp(Function):
    """Saves its result."""

    @staticmethod
    def forward(x):
        return x.exp()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx, dout):
        return dout * ctx.saved_tensors[0]


class Both(Function):
    """Product and sum, each scaled by a number; and the number."""

    seen: ClassVar[list] = []

    @staticmethod
    def forward(ctx, a, scale, b):
        product = a * b * scale
        ctx.save_for_backward(a, b, product, None)
        ctx.scale = scale
        return product, (a + b) * scale, scale

    @staticmethod
    def backward(ctx, dproduct, dsum, dnumber):
        a, b, product, nothing = ctx.saved_tensors
        Both.seen.append((ctx.needs_input_grad, dproduct, dsum, dnumber))
        assert nothing is None
        np.testing.assert_allclose(product.data, a.data * b.data * ctx.scale)
        return (dproduct * b + dsum) * ctx.scale, None, (dproduct * a + dsum) * ctx.scale


def values(*shape, seed=0):
    return fg.tensor(np.random.Generator(np.random.Philox(seed)).uniform(0.5, 1.5, shape), requires_grad=True)


@pytest.mark.parametrize("function", [Cube.apply, Exp.apply], ids=["Cube", "Exp"])
def test_first_and_second_order(function):
    x = values(2, 3)
    assert fg.gradcheck(function, x)
    assert fg.gradgradcheck(function, x)
    out = function(x)
    assert out.grad_fn.op.__name__ in repr(out)


def test_third_order():
    x = leaf(2)
    y = Cube.apply(x)
    for expected in (12, 12, 6):
        (y,) = fg.grad(y.sum(), x, create_graph=True)
        assert y.tolist() == [expected]
    y = Exp.apply(x)
    for _ in range(3):
        (y,) = fg.grad(y.sum(), x, create_graph=True)
        np.testing.assert_allclose(y.data, np.exp(2.0))


def test_several_outputs():
    a, b = values(2, 3), values(2, 3, seed=1)

    def both(a, b):
        return Both.apply(a, 2.0, b)[:2]

    assert fg.gradcheck(both, (a, b))
    assert fg.gradgradcheck(both, (a, b))
    Both.seen.clear()
    product, total, number = Both.apply(a, 2.0, b)
    assert number == 2.0
    total.sum().backward()
    needs, dproduct, dsum, dnumber = Both.seen.pop()
    assert needs == (True, False, True)
    assert dproduct.tolist() == np.zeros((2, 3)).tolist()
    assert dsum.tolist() == np.ones((2, 3)).tolist()
    assert dnumber is None
    assert a.grad.tolist() == b.grad.tolist() == np.full((2, 3), 2.0).tolist()
    assert not np.shares_memory(a.grad.data, b.grad.data)
    with pytest.raises(RuntimeError, match="backward through Both a second time"):
        product.sum().backward()


def test_each_output_is_a_tensor_of_its_own():
    a, b = values(2), values(2, seed=1)
    product, total, _ = Both.apply(a, 1.0, b)
    product.register_hook(lambda g: g * 3.0)
    total.retain_grad()
    y = (product + total * total).sum()
    dproduct, dtotal = fg.grad(y, [product, total], retain_graph=True)
    assert dproduct.tolist() == [3, 3]
    np.testing.assert_array_equal(dtotal.data, 2 * total.data)
    y.backward()
    np.testing.assert_array_equal(total.grad.data, 2 * (2 * total.data))  # of both walks
    np.testing.assert_allclose(a.grad.data, 3 * b.data + 2 * total.data)


def test_outputs_used_after_each_other_are_summed_before_the_rule_runs():
    a, b = leaf(2), leaf(3)
    product, total, _ = Both.apply(a, 1.0, b)
    Both.seen.clear()
    (product * total * product).sum().backward()  # a^3 b^2 + a^2 b^3
    assert len(Both.seen) == 1
    assert a.grad.tolist() == [3 * 4 * 9 + 2 * 2 * 27]


def test_needs_input_grad_and_none_gradients():
    class Half(Function):
        @staticmethod
        def forward(ctx, a, b):
            return a * b

        @staticmethod
        def backward(ctx, dout):
            assert ctx.needs_input_grad == (True, False)
            return None, dout

    a = leaf(1, 2)
    Half.apply(a, fg.tensor(np.ones(2))).sum().backward()
    assert a.grad is None


def test_materialize_and_non_differentiable():
    seen = []

    class Sorted(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            order = fg.from_numpy(np.argsort(x.detach().numpy()))
            out, constant = fg.from_numpy(x.data[order.data]), x * 2.0
            ctx.mark_non_differentiable(constant)
            ctx.save_for_backward(order)
            return out, order, constant, x * 1.0

        @staticmethod
        def backward(ctx, dout, dorder, dconstant, dunused):
            seen.append((dorder, dconstant, dunused))
            (order,) = ctx.saved_tensors
            dx = np.zeros(dout.shape)
            dx[order.data] = dout.data
            return fg.from_numpy(dx)

    x = leaf(3, 1, 2)
    out, order, constant, unused = Sorted.apply(x)
    assert order.tolist() == [1, 2, 0]
    assert [t.requires_grad for t in (out, order, constant, unused)] == [True, False, False, True]
    (out * fg.tensor(np.array([10.0, 20.0, 30.0]))).sum().backward()
    assert x.grad.tolist() == [30, 10, 20]
    assert seen == [(None, None, None)]


def test_arrays_are_welcome_gradients_and_end_the_graph():
    class Numpy(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return fg.from_numpy(np.sin(x.data))

        @staticmethod
        def backward(ctx, dout):
            return dout.data * np.cos(ctx.saved_tensors[0].data)

    x = values(3)
    assert fg.gradcheck(Numpy.apply, x)
    (slope,) = fg.grad(Numpy.apply(x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="Numpy: its backward has no derivative of its own"):
        slope.sum().backward()


def test_once_differentiable():
    class Square(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @once_differentiable
        def backward(ctx, dout):
            assert not fg.is_grad_enabled()
            return dout * 2.0 * ctx.saved_tensors[0]

    x = leaf(3)
    assert fg.grad(Square.apply(x).sum(), x)[0].tolist() == [6]
    (slope,) = fg.grad(Square.apply(x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match=r"Square: its backward has no derivative of its own.*once_differentiable"):
        fg.grad(slope.sum(), x)


def test_mark_dirty(no_gc):
    class Double(Function):
        @staticmethod
        def forward(ctx, x):
            x.mul_(2.0)
            ctx.mark_dirty(x)
            ctx.save_for_backward(x)
            return x

        @staticmethod
        def backward(ctx, dout):
            ctx.saved_tensors  # noqa: B018
            return dout * 2.0

    x = leaf(1, 2)
    h = x * 3.0
    out = Double.apply(h)
    assert out is h
    assert h.tolist() == [6, 12]
    (h * h).sum().backward()
    assert x.grad.tolist() == [72, 144]
    reference = weakref.ref(h)
    del h, out
    assert reference() is None
    with pytest.raises(
        RuntimeError, match=r"Double: a leaf that requires a gradient, of shape \(2,\), is marked dirty"
    ):
        Double.apply(x)
    base = x * 1.0
    part = base[:1]
    Double.apply(part)
    x.grad = None
    base.sum().backward()
    assert x.grad.tolist() == [2, 1], "a view changes its base"

    class Lost(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            return x * 1.0

    with pytest.raises(RuntimeError, match=r"Lost: an argument of shape .* is marked dirty and not returned"):
        Lost.apply(x * 1.0)


def test_an_argument_returned_as_it_is():
    class Same(Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, dout):
            return dout

    x = leaf(1, 2)
    out = Same.apply(x)
    assert out is not x
    assert np.shares_memory(out.data, x.data)
    seed = np.ones(2)
    out.backward(fg.from_numpy(seed))
    assert not np.shares_memory(x.grad.data, seed)
    with fg.no_grad():
        assert not Same.apply(x).requires_grad


def with_backward(returned):
    class Wrong(Function):
        @staticmethod
        def forward(ctx, a, n, b):
            return a + b

        @staticmethod
        def backward(ctx, dout):
            return returned(dout)

    return Wrong.apply


@pytest.mark.parametrize(
    ("returned", "error", "text"),
    [
        (lambda d: d, RuntimeError, "Wrong: backward returned 1 gradients for 3 arguments"),
        (lambda d: (d, None, d, d), RuntimeError, "Wrong: backward returned 4 gradients for 3 arguments"),
        (lambda d: (d, d, d), RuntimeError, "a gradient for argument 1, which is no tensor"),
        (lambda d: (fg.tensor(np.ones(5)), None, d), RuntimeError, r"shape \(5,\) for argument 0, of shape \(2,\)"),
        (lambda d: (d, None, d.sum()), RuntimeError, r"shape \(\) for argument 2, of shape \(2,\)"),
        (lambda d: (d, None, "d"), TypeError, "backward returned str for argument 2"),
    ],
)
def test_wrong_gradients_are_named(returned, error, text):
    with pytest.raises(error, match=text):
        with_backward(returned)(leaf(1, 2), 3, leaf(1, 2)).sum().backward()


def test_gradients_are_summed_and_cast_to_their_argument():
    a, b = leaf(1, 2, dtype=np.float32), leaf(1, 2)
    with_backward(lambda d: (fg.tensor(np.ones((3, 2))), None, d, None, None))(a, 3, b).sum().backward()
    assert (a.grad.tolist(), a.grad.dtype) == ([3, 3], np.float32)
    g = fg.tensor(np.ones(2))
    a = leaf(1, 2)
    with_backward(lambda d: (g, None, g))(a, 3, b).sum().backward()
    g.zero_()
    assert a.grad.tolist() == [1, 1], "a leaf's gradient is its own"


def test_a_stale_saved_tensor_is_named():
    x = leaf(1, 2)
    h = x * 1.0
    y = Cube.apply(h)
    h.detach().zero_()
    with pytest.raises(RuntimeError, match=r"backward of Cube: its argument 0, of shape \(2,\), was changed in place"):
        y.sum().backward()
    y = Exp.apply(x)
    y.detach().zero_()
    with pytest.raises(RuntimeError, match="backward of Exp: its result 0"):
        y.sum().backward()
    with pytest.raises(TypeError, match="save_for_backward: argument 0 is int"):
        fg.autograd.FunctionCtx(()).save_for_backward(3)


def test_no_cycles(no_gc):
    for finish in (lambda y: None, lambda y: y.sum().backward()):
        for function in (Cube.apply, Exp.apply, lambda x: Both.apply(x, 1.0, x)[0]):
            x = leaf(1, 2)
            y = function(x)
            finish(y)
            Both.seen.clear()
            references = [weakref.ref(t) for t in (x, y, y.data)]
            del x, y
            assert [r() for r in references] == [None] * 3


class Sine(Function):
    """In NumPy, also while a step is captured; keeps what it needs as it likes."""

    host = True

    @staticmethod
    def forward(ctx, x, factor):
        ctx.cosine = np.cos(x.detach().numpy())
        ctx.save_for_backward(x)
        return fg.from_numpy(np.sin(x.detach().numpy()) * factor), fg.from_numpy(np.full(1, factor, x.dtype))

    @staticmethod
    def backward(ctx, dout, dfactor):
        (x,) = ctx.saved_tensors
        np.testing.assert_array_equal(np.cos(x.detach().numpy()), ctx.cosine)
        return dout.numpy() * ctx.cosine * 3.0, None


def test_host_functions():
    x = values(4)
    assert fg.gradcheck(lambda x: Sine.apply(x, 3.0)[0], x)
    (slope,) = fg.grad(Sine.apply(x, 3.0)[0].sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="Sine: its backward has no derivative"):
        slope.sum().backward()


@pytest.mark.parametrize("function", [lambda h: Sine.apply(h, 3.0)[0], Cube.apply, lambda h: Both.apply(h, 2.0, h)[0]])
def test_functions_in_a_captured_step(function):
    def make():
        w = fg.tensor([0.5, 0.7], requires_grad=True)
        opt = fg.optim.SGD([w], lr=0.1)

        def step(x):
            opt.zero_grad()
            loss = function(w * x).sum()
            loss.backward()
            opt.step()
            return loss

        return w, step

    (w, eager), (v, step) = make(), make()
    captured = fg.capture(step)
    for k in range(4):
        x = fg.tensor([1.0 + k, 2.0 - k])
        assert eager(x).item() == captured(x).item()
        assert w.tolist() == v.tolist()
    Both.seen.clear()
    assert len(captured.programs) == 1


def test_numpy_in_a_captured_step_is_refused_without_host():
    class Foreign(Function):
        @staticmethod
        def forward(ctx, x):
            return fg.from_numpy(np.sin(x.detach().numpy()))

    with pytest.raises(fg.CaptureError, match="numpy"):
        fg.capture(lambda x: Foreign.apply(x))(fg.tensor([1.0]))


def test_a_function_without_rules():
    class Empty(Function):
        pass

    with pytest.raises(NotImplementedError, match="forward"):
        Empty.apply(leaf(1))
