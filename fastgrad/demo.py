"""The demonstration: a network of seven layers learns handwritten digits, and what each part of the machine gives.

``python -m fastgrad demo`` prints four things, each measured in the run that prints it:

1. the training itself, from the captured step, to at least 97 % of the test images right;
2. the first ten steps again, by the native and by the reference kernels, with the losses side by side;
3. the update rules in GB/s beside plain loops that read and write the same arrays;
4. one training step eager and captured.

``--report PATH`` writes the same, with curves and misread digits, as a page that stands alone (report.py).
"""

import contextlib
import math
import os
import time
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from . import __version__, kernels, nn, optim
from .autograd import no_grad
from .capture import capture
from .data import load_digits, train_test_split
from .show import progress, table
from .tensor import from_numpy

__all__ = ["Agreement", "Training", "compare", "run"]

SIZES = (64, 100, 100, 100, 100, 100, 100, 10)
BATCH, EPOCHS, QUICK_EPOCHS = 32, 60, 20
LR, NOISE = 2e-3, 0.2
WANTED = 97.0  # per cent of the test images
ALLOWED = {"float32": 1e-4, "float64": 1e-8}  # between native and reference losses
STEPS = 10


# -- the network and its training --------------------------------------------------------------------------------------
def network(generator, dtype=np.float32):
    """Seven linear layers with ReLU between them; weights normal with variance 2 / inputs, biases 0.

    That variance keeps signals and gradients of one size through any number of ReLU layers (He et al., "Delving deep
    into rectifiers", 2015); the default of Linear is smaller and lets them fade with depth.
    """
    layers = []
    for inputs, outputs in pairwise(SIZES):
        layer = nn.Linear(inputs, outputs, dtype=dtype)
        nn.init.normal_(layer.weight, std=math.sqrt(2 / inputs), generator=generator)
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def make_step(net, optimizer):
    """One training step, eager."""

    def step(x, target):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), target)
        loss.backward()
        optimizer.step()
        return loss

    return step


