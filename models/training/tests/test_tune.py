"""Tuning the integer network: what it changes, what it must not change, and that it helps."""

from __future__ import annotations

import contextlib
import io
import unittest
from unittest import mock

import numpy as np
import torch

from .. import tune_quantized
from ..golden_network import random_windows, steps_graph, tiny_graph
from ..graph import Graph, run_float
from ..quantize import (IntegerGraph, Range, calibrate, quantize, quantize_input,
                        run_integer)
from ..tune_quantized import RoundedActivation, TunedRange, Tuner, fake_weight, tune
from ..windows import Batch


class TestRanges(unittest.TestCase):
    def test_rounds_as_the_integer_network_does(self) -> None:
        kept = Range(0.05, 40)
        x = torch.tensor([-9.0, -2.0, -0.02, 0.0, 0.07, 0.08, 1.0, 10.75, 11.0])
        wanted = (torch.clamp((x / 0.05).round() + 40, 0, 255) - 40) * 0.05
        np.testing.assert_allclose(TunedRange(kept).rounded(x).detach(), wanted, atol=1e-6)

    def test_unmoved_range_is_the_first_one(self) -> None:
        for first in (Range(0.05, 40), Range(0.3, 0), Range(0.001, 255)):
            kept = TunedRange(first).range()
            self.assertAlmostEqual(kept.scale, first.scale, delta=1e-6 * first.scale)
            self.assertEqual(kept.zero, first.zero)

    def test_gradients_are_those_of_the_steps_and_of_what_is_cut_off(self) -> None:
        """Against differences of the function itself where rounding does not jump."""
        x = torch.tensor([-1.9, -0.53, 0.118, 0.74, 2.31, 5.0, 7.7], dtype=torch.float64)
        weights = torch.tensor([1.0, -0.5, 2.0, 0.7, -1.3, 0.9, 0.4], dtype=torch.float64)
        ends = torch.tensor([-1.0, 4.1], dtype=torch.float64, requires_grad=True)
        x.requires_grad_()
        (RoundedActivation.apply(x, ends[0], ends[1]) * weights).sum().backward()
        inside = torch.tensor([0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0])
        np.testing.assert_allclose(x.grad, inside * weights)

        def result(low: float, high: float) -> float:
            # `zero` and the number of steps of each value as they are at the given ends.
            step, first = (high - low) / 255.0, 5.1 / 255.0
            steps = (x.detach() / first).round()
            within = steps * step + x.detach() - x.detach() * step / first
            within = torch.where(x.detach() < -1.0, torch.full_like(within, low), within)
            within = torch.where(x.detach() > 4.1, torch.full_like(within, high), within)
            return float((within * weights).sum())

        tiny = 1e-6
        for end, (low, high) in enumerate(((tiny, 0.0), (0.0, tiny))):
            slope = (result(-1.0 + low, 4.1 + high) - result(-1.0 - low, 4.1 - high)) / (2 * tiny)
            self.assertAlmostEqual(float(ends.grad[end]), slope, places=5)

    def test_an_end_that_is_too_far_out_comes_nearer(self) -> None:
        random = np.random.default_rng(3)
        x = torch.from_numpy(random.uniform(0.0, 1.0, 4096).astype(np.float32))
        kept = TunedRange(Range(8.0 / 255, 0))
        optimizer = torch.optim.Adam([kept.moved], 0.05)
        for _ in range(300):
            optimizer.zero_grad()
            (kept.rounded(x) - x).square().mean().backward()
            optimizer.step()
        self.assertEqual(kept.range().zero, 0)
        self.assertLess(kept.range().scale * 255, 1.2)
        self.assertGreater(kept.range().scale * 255, 0.95)


