"""What is taken for what is counted right, and pictures are written and small."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

import numpy as np
from PIL import Image

from ..calibration import Clips
from ..confusion import NONE, confusion, markdown, mistakes
from ..labels import LABELS
from ..model_file import Model
from ..plots import bins_of, draw
from ..quantize import IntegerGraph


class TestConfusion(unittest.TestCase):
    def setUp(self) -> None:
        target = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 0], [0, 0, 0]])
        scores = np.array([[0.9, 0.1, 0.2], [0.3, 0.8, 0.6], [0.2, 0.3, 0.7], [0.1, 0.6, 0.1]])
        self.found = confusion(scores, target, np.full(3, 0.5))

    def test_counts(self) -> None:
        self.assertEqual(self.found.clips.tolist(), [3, 1, 0, 1])
        self.assertEqual(self.found.first[0].tolist(), [1, 1, 1])
        self.assertEqual(self.found.first[3].tolist(), [0, 1, 0])
        self.assertEqual(self.found.raised[0].tolist(), [1, 1, 2])
        self.assertEqual(self.found.raised[3].tolist(), [0, 1, 0])

    def test_a_label_that_sounds_too_is_no_mistake(self) -> None:
        target = np.array([[1, 1, 0]])
        found = confusion(np.array([[0.6, 0.9, 0.1]]), target, np.full(3, 0.5))
        entries = mistakes(found, ("a", "b", "c"))
        self.assertEqual([(e.first, e.raised) for e in entries], [([], []), ([], [])])

    def test_mistakes_and_their_table(self) -> None:
        entries = mistakes(self.found, ("a", "b", "c"))
        self.assertEqual([entry.label for entry in entries], ["a", "b", NONE])
        self.assertEqual(entries[0].raised, [("c", 2), ("b", 1)])
        self.assertIn("| a | 3 | b 1, c 1 | c 2, b 1 |", markdown(entries))
        self.assertIn(f"| {NONE} | 1 |  | b 1 |", markdown(entries))


class TestPlots(unittest.TestCase):
    def test_bins(self) -> None:
        bins = bins_of(np.array([[0.0, 0.05, 1.0, 0.95]]), np.array([[0, 1, 1, 1]]))
        self.assertEqual((bins.count[0], bins.count[9]), (2, 2))
        self.assertAlmostEqual(bins.share[0], 0.5)
        self.assertAlmostEqual(bins.probability[9], 0.975)

    def test_pictures_are_written_and_small(self) -> None:
        random = np.random.default_rng(2)
        labels, count = len(LABELS), 120
        target = np.eye(labels, dtype=int)[np.arange(count) % labels]
        target[-10:] = 0
        logits = 3.0 * target - 2.0 + random.normal(0.0, 1.0, target.shape)
        clips = Clips(logits, np.arange(count), target,
                      [frozenset([("eval", i)]) for i in range(count)], np.arange(count) // 60)
        metadata = {"tutti.labels": list(LABELS), "tutti.calibration": {
            "scale": [1.0] * labels, "offset": [0.0] * labels, "threshold": [0.5] * labels}}
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "new"
            draw(clips, Model(IntegerGraph(None, {}, {}), metadata), output, seed=1)
            for name in ("reliability", "average_precision", "confusion"):
                path = output / f"{name}.png"
                self.assertLess(path.stat().st_size, 60000)
                with Image.open(path) as picture:
                    self.assertGreater(min(picture.size), 300)


if __name__ == "__main__":
    unittest.main()
