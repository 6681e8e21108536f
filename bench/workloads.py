"""The workloads, each written once against the API fastgrad shares with PyTorch.

    python bench/workloads.py --lib fastgrad|torch|numpy --workload NAME [--threads 2] [--json]

One library, one process, one workload: both libraries run the same lines. A workload first checks its own answer where
there is a closed form, prints numbers (`check`) that compare.py holds against the other library's, and only then times
the call. Names (a part after a colon is an argument):

    chain:1 chain:100x100          1000 alternating mul and add, forward and backward; us an operation
    mlp:BATCH captured:BATCH       784-100x6-10, Adam, one step, eager or captured (torch: eager both times); us
    regular:BATCH:eager|captured   the same with batch normalisation and dropout 0.2; us
    memory:BATCH:eager|captured    what that step adds to the resident memory, at its height; MB
    tiny:eager|captured            2-16-1, four samples, Adam, one step; us
    linear:BATCH:IN:OUT            a Linear forward and backward; us
    matmul:N                       an N x N x N product, float32; us            (numpy too)
    matmul_bits                    odd shapes whose bits change with 1, 2, 4 threads (fastgrad only)
    rule:NAME[:MODE]               one step on 33.5 M parameters; s. NAME in small letters: sgd, adam, rmsprop, ...
                                   MODE for torch: default, foreach, fused
    small:mlp|hundred:NAME[:MODE]  one step on the MLP's 14 tensors, or on 100 of 64 x 64; us
    clipped:large|mlp:calls|launch[:MODE]
                                   clip by global norm, Adam, gradients to 0, as three calls or as one; s or us
    deep                           a chain of 1,000,000 mul: forward, backward, release; s
    interleave:N                   matmul, add, NumPy's matmul in turn against the sum of the three alone; x
    elementwise:add|mul|exp|log|sqrt|sum0|sum1|sum    forward and backward at 1000 x 1000; us
    norm:BatchNorm1d|BatchNorm2d|LayerNorm:SHAPE    the layer in training, forward and backward; us
    dropout:N                      dropout of N numbers, p = 0.2, forward and backward; us
    activation:NAME                forward and backward at 1000 x 1000; us. NAME as in activations.py
    profiled:eager|captured        a step of the MLP at batch 100 with the profiler on, over one with it off; x
    fit:BATCH                      an epoch of fit over one of the bare loop: the MLP's captured step, a loader; x
    import                         import of the library beyond that of NumPy; ms
    fork                           100 forked children multiply and step after their parent did; s
"""

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import time

import activations  # noqa: F401 (its workloads)
import layers  # noqa: F401 (its workloads)
import numpy as np
import training  # noqa: F401 (its workloads)
from formulas import FORMULAS, rate_of, three_steps
from measuring import (
    WORKLOADS,
    Library,
    draw,
    expect,
    measure,
    measure_refilled,
    probe,
    result,
    shapes_of,
    workload,
)
from rules import STATES

CHAIN, DEEP, PARAMETERS = 1000, 1_000_000, 1 << 25
NETS = {"mlp": "mlp", "hundred": "100x64x64"}  # small nets, as fastgrad.bench calls their sizes
TURNS, BLOCKS = 1000, 10  # interleave: turns in all, in blocks
CHILDREN, PATIENCE = 100, 10.0  # fork


