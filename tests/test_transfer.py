"""Transfer: what is frozen keeps its bits, in fit and in a loop of one's own."""

import numpy as np
import pytest

import fastgrad as fg
from fastgrad import train
from fastgrad.train import freeze, unfreeze


def model():
    fg.manual_seed(0)
    trunk = fg.nn.Sequential(fg.nn.Linear(4, 8), fg.nn.BatchNorm1d(8), fg.nn.Dropout(0.5), fg.nn.ReLU())
    return fg.nn.Sequential(trunk, fg.nn.Linear(8, 3))


def data():
    rng = np.random.Generator(np.random.Philox(1))
    return rng.standard_normal((40, 4)).astype(np.float32), rng.integers(0, 3, 40)


def bits(module):
    return {name: x.data.tobytes() for name, x in [*module.named_parameters(), *module.named_buffers()]}


@pytest.mark.parametrize("capture", [True, False])
def test_a_frozen_trunk_keeps_its_bits(capture):
    net = model()
    freeze(net[0])
    trunk, head = bits(net[0]), bits(net[1])
    optimizer = fg.optim.AdamW(net.parameters(), 0.1, weight_decay=0.5)  # of all, and its decay touches no frozen one
    train.fit(net, data(), optimizer=optimizer, epochs=3, validation=data(), capture=capture, progress=False)
    assert bits(net[0]) == trunk
    assert bits(net[1]) != head
    assert net.training
    assert not any(part.training for part in net[0].modules())


def test_in_a_loop_of_ones_own():
    net = model()
    freeze(net[0])
    trunk = bits(net[0])
    optimizer = fg.optim.SGD(net.parameters(), 0.1)
    x, y = map(fg.from_numpy, data())
    outs = []
    for _ in range(2):
        net.train()
        outs.append(net[0](x).numpy())  # no dropout
        optimizer.zero_grad()
        fg.nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
    assert outs[0].tobytes() == outs[1].tobytes()
    assert bits(net[0]) == trunk


def test_what_is_let_go_learns_again():
    net = model()
    before = bits(net[0])
    assert unfreeze(freeze(net[0])) is net[0]
    assert all(part.training for part in net.modules())
    train.fit(net, data(), epochs=1, progress=False)
    after = bits(net[0])
    assert all(after[name] != before[name] for name in before)


def test_parts_of_what_is_frozen_can_be_let_go():
    net = freeze(model())
    unfreeze(net[1])
    assert [name for name, p in net.named_parameters() if p.requires_grad] == ["1.weight", "1.bias"]
    net.train()
    assert (net.training, net[0].training, net[1].training) == (False, False, True)
    net.eval()
    assert not net[1].training


def test_only_modules():
    for function in (freeze, unfreeze):
        with pytest.raises(TypeError, match=f"{function.__name__}: takes a module, not a Tensor"):
            function(fg.ones(2))
