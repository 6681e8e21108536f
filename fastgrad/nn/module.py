"""Module: parameters and modules by name."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from .. import tape
from ..interop import destination
from ..tape import changed, wrap
from ..tensor import Tensor, as_array
from . import hooks

__all__ = ["Loaded", "Module", "Parameter"]


class Parameter(Tensor):
    """A tensor that a module trains: it requires a gradient, and setting it as an attribute registers it."""

    __slots__ = ()

    def __init__(self, data, requires_grad=True):
        super().__init__(data, requires_grad)

    def __repr__(self):
        return f"Parameter containing:\n{super().__repr__()}"


class Loaded(NamedTuple):
    """What `load_state_dict` says: names the state lacked, and names it had too many."""

    missing_keys: list
    unexpected_keys: list


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
    _frozen: bool = False  # by `fastgrad.train.freeze`: train() leaves it in evaluation mode
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
        if self._hooks is None and not tape.is_watched and tape.state.capture is None:
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
        """Sets a parameter by name; None is no parameter.

        Errors: TypeError for anything else, KeyError for a name with a dot, or one that another attribute has.
        """
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"register_parameter: {name} is a {kind_of(param)}; make it nn.Parameter(tensor)")
        self._refuse_name("register_parameter", name, "_parameters")
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
        self._refuse_name("register_buffer", name, "_buffers")
        if tensor is not None and (isinstance(tensor, Parameter) or not isinstance(tensor, Tensor)):
            raise TypeError(
                f"{mine}: {name} is a {kind_of(tensor)}; a buffer is a tensor that is no Parameter, or None"
            )
        self._buffers[name] = tensor
        object.__setattr__(self, "_passing", self._passing - {name} if persistent else self._passing | {name})
        object.__setattr__(self, name, tensor)

    def add_module(self, name, module):
        """Sets a module by name; None is no module.

        Errors: TypeError for anything else, KeyError for a name with a dot, or one that another attribute has.
        """
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"add_module: {name} is a {kind_of(module)}, not a Module")
        self._refuse_name("add_module", name, "_modules")
        setattr(self, name, module)

    def register_module(self, name, module):
        """`add_module`."""
        self.add_module(name, module)

    def _refuse_name(self, method, name, registry):
        mine = type(self).__name__
        if not isinstance(name, str):
            raise TypeError(f"{method}: a name is a string, not {name!r}")
        if not name or "." in name:
            raise KeyError(f"{method}: {name!r} is no name in {mine}: a dot separates a module's name from its part's")
        if hasattr(self, name) and name not in self.__dict__[registry] and getattr(self, name) is not None:
            raise KeyError(f"{method}: {mine} has another attribute {name!r}; choose another name")

    # -- parts by name -------------------------------------------------------------------------------------------------
    def get_submodule(self, target):
        """The module of a dotted name, as `named_modules` gives it: ``get_submodule("body.0")``; "" is itself.

        Errors: AttributeError that says where the path ends.
        """
        module = self
        for i, name in enumerate(target.split(".") if target else ()):
            if name not in module._modules:
                at = ".".join(target.split(".")[:i]) or type(self).__name__
                raise AttributeError(f"get_submodule: {at} has no module {name!r}, but {list(module._modules)}")
            module = module._modules[name]
        return module

    def get_parameter(self, target):
        """The parameter of a dotted name. Errors: AttributeError that says where the path ends."""
        path, _, name = target.rpartition(".")
        parameters = self.get_submodule(path)._parameters
        if name not in parameters:
            raise AttributeError(
                f"get_parameter: {path or type(self).__name__} has no parameter {name!r}, but {list(parameters)}"
            )
        return parameters[name]

    def set_submodule(self, target, module):
        """Puts another module in the place of the one of a dotted name."""
        path, _, name = target.rpartition(".")
        self.get_submodule(target)
        setattr(self.get_submodule(path), name, module)

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
    def named_modules(self, memo=None, prefix="", remove_duplicate=True):
        """This module and all below it, with dotted names; each once, by its first name, if `remove_duplicate`.

        `memo`: a set of modules to pass over, to which those that are given are added.
        """
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            yield from module.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self):
        """This module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def named_children(self):
        """Name and module of each direct part, each module once."""
        seen = set()
        for name, module in self._modules.items():
            if module not in seen:
                seen.add(module)
                yield name, module

    def children(self):
        """The direct parts, each once."""
        return (module for _, module in self.named_children())

    def named_parameters(self, prefix="", recurse=True, remove_duplicate=True):
        """Dotted name and parameter; each parameter once, by its first name, if `remove_duplicate`.

        Without `recurse` this module's own alone.
        """
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse=True):
        """Every parameter, once; for an optimizer. Without `recurse` this module's own alone."""
        return (p for _, p in self.named_parameters("", recurse))

    def named_buffers(self, prefix="", recurse=True, remove_duplicate=True):
        """Dotted name and buffer, as `named_parameters` gives parameters."""
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse=True):
        """Every buffer, once."""
        return (buffer for _, buffer in self.named_buffers("", recurse))

    def _named(self, registry, prefix, recurse, remove_duplicate):
        modules = self.named_modules(None, prefix, remove_duplicate) if recurse else [(prefix, self)]
        seen = set()
        for path, module in modules:
            for name, x in getattr(module, registry).items():
                if x is not None and not (remove_duplicate and id(x) in seen):
                    seen.add(id(x))
                    yield f"{path}.{name}" if path else name, x

    def _named_state(self):
        """Dotted name and tensor of all that is saved: of each module its parameters, then its persistent buffers."""
        for path, module in self.named_modules(remove_duplicate=False):
            saved = {n: b for n, b in module._buffers.items() if b is not None and n not in module._passing}
            for name, x in {**module._parameters, **saved}.items():
                yield f"{path}.{name}" if path else name, x

    # -- switching -----------------------------------------------------------------------------------------------------
    def train(self, mode=True):
        """Sets `training` here and below, which dropout and batch normalisation ask for. Returns the module.

        What `fastgrad.train.freeze` holds stays in evaluation mode.
        """
        if not isinstance(mode, (bool, np.bool_)):
            raise TypeError(f"train: mode is True or False, not a {kind_of(mode)}")
        for module in self.modules():
            module.training = mode and not module._frozen
        return self

    def eval(self):
        """``train(False)``."""
        return self.train(False)

    def requires_grad_(self, requires_grad=True):
        """Whether the parameters are trained; False freezes them. Returns the module."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none=True):
        """Takes away every parameter's gradient, or sets it to 0 in its memory."""
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
        """Every parameter, its gradient, and every float buffer in another float dtype; what has it keeps its memory.

        The only device is the CPU: ``model.to("cpu")`` changes nothing. Errors: TypeError for a dtype of no floats.
        """
        dtype = destination(*to, dtype=dtype, device=device)
        if dtype is not None and dtype.kind != "f":
            raise TypeError(f"{type(self).__name__}.to: parameters are floats, they cannot become {dtype}")
        for p in self.parameters() if dtype is not None else ():
            if p.dtype != dtype:
                grad, p.grad = p.grad, None
                p.data = p.data.astype(dtype)
                p.grad = None if grad is None else wrap(grad.data.astype(dtype))
        for buffer in self.buffers() if dtype is not None else ():
            if buffer.dtype.kind == "f" and buffer.dtype != dtype:
                buffer.data = buffer.data.astype(dtype)
        return self

    type = to

    def double(self):
        """Every parameter as float64."""
        return self.to(np.float64)

    def float(self):
        """Every parameter as float32."""
        return self.to(np.float32)

    def half(self):
        """Every parameter as float16, which NumPy computes."""
        return self.to(np.float16)

    def cpu(self):
        """Itself: it is there."""
        return self

    def cuda(self, device=None):
        """Refused: RuntimeError, with what to write instead."""
        return self.to("cuda" if device is None else device)

    # -- saving --------------------------------------------------------------------------------------------------------
    def state_dict(self):
        """Dotted name to array (a copy), in order: of each module its parameters, then its persistent buffers.

        What has two names has two entries, as in PyTorch.
        """
        return {name: np.array(x.data) for name, x in self._named_state()}

    def load_state_dict(self, state, strict=True):
        """Copies arrays in by name. Everything is checked before anything is changed.

        Takes arrays and tensors, PyTorch's too. Returns (missing_keys, unexpected_keys).
        Errors: KeyError naming missing and unexpected names (``strict``), ValueError naming every shape that differs,
        TypeError a dtype.
        """
        if not isinstance(state, Mapping):
            raise TypeError(f"load_state_dict takes a dict as state_dict() gives, not a {kind_of(state)}")
        own = dict(self._named_state())
        missing, unexpected = [n for n in own if n not in state], [n for n in state if n not in own]
        if strict and (missing or unexpected):
            raise KeyError(
                f"load_state_dict: missing {missing}, unexpected {unexpected}; strict=False loads what both have"
                f"{other_prefix(missing, unexpected)}"
            )
        arrays = {name: array_of(state[name]) for name in own if name in state}
        refuse_misfits(own, arrays)
        for name, array in arrays.items():
            np.copyto(own[name].data, array, casting="same_kind")
            changed(own[name].data)
        return Loaded(missing, unexpected)

    def extra_repr(self):
        """What a subclass says of itself in ``repr``."""
        return ""

    def __repr__(self):
        inner: list = []  # name of the first and the last of equal modules in a row, how many, their text
        for name, module in self._modules.items():
            text = repr(module)
            if inner and inner[-1][3] == text and is_next(inner[-1][1], name):
                inner[-1] = [inner[-1][0], name, inner[-1][2] + 1, text]
            else:
                inner.append([name, name, 1, text])
        extra = self.extra_repr()
        return text_of(
            type(self).__name__,
            extra.splitlines() if extra else [],
            [f"({a}): {text}" if n == 1 else f"({a}-{b}): {n} x {text}" for a, b, n, text in inner],
        )


