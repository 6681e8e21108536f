"""A variational autoencoder on made-up binary images (Kingma and Welling, 2013)."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn, optim

rng = np.random.default_rng(5)


class VAE(nn.Module):
    def __init__(self, pixels=36, hidden=24, latent=4):
        super().__init__()
        self.fc1 = nn.Linear(pixels, hidden)
        self.fc21 = nn.Linear(hidden, latent)
        self.fc22 = nn.Linear(hidden, latent)
        self.fc3 = nn.Linear(latent, hidden)
        self.fc4 = nn.Linear(hidden, pixels)

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        eps = torch.from_numpy(rng.normal(size=tuple(std.shape))).type_as(std)
        assert torch.randn_like(std).shape == std.shape
        return mu + eps * std

    def decode(self, z):
        h3 = F.relu(self.fc3(z))
        return torch.sigmoid(self.fc4(h3))

    def forward(self, x):
        mu, logvar = self.encode(x.view(-1, 36))
        z = self.reparameterize(mu, logvar)
        return self.decode(z), mu, logvar


def loss_function(recon_x, x, mu, logvar):
    BCE = F.binary_cross_entropy(recon_x, x.view(-1, 36), reduction="sum")
    KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return BCE + KLD


model = VAE().to(torch.device("cpu"))
with torch.no_grad():
    for p in model.parameters():
        p.copy_(torch.from_numpy(rng.normal(scale=0.2, size=tuple(p.shape))))
optimizer = optim.Adam(model.parameters(), lr=1e-2)

side = np.arange(6)
templates = np.stack([side[:, None] > side, side[:, None] % 2 == side % 2, side[:, None] + 0 * side > 2]).astype(
    "float32"
)
model.train()
for _epoch in range(20):
    data = torch.from_numpy(templates[rng.integers(0, 3, 32)]).unsqueeze(1)
    optimizer.zero_grad()
    recon_batch, mu, logvar = model(data)
    loss = loss_function(recon_batch, data, mu, logvar)
    loss.backward()
    optimizer.step()
    print(loss.item() / len(data))
model.eval()
with torch.no_grad():
    sample = model.decode(torch.from_numpy(rng.normal(size=(3, 4))).float()).cpu()
    print(sample.view(3, 1, 6, 6).sum().item())
