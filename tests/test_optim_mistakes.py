"""What an optimizer refuses: options, groups and states. A sentence names the field and the value, and nothing changes."""

import math

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.optim import RULES


def leaf(array):
    return fg.from_numpy(np.array(array)).requires_grad_()


def step_on(optimizer, params, gradients):
    for p, g in zip(params, gradients, strict=True):
        p.grad = None if g is None else fg.from_numpy(np.array(g, p.dtype))
    optimizer.step()


def picture(optimizer):
    """All that an optimizer is, but for the identity of its arrays."""
    params = [p.data.tolist() for g in optimizer.param_groups for p in g["params"]]
    return params, str(optimizer.state_dict()), repr(optimizer), optimizer.iterations


BAD = [
    ("SGD", {"lr": -0.1}, ValueError, "SGD: lr must be at least 0, not -0.1"),
    ("SGD", {"lr": math.inf}, ValueError, "SGD: lr must be at least 0 and finite, not inf"),
    ("SGD", {"lr": "0.1"}, TypeError, "SGD: lr must be a number, not '0.1'"),
    ("SGD", {"lr": 1j}, TypeError, "SGD: lr must be a number, not 1j"),
    ("SGD", {"lr": np.array([0.1, 0.2])}, TypeError, r"SGD: lr must be a number, not array\(\[0.1, 0.2\]\)"),
    ("SGD", {"momentum": None}, TypeError, "SGD: momentum must be a number, not None"),
    ("SGD", {"momentum": 0.9, "dampening": math.nan}, ValueError, "SGD: dampening must be a number, not nan"),
    ("Adam", {"eps": math.inf}, ValueError, "Adam: eps must be at least 0 and finite, not inf"),
    ("Adam", {"betas": (0.9, 1.0)}, ValueError, r"Adam: betas\[1\] must be in \[0, 1\), not 1.0"),
    ("Adam", {"betas": (None, 0.9)}, TypeError, r"Adam: betas\[0\] must be a number, not None"),
    ("Adam", {"betas": 0.9}, ValueError, "Adam: betas must be two numbers, not 0.9"),
    ("Adam", {"maximize": "no"}, ValueError, "Adam: maximize must be True or False, not 'no'"),
    ("Adam", {"amsgrad": None}, ValueError, "Adam: amsgrad must be True or False, not None"),
    ("Adam", {"ema": 1.0}, ValueError, r"Adam: ema, the average's memory, must be in \[0, 1\), or None, not 1.0"),
    ("Adam", {"clip_norm": 0.0}, ValueError, "Adam: clip_norm must be above 0, or None, not 0.0"),
    ("Adam", {"clip_norm": 1.0, "clip_value": 1.0}, ValueError, "Adam: clip_norm or clip_value, not both: 1.0, 1.0"),
    ("Adam", {"clip_form": "norm"}, ValueError, "Adam: clip_form must be one of scale, .*, not 'norm'"),
    ("Adam", {"nonfinite": True}, ValueError, "Adam: nonfinite must be one of ignore, skip, raise, not True"),
    ("Adam", {"proximal": True}, ValueError, "Adam: proximal=True needs l1 > 0"),
    ("Adam", {"l1": -1}, ValueError, "Adam: l1 must be at least 0 and finite, not -1"),
    ("RMSprop", {"alpha": 1.0}, ValueError, r"RMSprop: alpha must be in \[0, 1\), not 1.0"),
    ("Adadelta", {"rho": -0.1}, ValueError, r"Adadelta: rho must be in \[0, 1\), not -0.1"),
    ("Adagrad", {"lr_decay": -1}, ValueError, "Adagrad: lr_decay must be at least 0, not -1"),
    ("Rprop", {"etas": (0.5,)}, ValueError, r"Rprop: etas must be two numbers, not \(0.5,\)"),
    ("Rprop", {"etas": (1.2, 0.5)}, ValueError, r"Rprop: etas must be \(below 1, above 1\), not \(1.2, 0.5\)"),
    ("ASGD", {"lambd": -1}, ValueError, "ASGD: lambd must be at least 0, not -1"),
    ("NAdam", {"momentum_decay": -1}, ValueError, "NAdam: momentum_decay must be at least 0, not -1"),
    ("LARS", {"trust_coefficient": math.nan}, ValueError, "LARS: trust_coefficient must be a number, not nan"),
]  # fmt: skip


