"""A run that is stopped, saved and resumed is the run that was never stopped: the same bits, for every rule."""

import random as python_random
from pathlib import Path

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.data import DataLoader, StandardScaler, augment
from fastgrad.optim import RULES, averaging, lr_scheduler, swa_utils
from fastgrad.train import Resumed, resume_training, save_training, saving

BATCH, BATCHES, EPOCHS = 5, 4, 2
STOPS = [0, 1, 4, 6, BATCHES * EPOCHS]  # nothing done, one step, between epochs, in the middle of one, all done


def make_loader(**options):
    """Twenty small pictures, shifted, turned and made noisy anew for every batch."""
    rng = np.random.Generator(np.random.Philox(7))
    x, y = rng.standard_normal((BATCH * BATCHES, 3, 2)).astype(np.float32), rng.integers(0, 3, BATCH * BATCHES)
    change = augment.Compose([augment.Shift(1), augment.Rotate(20), augment.GaussianNoise(0.1)])
    return DataLoader((x, y), BATCH, shuffle=True, transform=change, **options)


class Run:
    """A network with all that has a state, and its training."""

    def __init__(self, rule="Adam", captured=False, seed=3, prefetch=0, dtype=np.float32, **options):
        fg.manual_seed(seed)
        nn = fg.nn
        self.net = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.PReLU(), nn.Dropout(0.3), nn.Linear(8, 3))
        self.net.to(dtype)
        parameters = [p for p in self.net.parameters() if rule != "Muon" or p.data.ndim == 2]
        self.opt = RULES[rule](parameters, **{"ema": 0.8, "clip_norm": 5.0, **options})
        self.schedule = lr_scheduler.CosineAnnealingLR(self.opt, T_max=5)
        self.average = averaging.EMA(self.net.parameters(), decay=0.7)
        self.copy = swa_utils.AveragedModel(self.net)
        self.scaler = StandardScaler().fit(np.arange(6.0).reshape(2, 3) + seed)
        self.loader = make_loader(prefetch=prefetch)
        self.losses = []
        self.step = fg.capture(self.plain) if captured else self.plain

    def plain(self, x, y):
        self.opt.zero_grad()
        loss = fg.nn.functional.cross_entropy(self.net(x.flatten(1).to(self.net[0].weight.dtype)), y)
        loss.backward()
        self.opt.step()
        self.average.update()
        return loss

    def train(self, stop):
        """Up to so many steps altogether."""
        while len(self.losses) < stop:
            for x, y in self.loader:
                self.losses.append((self.step(x, y) + fg.rand(()) + np.random.random() + python_random.random()).item())
                self.schedule.step()
                self.copy.update_parameters(self.net)
                if len(self.losses) == stop:
                    break

    def parts(self):
        return {
            "optimizer": self.opt,
            "schedule": self.schedule,
            "averages": [self.average, self.copy],
            "loader": self.loader,
            "scaler": self.scaler,
        }

    def save(self, path):
        epoch, batch = divmod(len(self.losses), BATCHES)
        losses = np.array(self.losses)
        save_training(path, self.net, **self.parts(), epoch=epoch, batch=batch, best=0.5, losses=losses)

    def resume(self, path):
        found = resume_training(path, self.net, **self.parts())
        self.losses = found.more["losses"].tolist()
        assert (found.epoch * BATCHES + found.batch, found.best) == (len(self.losses), 0.5)

    def everything(self):
        """All that a run is, as bytes by name."""
        states = {name: part.state_dict() for name, part in self.parts().items() if part and name != "averages"}
        states |= {"net": self.net.state_dict(), "average": self.average.state_dict(), "copy": self.copy.state_dict()}
        return flat({**states, "random": fg.random.get_state(), "losses": self.losses})


def flat(value, name=""):
    if isinstance(value, dict):
        return {k: v for key, x in value.items() for k, v in flat(x, f"{name}.{key}").items()}
    if isinstance(value, (list, tuple)):
        return flat(dict(enumerate(value)), name)
    if isinstance(value, np.ndarray):
        return {name: (value.shape, value.dtype.str, value.tobytes())}
    return {name: (type(value).__name__, value.hex() if isinstance(value, float) else value)}


