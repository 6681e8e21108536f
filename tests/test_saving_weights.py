"""Weights as .npz and .safetensors: what other programs write and read, and what is refused."""

import builtins
import io
import tracemalloc
import zipfile

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.train import load_weights, save_weights

SUFFIXES = [".npz", ".safetensors"]
every_kind = pytest.mark.parametrize("suffix", SUFFIXES)


@pytest.fixture(autouse=True)
def package(request):
    if "safetensors" in request.node.name:
        pytest.importorskip("safetensors", reason='needs pip install "fastgrad[safetensors]"')


def make_net():
    return fg.nn.Sequential(fg.nn.Linear(3, 4), fg.nn.BatchNorm1d(4), fg.nn.Linear(4, 2))


@every_kind
def test_a_model_comes_back(suffix, tmp_path):
    path = tmp_path / f"net{suffix}"
    net, other = make_net(), make_net()
    net(fg.rand(5, 3))
    save_weights(net, path)
    assert load_weights(path, other) == ([], [])
    for name, a in net.state_dict().items():
        b = other.state_dict()[name]
        assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    assert load_weights(str(path)).keys() == net.state_dict().keys()


@every_kind
def test_arrays_of_any_layout_and_name(suffix, tmp_path):
    state = {
        "file": np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "a/b": np.float64(2.5),
        "self": np.arange(5, dtype=">i8")[::2],
        "args.npy": np.empty((0, 3), np.float32),
        "한글": np.array([True, False]),
        "half": np.array([1.5], np.float16),
        "t": fg.tensor([[1.0, 2.0]]),
        "broad": np.broadcast_to(np.float32(1), (2, 2)),
    }
    save_weights(state, tmp_path / f"w{suffix}")
    found = load_weights(tmp_path / f"w{suffix}")
    assert set(found) == set(state)
    for name, a in state.items():
        a = a.numpy() if isinstance(a, fg.Tensor) else np.asarray(a)
        assert found[name].dtype == a.dtype.newbyteorder("=")
        assert found[name].shape == a.shape
        assert (found[name] == a).all()


def test_numpy_reads_and_writes_the_same_npz(tmp_path):
    net = make_net()
    save_weights(net, tmp_path / "net.npz")
    with np.load(tmp_path / "net.npz", allow_pickle=False) as found:
        assert {k: v.tobytes() for k, v in found.items()} == {k: v.tobytes() for k, v in net.state_dict().items()}
    for savez in (np.savez, np.savez_compressed):
        savez(tmp_path / "theirs.npz", a=np.zeros((100, 100)), b=np.asfortranarray(np.arange(6.0).reshape(2, 3)))
        found = load_weights(tmp_path / "theirs.npz")
        assert found["a"].shape == (100, 100)
        assert found["b"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_torch_reads_and_writes_the_same_safetensors(tmp_path):
    torch = pytest.importorskip("torch")
    theirs = pytest.importorskip("safetensors.torch")
    net = make_net()
    save_weights(net, tmp_path / "net.safetensors")
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))
    module.load_state_dict(theirs.load_file(tmp_path / "net.safetensors"))
    theirs.save_file({k: v + 1 for k, v in module.state_dict().items()}, tmp_path / "next.safetensors")
    before = net.state_dict()
    load_weights(tmp_path / "next.safetensors", net)
    assert all((net.state_dict()[k] == v + 1).all() for k, v in before.items())
    theirs.save_file({"a": torch.zeros(2, dtype=torch.bfloat16)}, tmp_path / "b.safetensors")
    with pytest.raises(ValueError, match=r"b.safetensors is refused: .*NumPy has no such numbers: .*x.float\(\)"):
        load_weights(tmp_path / "b.safetensors")


@every_kind
def test_strict_or_not(suffix, tmp_path):
    path = tmp_path / f"net{suffix}"
    net = make_net()
    save_weights({**net.state_dict(), "more": np.zeros(2)}, path)
    with pytest.raises(KeyError, match=r"unexpected \['more'\]"):
        load_weights(path, net)
    assert load_weights(path, net, strict=False) == ([], ["more"])
    with pytest.raises(ValueError, match=r"0\.weight has shape"):
        load_weights(path, fg.nn.Sequential(fg.nn.Linear(9, 4)), strict=False)


