"""What ends a run before its last epoch, and what it leaves; what is shown of a run."""

import math
import os
import signal
import threading
import time
import warnings

import numpy as np
import pytest
from fit_cases import blobs, net, sgd, weights

import fastgrad as fg
from fastgrad import train
from fastgrad.data import DataLoader


# -- what ends a run ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["nan", "inf"])
def test_a_loss_that_is_not_finite_ends_the_run_by_name(kind):
    x, y = blobs(40)
    x[:, 0] = np.where(np.arange(40) == 25, float(kind), x[:, 0])
    loader = DataLoader((x, y), 10)
    with pytest.warns(RuntimeWarning, match=r"fit: the loss of batch 3 of epoch 1 is (nan|inf)") as told:
        history = train.fit(net(), loader, epochs=5, progress=False)
    assert told[0].filename == __file__
    assert history.stopped.startswith("the loss of batch 3 of epoch 1 is")
    assert len(history) == 0


def test_an_optimizer_that_skips_such_steps_goes_on():
    x, y = blobs(40)
    x[25, 0] = np.nan
    model = net()
    optimizer = fg.optim.SGD(model.parameters(), 0.1, nonfinite="skip")
    history = train.fit(model, DataLoader((x, y), 10), optimizer=optimizer, epochs=2, progress=False)
    assert len(history) == 2
    assert history.stopped is None
    assert np.isfinite(weights(model)).all()


def interrupting(times=1, at=2):
    def hook(run):
        if run.batch == at:
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)

    return train.LambdaCallback(on_batch_end=hook)


def test_ctrl_c_stops_after_the_batch_and_the_old_handler_is_back():
    x, y = blobs(64)
    before = signal.getsignal(signal.SIGINT)
    model, other = net(), net()
    history = train.fit(
        model, (x, y), optimizer=sgd(), epochs=3, batch_size=16, callbacks=interrupting(), seed=1, progress=False
    )
    assert signal.getsignal(signal.SIGINT) is before
    assert history.stopped == "interrupted by Ctrl-C"
    assert len(history) == 0
    stop = train.LambdaCallback(on_batch_end=lambda run: run.stop("two") if run.batch == 2 else None)
    train.fit(other, (x, y), optimizer=sgd(), epochs=3, batch_size=16, callbacks=stop, seed=1, progress=False)
    assert weights(model).tobytes() == weights(other).tobytes()
    assert np.isfinite(train.predict(model, x)).all()


def test_a_second_ctrl_c_raises_at_once():
    x, y = blobs(64)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train.fit(net(), (x, y), epochs=3, batch_size=16, callbacks=interrupting(2), progress=False)
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_in_the_last_batch_completes_the_epoch():
    x, y = blobs(64)
    history = train.fit(
        net(), (x, y), epochs=3, batch_size=32, validation=(x, y), callbacks=interrupting(at=2), progress=False
    )
    assert len(history) == 1
    assert math.isfinite(history["val_loss"][0])


def test_in_another_thread_signals_are_left_alone():
    found = []

    def work():
        found.append(train.fit(net(), blobs(), epochs=1, progress=False))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(found[0]) == 1


def test_a_handler_that_ignores_is_left_alone():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert len(train.fit(net(), blobs(), epochs=2, batch_size=16, callbacks=interrupting(), progress=False)) == 2
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


# -- what is shown -----------------------------------------------------------------------------------------------------
class Terminal:
    def __init__(self):
        self.text = ""

    def isatty(self):
        return True

    def write(self, text):
        self.text += text

    def flush(self):
        pass


@pytest.mark.parametrize("with_tqdm", [True, False])
def test_a_terminal_sees_loss_accuracy_rate_and_time_left(with_tqdm, monkeypatch):
    if with_tqdm:
        pytest.importorskip("tqdm")
    else:
        monkeypatch.setitem(__import__("sys").modules, "tqdm", None)
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    slow = train.LambdaCallback(on_batch_end=lambda run: time.sleep(0.06))
    train.fit(net(), blobs(), epochs=3, validation=0.2, batch_size=16, callbacks=slow)
    for part in ("epoch 1/3", "epoch 3/3", "loss ", "accuracy ", "lr 0.001", "val_loss "):
        assert part in terminal.text, part
    assert ("s left" in terminal.text) or with_tqdm


def test_logs_stay_empty_or_have_a_line_an_epoch(capsys):
    train.fit(net(), blobs(), epochs=2)
    assert capsys.readouterr().out == ""
    train.fit(net(), blobs(), epochs=2, progress="epochs")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    assert "accuracy" in lines[0]


def test_fit_is_a_name_of_the_package():
    assert fg.fit is train.fit
    assert fg.train is train
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "fit" in dir(fg)
