"""Single notes: their names, the groups that they come in, their relatives, what they count."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path
from typing import Dict, List
from unittest import mock

import numpy as np

from .. import material, score
from ..effects import RATE_HZ
from ..labels import LABELS
from ..material import (NOTES_SCORES, REACH, Bank, add_scores, load_banks, notes_digest,
                        read_scores, stem, string_notes)
from ..notes import DOUBT, Notes, chances, chosen_notes, in_manners, manner_of, notes_key
from ..refusals import Refused
from ..relatives import RELATIVES, RELATIVES_SHARE, add_relatives
from ..score import score_notes
from .sounds import tone


def sine(key: int) -> np.ndarray:
    hz = 440.0 * 2 ** ((key - 69) / 12)
    return np.int16(16000 * np.sin(2 * np.pi * hz * np.arange(4 * RATE_HZ) / RATE_HZ))


def frequency_hz(samples: np.ndarray) -> float:
    """Of the strongest bin."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    return float(spectrum.argmax()) * RATE_HZ / samples.size


class TestNames(unittest.TestCase):
    def test_manners_in_file_names(self) -> None:
        cases = {"cello_Cs2_05_pianissimo_arco-normal.mp3": "soft",
                 "guitar_A2_very-long_forte_harmonics.mp3": "loud harmonic",
                 "db4_p_rr1_dnm.wav": "soft", "piano_B4.mp3": "",
                 "flute_A4_1_mezzo-forte_non-vibrato.mp3": "loud",
                 "twang_f3_mf_rr3.wav": "loud twang",
                 "A0.mp3": "", "mandolin_A4_long_piano_tremolo.mp3": "soft tremolo"}
        self.assertEqual({name: manner_of(name) for name in cases}, cases)

    def test_what_is_rare_goes_together(self) -> None:
        names = ([f"x_C{i}_1_forte_normal.mp3" for i in range(8)]
                 + [f"x_C{i}_1_piano_normal.mp3" for i in range(9, 0, -1)]
                 + ["x_C3_1_piano_trill.mp3", "x_C2_1_forte_slap.mp3"])
        groups = in_manners([(name, tone(0.1)) for name in names], "s", "x")
        self.assertEqual([(notes.manner, len(notes.samples)) for notes in groups],
                         [("loud", 8), ("soft", 9), ("several", 2)])
        for notes in groups:
            self.assertEqual(notes.pitches, sorted(notes.pitches))
            self.assertEqual((notes.source, notes.instrument), ("s", "x"))


class TestChances(unittest.TestCase):
    def group(self, source: str, count: int, share: float = 1.0, score: float = 1.0) -> Notes:
        return Notes(source, "", [tone(0.1)] * count, [0] * count, share=share, score=score)

    def test_an_instrument_in_two_manners_counts_once(self) -> None:
        groups = [self.group("a", 50), self.group("a", 50), self.group("b", 100)]
        np.testing.assert_allclose(chances(groups), [0.25, 0.25, 0.5])
        random = np.random.default_rng(1)
        drawn = [chosen_notes(groups, random).source for _ in range(1000)]
        self.assertAlmostEqual(drawn.count("b") / 1000, 0.5, delta=0.06)

    def test_what_sounds_real_and_what_is_no_relative_counts_more(self) -> None:
        groups = [self.group("a", 9), self.group("b", 9, score=1.0 - (1.0 + DOUBT) / 2),
                  self.group("c", 9, share=0.5), self.group("d", 36)]
        np.testing.assert_allclose(chances(groups), np.array([2.0, 1.0, 1.0, 4.0]) / 8)

    def test_scores_of_notes_shift_what_stems_are_made_of(self) -> None:
        notes = self.group("s", 60)
        banks = {"flute": Bank([notes], {str(i): [tone(0.9)] for i in range(10)})}
        add_scores(banks, {notes_key("flute", notes): 0.0375})
        self.assertEqual(notes.score, 0.0375)
        self.assertEqual(banks["flute"].scores, {"notes": 0.0375})
        random = np.random.default_rng(2)
        loud = [np.abs(stem(banks, "flute", RATE_HZ, random)).max() > 0.8 for _ in range(600)]
        # A quarter of what sounds real: half as often as 0.35 beside the clips' 0.4.
        self.assertAlmostEqual(float(np.mean(loud)), 0.4 / (0.4 + 0.35 / 2), delta=0.06)


    def test_renders_count_by_what_is_drawn_of_them(self) -> None:
        real, unreal = (np.full(20, score) for score in (0.6, 0.0))
        banks = {"flute": Bank(renders=[(tone(0.1), real), (tone(0.1), unreal)])}
        add_scores(banks, {})
        self.assertAlmostEqual(banks["flute"].scores["renders"], 0.6 * 0.6 / 0.63, delta=0.02)


class FakeStart:
    """A judge for whom everything sounds as real as its peak is high."""

    def __init__(self) -> None:
        self.asked: List[str] = []

    def probabilities(self, samples: np.ndarray, output: str) -> np.ndarray:
        self.asked.append(output)
        return np.abs(samples.reshape(2, -1)).max(axis=1) / 32767.0


