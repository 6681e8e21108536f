"""A penalty in the loss is the optimizer's fused decay; and who gets decay at all."""

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.optim import decay_groups, penalty
from fastgrad.testing import assert_bits

SHAPES = ((4, 3), (5,), (), (0, 2), (70, 71))
NUMBERS = [(0.0, 0.3), (0.2, 0.0), (0.07, 0.013), (1.0, 1e-4)]


def leaves(rng, dtype):
    found = [fg.from_numpy(np.asarray(rng.standard_normal(s)).astype(dtype)).requires_grad_() for s in SHAPES]
    found[0].data[0, 0] = 0.0
    return found


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("l1", "l2"), NUMBERS)
def test_its_gradient_is_the_fused_decay(l1, l2, dtype, rng):
    params = leaves(rng, dtype)
    penalty(params, l1=l1, l2=l2).backward()
    for p in params:
        expected = l1 * np.sign(p.data) + l2 * p.data
        if l1 and l2:
            np.testing.assert_allclose(
                p.grad.data, expected, rtol=0, atol=np.finfo(dtype).eps * np.abs(expected).max(initial=1)
            )
        else:
            assert_bits(p.grad.data, expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("l1", "l2"), NUMBERS)
def test_a_step_with_it_is_the_step_with_fused_decay(l1, l2, dtype, rng):
    """The same sum in another order, where there is more than l1: (g + l1 sign p) + l2 p; the tape adds what arrives,
    and l2 p arrives as two halves."""
    mine = leaves(rng, dtype)
    others = [fg.from_numpy(p.data.copy()).requires_grad_() for p in mine]
    slopes = [rng.standard_normal(p.shape).astype(dtype) for p in mine]
    fused = fg.optim.SGD(others, lr=0.1, weight_decay=l2, l1=l1)
    plain = fg.optim.SGD(mine, lr=0.1)
    loss = penalty(mine, l1=l1, l2=l2)
    for p, q, s in zip(mine, others, slopes, strict=True):
        loss = loss + (p * fg.from_numpy(s)).sum()
        q.grad = fg.from_numpy(s.copy())
    loss.backward()
    before = [p.data.copy() for p in mine]
    plain.step()
    fused.step()
    for p, q, b in zip(mine, others, before, strict=True):
        if l2:
            scale = 1 + np.abs(b).max(initial=0)
            np.testing.assert_allclose(p.data, q.data, rtol=0, atol=2 * np.finfo(dtype).eps * scale)
        else:
            assert_bits(p.data, q.data)
        assert p.data.size == 0 or np.abs(p.data - b).max() > 0


def test_its_value_is_the_formula(rng):
    params = leaves(rng, "float64")
    expected = sum(0.3 * np.abs(p.data).sum() + 0.05 / 2 * (p.data**2).sum() for p in params)
    assert float(penalty(params, l1=0.3, l2=0.05)) == pytest.approx(expected, rel=1e-13)
    assert float(penalty(iter(params))) == 0


def test_of_a_module_and_of_several_dtypes():
    model = fg.nn.Linear(3, 2)
    value = penalty(model.parameters(), l2=2.0)
    assert float(value) == pytest.approx(sum((p.data**2).sum() for p in model.parameters()), rel=1e-6)
    value.backward()
    assert_bits(model.weight.grad.data, np.float32(2) * model.weight.data)
    mixed = [fg.ones(2, requires_grad=True), fg.ones(3, dtype=fg.float64, requires_grad=True)]
    value = penalty(mixed, l1=1.0)
    assert (value.dtype, float(value)) == (np.float64, 5.0)
    value.backward()
    assert mixed[0].grad.dtype == np.float32


def test_gradients_of_its_gradient(rng):
    w = fg.from_numpy(rng.standard_normal(4)).requires_grad_()
    (g,) = fg.grad(penalty([w], l1=0.1, l2=0.3), [w], create_graph=True)
    (h,) = fg.grad((g * g).sum(), [w])
    np.testing.assert_allclose(h.data, 2 * 0.3 * (0.1 * np.sign(w.data) + 0.3 * w.data), rtol=1e-14)
    fg.gradcheck(lambda x: penalty([x], l1=0.1, l2=0.3), [w])


