"""Update rules computed on paper: two or three steps, for each keyword that chooses a convention."""

import math

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.optim import RULES


def by_hand(name, gradients, rates=None, **options):
    """The path from p = 1, rates changing from step to step where several are given."""
    p = fg.from_numpy(np.array([1.0])).requires_grad_()
    optimizer, path = RULES[name]([p], **options), []
    for i, g in enumerate(gradients):
        if rates:
            optimizer.lr = rates[i]
        p.grad = fg.from_numpy(np.array([g]))
        optimizer.step()
        path.append(p.item())
    return path


def test_velocities():
    """lr 1/2, then 1/4; momentum 1/2; gradients 1 and 1. The forms part company when the rate changes."""
    hand = {
        ("torch", False): [0.5, 0.125],  # v = 1, 3/2
        ("lecture", False): [0.5, 0.0],  # m = 1/2, 1/4 + 1/4
        ("scratch", False): [0.5, 0.0],  # v = -1/2, -1/4 - 1/4
        ("average", False): [0.75, 0.5625],  # v = 1/2, 3/4
        ("torch", True): [0.25, -0.1875],  # p -= lr (1 + v / 2)
        ("scratch", True): [0.25, -0.25],  # p += v / 2 - lr
        ("lecture", True): [0.25, -0.25],
    }
    for (velocity, nesterov), expected in hand.items():
        options = {"momentum": 0.5, "velocity": velocity, "nesterov": nesterov}
        assert by_hand("SGD", (1.0, 1.0), (0.5, 0.25), **options) == expected, (velocity, nesterov)
    books = {"torch": 0.125, "keras": 0.0, "scratch": 0.0, "lecture": 0.0}
    for convention, last in books.items():
        assert by_hand("Momentum", (1.0, 1.0), (0.5, 0.25), momentum=0.5, convention=convention)[-1] == last
    # dampening 1/4 holds from the second step on: v = 1, 1/2 + 3/4
    assert by_hand("SGD", (1.0, 1.0), lr=0.5, momentum=0.5, dampening=0.25) == [0.5, -0.125]


@pytest.mark.parametrize("velocity", ["torch", "lecture", "scratch"])
def test_pure_inertia(velocity):
    """f = x^2 / 2, lr = 1, momentum = 1: v = v + x, x = x - v goes round in six steps, and never comes to rest."""
    p = fg.from_numpy(np.array([1.0])).requires_grad_()
    optimizer = fg.optim.SGD([p], lr=1.0, momentum=1.0, velocity=velocity)
    for _ in range(3):
        path = []
        for _ in range(6):
            p.grad = fg.from_numpy(p.data.copy())
            optimizer.step()
            path.append(p.item())
        assert path == [0, -1, -1, 0, 1, 1]


def test_adagrads_eps():
    # outside, eps 1: h = 9, 25: steps 3 / (3 + 1), 4 / (5 + 1);   inside, eps 7: h = 9, 18: 3 / sqrt 16, 3 / sqrt 25
    assert by_hand("Adagrad", (3.0, 4.0), lr=1.0, eps=1.0) == pytest.approx([0.25, 0.25 - 2 / 3], rel=1e-15)
    assert by_hand("Adagrad", (3.0, 3.0), lr=1.0, eps=7.0, eps_inside=True) == pytest.approx([0.25, -0.35], rel=1e-15)
    # from h = 16: h = 25: 3 / 5
    assert by_hand("Adagrad", (3.0,), lr=1.0, eps=0.0, initial_accumulator_value=16.0) == [0.4]
    # lr_decay 1: lr, lr / 2:  3 / 3, then (1 / 2) 4 / 5
    assert by_hand("Adagrad", (3.0, 4.0), lr=1.0, eps=0.0, lr_decay=1.0) == pytest.approx([0, -0.4], rel=1e-15)
    # eps alone decides where the gradient is tiny, g = 1e-5: inside 1e-10: 1e-5 / sqrt(2e-10); outside: 1
    assert by_hand("Adagrad", (1e-5,), lr=1.0, convention="lecture") == pytest.approx([1 - math.sqrt(0.5)], rel=1e-12)
    assert by_hand("Adagrad", (1e-5,), lr=1.0, convention="torch") == pytest.approx([1e-5 / (1 + 1e-5)], rel=1e-9)
    assert by_hand("Adagrad", (1e-7,), lr=1.0, convention="scratch") == pytest.approx([0.5], rel=1e-12)
    assert by_hand("Adagrad", (0.3,), lr=1.0, convention="keras") == pytest.approx([1 - 0.3 / math.sqrt(0.1900001)])


def test_rmsprops_alpha_and_eps():
    # alpha 0.9, eps 0.6 inside, g = 2, 1: v = 0.4, 0.46: roots 1 and sqrt(1.06)
    found = by_hand("RMSprop", (2.0, 1.0), lr=0.1, eps=0.6, convention="lecture")
    assert found == pytest.approx([0.8, 0.8 - 0.1 / math.sqrt(1.06)], rel=1e-14)
    # outside: 2 / (sqrt 0.4 + 0.6)
    found = by_hand("RMSprop", (2.0,), lr=0.1, eps=0.6, alpha=0.9)
    assert found == pytest.approx([1 - 0.2 / (math.sqrt(0.4) + 0.6)], rel=1e-14)
    # alpha 0.99: v = 0.01: a first step ten times lr
    assert by_hand("RMSprop", (1.0,), lr=0.1, eps=0.0) == pytest.approx([0], abs=1e-15)
    # g = 1e-5, alpha 0.9: v = 1e-11, inside 1e-10: 1e-5 / sqrt(1.1e-10)
    found = by_hand("RMSprop", (1e-5,), lr=1.0, convention="lecture")
    assert found == pytest.approx([1 - 1 / math.sqrt(1.1)], rel=1e-12)
    # centered, alpha 1/2, g = 2: v = 2, m = 1: 2 / sqrt(2 - 1)
    assert by_hand("RMSprop", (2.0,), lr=0.25, alpha=0.5, eps=0.0, centered=True) == [0.5]
    # momentum 1/2, alpha 0: u = 1, 1: b = 1, 3/2 at lr 1/2, 1/4; lr inside: b = 1/2, 1/2
    assert by_hand("RMSprop", (3.0, 5.0), (0.5, 0.25), alpha=0.0, eps=0.0, momentum=0.5) == [0.5, 0.125]
    assert by_hand("RMSprop", (3.0, 5.0), (0.5, 0.25), alpha=0.0, eps=0.0, momentum=0.5, velocity="scratch") == [
        0.5,
        0.0,
    ]


