"""summary: the layers of a model in a table, with shapes, parameters and bytes. Loaded when it is first asked for."""

from dataclasses import dataclass, field

import numpy as np

from .. import kernels, random
from ..ops import dtypes
from ..show import table
from ..tape import Value, wrap
from ..tensor import set_grad
from .hooks import ModuleHooks

__all__ = ["Row", "Summary", "summary"]


@dataclass
class Row:
    """One layer: what a call of it gave, and what it holds itself, its parts apart."""

    name: str
    kind: str
    output: tuple | None  # shapes: one, a tuple of several; None if it was not called
    parameters: int
    bytes: int
    activation_bytes: int  # of its output, 0 where that lies in its input's memory
    shares: bool = False  # its parameters stand in a line above


@dataclass
class Summary:
    """What `summary` found. ``print`` shows the table; every number is an attribute."""

    rows: list[Row] = field(default_factory=list)
    inputs: tuple = ()
    parameters: int = 0
    trainable: int = 0
    parameter_bytes: int = 0
    activation_bytes: int = 0
    samples: int | None = None

    @property
    def samples_per_parameter(self):
        """Samples for each trainable parameter; None where the number of samples was not given."""
        return None if self.samples is None or not self.trainable else self.samples / self.trainable

    def __str__(self):
        header = ["layer", "class", "output", "parameters", "bytes", "activation bytes"]
        rows = []
        for r in self.rows:
            counts = ["shared", "shared"] if r.shares else [f"{r.parameters:,}", f"{r.bytes:,}"]
            shape = "not called" if r.output is None else shown(r.output)
            rows.append([r.name, r.kind, shape, *counts, f"{r.activation_bytes:,}"])
        foot = [
            ["input", ", ".join(map(str, self.inputs))],
            ["parameters", f"{self.parameters:,}, {size_of(self.parameter_bytes)}"],
            ["trainable", f"{self.trainable:,}"],
            ["activations", size_of(self.activation_bytes)],
        ]
        if self.samples is not None:
            ratio = self.samples_per_parameter
            text = "nothing to train" if ratio is None else f"{ratio:.3g} for each trainable parameter"
            foot.append(["samples", f"{self.samples:,}, {text}"])
        width = max(len(name) for name, _ in foot)
        return "\n".join([left(header, rows), "", *(f"  {name:{width}}  {text}" for name, text in foot)])

    __repr__ = __str__


def left(header, rows):
    """A table whose first three columns are flush left."""
    lines = [header, *rows]
    for column in (1, 2):
        width = max(len(line[column]) for line in lines)
        lines = [[*line[:column], line[column].ljust(width), *line[column + 1 :]] for line in lines]
    return table(lines[0], lines[1:])


def shown(shapes):
    return str(shapes) if not shapes or isinstance(shapes[0], int) else ", ".join(map(str, shapes))


def size_of(n):
    """Bytes in words.

    >>> size_of(900), size_of(2_500_000)
    ('900 bytes', '2.50 MB')
    """
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if n >= size:
            return f"{n / size:.2f} {unit}"
    return f"{n} bytes"


