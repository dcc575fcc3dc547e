"""Depthwise convolution in bfloat16 with a fast way back.

For kernels of 5 x 5 the gradients that PyTorch 1.13 computes in bfloat16 on a processor come from a
reference kernel and take as long as all the rest of a training step. Here both gradients are
depthwise convolutions themselves, which are fast.
"""

from __future__ import annotations

from typing import Any, Tuple

import torch
from torch.nn import functional


class Depthwise(torch.autograd.Function):
    """conv2d(x, weight, bias, stride, kernel // 2, groups=channels) for square odd kernels.

    x (n, channels, height, width) and the weights (channels, 1, kernel, kernel) have one dtype.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor,
                stride: int) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return functional.conv2d(x, weight, bias, stride, weight.shape[-1] // 2, 1, x.shape[1])

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor
                 ) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor, None]:
        x, weight = ctx.saved_tensors
        channels_last = gradients[0].permute(0, 2, 3, 1).contiguous()
        return (input_gradient(channels_last, weight, x.shape, ctx.stride),
                weight_gradient(channels_last, x, weight.shape[-1], ctx.stride),
                channels_last.sum((0, 1, 2)), None)


def input_gradient(gradient: torch.Tensor, weight: torch.Tensor, shape: torch.Size,
                   stride: int) -> torch.Tensor:
    """From the output's (n, height, width, channels); `shape` is the input's."""
    count, channels, height, width = shape
    if stride > 1:
        spread = gradient.new_zeros((count, height, width, channels))
        spread[:, ::stride, ::stride] = gradient
        gradient = spread
    return functional.conv2d(gradient.permute(0, 3, 1, 2), weight.flip((2, 3)), None, 1,
                             weight.shape[-1] // 2, 1, channels)


def weight_gradient(gradient: torch.Tensor, x: torch.Tensor, kernel: int,
                    stride: int) -> torch.Tensor:
    """(channels, 1, kernel, kernel), from the output's (n, height, width, channels).

    Every channel of every window is one of a depthwise convolution whose kernel is the gradient.
    """
    count, height, width, channels = gradient.shape
    planes = x.permute(2, 3, 0, 1).reshape(*x.shape[2:], -1).permute(2, 0, 1)
    kernels = gradient.permute(1, 2, 0, 3).reshape(height, width, -1).permute(2, 0, 1)
    taps = functional.conv2d(planes.unsqueeze(0), kernels.unsqueeze(1), None, 1, kernel // 2,
                             stride, count * channels)[0, :, :kernel, :kernel]
    return taps.reshape(count, channels, 1, kernel, kernel).sum(0)
