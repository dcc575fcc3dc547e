"""What stems are made of, and what stands between them and the listener."""

from __future__ import annotations

import unittest
from pathlib import Path
from typing import Any, Dict, List
from unittest import mock

import numpy as np

from .. import material
from ..effects import RATE_HZ, Rooms, coded, compressed, microphone, shape
from ..labels import OUTPUTS
from ..material import Bank, add_clips, chosen_player, string_clips, string_hits, string_notes
from ..mix import LEFT_OUT, leave_out_drums
from ..notes import Notes
from .sounds import tone


class SteadyBeat:
    """Random numbers but for the tempo, the notes' pitch and their timing."""

    TEMPO = 100.0

    def __init__(self, random: np.random.Generator) -> None:
        self.inner = random

    def uniform(self, low: float, high: float) -> float:
        return self.TEMPO if (low, high) == (60, 160) else 0.0

    def choice(self, values: Any, *rest: Any) -> Any:
        return 0.0 if values == (0.0, 0.004, 0.01) else self.inner.choice(values, *rest)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class TestNotes(unittest.TestCase):
    def test_phrases_have_the_length_that_is_asked_for(self) -> None:
        notes = Notes("s", "", [tone(0.5, seconds) for seconds in (0.05, 0.3, 9.0)], [50, 52, 54])
        for seed in range(8):
            for label in ("voice", "piano"):
                phrase = string_notes(notes, label, 2 * RATE_HZ, np.random.default_rng(seed))
                self.assertEqual((phrase.size, phrase.dtype), (2 * RATE_HZ, np.float32))
                self.assertGreater(float(np.abs(phrase).max()), 0.1)

    def test_hits_lie_in_bars(self) -> None:
        hit = np.zeros(RATE_HZ // 50, np.int16)
        hit[0] = 32767
        for seed in range(8):
            random = SteadyBeat(np.random.default_rng(seed))
            bars = string_hits(Notes("s", "", [hit]), 8 * RATE_HZ, random)
            begins = np.flatnonzero(np.diff(np.abs(bars) > 0.1, prepend=False)) / RATE_HZ
            steps = begins[np.diff(begins, prepend=-1.0) > 0.02] * SteadyBeat.TEMPO / 15.0
            np.testing.assert_allclose(steps, np.round(steps), atol=0.02)
            bar, at = np.divmod(np.round(steps).astype(int), 16)
            self.assertGreater(len(set(bar)), 2)
            there = np.zeros((int(bar.max()) + 1, 16), bool)
            there[bar, at] = True
            self.assertGreater(float((there[:-2] == there[1:-1]).mean()), 0.7)  # the last is cut


class TestClips(unittest.TestCase):
    def test_players_count_as_the_root_of_their_clips(self) -> None:
        players = {"many": [tone(0.1)] * 100, **{f"one {i}": [tone(0.2)] for i in range(10)}}
        random = np.random.default_rng(2)
        drawn = [len(chosen_player(players, random)) for _ in range(1000)]
        self.assertAlmostEqual(drawn.count(100) / 1000, 0.5, delta=0.06)

    def test_a_phrase_is_mostly_of_one_player(self) -> None:
        players = {str(i): [tone(0.1)] for i in range(4)}
        drawn = 0
        for seed in range(50):
            with mock.patch.object(material, "chosen_player", wraps=chosen_player) as player:
                phrase = string_clips(players, 8 * RATE_HZ, np.random.default_rng(seed))
            self.assertGreater(float(np.abs(phrase).max()), 0.09)
            drawn += player.call_count - 1
        # Clips of 0.5 s with rests of 0.2 s: some 11 places in a phrase to change the player.
        self.assertAlmostEqual(drawn / 50, 0.15 * 8 / 0.7, delta=0.6)

    def banks_of(self, rows: List[Dict[str, str]]) -> Dict[str, Bank]:
        banks = {name: Bank() for name in (*OUTPUTS, "noise")}
        with mock.patch.object(material, "training_clips",
                               lambda work, split: [(row, tone(0.1)) for row in rows]):
            add_clips(banks, Path("."))
        return banks

    def test_every_freesound_clip_has_a_player_of_its_own(self) -> None:
        def row(source: str, name: str) -> Dict[str, str]:
            return {"labels": "flute", "other_instrument": "", "kind": "phrase", "source": source,
                    "original_name": name}

        banks = self.banks_of([row("freesound_fsd", "a"), row("freesound_fsd", "b"),
                               row("mine", "c"), row("mine", "d")])
        self.assertEqual({name: len(clips) for name, clips in banks["flute"].players.items()},
                         {"freesound_fsd/a": 1, "freesound_fsd/b": 1, "mine": 2})

    def test_drums_and_other_percussion_are_apart(self) -> None:
        def row(labels: str, other: str, name: str) -> Dict[str, str]:
            return {"labels": labels, "other_instrument": other, "kind": "note", "source": "s",
                    "original_name": name}

        banks = self.banks_of([row("drums", "", "Agogo_High.wav"), row("drums", "", "Kick 1.aif"),
                               row("drums", "", "WoodBlock-2.wav"),
                               row("none", "percussion", "djundjun__1.mp3"),
                               row("none", "percussion", "castanets__1.mp3")])
        for bank in ("drums", "other_percussion"):
            self.assertEqual(sum(len(notes.samples) for notes in banks[bank].notes), 1, bank)

    def test_other_percussion_leaves_drums_open(self) -> None:
        targets = np.zeros((4, len(OUTPUTS)), np.uint8)
        targets[:, OUTPUTS.index("other_percussion")] = (0, 1, LEFT_OUT, 1)
        targets[3, OUTPUTS.index("drums")] = 1
        leave_out_drums(targets)
        self.assertEqual(targets[:, OUTPUTS.index("drums")].tolist(), [0, LEFT_OUT, LEFT_OUT, 1])
        self.assertEqual(int((targets != 0).sum()), 6)


class TestEffects(unittest.TestCase):
    def test_compression_brings_loud_and_soft_together(self) -> None:
        noise = np.random.default_rng(3).normal(0.0, 0.1, 8 * RATE_HZ).astype(np.float32)
        noise[:4 * RATE_HZ] *= 0.1
        for seed in range(12):
            out = compressed(noise, np.random.default_rng(seed))
            self.assertEqual((out.size, out.dtype), (noise.size, np.float32))
            soft, loud = (float(np.sqrt(np.mean(part ** 2)))
                          for part in (out[3 * RATE_HZ:4 * RATE_HZ], out[7 * RATE_HZ:]))
            self.assertGreater(soft / loud, 0.13)  # 0.1 as it came
            self.assertLess(soft / loud, 1.1)
        self.assertTrue(np.isfinite(compressed(np.zeros(RATE_HZ, np.float32),
                                               np.random.default_rng(1))).all())

    def test_a_perfect_microphone_changes_nothing(self) -> None:
        rooms = Rooms(1 << 16, 1, np.random.default_rng(1))
        noise = np.random.default_rng(2).normal(size=RATE_HZ).astype(np.float32)
        random = np.random.default_rng(3)
        same = shape(noise, rooms, random, room=False, equalize=False, gain=None)
        np.testing.assert_array_equal(same, noise)
        gain = np.full((1 << 15) + 1, 0.5, np.float32)
        half = shape(noise, rooms, random, room=False, equalize=False, gain=gain)
        np.testing.assert_allclose(half, 0.5 * noise, atol=1e-5)
        kinds = [microphone(rooms, random) is None for _ in range(400)]
        self.assertAlmostEqual(sum(kinds) / 400, 0.5 * 0.7, delta=0.08)

    def test_codecs_keep_length_and_level(self) -> None:
        t = np.arange(2 * RATE_HZ + 17) / RATE_HZ
        tone_440 = (0.02 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)
        for seed in range(16):
            out = coded(tone_440, np.random.default_rng(seed))
            self.assertEqual(out.size, tone_440.size)
            middle = out[RATE_HZ // 2:-RATE_HZ // 2]
            self.assertAlmostEqual(float(np.abs(middle).max()), 0.02, delta=0.005)


if __name__ == "__main__":
    unittest.main()
