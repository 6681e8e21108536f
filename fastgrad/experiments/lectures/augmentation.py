"""Shifted and rotated pictures as further training data, and what real ones would have done."""

from math import isqrt

import numpy as np

from ... import nn, optim
from ...capture import capture
from ...data import augment
from ...tensor import from_numpy
from ..experiment import Experiment
from ..few import beyond, build, few, gain
from ..material import accuracy

NAMES = ("original", "shifted", "rotated", "both", "more")
TESTS = ("test", "shifted", "rotated")


class Augmentation(Experiment):
    name = "augmentation"
    title = "Augmentation, and more data", "데이터 증강, 그리고 더 많은 데이터"
    see = (
        "The same net learns 300 images: as they are, shifted by up to an eighth of their width, rotated by up to 15 "
        "degrees, both, drawn anew in every epoch; and, last, 898 images as they are. Each is tested on images as they "
        "are, on shifted and on rotated ones. What augmentation teaches is to put up with that change: on shifted "
        "images the net that has seen shifted ones is far ahead of all others. Whether it also helps on images as they "
        "are is another question. With these digits of 8×8 pixels it does not. Rotations change it by less than a "
        "hundredth, up or down with the draw of the images, and shifts lower it: the digits are all centred, in "
        "the test, too, and the net that has learnt to put up with shifts has given up what a pixel of its own place "
        "could tell. With MNIST's 28×28 pixels the same shifts help a lot. So measure it: augmentation is no more data "
        "of the kind one has, it is data of another kind. Three times as many real images are best on images as they "
        "are, and do not help on shifted ones.",
        "같은 신경망이 이미지 300장을 배운다. 그대로, 너비의 8분의 1까지 옮겨서, 15도까지 돌려서, 둘 다, 에포크마다 "
        "새로 뽑아서. 마지막은 898장을 그대로. 각각을 그대로인 이미지, 옮긴 이미지, 돌린 이미지로 시험한다. 증강이 "
        "가르치는 것은 그 변화를 견디는 일이다. 옮긴 이미지에서는 옮긴 것을 본 신경망이 다른 모두를 크게 앞선다. "
        "그대로인 이미지에도 도움이 되는지는 다른 문제다. 8×8 화소인 이 숫자에서는 그렇지 않다. 돌림은 뽑힌 이미지에 "
        "따라 100분의 1 안에서 올리거나 내리고, 옮김은 떨어뜨린다. 시험 이미지도 모두 가운데 놓여 있고, 옮김을 "
        "견디도록 배운 신경망은 제자리의 화소가 알려 줄 수 있던 것을 버렸다. 28×28 화소인 MNIST에서는 같은 옮김이 크게 "
        "돕는다. 그러니 재어 보라. 증강은 가진 것과 같은 데이터가 더 생기는 것이 아니라 다른 종류의 데이터가 생기는 "
        "것이다. 세 배의 진짜 이미지는 그대로인 이미지에서 가장 좋고, 옮긴 이미지에는 도움이 되지 않는다.",
    )
    claims = {
        "shifts": (
            "on shifted images the net that learnt from shifted ones is better by 0.1",
            "옮긴 이미지에서는 옮긴 것으로 배운 신경망이 0.1 넘게 낫다",
        ),
        "rotations": (
            "on rotated images the one that learnt from rotated ones is better",
            "돌린 이미지에서는 돌린 것으로 배운 신경망이 낫다",
        ),
        "helps": (
            "as lectures say: augmentation raises the accuracy on the test images, by 0.01 beyond the noise",
            "강의에서 하는 말: 증강은 시험 이미지의 정확도를 잡음을 빼고도 0.01 올린다",
        ),
        "more": (
            "three times as many real images raise it more than any augmentation",
            "세 배의 진짜 이미지는 어떤 증강보다 더 많이 올린다",
        ),
    }
    chosen = {
        "shift": 1 / 8,
        "degrees": 15,
        "images": 300,
        "more": 898,
        "hidden": (100, 100),
        "init": "he_normal",
        "lr": 0.1,
        "batch": 100,
        "steps": 900,
        "repeats": 8,
    }
    quick = {"repeats": 3}
    datasets = ("digits", "mnist")

    def measure(self, run):
        s = run.settings
        found: dict = {name: [] for name in NAMES}
        with run.progress(s.repeats * len(NAMES)) as bar:
            for repeat in range(s.repeats):
                for name in NAMES:
                    data = few(run, s.more if name == "more" else s.images, repeat)
                    change = changes(s, data).get(name)
                    net = learnt(run, data, change, repeat)
                    found[name].append([accuracy(net, x, data.t_test) for x in tests(run, data)])
                    bar.update(1, name)
        pictures = few(run).x[:6]
        shown = [pictures, *(change(pictures, rng=run.rng(5)) for change in changes(s, few(run)).values())]
        return {"accuracy": {name: np.array(rows) for name, rows in found.items()}, "pictures": np.array(shown)}

    def judge(self, run, numbers):
        mean = {name: dict(zip(TESTS, rows.mean(axis=0), strict=True)) for name, rows in numbers["accuracy"].items()}
        plain = mean["original"]
        made = {name: mean[name]["test"] for name in NAMES[1:4]}
        right = {name: rows[:, 0] for name, rows in numbers["accuracy"].items()}

        def from_to(name, test):
            return f"{plain[test]:.3f} → {mean[name][test]:.3f}"

        return {
            "shifts": (mean["shifted"]["shifted"] > plain["shifted"] + 0.1, from_to("shifted", "shifted")),
            "rotations": (mean["rotated"]["rotated"] > plain["rotated"], from_to("rotated", "rotated")),
            "helps": (
                any(beyond(right[name], right["original"], 0.01) for name in made),
                f"{plain['test']:.3f}; "
                + ", ".join(f"{run.say(name, KOREAN[name])} {gain(right[name], right['original'])}" for name in made),
            ),
            "more": (mean["more"]["test"] > max(made.values()), from_to("more", "test")),
        }

    def draw(self, run, numbers):
        figure, (left, right) = run.figure(1, 2, size=(13.0, 5.8), width_ratios=(2, 5))
        left.imshow(mosaic(numbers["pictures"]), cmap="gray_r", vmin=0, vmax=1)
        height = mosaic(numbers["pictures"]).shape[0] / 4
        words = [run.say(name, KOREAN[name]) for name in NAMES]
        left.set_yticks([height * (i + 0.5) - 0.5 for i in range(4)], words[:4])
        left.set_xticks([])
        left.grid(False)
        left.spines[:].set_visible(False)
        kinds = (
            (-0.27, "#606060", "", run.say("tested on images as they are", "그대로인 이미지로 시험")),
            (0.0, "#ffffff", "//", run.say("on shifted ones", "옮긴 이미지로")),
            (0.27, "#c8c8c8", "..", run.say("on rotated ones", "돌린 이미지로")),
        )
        places = np.arange(len(NAMES))
        for i, (shift, colour, hatch, label) in enumerate(kinds):
            values = [rows[:, i].mean() for rows in numbers["accuracy"].values()]
            drawn = right.bar(places + shift, values, 0.26, color=colour, hatch=hatch, edgecolor="black", label=label)
            right.bar_label(drawn, [f"{value:.3f}".lstrip("0") for value in values], fontsize=9.5, padding=2)
        words[-1] = run.say(f"{run.settings.more} images", f"{run.settings.more}장")
        right.set_xticks(places, words)
        right.set(
            ylim=(0.5, 1.08), ylabel=run.say("accuracy", "정확도"), xlabel=run.say("learnt from", "학습한 이미지")
        )
        right.set_yticks(np.arange(0.5, 1.01, 0.1))
        right.grid(False)
        right.legend(loc="upper center", ncols=3, fontsize=10)
        return figure


