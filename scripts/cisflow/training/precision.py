"""The network as the training step calls it: compiled, in mixed precision, or as it is.

Inputs: a network and the options of the recipe. Outputs: a module that shares the network's weights.
"""

from __future__ import annotations

from typing import Any

import torch

from cisflow.training.options import PRECISIONS, LoopOptions


def as_float32(value: Any) -> Any:
    """Floating tensors as float32, in tensors, tuples (named ones too), lists and mappings; the rest unchanged."""
    if isinstance(value, torch.Tensor):
        return value.float() if value.is_floating_point() else value
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(as_float32, value))
    if isinstance(value, tuple | list):
        return type(value)(map(as_float32, value))
    if isinstance(value, dict):
        return {key: as_float32(item) for key, item in value.items()}
    return value


class MixedPrecision(torch.nn.Module):
    """Forward pass with matrix products and convolutions in a short type; the output is float32, and so is the loss.

    Parameters
    ----------
    network : torch module
        Its weights stay float32.
    device_type : str
    dtype : torch.dtype
        ``torch.bfloat16`` or ``torch.float16``.
    """

    def __init__(self, network: torch.nn.Module, device_type: str, dtype: torch.dtype):
        super().__init__()
        self.network, self.device_type, self.dtype = network, device_type, dtype

    def forward(self, *inputs: torch.Tensor) -> Any:
        """Output of the network, as float32."""
        with torch.autocast(self.device_type, self.dtype):
            output = self.network(*inputs)
        return as_float32(output)


def training_network(network: torch.nn.Module, options: LoopOptions, device: torch.device) -> torch.nn.Module:
    """Return what the training step calls; without options the network itself."""
    called = torch.compile(network) if options.compile else network
    if options.precision == "float32":
        return called
    return MixedPrecision(called, device.type, getattr(torch, PRECISIONS[options.precision]))
