"""IDX, CSV and npz: what is right is read, what lies is refused by name and place, and nothing takes more memory than the
file can fill. The fuzz is in test_readers_fuzz.py."""

import gzip
import io
import os
import pickle
import struct
import sys
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest

from fastgrad.data import BadFileError, read_csv, read_idx, read_npz

CODES = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}
MIB = 1 << 20


def idx(array, shape=None, code=None, dims=None):
    """An IDX file; what it claims can be given."""
    shape = array.shape if shape is None else shape
    head = bytes([0, 0, CODES[array.dtype.name] if code is None else code, len(shape) if dims is None else dims])
    return head + b"".join(struct.pack(">I", n) for n in shape) + array.astype(array.dtype.newbyteorder(">")).tobytes()


def npy(header, payload=b"", version=1):
    text = header if isinstance(header, bytes) else repr(header).encode()
    size = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + size + text + payload


def header(shape=(3,), descr="<f4", fortran_order=False):
    return {"descr": descr, "fortran_order": fortran_order, "shape": shape}


def archive(*members, method=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for name, content in members:
            file.writestr(name, content)
    return out.getvalue()


def peak(call):
    """The most memory that the call had at once, in bytes."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def peak_refused(read, *arguments, **options):
    def call():
        with pytest.raises(BadFileError):
            read(*arguments, **options)

    return peak(call)


@pytest.fixture
def put(tmp_path):
    def write(content, name="file"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


# -- IDX ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", CODES)
@pytest.mark.parametrize("shape", [(5,), (2, 3), (4, 2, 3), (0,), (0, 28, 28), (1,) * 9])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_idx_of_every_dtype(put, rng, dtype, shape, pack):
    array = (rng.standard_normal(shape) * 100).astype(dtype)
    found = read_idx(put(pack(idx(array))), dtype=dtype, ndim=len(shape))
    assert found.dtype == array.dtype
    assert found.dtype.isnative
    assert np.array_equal(found, array)
    assert found.flags.writeable
    assert found.flags.c_contiguous


SMALL = np.arange(6, dtype=np.uint8).reshape(2, 3)
IDX = {
    "empty": (b"", 0, "within its header"),
    "two bytes": (b"\0\0", 2, "within its header"),
    "another format": (b"\x89PNG....", 0, "begins with 89 50 4e 47"),
    "unknown type": (idx(SMALL, code=0x0A), 0, "begins with 00 00 0a 02"),
    "no dimensions": (idx(SMALL, dims=0), 3, "claims 0 dimensions"),
    "too many dimensions": (idx(SMALL, dims=255), 3, "claims 255 dimensions"),
    "no sizes": (bytes([0, 0, 8, 3, 0, 0, 0, 2]), 8, "within the sizes of its 3 dimensions"),
    "truncated": (idx(SMALL)[:-1], 17, r"ends here, its header claims uint8 of shape \(2, 3\), 18 bytes"),
    "longer": (idx(SMALL) + b"\0", 18, "more than the array"),
    "huge": (idx(SMALL, (2**32 - 1,) * 2), 18, r"4294967295, 4294967295\), 18446744065119617037 bytes"),
    "huge, many": (idx(SMALL[0], (2**32 - 1,) * 32), 135, "truncated"),
    "huge beside 0": (idx(SMALL[:0], (0, *(2**32 - 1,) * 3)), 4, "too big|too large|maximum"),
    "wider type": (idx(SMALL, code=0x0E), 18, "float64 of shape"),
}


@pytest.mark.parametrize("case", IDX)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_idx_that_lies_is_refused(put, case, pack):
    content, offset, text = IDX[case]
    path = put(pack(content))
    with pytest.raises(BadFileError, match=text if pack is bytes else None) as error:
        read_idx(path)
    assert str(error.value).startswith(f"{path}: byte {error.value.offset}: ")
    if pack is bytes or "huge" not in case:
        assert error.value.offset == offset
    assert peak_refused(read_idx, path) < MIB // 2


def test_the_error_can_be_sent_to_another_process(put):
    with pytest.raises(BadFileError) as error:
        read_idx(put(b"\0\0"))
    again = pickle.loads(pickle.dumps(error.value))
    assert (str(again), again.path, again.offset) == (str(error.value), error.value.path, 2)


def test_idx_of_another_kind_than_expected(put):
    path = put(idx(SMALL))
    for how in ({"dtype": "int8"}, {"ndim": 3}):
        with pytest.raises(BadFileError, match=r"byte 2: it holds uint8 of shape \(2, 3\); expected"):
            read_idx(path, **how)


def test_a_damaged_gzip_stream_is_refused(put, rng):
    content = gzip.compress(idx(rng.integers(0, 255, 5000).astype(np.uint8)))
    changed = bytearray(content)
    changed[2000] ^= 4
    for wrong in (content[:-1], content[:2000], content[:12], content + b"more", bytes(changed)):
        path = put(wrong)
        with pytest.raises(BadFileError, match=rf"^{path}: byte \d+: the gzip stream is damaged before this byte"):
            read_idx(path)
    double = gzip.compress(idx(SMALL)[:10]) + gzip.compress(idx(SMALL)[10:])  # one after the other is allowed
    assert np.array_equal(read_idx(put(double)), SMALL)


def test_a_bomb_takes_no_memory(put):
    zeros = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = zeros.compress(idx(np.zeros(7, np.uint8))) + zeros.compress(bytes(64 * MIB)) + zeros.flush()
    path = put(bomb)
    assert peak_refused(read_idx, path) < MIB
    with pytest.raises(BadFileError, match="more than the array"):
        read_idx(path)
    honest = zlib.compressobj(9, zlib.DEFLATED, 31)
    honest = honest.compress(idx(np.zeros(8 * MIB, np.uint8))) + honest.flush()
    path = put(honest)
    assert peak_refused(read_idx, path, max_bytes=MIB) < MIB
    with pytest.raises(BadFileError, match=r"claim to become 8388616; if they are wanted, give max_bytes=8388616"):
        read_idx(path, max_bytes=MIB)
    assert read_idx(path, max_bytes=9 * MIB).shape == (8 * MIB,)
    with pytest.raises(BadFileError, match="compressed bytes cannot become"):
        read_idx(put(gzip.compress(idx(SMALL, (2**28,)))))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_whole_plain_file_takes_its_own_size(put, dtype):
    path = put(idx(np.ones(4 * MIB // np.dtype(dtype).itemsize, dtype)))
    assert peak(lambda: read_idx(path)) < 4 * MIB + MIB // 4


# -- npz ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_as_numpy_writes_it(tmp_path, rng, save):
    arrays = {
        "x": rng.standard_normal((4, 3)).astype(np.float32),
        "fortran": np.asfortranarray(rng.standard_normal((3, 5))),
        "big": np.arange(5).astype(">i4"),
        "nothing": np.zeros((0, 3)),
        "number": np.array(3.5),
        "text": np.array(["a", "bcd"]),
        "flags": np.array([True, False]),
        "record": np.zeros(2, [("a", "<i4"), ("b", "<f8", (2,))]),
        "time": np.array(["2020-01-01"], "M8[D]"),
        "a/b": np.complex64([1j]),
    }
    save(tmp_path / "a.npz", **arrays)
    found = read_npz(tmp_path / "a.npz")
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert np.array_equal(found[name], array), name
        assert found[name].dtype == array.dtype.newbyteorder("=")
        assert found[name].dtype.isnative
        assert found[name].flags.writeable
    save(tmp_path / "none.npz")
    assert read_npz(tmp_path / "none.npz") == {}


class Unpickled:
    def __reduce__(self):
        return os.abort, ()


def pickled():
    out = io.BytesIO()
    np.savez(out, x=np.array([Unpickled()], object))
    return out.getvalue()


THREE = bytes(12)
NPZ = {
    "empty": (b"", "no whole npz"),
    "no archive": (b"\x93NUMPY" + bytes(200), "no whole npz"),
    "not an array": (archive(("x.txt", b"")), r"member 'x.txt' is no array"),
    "two of a name": (archive(("x.npy", npy(header(), THREE)), ("y.npy", b"")).replace(b"y.npy", b"x.npy"), "one name"),
    "pickle": (pickled(), "holds Python objects, which need pickle: it is not used"),
    "no magic": (archive(("x.npy", b"\x93NUMPX\1\0")), "begins with 93 4e 55 4d 50 58 01 00"),
    "nothing in it": (archive(("x.npy", b"")), "begins with , not as an .npy"),
    "version": (archive(("x.npy", npy(header(), THREE, version=9))), "begins with .* 09 00"),
    "long header": (archive(("x.npy", b"\x93NUMPY\2\0" + b"\xff" * 4)), "claims a header of 4294967295 bytes"),
    "short header": (archive(("x.npy", b"\x93NUMPY\1\0\x80\0abc")), "header is wrong"),
    "no header": (archive(("x.npy", npy(b"{"))), "header is wrong"),
    "deep header": (archive(("x.npy", npy(b"(" * 9000))), "header is wrong"),
    "other keys": (archive(("x.npy", npy({"shape": (3,)}, THREE))), "header is wrong"),
    "code": (archive(("x.npy", npy(b"__import__('os').abort()"))), "header is wrong"),
    "shape, list": (archive(("x.npy", npy(header([3]), THREE))), "header is wrong"),
    "shape, float": (archive(("x.npy", npy(header((3.0,)), THREE))), "header is wrong"),
    "order": (archive(("x.npy", npy(header(fortran_order=1), THREE))), "header is wrong"),
    "long type": (archive(("x.npy", npy({**header(), "descr": [("f" * 9000, 5)]}, THREE))), "header is wrong"),
    "negative": (archive(("x.npy", npy(header((-3,)), THREE))), r"shape \(-3,\)"),
    "no size": (archive(("x.npy", npy(header((3,), "|S0")))), "claims .*S0"),
    "strange type": (archive(("x.npy", npy(header((3,), "<q9"), THREE))), "header is wrong"),
    "huge": (archive(("x.npy", npy(header((2**40,)), THREE))), r"shape \(1099511627776,\), 43980465111\d\d bytes"),
    "huge, many": (archive(("x.npy", npy(header((2**62,) * 70), THREE))), "the archive"),
    "huge beside 0": (archive(("x.npy", npy(header((0, 2**62, 2**62))))), "too big|too large|maximum"),
    "many beside 0": (archive(("x.npy", npy(header((0,) * 70)))), "ndim|dimension"),
    "huge elements": (archive(("x.npy", npy(header((1,), "|V2000000000"), THREE))), "2000000"),
    "shorter": (archive(("x.npy", npy(header((4,)), THREE))), r"shape \(4,\)"),
    "longer": (archive(("x.npy", npy(header((2,)), THREE))), r"shape \(2,\)"),
}


@pytest.mark.parametrize("case", NPZ)
def test_npz_that_lies_is_refused(put, case):
    content, text = NPZ[case]
    path = put(content)
    with pytest.raises(BadFileError, match=text) as error:
        read_npz(path)
    assert str(error.value).startswith(f"{path}: ")
    assert peak_refused(read_npz, path) < MIB // 2


DIRECTORY = {  # bytes of the central directory's entry -> what is put there
    "compressed size": (20, 4, 2**31, "claim more than"),
    "size": (24, 4, 2**31, "claims 2147483648 bytes"),
    "method": (10, 2, 12, "another method"),
    "encrypted": (8, 2, 1, "is encrypted"),
    "offset": (42, 4, 2**30, "bytes from here, the file has"),
    "checksum": (16, 4, 77, "CRC"),
    "version": (6, 2, 200, "no whole npz"),
    "comment": (
        32,
        2,
        51,
        "its directory claims 2 arrays and has 1",
    ),  # so long that it covers the next entry
}


@pytest.mark.parametrize("field", DIRECTORY)
def test_a_directory_that_lies_is_refused(put, field):
    at, width, value, text = DIRECTORY[field]
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        content = bytearray(archive(("x.npy", npy(header(), THREE)), ("y.npy", npy(header(), THREE)), method=method))
        entry = content.index(b"PK\1\2")
        content[entry + at : entry + at + width] = value.to_bytes(width, "little")
        path = put(bytes(content))
        with pytest.raises(BadFileError, match=text if method == zipfile.ZIP_STORED else None):
            read_npz(path)
        assert peak_refused(read_npz, path) < MIB // 2


def test_a_packed_archive_takes_no_more_than_was_allowed(put):
    bomb = archive(("x.npy", npy(header((16 * MIB,), "|u1"), bytes(16 * MIB))), method=zipfile.ZIP_DEFLATED)
    path = put(bomb, "bomb")
    with pytest.raises(BadFileError, match=r"claim to become .* give max_bytes"):
        read_npz(path, max_bytes=MIB)
    assert peak_refused(read_npz, path, max_bytes=MIB) < MIB
    two = [(f"{name}.npy", npy(header((MIB,), "|u1"), bytes(MIB))) for name in "xy"]
    with pytest.raises(BadFileError, match="its arrays claim to become more than"):
        read_npz(put(archive(*two, method=zipfile.ZIP_DEFLATED)), max_bytes=MIB + MIB // 2)
    lie = archive(("x.npy", npy(header((3,), "|u1"), bytes(16 * MIB))), method=zipfile.ZIP_DEFLATED)
    assert read_npz(path)["x"].shape == (16 * MIB,)
    assert peak_refused(read_npz, put(lie)) < MIB


def test_a_whole_archive_takes_its_own_size(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.ones(MIB), t=np.ones(MIB // 8))
    size = (tmp_path / "a.npz").stat().st_size
    assert peak(lambda: read_npz(tmp_path / "a.npz")) < 2 * size


# -- CSV ---------------------------------------------------------------------------------------------------------------
PLANTS = 'length,"width, in cm",kind\n5.1,3.5,rose\n\n4.9,3e0,"iris ""blue"""\n -4.7 ,+3.1,rose\n'


def test_a_table(put):
    table = read_csv(put("\ufeff" + PLANTS), label="kind")
    assert table.data.dtype == np.float32
    assert np.array_equal(table.data, np.float32([[5.1, 3.5], [4.9, 3], [-4.7, 3.1]]))
    assert table.feature_names == ("length", "width, in cm")
    assert table.target.tolist() == [1, 0, 1]
    assert table.target.dtype == np.int64
    assert table.target_names == ('iris "blue"', "rose")
    assert table.data.flags.writeable
    same = read_csv(put(PLANTS.replace("\n", "\r\n").encode()), label=-1, columns=[1, "length"], dtype="float64")
    assert same.data[:, ::-1].tolist() == [[5.1, 3.5], [4.9, 3], [-4.7, 3.1]]
    assert same.target.tolist() == [1, 0, 1]


def test_iris_is_read_as_it_is_packaged():
    from fastgrad.data import bundled, load_iris

    table, iris = read_csv(bundled.FOLDER / "iris.csv", label=-1), load_iris()
    assert np.array_equal(table.data, iris.data)
    assert np.array_equal(table.target, iris.target)
    assert table.target_names == iris.target_names


def test_without_a_header_and_with_other_signs(put):
    table = read_csv(put("1;'2'\n3;4"), header=False, delimiter=";", quotechar="'", label=0)
    assert table.data.tolist() == [[2], [4]]
    assert table.target.tolist() == [1, 3]
    assert table.feature_names == ("column 1",)
    assert read_csv(put("1,2\n"), header=False).target is None


@pytest.mark.parametrize(
    ("column", "how", "target", "names"),
    [
        (["3", "-1", "12"], {}, np.int64([3, -1, 12]), None),
        (["3", "1.5", "2"], {}, np.float32([3, 1.5, 2]), None),
        (["3.0", "1.0", "2.0"], {}, np.float32([3, 1, 2]), None),
        (["10", "9", "10"], {"labels": "class"}, np.int64([1, 0, 1]), ("9", "10")),
        (["b", "a", "3"], {"labels": "class"}, np.int64([2, 1, 0]), ("3", "a", "b")),
        (["b", "a", "b"], {"labels": "class", "classes": ("b", "c", "a")}, np.int64([0, 2, 0]), ("b", "c", "a")),
        (["NA", "a", "b"], {"labels": "class", "classes": ("a", "b", "NA")}, np.int64([2, 0, 1]), ("a", "b", "NA")),
    ],
)
def test_labels(put, column, how, target, names):
    table = read_csv(put("x,t\n" + "".join(f"1,{text}\n" for text in column)), label="t", **how)
    assert table.target.dtype == target.dtype
    assert np.array_equal(table.target, target)
    assert table.target_names == names


def test_missing_numbers(put):
    path = put("a,b,t\n1,10,0\n,20,1\n3,NA,0\n5, ? ,1\n1,60,\n")
    with pytest.raises(BadFileError, match=r"line 3, column 'a': '': the number is missing"):
        read_csv(path, columns=["a", "b"])
    nan = np.nan
    expected = {
        "nan": [[1, 10], [nan, 20], [3, nan], [5, nan], [1, 60]],
        "mean": [[1, 10], [2.5, 20], [3, 30], [5, 30], [1, 60]],
        "median": [[1, 10], [2, 20], [3, 20], [5, 20], [1, 60]],
        "drop": [[1, 10], [1, 60]],
    }
    for how, rows in expected.items():
        assert np.array_equal(read_csv(path, columns=["a", "b"], missing=how).data, np.float32(rows), equal_nan=True), (
            how
        )
    assert read_csv(path, label="t", missing="drop").target.tolist() == [0]
    with pytest.raises(BadFileError, match=r"line 6, column 't': the label is missing \(''\)"):
        read_csv(path, label="t", missing="mean")
    other = put("a\n-999\n1\n")
    assert read_csv(other, missing="drop", missing_values=["-999"]).data.tolist() == [[1]]


def line(text, **how):
    return pytest.param(*how.pop("case"), how, text, id=text[:40])


@pytest.mark.parametrize(
    ("content", "error", "how", "text"),
    [
        line("the file is empty", case=("\n\n", BadFileError)),
        line("line 1: there are no rows", case=("a,b\n", BadFileError)),
        line("line 3: it has 1 columns, the first line 2", case=("a,b\n1,2\n3\n", BadFileError)),
        line("line 2, column 'b': 'x' is no finite number", case=("a,b\n1,x\n", BadFileError)),
        line("line 2, column 'b': '1_0' is no finite", case=("a,b\n1,1_0\n", BadFileError)),
        line("line 2, column 'a': 'inf' is no finite", case=("a\ninf\n", BadFileError)),
        line("line 2, column 'a': '1e999' is no finite", case=("a\n1e999\n", BadFileError)),
        line("line 2, column 'a': '1e39' is too large for float32", case=("a\n1e39\n", BadFileError)),
        line("line 2, column 'a': 'nan' is no finite number", case=("a\nnan\n", BadFileError), missing_values=[]),
        line("line 1: the header has ['a'] twice", case=("a,a\n1,2\n", BadFileError)),
        line("line 1: the first line is no header", case=("1,2\n3,4\n", BadFileError)),
        line("no column 'c'; the columns are ['a', 'b']", case=("a,b\n1,2\n", ValueError), label="c"),
        line("no column 2; the columns are ['a', 'b']", case=("a,b\n1,2\n", ValueError), columns=[2]),
        line("no column 'a'; the columns are 0 to 1", case=("1,2\n", ValueError), label="a", header=False),
        line("there is no column of numbers", case=("a\n1\n", BadFileError), label=0),
        line("'x' is no number; if the labels are classes", case=("a,t\n1,2\n1,x\n", BadFileError), label="t"),
        line("'2' is a number and the labels before", case=("a,t\n1,x\n1,2\n", BadFileError), label="t"),
        line("'99999999999999999' is too large", case=("a,t\n1,99999999999999999\n", BadFileError), label="t"),
        line(
            "'z' is none of the classes ('x',)",
            case=("a,t\n1,z\n", BadFileError),
            label="t",
            labels="class",
            classes="x",
        ),
        line("line 2: unexpected end of data", case=('a,b\n1,"2\n', BadFileError)),
        line("line 2: new-line character seen", case=("a,b\n1\r2,3\n", BadFileError)),
        line("byte 6: line 2 has a NUL byte", case=("a,b\n1,\0\n", BadFileError)),
        line("byte 6: line 2 is not UTF-8", case=(b"a,b\n1,\xff\n", BadFileError)),
        line("field larger than field limit", case=("a\n" + "1" * 200_000, BadFileError)),
        line("column 'b' has no number, and so no mean", case=("a,b\n1,\n2,\n", BadFileError), missing="mean"),
        line("missing must be one of error, nan", case=("a\n1\n", ValueError), missing="zero"),
        line("labels must be auto, number or class", case=("a\n1\n", ValueError), labels="int"),
        line('classes are given with labels="class"', case=("a\n1\n", ValueError), classes=["a"]),
        line("dtype must be float32 or float64, not int64", case=("a\n1\n", ValueError), dtype="int64"),
    ],
)
def test_a_table_that_is_wrong_is_refused_with_its_line_and_column(put, content, error, how, text):
    path = put(content)
    with pytest.raises(error) as raised:
        read_csv(path, **how)
    assert text in str(raised.value)
    if error is BadFileError:
        assert str(raised.value).startswith(f"{path}: ")


def test_too_many_classes(put):
    with pytest.raises(BadFileError, match="line 10002, column 't': more than 10000 different texts are no classes"):
        read_csv(put("a,t\n" + "".join(f"1,n{i}\n" for i in range(10_001))), label="t")


@pytest.mark.parametrize(
    "content", [b"," * (MIB + 1), b'"\n",' * (MIB // 2), b'"' + b"\n" * MIB], ids=["line", "row", "field"]
)
def test_a_row_without_end(put, content):
    path = put(b"a,b\n" + content)
    with pytest.raises(BadFileError, match=r"a row of more than 1048576 bytes|field larger than field limit"):
        read_csv(path)
    assert peak_refused(read_csv, path) < 32 * MIB


def test_many_rows_may_be_longer_together(put):
    cells = ",".join(["1.25"] * 1000)
    assert read_csv(put(f"{cells}\n" * 250), header=False).data.shape == (250, 1000)


def test_a_table_takes_its_numbers_and_a_line(put):
    text = "a,b,c,d\n" + "0.25,1.5,2,3\n" * 40_000
    assert peak(lambda: read_csv(put(text))) < 2 * len(text)


def test_nothing_is_fetched_or_unpickled():
    from fastgrad.data import readers

    names = {name for name in sys.modules if name.startswith(f"{readers.__name__}.")}
    assert names >= {f"{readers.__name__}.{part}" for part in ("idx", "npz", "table", "mnist")}
    for name in names:
        assert not {"pickle", "urllib", "socket", "requests", "http"} & set(vars(sys.modules[name]))


def test_csv_in_the_encoding_of_a_korean_spreadsheet(tmp_path):
    text = "키,몸무게,학년\r\n170.1,60,일\r\n160,55,이\r\n"
    (tmp_path / "utf8.csv").write_bytes(text.encode("utf-8-sig"))
    (tmp_path / "cp949.csv").write_bytes(text.encode("cp949"))
    expected = read_csv(tmp_path / "utf8.csv", label="학년")
    found = read_csv(tmp_path / "cp949.csv", label="학년", encoding="cp949")
    assert found[2:] == expected[2:] == (("키", "몸무게"), ("이", "일"))
    np.testing.assert_array_equal(found.data, expected.data)
    np.testing.assert_array_equal(found.target, expected.target)
    (tmp_path / "utf16.csv").write_bytes(text.encode("utf-16"))
    with pytest.raises(BadFileError, match=r'line 1 is not UTF-8.*encoding="cp949"'):
        read_csv(tmp_path / "cp949.csv")
    with pytest.raises(BadFileError, match="it is UTF-16; save the file as UTF-8"):
        read_csv(tmp_path / "utf16.csv")
    with pytest.raises(ValueError, match="utf-16 is not read by lines"):
        read_csv(tmp_path / "utf16.csv", encoding="utf-16")
    with pytest.raises(ValueError, match="there is no encoding 'klingon'"):
        read_csv(tmp_path / "utf8.csv", encoding="klingon")
    with pytest.raises(BadFileError, match="line 1 is not ascii"):
        read_csv(tmp_path / "utf8.csv", encoding="ascii")
