"""kernels.host: calls of Python inside a captured step; and reference kernels, which are such calls."""

import threading
from typing import NamedTuple

import numpy as np
import pytest
from test_capture import OPTIMIZERS, Training, assert_same, in_lockstep

import fastgrad as fg
from fastgrad import CaptureError, kernels
from fastgrad.kernels import Program, host
from fastgrad.testing import assert_bits

F4 = np.float32


def record(step):
    """The program of a step, and what the step returned."""
    program = Program()
    program.start()
    try:
        return program, step()
    finally:
        program.stop()


def numbers(*values):
    return np.array(values, F4)


class Pair(NamedTuple):
    low: np.ndarray
    high: np.ndarray


def low_and_high(x):
    return Pair(x.min(axis=0), x.max(axis=0))


# -- results -----------------------------------------------------------------------------------------------------------
def results(function, *arguments):
    """What a function gives by itself, and in a captured step."""
    return host(function, *arguments), record(lambda: host(function, *arguments))[1]


def test_a_result_is_an_array_a_tuple_a_list_or_nothing():
    x = numbers(3, 1, 2)
    for found in results(np.sort, x):
        assert_bits(found, numbers(1, 2, 3))
    for found in results(low_and_high, x.reshape(3, 1)):
        assert type(found) is Pair
        assert_bits(found.high, numbers(3))
    for found in results(lambda x: list(np.split(x, 3)), x):
        assert type(found) is list
        assert_bits(found[1], numbers(1))
    for found in results(np.sum, x):
        assert type(found) is np.ndarray
        assert found.shape == ()
        assert found == 6
    for found in results(np.copyto, np.zeros(3, F4), x):
        assert found is None


@pytest.mark.parametrize("bad", [1.0, "x", [1.0], (np.zeros(1), None)])
def test_another_result_is_refused(bad):
    for call in (lambda: host(lambda: bad), lambda: record(lambda: host(lambda: bad))):
        with pytest.raises(TypeError, match=r"host call .*lambda.*: it returned .*returns an array"):
            call()


def test_results_are_made_anew_by_a_replay():
    x, out = numbers(3, 1, 2), np.zeros(3, F4)

    def step():
        order = host(np.argsort, x)
        ranked = host(np.take_along_axis, kernels.exp(x), order, 0)
        kernels.add(ranked, 1.0, out=out)
        return order, ranked

    program, (order, ranked) = record(step)
    assert len(program) == 4
    x[:] = 5, 7, 6
    program.replay()
    assert program.done == 4
    assert order.tolist() == [0, 2, 1]
    assert_bits(ranked, kernels.exp(numbers(5, 6, 7)))
    assert_bits(out, kernels.add(ranked, 1.0))


def test_a_function_that_writes_into_its_arguments():
    x, total = numbers(1, 2), numbers(0, 0)

    def accumulate(total, x):
        total += x

    program, nothing = record(lambda: host(accumulate, total, x))
    assert nothing is None
    program.replay()
    assert total.tolist() == [2, 4]


def test_a_list_of_arrays_is_the_list_of_the_call():
    parts, seen = [numbers(1), numbers(2, 3)], []
    first = parts[0]
    program, (joined, _) = record(lambda: (host(np.concatenate, parts), host(seen.append, "called")))
    parts.clear()
    first[:] = 7
    program.replay()
    assert joined.tolist() == [7, 2, 3]
    assert seen == ["called", "called"]


def test_a_result_shares_no_memory_with_an_argument_unless_it_is_one():
    x = numbers(1, 2, 3, 4)
    program, (reversed_, same) = record(lambda: (host(lambda x: x[::-1], x), host(lambda x: x[:], x)))
    assert same is x
    assert not np.shares_memory(reversed_, x)
    x[:] = 5, 6, 7, 8
    program.replay()
    assert reversed_.tolist() == [8, 7, 6, 5]
    assert x.tolist() == [5, 6, 7, 8]


