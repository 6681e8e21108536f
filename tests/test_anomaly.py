"""Anomaly detection: the first offender, by name, operand, module and line."""

import inspect
import threading

import numpy as np
import pytest
from test_tape import leaf

import fastgrad as fg
from fastgrad import nn, ops, tape
from fastgrad.autograd import Function, detect_anomaly, is_anomaly_enabled, set_detect_anomaly


def here(ahead=1):
    return f"test_anomaly.py:{inspect.currentframe().f_back.f_lineno + ahead}, in test_"


def message(function, *args):
    with detect_anomaly(), pytest.raises(RuntimeError) as error:
        function(*args)
    return str(error.value)


def test_a_nan_made_of_finite_operands():
    x = leaf(1, -2, 3)
    with detect_anomaly():
        y = x * 2.0
        line = here(2)
        with pytest.raises(RuntimeError) as error:
            y.log()
    text = str(error.value)
    assert text.startswith("anomaly in forward: Log((3,) float64) gave NaN in 1 of 3 elements of shape (3,)")
    assert "the first at (1,); its operands are finite\n" in text
    assert line in text
    assert text.endswith(": y.log()")
    assert "in no module" in text


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_operand_that_already_held_it(value):
    x, w = fg.tensor(np.array([[1.0, value]])), fg.tensor(np.ones((1, 2)), requires_grad=True)
    text = message(lambda: w + x)
    assert "Add((1, 2) float64, (1, 2) float64)" in text
    kind = "NaN" if value != value else "Inf"
    assert f"its operand 1, of shape (1, 2), already held {kind}\n" in text
    assert "operand 0" not in text


def test_both_operands_and_numbers():
    w = leaf(1, np.nan)
    assert "its operand 0, of shape (2,), already held NaN and its operand 1, inf, already held Inf" in message(
        lambda: w * float("inf")
    )


def test_an_infinity_made_of_finite_operands():
    text = message(lambda: leaf(1, 1000).exp())
    assert "Exp((2,) float64) gave Inf in 1 of 2 elements" in text
    assert "its operands are finite" in text
    assert "gave -Inf" in message(lambda: leaf(0, 1).log())


def test_masks_of_minus_infinity_are_let_through():
    x = leaf(1, 2, 3)
    mask = fg.tensor(np.array([0.0, -np.inf, 0.0]))
    with detect_anomaly():
        out = ops.softmax((x + mask) * 2.0, 0)
        (out * out).sum().backward()
    assert np.isfinite(x.grad.data).all()
    assert "gave Inf" in message(lambda: -(x + mask))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2))

    def forward(self, x):
        return self.blocks(x)


def test_the_module_is_named():
    net = Net()
    net.blocks[2].weight.data[0, 0] = np.nan
    text = message(net, fg.tensor([[1.0, 2.0]]))
    assert "in module blocks.2 (Linear) of Net" in text
    assert "its operand 1, of shape (2, 2), already held NaN" in text
    assert "in module Linear, the outermost called" in message(net.blocks[2], fg.tensor([[1.0, 2.0]]))
    assert tape.state.modules == ()


def test_a_bad_gradient_names_both_lines():
    x = leaf(0, 4)
    with detect_anomaly():
        line = here()
        y = x.sqrt()
        z = (y * 0.0).sum() + y.sum()
        with pytest.raises(RuntimeError) as error:
            z.backward()
    text = str(error.value)
    assert "anomaly in backward: Sqrt gave its operand 0 a gradient with Inf in 1 of 2 elements of shape (2,)" in text
    assert "the gradient that came in is finite" in text
    assert line in text
    assert "y = x.sqrt()" in text
    assert x.grad is None


def test_a_bad_gradient_that_came_in():
    x = leaf(1, 2)
    text = message(lambda: (x * 2.0).backward(fg.tensor(np.array([1.0, np.nan]))))
    assert "the gradient that came in, of shape (2,), already held NaN" in text


