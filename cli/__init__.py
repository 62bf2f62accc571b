"""The command `shiftproof`."""

from .main import main

__all__ = ["main"]
