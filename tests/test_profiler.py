"""profile: every kernel call of the thread, with what it moved and computed, and nothing else."""

import json
import threading

import numpy as np
import pytest
from test_capture import Training

import fastgrad as fg
from fastgrad import kernels
from fastgrad.profiler import Limits, machine_limits, profile

F4, F8 = np.float32, np.float64


def ones(*shape, dtype=F4):
    return np.ones(shape, dtype)


def profiled(call):
    with profile() as p:
        call()
    return p


def what(event):
    return event.kernel, event.dtype, event.sizes, event.bytes, event.flops


# -- what is counted ---------------------------------------------------------------------------------------------------
X, LABELS = ones(6, 5), np.zeros(6, np.int64)
KNOWN = {
    "of one shape": (lambda: kernels.add(X, X), ("add", "float32", (30,), 4 * 90, 0)),
    "a number": (lambda: kernels.add(X, 2.0), ("add", "float32", (30,), 4 * 60, 0)),
    "float64": (lambda: kernels.exp(ones(7, dtype=F8)), ("exp", "float64", (7,), 8 * 14, 0)),
    "a row, broadcast": (lambda: kernels.mul(X, X[0]), ("mul", "float32", (6, 5), 4 * (30 + 5 + 30), 0)),
    "a column, broadcast": (lambda: kernels.mul(X, X[:, :1].copy()), ("mul", "float32", (6, 5), 4 * (30 + 6 + 30), 0)),
    "a view": (lambda: kernels.neg(X[:, ::2]), ("neg", "float32", (6, 3), 4 * 36, 0)),
    "a condition of bools": (lambda: kernels.where(X > 0, X, 0.0), ("where", "float32", (30,), 30 + 4 * 60, 0)),
    "read and written": (lambda: kernels.fill(ones(9), 1.0), ("fill", "float32", (9,), 4 * 18, 0)),
    "into the operand": (lambda: kernels.relu(X, out=X), ("relu", "float32", (30,), 4 * 60, 0)),
    "nothing": (lambda: kernels.exp(ones(0)), ("exp", "float32", (0,), 0, 0)),
    "a sum": (lambda: kernels.sum(ones(2, 3, 4)), ("sum", "float32", (2, 3, 4), 4 * (24 + 8), 0)),
    "an index": (lambda: kernels.max(ones(2, 3, 4)), ("max", "float32", (2, 3, 4), 4 * 32 + 8 * 8, 0)),
    "truth values": (lambda: kernels.isnan(X), ("isnan", "float32", (30,), 4 * 30 + 30, 0)),
    "a cast": (lambda: kernels.to_float64(X), ("to_float64", "float64", (30,), 4 * 30 + 8 * 30, 0)),
    "a cast back": (lambda: kernels.to_int64(X.astype(F8)), ("to_int64", "float64", (30,), 16 * 30, 0)),
    "a size": (
        lambda: kernels.max_backward(ones(2, 4), np.zeros((2, 4), np.int64), 3),
        ("max_backward", "float32", (2, 4, 3), 4 * 8 + 8 * 8 + 4 * 24, 0),
    ),
    "a loss": (lambda: kernels.cross_entropy(X, LABELS), ("cross_entropy", "float32", (6, 5), 4 * 66 + 8 * 6, 0)),
    "a product": (
        lambda: kernels.matmul(ones(3, 4), ones(4, 5)),
        ("matmul", "float32", (3, 4, 5), 4 * (12 + 20 + 15), 2 * 60),
    ),
    "a product of a view": (
        lambda: kernels.matmul(X.T, X),
        ("matmul", "float32", (5, 6, 5), 4 * (30 + 30 + 25), 2 * 150),
    ),
    "a stack of products": (
        lambda: kernels.bmm(ones(2, 3, 4), ones(2, 4, 5)),
        ("bmm", "float32", (2, 3, 4, 5), 4 * 2 * (12 + 20 + 15), 2 * 2 * 60),
    ),
    "a stack with one matrix": (
        lambda: kernels.bmm(ones(2, 3, 4), np.broadcast_to(ones(4, 5), (2, 4, 5))),
        ("bmm", "float32", (2, 3, 4, 5), 4 * (2 * 12 + 20 + 2 * 15), 2 * 2 * 60),
    ),
    "a bias": (
        lambda: kernels.linear(ones(3, 4), ones(5, 4), ones(5)),
        ("linear", "float32", (3, 4, 5), 4 * (12 + 20 + 5 + 15), 2 * 60),
    ),
    "no bias": (
        lambda: kernels.linear(ones(3, 4), ones(5, 4)),
        ("linear", "float32", (3, 4, 5), 4 * (12 + 20 + 15), 2 * 60),
    ),
    "an update": (lambda: kernels.sgd(ones(7), ones(7), 0.1), ("sgd", "float32", (1, 7), 4 * 21, 0)),
    "an update of a list": (
        lambda: kernels.momentum([ones(7), X], [ones(7), X.copy()], [ones(7), X.copy()], 0.1),
        ("momentum", "float32", (2, 37), 4 * 37 * 5, 0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
def test_what_a_call_moves_and_computes(name):
    call, expected = KNOWN[name]
    p = profiled(call)
    assert [what(e) for e in p.events] == [expected]
    assert not p.events[0].replayed


@pytest.mark.parametrize("dtype", [F4, F8])
def test_a_captured_step_makes_the_calls_of_the_eager_one(dtype):
    side = Training("Adam", dtype)
    captured = fg.capture(side.step)
    captured(*side.batch())
    eager, replayed = profiled(lambda: side.step(*side.batch())), profiled(lambda: captured(*side.batch()))
    found = [what(e) for e in replayed.events]
    assert len(found) == len(captured.programs[0]) > 20
    assert found[: len(eager.events)] == [what(e) for e in eager.events]
    assert [e.replayed for e in eager.events + replayed.events] == [False] * len(eager.events) + [True] * len(found)
    total = sum(e.bytes for e in replayed.events), sum(e.flops for e in replayed.events)
    program = repr(captured.programs[0]).splitlines()[-1]
    assert f"{total[0] / 1e3:.3g} kB" in program
    assert f"{total[1] / 1e3:.3g} kFLOP" in program


def test_times_follow_each_other_within_the_block():
    x = ones(1000)
    p = profiled(lambda: [kernels.exp(x) for _ in range(5000)])
    assert len(p.events) == 5000
    marks = [t for e in p.events for t in (e.start, e.end)]
    assert marks == sorted(marks)
    assert marks[0] >= 0
    assert marks[-1] <= p.wall * 1e9 + 1
    assert 0 < p.kernel_time <= p.wall
    assert abs(sum(e.end - e.start for e in p.events) - p.kernel_time * 1e9) < 1
    assert p.lost == 0


def test_a_call_takes_the_time_it_takes():
    """The block of a long call is almost all kernel; and the longer call is the longer event."""
    x = ones(3_000_000)
    kernels.exp(x)
    p = profiled(lambda: (kernels.exp(x), kernels.exp(x[:1000])))
    assert p.events[0].end - p.events[0].start > 20 * (p.events[1].end - p.events[1].start)
    assert p.kernel_time > 0.5 * p.wall


def test_the_team_of_a_call():
    x = ones(1_000_000)
    for threads in (1, 2):
        with kernels.use(threads=threads):
            p = profiled(lambda: (kernels.exp(x), kernels.exp(x[:10])))
        assert [e.threads for e in p.events] == [threads if kernels.info()["openmp"] else 1, 1]


def test_a_call_that_refuses_its_numbers_is_a_call():
    with profile() as p, pytest.raises(IndexError, match="row 0"):
        kernels.cross_entropy(X, LABELS + 5)
    assert [e.kernel for e in p.events] == ["cross_entropy"]


def test_what_numpy_does_is_no_call():
    def step():
        kernels.add(np.arange(3), 1)
        kernels.host(np.sort, X)
        with kernels.use("reference"):
            kernels.exp(X)
        kernels.neg(X)

    assert [e.kernel for e in profiled(step).events] == ["neg"]


# -- whose calls, and when ---------------------------------------------------------------------------------------------
def test_nothing_is_seen_outside_the_block():
    p = profile()
    kernels.exp(X)
    for call in (kernels.neg, kernels.abs):  # a block used again shows its last run
        with p:
            call(X)
        kernels.exp(X)
        assert [e.kernel for e in p.events] == [call.__name__]


def test_other_threads_are_not_seen():
    seen = []

    def other():
        kernels.neg(X)
        seen.append(profiled(lambda: kernels.abs(X)))

    def both():
        kernels.exp(X)
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()

    assert [e.kernel for e in profiled(both).events] == ["exp"]
    assert [e.kernel for e in seen[0].events] == ["abs"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_ends_the_block(error):
    def fail():
        kernels.exp(X)
        raise error

    p = profile()
    with pytest.raises(error), p:
        fail()
    kernels.neg(X)
    assert [e.kernel for e in p.events] == ["exp"]
    assert [e.kernel for e in profiled(lambda: kernels.abs(X)).events] == ["abs"]


def test_blocks_nest():
    with profile() as outer:
        kernels.exp(X)
        with profile() as inner:
            kernels.neg(X)
        kernels.abs(X)
    assert [e.kernel for e in inner.events] == ["neg"]
    assert [e.kernel for e in outer.events] == ["exp", "neg", "abs"]
    assert inner.wall < outer.wall


def test_blocks_that_end_in_the_order_they_began():
    first, second = profile(), profile()
    first.__enter__()
    kernels.exp(X)
    second.__enter__()
    kernels.neg(X)
    first.__exit__(None, None, None)
    del first
    kernels.abs(X)
    second.__exit__(None, None, None)
    assert [e.kernel for e in second.events] == ["neg", "abs"]
    assert profiled(lambda: None).events == []


def test_a_block_inside_a_function_of_a_captured_step():
    inner = []
    captured = fg.capture(lambda x: fg.from_numpy(kernels.host(seen_inside, (x * 2.0).data, inner)) + 1.0)
    x = fg.tensor([1.0])
    captured(x)
    p = profiled(lambda: captured(x))
    assert [e.kernel for e in p.events] == ["mul", "neg", "add"]
    assert [e.kernel for e in inner[-1].events] == ["neg"]
    assert [e.replayed for e in p.events] == [True, False, True]


def seen_inside(x, found):
    with profile() as p:
        y = kernels.neg(x)
    found.append(p)
    return y


def test_misuse_is_refused():
    p = profile()
    for read in (lambda: p.events, lambda: p.wall, p.table, lambda: p.chrome_trace("x")):
        with pytest.raises(RuntimeError, match="read after its block"):
            read()
    with p:
        with pytest.raises(RuntimeError, match="entered already"):
            p.__enter__()
        with pytest.raises(RuntimeError, match="read after its block"):
            p.table()
        kernels.exp(X)
        errors = []

        def leave():
            try:
                p.__exit__(None, None, None)
            except RuntimeError as error:
                errors.append(str(error))

        thread = threading.Thread(target=leave)
        thread.start()
        thread.join()
        assert "by the thread that started it" in errors[0]
        kernels.neg(X)
    assert [e.kernel for e in p.events] == ["exp", "neg"]
    with pytest.raises(ValueError, match=r"sort must be one of time, calls, .*not 'speed'"):
        p.table(sort="speed")


# -- what is shown -----------------------------------------------------------------------------------------------------
def cells(table):
    """Lines of a table, as lists of cells."""
    return [[c.strip() for c in line.split("  ") if c.strip()] for line in table.splitlines()]


def work():
    kernels.matmul(ones(64, 64), ones(64, 64))
    for _ in range(3):
        kernels.exp(X)


def test_the_table():
    p = profiled(work)
    lines = {line[0]: line[1:] for line in cells(p.table())}
    assert next(iter(lines)) == "kernel"
    assert lines["kernel"] == ["calls", "total ms", "share", "mean us", "rate"]
    assert lines["matmul"][0] == "1"
    assert lines["exp"][0] == "3"
    assert lines["matmul"][-1].endswith(" GFLOP/s")
    assert lines["exp"][-1].endswith(" GB/s")
    for name in ("matmul", "exp"):
        mine = [e for e in p.events if e.kernel == name]
        total = sum(e.end - e.start for e in mine)
        assert float(lines[name][1]) == pytest.approx(total / 1e6, abs=6e-4)
        assert float(lines[name][3]) == pytest.approx(total / 1e3 / len(mine), abs=0.06)
        done = sum(e.flops if name == "matmul" else e.bytes for e in mine)
        assert float(lines[name][4].split()[0]) == pytest.approx(done / total, rel=6e-3)
    rest = lines["Python, NumPy and waiting"]
    assert float(rest[0]) == pytest.approx((p.wall - p.kernel_time) * 1e3, abs=6e-4)
    assert sum(float(line[2].rstrip("%")) for n, line in lines.items() if n in ("matmul", "exp")) + float(
        rest[1].rstrip("%")
    ) == pytest.approx(100, abs=0.2)
    assert str(p) == p.table()


def test_the_order_of_the_table():
    p = profiled(work)
    order = {sort: [line[0] for line in cells(p.table(sort))[1:-1]] for sort in ("calls", "bytes", "flops", "name")}
    assert order == {
        "calls": ["exp", "matmul"],
        "bytes": ["matmul", "exp"],
        "flops": ["matmul", "exp"],
        "name": ["exp", "matmul"],
    }
    spent = {name: sum(e.end - e.start for e in p.events if e.kernel == name) for name in ("exp", "matmul")}
    assert [line[0] for line in cells(p.table("time"))[1:-1]] == sorted(spent, key=lambda name: -spent[name])


def test_the_machine_s_share():
    """A machine with a bandwidth of 1 GB/s, 1 GFLOP/s in float32 and half of that in float64."""
    p = profiled(lambda: (work(), kernels.matmul(ones(64, 64, dtype=F8), ones(64, 64, dtype=F8))))
    lines = {line[0]: line[1:] for line in cells(p.table(limits=Limits(1e9, 1e9, 5e8)))}
    assert lines["kernel"][-2:] == ["of limit", "bound by"]
    spent = {name: sum(e.end - e.start for e in p.events if e.kernel == name) for name in ("exp", "matmul")}
    for name, bound, least in (("matmul", "flops", 3 * 2 * 64**3), ("exp", "bytes", 3 * 240)):
        assert lines[name][-1] == bound
        assert float(lines[name][-2].rstrip("%")) == pytest.approx(100 * least / spent[name], abs=0.51)
    slow_memory = {line[0]: line[-1] for line in cells(p.table(limits=Limits(1e3, 1e9, 5e8)))}
    assert slow_memory["matmul"] == "bytes"


def test_an_empty_block():
    p = profiled(lambda: None)
    assert p.events == []
    assert [line[0] for line in cells(p.table())] == ["kernel", "Python, NumPy and waiting"]
    assert p.kernel_time == 0


def test_the_trace_file(tmp_path):
    captured = fg.capture(lambda x: (x * 2.0).sum())
    x = fg.tensor([1.0, 2.0])
    captured(x)
    p = profiled(lambda: (work(), captured(x)))
    p.chrome_trace(tmp_path / "trace.json")
    found = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert [e["name"] for e in found] == [e.kernel for e in p.events]
    assert {e["ph"] for e in found} == {"X"}
    assert [e["cat"] for e in found] == ["eager"] * 4 + ["replayed"] * 2
    for shown, event in zip(found, p.events, strict=True):
        assert shown["ts"] == event.start / 1e3
        assert shown["dur"] == (event.end - event.start) / 1e3
        assert shown["args"]["sizes"] == list(event.sizes)
        assert {"pid", "tid"} <= set(shown)


def test_the_limits_of_the_machine_are_measured_once_and_unseen():
    with profile() as p:
        found = machine_limits()
        assert machine_limits() is found
    assert p.events == []
    assert 1e8 < found.bandwidth < 1e13
    assert 1e8 < found.float64 < 1.5 * found.float32 < 1e15
    with kernels.use("reference"):
        assert machine_limits() is found
