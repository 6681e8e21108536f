"""Workloads of layers: normalisation and dropout."""

import numpy as np
from measuring import draw, expect, measure, probe, result, workload


@workload
def norm(lib, kind, shape):
    """A layer that normalises, and its three gradients."""
    shape = tuple(int(n) for n in shape.split("x"))
    x, dout = lib.leaf(draw(0, *shape) * 3 + 1), lib.tensor(draw(1, *shape))
    layer = getattr(lib.module.nn, kind)(shape[-1] if kind == "LayerNorm" else shape[1])

    def run():
        x.grad = layer.weight.grad = layer.bias.grad = None
        out = layer(x)
        out.backward(dout)
        return out

    out = run().detach().numpy()
    axes = 1 if kind == "LayerNorm" else (0, *range(2, len(shape)))
    expect(f"{kind}'s mean", out.mean(axes, np.float64), np.zeros(out.mean(axes).shape), 0, 1e-5)
    expect(f"{kind}'s variance", out.var(axes, np.float64), np.ones(out.mean(axes).shape), 1e-3)
    expect(f"{kind}'s gradients add up to 0", x.grad.numpy().mean(axes, np.float64), 0 * out.mean(axes), 0, 1e-6)
    found = probe(out) + probe(x.grad.numpy())
    if kind != "LayerNorm":
        found += probe(layer.running_var.detach().numpy())
    return result(measure(run), "us", found)


@workload
def dropout(lib, n):
    """Libraries drop different numbers: each checks the rate of its own and the numbers that are kept."""
    n, p = int(n), 0.2
    x, dout = lib.leaf(np.abs(draw(0, n)) + 0.5), lib.tensor(draw(1, n))

    def both():
        x.grad = None
        out = lib.functional.dropout(x, p)
        out.backward(dout)
        return out

    out = both().detach().numpy()
    kept = out != 0
    expect("dropout, its rate", kept.mean(), 1 - p, rtol=0, atol=5 * (p * (1 - p) / n) ** 0.5)
    expect("dropout, what is kept", out[kept], x.detach().numpy()[kept] / (1 - p), rtol=1e-6)
    expect("dropout, its gradient", x.grad.numpy(), dout.numpy() * kept / (1 - p), rtol=1e-6)
    return result(measure(both), "us", [])
