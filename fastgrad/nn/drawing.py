"""How a monitor shows what it found: a row of charts for every layer as SVG text, or a table. Loaded when asked for."""

import math

from ..show import svg, table

__all__ = ["drawn", "last_step"]

LABEL, PANEL, GAP, HEIGHT, ROW, TOP, FOOT = 84, 200, 54, 74, 104, 74, 16
WIDTH = LABEL + 4 * (PANEL + GAP) + 14
TITLES = ("output", "histogram of the output", "saturated or dead", "norm of the gradient")


def last_step(monitor):
    """The last measured step of every layer as a table."""
    rows = []
    for t in monitor.traces.values():
        rows.append([t.name, t.kind, *(number(x[-1]) for x in (t.min, t.max, t.mean, t.std))])
        rows[-1] += [
            share(t.saturated[-1]),
            share(t.dead[-1]),
            number(t.last("grad_norm")),
            number(t.last("dout_norm")),
        ]
    header = ["layer", "class", "min", "max", "mean", "std", "saturated", "dead", "|grad|", "|dout|"]
    step = max(t.steps[-1] for t in monitor.traces.values())
    return f"step {step}\n{table(header, rows)}"


def number(x):
    return "" if x is None else f"{x:.3g}"


def share(x):
    return "" if x is None else f"{x:.1%}"


class Box:
    """The place of one chart, and how numbers lie in it. `log`: the numbers of y are powers of ten."""

    def __init__(self, column, row, xs, ys, log=False):
        self.left, self.top = LABEL + GAP * (column + 1) - 6 + PANEL * column, TOP + ROW * row
        (self.x0, self.x1), (self.y0, self.y1), self.log = xs, ys, log

    def x(self, value):
        return self.left + PANEL * (value - self.x0) / ((self.x1 - self.x0) or 1.0)

    def y(self, value):
        value = math.log10(value) if self.log else value
        return self.top + HEIGHT * (1 - (value - self.y0) / ((self.y1 - self.y0) or 1.0))

    def frame(self, ticks, form="{:g}".format):
        """Lines and labels of the numbers of y."""
        for tick in ticks:
            v = self.y(tick)
            yield f'<path d="M{self.left} {v:.1f}h{PANEL}" class="grid"/>'
            yield small(self.left - 5, v + 4, form(tick), "end")

    def floor(self, ticks):
        """Labels of the numbers of x, below."""
        return [small(self.x(t), self.top + HEIGHT + 15, f"{t:g}", "middle") for t in ticks]

    def line(self, xs, ys, colour, width=1.6):
        points = [(x, y) for x, y in zip(xs, ys, strict=True) if self.holds(y)]
        if len(points) == 1:
            x, y = points[0]
            return f'<circle cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="2.5" fill="var({colour})"/>'
        path = "L".join(f"{self.x(x):.1f} {self.y(y):.1f}" for x, y in points)
        return f'<path d="M{path}" fill="none" stroke="var({colour})" stroke-width="{width}"/>' if points else ""

    def band(self, xs, lows, highs, opacity):
        points = [(x, a, b) for x, a, b in zip(xs, lows, highs, strict=True) if self.holds(a) and self.holds(b)]
        there = [f"{self.x(x):.1f} {self.y(a):.1f}" for x, a, _ in points]
        back = [f"{self.x(x):.1f} {self.y(b):.1f}" for x, _, b in reversed(points)]
        path = "L".join(there + back)
        return f'<path d="M{path}Z" fill="var(--a)" fill-opacity="{opacity}"/>' if points else ""

    def holds(self, y):
        return y is not None and math.isfinite(y) and (y > 0 or not self.log)


def small(x, y, words, anchor):
    return svg.text(x, y, words, anchor).replace("<text", '<text style="font-size:11px"')


def drawn(traces, steps):
    """The charts of all layers, and what they show in words above them."""
    height = TOP + ROW * len(traces) + FOOT
    parts = [svg.heading(f"Layers over {steps} step{'s' * (steps != 1)}", WIDTH, height)]
    for i, title in enumerate(TITLES):
        parts.append(svg.text(LABEL + GAP * (i + 1) - 6 + PANEL * i, 46, title, "start"))
    parts += legend()
    xs = axis_of(traces)
    norms = [g for t in traces for g in (*t.grad_norm, *t.dout_norm) if g and math.isfinite(g)]
    for i, t in enumerate(traces):
        parts.append(svg.text(4, TOP + ROW * i + 18, cut(t.name, 13), "start"))
        parts.append(small(4, TOP + ROW * i + 35, cut(t.kind, 16), "start"))
        parts += outputs(t, i, xs) + histograms(t, i) + shares(t, i, xs) + gradients(t, i, xs, norms)
    for column in (0, 2, 3):
        box = Box(column, len(traces) - 1, xs, (0, 1))
        parts += box.floor([x for x in svg.linear_ticks(xs[0], xs[1], 4) if xs[0] <= x <= xs[1] and x == int(x)])
        parts.append(small(box.left + PANEL / 2, box.top + HEIGHT + 32, "step", "middle"))
    return svg.standalone("".join([*parts, "</svg>"]))


