"""What an optimizer takes: parameters as a list, and arrays that a kernel can work on."""

from ..tape import Value

__all__ = ["listed", "unfit"]


def listed(name, params):
    """The parameters as a list, in the order in which they come."""
    if isinstance(params, Value):
        raise TypeError(f"{name} takes a list of tensors, not one tensor: pass [tensor] or model.parameters()")
    if callable(getattr(params, "parameters", None)):
        raise TypeError(f"{name} takes parameters, not a {type(params).__name__}: pass its parameters()")
    if callable(params):
        raise TypeError(f"{name} takes parameters, not a {type(params).__name__}: call it, model.parameters()")
    if isinstance(params, (dict, set, frozenset, str)):
        raise TypeError(f"{name} takes a list, which has an order, not a {type(params).__name__}: model.parameters()")
    if isinstance(params, (int, float)):
        raise TypeError(f"{name} takes parameters first, then lr: {name}(model.parameters(), lr={params})")
    return list(params)


def unfit(data, g, zero):
    """Why no kernel can update `data` by `g`, or None."""
    if not data.flags.writeable:
        return ", is read-only; make it of a writable array, for example a copy"
    if not data.flags.aligned:
        return ", begins at an odd address; make it of an array of its own memory, for example a copy"
    if not data.flags.c_contiguous:
        return f", is not C-contiguous (strides {data.strides}); make it of a contiguous array"
    if g.shape != data.shape or g.dtype != data.dtype:
        return f" {data.dtype}, has a gradient {g.shape} {g.dtype}; make them alike"
    if not g.flags.c_contiguous:
        return f": its gradient is not C-contiguous (strides {g.strides}); set grad to a contiguous copy"
    if zero and not g.flags.writeable:
        return ": its gradient is read-only and zero=True would write it; set grad to a copy"
    return None
