"""The words of `Optimizer.formula` and `Optimizer.explain`, in English and Korean. Formulas are the same in both."""

__all__ = ["WORDS", "language"]

WORDS = {
    "en": {
        "group": "group {}, {} tensors: {}",
        "maximize": "maximize: climbs",
        "clip_value": "clip_value: each number by itself",
        "where": "where ||g|| > clip_norm",
        "together": "||g|| of all gradients together",
        "each": "||g|| of this tensor's gradient",
        "product": "of all steps so far, from M = 1",
        "l1": "l1, by its subgradient",
        "l2": "weight_decay: L2, in the gradient",
        "decoupled": "weight_decay: decoupled, beside the step",
        "lambd": "its own decay",
        "proximal": "l1, proximal: makes zeros",
        "ema": "ema: average of the parameters",
        "zero": "zero: the gradient, after the step",
        "ratio": "ratio = 1 where a norm is 0",
        "skip": "nonfinite: no step where a gradient is NaN or infinite",
        "raise": "nonfinite: an error where a gradient is NaN or infinite",
        "title": "{}, parameter {} {} {}, element {}, step t = {}, lr = {:g}",
        "result": "p: {} -> {}",
        "no_gradient": "it has no gradient: the step passes over it, p stays {}",
        "skipped": "a gradient is NaN or infinite: no step is made, p stays {}",
        "raised": "a gradient is NaN or infinite: step() raises FloatingPointError, p stays {}",
        "unclipped": "||g|| = {} <= clip_norm = {}: nothing is clipped",
        "nothing": "||g|| = 0: the gradient is 0 and stays it",
        "whole": "{} moves a tensor as a whole, and no number has terms of its own. Its formula:",
    },
    "ko": {
        "group": "그룹 {}, 텐서 {}개: {}",
        "maximize": "maximize: 올라간다",
        "clip_value": "clip_value: 수마다 따로 자른다",
        "where": "||g|| > clip_norm일 때만",
        "together": "||g||는 모든 기울기를 합친 노름",
        "each": "||g||는 이 텐서 기울기의 노름",
        "product": "지금까지의 모든 단계의 곱, M = 1에서 시작",
        "l1": "l1, 부분기울기(subgradient)로",
        "l2": "weight_decay: L2, 기울기에 더한다",
        "decoupled": "weight_decay: 분리된 감쇠, 기울기와 별도",
        "lambd": "규칙 자체의 감쇠",
        "proximal": "l1, 근접 단계: 정확히 0을 만든다",
        "ema": "ema: 매개변수의 평균",
        "zero": "zero: 갱신 뒤 기울기를 0으로",
        "ratio": "노름이 0이면 ratio = 1",
        "skip": "nonfinite: 기울기에 NaN이나 무한대가 있으면 갱신하지 않는다",
        "raise": "nonfinite: 기울기에 NaN이나 무한대가 있으면 오류",
        "title": "{}, 매개변수 {} {} {}, 원소 {}, 단계 t = {}, lr = {:g}",
        "result": "p: {} -> {}",
        "no_gradient": "기울기가 없다: 이 단계에서는 건너뛰고 p는 {} 그대로다",
        "skipped": "기울기에 NaN이나 무한대가 있다: 갱신하지 않고 p는 {} 그대로다",
        "raised": "기울기에 NaN이나 무한대가 있다: step()은 FloatingPointError를 일으키고 p는 {} 그대로다",
        "unclipped": "||g|| = {} <= clip_norm = {}: 자르지 않는다",
        "nothing": "||g|| = 0: 기울기가 0이므로 그대로다",
        "whole": "{}: 텐서 전체를 한꺼번에 움직이므로 수 하나의 항으로 나눌 수 없다. 공식:",
    },
}


def language(lang):
    """`lang`, if it is known. Errors: ValueError."""
    if lang not in WORDS:
        raise ValueError(f"lang must be one of {', '.join(map(repr, WORDS))}, not {lang!r}")
    return lang
