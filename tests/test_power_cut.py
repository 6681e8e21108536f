"""A training by `fit` that is killed again and again, and goes on each time, ends with the bits of one that was not."""

import pytest

CUT = """
import hashlib, os, random, select, signal, sys, time
import numpy as np
import fastgrad as fg
from fastgrad.data import DataLoader, augment, load_digits
from fastgrad.train import Checkpoint, fit

path, nn = sys.argv[1], fg.nn
digits = load_digits()
x, y = (digits.images[:600] / 16).astype(np.float32), digits.target[:600]
change = augment.Compose([augment.Shift(1), augment.GaussianNoise(0.1)])

def train(resume=None, callbacks=()):
    fg.manual_seed(1)
    layers = [nn.Flatten(), nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 10)]
    net = nn.Sequential(*layers)
    history = fit(
        net,
        DataLoader((x, y), 32, shuffle=True, transform=change),
        optimizer=lambda p: fg.optim.Adam(p, 1e-2, ema=0.9),
        schedule=lambda opt: fg.optim.lr_scheduler.ExponentialLR(opt, 0.9),
        averages=fg.optim.averaging.EMA,
        epochs=4,
        callbacks=callbacks,
        resume=resume,
        progress=False,
    )
    bits = b"".join(a.tobytes() for a in net.state_dict().values()) + np.array(history["loss"]).tobytes()
    return hashlib.sha256(bits).hexdigest()


def inode():
    return os.stat(path).st_ino if os.path.exists(path) else None


expected = train()
random, kills, found = random.Random(3), 0, ""
while not found:
    reader, told = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        saved = path if os.path.exists(path) else None
        os.write(told, train(saved, [Checkpoint(path, unit="batch")]).encode())
        os._exit(0)
    os.close(told)
    left, last = random.randint(1, 4 + 3 * kills), inode()  # batches: more and more, so that it comes to an end
    while left and not select.select([reader], [], [], 0.0005)[0]:
        now = inode()
        left, last = left - (now != last), now
    time.sleep(random.uniform(0, 0.005))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    found = os.read(reader, 1000).decode()
    os.close(reader)
    kills += not found
assert found == expected, "not the same bits"
assert len(os.listdir(os.path.dirname(path))) == 1, os.listdir(os.path.dirname(path))
print(kills)
"""


@pytest.mark.slow
def test_a_training_that_is_killed_again_and_again_ends_the_same(python, tmp_path):
    kills = int(python(CUT, tmp_path / "run.fg", timeout=300))
    print(f"killed {kills} times")
    assert kills >= 3
