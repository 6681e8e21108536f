"""What the experiments on overfitting, and those beside them, compute: identities, means over masks, ways of the tape."""

import itertools

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import nn
from fastgrad.experiments import find, perform
from fastgrad.experiments.command import report
from fastgrad.experiments.experiment import Run
from fastgrad.experiments.few import beyond, build, difference, end, few, gain, learn, with_dropout
from fastgrad.experiments.lectures import (
    augmentation,
    backprop_by_hand,
    bias_variance,
    ensemble,
    l1_vs_l2,
    optimizer_race,
    transfer,
)
from fastgrad.experiments.perform import chosen_settings


def run_of(name, seed=0, **settings):
    experiment = find(name)()
    return Run(experiment, chosen_settings(experiment, False, settings), seed, dataset="digits")


# -- few images --------------------------------------------------------------------------------------------------------
def test_few_images_are_drawn_by_seed_and_repeat():
    run = run_of("overfit")
    first, again, other = few(run), few(run), few(run, repeat=1)
    assert first.x.shape == (300, 64)
    np.testing.assert_array_equal(first.x, again.x)
    assert (first.x != other.x).any()
    assert (few(run_of("overfit", seed=1)).x != first.x).any()
    whole = run.data(test_size=0.5)
    known = {row.tobytes() for row in whole.x}
    assert all(row.tobytes() in known for row in first.x)
    assert len({row.tobytes() for row in first.x}) >= 299  # none is drawn twice; digits itself may have twins
    assert len(few(run, 10_000).x) == len(whole.x)


def test_dropout_is_put_behind_every_activation():
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 1))
    kinds = [type(layer).__name__ for layer in with_dropout(net, 0.3)]
    assert kinds == ["Linear", "ReLU", "Dropout", "Linear", "ReLU", "Dropout", "Linear"]
    assert [layer.p for layer in with_dropout(net, 0.3) if isinstance(layer, nn.Dropout)] == [0.3, 0.3]
    assert list(with_dropout(net, 0.0)) == list(net)


def test_a_penalty_is_the_weights_alone():
    """lr decay = 1: a weight keeps nothing of itself at a step; a bias keeps all, whatever decays beside it."""
    run = run_of("overfit", hidden=(5,), epochs=1)
    for penalty in ({"decay": 100.0}, {"l1": 100.0, "proximal": True}):
        net = build(run, few(run))
        for p in net.parameters():
            p.data[...] += 1.0
        learn(run, few(run), net, **penalty)
        for p in net.parameters():
            left = float(np.abs(p.data).mean())
            assert left < 0.3 if p.data.ndim == 2 else left > 0.7, (penalty, p.shape, left)


def test_the_end_of_curves_is_a_mean():
    curve = {"train": np.array([[0.2, 1.0], [0.4, 0.8]]), "test": np.array([[0.1, 0.5], [0.1, 0.7]])}
    assert end(curve) == pytest.approx((0.9, 0.6, 0.3))
    assert end(curve, 0) == pytest.approx((0.3, 0.1, 0.2))


def test_a_gain_is_beyond_two_standard_errors():
    before, after = np.array([0.90, 0.91, 0.92, 0.93]), np.array([0.92, 0.94, 0.94, 0.96])
    assert difference(after, before) == pytest.approx((0.025, np.std([2, 3, 2, 3], ddof=1) / 200))
    assert gain(after, before) == "+0.025 ± 0.003"
    assert beyond(after, before)
    assert beyond(after, before, 0.019)
    assert not beyond(after, before, 0.02)  # 0.025 - 2 0.0029
    assert not beyond(before, after)
    assert not beyond([0.99], [0.5])  # one net says nothing about the noise


def test_the_middle_of_races_is_a_number_if_most_are():
    assert optimizer_race.middle(np.array([0.1, np.nan, 0.3])) == 0.3
    assert np.isnan(optimizer_race.middle(np.array([0.1, np.nan, np.inf])))


