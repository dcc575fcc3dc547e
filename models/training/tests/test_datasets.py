"""Data sets of others: what is read from each layout, and what is refused."""

from __future__ import annotations

import json
import os
import tempfile
import unittest
from pathlib import Path
from typing import Dict, List

import numpy as np
import soundfile

from ..datasets import Clip, Statement, class_scores, mapping_table, targets_of
from ..datasets_layouts import IRMAS, LAYOUTS, NSYNTH, load_clips_of
from ..datasets_openmic import OPENMIC
from ..datasets_tables import Refused, read_sound
from ..labels import LABELS
from . import dataset_files as files


def said_of(clip: Clip) -> Dict[str, int]:
    return {label: int(clip.target[j]) for j, label in enumerate(LABELS) if clip.known[j]}


def present_in(clip: Clip, name: str) -> List[str]:
    return [key for key, there in zip(LAYOUTS[name].meanings, clip.classes) if there]


class DatasetCase(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def refused(self, name: str, split: str, pattern: str, path: str = "") -> None:
        with self.assertRaisesRegex(Refused, pattern):
            load_clips_of(name, self.folder / path, split)


class TestMeanings(unittest.TestCase):
    def test_meanings_name_labels(self) -> None:
        for layout in LAYOUTS.values():
            for meaning in layout.meanings.values():
                self.assertTrue(meaning.labels)
                self.assertLessEqual(set(meaning.labels), set(LABELS))

    def test_a_family_leaves_its_labels_open(self) -> None:
        target, known = targets_of(NSYNTH, Statement(frozenset(["brass"]), frozenset(), alone=True))
        self.assertFalse(target.any())
        self.assertEqual({LABELS[j] for j in np.flatnonzero(~known)}, {"trombone", "trumpet"})

    def test_drums_are_absent_only_without_cymbals(self) -> None:
        drums = LABELS.index("drums")
        for silent, wanted in ((["drums"], False), (["drums", "cymbals"], True)):
            said = Statement(frozenset(), frozenset(silent), frozenset(silent))
            self.assertEqual(bool(targets_of(OPENMIC, said)[1][drums]), wanted)

    def test_a_class_has_the_probability_of_its_likeliest_label(self) -> None:
        probabilities = np.zeros((1, len(LABELS)))
        probabilities[0, LABELS.index("electric_guitar")] = 0.7
        probabilities[0, LABELS.index("acoustic_guitar")] = 0.2
        scores = class_scores(OPENMIC, probabilities)[0]
        self.assertEqual(dict(zip(OPENMIC, scores))["guitar"], 0.7)

    def test_the_mapping_says_what_is_dubious_and_what_is_not_asked(self) -> None:
        text = mapping_table(NSYNTH)
        self.assertIn("| brass | trombone, trumpet | dubious", text)
        self.assertIn("drums", text.splitlines()[-1])
        self.assertNotIn("never asks", mapping_table(LAYOUTS["csv"].meanings))


class TestIrmas(DatasetCase):
    def setUp(self) -> None:
        super().setUp()
        files.make_irmas(self.folder)

    def test_training_knows_what_is_named_and_drums(self) -> None:
        cello, piano, voice = load_clips_of("irmas", self.folder, "training")
        self.assertEqual([said_of(clip) for clip in (cello, piano, voice)],
                         [{"cello": 1}, {"piano": 1, "drums": 1}, {"voice": 1, "drums": 0}])
        self.assertTrue(cello.classes_known.all())

    def test_testing_has_several_labels(self) -> None:
        first, second = load_clips_of("irmas", self.folder, "testing")
        self.assertEqual(present_in(first, "irmas"), ["gel", "voi"])
        self.assertEqual(said_of(first), {"electric_guitar": 1, "voice": 1})
        self.assertEqual(said_of(second), {"saxophone": 1})
        self.assertEqual(first.classes_known.sum(), len(IRMAS))

    def test_one_part_alone(self) -> None:
        self.assertEqual(len(load_clips_of("irmas", self.folder / "IRMAS-TestingData-Part2",
                                           "testing")), 1)

    def test_unknown_label(self) -> None:
        text = self.folder / "IRMAS-TestingData-Part1" / "Part1" / "01 - A Song-1.txt"
        text.write_text("gel\t\n\nbag\t\n")
        self.refused("irmas", "testing", r"01 - A Song-1\.txt, line 3: unknown label 'bag'")
        text.write_text("\n")
        self.refused("irmas", "testing", r"01 - A Song-1\.txt: names no label")
        text.write_bytes(b"gel\xff\n")
        self.refused("irmas", "testing", r"01 - A Song-1\.txt: not a text in UTF-8")
        text.unlink()
        self.refused("irmas", "testing", r"01 - A Song-1\.wav: there is no 01 - A Song-1\.txt")

    def test_names_and_folders(self) -> None:
        folder = self.folder / "IRMAS-TrainingData"
        files.write_tone(folder / "flu" / "[gac][cla]0009__1.wav")
        self.refused("irmas", "training", r"0009__1\.wav: the name does not carry \[flu\]")
        (folder / "bag").mkdir()
        self.refused("irmas", "training", r"bag: not a class of IRMAS")
        self.refused("irmas", "training", "no folder IRMAS-TrainingData", "IRMAS-TestingData-Part1")
        self.refused("irmas", "testing", "no folder IRMAS-TestingData", "IRMAS-TrainingData/cel")
        self.refused("irmas", "dev", "irmas has no split 'dev'")


class Attack:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.path),)


