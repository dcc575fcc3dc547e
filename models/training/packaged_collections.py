"""Which recordings packages of Debian's and npm's bring along, and what sounds in each.

Single files were chosen by ear and by what the pretrained start makes of them; what is not in the
tables is left out.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Callable, Dict, Iterator, NamedTuple, Tuple

import numpy as np
import soundfile

from .prepare import decode, to_rate

GCOMPRIS = Path("/usr/share/gcompris-qt/rcc")
FRETS = Path("/usr/share/games/fretsonfire/data/songs")
DRUMKITS = Path("/usr/share/hydrogen/data/drumkits")
RESOURCE_FOLDER = 2  # flag of a node in Qt's resource format

# Names of gcompris that differ from the labels; what is in neither is "percussion".
GCOMPRIS_LABELS = {
    "accordion": "accordion", "banjo": "banjo", "cello": "cello", "clarinet": "clarinet",
    "drum_kit": "drums", "snare_drum": "drums", "bongo": "drums", "cymbal": "drums",
    "electric_guitar": "electric_guitar", "flute_traversiere": "flute", "guitar": "acoustic_guitar",
    "organ": "organ", "piano": "piano",
    "saxophone": "saxophone", "trombone": "trombone", "trumpet": "trumpet", "violin": "violin",
    "harmonica": "harmonica", "harp": "harp", "horn": "french_horn", "tuba": "tuba",
    "timpani": "timpani"}

ALPHABET = Path("/usr/share/qabcs/abcs/all/noises")
ALPHABET_LABELS = {
    "accordion": "accordion", "squeezebox": "accordion", "cello": "cello", "clarinet": "clarinet",
    "drums": "drums", "quarter_note": "drums", "bass_drum": "drums", "cymbals": "drums",
    "changu": "drums",
    "electric_guitar": "electric_guitar", "flute": "flute", "western_concert_flute": "flute",
    "grand_piano": "piano", "guitar": "acoustic_guitar", "saxophone": "saxophone",
    "trumpet": "trumpet", "ukulele": "ukulele", "violin": "violin",
    "xylophone": "mallet_percussion",
    "bagpipes": "bagpipe", "dulzaina": "bagpipe", "zurna": "shanai", "rozhok": "bagpipe",
    "zhaleyka": "bagpipe", "oboe": "oboe", "natural_horn": "french_horn", "harmonica": "harmonica",
    "harp": "harp", "lute": "lute", "zither": "zither", "yangqin": "zither", "yueqin": "lute",
    "topshuur": "lute", "timpani": "timpani", "maracas": "percussion",
    "ipu": "percussion", "slit_drum": "percussion", "hang": "percussion"}
STUDIO = Path("/usr/share/lmms/samples")
STUDIO_LABELS = {
    "instruments/bassslap01": "bass", "instruments/bassslap02": "bass",
    "instruments/church_organ03": "organ", "instruments/church_organ04": "organ",
    "instruments/piano01": "piano", "instruments/violin_double_stop01": "violin",
    "instruments/violin_fingered01": "violin", "instruments/steel_guitar01": "acoustic_guitar",
    "latin/latin_guitar01": "acoustic_guitar", "latin/latin_guitar02": "acoustic_guitar",
    "latin/latin_guitar03": "acoustic_guitar",
    **{f"beats/{name}": "drums" for name in (
        "909beat01", "break01", "break02", "break03", "electro_beat01", "electro_beat02",
        "house_loop01", "jungle01", "rave_hihat01", "rave_hihat02", "rave_kick01", "rave_snare01")},
    **{f"basses/{name}": "synthesizer" for name in ("synth_acid01", "synth_acid02",
                                                    "techno_synth01")},
    **{f"bassloops/{name}": "synthesizer" for name in (
        "tb303_01", "techno_synth01", "techno_synth02", "techno_synth03", "techno_synth04")},
    **{f"stringsnpads/{name}": "synthesizer" for name in (
        "heaven_strings01", "juno_pad01", "korg_poly6_drone01", "nord_ambient01", "orion_string01",
        "space_strings01", "space_strings02", "space_strings03")}}
STAMPS = Path("/usr/share/tuxpaint/stamps/hobbies/music")
STAMP_LABELS = {"string/violin": "violin", "wind/bassoon": "bassoon", "percussion/drumkit": "drums",
                "percussion/drum_tomtom_floor": "drums", "percussion/cymbal_crash": "drums"}
STRUMS = DRUMKITS / "belofilms_GuitarStrums"
STRUMS_S = 12
# Notes in packages of npm (tonejs-instrument-NAME-mp3, CC BY 3.0). Left out are those that clips of
# `prepare` hold already, and the saxophone, which the pretrained start takes for a siren.
SAMPLER_LABELS = {
    "cello": "cello", "clarinet": "clarinet", "contrabass": "bass", "flute": "flute",
    "guitar-nylon": "acoustic_guitar", "organ": "organ", "trombone": "trombone",
    "trumpet": "trumpet", "bassoon": "bassoon", "french-horn": "french_horn", "harp": "harp",
    "tuba": "tuba"}
PROMPTS = Path("/usr/share/asterisk/sounds")
DIALOGUES = Path("/usr/share/games/fillets-ng/sound")
SHORTEST_SPEECH_S = 1.5
PROMPTS_PER_VOICE = 120
# Music without labels: what is kept of every piece.
SCORES = {"wesnoth": Path("/usr/share/games/wesnoth/1.16/data/core/music"),
          "hyperrogue": Path("/usr/share/hyperrogue/music"),
          "fillets": Path("/usr/share/games/fillets-ng/music")}
EXCERPT_S = 60


class Clip(NamedTuple):
    """One recording, mono float32 at RATE_HZ."""

    samples: np.ndarray
    label: str  # a label, the name of a neighbour, or "?"
    kind: str
    source: str
    name: str


def resource_files(path: Path) -> Dict[str, bytes]:
    """The uncompressed files of a Qt resource file, by name (format versions 1 to 3)."""
    data = path.read_bytes()
    if data[:4] != b"qres":
        raise ValueError(f"{path}: not a Qt resource file")
    version, tree, contents, names = struct.unpack(">IIII", data[4:20])
    size = 22 if version >= 2 else 14
    files: Dict[str, bytes] = {}

    def visit(number: int) -> None:
        node = tree + number * size
        name_offset, flags = struct.unpack(">IH", data[node:node + 6])
        if flags & RESOURCE_FOLDER:
            count, first = struct.unpack(">II", data[node + 6:node + 14])
            for child in range(first, first + count):
                visit(child)
        elif flags == 0:
            begin = contents + struct.unpack(">I", data[node + 10:node + 14])[0]
            length = struct.unpack(">I", data[begin:begin + 4])[0]
            place = names + name_offset
            characters = struct.unpack(">H", data[place:place + 2])[0]
            name = data[place + 6:place + 6 + 2 * characters].decode("utf-16-be")
            files[name] = data[begin + 4:begin + 4 + length]

    visit(0)
    return files


def gcompris_clips() -> Iterator[Clip]:
    for resource, fixed in (("instruments", ""), ("explore_world_music", "?")):
        for name, content in sorted(resource_files(GCOMPRIS / f"{resource}.rcc").items()):
            if not name.endswith(".ogg"):
                continue
            sound, rate = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
            label = fixed or GCOMPRIS_LABELS.get(name[:-4], "percussion")
            yield Clip(to_rate(sound.mean(axis=1), rate), label, "phrase", "gcompris", name)


def frets_clips() -> Iterator[Clip]:
    for path in sorted(FRETS.glob("*/*/*.ogg")):
        sound, rate = decode(path)
        name = f"{path.parent.name}/{path.name}"
        # Both tracks are the length of the song; the guitar is silent for long stretches.
        label = "electric_guitar" if path.name == "guitar.ogg" else "?"
        yield Clip(to_rate(sound, rate), label, "phrase", "fretsonfire", name)


def drumkit_clips() -> Iterator[Clip]:
    for path in sorted(DRUMKITS.glob("*/*")):
        if path.suffix.lower() not in (".wav", ".flac", ".aiff", ".ogg") or STRUMS in path.parents:
            continue
        sound, rate = decode(path)
        if 0.02 * rate < sound.size < 8 * rate:
            yield Clip(to_rate(sound, rate), "drums", "note", f"hydrogen-{path.parent.name}",
                       path.name)


def table_clips(folder: Path, labels: Dict[str, str], source: str) -> Iterator[Clip]:
    """The files that a table names; one that a later version of the package lacks is left out."""
    for name, label in labels.items():
        path = folder / f"{name}.ogg"
        if path.exists():
            sound, rate = decode(path)
            yield Clip(to_rate(sound, rate), label, "phrase", source, path.name)


def strum_clips() -> Iterator[Clip]:
    """Some strums of some chords, lest one guitar outnumbers all others."""
    for path in sorted(STRUMS.glob("*.flac"))[::10]:
        sound, rate = decode(path)
        yield Clip(to_rate(sound[:STRUMS_S * rate], rate), "acoustic_guitar", "phrase",
                   "hydrogen-strums", path.name)


def sampler_clips(modules: Path) -> Iterator[Clip]:
    """The notes of every sampler that is installed in npm's folder `modules`."""
    for name, label in SAMPLER_LABELS.items():
        for path in sorted(modules.glob(f"tonejs-instrument-{name}-mp3/*.mp3")):
            sound, rate = decode(path)
            yield Clip(to_rate(sound, rate), label, "note", "tonejs-samplers", path.name)


