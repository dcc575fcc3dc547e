"""Scores for measuring entries: what is composed, and how answers are held against it."""

from __future__ import annotations

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

import numpy as np

from ..evaluate_entries import load_stems, stretch
from ..evaluate_scores import (AT_ONCE, SCORE_S, Part, clip_report, compose_score, error_of,
                               report)
from ..frontend import CONFIG
from ..refusals import Refused


class TestStems(unittest.TestCase):
    def test_short_renders_are_left_out_and_none_are_refused(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            (work / "heldout" / "font").mkdir(parents=True)
            for name, seconds in (("flute", 18.5), ("cello", 18.0), ("piano", 20.0), ("x", 99.0)):
                np.save(work / "heldout" / "font" / f"{name}.npy",
                        np.zeros(int(seconds * CONFIG.rate_hz), np.int16))
            said = io.StringIO()
            with contextlib.redirect_stderr(said):
                stems = load_stems(work, 9.0, least=2)
                with self.assertRaisesRegex(Refused, "at least 3 labels"):
                    load_stems(work, 9.0, least=3)
        self.assertEqual(sorted(stems), ["flute", "piano"])
        self.assertIn("cello.npy", said.getvalue())
        for samples in stems.values():
            stretch(samples, 9.0, np.random.default_rng(1))


class TestScores(unittest.TestCase):
    def test_never_more_at_once_than_allowed(self) -> None:
        for seed in range(20):
            parts = compose_score([f"i{k}" for k in range(12)], np.random.default_rng(seed))
            self.assertGreater(len(parts), 3)
            self.assertEqual(len({part.label for part in parts}), len(parts))
            for t in np.arange(0.0, SCORE_S, 0.1):
                self.assertLessEqual(sum(p.on_s <= t < p.off_s for p in parts), AT_ONCE)

    def test_the_nearest_cue_that_sounds_with_the_part_counts(self) -> None:
        part = Part("flute", 10.0, 20.0)
        cues = [Part("flute", 2.0, 9.0), Part("cello", 10.0, 20.0), Part("flute", 10.4, 12.0),
                Part("flute", 14.0, 20.0)]
        self.assertAlmostEqual(error_of(part, cues), 0.4)
        self.assertIsNone(error_of(part, cues[:2]))
        self.assertAlmostEqual(error_of(part, cues, "off_s"), 0.0)

    def test_report(self) -> None:
        figures = report([0.1, -0.3, 2.0, None], [0.5, -1.0, None], wrong=1, cues=4)
        self.assertEqual(figures["found"], 0.75)
        self.assertAlmostEqual(figures["median_error_s"], 0.3)
        self.assertAlmostEqual(figures["found_within"], 2 / 3)
        self.assertEqual(figures["all_within"], 0.5)
        self.assertEqual(figures["wrong_cues"], 0.25)
        self.assertEqual(figures["exits_within"], 0.5)
        self.assertAlmostEqual(figures["exit_bias_s"], -0.25)

    def test_report_of_clips(self) -> None:
        flute, cello = Part("flute", 0.0, 1.0), Part("cello", 0.0, 1.0)
        figures = clip_report([["flute", "piano"], [], ["cello"]],
                              [[flute, flute, cello], [flute], [cello]])
        self.assertAlmostEqual(figures["found"], 2 / 3)
        self.assertAlmostEqual(figures["wrong_cues"], 2 / 5)
        self.assertAlmostEqual(figures["f1"], 2 * (2 / 3) * 0.6 / (2 / 3 + 0.6))
        self.assertEqual(clip_report([["flute"]], [[]])["f1"], 0.0)


if __name__ == "__main__":
    unittest.main()
