"""Which kernels run, and on what: the switch, the environment, threads, fork."""

import os
import re
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest
from test_kernels_binding import ones

import fastgrad
from fastgrad import kernels

ISAS = kernels.info()["isas"]
LINUX = sys.platform.startswith("linux")


# -- the switch --------------------------------------------------------------------------------------------------------
def running():
    return kernels.info()["kernels"], kernels.info()["isa"], kernels.info()["threads"]


def test_use_nests_and_restores():
    outside = running()
    with kernels.use("reference"):
        assert running()[0] == "reference"
        with kernels.use(isa="baseline", threads=3):
            assert running() == ("reference", "baseline", 3)
            with kernels.use("native"):
                assert running() == ("native", "baseline", 3)
            assert running() == ("reference", "baseline", 3)
        assert running() == ("reference", *outside[1:])
    assert running() == outside
    with pytest.raises(RuntimeError), kernels.use("reference", threads=1):
        raise RuntimeError
    assert running() == outside


@pytest.mark.parametrize(
    ("which", "options", "words"),
    [
        ("numpy", {}, '"native" or "reference", not \'numpy\''),
        (None, {"isa": "sse9"}, "isa must be one of baseline, avx2, avx512, not 'sse9'"),
        (None, {"threads": 0}, "threads must be at least 1, not 0"),
        (None, {"threads": -2}, "threads must be at least 1, not -2"),
        (None, {"threads": 10**6}, "threads must be from 1 to 1024, not 1000000"),
    ],
)
def test_use_refuses(which, options, words):
    before = running()
    with pytest.raises(ValueError, match=words), kernels.use(which, **options):
        pass
    assert running() == before


@pytest.mark.skipif(len(ISAS) == 3, reason="this machine runs every instruction set")
def test_use_refuses_what_the_machine_does_not_run():
    with (
        pytest.raises(ValueError, match="this machine does not run avx512; it runs baseline"),
        kernels.use(isa="avx512"),
    ):
        pass


@pytest.mark.parametrize("n", [0, -1, 1025])
def test_set_num_threads_refuses(n):
    before = fastgrad.get_num_threads()
    with pytest.raises(ValueError, match="set_num_threads: n must be from 1 to 1024"):
        fastgrad.set_num_threads(n)
    assert fastgrad.get_num_threads() == before


def test_the_switch_is_per_thread():
    seen, inside, leave = [], threading.Event(), threading.Event()

    def other():
        with kernels.use("reference", isa="baseline", threads=7):
            seen.append(running())
            inside.set()
            leave.wait(10)
            seen.append(running())
        seen.append(running())

    outside = running()
    thread = threading.Thread(target=other)
    thread.start()
    assert inside.wait(10)
    assert running() == outside
    with kernels.use(threads=5):
        leave.set()
        thread.join()
    assert seen == [("reference", "baseline", 7)] * 2 + [outside]


def test_the_reference_runs_inside_use(monkeypatch):
    called = []
    definition = kernels.add.reference
    kernels.add.attach(lambda *a, **k: called.append(a) or definition(*a, **k))
    try:
        kernels.add(ones(3), 1.0)
        assert not called
        with kernels.use("reference"):
            kernels.add(ones(3), 1.0)
        assert len(called) == 1
        kernels.add(np.arange(3), 1)  # a dtype that is NumPy's
        assert len(called) == 2
    finally:
        kernels.add.attach(definition)


# -- the environment ---------------------------------------------------------------------------------------------------
SAY = "from fastgrad import kernels; i = kernels.info(); print(i['kernels'], i['isa'], i['blas']['library'])"
MULTIPLY = """
import numpy as np
from fastgrad import kernels
a = np.random.default_rng(0).standard_normal((1000, 900)); b = a.T.copy()
try:
    assert np.abs(kernels.matmul(a, b) - a @ b).max() < 1e-10
    print(kernels.info()["blas"]["library"])
except ImportError as error:
    print("ImportError", error)
assert np.array_equal(kernels.add(a, a), a + a)     # everything else works
"""


def test_environment_chooses_the_tier(python):
    assert python(SAY, FASTGRAD_KERNELS="reference").split()[0] == "reference"
    assert python(SAY, FASTGRAD_KERNELS="native").split()[0] == "native"


@pytest.mark.parametrize("isa", ISAS)
def test_environment_chooses_the_instruction_set(python, isa):
    assert python(SAY, FASTGRAD_ISA=isa).split()[1] == isa


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("FASTGRAD_KERNELS", "fast", "FASTGRAD_KERNELS must be native or reference, not 'fast'"),
        ("FASTGRAD_ISA", "sse9", "isa must be one of baseline, avx2, avx512, not 'sse9'"),
    ],
)
def test_a_wrong_variable_is_refused(python, variable, value, words):
    code = "try:\n import fastgrad\nexcept ValueError as e:\n print(e)\nelse:\n print('not refused')"
    assert words in python(code, **{variable: value})


