"""Whatever happens while a file is written, its path holds the old file or the new one, and no rubbish stays."""

import errno
import os
import stat
import subprocess
import threading

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.train import atomic, save_training, save_weights


def names(folder):
    return sorted(os.listdir(folder))


# -- killed ------------------------------------------------------------------------------------------------------------
KILLED = """
import os, random, signal, sys, time
import numpy as np
import fastgrad as fg
path, rounds = sys.argv[1], int(sys.argv[2])
folder, random = os.path.dirname(path), random.Random(1)
state = {"n": 0, "a": np.zeros(200_000), "b": np.zeros((300, 700), np.float32).T, "more": [0.0] * 500}

def filled(n):
    for a in (state["a"], state["b"]):
        a[...] = n
    return {**state, "n": n, "more": [float(n)] * 500}

def saver(start, told):
    for n in range(start, start + 10**6):
        fg.save(filled(n), path)
        os.write(told, b"%20d" % n)

def last(reader):
    text = b""
    while part := os.read(reader, 1 << 16):
        text += part
    return int(text[-20:]) if text else None

fg.save(filled(0), path)
begin = time.perf_counter()
fg.save(filled(0), path)
one = time.perf_counter() - begin
n, left, torn = 0, 0, 0
for i in range(rounds):
    reader, told = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        saver(n + 1, told)
    os.close(told)
    time.sleep(random.uniform(0.002, 0.002 + 3 * one))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    finished = last(reader)
    os.close(reader)
    found = fg.load(path)
    least = n if finished is None else finished
    assert found["n"] in (least, least + 1), (found["n"], least)
    n = found["n"]
    assert found["more"] == [float(n)] * 500 and (found["a"] == n).all() and (found["b"] == n).all()
    stale = len(os.listdir(folder)) - 1
    left += stale
    assert stale <= 1, os.listdir(folder)
    n += 1
    fg.save(filled(n), path)
    assert os.listdir(folder) == [os.path.basename(path)], os.listdir(folder)
print(left, n)
"""


@pytest.mark.slow
def test_200_kills_while_saving_leave_a_file_that_loads_and_no_rubbish(python, tmp_path):
    left, saves = map(int, python(KILLED, tmp_path / "run.fg", 200, timeout=300).split())
    print(f"200 kills: {left} in the middle of a file, {saves} files in all")
    assert left > 20, "few were killed while they wrote: the test is of little use"


# -- full, forbidden, missing ------------------------------------------------------------------------------------------
@pytest.fixture
def old(tmp_path):
    """A file that must survive."""
    path = tmp_path / "model.fg"
    fg.save({"a": np.arange(5)}, path)
    yield path
    assert fg.load(path)["a"].tolist() == [0, 1, 2, 3, 4]
    assert names(tmp_path) == ["model.fg"]


SAVERS = {
    "save": lambda path, value: fg.save({"a": value}, path),
    "save_weights": lambda path, value: save_weights({"a": value}, path),
    "save_training": lambda path, value: save_training(path, fg.nn.Linear(1, 1), a=value),
}


@pytest.mark.parametrize("size", [10, 1 << 20])
def test_a_full_disk_leaves_the_old_file(old, size, monkeypatch):
    """/dev/full refuses every byte, as a full disk does."""
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full on this system")
    create = atomic.create

    def full(target, mode):
        fd, path = create(target, mode)
        os.dup2(os.open("/dev/full", os.O_RDWR), fd)
        return fd, path

    monkeypatch.setattr(atomic, "create", full)
    with pytest.raises(
        OSError, match=f"save: {old} was not written: the disk .* is full; make room.*unchanged"
    ) as told:
        fg.save({"a": np.zeros(size)}, old)
    assert told.value.errno == errno.ENOSPC


def test_a_disk_that_is_full_at_the_last_moment_leaves_the_old_file(old, monkeypatch):
    """Some file systems say so when the file is brought to the disk."""

    def full(fd):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(OSError, match="is full"):
        fg.save({"a": np.zeros(3)}, old)


def test_a_folder_that_is_not_brought_to_the_disk_is_told(tmp_path, monkeypatch):
    def broken(folder):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(atomic, "synchronize_folder", broken)
    with pytest.raises(
        OSError, match=r"a is written, but its folder .*Input/output error.*may bring the old file back"
    ):
        fg.save([1], tmp_path / "a")
    assert (fg.load(tmp_path / "a"), names(tmp_path)) == ([1], ["a"])


def test_paths_of_any_kind(tmp_path):
    for path in (tmp_path / "a", str(tmp_path / "a"), os.fsencode(tmp_path / "a")):
        fg.save([1], path)
        assert fg.load(path) == [1]
    assert names(tmp_path) == ["a"]
    with pytest.raises(TypeError, match="dict"):
        fg.save("a", {})


