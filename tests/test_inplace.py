"""Operations in place: the same values and gradients as out of place, and what is detected and refused."""

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.testing import assert_bits

MASK = np.array([True, False, True, False])
UNARY = [
    "abs",
    "neg",
    "sign",
    "square",
    "exp",
    "expm1",
    "exp2",
    "floor",
    "ceil",
    "round",
    "trunc",
    "frac",
    "sin",
    "cos",
]
UNARY += ["tan", "atan", "erf", "sinh", "cosh", "reciprocal", "relu", "sigmoid", "tanh", "nan_to_num"]
POSITIVE = ["log", "log2", "log10", "log1p", "sqrt", "rsqrt"]
BINARY = [
    "add",
    "sub",
    "mul",
    "div",
    "floor_divide",
    "remainder",
    "fmod",
    "clamp_min",
    "clamp_max",
    "lerp",
    "heaviside",
    "atan2",
    "hypot",
]

# name, arguments in place of which a string stands for another tensor, keywords
FORMS = [(name, (), {}) for name in UNARY + POSITIVE]
FORMS += [(name, (other,) if name != "lerp" else (other, 0.25), {}) for name in BINARY for other in ("y", 1.5)]
FORMS += [
    ("pow", (2,), {}),
    ("pow", (3,), {}),
    ("pow", (0.5,), {}),
    ("add", ("y",), {"alpha": 0.5}),
    ("sub", ("y",), {"alpha": -2}),
    ("div", ("y",), {"rounding_mode": "trunc"}),
    ("round", (), {"decimals": 1}),
    ("round", (1,), {}),
    ("clip", (0.8, 1.2), {}),
    ("clip", (), {"max": 1.2}),
    ("clip", ("y", None), {}),
    ("lerp", ("y", "z"), {}),
    ("addcmul", ("y", "z"), {}),
    ("addcmul", ("y", "z"), {"value": 0.5}),
    ("addcdiv", ("y", "z"), {"value": -2}),
    ("masked_fill", (MASK, 0.5), {}),
    ("nan_to_num", (), {"posinf": 1.0}),
    ("mul", ("x",), {}),
    ("addcmul", ("x", "x"), {}),
    ("div", ("x",), {}),
    ("lerp", ("view", "x"), {}),
]
every_form = pytest.mark.parametrize(("name", "operands", "keywords"), FORMS)


def numbers(rng, dtype=np.float64):
    return [fg.from_numpy(rng.uniform(0.55, 1.45, 4).astype(dtype)).requires_grad_() for _ in range(3)]


def run(name, leaves, operands, keywords, in_place):
    """Some arithmetic round a call, so that what is saved before and after it counts, and the gradients."""
    x, y, z = leaves
    before = x * 1.5
    h = before * 1.0
    given = {"x": h, "y": y, "z": z, "view": h[::-1]}
    operands = [given[a] if isinstance(a, str) else a for a in operands]
    out = getattr(h, name + "_")(*operands, **keywords) if in_place else getattr(h, name)(*operands, **keywords)
    assert (out is h) is in_place
    loss = (out * out * z).sum()
    return out, fg.grad(loss, leaves, allow_unused=True)


@every_form
def test_gradients_are_those_out_of_place(name, operands, keywords, rng):
    leaves = numbers(rng)
    out, slopes = run(name, leaves, operands, keywords, in_place=True)
    expected, expected_slopes = run(name, leaves, operands, keywords, in_place=False)
    np.testing.assert_allclose(out.data, expected.data, rtol=1e-14)
    for found, wanted in zip(slopes, expected_slopes, strict=True):
        assert (found is None) == (wanted is None)
        if found is not None:
            np.testing.assert_allclose(found.data, wanted.data, rtol=1e-13, atol=1e-15)


@every_form
def test_captured_is_eager(name, operands, keywords, rng):
    def step(*leaves):
        out, slopes = run(name, leaves, operands, keywords, in_place=True)
        return [out, *(g for g in slopes if g is not None)]

    captured = fg.capture(step)
    for _ in range(3):
        leaves = numbers(rng, np.float32)
        for found, expected in zip(captured(*leaves), step(*leaves), strict=True):
            assert_bits(found.data, expected.data, name)
    assert len(captured.programs) == 1


@every_form
def test_without_a_gradient_the_memory_stays(name, operands, keywords, rng):
    x, y, z = (t.detach() for t in numbers(rng))
    given = {"x": x, "y": y, "z": z, "view": x[::-1]}
    operands = [given[a] if isinstance(a, str) else a for a in operands]
    expected = getattr(x, name)(*operands, **keywords)
    memory = x.data
    assert getattr(x, name + "_")(*operands, **keywords) is x
    assert x.data is memory
    assert x.node is None
    np.testing.assert_allclose(memory, expected.data, rtol=1e-14)


