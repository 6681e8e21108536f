"""Four update rules walk down a long valley."""

import numpy as np

from ... import optim
from ...tensor import from_numpy
from ..experiment import Experiment

RULES = {"SGD": optim.SGD, "Momentum": optim.Momentum, "AdaGrad": optim.Adagrad, "Adam": optim.Adam}


class OptimizerPaths(Experiment):
    name = "optimizer-paths"
    title = "Four rules in the valley f = x²/20 + y²", "골짜기 f = x²/20 + y²의 네 갱신 규칙"
    see = (
        "The gradient is (x/10, 2y): twenty times as steep across the valley as along it, for the same distance. "
        "Nearly everywhere it points across the valley, not to the minimum at (0, 0). SGD with one rate for both "
        "directions is multiplied by 1 - 2 lr = -0.9 in y at every step, so it zigzags, while x shrinks by 1 - "
        "lr/10 = 0.905 alone. Momentum adds up what stays the same and cancels what alternates, and swings past the "
        "minimum. AdaGrad divides each direction by the root of the sum of its squared gradients, and Adam by the "
        "root of their mean: both set out towards the minimum at once.",
        "기울기는 (x/10, 2y)이다. 같은 거리라면 골짜기를 가로지르는 방향이 따라가는 방향보다 스무 배 가파르다. "
        "그래서 기울기는 거의 어디서나 최솟값 (0, 0)이 아니라 골짜기를 가로지르는 쪽을 가리킨다. 학습률이 하나인 "
        "SGD는 한 걸음마다 y에 1 - 2 lr = -0.9를 곱하므로 지그재그로 움직이고, x는 1 - lr/10 = 0.905배로만 "
        "줄어든다. 모멘텀은 한결같은 성분은 쌓고 번갈아 바뀌는 성분은 지우며, 최솟값을 지나친다. AdaGrad는 방향마다 "
        "기울기 제곱합의 제곱근으로, Adam은 제곱평균의 제곱근으로 나누므로 둘 다 처음부터 최솟값 쪽으로 나아간다.",
    )
    claims = {
        "zigzag": ("SGD zigzags across the valley", "SGD는 골짜기를 가로질러 지그재그로 움직인다"),
        "overshoot": ("Momentum swings past the minimum", "모멘텀은 최솟값을 지나친다"),
        "straight": (
            "AdaGrad and Adam set out towards the minimum more directly than SGD",
            "AdaGrad와 Adam은 SGD보다 곧장 최솟값 쪽으로 출발한다",
        ),
        "adagrad": (
            "AdaGrad is nearest to the minimum after the last step",
            "마지막 걸음 뒤 AdaGrad가 최솟값에 가장 가깝다",
        ),
    }
    lecture = {"start": (-7.0, 2.0), "steps": 30, "lr": {"SGD": 0.95, "Momentum": 0.1, "AdaGrad": 1.5, "Adam": 0.3}}
    chosen = {"momentum": 0.9, "betas": (0.9, 0.999), "dtype": "float64"}

    def measure(self, run):
        return {"paths": {name: path(name, run.settings) for name in RULES}}

    def judge(self, run, numbers):
        paths = numbers["paths"]
        turns = int(np.sum(np.diff(np.sign(paths["SGD"][:, 1])) != 0))
        past = paths["Momentum"][:, 0].max()
        angles = {name: angle(points) for name, points in paths.items()}
        ends = {name: float(np.hypot(*points[-1])) for name, points in paths.items()}
        said = ", ".join(f"{name} {a:.0f}°" for name, a in angles.items())
        left = ", ".join(f"{name} {d:.3f}" for name, d in ends.items())
        return {
            "zigzag": (
                turns == run.settings.steps,
                (
                    f"y changes its sign at {turns} of {run.settings.steps} steps",
                    f"{run.settings.steps}걸음 중 {turns}번 y의 부호가 바뀐다",
                ),
            ),
            "overshoot": (past > 0, (f"x reaches {past:.2f}", f"x는 {past:.2f}까지 간다")),
            "straight": (
                max(angles["AdaGrad"], angles["Adam"]) < angles["SGD"],
                (f"first step's angle to the minimum: {said}", f"첫 걸음과 최솟값 방향의 각: {said}"),
            ),
            "adagrad": (
                min(ends, key=lambda name: ends[name]) == "AdaGrad",
                (f"distance left: {left}", f"남은 거리: {left}"),
            ),
        }

    def draw(self, run, numbers):
        figure, axes = run.figure(2, 3, size=(12.0, 6.6))
        x, y = np.meshgrid(np.linspace(-10, 10, 201), np.linspace(-3.2, 3.2, 129))
        bowl(run, figure, axes[0, 0], x, y)
        field(run, axes[1, 0])
        for i, (axis, (name, points)) in enumerate(zip(axes[:, 1:].flat, numbers["paths"].items(), strict=True)):
            axis.contour(x, y, x**2 / 20 + y**2, levels=LEVELS, colors="#b8b8b8", linewidths=0.8)
            axis.plot(*points.T, color=f"C{i}", linestyle="-", marker="o", markevery=1, markersize=3.5, linewidth=1.4)
            axis.scatter(0, 0, marker="+", color="black", s=140, linewidths=2, zorder=3)
            axis.set(
                title=f"{name}, lr = {run.settings.lr[name]:g}", xlim=(-8, 4), ylim=(-3.2, 3.2), xlabel="x", ylabel="y"
            )
            axis.grid(False)
        return figure


LEVELS = (0.05, 0.3, 1, 2, 4, 7, 11)


def path(name, settings):
    """The points where a rule stands, before each step and after the last."""
    point = from_numpy(np.array(settings.start, settings.dtype)).requires_grad_()
    more = {"Momentum": {"momentum": settings.momentum}, "Adam": {"betas": settings.betas}}.get(name, {})
    optimizer = RULES[name]([point], lr=settings.lr[name], **more)
    points = [point.detach().numpy().copy()]
    for _ in range(settings.steps):
        optimizer.zero_grad()
        (point[0] ** 2 / 20 + point[1] ** 2).backward()
        optimizer.step()
        points.append(point.detach().numpy().copy())
    return np.array(points)


def angle(points):
    """Degrees between the first step and the way to (0, 0)."""
    step, way = points[1] - points[0], -points[0]
    return float(np.degrees(np.arccos(step @ way / np.linalg.norm(step) / np.linalg.norm(way))))


def bowl(run, figure, axis, x, y):
    """The surface itself, in place of the axis."""
    place = axis.get_subplotspec()
    axis.remove()
    solid = figure.add_subplot(place, projection="3d")
    solid.plot_surface(x, y, x**2 / 20 + y**2, cmap="Greys", vmin=-4, linewidth=0, rstride=4, cstride=5)
    solid.set(title=run.say("the surface", "곡면"), xlabel="x", ylabel="y", zlabel="f")
    solid.view_init(elev=32, azim=-62)


def field(run, axis):
    """Arrows of the negative gradient (-x/10, -2y), all to one scale."""
    x, y = np.meshgrid(np.linspace(-9, 9, 13), np.linspace(-3, 3, 9))
    axis.quiver(x, y, -x / 10, -2 * y, angles="xy", color="#303030", width=0.005, scale=11, scale_units="y")
    axis.scatter(0, 0, marker="+", color="black", s=140, linewidths=2, zorder=3)
    axis.set(title=run.say("downhill, -(x/10, 2y)", "내리막 방향 -(x/10, 2y)"), xlabel="x", ylabel="y")
    axis.grid(False)
