"""Modules that hold modules or parameters: one after another, as a list, by name."""

from collections.abc import Mapping

from ..tape import Value
from . import pairing
from .module import Module, Parameter, kind_of, text_of

__all__ = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]


def remedy(x):
    """What to write in Sequential instead of a thing that is no module."""
    if isinstance(x, (list, tuple)):
        return "; pass the modules one by one: Sequential(*modules)"
    if isinstance(x, type):
        return f"; make one: {x.__name__}()"
    return "; a function's module is for example nn.ReLU(), or a Module whose forward calls it" if callable(x) else ""


class Numbered(Module):
    """What Sequential and ModuleList share: modules by index. Their names are "0", "1", ... unless given."""

    def __len__(self):
        return len(self._modules)

    def __iter__(self):
        return iter(self._modules.values())

    def __getitem__(self, i):
        if isinstance(i, slice):
            return self._alike(list(self._modules.items())[i])
        return self._modules[self._name_at(i)]

    def __setitem__(self, i, module):
        self._refuse(module, i)
        setattr(self, self._name_at(i), module)

    def __delitem__(self, i):
        names = list(self._modules)
        gone = set(names[i]) if isinstance(i, slice) else {self._name_at(i)}
        self._renew([(name, module) for name, module in self._modules.items() if name not in gone])

    def __add__(self, other):
        if not isinstance(other, type(self)):
            return NotImplemented
        return self._alike([*self._modules.items(), *other._modules.items()], numbered=True)

    def __iadd__(self, other):
        return self.extend(other)

    def append(self, module):
        """Adds a module at the end; returns the container."""
        return self.insert(len(self), module)

    def extend(self, modules):
        """Adds several modules at the end; returns the container. All are checked before one is added."""
        modules = list(modules)
        for i, module in enumerate(modules):
            self._refuse(module, len(self) + i)
        for module in modules:
            self.append(module)
        return self

    def insert(self, i, module):
        """Puts a module before the one at index `i`; those behind it move up. Returns the container."""
        self._refuse(module, i)
        if not -len(self) <= i <= len(self):
            raise IndexError(f"{type(self).__name__}: insert at {i}, of {len(self)} modules")
        items = list(self._modules.items())
        items.insert(i, (None, module))
        self._renew(items)
        return self

    def pop(self, i=-1):
        """Takes a module out and returns it."""
        module = self[i]
        del self[i]
        return module

    def _name_at(self, i):
        names = list(self._modules)
        if not hasattr(i, "__index__"):
            raise TypeError(f"{type(self).__name__}: an index is an integer or a slice, not {i!r}")
        if not -len(names) <= i < len(names):
            raise IndexError(f"{type(self).__name__}: index {i} of {len(names)} modules")
        return names[i]

    def _refuse(self, module, i):
        if not isinstance(module, Module):
            raise TypeError(f"{type(self).__name__}: argument {i} is a {kind_of(module)}, not a Module{remedy(module)}")

    def _renew(self, items, numbered=True):
        """Holds these (name, module) instead; names that are numbers, None, or taken become numbers if `numbered`."""
        found: dict = {}
        for i, (name, module) in enumerate(items):
            anew = numbered and (name is None or name.isdigit() or name in found)
            found[str(i) if anew else name] = module
        for name in list(self._modules):
            delattr(self, name)
        for name, module in found.items():
            Module.add_module(self, name, module)

    def _alike(self, items, numbered=False):
        """A plain container of these: what a subclass adds is its own affair."""
        is_sequential = isinstance(self, Sequential)
        out = Sequential() if is_sequential else ModuleList()
        out._renew(items, numbered or not is_sequential)
        return out


class Sequential(Numbered):
    """Modules one after another: out = m_n(... m_1(x)).

    ``Sequential(a, b)`` names them "0" and "1", ``Sequential(OrderedDict(first=a, second=b))`` as the dict does. A
    slice keeps names and modules: ``net[:2]``. Layers with ``init="auto"`` are drawn for what follows them in it.
    Errors: TypeError for what is no module.

    >>> import fastgrad as fg
    >>> net = fg.nn.Sequential({"body": fg.nn.Linear(2, 3), "bend": fg.nn.ReLU()})
    >>> net.append(fg.nn.Linear(3, 1))
    Sequential(
      (body): Linear(in_features=2, out_features=3, bias=True)
      (bend): ReLU()
      (2): Linear(in_features=3, out_features=1, bias=True)
    )
    >>> net(fg.zeros(5, 2)).shape
    (5, 1)
    """

    is_chain = True

    def __init__(self, *modules):
        super().__init__()
        named = len(modules) == 1 and isinstance(modules[0], Mapping) and not isinstance(modules[0], Module)
        for name, module in modules[0].items() if named else enumerate(modules):
            self._refuse(module, name)
            super().add_module(str(name), module)
        pairing.settle(self)

    def forward(self, x):
        for module in self._modules.values():
            x = module(x)
        return x

    def add_module(self, name, module):
        super().add_module(name, module)
        pairing.settle(self)

    def insert(self, i, module):
        super().insert(i, module)
        pairing.settle(self)
        return self

    def __setitem__(self, i, module):
        super().__setitem__(i, module)
        pairing.settle(self)


