"""Helpers for training: ``checkpoint`` trades time for memory, ``data`` is `fastgrad.data` at PyTorch's path."""

from ..later import attributes

__all__ = ["checkpoint", "data"]

__getattr__, __dir__ = attributes(__name__, {"checkpoint": (), "data": ()})
