"""autograd.functional: against closed forms and finite differences."""

import numpy as np
import pytest
from test_tape import leaf

import fastgrad as fg
from fastgrad.autograd.functional import hessian, hvp, jacobian, jvp, vhp, vjp


def t(*values):
    return fg.tensor(np.array(values, np.float64))


def differences(function, x, eps=1e-6):
    """d function / d x by central differences, of arrays."""
    columns = []
    for at in np.ndindex(x.shape):
        h = np.zeros(x.shape)
        h[at] = eps
        columns.append((function(x + h) - function(x - h)) / (2 * eps))
    return np.stack(columns, -1).reshape(*columns[0].shape, *x.shape)


def f(x):
    """[2, 3] to [2]."""
    return (x * x.exp()).sum(1) * x.tanh()[:, 0]


X = np.random.Generator(np.random.Philox(5)).uniform(-1, 1, (2, 3))
V = np.random.Generator(np.random.Philox(6)).uniform(-1, 1, (2, 3))
J = differences(lambda a: f(fg.tensor(a)).data, X)


def g(x):
    """[2, 3] to a number."""
    return (f(x) * f(x)).sum() + (x * x * x).sum()


H = differences(lambda a: fg.grad(g(y := fg.tensor(a, requires_grad=True)), y)[0].data, X)


def test_jacobian():
    x = fg.tensor(X, requires_grad=True)
    found = jacobian(f, x)
    assert found.shape == (2, 2, 3)
    np.testing.assert_allclose(found.data, J, rtol=1e-6, atol=1e-8)
    assert not found.requires_grad
    assert x.grad is None


def test_jacobian_of_several():
    found = jacobian(lambda a, b: (a.sum() * b, a * 2.0), (t(1, 2), t(3.0)))
    assert [[j.tolist() for j in row] for row in found] == [[[[3, 3]], [[3]]], [[[2, 0], [0, 2]], [[0], [0]]]]
    found = jacobian(lambda a, b: a * b, (t(1, 2), t(3.0)))
    assert [j.tolist() for j in found] == [[[3, 0], [0, 3]], [[1], [2]]]
    (found,) = jacobian(lambda a: (a * a,), t(1, 2))
    assert found.tolist() == [[2, 0], [0, 4]]
    ((found,),) = jacobian(lambda a: (a * a,), (t(1, 2),))
    assert found.tolist() == [[2, 0], [0, 4]]
    assert jacobian(lambda a: a[:0], t(1, 2)).shape == (0, 2)
    assert jacobian(lambda a: a.sum(), t(1, 2)).tolist() == [1, 1]


def test_jacobian_with_create_graph():
    x = leaf(1, 2)
    found = jacobian(lambda x: x * x * x, x, create_graph=True)
    found.sum().backward()
    assert x.grad.tolist() == [6, 12]


