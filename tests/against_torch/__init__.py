"""The rows of test_against_torch.py: for every public operation some uses, in PyTorch's words; a file a family."""

from . import elementwise, reduce, shape

TABLE: dict = {**elementwise.TABLE, **reduce.TABLE, **shape.TABLE}
assert len(TABLE) == len(elementwise.TABLE) + len(reduce.TABLE) + len(shape.TABLE), "a name stands in two families"
ELSEWHERE: dict = {**elementwise.ELSEWHERE, **reduce.ELSEWHERE, **shape.ELSEWHERE}
