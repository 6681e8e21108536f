"""Arithmetic, transcendental functions, comparisons, activations."""

from .common import ONE, TWO, Row, binary, rows, unary

FLAT = {"order": 1}
NONE = {"order": 0}
EVERYWHERE = [
    "abs",
    "absolute",
    "ceil",
    "cos",
    "erf",
    "exp",
    "exp2",
    "expm1",
    "floor",
    "frac",
    "neg",
    "negative",
    "round",
    "sigmoid",
    "sign",
    "sin",
    "square",
    "tanh",
    "trunc",
    "relu",
    "atan",
    "sinh",
    "cosh",
]
POSITIVE = ["log", "log2", "log10", "log1p", "sqrt", "rsqrt", "reciprocal"]
COMPARISONS = ["eq", "ne", "lt", "le", "gt", "ge"]

TABLE: dict = {
    **{name: unary(name) for name in EVERYWHERE},
    **{name: unary(name, domain="+") for name in POSITIVE},
    **{name: binary(name) for name in ("add", "sub", "subtract", "mul", "multiply", "maximum", "minimum", "logaddexp")},
    **{name: binary(name, domain="++") for name in ("div", "divide", "true_divide", "pow", "atan2", "hypot")},
    **{name: binary(name, order=0) for name in COMPARISONS},
    **{name: binary(name, domain="++", order=0) for name in ("floor_divide",)},
    **{name: binary(name, domain="++", order=1) for name in ("remainder", "fmod")},
    **{name: unary(name, order=0) for name in ("isnan", "isinf", "isfinite")},
    "tan": rows(lambda m, x: m.tan(0.3 * x), [((7,),), ((3, 5),)]),
    "clamp": [
        *rows(lambda m, x: m.clamp(x, -0.5, 1.0), ONE),
        *rows(lambda m, x: m.clamp(x, min=0.25), ONE),
        *rows(lambda m, x: x.clamp(max=0.25), ONE),
        *rows(lambda m, x, a: m.clamp(x, a, a + 0.9), [((3, 5), (5,))]),
    ],
    "clip": rows(lambda m, x: m.clip(x, -0.5, 1.0), ONE),
    "clamp_min": rows(lambda m, x: m.clamp_min(x, 0.2), ONE),
    "clamp_max": rows(lambda m, x: m.clamp_max(x, 0.2), ONE),
    "lerp": [
        *rows(lambda m, a, b: m.lerp(a, b, 0.3), TWO),
        *rows(lambda m, a, b: m.lerp(a, b, 0.7), TWO[:2]),
        Row(lambda m, a, b, w: m.lerp(a, b, w), ((3, 5), (3, 5), (3, 5)), domain="  p"),
    ],
    "addcmul": rows(lambda m, x, a, b: m.addcmul(x, a, b, value=0.5), [((3, 5), (3, 5), (5,))]),
    "addcdiv": rows(lambda m, x, a, b: m.addcdiv(x, a, b, value=0.5), [((3, 5), (3, 5), (5,))], domain="  +"),
    "nan_to_num": [
        *rows(lambda m, x: m.nan_to_num(x), ONE),
        Row(lambda m, x: m.nan_to_num(m.log(x - 0.1), nan=2.0, posinf=5.0, neginf=-7.0), order=0),
        Row(lambda m, x: m.nan_to_num(x / (x * 0)), order=0),
    ],
    "heaviside": rows(lambda m, x: m.heaviside(x, m.full_like(x, 0.5).detach()), ONE, order=0),
    "where": [
        *rows(lambda m, a, b: m.where(a < 0.3, a, b), TWO),
        Row(lambda m, a: m.where(a > 0, a, 0.5)),
        Row(lambda m, a: m.where(a > 0, 1.5, a)),
        Row(lambda m, a: m.where(a > 0, 1.5, -2.0), order=0),
        Row(lambda m, a: m.where(a > 0)[0], order=0),
        Row(lambda m, a: a.where(a > 0, a * 2)),
    ],
    "masked_fill": rows(lambda m, x: m.masked_fill(x, x > 0, 0.5), ONE),
    "logical_and": rows(lambda m, a, b: m.logical_and(a > 0, b > 0), TWO, order=0),
    "logical_or": rows(lambda m, a, b: (a > 0) | (b > 0), TWO, order=0),
    "logical_xor": rows(lambda m, a, b: (a > 0) ^ (b > 0), TWO, order=0),
    "logical_not": rows(lambda m, a: ~(a > 0), ONE, order=0),
    "bitwise_and": rows(lambda m, a, b: m.bitwise_and((a * 9).long(), (b * 9).long()), TWO, order=0),
    "bitwise_or": rows(lambda m, a, b: (a * 9).long() | (b * 9).long(), TWO, order=0),
    "bitwise_xor": rows(lambda m, a, b: (a > 0) ^ (b * 9).long(), TWO, order=0),
    "bitwise_not": rows(lambda m, a: m.bitwise_not((a * 9).long()), ONE, order=0),
    "isclose": rows(lambda m, a, b: m.isclose(a, b, atol=0.5), TWO, order=0),
    "allclose": [Row(lambda m, a: m.tensor(m.allclose(a, a + 1e-9)), order=0)],
    "equal": [Row(lambda m, a: m.tensor([m.equal(a, a), m.equal(a, a + 1), m.equal(a, a[:1])]), order=0)],
    "promote_types": [Row(lambda m, x: x.to(m.promote_types(m.int64, m.float32)), order=0)],
    "result_type": [Row(lambda m, x: x.to(m.result_type(x.to(m.float32), 2.0)), order=0)],
}
TABLE["div"] += [
    Row(lambda m, a, b: m.div(a, b, rounding_mode="floor"), ((3, 5), (5,)), domain="++", order=1),
    Row(lambda m, a, b: m.div(a, b, rounding_mode="trunc"), ((3, 5), (5,)), domain=" +", order=1),
]
TABLE["pow"] += [
    *rows(lambda m, x: x**3, ONE),
    *rows(lambda m, x: x**2, ONE),
    *rows(lambda m, x: x**-1, ONE),
    *rows(lambda m, x: x**0, ONE),
    *rows(lambda m, x: 2.5**x, ONE),
    *rows(lambda m, x: m.pow(x, 0.5), ONE, domain="+"),
]
TABLE["round"] += [Row(lambda m, x: m.round(x, decimals=1), order=1)]
TABLE["add"] += [Row(lambda m, a, b: m.add(a, b, alpha=0.5), ((3, 5), (5,))), Row(lambda m, x: 1 - x + 2 * x)]
TABLE["mul"] += [Row(lambda m, x: x * (x > 0)), Row(lambda m, x: x.mul(x)), Row(lambda m, x: x * m.tensor(3))]

# Names that PyTorch has not, or whose results are no numbers to compare.
ELSEWHERE: dict = {
    "copy": "PyTorch's clone; as a method in test_tensor.py",
    "get_default_dtype": "makes no tensor; in test_create.py",
    "set_default_dtype": "makes no tensor; in test_create.py",
}
