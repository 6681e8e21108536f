"""Five activations and their slopes, from the tape."""

import numpy as np

from ... import nn, ops
from ...tensor import from_numpy
from ..experiment import Experiment

F = nn.functional


class ActivationFunctions(Experiment):
    name = "activation-functions"
    title = "Activations, and their slopes", "활성화 함수와 그 기울기"
    see = (
        "Above the function, below its slope, computed by the tape. What flows back through a layer is multiplied "
        "by the slope. That of the sigmoid is 1/4 at most, at 0, and next to nothing beyond ±5; tanh's is 1 at 0 "
        "and dies away sooner still, beyond ±3. So ten layers of sigmoids let through a millionth at the very most. "
        "ReLU's slope is exactly 1 for every positive input, however large, and 0 for every negative one: nothing "
        "is lost, or all. PReLU and ELU leave a way back on the left: a constant slope, or one that dies away "
        "slowly.",
        "위는 함수, 아래는 테이프로 구한 기울기이다. 한 층을 거슬러 흐르는 값에는 이 기울기가 곱해진다. "
        "시그모이드의 기울기는 0에서 가장 크지만 1/4이고 ±5 밖에서는 거의 0이다. tanh의 기울기는 0에서 1이지만 더 "
        "빨리, ±3 밖에서 사라진다. 그래서 시그모이드 열 층은 많아야 백만분의 1만 통과시킨다. ReLU의 기울기는 입력이 "
        "양수이면 아무리 커도 정확히 1, 음수이면 0이다. 전부 지나가거나 전혀 지나가지 않는다. PReLU와 ELU는 "
        "왼쪽에도 돌아갈 길을 남긴다. 일정한 기울기, 또는 천천히 사라지는 기울기이다.",
    )
    claims = {
        "sigmoid": ("the slope of the sigmoid is at most 0.25, at 0", "시그모이드의 기울기는 0에서 최대 0.25이다"),
        "tanh": ("the slope of tanh is at most 1, at 0", "tanh의 기울기는 0에서 최대 1이다"),
        "relu": (
            "the slope of ReLU is 1 on the right and 0 on the left",
            "ReLU의 기울기는 오른쪽에서 1, 왼쪽에서 0이다",
        ),
        "ten": ("ten sigmoids pass a millionth at most", "시그모이드 열 개는 많아야 백만분의 1을 통과시킨다"),
        "left": ("PReLU and ELU have a slope on the left", "PReLU와 ELU는 왼쪽에도 기울기가 있다"),
    }
    chosen = {"range": (-6.0, 6.0), "points": 1201, "prelu": 0.25, "elu": 1.0}

    def measure(self, run):
        s = run.settings
        x = np.linspace(s.range[0], s.range[1], s.points)
        curves = {name: with_slope(function, x) for name, function in functions(s).items()}
        chain = from_numpy(x).requires_grad_()
        out = chain
        for _ in range(10):
            out = ops.sigmoid(out)
        out.sum().backward()
        return {"x": x, "curves": curves, "ten_sigmoids": float(chain.grad.numpy().max())}

    def judge(self, run, numbers):
        x, curves = numbers["x"], numbers["curves"]
        slope = {name: curve["slope"] for name, curve in curves.items()}
        top = {name: (float(d.max()), float(x[d.argmax()])) for name, d in slope.items()}
        relu, ten = slope["ReLU"], numbers["ten_sigmoids"]
        left = {name: float(slope[name][x < -1e-9].min()) for name in ("PReLU", "ELU")}
        return {
            "sigmoid": (near(top["sigmoid"], 0.25), f"{top['sigmoid'][0]:.4f}, x = {top['sigmoid'][1]:.2g}"),
            "tanh": (near(top["tanh"], 1.0), f"{top['tanh'][0]:.4f}, x = {top['tanh'][1]:.2g}"),
            "relu": (
                np.all(relu[x > 1e-9] == 1) and np.all(relu[x < -1e-9] == 0),
                (f"{sorted(set(relu.tolist()))} and nothing else", f"{sorted(set(relu.tolist()))}뿐이다"),
            ),
            "ten": (ten <= 0.25**10, f"{ten:.2g} ≤ 0.25¹⁰ = {0.25**10:.2g}"),
            "left": (
                min(left.values()) > 0,
                (
                    f"at least {left['PReLU']:g} and {left['ELU']:.4f} down to x = {x[0]:g}",
                    f"x = {x[0]:g}까지 각각 {left['PReLU']:g}, {left['ELU']:.4f} 이상",
                ),
            ),
        }

    def draw(self, run, numbers):
        figure, axes = run.figure(2, 5, size=(13.5, 6.0), sharex=True)
        x, s = numbers["x"], run.settings
        notes = {"PReLU": f", a = {s.prelu:g}", "ELU": f", α = {s.elu:g}"}
        for i, (name, curve) in enumerate(numbers["curves"].items()):
            for row, what in enumerate(("value", "slope")):
                axis = axes[row, i]
                axis.axhline(0, color="#909090", linewidth=0.8)
                axis.axvline(0, color="#909090", linewidth=0.8)
                axis.plot(
                    x, np.where(jumps(curve[what]), np.nan, curve[what]), color=f"C{row}", linestyle="-", marker=""
                )
                axis.set_ylim(((-1.7, 6.3), (-0.08, 1.18))[row] if i > 1 or row else (-1.3, 1.3))
                mark_maximum(axis, x, curve["slope"]) if row and i < 2 else None
            axes[0, i].set_title(name + notes.get(name, ""))
            axes[1, i].set(xlabel="x", xticks=(-5, 0, 5))
        axes[0, 0].set_ylabel(run.say("value", "값"))
        axes[1, 0].set_ylabel(run.say("slope", "기울기"))
        figure.align_ylabels(axes[:, 0])
        return figure


def functions(s):
    return {
        "sigmoid": ops.sigmoid,
        "tanh": ops.tanh,
        "ReLU": F.relu,
        "PReLU": lambda x: F.prelu(x, from_numpy(np.array([s.prelu]))),
        "ELU": lambda x: F.elu(x, alpha=s.elu),
    }


def with_slope(function, x):
    point = from_numpy(x).requires_grad_()
    out = function(point)
    out.sum().backward()
    return {"value": out.detach().numpy(), "slope": point.grad.numpy()}


def near(found, value):
    """Whether (maximum, place) is (value, 0)."""
    return abs(found[0] - value) < 1e-12 and abs(found[1]) < 1e-9


def jumps(values):
    """Where a curve jumps, so that no line is drawn there."""
    return np.append(np.abs(np.diff(values)) > 0.3, False)


def mark_maximum(axis, x, slope):
    top = slope.max()
    axis.scatter(0, top, color="black", s=36, zorder=3)
    axis.annotate(f"{top:g}", (0, top), (6, 4), textcoords="offset points")