def test_environment_chooses_the_builtin_product(python):
    assert python(MULTIPLY, FASTGRAD_BLAS="builtin").strip() == "builtin"


def test_a_blas_that_is_not_there_is_refused(python, tmp_path):
    said = python(MULTIPLY, FASTGRAD_BLAS=str(tmp_path / "libnone.so"))
    assert said.startswith("ImportError")
    assert "libnone.so" in said
    assert "cannot be used as a BLAS" in said


def test_a_file_that_is_no_library_is_refused(python, tmp_path):
    (tmp_path / "text.so").write_text("not a library")
    said = python(MULTIPLY, FASTGRAD_BLAS=str(tmp_path / "text.so"))
    assert re.match("ImportError .*text.so: cannot be used as a BLAS", said)


def test_a_library_that_is_no_blas_is_refused(python):
    said = python(MULTIPLY, FASTGRAD_BLAS=kernels._core.__file__)
    assert "cannot be used as a BLAS: it has no cblas_sgemm, cblas_dgemm and cblas_sdot" in said


FAKE_BLAS = """
float cblas_sdot(long long n, const float *x, long long ix, const float *y, long long iy) {
    float sum = 0;
    (void)ix, (void)iy;
    for (int i = 0; i < (int)n; i++) sum += x[i] * y[i];
    return sum + %d;
}
void cblas_sgemm(void) {}
void cblas_dgemm(void) {}
"""


@pytest.mark.skipif(not LINUX or not shutil.which("cc"), reason="compiles a shared library with cc")
@pytest.mark.parametrize(("wrong_by", "words"), [(0, "gives a wrong product"), (1, "its cblas_sdot answers wrongly")])
def test_a_blas_that_multiplies_wrongly_is_refused(python, tmp_path, wrong_by, words):
    (tmp_path / "fake.c").write_text(FAKE_BLAS % wrong_by)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "fake.so", tmp_path / "fake.c"], check=True)
    said = python(MULTIPLY, FASTGRAD_BLAS=str(tmp_path / "fake.so"))
    assert said.startswith("ImportError")
    assert words in said


def test_the_blas_leaves_the_environment_as_it_was(python):
    code = """
import os
os.environ["OPENBLAS_NUM_THREADS"] = "3"
from fastgrad import kernels
kernels.blas_info()
import ctypes
get = ctypes.CDLL(None).getenv
get.restype = ctypes.c_char_p
print(get(b"OPENBLAS_NUM_THREADS"), get(b"GOTO_NUM_THREADS"))
"""
    if sys.platform == "win32":
        pytest.skip("reads the C library's environment")
    assert python(code).strip() == "b'3' None"


# -- threads -----------------------------------------------------------------------------------------------------------
@pytest.mark.skipif(not LINUX, reason="counts the threads of a process in /proc")
def test_no_thread_is_started_before_one_is_needed(python):
    code = """
import os
import numpy as np
count = lambda: len(os.listdir("/proc/self/task"))
before = count()
import fastgrad
from fastgrad import kernels
counts = [count()]
x = np.ones((600, 600), "f4")
kernels.add(x[0], x[0]); kernels.softmax(x[:3, :3])
counts.append(count())                                  # small calls
with kernels.use(threads=1):
    kernels.matmul(x, x); kernels.exp(x)
counts.append(count())                                  # the BLAS is open
print([c - before for c in counts])
with kernels.use(threads=2):
    kernels.exp(np.ones(1_000_000))
print(count() - before, kernels.info()["openmp"])
"""
    idle, busy = python(code).splitlines()
    assert idle == "[0, 0, 0]"
    started, openmp = busy.split()
    assert int(started) == (1 if openmp == "True" else 0)  # a team of two is the caller and one worker


FLUSH = """
import ctypes, platform, sys
import numpy as np
from fastgrad import kernels
libm = ctypes.CDLL("libm.so.6")
state = (ctypes.c_uint32 * 64)()
word, bits = {"x86_64": (7, 0x8040), "aarch64": (0, 1 << 24)}[platform.machine()]   # fenv_t: the word that has the mode
def flush(on):
    libm.fegetenv(state)
    state[word] = state[word] | bits if on else state[word] & ~bits
    libm.fesetenv(state)
tiny = np.full(2_000_000, 1e-40, "f4")
out = np.empty_like(tiny)
answers = []
for on in [False, True, True, False, True, False]:
    for threads in 1, 2, 4:
        with kernels.use(threads=threads):
            for _ in range(10):
                flush(on)
                kernels.mul(tiny, 1.5, out=out)
                flush(False)
                kept = int(np.count_nonzero(out.view(np.int32)))
                answers.append(kept == (0 if on else tiny.size))
print(all(answers), answers.count(False))
"""


