"""Optimizers under odd input and in odd uses: copies, threads, scalars of NumPy, tensors as rates, aliased gradients,
numbers at both ends of the range, failures in the middle. What is refused is refused with a sentence, and nothing is
changed then."""

import copy
import math
import pickle
import threading

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import kernels
from fastgrad.optim import RULES
from fastgrad.testing import assert_bits

every_rule = pytest.mark.parametrize("name", RULES)
both_tiers = pytest.mark.parametrize("which", ["native", "reference"])


def leaf(array, name=None):
    """A parameter; of Muon, which moves matrices alone, a matrix."""
    return fg.from_numpy(np.atleast_2d(array).copy() if name == "Muon" else np.array(array)).requires_grad_()


def step_on(optimizer, params, gradients):
    for p, g in zip(params, gradients, strict=True):
        p.grad = None if g is None else fg.from_numpy(np.array(g, p.dtype).reshape(p.shape))
    optimizer.step()


def picture(optimizer):
    """All that an optimizer is, but for the identity of its arrays."""
    params = [p.data.tolist() for g in optimizer.param_groups for p in g["params"]]
    return params, str(optimizer.state_dict()), repr(optimizer), optimizer.iterations


# -- copies ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
@every_rule
def test_a_copy_goes_its_own_way(name, copied, rng):
    params = [leaf(rng.standard_normal(4), name), leaf(rng.standard_normal(3).astype("float32"), name)]
    optimizer = RULES[name](params, **({"ema": 0.9} if name != "NormalizedGD" else {}))
    step_on(optimizer, params, (np.ones(4), np.ones(3)))
    others, other = copied((params, optimizer))
    assert other.param_groups[0]["params"][0] is others[0]
    assert not other._batches, "they are found by the identity of groups, which are others now"
    step_on(optimizer, params, (np.full(4, 0.5), np.full(3, -1)))
    step_on(other, others, (np.full(4, 0.5), np.full(3, -1)))
    assert picture(other) == picture(optimizer)
    step_on(other, others, (np.ones(4), np.ones(3)))
    assert {own["step"] for own in optimizer.state.values()} == {2}
    assert {own["step"] for own in other.state.values()} == {3}