class ModuleList(Numbered):
    """A list of modules that are trained, moved and saved with the module that holds it; it has no forward.

    Errors: TypeError for what is no module.

    >>> import fastgrad as fg
    >>> layers = fg.nn.ModuleList(fg.nn.Linear(4, 4) for _ in range(3))
    >>> layers.append(fg.nn.Tanh())
    ModuleList(
      (0-2): 3 x Linear(in_features=4, out_features=4, bias=True)
      (3): Tanh()
    )
    """

    def __init__(self, modules=None):
        super().__init__()
        self.extend(() if modules is None else modules)


class Named:
    """What ModuleDict and ParameterDict share: things by name, in the order in which they were added."""

    _registry: str

    def __setitem__(self, name, thing):
        raise NotImplementedError

    def _items(self):
        return vars(self)[self._registry]

    def __len__(self):
        return len(self._items())

    def __iter__(self):
        return iter(self._items())

    def __contains__(self, name):
        return name in self._items()

    def __getitem__(self, name):
        if name not in self._items():
            raise KeyError(f"{type(self).__name__}: no {name!r}, there are {list(self)}")
        return self._items()[name]

    def __delitem__(self, name):
        delattr(self, name) if name in self else self[name]

    def keys(self):
        return self._items().keys()

    def values(self):
        return self._items().values()

    def items(self):
        return self._items().items()

    def get(self, name, default=None):
        """What has this name, or `default`."""
        return self._items().get(name, default)

    def pop(self, name):
        """Takes out what has this name, and returns it."""
        found = self[name]
        del self[name]
        return found

    def clear(self):
        for name in list(self):
            del self[name]

    def update(self, other):
        """Adds all of a mapping, or of (name, thing) pairs; returns the container."""
        for name, thing in other.items() if isinstance(other, Mapping) or hasattr(other, "items") else other:
            self[name] = thing
        return self


class ModuleDict(Named, Module):
    """Modules by name, trained, moved and saved with the module that holds them; it has no forward.

    Errors: TypeError for what is no module; KeyError for a name that an attribute has ("train").

    >>> import fastgrad as fg
    >>> heads = fg.nn.ModuleDict({"age": fg.nn.Linear(8, 1), "name": fg.nn.Linear(8, 30)})
    >>> heads["name"](fg.zeros(2, 8)).shape
    (2, 30)
    """

    _registry = "_modules"

    def __init__(self, modules=None):
        super().__init__()
        self.update(modules or {})

    def __setitem__(self, name, module):
        self.add_module(name, module)


def as_parameter(x):
    return Parameter(x) if isinstance(x, Value) and not isinstance(x, Parameter) else x


class ParameterList(Module):
    """A list of parameters; tensors become parameters. It has no forward.

    Errors: TypeError for what is neither.

    >>> import fastgrad as fg
    >>> fg.nn.ParameterList([fg.zeros(2, 3), fg.zeros(3)])
    ParameterList(
      (0): Parameter containing: [float32 of size 2x3]
      (1): Parameter containing: [float32 of size 3]
    )
    """

    def __init__(self, values=None):
        super().__init__()
        self.extend(() if values is None else values)

    def __len__(self):
        return len(self._parameters)

    def __iter__(self):
        return iter(self._parameters.values())

    def __getitem__(self, i):
        found = list(self._parameters.values())[i]
        return ParameterList(found) if isinstance(i, slice) else found

    def __setitem__(self, i, value):
        self.register_parameter(list(self._parameters)[i], as_parameter(value))

    def append(self, value):
        """Adds a parameter at the end; returns the list."""
        self.register_parameter(str(len(self)), as_parameter(value))
        return self

    def extend(self, values):
        """Adds several parameters at the end; returns the list."""
        for value in values:
            self.append(value)
        return self

    __iadd__ = extend

    def __repr__(self):
        return described(self)


class ParameterDict(Named, Module):
    """Parameters by name; tensors become parameters. It has no forward.

    Errors: TypeError for what is neither; KeyError for a name that an attribute has.

    >>> import fastgrad as fg
    >>> scales = fg.nn.ParameterDict({"left": fg.ones(2)})
    >>> scales["right"] = fg.ones(3)
    >>> [name for name, _ in scales.named_parameters()]
    ['left', 'right']
    """

    _registry = "_parameters"

    def __init__(self, parameters=None):
        super().__init__()
        self.update(parameters or {})

    def __setitem__(self, name, value):
        self.register_parameter(name, as_parameter(value))

    def __repr__(self):
        return described(self)


def described(container):
    """A container of parameters with a line each: its dtype and sizes."""
    lines = []
    for name, p in container._parameters.items():
        size = "x".join(map(str, p.shape))
        lines.append(f"({name}): Parameter containing: [{p.dtype} of size {size}]")
    return text_of(type(container).__name__, [], lines)
