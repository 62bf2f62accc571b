"""TensorFlow, on the CPU, eagerly."""

from .library import Call, Library

__all__ = ["TENSORFLOW"]

_LOSS = "tf.nn.sparse_softmax_cross_entropy_with_logits(labels=t, logits=x)"
_ENTRY = "tf.gather({}, t, axis=1, batch_dims=1)"

TENSORFLOW = Library(
    name="tensorflow",
    distribution="tensorflow",
    setup=("import tensorflow as tf",),
    quiet=(
        "import os, logging",
        "os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'",
        "logging.getLogger('tensorflow').disabled = True",
    ),
    types={
        "binary64": "tf.float64",
        "binary32": "tf.float32",
        "binary16": "tf.float16",
        "bfloat16": "tf.bfloat16",
    },
    values="tf.constant({values}, dtype={type})",
    into="tf.cast(tf.constant(a), {type}) if a.dtype.kind == 'f' else tf.constant(a)",
    labels="tf.constant({values})",
    back="(tf.cast(r, tf.float64) if r.dtype == tf.bfloat16 else r).numpy()",
    kernels={
        "reduce_logsumexp": Call("logsumexp", "tf.reduce_logsumexp(x, axis=axis)"),
        "softmax": Call("softmax", "tf.nn.softmax(x, axis=axis)"),
        "log_softmax": Call("log_softmax", "tf.nn.log_softmax(x, axis=axis)"),
        "logaddexp": Call("logaddexp", "tf.experimental.numpy.logaddexp(x, y)"),
        "softplus": Call("softplus", "tf.nn.softplus(x)"),
        "log_sigmoid": Call("softplus", "-tf.math.log_sigmoid(-x)"),
        "sigmoid_cross_entropy": Call(
            "softplus", "tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.zeros_like(x), logits=x)"
        ),
        "sigmoid": Call("sigmoid", "tf.sigmoid(x)"),
        "cross_entropy": Call("cross_entropy", _LOSS),
        "cumulative_logsumexp": Call("logcumsumexp", "tf.math.cumulative_logsumexp(x, axis=axis)"),
        "reduce_logsumexp.gradient": Call("softmax", "gradient(lambda x: tf.reduce_logsumexp(x, -1), x)"),
        "softmax.gradient": Call("softmax_gradient", f"gradient(lambda x: {_ENTRY.format('tf.nn.softmax(x, -1)')}, x)"),
        "log_softmax.gradient": Call(
            "log_softmax_gradient", f"gradient(lambda x: {_ENTRY.format('tf.nn.log_softmax(x, -1)')}, x)"
        ),
        "softplus.gradient": Call("sigmoid", "gradient(tf.nn.softplus, x)"),
        "sigmoid.gradient": Call("sigmoid_gradient", "gradient(tf.sigmoid, x)"),
        "cross_entropy.gradient": Call("cross_entropy_gradient", f"gradient(lambda x: {_LOSS}, x)"),
        "cumulative_logsumexp.gradient": Call(
            "softmax", "gradient(lambda x: tf.math.cumulative_logsumexp(x, -1)[..., -1], x)", standard="none"
        ),
    },
    helpers={
        "gradient": (
            "def gradient(f, x):",
            "    with tf.GradientTape() as tape:",
            "        tape.watch(x)",
            "        y = f(x)",
            "    return tf.convert_to_tensor(tape.gradient(y, x))",
        )
    },
    resident=True,
)
