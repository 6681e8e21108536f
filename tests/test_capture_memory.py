"""The memory of a captured step: intermediate arrays share an arena, and inputs are read where the caller has them."""

import ast
import gc
import re
import weakref

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import kernels, nn, optim
from fastgrad.testing import assert_bits

ROWS, WIDTH = 96, 64  # 24 KB: more than is worth copying


def deep(layers=12):
    """A network with dropout and batch normalisation, its optimizer, and a step."""
    fg.manual_seed(1)
    parts = [part for _ in range(layers) for part in (nn.Linear(WIDTH, WIDTH), nn.BatchNorm1d(WIDTH), nn.Dropout(0.1))]
    model = nn.Sequential(*parts)
    optimizer = optim.Adam(model.parameters(), lr=0.01, ema=0.9)

    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return model, optimizer, step


def batches(rng, n):
    return [[fg.from_numpy(rng.standard_normal((ROWS, WIDTH), np.float32)) for _ in range(2)] for _ in range(n)]


def recording_of(captured):
    (found,) = [r for recordings in captured.recordings.values() for r in recordings]
    return found


def test_the_bits_are_those_of_the_eager_step(rng):
    data, ends = batches(rng, 6), []
    for wrap in (lambda step: step, fg.capture):
        model, optimizer, step = deep()
        step = wrap(step)
        losses = [step(x, y).detach().numpy() for x, y in data]
        averages = [own["average"] for own in optimizer.state.values()]
        ends.append([*losses, *map(np.asarray, model.state_dict().values()), *averages])
    for eager, captured in zip(*ends, strict=True):
        assert_bits(captured, eager)


def test_intermediate_arrays_share_memory(rng):
    _, _, step = deep()
    step = fg.capture(step)
    (x, y), *_ = batches(rng, 1)
    before = kernels.memory()["captured"]
    step(x, y)
    taken = kernels.memory()["captured"] - before
    made = sum(4 * int(np.prod(shape)) for shape in made_by(step.programs[0]))
    assert taken < made * 2 / 3  # slabs of 64 KB for small arrays included


def made_by(program):
    """The shapes of the arrays that the calls of a program make."""
    ends = [line.split("->")[1].split(" float32")[0] for line in str(program).splitlines() if "->" in line]
    return [ast.literal_eval(shape) for end in ends for shape in re.findall(r"\([\d, ]*\)", end)]


def test_the_memory_goes_with_the_step(rng):
    (x, y), *_ = batches(rng, 1)
    gc.collect()
    before = kernels.memory()["captured"]
    model, optimizer, step = deep()
    step = fg.capture(step)
    step(x, y)
    held = kernels.memory()["captured"]
    assert held > before
    program = weakref.ref(recording_of(step))
    gradient = model[0].weight.grad
    values = gradient.numpy().copy()
    del step, model, optimizer
    gc.collect()
    assert program() is None
    left = kernels.memory()["captured"] - before
    assert 0 < left < (held - before) / 2, "one gradient keeps its own block alone"
    assert_bits(gradient.numpy(), values)
    del gradient
    gc.collect()
    assert kernels.memory()["captured"] == before


def test_a_state_that_the_first_step_makes_is_not_overwritten_by_later_ones(rng):
    """Momentum is made when forward's arrays are gone: it must not lie where the next forward puts its own."""
    data, ends = batches(rng, 4), []
    for wrap in (lambda step: step, fg.capture):
        fg.manual_seed(0)
        model = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH))
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

        @wrap
        def step(x, y, model=model, optimizer=optimizer):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(x), y).backward()
            optimizer.step()

        for x, y in data:
            step(x, y)
        ends.append([p.detach().numpy() for p in model.parameters()])
    for eager, captured in zip(*ends, strict=True):
        assert_bits(captured, eager)


# -- inputs ------------------------------------------------------------------------------------------------------------
def aimed(captured):
    """Whether replays read the inputs where they are."""
    return [feed.places is not None for _, feed in recording_of(captured).feeds]


def test_large_inputs_are_read_where_they_are(rng):
    _, _, step = deep()
    step = fg.capture(step)
    (x, y), (other, _), *_ = batches(rng, 2)
    step(x, y)
    assert aimed(step) == [True, True]
    step(other, y)
    feed = recording_of(step).feeds[0][1]
    assert not np.array_equal(feed.buffer, other.numpy()), "it was copied"
    assert_bits(feed.buffer, x.numpy())


def test_small_inputs_are_copied():
    step = fg.capture(lambda x: x * 2.0)
    step(fg.ones(3))
    assert aimed(step) == [False]
    assert step(fg.tensor([1.0, 2.0, 3.0])).tolist() == [2.0, 4.0, 6.0]


