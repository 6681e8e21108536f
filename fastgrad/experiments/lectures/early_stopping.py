"""Where the validation loss turns, and what stopping there gains."""

import numpy as np

from ... import nn, optim
from ...autograd import no_grad
from ...tensor import from_numpy
from ...train import Callback, EarlyStopping, fit
from ..experiment import Experiment
from ..few import beyond, build, few, gain
from ..material import Data, evaluate
from ..style import legend_below


class Watch(Callback):
    """Loss and accuracy of each part after every epoch: training, validation, test."""

    def __init__(self, parts, bar):
        self.parts, self.bar, self.rows = parts, bar, []

    def on_epoch_end(self, run):
        self.rows.append([value for part in self.parts for value in evaluate(run.model, *part)])
        self.bar.update(1)


class EarlyStoppingExperiment(Experiment):
    name = "early-stopping"
    title = "Where the validation turns", "검증 손실이 돌아서는 곳"
    see = (
        "One of several nets. Left: the loss in training falls for ever; that of the validation part, of images the "
        "net never learns from, falls, turns, and rises. Early stopping waits there for so many epochs whether it gets "
        "better again, and then goes back to the best net: the shaded epochs are that wait, and what is right of it is "
        "saved. The loss in the test, which nobody looked at, is lower so. Right: the accuracies. They do not turn. "
        "After the turn the net changes few answers; it becomes surer of all it says, and for each of its errors the "
        "loss grows with that. So the validation loss shows where the probabilities are best, not where the net begins "
        "to err more often, as is commonly said.",
        "여러 신경망 가운데 하나이다. 왼쪽: 학습 손실은 끝없이 내려간다. 신경망이 배우지 않는 검증 이미지의 손실은 "
        "내려가다가 돌아서서 올라간다. 조기 종료는 거기서 다시 좋아지는지 정한 에포크만큼 기다렸다가 가장 좋았던 "
        "신경망으로 돌아간다. 색칠한 에포크가 그 기다림이고, 그 오른쪽은 절약된다. 아무도 보지 않은 시험 손실이 그래서 "
        "더 낮다. 오른쪽: 정확도는 돌아서지 않는다. 돌아선 뒤 신경망은 답을 거의 바꾸지 않고 모든 답을 더 확신할 "
        "뿐이며, 틀린 답마다 손실이 그만큼 커진다. 검증 손실은 확률이 가장 좋은 곳을 알려 준다. 흔히 말하듯 더 자주 "
        "틀리기 시작하는 곳이 아니다.",
    )
    claims = {
        "turns": (
            "the validation loss turns while the training loss goes on falling",
            "학습 손실이 내려가는 동안 검증 손실은 돌아선다",
        ),
        "lower": ("the nets stopped have a lower loss in the test", "멈춘 신경망들은 시험 손실이 더 낮다"),
        "restored": (
            "it is the net of the best epoch, bit for bit",
            "그것은 비트까지 가장 좋았던 에포크의 신경망이다",
        ),
        "saves": ("it saves half of the epochs, or more", "에포크의 절반 이상을 절약한다"),
        "errs": (
            "as often said: after the turn the net errs more often in the test, beyond the noise of its images",
            "흔히 하는 말: 돌아선 뒤 신경망은 시험에서, 시험 이미지의 잡음을 빼고도 더 자주 틀린다",
        ),
    }
    chosen = {
        "images": 300,
        "validation": 598,
        "hidden": (100,) * 6,
        "init": "he_normal",
        "lr": 0.05,
        "momentum": 0.9,
        "batch": 100,
        "epochs": 300,
        "patience": 30,
        "repeats": 4,
    }
    quick = {"epochs": 160, "repeats": 3}
    datasets = ("digits", "mnist")

    def measure(self, run):
        s = run.settings
        with run.progress(2 * s.epochs * s.repeats) as bar:
            nets = [self.net(run, repeat, bar) for repeat in range(s.repeats)]
        return {name: [net[name] for net in nets] for name in nets[0]}

    def net(self, run, repeat, bar):
        """One net, with images and initial values of its own: trained to the end, and stopped."""
        s = run.settings
        both = few(run, s.images + s.validation, repeat)
        data = Data(both.x[: s.images], both.t[: s.images], both.x_test, both.t_test)
        held = (both.x[s.images :], both.t[s.images :])
        parts = ((data.x, data.t), held, (data.x_test, data.t_test))
        trained_on, rows, _ = trained(run, data, held, parts, bar, repeat)
        stopped, short, stopping = trained(run, data, held, parts, bar, repeat, patience=s.patience)
        return {
            "curves": np.array(rows),
            "best": stopping.best_epoch,
            "stopped": len(short),
            "same_way": short == rows[: len(short)],
            "restored": [value for part in parts for value in evaluate(stopped, *part)],
            "right": [(answers(net, data.x_test) == data.t_test) for net in (stopped, trained_on)],
        }

    def judge(self, run, numbers):
        curves, best, stopped = numbers["curves"], numbers["best"], numbers["stopped"]
        own = [rows[i - 1] for rows, i in zip(curves, best, strict=True)]
        same = all(list(at) == found for at, found in zip(own, numbers["restored"], strict=True))
        at, end = np.mean(own, axis=0), np.mean([rows[-1] for rows in curves], axis=0)
        when, last = ", ".join(map(str, best)), len(curves[0])
        right = np.mean(numbers["right"], axis=0)  # [2,images]: how many of the nets, stopped and at the end
        more = gain(right[1], right[0])
        return {
            "turns": (
                end[2] > 1.05 * at[2] and end[0] < 0.5 * at[0],
                (
                    f"best in epoch {when}: validation {at[2]:.3f}, then {end[2]:.3f}; training {at[0]:.3f}, then "
                    f"{end[0]:.1g}",
                    f"에포크 {when}에서 가장 좋다. 검증 {at[2]:.3f}, 그다음 {end[2]:.3f}. 학습 {at[0]:.3f}, 그다음 "
                    f"{end[0]:.1g}",
                ),
            ),
            "lower": (
                at[4] < end[4],
                (f"{at[4]:.3f}, at the end {end[4]:.3f}", f"{at[4]:.3f}, 끝에서는 {end[4]:.3f}"),
            ),
            "restored": (
                all(numbers["same_way"]) and same,
                (
                    f"epoch {when} of the {', '.join(map(str, stopped))} that were run",
                    f"{', '.join(map(str, stopped))}에포크 중 {when}번째",
                ),
            ),
            "saves": (np.mean(stopped) <= last / 2, f"{np.mean(stopped):.0f} / {last}"),
            "errs": (
                beyond(right[0], right[1]),
                (
                    f"accuracy {at[5]:.3f}, at the end {end[5]:.3f}: {more} over the images",
                    f"정확도 {at[5]:.3f}, 끝에서는 {end[5]:.3f}: 이미지에 걸쳐 {more}",
                ),
            ),
        }

    def draw(self, run, numbers):
        figure, axes = run.figure(1, 2, size=(12.5, 5.8))
        rows, best, stopped = (numbers[name][0] for name in ("curves", "best", "stopped"))
        names = (run.say("training", "학습"), run.say("validation", "검증"), run.say("test", "시험"))
        epochs = np.arange(1, len(rows) + 1)
        for i, name in enumerate(names):
            axes[0].semilogx(epochs, rows[:, 2 * i], label=name)
            axes[1].semilogx(epochs, rows[:, 2 * i + 1], label=name)
        for axis in axes:
            axis.axvspan(best, stopped, color="#d0d0d0", alpha=0.7, linewidth=0)
            axis.axvline(best, color="black", linewidth=1.2)
            axis.set(xlabel=run.say("epoch", "에포크"))
        axes[0].set(ylim=(0, 1.6), ylabel=run.say("cross entropy", "교차 엔트로피"))
        axes[1].set(ylim=(0, 1.04), ylabel=run.say("accuracy", "정확도"))
        said = run.say(f"best: {best}", f"가장 좋음: {best}")
        axes[0].annotate(said, (best, 1.55), (-6, 0), textcoords="offset points", ha="right", va="top")
        legend_below(figure, axes[0], 3)
        return figure


def answers(net, x):
    """The class that a net gives to each row."""
    with no_grad():
        return net.eval()(from_numpy(x)).numpy().argmax(axis=1)


def trained(run, data, held, parts, bar, repeat, patience=None):
    """Trains a net of the run's seed and of `repeat`: (net, rows of `Watch`, EarlyStopping or None)."""
    s, net, watch = run.settings, build(run, data, repeat=repeat), Watch(parts, bar)
    stopping = EarlyStopping(patience=patience) if patience else None
    optimizer = optim.SGD(net.parameters(), lr=s.lr, momentum=s.momentum)
    how = {"epochs": s.epochs, "batch_size": s.batch, "seed": run.seed + repeat, "progress": False, "validation": held}
    callbacks = [watch, stopping] if stopping else [watch]
    fit(net, (data.x, data.t), nn.functional.cross_entropy, optimizer, callbacks=callbacks, **how)
    return net, watch.rows, stopping
