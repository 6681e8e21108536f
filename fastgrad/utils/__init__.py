"""Helpers for training: ``checkpoint`` trades time for memory."""

from ..later import attributes

__all__ = ["checkpoint"]

__getattr__, __dir__ = attributes(__name__, {"checkpoint": ()})
