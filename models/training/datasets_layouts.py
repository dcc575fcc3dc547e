"""The layouts that data sets have on disk, each read into clips, and what their classes mean.

IRMAS, OpenMIC-2018 and Medley-solos-DB as mirdata reads them (mirdata/datasets/irmas.py,
openmic2018.py and medley_solos_db.py of github.com/mir-dataset-loaders/mirdata), OpenMIC-2018 also
as github.com/cosmir/openmic-2018 writes it; NSynth as magenta.tensorflow.org/datasets/nsynth
describes it. Each loader's docstring is the protocol by which its figures are measured;
`evaluate --dataset` prints it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, FrozenSet, List, Optional

from .datasets import Clip, Layout, Meaning, Statement, identity, make_clip
from .datasets_openmic import OPENMIC, openmic
from .datasets_tables import Refused, Row, read_json, read_lines, read_table, seconds
from .labels import LABELS

IRMAS: Dict[str, Meaning] = {
    "cel": Meaning(("cello",)), "cla": Meaning(("clarinet",)), "flu": Meaning(("flute",)),
    "gac": Meaning(("acoustic_guitar",)), "gel": Meaning(("electric_guitar",)),
    "org": Meaning(("organ",)), "pia": Meaning(("piano",)), "sax": Meaning(("saxophone",)),
    "tru": Meaning(("trumpet",)), "vio": Meaning(("violin",)),
    "voi": Meaning(("voice",), remark="singing"),
}
NSYNTH: Dict[str, Meaning] = {
    "bass": Meaning(("bass",), False, "dubious: most are synthetic"),
    "brass": Meaning(("trombone", "trumpet"), False, "dubious: also horn and tuba"),
    "flute": Meaning(("flute",)),
    "guitar": Meaning(("acoustic_guitar", "electric_guitar"), False,
                      "either; acoustic and electronic sources tell which"),
    "keyboard": Meaning(("piano",), False, "dubious: also electric pianos, harpsichord"),
    "mallet": Meaning(("mallet_percussion",)),
    "organ": Meaning(("organ",)),
    "reed": Meaning(("clarinet", "saxophone"), False, "dubious: also oboe and bassoon"),
    "string": Meaning(("cello", "violin"), False, "dubious: also viola and double bass"),
    "synth_lead": Meaning(("synthesizer",)),
    "vocal": Meaning(("voice",)),
}
# Where the source says more than the family: (family, source) and the one label.
NSYNTH_SOURCES = {("guitar", "acoustic"): "acoustic_guitar",
                  ("guitar", "electronic"): "electric_guitar",
                  ("keyboard", "acoustic"): "piano",
                  ("bass", "acoustic"): "bass", ("bass", "electronic"): "bass"}
MEDLEY: Dict[str, Meaning] = {
    "clarinet": Meaning(("clarinet",)),
    "distorted electric guitar": Meaning(("electric_guitar",)),
    "female singer": Meaning(("voice",)), "flute": Meaning(("flute",)),
    "piano": Meaning(("piano",)), "tenor saxophone": Meaning(("saxophone",)),
    "trumpet": Meaning(("trumpet",)), "violin": Meaning(("violin",)),
}
PITCHES = ("C", "Cs", "D", "Ds", "E", "F", "Fs", "G", "Gs", "A", "As", "B")
INDEX_COLUMNS = ("other_instrument", "kind", "split", "source", "original_name")


def others(meanings: Dict[str, Meaning], present: FrozenSet[str]) -> FrozenSet[str]:
    return frozenset(meanings) - present


def irmas(path: Path, split: str) -> List[Clip]:
    """IRMAS: predominant instruments of 11 classes. A clip's probability is the mean over its
    windows of 3 s, one second apart (testing clips last 5 to 20 s, training clips 3 s). Micro and
    macro F1, hamming and mAP count every class that is not named as absent, as the literature does
    (Bosch 2012; Han, Kim and Lee 2017); top-1 is right when the most probable class is named.
    For training, only what is named is known: other instruments may sound behind it."""
    return irmas_training(path) if split == "training" else irmas_testing(path)


def irmas_clip(path: Path, place: str, split: str, named: FrozenSet[str],
               drums: Optional[bool] = None) -> Clip:
    clip = make_clip(IRMAS, Statement(named, others(IRMAS, named)), path, place, split)
    if drums is not None:
        clip.target[LABELS.index("drums")] = int(drums)
        clip.known[LABELS.index("drums")] = True
    return clip


def irmas_training(path: Path) -> List[Clip]:
    root = path if path.name == "IRMAS-TrainingData" else path / "IRMAS-TrainingData"
    if not root.is_dir():
        raise Refused(f"{path}: there is no folder IRMAS-TrainingData")
    clips: List[Clip] = []
    for folder in sorted(part for part in root.iterdir() if part.is_dir()):
        if folder.name not in IRMAS:
            raise Refused(f"{folder}: not a class of IRMAS ({', '.join(IRMAS)})")
        for file in sorted(folder.glob("*.wav")):
            tags = re.findall(r"\[([a-z_]+)\]", file.name)
            if folder.name not in tags:
                raise Refused(f"{file}: the name does not carry [{folder.name}], its folder")
            drums = True if "dru" in tags else False if "nod" in tags else None
            clips.append(irmas_clip(file, str(file), "training", frozenset([folder.name]), drums))
    return clips


def irmas_testing(path: Path) -> List[Clip]:
    roots = [path] if "TestingData" in path.name else sorted(path.glob("*TestingData*"))
    if not roots:
        raise Refused(f"{path}: there is no folder IRMAS-TestingData-Part1, -Part2 or -Part3")
    clips: List[Clip] = []
    for text in sorted(file for root in roots for file in root.rglob("*.txt")):
        sound = text.with_suffix(".wav")
        if not sound.exists() and text.name.lower().startswith("readme"):
            continue
        lines = read_lines(text)
        for place, name in lines:
            if name not in IRMAS:
                raise Refused(f"{place}: unknown label {name!r}")
        if not lines:
            raise Refused(f"{text}: names no label")
        named = frozenset(name for _, name in lines)
        clips.append(irmas_clip(sound, str(text), "testing", named))
    sounds = {file for root in roots for file in root.rglob("*.wav")}
    alone = sorted(sounds - {clip.path for clip in clips})
    if alone:
        raise Refused(f"{alone[0]}: there is no {alone[0].with_suffix('.txt').name} beside it")
    return clips


def nsynth(path: Path, split: str) -> List[Clip]:
    """NSynth: single notes of 4 s, one of 11 families each. A clip's probability is the mean over
    its two windows; a family's is that of its most probable label. Top-1 over the families is the
    accuracy of the literature. What brass, reed and string notes are is not said, so that they
    give no target for training; nor does a guitar, bass or keyboard whose source is synthetic."""
    folder = path if path.name == f"nsynth-{split}" else path / f"nsynth-{split}"
    table = folder / "examples.json"
    clips: List[Clip] = []
    for key, note in read_json(table).items():
        place = f"{table}, {key!r}"
        if not isinstance(note, dict) or Path(key).name != key:
            raise Refused(f"{place}: not the name and object of a note")
        family, source = note.get("instrument_family_str"), note.get("instrument_source_str")
        if not isinstance(family, str) or family not in NSYNTH:
            raise Refused(f"{place}: unknown instrument_family_str {family!r}")
        clips.append(nsynth_clip(folder, place, split, key, note, family, str(source)))
    return clips


def nsynth_clip(folder: Path, place: str, split: str, key: str, note: Dict[str, object],
                family: str, source: str) -> Clip:
    present = frozenset([family])
    meanings = dict(NSYNTH)
    if (family, source) in NSYNTH_SOURCES:
        meanings[family] = Meaning((NSYNTH_SOURCES[family, source],))
    elif source == "synthetic" and family != "synth_lead":
        meanings[family] = Meaning((*NSYNTH[family].labels, "synthesizer"), False)
    pitch = note.get("pitch")
    name = key
    if isinstance(pitch, int) and 0 <= pitch < 128:  # the name tells `mix` the pitch
        name = f"{key}_{PITCHES[pitch % 12]}{pitch // 12 - 1}"
    said = Statement(present, others(NSYNTH, present), alone=True)
    return make_clip(meanings, said, folder / "audio" / f"{key}.wav", place, split, name)


def medley_solos(path: Path, split: str) -> List[Clip]:
    """Medley-solos-DB: solos of 3 s, one of 8 instruments each. One window a clip; top-1 over the
    classes is the accuracy of the literature (Lostanlen and Cella 2016). Nothing else sounds in a
    clip, so that every label is known for training."""
    name = "Medley-solos-DB_metadata.csv"
    table = next((folder / name for folder in (path, path / "annotation")
                  if (folder / name).exists()), path / name)
    folders = [folder for folder in (path / "audio", path / "Medley-solos-DB") if folder.is_dir()]
    clips: List[Clip] = []
    for row in read_table(table, ("subset", "instrument", "instrument_id", "song_id", "uuid4")):
        values = row.values
        instrument = values["instrument"]
        if instrument not in MEDLEY:
            raise Refused(f"{row.place}: unknown label {instrument!r}")
        if values["instrument_id"].strip() != str(list(MEDLEY).index(instrument)):
            raise Refused(f"{row.place}: instrument_id {values['instrument_id']!r} is not that of "
                          f"{instrument}")
        if values["subset"] not in ("training", "validation", "test"):
            raise Refused(f"{row.place}: unknown subset {values['subset']!r}")
        if values["subset"] != split:
            continue
        file = medley_file((folders or [path])[0], values)
        said = Statement(frozenset([instrument]), others(MEDLEY, frozenset([instrument])),
                         alone=True)
        clips.append(make_clip(MEDLEY, said, file, row.place, split))
    return clips


def medley_file(folder: Path, values: Dict[str, str]) -> Path:
    name = (f"Medley-solos-DB_{values['subset']}-{values['instrument_id'].strip()}_"
            f"{values['uuid4'].strip()}.wav")
    twice = folder / f"{name}.wav"  # so in the first release
    return twice if twice.exists() and not (folder / name).exists() else folder / name


def own_table(path: Path, split: str) -> List[Clip]:
    """A CSV of your own with the columns file (beside the CSV, or absolute), labels (Tutti's,
    joined by |, or none; ? where they are not known) and, if you like, start_s and duration_s; the
    other columns of Tutti's index are allowed. A clip's probability is the mean over its windows of
    3 s, one second apart. Labels that are not named are absent."""
    path = path / "index.csv" if path.is_dir() else path
    clips = [table_clip(path.parent, row) for row in
             read_table(path, ("file", "labels"), ("start_s", "duration_s", *INDEX_COLUMNS))]
    return clips if split == "all" else [clip for clip in clips if clip.split == split]


def table_clip(folder: Path, row: Row) -> Clip:
    values = row.values
    meanings = identity()
    names = [name.strip() for name in values["labels"].split("|")]
    said = Statement(frozenset(), frozenset())
    if names != ["?"]:
        named = frozenset(names if names != ["none"] else [])
        unknown = sorted(named - set(LABELS))
        if unknown:
            raise Refused(f"{row.place}: unknown label {unknown[0]!r}; the labels are "
                          + ", ".join(LABELS) + ", or none")
        said = Statement(named, others(meanings, named), alone=True)
    if not values["file"].strip():
        raise Refused(f"{row.place}: names no file")
    duration_s = seconds(row, "duration_s", None)
    if duration_s == 0.0:
        raise Refused(f"{row.place}: duration_s is 0")
    return make_clip(meanings, said, folder / values["file"].strip(), row.place,
                     values.get("split", ""), values.get("original_name", ""),
                     seconds(row, "start_s", 0.0) or 0.0, duration_s,
                     {name: values[name] for name in INDEX_COLUMNS if name in values})


LAYOUTS: Dict[str, Layout] = {
    "irmas": Layout(irmas, IRMAS, ("testing", "training"), ("training",), "phrase"),
    "openmic": Layout(openmic, OPENMIC, ("test", "train"), ("train",), "phrase"),
    "nsynth": Layout(nsynth, NSYNTH, ("test", "valid", "train"), ("train",), "note"),
    "medley-solos": Layout(medley_solos, MEDLEY, ("test", "validation", "training"),
                           ("training",), "phrase"),
    "csv": Layout(own_table, identity(), ("all",), ("all",), "phrase"),
}


def load_clips_of(name: str, path: Path, split: str) -> List[Clip]:
    """The clips of one split; refused where there are none."""
    if name not in LAYOUTS:
        raise Refused(f"unknown data set {name!r}; there are {', '.join(LAYOUTS)}")
    layout = LAYOUTS[name]
    if split not in layout.splits and name != "csv":
        raise Refused(f"{name} has no split {split!r}, but {', '.join(layout.splits)}")
    if not path.exists():
        raise Refused(f"{path}: there is no such folder or file")
    clips = layout.load(path, split)
    if not clips:
        raise Refused(f"{path}: no clips of the split {split!r}")
    return clips
