"""The same net from different initial values, and what zeros really do."""

import re

import numpy as np

from ... import nn, optim
from ..experiment import Experiment
from ..material import mlp, train
from ..style import legend_below

INITS = {"zeros": "zeros", "std 0.01": 0.01, "std 1": 1.0, "Xavier": "xavier_normal", "He": "he_normal"}


class InitRace(Experiment):
    name = "init-race"
    title = "The same net from five kinds of initial values", "다섯 가지 초깃값에서 출발한 같은 신경망"
    see = (
        "Left, with ReLU: He learns first, then Xavier. From 0.01 the signal is 0.07 of itself after every layer, "
        "and the gradient on its way back again: nothing is to be seen in so many epochs. From 1 the first steps "
        "throw the net out of all numbers. Zeros look like 0.01, but are another thing. Right: how far each "
        "parameter moves from zeros. With ReLU every signal and every slope is 0: one parameter alone learns, the "
        "bias of the output, and with it the net says how often each class comes. With sigmoids weights do move, "
        "the less the deeper they lie, but all units of a layer move alike: bit for bit they stay one unit, however "
        "wide the layer is. So zeros do not stop learning; they stop the units from becoming different.",
        "왼쪽은 ReLU이다. He가 가장 먼저, 다음이 Xavier이다. 0.01에서는 신호가 층마다 0.07배가 되고 되돌아오는 "
        "기울기도 그렇다. 이 에포크로는 아무것도 보이지 않는다. 1에서는 첫 걸음들에 수의 범위를 벗어난다. 0은 "
        "0.01과 같아 보이지만 다르다. 오른쪽은 0에서 출발한 매개변수가 얼마나 움직이는가이다. ReLU에서는 신호도 "
        "기울기도 모두 0이다. 출력층 편향 하나만 학습하며, 그것으로 클래스마다 얼마나 자주 나오는지를 말한다. "
        "시그모이드에서는 가중치가 움직이지만(입력에 가까울수록 덜) 한 층의 유닛은 똑같이 움직인다. 층이 아무리 "
        "넓어도 비트 하나까지 같은 한 유닛으로 남는다. 0은 학습을 막는 것이 아니라 유닛들이 서로 달라지는 것을 "
        "막는다.",
    )
    claims = {
        "he": ("with ReLU, He learns faster than Xavier", "ReLU에서 He는 Xavier보다 빨리 배운다"),
        "hundredth": ("std 0.01 does not learn", "표준편차 0.01은 배우지 못한다"),
        "one": ("std 1 explodes", "표준편차 1은 폭발한다"),
        "nothing": ("from zeros nothing learns at all", "0에서는 아무것도 학습되지 않는다"),
        "unit": (
            "from zeros with sigmoids, the units of a layer stay equal, bit for bit, while they learn",
            "0에서 출발한 시그모이드에서 한 층의 유닛은 학습하면서도 비트까지 똑같다",
        ),
    }
    chosen = {"hidden": (100,) * 5, "lr": 0.01, "batch": 100, "epochs": 60}
    quick = {"epochs": 40}
    datasets = ("digits", "mnist")

    def measure(self, run):
        s, data = run.settings, run.data()
        losses, moved, units = {}, {}, {}
        cases = [("ReLU", name) for name in INITS] + [("sigmoid", "zeros")]
        with run.progress(len(cases) * s.epochs) as bar:
            for activation, name in cases:
                function = nn.ReLU if activation == "ReLU" else nn.Sigmoid
                net = mlp((data.sizes[0], *s.hidden, data.sizes[1]), function, INITS[name], run.rng(1))
                optimizer = optim.SGD(net.parameters(), lr=s.lr)
                found = train(net, optimizer, data.x, data.t, epochs=s.epochs, batch=s.batch, rng=run.rng(2), bar=bar)
                if activation == "ReLU":
                    losses[name] = found
                if name == "zeros":
                    moved[activation] = {key: float(np.abs(p.data).max()) for key, p in named(net)}
                    units[activation] = between_units(net)
        return {"losses": losses, "moved_from_zeros": moved, "between_units": units}

    def judge(self, run, numbers):
        per_epoch = {name: means(losses, run.settings.epochs) for name, losses in numbers["losses"].items()}
        last = {name: float(losses[-1]) for name, losses in per_epoch.items()}
        relu, sigmoid = numbers["moved_from_zeros"]["ReLU"], numbers["moved_from_zeros"]["sigmoid"]
        units, moved = numbers["between_units"]["sigmoid"], sigmoid["output weight"]
        start, first = float(per_epoch["std 0.01"][0]), numbers["losses"]["std 1"][0]
        learns = ", ".join(f"{key} {value:.3f}" for key, value in relu.items() if value > 0)
        return {
            "he": (last["He"] < last["Xavier"] < 1.5, f"{last['He']:.3f} < {last['Xavier']:.3f}"),
            "hundredth": (abs(last["std 0.01"] - start) < 0.01, f"{start:.4f}, ..., {last['std 0.01']:.4f}"),
            "one": (not np.isfinite(last["std 1"]), f"{first:.3g}, ..., {last['std 1']}"),
            "nothing": (not learns, (f"moved: {learns or 'nothing'}", f"움직인 것: {learns or '없음'}")),
            "unit": (
                units == 0 and moved > 0,
                (
                    f"difference {units:g}; the output's weights have moved by {moved:.2g}",
                    f"차이 {units:g}, 출력층 가중치는 {moved:.2g}만큼 움직였다",
                ),
            ),
        }

    def draw(self, run, numbers):
        figure, (left, right) = run.figure(1, 2, size=(12.5, 6.0), width_ratios=(3, 2))
        for name, losses in numbers["losses"].items():
            curve = means(losses, run.settings.epochs)
            label = run.say(name, name.replace("zeros", "0").replace("std", "표준편차"))
            left.plot(np.arange(1, len(curve) + 1), np.where(curve < 3, curve, np.nan), label=label)
        first = numbers["losses"]["std 1"][0]
        gone = run.say(
            f"std 1: {first:.0e} at once, then no number", f"표준편차 1: 곧바로 {first:.0e}, 그다음 수가 아님"
        )
        left.annotate(gone, (0.02, 0.97), xycoords="axes fraction", fontsize=10)
        left.set(xlabel=run.say("epoch", "에포크"), ylabel=run.say("cross entropy", "교차 엔트로피"), ylim=(0, 2.7))
        self.bars(run, right, numbers["moved_from_zeros"])
        legend_below(figure, left, 5)
        return figure

    def bars(self, run, axis, moved):
        """How far every parameter has moved from 0; none is drawn for what has not moved."""
        for i, (name, found) in enumerate(moved.items()):
            values = np.array(list(found.values()))
            places = np.arange(len(values)) + 0.4 * i - 0.2
            axis.barh(
                places,
                np.where(values > 0, values, np.nan),
                0.38,
                color=("#ffffff", "#606060")[i],
                hatch=("//", "")[i],
                edgecolor="black",
                label=name,
            )
        keys = list(next(iter(moved.values())))
        words = {"output": "출력층", "weight": "가중치", "bias": "편향"}
        korean = [
            " ".join(words.get(word, word) for word in re.sub(r"layer (\d)", r"\1층", key).split()) for key in keys
        ]
        axis.set_yticks(range(len(keys)), [run.say(*pair) for pair in zip(keys, korean, strict=True)], fontsize=10)
        axis.set(
            xscale="log",
            xlabel=run.say("largest change from 0", "0에서 가장 크게 움직인 거리"),
            title=run.say("from zeros", "0에서 출발"),
        )
        axis.invert_yaxis()
        axis.legend(loc="upper right")


def named(net):
    """The parameters with the layer's number in their names; those of the last layer are the output's."""
    layers = [module for module in net if isinstance(module, nn.Linear)]
    for i, layer in enumerate(layers):
        where = "output" if layer is layers[-1] else f"layer {i + 1}"
        yield from ((f"{where} {what}", getattr(layer, what)) for what in ("weight", "bias"))


def between_units(net):
    """The largest difference between two units of a hidden layer, in what comes in and in what goes out."""
    layers = [module.weight.data for module in net if isinstance(module, nn.Linear)]
    into = max(float(np.abs(w - w[:1]).max()) for w in layers[:-1])
    return max(into, max(float(np.abs(w - w[:, :1]).max()) for w in layers[1:]))


def means(losses, epochs):
    """The mean loss of every epoch."""
    return np.asarray(losses).reshape(epochs, -1).mean(axis=1)