class TestOpenmic(DatasetCase):
    def test_what_nobody_was_asked_is_unknown(self) -> None:
        for as_objects in (True, False):
            files.make_openmic(self.folder, as_objects=as_objects)
            (first,) = load_clips_of("openmic", self.folder, "train")
            self.assertEqual(said_of(first),
                             {"bass": 1, "acoustic_guitar": 0, "electric_guitar": 0})
            self.assertEqual(int(first.classes_known.sum()), 2)
            (second,) = load_clips_of("openmic", self.folder, "test")
            self.assertEqual(present_in(second, "openmic"), ["guitar"])
            self.assertEqual(said_of(second), {"trumpet": 0})
            self.assertEqual(second.path,
                             self.folder / "audio" / "000" / "000135_483840.ogg")

    def test_refused(self) -> None:
        files.make_openmic(self.folder)
        part = self.folder / "partitions" / "split01_test.csv"
        part.write_text("000135_483840\n999999_0\n")
        self.refused("openmic", "test", r"split01_test\.csv, line 2: '999999_0' is not in")
        (self.folder / "class-map.json").write_text('{"accordion": 0,\n "bagpipe": 1}')
        self.refused("openmic", "test", r"class-map\.json: unknown label 'bagpipe'")
        (self.folder / "class-map.json").write_text('{"accordion": 0,\n')
        self.refused("openmic", "test", r"class-map\.json, line 2: not JSON")
        (self.folder / "class-map.json").write_text('{"accordion": 0}')
        self.refused("openmic", "test", "not numbered from 0 to 19")

    def test_arrays(self) -> None:
        files.make_openmic(self.folder)
        archive = self.folder / "openmic-2018.npz"
        np.savez(archive, Y_true=np.zeros((3, 20)), Y_mask=np.zeros((2, 20)),
                 sample_key=np.array(["a", "b"]))
        self.refused("openmic", "test", r"openmic-2018\.npz: Y_true \(3, 20\).*belong together")
        np.savez(archive, Y_true=np.zeros((2, 20)))
        self.refused("openmic", "test", r"openmic-2018\.npz: has no array Y_mask")
        archive.write_bytes(b"PK\x03\x04 not an archive")
        self.refused("openmic", "test", r"openmic-2018\.npz: not an archive")
        archive.unlink()
        self.refused("openmic", "test", r"openmic-2018\.npz: there is no such file")

    def test_a_pickle_cannot_act(self) -> None:
        files.make_openmic(self.folder)
        keys = np.array([Attack(self.folder / "ran"), "b"], dtype=object)
        np.savez(self.folder / "openmic-2018.npz", Y_true=np.zeros((2, 20)),
                 Y_mask=np.zeros((2, 20)), sample_key=keys)
        self.refused("openmic", "test", "sample_key cannot be read: .*mkdir is not allowed")
        self.assertFalse((self.folder / "ran").exists())


