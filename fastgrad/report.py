"""The demonstration's page: what `demo` has measured, as one HTML file with no script and nothing beside it."""

from html import escape
from pathlib import Path
from string import Template
from textwrap import shorten
from typing import Any

import numpy as np

from .profiler import machine_limits, profile
from .show import svg

__all__ = ["page", "write"]

MISREAD = 8  # how many of the misread digits are shown


def write(path, results):
    """Writes the page to `path`. Errors: OSError."""
    Path(path).write_text(page(results), encoding="utf-8")


def page(results):
    """The page as text."""
    training = results.training
    loss, accuracy = results.epochs[-1]
    wrong = misread(training)
    return Template(PAGE).substitute(
        heading=escape(results.heading),
        accuracy=f"{accuracy:.2f}",
        tested=len(training.x_test),
        trained=len(training.x),
        mistakes=len(wrong),
        seconds=f"{results.seconds:.2f}",
        steps=len(results.losses),
        step_us=f"{1e6 * results.seconds / len(results.losses):.0f}",
        loss=f"{loss:.3f}",
        curves=curves(results),
        confusion=svg.confusion(counts(training), [str(k) for k in range(10)], "Every test image: truth and answer"),
        digits="".join(map(digit, wrong[:MISREAD])) or "<p>None: every test image is read right.</p>",
        difference=f"{results.agreement.difference:.1e}",
        slower=f"{results.agreement.step_us[1] / results.agreement.step_us[0]:.1f}",
        rules=rules(results),
        eager=rows(
            (batch, f"{1e6 * eager:.0f} us", f"{1e6 * captured:.0f} us", f"{eager / captured:.1f}")
            for batch, eager, captured in results.steps
        ),
        calls=rows(calls(training)),
        peak=f"{machine_limits().float32 / 1e9:.0f}",
        bandwidth=f"{machine_limits().bandwidth / 1e9:.0f}",
    )


# -- learning ----------------------------------------------------------------------------------------------------------
def curves(results):
    """The loss on training batches (the mean of an epoch) and on the test images; the share that is read wrong."""
    n = len(results.losses) // len(results.epochs)
    means = np.reshape(results.losses[: n * len(results.epochs)], (-1, n)).mean(1)
    epochs = np.arange(1, len(means) + 1)
    loss, accuracy = map(np.array, zip(*results.epochs, strict=True))
    learning = svg.lines(
        {"training": (epochs, means), "test": (epochs, loss)}, "Loss", "epoch", "cross-entropy", log=True
    )
    error = svg.lines({"test": (epochs, 100 - accuracy)}, "Test images read wrong", "epoch", "per cent")
    return learning + error


def counts(training):
    """A confusion matrix: how many images of class i (row) were given class j."""
    found = np.zeros((10, 10), int)
    np.add.at(found, (training.target_test, training.log_probabilities().argmax(1)), 1)
    return found.tolist()


def misread(training):
    """(image, truth, answer, probability of either) of every misread test image, the surest mistake first."""
    p = np.exp(training.log_probabilities())
    answers, truth = p.argmax(1), training.target_test
    wrong = np.flatnonzero(answers != truth)
    wrong = wrong[np.argsort(-p[wrong, answers[wrong]])]
    return [(training.x_test[i].reshape(8, 8), truth[i], answers[i], p[i, truth[i]], p[i, answers[i]]) for i in wrong]


def digit(mistake):
    image, truth, answer, p_truth, p_answer = mistake
    return (
        f"<figure>{svg.pixels(image)}<figcaption>a <b>{truth}</b> ({p_truth:.0%})<br>"
        f"read as <b>{answer}</b> ({p_answer:.0%})</figcaption></figure>"
    )


# -- speed -------------------------------------------------------------------------------------------------------------
def rules(results):
    bars = [(name, rate, most, f" ({rate / most:.0%})") for name, rate, most in results.rules]
    title = f"Update rules, {results.parameters / 1e6:.1f} million parameters"
    return svg.shares(bars, title, "GB/s")


def calls(training, repeats=50):
    """Every call of the captured step: number, kernel, arrays, microseconds, share of the step, and its rate beside
    what the machine allows. Medians of `repeats` replays, which train the network further."""
    program, limits = training.step.programs[0], machine_limits()
    with profile() as p:
        for _ in range(repeats):
            program.replay()
    events = p.events[: len(program)]
    times = np.median(np.reshape([e.end - e.start for e in p.events], (repeats, -1)), axis=0) / 1e9
    for i, (event, (kernel, shapes), time) in enumerate(zip(events, program.labels, times, strict=True)):
        time = max(time, 1e-9)
        rate, most, unit = (event.flops, limits.float32, "GFLOP/s") if event.flops else (event.bytes, None, "GB/s")
        allowed = f"{rate / time / most:.0%}" if most else ""
        speed = f"{rate / time / 1e9:.1f} {unit}"
        yield i, kernel, shorten(shapes, 70), f"{1e6 * time:.1f}", f"{time / times.sum():.0%}", speed, allowed


