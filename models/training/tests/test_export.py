"""What an exported file tells of its weights, and what export refuses before it begins."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import tempfile
import unittest
from pathlib import Path
from typing import Any, Dict, List
from unittest import mock

import numpy as np
import torch

from .. import export
from ..average import load_run
from ..calibration import DEFERENCE, Clips
from ..golden_network import LABELS, random_windows, tiny_graph
from ..labels import GIVEN_WAY_TO
from ..labels import LABELS as OWN_LABELS
from ..model_file import read_model, read_own_model, write_model
from ..network import Network
from ..provenance import SHIPPED_LICENCE, SOURCES, START, command, provenance
from ..quantize import calibrate, quantize
from ..refusals import Refused

MODEL = Path(__file__).resolve().parents[2] / "tutti-20.safetensors"


class ExportCase(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def parsed(self, *words: object) -> argparse.Namespace:
        with mock.patch("sys.argv", ["export", "out", "--work", "w", *map(str, words)]):
            return export.parse()

    def write_json(self, content: object) -> Path:
        path = self.folder / "sources.json"
        path.write_text(json.dumps(content))
        return path

    def write_file(self, name: str, training: Dict[str, Any]) -> Path:
        random = np.random.default_rng(3)
        graph = tiny_graph(random)
        ranges = calibrate(graph, torch.from_numpy(random_windows(random, 2)), 100.0)
        path = self.folder / name
        write_model(path, quantize(graph, ranges), name, LABELS, training=training)
        return path


class TestProvenance(ExportCase):
    def test_the_recipe_claims_its_sources(self) -> None:
        claims = provenance(self.parsed("--network", "x.pt"))
        self.assertEqual(claims, {"start": START, "sources": SOURCES, "licence": SHIPPED_LICENCE})

    def test_the_untrained_start_claims_itself_alone(self) -> None:
        claims = provenance(self.parsed("--teacher", "t"))
        self.assertEqual(claims, {"start": START, "licence": "that of the start"})

    def test_own_sources_replace_the_list(self) -> None:
        path = self.write_json({"IRMAS": "not for commercial ends"})
        for way in (("--network", "x.pt"), ("--teacher", "t"), ("--model", MODEL)):
            claims = provenance(self.parsed(*way, "--sources", path))
            self.assertEqual(claims["sources"], {"IRMAS": "not for commercial ends"})
            self.assertEqual(claims["start"], START)
            self.assertNotEqual(claims["licence"], SHIPPED_LICENCE)
        for wrong in (["IRMAS"], {"IRMAS": 1}):
            with self.assertRaisesRegex(Refused, "sources.json: "):
                provenance(self.parsed("--network", "x.pt", "--sources", self.write_json(wrong)))

    def test_a_model_keeps_its_claims_and_a_blend_adds_its_own(self) -> None:
        told = {"start": "s", "sources": {"a": "x", "b": "y"}, "licence": "l"}
        first = self.write_file("first", {**told, "note": "n"})
        self.assertEqual(provenance(self.parsed("--model", first)), told)
        second = self.write_file("second", {"sources": {"b": "z", "c": "w"}})
        claims = provenance(self.parsed("--model", first, "--blend", second))
        self.assertEqual(claims, {**told, "sources": {"a": "x", "b": "y", "c": "w"}})
        claims = provenance(self.parsed("--teacher", "t", "--blend", second))
        self.assertEqual(claims["sources"], {"b": "z", "c": "w"})
        self.assertIn("of the sources below", claims["licence"])


class TestCommand(ExportCase):
    options = {"run": "q", "seed": "31", "steps": "6000", "threads": "2", "work": "/home/me/W",
               "from_model": "/home/me/old.safetensors"}
    kept = {"seed": "31", "steps": "6000", "from_model": "old.safetensors"}

    def save(self, name: str, **content: object) -> Path:
        path = self.folder / "q" / name
        path.parent.mkdir(exist_ok=True)
        network = Network(3, keep_audioset=True)
        torch.save({"network": network.state_dict(), **content}, path)
        return path

    def test_runs_and_shares_are_told(self) -> None:
        path = self.save("final.pt", step=6000, options=self.options)
        self.assertEqual(load_run(path)[1], self.options)
        told = command(self.parsed("--network", path, "--tune-steps", 600))
        self.assertEqual(told["runs"], {"q": self.kept})
        self.assertEqual((told["tune_steps"], told["network"]), (600, "final.pt"))
        both: List[str] = ["q", "r"]
        path = self.save("averaged.pt", share=0.7, runs=both, options={"q": self.options, "r": {}})
        told = command(self.parsed("--network", path))
        self.assertEqual((told["share"], told["runs"]), (0.7, {"q": self.kept, "r": {}}))
        path = self.save("averaged.pt", share=0.7, runs=both)  # as it was before options were kept
        self.assertEqual(command(self.parsed("--network", path))["runs"], {"q": {}, "r": {}})

    def test_models_are_told_by_their_sums(self) -> None:
        path = self.write_file("first", {})
        told = command(self.parsed("--model", path, "--blend", path, "--blend-share", 0.3))
        wanted = hashlib.sha256(path.read_bytes()).hexdigest()
        for key in ("model", "blend"):
            self.assertEqual((told[key], told[f"{key}_sha256"]), ("first", wanted))
        self.assertEqual(told["blend_share"], 0.3)
        self.assertNotIn(str(self.folder), json.dumps(told))


class TestMain(ExportCase):
    def test_the_file_tells_all_of_it(self) -> None:
        random = np.random.default_rng(2)
        target = np.eye(20, dtype=int)[np.arange(60) % 20]
        logits = 3.0 * np.pad(target, ((0, 0), (0, len(GIVEN_WAY_TO)))) - 2.0
        clips = Clips(logits + random.normal(0.0, 1.0, logits.shape), np.arange(60), target,
                      [frozenset([("eval", i)]) for i in range(60)], np.zeros(60, int))
        path = self.folder / "new.safetensors"
        words = ["export", str(path), "--work", "w", "--model", str(MODEL), "--note", "n",
                 "--tune-steps", "7"]
        network = read_model(MODEL).network
        with mock.patch("sys.argv", words), \
                mock.patch.object(export, "integer_network", lambda arguments: network), \
                mock.patch.object(export, "evaluation_sets", lambda arguments: {}), \
                mock.patch.object(export, "gather", lambda *arguments: clips), \
                contextlib.redirect_stdout(io.StringIO()), \
                contextlib.redirect_stderr(io.StringIO()):
            export.main()
        model = read_own_model(path)
        self.assertEqual(tuple(model.neighbours), GIVEN_WAY_TO)
        self.assertEqual(model.metadata["tutti.calibration"]["deference"], DEFERENCE)
        told = model.metadata["tutti.training"]
        self.assertEqual((told["note"], told["start"]), ("n", START))
        self.assertEqual((told["command"]["model"], told["command"]["tune_steps"]), (MODEL.name, 7))
        quantizing = {key for key in vars(self.parsed("--model", MODEL)) if key.startswith("tune_")}
        self.assertLess(quantizing, set(told["command"]))
        self.assertIn("loss in sample", told["measured"]["held_out"]["all"])

    def test_neighbours_of_others_are_refused(self) -> None:
        path = self.folder / "other.safetensors"
        network = read_model(MODEL).network
        write_model(path, network, "x", OWN_LABELS, neighbours=[f"n{i}" for i, _ in
                                                                enumerate(GIVEN_WAY_TO)])
        with self.assertRaisesRegex(Refused, "its neighbours are not those of labels.py: n0, n1"):
            read_own_model(path)

    def test_integers_are_kept_if_asked_for(self) -> None:
        arguments = self.parsed("--model", MODEL, "--keep-integers")
        kept, wanted = export.integer_network(arguments), read_model(MODEL).network
        self.assertEqual(kept.ranges, wanted.ranges)
        for name, weights in wanted.weights.items():
            np.testing.assert_array_equal(kept.weights[name].weight, weights.weight)
        told = command(arguments)
        self.assertTrue(told["keep_integers"])
        self.assertNotIn("tune_steps", told)
        for wrong in (["--teacher", "t"], ["--model", MODEL, "--blend", MODEL]):
            with contextlib.redirect_stderr(io.StringIO()), self.assertRaises(SystemExit):
                self.parsed(*wrong, "--keep-integers")

    def test_clips_are_looked_for_before_tuning(self) -> None:
        words = ["export", "out", "--work", str(self.folder), "--model", str(MODEL)]
        with mock.patch("sys.argv", words), mock.patch.object(export, "integer_network") as made, \
                self.assertRaisesRegex(SystemExit, "^export: .*eval_real.*clips.*is missing"):
            export.main()
        made.assert_not_called()


if __name__ == "__main__":
    unittest.main()
