"""Shared by all tests: seeded numbers, awkward memory layouts, and a clean state after each test."""

import gc
import os
import signal
import subprocess
import sys
import zlib

import numpy as np
import pytest

import fastgrad as fg

CHILD_VARIABLES = ("OPENBLAS_", "FASTGRAD_", "OMP_", "MKL_")


@pytest.fixture
def rng(request):
    """Numbers that depend on the test's name alone, so that a test gives the same result alone and in company."""
    return np.random.Generator(np.random.Philox(zlib.crc32(request.node.nodeid.encode())))


@pytest.fixture(autouse=True, scope="session")
def interruptible():
    """Ctrl-C is heard: what a shell runs in the background is started with the signal ignored."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True, scope="session")
def quick_collections():
    """What is there before the first test, tens of thousands of test items, is not walked over at every gc.collect()."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def clean_state():
    """No test may leave the thread recording, switched or silenced."""
    before = fg.kernels._core.get_switch()
    fg.manual_seed(0)
    yield
    assert fg.is_grad_enabled(), "a test left no_grad on"
    assert fg.tape.state.capture is None, "a test left a capture on"
    assert fg.kernels._core.recording() is None, "a test left a program recording"
    assert fg.kernels._core.get_switch() == before, "a test left the kernels switched"


@pytest.fixture
def no_gc():
    """The cycle collector is off: what is released was released by counting references."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def run_python(code, *arguments, timeout=60, **variables):
    """`code` in an interpreter of its own, with this fastgrad and without this process's BLAS and thread variables."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(CHILD_VARIABLES)}
    folder = os.path.dirname(os.path.dirname(os.path.abspath(fg.__file__)))
    environment["PYTHONPATH"] = os.pathsep.join([folder, *filter(None, [environment.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *map(str, arguments)],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def python():
    """`run_python`."""
    return run_python
