"""Nested values as JSON: what each is called there, and what it becomes again.

    tag                       value
    {"int": "0x..."}          an integer beyond 2^53
    {"float": "7ff8..."}      a float that is no number of JSON's, by its bits: NaN and the infinities
    {"complex": [re, im]}     a complex number
    {"str": "ed a0 80"}       a string that is no Unicode (as names of files may be), by its bytes
    {"bytes": i}              array i, of bytes
    {"tuple": [...]}          a tuple
    {"dict": [[key, value]]}  a dict, in its order; "ordered" an OrderedDict, "counter" a Counter
    {"array": i}              array i of NumPy; "scalar" a scalar of NumPy's
    {"tensor": i, "grad": b}  a tensor, and whether it requires a gradient; "parameter" an nn.Parameter

Arrays are numbered in the order in which they stand in the value.
"""

import struct
from collections import Counter, OrderedDict

import numpy as np

from ..interop import revived
from ..nn import Parameter
from ..tensor import Tensor

__all__ = ["Decoder", "Encoder", "is_plain"]

DEEPEST = 200  # so many values inside one another
EXACT = 1 << 53  # JSON's numbers are exact up to here in every language
KEYS = (str, int, float, bool, type(None))
DICTS: dict = {dict: "dict", OrderedDict: "ordered", Counter: "counter"}
TENSORS: dict = {Tensor: "tensor", Parameter: "parameter"}
ARRAYS = (np.ndarray, np.memmap)
CURES = {
    "set": "sort it into a list",
    "frozenset": "sort it into a list",
    "bytearray": "make it bytes(...)",
    "range": "make it list(...)",
    "defaultdict": "make it dict(...)",
    "MaskedArray": "save its data and its mask",
    "str_": "make it str(...)",
    "bytes_": "make it bytes(...)",
    "longdouble": "make it float(...)",
    "matrix": "make it numpy.asarray(...)",
    "PosixPath": "make it str(...)",
    "function": "a function cannot be saved; save its numbers",
    "Generator": "save its bit_generator.state",
}


def is_plain(dtype):
    """Whether arrays of a dtype are nothing but their bytes, the same on every machine."""
    kind, size = dtype.kind, dtype.itemsize
    if kind in "fc":
        return size <= (8 if kind == "f" else 16)
    return kind in "biuMm" or (kind in "SU" and size > 0)


class Encoder:
    """``encode(value)`` gives what JSON can hold; the arrays in it are gathered in `arrays`."""

    def __init__(self):
        self.arrays = []

    def encode(self, value, place="", depth=0):
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is int:
            return value if -EXACT <= value <= EXACT else {"int": hex(value)}
        if kind is float:
            return value if abs(value) < float("inf") else {"float": struct.pack(">d", value).hex()}
        if kind is complex:
            return {"complex": [self.encode(value.real), self.encode(value.imag)]}
        if kind is str:
            return encoded_text(value)
        if depth > DEEPEST:
            raise TypeError(
                f"save: more than {DEEPEST} values inside one another at {short(place)}; does one hold itself?"
            )
        if kind is list:
            return self.parts(value, place, depth)
        if kind is tuple:
            return {"tuple": self.parts(value, place, depth)}
        if kind in DICTS:
            pairs = [[self.key(k, place), self.encode(v, f"{place}[{k!r}]", depth + 1)] for k, v in value.items()]
            return {DICTS[kind]: pairs}
        return self.bulk(value, kind, place)

    def parts(self, values, place, depth):
        return [self.encode(x, f"{place}[{i}]", depth + 1) for i, x in enumerate(values)]

    def key(self, key, place):
        if type(key) not in KEYS and not isinstance(key, np.number):
            raise TypeError(
                f"save: the key {key!r} at {short(place)} is a {type(key).__name__}; keys are strings and numbers"
            )
        return self.encode(key, f"{place}, a key")

    def bulk(self, value, kind, place):
        """What has bytes of its own."""
        if kind is bytes:
            return {"bytes": self.add(np.frombuffer(value, np.uint8), place)}
        if kind in ARRAYS:
            return {"array": self.add(value, place)}
        if kind in TENSORS:
            if value.node is not None:
                raise RuntimeError(
                    f"save: {short(place)} is a result of {value.node.op.__name__}, {value.shape}, whose history "
                    f"cannot be saved; save its detach()"
                )
            return {TENSORS[kind]: self.add(value.data, place), "grad": value.requires_grad}
        if isinstance(value, np.generic) and is_plain(np.asarray(value).dtype) and exact(value):
            return {"scalar": self.add(np.asarray(value), place)}
        cure = CURES.get(kind.__name__, "save its state_dict()" if hasattr(value, "state_dict") else "save its parts")
        raise TypeError(
            f"save: {short(place)} is a {kind.__name__}; dicts, lists, tuples, arrays, tensors, numbers and strings "
            f"can be saved: {cure}"
        )

    def add(self, array, place):
        if not is_plain(array.dtype):
            why = {
                "O": "objects of Python; save numbers or strings, array.astype(...)",
                "V": "records; save each field, array[name]",
            }.get(array.dtype.kind, "numbers whose bytes differ from machine to machine; use float64")
            raise TypeError(f"save: {short(place)}, {array.shape} {array.dtype}, holds {why}")
        self.arrays.append(array)
        return len(self.arrays) - 1


