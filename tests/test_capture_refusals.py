"""capture: what cannot be replayed is refused by name and leaves no trace."""

import threading

import numpy as np
import pytest
from test_capture import OPTIMIZERS, Training, assert_same, in_lockstep

import fastgrad as fg
from fastgrad import CaptureError, ops

# -- what is refused, and that nothing is left behind ------------------------------------------------------------------
READS = {
    r"item\(\)": lambda loss, x: loss.item(),
    r"numpy\(\)": lambda loss, x: loss.detach().numpy(),
    r"tolist\(\)": lambda loss, x: loss.tolist(),
    "turning a tensor into an array": lambda loss, x: np.asarray(x),
    "allclose": lambda loss, x: x.allclose(x),
    r"where\(condition\) alone": lambda loss, x: ops.where(x > 0),
    "indexing with a mask": lambda loss, x: x[np.ones(6, bool)],
    "nonzero": lambda loss, x: x.nonzero(),
    "int32 labels": lambda loss, x: ops.cross_entropy(x, np.zeros(8, np.int32)),
}


@pytest.mark.parametrize("what", READS)
def test_what_cannot_be_captured_is_named_and_leaves_no_trace(what):
    """The step has already zeroed gradients and made its update when it does the forbidden thing."""
    a, b = Training(), Training()
    for side in (a, b):
        side.step(*side.batch())

    def bad(x, t):
        loss = b.step(x, t)
        READS[what](loss, x)
        return loss

    before = b.snapshot()
    with pytest.raises(CaptureError, match=what):
        fg.capture(bad)(*b.batch())
    assert_same(before, b)
    a.batch()
    in_lockstep((a, a.step), (b, fg.capture(b.step)), steps=3)


@pytest.mark.parametrize("first", [bool, float, int])
def test_control_flow_on_a_value_is_refused(first):
    with pytest.raises(CaptureError, match=r"item\(\)|a decision on a tensor's value"):
        fg.capture(lambda x: first(x.sum()))(fg.tensor([1.0]))


def test_a_captured_step_inside_another_is_refused():
    inner = fg.capture(lambda x: x * 2.0)
    outer = fg.capture(lambda x: inner(x) + 1.0)
    x = fg.tensor([1.0])
    with pytest.raises(TypeError, match="capture takes the function to be recorded, not a int"):
        fg.capture(3)
    with pytest.raises(CaptureError, match="a captured step inside a captured step"):
        outer(x)
    assert inner(x).tolist() == [2]
    with pytest.raises(CaptureError, match="inside a captured step"):
        outer(x)


def test_gradients_that_would_leave_the_step_are_refused():
    w = fg.tensor([1.0, 2.0], requires_grad=True)

    def step(x):
        loss = (w * x).sum()
        loss.backward()
        return loss

    x = fg.tensor([3.0, 4.0], requires_grad=True)
    with pytest.raises(CaptureError, match="the gradient of an input of the step"):
        fg.capture(step)(x)
    with pytest.raises(CaptureError, match="is the result of Mul: a gradient cannot flow out"):
        fg.capture(step)(x * 2.0)
    assert w.grad is None
    assert x.grad is None


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_while_recording_leaves_the_thread_usable(error):
    a, b = Training(), Training()
    for side in (a, b):
        side.step(*side.batch())

    def failing(x, t):
        b.step(x, t)
        raise error("by the step")

    before = b.snapshot()
    captured = fg.capture(failing)
    for _ in range(2):
        with pytest.raises(error, match="by the step"):
            captured(*b.batch())
        a.batch()
    assert captured.programs == []
    assert_same(before, b)
    in_lockstep((a, a.step), (b, fg.capture(b.step)), steps=3)


def test_in_place_changes_of_a_step_that_fails_are_undone():
    average = fg.tensor([1.0, 2.0])

    def step(x):
        average.copy_(average * 0.5 + x)
        average[0:1].zero_()
        raise ValueError("late")

    with pytest.raises(ValueError, match="late"):
        fg.capture(step)(fg.tensor([1.0, 1.0]))
    assert average.tolist() == [1, 2]


def test_in_place_changes_are_replayed():
    average = fg.tensor([0.0, 0.0])

    @fg.capture
    def step(x):
        average.copy_(average * 0.5 + x)

    for _ in range(3):
        step(fg.tensor([1.0, 2.0]))
    assert average.tolist() == [1.75, 3.5]


@pytest.mark.parametrize("make", OPTIMIZERS)
@pytest.mark.parametrize("bad", [4, -1, 1 << 40])
def test_a_bad_label_in_a_replay_changes_nothing(make, bad):
    a, b = Training(make), Training(make)
    captured = fg.capture(b.step)
    in_lockstep((a, a.step), (b, captured), steps=3)
    before = b.snapshot()
    x, t = b.batch()
    a.batch()
    t.data[5] = bad
    for _ in range(2):
        with pytest.raises(IndexError, match="cross_entropy: the label of row 5 is not a class"):
            captured(x, t)
        after = b.snapshot()
        assert_same(
            {k: v for k, v in before.items() if "gradient" not in k},
            {k: v for k, v in after.items() if "gradient" not in k},
        )
    in_lockstep((a, a.step), (b, captured), steps=3)
    assert len(captured.programs) == 1


def test_a_bad_label_while_recording_changes_nothing():
    a, b = Training(), Training()
    captured = fg.capture(b.step)
    x, t = b.batch()
    a.batch()
    t.data[0] = 99
    with pytest.raises(IndexError, match="row 0"):
        captured(x, t)
    assert captured.programs == []
    in_lockstep((a, a.step), (b, captured), steps=3)


def test_two_threads_capture_two_steps():
    a = [Training("Adam"), Training("SGD")]
    b = [Training("Adam"), Training("SGD")]
    errors = []

    def run(i):
        try:
            step = fg.capture(b[i].step)
            for _ in range(30):
                step(*b[i].batch())
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert not errors
    for i in range(2):
        for _ in range(30):
            a[i].step(*a[i].batch())
        assert_same(a[i], b[i])


def test_a_parameter_that_numpy_has_changed_is_refused():
    """The update by hand of a first lecture: a replay would not make it, and nothing would be learnt."""
    w = fg.tensor([1.0, -2.0], requires_grad=True)

    def step(x):
        w.grad = None
        loss = (w * x).square().sum()
        loss.backward()
        w.data -= 0.1 * w.grad.data
        return loss

    x = fg.tensor([1.0, 3.0])
    with pytest.raises(fg.CaptureError, match=r"\(2,\), by NumPy.*no_grad\(\): p\.sub_"):
        fg.capture(step)(x)
    assert w.tolist() == [1.0, -2.0]
    assert w.grad is None