@pytest.mark.parametrize("row", [pytest.param(r, id=f"{r[0]} {r[1]}") for r in BAD])
def test_bad_options(row):
    name, options, error, text = row
    p, q = leaf(np.ones(2)), leaf(np.ones(2))
    with pytest.raises(error, match=text):
        RULES[name]([p], **options)
    optimizer = RULES[name]([p])
    before = picture(optimizer)
    with pytest.raises(error, match=text):
        optimizer.add_param_group({"params": [q], **options})
    saved = optimizer.state_dict()
    saved["param_groups"][0].update(options)
    with pytest.raises(error, match=text):
        optimizer.load_state_dict(saved)
    assert picture(optimizer) == before


@pytest.mark.parametrize("options", [{"clip_norm": 2.0}, {"clip_form": "unit"}, {"nonfinite": "skip"}])
def test_one_norm_has_one_threshold(options):
    params = [leaf(np.ones(2)), leaf(np.ones(2))]
    text = f"Adam: {next(iter(options))} is one for all groups, whose gradients are measured together: "
    optimizer = fg.optim.Adam(params[:1], clip_norm=1.0)
    with pytest.raises(ValueError, match=text):
        optimizer.add_param_group({"params": params[1:], **options})
    optimizer.add_param_group({"params": params[1:]})
    before, saved = picture(optimizer), optimizer.state_dict()
    saved["param_groups"][1].update(options)
    with pytest.raises(ValueError, match=text):
        optimizer.load_state_dict(saved)
    assert picture(optimizer) == before
    optimizer.param_groups[1].update(options)
    with pytest.raises(ValueError, match=text):
        step_on(optimizer, params, [np.ones(2)] * 2)
    assert [p.tolist() for p in params] == [[1, 1]] * 2


def test_bad_groups():
    p, q = leaf(np.ones(2)), leaf(np.ones(2))
    optimizer = fg.optim.Adam([p])
    before = picture(optimizer)
    bad = [
        ([q], TypeError, r'Adam: a group is a dict \{"params": \[...\], "lr": ...\}, not a list'),
        ({"lr": 1.0}, ValueError, "Adam: a group without parameters"),
        ({"params": [q], "rate": 1.0}, ValueError, r"Adam: unknown option \['rate'\]; it takes"),
        ({"params": [p]}, ValueError, r"Adam: parameter 0 \(2,\) is given twice"),
        ({"params": [q, q]}, ValueError, r"Adam: parameter 1 \(2,\) is given twice"),
    ]
    for group, error, text in bad:
        with pytest.raises(error, match=text):
            optimizer.add_param_group(group)
    for rate in (-1, "fast", math.nan):
        with pytest.raises((ValueError, TypeError), match=f"Adam: lr must be .*{rate}"):
            optimizer.lr = rate
    assert picture(optimizer) == before


def damaged():
    def of_state(**values):
        return lambda saved: saved["state"][0].update(values)

    def of_group(**values):
        return lambda saved: saved["param_groups"][0].update(values)

    return [
        (of_state(m="text"), "m of parameter 0 is <U4, not an array of real numbers"),
        (of_state(m=np.ones(3) * 1j), "m of parameter 0 is complex128"),
        (of_state(m=np.ones(4)), r"m of parameter 0 has shape \(4,\), the parameter \(3,\)"),
        (of_state(prev=np.ones(3)), "'prev' of parameter 0 is no state of Adam, which keeps"),
        (of_state(step=-1), "step of parameter 0 is -1; it counts the steps made"),
        (of_state(step=1.5), "step of parameter 0 is 1.5"),
        (of_state(step="two"), "step of parameter 0 is 'two'"),
        (of_group(params=3), "a group is a dict with a list of params"),
        (of_group(momentum=0.9), r"unknown: \['momentum'\]"),
        (lambda saved: saved["param_groups"][0].pop("betas"), r"missing: \['betas'\]"),
        (lambda saved: saved.update(state=[1]), "state must be a dict, by parameter, and param_groups a list"),
        (lambda saved: saved.update(param_groups={}), "state must be a dict, by parameter, and param_groups a list"),
        (lambda saved: saved.update(param_groups=[]), r"groups of \[\] parameters, this optimizer has \[1\]"),
        (lambda saved: saved.update(iterations="many"), "iterations is 'many'; it counts the steps made"),
    ]


@pytest.mark.parametrize("case", range(len(damaged())))
def test_damaged_states_change_nothing(case):
    damage, text = damaged()[case]
    p = leaf(np.ones(3))
    optimizer = fg.optim.Adam([p], ema=0.9)
    step_on(optimizer, [p], [np.ones(3)])
    before, saved = picture(optimizer), optimizer.state_dict()
    damage(saved)
    with pytest.raises(ValueError, match=text):
        optimizer.load_state_dict(saved)
    assert picture(optimizer) == before
