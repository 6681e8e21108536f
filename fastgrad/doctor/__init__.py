"""What fastgrad runs on, and what is wrong with it: ``python -m fastgrad doctor``, or `examine` in a program."""

from .run import examine, page, report
from .finding import Finding

__all__ = ["Finding", "examine", "page", "report"]
