"""The same net; the gradients come from the tape, the update is by hand."""

import numpy
import torch

rng = numpy.random.default_rng(2)
x = torch.from_numpy(rng.normal(size=(16, 20))).float()
y = torch.from_numpy(rng.normal(size=(16, 5))).float()
w1 = torch.from_numpy(rng.normal(size=(20, 12))).float().requires_grad_()
w2 = torch.from_numpy(rng.normal(size=(12, 5))).to(torch.float32).requires_grad_(True)

learning_rate = 1e-3
for _t in range(40):
    loss = (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum()
    print(loss.item())
    loss.backward()
    with torch.no_grad():
        w1 -= learning_rate * w1.grad
        w2 -= learning_rate * w2.grad
        w1.grad.zero_()
        w2.grad.zero_()