def test_captured_as_eager(rng):
    start = rng.standard_normal((3, 2)).astype(np.float32)

    def make():
        w = fg.from_numpy(start.copy()).requires_grad_()
        opt = fg.optim.Adam([w], lr=0.1)

        def step(x):
            opt.zero_grad()
            loss = ((x @ w) ** 2).mean() + penalty([w], l1=0.01, l2=0.1)
            loss.backward()
            opt.step()
            return loss

        return step, w

    (eager, w), (plain, u) = make(), make()
    captured = fg.capture(plain)
    for _ in range(4):
        x = rng.standard_normal((5, 3)).astype(np.float32)
        assert_bits(eager(fg.from_numpy(x)).data, captured(fg.from_numpy(x)).data)
        assert_bits(w.data, u.data)


def test_bad_penalties():
    w = fg.ones(2)
    with pytest.raises(ValueError, match="penalty: l1 must be at least 0, not -1"):
        penalty([w], l1=-1)
    with pytest.raises(ValueError, match="penalty: l2 must be at least 0, not nan"):
        penalty([w], l2=float("nan"))
    with pytest.raises(ValueError, match="penalty: no parameters"):
        penalty([], l2=1)
    with pytest.raises(TypeError, match="penalty: parameter 1 is a ndarray"):
        penalty([w, np.ones(2)], l2=1)
    with pytest.raises(TypeError, match="not one tensor"):
        penalty(w, l2=1)


# -- groups ------------------------------------------------------------------------------------------------------------
class Net(fg.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = fg.nn.Embedding(5, 3)
        self.body = fg.nn.Sequential(fg.nn.Linear(3, 4), fg.nn.Linear(4, 5))
        self.scale = fg.nn.Parameter(fg.ones(4))
        self.again = self.table.weight  # shared


def grouped(groups, model):
    names = {id(p): name for name, p in model.named_parameters()}
    return [[names[id(p)] for p in g["params"]] for g in groups]


def test_weights_decay_and_the_others_do_not():
    model = Net()
    groups = decay_groups(model, 0.1)
    assert [g["weight_decay"] for g in groups] == [0.1, 0.0]
    decaying, others = grouped(groups, model)
    assert len(decaying) == 3
    assert set(decaying) == {n for n, p in model.named_parameters() if p.ndim >= 2}
    assert set(others) == {"scale", "body.0.bias", "body.1.bias"}
    every = [id(p) for g in groups for p in g["params"]]
    assert sorted(every) == sorted(id(p) for p in model.parameters()), "every parameter exactly once"
    before = [p.data.copy() for p in model.parameters()]
    opt = fg.optim.AdamW(groups, lr=0.5)
    for p in model.parameters():
        p.grad = fg.zeros(*p.shape)
    opt.step()
    for p, b in zip(model.parameters(), before, strict=True):
        np.testing.assert_allclose(p.data, b * (0.95 if p.ndim >= 2 else 1.0), rtol=1e-6)


def test_names_that_do_not_decay_and_other_options():
    model = Net()
    decaying, others = grouped(decay_groups(model, 0.1, no_decay=["again", "body.1"]), model)
    assert decaying == ["body.0.weight"]
    assert len(others) == 5
    groups = decay_groups(model.named_parameters(), 0.1, no_decay="body.1.weight", lr=0.3)
    assert [g["lr"] for g in groups] == [0.3, 0.3]
    assert "body.1.weight" in grouped(groups, model)[1]
    only = decay_groups([("w", fg.zeros(2, 2, requires_grad=True))], 0.1)
    assert [len(g["params"]) for g in only] == [1]
    with pytest.raises(ValueError, match=r"no parameter is called 'body.7'; there are"):
        decay_groups(model, 0.1, no_decay=["body.7"])
    with pytest.raises(ValueError, match="no parameters"):
        decay_groups(fg.nn.ReLU(), 0.1)
    pairs = [("a", model.scale), ("b", model.scale)]
    assert len(decay_groups(pairs, 0.1)[0]["params"]) == 1
