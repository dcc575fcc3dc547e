"""`evaluate --dataset` and `import_dataset` end to end, on tiny data sets and the shipped model."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Callable, Dict, List
from unittest import mock

import numpy as np
import torch

from .. import evaluate, import_dataset, prepare, safetensors_file
from ..calibration import log_rivals
from ..notes import pitch_of
from . import dataset_files as files

MODEL = Path(__file__).resolve().parents[2] / "tutti-20.safetensors"


def run(main: Callable[[], None], *arguments: object) -> str:
    """What a command prints."""
    printed = io.StringIO()
    with mock.patch.object(sys, "argv", ["command", *map(str, arguments)]), \
            contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        main()
    return printed.getvalue()


class CommandCase(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.data = self.folder / "data"
        self.data.mkdir()

    def make(self, name: str) -> Path:
        files.MAKERS[name](self.data)
        return self.data / "mine.csv" if name == "csv" else self.data


class TestEvaluate(CommandCase):
    def evaluate(self, name: str, path: Path, *more: object, precision: str = "float") -> str:
        return run(evaluate.main, MODEL, "--dataset", name, path, "--precision", precision, *more)

    def test_every_data_set(self) -> None:
        for name, clips in (("irmas", 2), ("openmic", 1), ("nsynth", 4), ("medley-solos", 2),
                            ("csv", 4)):
            path, output = self.make(name), self.folder / f"{name}.json"
            text = self.evaluate(name, path, "--output", output)
            self.assertIn("| its class | Tutti's labels | remark |", text)
            self.assertIn("f1_micro | hamming | ece", text)
            results = json.loads(output.read_text())
            figures = results["float"]["all"]
            self.assertEqual((results["dataset"], figures["clips"]), (name, clips))
            for key in ("top1", "map", "lrap", "f1", "f1_micro", "hamming", "ece"):
                self.assertTrue(0.0 <= figures[key] <= 1.0, (name, key))
            self.assertEqual(set(results["float"]["classes"]), set(results["mapping"]))

    def test_int8_and_some_of_the_clips(self) -> None:
        output = self.folder / "figures.json"
        self.evaluate("nsynth", self.make("nsynth"), "--clips", 2, "--output", output,
                      precision="both")
        results = json.loads(output.read_text())
        self.assertEqual(results["int8"]["all"]["clips"], 2)
        self.assertAlmostEqual(results["int8"]["all"]["ece"], results["float"]["all"]["ece"],
                               delta=0.1)

    def test_broken_sounds_are_refused_or_left_out(self) -> None:
        path = self.make("medley-solos")
        broken, whole = sorted((path / "audio").glob("*test*.wav"))
        broken.write_bytes(b"RIFF")
        with self.assertRaisesRegex(SystemExit, r"metadata\.csv, line 2: .*is no sound file"):
            self.evaluate("medley-solos", path)
        text = self.evaluate("medley-solos", path, "--leave-out-broken")
        self.assertIn("| medley-solos, test | 1 |", text)
        self.assertIn("left out: ", text)
        whole.unlink()
        with self.assertRaisesRegex(SystemExit, r"no clip is left"):
            self.evaluate("medley-solos", path, "--leave-out-broken")

    def test_sentences(self) -> None:
        for name, path, sentence in (("fma", self.data, "unknown data set 'fma'"),
                                     ("irmas", self.data, "no folder IRMAS-TestingData"),
                                     ("csv", self.data / "x.csv", "no such folder or file")):
            with self.assertRaisesRegex(SystemExit, sentence):
                self.evaluate(name, path)
        files.write_tone(self.data / "a.wav")
        files.write_table(self.data / "u.csv", ("file", "labels"), [["a.wav", "?"]])
        with self.assertRaisesRegex(SystemExit, "nothing is known of any clip"):
            self.evaluate("csv", self.data / "u.csv")

    def recalibrated(self, name: str, **calibration: object) -> Path:
        """The shipped model with other factors."""
        tensors, metadata = safetensors_file.read(MODEL)
        metadata["tutti.calibration"] = json.dumps(
            {**json.loads(metadata["tutti.calibration"]), **calibration})
        path = self.folder / f"{name}.safetensors"
        safetensors_file.write(path, tensors, metadata)
        return path

    def test_the_calibration_of_the_file_counts(self) -> None:
        plain = self.recalibrated("plain", scale=[1.0] * 20, offset=[0.0] * 20, rivalry=0.0)
        other = self.recalibrated("other", scale=[0.5] * 20, rivalry=0.3,
                                  offset=[float(j) for j in range(20)])
        windows = torch.randn(1, 300, 128, generator=torch.Generator().manual_seed(1))
        for precision in ("float", "int8"):
            with torch.no_grad():
                logits = evaluate.file_predictors(plain)[precision](windows).double().numpy()
                after = evaluate.file_predictors(other)[precision](windows).numpy()
            wanted = 0.5 * logits + np.arange(20) - 0.3 * log_rivals(logits)
            np.testing.assert_allclose(after, wanted, atol=1e-3)


class TestImport(CommandCase):
    def imported(self, name: str, path: Path, *more: object) -> List[Dict[str, str]]:
        audio = self.folder / "audio"
        run(import_dataset.main, "--dataset", name, path, "--output", audio, *more)
        with open(audio / "index.csv", newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def test_solos_can_be_prepared(self) -> None:
        path = self.make("medley-solos")
        rows = self.imported("medley-solos", path)
        rows = self.imported("medley-solos", path, "--split", "test", "--append", "--relative")
        self.assertEqual([(row["labels"], row["split"], row["kind"], row["source"])
                          for row in rows],
                         [("electric_guitar", "train", "phrase", "medley-solos"),
                          ("clarinet", "eval", "phrase", "medley-solos"),
                          ("voice", "eval", "phrase", "medley-solos")])
        self.assertTrue(Path(rows[0]["file"]).is_absolute())
        self.assertTrue(rows[1]["file"].startswith(".."))
        run(prepare.main, "--audio", self.folder / "audio", "--work", self.folder / "work")
        clips = prepare.load_clips(self.folder / "work", "eval")
        self.assertEqual([samples.size for _, samples in clips], [95040, 95040])

    def test_notes_carry_their_pitch(self) -> None:
        rows = self.imported("nsynth", self.make("nsynth"), "--split", "test", "--as", "train")
        found = {row["original_name"].split("_")[0]: row for row in rows}
        self.assertEqual({name: row["labels"] for name, row in found.items()},
                         {"guitar": "acoustic_guitar", "synth": "synthesizer", "brass": "?",
                          "mallet": "?"})
        self.assertEqual(found["brass"]["split"], "unlabelled")
        self.assertEqual(found["guitar"]["kind"], "note")
        self.assertEqual(pitch_of(found["guitar"]["original_name"]), 82)

    def test_what_becomes_of_unknown_labels(self) -> None:
        path = self.make("irmas")
        self.assertEqual({row["split"] for row in self.imported("irmas", path)}, {"unlabelled"})
        (self.folder / "audio" / "index.csv").unlink()
        rows = self.imported("irmas", path, "--unknown", "absent")
        self.assertEqual([row["labels"] for row in rows], ["cello", "drums|piano", "voice"])
        (self.folder / "audio" / "index.csv").unlink()
        for more in (("--unknown", "skip"), ("--split", "testing")):
            with self.assertRaisesRegex(SystemExit, "no clip can be used"):
                self.imported("irmas", path, *more)

    def test_a_family_is_never_taken_for_absence(self) -> None:
        path = self.make("openmic")
        with self.assertRaisesRegex(SystemExit, "no clip can be used"):
            self.imported("openmic", path, "--split", "test", "--unknown", "absent")

    def test_values_that_the_index_does_not_know(self) -> None:
        path = self.make("csv")
        columns = ("file", "labels", "split", "kind", "other_instrument")
        good = ("hum.wav", "none", "train", "noise", "")
        for column, value, sentence in (
                ("split", "Train", r"mine\.csv, line 3: unknown split 'Train'; there are train, "),
                ("split", "test", r"line 3: unknown split 'test'; .*; --as gives one to all"),
                ("kind", "hum", r"line 3: unknown kind 'hum'"),
                ("other_instrument", "kazoo", r"line 3: unknown other_instrument 'kazoo'"),
                ("labels", "", r"line 3: unknown label ''")):
            bad = [value if name == column else old for name, old in zip(columns, good)]
            files.write_table(path, columns, [good, bad])
            with self.assertRaisesRegex(SystemExit, sentence):
                self.imported("csv", path, "--leave-out-broken")
        files.write_table(path, columns, [good, ("hum.wav", "none", "test", "noise", "")])
        self.assertEqual([row["split"] for row in self.imported("csv", path, "--as", "eval")],
                         ["eval", "eval"])

    def test_a_table_and_what_is_there_already(self) -> None:
        path = self.make("csv")
        rows = self.imported("csv", path, "--source", "mine")
        self.assertEqual([(row["labels"], row["duration_s"], row["source"]) for row in rows],
                         [("flute|piano", "4.000000", "mine"), ("flute", "3.000000", "mine"),
                          ("none", "1.000000", "mine"), ("?", "1.000000", "mine")])
        with self.assertRaisesRegex(SystemExit, r"index\.csv: is there already"):
            self.imported("csv", path)
        (self.data / "hum.wav").unlink()
        with self.assertRaisesRegex(SystemExit, r"mine\.csv, line 4: there is no file"):
            self.imported("csv", path, "--append")


if __name__ == "__main__":
    unittest.main()