@pytest.mark.skipif(not LINUX, reason="sets the floating-point mode through glibc's fesetenv")
def test_the_callers_flush_to_zero_is_the_workers_too(python):
    assert python(FLUSH).split() == ["True", "0"]


def test_many_python_threads_at_once(rng):
    """One team serves one of them at a time; the others run their calls themselves. The bits are the same."""
    x = rng.standard_normal((400, 300))
    expected = kernels.exp(x), kernels.sum(x[None]), kernels.matmul(x, x.T), kernels.softmax(x)
    wrong = []

    def work(seed):
        order = np.random.default_rng(seed)
        for _ in range(60):
            k = order.integers(4)
            with kernels.use(threads=int(order.integers(1, 5))):
                found = (
                    lambda: kernels.exp(x), lambda: kernels.sum(x[None]), lambda: kernels.matmul(x, x.T), lambda: kernels.softmax(x)
                )[k]()  # fmt: skip
            if found.tobytes() != expected[k].tobytes():
                wrong.append((seed, k))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_a_team_serves_long_and_short_jobs_in_turn(rng):
    """Workers that are late, asleep, or too many for a job: a wrong or a double claim would show in the sum."""
    x = np.zeros(40_000)
    for step in range(1500):
        n = (40_000, 37, 9000, 33_000)[step % 4]
        with kernels.use(threads=(2, 4, 3, 2, 1)[step % 5]):
            kernels.add(x[:n], 1.0, out=x[:n])
    assert x[:37].min() == x[:37].max() == 1500
    assert x[37:9000].min() == x[37:9000].max() == 1125
    assert x[9000:33_000].min() == x[9000:33_000].max() == 750
    assert x[33_000:].min() == x[33_000:].max() == 375


FORKS = """
import os, signal
import numpy as np
import fastgrad
from fastgrad import kernels
x = np.random.default_rng(0).standard_normal((700, 600)); big = np.ones(300_000)
def work():
    with kernels.use(threads=2):
        p = big.copy()
        kernels.sgd([p], [big], 0.5)
        return kernels.matmul(x, x.T).tobytes(), kernels.exp(big).tobytes(), p.tobytes()
expected = work()
good = 0
for _ in range(20):
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        os._exit(0 if work() == expected else 1)
    assert work() == expected
    good += os.waitpid(child, 0)[1] == 0
print(good)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_child_computes(python):
    assert python(FORKS).strip() == "20"


@pytest.mark.parametrize("which", ["native", "reference"])
def test_a_numpy_scalar_beside_an_array_is_a_number(which):
    """In NumPy a float64 would make a float64 of a float32; beside 0-d arrays scalars keep the arrays' dtype too."""
    x, low, high = np.float32([0.5, 2.0]), np.float64(0.0), np.float64(1.0)
    with kernels.use(which):
        for found in (kernels.add(x, high), kernels.sub(high, x), kernels.clip(x, low, high), kernels.gt(x, high)):
            assert found.dtype in (np.float32, np.bool_)
        assert kernels.mul(np.array(2, np.float32), high).dtype == np.float32
        assert kernels.add(x, high).tolist() == [1.5, 3.0]


@pytest.mark.parametrize("name", ["add", "maximum", "eq"])
def test_more_dimensions_than_a_call_holds_run_in_numpy(name):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 1, 3, 1, 2, 1, 2, 1)), rng.normal(size=(1, 2, 1, 3, 1, 2, 1, 2))
    for dtype in (np.float32, np.float64):
        x, y = a.astype(dtype), b.astype(dtype)
        with kernels.use("reference"):
            expected = getattr(kernels, name)(x, y)
        found = getattr(kernels, name)(x, y)
        assert found.dtype == expected.dtype
        assert np.array_equal(found, expected)
    out = np.zeros((4,) * 8)[(slice(None, None, 2),) * 8]  # written where it walks unevenly along eight
    values = rng.normal(size=(2,) * 8)
    assert kernels.copy(values, out=out) is out
    assert np.array_equal(out, values)


def test_a_kernel_says_where_it_is_found():
    assert kernels.add.__module__ == "fastgrad.kernels"


def test_an_update_of_no_tensors_is_captured():
    program = kernels.Program()
    program.start()
    try:
        kernels.sgd([], [], 0.1)
    finally:
        program.stop()
    program.replay()
    assert len(program) == 1
