"""A net whose gradients explode, clipped at 1 and at 10; the printed formula beside the right one."""

import numpy as np

from ... import nn, optim
from ...tensor import from_numpy
from ..experiment import Experiment
from ..material import mlp, train
from ..style import legend_below

COLOURS = {"θ = 1": "C2", "θ = 10": "C0", "θ = 10, as printed": "C1"}
STYLES = {"C0": ("-", "o"), "C1": ("--", "s"), "C2": (":", "^")}
RUNS = {
    "not clipped": (None, "scale"),
    "θ = 1": (1.0, "scale"),
    "θ = 10": (10.0, "scale"),
    "θ = 10, as printed": (10.0, "unit"),
}
KOREAN = {"not clipped": "자르지 않음", "θ = 10, as printed": "θ = 10, 인쇄된 식"}


class GradientClipping(Experiment):
    name = "gradient-clipping"
    title = "Clipping the gradient's norm", "기울기 크기 자르기"
    see = (
        "Right: eight layers with weights twice as large as He's, so that the first gradients are hundreds long. "
        "Unclipped, a few steps throw the weights so far that the loss is no number. Clipped, a step keeps its "
        "direction and has a length of lr θ at most, and the net learns. Left: the norm after clipping over the "
        "norm before. g θ/‖g‖ leaves it at θ; the line bends and does not jump. The formula as some print it, g/‖g‖ "
        "where ‖g‖ > θ, throws a norm just above θ to 1: with θ = 10, 9.9 stays 9.9 and 10.1 becomes 1. The larger "
        "gradient gets the smaller step. For θ = 1 the two are the same. In the run with the printed formula the "
        "net starts as with θ = 1; once its gradients are near 10, steps of length 10 lr and of lr alternate, and "
        "it is thrown back.",
        "오른쪽: He의 두 배 크기 가중치로 시작한 여덟 층 신경망이라 처음 기울기의 크기가 수백이다. 자르지 않으면 몇 "
        "걸음 만에 가중치가 너무 멀리 튀어 손실이 수가 아니게 된다. 자르면 방향은 그대로이고 걸음의 길이는 많아야 "
        "lr θ이며, 신경망이 배운다. 왼쪽: 자르기 전의 크기에 대한 자른 뒤의 크기이다. g θ/‖g‖는 θ에 머물러 선이 "
        "꺾일 뿐 뛰지 않는다. 어떤 책에 인쇄된 식, 곧 ‖g‖ > θ일 때 g/‖g‖는 θ를 막 넘은 크기를 1로 떨어뜨린다. θ = "
        "10이면 9.9는 9.9로 남고 10.1은 1이 된다. 더 큰 기울기가 더 짧은 걸음을 얻는다. θ = 1에서는 두 식이 같다. "
        "인쇄된 식으로 학습하면 처음에는 θ = 1과 같지만, 기울기가 10 가까이 작아지면 길이 10 lr과 lr의 걸음이 "
        "뒤섞여 되튄다.",
    )
    claims = {
        "explodes": ("without clipping the loss is no number soon", "자르지 않으면 손실이 곧 수가 아니게 된다"),
        "learns": ("with θ = 1 and with θ = 10 the net learns", "θ = 1과 θ = 10이면 배운다"),
        "limit": ("θ g/‖g‖ leaves the norm at θ", "θ g/‖g‖는 크기를 θ로 남긴다"),
        "printed": ("so does g/‖g‖, the printed formula, for θ = 10", "인쇄된 식 g/‖g‖도 θ = 10에서 그렇다"),
        "same": ("for θ = 1 they are the same", "θ = 1에서는 두 식이 같다"),
    }
    chosen = {"hidden": (100,) * 7, "gain": 2.0, "lr": 0.1, "batch": 100, "epochs": 40}
    quick = {"epochs": 30}
    datasets = ("digits", "mnist")

    def measure(self, run):
        s, data = run.settings, run.data()
        losses = {}
        with run.progress(len(RUNS) * s.epochs) as bar:
            for name, (theta, form) in RUNS.items():
                net = mlp((data.sizes[0], *s.hidden, data.sizes[1]), nn.ReLU, doubled(s.gain), run.rng(1))
                optimizer = optim.SGD(net.parameters(), lr=s.lr, clip_norm=theta, clip_form=form)
                losses[name] = train(
                    net, optimizer, data.x, data.t, epochs=s.epochs, batch=s.batch, rng=run.rng(2), bar=bar
                )
        before = np.unique(np.concatenate([np.linspace(0.1, 25, 250), [0.99, 1.01, 9.9, 10.1]]))
        after = {
            f"{theta:g} {form}": clipped(before, theta, form) for theta in (1.0, 10.0) for form in ("scale", "unit")
        }
        return {"losses": losses, "first_norm": first_norm(run, data), "before": before, "after": after}

    def judge(self, run, numbers):
        losses, before, after = numbers["losses"], numbers["before"], numbers["after"]
        last = {name: float(np.mean(loss[-14:])) for name, loss in losses.items()}
        bad = np.flatnonzero(~np.isfinite(losses["not clipped"]))
        above = before > 10
        jump = after["10 unit"][before == 9.9][0]
        right, printed = after["10 scale"][above], after["10 unit"][above]
        ones = float(np.abs(after["1 scale"] - after["1 unit"]).max())
        first = losses["θ = 1"][0]
        return {
            "explodes": (
                len(bad) > 0,
                (
                    f"first norm {numbers['first_norm']:.3g}; no number from step {bad[0] + 1} on",
                    f"첫 크기 {numbers['first_norm']:.3g}, {bad[0] + 1}걸음째부터 수가 아님",
                )
                if len(bad)
                else f"{last['not clipped']:.3g}",
            ),
            "learns": (
                max(last["θ = 1"], last["θ = 10"]) < 0.5,
                (
                    f"loss {first:.0f}, at the end {last['θ = 1']:.3f} and {last['θ = 10']:.3f}",
                    f"손실 {first:.0f}, 마지막 {last['θ = 1']:.3f}, {last['θ = 10']:.3f}",
                ),
            ),
            "limit": (
                np.allclose(right, 10, rtol=1e-5),
                (f"{right.min():.4g} to {right.max():.4g}", f"{right.min():.4g}~{right.max():.4g}"),
            ),
            "printed": (
                np.allclose(printed, 10, rtol=1e-5),
                (
                    f"a norm of 9.9 stays {jump:.2g}, one of 10.1 becomes {printed[0]:.2g}",
                    f"9.9는 {jump:.2g}로 남고 10.1은 {printed[0]:.2g}이 된다",
                ),
            ),
            "same": (ones < 1e-5, (f"difference {ones:.1g}", f"차이 {ones:.1g}")),
        }

    def draw(self, run, numbers):
        figure, (left, right) = run.figure(1, 2, size=(12.5, 6.0))
        before, after = numbers["before"], numbers["after"]
        for i, (key, label) in enumerate(
            {
                "10 scale": "θ g/‖g‖, θ = 10",
                "10 unit": run.say("g/‖g‖, θ = 10, as printed", "g/‖g‖, θ = 10, 인쇄된 식"),
                "1 scale": run.say("both, θ = 1", "두 식, θ = 1"),
            }.items()
        ):
            shown = np.where(np.append(np.abs(np.diff(after[key])) > 3, False), np.nan, after[key])
            left.plot(before, shown, color=f"C{i}", label=label)
        left.set(
            xlabel=run.say("norm of the gradient before", "자르기 전 기울기의 크기"),
            ylabel=run.say("and after clipping", "자른 뒤의 크기"),
            ylim=(0, 11.5),
        )
        left.legend(loc="upper right", bbox_to_anchor=(1.0, 0.75), handlelength=3.2)
        for name, colour in COLOURS.items():
            losses = np.reshape(numbers["losses"][name], (run.settings.epochs, -1)).mean(axis=1)
            style = dict(zip(("linestyle", "marker"), STYLES[colour], strict=True))
            label = run.say(name, KOREAN.get(name, name))
            right.semilogy(np.arange(1, len(losses) + 1), losses, color=colour, label=label, **style)
        steps = int(np.argmax(~np.isfinite(numbers["losses"]["not clipped"]))) + 1
        right.set_title(
            run.say(f"not clipped: no number from step {steps} on", f"자르지 않으면 {steps}걸음째부터 수가 아님")
        )
        right.set(
            xlabel=run.say("epoch", "에포크"),
            ylabel=run.say("cross entropy, mean of the epoch", "교차 엔트로피, 에포크 평균"),
        )
        legend_below(figure, right, 3)
        return figure


def doubled(gain):
    """He's initial values, so many times as large."""

    def fill(weight, generator):
        nn.init.kaiming_normal_(weight, generator=generator)
        weight.data[...] *= gain

    return fill


def first_norm(run, data):
    """The norm of the gradient at the initial values, on the first rows."""
    s = run.settings
    net = mlp((data.sizes[0], *s.hidden, data.sizes[1]), nn.ReLU, doubled(s.gain), run.rng(1))
    nn.functional.cross_entropy(net(from_numpy(data.x[: s.batch])), from_numpy(data.t[: s.batch])).backward()
    return nn.utils.get_total_norm([p.grad for p in net.parameters()]).item()


def clipped(norms, theta, form):
    """The norm that clipping leaves of a gradient of each of these norms."""
    found = []
    for norm in norms:
        w = from_numpy(np.zeros(2)).requires_grad_()
        w.grad = from_numpy(np.array([0.6, 0.8]) * norm)
        nn.utils.clip_grad_norm_([w], theta, form=form)
        found.append(float(np.hypot(*w.grad.numpy())))
    return np.array(found)
