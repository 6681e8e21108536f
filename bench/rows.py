"""The acceptance rows: what is run, against what, and the bar."""

from dataclasses import dataclass
from statistics import median

import numpy as np
from rules import BARS, STATES


@dataclass(frozen=True)
class Job:
    """One process: a workload for a library ("fastgrad", "torch", "numpy"), or a plain C loop ("c")."""

    lib: str
    workload: str

    def __str__(self):
        return f"{self.lib} {self.workload}"


@dataclass(frozen=True)
class Row:
    """One line of the report.

    kind   "speed": the fastest of `theirs` over ours must be at least `bar`
           "limit": our `metric` must be at most `bar`; `theirs` are shown for comparison
    only   "" or the machine the bar speaks of; elsewhere the line is printed and not judged.
    """

    name: str
    what: str
    ours: Job
    theirs: tuple
    bar: float
    kind: str = "speed"
    metric: str = "value"
    unit: str = "us"
    only: str = ""


def ours(workload):
    return Job("fastgrad", workload)


def torch(workload):
    return Job("torch", workload)


def speed(name, what, workload, theirs, bar, **more):
    return Row(name, what, ours(workload), tuple(theirs), bar, **more)


def limit(name, what, workload, bar, unit, theirs=(), metric="value"):
    return Row(name, what, ours(workload), tuple(theirs), bar, "limit", metric, unit)


def matmul_rows(n, bar):
    """A product against NumPy's, and against torch's, whose BLAS is slow on one kind of machine."""
    product = f"matmul:{n}"
    return [
        speed(f"matmul-{n}", f"matmul n = {n}, of NumPy", product, [Job("numpy", product)], bar),
        speed(f"matmul-{n}", f"matmul n = {n}, torch", product, [torch(product)], 1.8, only="AMD AVX-512"),
    ]


def rule_rows(name):
    """A rule on 33.5 M parameters: against the plain C loop, and against torch's best mode where there is a bar."""
    loops = [Job("c", f"{STATES[name]}:malloc"), Job("c", f"{STATES[name]}:huge")]
    modes = [torch(f"rule:{name}:{mode}") for mode in ("fused", "foreach", "default")]
    what, step = f"{name}, 33.5 M parameters", f"rule:{name}"
    rows = [speed(f"rule-{name}", f"{what}, of a plain C loop", step, loops, 0.95, unit="s")]
    if name in BARS:
        rows.append(speed(f"rule-{name}", f"{what}, of torch's best mode", step, modes, BARS[name], unit="s"))
    return rows


def small_rows():
    """Many small tensors: every rule within a time, Adam against torch's compiled form."""
    hundred = "small:hundred:adam"
    return [
        *(
            limit(f"{name}-small", f"{name}, 14 tensors, 130,010 parameters", f"small:mlp:{name}", 20, "us")
            for name in STATES
        ),
        speed("adam-small", "adam, 14 tensors, torch fused", "small:mlp:adam", [torch("small:mlp:adam:fused")], 4.0),
        speed("adam-hundred", "adam, 100 tensors of 64 x 64, torch fused", hundred, [torch(f"{hundred}:fused")], 6.0),
    ]


def clipped_rows():
    """Clip by the global norm, Adam's step, gradients to 0; torch does it in three calls."""
    rows = []
    for net, words, unit, bars in (("large", "33.5 M", "s", (1.05, 1.25)), ("mlp", "14 tensors", "us", (4.0, 8.0))):
        theirs = [torch(f"clipped:{net}:calls:{mode}") for mode in ("fused", "foreach")]
        for how, bar in zip(("calls", "launch"), bars, strict=True):
            what = f"clip, adam, zero, {words}, {'three calls' if how == 'calls' else 'one launch'}"
            rows.append(speed(f"clipped-{net}-{how}", what, f"clipped:{net}:{how}", theirs, bar, unit=unit))
    return rows


def norm_rows():
    """Layers that normalise, forward and backward."""
    shapes = {
        "BatchNorm1d": (("100x100", 1.5), ("1024x1024", 1.5), ("8192x1024", 4.0)),
        "BatchNorm2d": (("32x64x56x56", 1.5),),
        "LayerNorm": (("4096x512", 1.0),),
    }
    return [
        speed(
            f"norm-{kind.lower()}-{shape}",
            f"{kind}, {shape}",
            f"norm:{kind}:{shape}",
            [torch(f"norm:{kind}:{shape}")],
            bar,
        )
        for kind, found in shapes.items()
        for shape, bar in found
    ]


def activation_rows():
    """Forward and backward of the activations that have a bar."""
    bars = {"relu": 1.2, "sigmoid": 1.0, "tanh": 4.0, "elu": 2.0, "prelu": 8.0, "gelu": 0.9}
    return [
        speed(f"activation-{name}", f"{name}, forward and backward, 1000 x 1000", job, [torch(job)], bar)
        for name, bar in bars.items()
        for job in (f"activation:{name}",)
    ]


