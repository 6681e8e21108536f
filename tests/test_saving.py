"""fastgrad.save and fastgrad.load: what goes in comes out, and a file that is not whole is refused."""

import hashlib
import io
import json
import math
import os
import pickle
import struct
import tracemalloc
from collections import Counter, OrderedDict

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from test_saving_training import Run

import fastgrad as fg
from fastgrad.train import container

many = settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def written(value):
    file = io.BytesIO()
    fg.save(value, file)
    return file.getvalue()


def loaded(data):
    return fg.load(io.BytesIO(data))


def same(a, b):
    """Of one type and of the same bits, all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        keys = zip(a, b, strict=True) if len(a) == len(b) else ()
        return len(a) == len(b) and all(same(k, m) and same(a[k], b[m]) for k, m in keys)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, fg.Tensor):
        return a.requires_grad is b.requires_grad and same(a.data, b.data)
    if isinstance(a, (np.ndarray, np.generic)):
        return (a.shape, a.dtype.str, a.tobytes()) == (b.shape, b.dtype.str, b.tobytes())
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b)
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    return a == b


# -- round trips -------------------------------------------------------------------------------------------------------
dtypes = st.one_of(
    *[hnp.boolean_dtypes(), hnp.complex_number_dtypes(sizes=(64, 128))],
    *[f(endianness="?") for f in (hnp.integer_dtypes, hnp.unsigned_integer_dtypes)],
    *[hnp.floating_dtypes(sizes=(16, 32, 64), endianness="?"), hnp.unicode_string_dtypes(endianness="?", max_len=3)],
    *[hnp.byte_string_dtypes(max_len=3), hnp.datetime64_dtypes(endianness="?"), hnp.timedelta64_dtypes()],
)


@st.composite
def arrays(draw):
    """Any plain dtype and layout, 0-d and empty ones too."""
    a = draw(hnp.arrays(draw(dtypes), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)))
    layout = draw(st.sampled_from(["C", "F", "turned", "every other", "read-only", "view"]))
    if layout == "F":
        return np.asfortranarray(a)
    if layout == "turned":
        return a.transpose(draw(st.permutations(range(a.ndim))))[..., ::-1] if a.ndim else a
    if layout == "every other" and a.ndim:
        return a[::2]
    if layout == "view":
        return np.broadcast_to(a, (2, *a.shape))
    a.flags.writeable = layout != "read-only"
    return a


texts = st.one_of(st.text(max_size=4), st.text(st.characters(categories=["Cs", "Lu"]), max_size=3))
numbers = st.one_of(st.integers(), st.integers(-(1 << 70), 1 << 70), st.floats(), st.complex_numbers(), st.booleans())
tensors = st.builds(
    lambda x, grad, cls: cls(fg.tensor(np.array(x, np.float32)), requires_grad=grad),
    *[st.lists(st.floats(width=32), max_size=3), st.booleans(), st.sampled_from([fg.Tensor, fg.nn.Parameter])],
)
scalars = arrays().filter(lambda a: a.size and a.dtype.kind not in "SU").map(lambda a: a.flat[0])
keys = st.one_of(st.text(max_size=4), st.integers(), st.none(), st.just(2.5))
values = st.recursive(
    st.one_of(st.none(), numbers, texts, st.binary(max_size=70), arrays(), scalars, tensors),
    lambda inner: st.one_of(
        *[
            st.lists(inner, max_size=4),
            st.lists(inner, max_size=4).map(tuple),
            st.dictionaries(keys, inner, max_size=4),
        ],
        st.dictionaries(keys, inner, max_size=3).map(OrderedDict),
    ),
    max_leaves=12,
)


@many
@given(values)
def test_everything_comes_back_bit_for_bit(value):
    data = written(value)
    back = loaded(data)
    assert same(value, back), (value, back)
    assert written(value) == data, "the same value gives the same bytes"


def test_odd_values_come_back():
    value = {
        "huge": [1 << 60, -(1 << 53), (1 << 53) + 1, -(7**9000)],
        "floats": [0.1, -0.0, math.nan, -math.nan, math.inf, -math.inf, 5e-324, 1.7976931348623157e308],
        "payload": struct.unpack(">d", bytes.fromhex("7ff8000000abcdef"))[0],
        "names": ["\ud800", "\ud83d\ude00", "한글", "\0", ""],
        "counts": Counter({1: 3, 2.0: 1, np.int64(5): 1}),
        "np": [np.float32("nan"), np.bool_(True), np.datetime64("NaT"), np.str_("x"), np.str_(""), np.bytes_(b"y")],
        "empty": [{}, [], (), b"", np.empty((0, 3)), np.empty((3, 0, 2), ">i2")],
        "order": OrderedDict([("z", 1), ("a", 2)]),
    }
    assert same(loaded(written(value)), value)


def test_a_state_dict_makes_its_way_as_in_pytorch(tmp_path):
    net, other = fg.nn.Linear(3, 2), fg.nn.Linear(3, 2)
    fg.save(net.state_dict(), tmp_path / "net.fg")
    other.load_state_dict(fg.load(tmp_path / "net.fg", map_location="cpu", weights_only=True))
    assert all(same(a, b) for a, b in zip(net.state_dict().values(), other.state_dict().values(), strict=True))
    opt = fg.optim.Adam(net.parameters())
    fg.save({"opt": opt.state_dict(), "epoch": 3}, str(tmp_path / "net.fg"))
    opt.load_state_dict(fg.load(str(tmp_path / "net.fg"))["opt"])
    with pytest.raises(RuntimeError, match="CPU"):
        fg.load(tmp_path / "net.fg", map_location="cuda")


def test_arrays_that_come_back_are_their_own():
    a = loaded(written({"a": np.arange(6.0)[::-1]}))["a"]
    a[0] = 7
    assert a.flags.owndata
    assert a.flags.writeable
    assert a.flags.c_contiguous
    assert a.__array_interface__["data"][0] % a.itemsize == 0


def test_arrays_begin_at_multiples_of_64_and_can_be_read_by_hand():
    data = written([np.arange(3, dtype=">i4"), np.array(2.5)])
    magic, version, zero, begin, length = struct.unpack_from("<8sIIQQ", data)
    assert (magic, version, zero, begin + length) == (b"\x89FGSAVE\n", 1, 0, len(data))
    document = json.loads(data[begin:])
    assert [row[:3] for row in document["arrays"]] == [[">i4", [3], 64], ["<f8", [], 128]]
    assert np.frombuffer(data, "<i4", 3, 64).tolist() == [0, 1, 2]
    assert document["arrays"][1][3] == hashlib.sha256(data[128:136]).hexdigest()
    assert data[32:64] == hashlib.sha256(data[:32] + data[begin:]).digest()


def test_no_copy_of_the_arrays_is_made(tmp_path):
    state = {"a": np.ones(1 << 21), "b": np.ones((1 << 10, 1 << 11), np.float32).T, "c": np.ones(1 << 20, ">f8")}
    size = sum(a.nbytes for a in state.values())
    tracemalloc.start()
    try:
        fg.save(state, tmp_path / "a")
        assert tracemalloc.get_traced_memory()[1] < size / 4
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        fg.load(tmp_path / "a")
        assert tracemalloc.get_traced_memory()[1] - before < 1.1 * size
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        ({"a": [{1, 2}]}, TypeError, r"the value\['a'\]\[0\] is a set; .*sort it into a list"),
        ({"a": np.array([None])}, TypeError, r"\['a'\], \(1,\) object, holds objects of Python"),
        ({"a": np.zeros(2, "i4,f4")}, TypeError, "holds records"),
        ({"a": np.zeros(2, np.longdouble)}, TypeError, "differ from machine to machine"),
        ({"a": np.longdouble(1)}, TypeError, r"make it float\(...\)"),
        ({"a": np.str_("a\0")}, TypeError, r"make it str\(...\)"),
        ({"a": np.ma.masked_array([1], [True])}, TypeError, "save its data and its mask"),
        ({(1, 2): 3}, TypeError, r"the key \(1, 2\) at the value is a tuple"),
        (fg.nn.Linear(1, 1), TypeError, r"is a Linear; .*save its state_dict\(\)"),
        ([lambda: 0], TypeError, "is a function"),
        ({"a": fg.tensor([1.0], requires_grad=True) * 2}, RuntimeError, r"\['a'\] is a result of Mul.*detach\(\)"),
    ],
)
def test_what_cannot_be_saved_is_named(value, error, text, tmp_path):
    with pytest.raises(error, match=text):
        fg.save(value, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_value_that_holds_itself_is_refused():
    value = []
    value.append(value)
    with pytest.raises(TypeError, match="does one hold itself"):
        written(value)


@pytest.mark.parametrize("wrap", [lambda x: [x], lambda x: (x,), lambda x: {"a": x}, lambda x: OrderedDict(a=x)])
def test_what_is_nested_as_deeply_as_may_be_comes_back(wrap):
    value = 0.5
    with pytest.raises(TypeError, match="inside one another"):  # noqa: PT012
        while True:
            assert same(loaded(written(value)), value)
            value = wrap(value)
    assert len(repr(value)) > 120


def test_saving_within_a_captured_step_is_refused():
    with pytest.raises(fg.CaptureError, match="save"):
        fg.capture(lambda x: fg.save({"x": x}, io.BytesIO()))(fg.tensor([1.0]))


# -- files that are not whole, or another's ----------------------------------------------------------------------------
def refused_or_equal(data, original):
    """What `load` says to data: None where it gives the original value."""
    try:
        value = loaded(data)
    except ValueError as error:
        told = str(error)
    else:
        assert same(value, original), "a changed file gave another value"
        return None
    assert "is refused: " in told
    return told


def test_ten_thousand_damages_are_all_refused(rng, tmp_path):
    """Of a saved run: every one of its bytes is under a checksum, or is a zero that is looked at."""
    run = Run()
    run.train(3)
    run.save(tmp_path / "run.fg")
    data = (tmp_path / "run.fg").read_bytes()
    value = loaded(data)
    assert refused_or_equal(data, value) is None
    harmless = 0
    for _ in range(8000):
        at, bit = int(rng.integers(len(data))), int(rng.integers(8))
        damaged = bytearray(data)
        damaged[at] ^= 1 << bit
        harmless += refused_or_equal(damaged, value) is None
    for _ in range(1000):  # cut at any place
        harmless += refused_or_equal(data[: int(rng.integers(len(data)))], value) is None
    for _ in range(1000):  # a block of zeros or noise, as a bad disk leaves it; or something more at the end
        at, n = int(rng.integers(len(data))), int(rng.integers(1, 200))
        noise = [bytes(n), rng.bytes(n)][int(rng.integers(2))]
        damaged = data[:at] + noise + data[at + n :] if rng.random() < 0.9 else data + noise
        harmless += refused_or_equal(damaged, value) is None and damaged != data
    print(f"{len(data)} bytes, 10,000 damages, {harmless} harmless")
    assert harmless == 0


def test_the_place_of_the_damage_is_named():
    value = {"net": {"0.weight": np.ones((2, 3), np.float32), "0.bias": np.ones(2)}}
    data = bytearray(written(value))

    def told(at):
        damaged = bytearray(data)
        damaged[at] ^= 1
        return refused_or_equal(damaged, value)

    assert "the array the value['net']['0.weight'], (2, 3) float32, offset 64 to 87, is damaged" in told(70)
    assert "between offset 88 and 127, where zeros should be" in told(100)
    assert "['0.bias']" in told(130)
    assert "structure (offset 144 to" in told(150)
    assert "version 257 of the format, at offset 8" in told(9)
    assert "no file of fastgrad.save" in told(3)
    assert "cut short: 100 bytes, its head says" in refused_or_equal(data[:100], value)
    assert "cut short: 30 bytes, the head alone has 64" in refused_or_equal(data[:30], value)
    assert "too long" in refused_or_equal(data + b"\0", value)


def forged(change):
    """A file with right checksums whose structure says something else."""
    data = written({"a": np.arange(4.0), "b": [1, 2.5], "c": np.arange(3)})
    begin = struct.unpack_from("<Q", data, 16)[0]
    document = json.loads(data[begin:])
    found = change(document)
    document = document if found is None else found
    structure = document if isinstance(document, bytes) else json.dumps(document).encode()
    head = container.HEAD.pack(container.MAGIC, 1, 0, begin, len(structure))
    return head + hashlib.sha256(head + structure).digest() + data[64:begin] + structure


def set_row(**row):
    def change(document):
        names = ["dtype", "shape", "offset", "digest"]
        for name, value in row.items():
            document["arrays"][0][names.index(name)] = value

    return change


def set_value(value):
    return lambda document: document.update(value=value)


LIES = {
    "large": set_row(shape=[1 << 60]),
    "larger": set_row(shape=[1 << 32, 1 << 32, 1 << 32]),
    "negative": set_row(shape=[-4]),
    "two negatives": set_row(shape=[-2, -2]),
    "no shape": set_row(shape=4),
    "a bool": set_row(shape=[4, True]),
    "objects": set_row(dtype="|O"),
    "records": set_row(dtype="i4,f4"),
    "no dtype": set_row(dtype="<f99"),
    "a long name": set_row(dtype="<U999999999", shape=[0]),
    "long doubles": set_row(dtype="<f16", shape=[2]),
    "elsewhere": set_row(offset=0),
    "later": set_row(offset=1 << 50),
    "the next one's": set_row(offset=128),
    "digest": set_row(digest="0" * 64),
    "no digest": set_row(digest=None),
    "no rows": lambda d: d.update(arrays=None),
    "more rows": lambda d: d["arrays"].append(d["arrays"][0]),
    "fewer rows": lambda d: d["arrays"].pop(),
    "unused": set_value({"array": 0}),
    "twice": set_value([{"array": 0}, {"array": 0}, {"array": 1}]),
    "order": set_value([{"array": 1}, {"array": 0}]),
    "no such": set_value([{"array": 0}, {"array": 1}, {"array": 2}]),
    "negative index": set_value([{"array": -2}, {"array": -1}]),
    "tag": set_value([{"array": 0}, {"array": 1}, {"eval": "1"}]),
    "two tags": set_value([{"array": 0, "int": "1"}, {"array": 1}]),
    "no tag": set_value([{"array": 0}, {"array": 1}, {}]),
    "key": set_value({"dict": [[[1], {"array": 0}], ["b", {"array": 1}]]}),
    "two keys": set_value({"dict": [["a", {"array": 0}], ["a", {"array": 1}]]}),
    "tensor": set_value([{"tensor": 0, "grad": 1}, {"array": 1}]),
    "integers' gradient": set_value([{"array": 0}, {"tensor": 1, "grad": True}]),
    "hexadecimal": set_value([{"array": 0}, {"array": 1}, {"int": "0xzz"}]),
    "bits": set_value([{"array": 0}, {"array": 1}, {"float": "00"}]),
    "a long integer": lambda d: json.dumps({**d, "value": None}).encode().replace(b"null", b"1" * 5000),
    "NaN": lambda d: json.dumps({**d, "value": math.nan}).encode(),
    "depth": lambda d: b"[" * 100_000,
    "deep": lambda d: json.dumps({**d, "value": None}).encode().replace(b"null", b"[" * 900 + b"]" * 900),
    "no JSON": lambda d: b"{",
    "no ASCII": lambda d: b"\xff\xfe",
    "a list": lambda d: [],
    "nothing": lambda d: b"",
}


def test_a_forgery_that_changes_nothing_is_read():
    assert same(loaded(forged(lambda d: None)), {"a": np.arange(4.0), "b": [1, 2.5], "c": np.arange(3)})


@pytest.mark.parametrize("lie", LIES)
def test_lies_under_a_right_checksum_are_refused_before_memory_is_taken(lie):
    data = forged(LIES[lie])
    tracemalloc.start()
    try:
        told = refused_or_equal(data, None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert told is not None
    assert peak < 1_000_000 + 20 * len(data), "memory was taken"


@pytest.mark.parametrize("begin", [0, 63, 65, 1 << 40, (1 << 64) - 1])
def test_lies_in_the_head_are_refused(begin):
    data = written([1])
    head = container.HEAD.pack(container.MAGIC, 1, 0, begin, max(len(data) - begin, 0))
    assert refused_or_equal(head + data[32:], [1])


def test_a_file_of_another_kind_is_named(tmp_path):
    np.savez(tmp_path / "npz", a=np.arange(3))
    np.save(tmp_path / "npy.npy", np.arange(3))
    with open(tmp_path / "pickle", "wb") as file:
        pickle.dump({"a": 1}, file)
    kinds = {
        (tmp_path / "npz.npz").read_bytes(): ".npz file of NumPy; fastgrad.train.load_weights",
        (tmp_path / "npy.npy").read_bytes(): "numpy.load",
        (tmp_path / "pickle").read_bytes(): "it is a pickle .* may run any program",
        struct.pack("<Q", 2) + b"{}": "it is a safetensors file; use fastgrad.train.load_weights",
        b"PK\x03\x04" + bytes(22) + struct.pack("<HH", 16, 0) + b"archive/data.pkl": "torch.save.*numpy.savez",
        b"\x89HDF\r\n\x1a\n": "HDF5",
        b"\x1f\x8b\x08": "compressed",
        bytes(500): "begins with zeros",
        b"": "empty, 0 bytes",
        b"a,b\n1,2\n": r"begins with b'a,b\\n1,2\\n'",
        b"P": "begins with b'P'",
        b"\x80": "begins with",
        b"PK\x03\x04": "zip file",
    }
    for data, text in kinds.items():
        (tmp_path / "x").write_bytes(data)
        with pytest.raises(ValueError, match=rf"load: {tmp_path}/x is refused: .*{text}"):
            fg.load(tmp_path / "x")


def test_files_of_torch_are_named(tmp_path):
    torch = pytest.importorskip("torch")
    for new in (True, False):
        torch.save({"a": torch.zeros(2)}, tmp_path / "x.pt", _use_new_zipfile_serialization=new)
        with pytest.raises(ValueError, match=r"PyTorch|torch\.save"):
            fg.load(tmp_path / "x.pt")


def test_what_is_no_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"there is no file {tmp_path}/a$"):
        fg.load(tmp_path / "a")
    with pytest.raises(FileNotFoundError, match=f"nor the folder {tmp_path}/a"):
        fg.load(tmp_path / "a" / "b")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        fg.load(tmp_path)
    with pytest.raises(TypeError, match="no binary file; open it in mode 'rb'"):
        fg.load(io.StringIO("text"))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="no ordinary file"):
        fg.load(tmp_path / "pipe")
