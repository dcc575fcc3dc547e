"""The model file: what is written is what is read, and matches models/FORMAT.md."""

from __future__ import annotations

import json
import struct
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path
from typing import List

import numpy as np
import torch

from .. import safetensors_file
from ..golden_network import COLUMNS, BANDS, LABELS, random_windows, steps_graph, tiny_graph
from ..graph import Graph, Op, blended, fold, run_float
from ..model_file import multiply_adds, read_model, write_model
from ..network import Network, as_input
from ..quantize import calibrate, quantize, quantize_input, run_integer
from ..unfold import unfold


class TestSafetensors(unittest.TestCase):
    def test_layout(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.safetensors"
            tensors = {"a": np.arange(3, dtype=np.int8), "b": np.ones((2, 2), np.float32)}
            safetensors_file.write(path, tensors, {"key": "value"})
            data = path.read_bytes()
            read, metadata = safetensors_file.read(path)
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8:8 + length])
        self.assertEqual(length % 8, 0)
        self.assertEqual(header["__metadata__"], {"key": "value"})
        spans = sorted(entry["data_offsets"] for name, entry in header.items()
                       if name != "__metadata__")
        self.assertEqual(spans[0][0], 0)
        self.assertEqual([end for _, end in spans[:-1]], [begin for begin, _ in spans[1:]])
        self.assertEqual(spans[-1][1], len(data) - 8 - length)
        self.assertEqual(metadata, {"key": "value"})
        for name, tensor in tensors.items():
            np.testing.assert_array_equal(read[name], tensor)
            self.assertEqual(read[name].dtype, tensor.dtype)


class TestModelFile(unittest.TestCase):
    def test_wrong_number_of_labels_is_refused(self) -> None:
        random = np.random.default_rng(3)
        graph = tiny_graph(random)
        windows = torch.from_numpy(random_windows(random, 4))
        network = quantize(graph, calibrate(graph, windows, 100.0))
        with self.assertRaises(ValueError):
            write_model(Path("unused"), network, "x", ("one", "two"))
        with self.assertRaises(ValueError):
            write_model(Path("unused"), network, "x", LABELS, neighbours=("harp",))

    def test_neighbours_come_back(self) -> None:
        random = np.random.default_rng(3)
        graph = tiny_graph(random)
        windows = torch.from_numpy(random_windows(random, 4))
        network = quantize(graph, calibrate(graph, windows, 100.0))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "tiny.safetensors"
            write_model(path, network, "tiny", LABELS[:2], neighbours=LABELS[2:])
            model = read_model(path)
            self.assertEqual((tuple(model.labels), tuple(model.neighbours)),
                             (LABELS[:2], LABELS[2:]))
            write_model(path, network, "tiny", LABELS)
            self.assertEqual(read_model(path).neighbours, [])

    def test_read_network_answers_as_the_written_one(self) -> None:
        random = np.random.default_rng(3)
        for graph in (tiny_graph(random), steps_graph(random)):
            self.check_read(graph, torch.from_numpy(random_windows(random, 8)))

    def check_read(self, graph: Graph, windows: torch.Tensor) -> None:
        network = quantize(graph, calibrate(graph, windows, 99.9))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "tiny.safetensors"
            write_model(path, network, "tiny", LABELS, thresholds=[0.3, 0.5, 0.7])
            model = read_model(path)
        self.assertEqual(tuple(model.labels), LABELS)
        self.assertEqual(model.thresholds.tolist(), [0.3, 0.5, 0.7])
        integers = torch.from_numpy(quantize_input(windows.numpy()))
        torch.testing.assert_close(run_integer(model.network, integers),
                                   run_integer(network, integers), rtol=0.0, atol=0.0)
        torch.testing.assert_close(run_float(model.network.graph, windows),
                                   run_float(graph.rounded_to_half(), windows))

    def test_the_last_output_is_null_and_no_other(self) -> None:
        random = np.random.default_rng(3)
        graph = tiny_graph(random)
        network = quantize(graph, calibrate(graph, torch.from_numpy(random_windows(random, 4)),
                                            100.0))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "tiny.safetensors"
            write_model(path, network, "tiny", LABELS)
            _, metadata = safetensors_file.read(path)
        outputs = [op["output"] for op in json.loads(metadata["tutti.layers"])["ops"]]
        self.assertIsNone(outputs[-1])
        self.assertNotIn(None, outputs[:-1])

    def test_multiply_adds_of_a_known_graph(self) -> None:
        graph = tiny_graph(np.random.default_rng(3))
        # The first op: 12 x 18 positions, 7 channels of 3 x 5 x 1.
        self.assertEqual(multiply_adds(graph.ops[:1], COLUMNS, BANDS), 12 * 18 * 7 * 15)
        graph = steps_graph(np.random.default_rng(3))
        # 11 x 6 positions of 35 taps, 6 x 3 of 9; 6 steps and their mean through 11 x 21 weights
        # and twice 21 x 3.
        wanted = 11 * 6 * 11 * 35 + 6 * 3 * 11 * 9 + 7 * (11 * 21 + 2 * 21 * 3)
        self.assertEqual(multiply_adds(graph.ops, COLUMNS, BANDS), wanted)


