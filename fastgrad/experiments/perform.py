"""Runs an experiment: measures, judges, draws, and writes what was found."""

import importlib
import json
import math
import platform
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from .. import __version__, random
from .experiment import EXPERIMENTS, Experiment, Run
from .lectures import NAMES, load
from .words import LANGUAGES, Words

__all__ = ["Finding", "Result", "find", "perform", "plain", "prepare", "write"]

CONFIRMED, PART, NOT = "confirmed", "confirmed in part", "not confirmed"


@dataclass
class Finding:
    """What became of a claim: whether it holds, and the numbers in words."""

    claim: Words
    holds: bool
    found: Words


@dataclass
class Result:
    """What an experiment has found. `files`: what was written, once `write` has done so."""

    run: Run
    numbers: dict[str, Any]
    findings: dict[str, Finding]
    files: tuple[Path, ...] = ()

    @property
    def verdict(self) -> str:
        """ "confirmed" if every claim holds, "not confirmed" if none does, else "confirmed in part"."""
        held = [finding.holds for finding in self.findings.values()]
        return CONFIRMED if all(held) else PART if any(held) else NOT


def find(name: str) -> type[Experiment]:
    """The class of an experiment. Errors: ValueError for a name that none has."""
    if name not in EXPERIMENTS and name in NAMES:
        load(name)
    if name not in EXPERIMENTS:
        known = [*NAMES, *(other for other in EXPERIMENTS if other not in NAMES)]
        raise ValueError(f"there is no experiment {name!r}; there are {', '.join(known)}")
    return EXPERIMENTS[name]


def prepare(
    name: str,
    *,
    seed: int = 0,
    quick: bool = False,
    lang: str = "en",
    data: str | None = None,
    path: str | None = None,
    settings: dict[str, Any] | None = None,
) -> Run:
    """How an experiment is to be run: the arguments are those of `perform`.

    Errors: ValueError for an unknown name, language, data set or setting.
    """
    experiment = find(name)()
    if lang not in LANGUAGES:
        raise ValueError(f"lang must be one of {', '.join(LANGUAGES)}, not {lang!r}")
    chosen = chosen_settings(experiment, quick, settings or {})
    return Run(experiment, chosen, seed, quick, lang, chosen_data(experiment, data), path)


def perform(name: str | Run, **how) -> Result:
    """Measures and judges an experiment; draws and writes nothing: ``write(result, folder)`` does.

    name      of the experiment, or what `prepare` has made of it
    seed      of split, initial values, batches and noise; 0
    quick     True: its short form
    lang      "en" or "ko"
    data      another data set than the usual one; `path`: its folder
    settings  in place of the experiment's own, by name

    The state of `fastgrad.random` is afterwards as it was.
    Errors: ValueError for an unknown name, language, data set or setting, and for claims without a finding.

    >>> perform("momentum-speed", quick=True).verdict
    'confirmed'
    """
    run = prepare(name, **how) if isinstance(name, str) else name
    experiment, before = run.experiment, random.get_state()
    random.manual_seed(run.seed)
    try:
        numbers = experiment.measure(run)
    finally:
        random.set_state(before)
    judged = experiment.judge(run, numbers)
    if set(judged) != set(experiment.claims):
        raise ValueError(
            f"experiment {experiment.name!r} claims {sorted(experiment.claims)} and judges {sorted(judged)}"
        )
    findings = {k: Finding(claim, bool(judged[k][0]), judged[k][1]) for k, claim in experiment.claims.items()}
    return Result(run, numbers, findings)


def chosen_settings(experiment, quick, others):
    known = {**experiment.lecture, **experiment.chosen}
    if unknown := sorted(set(others) - set(known)):
        raise ValueError(f"{experiment.name} has no setting {', '.join(unknown)}; it has {', '.join(known) or 'none'}")
    return SimpleNamespace(**{**known, **(experiment.quick if quick else {}), **others})


def chosen_data(experiment, data):
    if data is None:
        return next(iter(experiment.datasets), "")
    if data not in experiment.datasets:
        can = f"it runs on {', '.join(experiment.datasets)}" if experiment.datasets else "it needs no data"
        raise ValueError(f"{experiment.name}: not on {data}: {can}")
    return data


def plain(value: Any) -> Any:
    """A value as JSON holds it: arrays as lists; numbers that are not finite as "NaN", "Infinity", "-Infinity".

    Errors: TypeError for what is neither numbers, words, lists, dicts nor None.

    >>> plain({"loss": np.array([1.0, np.nan])})
    {'loss': [1.0, 'NaN']}
    """
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"an experiment's numbers are numbers, words, lists, dicts and arrays, not {type(value).__name__}")


def record(result: Result) -> dict[str, Any]:
    """What is written as JSON: how it was run, the numbers, what became of each claim."""
    run = result.run
    versions = {"fastgrad": __version__, "numpy": np.__version__, "python": platform.python_version()}
    versions["matplotlib"] = importlib.import_module("matplotlib").__version__
    return plain(
        {
            "experiment": run.experiment.name,
            "title": run.experiment.title,
            "verdict": result.verdict,
            "claims": {k: vars(f) for k, f in result.findings.items()},
            "seed": run.seed,
            "quick": run.quick,
            "data": run.dataset or None,
            "settings": vars(run.settings),
            "versions": versions,
            "numbers": result.numbers,
        }
    )


def write(result: Result, folder: str | Path) -> tuple[Path, ...]:
    """Draws the figure and writes NAME.png, NAME.svg, NAME.json, and NAME.gif if it moves; returns the paths.

    The same seed gives the same bytes. In Korean without a font that has Hangul, the figure's words are English.
    Errors: ImportError where matplotlib is missing, naming the extra.
    """
    from . import style

    style.needs_matplotlib()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    run, experiment = result.run, result.run.experiment
    stem, paths = folder / experiment.name, list[Path]()
    run = replace(run, lang="ko" if run.lang == "ko" and style.hangul_font() else "en")
    with style.look(run.lang):
        figure = experiment.draw(run, result.numbers)
        if figure is not None:
            paths += style.save(figure, stem)
        moving = experiment.animate(run, result.numbers)
        if moving is not None:
            picture, frame, count = moving
            with run.progress(count, f"{experiment.name}.gif") as bar:
                paths.append(style.save_animation(picture, frame, count, folder / f"{experiment.name}.gif", bar))
    text = json.dumps(record(result), ensure_ascii=False, indent=1, allow_nan=False)
    paths.append(folder / f"{experiment.name}.json")
    paths[-1].write_text(text + "\n", encoding="utf-8")
    result.files = tuple(paths)
    return result.files
