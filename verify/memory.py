"""What glibc's malloc is told, so that arrays of some hundred kilobytes are cheap."""

from __future__ import annotations

import numpy as np

__all__ = ["keep_freed_memory"]

_BYTES = 31 << 20  # just below the largest block that malloc learns from


def keep_freed_memory() -> None:
    """Let malloc keep what is freed from now on, instead of returning it to the system.

    Else each temporary array has new pages, which costs several times what is done with them. malloc learns it from a
    large block that is freed (mallopt(3), M_MMAP_THRESHOLD); where there is another malloc nothing happens.
    """
    np.empty(_BYTES, dtype=np.uint8)