@pytest.mark.parametrize("suffix", ["fg", "npz", "safetensors"])
def test_a_small_file_system_that_fills_up(suffix, tmp_path):
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "none", tmp_path], capture_output=True).returncode:
        pytest.skip("a file system of its own cannot be mounted here")
    try:
        path = tmp_path / f"model.{suffix}"
        save = fg.save if suffix == "fg" else save_weights
        save({"a": np.arange(5)}, path)
        before = path.read_bytes()
        for _ in range(3):
            with pytest.raises(OSError, match="is full") as told:
                save({"a": np.zeros(100_000)}, path)
            assert told.value.errno == errno.ENOSPC
            assert (names(tmp_path), path.read_bytes()) == ([path.name], before)
        save({"a": np.arange(20_000)}, path)
    finally:
        subprocess.run(["umount", tmp_path], check=True)


LIMITED = """
import resource, sys, os
import numpy as np, fastgrad as fg
path = sys.argv[1]
fg.save({"a": np.arange(5)}, path)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for i in range(2):
    try:
        fg.save({"a": np.zeros(1_000_000)}, path)
    except OSError as error:
        print(error.errno, error)
assert fg.load(path)["a"].tolist() == [0, 1, 2, 3, 4]
print(os.listdir(os.path.dirname(path)))
"""


def test_a_limit_on_the_size_of_files(python, tmp_path):
    *told, left = python(LIMITED, tmp_path / "model.fg").splitlines()
    assert len(told) == 2
    for line in told:
        assert line.startswith(f"{errno.EFBIG} ")
        assert "larger than this process may write; raise the limit (ulimit -f)" in line
    assert left == "['model.fg']"


FORBIDDEN = """
import os, sys
import fastgrad as fg
folder = sys.argv[1]
fg.save([0], folder + "/old")  # everything is imported now
if os.getuid() == 0:  # whom nothing is forbidden
    os.chown(folder, 65534, 65534), os.unlink(folder + "/old")
    os.setgid(65534), os.setuid(65534)
    if not os.access(folder, os.W_OK | os.X_OK):
        print("unreachable"), sys.exit()
fg.save([0], folder + "/old"), fg.save([0], folder + "/locked")
os.chmod(folder + "/locked", 0o444)
def told(path):
    try:
        fg.save([1], path)
    except OSError as error:
        print(type(error).__name__, error)
told(folder + "/locked")
os.chmod(folder, 0o555)
told(folder + "/old")
told(folder + "/new")
print(fg.load(folder + "/old"), fg.load(folder + "/locked"), sorted(os.listdir(folder)))
os.chmod(folder, 0o300)
fg.save([2], folder + "/old")
os.chmod(folder, 0o700)
print(fg.load(folder + "/old"), sorted(os.listdir(folder)))
"""


def test_files_and_folders_that_may_not_be_written(python, tmp_path):
    for parent in list(tmp_path.parents)[:2]:  # of this test run, which another user may not enter otherwise
        parent.chmod(parent.stat().st_mode | 0o011)
    told = python(FORBIDDEN, tmp_path).splitlines()
    if told == ["unreachable"]:
        pytest.skip(f"this is root, and another user may not enter {tmp_path}")
    first, second, third, left, last = told
    assert first.startswith("PermissionError")
    assert f"save: {tmp_path}/locked is read-only; save elsewhere, or allow it: chmod u+w" in first
    for line, name in ((second, "old"), (third, "new")):
        assert line.startswith("PermissionError")
        assert f"save: {tmp_path}/{name} was not written: the folder {tmp_path} may not be written to" in line
    assert left == "[0] [0] ['locked', 'old']"
    assert last == "[2] ['locked', 'old']", "a folder that may be written and not be read serves"


@pytest.mark.parametrize("saver", SAVERS)
def test_folders_that_are_missing_and_folders_that_are_there(saver, tmp_path):
    who = "save" if saver == "save_training" else saver
    with pytest.raises(FileNotFoundError, match=rf"{who}: the folder {tmp_path}/no does not exist; .*os.makedirs\('"):
        SAVERS[saver](tmp_path / "no" / "model.npz", np.zeros(1))
    with pytest.raises(FileNotFoundError, match=r"expanduser\(path\)"):
        SAVERS[saver]("~nobody/model.npz", np.zeros(1))
    (tmp_path / "is.npz").mkdir()
    with pytest.raises(IsADirectoryError, match=f"{who}: {tmp_path}/is.npz is a folder; name a file in it"):
        SAVERS[saver](tmp_path / "is.npz", np.zeros(1))
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(NotADirectoryError, match=f"{who}: {tmp_path}/file is a file, not a folder"):
        SAVERS[saver](tmp_path / "file" / "model.npz", np.zeros(1))
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(OSError, match="no ordinary file"):
        SAVERS[saver](tmp_path / "pipe.npz", np.zeros(1))
    assert names(tmp_path) == ["file", "is.npz", "pipe.npz"]


