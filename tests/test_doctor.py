"""The doctor: every finding has its form, what is wrong is found where it is made wrong, and no probe can end it."""

import json
import os
import shutil

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import cli, doctor, kernels
from fastgrad.doctor import measure, probes, run, system
from fastgrad.doctor.finding import STATUSES
from fastgrad.doctor.system import System

NATIVE = kernels.info()
PROC = os.path.exists("/proc/self/maps")

MAPS = """\
55d0c0a00000-55d0c0a01000 r-xp 00000000 fe:00 11    /usr/bin/python3.11
7f0000000000-7f0000001000 r--p 00000000 fe:00 42    /usr/lib/libgomp.so.1.0.0
7f0000001000-7f0000002000 r-xp 00001000 fe:00 42    /usr/lib/libgomp.so.1.0.0
7f0000003000-7f0000004000 r-xp 00000000 fe:00 44    /opt/my packages/libcompute.so
7f0000005000-7f0000006000 rw-p 00000000 00:00 0
7f0000007000-7f0000008000 r-xp 00000000 fe:00 45    /opt/libscipy_openblas64_-32a4b2a6.so
7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0     [stack]
"""
LLVM = "7f0000008000-7f0000009000 r-xp 00000000 fe:00 43    /opt/other packages/torch.libs/libomp-1a2b.so.5 (deleted)\n"
INTEL = "7f0000009000-7f000000a000 r-xp 00000000 fe:00 47    /opt/mkl/libiomp5.so\n"


