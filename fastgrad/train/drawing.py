"""How a history is drawn: losses, accuracies and the learning rate over the epochs."""

import math

import numpy as np

from ..show import svg

__all__ = ["draw"]

PANEL = (460, 280)  # width and height of a chart
NAMES = {"": "training", "val_": "validation"}


def draw(history, path=None):
    """SVG text, a chart a number: training beside validation. `path`: .svg, or .png and .pdf through matplotlib."""
    if not len(history):
        raise ValueError("plot: the history has no epoch yet")
    panels = panels_of(history)
    text = page([chart(name, series) for name, series in panels.items()])
    if path is None:
        return text
    if path.suffix == ".svg":
        path.write_text(text, encoding="utf-8")
    elif path.suffix in (".png", ".pdf"):
        matplotlib_page(panels, path)
    else:
        raise ValueError(f"plot: {path.name}: write .svg, .png or .pdf")
    return text


def panels_of(history):
    """Name of a number -> {"training": (epochs, values), "validation": ...}, without epochs that lack it."""
    found: dict = {}
    for column in history:
        prefix = "val_" if column.startswith("val_") else ""
        values = history[column]
        known = np.isfinite(values)
        if known.any():
            line = history.epochs[known], values[known]
            found.setdefault(column.removeprefix(prefix), {})[NAMES[prefix]] = line
    if not found:
        raise ValueError("plot: the history has no finite number")
    return found


def is_logarithmic(name, series):
    """Whether the numbers are positive and spread over more than a power of ten, as losses and rates do."""
    y = np.concatenate([y for _, y in series.values()])
    return bool(name in ("loss", "lr") and (y > 0).all() and y.max() > 10 * y.min())


def title_of(name):
    return {"lr": "learning rate"}.get(name, name)


def chart(name, series):
    log = is_logarithmic(name, series)
    title = title_of(name)
    return svg.lines(series, title[:1].upper() + title[1:], "epoch", title, log=log, size=PANEL, legend="above")


def page(charts):
    """Charts side by side, two a row, as one."""
    across = min(len(charts), 2)
    width, height = PANEL[0] * across + 20 * (across - 1), PANEL[1] * math.ceil(len(charts) / across)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    ]
    parts.append(f"<style>{svg.STYLE}</style>")
    for i, each in enumerate(charts):
        x, y = (PANEL[0] + 20) * (i % across), PANEL[1] * (i // across)
        parts.append(each.replace("<svg ", f'<svg x="{x}" y="{y}" ', 1))
    return "".join([*parts, "</svg>"])


def matplotlib_page(panels, path):
    """The same by matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            f'plot: {path.suffix} needs matplotlib: pip install "fastgrad[plot]", or write .svg'
        ) from error
    across = min(len(panels), 2)
    down = math.ceil(len(panels) / across)
    figure = Figure(figsize=(5 * across, 3.2 * down), layout="constrained")
    for axes, (name, series) in zip(figure.subplots(down, across, squeeze=False).flat, panels.items(), strict=False):
        for (label, (x, y)), style in zip(series.items(), ("-", "--"), strict=False):
            axes.plot(x, y, style, label=label)
        title = title_of(name)
        axes.set(title=title[:1].upper() + title[1:], xlabel="epoch", ylabel=title)
        axes.set_yscale("log" if is_logarithmic(name, series) else "linear")
        axes.grid(alpha=0.3)
        if len(series) > 1:
            axes.legend()
    for axes in figure.axes[len(panels) :]:
        axes.set_visible(False)
    figure.savefig(path, dpi=150)
