"""Polynomials of degree 1, 5 and 15: bias, variance, and why gradient descent does not reach the last."""

import numpy as np
from numpy.polynomial import Polynomial

from ... import optim
from ...capture import capture
from ...tensor import from_numpy
from ..experiment import Experiment
from ..style import COLOURS

WORDS = {1: ("too stiff", "너무 뻣뻣함"), 5: ("right", "알맞음"), 15: ("too free", "너무 자유로움")}


class BiasVariance(Experiment):
    name = "bias-variance"
    title = "Bias and variance: y = x sin(2πx) + noise", "편향과 분산: y = x sin(2πx) + 잡음"
    see = (
        "Above: polynomials fitted by least squares to many draws of 30 noisy points: each thin line is one draw, the "
        "thick one their mean, dashed is the truth. Degree 1 is nearly the same line every time, and always wrong: "
        "bias. Degree 15 is right on average, and each time something else: variance. Below left: the error on new "
        "points is bias² + variance + the noise, which nothing removes; that is no approximation but an identity, and "
        "the measured error lies on the sum. The error on the points fitted falls with the degree all the while. "
        "Below right: the same degree 15 by gradient descent on raw powers of x. It does not get there: the powers "
        "look so much alike on [0, 1] that the steepest and the flattest direction differ by a factor of 10²³. After "
        "100,000 steps its training error is about that of degree 5. To see degree 15 overfit, solve the least "
        "squares, or descend on orthogonal polynomials.",
        "위: 잡음 섞인 점 30개를 여러 번 뽑아 최소제곱으로 맞춘 다항식이다. 가는 선은 한 번씩, 굵은 선은 그 평균, "
        "점선은 참값이다. 1차는 매번 거의 같은 선이고 늘 틀린다. 편향이다. 15차는 평균하면 맞지만 매번 다르다. "
        "분산이다. 아래 왼쪽: 새 점에서의 오차는 편향² + 분산 + 없앨 수 없는 잡음이다. 근사가 아니라 항등식이며 잰 "
        "오차가 그 합에 놓인다. 맞춘 점에서의 오차는 차수를 올리는 동안 계속 줄어든다. 아래 오른쪽: 같은 15차를 x의 "
        "거듭제곱 그대로 경사 하강법으로 맞춘 것이다. 다다르지 못한다. [0, 1]에서 거듭제곱들은 서로 너무 닮아서 가장 "
        "가파른 방향과 가장 평평한 방향이 10²³배 차이 난다. 10만 걸음 뒤 학습 오차는 5차의 것쯤이다. 15차의 과적합을 "
        "보려면 최소제곱을 풀거나 직교 다항식에서 내려가야 한다.",
    )
    claims = {
        "stiff": ("degree 1 has the largest bias", "1차는 편향이 가장 크다"),
        "free": ("degree 15 has the largest variance", "15차는 분산이 가장 크다"),
        "between": ("degree 5 errs least on new points", "5차가 새 점에서 가장 덜 틀린다"),
        "sum": ("the error is bias² + variance + noise, within 3 %", "오차는 3 % 안에서 편향² + 분산 + 잡음이다"),
        "training": (
            "on the points fitted the error falls with the degree",
            "맞춘 점에서의 오차는 차수와 함께 줄어든다",
        ),
        "descent": (
            "gradient descent on raw powers fits degree 15 as least squares does, within 10 %",
            "거듭제곱 그대로의 경사 하강법은 10 % 안에서 최소제곱처럼 15차를 맞춘다",
        ),
    }
    lecture = {"degrees": (1, 5, 15)}
    chosen = {
        "points": 30,
        "noise": 0.2,
        "draws": 4000,
        "all_degrees": (1, 2, 3, 4, 5, 7, 9, 11, 13, 15),
        "steps": 100000,
    }
    quick = {"draws": 1000, "steps": 10000}

    def measure(self, run):
        s, rng = run.settings, run.rng(1)
        x = (np.arange(s.points) + 0.5) / s.points
        y = truth(x) + s.noise * rng.standard_normal((s.draws, s.points))
        new = np.linspace(x[0], x[-1], 200)
        fresh = truth(new) + s.noise * rng.standard_normal((s.draws, len(new)))
        degrees = sorted({*s.all_degrees, *s.degrees})
        with run.progress(len(degrees) + 1) as bar:
            table, shown = {}, {}
            for degree in degrees:
                fitted, there = hat(x, x, degree) @ y.T, hat(x, new, degree) @ y.T
                table[degree] = parts(there.T, truth(new), fresh)
                table[degree]["training"] = float(np.mean((fitted.T - y) ** 2))
                if degree in s.degrees:
                    shown[degree] = {"some": there.T[:25], "mean": there.mean(axis=1)}
                bar.update(1, f"degree {degree}")
            walk = descend(x, y[0], max(s.degrees), s.steps)
            bar.update(1)
        least = {d: float(np.mean((hat(x, x, d) @ y[0] - y[0]) ** 2)) for d in s.degrees}
        return {"x": x, "y": y[0], "new": new, "table": table, "shown": shown, "descent": walk, "least_squares": least}

    def judge(self, run, numbers):
        s, table = run.settings, numbers["table"]
        low, middle, high = s.degrees

        def column(key):
            return {d: table[d][key] for d in s.degrees}

        def said(key):
            return ", ".join(f"{d}: {value:.3g}" for d, value in column(key).items())

        off = max(abs(row["error"] / (row["bias2"] + row["variance"] + s.noise**2) - 1) for row in table.values())
        training = [row["training"] for row in table.values()]
        reached, least = numbers["descent"]["error"][-1], numbers["least_squares"]
        return {
            "stiff": (max(column("bias2"), key=column("bias2").get) == low, f"bias²: {said('bias2')}"),
            "free": (max(column("variance"), key=column("variance").get) == high, f"{said('variance')}"),
            "between": (min(column("error"), key=column("error").get) == middle, f"{said('error')}"),
            "sum": (off < 0.03, (f"at most {off:.1%} off", f"많아야 {off:.1%} 차이")),
            "training": (training == sorted(training, reverse=True), said("training")),
            "descent": (
                reached < 1.1 * least[high],
                (
                    f"{reached:.4f} after {s.steps:,} steps; least squares {least[high]:.4f}, and degree {middle} "
                    f"{least[middle]:.4f}; condition number {numbers['descent']['condition']:.0e}",
                    f"{s.steps:,}걸음 뒤 {reached:.4f}. 최소제곱 {least[high]:.4f}, {middle}차는 {least[middle]:.4f}. "
                    f"조건수 {numbers['descent']['condition']:.0e}",
                ),
            ),
        }

    def draw(self, run, numbers):
        figure, axes = run.figure(2, 6, size=(13.5, 8.0))
        grid = axes[0, 0].get_gridspec()
        for axis in axes.flat:
            axis.remove()
        for i, (degree, shown) in enumerate(numbers["shown"].items()):
            axis = figure.add_subplot(grid[0, 2 * i : 2 * i + 2])
            self.fits(run, axis, numbers, degree, shown)
        self.errors(run, figure.add_subplot(grid[1, :3]), numbers["table"])
        self.descent(run, figure.add_subplot(grid[1, 3:]), numbers)
        return figure

    def fits(self, run, axis, numbers, degree, shown):
        axis.plot(numbers["new"], shown["some"].T, color="#9ecae1", linewidth=0.8, linestyle="-", marker="")
        axis.plot(numbers["x"], numbers["y"], "o", color="#606060", markersize=3.5, markevery=1)
        axis.plot(numbers["new"], shown["mean"], "-", color=COLOURS[0], linewidth=2.6, marker="")
        axis.plot(numbers["new"], truth(numbers["new"]), color="black", linestyle="--", linewidth=1.6, marker="")
        word = run.say(*WORDS.get(degree, ("", "")))
        axis.set(ylim=(-1.5, 1.1), xlabel="x", title=run.say(f"degree {degree}: {word}", f"{degree}차: {word}"))

    def errors(self, run, axis, table):
        degrees = list(table)
        names = {
            "bias2": run.say("bias²", "편향²"),
            "variance": run.say("variance", "분산"),
            "error": run.say("error on new points", "새 점에서의 오차"),
            "training": run.say("error on the points fitted", "맞춘 점에서의 오차"),
        }
        for name, label in names.items():
            axis.semilogy(degrees, [table[d][name] for d in degrees], label=label)
        noise = run.settings.noise**2
        total = [table[d]["bias2"] + table[d]["variance"] + noise for d in degrees]
        word = run.say("bias² + variance + noise²", "편향² + 분산 + 잡음²")
        axis.semilogy(degrees, total, "x", color="black", markersize=9, label=word)
        axis.set(
            xlabel=run.say("degree", "차수"), ylabel=run.say("mean square", "제곱 평균"), xticks=degrees, ylim=(1e-6, 3)
        )
        axis.legend(fontsize=9.5, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.17))

    def descent(self, run, axis, numbers):
        walk, least = numbers["descent"], numbers["least_squares"]
        axis.loglog(
            walk["step"], walk["error"], label=run.say(f"degree {max(least)}, descent", f"{max(least)}차, 경사 하강법")
        )
        for i, (degree, value) in enumerate(least.items()):
            word = run.say(f"degree {degree}, least squares", f"{degree}차, 최소제곱")
            axis.axhline(
                value, color=("#b0b0b0", "#707070", "black")[i % 3], linestyle=("-.", "--", "-")[i % 3], label=word
            )
        axis.set(xlabel=run.say("step", "걸음"), ylabel=run.say("error on the points fitted", "맞춘 점에서의 오차"))
        axis.legend(fontsize=9.5, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.17))