def seed_all(seed):
    np.random.seed(seed)
    python_random.seed(seed)


@pytest.fixture(autouse=True)
def random_states_are_put_back():
    before = np.random.get_state(), python_random.getstate()
    yield
    np.random.set_state(before[0])
    python_random.setstate(before[1])


def refuse_difference(rule, captured, path, stops=STOPS, **options):
    """Raises where a run that was stopped and resumed differs from one that was not."""
    seed_all(5)
    whole = Run(rule, captured, **options)
    whole.train(BATCHES * EPOCHS)
    expected = whole.everything()
    for stop in stops:
        seed_all(5)
        first = Run(rule, captured, **options)
        first.train(stop)
        first.save(path)
        seed_all(6)
        second = Run(rule, captured, seed=4, **options)  # other weights, other random numbers
        second.train(stop % 3)  # and a past of its own
        second.resume(path)
        second.train(BATCHES * EPOCHS)
        found = second.everything()
        assert found == expected, (stop, [k for k in expected if found.get(k) != expected[k]])


@pytest.mark.parametrize("captured", [False, True], ids=["eager", "captured"])
@pytest.mark.parametrize("rule", RULES)
def test_a_resumed_run_is_the_same_run(rule, captured, tmp_path):
    refuse_difference(rule, captured, tmp_path / "run.fg")


OPTIONS = {
    "momentum": ("SGD", {"momentum": 0.9}),
    "dampening": ("SGD", {"momentum": 0.9, "dampening": 0.5}),
    "amsgrad": ("AdamW", {"amsgrad": True}),
    "centred": ("RMSprop", {"centered": True, "momentum": 0.5}),
    "zero": ("Adam", {"zero": True, "nonfinite": "skip", "weight_decay": 0.1}),
    "no average": ("Lion", {"ema": None, "clip_norm": None, "l1": 0.01}),
    "float64": ("NAdam", {"dtype": np.float64}),
    "prefetch": ("Adam", {"prefetch": 2}),
}


@pytest.mark.parametrize("captured", [False, True], ids=["eager", "captured"])
@pytest.mark.parametrize("case", OPTIONS)
def test_with_options_too(case, captured, tmp_path):
    rule, options = OPTIONS[case]
    refuse_difference(rule, captured, tmp_path / "run.fg", [1, 6], **options)


LEFT_OUT = ["net", "optimizer", "schedule", "averages", "loader", "fastgrad", "streams", "numpy", "python"]


@pytest.mark.parametrize("part", LEFT_OUT)
def test_whatever_is_left_out_shows(part, tmp_path, monkeypatch):
    """The comparison notices each thing that is not taken back."""
    put, load = saving.put, fg.train.container.load

    def forgetful(path):
        record = load(path)
        if part == "net":
            record["model"]["1.running_mean"] += 1
        if part in ("fastgrad", "streams"):
            state = record["random"]["fastgrad"]
            own = fg.random.get_state()
            record["random"]["fastgrad"] = {**(own if part == "fastgrad" else state), "streams": own["streams"]}
        if part == "numpy":
            del record["random"]["numpy"]
        if part == "python":
            record["random"]["python"]["words"] += np.uint32(1)
        return record

    monkeypatch.setattr(saving.container, "load", forgetful)
    if part in saving.PARTS:
        skipped = "many" if part == "averages" else part
        named = {"optimizer": "Adam", "schedule": "CosineAnnealingLR", "loader": "DataLoader"}.get(part)
        monkeypatch.setattr(
            saving, "put", lambda x, state: None if type(x).__name__ == named or skipped in state else put(x, state)
        )
    with pytest.raises(AssertionError, match="6"):
        refuse_difference("Adam", False, tmp_path / "run.fg", [6])


