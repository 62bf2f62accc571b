"""Other people's libraries, as tables of calls; nothing is imported until a kernel's own process needs it."""

from .autograd import AUTOGRAD
from .cupy import CUPY
from .jax import JAX, JAX_CUDA
from .library import Call, Library, NotOffered
from .numpy import NUMPY
from .onnxruntime import ONNXRUNTIME
from .scipy import SCIPY
from .sklearn import SKLEARN
from .tensorflow import TENSORFLOW
from .torch import TORCH, TORCH_CUDA

__all__ = ["LIBRARIES", "Call", "Library", "NotOffered", "library_named"]

LIBRARIES: dict[str, Library] = {
    library.name: library
    for library in (
        NUMPY,
        SCIPY,
        SKLEARN,
        TORCH,
        TORCH_CUDA,
        JAX,
        JAX_CUDA,
        TENSORFLOW,
        ONNXRUNTIME,
        AUTOGRAD,
        CUPY,
    )
}


def library_named(name: str) -> Library:
    """The library; raises ValueError for one that there is no table for."""
    if name not in LIBRARIES:
        raise ValueError(f"unknown library {name!r}: one of {', '.join(LIBRARIES)} is required")
    return LIBRARIES[name]
