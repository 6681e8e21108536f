"""What does not fit a saved run is named, and nothing has been changed then: neither of all the objects nor the draws."""

import copy
import io

import numpy as np
import pytest
from test_saving_training import BATCH, Run, make_loader, seed_all

import fastgrad as fg
from fastgrad.optim import averaging, lr_scheduler, schedules, swa_utils
from fastgrad.train import resume_training, save_training, saving

nn = fg.nn


@pytest.fixture
def path(tmp_path):
    """A run after three steps."""
    seed_all(5)
    run = Run()
    run.train(3)
    run.save(tmp_path / "run.fg")
    return tmp_path / "run.fg"


def other(change):
    """Another run, of one step, with one thing changed."""
    run = Run(seed=8)
    run.train(1)
    change(run)
    return run


def set_net(*modules):
    def change(run):
        run.net = nn.Sequential(*modules)

    return change


def set_part(**parts):
    def change(run):
        new = {name: made(run) for name, made in parts.items()}
        run.parts = lambda: {**Run.parts(run), **new}

    return change


def adam(run, *groups, **options):
    parameters = list(run.net.parameters())
    groups = [parameters[i] for i in groups] if groups else parameters
    return fg.optim.Adam(groups, **{"ema": 0.8, "clip_norm": 5.0, **options})


def body(width=8, last=3):
    return nn.Linear(6, width), nn.BatchNorm1d(width), nn.PReLU(), nn.Dropout(0.3), nn.Linear(width, last)


