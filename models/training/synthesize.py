"""Plays random phrases on instruments of training.tones, each phrase with another sound.

Writes WORK/renders/synthesis/NAME.npy, mono int16 at 32 kHz, beside those of the soundfonts: score
and mix take them all alike. --wav writes a file to listen to as well.
"""

from __future__ import annotations

import argparse
import zlib
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import fftconvolve
from tqdm import tqdm

from .compose import Composer
from .effects import RATE_HZ, Rooms
from .labels import LABELS
from .results import replacing, save_array
from .tones import PATCHES, Random


def convolved(samples: np.ndarray, response: np.ndarray) -> np.ndarray:
    return fftconvolve(samples, response)[:samples.size].astype(np.float32)


def leslie(samples: np.ndarray, random: Random) -> np.ndarray:
    """A turning loudspeaker: pitch and loudness swing."""
    rate_hz = random.uniform(0.6, 1.0) if random.random() < 0.5 else random.uniform(5.5, 7.0)
    turn = 2 * np.pi * rate_hz * np.arange(samples.size) / RATE_HZ
    delay = RATE_HZ * random.uniform(1e-4, 4e-4) * (1 + np.sin(turn))
    moved = np.interp(np.arange(samples.size) - delay, np.arange(samples.size), samples)
    return (moved * (1 - random.uniform(0.1, 0.4) * (0.5 + 0.5 * np.cos(turn)))).astype(np.float32)


def driven(samples: np.ndarray, random: Random) -> np.ndarray:
    peak = np.abs(samples).max() + 1e-9
    drive = random.uniform(1.0, 5.0)
    return (np.tanh(samples / peak * drive) / np.tanh(drive)).astype(np.float32)


def chorus(samples: np.ndarray, random: Random) -> np.ndarray:
    t = np.arange(samples.size)
    swing = np.sin(2 * np.pi * random.uniform(0.2, 1.2) * t / RATE_HZ)
    delay = RATE_HZ * (random.uniform(0.005, 0.02) + random.uniform(0.001, 0.003) * swing)
    return (samples + 0.7 * np.interp(t - delay, t, samples)).astype(np.float32)


def echo(samples: np.ndarray, random: Random) -> np.ndarray:
    out, lag = samples.copy(), int(random.uniform(0.12, 0.5) * RATE_HZ)
    for repeat in range(1, 4):
        if repeat * lag < out.size:
            out[repeat * lag:] += 0.45 ** repeat * samples[:-repeat * lag]
    return out


def church(samples: np.ndarray, random: Random) -> np.ndarray:
    t = np.arange(int(2.5 * RATE_HZ)) / RATE_HZ
    tail = random.standard_normal(t.size) * np.exp(-6.9 * t / random.uniform(1.2, 4.0))
    tail *= random.uniform(0.2, 1.0) / np.sqrt(np.sum(tail ** 2))
    tail[0] += 1.0
    return convolved(samples, tail)


def body(samples: np.ndarray, random: Random, lowest_hz: float) -> np.ndarray:
    """A wooden box: its modes, which answer for 10 to 60 ms, beside the direct sound."""
    t = np.arange(int(0.12 * RATE_HZ)) / RATE_HZ
    hz = lowest_hz * 2 ** np.cumsum(random.uniform(0.05, 0.35, 45))
    answer = np.zeros(t.size)
    for mode in hz[hz < 7000.0]:
        life_s = random.uniform(0.006, 0.03) * (lowest_hz / mode) ** 0.3
        answer += random.normal(0, 1) * (lowest_hz / mode) ** 0.3 * np.exp(-t / life_s) * np.sin(
            2 * np.pi * mode * t)
    answer *= random.uniform(0.4, 1.6) / np.sqrt(np.sum(answer ** 2))
    answer[0] += random.uniform(0.2, 1.0)
    return convolved(samples, answer)


def room(samples: np.ndarray, random: Random) -> np.ndarray:
    return convolved(samples, Rooms.impulse_response(random))


BODIES_HZ = {"acoustic_guitar": 95.0, "ukulele": 230.0, "harp": 160.0}

# What a phrase of an instrument goes through, and how often.
TREATMENTS = {
    "organ": ((leslie, 0.4), (driven, 0.25), (church, 0.3)),
    "synthesizer": ((driven, 0.2), (chorus, 0.3), (echo, 0.25)),
    "voice": ((church, 0.25),),
    "harmonica": ((driven, 0.2),),
}


def phrase(name: str, seconds: float, random: Random) -> np.ndarray:
    """One phrase with one patch; its loudest sample is 0.9."""
    composer = Composer(name, random)
    composer.phrase(seconds)
    makers = PATCHES[name]
    patch = makers[int(random.integers(len(makers)))](random)
    out = np.zeros(int((composer.now + 1.5) * RATE_HZ), np.float32)
    tuning = 2 ** (random.normal(0, 8) / 1200)
    for time_s, duration_s, key, velocity in composer.midi.notes:
        hz = 440.0 * tuning * 2 ** ((key - 69) / 12)
        note = patch(hz, duration_s, velocity / 127)
        begin = int(time_s * RATE_HZ)
        note = note[:max(0, out.size - begin)]
        out[begin:begin + note.size] += note
    if name in BODIES_HZ:
        out = body(out, random, BODIES_HZ[name] * random.uniform(0.85, 1.2))
    for treatment, share in TREATMENTS.get(name, ()):
        if random.random() < share:
            out = treatment(out, random)
    if random.random() < (0.3 if name == "synthesizer" else 0.75):
        out = room(out, random)
    return out * np.float32(0.9 / (np.abs(out).max() + 1e-9))


def synthesize(name: str, seconds: float, seed: int) -> np.ndarray:
    """Phrases of a label or a neighbouring instrument, as int16."""
    random = np.random.default_rng([seed, zlib.crc32(name.encode())])
    phrases, length = [], 0
    while length < seconds * RATE_HZ:
        phrases.append(phrase(name, float(random.uniform(4.0, 10.0)), random))
        length += phrases[-1].size
    return np.round(np.concatenate(phrases) * 32767.0).astype(np.int16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate results")
    parser.add_argument("--only", nargs="+", choices=sorted(PATCHES), metavar="NAME",
                        help=f"of {', '.join(sorted(PATCHES))} (default: all)")
    parser.add_argument("--minutes", type=float, default=8.0, help="per label")
    parser.add_argument("--other-minutes", type=float, default=3.0,
                        help="per neighbouring instrument")
    parser.add_argument("--folder", default="renders", help="name of the folder in WORK")
    parser.add_argument("--wav", action="store_true", help="also as NAME.wav")
    parser.add_argument("--seed", type=int, default=1, help="of the phrases and sounds")
    arguments = parser.parse_args()
    folder = arguments.work / arguments.folder / "synthesis"
    folder.mkdir(parents=True, exist_ok=True)
    for name in tqdm(arguments.only or sorted(PATCHES), desc="synthesize", unit="stem"):
        path = folder / f"{name}.npy"
        if path.exists():
            continue
        minutes = arguments.minutes if name in LABELS else arguments.other_minutes
        samples = synthesize(name, 60 * minutes, arguments.seed)
        if arguments.wav:
            with replacing(path.with_suffix(".wav")) as file:
                soundfile.write(file, samples, RATE_HZ, format="WAV")
        save_array(path, samples)


if __name__ == "__main__":
    main()
