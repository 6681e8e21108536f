"""Transfer: a trunk that has learnt the digits 0 to 4 is frozen, and a new head learns 5 to 9 from a few images.

python examples/transfer.py

The new head alone is trained, with a rate that is halved every ten epochs. The same head on a trunk that has learnt
nothing shows what the trunk is worth. It is worth something because the old digits were shifted, turned and zoomed
while it learnt; without that, five digits teach a trunk to tell these five apart and little else. No test image is seen
in training.
"""

import os
import tempfile

import fastgrad as fg
from fastgrad import nn
from fastgrad.data import DataLoader, augment, load_digits, train_test_split
from fastgrad.train import evaluate, fit, freeze, load_weights, save_weights

FEW = 20  # images of each new digit
SHAPE = {"shape": (8, 8)}
WIDTH = 128  # of what the trunk puts out


def trunk():
    layers = []
    for inputs, outputs in ((64, 256), (256, WIDTH)):
        layers += [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


def old_digits(x, y):
    """A trunk that was trained on 0 to 4, with a head that is thrown away."""
    body, rows = trunk(), y < 5
    moves = augment.Compose(
        [augment.Shift(1, whole=False, **SHAPE), augment.Rotate(15, **SHAPE), augment.Zoom(0.15, 0.15, **SHAPE)]
    )
    loader = DataLoader((x[rows], y[rows]), 32, shuffle=True, transform=moves)
    fit(nn.Sequential(body, nn.Linear(WIDTH, 5)), loader, epochs=20, progress=False)
    return body


def new_head(body, x, y, epochs=40):
    """A network for 5 to 9: the frozen body, and a head trained on it."""
    net = nn.Sequential(freeze(body), nn.Linear(WIDTH, 5))
    history = fit(
        net,
        (x, y),
        optimizer=lambda parameters: fg.optim.Adam(parameters, lr=0.02),
        schedule=lambda optimizer: fg.optim.lr_scheduler.StepLR(optimizer, step_size=10, gamma=0.5),
        epochs=epochs,
        progress=False,
    )
    return net, history


def main(seed=0):
    digits = load_digits()
    x, x_test, y, y_test = train_test_split(
        digits.data / 16, digits.target, test_size=0.3, seed=seed, stratify=digits.target
    )
    fg.manual_seed(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "trunk.npz")
        save_weights(old_digits(x, y), path)
        learnt = trunk()
        load_weights(path, learnt)
    new, test = y >= 5, y_test >= 5
    few, _, labels, _ = train_test_split(
        x[new], y[new] - 5, test_size=int(new.sum()) - 5 * FEW, seed=seed, stratify=y[new]
    )
    scores = {}
    for name, body in (("learnt", learnt), ("random", trunk())):
        before = body.state_dict()
        net, history = new_head(body, few, labels)
        after = body.state_dict()
        assert all(before[key].tobytes() == after[key].tobytes() for key in before), "the trunk was to stay as it is"
        scores[name] = evaluate(net, (x_test[test], y_test[test] - 5))["accuracy"]
        rates = ", ".join(f"{rate:g}" for rate in sorted(set(history["lr"]), reverse=True))
        print(f"{name} trunk: {100 * scores[name]:.1f} % of the new digits, from {len(few)} images; rates {rates}")
    return scores


if __name__ == "__main__":
    main()
