"""Sigmoid against ReLU on Iris, beside the lecture's table."""

import numpy as np

from ... import nn, optim
from ..experiment import Experiment
from ..few import beyond
from ..material import evaluate, mlp, train
from ..style import legend_below

# Loss and accuracy of the lecture's table: training part, test part.
TABLE = {
    "sigmoid": {"train": (0.8528, 0.7083), "test": (0.8874, 0.6000)},
    "ReLU": {"train": (0.2703, 0.8917), "test": (0.2630, 0.9000)},
}
ACTIVATIONS = {"sigmoid": nn.Sigmoid, "ReLU": nn.ReLU}


class IrisActivations(Experiment):
    name = "iris-activations"
    title = "Iris, two hidden layers: sigmoid against ReLU", "붓꽃, 은닉층 둘: 시그모이드와 ReLU"
    see = (
        "Four lengths in cm, 120 flowers to learn from. Both nets have the same initial values and see the same "
        "batches; the means of several such pairs are shown, each with 30 other flowers for the test. After 500 epochs "
        "the one with ReLU tells nearly all flowers apart; the one with sigmoids has learnt that setosa is another "
        "flower and still guesses at the other two, as in the lecture. Its slope is 1/4 at most, twice: the first "
        "layer gets a twentieth of the gradient. But the curve on the right goes on: with ten times the epochs the "
        "sigmoid net arrives, too. It is slow, not unable.",
        "입력은 cm 단위의 길이 네 개, 학습 데이터는 120송이다. 두 신경망은 초깃값도 배치도 같다. 시험할 30송이를 "
        "바꿔 가며 그런 쌍을 여럿 학습시킨 평균이다. 500에포크 뒤 ReLU "
        "쪽은 꽃을 거의 다 가려낸다. 시그모이드 쪽은 세토사가 다른 꽃이라는 것만 배웠고, 강의에서처럼 나머지 둘은 "
        "아직 찍는다. 시그모이드의 기울기는 많아야 1/4이고 그것이 두 번 곱해져, 첫 층에는 기울기가 조금밖에 오지 "
        "않는다. 하지만 오른쪽 곡선은 계속 내려간다. 열 배를 학습하면 시그모이드도 다다른다. 못하는 것이 아니라 "
        "느린 것이다.",
    )
    claims = {
        "relu": ("ReLU reaches the lecture's row or better", "ReLU는 강의 표의 값 이상에 이른다"),
        "lags": (
            "sigmoid lags as it does there: a loss of more than three times ReLU's, an accuracy lower by 0.1",
            "시그모이드는 강의에서처럼 뒤진다. 손실은 ReLU의 세 배가 넘고 정확도는 0.1 넘게 낮다",
        ),
        "slow": (
            "it is slow, not unable: with ten times the epochs its accuracy is above 0.9",
            "못하는 것이 아니라 느린 것이다. 열 배를 학습하면 정확도가 0.9를 넘는다",
        ),
    }
    lecture = {"epochs": 500, "test": 30}
    chosen = {"hidden": (16, 16), "lr": 0.01, "batch": 32, "init": "xavier_uniform", "long": 5000, "repeats": 10}
    quick = {"repeats": 5}
    datasets = ("iris",)

    def measure(self, run):
        s, found = run.settings, {name: list[np.ndarray]() for name in ACTIVATIONS}
        with run.progress(len(ACTIVATIONS) * s.long * s.repeats) as bar:
            for repeat in range(s.repeats):
                split = int(run.rng(0, repeat).integers(2**32))
                data = run.data(test_size=s.test, standard=False, seed=split)
                for name in ACTIVATIONS:
                    found[name].append(curve_of(run, data, name, repeat, bar))
        rows = {name: [table_row(curve, s.epochs) for curve in curves] for name, curves in found.items()}
        means = {name: np.mean(curves, axis=0) for name, curves in found.items()}
        return {
            "curves": means,
            "rows": {name: table_row(curve, s.epochs) for name, curve in means.items()},
            "nets": rows,
            "lecture": TABLE,
        }

    def judge(self, run, numbers):
        rows, nets = numbers["rows"], numbers["nets"]
        relu, sigmoid = rows["ReLU"], rows["sigmoid"]
        better = all(
            relu[part][0] <= TABLE["ReLU"][part][0] and relu[part][1] >= TABLE["ReLU"][part][1] for part in relu
        )
        right = {name: [np.mean([net[part][1] for part in net]) for net in nets[name]] for name in nets}
        slow = numbers["curves"]["sigmoid"][-1]
        return {
            "relu": (better, as_words(relu)),
            "lags": (
                sigmoid["train"][0] > 3 * relu["train"][0] and beyond(right["ReLU"], right["sigmoid"], 0.1),
                as_words(sigmoid),
            ),
            "slow": (
                min(slow[2], slow[4]) > 0.9,
                (
                    f"after {slow[0]:.0f} epochs: train {slow[2]:.4f}, test {slow[4]:.4f}",
                    f"{slow[0]:.0f}에포크 뒤: 학습 {slow[2]:.4f}, 시험 {slow[4]:.4f}",
                ),
            ),
        }

    def draw(self, run, numbers):
        figure, (left, right) = run.figure(1, 2, size=(12.0, 6.0), width_ratios=(2, 3))
        self.bars(run, left, numbers["rows"])
        for i, (name, curve) in enumerate(numbers["curves"].items()):
            for column, part, style in ((1, run.say("train", "학습"), "-"), (3, run.say("test", "시험"), ":")):
                right.loglog(
                    curve[:, 0],
                    curve[:, column],
                    color=f"C{i}",
                    linestyle=style,
                    marker="os"[i],
                    label=f"{name}, {part}",
                )
        right.axvline(run.settings.epochs, color="#808080", linewidth=1)
        right.annotate(
            run.say("the lecture's end", "강의는 여기까지"),
            (run.settings.epochs, 1),
            (4, -12),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
        )
        right.set(xlabel=run.say("epoch", "에포크"), ylabel=run.say("cross entropy", "교차 엔트로피"))
        legend_below(figure, right, 4)
        return figure

    def bars(self, run, axis, rows):
        """Accuracies here and in the lecture, side by side."""
        cases = [(name, part) for name in rows for part in ("train", "test")]
        places = np.arange(len(cases))
        for shift, table, hatch, colour in ((-0.2, TABLE, "//", "#ffffff"), (0.2, rows, "", "#808080")):
            values = [table[name][part][1] for name, part in cases]
            drawn = axis.bar(places + shift, values, 0.38, color=colour, edgecolor="black", hatch=hatch)
            axis.bar_label(drawn, [f"{v:.2f}" for v in values], fontsize=10, padding=2)
            drawn.set_label(run.say("lecture", "강의") if hatch else run.say("here", "여기"))
        epochs = run.settings.epochs
        words = {"train": run.say("train", "학습"), "test": run.say("test", "시험")}
        axis.set_xticks(places, [f"{name}\n{words[part]}" for name, part in cases])
        axis.set(ylim=(0, 1.1), ylabel=run.say(f"accuracy after {epochs} epochs", f"{epochs}에포크 뒤 정확도"))
        axis.grid(False)
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, 1.1), ncols=2)


