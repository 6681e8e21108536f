"""Cases of ops/plane.py."""

import numpy as np

from fastgrad import ops

from .common import binary

CASES = {
    "Hypot": binary(ops.hypot, np.hypot),
    "Atan2": binary(ops.atan2, np.arctan2),
}
