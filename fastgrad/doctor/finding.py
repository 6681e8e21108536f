"""What a probe says."""

from typing import NamedTuple

__all__ = ["STATUSES", "Finding"]

STATUSES = ("ok", "note", "warning", "error")  # from best to worst


class Finding(NamedTuple):
    """One thing that was looked at: its name, its value in words and units, a status of STATUSES, what to do or ""."""

    name: str
    value: str
    status: str = "ok"
    advice: str = ""
