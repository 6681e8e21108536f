"""Rules that see a matrix as a whole: Muon and Adafactor, several kernel calls a step."""

import math

import numpy as np

from .. import kernels
from ..tape import state as thread
from . import options
from .optimizer import Optimizer
from .rules import refuse_unless_known

__all__ = ["Adafactor", "Muon"]

FINITE_AND_CLIPPED = ("maximize", "clip_value", "clip_norm", "clip_form", "per_tensor", "nonfinite", "zero")


class Matrix(Optimizer):
    """What they share: a direction is made of the gradients, then p = (1 - lr weight_decay) p - lr direction.

    The options that concern gradients act before the direction is made, the others with the step. Decay stands beside
    the step, L1 is proximal.
    """

    composite = True

    def check(self, group):
        super().check(group)
        if not group["decoupled_weight_decay"]:
            raise ValueError(f"{type(self).__name__}: its decay is beside the step: leave decoupled_weight_decay on")
        if group["l1"] and not group["proximal"]:
            raise ValueError(f"{type(self).__name__}: l1 needs proximal=True: the direction is not a sum of terms")

    def kernel(self, group):
        return kernels.sgd

    def parts(self, group, t):
        """The options' numbers, of the gradients and of the step."""
        numbers = options.numbers(group, group["lr"])
        if not numbers:
            return (), ()
        names = options.KERNEL_ORDER
        before = [x if n in FINITE_AND_CLIPPED else float(n == "keep") for n, x in zip(names, numbers, strict=True)]
        own = [n for n in FINITE_AND_CLIPPED if n != "nonfinite"]
        after = [0.0 if n in own else x for n, x in zip(names, numbers, strict=True)]
        return tuple(before), tuple(after)

    def numbers(self, group, t):
        return (*self.scalars(group, t), *self.parts(group, t)[1])

    def directions(self, update, p, g):
        """An array for each parameter, or None where the step is skipped."""
        raise NotImplementedError

    def launch(self, update, p, g):
        directions = self.directions(update, p, g)
        if directions is not None:
            update.call(kernels.sgd, (p, directions), update.scalars, update.arrays[1])


class Muon(Matrix):
    """Muon: momentum whose matrix is made orthogonal, so that a step turns every direction by as much.

    v = momentum v + (1 - momentum) g,   u = (1 - momentum) g + momentum v with nesterov, else v
    X = u / max(||u||, eps);   ns_steps times   A = X X^T,  X = a X + (b A + c A A) X
    p = (1 - lr weight_decay) p - lr adjusted X

    adjusted: sqrt(max(1, rows / columns)), or with adjust_lr_fn="match_rms_adamw"  0.2 sqrt(max(rows, columns)).
    Parameters are matrices (two dimensions); give the others to AdamW. The iteration runs in the parameter's dtype,
    where PyTorch's runs in bfloat16, so that the two agree to about two digits.
    Source: Jordan et al. (2024); Bernstein and Newhouse (2024); Newton and Schulz's iteration: Higham (2008).
    Errors: ValueError for a parameter that is no matrix, for momentum outside [0, 1), for a negative option.
    """

    slots = ("v",)
    torch_names = {"momentum_buffer": "v"}  # noqa: RUF012

    def __init__(
        self,
        params=None,
        lr=1e-3,
        weight_decay=0.1,
        momentum=0.95,
        nesterov=True,
        ns_coefficients=(3.4445, -4.7750, 2.0315),
        eps=1e-7,
        ns_steps=5,
        adjust_lr_fn=None,
        **shared,
    ):
        own = {"momentum": momentum, "nesterov": nesterov, "ns_coefficients": ns_coefficients, "ns_steps": ns_steps}
        own |= {"eps": eps, "adjust_lr_fn": adjust_lr_fn, "weight_decay": weight_decay}
        super().__init__(params, {"lr": lr, **own}, {"decoupled_weight_decay": True, **shared})

    def check(self, group):
        super().check(group)
        if not 0 <= group["momentum"] < 1:
            raise ValueError(f"Muon: momentum must be in [0, 1), not {group['momentum']}")
        if not 0 < group["ns_steps"] < 100:
            raise ValueError(f"Muon: ns_steps must be from 1 to 99, not {group['ns_steps']}")
        if len(group["ns_coefficients"]) != 3:
            raise ValueError(f"Muon: ns_coefficients must be three numbers, not {group['ns_coefficients']}")
        refuse_unless_known(self, "adjust_lr_fn", group["adjust_lr_fn"], (None, "original", "match_rms_adamw"))

    def own_params(self, own):
        params = super().own_params(own)
        for i, p in enumerate(params):
            if p.data.ndim != 2:
                raise ValueError(
                    f"Muon: parameter {i} {p.shape} is no matrix; give other shapes to another rule, as AdamW"
                )
        return params

    def scalars(self, group, t):
        return (group["lr"],)

    def blend_numbers(self, group, t):
        momentum = group["momentum"]
        return (momentum, 1 - momentum, float(group["nesterov"]), *self.parts(group, t)[0])

    def directions(self, update, p, g):
        group, batch = update.group, update.batch
        u = [kernels.output(x.shape, x.dtype) for x in p]
        for x in u:
            kernels.fill(x, 0.0)
        update.call(
            kernels.blend,
            (u, g, batch.arrays("v")),
            lambda ahead=0: self.blend_numbers(update.resolved(), batch.t + 1 + ahead),
        )
        return [orthogonal(x, group) for x in u]


