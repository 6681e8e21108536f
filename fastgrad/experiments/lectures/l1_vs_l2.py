"""What L1 and L2 do to the weights: small ones, or zeros."""

import numpy as np

from ..experiment import Experiment
from ..few import build, few, learn

NAMES = ("none", "L2", "L1", "proximal L1")
KOREAN = ("없음", "L2", "L1", "근접(proximal) L1")


class L1VsL2(Experiment):
    name = "l1-vs-l2"
    title = "The weights under L2 and L1", "L2와 L1을 받은 가중치"
    see = (
        "The weights of one net after training, all four from the same initial values. L2 pulls in proportion to the "
        "weight: the large ones shrink most, the small ones hardly at all, and none becomes 0. L1 pulls all with the "
        "same force, so that weights which the loss does not hold gather at 0. But lectures say that they become 0, "
        "and with the gradient alone none does: a weight that is nearer to 0 than one step jumps over it, to and fro, "
        "for ever. The dark bar counts exact zeros. Only the proximal step, which cuts off at 0 what would jump over "
        "it, sign(w) max(|w| - lr λ, 0), makes them: a third of all weights, which cost neither memory nor time, and "
        "the test accuracy is the same.",
        "같은 초깃값에서 출발한 네 신경망의 학습 뒤 가중치이다. L2는 가중치에 비례해 당긴다. 큰 것이 가장 많이, 작은 "
        "것은 거의 줄지 않으며 0이 되는 것은 없다. L1은 모두를 같은 힘으로 당기므로 손실이 붙들지 않는 가중치는 0에 "
        "모인다. 강의는 0이 된다고 하지만 기울기만으로는 하나도 그렇게 되지 않는다. 0까지의 거리가 한 걸음보다 짧은 "
        "가중치는 0을 건너뛰며 끝없이 오간다. 짙은 막대는 정확히 0인 가중치이다. 0을 건너뛸 것을 0에서 자르는 근접 "
        "단계 sign(w) max(|w| - lr λ, 0)만이 0을 만든다. 가중치의 3분의 1이 0이 되어 메모리도 시간도 들지 않고 시험 "
        "정확도는 그대로다.",
    )
    claims = {
        "l2": ("L2 makes weights smaller, and none 0", "L2는 가중치를 작게 하지만 0으로 만들지 않는다"),
        "l1": ("L1 in the gradient makes weights exactly 0", "기울기에 더한 L1은 가중치를 정확히 0으로 만든다"),
        "proximal": ("the proximal step makes them exactly 0", "근접 단계는 정확히 0으로 만든다"),
        "near": (
            "without it as many are near 0: within a step, or two",
            "그것이 없어도 그만큼이 0 가까이, 한두 걸음 안에 있다",
        ),
        "free": (
            "the zeros cost no test accuracy: 0.015 at most",
            "0이 된 가중치로 시험 정확도는 많아야 0.015 떨어진다",
        ),
    }
    chosen = {
        "l2": 0.01,
        "l1": 0.001,
        "images": 300,
        "hidden": (100,),
        "init": "he_normal",
        "lr": 0.1,
        "batch": 100,
        "epochs": 400,
    }
    datasets = ("digits", "mnist")

    def measure(self, run):
        s, data = run.settings, few(run)
        penalties: tuple[dict, ...] = ({}, {"decay": s.l2}, {"l1": s.l1}, {"l1": s.l1, "proximal": True})
        weights, accuracies = {}, {}
        with run.progress(len(NAMES) * s.epochs) as bar:
            for name, penalty in zip(NAMES, penalties, strict=True):
                net = build(run, data)
                curve = learn(run, data, net, every=s.epochs, bar=bar, **penalty)
                weights[name] = np.concatenate([p.data.ravel() for p in net.parameters() if p.data.ndim == 2])
                accuracies[name] = (float(curve["train"][-1]), float(curve["test"][-1]))
        return {
            "weights": weights,
            "accuracy": accuracies,
            "zeros": {name: zeros(w) for name, w in weights.items()},
            "near": {name: zeros(w, 2 * s.lr * s.l1) for name, w in weights.items()},
            "std": {name: float(w.std()) for name, w in weights.items()},
        }

    def judge(self, run, numbers):
        zero, near, std = numbers["zeros"], numbers["near"], numbers["std"]
        test = {name: both[1] for name, both in numbers["accuracy"].items()}
        return {
            "l2": (
                std["L2"] < 0.9 * std["none"] and zero["L2"] == 0,
                (
                    f"standard deviation {std['none']:.3f} → {std['L2']:.3f}; {zero['L2']:.0%} are 0",
                    f"표준편차 {std['none']:.3f} → {std['L2']:.3f}, 0인 것 {zero['L2']:.0%}",
                ),
            ),
            "l1": (zero["L1"] > 0.01, f"{zero['L1']:.1%}"),
            "proximal": (zero["proximal L1"] > 0.2, f"{zero['proximal L1']:.1%}"),
            "near": (
                near["L1"] > 0.8 * zero["proximal L1"],
                (
                    f"{near['L1']:.1%} within {2 * run.settings.lr * run.settings.l1:g}",
                    f"{2 * run.settings.lr * run.settings.l1:g} 안에 {near['L1']:.1%}",
                ),
            ),
            "free": (
                test["proximal L1"] > test["none"] - 0.015,
                f"{test['none']:.3f} → {test['proximal L1']:.3f}",
            ),
        }

    def draw(self, run, numbers):
        figure, axes = run.figure(2, 2, size=(12.0, 6.8), sharex=True, sharey=True)
        edges = np.linspace(-0.4, 0.4, 82)
        for axis, name, korean in zip(axes.flat, NAMES, KOREAN, strict=True):
            w = numbers["weights"][name]
            zero = w == 0
            axis.hist(w[~zero], edges, histtype="stepfilled", color="#9ecae1", edgecolor="#4f6d7a")
            axis.hist(w[zero], edges, histtype="stepfilled", color="black")
            axis.set(title=run.say(name, korean), yscale="log", ylim=(0.8, 8000))
            said = run.say("exactly 0", "정확히 0") + f": {zero.mean():.1%}\n"
            said += run.say("test accuracy", "시험 정확도") + f": {numbers['accuracy'][name][1]:.3f}"
            axis.text(0.02, 0.96, said, transform=axis.transAxes, va="top", fontsize=11)
        for axis in axes[1]:
            axis.set_xlabel(run.say("weight (those beyond ±0.4 are not shown)", "가중치 (±0.4 밖은 그리지 않음)"))
        for axis in axes[:, 0]:
            axis.set_ylabel(run.say("how many", "개수"))
        return figure


def zeros(weights, within=0.0):
    """The share of weights that are 0, or at most so far from it."""
    return float(np.mean(np.abs(weights) <= within))
