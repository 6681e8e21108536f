"""Two results of ``bench optim``: what has become faster, what slower, and where no difference can be seen.

The figures compared are those of rounds: each round had processes of its own, so that two rounds differ by all that
differs between two runs of one build. Rounds during which other programs used more than ``QUIET`` processors are left
out: what two threads lose to a busy processor no statistics gives back. A line is called faster or slower only if all
of this holds:

1. The medians differ by more than ``EFFECT``. Smaller differences come from the build's own accidents (where code and
   arrays happen to lie) and are of no use to anybody.
2. The difference is larger than ``SPREADS`` times the rounds' own spread (half the distance between their quartiles,
   of the noisier side).
3. The rounds differ in rank: a two-sided rank-sum test (Mann and Whitney, 1947), counted out exactly, gives at most
   ``LEVEL``. With five rounds a side, that is all of one side before all of the other. With fewer than five, no
   difference can be told, and the report says so.
4. The first still holds after both sides are divided by what NumPy, torch and jax took at that size: what they do has
   not changed, so where they have become slower too it was the machine.
5. From ``LARGE`` parameters on, it also holds against the plain loop in the same process, whose time is the memory's.
   (With fewer, the loop's time is that of the launch, whose own changes should be seen.)

Of many lines that do not differ, chance alone lets one in ``1 / LEVEL`` pass the third test; it seldom passes the rest.
"""

from math import comb
from statistics import median, quantiles

from ..show import table
from .optim import QUIET
from .result import figure, key, middles
from .tables import duration

__all__ = ["EFFECT", "LEVEL", "Line", "compare", "rank_sum", "report"]

EFFECT, LEVEL, SPREADS = 0.05, 0.01, 2.0
LEAST = 5  # rounds a side, for LEVEL to be reached
LARGE = 1_000_000
SAME_MACHINE = ("processor", "system", "processors")


class Line:
    """One rule at one size, before and after. `drift`: how many times as fast the others have become."""

    def __init__(self, before, after, drift):
        self.key, self.drift = key(before), drift
        self.a, self.b = quiet(before), quiet(after)
        self.few = min(len(self.a), len(self.b)) < LEAST
        if not self.a or not self.b:
            self.a, self.b = middles(before, "fastgrad"), middles(after, "fastgrad")
        self.ratio = median(self.a) / median(self.b)  # above 1: it has become faster
        self.controls = [drift]
        if before["parameters"] >= LARGE:
            self.controls += [figure(before, who) / figure(after, who) for who in ("loop",) if who in before["rounds"]]

    @property
    def verdict(self):
        """ "faster", "slower" or "no difference"."""
        spread = SPREADS * max(relative_spread(self.a), relative_spread(self.b))
        if not self.few and rank_sum(self.a, self.b) <= LEVEL:
            for word, sign in (("faster", 1), ("slower", -1)):
                ratio, corrected = self.ratio**sign, [(self.ratio / control) ** sign for control in self.controls]
                if ratio - 1 > max(EFFECT, spread) and min(corrected) - 1 > EFFECT:
                    return word
        return "no difference"


def quiet(entry):
    """fastgrad's figures of the rounds that nobody disturbed."""
    found, others = middles(entry, "fastgrad"), entry.get("others") or []
    return [x for i, x in enumerate(found) if i >= len(others) or others[i] <= QUIET]


def relative_spread(x):
    """Half the distance between the quartiles, as a share of the median."""
    if len(x) < 2:
        return 0.0
    low, middle, high = quantiles(x, n=4, method="inclusive")
    return (high - low) / 2 / middle


def rank_sum(a, b):
    """The chance that two samples of one distribution differ in rank at least as much as these do: two-sided, exact.

    U counts the pairs (x of a, y of b) with x > y, ties by halves. How many of the orders of both samples give each U
    is a recurrence: the largest of all is one of a's, above all n of b, or one of b's.

    >>> rank_sum([1, 2, 3], [4, 5, 6])
    0.1
    >>> rank_sum([1, 3, 5], [2, 4, 6])
    0.7
    """
    m, n = len(a), len(b)
    u = sum((x > y) + 0.5 * (x == y) for x in a for y in b)
    counts: dict = {}
    for i in range(m + 1):
        for j in range(n + 1):
            if not i or not j:
                counts[i, j] = [1]
                continue
            row = [0] * (i * j + 1)
            for k, c in enumerate(counts[i - 1, j]):
                row[k + j] += c
            for k, c in enumerate(counts[i, j - 1]):
                row[k] += c
            counts[i, j] = row
    least = min(u, m * n - u)
    tail = sum(c for k, c in enumerate(counts[m, n]) if k <= least)
    return min(1.0, 2 * tail / comb(m + n, m))


def drifts(pairs):
    """(size, dtype) -> how many times as fast the others have become: the middle one of all their lines."""
    found: dict = {}
    for before, after in pairs:
        for who in before["rounds"].keys() & after["rounds"].keys() - {"fastgrad", "loop"}:
            found.setdefault(key(before)[:2], []).append(figure(before, who) / figure(after, who))
    return {where: median(ratios) for where, ratios in found.items()}


def compare(before, after):
    """A Line for each rule, size and dtype that both results have figures of."""
    ours, theirs = ({key(e): e for e in result["results"] if "failed" not in e} for result in (before, after))
    pairs = [(entry, theirs[where]) for where, entry in ours.items() if where in theirs]
    drift = drifts(pairs)
    return [Line(a, b, drift.get(key(a)[:2], 1.0)) for a, b in pairs]


def report(before, after, everything=False):
    """The comparison as text: how the machines differ, the lines that differ (or all), and a count."""
    lines = compare(before, after)
    shown = [line for line in lines if everything or line.verdict != "no difference"]
    parts = differences(before, after)
    few = sum(line.few for line in lines)
    if few:
        parts.append(
            f"{few} of {len(lines)} lines have fewer than {LEAST} rounds on a side that nobody disturbed:\n"
            f"no difference can be told. Take more (--rounds), on a quiet machine."
        )
    if shown:
        header = ("rule", "size", "dtype", "before", "after", "times as fast", "others", "verdict")
        parts.append(table(header, [row(line) for line in shown]))
    counts = {word: sum(line.verdict == word for line in lines) for word in ("faster", "slower", "no difference")}
    parts.append(f"{len(lines)} lines: " + ", ".join(f"{n} {word}" for word, n in counts.items()))
    for result, name in ((before, "first"), (after, "second")):
        other = {key(e) for r in (before, after) if r is not result for e in r["results"] if "failed" not in e}
        alone = [e for e in result["results"] if "failed" not in e and key(e) not in other]
        if alone:
            parts.append(f"in the {name} alone: " + ", ".join(f"{e['rule']} {e['size']} {e['dtype']}" for e in alone))
    return "\n".join(parts)


def row(line):
    size, dtype, rule = line.key
    times = duration(median(line.a)), duration(median(line.b))
    return rule, size, dtype, *times, f"{line.ratio:.3f}", f"{line.drift:.3f}", line.verdict


def differences(before, after):
    """Sentences on what else differs between the two runs: then the figures say little of the code."""
    found = []
    for name in SAME_MACHINE:
        a, b = before["machine"].get(name), after["machine"].get(name)
        if a != b:
            found.append(f"Not the same machine: {name} {a}, then {b}.")
    ours = [result["machine"].get("fastgrad") or {} for result in (before, after)]
    for name in ("isa", "threads", "openmp"):
        a, b = (about.get(name) for about in ours)
        if a != b:
            found.append(f"fastgrad ran otherwise: {name} {a}, then {b}.")
    return found
