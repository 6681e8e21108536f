"""Workloads of whole training steps: the seven-layer network, plain or with batch normalisation and dropout, a network
of two inputs, one linear layer; their time and their memory, eager and captured."""

import statistics
import time
from itertools import pairwise

import numpy as np
from measuring import LAYERS, draw, expect, measure, probe, result, workload

TINY = (2, 16, 1)


def network(lib, regular=None):
    """The seven-layer network with weights from NumPy, He's scale.

    regular: None, or the p of the dropout that follows each hidden layer, which then has batch normalisation too.
    """
    modules = []
    for n_in, n_out in pairwise(LAYERS):
        linear = lib.nn.Linear(n_in, n_out)
        linear.load_state_dict(
            {
                "weight": lib.tensor(draw(len(modules), n_out, n_in, scale=(2 / n_in) ** 0.5)),
                "bias": lib.tensor(draw(100 + len(modules), n_out, scale=0.01)),
            }
        )
        modules.append(linear)
        if n_out != LAYERS[-1]:
            modules += [] if regular is None else [lib.nn.BatchNorm1d(n_out)]
            modules.append(lib.nn.ReLU())
            modules += [] if regular is None else [lib.nn.Dropout(regular)]
    return lib.nn.Sequential(*modules)


def stepper(lib, model, lr, criterion):
    """A training step as users write it, with Adam."""
    optimizer = lib.rule("adam", model.parameters(), lr)

    def step(x, target):
        optimizer.zero_grad()
        loss = criterion(model(x), target)
        loss.backward()
        optimizer.step()
        return loss

    return step


def trainer(lib, batch, lr, regular=None):
    """A step of the seven-layer network, its two inputs, and the network."""
    model = network(lib, regular)
    x = lib.tensor(draw(7, batch, LAYERS[0]))
    labels = lib.tensor(np.random.default_rng(8).integers(0, LAYERS[-1], batch))
    return stepper(lib, model, lr, lib.functional.cross_entropy), x, labels, model


def learnt(step, x, labels, model):
    """Numbers to check: the losses of five steps, which must fall, and what the parameters then are.

    The bias of a layer that batch normalisation follows is left out: its gradient is 0 but for rounding, out of which
    Adam makes steps of full length that change nothing.
    """
    idle = {f"{i - 1}.bias" for i, part in enumerate(model) if "BatchNorm" in type(part).__name__}
    losses = [float(step(x, labels).item()) for _ in range(5)]
    if not losses[-1] < 0.9 * losses[0]:
        raise SystemExit(f"the loss does not fall: {losses}")
    return losses + [v for k, p in model.named_parameters() if k not in idle for v in probe(p.detach().numpy(), 2)]


def train_step(lib, batch, wrap, regular=None):
    """Checks five steps at a learning rate that moves, then times at one that does not.

    Thousands of steps on one batch would drive the loss to 0 and the gradients into denormal numbers, which are slow
    and which nobody trains with. Libraries drop different numbers: the steps that are checked drop none.
    """
    batch = int(batch)
    step, x, labels, model = trainer(lib, batch, 1e-3, None if regular is None else 0.0)
    check = learnt(wrap(step), x, labels, model)
    step, x, labels, _ = trainer(lib, batch, 1e-8, regular)
    step = wrap(step)
    return result(measure(lambda: step(x, labels)), "us", check)


def way(lib, how):
    """What makes a step eager or captured."""
    return {"eager": lambda step: step, "captured": lib.capture}[how]


@workload
def mlp(lib, batch):
    return train_step(lib, batch, way(lib, "eager"))


@workload
def captured(lib, batch):
    return train_step(lib, batch, way(lib, "captured"))


@workload
def regular(lib, batch, how="eager"):
    """The network with batch normalisation and dropout 0.2."""
    return train_step(lib, batch, way(lib, how), 0.2)


@workload
def tiny(lib, how="eager"):
    """2-16-1, tanh, four samples: what a step costs beside its arithmetic."""
    n_in, hidden, n_out = TINY
    x, y = lib.tensor(draw(0, 4, n_in)), lib.tensor(draw(1, 4, n_out))

    def make(lr):
        model = lib.nn.Sequential(lib.nn.Linear(n_in, hidden), lib.nn.Tanh(), lib.nn.Linear(hidden, n_out))
        model.load_state_dict({name: lib.tensor(draw(2, *p.shape)) for name, p in model.state_dict().items()})
        return way(lib, how)(stepper(lib, model, lr, lib.functional.mse_loss)), model

    step, model = make(0.1)
    check = learnt(step, x, y, model)
    step, _ = make(1e-8)
    return result(measure(lambda: step(x, y)), "us", check)


