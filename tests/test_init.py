"""Initial values: mean, variance and bounds of a million numbers each, and which of them go with which activation."""

import inspect
import math
from functools import partial

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import nn
from fastgrad.nn import init
from fastgrad.testing import assert_bits

SHAPE = (800, 1250)  # a million; fan_in 1250, fan_out 800
N_IN, N_OUT = 1250, 800
AVERAGE = (N_IN + N_OUT) / 2


def truncated(a, b):
    """Mean, variance and fourth central moment of a standard normal number in [a, b], by a sum over a fine grid."""
    z = np.linspace(a, b, 2_000_001)
    p = np.exp(-z * z / 2)
    p /= p.sum()
    mean = (p * z).sum()
    return mean, (p * (z - mean) ** 2).sum(), (p * (z - mean) ** 4).sum()


# name -> (function, mean, variance, kind): the kind gives the fourth moment, and the bounds of a uniform one.
ROWS = {
    "uniform": (init.uniform_, 0.5, 1 / 12, "uniform"),
    "uniform -3 5": (partial(init.uniform_, a=-3.0, b=5.0), 1.0, 64 / 12, "uniform"),
    "normal": (init.normal_, 0.0, 1.0, "normal"),
    "normal 0.01": (partial(init.normal_, std=0.01), 0.0, 1e-4, "normal"),
    "normal 2 3": (partial(init.normal_, mean=2.0, std=3.0), 2.0, 9.0, "normal"),
    "lecun_normal": (init.lecun_normal_, 0.0, 1 / N_IN, "normal"),
    "lecun_uniform": (init.lecun_uniform_, 0.0, 1 / N_IN, "uniform"),
    "xavier_normal": (init.xavier_normal_, 0.0, 2 / (N_IN + N_OUT), "normal"),
    "xavier_uniform": (init.xavier_uniform_, 0.0, 2 / (N_IN + N_OUT), "uniform"),
    "xavier tanh": (partial(init.xavier_uniform_, gain=5 / 3), 0.0, 25 / 9 / AVERAGE, "uniform"),
    "kaiming_normal": (init.kaiming_normal_, 0.0, 2 / N_IN, "normal"),
    "kaiming_uniform": (init.kaiming_uniform_, 0.0, 2 / N_IN, "uniform"),
    "he fan_out": (partial(init.he_normal_, mode="fan_out"), 0.0, 2 / N_OUT, "normal"),
    "he uniform fan_out": (partial(init.he_uniform_, mode="fan_out"), 0.0, 2 / N_OUT, "uniform"),
    "he fan_avg": (partial(init.he_normal_, mode="fan_avg"), 0.0, 4 / (N_IN + N_OUT), "normal"),
    "he uniform fan_avg": (partial(init.he_uniform_, mode="fan_avg"), 0.0, 4 / (N_IN + N_OUT), "uniform"),
    "kaiming slope": (partial(init.kaiming_normal_, a=0.5), 0.0, 2 / 1.25 / N_IN, "normal"),
    "kaiming linear": (partial(init.kaiming_normal_, nonlinearity="linear"), 0.0, 1 / N_IN, "normal"),
    "scaled": (partial(init.variance_scaling_, scale=3.0, mode="fan_out"), 0.0, 3 / N_OUT, "normal"),
    "trunc_normal": (init.trunc_normal_, *truncated(-2, 2)),
    "trunc_normal tail": (partial(init.trunc_normal_, a=3.0, b=9.0), *truncated(3, 9)),
    "trunc_normal other tail": (partial(init.trunc_normal_, a=-9.0, b=-3.0), *truncated(-9, -3)),
    "trunc_normal narrow": (partial(init.trunc_normal_, a=-0.1, b=0.3), *truncated(-0.1, 0.3)),
    "trunc_normal aside": (partial(init.trunc_normal_, a=0.1, b=0.5), *truncated(0.1, 0.5)),
}