class Training:
    """A training run that its seed decides: the split, the initial values, the order of the images, the noise.

    The images, scaled to [0, 1], get fresh Gaussian noise in every epoch, which regularises (Bishop, "Training with
    noise is equivalent to Tikhonov regularization", 1995). Adam's learning rate falls to 0 along half a cosine
    (Loshchilov and Hutter, "SGDR", 2017).
    """

    def __init__(self, seed, dtype=np.float32, epochs=EPOCHS, captured=True):
        digits = load_digits()
        images = (digits.data / 16).astype(dtype)
        parts = train_test_split(images, digits.target, test_size=0.2, seed=seed, stratify=digits.target)
        self.x, self.x_test, self.target, self.target_test = parts
        self.generator = np.random.Generator(np.random.Philox(seed))
        self.net = network(self.generator, dtype)
        self.optimizer = optim.Adam(self.net.parameters(), lr=LR)
        eager = make_step(self.net, self.optimizer)
        self.step = capture(eager) if captured else eager
        self.epochs, self.steps = epochs, epochs * (len(self.x) // BATCH)

    def batches(self):
        """All batches of the run; what is left over at the end of an epoch is passed over."""
        n = len(self.x) // BATCH * BATCH
        for _ in range(self.epochs):
            order = self.generator.permutation(len(self.x))[:n]
            noise = self.generator.standard_normal((n, self.x.shape[1]), dtype=np.float32)
            x, target = self.x[order] + (NOISE * noise).astype(self.x.dtype), self.target[order]
            for i in range(0, n, BATCH):
                yield from_numpy(x[i : i + BATCH]), from_numpy(target[i : i + BATCH])

    def losses(self):
        """Trains: one step for each loss that is taken from here."""
        for t, (x, target) in enumerate(self.batches()):
            self.optimizer.param_groups[0]["lr"] = LR * (1 + math.cos(math.pi * t / self.steps)) / 2
            yield float(self.step(x, target))

    def log_probabilities(self):
        """The logarithms of the probabilities that the network gives to each class, for every test image."""
        with no_grad():
            return nn.functional.log_softmax(self.net(from_numpy(self.x_test)), 1).numpy()

    def accuracy(self):
        """Per cent of the test images that are recognised."""
        return 100 * float(np.mean(self.log_probabilities().argmax(1) == self.target_test))

    def test(self):
        """The loss on the test images, and the accuracy."""
        logp = self.log_probabilities()
        loss = -float(np.mean(logp[np.arange(len(logp)), self.target_test]))
        return loss, 100 * float(np.mean(logp.argmax(1) == self.target_test))


class Agreement(NamedTuple):
    """The same training by native and by reference kernels; each field is the pair."""

    losses: tuple
    accuracies: tuple
    step_us: tuple  # the median

    @property
    def difference(self):
        return float(np.max(np.abs(np.subtract(*self.losses))))


def compare(seed, dtype=np.float64, epochs=QUICK_EPOCHS, steps=None):
    """Trains twice from one seed, eagerly: by the native and by the reference kernels. `steps`: stop after so many."""
    outcomes = []
    for which in ("native", "reference"):
        with kernels.use(which):
            training = Training(seed, dtype, epochs, captured=False)
            losses, times, before = [], [], time.perf_counter()
            for loss in training.losses():
                now = time.perf_counter()
                losses.append(loss)
                times.append(now - before)
                if len(losses) == steps:
                    break
                before = time.perf_counter()
            outcomes.append((losses, training.accuracy(), 1e6 * median(times)))
    return Agreement(*zip(*outcomes, strict=True))


# -- what is shown -----------------------------------------------------------------------------------------------------
class Results(NamedTuple):
    """What a demonstration has measured."""

    heading: str
    training: Training
    losses: list  # of every step
    epochs: list  # test loss and accuracy after each
    seconds: float
    agreement: Agreement
    parameters: int  # that the update rules are measured on
    rules: list  # name, GB/s, GB/s of the plain loop
    steps: list  # batch, seconds eager, seconds captured


def run(seed=0, quick=False, report=None):
    """Runs and prints the demonstration, and writes the page `report` if it is a path. Returns complaints, one sentence
    each: none if all went as it should."""
    with kernels.use("native"):
        print(heading())
        epochs = QUICK_EPOCHS if quick else EPOCHS
        training, losses, tested, seconds, complaints = show_training(seed, epochs)
        agreement, more = show_agreement(seed, epochs, losses[:STEPS])
        n, rules = show_rules(quick)
        steps = show_capture(quick)
        if report is not None:
            from .report import write

            write(report, Results(heading(), training, losses, tested, seconds, agreement, n, rules, steps))
            print(f"\nThe report: {report}")
    return complaints + more


def heading():
    info = kernels.info()
    threads = f"{info['threads']} thread{'s' if info['threads'] > 1 else ''}"
    blas = info["blas"]
    name = "" if blas["library"] == "builtin" else f" {blas['core'] or Path(blas['library']).name}"
    products = f"BLAS core{name} for large products" if name else "built-in matrix product"
    return f"fastgrad {__version__}: {info['isa']}, {threads}{'' if info['openmp'] else ' (no OpenMP)'}, {products}"


def section(text):
    print(f"\n{text}")


def show_training(seed, epochs):
    """Trains with the captured step. Returns the training, losses, tests after each epoch, seconds, and complaints."""
    training = Training(seed, epochs=epochs)
    losses: list = []
    tested: list = []
    seconds = 0.0
    section(
        f"Digits: {len(training.x)} training and {len(training.x_test)} test images, network "
        f"{'-'.join(map(str, SIZES))}, Adam, batches of {BATCH}, seed {seed}"
    )
    with progress(training.steps, "  training") as bar:
        begin = time.perf_counter()
        for loss in training.losses():
            losses.append(loss)
            bar.update(1, f"loss {loss:.4f}")
            if len(losses) % (training.steps // epochs) == 0:
                seconds += time.perf_counter() - begin
                tested.append(training.test())
                begin = time.perf_counter()
    accuracy = tested[-1][1]
    last = np.mean(losses[-training.steps // epochs :])
    step_us = 1e6 * seconds / training.steps
    print(f"  {epochs} epochs, {training.steps} steps in {seconds:.2f} s ({step_us:.0f} us a step)")
    print(f"  loss {losses[0]:.4f} at the first step, {last:.4f} in the last epoch")
    print(f"  test accuracy {accuracy:.2f} % (at least {WANTED:.0f} % wanted)")
    complaint = f"the test accuracy, {accuracy:.2f} %, is below the {WANTED:.0f} % it should reach"
    return training, losses, tested, seconds, [complaint] if accuracy < WANTED else []


def show_agreement(seed, epochs, captured):
    """The first steps of the same seed, by native and by reference kernels. Returns both, and complaints."""
    found = compare(seed, np.float32, epochs, steps=STEPS)
    section(f"The first {STEPS} steps again, eagerly, by native (C) and reference (NumPy) kernels: losses")
    pairs = list(zip(*found.losses, strict=True))
    rows = [(t + 1, f"{a:.7f}", f"{b:.7f}", f"{abs(a - b):.1e}" if a != b else "0") for t, (a, b) in enumerate(pairs)]
    print(table(("step", "native", "reference", "difference"), rows))
    native, reference = found.step_us
    same = list(found.losses[0]) == captured
    print(f"  largest difference {found.difference:.1e} (at most {ALLOWED['float32']:.0e} allowed)")
    print(f"  a step takes {native:.0f} us native, {reference:.0f} us reference: {reference / native:.1f} x as long")
    print(f"  eager and captured losses: {'the same bits' if same else 'NOT the same bits'}")
    complaints = [] if same else ["the captured step's losses are not those of the eager step, bit for bit"]
    if not found.difference <= ALLOWED["float32"]:
        complaints.append(
            f"native and reference losses differ by {found.difference:.1e} in the first {STEPS} steps; "
            f"at most {ALLOWED['float32']:.0e} is allowed"
        )
    return found, complaints


def show_rules(quick):
    """Update rules on large tensors, beside loops with the same reads and writes. Returns the size, and the speeds."""
    n = large_size(24 if quick else 25)
    p, g, m, v = (kernels.empty((n,), np.float32) for _ in range(4))
    for array, value in ((p, 1.0), (g, 1e-3), (m, 0.0), (v, 0.0)):
        kernels.fill(array, value)
    rows, found = [], []
    rules: list[tuple[str, Any, Any, tuple]] = [
        ("SGD", kernels.sgd, kernels.stream1, (p, g)),
        ("Momentum", kernels.momentum, kernels.stream2, (p, g, v)),
        ("Adam", kernels.adam, kernels.stream3, (p, g, m, v)),
    ]
    for name, rule, loop, arrays in rules:
        bytes_ = 4 * (2 * len(arrays) - 1)  # every array is read, and all but g are written
        seconds, plain = rounds((partial(rule, *arrays, 1e-3), partial(loop, *arrays)), 7 if quick else 15)
        rate, most = bytes_ * n / seconds / 1e9, bytes_ * n / plain / 1e9
        found.append((name, rate, most))
        speeds = f"{rate:.1f} GB/s", f"{most:.1f} GB/s", f"{rate / most:.0%}"
        rows.append((name, bytes_, f"{1e3 * seconds:.1f} ms", *speeds))
    section(f"Update rules on {n / 1e6:.1f} million parameters, and plain loops with the same reads and writes")
    print(table(("rule", "bytes a parameter", "a step", "bandwidth", "plain loop", "share"), rows))
    del p, g, m, v, array, arrays, rules
    kernels.empty_cache()
    return n, found


def show_capture(quick):
    """A training step of the same network, eager and captured. Returns batch and seconds of both."""
    rows, found = [], []
    for batch in (1, 32, 100):
        generator = np.random.Generator(np.random.Philox(batch))
        x = from_numpy(generator.random((batch, SIZES[0]), dtype=np.float32))
        target = from_numpy(generator.integers(0, SIZES[-1], batch))
        steps = []
        for wrapper in (lambda step: step, capture):
            net = network(generator)
            steps.append(wrapper(make_step(net, optim.Adam(net.parameters(), lr=LR))))
        eager, captured = rounds([partial(step, x, target) for step in steps], 200 if quick else 1000)
        found.append((batch, eager, captured))
        rows.append((batch, f"{1e6 * eager:.0f} us", f"{1e6 * captured:.0f} us", f"{eager / captured:.1f}"))
    section("One training step (forward, backward, Adam)")
    print(table(("batch", "eager", "captured", "times faster"), rows))
    return found


# -- measuring ---------------------------------------------------------------------------------------------------------
def rounds(calls, count):
    """Median seconds of each call, taken in turn, so that what else the machine does meets all alike."""
    times: list[list[float]] = [[] for _ in calls]
    for call in calls:
        call()
        call()
    for _ in range(count):
        for call, mine in zip(calls, times, strict=True):
            before = time.perf_counter()
            call()
            mine.append(time.perf_counter() - before)
    return [median(mine) for mine in times]


def large_size(power):
    """2^power elements, or fewer where four float32 arrays of them would take more than a third of the free memory."""
    while power > 16 and 3 * 16 * 2**power > free_memory():
        power -= 1
    return 2**power


def free_memory():
    """Bytes this process may still take: what the system has, or what its cgroup leaves, the smaller."""
    found = [2**30]
    with contextlib.suppress(AttributeError, OSError, ValueError):
        found = [os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    group = Path("/sys/fs/cgroup")
    with contextlib.suppress(OSError, ValueError):  # "max" is no number: there is no limit
        found.append(int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    return min(found)
