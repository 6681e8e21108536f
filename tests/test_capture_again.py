"""capture: a replay does what the step would do now, however inputs, constants and memory have changed since."""

import threading

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import CaptureError, nn, optim


def assert_bits(a, b):
    assert a.dtype == b.dtype
    assert a.detach().numpy().tobytes() == b.detach().numpy().tobytes()


# -- constants: an equal one is not always the same --------------------------------------------------------------------
@pytest.mark.parametrize(("first", "then"), [(0.0, -0.0), (1, 1.0), (True, 1), ((1,), (1.0,)), ((0.0,), (-0.0,))])
def test_equal_constants_that_are_not_the_same_record_two_programs(first, then):
    def step(x, k):
        return x * (k[0] if isinstance(k, tuple) else k)

    x, captured = fg.tensor([1, 2]), fg.capture(step)
    for k in (first, then):
        assert_bits(captured(x, k), step(x, k))
    assert len(captured.programs) == 2


def test_a_nan_is_one_constant():
    captured = fg.capture(lambda x, k: x * k)
    for _ in range(3):
        captured(fg.tensor([1.0]), float("nan"))
    assert len(captured.programs) == 1


def test_the_default_dtype_belongs_to_a_program():
    captured = fg.capture(lambda x: x * 0.5)
    x = fg.tensor([1, 2, 3])
    assert captured(x).dtype == fg.float32
    fg.set_default_dtype(fg.float64)
    try:
        assert captured(x).dtype == fg.float64
    finally:
        fg.set_default_dtype(fg.float32)
    assert captured(x).dtype == fg.float32


# -- memory ------------------------------------------------------------------------------------------------------------
MADE = {"as_tensor": lambda: fg.as_tensor([0.0, 0.0]), "Tensor": lambda: fg.Tensor([0.0, 0.0])}


@pytest.mark.parametrize("made", MADE)
def test_a_tensor_made_of_a_list_is_made_again_by_every_replay(made):
    captured = fg.capture(lambda x: MADE[made]().add_(x))
    x = fg.tensor([1.0, 2.0])
    assert [captured(x).tolist() for _ in range(3)] == [[1.0, 2.0]] * 3


def stale_after(step, saved):
    """backward of a graph that saved `saved`, after a replay has written into it."""
    captured = fg.capture(step)
    captured(fg.tensor([1.0, 1.0]))
    a = fg.tensor([1.0, 1.0], requires_grad=True)
    y = (a * saved()).sum()
    captured(fg.tensor([2.0, 2.0]))
    with pytest.raises(RuntimeError, match=r"backward of Mul: its input 1, .* was changed in place"):
        y.backward()


def test_what_a_replay_changes_in_place_is_seen_by_older_graphs():
    mean = fg.tensor([0.0, 0.0])
    stale_after(lambda x: mean.mul_(0.9).add_(x), lambda: mean)


def test_a_gradient_that_a_replay_overwrites_is_seen_by_older_graphs():
    w = fg.tensor([1.0, 2.0], requires_grad=True)

    def step(x):
        w.grad = None
        (w * x).sum().backward()

    stale_after(step, lambda: w.grad)


def test_running_statistics_and_updates_by_hand_are_those_of_the_eager_steps():
    def training():
        w, mean, count = fg.tensor([1.0, -2.0], requires_grad=True), fg.zeros(2), fg.tensor(0)

        def step(x):
            w.grad = None
            loss = ((w * x - mean) ** 2).sum()
            loss.backward()
            with fg.no_grad():
                w.sub_(w.grad * 0.1)
                mean[0:1].mul_(0.9).add_(x[:1] * 0.1)
                count.add_(1)
            return loss

        return step, w, mean, count

    (eager, *mine), (step, *theirs) = training(), training()
    captured = fg.capture(step)
    for i in range(5):
        x = fg.tensor([0.5 + i, 1.0 - i])
        assert_bits(captured(x), eager(x))
        for a, b in zip(mine, theirs, strict=True):
            assert_bits(a, b)


