"""A network in the form that runs fastest where it runs.

On a processor that is ONNX Runtime (blocked layout, convolution fused with sum and ReLU): HRNet-W32 takes
about half the time of plain torch; folded channels-last torch, frozen TorchScript and torch.compile (which
would also need a C++ compiler on the user's computer) lie between the two. On a graphics card it is torch,
folded, channels last, in half precision. Networks with operations that `onnx_graph` cannot write run in torch
everywhere. Channels of a thinned network that do nothing are skipped (see `compact`). In float32 all forms
equal the plain network within 1e-5 of its largest value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import onnxruntime
import torch
from torch import Tensor, nn

from models.run.compact import compact_convolutions
from models.run.fold import fold_batch_norm
from models.run.onnx_graph import UnknownOperationError, onnx_bytes

Network = Callable[[Tensor], Tensor]
SLICE = 8  # inputs that go through together on a processor: more need memory and bring no speed


def fast_net(net: nn.Module, device: torch.device) -> Network:
    """`net` ready to map float32 (N, 3, H, W) on `device` to float32 (N, …), in eval mode, without gradients.

    The network itself is left as it is; later changes of its weights do not reach the result.
    """
    folded = compact_convolutions(fold_batch_norm(net))
    if device.type == "cpu":
        try:
            return _OnnxNet(onnx_bytes(folded))
        except UnknownOperationError:
            pass
    return _TorchNet(folded, device)


@contextmanager
def beside(net: Network) -> Iterator[None]:
    """For small work in torch before and after `net`: in this thread alone where ONNX Runtime has the cores.

    Torch's threads spin for a while after each operation, which takes 5 % of the network's time from it.
    """
    cores = torch.get_num_threads()
    if isinstance(net, _OnnxNet):
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(cores)


class _OnnxNet:
    def __init__(self, model: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3  # errors only
        # waiting threads spin within a run, and leave the cores to video decoding between two
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def __call__(self, inputs: Tensor) -> Tensor:
        parts = [
            torch.from_numpy(self._session.run(["y"], {"x": part.contiguous().numpy()})[0])
            for part in torch.split(inputs, SLICE)
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts)


class _TorchNet:
    def __init__(self, folded: nn.Module, device: torch.device) -> None:
        self._dtype = torch.float16 if device.type == "cuda" else torch.float32
        self._net = folded.to(device, self._dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def __call__(self, inputs: Tensor) -> Tensor:
        output: Tensor = self._net(inputs.to(self._dtype, memory_format=torch.channels_last))
        return output.float()
