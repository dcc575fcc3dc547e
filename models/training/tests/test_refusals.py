"""Files that are missing, cut short or another's end a command with a sentence."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path
from typing import Callable
from unittest import mock

from .. import evaluate, held_out, safetensors_file
from ..model_file import read_own_model
from ..refusals import Refused, reading

MODEL = Path(__file__).resolve().parents[2] / "tutti-20.safetensors"


class TestRefusals(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def refused(self, main: Callable[[], None], pattern: str, *arguments: object) -> None:
        with mock.patch("sys.argv", ["x", *map(str, arguments)]), \
                contextlib.redirect_stderr(io.StringIO()), \
                self.assertRaisesRegex(SystemExit, pattern):
            main()

    def changed(self, section: str, **values: object) -> Path:
        """The shipped model with other values in a section."""
        tensors, metadata = safetensors_file.read(MODEL)
        metadata[section] = json.dumps({**json.loads(metadata[section]), **values})
        path = self.folder / "changed.safetensors"
        safetensors_file.write(path, tensors, metadata)
        return path

    def test_missing_and_damaged_files(self) -> None:
        data = MODEL.read_bytes()
        path = self.folder / "m.safetensors"
        for main, name in ((evaluate.main, "evaluate"), (held_out.main, "held_out")):
            self.refused(main, f"^{name}: .*none.safetensors: No such file",
                         self.folder / "none.safetensors", "--work", self.folder)
        for size, reason in ((0, "cut short"), (5, "cut short"), (1000, "cut short"),
                             (len(data) - 1, "cut short within ")):
            path.write_bytes(data[:size])
            self.refused(evaluate.main, f"^evaluate: .*m.safetensors: .*{reason}", path, "--work",
                         self.folder)
        safetensors_file.write(path, {}, {"tutti.name": "x"})
        self.refused(evaluate.main, "tutti.layers is missing", path, "--work", self.folder)

    def test_runs(self) -> None:
        path = self.folder / "run.pt"
        self.refused(evaluate.main, "No such file", path, "--work", self.folder)
        for data in (b"", b"PK\x03\x04 cut", b"text"):
            path.write_bytes(data)
            self.refused(evaluate.main, "^evaluate: .*run.pt: ", path, "--work", self.folder)
        self.refused(evaluate.main, "only a model file has an int8 network", path, "--work",
                     self.folder, "--precision", "int8")

    def test_a_work_folder_without_clips(self) -> None:
        self.refused(evaluate.main, r"^evaluate: .*clips.*\.npy: No such file", MODEL, "--work",
                     self.folder)

    def test_a_model_that_hears_or_answers_otherwise(self) -> None:
        self.assertEqual(len(read_own_model(MODEL).labels), 20)
        for section, values, reason in (
                ("tutti.frontend", {"columns": 200}, "the columns of its front end is 200"),
                ("tutti.frontend", {"low_hz": 20}, "the low_hz of its front end is 20"),
                ("tutti.layers", {"input": {"scale": 0.02, "zero": 70}}, "its input is quantized")):
            path = self.changed(section, **values)
            self.refused(evaluate.main, f"^evaluate: .*changed.safetensors: {reason}", path,
                         "--work", self.folder)

    def test_reasons_are_kept_as_they_are(self) -> None:
        with self.assertRaisesRegex(Refused, "^b: wrong$"), reading(Path("a")):
            raise Refused("b: wrong")
        with self.assertRaisesRegex(Refused, "^a: it is damaged$"), reading(Path("a")):
            raise EOFError


if __name__ == "__main__":
    unittest.main()