@pytest.mark.parametrize("name", ROWS)
def test_moments_of_a_million(name):
    """Mean and variance within 4 standard errors: sqrt(var / n), and sqrt((m4 - var^2) / n)."""
    function, mean, variance, kind = ROWS[name]
    w = fg.tensor(np.empty(SHAPE))
    assert function(w, generator=np.random.Generator(np.random.Philox(5))) is w
    x, n = w.data, w.data.size
    fourth = {"normal": 3.0, "uniform": 1.8}.get(kind, 0.0) * variance**2 or kind
    assert abs(x.mean() - mean) < 4 * math.sqrt(variance / n)
    assert abs(((x - mean) ** 2).mean() - variance) < 4 * math.sqrt((fourth - variance**2) / n)
    if kind == "uniform":
        half = math.sqrt(3 * variance)
        assert np.abs(x - mean).max() <= half
        assert np.abs(x - mean).max() > half * (1 - 20 / n), "the ends are reached"


@pytest.mark.parametrize("name", [name for name in init.SCHEMES if name not in ("zeros", "ones", "eye")])
def test_the_table_of_the_documentation(name):
    """docs/initial-values.md: the variance in the row of every name of `SCHEMES`."""
    n_in, n_out = N_IN, N_OUT
    table = {"uniform": 1 / 12, "normal": 1, "normal_0.01": 1e-4, "trunc_normal": 0.774, "orthogonal": 1 / N_IN}
    table |= {"one_over_n": 1 / n_in, "torch": 1 / (3 * n_in)}
    for kind in ("normal", "uniform"):
        table |= {f"lecun_{kind}": 1 / n_in}
        table |= {f"{author}_{kind}": 2 / (n_in + n_out) for author in ("xavier", "glorot")}
        for author in ("he", "kaiming"):
            table |= {f"{author}_{kind}": 2 / n_in, f"{author}_{kind}_fan_out": 2 / n_out}
            table[f"{author}_{kind}_fan_avg"] = 4 / (n_in + n_out)
    w = init.fill(fg.empty(*SHAPE), name)
    assert w.data.var() == pytest.approx(table[name], rel=0.006)


def test_the_same_seed_gives_the_same_numbers():
    for function in (init.xavier_uniform_, init.orthogonal_, init.trunc_normal_, partial(init.sparse_, sparsity=0.5)):
        fg.manual_seed(3)
        a = function(fg.empty(7, 5)).data.copy()
        b = function(fg.empty(7, 5)).data.copy()
        fg.manual_seed(3)
        assert_bits(function(fg.empty(7, 5)).data, a)
        assert not np.array_equal(a, b)
        own = np.random.Generator(np.random.Philox(3))
        assert_bits(function(fg.empty(7, 5), generator=own).data, a)


# -- the exact ones ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (8, 2, 2, 2), (3, 0), (1, 1)])
def test_orthogonal(shape):
    w = init.orthogonal_(fg.tensor(np.empty(shape)), gain=2.0).data.reshape(shape[0], -1)
    product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    assert np.allclose(product, 4 * np.eye(len(product)), atol=1e-13)


def test_orthogonal_is_drawn_evenly():
    """Of a 1x1 matrix: +1 and -1 as often; QR alone would give one of them always."""
    signs = [init.orthogonal_(fg.empty(1, 1)).item() for _ in range(400)]
    assert set(signs) == {1.0, -1.0}
    assert abs(sum(signs)) < 4 * math.sqrt(400)


