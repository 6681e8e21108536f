"""Features of unlike size: a long ellipse, made round; and what floats lose."""

import numpy as np

from ... import optim
from ...capture import capture
from ...data import load_iris
from ...tensor import from_numpy
from ..experiment import Experiment
from ..style import legend_below


class Scaling(Experiment):
    name = "scaling"
    title = "Scaling the features makes the ellipse round", "특성의 크기를 맞추면 타원이 둥글어진다"
    see = (
        "A line is fitted to two features, one about 1 and one about 100. The loss over their two weights is an "
        "ellipse as long as the features are unlike, and gradient descent can go no faster than the steep side "
        "allows: it needs as many steps as the square of the ellipse's ratio. Scaled to [0, 1] or to mean 0 and "
        "deviation 1 the ellipse is round. For the descent, min-max leaves something to do, because its features "
        "have a mean, which pulls at the bias: standard scaling is faster. And scaling straightens nothing that is "
        "correlated: the petals of Iris, 0.96, leave an ellipse of 7 to 1 however they are scaled. Numbers of "
        "unlike size also lose digits: in 64 bits 1e10 + 1e-10 is 1e10.",
        "크기가 1쯤인 특성과 100쯤인 특성으로 직선을 맞춘다. 두 가중치에 대한 손실은 특성의 크기가 다른 만큼 긴 "
        "타원이 되고, 경사하강은 가파른 쪽이 허락하는 만큼만 빠르다. 걸음 수는 타원 비율의 제곱만큼 든다. [0, 1]로 "
        "또는 평균 0, 표준편차 1로 맞추면 타원이 둥글어진다. 경사하강으로 보면 최소-최대는 할 일이 조금 남는다. "
        "특성의 평균이 0이 아니어서 편향과 얽히기 때문이다. 그래서 표준화가 더 빠르다. 그리고 크기 조정은 상관을 "
        "펴지 못한다. 상관이 0.96인 붓꽃 꽃잎은 어떻게 조정해도 7 대 1의 타원으로 남는다. 크기가 다른 수는 자릿수도 "
        "잃는다. 64비트에서 1e10 + 1e-10은 1e10이다.",
    )
    claims = {
        "long": ("without scaling the ellipse is long", "조정하지 않으면 타원이 길다"),
        "round": ("min-max and standard scaling make it round", "최소-최대와 표준화는 타원을 둥글게 한다"),
        "fast": (
            "then gradient descent needs far fewer steps, fewest after standard scaling",
            "그러면 경사하강의 걸음 수가 크게 줄고, 표준화에서 가장 적다",
        ),
        "any": ("scaling makes the ellipse round whatever the data", "어떤 데이터든 조정하면 타원이 둥글어진다"),
        "digits": (
            "floats of unlike size lose digits: 1e10 + 1e-10 = 1e10",
            "크기가 다른 실수는 자릿수를 잃는다: 1e10 + 1e-10 = 1e10",
        ),
    }
    lecture = {"sizes": (1.0, 100.0), "floats": (1e10, 1e-10)}
    chosen = {"rows": 200, "weights": (2.0, -0.03), "noise": 0.1, "gap": 1e-3, "most_steps": 5000}
    quick = {"most_steps": 2000}

    def measure(self, run):
        s, rng = run.settings, run.rng(1)
        x = rng.uniform(0, 1, (s.rows, 2)) * s.sizes
        y = x @ np.array(s.weights) + 1 + s.noise * rng.standard_normal(s.rows)
        found = {}
        with run.progress(3) as bar:
            for name, scaled in scalings(x).items():
                loss = descend(scaled, y, s.most_steps)
                gap = (loss - least(scaled, y)) / (loss[0] - least(scaled, y))
                below = np.flatnonzero(gap < s.gap)
                steps = int(below[0]) if len(below) else None
                found[name] = {"x": scaled, "ratio": ratio(scaled), "steps": steps, "gap": gap}
                bar.update(1, name)
        petals = load_iris().data[:, 2:].astype(np.float64)
        iris = {name: ratio(scaled) for name, scaled in scalings(petals).items()}
        large, small = s.floats
        lost = {
            d: float(np.dtype(d).type(large) + np.dtype(d).type(small) - np.dtype(d).type(large))
            for d in ("float32", "float64")
        }
        return {"scalings": found, "y": y, "iris_petals": iris, "lost": lost}

    def judge(self, run, numbers):
        found, iris = numbers["scalings"], numbers["iris_petals"]
        ratios = {name: f["ratio"] for name, f in found.items()}
        steps = {name: f["steps"] or np.inf for name, f in found.items()}
        said = ", ".join(f"{name} {r:.3g}" for name, r in ratios.items())
        taken = ", ".join(
            f"{name} {n if np.isfinite(n) else f'> {run.settings.most_steps}'}" for name, n in steps.items()
        )
        petals = ", ".join(f"{name} {r:.1f}" for name, r in iris.items())
        return {
            "long": (ratios["raw"] > 50, (f"length / width: {said}", f"긴지름 / 짧은지름: {said}")),
            "round": (
                max(ratios["min-max"], ratios["standard"]) < 1.5,
                f"{ratios['min-max']:.2f}, {ratios['standard']:.2f}",
            ),
            "fast": (
                steps["standard"] < steps["min-max"] < steps["raw"] / 10,
                (f"steps to a thousandth of the gap: {taken}", f"차이가 천분의 1이 될 때까지: {taken}"),
            ),
            "any": (max(iris["min-max"], iris["standard"]) < 1.5, (f"Iris petals: {petals}", f"붓꽃 꽃잎: {petals}")),
            "digits": (
                numbers["lost"] == {"float32": 0.0, "float64": 0.0},
                ("in float32 and in float64 what was added is gone", "float32에서도 float64에서도 더한 수가 사라진다"),
            ),
        }

    def draw(self, run, numbers):
        figure, axes = run.figure(1, 4, size=(14.5, 4.9), width_ratios=(1, 1, 1, 1.25))
        korean = {"raw": "그대로", "min-max": "최소-최대", "standard": "표준화"}
        for axis, (name, found) in zip(axes, numbers["scalings"].items(), strict=False):
            ellipse(axis, found["x"])
            title = run.say(name, korean[name])
            axis.set_title(f"{title}, {found['ratio']:.3g} : 1")
            axis.set_xlabel(run.say("weight 1, from the minimum", "가중치 1, 최솟값에서"))
            steps = np.arange(1, len(found["gap"]) + 1)
            axes[3].loglog(steps, found["gap"], label=title)
        axes[0].set_ylabel(run.say("weight 2, from the minimum", "가중치 2, 최솟값에서"))
        axes[3].axhline(run.settings.gap, color="#808080", linewidth=1, linestyle=":")
        axes[3].set(
            xlabel=run.say("step", "걸음"), ylabel=run.say("loss above the least / at first", "최솟값 위의 손실 / 처음")
        )
        axes[3].set_ylim(1e-5, 2)
        legend_below(figure, axes[3], 3)
        return figure