def layer_rows():
    """Linear layers, and whole steps with batch normalisation and dropout."""
    linear = (("32x784x128", 1.5, ""), ("100x100x100", 1.5, ""), ("512x1024x1024", 1.8, "AMD AVX-512"))
    steps = {"eager": ((32, 2.0), (100, 2.3), (1000, 3.0)), "captured": ((32, 4.0), (100, 4.0), (1000, 4.0))}
    return [
        *(
            speed(f"linear-{shape}", f"Linear {shape}, forward and backward", job, [torch(job)], bar, only=only)
            for shape, bar, only in linear
            for job in (f"linear:{shape.replace('x', ':')}",)
        ),
        *(
            speed(
                f"regular-{how}-{n}",
                f"MLP with batch norm and dropout, batch {n}, {how}",
                f"regular:{n}:{how}",
                [torch(f"regular:{n}")],
                bar,
            )
            for how, found in steps.items()
            for n, bar in found
        ),
        *(
            speed(f"tiny-{how}", f"2-16-1, batch 4, Adam, {how}", f"tiny:{how}", [torch("tiny")], bar)
            for how, bar in (("eager", 2.0), ("captured", 15.0))
        ),
        *(
            speed(
                f"memory-{how}",
                f"the same MLP, batch 1000, {how}: peak memory",
                f"memory:1000:{how}",
                [torch("memory:1000")],
                1.0,
                unit="MB",
            )
            for how in ("eager", "captured")
        ),
    ]


def all_rows():
    """Every row, in the order of the report."""
    return [
        limit("matmul-bits", "matmul: odd shapes whose bits change with threads 1, 2, 4", "matmul_bits", 0, "shapes"),
        *matmul_rows(1024, 0.95),
        *matmul_rows(256, 0.92),
        *(
            limit(f"interleave-{n}", f"matmul {n}, add, NumPy's matmul in turn / alone", f"interleave:{n}", 1.2, "x")
            for n in (128, 256, 512)
        ),
        speed("chain-1", "chain of 1000 mul/add, 1 element, an op", "chain:1", [torch("chain:1")], 1.5),
        speed("chain-100", "chain of 1000 mul/add, 100x100, an op", "chain:100x100", [torch("chain:100x100")], 1.0),
        speed("mlp", "MLP 784-100x6-10, batch 100, Adam, eager", "mlp:100", [torch("mlp:100")], 1.5),
        *(
            speed(f"captured-{n}", f"the same step captured, batch {n}", f"captured:{n}", [torch(f"mlp:{n}")], bar)
            for n, bar in ((1, 4.0), (32, 3.0), (100, 2.3), (1000, 1.7))
        ),
        *(row for name in STATES for row in rule_rows(name)),
        *small_rows(),
        *clipped_rows(),
        limit("deep", "1,000,000-node chain: forward, backward, release", "deep", 5, "s", [torch("deep")]),
        limit("deep", "1,000,000-node chain: peak memory", "deep", 600, "MB", [torch("deep")], "peak_mb"),
        *(
            speed(f"elementwise-{f}", f"{f}, forward and backward, 1000 x 1000", job, [torch(job)], 1.0)
            for f in ("add", "mul", "exp", "log", "sqrt", "sum0", "sum1", "sum")
            for job in (f"elementwise:{f}",)
        ),
        *(
            limit(f"profiled-{how}", f"profiler on / off, batch 100, {how}", f"profiled:{how}", 1.1, "x")
            for how in ("eager", "captured")
        ),
        limit("fit", "fit / bare loop, captured MLP, batch 100", "fit:100", 1.03, "x"),
        *norm_rows(),
        *(
            speed(f"dropout-{name}", f"dropout of {words}, forward and backward", job, [torch(job)], bar)
            for name, words, job, bar in (
                ("10k", "10,000", "dropout:10000", 5.0),
                ("1M", "1 M", "dropout:1000000", 20.0),
                ("16M", "16.8 M", "dropout:16777216", 15.0),
            )
        ),
        *activation_rows(),
        *layer_rows(),
        limit("import", "import beyond NumPy's", "import", 25, "ms"),
        limit("fork", "100 forked children multiply and step: lost", "fork", 0, "children", metric="lost"),
        limit("fork", "100 forked children multiply and step: time", "fork", 10, "s"),
    ]


def middle(samples, metric="value"):
    """The median over a job's processes."""
    return median(sample[metric] for sample in samples)


def agree(a, b):
    """Whether two libraries computed the same: every number each of them printed for checking."""
    return len(a) == len(b) and np.allclose(a, b, rtol=1e-3, atol=1e-4)


def judge(row, samples, machine):
    """A line of the report from the samples of its jobs: what, ours, theirs, ratio, bar, verdict."""
    line = {"row": row.name, "what": row.what, "unit": row.unit, "kind": row.kind, "bar": row.bar}
    mine, rivals = samples.get(row.ours), [job for job in row.theirs if samples.get(job)]
    if not mine:
        return {**line, "verdict": "failed"}
    line["ours"] = middle(mine, row.metric)
    if "gbps" in mine[0]:
        line["gbps"] = middle(mine, "gbps")
    if rivals:
        best = min(rivals, key=lambda job: middle(samples[job], row.metric))
        line["theirs"], line["rival"] = middle(samples[best], row.metric), str(best)
        line["ratio"] = line["theirs"] / line["ours"] if line["ours"] else float("inf")
        rounds = [t[row.metric] / o[row.metric] for o, t in zip(mine, samples[best], strict=False) if o[row.metric]]
        line["ratios"] = [min(rounds), max(rounds)] if rounds else []
        checked = [job for job in rivals if job.lib != "c"]
        if not all(agree(mine[0]["check"], samples[job][0]["check"]) for job in checked):
            return {**line, "verdict": "WRONG ANSWER"}
    if row.kind == "speed" and not rivals:
        return {**line, "verdict": "no peer"}
    if row.only and row.only not in machine:
        return {**line, "verdict": f"not judged (bar is for {row.only})"}
    met = line["ratio"] >= row.bar if row.kind == "speed" else line["ours"] <= row.bar
    return {**line, "verdict": "met" if met else "MISSED"}
