"""A net that has few images: what the experiments on overfitting share."""

from typing import Any

import numpy as np

from .. import nn, optim
from .material import Data, evaluate, mlp, train
from .style import COLOURS, MARKERS

__all__ = ["LECTURE", "beyond", "build", "difference", "end", "few", "gain", "learn", "pair", "several", "with_dropout"]

# Deep Learning from Scratch, 2016, 6.4: seven layers, of which six are hidden.
LECTURE = {"images": 300, "hidden": (100,) * 6, "init": "he_normal", "lr": 0.01, "batch": 100, "epochs": 201}
COLUMNS = ("epoch", "train_loss", "train", "test_loss", "test")


def few(run, images=None, repeat=0):
    """So many training images, drawn at random by the run's seed and by `repeat`; those of its settings if None.

    Half of digits is the test part, so that a difference of a hundredth is nine images.
    """
    data, count = run.data(test_size=0.5), run.settings.images if images is None else images
    rows = run.rng(0, repeat).permutation(len(data.x))[:count]
    return Data(data.x[rows], data.t[rows], data.x_test, data.t_test)


def with_dropout(net, p, form="inverted"):
    """The net with dropout behind each activation; `p` of 0 is none."""
    layers: list = []
    for layer in net:
        drops = p > 0 and isinstance(layer, nn.ReLU)
        layers += [layer, nn.Dropout(p, form=form)] if drops else [layer]
    return nn.Sequential(*layers)


def build(run, data, *, dropout=0.0, batch_norm=False, hidden=None, repeat=0):
    """The net of the run's settings, with initial values of its seed and of `repeat`."""
    hidden = run.settings.hidden if hidden is None else hidden
    sizes = (data.x.shape[1], *hidden, 10)
    return with_dropout(mlp(sizes, nn.ReLU, run.settings.init, run.rng(1, repeat), batch_norm), dropout)


def learn(run, data, net, *, decay=0.0, epochs=None, lr=None, bar=None, every=5, repeat=0, **penalty):
    """Trains with SGD; returns a dict of arrays: epoch, and loss and accuracy of both parts, every so many epochs.

    decay    L2 of the weights alone, lambda w in the gradient, as in the lectures; biases and batch norm have none
    penalty  other options of the optimizer for the weights alone: l1, proximal
    """
    s = run.settings
    epochs, rows = s.epochs if epochs is None else epochs, list[Any]()
    groups = optim.decay_groups(net, decay)
    groups[0].update(penalty)
    optimizer = optim.SGD(groups, lr=s.lr if lr is None else lr)

    def watch(epoch):
        if epoch % every == 0 or epoch == epochs - 1:
            rows.append((epoch + 1, *evaluate(net, data.x, data.t), *evaluate(net, data.x_test, data.t_test)))

    how = {"epochs": epochs, "batch": s.batch, "rng": run.rng(2, repeat), "bar": bar, "each": watch}
    train(net, optimizer, data.x, data.t, **how)
    return dict(zip(COLUMNS, np.array(rows).T, strict=True))


def several(run, *, images=None, dropout=0.0, batch_norm=False, hidden=None, **how):
    """The curves of `repeats` nets, each with images and initial values of its own: as of `learn`, [repeats,points]."""
    curves = []
    for repeat in range(run.settings.repeats):
        data = few(run, images, repeat)
        net = build(run, data, dropout=dropout, batch_norm=batch_norm, hidden=hidden, repeat=repeat)
        curves.append(learn(run, data, net, repeat=repeat, **how))
    found = {name: np.array([curve[name] for curve in curves]) for name in COLUMNS[1:]}
    return {"epoch": curves[0]["epoch"], **found}


def end(curve, at=-1):
    """Means over the nets at the end of the curves: accuracy in training, in the test, the gap between them."""
    right, test = float(curve["train"][:, at].mean()), float(curve["test"][:, at].mean())
    return right, test, right - test


def difference(after, before):
    """(mean, standard error) of after - before, net by net, or image by image; of a single one the error is inf."""
    d = np.asarray(after, np.float64) - np.asarray(before, np.float64)
    return float(d.mean()), float(d.std(ddof=1) / len(d) ** 0.5) if len(d) > 1 else np.inf


def gain(after, before):
    """`difference` in figures: +0.012 ± 0.004."""
    return "{:+.3f} ± {:.3f}".format(*difference(after, before))


def beyond(after, before, least=0.0):
    """Whether after - before is above `least` by two standard errors: what is within them is noise."""
    mean, error = difference(after, before)
    return bool(mean - 2 * error > least)


def pair(run, axis, curve, i=0, name=""):
    """Draws the accuracy in training, solid, and in the test, dashed: means, and the range of the nets round them."""
    lead = f"{name}, " if name else ""
    for part, line, word in (("train", "-", run.say("training", "학습")), ("test", "--", run.say("test", "시험"))):
        values, x = curve[part], curve["epoch"]
        look = {
            "color": COLOURS[i],
            "marker": MARKERS[i],
            "markerfacecolor": COLOURS[i] if part == "train" else "white",
        }
        axis.plot(x, values.mean(axis=0), line, label=lead + word, **look)
        axis.fill_between(x, values.min(axis=0), values.max(axis=0), color=COLOURS[i], alpha=0.12, linewidth=0)
    axis.set(xlabel=run.say("epoch", "에포크"), ylabel=run.say("accuracy", "정확도"), ylim=(0, 1.04))