@workload
def linear(lib, batch, n_in, n_out):
    """One layer forward and backward, with the gradients of input, weight and bias."""
    batch, n_in, n_out = int(batch), int(n_in), int(n_out)
    layer = lib.nn.Linear(n_in, n_out)
    w, b = draw(0, n_out, n_in, scale=n_in**-0.5), draw(1, n_out)
    layer.load_state_dict({"weight": lib.tensor(w), "bias": lib.tensor(b)})
    x, dout = lib.leaf(draw(2, batch, n_in)), lib.tensor(draw(3, batch, n_out))

    def run():
        x.grad = layer.weight.grad = layer.bias.grad = None
        out = layer(x)
        out.backward(dout)
        return out

    out, rows = run().detach().numpy(), [0, batch // 2, batch - 1]
    wide = [np.asarray(a.detach().numpy(), np.float64) for a in (x, dout)]
    expect("linear", out[rows], wide[0][rows] @ w.T + b, rtol=1e-4, atol=1e-4)
    expect("linear's dx", x.grad.numpy()[rows], wide[1][rows] @ w, rtol=1e-4, atol=1e-4)
    expect("linear's dw", layer.weight.grad.numpy()[:3], wide[1].T[:3] @ wide[0], rtol=1e-4, atol=1e-3)
    expect("linear's db", layer.bias.grad.numpy(), wide[1].sum(0), rtol=1e-4, atol=1e-3)
    return result(measure(run), "us", probe(out) + probe(x.grad.numpy()) + probe(layer.weight.grad.numpy()))


@workload
def memory(lib, batch, how="eager"):
    """MB that a step of the network with batch normalisation and dropout adds, at its height, to what the process has.

    The process is first warmed up by steps on two samples: what is counted is not the library, nor its threads.
    """
    step, x, labels, _ = trainer(lib, int(batch), 1e-8, 0.2)
    step = way(lib, how)(step)
    for _ in range(3):
        step(lib.tensor(draw(9, 2, LAYERS[0])), labels[:2])
    with open("/proc/self/clear_refs", "w") as marks:
        marks.write("5")  # the peak begins anew
    before = resident("VmRSS")
    for _ in range(5):
        step(x, labels)
    return result([resident("VmHWM") - before], "MB", [], scale=1)


def resident(what):
    """Memory of this process in MB (1e6 bytes): VmRSS, what is resident; VmHWM, the most that has been."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 / 1e6 for line in status if line.startswith(what))


@workload
def profiled(lib, how):
    """A step with the profiler on, over one with it off, in turn."""
    step, x, labels, _ = trainer(lib, 100, 1e-3)
    step = way(lib, how)(step)
    off, on = [], []
    for i in range(700):
        start = time.perf_counter()
        step(x, labels)
        middle = time.perf_counter()
        with lib.module.profile() as p:
            begin = time.perf_counter()
            step(x, labels)
            end = time.perf_counter()
        if i >= 100:
            off.append(middle - start)
            on.append(end - begin)
    return result([b / a for a, b in zip(off, on, strict=True)], "x", [float(len(p.events))], scale=1)


@workload
def fit(lib, batch):
    """An epoch of fit, with accuracy, over one of the bare loop: the same step, captured, and the same loader, in turn.

    Where a program's memory lies makes a step a per cent faster or slower: there are several pairs of programs.
    """
    pairs = [one_fit(lib, int(batch)) for _ in range(5)]
    bare_us = statistics.median(us for _, us in pairs)
    return result([ratio for ratios, _ in pairs for ratio in ratios], "x", [], scale=1, bare_us=bare_us)


def one_fit(lib, batch, epochs=23, batches=50, warm=3):
    """The ratio of each epoch but the first, which record the steps; and a step of the bare loop in us."""
    from fastgrad.data import DataLoader
    from fastgrad.train import LambdaCallback
    from fastgrad.train import fit as fit_it

    x = draw(7, batch * batches, LAYERS[0])
    labels = np.random.default_rng(8).integers(0, LAYERS[-1], batch * batches)
    step, _, _, _ = trainer(lib, batch, 1e-8)
    bare, loader, times, losses = lib.capture(step), DataLoader((x, labels), batch, shuffle=True, seed=1), [], []

    def run_bare(run):
        start = time.perf_counter()
        for pair in loader:
            loss = bare(*pair)
        times.append(time.perf_counter() - start)
        losses.append(float(loss))

    model = network(lib)
    history = fit_it(
        model,
        DataLoader((x, labels), batch, shuffle=True, seed=1),
        lib.functional.cross_entropy,
        lib.rule("adam", model.parameters(), 1e-8),
        epochs,
        callbacks=[LambdaCallback(on_epoch_end=run_bare)],
    )
    expect("fit's step is captured", history.captured, True, rtol=0)
    expect("fit's mean loss", history["loss"][-1], np.mean(losses), rtol=0.2)
    ratios = [mine / other for mine, other in zip(history.seconds[warm:], times[warm:], strict=True)]
    return ratios, 1e6 * statistics.median(times[warm:]) / batches
