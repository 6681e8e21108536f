"""The tape: accumulation, order, the options of a graph, and what it refuses."""

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import ops


def leaf(*values, dtype=np.float64):
    return fg.tensor(np.array(values, dtype), requires_grad=True)


# -- accumulation ------------------------------------------------------------------------------------------------------
def test_x_plus_x():
    x = leaf(1, 2, 3)
    (x + x).sum().backward()
    assert x.grad.tolist() == [2, 2, 2]


def test_a_first_contribution_is_not_corrupted_by_a_second():
    x, y = leaf(1, 2, 3), leaf(4, 5, 6)
    s = x + y  # one dout flows to both
    (s + s + x + x).backward(fg.tensor(np.array([1.0, 10.0, 100.0])))
    assert x.grad.tolist() == [4, 40, 400]
    assert y.grad.tolist() == [2, 20, 200]


def test_diamonds():
    x = leaf(3)
    for _ in range(2):
        a, b = x * 2.0, x * x
        y = a * b + a - b * b  # 2x^3 + 2x - x^4
        x.grad = None
        y.sum().backward()
        assert x.grad.tolist() == [6 * 9 + 2 - 4 * 27]


def test_a_ladder_of_diamonds_is_walked_once_a_node():
    x = leaf(1)
    y = x
    for _ in range(60):  # 2^60 paths
        y = y + y
    y.sum().backward()
    assert x.grad.tolist() == [2.0**60]


def test_an_old_tensor_used_late_gets_all_of_its_gradient():
    x = leaf(2)
    old = x * 3.0
    new = old
    for _ in range(10):
        new = new + 1.0
    (new * old).sum().backward()  # (3x + 10) 3x
    assert x.grad.tolist() == [18 * 2 + 30]


def test_backward_adds_to_grad():
    x = leaf(1, 2)
    (x * 2.0).sum().backward()
    first = x.grad
    (x * 3.0).sum().backward()
    assert x.grad.tolist() == [5, 5]
    assert first.tolist() == [2, 2], "an earlier gradient must not change under whoever holds it"


def test_broadcasting_is_undone():
    a, b, c, d = (
        leaf(1),
        leaf(1, 2, 3),
        fg.tensor(np.ones((2, 1)), requires_grad=True),
        fg.tensor(np.array(2.0), requires_grad=True),
    )
    ((a + b) * c * d).sum().backward()
    assert a.grad.tolist() == [12]
    assert b.grad.tolist() == [4, 4, 4]
    assert c.grad.tolist() == [[18], [18]]
    assert d.grad.tolist() == 18
    assert [t.grad.shape for t in (a, b, c, d)] == [t.shape for t in (a, b, c, d)]


@pytest.mark.parametrize("create_graph", [False, True])
def test_leaf_gradients_share_memory_with_nothing(create_graph):
    x, y, z, w = (leaf(1, 2, 3, 4) for _ in range(4))
    seed = np.ones(4)
    outputs = [(x + y - z).reshape(2, 2).t(), w.reshape(2, 2).t() + fg.tensor(np.zeros((2, 2)))]
    outputs[0].backward(fg.from_numpy(seed.reshape(2, 2)), create_graph=create_graph)
    outputs[1].backward(fg.from_numpy(seed.reshape(2, 2)), create_graph=create_graph)
    held = [seed, *(t.grad.data for t in (x, y, z, w)), *(t.data for t in (x, y, z, w))]
    for i, a in enumerate(held):
        assert a.flags.c_contiguous
        for b in held[:i]:
            assert not np.shares_memory(a, b)


def test_a_leafs_own_backward_copies_the_seed():
    x, seed = leaf(1, 2), np.ones(2)
    x.backward(fg.from_numpy(seed))
    seed[:] = 7
    assert x.grad.tolist() == [1, 1]


def test_gradients_have_the_dtype_of_their_tensor():
    single, double = leaf(1, 2, dtype=np.float32), leaf(1, 2)
    (single * double).sum().backward()
    assert (single.grad.dtype, double.grad.dtype) == (np.float32, np.float64)


def test_a_tensor_that_needs_no_gradient_gets_none():
    x, y = leaf(1, 2), fg.tensor(np.array([3.0, 4.0]))
    out = x * y
    out.sum().backward()
    assert y.grad is None
    assert out.grad is None
    assert not (y * y).requires_grad


# -- graph options -----------------------------------------------------------------------------------------------------
def test_backward_twice_is_refused_and_says_what_to_do():
    x = leaf(1, 2)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match=r"backward through Sum a second time.*retain_graph=True"):
        y.backward()
    assert x.grad.tolist() == [2, 4]


