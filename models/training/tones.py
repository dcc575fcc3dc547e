"""Notes of instruments that are made of sums of sines, filters and noise.

A patch is an instrument with its settings drawn at random, so that no two phrases have the same
sound: what soundfonts, with their few recordings, cannot give. Plucked strings and bars are sums of
decaying partials (Fletcher and Rossing, "The Physics of Musical Instruments", chapters 2, 9 and 19:
stretched partials of stiff strings, the missing ones of the plucking place, the ratios of tuned
bars), singers a glottal spectrum through formants (Fant, "Acoustic Theory of Speech Production").
"""

from __future__ import annotations

from typing import Callable, Dict, Sequence, Tuple

import numpy as np
from scipy.signal import butter, sosfilt

from .effects import RATE_HZ

Random = np.random.Generator
# A note of a patch: hertz, seconds until it is let go, loudness of 0 to 1.
Patch = Callable[[float, float, float], np.ndarray]
HIGHEST_HZ = 0.47 * RATE_HZ


def seconds(duration_s: float) -> np.ndarray:
    return np.arange(max(1, int(duration_s * RATE_HZ)), dtype=np.float32) / np.float32(RATE_HZ)


def held(t: np.ndarray, until_s: float, attack_s: float, release_s: float) -> np.ndarray:
    """An envelope that rises, stays, and falls when the note is let go."""
    rise = np.minimum(1.0, t / attack_s)
    fall = np.clip(1.0 - (t - until_s) / release_s, 0.0, 1.0)
    return (rise * rise * (3 - 2 * rise) * fall * fall).astype(np.float32)


def partials(phase: np.ndarray, ratios: np.ndarray, amplitudes: np.ndarray) -> np.ndarray:
    """A sum of sines over one phase in cycles."""
    out = np.zeros(phase.size, np.float32)
    for ratio, amplitude in zip(ratios, amplitudes):
        if abs(amplitude) > 1e-4:
            out += np.float32(amplitude) * np.sin(np.float32(2 * np.pi * ratio) * phase)
    return out


def harmonics(hz: float, most: int) -> np.ndarray:
    return np.arange(1, max(2, min(most, int(HIGHEST_HZ / hz)) + 1), dtype=float)


def noise_burst(count: int, low_hz: float, high_hz: float, decay_s: float, random: Random
                ) -> np.ndarray:
    t = np.arange(count) / RATE_HZ
    band = butter(1, [low_hz, min(high_hz, HIGHEST_HZ)], "bandpass", fs=RATE_HZ, output="sos")
    burst = sosfilt(band, random.standard_normal(count)) * np.exp(-t / decay_s)
    return (burst / (np.abs(burst).max() + 1e-9)).astype(np.float32)


def resonances(hz: np.ndarray, peaks: Sequence[Tuple[float, float, float]]) -> np.ndarray:
    """Gain at frequencies: 1 and peaks of (hertz, height, width as a share of the hertz)."""
    gain = np.ones_like(hz)
    for centre, height, width in peaks:
        gain += height / (1 + ((hz - centre) / (width * centre)) ** 2)
    return gain


# --- plucked and struck --------------------------------------------------------------------------

def plucked(random: Random, decay_s: Tuple[float, float], brightness: Tuple[float, float],
            stiffness: float, strings: int, body_hz: Tuple[float, float], pick: float) -> Patch:
    """Strings over a body. decay_s: of the lowest partials at 220 Hz; brightness: partials fall by
    their number to the power of 2 less this; pick: loudness of the plectrum's or finger's noise."""
    base_s, bright = random.uniform(*decay_s), random.uniform(*brightness)
    place = random.uniform(0.08, 0.3)
    body = [(random.uniform(*body_hz) * 1.7 ** i, random.uniform(0.5, 4.0),
             random.uniform(0.05, 0.2)) for i in range(5)]
    damping, spread = random.uniform(0.3, 1.2), random.uniform(0.5, 4.0)
    noise_hz = random.uniform(800, 4000)

    def note(hz: float, until_s: float, loudness: float) -> np.ndarray:
        life = base_s * (220.0 / hz) ** 0.5
        t = seconds(min(until_s + 0.15, 5.0 * life) + 0.05)
        out = np.zeros(t.size, np.float32)
        ringing = np.clip(1.0 - (t - until_s) / 0.08, 0.0, 1.0).astype(np.float32)
        numbers = harmonics(hz, 40)
        fall = 2.0 - bright - 0.4 * (loudness - 0.5)
        for string in range(strings):
            detuned = hz * 2 ** (random.normal(0.0, spread) / 1200 if strings > 1 else 0.0)
            frequencies = detuned * numbers * np.sqrt(1 + stiffness * numbers ** 2)
            strengths = np.abs(np.sin(np.pi * numbers * place)) / numbers ** fall
            strengths *= resonances(frequencies, body)
            for number, frequency, strength in zip(numbers, frequencies, strengths):
                if frequency > HIGHEST_HZ or strength < 1e-3 * strengths[0]:
                    continue
                rate = (1 + damping * (number - 1) * (frequency / 2000.0) ** 0.5) / life
                out += (strength * np.exp(-rate * t) * np.sin(
                    2 * np.pi * frequency * t + random.uniform(0, 0.5))).astype(np.float32)
        out /= np.abs(out).max() + 1e-9
        out[:min(out.size, 3000)] += pick * (0.5 + loudness) * noise_burst(
            min(out.size, 3000), 0.4 * noise_hz, 2.5 * noise_hz, 0.006, random)
        return out * ringing * loudness

    return note