def rows(cells: Any):
    return "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in cells)


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>fastgrad: the demonstration</title>
<style>
:root { --ink: #1d2733; --soft: #5b6b7c; --paper: #fff; --card: #f6f8fa; --faint: #d5dde5;
  --a: #1f77b4; --b: #d9622b; --c: #2f9e63; --d: #8a63d2 }
@media (prefers-color-scheme: dark) { :root { --ink: #e4eaf0; --soft: #9aa9b8; --paper: #14191f; --card: #1c232b;
  --faint: #38444f; --a: #5aa9e6; --b: #f0894f; --c: #58c78c; --d: #b093f0 } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1200px;
  margin: 0 auto; padding: 24px }
h1 { margin: 0; font-size: 28px } h2 { margin: 40px 0 8px; font-size: 20px } p { max-width: 72ch; margin: 8px 0 }
.soft { color: var(--soft) }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 16px; margin: 24px 0;
  max-width: 960px } .facts div { background: var(--card); border-radius: 8px; padding: 12px 20px }
.facts b { display: block; font-size: 26px }
.row { display: flex; flex-wrap: wrap; gap: 24px; align-items: flex-start }
figure { margin: 0; text-align: center; font-size: 14px } .digits { display: grid; gap: 20px 8px;
  grid-template-columns: repeat(auto-fill, minmax(130px, 1fr)); max-width: 640px }
svg { max-width: 100%; height: auto } svg text { fill: var(--soft); font: 13px system-ui, sans-serif }
svg .on { fill: var(--paper) }
svg .title { fill: var(--ink); font-weight: 600; font-size: 15px } svg .grid { stroke: var(--faint); fill: none }
svg.pixels { fill: var(--ink); background: var(--card); border-radius: 4px; height: 72px }
.row > div { flex: 1 1 340px; min-width: 0 } .row > svg { flex: 1 1 460px; max-width: min(560px, 100%) }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-size: 14px; width: auto } th, td { padding: 3px 14px 3px 0; text-align: right;
  white-space: nowrap }
th { color: var(--soft); font-weight: 500; border-bottom: 1px solid var(--faint) }
.calls td:nth-child(2), .calls td:nth-child(3), .calls th:nth-child(2), .calls th:nth-child(3) { text-align: left }
.calls td:nth-child(3) { font-family: ui-monospace, monospace; font-size: 12px; color: var(--soft) }
</style></head><body>
<h1>A network of seven layers reads digits</h1>
<p class="soft">$heading</p>
<div class="facts">
<div><b>$accuracy %</b>of $tested test images right</div>
<div><b>$seconds s</b>of training, $steps steps</div>
<div><b>$step_us us</b>a captured step and its data</div>
<div><b>$mistakes</b>images misread</div>
</div>
<h2>Learning</h2>
<p>$trained training images, batches of 32, Adam with its rate along half a cosine, fresh noise on every image. The
test images are never trained on; the loss on them ends at $loss.</p>
<div class="row">$curves</div>
<h2>What it gets wrong</h2>
<div class="row">$confusion<div><p>The surest mistakes, with the probabilities the network gave to the truth and to its
answer:</p><div class="digits">$digits</div></div></div>
<h2>How fast it is</h2>
<p>Every update rule beside a plain loop that reads and writes the same arrays and does no arithmetic to speak of: what
the memory allows on this machine.</p>
<div class="row">$rules
<div><p>One training step, eager and captured:</p><table><tr><th>batch</th><th>eager</th><th>captured</th>
<th>times faster</th></tr>$eager</table>
<p>The NumPy definitions of the same kernels take $slower times as long as the C kernels, and give the same losses to
$difference in the first ten steps.</p></div></div>
<h2>The captured step, call by call</h2>
<p>What is left of Python when a step is replayed: a list of kernel calls. Products are held against the
machine's peak of $peak GFLOP/s; the arrays of the others lie in the caches, which are faster
than the memory's $bandwidth GB/s.</p>
<div class="wide"><table class="calls"><tr><th></th><th>kernel</th><th>arrays</th><th>us</th>
<th>share</th><th>rate</th><th>of peak</th></tr>$calls</table></div>
</body></html>
"""
