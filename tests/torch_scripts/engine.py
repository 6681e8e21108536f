"""Hooks, Functions of one's own, checkpoints, derivatives of functions, hooks of modules."""

import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint


class Swish(Function):
    @staticmethod
    def forward(ctx, x, beta):
        s = torch.sigmoid(x * beta)
        ctx.save_for_backward(x, s)
        ctx.beta = beta
        return x * s, s

    @staticmethod
    def backward(ctx, dout, ds):
        x, s = ctx.saved_tensors
        slope = s * (1.0 - s) * ctx.beta
        return dout * (s + x * slope) + ds * slope, None


class Clamp(Function):
    @staticmethod
    def forward(x):
        return torch.clip(x, -1.0, 1.0)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    @once_differentiable
    def backward(ctx, dout):
        (x,) = ctx.saved_tensors
        return dout * (torch.abs(x) <= 1.0)


values = [[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0]]
x = torch.tensor(values)
w = torch.tensor([[0.1, -0.3, 0.2], [0.4, 0.2, -0.1]], requires_grad=True)
v = torch.tensor([0.3, -0.2, 0.5], requires_grad=True)
w.register_hook(lambda g: g * 0.5)
accumulated = []  # when a leaf's hook runs is left open, but for: after its gradient is complete
v.register_post_accumulate_grad_hook(lambda p: accumulated.append(p.grad.sum().item()))
for _ in range(8):
    w.grad = v.grad = None
    h, gate = checkpoint(lambda x: Swish.apply(x @ w, 1.5), x, use_reentrant=False)
    h.retain_grad()
    gate.register_hook(lambda g: print(g.sum().item()) or g * 2.0)
    h.register_hook(lambda g: g + 0.01)
    y = Clamp.apply((h * gate) @ v * 4.0)
    loss = ((y - 0.5) * (y - 0.5)).mean()
    (dh,) = torch.autograd.grad(loss, h, retain_graph=True)
    print(dh.sum().item())
    loss.backward()
    print(accumulated[-1], loss.item(), h.grad.sum().item(), w.grad.sum().item())
    with torch.no_grad():
        for p in (w, v):
            p -= 0.1 * p.grad

F = torch.autograd.functional
a, b = torch.tensor([0.5, -1.0]), torch.tensor([1.0, 2.0])


def f(a, b):
    return a * b.exp(), (a * a).sum() * b


def g(a):
    return (a * a * a).sum() * a.exp().sum()


for row in F.jacobian(f, (a, b)):
    for j in row:
        print(j.sum().item(), j[0, 1].item())
print(F.hessian(g, a).sum().item())
for product in (F.vhp, F.hvp):
    print(product(g, a, b)[1].sum().item())
for product in (F.jvp, F.vjp):
    print(product(lambda a: a * a.exp(), a, b)[1].sum().item())

net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Tanh(), torch.nn.Linear(2, 1))
with torch.no_grad():
    for i, p in enumerate(net.parameters()):
        p.fill_(0.1 * i + 0.2)
net[0].register_full_backward_hook(lambda m, gi, go: print(float(gi[0] is None), go[0].sum().item()))
net[1].register_full_backward_hook(lambda m, gi, go: (gi[0] * go[0],))
net[2].register_full_backward_pre_hook(lambda m, go: (go[0] * 3.0,))
net[0].register_forward_pre_hook(lambda m, args: (args[0] * 0.5,))
net[1].register_forward_hook(lambda m, args, out: out + 0.1)
out = net(x)
out.sum().backward()
for p in net.parameters():
    print(p.grad.sum().item())
