"""Training: `fit`, its callbacks and history, and what it says about a run.

>>> import fastgrad as fg
>>> from fastgrad.data import load_iris
>>> from fastgrad.train import fit
>>> iris, _ = load_iris(), fg.manual_seed(0)
>>> net = fg.nn.Sequential(fg.nn.Linear(4, 16), fg.nn.ReLU(), fg.nn.Linear(16, 3))
>>> history = fit(net, (iris.data, iris.target), epochs=30, validation=0.2, seed=0)
>>> len(history["val_accuracy"]), bool(history["loss"][-1] < history["loss"][0])
(30, True)
"""

from .callbacks import Callback, LambdaCallback, Monitor, Schedule
from .checkpoint import Checkpoint
from .container import load, save
from .diagnose import Diagnosis, diagnose
from .early_stopping import EarlyStopping
from .ensemble import Ensemble, Scores
from .evaluate import evaluate, predict
from .fit import fit
from .history import History
from .logs import CSVLog, TensorBoard
from .metrics import accuracy
from .run import Run
from .saving import Resumed, resume_training, save_training
from .transfer import freeze, unfreeze
from .weights import load_weights, save_weights

__all__ = [
    "CSVLog",
    "Callback",
    "Checkpoint",
    "Diagnosis",
    "EarlyStopping",
    "Ensemble",
    "History",
    "LambdaCallback",
    "Monitor",
    "Resumed",
    "Run",
    "Schedule",
    "Scores",
    "TensorBoard",
    "accuracy",
    "diagnose",
    "evaluate",
    "fit",
    "freeze",
    "load",
    "load_weights",
    "predict",
    "resume_training",
    "save",
    "save_training",
    "save_weights",
    "unfreeze",
]
