"""A convolutional network as an ONNX file in memory, written without the `onnx` package.

Why it exists: ONNX Runtime is the fastest way to run these networks on a processor, and all it needs is their
graph. The networks of this project are a handful of operations, so their graph is traced with `torch.fx` and
written as protocol buffers here, which spares people two more packages to install. Convention: ONNX opset 13,
one input "x" float32 (N, C, H, W), one output "y" float32, all sizes open.

Source: onnx.proto3 of ONNX 1.8 (field numbers), Operators.md of opset 13.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.nn import functional

IR_VERSION, OPSET = 7, 13
_FLOAT32, _INT, _TEXT, _INTS = 1, 2, 3, 7  # data type of a tensor; types of attributes
_SUMS = (operator.add, operator.iadd, torch.add)
_RELUS = (torch.relu, functional.relu)


class UnknownOperationError(Exception):
    """The network does something that cannot be written; run it with torch."""


def onnx_bytes(net: nn.Module) -> bytes:
    """The network, its batch normalisations folded, as a model to load.

    Raises UnknownOperationError for anything but convolution, ReLU, sum and nearest upsampling.
    """
    try:
        traced = fx.symbolic_trace(net)
    except (TypeError, ValueError, RuntimeError, fx.proxy.TraceError) as error:
        raise UnknownOperationError(f"The network cannot be traced: {error}") from error
    graph = _Graph(traced)
    for node in traced.graph.nodes:
        graph.add(node)
    return graph.model()


class _Graph:
    """Nodes and tensors in the order in which they are met; `names` says which value a node of fx has."""

    def __init__(self, traced: fx.GraphModule) -> None:
        self._modules = dict(traced.named_modules())
        self._names: dict[fx.Node, str] = {}
        self._nodes: list[bytes] = []
        self._tensors: dict[str, bytes] = {}

    def add(self, node: fx.Node) -> None:
        if node.op == "placeholder":
            if self._names:
                raise UnknownOperationError("The network has more than one input.")
            self._names[node] = "x"
        elif node.op == "call_module":
            self._add_module(node, self._modules[str(node.target)])
        elif node.op == "call_function" and node.target in _SUMS:
            self._put(node, "Add", [self._value(value) for value in node.args])
        elif node.op == "call_function" and node.target in _RELUS:
            self._put(node, "Relu", [self._value(node.args[0])])
        elif node.op == "output":
            self._nodes.append(_node("Identity", [self._value(node.args[0])], "y"))
        else:
            raise UnknownOperationError(f"The network calls {node.target}.")

    def _add_module(self, node: fx.Node, module: nn.Module) -> None:
        value, name = self._value(node.args[0]), str(node.target)
        if isinstance(module, nn.Conv2d) and module.padding_mode == "zeros":
            if isinstance(module.padding, str):
                raise UnknownOperationError(f"{name} is padded by '{module.padding}'.")
            inputs = [value, self._tensor(f"{name}.weight", module.weight)]
            if module.bias is not None:
                inputs.append(self._tensor(f"{name}.bias", module.bias))
            sizes = {
                "dilations": module.dilation,
                "strides": module.stride,
                "kernel_shape": module.kernel_size,
            }
            self._put(node, "Conv", inputs, pads=module.padding * 2, group=module.groups, **sizes)
        elif isinstance(module, nn.ReLU):
            self._put(node, "Relu", [value])
        elif isinstance(module, nn.Identity):
            self._names[node] = value
        elif isinstance(module, nn.Upsample) and module.mode == "nearest" and module.scale_factor:
            factor = module.scale_factor
            rows, columns = factor if isinstance(factor, tuple) else (factor, factor)
            scales = self._tensor(f"{name}.scales", torch.tensor([1.0, 1.0, rows, columns]))
            how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            self._put(node, "Resize", [value, "", scales], **how)
        else:
            raise UnknownOperationError(f"The network has a {type(module).__name__}.")

    def _value(self, argument: object) -> str:
        if not isinstance(argument, fx.Node):
            raise UnknownOperationError(f"The network computes with {argument}.")
        return self._names[argument]

    def _tensor(self, name: str, values: Tensor) -> str:
        self._tensors[name] = _tensor(name, values.detach().to("cpu", torch.float32).contiguous())
        return name

    def _put(self, node: fx.Node, kind: str, inputs: list[str], **attributes: object) -> None:
        self._names[node] = f"v{len(self._nodes)}"
        self._nodes.append(_node(kind, inputs, self._names[node], **attributes))

    def model(self) -> bytes:
        graph = b"".join(
            [
                *(_field(1, node) for node in self._nodes),
                _field(2, b"network"),
                *(_field(5, tensor) for tensor in self._tensors.values()),
                _field(11, _value_info("x")),
                _field(12, _value_info("y")),
            ]
        )
        return _field(1, IR_VERSION) + _field(7, graph) + _field(8, _field(1, b"") + _field(2, OPSET))


# ---- protocol buffers: a message is a row of fields, each a tag (number and kind) and a value


def _field(number: int, value: bytes | str | int) -> bytes:
    """A field of a message: bytes, text or message (kind 2), or an integer (kind 0)."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    """Seven bits a byte, low ones first; the high bit says that more follow."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _tensor(name: str, values: Tensor) -> bytes:
    raw = np.asarray(values.numpy(), "<f4").tobytes()
    dims = b"".join(_field(1, size) for size in values.shape)
    return dims + _field(2, _FLOAT32) + _field(8, name) + _field(9, raw)


def _node(kind: str, inputs: Iterable[str], output: str, **attributes: object) -> bytes:
    return b"".join(
        [
            *(_field(1, name) for name in inputs),
            _field(2, output),
            _field(4, kind),
            *(_field(5, _attribute(name, value)) for name, value in attributes.items()),
        ]
    )


def _attribute(name: str, value: object) -> bytes:
    head = _field(1, name)
    if isinstance(value, str):
        return head + _field(4, value) + _field(20, _TEXT)
    if isinstance(value, int):
        return head + _field(3, value) + _field(20, _INT)
    assert isinstance(value, tuple)
    return head + b"".join(_field(8, int(one)) for one in value) + _field(20, _INTS)


def _value_info(name: str) -> bytes:
    """A float32 value of four dimensions of unknown size."""
    shape = b"".join(_field(1, _field(2, f"{name}{axis}")) for axis in range(4))
    return _field(1, name) + _field(2, _field(1, _field(1, _FLOAT32) + _field(2, shape)))
