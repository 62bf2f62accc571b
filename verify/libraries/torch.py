"""PyTorch, on the CPU and on a CUDA device."""

from dataclasses import replace

from .library import Call, Library

__all__ = ["TORCH", "TORCH_CUDA"]

_ENTRY = ".gather(-1, t[:, None]).sum()"

TORCH = Library(
    name="torch",
    distribution="torch",
    setup=("import torch", "import torch.nn.functional as F"),
    types={
        "binary64": "torch.float64",
        "binary32": "torch.float32",
        "binary16": "torch.float16",
        "bfloat16": "torch.bfloat16",
    },
    values="torch.tensor({values}, dtype={type})",
    into="torch.from_numpy(a if min(a.strides) >= 0 else a.copy()).to({type} if a.dtype.kind == 'f' else None)",
    labels="torch.tensor({values})",
    back="(r.double() if r.dtype == torch.bfloat16 else r).detach().cpu().numpy()",
    kernels={
        "logsumexp": Call("logsumexp", "torch.logsumexp(x, dim=axis)"),
        "softmax": Call("softmax", "torch.softmax(x, dim=axis)"),
        "log_softmax": Call("log_softmax", "torch.log_softmax(x, dim=axis)"),
        "logaddexp": Call("logaddexp", "torch.logaddexp(x, y)"),
        "softplus": Call("softplus", "F.softplus(x)"),
        "logsigmoid": Call("softplus", "-F.logsigmoid(-x)"),
        "bce_with_logits": Call(
            "softplus", "F.binary_cross_entropy_with_logits(x, torch.zeros_like(x), reduction='none')"
        ),
        "sigmoid": Call("sigmoid", "torch.sigmoid(x)"),
        "cross_entropy": Call("cross_entropy", "F.cross_entropy(x, t, reduction='none')"),
        "logcumsumexp": Call("logcumsumexp", "torch.logcumsumexp(x, dim=axis)"),
        "logsumexp.gradient": Call("softmax", "gradient(lambda x: torch.logsumexp(x, -1).sum(), x)"),
        "softmax.gradient": Call("softmax_gradient", f"gradient(lambda x: torch.softmax(x, -1){_ENTRY}, x)"),
        "log_softmax.gradient": Call(
            "log_softmax_gradient", f"gradient(lambda x: torch.log_softmax(x, -1){_ENTRY}, x)"
        ),
        "logaddexp.gradient": Call(
            "logaddexp_gradient",
            "torch.stack([gradient(lambda x: torch.logaddexp(x, y).sum(), x), "
            "gradient(lambda y: torch.logaddexp(x, y).sum(), y)], -1)",
        ),
        "softplus.gradient": Call("sigmoid", "gradient(lambda x: F.softplus(x).sum(), x)"),
        "logsigmoid.gradient": Call("sigmoid", "gradient(lambda x: -F.logsigmoid(-x).sum(), x)"),
        "sigmoid.gradient": Call("sigmoid_gradient", "gradient(lambda x: torch.sigmoid(x).sum(), x)"),
        "cross_entropy.gradient": Call(
            "cross_entropy_gradient", "gradient(lambda x: F.cross_entropy(x, t, reduction='sum'), x)"
        ),
        "logcumsumexp.gradient": Call(
            "softmax", "gradient(lambda x: torch.logcumsumexp(x, -1)[..., -1].sum(), x)", standard="none"
        ),
    },
    helpers={
        "gradient": (
            "def gradient(f, x):",
            "    x = x.detach().clone().requires_grad_()",
            "    return torch.autograd.grad(f(x), x)[0]",
        )
    },
)

TORCH_CUDA = replace(
    TORCH,
    name="torch-cuda",
    values=f"{TORCH.values}.cuda()",
    labels=f"{TORCH.labels}.cuda()",
    into=f"{TORCH.into}.cuda()",
    needs="torch.cuda.is_available()",
    resident=True,
)
