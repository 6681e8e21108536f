"""Words in two languages, and lines of them: a Hangul syllable takes two columns of a terminal."""

import unicodedata
from collections.abc import Iterable

__all__ = ["LANGUAGES", "Words", "pick", "wrapped"]

LANGUAGES = ("en", "ko")
Words = str | tuple[str, str]  # the same in both languages, or (English, Korean)


def pick(words: Words, lang: str) -> str:
    """The words in one language.

    >>> pick(("loss", "손실"), "ko"), pick("SGD", "ko")
    ('손실', 'SGD')
    """
    return words if isinstance(words, str) else words[LANGUAGES.index(lang)]


def columns(text: str) -> int:
    """How many columns of a terminal a text takes.

    >>> columns("loss"), columns("손실")
    (4, 4)
    """
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def wrapped(text: str, indent: str = "", width: int = 100) -> str:
    """The text in lines of at most so many columns, broken at spaces; `indent` begins each.

    >>> print(wrapped("one two three", indent="  ", width=10))
      one two
      three
    """
    return "\n".join(indent + line for line in lines_of(text.split(), width - columns(indent)))


def lines_of(words: list[str], width: int) -> Iterable[str]:
    line = ""
    for word in words:
        if line and columns(line) + 1 + columns(word) > width:
            yield line
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield line
