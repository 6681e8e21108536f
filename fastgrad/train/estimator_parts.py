"""What an estimator's parameters are made into: a network, a loss, an optimizer, and when training ends."""

import copy
import inspect
import math
from functools import partial

import numpy as np

from .. import nn, ops, optim
from ..nn import functional
from ..optim.optimizer import Optimizer
from ..optim.schedules import Schedule
from .callbacks import Callback
from .early_stopping import restore, snapshot

__all__ = ["Convergence", "Packed", "function_of", "make_network", "make_optimizer"]

# scikit-learn's names of activations, and every module of fastgrad.nn under its own name, in any case.
ACTIVATIONS = {"logistic": "Sigmoid", "identity": "Identity"}
ONE_ARGUMENT = (
    *("ReLU", "Tanh", "Sigmoid", "LeakyReLU", "PReLU", "Hardtanh", "ReLU6", "Hardsigmoid", "Hardswish", "Softsign"),
    *("Hardshrink", "Softshrink", "ELU", "CELU", "SELU", "GELU", "SiLU", "Mish", "Softplus", "LogSigmoid"),
    *("Tanhshrink", "Identity"),
)


def half_squared_error(input, target, reduction="mean"):
    """(input - target)^2 / 2, scikit-learn's squared error: its gradient is the error itself."""
    return ops.mul(functional.mse_loss(input, target, reduction), 0.5)


def poisson_deviance(input, target, reduction="mean"):
    """exp(input) - target input: minus the log-likelihood of counts whose logarithm of the mean is input, but for what
    does not depend on input."""
    each = ops.sub(ops.exp(input), ops.mul(input, target))
    return ops.mean(each) if reduction == "mean" else each


CLASSIFYING: dict = {"log_loss": functional.cross_entropy, "hinge": functional.multi_margin_loss}
REGRESSION: dict = {
    "squared_error": half_squared_error,
    "absolute_error": functional.l1_loss,
    "huber": functional.huber_loss,
    "poisson": poisson_deviance,
}


# -- losses ------------------------------------------------------------------------------------------------------------
def function_of(owner, loss, known):
    """loss(outputs, target, reduction="mean" or "none"), of a name, a function, or a module of `fastgrad.nn`."""
    if isinstance(loss, str):
        if loss not in known:
            raise ValueError(f"{owner}: loss must be one of {', '.join(known)}, or a function, not {loss!r}")
        return known[loss]
    if isinstance(loss, type) and issubclass(loss, nn.Module):
        loss = loss()
    if not callable(loss):
        raise TypeError(f"{owner}: loss must be a name, a function of outputs and targets, or a module, not {loss!r}")
    return partial(reduced, owner, loss)


def reduced(owner, loss, outputs, target, reduction="mean"):
    """A loss that a user gave, averaged or row by row."""
    if isinstance(loss, nn.Module):
        if hasattr(loss, "reduction") and loss.reduction != reduction:
            loss = copy.copy(loss)
            loss.reduction = reduction
        elif reduction == "none" and not hasattr(loss, "reduction"):
            raise ValueError(f'{owner}: weights need a loss with reduction="none", which {type(loss).__name__} lacks')
        return loss(outputs, target)
    if reduction == "mean":
        return loss(outputs, target)
    if "reduction" not in inspect.signature(loss).parameters:
        name = getattr(loss, "__name__", type(loss).__name__)
        raise ValueError(f'{owner}: weights need a loss with reduction="none", which {name}(outputs, target) lacks')
    return loss(outputs, target, reduction=reduction)


class Packed:
    """A loss of rows that have weights: targets [N,K+1], the weight in the last column.

    mean over rows of weight loss(row); of several outputs a row's loss is their mean. `labels`: the first column is an
    integer label.
    """

    def __init__(self, loss, labels):
        self.loss, self.labels = loss, labels

    @staticmethod
    def pack(target, weight, dtype):
        """Target and weight as one array."""
        target = target if target.ndim == 2 else target[:, None]
        return np.concatenate([target.astype(dtype), weight.astype(dtype)[:, None]], axis=1)

    def __call__(self, outputs, packed):
        target, weight = packed[:, :-1], packed[:, -1]
        each = self.loss(outputs, target[:, 0].to(np.int64) if self.labels else target, reduction="none")
        if each.ndim == 2:
            each = ops.mean(each, 1)
        if each.shape != weight.shape:
            raise ValueError(f"weights need one loss a row: {weight.shape}; this loss gives {each.shape}")
        return ops.mean(ops.mul(each, weight))


