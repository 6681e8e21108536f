"""The same fit by nn.Sequential and an optimizer."""

import math

import torch
from torch import nn

x = torch.linspace(-math.pi, math.pi, 200)
y = torch.sin(x)
p = torch.tensor([1, 2, 3])
xx = x.unsqueeze(-1).pow(p)

model = torch.nn.Sequential(torch.nn.Linear(3, 1), torch.nn.Flatten(0, 1))
with torch.no_grad():
    model[0].weight.copy_(torch.tensor([[0.1, -0.2, 0.05]]))
    model[0].bias.fill_(0.3)
loss_fn = nn.MSELoss(reduction="sum")
optimizer = torch.optim.SGD(model.parameters(), lr=1e-6, momentum=0.9)
for t in range(100):
    y_pred = model(xx)
    loss = loss_fn(y_pred, y)
    if t % 5 == 0:
        print(loss.item())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(model[0].bias.item(), model[0].weight[:, 0].item(), model[0].weight[:, 2].item())
