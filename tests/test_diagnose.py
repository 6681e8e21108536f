"""diagnose: every cell of the table, in both languages, from errors and from histories."""

import math

import pytest

from fastgrad.train import History, diagnose
from fastgrad.train.words import WORDS

LOW, ORDINARY, HIGH = 0.01, 0.11, 0.3
LECTURE = {  # the four cells that the lecture gives
    (LOW, ORDINARY): "high variance",
    (ORDINARY, ORDINARY): "high bias",
    (ORDINARY, HIGH): "high bias and high variance",
    (LOW, LOW): "neither",
}
OTHERS = {
    (LOW, HIGH): "high variance",
    (HIGH, HIGH): "high bias",
    (HIGH, ORDINARY): "high bias",
    (ORDINARY, LOW): "check",
    (HIGH, LOW): "check",
}


@pytest.mark.parametrize(("errors", "verdict"), [*LECTURE.items(), *OTHERS.items()])
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_every_cell(errors, verdict, lang):
    found = diagnose(*errors, lang=lang)
    assert found.verdict == verdict
    assert (found.bias, found.variance) == ("bias" in verdict, "variance" in verdict)
    text = str(found)
    assert text.splitlines()[1] == WORDS[lang][verdict]
    assert f"{errors[0]:.1%}" in text
    assert f"{errors[1]:.1%}" in text
    assert [line.strip("- ") for line in text.splitlines()[2:]] == list(found.advice) != []


def test_what_to_try():
    words = WORDS["en"]
    assert words["deeper"] in diagnose(ORDINARY, ORDINARY).advice
    assert words["data"] not in diagnose(ORDINARY, ORDINARY).advice
    assert words["data"] in diagnose(LOW, ORDINARY).advice
    assert words["simpler"] in diagnose(LOW, ORDINARY).advice
    assert words["deeper"] not in diagnose(LOW, ORDINARY).advice
    assert {words["deeper"], words["data"]} <= set(diagnose(ORDINARY, HIGH).advice)


def test_both_languages_say_all_of_it():
    assert WORDS["en"].keys() == WORDS["ko"].keys()
    for key, text in WORDS["ko"].items():
        assert text != WORDS["en"][key]
        assert any("가" <= letter <= "힣" for letter in text), key


@pytest.mark.parametrize(
    ("error", "level"),
    [(0.0, "low"), (0.05, "low"), (0.0501, "ordinary"), (0.2, "ordinary"), (0.201, "high"), (1, "high")],
)
def test_limits_belong_to_what_is_below(error, level):
    assert diagnose(error, error).levels == (level, level)
    assert diagnose((error, error)).levels == (level, level)


def test_limits_can_be_moved():
    assert diagnose(0.1, 0.11).verdict == "high bias"
    assert diagnose(0.1, 0.11, low=0.12, high=0.3).verdict == "neither"


def of(**columns):
    h = History()
    for values in zip(*columns.values(), strict=True):
        h.append(dict(zip(columns, values, strict=True)))
    return h


def test_histories():
    h = of(accuracy=[0.5, 0.99], val_accuracy=[0.95, 0.85], loss=[1.0, 0.1], val_loss=[2.0, 1.0])
    assert diagnose(h).verdict == "high variance"
    assert diagnose(h).train_error == 0.01
    assert diagnose(h, epoch=1).levels == ("high", "low")  # 1 - 0.95 is 0.05
    assert diagnose(h, scale=10.0).levels == ("low", "ordinary")
    with pytest.raises(ValueError, match="no accuracy and no val_accuracy; scale="):
        diagnose(of(loss=[1.0], val_loss=[1.0]))
    with pytest.raises(ValueError, match="no val_loss; fit with validation"):
        diagnose(of(loss=[1.0]), scale=1.0)


@pytest.mark.parametrize(
    ("arguments", "options", "text"),
    [
        ((-0.1, 0.1), {}, "training error must be at least 0"),
        ((0.1, math.nan), {}, "validation error must be at least 0 and finite"),
        ((0.1, 0.1), {"low": 0.3}, "low < high"),
        ((0.1, 0.1), {"lang": "de"}, "lang must be one of en, ko"),
        ((History(),), {}, "no epoch yet"),
        ((of(accuracy=[1.0], val_accuracy=[1.0]),), {"epoch": 2}, "epoch must be from 1 to 1"),
        ((of(loss=[1.0], val_loss=[1.0]),), {"scale": 0.0}, "scale must be above 0"),
    ],
)
def test_refusals(arguments, options, text):
    with pytest.raises(ValueError, match=text):
        diagnose(*arguments, **options)