def truth(x):
    return x * np.sin(2 * np.pi * x)


def hat(x, new, degree):
    """The matrix [new,x] that takes values at x to the polynomial fitted to them, at `new`: least squares is linear."""
    unit = np.eye(len(x))
    return np.array([Polynomial.fit(x, row, degree)(new) for row in unit]).T


def parts(fitted, true, fresh):
    """Means over the points of bias² and variance of fitted[draws,points], and of its error on the values `fresh`.

    E (fitted - fresh)² = (E fitted - true)² + Var fitted + noise², if the values are no part of what was fitted.
    Source: Geman, Bienenstock, Doursat, "Neural networks and the bias/variance dilemma", 1992.
    """
    return {
        "bias2": float(np.mean((fitted.mean(axis=0) - true) ** 2)),
        "variance": float(np.mean(fitted.var(axis=0, ddof=1))),
        "error": float(np.mean((fitted - fresh) ** 2)),
    }


def descend(x, y, degree, steps):
    """Gradient descent on raw powers, with the largest step that is safe, 1 / curvature; the error now and then."""
    powers = np.vander(x, degree + 1, increasing=True)
    singular = np.linalg.svd(powers, compute_uv=False)
    w = from_numpy(np.zeros((degree + 1, 1))).requires_grad_()
    optimizer = optim.SGD([w], lr=len(x) / singular[0] ** 2)
    inputs, target = from_numpy(powers), from_numpy(y[:, None])

    @capture
    def step(inputs, target):
        optimizer.zero_grad()
        off = inputs @ w - target
        ((off * off).mean() / 2).backward()
        optimizer.step()

    wanted = sorted({round(t) for t in np.geomspace(1, steps, 60)})
    errors, done = [], 0
    for t in wanted:
        for _ in range(t - done):
            step(inputs, target)
        done = t
        errors.append(float(np.mean((powers @ w.data[:, 0] - y) ** 2)))
    return {"step": wanted, "error": errors, "condition": float((singular[0] / singular[-1]) ** 2)}