def test_a_saved_operand_that_is_not_finite():
    x, mask = leaf(1, 2), fg.tensor(np.array([-np.inf, 1.0]))
    with detect_anomaly(check_nan=False):
        y = x * mask
    text = message(y.sum().backward)
    assert "; its operand 1, of shape (2,), holds -Inf" in text
    assert "recorded at" in text


def test_nodes_of_before():
    y = leaf(0).sqrt()
    assert "Sqrt, recorded before anomalies were looked for" in message(y.sum().backward)


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_rule_that_raises_says_where_its_forward_was(create_graph):
    class Bad(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1.0

        @staticmethod
        def backward(ctx, dout):
            raise KeyError("no")

    x = leaf(1, 2)
    with detect_anomaly(check_nan=False):
        line = here()
        y = Bad.apply(x)
        with pytest.raises(KeyError) as error:
            y.sum().backward(create_graph=create_graph)
    assert any(line in note and "Bad((2,) float64)" in note for note in error.value.__notes__)


def test_functions_of_ones_own_are_checked():
    class Nan(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1.0, x * np.nan

        @staticmethod
        def backward(ctx, a, b):
            return a * np.nan

    x = leaf(1, 2)
    text = message(lambda: Nan.apply(x))
    assert "Nan((2,) float64) gave NaN in 2 of 2" in text
    with fg.autograd.set_detect_anomaly(False):
        a, _ = Nan.apply(x)
    assert "anomaly in backward: Nan gave its operand 0" in message(a.sum().backward)


def test_second_order():
    x = leaf(0)
    with detect_anomaly():
        (slope,) = fg.grad((x**1.5).sum(), x, create_graph=True)
        with pytest.raises(RuntimeError, match=r"anomaly in backward: Pow .* Inf"):
            slope.sum().backward()


def test_in_place():
    x = leaf(1, 2)
    y = x * 1.0
    text = message(lambda: y.sub_(fg.tensor(np.array([1.0, np.nan]))))
    assert "its operand 1, of shape (2,), already held NaN" in text
    y = x * 1.0
    assert "it was done in place on operand 0; the others are finite" in message(lambda: y.mul_(1e308).mul_(1e308))


def test_switches_and_threads():
    x = leaf(-1)
    assert not is_anomaly_enabled()
    set_detect_anomaly(True)
    try:
        assert is_anomaly_enabled()
        found = []

        def other():
            found.append((is_anomaly_enabled(), np.isnan(x.log().item())))

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert found == [(False, True)], "another thread looks for none"
        with set_detect_anomaly(False):
            x.log()
        with detect_anomaly(check_nan=False):
            x.log().sum().backward()
        with pytest.raises(RuntimeError, match="anomaly"):
            x.log()
    finally:
        set_detect_anomaly(False)
    assert not is_anomaly_enabled()
    assert not tape.is_watched, "off costs nothing"
    x.log()


def test_what_is_not_recorded_is_not_checked():
    with detect_anomaly():
        fg.tensor([-1.0]).log()
        with fg.no_grad():
            leaf(-1).log()


def test_a_captured_step_runs_eagerly():
    w = fg.tensor([1.0, 1.0], requires_grad=True)

    def run(x):
        w.grad = None
        loss = (w * x).log().sum()
        loss.backward()
        return loss

    step = fg.capture(run)
    good, bad = fg.tensor([1.0, 2.0]), fg.tensor([1.0, -2.0])
    expected = step(good).item(), w.grad.tolist()
    assert np.isnan(step(bad).item())
    with detect_anomaly():
        found = step(good)
        assert (found.item(), w.grad.tolist(), found.requires_grad) == (*expected, False)
        with pytest.raises(RuntimeError, match="anomaly in forward: Log"):
            step(bad)
    assert (step(good).item(), w.grad.tolist()) == expected
    assert len(step.programs) == 1