class TestNsynth(DatasetCase):
    def setUp(self) -> None:
        super().setUp()
        files.make_nsynth(self.folder)
        self.table = self.folder / "nsynth-test" / "examples.json"

    def test_families_and_sources(self) -> None:
        clips = {present_in(clip, "nsynth")[0]: clip
                 for clip in load_clips_of("nsynth", self.folder, "test")}
        self.assertEqual({key for key, x in said_of(clips["guitar"]).items() if x},
                         {"acoustic_guitar"})
        self.assertTrue(clips["guitar"].known.all())
        self.assertEqual(clips["guitar"].name, "guitar_acoustic_001-082-127_As5")
        self.assertEqual({LABELS[j] for j in np.flatnonzero(~clips["mallet"].known)},
                         {"mallet_percussion", "synthesizer"})
        self.assertEqual({key for key, x in said_of(clips["synth_lead"]).items() if x},
                         {"synthesizer"})
        self.assertEqual(len(load_clips_of("nsynth", self.folder / "nsynth-test", "test")), 4)

    def test_refused(self) -> None:
        notes = json.loads(self.table.read_text())
        for key, note, pattern in (
                ("x", {"instrument_family_str": "theremin"}, "family_str 'theremin'"),
                ("x", {"instrument_family_str": ["bass"]}, "unknown instrument_family_str"),
                ("x", {}, "'x': unknown instrument_family_str None"),
                ("x", 3, "'x': not the name and object"),
                ("../x", {"instrument_family_str": "bass"}, "not the name and object")):
            self.table.write_text(json.dumps({**notes, key: note}))
            self.refused("nsynth", "test", pattern)
        self.table.write_text("[1]")
        self.refused("nsynth", "test", r"examples\.json: not a JSON object")
        self.refused("nsynth", "train", r"nsynth-train/examples\.json: there is no such file")


class TestMedleySolos(DatasetCase):
    def setUp(self) -> None:
        super().setUp()
        files.make_medley(self.folder)

    def table(self, *rows: List[str]) -> None:
        files.write_table(self.folder / "Medley-solos-DB_metadata.csv", files.MEDLEY_COLUMNS,
                          [*files.medley_rows(), *rows])

    def test_solos_know_every_label(self) -> None:
        clarinet, singer = load_clips_of("medley-solos", self.folder, "test")
        self.assertTrue(clarinet.known.all() and clarinet.path.is_file())
        self.assertEqual([LABELS[j] for j in np.flatnonzero(singer.target)], ["voice"])
        self.assertEqual(len(load_clips_of("medley-solos", self.folder, "training")), 1)
        self.refused("medley-solos", "validation", "no clips of the split 'validation'")

    def test_refused(self) -> None:
        for row, pattern in ((["test", "oboe", "0", "0", "u"], "line 5: unknown label 'oboe'"),
                             (["test", "flute", "4", "0", "u"], "line 5: instrument_id '4'"),
                             (["dev", "flute", "3", "0", "u"], "line 5: unknown subset 'dev'"),
                             (["test", "flute", "3"], "line 5: 3 columns instead of 5")):
            self.table(row)
            self.refused("medley-solos", "test", pattern)
        files.write_table(self.folder / "Medley-solos-DB_metadata.csv", ("subset", "uuid4"), [])
        self.refused("medley-solos", "test", "line 1: there is no column 'instrument'")


