"""The ops: one small class each, with its formula, forward and backward. ``OPS`` holds them all by name.

Functions named in ``__all__`` of a family are public: they are ``fastgrad.<name>`` too.
"""

from .. import tape
from . import activation, compare, dropout as _dropout, dtypes, einsum as _einsum, elementwise, extrema, index, join
from . import limits, loss, margin, matmul as _matmul, moments, norm as _norm, plane, rectifier, reduce, rounding, scan
from . import scatter as _scatter, shape, smooth, softmax as _softmax, sort as _sort, transcendental
from .activation import *  # noqa: F403
from .base import OPS as OPS, Op as Op, apply as apply, cast as cast
from .compare import *  # noqa: F403
from .dtypes import *  # noqa: F403
from .einsum import *  # noqa: F403
from .dropout import alpha_dropout as alpha_dropout, dropout as dropout, dropout1d as dropout1d
from .dropout import dropout2d as dropout2d, dropout3d as dropout3d
from .elementwise import *  # noqa: F403
from .extrema import *  # noqa: F403
from .index import *  # noqa: F403
from .index import embedding as embedding, getitem as getitem, one_hot as one_hot
from .inplace import (
    assign as assign,
    in_place as in_place,
    in_place_form as in_place_form,
    rewrite as rewrite,
    setitem as setitem,
)
from .join import *  # noqa: F403
from .join import pad as pad
from .limits import *  # noqa: F403
from .loss import *  # noqa: F403
from .margin import *  # noqa: F403
from .matmul import *  # noqa: F403
from .matmul import linear as linear
from .moments import *  # noqa: F403
from .pick import ValuesIndices as ValuesIndices
from .norm import (
    batch_norm as batch_norm,
    group_norm as group_norm,
    instance_norm as instance_norm,
    layer_norm as layer_norm,
    rms_norm as rms_norm,
)
from .plane import *  # noqa: F403
from .rectifier import *  # noqa: F403
from .rectifier import hardshrink as hardshrink, hardsigmoid as hardsigmoid, hardswish as hardswish
from .rectifier import hardtanh as hardtanh, leaky_relu as leaky_relu, relu6 as relu6, softshrink as softshrink
from .rectifier import softsign as softsign, threshold as threshold
from .reduce import *  # noqa: F403
from .reduce import sum_to as sum_to
from .rounding import *  # noqa: F403
from .scan import *  # noqa: F403
from .scatter import *  # noqa: F403
from .scatter import index_add_, index_copy_, index_fill_, scatter_, scatter_add_
from .shape import *  # noqa: F403
from .smooth import *  # noqa: F403
from .smooth import elu as elu, gelu as gelu, logsigmoid as logsigmoid, mish as mish, silu as silu
from .smooth import softplus as softplus, tanhshrink as tanhshrink
from .softmax import *  # noqa: F403
from .softmax import softmin as softmin
from .sort import *  # noqa: F403
from .transcendental import *  # noqa: F403

tape.install(add=elementwise.add, sum_to=sum_to, copy=elementwise.copy)

FAMILIES: list = [activation, compare, dtypes, _einsum, elementwise, extrema, index, join, limits, loss, _matmul]
FAMILIES += [_dropout, margin, moments, _norm, plane, rectifier, reduce, rounding, scan, _scatter, shape, smooth]
FAMILIES += [_softmax, _sort]
FAMILIES += [transcendental]
__all__ = [name for family in FAMILIES for name in family.__all__]
