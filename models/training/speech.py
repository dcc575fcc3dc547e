"""Speaks random sentences by espeak-ng: sound that must raise no instrument. WORK/speech.npy."""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from tqdm import tqdm

from .prepare import decode, to_rate
from .results import save_array

VOICES = ("en-us", "en-gb", "de", "fr", "es", "it", "sv", "pt", "nl", "pl")
VARIANTS = ("+m1", "+m3", "+m5", "+m7", "+f1", "+f2", "+f4", "+f5")
WORDS = ("the a one more seven winter garden under bridge train open door night river people talk "
         "about water music stops please wait here thank you good morning everybody welcome stage "
         "lights table second floor hurry quiet question answer maybe never always because").split()


def sentence(random: np.random.Generator) -> str:
    words = [str(word) for word in random.choice(WORDS, int(random.integers(12, 40)))]
    return " ".join(word + ("," if random.random() < 0.12 else "") for word in words) + "."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate results")
    parser.add_argument("--count", type=int, default=80, help="how many sentences")
    parser.add_argument("--seed", type=int, default=1, help="of the sentences and voices")
    arguments = parser.parse_args()
    random = np.random.default_rng(arguments.seed)
    pieces = []
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "speech.wav"
        for _ in tqdm(range(arguments.count), desc="speech", unit="sentence"):
            voice = str(random.choice(VOICES)) + str(random.choice(VARIANTS))
            subprocess.run(["espeak-ng", "-v", voice, "-s", str(random.integers(120, 210)),
                            "-p", str(random.integers(20, 80)), "-w", str(wav),
                            sentence(random)], check=True)
            samples, rate = decode(wav)
            pieces.append(to_rate(samples, rate))
    joined = np.concatenate(pieces)
    joined *= 0.9 / np.abs(joined).max()
    save_array(arguments.work / "speech.npy", np.round(joined * 32767.0).astype(np.int16))


if __name__ == "__main__":
    main()