class TestTuner(unittest.TestCase):
    @staticmethod
    def make_graph(random: np.random.Generator) -> Graph:
        return tiny_graph(random)

    def setUp(self) -> None:
        random = np.random.default_rng(11)
        self.graph = self.make_graph(random)
        self.windows = torch.from_numpy(random_windows(random, 32))
        self.ranges = calibrate(self.graph, self.windows, 100.0)

    def test_rounded_weights_are_those_of_the_integer_network(self) -> None:
        network = quantize(self.graph, self.ranges)
        weight = torch.from_numpy(self.graph.ops[0].weights[""][0])
        stored = network.weights[self.graph.ops[0].name]
        wanted = stored.weight * stored.scale.reshape(-1, 1, 1, 1)
        np.testing.assert_allclose(fake_weight(weight).numpy(), wanted, rtol=0, atol=1e-6)

    def test_untuned_forward_pass_is_the_integer_network(self) -> None:
        difference = error = 0.0
        for seed in range(8):
            random = np.random.default_rng(seed)
            graph = self.make_graph(random)
            windows = torch.from_numpy(random_windows(random, 32))
            ranges = calibrate(graph, windows, 100.0)
            tuner = Tuner(graph, ranges)
            network = quantize(tuner.tuned_graph(), ranges)
            integers = quantize_input(windows.numpy())
            with torch.no_grad():
                rounded = torch.sigmoid(tuner.logits(windows))
                exact = torch.sigmoid(run_integer(network, torch.from_numpy(integers)))
                precise = torch.sigmoid(run_float(graph, windows))
            difference += float((rounded - exact).abs().mean())
            error += float((precise - exact).abs().mean())
            self.assertLess(float((rounded - exact).abs().mean()),
                            float((precise - exact).abs().mean()), f"seed {seed}")
        # Rounding of halves and of biases differs; that is little beside quantization itself.
        self.assertLess(difference, 0.5 * error)

    def test_gradients_reach_every_weight(self) -> None:
        tuner = Tuner(self.graph, self.ranges)
        tuner.logits(self.windows).square().sum().backward()
        for key, (weight, bias) in tuner.parameters.items():
            self.assertGreater(float(weight.grad.abs().max()), 0.0, key)
            self.assertGreater(float(bias.grad.abs().max()), 0.0, key)

    def test_gradients_reach_every_range_but_the_input_s(self) -> None:
        tuner = Tuner(self.graph, self.ranges)
        self.assertEqual({"input", *tuner.ranges}, set(self.ranges))
        self.assertNotIn("input", tuner.ranges)
        tuner.logits(self.windows).square().sum().backward()
        for name, output in tuner.ranges.items():
            self.assertGreater(float(output.moved.grad.abs().max()), 0.0, name)
        with torch.no_grad():
            for output in tuner.ranges.values():
                output.moved.add_(0.1)
        tuned = tuner.tuned_ranges()
        self.assertEqual(tuned["input"], self.ranges["input"])
        self.assertTrue(all(tuned[name].scale > self.ranges[name].scale
                            for name in tuned if name != "input"))

    def tuned(self, rate: float, range_rate: float) -> IntegerGraph:
        """After a few steps on windows in place of mixed ones."""
        batch = Batch(self.windows[:8], *[torch.zeros(0)] * 4)
        with mock.patch.object(tune_quantized, "augmented_batch", lambda *arguments: batch), \
                contextlib.redirect_stderr(io.StringIO()):
            return tune(self.graph, self.ranges, range(8), 6, 8, rate, range_rate, 1)

    def test_weights_and_ranges_move_at_their_own_rate(self) -> None:
        network = quantize(self.graph, self.ranges)
        still = self.tuned(0.0, 0.0)
        self.assertEqual(still.ranges, network.ranges)
        for name, weights in network.weights.items():
            np.testing.assert_array_equal(still.weights[name].weight, weights.weight)
        of_ranges = self.tuned(0.0, 0.01)
        moved = [name for name in network.ranges if of_ranges.ranges[name] != network.ranges[name]]
        self.assertEqual(sorted(["input", *moved]), sorted(network.ranges))
        for name, weights in network.weights.items():
            np.testing.assert_array_equal(of_ranges.weights[name].weight, weights.weight)
        of_weights = self.tuned(0.02, 0.0)
        self.assertEqual(of_weights.ranges, network.ranges)
        self.assertTrue(any((of_weights.weights[name].weight != weights.weight).any()
                            for name, weights in network.weights.items()))

    def test_tuned_graph_keeps_all_but_the_weights(self) -> None:
        tuned = Tuner(self.graph, self.ranges).tuned_graph()
        for before, after in zip(self.graph.ops, tuned.ops):
            self.assertEqual((before.kind, before.name, before.fields, before.residual),
                             (after.kind, after.name, after.fields, after.residual))
            self.assertIs(before.gate, after.gate)


class TestTunerOfSteps(TestTuner):
    """The same of a network whose head is an attention over time steps."""

    @staticmethod
    def make_graph(random: np.random.Generator) -> Graph:
        return steps_graph(random)


if __name__ == "__main__":
    unittest.main()
