"""capture: a replay is the eager step, bit for bit. What is refused: test_capture_refusals.py."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import CaptureError, ops
from fastgrad.testing import assert_bits

OPTIMIZERS = {
    "SGD": lambda ps: fg.optim.SGD(ps, lr=0.1, weight_decay=0.01),
    "SGD with momentum": lambda ps: fg.optim.SGD(ps, lr=0.1, momentum=0.9, dampening=0.1),
    "Momentum": lambda ps: fg.optim.Momentum(ps, lr=0.05, nesterov=True),
    "Adam": lambda ps: fg.optim.Adam(ps, lr=0.01, weight_decay=0.01),
}
SIZES = (6, 16, 16, 4)


class Training:
    """A model, an optimizer and batches, made the same from the same seed."""

    def __init__(self, make="Adam", dtype=np.float32):
        self.draw = np.random.Generator(np.random.Philox(7))
        layers = []
        for n, m in pairwise(SIZES):
            layers += [fg.nn.Linear(n, m, dtype=dtype), fg.nn.ReLU()]
        self.model, self.dtype = fg.nn.Sequential(*layers[:-1]), dtype
        for p in self.model.parameters():
            p.data[...] = self.draw.standard_normal(p.shape) * 0.4
        self.parameters = list(self.model.parameters())
        self.optimizer = OPTIMIZERS[make](self.parameters)

    def batch(self, n=8):
        x = self.draw.standard_normal((n, SIZES[0])).astype(self.dtype)
        return fg.from_numpy(x), fg.from_numpy(self.draw.integers(0, SIZES[-1], n))

    def loss(self, x, t):
        return ops.cross_entropy(self.model(x), t)

    def step(self, x, t):
        self.optimizer.zero_grad()
        loss = self.loss(x, t)
        loss.backward()
        self.optimizer.step()
        return loss

    def snapshot(self):
        """Everything a step may change, as arrays."""
        found = {f"parameter {i}": p.data.copy() for i, p in enumerate(self.parameters)}
        found |= {
            f"gradient {i}": np.array(np.nan) if p.grad is None else p.grad.data.copy()
            for i, p in enumerate(self.parameters)
        }
        for i, own in self.optimizer.state_dict()["state"].items():
            found |= {f"state {i} {k}": np.asarray(v) for k, v in own.items()}
        return found


def assert_same(a, b):
    a, b = a.snapshot() if isinstance(a, Training) else a, b.snapshot() if isinstance(b, Training) else b
    assert a.keys() == b.keys()
    for name in a:
        assert_bits(a[name], b[name], name)


def in_lockstep(eager, replayed, steps=12, sizes=(8,), between=lambda side, k: None):
    """Runs both sides, each a pair of a Training and its step; compares the results and everything behind them."""
    for k in range(steps):
        results = []
        for side, step in (eager, replayed):
            between(side, k)
            results.append(step(*side.batch(sizes[k % len(sizes)])))
        assert_bits(results[1].data, results[0].data, f"loss of step {k}")
        assert_same(eager[0], replayed[0])


# -- a replay is the eager step ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("make", OPTIMIZERS)
def test_training(make, dtype):
    a, b = Training(make, dtype), Training(make, dtype)
    captured = fg.capture(b.step)
    in_lockstep((a, a.step), (b, captured))
    assert len(captured.programs) == 1
    assert a.optimizer.state_dict()["state"].get(0, {"step": 12})["step"] == 12


def step_of(side):
    """A step that leaves its gradients as they are."""

    def step(x, t):
        loss = side.loss(x, t)
        loss.backward()
        side.optimizer.step()
        return loss

    return step


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_zero_grad_outside_the_step(make):
    a, b = Training(make), Training(make)
    captured = fg.capture(step_of(b))
    in_lockstep((a, step_of(a)), (b, captured), between=lambda side, k: side.optimizer.zero_grad())
    assert len(captured.programs) == 1


@pytest.mark.parametrize("to_none", [True, False])
@pytest.mark.parametrize("gradients_before", [False, True])
def test_zero_grad_at_the_end_of_the_step(gradients_before, to_none):
    def step_of(side):
        def step(x, t):
            loss = side.loss(x, t)
            loss.backward()
            side.optimizer.step()
            side.optimizer.zero_grad(set_to_none=to_none)
            return loss

        return step

    def between(side, k):
        if k == 0 and gradients_before:
            side.loss(*side.batch()).backward()

    a, b = Training(), Training()
    in_lockstep((a, step_of(a)), (b, fg.capture(step_of(b))), between=between)


@pytest.mark.parametrize("everywhere", [True, False])
def test_gradients_accumulate_over_two_backward_calls(everywhere):
    """Two half batches inside one step; or two calls of a captured backward for one eager update."""

    def step_of(side):
        def step(x, t):
            side.optimizer.zero_grad(set_to_none=False)
            half = x.shape[0] // 2
            first, second = side.loss(x[:half], t[:half]) * 0.5, side.loss(x[half:], t[half:]) * 0.5
            first.backward()
            second.backward()
            side.optimizer.step()
            return first + second

        return step

    a, b = Training(), Training()
    if everywhere:
        in_lockstep((a, step_of(a)), (b, fg.capture(step_of(b))))
        return

    def backward_of(side):
        def backward(x, t):
            loss = side.loss(x, t)
            loss.backward()
            return loss

        return backward

    def between(side, k):
        if k and k % 2 == 0:
            side.optimizer.step()
            side.optimizer.zero_grad()

    captured = fg.capture(backward_of(b))
    in_lockstep((a, backward_of(a)), (b, captured), between=between)
    assert len(captured.programs) == 2, "one for no gradient, one that adds to it"


def test_what_a_captured_step_says_of_itself():
    step = fg.capture(lambda x: x * 2.0 + 1.0)
    assert repr(step) == "<captured <lambda>: not yet run>"
    step(fg.ones(2))
    step(fg.ones(3))
    assert repr(step) == "<captured <lambda>: calls 2, 2>"


def test_a_step_of_the_optimizer_alone():
    a, b = Training(), Training()
    update = fg.capture(b.optimizer.step)

    def step_of(side, update):
        def step(x, t):
            side.optimizer.zero_grad()
            loss = side.loss(x, t)
            loss.backward()
            update()
            return loss

        return step

    in_lockstep((a, step_of(a, a.optimizer.step)), (b, step_of(b, update)))
    assert len(update.programs) == 1


def test_the_learning_rate_changes_between_replays():
    def between(side, k):
        side.optimizer.param_groups[0]["lr"] = 0.1 / (k + 1)
        side.optimizer.param_groups[0]["weight_decay"] = 0.0 if k % 2 else 0.1

    for make in OPTIMIZERS:
        a, b = Training(make), Training(make)
        captured = fg.capture(b.step)
        in_lockstep((a, a.step), (b, captured), between=between)
        assert len(captured.programs) == 1


def test_a_rule_that_becomes_another_is_recorded_anew():
    def between(side, k):
        side.optimizer.param_groups[0]["momentum"] = 0.9 if k > 5 else 0.0

    a, b = Training("SGD"), Training("SGD")
    in_lockstep((a, a.step), (b, fg.capture(b.step)), between=between)


def test_new_batch_shapes_record_new_programs():
    a, b = Training(), Training()
    captured = fg.capture(b.step)
    in_lockstep((a, a.step), (b, captured), sizes=(8, 8, 3, 8, 1, 3))
    assert len(captured.programs) == 3


def test_eager_steps_between_replays():
    a, b = Training(), Training()
    captured = fg.capture(b.step)

    def mixed(x, t, calls=[]):  # noqa: B006 (the default is the counter)
        calls.append(None)
        return (b.step if len(calls) % 3 == 0 else captured)(x, t)

    in_lockstep((a, a.step), (b, mixed))


def test_an_eager_step_of_some_parameters_between_replays():
    """Step counts that part company: a recorded launch has one count for all its tensors."""

    def between(side, k):
        if k in (4, 7):
            side.optimizer.zero_grad()
            (side.parameters[0] * side.parameters[0]).sum().backward()
            side.optimizer.step()

    a, b = Training(), Training()
    in_lockstep((a, a.step), (b, fg.capture(b.step)), between=between)


def test_states_and_parameters_loaded_between_replays():
    kept = {}

    def between(side, k):
        if k == 3:
            kept[side] = side.optimizer.state_dict(), side.model.state_dict()
        if k in (6, 7):
            side.optimizer.load_state_dict(kept[side][0])
            side.model.load_state_dict(kept[side][1])

    a, b = Training(), Training()
    captured = fg.capture(b.step)
    in_lockstep((a, a.step), (b, captured), between=between)
    assert len(captured.programs) == 1, "programs on arrays that are gone are dropped"


def test_parameters_replaced_between_replays():
    def between(side, k):
        if k == 5:
            for p in side.parameters:
                p.data = p.data * np.float32(0.5)

    a, b = Training(), Training()
    in_lockstep((a, a.step), (b, fg.capture(b.step)), between=between)


def test_parameters_frozen_and_thawed_between_replays():
    def between(side, k):
        side.optimizer.zero_grad()
        side.parameters[0].requires_grad_(k % 4 < 2)

    a, b = Training("SGD"), Training("SGD")
    in_lockstep((a, a.step), (b, fg.capture(b.step)), between=between)


def test_a_leaf_made_in_the_step():
    w = fg.tensor([1.0, 2.0], requires_grad=True)

    @fg.capture
    def step(x):
        w.grad = None
        inner = (x * 1.0).detach().requires_grad_()
        (inner * inner * w).sum().backward()
        return inner.grad

    for k in range(4):
        assert step(fg.tensor([float(k), 1.0])).tolist() == [2.0 * k, 4.0]
        assert w.grad.tolist() == [k * k, 1.0]
    assert len(step.programs) == 1


def test_weights_clipped_in_the_step():
    def step_of(side):
        def step(x, t):
            loss = side.step(x, t)
            with fg.no_grad():
                for p in side.parameters:
                    p.copy_(p.clip(-0.3, 0.3))
            return loss

        return step

    a, b = Training(), Training()
    captured = fg.capture(step_of(b))
    in_lockstep((a, step_of(a)), (b, captured), between=lambda side, k: side.optimizer.zero_grad())
    assert len(captured.programs) == 1
    assert max(np.abs(p.data).max() for p in b.parameters) <= np.float32(0.3)


def test_gradients_set_by_hand_between_replays():
    def between(side, k):
        for p in side.parameters:
            p.grad = None if k % 3 == 0 else fg.from_numpy(np.full(p.shape, 0.1 * k, np.float32))

    a, b = Training(), Training()
    in_lockstep((a, step_of(a)), (b, fg.capture(step_of(b))), between=between)


def test_gradients_read_in_the_step():
    a, b = Training(), Training()

    def norm_of(side):
        return lambda: sum(((p.grad * p.grad).sum() for p in side.parameters), fg.tensor(0.0))

    captured = fg.capture(norm_of(b))
    for _ in range(3):
        for side in (a, b):
            side.step(*side.batch())
        assert_bits(captured().data, norm_of(a)().data)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_threads_do_not_change_a_bit(threads):
    a, b = Training(), Training()
    with fg.kernels.use(threads=threads):
        in_lockstep((a, a.step), (b, fg.capture(b.step)), steps=4, sizes=(257,))


# -- what goes in and comes out ----------------------------------------------------------------------------------------
def test_results_are_not_overwritten():
    double = fg.capture(lambda x: {"a": [x * 2.0, (x, 3)], "b": x.sum(), "c": "text"})
    results = [double(fg.tensor([float(k), 1.0])) for k in range(4)]
    for k, r in enumerate(results):
        assert r["a"][0].tolist() == [2 * k, 2]
        assert r["a"][1][0].tolist() == [k, 1]
        assert r["b"].item() == k + 1
        assert (r["a"][1][1], r["c"]) == (3, "text")
    assert not np.shares_memory(results[0]["a"][0].data, results[1]["a"][0].data)


class Pair(NamedTuple):
    one: fg.Tensor
    two: fg.Tensor


def test_a_named_tuple_is_returned_as_one():
    step = fg.capture(lambda x: Pair(x * 2.0, x + 1.0))
    for value in (1.0, 2.0):
        pair = step(fg.tensor([value]))
        assert (pair.one.item(), pair.two.item()) == (2 * value, value + 1)


def test_inputs_are_copied():
    held = []

    @fg.capture
    def step(x):
        held.append(x)
        return x * 2.0

    x = fg.tensor([1.0, 2.0])
    assert step(x).tolist() == [2, 4]
    assert step(fg.tensor([5.0, 6.0])).tolist() == [10, 12]
    assert x.tolist() == [1, 2]
    assert len(held) == 1, "the second call runs no Python"


def test_inputs_in_any_memory_layout():
    total = fg.capture(lambda x: (x * 2.0).sum(0))
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    for view in (x, x[::-1], np.asfortranarray(x), np.repeat(x, 2, 1)[:, ::2]):
        assert total(fg.from_numpy(view)).tolist() == (view * 2).sum(0).tolist()
    assert total(x).tolist() == (x * 2).sum(0).tolist(), "an array is an input like a tensor"


def test_constants_are_part_of_the_program():
    scale = fg.capture(lambda x, k, name="": x * float(k))
    x = fg.tensor([1.0])
    assert [scale(x, k).item() for k in (1, 2, 1, True, 2.5)] == [1, 2, 1, 1, 2.5]
    assert len(scale.programs) == 4, "1 and True are equal and not the same"
    with pytest.raises(CaptureError, match="an input of type dict is neither an array nor a constant"):
        scale(x, {})


def test_dtypes_and_grad_mode_record_their_own_programs():
    w = fg.tensor([1.0, 2.0], requires_grad=True)
    step = fg.capture(lambda x: (w * x).sum() if fg.is_grad_enabled() else (w + x).sum())
    assert step(fg.tensor([1.0, 1.0])).item() == 3
    with fg.no_grad():
        assert step(fg.tensor([1.0, 1.0])).item() == 5
    assert step(fg.tensor([2.0, 2.0])).item() == 6


def test_the_gradient_of_an_input_is_returned():
    slope = fg.capture(lambda x: fg.grad((x * x * x).sum(), x)[0])
    for value in (1.0, 2.0):
        assert slope(fg.tensor([value], requires_grad=True)).tolist() == [3 * value**2]
    with pytest.raises(RuntimeError, match="does not require a gradient"):
        slope(fg.tensor([1.0]))


def test_create_graph_in_a_step():
    def step(x):
        (slope,) = fg.grad((x * x * x).sum(), x, create_graph=True)
        return fg.grad((slope * slope).sum(), x)[0]

    captured = fg.capture(step)
    for value in (1.0, 2.0, 3.0):
        assert_bits(
            captured(fg.tensor([value], requires_grad=True)).data, step(fg.tensor([value], requires_grad=True)).data
        )


def test_a_program_shows_its_calls():
    b = Training()
    captured = fg.capture(b.step)
    captured(*b.batch())
    text = repr(captured.programs[0])
    assert len(text.splitlines()) == len(captured.programs[0]) + 1
    assert text.splitlines()[-1].startswith(f"total {len(captured.programs[0])} calls, ")
    for name in ("linear", "relu", "cross_entropy", "matmul", "adam"):
        assert name in text


def test_two_steps_of_one_optimizer_in_a_captured_step():
    """The second update of a step is one step ahead of the first: its bias corrections differ."""

    def run(captured):
        w = fg.tensor(np.array([1.0, -2.0]), requires_grad=True)
        optimizer = fg.optim.Adam([w], lr=0.1)

        def step():
            for _ in range(2):
                optimizer.zero_grad()
                (w * w).sum().backward()
                optimizer.step()

        step = fg.capture(step) if captured else step
        for _ in range(5):
            step()
        return w.data, optimizer.state[w]["step"]

    (eager, t), (replayed, s) = run(False), run(True)
    assert t == s == 10
    assert np.array_equal(eager, replayed)


def test_an_update_before_a_bad_label_counts():
    """Two optimizers; the second loss refuses its label in a replay: the first update was made, and is counted."""
    a, b = (fg.tensor(np.ones((1, 3)), requires_grad=True) for _ in range(2))
    first, second = fg.optim.Adam([a]), fg.optim.Adam([b])

    def step(label):
        (a * a).sum().backward()
        first.step()
        first.zero_grad()
        fg.nn.functional.cross_entropy(b, label).backward()
        second.step()
        second.zero_grad()

    captured = fg.capture(step)
    captured(np.array([1]))
    kept = b.data.copy()
    with pytest.raises(IndexError):
        captured(np.array([9]))
    assert (first.state[a]["step"], second.state[b]["step"]) == (2, 1)
    assert np.array_equal(b.data, kept)
