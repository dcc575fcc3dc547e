"""Labels, pitches, MIDI, the labelling rule of mixtures, and metrics."""

from __future__ import annotations

import unittest

import numpy as np

from ..compose import PLAYERS, compose
from ..labels import (AUDIOSET, EXTRAS, GM_OTHERS, GM_PROGRAMS, GS_VARIATIONS, LABELS,
                      NEIGHBOURS, OUTPUTS, audioset_rows, target)
from ..metrics import average_precision, best_f1, f1, summary
from ..midi import MidiFile, variable_length
from ..mix import (ABSENT_COLUMNS, GAP_COLUMNS, LEFT_OUT, PRESENT_COLUMNS, STEPS, activity_of,
                   quiet_share, step_targets, target_of)
from ..notes import pitch_of
from ..thresholds import choose


class TestLabels(unittest.TestCase):
    def test_every_label_is_mapped(self) -> None:
        self.assertEqual(len(set(LABELS)), 20)
        self.assertEqual(list(LABELS), sorted(LABELS))
        self.assertEqual(set(AUDIOSET), set(OUTPUTS))
        self.assertEqual(set(NEIGHBOURS.values()), set(EXTRAS))
        self.assertLess(set(GM_OTHERS), set(NEIGHBOURS))
        self.assertEqual(set(GM_PROGRAMS), set(LABELS))
        self.assertLess(set(GS_VARIATIONS), set(GM_PROGRAMS))
        self.assertEqual(set(PLAYERS), set(LABELS) | set(GM_OTHERS))

    def test_target(self) -> None:
        self.assertEqual(sum(target("none")), 0)
        both = target("violin|cello")
        self.assertEqual([LABELS[i] for i, x in enumerate(both) if x], ["cello", "violin"])
        with self.assertRaises(ValueError):
            target("theremin")

    def test_unknown_audioset_class_is_refused(self) -> None:
        with self.assertRaises(ValueError):
            audioset_rows(["Speech", "Music"])


class TestMaterial(unittest.TestCase):
    def test_pitches_in_file_names(self) -> None:
        cases = {"cello_Cs2_05_piano.mp3": 37, "A#3-2.wav": 58, "db4_p_rr1_dnm.wav": 61,
                 "A0.mp3": 21, "guitar_A2_very-long.mp3": 45, "MartinGM2_040__E2_1.wav": 40,
                 "bended.wav": None, "djembe__05_forte.mp3": None}
        self.assertEqual({name: pitch_of(name) for name in cases}, cases)

    def test_midi_lengths(self) -> None:
        self.assertEqual(variable_length(0), b"\x00")
        self.assertEqual(variable_length(127), b"\x7f")
        self.assertEqual(variable_length(128), b"\x81\x00")
        self.assertEqual(variable_length(0x0FFFFFFF), b"\xff\xff\xff\x7f")

    def test_a_repeated_key_ends_the_note_before(self) -> None:
        midi = MidiFile()
        midi.note(0.0, 2.0, 0, 60, 90)
        midi.note(0.0, 1.0, 0, 64, 90)
        midi.note(1.5, 1.0, 0, 60, 90)
        ends = sorted((tick, message[1]) for tick, _, message in midi.events
                      if message[0] & 0xF0 == 0x80)
        self.assertEqual(ends, [(960, 64), (1440, 60), (2400, 60)])

    def test_every_player_plays(self) -> None:
        for name, player in PLAYERS.items():
            events = compose(name, 20.0, np.random.default_rng(2)).events
            keys = [message[1] for _, _, message in events if message[0] & 0xF0 == 0x90]
            self.assertGreater(len(keys), 5, name)
            if name != "drums":
                self.assertGreaterEqual(min(keys), player.low, name)

    def test_a_variation_is_chosen_before_its_program(self) -> None:
        events = sorted(compose("organ", 200.0, np.random.default_rng(3)).events)
        banks = [message[2] for _, _, message in events if message[:2] == b"\xb0\x00"]
        self.assertEqual(set(banks), {0, 8})
        kinds = [message[0] & 0xF0 for _, _, message in events if message[:2] == b"\xb0\x00"
                 or message[0] == 0xC0]
        self.assertEqual(kinds, [0xB0, 0xC0] * len(banks))

    def test_phrases_depend_on_the_seed_alone(self) -> None:
        first, again, other = (compose("piano", 20.0, np.random.default_rng(seed)).events
                               for seed in (4, 4, 5))
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)


