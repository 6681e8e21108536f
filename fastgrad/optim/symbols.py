"""Formulas as text: an expression of Python without what changes nothing, in a docstring's symbols or in numbers.

>>> import ast
>>> from fastgrad.optim.symbols import symbols_of
>>> symbols_of("lr * (1 - beta**t) * g * g / np.sqrt(v)")
'lr (1 - beta^t) g^2 / sqrt(v)'
"""

import ast
import copy

import numpy as np

__all__ = ["Writer", "called", "constant", "names_of", "parsed", "simplified", "spelled", "symbols_of"]

SUM, PRODUCT, SIGN, POWER, ATOM = range(1, 6)  # what binds more strongly
SIGNS = {ast.Add: "+", ast.Sub: "-"}
FUNCTIONS = {"sqrt": "sqrt", "sign": "sign", "maximum": "max", "max": "max", "min": "min"}


def parsed(text):
    return ast.parse(str(text), mode="eval").body


def names_of(node):
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def symbols_of(text):
    """An expression, as text, in symbols."""
    return Writer(None).symbols(parsed(text))


def constant(teller, node):
    """The number that an expression always is, by the options; None for any other."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = constant(teller, node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.Name) and teller is not None and node.id in teller.symbols:
        return constant(None, teller.symbols[node.id])
    return None


def called(node):
    """The name of the function, or None where that is no call."""
    if not isinstance(node, ast.Call):
        return None
    return getattr(node.func, "attr", None) or getattr(node.func, "id", "")


def simplified(teller, node):
    """Without terms of 0 and factors of 1, and of two branches the one that the options choose."""
    return Simpler(teller).visit(copy.deepcopy(node))


class Simpler(ast.NodeTransformer):
    def __init__(self, teller):
        self.teller = teller
        self.free = teller.index is None  # symbols alone: a factor may move, for no bit hangs on it
        self.known = None if self.free else teller  # where names stand for something, they are replaced first

    def visit_IfExp(self, node):
        return self.visit(node.body if self.teller.holds(node.test) else node.orelse)

    def visit_Call(self, node):
        if called(node) == "where" and not self.free:
            return self.visit(node.args[1] if self.teller.holds(node.args[0]) else node.args[2])
        if called(node) == "bounded":  # which matters to numbers at the end of their range alone
            return self.visit(node.args[0])
        if called(node) == "divide":
            return self.visit(ast.BinOp(node.args[0], ast.Div(), node.args[1]))
        self.generic_visit(node)
        return ast.Constant(1) if called(node) == "sqrt" and constant(self.known, node.args[0]) == 1 else node

    def visit_Name(self, node):
        found = self.teller.symbols.get(node.id)
        return copy.deepcopy(found) if self.free and found is not None else node

    def visit_BinOp(self, node):
        self.generic_visit(node)
        return self.operation(node)

    def operation(self, node):
        """A sum, product or quotient of simplified operands."""
        left, right = constant(self.known, node.left), constant(self.known, node.right)
        if isinstance(node.op, ast.Add):
            return node.right if left == 0 else node.left if right == 0 else node
        if isinstance(node.op, ast.Sub):
            return self.difference(node, left, right)
        if isinstance(node.op, ast.Div):
            if left is not None and left == right:
                return ast.Constant(1)
            return node.left if right == 1 else node
        return self.product(node, left, right) if isinstance(node.op, ast.Mult) else node

    def difference(self, node, left, right):
        if left == 1 and right == 0:
            return ast.Constant(1)
        if isinstance(node.right, ast.UnaryOp):
            return ast.BinOp(node.left, ast.Add(), node.right.operand)
        return node.left if right == 0 else node

    def product(self, node, left, right):
        if left == 0 or right == 0:
            return ast.Constant(0)
        if left == 1 or right == 1:
            return node.right if left == 1 else node.left
        if left == -1:
            return ast.UnaryOp(ast.USub(), node.right)
        for one, other in ((node.left, node.right), (node.right, node.left)) if self.free else ():
            if isinstance(one, ast.BinOp) and isinstance(one.op, ast.Div):  # (a / b) c = a c / b
                return ast.BinOp(self.operation(ast.BinOp(one.left, ast.Mult(), other)), ast.Div(), one.right)
        return node


class Writer:
    """Writes an expression. `plain` turns False where one is met that is no formula."""

    def __init__(self, teller):
        self.teller, self.plain, self.in_numbers = teller, True, False
        self.known: dict = {}  # names that are written as what they stand for

    def symbols(self, node):
        self.in_numbers = False
        self.known = self.teller.symbols if self.teller is not None and self.teller.index is not None else {}
        return self.write(node)[0]

    def numbers(self, node):
        """With the number of every name; numbers that meet only each other are one, within a formula of arrays."""
        self.in_numbers, self.folds = True, not self.teller.is_number(node)
        text = self.write(node)[0]
        self.in_numbers = False
        return text

    # -- nodes: each gives its text and how strongly it binds ----------------------------------------------------------
    def write(self, node):
        if isinstance(node, ast.Constant):
            return number(node.value)
        operation = isinstance(node, (ast.BinOp, ast.UnaryOp))
        if operation and self.in_numbers and self.folds and self.teller.is_number(node):
            return number(self.teller.evaluated(node))
        if isinstance(node, ast.Name):
            return self.name(node.id)
        if isinstance(node, ast.UnaryOp):
            return "-" + at_least(self.write(node.operand), SIGN), PRODUCT
        if isinstance(node, ast.BinOp):
            return self.operation(node)
        if isinstance(node, ast.Call):
            return self.call(node)
        if isinstance(node, ast.Compare):
            signs = {ast.Gt: ">", ast.Lt: "<"}
            text = f"{self.write(node.left)[0]} {signs[type(node.ops[0])]} {self.write(node.comparators[0])[0]}"
            return text, 0
        self.plain = False
        return ast.unparse(node), ATOM

    def name(self, name):
        if self.in_numbers:
            return number(self.teller.element(name))
        return Writer(None).write(self.known[name]) if name in self.known else (spelled(name), ATOM)

    def operation(self, node):
        if isinstance(node.op, ast.Pow):
            return f"{at_least(self.write(node.left), ATOM)}^{at_least(self.write(node.right), ATOM)}", POWER
        if type(node.op) in SIGNS:
            right = at_least(self.write(node.right), PRODUCT)
            right = f"({right})" if right.startswith("-") else right
            return f"{at_least(self.write(node.left), SUM)} {SIGNS[type(node.op)]} {right}", SUM
        left, right = at_least(self.write(node.left), PRODUCT), at_least(self.write(node.right), SIGN)
        right = f"({right})" if right.startswith("-") else right
        if isinstance(node.op, ast.Div):
            return f"{left} / {right}", PRODUCT
        if self.in_numbers or right[0].isdigit() or divides(left):
            return f"{left} * {right}", PRODUCT
        *before, last = left.split(" ")
        if last == right and right.isidentifier():  # x x = x^2
            return " ".join([*before, f"{right}^2"]), PRODUCT if before else POWER
        return f"{left} {right}", PRODUCT

    def call(self, node):
        name = called(node)
        if isinstance(node.func, ast.Attribute) and not (
            isinstance(node.func.value, ast.Name) and node.func.value.id in ("np", "math")
        ):
            self.plain = False
            return ast.unparse(node), ATOM
        arguments = node.args
        if name == "sqrt" and called(arguments[0]) == "block_squares":
            if self.in_numbers:
                return number(self.teller.evaluated(node))
            return f"||{self.write(arguments[0].args[0])[0]}||", ATOM
        written = [self.write(a)[0] for a in arguments]
        if name == "abs":
            return f"|{written[0]}|", ATOM
        if name == "clip":
            return f"min(max({written[0]}, {written[1]}), {written[2]})", ATOM
        if name == "copysign":
            return f"sign({written[1]}) {at_least(self.write(arguments[0]), PRODUCT)}", PRODUCT
        if name == "where":
            return f"{written[1]} where {written[0]} else {written[2]}", 0
        if name not in FUNCTIONS:
            self.plain = False
        return f"{FUNCTIONS.get(name, name)}({', '.join(written)})", ATOM


def spelled(name):
    """A name as formulas have it."""
    if name == "norm":
        return "||g||"
    return f"||{name.removesuffix('_norm')}||" if name.endswith("_norm") and name != "clip_norm" else name


def at_least(written, strength):
    text, binds = written
    return text if binds >= strength else f"({text})"


def number(x):
    """A number as an operand."""
    if isinstance(x, bool) or not isinstance(x, (int, float, np.number)):
        return str(x), ATOM
    text = str(x) if isinstance(x, int) else f"{float(x):.6g}"
    return text, PRODUCT if text.startswith("-") else ATOM


def divides(text):
    """Whether a product has a division in it, after which a factor without a sign would seem to be of the divisor."""
    depth = 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "/" and depth == 0:
            return True
    return False
