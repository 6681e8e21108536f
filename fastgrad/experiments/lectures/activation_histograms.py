"""What five layers put out, under initial values of different size."""

import numpy as np

from ... import nn
from ...autograd import no_grad
from ...create import empty
from ...tensor import from_numpy
from ..experiment import Experiment
from ..material import mlp

# Name -> activation, initial values.
NETS = {
    "sigmoid, zeros": (nn.Sigmoid, "zeros"),
    "sigmoid, std 1": (nn.Sigmoid, 1.0),
    "sigmoid, std 0.01": (nn.Sigmoid, 0.01),
    "sigmoid, Xavier": (nn.Sigmoid, "xavier_normal"),
    "ReLU, std 0.01": (nn.ReLU, 0.01),
    "ReLU, Xavier": (nn.ReLU, "xavier_normal"),
    "ReLU, He 2/n": (nn.ReLU, "he_normal"),
}
BINS = 40


class ActivationHistograms(Experiment):
    name = "activation-histograms"
    title = "Outputs of five layers of 100 units", "100개씩 다섯 층의 출력"
    see = (
        "1000 rows of normal numbers go through five layers; a row of the figure is a net, a column a layer. With "
        "std 1 the sums have a deviation of 10 and the sigmoids sit at 0 and 1, where their slope is nothing. With "
        "0.01 all are near 0.5: a hundred units say what one could say. Zeros are the end of this: every unit says "
        "exactly the same. Xavier's 1/n keeps the sums at the size of the inputs. ReLU throws half of them away, so "
        "that Xavier's outputs shrink by 0.71 a layer, and He's 2/n is what keeps them. He's variance is 2/n_in; "
        "4/(n_in + n_out), as some print it, is the same for square layers such as these, and for no others.",
        "정규분포 수 1000행을 다섯 층에 통과시켰다. 그림의 가로줄은 신경망, 세로줄은 층이다. 표준편차 1이면 합의 "
        "편차가 10이라 시그모이드가 0과 1에 몰리고, 그곳에는 기울기가 없다. 0.01이면 모두 0.5 근처라 유닛 백 개가 "
        "하나만큼만 말한다. 0이 그 끝이다. 모든 유닛이 똑같은 값을 낸다. Xavier의 1/n은 합을 입력의 크기로 "
        "유지한다. ReLU는 절반을 버리므로 Xavier의 출력은 층마다 0.71배로 줄고, He의 2/n이 이를 유지한다. He의 "
        "분산은 2/n_in이다. 어떤 책의 4/(n_in + n_out)은 이 그림처럼 정사각형인 층에서만 같고 다른 층에서는 다르다.",
    )
    claims = {
        "zeros": ("with zeros all units of a layer say the same", "0으로 두면 한 층의 유닛이 모두 같은 값을 낸다"),
        "one": ("with std 1 sigmoids gather at 0 and 1", "표준편차 1이면 시그모이드가 0과 1에 몰린다"),
        "hundredth": ("with std 0.01 they gather at 0.5", "표준편차 0.01이면 0.5에 몰린다"),
        "xavier": ("with Xavier they stay spread", "Xavier이면 고르게 퍼져 있다"),
        "relu": (
            "with ReLU, std 0.01 leaves nothing and Xavier less from layer to layer",
            "ReLU에서 표준편차 0.01은 아무것도 남기지 않고 Xavier는 층마다 줄어든다",
        ),
        "he": ("with He the outputs keep their size", "He이면 출력의 크기가 유지된다"),
        "printed": ("He's variance is 4/(n_in + n_out)", "He의 분산은 4/(n_in + n_out)이다"),
    }
    lecture = {"layers": 5, "width": 100, "rows": 1000}
    chosen = {"compared": (784, 100)}

    def measure(self, run):
        s = run.settings
        x = run.rng(1).standard_normal((s.rows, s.width), dtype=np.float32)
        found = {}
        with run.progress(len(NETS)) as bar:
            for name, (activation, init) in NETS.items():
                outputs = pass_through(mlp((s.width,) * (s.layers + 2), activation, init, run.rng(2)), x)
                found[name] = [described(out, activation) for out in outputs[: s.layers]]
                bar.update(1, name)
        n_in, n_out = s.compared
        weight = empty(n_out, n_in)
        nn.init.kaiming_normal_(weight, generator=run.rng(3))
        drawn = float(np.var(weight.numpy(), dtype=np.float64))
        return {"layers": found, "he_variance": {"drawn": drawn, "2/n_in": 2 / n_in, "printed": 4 / (n_in + n_out)}}

    def judge(self, run, numbers):
        layers, he = numbers["layers"], numbers["he_variance"]
        last = {name: found[-1] for name, found in layers.items()}
        std = {name: [layer["std"] for layer in found] for name, found in layers.items()}
        shrink = (std["ReLU, Xavier"][-1] / std["ReLU, Xavier"][0]) ** (1 / (run.settings.layers - 1))
        keep = std["ReLU, He 2/n"][-1] / std["ReLU, He 2/n"][0]
        spread = last["sigmoid, zeros"]["between_units"]
        ends = last["sigmoid, std 1"]["at_ends"]
        said = f"{run.settings.compared}: {he['drawn']:.5f}, 2/n_in {he['2/n_in']:.5f}"
        he_said = f"{said}, 4/(n_in + n_out) {he['printed']:.5f}"
        return {
            "zeros": (spread == 0, (f"between units: {spread:g}", f"유닛 사이의 차이: {spread:g}")),
            "one": (
                ends > 0.5,
                (f"{ends:.0%} within 0.1 of an end in the last layer", f"마지막 층에서 {ends:.0%}가 끝에서 0.1 안"),
            ),
            "hundredth": (
                abs(last["sigmoid, std 0.01"]["mean"] - 0.5) < 0.05 and std["sigmoid, std 0.01"][-1] < 0.05,
                f"{last['sigmoid, std 0.01']['mean']:.3f} ± {std['sigmoid, std 0.01'][-1]:.3f}",
            ),
            "xavier": (
                std["sigmoid, Xavier"][-1] > 0.1 and last["sigmoid, Xavier"]["at_ends"] < 0.1,
                f"{last['sigmoid, Xavier']['mean']:.3f} ± {std['sigmoid, Xavier'][-1]:.3f}",
            ),
            "relu": (
                std["ReLU, std 0.01"][-1] < 1e-4 and 0.6 < shrink < 0.8,
                (
                    f"std {std['ReLU, std 0.01'][-1]:.1g} in the last layer; {shrink:.2f} a layer",
                    f"마지막 층 표준편차 {std['ReLU, std 0.01'][-1]:.1g}, 층마다 {shrink:.2f}배",
                ),
            ),
            "he": (
                0.5 < keep < 2,
                (f"std, last layer / first: {keep:.2f}", f"표준편차, 마지막 층 / 첫 층: {keep:.2f}"),
            ),
            "printed": (abs(he["drawn"] / he["printed"] - 1) < 0.1, (f"drawn for {he_said}", f"뽑은 값 {he_said}")),
        }

    def draw(self, run, numbers):
        s = run.settings
        figure, axes = run.figure(len(NETS), s.layers, size=(12.0, 10.5))
        for row, (name, layers) in zip(axes, numbers["layers"].items(), strict=True):
            for axis, layer in zip(row, layers, strict=True):
                edges, counts = np.array(layer["edges"]), np.array(layer["counts"])
                axis.stairs(counts / (counts[1:].max() or counts.max()), edges, fill=True, color="#4a4a4a")
                axis.set(yticks=(), ylim=(0, 1.25), xlim=(edges[0], edges[-1]))
                axis.locator_params(axis="x", nbins=3)
                axis.tick_params(labelsize=9)
                axis.grid(False)
                axis.text(
                    0.97,
                    0.97,
                    f"{layer['mean']:.2g} ± {layer['std']:.2g}",
                    transform=axis.transAxes,
                    ha="right",
                    va="top",
                    fontsize=10,
                )
            label = run.say(name, name.replace("zeros", "0").replace("std", "표준편차"))
            row[0].set_ylabel(label.replace(", ", ",\n"), rotation=0, ha="right", va="center")
        for i in range(s.layers):
            axes[0, i].set_title(run.say(f"layer {i + 1}", f"{i + 1}층"))
        figure.supxlabel(
            run.say(
                "output; in each: mean ± standard deviation; a peak at 0 is cut off",
                "출력. 칸마다 평균 ± 표준편차, 0에 몰린 막대는 위를 잘랐다",
            ),
            fontsize=11,
        )
        return figure


def pass_through(net, x):
    """The output of every activation."""
    outputs, value = [], from_numpy(x)
    with no_grad():
        for module in net:
            value = module(value)
            if not isinstance(module, nn.Linear):
                outputs.append(value.numpy())
    return outputs


def described(out, activation):
    """A layer's outputs: moments, histogram, share near an end, and the largest difference between its units."""
    top = 1.0 if activation is nn.Sigmoid else 3.0
    counts, edges = np.histogram(out, BINS, (0.0, top))
    return {
        "mean": float(out.mean(dtype=np.float64)),
        "std": float(out.std(dtype=np.float64)),
        "at_ends": float(np.mean((out < 0.1) | (out > 0.9))),
        "between_units": float(np.abs(out - out[:, :1]).max()),
        "counts": counts,
        "edges": edges,
    }
