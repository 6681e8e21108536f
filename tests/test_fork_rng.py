"""`random.fork_rng`: random numbers of a block, which belong to it and to its thread."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import nn


def drawn(dropouts=3):
    """Numbers from the generator and from dropout's streams, which draw apart."""
    masks = [fg.nn.functional.dropout(fg.ones(40)).numpy() for _ in range(dropouts)]
    return np.concatenate([fg.rand(5).numpy(), nn.Linear(3, 2).weight.data.ravel(), *masks])


def test_nothing_of_the_block_is_seen_outside():
    fg.manual_seed(3)
    drawn()
    before = fg.random.get_state()
    with fg.random.fork_rng():
        inside = drawn()
        fg.manual_seed(99)
        assert fg.initial_seed() == 99
        drawn()
    np.testing.assert_equal(fg.random.get_state(), before)
    assert fg.initial_seed() == 3
    np.testing.assert_array_equal(drawn(), inside)  # it began where the thread was


def test_a_seed_begins_as_manual_seed_does():
    fg.manual_seed(5)
    wanted = drawn()
    fg.manual_seed(6)
    with fg.random.fork_rng(seed=5):
        np.testing.assert_array_equal(drawn(), wanted)
        with fg.random.fork_rng(seed=5):
            np.testing.assert_array_equal(drawn(), wanted)
        assert not np.array_equal(drawn(), wanted)


def test_an_error_ends_the_block():
    before = fg.random.get_state()
    with pytest.raises(ValueError, match="must not exceed"), fg.random.fork_rng(seed=1):
        nn.init.uniform_(fg.empty(3), drawn().max() + 1, 0.0)
    np.testing.assert_equal(fg.random.get_state(), before)
    with (
        pytest.raises(ValueError, match=r"seed must be a non-negative integer, not 1\.5"),
        fg.random.fork_rng(seed=1.5),
    ):
        pass
    np.testing.assert_equal(fg.random.get_state(), before)


def test_not_enabled_it_is_no_block():
    fg.manual_seed(0)
    with fg.random.fork_rng(enabled=False):
        first = fg.rand(1).item()
    fg.manual_seed(0)
    assert fg.rand(1).item() == first


def test_threads_draw_each_from_its_own():
    with fg.random.fork_rng(seed=5):
        wanted = drawn(20)
    together = Barrier(2)

    def forked(seed):
        with fg.random.fork_rng(seed=seed):
            together.wait()
            return drawn(20)

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(forked, (5, 8))
    np.testing.assert_array_equal(first, wanted)
    assert not np.array_equal(second, wanted)


def test_threads_without_a_block_share_one_source():
    fg.manual_seed(5)
    wanted = drawn()
    fg.manual_seed(5)
    with ThreadPoolExecutor(1) as pool:
        np.testing.assert_array_equal(pool.submit(drawn).result(), wanted)
    assert fg.random.get_state()["streams"]["count"] == 3


def test_a_captured_step_replays_from_the_block_it_is_in():
    x = fg.ones(64)

    @fg.capture
    def step(x):
        return fg.nn.functional.dropout(x, 0.5) + fg.rand(64)

    with fg.random.fork_rng(seed=2):
        wanted = [step(x).numpy() for _ in range(3)]
    with fg.random.fork_rng(seed=2):
        for one in wanted:
            np.testing.assert_array_equal(step(x).numpy(), one)
    with pytest.raises(fg.CaptureError, match="fork_rng"):
        fg.capture(lambda x: fork_within(x))(x)


def fork_within(x):
    with fg.random.fork_rng():
        return x + fg.rand(64)