MISFITS = {
    "width": (set_net(*body(width=9)), r"0.weight is \(8, 6\) float32 in the file and \(9, 6\) float32 in the model"),
    "missing": (set_net(*body(), nn.Linear(3, 3)), "the model has 5.weight, 5.bias, which the file lacks"),
    "unexpected": (set_net(nn.Linear(6, 8)), "the file has 1.weight, .*which the model lacks"),
    "dtype": (lambda run: run.net.double(), "0.weight is .* float32 in the file and .* float64 in the model"),
    "a buffer": (lambda run: run.net.register_buffer("more", fg.tensor([1.0])), "the model has more, which the file"),
    "a passing buffer": (
        lambda run: run.net.register_buffer("more", fg.tensor([1.0]), persistent=False),
        "the model has more, which the file lacks",
    ),
    "a buffer that was a parameter": (
        lambda run: (delattr(run.net[0], "bias"), run.net[0].register_buffer("bias", fg.zeros(8))),
        "0.bias is a parameter in the file and a buffer in the model",
    ),
    "read-only": (lambda run: run.net[0].bias.data.setflags(write=False), "0.bias of the model is read-only"),
    "rule": (set_part(optimizer=lambda r: fg.optim.NAdam(r.net.parameters())), "optimizer was of class Adam, .*NAdam"),
    "fewer": (set_part(optimizer=lambda r: adam(r, 0, 1)), "optimizer had 7 parameters, this one has 2"),
    "order": (
        set_part(optimizer=lambda r: adam(r, 0, 1, 3, 2, 4, 5, 6)),
        "parameter 2 of optimizer was 1.weight, here it is 1.bias",
    ),
    "groups": (
        set_part(optimizer=lambda r: fg.optim.Adam([{"params": [p]} for p in r.net.parameters()])),
        r"optimizer: load_state_dict: groups of \[7\]",
    ),
    "a function of lr": (
        set_part(optimizer=lambda r: adam(r, lr=schedules.Constant(0.1))),
        r"lr of group 0 of optimizer was a number, here it is Constant\(",
    ),
    "no optimizer": (set_part(optimizer=lambda r: None), "optimizer, of class Adam, is in the file; give optimizer="),
    "schedule": (
        set_part(schedule=lambda r: lr_scheduler.StepLR(r.opt, 2)),
        "schedule was of class CosineAnnealingLR, this is StepLR",
    ),
    "kind of average": (
        set_part(averages=lambda r: [averaging.SWA(r.net.parameters()), r.copy]),
        r"averages\[0\] was of class EMA, this is SWA",
    ),
    "memory of the average": (
        set_part(averages=lambda r: [averaging.EMA(r.net.parameters(), 0.9), r.copy]),
        r"decay of averages\[0\] was 0.7, here it is 0.9",
    ),
    "size of the average": (
        set_part(averages=lambda r: [averaging.EMA(list(r.net.parameters())[:3], 0.7), r.copy]),
        r"the file has 3, .*which averages\[0\] lacks",
    ),
    "the averaged model": (
        set_part(averages=lambda r: [r.average, swa_utils.AveragedModel(nn.Sequential(*body(9)))]),
        r"module.0.weight is \(8, 6\) float32 in the file and \(9, 6\) float32 in averages\[1\]",
    ),
    "one average": (set_part(averages=lambda r: r.average), "averages was several, this is EMA"),
    "three averages": (set_part(averages=lambda r: [r.average, r.copy, r.copy]), "averages were 2, these are 3"),
    "loader": (
        set_part(loader=lambda r: type(r.loader)(r.loader.dataset, BATCH + 1, shuffle=True)),
        "loader: ValueError: .*'batch_size': 5.*'batch_size': 6",
    ),
    "history": (set_part(history=lambda r: r.average), "the file has no history; it was saved without"),
    "a value": (set_part(losses=lambda r: r.average), "losses was saved as a value, which comes back in .more"),
    "two": (
        lambda run: (run.net.double(), set_part(optimizer=lambda r: fg.optim.SGD(r.net.parameters()))(run)),
        "float64 in the model; .*class Adam, this is SGD",
    ),
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_what_does_not_fit_is_named_and_nothing_is_changed(misfit, path):
    change, text = MISFITS[misfit]
    run = other(change)
    before = {**run.everything(), "new": [copy.deepcopy(x.state_dict()) for x in extra(run)]}
    with pytest.raises(ValueError, match=rf"resume_training: {path} does not fit, nothing was changed: .*{text}"):
        resume_training(path, run.net, **run.parts())
    after = {**run.everything(), "new": [x.state_dict() for x in extra(run)]}
    assert {k: v for k, v in after.items() if k != "new"} == {k: v for k, v in before.items() if k != "new"}
    assert written(after["new"]) == written(before["new"])


def extra(run):
    """The objects in place of a run's own."""
    return [x for part in run.parts().values() if part for x in (part if isinstance(part, list) else [part])]


def written(value):
    file = io.BytesIO()
    fg.save(value, file)
    return file.getvalue()


def test_a_run_without_the_change_is_resumed(path):
    """The misfits are refused for what is said of them, not for anything else."""
    run = other(lambda run: None)
    assert resume_training(path, run.net, **run.parts()).batch == 3


class Mine:
    """An object of one's own, which finds out late that a state does not fit."""

    def __init__(self, n):
        self.n = n

    def state_dict(self):
        return {"n": self.n, "at": 1}

    def load_state_dict(self, state):
        self.n = state["n"]
        if state["n"] == 13:
            raise RuntimeError("unlucky")


def test_objects_of_ones_own_are_put_back(tmp_path):
    net, first, second = nn.Linear(1, 1), Mine(1), Mine(13)
    save_training(tmp_path / "a", net, first=first, second=second, note="x")
    first.n, second.n = 7, 8
    with pytest.raises(ValueError, match="nothing was changed: second: RuntimeError: unlucky"):
        resume_training(tmp_path / "a", net, first=first, second=second)
    assert (first.n, second.n) == (7, 8)
    second.n = 13  # not even its own state will do
    with pytest.raises(ValueError, match="second could not be put back: second: RuntimeError: unlucky"):
        resume_training(tmp_path / "a", net, first=first, second=second)
    assert first.n == 7
    save_training(tmp_path / "a", net, first=Mine(1), second=Mine(2), note="x")
    assert resume_training(tmp_path / "a", net, first=first, second=second).more == {"note": "x"}
    assert (first.n, second.n) == (1, 2)
    with pytest.raises(ValueError, match="second, of class Mine, is in the file; give second="):
        resume_training(tmp_path / "a", net, first=first)


def test_schedules_as_lr_are_compared(tmp_path):
    def made(lr):
        net = nn.Linear(1, 1)
        return net, fg.optim.SGD(net.parameters(), lr=lr)

    save_training(tmp_path / "a", *made(schedules.Constant(0.1)))
    resume_training(tmp_path / "a", *made(schedules.Constant(0.1)))
    with pytest.raises(ValueError, match=r"was Constant\(lr=0.1, .*\), here it is Constant\(lr=0.2, "):
        resume_training(tmp_path / "a", *made(schedules.Constant(0.2)))
    with pytest.raises(ValueError, match=r"here it is the function .*<lambda>"):
        resume_training(tmp_path / "a", *made(lambda t: 0.1))
    with pytest.raises(ValueError, match="here it is a number"):
        resume_training(tmp_path / "a", *made(0.1))


def test_files_that_hold_no_run(tmp_path):
    net = nn.Linear(1, 1)
    fg.save(net.state_dict(), tmp_path / "a")
    with pytest.raises(
        ValueError, match=r"holds a dict of \['weight', 'bias'\], no run of save_training; .*fastgrad.l"
    ):
        resume_training(tmp_path / "a", net)
    fg.save([1], tmp_path / "a")
    with pytest.raises(ValueError, match="holds a list"):
        resume_training(tmp_path / "a", net)
    fg.save({"kind": saving.KIND, "version": 2}, tmp_path / "a")
    with pytest.raises(ValueError, match="a run of version 2, this fastgrad reads 1; install a newer one"):
        resume_training(tmp_path / "a", net)
    fg.save({"kind": saving.KIND, "version": 1, "model": {}}, tmp_path / "a")
    with pytest.raises(ValueError, match=r"a lacks epoch, batch, .*it was not written by save_training"):
        resume_training(tmp_path / "a", net)
    with pytest.raises(FileNotFoundError):
        resume_training(tmp_path / "b", net)


def test_two_networks_and_their_optimizers(tmp_path):
    def made():
        nets = [nn.Linear(2, 2), nn.Linear(2, 1)]
        optimizers = [fg.optim.SGD(net.parameters(), momentum=0.5) for net in nets]
        return nets, optimizers

    def step(nets, optimizers):
        nets[1](nets[0](fg.tensor([[1.0, 2.0]]))).sum().backward()
        for opt in optimizers:
            opt.step()

    nets, optimizers = made()
    step(nets, optimizers)
    save_training(tmp_path / "a", nets[0], optimizers, critic=nets[1])
    others, their_optimizers = made()
    resume_training(tmp_path / "a", others[0], their_optimizers, critic=others[1])
    for pair in ((nets, optimizers), (others, their_optimizers)):
        for net in pair[0]:
            net.zero_grad()
        step(*pair)
    assert written([x.state_dict() for x in nets + optimizers]) == written(
        [x.state_dict() for x in others + their_optimizers]
    )
    with pytest.raises(ValueError, match=r"optimizer\[1\] had 2 parameters, this one has 1"):
        resume_training(
            tmp_path / "a", others[0], [their_optimizers[0], fg.optim.SGD([others[1].bias])], critic=others[1]
        )


def test_damage_changes_nothing(path, rng):
    data = path.read_bytes()
    run = other(lambda run: None)
    before = run.everything()
    for _ in range(200):
        damaged = bytearray(data)
        damaged[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="is refused: "):
            resume_training(path, run.net, **run.parts())
    assert run.everything() == before


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (lambda net: [fg.optim.Adam(net.parameters())], TypeError, "the model is a Adam, not a Module; it comes right"),
        (lambda net: [net, net.state_dict()], TypeError, r"optimizer is a dict, which has no state_dict\(\)"),
        (lambda net: [net, None, lambda t: 0.1], TypeError, "schedule is a function, .*leave out what has no state"),
        (lambda net: [net, None, None, [1]], TypeError, "averages is a int"),
    ],
)
def test_mistakes_in_the_arguments(arguments, error, text, tmp_path):
    net = nn.Linear(1, 1)
    save_training(tmp_path / "a", net)
    for function in (save_training, resume_training):
        with pytest.raises(error, match=f"{function.__name__}: {text}"):
            function(tmp_path / "a", *arguments(net))


@pytest.mark.parametrize("bad", [{"epoch": -1}, {"batch": 1.5}, {"epoch": True}, {"batch": "1"}])
def test_epoch_and_batch_are_counts(bad, tmp_path):
    with pytest.raises(ValueError, match=f"{next(iter(bad))} must be a number of at least 0"):
        save_training(tmp_path / "a", nn.Linear(1, 1), **bad)


def test_averages_in_the_parameters_place_are_not_saved_as_parameters(tmp_path):
    run = other(lambda run: None)
    for context in (run.opt.averages, run.average.swapped):
        with context(), pytest.raises(RuntimeError, match="the parameters are the averages now; leave it first"):
            run.save(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_not_saved_within_a_captured_step(tmp_path):
    net = nn.Linear(1, 1)
    for function in (save_training, resume_training):
        with pytest.raises(fg.CaptureError, match=function.__name__):
            fg.capture(lambda x, function=function: function(tmp_path / "a", net))(fg.tensor([1.0]))


def test_the_loader_of_the_tests_draws_again(rng):
    """The order and the noise of make_loader are not the same in each epoch: else a lost position would not show."""
    loader = make_loader(seed=3)
    first, second = ([x.numpy().copy() for x, _ in loader] for _ in range(2))
    assert not any(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
