"""Rates that fall: by 0.98 an epoch, in steps, exponentially, on a plateau; and one that counts steps for epochs."""

import numpy as np

from ... import nn, optim
from ...optim import schedules
from ...optim.lr_scheduler import ReduceLROnPlateau
from ..experiment import Experiment
from ..material import evaluate, train
from ..style import legend_below

KOREAN = {
    "constant": "일정",
    "factor": "에포크마다 {factor:g}배",
    "steps": "{step_every}에포크마다 1/10",
    "exponential": "지수",
    "10^(-t/n)": "10^(-t/n)",
    "plateau": "정체되면 절반",
    "meant epochs, counts steps": "에포크를 걸음으로 셈",
}
ENGLISH = {
    "factor": "{factor:g} an epoch",
    "steps": "a tenth every {step_every} epochs",
    "plateau": "half on a plateau",
}
SHORT = "meant epochs, counts steps"


class LrSchedules(Experiment):
    name = "lr-schedules"
    title = "Learning rates that fall", "줄어드는 학습률"
    see = (
        "Softmax regression with batches of 8, where one label in ten is wrong, so that no two batches agree. With "
        "a constant rate the loss soon stays where it is: every step shakes the weights about the minimum, by as "
        "much as the rate allows. A falling rate first goes as far, then lets the shaking die away, and the loss "
        "falls below. How it falls matters less than that it does. But not too soon: Keras's ExponentialDecay "
        "counts steps. Given 20 where epochs were meant, it has halved the rate nine times in the first epoch; the "
        "rate is gone, and the loss stays where it was by then.",
        "8개씩의 배치로 소프트맥스 회귀를 학습한다. 열에 하나는 정답이 틀려 있어 배치마다 말이 다르다. 학습률이 "
        "일정하면 손실은 곧 멈춘다. 걸음마다 최솟값 둘레에서 학습률만큼 가중치가 흔들리기 때문이다. 줄어드는 "
        "학습률은 처음에는 똑같이 나아가고 그다음 흔들림이 잦아들어 손실이 더 내려간다. 어떻게 줄어드는지보다 "
        "줄어든다는 것이 중요하다. 하지만 너무 이르면 안 된다. 케라스의 ExponentialDecay는 걸음을 센다. 에포크라고 "
        "생각하고 20을 주면 첫 에포크에 학습률이 아홉 번 반으로 줄어 사라지고, 손실은 그 자리에 남는다.",
    )
    claims = {
        "lower": (
            "every falling rate ends lower than the constant one",
            "줄어드는 학습률은 모두 일정한 것보다 낮은 손실로 끝난다",
        ),
        "shake": (
            "a constant rate leaves the loss jumping from epoch to epoch, a falling one lets it settle",
            "학습률이 일정하면 손실이 에포크마다 출렁이고, 줄어들면 가라앉는다",
        ),
        "short": (
            "a schedule that counts steps where epochs were meant ends above the constant rate",
            "에포크 대신 걸음을 세는 스케줄은 일정한 학습률보다 높은 손실로 끝난다",
        ),
    }
    lecture = {"factor": 0.98}
    chosen = {"lr": 1.0, "batch": 8, "epochs": 40, "wrong_labels": 0.1, "step_every": 15, "patience": 3}
    quick = {"epochs": 20, "step_every": 8, "patience": 2, "factor": 0.94}
    datasets = ("digits", "mnist")

    def measure(self, run):
        s, data, rng = run.settings, run.data(), run.rng(3)
        wrong = rng.random(len(data.t)) < s.wrong_labels
        data = data._replace(t=np.where(wrong, rng.integers(0, data.sizes[1], len(wrong)), data.t))
        found = {}
        with run.progress(len(KOREAN) * s.epochs) as bar:
            for name in KOREAN:
                found[name] = follow(run, data, name, bar)
        return {"curves": found}

    def judge(self, run, numbers):
        curves = {name: np.array(curve["loss"]) for name, curve in numbers["curves"].items()}
        tail = run.settings.epochs // 4
        last = {name: float(loss[-tail:].mean()) for name, loss in curves.items()}
        jumps = {name: float(loss[-tail:].std()) for name, loss in curves.items()}
        falling = {name: loss for name, loss in last.items() if name not in ("constant", SHORT)}
        said, words = (
            ", ".join(f"{labels(name, run.settings)[i]} {loss:.4f}" for name, loss in falling.items()) for i in (0, 1)
        )
        gone = numbers["curves"][SHORT]["rate"][1]
        return {
            "lower": (
                max(falling.values()) < last["constant"],
                (f"constant {last['constant']:.4f}; {said}", f"일정 {last['constant']:.4f}, {words}"),
            ),
            "shake": (
                jumps["constant"] > 3 * jumps["steps"],
                (
                    f"deviation of the last epochs: {jumps['constant']:.4f}, in steps {jumps['steps']:.4f}",
                    f"마지막 에포크들의 편차: {jumps['constant']:.4f}, 계단식 {jumps['steps']:.4f}",
                ),
            ),
            "short": (
                last[SHORT] > last["constant"],
                (
                    f"{last[SHORT]:.4f}; its rate after an epoch is {gone:.1e}",
                    f"{last[SHORT]:.4f}, 한 에포크 뒤 학습률은 {gone:.1e}",
                ),
            ),
        }

    def draw(self, run, numbers):
        figure, (left, right) = run.figure(1, 2, size=(12.5, 6.2))
        for name, curve in numbers["curves"].items():
            epochs = np.arange(len(curve["rate"]))
            left.semilogy(epochs, curve["rate"], label=run.say(*labels(name, run.settings)))
            right.plot(epochs, curve["loss"])
        left.set(xlabel=run.say("epoch", "에포크"), ylabel=run.say("learning rate", "학습률"), ylim=(1e-4, 2))
        low = min(min(curve["loss"]) for curve in numbers["curves"].values())
        right.set_ylim(0.95 * low, 2 * low)
        right.set(
            xlabel=run.say("epoch", "에포크"),
            ylabel=run.say("cross entropy on the training part", "학습 데이터의 교차 엔트로피"),
        )
        legend_below(figure, left, 4)
        return figure


