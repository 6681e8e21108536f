"""diagnose: what training and validation error say together, and what to try.

    training \\ validation   low        ordinary        high
    low                     neither    high variance   high variance
    ordinary                check      high bias       both
    high                    check      high bias       high bias

Four cells are the lecture's. Of the others: low / high is the same overfitting, only worse; high / high is a model that
cannot learn even its training part, of which no more can be said; high / ordinary is still a bias, and the validation
part is easier. Where validation is low and training is not, the two are not comparable, or the parts share rows.
"""

import math
from dataclasses import dataclass

from .history import History
from .words import WORDS

__all__ = ["Diagnosis", "diagnose"]

LEVELS = ("low", "ordinary", "high")
CELLS = {
    ("low", "low"): "neither",
    ("low", "ordinary"): "high variance",
    ("low", "high"): "high variance",
    ("ordinary", "low"): "check",
    ("ordinary", "ordinary"): "high bias",
    ("ordinary", "high"): "high bias and high variance",
    ("high", "low"): "check",
    ("high", "ordinary"): "high bias",
    ("high", "high"): "high bias",
}
ADVICE = {
    "neither": ("test",),
    "high variance": ("data", "augmentation", "regularise", "simpler"),
    "high bias": ("deeper", "longer", "optimizer"),
    "high bias and high variance": ("deeper", "longer", "data", "regularise"),
    "check": ("comparable", "shared"),
}


@dataclass(frozen=True)
class Diagnosis:
    """What `diagnose` found; as text, a paragraph.

    train_error, validation_error   the errors, as given or read
    levels                          "low", "ordinary" or "high" of both
    verdict                         "high variance", "high bias", "high bias and high variance", "neither", "check"
    advice                          what to try, sentences
    """

    train_error: float
    validation_error: float
    levels: tuple[str, str]
    verdict: str
    advice: tuple[str, ...]
    lang: str = "en"

    @property
    def bias(self):
        """Whether the bias is high: the model does not even fit its training part."""
        return "bias" in self.verdict

    @property
    def variance(self):
        """Whether the variance is high: what it has learnt does not hold on other data."""
        return "variance" in self.verdict

    def __str__(self):
        words = WORDS[self.lang]
        train, held = (words[level] for level in self.levels)
        head = words["head"].format(
            train=self.train_error, train_level=train, held=self.validation_error, held_level=held
        )
        return "\n".join([head, words[self.verdict], *(f"  - {advice}" for advice in self.advice)])


def diagnose(history, validation_error=None, *, low=0.05, high=0.2, scale=None, epoch=None, lang="en"):
    """Reads training and validation error as a table does, and says what to try: a `Diagnosis`.

    history   a `History`, or the training error, beside which stands the validation error; or the pair of both
    low       an error up to this is low
    high      an error above this is high; between the two it is ordinary
    scale     of a History without accuracy: what its losses are divided by. With the variance of the targets, and
              mse_loss, an error is 1 - R^2, of which the same limits make sense
    epoch     of a History: the epoch that is read, from 1; the last one, unless given
    lang      "en" or "ko"

    Errors are shares: 1 - accuracy of a History that has it. What is ordinary depends on the task: where even people
    err in a tenth of all cases, low=0.12, high=0.3 is fairer. The training numbers of a History are means over an
    epoch, in training mode: dropout and augmentation make them larger than the error of the finished model.
    Errors: ValueError for errors that are negative or NaN, limits out of order, a History without what is needed.

    >>> print(diagnose(0.01, 0.11))
    Training error 1.0% (low), validation error 11.0% (ordinary).
    High variance: the model has learnt its training part, and not what holds for other data.
      - more training data
      - augmentation: shifts, rotations, noise that leave the label as it is
      - regularisation: weight decay, dropout, early stopping, an ensemble
      - a simpler model: fewer or narrower layers
    """
    if lang not in WORDS:
        raise ValueError(f"diagnose: lang must be one of {', '.join(WORDS)}, not {lang!r}")
    if not 0 <= low < high:
        raise ValueError(f"diagnose: the limits must be 0 <= low < high, not low = {low}, high = {high}")
    if isinstance(history, History):
        train, held = errors_of(history, scale, epoch)
    else:
        train, held = history if validation_error is None else (history, validation_error)
    train, held = round(float(train), 9), round(float(held), 9)  # 1 - 0.95 is 0.05, not a little more
    for name, error in (("training", train), ("validation", held)):
        if not 0 <= error < math.inf:
            raise ValueError(f"diagnose: the {name} error must be at least 0 and finite, not {error}")
    levels = level(train, low, high), level(held, low, high)
    verdict = CELLS[levels]
    return Diagnosis(train, held, levels, verdict, tuple(WORDS[lang][word] for word in ADVICE[verdict]), lang)


def level(error, low, high):
    return LEVELS[(error > low) + (error > high)]


def errors_of(history, scale, epoch):
    """The errors of an epoch of a history."""
    if not len(history):
        raise ValueError("diagnose: the history has no epoch yet")
    if epoch is not None and not 1 <= epoch <= len(history):
        raise ValueError(f"diagnose: epoch must be from 1 to {len(history)}, not {epoch}")
    column, place = "accuracy" if scale is None else "loss", -1 if epoch is None else epoch - 1
    missing = [name for name in (column, f"val_{column}") if name not in history]
    if missing:
        hint = "; scale=variance of the targets reads losses" if column == "accuracy" else "; fit with validation=0.2"
        raise ValueError(f"diagnose: the history has no {' and no '.join(missing)}{hint}")
    found = history[column][place], history[f"val_{column}"][place]
    if scale is None:
        return tuple(1 - value for value in found)
    if not scale > 0:
        raise ValueError(f"diagnose: scale must be above 0, not {scale}")
    return tuple(value / scale for value in found)