def summary(model, input, samples=None, dtype=None):
    """A table of a model's layers, in the order in which they are called: name, class, output, parameters, bytes.

    `input`: a tensor or an array, a shape as ``(32, 784)``, or a list of these for a forward of several arguments. A
    shape stands for zeros of `dtype`, which is the parameters' unless given (Embedding wants "int64"). A line is a
    module without parts, or with parameters of its own beside them. The foot adds up: parameters, those that are
    trained, the bytes of both kinds and, with `samples`, how many samples there are for each trainable parameter.
    Activation bytes are those of every layer's output: backward keeps most of them, and what operations outside of
    layers make is not seen.

    The model is called once, without gradients and in eval mode, so that running statistics stay; modes, the random
    state and gradients are as they were afterwards. The model's own forward hooks run, as in any call.
    Errors: TypeError for a model that is no Module, or an input of another kind.

    >>> import fastgrad as fg
    >>> model = fg.nn.Sequential(fg.nn.Linear(4, 16), fg.nn.Tanh(), fg.nn.Linear(16, 3))
    >>> fg.nn.summary(model, (10, 4), samples=150)
      layer  class   output    parameters  bytes  activation bytes
      0      Linear  (10, 16)          80    320               640
      1      Tanh    (10, 16)           0      0               640
      2      Linear  (10, 3)           51    204               120
    <BLANKLINE>
      input        (10, 4)
      parameters   131, 524 bytes
      trainable    131
      activations  1.40 KB
      samples      150, 1.15 for each trainable parameter
    """
    if not hasattr(model, "named_modules"):
        raise TypeError(f"summary: takes a Module and its input, not a {type(model).__name__}")
    kernels.refuse_capture("nn.summary", "call it outside the step")
    inputs = inputs_of(model, input, dtype)
    found = Summary(inputs=tuple(tuple(x.shape) for x in inputs), samples=samples)
    calls = look(model, inputs)
    called = {id(module) for _, module, *_ in calls}
    for name, module in model.named_modules():
        if id(module) not in called and is_line(module):
            calls.append((name, module, None, 0))
    counted: set = set()
    found.rows = [row_of(name, module, shapes, size, counted) for name, module, shapes, size in calls]
    parameters = list(model.parameters())
    found.parameters = sum(p.data.size for p in parameters)
    found.trainable = sum(p.data.size for p in parameters if p.requires_grad)
    found.parameter_bytes = sum(p.data.nbytes for p in parameters)
    found.activation_bytes = sum(row.activation_bytes for row in found.rows)
    return found


def is_line(module):
    return bool(module._parameters) or not module._modules


def row_of(name, module, shapes, size, counted):
    own = {id(p): p.data for p in module._parameters.values() if p is not None}
    new = [array for key, array in own.items() if key not in counted]
    counted.update(own)
    return Row(
        name or "(the model)",
        type(module).__name__,
        shapes,
        sum(array.size for array in new),
        sum(array.nbytes for array in new),
        size,
        shares=bool(own) and not new,
    )


def inputs_of(model, input, dtype):
    """The arguments that `input` stands for, as tensors."""
    first = next(iter(model.parameters()), None)
    dtype = dtypes.as_dtype(dtype) or (dtypes.default_dtype if first is None else first.dtype)

    def one(x):
        if isinstance(x, (Value, np.ndarray)):
            return wrap(x.data if isinstance(x, Value) else x)
        if is_shape(x):
            return wrap(np.zeros(x, dtype))
        raise TypeError(f"summary: an input is a tensor, an array, or a shape such as (32, 784), not {x!r}")

    several = isinstance(input, (list, tuple)) and not is_shape(input)
    return [one(x) for x in input] if several else [one(input)]


def is_shape(x):
    return isinstance(x, (list, tuple)) and all(isinstance(n, (int, np.integer)) and n >= 0 for n in x)


def look(model, inputs):
    """Calls the model once; (name, module, output shapes, bytes of its output) of every line, in order of the calls."""
    modules = {module: name for name, module in model.named_modules()}
    before = {module: (module.training, module.__dict__.get("_hooks")) for module in modules}
    state, calls = random.get_state(), []

    def seen(module, args, out):
        outs = list(tensors_in(out))
        shapes = tuple(tuple(x.shape) for x in outs)
        given = [x.data for x in tensors_in(args)]
        size = sum(x.data.nbytes for x in outs if not any(np.may_share_memory(x.data, g) for g in given))
        calls.append((modules[module], module, shapes[0] if len(shapes) == 1 else shapes, size))

    try:
        for module, (_, hooks) in before.items():
            module.training = False
            if is_line(module):
                module.__dict__["_hooks"] = with_hook(hooks, seen)
        with set_grad(False):
            model(*inputs)
    finally:
        for module, (training, hooks) in before.items():
            module.training = training
            if hooks is None:
                module.__dict__.pop("_hooks", None)
            else:
                module.__dict__["_hooks"] = hooks
        random.set_state(state)
    return calls


def with_hook(hooks, hook):
    """The hooks of a module, and one more after its forward."""
    both = ModuleHooks()
    for kind, mine in vars(both).items():
        mine.update({} if hooks is None else getattr(hooks, kind))
    both.after["summary"] = (hook, False, False)
    return both


def tensors_in(x):
    """The tensors in a result or in arguments, at any depth of tuples, lists and dicts."""
    if isinstance(x, Value):
        yield x
    elif isinstance(x, (tuple, list, dict)):
        for part in x.values() if isinstance(x, dict) else x:
            yield from tensors_in(part)
