"""Cases of ops/dropout.py."""

import numpy as np

from fastgrad import ops
from fastgrad.kernels.reference.dropout import keeps

from .common import ONE, Case, fused

DRAW = (3, 4, 5)


def mask(shape, p, scale):
    kept = keeps(int(np.prod(shape)), *DRAW, round(p * 2**32)).reshape(shape)
    return np.where(kept, scale, 0.0)


CASES = {
    "Dropout": [
        Case(
            fused("Dropout", 0.25, 2.0, DRAW), lambda x: x * mask(x.shape, 0.25, 2.0), [*ONE, ((257, 33),)], kind="bits"
        ),
        Case(
            fused("Dropout", 0.5, 2.0, DRAW, (2, 3, 1)),
            lambda x: x * mask((2, 3, 1), 0.5, 2.0),
            [((2, 3, 4),)],
            kind="bits",
        ),
    ],
    "dropout": [
        Case(lambda x: ops.dropout(x, 0.25, False, form="textbook"), lambda x: x * 0.75, [((3, 5),)]),
        Case(lambda x: ops.dropout(x, 1.0), lambda x: x * 0.0, [((3, 5),)], kind="bits"),
    ],
}
