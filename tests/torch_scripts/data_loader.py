"""Batches of datasets of one's own and of arrays, in order, in parts, by samplers."""

import torch
from torch import nn
from torch.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    SequentialSampler,
    Subset,
    TensorDataset,
    default_collate,
)


class Squares(Dataset):
    def __init__(self, n):
        self.x = torch.linspace(-1.0, 1.0, n).reshape(n, 1)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return {"x": self.x[i], "y": self.x[i] ** 2, "i": i}


def collate(samples):
    batch = default_collate(samples)
    return batch["x"], batch["y"], batch["i"]


data = Squares(50)
pairs = TensorDataset(data.x, torch.sin(3.0 * data.x))
model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
with torch.no_grad():
    for k, p in enumerate(model.parameters()):
        p.copy_(torch.sin(torch.arange(p.numel(), dtype=torch.float32) + k).reshape(p.shape))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

loader = DataLoader(data, batch_size=8, collate_fn=collate, num_workers=0, drop_last=True)
print(len(loader))
for _ in range(3):
    for x, y, i in loader:
        loss = nn.functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        last = i.sum().item()
    print(loss.item(), last)

order = SequentialSampler(pairs)
joined = ConcatDataset([Subset(pairs, range(0, 50, 2)), pairs, Subset(pairs, [3, 1])])
for batches in (
    DataLoader(pairs, 16, False),
    DataLoader(pairs, batch_sampler=BatchSampler(order, 20, drop_last=False), pin_memory=False),
    DataLoader(joined, batch_size=32),
    DataLoader(joined, batch_size=None),
):
    total = 0.0
    for x, y in batches:
        loss = nn.functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(len(batches), total / len(batches))
