"""The gradients of depthwise convolution are those of PyTorch's own."""

from __future__ import annotations

import unittest
from typing import List

import torch
from torch.nn.functional import conv2d

from ..depthwise import Depthwise


class TestDepthwise(unittest.TestCase):
    def gradients(self, own: bool, height: int, width: int, stride: int,
                  kernel: int) -> List[torch.Tensor]:
        torch.manual_seed(5)
        x, weight, bias = (torch.randn(shape, dtype=torch.double).requires_grad_() for shape in (
            (3, 8, height, width), (8, 1, kernel, kernel), (8,)))
        if own:
            y = Depthwise.apply(x, weight, bias, stride)
        else:
            y = conv2d(x, weight, bias, stride, kernel // 2, 1, 8)
        (y * torch.randn_like(y)).sum().backward()
        return [y.detach(), x.grad, weight.grad, bias.grad]

    def test_gradients_are_those_of_conv2d(self) -> None:
        for height, width, stride, kernel in ((4, 10, 1, 5), (8, 19, 2, 5), (7, 6, 2, 5),
                                              (1, 1, 1, 5), (5, 8, 2, 3), (9, 4, 3, 5)):
            with self.subTest(height=height, width=width, stride=stride, kernel=kernel):
                for mine, wanted in zip(self.gradients(True, height, width, stride, kernel),
                                        self.gradients(False, height, width, stride, kernel)):
                    torch.testing.assert_close(mine, wanted)