# -- dropout as an ensemble --------------------------------------------------------------------------------------------
def test_weight_scaling_is_the_geometric_mean_over_all_masks(rng):
    """By hand, over every mask of four inputs; a scale that is not 1 - p is found out."""
    x, w, p = rng.standard_normal(4), rng.standard_normal((4, 3)), 0.3
    logs = 0.0
    for mask in itertools.product((0.0, 1.0), repeat=4):
        answer = ensemble.softmax((mask * x) @ w)
        logs = logs + np.prod([(1 - p) if m else p for m in mask]) * np.log(answer)
    mean = np.exp(logs) / np.exp(logs).sum()
    np.testing.assert_allclose(ensemble.softmax((1 - p) * x @ w), mean, rtol=1e-12)
    assert np.abs(ensemble.softmax(x @ w) - mean).max() > 1e-3

    found = ensemble.one_layer(rng, 6, 0.4)
    assert found["masks"] == 64
    assert found["geometric"] < 1e-13
    assert found["arithmetic"] > 1e-4
    assert ensemble.one_layer(rng, 6, 0.0)["arithmetic"] < 1e-13  # without dropout all masks are one


def test_the_mean_of_masks_runs_on_and_needs_the_mask(rng):
    net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))
    x = rng.standard_normal((5, 8)).astype(np.float32)
    fg.manual_seed(3)
    means = ensemble.masked(net, x, 4)
    fg.manual_seed(3)
    single = [ensemble.masked(net, x, 1)[0] for _ in range(4)]
    for k in range(4):
        np.testing.assert_allclose(means[k], np.mean(single[: k + 1], axis=0), rtol=1e-12)
    assert np.abs(single[0] - single[1]).max() > 1e-3
    np.testing.assert_allclose(means.sum(axis=2), 1.0, rtol=1e-6)
    scaled = ensemble.probabilities(net, x)
    np.testing.assert_array_equal(scaled, ensemble.probabilities(net, x))  # in evaluation nothing is drawn
    assert not net.training


# -- L1 ----------------------------------------------------------------------------------------------------------------
def test_zeros_are_counted_exactly():
    w = np.array([0.0, -0.0, 1e-30, 2e-4, -0.5], np.float32)
    assert l1_vs_l2.zeros(w) == pytest.approx(0.4)
    assert l1_vs_l2.zeros(w, 3e-4) == pytest.approx(0.8)


# -- bias and variance -------------------------------------------------------------------------------------------------
def test_the_error_is_bias_and_variance(rng):
    """(1/n) sum (f - y)² = (mean f - y)² + (n - 1)/n Var f, for any draws, whatever they are."""
    fitted, true = rng.standard_normal((7, 5)) + np.arange(5.0), rng.standard_normal(5)
    found = bias_variance.parts(fitted, true, np.broadcast_to(true, fitted.shape))
    assert found["error"] == pytest.approx(found["bias2"] + found["variance"] * 6 / 7, rel=1e-12)
    assert found["error"] != pytest.approx(found["bias2"], rel=1e-3)
    assert found["error"] != pytest.approx(found["variance"], rel=1e-3)


def test_the_hat_is_least_squares(rng):
    x = np.sort(rng.uniform(0, 1, 12))
    y, new = rng.standard_normal(12), np.linspace(0, 1, 9)
    powers = np.linalg.lstsq(np.vander(x, 5, increasing=True), y, rcond=None)[0]
    expected = np.vander(new, 5, increasing=True) @ powers
    np.testing.assert_allclose(bias_variance.hat(x, new, 4) @ y, expected, rtol=1e-7)
    project = bias_variance.hat(x, x, 4)
    np.testing.assert_allclose(project @ project, project, atol=1e-11)
    assert np.trace(project) == pytest.approx(5)  # one for each coefficient


