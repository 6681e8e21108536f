"""Small charts as SVG text, for pages that must stand alone: no script, no font, no file beside them.

Colours are CSS variables of the page (``--ink``, ``--faint``, ``--a`` to ``--d``), so a page may be light or dark.
"""

import math
from html import escape

import numpy as np

__all__ = ["confusion", "lines", "pixels", "shares", "standalone"]

COLOURS = ("--a", "--b", "--c", "--d")
STYLE = (
    "svg { --ink: #1d2733; --soft: #5b6b7c; --faint: #d5dde5; --a: #1f77b4; --b: #d9622b; --c: #2f9e63; --d: #8a63d2; "
    "background: #fff } text { fill: var(--soft); font: 13px system-ui, sans-serif } "
    ".title { fill: var(--ink); font-weight: 600; font-size: 15px } .grid { stroke: var(--faint); fill: none }"
)


def lines(series, title, xlabel, ylabel, log=False, size=(560, 300), legend="inside"):
    """Curves over a common axis. `series`: name -> (x, y). With `log`, y must be positive.

    `legend`: "inside" the axes, "above" them beside the title, where no curve passes, or None.

    >>> lines({"loss": ([0, 1, 2], [1.0, 0.5, 0.25])}, "Loss", "epoch", "loss", log=True)[:4]
    '<svg'
    """
    width, height = size
    xs = np.concatenate([np.asarray(x, float) for x, _ in series.values()])
    ys = np.concatenate([np.asarray(y, float) for _, y in series.values()])
    if log and not (ys > 0).all():
        raise ValueError("lines: a logarithmic axis needs positive numbers")
    ticks = log_ticks(ys) if log else linear_ticks(ys.min(), ys.max())
    scale = math.log10 if log else float
    low, high = min(scale(ys.min()), scale(ticks[0])), max(scale(ys.max()), scale(ticks[-1]))
    x0, x1 = xs.min(), xs.max()
    left = max(58, 30 + 8 * max(len(f"{y:g}") for y in ticks))  # room for the label of the axis beside its numbers
    top, right, bottom = 34, max(14, 4 * len(f"{x1:g}") + 6), 44

    def at(x, y):
        across = (x - x0) / ((x1 - x0) or 1)
        up = (scale(y) - low) / ((high - low) or 1)
        return left + across * (width - left - right), height - bottom - up * (height - top - bottom)

    parts = [heading(title, width, height)]
    for y in ticks:
        _, v = at(x0, y)
        parts.append(f'<path d="M{left} {v:.1f}H{width - right}" class="grid"/>')
        parts.append(text(left - 8, v + 4, f"{y:g}", "end"))
    for x in linear_ticks(x0, x1):
        if x0 <= x <= x1:
            u, _ = at(x, 10**low if log else low)
            parts.append(text(u, height - bottom + 18, f"{x:g}", "middle"))
    parts.append(text((left + width - right) / 2, height - 8, xlabel, "middle"))
    parts.append(
        f'<text transform="translate(14 {height / 2:.0f}) rotate(-90)" text-anchor="middle">{escape(ylabel)}</text>'
    )
    room = max(90, 40 + 7 * max(map(len, series)))  # of a name in the legend, and its line
    for i, (name, (x, y)) in enumerate(series.items()):
        path = "M" + "L".join("{:.1f} {:.1f}".format(*at(a, b)) for a, b in zip(x, y, strict=True))
        colour = f"var({COLOURS[i % len(COLOURS)]})"
        parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"/>')
        u, v = (width - 150, top + 16 + 18 * i) if legend == "inside" else (width - room * (len(series) - i), 20)
        if legend and len(series) > 1:  # the title names a lone one
            parts.append(f'<path d="M{u} {v - 4}h22" stroke="{colour}" stroke-width="2"/>')
            parts.append(text(u + 28, v, name, "start"))
    return "".join([*parts, "</svg>"])


