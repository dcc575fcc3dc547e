"""Writes the golden vectors of the front end: a test signal and its log-mel by torchaudio.

golden_input.f32   48,000 samples (1.5 s at 32 kHz, mono), little-endian float32
golden_logmel.f32  150 columns x 128 bands, little-endian float32, time-major, oldest first:
                   (ln(mel power + 1e-5) + 4.5) / 5, reflect-padded at both ends of the signal
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from .frontend import CONFIG, Frontend

SECONDS = 1.5


def test_signal(seed: int) -> np.ndarray:
    """Sweep, chord, noise, clicks and digital silence at levels from full scale to -90 dBFS."""
    rate = CONFIG.rate_hz
    count = int(SECONDS * rate)
    t = np.arange(count) / rate
    random = np.random.default_rng(seed)
    sweep = 0.5 * np.sin(2 * np.pi * 20.0 * SECONDS / np.log(750.0)
                         * (np.exp(t / SECONDS * np.log(750.0)) - 1.0))
    chord = sum(0.1 * np.sin(2 * np.pi * f * t) for f in (110.0, 277.18, 1318.5, 9000.0))
    signal = sweep + chord * (t > 0.4) + 0.02 * random.standard_normal(count) * (t < 0.3)
    signal[int(0.55 * rate):int(0.65 * rate)] *= 10 ** (-90 / 20)
    signal[int(0.9 * rate):int(1.0 * rate)] = 0.0
    signal[int(1.2 * rate)] = 1.0
    signal[int(1.2 * rate) + 777] = -1.0
    return np.clip(signal, -1.0, 1.0).astype("<f4")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="folder to write into")
    parser.add_argument("--seed", type=int, default=1, help="of the noise in the signal")
    arguments = parser.parse_args()
    signal = test_signal(arguments.seed)
    # Double precision: the golden values then carry no rounding of their own.
    logmel = Frontend(dtype=torch.float64)(torch.from_numpy(signal).double()).numpy()
    arguments.output.mkdir(parents=True, exist_ok=True)
    signal.tofile(arguments.output / "golden_input.f32")
    logmel.astype("<f4").tofile(arguments.output / "golden_logmel.f32")
    print(f"{signal.size} samples, {logmel.shape[0]} columns of {logmel.shape[1]} bands, "
          f"{logmel.min():.3f} to {logmel.max():.3f}")


if __name__ == "__main__":
    main()