BARS: Tuple[Tuple[Tuple[float, ...], float, float], ...] = (  # ratios, seconds at 440 Hz, click
    ((1.0, 3.93, 9.6), 0.35, 0.25),    # marimba
    ((1.0, 3.0, 6.0, 9.3), 0.2, 0.5),  # xylophone
    ((1.0, 3.98, 9.8), 1.8, 0.12),     # vibraphone
    ((1.0, 2.76, 5.4, 8.93), 1.5, 0.3),  # glockenspiel
)


def bars(random: Random) -> Patch:
    ratios, life_s, click = BARS[int(random.integers(len(BARS)))]
    life_s *= random.uniform(0.6, 1.6)
    weights = np.array([1.0] + [random.uniform(0.05, 0.5) / i for i in range(1, len(ratios))])
    motor_hz = random.uniform(3.0, 7.0) if life_s > 1.0 and random.random() < 0.5 else 0.0
    depth, octave = random.uniform(0.2, 0.7), 2.0 if ratios[1] == 2.76 else 1.0

    def note(hz: float, until_s: float, loudness: float) -> np.ndarray:
        hz *= octave
        life = life_s * (440.0 / hz) ** 0.6
        t = seconds(min(6 * life, max(until_s, 0.1) + 2 * life) + 0.02)
        out = np.zeros(t.size, np.float32)
        for index, (ratio, weight) in enumerate(zip(ratios, weights)):
            if hz * ratio < HIGHEST_HZ:
                out += (weight * (0.5 + loudness) ** index * np.exp(-t * ratio ** 1.2 / life)
                        * np.sin(2 * np.pi * hz * ratio * t)).astype(np.float32)
        if motor_hz > 0:
            out *= 1 - depth * (0.5 + 0.5 * np.sin(2 * np.pi * motor_hz * t)).astype(np.float32)
        count = min(out.size, 1500)
        out[:count] += click * loudness * noise_burst(count, 500, 6000, 0.004, random)
        return out * loudness

    return note


# --- blown by bellows and pumps ------------------------------------------------------------------

def free_reeds(random: Random, reeds: Tuple[int, ...], hand: bool) -> Patch:
    """Accordion, or with hand (which opens and closes before the reeds) harmonica."""
    count = int(random.choice(reeds))
    cents = [0.0, random.uniform(6, 28), -random.uniform(6, 28)][:count]
    octaves = [1.0] * count + ([0.5] if not hand and random.random() < 0.35 else [])
    cents += [random.normal(0, 3)] * (len(octaves) - count)
    fall = random.uniform(0.6, 1.1)
    formants = [(random.uniform(*range_hz), random.uniform(0.5, 3.0), random.uniform(0.15, 0.4))
                for range_hz in ((500, 1200), (1300, 2600), (2800, 5000))]
    attack_s, breath = random.uniform(0.015, 0.07), random.uniform(0.002, 0.03)
    shake_hz, shake = random.uniform(3.5, 6.5), random.uniform(0.0, 0.5) if hand else 0.0

    def note(hz: float, until_s: float, loudness: float) -> np.ndarray:
        t = seconds(until_s + 0.09)
        bend = np.zeros_like(t)
        if hand and random.random() < 0.4:
            bend -= np.float32(random.uniform(0, 0.6)) * np.exp(-t / np.float32(0.06))
        out = np.zeros(t.size, np.float32)
        for cent, octave in zip(cents, octaves):
            own = hz * octave * 2 ** (cent / 1200)
            numbers = harmonics(own, 36)
            strengths = resonances(own * numbers, formants) / numbers ** fall
            strengths *= 1 + 0.5 * (numbers % 2 == 0)
            phase = np.cumsum(own * 2 ** (bend / 12), dtype=np.float64) / RATE_HZ
            out += partials((phase + random.random()).astype(np.float32), numbers, strengths)
        out *= 1 - shake * (0.5 + 0.5 * np.sin(2 * np.pi * shake_hz * t)).astype(np.float32)
        out /= np.abs(out).max() + 1e-9
        out += breath * random.standard_normal(out.size).astype(np.float32)
        return out * held(t, until_s, attack_s, 0.07) * (0.4 + 0.6 * loudness)

    return note


