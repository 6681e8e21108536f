"""Few images and a deep net: right on all that it has seen, less so on others."""

from itertools import pairwise

import numpy as np

from ..experiment import Experiment
from ..few import LECTURE, end, pair, several


class Overfit(Experiment):
    name = "overfit"
    title = "300 images, seven layers", "이미지 300장, 일곱 층"
    see = (
        "Left: the net gets its 300 training images right, but for one or two, and still errs on images it has not "
        "seen: the gap between the two lines is what it has learnt by heart. Right: what the gap depends on. With "
        "three times as many images, of the same kind, it is about half as wide, although the net is the same. Fewer "
        "parameters, as often advised, do not do that by themselves. Seven layers of 10 units have a fortieth of the "
        "parameters; trained five times as long, they have a wider gap and are worse on both parts. One hidden layer "
        "of 10 units has a narrower gap, but is not better on new images: a narrow gap is not the aim, the lower line "
        "is.",
        "왼쪽: 신경망은 학습한 300장을 한둘 빼고 모두 맞히면서도 보지 못한 이미지에서는 틀린다. 두 선 사이의 틈이 외운 "
        "만큼이다. 오른쪽: 틈은 무엇에 달려 있는가. 같은 종류의 이미지를 세 배로 늘리면 신경망이 그대로여도 틈이 "
        "절반쯤으로 준다. 흔히 권하는 대로 매개변수를 줄이는 것만으로는 그렇게 되지 않는다. 10유닛짜리 일곱 층은 "
        "매개변수가 40분의 1이지만 다섯 배 오래 학습시켜도 틈이 더 넓고 양쪽 다 더 나쁘다. 10유닛 한 층은 틈이 좁지만 "
        "새 이미지를 더 잘 맞히지는 않는다. 좁은 틈이 목표가 아니라 아래 선을 올리는 것이 목표다.",
    )
    claims = {
        "heart": (
            "the net gets its training images right, but for one or two: more than 98 %",
            "신경망은 한둘을 빼고 학습 이미지를 모두, 98 % 넘게 맞힌다",
        ),
        "gap": ("on the test images it is behind by 5 % or more", "시험 이미지에서는 5 % 넘게 뒤진다"),
        "more": (
            "with three times as many images the gap is narrower: at most 0.8 of that",
            "이미지가 세 배면 틈이 좁아진다. 그 0.8배를 넘지 않는다",
        ),
        "parameters": (
            "as often said: it is the many parameters; with fewer the test accuracy is higher",
            "흔히 하는 말: 매개변수가 많은 탓이다. 적으면 시험 정확도가 더 높다",
        ),
    }
    lecture = LECTURE
    chosen = {"more": 898, "narrow": 10, "long": 1000, "repeats": 5}
    quick = {"repeats": 2}
    datasets = ("digits", "mnist")

    def measure(self, run):
        s = run.settings
        cases = {
            "deep": {},
            "more": {"images": s.more, "every": s.epochs},
            "narrow": {"hidden": (s.narrow,) * len(s.hidden), "epochs": s.long, "every": s.long},
            "shallow": {"hidden": (s.narrow,), "epochs": s.long, "every": s.long},
        }
        total = s.repeats * sum(case.get("epochs", s.epochs) for case in cases.values())
        with run.progress(total) as bar:
            curves = {name: several(run, bar=bar, **case) for name, case in cases.items()}
        width = run.data().sizes[0]
        hidden = {name: case.get("hidden", s.hidden) for name, case in cases.items()}
        parameters = {name: count((width, *those, 10)) for name, those in hidden.items()}
        return {"curves": curves, "parameters": parameters}

    def judge(self, run, numbers):
        ends = {name: end(curve) for name, curve in numbers["curves"].items()}
        right, test, gap = ends["deep"]
        fewer = [ends[name][1] for name in ("narrow", "shallow")]
        sizes = [f"{numbers['parameters'][name]:,}" for name in ("narrow", "shallow", "deep")]
        return {
            "heart": (right > 0.98, f"{right:.3f}"),
            "gap": (
                gap > 0.05,
                (f"{right:.3f} and {test:.3f}: {gap:.3f} apart", f"{right:.3f}와 {test:.3f}, 틈 {gap:.3f}"),
            ),
            "more": (ends["more"][2] < 0.8 * gap, f"{ends['more'][2]:.3f} / {gap:.3f}"),
            "parameters": (
                max(fewer) > test + 0.01,
                (
                    f"{fewer[0]:.3f} with {sizes[0]} parameters in seven layers, {fewer[1]:.3f} with {sizes[1]} in "
                    f"two, {test:.3f} with {sizes[2]}",
                    f"일곱 층 매개변수 {sizes[0]}개 {fewer[0]:.3f}, 두 층 {sizes[1]}개 {fewer[1]:.3f}, "
                    f"{sizes[2]}개 {test:.3f}",
                ),
            ),
        }

    def draw(self, run, numbers):
        figure, (left, right) = run.figure(1, 2, size=(12.0, 5.8))
        pair(run, left, numbers["curves"]["deep"])
        left.legend(loc="lower right")
        s = run.settings
        wide, narrow, one = (
            run.say(f"{s.hidden[0]} units", f"{s.hidden[0]}유닛"),
            *(
                run.say(f"{s.narrow} units{more}", f"{s.narrow}유닛{korean}")
                for more, korean in (("", ""), (",\none layer", ",\n은닉층 하나"))
            ),
        )
        some, many = (run.say(f"{n} images", f"{n}장") for n in (s.images, s.more))
        cases = {"deep": (some, wide), "more": (many, wide), "narrow": (some, narrow), "shallow": (some, one)}
        names = {name: ",\n".join(words) for name, words in cases.items()}
        bars(run, right, {names[name]: end(curve) for name, curve in numbers["curves"].items()})
        return figure


def count(sizes):
    """The parameters of linear layers of these sizes."""
    return sum((inputs + 1) * outputs for inputs, outputs in pairwise(sizes))


def bars(run, axis, ends):
    """For each case the accuracy in training and in the test, in figures, too."""
    places = np.arange(len(ends))
    for part, (shift, colour, hatch, word) in enumerate(
        ((-0.2, "#808080", "", run.say("training", "학습")), (0.2, "#ffffff", "//", run.say("test", "시험")))
    ):
        values = [each[part] for each in ends.values()]
        drawn = axis.bar(places + shift, values, 0.38, color=colour, hatch=hatch, edgecolor="black", label=word)
        axis.bar_label(drawn, [f"{value:.2f}" for value in values], fontsize=10, padding=2)
    axis.set_xticks(places, list(ends), fontsize=10.5)
    axis.set(ylim=(0, 1.22), ylabel=run.say("accuracy at the end", "마지막 정확도"))
    axis.set_yticks(np.arange(0, 1.01, 0.2))
    axis.grid(False)
    axis.legend(loc="upper center", ncols=2)
