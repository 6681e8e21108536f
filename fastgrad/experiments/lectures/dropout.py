"""Dropout on the deep net with few images: 0.2, 0.5, and how long it takes."""

from ..experiment import Experiment
from ..few import LECTURE, end, pair, several
from ..style import legend_below


class Dropout(Experiment):
    name = "dropout"
    title = "Dropout", "드롭아웃"
    see = (
        "Left: at the lecture's end, after 201 epochs, the net with a dropout of 0.2 errs on its training images, "
        "too. That is not a smaller gap but an unfinished training: of six hidden layers each passes on four fifths "
        "of its units, so that every step sees another net, in a noise that the small steps have to average out. With "
        "0.5 nothing is learnt at all: through six layers only noise arrives. Right: five times the epochs. Now the "
        "net with dropout knows its images as well as the other, and has caught up on new ones: single nets are level "
        "or up to 0.03 ahead, on average 0.01. Dropout helps, and asks "
        "for longer training; at the same number of epochs it looks worse than it is.",
        "왼쪽: 강의가 끝나는 201에포크에서 드롭아웃 0.2인 신경망은 학습 이미지도 틀린다. 틈이 줄어든 것이 아니라 "
        "학습이 덜 끝난 것이다. 은닉층 여섯이 저마다 유닛의 5분의 4만 넘기므로 걸음마다 다른 신경망이 되고, 작은 "
        "걸음들이 그 잡음을 평균 내야 한다. 0.5면 아무것도 배우지 못한다. 여섯 층을 지나면 잡음만 닿는다. 오른쪽: "
        "에포크를 다섯 배로 늘렸다. 이제 드롭아웃 쪽도 이미지를 똑같이 알고, 새 이미지에서도 따라잡는다. 신경망에 따라 "
        "같거나 0.03까지, 평균 0.01쯤 앞선다. 드롭아웃은 도움이 되지만 더 긴 학습이 필요하다. 에포크 수가 같으면 "
        "실제보다 나빠 보인다.",
    )
    claims = {
        "train": (
            "after 201 epochs the net with 0.2 no longer knows its images by heart",
            "201에포크 뒤 0.2인 신경망은 이미지를 외우지 못한다",
        ),
        "better": (
            "the remedy of the lecture: then the net with 0.2 is better on the test images",
            "강의의 치료법: 그때 0.2인 신경망이 시험 이미지를 더 잘 맞힌다",
        ),
        "half": ("0.5 does not train this net", "0.5로는 이 신경망이 학습되지 않는다"),
        "time": (
            "given five times the epochs, 0.2 catches up on the test images: it is ahead, or less than 0.02 behind",
            "에포크를 다섯 배 주면 0.2가 시험 이미지에서 따라잡는다. 앞서거나, 뒤져도 0.02가 안 된다",
        ),
    }
    lecture = {**LECTURE, "p": 0.2}
    chosen = {"long": 1000, "much": 0.5, "repeats": 4}
    quick = {"repeats": 1}
    datasets = ("digits", "mnist")

    def measure(self, run):
        s = run.settings
        cases = {0.0: s.long, s.p: s.long, s.much: s.epochs}
        with run.progress(s.repeats * sum(cases.values())) as bar:
            return {
                "curves": {p: several(run, dropout=p, epochs=epochs, every=10, bar=bar) for p, epochs in cases.items()}
            }

    def judge(self, run, numbers):
        s, curves = run.settings, numbers["curves"]
        (right, test, _), (right_with, test_with, _) = (end(until(curves[p], s.epochs)) for p in (0.0, s.p))
        late, late_with = end(curves[0.0]), end(curves[s.p])
        much = end(curves[s.much])
        return {
            "train": (right_with < 0.95 < right, f"{right:.3f} → {right_with:.3f}"),
            "better": (test_with > test, f"{test:.3f} → {test_with:.3f}"),
            "half": (
                much[0] < 0.5,
                (f"{much[0]:.3f} of the training images right", f"학습 이미지의 {much[0]:.3f}을 맞힘"),
            ),
            "time": (
                test_with < test - 0.02 and late_with[1] > late[1] - 0.02,
                (
                    f"after {s.long} epochs {late[1]:.3f} → {late_with[1]:.3f}",
                    f"{s.long}에포크 뒤 {late[1]:.3f} → {late_with[1]:.3f}",
                ),
            ),
        }

    def draw(self, run, numbers):
        s, curves = run.settings, numbers["curves"]
        figure, axes = run.figure(1, 2, size=(12.5, 6.2), sharey=True)
        names = {0.0: run.say("none", "없음"), s.p: f"{s.p:g}", s.much: f"{s.much:g}"}
        for i, (p, curve) in enumerate(curves.items()):
            pair(run, axes[0], until(curve, s.epochs), i, names[p])
            if p != s.much:
                pair(run, axes[1], curve, i, names[p])
        axes[0].set_title(run.say(f"to the lecture's end, {s.epochs} epochs", f"강의가 끝나는 {s.epochs}에포크까지"))
        axes[1].set(title=run.say(f"{s.long} epochs", f"{s.long}에포크"), ylabel="")
        legend_below(figure, axes[0], 3, title=run.say("dropout", "드롭아웃"))
        return figure


def until(curve, epoch):
    """The curves up to an epoch."""
    shown = curve["epoch"] <= epoch
    return {name: values[..., shown] for name, values in curve.items()}
