"""CuPy, on a CUDA device."""

from .library import Call, Library

__all__ = ["CUPY"]

CUPY = Library(
    name="cupy",
    distribution="cupy",
    setup=("import cupy", "import cupyx.scipy.special"),
    types={"binary64": "cupy.float64", "binary32": "cupy.float32", "binary16": "cupy.float16"},
    values="cupy.array({values}, dtype={type})",
    into="cupy.asarray(a)",
    back="cupy.asnumpy(r)",
    kernels={
        "logsumexp": Call("logsumexp", "cupyx.scipy.special.logsumexp(x, axis=axis)"),
        "softmax": Call("softmax", "cupyx.scipy.special.softmax(x, axis=axis)"),
        "log_softmax": Call("log_softmax", "cupyx.scipy.special.log_softmax(x, axis=axis)"),
        "logaddexp": Call("logaddexp", "cupy.logaddexp(x, y)"),
        "expit": Call("sigmoid", "cupyx.scipy.special.expit(x)"),
        "log_expit": Call("softplus", "-cupyx.scipy.special.log_expit(-x)"),
    },
    helpers={},
    needs="cupy.cuda.is_available()",
    resident=True,
)
