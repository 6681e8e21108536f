"""The only device there is: the CPU. Scripts that name it run; those that name another learn what to do."""

__all__ = ["device"]


class device:
    """A place where tensors live, by its name: "cpu". Errors: RuntimeError for any other.

    >>> import fastgrad as fg
    >>> fg.zeros(2).to(fg.device("cpu")).device
    device(type='cpu')
    """

    __slots__ = ("index", "type")
    type: str

    def __init__(self, type="cpu", index=None):
        name = type.type if isinstance(type, device) else type
        if not isinstance(name, str):
            raise TypeError(f'device: a name such as "cpu", not {name!r}')
        if name.partition(":")[0] != "cpu":
            raise RuntimeError(
                f'device {name!r}: fastgrad computes on the CPU; write device("cpu"), or, as in PyTorch, '
                f'"cuda" if fastgrad.cuda.is_available() else "cpu"'
            )
        self.type, self.index = "cpu", index

    def __eq__(self, other):
        return isinstance(other, device) or (isinstance(other, str) and other == "cpu")

    def __hash__(self):
        return hash("cpu")

    def __str__(self):
        return "cpu"

    def __repr__(self):
        return "device(type='cpu')"


CPU = device()
