"""Tables as text: CSV with columns of numbers, and one of labels."""

import codecs
import csv
import math
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from .files import BadFileError

MISSING = ("", "?", "NA", "N/A", "NaN", "nan", "null")
POLICIES = ("error", "nan", "drop", "mean", "median")
LONGEST_ROW = 1 << 20  # bytes
MOST_CLASSES = 10_000
EXACT = 2.0**53  # whole numbers up to here are floats


class Table(NamedTuple):
    """What `read_csv` returns: N samples of D columns, and their labels."""

    data: np.ndarray  # [N,D]
    target: np.ndarray | None  # [N] int64 or float; None without a label column
    feature_names: tuple[str, ...]  # D names
    target_names: tuple[str, ...] | None  # C names of the classes 0..C-1; None where the labels are numbers


def read_csv(
    path: Any,
    *,
    label: str | int | None = None,
    columns: Sequence[str | int] | None = None,
    header: bool = True,
    delimiter: str = ",",
    quotechar: str = '"',
    missing: str = "error",
    missing_values: Sequence[str] = MISSING,
    labels: str = "auto",
    classes: Sequence[str] | None = None,
    dtype: Any = np.float32,
    encoding: str = "utf-8",
) -> Table:
    """A table of numbers from a CSV file, with or without a header line.

    label           the column of the labels, by name or position (-1 is the last); None: there is none
    columns         the columns of numbers, likewise; None: all but the label's
    missing         what to do about a missing number: "error"; "nan", it becomes NaN; "drop", its row is left out;
                    "mean", "median" of its column. A missing label is an error, or drops its row
    missing_values  the texts that mean: missing
    labels          "number": int64 where all are whole, of dtype otherwise; "class": 0..C-1, the classes sorted, by
                    number if they are numbers; "auto": as the first label is, and the others have to be like it
    classes         the classes in their order, for labels="class": those of the training file for a test file
    dtype           float32 or float64
    encoding        of the text, by Python's name: "cp949" is what Excel writes in Korea if not told to write UTF-8

    Fields may be quoted, blank lines are passed over, numbers are Python's without underscores, and finite.

    Errors: `BadFileError`, a ValueError, with the file, line and column, for a row of another length, a text that is no
    number, a class that is not in `classes`, a quote without end, bytes that are not text; ValueError for arguments.
    Besides the result, a row at a time is in memory; a row has up to 1 MiB.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "plants.csv")
    >>> _ = path.write_text("length,width,kind\\n5.1,3.5,rose\\n4.9,NA,iris\\n4.7,3.1,rose\\n")
    >>> table = read_csv(path, label="kind", missing="mean")
    >>> table.data
    array([[5.1, 3.5],
           [4.9, 3.3],
           [4.7, 3.1]], dtype=float32)
    >>> table.target, table.target_names, table.feature_names
    (array([1, 0, 1]), ('iris', 'rose'), ('length', 'width'))
    """
    _check_options(missing, labels, classes, dtype)
    _check_encoding(encoding)
    with open(path, "rb") as file:
        source = Lines(path, file, encoding)
        lines = csv.reader(source, delimiter=delimiter, quotechar=quotechar, strict=True)
        reading = Reading(path, lines, missing, frozenset(missing_values), np.dtype(dtype))
        reading.begin(header, label, columns, Labels(labels, classes))
        source.pending = 0
        try:
            for row in lines:
                source.pending = 0
                if row:
                    reading.row(row)
        except csv.Error as error:
            raise BadFileError(path, None, f"line {lines.line_num}: {error}") from None
    return reading.table()


def _check_options(missing: str, labels: str, classes: Any, dtype: Any) -> None:
    if missing not in POLICIES:
        raise ValueError(f"read_csv: missing must be one of {', '.join(POLICIES)}, not {missing!r}")
    if labels not in ("auto", "number", "class"):
        raise ValueError(f"read_csv: labels must be auto, number or class, not {labels!r}")
    if classes is not None and labels != "class":
        raise ValueError('read_csv: classes are given with labels="class"')
    if np.dtype(dtype) not in (np.dtype("f4"), np.dtype("f8")):
        raise ValueError(f"read_csv: dtype must be float32 or float64, not {np.dtype(dtype)}")


def _check_encoding(encoding: str) -> None:
    """Lines and commas must be those of ASCII, whatever else is."""
    try:
        plain = '0\n\r,;"'.encode(encoding) == b'0\n\r,;"'
    except LookupError:
        raise ValueError(f"read_csv: there is no encoding {encoding!r}; utf-8, cp949 and latin-1 are some") from None
    if not plain:
        raise ValueError(f"read_csv: text in {encoding} is not read by lines; save the file as UTF-8")


