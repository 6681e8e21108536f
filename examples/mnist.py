"""MNIST: a network of two hidden layers on 8,000 of the 10,000 test images, scored on the other 2,000.

FASTGRAD_MNIST_DIR=folder python examples/mnist.py

The folder has t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, plain or with .gz. Nothing is downloaded.
"""

import time

import fastgrad as fg
from fastgrad import nn
from fastgrad.data import DataLoader, augment, load_mnist_part, train_test_split
from fastgrad.train import fit

BATCH, EPOCHS = 100, 15


def network():
    layers = []
    for inputs, outputs in ((784, 256), (256, 256)):
        layers += [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU(), nn.Dropout(0.2)]
    return nn.Sequential(*layers, nn.Linear(256, 10))


def main(seed=0, epochs=EPOCHS, progress=True):
    """Accuracy on the held-out images, and how long the training took."""
    images, labels = load_mnist_part("test")
    x, x_test, y, y_test = train_test_split(images, labels, test_size=2000, seed=seed, stratify=labels)
    shape = {"shape": (28, 28)}
    moves = augment.Compose(
        [augment.Shift(2, whole=False, **shape), augment.Rotate(10, **shape), augment.Zoom(0.1, **shape)]
    )
    fg.manual_seed(seed)
    began = time.perf_counter()
    history = fit(
        network(),
        DataLoader((x, y), BATCH, shuffle=True, seed=seed, transform=moves),
        optimizer=lambda parameters: fg.optim.AdamW(parameters, lr=1e-3, weight_decay=0.01),
        schedule=fg.optim.schedules.OneCycle(5e-3, epochs * len(x) // BATCH),
        epochs=epochs,
        validation=(x_test, y_test),
        progress=progress,
    )
    seconds = time.perf_counter() - began
    accuracy = history["val_accuracy"][-1]  # of the last epoch: none was chosen by it
    print(f"{epochs} epochs in {seconds:.1f} s: {100 * accuracy:.2f} % of {len(x_test)} held-out images")
    return accuracy, seconds


if __name__ == "__main__":
    main()
