"""A child forked from a process that has used every part of the engine works, and so does its parent afterwards."""

import os

import pytest

pytestmark = [pytest.mark.fork, pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")]

FORKS = """
import os, sys, time, signal
import numpy as np
import fastgrad as fg

count, nested = int(sys.argv[1]), sys.argv[2] == "nested"
fg.set_num_threads(2)
draw = np.random.Generator(np.random.Philox(1))
x = fg.from_numpy(draw.standard_normal((300, 300)).astype(np.float32))
model = fg.nn.Sequential(fg.nn.Linear(300, 300), fg.nn.ReLU(), fg.nn.Linear(300, 10))
labels = fg.from_numpy(draw.integers(0, 10, 300))
optimizer = fg.optim.Adam(model.parameters())

def step(x, labels):
    optimizer.zero_grad()
    loss = fg.nn.functional.cross_entropy(model(x), labels)
    loss.backward()
    optimizer.step()
    return loss

captured = fg.capture(step)
expected = (x @ x).data.copy()
for _ in range(2):
    step(x, labels), captured(x, labels)
before = [p.data.copy() for p in model.parameters()]

def work():
    assert np.array_equal((x @ x).data, expected)
    return step(x, labels).item(), captured(x, labels).item()

def child(depth):
    signal.alarm(10)  # a child that hangs is killed
    result = work()
    if depth:
        fork(depth - 1, result)
    return result

def fork(depth, expected):
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.write(writing, repr(child(depth)).encode())
            code = 0
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
    _, status = os.waitpid(pid, 0)
    assert status == 0, f"a child ended with {status}"
    return said

start = time.perf_counter()
said = {fork(1 if nested else 0, None) for _ in range(count)}
seconds = time.perf_counter() - start
assert len(said) == 1, said
for p, old in zip(model.parameters(), before):
    assert np.array_equal(p.data, old), "a child's step reached its parent"
assert said == {repr(work())}, "a child computes what its parent would"
print(seconds)
"""


def test_a_hundred_children_multiply_and_step(python):
    for _ in range(2):  # a busy machine gets a second attempt
        seconds = float(python(FORKS, 100, "flat", timeout=60))
        print(f"100 children: {seconds:.1f} s")
        if seconds < 10:
            break
    assert seconds < 10


def test_children_of_children(python):
    python(FORKS, 5, "nested", timeout=60)


def test_a_child_forked_in_the_middle_of_another_threads_work(python):
    """The team is busy in another thread at the moment of the fork."""
    python(
        """
import os, signal, sys, threading
import numpy as np
import fastgrad as fg

fg.set_num_threads(2)
a = fg.from_numpy(np.ones((400, 400), np.float32))
stop = threading.Event()

def busy():
    while not stop.is_set():
        a @ a

thread = threading.Thread(target=busy)
thread.start()
for _ in range(20):
    pid = os.fork()
    if pid == 0:
        signal.alarm(10)
        os._exit(0 if (a @ a).data[0, 0] == 400 else 1)
    _, status = os.waitpid(pid, 0)
    if status:
        stop.set()
        sys.exit(f"a child ended with {status}")
stop.set()
thread.join(30)
assert not thread.is_alive()
""",
        timeout=60,
    )