def exact(scalar):
    """Whether a scalar of NumPy's survives an array of it: strings that end in zero bytes do not."""
    return scalar.dtype.kind not in "SU" or scalar == np.asarray(scalar)[()]


def short(place):
    return f"the value{place}" if len(place) < 200 else f"the value{place[:90]} ... {place[-90:]}"


def encoded_text(text):
    try:
        text.encode()
    except UnicodeEncodeError:
        return {"str": text.encode("utf-8", "surrogatepass").hex()}
    return text


class Decoder:
    """``decode(value)`` gives what was encoded. ``arrays(i, place)`` reads array i. Errors: any, for nonsense."""

    def __init__(self, arrays):
        self.arrays, self.next = arrays, 0

    def decode(self, value):
        found = self.value(value, "")
        if self.next != len(self.arrays):
            raise ValueError(f"{len(self.arrays)} arrays, {self.next} in use")
        return found

    def value(self, value, place):
        if type(value) is list:
            return [self.value(x, f"{place}[{i}]") for i, x in enumerate(value)]
        if type(value) is not dict:
            return value
        tag, content = next(iter(value.items()))
        if len(value) != 1 + (tag in TENSORS.values()):
            raise ValueError(f"an object of {list(value)[:4]}")
        return getattr(self, f"as_{tag}")(content, place, value)

    def as_int(self, text, place, _):
        return int(text, 16)

    def as_float(self, bits, place, _):
        return struct.unpack(">d", bytes.fromhex(bits))[0]

    def as_complex(self, parts, place, _):
        real, imaginary = (self.value(x, place) for x in parts)
        return complex(real, imaginary)

    def as_str(self, text, place, _):
        return bytes.fromhex(text).decode("utf-8", "surrogatepass")

    def as_tuple(self, values, place, _):
        return tuple(self.value(values, place))

    def as_dict(self, pairs, place, _):
        found = {}
        for key, value in pairs:
            k = self.value(key, place)
            if (type(k) not in KEYS and not isinstance(k, np.number)) or k in found:
                raise ValueError(f"the key {k!r}")
            found[k] = self.value(value, f"{place}[{k!r}]")
        return found

    def as_ordered(self, pairs, place, _):
        return OrderedDict(self.as_dict(pairs, place, _))

    def as_counter(self, pairs, place, _):
        return Counter(self.as_dict(pairs, place, _))

    def as_bytes(self, i, place, _):
        return self.take(i, place).tobytes()

    def as_array(self, i, place, _):
        return self.take(i, place)

    def as_scalar(self, i, place, _):
        return self.take(i, place)[()]

    def as_tensor(self, i, place, value, cls=Tensor):
        array, grad = self.take(i, place), value["grad"]
        if array.dtype.kind not in "fiub" or type(grad) is not bool or (grad and array.dtype.kind != "f"):
            raise ValueError(f"a tensor of {array.dtype}, grad {grad}")
        return revived(cls, array, grad)

    def as_parameter(self, i, place, value):
        return self.as_tensor(i, place, value, Parameter)

    def take(self, i, place):
        if type(i) is not int or i != self.next:
            raise ValueError(f"array {i} where array {self.next} is due")
        self.next += 1
        return self.arrays(i, short(place))
