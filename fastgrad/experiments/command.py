"""The command line: ``python -m fastgrad experiment NAME``, ``--list`` and ``--all``."""

import argparse
import ast
import importlib
import importlib.util
import sys
import time
from pathlib import Path

from .words import LANGUAGES, pick, wrapped

__all__ = ["add_parser", "run"]

FOLDER = "fastgrad-experiments"
WORDS = {
    "see": ("What to see, and why", "무엇을 보고, 왜 그런가"),
    "lecture": ("Settings of the lecture", "강의에 나온 설정"),
    "chosen": ("Settings chosen here, where the lecture gives none", "강의에 없어서 여기서 고른 설정"),
    "verdict": ("Verdict", "판정"),
    "confirmed": ("confirmed", "확인됨"),
    "confirmed in part": ("confirmed in part", "일부만 확인됨"),
    "not confirmed": ("not confirmed", "확인되지 않음"),
    "holds": ("holds", "맞음"),
    "fails": ("does not", "아님"),
    "written": ("Written", "저장한 파일"),
    "data": ("data", "데이터"),
    "seed": ("seed", "시드"),
    "quick": ("short form", "짧은 형태"),
    "no_font": (
        "No font on this machine has Hangul, so the figure's words are English. Install one: "
        "apt install fonts-nanum, or https://fonts.google.com/noto/specimen/Noto+Sans+KR",
        "이 컴퓨터에는 한글 글꼴이 없어 그림의 글은 영어로 썼습니다. 글꼴을 설치하세요: "
        "apt install fonts-nanum 또는 https://fonts.google.com/noto/specimen/Noto+Sans+KR",
    ),
}


def add_parser(commands):
    """Adds ``experiment``."""
    about = "draw a figure of the lectures from a run of its own, and say whether the lecture is right"
    parser = commands.add_parser("experiment", help=about, description=f"{about.capitalize()}.")
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="an experiment, or several; see --list")
    add("--list", action="store_true", help="name them, and end")
    add("--all", action="store_true", help="run all of them, and write index.html, a page of all figures")
    add("--quick", action="store_true", help="the short form: fewer epochs, fewer repetitions")
    add("--out", metavar="DIR", default=FOLDER, help=f"where figures and numbers are written; {FOLDER}")
    add(
        "--data",
        choices=("iris", "digits", "mnist"),
        help="another data set than the usual one; with --all, where it fits",
    )
    add("--path", metavar="DIR", help="the folder that has MNIST's files")
    add("--seed", type=seed, default=0, metavar="N", help="of split, initial values, batches and noise; 0")
    add("--lang", choices=LANGUAGES, default="en", help="English or Korean; en")
    add("--set", action="append", default=[], metavar="NAME=VALUE", help="another value of a setting, repeatable")
    add("--import", action="append", default=[], dest="modules", metavar="MODULE", help="a module or file with more")


def seed(text):
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"a whole number from 0 on, not {text!r}")
    return int(text)


def run(options):
    """Runs what was asked for. Exit code: 0 whatever the verdicts, 1 without matplotlib, 2 for bad arguments."""
    from .style import needs_matplotlib

    try:
        own = [name for module in options.modules for name in bring(module)]
        if options.list:
            return listing(options.lang)
        runs = planned(every_name() if options.all else options.names or own, options)
        needs_matplotlib()
    except ValueError as error:
        return refused(error)
    except ImportError as error:
        print(f"experiment: {error}", file=sys.stderr)
        return 1
    return several(runs, options)


def planned(names, options):
    """How each experiment is to be run. ValueError, in a sentence, for what there is not."""
    from .perform import find, prepare

    if not names:
        raise ValueError("give a name, or --all; --list has the names")
    settings = dict(map(setting, options.set))
    how = {"seed": options.seed, "quick": options.quick, "lang": options.lang, "path": options.path}
    fits = {name: not options.all or options.data in find(name).datasets for name in names}
    return [prepare(name, **how, data=options.data if fits[name] else None, settings=settings) for name in names]


def several(runs, options):
    """Runs experiments one after another; an index page for more than one."""
    from ..data import BadFileError
    from .index import write as write_index
    from .perform import perform, write

    results = []
    for i, one in enumerate(runs):
        if len(runs) > 1:
            print(f"\n[{i + 1}/{len(runs)}] ", end="", flush=True)
        before = time.perf_counter()
        try:
            result = perform(one)
        except (FileNotFoundError, BadFileError) as error:  # a data set that is not there, or is damaged
            return refused(error)
        write(result, options.out)
        print(report(result, time.perf_counter() - before))
        results.append(result)
    if options.all or len(runs) > 1:
        print(f"\n{write_index(results, options.out)}")
    return 0


def refused(error):
    print(f"experiment: {error}", file=sys.stderr)
    return 2


def every_name():
    from .experiment import EXPERIMENTS
    from .lectures import NAMES

    return [*NAMES, *(name for name in EXPERIMENTS if name not in NAMES)]


def listing(lang):
    from .perform import find

    names = every_name()
    width = max(map(len, names))
    for name in names:
        print(f"{name:{width}}  {pick(find(name).title, lang)}")
    return 0


def bring(module):
    """Imports a module by its name, or a file by its path; returns the names of the experiments that came with it."""
    from .experiment import EXPERIMENTS

    before = set(EXPERIMENTS)
    path = Path(module)
    if path.suffix == ".py":
        if not path.is_file():
            raise ValueError(f"--import {module}: there is no such file")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[path.stem] = loaded = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded)
    else:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise ValueError(f"--import {module}: {error}") from error
    return [name for name in EXPERIMENTS if name not in before]


def setting(text):
    """NAME=VALUE, the value as Python writes it; what is none is a word."""
    name, found, value = text.partition("=")
    if not found:
        raise ValueError(f"--set: NAME=VALUE, not {text!r}")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def report(result, seconds=None):
    """What is printed of a result: what to see and why, settings, verdict with numbers, files."""
    run, experiment = result.run, result.run.experiment
    lang = run.lang

    def word(key):
        return pick(WORDS[key], lang)

    facts = [f"{word('seed')} {run.seed}"]
    facts += [f"{word('data')} {run.dataset}"] if run.dataset else []
    facts += [word("quick")] if run.quick else []
    facts += [f"{seconds:.1f} s"] if seconds is not None else []
    lines = [f"{experiment.name}: {pick(experiment.title, lang)} ({', '.join(facts)})"]
    lines += ["", word("see"), wrapped(pick(experiment.see, lang), "  ")]
    told = experiment.tell(run, result.numbers)
    lines += ["", told] if told else []
    for kind, those in (("lecture", experiment.lecture), ("chosen", experiment.chosen)):
        if those:
            text = ", ".join(f"{name} = {shown(getattr(run.settings, name))}" for name in those)
            lines += ["", word(kind), wrapped(text, "  ")]
    lines += ["", f"{word('verdict')}: {word(result.verdict)}"]
    for finding in result.findings.values():
        mark = word("holds" if finding.holds else "fails")
        lines.append(wrapped(f"{mark}: {pick(finding.claim, lang)} [{pick(finding.found, lang)}]", "  "))
    if result.files:
        lines += ["", f"{word('written')}: {', '.join(map(str, result.files))}"]
        from .style import hangul_font

        lines += [wrapped(word("no_font"))] if lang == "ko" and hangul_font() is None else []
    return "\n".join(lines)


def shown(value):
    """A setting as it is printed: words without quotation marks, numbers as short as they are."""
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(shown, value))})"
    if isinstance(value, dict):
        return ", ".join(f"{k} {shown(v)}" for k, v in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)
