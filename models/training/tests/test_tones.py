"""Instruments that are computed: pitch, loudness, repeatability, and no aliases."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

from ..compose import PLAYERS
from ..effects import RATE_HZ
from ..synthesize import phrase, synthesize
from ..tones import PATCHES, harmonics, held, plucked, sawtooth, seconds, swept_lowpass

HARMONIC = ("accordion", "acoustic_guitar", "harmonica", "harp", "ukulele", "voice")


def spectrum(samples: np.ndarray) -> np.ndarray:
    """Power in bins of 1 Hz."""
    return np.abs(np.fft.rfft(samples * np.hanning(samples.size), RATE_HZ)) ** 2


def share_near(power: np.ndarray, hz: np.ndarray, width: float) -> float:
    """The share of the power that is near these frequencies."""
    near = np.zeros(power.size, bool)
    for frequency in hz:
        near[int(frequency * (1 - width)):int(frequency * (1 + width)) + 2] = True
    return float(power[near].sum() / power.sum())


class TestPatches(unittest.TestCase):
    def test_every_patch_sounds(self) -> None:
        for name, makers in PATCHES.items():
            self.assertIn(name, PLAYERS)
            for make in makers:
                for seed in range(3):
                    note = make(np.random.default_rng(seed))(330.0, 0.5, 0.8)
                    self.assertTrue(np.isfinite(note).all(), name)
                    self.assertEqual(note.dtype, np.float32, name)
                    self.assertGreater(np.abs(note).max(), 0.05, name)
                    self.assertLess(note.size, 6 * RATE_HZ, name)

    def test_pitch(self) -> None:
        for name in HARMONIC:
            for make in PATCHES[name]:
                for seed in range(3):
                    note = make(np.random.default_rng(seed))(220.0, 0.9, 0.7)
                    power = spectrum(note[:RATE_HZ])
                    # An accordion may have reeds an octave below; a voice swings by a semitone.
                    tones = np.arange(1, 60) * (110.0 if name == "accordion" else 220.0)
                    wide = 0.08 if name == "voice" else 0.03
                    self.assertGreater(share_near(power, tones, wide), 0.8, f"{name} {seed}")

    def test_loudness(self) -> None:
        for name in ("acoustic_guitar", "mallet_percussion", "synthesizer"):
            notes = (PATCHES[name][0](np.random.default_rng(2))(330.0, 0.5, level)
                     for level in (0.2, 1.0))
            soft, loud = (np.abs(note).max() for note in notes)
            self.assertGreater(loud, 1.5 * soft, name)

    def test_high_partials_die_first(self) -> None:
        make = plucked(np.random.default_rng(1), (1.0, 1.1), (1.0, 1.1), 1e-5, 1, (90, 120), 0.0)
        note = make(220.0, 1.5, 0.8)
        parts = spectrum(note[:RATE_HZ // 2]), spectrum(note[RATE_HZ // 2:RATE_HZ])
        above = [float(power[1500:].sum() / power.sum()) for power in parts]
        self.assertGreater(above[0], 2 * above[1])

    def test_a_note_ends_when_it_is_let_go(self) -> None:
        t = seconds(1.0)
        envelope = held(t, 0.5, 0.05, 0.1)
        self.assertAlmostEqual(float(envelope[int(0.3 * RATE_HZ)]), 1.0, places=5)
        self.assertEqual(float(envelope[0]), 0.0)
        self.assertEqual(float(envelope[int(0.61 * RATE_HZ):].max()), 0.0)


class TestOscillators(unittest.TestCase):
    def test_aliases_of_a_sawtooth(self) -> None:
        hz = 2217.0
        tones = harmonics(hz, 7) * hz
        smooth = sawtooth(np.full(RATE_HZ, hz), 0.25)
        naive = 2 * ((np.arange(RATE_HZ) * hz / RATE_HZ) % 1.0) - 1
        aliases = [1 - share_near(spectrum(samples), tones, 0.004) for samples in (smooth, naive)]
        self.assertLess(aliases[0], aliases[1] / 4)

    def test_swept_lowpass(self) -> None:
        noise = np.random.default_rng(1).standard_normal(RATE_HZ)
        power = spectrum(swept_lowpass(noise, np.full(RATE_HZ, 500.0), 0.7))
        self.assertGreater(power[100:400].mean(), 100 * power[2500:3000].mean())
        opening = swept_lowpass(noise, np.linspace(200.0, 12000.0, RATE_HZ), 0.7)
        late = spectrum(opening[RATE_HZ // 2:])[3000:5000].mean()
        self.assertGreater(late, 10 * spectrum(opening[:RATE_HZ // 4])[3000:5000].mean())


class TestPhrases(unittest.TestCase):
    def test_phrases_depend_on_the_seed_alone(self) -> None:
        first, again, other = (synthesize("ukulele", 5.0, seed) for seed in (4, 4, 5))
        np.testing.assert_array_equal(first, again)
        self.assertFalse(first.size == other.size and (first == other).all())

    def test_every_phrase_has_another_sound_and_one_peak(self) -> None:
        random = np.random.default_rng(3)
        for name in PATCHES:
            samples = phrase(name, 3.0, random)
            self.assertAlmostEqual(float(np.abs(samples).max()), 0.9, places=4, msg=name)

    def test_command(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "training.synthesize", "--work", folder, "--only",
                       "harp", "--other-minutes", "0.05", "--wav"]
            subprocess.run(command, check=True, stderr=subprocess.DEVNULL,
                           cwd=Path(__file__).parents[2])
            path = Path(folder) / "renders" / "synthesis" / "harp.npy"
            samples = np.load(path)
            self.assertEqual(samples.dtype, np.int16)
            self.assertGreaterEqual(samples.size, 3 * RATE_HZ)
            self.assertTrue(path.with_suffix(".wav").exists())
            written = path.stat().st_mtime_ns
            subprocess.run(command, check=True, stderr=subprocess.DEVNULL,
                           cwd=Path(__file__).parents[2])
            self.assertEqual(path.stat().st_mtime_ns, written)


if __name__ == "__main__":
    unittest.main()