class TestScoresOfNotes(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = Path(folder.name)
        (self.work / "clips").mkdir()
        (self.work / "clips" / "train.json").write_text("[]")
        rows = [{"labels": label, "other_instrument": "", "kind": "note", "source": source,
                 "original_name": f"{label}_{name}_{manner}.mp3"}
                for label in ("flute", "drums") for source in ("philharmonia", "s")
                for manner in ("forte", "piano") for name in ("C4", "D4", "E4", "F4") * 2]
        self.enterContext(mock.patch.object(
            material, "training_clips", lambda work, split: [(row, tone(0.1)) for row in rows]))
        self.enterContext(contextlib.redirect_stderr(io.StringIO()))

    def test_every_group_has_one_of_its_own(self) -> None:
        start = FakeStart()
        with mock.patch.object(score, "PHRASES", 2):
            scores = score_notes(self.work, start, np.random.default_rng(1))
        self.assertEqual(sorted(scores), sorted(
            ["drums/philharmonia//", "drums/s//", "flute/philharmonia/flute/loud",
             "flute/philharmonia/flute/soft", "flute/s//loud", "flute/s//soft"]))
        self.assertEqual(set(start.asked), {"flute", "drums"})
        for probability in scores.values():
            self.assertAlmostEqual(probability, 0.5, delta=0.001)  # all are judged at one level

    def test_scores_of_other_clips_are_refused(self) -> None:
        self.assertIsNone(read_scores(self.work))
        content = {"made_from": notes_digest(self.work), "scores": {"drums/s//": 0.25}}
        path = self.work / NOTES_SCORES
        path.write_text(json.dumps(content))
        self.assertEqual(read_scores(self.work), content["scores"])
        with self.assertRaisesRegex(Refused, f"{NOTES_SCORES}: drums/philharmonia// is missing"):
            load_banks(self.work)
        (self.work / "clips" / "train.json").write_text("[1]")
        with self.assertRaisesRegex(Refused, f"{NOTES_SCORES}: is of other clips"):
            load_banks(self.work)
        path.write_text("{")
        with self.assertRaisesRegex(Refused, f"{NOTES_SCORES}: "):
            load_banks(self.work)


class TestRelatives(unittest.TestCase):
    def notes_of(self, label: str, source: str, keys: List[int]) -> Dict[str, List[Notes]]:
        notes: Dict[str, List[Notes]] = {name: [] for name in LABELS}
        notes[label].append(Notes(source, "x", [sine(key) for key in keys], keys, "loud"))
        return notes

    def relatives_of(self, label: str, notes: Dict[str, List[Notes]]) -> List[Notes]:
        """What is added to the notes of the label."""
        before = len(notes[label])
        with_them = {name: list(groups) for name, groups in notes.items()}
        add_relatives(with_them)
        return with_them[label][before:]

    def test_a_cello_becomes_a_violin_within_its_range(self) -> None:
        keys = [0, *range(36, 84, 3)]  # of the first nobody knows the pitch
        [violin] = self.relatives_of("violin", self.notes_of("cello", "philharmonia", keys))
        self.assertEqual(violin.pitches, list(range(51, 84, 3)))
        self.assertEqual((violin.semitones, violin.share), ((5.0, 9.0), RELATIVES_SHARE))
        violin.samples, violin.pitches = violin.samples[:1], violin.pitches[:1]
        heard = [frequency_hz(string_notes(violin, "organ", RATE_HZ, np.random.default_rng(seed)))
                 for seed in range(12)]
        semitones = 12 * np.log2(np.array(heard) / 440.0) + 69 - 51
        self.assertGreater(float(semitones.min()), 5.0 - 2.0)
        self.assertLess(float(semitones.max()), 9.0 + 2.0)
        self.assertAlmostEqual(float(semitones.mean()), 7.0, delta=1.5)

    def test_only_the_named_source_and_manner(self) -> None:
        self.assertEqual(self.relatives_of("violin", self.notes_of("cello", "s", [60] * 20)), [])
        notes = self.notes_of("acoustic_guitar", "philharmonia", [65] * 20)
        self.assertEqual(len(self.relatives_of("ukulele", notes)), 1)
        notes["acoustic_guitar"][0].manner = "soft"
        self.assertEqual(self.relatives_of("ukulele", notes), [])

    def test_a_relative_has_no_relatives(self) -> None:
        notes = self.notes_of("bass", "philharmonia", list(range(30, 60)))
        lacking = add_relatives(notes)
        self.assertEqual({each for each in RELATIVES if each not in lacking},
                         {each for each in RELATIVES if each.of == "bass"})
        self.assertEqual(len(notes["cello"]), 1)
        self.assertEqual((notes["violin"], len(notes["bass"])), ([], 1))

    def test_the_table_names_labels_and_notes_are_long_enough(self) -> None:
        for relative in RELATIVES:
            self.assertLessEqual({relative.label, relative.of}, set(LABELS))
            self.assertLess(relative.semitones[0], relative.semitones[1])
            self.assertLess(relative.keys[0], relative.keys[1])
            # string_notes cuts twice of what a note lasts before it is transposed.
            self.assertLess(2 ** ((relative.semitones[1] + REACH) / 12), 2)


if __name__ == "__main__":
    unittest.main()
