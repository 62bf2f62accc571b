"""NumPy."""

from .library import Call, Library

__all__ = ["NUMPY"]

NUMPY = Library(
    name="numpy",
    distribution="numpy",
    setup=("import numpy as np",),
    types={"binary64": "np.float64", "binary32": "np.float32", "binary16": "np.float16"},
    values="np.array({values}, dtype={type})",
    into="a",
    back="r",
    kernels={
        "logaddexp": Call("logaddexp", "np.logaddexp(x, y)"),
        "logaddexp.reduce": Call("logsumexp", "np.logaddexp.reduce(x, axis=axis)", "chained"),
        "logaddexp.accumulate": Call("logcumsumexp", "np.logaddexp.accumulate(x, axis=axis)"),
    },
    helpers={},
)
