"""Full batch, batches of 32, single rows: the staircase and the noise."""

import numpy as np

from ... import nn, optim
from ...tensor import from_numpy
from ..experiment import Experiment
from ..material import evaluate, mlp, train
from ..style import legend_below


class BatchSize(Experiment):
    name = "batch-size"
    title = "Full batch, batches of 32, one row at a time", "전체 배치, 32개씩, 하나씩"
    see = (
        "Left: the loss of all rows, after so many passes through them. The full batch makes one step a pass, so "
        "that its curve is a staircase, with one small step down at the end of each pass. Batches of 32 make 44 "
        "steps in that time, single rows 1437, with the same rate: they are far ahead. They pay with noise: a step "
        "on a part of the rows is not a step down for all of them, and with single rows the loss rises nearly as "
        "often as it falls. Right: how far a batch's gradient is from that of all rows, in units of its norm. It "
        "falls as 1/sqrt(B): four times as many rows halve the noise, for four times the work.",
        "왼쪽: 학습 데이터를 한 바퀴, 두 바퀴 도는 동안 전체 손실이다. 전체 배치는 한 바퀴에 한 걸음이라 곡선이 "
        "계단이고, 바퀴가 끝날 때마다 조금 내려간다. 32개씩이면 그동안 44걸음, 하나씩이면 1437걸음을 같은 학습률로 "
        "걸으니 훨씬 앞선다. 대가는 잡음이다. 일부 행으로 걸은 걸음은 전체의 내리막이 아닐 수 있고, 하나씩이면 "
        "손실은 내려가는 만큼이나 자주 올라간다. 오른쪽: 배치의 기울기가 전체의 기울기에서 얼마나 떨어져 있는지 그 "
        "크기에 견준 값이다. 1/sqrt(B)로 줄어든다. 네 배의 행은 네 배의 일로 잡음을 반으로 줄인다.",
    )
    claims = {
        "staircase": (
            "the full batch descends by one step a pass, and every step goes down",
            "전체 배치는 한 바퀴에 한 걸음씩 내려가고, 걸음마다 내려간다",
        ),
        "ahead": (
            "after as many passes, smaller batches are further, at the same rate",
            "같은 학습률로 같은 바퀴 수라면 작은 배치가 더 앞선다",
        ),
        "rises": ("with single rows the loss also rises", "하나씩이면 손실이 오르기도 한다"),
        "root": ("the gradient's noise falls as 1/sqrt(B)", "기울기의 잡음은 1/sqrt(B)로 줄어든다"),
    }
    lecture = {"batches": ("all", 32, 1)}
    chosen = {"hidden": 50, "lr": 0.02, "passes": 5, "points": 160, "noise_batches": (1, 4, 16, 64), "draws": 200}
    quick = {"passes": 3, "points": 60, "draws": 100}
    datasets = ("digits", "iris", "mnist")

    def measure(self, run):
        s, data = run.settings, run.data()
        curves = {}
        with run.progress(len(s.batches) * s.passes) as bar:
            for batch in s.batches:
                size = len(data.x) if batch == "all" else batch
                curves[str(batch)] = descend(run, data, size, bar)
        return {"rows": len(data.x), "curves": curves, "noise": noise(run, data)}

    def judge(self, run, numbers):
        curves, s = numbers["curves"], run.settings
        full = np.array(curves["all"]["loss"])
        last = {batch: curve["loss"][-1] for batch, curve in curves.items()}
        rises = float(np.mean(np.diff(curves["1"]["loss"]) > 0))
        sizes, found = np.array(s.noise_batches), np.array(numbers["noise"])
        slope = float(np.polyfit(np.log(sizes), np.log(found), 1)[0])
        ends = ", ".join(f"{batch}: {loss:.3f}" for batch, loss in last.items())
        return {
            "staircase": (
                len(full) == s.passes + 1 and np.all(np.diff(full) < 0),
                (
                    f"{len(full) - 1} steps in {s.passes} passes, {full[0]:.3f} to {full[-1]:.3f}",
                    f"{s.passes}바퀴에 {len(full) - 1}걸음, {full[0]:.3f}에서 {full[-1]:.3f}",
                ),
            ),
            "ahead": (
                last["1"] < last["32"] < last["all"],
                (f"loss at the end, by batch: {ends}", f"배치별 마지막 손실: {ends}"),
            ),
            "rises": (
                rises > 0.2,
                (
                    f"at {rises:.0%} of the {len(curves['1']['loss']) - 1} points looked at",
                    f"살펴본 {len(curves['1']['loss']) - 1}곳 중 {rises:.0%}에서",
                ),
            ),
            "root": (
                abs(slope + 0.5) < 0.05,
                (f"slope {slope:.3f} in the logarithms", f"로그 눈금에서 기울기 {slope:.3f}"),
            ),
        }

    def draw(self, run, numbers):
        figure, (left, middle, right) = run.figure(1, 3, size=(13.5, 5.8), width_ratios=(4, 3, 3))
        names = {"all": run.say("all rows", "전체"), "32": "32", "1": run.say("1 row", "하나씩")}
        for batch, curve in numbers["curves"].items():
            step = {"drawstyle": "steps-post"} if batch == "all" else {}
            left.semilogy(curve["pass"], curve["loss"], label=names.get(batch, batch), **step)
        full = numbers["curves"]["all"]
        middle.plot(full["pass"], full["loss"], drawstyle="steps-post")
        middle.set(xlabel=run.say("passes", "바퀴 수"), title=run.say("the full batch alone", "전체 배치만"))
        left.set(xlabel=run.say("passes through the training part", "학습 데이터를 돈 바퀴 수"))
        left.set_ylabel(run.say("cross entropy of all rows", "전체의 교차 엔트로피"))
        sizes = np.array(run.settings.noise_batches)
        right.loglog(sizes, numbers["noise"], "o", color="C0")
        right.loglog(sizes, numbers["noise"][0] / np.sqrt(sizes), color="#808080", linestyle="--", marker="")
        right.set(xlabel=run.say("rows in a batch, B", "배치의 행 수 B"))
        right.set_ylabel(
            run.say("‖batch's gradient - all rows'‖ / ‖all rows'‖", "‖배치의 기울기 - 전체의 기울기‖ / ‖전체의 기울기‖")
        )
        right.set_title(run.say("noise; dashed: 1/sqrt(B)", "잡음, 점선은 1/sqrt(B)"))
        right.set_xticks(sizes, [str(size) for size in sizes])
        right.set_yticks((0.5, 1, 2, 4), ("0.5", "1", "2", "4"))
        right.minorticks_off()
        legend_below(figure, left, 3)
        return figure


