"""Four rates of dropout, epoch by epoch."""

from ..experiment import Experiment
from ..few import end, several
from ..style import COLOURS, LINES, MARKERS, legend_below


class DropoutRates(Experiment):
    name = "dropout-rates"
    title = "Dropout of 0, 0.2, 0.5 and 0.8", "드롭아웃 0, 0.2, 0.5, 0.8"
    see = (
        "Left: the accuracy in training; the larger the rate, the slower it rises, since each step sees only a part "
        "of the net. Right: in the test. The net without dropout stops rising first. 0.2 overtakes it soon, 0.5 "
        "later; 0.8 has not caught up at the end: a layer of 100 units has 20 left, and they are others at every "
        "step. The usual advice is 0.5, which was meant for layers of thousands of units trained for hundreds of "
        "thousands of steps. Here, with 100 units and 900 steps, less is better. With seven layers 0.5 does not even "
        "begin to learn: see the experiment dropout.",
        "왼쪽: 학습 정확도이다. 비율이 클수록 느리게 오른다. 걸음마다 신경망의 일부만 보기 때문이다. 오른쪽: 시험 "
        "정확도이다. 드롭아웃이 없으면 먼저 멈춘다. 0.2가 곧, 0.5는 나중에 앞지른다. 0.8은 끝까지 따라잡지 못한다. "
        "100유닛 층에 20개만 남고 그것도 걸음마다 다르다. 흔히 0.5를 권하지만, 유닛 수천 개인 층을 수십만 걸음 "
        "학습시킬 때의 값이다. 100유닛, 900걸음인 여기서는 더 작은 값이 낫다. 일곱 층이면 0.5로는 학습이 시작되지도 "
        "않는다. 실험 dropout을 보라.",
    )
    claims = {
        "helps": ("0.2 is better on the test images than none", "0.2는 없는 것보다 시험 이미지를 더 잘 맞힌다"),
        "slower": (
            "the larger the rate, the slower the net learns",
            "비율이 클수록 느리게 배운다",
        ),
        "much": ("0.8 is too much: worse than none", "0.8은 지나치다. 없는 것보다 못하다"),
        "half": ("the usual 0.5 is the best of the four", "흔히 쓰는 0.5가 넷 중 가장 좋다"),
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
    quick = {"repeats": 3}
    datasets = ("digits", "mnist")

    def measure(self, run):
        s = run.settings
        with run.progress(s.repeats * s.epochs * len(s.rates)) as bar:
            return {"curves": {p: several(run, dropout=p, bar=bar) for p in s.rates}}

    def judge(self, run, numbers):
        curves, early = numbers["curves"], run.settings.early
        test = {p: end(curve)[1] for p, curve in curves.items()}
        first = {p: end(curve, int(abs(curve["epoch"] - early).argmin()))[0] for p, curve in curves.items()}
        order = list(first.values())
        ends = ", ".join(f"{p:g}: {value:.3f}" for p, value in test.items())
        starts = ", ".join(f"{p:g}: {value:.2f}" for p, value in first.items())
        return {
            "helps": (test[0.2] > test[0.0], f"{test[0.0]:.3f} → {test[0.2]:.3f}"),
            "slower": (
                order == sorted(order, reverse=True),
                (f"in training after {early} epochs {starts}", f"{early}에포크 뒤 학습 정확도 {starts}"),
            ),
            "much": (test[0.8] < test[0.0], f"{test[0.0]:.3f} → {test[0.8]:.3f}"),
            "half": (max(test, key=lambda p: test[p]) == 0.5, (f"in the test {ends}", f"시험 정확도 {ends}")),
        }

    def draw(self, run, numbers):
        figure, axes = run.figure(1, 2, size=(12.5, 5.8))
        for i, (p, curve) in enumerate(numbers["curves"].items()):
            for axis, part in zip(axes, ("train", "test"), strict=True):
                look = {"color": COLOURS[i], "linestyle": LINES[i], "marker": MARKERS[i]}
                axis.semilogx(curve["epoch"], curve[part].mean(axis=0), label=f"{p:g}", **look)
        for axis, title in zip(axes, (run.say("training", "학습"), run.say("test", "시험")), strict=True):
            axis.set(title=title, xlabel=run.say("epoch", "에포크"), ylabel=run.say("accuracy", "정확도"))
        axes[1].set_ylim(0.7, 0.96)
        legend_below(figure, axes[0], 4, title=run.say("dropout", "드롭아웃"))
        return figure
