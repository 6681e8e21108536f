"""Dropout: the generator, rates, forms, masks, captured steps, resumed runs, and what is refused."""

import inspect
import math

import numpy as np
import pytest
from test_kernels import LAYOUTS

import fastgrad as fg
from fastgrad import kernels, nn, streams
from fastgrad.kernels.reference.dropout import philox, random_words
from fastgrad.nn import functional as F
from fastgrad.ops import OPS, apply
from fastgrad.testing import assert_bits

KNOWN = [  # counter, key, words: the known answers of Random123, for philox4x32 with 10 rounds
    ("00000000 " * 4, "00000000 " * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff " * 4, "ffffffff " * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]
LAYERS = {
    "Dropout": (nn.Dropout, (3, 4)),
    "Dropout1d": (nn.Dropout1d, (2, 3, 4)),
    "Dropout2d": (nn.Dropout2d, (2, 3, 4, 5)),
    "Dropout3d": (nn.Dropout3d, (2, 3, 4, 5, 2)),
    "AlphaDropout": (nn.AlphaDropout, (3, 4)),
}


def hexes(text):
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_known_answers(counter, key, words):
    assert philox(hexes(counter), hexes(key)).tolist() == hexes(words)


@pytest.mark.parametrize("isa", kernels.info()["isas"])
def test_the_compiled_words_are_the_generators(isa):
    """Every bit of an element: halve the interval until the threshold is what the element has."""
    n, key, stream = 260, (0xA4093822, 0x299F31D0), (1 << 40) + 12345
    words = random_words(n // 2, key, stream)
    assert words[16 * 3 + 5] == philox([5, 0, stream & 0xFFFFFFFF, stream >> 32], key)[3]
    assert words[64 + 16 * 2 + 1] == philox([17, 0, stream & 0xFFFFFFFF, stream >> 32], key)[2]
    found, ones = np.zeros(n, np.int64), np.ones(n, np.float32)
    with kernels.use(isa=isa):
        for bit in range(15, -1, -1):
            for i in (0, 7, 127, 128, 259):
                threshold = int(found[i]) | 1 << bit
                if kernels.dropout(ones, *key, stream, threshold << 16, 1.0)[i]:
                    found[i] = threshold
    for i in (0, 7, 127, 128, 259):
        assert found[i] == words[i // 2] >> np.uint64(16 * (i % 2)) & np.uint64(0xFFFF)


def test_a_threshold_between_two_of_16_bits():
    """0.3 / 65536: a block drops at 0 or 1 of 65536, and over blocks and over streams the rate is right."""
    p, n = 0.3 / 65536, 1 << 24
    dropped = int((kernels.dropout(np.ones(n, np.float32), 1, 2, 3, round(p * 2**32), 1.0) == 0).sum())
    assert abs(dropped - n * p) < 4 * math.sqrt(n * p)
    ones, hit = np.ones(2048, np.float32), np.zeros(2048)
    for stream in range(4000):
        hit += kernels.dropout(ones, 1, 2, stream, round(20.3 / 65536 * 2**32), 1.0) == 0
    mean = 2048 * 4000 * 20.3 / 65536
    assert abs(hit.sum() - mean) < 4 * math.sqrt(mean)


def test_the_rate_at_ten_million():
    n = 10_000_000
    ones = np.ones(n, np.float32)
    fg.manual_seed(1)
    for p in (0.2, 0.5, 0.999):
        kept = int((F.dropout(fg.from_numpy(ones), p).data != 0).sum())
        assert abs(kept - n * (1 - p)) < 4 * math.sqrt(n * p * (1 - p)), p


def test_words_of_neighbours_and_streams_are_not_alike():
    a, b, c = random_words(1 << 16, (1, 0), 0), random_words(1 << 16, (1, 0), 1), random_words(1 << 16, (2, 0), 0)
    for x, y in ((a, b), (a, c), (a[1:], a[:-1]), (a[16:], a[:-16])):
        assert abs(np.corrcoef(x.astype(float), y.astype(float))[0, 1]) < 4 / math.sqrt(len(x))
    assert len(np.unique(np.concatenate([a, b, c]))) > 3 * (1 << 16) - 40


def test_dtypes_threads_and_instruction_sets_drop_the_same():
    x = np.random.Generator(np.random.Philox(0)).standard_normal(100_003)
    found = set()
    for dtype in (np.float32, np.float64):
        for isa in kernels.info()["isas"]:
            for threads in (1, 2, 4):
                with kernels.use(isa=isa, threads=threads):
                    fg.manual_seed(5)
                    found.add((F.dropout(fg.from_numpy(x.astype(dtype)), 0.3).data != 0).tobytes())
    with kernels.use("reference"):
        fg.manual_seed(5)
        found.add((F.dropout(fg.from_numpy(x.astype(np.float16)), 0.3).data != 0).tobytes())
    assert len(found) == 1


def test_the_edges_of_p():
    x = fg.tensor([1.0, -2.0, 3.0], requires_grad=True)
    before = streams.count()
    assert F.dropout(x, 0.0) is x
    assert F.dropout(x, training=False) is x
    assert F.dropout(x, 0, False, form="textbook") is x
    out = F.dropout(x, 1.0)
    assert out.tolist() == [0, 0, 0]
    out.sum().backward()
    assert x.grad.tolist() == [0, 0, 0]
    assert F.dropout(x.detach(), 1, False, form="textbook").tolist() == [0, 0, 0]
    assert streams.count() == before
    almost = F.dropout(fg.ones(1000), 1 - 1e-12)
    assert almost.tolist() == [0] * 1000
    assert F.dropout(fg.ones(1000), 1e-12).tolist() == [1] * 1000
    assert F.dropout(fg.ones(0, 3)).shape == (0, 3)
    assert F.dropout(fg.tensor(1.0)).shape == ()


def test_the_backward_pass_draws_the_same():
    x = fg.ones(5, 1000, requires_grad=True)
    out = F.dropout(x, 0.2)
    F.dropout(x, 0.2)  # another draw in between
    dout = fg.arange(5000.0).reshape(5, 1000) + 1.0
    out.backward(dout)
    assert_bits(x.grad.data, out.data * dout.data)
    assert set(out.data.ravel().tolist()) == {0.0, 1.25}


@pytest.mark.parametrize("p", [0.2, 0.5])
def test_the_two_forms_have_one_mean(p):
    """With p = 0.2 the factor at test time is 0.8; a lecture that prints p would have 0.2."""
    x = fg.ones(1_000_000)
    for form, values, outside in (("inverted", {0.0, np.float32(1 / (1 - p))}, 1.0), ("textbook", {0.0, 1.0}, 1 - p)):
        layer = nn.Dropout(p, form=form)
        trained = layer(x)
        assert set(np.unique(trained.data).tolist()) == values
        tested = layer.eval()(x)
        assert tested[0].item() == np.float32(outside)
        assert abs(trained.mean().item() - tested.mean().item()) < 4 * math.sqrt(p / (1 - p) / 1e6)


def test_masks_of_channels_and_of_the_batch():
    fg.manual_seed(3)
    for function, shape in (
        (F.dropout1d, (50, 40, 6)),
        (F.dropout2d, (50, 40, 2, 3)),
        (F.dropout3d, (50, 40, 1, 2, 3)),
    ):
        x = fg.ones(*shape, requires_grad=True)
        out = function(x, 0.25)
        flat = out.data.reshape(2000, 6)
        assert (flat == flat[:, :1]).all()
        assert abs((flat[:, 0] == 0).sum() - 500) < 4 * math.sqrt(2000 * 0.25 * 0.75)
        out.sum().backward()
        assert_bits(x.grad.data, out.data)
    unbatched = F.dropout1d(fg.ones(1000, 3), 0.5).data
    assert (unbatched == unbatched[:, :1]).all()
    assert len(np.unique(unbatched)) == 2
    x = fg.ones(7, 3, 1000, requires_grad=True)
    out = nn.Dropout(0.5, shared=True)(x)
    assert (out.data == out.data[:1]).all()
    assert 1300 < (out.data[0] == 0).sum() < 1700
    out.sum().backward()
    assert_bits(x.grad.data, out.data)


def test_alpha_dropout_keeps_mean_and_variance():
    x = fg.from_numpy(np.random.Generator(np.random.Philox(2)).standard_normal(1_000_000))
    for p in (0.1, 0.5):
        out = F.alpha_dropout(x, p, training=True).data
        assert abs(out.mean()) < 0.01
        assert abs(out.var() - 1) < 0.01
        f = -1.7580993408473766
        a = ((1 - p) * (1 + p * f * f)) ** -0.5
        low = np.isclose(out, a * f * (1 - p), rtol=0, atol=1e-12)
        np.testing.assert_allclose(out[~low], (a * x.data - a * p * f)[~low], rtol=1e-12, atol=1e-14)
        assert abs(low.mean() - p) < 0.01
    assert F.alpha_dropout(x) is x


def test_in_place():
    for function in (F.dropout, F.alpha_dropout, lambda x, p, t, i: F.dropout1d(x, p, t, i)):
        fg.manual_seed(4)
        expected = function(fg.ones(8, 5, 3), 0.5, True, False)
        fg.manual_seed(4)
        x = fg.ones(8, 5, 3)
        assert function(x, 0.5, True, True) is x
        assert_bits(x.data, expected.data)
    leaf = fg.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError):
        F.dropout(leaf, inplace=True)
    y = leaf * 1.0
    out = F.dropout(y, 0.5, inplace=True)
    out.sum().backward()
    assert_bits(leaf.grad.data, out.data)


def test_nan_and_infinity_are_pytorchs():
    out = F.dropout(fg.full((1000,), math.inf), 0.5).data
    assert set(map(str, np.unique(out).tolist())) == {"inf", "nan"}


@pytest.mark.parametrize("layout", sorted(set(LAYOUTS) - {"number", "integer"}))
def test_any_layout_gives_the_bits_of_contiguous_arrays(layout, rng):
    for dtype in (np.float32, np.float64):
        x = LAYOUTS[layout](lambda shape, d=dtype: np.asarray(rng.standard_normal(shape)).astype(d))
        expected = kernels.dropout(np.array(x), 1, 2, 3, 1 << 31, 2.0)
        for threads in (1, 2):
            with kernels.use(threads=threads):
                assert_bits(kernels.dropout(x, 1, 2, 3, 1 << 31, 2.0), expected)


def test_a_view_out_of_order():
    x = fg.from_numpy(np.arange(1.0, 61.0).reshape(3, 4, 5))
    fg.manual_seed(0)
    expected = F.dropout(fg.from_numpy(x.data.transpose(2, 0, 1).copy()))
    fg.manual_seed(0)
    assert_bits(F.dropout(x.permute(2, 0, 1)).data, expected.data)


# -- seeds and streams -------------------------------------------------------------------------------------------------
def draws(n):
    return [F.dropout(fg.ones(100), 0.5).tolist() for _ in range(n)]


def test_seeds():
    fg.manual_seed(7)
    a = draws(3)
    fg.manual_seed(7)
    assert draws(3) == a
    assert a[0] != a[1]
    for seed in (8, 7 + (1 << 32), 0):
        fg.manual_seed(seed)
        assert draws(3) != a
    fg.manual_seed(7)
    fg.rand(5)
    assert draws(3) == a  # the two kinds of numbers do not disturb each other


def test_a_resumed_run_is_the_same_run():
    fg.manual_seed(11)
    draws(2)
    saved = fg.random.get_state()
    expected = draws(3), fg.rand(4).tolist()
    fg.manual_seed(0)
    draws(1)
    fg.random.set_state(saved)
    assert (draws(3), fg.rand(4).tolist()) == expected
    del saved["streams"]
    fg.random.set_state(saved)  # of NumPy's generator alone


def test_checkpoint_draws_the_same_again():
    x = fg.ones(1000, requires_grad=True)
    out = fg.utils.checkpoint.checkpoint(lambda x: F.dropout(x.exp(), 0.5) * 2.0, x)
    out.sum().backward()
    assert_bits(x.grad.data, out.data)


# -- captured ----------------------------------------------------------------------------------------------------------
def net_and_step(captured, use=lambda x: x):
    fg.manual_seed(21)
    net = nn.Sequential(
        nn.Linear(6, 40), nn.Dropout(0.3), nn.Linear(40, 40), nn.Dropout(0.2, shared=True), nn.Linear(40, 1)
    )
    optimizer = fg.optim.Adam(net.parameters(), lr=1e-2)

    def step(x):
        optimizer.zero_grad()
        out = F.alpha_dropout(use(net(x)), 0.1, True)
        loss = (out * out).sum()
        loss.backward()
        optimizer.step()
        return loss

    return net, fg.capture(step) if captured else step


@pytest.mark.parametrize("tier", ["native", "reference"])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_captured_is_eager(tier, dtype, rng):
    batches = [rng.standard_normal((9, 6)).astype(np.float32) for _ in range(6)]
    found = []
    for captured in (False, True):
        cast = (lambda x: x.to(np.float16).to(np.float32)) if dtype == np.float16 else (lambda x: x)
        with kernels.use(tier):
            net, step = net_and_step(captured, cast)
            losses, between = [], []
            for i, x in enumerate(batches):
                losses.append(step(fg.from_numpy(x)).item())
                if i % 2:
                    between += draws(2)  # eager draws in between take streams of their own
        found.append((losses, between, [p.data.tobytes() for p in net.parameters()], streams.count()))
    assert found[0] == found[1]


def test_captured_with_a_checkpoint_is_eager(rng):
    batches = [rng.standard_normal((9, 6)).astype(np.float32) for _ in range(4)]
    found = []
    for captured in (False, True):
        fg.manual_seed(2)
        w = fg.ones(6, requires_grad=True)

        def step(x, w=w):
            w.grad = None
            y = fg.utils.checkpoint.checkpoint(lambda v: F.dropout((v * w).exp(), 0.5), F.dropout(x * w, 0.2))
            loss = F.dropout(y, 0.1).sum()
            loss.backward()
            return loss

        call = fg.capture(step) if captured else step
        found.append([(call(fg.from_numpy(x)).item(), w.grad.tolist()) for x in batches])
    assert found[0] == found[1]


def test_two_programs_in_turn_and_a_new_seed():
    found = []
    for captured in (False, True):
        a, b = (lambda x: F.dropout(x) + F.dropout(x)), (lambda x: F.dropout(x, 0.2))
        if captured:
            a, b = fg.capture(a), fg.capture(b)
        fg.manual_seed(1)
        x, results = fg.ones(50), []
        for i in range(3):
            results += [a(x).tolist(), b(x).tolist()]
            if i == 1:
                fg.manual_seed(9)
        found.append(results)
    assert found[0] == found[1]


def test_a_seed_inside_a_captured_step_is_refused():
    with pytest.raises(fg.CaptureError if hasattr(fg, "CaptureError") else kernels.CaptureError, match="manual_seed"):
        fg.capture(lambda x: (fg.manual_seed(1), F.dropout(x))[1])(fg.ones(3))


# -- modules and errors ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout"])
def test_the_arguments_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    theirs = inspect.signature(getattr(torch.nn.functional, name)).parameters
    ours = [p for p in inspect.signature(getattr(F, name)).parameters.values() if p.kind is not p.KEYWORD_ONLY]
    assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs.values()]


@pytest.mark.parametrize("name", LAYERS)
def test_modules(name):
    kind, shape = LAYERS[name]
    layer, x = kind(0.5), fg.ones(*shape)
    assert layer.eval()(x) is x
    fg.manual_seed(1)
    out = layer.train()(x)
    fg.manual_seed(1)
    assert_bits(out.data, kind(0.5, inplace=True)(fg.ones(*shape)).data)
    assert repr(layer) == f"{name}(p=0.5, inplace=False)"
    with pytest.raises(ValueError, match=f"{name}: p, the probability of 0, must be a number from 0 to 1, not 1.5"):
        kind(1.5)


BAD = {
    "p": (lambda: F.dropout(fg.ones(2), -0.1), ValueError, "dropout: p, the probability of 0, .* not -0.1"),
    "nan": (lambda: F.alpha_dropout(fg.ones(2), math.nan), ValueError, "alpha_dropout: p, .* not nan"),
    "form": (lambda: F.dropout(fg.ones(2), form="x"), ValueError, 'form must be "inverted" or "textbook", not \'x\''),
    "integers": (lambda: F.dropout(fg.tensor([1, 2])), TypeError, "dropout"),
    "1d": (
        lambda: F.dropout1d(fg.ones(2)),
        ValueError,
        r"dropout1d: input must be \(C, L\) or \(N, C, L\), not \(2,\)",
    ),
    "2d": (lambda: F.dropout2d(fg.ones(2, 3)), ValueError, r"dropout2d: input must be .*\(N, C, H, W\), not \(2, 3\)"),
    "3d": (
        lambda: F.dropout3d(fg.ones(2)),
        ValueError,
        r"dropout3d: input must be \(C, D, H, W\) or \(N, C, D, H, W\)",
    ),
    "shared": (lambda: F.dropout(fg.ones(2), shared=True), ValueError, r"shared=True needs a batch, .* not \(2,\)"),
    "module": (lambda: nn.Dropout(form="x"), ValueError, "Dropout: form must be"),
}


@pytest.mark.parametrize("what", BAD)
def test_the_text(what):
    call, kind, text = BAD[what]
    with pytest.raises(kind, match=text):
        call()


def test_a_second_derivative():
    x = fg.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    out = apply(OPS["Dropout"], x, 0.5, 2.0, (1, 2, 3))
    mask = out.data / x.data
    (g,) = fg.grad((out * out * out).sum(), x, create_graph=True)
    (gg,) = fg.grad(g.sum(), x)
    np.testing.assert_allclose(gg.data, 6 * mask**3 * x.data, rtol=1e-6)
