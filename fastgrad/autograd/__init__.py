"""Using the tape: gradients by call, switches, rules of one's own, anomaly detection, Jacobians."""

from ..later import attributes
from .grad_mode import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from .gradient import backward, grad

__all__ = [
    "Function",
    "FunctionCtx",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "is_anomaly_enabled",
    "is_grad_enabled",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
]

__getattr__, __dir__ = attributes(
    __name__,
    {
        "anomaly": ("detect_anomaly", "is_anomaly_enabled", "set_detect_anomaly"),
        "differences": ("gradcheck", "gradgradcheck"),
        "function": ("Function", "FunctionCtx"),
        "functional": (),
    },
)
