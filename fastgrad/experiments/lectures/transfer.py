"""A trunk that has learnt half of the classes, frozen, with a new head for the others."""

import copy
from itertools import chain

import numpy as np

from ... import nn, optim
from ...optim import lr_scheduler
from ...train import freeze
from ..experiment import Experiment
from ..few import beyond, gain
from ..material import accuracy, mlp, train
from ..style import legend_below

KINDS = ("trunk", "random", "scratch")


class Transfer(Experiment):
    name = "transfer"
    title = "A trunk of other classes, and a new head", "다른 클래스로 배운 몸통과 새 머리"
    see = (
        "A net learns the digits 0 to 4. Its first layer is kept and frozen, and a new last layer learns 5 to 9 from "
        "few images, with a rate that falls in steps. Beside it: the same with a first layer that has learnt nothing, "
        "frozen with its initial values; and a whole net that learns from the few images alone. The trained trunk is "
        "ahead of the random one in the first epochs: what tells 0 to 4 apart is of some use. At the end it is not. "
        "One layer of a hundred random features is as good for so small pictures, and a net that may change all of "
        "its layers is better than both. Transfer pays where the trunk knows what the few images cannot teach: from "
        "large, varied data, not from five classes of 8×8 pixels (with MNIST's it stays ahead of the random trunk). "
        "What does hold is the price: less than a tenth of the numbers learn, and the rest stays, bit for bit.",
        "신경망이 숫자 0~4를 배운다. 그 첫 층을 얼려 두고, 새 마지막 층이 적은 이미지로 5~9를 배운다. 학습률은 "
        "계단식으로 내려간다. 견줄 것은 아무것도 배우지 않은 초깃값 그대로 얼린 첫 층, 그리고 그 적은 이미지만으로 "
        "처음부터 배우는 신경망이다. 배운 몸통은 처음 몇 에포크 동안 무작위 몸통을 앞선다. 0~4를 가르는 것이 조금은 "
        "쓸모 있다. 끝에서는 아니다. 이렇게 작은 그림에는 무작위 특성 백 개짜리 한 층도 그만큼 좋고, 모든 층을 바꿀 "
        "수 있는 신경망이 둘보다 낫다. 전이는 적은 이미지가 가르칠 수 없는 것을 몸통이 알 때, 곧 크고 다양한 "
        "데이터에서 왔을 때 이득이다. 8×8 화소 다섯 클래스로는 아니다(MNIST라면 무작위 몸통보다 계속 앞선다). 맞는 "
        "것은 값이다. 10분의 1도 안 되는 수만 배우고 나머지는 비트까지 그대로다.",
    )
    claims = {
        "frozen": ("the trunk stays as it is, bit for bit", "몸통은 비트까지 그대로다"),
        "few": ("less than a tenth of the parameters learn", "매개변수의 10분의 1이 안 되게 배운다"),
        "works": ("the new head is right on 85 % of the new digits", "새 머리는 새 숫자의 85 %를 맞힌다"),
        "sooner": (
            "after five epochs it is ahead of a head on a random trunk",
            "다섯 에포크 뒤 무작위 몸통 위의 머리를 앞선다",
        ),
        "later": (
            "at the end, too: what the trunk has learnt helps, by 0.01 beyond the noise",
            "끝에서도 그렇다. 몸통이 배운 것이 잡음을 빼고도 0.01 도움이 된다",
        ),
        "scratch": (
            "with few images it is better than a net that learns from scratch",
            "이미지가 적으면 처음부터 배우는 신경망보다 낫다",
        ),
    }
    lecture = {"known": (0, 1, 2, 3, 4)}
    chosen = {
        "hidden": (100,),
        "init": "he_normal",
        "lr": 0.1,
        "source_epochs": 100,
        "images": 100,
        "batch": 25,
        "epochs": 120,
        "decay_every": 40,
        "decay_by": 0.3,
        "early": 5,
        "repeats": 20,
    }
    quick = {"repeats": 15}
    datasets = ("digits", "mnist")

    def measure(self, run):
        s, data = run.settings, run.data(test_size=0.5)
        known, (x, t, x_test, t_test) = halves(data, s.known)
        curves: dict = {kind: [] for kind in KINDS}
        kept, rates = [], []
        with run.progress(s.repeats * len(KINDS)) as bar:
            for repeat in range(s.repeats):
                source = net_of(run, data, repeat)
                optimizer = optim.SGD(source.parameters(), lr=s.lr)
                train(source, optimizer, *known[:2], epochs=s.source_epochs, batch=50, rng=run.rng(2, repeat))
                rows = run.rng(3, repeat).permutation(len(x))[: s.images]
                for kind in KINDS:
                    net = started(run, data, kind, source, repeat)
                    before = [p.data.copy() for p in net[0].parameters()]
                    curve, rates = taught(run, net, (x[rows], t[rows]), (x_test, t_test), repeat)
                    curves[kind].append(curve)
                    if kind == "trunk":
                        kept += [np.array_equal(a, p.data) for a, p in zip(before, net[0].parameters(), strict=True)]
                    bar.update(1, kind)
        net = started(run, data, "trunk", source, 0)
        sizes = [p.data.size for p in net.parameters()]
        learn = [p.data.size for p in net.parameters() if p.requires_grad]
        found = {kind: np.array(those) for kind, those in curves.items()}
        return {"curves": found, "kept": all(kept), "learning": sum(learn), "parameters": sum(sizes), "rates": rates}

    def judge(self, run, numbers):
        s, mean = run.settings, {kind: curve.mean(axis=0) for kind, curve in numbers["curves"].items()}
        ends = {kind: curve[:, -1] for kind, curve in numbers["curves"].items()}
        early = {kind: float(curve[s.early - 1]) for kind, curve in mean.items()}
        late = {kind: float(curve[-1]) for kind, curve in mean.items()}
        share = numbers["learning"] / numbers["parameters"]
        return {
            "frozen": (numbers["kept"], f"{s.repeats} / {s.repeats}" if numbers["kept"] else "≠"),
            "few": (share < 0.1, f"{numbers['learning']:,} / {numbers['parameters']:,} = {share:.1%}"),
            "works": (late["trunk"] > 0.85, f"{late['trunk']:.3f}"),
            "sooner": (early["trunk"] > early["random"], f"{early['random']:.3f} → {early['trunk']:.3f}"),
            "later": (
                beyond(ends["trunk"], ends["random"], 0.01),
                f"{late['random']:.3f} → {late['trunk']:.3f}: {gain(ends['trunk'], ends['random'])}",
            ),
            "scratch": (beyond(ends["trunk"], ends["scratch"]), f"{late['scratch']:.3f} → {late['trunk']:.3f}"),
        }

    def draw(self, run, numbers):
        figure, (top, bottom) = run.figure(2, 1, size=(10.5, 7.0), sharex=True, height_ratios=(4, 1))
        names = {
            "trunk": run.say("frozen trunk that knows 0-4, new head", "0~4를 아는 얼린 몸통, 새 머리"),
            "random": run.say("frozen random trunk, new head", "무작위로 얼린 몸통, 새 머리"),
            "scratch": run.say("from scratch", "처음부터"),
        }
        for i, (kind, curves) in enumerate(numbers["curves"].items()):
            epochs = np.arange(1, curves.shape[1] + 1)
            top.semilogx(epochs, curves.mean(axis=0), label=names[kind])
            top.fill_between(epochs, curves.min(axis=0), curves.max(axis=0), color=f"C{i}", alpha=0.12, linewidth=0)
        top.set_ylabel(run.say("accuracy on 5-9 in the test", "시험 이미지 5~9의 정확도"))
        bottom.step(epochs, numbers["rates"], where="mid", color="black", linestyle="-", marker="")
        bottom.set(xlabel=run.say("epoch", "에포크"), ylabel=run.say("rate", "학습률"), ylim=(0, None))
        legend_below(figure, top, 3)
        return figure


