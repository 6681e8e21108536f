"""The ops: one small class each, with its formula, forward and backward. ``OPS`` holds them all by name.

Functions named in ``__all__`` of a family are public: they are ``fastgrad.<name>`` too.
"""

from .. import tape
from . import activation, compare, dtypes, elementwise, limits, loss, matmul as _matmul, plane, reduce
from . import rounding, shape
from . import softmax as _softmax, transcendental
from .activation import *  # noqa: F403
from .base import OPS as OPS, Op as Op, apply as apply, cast as cast
from .cast import to as to, type_as as type_as
from .compare import *  # noqa: F403
from .dtypes import *  # noqa: F403
from .elementwise import *  # noqa: F403
from .inplace import (
    assign as assign,
    in_place as in_place,
    in_place_form as in_place_form,
    normal_ as normal_,
    rewrite as rewrite,
    setitem as setitem,
    uniform_ as uniform_,
)
from .limits import *  # noqa: F403
from .loss import *  # noqa: F403
from .matmul import *  # noqa: F403
from .matmul import linear as linear
from .plane import *  # noqa: F403
from .reduce import *  # noqa: F403
from .reduce import sum_to as sum_to
from .rounding import *  # noqa: F403
from .shape import *  # noqa: F403
from .shape import getitem as getitem
from .softmax import *  # noqa: F403
from .transcendental import *  # noqa: F403

tape.install(add=elementwise.add, sum_to=sum_to, copy=elementwise.copy)

FAMILIES = (
    activation,
    compare,
    dtypes,
    elementwise,
    limits,
    loss,
    _matmul,
    plane,
    reduce,
    rounding,
    shape,
    _softmax,
    transcendental,
)
__all__ = [name for family in FAMILIES for name in family.__all__]
