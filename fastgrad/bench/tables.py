"""A benchmark's result as text: the machine, a table for each size and dtype, and what could not be measured."""

from textwrap import fill

from ..show import table
from .optim import QUIET
from .result import best_peer, figure, rate

__all__ = ["heading", "tables"]

HEADER = ("rule", "launches", "bytes", "a step", "GB/s", "of loop")


def heading(result):
    """Lines that say what ran."""
    machine = result["machine"]
    ours, blas = machine["fastgrad"], machine["fastgrad"]["blas"]
    lines = [
        f"machine   {machine['processor']}, {machine['system']}, {machine['processors']} processors",
        f"fastgrad  {ours['version']}: ISA {ours['isa']}, threads {ours['threads']}, "
        f"BLAS core {blas['core'] or 'built-in'} ({blas['config'] or blas['library']})",
        f"numpy     {machine['numpy']['version']}, BLAS core {machine['numpy']['core']}; Python {machine['python']}",
    ]
    lines += [f"{library:9s} {told(machine[library])}" for library in ("torch", "jax") if library in machine]
    lines += [f"{library:9s} left out: {why}" for library, why in machine["missing"].items()]
    return "\n".join(lines)


def told(about):
    """What a peer says of itself.

    >>> told({"version": "2.13.0", "isa": "AVX2", "threads": 2})
    '2.13.0, isa AVX2, threads 2'
    """
    return ", ".join(value if name == "version" else f"{name} {value}" for name, value in about.items())


def tables(result):
    """A table for each size and dtype, and what has to be said beneath them."""
    groups: dict = {}
    for entry in result["results"]:
        groups.setdefault((entry["size"], entry["dtype"]), []).append(entry)
    parts = []
    for (size, dtype), entries in groups.items():
        measured = [entry for entry in entries if "failed" not in entry]
        if measured:
            one = measured[0]
            tensors = f"{one['tensors']} tensor{'s' if one['tensors'] > 1 else ''}"
            parts.append(f"{size}: {tensors}, {one['parameters']:,} parameters, {dtype}")
            libraries = [name for name in ("numpy", "torch", "jax") if any(best_peer(e, name) for e in measured)]
            header = (*HEADER, *(word for name in libraries for word in columns(name)))
            parts.append(table(header, [row(entry, libraries) for entry in measured]))
        parts += remarks(entries)
        parts.append("")
    return "\n".join([*parts, LEGEND])


LEGEND = """\
bytes: the least a parameter moves in float32/float64, by the rows of the rule's kernels: an array read and written
twice, one read once. of loop: the share of what a plain C loop with the same reads and writes reaches, in the same
process; on small sizes both run in the caches, and the launch counts. x numpy, x torch, x jax: how many times as long
they take (medians; torch: its best mode). ~: another formula by the same name."""


def columns(library):
    return (f"x {library}", "mode") if library == "torch" else (f"x {library}",)


def row(entry, libraries):
    seconds, most = figure(entry, "fastgrad"), rate(entry, "loop")
    both = "/".join(f"{entry['bytes'][dtype]:.3g}" for dtype in ("float32", "float64"))
    cells = [entry["rule"], len(entry["launches"]), both, duration(seconds)]
    cells += [f"{rate(entry) / 1e9:.1f}", f"{rate(entry) / most:.0%}"]
    for library in libraries:
        found = best_peer(entry, library)
        alike = "~" if "another" in entry["check"].get(library, "") else ""
        cells.append(f"{alike}{found[1] / seconds:.3g}" if found else "-")
        if library == "torch":
            cells.append(found[0].partition(" ")[2] if found else "")
    return cells


def duration(seconds):
    """Three digits and a unit.

    >>> duration(1.25e-5), duration(0.0213), duration(2.5)
    ('12.5 us', '21.3 ms', '2.50 s')
    """
    for unit, scale in (("us", 1e6), ("ms", 1e3)):
        if seconds * scale < 1000:
            return f"{seconds * scale:.3g} {unit}" if seconds * scale >= 100 else f"{seconds * scale:#.3g} {unit}"
    return f"{seconds:#.3g} s"


def remarks(entries):
    """What failed, what a library cannot do, and whether others used the machine; each reason once."""
    said: dict = {}
    for entry in entries:
        if "failed" in entry:
            said.setdefault(("no figure", entry["failed"]), []).append(entry["rule"])
            continue
        for library, why in entry["unable"].items():
            said.setdefault((f"no {library}", why), []).append(entry["rule"])
    lines = [
        fill(f"{', '.join(rules)}: {what}: {why}", 118, initial_indent="  ", subsequent_indent="    ")
        for (what, why), rules in said.items()
    ]
    others = max((n for entry in entries for n in entry["others"]), default=0)
    if others > QUIET:
        lines.append(f"  noisy: other programs used up to {others:.1f} processors meanwhile")
    return lines
