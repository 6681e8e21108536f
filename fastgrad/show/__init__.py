"""What a program prints: tables in columns, and a progress bar."""

from .progress import progress
from .table import table

__all__ = ["progress", "table"]