def test_backward_through_a_shared_part_twice_is_refused():
    x = leaf(1, 2)
    shared = x * x
    shared.sum().backward()
    with pytest.raises(RuntimeError, match="backward through Mul a second time"):
        (shared * 3.0).sum().backward()


def test_retain_graph():
    x = leaf(1, 2)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [6, 12]
    with pytest.raises(RuntimeError, match="a second time"):
        y.backward()


def test_create_graph_can_be_differentiated_again_and_again():
    x = leaf(2)
    y = x * x * x * x
    for expected in (32, 48, 48, 24):
        (y,) = fg.grad(y.sum(), x, create_graph=True)
        assert y.tolist() == [expected]
    assert fg.grad((y * x).sum(), x)[0].tolist() == [24], "the fourth derivative is a constant"


def test_create_graph_through_every_operator():
    x = leaf(0.5, 1.5)
    y = ((x + 1.0) * (2.0 - x) / (x + x) - x**1.5).exp().sum()
    (slope,) = fg.grad(y, x, create_graph=True)
    assert slope.requires_grad
    (curve,) = fg.grad(slope.sum(), x)
    h = 1e-6

    def first(v):
        t = fg.tensor(np.array(v), requires_grad=True)
        return fg.grad((((t + 1.0) * (2.0 - t) / (t + t) - t**1.5).exp()).sum(), t)[0].data

    np.testing.assert_allclose(curve.data, (first(x.data + h) - first(x.data - h)) / (2 * h), rtol=1e-6)


def test_a_penalty_on_the_gradient_reaches_grad():
    x = leaf(1, 2)
    (x * x * x).sum().backward(create_graph=True)
    penalty = (x.grad * x.grad).sum()  # sum 9 x^4
    x.grad = None
    penalty.backward()
    assert x.grad.tolist() == [36, 288]


# -- grad() ------------------------------------------------------------------------------------------------------------
def test_grad_touches_no_grad():
    x, y = leaf(1, 2), leaf(3, 4)
    dx, dy = fg.grad((x * y).sum(), [x, y])
    assert (dx.tolist(), dy.tolist()) == ([3, 4], [1, 2])
    assert x.grad is None
    assert y.grad is None
    assert not dx.requires_grad


def test_grad_of_interior_tensors_and_of_itself():
    x = leaf(1, 2)
    h = x * 2.0
    y = h * h
    dh, dx = fg.grad(y.sum(), [h, x], retain_graph=True)
    assert (dh.tolist(), dx.tolist()) == ([4, 8], [8, 16])
    assert fg.grad(y.sum(), y)[0].tolist() == [1, 1]
    assert fg.grad(x, x, fg.tensor(np.array([5.0, 6.0])))[0].tolist() == [5, 6]


def test_grad_goes_no_further_than_it_must():
    x = leaf(1, 2)
    h = x * 2.0
    assert fg.grad((h * h).sum(), h)[0].tolist() == [4, 8]
    h.sum().backward()  # what lies below h was not freed
    assert x.grad.tolist() == [2, 2]


def test_grad_of_several_outputs_with_seeds():
    x = leaf(1, 2)
    seeds = [fg.tensor(np.array([1.0, 10.0])), fg.tensor(np.array(100.0))]
    y = x * 3.0
    assert fg.grad([y, x.sum()], x, seeds, retain_graph=True)[0].tolist() == [103, 130]
    assert fg.grad([y, y], x, [seeds[0], seeds[0]])[0].tolist() == [6, 60]


def test_grad_of_what_does_not_depend():
    x, y = leaf(1), leaf(2)
    with pytest.raises(RuntimeError, match=r"do not depend on input 1; allow_unused=True"):
        fg.grad((x * 2.0).sum(), [x, y])
    assert fg.grad((x * 2.0).sum(), [x, y], allow_unused=True)[1] is None
    with pytest.raises(RuntimeError, match="input 0 does not require a gradient"):
        fg.grad((x * 2.0).sum(), fg.tensor([1.0]))
    with pytest.raises(RuntimeError, match="output 0 does not require a gradient"):
        fg.grad(fg.tensor([1.0]), x)


