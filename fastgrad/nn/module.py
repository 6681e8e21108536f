"""Module: parameters and modules by name; and the containers."""

from collections.abc import Mapping

import numpy as np

from .. import tape
from ..interop import destination
from ..tape import changed
from ..tensor import Tensor, as_array
from . import hooks

__all__ = ["Flatten", "Module", "Parameter", "Sequential"]


class Parameter(Tensor):
    """A tensor that a module trains: it requires a gradient, and setting it as an attribute registers it."""

    __slots__ = ()

    def __init__(self, data, requires_grad=True):
        super().__init__(data, requires_grad)

    def __repr__(self):
        return f"Parameter containing:\n{super().__repr__()}"


class Module:
    """A part of a network. Subclasses set parameters and modules as attributes and define ``forward``.

    >>> import fastgrad as fg
    >>> class Net(fg.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.body = fg.nn.Linear(2, 3)
    ...     def forward(self, x):
    ...         return fg.nn.functional.relu(self.body(x))
    >>> [name for name, _ in Net().named_parameters()]
    ['body.weight', 'body.bias']
    """

    _parameters: dict
    _modules: dict
    _buffers: dict  # name -> tensor, or None
    _passing: frozenset = frozenset()  # names of buffers that state_dict leaves out
    _hooks: hooks.ModuleHooks | None = None
    training: bool

    def __init__(self, *args, **kwargs):
        if args or kwargs:
            name = type(self).__name__
            if any(isinstance(x, (Tensor, np.ndarray)) for x in args):
                raise TypeError(f"{name}(x): make the module first, then call it: {name}()(x)")
            given = ", ".join([*map(repr, args), *(f"{k}={v!r}" for k, v in kwargs.items())])
            raise TypeError(f"{name}: Module.__init__() takes no arguments, leave out {given}")
        self.__dict__.update(_parameters={}, _modules={}, _buffers={}, training=True)

    def forward(self, *inputs):
        name = type(self).__name__
        raise NotImplementedError(f"{name} does not define forward: write def forward(self, x) in class {name}")

    def __getattr__(self, name):
        mine = type(self).__name__
        if name in ("_parameters", "_modules", "_buffers", "training"):
            text = f"{mine}: call super().__init__() at the beginning of its __init__"
        else:
            text = f"{mine!r} object has no attribute {name!r}"
        raise AttributeError(text, name=name, obj=self)

    def __call__(self, *args, **kwargs):
        if self._hooks is None and not tape.is_watched:
            return self.forward(*args, **kwargs)
        return hooks.call(self, args, kwargs)

    def __setattr__(self, name, value):
        registries = [self.__dict__[key] for key in ("_parameters", "_modules") if key in self.__dict__]
        if isinstance(value, (Parameter, Module)):
            if not registries:
                raise AttributeError(f"{type(self).__name__}: call super().__init__() before setting {name}")
            mine = registries.pop(isinstance(value, Module))
            mine[name] = value
            self._buffers.pop(name, None)
        elif value is not None:
            self._refuse_other(name, value)
        for registry in registries:
            registry.pop(name, None)
        if name in self.__dict__.get("_buffers", ()):
            self._buffers[name] = value
        object.__setattr__(self, name, value)

    def _refuse_other(self, name, value):
        """Raises where a value that is neither would take the place of a parameter or module."""
        mine = f"{type(self).__name__}.{name}"
        if name in self.__dict__.get("_parameters", ()):
            raise TypeError(
                f"{mine} is a Parameter; a value of type {type(value).__name__} would not be trained in its place: "
                f"assign nn.Parameter(tensor), or write into it by copy_ or fill_ under no_grad()"
            )
        if name in self.__dict__.get("_modules", ()):
            raise TypeError(
                f"{mine} is a Module; a value of type {type(value).__name__} cannot take its place: "
                f"assign a Module, or None"
            )
        if name in self.__dict__.get("_buffers", ()) and not isinstance(value, Tensor):
            raise TypeError(
                f"{mine} is a buffer; a value of type {type(value).__name__} cannot take its place: "
                f"assign a tensor, or None"
            )

    def __delattr__(self, name):
        self._parameters.pop(name, None)
        self._modules.pop(name, None)
        self._buffers.pop(name, None)
        object.__delattr__(self, name)

    def register_parameter(self, name, param):
        """Sets a parameter by name; None is no parameter. Errors: TypeError for anything else."""
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"register_parameter: {name} is a {kind_of(param)}; make it nn.Parameter(tensor)")
        setattr(self, name, param)

    def register_buffer(self, name, tensor, persistent=True):
        """Sets a buffer by name: a tensor that is no parameter and yet part of the state, running statistics say.

        None is a buffer that is not there. persistent: whether `state_dict` has it. Afterwards a tensor set as an
        attribute of this name takes its place. Errors: TypeError for what is no tensor, and for a parameter; KeyError
        for a name that is taken or has a dot.

        >>> import fastgrad as fg
        >>> net = fg.nn.Module()
        >>> net.register_buffer("steps", fg.tensor(0))
        >>> [name for name, _ in net.named_buffers()]
        ['steps']
        """
        mine = f"register_buffer of {type(self).__name__}"
        if "_buffers" not in self.__dict__:
            raise AttributeError(f"{mine}: call super().__init__() first")
        if not isinstance(name, str) or not name or "." in name:
            raise KeyError(f"{mine}: a name is a word without a dot, not {name!r}")
        if hasattr(self, name) and name not in self._buffers:
            raise KeyError(f"{mine}: the module has an attribute {name!r} already; choose another name")
        if tensor is not None and (isinstance(tensor, Parameter) or not isinstance(tensor, Tensor)):
            raise TypeError(
                f"{mine}: {name} is a {kind_of(tensor)}; a buffer is a tensor that is no Parameter, or None"
            )
        self._buffers[name] = tensor
        object.__setattr__(self, "_passing", self._passing - {name} if persistent else self._passing | {name})
        object.__setattr__(self, name, tensor)

    def add_module(self, name, module):
        """Sets a module by name; None is no module. Errors: TypeError for anything else."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"add_module: {name} is a {kind_of(module)}, not a Module")
        setattr(self, name, module)

    # -- hooks ---------------------------------------------------------------------------------------------------------
    def register_forward_pre_hook(self, hook, *, prepend=False, with_kwargs=False):
        """Calls ``hook(module, args)`` before forward; what it returns, if not None, are the arguments instead.

        ``with_kwargs``: ``hook(module, args, kwargs)``, which returns None or (args, kwargs). Returns a handle with
        ``remove()``, as all of these do.
        """
        return hooks.register(self, "before", hook, prepend, with_kwargs)

    def register_forward_hook(self, hook, *, prepend=False, with_kwargs=False, always_call=False):
        """Calls ``hook(module, args, output)`` after forward; what it returns, if not None, is the output instead.

        ``with_kwargs``: ``hook(module, args, kwargs, output)``. ``always_call``: also when forward fails.
        """
        return hooks.register(self, "after", hook, prepend, with_kwargs, always_call)

    def register_full_backward_pre_hook(self, hook, prepend=False):
        """Calls ``hook(module, grad_output)``, a tuple, when the gradients of the outputs are known.

        What it returns, if not None, takes the place of grad_output.
        """
        return hooks.register(self, "backward_before", hook, prepend)

    def register_full_backward_hook(self, hook, prepend=False):
        """Calls ``hook(module, grad_input, grad_output)`` when the gradients of the arguments are known.

        Both are tuples; None for what is no tensor or needs no gradient. What it returns, if not None, takes the place
        of grad_input. Keyword arguments are not seen. Where no argument requires a gradient, it is called when the
        gradients of the outputs are known.
        """
        return hooks.register(self, "backward_after", hook, prepend)

    # -- walking -------------------------------------------------------------------------------------------------------
    def named_modules(self, prefix=""):
        """This module and all below it, with dotted names."""
        yield prefix, self
        for name, module in self._modules.items():
            yield from module.named_modules(f"{prefix}.{name}" if prefix else name)

    def modules(self):
        return (module for _, module in self.named_modules())

    def children(self):
        return iter(self._modules.values())

    def named_parameters(self):
        """Dotted name and parameter, each parameter once."""
        seen = set()
        for prefix, module in self.named_modules():
            for name, p in module._parameters.items():
                if id(p) not in seen:
                    seen.add(id(p))
                    yield f"{prefix}.{name}" if prefix else name, p

    def parameters(self):
        return (p for _, p in self.named_parameters())

    def named_buffers(self):
        """Dotted name and buffer, each buffer once."""
        seen = set()
        for prefix, module in self.named_modules():
            for name, buffer in module._buffers.items():
                if buffer is not None and id(buffer) not in seen:
                    seen.add(id(buffer))
                    yield f"{prefix}.{name}" if prefix else name, buffer

    def buffers(self):
        return (buffer for _, buffer in self.named_buffers())

    def _named_state(self):
        """Dotted name and tensor of all that is saved: of each module its parameters, then its persistent buffers."""
        seen = set()
        for prefix, module in self.named_modules():
            saved = {n: b for n, b in module._buffers.items() if b is not None and n not in module._passing}
            for name, x in {**module._parameters, **saved}.items():
                if id(x) not in seen:
                    seen.add(id(x))
                    yield f"{prefix}.{name}" if prefix else name, x

    # -- switching -----------------------------------------------------------------------------------------------------
    def train(self, mode=True):
        for module in self.modules():
            module.training = mode
        return self

    def eval(self):
        return self.train(False)

    def requires_grad_(self, requires_grad=True):
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none=True):
        for p in self.parameters():
            if set_to_none:
                p.grad = None
            elif p.grad is not None:
                p.grad.zero_()

    def apply(self, function):
        """Calls `function` on every module, the innermost first."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    def to(self, *to, dtype=None, device=None):
        """Parameters and floating buffers in another dtype; the only device is the CPU: ``to("cpu")`` does nothing."""
        dtype = destination(*to, dtype=dtype, device=device)
        for p in self.parameters() if dtype is not None else ():
            p.data = p.data.astype(dtype)
            p.grad = None
        for buffer in self.buffers() if dtype is not None else ():
            if buffer.dtype.kind == "f":
                buffer.data = buffer.data.astype(dtype)
        return self

    def double(self):
        return self.to(np.float64)

    def float(self):
        return self.to(np.float32)

    def cpu(self):
        """Itself: it is there."""
        return self

    def cuda(self, device=None):
        """Refused: RuntimeError, with what to write instead."""
        return self.to("cuda" if device is None else device)

    # -- saving --------------------------------------------------------------------------------------------------------
    def state_dict(self):
        """Dotted name to array (a copy), in order: parameters, and persistent buffers."""
        return {name: np.array(x.data) for name, x in self._named_state()}

    def load_state_dict(self, state, strict=True):
        """Copies arrays in by name. Everything is checked before anything is changed.

        Errors: KeyError naming missing and unexpected names (``strict``), ValueError naming a shape that
        differs, TypeError a dtype.
        """
        if not isinstance(state, Mapping):
            raise TypeError(f"load_state_dict takes a dict as state_dict() gives, not a {kind_of(state)}")
        own = dict(self._named_state())
        missing, unexpected = [n for n in own if n not in state], [n for n in state if n not in own]
        if strict and (missing or unexpected):
            raise KeyError(
                f"load_state_dict: missing {missing}, unexpected {unexpected}; strict=False loads what both have"
            )
        arrays = {name: array_of(state[name]) for name in own if name in state}
        for name, array in arrays.items():
            if array.shape != own[name].shape:
                raise ValueError(
                    f"load_state_dict: {name} has shape {array.shape}, the module's {own[name].shape}; "
                    f"make the module with the sizes it was saved with"
                )
            if not np.can_cast(array.dtype, own[name].dtype, "same_kind"):
                raise TypeError(f"load_state_dict: {name} is {array.dtype}, which does not become {own[name].dtype}")
            if not own[name].data.flags.writeable:
                raise ValueError(f"load_state_dict: the module's {name} is read-only")
        for name, array in arrays.items():
            np.copyto(own[name].data, array, casting="same_kind")
            changed(own[name].data)
        return missing, unexpected

    def extra_repr(self):
        return ""

    def __repr__(self):
        inner = [f"({name}): " + repr(module).replace("\n", "\n  ") for name, module in self._modules.items()]
        if not inner:
            return f"{type(self).__name__}({self.extra_repr()})"
        return "\n".join([f"{type(self).__name__}(", *(f"  {line}" for line in inner), ")"])