def test_a_table_a_function_takes_from_is_not_written_to():
    table, i = np.arange(6, dtype=F4).reshape(3, 2), np.array(0)
    program, row = record(lambda: host(lambda i: table[int(i)], i))
    i[...] = 2
    program.replay()
    assert row.tolist() == [4, 5]
    assert table.tolist() == [[0, 1], [2, 3], [4, 5]]


def test_an_argument_that_is_no_longer_the_one_returned_is_refused():
    a, b = numbers(1), numbers(2)
    program, found = record(lambda: host(lambda a, b: a if a < b else b, a, b))
    assert found is a
    program.replay()
    a[:] = 3
    with pytest.raises(CaptureError, match=r"lambda.*returned one of its arguments .*let it return a copy"):
        program.replay()
    assert (a.tolist(), b.tolist()) == ([3], [2])


def test_awkward_results_become_arrays_a_replay_can_write():
    x = numbers(1)
    program, (wide, fortran) = record(
        lambda: (host(lambda x: np.broadcast_to(x, 3), x), host(lambda x: np.asfortranarray(np.tile(x, (2, 2))), x))
    )
    assert fortran.flags.f_contiguous
    assert not fortran.flags.c_contiguous
    x[:] = 7
    program.replay()
    assert wide.tolist() == [7, 7, 7]
    assert fortran.tolist() == [[7, 7], [7, 7]]


# -- what goes wrong ---------------------------------------------------------------------------------------------------
def test_a_shape_that_depends_on_values_is_refused():
    x = numbers(1, 0, 2)
    program, found = record(lambda: host(np.nonzero, x))
    x[1] = 5
    with pytest.raises(CaptureError, match=r"numpy.nonzero: a result \(2,\) int64 when .*\(3,\) int64 now; .*values"):
        program.replay()
    assert found[0].tolist() == [0, 2]
    program, _ = record(lambda: host(lambda x: tuple(np.zeros(int(x[0])) for _ in range(int(x[1]))), x))
    x[1] = 4
    with pytest.raises(CaptureError, match="5 results when the step was captured, 4 now"):
        program.replay()


def test_a_dtype_that_depends_on_values_is_refused():
    x = numbers(1)
    program, _ = record(lambda: host(lambda x: x.astype(np.int64 if x[0] > 0 else np.int32), x))
    x[:] = -1
    with pytest.raises(CaptureError, match=r"\(1,\) int64 when .*\(1,\) int32 now"):
        program.replay()


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_an_exception_stops_a_replay_and_comes_out(error):
    x, seen = numbers(0), np.zeros(4, F4)

    def check(x):
        if x[0] > 0:
            raise error("by the function")

    def step():
        kernels.fill(seen[:1], 1.0)
        host(check, x)
        kernels.fill(seen[1:2], 1.0)

    program, _ = record(step)
    for bad in (1, 0, 1, 0):
        seen[:], x[:] = 0, bad
        if bad:
            with pytest.raises(error, match="by the function"):
                program.replay()
            assert program.done == 1
            with pytest.raises(error, match="by the function"):
                program.timings()
        else:
            program.replay()
            assert program.done == 3
        assert seen[:2].tolist() == [1, 1 - bad]


