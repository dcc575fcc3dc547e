"""Tuning the integer network: what it changes, what it must not change, and that it helps."""

from __future__ import annotations

import unittest

import numpy as np
import torch

from ..golden_network import random_windows, steps_graph, tiny_graph
from ..graph import Graph, run_float
from ..quantize import calibrate, quantize, quantize_input, run_integer
from ..tune_quantized import Tuner, fake_weight


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
