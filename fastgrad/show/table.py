"""Tables in plain text."""

__all__ = ["table"]


def table(header, rows, indent="  "):
    """Lines of columns, each as wide as its longest entry: words in the first one flush left, all else flush right.

    >>> print(table(["rule", "time"], [["SGD", "9 ms"], ["Adam", "21 ms"]]))
      rule   time
      SGD    9 ms
      Adam  21 ms
    """
    left = "<" if any(isinstance(row[0], str) for row in rows) else ">"
    lines = [[str(cell) for cell in line] for line in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    forms = [f"{side}{width}" for side, width in zip([left, *">" * (len(widths) - 1)], widths, strict=True)]
    return "\n".join((indent + "  ".join(map(format, line, forms))).rstrip() for line in lines)