def test_an_exception_while_recording_leaves_the_program_without_the_call():
    def step():
        with pytest.raises(ZeroDivisionError):
            host(lambda: 1 // 0)
        kernels.exp(numbers(1))

    assert len(record(step)[0]) == 1


def test_bad_input_between_two_host_calls_stops_the_replay_there():
    x, target, calls = np.ones((2, 3), F4), np.array([0, 1]), []

    def step():
        host(lambda: calls.append(0))
        kernels.cross_entropy(x, target)
        host(lambda: calls.append(1))

    program, _ = record(step)
    target[1] = 7
    with pytest.raises(IndexError, match="row 1"):
        program.replay()
    assert calls == [0, 1, 0]
    assert program.done == 1


def test_an_update_that_ran_before_a_function_raised_is_counted():
    side, fail = Training(), []

    def check():
        if fail:
            raise ValueError("late")

    def step(x, t):
        loss = side.step(x, t)
        host(check)
        return loss

    captured = fg.capture(step)
    captured(*side.batch())
    fail.append(1)
    before = side.parameters[0].data.copy()
    with pytest.raises(ValueError, match="late"):
        captured(*side.batch())
    assert side.optimizer.state[side.parameters[0]]["step"] == 2
    assert (side.parameters[0].data != before).any()


def test_another_thread_cannot_replay_while_a_function_runs():
    errors = []

    def other():
        try:
            program.replay()
        except CaptureError as error:
            errors.append(str(error))

    def function():
        if threading.current_thread() is threading.main_thread() and len(program):
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()

    program = Program()
    program.start()
    try:
        host(function)
    finally:
        program.stop()
    program.replay()
    assert len(errors) == 1
    assert "another thread" in errors[0]


# -- with the rest -----------------------------------------------------------------------------------------------------
def test_kernels_inside_a_function_are_its_own_affair():
    x = numbers(1, 2)
    program, found = record(lambda: host(lambda x: kernels.exp(kernels.add(x, 1.0)), x))
    assert len(program) == 1
    x[:] = 3, 4
    program.replay()
    assert_bits(found, kernels.exp(numbers(4, 5)))


def test_a_program_lists_its_host_calls():
    x, ints = numbers(3, 1, 2), np.arange(3)

    def step():
        kernels.add(host(np.sort, x), host(np.add, x, x))
        kernels.add(ints, 1)

    program, _ = record(step)
    assert program.labels == [
        ("host numpy.sort", "(3,)"),
        ("host numpy.add", "(3,), (3,)"),
        ("add", "a (3,), b (3,)"),
        ("host reference.add", "(3,)"),
    ]
    lines = str(program).splitlines()
    assert lines[1].split() == ["1", "host", "numpy.add", "(3,),", "(3,)", "->", "(3,)", "float32", "36", "B"]
    assert lines[3].split() == ["3", "host", "reference.add", "(3,)", "->", "(3,)", "int64", "48", "B"]
    assert lines[4] == "total 4 calls, 3 of them Python, 144 B read and written, 0 FLOP in products"
    found = program.timings()
    assert len(found) == 4
    assert min(found) > 0
    with pytest.raises(ValueError, match=r"numpy.sort has 0 scalars, 1 were given"):
        program.set_scalars(0, [1.0])
    with pytest.raises(ValueError, match=r"reference.add has 0 scalars"):
        program.set_scalars(3, [1.0])


def test_a_program_shows_what_it_moves():
    a, b, p = np.ones((4, 8), F4), np.ones((8, 2), F4), [np.ones(5, F4), np.ones((2, 3), F4)]

    def step():
        kernels.matmul(a, b)
        kernels.add(a, a[0])
        kernels.sgd(p, [q.copy() for q in p], 0.1)

    lines = [line.split("  ") for line in str(record(step)[0]).splitlines()]
    found = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert found == [
        ["0", "matmul", "(4, 8), (8, 2) -> (4, 2)", "float32", "224 B", "128 FLOP"],
        ["1", "add", "(4, 8), (8,) -> (4, 8)", "float32", "288 B"],
        ["2", "sgd", "p, g: 2 tensors, 11 elements -> p", "float32", "132 B"],
        ["total 3 calls, 644 B read and written, 128 FLOP in products"],
    ]


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_training_with_a_function_in_the_step(make):
    """Inputs scaled by a statistic that NumPy computes; a step with native calls on both sides of it."""

    def step_of(side):
        def step(x, t):
            scale = host(lambda x: np.maximum(np.abs(x).max(axis=0), 1), x.data)
            return side.step(x / fg.from_numpy(scale), t)

        return step

    a, b = Training(make), Training(make)
    captured = fg.capture(step_of(b))
    in_lockstep((a, step_of(a)), (b, captured), steps=5)
    assert len(captured.programs) == 1


# -- reference kernels -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("make", OPTIMIZERS)
def test_training_with_reference_kernels(make, dtype):
    with kernels.use("reference"):
        a, b = Training(make, dtype), Training(make, dtype)
        captured = fg.capture(b.step)
        in_lockstep((a, a.step), (b, captured), steps=5)
    assert len(captured.programs) == 1
    assert all(name.startswith("host reference.") for name, _ in captured.programs[0].labels)


def test_a_learning_rate_reaches_a_reference_rule():
    sides = [Training("SGD"), Training("SGD")]
    with kernels.use("reference"):
        steps = [sides[0].step, fg.capture(sides[1].step)]
        for lr in (0.1, 0.5, 0.01):
            for side, step in zip(sides, steps, strict=True):
                side.optimizer.param_groups[0]["lr"] = lr
                step(*side.batch())
            assert_same(*sides)


def test_a_part_of_a_step_with_reference_kernels():
    def step(x):
        with kernels.use("reference"):
            y = x * 2.0
        return y + 1.0

    captured = fg.capture(step)
    for values in ([1.0, 2.0], [3.0, 4.0]):
        assert captured(fg.tensor(values)).tolist() == step(fg.tensor(values)).tolist()
    assert [name for name, _ in captured.programs[0].labels] == ["host reference.mul", "add"]


def test_a_switch_records_its_own_program():
    captured, x = fg.capture(lambda x: x * 2.0), fg.tensor([1.0])
    for switch in ({}, {"which": "reference"}, {"isa": "baseline"}):
        for _ in range(2):
            with kernels.use(**switch):
                captured(x)
    assert [program.labels[0][0] for program in captured.programs][:2] == ["mul", "host reference.mul"]
    assert len(captured.programs) == (2 if kernels.info()["isa"] == "baseline" else 3)


def test_integers_are_captured():
    captured = fg.capture(lambda x: x * x + 1)
    for values in ([1, 2], [3, 4]):
        assert captured(fg.tensor(values)).tolist() == [v * v + 1 for v in values]


def test_a_missing_argument_is_refused_as_without_a_capture():
    def step():
        with pytest.raises(TypeError, match="missing"):
            kernels.sgd([np.arange(3)], [np.arange(3)])

    assert len(record(step)[0]) == 0


def test_copies_numpy_makes_are_made_again():
    """Labels that are not contiguous, and numbers that are not aligned."""
    target, x = np.array([0, 9, 1, 9, 0, 9]), np.ones((3, 2), F4)
    packed = np.zeros(5, np.dtype([("pad", "u1"), ("x", F4)]))

    def step():
        return kernels.cross_entropy(x, target[::2])[0], kernels.exp(packed["x"])

    program, (loss, e) = record(step)
    x[:] = [[1, 2], [3, 5], [0, 1]]
    target[:] = 1, 0, 0, 0, 1, 0
    packed["x"] = 1, 2, 3, 4, 5
    program.replay()
    assert_bits(loss, kernels.cross_entropy(x, np.array([1, 0, 1]))[0])
    assert_bits(e, kernels.exp(np.array([1, 2, 3, 4, 5], F4)))


def test_reference_kernels_for_the_whole_process(python):
    code = """if True:
        import fastgrad as fg
        w = [fg.tensor([1.0, 2.0], requires_grad=True) for _ in range(2)]
        opt = [fg.optim.Adam([p], lr=0.1) for p in w]
        def step(x, i):
            opt[i].zero_grad()
            loss = ((w[i] - x) * (w[i] - x)).sum()
            loss.backward()
            opt[i].step()
            return loss
        captured = fg.capture(step)
        x = fg.tensor([0.0, 0.5])
        print([float(step(x, 0).item()) for _ in range(3)])
        print([float(captured(x, 1).item()) for _ in range(3)])
        print({name.split(".")[0] for name, _ in captured.programs[0].labels})
    """
    eager, replayed, labels = python(code, FASTGRAD_KERNELS="reference").splitlines()
    assert eager == replayed
    assert labels == "{'host reference'}"
