"""Rooms, microphones, amplifiers and noise: what stands between an instrument and the listener."""

from __future__ import annotations

import io
from typing import Optional

import numpy as np
import soundfile
from scipy import fft
from scipy.signal import resample_poly

from .frontend import CONFIG

RATE_HZ = CONFIG.rate_hz


def frequency_gain(count: int, random: np.random.Generator, depth_db: float) -> np.ndarray:
    """A smooth random gain over `count` bins, with one knot per octave, as a factor."""
    hz = np.linspace(0.0, RATE_HZ / 2, count)
    knots = np.array([60, 120, 250, 500, 1000, 2000, 4000, 8000, 16000.0])
    gain_db = np.clip(random.normal(0.0, depth_db, knots.size), -2.5 * depth_db, 2.5 * depth_db)
    return (10 ** (np.interp(np.log2(np.maximum(hz, 30.0)), np.log2(knots), gain_db) / 20)
            ).astype(np.float32)


def band_limit(count: int, random: np.random.Generator) -> np.ndarray:
    """Gain of a poor microphone or loudspeaker: rolls off below 60-300 Hz or above 3-12 kHz."""
    hz = np.linspace(1.0, RATE_HZ / 2, count)
    low, high = random.uniform(60, 300), random.uniform(3000, 12000)
    gain = np.ones(count)
    if random.random() < 0.6:
        gain /= np.sqrt(1 + (low / hz) ** 6)
    if random.random() < 0.7:
        gain /= np.sqrt(1 + (hz / high) ** 12)
    return gain.astype(np.float32)


class Rooms:
    """Spectra of synthetic impulse responses: exponentially decaying, darkening noise."""

    def __init__(self, padded: int, count: int, random: np.random.Generator) -> None:
        self.padded = padded
        self.spectra = [fft.rfft(self.impulse_response(random), padded) for _ in range(count)]

    @staticmethod
    def impulse_response(random: np.random.Generator) -> np.ndarray:
        decay_s = float(np.exp(random.uniform(np.log(0.12), np.log(1.8))))  # time to -60 dB
        count = int(min(decay_s, 1.5) * RATE_HZ)
        t = np.arange(count) / RATE_HZ
        noise = random.standard_normal(count)
        dull = np.convolve(noise, np.ones(8) / 8, "same") * np.sqrt(8)
        brightness = np.exp(-t / (0.4 * decay_s))
        tail = (brightness * noise + (1 - brightness) * dull) * 10 ** (-3.0 * t / decay_s)
        tail[:int(random.uniform(0.001, 0.02) * RATE_HZ)] = 0.0
        tail *= 1.0 / np.sqrt(np.sum(tail ** 2) + 1e-12)
        wet = 10 ** (random.uniform(-18.0, 9.0) / 20)  # reverberant to direct ratio
        tail *= wet
        tail[0] += 1.0
        return tail.astype(np.float32)


def microphone(rooms: Rooms, random: np.random.Generator) -> Optional[np.ndarray]:
    """Gains of the spectrum that everything in a scene goes through; None: a perfect one."""
    count = rooms.padded // 2 + 1
    gain = frequency_gain(count, random, 4.0) if random.random() < 0.5 else None
    if random.random() < 0.3:
        limit = band_limit(count, random)
        gain = limit if gain is None else gain * limit
    return gain


def shape(samples: np.ndarray, rooms: Rooms, random: np.random.Generator, room: bool,
          equalize: bool, gain: Optional[np.ndarray]) -> np.ndarray:
    """Filters in the frequency domain, all at once; the length stays."""
    if not (room or equalize or gain is not None):
        return samples
    spectrum = fft.rfft(samples, rooms.padded)
    if room:
        spectrum *= rooms.spectra[int(random.integers(len(rooms.spectra)))]
    if equalize:
        spectrum *= frequency_gain(spectrum.size, random, 4.0)
    if gain is not None:
        spectrum *= gain
    return fft.irfft(spectrum, rooms.padded)[:samples.size].astype(np.float32)


