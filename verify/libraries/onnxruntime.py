"""ONNX Runtime, on the CPU: models of one operator."""

from .library import Call, Library

__all__ = ["ONNXRUNTIME"]

ONNXRUNTIME = Library(
    name="onnxruntime",
    distribution="onnxruntime",
    setup=(
        "import onnxruntime",
        "from onnx import helper",
        "import numpy as np",
    ),
    types={"binary64": "np.float64", "binary32": "np.float32", "binary16": "np.float16"},
    values="np.array({values}, dtype={type})",
    into="a",
    back="r",
    kernels={
        "ReduceLogSumExp": Call("logsumexp", "run('ReduceLogSumExp', x, np.array([axis], dtype=np.int64), keepdims=0)"),
        "Softmax": Call("softmax", "run('Softmax', x, axis=axis)"),
        "LogSoftmax": Call("log_softmax", "run('LogSoftmax', x, axis=axis)"),
        "Softplus": Call("softplus", "run('Softplus', x)"),
        "Sigmoid": Call("sigmoid", "run('Sigmoid', x)"),
        "SoftmaxCrossEntropyLoss": Call("cross_entropy", "run('SoftmaxCrossEntropyLoss', x, t, reduction='none')"),
    },
    helpers={
        "run": (
            "def run(op, *arrays, **attributes):",
            "    types = [helper.np_dtype_to_tensor_dtype(a.dtype) for a in arrays]",
            "    names = [f'i{k}' for k in range(len(arrays))]",
            "    inputs = [helper.make_tensor_value_info(n, d, a.shape) for n, d, a in zip(names, types, arrays)]",
            "    output = helper.make_tensor_value_info('out', types[0], None)",
            "    graph = helper.make_graph([helper.make_node(op, names, ['out'], **attributes)], op, inputs, [output])",
            "    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=8)",
            "    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=['CPUExecutionProvider'])",
            "    return session.run(None, dict(zip(names, arrays)))[0]",
        )
    },
)