# -- threads -----------------------------------------------------------------------------------------------------------
def test_a_replay_on_a_second_thread_is_refused_before_it_touches_the_inputs():
    """The first replay waits in a host call; the refused one must not have copied its input over the first one's."""
    inside, go_on, waits = threading.Event(), threading.Event(), []

    def wait(x):
        if waits:
            inside.set()
            assert go_on.wait(10)

    def step(x):
        fg.kernels.host(wait, x.data)
        return x * 2.0

    captured = fg.capture(step)
    captured(fg.tensor([1.0]))
    waits.append(True)
    found = []
    first = threading.Thread(target=lambda: found.append(captured(fg.tensor([3.0])).tolist()))
    first.start()
    assert inside.wait(10)
    try:
        with pytest.raises(CaptureError, match="another thread"):
            captured(fg.tensor([5.0]))
    finally:
        go_on.set()
        first.join()
    assert found == [[6.0]]
    waits.clear()
    assert captured(fg.tensor([7.0])).tolist() == [14.0]


# -- what would be decided once and for all ----------------------------------------------------------------------------
DECIDED = {
    "quantile with q as a tensor": lambda x: x.quantile(x[0]),
    r"item\(\)": lambda x: fg.full((2,), x[0]),
    "pickle": lambda x: x.__reduce__(),
    "nn.init": lambda x: nn.init.zeros_(x),
}


@pytest.mark.parametrize("what", DECIDED)
def test_numbers_taken_out_of_tensors_are_refused(what):
    with pytest.raises(CaptureError, match=what):
        fg.capture(DECIDED[what])(fg.tensor([0.25, 0.5]))


def test_more_dimensions_than_a_kernel_walks_are_captured():
    a, b = np.ones((2, 1, 2, 1, 2, 1, 2), np.float32), np.ones((1, 2, 1, 2, 1, 2, 1), np.float32)
    captured = fg.capture(lambda a, b: a + b)
    for scale in (1, 2):
        assert np.array_equal(captured(fg.tensor(a * scale), fg.tensor(b)).numpy(), a * scale + b)


def test_training_and_evaluation_are_two_programs():
    """A step that calls a model is not replayed in another mode than that it was recorded in."""
    fg.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2))
    x = fg.randn(16, 4)
    step = fg.capture(lambda x: model(x))
    for training in (True, True, False, False, True):
        model.train(training)
        before = model.state_dict()
        stream = fg.random.get_state()
        found = step(x).detach().numpy()
        after = model.state_dict()
        model.load_state_dict(before)
        fg.random.set_state(stream)
        np.testing.assert_array_equal(model(x).detach().numpy(), found)
        for k, v in model.state_dict().items():
            np.testing.assert_array_equal(v, after[k], err_msg=k)
    assert len(step.programs) == 2


CHANGES = {
    "a setting": lambda net: setattr(net[2], "p", 0.6),
    "another setting": lambda net: setattr(net[1], "momentum", 0.5),
    "a layer": lambda net: net.__setitem__(3, nn.Tanh()),
    "no bias": lambda net: setattr(net[0], "bias", None),
    "a buffer": lambda net: setattr(net[1], "running_mean", fg.ones(6)),
    "a layer deeper down": lambda net: net[4].layers.__setitem__(0, nn.Tanh()),
}


class Listed(nn.Module):
    """Its list is not called itself; it counts its own calls, which is no reason to record again."""

    def __init__(self):
        super().__init__()
        self.layers, self.calls = nn.ModuleList([nn.Sigmoid()]), 0

    def forward(self, x):
        self.calls += 1
        return self.layers[0](x)


@pytest.mark.parametrize("what", CHANGES)
def test_a_module_that_was_changed_is_recorded_anew(rng, what):
    x, ends, programs = rng.standard_normal((8, 5), np.float32), [], []
    for wrap in (lambda step: step, fg.capture):
        fg.manual_seed(3)
        net = nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.Dropout(0.2), nn.ReLU(), Listed())
        optimizer = optim.SGD(net.parameters(), lr=0.1)

        @wrap
        def step(x, net=net, optimizer=optimizer):
            optimizer.zero_grad()
            loss = net(x).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        losses = [step(x) for _ in range(3)]
        programs.append(len(getattr(step, "programs", [])))
        CHANGES[what](net)
        losses += [step(x) for _ in range(3)]
        programs.append(len(getattr(step, "programs", [])))
        ends.append([*losses, *net.parameters(), *net.buffers()])
    for eager, captured in zip(*ends, strict=True):
        assert_bits(captured, eager)
    assert programs == [0, 0, 1, 1]  # the old one is let go


def test_a_setting_that_is_set_to_what_it_was_records_nothing(rng):
    net = nn.Sequential(nn.Dropout(0.25))
    step = fg.capture(lambda x: net(x))
    x = rng.standard_normal(4, np.float32)
    step(x)
    (first,) = step.programs
    net[0].p = float("0.25")
    step(x)
    assert step.programs == [first]