def test_every_method_is_tried():
    tried = {name + "_" for name, _, _ in FORMS}
    aliases = {"absolute_", "clamp_", "divide_", "multiply_", "negative_", "subtract_", "true_divide_"}
    elsewhere = {"scatter_", "scatter_add_", "index_add_", "index_copy_", "index_fill_"}  # tests/test_index.py
    here = elsewhere | {"copy_", "fill_", "zero_", "normal_", "uniform_", "requires_grad_"}
    assert {n for n in dir(fg.Tensor) if n.endswith("_") and not n.startswith("_")} == tried | aliases | here


def test_second_order(rng):
    def f(x):
        y = x * 1.0
        return y.sin_().mul_(x).clamp_(-0.5, 0.9).lerp_(x, 0.25).exp_()

    fg.gradgradcheck(f, numbers(rng)[0])


def test_operators():
    x = memory = fg.tensor([5.0, 7.0])
    array = x.data
    x += 1
    x -= 0.5
    x *= fg.tensor([2.0, 4.0])
    x /= 2
    x **= 2
    x //= 3
    x %= 4
    assert x is memory
    assert x.data is array
    assert x.tolist() == [30.25 // 3 % 4, 225 // 3 % 4]


# -- what a change does to saved values, views and leaves --------------------------------------------------------------
CHANGES = {
    "a kernel": lambda x: x.add_(1.0),
    "a formula": lambda x: x.clamp_(0.0, 1.0),
    "a mask": lambda x: x.masked_fill_(MASK, 0.0),
    "random": lambda x: x.uniform_(),
    "a constant": lambda x: x.fill_(2.0),
}
every_change = pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)


@every_change
def test_a_saved_tensor_that_is_changed_is_named(change, rng):
    x = numbers(rng)[0]
    h = x * 1.0
    out = (h * h).sum()
    change(h)
    with pytest.raises(RuntimeError, match=r"backward of Mul: its input 0, of shape \(4,\), was changed in place"):
        out.backward()
    h = x * 1.0
    e = h.exp()
    change(e)
    with pytest.raises(RuntimeError, match=r"backward of Exp: its result, of shape \(4,\), was changed in place"):
        e.sum().backward()


@every_change
def test_a_leaf_is_refused(change, rng):
    x = numbers(rng)[0]
    before = x.data.copy()
    for t, what in (x, "a leaf"), (x[:], "a view of a leaf"):
        with pytest.raises(RuntimeError, match=rf"_ on {what} that requires a gradient, of shape \(4,\)"):
            change(t)
    assert_bits(x.data, before)
    with fg.no_grad():
        change(x)
    assert x.is_leaf
    assert not np.array_equal(x.data, before)


@every_change
def test_read_only_memory_is_refused(change):
    array = np.ones(4)
    array.flags.writeable = False
    with pytest.raises(ValueError, match=r"the tensor of shape \(4,\) is read-only"):
        change(fg.from_numpy(array))


@every_change
def test_a_view_and_its_base_change_together(change, rng):
    x, _, z = numbers(rng)

    def step(view_of):
        base = fg.concatenate([x[None], x[None]]) * 2.0
        fg.manual_seed(1)
        change(view_of(base))
        return base

    base = step(lambda base: base[1])
    other = x * 2.0
    fg.manual_seed(1)
    change(other)
    assert_bits(base.data, np.stack([2 * x.data, other.data]))
    (slope,) = fg.grad((base * base * z).sum(), x)
    parts = [2.0 * x, other]
    expected = fg.grad(sum((p * p * z).sum() for p in parts), x)[0]
    np.testing.assert_allclose(slope.data, expected.data, rtol=1e-13)


@every_change
def test_a_stale_view_is_refused(change, rng):
    base = numbers(rng)[0] * 1.0
    view = base[:]
    base.mul_(2.0)
    with pytest.raises(RuntimeError, match=r"is given a view, of shape \(4,\), whose base was changed in place"):
        change(view)


def test_a_stale_operand_is_refused(rng):
    base = numbers(rng)[0] * 1.0
    view = base[:]
    base.sin_()
    for use in (lambda: base.add_(view), lambda: base.addcmul_(view, 2.0), lambda: view * 2.0):
        with pytest.raises(RuntimeError, match="whose base was changed in place after the view was taken"):
            use()