def halves(data, known):
    """(x, t, x_test, t_test) of the classes that are known, and of the others, each counted from 0."""
    found = []
    for wanted in (known, [c for c in range(10) if c not in known]):
        number = np.full(10, -1)
        number[list(wanted)] = np.arange(len(wanted))
        pairs = [
            (x[number[t] >= 0], number[t][number[t] >= 0]) for x, t in ((data.x, data.t), (data.x_test, data.t_test))
        ]
        found.append(tuple(chain(*pairs)))
    return found


def net_of(run, data, *key):
    """Two parts: a trunk of all hidden layers, and a head of one layer."""
    s = run.settings
    classes = max(len(s.known), 10 - len(s.known))
    layers = list(mlp((data.x.shape[1], *s.hidden, classes), nn.ReLU, s.init, run.rng(1, *key)))
    return nn.Sequential(nn.Sequential(*layers[:-1]), layers[-1])


def started(run, data, kind, source, repeat):
    """A net that has not seen the new classes: its trunk is that of `source`, or its own; frozen, unless "scratch"."""
    net = net_of(run, data, repeat, 1)
    if kind == "trunk":
        net = nn.Sequential(copy.deepcopy(source[0]), net[1])
    if kind != "scratch":
        freeze(net[0])
    return net


def taught(run, net, part, test, repeat):
    """Trains what is not frozen; the test accuracy and the rate of every epoch."""
    s, curve, rates = run.settings, list[float](), list[float]()
    optimizer = optim.SGD([p for p in net.parameters() if p.requires_grad], lr=s.lr)
    schedule = lr_scheduler.StepLR(optimizer, s.decay_every, s.decay_by)

    def each(epoch):
        curve.append(accuracy(net, *test))
        rates.append(optimizer.lr)
        schedule.step()

    train(net, optimizer, *part, epochs=s.epochs, batch=s.batch, rng=run.rng(4, repeat), each=each)
    return curve, rates
