"""Runs the probes, and prints what they found."""

import json
import textwrap
from collections import Counter

from .. import kernels
from .finding import STATUSES, Finding
from .measure import MEASUREMENTS
from .probes import PROBES
from .system import System, counted

__all__ = ["examine", "page", "report", "run"]

WIDTH = 110


def examine(measure=False):
    """Looks at this process and its machine. Returns a list of `Finding`: (name, value, status, advice).

    `status` is "ok", "note", "warning" or "error"; `advice` says what to do, or is "". A probe that fails gives a
    finding whose value begins with "unknown: ". The BLAS is opened if no product has opened it yet.

    measure   also measure bandwidth, products and the team, which takes about two seconds

    Call it in your own program, after its imports: what other packages have loaded (a second OpenMP runtime, a mode of
    the processor that flushes denormal numbers) shows in their process alone.

    >>> from fastgrad import doctor
    >>> findings = doctor.examine()
    >>> [f.advice for f in findings if f.status == "error"]
    []
    >>> print(next(f.value for f in findings if f.name == "self-check"))
    native and reference kernels agree (matmul, exp, mul; float32, float64)

    Errors: CaptureError inside a step that is being captured, where the calls it makes would be recorded.
    """
    if kernels._core.recording() is not None:
        raise kernels.CaptureError("doctor.examine cannot be captured: call it outside of the captured step")
    return run({**PROBES, **(MEASUREMENTS if measure else {})}, System())


def run(probes, system):
    """The findings of probes, a dict of functions by name; what goes wrong in one is its finding."""
    findings = []
    for name, probe in probes.items():
        try:
            found = probe(system)
        except Exception as error:
            found = Finding(name, f"unknown: {type(error).__name__}: {error}", "note")
        findings += found if isinstance(found, list) else [found]
    return findings


def summary(findings):
    """How many findings there are of each status."""
    count = Counter(f.status for f in findings)
    return {status: count[status] for status in STATUSES}


def page(findings):
    """The findings as a table, warnings and errors last, and below it the advice."""
    ordered = sorted(findings, key=lambda f: max(STATUSES.index(f.status), 1))
    name, status = max(len(f.name) for f in ordered), max(len(f.status) for f in ordered)
    lines = []
    for f in ordered:
        head = f"{f.status:{status}}  {f.name:{name}}  "
        lines += wrap(f.value, head)
    advised = [f for f in ordered if f.advice]
    if advised:
        lines += ["", "Advice"]
    for f in sorted(advised, key=lambda f: STATUSES.index(f.status)):
        lines += wrap(f.advice, f"{f.status:{status}}  {f.name}: ", " " * (status + 2))
    told = [counted(n, word) for word, n in summary(findings).items() if n and word not in ("ok", "note")]
    notes = counted(summary(findings)["note"], "note")
    return "\n".join([*lines, "", f"{' and '.join(told) or 'Nothing is wrong'}; {notes}."])


def wrap(text, head, indent=None):
    """Lines of at most WIDTH columns; paths and commands are not broken."""
    indent = " " * len(head) if indent is None else indent
    wrapper = textwrap.TextWrapper(WIDTH, break_long_words=False, break_on_hyphens=False, subsequent_indent=indent)
    return wrapper.wrap(head + text)


def report(as_json=False, fast=False):
    """Prints what `examine` finds. Returns the exit code: 1 if there is an error among the findings, else 0."""
    findings = examine(measure=not fast)
    if as_json:
        print(json.dumps({"findings": [f._asdict() for f in findings], "summary": summary(findings)}, indent=2))
    else:
        print(page(findings))
    return 1 if summary(findings)["error"] else 0