# -- what does not fit -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["add_", "mul_", "clamp_min_", "remainder_", "floor_divide_", "fmod_"])
def test_results_that_do_not_fit_are_refused(name):
    x = fg.tensor([1.0, 2.0])
    with pytest.raises(ValueError, match=rf"{name}: the result has shape \(2, 2\) and does not fit into .* \(2,\)"):
        getattr(x, name)(fg.tensor([[1.0], [2.0]]))
    n = fg.tensor([1, 2])
    with pytest.raises(TypeError, match=f"{name}: the result is float32 and does not fit into a tensor of int64"):
        getattr(n, name)(1.5)
    assert (x.tolist(), n.tolist()) == ([1, 2], [1, 2])


def test_integers_in_place():
    n = fg.tensor([7, -7])
    array = n.data
    n += 1
    n *= True
    n //= 3
    n %= 2
    n.clamp_(min=0).neg_().abs_().pow_(2).masked_fill_(fg.tensor([True, False]), 4.5).add_(fg.tensor(1), alpha=2)
    assert n.data is array
    assert n.tolist() == [6, 2]
    for change in (lambda: n.div_(2), lambda: n.exp_(), lambda: n.sqrt_()):
        with pytest.raises(TypeError, match="_: the result is float32 and does not fit into a tensor of int64"):
            change()
    with pytest.raises(TypeError, match="add_: the result is int64 and does not fit into a tensor of bool"):
        fg.tensor([True]).add_(1)
    with pytest.raises(ZeroDivisionError):
        n.floor_divide_(0)
    x = fg.tensor([1.0], requires_grad=True) * 1.0
    x += fg.tensor([1.0], dtype=np.float64)
    assert x.dtype == np.float32


# -- random numbers ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_random_numbers(dtype):
    x = fg.from_numpy(np.zeros(20_000, dtype))
    memory = x.data
    assert x.uniform_(-1, 3) is x
    assert x.data is memory
    assert -1 <= memory.min() < -0.9
    assert 2.9 < memory.max() <= 3
    assert abs(memory.mean() - 1) < 0.05  # the standard deviation of the mean is 0.008
    x.normal_(2, 3)
    assert abs(memory.mean() - 2) < 0.1  # 0.021
    assert abs(memory.std() - 3) < 0.1  # 0.015
    first = x.clone()
    fg.manual_seed(3)
    x.normal_()
    assert not fg.equal(first, x)
    fg.manual_seed(3)
    assert fg.equal(fg.from_numpy(np.zeros(20_000, dtype)).normal_(), x)
    generators = [np.random.Generator(np.random.Philox(5)) for _ in range(2)]
    a, b = (fg.tensor([0.0, 0.0]).normal_(generator=g) for g in generators)
    assert fg.equal(a, b)


def test_random_numbers_stop_the_gradient_and_are_drawn_anew_in_a_replay():
    x = fg.tensor([1.0, 2.0], requires_grad=True)
    h = x * 2.0
    (h.uniform_() * x).sum().backward()
    assert_bits(x.grad.data, h.data)
    noise = fg.tensor([0.0, 0.0])
    step = fg.capture(lambda x: x + noise.normal_())
    fg.manual_seed(1)
    captured = [step(x.detach()).tolist() for _ in range(3)]
    fg.manual_seed(1)
    assert captured == [(x.detach() + noise.normal_()).tolist() for _ in range(3)]
    with pytest.raises(TypeError, match="normal_ needs a float tensor, not int64"):
        fg.tensor([1]).normal_()
    with pytest.raises(ValueError, match="std must not be negative"):
        noise.normal_(0, -1)
    with pytest.raises(ValueError, match="low must not be above high"):
        noise.uniform_(1, 0)


# -- views taken before their base had a history -----------------------------------------------------------------------
USES = {
    "one operand": lambda v, w: v.exp(),
    "two operands": lambda v, w: v * w,
    "a number": lambda v, w: v + 1.0,
    "several operands": lambda v, w: fg.cat([v, w]),
    "a view": lambda v, w: v[:1],
    "in place": lambda v, w: v.mul_(2.0),
    "in place, any function": lambda v, w: v.addcmul_(v, v),
    "written": lambda v, w: v.copy_(w),
    "a value": lambda v, w: fg.zeros(2).copy_(v),
}


@pytest.mark.parametrize("use", USES)
def test_a_view_of_a_base_that_had_no_history_is_no_constant(use):
    """The base got its history after the view was taken: to go on with the view would lose w's gradient."""
    w = fg.tensor([3.0, 4.0], requires_grad=True)
    base = fg.zeros(2, 2)
    row, nested = base[0], base.T[0]
    base[1] = w
    before = base.detach().clone()
    for view in (row, nested):
        with pytest.raises(RuntimeError, match=r"is given a view, of shape .*take the view again"):
            USES[use](view, w)
        assert base.detach().equal(before)
    with fg.no_grad():
        assert (row * 2.0).tolist() == [0.0, 0.0]
    (base[1] * 2.0).sum().backward()
    assert w.grad.tolist() == [2.0, 2.0]