# -- networks ----------------------------------------------------------------------------------------------------------
def make_network(est, n_in, n_out, dtype):
    """The network of an estimator, with the outputs it needs."""
    module = est.module
    if module is None:
        net = perceptron(est, n_in, n_out)
    elif isinstance(module, nn.Module):
        net = copy.deepcopy(module)
    elif callable(module):
        net = module(n_in, n_out, **(est.module_options or {}))
        if not isinstance(net, nn.Module):
            raise TypeError(
                f"{type(est).__name__}: module({n_in}, {n_out}) must return a Module, not a {type(net).__name__}"
            )
    else:
        raise TypeError(
            f"{type(est).__name__}: module must be a class or function called with (n_features, n_outputs), or a "
            f"Module, not {module!r}"
        )
    return net.to(dtype)


def perceptron(est, n_in, n_out):
    """Linear, batch normalisation, activation, dropout, layer by layer, and a Linear at the end."""
    owner, layers = type(est).__name__, list[nn.Module]()
    for size in hidden_sizes(owner, est.hidden_layer_sizes):
        layers.append(nn.Linear(n_in, size, init=est.init))
        if est.batch_norm:
            layers.append(nn.BatchNorm1d(size))
        layers.append(activation(owner, est.activation))
        if est.dropout:
            layers.append(nn.Dropout(est.dropout))
        n_in = size
    return nn.Sequential(*layers, nn.Linear(n_in, n_out, init=est.init))


def hidden_sizes(owner, sizes):
    """The sizes of the hidden layers, as a list; one number is one layer."""
    found = list(sizes) if np.iterable(sizes) and not isinstance(sizes, str) else [sizes]
    if any(not isinstance(n, (int, np.integer)) or isinstance(n, bool) or n <= 0 for n in found):
        raise ValueError(f"{owner}: hidden_layer_sizes must be integers > 0, got {sizes!r}")
    return [int(n) for n in found]


def activation(owner, given):
    """A new module of the name, class or function."""
    if isinstance(given, str):
        known = {name.lower(): name for name in ONE_ARGUMENT} | ACTIVATIONS
        if given.lower() not in known:
            raise ValueError(f"{owner}: activation must be one of {', '.join(sorted(known))}, not {given!r}")
        return getattr(nn, known[given.lower()])()
    made = copy.deepcopy(given) if isinstance(given, nn.Module) else given() if callable(given) else None
    if not isinstance(made, nn.Module):
        raise TypeError(f"{owner}: activation must be a name, or make a Module when called, not {given!r}")
    return made


def has_batch_norm(net):
    """Whether a network may take the spread of a batch's rows, which one row has not."""
    return any(isinstance(m, nn.BatchNorm1d) for m in net.modules())


# -- optimizers --------------------------------------------------------------------------------------------------------
def make_optimizer(est, net, rows, steps):
    """The optimizer of an estimator. `rows`: the weight of a batch, which divides the penalty; `steps` of an epoch."""
    owner, rule, options = type(est).__name__, solver(est), dict(est.solver_options or {})
    if "lr" in options or "learning_rate" in options:
        raise ValueError(f"{owner}: the rate is learning_rate_init, and its schedule learning_rate: not solver_options")
    if not 0 <= est.l1_ratio <= 1:
        raise ValueError(f"{owner}: l1_ratio must be from 0 to 1, not {est.l1_ratio!r}")
    decay = options.pop("weight_decay", est.alpha * (1 - est.l1_ratio) / rows)
    proximal, groups = options.pop("proximal", False), []
    if proximal and not est.alpha * est.l1_ratio:
        raise ValueError(f"{owner}: proximal=True needs alpha > 0 and l1_ratio > 0, the penalty it is the step of")
    for group in optim.decay_groups(net, decay):
        is_weights = len(group["params"][0].shape) > 1
        trained = [p for p in group["params"] if p.requires_grad]
        l1 = est.alpha * est.l1_ratio / rows if is_weights else 0.0
        groups.append({**group, "params": trained, "l1": l1, "proximal": proximal and l1 > 0})
    if est.clip_norm is not None:
        options["clip_norm"] = est.clip_norm
    return rule([g for g in groups if g["params"]], lr=first_rate(est, steps), **options)