def machine(folder, environ=None, **files):
    """A System whose files are these; "/" in a name is written "__"."""
    for name, text in files.items():
        path = folder.joinpath(*name.split("__"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return System(folder, {} if environ is None else environ)


def write(folder, texts):
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return System(folder, {})


def in_child(python, name, before="", **variables):
    """The finding of this name in an interpreter of its own."""
    code = f"""{before}
import json
from fastgrad import doctor
print(json.dumps(next(f for f in doctor.examine() if f.name == {name!r})))"""
    return doctor.Finding(*json.loads(python(code, **variables)))


# -- form --------------------------------------------------------------------------------------------------------------
def assert_form(entries):
    names = [entry["name"] for entry in entries]
    assert len(set(names)) == len(names)
    for entry in entries:
        assert list(entry) == ["name", "value", "status", "advice"]
        assert all(type(value) is str for value in entry.values())
        assert entry["name"]
        assert entry["value"]
        assert entry["status"] in STATUSES
        if entry["status"] == "ok":
            assert not entry["advice"]
        else:
            assert entry["advice"] or entry["value"].startswith("unknown: ")


def test_json_has_findings_and_a_summary(capsys):
    assert cli.main(["doctor", "--json", "--fast"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["findings", "summary"]
    assert_form(found["findings"])
    assert {entry["name"] for entry in found["findings"]} == set(probes.PROBES)
    assert list(found["summary"]) == list(STATUSES)
    for status in STATUSES:
        assert found["summary"][status] == sum(entry["status"] == status for entry in found["findings"])


def test_measurements_have_units(capsys):
    before = kernels.memory()["used"]
    assert cli.main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["findings"]
    assert_form(found)
    values = {entry["name"]: entry["value"] for entry in found}
    for i in (1, 2, 3):
        assert " GB/s" in values[f"bandwidth, stream{i}"]
    for dtype in ("float32", "float64"):
        assert " GFLOP/s" in values[f"product, {dtype}"]
    assert " us " in values["fork and join"] or "one thread" in values["fork and join"]
    assert kernels.memory()["used"] - before < 2**20, "what it measured with is released"


def test_nothing_here_is_unknown_to_a_probe():
    if not PROC:
        pytest.skip("a system without /proc has things that are unknown")
    assert [f for f in doctor.examine() if f.value.startswith("unknown")] == []


def test_the_page_has_warnings_last_and_all_advice(monkeypatch, capsys):
    made = {
        "first": lambda system: doctor.Finding("first", "bad", "error", "Mend it."),
        "second": lambda system: [
            doctor.Finding("second", "so-so", "note", "Consider it."),
            doctor.Finding("third", "2 us"),
        ],
        "fourth": lambda system: doctor.Finding("fourth", "word " * 60, "warning", "Look after it, " * 20),
    }
    monkeypatch.setattr(run, "PROBES", made)
    assert cli.main(["doctor", "--fast"]) == 1
    table, advice, last = capsys.readouterr().out.split("\n\n")
    starts = [line.split() for line in table.splitlines() if not line.startswith(" ")]
    assert [words[:2] for words in starts] == [
        ["note", "second"],
        ["ok", "third"],
        ["warning", "fourth"],
        ["error", "first"],
    ]
    assert (
        len({line.index(value) for line in table.splitlines() for value in ("so-so", "2 us", "bad") if value in line})
        == 1
    )
    assert [line.split(":")[0].split() for line in advice.splitlines() if line[0] != " "][1:] == [
        ["note", "second"],
        ["warning", "fourth"],
        ["error", "first"],
    ]
    assert max(map(len, (table + advice).splitlines())) <= 110
    assert last == "1 warning and 1 error; 1 note.\n"
    assert run.summary(run.run(made, System())) == {"ok": 1, "note": 1, "warning": 1, "error": 1}


def test_a_page_is_a_screen_or_so():
    assert len(doctor.page(doctor.examine()).splitlines()) <= 45


@pytest.mark.parametrize("name", [*probes.PROBES, *measure.MEASUREMENTS])
def test_a_probe_that_raises_is_a_finding(name):
    def raises(system):
        raise OSError(f"{name} is not to be had")

    before = kernels._core.get_switch()
    (found,) = run.run({name: raises}, System())
    assert found == (name, f"unknown: OSError: {name} is not to be had", "note", "")
    assert kernels._core.get_switch() == before


def test_every_probe_survives_a_machine_without_files(tmp_path, monkeypatch):
    for module in (measure,):
        monkeypatch.setattr(module, "best", lambda call, seconds: 1e-3)
    findings = run.run({**probes.PROBES, **measure.MEASUREMENTS}, System(tmp_path, {}))
    assert_form([f._asdict() for f in findings])
    assert len(findings) >= len(probes.PROBES)


@pytest.mark.parametrize("name", [*probes.PROBES, *measure.MEASUREMENTS])
def test_every_probe_survives_a_broken_system(name):
    class Broken:
        def __getattr__(self, attribute):
            raise RuntimeError(f"no {attribute}")

    found = run.run({name: {**probes.PROBES, **measure.MEASUREMENTS}[name]}, Broken())
    assert_form([f._asdict() for f in found])


def test_examine_is_refused_in_a_capture():
    def step(x):
        doctor.examine()
        return x * 2

    with pytest.raises(fg.CaptureError, match="call it outside of the captured step"):
        fg.capture(step)(fg.tensor([1.0]))


# -- kernels and instruction sets --------------------------------------------------------------------------------------
@pytest.mark.skipif(len(NATIVE["isas"]) == 1, reason="this machine has one instruction set")
def test_a_forced_instruction_set_is_noted(python):
    found = in_child(python, "instruction set", FASTGRAD_ISA="baseline")
    assert found.status == "note"
    assert "FASTGRAD_ISA=baseline forces it" in found.advice
    assert in_child(python, "instruction set").status == "ok"
    with kernels.use(isa="baseline"):
        assert "kernels.use(isa=...)" in probes.instruction_set(System(environ={})).advice


def test_reference_kernels_are_a_warning(python):
    assert "FASTGRAD_KERNELS=reference" in in_child(python, "kernels", FASTGRAD_KERNELS="reference").advice
    with kernels.use("reference"):
        assert probes.which_kernels(System(environ={})).status == "warning"
    assert probes.which_kernels(System(environ={})).status == ("ok" if NATIVE["kernels"] == "native" else "warning")


def test_wrong_kernels_are_an_error(monkeypatch):
    assert probes.self_check(System()).status == "ok"
    exact = kernels.matmul
    monkeypatch.setattr(kernels, "matmul", lambda a, b: exact(a, b) + kernels.info()["kernels"].count("native") * 1e-2)
    found = probes.self_check(System())
    assert found.status == "error"
    assert "matmul, float32" in found.advice


def test_variables_nothing_reads_are_a_warning():
    found = probes.variables(System(environ={"FASTGRAD_KERNEL": "x", "OMP_NUM_THREADS": "2", "HOME": "/"}))
    assert found[1:3] == ("FASTGRAD_KERNEL=x OMP_NUM_THREADS=2", "warning")
    assert "Nothing reads FASTGRAD_KERNEL;" in found.advice
    assert probes.variables(System(environ=dict.fromkeys(probes.READ, "1"))).status == "ok"


def test_the_list_of_variables_is_that_of_the_sources():
    import re

    text = "".join(
        p.read_text() for p in probes.PACKAGE.rglob("*.py*") if p.parent.name != "doctor" and p.suffix != ".pyc"
    )
    read = set(re.findall(r"""environ[^\n]{0,8}["'](FASTGRAD_\w+)["']""", text))
    assert {"FASTGRAD_KERNELS", "FASTGRAD_ISA", "FASTGRAD_BLAS"} <= read
    assert read | {"FASTGRAD_NO_OPENMP"} == set(probes.READ)


# -- stale builds ------------------------------------------------------------------------------------------------------
def test_stale_sources(tmp_path, monkeypatch):
    module = tmp_path / "fastgrad/kernels/_core.so"
    names = ["csrc/a.c", "csrc/a.h", "csrc/kernels.def", "fastgrad/kernels/_core.pyx", "fastgrad/kernels/_core.c"]
    write(tmp_path, dict.fromkeys([*names, "csrc/README.md", "fastgrad/kernels/_core.so"], ""))
    for path in tmp_path.rglob("*.*"):
        os.utime(path, (1000, 1000))
    assert probes.stale_sources(module, tmp_path) == []
    for name in [*names, "csrc/README.md"]:
        os.utime(tmp_path / name, (2000, 2000))
    assert probes.stale_sources(module, tmp_path) == sorted(os.path.join(*name.split("/")) for name in names[:-1])

    monkeypatch.setattr(probes, "PACKAGE", tmp_path / "fastgrad")
    monkeypatch.setattr(probes._core, "__file__", str(module), raising=False)
    found = probes.build(System())
    assert found[1:3] == ("4 sources newer than the compiled module", "warning")
    assert probes.REBUILD in found.advice
    monkeypatch.setattr(probes, "PACKAGE", tmp_path / "elsewhere" / "fastgrad")
    assert probes.build(System())[1:3] == ("installed, no sources beside it", "ok")


# -- OpenMP and threads ------------------------------------------------------------------------------------------------
def test_openmp_runtimes_in_maps():
    assert system.openmp_runtimes(MAPS) == ["/usr/lib/libgomp.so.1.0.0"]
    assert system.openmp_runtimes(MAPS + LLVM + INTEL) == [
        "/usr/lib/libgomp.so.1.0.0",
        "/opt/other packages/torch.libs/libomp-1a2b.so.5",
        "/opt/mkl/libiomp5.so",
    ]
    assert system.openmp_runtimes(MAPS.replace("libgomp", "libcompute")) == []
    assert system.blas_libraries(MAPS) == ["/opt/libscipy_openblas64_-32a4b2a6.so"]


@pytest.mark.skipif(not NATIVE["openmp"], reason="built without OpenMP")
def test_two_openmp_runtimes_are_a_warning(tmp_path):
    one = probes.openmp(machine(tmp_path, proc__self__maps=MAPS))
    assert one[1:3] == ("built with; runtime loaded: libgomp.so.1.0.0", "ok")
    two = probes.openmp(machine(tmp_path, proc__self__maps=MAPS + LLVM))
    assert two[1:3] == ("built with; 2 runtimes loaded: libgomp.so.1.0.0, libomp-1a2b.so.5", "warning")
    assert "/opt/other packages/torch.libs/libomp-1a2b.so.5" in two.advice


@pytest.mark.skipif(not NATIVE["openmp"] or not PROC, reason="needs OpenMP and /proc/self/maps")
def test_a_second_runtime_in_this_process_is_a_warning(python, tmp_path):
    found = system.openmp_runtimes(System().maps())
    if not found:
        pytest.skip("the OpenMP runtime has a name of its own here")
    copy = tmp_path / os.path.basename(found[0]).replace(".so", "-1a2b.so")
    shutil.copyfile(found[0], copy)
    answer = in_child(python, "OpenMP", f"import ctypes, fastgrad; ctypes.CDLL({str(copy)!r})")
    assert answer.status == "warning"
    assert str(copy) in answer.advice
    assert in_child(python, "OpenMP").status == "ok"


def test_a_build_without_openmp_is_noted(monkeypatch):
    monkeypatch.setattr(probes._core, "has_openmp", lambda: False)
    assert probes.openmp(System())[1:3] == ("built without", "note")
    assert probes.thread_limits(System())["no OpenMP"] == 1


@pytest.mark.skipif(not NATIVE["openmp"] or NATIVE["processors"] < 2, reason="needs OpenMP and two processors")
def test_what_limits_the_threads(python):
    found = in_child(python, "threads", OMP_NUM_THREADS="1")
    assert found.value.startswith("1 thread, the smallest of: OpenMP (OMP_NUM_THREADS=1) 1, ")
    assert (found.status, "unset it" in found.advice) == ("note", True)
    found = in_child(python, "threads", "import fastgrad; fastgrad.set_num_threads(1)")
    assert found.value.startswith("1 thread, by set_num_threads")
    found = in_child(python, "threads", "import fastgrad; fastgrad.set_num_threads(1000)")
    assert found.status == "warning"
    with kernels.use(threads=7):
        assert probes.threads(System()).value.startswith("7 threads, by kernels.use(threads=7)")


def test_hyperthreads_are_noted(tmp_path, monkeypatch):
    topology = "sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    write(tmp_path, {topology.format(i): "0,2" if i % 2 == 0 else "1,3" for i in range(4)})
    here = System(tmp_path, {})
    assert here.cores([0, 1, 2, 3]) == 2
    assert here.cores([0, 1]) == 2
    assert here.cores([0, 2]) == 1
    assert here.cores([0, 9]) is None
    monkeypatch.setattr(here, "affinity", lambda: [0, 1, 2, 3])
    for threads, status in ((2, "ok"), (3, "note"), (4, "note"), (5, "warning")):
        monkeypatch.setattr(probes._core, "current_state", lambda n=threads: (False, 0, n))
        assert probes.crowd(here)[0] == status


# -- cgroups -----------------------------------------------------------------------------------------------------------
def test_quota_of_version_2(tmp_path, monkeypatch):
    here = write(tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"})
    assert here.quotas() == []
    assert probes.quota(here)[1:3] == ("none", "ok")
    write(tmp_path, {"sys/fs/cgroup/cpu.max": "150000 100000\n"})
    assert here.quotas() == [(str(tmp_path / "sys/fs/cgroup"), 1.5)]
    for threads, status in ((1, "ok"), (2, "note"), (3, "warning")):
        monkeypatch.setattr(probes._core, "current_state", lambda n=threads: (False, 0, n))
        found = probes.quota(here)
        assert found.status == status
        assert found.value.startswith("1.5 processors (in ")
        assert ("OMP_NUM_THREADS=1" in found.advice) == (threads > 1)


def test_quotas_of_the_groups_around_hold_too(tmp_path):
    group = "sys/fs/cgroup/user.slice/job.scope/"
    here = write(tmp_path, {"proc/self/cgroup": "0::/user.slice/job.scope\n", group + "cpu.max": "400000 100000"})
    write(
        tmp_path, {"sys/fs/cgroup/user.slice/cpu.max": "200000 100000", "sys/fs/cgroup/user.slice/memory.max": "4096"}
    )
    write(tmp_path, {group + "memory.max": "max"})
    assert [share for _, share in here.quotas()] == [4.0, 2.0]
    assert probes.quota(here).value.startswith("2 processors (in ")
    assert here.memory_limit() == 4096


def test_quota_of_version_1(tmp_path):
    cpu = "sys/fs/cgroup/cpu/"
    lines = "12:memory:/docker/4f\n4:cpu,cpuacct:/docker/4f\n0::/docker/4f\n"  # a path that this container does not see
    here = write(
        tmp_path, {"proc/self/cgroup": lines, cpu + "cpu.cfs_quota_us": "-1", cpu + "cpu.cfs_period_us": "100000"}
    )
    memory = "sys/fs/cgroup/memory/memory.limit_in_bytes"
    write(tmp_path, {memory: "9223372036854771712"})
    assert here.quotas() == []
    assert here.memory_limit() is None
    write(tmp_path, {cpu + "cpu.cfs_quota_us": "250000", memory: str(2**31)})
    assert here.quotas() == [(str(tmp_path / "sys/fs/cgroup/cpu"), 2.5)]
    assert here.memory_limit() == 2**31


def test_a_quota_that_makes_no_sense_is_unknown(tmp_path):
    here = write(tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "much 100000\n"})
    (found,) = run.run({"cgroup quota": probes.quota}, here)
    assert found.value.startswith("unknown: ValueError: ")


# -- BLAS --------------------------------------------------------------------------------------------------------------
has_core = NATIVE["blas"]["core"].lower() in probes.ISA_OF_CORE


@pytest.mark.skipif(not has_core or len(NATIVE["isas"]) < 2, reason="needs OpenBLAS and a second instruction set")
def test_a_forced_core_is_a_warning(python):
    found = in_child(python, "BLAS", OPENBLAS_CORETYPE="Nehalem")
    assert found.status == "warning"
    assert "core Nehalem" in found.value
    assert "OPENBLAS_CORETYPE=Nehalem forces it; undo: unset OPENBLAS_CORETYPE" in found.advice
    assert in_child(python, "BLAS").status == "ok"


@pytest.mark.parametrize(("core", "isa", "status"), [
    ("Haswell", 2, "warning"), ("Haswell", 1, "ok"), ("SkylakeX", 2, "ok"), ("sandybridge", 1, "warning"),
    ("NEOVERSEN1", 0, "ok"), ("", 2, "ok"),
])  # fmt: skip
def test_cores_below_the_machine(monkeypatch, core, isa, status):
    monkeypatch.setattr(probes._core, "machine_isa", lambda: isa)
    assert probes.judge_core(System(environ={}), core)[0] == status
    tuned = System(environ={"OPENBLAS_L2_SIZE": "1", "OPENBLAS_NUM_THREADS": "1"})
    assert ("unset OPENBLAS_L2_SIZE" in probes.judge_core(tuned, core)[1]) == (status == "ok")


def test_no_blas_and_a_bad_blas(python):
    found = in_child(python, "BLAS", FASTGRAD_BLAS="builtin")
    assert found[1:3] == ("none, built-in product", "note")
    code = "import sys; from fastgrad import cli; print(cli.main(['doctor', '--fast']))"
    out = python(code, FASTGRAD_BLAS="/no/such/library.so")
    assert out.endswith("\n1\n")
    assert "cannot be opened: /no/such/library.so" in out
    assert "FASTGRAD_BLAS=builtin" in out


def test_numpys_pool_is_noted(monkeypatch):
    monkeypatch.setattr(probes._core, "current_state", lambda: (False, 0, 2))
    monkeypatch.setattr(probes, "blas_libraries", lambda maps: ["/numpy.libs/libopenblas.so"])
    for threads, status in ((8, "note"), (1, "ok"), (None, "ok")):
        answers = {probes.CORE_NAME: b"Haswell", probes.POOL_SIZE: threads}
        monkeypatch.setattr(probes, "call_loaded", lambda path, names, kind=None, answers=answers: answers[names])
        found = probes.blas_of_numpy(System())
        assert found.status == status
        assert f"core Haswell, threads {'unknown' if threads is None else threads}" in found.value
        assert ("OPENBLAS_NUM_THREADS=1" in found.advice) == (status == "note")


# -- memory, denormals, measurements -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "status"), [("always madvise [never]", "note"), ("always [madvise] never", "ok"), (None, "ok")]
)
def test_huge_pages(tmp_path, text, status):
    here = write(tmp_path, {"sys/kernel/mm/transparent_hugepage/enabled": text} if text else {})
    assert probes.huge_pages(here).status == status


def test_a_memory_limit_below_the_pools_cap_is_noted(tmp_path, monkeypatch):
    here = write(tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": str(2**30)})
    found = probes.memory(here)
    assert "cgroup limit 1.0 GB" in found.value
    assert f"set_memory_cap({2**28})" in found.advice
    monkeypatch.setattr(here, "memory_total", lambda: 2**40)
    write(tmp_path, {"sys/fs/cgroup/memory.max": "max"})
    assert probes.memory(here).status == "ok"


FLUSH = """
import ctypes, ctypes.util
import fastgrad
libm = ctypes.CDLL(ctypes.util.find_library("m") or "libm.so.6")
environment = (ctypes.c_uint32 * 8)()  # the last of them is MXCSR
assert libm.fegetenv(environment) == 0
environment[7] = {mode}
assert libm.fesetenv(environment) == 0
"""


@pytest.mark.skipif(not PROC or os.uname().machine != "x86_64", reason="sets the mode of an x86-64 processor on Linux")
@pytest.mark.parametrize(("mode", "status"), [(0x1F80, "ok"), (0x9F80, "note"), (0x1FC0, "note")])
def test_flushed_denormals_are_noted(python, mode, status):
    """MXCSR: all exceptions masked, then with flush-to-zero, then with denormals-are-zero."""
    found = in_child(python, "denormals", FLUSH.format(mode=mode))
    assert found.status == status
    if mode == 0x9F80:
        assert found.value == "flushed to zero: NumPy, kernels on this thread, kernels in a team"


def test_verdicts_on_products(tmp_path, monkeypatch):
    here = machine(tmp_path, proc__cpuinfo="processor\t: 0\ncpu MHz\t\t: 3000.0\nmodel name\t: Some CPU\n")
    assert here.cpuinfo("model name") == "Some CPU"
    monkeypatch.setattr(measure._core, "current_state", lambda: (False, 2, 2))
    assert measure.judge_product(here, np.float32, 95.0, 180.0)[0] == "ok"  # 96 GFLOP/s: 16 lanes, 2 flops, 3 GHz
    assert measure.judge_product(here, np.float32, 95.0, 96.0)[0] == "warning"
    assert measure.judge_product(here, np.float32, 30.0, 60.0)[0] == "note"
    assert measure.judge_product(here, np.float64, 30.0, 60.0)[0] == "ok"
    monkeypatch.setattr(measure._core, "current_state", lambda: (False, 2, 1))
    assert measure.judge_product(here, np.float32, 95.0, 95.0)[0] == "ok"
    assert measure.judge_product(write(tmp_path / "arm", {}), np.float32, 1.0, 1.0)[0] == "ok"


def test_a_slow_team_is_a_warning(monkeypatch):
    monkeypatch.setattr(measure._core, "current_state", lambda: (False, 0, 2))
    times = iter([2e-6, 80e-6, 2e-6, 2e-6])
    monkeypatch.setattr(measure, "typical", lambda call, seconds: next(times))
    assert measure.team(System())[1:3] == ("79.0 us for a team of 2, beside the work", "warning")
    assert measure.team(System())[1:3] == ("1.0 us for a team of 2, beside the work", "ok")


def test_streams_go_beyond_the_cache_and_not_beyond_memory(tmp_path, monkeypatch):
    cache = "sys/devices/system/cpu/cpu0/cache/index{}/size"
    here = write(tmp_path, {cache.format(0): "32K", cache.format(2): "1M", cache.format(3): "32768K"})
    assert here.last_level_cache() == 2**25
    monkeypatch.setattr(here, "memory_total", lambda: 2**36)
    assert 2 * 4 * measure.stream_size(here) == 4 * 2**25
    monkeypatch.setattr(here, "memory_total", lambda: 2**28)
    assert 4 * 4 * measure.stream_size(here) <= 2**26