def shares(rows, title, unit, size=(560, None)):
    """Horizontal bars of rows (name, value, limit, note): the value in colour before the limit in grey."""
    width, step, left, top = size[0], 30, 110, 40
    height = size[1] or top + step * len(rows) + 10
    longest = max(max(value, limit) for _, value, limit, _ in rows)
    parts = [heading(title, width, height)]
    room = width - left - 150
    for i, (name, value, limit, note) in enumerate(rows):
        y = top + step * i
        parts.append(text(left - 10, y + 15, name, "end"))
        parts.append(
            f'<rect x="{left}" y="{y}" width="{room * limit / longest:.1f}" height="20" rx="2" fill="var(--faint)"/>'
        )
        parts.append(
            f'<rect x="{left}" y="{y}" width="{room * value / longest:.1f}" height="20" rx="2" fill="var(--a)"/>'
        )
        parts.append(text(left + room + 8, y + 15, f"{value:.1f} {unit}{note}", "start"))
    return "".join([*parts, "</svg>"])


def confusion(counts, labels, title, cell=38):
    """A confusion matrix: truth down, answers across; a cell the darker, the larger its share of the row."""
    n, left, top = len(labels), 64, 64
    width, height = left + n * cell + 16, top + n * cell + 16
    parts = [heading(title, width, height), text(left + n * cell / 2, 44, "answer", "middle")]
    parts.append(
        f'<text transform="translate(22 {top + n * cell / 2:.0f}) rotate(-90)" text-anchor="middle">truth</text>'
    )
    for i, label in enumerate(labels):
        parts.append(text(left + (i + 0.5) * cell, top - 6, label, "middle"))
        parts.append(text(left - 10, top + (i + 0.5) * cell + 5, label, "end"))
        for j in range(n):
            share = counts[i][j] / max(sum(counts[i]), 1)
            x, y = left + j * cell, top + i * cell
            colour = "--a" if i == j else "--b"
            opacity = 0.08 if not counts[i][j] else 0.25 + 0.75 * share
            fill = f'fill="var({colour if counts[i][j] else "--faint"})" fill-opacity="{opacity:.2f}"'
            parts.append(f'<rect x="{x + 1}" y="{y + 1}" width="{cell - 2}" height="{cell - 2}" rx="3" {fill}/>')
            if counts[i][j]:
                number = text(x + cell / 2, y + cell / 2 + 5, str(counts[i][j]), "middle")
                parts.append(number.replace("<text", '<text class="on"') if share > 0.5 else number)
    return "".join([*parts, "</svg>"])


def pixels(image, size=72):
    """An image of numbers from 0 (paper) to its largest (ink), a square a pixel."""
    image = np.asarray(image, float)
    rows, columns = image.shape
    most = image.max() or 1.0
    squares = "".join(
        f'<rect x="{j}" y="{i}" width="1.02" height="1.02" fill-opacity="{image[i, j] / most:.2f}"/>'
        for i in range(rows)
        for j in range(columns)
        if image[i, j] > 0
    )
    return f'<svg class="pixels" viewBox="0 0 {columns} {rows}" width="{size}" height="{size}">{squares}</svg>'


def standalone(chart):
    """A chart as a file of its own, with the colours that a page would give it.

    >>> standalone(lines({"": ([0, 1], [1.0, 2.0])}, "", "", ""))[:39]
    '<svg xmlns="http://www.w3.org/2000/svg"'
    """
    opening, rest = chart.split(">", 1)
    return f'<svg xmlns="http://www.w3.org/2000/svg"{opening.removeprefix("<svg")}><style>{STYLE}</style>{rest}'


def heading(title, width, height):
    open_ = f'<svg viewBox="0 0 {width} {height:.0f}" width="{width}" height="{height:.0f}" role="img">'
    return f'{open_}<title>{escape(title)}</title><text x="0" y="20" class="title">{escape(title)}</text>'


def text(x, y, words, anchor):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def linear_ticks(low, high, count=5):
    """Round numbers from below `low` to above `high`, about `count` of them."""
    span = (high - low) or 1.0
    step = 10 ** math.floor(math.log10(span / count))
    step *= next(m for m in (1, 2, 5, 10) if span / (m * step) <= count)
    return [round(k * step, 12) for k in range(math.floor(low / step), math.ceil(high / step) + 1)]


def log_ticks(values):
    """Powers of ten around the values; where those are few, their halves and fifths too."""
    low, high = math.floor(math.log10(values.min())), math.ceil(math.log10(values.max()))
    ticks = [10.0**k for k in range(low, max(high, low + 1) + 1)]
    return ticks if len(ticks) > 2 else sorted(t * m for t in ticks[:-1] for m in (1, 2, 5)) + ticks[-1:]