def labels(name, s):
    """What a schedule is called, in English and Korean, with its settings."""
    return ENGLISH.get(name, name).format(**vars(s)), KOREAN[name].format(**vars(s))


def schedule_of(name, s, per_epoch):
    """The rate as a function of the step, or the number it begins with."""
    n = s.epochs * per_epoch
    made = {
        "factor": schedules.Multiply(s.lr, s.factor).per_step(per_epoch),
        "steps": schedules.StepDecay(s.lr, 0.1, s.step_every).per_step(per_epoch),
        "exponential": schedules.ExponentialDecay(s.lr, n, 0.01),
        "10^(-t/n)": schedules.PowerOfTen(s.lr, n),
        SHORT: schedules.ExponentialDecay(s.lr, 20, 0.5),
    }
    return made.get(name, s.lr)


def follow(run, data, name, bar):
    """Trains under a schedule: the rate and the loss before the first epoch and after each."""
    s = run.settings
    net = nn.Linear(*data.sizes)
    nn.init.zeros_(net.weight)
    nn.init.zeros_(net.bias)
    optimizer = optim.SGD(net.parameters(), lr=schedule_of(name, s, len(data.x) // s.batch))
    plateau = ReduceLROnPlateau(optimizer, factor=0.5, patience=s.patience) if name == "plateau" else None
    rates, losses = [optimizer.lr], [evaluate(net, data.x, data.t)[0]]

    def look(epoch):
        losses.append(evaluate(net, data.x, data.t)[0])
        if plateau is not None:
            plateau.step(losses[-1])
        rates.append(optimizer.lr)

    train(net, optimizer, data.x, data.t, epochs=s.epochs, batch=s.batch, rng=run.rng(2), bar=bar, each=look)
    return {"rate": rates, "loss": losses}
