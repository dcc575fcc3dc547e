"""The integer network: against integer arithmetic written out, and against the float network."""

from __future__ import annotations

import unittest

import numpy as np
import torch

from ..golden_network import random_windows, tiny_graph
from ..graph import Op, run_float
from ..quantize import (IntegerWeights, Range, accumulate, calibrate, dequantize_input, quantize,
                        quantize_input, quantize_weight, range_of, run_integer, to_integers)


class TestRanges(unittest.TestCase):
    def test_zero_is_exact(self) -> None:
        for low, high in ((-1.4, 3.2), (0.0, 5.0), (-2.0, -1.0), (0.5, 0.7), (0.0, 0.0)):
            chosen = range_of(low, high)
            self.assertGreater(chosen.scale, 0.0)
            self.assertTrue(0 <= chosen.zero <= 255)
            self.assertLessEqual(-chosen.zero * chosen.scale, min(low, 0.0) + chosen.scale)
            self.assertGreaterEqual((255 - chosen.zero) * chosen.scale, high - chosen.scale)

    def test_rounding_is_half_to_even_and_clamped(self) -> None:
        real = torch.tensor([0.5, 1.5, 2.5, -0.5, -1.5, 1000.0, -1000.0])
        self.assertEqual(to_integers(real, Range(1.0, 10)).tolist(),
                         [10, 12, 12, 10, 8, 255, 0])

    def test_input_survives_a_round_trip(self) -> None:
        integers = np.arange(256, dtype=np.uint8)
        np.testing.assert_array_equal(quantize_input(dequantize_input(integers)), integers)


class TestWeights(unittest.TestCase):
    def test_each_channel_uses_the_whole_range(self) -> None:
        weight = np.array([[0.1, -0.2], [3.0, 1.0]], np.float32)
        result = quantize_weight(weight, np.array([0.5, -1.0], np.float32), Range(0.02, 0))
        self.assertEqual(result.weight.tolist(), [[64, -127], [127, 42]])
        unit = 0.02 * result.scale.astype(np.float64)
        np.testing.assert_allclose(result.bias * unit, [0.5, -1.0], atol=unit.max())

    def test_a_vanished_channel_does_not_overflow(self) -> None:
        weight = np.array([[1e-12, 0.0]], np.float32)
        result = quantize_weight(weight, np.array([2.0], np.float32), Range(0.02, 0))
        self.assertLess(abs(int(result.bias[0])) + 2 * 255 * 127, 2 ** 31)
        self.assertAlmostEqual(float(result.bias[0]) * 0.02 * float(result.scale[0]), 2.0, 5)

    def test_too_many_products_are_refused(self) -> None:
        weights = IntegerWeights(np.ones((1, 600), np.int8), np.ones(1, np.float32),
                                 np.zeros(1, np.int32))
        with self.assertRaises(ValueError):
            accumulate(torch.zeros(1, 600, 1, 1), Op("linear", "x"), weights)


class TestNetwork(unittest.TestCase):
    def setUp(self) -> None:
        self.random = np.random.default_rng(7)

    def test_depthwise_equals_sums_written_out(self) -> None:
        op = Op("depthwise", "d", {"channels": 3, "kernel": [3, 5], "stride": [2, 1],
                                   "padding": [1, 0], "activation": "none"})
        weight = self.random.integers(-127, 128, (3, 3, 5)).astype(np.int8)
        bias = self.random.integers(-10 ** 6, 10 ** 6, 3).astype(np.int32)
        x = self.random.integers(-100, 156, (1, 3, 7, 9))
        weights = IntegerWeights(weight, np.ones(3, np.float32), bias)
        found = accumulate(torch.from_numpy(x).float(), op, weights)[0].numpy()
        padded = np.pad(x[0], ((0, 0), (1, 1), (0, 0)))
        for channel in range(3):
            for time in range(4):
                for band in range(5):
                    part = padded[channel, 2 * time:2 * time + 3, band:band + 5]
                    wanted = int((part * weight[channel].astype(int)).sum()) + int(bias[channel])
                    self.assertEqual(found[channel, time, band], np.float32(wanted))

    def test_integer_network_follows_the_float_network(self) -> None:
        graph = tiny_graph(self.random)
        calibration = torch.from_numpy(random_windows(self.random, 64))
        windows = random_windows(self.random, 16)
        network = quantize(graph, calibrate(graph, calibration, 100.0))
        wanted = torch.sigmoid(run_float(graph, torch.from_numpy(windows)))
        found = torch.sigmoid(run_integer(network, torch.from_numpy(quantize_input(windows))))
        self.assertGreater(float(wanted.std(dim=0).min()), 0.01)  # the comparison can fail
        self.assertLess(float((wanted - found).abs().mean()), 0.01)


if __name__ == "__main__":
    unittest.main()
