"""A benchmark's picture: every rule under the bandwidth that the plain loops of the same run reach."""

from pathlib import Path
from statistics import median

from ..show.roofline import alone, roofline
from .result import best_peer, figure, rate
from .tables import heading

__all__ = ["picture", "write"]

WIDTH, TALL = 1000, 440


def write(path, result):
    """Writes the picture as an SVG file that stands alone. Errors: OSError."""
    Path(path).write_text(picture(result), encoding="utf-8")


def picture(result):
    """One chart for each size and dtype."""
    groups: dict = {}
    for entry in result["results"]:
        if "failed" not in entry:
            groups.setdefault((entry["size"], entry["dtype"]), []).append(entry)
    charts = [chart(entries) for entries in groups.values()]
    return alone(charts, WIDTH, [TALL] * len(charts), heading(result).splitlines())


def chart(entries):
    """Across: bytes a parameter; up: GB/s reached. The roof is what the loop of each kind of rule reaches."""
    one = entries[0]
    loops: dict = {}
    for entry in entries:
        item = {"float32": 4, "float64": 8}[entry["dtype"]]
        loops.setdefault(float(f"{item * entry['loop_words']:.3g}"), []).append(rate(entry, "loop"))
    roof = [(x, median(rates) / 1e9) for x, rates in loops.items()]
    points: dict = {"fastgrad": []}
    for entry in entries:
        x, share = across(entry), rate(entry) / rate(entry, "loop")
        points["fastgrad"].append((x, rate(entry) / 1e9, f"{entry['rule']} {share:.0%}"))
    for library in ("torch", "jax", "numpy"):
        found = [(e, best_peer(e, library)) for e in entries]
        moved = [(across(e), rate(e) * figure(e, "fastgrad") / best[1] / 1e9, "") for e, best in found if best]
        if moved:
            points[library] = moved
    tensors = f"{one['tensors']} tensor{'s' if one['tensors'] > 1 else ''}"
    title = f"{one['size']}: {tensors}, {one['parameters']:,} parameters, {one['dtype']}"
    return roofline(roof, points, title, "bytes a parameter that a step must move", "GB/s", (WIDTH, TALL))


def across(entry):
    return float(f"{entry['bytes'][entry['dtype']]:.3g}")
