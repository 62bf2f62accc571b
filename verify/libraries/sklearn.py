"""scikit-learn: the softmax of its classifiers, and the losses of its logistic regression and boosting."""

from .library import Call, Library

__all__ = ["SKLEARN"]

_LOSS = "HalfMultinomialLoss(n_classes=x.shape[1])"
_LABELS = "t.astype(x.dtype)"

SKLEARN = Library(
    name="sklearn",
    distribution="scikit-learn",
    setup=(
        "import sklearn.utils.extmath",
        "from sklearn._loss.loss import HalfBinomialLoss, HalfMultinomialLoss",
        "import numpy as np",
    ),
    types={"binary64": "np.float64", "binary32": "np.float32", "binary16": "np.float16"},
    values="np.array({values}, dtype={type})",
    into="a",
    back="r",
    kernels={
        "softmax": Call("softmax", "sklearn.utils.extmath.softmax(x)"),
        "HalfMultinomialLoss": Call("cross_entropy", f"{_LOSS}.loss({_LABELS}, np.ascontiguousarray(x))", least=2),
        "HalfMultinomialLoss.gradient": Call(
            "cross_entropy_gradient", f"{_LOSS}.gradient({_LABELS}, np.ascontiguousarray(x))", least=2
        ),
        "HalfMultinomialLoss.predict_proba": Call(
            "softmax", f"{_LOSS}.predict_proba(np.ascontiguousarray(x))", least=2
        ),
        "HalfBinomialLoss": Call(
            "softplus", "HalfBinomialLoss().loss(np.zeros(x.size, x.dtype), x.ravel()).reshape(x.shape)"
        ),
        "HalfBinomialLoss.gradient": Call(
            "sigmoid", "HalfBinomialLoss().gradient(np.zeros(x.size, x.dtype), x.ravel()).reshape(x.shape)"
        ),
    },
    helpers={},
)