KOREAN = {"original": "그대로", "shifted": "옮김", "rotated": "돌림", "both": "둘 다", "more": "더 많이"}


def changes(s, data):
    """The augmentations by name, for pictures as flat as those of `data`."""
    side = isqrt(data.x.shape[1])
    shift = augment.Shift(s.shift * side, whole=False, shape=(side, side))
    turn = augment.Rotate(s.degrees, shape=(side, side))
    return {"shifted": shift, "rotated": turn, "both": augment.Compose([shift, turn])}


def tests(run, data):
    """The test part as it is, shifted, and rotated: the same for all nets."""
    made = changes(run.settings, data)
    return (data.x_test, *(made[name](data.x_test, rng=run.rng(4)) for name in TESTS[1:]))


def learnt(run, data, change, repeat):
    """A net after so many steps; every epoch has the images changed anew."""
    s, net, rng = run.settings, build(run, data, repeat=repeat), run.rng(2, repeat)
    optimizer = optim.SGD(net.parameters(), lr=s.lr)

    @capture
    def step(x, t):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), t).backward()
        optimizer.step()

    done = 0
    while done < s.steps:
        order = rng.permutation(len(data.x))
        x = data.x if change is None else change(data.x, rng=rng)
        for i in range(0, len(order) - s.batch + 1, s.batch):
            rows = order[i : i + s.batch]
            step(from_numpy(x[rows]), from_numpy(data.t[rows]))
            done += 1
    return net


def mosaic(pictures):
    """Rows of flat square pictures, [rows,columns,D], as one picture."""
    rows, columns, size = pictures.shape
    side = isqrt(size)
    tiles = np.pad(pictures.reshape(rows, columns, side, side), ((0, 0), (0, 0), (1, 1), (1, 1)))
    return tiles.transpose(0, 2, 1, 3).reshape(rows * (side + 2), columns * (side + 2))
