"""Sigmoid against ReLU on Iris, beside the lecture's table."""

import numpy as np

from ... import nn, optim
from ..experiment import Experiment
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
        "batches. After 500 epochs the one with ReLU tells nearly all flowers apart; the one with sigmoids has "
        "learnt that setosa is another flower and still guesses at the other two, as in the lecture. Its slope is "
        "1/4 at most, twice: the first layer gets a twentieth of the gradient. But the curve on the right goes on: "
        "with ten times the epochs the sigmoid net arrives, too. It is slow, not unable.",
        "입력은 cm 단위의 길이 네 개, 학습 데이터는 120송이다. 두 신경망은 초깃값도 배치도 같다. 500에포크 뒤 ReLU "
        "쪽은 꽃을 거의 다 가려낸다. 시그모이드 쪽은 세토사가 다른 꽃이라는 것만 배웠고, 강의에서처럼 나머지 둘은 "
        "아직 찍는다. 시그모이드의 기울기는 많아야 1/4이고 그것이 두 번 곱해져, 첫 층에는 기울기가 조금밖에 오지 "
        "않는다. 하지만 오른쪽 곡선은 계속 내려간다. 열 배를 학습하면 시그모이드도 다다른다. 못하는 것이 아니라 "
        "느린 것이다.",
    )
    claims = {
        "relu": ("ReLU reaches the lecture's row or better", "ReLU는 강의 표의 값 이상에 이른다"),
        "lags": (
            "sigmoid lags as it does there: a loss of more than three times ReLU's, an accuracy below 0.8",
            "시그모이드는 강의에서처럼 뒤진다. 손실은 ReLU의 세 배가 넘고 정확도는 0.8에 못 미친다",
        ),
        "slow": (
            "it is slow, not unable: with ten times the epochs its accuracy is above 0.9",
            "못하는 것이 아니라 느린 것이다. 열 배를 학습하면 정확도가 0.9를 넘는다",
        ),
    }
    lecture = {"epochs": 500, "test": 30}
    chosen = {"hidden": (16, 16), "lr": 0.01, "batch": 32, "init": "xavier_uniform", "long": 5000}
    datasets = ("iris",)

    def measure(self, run):
        s, data = run.settings, run.data(test_size=run.settings.test, standard=False)
        found, places = {}, {s.epochs, s.long, *np.geomspace(10, s.long, 90).astype(int).tolist()}
        with run.progress(len(ACTIVATIONS) * s.long) as bar:
            for name, activation in ACTIVATIONS.items():
                rng = run.rng(2)
                net_losses: list = []
                net = mlp((4, *s.hidden, 3), activation, s.init, run.rng(1))
                optimizer = optim.SGD(net.parameters(), lr=s.lr)

                def watch(epoch, net=net, losses=net_losses):
                    if epoch + 1 in places:
                        losses.append(
                            (epoch + 1, *evaluate(net, data.x, data.t), *evaluate(net, data.x_test, data.t_test))
                        )

                train(net, optimizer, data.x, data.t, epochs=s.long, batch=s.batch, rng=rng, each=watch, bar=bar)
                found[name] = np.array(net_losses)
        rows = {name: table_row(curve, s.epochs) for name, curve in found.items()}
        return {"curves": found, "rows": rows, "lecture": TABLE}

    def judge(self, run, numbers):
        rows = numbers["rows"]
        relu, sigmoid = rows["ReLU"], rows["sigmoid"]
        better = all(
            relu[part][0] <= TABLE["ReLU"][part][0] and relu[part][1] >= TABLE["ReLU"][part][1] for part in relu
        )
        slow = numbers["curves"]["sigmoid"][-1]
        return {
            "relu": (better, as_words(relu)),
            "lags": (
                sigmoid["train"][0] > 3 * relu["train"][0] and max(v[1] for v in sigmoid.values()) < 0.8,
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


def table_row(curve, epochs):
    at = curve[curve[:, 0] == epochs][0]
    return {"train": (float(at[1]), float(at[2])), "test": (float(at[3]), float(at[4]))}


def as_words(row):
    (loss, right), (test_loss, test_right) = row["train"], row["test"]
    return (
        f"loss / accuracy: train {loss:.4f} / {right:.4f}, test {test_loss:.4f} / {test_right:.4f}",
        f"손실 / 정확도: 학습 {loss:.4f} / {right:.4f}, 시험 {test_loss:.4f} / {test_right:.4f}",
    )