def test_descent_reaches_what_is_well_conditioned(rng):
    """A straight line: there it is least squares. So it is the powers that keep degree 15 away, not the descent."""
    x = (np.arange(30) + 0.5) / 30
    y = bias_variance.truth(x) + 0.2 * rng.standard_normal(30)
    walk = bias_variance.descend(x, y, 1, 3000)
    best = float(np.mean((bias_variance.hat(x, x, 1) @ y - y) ** 2))
    assert walk["error"][-1] == pytest.approx(best, rel=1e-9)
    assert walk["step"][-1] == 3000
    assert walk["condition"] < 100


# -- the tape by hand --------------------------------------------------------------------------------------------------
def test_the_ways_of_a_value_used_twice_add_up():
    """f = x x + 3 x: two ways through the square, one through the product; a derivative that is changed is found out."""
    x = fg.tensor(np.array(2.0), requires_grad=True)
    square, triple = x * x, x * 3.0
    out = square + triple
    names = {id(x): "x", id(square.node): "square", id(triple.node): "triple", id(out.node): "L"}
    flow, asked = backprop_by_hand.walk(out.node, names)
    assert sorted(asked) == ["L", "square", "triple"]
    out.backward()
    ways = [np.prod(way) for way in backprop_by_hand.ways_to(flow, "x")]
    assert sorted(ways) == [2, 2, 3]
    assert sum(ways) == x.grad.item() == 7
    flow[-1]["local"] += 0.5
    assert sum(np.prod(way) for way in backprop_by_hand.ways_to(flow, "x")) != 7


def test_other_numbers_and_the_report_of_the_way_back():
    result = perform("backprop-by-hand", settings={"x": (0.3, -1.7), "t": 0.2, "v": (0.0, 1.5)})
    assert result.verdict == "confirmed"
    h1, y = result.numbers["values"]["h1"], result.numbers["values"]["y"]
    assert result.numbers["gradients"]["v1"] == pytest.approx((y - 0.2) * h1, rel=1e-14)
    text = report(result)
    for step in result.numbers["flow"]:
        assert f"d{step['from']}/d{step['to']}" in text
    assert text.count("×") >= len(result.numbers["flow"])


def test_other_experiments_tell_nothing():
    result = perform("momentum-speed", quick=True)
    assert find("momentum-speed")().tell(result.run, result.numbers) == ""
    assert "\n\n\n" not in report(result)


# -- transfer, augmentation --------------------------------------------------------------------------------------------
def test_classes_are_halved_and_counted_anew():
    data = run_of("transfer").data(test_size=0.5)
    known, new = transfer.halves(data, (0, 1, 2, 3, 4))
    assert len(known[0]) + len(new[0]) == len(data.x)
    assert len(known[2]) + len(new[2]) == len(data.x_test)
    for part, first in ((known, 0), (new, 5)):
        assert sorted(set(part[1].tolist())) == sorted(set(part[3].tolist())) == [0, 1, 2, 3, 4]
        for c in range(5):
            np.testing.assert_array_equal(part[0][part[1] == c], data.x[data.t == first + c])


def test_what_is_frozen_and_what_learns():
    run = run_of("transfer")
    data = run.data()
    source = transfer.net_of(run, data, 0)
    nets = {kind: transfer.started(run, data, kind, source, 0) for kind in transfer.KINDS}
    for kind, net in nets.items():
        assert [p.requires_grad for p in net.parameters()] == [kind == "scratch"] * 2 + [True] * 2
    np.testing.assert_array_equal(nets["trunk"][0][0].weight.data, source[0][0].weight.data)
    assert (nets["random"][0][0].weight.data != source[0][0].weight.data).any()
    np.testing.assert_array_equal(nets["trunk"][1].weight.data, nets["random"][1].weight.data)  # one start for all


def test_all_nets_meet_the_same_moved_pictures():
    run = run_of("augmentation")
    first, again = (augmentation.tests(run, few(run, repeat=repeat)) for repeat in (0, 1))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert [x.shape for x in first] == [first[0].shape] * 3
    assert (first[0] != first[1]).any()
    tiles = augmentation.mosaic(np.ones((2, 3, 16)))
    assert tiles.shape == (2 * 6, 3 * 6)
    assert tiles.sum() == 2 * 3 * 16
