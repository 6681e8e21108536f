"""A run that is stopped, saved and resumed is the run that was never stopped: the same bits, for every rule."""

import random as python_random

import numpy as np
import pytest

import fastgrad as fg
from fastgrad.optim import RULES, averaging, lr_scheduler, swa_utils
from fastgrad.train import Resumed, resume_training, save_training

BATCH, BATCHES, EPOCHS = 5, 4, 2
STOPS = [0, 1, 4, 6, BATCHES * EPOCHS]  # nothing done, one step, between epochs, in the middle of one, all done


def philox(*key):
    return np.random.Generator(np.random.Philox(list(key)))


class Loader:
    """A loader of shuffled batches, with noise on them, that knows where it is."""

    def __init__(self, seed=1):
        rng = philox(7)
        self.x = rng.standard_normal((BATCH * BATCHES, 6)).astype(np.float32)
        self.y = rng.integers(0, 3, BATCH * BATCHES)
        self.seed, self.epoch, self.batch = seed, 0, 0

    def state_dict(self):
        return {"seed": self.seed, "epoch": self.epoch, "batch": self.batch}

    def load_state_dict(self, state):
        if set(state) != {"seed", "epoch", "batch"}:
            raise ValueError(f"no state of a loader: {sorted(state)}")
        self.__dict__.update(state)

    def __iter__(self):
        order = philox(self.seed, self.epoch).permutation(len(self.x)).reshape(BATCHES, BATCH)
        while self.batch < BATCHES:
            rows, rng = order[self.batch], philox(self.seed, self.epoch + 100 * self.batch)
            self.batch += 1
            noise = rng.standard_normal((BATCH, 6)).astype(np.float32)
            yield fg.tensor(self.x[rows] + 0.1 * noise), fg.tensor(self.y[rows])
        self.epoch, self.batch = self.epoch + 1, 0


class Run:
    """A network with all that has a state, and its training."""

    def __init__(self, rule="Adam", captured=False, seed=3, **options):
        fg.manual_seed(seed)
        nn = fg.nn
        self.net = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.PReLU(), nn.Dropout(0.3), nn.Linear(8, 3))
        parameters = [p for p in self.net.parameters() if rule != "Muon" or p.data.ndim == 2]
        self.opt = RULES[rule](parameters, **{"ema": 0.8, "clip_norm": 5.0, **options})
        self.schedule = lr_scheduler.CosineAnnealingLR(self.opt, T_max=5)
        self.average = averaging.EMA(self.net.parameters(), decay=0.7)
        self.copy = swa_utils.AveragedModel(self.net)
        self.loader = Loader()
        self.losses = []
        self.step = fg.capture(self.plain) if captured else self.plain

    def plain(self, x, y):
        self.opt.zero_grad()
        loss = fg.nn.functional.cross_entropy(self.net(x), y)
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
        states = {name: part.state_dict() for name, part in self.parts().items() if name != "averages"}
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


@pytest.mark.parametrize("captured", [False, True], ids=["eager", "captured"])
@pytest.mark.parametrize("rule", RULES)
def test_a_resumed_run_is_the_same_run(rule, captured, tmp_path):
    seed_all(5)
    whole = Run(rule, captured)
    whole.train(BATCHES * EPOCHS)
    expected = whole.everything()
    for stop in STOPS:
        seed_all(5)
        first = Run(rule, captured)
        first.train(stop)
        first.save(tmp_path / "run.fg")
        seed_all(6)
        second = Run(rule, captured, seed=4)  # other weights, other random numbers
        second.train(stop % 3)  # and a past of its own
        second.resume(tmp_path / "run.fg")
        second.train(BATCHES * EPOCHS)
        found = second.everything()
        assert found == expected, (stop, [k for k in expected if found.get(k) != expected[k]])