def is_next(name, other):
    """Whether two names are numbers, the second one more: layers that are listed as one line."""
    return name.isdigit() and other.isdigit() and int(other) == int(name) + 1


def text_of(name, extra, inner):
    """name(extra), over several lines if there are more than one, or parts."""
    if not inner and len(extra) <= 1:
        return f"{name}({''.join(extra)})"
    lines = [line.replace("\n", "\n  ") for line in [*extra, *inner]]
    return "\n".join([f"{name}(", *(f"  {line}" for line in lines), ")"])


def refuse_misfits(own, arrays):
    """Raises where arrays cannot be copied into the tensors of the same name."""
    differ = [
        f"{name} has shape {array.shape}, the module's {own[name].shape}"
        for name, array in arrays.items()
        if array.shape != own[name].shape
    ]
    if differ:
        raise ValueError(f"load_state_dict: {'; '.join(differ)}; make the module with the sizes it was saved with")
    for name, array in arrays.items():
        if not np.can_cast(array.dtype, own[name].dtype, "same_kind"):
            raise TypeError(f"load_state_dict: {name} is {array.dtype}, which does not become {own[name].dtype}")
        if not own[name].data.flags.writeable:
            raise ValueError(f"load_state_dict: the module's {name} is read-only")


def other_prefix(missing, unexpected):
    """A hint where all names fit but for something before them, as in states of wrapped models: "module.0.weight"."""
    if not missing or len(missing) != len(unexpected):
        return ""
    for longer, shorter, what in ((unexpected, missing, "have"), (missing, unexpected, "lack")):
        prefix = longer[0].removesuffix(shorter[0])
        if prefix and prefix != longer[0] and [prefix + name for name in shorter] == longer:
            return f"; the state's names {what} {prefix!r} before them"
    return ""


def array_of(x):
    """A tensor's array, of fastgrad's or PyTorch's, or any data as an array; its dtype is left to the caller."""
    is_other = hasattr(x, "__array__") and not isinstance(x, Tensor)
    return np.asarray(x) if is_other else as_array(x)


def kind_of(x):
    """What a thing is, for an error: its class, or which class it is."""
    return f"class, {x.__name__}" if isinstance(x, type) else type(x).__name__