def curve_of(run, data, name, repeat, bar):
    """Epoch, loss and accuracy of both parts, where the curve is drawn: [points,5], of one net on one split."""
    s, points = run.settings, list[tuple]()
    places = {s.epochs, s.long, *np.geomspace(10, s.long, 90).astype(int).tolist()}
    net = mlp((4, *s.hidden, 3), ACTIVATIONS[name], s.init, run.rng(1, repeat))

    def watch(epoch):
        if epoch + 1 in places:
            points.append((epoch + 1, *evaluate(net, data.x, data.t), *evaluate(net, data.x_test, data.t_test)))

    how = {"epochs": s.long, "batch": s.batch, "rng": run.rng(2, repeat), "each": watch, "bar": bar}
    train(net, optim.SGD(net.parameters(), lr=s.lr), data.x, data.t, **how)
    return np.array(points)


def table_row(curve, epochs):
    at = curve[curve[:, 0] == epochs][0]
    return {"train": (float(at[1]), float(at[2])), "test": (float(at[3]), float(at[4]))}


def as_words(row):
    (loss, right), (test_loss, test_right) = row["train"], row["test"]
    return (
        f"loss / accuracy: train {loss:.4f} / {right:.4f}, test {test_loss:.4f} / {test_right:.4f}",
        f"손실 / 정확도: 학습 {loss:.4f} / {right:.4f}, 시험 {test_loss:.4f} / {test_right:.4f}",
    )
