"""SciPy."""

from .library import Call, Library

__all__ = ["SCIPY"]

SCIPY = Library(
    name="scipy",
    distribution="scipy",
    setup=("import scipy.special", "import numpy as np"),
    types={"binary64": "np.float64", "binary32": "np.float32", "binary16": "np.float16"},
    values="np.array({values}, dtype={type})",
    into="a",
    back="r",
    kernels={
        "logsumexp": Call("logsumexp", "scipy.special.logsumexp(x, axis=axis)"),
        "softmax": Call("softmax", "scipy.special.softmax(x, axis=axis)"),
        "log_softmax": Call("log_softmax", "scipy.special.log_softmax(x, axis=axis)"),
        "expit": Call("sigmoid", "scipy.special.expit(x)"),
        "log_expit": Call("softplus", "-scipy.special.log_expit(-x)"),
        "softplus": Call("softplus", "scipy.special.softplus(x)"),
    },
    helpers={},
)