def scalings(x):
    low, high = x.min(axis=0), x.max(axis=0)
    return {"raw": x, "min-max": (x - low) / (high - low), "standard": (x - x.mean(axis=0)) / x.std(axis=0)}


def curvature(x):
    """The second derivatives of half the mean squared error in the weights, the bias being at its best."""
    centred = x - x.mean(axis=0)
    return centred.T @ centred / len(x)


def ratio(x):
    """Length over width of the loss's ellipses: the root of the ratio of the curvatures."""
    values = np.linalg.eigvalsh(curvature(x))
    return float(np.sqrt(values[1] / values[0]))


def least(x, y):
    """The least half mean squared error of a line with bias."""
    design = np.column_stack([x, np.ones(len(x))])
    residual = y - design @ np.linalg.lstsq(design, y)[0]
    return float(residual @ residual / len(y) / 2)


def descend(x, y, steps):
    """The loss before each step of gradient descent, at the rate 1 / largest curvature, bias included."""
    design = np.column_stack([x, np.ones(len(x))])
    rate = 1 / float(np.linalg.eigvalsh(design.T @ design / len(y))[-1])
    features, target = from_numpy(design), from_numpy(y)
    w = from_numpy(np.zeros(3)).requires_grad_()
    optimizer = optim.SGD([w], lr=rate)

    @capture
    def step():
        optimizer.zero_grad()
        loss = ((features @ w - target) ** 2).mean() / 2
        loss.backward()
        optimizer.step()
        return loss

    return np.array([step().item() for _ in range(steps)])


def ellipse(axis, x):
    """Lines of equal loss round the minimum, both weights drawn to one scale."""
    h = curvature(x)
    reach = 2 / np.sqrt(np.linalg.eigvalsh(h)[0])
    a, b = np.meshgrid(*[np.linspace(-reach, reach, 401)] * 2)
    loss = (h[0, 0] * a * a + 2 * h[0, 1] * a * b + h[1, 1] * b * b) / 2
    axis.contour(a, b, loss, levels=(0.05, 0.25, 0.6, 1.1, 1.8), colors="#303030", linewidths=1.1)
    axis.scatter(0, 0, marker="+", color="black", s=100)
    axis.set_aspect("equal")
    axis.locator_params(nbins=5)
    axis.grid(False)