def half_written(path, error):
    with atomic.replacing(path) as file:
        file.write(b"half")
        raise error


def test_whatever_is_raised_within_the_block_leaves_the_old_file(old):
    for error in (KeyboardInterrupt, ValueError, OSError(errno.EIO, "Input/output error")):
        with pytest.raises(error if isinstance(error, type) else OSError):
            half_written(old, error)


# -- links, permissions, names -----------------------------------------------------------------------------------------
def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there/model")
    for i in range(2):  # a link to nothing, then to a file
        fg.save([i], tmp_path / "link")
        assert (tmp_path / "link").is_symlink()
        assert fg.load(tmp_path / "there" / "model") == [i]
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(OSError, match="round"):
        fg.save([1], tmp_path / "round")
    assert names(tmp_path) == ["link", "round", "there"]
    assert names(tmp_path / "there") == ["model"]


def test_permissions_are_those_of_the_old_file_or_of_any_new_one(tmp_path):
    before = os.umask(0o027)
    try:
        fg.save([0], tmp_path / "a")
        (tmp_path / "b").touch()
        (tmp_path / "b").chmod(0o606)
        fg.save([0], tmp_path / "b")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o606


def test_a_secret_is_never_open_to_others(tmp_path, monkeypatch):
    """Not even under its temporary name."""
    path = tmp_path / "secret"
    path.touch()
    path.chmod(0o600)
    seen = []
    with atomic.replacing(path) as file:
        seen += [stat.S_IMODE((tmp_path / n).stat().st_mode) for n in names(tmp_path)]
        file.write(b"x")
    assert seen == [0o600, 0o600]


@pytest.mark.parametrize("name", ["a" * 255, "한" * 85, "a b\nc", ".hidden", "a.fg", "(a[+"])
def test_any_name_will_do(name, tmp_path):
    fg.save([1], tmp_path / name)
    (tmp_path / f".{atomic.stem_of(str(tmp_path / name))[1]}.0123456789abcdef.saving").touch()
    fg.save([2], tmp_path / name)
    assert (fg.load(tmp_path / name), names(tmp_path)) == ([2], [name])


def test_what_belongs_to_others_is_left_alone(tmp_path):
    strangers = [
        ".b.0123456789abcdef.saving",
        ".a.tmp",
        ".a.0123.saving",
        "a.0123456789abcdef.saving",
        ".aXfg.0.saving",
    ]
    for name in strangers:
        (tmp_path / name).touch()
    target = tmp_path / "elsewhere"
    target.write_bytes(b"keep")
    (tmp_path / ".a.aaaaaaaaaaaaaaaa.saving").symlink_to(target)
    fg.save([1], tmp_path / "a")
    assert set(strangers) <= set(names(tmp_path))
    assert target.read_bytes() == b"keep"


# -- several at once ---------------------------------------------------------------------------------------------------
def test_a_save_removes_no_file_that_is_being_written(tmp_path):
    path = tmp_path / "model.fg"
    with atomic.replacing(path) as slow:
        slow.write(b"slow")
        for i in range(3):
            fg.save([i], path)
        assert len(names(tmp_path)) == 2
        assert fg.load(path) == [2]
    assert (path.read_bytes(), names(tmp_path)) == (b"slow", ["model.fg"])


def test_a_file_that_was_removed_before_it_could_be_locked_is_made_anew(tmp_path, monkeypatch):
    lock, calls = atomic.lock, []

    def late(fd):
        calls.append(fd)
        if len(calls) == 1:
            for name in names(tmp_path):
                (tmp_path / name).unlink()
        return lock(fd) if len(calls) != 2 else False  # the second time somebody else has the lock

    monkeypatch.setattr(atomic, "lock", late)
    fg.save([1], tmp_path / "a")
    assert len(calls) == 3
    assert fg.load(tmp_path / "a") == [1]


def test_threads_that_save_to_one_path(tmp_path):
    path, failed = tmp_path / "model.fg", []

    def saver(k):
        try:
            for i in range(15):
                fg.save({"k": k, "a": np.full(5000, k + i)}, path)
                found = fg.load(path)
                assert found["a"].min() == found["a"].max()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=saver, args=(1000 * k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert names(tmp_path) == ["model.fg"]


CONCURRENT = """
import os, sys
import numpy as np, fastgrad as fg
path, children = sys.argv[1], []
for k in range(4):
    child = os.fork()
    if not child:
        for i in range(25):
            fg.save({"k": k, "a": np.full(20_000, k)}, path)
            found = fg.load(path)
            assert (found["a"] == found["k"]).all()
        os._exit(0)
    children.append(child)
assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
print(os.listdir(os.path.dirname(path)))
"""


def test_processes_that_save_to_one_path(python, tmp_path):
    assert python(CONCURRENT, tmp_path / "model.fg") == "['model.fg']\n"