def array_of(x):
    """`as_array`, which leaves it to the caller what dtype an array may have."""
    return x if isinstance(x, np.ndarray) else as_array(x)


def kind_of(x):
    """What a thing is, for an error: its class, or which class it is."""
    return f"class, {x.__name__}" if isinstance(x, type) else type(x).__name__


def remedy(x):
    """What to write in Sequential instead of a thing that is no module."""
    if isinstance(x, (list, tuple)):
        return "; pass the modules one by one: Sequential(*modules)"
    if isinstance(x, type):
        return f"; make one: {x.__name__}()"
    return "; a function's module is for example nn.ReLU(), or a Module whose forward calls it" if callable(x) else ""


class Sequential(Module):
    """Modules one after another."""

    def __init__(self, *modules):
        super().__init__()
        for i, module in enumerate(modules):
            if not isinstance(module, Module):
                raise TypeError(f"Sequential: argument {i} is a {kind_of(module)}, not a Module{remedy(module)}")
            self.add_module(str(i), module)

    def forward(self, x):
        for module in self._modules.values():
            x = module(x)
        return x

    def __len__(self):
        return len(self._modules)

    def __iter__(self):
        return iter(self._modules.values())

    def __getitem__(self, i):
        modules = list(self._modules.values())
        if isinstance(i, slice):
            return Sequential(*modules[i])
        if not -len(modules) <= i < len(modules):
            raise IndexError(f"Sequential: index {i} of {len(modules)} modules")
        return modules[i]


class Flatten(Module):
    """The axes from `start_dim` to `end_dim` as one."""

    def __init__(self, start_dim=1, end_dim=-1):
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x):
        return x.flatten(self.start_dim, self.end_dim)
