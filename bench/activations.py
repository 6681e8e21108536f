"""The workload `activation`: one of them forward and backward, for workloads.py."""

import numpy as np
from measuring import draw, expect, measure, probe, result, workload

ACTIVATIONS = {  # name -> how, given the library, its nn.functional, x and a learned slope, and its value at 1
    "relu": (lambda m, F, x, w: F.relu(x), 1.0),
    "sigmoid": (lambda m, F, x, w: m.sigmoid(x), 0.73105858),
    "tanh": (lambda m, F, x, w: m.tanh(x), 0.76159416),
    "elu": (lambda m, F, x, w: F.elu(x), 1.0),
    "prelu": (lambda m, F, x, w: F.prelu(x, w), 1.0),
    "gelu": (lambda m, F, x, w: F.gelu(x), 0.84134475),
    "gelu_tanh": (lambda m, F, x, w: F.gelu(x, approximate="tanh"), 0.84119199),
    "silu": (lambda m, F, x, w: F.silu(x), 0.73105858),
    "selu": (lambda m, F, x, w: F.selu(x), 1.05070099),
    "leaky_relu": (lambda m, F, x, w: F.leaky_relu(x), 1.0),
    "softplus": (lambda m, F, x, w: F.softplus(x), 1.31326169),
    "hardtanh": (lambda m, F, x, w: F.hardtanh(x), 1.0),
    "hardswish": (lambda m, F, x, w: F.hardswish(x), 0.66666667),
    "logsigmoid": (lambda m, F, x, w: F.logsigmoid(x), -0.31326169),
}


@workload
def activation(lib, name):
    """An activation forward and backward, a learned slope's gradient included."""
    call, at_one = ACTIVATIONS[name]
    x, w = lib.leaf(draw(0, 1000, 1000)), lib.leaf(np.full(1, 0.25, np.float32))
    dout = lib.tensor(draw(1, 1000, 1000))
    expect(name, call(lib.module, lib.functional, lib.tensor(np.ones(3, np.float32)), w).detach().numpy(), at_one, 1e-5)

    def both():
        x.grad = w.grad = None
        out = call(lib.module, lib.functional, x, w)
        out.backward(dout)
        return out

    out = both()
    return result(measure(both), "us", probe(out.detach().numpy()) + probe(x.grad.numpy()))
