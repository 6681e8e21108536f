"""Roofline charts: how fast bytes are moved, under what the machine allows; and charts as a file that stands alone.

After Williams, Waterman and Patterson, "Roofline: an insightful visual performance model", 2009. Update rules do next
to no arithmetic for a byte, so that they all stand under the part of the roof that memory makes; across are the bytes
an element that set them apart.
"""

from html import escape

from .svg import COLOURS, heading, linear_ticks, text

__all__ = ["alone", "roofline"]

LEFT, TOP, RIGHT, BOTTOM = 62, 40, 24, 48
LINE = 15  # between two labels

STYLE = """
svg { --ink: #1d2733; --soft: #5b6b7c; --paper: #fff; --faint: #d5dde5; --a: #1f77b4; --b: #d9622b; --c: #2f9e63;
  --d: #8a63d2 }
@media (prefers-color-scheme: dark) { svg { --ink: #e4eaf0; --soft: #9aa9b8; --paper: #14191f; --faint: #38444f;
  --a: #5aa9e6; --b: #f0894f; --c: #58c78c; --d: #b093f0 } }
text { fill: var(--soft); font: 13px system-ui, sans-serif } .title { fill: var(--ink); font-weight: 600;
  font-size: 15px } .grid { stroke: var(--faint); fill: none } .leader { stroke: var(--soft); stroke-opacity: 0.5;
  fill: none } .name { fill: var(--ink); font-size: 12px;
  paint-order: stroke; stroke: var(--paper); stroke-width: 4px }
.paper { fill: var(--paper) }
"""


def roofline(roof, groups, title, xlabel, ylabel, size=(1000, 440)):
    """Points under a roof. `roof`: [(x, y)], drawn as a dashed line from the first x to the last.

    `groups`: name -> [(x, y, label)]; the labels of a point stand beside it, moved apart where they would overlap. An
    empty label is not drawn. The x are laid out in the order of their values, evenly, for few values are many rules'.
    """
    width, height = size
    xs = sorted({x for x, *_ in [*roof, *(p for points in groups.values() for p in points)]})
    most = max(y for _, y, *_ in [*roof, *(p for points in groups.values() for p in points)])
    ticks = linear_ticks(0.0, most)
    step = (width - LEFT - RIGHT) / len(xs)

    def at(x, y):
        return LEFT + step * (xs.index(x) + 0.16), height - BOTTOM - y / ticks[-1] * (height - TOP - BOTTOM)

    parts = [heading(title, width, height)]
    for y in ticks:
        v = at(xs[0], y)[1]
        parts.append(f'<path d="M{LEFT} {v:.1f}H{width - RIGHT}" class="grid"/>')
        parts.append(text(LEFT - 8, v + 4, f"{y:g}", "end"))
    parts += [text(at(x, 0)[0], height - BOTTOM + 18, f"{x:.3g}", "middle") for x in xs]
    parts.append(text((LEFT + width - RIGHT) / 2, height - 8, xlabel, "middle"))
    parts.append(
        f'<text transform="translate(14 {height / 2:.0f}) rotate(-90)" text-anchor="middle">{escape(ylabel)}</text>'
    )
    parts += drawn_roof([at(x, y) for x, y in sorted(roof)], width - RIGHT)
    for i, (name, points) in enumerate(groups.items()):
        placed = [(*at(x, y), label) for x, y, label in points]
        parts += [mark(i, u, v) for u, v, _ in placed]
        parts += labels(placed, height - BOTTOM)
        parts += legend(i, name, width)
    return "".join([*parts, "</svg>"])


def drawn_roof(points, right):
    """A dashed line through the points, on to both edges."""
    if not points:
        return []
    path = f"M{LEFT} {points[0][1]:.1f}" + "".join(f"L{u:.1f} {v:.1f}" for u, v in points)
    line = f'<path d="{path}H{right}" fill="none" stroke="var(--ink)" stroke-width="1.5" stroke-dasharray="6 4"/>'
    return [line, text(right, points[-1][1] - 7, "plain loops", "end")]


def mark(i, u, v):
    """A disc for the first group; rings, squares and diamonds for the others."""
    colour = f"var({COLOURS[i % len(COLOURS)]})"
    hollow = f'fill="none" stroke="{colour}" stroke-width="1.8"'
    if i == 0:
        return f'<circle cx="{u:.1f}" cy="{v:.1f}" r="4.5" fill="{colour}"/>'
    if i == 1:
        return f'<circle cx="{u:.1f}" cy="{v:.1f}" r="4" {hollow}/>'
    turn = f' transform="rotate(45 {u:.1f} {v:.1f})"' if i == 2 else ""
    return f'<rect x="{u - 3.5:.1f}" y="{v - 3.5:.1f}" width="7" height="7" {hollow}{turn}/>'


def labels(points, bottom):
    """Names to the right of their points, pushed apart, with a thin line to the point each belongs to."""
    parts = []
    for u in sorted({u for u, *_ in points}):
        column = sorted((v, label) for w, v, label in points if w == u and label)
        for (v, label), place in zip(column, apart([v for v, _ in column], bottom), strict=True):
            if label:
                parts.append(f'<path d="M{u + 6:.1f} {v:.1f}L{u + 22:.1f} {place:.1f}" class="leader"/>')
                name = text(u + 26, place + 4, label, "start")
                parts.append(name.replace("<text", '<text class="name"'))
    return parts


def apart(places, bottom, gap=LINE):
    """Heights at least `gap` apart, in the order given, each as near as may be to where it was, none below `bottom`.

    >>> apart([10.0, 12.0, 100.0], 200)
    [3.5, 18.5, 100.0]
    """
    runs: list = []  # [middle of the run, how many]: runs that touch become one about their common middle
    for place in places:
        runs.append([place, 1])
        while len(runs) > 1 and runs[-1][0] - runs[-2][0] < gap * (runs[-1][1] + runs[-2][1]) / 2:
            (b, m), (a, n) = runs.pop(), runs.pop()
            runs.append([(a * n + b * m) / (n + m), n + m])
    found = [middle + gap * (k - (n - 1) / 2) for middle, n in runs for k in range(n)]
    for k in reversed(range(len(found))):
        found[k] = min(found[k], bottom - gap * (len(found) - 1 - k))
    return found


def legend(i, name, width):
    u = width - RIGHT - 340 + 90 * i
    return [mark(i, u, 16), text(u + 10, 20, name, "start")]


def alone(charts, width, heights, foot=()):
    """One SVG file of charts one below the other, with colours of its own; `foot`: lines of text beneath them."""
    gap, line = 18, 19
    height = sum(heights) + gap * (len(heights) + 1) + line * len(foot)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'<style>{STYLE}</style><rect width="{width}" height="{height}" class="paper"/>'
    ]
    y = gap
    for chart, tall in zip(charts, heights, strict=True):
        parts.append(f'<g transform="translate(0 {y})">{chart}</g>')
        y += tall + gap
    parts += [text(14, y + line * k, words, "start") for k, words in enumerate(foot)]
    return "".join([*parts, "</svg>\n"])
