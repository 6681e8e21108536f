"""A definition told a statement at a time: in symbols, in numbers, or both.

The reference kernel of a rule is its formula (`fastgrad.kernels.reference`). Here its source is read: every assignment
becomes a term, with the branches taken that the options choose and without what adds 0 or multiplies by 1. To get
numbers, the same statements are executed on copies of the arrays, so a term's value is what the definition computes.

>>> import numpy as np
>>> from fastgrad.kernels import reference
>>> from fastgrad.optim.terms import Teller, body_of, definition
>>> arrays = {"p": np.array([1.0]), "g": np.array([0.5])}
>>> teller = Teller(arrays | {"lr": 0.1}, index=0)
>>> teller.tell(*body_of(definition(reference.sgd)))
>>> teller.terms[0].line()
'p = p - lr g = 1 - 0.1 * 0.5 = 0.95'
"""

import ast
import functools
import inspect
import math
import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..kernels.reference.rule import divide
from .symbols import Writer, called, constant, names_of, parsed, simplified, spelled

__all__ = ["Teller", "Term", "body_of", "definition", "short"]


@dataclass
class Term:
    """One assignment: `name` = `symbols` = `numbers` = `value`. Without a value it is a line of a formula."""

    name: str
    symbols: str
    numbers: str = ""
    value: Any = None
    note: str = ""

    def line(self, width=100):
        """The term as text; on several lines where one is too long."""
        parts = [self.name, self.symbols]
        if self.value is not None:
            parts += [self.numbers, short(self.value)]
        parts = [part for before, part in zip(["", *parts], parts, strict=False) if part and part != before]
        text = " = ".join(parts)
        if len(text) > width:
            text = f"{self.name} = " + f"\n{' ' * len(self.name)} = ".join(parts[1:])
        return text


def short(x):
    """A number with six digits."""
    return f"{float(x):.6g}"


def definition(kernel):
    """The function below the decorators of a reference kernel."""
    return inspect.unwrap(kernel)