# -- another process, the old generators, what is lost easily ----------------------------------------------------------
CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from test_saving_training import *
seed_all(6)
run = Run("Adam", True, seed=9)
run.resume(sys.argv[2])
run.train(BATCHES * EPOCHS)
fg.save(run.everything(), sys.argv[3])
"""


def test_a_run_goes_on_in_another_process(python, tmp_path):
    seed_all(5)
    run = Run("Adam", True)
    run.train(5)
    run.save(tmp_path / "run.fg")
    python(CHILD, Path(__file__).parent, tmp_path / "run.fg", tmp_path / "end.fg")
    seed_all(5)
    whole = Run("Adam", True)
    whole.train(BATCHES * EPOCHS)
    assert fg.load(tmp_path / "end.fg") == whole.everything()


def test_what_is_lost_easily_comes_back(tmp_path):
    net = fg.nn.Sequential(fg.nn.Linear(2, 2), fg.nn.Linear(2, 1))
    net.register_buffer("passing", fg.tensor([1.0, 2.0]), persistent=False)
    net[0].requires_grad_(False)
    fg.manual_seed(77)
    save_training(tmp_path / "a", net, epoch=np.int64(2), best=float("-inf"), note={"x": [1, (2.5, None)]})
    net.passing.data[...] = 0
    net.requires_grad_(True)
    fg.manual_seed(78)
    assert resume_training(tmp_path / "a", net) == Resumed(2, 0, float("-inf"), {"note": {"x": [1, (2.5, None)]}})
    assert net.passing.tolist() == [1.0, 2.0]
    assert [p.requires_grad for p in net.parameters()] == [False, False, True, True]
    assert fg.initial_seed() == 77


def test_a_schedule_may_be_stepped_first_after_a_resume(tmp_path):
    """The optimizer has made its step: the warning that the first rate is skipped would be wrong."""

    def made():
        net = fg.nn.Linear(2, 1)
        opt = fg.optim.SGD(net.parameters(), lr=1.0)
        return net, opt, lr_scheduler.ExponentialLR(opt, gamma=0.5)

    net, opt, schedule = made()
    net(fg.tensor([[1.0, 1.0]])).sum().backward()
    opt.step()
    save_training(tmp_path / "a", net, opt, schedule)
    net, opt, schedule = made()
    resume_training(tmp_path / "a", net, opt, schedule)
    schedule.step()  # warnings are errors here
    assert opt.lr == 0.5


@pytest.mark.parametrize("name", lr_scheduler.__all__)
def test_every_scheduler_is_saved(name, tmp_path):
    if name == "LRScheduler":
        return
    arguments = {
        "LambdaLR": {"lr_lambda": lambda t: 0.9**t},
        "MultiplicativeLR": {"lr_lambda": lambda t: 0.9},
        "StepLR": {"step_size": 2},
        "MultiStepLR": {"milestones": np.array([1, 3])},
        "ExponentialLR": {"gamma": 0.9},
        "CosineAnnealingLR": {"T_max": 4},
        "CosineAnnealingWarmRestarts": {"T_0": 3},
        "CyclicLR": {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 3},
        "OneCycleLR": {"max_lr": 1.0, "total_steps": 9},
    }.get(name, {})

    def made():
        net = fg.nn.Linear(2, 1)
        opt = fg.optim.Adam(net.parameters(), lr=1.0)
        parts = [lr_scheduler.ConstantLR(opt), lr_scheduler.ExponentialLR(opt, 0.5)]
        if name == "SequentialLR":
            return net, opt, lr_scheduler.SequentialLR(opt, parts, [2])
        if name == "ChainedScheduler":
            return net, opt, lr_scheduler.ChainedScheduler(parts, opt)
        return net, opt, getattr(lr_scheduler, name)(opt, **arguments)

    def steps(net, opt, schedule, losses):
        for loss in losses:
            net(fg.tensor([[1.0, 1.0]])).sum().backward()
            opt.step()
            schedule.step(loss) if name == "ReduceLROnPlateau" else schedule.step()
            yield opt.lr, opt.param_groups[0]["betas"]

    losses = [1.0] * 8
    whole = list(steps(*made(), losses))
    first = made()
    begin = list(steps(*first, losses[:3]))
    save_training(tmp_path / "a", *first)
    second = made()
    resume_training(tmp_path / "a", *second)
    assert begin + list(steps(*second, losses[3:])) == whole
