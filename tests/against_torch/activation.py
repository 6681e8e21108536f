"""Activations, under PyTorch's names in nn.functional, and in place."""

from .common import ONE, Row, rows


def functions(name, *numbers):
    """m.nn.functional.name(x, ...), and in another scale, for kinks far out."""
    far = Row(lambda m, x: getattr(m.nn.functional, name)(4.0 * x, *numbers))
    return [*rows(lambda m, x: getattr(m.nn.functional, name)(x, *numbers), ONE), far]


def inplace(name, *numbers):
    return Row(lambda m, x: getattr(m.nn.functional, name)(1.5 * x, *numbers, inplace=True))


WITHOUT_NUMBERS = ("gelu", "hardswish", "logsigmoid", "mish", "relu6", "silu", "softsign", "tanhshrink")
WEIGHTS = [((3, 5), (5,)), ((2, 3, 4), (3,)), ((2, 3, 2, 2), (3,)), ((4,), (1,)), ((3, 5), (1,)), ((0, 5), (5,))]

TABLE: dict = {
    **{name: functions(name) for name in WITHOUT_NUMBERS},
    # PyTorch has no derivative of hardsigmoid's backward (its slopes: tests/test_activation.py), and takes 1 / alpha of celu in float32 (so: powers of 2)
    "hardsigmoid": rows(lambda m, x: m.nn.functional.hardsigmoid(4.0 * x), ONE, order=0),
    "relu_activation": [inplace("relu"), Row(lambda m, x: m.nn.functional.relu_(1.5 * x))],
    "leaky_relu": [
        *functions("leaky_relu"),
        *functions("leaky_relu", 0.3),
        inplace("leaky_relu", 0.2),
        Row(lambda m, x: m.nn.functional.leaky_relu_(1.5 * x, 0.1)),
    ],
    "prelu": [
        *rows(lambda m, x, w: m.nn.functional.prelu(x, w), WEIGHTS),
        Row(lambda m, x, w: m.prelu(x, w), ((3, 5), (5,))),
        Row(lambda m, x: m.nn.PReLU(dtype=m.float64)(x)),
    ],
    "elu": [
        *functions("elu"),
        *functions("elu", 0.7),
        inplace("elu", 0.7),
        Row(lambda m, x: m.nn.functional.elu_(1.5 * x)),
    ],
    "celu": [*functions("celu"), *functions("celu", 0.5), inplace("celu", 2.0), Row(lambda m, x: m.celu(x, 0.25))],
    "selu": [*functions("selu"), inplace("selu"), Row(lambda m, x: m.selu(x))],
    "gelu_tanh": rows(lambda m, x: m.nn.functional.gelu(3.0 * x, approximate="tanh"), ONE),
    "softplus": [*functions("softplus"), *functions("softplus", 3.0, 2.0)],
    "hardtanh": [*functions("hardtanh"), *functions("hardtanh", -0.5, 1.25), inplace("hardtanh", -0.5, 1.25)],
    "silu_in_place": [inplace("silu"), inplace("relu6"), inplace("mish"), inplace("hardswish")],
    "threshold": [*functions("threshold", 0.2, 7.0), inplace("threshold", 0.2, 7.0)],
    "hardshrink": functions("hardshrink", 0.6),
    "softshrink": functions("softshrink", 0.6),
}

ELSEWHERE: dict = {}
