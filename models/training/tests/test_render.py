"""Rendering: which soundfonts are refused, and which stems are left out."""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import unittest
from pathlib import Path
from typing import List
from unittest import mock

import numpy as np

from .. import render
from ..compose import PLAYERS
from ..datasets_tables import Refused
from ..results import score_of

# What fluidsynth 2.3.1 says.
SUBSTITUTED = ("fluidsynth: warning: Instrument not found on channel 0 [bank={} prog={}], "
               "substituted [bank={} prog={}]\n")
HEAD = b"RIFF\x39\x06\x02\x62sfbk"


class TestMessages(unittest.TestCase):
    def test_a_soundfont_that_was_not_loaded(self) -> None:
        for message in ('fluidsynth: error: Failed to load SoundFont "x.sf2"\n',
                        "Parameter 'x.sf2' not a SoundFont or MIDI file or error occurred "
                        "identifying it.\n"):
            with self.assertRaisesRegex(Refused, r"x\.sf2: fluidsynth cannot read it: "):
                render.check_messages(Path("x.sf2"), "piano",
                                      "fluidsynth: error: first\n" + message)

    def test_an_instrument_that_is_not_there(self) -> None:
        for message in (SUBSTITUTED.format(0, 104, 0, 0), SUBSTITUTED.format(8, 24, 0, 0),
                        SUBSTITUTED.format(8, 24, 0, 24) + SUBSTITUTED.format(0, 21, 0, 0),
                        "fluidsynth: warning: No preset found on channel 0 [bank=0 prog=3]\n"):
            with self.assertRaises(render.Lacking):
                render.check_messages(Path("x.sf2"), "acoustic_guitar", message)

    def test_a_guitar_is_no_ukulele(self) -> None:
        with self.assertRaises(render.Lacking):
            render.check_messages(Path("x.sf2"), "ukulele", SUBSTITUTED.format(8, 24, 0, 24))
        with self.assertRaises(render.Lacking):
            render.synthesize(Path("x.cfg"), "mandolin", Path("x.mid"), Path("x.wav"), False)

    def test_another_bank_and_another_drum_kit_will_do(self) -> None:
        for message in ("", SUBSTITUTED.format(8, 24, 0, 24), SUBSTITUTED.format(128, 16, 128, 0)):
            render.check_messages(Path("x.sf2"), "acoustic_guitar", message)


class TestCommand(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def font(self, name: str, content: bytes = HEAD) -> Path:
        (self.folder / name).write_bytes(content)
        return self.folder / name

    def run_main(self, *fonts: Path) -> str:
        words = ["render", "--work", str(self.folder / "work"), "--only", "piano", "tuba"]
        for font in fonts:
            words += ["--soundfont", str(font)]
        printed = io.StringIO()
        with mock.patch.object(sys, "argv", words), contextlib.redirect_stdout(printed), \
                contextlib.redirect_stderr(io.StringIO()):
            render.main()
        return printed.getvalue()

    def test_what_would_play_otherwise_is_rendered_anew(self) -> None:
        played: List[str] = []

        def listed(stem: render.Stem, font: Path) -> np.ndarray:
            played.append(stem.name)
            return np.ones(9, np.int16)

        with mock.patch.object(render, "render", side_effect=listed):
            self.run_main(self.font("x.sf2"))
            score = score_of(self.folder / "work" / "renders" / "x" / "tuba.npy")
            score.write_bytes(b"")
            self.run_main(self.font("x.sf2"))
            self.assertEqual(played, ["piano", "tuba"])
            self.assertTrue(score.exists())
            with mock.patch.dict(PLAYERS, tuba=PLAYERS["bassoon"]):
                self.run_main(self.font("x.sf2"))
        self.assertEqual(played, ["piano", "tuba", "tuba"])
        self.assertFalse(score.exists())

    def test_what_is_no_soundfont_is_refused_before_anything_is_played(self) -> None:
        missing = self.folder / "missing.sf2"
        for font, sentence in ((missing, "there is no such file"),
                               (self.font("b.sf2", b"RIFF\0\0\0\0WAVE"), "not a soundfont")):
            with self.assertRaisesRegex(SystemExit, sentence):
                self.run_main(self.font("good.sf2"), font)
        self.assertFalse((self.folder / "work").exists())

    def test_fonts_of_one_name_do_not_share_a_folder(self) -> None:
        with mock.patch.object(render, "render", return_value=np.ones(9, np.int16)):
            self.run_main(self.font("x.sf2"))
            self.run_main(self.font("x.sf2"))
            with self.assertRaisesRegex(SystemExit, r"holds renders of x\.sf2, 12 bytes, not of "
                                        r"x\.sf3, 12 bytes"):
                self.run_main(self.font("x.sf3"))

    def test_stems_that_the_font_lacks_are_left_out(self) -> None:
        def without_tuba(stem: render.Stem, *_: object) -> np.ndarray:
            if stem.name == "tuba":
                raise render.Lacking("nothing sounds")
            return np.ones(9, np.int16)

        folder = self.folder / "work" / "renders" / "x"
        folder.mkdir(parents=True)
        for name in ("piano", "tuba"):  # an older version wrote empty stems
            np.save(folder / f"{name}.npy", np.zeros(0, np.int16))
        with mock.patch.object(render, "render", side_effect=without_tuba):
            printed = self.run_main(self.font("x.sf2"))
        self.assertIn("x.sf2: tuba is left out: nothing sounds", printed)
        self.assertEqual(sorted(path.name for path in folder.iterdir()),
                         ["piano.npy", "piano.npy.made_from"])

    def test_silence_is_no_stem(self) -> None:
        def silent(font: Path, name: str, midi: Path, wav: Path, reverb: bool) -> None:
            render.soundfile.write(wav, np.zeros((100, 2)), 32000)

        with mock.patch.object(render, "synthesize", side_effect=silent):
            with self.assertRaises(render.Lacking):
                render.render(render.compose_stem("piano", Path("x.sf2"), 1.0, 1), Path("x.sf2"))


if __name__ == "__main__":
    unittest.main()
