"""Arrays in files: the inputs and results that are assessed, and what was found about them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .assessing import Assessment
from .decision import Outcome

__all__ = ["read_results", "written_assessment"]

_NAMES = ("x", "got", "labels")


def read_results(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays x and got, and labels if they are there, of a file that numpy.savez wrote. Raises ValueError."""
    try:
        with path.open("rb") as stream:
            loaded = np.load(stream, allow_pickle=False)
            if not isinstance(loaded, np.lib.npyio.NpzFile):
                raise ValueError("this is one array alone")
            found = {name: np.asarray(loaded[name]) for name in _NAMES if name in loaded.files}
    except OSError as error:
        raise ValueError(f"{path}: a file that can be read is required: {error.strerror or error}") from error
    except Exception as error:  # an archive can be broken in many ways
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path}: a file that numpy.savez wrote is required: {reason}") from error
    missing = [name for name in ("x", "got") if name not in found]
    if missing:
        raise ValueError(f"{path}: the arrays x and got are required, {' and '.join(missing)} not there")
    return found


def written_assessment(found: Assessment) -> bytes:
    """The content of a file with `error_ulp_lo`, `error_ulp_hi`, `allowed_ulp`, `outcome`, shaped like the results.

    For each `Outcome` a number `code_NAME` says what stands for it. `function`, `format`, `standard` and `bounds` are
    text, and so are `exp_ulp`, `log_ulp` and `log1p_ulp`: what the bounds assume.
    """
    names = ("function", "format", "standard", "bounds", "error_ulp_lo", "error_ulp_hi", "allowed_ulp", "outcome")
    written: dict[str, Any] = {name: getattr(found, name) for name in names}
    written |= {f"{name}_ulp": ulps for name, ulps in found.libm.texts().items()}
    written |= {f"code_{outcome.name}": np.int8(outcome.value) for outcome in Outcome}
    stream = io.BytesIO()
    np.savez(stream, **written)
    return stream.getvalue()
