"""How long the steps really are: AdaGrad, RMSProp, Adam with and without its correction."""

import numpy as np

from ... import optim
from ...tensor import from_numpy
from ..experiment import Experiment
from ..style import legend_below


class EffectiveLr(Experiment):
    name = "effective-lr"
    title = "How long the steps of adaptive rules really are", "적응형 규칙의 걸음은 실제로 얼마나 긴가"
    see = (
        "On f = x the gradient is 1 for ever, so that only the rule decides how long a step is. AdaGrad divides by "
        "the root of a sum, sqrt(t): its steps die away as 1/sqrt(t). RMSProp divides by the root of a mean, which "
        "stays: its steps tend to lr. Its mean begins at 0, so that the first step is lr / sqrt(1 - 0.9) = 3.2 lr. "
        "Adam without bias correction has two such means: m = 0.1 is ten times too small at first, but sqrt(v) = "
        "sqrt(0.001) = 0.032 is thirty-two times too small. So the first step is 0.1 / 0.032 = 3.2 lr, and the "
        "longest 6.6 lr: too long, not too short. With the correction it is lr from the first step on.",
        "f = x에서는 기울기가 늘 1이므로 걸음의 길이는 규칙만이 정한다. AdaGrad는 합의 제곱근 sqrt(t)로 나누므로 "
        "걸음이 1/sqrt(t)로 줄어든다. RMSProp은 평균의 제곱근으로 나누고 평균은 그대로이므로 걸음이 lr에 다가간다. "
        "다만 평균이 0에서 출발하므로 첫 걸음은 lr / sqrt(1 - 0.9) = 3.2 lr이다. 편향 보정이 없는 Adam에는 그런 "
        "평균이 둘 있다. 처음에 m = 0.1은 10배 작지만 sqrt(v) = sqrt(0.001) = 0.032는 32배 작다. 그래서 첫 걸음은 "
        "0.1 / 0.032 = 3.2 lr이고 가장 긴 걸음은 6.6 lr이다. 너무 짧은 것이 아니라 너무 길다. 보정하면 첫 걸음부터 "
        "lr이다.",
    )
    claims = {
        "adagrad": ("AdaGrad's step dies as 1/sqrt(t)", "AdaGrad의 걸음은 1/sqrt(t)로 줄어든다"),
        "rmsprop": ("RMSProp's step does not die", "RMSProp의 걸음은 줄어들어 사라지지 않는다"),
        "corrected": ("with bias correction every step of Adam is lr", "편향을 보정한 Adam의 걸음은 늘 lr이다"),
        "long": (
            "without it the first step is 3.2 lr, and Adam overshoots a minimum that it would reach",
            "보정하지 않으면 첫 걸음이 3.2 lr이고, 다다를 최솟값을 지나친다",
        ),
        "short": (
            "as often said: without it the means are too small, so that the first steps are too short",
            "흔히 하는 말: 보정하지 않으면 평균이 너무 작아서 첫 걸음들이 너무 짧다",
        ),
    }
    lecture = {"betas": (0.9, 0.999), "alpha": 0.9}
    chosen = {"lr": 0.1, "steps": 2000, "bowl_steps": 60, "bowl_lr": 0.05}

    def measure(self, run):
        s = run.settings
        rules = rules_of(s)
        steps, bowl = {}, {}
        with run.progress(len(rules)) as bar:
            for name, make in rules.items():
                places = walk(make, lambda x: x.sum(), 0.0, s.steps, s.lr)
                steps[name] = -np.diff(places) / s.lr
                bowl[name] = walk(make, lambda x: (x * x).sum() / 2, 1.0, s.bowl_steps, s.bowl_lr)
                bar.update(1, name)
        return {"steps_in_lr": steps, "bowl": bowl}

    def judge(self, run, numbers):
        steps, bowl = numbers["steps_in_lr"], numbers["bowl"]
        t = np.arange(1, run.settings.steps + 1)
        ada, rms, plain = steps["AdaGrad"], steps["RMSProp"], steps[WITHOUT]
        off = float(np.abs(ada * np.sqrt(t) - 1).max())
        right = float(np.abs(steps["Adam"] - 1).max())
        least = {name: float(x.min()) for name, x in bowl.items()}
        low = f"{least[WITHOUT]:.2f}, {least['Adam']:.2f}"
        return {
            "adagrad": (
                off < 1e-6,
                (
                    f"step sqrt(t) / lr is 1 within {off:.0e} for {len(t)} steps",
                    f"{len(t)}걸음 동안 걸음 sqrt(t) / lr = 1, 오차 {off:.0e}",
                ),
            ),
            "rmsprop": (abs(rms[-1] - 1) < 1e-3, f"{rms[0]:.2f} lr, ..., {rms[-1]:.3f} lr"),
            "corrected": (right < 1e-6, f"lr (1 ± {right:.0e})"),
            "long": (
                abs(plain[0] - 3.1623) < 1e-3 and least[WITHOUT] < least["Adam"] - 0.05,
                (
                    f"{plain[0]:.2f} lr at first, {plain.max():.2f} lr at most; in the bowl x goes down to {low} "
                    f"with it",
                    f"처음 {plain[0]:.2f} lr, 최대 {plain.max():.2f} lr. 그릇에서 x는 {low}(보정)까지 내려간다",
                ),
            ),
            "short": (
                plain[:10].max() < 1,
                (
                    f"the first ten are {plain[:10].min():.1f} to {plain[:10].max():.1f} lr",
                    f"첫 열 걸음은 {plain[:10].min():.1f}~{plain[:10].max():.1f} lr",
                ),
            ),
        }

    def draw(self, run, numbers):
        figure, (left, right) = run.figure(1, 2, size=(12.0, 5.8))
        for name, steps in numbers["steps_in_lr"].items():
            left.loglog(np.arange(1, len(steps) + 1), steps, label=run.say(name, KOREAN.get(name, name)))
        left.set(xlabel=run.say("step t", "걸음 t"), ylabel=run.say("length of the step / lr", "걸음의 길이 / lr"))
        left.set_title(run.say("on a slope, f = x: the gradient is 1", "비탈 f = x에서, 기울기는 늘 1"))
        for name, places in numbers["bowl"].items():
            right.plot(places, label=name)
        right.axhline(0, color="#808080", linewidth=0.8)
        right.set(xlabel=run.say("step t", "걸음 t"), ylabel="x")
        right.set_title(
            run.say("in a bowl: f = x²/2, from x = 1", "그릇 f = x²/2에서, x = 1부터")
            + f", lr = {run.settings.bowl_lr:g}"
        )
        legend_below(figure, left, 4)
        return figure


WITHOUT = "Adam without correction"
KOREAN = {WITHOUT: "편향 보정 없는 Adam"}


def rules_of(s):
    """Name -> a function that makes the rule for a parameter and a rate."""
    return {
        "AdaGrad": lambda x, lr: optim.Adagrad([x], lr=lr),
        "RMSProp": lambda x, lr: optim.RMSprop([x], lr=lr, alpha=s.alpha),
        "Adam": lambda x, lr: optim.Adam([x], lr=lr, betas=s.betas),
        WITHOUT: lambda x, lr: optim.Adam([x], lr=lr, betas=s.betas, bias_correction=False),
    }


def walk(make, function, start, steps, lr):
    """Where a rule stands before every step and after the last."""
    x = from_numpy(np.array([start])).requires_grad_()
    optimizer = make(x, lr)
    places = [x.item()]
    for _ in range(steps):
        optimizer.zero_grad()
        function(x).backward()
        optimizer.step()
        places.append(x.item())
    return np.array(places)
