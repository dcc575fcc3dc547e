"""Users' own folders: an index, sound files of any rate, and what is refused."""

from __future__ import annotations

import csv
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Dict, List
from unittest import mock

import numpy as np
import soundfile

from ..evaluation_sets import WINDOW, windows_of
from ..frontend import Frontend
from ..prepare import load_clips, main

COLUMNS = ("file", "start_s", "duration_s", "labels", "other_instrument", "kind", "split",
           "source", "original_name")


class TestPrepare(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.audio, self.work = Path(folder.name) / "audio", Path(folder.name) / "work"
        self.audio.mkdir()

    def index(self, rows: List[Dict[str, str]]) -> None:
        with open(self.audio / "index.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows({column: row.get(column, "") for column in COLUMNS} for row in rows)

    def run_main(self) -> None:
        arguments = ["prepare", "--audio", str(self.audio), "--work", str(self.work)]
        with mock.patch.object(sys, "argv", arguments):
            main()

    def test_clips_are_cut_resampled_and_mixed_down(self) -> None:
        t = np.arange(44100 * 2) / 44100
        left = np.where(t < 1.0, 0.0, np.sin(2 * np.pi * 440 * t))
        soundfile.write(self.audio / "a.wav", np.stack([left, 0 * left], axis=1), 44100)
        self.index([
            {"file": "a.wav", "start_s": "0", "duration_s": "1", "labels": "none",
             "kind": "noise", "split": "train", "source": "mine"},
            {"file": "a.wav", "start_s": "1.0", "duration_s": "0.5", "labels": "flute|piano",
             "kind": "phrase", "split": "train", "source": "mine"}])
        self.run_main()
        (silent, silence), (row, tone) = load_clips(self.work, "train")
        self.assertEqual((silent["labels"], silence.size), ("none", 32000))
        self.assertLess(np.abs(silence[:30000]).max(), 40)
        self.assertEqual((row["labels"], tone.size), ("flute|piano", 16000))
        self.assertAlmostEqual(np.abs(tone).max() / 32767.0, 0.5, delta=0.02)
        spectrum = np.abs(np.fft.rfft(tone))
        self.assertEqual(int(spectrum.argmax()), 220)  # bins of 2 Hz

    def test_unknown_label_is_refused(self) -> None:
        soundfile.write(self.audio / "a.wav", np.zeros(8000), 8000)
        self.index([{"file": "a.wav", "start_s": "0", "duration_s": "1", "labels": "theremin",
                     "split": "train"}])
        with self.assertRaisesRegex(ValueError, "theremin"):
            self.run_main()

    def test_clip_after_the_end_is_refused(self) -> None:
        soundfile.write(self.audio / "a.wav", np.zeros(8000), 8000)
        self.index([{"file": "a.wav", "start_s": "1.5", "duration_s": "1", "labels": "none",
                     "split": "train"}])
        with self.assertRaisesRegex(ValueError, "a.wav"):
            self.run_main()


class TestWindows(unittest.TestCase):
    def test_short_clip_fills_one_window(self) -> None:
        self.assertEqual(windows_of(np.ones(1000, np.float32), Frontend()).shape, (1, 300, 128))

    def test_long_clip_has_one_window_a_second(self) -> None:
        samples = np.zeros(WINDOW + 2 * 32000 + 1, np.float32)
        self.assertEqual(len(windows_of(samples, Frontend())), 3)


if __name__ == "__main__":
    unittest.main()