def test_constants():
    w = fg.empty(2, 3)
    assert init.zeros_(w).tolist() == [[0, 0, 0], [0, 0, 0]]
    assert init.ones_(w).tolist() == [[1, 1, 1], [1, 1, 1]]
    assert init.constant_(w, 0.3).tolist() == [[pytest.approx(0.3)] * 3] * 2
    assert init.eye_(w).tolist() == [[1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize("groups", [1, 2])
def test_dirac_passes_the_channels_on(groups):
    w = init.dirac_(fg.empty(4, 3, 3, 5), groups).data
    assert w.sum() == groups * min(4 // groups, 3)
    for g in range(groups):
        for c in range(min(4 // groups, 3)):
            assert w[g * (4 // groups) + c, c, 1, 2] == 1


def test_sparse():
    w = init.sparse_(fg.empty(50, 400), 0.31, std=2.0).data
    assert ((w == 0).sum(0) == math.ceil(0.31 * 50)).all()
    assert w[w != 0].std() == pytest.approx(2.0, rel=0.05)
    assert len({tuple(column) for column in (w == 0).T}) > 390, "places differ from column to column"


def test_truncation_is_kept():
    for mean, std, a, b in (
        (0, 1, -2, 2),
        (0, 0.02, -2, 2),
        (5, 1, -1, 0),
        (0, 1, 8, 9),
        (0, 1, -9, -8),
        (0, 1, 2, math.inf),
    ):
        x = init.trunc_normal_(fg.empty(5000), mean, std, a, b).data
        assert x.min() >= a
        assert x.max() <= b
        assert len(np.unique(x)) > 4000


def test_fans():
    assert init.fans(fg.empty(3, 5)) == (5, 3)
    assert init.fans(fg.empty(16, 3, 5, 5)) == (75, 400)
    assert init.kaiming_normal_(fg.empty(3, 0)).shape == (3, 0)
    conv = init.he_normal_(fg.empty(64, 32, 5, 5)).data
    assert conv.var() == pytest.approx(2 / (32 * 25), rel=0.02)


def test_gains():
    assert init.calculate_gain("tanh") == 5 / 3
    assert init.calculate_gain("relu") == math.sqrt(2)
    assert init.calculate_gain("leaky_relu") == math.sqrt(2 / (1 + 0.01**2))
    assert init.calculate_gain("leaky_relu", 0.2) == math.sqrt(2 / 1.04)
    assert init.calculate_gain("selu") == 0.75
    assert init.calculate_gain("sigmoid") == init.calculate_gain("linear") == init.calculate_gain("conv2d") == 1


def test_names_of_the_lectures():
    assert init.he_normal is init.he_normal_ is init.kaiming_normal_
    assert init.glorot_uniform is init.glorot_uniform_ is init.xavier_uniform_
    assert init.lecun_normal is init.lecun_normal_


REFUSALS = {
    "fans of a vector": (lambda: init.xavier_normal_(fg.empty(3)), r"at least 2 axes.*not a tensor of shape \(3,\)"),
    "mode": (lambda: init.he_normal_(fg.empty(3, 2), mode="fan"), "mode is one of fan_in, fan_out, fan_avg, not 'fan'"),
    "nonlinearity": (lambda: init.kaiming_normal_(fg.empty(3, 2), nonlinearity="gelu"), "'gelu' is none of linear"),
    "slope": (lambda: init.calculate_gain("leaky_relu", "a"), "the slope of leaky_relu is a number, not 'a'"),
    "eye": (lambda: init.eye_(fg.empty(3)), "eye_: needs a matrix"),
    "dirac": (lambda: init.dirac_(fg.empty(3, 2)), "dirac_: needs the kernel of a convolution"),
    "dirac in groups": (lambda: init.dirac_(fg.empty(3, 2, 1), 2), "3 output channels in 2 groups"),
    "orthogonal": (lambda: init.orthogonal_(fg.empty(3)), "orthogonal_: needs at least 2 axes"),
    "sparse": (lambda: init.sparse_(fg.empty(3, 2), 1.5), "a share between 0 and 1, not 1.5"),
    "sparse axes": (lambda: init.sparse_(fg.empty(3), 0.5), "sparse_: needs a matrix"),
    "sparse std": (lambda: init.sparse_(fg.empty(3, 2), 0.5, -1.0), "std must be at least 0"),
    "trunc": (lambda: init.trunc_normal_(fg.empty(3), a=2.0, b=1.0), "needs std > 0 and a < b"),
    "scale": (lambda: init.variance_scaling_(fg.empty(3, 2), -1.0), "a scale of at least 0"),
    "distribution": (lambda: init.variance_scaling_(fg.empty(3, 2), distribution="cauchy"), "normal or uniform"),
    "scheme": (lambda: nn.Linear(3, 2, init="he"), "Linear: init='he' is none of zeros, .*auto"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals(name):
    call, text = REFUSALS[name]
    with pytest.raises(ValueError, match=text):
        call()


def test_a_scheme_of_another_kind():
    with pytest.raises(TypeError, match=r"Linear: init is a name or a function .*he_normal_, not 3"):
        nn.Linear(3, 2, init=3)


def test_only_tensors_of_floats_are_filled():
    with pytest.raises(TypeError, match="fills a tensor of floats in place, not one of int64"):
        init.normal_(fg.tensor([1, 2]))
    with pytest.raises(TypeError, match="fills a tensor of floats in place, not a ndarray"):
        init.he_normal_(np.ones((2, 3)))


def test_a_captured_step_refuses():
    w = fg.zeros(2, 2)

    @fg.capture
    def step(x):
        init.he_normal_(w)
        return x * w

    with pytest.raises(fg.CaptureError, match=r"nn.init cannot be captured.*initialise parameters outside the step"):
        step(fg.ones(2, 2))


# -- the keyword -------------------------------------------------------------------------------------------------------
def test_the_keyword_of_linear():
    layer = nn.Linear(400, 300, init="he_normal")
    assert layer.weight.data.var() == pytest.approx(2 / 400, rel=0.02)
    assert (layer.bias.data == 0).all()
    assert nn.Linear(400, 300, init="kaiming_normal_").bias.data.max() == 0
    tenth = nn.Linear(3, 2, bias=False, init=lambda w: init.constant_(w, 0.5))
    assert tenth.weight.tolist() == [[0.5] * 3] * 2
    assert tenth.bias is None
    tenth.weight.data[:] = 7
    tenth.reset_parameters()
    assert tenth.weight.data.max() == 0.5
    fg.manual_seed(1)
    default = nn.Linear(5, 4).weight.data
    fg.manual_seed(1)
    assert_bits(nn.Linear(5, 4, init="torch").weight.data, default)


def scaled(layer):
    """The variance of a weight, times fan_in."""
    return float(layer.weight.data.var()) * layer.in_features


HE, XAVIER = pytest.approx(2.0, rel=0.03), pytest.approx(2 / 1.5, rel=0.03)  # of Linear(400, 200)


def linear():
    return nn.Linear(400, 200, init="auto")


class LeakyReLU(nn.Module):
    """As the class of this name: slope 0.5 below 0."""

    negative_slope = 0.5

    def forward(self, x):
        return fg.maximum(x, x * 0.5)


class Scale(nn.Module):
    """No activation that is known by name."""

    def forward(self, x):
        return x * 2.0


CHAINS = {
    "relu": (lambda: [linear(), nn.ReLU()], HE),
    "tanh": (lambda: [linear(), nn.Tanh()], XAVIER),
    "sigmoid": (lambda: [linear(), nn.Sigmoid()], XAVIER),
    "nothing": (lambda: [linear()], XAVIER),
    "another layer first": (lambda: [linear(), nn.Linear(200, 200), nn.ReLU()], XAVIER),
    "passed over": (lambda: [linear(), nn.Flatten(), Scale(), nn.Identity(), nn.ReLU()], HE),
    "inside": (lambda: [nn.Sequential(linear()), nn.Sequential(nn.Identity(), nn.ReLU())], HE),
    "leaky": (lambda: [linear(), LeakyReLU()], pytest.approx(1.6, rel=0.03)),
    "a subclass": (lambda: [linear(), type("Mine", (nn.ReLU,), {})()], HE),
    "selu": (lambda: [linear(), type("SELU", (nn.Module,), {})()], pytest.approx(1.0, rel=0.03)),
}


@pytest.mark.parametrize("name", CHAINS)
def test_auto_looks_at_what_follows(name):
    make, expected = CHAINS[name]
    assert scaled(next(m for m in nn.Sequential(*make()).modules() if isinstance(m, nn.Linear))) == expected
    chain = nn.Sequential()
    for module in make():  # step by step
        chain.append(module)
    assert scaled(next(m for m in chain.modules() if isinstance(m, nn.Linear))) == expected


def test_auto_leaves_what_was_trained():
    layer = linear()
    assert scaled(layer) == XAVIER
    layer.weight.data[0, 0] += 1.0
    before = layer.weight.data.copy()
    net = nn.Sequential(layer, nn.ReLU())
    assert_bits(layer.weight.data, before)
    net = nn.Sequential(linear(), nn.ReLU())
    before = net[0].weight.data.copy()
    nn.Sequential(net[0], nn.Tanh())
    nn.Sequential(net, nn.Tanh())
    net[:1].append(nn.Tanh())
    assert_bits(net[0].weight.data, before)


def test_auto_of_a_whole_model():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(50, 400)
            self.body = nn.Sequential(nn.Linear(400, 200), nn.ReLU(), nn.Linear(200, 400))
            self.head = nn.Linear(400, 200)
            self.norm = nn.ParameterList([fg.ones(3)])

    net = Net()
    table = net.table.weight.data.copy()
    assert init.auto_(net) is net
    assert scaled(net.body[0]) == HE
    assert scaled(net.body[2]) == pytest.approx(2 * 200 / 600, rel=0.03)
    assert scaled(net.head) == XAVIER
    assert (net.head.bias.data == 0).all()
    assert_bits(net.table.weight.data, table)
    alone = init.auto_(nn.Linear(400, 200))
    assert scaled(alone) == XAVIER
    shared = nn.Linear(400, 400)
    init.auto_(nn.Sequential(shared, nn.ReLU(), shared, nn.Tanh()))
    assert scaled(shared) == pytest.approx(2.0, rel=0.03), "its first place decides"


def test_what_goes_with_what():
    assert init.scheme_for(nn.ReLU()) == ("he_normal", 0.0)
    assert init.scheme_for(LeakyReLU()) == ("he_normal", 0.5)
    assert init.scheme_for(nn.Softmax(1)) == ("xavier_normal", 0.0)
    assert init.scheme_for(None) == ("xavier_normal", 0.0)
    assert init.scheme_for(nn.Flatten()) is None


# -- PyTorch -----------------------------------------------------------------------------------------------------------
NAMES = ["uniform_", "normal_", "trunc_normal_", "constant_", "zeros_", "ones_", "eye_", "dirac_", "sparse_"]
NAMES += ["xavier_normal_", "xavier_uniform_", "kaiming_normal_", "kaiming_uniform_", "orthogonal_", "calculate_gain"]


@pytest.mark.parametrize("name", NAMES)
def test_arguments_are_pytorchs(name):
    theirs = pytest.importorskip("torch.nn.init")
    ours, other = (inspect.signature(getattr(m, name)).parameters for m in (init, theirs))
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in other.values()]


@pytest.mark.parametrize("shape", [(40, 25), (30, 4, 3, 3)])
@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
@pytest.mark.parametrize("nonlinearity", ["relu", "leaky_relu", "tanh", "linear", "selu", "sigmoid"])
def test_spread_is_pytorchs(nonlinearity, mode, shape):
    """The bounds of the uniform ones, from the largest of many draws; the normal ones have the same standard deviation."""
    torch = pytest.importorskip("torch")
    theirs, ours = torch.empty(shape, dtype=torch.float64), fg.tensor(np.empty(shape))
    options = {"a": 0.3, "mode": mode, "nonlinearity": nonlinearity}
    gain = torch.nn.init.calculate_gain(nonlinearity, 0.3)
    assert init.calculate_gain(nonlinearity, 0.3) == gain
    for m, w, lib in ((torch.nn.init, theirs, torch), (init, ours, fg)):
        lib.manual_seed(0)
        m.kaiming_uniform_(w, **options)
    ends = np.abs(ours.data).max(), theirs.abs().max().item()
    assert ends[0] == pytest.approx(ends[1], rel=0.02)
    torch.nn.init.xavier_uniform_(theirs, gain)
    assert np.abs(init.xavier_uniform_(ours, gain).data).max() == pytest.approx(theirs.abs().max().item(), rel=0.02)
