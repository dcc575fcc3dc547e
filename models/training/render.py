"""Renders random phrases of every label, and of neighbouring instruments, by fluidsynth.

Writes WORK/renders/FONT/NAME.npy, mono int16 at 32 kHz. A soundfont that a later measurement is to
be independent of must not be given here.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import zlib
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from .compose import compose
from .frontend import CONFIG
from .labels import GM_OTHERS, LABELS


def synthesize(font: Path, midi: Path, wav: Path, reverb: bool) -> None:
    if font.suffix == ".cfg":
        subprocess.run(["timidity", "-c", str(font), "-Ow", "-s", str(CONFIG.rate_hz), "-A50",
                        "--reverb=" + ("g" if reverb else "d"), "-o", str(wav), str(midi)],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return
    subprocess.run(
        ["fluidsynth", "-q", "-n", "-i", "-r", str(CONFIG.rate_hz), "-g", "0.5",
         "-R", "1" if reverb else "0", "-C", "0", "-O", "s16", "-T", "wav",
         "-F", str(wav), str(font), str(midi)],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def render(name: str, font: Path, seconds: float, seed: int) -> np.ndarray:
    """Phrases of one instrument from one soundfont."""
    random = np.random.default_rng([seed, zlib.crc32(f"{font.stem}/{name}".encode())])
    with tempfile.TemporaryDirectory() as folder:
        midi, wav = Path(folder) / "phrases.mid", Path(folder) / "phrases.wav"
        compose(name, seconds, random).save(midi)
        synthesize(font, midi, wav, bool(random.random() < 0.5))
        samples, _ = soundfile.read(wav, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    peak = np.abs(mono).max()
    if peak == 0.0:
        return np.zeros(0, np.int16)  # the soundfont lacks the instrument
    return np.round(mono * (0.9 / peak) * 32767.0).astype(np.int16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate results")
    parser.add_argument("--soundfont", type=Path, action="append", required=True,
                        help="a General MIDI soundfont, or a .cfg of timidity's (several times)")
    parser.add_argument("--only", nargs="+", help="these labels or neighbours (default: all)")
    parser.add_argument("--minutes", type=float, default=6.0, help="per label and soundfont")
    parser.add_argument("--other-minutes", type=float, default=1.5,
                        help="per neighbouring instrument and soundfont")
    parser.add_argument("--folder", default="renders", help="name of the folder in WORK")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    jobs = [(font, name, arguments.minutes if name in LABELS else arguments.other_minutes)
            for font in arguments.soundfont for name in arguments.only or (*LABELS, *GM_OTHERS)]
    for font, name, minutes in tqdm(jobs, desc="render", unit="stem"):
        path = arguments.work / arguments.folder / font.stem / f"{name}.npy"
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, render(name, font, 60.0 * minutes, arguments.seed))


if __name__ == "__main__":
    main()