def network(run, data):
    return mlp((data.sizes[0], run.settings.hidden, data.sizes[1]), nn.ReLU, "he_normal", run.rng(1))


def descend(run, data, size, bar):
    """Trains with batches of `size`; the loss of all rows at the start, and at up to `points` places after."""
    s, net = run.settings, network(run, data)
    optimizer = optim.SGD(net.parameters(), lr=s.lr)
    total = s.passes * (len(data.x) // size)
    places, losses = [0.0], [evaluate(net, data.x, data.t)[0]]

    def look(steps):
        if steps % max(1, total // s.points) == 0 or steps == total:
            places.append(steps * size / len(data.x))
            losses.append(evaluate(net, data.x, data.t)[0])

    rng = run.rng(2)
    train(net, optimizer, data.x, data.t, epochs=s.passes, batch=size, rng=rng, bar=bar, after_step=look)
    return {"pass": places, "loss": losses}


def noise(run, data):
    """For each size of batch the root mean square of ||g_B - g|| / ||g||, at the initial values."""
    net, rng = network(run, data), run.rng(3)

    def gradient(rows):
        net.zero_grad()
        nn.functional.cross_entropy(net(from_numpy(data.x[rows])), from_numpy(data.t[rows])).backward()
        return np.concatenate([p.grad.numpy().ravel() for p in net.parameters()])

    whole = gradient(np.arange(len(data.x)))
    found = []
    for size in run.settings.noise_batches:
        draws = [gradient(rng.integers(0, len(data.x), size)) - whole for _ in range(run.settings.draws)]
        found.append(float(np.sqrt(np.mean([d @ d for d in draws])) / np.linalg.norm(whole)))
    return found