def test_what_is_refused_to_be_written(tmp_path):
    cases = {
        "a.pt": (make_net(), ValueError, r"must end in \.npz or \.safetensors; fastgrad.save"),
        "b.npz": ([1], TypeError, "a module or a dict of arrays by name, not a list"),
        "c.npz": ({"a": {"b": np.zeros(1)}}, TypeError, "'a' is a dict; .*fastgrad.save takes nested"),
        "d.npz": ({"a": np.array([None])}, ValueError, "a is object"),
        "e.npz": ({"a": np.array(["x"])}, ValueError, "a is <U1; weights are numbers"),
        "f.npz": ({1: np.zeros(1)}, TypeError, "1 is a ndarray"),
    }
    for name, (state, error, text) in cases.items():
        with pytest.raises(error, match=text):
            save_weights(state, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_safetensors_refuses_what_it_has_not(tmp_path):
    pytest.importorskip("safetensors")
    with pytest.raises(ValueError, match="safetensors takes no such arrays"):
        save_weights({"a": np.zeros(1, np.complex128)}, tmp_path / "a.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_without_the_package(tmp_path, monkeypatch):
    found = builtins.__import__

    def missing(name, *rest, **more):
        if name.startswith("safetensors"):
            raise ImportError(name)
        return found(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    (tmp_path / "a.safetensors").write_bytes(b"\2\0\0\0\0\0\0\0{}")
    for call in (lambda p: save_weights(make_net(), p), load_weights):
        with pytest.raises(ImportError, match=r'pip install "fastgrad\[safetensors\]"'):
            call(tmp_path / "a.safetensors")


# -- files that are not whole ------------------------------------------------------------------------------------------
@every_kind
def test_damaged_files_are_refused_or_give_what_was_saved(suffix, tmp_path, rng):
    """Neither format has a checksum of everything: zip's covers an array, safetensors has none for numbers."""
    path = tmp_path / f"net{suffix}"
    state = make_net().state_dict()
    save_weights(state, path)
    data, refused = path.read_bytes(), 0
    for i in range(600):
        at = int(rng.integers(len(data)))
        damaged = bytearray(data)
        damaged[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged if i % 3 else data[:at])
        try:
            found = load_weights(path)
        except ValueError as error:
            told = str(error)
        else:
            told = None
            assert all(isinstance(a, np.ndarray) for a in found.values())
            if suffix == ".npz":
                named = [k for k in state if k in found]  # a name may have changed
                assert all(found[k].tobytes() == state[k].tobytes() for k in named), "a number has changed"
        if told is not None:
            refused += 1
            assert told.startswith((f"{path}: ", f"load_weights: {path} is refused: "))
    assert refused > 200


def forged(header, data=b""):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        text = header.encode().ljust(117) + b"\n"
        archive.writestr("a.npy", b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text + data)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (
            forged("{'descr': '<f8', 'fortran_order': False, 'shape': (1152921504606846976,)}"),
            "claims float64 of shape",
        ),
        (forged("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", b"\x80\4K\1."), "pickle: it is not used"),
        (forged("{'descr': '<f8'}", bytes(8)), "header is wrong"),
        (b"PK\3\4 and nothing more", "File is not a zip file"),
        (b"", "it is empty"),
        (b"\x89FGSAVE\n" + bytes(99), "it is a file of fastgrad.save; use fastgrad.load"),
    ],
)
def test_lies_in_an_npz_are_refused_before_memory_is_taken(data, text, tmp_path):
    (tmp_path / "a.npz").write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=rf"{tmp_path}/a.npz.*{text}"):
            load_weights(tmp_path / "a.npz")
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_other_files_are_named(tmp_path):
    for name, data, text in (
        ("a.safetensors", b"PK\3\4" + bytes(99), "it is a zip file"),
        ("a.npz", b"\2\0\0\0\0\0\0\0{}", "it is a safetensors file"),
        ("b.npz", b"hello", "begins with b'hello'"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError, match=rf"{name} is refused: .*{text}"):
            load_weights(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="load_weights: there is no file"):
        load_weights(tmp_path / "no.npz")