def speech_clips() -> Iterator[Clip]:
    """Prompts of telephone exchanges (8 kHz) in five languages, and actors of a game."""
    voices = [sorted(folder.glob("*.wav")) for folder in sorted(PROMPTS.glob("*_*"))]
    voices.append(sorted(DIALOGUES.glob("*/en/*.ogg")))
    for paths in voices:
        kept = 0
        for path in paths:
            if kept == PROMPTS_PER_VOICE or soundfile.info(path).duration < SHORTEST_SPEECH_S:
                continue
            sound, rate = decode(path)
            kept += 1
            yield Clip(to_rate(sound, rate), "speech", "phrase", "speech", path.name)


def score_clips(name: str) -> Iterator[Clip]:
    """The middle of every piece."""
    for path in sorted(SCORES[name].glob("*.ogg")):
        with soundfile.SoundFile(path) as file:
            length = min(file.frames, EXCERPT_S * file.samplerate)
            file.seek((file.frames - length) // 2)
            sound = file.read(length, dtype="float32", always_2d=True).mean(axis=1)
            rate = file.samplerate
        yield Clip(to_rate(sound, rate), "?", "music", name, path.name)


# Debian's package, a place that is there once it is installed, and its clips.
Collection = Tuple[str, Path, Callable[[], Iterator[Clip]]]
COLLECTIONS: Tuple[Collection, ...] = (
    ("gcompris-qt-data", GCOMPRIS, gcompris_clips),
    ("fretsonfire-songs-*", FRETS, frets_clips),
    ("hydrogen-drumkits", DRUMKITS, drumkit_clips),
    ("qabcs-data", ALPHABET, lambda: table_clips(ALPHABET, ALPHABET_LABELS, "qabcs")),
    ("lmms-common", STUDIO, lambda: table_clips(STUDIO, STUDIO_LABELS, "lmms")),
    ("tuxpaint-stamps-default", STAMPS, lambda: table_clips(STAMPS, STAMP_LABELS, "tuxpaint")),
    ("hydrogen-drumkits-effects", STRUMS, strum_clips),
    ("asterisk-core-sounds-*-wav", PROMPTS, speech_clips),
    ("wesnoth-1.16-music", SCORES["wesnoth"], lambda: score_clips("wesnoth")),
    ("hyperrogue-music", SCORES["hyperrogue"], lambda: score_clips("hyperrogue")),
    ("fillets-ng-data", SCORES["fillets"], lambda: score_clips("fillets")))
