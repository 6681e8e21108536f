"""The mean of several nets; and whether dropout's weight scaling is such a mean."""

import itertools

import numpy as np

from ... import nn
from ...autograd import no_grad
from ...tensor import from_numpy
from ..experiment import Experiment
from ..few import LECTURE, build, few, learn


class Ensemble(Experiment):
    name = "ensemble"
    title = "Ensembles, and dropout as one", "앙상블, 그리고 앙상블로서의 드롭아웃"
    see = (
        "Left: five nets, which differ by their initial values and the order of the images. They err on different "
        "images, so that the mean of their probabilities errs less often than they do. Middle: one net with dropout, "
        "asked many times, each time with other units missing: the mean of so many answers, and beside it the one "
        "answer of the whole net with its signals scaled, which is said to be that mean. Both are right equally "
        "often. Right: how far the probabilities of the two are apart. The distance falls while the masks average "
        "out, and then stops falling: the scaled net is close to the mean of the masks, but is not that mean. In one "
        "layer with a softmax it is a mean exactly, namely the geometric one of all masks, not the arithmetic one; "
        "through several layers with ReLU it is neither.",
        "왼쪽: 초깃값과 이미지 순서가 다른 신경망 다섯이다. 서로 다른 이미지에서 틀리므로 확률의 평균은 각자보다 덜 "
        "틀린다. 가운데: 드롭아웃을 쓴 신경망 하나에게 매번 다른 유닛을 빼고 여러 번 물은 답의 평균과, 그 평균이라고 "
        "하는 답, 곧 신호의 크기를 맞춘 전체 신경망의 답이다. 둘은 똑같이 자주 맞힌다. 오른쪽: 두 확률이 얼마나 "
        "떨어져 있는가. 마스크가 평균되는 동안 거리가 줄다가 멈춘다. 크기를 맞춘 신경망은 마스크의 평균에 가깝지만 그 "
        "평균은 아니다. 소프트맥스가 붙은 한 층에서는 정확히 평균이다. 다만 산술 평균이 아니라 모든 마스크의 기하 "
        "평균이다. ReLU가 있는 여러 층에서는 어느 쪽도 아니다.",
    )
    claims = {
        "mean": ("five nets together are better than one of them is on average", "다섯의 평균은 하나의 평균보다 낫다"),
        "best": ("they are at least as good as the best of them", "다섯의 평균은 가장 좋은 하나에 못지않다"),
        "masks": (
            "weight scaling is right as often as the mean of many masks, within 0.01",
            "크기를 맞춘 답은 마스크 평균과 0.01 안에서 똑같이 맞힌다",
        ),
        "one": (
            "in one layer with a softmax it is the geometric mean of all masks",
            "소프트맥스 한 층에서는 모든 마스크의 기하 평균이다",
        ),
        "same": (
            "as often said: it is the mean of the masks. Probabilities agree within 0.01",
            "흔히 하는 말: 그것이 마스크의 평균이다. 확률이 0.01 안에서 같다",
        ),
    }
    lecture = {**LECTURE, "nets": 5}
    chosen = {"p": 0.2, "dropout_lr": 0.1, "masks": 300, "layer": 10}
    quick = {"masks": 100}
    datasets = ("digits", "mnist")

    def measure(self, run):
        s, data = run.settings, few(run)
        with run.progress((s.nets + 1) * s.epochs) as bar:
            members = [member(run, data, repeat, bar) for repeat in range(s.nets)]
            net = build(run, data, dropout=s.p)
            learn(run, data, net, lr=s.dropout_lr, every=s.epochs, bar=bar)
        scaled, means = probabilities(net, data.x_test), masked(net, data.x_test, s.masks)
        t = data.t_test
        return {
            "members": [right(each, t) for each in members],
            "together": [right(np.mean(members[: k + 1], axis=0), t) for k in range(s.nets)],
            "scaled": right(scaled, t),
            "masked": [right(mean, t) for mean in means],
            "distance": [float(np.abs(mean - scaled).mean()) for mean in means],
            "largest": float(np.abs(means[-1] - scaled).max()),
            "layer": one_layer(run.rng(3), s.layer, s.p),
        }

    def judge(self, run, numbers):
        members, together = numbers["members"], numbers["together"][-1]
        scaled, masked, layer = numbers["scaled"], numbers["masked"][-1], numbers["layer"]
        return {
            "mean": (together > np.mean(members), f"{np.mean(members):.3f} → {together:.3f}"),
            "best": (together >= max(members), f"{max(members):.3f} → {together:.3f}"),
            "masks": (
                abs(scaled - masked) <= 0.01,
                (
                    f"{scaled:.3f}, and {masked:.3f} of {run.settings.masks} masks",
                    f"{scaled:.3f}, 마스크 {run.settings.masks}개 {masked:.3f}",
                ),
            ),
            "one": (
                layer["geometric"] < 1e-12 < layer["arithmetic"],
                (
                    f"off by {layer['geometric']:.0e} over all {layer['masks']} masks; from the arithmetic mean by "
                    f"{layer['arithmetic']:.3f}",
                    f"마스크 {layer['masks']}개 전부에서 오차 {layer['geometric']:.0e}, 산술 평균과는 "
                    f"{layer['arithmetic']:.3f}",
                ),
            ),
            "same": (
                numbers["largest"] < 0.01,
                (
                    f"{numbers['distance'][-1]:.4f} apart on average, {numbers['largest']:.2f} at most",
                    f"평균 {numbers['distance'][-1]:.4f}, 최대 {numbers['largest']:.2f}",
                ),
            ),
        }

    def draw(self, run, numbers):
        figure, (left, middle, right_axis) = run.figure(1, 3, size=(13.5, 5.0))
        places = np.arange(1, len(numbers["members"]) + 1)
        left.bar(places, numbers["members"], 0.6, color="#d0d0d0", edgecolor="black", label=run.say("one net", "하나"))
        left.plot(places, numbers["together"], "o-", color="C0", label=run.say("mean of the first k", "앞 k개의 평균"))
        low = min(numbers["members"])
        left.set(ylim=(low - 0.03, 1.0), xlabel=run.say("net k", "신경망 k"))
        left.set_ylabel(run.say("test accuracy", "시험 정확도"))
        left.legend(loc="upper left")
        count = np.arange(1, len(numbers["masked"]) + 1)
        middle.semilogx(count, numbers["masked"], "-", color="C0", label=run.say("mean of the masks", "마스크의 평균"))
        middle.axhline(
            numbers["scaled"], color="black", linestyle="--", label=run.say("weight scaling", "크기를 맞춘 답")
        )
        middle.set(xlabel=run.say("masks", "마스크 수"), ylabel=run.say("test accuracy", "시험 정확도"))
        middle.legend(loc="lower right")
        right_axis.semilogx(count, numbers["distance"], "-", color="C0")
        right_axis.set(xlabel=run.say("masks", "마스크 수"), ylim=(0, 1.1 * max(numbers["distance"])))
        right_axis.set_ylabel(run.say("mean distance of probabilities", "확률 사이의 평균 거리"))
        return figure


