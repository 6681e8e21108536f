"""Sixteen scales of initial values, with and without batch norm."""

import numpy as np

from ... import nn, optim
from ..experiment import Experiment
from ..material import accuracy, mlp, train
from ..style import legend_below


class BatchnormVsInit(Experiment):
    name = "batchnorm-vs-init"
    title = "Batch norm, and the scale of the initial values", "배치 정규화와 초깃값의 크기"
    see = (
        "Sixteen nets of five layers, with weights of deviation 1 down to 0.0001, each with and without batch norm. "
        "Without it only one or two scales round He's learn at all: below, the signal is gone after five layers, "
        "above, it explodes. Batch norm divides every layer's output by its own deviation, so that most learn. But "
        "the scale does not quite go away. Weights c times as large get gradients 1/c as large, so that they turn "
        "1/c² as fast: with deviation 1 the net learns slowly. And what batch norm divides by is sqrt(variance + "
        "0.00001): where weights are so small that the variance is less than that, the signal stays small, and the "
        "net waits or never starts.",
        "가중치의 표준편차를 1에서 0.0001까지 열여섯 가지로 둔 다섯 층 신경망을 배치 정규화 없이, 그리고 함께 "
        "학습시켰다. 없으면 He 근처의 한두 가지 크기에서만 배운다. 그보다 작으면 신호가 다섯 층 뒤에 사라지고, 크면 "
        "폭발한다. 배치 정규화는 층마다 출력을 그 표준편차로 나누므로 대부분 배운다. 하지만 크기가 아주 "
        "상관없어지지는 않는다. c배 큰 가중치의 기울기는 1/c이라 방향이 1/c²만큼 느리게 바뀐다. 그래서 표준편차 "
        "1에서는 천천히 배운다. 그리고 나누는 것은 sqrt(분산 + 0.00001)이다. 가중치가 너무 작아 분산이 그보다 "
        "작으면 신호는 작은 채로 남아, 오래 기다리거나 시작조차 못 한다.",
    )
    claims = {
        "more": ("with batch norm more scales learn than without", "배치 정규화를 쓰면 더 많은 크기에서 배운다"),
        "without": (
            "without it, too large and too small scales do not learn at all",
            "없으면 너무 크거나 작은 크기에서는 전혀 배우지 못한다",
        ),
        "faster": (
            "where both learn, it is at least as fast: in one epoch less or the same",
            "둘 다 배우는 크기에서는 적어도 그만큼 빠르다",
        ),
        "all": (
            "with it every scale learns, in as many epochs",
            "배치 정규화를 쓰면 모든 크기에서 이 에포크 안에 배운다",
        ),
    }
    lecture = {"scales": 16, "largest": 1.0, "smallest": 1e-4, "rows": 1000, "epochs": 20}
    chosen = {"hidden": (100,) * 5, "lr": 0.01, "batch": 100, "learnt": 0.8}
    quick = {"scales": 8}
    datasets = ("digits", "mnist")

    def measure(self, run):
        s, data = run.settings, run.data()
        x, t = data.x[: s.rows], data.t[: s.rows]
        scales = np.geomspace(s.largest, s.smallest, s.scales)
        curves: dict = {"plain": [], "batch norm": []}
        with run.progress(2 * s.scales) as bar:
            for scale in scales:
                for which, found in curves.items():
                    net = mlp(
                        (data.sizes[0], *s.hidden, data.sizes[1]), nn.ReLU, float(scale), run.rng(1), which != "plain"
                    )
                    optimizer, curve = optim.SGD(net.parameters(), lr=s.lr), [accuracy(net, x, t)]

                    def watch(epoch, net=net, curve=curve):
                        curve.append(accuracy(net, x, t))

                    train(net, optimizer, x, t, epochs=s.epochs, batch=s.batch, rng=run.rng(2), each=watch)
                    found.append(curve)
                    bar.update(1, f"{scale:.4f}, {which}")
        return {"scales": scales, "accuracy": {which: np.array(found) for which, found in curves.items()}}

    def judge(self, run, numbers):
        wanted = run.settings.learnt
        plain, norm = numbers["accuracy"]["plain"], numbers["accuracy"]["batch norm"]
        learn, learn_norm = (curves.max(axis=1) > wanted for curves in (plain, norm))
        guess = max(plain[0].max(), plain[-1].max())
        both = learn & learn_norm
        first = [(np.argmax(norm[i] > wanted), np.argmax(plain[i] > wanted)) for i in np.flatnonzero(both)]
        said = ", ".join(f"{a} / {b}" for a, b in first)
        late = [f"{numbers['scales'][i]:.2g}" for i in np.flatnonzero(~learn_norm)]
        return {
            "more": (
                learn_norm.sum() > learn.sum(),
                (
                    f"{learn_norm.sum()} of {len(norm)} reach {wanted:.0%}, {learn.sum()} without",
                    f"{len(norm)}개 중 {learn_norm.sum()}개가 {wanted:.0%}에 이르고, 없으면 {learn.sum()}개",
                ),
            ),
            "without": (
                guess < 0.2,
                (f"accuracy at most {guess:.3f} at both ends", f"양 끝에서 정확도는 많아야 {guess:.3f}"),
            ),
            "faster": (
                both.any() and all(a <= b + 1 for a, b in first),
                (
                    f"epochs to {wanted:.0%}, with / without: {said or 'at no scale do both learn'}",
                    f"{wanted:.0%}까지 에포크, 함께 / 없이: {said or '둘 다 배우는 크기가 없다'}",
                ),
            ),
            "all": (
                learn_norm.all(),
                (f"not {', '.join(late)}", f"{', '.join(late)}에서는 아니다") if late else f"{len(norm)} / {len(norm)}",
            ),
        }

    def draw(self, run, numbers):
        figure, axes = run.figure(
            -(-run.settings.scales // 4), 4, size=(12.5, 8.4), sharex=True, sharey=True, squeeze=False
        )
        labels = {"plain": run.say("without", "없이"), "batch norm": run.say("with batch norm", "배치 정규화")}
        for i, (axis, scale) in enumerate(zip(axes.flat, numbers["scales"], strict=False)):
            for which, style in (("plain", ("C1", "--")), ("batch norm", ("C0", "-"))):
                curve = numbers["accuracy"][which][i]
                axis.plot(curve, color=style[0], linestyle=style[1], marker="", label=labels[which])
            axis.set_title(run.say(f"std {scale:.2g}", f"표준편차 {scale:.2g}"), fontsize=11)
            axis.set(ylim=(0, 1.05))
        for axis in axes[-1]:
            axis.set_xlabel(run.say("epoch", "에포크"))
        figure.supylabel(run.say("accuracy on the training rows", "학습 데이터의 정확도"))
        legend_below(figure, axes[0, 0], 2)
        return figure