def amplifier(samples: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A guitar amplifier and cabinet for a guitar recorded straight from its pickup."""
    rms = np.sqrt(np.mean(samples ** 2)) + 1e-9
    drive = 10 ** (random.uniform(-15.0, 36.0) / 20)
    x = np.tanh(samples / rms * 0.3 * drive + random.uniform(-0.1, 0.1)) / np.tanh(0.3 * drive)
    spectrum = fft.rfft(x.astype(np.float32))
    hz = np.linspace(1.0, RATE_HZ / 2, spectrum.size)
    high, low = random.uniform(3500, 6500), random.uniform(60, 120)
    presence = 1 + random.uniform(0, 1.5) * np.exp(-np.log2(hz / random.uniform(1800, 3500)) ** 2)
    gain = presence / np.sqrt(1 + (hz / high) ** 8) / np.sqrt(1 + (low / hz) ** 4)
    return fft.irfft(spectrum * gain.astype(np.float32), samples.size).astype(np.float32)


def colored_noise(count: int, random: np.random.Generator) -> np.ndarray:
    """Noise whose spectrum falls by 0 to 9 dB per octave, sometimes with mains hum; RMS 1."""
    spectrum = fft.rfft(random.standard_normal(count).astype(np.float32))
    hz = np.maximum(np.linspace(0.0, RATE_HZ / 2, spectrum.size), 20.0)
    noise = fft.irfft(spectrum * (hz ** -random.uniform(0.0, 1.5)).astype(np.float32), count)
    noise /= np.sqrt(np.mean(noise ** 2)) + 1e-12
    if random.random() < 0.25:
        t = np.arange(count) / RATE_HZ
        mains = random.choice((50.0, 60.0))
        noise = noise + sum(random.uniform(0, 1.5) / k * np.sin(2 * np.pi * mains * k * t)
                            for k in (1, 2, 3, 5))
    return noise.astype(np.float32)


def clipped(samples: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """An overloaded input."""
    limit = np.abs(samples).max() * random.uniform(0.3, 0.9)
    return np.clip(samples, -limit, limit)


def compressed(samples: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Through a compressor, or the automatic gain of a recorder or telephone, which is slower."""
    block = RATE_HZ // 100
    blocks = samples[:samples.size // block * block].reshape(-1, block)
    level_db = 10 * np.log10(np.square(blocks).mean(axis=1) + 1e-10)
    over_db = np.maximum(level_db - level_db.max() + random.uniform(6.0, 30.0), 0.0)
    slow = random.random() < 0.4
    attack_s, release_s = (0.2, 2.0) if slow else (0.01, 0.15)
    rise, fall = (1 - np.exp(-0.01 / (seconds * random.uniform(0.5, 2.0)))
                  for seconds in (attack_s, release_s))
    smooth_db, last = np.empty_like(over_db), float(over_db[0])
    for i, value in enumerate(over_db):
        last += (rise if value > last else fall) * (value - last)
        smooth_db[i] = last
    gain_db = -smooth_db * (1 - 1 / random.uniform(2.0, 10.0))
    places = (np.arange(level_db.size) + 0.5) * block
    return samples * (10 ** (np.interp(np.arange(samples.size), places, gain_db) / 20)
                      ).astype(np.float32)


def coded(samples: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Through a lossy codec at a low rate, and back; level and length stay."""
    # 32, 24, 16 or, as on the telephone, 8 kHz
    up, down = ((1, 1), (3, 4), (1, 2), (1, 4))[int(random.choice(4, p=(0.3, 0.25, 0.25, 0.2)))]
    form, subtype = (("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("OGG", "OPUS"))[
        int(random.integers(3))]
    if subtype == "OPUS" and up == down:
        up, down = 3, 4  # Opus has no 32 kHz
    peak = float(np.abs(samples).max()) + 1e-9
    file = io.BytesIO()
    low = resample_poly(samples * np.float32(0.8 / peak), up, down) if up != down else (
        samples * np.float32(0.8 / peak))
    soundfile.write(file, low, RATE_HZ * up // down, format=form, subtype=subtype)
    file.seek(0)
    decoded, _ = soundfile.read(file, dtype="float32")
    if up != down:
        decoded = resample_poly(decoded, down, up)
    out = np.zeros_like(samples)
    count = min(out.size, decoded.size)
    out[:count] = decoded[:count] * np.float32(peak / 0.8)
    return out
