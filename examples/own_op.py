"""An op of your own: swish, x sigmoid(x), as a subclass of Op.

Its rule is pure calculus. The forward is written with kernels, on arrays; the backward with ops, which take arrays and
tensors alike, so the rule can itself be differentiated and captured.

python examples/own_op.py
"""

import numpy as np

import fastgrad as fg
from fastgrad import kernels, nn, ops


class Swish(ops.Op):
    """out = x s,  s = sigmoid(x);   dx = dout (s + out (1 - s)).

    Ramachandran, Zoph and Le, "Searching for activation functions", 2017.
    """

    saves = (0,)  # operand 0, x: what the backward needs

    @staticmethod
    def forward(ctx, x):
        return kernels.mul(x, kernels.sigmoid(x))

    @staticmethod
    def backward(ctx, dout):
        x = ctx.saved
        s = ops.sigmoid(x)
        return ops.mul(dout, ops.add(s, ops.mul(ops.mul(x, s), ops.sub(1.0, s))))


def swish(x):
    """x sigmoid(x)."""
    return ops.apply(Swish, x)


def main():
    x = fg.tensor(np.linspace(-3, 3, 7), requires_grad=True)  # float64: differences need it
    print("swish        ", swish(x).detach())
    print("gradient     ", *fg.grad(swish(x).sum(), x))
    print("gradcheck    ", fg.gradcheck(swish, x))
    print("second order ", fg.gradgradcheck(swish, x))

    fg.manual_seed(0)
    layer = nn.Linear(3, 2)
    optimizer = fg.optim.SGD(layer.parameters(), lr=0.1)

    @fg.capture
    def step(x):
        optimizer.zero_grad()
        loss = swish(layer(x)).sum()
        loss.backward()
        optimizer.step()
        return loss

    inputs = fg.tensor([[1.0, 2.0, 3.0]])
    print("captured     ", [round(step(inputs).item(), 4) for _ in range(3)])


if __name__ == "__main__":
    main()