def test_threads_with_optimizers_of_their_own():
    def run(seed, found):
        rng = np.random.Generator(np.random.Philox(seed))
        params = [leaf(rng.standard_normal(n).astype("float32")) for n in (10, 30_000, 7, 5000)]
        optimizer = fg.optim.AdamW(params, clip_norm=1.0, ema=0.9, zero=True)
        for _ in range(20):
            step_on(optimizer, params, [rng.standard_normal(p.shape) for p in params])
        found[seed] = [p.data for p in params]

    alone: dict = {}
    together: dict = {}
    for seed in range(4):
        run(seed, alone)
    workers = [threading.Thread(target=run, args=(seed, together)) for seed in range(4)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    for seed, expected in alone.items():
        for a, b in zip(together[seed], expected, strict=True):
            assert_bits(a, b)


# -- numbers of other types --------------------------------------------------------------------------------------------
MAKERS = {
    "float64": np.float64,
    "array": np.array,
    "tensor": lambda x: fg.tensor(np.array(x)),
    "one in a list": lambda x: np.array([x]),
}


@both_tiers
@pytest.mark.parametrize("made", MAKERS)
@every_rule
def test_numpys_scalars_change_no_bit(name, made, which, rng):
    """In NumPy a float64 scalar among float32 arrays makes float64 of them."""
    start, gradients = rng.standard_normal(20).astype("float32"), rng.standard_normal((3, 20)).astype("float32")
    found = []
    for make in (float, MAKERS[made]):
        p = leaf(start, name)
        options = {} if name == "Rprop" else {"weight_decay": make(0.1)}
        with kernels.use(which):
            optimizer = RULES[name]([p], lr=make(0.1), **options)
            for g in gradients:
                step_on(optimizer, [p], [g])
        assert {v.dtype for v in optimizer.state[p].values() if isinstance(v, np.ndarray)} <= {np.dtype("float32")}
        found.append(p.data)
    assert_bits(found[1], found[0])


def test_float32_options_are_numbers_not_a_precision(rng):
    """A beta of float32 is the number that it is: 1 - beta is computed in float64."""
    beta, lr = np.float32(0.9), np.float32(0.1)
    found = []
    for make in (lambda x: x, float):
        p = leaf(np.linspace(-1, 1, 9))
        optimizer = fg.optim.Adam(
            [p], lr=make(lr), betas=(make(beta), 0.99), weight_decay=0.1, decoupled_weight_decay=True
        )
        for _ in range(3):
            step_on(optimizer, [p], [np.cos(p.data)])
        found.append(p.data)
    assert_bits(found[0], found[1])


@pytest.mark.parametrize("make", [np.array, lambda x: fg.tensor(np.array(x))])
def test_a_rate_in_an_array_may_be_written_to(make):
    """Eager and captured: the next step has what stands there then."""
    a, b, lr = leaf(np.ones(2)), leaf(np.ones(2)), make(0.5)
    first, second = fg.optim.SGD([a], lr=lr), fg.optim.SGD([b], lr=lr)

    def step_of(p, optimizer):
        def step():
            optimizer.zero_grad()
            p.sum().backward()
            optimizer.step()

        return step

    eager, captured = step_of(a, first), fg.capture(step_of(b, second))
    for rate, expected in ((0.5, 0.5), (0.25, 0.25), (0.125, 0.125)):
        (lr.data if isinstance(lr, fg.Tensor) else lr)[...] = rate
        eager()
        captured()
        assert a.tolist() == b.tolist() == [expected] * 2
    assert first.state_dict()["param_groups"][0]["lr"] == 0.125
    assert type(first.lr) is float
    assert len(captured.programs) == 1


def test_float16_is_numpys():
    p = fg.from_numpy(np.ones(3, "float16")).requires_grad_()
    q = leaf(np.ones(2))
    optimizer = fg.optim.Adam([p, q], lr=0.1, clip_norm=0.5, ema=0.9, zero=True)
    step_on(optimizer, [p, q], (np.ones(3), np.ones(2)))
    assert p.dtype == np.float16
    assert optimizer.grad_norm == pytest.approx(math.sqrt(5))
    np.testing.assert_allclose(p.data, 0.9, rtol=1e-3)
    assert not p.grad.data.any()


# -- both ends of the range --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_rule
def test_tiny_and_huge_numbers_are_the_definitions(name, dtype):
    big, small = (3e38, 1e-45) if dtype == "float32" else (1e308, 5e-324)
    found = []
    for which in ("native", "reference"):
        p = leaf(np.array([1e30, 1.0, 1e-30, small, 0.0], dtype), name)
        optimizer = RULES[name]([p])
        with kernels.use(which), np.errstate(all="ignore"):
            for g in (big, small, 0.0, -big, 1e-38, -small):
                step_on(optimizer, [p], [np.array([g, small, 1.0, g, 0.0], dtype)])
        found.append(p.data)
    assert_bits(found[0], found[1], name)


@both_tiers
@pytest.mark.parametrize("name", ["NormalizedGD", "LAMB", "LARS"])
def test_a_gradient_that_vanishes_does_not_explode(name, which):
    """||g|| = 2e-40 in float32: 1 / ||g|| and ||p|| / ||u|| are no float32."""
    options = {"LARS": {"eps": 0.0, "trust_coefficient": 1.0}}.get(name, {})
    p = leaf(np.full(3, 1e20, "float32") if name != "NormalizedGD" else np.ones(3, "float32"))
    before = p.data.copy()
    optimizer = RULES[name]([p], lr=0.1, **options)
    with kernels.use(which):
        step_on(optimizer, [p], [np.full(3, 1e-40)])
    assert_bits(p.data, before)


def test_squares_that_overflow_are_not_infinite_gradients():
    p = leaf(np.zeros(3))
    optimizer = fg.optim.SGD([p], lr=1.0, nonfinite="raise")
    step_on(optimizer, [p], [np.full(3, 1e300)])
    assert p.tolist() == [-1e300] * 3
    assert optimizer.grad_norm == math.inf


def test_after_a_skipped_step():
    p = leaf(np.zeros(2))
    optimizer = fg.optim.SGD([p], lr=1.0, nonfinite="skip")
    step_on(optimizer, [p], [[np.nan, 0]])
    assert optimizer.skipped
    optimizer.param_groups[0]["nonfinite"] = "ignore"
    step_on(optimizer, [p], [[1, 1]])
    assert not optimizer.skipped
    assert optimizer.iterations == 1


# -- gradients and parameters in odd memory ----------------------------------------------------------------------------
@pytest.mark.parametrize("split", [[[0, 1, 2]], [[0], [1, 2]], [[0, 1], [2]]])
def test_one_gradient_of_two_parameters(split):
    """With zero=True the second would see what the first has left of it."""
    params, shared = [leaf(np.ones(3)) for _ in range(3)], fg.from_numpy(np.ones(3))

    def optimizer(**options):
        return fg.optim.SGD([{"params": [params[i] for i in group]} for group in split], lr=0.5, **options)

    for p in params:
        p.grad = shared if p is not params[0] else fg.from_numpy(np.ones(3))
    zeroing = optimizer(zero=True)
    before = picture(zeroing)
    with pytest.raises(ValueError, match="have one gradient between them, and zero=True would write it"):
        zeroing.step()
    assert picture(zeroing) == before
    assert shared.tolist() == [1, 1, 1]
    optimizer().step()
    assert [p.tolist() for p in params] == [[0.5] * 3] * 3


def unaligned(p):
    x = np.zeros(8 * 4 + 1, np.uint8)[1:].view("float64")
    p.data = np.copyto(x, 1.0) or x
    return "begins at an odd address"


def other_shape(p):
    p.data, p.grad = np.ones(5), None
    p.grad = fg.from_numpy(np.ones(5))
    return r"has a state m \(4,\) float64"


def other_dtype(p):
    p.data, p.grad = np.ones(4, "float32"), None
    p.grad = fg.from_numpy(np.ones(4, "float32"))
    return r"float32, has a state m \(4,\) float64"


def own_gradient(p):
    p.grad = fg.from_numpy(p.data)
    return "share memory"


@pytest.mark.parametrize("spoil", [unaligned, other_shape, other_dtype])
def test_what_a_later_launch_cannot_take_stops_the_first(spoil):
    params = [leaf(np.ones(4)) for _ in range(3)]
    optimizer = fg.optim.Adam([{"params": params[:2]}, {"params": params[2:]}])
    step_on(optimizer, params, [np.ones(4)] * 3)
    text = spoil(params[2])
    before = picture(optimizer)
    with pytest.raises(ValueError, match=f"Adam: parameter 0 of group 1, .*{text}"):
        optimizer.step()
    assert picture(optimizer) == before


@pytest.mark.parametrize("spoil", [unaligned, own_gradient])
def test_memory_no_launch_can_take(spoil):
    p = leaf(np.ones(4))
    p.grad = fg.from_numpy(np.ones(4))
    optimizer = fg.optim.SGD([p])
    text = spoil(p)
    with pytest.raises(ValueError, match=text):
        optimizer.step()
    assert p.tolist() == [1] * 4


def test_zeroed_gradients_need_no_zero_grad():
    """Captured too: gradients are added to what the launch has zeroed."""

    def make(run):
        p = leaf(np.ones(3))
        optimizer = fg.optim.SGD([p], lr=0.1, momentum=0.9, zero=True, ema=0.5)

        def step(x):
            (p * x).sum().backward()
            optimizer.step()

        return p, run(step)

    (a, eager), (b, captured) = make(lambda f: f), make(fg.capture)
    for k in range(6):
        for step in (eager, captured):
            step(np.arange(3.0) + k)
        assert_bits(b.data, a.data)
        assert_bits(b.grad.data, np.zeros(3))


# -- failures in the middle --------------------------------------------------------------------------------------------
@both_tiers
def test_a_schedule_that_fails_changes_nothing(which):
    for answer, error, text in (
        (math.nan, ValueError, r"lr\(t=2\) of .* at least 0, not nan"),
        (None, TypeError, "a number, not None"),
    ):
        params = [leaf(np.ones(3)), leaf(np.ones(2, "float32"))]
        optimizer = fg.optim.Adam(params, lr=lambda t, answer=answer: 0.1 if t < 2 else answer)
        with kernels.use(which):
            for _ in range(2):
                step_on(optimizer, params, [np.ones(3), np.ones(2)])
            before = [p.data.copy() for p in params], [own["step"] for own in optimizer.state.values()]
            with pytest.raises(error, match=text):
                optimizer.step()
        assert [own["step"] for own in optimizer.state.values()] == before[1] == [2, 2]
        for p, b in zip(params, before[0], strict=True):
            assert_bits(p.data, b)


@pytest.mark.parametrize("rate", [math.nan, math.inf, -0.5])
def test_a_rate_set_to_nonsense_changes_nothing(rate):
    params = [leaf(np.ones(3)), leaf(np.ones(2, "float32"))]
    for few in (params[:1], params):
        optimizer = fg.optim.Adam(few)
        step_on(optimizer, few, [np.ones(p.shape) for p in few])
        before = [p.data.copy() for p in few]
        optimizer.param_groups[0]["lr"] = rate
        with pytest.raises(ValueError, match=f"Adam: lr must be at least 0 and finite, not {rate}"):
            optimizer.step()
        for p, b in zip(few, before, strict=True):
            assert_bits(p.data, b)


def test_a_closure_that_fails_leaves_the_mode():
    p = leaf(np.ones(2))
    optimizer = fg.optim.SGD([p], lr=0.5)

    def closure():
        assert fg.is_grad_enabled()
        raise KeyError("in the middle")

    with fg.no_grad():
        with pytest.raises(KeyError):
            optimizer.step(closure)
        assert not fg.is_grad_enabled()
    assert p.tolist() == [1, 1]


def test_a_capture_that_fails_leaves_no_states():
    p = leaf(np.ones(3))
    optimizer = fg.optim.Rprop([p], lr=0.1, ema=0.5)

    def step():
        p.sum().backward()
        optimizer.step()
        raise KeyError("later")

    with pytest.raises(KeyError):
        fg.capture(step)()
    assert (optimizer.state, p.grad, optimizer.iterations) == ({}, None, 0)
    optimizer.lr = 0.5  # which would be too late for a state that was begun
    step_on(optimizer, [p], [np.ones(3)])
    assert p.tolist() == [0.5] * 3


# -- dicts of arrays ---------------------------------------------------------------------------------------------------
def test_an_update_that_fails_changes_nothing():
    optimizer, params = fg.optim.Adam(), {"a": np.ones(2), "b": np.array(3.0)}
    bad = [
        ({"a": np.ones(3)}, ValueError, r"\(2,\) float64, has a gradient \(3,\)"),
        ({"c": np.ones(2)}, ValueError, "a gradient of 'c', but params has a, b"),
        ({"a": "text"}, ValueError, "could not convert"),
    ]
    for grads, error, text in bad:
        with pytest.raises(error, match=text):
            optimizer.update(params, grads)
        assert (optimizer.param_groups, optimizer.state, optimizer._named) == ([], {}, {})
    optimizer.update(params, {"a": np.ones(2), "b": 1.0})
    held = dict(params)
    with pytest.raises(ValueError, match=r"params\['b'\] was \(\) float64; it cannot become another"):
        optimizer.update({"a": np.zeros(2), "b": np.zeros(4)}, {"a": np.ones(2)})
    optimizer.update(params, {"a": np.ones(2), "b": 1.0})
    assert all(params[k] is v for k, v in held.items())
    np.testing.assert_allclose([*params["a"], params["b"]], [0.998, 0.998, 2.998], rtol=1e-9)
    with pytest.raises(TypeError, match=r"params\['z'\] is a str; it takes arrays of float32 or float64"):
        optimizer.update({**params, "z": "text"}, {})
    assert set(optimizer._named) == {"a", "b"}


def test_states_of_another_dtype_and_layout():
    p, q = leaf(np.ones((2, 3))), leaf(np.ones((2, 3), "float32"))
    first, second = fg.optim.Adam([p], ema=0.9), fg.optim.Adam([q], ema=0.9)
    step_on(first, [p], [np.full((2, 3), 0.5)])
    saved = first.state_dict()
    saved["state"][0]["m"] = np.asfortranarray(saved["state"][0]["m"])
    second.load_state_dict(saved)
    step_on(second, [q], [np.full((2, 3), 0.5)])
    step_on(first, [p], [np.full((2, 3), 0.5)])
    assert {v.dtype for v in second.state[q].values() if isinstance(v, np.ndarray)} == {np.dtype("float32")}
    np.testing.assert_allclose(second.state[q]["m"], first.state[p]["m"], rtol=1e-6)