def orthogonal(u, group):
    """The orthogonal matrix next to u, by Newton and Schulz's iteration, times its share of the step."""
    (rows, columns), (a, b, c) = u.shape, group["ns_coefficients"]
    if not u.size:
        return u
    x = u.T if rows > columns else u
    x = kernels.div(x, length(u, group["eps"]))
    for _ in range(group["ns_steps"]):
        gram = kernels.matmul(x, x.T)
        square = kernels.matmul(gram, gram)
        turn = kernels.add(kernels.mul(gram, b), kernels.mul(square, c))
        x = kernels.add(kernels.mul(x, a), kernels.matmul(turn, x))
    wide = group["adjust_lr_fn"] == "match_rms_adamw"
    share = 0.2 * math.sqrt(max(rows, columns)) if wide else math.sqrt(max(1, rows / columns))
    return kernels.mul(x.T if rows > columns else x, share, out=kernels.output(u.shape, u.dtype))


def length(u, least):
    """max(||u||, least) as an array of u's dtype without dimensions."""
    return in_dtype(kernels.maximum(root_of_squares(u), least), u.dtype)


def root_of_squares(u):
    """||u|| as an array of float64 without dimensions."""
    total = np.zeros(2)
    kernels.sum_squares(u, total)
    return kernels.sqrt(total[:1].reshape(()))


def in_dtype(x, dtype):
    return kernels.to_float32(x) if dtype == np.float32 else x


