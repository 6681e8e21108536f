"""Seven update rules on Beale's function and at a saddle, still and moving."""

import numpy as np

from ... import optim
from ...tensor import from_numpy
from ..experiment import Experiment
from ..style import legend_below

RULES = {
    "SGD": optim.SGD,
    "Momentum": optim.Momentum,
    "Nesterov": optim.Nesterov,
    "AdaGrad": optim.Adagrad,
    "Adadelta": optim.Adadelta,
    "RMSProp": optim.RMSprop,
    "Adam": optim.Adam,
}
ADAPTIVE = ("AdaGrad", "Adadelta", "RMSProp", "Adam")
MINIMUM = (3.0, 0.5)  # of Beale's function


class OptimizerLandscapes(Experiment):
    name = "optimizer-landscapes"
    title = "Seven rules on Beale's function and at a saddle", "빌(Beale) 함수와 안장점에서 움직이는 일곱 규칙"
    see = (
        "Left, Beale's function: steep walls round a long flat floor that leads to the minimum at (3, 0.5). SGD "
        "falls to the floor and crawls along it; Momentum and Nesterov run along it and past its end, Nesterov less "
        "far, for it takes the gradient where the velocity is about to carry it. Right, the saddle x² - y², from a "
        "point almost on its ridge: the gradient in y is 0.0002 at first. What divides by the size of past "
        "gradients does not care how small they are and leaves at once. SGD multiplies y by 1 + 2 lr a step: it "
        "needs ln(1/0.0001)/ln(1.02) = 465 steps. It only seems to be stuck; exactly on the ridge, at y = 0, no "
        "rule would ever leave. Adadelta has no rate to begin with: its first steps are of the size of sqrt(eps).",
        "왼쪽은 빌 함수이다. 가파른 벽 사이로 길고 평평한 바닥이 최솟값 (3, 0.5)까지 이어진다. SGD는 바닥으로 "
        "떨어진 뒤 기어간다. 모멘텀과 네스테로프는 바닥을 달려 끝을 지나친다. 네스테로프는 속도가 데려갈 자리의 "
        "기울기를 쓰므로 덜 지나친다. 오른쪽은 안장 x² - y²이고, 출발점은 거의 능선 위라서 y 방향 기울기는 처음에 "
        "0.0002이다. 지난 기울기의 크기로 나누는 규칙은 기울기가 아무리 작아도 곧바로 떠난다. SGD는 걸음마다 y에 1 "
        "+ 2 lr을 곱하므로 ln(1/0.0001)/ln(1.02) = 465걸음이 든다. 갇힌 것처럼 보일 뿐이다. 정확히 능선 위(y = "
        "0)라면 어떤 규칙도 떠나지 못한다. Adadelta는 처음 정해진 학습률이 없어 첫 걸음이 sqrt(eps) 정도이다.",
    )
    claims = {
        "run": (
            "Momentum and Nesterov come within 0.1 of Beale's minimum before SGD",
            "모멘텀과 네스테로프는 SGD보다 먼저 빌 함수의 최솟값 0.1 안으로 들어온다",
        ),
        "ahead": ("Nesterov swings out less than Momentum", "네스테로프는 모멘텀보다 덜 지나친다"),
        "leave": (
            "the rules that adapt their steps leave the saddle before those that do not",
            "걸음을 스스로 맞추는 규칙들은 그렇지 않은 규칙들보다 먼저 안장점을 떠난다",
        ),
        "last": ("SGD leaves it last", "SGD가 가장 늦게 떠난다"),
        "stuck": ("SGD stays at the saddle for good", "SGD는 안장점에 영영 머문다"),
    }
    chosen = {
        "start_beale": (1.0, 1.5),
        "start_saddle": (1.5, 1e-4),
        "steps_beale": 200,
        "steps_saddle": 500,
        "lr_beale": dict(zip(RULES, (0.01, 0.005, 0.005, 0.5, 1.0, 0.05, 0.2), strict=True)),
        "lr_saddle": dict(zip(RULES, (0.01, 0.005, 0.005, 0.2, 1.0, 0.02, 0.05), strict=True)),
        "frames": 48,
    }
    quick = {"frames": 6}

    def measure(self, run):
        s = run.settings
        paths: dict = {}
        with run.progress(2 * len(RULES)) as bar:
            for which, function in (("beale", beale), ("saddle", saddle)):
                start, steps, lr = (getattr(s, f"{what}_{which}") for what in ("start", "steps", "lr"))
                paths[which] = {}
                for name in RULES:
                    paths[which][name] = path(name, function, start, steps, lr[name])
                    bar.update(1, name)
        return paths

    def judge(self, run, numbers):
        far = {name: np.hypot(*(p - MINIMUM).T) for name, p in numbers["beale"].items()}
        near = {name: first(d < 0.1) for name, d in far.items()}
        out = {name: float(p[:, 0].max()) for name, p in numbers["beale"].items()}
        left = {name: first(np.abs(p[:, 1]) > 1) for name, p in numbers["saddle"].items()}
        others = [left[name] for name in RULES if name not in ADAPTIVE]
        steps = ", ".join(f"{name} {n:.0f}" for name, n in left.items())
        runs = ", ".join(f"{name} {near[name]:.0f}" for name in ("SGD", "Momentum", "Nesterov"))
        return {
            "run": (
                max(near["Momentum"], near["Nesterov"]) < near["SGD"],
                (f"steps: {runs} (inf: not in {run.settings.steps_beale})", f"걸음 수: {runs} (inf: 끝까지 못 옴)"),
            ),
            "ahead": (
                MINIMUM[0] < out["Nesterov"] < out["Momentum"],
                (
                    f"x reaches {out['Nesterov']:.2f} and {out['Momentum']:.2f}",
                    f"x는 각각 {out['Nesterov']:.2f}, {out['Momentum']:.2f}까지 간다",
                ),
            ),
            "leave": (
                max(left[name] for name in ADAPTIVE) < min(others),
                (f"steps until |y| > 1: {steps}", f"|y| > 1까지 걸음 수: {steps}"),
            ),
            "last": (left["SGD"] == max(left.values()), (f"{left['SGD']:.0f} steps", f"{left['SGD']:.0f}걸음")),
            "stuck": (
                np.isinf(left["SGD"]),
                (f"it has left after {left['SGD']:.0f} steps", f"{left['SGD']:.0f}걸음 뒤에는 떠났다"),
            ),
        }

    def draw(self, run, numbers):
        return picture(run, numbers, 1.0)[0]

    def animate(self, run, numbers):
        count = run.settings.frames
        figure, lines = picture(run, numbers, 0.0)

        def frame(i):
            for line, points in lines:
                upto = round(len(points) * min(1.0, (i + 1) / (0.85 * count)) ** 2)  # slow at first
                line.set_data(*points[: max(upto, 1)].T)

        return figure, frame, count


