"""Four rates of dropout, epoch by epoch."""

from ..experiment import Experiment
from ..few import beyond, end, gain, several
from ..style import COLOURS, LINES, MARKERS, legend_below


class DropoutRates(Experiment):
    name = "dropout-rates"
    title = "Dropout of 0, 0.2, 0.5 and 0.8", "드롭아웃 0, 0.2, 0.5, 0.8"
    see = (
        "Left: the accuracy in training; the larger the rate, the slower it rises, since each step sees only a part "
        "of the net. Middle: in the test. 0.2 and 0.5 end above the net without dropout, but by less than a "
        "hundredth; 0.8 has not caught up at the end: a layer of 100 units has 20 left, and they are others at every "
        "step. Right: the loss in the test, where it is a tenth. Without dropout it stops falling while the net goes "
        "on to be surer of all it says, of its errors, too. Dropout makes the probabilities better, more than it "
        "makes the answers better. With seven layers 0.5 does not even begin to learn: see the experiment dropout.",
        "왼쪽: 학습 정확도이다. 비율이 클수록 느리게 오른다. 걸음마다 신경망의 일부만 보기 때문이다. 가운데: 시험 "
        "정확도이다. 0.2와 0.5는 드롭아웃이 없는 것보다 높게 끝나지만 차이는 100분의 1이 안 된다. 0.8은 끝까지 "
        "따라잡지 못한다. 100유닛 층에 20개만 남고 그것도 걸음마다 다르다. 오른쪽: 시험 손실이다. 여기서는 차이가 "
        "10분의 1쯤 된다. 드롭아웃이 없으면 손실이 더 내려가지 않는데도 신경망은 틀린 답까지 점점 더 확신한다. "
        "드롭아웃은 답보다 확률을 더 좋게 한다. 일곱 층이면 0.5로는 학습이 시작되지도 않는다. 실험 dropout을 보라.",
    )
    claims = {
        "loss": ("with 0.2 the loss in the test is lower than with none", "0.2면 없을 때보다 시험 손실이 낮다"),
        "helps": (
            "as often said: with it the test accuracy is clearly higher, by 0.01 beyond the noise",
            "흔히 하는 말: 그러면 시험 정확도가 잡음을 빼고도 0.01 넘게, 뚜렷이 높다",
        ),
        "slower": ("the larger the rate, the slower the net learns", "비율이 클수록 느리게 배운다"),
        "much": ("0.8 is too much: worse than none", "0.8은 지나치다. 없는 것보다 못하다"),
    }
    lecture = {"rates": (0.0, 0.2, 0.5, 0.8)}
    chosen = {
        "images": 300,
        "hidden": (100, 100),
        "init": "he_normal",
        "lr": 0.1,
        "batch": 100,
        "epochs": 300,
        "early": 16,
        "repeats": 6,
    }
    quick = {"repeats": 4}
    datasets = ("digits", "mnist")

    def measure(self, run):
        s = run.settings
        with run.progress(s.repeats * s.epochs * len(s.rates)) as bar:
            return {"curves": {p: several(run, dropout=p, bar=bar) for p in s.rates}}

    def judge(self, run, numbers):
        curves, early = numbers["curves"], run.settings.early
        none, some, *more = run.settings.rates
        test = {p: end(curve)[1] for p, curve in curves.items()}
        right = {p: curve["test"][:, -1] for p, curve in curves.items()}
        loss = {p: float(curve["test_loss"][:, -1].mean()) for p, curve in curves.items()}
        first = {p: end(curve, int(abs(curve["epoch"] - early).argmin()))[0] for p, curve in curves.items()}
        order = list(first.values())
        starts = ", ".join(f"{p:g}: {value:.2f}" for p, value in first.items())
        return {
            "loss": (loss[some] < loss[none], f"{loss[none]:.3f} → {loss[some]:.3f}"),
            "helps": (
                any(beyond(right[p], right[none], 0.01) for p in (some, *more[:-1])),
                f"{test[none]:.3f} → "
                + ", ".join(f"{test[p]:.3f} ({p:g}: {gain(right[p], right[none])})" for p in (some, *more[:-1])),
            ),
            "slower": (
                order == sorted(order, reverse=True),
                (f"in training after {early} epochs {starts}", f"{early}에포크 뒤 학습 정확도 {starts}"),
            ),
            "much": (test[more[-1]] < test[none], f"{test[none]:.3f} → {test[more[-1]]:.3f}"),
        }

    def draw(self, run, numbers):
        figure, axes = run.figure(1, 3, size=(14.0, 5.4))
        for i, (p, curve) in enumerate(numbers["curves"].items()):
            for axis, part in zip(axes, ("train", "test", "test_loss"), strict=True):
                look = {"color": COLOURS[i], "linestyle": LINES[i], "marker": MARKERS[i]}
                axis.plot(curve["epoch"], curve[part].mean(axis=0), label=f"{p:g}", **look)
        titles = (run.say("training", "학습"), run.say("test", "시험"), run.say("test", "시험"))
        accuracy, loss = run.say("accuracy", "정확도"), run.say("cross entropy", "교차 엔트로피")
        for axis, title, what in zip(axes, titles, (accuracy, accuracy, loss), strict=True):
            axis.set(title=title, xlabel=run.say("epoch", "에포크"), ylabel=what)
        axes[1].set_ylim(0.8, 0.97)
        axes[2].set_ylim(0.13, 0.45)
        legend_below(figure, axes[0], 4, title=run.say("dropout", "드롭아웃"))
        return figure
