"""Presets of synthesizers: what of them is taken, how a project is written, what fails."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock
from xml.etree import ElementTree

import numpy as np

from .. import presets
from ..effects import RATE_HZ
from ..refusals import Refused

ZYN_PRESET = b"""
<?xml version="1.0" encoding="UTF-8"?>
<ZynAddSubFX-data version-major="2"><BASE_PARAMETERS/>
<INSTRUMENT><INFO><string name="name">A pad</string></INFO></INSTRUMENT></ZynAddSubFX-data>"""
LMMS_PRESET = b"""<?xml version="1.0"?><!DOCTYPE lmms-project><lmms-project
version="1.0" creatorversion="1.0.93">
<head/><instrumenttracksettings><instrumenttrack vol="80"><instrument name="lb302"/>
</instrumenttrack></instrumenttracksettings></lmms-project>"""
# In the place of lmms: plays a tone unless the project says Crash, Rubbish or Still.
FAKE = """#!{python}
import sys, wave
song, output = sys.argv[sys.argv.index("render") + 1], sys.argv[sys.argv.index("-o") + 1]
content = open(song, encoding="utf-8").read()
if "Crash" in content:
    sys.exit(3)
if "Rubbish" in content:
    open(output, "wb").write(b"RIFF")
    sys.exit()
loud = 0 if "Still" in content else 60
period = (bytes((0, loud)) * 50 + bytes((0, -loud % 256)) * 50)
with wave.open(output, "wb") as file:
    file.setparams((1, 2, 44100, 0, "NONE", ""))
    file.writeframes(period * 882)
"""


class TestPresets(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def preset(self, name: str, content: bytes) -> Path:
        (self.folder / name).write_bytes(content)
        return self.folder / name

    def with_lmms(self) -> Any:
        programs = self.folder / "programs"
        programs.mkdir()
        (programs / "lmms").write_text(FAKE.format(python=sys.executable))
        (programs / "lmms").chmod(0o755)
        return mock.patch.dict(os.environ, {"PATH": f"{programs}:{os.environ['PATH']}"})

    def test_instruments_of_both_programs(self) -> None:
        track, version = presets.instrument_track(self.preset("a.xpf", LMMS_PRESET))
        self.assertEqual((track.tag, track.get("vol")), ("instrumenttrack", "80"))
        self.assertEqual(version, "1.0.93")
        for name, content in (("b.xiz", ZYN_PRESET), ("c.xiz", gzip.compress(ZYN_PRESET))):
            track, version = presets.instrument_track(self.preset(name, content))
            self.assertEqual((track.get("basenote"), version), ("45", presets.LMMS_VERSION))
            part = track.find("instrument/zynaddsubfx/ZynAddSubFX-data/MASTER/PART")
            assert part is not None
            self.assertEqual(part.findtext("INSTRUMENT/INFO/string"), "A pad")

    def test_what_is_no_preset(self) -> None:
        for name, content in (("a.xpf", b"<a/>"), ("b.xpf", b"<a"), ("c.xiz", b"<a/>"),
                              ("d.xiz", gzip.compress(ZYN_PRESET)[:40]), ("e.xpf", b""),
                              ("f.xiz", gzip.compress(ZYN_PRESET)[:20] + bytes(range(60))),
                              ("g.xpf", b"<?xml version='1.0' encoding='none'?><a/>")):
            with self.assertRaises(presets.Unusable, msg=name):
                presets.instrument_track(self.preset(name, content))

    def test_notes_of_a_project(self) -> None:
        track = ElementTree.fromstring("<instrumenttrack/>")
        song = ElementTree.fromstring(presets.project(track, "1.0.93", 4.0, [(0.5, 1.0, 69, 127),
                                                                   (1.0, 0.001, 60, 64)]))
        self.assertEqual(song.get("creatorversion"), "1.0.93")
        notes = [note.attrib for note in song.iter("note")]
        self.assertEqual(notes, [{"pos": "48", "len": "96", "key": "57", "vol": "100", "pan": "0"},
                                 {"pos": "96", "len": "1", "key": "48", "vol": "50", "pan": "0"}])

    def test_what_does_not_sound_is_left_out(self) -> None:
        paths = [self.preset(f"{word}.xiz", ZYN_PRESET.replace(b"A pad", word.encode()))
                 for word in ("Good", "Crash", "Still", "Rubbish", "Fine")]
        printed = io.StringIO()
        with self.with_lmms(), contextlib.redirect_stdout(printed), \
                contextlib.redirect_stderr(io.StringIO()):
            samples = presets.render("organ", paths, 0.5, 1)
            self.assertRaises(Refused, presets.render, "organ", paths[1:4], 0.5, 1)
        self.assertEqual((samples.dtype, samples.size), (np.int16, 2 * 2 * RATE_HZ))
        loud = np.sqrt(np.mean(np.square(samples[:RATE_HZ // 2] / 32767.0)))
        self.assertAlmostEqual(float(loud), 0.9, delta=0.05)
        self.assertIn("Crash.xiz: left out: lmms ended with status 3", printed.getvalue())
        self.assertIn("Rubbish.xiz: left out: lmms wrote no sound", printed.getvalue())
        self.assertIn("Still.xiz: left out: it does not sound", printed.getvalue())

    def test_without_the_program(self) -> None:
        path = self.preset("a.xiz", ZYN_PRESET)
        with mock.patch.dict(os.environ, {"PATH": str(self.folder)}), \
                contextlib.redirect_stderr(io.StringIO()), \
                self.assertRaisesRegex(Refused, "lmms is not installed"):
            presets.render("organ", [path], 0.5, 1)


if __name__ == "__main__":
    unittest.main()