def beale(x, y):
    """Beale (1958): minimum 0 at (3, 1/2)."""
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def saddle(x, y):
    return x**2 - y**2


def path(name, function, start, steps, lr):
    """The points where a rule stands; far outside it is held, so that no number overflows."""
    point = from_numpy(np.array(start, np.float64)).requires_grad_()
    more = {"alpha": 0.9} if name == "RMSProp" else {}
    optimizer = RULES[name]([point], lr=lr, **more)
    points = [point.detach().numpy().copy()]
    for _ in range(steps):
        if np.abs(points[-1]).max() < 100:
            optimizer.zero_grad()
            function(point[0], point[1]).backward()
            optimizer.step()
        points.append(point.detach().numpy().copy())
    return np.array(points)


def first(holds):
    """The first index where it holds, as a float; inf where it never does."""
    return float(np.argmax(holds)) if holds.any() else np.inf


def picture(run, numbers, share):
    """The figure with this share of every path; and its lines with the points of each."""
    figure, axes = run.figure(1, 2, size=(12.0, 6.2))
    scenes = (
        ("beale", beale, (-0.2, 4.2), (-1.5, 2.0), np.geomspace(0.02, 3e3, 22), MINIMUM),
        ("saddle", saddle, (-1.8, 1.8), (-0.6, 1.8), np.linspace(-3, 3, 25), (0.0, 0.0)),
    )
    lines = []
    for axis, (which, function, xs, ys, levels, mark) in zip(axes, scenes, strict=True):
        x, y = np.meshgrid(np.linspace(*xs, 201), np.linspace(*ys, 161))
        axis.contour(x, y, function(x, y), levels=levels, colors="#c4c4c4", linewidths=0.8, linestyles="-")
        axis.scatter(*mark, marker="+", color="black", s=180, linewidths=2, zorder=3)
        axis.scatter(*getattr(run.settings, f"start_{which}"), marker="o", facecolors="none", edgecolors="black", s=90)
        for name, points in numbers[which].items():
            shown = points[: max(1, round(share * len(points)))]
            (line,) = axis.plot(*shown.T, label=name, markevery=(0.02, 0.12))
            lines.append((line, points))
        axis.set(xlim=xs, ylim=ys, xlabel="x", ylabel="y")
        axis.grid(False)
    axes[0].set_title(run.say("Beale's function, minimum at +", "빌 함수, 최솟값은 +"))
    axes[1].set_title(run.say("the saddle x² - y², at +", "안장 x² - y², 안장점은 +"))
    legend_below(figure, axes[0], 7)
    return figure, lines