def solver(est):
    """The class of the update rule."""
    given = est.solver
    if isinstance(given, type) and issubclass(given, Optimizer):
        return given
    known = {name.lower(): rule for name, rule in optim.RULES.items()}
    if not isinstance(given, str) or given.lower() not in known:
        raise ValueError(
            f"{type(est).__name__}: solver must be a class of fastgrad.optim or the name of one of its rules, "
            f"{', '.join(sorted(known))}, not {given!r}"
        )
    return known[given.lower()]


def first_rate(est, steps):
    """The rate an optimizer begins with: a number, or a schedule of steps."""
    given = est.learning_rate
    if isinstance(given, Schedule):
        return given if given.unit == "step" else given.per_step(steps)
    if callable(given):
        return given
    if given not in ("constant", "invscaling", "adaptive"):
        raise ValueError(
            f"{type(est).__name__}: learning_rate must be constant, invscaling, adaptive, or a schedule of "
            f"fastgrad.optim.schedules; {given!r} as a number is learning_rate_init"
        )
    return est.learning_rate_init


# -- when to stop ------------------------------------------------------------------------------------------------------
class Convergence(Callback):
    """Ends training as scikit-learn's perceptrons do, and changes their learning rate.

    After more than `patience` epochs in a row without a loss below the best one by `tol`, or, with `score`, without a
    validation score above the best by `tol`. With `score` the weights of the best epoch are put back at the end.
    "adaptive" then divides the rate by 5 instead, until it is 1e-6; "invscaling" makes it first / (t + 1)^power after
    each epoch, t being the rows seen.
    """

    def __init__(self, tol, patience, score=None, rate="constant", power=0.5, seen=0, rows=0, first=0.0):
        self.tol, self.patience, self.score = tol, patience, score
        self.rate, self.power, self.seen, self.rows, self.first = rate, power, seen, rows, first
        self.losses, self.scores = [], []
        self.best_loss, self.best_score, self.best, self.waited = math.inf, -math.inf, None, 0
        self.failed = False

    def on_epoch_end(self, run):
        self.losses.append(float(run.logs["loss"]))
        self.seen += self.rows
        if self.is_better(run):
            self.waited = 0
        else:
            self.waited += 1
        if self.rate == "invscaling":
            run.optimizer.lr = self.first / (self.seen + 1) ** self.power
        if self.tol is not None and self.waited > self.patience:
            self.give_up(run)

    def is_better(self, run):
        """Whether this epoch was better than the best before it, by tol; keeps what was best."""
        tol, loss = self.tol or 0.0, self.losses[-1]
        if self.score is None:
            better = not loss > self.best_loss - tol
            self.best_loss = min(self.best_loss, loss)
            return better
        self.best_loss = min(self.best_loss, loss)
        found = float(self.score(run.model))
        self.scores.append(found)
        better = not found < self.best_score + tol
        if found > self.best_score:
            self.best_score, self.best = found, snapshot(run)
        return better

    def give_up(self, run):
        if self.rate == "adaptive" and run.optimizer.lr > 1e-6:
            run.optimizer.lr = run.optimizer.lr / 5
            self.waited = 0
            return
        what = "the training loss" if self.score is None else "the validation score"
        run.stop(f"{what} did not improve by tol={self.tol} for {self.waited} epochs in a row")

    def on_train_end(self, run):
        self.failed = run.failed
        if self.best is not None:
            restore(run, self.best)
