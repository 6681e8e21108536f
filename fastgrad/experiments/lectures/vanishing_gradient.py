"""How large the gradient still is when it has come back through many layers."""

import numpy as np

from ... import nn
from ...nn import monitor
from ...tensor import from_numpy
from ..experiment import Experiment
from ..material import mlp

# Name -> activation, initial values, gain, batch norm.
NETS = {
    "sigmoid, Xavier": (nn.Sigmoid, "xavier_normal", 1.0, False),
    "tanh, Xavier": (nn.Tanh, "xavier_normal", 1.0, False),
    "ReLU, He": (nn.ReLU, "he_normal", 1.0, False),
    "ReLU, Xavier": (nn.ReLU, "xavier_normal", 1.0, False),
    "ReLU, std 0.01": (nn.ReLU, 0.01, 1.0, False),
    "ReLU, std 1": (nn.ReLU, 1.0, 1.0, False),
    "He × 0.5": (nn.ReLU, "he_normal", 0.5, False),
    "He × 1": (nn.ReLU, "he_normal", 1.0, False),
    "He × 2": (nn.ReLU, "he_normal", 2.0, False),
    "× 0.5, batch norm": (nn.ReLU, "he_normal", 0.5, True),
    "× 1, batch norm": (nn.ReLU, "he_normal", 1.0, True),
    "× 2, batch norm": (nn.ReLU, "he_normal", 2.0, True),
}
GAINS = (0.5, 1.0, 2.0)
LEFT, RIGHT = list(NETS)[:6], list(NETS)[6:]
KOREAN = {name: name.replace("batch norm", "배치 정규화") for name in RIGHT}


