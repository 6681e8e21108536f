"""Helpers for training: ``checkpoint`` trades time for memory."""

from . import checkpoint
