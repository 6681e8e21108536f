"""One page of all figures, with what to see and the verdicts."""

from html import escape
from pathlib import Path

from .command import WORDS, shown
from .words import pick

__all__ = ["write"]

TITLE = ("Experiments: what the lectures show, and whether it is so", "실험: 강의가 보여 주는 것, 그리고 그것이 맞는지")
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1d2733;
  background: #fff }
img { max-width: 100%; height: auto; border: 1px solid #d5dde5 } h2 { margin-top: 3rem }
.claims { padding-left: 0; list-style: none } .claims li::before { display: inline-block; width: 1.6em }
.yes::before { content: "\\2713" } .no::before { content: "\\2717" } .settings, .found { color: #5b6b7c }
table { border-collapse: collapse } td, th { text-align: left; padding: 0.2rem 1rem 0.2rem 0;
  border-bottom: 1px solid #d5dde5 }
"""


def write(results, folder):
    """Writes `folder`/index.html, which shows the files beside it; returns its path."""
    lang = results[0].run.lang
    title = escape(pick(TITLE, lang))
    rows = "".join(row(result, lang) for result in results)
    parts = "".join(section(result, lang) for result in results)
    page = (
        f'<!doctype html>\n<html lang="{lang}"><head><meta charset="utf-8"><title>{title}</title>\n'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>\n'
        f"<body><h1>{title}</h1>\n<table>{rows}</table>\n{parts}</body></html>\n"
    )
    path = Path(folder) / "index.html"
    path.write_text(page, encoding="utf-8")
    return path


def row(result, lang):
    experiment = result.run.experiment
    verdict = escape(pick(WORDS[result.verdict], lang))
    title = escape(pick(experiment.title, lang))
    return f'<tr><td><a href="#{experiment.name}">{experiment.name}</a></td><td>{title}</td><td>{verdict}</td></tr>\n'


def section(result, lang):
    """One experiment: figure, paragraph, settings, claims."""
    experiment, run = result.run.experiment, result.run

    def word(key):
        return escape(pick(WORDS[key], lang))

    title = escape(pick(experiment.title, lang))
    files = [path.name for path in result.files]
    pictures = "".join(
        f'<p><img src="{name}" alt="{title}"></p>\n' for name in files if name.endswith((".svg", ".gif"))
    )
    claims = "".join(
        f'<li class="{"yes" if f.holds else "no"}">{escape(pick(f.claim, lang))}: '
        f'<span class="found">{escape(pick(f.found, lang))}</span></li>\n'
        for f in result.findings.values()
    )
    settings = ", ".join(f"{name} = {shown(value)}" for name, value in vars(run.settings).items())
    links = ", ".join(f'<a href="{name}">{name}</a>' for name in files)
    return (
        f'<section id="{experiment.name}"><h2>{title}</h2>\n{pictures}<p>{escape(pick(experiment.see, lang))}</p>\n'
        f'<p><b>{word("verdict")}: {word(result.verdict)}</b></p><ul class="claims">{claims}</ul>\n'
        f'<p class="settings">{word("seed")} {run.seed}; {escape(settings)}<br>{links}</p></section>\n'
    )