class TestCsv(DatasetCase):
    def rows(self, *rows: List[str], columns: str = "file,labels,start_s,duration_s") -> None:
        files.write_table(self.folder / "mine.csv", columns.split(","), rows)

    def test_labels_times_and_what_is_not_known(self) -> None:
        files.make_csv(self.folder)
        both, flute, hum, unknown = load_clips_of("csv", self.folder / "mine.csv", "all")
        self.assertEqual((both.start_s, both.duration_s, flute.duration_s), (0.5, 4.0, None))
        self.assertEqual([LABELS[j] for j in np.flatnonzero(both.target)], ["flute", "piano"])
        self.assertTrue(hum.known.all() and not hum.target.any())
        self.assertFalse(unknown.known.any())
        samples, rate = read_sound(both.path, both.place, both.start_s, both.duration_s)
        self.assertEqual((samples.size, rate), (4 * 44100, 44100))

    def test_refused(self) -> None:
        for row, pattern in (
                (["a.wav", "flute|theremin", "", ""], r"mine\.csv, line 2: .*'theremin'"),
                (["a.wav", "flute"], "line 2: 2 columns instead of 4"),
                (["a.wav", "flute", "soon", ""], "line 2: start_s is 'soon', not a number"),
                (["a.wav", "flute", "-1", ""], "line 2: start_s is '-1', not a time"),
                (["a.wav", "flute", "nan", ""], "line 2: start_s is 'nan', not a time"),
                (["a.wav", "flute", "", "0"], "line 2: duration_s is 0"),
                (["", "flute", "", ""], "line 2: names no file")):
            self.rows(row)
            self.refused("csv", "all", pattern, "mine.csv")
        self.rows(columns="file,labels,begin")
        self.refused("csv", "all", "line 1: unknown column 'begin'", "mine.csv")
        (self.folder / "mine.csv").write_text("")
        self.refused("csv", "all", "empty", "mine.csv")
        (self.folder / "mine.csv").write_text('file,labels\n"a.wav,flute\n')
        self.refused("csv", "all", r"mine\.csv, line \d", "mine.csv")
        self.refused("csv", "all", "no such", "other.csv")


class TestSounds(DatasetCase):
    def refused_sound(self, content: bytes, pattern: str) -> None:
        path = self.folder / "a.wav"
        path.write_bytes(content)
        with self.assertRaisesRegex(Refused, f"line 7: .*a.wav.*{pattern}"):
            read_sound(path, "t.csv, line 7")

    def test_broken_files(self) -> None:
        files.write_tone(self.folder / "b.wav", 0.1)
        sound = (self.folder / "b.wav").read_bytes()
        self.refused_sound(b"", "no sound file")
        self.refused_sound(b"RIFF but nothing else", "no sound file")
        self.refused_sound(sound[:44], "no sound")
        with self.assertRaisesRegex(Refused, "line 7: a clip of .*b.wav starts at 2 s, after"):
            read_sound(self.folder / "b.wav", "t.csv, line 7", 2.0)
        with self.assertRaisesRegex(Refused, "line 7: there is no file .*c.wav"):
            read_sound(self.folder / "c.wav", "t.csv, line 7")

    def test_a_header_that_boasts(self) -> None:
        path = self.folder / "big.flac"
        soundfile.write(path, np.zeros(16000), 16000)
        data = bytearray(path.read_bytes())
        data[21] |= 0x0F  # the number of samples: 36 bits of ones
        data[22:26] = b"\xff" * 4
        path.write_bytes(data)
        with self.assertRaisesRegex(Refused, "line 7: .*big.flac says that it lasts .* a day"):
            read_sound(path, "t.csv, line 7")

    def test_samples_that_are_not_numbers(self) -> None:
        soundfile.write(self.folder / "n.wav", np.array([0.0, np.nan], np.float32), 16000, "FLOAT")
        with self.assertRaisesRegex(Refused, "n.wav holds samples that are not numbers"):
            read_sound(self.folder / "n.wav", "t.csv, line 7")


if __name__ == "__main__":
    unittest.main()