DRAWBARS = np.array([0.5, 1.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0])
REGISTRATIONS = ("888000000", "888800000", "808808008", "888888888", "800000568", "008530000",
                 "688600000", "838000000", "888000008")


def tonewheels(random: Random) -> Patch:
    bars_out = [int(digit) for digit in str(random.choice(REGISTRATIONS))]
    bars_out = [int(np.clip(bar + random.integers(-2, 3), 0, 8)) for bar in bars_out]
    strengths = np.array([10 ** ((bar - 8) * 3 / 20) if bar else 0.0 for bar in bars_out])
    percussion = random.uniform(0.3, 1.0) if random.random() < 0.4 else 0.0
    third, click = random.random() < 0.5, random.uniform(0.0, 0.4)

    def note(hz: float, until_s: float, loudness: float) -> np.ndarray:
        t = seconds(until_s + 0.02)
        inside = np.where(hz * DRAWBARS < 6000.0, strengths, 0.0)
        out = partials((t * hz + random.random()).astype(np.float32), DRAWBARS, inside)
        if percussion:
            ratio = 3.0 if third else 2.0
            out += (percussion * np.exp(-t / 0.25) * np.sin(2 * np.pi * hz * ratio * t)).astype(
                np.float32)
        count = min(out.size, 800)
        out[:count] += click * noise_burst(count, 800, 6000, 0.003, random)
        return out * held(t, until_s, 0.004, 0.012) * (0.9 + 0.1 * loudness)

    return note


def pipes(random: Random) -> Patch:
    """A few stops drawn: flutes, principals and reeds of several lengths, each a little off."""
    stops = []
    for ratio in random.permutation([0.5, 1.0, 1.0, 2.0, 2.0, 3.0, 4.0])[:random.integers(1, 6)]:
        kind = random.choice(("flute", "principal", "reed"), p=(0.35, 0.5, 0.15))
        fall = {"flute": 2.6, "principal": 1.4, "reed": 0.8}[str(kind)] + random.uniform(-0.3, 0.3)
        stops.append((ratio, fall, random.uniform(0.3, 1.0) / ratio ** 0.3,
                      random.uniform(0.02, 0.09), random.uniform(0.0, 0.15)))
    tremulant = random.uniform(0.0, 0.25) if random.random() < 0.25 else 0.0
    tremulant_hz = random.uniform(4.0, 6.5)

    def note(hz: float, until_s: float, loudness: float) -> np.ndarray:
        t = seconds(until_s + 0.12)
        out = np.zeros(t.size, np.float32)
        for ratio, fall, strength, attack_s, chiff in stops:
            own = hz * ratio * 2 ** (random.normal(0, 2.0) / 1200)
            if own > HIGHEST_HZ:
                continue
            numbers = harmonics(own, 24)
            tone = partials((t * own + random.random()).astype(np.float32), numbers,
                            strength / numbers ** fall)
            count = min(tone.size, 3200)
            tone[:count] += chiff * noise_burst(count, max(100.0, own), 4 * own + 500, 0.03, random)
            out += tone * held(t, until_s, attack_s, 0.1)
        return out * (1 - tremulant * (0.5 + 0.5 * np.sin(2 * np.pi * tremulant_hz * t))).astype(
            np.float32)

    return note


# --- electronic ----------------------------------------------------------------------------------