# -- grad mode ---------------------------------------------------------------------------------------------------------
def test_no_grad_and_enable_grad():
    x = leaf(1, 2)
    with fg.no_grad():
        assert not fg.is_grad_enabled()
        assert (x * 2.0).node is None
        with fg.enable_grad():
            assert (x * 2.0).requires_grad
        assert not (x * 2.0).requires_grad
    assert fg.is_grad_enabled()

    @fg.no_grad()
    def f():
        return x * 2.0

    assert not f().requires_grad
    with pytest.raises(ZeroDivisionError), fg.no_grad():
        raise ZeroDivisionError
    assert fg.is_grad_enabled()


def test_backward_records_nothing_unless_asked():
    x = leaf(1, 2)
    (x * x).sum().backward()
    assert not x.grad.requires_grad
    with fg.no_grad():
        y = fg.tensor(np.array([1.0]), requires_grad=True)
        with fg.enable_grad():
            z = (y * y).sum()
        z.backward()
        assert not fg.is_grad_enabled()
    assert y.grad.tolist() == [2]


def test_detach_shares_memory_and_has_no_history():
    x = leaf(1, 2)
    d = (x * 2.0).detach()
    assert not d.requires_grad
    assert d.is_leaf
    assert np.shares_memory(x.detach().data, x.data)


# -- what was saved must not change ------------------------------------------------------------------------------------
def optimizer_step(x):
    x.grad = fg.from_numpy(np.ones(x.shape))
    fg.optim.SGD([x], lr=0.1).step()


def copy(x):
    with fg.no_grad():
        x.copy_(x.detach() * 2.0)


def copy_into_view(x):
    x.detach()[1:].copy_(fg.tensor(np.array([7.0])))


def zero(x):
    x.detach().reshape(2, 1).t().zero_()


def load(x):
    module = fg.nn.Module()
    module.x = fg.nn.Parameter(x.detach())
    module.load_state_dict({"x": np.array([5.0, 6.0])})


def initialise(x):
    fg.nn.init.constant_(x.detach(), 3.0)


@pytest.mark.parametrize("change", [optimizer_step, copy, copy_into_view, zero, load, initialise])
def test_a_stale_saved_array_is_detected_and_named(change):
    x = leaf(1, 2)
    y = (x * x).sum()
    change(x)
    before = x.grad
    with pytest.raises(
        RuntimeError, match=r"backward of Mul: its input 0, of shape \(2,\), was changed in place"
    ) as error:
        y.backward()
    assert "clone" in str(error.value)
    assert x.grad is before


def test_a_stale_result_and_stale_labels_are_detected():
    x = leaf(1, 2)
    e = x.exp()
    e.detach().zero_()
    with pytest.raises(RuntimeError, match=r"backward of Exp: its result"):
        e.sum().backward()
    labels = fg.tensor([0, 1])
    loss = ops.cross_entropy(fg.tensor(np.eye(2), requires_grad=True), labels)
    labels.copy_(fg.tensor([1, 0]))
    with pytest.raises(RuntimeError, match=r"backward of CrossEntropy: its input 1"):
        loss.backward()


def test_an_index_is_remembered_as_it_was():
    x, index = leaf(1, 2, 3), fg.tensor([0, 2])
    y = x[index].sum()
    index.copy_(fg.tensor([1, 1]))
    y.backward()
    assert x.grad.tolist() == [1, 0, 1]


def test_changes_that_do_no_harm_are_allowed():
    x, other = leaf(1, 2), leaf(1, 2)
    with fg.no_grad():
        x.copy_(fg.tensor(np.array([3.0, 4.0])))  # before: the graph sees the new values
    y = (x * x).sum() + other.sum()
    other.grad = fg.from_numpy(np.ones(2))
    fg.optim.SGD([other], lr=0.1).step()  # not needed by any rule
    fg.tensor([1.0]).zero_()
    y.backward()
    assert x.grad.tolist() == [6, 8]


def test_versions_of_released_arrays_are_forgotten(no_gc):
    before = len(fg.versions._changed)
    for _ in range(100):
        fg.tensor(np.zeros(3)).zero_()
    assert len(fg.versions._changed) <= before + 1


def test_an_operand_is_saved_only_where_the_other_ones_gradient_needs_it():
    x = fg.tensor([1.0, 2.0], requires_grad=True)
    a, b = x + 0.0, x + 1.0
    scaled, moved, both = a * 3.0, fg.tensor([[1.0, 2.0]]) @ b.reshape(2, 1), a * b
    assert scaled.node.saved == (None, 3.0)
    assert moved.node.saved[1] is None
    assert all(array is not None for array in both.node.saved)
    del both
    a.add_(1.0)  # nothing that is still needed
    (scaled.sum() + moved.sum()).backward()
    assert x.grad.tolist() == [4.0, 5.0]
