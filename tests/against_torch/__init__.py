"""The rows of test_against_torch.py: for every public operation some uses, in PyTorch's words; a file a family."""

from . import activation, elementwise, loss, reduce, shape

FAMILIES: list = [activation, elementwise, reduce, shape, loss]
TABLE: dict = {name: rows for family in FAMILIES for name, rows in family.TABLE.items()}
assert len(TABLE) == sum(len(family.TABLE) for family in FAMILIES), "a name stands in two families"
ELSEWHERE: dict = {name: why for family in FAMILIES for name, why in family.ELSEWHERE.items()}