def smoothed_step(phase: np.ndarray, step: np.ndarray) -> np.ndarray:
    """What takes the aliases off the jump of a sawtooth (a two-sample polynomial)."""
    out = np.zeros_like(phase)
    early, late = phase < step, phase > 1 - step
    x = phase[early] / step[early]
    out[early] = x + x - x * x - 1
    x = (phase[late] - 1) / step[late]
    out[late] = x * x + x + x + 1
    return out


def sawtooth(hz: np.ndarray, start: float) -> np.ndarray:
    step = hz / RATE_HZ
    phase = (np.cumsum(step) + start) % 1.0
    return 2 * phase - 1 - smoothed_step(phase, step)


def swept_lowpass(samples: np.ndarray, cutoff_hz: np.ndarray, resonance: float) -> np.ndarray:
    """A resonant lowpass of 12 dB per octave whose cutoff moves in blocks of 2 ms."""
    block, state, out = 64, np.zeros((1, 2)), np.empty_like(samples)
    for begin in range(0, samples.size, block):
        w = 2 * np.pi * min(float(cutoff_hz[begin]), 0.45 * RATE_HZ) / RATE_HZ
        alpha, cosine = np.sin(w) / (2 * resonance), np.cos(w)
        b = np.array([(1 - cosine) / 2, 1 - cosine, (1 - cosine) / 2])
        sos = np.concatenate((b, [1 + alpha, -2 * cosine, 1 - alpha]))[None] / (1 + alpha)
        out[begin:begin + block], state = sosfilt(sos, samples[begin:begin + block], zi=state)
    return out


def subtractive(random: Random) -> Patch:
    voices = int(random.choice((1, 1, 2, 3, 5, 7)))
    spread, square = random.uniform(3, 25), random.random() < 0.4
    width, sub = random.uniform(0.1, 0.5), random.uniform(0, 0.6) * (random.random() < 0.4)
    base_hz, sweep = 10 ** random.uniform(2.3, 3.8), random.uniform(0, 4.5)
    resonance, decay_s = random.uniform(0.6, 7.0), 10 ** random.uniform(-1.3, 0.3)
    pad = random.random() < 0.3
    attack_s = random.uniform(0.15, 0.9) if pad else random.uniform(0.002, 0.03)
    release_s = random.uniform(0.3, 1.2) if pad else random.uniform(0.03, 0.3)
    wobble_hz, wobble = random.uniform(0.2, 7.0), random.uniform(0, 0.8) * (random.random() < 0.4)
    glide_s = random.uniform(0.02, 0.12) if random.random() < 0.25 else 0.0
    from_cents = random.uniform(-1200, 1200)

    def note(hz: float, until_s: float, loudness: float) -> np.ndarray:
        t = seconds(until_s + release_s)
        pitch = hz * np.ones(t.size)
        if glide_s:
            pitch *= 2 ** (from_cents / 1200 * np.exp(-t / glide_s))
        out = np.zeros(t.size)
        for _ in range(voices):
            own = pitch * 2 ** (random.normal(0, spread if voices > 1 else 0) / 1200)
            start = random.random()
            out += sawtooth(own, start) - square * sawtooth(own, start + width)
        if sub:
            out += sub * voices * np.sign(np.sin(np.pi * np.cumsum(pitch) / RATE_HZ))
        octaves = sweep * np.exp(-t / decay_s) + wobble * np.sin(2 * np.pi * wobble_hz * t)
        cutoff = np.maximum(base_hz * 2 ** octaves * (0.6 + 0.6 * loudness), 60.0)
        out = swept_lowpass(out / voices ** 0.5, cutoff, resonance)
        return (out * held(t, until_s, attack_s, release_s) * loudness).astype(np.float32)

    return note


def modulated(random: Random) -> Patch:
    """Two sines, one of which modulates the other's frequency (Chowning, 1973)."""
    ratio = float(random.choice((0.5, 1.0, 1.0, 2.0, 3.0, 1.41, 3.5, 7.0)))
    index, sustain = random.uniform(1.0, 9.0), random.uniform(0.0, 0.6)
    decay_s, attack_s = 10 ** random.uniform(-1.2, 0.4), 10 ** random.uniform(-2.5, -0.7)
    release_s, detune = random.uniform(0.05, 0.5), random.uniform(0, 6)

    def note(hz: float, until_s: float, loudness: float) -> np.ndarray:
        t = seconds(until_s + release_s)
        depth = index * loudness * (sustain + (1 - sustain) * np.exp(-t / decay_s))
        out = np.zeros(t.size)
        for side in (-1, 1):
            own = hz * 2 ** (side * detune / 1200)
            out += np.sin(2 * np.pi * own * t + depth * np.sin(2 * np.pi * own * ratio * t))
        return (out * held(t, until_s, attack_s, release_s) * loudness).astype(np.float32)

    return note


