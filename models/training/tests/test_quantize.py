"""The integer network: against integer arithmetic written out, and against the float network."""

from __future__ import annotations

import unittest
from typing import List

import numpy as np
import torch

from ..golden_network import LABELS, random_windows, steps_graph, tiny_graph
from ..graph import Op, pool_steps, run_float
from ..quantize import (PAIR_LIMIT, IntegerWeights, Range, accumulate, attend, calibrate,
                        dequantize_input, furthest, limit_pairs, mean_integers, quantize,
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
        weight = np.array([[0.1, -0.2], [3.0, -1.0]], np.float32)
        result = quantize_weight(weight, np.array([0.5, -1.0], np.float32), Range(0.02, 0))
        self.assertEqual(result.weight.tolist(), [[64, -127], [127, -42]])
        unit = 0.02 * result.scale.astype(np.float64)
        np.testing.assert_allclose(result.bias * unit, [0.5, -1.0], atol=unit.max())

    def test_neighbours_of_one_sign_share_the_limit(self) -> None:
        weight = np.array([[3.0, 1.0, -2.0, -2.0, 0.5], [1.0, 1.0, 0.0, 1.0, -1.0]], np.float32)
        result = quantize_weight(weight, np.zeros(2, np.float32), Range(0.02, 0))
        self.assertEqual(result.weight.tolist(), [[96, 32, -64, -64, 16], [64, 64, 0, 64, -64]])

    def test_rounding_does_not_break_the_limit(self) -> None:
        integers = torch.tensor([[[[70], [59], [127]], [[-60], [-70], [-100]]]])
        wanted = torch.tensor([[[[69], [59], [127]], [[-60], [-68], [-100]]]])
        self.assertEqual(limit_pairs(integers).tolist(), wanted.tolist())
        random = np.random.default_rng(5)
        for shape in ((40, 31), (40, 3, 3, 1), (40, 3, 3, 4)):
            weight = random.standard_normal(shape).astype(np.float32)
            stored = quantize_weight(weight, np.zeros(40, np.float32), Range(0.02, 0)).weight
            lines = stored.reshape(40, shape[1] if len(shape) > 2 else 1, -1).astype(int)
            for sign in (1, -1):
                part = np.maximum(sign * lines, 0)
                sums = part[:, :, 0:-1:2] + part[:, :, 1::2]
                self.assertLessEqual(sums.max(), PAIR_LIMIT)
                self.assertGreater(sums.max(), PAIR_LIMIT - 3)

    def test_windows_of_single_channels_use_the_whole_range(self) -> None:
        weight = np.array([[[3.0, 3.0, 1.0]]], np.float32)
        result = quantize_weight(weight, np.zeros(1, np.float32), Range(0.02, 0))
        self.assertEqual(result.weight.tolist(), [[[127, 127, 42]]])

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


class TestRoom(unittest.TestCase):
    def test_a_dead_layer_gets_a_scale_that_a_reader_takes(self) -> None:
        random = np.random.default_rng(3)
        graph = tiny_graph(random)
        ranges = calibrate(graph, torch.from_numpy(random_windows(random, 4)), 100.0)
        names = [op.name for op in graph.ops[:-1]]
        names += [f"{op.name}.hidden" for op in graph.ops if op.kind == "squeeze_excite"]
        dead = {name: range_of(0.0, 0.0) if name in names else ranges[name] for name in ranges}
        network = quantize(graph, dead)
        limit = 2.0 ** 30
        source = network.ranges["input"]
        for op in graph.ops[:-1]:
            output = network.ranges[op.name]
            if op.kind == "squeeze_excite":
                hidden = network.ranges[op.name + ".hidden"]
                weights = network.weights[op.name + ".reduce"]
                self.assertLess(furthest(network.ranges[op.name + ".pooled"], weights),
                                limit * hidden.scale)
                self.assertLess(255 * source.scale, limit * output.scale)
            elif op.weights:
                largest = furthest(source, network.weights[op.name])
                if op.residual is not None:
                    largest += 255 * network.ranges[op.residual].scale
                self.assertLess(largest, limit * output.scale)
            source = output

    def test_what_calibration_saw_stays(self) -> None:
        random = np.random.default_rng(3)
        graph = tiny_graph(random)
        ranges = calibrate(graph, torch.from_numpy(random_windows(random, 4)), 100.0)
        self.assertEqual(quantize(graph, ranges).ranges, ranges)

    def test_the_furthest_by_hand(self) -> None:
        weights = IntegerWeights(np.array([[100, -20], [1, 1]], np.int8),
                                 np.array([0.5, 2.0], np.float32), np.array([-10, 5], np.int32))
        self.assertEqual(furthest(Range(0.25, 55), weights), (10 + 120 * 200) * 0.5 * 0.25)
        self.assertEqual(furthest(Range(0.25, 200), weights), (10 + 120 * 200) * 0.5 * 0.25)


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

    def test_steps_of_the_integer_network_follow_the_float_network(self) -> None:
        graph = steps_graph(self.random)
        calibration = torch.from_numpy(random_windows(self.random, 64))
        windows = random_windows(self.random, 16)
        network = quantize(graph, calibrate(graph, calibration, 100.0))
        wanted_steps: List[torch.Tensor] = []
        found_steps: List[torch.Tensor] = []
        wanted = run_float(graph, torch.from_numpy(windows), steps=wanted_steps)
        found = run_integer(network, torch.from_numpy(quantize_input(windows)), found_steps)
        self.assertEqual(tuple(found_steps[0].shape), (16, 6, len(LABELS)))
        for expected, result in ((wanted, found), (wanted_steps[0], found_steps[0])):
            expected, result = torch.sigmoid(expected), torch.sigmoid(result)
            self.assertGreater(float(expected.flatten(0, -2).std(dim=0).min()), 0.01)
            self.assertLess(float((expected - result).abs().mean()), 0.01)

    def test_a_network_without_steps_gives_none(self) -> None:
        graph = tiny_graph(self.random)
        windows = torch.from_numpy(random_windows(self.random, 2))
        steps: List[torch.Tensor] = []
        run_float(graph, windows, steps=steps)
        network = quantize(graph, calibrate(graph, windows, 100.0))
        run_integer(network, torch.from_numpy(quantize_input(windows.numpy())), steps)
        self.assertEqual(steps, [])


class TestAttention(unittest.TestCase):
    def setUp(self) -> None:
        self.random = np.random.default_rng(9)

    def test_mean_over_frequency_equals_sums_written_out(self) -> None:
        x = self.random.integers(-100, 156, (2, 3, 4, 5))
        source, output = Range(0.05, 100), Range(0.03, 77)
        found = mean_integers(torch.from_numpy(x).float(), source, output, (3,)).numpy()
        unit = np.float32(0.05) / np.float32(5)
        real = x.sum(axis=3).astype(np.float32) * unit
        wanted = np.rint(real * (np.float32(1) / np.float32(0.03))) + 77
        np.testing.assert_array_equal(found[..., 0], np.clip(wanted, 0, 255))

    def test_attention_equals_sums_written_out(self) -> None:
        graph = steps_graph(self.random)
        windows = torch.from_numpy(random_windows(self.random, 8))
        network = quantize(graph, calibrate(graph, windows, 100.0))
        head, source = graph.ops[-1], network.ranges["hidden"]
        x = self.random.integers(-source.zero, 256 - source.zero, (2, 21, 7, 1))
        found = attend(torch.from_numpy(x).float(), head, source, network, None)
        for window in range(2):
            for label in range(len(LABELS)):
                rows = {}
                for part in ("score", "attention"):
                    stored = network.weights["head." + part]
                    sums = stored.weight[label].astype(int) @ x[window, :, :, 0]
                    rows[part] = ((sums + int(stored.bias[label])).astype(np.float64)
                                  * source.scale * float(stored.scale[label]))
                share = np.exp(rows["attention"][:6])
                of_steps = (share * rows["score"][:6]).sum() / share.sum()
                gate = float(head.gate[label])
                wanted = gate * rows["score"][6] + (1.0 - gate) * of_steps
                self.assertAlmostEqual(float(found[window, label]), wanted, 4)

    def test_one_step_is_taken_as_it_is(self) -> None:
        scores = torch.tensor([[[3.0, -5.0]]])
        for attention in (-1e30, 0.0, 1e30):
            found = pool_steps(scores, torch.tensor([[[attention, 9.0]]]), torch.tensor([0.0]))
            self.assertEqual(found.tolist(), [[3.0]])

    def test_high_attention_does_not_overflow(self) -> None:
        scores = torch.tensor([[[1.0, 2.0, 3.0]]])
        attention = torch.tensor([[[1e30, -1e30, 0.0]]])
        self.assertEqual(pool_steps(scores, attention, torch.tensor([0.0])).tolist(), [[1.0]])


if __name__ == "__main__":
    unittest.main()
