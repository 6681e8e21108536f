"""Newton's method and a gradient penalty: gradients of gradients."""

import numpy as np
import torch
from torch.autograd import grad

torch.set_default_dtype(torch.float64)
x = torch.tensor([1.5, -0.7], requires_grad=True)
for _ in range(6):
    f = (1 - x[0]) ** 2 + 2 * (x[1] - x[0] ** 2) ** 2 + torch.cosh(x[1])
    (g,) = grad(f, x, create_graph=True)
    H = torch.stack([grad(g[i], x, retain_graph=True)[0] for i in range(2)])
    det = H[0, 0] * H[1, 1] - H[0, 1] * H[1, 0]
    inverse = torch.stack([torch.stack([H[1, 1], -H[0, 1]]), torch.stack([-H[1, 0], H[0, 0]])]) / det
    print(f.item())
    with torch.no_grad():
        x -= inverse @ g

rng = np.random.default_rng(7)
w = torch.tensor(rng.normal(size=(6, 4)) * 0.5, requires_grad=True)
v = torch.tensor(rng.normal(size=4) * 0.5, requires_grad=True)
data = torch.tensor(rng.normal(size=(10, 6)))
optimizer = torch.optim.Adam([w, v], lr=0.02)
for _ in range(30):
    inputs = data.clone().requires_grad_()
    out = torch.tanh(inputs @ w) @ v
    (slopes,) = grad(out.sum(), inputs, create_graph=True)
    penalty = ((slopes.norm(dim=1) - 1) ** 2).mean()
    loss = penalty + 0.1 * out.pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(loss.item())
torch.set_default_dtype(torch.float32)