def axis_of(traces):
    xs = [x for t in traces for x in (t.steps[0], t.steps[-1])]
    return min(xs), max(xs)


def cut(words, length):
    """The end of a name that is too long: "...encoder.4.linear"."""
    return words if len(words) <= length else "…" + words[1 - length :]


def legend():
    """What the colours mean, one line below the titles."""
    entries = [(0, 0, "--a", "mean"), (1, 0, "--b", "first step"), (1, 82, "--a", "last step")]
    entries += [(2, 0, "--c", "saturated"), (2, 84, "--b", "dead")]
    entries += [(3, 0, "--a", "of parameters"), (3, 106, "--b", "coming in")]
    for column, dx, colour, words in entries:
        x = LABEL + GAP * (column + 1) - 6 + PANEL * column + dx
        yield f'<path d="M{x} 59h14" stroke="var({colour})" stroke-width="2"/>'
        yield small(x + 18, 63, words, "start")
    x = LABEL + GAP - 6 + 56
    for dx, opacity, words in ((0, 0.35, "± std"), (58, 0.14, "min to max")):
        yield f'<rect x="{x + dx}" y="54" width="14" height="9" fill="var(--a)" fill-opacity="{opacity}"/>'
        yield small(x + dx + 18, 63, words, "start")


def limits_of(values):
    """Where an axis begins and ends, and its numbers, for values of which some may be no numbers."""
    finite = [v for v in values if v is not None and math.isfinite(v)] or [0.0]
    low, high = min(finite), max(finite)
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-30):
        low, high = low - (abs(low) or 1.0) / 2, high + (abs(high) or 1.0) / 2
    ticks = svg.linear_ticks(low, high, count=3)
    return (ticks[0], ticks[-1]), ticks


def outputs(t, row, xs):
    ys, ticks = limits_of([*t.min, *t.max])
    box = Box(0, row, xs, ys)
    below = [max(m - s, a) for m, s, a in zip(t.mean, t.std, t.min, strict=True)]
    above = [min(m + s, b) for m, s, b in zip(t.mean, t.std, t.max, strict=True)]
    bands = [box.band(t.steps, t.min, t.max, 0.14), box.band(t.steps, below, above, 0.35)]
    return [*box.frame(ticks), *bands, box.line(t.steps, t.mean, "--a")]


def histograms(t, row):
    """The first as a line, the last as an area; each as a density, whose highest bin is as high as the chart."""
    chosen = [t.histograms[0], t.histograms[-1]][: len(t.histograms)]
    ends = [e for _, edges in chosen for e in (edges[0], edges[-1])]
    box = Box(1, row, (min(ends), max(ends)), (0.0, 1.05))
    parts = [f'<path d="M{box.left} {box.y(0):.1f}h{PANEL}" class="grid"/>']
    for (counts, edges), colour in zip(reversed(chosen), ("--a", "--b"), strict=False):
        most = counts.max() or 1
        steps = "".join(f"V{box.y(c / most):.1f}H{box.x(b):.1f}" for c, b in zip(counts, edges[1:], strict=True))
        style = 'fill="var(--a)" fill-opacity="0.35"' if colour == "--a" else 'fill="none" stroke-width="1.4"'
        parts.append(
            f'<path d="M{box.x(edges[0]):.1f} {box.y(0):.1f}{steps}V{box.y(0):.1f}" {style} stroke="var({colour})"/>'
        )
    slack = 0.01 * (box.x1 - box.x0)  # the outputs of a sigmoid end just above 0
    ticks = [x for x in svg.linear_ticks(box.x0, box.x1, 4) if box.x0 - slack <= x <= box.x1 + slack]
    return parts + box.floor(ticks)


def shares(t, row, xs):
    box = Box(2, row, xs, (0.0, 1.0))
    series = [(values, c) for values, c in ((t.saturated, "--c"), (t.dead, "--b")) if values[-1] is not None]
    if not series:
        return []
    return [*box.frame((0.0, 0.5, 1.0), "{:.0%}".format), *(box.line(t.steps, v, c, 2) for v, c in series)]


def gradients(t, row, xs, norms):
    if not norms:
        return []
    low, high = math.floor(math.log10(min(norms))), math.ceil(math.log10(max(norms)))
    high = max(high, low + 1)
    box = Box(3, row, xs, (low, high), log=True)
    ticks = [10.0**k for k in range(low, high + 1, -(-(high - low) // 4))]
    lines = [box.line(t.steps, t.dout_norm, "--b"), box.line(t.steps, t.grad_norm, "--a")]
    return [*box.frame(ticks, lambda tick: f"1e{round(math.log10(tick))}"), *lines]
