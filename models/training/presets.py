"""Renders random phrases on presets of LMMS's synthesizers, with the program `lmms`.

Soundfonts hold few synthesizers, and all of them sampled; LMMS and ZynAddSubFX bring along hundreds
of sounds that are computed as a synthesizer does. Writes WORK/renders/lmms/NAME.npy, mono int16 at
32 kHz, for synthesizers and organs. ZynAddSubFX draws at random as it likes, so that no two
renderings are the same.
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
import subprocess
import tempfile
import zlib
from pathlib import Path
from typing import List, Tuple
from xml.etree import ElementTree

import numpy as np
import soundfile
from tqdm import tqdm

from .compose import compose
from .datasets_tables import Refused
from .effects import RATE_HZ
from .prepare import at_peak, to_int16
from .refusals import refusals
from .results import digest, discard_render, file_size, is_made_from, save_made_from

LMMS = Path("/usr/share/lmms/presets")
ZYN = Path("/usr/share/zynaddsubfx/banks")
# Folder, what the name of a preset matches, and what it must not match.
SYNTHESIZERS: Tuple[Tuple[Path, str, str], ...] = (
    (LMMS / "TripleOscillator", "", "Drums|Organ|Harmonium|Oboe|Harp|Guitar|Bell|Xylo|Whistle"),
    (LMMS / "BitInvader", "alien|invaders|pad|wah", ""), (LMMS / "LB302", "", ""),
    (LMMS / "Monstro", "", "Bell"), (LMMS / "OpulenZ", "synth|pad|Square|Funky", ""),
    (LMMS / "Organic", "pad|sequencer", ""), (LMMS / "SID", "Bass|Lead|Mad|Pad", ""),
    (LMMS / "Nescaline", "lead", ""), (LMMS / "Watsyn", "", ""),
    (ZYN / "Arpeggios", "", "Organ|Glass"), (ZYN / "Pads", "", "Bell"), (ZYN / "Synth", "", ""),
    (ZYN / "SynthPiano", "", "Soft|Bell|Drop"), (ZYN / "Bass", "nalog|FM|Wah", ""),
    (ZYN / "the_mysterious_bank", "pad|bass|super|pulse|lead|wah|strings", "organ|bell"),
    (ZYN / "olivers-100", "Lead|Pad|Synth|Saw|Square|Crunchy|Flangey", "Bell|Choir|Brass"),
    (ZYN / "Collection", "Lead|Synth|Saw|Square|Sweep|Pad", "Bell|Piano"),
    (ZYN / "Fantasy", "Synth|Pad|Dream", ""), (ZYN / "Dual", "Saw$", "Organ"))
ORGANS: Tuple[Tuple[Path, str, str], ...] = (
    (LMMS / "TripleOscillator", "Organ", ""), (LMMS / "Organic", "organ", ""),
    (LMMS / "OpulenZ", "rgan", ""), (ZYN / "Organ", "rgan", "Synth|Fantasy"),
    (ZYN / "the_mysterious_bank", "organ", "space"), (ZYN / "Collection", "Organ", ""))
PRESETS = {"synthesizer": SYNTHESIZERS, "organ": ORGANS}

BEATS_PER_MINUTE = 120
TICKS_PER_SECOND = 96
LMMS_RATE_HZ = 44100
LMMS_VERSION = "1.2.2"  # Debian 12's
TAIL_S = 1.5
LONGEST_RENDERING_S = 60

Note = Tuple[float, float, int, int]  # begin and duration in seconds, MIDI key, velocity
Element = ElementTree.Element


class Unusable(Exception):
    """A preset that cannot be read or gives no sound."""


def presets_of(label: str) -> List[Path]:
    """The presets that are installed for a label, sorted."""
    found: List[Path] = []
    for folder, wanted, unwanted in PRESETS[label]:
        for path in sorted(folder.glob("*.x[ip][zf]")):
            if re.search(wanted, path.stem) and not (unwanted and re.search(unwanted, path.stem)):
                found.append(path)
    return found


def zyn_track(root: Element) -> Element:
    """ZynAddSubFX keeps instruments; a project wants them as the first part of a whole setting.

    Plugins that take MIDI get LMMS's keys, which are an octave below MIDI's: the base note makes up
    for it.
    """
    track = ElementTree.Element("instrumenttrack", {
        "vol": "100", "pan": "0", "basenote": "45", "fxch": "0", "pitch": "0", "pitchrange": "1",
        "usemasterpitch": "1"})
    instrument = ElementTree.SubElement(track, "instrument", {"name": "zynaddsubfx"})
    plugin = ElementTree.SubElement(instrument, "zynaddsubfx")
    data = ElementTree.SubElement(plugin, "ZynAddSubFX-data", root.attrib)
    part = ElementTree.SubElement(ElementTree.SubElement(data, "MASTER"), "PART", {"id": "0"})
    ElementTree.SubElement(part, "par_bool", {"name": "enabled", "value": "yes"})
    instrument_of_part = root.find("INSTRUMENT")
    if instrument_of_part is None:
        raise Unusable("no INSTRUMENT")
    part.append(instrument_of_part)
    return track


def instrument_track(preset: Path) -> Tuple[Element, str]:
    """What a project says of an instrument, and the version of LMMS that wrote it, by which LMMS
    knows what to bring up to date; Unusable where the file holds none."""
    try:
        data = preset.read_bytes()
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
        root = ElementTree.fromstring(data.strip())  # some begin with an empty line
    except (ElementTree.ParseError, OSError, EOFError, zlib.error, ValueError,
            LookupError) as error:
        raise Unusable(str(error)) from error
    if preset.suffix == ".xiz":
        return zyn_track(root), LMMS_VERSION
    track = root.find(".//instrumenttrack")
    if track is None:
        raise Unusable("no instrumenttrack")
    return track, root.get("creatorversion", LMMS_VERSION)


def project(instrument: Element, version: str, seconds: float, notes: List[Note]) -> bytes:
    """A project of LMMS with one instrument, as a version of it would write it."""
    root = ElementTree.Element("lmms-project", {"type": "song", "version": "1.0",
                                                "creator": "LMMS", "creatorversion": version})
    ElementTree.SubElement(root, "head", {
        "timesig_numerator": "4", "timesig_denominator": "4", "bpm": str(BEATS_PER_MINUTE),
        "masterpitch": "0", "mastervol": "100"})
    song = ElementTree.SubElement(root, "song")
    container = ElementTree.SubElement(song, "trackcontainer", {"type": "song"})
    track = ElementTree.SubElement(container, "track", {"type": "0", "name": "preset",
                                                        "muted": "0", "solo": "0"})
    track.append(instrument)
    pattern = ElementTree.SubElement(track, "pattern", {
        "type": "1", "name": "", "muted": "0", "steps": "16", "pos": "0",
        "len": str(round(seconds * TICKS_PER_SECOND))})
    for time_s, duration_s, key, velocity in notes:
        ElementTree.SubElement(pattern, "note", {
            "pos": str(round(time_s * TICKS_PER_SECOND)), "pan": "0",
            "len": str(max(1, round(duration_s * TICKS_PER_SECOND))),
            # LMMS's keys are an octave below MIDI's, its loudness is in hundredths.
            "key": str(max(0, key - 12)), "vol": str(round(velocity / 1.27))})
    return b"<?xml version=\"1.0\"?>\n<!DOCTYPE lmms-project>\n" + ElementTree.tostring(root)


def play(content: bytes) -> np.ndarray:
    """A project as sound, mono float32 at LMMS_RATE_HZ; Unusable where lmms fails, as it does on
    some presets."""
    with tempfile.TemporaryDirectory() as folder:
        song, wav = Path(folder) / "song.mmp", Path(folder) / "song.wav"
        song.write_bytes(content)
        root = ["--allowroot"] if os.geteuid() == 0 else []
        try:
            subprocess.run(["lmms", *root, "render", str(song), "-o", str(wav), "-f", "wav",
                            "-s", str(LMMS_RATE_HZ)], check=True, timeout=LONGEST_RENDERING_S,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": folder})
        except FileNotFoundError as error:
            raise Refused("lmms is not installed (Debian's packages lmms and zynaddsubfx-data)"
                          ) from error
        except subprocess.CalledProcessError as error:
            raise Unusable(f"lmms ended with status {error.returncode}") from error
        except subprocess.TimeoutExpired as error:
            raise Unusable(f"lmms took over {LONGEST_RENDERING_S} s") from error
        if not wav.exists():
            raise Unusable("lmms wrote nothing")
        try:
            samples, rate_hz = soundfile.read(wav, dtype="float32", always_2d=True)
        except RuntimeError as error:
            raise Unusable(f"lmms wrote no sound: {error}") from error
    if rate_hz != LMMS_RATE_HZ:
        raise Unusable(f"lmms wrote {rate_hz} Hz")
    return samples.mean(axis=1)


def phrases(label: str, seconds: float, random: np.random.Generator) -> List[Note]:
    """The notes of some phrases that begin before `seconds`."""
    return [note for note in compose(label, seconds, random, 7.0).notes if note[0] < seconds]


def sound_of(preset: Path, seconds: float, notes: List[Note]) -> np.ndarray:
    """A preset playing, float32 at RATE_HZ with a peak of 0.9; Unusable where it does not."""
    count = int((seconds + TAIL_S) * LMMS_RATE_HZ)
    sound = play(project(*instrument_track(preset), seconds + TAIL_S, notes))[:count]
    scaled = at_peak(sound, LMMS_RATE_HZ)
    if scaled is None:
        raise Unusable("it does not sound")
    return scaled


def render(label: str, presets: List[Path], seconds: float, seed: int) -> np.ndarray:
    """Phrases on each preset, int16; what does not work is left out and named."""
    random = np.random.default_rng([seed, zlib.crc32(label.encode())])
    parts: List[np.ndarray] = []
    for preset in tqdm(presets, desc=label, unit="preset"):
        notes = phrases(label, seconds, random)
        try:
            parts.append(sound_of(preset, seconds, notes))
        except Unusable as error:
            tqdm.write(f"{preset}: left out: {error}")
    if not parts:
        raise Refused(f"{label}: no preset sounds")
    return to_int16(np.concatenate(parts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate results")
    parser.add_argument("--seconds", type=float, default=12.0, help="per preset")
    parser.add_argument("--seed", type=int, default=1, help="of the phrases")
    arguments = parser.parse_args()
    folder = arguments.work / "renders" / "lmms"
    with refusals("presets"):
        for root, package in ((LMMS, "lmms-common"), (ZYN, "zynaddsubfx-data")):
            if not root.is_dir():
                raise Refused(f"{root}: there is no such folder (Debian's package {package})")
        for label in PRESETS:
            path, found = folder / f"{label}.npy", presets_of(label)
            inputs = digest([(str(preset), file_size(preset)) for preset in found],
                            arguments.seconds, arguments.seed)
            if is_made_from(path, inputs):
                continue
            discard_render(path)
            folder.mkdir(parents=True, exist_ok=True)
            samples = render(label, found, arguments.seconds, arguments.seed)
            save_made_from(path, samples, inputs)
            sounded = round(samples.size / RATE_HZ / (arguments.seconds + TAIL_S))
            print(f"{label}: {sounded} of {len(found)} presets")


if __name__ == "__main__":
    main()