def member(run, data, repeat, bar):
    net = build(run, data, repeat=repeat)
    learn(run, data, net, every=run.settings.epochs, repeat=repeat, bar=bar)
    return probabilities(net, data.x_test)


def probabilities(net, x):
    """What a net answers with all its units, [N,C] float64."""
    with no_grad():
        return nn.functional.softmax(net.eval()(from_numpy(x)), 1).numpy().astype(np.float64)


def masked(net, x, masks):
    """The mean of the answers with 1, 2, ..., `masks` masks drawn at random, [masks,N,C]."""
    net.train()
    with no_grad():
        answers = [nn.functional.softmax(net(from_numpy(x)), 1).numpy() for _ in range(masks)]
    return np.cumsum(answers, axis=0, dtype=np.float64) / np.arange(1, masks + 1)[:, None, None]


def right(answers, t):
    return float(np.mean(answers.argmax(axis=1) == t))


def one_layer(rng, inputs, p, classes=4):
    """How far a softmax of scaled inputs is from the two means over all masks, of a layer drawn at random.

    Each of the 2^inputs masks counts by its probability. Source: Baldi and Sadowski, "Understanding dropout", 2013.
    """
    x, w = rng.standard_normal(inputs), 2 * rng.standard_normal((inputs, classes))
    masks = np.array(list(itertools.product((0.0, 1.0), repeat=inputs)))
    chance = np.prod(np.where(masks == 1, 1 - p, p), axis=1)
    answers = softmax((masks * x) @ w)
    scaled = softmax(((1 - p) * x) @ w)
    geometric = softmax(chance @ np.log(answers))
    return {
        "masks": len(masks),
        "geometric": float(np.abs(geometric - scaled).max()),
        "arithmetic": float(np.abs(chance @ answers - scaled).max()),
    }


def softmax(a):
    return nn.functional.softmax(from_numpy(np.atleast_2d(a)), 1).numpy().reshape(a.shape)
