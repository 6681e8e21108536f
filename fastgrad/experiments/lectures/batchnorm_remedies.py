"""Batch norm, dropout, L2, and pairs of them: does the first make the others needless?"""

import time
from statistics import median

import numpy as np

from ... import nn, optim
from ...capture import capture
from ...tensor import from_numpy
from ..experiment import Experiment
from ..few import build, end, few, several

CASES: dict[str, dict] = {
    "none": {},
    "BN": {"batch_norm": True},
    "D": {"dropout": 1},
    "L2": {"decay": 1},
    "BN + D": {"batch_norm": True, "dropout": 1},
    "BN + L2": {"batch_norm": True, "decay": 1},
    "D + L2": {"dropout": 1, "decay": 1},
}


class BatchnormRemedies(Experiment):
    name = "batchnorm-remedies"
    title = "Batch norm, dropout, L2", "배치 정규화, 드롭아웃, L2"
    see = (
        "The seven-layer net with 300 images: without help, with batch norm (BN), dropout (D), L2, and pairs. It is "
        "often said that batch norm regularises, and so makes dropout and L2 needless. Here it does not: alone it is "
        "below the net without any help, for it learns its images by heart sooner, and a batch of 100 out of 300 "
        "gives mean and variance with little noise. Dropout, which adds little to the plain net, adds a lot to this "
        "one, and makes up for it. Batch norm makes training easier; it does not replace what acts against learning "
        "by heart. It costs two parameters a unit (and two running statistics), next to nothing beside the weights; "
        "and time, in every step.",
        "300장으로 학습한 일곱 층 신경망이다. 그대로, 배치 정규화(BN), 드롭아웃(D), L2, 그리고 둘씩 함께. 배치 "
        "정규화가 규제 효과를 내므로 드롭아웃과 L2가 필요 없다고들 한다. 여기서는 그렇지 않다. 혼자 쓰면 아무것도 "
        "쓰지 않은 것보다 못하다. 이미지를 더 빨리 외우고, 300장 중 100장의 배치는 평균과 분산에 잡음을 거의 주지 "
        "않는다. 그냥 신경망에는 조금밖에 보태지 않는 드롭아웃이 여기서는 많이 보태어 그것을 메운다. 배치 정규화는 "
        "학습을 쉽게 할 뿐 외우는 것을 막는 것들을 대신하지 못한다. 값은 유닛마다 매개변수 둘(그리고 이동 통계 둘)로 "
        "가중치에 비하면 거의 없지만, 걸음마다 시간이 든다.",
    )
    claims = {
        "regularises": (
            "batch norm alone is better on the test images than nothing, by 0.01",
            "배치 정규화만으로 아무것도 없는 것보다 시험 이미지를 0.01 더 잘 맞힌다",
        ),
        "needless": (
            "it makes the others needless: with it neither dropout nor L2 adds 0.01",
            "나머지가 필요 없게 된다. 드롭아웃도 L2도 0.01을 보태지 못한다",
        ),
        "joint": (
            "dropout adds more to batch norm than to the net without it",
            "드롭아웃은 그냥 신경망보다 배치 정규화에 더 많이 보탠다",
        ),
        "parameters": (
            "it costs two parameters a unit, 3 % of them at most",
            "유닛마다 매개변수 둘, 전체의 3 % 이하가 든다",
        ),
        "time": ("it costs time: a step takes longer", "시간이 든다. 한 걸음이 길어진다"),
    }
    lecture = {"images": 300, "hidden": (100,) * 6, "init": "he_normal", "batch": 100, "epochs": 201}
    chosen = {"lr": 0.1, "dropout": 0.2, "decay": 0.01, "repeats": 4, "rounds": 400}
    quick = {"repeats": 1, "rounds": 150}
    datasets = ("digits", "mnist")

    def measure(self, run):
        s, curves = run.settings, {}
        with run.progress(len(CASES) * s.repeats * s.epochs) as bar:
            for name, case in CASES.items():
                how = {key: value if key == "batch_norm" else getattr(s, key) for key, value in case.items()}
                curves[name] = several(run, bar=bar, every=20, **how)
        data = few(run)
        nets = {name: build(run, data, batch_norm=name == "BN") for name in ("none", "BN")}
        parameters = {name: sum(p.data.size for p in net.parameters()) for name, net in nets.items()}
        return {"curves": curves, "parameters": parameters, "microseconds": step_times(run, data, nets)}

    def judge(self, run, numbers):
        test = {name: end(curve)[1] for name, curve in numbers["curves"].items()}
        parameters, times = numbers["parameters"], numbers["microseconds"]
        more = parameters["BN"] - parameters["none"]
        return {
            "regularises": (test["BN"] > test["none"] + 0.01, f"{test['none']:.3f} → {test['BN']:.3f}"),
            "needless": (
                max(test["BN + D"], test["BN + L2"]) < test["BN"] + 0.01,
                (
                    f"{test['BN']:.3f}, with dropout {test['BN + D']:.3f}, with L2 {test['BN + L2']:.3f}",
                    f"{test['BN']:.3f}, 드롭아웃과 함께 {test['BN + D']:.3f}, L2와 함께 {test['BN + L2']:.3f}",
                ),
            ),
            "joint": (
                test["BN + D"] - test["BN"] > test["D"] - test["none"],
                f"{test['BN + D'] - test['BN']:+.3f} / {test['D'] - test['none']:+.3f}",
            ),
            "parameters": (
                more == 2 * sum(run.settings.hidden) and more < 0.03 * parameters["none"],
                f"{parameters['none']:,} + {more:,}: {more / parameters['none']:.1%}",
            ),
            "time": (
                times["BN"] > times["none"],
                f"{times['none']:.0f} → {times['BN']:.0f} µs: {times['BN'] / times['none'] - 1:+.0%}",
            ),
        }

    def draw(self, run, numbers):
        figure, (left, right) = run.figure(1, 2, size=(12.5, 5.6), width_ratios=(5, 2))
        places = np.arange(len(CASES))
        for shift, part, colour, hatch, word in (
            (-0.2, "train", "#808080", "", run.say("training", "학습")),
            (0.2, "test", "#ffffff", "//", run.say("test", "시험")),
        ):
            values = [curve[part][:, -1].mean() for curve in numbers["curves"].values()]
            drawn = left.bar(places + shift, values, 0.38, color=colour, hatch=hatch, edgecolor="black", label=word)
            left.bar_label(drawn, [f"{value:.3f}".lstrip("0") for value in values], fontsize=10, padding=2)
        left.set_xticks(places, [run.say(name, name.replace("none", "없음")) for name in CASES])
        left.set(ylim=(0.8, 1.045), ylabel=run.say("accuracy at the end", "마지막 정확도"))
        left.set_xlabel(
            run.say("BN batch norm, D dropout, L2 weight decay", "BN 배치 정규화, D 드롭아웃, L2 가중치 감소")
        )
        left.grid(False)
        left.legend(loc="upper center", ncols=2)
        drawn = right.bar(
            [0, 1], numbers["microseconds"].values(), 0.5, color=["#ffffff", "#606060"], edgecolor="black"
        )
        right.bar_label(drawn, fmt="%.0f", padding=2)
        right.set_xticks([0, 1], [run.say("none", "없음"), "BN"])
        right.set_ylabel(run.say("a step, µs (median)", "한 걸음, µs (중앙값)"))
        right.margins(y=0.15)
        right.grid(False)
        return figure


def step_times(run, data, nets):
    """Median microseconds of a captured step of each net, in turn, so that what else the machine does meets all."""
    s = run.settings
    x, t = from_numpy(data.x[: s.batch]), from_numpy(data.t[: s.batch])
    steps = {name: captured(net, s.lr) for name, net in nets.items()}
    times: dict = {name: [] for name in nets}
    for round_ in range(s.rounds + 2):
        for name, step in steps.items():
            before = time.perf_counter()
            step(x, t)
            if round_ >= 2:  # the first records the step
                times[name].append(1e6 * (time.perf_counter() - before))
    return {name: median(those) for name, those in times.items()}


def captured(net, lr):
    optimizer = optim.SGD(net.parameters(), lr=lr)

    @capture
    def step(x, t):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), t).backward()
        optimizer.step()

    return step