@pytest.mark.parametrize(
    "how",
    ["as it is", "a parameter", "a gradient", "the last result", "transposed", "every second row", "not aligned"],
)
def test_whatever_the_caller_has(rng, how):
    """Captured and eager steps agree on every kind of input, one that the step itself writes included."""
    raw = rng.standard_normal(2 * WIDTH * WIDTH, np.float32)
    ends = []
    for wrap in (lambda step: step, fg.capture):
        w = fg.from_numpy(raw[: WIDTH * WIDTH].reshape(WIDTH, WIDTH).copy()).requires_grad_()
        optimizer = optim.SGD([w], lr=0.1)

        @wrap
        def step(x, w=w, optimizer=optimizer):
            optimizer.zero_grad()
            out = (x @ w).tanh()
            (out * x).sum().backward()
            optimizer.step()
            return out

        result = step(fg.from_numpy(raw[: WIDTH * WIDTH].reshape(WIDTH, WIDTH)))
        for _ in range(3):
            size = raw.nbytes // 2
            bytes_ = np.empty(size + 1, np.uint8)
            bytes_[1:] = raw[: WIDTH * WIDTH].view(np.uint8)
            x = {
                "as it is": lambda: fg.from_numpy(raw[WIDTH * WIDTH :].reshape(WIDTH, WIDTH)),
                "a parameter": lambda w=w: w.detach(),
                "a gradient": lambda w=w: w.grad,
                "the last result": lambda result=result: result.detach(),
                "transposed": lambda: fg.from_numpy(raw[: WIDTH * WIDTH].reshape(WIDTH, WIDTH).T),
                "every second row": lambda: fg.from_numpy(raw.reshape(2 * WIDTH, WIDTH)[::2]),
                "not aligned": lambda b=bytes_: fg.from_numpy(b[1:].view(np.float32).reshape(WIDTH, WIDTH)),
            }[how]()
            result = step(x)
        ends.append((result.detach().numpy().copy(), w.detach().numpy().copy(), w.grad.numpy().copy()))
    for eager, captured in zip(*ends, strict=True):
        assert_bits(captured, eager)


def test_an_input_that_somebody_keeps_is_copied(rng):
    kept = []

    def step(x):
        kept.append(x)
        return x * 2.0

    def shown(x):
        kept.append(x.data[1:])
        return x * 2.0

    for function in (step, shown, lambda x: (x, x * 2.0), lambda x: x.mul_(2.0)):
        kept.clear()
        captured = fg.capture(function)
        first, second = (fg.from_numpy(rng.standard_normal((ROWS, WIDTH), np.float32)) for _ in range(2))
        values = second.numpy().copy()
        captured(first)
        assert aimed(captured) == [False]
        captured(second)
        assert_bits(second.numpy(), values)
        if kept:
            now = kept[0].numpy() if isinstance(kept[0], fg.Tensor) else kept[0]
            assert_bits(now, values[ROWS - len(now) :])


def test_a_replay_keeps_nothing_of_the_caller(rng):
    captured = fg.capture(lambda x: x * 2.0)
    captured(fg.from_numpy(rng.standard_normal((ROWS, WIDTH), np.float32)))
    array = rng.standard_normal((ROWS, WIDTH), np.float32)
    captured(fg.from_numpy(array))
    alive = weakref.ref(array)
    del array
    gc.collect()
    assert alive() is None
    recording_of(captured).program.replay()  # reads its own buffer again


def test_host_calls_get_the_buffer(rng):
    captured = fg.capture(lambda x: kernels.host(lambda a: a + 1.0, x.data))
    x, y = (fg.from_numpy(rng.standard_normal((ROWS, WIDTH), np.float32)) for _ in range(2))
    captured(x)
    assert aimed(captured) == [False]
    assert_bits(captured(y), y.numpy() + np.float32(1))


def test_a_rate_that_raises_leaves_nothing_of_the_caller_behind(rng):
    """The inputs have their place by then: the next replay, which copies, must not read what is gone."""
    data, broken = batches(rng, 3), []

    def rate(t):
        if broken:
            raise RuntimeError("no rate")
        return 0.01

    ends = []
    for wrap in (lambda step: step, fg.capture):
        fg.manual_seed(1)
        model = nn.Linear(WIDTH, WIDTH)
        optimizer = optim.Adam(model.parameters(), lr=rate)

        @wrap
        def step(x, y, model=model, optimizer=optimizer):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        for x, y in data[:2]:
            step(x, y)
        broken.append(True)
        before = model.weight.detach().numpy().copy()
        with pytest.raises(RuntimeError, match="no rate"):
            step(*(fg.from_numpy(np.full_like(a.data, np.nan)) for a in data[0]))
        assert_bits(model.weight.data, before)
        broken.clear()
        loss = step(*(fg.from_numpy(np.asfortranarray(a.data)) for a in data[2]))
        ends.append([loss.detach().numpy(), model.weight.detach().numpy(), model.bias.detach().numpy()])
    for eager, captured in zip(*ends, strict=True):
        assert_bits(captured, eager)