class TestBlending(unittest.TestCase):
    def test_ends_and_middle(self) -> None:
        first, second = (steps_graph(np.random.default_rng(seed)) for seed in (1, 2))
        for share in (0.0, 0.25, 1.0):
            mixed = blended(first, second, share)
            for op, mine, his in zip(mixed.ops, first.ops, second.ops):
                for part, (weight, bias) in op.weights.items():
                    for found, a, b in zip((weight, bias), mine.weights[part], his.weights[part]):
                        np.testing.assert_allclose(found, (1 - share) * a + share * b, atol=1e-6)

    def test_gates_are_blended_as_training_has_them(self) -> None:
        first, second = (steps_graph(np.random.default_rng(seed)) for seed in (1, 2))
        gates = np.array([[0.1, 0.6, 0.0], [0.9, 0.6, 1.0]], np.float32)
        first.ops[-1].gate, second.ops[-1].gate = gates
        for share in (0.0, 0.25, 1.0):
            found = blended(first, second, share).ops[-1].gate
            logit = (2.0 * share - 1.0) * np.log(9.0)
            np.testing.assert_allclose(found[:2], [1.0 / (1.0 + np.exp(-logit)), 0.6], atol=1e-6)
        np.testing.assert_allclose(blended(first, second, 0.5).ops[-1].gate[2], 0.5, atol=1e-6)

    def test_a_linear_head_counts_as_the_score(self) -> None:
        graph = steps_graph(np.random.default_rng(1))
        head = graph.ops[-1]
        weight, bias = head.weights["score"]
        linear = Op("linear", head.name, dict(head.fields), {"": (weight + 1.0, bias + 2.0)})
        mixed = blended(graph, Graph(graph.ops[:-1] + [linear]), 0.5).ops[-1]
        np.testing.assert_allclose(mixed.weights["score"][0], weight + 0.5, atol=1e-6)
        np.testing.assert_allclose(mixed.weights["score"][1], bias + 1.0, atol=1e-6)
        np.testing.assert_array_equal(mixed.weights["attention"][0], head.weights["attention"][0])
        np.testing.assert_array_equal(mixed.gate, head.gate)

    def test_outputs_that_the_other_has_not_stay(self) -> None:
        graph, other = (steps_graph(np.random.default_rng(seed)) for seed in (1, 2))
        head, theirs = graph.ops[-1], other.ops[-1]
        for part, (weight, bias) in theirs.weights.items():
            theirs.weights[part] = (weight[:2], bias[:2])
        theirs.gate = np.array([0.5, 0.3], np.float32)
        mixed = blended(graph, other, 1.0).ops[-1]
        for part, (weight, bias) in head.weights.items():
            np.testing.assert_allclose(mixed.weights[part][0][:2], theirs.weights[part][0],
                                       atol=1e-6)
            np.testing.assert_array_equal(mixed.weights[part][0][2], weight[2])
            self.assertEqual(mixed.weights[part][1][2], bias[2])
        np.testing.assert_allclose(mixed.gate, [0.5, 0.3, head.gate[2]], atol=1e-6)
        with self.assertRaises(ValueError):
            blended(other, graph, 0.5)

    def test_other_shapes_are_refused(self) -> None:
        graph = steps_graph(np.random.default_rng(1))
        small = Op("pointwise", "hidden", {}, {"": (np.zeros((2, 2), np.float32), np.zeros(2))})
        with self.assertRaises(ValueError):
            blended(graph, Graph([small]), 0.5)


