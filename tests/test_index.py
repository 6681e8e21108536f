"""Places: keys against NumPy, errors that name the index, views, capture, and what is written through a key."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastgrad as fg
from fastgrad import ops
from fastgrad.testing import assert_bits

F = fg.nn.functional


# -- any key -----------------------------------------------------------------------------------------------------------
@st.composite
def shapes_and_keys(draw):
    shape = tuple(draw(st.lists(st.integers(0, 4), min_size=1, max_size=4)))
    broadcast = tuple(draw(st.lists(st.integers(1, 3), max_size=2)))
    key, axis = [], 0
    dots = draw(st.booleans())
    while axis < len(shape):
        n = shape[axis]
        kind = draw(st.sampled_from(["slice", "int", "array", "list", "none", "mask", "stop", "dots"]))
        if kind == "stop":
            break
        if kind == "none":
            key.append(None)
            continue
        if kind == "dots":
            if dots:
                key.append(...)
                axis = max(axis, draw(st.integers(axis, len(shape))))
                dots = False
            continue
        if kind == "mask" and axis + 1 < len(shape) and draw(st.booleans()):
            key.append(
                np.array(
                    draw(st.lists(st.booleans(), min_size=n * shape[axis + 1], max_size=n * shape[axis + 1])), bool
                ).reshape(n, shape[axis + 1])
            )
            axis += 2
            continue
        if kind == "mask":
            key.append(np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)), bool))
        elif kind == "slice" or not n:
            key.append(
                slice(
                    draw(st.none() | st.integers(-5, 5)),
                    draw(st.none() | st.integers(-5, 5)),
                    draw(st.sampled_from([None, 1, 2, -1, -2])),
                )
            )
        elif kind == "int":
            key.append(draw(st.integers(-n, n - 1)))
        else:
            size = int(np.prod(broadcast))
            array = np.array(draw(st.lists(st.integers(-n, n - 1), min_size=size, max_size=size)), int).reshape(
                broadcast
            )
            key.append(array if kind == "array" else array.tolist())
        axis += 1
    return shape, tuple(key)


@settings(max_examples=400, deadline=None)
@given(shapes_and_keys())
def test_any_key_is_numpys(drawn):
    shape, key = drawn
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape) + 1
    t = fg.tensor(x, requires_grad=True)
    try:
        expected = x[key]
    except IndexError:
        with pytest.raises(IndexError):
            t[key]
        return
    found = t[key]
    assert_bits(found.data, np.asarray(expected))
    seed = np.cos(np.arange(expected.size, dtype=np.float32)).reshape(expected.shape)
    (slope,) = fg.grad(found, t, fg.from_numpy(np.asarray(seed)))
    hand = np.zeros_like(x)
    np.add.at(hand, key, seed)
    np.testing.assert_allclose(slope.data, hand, rtol=1e-5, atol=1e-5)
    written, plain = fg.tensor(x), x.copy()
    written[key] = -1.0
    plain[key] = -1.0
    assert_bits(written.data, plain)


# -- errors ------------------------------------------------------------------------------------------------------------
X = np.arange(12.0, dtype=np.float32).reshape(3, 4)


@pytest.mark.parametrize("kernels", ["native", "reference"])
@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: x[[0, 3]], "index 3 is out of range for a dim with size 3"),
        (lambda x: x[[0], [-5]], r"index -5 is out of range for a dim with size 4 \(array 1 of 2\)"),
        (lambda x: x[np.array([[1], [7]])], "index 7 is out of range"),
        (lambda x: x[1, 2, 3], "indices"),
        (lambda x: x[[0], [0], [0]], "3 indices for a tensor of 2 dimensions"),
        (lambda x: x[[0, 1], [0, 1, 2]], "do not broadcast"),
        (lambda x: x[np.ones((2, 4), bool)], r"a mask of shape \(2, 4\) on dims of sizes \(3, 4\)"),
        (lambda x: x[[0.5]], "not float64"),
        (lambda x: x[..., [0], ...], r"one \.\.\."),
        (lambda x: x.gather(1, fg.tensor([[4]])), "gather: index 4 is out of range for dim 1 with size 4"),
        (lambda x: x.gather(1, fg.tensor([[-1]])), "gather: index -1 is out of range for dim 1 with size 4"),
        (lambda x: x.scatter(0, fg.tensor([[3]]), 1.0), "scatter: index 3 is out of range for dim 0 with size 3"),
        (lambda x: x.scatter_add(0, fg.tensor([[3]]), fg.ones(1, 1)), "scatter_add: index 3 .* dim 0 with size 3"),
        (
            lambda x: x.index_select(-1, fg.tensor([0, 9])),
            "index_select: index 9 is out of range for dim -1 with size 4",
        ),
        (lambda x: x.index_add(0, fg.tensor([5]), fg.ones(1, 4)), "index_add: index 5 is out of range for dim 0"),
        (lambda x: x.take(fg.tensor([12])), "index 12 is out of range for a dim with size 12"),
        (lambda x: F.embedding(fg.tensor([3]), x), "embedding: index 3 is out of range for dim 0 with size 3"),
        (lambda x: F.embedding(fg.tensor([0]), x, padding_idx=3), "padding_idx 3 is out of range for 3 rows"),
        (lambda x: F.one_hot(fg.tensor([0, 5]), 3), "label 5 is not one of 3 classes"),
        (lambda x: x.select(1, 4), "select: index 4 is out of range for dim 1 with size 4"),
        (lambda x: x.narrow(1, 2, 3), "narrow: start 2 and length 3 leave dim 1 with size 4"),
        (lambda x: x.squeeze(2), r"squeeze: dim 2 of a tensor of 2 dimensions, \(3, 4\)"),
    ],
)
def test_an_index_that_is_wrong_is_named(call, text, kernels):
    x = fg.tensor(X, requires_grad=True)
    with fg.kernels.use(kernels), pytest.raises(IndexError, match=text):
        call(x)
    assert_bits(x.data, X)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: x.gather(0, fg.tensor([0])), ValueError, r"gather: x, index of shapes \(3, 4\) and \(1,\)"),
        (
            lambda x: x.gather(0, fg.zeros(1, 5, dtype=fg.int64)),
            ValueError,
            r"index \(1, 5\) is larger than x \(3, 4\)",
        ),
        (lambda x: x.gather(0, fg.zeros(1, 4)), TypeError, "index must hold integers, not float32"),
        (lambda x: x.scatter(0, fg.zeros(2, 1, dtype=fg.int64), fg.ones(1, 1)), ValueError, "larger than src"),
        (
            lambda x: x.scatter(0, fg.zeros(1, 1, dtype=fg.int64), x.double()),
            TypeError,
            "src is float64 and x is float32",
        ),
        (lambda x: x.scatter(0, fg.zeros(1, 1, dtype=fg.int64), 1.0, reduce="max"), ValueError, "reduce"),
        (lambda x: x.scatter(0, fg.zeros(1, 1, dtype=fg.int64)), TypeError, "needs src"),
        (lambda x: x[0, 0].index_select(0, fg.tensor([0, 0])), ValueError, "takes one index, not 2"),
        (lambda x: x.index_add(0, fg.tensor([0]), fg.ones(1, 3)), ValueError, r"must be \(1, 4\)"),
        (lambda x: x.masked_select(fg.ones(3, 4)), TypeError, "mask must be bool"),
        (lambda x: x.expand(2, 4), ValueError, r"\(3, 4\) does not expand to \(2, 4\)"),
        (lambda x: x.expand(4), ValueError, "fewer dimensions"),
        (lambda x: x.unflatten(0, (2, 2)), ValueError, "do not multiply to 3"),
        (lambda x: x.split([1, 1]), ValueError, "do not add up to 3"),
        (lambda x: x.split(0), ValueError, "pieces of size 0"),
        (lambda x: x.chunk(0), ValueError, "at least 1"),
        (lambda x: x.repeat(2), ValueError, "a number for each axis"),
        (lambda x: fg.stack([x, x[0]]), ValueError, r"of one shape, not \[\(3, 4\), \(4,\)\]"),
        (lambda x: fg.cat([x, x[:, :2]]), ValueError, "differ outside dim 0"),
        (lambda x: fg.cat([]), ValueError, "at least one"),
        (lambda x: fg.cat([x.sum()]), ValueError, "use stack"),
        (lambda x: F.pad(x, (1,)), ValueError, "must be pairs"),
        (lambda x: F.pad(x, (4, 0), mode="reflect"), ValueError, "at most 3"),
        (lambda x: F.pad(x, (-3, -2)), ValueError, "cuts more"),
        (lambda x: fg.einsum("ij,jk->ik", x, x), ValueError, "j has size 4 and size 3"),
        (lambda x: fg.einsum("ij->ik", x), ValueError, "k in the output is in no operand"),
        (lambda x: fg.einsum("ii", x), ValueError, "i names axes of sizes 3 and 4 of one operand"),
        (lambda x: fg.einsum("i", x), ValueError, "does not name the axes of operand 0"),
        (lambda x: fg.einsum("i,j", x), ValueError, "2 terms for 1 operands"),
        (lambda x: fg.einsum("i1->i", x), ValueError, "named by a letter"),
        (lambda x: fg.mm(x, x[0]), ValueError, "mm: .* must have 2 and 2 dimensions"),
        (lambda x: fg.mm(x, x), ValueError, r"mm: \(3, 4\) @ \(3, 4\)"),
        (lambda x: fg.bmm(x[None], x.T[None].expand(2, 4, 3)), ValueError, "bmm"),
        (lambda x: fg.addmm(fg.ones(3), x, x.T[:, :2]), ValueError, "does not expand"),
        (lambda x: fg.tensordot(x, x, 1), ValueError, "do not fit"),
    ],
)
def test_shapes_that_do_not_fit_are_named(call, error, text):
    with pytest.raises(error, match=text):
        call(fg.tensor(X))


# -- views -------------------------------------------------------------------------------------------------------------
VIEWS = {
    "squeeze": lambda x: x[None].squeeze(0),
    "unsqueeze": lambda x: x.unsqueeze(1),
    "reshape of a transpose": lambda x: x.T.reshape(4, 1, 3),
    "movedim": lambda x: x.movedim(0, 1),
    "narrow": lambda x: x.narrow(1, 1, 2),
    "select": lambda x: x.select(0, -1),
    "diagonal": lambda x: x.diagonal(1),
    "split": lambda x: x.split(2, 1)[1],
    "chunk": lambda x: x.chunk(2)[0],
    "unbind": lambda x: x.unbind(1)[2],
    "flatten": lambda x: x.flatten(),
    "unflatten": lambda x: x.unflatten(1, (2, 2)),
    "mT": lambda x: x.mT,
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_change_of_a_view_reaches_its_base(name):
    x = fg.tensor(X, requires_grad=True)
    base = x * 1.0
    view = VIEWS[name](base)
    assert np.shares_memory(view.data, base.data)
    view.mul_(10.0)
    marks = np.ones_like(X)
    VIEWS[name](fg.from_numpy(marks)).data[...] = 10
    assert_bits(base.data, X * marks)
    (slope,) = fg.grad(base.sum(), x)
    assert_bits(slope.data, marks)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.flip(0),
        lambda x: x.roll(1, 0),
        lambda x: x.roll(0, 0),
        lambda x: x.repeat(1, 1),
        lambda x: x.repeat_interleave(1, 0),
        lambda x: fg.diag(x),
        lambda x: x.tril(9),
        lambda x: F.pad(x, (0, 0)),
        lambda x: F.pad(x, (0, 0), mode="reflect"),
        lambda x: fg.cat([x]),
        lambda x: x[[0, 1]],
        lambda x: x.index_select(0, fg.tensor([0])),
    ],
)
def test_copies_are_copies(call):
    x = fg.tensor(X)
    assert not np.shares_memory(call(x).data, x.data)


def test_expanded_tensors_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        fg.zeros(1, 3).expand(2, 3).add_(1.0)


# -- capture -----------------------------------------------------------------------------------------------------------
INDICES = [np.array([2, 0, 1]), np.array([1, 1, -1]), np.array([0, 2, 2])]
STEPS = {
    "x[index]": lambda x, i: x[i],
    "x[:, index]": lambda x, i: x[:, i],
    "x[index, index]": lambda x, i: x[i, i],
    "x[index, None]": lambda x, i: x[i, None, 1:],
    "take": lambda x, i: x.take(i),
    "x[index] = v": lambda x, i: set_at(x, i, 0.5),
    "x[index] = tensor": lambda x, i: set_at(x, i, x[i] * 2.0),
    "x[[0, 2]] = v": lambda x, i: set_at(x, [0, 2], 0.5),
    "x[mask] = v": lambda x, i: set_at(x, np.eye(3, 4, dtype=bool), 0.5),
}
POSITIVE = {
    "gather": lambda x, i: x.gather(0, i[:, None].expand(3, 4)),
    "scatter": lambda x, i: x.scatter(0, i[:, None].expand(3, 4), x * 2.0),
    "scatter_add_": lambda x, i: x.clone().scatter_add_(0, i[:, None].expand(3, 4), x * 2.0),
    "index_select": lambda x, i: x.index_select(1, i),
    "index_add": lambda x, i: x.index_add(0, i, x * 3.0),
    "embedding": lambda x, i: F.embedding(i, x),
    "embedding with padding": lambda x, i: F.embedding(i, x, padding_idx=1),
}


def set_at(x, key, value):
    out = x * 1.0
    out[key] = value
    return out


@pytest.mark.parametrize("name", [*STEPS, *POSITIVE])
def test_indices_may_change_from_call_to_call(name):
    call = STEPS.get(name) or POSITIVE[name]

    def step(x, i):
        out = call(x, i)
        return out, *fg.grad((out * out).sum(), x)

    captured = fg.capture(step)
    for k, index in enumerate(INDICES):
        given = fg.tensor(X * (k + 1), requires_grad=True), fg.tensor(index % 3 if name in POSITIVE else index)
        for found, expected in zip(captured(*given), step(*given), strict=True):
            assert_bits(found.data, expected.data)
    assert len(captured.programs) == 1


def test_int32_indices_and_one_hot_in_a_captured_step():
    def step(x, i):
        return x.index_select(0, i), x[i], F.one_hot(i, 3)

    captured = fg.capture(step)
    for index in INDICES:
        given = fg.tensor(X), fg.tensor(index % 3, dtype=fg.int32)
        for found, expected in zip(captured(*given), step(*given), strict=True):
            assert_bits(found.data, expected.data)
    assert len(captured.programs) == 1
    with pytest.raises(fg.CaptureError, match="one_hot without num_classes"):
        fg.capture(lambda i: F.one_hot(i))(fg.tensor([1]))


def test_a_replay_refuses_a_wrong_index():
    for step in (lambda x, i: x[i]), (lambda x, i: x.index_select(0, i)), (lambda x, i: F.embedding(i, x)):
        captured = fg.capture(step)
        captured(fg.tensor(X), fg.tensor([0, 1]))
        with pytest.raises(IndexError, match=r"index .* (out of range|outside the axis)"):
            captured(fg.tensor(X), fg.tensor([0, 9]))


def test_a_key_may_change_after_the_forward_pass():
    x, key = fg.tensor(X, requires_grad=True), np.array([0, 0])
    out = x[key]
    key[:] = 2
    assert fg.grad(out.sum(), x)[0].data.sum(1).tolist() == [8, 0, 0]
    index = fg.tensor([0, 0])
    out = x.index_select(0, index)
    index[0] = 1
    with pytest.raises(RuntimeError, match="backward of Take: its input 1"):
        out.sum().backward()


# -- the rest ----------------------------------------------------------------------------------------------------------
def test_nonzero_and_masks():
    x = fg.tensor([[0, 1], [2, 0]])
    assert x.nonzero().tolist() == fg.argwhere(x).tolist() == [[0, 1], [1, 0]]
    assert [i.tolist() for i in x.nonzero(as_tuple=True)] == [[0, 1], [1, 0]]
    assert fg.nonzero(fg.tensor(3)).shape == (1, 0)
    assert fg.nonzero(fg.zeros(3)).shape == (0, 1)
    assert x[x.nonzero(as_tuple=True)].tolist() == [1, 2]
    assert x.masked_select(x > 0).tolist() == [1, 2]


def test_one_hot():
    found = F.one_hot(fg.tensor([[0, 2]]))
    assert found.tolist() == [[[1, 0, 0], [0, 0, 1]]]
    assert found.dtype == np.int64
    assert F.one_hot(fg.tensor([1]), num_classes=4).tolist() == [[0, 1, 0, 0]]
    with pytest.raises(ValueError, match="needs num_classes"):
        F.one_hot(fg.zeros(0, dtype=fg.int64))


@pytest.mark.parametrize("name", ["scatter_", "scatter_add_", "index_add_", "index_copy_", "index_fill_"])
def test_in_place_is_out_of_place(name):
    x, index = fg.tensor(X, requires_grad=True), fg.tensor([2, 0])
    more = {"index_fill_": 0.5}.get(name, fg.tensor(X[:2] * 7, requires_grad=True))
    where = index[:, None].expand(2, 4) if "scatter" in name else index
    changed = x * 1.0
    assert getattr(changed, name)(0, where, more) is changed
    expected = getattr(x * 1.0, name[:-1])(0, where, more)
    assert_bits(changed.data, expected.data)
    assert_bits(fg.grad((changed * changed).sum(), x)[0].data, fg.grad((expected * expected).sum(), x)[0].data)
    with pytest.raises(RuntimeError, match=f"{name} on a leaf that requires a gradient"):
        getattr(x, name)(0, where, more)


def test_scatter_by_keyword():
    index = fg.tensor([[0, 1]])
    assert fg.zeros(1, 3).scatter(1, index, value=2.0).tolist() == [[2, 2, 0]]
    assert fg.ones(1, 3).scatter(1, index, 2.0, reduce="add").tolist() == [[3, 3, 1]]
    assert fg.ones(1, 3).scatter(1, index, fg.ones(1, 2), reduce="add").tolist() == [[2, 2, 1]]


def test_embedding_modules():
    table = fg.nn.Embedding(5, 3, padding_idx=-1)
    assert table.weight.data[4].tolist() == [0, 0, 0]
    out = table(fg.tensor([[0, 4], [0, 1]]))
    assert out.shape == (2, 2, 3)
    out.sum().backward()
    assert table.weight.grad.data[:, 0].tolist() == [2, 1, 0, 0, 0]
    assert repr(table) == "Embedding(5, 3, padding_idx=4)"
    fixed = fg.nn.Embedding.from_pretrained(fg.eye(3))
    assert not fixed.weight.requires_grad
    assert fixed(fg.tensor([2])).tolist() == [[0, 0, 1]]
    with pytest.raises(ValueError, match="padding_idx 5 is not one of 5 rows"):
        fg.nn.Embedding(5, 3, padding_idx=5)


def test_the_gradient_of_padding_stays_0_in_the_second_order():
    w = fg.tensor(X.astype(np.float64), requires_grad=True)
    i = fg.tensor([0, 1, 1])
    (slope,) = fg.grad((F.embedding(i, w, padding_idx=1) ** 3).sum(), w, create_graph=True)
    assert slope.data[1].tolist() == [0, 0, 0, 0]
    (second,) = fg.grad(slope.sum(), w)
    np.testing.assert_allclose(second.data[0], 6 * X[0])


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.bool_, np.uint8])
def test_other_dtypes(dtype):
    a = (X % 2).astype(dtype)
    t = fg.tensor(a)
    for found, expected in [
        (t[[0, 2]], a[[0, 2]]),
        (t.flip(0), a[::-1]),
        (t.tril(), np.tril(a)),
        (fg.cat([t, t], 1), np.concatenate([a, a], 1)),
        (t.gather(0, fg.tensor([[1, 0, 2, 1]])), np.take_along_axis(a, np.array([[1, 0, 2, 1]]), 0)),
        (t.scatter(0, fg.tensor([[1]]), 1), np.array([a[0], [1, *a[1, 1:]], a[2]], dtype)),
        (F.pad(t, (1, 0)), np.pad(a, ((0, 0), (1, 0)))),
        (fg.diag(t[0]), np.diag(a[0])),
        (t.repeat(2, 1), np.tile(a, (2, 1))),
        (t.index_select(1, fg.tensor([3, 0])), a[:, [3, 0]]),
    ]:
        assert_bits(found.data, expected)


def test_products_of_integers():
    a = fg.tensor([[1, 2], [3, 4]])
    for found, expected in [
        (a @ a, a.data @ a.data),
        (fg.bmm(a[None], a[None]), (a.data @ a.data)[None]),
        (fg.einsum("ij,kj->ik", a, a), a.data @ a.data.T),
        (fg.outer(a[0], a[1]), np.outer(a.data[0], a.data[1])),
        (fg.dot(a[0], a[1]), np.int64(11)),
    ]:
        assert_bits(found.data, np.asarray(expected))


def test_joining_promotes_and_passes_over_nothing():
    assert fg.cat([fg.tensor([1]), fg.tensor([0.5], dtype=fg.float64)]).dtype == np.float64
    assert fg.stack([fg.tensor([1]), fg.tensor([True])]).dtype == np.int64
    assert fg.cat([fg.zeros(0), fg.ones(2, 2)]).shape == (2, 2)
    assert fg.concat([fg.ones(1), fg.ones(2)]).shape == (3,)
    assert [p.shape for p in fg.zeros(5).chunk(3)] == [(2,), (2,), (1,)]
    assert [p.shape for p in fg.zeros(0).chunk(3)] == [(0,)] * 3
    assert [p.shape for p in fg.zeros(7).split(3)] == [(3,), (3,), (1,)]
    assert fg.repeat_interleave(fg.tensor([5, 6]), fg.tensor([2, 1])).tolist() == [5, 5, 6]


def test_reshape_copies_only_where_it_must():
    x = fg.zeros(2, 3, 4).transpose(0, 1)
    assert np.shares_memory(x.reshape(3, 2, 2, 2).data, x.data)
    assert not np.shares_memory(x.reshape(-1).data, x.data)
    assert ops.reshape(x.data, 24).shape == (24,)