class Lines:
    """The lines of the file as text; a mark of UTF-8 at its beginning is passed over. `pending`: the bytes of the row
    that is being read, which the reader of rows sets to 0; a quoted field may go on over many lines."""

    def __init__(self, path: Any, file: BinaryIO, encoding: str):
        self.path, self.file, self.pending = path, file, 0
        self.is_utf8 = codecs.lookup(encoding).name == "utf-8"
        self.encoding = encoding

    def __iter__(self) -> Iterator[str]:
        number, offset = 0, 0
        while raw := self.file.readline(LONGEST_ROW + 1):
            number += 1
            self.pending += len(raw)
            if self.pending > LONGEST_ROW:
                raise self.wrong(offset, f"line {number}: a row of more than {LONGEST_ROW} bytes; this is no CSV file")
            if b"\0" in raw:
                utf16 = number == 1 and raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
                what = "it is UTF-16; save the file as UTF-8" if utf16 else "this is no CSV file"
                raise self.wrong(offset + raw.index(0), f"line {number} has a NUL byte; {what}")
            try:
                yield raw.decode("utf-8-sig" if number == 1 and self.is_utf8 else self.encoding)
            except UnicodeDecodeError as error:
                at, name = offset + error.start, "UTF-8" if self.is_utf8 else self.encoding
                cure = 'save the file as UTF-8, or name its own: encoding="cp949" is that of Excel in Korea'
                raise self.wrong(at, f"line {number} is not {name}: {error.reason}; {cure}") from None
            offset += len(raw)

    def wrong(self, offset: int, text: str) -> BadFileError:
        return BadFileError(self.path, offset, text)


class Labels:
    """The column of labels: numbers, or classes by the order in which they came."""

    def __init__(self, kind: str, classes: Sequence[str] | None):
        self.kind, self.chosen, self.fixed = kind, kind != "auto", classes is not None
        self.codes = {str(name): i for i, name in enumerate(classes or ())}
        self.values, self.whole = array("d"), True

    def add(self, text: str) -> str | None:
        """Takes a label; returns what is wrong with it."""
        number = as_number(text)
        if self.kind == "auto":
            self.kind = "class" if number is None else "number"
        if self.kind == "number":
            return self._add_number(text, number)
        if not self.chosen and number is not None:
            return f'{text!r} is a number and the labels before are texts; give labels="class" if it is a class'
        if text not in self.codes:
            if self.fixed:
                return f"{text!r} is none of the classes {tuple(self.codes)}"
            if len(self.codes) == MOST_CLASSES:
                return f"more than {MOST_CLASSES} different texts are no classes; is it another column?"
            self.codes[text] = len(self.codes)
        self.values.append(self.codes[text])
        return None

    def _add_number(self, text: str, number: float | None) -> str | None:
        if number is None:
            return f'{text!r} is no number; if the labels are classes, give labels="class"'
        self.whole = self.whole and text.strip().lstrip("+-").isdecimal()
        if self.whole and abs(number) > EXACT:
            return f"{text!r} is too large for a label"
        self.values.append(number)
        return None

    def result(self, dtype: np.dtype) -> tuple[np.ndarray, tuple[str, ...] | None]:
        values = np.frombuffer(self.values, np.float64)
        if self.kind == "number":
            return values.astype(np.int64 if self.whole else dtype), None
        names = list(self.codes)
        if not self.fixed:
            numbers = [as_number(name) for name in names]
            keys = names if None in numbers else numbers
            names = [name for _, name in sorted(zip(keys, names, strict=True))]
        place = np.empty(len(names), np.int64)
        place[[self.codes[name] for name in names]] = np.arange(len(names))
        return place[values.astype(np.int64)], tuple(names)