class TestFolding(unittest.TestCase):
    def network(self, seed: int, outputs: int = 4) -> Network:
        torch.manual_seed(seed)
        network = Network(outputs, keep_audioset=True)
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                torch.nn.init.normal_(module.running_mean, 0.0, 0.2)
                torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
        torch.nn.init.normal_(network.attention.weight, 0.0, 0.5)
        torch.nn.init.uniform_(network.gate, -2.0, 2.0)
        return network.eval()

    def test_folded_graph_equals_the_network(self) -> None:
        network = self.network(5)
        windows = torch.randn(2, 110, 64)
        steps: List[torch.Tensor] = []
        with torch.no_grad():
            wanted = network(as_input(windows))[:, :3]
            scores = network.step_logits(network.steps(as_input(windows)))[0]
            found = run_float(fold(network, 3), windows, steps=steps)
        self.assertEqual(tuple(scores.shape), (2, 4, 4))
        torch.testing.assert_close(steps[0], scores[:, :, :3], rtol=1e-4, atol=1e-5)
        self.assertGreater(float(wanted.abs().max()), 1e-3)
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)

    def test_unfolded_network_equals_the_graph(self) -> None:
        start, tuned = self.network(5), self.network(6)
        for network in (start, tuned):
            network.features[0][1].weight.data[0] = 0.0  # a dead channel
        graph = fold(tuned, 3)
        windows = torch.randn(2, 110, 64)
        network = unfold(graph, start)
        with torch.no_grad():
            found, wanted = network(as_input(windows)), run_float(graph, windows)
            before = start(as_input(windows))
        torch.testing.assert_close(found[:, :3], wanted, rtol=1e-4, atol=1e-5)
        self.assertGreater(float((before[:, :3] - wanted).abs().max()), 1e-2)
        torch.testing.assert_close(network.head.weight[3], start.head.weight[3])
        torch.testing.assert_close(network.features[0][1].running_var,
                                   start.features[0][1].running_var)
        self.assertTrue(all(torch.isfinite(p).all() for p in network.parameters()))

    def test_gates_of_0_and_1_stay_finite(self) -> None:
        start = self.network(5)
        graph = fold(start, 3)
        graph.ops[-1].gate = np.array([0.0, 1.0, 0.25], np.float32)
        gate = unfold(graph, start).gate.detach()
        self.assertTrue(torch.isfinite(gate).all())
        torch.testing.assert_close(torch.sigmoid(gate[:3]), torch.tensor([0.0, 1.0, 0.25]),
                                   rtol=0.0, atol=2e-6)

    def test_a_channel_that_is_dead_in_the_start_may_not_be_used(self) -> None:
        start, tuned = self.network(5), self.network(6)
        start.features[0][1].weight.data[0] = 1e-4
        graph = fold(tuned, 3)
        with self.assertRaisesRegex(ValueError, "features.0: it uses a channel that is dead"):
            unfold(graph, start)
        graph.ops[0].weights[""][0][0] *= 1e-3
        network = unfold(graph, start)
        windows = torch.randn(2, 110, 64)
        with torch.no_grad():
            torch.testing.assert_close(network(as_input(windows))[:, :3],
                                       run_float(graph, windows), rtol=1e-2, atol=1e-3)

    def test_a_graph_of_another_network_is_refused(self) -> None:
        start = self.network(5)
        graph = fold(start, 3)
        depthwise = next(i for i, op in enumerate(graph.ops) if op.kind == "depthwise")
        linked = next(i for i, op in enumerate(graph.ops) if op.residual is not None)
        weight, bias = graph.ops[0].weights[""]
        for place, changes in ((0, {"weights": {"": (weight[:, :2], bias)}}),
                               (depthwise, {"kind": "conv"}), (depthwise, {"name": "other"}),
                               (depthwise, {"fields": {**graph.ops[depthwise].fields,
                                                       "stride": [3, 1]}}),
                               (linked, {"residual": None}), (-1, {"gate": None})):
            ops = list(graph.ops)
            ops[place] = replace(ops[place], **changes)
            with self.assertRaisesRegex(ValueError, f"^{ops[place].name}: the network to train"):
                unfold(Graph(ops), start)
        with self.assertRaisesRegex(ValueError, "^head: .* at most 4 outputs"):
            unfold(fold(self.network(5, outputs=6), 5), start)
        with self.assertRaisesRegex(ValueError, "other"):
            unfold(Graph([Op("mean", "other")]), start)


if __name__ == "__main__":
    unittest.main()