class VanishingGradient(Experiment):
    name = "vanishing-gradient"
    title = "The gradient on its way back", "거슬러 흐르는 기울기"
    see = (
        "Normal inputs. The norm of the gradient at each layer's output, from the last layer (right) to the first. "
        "On a logarithmic scale each net is a straight line: every layer multiplies by the same factor. A sigmoid's "
        "is its slope, 1/4 at most: after 20 layers a millionth of a millionth is left. ReLU lets half of it "
        "through, and He's variance 2/n makes up for that exactly: the line is level. Xavier's 1/n loses 0.71 a "
        "layer with ReLU. On the right the weights of He times a gain: 0.5 or 2 to the power of the layers. Batch "
        "norm divides every layer by its own scale, so that the three lines have one slope, whatever the gain (that "
        "of the output layer sets them apart); but with ReLU gradients then grow, by 1.2 a layer.",
        "마지막 층(오른쪽)에서 첫 층까지, 각 층 출력에서 기울기의 크기(norm)이다. 로그 눈금에서 신경망마다 "
        "직선이다. 층마다 같은 수가 곱해지기 때문이다. 시그모이드는 그 기울기, 많아야 1/4이다. 20층 뒤에는 1조분의 "
        "1만 남는다. ReLU는 절반을 통과시키고 He의 분산 2/n이 이를 정확히 메워 선이 수평이다. ReLU에 Xavier의 1/n을 "
        "쓰면 층마다 0.71배가 된다. 오른쪽은 He 가중치에 이득을 곱한 것으로, 0.5 또는 2의 층수 제곱이다. 배치 "
        "정규화는 층마다 그 크기로 나누므로 이득과 상관없이 세 선의 기울기가 같다(간격은 출력층의 이득이다). 다만 "
        "ReLU와 함께 쓰면 기울기가 층마다 1.2배로 커진다.",
    )
    claims = {
        "sigmoid": ("with sigmoids the gradient vanishes", "시그모이드에서는 기울기가 사라진다"),
        "he": ("with ReLU and He it stays", "ReLU와 He에서는 기울기가 유지된다"),
        "xavier": ("with ReLU and Xavier it does not", "ReLU와 Xavier에서는 유지되지 않는다"),
        "small": ("with std 0.01 it vanishes, with std 1 it explodes", "표준편차 0.01이면 사라지고 1이면 폭발한다"),
        "gain": ("a gain acts to the power of the number of layers", "이득은 층수만큼 거듭제곱된다"),
        "norm": (
            "with batch norm the factor of a layer does not depend on the gain",
            "배치 정규화를 쓰면 층마다 곱해지는 수가 이득과 상관없다",
        ),
        "level": (
            "with batch norm it neither vanishes nor explodes",
            "배치 정규화를 쓰면 사라지지도 폭발하지도 않는다",
        ),
    }
    chosen = {"layers": 20, "width": 100, "batch": 100, "dtype": "float64"}

    def measure(self, run):
        found = {}
        with run.progress(len(NETS)) as bar:
            for name, how in NETS.items():
                found[name] = norms(run, *how)
                bar.update(1, name)
        return {"norms": found}

    def judge(self, run, numbers):
        norms = numbers["norms"]
        ratio = {name: float(v[0] / v[-1]) for name, v in norms.items()}
        layer = {name: r ** (1 / (len(norms[name]) - 1)) for name, r in ratio.items()}
        same = [layer[name] for name in RIGHT[3:]]

        def said(*names):
            each = ", ".join(f"{ratio[name]:.2g} ({layer[name]:.2f})" for name in names)
            return f"first / last (a layer): {each}", f"처음 / 마지막 (층마다): {each}"

        return {
            "sigmoid": (ratio["sigmoid, Xavier"] < 1e-9, said("sigmoid, Xavier")),
            "he": (1 / 3 < ratio["ReLU, He"] < 3, said("ReLU, He")),
            "xavier": (ratio["ReLU, Xavier"] < 0.01, said("ReLU, Xavier")),
            "small": (
                ratio["ReLU, std 0.01"] < 1e-9 and ratio["ReLU, std 1"] > 1e9,
                said("ReLU, std 0.01", "ReLU, std 1"),
            ),
            "gain": (
                all(abs(layer[f"He × {g:g}"] / layer["He × 1"] / g - 1) < 0.05 for g in GAINS),
                said(*RIGHT[:3]),
            ),
            "norm": (max(same) / min(same) < 1.02, said(*RIGHT[3:])),
            "level": (1 / 3 < ratio["× 1, batch norm"] < 3, said("× 1, batch norm")),
        }

    def draw(self, run, numbers):
        figure, axes = run.figure(1, 2, size=(12.5, 6.4))
        layers = np.arange(1, run.settings.layers + 1)
        titles = (
            run.say("activation, initial values", "활성화 함수, 초깃값"),
            run.say("ReLU, He × gain", "ReLU, He × 이득"),
        )
        for axis, names, title in zip(axes, (LEFT, RIGHT), titles, strict=True):
            for name in names:
                axis.semilogy(layers, numbers["norms"][name], label=run.say(name, KOREAN.get(name, name)))
            axis.set(xlabel=run.say("layer", "층"), title=title, xticks=layers[::3])
            axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2, handlelength=3.2)
        axes[0].set_ylabel(run.say("norm of the gradient at its output", "출력에서 기울기의 크기"))
        return figure


def norms(run, activation, init, gain, batch_norm):
    """The norm of the gradient at the output of every activation, first layer first."""
    s, rng = run.settings, run.rng(1)
    net = mlp((s.width,) * (s.layers + 1) + (10,), activation, init, rng, batch_norm, s.dtype)
    for module in net.modules():
        if isinstance(module, nn.Linear):
            module.weight.data[...] *= gain
    x, t = from_numpy(rng.standard_normal((s.batch, s.width))), from_numpy(rng.integers(0, 10, s.batch))
    with monitor.watch(net, every=1) as seen:
        nn.functional.cross_entropy(net(x), t).backward()
    return [trace.dout_norm[0] for trace in seen.traces.values() if trace.kind == activation.__name__]
