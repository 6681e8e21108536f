"""A net of two layers whose gradients are written by hand."""

import numpy
import torch

rng = numpy.random.default_rng(1)
device = torch.device("cpu")
N, D_in, H, D_out = 16, 20, 12, 5

x = torch.tensor(rng.normal(size=(N, D_in)), device=device, dtype=torch.float32)
y = torch.tensor(rng.normal(size=(N, D_out)), device=device, dtype=torch.float32)
w1 = torch.tensor(rng.normal(size=(D_in, H)), dtype=torch.float)
w2 = torch.tensor(rng.normal(size=(H, D_out)), dtype=torch.float)

learning_rate = 1e-3
for _t in range(40):
    h = x.mm(w1)
    h_relu = h.clamp(min=0)
    y_pred = h_relu.mm(w2)
    loss = (y_pred - y).pow(2).sum().item()
    print(loss)

    grad_y_pred = 2.0 * (y_pred - y)
    grad_w2 = h_relu.t().mm(grad_y_pred)
    grad_h_relu = grad_y_pred.mm(w2.t())
    grad_h = grad_h_relu.clone()
    grad_h[h < 0] = 0
    grad_w1 = x.t().mm(grad_h)

    w1 -= learning_rate * grad_w1
    w2 -= learning_rate * grad_w2
