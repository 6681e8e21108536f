"""The rows of test_against_torch.py: for every public operation some uses, in PyTorch's words; a file a family."""

from . import activation, elementwise, reduce, shape

FAMILIES = (activation, elementwise, reduce, shape)
TABLE: dict = {name: rows for family in FAMILIES for name, rows in family.TABLE.items()}
assert len(TABLE) == sum(len(family.TABLE) for family in FAMILIES), "a name stands in two families"
ELSEWHERE: dict = {name: reason for family in FAMILIES for name, reason in family.ELSEWHERE.items()}