# --- sung ----------------------------------------------------------------------------------------

VOWELS: Dict[str, Tuple[float, ...]] = {  # formants of a man in hertz
    "a": (730, 1090, 2440, 3400), "e": (530, 1840, 2480, 3500), "i": (280, 2250, 2900, 3600),
    "o": (500, 900, 2540, 3300), "u": (310, 870, 2250, 3200)}


def singer(random: Random) -> Patch:
    size, voices = random.uniform(0.9, 1.35), int(random.choice((1, 1, 3, 6, 6, 9)))
    vibrato_hz, vibrato = random.uniform(4.8, 6.6), random.uniform(0.2, 1.1)
    fall, breath = random.uniform(0.5, 1.7), 10 ** random.uniform(-3.0, -1.8)
    ring = random.uniform(0.5, 3.5)

    def formants_of(vowel: str) -> np.ndarray:
        return np.array(VOWELS[vowel]) * size * random.uniform(0.93, 1.07, 4)

    def note(hz: float, until_s: float, loudness: float) -> np.ndarray:
        t = seconds(until_s + 0.12)
        out = np.zeros(t.size, np.float32)
        names = [str(name) for name in random.choice(list(VOWELS), 2)]
        first, second = formants_of(names[0]), formants_of(names[1])
        mix = np.clip((t / max(until_s, 0.1) - random.uniform(0.1, 0.7)) / 0.3, 0.0, 1.0)
        for _ in range(voices):
            cents = random.normal(0, 12 if voices > 1 else 3)
            semitones = (vibrato * np.minimum(1, t / 0.4) * np.sin(
                2 * np.pi * vibrato_hz * random.uniform(0.95, 1.05) * t + random.uniform(0, 6))
                + cents / 100 - random.uniform(0, 2) * np.exp(-t / 0.05))
            semitones += 0.1 * np.cumsum(random.standard_normal(t.size)) / np.sqrt(RATE_HZ)
            phase = (np.cumsum(hz * 2 ** (semitones / 12)) / RATE_HZ).astype(np.float32)
            for number in harmonics(hz, 60):
                gains = [voice_gain(hz * number, formants, ring) for formants in (first, second)]
                strength = (gains[0] + (gains[1] - gains[0]) * mix) / number ** fall
                if max(gains) / number ** fall > 1e-4:
                    out += (strength * np.sin(2 * np.pi * number * phase)).astype(np.float32)
        out /= np.abs(out).max() + 1e-9
        out += breath * random.standard_normal(out.size).astype(np.float32)
        return out * held(t, until_s, random.uniform(0.03, 0.12), 0.1) * (0.4 + 0.6 * loudness)

    return note


def voice_gain(hz: float, formants: np.ndarray, ring: float) -> float:
    """Of the vocal tract, with the singer's formants standing out by `ring`."""
    widths = np.array((0.11, 0.08, 0.07, 0.07)) * formants
    heights = np.array((1.0, 0.6, 0.35 * ring, 0.25 * ring))
    return float(np.sum(heights / (1 + ((hz - formants) / widths) ** 2)) + 0.004)


PATCHES: Dict[str, Tuple[Callable[[Random], Patch], ...]] = {
    "accordion": (lambda r: free_reeds(r, (1, 2, 2, 3), hand=False),),
    "harmonica": (lambda r: free_reeds(r, (1,), hand=True),),
    "organ": (tonewheels, pipes),
    "synthesizer": (subtractive, subtractive, modulated),
    "mallet_percussion": (bars,),
    "voice": (singer,),
    "acoustic_guitar": (
        lambda r: plucked(r, (0.8, 2.0), (0.6, 1.2), 5e-5, 1, (90, 130), 0.12),
        lambda r: plucked(r, (0.4, 1.0), (0.2, 0.7), 2e-5, 1, (90, 130), 0.05)),
    "ukulele": (lambda r: plucked(r, (0.25, 0.6), (0.2, 0.8), 2e-5, 1, (220, 330), 0.06),),
    "harp": (lambda r: plucked(r, (0.3, 1.5), (0.0, 1.1), 2e-5, 1, (120, 250), 0.1),),
}