# -- the tape ----------------------------------------------------------------------------------------------------------
@workload
def chain(lib, shape):
    """x w + b, 500 times over, and back."""
    shape = tuple(int(n) for n in shape.split("x"))
    x = lib.leaf(draw(0, *shape))
    w, b = lib.tensor(np.full(shape, 1.001, np.float32)), lib.tensor(np.full(shape, 0.001, np.float32))

    def run():
        y = x
        for _ in range(CHAIN // 2):
            y = y * w
            y = y + b
        x.grad = None
        y.sum().backward()
        return y

    y = run().detach().numpy()
    grow = 1.001 ** (CHAIN // 2)
    expect("chain", y, draw(0, *shape) * grow + (grow - 1), rtol=1e-3, atol=1e-4)
    expect("chain's gradient", x.grad.numpy(), np.full(shape, grow), rtol=1e-3)
    return result(measure(run), "us", probe(y) + probe(x.grad.numpy()), scale=1e6 / CHAIN)


@workload
def elementwise(lib, name):
    m = lib.module
    a, b = lib.leaf(np.abs(draw(0, 1000, 1000)) + 0.5), lib.leaf(np.abs(draw(1, 1000, 1000)) + 0.5)
    calls = {
        "add": lambda: a + b,
        "mul": lambda: a * b,
        **{f: lambda f=f: getattr(m, f)(a) for f in ("exp", "log", "sqrt", "sum")},
        **{f"sum{axis}": lambda axis=axis: a.sum(axis) for axis in (0, 1)},
    }
    dout = lib.tensor(np.asarray(draw(2, *calls[name]().shape)))

    def both():
        a.grad = b.grad = None
        out = calls[name]()
        out.backward(dout)
        return out

    out = both()
    expect("add, by its gradient", a.grad.numpy(), dout.numpy(), 0) if name == "add" else None
    return result(measure(both), "us", probe(out.detach().numpy()) + probe(a.grad.numpy()))


@workload
def deep(lib):
    """A million multiplications one after the other; then the gradient; then the graph is let go."""
    factor = np.full(1, 1 + 2**-20, np.float32)
    x, c = lib.leaf(np.ones(1, np.float32)), lib.tensor(factor)
    wanted = np.multiply.accumulate(np.repeat(factor, DEEP))[-1]  # the same roundings, one after the other
    before, marks = peak_memory(), [time.perf_counter()]
    y = x
    for _ in range(DEEP):
        y = y * c
    marks.append(time.perf_counter())
    y.backward()
    marks.append(time.perf_counter())
    value = float(y.item())
    del y
    gc.collect()
    marks.append(time.perf_counter())
    expect("deep", [value, float(x.grad.item())], [wanted, wanted], rtol=1e-6)
    parts = dict(zip(("forward", "backward", "release"), np.diff(marks).tolist(), strict=True))
    memory = {"peak_mb": peak_memory(), "before_mb": before}
    return result([marks[-1] - marks[0]], "s", [value, float(x.grad.item())], **parts, **memory)


def peak_memory():
    """The most memory this process has had resident, in MB (1e6 bytes)."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 / 1e6 for line in status if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


# -- update rules ------------------------------------------------------------------------------------------------------
@workload
def rule(lib, name, mode="fused"):
    """One update of one tensor of 33.5 M parameters: nothing stays in a cache."""
    moved, optimizer = stepped(lib, name, [(PARAMETERS,)], mode, 16)
    found = result(measure(optimizer.step), "s", moved)
    return {**found, "gbps": (12 + 8 * STATES[name]) * PARAMETERS / found["value"] / 1e9}


@workload
def small(lib, net, name, mode="fused"):
    """One update of many small tensors: what a launch costs."""
    moved, optimizer = stepped(lib, name, shapes_of(NETS[net]), mode, 4)
    return result(measure(optimizer.step), "us", moved)


def stepped(lib, name, shapes, mode, probed):
    """An optimizer whose first three steps were right, and how far they have moved some elements."""
    parameters = [lib.leaf(draw([1, i], *shape, scale=0.01)) for i, shape in enumerate(shapes)]
    gradients = [draw([2, i], *shape) for i, shape in enumerate(shapes)]
    before = [np.array(probe(p.detach().numpy(), probed)) for p in parameters]
    optimizer = lib.rule(name, parameters, rate_of(name), mode)
    for _ in range(3):
        for p, g in zip(parameters, gradients, strict=True):  # anew: torch's foreach form of nesterov overwrites them
            p.grad = lib.tensor(g.copy())
        optimizer.step()
    moved = [np.array(probe(p.detach().numpy(), probed)) - b for p, b in zip(parameters, before, strict=True)]
    for g, b, d in zip(gradients, before, moved, strict=True):
        expect(f"{name} after 3 steps", d, three_steps(name, b, probe(g, probed)), rtol=1e-3, atol=1e-6)
    return np.concatenate(moved).tolist(), optimizer


@workload
def clipped(lib, net, how, mode="fused"):
    """Gradients clipped by their global norm, Adam's step, gradients set to 0: three calls, or one launch.

    The gradients are made anew before each, unseen by the clock, for a gradient of zeros is not clipped. Both libraries
    fill them with zeros. eps is about as large as the clipped gradients: else Adam would not show that they are.
    """
    shapes = [(PARAMETERS,)] if net == "large" else shapes_of(NETS[net])
    gradients = [draw([2, i], *shape) for i, shape in enumerate(shapes)]
    parameters = [lib.leaf(draw([1, i], *shape, scale=0.01)) for i, shape in enumerate(shapes)]
    for p, g in zip(parameters, gradients, strict=True):
        p.grad = lib.tensor(g.copy())
    held = [p.grad.numpy() for p in parameters]
    norm = sum(float(np.vdot(g, g)) for g in gradients) ** 0.5
    eps = 1 / len(held[0].reshape(-1)) ** 0.5
    one = {"clip_norm": 1.0, "zero": True} if how == "launch" else {}
    optimizer = lib.rule("adam", parameters, 1e-3, mode, eps=eps, **one)
    clip = getattr(getattr(lib.nn, "utils", None), "clip_grad_norm_", None)
    if how == "calls" and clip is None:
        raise SystemExit(f"{lib.name}.nn.utils has no clip_grad_norm_")
    foreach = {"foreach": True} if mode == "foreach" else {}

    def refill():
        for a, g in zip(held, gradients, strict=True):
            np.copyto(a, g)

    def calls():
        clip(parameters, 1.0, **foreach)
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)

    run = optimizer.step if how == "launch" else calls
    before = [np.array(probe(p.detach().numpy(), 4)) for p in parameters]
    for _ in range(3):
        refill()
        run()
    moved = [np.array(probe(p.detach().numpy(), 4)) - b for p, b in zip(parameters, before, strict=True)]
    for g, d in zip(gradients, moved, strict=True):
        g = np.array(probe(g, 4)) / norm
        expect("adam, clipped, after 3 steps", d, FORMULAS["adam"](0.0, g, 1e-3, eps), rtol=1e-3, atol=1e-6)
    expect("the gradients afterwards", [a.any() for a in held], False, rtol=0)
    return result(measure_refilled(refill, run), "s" if net == "large" else "us", np.concatenate(moved).tolist())


# -- products ----------------------------------------------------------------------------------------------------------
@workload
def matmul(lib, n):
    """C = A B. NumPy is handed its output array, so that it pays for no fresh memory: the harder bar."""
    n = int(n)
    left, right = draw(3, n, n), draw(4, n, n)
    a, b, out = lib.tensor(left), lib.tensor(right), np.empty((n, n), np.float32)
    call = (lambda: np.matmul(left, right, out=out)) if lib.name == "numpy" else (lambda: a @ b)
    with lib.no_grad():
        c = np.asarray(call())
        rows = [0, n // 2, n - 1]
        expect("matmul", c[rows], left[rows].astype(np.float64) @ right, rtol=1e-4, atol=1e-5 * n)
        found = result(measure(call), "us", probe(c))
    return {**found, "gflops": 2e-3 * n**3 / found["value"]}


@workload
def matmul_bits(lib):
    """On how many odd shapes, layouts and dtypes the product's bits depend on the thread count (1, 2, 4)."""
    from fastgrad import kernels

    shapes = [(m, k, n) for m in (1, 17, 129, 257, 511) for k in (1, 31, 300, 1023) for n in (1, 19, 131, 385)]
    different = []
    for m, k, n in shapes:
        for dtype in (np.float32, np.float64):
            a, b = draw(5, k, m).T.astype(dtype), draw(6, k, n).astype(dtype)
            bits = []
            for threads in (1, 2, 4):
                with kernels.use(threads=threads):
                    bits += [kernels.matmul(a, b).tobytes(), kernels.matmul(a.copy("C"), b).tobytes()]
            if len(set(bits[::2])) > 1 or len(set(bits[1::2])) > 1:
                different.append(f"{m}x{k}x{n} {np.dtype(dtype)}")
    return result([len(different)], "shapes", [], scale=1, tried=2 * len(shapes), different=different[:5])


@workload
def interleave(lib, n):
    """A product, a kernel and NumPy's product in turn: two thread pools must not fight over the processors."""
    n = int(n)
    left, right = draw(3, n, n), draw(4, n, n)
    a, b, out = lib.tensor(left), lib.tensor(right), np.empty((n, n), np.float32)
    u, v = lib.tensor(draw(9, 1_000_000)), lib.tensor(draw(10, 1_000_000))
    calls = [lambda: a @ b, lambda: u + v, lambda: np.matmul(left, right, out=out)]
    with lib.no_grad():
        ours, theirs = np.asarray(calls[0]()), calls[2]()
        expect("interleave", ours, theirs, rtol=1e-3, atol=1e-5 * n)
        expect("interleave", np.asarray(calls[1]())[:99], (draw(9, 1_000_000) + draw(10, 1_000_000))[:99], rtol=1e-6)
        ratios, alone, together = [], [], []
        for _ in range(BLOCKS):
            alone.append([spell([call]) for call in calls])
            together.append(spell(calls))
            ratios.append(together[-1] / sum(alone[-1]))
    means = (1e6 * np.median(alone, axis=0)).tolist()
    return result(ratios, "x", probe(ours), scale=1, alone_us=means, turn_us=1e6 * statistics.median(together))


def spell(calls):
    """Seconds a turn, over a block of turns. It starts when whatever ran before has stopped spinning."""
    time.sleep(0.1)
    for call in calls * 3:
        call()
    start = time.perf_counter()
    for _ in range(TURNS // BLOCKS):
        for call in calls:
            call()
    return (time.perf_counter() - start) / (TURNS // BLOCKS)


# -- the process -------------------------------------------------------------------------------------------------------
IMPORT = """
import os, sys
def threads():
    return len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1
import numpy
before = threads()
{line}
more, drawn = threads() - before, sorted({{"matplotlib", "tqdm"}} & set(sys.modules))
if more or drawn:
    sys.exit(f"the import started {{more}} threads and loaded {{drawn}}")
"""


@workload
def import_(lib):
    """Wall time of `python -c "import library"` beyond NumPy's, in turn; a print, a thread, a plotter is refused."""
    program = IMPORT.format(line=f"import {lib.name}")
    loaded = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True)
    if lib.name == "fastgrad" and (loaded.returncode or loaded.stdout or loaded.stderr):
        raise SystemExit(f"import {lib.name} is not silent: {(loaded.stdout + loaded.stderr).strip()}")

    def seconds(name):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-P", "-c", f"import {name}"], check=True)
        return time.perf_counter() - start

    pairs = [(seconds("numpy"), seconds(lib.name)) for _ in range(25)][2:]
    base, ours = (statistics.median(side) for side in zip(*pairs, strict=True))
    found = result([ours - base for base, ours in pairs], "ms", [])
    return {**found, "value": 1e3 * (ours - base), "numpy_ms": 1e3 * base, "library_ms": 1e3 * ours}


@workload
def fork(lib):
    """The parent multiplies and steps; each forked child does the same and must get the parent's answer."""
    left, right = draw(3, 512, 512), draw(4, 512, 512)
    p = lib.leaf(draw(1, 1 << 20))
    p.grad = lib.tensor(draw(2, 1 << 20))
    optimizer = lib.rule("adam", [p], 1e-3)

    def work():
        with lib.no_grad():
            product = np.asarray(lib.tensor(left) @ lib.tensor(right))
        before = p.detach().numpy()[:64].copy()
        optimizer.step()
        return product, np.abs(p.detach().numpy()[:64] - before)

    wanted, moved = work()
    expect("fork", wanted[:2], left[:2].astype(np.float64) @ right, rtol=1e-4, atol=1e-2)
    expect("fork", moved, 1e-3, rtol=0.05)

    def good():
        product, step = work()
        return np.array_equal(product, wanted) and np.allclose(step, moved, rtol=0.05)

    start, lost = time.perf_counter(), 0
    for _ in range(CHILDREN):
        lost += not child_is(good)
        if lost == 3:
            break  # the others would only make us wait
    seconds = time.perf_counter() - start
    return result([seconds], "s", [], lost=lost, children=CHILDREN)


def child_is(good):
    """Whether a forked child finds `good()` true and leaves in time."""
    child = os.fork()
    if not child:
        code = 1
        try:
            code = 0 if good() else 2
        finally:
            os._exit(code)
    deadline = time.perf_counter() + PATIENCE
    while time.perf_counter() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.001)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lib", required=True, choices=("fastgrad", "torch", "numpy"))
    parser.add_argument("--workload", required=True, metavar="NAME")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="one line of JSON, rounds included")
    options = parser.parse_args()
    name, *arguments = options.workload.split(":")
    if name not in WORKLOADS:
        parser.error(f"no workload {name!r}; there are {', '.join(WORKLOADS)}")
    if hasattr(os, "sched_setaffinity"):  # before the first import that starts a pool: as many processors as threads
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    found = WORKLOADS[name](Library(options.lib, options.threads), *arguments)
    found = {"lib": options.lib, "workload": options.workload, "threads": options.threads, **found}
    if options.json:
        print(json.dumps(found))
        return
    shown = {"lib", "workload", "unit", "value", "rounds", "check", "threads"}
    rest = {k: v for k, v in found.items() if k not in shown}
    spread = f"{min(found['rounds']):.4g} .. {max(found['rounds']):.4g}"
    print(f"{options.lib} {options.workload}: {found['value']:.4g} {found['unit']} ({spread})", rest or "")


if __name__ == "__main__":
    main()
