"""What an experiment is: a class with a name, what it shows, its claims, and three methods.

>>> import fastgrad as fg
>>> class Halving(Experiment):
...     name = "halving"
...     title = "A learning rate of 0.25 halves x at every step"
...     see = "f = x^2 has the gradient 2 x: a step of 0.25 takes away half of x, whatever it is."
...     claims = {"halves": "after t steps x is 2^-t"}
...     lecture = {"lr": 0.25}
...     chosen = {"steps": 5}
...
...     def measure(self, run):
...         x = fg.tensor([1.0], requires_grad=True)
...         optimizer, path = fg.optim.SGD([x], lr=run.settings.lr), [1.0]
...         for _ in range(run.settings.steps):
...             optimizer.zero_grad()
...             (x * x).sum().backward()
...             optimizer.step()
...             path.append(x.item())
...         return {"x": path}
...
...     def judge(self, run, numbers):
...         x = numbers["x"]
...         return {"halves": (all(v == 2.0**-t for t, v in enumerate(x)), f"x = {x[-1]} after {len(x) - 1} steps")}
>>> from fastgrad.experiments import perform
>>> result = perform("halving")
>>> result.verdict, result.findings["halves"].found
('confirmed', 'x = 0.03125 after 5 steps')
>>> del EXPERIMENTS["halving"]  # so that nobody finds the example among the experiments

``draw(run, numbers)`` makes the figure; `docs/experiments.md` has a whole one.
"""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from ..show import progress
from .words import Words, pick

__all__ = ["EXPERIMENTS", "Experiment", "Run"]

EXPERIMENTS: dict[str, type["Experiment"]] = {}  # by name: every class that has one


class Experiment:
    """A figure or a table of a lecture, and whether what it is said to show is so.

    name      what the command line calls it: small letters, digits and hyphens
    title     of the figure
    see       the paragraph that says what to see, and why it is so
    claims    key -> what is claimed
    lecture   settings that the lecture gives
    chosen    settings that it leaves open; they are printed
    quick     what ``--quick`` puts in their place
    datasets  names of data sets it can run on, the usual one first; none if it needs no data
    titles, paragraphs and claims are words, or a pair (English, Korean)

    A subclass with a name is found by it. Errors: ValueError for a name that another class has, for a setting in
    `quick` that is neither in `lecture` nor in `chosen`.
    """

    name: ClassVar[str] = ""
    title: ClassVar[Words] = ""
    see: ClassVar[Words] = ""
    claims: ClassVar[dict[str, Words]] = {}
    lecture: ClassVar[dict[str, Any]] = {}
    chosen: ClassVar[dict[str, Any]] = {}
    quick: ClassVar[dict[str, Any]] = {}
    datasets: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if not cls.name:
            return
        old = EXPERIMENTS.get(cls.name)
        if old is not None and (old.__module__, old.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ValueError(
                f"experiment {cls.name!r} is {old.__module__}.{old.__qualname__} already; give "
                f"{cls.__module__}.{cls.__qualname__} another name"
            )
        unknown = sorted(set(cls.quick) - set(cls.lecture) - set(cls.chosen))
        if unknown:
            raise ValueError(f"experiment {cls.name!r}: quick names {unknown}, which are in neither lecture nor chosen")
        EXPERIMENTS[cls.name] = cls

    def measure(self, run: "Run") -> dict[str, Any]:
        """Runs it. Returns its numbers: nested dicts, lists and arrays, which are written as JSON."""
        raise NotImplementedError(f"experiment {self.name!r} has no measure(run)")

    def judge(self, run: "Run", numbers: dict[str, Any]) -> dict[str, tuple[bool, Words]]:
        """For each key of `claims`: whether it holds, and the numbers that say so, in words."""
        raise NotImplementedError(f"experiment {self.name!r} has no judge(run, numbers)")

    def draw(self, run: "Run", numbers: dict[str, Any]) -> Any:
        """The figure, begun with ``run.figure()``; None where there is none to draw."""

    def tell(self, run: "Run", numbers: dict[str, Any]) -> str:
        """Lines that are printed as they are, behind the paragraph: a calculation, say."""
        return ""

    def animate(self, run: "Run", numbers: dict[str, Any]) -> Any:
        """(figure, function that draws frame number i, how many frames), or None: then nothing moves."""


@dataclass
class Run:
    """How an experiment is run: seed, settings, language, data."""

    experiment: Experiment
    settings: SimpleNamespace
    seed: int = 0
    quick: bool = False
    lang: str = "en"
    dataset: str = ""
    path: str | None = None  # the folder of a data set that is not in the package

    def say(self, english: str, korean: str) -> str:
        """The words in the language of the run."""
        return pick((english, korean), self.lang)

    def rng(self, *key: int) -> np.random.Generator:
        """A generator of the run's seed and of a key, so that one draw does not depend on another."""
        return np.random.Generator(np.random.Philox(np.random.SeedSequence([self.seed, *key])))

    def progress(self, total: int, what: str = "") -> Any:
        """A bar for so many steps, where a terminal watches: ``with run.progress(100) as bar: bar.update(1)``."""
        return progress(total, f"  {what or self.experiment.name}")

    def data(self, **options) -> Any:
        """The run's data, as `fastgrad.experiments.material.load` gives them: x, t, x_test, t_test; of its seed, or
        of another: ``seed=``."""
        from .material import load

        return load(self.dataset, self.path, **{"seed": self.seed, **options})

    def figure(self, rows: int = 1, columns: int = 1, size: tuple[float, float] = (10.0, 5.6), **options) -> Any:
        """A figure with its title, and its axes as ``Figure.subplots`` gives them."""
        from .style import figure

        return figure(pick(self.experiment.title, self.lang), rows, columns, size, **options)
