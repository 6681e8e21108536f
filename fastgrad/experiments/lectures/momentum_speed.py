"""How fast momentum gets down a slope that stays the same."""

import numpy as np

from ... import optim
from ...tensor import from_numpy
from ..experiment import Experiment
from ..style import legend_below


class MomentumSpeed(Experiment):
    name = "momentum-speed"
    title = (
        "On an even slope momentum reaches the speed lr / (1 - b)",
        "고른 비탈에서 모멘텀의 속도는 lr / (1 - b)에 이른다",
    )
    see = (
        "On a slope of gradient 1 everywhere, the velocity v = b v + g is 1 + b + b² + ... after so many steps: it "
        "grows to 1 / (1 - b), where friction takes away in a step what the slope adds. So with b = 0.9 a step is "
        "ten times lr in the end, with 0.99 a hundred times. It takes about 2.3 / (1 - b) steps to reach nine "
        "tenths of it. Raising b is raising the learning rate: a rate that was just right without momentum is too "
        "large with it.",
        "어디서나 기울기가 1인 비탈에서 속도 v = b v + g는 걸음을 거듭하며 1 + b + b² + ...이 된다. 비탈이 더하는 "
        "만큼 마찰이 빼앗는 1 / (1 - b)까지 자란다. 그래서 b = 0.9이면 한 걸음은 결국 lr의 10배, 0.99이면 "
        "100배이다. 그 10분의 9에 이르는 데 약 2.3 / (1 - b)걸음이 걸린다. b를 올리는 것은 학습률을 올리는 것과 "
        "같다. 모멘텀 없이 알맞던 학습률은 모멘텀과 함께 쓰면 너무 크다.",
    )
    claims = {
        "ten": ("with b = 0.9 the last step is 10 lr", "b = 0.9이면 마지막 걸음은 10 lr이다"),
        "terminal": ("for every b the speed tends to lr / (1 - b)", "어떤 b에서든 속도는 lr / (1 - b)에 다가간다"),
        "friction": (
            "b = 1 has no terminal speed: every step is longer",
            "b = 1이면 종단 속도가 없다. 걸음이 계속 길어진다",
        ),
    }
    lecture = {"b": (0.0, 0.5, 0.9, 0.99)}
    chosen = {"lr": 0.01, "steps": 1000, "shown": 100}

    def measure(self, run):
        with run.progress(len(run.settings.b) + 1) as bar:
            speeds = {}
            for b in (*run.settings.b, 1.0):
                speeds[b] = speeds_of(b, run.settings)
                bar.update(1, f"b {b}")
        return {"speeds": speeds}

    def judge(self, run, numbers):
        speeds, lr = numbers["speeds"], run.settings.lr
        last = {b: speeds[b][-1] / lr for b in run.settings.b}
        said = ", ".join(f"b {b:g}: {v:.4g} lr" for b, v in last.items())
        none = speeds[1.0] / lr
        return {
            "ten": (abs(last[0.9] - 10) < 1e-6, f"{last[0.9]:.9g} lr"),
            "terminal": (all(abs(v * (1 - b) - 1) < 1e-3 for b, v in last.items()), said),
            "friction": (
                np.all(np.diff(none) > 0.999),
                (
                    f"{none[0]:.0f} lr at first, {none[-1]:.0f} lr after {len(none)} steps",
                    f"처음 {none[0]:.0f} lr, {len(none)}걸음 뒤 {none[-1]:.0f} lr",
                ),
            ),
        }

    def draw(self, run, numbers):
        figure, axis = run.figure()
        steps = np.arange(1, run.settings.shown + 1)
        for b, speed in numbers["speeds"].items():
            axis.semilogy(steps, speed[: len(steps)] / run.settings.lr, label=f"b = {b:g}")
            if b < 1:
                axis.axhline(1 / (1 - b), color="#808080", linewidth=0.8, linestyle=":")
                axis.annotate(
                    f"1 / (1 - {b:g}) = {1 / (1 - b):.0f}",
                    (steps[-1], 1 / (1 - b)),
                    (6, 0),
                    textcoords="offset points",
                    va="center",
                    annotation_clip=False,
                )
        axis.set(
            xlabel=run.say("step", "걸음"),
            ylabel=run.say("length of the step / lr", "걸음의 길이 / lr"),
            xlim=(0, steps[-1]),
        )
        legend_below(figure, axis, 5)
        return figure


def speeds_of(b, settings):
    """The length of every step on the slope f = x."""
    x = from_numpy(np.array([0.0])).requires_grad_()
    optimizer = optim.SGD([x], lr=settings.lr, momentum=b)
    places = [0.0]
    for _ in range(settings.steps):
        optimizer.zero_grad()
        x.sum().backward()
        optimizer.step()
        places.append(x.item())
    return -np.diff(places)
