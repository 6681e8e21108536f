"""Weight decay: what 0.1 does to the gap, and to the test accuracy."""

import numpy as np

from ..experiment import Experiment
from ..few import LECTURE, beyond, end, gain, pair, several
from ..style import COLOURS


class WeightDecay(Experiment):
    name = "weight-decay"
    title = "Weight decay", "가중치 감소"
    see = (
        "Left: the net of the experiment overfit, without decay and with λ = 0.1: the mean of several nets, and their "
        "range. The net with decay no longer learns its images by heart: its training accuracy ends far below 1. "
        "Lectures call that success, since training and test are closer. They are, by about a quarter of the gap; but "
        "the lower line has sunk, by some five times as much: at each step a weight loses lr λ = 0.1 % of itself, half "
        "of itself in 693 steps, and the net cannot tell the digits apart any more. Right: other λ. Up to 0.03 hardly "
        "anything changes, a little beyond 0.1 the net does not learn at all, and nowhere between is the test accuracy "
        "higher than without. A narrow gap is not the aim; the lower line is.",
        "왼쪽: 실험 overfit의 신경망을 감소 없이, 그리고 λ = 0.1로 학습시켰다. 여러 신경망의 평균과 범위이다. 감소를 "
        "쓰면 더는 이미지를 외우지 못해 학습 정확도가 1에 한참 못 미친다. 강의는 학습과 시험이 가까워졌다며 "
        "성공이라고 한다. 틈은 4분의 1쯤 줄었다. 그러나 아래 선은 그 다섯 배쯤 내려갔다. 가중치는 걸음마다 lr λ = "
        "0.1 %를, 693걸음이면 절반을 잃고, 신경망은 숫자를 더 가려내지 못한다. 오른쪽: 다른 λ이다. 0.03까지는 거의 "
        "아무것도 바뀌지 않고, 0.1을 조금 넘으면 전혀 배우지 못하며, 그 사이 어디에서도 시험 정확도가 감소 없을 "
        "때보다 높지 않다. 좁은 틈이 목표가 아니라 아래 선을 올리는 것이 목표다.",
    )
    claims = {
        "train": ("with 0.1 the net no longer learns its images by heart", "0.1이면 더는 이미지를 외우지 못한다"),
        "gap": (
            "as the lecture says: 0.1 closes the gap between training and test, to half of it or less",
            "강의에서 하는 말: 0.1이면 학습과 시험 사이의 틈이 닫힌다. 절반 아래로 준다",
        ),
        "lower": (
            "0.1 lowers the test accuracy, by 0.03 or more",
            "0.1은 시험 정확도를 0.03 넘게 떨어뜨린다",
        ),
        "remedy": (
            "it is a remedy: some decay raises the test accuracy, by 0.01 beyond the noise",
            "치료법이다. 어떤 감소는 시험 정확도를 잡음을 빼고도 0.01 올린다",
        ),
    }
    lecture = {**LECTURE, "decay": 0.1}
    chosen = {"decays": (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2), "repeats": 5}
    quick = {"decays": (0.0, 0.03, 0.1), "repeats": 3}
    datasets = ("digits", "mnist")

    def measure(self, run):
        s = run.settings
        decays = sorted({0.0, float(s.decay), *s.decays})
        with run.progress(s.repeats * s.epochs * len(decays)) as bar:
            return {"curves": {decay: several(run, decay=decay, every=10, bar=bar) for decay in decays}}

    def judge(self, run, numbers):
        curves, decay = numbers["curves"], run.settings.decay
        ends = {each: end(curve) for each, curve in curves.items()}
        (right, test, gap), (right_with, test_with, gap_with) = ends[0.0], ends[decay]
        tests = {each: curve["test"][:, -1] for each, curve in curves.items()}
        gaps = {each: curve["train"][:, -1] - tests[each] for each, curve in curves.items()}
        best = max((each for each in ends if each > 0), key=lambda each: ends[each][1])
        return {
            "train": (right_with < 0.95 < right, f"{right:.3f} → {right_with:.3f}"),
            "gap": (
                beyond(gaps[0.0] / 2, gaps[decay]),
                f"{gap:.3f} → {gap_with:.3f}: {gain(gaps[decay], gaps[0.0])}",
            ),
            "lower": (test - test_with > 0.03, f"{test:.3f} → {test_with:.3f}: {gain(tests[decay], tests[0.0])}"),
            "remedy": (
                any(beyond(tests[each], tests[0.0], 0.01) for each in tests),
                (
                    f"at best {ends[best][1]:.3f}, with {best:g}: {gain(tests[best], tests[0.0])}",
                    f"{best:g}에서 가장 높아 {ends[best][1]:.3f}: {gain(tests[best], tests[0.0])}",
                ),
            ),
        }

    def draw(self, run, numbers):
        figure, (left, right) = run.figure(1, 2, size=(12.0, 5.8))
        curves, decay = numbers["curves"], run.settings.decay
        for i, each in enumerate((0.0, decay)):
            pair(run, left, curves[each], i, f"λ = {each:g}")
        places = np.arange(len(curves))
        for part, line, fill, word in ((0, "-", COLOURS[0], "training 학습"), (1, "--", "white", "test 시험")):
            label = run.say(*word.split())
            values = [end(curve)[part] for curve in curves.values()]
            right.plot(places, values, line, color=COLOURS[0], marker="o", markerfacecolor=fill, label=label)
        right.set_xticks(places, [f"{each:g}" for each in curves])
        right.set(xlabel=run.say("decay λ", "감소 λ"), ylim=(0, 1.04))
        right.set_ylabel(run.say("accuracy at the end", "마지막 정확도"))
        for axis in (left, right):
            axis.legend(loc="lower left" if axis is right else "lower right")
        return figure
