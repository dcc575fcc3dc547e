"""The sets to measure on: what is outside training, and when a cached set is made anew."""

from __future__ import annotations

import contextlib
import io
import tempfile
import unittest
from pathlib import Path
from typing import Dict, List, Tuple
from unittest import mock

import numpy as np

from .. import evaluation_sets
from ..effects import RATE_HZ
from ..evaluation_sets import load, outside_clips, sources
from ..prepare import writing_clips

CLIP = {"labels": "piano", "other_instrument": "", "kind": "phrase"}


class TestSets(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = Path(folder.name)
        (self.work / "clips").mkdir()
        for split, rows in (("eval", [("a", "piano"), ("b", "flute"), ("c", "violin")]),
                            ("eval_real", [("d", "cello")]), ("train", [("a", "piano")])):
            self.write(split, [{**CLIP, "source": source, "labels": label, "split": split}
                               for source, label in rows])

    def write(self, name: str, rows: List[Dict[str, str]]) -> None:
        with writing_clips(self.work / "clips", name, str(rows)) as clips:
            for row in rows:
                random = np.random.default_rng(list(row["source"].encode()))
                clips.add(row, random.integers(-999, 999, RATE_HZ).astype(np.int16))

    def outside(self) -> List[Tuple[str, int]]:
        return [source for source, _, _ in outside_clips(self.work)]

    def load(self, name: str) -> evaluation_sets.EvaluationSet:
        with contextlib.redirect_stderr(io.StringIO()):
            return load(self.work, name)

    def test_outside_is_what_no_training_sees(self) -> None:
        self.assertEqual(self.outside(), [("eval", 1), ("eval", 2), ("eval_real", 0)])
        self.write("unlabelled", [{**CLIP, "source": "d", "labels": "?", "split": "unlabelled"}])
        self.assertEqual(self.outside(), [("eval", 1), ("eval", 2)])
        self.write("packaged", [{**CLIP, "source": "b", "split": "train"},
                                {**CLIP, "source": "c", "labels": "?", "split": "unlabelled"}])
        self.assertEqual(self.outside(), [])

    def test_a_cached_set_is_of_the_clips_that_are_there(self) -> None:
        self.assertEqual(len(self.load("outside").target), 3)
        with mock.patch.object(evaluation_sets, "build", side_effect=AssertionError):
            self.load("outside")  # from the cache
        self.write("packaged", [{**CLIP, "source": "b", "split": "train"}])
        self.assertEqual(len(self.load("outside").target), len(sources(self.work, "outside")))
        with mock.patch.object(evaluation_sets, "MIXTURES", 2):
            before = self.load("mix2")
            self.write("eval", [{**CLIP, "source": "e", "labels": label, "split": "eval"}
                                for label in ("flute", "violin")])
            after = self.load("mix2")
        self.assertFalse(np.array_equal(before.logmel, after.logmel))

    def test_a_set_of_an_older_version_is_made_anew(self) -> None:
        path = self.work / "evaluation" / "single-eval-1.npz"
        path.parent.mkdir()
        np.savez(path, logmel=np.zeros((1, 300, 128)), clip=np.zeros(1), target=np.zeros((1, 20)))
        self.assertEqual(len(self.load("single-eval").target), 3)

    def test_renders_of_another_length_are_other_sounds(self) -> None:
        path = self.work / "heldout" / "font" / "piano.npy"
        path.parent.mkdir(parents=True)
        for seconds, windows in ((7, 1), (20, 2)):
            np.save(path, np.ones(seconds * RATE_HZ, np.int16))
            self.assertEqual(len(self.load("font").target), windows)


if __name__ == "__main__":
    unittest.main()