@functools.cache
def body_of(function):
    """The statements of a function, its docstring apart, and the names it sees."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    body = tree.body[1:] if ast.get_docstring(tree) is not None else tree.body
    return tuple(Plain().visit(statement) for statement in body), function.__globals__


class Plain(ast.NodeTransformer):
    """``o["l1"]`` is the number l1; what is returned is g."""

    def visit_Subscript(self, node):
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id == "o" and isinstance(node.slice, ast.Constant):
            return ast.Name(str(node.slice.value), ast.Load())
        return node

    def visit_Return(self, node):
        self.generic_visit(node)
        return ast.Assign([ast.Name("g", ast.Store())], node.value)


class Teller:
    """Walks statements and keeps what they assign as `terms`.

    `values`: names and what they are, arrays of one dimension, numbers, or None. `index`: the element whose numbers are
    told. None: symbols alone are, nothing is executed, and `arrays` names what is no number. `symbols`: name -> an
    expression, as text, to be written in its place.
    """

    def __init__(self, values, index=None, symbols=None, arrays=()):
        self.values, self.index = dict(values), index
        self.arrays = set(arrays)
        self.symbols = {name: parsed(text) for name, text in (symbols or {}).items()}
        self.terms: list[Term] = []
        self.seen: dict = {}

    def tell(self, statements, seen):
        """Walks statements of a function that sees the names `seen`."""
        self.seen = seen
        for statement in statements:
            self.statement(statement)

    def say(self, text, note=""):
        """Walks statements given as text; `note` belongs to the terms they give."""
        first = len(self.terms)
        self.tell(ast.parse(text).body, {"np": np, "math": math, "divide": divide})
        for term in self.terms[first:]:
            term.note = note

    # -- statements ----------------------------------------------------------------------------------------------------
    def statement(self, node):
        if isinstance(node, ast.If):
            for inner in node.body if self.holds(node.test) else node.orelse:
                self.statement(inner)
        elif isinstance(node, ast.AugAssign):
            self.assign(node, [(node.target, ast.BinOp(loaded(node.target), node.op, node.value))])
        elif isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
            pairs: list = [(target, value)]
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                pairs = list(zip(target.elts, value.elts, strict=True))
            self.assign(node, pairs)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            self.enter(node.value)
        else:
            raise TypeError(f"a definition with a {type(node).__name__} has no terms")

    def enter(self, call):
        """A call of another definition, which changes its arguments."""
        outer = self.seen
        function = outer[call.func.id]
        for name, argument in zip(inspect.signature(function).parameters, call.args, strict=True):
            if self.index is not None:
                self.values[name] = self.evaluated(argument)
        self.tell(*body_of(function))
        self.seen = outer

    def assign(self, node, pairs):
        told = [self.prepared(target, value) for target, value in pairs]
        if self.index is not None:
            module = ast.fix_missing_locations(ast.Module([node], []))
            exec(compile(module, "<definition>", "exec"), self.seen, self.values)
        stored = isinstance(node, ast.AugAssign) or isinstance(node.targets[0], ast.Subscript)
        for name, value, texts in told:
            self.keep(name, value, texts, stored)

    def prepared(self, target, value):
        """The name that is set, the simplified value, and its texts; all of it before the statement is executed."""
        value = simplified(self, value)
        writer = Writer(self)
        symbols = writer.symbols(value)
        numbers = "" if self.index is None else writer.numbers(value)
        return loaded(target).id, value, (symbols, numbers) if writer.plain else None

    def keep(self, name, value, texts, stored):
        """Keeps a term, or what its name stands for from here on."""
        if not stored and self.stands_for(name, value, texts):
            return
        written = next((k.value.id for k in getattr(value, "keywords", ()) if k.arg == "out"), name)
        self.symbols.pop(name, None)
        if written != name:
            self.symbols[name] = ast.Name(written, ast.Load())
        self.arrays.add(written)
        result = None if self.index is None else self.element(written)
        symbols, numbers = texts or ("", "")
        self.terms.append(Term(spelled(written), symbols, numbers, result))

    def stands_for(self, name, value, texts):
        """Whether a name is only another for what is known already; then that is written in its place."""
        if texts is None:  # a NumPy number, say: no formula
            self.symbols[name] = ast.Constant(self.values.get(name, 1))
        elif isinstance(value, ast.Name):
            if value.id != name:
                self.symbols[name] = self.symbols.get(value.id, value)
        elif (known := constant(self, value)) is not None:
            self.symbols[name] = ast.Constant(known)
        elif self.index is None and self.is_inlined(name, value):
            self.symbols[name] = value
        else:
            return False
        return True

    def is_inlined(self, name, value):
        """Whether a formula has the value in the place of its name: numbers, and what is short enough."""
        return name == "scale" or (called(value) == "sqrt" and is_norm(value)) or self.is_number(value)

    # -- what things are -----------------------------------------------------------------------------------------------
    def is_number(self, node):
        """Made of numbers alone."""
        names = names_of(node)
        if self.index is None:
            return not names & (self.arrays | {"norm"}) and not is_norm(node)
        return not any(getattr(self.values.get(name), "ndim", 0) for name in names)

    def evaluated(self, node):
        code = compile(ast.fix_missing_locations(ast.Expression(node)), "<definition>", "eval")
        return eval(code, self.seen, self.values)

    def element(self, name):
        """The number that a name stands for, at the element."""
        value = self.values[name]
        return value[self.index] if getattr(value, "ndim", 0) else value

    def holds(self, test):
        """Whether a condition holds: of the numbers, or without them as the options say, of what is no option True."""
        if self.index is not None:
            found = self.evaluated(test)
            return bool(found[self.index] if getattr(found, "ndim", 0) else found)
        if isinstance(test, ast.BoolOp):
            several = [self.holds(one) for one in test.values]
            return all(several) if isinstance(test.op, ast.And) else any(several)
        if not isinstance(test, ast.Compare):
            known = constant(self, test)
            return True if known is None else bool(known)
        op, right = test.ops[0], test.comparators[0]
        if isinstance(op, (ast.Is, ast.IsNot)):
            return (self.values.get(getattr(test.left, "id", "")) is None) == isinstance(op, ast.Is)
        a, b = constant(self, test.left), constant(self, right)
        if a is None or b is None:
            return not isinstance(op, ast.Eq)
        return (a == b) == isinstance(op, ast.Eq)


def is_norm(node):
    return "block_squares" in names_of(node)


def loaded(target):
    """A target as an operand."""
    named: Any = target.value if isinstance(target, ast.Subscript) else target
    return ast.Name(named.id, ast.Load())