def test_a_function_is_not_given_an_old_view():
    class Twice(fg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2.0

        @staticmethod
        def backward(ctx, dout):
            return dout * 2.0

    base, w = fg.zeros(2), fg.tensor([1.0], requires_grad=True)
    view = base[:1]
    base[1:] = w
    with pytest.raises(RuntimeError, match="Twice is given a view"):
        Twice.apply(view)


def test_a_detached_tensor_and_a_leaf_among_the_views_stay_what_they_are():
    base, w = fg.zeros(3), fg.tensor([1.0], requires_grad=True)
    detached, leaf = base.detach(), base[:1].requires_grad_()
    base[2:] = w
    (detached.sum() * w).sum().backward()
    assert w.grad.tolist() == [1.0]
    (leaf * 3.0).sum().backward()
    assert leaf.grad.tolist() == [3.0]


def test_a_reshape_that_had_to_copy_is_nobodys_view():
    x = fg.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
    y = x * 1.0
    flat = y.T.reshape(-1)
    flat.mul_(2.0)
    flat[[0]] = 0.0
    assert y.tolist() == x.tolist()
    (flat.sum() + y.sum() * 10.0).backward()
    assert x.grad.tolist() == [[10.0, 12.0, 12.0], [12.0, 12.0, 12.0]]


@pytest.mark.parametrize("name", ["max", "min"])
def test_indices_that_the_gradient_needs_are_not_to_be_changed(name):
    x = fg.tensor([[1.0, 3.0, 2.0]], requires_grad=True)
    for keepdim in (False, True):
        values, indices = getattr(x, name)(1, keepdim)
        indices.zero_()
        with pytest.raises(RuntimeError, match=f"backward of {name}: its indices.* was changed in place"):
            values.sum().backward()


@pytest.mark.parametrize("change", [lambda v, w: v.mul_(w), lambda v, w: v.copy_(w), lambda v, w: v.addcmul_(w, w)])
def test_a_view_whose_base_is_not_contiguous_is_refused_before_it_is_changed(change):
    base, w = fg.from_numpy(np.ones((2, 3)).T), fg.tensor(np.full(2, 2.0), requires_grad=True)
    view = base[0]
    with pytest.raises(RuntimeError, match=r"its base, of shape \(3, 2\), is not contiguous"):
        change(view, w)
    assert base.tolist() == [[1.0, 1.0]] * 3
    assert not view.requires_grad


def doubled_column(y):
    y.T[0] *= 2.0


def added_to_a_row_of_a_part(y):
    y[1:][0] += 3.0


def divided_places(y):
    y.reshape(-1)[::3] /= 4.0


@pytest.mark.parametrize("change", [doubled_column, added_to_a_row_of_a_part, divided_places])
@pytest.mark.parametrize("recorded", [True, False])
def test_python_writes_an_augmented_part_of_a_view_back(change, recorded):
    """``x.T[0] *= 2`` is t = x.T; r = t[0]; r *= 2; t[0] = r: the last line finds t out of date and has nothing to do."""
    x = fg.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], requires_grad=recorded)
    expected = x.detach().numpy().copy()
    change(expected)
    slope = np.ones((3, 2), np.float32)
    if change is not added_to_a_row_of_a_part:
        change(slope)
    y = x * 1.0
    change(y)
    assert y.tolist() == expected.tolist()
    if recorded:
        y.sum().backward()
        assert x.grad.tolist() == slope.tolist()


def test_writing_a_detached_alias_ends_the_gradient():
    leaf = fg.tensor([1.0, 2.0], requires_grad=True)
    x = leaf * 3.0
    x[:1] = x.detach()[:1]
    x.sum().backward()
    assert leaf.grad.tolist() == [0.0, 3.0]


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_quotient_and_a_mean_may_be_changed_where_no_gradient_needs_them(create_graph):
    """x / 2 and lerp by a number need neither their result nor x: as in PyTorch, both may be written over."""
    x, y = fg.tensor([2.0, 4.0], requires_grad=True), fg.tensor([1.0, 1.0], requires_grad=True)
    half = x / 2.0
    half.mul_(3.0)
    a, b = x * 1.0, y * 1.0
    mean = a.lerp(b, 0.25)
    a.zero_()
    b.zero_()
    dx, dy = fg.autograd.grad((half + mean).sum(), [x, y], create_graph=create_graph)
    assert dx.tolist() == [2.25, 2.25]
    assert dy.tolist() == [0.25, 0.25]
    out = x / y
    out.zero_()
    with pytest.raises(RuntimeError, match="backward of Div: its result"):
        out.sum().backward()
