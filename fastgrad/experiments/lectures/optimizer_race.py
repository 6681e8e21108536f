"""Five update rules train the same net on the same batches."""

import numpy as np

from ... import nn, optim
from ..experiment import Experiment
from ..material import mlp, train
from ..style import legend_below

RULES = {
    "SGD": optim.SGD,
    "Momentum": optim.Momentum,
    "AdaGrad": optim.Adagrad,
    "RMSProp": optim.RMSprop,
    "Adam": optim.Adam,
}
WINDOW = 10  # steps that a loss is averaged over


class OptimizerRace(Experiment):
    name = "optimizer-race"
    title = "Five rules train the same net", "같은 신경망을 학습시키는 다섯 규칙"
    see = (
        "Left: five layers, the same initial values and the same batches for all, the median of three races, each rule "
        "with the rate that books give it. SGD is far behind. The others make longer steps where gradients are small "
        "and steady: Momentum ten times lr, the adaptive ones about lr whatever the size of the gradient. Right: the "
        "loss at the end over the rate. Each rule has a rate of its own at which it is best, and beyond it fails at "
        "once. SGD's is twenty or thirty times the usual one: given that, it overtakes Momentum at its usual rate. A "
        "race at one rate for each rule compares rates as much as rules.",
        "왼쪽: 다섯 층 신경망을 같은 초깃값, 같은 배치로, 책에 나오는 학습률로 학습시켰다. 세 번 겨룬 중앙값이다. "
        "SGD가 크게 뒤진다. 나머지는 기울기가 작고 한결같은 곳에서 더 길게 걷는다. 모멘텀은 lr의 10배, 적응형 규칙은 "
        "기울기 크기와 상관없이 lr 정도이다. 오른쪽: 학습률에 따른 마지막 손실이다. 규칙마다 가장 좋은 학습률이 따로 "
        "있고, 그것을 넘으면 곧 실패한다. SGD는 보통 값의 20~30배가 가장 좋고, 그러면 보통 학습률의 모멘텀을 앞지른다. "
        "규칙마다 학습률 하나로 겨루는 것은 규칙만큼이나 학습률을 견주는 일이다.",
    )
    claims = {
        "slowest": ("at the usual rates SGD is the slowest", "보통 학습률에서는 SGD가 가장 느리다"),
        "adaptive": (
            "the adaptive rules and Momentum reach a loss of 0.2 when SGD has not",
            "적응형 규칙과 모멘텀은 SGD가 못 이른 손실 0.2에 이른다",
        ),
        "rule": (
            "that is the rule's doing: at no rate does SGD overtake Momentum at its usual one",
            "그것은 규칙 탓이다. 어떤 학습률이든 SGD는 보통 학습률의 모멘텀을 앞지르지 못한다",
        ),
    }
    lecture = {"lr": {"SGD": 0.01, "Momentum": 0.01, "AdaGrad": 0.01, "RMSProp": 0.001, "Adam": 0.001}}
    chosen = {
        "hidden": (100, 100, 100, 100),
        "init": "he_normal",
        "batch": 128,
        "epochs": 20,
        "factors": (0.1, 0.3, 1.0, 3.0, 10.0, 20.0, 30.0, 100.0),
        "repeats": 3,
    }
    quick = {"factors": (1.0, 20.0, 30.0)}
    datasets = ("digits", "iris", "mnist")

    def measure(self, run):
        s, data = run.settings, run.data()
        curves: dict = {}
        last: dict = {}
        with run.progress(len(RULES) * len(s.factors) * s.repeats) as bar:
            for name, rule in RULES.items():
                last[name] = []
                for factor in s.factors:
                    races = np.array([race(run, data, rule, factor * s.lr[name], i, bar) for i in range(s.repeats)])
                    last[name].append(middle(races[:, -WINDOW:].mean(axis=1)))
                    if factor == 1:
                        curves[name] = np.median(races, axis=0)
        rates = {name: [factor * s.lr[name] for factor in s.factors] for name in RULES}
        return {"losses": curves, "rates": rates, "last": last}

    def judge(self, run, numbers):
        usual = run.settings.factors.index(1.0)
        last = {name: ends[usual] for name, ends in numbers["last"].items()}
        said = ", ".join(f"{name} {loss:.3f}" for name, loss in last.items())
        best = float(np.nanmin(numbers["last"]["SGD"]))
        rate = numbers["rates"]["SGD"][int(np.nanargmin(numbers["last"]["SGD"]))]
        others = [last[name] for name in RULES if name != "SGD"]
        return {
            "slowest": (last["SGD"] > max(others), (f"loss at the end: {said}", f"마지막 손실: {said}")),
            "adaptive": (
                max(others) < 0.2 < last["SGD"],
                (f"the largest of them is {max(others):.3f}", f"그중 가장 큰 값은 {max(others):.3f}"),
            ),
            "rule": (
                best > last["Momentum"],
                (
                    f"with lr {rate:g} SGD ends at {best:.3f}, Momentum with {run.settings.lr['Momentum']:g} at "
                    f"{last['Momentum']:.3f}",
                    f"SGD는 lr {rate:g}에서 {best:.3f}, 모멘텀은 {run.settings.lr['Momentum']:g}에서 "
                    f"{last['Momentum']:.3f}",
                ),
            ),
        }

    def draw(self, run, numbers):
        figure, (left, right) = run.figure(1, 2, size=(12.0, 5.8))
        for name, losses in numbers["losses"].items():
            smooth = np.convolve(losses, np.ones(WINDOW) / WINDOW, "valid")
            left.semilogy(np.arange(len(smooth)) + WINDOW, smooth, label=f"{name}, lr {run.settings.lr[name]:g}")
            right.loglog(numbers["rates"][name], numbers["last"][name])
        left.set(
            xlabel=run.say("step", "걸음"),
            ylabel=run.say("cross entropy, mean of 10 steps", "교차 엔트로피, 10걸음 평균"),
        )
        left.set_title(run.say("at the usual rates", "보통 학습률에서"))
        right.set(xlabel=run.say("learning rate", "학습률"), ylabel=run.say("loss at the end", "마지막 손실"))
        right.set_title(run.say("over the rate", "학습률에 따라"))
        legend_below(figure, left, 5)
        return figure


def middle(ends):
    """The median; what is no number is above all others, and nan if the median is such a one."""
    found = float(np.median(np.where(np.isfinite(ends), ends, np.inf)))
    return found if np.isfinite(found) else np.nan


def race(run, data, rule, lr, repeat, bar):
    """The loss of every step; initial values and batches of the same `repeat` are the same for all rules and rates."""
    s, rng = run.settings, run.rng(1, repeat)
    net = mlp((data.sizes[0], *s.hidden, data.sizes[1]), nn.ReLU, s.init, rng)
    losses = train(net, rule(net.parameters(), lr=lr), data.x, data.t, epochs=s.epochs, batch=s.batch, rng=rng)
    bar.update(1, f"lr {lr:g}")
    return losses
