"""Users' own folders: an index, sound files of any rate, and what is refused."""

from __future__ import annotations

import csv
import io
import sys
import tempfile
import unittest
from contextlib import redirect_stdout
from pathlib import Path
from typing import Dict, List
from unittest import mock

import numpy as np
import soundfile

from .. import prepare
from ..evaluation_sets import WINDOW, windows_of
from ..frontend import Frontend
from ..prepare import load_clips, main
from ..results import mark_of

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
        with mock.patch.object(sys, "argv", arguments), redirect_stdout(io.StringIO()):
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

    def test_a_changed_index_or_file_is_decoded_anew(self) -> None:
        soundfile.write(self.audio / "a.wav", np.zeros(8000), 8000)
        row = {"file": "a.wav", "labels": "none", "split": "train"}
        self.index([row])
        self.run_main()
        array, table = (self.work / "clips" / f"train.{ending}" for ending in ("npy", "json"))
        before = array.stat().st_mtime_ns
        self.run_main()
        self.assertEqual(array.stat().st_mtime_ns, before)  # nothing has changed
        self.index([row, {**row, "labels": "piano"}])
        self.run_main()
        self.assertEqual([clip["labels"] for clip, _ in load_clips(self.work, "train")],
                         ["none", "piano"])
        soundfile.write(self.audio / "a.wav", np.zeros(16000), 8000)
        self.run_main()
        self.assertEqual([samples.size for _, samples in load_clips(self.work, "train")],
                         [64000, 64000])
        mark_of(table).unlink()  # as an older version left it
        table.write_text("[]")
        self.run_main()
        self.assertEqual(len(load_clips(self.work, "train")), 2)

    def test_what_is_broken_off_is_not_taken_for_done(self) -> None:
        soundfile.write(self.audio / "a.wav", np.zeros(8000), 8000)
        self.index([{"file": "a.wav", "labels": "none", "split": "train"}])
        with mock.patch.object(prepare, "save_text", side_effect=KeyboardInterrupt):
            with self.assertRaises(KeyboardInterrupt):
                self.run_main()
        self.run_main()
        self.assertEqual(len(load_clips(self.work, "train")), 1)

    def test_unknown_label_is_refused(self) -> None:
        soundfile.write(self.audio / "a.wav", np.zeros(8000), 8000)
        self.index([{"file": "a.wav", "start_s": "0", "duration_s": "1", "labels": "theremin",
                     "split": "train"}])
        with self.assertRaisesRegex(SystemExit, r"index\.csv, line 2: unknown label 'theremin'"):
            self.run_main()

    def test_clip_after_the_end_is_refused(self) -> None:
        soundfile.write(self.audio / "a.wav", np.zeros(8000), 8000)
        self.index([{"file": "a.wav", "start_s": "1.5", "duration_s": "1", "labels": "none",
                     "split": "train"}])
        with self.assertRaisesRegex(SystemExit, r"line 2: the clip starts at 1\.5 s.*a\.wav"):
            self.run_main()

    def test_bad_rows_are_refused(self) -> None:
        soundfile.write(self.audio / "a.wav", np.zeros(8000), 8000)
        (self.audio / "b.wav").write_bytes(b"no sound")
        good = {"file": "a.wav", "start_s": "0", "duration_s": "1", "labels": "none",
                "split": "train"}
        for change, pattern in (
                ({"file": "c.wav"}, "line 3: there is no file .*c.wav"),
                ({"file": "b.wav"}, "line 3: .*b.wav is no sound file"),
                ({"file": ""}, "line 3: names no file"),
                ({"split": "trian"}, "line 3: unknown split 'trian'"),
                ({"split": "training"}, "line 3: unknown split 'training'; there are train, eval"),
                ({"kind": "tone"}, "line 3: unknown kind 'tone'; there are note, "),
                ({"other_instrument": "saw"}, "line 3: unknown other_instrument 'saw'; there are"),
                ({"labels": ""}, "line 3: labels are empty; write none where no label sounds"),
                ({"labels": "none|piano"}, "line 3: unknown label 'none'"),
                ({"labels": "?"}, "line 3: labels are [?]"),
                ({"duration_s": "long"}, "line 3: duration_s is 'long'"),
                ({"duration_s": "0"}, "line 3: the clip of .*a.wav has no length")):
            self.index([good, {**good, **change}])
            with self.assertRaisesRegex(SystemExit, pattern):
                self.run_main()
            self.assertFalse((self.work / "clips" / "train.json").exists())

    def test_absolute_paths_and_open_ends(self) -> None:
        soundfile.write(self.audio / "a.wav", np.zeros(16000), 8000)
        self.index([{"file": str(self.audio / "a.wav"), "start_s": "0.5", "labels": "piano",
                     "split": "eval"}])
        self.run_main()
        ((_, samples),) = load_clips(self.work, "eval")
        self.assertEqual(samples.size, 48000)


class TestWindows(unittest.TestCase):
    def test_short_clip_fills_one_window(self) -> None:
        self.assertEqual(windows_of(np.ones(1000, np.float32), Frontend()).shape, (1, 300, 128))

    def test_long_clip_has_one_window_a_second(self) -> None:
        samples = np.zeros(WINDOW + 2 * 32000 + 1, np.float32)
        self.assertEqual(len(windows_of(samples, Frontend())), 3)


if __name__ == "__main__":
    unittest.main()
