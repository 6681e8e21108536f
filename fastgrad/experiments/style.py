"""One look for all figures: readable from the last row, in grey, and by those who do not see red or green.

Nothing of this stays: `look` puts matplotlib's settings back as they were.
"""

import contextlib
import functools
from typing import Any

__all__ = [
    "COLOURS",
    "LINES",
    "MARKERS",
    "figure",
    "hangul_font",
    "legend_below",
    "look",
    "needs_matplotlib",
    "save",
    "save_animation",
]

# Okabe and Ito, "Color universal design", 2008, in an order of which neighbours differ in lightness, too.
COLOURS = ("#0072B2", "#D55E00", "#000000", "#56B4E9", "#009E73", "#CC79A7", "#E69F00")
LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), "-.", (0, (3, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (2, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
HANGUL = ("NanumGothic", "Noto Sans CJK KR", "Noto Sans KR", "Malgun Gothic", "Apple SD Gothic Neo", "AppleGothic")

LOOK: Any = {
    "figure.dpi": 100,
    "savefig.dpi": 150,
    "figure.facecolor": "white",
    "font.size": 12,
    "axes.titlesize": 12.5,
    "figure.titlesize": 16,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#d9d9d9",
    "grid.linewidth": 0.7,
    "lines.linewidth": 2.0,
    "lines.markersize": 6,
    "legend.frameon": False,
    "legend.fontsize": 11,
    "svg.hashsalt": "fastgrad",
    "svg.fonttype": "path",
    "path.simplify": False,
}


def needs_matplotlib():
    """Raises ImportError, naming the extra, where matplotlib is missing."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'figures are drawn with matplotlib, which is not installed: pip install "fastgrad[plot]"'
        ) from error


@contextlib.contextmanager
def look(lang="en"):
    """The look of the figures, as a context; every setting of matplotlib is then as it was.

    In Korean it needs a font with Hangul: see `hangul_font`.
    """
    needs_matplotlib()
    import matplotlib as mpl
    from cycler import cycler

    cycle = cycler(color=COLOURS) + cycler(linestyle=LINES) + cycler(marker=MARKERS)
    fonts = ["DejaVu Sans", *([hangul_font()] if lang == "ko" else [])]  # glyph by glyph: the first that has it
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update({**LOOK, "font.family": fonts, "axes.prop_cycle": cycle})
        yield


@functools.cache
def hangul_font():
    """The name of a font with Hangul, or None: some known ones first, then whatever there is."""
    from matplotlib import font_manager

    known = {str(entry.fname) for entry in font_manager.fontManager.ttflist}
    for path in font_manager.findSystemFonts():  # installed after matplotlib wrote its list
        if path not in known and any(name.replace(" ", "") in path for name in HANGUL):
            with contextlib.suppress(RuntimeError, OSError):
                font_manager.fontManager.addfont(path)
    found = {entry.name: entry.fname for entry in reversed(font_manager.fontManager.ttflist)}
    order = [name for name in HANGUL if name in found] + sorted(set(found) - set(HANGUL))
    return next((name for name in order if has_hangul(found[name])), None)


def has_hangul(path):
    """Whether the font in a file has the syllables 가 and 힣."""
    from matplotlib import font_manager

    try:
        font = font_manager.get_font(path)
        return all(font.get_char_index(ord(c)) for c in "가힣")
    except (RuntimeError, OSError):
        return False


def figure(title, rows=1, columns=1, size=(10.0, 5.6), **options):
    """A figure of its own canvas, outside pyplot, so that nothing has to be closed; and its axes."""
    from matplotlib.figure import Figure

    made = Figure(figsize=size, layout="constrained")
    made.suptitle(title)
    return made, made.subplots(rows, columns, **options)


def legend_below(figure, axes, columns=None, **options):
    """One legend for the figure, below it, of what is drawn in `axes`: it covers nothing."""
    handles, labels = axes.get_legend_handles_labels()
    columns = columns or min(len(labels), 4)
    return figure.legend(handles, labels, loc="outside lower center", ncols=columns, handlelength=3.2, **options)


def thin_markers(figure):
    """Gives a line of more than 25 points a marker here and there, where it was not said which points get one."""
    for axes in figure.axes:
        for i, line in enumerate(axes.lines):
            if line.get_markevery() is None and len(line.get_xdata()) > 25:
                line.set_markevery(spread(axes, line, 0.02 * (i % len(MARKERS))))


def spread(axes, line, first, step=0.15):
    """Points of a line that are evenly spread: across the axes if it runs from left to right, else along its way."""
    points = [(x, axes.get_ylim()[0]) for x in line.get_xdata()]
    x = axes.transAxes.inverted().transform(line.get_transform().transform(points))[:, 0]
    if not (x[1:] >= x[:-1]).all():
        return first, step
    return sorted({int(i) for i in x.searchsorted([first + step * k for k in range(7)]) if i < len(x)})


def lay_out(figure):
    """Finds a place for everything, once: it stays where it is in every file and every frame."""
    thin_markers(figure)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def save(figure, stem):
    """Writes `stem`.png and `stem`.svg, of the same bytes for the same figure; returns the paths."""
    paths = []
    lay_out(figure)
    for kind, about in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
        path = stem.with_name(f"{stem.name}.{kind}")
        figure.savefig(path, metadata=about)
        paths.append(path)
    return paths


def save_animation(figure, draw, count, path, bar, rate=10):
    """Writes `count` frames, each drawn by ``draw(i)``, as a GIF; `bar` moves on with them."""
    from matplotlib.animation import PillowWriter

    lay_out(figure)
    writer = PillowWriter(fps=rate)
    with writer.saving(figure, path, dpi=80):
        for i in range(count):
            draw(i)
            writer.grab_frame()
            bar.update(1)
    return path