class Adafactor(Matrix):
    """Adafactor: Adam's scaling with two vectors in the place of a matrix of second moments, and steps relative to p.

    b(t) = t^beta2_decay,   rho(t) = min(lr, 1 / sqrt(t)),   alpha = max(eps2, ||p|| / sqrt(n)) rho(t)
    matrices:   R += b(t) (mean of g^2 over columns - R),   C += b(t) (mean over rows - C)
                V = R C / max(mean R, eps1)
    others:     V += b(t) (g^2 - V)
    u = g / sqrt(max(V, eps1^2)),   p = (1 - lr weight_decay) p - alpha u / max(1, ||u|| / (sqrt(n) d))

    eps = (eps1, eps2); eps1 = None is the eps of the dtype. Of more than two dimensions the last two are the matrix's.
    Source: Shazeer and Stern (2018), in PyTorch's form. The state of an n x m matrix is n + m numbers.
    Errors: ValueError for an option out of range; CaptureError for nonfinite="skip" in a captured step.
    """

    slots = ("row_var", "col_var", "variance")

    def __init__(self, params=None, lr=1e-2, beta2_decay=-0.8, eps=(None, 1e-3), d=1.0, weight_decay=0.0, **shared):
        own = {"beta2_decay": beta2_decay, "eps": eps, "d": d, "weight_decay": weight_decay}
        super().__init__(params, {"lr": lr, **own}, {"decoupled_weight_decay": True, **shared})

    def check(self, group):
        eps1, eps2 = group["eps"]
        super().check({**group, "eps": eps2})
        if eps1 is not None and not eps1 >= 0:
            raise ValueError(f"Adafactor: eps[0] must be at least 0, or None, not {eps1}")
        if not group["beta2_decay"] <= 0:
            raise ValueError(f"Adafactor: beta2_decay must be at most 0, not {group['beta2_decay']}")
        if not group["d"] >= 1:
            raise ValueError(f"Adafactor: d must be at least 1, not {group['d']}")

    def scalars(self, group, t):
        return (min(group["lr"], 1 / math.sqrt(t)),)

    def begin(self, own, p, group, slots):
        slots = ("row_var", "col_var") if p.data.ndim > 1 else ("variance",)
        super().begin(own, p, group, slots)

    def state_shape(self, slot, p):
        shape = p.shape
        if slot == "row_var":
            return (*shape[:-1], 1)
        return (*shape[:-2], 1, shape[-1]) if slot == "col_var" else shape

    def arrays(self, group, batch):
        return [], [batch.arrays("average") if group["ema"] is not None else None]

    def directions(self, update, p, g):
        group, batch = update.group, update.batch
        if group["nonfinite"] == "skip" and thread.capture:
            raise kernels.CaptureError(
                'Adafactor with nonfinite="skip" cannot be captured: whether its state moves is decided in Python; '
                'use "raise", or another rule'
            )
        fresh = np.zeros((), p[0].dtype)  # b(t), which a replay fills in

        def numbers(ahead=0):
            t = batch.t + 1 + ahead
            fresh[...] = t ** group["beta2_decay"]
            return (-1.0, *self.parts(update.resolved(), t)[0])

        seen = [kernels.output(x.shape, x.dtype) for x in p]
        for x in seen:
            kernels.fill(x, 0.0)
        update.call(kernels.sgd, (seen, g), numbers)  # 0 - (-1) g'
        if update.report is not None and update.report[2] and not thread.capture:
            return None
        return [scaled(*xs, fresh, group) for xs in zip(p, seen, batch.states, strict=True)]


def scaled(p, g, own, fresh, group):
    """alpha / rho u of one tensor; its state is changed."""
    eps1, eps2 = group["eps"]
    eps1 = float(np.finfo(p.dtype).eps) if eps1 is None else eps1
    if not p.size:
        return g
    square = kernels.mul(g, g)
    if p.ndim > 1:
        v = factored(square, own["row_var"], own["col_var"], fresh, eps1)
    else:
        v = own["variance"]
        kernels.lerp(v, square, fresh, out=v)
    u = kernels.div(g, kernels.sqrt(kernels.maximum(v, eps1 * eps1)))
    n = math.sqrt(p.size)
    size = kernels.maximum(kernels.div(root_of_squares(p), n), eps2)
    excess = kernels.maximum(kernels.div(root_of_squares(u), n * group["d"]), 1.0)
    return kernels.mul(u, in_dtype(kernels.div(size, excess), p.dtype))


def factored(square, row_var, col_var, fresh, eps1):
    """R C / mean R of the last two dimensions, R and C brought up to date."""
    *batch, rows, columns = square.shape
    count = math.prod(batch)
    by_row = kernels.div(kernels.sum(square.reshape(count * rows, columns, 1)), columns)
    by_column = kernels.div(kernels.sum(square.reshape(count, rows, columns)), rows)
    kernels.lerp(row_var, by_row.reshape(row_var.shape), fresh, out=row_var)
    kernels.lerp(col_var, by_column.reshape(col_var.shape), fresh, out=col_var)
    mean = kernels.div(kernels.sum(row_var.reshape(count, rows, 1)), rows)
    mean = kernels.maximum(mean, eps1).reshape(*batch, 1, 1)
    return kernels.div(kernels.mul(row_var, col_var), mean)
