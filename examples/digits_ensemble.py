"""Handwritten digits: five networks that see each image shifted, turned and zoomed anew, and the mean of their answers.

python examples/digits_ensemble.py [seed]

30 % of the images are held out; nothing was chosen by them in a run.
"""

import sys

import fastgrad as fg
from fastgrad import nn
from fastgrad.data import DataLoader, augment, load_digits, train_test_split
from fastgrad.train import Ensemble

K, EPOCHS, BATCH = 5, 100, 64
SHAPE = {"shape": (8, 8)}


def network():
    layers = []
    for inputs in (64, 256):
        layers += [nn.Linear(inputs, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.2)]
    return nn.Sequential(*layers, nn.Linear(256, 10))


def run(seed=0, epochs=EPOCHS, progress="epochs"):
    """The scores of the members and of the ensemble on the images that were held out."""
    digits = load_digits()
    x, x_test, y, y_test = train_test_split(
        digits.data / 16, digits.target, test_size=0.3, seed=seed, stratify=digits.target
    )
    moves = augment.Compose(
        [augment.Shift(0.7, whole=False, **SHAPE), augment.Rotate(10, **SHAPE), augment.Zoom(0.1, 0.1, **SHAPE)]
    )

    def batches(member):
        return DataLoader((x, y), BATCH, shuffle=True, seed=100 * seed + member, transform=moves)

    ensemble = Ensemble(network, K, seed=100 * seed)
    ensemble.fit(
        batches,
        optimizer=lambda parameters: fg.optim.AdamW(parameters, lr=1e-3, weight_decay=0.01),
        schedule=fg.optim.schedules.OneCycle(5e-3, epochs * -(-len(x) // BATCH)),
        epochs=epochs,
        progress=progress,
    )
    return ensemble.scores(x_test, y_test)


if __name__ == "__main__":
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    print(run(seed, progress=True))
