"""Renders random phrases of every label, and of neighbouring instruments, by fluidsynth.

Writes WORK/renders/FONT/NAME.npy, mono int16 at 32 kHz. A soundfont that a later measurement is to
be independent of must not be given here.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
import zlib
from pathlib import Path
from typing import List, NamedTuple

import numpy as np
import soundfile
from tqdm import tqdm

from .compose import compose
from .datasets_tables import Refused
from .frontend import CONFIG
from .labels import GM_OTHERS, GM_PROGRAMS, GS_VARIATIONS, LABELS
from .midi import MidiFile
from .refusals import refusals
from .results import (digest, discard_render, file_size, is_made_from, made_from, mark_of,
                      save_made_from, save_text)

NOT_LOADED = re.compile(r".*(Failed to load SoundFont|not a SoundFont or MIDI file).*")
NO_PRESET = re.compile(r".*No preset found on channel.*")
SUBSTITUTED = re.compile(r".*Instrument not found on channel \d+ \[bank=\d+ prog=(\d+)\], "
                         r"substituted \[bank=(\d+) prog=(\d+)\].*")
ONLY_VARIATIONS = {name for name in GS_VARIATIONS if not GM_PROGRAMS[name]}
DRUM_BANK = 128


class Lacking(Exception):
    """The soundfont lacks the instrument."""


def check_font(font: Path) -> None:
    """fluidsynth plays Debian's default soundfont in place of one that it cannot read."""
    if not font.is_file():
        raise Refused(f"{font}: there is no such file")
    if font.suffix == ".cfg":
        return
    with open(font, "rb") as file:
        head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"sfbk":
        raise Refused(f"{font}: not a soundfont (it does not begin with RIFF and sfbk)")


def check_messages(font: Path, name: str, messages: str) -> None:
    """What fluidsynth says decides, for it ends with 0 whatever it played."""
    not_loaded = NOT_LOADED.search(messages)
    if not_loaded:
        raise Refused(f"{font}: fluidsynth cannot read it: {not_loaded.group(0).strip()}")
    no_preset = NO_PRESET.search(messages)
    if no_preset:
        raise Lacking(no_preset.group(0).strip())
    for found in SUBSTITUTED.finditer(messages):
        # The same program of another bank will do, unless the instrument is only in that variation;
        # so will another drum kit.
        another = found.group(1) != found.group(3) or name in ONLY_VARIATIONS
        if another and int(found.group(2)) != DRUM_BANK:
            raise Lacking(found.group(0).strip())


def synthesize(font: Path, name: str, midi: Path, wav: Path, reverb: bool) -> None:
    if font.suffix == ".cfg":
        if name in ONLY_VARIATIONS:
            raise Lacking("timidity does not say whether it has variations")
        subprocess.run(["timidity", "-c", str(font), "-Ow", "-s", str(CONFIG.rate_hz), "-A50",
                        "--reverb=" + ("g" if reverb else "d"), "-o", str(wav), str(midi)],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return
    done = subprocess.run(
        ["fluidsynth", "-q", "-n", "-i", "-r", str(CONFIG.rate_hz), "-g", "0.5",
         "-R", "1" if reverb else "0", "-C", "0", "-O", "s16", "-T", "wav",
         "-F", str(wav), str(font), str(midi)],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    check_messages(font, name, done.stderr.decode(errors="replace"))


class Stem(NamedTuple):
    """What a soundfont is to play."""

    name: str
    midi: MidiFile
    reverb: bool

    def digest(self) -> str:
        return digest([(*event[:2], event[2].hex()) for event in self.midi.events], self.reverb)


def compose_stem(name: str, font: Path, seconds: float, seed: int) -> Stem:
    random = np.random.default_rng([seed, zlib.crc32(f"{font.stem}/{name}".encode())])
    midi = compose(name, seconds, random)
    return Stem(name, midi, bool(random.random() < 0.5))


def render(stem: Stem, font: Path) -> np.ndarray:
    """Phrases of one instrument from one soundfont."""
    with tempfile.TemporaryDirectory() as folder:
        midi, wav = Path(folder) / "phrases.mid", Path(folder) / "phrases.wav"
        stem.midi.save(midi)
        synthesize(font, stem.name, midi, wav, stem.reverb)
        samples, _ = soundfile.read(wav, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    peak = np.abs(mono).max(initial=0.0)
    if peak == 0.0:
        raise Lacking("nothing sounds")
    return np.round(mono * (0.9 / peak) * 32767.0).astype(np.int16)


def folder_of(font: Path, renders: Path) -> Path:
    """The folder of a soundfont's renders, refused where another one's lie in it."""
    folder = renders / font.stem
    folder.mkdir(parents=True, exist_ok=True)
    wanted, noted = f"{font.name}, {file_size(font)} bytes", made_from(folder)
    if noted not in ("", wanted):
        raise Refused(f"{folder}: holds renders of {noted}, not of {wanted}; rename the soundfont "
                      "or delete the folder")
    if not noted and any(folder.glob("*.npy")):
        print(f"{folder}: taken for renders of {wanted}; an older version did not note it")
    save_text(mark_of(folder), wanted)
    return folder


def render_font(font: Path, names: List[str], arguments: argparse.Namespace) -> None:
    """All stems of a soundfont that are not there yet, or would play something else now."""
    folder = folder_of(font, arguments.work / arguments.folder)
    for name in tqdm(names, desc=font.stem, unit="stem"):
        path = folder / f"{name}.npy"
        minutes = arguments.minutes if name in LABELS else arguments.other_minutes
        stem = compose_stem(name, font, 60.0 * minutes, arguments.seed)
        wanted = stem.digest()
        if is_made_from(path, wanted):
            continue
        discard_render(path)
        try:
            save_made_from(path, render(stem, font), wanted)
        except Lacking as error:
            tqdm.write(f"{font.name}: {name} is left out: {error}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate results")
    parser.add_argument("--soundfont", type=Path, action="append", required=True,
                        help="a General MIDI soundfont, or a .cfg of timidity's (several times); "
                        "what a .cfg lacks is played by timidity's own configuration")
    parser.add_argument("--only", nargs="+", choices=(*LABELS, *GM_OTHERS), metavar="NAME",
                        help="these labels or neighbours (default: all)")
    parser.add_argument("--minutes", type=float, default=6.0, help="per label and soundfont")
    parser.add_argument("--other-minutes", type=float, default=1.5,
                        help="per neighbouring instrument and soundfont")
    parser.add_argument("--folder", default="renders", help="name of the folder in WORK")
    parser.add_argument("--seed", type=int, default=1, help="of the phrases")
    arguments = parser.parse_args()
    with refusals("render"):
        for font in arguments.soundfont:
            check_font(font)
        for font in arguments.soundfont:
            render_font(font, arguments.only or [*LABELS, *GM_OTHERS], arguments)


if __name__ == "__main__":
    main()
