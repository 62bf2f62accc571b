"""JAX, on the CPU and on a CUDA device; its kernels are compiled, as they are when they are used."""

from dataclasses import replace

from .library import Call, Library

__all__ = ["JAX", "JAX_CUDA"]

_ENTRY = "[jnp.arange(x.shape[0]), t].sum()"

JAX = Library(
    name="jax",
    distribution="jax",
    setup=("import jax", "import jax.numpy as jnp", "jax.config.update('jax_enable_x64', True)"),
    types={
        "binary64": "jnp.float64",
        "binary32": "jnp.float32",
        "binary16": "jnp.float16",
        "bfloat16": "jnp.bfloat16",
    },
    values="jnp.array({values}, dtype={type})",
    into="jax.device_put(jnp.asarray(a, dtype={type} if a.dtype.kind == 'f' else None), jax.devices('cpu')[0])",
    labels="jnp.array({values})",
    back="np.asarray(r.astype(jnp.float64) if r.dtype == jnp.bfloat16 else r)",
    kernels={
        "logsumexp": Call("logsumexp", "jax.nn.logsumexp(x, axis=axis)"),
        "softmax": Call("softmax", "jax.nn.softmax(x, axis=axis)"),
        "log_softmax": Call("log_softmax", "jax.nn.log_softmax(x, axis=axis)"),
        "logaddexp": Call("logaddexp", "jnp.logaddexp(x, y)"),
        "softplus": Call("softplus", "jax.nn.softplus(x)"),
        "log_sigmoid": Call("softplus", "-jax.nn.log_sigmoid(-x)"),
        "sigmoid": Call("sigmoid", "jax.nn.sigmoid(x)"),
        "cross_entropy": Call("cross_entropy", "-jnp.take_along_axis(jax.nn.log_softmax(x, -1), t[:, None], -1)[:, 0]"),
        "cumlogsumexp": Call("logcumsumexp", "jax.lax.cumlogsumexp(x, axis=x.ndim + axis if axis < 0 else axis)"),
        "logsumexp.gradient": Call("softmax", "jax.grad(lambda x: jax.nn.logsumexp(x, -1).sum())(x)"),
        "softmax.gradient": Call("softmax_gradient", f"jax.grad(lambda x: jax.nn.softmax(x, -1){_ENTRY})(x)"),
        "log_softmax.gradient": Call(
            "log_softmax_gradient", f"jax.grad(lambda x: jax.nn.log_softmax(x, -1){_ENTRY})(x)"
        ),
        "logaddexp.gradient": Call(
            "logaddexp_gradient", "jnp.stack(jax.grad(lambda x, y: jnp.logaddexp(x, y).sum(), (0, 1))(x, y), -1)"
        ),
        "softplus.gradient": Call("sigmoid", "jax.grad(lambda x: jax.nn.softplus(x).sum())(x)"),
        "sigmoid.gradient": Call("sigmoid_gradient", "jax.grad(lambda x: jax.nn.sigmoid(x).sum())(x)"),
        "cross_entropy.gradient": Call(
            "cross_entropy_gradient", f"jax.grad(lambda x: -jax.nn.log_softmax(x, -1){_ENTRY})(x)"
        ),
        "cumlogsumexp.gradient": Call(
            "softmax", "jax.grad(lambda x: jax.lax.cumlogsumexp(x, axis=x.ndim - 1)[..., -1].sum())(x)", standard="none"
        ),
    },
    helpers={},
    compiled="jax.jit",
    resident=True,
)

JAX_CUDA = replace(
    JAX,
    name="jax-cuda",
    into=JAX.into.replace("'cpu'", "'cuda'"),
    needs="any(d.platform == 'gpu' for d in jax.devices())",
)