class Reading:
    """A file while it is read: the numbers row by row in one array."""

    def __init__(self, path: Any, lines: Any, missing: str, marks: frozenset[str], dtype: np.dtype):
        self.path, self.lines, self.policy, self.marks, self.dtype = path, lines, missing, marks, dtype
        self.values = array("f" if dtype.itemsize == 4 else "d")
        self.quick = all(as_number(mark) is None for mark in marks)  # no number means: missing
        self.largest = float(np.finfo(dtype).max)
        self.label: int | None = None
        self.labels: Any = None

    def begin(self, header: bool, label: Any, columns: Any, labels: Labels) -> None:
        """Names and places of the columns, from the first line."""
        try:
            first = next((row for row in self.lines if row), None)
        except csv.Error as error:
            raise self.wrong(str(error)) from None
        if first is None:
            raise BadFileError(self.path, 0, "the file is empty")
        self.names = [name.strip() for name in first] if header else [f"column {i}" for i in range(len(first))]
        if header:
            self._check_header()
        self.label = None if label is None else self.place(label, header)
        self.labels = labels if self.label is not None else None
        chosen = [i for i in range(len(first)) if i != self.label]
        self.use = chosen if columns is None else [self.place(column, header) for column in columns]
        self.whole = self.use == list(range(len(first)))
        if not self.use:
            raise self.wrong("there is no column of numbers")
        if not header:
            self.row(first)

    def _check_header(self) -> None:
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise self.wrong(f"the header has {twice} twice; if there is no header, give header=False")
        if all(as_number(name) is not None for name in self.names):
            raise self.wrong(
                f"the first line is no header, it has numbers alone: {self.names[:5]}; give header=False "
                "(if these are names, change one)"
            )

    def place(self, column: Any, header: bool) -> int:
        """The position of a column. Errors: ValueError for one that is not there."""
        n = len(self.names)
        if isinstance(column, str) and header and column in self.names:
            return self.names.index(column)
        if isinstance(column, (int, np.integer)) and not isinstance(column, bool) and -n <= column < n:
            return int(column) % n
        known = f"{self.names}" if header else f"0 to {n - 1}, by position: there is no header"
        raise ValueError(f"{self.path}: no column {column!r}; the columns are {known}")

    def wrong(self, text: str, column: int | None = None) -> BadFileError:
        where = f", column {self.names[column]!r}" if column is not None else ""
        return BadFileError(self.path, None, f"line {self.lines.line_num}{where}: {text}")

    def row(self, row: list[str]) -> None:
        if len(row) != len(self.names):
            raise self.wrong(f"it has {len(row)} columns, the first line {len(self.names)}")
        cells = row if self.whole else [row[i] for i in self.use]
        try:
            numbers = list(map(float, cells))
            plain = -self.largest <= min(numbers) and max(numbers) <= self.largest and "_" not in "".join(cells)
        except ValueError:
            plain = False
        if not plain or not self.quick or math.isnan(sum(numbers)):  # no comparison finds a NaN
            numbers = [self.number(cell, i) for cell, i in zip(cells, self.use, strict=True)]
            if self.policy == "drop" and any(map(math.isnan, numbers)):
                return
        if self.label is not None:
            text = row[self.label].strip()
            if text in self.marks and text not in self.labels.codes:
                if self.policy == "drop":
                    return
                raise self.wrong(
                    f'the label is missing ({text!r}); give missing="drop" to leave such rows out', self.label
                )
            reason = self.labels.add(text)
            if reason:
                raise self.wrong(reason, self.label)
        self.values.extend(numbers)

    def number(self, cell: str, column: int) -> float:
        """One cell, or NaN where it is missing."""
        text = cell.strip()
        if text in self.marks:
            if self.policy == "error":
                raise self.wrong(f"{text!r}: the number is missing; missing= says what to do then", column)
            return math.nan
        value = as_number(text)
        if value is None:
            raise self.wrong(f"{text[:50]!r} is no finite number", column)
        if abs(value) > self.largest:
            raise self.wrong(f"{text[:50]!r} is too large for {self.dtype}", column)
        return value

    def table(self) -> Table:
        if not self.values:
            raise self.wrong("there are no rows")
        data = np.frombuffer(self.values, self.dtype).reshape(-1, len(self.use))
        names = tuple(self.names[i] for i in self.use)
        if self.policy in ("mean", "median"):
            self.fill(data, names)
        target, classes = self.labels.result(self.dtype) if self.labels is not None else (None, None)
        return Table(data, target, names, classes)

    def fill(self, data: np.ndarray, names: tuple[str, ...]) -> None:
        """Missing numbers of each column become its mean or median."""
        middle = np.mean if self.policy == "mean" else np.median
        for j, name in enumerate(names):
            lost = np.isnan(data[:, j])
            if lost.all():
                raise BadFileError(self.path, None, f"column {name!r} has no number, and so no {self.policy}")
            if lost.any():
                data[lost, j] = middle(data[~lost, j].astype(np.float64))


def as_number(text: str) -> float | None:
    """The finite number that a text is, if it is one."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None
