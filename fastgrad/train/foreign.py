"""What a file is that is not fastgrad's, told by how it begins."""

import struct

__all__ = ["kind_of_file"]

PICKLE = "which is never opened here, because opening one may run any program"
NPZ = "fastgrad.train.load_weights reads weights"
TORCH = "in PyTorch write numpy.savez('weights.npz', **{k: v.numpy() for k, v in state.items()})"


def kind_of_file(head, size):
    """What the first bytes (some 100) of a file of `size` bytes say, and what to do: a sentence."""
    if not size:
        return "it is empty, 0 bytes"
    if head.startswith(b"PK\x03\x04"):
        return archive(head)
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05" and len(head) > 1:
        return f"it is a pickle (of Python, or of an old PyTorch), {PICKLE}; load it with what has written it"
    if head.startswith(b"\x93NUMPY"):
        return "it is an .npy file, one array; use numpy.load(path)"
    if is_safetensors(head, size):
        return "it is a safetensors file; use fastgrad.train.load_weights(path), with a name that ends in .safetensors"
    if head.startswith(b"\x89HDF"):
        return "it is an HDF5 file (of Keras, perhaps); read it with h5py"
    if head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")):
        return "it is compressed; unpack it first"
    if not head.strip(b"\0"):
        return "it begins with zeros, as a file does whose contents never reached the disk"
    return f"it begins with {head[:8]!r}, no file of fastgrad.save does; it is of another kind, or damaged at offset 0"


def archive(head):
    """A zip file by the name of its first part."""
    length = struct.unpack_from("<H", head, 26)[0] if len(head) >= 30 else 0
    name = head[30 : 30 + length]
    if name.endswith(b".npy"):
        return f"it is an .npz file of NumPy; {NPZ}, numpy.load(path) anything"
    if b"/" in name and name.rpartition(b"/")[2] in (b"data.pkl", b"version", b"byteorder", b".format_version"):
        return f"it is a file of torch.save, with a pickle inside, {PICKLE}; {TORCH}, and load_weights reads it"
    return f"it is a zip file; if it is an .npz, {NPZ}"


def is_safetensors(head, size):
    """Eight bytes of length, then that many of JSON."""
    return len(head) >= 10 and struct.unpack_from("<Q", head)[0] <= size - 8 and head[8:10] in (b'{"', b"{}")