class TestWindowTarget(unittest.TestCase):
    def label(self, columns: int, relative_db: float) -> int:
        active = np.zeros(300, bool)
        active[300 - columns:] = True
        energy = active * 10 ** (relative_db / 10)
        return target_of(active, energy, energy + 1.0, PRESENT_COLUMNS, ABSENT_COLUMNS)

    def test_how_long(self) -> None:
        self.assertEqual([self.label(n, 0.0) for n in (0, 9, 10, 34, 35, 300)],
                         [0, 0, LEFT_OUT, LEFT_OUT, 1, 1])

    def test_steps_are_centred_on_the_stride(self) -> None:
        active = np.zeros(300, bool)
        active[144:] = True  # step 5 is centred on column 160 and begins at 144
        targets = step_targets(active, active * 1.0, active + 1e-3)
        self.assertEqual(targets, [0] * 5 + [1] * (STEPS - 5))
        active[:] = False
        active[150:154] = True  # an eighth of step 5: neither there nor not
        self.assertEqual(step_targets(active, active * 1.0, active + 1e-3)[5], LEFT_OUT)

    def test_gaps_are_bridged_and_nothing_else(self) -> None:
        energy = np.zeros(820)
        energy[200:240] = 1.0
        energy[240 + GAP_COLUMNS:300] = 0.5
        energy[300 + GAP_COLUMNS + 1:500] = 1.0
        energy[790:] = 1.0
        wanted = np.zeros(820, bool)
        wanted[200:300] = wanted[300 + GAP_COLUMNS + 1:500] = wanted[790:] = True
        np.testing.assert_array_equal(activity_of(energy), wanted)
        self.assertFalse(activity_of(np.zeros(820)).any())

    def test_only_scenes_without_instruments_are_nearly_silent(self) -> None:
        self.assertEqual([quiet_share(names) for names in (["piano"], ["noise", "banjo"],
                                                           ["music"], ["harp", "noise"], [])],
                         [0.0, 0.0, 0.0, 0.2, 0.7])

    def test_how_loud(self) -> None:
        self.assertEqual([self.label(300, db) for db in (-29.0, -27.0, -19.0, -17.0, 10.0)],
                         [0, LEFT_OUT, LEFT_OUT, 1, 1])


class TestMetrics(unittest.TestCase):
    def test_average_precision(self) -> None:
        scores = np.array([0.9, 0.8, 0.7, 0.6])
        self.assertAlmostEqual(average_precision(scores, np.array([1, 0, 1, 0])), (1 + 2 / 3) / 2)
        self.assertTrue(np.isnan(average_precision(scores, np.zeros(4, int))))

    def test_f1(self) -> None:
        wanted = np.array([1, 1, 0, 0])
        self.assertAlmostEqual(f1(np.array([True, False, True, False]), wanted), 0.5)
        self.assertAlmostEqual(best_f1(np.array([0.2, 0.1, 0.05, 0.01]), wanted), 1.0)

    def test_clips_without_labels_count_when_they_raise_one(self) -> None:
        scores = np.array([[0.9, 0.1], [0.2, 0.7], [0.6, 0.1], [0.1, 0.1]])
        wanted = np.array([[1, 0], [0, 1], [0, 0], [0, 0]])
        found = summary(scores, wanted, np.array([0.5, 0.5]))
        self.assertEqual((found["top1"], found["raised"]), (1.0, 0.5))

    def test_thresholds_shrink_toward_the_common_one(self) -> None:
        random = np.random.default_rng(1)
        wanted = (random.random((400, 3)) < 0.3).astype(int)
        wanted[:, 2] = 0
        scores = np.clip(wanted * 0.5 + random.random((400, 3)) * 0.3, 0, 1)
        scores[:, 1] *= 0.6
        common, chosen = choose(scores, wanted, np.zeros(400, int))
        self.assertEqual(chosen[2], common)
        self.assertLess(chosen[1], chosen[0])


if __name__ == "__main__":
    unittest.main()