def test_hessian():
    found = hessian(g, fg.tensor(X))
    np.testing.assert_allclose(found.data, H, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(found.data, found.data.transpose(2, 3, 0, 1), atol=1e-12)
    found = hessian(lambda a, b: (a * a * b).sum(), (t(1, 2), t(3, 4)))
    assert [[h.tolist() for h in row] for row in found] == [
        [[[6, 0], [0, 8]], [[2, 0], [0, 4]]],
        [[[2, 0], [0, 4]], [[0, 0], [0, 0]]],
    ]
    assert hessian(lambda a: (a * 3.0).sum(), t(1, 2)).tolist() == [[0, 0], [0, 0]]


def test_products():
    x, v, u = fg.tensor(X), fg.tensor(V), t(0.3, -2)
    out, found = vjp(f, x, u)
    np.testing.assert_array_equal(out.data, f(x).data)
    np.testing.assert_allclose(found.data, np.tensordot(u.data, J, 1), rtol=1e-6)
    out, found = jvp(f, x, v)
    np.testing.assert_array_equal(out.data, f(x).data)
    np.testing.assert_allclose(found.data, np.tensordot(J, V, 2), rtol=1e-6)
    for product in (vhp, hvp):
        out, found = product(g, x, v)
        assert out.item() == g(x).item()
        np.testing.assert_allclose(found.data, np.tensordot(H, V, 2), rtol=1e-6)
        assert not found.requires_grad
        assert not out.requires_grad


def test_products_of_several():
    xs, vs = (t(1, 2), t(3, 4)), (t(1, 0), t(0, 10))
    out, found = jvp(lambda a, b: (a * b, a.sum()), xs, vs)
    assert [o.tolist() for o in out] == [[3, 8], 3]
    assert [o.tolist() for o in found] == [[3, 20], 1]
    out, found = vjp(lambda a, b: (a * b, a.sum()), xs, (t(1, 1), fg.tensor(np.array(5.0))))
    assert [o.tolist() for o in found] == [[8, 9], [1, 2]]
    out, found = vhp(lambda a, b: (a * a * b).sum(), xs, vs)
    assert out.item() == 19
    assert [o.tolist() for o in found] == [[6, 40], [2, 0]]


def test_products_with_create_graph():
    x = leaf(1, 2)
    for product, expected in (
        (lambda: vjp(lambda x: x**3, x, t(1, 1), create_graph=True)[1], [6, 12]),
        (lambda: jvp(lambda x: x**3, x, t(1, 1), create_graph=True)[1], [6, 12]),
        (lambda: vhp(lambda x: (x**3).sum(), x, t(1, 1), create_graph=True)[1], [6, 6]),
    ):
        assert fg.grad(product().sum(), x)[0].tolist() == expected


def test_linear_and_constant_functions():
    assert jvp(lambda x: x * 2.0, t(1, 2), t(1, 1))[1].tolist() == [2, 2]
    assert vhp(lambda x: x.sum(), t(1, 2), t(1, 1))[1].tolist() == [0, 0]
    constant = t(1, 2)
    for found in (jvp(lambda x: constant, t(1, 2), t(1, 1)), vjp(lambda x: constant, t(1, 2), t(1, 1))):
        assert found[1].tolist() == [0, 0]
    assert jacobian(lambda x: constant, t(1.0)).tolist() == [[0], [0]]
    with pytest.raises(RuntimeError, match=r"jacobian: output 0 does not depend on input 0 \(strict=True\)"):
        jacobian(lambda x: constant, t(1.0), strict=True)


def test_they_work_under_no_grad_and_touch_nothing():
    x = leaf(1, 2)
    with fg.no_grad():
        assert jacobian(lambda x: x * x, x).tolist() == [[2, 0], [0, 4]]
        assert not fg.is_grad_enabled()
    assert x.grad is None


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: vjp(lambda x: x * x, t(1, 2)), RuntimeError, "vjp: v may be left out only where there is one output"),
        (lambda: jvp(lambda x: x * x, t(1, 2)), RuntimeError, "jvp: v may be left out only where there is one input"),
        (lambda: vjp(lambda x: x, t(1, 2), t(1.0)), RuntimeError, r"vjp: v 0 has shape \(1,\), output 0 has \(2,\)"),
        (lambda: vjp(lambda x: x, t(1, 2), (t(1.0),) * 2), RuntimeError, "vjp: 2 tensors in v for 1 outputs"),
        (lambda: hessian(lambda x: x, t(1, 2)), RuntimeError, "hessian: the function must return one tensor of one"),
        (lambda: vhp(lambda x: x, t(1, 2), t(1, 2)), RuntimeError, "vhp: the function must return one tensor of one"),
        (lambda: jacobian(lambda x: x, fg.tensor([1])), TypeError, "input 0 is int64, not a float tensor"),
        (lambda: jacobian(lambda x: 3.0, t(1.0)), TypeError, "jacobian: output 0|not iterable"),
    ],
)
def test_refusals(call, error, text):
    with pytest.raises(error, match=text):
        call()