def test_adams_corrections_and_eps():
    """betas 1/2, 3/4; g = 2, 2: m = 1, 3/2; v = 1, 7/4; corrected: 2, 2 and 4, 4."""
    both = {"lr": 1.0, "betas": (0.5, 0.75)}
    root = math.sqrt(1.75)
    hand = [
        ({"eps": 0.5}, [0.2, -0.6]),  # 2 / (2 + 1/2)
        ({"eps": 0.5, "bias_correction": False}, [1 / 3, 1 / 3 - 1.5 / (root + 0.5)]),
        # lr' = sqrt(1/4) / (1/2), sqrt(7/16) / (3/4)
        ({"eps": 0.5, "eps_at": "uncorrected"}, [1 / 3, 1 / 3 - math.sqrt(7) / 3 * 1.5 / (root + 0.5)]),
        ({"eps": 5.0, "eps_at": "inside"}, [1 / 3, -1 / 3]),  # 2 / sqrt(4 + 5)
        ({"eps": 3.0, "eps_at": "inside", "bias_correction": False}, [0.5, 0.5 - 1.5 / math.sqrt(4.75)]),
        ({"eps": 0.5, "convention": "keras"}, [1 / 3, 1 / 3 - math.sqrt(7) / 3 * 1.5 / (root + 0.5)]),
        ({"eps": 0.5, "convention": "lecture"}, [0.2, -0.6]),
    ]
    for options, expected in hand:
        assert by_hand("Adam", (2.0, 2.0), **both, **options) == pytest.approx(expected, rel=1e-14), options


def test_adamaxs_eps():
    # g = 2: m / (1 - beta1) = 2: u = 2 + 1/2 in either place; g = 0: u = max(0.75 u, eps or 0) + (0 or eps)
    both = {"lr": 1.0, "betas": (0.5, 0.75), "eps": 0.5}
    assert by_hand("Adamax", (2.0, 0.0), **both) == pytest.approx([0.2, 0.2 - 0.5 / 0.75 / 1.875], rel=1e-14)
    found = by_hand("Adamax", (2.0, 0.0), **both, eps_outside=True)
    assert found == pytest.approx([0.2, 0.2 - 0.5 / 0.75 / 2.0], rel=1e-14)


def test_where_the_decay_goes():
    # p = 1, g = 1, lr 1/2, decay 1/2: in the gradient 1 - (1 + 1/2) / 2; beside an AdaGrad step of 1/2: (1 - 1/4) - 1/2
    assert by_hand("SGD", (1.0,), lr=0.5, weight_decay=0.5) == [0.25]
    assert by_hand("Adagrad", (1.0,), lr=0.5, eps=0.0, weight_decay=0.5) == [0.5]
    assert by_hand("Adagrad", (1.0,), lr=0.5, eps=0.0, weight_decay=0.5, decoupled_weight_decay=True) == [0.25]
    # L1 1/2: in the gradient; or shrunk by lr l1 after the step, to 0 where it would cross
    assert by_hand("SGD", (1.0,), lr=0.5, l1=0.5) == [0.25]
    assert by_hand("SGD", (1.0,), lr=0.5, l1=0.5, proximal=True) == [0.25]
    assert by_hand("SGD", (1.0,), lr=0.5, l1=2.0) == [-0.5]
    assert by_hand("SGD", (1.0,), lr=0.5, l1=2.0, proximal=True) == [0.0]
    # ema 1/2 from p = 1: p = 0, -1: averages 1/2, -1/4
    p = fg.from_numpy(np.array([1.0])).requires_grad_()
    optimizer = fg.optim.SGD([p], lr=1.0, ema=0.5)
    for expected in (0.5, -0.25):
        p.grad = fg.from_numpy(np.array([1.0]))
        optimizer.step()
        with optimizer.averages():
            assert p.item() == expected


def test_clipping_by_hand():
    """g = (3, 4), lr 1: theta 1; the lecture's form throws the norm from theta to 1."""
    hand = {
        ("scale", 2.5): [-1.5, -2.0],
        ("scale", 5.0): [-3.0, -4.0],
        ("unit", 2.5): [-0.6, -0.8],
        ("unit", 10.0): [-3.0, -4.0],
        ("normalize", 10.0): [-0.6, -0.8],
    }
    for (form, theta), expected in hand.items():
        p = fg.from_numpy(np.zeros(2)).requires_grad_()
        p.grad = fg.from_numpy(np.array([3.0, 4.0]))
        fg.optim.SGD([p], lr=1.0, clip_norm=theta, clip_form=form).step()
        assert p.tolist() == pytest.approx(expected, rel=1e-15), (form, theta)
