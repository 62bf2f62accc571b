"""Autograd: derivatives of NumPy and SciPy code."""

from .library import Call, Library

__all__ = ["AUTOGRAD"]

AUTOGRAD = Library(
    name="autograd",
    distribution="autograd",
    setup=("import autograd", "import autograd.numpy as np", "from autograd.scipy.special import expit, logsumexp"),
    types={"binary64": "np.float64", "binary32": "np.float32", "binary16": "np.float16"},
    values="np.array({values}, dtype={type})",
    into="a",
    back="r",
    kernels={
        "logsumexp": Call("logsumexp", "logsumexp(x, axis=axis)"),
        "logsumexp.gradient": Call("softmax", "autograd.grad(lambda x: np.sum(logsumexp(x, axis=-1)))(x)"),
        "logaddexp.gradient": Call(
            "logaddexp_gradient",
            "np.stack([autograd.elementwise_grad(np.logaddexp, k)(x, y) for k in (0, 1)], axis=-1)",
        ),
        "expit.gradient": Call("sigmoid_gradient", "autograd.elementwise_grad(expit)(x)"),
        "cross_entropy.gradient": Call(
            "cross_entropy_gradient",
            "autograd.grad(lambda x: np.sum(logsumexp(x, axis=1) - x[np.arange(len(t)), t]))(x)",
        ),
    },
    helpers={},
)
